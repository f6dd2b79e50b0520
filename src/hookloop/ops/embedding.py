"""Rows of tables by id, the table being one tensor or several shards."""

from __future__ import annotations

from .. import dtypes
from ..graph.scopes import colocate_with, name_scope
from .array import reshape, shape, size
from .build import apply_op, convert_n_to_tensor, convert_to_tensor
from .cast import cast
from .clip import clip_by_norm
from .core import identity
from .dynamic import dynamic_partition
from .gather import gather
from .math import maximum
from .ranges import range as tensor_range
from .reduce import reduce_sum
from .select import where
from .slicing import concat, stack

__all__ = []


def embedding_lookup(params, ids, partition_strategy="mod", name=None, validate_indices=True, max_norm=None):
    """The rows of a table that `ids` names.

    Args:
      params: the table; or a list of shards that it is cut into along axis 0.
      ids: int32 or int64, of any shape.
      partition_strategy: "mod": row i is in shard i % count; "div": each shard has rows that follow one
        another, the first ones one more where they cannot have the same number.
      name: the nodes' scope.
      validate_indices: accepted; ids are always checked.
      max_norm: rows with a greater L2 norm are scaled down to it.

    Returns:
      A tensor of shape ids.shape + params.shape[1:].

    Raises:
      ValueError: for no shards, or another strategy.
    """
    if params is None:
        raise ValueError("params must be specified")
    params = list(params) if isinstance(params, (list, tuple)) or hasattr(params, "_variable_list") else [params]
    if not params:
        raise ValueError("Need at least one param")
    with name_scope(name, "embedding_lookup", params + [ids]) as scope:
        params = [p if hasattr(p, "sparse_read") else t for p, t in zip(params, _tensors(params))]
        ids = convert_to_tensor(ids, name="ids")
        if len(params) == 1:
            return _from_one(params[0], ids, max_norm, scope)
        return _from_shards(params, ids, partition_strategy, max_norm, scope)


def _tensors(params):
    if any(hasattr(p, "sparse_read") for p in params):
        return [
            p if hasattr(p, "sparse_read") else convert_to_tensor(p, name=f"params_{i}") for i, p in enumerate(params)
        ]
    return convert_n_to_tensor(params, name="params")


def _clipped(rows, ids, max_norm):
    if max_norm is None:
        return rows
    first, end = _rank(ids), _rank(rows)
    known = isinstance(first, int) and isinstance(end, int)
    return clip_by_norm(rows, max_norm, axes=list(range(first, end)) if known else tensor_range(first, end))


def _rank(tensor):
    """The rank as a number; a tensor where it is not known, and, as in TensorFlow, where it is 0."""
    from .array import rank

    return len(tensor._shape) if tensor._shape else rank(tensor)


def _from_one(table, ids, max_norm, scope):
    with colocate_with(table):
        rows = _clipped(gather(table, ids, name=scope), ids, max_norm)
    return identity(rows)


def _from_shards(shards, ids, strategy, max_norm, scope):
    flat = reshape(ids, [-1])
    positions = tensor_range(size(flat))
    if strategy == "mod":
        shard = flat % len(shards)
        row = flat // len(shards)
    elif strategy == "div":
        shard, row = _divided(shards, flat)
    else:
        raise ValueError(f"Unrecognized partition strategy: {strategy}")
    shard = cast(shard, dtypes.int32)
    row_parts = dynamic_partition(row, shard, len(shards))
    position_parts = dynamic_partition(positions, shard, len(shards))
    found = []
    for table, part in zip(shards, row_parts):
        with colocate_with(table):
            found.append(gather(table, part))
    rows = apply_op("ParallelDynamicStitch", [position_parts, found], name=scope)
    return _clipped(_as_ids(rows, shards, ids), ids, max_norm)


def _divided(shards, flat):
    """Shard and row of each id: the first `extras` shards have one row more than the others."""
    total = _row_total(shards, flat.dtype)
    each = total // len(shards)
    extras = total % len(shards)
    shard = maximum(flat // (each + 1), (flat - extras) // each)
    row = where(shard < extras, flat % (each + 1), (flat - extras) % each)
    return shard, row


def _row_total(shards, dtype):
    known = [s.get_shape().as_list()[0] if s.get_shape().ndims is not None else None for s in shards]
    if all(k is not None for k in known):
        from .build import constant

        return constant(sum(known), dtype)
    counts = []
    for table, count in zip(shards, known):
        if count is None:
            with colocate_with(table):
                count = shape(table)[0]
        counts.append(count)
    return reduce_sum(cast(stack(counts), dtype))


def _as_ids(rows, shards, ids):
    """The rows in the shape of the ids, and what is known of theirs."""
    inner = shards[0].get_shape()[1:]
    for table in shards[1:]:
        inner = inner.merge_with(table.get_shape()[1:])
    if inner.is_fully_defined():
        inner_shape = inner.as_list()
    else:
        with colocate_with(shards[0]):
            sizes = shape(shards[0])
        inner_shape = sizes[1:]
    rows = reshape(rows, concat([shape(ids), inner_shape], 0))
    rows.set_shape(ids.get_shape().concatenate(inner))
    return rows
