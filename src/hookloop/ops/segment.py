"""Sums and other reductions of rows that share a segment number."""

from __future__ import annotations

import warnings

import numpy as np

from .. import dtypes
from ..graph.scopes import name_scope
from ..shapes import UNKNOWN
from . import kinds
from .build import apply_op, constant, convert_to_tensor, register_tensor_conversion_function
from .indexed_slices import IndexedSlices
from .registry import OpDef, register
from .tensor_util import constant_value

__all__ = [
    "segment_max", "segment_mean", "segment_min", "segment_prod", "segment_sum", "sparse_segment_mean",
    "sparse_segment_sqrt_n", "sparse_segment_sum", "unsorted_segment_max", "unsorted_segment_mean",
    "unsorted_segment_min", "unsorted_segment_prod", "unsorted_segment_sqrt_n", "unsorted_segment_sum",
]  # fmt: skip

_SUM, _MEAN, _SQRT_N, _PROD, _MAX, _MIN = range(6)  # csrc/kernels/segment.c has the same numbers
_BFLOAT16_MAX = float.fromhex("0x1.fep127")
_COMBINE = {_PROD: np.multiply, _MAX: np.maximum, _MIN: np.minimum}


# --- in NumPy -------------------------------------------------------------------------------------------------


def _start(kind, dtype, bfloat16=False):
    """What combining starts from: the value of a segment without rows."""
    if kind == _PROD:
        return 1
    if dtype == np.float32 and bfloat16:
        return -_BFLOAT16_MAX if kind == _MAX else _BFLOAT16_MAX
    limits = np.finfo(dtype) if np.dtype(dtype).kind == "f" else np.iinfo(dtype)
    return limits.min if kind == _MAX else limits.max


def _combine(kind, data, numbers, count, empty=None, bfloat16=False):
    """The rows combined by number; those with a negative number are dropped."""
    data, numbers = np.asarray(data), np.asarray(numbers)
    inner = data.shape[numbers.ndim :]
    rows, numbers = data.reshape((numbers.size, *inner)), numbers.ravel()
    rows, numbers = rows[numbers >= 0], numbers[numbers >= 0]
    if data.size and np.any(numbers >= count):
        raise IndexError(
            f"segment_ids[{int(np.argmax(numbers >= count))}] = {numbers.max()} is out of range [0, {count})"
        )
    sizes = np.bincount(numbers if data.size else numbers[:0], minlength=count)
    if not data.size:
        rows, numbers = rows[:0], numbers[:0]
    if kind in _COMBINE:
        out = np.full((count, *inner), _start(kind, data.dtype, bfloat16), data.dtype)
        if empty is not None and kind != _PROD and data.dtype.kind == "f":
            out[...] = -np.inf if kind == _MAX else np.inf  # where sorted rows begin, as in TensorFlow
        if kind != _PROD and data.dtype.kind == "f" and np.isnan(rows).any():
            _combine_nans(kind, out, numbers, rows, sizes, empty is not None)
        else:
            _COMBINE[kind].at(out, numbers, rows)
    else:
        out = np.zeros((count, *inner), data.dtype)
        np.add.at(out, numbers, rows)
        if kind != _SUM:
            divisor = np.maximum(sizes, 1).reshape((count, *(1,) * len(inner)))
            out = out / (divisor if kind == _MEAN else np.sqrt(divisor))
    if empty is not None:
        out[sizes == 0] = empty
    return out.astype(data.dtype)


def _combine_nans(kind, out, numbers, rows, sizes, is_sorted):
    """The largest or the least where there are NaNs. Of sorted rows a NaN is none, unless it is alone; elsewhere a NaN is taken, and
    the number behind it takes its place."""
    if is_sorted:
        out[:] = -np.inf if kind == _MAX else np.inf
        (np.fmax if kind == _MAX else np.fmin).at(out, numbers, rows)
        alone = sizes[numbers] == 1
        out[numbers[alone]] = rows[alone]
        return
    for number, row in zip(numbers, rows):
        out[number] = np.where(out[number] > row if kind == _MAX else out[number] < row, out[number], row)


def _check_sorted(numbers, segments=None):
    """How many segments sorted numbers make, unless that is given."""
    numbers = [int(n) for n in numbers]
    last = numbers[-1] if numbers else -1
    segments = last + 1 if segments is None else segments
    if numbers and last < 0:
        raise IndexError("segment ids must be >= 0")
    if last >= segments:
        raise IndexError("segment ids must be < num_segments")
    for i, number in enumerate(numbers):
        follows = next((n for n in numbers[i + 1 :] if n != number), number)
        if follows < number:
            raise IndexError("segment ids are not increasing")
        if not 0 <= number < segments:
            raise IndexError(
                f"Segment id {number} out of range [0, {segments}), possibly because 'segment_ids' input is not sorted."
            )
    return segments


