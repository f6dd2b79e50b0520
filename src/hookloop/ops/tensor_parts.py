"""Structures of tensors, slices and TensorArrays as lists of tensors, and back: what branches and loops hand on."""

from __future__ import annotations

from .. import nest
from .build import convert_to_tensor
from .indexed_slices import IndexedSlices
from .tensor_array import TensorArray

__all__ = ["as_tensors", "parts", "parts_of_invariant", "restored"]


def parts(leaf):
    """What a leaf of a structure consists of: slices of their parts, a TensorArray of its flow, anything else of itself."""
    if isinstance(leaf, IndexedSlices):
        return [leaf.values, leaf.indices, *([] if leaf.dense_shape is None else [leaf.dense_shape])]
    return [leaf.flow if isinstance(leaf, TensorArray) else leaf]


def as_tensors(structure):
    """The tensors that a structure consists of, in order."""
    return [convert_to_tensor(part) for leaf in nest.flatten(structure) for part in parts(leaf)]


def restored(structure, tensors):
    """Tensors in the structure whose parts they stand for."""
    tensors = iter(tensors)

    def leaf(value):
        if isinstance(value, IndexedSlices):
            shape = value.dense_shape is not None
            return IndexedSlices(next(tensors), next(tensors), next(tensors) if shape else None)
        return value.with_flow(next(tensors)) if isinstance(value, TensorArray) else next(tensors)

    return nest.pack_sequence_as(structure, [leaf(value) for value in nest.flatten(structure)])


def parts_of_invariant(leaf, shape):
    """The static shapes of a leaf's parts, of which the first has `shape`: as many indices as slices, one size for each axis."""
    if not isinstance(leaf, IndexedSlices):
        return [shape]
    known = shape.ndims is not None
    following = [shape[:1] if known else leaf.indices.get_shape()]
    if leaf.dense_shape is not None:
        following.append(leaf.dense_shape.get_shape())
    return [shape, *following]
