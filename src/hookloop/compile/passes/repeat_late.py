"""The pass for what is repeated along axes, as gradients of means over rows or columns have it: it is computed once, and its readers repeat it.

An elementwise instruction all of whose operands are the same along some axis makes one element of what would be a whole axis of
equal ones. `spread_late.py` does so for tensors of one number.
"""

from __future__ import annotations

from ..ir import ARENA, Buffer, Instr, Value, dense_strides, same_shape
from .spread_late import takes_numbers
from .uses import Uses, blocks_of, equal_sizes, is_whole

_SUMMED = frozenset(("float32", "float64"))  # by one addition after the other


def repeat_late(program):
    """Lets elementwise instructions make once what they would repeat along an axis."""
    uses = None
    for block in blocks_of(program.root):
        for item in block.items:
            if item.__class__ is Instr and _reads_repeated(item) and takes_numbers(item):
                uses = uses or Uses.of(program)
                _shrink(uses, block, item)
        if uses is not None:
            uses.finish(block)


def _reads_repeated(instr):
    """Whether an operand is a view that repeats its elements: only then can all of them."""
    for value in instr.inputs:
        if value.strides is not None and any(equal_sizes(stride, 0) for stride in value.strides):
            return True
    return False


def _is_repeated(value, axis, rank):
    """Whether a value is the same along an axis of a result of some rank that it is broadcast to."""
    axis -= rank - len(value.shape)
    if axis < 0 or equal_sizes(value.shape[axis], 1):
        return True
    return value.strides is not None and equal_sizes(value.strides[axis], 0)


def _shrink(uses, block, item):
    """Makes an instruction's result without the axes along which it is repeated, where all its readers can repeat it themselves."""
    (out,) = item.outputs
    rank = len(out.shape)
    axes = [
        axis
        for axis in range(rank)
        if not equal_sizes(out.shape[axis], 1) and all(_is_repeated(value, axis, rank) for value in item.inputs)
    ]
    if not axes or out.buffer.kind != ARENA or not is_whole(out):
        return
    if uses.only_writer(out) is not item or id(out.buffer) in uses.kept:
        return
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(out.shape))
    small = Value(out.dtype, shape, Buffer(ARENA, out.dtype, Value(out.dtype, shape).size, shape=shape))
    strides = tuple(0 if axis in axes else stride for axis, stride in enumerate(dense_strides(shape)))
    repeated = Value(out.dtype, out.shape, small.buffer, strides)
    readers = uses.readers(out.buffer)
    if not all(_can_read(uses, block, reader, out) for reader in readers):
        return
    made = Instr(
        item.kernel,
        [_once(value, axes, rank) for value in item.inputs],
        [small],
        item.params,
        item.node,
        views=item.views,
    )
    made.notes = item.notes
    made.note("repeat_late", f"is made once for {out!r}")
    uses.replace(item, made)
    for reader in readers:
        for instr in _added_one_by_one(uses, reader) if reader.kernel == "add_n" else (reader,):
            uses.refresh(instr, lambda instr=instr: _give(instr, out.buffer, repeated))


def _can_read(uses, block, reader, out):
    """Whether a reader is an elementwise instruction of the same block that takes the result as a view."""
    is_sum = reader.kernel == "add_n" and len(reader.inputs) > 1 and out.dtype.name in _SUMMED
    if uses.block_of[id(reader)] is not block or not (is_sum or reader.views == "any"):
        return False
    return all(
        is_whole(value) and same_shape(value.shape, out.shape) for value in reader.inputs if value.buffer is out.buffer
    )


def _added_one_by_one(uses, total):
    """Additions of two in the place of a sum of several, which takes dense operands alone: the same, one after the other."""
    (out,) = total.outputs
    made, left = [], total.inputs[0]
    for right in total.inputs[1:]:
        is_last = len(made) == len(total.inputs) - 2
        to = out if is_last else Value(out.dtype, out.shape, Buffer(ARENA, out.dtype, out.size, shape=out.shape))
        made.append(Instr("add", [left, right], [to], (), total.node, overwrites=(0, 1), views="any"))
        left = to
    made[-1].notes = [*total.notes]
    uses.replace(total, *made)
    return made


def _once(value, axes, rank):
    """An operand without its repetitions along some axes of the result."""
    if value.strides is None:
        return value
    own = [axis - (rank - len(value.shape)) for axis in axes]
    shape = tuple(1 if axis in own else size for axis, size in enumerate(value.shape))
    pairs = zip(shape, value.strides, dense_strides(shape))
    is_dense = all(equal_sizes(size, 1) or equal_sizes(stride, dense) for size, stride, dense in pairs)
    return Value(value.dtype, shape, value.buffer, None if is_dense else value.strides, value.offset)


def _give(reader, buffer, repeated):
    reader.inputs[:] = [repeated if value.buffer is buffer else value for value in reader.inputs]
