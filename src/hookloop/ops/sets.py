"""Vectors as sets: their distinct elements, and the difference of two."""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from .. import dtypes
from ..shapes import UNKNOWN
from . import kinds
from .build import apply_op
from .registry import OpDef, register

__all__ = ["setdiff1d", "unique", "unique_with_counts"]

Unique = namedtuple("Unique", ["y", "idx"])
UniqueWithCounts = namedtuple("UniqueWithCounts", ["y", "idx", "count"])
ListDiff = namedtuple("ListDiff", ["out", "idx"])


def _vector_length(c, i):
    shape = c.shape(i)
    if len(shape) != 1:
        c.fail(f"Shape must be rank 1 but is rank {len(shape)}")
    return shape[0]


# --- distinct elements ----------------------------------------------------------------------------------------


def _unique_shape(c):
    if not c.known(0):
        return [(UNKNOWN,), None, (UNKNOWN,)][: len(c.op.outputs)]
    length = _vector_length(c, 0)
    count = c.new_size(length)
    return [(count,), (length,), (count,)][: len(c.op.outputs)]


def _unique_lower(c, node):
    (x,) = node.inputs
    y, numbers = node.outputs[:2]
    c.emit("unique_index", [x], [numbers], defines=c.new_sizes)
    c.emit("unique_values", [x, numbers], [y])
    if len(node.outputs) == 3:
        c.emit("unique_counts", [numbers], [node.outputs[2]])


def _unique_reference(node, x):
    """The values in the order of their first appearance, and for each element the number of its value."""
    numbers, values = {}, []
    index = np.zeros(len(x), np.int64)
    for i, value in enumerate(np.asarray(x).tolist()):
        if value not in numbers:
            numbers[value] = len(values)
            values.append(i)
        index[i] = numbers[value]
    found = (np.asarray(x)[values], index)
    return found if len(node.outputs) == 2 else (*found, np.bincount(index, minlength=len(values)))


# --- differences ----------------------------------------------------------------------------------------------


def _list_diff_shape(c):
    if c.has_constant(0) and c.has_constant(1):
        count = int(np.sum(~np.isin(c.constant(0), c.constant(1))))
    else:
        count = c.new_size(_vector_length(c, 0) if c.known(0) else None)
    return [(count,), (count,)]


def _list_diff_lower(c, node):
    if c.new_sizes:
        c.emit("list_diff_count", node.inputs, (), defines=c.new_sizes)
    c.emit("list_diff_fill", node.inputs, node.outputs)


def _list_diff_reference(node, x, y):
    x, y = np.asarray(x), np.asarray(y)
    if x.dtype == object and node.inputs[0].dtype.name != "string":  # sizes
        x, y = np.array([int(v) for v in x]), np.array([int(v) for v in y])
    left = y.tolist()
    kept = [i for i, v in enumerate(x.tolist()) if v not in left]
    return x[kept], np.array(kept, np.int64)


register(
    OpDef("Unique", "x: T", "y: T, idx: out_idx", attrs={"out_idx": dtypes.int32}, types={"out_idx": kinds.INDEX},
          shape=_unique_shape, lower=_unique_lower, reference=_unique_reference),
    OpDef("UniqueWithCounts", "x: T", "y: T, idx: out_idx, count: out_idx", attrs={"out_idx": dtypes.int32},
          types={"out_idx": kinds.INDEX}, shape=_unique_shape, lower=_unique_lower, reference=_unique_reference),
    OpDef("ListDiff", "x: T, y: T", "out: T, idx: out_idx", ranks={"x": 1, "y": 1}, attrs={"out_idx": dtypes.int32}, types={"out_idx": kinds.INDEX},
          shape=_list_diff_shape, symbolic=True, lower=_list_diff_lower, reference=_list_diff_reference),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------------


def unique(x, out_idx=dtypes.int32, name=None):
    """The distinct elements of a vector, in the order of their first appearance.

    Args:
      x: a vector.
      out_idx: the dtype of the indices, int32 or int64.
      name: the node's name.

    Returns:
      (y, idx): the distinct elements; for each element of x its position in y.
    """
    return Unique(*apply_op("Unique", [x], {"out_idx": out_idx}, name))


def unique_with_counts(x, out_idx=dtypes.int32, name=None):
    """`unique`, and how often each distinct element appears: (y, idx, count)."""
    return UniqueWithCounts(*apply_op("UniqueWithCounts", [x], {"out_idx": out_idx}, name))


def setdiff1d(x, y, index_dtype=dtypes.int32, name=None):
    """The elements of the vector x that are not in y, in their order: (out, idx), idx being where they are in x."""
    return ListDiff(*apply_op("ListDiff", [x, y], {"out_idx": index_dtype}, name))
