"""`python.util.deprecation`: marks what is deprecated.

Nothing of this package is marked; programs switch the notices off, or mark their own.
"""

import functools
from contextlib import contextmanager

from ...logging import warning

__all__ = ["deprecated", "silence"]

_PRINT_DEPRECATION_WARNINGS = True
_named = set()


def deprecated(date, instructions, warn_once=True):
    """A decorator of functions that names them in the log when they are called.

    Args:
      date: when they go, in words; or None.
      instructions: what to use in their place.
      warn_once: whether at their first call only.
    """

    def decorate(function):
        @functools.wraps(function)
        def called(*args, **kwargs):
            if _PRINT_DEPRECATION_WARNINGS and not (warn_once and called in _named):
                _named.add(called)
                when = "in a future version" if date is None else f"after {date}"
                name = f"{function.__name__} (from {function.__module__})"
                text = f"{name} is deprecated and will be removed {when}.\nInstructions for updating:\n{instructions}"
                warning("%s", text)
            return function(*args, **kwargs)

        return called

    return decorate


@contextmanager
def silence():
    """Without notices inside."""
    global _PRINT_DEPRECATION_WARNINGS
    before, _PRINT_DEPRECATION_WARNINGS = _PRINT_DEPRECATION_WARNINGS, False
    try:
        yield
    finally:
        _PRINT_DEPRECATION_WARNINGS = before
