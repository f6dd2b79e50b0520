"""Control flow: conditionals and loops, under one name."""

from .conditional import case, cond, switch_case
from .while_loop import while_loop

__all__ = ["case", "cond", "switch_case", "while_loop"]
