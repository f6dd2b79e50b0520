"""Gathering inside batches: the batch becomes one long axis, and each row's indices are moved to its part of it."""

from __future__ import annotations

from .. import dtypes
from ..graph.scopes import name_scope
from .array import invert_permutation, ones, rank, reshape, shape, size, tile, transpose, zeros
from .build import apply_op, convert_to_tensor
from .cast import cast
from .gather import gather
from .math import greater_equal
from .ranges import range as tensor_range
from .rearrange import meshgrid
from .segment import unsorted_segment_sum
from .slicing import concat, stack, unstack

__all__ = ["batch_gather"]


def batch_gather(params, indices, name=None):
    """`gather` along the last axis of `indices`, the axes before it shared.

    Raises:
      ValueError: where the rank of `indices` is unknown or 0, or that of `params` too small.
    """
    with name_scope(name, "BatchGather", [params, indices]):
        indices = convert_to_tensor(indices, name="indices")
        params = convert_to_tensor(params, name="params")
        if indices._shape is None:
            raise ValueError("batch_gather does not allow indices with unknown shape.")
        shared = len(indices._shape) - 1
        if shared < 0:
            raise ValueError("batch_dims = -1 must be less than rank(indices) = 0")
        if params._shape is not None and shared >= len(params._shape):
            raise ValueError(f"batch_dims = {shared} must be less than rank(params) = {len(params._shape)}")
        return _gathered_rows(params, indices, shared)


def _gathered_rows(params, indices, shared):
    indices_shape = shape(indices)
    params_shape = shape(params)
    one = ones((), indices.dtype)
    limits = apply_op("Cast", [params_shape], {"DstT": indices.dtype})
    flat = reshape(_moved_indices(indices, limits, one, shared, "Range"), [-1])
    inner = params_shape[shared + 1 :]
    rows = apply_op("Prod", [params_shape[: shared + 1], [0]])
    flat_params = reshape(params, concat([[rows], inner], axis=0))
    result = reshape(gather(flat_params, flat), concat([indices_shape, inner], axis=0))
    lead = indices.get_shape()[:shared].merge_with(params.get_shape()[:shared])
    result.set_shape(lead.concatenate(indices.get_shape()[shared:]).concatenate(params.get_shape()[shared + 1 :]))
    return result


def _moved_indices(indices, limits, length, shared, range_name):
    """Indices into the flattened batch: each is moved by the number of rows before its own part.

    Args:
      limits: the shape of what is indexed, in the indices' type.
      length: one, in the same type; grows to the length of a part.
      range_name: the name of the nodes that count.
    """
    count = len(indices._shape)
    moved = indices
    for axis in range(shared, 0, -1):
        parts = limits[axis - 1]
        length = length * limits[axis]
        start, step = zeros((), indices.dtype), ones((), indices.dtype)
        starts = apply_op("Range", [start, parts, step], name=range_name) * length
        form = stack([1] * (axis - 1) + [parts] + [1] * (count - axis), axis=0)
        moved = moved + reshape(starts, form)
    return moved


def gathered_axis_gradient(grad, form, indices, axis, shared):
    """The gradient of what `gather` took from: the axis is moved behind the batch, summed by index, and moved back.

    Args:
      form: the shape of what was taken from.
      axis: the axis, a tensor.
      shared: the number of batch axes.
    """
    outer_shape = form[:axis]
    inner_shape = form[axis:][1:]
    values_shape = concat([outer_shape, [-1], inner_shape], 0)
    dims, outer = size(values_shape), size(outer_shape)
    batch_axes = tensor_range(shared)
    middle_axes = tensor_range(shared, outer)
    inner_axes = tensor_range(outer + 1, dims)
    values = reshape(grad, values_shape)
    values = transpose(values, concat([batch_axes, [outer], middle_axes, inner_axes], 0))
    summed = _summed_by_index(form, values, indices, shared, form[axis])
    return transpose(summed, concat([batch_axes, middle_axes + 1, [shared], inner_axes], 0))


