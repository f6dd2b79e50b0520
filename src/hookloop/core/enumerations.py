"""Enumerations of TensorFlow 1.15's messages: the messages at hand are a newer TensorFlow's, which have more values, or lack them."""

from .. import errors as _errors

__all__ = ["Code", "DataType"]


class _Enumeration:
    """An enumeration of messages as Protocol Buffers has it.

    Args:
      values: name -> number, in the order of the numbers.
    """

    def __init__(self, values):
        self._values = values

    def __getattr__(self, name):
        if name not in self._values:
            raise AttributeError(f"Enum has no value with name {name!r}")
        return self._values[name]

    def keys(self):
        return list(self._values)

    def values(self):
        return list(self._values.values())

    def items(self):
        return list(self._values.items())

    def Name(self, number):
        """The name of a number.

        Raises:
          ValueError: where it has none.
        """
        for name, value in self._values.items():
            if value == number:
                return name
        raise ValueError(f"Enum has no name defined for value {number}")

    def Value(self, name):
        """The number of a name.

        Raises:
          ValueError: where there is none.
        """
        if name not in self._values:
            raise ValueError(f"Enum has no value defined for name {name!r}")
        return self._values[name]


_TYPES = """FLOAT DOUBLE INT32 UINT8 INT16 INT8 STRING COMPLEX64 INT64 BOOL QINT8 QUINT8 QINT32 BFLOAT16 QINT16 QUINT16 UINT16
    COMPLEX128 HALF RESOURCE VARIANT UINT32 UINT64""".split()

DataType = _Enumeration(
    {
        "DT_INVALID": 0,
        **{f"DT_{name}": 1 + i for i, name in enumerate(_TYPES)},
        **{f"DT_{name}_REF": 101 + i for i, name in enumerate(_TYPES)},
    }
)

_CODES = """OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED
    FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED""".split()

Code = _Enumeration(
    {
        **{name: getattr(_errors, name) for name in _CODES},
        "DO_NOT_USE_RESERVED_FOR_FUTURE_EXPANSION_USE_DEFAULT_IN_SWITCH_INSTEAD_": 20,
    }
)
