"""Elements in order, and where values belong among sorted ones."""

from __future__ import annotations

import itertools

import numpy as np

from .. import dtypes
from ..graph.scopes import name_scope
from . import kinds
from .array import rank, reshape, shape, transpose
from .build import apply_op, convert_to_tensor
from .ranges import range as tensor_range
from .reduce import top_k
from .registry import OpDef, no_gradient, register
from .slicing import concat
from .tensor_util import constant_value

__all__ = ["argsort", "searchsorted", "sort"]


# --- sorting --------------------------------------------------------------------------------------------------


def sort(values, axis=-1, direction="ASCENDING", name=None):
    """The elements in order along an axis.

    Args:
      values: a tensor of numbers.
      axis: the axis to sort along, a number known when the graph is built.
      direction: "ASCENDING" or "DESCENDING".
      name: the nodes' scope.

    Raises:
      ValueError: for another direction, or an axis that is no known scalar.
    """
    with name_scope(name, "sort"):
        return _sorted(values, axis, direction, indices=False)


def argsort(values, axis=-1, direction="ASCENDING", stable=False, name=None):
    """Where the elements stand that `sort` would put in order; equal ones keep theirs.

    Args:
      values: a tensor of numbers.
      axis: the axis to sort along, a number known when the graph is built.
      direction: "ASCENDING" or "DESCENDING".
      stable: accepted; the order of equal elements is always kept.
      name: the nodes' scope.

    Raises:
      ValueError: for another direction, or an axis that is no known scalar.
    """
    del stable
    with name_scope(name, "argsort"):
        return _sorted(values, axis, direction, indices=True)


def _sorted(values, axis, direction, indices):
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(f"{direction} should be one of ASCENDING, DESCENDING")
    known = constant_value(convert_to_tensor(axis, name="axis"))
    if known is None:
        raise ValueError("axis must be a constant scalar")
    axis = int(known)
    values = convert_to_tensor(values, name="values")
    if direction == "ASCENDING":
        found = _descending(_mirrored(values), axis, indices)
        return found if indices else _mirrored(found)
    return _descending(values, axis, indices)


def _mirrored(values):
    """Values in the opposite order: negative, or taken from the largest where there is no sign."""
    if values.dtype.base_dtype in kinds.UNSIGNED:
        return values.dtype.max - values
    return -values


def _descending(values, axis, indices):
    """All elements by top-k, which works along the last axis: another one is exchanged with it."""
    length = shape(values)[axis]
    axes = rank(values)
    known = values._shape
    part = 1 if indices else 0
    if axis == -1 or (known is not None and axis + 1 == len(known)):
        return top_k(values, length)[part]
    if known is not None:
        axis = axis % len(known)
        order = np.arange(len(known))
        order[axis], order[-1] = len(known) - 1, axis
        order = convert_to_tensor(order, name="transposition")
    else:
        axis = axis if axis >= 0 else axes + axis
        order = concat([tensor_range(axis), [axes - 1], tensor_range(axis + 1, axes - 1), [axis]], 0)
    return transpose(top_k(transpose(values, order), length)[part], order)


# --- places among sorted values -----------------------------------------------------------------------------------


def _bounds_shape(c):
    for i in (0, 1):
        if c.known(i) and len(c.shape(i)) != 2:
            c.fail(f"Shape must be rank 2 but is rank {len(c.shape(i))}")
    if c.known(0) and c.known(1):
        c.merge(c.shape(0)[0], c.shape(1)[0])
    return c.shape(1)


def _bounds_op(name, side):
    def reference(node, rows, values):
        found = [np.searchsorted(row, wanted, side) for row, wanted in zip(rows, values)]
        return np.array(found, node.attrs["out_type"].as_numpy_dtype).reshape(np.shape(values))

    return OpDef(name, "sorted_inputs: T, values: T", "output: out_type", attrs={"out_type": dtypes.int32},
                 types={"T": kinds.REAL, "out_type": kinds.INDEX}, shape=_bounds_shape, kernel="bounds",
                 params=lambda node: (side == "right",), reference=reference, gradient=no_gradient)  # fmt: skip


def _bucket_shape(c):
    boundaries = c.attr("boundaries")
    if any(after < before for before, after in itertools.pairwise(boundaries)):
        c.fail_in_run("Expected sorted boundaries")
    return c.shape(0)


def _compared(dtype):
    """Boundaries are float32; what else there is but float64 becomes that."""
    return dtypes.float64 if dtype == dtypes.float64 else dtypes.float32


