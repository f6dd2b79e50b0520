"""The structure of elements as programs see it: `TensorSpec`, `DatasetSpec`, `OptionalStructure`, nested as the elements are."""

from __future__ import annotations

from ..dtypes import variant
from ..shapes import TensorShape, as_shape
from ..type_specs import TensorSpec, TypeSpec
from .dataset import Dataset
from .structure import DatasetLeaf, TensorLeaf, map_structure


class DatasetSpec(TypeSpec):
    """What is known of a dataset.

    Args:
      element_spec: the structure of its elements.
      dataset_shape: the shape, where elements are tensors of datasets.
    """

    value_type = Dataset

    def __init__(self, element_spec, dataset_shape=()):
        self._element_spec = element_spec
        self._dataset_shape = as_shape(dataset_shape)

    @staticmethod
    def from_value(value):
        """What is known of a dataset at hand."""
        return DatasetSpec(spec_of(value._element))

    def _key(self):
        return self._element_spec, self._dataset_shape.as_list()

    def is_compatible_with(self, spec_or_value):
        other = DatasetSpec.from_value(spec_or_value) if isinstance(spec_or_value, Dataset) else spec_or_value
        return isinstance(other, DatasetSpec) and _fit(self._element_spec, other._element_spec)

    def __repr__(self):
        return f"DatasetSpec({self._element_spec!r}, {self._dataset_shape!r})"


class OptionalStructure(TypeSpec):
    """What is known of an `Optional`.

    Args:
      value_structure: the structure of its value.
    """

    def __init__(self, value_structure):
        self._value_structure = value_structure

    @property
    def value_type(self):
        from .optional import Optional

        return Optional

    @staticmethod
    def from_value(value):
        """What is known of an optional at hand."""
        return OptionalStructure(value.value_structure)

    def _key(self):
        return self._value_structure

    def is_compatible_with(self, spec_or_value):
        other = getattr(spec_or_value, "value_structure", getattr(spec_or_value, "_value_structure", None))
        return other is not None and _fit(self._value_structure, other)

    def __repr__(self):
        return f"OptionalSpec({self._value_structure!r},)"


def TensorStructure(dtype, shape):
    """A `TensorSpec`, its type first."""
    return TensorSpec(shape, dtype)


def spec_of(element):
    """The structure of elements as programs see it."""
    return map_structure(
        lambda leaf: (
            DatasetSpec(spec_of(leaf.element)) if isinstance(leaf, DatasetLeaf) else TensorSpec(leaf.shape, leaf.dtype)
        ),
        element,
    )


def element_of(spec):
    """The structure of elements that a program describes.

    Raises:
      TypeError: for what describes no element.
    """
    return map_structure(_leaf, spec)


def _leaf(spec):
    if isinstance(spec, TensorSpec):
        return TensorLeaf(spec.dtype, spec.shape)
    if isinstance(spec, DatasetSpec):
        return DatasetLeaf(element_of(spec._element_spec))
    raise TypeError(f"expected a tf.TensorSpec or a tf.data.DatasetSpec, got {spec!r}")


def _fit(first, second):
    from .structure import flatten, same_structure

    return same_structure(first, second) and all(
        a.is_compatible_with(b) for a, b in zip(flatten(first), flatten(second))
    )


def get_structure(dataset_or_iterator):
    """The structure of the elements.

    Raises:
      TypeError: where it is neither a dataset nor an iterator.
    """
    element = getattr(dataset_or_iterator, "_element", None)
    if element is None:
        raise TypeError(
            f"`dataset_or_iterator` must be a Dataset or Iterator object, but got {type(dataset_or_iterator)}."
        )
    return spec_of(element)


def to_variant(dataset):
    """The tensor that stands for a dataset."""
    return dataset._variant_tensor


def from_variant(value, structure):
    """The dataset that a tensor stands for.

    Args:
      value: what `to_variant` gave.
      structure: that of its elements.
    """
    if value.dtype is not variant or not value.shape.is_compatible_with(TensorShape([])):
        raise TypeError(f"expected a scalar of type variant, got {value}")
    return Dataset._from_variant(value, element_of(structure))
