"""Casts between dtypes."""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors
from ..graph.describe import describe, message_name
from ..graph.scopes import name_scope
from . import kinds
from .build import apply_op, convert_to_tensor
from .indexed_slices import IndexedSlices
from .registry import OpDef, register
from .shape_functions import unchanged

__all__ = [
    "cast", "saturate_cast", "to_bfloat16", "to_complex128", "to_complex64", "to_double", "to_float",
    "to_int32", "to_int64",
]  # fmt: skip


_TYPES = kinds.NUMBER | kinds.BOOL | kinds.QUANTIZED


def _reference(node, x):
    _checked(node)
    wanted = node.attrs["DstT"].as_numpy_dtype
    x = np.asarray(x)
    if x.dtype == object:
        return x  # symbolic sizes stay what they are
    if x.dtype.kind == "c" and np.dtype(wanted).kind not in "cb":
        x = x.real
    if x.dtype.kind == "f" and np.dtype(wanted).kind in "iu":
        return _truncated(x, np.dtype(wanted))
    with np.errstate(all="ignore"):
        return x.astype(wanted)


def _truncated(x, wanted):
    """Floats to integers; what does not fit becomes the smallest number, as x86 converts it."""
    wide = np.dtype(np.int32 if wanted == np.int32 else np.int64)
    low, high = float(np.iinfo(wide).min), -float(np.iinfo(wide).min)
    x = x.astype(np.float64)
    if wanted == np.uint64:  # the upper half of its range by way of the lower
        upper = x >= high
        below = _truncated(np.where(upper, x - high, x), np.dtype(np.int64)).astype(np.uint64)
        return np.where(upper, below ^ np.uint64(2**63), below)
    fits = (x >= low) & (x < high)
    return np.where(fits, np.where(fits, x, 0).astype(wide), np.iinfo(wide).min).astype(wanted)


def _gradient(op, grad):
    source, target = op.inputs[0].dtype.base_dtype, grad.dtype.base_dtype
    smooth = kinds.ANALYTIC
    return [cast(grad, source) if source in smooth and target in smooth else None]


def _checked(node):
    """No attributes for the kernel.

    Raises:
      UnimplementedError: one of the types is not of numbers; TensorFlow builds such a node.
    """
    types = [tensor.dtype.base_dtype for tensor in (node.op.inputs[0], node.op.outputs[0])]
    if not _TYPES.issuperset(types):
        source, target = map(message_name, types)
        text = f"Cast {source} to {target} is not supported {describe(node.op)}"
        raise errors.UnimplementedError(None, node.op, text)
    return ()


register(
    OpDef("Cast", "x: SrcT", "y: DstT", attrs={"Truncate": False}, shape=unchanged, symbolic=True, kernel="cast", params=_checked,
          reference=_reference, gradient=_gradient, overwrites=(0,), views="any"),
)  # fmt: skip


def cast(x, dtype, name=None):
    """x as another dtype; floats are rounded towards zero where integers are asked for.

    Args:
      x: a tensor, `SparseTensor` or `IndexedSlices`.
      dtype: the dtype wanted.
      name: the node's name.

    Returns:
      x itself where it has that dtype already.

    Raises:
      TypeError: where x cannot be cast.
    """
    wanted = dtypes.as_dtype(dtype).base_dtype
    if getattr(x, "dtype", None) == wanted and hasattr(x, "op"):
        return x
    with name_scope(name, "Cast", [x]) as scope:
        if isinstance(x, IndexedSlices):
            return IndexedSlices(cast(x.values, wanted, name=scope), x.indices, x.dense_shape)
        x = convert_to_tensor(x, name="x")
        if x.dtype.base_dtype == wanted:
            return x
        return apply_op("Cast", [x], {"DstT": wanted}, name=scope)


def _number(limit):
    """A limit of a type as Python's number: NumPy's 16-bit ones cannot be compared with every other."""
    return limit.item() if hasattr(limit, "item") else limit


def saturate_cast(value, dtype, name=None):
    """A cast in which what does not fit becomes the nearest number that does."""
    from .math import maximum, minimum

    with name_scope(name, "saturate_cast", [value]) as scope:
        value = convert_to_tensor(value, name="value")
        dtype = dtypes.as_dtype(dtype).base_dtype
        if _number(value.dtype.min) < _number(dtype.min):
            value = maximum(value, convert_to_tensor(dtype.min, dtype=value.dtype, name="min"))
        if _number(value.dtype.max) > _number(dtype.max):
            value = minimum(value, convert_to_tensor(dtype.max, dtype=value.dtype, name="max"))
        return cast(value, dtype, name=scope)


def _to(name, dtype):
    def function(x, name="To" + name):
        return cast(x, dtype, name=name)

    function.__name__ = function.__qualname__ = "to_" + name.lower()
    function.__doc__ = f"x as {dtype.name}."
    return function


to_float = _to("Float", dtypes.float32)
to_double = _to("Double", dtypes.float64)
to_int32 = _to("Int32", dtypes.int32)
to_int64 = _to("Int64", dtypes.int64)
to_bfloat16 = _to("BFloat16", dtypes.bfloat16)
to_complex64 = _to("Complex64", dtypes.complex64)
to_complex128 = _to("Complex128", dtypes.complex128)
