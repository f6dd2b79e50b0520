"""Arguments that hold for all calls of chosen functions inside a `with` block."""

from __future__ import annotations

import functools
import inspect
from contextlib import contextmanager

__all__ = [
    "add_arg_scope",
    "arg_scope",
    "arg_scope_func_key",
    "arg_scoped_arguments",
    "current_arg_scope",
    "has_arg_scope",
]

_scopes: list[dict] = [{}]  # the innermost last: key of a function -> its arguments
_decorated: dict = {}  # key of a function -> the names of its arguments that have defaults


def arg_scope_func_key(op):
    """The key under which scopes keep the arguments of a function."""
    return getattr(op, "_key_op", str(op))


def current_arg_scope():
    """The arguments that hold now: a dictionary, key of a function -> dictionary of its arguments."""
    return _scopes[-1]


@contextmanager
def arg_scope(list_ops_or_scope, **kwargs):
    """Gives functions arguments for all their calls inside; what a call says itself goes before that.

    Args:
      list_ops_or_scope: a list of functions that are decorated with `add_arg_scope`; or what another `arg_scope` has given, which holds
        again.
      **kwargs: the arguments. Those of the scopes around hold, too.

    Yields:
      The arguments that hold inside.

    Raises:
      TypeError: for something else than a list or a scope.
      ValueError: a function is not decorated; or there are arguments beside a scope.
    """
    if isinstance(list_ops_or_scope, dict):
        if kwargs:
            raise ValueError("When attempting to re-use a scope by suppling a dictionary, kwargs must be empty.")
        scope = list_ops_or_scope.copy()
    elif isinstance(list_ops_or_scope, (list, tuple)):
        scope = current_arg_scope().copy()
        for op in list_ops_or_scope:
            if not has_arg_scope(op):
                raise ValueError(f"{(op.__module__, op.__name__)} is not decorated with @add_arg_scope")
            key = arg_scope_func_key(op)
            scope[key] = {**scope.get(key, {}), **kwargs}
    else:
        raise TypeError("list_ops_or_scope must either be a list/tuple or reused scope (i.e. dict)")
    _scopes.append(scope)
    try:
        yield scope
    finally:
        _scopes.pop()


def add_arg_scope(func):
    """A decorator of functions whose arguments an `arg_scope` may give."""
    key = arg_scope_func_key(func)

    @functools.wraps(func)
    def called(*args, **kwargs):
        return func(*args, **{**current_arg_scope().get(key, {}), **kwargs})

    _decorated[key] = _names_with_defaults(func)
    called._key_op = key
    return called


def _names_with_defaults(func):
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    arguments = inspect.signature(func).parameters.values()
    return tuple(a.name for a in arguments if a.kind in positional and a.default is not a.empty)


def has_arg_scope(func):
    """Whether a function is decorated with `add_arg_scope`."""
    return arg_scope_func_key(func) in _decorated


def arg_scoped_arguments(func):
    """The names of a decorated function's arguments that have defaults, a tuple.

    Raises:
      AssertionError: it is not decorated.
    """
    if not has_arg_scope(func):
        raise AssertionError(f"{func} is not decorated with @add_arg_scope")
    return _decorated[arg_scope_func_key(func)]