def _check_picked(indices, rows):
    bad = np.flatnonzero((np.asarray(indices) < 0) | (np.asarray(indices) >= rows))
    if len(bad):
        raise IndexError(f"Bad: indices[{bad[0]}] == {indices[bad[0]]} out of range [0, {rows})")


# --- sorted segments ------------------------------------------------------------------------------------------


def _last_number(c, i):
    """One more than the last segment number: only running tells, unless it is a constant."""
    if not hasattr(c, "emit"):
        return UNKNOWN  # as in TensorFlow, which nodes and names of gradients follow
    if c.has_constant(i):
        numbers = np.ravel(c.constant(i))
        return max(int(numbers[-1]) + 1, 0) if numbers.size else 0
    return c.new_size()


def _sorted_shape(c):
    data = c.shape(0)
    c.fallback((UNKNOWN, *data[1:]))
    rows = c.shape(1)[0]
    if not (isinstance(data[0], int) and isinstance(rows, int)):
        c.merge(data[0], rows)
    elif data[0] != rows:
        c.fail_in_run(f"segment_ids should be the same size as dimension 0 of input: [{rows}] and {list(data)}")
    return (_last_number(c, 1), *data[1:])


def _sorted_gradient_of_mean(op, grad):
    from .array import expand_dims, fill, rank, shape
    from .gather import gather
    from .math import divide
    from .slicing import concat

    data, numbers = op.inputs
    count = rank(data)
    lead = shape(numbers)
    inner = fill(expand_dims(count - 1, 0), 1)
    ones = fill(concat([lead, inner], 0), constant(1, dtype=grad.dtype))
    return [gather(divide(grad, segment_sum(ones, numbers)), numbers), None]


def _sorted_gradient_of_sum(op, grad):
    from .gather import gather

    return [gather(grad, op.inputs[1]), None]


def _sorted_gradient_of_extremum(op, grad):
    """Goes to the elements that are the extremum, in equal parts."""
    from .array import zeros_like
    from .cast import cast
    from .gather import gather
    from .math import divide, equal
    from .select import where

    data, numbers = op.inputs
    nothing = zeros_like(data, dtype=data.dtype)
    chosen = equal(data, gather(op.outputs[0], numbers))
    count = segment_sum(cast(chosen, grad.dtype), numbers)
    return [where(chosen, gather(divide(grad, count), numbers), nothing), None]


def _sorted_op(name, kind, gradient=None, allowed=kinds.NUMBER):
    def lower(c, node):
        if c.new_sizes:
            c.emit("segment_count", [node.inputs[1]], (), defines=c.new_sizes)
        c.emit("segment_reduce", node.inputs, node.outputs, (kind,))

    def reference(node, data, numbers):
        return _combine(kind, data, numbers, _check_sorted(numbers), 1 if kind == _PROD else 0)

    return OpDef(name, "data: T, segment_ids: Tindices", "output: T", types={"T": allowed, "Tindices": kinds.INDEX},
                 ranks={"segment_ids": 1}, least_ranks={"data": 1}, shape=_sorted_shape, lower=lower, reference=reference, gradient=gradient, can_fail=True)  # fmt: skip


register(
    _sorted_op("SegmentSum", _SUM, _sorted_gradient_of_sum),
    _sorted_op("SegmentMean", _MEAN, _sorted_gradient_of_mean),
    _sorted_op("SegmentProd", _PROD),
    _sorted_op("SegmentMax", _MAX, _sorted_gradient_of_extremum, kinds.REAL),
    _sorted_op("SegmentMin", _MIN, _sorted_gradient_of_extremum, kinds.REAL),
)


# --- sorted segments of picked rows -----------------------------------------------------------------------------


def _picked_shape(c):
    data = c.shape(0)
    if c.known(1) and c.known(2):
        c.merge(c.shape(1)[0], c.shape(2)[0])
    if len(c.inputs) == 4:
        (count,) = c.sizes(3)
        if isinstance(count, int) and count < 0:
            c.fail("Cannot specify a negative value for num_segments")
        return (c.natural(count), *data[1:])
    return (_last_number(c, 2), *data[1:])


