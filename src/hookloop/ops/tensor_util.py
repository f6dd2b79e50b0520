"""Values of tensors that are known before the graph runs, and arrays as TensorProto messages."""

from __future__ import annotations

from .. import dtypes
from ..graph.tensor_proto import array_to_proto, proto_to_array
from ..shapes import UNKNOWN, TensorShape, from_internal, to_internal, unknown_shape
from .shape_context import is_known, partial_value
from .values import to_array

__all__ = ["MakeNdarray", "constant_value", "constant_value_as_shape", "make_tensor_proto"]


def constant_value(tensor, partial=False):
    """The value of a tensor, if it is known before the graph runs.

    Args:
      tensor: a tensor.
      partial: accepted for compatibility; a value is given only where all of it is known.

    Returns:
      A NumPy array, or None.
    """
    value = partial_value(tensor)
    return value if value is not None and is_known(value) else None


def constant_value_as_shape(tensor):
    """What is known of the shape that an integer tensor holds; -1 is a size that is not known."""
    value = partial_value(tensor)
    if value is not None:
        sizes = [UNKNOWN if d is UNKNOWN or d < 0 else int(d) for d in value.ravel()]
        return from_internal(tuple(sizes)) if value.ndim == 1 else unknown_shape()
    length = tensor._shape[0] if tensor._shape else UNKNOWN
    return unknown_shape(length if isinstance(length, int) else None)


def make_tensor_proto(values, dtype=None, shape=None, verify_shape=False, allow_broadcast=False):
    """A TensorProto of a value that `constant` takes."""
    dtype = None if dtype is None else dtypes.as_dtype(dtype).base_dtype
    dims = to_internal(shape) if isinstance(shape, TensorShape) else shape
    return array_to_proto(to_array(values, dtype, dims, verify_shape), dtype)


def MakeNdarray(tensor):
    """The array of a TensorProto."""
    return proto_to_array(tensor)
