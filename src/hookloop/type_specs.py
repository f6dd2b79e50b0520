"""`TypeSpec`, `TensorSpec` and `BoundedTensorSpec`: what is known of a value before there is one."""

from __future__ import annotations

import numpy as np

from . import dtypes
from .graph.tensor import Tensor
from .ops.array import broadcast_static_shape
from .shapes import TensorShape, as_shape

__all__ = ["TensorSpec", "TypeSpec"]


class TypeSpec:
    """What is known of a kind of value; subclasses say of which."""

    value_type: type = object

    def _key(self):
        """What two equal ones have in common."""
        raise AssertionError(f"{type(self).__name__} does not say what it consists of: define _key()")

    def __eq__(self, other):
        return type(self) is type(other) and self._key() == other._key()

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return hash((type(self), str(self._key())))

    def is_compatible_with(self, spec_or_value):
        """Whether something that this describes may be what the other is, or describes."""
        return self == spec_or_value

    def most_specific_compatible_type(self, other):
        """What describes all that both describe.

        Raises:
          TypeError: `other` is of another class.
          ValueError: where there is no such.
        """
        if type(self) is not type(other):
            raise TypeError(f"No TypeSpec is compatible with both {self!r} and {other!r}")
        if self != other:
            raise ValueError(f"No TypeSpec is compatible with both {self!r} and {other!r}")
        return self


class BatchableTypeSpec(TypeSpec):
    """What is known of a kind of value that can be batched; subclasses say how."""

    def _batch(self, batch_size):
        raise NotImplementedError(f"{type(self).__name__}._batch")

    def _unbatch(self):
        raise NotImplementedError(f"{type(self).__name__}._unbatch")


class TensorSpec(TypeSpec):
    """What is known of a tensor.

    Args:
      shape: its static shape.
      dtype: its type.
      name: its name, or None.
    """

    value_type = Tensor

    def __init__(self, shape, dtype=dtypes.float32, name=None):
        self._shape = as_shape(shape) if shape is not None else TensorShape(None)
        self._dtype = dtypes.as_dtype(dtype)
        self._name = name

    @classmethod
    def from_spec(cls, spec, name=None):
        """The same, with another name where one is given."""
        return cls(spec.shape, spec.dtype, name or spec.name)

    @classmethod
    def from_tensor(cls, tensor, name=None):
        """What is known of a tensor.

        Raises:
          ValueError: where it is none.
        """
        if not isinstance(tensor, Tensor):
            raise ValueError("`tensor` should be a tf.Tensor")
        return TensorSpec(tensor.shape, tensor.dtype, name or tensor.op.name)

    @property
    def shape(self):
        """The static shape."""
        return self._shape

    @property
    def dtype(self):
        """The type."""
        return self._dtype

    @property
    def name(self):
        """The name, or None."""
        return self._name

    def _key(self):
        dims = self._shape.as_list() if self._shape.ndims is not None else None
        return dims, self._dtype, self._name

    def is_compatible_with(self, spec_or_tensor):
        """Whether a spec or tensor has this type and a shape that may be this one."""
        return self._dtype.is_compatible_with(spec_or_tensor.dtype) and self._shape.is_compatible_with(
            spec_or_tensor.shape
        )

    def most_specific_compatible_type(self, other):
        if type(self) is not type(other) or self._dtype != other._dtype:
            raise ValueError(f"Types are not compatible: {self!r} vs {other!r}")
        mine, its = self._shape, other._shape
        name = self._name if self._name == other._name else None
        if mine.ndims is None or mine.ndims != its.ndims:
            return TensorSpec(None, self._dtype, name)
        return TensorSpec([a if a == b else None for a, b in zip(mine.as_list(), its.as_list())], self._dtype, name)

    def __repr__(self):
        return f"TensorSpec(shape={self._shape}, dtype={self._dtype!r}, name={self._name!r})"


class BoundedTensorSpec(TensorSpec):
    """What is known of a tensor whose elements lie between two bounds, both of which they may reach.

    Args:
      shape: its static shape.
      dtype: its type.
      minimum, maximum: the bounds; numbers, or arrays that broadcast with the shape.
      name: its name, or None.

    Raises:
      ValueError: a bound is None, or does not broadcast with the shape.
    """

    def __init__(self, shape, dtype, minimum, maximum, name=None):
        super().__init__(shape, dtype, name)
        if minimum is None or maximum is None:
            raise ValueError(f"minimum and maximum must be provided; but saw '{minimum}' and '{maximum}'")
        self._minimum = self._bound("minimum", minimum)
        self._maximum = self._bound("maximum", maximum)

    def _bound(self, which, value):
        try:
            broadcast_static_shape(TensorShape(np.shape(value)), self._shape)
        except ValueError as error:
            raise ValueError(f"{which} is not compatible with shape. Message: {error!r}.") from None
        bound = np.array(value, dtype=self._dtype.as_numpy_dtype)
        bound.setflags(write=False)
        return bound

    @classmethod
    def from_spec(cls, spec):
        """The same; where the other has no bounds, those of its type."""
        dtype = dtypes.as_dtype(spec.dtype)
        minimum = spec.minimum if hasattr(spec, "minimum") else dtype.min
        maximum = spec.maximum if hasattr(spec, "maximum") else dtype.max
        return cls(spec.shape, dtype, minimum, maximum, spec.name)

    @property
    def minimum(self):
        """The lower bound, an array that cannot be written to."""
        return self._minimum

    @property
    def maximum(self):
        """The upper bound, an array that cannot be written to."""
        return self._maximum

    def __eq__(self, other):
        # Bounds that a computation gave are compared as floats are; so they are no part of the hash.
        return (
            super().__eq__(other)
            and np.allclose(self._minimum, other._minimum)
            and np.allclose(self._maximum, other._maximum)
        )

    __hash__ = TensorSpec.__hash__

    def __repr__(self):
        return (
            f"BoundedTensorSpec(shape={self._shape}, dtype={self._dtype!r}, name={self._name!r}, "
            f"minimum={self._minimum!r}, maximum={self._maximum!r})"
        )