def _picked_gradient(kind):
    def gradient(op, grad):
        from .array import shape
        from .gather import gather

        data, indices, numbers = op.inputs[:3]
        rows = shape(data)[0]
        if kind == _SUM:
            found = unsorted_segment_sum(gather(grad, numbers), indices, rows)
        else:
            name = "SparseSegmentMeanGrad" if kind == _MEAN else "SparseSegmentSqrtNGrad"
            found = apply_op(name, [grad, indices, numbers, rows])
        return [found] + [None] * (len(op.inputs) - 1)

    return gradient


def _picked_op(name, kind, counted):
    def lower(c, node):
        data, indices, numbers = node.inputs[:3]
        if c.new_sizes:
            c.emit("segment_count", [numbers], (), defines=c.new_sizes)
        c.emit("segment_reduce", [data, numbers, indices], node.outputs, (kind,))

    def reference(node, data, indices, numbers, count=None):
        _check_picked(indices, len(data))
        segments = _check_sorted(numbers, None if count is None else int(count))
        return _combine(kind, np.asarray(data)[np.asarray(indices, int)], numbers, segments, 0)

    signature = "data: T, indices: Tidx, segment_ids: int32" + (", num_segments: Tnumsegments" if counted else "")
    types = {"T": kinds.REAL if kind == _SUM else kinds.FLOAT - {dtypes.float16}, "Tidx": kinds.INDEX}
    attrs = {"Tidx": dtypes.int32}
    if counted:
        types["Tnumsegments"] = kinds.INDEX
        attrs["Tnumsegments"] = dtypes.int32
    ranks = {"indices": 1, "segment_ids": 1, **({"num_segments": 0} if counted else {})}
    return OpDef(name, signature, "output: T", attrs=attrs, types=types, ranks=ranks, shape=_picked_shape, lower=lower,
                 reference=reference, gradient=_picked_gradient(kind), can_fail=True)  # fmt: skip


def _spread_shape(c):
    grad = c.shape(0)
    if not grad:
        c.fail("Shape must be at least rank 1 but is rank 0")
    if c.known(1) and c.known(2):
        c.merge(c.shape(1)[0], c.shape(2)[0])
    (rows,) = c.sizes(3)
    if isinstance(rows, int) and rows < 0:
        c.fail("Cannot specify a negative value for output_dim0")
    return (c.natural(rows), *grad[1:])


def _spread_op(name, kind):
    def lower(c, node):
        grad, indices, numbers = node.inputs[:3]
        c.emit("segment_spread", [grad, numbers, indices], node.outputs, (kind,))

    def reference(node, grad, indices, numbers, rows):
        for number in numbers:
            if not 0 <= number < len(grad):
                raise IndexError(f"Segment id {number} out of range [0, {len(grad)}).")
        for index in indices:
            if not 0 <= index < rows:
                raise IndexError(f"Index {index} out of range [0, {int(rows)}).")
        counts = np.maximum(np.bincount(numbers, minlength=len(grad)), 1)
        scale = (1 / (counts if kind == _MEAN else np.sqrt(counts))).astype(grad.dtype)
        scaled = grad * scale.reshape((-1, *(1,) * (grad.ndim - 1)))
        return _combine(_SUM, scaled[numbers], indices, int(rows))

    return OpDef(name, "grad: T, indices: Tidx, segment_ids: int32, output_dim0: int32", "output: T", ranks={"indices": 1, "segment_ids": 1, "output_dim0": 0},
                 attrs={"Tidx": dtypes.int32}, types={"T": kinds.FLOAT, "Tidx": kinds.INDEX}, shape=_spread_shape, lower=lower,
                 reference=reference, can_fail=True)  # fmt: skip


for _name, _kind in (("Sum", _SUM), ("Mean", _MEAN), ("SqrtN", _SQRT_N)):
    register(
        _picked_op(f"SparseSegment{_name}", _kind, False),
        _picked_op(f"SparseSegment{_name}WithNumSegments", _kind, True),
    )
register(_spread_op("SparseSegmentMeanGrad", _MEAN), _spread_op("SparseSegmentSqrtNGrad", _SQRT_N))


# --- unsorted segments ------------------------------------------------------------------------------------------


def _unsorted_shape(c):
    (count,) = c.sizes(2)
    if isinstance(count, int) and count < 0:
        c.fail(f"Dimension size, given by scalar input 2, must be non-negative but is {count}")
    count = c.natural(count)
    data, numbers = c.shape(0), c.shape(1)
    if len(numbers) > len(data):
        c.fail("data.shape must start with segment_ids.shape")
    for a, b in zip(data, numbers):
        c.merge(a, b)
    return (count, *data[len(numbers) :])


