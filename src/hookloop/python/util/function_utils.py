"""`python.util.function_utils`: what arguments a function takes, and its name."""

import functools as _functools
import inspect as _inspect

__all__ = ["fn_args", "get_func_code", "get_func_name", "has_kwargs"]


def _called(function):
    """The function or method behind an object with `__call__`."""
    method = getattr(function, "__call__", None)  # noqa: B004
    return method if _inspect.ismethod(method) else function


def fn_args(fn):
    """The names of the arguments that a call gives, as a tuple; without what a `functools.partial` has given."""
    if isinstance(fn, _functools.partial):
        return tuple(name for name in fn_args(fn.func)[len(fn.args) :] if name not in fn.keywords)
    fn = _called(fn)
    names = _inspect.getfullargspec(fn).args
    return tuple(names[1:] if _inspect.ismethod(_inspect.unwrap(fn)) else names)


def has_kwargs(fn):
    """Whether a function takes `**kwargs`.

    Raises:
      TypeError: where it cannot be called.
    """
    if isinstance(fn, _functools.partial):
        fn = fn.func
    elif not callable(fn):
        raise TypeError(f"fn should be a function-like object, but is of type {type(fn)}.")
    return _inspect.getfullargspec(_called(fn)).varkw is not None


def get_func_name(func):
    """The name of a function, "Class.name" of a method, and of another object its class.

    Raises:
      ValueError: where it cannot be called.
    """
    func = _inspect.unwrap(func)
    if not callable(func):
        raise ValueError("Argument must be callable")
    if _inspect.ismethod(func):
        return f"{type(func.__self__).__name__}.{func.__func__.__name__}"
    return func.__name__ if _inspect.isfunction(func) else str(type(func))


def get_func_code(func):
    """The code of a function, a method or an object's `__call__`; None of what has none.

    Raises:
      ValueError: where it cannot be called.
    """
    func = _inspect.unwrap(func)
    if not callable(func):
        raise ValueError("Argument must be callable")
    if _inspect.isfunction(func) or _inspect.ismethod(func):
        return func.__code__
    return getattr(func.__call__, "__code__", None)
