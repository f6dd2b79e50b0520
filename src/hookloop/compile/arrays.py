"""Lowering of TensorArrays: an array is one buffer of rows, written and read in place.

The buffer is made with the first write, which tells the shape of a row; its zeros are written in the block
where the array was made, so that a loop that fills it finds it there.
"""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from ..dtypes import as_dtype
from ..ops._host_rows import NO_ROWS, OF_GRADIENTS
from .branch_values import ALWAYS
from .guards import guarded, undecided
from .host import Uneven, array_of
from .ir import OBJECT, STACK, Buffer, Instr, Value, same_shape
from .node import NodeContext
from .sizes import Size


class Array:
    """What is known of an array. Never changed: the lowerer's table gets a new one, so that a loop can be tried again.

    Attributes:
      size: number of rows, an int or a Size; `grows`: one that writes make larger.
      level: how many regions were open around it.
      rows: its buffer as a value and the block of the region that fills it, or None before the first write.
      conditions: what must hold besides where the array is: it is filled only there, where its size is known.
      written: a mark for each row; None of gradients, which add up.
      late: axes of an element whose sizes only the loop tells that writes it: registers, set with the first element.
      begun: the register that tells whether that element was written, as a size; None where no size is late.
      parent: the key of the array whose gradients it holds, or None.
    """

    __slots__ = ("dtype", "size", "level", "rows", "parent", "element", "grows", "written", "late",
                 "begun", "conditions")  # fmt: skip

    def __init__(self, dtype, size, level, rows=None, parent=None, element=None, grows=False, written=None, late=(),
                 begun=None, conditions=ALWAYS):  # fmt: skip
        self.late = late
        self.begun = begun
        self.conditions = conditions
        self.grows = grows
        self.written = written
        self.dtype = dtype
        self.size = size
        self.level = level
        self.rows = rows
        self.parent = parent
        self.element = element


def is_on_host(lowerer, node):
    """Whether an op of TensorArrays is of one that no kernel writes or reads: of texts, or of elements of several shapes."""
    if node.op.type == "TensorArrayV3":
        return node.attrs["dtype"].base_dtype.name == "string" or node.op in lowerer.request.uneven
    return node.inputs[0].buffer is not None and node.inputs[0].buffer.kind == OBJECT


def _regions(lowerer):
    """The blocks of the regions that are open. What looks first whether something is there has a block for each unit, and arrays
    outlive these."""
    if not lowerer.looking:
        return lowerer.open_blocks
    return [block for block in lowerer.open_blocks if not any(block is one for one in lowerer.looking)]


def _handle(lowerer, node, key):
    resource = as_dtype("resource")
    lowerer.environment[node.op.outputs[0]] = Value(resource, (2,), Buffer(STACK, resource, 1, key))


def fetched_handle(tensor):
    """What a program gets that fetches the handle of a TensorArray: bytes that name it, as TensorFlow has them for any resource."""
    return np.frombuffer(tensor.name.encode(), [("resource", np.uint8)])


def handle_as_value(tensor):
    """The handle of a TensorArray as an object that can be fetched."""
    return Value(tensor.dtype, (), Buffer(OBJECT, tensor.dtype, 1, fetched_handle(tensor)))


def _flow(lowerer, tensor):
    lowerer.environment[tensor] = lowerer.literal(np.zeros((), np.float32))


def _make(lowerer, node):
    (size,) = NodeContext(node, lowerer).sizes(0)
    element = node.attrs["element_shape"]
    element = tuple(element.as_list()) if element.is_fully_defined() else None
    grows = bool(node.attrs["dynamic_size"])
    if grows:
        first, size = size, lowerer.sizes.fresh(lowerer.sizes.new_group())
        lowerer.copy_sizes([(first, size)], node)
        lowerer.resize([size])
    missing = undecided(lowerer, lowerer.presence.missing(node.op, node.op._control_flow_context), node.op)
    lowerer.arrays[node.op] = Array(
        node.attrs["dtype"], size, len(_regions(lowerer)) - 1, element=element, grows=grows, conditions=missing
    )
    _handle(lowerer, node, node.op)
    _flow(lowerer, node.op.outputs[1])


def _make_gradient(lowerer, node):
    parent = node.inputs[0].buffer.source
    if lowerer.arrays[parent].parent is not None:
        raise ValueError(OF_GRADIENTS)
    key = ("gradient", parent, node.attrs["source"])
    if key not in lowerer.arrays:
        array = lowerer.arrays[parent]
        lowerer.arrays[key] = Array(
            array.dtype, array.size, array.level, parent=parent, element=array.element, conditions=array.conditions
        )
    _handle(lowerer, node, key)
    _flow(lowerer, node.op.outputs[1])


