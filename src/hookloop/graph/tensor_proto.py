"""Arrays as TensorProto messages and back."""

from __future__ import annotations

import math

import numpy as np

from ..dtypes import as_dtype

_FIELDS = {
    "float32": "float_val", "float64": "double_val", "int32": "int_val", "uint8": "int_val",
    "int16": "int_val", "int8": "int_val", "uint16": "int_val", "string": "string_val",
    "int64": "int64_val", "bool": "bool_val", "float16": "half_val", "bfloat16": "half_val",
    "uint32": "uint32_val", "uint64": "uint64_val", "complex64": "scomplex_val",
    "complex128": "dcomplex_val", **dict.fromkeys(("qint8", "quint8", "qint16", "quint16", "qint32"), "int_val"),
}  # fmt: skip

# What TensorFlow writes as bytes where it is more than one value; the others it lists.
_AS_BYTES = frozenset("float32 float64 int32 uint8 int16 int8 int64 uint32 uint64".split())

# Of the value of a constant, in bytes: as TensorFlow's own. A few bytes may stand for any number of equal elements.
_LARGEST = 1 << 31


def array_to_proto(array, dtype=None, shape=None):
    """A TensorProto of an array: as bytes, or as single values for scalars and types that TensorFlow lists.

    Args:
      array: its values.
      dtype: their `DType`, by default the array's own.
      shape: where it is of more elements than the array, the array's are listed, the last of which stands for the rest.

    Raises:
      TypeError: for a type that has no arrays.
    """
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

    array = np.asarray(array)
    dtype = as_dtype(array.dtype if dtype is None else dtype).base_dtype
    proto = TensorProto(dtype=dtype.as_datatype_enum)
    if dtype.name not in _FIELDS:
        raise TypeError(f"Unsupported tensor type: {dtype.name}")
    shape = array.shape if shape is None else shape
    proto.tensor_shape.SetInParent()
    for size in shape:
        proto.tensor_shape.dim.add().size = size
    if dtype.name == "string":
        proto.string_val.extend(v.encode() if isinstance(v, str) else bytes(v) for v in array.ravel())
    elif array.size > 1 and dtype.name in _AS_BYTES and array.size == math.prod(shape):
        proto.tensor_content = np.ascontiguousarray(array, dtype.as_numpy_dtype).tobytes()
    else:
        _add_values(proto, array.astype(dtype.as_numpy_dtype), dtype)
    return proto


def array_to_content_proto(array, dtype):
    """The same with the values as bytes whatever their number, as TensorFlow's runtime writes them; texts are listed."""
    proto = array_to_proto(array, dtype)
    if dtype.name == "string" or proto.tensor_content:
        return proto
    content = np.ascontiguousarray(array, dtype.as_numpy_dtype).tobytes()
    return type(proto)(dtype=proto.dtype, tensor_shape=proto.tensor_shape, tensor_content=content)


def _add_values(proto, array, dtype):
    array = np.ascontiguousarray(array).ravel()
    if dtype.is_complex:
        array = array.view(array.real.dtype)  # each one's parts behind each other
    elif dtype.name in ("float16", "bfloat16"):
        array = array.view(np.uint16)
    getattr(proto, _FIELDS[dtype.name]).extend(array.tolist())


def number_listed(proto):
    """How many values a TensorProto lists, the last of which stands for all that its shape has more; None where it has bytes."""
    if proto.tensor_content:
        return None
    dtype = as_dtype(proto.dtype)
    return len(getattr(proto, _FIELDS[dtype.name])) // (2 if dtype.is_complex else 1)


def proto_to_array(proto):
    """The array of a TensorProto.

    Raises:
      TypeError: for a type that has no arrays.
      ValueError: where its values do not make its shape, or its shape is of more than 2 GB.
    """
    dtype = as_dtype(proto.dtype)
    shape = tuple(d.size for d in proto.tensor_shape.dim)
    if dtype.name not in _FIELDS:
        raise TypeError(f"Unsupported tensor type: {dtype.name}")
    if any(size < 0 for size in shape):
        raise ValueError(f"expected a tensor proto with sizes of 0 or more, got the shape {list(shape)}")
    size = math.prod(shape)
    if math.prod(d or 1 for d in shape) * np.dtype(dtype.as_numpy_dtype).itemsize > _LARGEST:
        raise ValueError(f"expected a tensor proto of at most 2 GB, got {dtype.name}{list(shape)}")
    if proto.tensor_content:
        return np.frombuffer(proto.tensor_content, dtype.as_numpy_dtype).reshape(shape).copy()
    values = list(getattr(proto, _FIELDS[dtype.name]))
    if dtype.is_complex:
        values = [complex(re, im) for re, im in zip(values[::2], values[1::2])]
    if dtype.name in ("float16", "bfloat16"):
        array = np.array(values, np.uint16).view(dtype.as_numpy_dtype)
    else:
        array = np.array(values, dtype.as_numpy_dtype)
    if array.size < size:  # the last value stands for the rest
        last = array[-1:] if array.size else np.zeros(1, dtype.as_numpy_dtype)
        whole = np.empty(size, dtype.as_numpy_dtype)
        whole[: array.size], whole[array.size :] = array, last
        array = whole
    return array.reshape(shape)
