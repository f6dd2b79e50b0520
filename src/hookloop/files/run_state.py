"""What stands beside a checkpoint and is not TensorFlow's: `PREFIX.hookloop-state`, the state of a run as numbers and text.

The first line has a version and the checksum of the rest: one line for each index of the checkpoint that the state may
belong to, with that index's checksum and the state as JSON. The file is written before a new index takes the place of an
old one, with the states of both: whichever index a kill leaves finds its own.
"""

from __future__ import annotations

import base64
import json
import os

import numpy as np

from .. import errors
from . import bundle, checksum
from .atomic import write_atomically
from .os_errors import translated
from .paths import local_path

_MAGIC = b"hookloop-state 1 "
_ARRAY, _BYTES, _TUPLE = "array", "bytes", "tuple"
_TAG = "="  # the key that marks a dictionary as one of these


def path_of(prefix):
    return local_path(prefix) + ".hookloop-state"


def encode(value, what):
    """A value as what JSON can hold.

    Args:
      value: None, bool, int, float, str, bytes, NumPy scalars and arrays; lists, tuples and dictionaries of them.
      what: says in errors what it is.

    Raises:
      TypeError: where it, or a part of it, is something else.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, bytes):
        return {_TAG: _BYTES, "data": base64.b64encode(value).decode()}
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufcSU?":
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        shape = list(value.shape) if isinstance(value, np.ndarray) else None
        return {_TAG: _ARRAY, "dtype": value.dtype.str, "shape": shape, "data": data}
    if type(value) is list:
        return [encode(item, f"{what}[{i}]") for i, item in enumerate(value)]
    if type(value) is tuple:
        return {_TAG: _TUPLE, "items": [encode(item, f"{what}[{i}]") for i, item in enumerate(value)]}
    if isinstance(value, dict):
        for key in value:
            if type(key) is not str or key == _TAG:
                raise TypeError(f"expected keys of text in {what}, got {key!r}")
        return {key: encode(item, f"{what}[{key!r}]") for key, item in value.items()}
    raise TypeError(
        f"expected {what} to be None, a number, text, bytes, a NumPy array or a list, tuple or dictionary of such, "
        f"got {type(value).__name__}"
    )


def decode(value):
    """What `encode` made it of."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    tag = value.get(_TAG)
    if tag is None:
        return {key: decode(item) for key, item in value.items()}
    if tag == _TUPLE:
        return tuple(decode(item) for item in value["items"])
    data = base64.b64decode(value["data"], validate=True)
    if tag == _BYTES:
        return data
    dtype = np.dtype(value["dtype"])
    if dtype.hasobject:
        raise ValueError("an array of objects")
    array = np.frombuffer(data, dtype)
    return array[0] if value["shape"] is None else array.reshape(value["shape"]).copy()


class written_beside:
    """While this context is entered, a checkpoint of this prefix that is written gets the state beside it.

    Args:
      prefix: the checkpoint's.
      state: what `encode` takes.

    Raises:
      TypeError: where the state is something else.
      OpError: where the file cannot be written; the checkpoint is as it was.
    """

    def __init__(self, prefix, state):
        self._prefix = prefix
        self._text = json.dumps(encode(state, "the state"), separators=(",", ":")).encode()

    def __enter__(self):
        bundle.before_index.calls[self._prefix] = self._write

    def __exit__(self, kind, value, traceback):
        del bundle.before_index.calls[self._prefix]

    def _write(self, new_index):
        try:
            old = _records(self._prefix)
        except errors.OpError:
            old = []
        current = _crc_of_index(self._prefix)
        kept = [record for record in old if record[0] == current]
        lines = [b"%08x %s\n" % record for record in [*kept, (checksum.masked(new_index), self._text)]]
        body = b"".join(lines)
        path = path_of(self._prefix)
        write_atomically(path, b"%s%08x\n%s" % (_MAGIC, checksum.masked(body), body))


def _crc_of_index(prefix):
    try:
        with open(bundle.index_path(prefix), "rb") as file:
            return checksum.masked(file.read())
    except OSError:
        return None


def _records(prefix):
    """(checksum of an index, JSON) pairs; none where there is no file.

    Raises:
      DataLossError: where the file is corrupt.
    """
    path = path_of(prefix)
    if not os.path.exists(path):
        return []
    with translated(path), open(path, "rb") as file:
        head, _, body = file.read().partition(b"\n")
    if head != b"%s%08x" % (_MAGIC, checksum.masked(body)):
        raise errors.DataLossError(
            None, None,
            f"{path}: the checksum does not fit: the file is corrupt. Without the file the variables alone are restored",
        )  # fmt: skip
    pairs = [line.partition(b" ") for line in body.split(b"\n")[:-1]]
    return [(int(crc, 16), text) for crc, _, text in pairs]


def read(prefix):
    """The state beside a checkpoint; None where there is none, or one of another checkpoint that had this prefix.

    Raises:
      DataLossError: where the file is corrupt.
    """
    current = _crc_of_index(prefix)
    for crc, text in reversed(_records(prefix)):
        if crc == current:
            return decode(json.loads(text))
    return None