def _rows(lowerer, node, element=None):
    """The array's buffer; made now, with rows of the shape `element`, where it is not there yet."""
    key = node.inputs[0].buffer.source
    array = lowerer.arrays[key]
    if array.rows is not None and (array.parent is None or _regions(lowerer)[array.level] is array.rows[1]):
        return array.rows[0]
    parent = lowerer.arrays[array.parent] if array.parent is not None else None
    late, begun, told_late = (), None, False
    if parent is not None and parent.rows is not None and parent.rows[1] in lowerer.open_blocks:
        # known before the loop whose gradients are written
        element, late, begun = parent.rows[0].shape[1:], parent.late, parent.begun
    elif element is None:
        element = array.element
    elif len(_regions(lowerer)) - 1 > array.level:
        late = tuple(axis for axis, d in enumerate(element) if isinstance(d, Size) and d.group)
        told_late = bool(late)
    if element is None and array.parent is None:
        raise Uneven(array_of(node.op.inputs[0]))  # the host says what is wrong
    if element is None:
        raise ValueError(
            f"an element of the TensorArray that {node.name!r} reads is not written before; give element_shape"
        )
    block = _regions(lowerer)[array.level]
    with _at_the_end(lowerer, block), guarded(lowerer, array.conditions, node.op):
        if told_late:
            element, begun = _late_sizes(lowerer, node, element, late)
        rows = lowerer.allocate(array.dtype, (array.size, *element))
        written = lowerer.allocate(as_dtype("uint8"), (array.size,)) if array.parent is None else None
        for value in (rows, written):
            if value is not None:
                zero = lowerer.literal(np.zeros((), value.dtype.as_numpy_dtype))
                lowerer.append(Instr("fill", [zero], [value], (), node.index, effect=True))
    lowerer.arrays[key] = Array(
        array.dtype, array.size, array.level, (rows, block), array.parent, element, array.grows, written, late,
        begun, array.conditions,
    )  # fmt: skip
    return rows


@contextmanager
def _at_the_end(lowerer, block):
    """Emits at the end of an open block, before what it gets when the blocks in it are closed."""
    saved = lowerer.block, lowerer.open_blocks, lowerer.looking
    place = next(i for i, one in enumerate(lowerer.open_blocks) if one is block)
    lowerer.block, lowerer.open_blocks = block, lowerer.open_blocks[: place + 1]
    lowerer.looking = [one for one in lowerer.looking if any(one is opened for opened in lowerer.open_blocks)]
    try:
        yield
    finally:
        lowerer.block, lowerer.open_blocks, lowerer.looking = saved


def _late_sizes(lowerer, node, element, late):
    """The shape of elements with registers for the sizes that a loop tells: until then, set in the block of the array, what the graph
    knows of them, or 0. And the register that tells whether one was written."""
    written = node.op.inputs[2].shape
    static = written.as_list()[-len(element) :] if written.ndims else [None] * len(element)
    group = lowerer.sizes.new_group()
    fresh = {axis: lowerer.sizes.fresh(group) for axis in late}
    begun = lowerer.sizes.fresh(group)
    defines = [*fresh.values(), begun]
    first = [lowerer.sizes.constant(static[axis] or 0) for axis in late] + [lowerer.sizes.constant(0)]
    registers = first + [size.register for size in defines]
    lowerer.append(Instr("copy_sizes", (), (), registers, node.index, effect=True, defines=defines))
    lowerer.resize(defines)
    return tuple(fresh.get(axis, d) for axis, d in enumerate(element)), begun


def _settle(lowerer, node, context, array, element):
    """Sets the late sizes with the first element that is written, and checks those of another one."""
    rows = array.rows[0]
    before = lowerer.sizes.fresh(lowerer.sizes.new_group())
    sizes = [rows.shape[1 + axis] for axis in array.late]
    pairs = [
        register
        for size, axis in zip(sizes, array.late)
        for register in (size.register, lowerer.sizes.register(element[axis]))
    ]
    registers = (before.register, lowerer.sizes.register(array.size), array.begun.register, *pairs)
    defines = [before, array.begun, *sizes]
    lowerer.append(Instr("array_shape", (), (), registers, node.index, effect=True, defines=defines))
    lowerer.resize([before, *sizes])
    context.emit("array_clear", (), [rows], (before.register,)).effect = True


