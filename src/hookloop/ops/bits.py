"""Bits of numbers: how many are set, comparisons packed into bytes, and fingerprints of rows."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from . import kinds
from ._string_hashes import farm
from .build import apply_op
from .registry import OpDef, no_gradient, register
from .shape_functions import unchanged

__all__ = ["fingerprint"]


def _count_reference(node, x):
    width = np.uint64(x.dtype.itemsize * 8)
    mask = np.uint64((1 << int(width)) - 1)
    rest, found = np.asarray(x).astype(np.int64).astype(np.uint64) & mask, np.zeros(np.shape(x), np.uint8)
    for bit in range(int(width)):
        found += ((rest >> np.uint64(bit)) & np.uint64(1)).astype(np.uint8)
    return found


# --- comparisons ----------------------------------------------------------------------------------------------


def _packed(c):
    if not c.known(0):
        return None
    shape = c.shape(0)
    if not shape:
        c.fail("Shape must be at least rank 1 but is rank 0")
    if isinstance(shape[-1], int) and shape[-1] % 8:
        c.fail(f"Dimension size must be evenly divisible by 8 but is {shape[-1]}")
    return (*shape[:-1], c.infer(shape[-1], 8))


def _packed_reference(node, x, threshold):
    x = np.asarray(x)
    above = x if x.dtype == bool else x > threshold  # TensorFlow looks at no threshold for bools
    return np.packbits(above.reshape(-1, 8), axis=-1).reshape(*above.shape[:-1], -1)


# --- fingerprints ---------------------------------------------------------------------------------------------


def _print_shape(c):
    if c.has_constant(1):
        method = c.constant(1).item()
        if method != b"farmhash64":
            c.fail(f"Unsupported method: {method.decode('utf-8', 'replace')}")
    rows = c.shape(0)[0] if c.known(0) and c.shape(0) else c.new_size()
    return (rows, 8)


def _hashed(data):
    return farm(data).to_bytes(8, "little")


def _print(call, data, method):
    method = method.item() if isinstance(method, np.ndarray) else method
    if method != b"farmhash64":
        raise ValueError(f"Unsupported fingerprint method: {method.decode('utf-8', 'replace')}")
    if data.ndim == 0:
        raise ValueError("Shape must be at least rank 1 but is rank 0")
    if data.dtype == object:
        # Texts are hashed each; of several in a row, their hashes are.
        rows = [[_hashed(text) for text in row.ravel()] for row in data.reshape(len(data), -1)]
        found = [row[0] if data.ndim == 1 else _hashed(b"".join(row)) for row in rows]
    else:
        found = [_hashed(np.ascontiguousarray(row).tobytes()) for row in data]
    return np.frombuffer(b"".join(found), np.uint8).reshape(len(data), 8)


register(
    OpDef("PopulationCount", "x: T", "y: uint8", types={"T": kinds.INTEGER}, shape=unchanged, kernel="population_count",
          views="any", reference=_count_reference, gradient=no_gradient),
    OpDef("CompareAndBitpack", "input: T, threshold: T", "output: uint8",
          types={"T": frozenset((dtypes.bool, dtypes.float16, dtypes.float32, dtypes.float64, dtypes.int8, dtypes.int16,
                                 dtypes.int32, dtypes.int64))},
          shape=_packed, kernel="compare_and_bitpack", reference=_packed_reference, ranks={"threshold": 0}),
    OpDef("Fingerprint", "data: T, method: string", "fingerprint: uint8", shape=_print_shape, host=_print,
          ranks={"method": 0}, least_ranks={"data": 1}),
)  # fmt: skip


def fingerprint(data, method="farmhash64", name=None):
    """A hash of 8 bytes of each row of a tensor.

    Args:
      data: of any type, of one axis at least; its first axis counts the rows.
      method: "farmhash64".
      name: the node's name.

    Returns:
      [rows, 8], bytes.
    """
    return apply_op("Fingerprint", [data, method], name=name)