def _gather_kept(params, numbers, clipped=None):
    """The row of each segment number, 0 where it is negative; and the numbers and the mask for other uses."""
    from .array import expand_dims, ones_like, zeros_like
    from .gather import gather
    from .math import greater_equal, maximum

    if clipped is None:
        clipped = maximum(numbers, zeros_like(numbers))
    rows = gather(params, clipped)
    kept = greater_equal(numbers, 0)
    for _ in range(len(rows._shape) - len(kept._shape)):
        kept = expand_dims(kept, -1)
    kept = kept & ones_like(rows, dtype=dtypes.bool)
    return _zero_unless(kept, rows), clipped, kept


def _zero_unless(kept, rows):
    from .array import zeros_like
    from .select import where

    nothing = zeros_like(rows)
    return where(kept, rows, nothing)


def _unsorted_gradient_of_sum(op, grad):
    return [_gather_kept(grad, op.inputs[1])[0], None, None]


def _unsorted_gradient_of_extremum(op, grad):
    from .array import zeros_like
    from .cast import cast
    from .gather import gather
    from .math import divide, equal, logical_and
    from .select import where

    data, numbers, count = op.inputs
    extrema, clipped, kept = _gather_kept(op.outputs[0], numbers)
    chosen = logical_and(equal(data, extrema), kept)
    shares = divide(grad, unsorted_segment_sum(cast(chosen, grad.dtype), numbers, count))
    rows = _zero_unless(kept, gather(shares, clipped))
    return [where(chosen, rows, zeros_like(rows)), None, None]


def _unsorted_gradient_of_product(op, grad):
    """The product of the others: the whole divided by x; where x is 0, the product of what is not 0."""
    from .array import ones_like, zeros_like
    from .cast import cast
    from .gather import gather
    from .math import equal, greater, maximum
    from .select import where

    data, numbers, count = op.inputs
    zero = equal(data, 0)
    zeros = unsorted_segment_sum(cast(zero, dtypes.int32), numbers, count)
    grad = where(greater(zeros, 1), zeros_like(grad), grad)
    others = unsorted_segment_prod(where(zero, ones_like(data), data), numbers, count)
    clipped = maximum(numbers, zeros_like(numbers))
    whole, others = gather(op.outputs[0], clipped), gather(others, clipped)
    slope = where(zero, others, whole / data)
    return [_gather_kept(grad, numbers, clipped)[0] * slope, None, None]


def _unsorted_op(name, kind, kernel, gradient, allowed=kinds.REAL):
    def lower(c, node):
        c.emit(kernel, node.inputs[:2], node.outputs)

    def reference(node, data, numbers, count):
        return _combine(kind, data, numbers, int(count), bfloat16=node.inputs[0].dtype == dtypes.bfloat16)

    return OpDef(name, "data: T, segment_ids: Tindices, num_segments: Tnumsegments", "output: T", ranks={"num_segments": 0},
                 attrs={"Tnumsegments": dtypes.int32},
                 types={"T": allowed, "Tindices": kinds.INDEX, "Tnumsegments": kinds.INDEX}, shape=_unsorted_shape,
                 lower=lower, reference=reference, gradient=gradient, can_fail=True)  # fmt: skip


register(
    _unsorted_op("UnsortedSegmentSum", _SUM, "unsorted_segment_sum", _unsorted_gradient_of_sum, kinds.NUMBER),
    _unsorted_op("UnsortedSegmentProd", _PROD, "unsorted_segment_prod", _unsorted_gradient_of_product, kinds.NUMBER),
    _unsorted_op("UnsortedSegmentMax", _MAX, "unsorted_segment_max", _unsorted_gradient_of_extremum),
    _unsorted_op("UnsortedSegmentMin", _MIN, "unsorted_segment_min", _unsorted_gradient_of_extremum),
)


# --- public functions -------------------------------------------------------------------------------------------