def _under_own_sizes(lowerer, node, shape):
    """A shape whose sizes that writes set are copied into registers of their own, which what is made now depends on."""
    lowerer.resize(shape)
    group = lowerer.sizes.new_group()
    pairs = [(d, lowerer.sizes.fresh(group)) for d in shape if isinstance(d, Size) and d.group]
    lowerer.copy_sizes(pairs, node)
    own = dict(pairs)
    return tuple(own.get(d, d) if isinstance(d, Size) else d for d in shape)


def _write(lowerer, node):
    _store(lowerer, node, node.inputs[2].shape)


def _scatter(lowerer, node):
    indices, value = node.inputs[1:3]
    if not value.shape:
        raise ValueError(NO_ROWS)
    NodeContext(node, lowerer).merge(indices.shape[0], value.shape[0])
    _store(lowerer, node, node.inputs[2].shape[1:])


def _store(lowerer, node, element):
    context = NodeContext(node, lowerer)
    _check_declared(context, node, element)
    rows = _rows(lowerer, node, element)
    array = lowerer.arrays[node.inputs[0].buffer.source]
    _refuse_uneven(array, node, element)
    early = [axis for axis in range(len(element)) if axis not in array.late]
    if len(element) != len(rows.shape) - 1 or early:
        context.merge_shapes(
            [d for axis, d in enumerate(rows.shape[1:]) if axis not in array.late], [element[axis] for axis in early]
        )
    if array.late:
        _settle(lowerer, node, context, array, element)
    if array.grows:
        _extend(lowerer, node, context, array)
    values = node.inputs[2]
    if array.late:
        values = lowerer.operand(values, None, node)
    if (
        array.late or array.grows
    ):  # the write hangs on the sizes that were set just now, and on those of what is written
        own = _under_own_sizes(lowerer, node, rows.shape)
        rows = Value(rows.dtype, own, rows.buffer, None, rows.offset)
    if array.late:
        count = len(values.shape) - len(element)
        values = Value(values.dtype, (*values.shape[:count], *own[1:]), values.buffer, None, values.offset)
    if array.written is not None:
        context.emit("array_claim", [array.written, node.inputs[1]]).effect = True
    # the gradients of an element that was read more than once add up
    kernel = "scatter_update" if array.parent is None else "scatter_add"
    instr = context.emit(kernel, [rows, node.inputs[1], values])
    instr.effect = True
    _flow(lowerer, node.op.outputs[0])


def _check_declared(context, node, element):
    """An element has the shape that the array was said to have, as far as that goes."""
    made = array_of(node.op.inputs[0])
    declared = made.get_attr("element_shape") if made is not None else None
    if declared is not None and declared.ndims is not None:
        known = [(d, element[axis]) for axis, d in enumerate(declared.as_list()[: len(element)]) if d is not None]
        context.merge_shapes([d for d, _ in known], [d for _, d in known])
        if len(element) != declared.ndims:
            context.merge_shapes(element, declared.as_list())


def _refuse_uneven(array, node, element):
    """Has the request lowered anew where an array that does not promise elements of one shape may get one of another shape."""
    made = array_of(node.op.inputs[0])
    if array.parent is not None or made is None or made.get_attr("identical_element_shapes"):
        return
    if array.late or not same_shape(element, array.rows[0].shape[1:]):
        raise Uneven(made)


def _extend(lowerer, node, context, array):
    """Makes an array large enough for the indices that are written; rows between are zeros."""
    before = lowerer.sizes.fresh(lowerer.sizes.new_group())
    context.emit("array_extend", [node.inputs[1]], (), (), defines=[array.size, before])
    if array.late:
        lowerer.resize(array.rows[0].shape)  # rows hang on the sizes of an element too
    for value in [v for v in (array.rows[0], array.written) if v is not None]:
        context.emit("array_clear", (), [value], (before.register,)).effect = True


def _read(lowerer, node):
    rows = _rows(lowerer, node)
    array = lowerer.arrays[node.inputs[0].buffer.source]
    if array.late or array.grows:
        rows = Value(rows.dtype, _under_own_sizes(lowerer, node, rows.shape), rows.buffer, None, rows.offset)
    _check_written(lowerer, node, array, node.inputs[1])
    out = lowerer.allocate(rows.dtype, (*node.inputs[1].shape, *rows.shape[1:]))
    instr = NodeContext(node, lowerer).emit("gather", [rows, node.inputs[1]], [out], (0, 0))
    instr.effect = True
    lowerer.environment[node.op.outputs[0]] = out


