"""How often values appear: counts, histograms, confusion matrices; positions as coordinates; repetition."""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors
from ..graph.scopes import name_scope
from . import kinds
from .array import broadcast_to, expand_dims, ones, ones_like, rank, reshape, shape, squeeze, tile, zeros
from .build import apply_op, constant, convert_to_tensor
from .cast import cast
from .clip import clip_by_value
from .core import with_dependencies
from .gather import boolean_mask, gather_nd, largest_of_all, sequence_mask
from .math import equal, greater, maximum, minimum, truediv
from .math_unary import floor
from .reduce import reduce_max, reduce_prod
from .registry import OpDef, no_gradient, register
from .shape_functions import length_by_input, scalar
from .slicing import concat, stack
from .state import variable_reference

__all__ = [
    "bincount", "confusion_matrix", "count_up_to", "histogram_fixed_width", "histogram_fixed_width_bins", "repeat",
    "unravel_index",
]  # fmt: skip


# --- definitions ----------------------------------------------------------------------------------------------


def _bincount_reference(node, numbers, size, weights):
    numbers, size = np.ravel(numbers), int(size)
    if np.any(numbers < 0):
        raise ValueError("Input arr must be non-negative!")
    kept = numbers < size
    if np.size(weights) not in (0, len(numbers)):
        raise ValueError(
            f"weights must have as many elements as the integers, {len(numbers)}, but has {np.size(weights)}"
        )
    weights = np.ravel(weights)[kept] if np.size(weights) else None
    return np.bincount(numbers[kept], weights, minlength=size)


def _histogram_reference(node, values, value_range, count):
    low, high = (float(v) for v in value_range)
    if not low < high:
        raise ValueError(f"value_range should satisfy value_range[0] < value_range[1], but got '[{low:g}, {high:g}]'")
    place = (np.maximum(np.ravel(values).astype(float), low) - low) / ((high - low) / int(count))
    return np.bincount(np.minimum(place, int(count) - 1).astype(int), minlength=int(count))


def _unravel_shape(c):
    axes = c.shape(1)[0]
    indices = c.shape(0)
    return (axes,) if not indices else (axes, *indices)


def _unravel_reference(node, indices, dims):
    if np.any(indices < 0) or np.any(indices >= np.prod(dims)):
        raise ValueError(f"index is out of bound as with dims of {np.prod(dims)} elements")
    return np.array(np.unravel_index(indices, tuple(dims)))


def _dense_add_lower(c, node):
    indices, values, _, dense = node.inputs
    (out,) = node.outputs
    if len(indices.shape) != 2:
        c.fail(f"Input a_indices should be a matrix but is of rank {len(indices.shape)}")
    if len(values.shape) != 1:
        c.fail(f"Inputs a_values and a_shape should be vectors but a_values is of rank {len(values.shape)}")
    c.merge(indices.shape[0], values.shape[0])
    c.merge(indices.shape[1], len(dense.shape))
    scattered = c.temp(out.dtype, out.shape)
    c.emit("scatter_nd", [indices, values], [scattered])
    c.emit("add", [scattered, dense], [out])


def _dense_add_reference(node, indices, values, dims, dense):
    if np.ndim(indices) != 2:
        raise ValueError(f"Input a_indices should be a matrix but is of rank {np.ndim(indices)}")
    if np.ndim(values) != 1:
        raise ValueError(f"Inputs a_values and a_shape should be vectors but a_values is of rank {np.ndim(values)}")
    out = np.array(dense)
    if np.any(indices < 0) or np.any(indices >= np.shape(dense)):
        raise IndexError(f"indices do not index into shape {np.shape(dense)}")
    np.add.at(out, tuple(np.moveaxis(indices, -1, 0)), values)
    return out


def _count_up_lower(c, node):
    (variable,) = node.inputs
    value = c.temp(variable.dtype, ())
    c.emit("count_up_to", [variable], [value], (c.attr("limit"),))
    node.outputs.append(value)


