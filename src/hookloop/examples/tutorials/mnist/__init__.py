"""`examples.tutorials.mnist`: handwritten digits for tutorials."""

from . import input_data

__all__ = ["input_data"]