def _bucket_lower(c, node):
    (values,), (out,) = node.inputs, node.outputs
    dtype = _compared(values.dtype)
    if values.dtype != dtype:
        numbers = c.temp(dtype, values.shape)
        c.emit("cast", [values], [numbers], views="any")
        values = numbers
    row = c.temp(dtype, (1, values.size))
    c.alias(row, values)
    found = c.temp(dtypes.int32, (1, values.size))
    boundaries = np.float32(c.attr("boundaries")).astype(dtype.as_numpy_dtype).reshape(1, -1)
    c.emit("bounds", [c.literal(boundaries), row], [found], (True,))
    c.alias(out, found)


def _bucket_reference(node, values):
    numbers = np.asarray(values, _compared(dtypes.as_dtype(values.dtype)).as_numpy_dtype)
    return np.asarray(np.searchsorted(np.float32(node.attrs["boundaries"]), numbers, "right"), np.int32)


# --- one of the elements in order -----------------------------------------------------------------------------------


def _nth_shape(c):
    if c.known(1) and len(c.shape(1)):
        c.fail(f"Input must be scalar but has rank {len(c.shape(1))}")
    shape = c.shape(0)
    if not shape:
        c.fail("Shape must be at least rank 1 but is rank 0")
    n, length = c.sizes(1)[0], shape[-1]
    if isinstance(n, int) and n < 0:
        c.fail(f"Dimension size, given by scalar input 1, must be non-negative but is {n}")
    if isinstance(n, int) and isinstance(length, int) and n >= length:
        c.fail(f"Input must have last dimension > n = {n} but is {length}")
    c.within(n, length - 1)
    return shape[:-1]


def _nth_lower(c, node):
    (x, _), (out,) = node.inputs, node.outputs
    n = c.sizes(1)[0]
    count = n + 1 if node.attrs["reverse"] else x.shape[-1] - n
    form = (*x.shape[:-1], count)
    values, places = c.temp(x.dtype, form), c.temp(dtypes.int32, form)
    c.emit("top_k", [x], [values, places], (1,))
    strides = c.strides(values)
    c.view(out, values, strides[:-1], (count - 1) * strides[-1])


def _nth_reference(node, x, n):
    place = x.shape[-1] - 1 - int(n) if node.attrs["reverse"] else int(n)
    return np.array(np.sort(x, axis=-1)[..., place])


def _nth_gradient(op, grad):
    from .array import expand_dims
    from .cast import cast
    from .math import divide, equal
    from .reduce import reduce_sum

    chosen = cast(equal(expand_dims(op.outputs[0], -1), op.inputs[0]), grad.dtype)
    many = expand_dims(reduce_sum(chosen, -1), -1)
    return [divide(chosen, many) * expand_dims(grad, -1), None]


register(
    OpDef("NthElement", "input: T, n: int32", "values: T", attrs={"reverse": False}, types={"T": kinds.REAL}, shape=_nth_shape,
          lower=_nth_lower, reference=_nth_reference, gradient=_nth_gradient),
    _bounds_op("LowerBound", "left"),
    _bounds_op("UpperBound", "right"),
    OpDef("Bucketize", "input: T", "output: int32", attrs={"boundaries": None},
          types={"T": frozenset([dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64])}, shape=_bucket_shape,
          lower=_bucket_lower, reference=_bucket_reference),
)  # fmt: skip


def nth_element(input, n, reverse=False, name=None):
    """The element of each row that is the n-th in ascending order, counted from 0.

    Args:
      input: [..., length], numbers.
      n: a scalar, less than the length.
      reverse: whether the order is descending.
      name: the node's name.

    Returns:
      [...].
    """
    return apply_op("NthElement", [input, n], {"reverse": reverse}, name)


def searchsorted(sorted_sequence, values, side="left", out_type=dtypes.int32, name=None):
    """Where values would have to be put into sorted rows to keep them sorted.

    Args:
      sorted_sequence: [..., n], each row ascending.
      values: [..., m], the same axes before the last one.
      side: "left" puts a value before equal ones, "right" behind them.
      out_type: int32 or int64.
      name: the node's name.

    Returns:
      Of the shape of `values`.

    Raises:
      ValueError: for another side.
    """
    if side not in ("left", "right"):
        raise ValueError(f"side must be either 'right' or 'left'.  Saw: {side}.")
    length, count = shape(sorted_sequence)[-1], shape(values)[-1]
    rows, wanted = reshape(sorted_sequence, [-1, length]), reshape(values, [-1, count])
    type = "UpperBound" if side == "right" else "LowerBound"
    found = apply_op(type, [rows, wanted], {"out_type": out_type}, name)
    return reshape(found, shape(values))
