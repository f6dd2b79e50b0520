"""Vectors as sets: their distinct elements, and the difference of two; distinct rows along an axis."""

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


# --- distinct rows, along an axis -------------------------------------------------------------------------------


def _axis_of(c):
    """The axis, from 0 on; None where it is not known yet, or is none."""
    if not c.known(1):
        return None
    places, rank = c.shape(1), len(c.shape(0))
    if len(places) != 1:
        c.fail_in_run("axis expects a 1D vector.")
        return None
    axis = np.asarray(c.constant(1)).ravel().tolist()
    if not axis:
        if rank != 1:
            c.fail_in_run("unique expects a 1D vector.")
        return 0 if rank == 1 else None
    if len(axis) > 1:
        c.fail_in_run("axis does not support input tensors larger than 1 elements")
        return None
    if not -rank <= axis[0] < rank:
        c.fail_in_run(f"axis has to be between [0, {rank})")
        return None
    return axis[0] % rank


def _unique_along_shape(c):
    found = c.shape(0) if c.known(0) else None
    unknown = [None if found is None else (UNKNOWN,) * len(found), (UNKNOWN,), (UNKNOWN,)][: len(c.op.outputs)]
    c.fallback(*unknown)
    axis = None if found is None else _axis_of(c)
    if axis is None:
        return unknown
    count = c.new_size(found[axis])
    return [(*found[:axis], count, *found[axis + 1 :]), (found[axis],), (count,)][: len(c.op.outputs)]


def _unique_along_lower(c, node):
    x, numbers, y = node.inputs[0], node.outputs[1], node.outputs[0]
    if len(x.shape) == 1:
        c.emit("unique_index", [x], [numbers], defines=c.new_sizes)
        c.emit("unique_values", [x, numbers], [y])
    else:
        axis = _axis_of(c)
        c.emit("unique_rows_index", [rows := _axis_first(c, x, axis)], [numbers], defines=c.new_sizes)
        if axis == 0:
            c.emit("unique_rows_values", [rows, numbers], [y])
        else:
            found = c.temp(y.dtype, _first(y.shape, axis))
            c.emit("unique_rows_values", [rows, numbers], [found])
            c.prepare(y)
            c.emit("copy", [found], [c.window(y, found.shape, _first(c.strides(y), axis))])
    if len(node.outputs) == 3:
        c.emit("unique_counts", [numbers], [node.outputs[2]])


def _first(sizes, axis):
    return (sizes[axis], *sizes[:axis], *sizes[axis + 1 :])


def _axis_first(c, x, axis):
    if axis == 0:
        return x
    rows = c.temp(x.dtype, _first(x.shape, axis))
    strides = c.strides(rows)
    c.emit("copy", [x], [c.window(rows, x.shape, (*strides[1 : axis + 1], strides[0], *strides[axis + 1 :]))])
    return rows


def _unique_along_reference(node, x, axis):
    x = np.asarray(x)
    axis = int(np.ravel(axis)[0]) if np.size(axis) else 0
    rows = np.moveaxis(x, axis, 0)
    numbers, firsts = {}, []
    index = np.zeros(len(rows), np.int64)
    for i, row in enumerate(rows):
        key = tuple(row.ravel().tolist())
        if key not in numbers:
            numbers[key] = len(firsts)
            firsts.append(i)
        index[i] = numbers[key]
    found = (np.take(x, np.array(firsts, np.int64), axis), index)
    return found if len(node.outputs) == 2 else (*found, np.bincount(index, minlength=len(firsts)))


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
    OpDef("UniqueV2", "x: T, axis: Taxis", "y: T, idx: out_idx", attrs={"Taxis": dtypes.int64, "out_idx": dtypes.int32},
          types={"Taxis": kinds.INDEX, "out_idx": kinds.INDEX}, shape=_unique_along_shape, lower=_unique_along_lower,
          reference=_unique_along_reference),
    OpDef("UniqueWithCountsV2", "x: T, axis: Taxis", "y: T, idx: out_idx, count: out_idx",
          attrs={"Taxis": dtypes.int64, "out_idx": dtypes.int32}, types={"Taxis": kinds.INDEX, "out_idx": kinds.INDEX},
          shape=_unique_along_shape, lower=_unique_along_lower, reference=_unique_along_reference),
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
