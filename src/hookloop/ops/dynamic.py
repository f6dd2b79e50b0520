"""Rows by number: stitching tensors together by index, dealing rows out to partitions."""

from __future__ import annotations

import numpy as np

from .build import apply_op
from .indexed_slices import IndexedSlices
from .registry import OpDef, register
from .shape_context import partial_value
from .shape_functions import one_of

__all__ = ["dynamic_partition", "dynamic_stitch"]


_LARGEST_VALUE = 256  # elements of data that are put together as sizes

# --- stitching ------------------------------------------------------------------------------------------------


def _stitched(c):
    """As many rows as the largest index tells; the rest of the shape is that of the data behind the indices."""
    count = len(c.inputs) // 2
    inner = None
    for i in range(count):
        if c.known(i) and c.known(count + i):
            indices, data = c.shape(i), c.shape(count + i)
            if len(data) < len(indices):
                c.fail(f"data[{i}] must start with the shape of indices[{i}]")
            for a, b in zip(indices, data):
                c.merge(a, b)
            inner = c.merge_shapes(inner, data[len(indices) :])
    if inner is None:
        return None
    return (_row_count(c, count), *inner)


def _row_count(c, count):
    if not all(c.has_constant(i) for i in range(count)):
        return c.new_size()
    return max((int(i) for k in range(count) for i in np.ravel(c.constant(k))), default=-1) + 1


def _stitch_lower(c, node):
    count = len(node.inputs) // 2
    indices, data = node.inputs[:count], node.inputs[count:]
    out = node.outputs[0]
    if c.new_sizes:
        c.emit("stitch_count", [_joined(c, indices)], (), defines=c.new_sizes)
    c.prepare(out)
    # Rows that no index names are zeros, so that a run does not depend on what memory held before.
    c.emit("fill", [c.literal(np.zeros((), out.dtype.as_numpy_dtype))], [out])
    strides = c.strides(out)
    for where, rows in zip(indices, data):
        c.emit("stitch_rows", [where, rows], [c.window(out, out.shape, strides)])


def _joined(c, tensors):
    """All elements of integer tensors in one vector."""
    if len(tensors) == 1:
        return tensors[0]
    total = 0
    for tensor in tensors:
        total = total + tensor.size
    joined = c.temp(tensors[0].dtype, (total,))
    start = 0
    for tensor in tensors:
        c.emit("copy", [tensor], [c.window(joined, tensor.shape, c.strides(c.temp(tensor.dtype, tensor.shape)), start)])
        start = start + tensor.size
    return joined


def _stitch_reference(node, *arrays):
    count = len(arrays) // 2
    indices = [np.asarray(a).astype(int) for a in arrays[:count]]
    data = [np.asarray(a) for a in arrays[count:]]
    inner = data[0].shape[indices[0].ndim :]
    rows = max((int(i.max()) for i in indices if i.size), default=-1) + 1
    merged = np.zeros((rows, *inner), object if any(d.dtype == object for d in data) else data[0].dtype)
    if node.inputs[count].dtype.name == "string":
        merged.fill(b"")
    for where, values in zip(indices, data):
        if np.any(where < 0):
            raise IndexError(f"indices[{int(np.argmax(where.ravel() < 0))}] = {where.min()} is out of range")
        merged[where.ravel()] = values.reshape((where.size, *inner))
    return merged


def _stitch_value(c):
    """What is stitched as sizes: also the shape that a reduction keeps, where only the run tells over which axes it goes."""
    count = len(c.inputs) // 2
    data = [c.value(count + i) for i in range(count)]
    if any(d is not None and d.size > _LARGEST_VALUE for d in data):
        return None
    if all(c.has_constant(i) for i in range(count)):
        if any(d is None for d in data):
            return None
        try:
            return np.asarray(_stitch_reference(c, *(c.constant(i) for i in range(count)), *data))
        except (IndexError, ValueError):  # the kernel says it, if it runs
            return None
    return _with_ones(c) if count == 2 and c.computed(1) and _names_axes(c) else None


def _names_axes(c):
    """Whether this is a shape, some elements of which another vector takes the place of: their places are remainders of its length."""
    if not c.has_constant(0) or c.value(0).tolist() != list(range(c.shape(0)[0])) or c.dtype(2).is_floating:
        return False
    places = c.op.inputs[1].op
    if places.type != "FloorMod":
        return False
    length = places.inputs[1]
    known = partial_value(length)
    return np.all(known == c.shape(0)[0]) if known is not None else length.op.inputs[:1] == [c.op.inputs[2]]


