"""`python.framework.composite_tensor`: tensors that are made of several, of which there are `IndexedSlices` here."""

import abc

from ... import nest
from ...ops.indexed_slices import IndexedSlices

__all__ = ["CompositeTensor", "replace_composites_with_components"]


class CompositeTensor(abc.ABC):  # noqa: B024 what a program asks is whether a value is one
    """The class of what is made of several tensors."""


CompositeTensor.register(IndexedSlices)


def replace_composites_with_components(structure):
    """A structure with a tuple of tensors in the place of what is made of several."""
    if isinstance(structure, IndexedSlices):
        parts = (structure.values, structure.indices, structure.dense_shape)
        return parts[:2] if structure.dense_shape is None else parts
    if not nest.is_nested(structure):
        return structure
    return nest.pack_sequence_as(
        structure, [replace_composites_with_components(leaf) for leaf in nest.flatten(structure)]
    )
