"""New values for a part of a variable: `variable[1:, 0].assign(value)`."""

from __future__ import annotations

import math

import numpy as np

from .. import errors
from ..graph.describe import describe
from . import kinds, slicing
from .build import apply_op, convert_to_tensor
from .mismatches import unlike_part
from .registry import OpDef, no_gradient, register
from .shape_functions import nothing, unchanged

__all__ = []


def _mismatch(op, part, shape):
    return errors.UnimplementedError(None, op, f"{unlike_part(part, shape)} {describe(op)}")


def _fits(c, node, part, shape):
    """Whether a value is of the part's shape: as far as only the run tells, it is checked there.

    TensorFlow takes any value where nothing is written."""
    written = math.prod(part)
    if isinstance(written, int) and written == 0:
        return False
    unlike = len(part) != len(shape) or any(
        isinstance(a, int) and isinstance(b, int) and a != b for a, b in zip(part, shape)
    )
    if unlike and all(isinstance(d, int) for d in part):
        raise _mismatch(node.op, part, c.at_hand(shape))
    c.lowerer.told[node.op] = part
    some = 1 if isinstance(written, int) else c.minimum(written, 1)
    if unlike:
        c.merge(some, 0)
    else:
        for a, b in zip(part, shape):
            c.merge(some * a, some * b)
    return not unlike


def _lower(c, node):
    variable, value = node.inputs[0], node.inputs[4]
    spec = slicing.spec_of(c, variable.shape, 1)
    part = spec.output_shape()
    if not _fits(c, node, part, value.shape):
        return
    seen = c.temp(value.dtype, part)  # where nothing is written the value may have any shape
    c.view(seen, value, c.strides(value), 0)
    if value.buffer is variable.buffer:  # the part is written while the value is read
        own = c.temp(value.dtype, part)
        c.emit("copy", [seen], [own])
        seen = own
    c.emit("copy", [seen], [c.window(variable, part, *slicing.view_of(c, variable, spec))])


def _reference(node, x, begin, end, strides, value):
    found = np.array(x)
    key = slicing.python_key(begin, end, strides, node.attrs)
    part = np.shape(found[key])
    if part != np.shape(value):
        if 0 in part:
            return found
        raise _mismatch(node.op, part, np.shape(value))
    found[key] = value
    return found


_PART = "begin: Index, end: Index, strides: Index, value: T"
_COMMON = {
    "attrs": slicing.NO_MASKS, "types": {"Index": kinds.INDEX}, "lower": _lower, "reference": _reference, "writes": (0,),
    "ranks": {"begin": 1, "end": 1, "strides": 1}, "stateful": True, "gradient": no_gradient,
}  # fmt: skip

register(
    OpDef("StridedSliceAssign", f"ref: Ref(T), {_PART}", "output_ref: Ref(T)", shape=unchanged, **_COMMON),
    OpDef("ResourceStridedSliceAssign", f"ref: resource, {_PART}", "", shape=nothing, **_COMMON),
)


def assign_part(variable, part, value, name=None):
    """Gives the part of a variable that a StridedSlice node takes a new value.

    Args:
      variable: the variable; None where the part is of a tensor that is none.
      part: the node.
      value: of the part's shape.
      name: the node's name.

    Returns:
      The variable after it.

    Raises:
      ValueError: there is no variable.
    """
    if variable is None:
        raise ValueError("Sliced assignment is only supported for variables")
    name = name if name is not None else part.name + "/_assign"
    attrs = {mask: part.get_attr(mask) for mask in slicing.NO_MASKS}
    if variable._is_resource:
        value = convert_to_tensor(value, variable.dtype.base_dtype)
        return variable._after(
            apply_op("ResourceStridedSliceAssign", [variable.handle, *part.inputs[1:], value], attrs, name)
        )
    return apply_op("StridedSliceAssign", [variable._ref(), *part.inputs[1:], value], attrs, name)
