"""Enumerations of TensorFlow 1.15's messages: the messages at hand are a newer TensorFlow's, which have more values, or lack them."""

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from .. import errors as _errors

__all__ = ["Code", "DataType"]


def _enumeration(file, package, name, values):
    """An enumeration as Protocol Buffers has it, in a pool of its own: the messages at hand are not touched.

    Args:
      file: the file that TensorFlow has it in.
      package: the file's package.
      name: of the enumeration.
      values: name -> number.
    """
    described = descriptor_pb2.FileDescriptorProto(name=file, package=package, syntax="proto3")
    described.enum_type.add(name=name).value.extend(
        descriptor_pb2.EnumValueDescriptorProto(name=value, number=number) for value, number in values.items()
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(described.SerializeToString())
    return EnumTypeWrapper(pool.FindEnumTypeByName(f"{package}.{name}"))


_TYPES = """FLOAT DOUBLE INT32 UINT8 INT16 INT8 STRING COMPLEX64 INT64 BOOL QINT8 QUINT8 QINT32 BFLOAT16 QINT16 QUINT16 UINT16
    COMPLEX128 HALF RESOURCE VARIANT UINT32 UINT64""".split()

DataType = _enumeration(
    "tensorflow/core/framework/types.proto",
    "tensorflow",
    "DataType",
    {
        "DT_INVALID": 0,
        **{f"DT_{name}": 1 + i for i, name in enumerate(_TYPES)},
        **{f"DT_{name}_REF": 101 + i for i, name in enumerate(_TYPES)},
    },
)

_CODES = """OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED
    FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED""".split()

Code = _enumeration(
    "tensorflow/core/lib/core/error_codes.proto",
    "tensorflow.error",
    "Code",
    {
        **{name: getattr(_errors, name) for name in _CODES},
        "DO_NOT_USE_RESERVED_FOR_FUTURE_EXPANSION_USE_DEFAULT_IN_SWITCH_INSTEAD_": 20,
    },
)
