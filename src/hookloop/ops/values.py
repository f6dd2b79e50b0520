"""Python values as the arrays that constants hold, by TensorFlow 1's rules for their types."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..shapes import Dimension, TensorShape

# Kinds of NumPy types whose Python values each kind of element accepts.
_ACCEPTED_KINDS = {"b": "b", "i": "biu", "u": "biu", "f": "biuf", "c": "biufc", "V": "biuf"}


def to_array(values, dtype=None, shape=None, verify_shape=False):
    """The array of a constant: int32 for Python ints, float32 for floats; arrays keep their type.

    Args:
      values: a number, string, array, or nested lists of them.
      dtype: the wanted `DType`, or None.
      shape: the wanted shape; missing elements repeat the last one.
      verify_shape: refuses values of another shape instead.

    Returns:
      A new, contiguous array; strings are bytes in an object array.

    Raises:
      TypeError: where the values have another type.
      ValueError: for None, ragged lists, numbers that do not fit, too many values.
    """
    if isinstance(values, (np.ndarray, np.generic)):
        array = _of_array(values, dtype)
    elif values is None:
        raise ValueError("None values not supported.")
    elif shape is not None and 0 in shape:
        array = np.empty(shape, None if dtype is None else dtype.as_numpy_dtype)
        array = array.astype(np.float32) if dtype is None else array
    else:
        array = _of_python(values, dtype)
    if shape is not None and array.shape != tuple(shape):
        array = _expanded(array, tuple(shape), verify_shape)
    return array


def _of_array(values, dtype):
    array = np.asarray(values)
    if array.dtype.kind in "SUO" and (dtype is None or dtype is dtypes.string):
        return _string_array(array, values)
    if dtype is None:
        if dtypes.as_dtype(array.dtype) is None:
            raise TypeError(f"Unrecognized data type: {array.dtype}")
        return np.array(array, array.dtype.newbyteorder("="), order="C")
    if dtype.name in ("string", "resource", "variant"):
        raise TypeError(f"Incompatible types: {dtype} vs. {dtypes.as_dtype(array.dtype).name}. Value is {values!r}")
    return np.array(array, dtype.as_numpy_dtype, order="C")


def _of_python(values, dtype):
    if values.__class__ is float and (dtype is None or dtype is dtypes.float32):
        return np.array(values, np.float32)
    if (dtype is None or dtype is dtypes.int32) and _are_small_integers(values):
        return np.array(values, np.int32)
    if isinstance(values, TensorShape):
        values = values.as_list()
    array = _natural(values)
    kind = array.dtype.kind
    if kind == "O":
        values = _plain(values, dtype, values)
        array = _natural(values)
        kind = array.dtype.kind
    if kind in "SUO" or (array.size == 0 and dtype is dtypes.string):
        if dtype not in (None, dtypes.string):
            _refuse(values, dtype)
        return _string_array(np.array(values, object), values)
    if dtype is None:
        return _default_type(array)
    if kind not in _ACCEPTED_KINDS.get(np.dtype(dtype.as_numpy_dtype).kind, ""):
        if not (array.size == 0 and dtype is not dtypes.string):
            _refuse(values, dtype)
    if dtype.is_integer and array.size:
        limits = np.iinfo(dtype.as_numpy_dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise ValueError(
                f"expected {dtype.name} between {limits.min} and {limits.max}, got {_shown(values)}, which does not fit"
            )
    return array.astype(dtype.as_numpy_dtype)


def _are_small_integers(values):
    """Whether values are a Python int, or a list of them, that fit into 32 bits: most constants of shapes and axes are."""
    if values.__class__ is not list and values.__class__ is not tuple:
        return values.__class__ is int and -(2**31) <= values < 2**31
    for value in values:
        if value.__class__ is not int or not -(2**31) <= value < 2**31:
            return False
    return len(values) > 0


def _natural(values):
    """The array that NumPy makes of Python values.

    Raises:
      TypeError: for tensors, and what NumPy has no array for.
      ValueError: for lists of different lengths.
    """
    try:
        return np.array(values)
    except NotImplementedError:
        raise TypeError("List of Tensors when single Tensor expected") from None
    except (ValueError, TypeError, OverflowError):
        wanted = _dense_dimensions(values)
        if len(wanted) > 1:
            raise ValueError(
                f"Argument must be a dense tensor: {_shown(values)} - got shape {wanted[:1]}, but wanted {wanted}."
            ) from None
        raise TypeError(_not_convertible(values)) from None


def _dense_dimensions(values):
    """The shape that nested lists would have if all were like the first."""
    if not isinstance(values, (list, tuple)):
        return []
    return [len(values), *(_dense_dimensions(values[0]) if values else ())]


def _not_convertible(values):
    return (
        f"Failed to convert object of type {type(values)} to Tensor. Contents: {_shown(values)}. "
        "Consider casting elements to a supported type."
    )


def _default_type(array):
    if array.dtype == np.float64:
        return array.astype(np.float32)
    if array.dtype == np.int64:
        narrow = array.astype(np.int32)
        return narrow if (narrow == array).all() else array
    return array


def _plain(values, dtype, whole):
    """Nested lists with `Dimension`s as ints.

    Raises:
      TypeError: for elements that no constant can hold.
    """
    if isinstance(values, (list, tuple)):
        return [_plain(v, dtype, whole) for v in values]
    if isinstance(values, Dimension):
        if values.value is None:
            raise ValueError(f"a Dimension without a value cannot be part of a constant: {values!r}")
        return values.value
    if values is None and dtype is not None:
        raise TypeError(f"Expected {dtype.name}, got None of type 'NoneType' instead.")
    if isinstance(values, (str, bytes, int, float, complex, np.ndarray, np.generic)):
        return values
    raise TypeError(_not_convertible(whole))


def _refuse(values, dtype):
    """Names the first element that has another type.

    Raises:
      TypeError: always.
    """
    wanted = _ACCEPTED_KINDS.get(np.dtype(dtype.as_numpy_dtype).kind, "SU")
    bad = _first(values, lambda v: np.asarray(v).dtype.kind not in wanted)
    raise TypeError(f"Expected {dtype.name}, got {bad!r} of type '{type(bad).__name__}' instead.")


def _first(values, test):
    if isinstance(values, (list, tuple)):
        for value in values:
            found = _first(value, test)
            if found is not None:
                return found
        return None
    return values if test(values) else None


def _string_array(array, values):
    flat = np.empty(array.size, object)
    for i, value in enumerate(array.ravel().tolist()):
        if isinstance(value, str):
            value = value.encode()
        elif not isinstance(value, bytes):
            raise TypeError(_not_convertible(values))
        flat[i] = value
    return flat.reshape(array.shape)


def _expanded(array, shape, verify_shape):
    size = 1
    for d in shape:
        size *= d
    if verify_shape:
        raise TypeError(f"Expected Tensor's shape: {shape}, got {array.shape}.")
    if array.size > size:
        raise ValueError(f"Too many elements provided. Needed at most {size}, but received {array.size}")
    if array.size == size:
        return array.reshape(shape)
    if array.size == 0:
        return np.full(shape, b"", object) if array.dtype == object else np.zeros(shape, array.dtype)
    if array.size == 1:
        whole = np.empty(shape, array.dtype)
        whole.fill(array.reshape(())[()])
        return whole
    flat = np.empty(size, array.dtype)
    flat[: array.size] = array.ravel()
    flat[array.size :] = array.ravel()[-1]
    return flat.reshape(shape)


def _shown(values):
    shown = repr(values)
    return shown if len(shown) <= 200 else shown[:200] + "..."
