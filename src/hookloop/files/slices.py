"""Slices of tensors in a checkpoint: their text in a SaveV2 op, their key in the index.

The text of a partition is the whole shape and, for each axis, "-" or "begin,length": "4 2 0,2:-". The key is an encoding that
sorts as its parts do. Source: the OrderedCode format.
"""

from __future__ import annotations

from ..errors import InvalidArgumentError

FULL = -1  # the length of an axis that a slice takes whole


def parse(text):
    """What a shape-and-slice text says.

    Args:
      text: for example "4 2 0,2:-"; empty for a whole tensor.

    Returns:
      None for a whole tensor, else (shape, extents): a tuple of sizes and a tuple of (begin, length) with `FULL`.

    Raises:
      InvalidArgumentError: where the text is none of these.
    """
    if not text:
        return None
    *sizes, spec = text.split(" ")
    try:
        shape = tuple(int(size) for size in sizes)
        extents = tuple((0, FULL) if part == "-" else _pair(part) for part in spec.split(":"))
    except ValueError:
        raise InvalidArgumentError(
            None, None, f"expected a shape and a slice as in '4 2 0,2:-', got {text!r}"
        ) from None
    if len(shape) != len(extents):
        raise InvalidArgumentError(
            None, None, f"the slice {text!r} has {len(extents)} axes for a shape of {len(shape)}"
        )
    if not lies_within(shape, extents):
        raise InvalidArgumentError(None, None, f"the slice {text!r} does not lie within its shape")
    return shape, extents


def lies_within(shape, extents):
    """Whether a slice has the axes of a shape, and no element outside it."""
    return len(shape) == len(extents) and all(
        begin >= 0 and (length == FULL or (length >= 0 and begin + length <= size))
        for size, (begin, length) in zip(shape, extents)
    )


def _pair(text):
    begin, length = text.split(",")
    return int(begin), int(length)


def ranges(shape, extents):
    """The slice as Python's `slice` objects, one for each axis."""
    return tuple(
        slice(begin, size if length == FULL else begin + length) for size, (begin, length) in zip(shape, extents)
    )


def key(name, extents):
    """The index key of a tensor's slice: (0, name, rank, begin and length of each axis)."""
    out = _number(0) + _text(name) + _number(len(extents))
    for begin, length in extents:
        out += _signed(begin) + _signed(length)
    return out


def _number(value):
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([len(data)]) + data


def _text(data):
    escaped = b"".join({0: b"\0\xff", 255: b"\xff\0"}.get(byte, bytes([byte])) for byte in data)
    return escaped + b"\0\x01"


def _signed(value):
    magnitude = ~value if value < 0 else value
    length = 1
    while magnitude >> (7 * length - 1):
        length += 1
    data = bytearray(value.to_bytes(max(length, 2), "big", signed=True)[-length:])
    header = ((1 << length) - 1) << (16 - length)  # `length` ones, from the left of two bytes
    data[0] ^= header >> 8
    if length > 1:
        data[1] ^= header & 0xFF
    return bytes(data)
