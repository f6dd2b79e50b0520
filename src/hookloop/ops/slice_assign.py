"""New values for a part of a variable: `variable[1:, 0].assign(value)`."""

from __future__ import annotations

import numpy as np

from . import kinds, slicing
from .build import apply_op, convert_to_tensor
from .registry import OpDef, no_gradient, register
from .shape_functions import nothing, unchanged

__all__ = []


def _lower(c, node):
    variable, value = node.inputs[0], node.inputs[4]
    spec = slicing.spec_of(c, variable.shape, 1)
    c.merge_shapes(spec.output_shape(), value.shape)
    if value.buffer is variable.buffer:  # the part is written while the value is read
        own = c.temp(value.dtype, value.shape)
        c.emit("copy", [value], [own])
        value = own
    c.emit("copy", [value], [c.window(variable, value.shape, *slicing.view_of(c, variable, spec))])


def _reference(node, x, begin, end, strides, value):
    found = np.array(x)
    key = slicing.python_key(begin, end, strides, node.attrs)
    if np.shape(found[key]) != np.shape(value):
        raise ValueError(f"shapes {list(np.shape(found[key]))} and {list(np.shape(value))} must be equal")
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
      variable: the variable.
      part: the node.
      value: of the part's shape.
      name: the node's name.

    Returns:
      The variable after it.
    """
    name = name if name is not None else part.name + "/_assign"
    attrs = {mask: part.get_attr(mask) for mask in slicing.NO_MASKS}
    if variable._is_resource:
        value = convert_to_tensor(value, variable.dtype.base_dtype)
        return variable._after(
            apply_op("ResourceStridedSliceAssign", [variable.handle, *part.inputs[1:], value], attrs, name)
        )
    return apply_op("StridedSliceAssign", [variable._ref(), *part.inputs[1:], value], attrs, name)