def _sorted_function(name, type, what):
    def function(data, segment_ids, name=None):
        return apply_op(type, [data, segment_ids], name=name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The {what} of the rows of each segment; the segment ids are sorted, one a row."
    return function


segment_sum = _sorted_function("segment_sum", "SegmentSum", "sum")
segment_mean = _sorted_function("segment_mean", "SegmentMean", "mean")
segment_prod = _sorted_function("segment_prod", "SegmentProd", "product")
segment_max = _sorted_function("segment_max", "SegmentMax", "maximum")
segment_min = _sorted_function("segment_min", "SegmentMin", "minimum")


def _picked_function(name, type, what):
    def function(data, indices, segment_ids, name=None, num_segments=None):
        if num_segments is None:
            return apply_op(type, [data, indices, segment_ids], name=name)
        return apply_op(type + "WithNumSegments", [data, indices, segment_ids, num_segments], name=name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""The {what} of the rows that `indices` picks, for each sorted segment.

    Args:
      data: a tensor of rows.
      indices: the rows to take, a vector.
      segment_ids: their segments, ascending, int32.
      name: the node's name.
      num_segments: how many there are; by default the last one tells.
    """
    return function


sparse_segment_sum = _picked_function("sparse_segment_sum", "SparseSegmentSum", "sum")
sparse_segment_mean = _picked_function("sparse_segment_mean", "SparseSegmentMean", "mean")
sparse_segment_sqrt_n = _picked_function(
    "sparse_segment_sqrt_n", "SparseSegmentSqrtN", "sum, divided by the root of their number,"
)


def _unsorted_function(name, type, what):
    def function(data, segment_ids, num_segments, name=None):
        return apply_op(type, [data, segment_ids, num_segments], name=name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The {what} of the rows of each of `num_segments` segments; a negative id drops its row."
    return function


unsorted_segment_sum = _unsorted_function("unsorted_segment_sum", "UnsortedSegmentSum", "sum")
unsorted_segment_prod = _unsorted_function("unsorted_segment_prod", "UnsortedSegmentProd", "product")
unsorted_segment_max = _unsorted_function("unsorted_segment_max", "UnsortedSegmentMax", "maximum")
unsorted_segment_min = _unsorted_function("unsorted_segment_min", "UnsortedSegmentMin", "minimum")


def _row_counts(data, segment_ids, num_segments):
    """How many rows each segment has, at least 1, in a shape that divides the sums."""
    from .array import ones, reshape, shape
    from .math import maximum

    counts = unsorted_segment_sum(ones(shape(segment_ids), dtype=data.dtype), segment_ids, num_segments)
    inner = len(data._shape) - len(segment_ids._shape)
    return maximum(reshape(counts, [num_segments] + [1] * inner), 1)


def unsorted_segment_mean(data, segment_ids, num_segments, name=None):
    """The mean of the rows of each of `num_segments` segments; 0 for one without rows."""
    with name_scope(name, "UnsortedSegmentMean"):
        data, segment_ids = convert_to_tensor(data), convert_to_tensor(segment_ids)
        counts = _row_counts(data, segment_ids, num_segments)
        return unsorted_segment_sum(data, segment_ids, num_segments) / counts


def unsorted_segment_sqrt_n(data, segment_ids, num_segments, name=None):
    """The sum of the rows of each segment, divided by the root of their number."""
    from .math_unary import sqrt

    with name_scope(name, "UnsortedSegmentSqrtN"):
        data, segment_ids = convert_to_tensor(data), convert_to_tensor(segment_ids)
        counts = _row_counts(data, segment_ids, num_segments)
        summed = unsorted_segment_sum(data, segment_ids, num_segments)
        return summed / sqrt(counts)


_MANY = 100_000_000  # elements, from which on TensorFlow warns


def densified(slices, dtype=None, name=None, as_ref=False):
    """`IndexedSlices` as a tensor: rows that are named twice are summed.

    Raises:
      ValueError: where the dtype differs, or the whole shape is not known.
    """
    if dtype is not None and not dtype.is_compatible_with(slices.dtype):
        raise ValueError(
            f"Tensor conversion requested dtype {dtype.name} for IndexedSlices with dtype {slices.dtype.name}"
        )
    if slices.dense_shape is None:
        raise ValueError(f"Tensor conversion requested for IndexedSlices without dense_shape: {slices}")
    sizes = constant_value(slices.dense_shape)
    if sizes is None or np.prod(sizes, dtype=np.float64) >= _MANY:
        many = "of unknown shape" if sizes is None else f"with {np.prod(sizes)} elements"
        warnings.warn(
            f"Converting sparse IndexedSlices to a dense Tensor {many}. This may consume a large amount of memory.",
            stacklevel=2,
        )
    return unsorted_segment_sum(slices.values, slices.indices, slices.dense_shape[0], name=name)


register_tensor_conversion_function(IndexedSlices, densified)
