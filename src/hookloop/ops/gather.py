"""Elements and rows by index: gather, scatter, one-hot rows, and where a condition holds."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..graph.scopes import colocate_with, name_scope
from ..shapes import UNKNOWN
from . import kinds
from .build import apply_op, constant, convert_to_tensor
from .computed_axes import axis_of, extents, is_before, moved, to_the_end
from .registry import OpDef, no_gradient, register
from .shape_functions import check_sizes, handle_shape, one_of, picked, shape_of_variable

__all__ = ["boolean_mask", "gather", "gather_nd", "one_hot", "scatter_nd", "sequence_mask"]


# --- gather ---------------------------------------------------------------------------------------------------


def _gather_axis(c):
    if c.computed(2):
        return axis_of(c, 2, len(c.shape(0)))
    axis = int(np.ravel(c.constant(2))[0])
    rank = len(c.shape(0))
    if not -rank <= axis < rank:
        c.fail_in_run(f"Expected axis in the range [{-rank}, {rank}), but got {axis}")
        c.fail(f"Shape must be at least rank {axis + 1 if axis >= 0 else -axis} but is rank {rank}")
    return axis % rank


def _shared_axes(attrs, indices_rank):
    shared = attrs.get("batch_dims", 0)
    return shared + indices_rank if shared < 0 else shared


def _gathered(c):
    params, indices = c.shape(0), c.shape(1)
    batch_dims = c.attr("batch_dims")
    if not -len(indices) <= batch_dims <= len(indices):
        c.fail(f"Expected batch_dims in the range [{-len(indices)}, {len(indices)}], but got {batch_dims}")
    shared = _shared_axes({"batch_dims": batch_dims}, len(indices))
    if shared and shared >= len(params):
        c.fail(f"batch_dims ({shared}) must be less than rank(params) ({len(params)}).")
    c.fallback((UNKNOWN,) * (len(params) + len(indices) - shared - 1))
    axis = _gather_axis(c)
    for a, b in zip(params[:shared], indices[:shared]):
        c.merge(a, b)
    if not isinstance(axis, int):
        return extents(c, [*params, *indices], _gathered_order(c, axis, shared))
    return (*params[:axis], *indices[shared:], *params[axis + 1 :])


def _gathered_order(c, axis, shared):
    """For each axis of the result which one of all axes of params and indices it is, where only the run tells the axis."""
    rank, new = len(c.shape(0)), len(c.shape(1)) - shared
    c.within(shared, axis)
    order = []
    for k in range(rank - 1 + new):
        own = [0] * rank
        if k < rank:
            own[k] = is_before(c, k, axis)
        if k - new + 1 >= 0:
            own[k - new + 1] = own[k - new + 1] + is_before(c, axis, k - new + 1)
        order.append([*own, *[0] * shared, *(one_of(c, k - j - axis, 1)[0] for j in range(new))])
    return order


def _gather_lower(c, node):
    shared = _shared_axes(node.attrs, len(node.inputs[1].shape))
    axis = _gather_axis(c)
    if isinstance(axis, int):
        c.emit("gather", node.inputs[:2], node.outputs, (axis, shared))
        return
    params, indices = node.inputs[:2]
    rank, out = len(params.shape), node.outputs[0]
    order = to_the_end(c, one_of(c, axis, rank), 1)
    turned = moved(c, params, [*order[:shared], order[-1], *order[shared:-1]])
    rows = c.temp(out.dtype, (*turned.shape[: shared + 1][:-1], *indices.shape[shared:], *turned.shape[shared + 1 :]))
    c.emit("gather", [turned, indices], [rows], (shared, shared))
    _move_gathered_back(c, out, rows, axis, shared, len(indices.shape) - shared)


def _move_gathered_back(c, out, rows, axis, shared, new):
    """The axes of the indices, which stand behind the shared ones, go to where the axis was."""
    strides, found = c.strides(rows), []
    for k in range(len(out.shape)):
        choice = [0] * len(strides)
        for m in range(len(strides)):
            if m < shared:
                choice[m] = int(k == m)
            elif m < shared + new:
                (choice[m],) = one_of(c, axis + (m - shared) - k, 1)
            else:
                before = m - new  # among the axes of params but the one that is gone
                choice[m] = is_before(c, k, axis) if k == before else 0
                if k == m:
                    choice[m] = choice[m] + is_before(c, axis, before + 1)
        found.append(picked(strides, choice))
    c.view(out, rows, found)


def _check_indices(indices, limit):
    indices = np.asarray(indices)
    bad = np.argwhere((indices < 0) | (indices >= limit))
    if len(bad):
        at = tuple(bad[0])
        place = "[" + ",".join(map(str, at)) + "]" if at else ""
        raise IndexError(f"indices{place} = {indices[at]} is not in [0, {limit})")


def _gather_reference(node, params, indices, axis):
    axis = int(axis) % np.ndim(params)
    shared = _shared_axes(node.attrs, np.ndim(indices))
    if 0 not in np.shape(params)[:axis]:  # places are looked at where there is one to be taken
        _check_indices(indices, np.shape(params)[axis])
    elif not shared:
        return np.zeros((*np.shape(params)[:axis], *np.shape(indices), *np.shape(params)[axis + 1 :]), params.dtype)
    if not shared:
        return np.take(params, np.asarray(indices).astype(int), axis)
    lead = np.shape(indices)[:shared]
    if 0 in lead:
        return np.zeros(
            (*np.shape(params)[:axis], *np.shape(indices)[shared:], *np.shape(params)[axis + 1 :]), params.dtype
        )
    parts = [np.take(params[at], indices[at], axis - shared) for at in np.ndindex(lead)]
    return np.stack(parts).reshape(lead + parts[0].shape)


def _gather_gradient(op, grad):
    from .array import expand_dims, reshape, shape, size
    from .batch_gather import computed_axis_gradient, gathered_axis_gradient
    from .cast import cast
    from .indexed_slices import IndexedSlices
    from .shape_context import partial_value
    from .slicing import concat
    from .tensor_util import constant_value

    params, indices, axis = op.inputs
    with colocate_with(params):
        form = cast(shape(params, out_type=dtypes.int64), dtypes.int32)
    count = expand_dims(size(indices), 0)
    known = constant_value(axis)
    if known == 0:
        values_shape = concat([count, form[1:]], 0)
        return [IndexedSlices(reshape(grad, values_shape), reshape(indices, count), form), None, None]
    shared = op._attrs.get("batch_dims", 0)
    if shared < 0:
        shared = _shared_axes(op._attrs, len(indices._shape))
    ranks_known = params._shape is not None and indices._shape is not None
    if ranks_known and (
        partial_value(axis) is None or (shared and known is not None and known % len(params._shape) != shared)
    ):
        return [computed_axis_gradient(grad, form, indices, axis, shared, len(params._shape)), None, None]
    return [gathered_axis_gradient(grad, form, indices, axis, shared), None, None]


# --- rows of a resource variable ---------------------------------------------------------------------------------


def _variable_rows_shape(c):
    params = shape_of_variable(c, 0)
    if params is None or not c.known(1):
        return None
    if not params:
        c.fail("Shape must be at least rank 1 but is rank 0")
    return (*c.shape(1), *params[1:])


def _variable_rows_reference(node, params, indices):
    _check_indices(indices, np.shape(params)[0])
    return np.take(params, np.asarray(indices).astype(int), 0)


def _variable_rows_gradient(op, grad):
    from .array import expand_dims, reshape, shape, size
    from .indexed_slices import IndexedSlices
    from .slicing import concat

    handle, indices = op.inputs
    known = handle_shape(handle)
    if known is not None and all(isinstance(d, int) for d in known):
        form = constant(list(known), dtypes.int32)
    else:
        form = shape(apply_op("ReadVariableOp", [handle], {"dtype": op.get_attr("dtype")}))
    count = expand_dims(size(indices), 0)
    values = reshape(grad, concat([count, form[1:]], 0))
    return [IndexedSlices(values, reshape(indices, count), form), None]


register(
    OpDef("ResourceGather", "resource: resource, indices: Tindices", "output: dtype",
          attrs={"dtype": None, "validate_indices": True, "batch_dims": 0}, types={"Tindices": kinds.INDEX},
          shape=_variable_rows_shape, lower=lambda c, node: c.emit("gather", node.inputs, node.outputs, (0, 0)),
          reference=_variable_rows_reference, gradient=_variable_rows_gradient, can_fail=True),
)  # fmt: skip


# --- gather_nd and scatter_nd -----------------------------------------------------------------------------------


def _gathered_nd(c):
    return _elements_shape(c, c.shape(0), c.shape(1))


def _elements_shape(c, params, indices):
    depth = c.decide(indices[-1]) if hasattr(c, "decide") else indices[-1]
    if not isinstance(depth, int):
        return None
    if depth > len(params):
        c.fail(
            f"indices.shape[-1] must be <= params.rank, but saw indices.shape[-1] = {depth} and params.rank = {len(params)}"
        )
    return (*indices[:-1], *params[depth:])


def _gather_nd_reference(node, params, indices):
    if np.size(params) == 0 and np.prod(np.shape(indices)[:-1]):
        shape = ",".join(map(str, np.shape(params)))
        raise ValueError(f"Requested more than 0 entries, but params is empty.  Params shape: [{shape}]")
    check_places(indices, np.shape(params), "param shape")
    if indices.shape[-1] == 0:  # all of it for each
        return np.broadcast_to(params, (*indices.shape[:-1], *params.shape))
    return params[tuple(np.moveaxis(indices, -1, 0))]


def check_list(indices):
    """Refuses places that are one place: what folds constants looks at no shapes."""
    if np.ndim(indices) == 1 and np.size(indices):
        raise ValueError("The outermost dimension of updates and indices must match")


def check_places(indices, shape, what="shape"):
    """Refuses indices [..., depth] that name no element or slice of a tensor of this shape."""
    *outer, depth = np.shape(indices)
    rows = np.asarray(indices).reshape(int(np.prod(outer)), depth)
    for i, row in enumerate(rows):
        if any(not 0 <= index < limit for index, limit in zip(row, shape)):
            place = ", ".join(map(str, row))
            raise IndexError(f"indices[{i}] = [{place}] does not index into {what} [{','.join(map(str, shape))}]")


def _gather_nd_gradient(op, grad):
    from .array import shape

    params, indices = op.inputs
    form = shape(params, out_type=indices.dtype)
    return [_placed_nd(indices, grad, form), None]


def _placed_nd(indices, grad, form):
    """A gradient where `indices` say; whole rows stay sparse."""
    from .array import squeeze
    from .indexed_slices import IndexedSlices

    dims = indices._shape
    if dims is not None and len(dims) == 2 and dims[1] == 1:
        return IndexedSlices(grad, squeeze(indices, axis=-1), form)
    return scatter_nd(indices, grad, form)


def _variable_elements_shape(c):
    params = shape_of_variable(c, 0)
    return None if params is None or not c.known(1) else _elements_shape(c, params, c.shape(1))


def _variable_elements_gradient(op, grad):
    handle, indices = op.inputs
    form = apply_op("VariableShape", [handle], {"out_type": indices.dtype})
    return [_placed_nd(indices, grad, form), None]


def _scattered_nd(c):
    sizes = c.sizes(2)
    check_sizes(c, sizes)
    shape = tuple([c.natural(d) for d in sizes])
    check_ranks(c, (0, 1))
    if c.known(0) and c.known(1):
        check_updates(c, c.shape(0), c.shape(1), shape, "output")
    return shape


def check_ranks(c, inputs):
    """Refuses what is no list of places and of slices, also where it is not known of what."""
    if any(c.known(i) and not c.shape(i) for i in inputs):
        c.fail("Shape must be at least rank 1 but is rank 0")


def check_updates(c, indices, updates, shape, what):
    """Refuses updates that are not one slice of a tensor of this shape for each place that `indices` name."""
    if not indices or not updates:
        c.fail("Shape must be at least rank 1 but is rank 0")
    if _is_empty(shape) and (_has_elements(indices) or _has_elements(updates)):
        c.fail("Indices and updates specified for empty output shape")
    if len(indices) == 1 and not _is_empty(shape):
        c.fail_in_run(f"The outermost dimension of updates and indices must match: indices of shape {_shown(indices)} are not "
                      f"a list of places, as updates of shape {_shown(updates)} are a list of slices")  # fmt: skip
    depth = c.decide(indices[-1]) if hasattr(c, "decide") else indices[-1]
    if not isinstance(depth, int):
        return
    if depth == 0 and not _is_empty(shape):
        c.fail_in_run("Only indices.shape[-1] values between 1 and 5 are currently supported.  Requested rank: 0"
                      if _is_empty(updates) else
                      f"Indices and updates specified for empty output.  indices shape: {_shown(indices)}")  # fmt: skip
    if depth > len(shape):
        c.fail(f"The last dimension of indices.shape, {depth}, must not exceed the rank of {what}, {len(shape)}")
    outer, inner = len(indices) - 1, len(shape) - depth
    if len(updates) != outer + inner or not _agree(updates[:outer], indices[:-1]):
        c.fail(f"The outer {outer} dimensions of indices.shape={_shown(indices)} must match the outer {outer} dimensions of "
               f"updates.shape={_shown(updates)}, and the inner {inner} dimensions of {what}.shape={_shown(shape)} the inner ones")  # fmt: skip
    if not _agree(updates[outer:], shape[depth:]):
        c.fail(f"The inner {inner} dimensions of {what}.shape={_shown(shape)} must match the inner {inner} dimensions of "
               f"updates.shape={_shown(updates)}")  # fmt: skip
    c.merge_shapes(updates, (*indices[:-1], *shape[depth:]))


def _shown(shape):
    return "[" + ",".join(str(d) if isinstance(d, int) else "?" for d in shape) + "]"


def _is_empty(shape):
    return any(isinstance(d, int) and d == 0 for d in shape)


def _has_elements(shape):
    return all(isinstance(d, int) and d > 0 for d in shape)


def _agree(s, t):
    return all(a == b for a, b in zip(s, t) if isinstance(a, int) and isinstance(b, int))


def _scatter_nd_reference(node, indices, updates, shape):
    out = np.zeros([int(d) for d in shape], np.asarray(updates).dtype)
    if out.dtype == object and node.inputs[1].dtype.name == "string":
        out.fill(b"")  # texts for one place are joined
    check_list(indices)
    check_places(indices, out.shape)
    if not out.size:
        return out
    np.add.at(out, tuple(np.moveaxis(indices, -1, 0)), updates)
    return out


register(
    OpDef("GatherV2", "params: Tparams, indices: Tindices, axis: Taxis", "output: Tparams", ranks={"axis": 0}, least_ranks={"params": 1}, attrs={"batch_dims": 0},
          types={"Tindices": kinds.INDEX, "Taxis": kinds.INDEX}, shape=_gathered, symbolic=True, lower=_gather_lower,
          reference=_gather_reference, gradient=_gather_gradient, can_fail=True),
    OpDef("GatherNd", "params: Tparams, indices: Tindices", "output: Tparams", least_ranks={"indices": 1}, types={"Tindices": kinds.INDEX},
          shape=_gathered_nd, kernel="gather_nd", reference=_gather_nd_reference, gradient=_gather_nd_gradient, can_fail=True),
    OpDef("ResourceGatherNd", "resource: resource, indices: Tindices", "output: dtype", attrs={"dtype": None},
          types={"Tindices": kinds.INDEX}, shape=_variable_elements_shape, kernel="gather_nd",
          reference=_gather_nd_reference, gradient=_variable_elements_gradient, can_fail=True),
    OpDef("ScatterNd", "indices: Tindices, updates: T, shape: Tindices", "output: T", ranks={"shape": 1}, types={"Tindices": kinds.INDEX},
          shape=_scattered_nd, reference=_scatter_nd_reference, can_fail=True,
          lower=lambda c, node: c.emit("scatter_nd", node.inputs[:2], node.outputs),
          gradient=lambda op, grad: [None, gather_nd(grad, op.inputs[0]), None]),
)  # fmt: skip


# --- one-hot rows and where ---------------------------------------------------------------------------------------


def _one_hot_axis(c, rank):
    axis = c.attr("axis")
    if not -1 <= axis <= rank:
        c.fail_in_run(f"Expected axis to be -1 or between [0, {rank + 1}).  But received: {axis}")
        return UNKNOWN
    return rank if axis == -1 else axis


def _one_hot_shape(c):
    if c.known(1) and c.shape(1):
        c.fail(f"depth must be a scalar, but got: {list(c.shape(1))}")
    (depth,) = c.sizes(1)
    if isinstance(depth, int) and depth < 0:
        c.fail_in_run(f"depth must be non-negative, got: {depth}")
        c.fail(f"Dimension size, given by scalar input 1, must be non-negative but is {depth}")
    shape = c.shape(0)
    axis = _one_hot_axis(c, len(shape))
    if axis is UNKNOWN:
        return (UNKNOWN,) * (len(shape) + 1)
    return (*shape[:axis], c.natural(depth), *shape[axis:])


def _one_hot_lower(c, node):
    indices, _, on, off = node.inputs
    c.emit("one_hot", [indices, on, off], node.outputs, (_one_hot_axis(c, len(indices.shape)),))


def _one_hot_reference(node, indices, depth, on, off):
    depth = int(depth)
    hot = np.asarray(indices)[..., None] == np.arange(depth)
    axis = node.attrs["axis"]
    found = np.where(hot, on, off).astype(np.asarray(on).dtype)
    return found if axis == -1 else np.moveaxis(found, -1, axis)


def _where_shape(c):
    if not c.known(0):
        return (UNKNOWN, UNKNOWN)
    if not c.shape(0):
        c.fail_in_run("WhereOp : Unhandled input dimensions: 0")
    bound = 1
    for d in c.shape(0):
        bound = bound * d
    return (c.new_size(bound), len(c.shape(0)))


def _where_reference(node, x):
    if not np.ndim(x):
        raise ValueError("WhereOp : Unhandled input dimensions: 0")
    return np.argwhere(x)


def _where_lower(c, node):
    c.emit("where_count", node.inputs, (), defines=c.new_sizes)
    c.emit("where_fill", node.inputs, node.outputs)


register(
    OpDef("OneHot", "indices: TI, depth: int32, on_value: T, off_value: T", "output: T", ranks={"depth": 0, "on_value": 0, "off_value": 0}, attrs={"axis": -1, "TI": dtypes.int64},
          types={"TI": kinds.INDEX | {dtypes.uint8}}, shape=_one_hot_shape, lower=_one_hot_lower,
          reference=_one_hot_reference, gradient=no_gradient),
    OpDef("Where", "input: T", "index: int64", attrs={"T": dtypes.bool}, types={"T": kinds.NUMBER | kinds.BOOL}, shape=_where_shape,
          lower=_where_lower, reference=_where_reference, gradient=no_gradient),
)  # fmt: skip


# --- public functions -------------------------------------------------------------------------------------


def gather(params, indices, validate_indices=None, name=None, axis=None, batch_dims=0):
    """The slices of a tensor along an axis that `indices` names.

    Args:
      params: a tensor or variable.
      indices: int32 or int64, of any shape.
      validate_indices: accepted; indices are always checked.
      name: the node's name.
      axis: the axis; that behind the batch axes by default.
      batch_dims: how many leading axes params and indices share.

    Returns:
      Of shape params.shape[:axis] + indices.shape[batch_dims:] + params.shape[axis + 1:].

    Raises:
      InvalidArgumentError: when it runs, for an index out of range.
    """
    if axis is None:
        axis = batch_dims
    if axis == 0 and not batch_dims and getattr(params, "_is_resource", False):
        return params.sparse_read(indices, name=name)
    return apply_op("GatherV2", [params, indices, axis], {"batch_dims": batch_dims}, name)


def gather_nd(params, indices, name=None, batch_dims=0):
    """The slices that the last axis of `indices` names, one index for each leading axis of `params`.

    Args:
      params: a tensor or variable.
      indices: int32 or int64; the last axis holds one index for each leading axis of `params`.
      name: the node's name.
      batch_dims: how many leading axes params and indices share.

    Raises:
      TypeError: where `batch_dims` is no integer.
      ValueError: where it is negative, or the ranks do not have so many axes.
    """
    if batch_dims != 0:
        from .batch_gather import batch_gather_nd

        return batch_gather_nd(params, indices, batch_dims, name)
    if getattr(params, "_is_resource", False):
        return params.gather_nd(indices, name=name)
    return apply_op("GatherNd", [params, indices], name=name)


def scatter_nd(indices, updates, shape, name=None):
    """A tensor of zeros with `updates` added at `indices`; what is named twice is summed."""
    return apply_op("ScatterNd", [indices, updates, shape], name=name)


def one_hot(indices, depth, on_value=None, off_value=None, axis=None, dtype=None, name=None):
    """A vector of `depth` elements for each index: `on_value` at the index, `off_value` elsewhere.

    Args:
      indices: integers of any shape; one out of range gives only `off_value`.
      depth: the length of a vector, a scalar.
      on_value, off_value: 1 and 0 by default.
      axis: where the new axis goes; the last one by default.
      dtype: of the output; float32 where no value tells.
      name: the node's name.

    Raises:
      TypeError: where the dtypes of the values and `dtype` differ.
    """
    with name_scope(name, "one_hot", [indices, depth, on_value, off_value, axis, dtype]) as scope:
        given = {
            which: convert_to_tensor(value).dtype.base_dtype
            for which, value in (("on_value", on_value), ("off_value", off_value))
            if value is not None
        }
        dtype = dtypes.as_dtype(dtype if dtype is not None else next(iter(given.values()), dtypes.float32))
        kinds = list(given.values())
        if len(kinds) == 2 and kinds[0] != kinds[1]:
            raise TypeError(f"dtype {kinds[0]!s} of on_value does not match dtype {kinds[1]!s} of off_value")
        for which, found in given.items():
            if found != dtype:
                raise TypeError(f"dtype {found!s} of {which} does not match dtype parameter {dtype!s}")
        on = convert_to_tensor(1, dtype=dtype, name="on_value") if on_value is None else on_value
        off = convert_to_tensor(0, dtype=dtype, name="off_value") if off_value is None else off_value
        return apply_op("OneHot", [indices, depth, on, off], {"axis": -1 if axis is None else axis}, scope)


def where_true(condition, name=None):
    """The coordinates of the elements that are true or not 0, int64 [count, rank]."""
    with name_scope(name, "Where", [condition]) as scope:
        condition = convert_to_tensor(condition, preferred_dtype=dtypes.bool, name="condition")
        return apply_op("Where", [condition], name=scope)


def boolean_mask(tensor, mask, name="boolean_mask", axis=None):
    """The elements of a tensor for which a mask is true.

    Args:
      tensor: a tensor.
      mask: bool, of the shape of the tensor's axes from `axis` on.
      name: the scope of the nodes.
      axis: the first axis that the mask is for, 0 by default.

    Raises:
      ValueError: where the mask is a scalar, or does not fit.
    """
    from .array import reshape, shape, squeeze
    from .reduce import reduce_prod
    from .slicing import concat

    with name_scope(name, values=[tensor, mask]):
        tensor = convert_to_tensor(tensor, name="tensor")
        mask = convert_to_tensor(mask, name="mask")
        if mask._shape is None:
            raise ValueError(
                "Number of mask dimensions must be specified, even if some dimensions are None.  E.g. shape=[None] is ok, but "
                "shape=None is not."
            )
        rank = len(mask._shape)
        if rank == 0:
            raise ValueError("mask cannot be scalar.")
        axis = 0 if axis is None else axis
        tensor.get_shape()[axis : axis + rank].assert_is_compatible_with(mask.get_shape())
        count = reduce_prod(shape(tensor)[axis : axis + rank], [0])
        tensor = reshape(tensor, concat([shape(tensor)[:axis], [count], shape(tensor)[axis + rank :]], 0))
        chosen = squeeze(where_true(reshape(mask, [-1])), axis=[1])
        return gather(tensor, chosen, axis=axis)


def sequence_mask(lengths, maxlen=None, dtype=dtypes.bool, name=None):
    """For each length a row that is true up to it.

    Args:
      lengths: integers of any shape.
      maxlen: the length of a row; the largest length by default.
      dtype: of the output.
      name: the scope of the nodes.
    """
    from .array import expand_dims
    from .cast import cast
    from .math import maximum

    with name_scope(name, "SequenceMask", [lengths, maxlen]):
        lengths = convert_to_tensor(lengths)
        if maxlen is None:
            maxlen = largest_of_all(lengths)
            maxlen = maximum(constant(0, maxlen.dtype), maxlen)
        else:
            maxlen = convert_to_tensor(maxlen)
        if maxlen._shape:
            raise ValueError("maxlen must be scalar for sequence_mask")
        row = apply_op("Range", [constant(0, maxlen.dtype), maxlen, constant(1, maxlen.dtype)])
        column = apply_op("Cast", [expand_dims(lengths, -1)], {"DstT": maxlen.dtype.base_dtype})
        mask = row < column
        return mask if dtype is None or mask.dtype == dtypes.as_dtype(dtype) else cast(mask, dtype)


def largest_of_all(lengths):
    """The largest element; over axes that a Range names where the rank is not known."""
    from .reduce import reduce_max

    if lengths._shape is not None:
        return reduce_max(lengths)
    axes = apply_op("Range", [0, apply_op("Rank", [lengths]), 1])
    return apply_op("Max", [lengths, axes], {"keep_dims": False})