def _check_written(lowerer, node, array, indices):
    """Refuses to read elements that were not written where these might have had another shape than those that were."""
    made = array_of(node.op.inputs[0])
    if array.written is None or made is None or made.get_attr("identical_element_shapes"):
        return
    if not made.get_attr("element_shape").is_fully_defined():
        NodeContext(node, lowerer).emit("array_written", [array.written, indices]).effect = True


def _concat(lowerer, node):
    array = lowerer.arrays[node.inputs[0].buffer.source]
    if array.rows is None and array.element is None and array.parent is None:
        raise Uneven(array_of(node.op.inputs[0]))  # there may be no element
    rows, context = _rows(lowerer, node), NodeContext(node, lowerer)
    if len(rows.shape) < 2:
        raise Uneven(array_of(node.op.inputs[0]))  # the host says what is wrong
    array = lowerer.arrays[node.inputs[0].buffer.source]
    if array.late or array.grows:
        rows = Value(rows.dtype, _under_own_sizes(lowerer, node, rows.shape), rows.buffer, None, rows.offset)
    stacked = lowerer.allocate(rows.dtype, rows.shape)
    indices = _indices(lowerer, context, rows.shape[0])
    _check_written(lowerer, node, array, indices)
    context.emit("gather", [rows, indices], [stacked], (0, 0)).effect = True
    count, length, *rest = rows.shape
    lengths = lowerer.allocate(as_dtype("int64"), (count,))
    length_of_each = lowerer.symbolic(lengths.dtype, np.array(length, object if isinstance(length, Size) else None))
    context.emit("fill", [lowerer.operand(length_of_each, None, node)], [lengths])
    joined = Value(rows.dtype, (count * length, *rest), stacked.buffer, None, stacked.offset)
    lowerer.environment.update(zip(node.op.outputs, (joined, lengths)))
    lowerer.even_lengths[lengths.buffer] = length


def _indices(lowerer, context, count):
    """The numbers of so many rows."""
    indices = lowerer.allocate(as_dtype("int32"), (count,))
    zero, one = (lowerer.literal(np.array(number, np.int32)) for number in (0, 1))
    context.emit("range", [zero, one], [indices])
    return indices


def _split(lowerer, node):
    """Writes the parts of a value; all are of one length where a concatenation told the lengths, as in its gradient."""
    value, lengths = node.inputs[1], node.inputs[2]
    array = lowerer.arrays[node.inputs[0].buffer.source]
    even = lengths.buffer in lowerer.even_lengths and len(lengths.shape) == 1 and len(value.shape) > 0
    if even and array.parent is None and not array.grows:
        even = same_shape((array.size,), lengths.shape)
    if not even:
        raise Uneven(array_of(node.op.inputs[0]))
    context = NodeContext(node, lowerer)
    (count,), length = lengths.shape, lowerer.even_lengths[lengths.buffer]  # a part of the lengths is as even
    context.merge(count * length, value.shape[0])
    value = lowerer.operand(value, None, node)
    value = Value(value.dtype, (count, length, *value.shape[1:]), value.buffer, None, value.offset)
    node.inputs = [node.inputs[0], _indices(lowerer, context, count), value]
    _store(lowerer, node, value.shape[1:])


def _size(lowerer, node):
    tensor = node.op.outputs[0]
    array = lowerer.arrays[node.inputs[0].buffer.source]
    size = array.size
    if array.grows:  # as large as it is now
        out = lowerer.allocate(tensor.dtype.base_dtype, ())
        lowerer.append(Instr("store_sizes", (), [out], [size.register], node.index, effect=True))
        lowerer.environment[tensor] = out
        return
    lowerer.environment[tensor] = lowerer.symbolic(
        tensor.dtype, np.array(size, object if isinstance(size, Size) else None)
    )


ARRAY_OPS = {
    "TensorArrayV3": _make,
    "TensorArrayGradV3": _make_gradient,
    "TensorArrayWriteV3": _write,
    "TensorArrayScatterV3": _scatter,
    "TensorArrayReadV3": _read,
    "TensorArrayGatherV3": _read,
    "TensorArrayConcatV3": _concat,
    "TensorArraySplitV3": _split,
    "TensorArraySizeV3": _size,
    "TensorArrayCloseV3": lambda lowerer, node: None,
}