def _with_ones(c):
    rows = list(c.sizes(2))
    for place, value in zip(c.sizes(1), c.sizes(3)):
        choice = one_of(c, place, len(rows))
        rows = [row + (value - row) * here for row, here in zip(rows, choice)]
    return np.array(rows, object)


def _stitch_gradient(op, grad):
    from .gather import gather

    indices = op.inputs[: len(op.inputs) // 2]
    if isinstance(grad, IndexedSlices):
        grad = apply_op("UnsortedSegmentSum", [grad.values, grad.indices, op.outputs[0]._shape[0]])
    return [None] * len(indices) + [gather(grad, i) for i in indices]


# --- partitions -----------------------------------------------------------------------------------------------


def _partitioned(c):
    data, partitions = c.shape(0), c.shape(1)
    if len(data) < len(partitions):
        c.fail("data.shape must start with partitions.shape")
    for a, b in zip(data, partitions):
        c.merge(a, b)
    bound = 1
    for d in partitions:
        bound = bound * d
    return [(c.new_size(bound), *data[len(partitions) :]) for _ in range(c.attr("num_partitions"))]


def _partition_shape(c):
    if not (c.known(0) and c.known(1)):
        return [None] * c.attr("num_partitions")
    return _partitioned(c)


def _partition_lower(c, node):
    data, partitions = node.inputs
    c.emit("partition_count", [partitions], (), defines=c.new_sizes)
    for number, out in enumerate(node.outputs):
        c.emit("partition_rows", [data, partitions], [out], (number,))


def _partition_reference(node, data, partitions):
    count = node.attrs["num_partitions"]
    flat = np.ravel(partitions)
    bad = np.flatnonzero((flat < 0) | (flat >= count))
    if len(bad):
        raise IndexError(f"partitions[{bad[0]}] = {flat[bad[0]]} is not in [0, {count})")
    data = np.asarray(data)
    rows = data.reshape((flat.size, *data.shape[np.ndim(partitions) :]))
    return tuple(rows[flat == number] for number in range(count))


def _partition_gradient(op, *grads):
    from .array import reshape, shape
    from .ranges import range as tensor_range
    from .reduce import reduce_prod

    data, partitions = op.inputs
    prefix = shape(partitions)
    numbers = reshape(tensor_range(reduce_prod(prefix)), prefix)
    parts = dynamic_partition(numbers, partitions, op.get_attr("num_partitions"))
    stitched = apply_op("DynamicStitch", [parts, list(grads)])
    return [reshape(stitched, shape(data)), None]


def _stitch(name):
    return OpDef(name, "indices: N * int32, data: N * T", "merged: T", shape=_stitched, value=_stitch_value,
                 lower=_stitch_lower, reference=_stitch_reference, gradient=_stitch_gradient, can_fail=True)  # fmt: skip


register(
    _stitch("DynamicStitch"),
    _stitch("ParallelDynamicStitch"),
    OpDef("DynamicPartition", "data: T, partitions: int32", "outputs: num_partitions * T", attrs={"num_partitions": 1},
          shape=_partition_shape, lower=_partition_lower, reference=_partition_reference, gradient=_partition_gradient,
          can_fail=True),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------------


def dynamic_stitch(indices, data, name=None):
    """One tensor of the rows of several: row j of the result is data[m][i] where indices[m][i] is j.

    Args:
      indices: a list of int32 tensors; where an index appears more than once, the last one counts.
      data: a list of tensors; the shape of data[m] starts with that of indices[m].
      name: the node's name.

    Returns:
      As many rows as the largest index + 1.
    """
    return apply_op("DynamicStitch", [indices, data], name=name)


def dynamic_partition(data, partitions, num_partitions, name=None):
    """The rows of a tensor dealt out: output k has those whose partition is k, in their order.

    Args:
      data: a tensor.
      partitions: int32, of the shape of the first axes of `data`.
      num_partitions: how many outputs there are.
      name: the node's name.

    Raises:
      InvalidArgumentError: when it runs, for a partition out of range.
    """
    return apply_op("DynamicPartition", [data, partitions], {"num_partitions": num_partitions}, name)
