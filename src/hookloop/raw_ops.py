"""`tf.raw_ops`: a function for each op type, under the type's name; arguments are given by their names."""

from __future__ import annotations

from .ops import op_functions

__all__: list[str] = []

_OWN = frozenset(("BranchTaken", "EagerPyFuncGradient"))  # op types that TensorFlow has not


def __getattr__(name):
    if name.startswith("_") or name in _OWN or name not in op_functions.op_types():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    function = globals()[name] = _by_names(name, getattr(op_functions, op_functions.function_name(name)))
    return function


def __dir__():
    return sorted(op_functions.op_types() - _OWN)


def _by_names(op_type, add):
    def function(*args, **kwargs):
        if args:
            raise TypeError(
                f"{op_type} only takes keyword args (possible keys: {add.arguments}). Please pass these args as kwargs instead."
            )
        return add(**kwargs)

    function.__name__ = function.__qualname__ = op_type
    function.__doc__ = add.__doc__
    return function
