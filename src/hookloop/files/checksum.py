"""CRC-32C as TensorFlow's files have it: masked, so that a checksum of data with checksums in it stays strong."""

from __future__ import annotations

import google_crc32c
import numpy as np

_CHUNK = 1 << 20  # bytes copied at a time: the library takes only `bytes`
_MASK_DELTA = 0xA282EAD8


def extend(crc, data):
    """The checksum of what `crc` stands for with `data` behind it.

    Args:
      crc: the (unmasked) checksum so far, 0 for nothing.
      data: bytes, or an array, whose bytes are taken in row-major order.
    """
    if isinstance(data, bytes):
        return google_crc32c.extend(crc, data)
    view = memoryview(np.ascontiguousarray(data)).cast("B") if isinstance(data, np.ndarray) else memoryview(data)
    for begin in range(0, len(view), _CHUNK):
        crc = google_crc32c.extend(crc, bytes(view[begin : begin + _CHUNK]))
    return crc


def mask(crc):
    """The form in which a file holds a checksum."""
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def masked(data):
    """The masked checksum of bytes or of an array."""
    crc = google_crc32c.extend(0, data) if type(data) is bytes else extend(0, data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF
