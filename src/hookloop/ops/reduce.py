"""Reductions over axes, and what walks along one: sums, extrema, argmax, cumulative sums, top-k."""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np

from .. import dtypes
from ..graph.scopes import colocate_with, name_scope
from ..graph.tensor import Tensor
from ..shapes import UNKNOWN
from .array import concat, expand_dims, fill, rank, reshape, shape, size, stack, tile, transpose, zeros, zeros_like
from .build import apply_op, constant, convert_to_tensor
from .cast import cast
from .computed_axes import axis_of, extent, extents, moved, moved_back, reduced, to_the_end, without
from .gather import gather
from .math import equal, greater, maximum, not_equal, truediv
from .math_unary import conjugated, exp, is_finite, log, sqrt, square
from .ranges import range as range_
from .registry import OpDef, no_gradient, register
from .select import where
from .shape_functions import one_of, scalar
from .tensor_util import constant_value

__all__ = [
    "arg_max", "arg_min", "argmax", "argmin", "count_nonzero", "cumprod", "cumsum", "reduce_all",
    "reduce_any", "reduce_logsumexp", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod", "reduce_sum",
]  # fmt: skip

TopKV2 = namedtuple("TopKV2", ["values", "indices"])

_INDEX = frozenset((dtypes.int32, dtypes.int64))
_REAL_FLOAT = frozenset((dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64))
_NUMBER = _REAL_FLOAT | frozenset(
    (dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64, dtypes.uint8, dtypes.uint16, dtypes.uint32,
     dtypes.uint64, dtypes.complex64, dtypes.complex128)
)  # fmt: skip
_REAL = _NUMBER - frozenset((dtypes.complex64, dtypes.complex128))


# --- shapes ---------------------------------------------------------------------------------------------


def _axis_list(c, axes, rank):
    """The axes as a sorted list of numbers from 0 on."""
    found = set()
    for axis in np.ravel(axes):
        if not -rank <= axis < rank:
            c.fail(f"Invalid reduction dimension {axis} for input with {rank} dimensions.")
        found.add(int(axis) % rank)
    return sorted(found)


def _reduced_shape(c):
    if c.known(1) and len(c.shape(1)) > 1:
        c.fail(f"Shape must be at most rank 1 but is rank {len(c.shape(1))}")
    if c.attr("keep_dims") and c.known(0):
        c.fallback((UNKNOWN,) * len(c.shape(0)))
    shape = c.shape(0)
    if c.computed(1):
        return _shape_without_computed(c, shape)
    axes = _axis_list(c, c.constant(1), len(shape))
    if c.attr("keep_dims"):
        return tuple(1 if i in axes else d for i, d in enumerate(shape))
    return tuple(d for i, d in enumerate(shape) if i not in axes)


def _shape_without_computed(c, shape):
    """The shape without axes that only the run tells; with ones in their place where the axes stay."""
    axes = c.sizes(1)
    named = reduced(c, axes, len(shape))
    if c.attr("keep_dims"):
        return tuple([extent(c, d + (1 - d) * gone) for d, gone in zip(shape, named)])
    return extents(c, shape, to_the_end(c, named, len(axes))[: len(shape) - len(axes)])


def _axis_of(c, i, rank):
    """The axis that input i is, from 0 on."""
    if c.computed(i):
        return axis_of(c, i, rank)
    axis = int(np.ravel(c.constant(i))[0])
    if not -rank <= axis < rank:
        if c.op.type in ("Cumsum", "Cumprod"):
            c.fail_in_run(f"ScanOp: Expected scan axis in the range [{-rank}, {rank}), but got {axis}")
        c.fail_in_run(f"Expected dimension in the range [{-rank}, {rank}), but got {axis}")
        c.fail(f"Dimension ({axis}) must be in the range [{-rank}, {rank}), where {rank} is the number of "
               "dimensions in the input.")  # fmt: skip
    return axis % rank


def _named_axis(c):
    """The axis that input 1 names, for errors."""
    return "one that the run tells" if c.computed(1) else int(np.ravel(c.constant(1))[0])


def _cumulative_shape(c):
    if not c.known(0):
        return None
    if not c.shape(0):
        c.fail_in_run(f"ScanOp: Expected scan axis in the range [0, 0), but got {_named_axis(c)}")
    return c.shape(0)


def _arg_shape(c):
    shape = c.shape(0)
    c.fallback((UNKNOWN,) * max(len(shape) - 1, 0))
    if not shape:
        c.fail_in_run(f"Expected dimension in the range [0, 0), but got {_named_axis(c)}")
        return ()
    if len(shape) == 1 and not c.computed(1) and _named_axis(c) not in (0, -1):
        c.fail_in_run(f"Expected dimension in the range [-1, 1), but got {_named_axis(c)}")
        return ()  # whichever axis it is, as TensorFlow has it while the graph is built
    axis = _axis_of(c, 1, len(shape))
    return shape[:axis] + shape[axis + 1 :] if isinstance(axis, int) else without(c, shape, axis)


def _top_k_shape(c):
    shape = c.shape(0)
    if not shape:
        c.fail("Shape must be at least rank 1 but is rank 0")
    k = c.sizes(1)[0]
    if isinstance(k, int) and k < 0:
        c.fail(f"Need k >= 0, got {k}")
    if isinstance(k, int) and isinstance(shape[-1], int) and k > shape[-1]:
        c.fail(f"input must have last dimension >= k = {k} but is {shape[-1]}")
    return [shape[:-1] + (c.within(k, shape[-1]),)] * 2


def _in_top_k_shape(c):
    rows = (UNKNOWN,)
    if c.known(0):
        if len(c.shape(0)) != 2:
            c.fail(f"Shape must be rank 2 but is rank {len(c.shape(0))}")
        rows = c.shape(0)[:1]
    return c.merge_shapes(rows, c.shape(1)) if c.known(1) else rows


# --- kernels and references -----------------------------------------------------------------------------


def _lower_reduction(kernel):
    def lower(c, node):
        x, out = node.inputs[0], node.outputs[0]
        shape = x.shape
        if c.computed(1):
            count = len(c.sizes(1))
            order = to_the_end(c, reduced(c, c.sizes(1), len(shape)), count)
            kept = c.temp(out.dtype, extents(c, shape, order[: len(shape) - count]))
            reduce(c, moved(c, x, order), kept, list(range(len(shape) - count, len(shape))))
            c.alias(out, kept)
            return
        axes = _axis_list(c, c.constant(1), len(shape))
        if kernel != "euclidean_norm" and all(isinstance(shape[axis], int) and shape[axis] == 1 for axis in axes):
            c.alias(out, x)  # over axes of one element there is nothing to do
            return
        reduce(c, x, out, axes)

    def reduce(c, x, out, axes):
        if len(x.shape) > c.max_rank and (x.dtype.is_floating or kernel not in ("mean", "euclidean_norm")):
            _reduce_in_turn(c, x, out, axes, reduce)
        elif kernel == "prod" and x.dtype.is_complex:
            _lower_complex_product(c, x, out, axes)
        else:
            c.emit(kernel, [x], [out], (sum(1 << axis for axis in axes),))

    return lower


def _reduce_in_turn(c, x, out, axes, reduce):
    """Over one axis after the other, with those before it and behind it as one: for more axes than an instruction takes."""
    dims = list(x.shape)
    for axis in reversed(axes):
        form = (math.prod(dims[:axis]), dims[axis], math.prod(dims[axis + 1 :]))
        del dims[axis]
        flat, rest = c.temp(x.dtype, form), c.temp(x.dtype, (form[0], form[2]))
        c.alias(flat, x)
        reduce(c, flat, rest, [1])
        x = rest
    c.alias(out, x)


def _lower_complex_product(c, x, out, axes):
    """The product of the rows of one segment, with the axes that are reduced in front."""
    order = [*axes, *(axis for axis in range(len(x.shape)) if axis not in axes)]
    own = c.strides(x)
    turned, rows, product = c.temp(x.dtype, [x.shape[a] for a in order]), 1, c.temp(x.dtype, (1, out.size))
    view = c.temp(x.dtype, turned.shape)
    c.view(view, x, [own[a] for a in order])
    c.emit("copy", [view], [turned])
    for axis in axes:
        rows = rows * x.shape[axis]
    numbers = c.temp(dtypes.int32, (rows,))
    c.emit("fill", [c.literal(np.zeros((), np.int32))], [numbers])
    c.emit("unsorted_segment_prod", [turned, numbers], [product])
    c.alias(out, product)


