"""Element types: `DType`, TensorFlow's numbers for them, and NumPy types both ways."""

from __future__ import annotations

import numpy as np

__all__ = [
    "DType", "as_dtype", "bfloat16", "bool", "complex128", "complex64", "double", "float16", "float32",
    "float64", "half", "int16", "int32", "int64", "int8", "qint16", "qint32", "qint8", "quint16", "quint8",
    "resource", "string", "uint16", "uint32", "uint64", "uint8", "variant", "QUANTIZED_DTYPES",
]  # fmt: skip

_REF = 100  # A reference type's number is its base type's plus this.
_py_bool = bool

_FLOATING = frozenset(("float16", "float32", "float64", "bfloat16"))
_SIGNED = frozenset(("int8", "int16", "int32", "int64"))
_UNSIGNED = frozenset(("uint8", "uint16", "uint32", "uint64"))
_COMPLEX = frozenset(("complex64", "complex128"))
_QUANTIZED = {
    "qint8": "int8",
    "quint8": "uint8",
    "qint16": "int16",
    "quint16": "uint16",
    "qint32": "int32",
}
_BFLOAT16_LIMIT = 3.3895313892515355e38

_by_number: dict[int, DType] = {}
_by_name: dict[str, DType] = {}
_by_numpy: dict = {}


class DType:
    """The type of a tensor's elements. There is one object for each; `as_dtype` finds it.

    Attributes:
      name: TensorFlow's name, e.g. "float32" or, for a variable's own type, "float32_ref".
      as_datatype_enum: TensorFlow's number for it.
      size: bytes of one element.
      _stored_number: the number of the type that elements are stored as: of quantized ones that of their integers.
    """

    __slots__ = (
        "name", "as_datatype_enum", "base_dtype", "_ref", "_numpy", "is_floating", "is_complex",
        "is_integer", "is_unsigned", "is_bool", "is_quantized", "_is_ref_dtype", "size",
        "_stored_number",
    )  # fmt: skip

    def __init__(self, name, number, base=None):
        self.name = name
        self.as_datatype_enum = number
        self.base_dtype = self if base is None else base
        self._is_ref_dtype = base is not None
        kind = self.base_dtype.name
        self.is_floating = kind in _FLOATING
        self.is_complex = kind in _COMPLEX
        self.is_unsigned = kind in _UNSIGNED
        self.is_integer = self.is_unsigned or kind in _SIGNED
        self.is_bool = kind == "bool"
        self.is_quantized = kind in _QUANTIZED
        self._numpy = base._numpy if base is not None else _numpy_type(kind)
        self._stored_number = _by_name[_QUANTIZED[kind]].as_datatype_enum if self.is_quantized else number
        self.size = self._element_size(kind)
        self._ref = self if base is not None else DType(name + "_ref", number + _REF, self)
        _by_number[number] = self
        _by_name[name] = self

    def _element_size(self, kind):
        if kind == "bfloat16":
            return 2
        if kind in ("string", "resource", "variant"):
            return 1
        return np.dtype(self._numpy).itemsize

    @property
    def as_numpy_dtype(self):
        """The NumPy scalar type; `object` for strings."""
        if self._numpy is None:
            self._numpy = _bfloat16_type()
        return self._numpy

    @property
    def real_dtype(self):
        """The type of the real part."""
        base = self.base_dtype
        return float32 if base is complex64 else float64 if base is complex128 else self

    @property
    def is_numpy_compatible(self):
        """Whether NumPy has the type: all but references to resources and variants."""
        return self.base_dtype.name not in ("resource", "variant")

    @property
    def min(self):
        """The smallest finite value.

        Raises:
          TypeError: for a type whose values have no order.
        """
        return self._limit("min", -_BFLOAT16_LIMIT)

    @property
    def max(self):
        """The largest finite value.

        Raises:
          TypeError: for a type whose values have no order.
        """
        return self._limit("max", _BFLOAT16_LIMIT)

    def _limit(self, which, of_bfloat16):
        base = self.base_dtype
        if base.name == "bfloat16":
            return of_bfloat16
        if base.is_floating:
            return getattr(np.finfo(base._numpy), which)
        if base.is_integer or base.is_quantized:
            return getattr(np.iinfo(base._numpy), which)
        raise TypeError(f"Cannot find {which}imum value of {self}.")

    @property
    def _as_ref(self):
        """The type of a variable that holds elements of this type."""
        return self._ref

    @property
    def limits(self):
        """(lowest, highest) value by convention for intensities: (0, 1) for floating types, from 0 on for integers."""
        if self.base_dtype.is_floating:
            return 0, 1
        if self.base_dtype.is_bool:
            return False, True
        return (0 if self.base_dtype.is_integer else self.min), self.max

    def is_compatible_with(self, other):
        """Whether a tensor of type `other` can stand where this type is wanted: a reference can where a value is."""
        other = as_dtype(other)
        return self is other or self is other.base_dtype

    def __eq__(self, other):
        if self is other:
            return True
        if other is None or isinstance(other, DType):
            return False
        try:
            return as_dtype(other) is self
        except TypeError:
            return False

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return self.as_datatype_enum

    def __int__(self):
        return self.as_datatype_enum

    def __str__(self):
        return f"<dtype: {self.name!r}>"

    def __repr__(self):
        return f"tf.{self.name}"

    def __reduce__(self):
        return as_dtype, (self.name,)


