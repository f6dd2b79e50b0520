"""`read_data_sets`: MNIST from files in batches, as TensorFlow's tutorials read it; nothing is downloaded."""

from __future__ import annotations

import collections
from pathlib import Path

import numpy as np

from ....demo.data import DataError, read_pair
from ....dtypes import as_dtype
from ....graph.random_seed import get_seed

__all__ = ["DataSet", "Datasets", "read_data_sets"]

Datasets = collections.namedtuple("Datasets", ["train", "validation", "test"])

_FAKE_EXAMPLES = 10000
_FAKE_PIXELS = 784
_CLASSES = 10


class DataSet:
    """Images and labels, which `next_batch` gives in batches.

    Args:
      images: uint8[n, rows, columns, 1].
      labels: uint8[n], or rows with a one at the label's place.
      fake_data: whether batches are of the same made-up image; nothing is read then.
      one_hot: whether the made-up labels are such rows.
      dtype: float32: between 0 and 1; or uint8: as they are.
      reshape: whether an image is a row of its pixels.
      seed: of the shuffles; by default the graph's.

    Raises:
      TypeError: for another dtype.
      ValueError: there is not a label for each image.
    """

    def __init__(self, images, labels, fake_data=False, one_hot=False, dtype="float32", reshape=True, seed=None):
        of_graph, of_op = get_seed(seed)
        np.random.seed(of_graph if seed is None else of_op)
        dtype = as_dtype(dtype).base_dtype
        if dtype.name not in ("uint8", "float32"):
            raise TypeError(f"Invalid image dtype {dtype.name!r}, expected uint8 or float32")
        self._fake_label = np.eye(_CLASSES)[0].astype(int).tolist() if one_hot else 0
        self._is_fake = fake_data
        self._images, self._labels, self._at, self._epochs_completed = images, labels, 0, 0
        if fake_data:
            self._num_examples = _FAKE_EXAMPLES
            return
        if len(images) != len(labels):
            raise ValueError(f"expected {len(images)} labels, one for each image, got {len(labels)}")
        self._num_examples = len(images)
        if reshape:
            self._images = images.reshape(len(images), int(np.prod(images.shape[1:])))
        if dtype.name == "float32":
            self._images = np.multiply(self._images.astype(np.float32), 1.0 / 255.0)

    images = property(lambda self: self._images)
    labels = property(lambda self: self._labels)
    num_examples = property(lambda self: self._num_examples)
    epochs_completed = property(lambda self: self._epochs_completed)

    def next_batch(self, batch_size, fake_data=False, shuffle=True):
        """(images, labels) of the next examples; from the first ones on again behind the last.

        Args:
          batch_size: how many.
          fake_data: whether they are the made-up image instead.
          shuffle: whether each round begins with a shuffle.
        """
        if fake_data or self._is_fake:
            return [[1] * _FAKE_PIXELS] * batch_size, [self._fake_label] * batch_size
        if self._epochs_completed == 0 and self._at == 0 and shuffle:
            self._shuffle()
        start = self._at
        if start + batch_size <= self._num_examples:
            self._at += batch_size
            return self._images[start : self._at], self._labels[start : self._at]
        self._epochs_completed += 1
        rest = self._images[start:], self._labels[start:]
        if shuffle:
            self._shuffle()
        self._at = batch_size - (self._num_examples - start)
        more = self._images[: self._at], self._labels[: self._at]
        return tuple(np.concatenate(parts) for parts in zip(rest, more))

    def _shuffle(self):
        order = np.arange(self._num_examples)
        np.random.shuffle(order)
        self._images, self._labels = self._images[order], self._labels[order]


def read_data_sets(train_dir, fake_data=False, one_hot=False, dtype="float32", reshape=True, validation_size=5000, seed=None,
                   source_url=None):  # fmt: skip
    """The digits in a directory: to train on, to validate, to test.

    Args:
      train_dir: has train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz and the same of t10k, packed or not.
      fake_data, one_hot, dtype, reshape, seed: as in `DataSet`.
      validation_size: how many of the first images are not trained on.
      source_url: accepted; nothing is downloaded.

    Returns:
      A `Datasets` of three `DataSet`s.

    Raises:
      NotFoundError: a file is not there.
      ValueError: a file is broken, or there are fewer images than `validation_size`.
    """
    options = {"dtype": dtype, "reshape": reshape, "seed": seed}
    if fake_data:
        return Datasets(*(DataSet([], [], fake_data=True, one_hot=one_hot, **options) for _ in range(3)))
    (train, test) = (_read(Path(train_dir), name, one_hot) for name in ("train", "t10k"))
    if not 0 <= validation_size <= len(train[0]):
        raise ValueError(f"Validation size should be between 0 and {len(train[0])}. Received: {validation_size}.")
    parts = [array[validation_size:] for array in train], [array[:validation_size] for array in train], test
    return Datasets(*(DataSet(*part, **options) for part in parts))


def _read(directory, name, one_hot):
    from ....errors import NotFoundError

    try:
        images, labels = read_pair(directory, name)
    except FileNotFoundError as error:
        raise NotFoundError(None, None, f"{error}; put MNIST's files there, nothing is downloaded") from None
    except DataError as error:
        raise ValueError(str(error)) from None
    return images[..., np.newaxis], np.eye(_CLASSES)[labels] if one_hot else labels
