"""The values that stand for a session's variables in a plan: their shapes, which nodes tell or do not."""

from __future__ import annotations

import math

from ..ops.variable_key import check_variable_type, type_of_elements
from ..shapes import as_shape
from .ir import VARIABLE, Buffer, Instr, Value
from .one_branch import to_decide
from .sizes import Size

__all__ = ["assign_shape", "check_handles", "new_variable", "shape_now"]


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


def assign_shape(lowerer, node, context, target):
    """An assignment to a variable of open shape makes room first; the others only check."""
    value = lowerer.settled(node.inputs[1], node)
    static = target.shape is not None and not any(isinstance(d, Size) for d in target.shape)
    validate = node.attrs.get("validate_shape", True)
    key = target.buffer.source
    if static and not validate:
        lowerer.loosened.add(key)
    declared = lowerer.declared[key]
    if validate and declared.ndims is not None:
        if declared.ndims != len(value.shape):
            raise ValueError(
                f"Assign requires shapes of both tensors to match. lhs shape= {shape_now(lowerer, target)} "
                f"rhs shape= [{', '.join(map(str, lowerer._at_hand(value.shape)))}]"
            )
        if declared.is_fully_defined():
            context.merge_shapes(value.shape, target.shape)
            return target
        for size, known in zip(value.shape, declared.as_list()):
            context.merge(size, size if known is None else known)
    group = lowerer.sizes.new_group()
    fresh = [lowerer.sizes.fresh(group) for _ in value.shape]
    sources = [lowerer.sizes.register(d) for d in value.shape]
    offset = 0 if fresh else lowerer.sizes.fresh(group)  # what has no new size would not look for the variable again
    defined = fresh or [offset]
    registers = [*(sources or [lowerer.sizes.register(0)]), *(s.register for s in defined)]
    lowerer.append(Instr("copy_sizes", (), (), registers, node.index, effect=True, defines=defined))
    index = ("variable", target.buffer.source)
    grow = Instr("reshape_variable", (), (), (index, *sources), node.index, effect=True)
    grow.writes_variable = True
    lowerer.append(grow)
    lowerer.resize(defined)
    buffer = Buffer(VARIABLE, target.dtype, math.prod(fresh), target.buffer.source)
    grown = Value(target.dtype, tuple(fresh), buffer, offset=offset)
    lowerer.superseded[target.buffer] = (
        lowerer.block,
        grown,
        to_decide(lowerer, lowerer.around) if lowerer.around else None,
    )
    return grown


def check_handles(op, inputs):
    """Refuses an op that was made for another type than the variables of which it takes the handles."""
    for tensor, value in zip(op.inputs, inputs):
        if value.buffer is not None and value.buffer.kind == VARIABLE and tensor.dtype.name == "resource":
            check_variable_type(op, value.dtype)
