"""Transformations of datasets that only `tf.contrib.data` has."""

from __future__ import annotations

import numpy as np

from ...data.dataset import Dataset
from ...data.experimental import parallel_interleave
from ...python.util import nest
from ...shapes import TensorShape
from ..framework.shapes import with_shape

__all__ = [
    "assert_element_shape", "batch_and_drop_remainder", "padded_batch_and_drop_remainder", "reduce_dataset",
    "sliding_window_batch", "sloppy_interleave",
]  # fmt: skip


def batch_and_drop_remainder(batch_size):
    """Batches; what is left at the end and is no whole batch is dropped.

    Args:
      batch_size: how many elements a batch has.
    """
    return lambda dataset: dataset.batch(batch_size, drop_remainder=True)


def padded_batch_and_drop_remainder(batch_size, padded_shapes, padding_values=None):
    """Batches of elements that are padded first; what is left at the end and is no whole batch is dropped.

    Args:
      batch_size: how many elements a batch has.
      padded_shapes, padding_values: as `Dataset.padded_batch` takes them.
    """
    return lambda dataset: dataset.padded_batch(batch_size, padded_shapes, padding_values, drop_remainder=True)


def sloppy_interleave(map_func, cycle_length, block_length=1):
    """`parallel_interleave` whose elements may come in any order; here they come in a fixed one."""
    return parallel_interleave(map_func, cycle_length, block_length, sloppy=True)


def reduce_dataset(dataset, reducer):
    """What a `Reducer` makes of all elements, as tensors; its last function is not called.

    Args:
      dataset: the dataset.
      reducer: the `Reducer`, whose first function is called with 0.

    Raises:
      TypeError: it is no dataset.
    """
    if not isinstance(dataset, Dataset):
        raise TypeError("`dataset` must be a `tf.data.Dataset` object.")
    return dataset.reduce(reducer.init_func(np.int64(0)), reducer.reduce_func)


def sliding_window_batch(window_size, stride=None, window_shift=None, window_stride=1):
    """Batches of elements of a window that moves on; windows that are not full are left out.

    Args:
      window_size: how many elements a window has.
      stride: an older name of `window_shift`.
      window_shift: how many elements later the next window begins; 1 by default.
      window_stride: the distance of the elements in a window.

    Raises:
      ValueError: where `stride` and `window_shift` are given.
    """
    if stride is not None and window_shift is not None:
        raise ValueError("Cannot specify both `stride` and `window_shift`")
    shift = next((given for given in (stride, window_shift) if given is not None), 1)

    def batched(*window):
        window = window[0] if len(window) == 1 else window
        return Dataset.zip(nest.map_structure(lambda component: component.batch(window_size), window))

    def transform(dataset):
        return dataset.window(window_size, shift, window_stride, drop_remainder=True).flat_map(batched)

    return transform


def assert_element_shape(expected_shapes):
    """The same elements, whose shapes are checked and then known.

    Args:
      expected_shapes: a shape for each component, in the structure of the elements; unknown sizes are not checked.

    Returns:
      A function for `Dataset.apply`. It raises ValueError where a shape that is known is another one.
    """

    def transform(dataset):
        shapes = nest.flatten_up_to(dataset.output_shapes, expected_shapes)
        merged = [found.merge_with(wanted) for found, wanted in zip(nest.flatten(dataset.output_shapes), shapes)]

        def checked(*elements):
            out = []
            for tensor, wanted, known in zip(nest.flatten(elements), shapes, merged):
                wanted = TensorShape(wanted)
                if wanted.ndims is not None:
                    tensor = with_shape(wanted, tensor)
                    tensor.set_shape(known)
                out.append(tensor)
            packed = nest.pack_sequence_as(elements, out)
            return packed if len(elements) > 1 else packed[0]

        return dataset.map(checked)

    return transform
