"""Files of records: TensorFlow's TFRecord format, which event files have.

A record is its length, a checksum of the length, its bytes and a checksum of them.
"""

from __future__ import annotations

import struct

from ..errors import DataLossError
from . import checksum
from .os_errors import translated

_HEAD = struct.Struct("<QI")
_TAIL = struct.Struct("<I")


def read_records(path):
    """Yields the records of a file, as bytes.

    Raises:
      NotFoundError: there is no such file.
      DataLossError: a checksum does not fit, or the file ends within a record, behind its length.
    """
    with translated(path), open(path, "rb") as file:
        yield from records_of(file, path)


def records_of(file, path):
    """Yields the records that are read from a file, which may be compressed.

    Args:
      file: has `read(size)`.
      path: its name, for errors.
    """
    at = 0
    # A part of a head is what a writer has begun: the file ends before it.
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        length, crc = _HEAD.unpack(head)
        if checksum.masked(head[:8]) != crc:
            raise DataLossError(None, None, f"{path}: corrupted record at {at}")
        body = file.read(length + _TAIL.size)
        data = body[:length]
        if len(body) < length + _TAIL.size:
            raise DataLossError(None, None, f"{path}: truncated record at {at}")
        if checksum.masked(data) != _TAIL.unpack_from(body, length)[0]:
            raise DataLossError(None, None, f"{path}: corrupted record at {at + _HEAD.size}")
        yield data
        at += _HEAD.size + length + _TAIL.size


__all__ = ["read_records", "records_of"]
