"""`TypeSpec` and `TensorSpec`: what is known of a value before there is one."""

from __future__ import annotations

from . import dtypes
from .graph.tensor import Tensor
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
        return cls(tensor.shape, tensor.dtype, name or tensor.op.name)

    @property
    def shape(self):
        return self._shape

    @property
    def dtype(self):
        return self._dtype

    @property
    def name(self):
        return self._name

    def _key(self):
        dims = self._shape.as_list() if self._shape.ndims is not None else None
        return dims, self._dtype, self._name

    def is_compatible_with(self, spec_or_tensor):
        return self._dtype.is_compatible_with(spec_or_tensor.dtype) and self._shape.is_compatible_with(
            spec_or_tensor.shape
        )

    def most_specific_compatible_type(self, other):
        if not isinstance(other, TensorSpec) or self._dtype != other._dtype:
            raise ValueError(f"Types are not compatible: {self!r} vs {other!r}")
        mine, its = self._shape, other._shape
        if mine.ndims is None or mine.ndims != its.ndims:
            return TensorSpec(None, self._dtype)
        return TensorSpec([a if a == b else None for a, b in zip(mine.as_list(), its.as_list())], self._dtype)

    def __repr__(self):
        return f"TensorSpec(shape={self._shape}, dtype={self._dtype!r}, name={self._name!r})"
