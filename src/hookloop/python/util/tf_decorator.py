"""`python.util.tf_decorator`: decorated functions that know what they decorate."""

import functools as _functools

__all__ = ["make_decorator", "unwrap"]


def make_decorator(target, decorator_func, decorator_name=None, decorator_doc="", decorator_argspec=None):
    """Gives a function the name, text and signature of what it decorates.

    Args:
      target: what is decorated.
      decorator_func: the function that takes its place.
      decorator_name, decorator_doc, decorator_argspec: accepted.
    """
    return _functools.update_wrapper(decorator_func, target)


def unwrap(maybe_tf_decorator):
    """(the decorated functions from the outermost on, what all of them decorate)."""
    decorators, target = [], maybe_tf_decorator
    while hasattr(target, "__wrapped__"):
        decorators.append(target)
        target = target.__wrapped__
    return decorators, target
