"""The values that stand for a session's variables in a plan: their shapes, which nodes tell or do not."""

from __future__ import annotations

from ..ops.variable_key import check_variable_type, type_of_elements
from ..shapes import as_shape
from .ir import VARIABLE, Buffer, Value

__all__ = ["check_handles", "new_variable", "shape_now"]


def new_variable(lowerer, op, key):
    """The value of the variable that a node stands for. Where the session's has another shape than the node tells, the
    variable becomes a loose one: the request is compiled again with a shape that is looked up when the plan is run."""
    request = lowerer.request
    dtype = type_of_elements(op)
    static = as_shape(op.get_attr("shape"))
    dims = request.variable_shape(key)
    lowerer.declared[key] = static
    if key in request.loose:
        static = as_shape(None)
    elif dims is not None and static.is_fully_defined() and tuple(static.as_list()) != dims:
        lowerer.loosened.add(key)
    rank = static.ndims if static.ndims is not None else len(dims) if dims is not None else None
    known = static.as_list() if static.ndims is not None else [None] * (rank or 0)
    fresh = lowerer.sizes.fresh
    shape = [fresh(0, origin=("variable", key, axis)) if dim is None else dim for axis, dim in enumerate(known)]
    if static.ndims is None:
        lowerer.open_ranks[key] = rank
    size = 1
    for dim in shape:
        size = size * dim
    buffer = Buffer(VARIABLE, dtype, size, key)
    return Value(dtype, tuple(shape) if rank is not None else None, buffer)


def shape_now(lowerer, variable):
    """The shape that the session's variable has, or its nodes tell."""
    dims = lowerer.request.variable_shape(variable.buffer.source)
    return list(variable.shape if dims is None else dims)


def check_handles(op, inputs):
    """Refuses an op that was made for another type than the variables of which it takes the handles."""
    for tensor, value in zip(op.inputs, inputs):
        if value.buffer is not None and value.buffer.kind == VARIABLE and tensor.dtype.name == "resource":
            check_variable_type(op, value.dtype)
