"""Sorted tables of keys and values in the format of LevelDB, which the index of a checkpoint is.

A table is blocks of entries, a block of metadata, an index of the blocks, and a footer. Keys share prefixes with the
key before, except at restart points. Source: the LevelDB project's description of its table format.
"""

from __future__ import annotations

import itertools
import operator
import struct
import sys

from .._core import table_block, table_entries
from ..errors import DataLossError
from . import checksum

_MAGIC = 0xDB4775248B80FB57
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5  # the kind of compression, and a checksum
_RESTART_INTERVAL = 16
_BLOCK_BYTES = 1 << 18
_UNCOMPRESSED, _SNAPPY = 0, 1
_TOO_SHORT = "is cut short"


def encode_varint(value):
    """A number as LevelDB and protocol buffers write it, seven bits a byte."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_varint(data, at):
    """The number that begins at an offset, and the offset behind it.

    Raises:
      DataLossError: where it does not end.
    """
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise DataLossError(None, None, f"a number at byte {at} {_TOO_SHORT}")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def write_table(items):
    """The bytes of a table.

    Args:
      items: (key, value) pairs of bytes, in strictly increasing order of their keys.

    Raises:
      ValueError: where the keys are not in order.
    """
    out, items = bytearray(), list(items)

    def put(block):
        handle = encode_varint(len(out)) + encode_varint(len(block))
        body = block + bytes([_UNCOMPRESSED])
        out.extend(body + struct.pack("<I", checksum.masked(body)))
        return handle

    handles, at = [], 0
    while at < len(items):
        block, at = table_block(items, at, _RESTART_INTERVAL, _BLOCK_BYTES)
        handles.append((items[at - 1][0], put(block)))
    metadata = put(_whole_block([]))
    footer = metadata + put(_whole_block(handles))
    return bytes(out) + footer.ljust(_FOOTER_BYTES - 8, b"\0") + struct.pack("<Q", _MAGIC)


def _whole_block(items):
    """One block of all entries, with the keys as they are."""
    return table_block(items, 0, 1, sys.maxsize)[0]


def read_table(data, name):
    """The entries of a table as a list of (key, value), in order.

    Args:
      data: the whole file, bytes.
      name: what it is called, for errors.

    Raises:
      DataLossError: where it is no table, is cut short, or a checksum does not fit.
    """
    if len(data) < _FOOTER_BYTES or struct.unpack("<Q", data[-8:])[0] != _MAGIC:
        raise DataLossError(None, None, f"Unable to open table file {name}: not an sstable (bad magic number)")
    footer = data[-_FOOTER_BYTES:-8]
    try:
        _, at = _handle(footer, 0)
        index, _ = _handle(footer, at)
        handles, entries = [], []
        table_entries(_block(data, *index, name), handles)
        for _, handle in handles:
            table_entries(_block(data, *_handle(handle, 0)[0], name), entries)
    except (DataLossError, ValueError, struct.error, IndexError) as error:
        raise DataLossError(None, None, f"Unable to open table file {name}: {error}") from None
    keys = [key for key, _ in entries]
    if not all(map(operator.lt, keys, keys[1:])):
        left, right = next(pair for pair in itertools.pairwise(keys) if pair[1] <= pair[0])
        raise DataLossError(None, None, f"Unable to open table file {name}: key {right!r} stands after {left!r}")
    return entries


def _handle(data, at):
    offset, at = decode_varint(data, at)
    size, at = decode_varint(data, at)
    return (offset, size), at


def _block(data, offset, size, name):
    end = offset + size
    if end + _TRAILER_BYTES > len(data):
        raise DataLossError(None, None, f"the block at byte {offset} {_TOO_SHORT}")
    kind = data[end]
    if struct.unpack_from("<I", data, end + 1)[0] != checksum.masked(bytes(data[offset : end + 1])):
        raise DataLossError(None, None, f"the checksum of the block at byte {offset} does not fit")
    if kind == _SNAPPY:
        return _uncompressed(bytes(data[offset:end]))
    if kind != _UNCOMPRESSED:
        raise DataLossError(None, None, f"the block at byte {offset} has an unknown compression, {kind}")
    return bytes(data[offset:end])


def _uncompressed(data):
    """The bytes of a block compressed with Snappy. Source: Snappy's description of its format."""
    size, at = decode_varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            length = (tag >> 2) + 1
            if length > 60:
                extra = length - 60
                length = int.from_bytes(data[at : at + extra], "little") + 1
                at += extra
            out += data[at : at + length]
            at += length
            continue
        if tag & 3 == 1:
            length, distance, at = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at], at + 1
        else:
            width = 2 if tag & 3 == 2 else 4
            length, distance, at = (tag >> 2) + 1, int.from_bytes(data[at : at + width], "little"), at + width
        if not 0 < distance <= len(out) or len(out) + length > size:
            raise DataLossError(None, None, "a compressed block is corrupt")
        for _ in range(length):  # a copy may reach into what it writes
            out.append(out[-distance])
    if len(out) != size:
        raise DataLossError(None, None, "a compressed block is corrupt")
    return bytes(out)


__all__ = ["decode_varint", "encode_varint", "read_table", "write_table"]
