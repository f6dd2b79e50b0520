"""Control flow: conditionals and loops, under one name."""

from .conditional import case, cond
from .while_loop import while_loop

__all__ = ["case", "cond", "while_loop"]
