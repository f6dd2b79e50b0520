"""`python.util.deprecation`: marks what is deprecated.

Nothing of this package is marked; programs switch the notices off, or mark their own.
"""

import functools
import inspect
from contextlib import contextmanager

import numpy as np

from ...logging import warning

__all__ = ["deprecated", "deprecated_arg_values", "deprecated_args", "deprecated_argument_lookup", "silence"]

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


def deprecated_args(date, instructions, *deprecated_arg_names_or_tuples, warn_once=True):
    """A decorator of functions that names some of their arguments in the log when a call gives them.

    Args:
      date: when they go, in words; or None.
      instructions: what to use in their place.
      deprecated_arg_names_or_tuples: names, or (name, a value that is not named in the log).
      warn_once: whether at the first such call only.

    Raises:
      ValueError: no argument is given, or the function has it not.
    """
    if not deprecated_arg_names_or_tuples:
        raise ValueError("Specify which argument is deprecated.")
    passed = [entry if isinstance(entry, tuple) else (entry,) for entry in deprecated_arg_names_or_tuples]

    def decorate(function):
        signature = inspect.signature(function)
        missing = [name for name, *_ in passed if name not in signature.parameters]
        if missing:
            raise ValueError(
                f"The following deprecated arguments are not present in the function signature: {missing}. "
                f"Found next arguments: {list(signature.parameters)}."
            )

        @functools.wraps(function)
        def called(*args, **kwargs):
            if _PRINT_DEPRECATION_WARNINGS:
                given = _given(signature, args, kwargs)
                for name, *fine in passed:
                    if name in given and not any(_same(given[name], value) for value in fine):
                        _name_argument(function, name, date, instructions, warn_once)
            return function(*args, **kwargs)

        return called

    return decorate


def deprecated_arg_values(date, instructions, warn_once=True, **deprecated_kwargs):
    """A decorator of functions that names an argument in the log when a call gives it a certain value.

    Args:
      date: when they go, in words; or None.
      instructions: what to use in their place.
      warn_once: whether at the first such call only.
      deprecated_kwargs: argument=value.

    Raises:
      ValueError: no argument is given.
    """
    if not deprecated_kwargs:
        raise ValueError("Specify which argument values are deprecated.")

    def decorate(function):
        signature = inspect.signature(function)

        @functools.wraps(function)
        def called(*args, **kwargs):
            if _PRINT_DEPRECATION_WARNINGS:
                given = _given(signature, args, kwargs)
                for name, value in deprecated_kwargs.items():
                    if name in given and given[name] == value:
                        _name_argument(function, f"{name}={value}", date, instructions, warn_once)
            return function(*args, **kwargs)

        return called

    return decorate


def deprecated_argument_lookup(new_name, new_value, old_name, old_value):
    """The value of an argument that has an old name too.

    Raises:
      ValueError: where both were given.
    """
    if old_value is None:
        return new_value
    if new_value is not None:
        raise ValueError(f"Cannot specify both '{old_name}' and '{new_name}'")
    return old_value


def _same(a, b):
    """Whether two arguments are equal; arrays in all of their elements."""
    if a is b:
        return True
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    return a == b


def _given(signature, args, kwargs):
    try:
        return signature.bind(*args, **kwargs).arguments
    except TypeError:  # the call says so itself
        return {}


def _name_argument(function, argument, date, instructions, once):
    if once and (function, argument) in _named:
        return
    _named.add((function, argument))
    when = "in a future version" if date is None else f"after {date}"
    text = f"Calling {function.__name__} (from {function.__module__}) with {argument} is deprecated and will be removed {when}."
    warning("%s\nInstructions for updating:\n%s", text, instructions)


@contextmanager
def silence():
    """Without notices inside."""
    global _PRINT_DEPRECATION_WARNINGS
    before, _PRINT_DEPRECATION_WARNINGS = _PRINT_DEPRECATION_WARNINGS, False
    try:
        yield
    finally:
        _PRINT_DEPRECATION_WARNINGS = before
