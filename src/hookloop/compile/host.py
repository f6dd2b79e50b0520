"""Lowering of host ops: an instruction that calls Python, and one that takes results whose sizes only it told."""

from __future__ import annotations

from ..shapes import UNKNOWN
from .ir import OBJECT, Buffer, Instr, Value
from .sizes import Size


def lower_host(lowerer, node, context):
    op = node.op
    inputs = [v if _is_object(v) else lowerer.operand(v, None, node) for v in node.inputs]
    outputs, fresh = [], []
    for tensor, shape in zip(op.outputs, _shapes(node, context)):
        outputs.append(_output(lowerer, tensor, shape, fresh))
    index = len(lowerer.hosts)
    lowerer.hosts.append((op, inputs, outputs))
    # Where only the call tells sizes, what depends on them is prepared after it: a second instruction stores the results.
    now = outputs if not fresh else ()
    lowerer.append(Instr("host", inputs, now, (2 * index,), node.index, effect=True, defines=fresh))
    if fresh:
        lowerer.resize(fresh)
        lowerer.append(Instr("host", (), outputs, (2 * index + 1,), node.index, effect=True))
    lowerer.environment.update(zip(op.outputs, outputs))


def _is_object(value):
    return value.buffer is not None and value.buffer.kind == OBJECT


def _output(lowerer, tensor, shape, fresh):
    """A value for an output; sizes that are not known become registers, added to `fresh`."""
    dtype = tensor.dtype.base_dtype
    if dtype.name in ("resource", "variant"):
        return Value(dtype, (), Buffer(OBJECT, dtype, 1, ("host", tensor)))
    if shape is None:
        shape = (None,) * lowerer.request.assumed_rank(tensor)
    dims = []
    for dim in shape:
        if dim is None:
            group = fresh[0].group if fresh else lowerer.sizes.new_group()
            dim = lowerer.sizes.fresh(group)
            fresh.append(dim)
        dims.append(dim)
    if lowerer.is_object(tensor):
        return Value(dtype, tuple(dims), Buffer(OBJECT, dtype, 1, ("host", tensor)))
    return lowerer.allocate(dtype, tuple(dims))


def _shapes(node, context):
    """What is known of the outputs' shapes: from the graph, else from the op's shape function."""
    inferred = _inferred(node, context)
    shapes = []
    for i, tensor in enumerate(node.op.outputs):
        static = tensor._shape
        if static is not None:
            static = tuple(None if d is UNKNOWN else d for d in static)
        found = inferred[i] if inferred is not None else None
        if found is not None and (static is None or None in static):
            static = tuple(d if isinstance(d, (int, Size)) else None for d in found)
        shapes.append(static)
    return shapes


def _inferred(node, context):
    if node.op_def.shape is None or node.op.type == "PyFunc":
        return None
    try:
        shapes = node.op_def.shape(context)
    except (ValueError, TypeError, AttributeError):
        return None  # it works on static shapes only: the graph has what it found
    return [shapes] if isinstance(shapes, tuple) else shapes
