"""The structure of a dataset's elements: nested tuples and dictionaries, with a description of each leaf.

Lists are no structure here: as an element they mean a tensor.
"""

from __future__ import annotations

from ..graph.tensor import Tensor
from ..shapes import TensorShape


class TensorLeaf:
    """A component that is a tensor.

    Args:
      dtype: its type.
      shape: its static shape.
    """

    __slots__ = ("dtype", "shape")

    output_class = Tensor

    def __init__(self, dtype, shape):
        self.dtype = dtype
        self.shape = TensorShape(shape)

    @property
    def output_type(self):
        return self.dtype

    @property
    def output_shape(self):
        return self.shape


class DatasetLeaf:
    """A component that is itself a dataset.

    Args:
      element: the structure of that dataset's elements.
    """

    __slots__ = ("dtype", "element", "shape")

    def __init__(self, element):
        from ..dtypes import variant

        self.element = element
        self.dtype = variant
        self.shape = TensorShape([])

    @property
    def output_class(self):
        from .dataset import Dataset

        return Dataset

    @property
    def output_type(self):
        return self

    @property
    def output_shape(self):
        return self

    def __repr__(self):
        return f"DatasetSpec({show(map_structure(lambda leaf: leaf.output_type, self.element))})"


def is_nested(value):
    return isinstance(value, (tuple, dict))


def _children(structure):
    return [structure[key] for key in sorted(structure)] if isinstance(structure, dict) else structure


def flatten(structure):
    """The leaves in order; a dictionary's in the order of its sorted keys."""
    if not is_nested(structure):
        return [structure]
    return [leaf for child in _children(structure) for leaf in flatten(child)]


def pack(structure, leaves):
    """The structure with other leaves."""
    return _pack(structure, iter(leaves))


def _pack(structure, leaves):
    if not is_nested(structure):
        return next(leaves)
    children = [_pack(child, leaves) for child in _children(structure)]
    if isinstance(structure, dict):
        found = dict(zip(sorted(structure), children))
        return type(structure)((key, found[key]) for key in structure)
    return type(structure)(*children) if hasattr(structure, "_fields") else tuple(children)


def map_structure(function, structure):
    return pack(structure, [function(leaf) for leaf in flatten(structure)])


def leaves_up_to(structure, values):
    """The values at the places of a structure's leaves; below them they may be nested themselves.

    Raises:
      TypeError: where the values are nested in another way.
    """
    if not is_nested(structure):
        return [values]
    if isinstance(structure, dict):
        if not isinstance(values, dict) or set(values) != set(structure):
            raise TypeError(f"expected a dictionary with the keys {sorted(structure)}, got {values!r}")
        pairs = [(structure[key], values[key]) for key in sorted(structure)]
    else:
        if not isinstance(values, (tuple, list)) or len(values) != len(structure):
            raise TypeError(f"expected a tuple of {len(structure)} values, got {values!r}")
        pairs = zip(structure, values)
    return [leaf for child, value in pairs for leaf in leaves_up_to(child, value)]


def same_structure(first, second):
    if is_nested(first) != is_nested(second):
        return False
    if not is_nested(first):
        return True
    if isinstance(first, dict) != isinstance(second, dict) or len(first) != len(second):
        return False
    if isinstance(first, dict) and set(first) != set(second):
        return False
    return all(same_structure(a, b) for a, b in zip(_children(first), _children(second)))


def show(structure):
    """A structure as a dataset's repr writes it."""
    if isinstance(structure, dict):
        return "{" + ", ".join(f"{key}: {show(value)}" for key, value in structure.items()) + "}"
    if isinstance(structure, tuple):
        return "(" + ", ".join(show(value) for value in structure) + (",)" if len(structure) == 1 else ")")
    name = getattr(structure, "name", None)
    return f"tf.{name}" if name is not None else str(structure)


class OfElements:
    """What has elements of the structure `_element` says of what they are."""

    _element = None

    @property
    def output_types(self):
        """The structure of the elements' types."""
        return map_structure(lambda leaf: leaf.output_type, self._element)

    @property
    def output_shapes(self):
        """The structure of the elements' shapes."""
        return map_structure(lambda leaf: leaf.output_shape, self._element)

    @property
    def output_classes(self):
        """The structure of the elements' classes."""
        return map_structure(lambda leaf: leaf.output_class, self._element)


def is_number(dtype):
    """Whether values of a type are bytes of an array."""
    return dtype.base_dtype.name not in ("string", "resource", "variant")
