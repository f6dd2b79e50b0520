"""What caches of datasets remember, and the files that they keep it in."""

from __future__ import annotations

import itertools

import numpy as np

from ..errors import DataLossError
from ..files.atomic import replacing
from ..files.paths import local_path


class Kept:
    """What a cache remembers.

    Attributes:
      elements: those of a whole iteration, where it is `complete`.
    """

    __slots__ = ("complete", "elements")

    def __init__(self):
        self.elements, self.complete = (), False

    def read(self, filename):
        """Takes the elements from a file, where there is one."""
        if not self.complete and filename:
            found = _read_cache(filename)
            if found is not None:
                self.elements, self.complete = found, True

    def keep(self, elements, filename):
        self.elements, self.complete = elements, True
        if filename:
            _write_cache(filename, list(elements))


def _read_cache(filename):
    """The elements of a cache file, None where there is none. Nothing in it is run.

    Raises:
      DataLossError: where the file is none, or damaged.
    """
    import os
    import zipfile

    path = local_path(filename) + ".npz"
    if not os.path.exists(path):
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            width, count = int(stored["width"]), int(stored["count"])
            flat = [_as_text(stored, i) if f"t{i}" in stored.files else stored[f"c{i}"] for i in range(count)]
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataLossError(None, None, f"{path} is no cache of a dataset, or is damaged: {error}") from None
    return [tuple(flat[i : i + width]) for i in range(0, len(flat), width)]


def _as_text(stored, i):
    """An array of texts from their bytes, their lengths and the array's shape."""
    data, ends = stored[f"t{i}"].tobytes(), np.cumsum(stored[f"n{i}"])
    words = np.empty(len(ends), object)
    for k, end in enumerate(ends):
        words[k] = data[(ends[k - 1] if k else 0) : end]
    return words.reshape(stored[f"s{i}"])


def _write_cache(filename, elements):
    arrays = {"width": len(elements[0]) if elements else 1, "count": sum(map(len, elements))}
    for i, value in enumerate(itertools.chain.from_iterable(elements)):
        value = np.asarray(value)
        if value.dtype.hasobject:
            words = [word if isinstance(word, bytes) else str(word).encode() for word in value.ravel()]
            arrays[f"t{i}"] = np.frombuffer(b"".join(words), np.uint8)
            arrays[f"n{i}"], arrays[f"s{i}"] = (
                np.array([len(w) for w in words], np.int64),
                np.array(value.shape, np.int64),
            )
        else:
            arrays[f"c{i}"] = value
    with replacing(filename + ".npz") as file:
        np.savez(file, **arrays)
