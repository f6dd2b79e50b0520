"""Sorted tables of keys and values in the format of LevelDB, which the index of a checkpoint is.

A table is blocks of entries, a block of metadata, an index of the blocks, and a footer. Keys share prefixes with the
key before, except at restart points. Source: the LevelDB project's description of its table format.
"""

from __future__ import annotations

import itertools
import struct

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


class _Block:
    """The entries of one block, as they are added."""

    def __init__(self, restart_interval=_RESTART_INTERVAL):
        self._interval = restart_interval
        self.data = bytearray()
        self.last = b""
        self._restarts = [0]
        self._count = 0

    def add(self, key, value):
        shared = 0
        if self._count == self._interval:
            self._restarts.append(len(self.data))
            self._count = 0
        elif self._count:
            limit = min(len(key), len(self.last))
            while shared < limit and key[shared] == self.last[shared]:
                shared += 1
        self.data += encode_varint(shared) + encode_varint(len(key) - shared) + encode_varint(len(value))
        self.data += key[shared:] + value
        self.last = key
        self._count += 1

    def finish(self):
        return bytes(self.data) + struct.pack(f"<{len(self._restarts) + 1}I", *self._restarts, len(self._restarts))


def write_table(items):
    """The bytes of a table.

    Args:
      items: (key, value) pairs of bytes, in strictly increasing order of their keys.

    Raises:
      ValueError: where the keys are not in order.
    """
    out = bytearray()
    index = _Block(restart_interval=1)
    block, last = _Block(), None

    def put(data):
        handle = encode_varint(len(out)) + encode_varint(len(data))
        body = data + bytes([_UNCOMPRESSED])
        out.extend(body + struct.pack("<I", checksum.masked(body)))
        return handle

    for key, value in items:
        if last is not None and key <= last:
            raise ValueError(f"keys must increase, got {key!r} after {last!r}")
        if len(block.data) >= _BLOCK_BYTES:
            index.add(block.last, put(block.finish()))
            block = _Block()
        block.add(key, value)
        last = key
    if last is not None:
        index.add(last, put(block.finish()))
    metadata = put(_Block().finish())
    footer = metadata + put(index.finish())
    return bytes(out) + footer.ljust(_FOOTER_BYTES - 8, b"\0") + struct.pack("<Q", _MAGIC)


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
        entries = []
        for _, handle in _entries(_block(data, *index, name)):
            entries.extend(_entries(_block(data, *_handle(handle, 0)[0], name)))
    except (DataLossError, struct.error, IndexError) as error:
        raise DataLossError(None, None, f"Unable to open table file {name}: {error}") from None
    for (left, _), (right, _) in itertools.pairwise(entries):
        if right <= left:
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


def _entries(block):
    if len(block) < 4:
        raise DataLossError(None, None, f"a block {_TOO_SHORT}")
    restarts = struct.unpack_from("<I", block, len(block) - 4)[0]
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise DataLossError(None, None, f"a block {_TOO_SHORT}")
    at, key, entries = 0, b"", []
    while at < end:
        shared, fresh, size = block[at : at + 3].ljust(3, b"\xff")
        if shared < 0x80 and fresh < 0x80 and size < 0x80:  # a byte each, as most are
            at += 3
        else:
            shared, at = decode_varint(block, at)
            fresh, at = decode_varint(block, at)
            size, at = decode_varint(block, at)
        middle = at + fresh
        at = middle + size
        if shared > len(key) or at > end:
            raise DataLossError(None, None, f"an entry {_TOO_SHORT}")
        key = key[:shared] + block[middle - fresh : middle]
        entries.append((key, block[middle:at]))
    return entries


__all__ = ["decode_varint", "encode_varint", "read_table", "write_table"]