def computed_axis_gradient(grad, form, indices, axis, shared, rank):
    """`gathered_axis_gradient` along an axis that only the run tells, of what has `rank` axes: all permutations are as long as that."""
    new = len(indices._shape) - shared
    axis = cast(axis, dtypes.int32) % rank
    batch_axes, others = list(range(shared)), tensor_range(shared, rank - 1)
    behind = cast(greater_equal(others, axis), dtypes.int32)
    values = transpose(grad, concat([batch_axes, tensor_range(new) + axis, others + new * behind], 0))
    order = concat([batch_axes, [axis], others + behind], 0)
    moved = gather(form, order)
    values = reshape(values, concat([moved[:shared], [-1], moved[shared + 1 :]], 0))
    return transpose(_summed_by_index(moved, values, indices, shared, moved[shared]), invert_permutation(order))


def _summed_by_index(form, values, indices, shared, length):
    from .array import expand_dims

    count = expand_dims(size(indices), 0)
    if not shared:
        return unsorted_segment_sum(values, reshape(indices, count), length)
    outer_shape = shape(values)
    outer_shape, inner_shape = outer_shape[:shared], outer_shape[shared:][1:]
    batch = apply_op("Prod", [outer_shape, [0]])
    flat_shape = concat([[-1], inner_shape], 0)
    length = length * batch
    limits = cast(form, indices.dtype)
    moved = _moved_indices(indices, limits, ones((), indices.dtype), shared, "range")
    values = reshape(values, flat_shape)
    summed = unsorted_segment_sum(values, reshape(moved, count), length)
    return reshape(summed, concat([outer_shape, flat_shape], 0))


def batch_gather_nd(params, indices, batch_dims, name=None):
    """`gather_nd` with leading axes in common: the place in the batch is put before every index.

    Raises:
      TypeError: where `batch_dims` is no integer.
      ValueError: where it is negative, or the ranks do not have so many axes.
    """
    with name_scope(name, "BatchGatherND", [params, indices]):
        indices = convert_to_tensor(indices, name="indices")
        params = convert_to_tensor(params, name="params")
        _check_shared(params, indices, batch_dims)
        params_shape, indices_shape = shape(params), shape(indices)
        batch_shape = params_shape[:batch_dims]
        batch = apply_op("Prod", [batch_shape, [0]])
        inner_rank = rank(indices) - batch_dims - 1
        inner_shape = indices_shape[batch_dims:-1]
        places = _places_in_batch(batch_shape, indices.dtype)
        form = shape(places)
        places = reshape(places, concat([form[:1], ones(inner_rank, dtypes.int32), form[1:]], axis=0))
        places = tile(places, concat(((1,), inner_shape, (1,)), axis=0))
        flat = reshape(indices, concat(([batch], indices_shape[batch_dims:]), axis=0))
        found = apply_op("GatherNd", [params, concat((places, flat), axis=-1)])
        return reshape(found, concat((batch_shape, shape(found)[1:]), axis=0))


def _check_shared(params, indices, batch_dims):
    if not isinstance(batch_dims, int):
        raise TypeError(f"batch_dims must be an int; got {batch_dims!r}")
    if batch_dims < 0:
        raise ValueError("tf.gather_nd does not allow negative batch_dims.")
    for name, tensor in (("indices", indices), ("params", params)):
        if tensor._shape is not None and batch_dims >= len(tensor._shape):
            raise ValueError(f"batch_dims = {batch_dims} must be less than rank({name}) = {len(tensor._shape)}")


def _places_in_batch(batch_shape, dtype):
    """A row for each place in the batch: its index along each batch axis."""
    counters = [apply_op("Cast", [apply_op("Range", [0, n, 1])], {"DstT": dtype}) for n in unstack(batch_shape, axis=0)]
    columns = [reshape(grid, (-1,)) for grid in meshgrid(*counters, indexing="ij")]
    return transpose(stack(columns, axis=0))