def _numpy_type(name):
    if name == "bfloat16":
        return None  # found when first asked for: it is another package's type
    if name == "bool":
        return np.bool_
    if name in ("string", "resource", "variant"):
        return np.object_
    return getattr(np, _QUANTIZED.get(name, name))


def _bfloat16_type():
    try:
        import ml_dtypes
    except ImportError:
        raise TypeError("bfloat16 in NumPy needs ml_dtypes: pip install 'hookloop[bfloat16]'") from None
    return ml_dtypes.bfloat16


float32 = DType("float32", 1)
float64 = double = DType("float64", 2)
int32 = DType("int32", 3)
uint8 = DType("uint8", 4)
int16 = DType("int16", 5)
int8 = DType("int8", 6)
string = DType("string", 7)
complex64 = DType("complex64", 8)
int64 = DType("int64", 9)
bool = DType("bool", 10)
bfloat16 = DType("bfloat16", 14)
uint16 = DType("uint16", 17)
complex128 = DType("complex128", 18)
float16 = half = DType("float16", 19)
resource = DType("resource", 20)
variant = DType("variant", 21)
uint32 = DType("uint32", 22)
uint64 = DType("uint64", 23)
qint8 = DType("qint8", 11)
quint8 = DType("quint8", 12)
qint32 = DType("qint32", 13)
qint16 = DType("qint16", 15)
quint16 = DType("quint16", 16)

QUANTIZED_DTYPES = frozenset((qint8, quint8, qint16, quint16, qint32))

_by_name.update({"half": float16, "float": float32, "double": float64})
_by_name.update({"half_ref": float16._ref, "float_ref": float32._ref, "double_ref": float64._ref})
for _dtype in (
    float32, float64, int32, uint8, int16, int8, complex64, int64, bool, uint16, complex128, float16,
    uint32, uint64,
):  # fmt: skip
    _by_numpy[_dtype._numpy] = _by_numpy[np.dtype(_dtype._numpy)] = _dtype
_by_numpy.update({float: float32, int: int32, _py_bool: bool, complex: complex128, str: string, bytes: string,
                  np.object_: string, object: string, np.str_: string, np.bytes_: string})  # fmt: skip


def as_dtype(type_value):
    """The `DType` that a value names.

    Args:
      type_value: a `DType`, its number or name, a NumPy dtype or scalar type, or a Python type.

    Raises:
      TypeError: where it names none.
    """
    if type_value.__class__ is DType:
        return type_value
    try:
        found = _by_numpy.get(type_value)
    except TypeError:
        found = None
    if found is not None:
        return found
    if isinstance(type_value, int):
        found = _by_number.get(type_value)
    elif isinstance(type_value, str):
        found = _by_name.get(type_value) or _from_numpy(type_value)
    elif isinstance(type_value, DType):
        found = type_value
    else:
        found = _from_numpy(type_value)
    if found is None:
        raise TypeError(f"Cannot convert value {type_value!r} to a TensorFlow DType.")
    return found


_CONTAINERS = frozenset((list, tuple, dict, set))  # NumPy takes them for object


def _from_numpy(value):
    if isinstance(value, type) and value in _CONTAINERS:
        return None
    try:
        dtype = value if isinstance(value, np.dtype) else np.dtype(value)
    except TypeError:
        return None
    if dtype.kind in "SU":
        return string
    if dtype.name == "bfloat16":
        return bfloat16
    return _by_numpy.get(dtype.type) if value is not None else None


def is_dtype(value):
    """Whether `value` is a `DType` or a type that names one (not a number)."""
    return isinstance(value, (DType, np.dtype, type, str))


_FUNCTIONS = ("as_string", "cast", "complex", "saturate_cast")


def __getattr__(name):
    if name in _FUNCTIONS:
        import sys

        return getattr(sys.modules[__package__], name)
    if name.endswith("_ref") and name in _by_name:
        return _by_name[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, *_FUNCTIONS])