def _reference_reduction(function, empty=None):
    """The reduction in NumPy; `empty(dtype)` is what extrema of nothing are."""

    def reference(node, x, axes):
        named = [int(a) for a in np.ravel(axes)]
        if not all(-x.ndim <= a < x.ndim for a in named):
            raise TypeError("an axis out of range: the shape function says which")
        axes = tuple(sorted({a % x.ndim for a in named}))
        keep = bool(node.attrs["keep_dims"])
        if x.dtype == object:
            return function(x, axis=axes, keepdims=keep)
        if empty is not None and any(x.shape[a] == 0 for a in axes):
            return np.sum(np.zeros_like(x), axis=axes, keepdims=keep, dtype=x.dtype) + empty(x.dtype)
        wide = np.float64 if x.dtype.kind == "f" else x.dtype
        return np.asarray(function(x.astype(wide), axis=axes, keepdims=keep)).astype(x.dtype)

    return reference


def _mean(x, axis, keepdims):
    if x.dtype.kind not in "fc":
        count = np.prod([x.shape[a] for a in axis], dtype=np.int64)
        total = np.sum(x, axis=axis, keepdims=keepdims, dtype=x.dtype)
        count = x.dtype.type(max(count, 1))  # the mean of nothing is 0
        whole = np.asarray(total // count)  # rounded down
        return whole + ((whole < 0) & (whole * count != total)).astype(x.dtype)
    with np.errstate(all="ignore"):
        return np.sum(x, axis=axis, keepdims=keepdims) / x.dtype.type(np.prod([x.shape[a] for a in axis]))


def _least(dtype):
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _greatest(dtype):
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


def _lower_arg(kernel):
    def lower(c, node):
        x, axis = _with_last_axis(c, node.inputs[0])
        c.emit(kernel, [x], [node.outputs[0]], (axis,))

    return lower


def _with_last_axis(c, x):
    """A value and the axis that input 1 names; one that only the run tells is moved to the end."""
    rank = len(x.shape)
    axis = _axis_of(c, 1, rank)
    if isinstance(axis, int):
        return x, axis
    return moved(c, x, to_the_end(c, one_of(c, axis, rank), 1)), rank - 1


def _reference_arg(function):
    def reference(node, x, axis):
        dtype = node.attrs["output_type"].as_numpy_dtype
        return np.asarray(function(x, axis=int(np.ravel(axis)[0])), dtype)

    return reference


def _lower_cumulative(kernel):
    def lower(c, node):
        x, out = node.inputs[0], node.outputs[0]
        given, axis = _with_last_axis(c, x)
        sums = out if given is x else c.temp(out.dtype, given.shape)
        c.emit(kernel, [given], [sums], (axis, int(node.attrs["exclusive"]), int(node.attrs["reverse"])))
        if sums is not out:
            rank = len(x.shape)
            moved_back(c, out, sums, to_the_end(c, one_of(c, _axis_of(c, 1, rank), rank), 1))

    return lower


def _reference_cumulative(accumulate, start):
    def reference(node, x, axis):
        axis = int(np.ravel(axis)[0])
        if not -x.ndim <= axis < x.ndim:
            raise ValueError(f"ScanOp: Expected scan axis in the range [{-x.ndim}, {x.ndim}), but got {axis}")
        flip = (lambda a: np.flip(a, axis)) if node.attrs["reverse"] else (lambda a: a)
        result = accumulate(flip(x), axis=axis, dtype=x.dtype)
        if node.attrs["exclusive"]:
            result = np.roll(result, 1, axis)
            if result.shape[axis]:
                first = [slice(None)] * x.ndim
                first[axis] = 0
                result[tuple(first)] = start
        return flip(result)

    return reference


def _lower_top_k(c, node):
    c.emit("top_k", [node.inputs[0]], list(node.outputs), (int(node.attrs["sorted"]),))


def _reference_top_k(node, x, k):
    order = np.argsort(-x.astype(np.float64) if x.dtype.kind == "f" else ~x, axis=-1, kind="stable")
    chosen = order[..., : int(k)]
    return np.take_along_axis(x, chosen, -1), chosen.astype(np.int32)


def _lower_in_top_k(c, node):
    k = node.inputs[2] if len(node.inputs) > 2 else c.literal(np.int32(node.attrs["k"]))
    c.emit("in_top_k", [node.inputs[0], node.inputs[1], k], [node.outputs[0]])


def _reference_in_top_k(node, predictions, targets, k=None):
    k = int(node.attrs["k"] if k is None else k)
    result = np.zeros(len(targets), bool)
    for row, (scores, target) in enumerate(zip(predictions, targets)):
        if 0 <= target < len(scores) and np.all(np.isfinite(scores)):
            result[row] = np.sum(scores > scores[target]) < k
    return result


# --- gradients ------------------------------------------------------------------------------------------


def _shape_with_ones(input_shape, axes):
    """A tensor: the shape that a reduction over `axes` has where it keeps its dimensions."""
    input_shape = cast(input_shape, dtypes.int32)
    axes = cast(axes, dtypes.int32)
    rank = size(input_shape)
    axes = (axes + rank) % rank
    axes_shape = shape(axes)
    return apply_op("DynamicStitch", [[range_(rank), axes], [input_shape, fill(axes_shape, 1)]])


def _shape_quotient(x, y):

    return x // maximum(y, 1)


def _spread(op, grad):
    """The gradient of a sum: repeated along the axes that were reduced."""
    x = op.inputs[0]
    dims = x._shape
    axes = None if dims is None else constant_value(op.inputs[1])
    if axes is not None:
        defined = all(isinstance(d, int) for d in dims)
        if np.array_equal(axes, np.arange(len(dims))):
            grad = reshape(grad, [1] * len(dims))
            return tile(grad, constant(list(dims), dtypes.int32) if defined else shape(x))
        if defined:
            kept, repeats = _static_spread(op.graph, dims, tuple(int(a) for a in axes.ravel()))
            return tile(reshape(grad, kept), repeats)
    input_shape = shape(x)
    with colocate_with(input_shape):
        kept = _shape_with_ones(input_shape, op.inputs[1])
        repeats = _shape_quotient(input_shape, kept)
    return tile(reshape(grad, kept), repeats)


def _static_spread(graph, dims, axes):
    """The shape with ones, and the repeats, of a sum of known shape.

    TensorFlow 1.15 works them out by nodes, once a graph; default op seeds count nodes, so they are added
    here too.
    """

    cache = graph.__dict__.setdefault("_reduced_shape_cache", {})
    found = cache.get((dims, axes))
    if found is None:
        _shape_with_ones(list(dims), axes)
        reduced = {a % len(dims) for a in axes}
        kept = [1 if i in reduced else d for i, d in enumerate(dims)]
        apply_op("FloorDiv", [list(dims), maximum(kept, 1)], name="floordiv")
        repeats = [d // max(k, 1) for d, k in zip(dims, kept)]
        found = cache[(dims, axes)] = (kept, repeats)
    return found


def _sum_gradient(op, grad):
    return [_spread(op, grad), None]


def _mean_gradient(op, grad):
    total = _spread(op, grad)
    dims, out_dims = op.inputs[0]._shape, op.outputs[0]._shape
    if dims is not None and out_dims is not None and all(isinstance(d, int) for d in (*dims, *out_dims)):
        factor = int(np.prod(dims, dtype=np.int64)) // max(int(np.prod(out_dims, dtype=np.int64)), 1)
        factor = constant(factor, dtype=total.dtype)
    else:
        input_shape = shape(op.inputs[0])
        output_shape = shape(op.outputs[0])
        factor = _shape_quotient(reduce_prod(input_shape), reduce_prod(output_shape))
    return [truediv(total, cast(factor, total.dtype)), None]


def _extremum_gradient(op, grad):
    """Goes to the elements that are the extremum, in equal parts."""
    kept = _shape_with_ones(shape(op.inputs[0]), op.inputs[1])
    y = reshape(op.outputs[0], kept)
    grad = reshape(grad, kept)
    chosen = cast(equal(y, op.inputs[0]), grad.dtype)
    count = reshape(reduce_sum(chosen, op.inputs[1]), kept)
    return [truediv(chosen, count) * grad, None]


def _prod_gradient(op, grad):
    """The product of all other elements, from the left and from the right, so that zeros divide nothing."""
    input_shape = shape(op.inputs[0])
    axes = reshape(op.inputs[1], [-1])
    kept = _shape_with_ones(input_shape, op.inputs[1])
    repeats = _shape_quotient(input_shape, kept)
    grad = tile(reshape(grad, kept), repeats)
    ndims = rank(op.inputs[0])
    reduced = (axes + ndims) % ndims
    others = apply_op("ListDiff", [range_(0, ndims), reduced])[0]
    order = concat([reduced, others], 0)
    reduced_count = reduce_prod(gather(input_shape, reduced))
    other_count = reduce_prod(gather(input_shape, others))
    permuted = transpose(op.inputs[0], order)
    permuted_shape = shape(permuted)
    columns = reshape(permuted, (reduced_count, other_count))
    left = cumprod(columns, axis=0, exclusive=True)
    right = cumprod(columns, axis=0, exclusive=True, reverse=True)
    others_product = transpose(
        reshape(conjugated(left) * conjugated(right), permuted_shape), apply_op("InvertPermutation", [order])
    )
    return [reshape(grad * others_product, input_shape), None]


def _euclidean_norm_gradient(op, grad):
    output = op.outputs[0]
    if not op.get_attr("keep_dims"):
        kept = _shape_with_ones(shape(op.inputs[0]), op.inputs[1])
        output = reshape(output, kept)
        grad = reshape(grad, kept)
    return [op.inputs[0] / (output / grad), None]


def _cumsum_gradient(op, grad):
    axis = op.inputs[1]
    return [cumsum(grad, axis, op.get_attr("exclusive"), not op.get_attr("reverse")), None]


def _cumprod_gradient(op, grad):
    x, axis = op.inputs
    exclusive, reverse = op.get_attr("exclusive"), op.get_attr("reverse")
    product = cumprod(x, axis, exclusive=exclusive, reverse=reverse)
    total = cumsum(product * grad, axis, exclusive=exclusive, reverse=not reverse)

    return [truediv(total, x), None]


def _cumulative_logsumexp_gradient(op, grad):
    """In logarithms, of positive and of negative gradients by themselves."""
    from .array import ones_like

    x, axis = op.inputs
    exclusive, reverse = op.get_attr("exclusive"), op.get_attr("reverse")
    parts = []
    for sign in (grad, -grad):
        least = constant(np.finfo(grad.dtype.as_numpy_dtype).min, dtype=grad.dtype)
        positive = greater(sign, 0)
        logs = where(positive, log(where(positive, sign, ones_like(sign))), least * ones_like(sign))
        later = cumulative_logsumexp(logs - op.outputs[0], axis, exclusive=exclusive, reverse=not reverse)
        parts.append(exp(later + x))
    return [parts[0] - parts[1], None]


def _top_k_gradient(op, grad, _):
    """Goes to the places that the values were taken from, by way of flat indices."""
    input_shape = shape(op.inputs[0])
    indices_shape = shape(op.outputs[1])
    last = gather(cast(indices_shape, dtypes.int64), size(indices_shape) - 1)
    rows = reshape(op.outputs[1], stack([-1, last]))
    input_last = gather(cast(input_shape, dtypes.int64), size(input_shape) - 1)
    row_count = shape(rows)[0]
    starts = range_(0, cast(row_count, dtypes.int64) * input_last, input_last)
    flat = reshape(rows + cast(expand_dims(starts, -1), dtypes.int32), [-1])
    indices = expand_dims(flat, -1)
    spread = apply_op("ScatterNd", [indices, reshape(grad, [-1]), [reduce_prod(input_shape)]])
    return [reshape(spread, input_shape), zeros([], dtype=dtypes.int32)]


# --- definitions ----------------------------------------------------------------------------------------


def _reduction(name, kernel, function, gradient, types=_NUMBER, empty=None, symbolic=True):
    return OpDef(
        name, "input: T, reduction_indices: Tidx", "output: T", attrs={"keep_dims": False, "Tidx": dtypes.int32},
        types={"T": types, "Tidx": _INDEX}, shape=_reduced_shape, symbolic=symbolic, gradient=gradient,
        lower=_lower_reduction(kernel), reference=_reference_reduction(function, empty),
    )  # fmt: skip


def _logical_reduction(name, kernel, function):
    return OpDef(
        name, "input: bool, reduction_indices: Tidx", "output: bool",
        attrs={"keep_dims": False, "Tidx": dtypes.int32}, types={"Tidx": _INDEX}, shape=_reduced_shape,
        gradient=no_gradient, lower=_lower_reduction(kernel), reference=_reference_reduction(function),
    )  # fmt: skip


def _arg(name, kernel, function):
    return OpDef(
        name, "input: T, dimension: Tidx", "output: output_type", ranks={"dimension": 0},
        attrs={"Tidx": dtypes.int32, "output_type": dtypes.int64},
        types={"T": _NUMBER, "Tidx": _INDEX, "output_type": _INDEX}, shape=_arg_shape, symbolic=True, gradient=no_gradient,
        lower=_lower_arg(kernel), reference=_reference_arg(function),
    )  # fmt: skip


def _cumulative(name, kernel, accumulate, start, gradient):
    return OpDef(
        name, "x: T, axis: Tidx", "out: T", ranks={"axis": 0}, attrs={"exclusive": False, "reverse": False, "Tidx": dtypes.int32},
        types={"T": _NUMBER, "Tidx": _INDEX}, shape=_cumulative_shape, gradient=gradient,
        lower=_lower_cumulative(kernel), reference=_reference_cumulative(accumulate, start),
    )  # fmt: skip


def _norm_of(x, axis, keepdims):
    """Of integers, the root of the sum that may have overflowed, rounded down."""
    x = np.asarray(x)
    if x.dtype.kind not in "iu":
        return np.sqrt(np.sum(x * np.conj(x), axis=axis, keepdims=keepdims))
    total = np.sum(x * x, axis=axis, keepdims=keepdims, dtype=x.dtype)
    lost = np.iinfo(x.dtype).min if x.dtype.itemsize >= 4 else 0
    return np.where(total < 0, lost, np.sqrt(np.maximum(total, 0).astype(np.float64))).astype(x.dtype)


def _without_nans(x, last):
    """A NaN is never the largest or smallest element; `last` is what every other one goes before."""
    return np.where(np.isnan(x), x.dtype.type(last), x) if x.dtype.kind in "fV" else x


register(
    _reduction("Sum", "sum", np.sum, _sum_gradient),
    _reduction("Mean", "mean", _mean, _mean_gradient, symbolic=False),
    _reduction("Prod", "prod", np.prod, _prod_gradient),
    _reduction("Max", "max", np.max, _extremum_gradient, _REAL, _least, symbolic=False),
    _reduction("Min", "min", np.min, _extremum_gradient, _REAL, _greatest, symbolic=False),
    _reduction("EuclideanNorm", "euclidean_norm", _norm_of, _euclidean_norm_gradient, symbolic=False),
    _logical_reduction("All", "all", np.all),
    _logical_reduction("Any", "any", np.any),
    _arg("ArgMax", "argmax", lambda x, axis: np.argmax(_without_nans(x, -np.inf), axis=axis)),
    _arg("ArgMin", "argmin", lambda x, axis: np.argmin(_without_nans(x, np.inf), axis=axis)),
    _cumulative("Cumsum", "cumsum", np.cumsum, 0, _cumsum_gradient),
    _cumulative("Cumprod", "cumprod", np.cumprod, 1, _cumprod_gradient),
    OpDef("CumulativeLogsumexp", "x: T, axis: Tidx", "out: T", ranks={"axis": 0},
          attrs={"exclusive": False, "reverse": False, "Tidx": dtypes.int32},
          types={"T": frozenset((dtypes.float16, dtypes.float32, dtypes.float64)), "Tidx": _INDEX}, shape=_cumulative_shape,
          gradient=_cumulative_logsumexp_gradient, lower=_lower_cumulative("cumlogsumexp"),
          reference=lambda node, x, axis: _reference_cumulative(np.logaddexp.accumulate, np.finfo(x.dtype).min)(node, x, axis)),
    OpDef("L2Loss", "t: T", "output: T", types={"T": _REAL_FLOAT}, shape=scalar,
          gradient=lambda op, grad: [op.inputs[0] * grad], kernel="l2_loss",
          reference=lambda node, t: (np.sum(np.square(t.astype(np.float64))) / 2).astype(t.dtype)),
    OpDef("TopKV2", "input: T, k: int32", "values: T, indices: int32", ranks={"k": 0}, attrs={"sorted": True},
          types={"T": _REAL}, shape=_top_k_shape, gradient=_top_k_gradient, lower=_lower_top_k,
          reference=_reference_top_k),
    OpDef("InTopKV2", "predictions: float32, targets: T, k: T", "precision: bool", ranks={"targets": 1, "k": 0}, attrs={"T": dtypes.int32},
          types={"T": _INDEX}, shape=_in_top_k_shape, gradient=no_gradient, lower=_lower_in_top_k,
          reference=_reference_in_top_k),
    OpDef("InTopK", "predictions: float32, targets: T", "precision: bool", ranks={"targets": 1}, attrs={"T": dtypes.int32, "k": 1},
          types={"T": _INDEX}, shape=_in_top_k_shape, gradient=no_gradient, lower=_lower_in_top_k,
          reference=_reference_in_top_k),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------


def renamed(new_name, new, old_name, old):
    """The value of an argument that has an old name too.

    Raises:
      ValueError: where both are given.
    """
    if old is None:
        return new
    if new is not None:
        raise ValueError(f"Cannot specify both '{old_name}' and '{new_name}'")
    return old


def _axes(x, axis):
    """The axes to reduce: as given, or all."""
    if axis is not None:
        return axis
    if isinstance(x, Tensor) and x._shape is not None:
        return constant(np.arange(len(x._shape)), dtypes.int32)

    return range_(0, rank(x))


def _reduce(type, x, axis, keepdims, name, reduction_indices, keep_dims):
    axis = renamed("axis", axis, "reduction_indices", reduction_indices)
    keepdims = bool(renamed("keepdims", keepdims, "keep_dims", keep_dims))
    result = apply_op(type, [x, _axes(x, axis)], {"keep_dims": keepdims}, name)
    if axis is None and not keepdims and result._shape is None:
        result.set_shape(())
    return result


def _public(type, what):
    def function(input_tensor, axis=None, keepdims=None, name=None, reduction_indices=None, keep_dims=None):
        return _reduce(type, input_tensor, axis, keepdims, name, reduction_indices, keep_dims)

    function.__name__ = function.__qualname__ = "reduce_" + type.lower()
    function.__doc__ = f"""{what} along the given axes.

    Args:
      input_tensor: a tensor.
      axis: an axis, several, or None for all.
      keepdims: whether reduced axes stay, with size 1.
      name: the node's name.
      reduction_indices, keep_dims: the old names of axis and keepdims.

    Raises:
      ValueError: where an axis does not exist, or an argument is given under both its names.
    """
    return function


reduce_sum = _public("Sum", "The sum of the elements")
reduce_mean = _public("Mean", "The mean of the elements")
reduce_prod = _public("Prod", "The product of the elements")
reduce_max = _public("Max", "The largest element")
reduce_min = _public("Min", "The smallest element")
reduce_all = _public("All", "Whether all elements are true")
reduce_any = _public("Any", "Whether an element is true")


def reduce_logsumexp(input_tensor, axis=None, keepdims=None, name=None, reduction_indices=None, keep_dims=None):
    """log(sum(exp(x))) along the given axes, without overflow.

    Args:
      input_tensor: a tensor of floats.
      axis: an axis, several, or None for all.
      keepdims: whether reduced axes stay, with size 1.
      name: the nodes' scope.
      reduction_indices, keep_dims: the old names of axis and keepdims.
    """
    from .core import stop_gradient

    axis = renamed("axis", axis, "reduction_indices", reduction_indices)
    keepdims = bool(renamed("keepdims", keepdims, "keep_dims", keep_dims))
    input_tensor = convert_to_tensor(input_tensor)
    with name_scope(name, "ReduceLogSumExp", [input_tensor]):
        top = reduce_max(input_tensor, axis=axis, keepdims=True)
        top = stop_gradient(where(is_finite(top), top, zeros_like(top)))
        shifted = apply_op("Sub", [input_tensor, top])
        result = log(reduce_sum(exp(shifted), axis=axis, keepdims=keepdims))
        if not keepdims:
            top = reshape(top, shape(result))
        result = apply_op("Add", [result, top])
        if axis is None and not keepdims and result._shape is None:
            result.set_shape(())
        return result


def reduce_variance(input_tensor, axis=None, keepdims=False, name=None):
    """The variance of the elements along the given axes."""

    with name_scope(name or "reduce_variance"):
        means = reduce_mean(input_tensor, axis=axis, keepdims=True)
        return reduce_mean(square(input_tensor - means), axis=axis, keepdims=keepdims)


def reduce_std(input_tensor, axis=None, keepdims=False, name=None):
    """The standard deviation of the elements along the given axes."""

    with name_scope(name or "reduce_std"):
        return sqrt(reduce_variance(input_tensor, axis=axis, keepdims=keepdims))


def reduce_euclidean_norm(input_tensor, axis=None, keepdims=False, name=None):
    """The square root of the sum of squares along the given axes."""
    return _reduce("EuclideanNorm", input_tensor, axis, keepdims, name, None, None)


def count_nonzero(input_tensor=None, axis=None, keepdims=None, dtype=dtypes.int64, name=None,
                  reduction_indices=None, keep_dims=None, input=None):  # fmt: skip
    """How many elements along the given axes are not zero.

    Args:
      input_tensor: a tensor of numbers, bools or strings.
      axis: an axis, several, or None for all.
      keepdims: whether reduced axes stay, with size 1.
      dtype: the type of the result.
      name: the nodes' scope.
      reduction_indices, keep_dims, input: old and new names of axis, keepdims and input_tensor.
    """
    input_tensor = renamed("input", input, "input_tensor", input_tensor)
    axis = renamed("axis", axis, "reduction_indices", reduction_indices)
    keepdims = bool(renamed("keepdims", keepdims, "keep_dims", keep_dims))
    with name_scope(name, "count_nonzero", [input_tensor]):
        input_tensor = convert_to_tensor(input_tensor, name="input")
        zero = zeros([], dtype=input_tensor.dtype)
        counts = cast(not_equal(input_tensor, zero), dtypes.int64)
        return cast(reduce_sum(counts, axis=axis, keepdims=keepdims), dtypes.as_dtype(dtype))


def _public_arg(type, what):
    def function(input, axis=None, name=None, dimension=None, output_type=dtypes.int64):
        axis = renamed("axis", axis, "dimension", dimension)
        attrs = {"output_type": output_type}
        return apply_op(type, [input, 0 if axis is None else axis], attrs, name)

    function.__name__ = function.__qualname__ = type.lower()
    function.__doc__ = f"""The index of the {what} element along an axis; the first one where several are equal.

    Args:
      input: a tensor of numbers.
      axis: the axis; 0 by default.
      name: the node's name.
      dimension: the old name of axis.
      output_type: int32 or int64.
    """
    return function


argmax = _public_arg("ArgMax", "largest")
argmin = _public_arg("ArgMin", "smallest")


def arg_max(input, dimension, output_type=dtypes.int64, name=None):
    """`argmax` under its old name."""
    return argmax(input, dimension, name, output_type=output_type)


def arg_min(input, dimension, output_type=dtypes.int64, name=None):
    """`argmin` under its old name."""
    return argmin(input, dimension, name, output_type=output_type)


def cumsum(x, axis=0, exclusive=False, reverse=False, name=None):
    """The sums of the elements up to each element along an axis.

    Args:
      x: a tensor of numbers.
      axis: the axis.
      exclusive: whether an element's own value is left out.
      reverse: whether it starts at the end.
      name: the node's name.
    """
    return _cumulate("Cumsum", x, axis, exclusive, reverse, name)


def cumprod(x, axis=0, exclusive=False, reverse=False, name=None):
    """The products of the elements up to each element along an axis; the arguments are those of cumsum."""
    return _cumulate("Cumprod", x, axis, exclusive, reverse, name)


def cumulative_logsumexp(x, axis=0, exclusive=False, reverse=False, name=None):
    """The running logarithm of the sum of the exponentials along an axis, without overflow.

    Args:
      x: float16, float32 or float64.
      axis: the axis.
      exclusive: whether each element is left out of its own sum; the first is then the least number of the type.
      reverse: whether to run from the end.
      name: the node's name.
    """
    with name_scope(name, "CumulativeLogsumexp", [x]) as scope:
        return apply_op("CumulativeLogsumexp", [x, axis], {"exclusive": exclusive, "reverse": reverse}, scope)


def _cumulate(type, x, axis, exclusive, reverse, name):
    with name_scope(name, type, [x]) as scope:
        x = convert_to_tensor(x, name="x")
        return apply_op(type, [x, axis], {"exclusive": bool(exclusive), "reverse": bool(reverse)}, scope)


def top_k(input, k=1, sorted=True, name=None):
    """The k largest elements of each row, and their places; of equal ones the first.

    Args:
      input: a tensor of numbers of at least one axis.
      k: how many.
      sorted: whether they come in descending order.
      name: the node's name.

    Returns:
      A namedtuple of values and indices.
    """
    return TopKV2(*apply_op("TopKV2", [input, k], {"sorted": bool(sorted)}, name))


def in_top_k(predictions, targets, k, name=None):
    """Whether the target of each row is among its k largest predictions; with ties, it is."""
    with name_scope(name, "in_top_k"):
        return apply_op("InTopKV2", [predictions, targets, k])
