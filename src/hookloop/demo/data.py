"""Handwritten digits: scikit-learn's 8x8 ones, or MNIST's 28x28 ones from files in IDX format."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

__all__ = ["DataError", "Digits", "load_digits", "load_idx", "read_pair"]

_IMAGES, _LABELS = 2051, 2049  # the magic numbers of IDX files of images and of labels
_HELD_OUT = {"sklearn": 297, "idx": 1500}


class DataError(Exception):
    """A file is missing or broken; the message is one line that says which and why."""


class MissingFile(DataError, FileNotFoundError):
    """A file is missing."""


class Digits:
    """Images as rows of float32 between 0 and 1, and their labels.

    Attributes:
      train_x, test_x: float32[n, pixels]; train_y, test_y: int32[n].
    """

    def __init__(self, train_x, train_y, test_x, test_y):
        self.train_x, self.train_y = train_x, train_y
        self.test_x, self.test_y = test_x, test_y

    @property
    def pixels(self):
        return self.train_x.shape[1]


def _split(x, y, held_out):
    """The same shuffle every time; the last `held_out` are for the test."""
    order = np.random.RandomState(0).permutation(len(x))
    x, y = x[order], y[order]
    return Digits(x[:-held_out], y[:-held_out], x[-held_out:], y[-held_out:])


def load_digits():
    """The 1,797 digits that scikit-learn ships: 1,500 to train on and 297 held out.

    Raises:
      DataError: where scikit-learn is not installed.
    """
    try:
        from sklearn import datasets
    except ImportError:
        raise DataError("the demo's digits need scikit-learn: pip install 'hookloop[demo]'") from None
    digits = datasets.load_digits()
    x = (digits.data / 16.0).astype(np.float32)
    return _split(x, digits.target.astype(np.int32), _HELD_OUT["sklearn"])


def load_idx(directory):
    """MNIST's digits from IDX files, packed or not.

    Args:
      directory: has train-images-idx3-ubyte and its fellows; where only the t10k pair is there, it is split
        8,500 to 1,500.

    Raises:
      DataError: where a file is missing or broken.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise DataError(f"{directory}: no such directory")
    train = _pair(directory, "train", required=False)
    test = _pair(directory, "t10k", required=True)
    if train is None:
        return _split(*test, min(_HELD_OUT["idx"], len(test[0]) // 4))
    return Digits(*train, *test)


def _pair(directory, name, required):
    """(images, labels), or None where they are not there and need not be."""
    if not required and not any(_find(directory, stem) for stem in _stems(name)):
        return None
    x, y = read_pair(directory, name)
    return (x.reshape(len(x), -1) / np.float32(255)).astype(np.float32), y.astype(np.int32)


def _stems(name):
    return f"{name}-images-idx3-ubyte", f"{name}-labels-idx1-ubyte"


def read_pair(directory, name):
    """(uint8[n, rows, columns], uint8[n]): the images and labels of "train" or "t10k".

    Raises:
      DataError: where a file is missing, which is a FileNotFoundError too, or broken.
    """
    images, labels = (_find(directory, stem) for stem in _stems(name))
    for path, stem in zip((images, labels), _stems(name)):
        if path is None:
            raise MissingFile(f"{directory / stem}: no such file, nor {stem}.gz")
    x, y = _read(images, _IMAGES), _read(labels, _LABELS)
    if len(x) != len(y):
        raise DataError(f"{labels}: expected {len(x)} labels, one for each image, got {len(y)}")
    if len(y) and y.max() > 9:
        raise DataError(f"{labels}: expected labels from 0 to 9, got {y.max()}")
    return x, y


def _find(directory, stem):
    for name in (stem, f"{stem}.gz", stem.replace("-idx", ".idx")):
        if (directory / name).is_file():
            return directory / name
    return None


def _read(path, magic):
    """The array in an IDX file of bytes."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            content = file.read()
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: {error}") from None
    if len(content) < 8:
        raise DataError(f"{path}: expected an IDX file, got {len(content)} bytes")
    (found,) = struct.unpack(">i", content[:4])
    if found != magic:
        raise DataError(f"{path}: expected the magic number {magic} of an IDX file, got {found}")
    rank = magic % 256
    if len(content) < 4 + 4 * rank:
        raise DataError(f"{path}: the header is cut off")
    dims = struct.unpack(f">{rank}i", content[4 : 4 + 4 * rank])
    expected = int(np.prod(dims, dtype=np.int64))
    got = len(content) - 4 - 4 * rank
    if min(dims) < 0 or got != expected:
        raise DataError(f"{path}: expected {expected} bytes of data for shape {list(dims)}, got {got}")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(dims)
