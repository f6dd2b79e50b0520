"""Python's operators on tensors, under the names that TensorFlow 1.15 gives to their nodes."""

from __future__ import annotations

from .._core import name_scope
from ..dtypes import string
from ..graph.tensor import Tensor
from . import linalg, math, math_unary, slicing
from .build import apply_op, convert_to_tensor

OVERLOADABLE_OPERATORS = (
    "__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__div__", "__rdiv__",
    "__truediv__", "__rtruediv__", "__floordiv__", "__rfloordiv__", "__mod__", "__rmod__", "__lt__",
    "__le__", "__gt__", "__ge__", "__and__", "__rand__", "__or__", "__ror__", "__xor__", "__rxor__",
    "__getitem__", "__pow__", "__rpow__", "__invert__", "__neg__", "__abs__", "__matmul__",
    "__rmatmul__",
)  # fmt: skip


def _node(type):
    """A function(x, y, name) that adds one node of this type."""
    return lambda x, y, name: apply_op(type, [x, y], name=name)


def _add(x, y, name):
    return apply_op("Add" if x.dtype.base_dtype is string else "AddV2", [x, y], name=name)


def _named(function):
    """A function(x, y, name) out of one that takes the name as a keyword."""
    return lambda x, y, name: function(x, y, name=name)


def _override_binary(operator, function):
    """Makes x.__operator__(y) and its reflection; nodes are named `operator`, constants operator/y or /x."""

    several_nodes = operator == "xor"  # which TensorFlow puts in a scope of their own

    def binary(x, y):
        if y.__class__ is Tensor and y.graph is x.graph and not several_nodes:
            return function(x, y, operator)
        with name_scope(None, operator, (x, y)) as scope:
            try:
                y = convert_to_tensor(y, preferred_dtype=x.dtype.base_dtype, name="y")
            except TypeError:
                if hasattr(type(y), f"__r{operator}__"):
                    return NotImplemented
                raise
            return function(x, y, scope)

    def reflected(y, x):
        with name_scope(None, operator, (y, x)) as scope:
            x = convert_to_tensor(x, y.dtype.base_dtype, name="x")
            return function(x, y, scope)

    Tensor._override_operator(f"__{operator}__", binary)
    Tensor._override_operator(f"__r{operator}__", reflected)


for _operator, _function in {
    "add": _add, "sub": _node("Sub"), "mul": _node("Mul"), "div": _named(math.div), "truediv": _named(math.truediv),
    "floordiv": _node("FloorDiv"), "mod": _node("FloorMod"), "pow": _node("Pow"),
    "and": _node("LogicalAnd"), "or": _node("LogicalOr"), "xor": _named(math.logical_xor), "matmul": _named(linalg.matmul),
}.items():  # fmt: skip
    _override_binary(_operator, _function)

# Comparisons, negation and inversion are named by their types.
for _operator, _type in {
    "lt": "Less",
    "le": "LessEqual",
    "gt": "Greater",
    "ge": "GreaterEqual",
}.items():
    Tensor._override_operator(f"__{_operator}__", lambda x, y, _type=_type: apply_op(_type, [x, y]))
Tensor._override_operator("__neg__", lambda x: apply_op("Neg", [x]))
Tensor._override_operator("__invert__", lambda x: apply_op("LogicalNot", [x]))
Tensor._override_operator("__abs__", math_unary.abs)
Tensor._override_operator("__getitem__", slicing.getitem)
# A set of its own, as TensorFlow's: programs that wrap tensors leave names out of it.
Tensor.OVERLOADABLE_OPERATORS = {"__eq__", "__ne__", *OVERLOADABLE_OPERATORS}