def _count_up_reference(node, value):
    limit = node.attrs["limit"]
    if value >= limit:
        raise errors.OutOfRangeError(None, node.op, f"Reached limit of {limit}")
    return value + 1, value


register(
    OpDef("CountUpTo", "ref: Ref(T)", "output: T", attrs={"limit": None}, types={"T": kinds.INDEX}, shape=scalar,
          lower=_count_up_lower, reference=_count_up_reference, writes=(0,), stateful=True, can_fail=True,
          gradient=no_gradient),
    OpDef("ResourceCountUpTo", "resource: resource", "output: T", attrs={"limit": None, "T": None},
          types={"T": kinds.INDEX}, shape=scalar, lower=_count_up_lower, reference=_count_up_reference, writes=(0,),
          stateful=True, can_fail=True, gradient=no_gradient),
    OpDef("Bincount", "arr: int32, size: int32, weights: T", "bins: T", ranks={"size": 0},
          types={"T": frozenset((dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64))}, shape=length_by_input(1),
          lower=lambda c, node: c.emit("bincount", [node.inputs[0], node.inputs[2]], node.outputs),
          reference=_bincount_reference, can_fail=True),
    OpDef("HistogramFixedWidth", "values: T, value_range: T, nbins: int32", "out: dtype", ranks={"value_range": 1, "nbins": 0}, attrs={"dtype": dtypes.int32},
          types={"T": frozenset((dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64)), "dtype": kinds.INDEX},
          shape=length_by_input(2), lower=lambda c, node: c.emit("histogram", node.inputs[:2], node.outputs),
          reference=_histogram_reference, gradient=no_gradient, can_fail=True),
    OpDef("UnravelIndex", "indices: Tidx, dims: Tidx", "output: Tidx", ranks={"dims": 1}, attrs={"Tidx": dtypes.int32},
          types={"Tidx": kinds.INDEX}, shape=_unravel_shape, kernel="unravel_index", reference=_unravel_reference,
          gradient=no_gradient, can_fail=True),
    OpDef("SparseTensorDenseAdd", "a_indices: Tindices, a_values: T, a_shape: Tindices, b: T", "output: T",
          types={"T": kinds.NUMBER, "Tindices": kinds.INDEX}, shape=lambda c: c.shape(3), lower=_dense_add_lower,
          reference=_dense_add_reference, can_fail=True,
          gradient=lambda op, grad: [None, gather_nd(grad, op.inputs[0]), None, grad]),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------------


def bincount(arr, weights=None, minlength=None, maxlength=None, dtype=dtypes.int32):
    """How often each integer from 0 on appears.

    Args:
      arr: int32, not negative.
      weights: of the same shape: element k is then the sum of the weights where `arr` is k.
      minlength: the least length of the result.
      maxlength: the greatest; larger integers are left out.
      dtype: of the counts.

    Returns:
      A vector, as long as the largest integer + 1.
    """
    with name_scope(None, "bincount"):
        arr = convert_to_tensor(arr, name="arr", dtype=dtypes.int32)
        some = greater(reduce_prod(shape(arr)), 0)
        length = cast(some, dtypes.int32) * (reduce_max(arr) + 1)
        if minlength is not None:
            minlength = convert_to_tensor(minlength, name="minlength", dtype=dtypes.int32)
            length = maximum(minlength, length)
        if maxlength is not None:
            maxlength = convert_to_tensor(maxlength, name="maxlength", dtype=dtypes.int32)
            length = minimum(maxlength, length)
        if weights is not None:
            from .segment import unsorted_segment_sum

            weights = convert_to_tensor(weights, name="weights")
            return unsorted_segment_sum(weights, arr, length)
        return apply_op("Bincount", [arr, length, constant([], dtype)])


def histogram_fixed_width(values, value_range, nbins=100, dtype=dtypes.int32, name=None):
    """How many values fall into each of `nbins` bins of one width.

    Args:
      values: a tensor of numbers.
      value_range: [least, greatest]; values outside count in the first or the last bin.
      nbins: how many bins.
      dtype: of the counts, int32 or int64.
      name: the node's name.
    """
    with name_scope(name, "histogram_fixed_width", [values, value_range, nbins]) as scope:
        return apply_op("HistogramFixedWidth", [values, value_range, nbins], {"dtype": dtype}, scope)


def histogram_fixed_width_bins(values, value_range, nbins=100, dtype=dtypes.int32, name=None):
    """The bin of `histogram_fixed_width` that each value falls into, an int32 whatever `dtype` says, as in TensorFlow."""
    with name_scope(name, "histogram_fixed_width_bins", [values, value_range, nbins]):
        values = convert_to_tensor(values, name="values")
        form = shape(values)
        values = reshape(values, [-1])
        value_range = convert_to_tensor(value_range, name="value_range")
        count = cast(convert_to_tensor(nbins, dtype=dtypes.int32, name="nbins"), values.dtype)
        scaled = truediv(values - value_range[0], value_range[1] - value_range[0], name="scaled_values")
        places = floor(count * scaled, name="indices")
        places = cast(clip_by_value(places, 0, count - 1), dtypes.int32)
        return reshape(places, form)


def confusion_matrix(labels, predictions, num_classes=None, dtype=dtypes.int32, name=None, weights=None):
    """How often each label (the row) meets each prediction (the column).

    Args:
      labels, predictions: vectors of class numbers.
      num_classes: how many classes; by default the largest number tells.
      dtype: of the counts.
      name: the nodes' scope.
      weights: what an example counts, 1 by default.

    Returns:
      [num_classes, num_classes].
    """
    from .check import assert_less, assert_non_negative

    with name_scope(name, "confusion_matrix", [predictions, labels, num_classes, weights]):
        labels, predictions = _without_last_axis(convert_to_tensor(labels, name="labels"),
                                                 convert_to_tensor(predictions, name="predictions"))  # fmt: skip
        predictions, labels = cast(predictions, dtypes.int64), cast(labels, dtypes.int64)
        dtype = dtypes.as_dtype(dtype)
        labels = _after(assert_non_negative(labels, message="`labels` contains negative values"), labels)
        predictions = _after(
            assert_non_negative(predictions, message="`predictions` contains negative values"), predictions
        )
        if num_classes is None:
            num_classes = maximum(reduce_max(predictions), reduce_max(labels)) + 1
        else:
            classes = cast(num_classes, dtypes.int64)
            labels = _after(assert_less(labels, classes, message="`labels` out of bound"), labels)
            predictions = _after(assert_less(predictions, classes, message="`predictions` out of bound"), predictions)
        if weights is not None:
            weights = convert_to_tensor(weights, name="weights")
            predictions.get_shape().assert_is_compatible_with(weights.get_shape())
            weights = cast(weights, dtype)
        form = stack([num_classes, num_classes])
        indices = stack([labels, predictions], axis=1)
        values = ones_like(predictions, dtype) if weights is None else weights
        dense_shape = cast(form, dtypes.int64)
        return apply_op("SparseTensorDenseAdd", [indices, values, dense_shape, zeros(cast(form, dtypes.int32), dtype)])


def _after(check, tensor):
    return with_dependencies([check], tensor)


def _without_last_axis(labels, predictions):
    """The one that has an axis more than the other loses it, of size 1; where a rank is not known, the run tells."""
    ranks_known = labels._shape is not None and predictions._shape is not None
    with name_scope(None, "remove_squeezable_dimensions", [labels, predictions]):
        if not ranks_known:
            return _without_last_axis_in_run(labels, predictions)
        more = len(predictions._shape) - len(labels._shape)
        if more == 1:
            predictions = squeeze(predictions, [-1])
        elif more == -1:
            labels = squeeze(labels, [-1])
    predictions.get_shape().assert_is_compatible_with(labels.get_shape())
    return labels, predictions


def _without_last_axis_in_run(labels, predictions):
    from .conditional import cond

    more = rank(predictions) - rank(labels)

    def squeezed(tensor, number):
        if tensor._shape is not None and not (tensor._shape and tensor.get_shape()[-1:].is_compatible_with([1])):
            return tensor
        return cond(equal(number, more), lambda: squeeze(tensor, [-1]), lambda: tensor)

    predictions = squeezed(predictions, 1)
    return squeezed(labels, -1), predictions


def unravel_index(indices, dims, name=None):
    """Positions in a tensor of the given dims, row by row, as coordinates: [axes, positions]."""
    return apply_op("UnravelIndex", [indices, dims], name=name)


def repeat(input, repeats, axis=None, name=None):
    """A tensor with its slices along an axis repeated.

    Args:
      input: a tensor.
      repeats: how often; a number, or one for each slice.
      axis: the axis; by default the tensor is made a vector first.
      name: the nodes' scope.
    """
    if axis is None:
        input, axis = reshape(input, [-1]), 0
    with name_scope(name, "Repeat", [input, repeats]):
        data = convert_to_tensor(input, name="data")
        repeats = convert_to_tensor(repeats, name="repeats")
        repeats = apply_op("Cast", [repeats], {"DstT": dtypes.int32})
        data = _at_least_vector(data)
        form = shape(data)
        if data._shape is not None:
            axis = axis % len(data._shape)
        elif axis < 0:
            raise ValueError("axis may only be negative if ndims is statically known.")
        if repeats._shape == ():
            wide = _repeated_along(expand_dims(data, axis + 1), axis + 1, repeats)
            return reshape(wide, concat([form[:axis], [-1], form[axis + 1 :]], 0))
        if repeats._shape == (1,):
            repeats = repeats + zeros([form[axis]], dtypes.int32)
        if repeats._shape is None or len(repeats._shape) != axis + 1:
            own, count = shape(repeats), rank(repeats)
            repeats = broadcast_to(repeats, concat([form[: axis + 1 - count], own], 0))
            repeats.set_shape([None] * (axis + 1))
        most = maximum(0, largest_of_all(repeats))
        kept = sequence_mask(repeats, most)
        wide = _repeated_along(expand_dims(data, axis + 1), axis + 1, most)
        found = boolean_mask(wide, kept)
        if axis:
            found = reshape(found, concat([form[:axis], [-1], form[axis + 1 :]], 0))
        if data._shape is not None:
            known = data.get_shape()
            found.set_shape(known[:axis].concatenate([None]).concatenate(known[axis + 1 :]))
        return found


def _at_least_vector(data):
    if data._shape is not None:
        return data if data._shape else stack([data])
    sizes, count = shape(data), rank(data)
    return reshape(data, concat([[1], sizes], 0)[-count:])


def _repeated_along(data, axis, times):
    if data._shape is not None:
        return tile(data, [1] * axis + [times] + [1] * (len(data._shape) - axis - 1))
    single = ones(rank(data), dtypes.int32)
    return tile(data, concat([single[:axis], [times], single[axis + 1 :]], 0))


def count_up_to(ref, limit, name=None):
    """Adds 1 to a scalar variable of integers, and gives the value before.

    Args:
      ref: a variable of dtype int32 or int64.
      limit: where counting ends.
      name: the node's name.

    Raises:
      OutOfRangeError: when it runs, once the variable has reached the limit.
      TypeError: where the limit is no number.
    """
    if isinstance(limit, str) or not hasattr(limit, "__int__"):
        raise TypeError(f"Expected int for argument 'limit' not {limit!r}.")
    limit = int(limit)
    if getattr(ref, "_is_resource", False):
        return apply_op("ResourceCountUpTo", [ref.handle], {"limit": limit, "T": ref.dtype.base_dtype}, name)
    return apply_op("CountUpTo", [variable_reference(ref, "handle")], {"limit": limit}, name)
