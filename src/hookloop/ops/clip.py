"""Limiting values and norms; cross-entropies made of elementwise ops."""

from __future__ import annotations

import numpy as np

from ..graph.scopes import colocate_with, name_scope
from ..graph.tensor import Tensor
from .array import ones_like, rank, size, stack
from .build import constant, convert_to_tensor
from .core import identity
from .indexed_slices import IndexedSlices
from .math import maximum, minimum
from .math_unary import is_finite, rsqrt, sqrt
from .nn import l2_loss
from .ranges import range as tensor_range
from .reduce import reduce_sum
from .select import where

__all__ = ["clip_by_average_norm", "clip_by_global_norm", "clip_by_norm", "clip_by_value", "global_norm"]


def clip_by_value(t, clip_value_min, clip_value_max, name=None):
    """The tensor with what is below or above the limits set to them.

    Raises:
      ValueError: where the limits would make the tensor larger.
    """
    with name_scope(name, "clip_by_value", [t, clip_value_min, clip_value_max]) as scope:
        values = convert_to_tensor(t.values if isinstance(t, IndexedSlices) else t, name="t")
        smaller = minimum(values, clip_value_max)
        values.shape.merge_with(smaller.shape)
        result = maximum(smaller, clip_value_min, name=scope)
        values.shape.merge_with(result.shape)
        return IndexedSlices(result, t.indices, t.dense_shape) if isinstance(t, IndexedSlices) else result


def clip_by_norm(t, clip_norm, axes=None, name=None):
    """The tensor scaled down so that its L2 norm (along `axes`) is at most `clip_norm`."""
    with name_scope(name, "clip_by_norm", [t, clip_norm]) as scope:
        values = convert_to_tensor(t.values if isinstance(t, IndexedSlices) else t, name="t")
        squares = reduce_sum(values * values, axes, keepdims=True)
        positive = squares > 0
        safe = where(positive, squares, ones_like(squares))
        norm = where(positive, sqrt(safe), squares)
        scaled = values * clip_norm
        values.shape.merge_with(scaled.shape)
        result = identity(scaled / maximum(norm, clip_norm), name=scope)
        return IndexedSlices(result, t.indices, t.dense_shape) if isinstance(t, IndexedSlices) else result


def clip_by_average_norm(t, clip_norm, name=None):
    """The tensor scaled down so that its L2 norm over its number of elements is at most `clip_norm`."""
    from .cast import cast

    with name_scope(name, "clip_by_average_norm", [t, clip_norm]) as scope:
        t = convert_to_tensor(t, name="t")
        count = cast(size(t), "float32")  # TensorFlow multiplies by a float32, so other types are refused
        inverse = rsqrt(reduce_sum(t * t, tensor_range(rank(t))))
        scaled = t * clip_norm
        scale = minimum(inverse * count, constant(1.0) / clip_norm)
        return identity(scaled * scale, name=scope)


def global_norm(t_list, name=None):
    """The L2 norm of all tensors of a list together; None in the list counts as nothing.

    Raises:
      TypeError: where `t_list` is no list.
    """
    t_list = _checked_list(t_list)
    with name_scope(name, "global_norm", t_list):
        halves = []
        for values in [_values(t, i) for i, t in enumerate(t_list)]:
            if values is not None:
                with colocate_with(values):
                    halves.append(l2_loss(values))
        half = reduce_sum(stack(halves))
        return sqrt(half * constant(2.0, dtype=half.dtype), name="global_norm")


def _checked_list(t_list):
    if isinstance(t_list, (str, bytes, dict, Tensor)) or not hasattr(t_list, "__iter__"):
        raise TypeError("t_list should be a sequence")
    return list(t_list)


def _values(t, i):
    if t is None:
        return None
    return convert_to_tensor(t.values if isinstance(t, IndexedSlices) else t, name=f"t_{i}")


def clip_by_global_norm(t_list, clip_norm, use_norm=None, name=None):
    """Tensors scaled down together so that their common L2 norm is at most `clip_norm`.

    Args:
      t_list: tensors, `IndexedSlices` or None.
      clip_norm: the largest norm, a positive scalar.
      use_norm: their norm, where it is known already.
      name: the scope of the nodes.

    Returns:
      (the list of scaled tensors, their norm before). All are NaN where the norm is not finite.

    Raises:
      TypeError: where `t_list` is no list.
    """
    t_list = _checked_list(t_list)
    if use_norm is None:
        use_norm = global_norm(t_list, name)
    with name_scope(name, "clip_by_global_norm", [*t_list, clip_norm]) as scope:
        factor = minimum(1.0 / use_norm, constant(1.0, dtype=use_norm.dtype) / clip_norm)
        scale = clip_norm * factor
        scale = where(is_finite(use_norm), scale, constant(np.nan, dtype=use_norm.dtype))
        clipped, all_values = [], [_values(t, i) for i, t in enumerate(t_list)]
        for i, (t, values) in enumerate(zip(t_list, all_values)):
            if values is None:
                clipped.append(None)
                continue
            with colocate_with(values):
                values = identity(values * scale, name=f"{scope}_{i}")
            clipped.append(IndexedSlices(values, t.indices, t.dense_shape) if isinstance(t, IndexedSlices) else values)
        return clipped, use_norm
