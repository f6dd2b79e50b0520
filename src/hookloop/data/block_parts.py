"""What blocks have in common, and blocks cut, joined and made of elements; see `blocks.py`."""

from __future__ import annotations

import numpy as np

from . import pipeline

MOST_ROWS = 1 << 14  # of a block that goes into a larger batch


class Blocks:
    """What all have in common: an element is the only one of a block."""

    __slots__ = ()

    def __iter__(self):
        return self

    def __next__(self):
        block = self.block(1)
        if block is None:
            raise StopIteration
        return tuple([pipeline.row(array, 0) for array in block])

    def skip(self, n):
        """Goes past n elements; returns how many there were. They are not computed where nothing tells."""
        passed = 0
        while passed < n:
            block = self.block(min(n - passed, MOST_ROWS))
            if block is None:
                break
            passed += len(block[0])
        return passed


def one_of(elements):
    return next(elements, None)


def cut_of(block, first, end):
    """The elements of a block from `first` to before `end`."""
    return block if first == 0 and end == len(block[0]) else tuple([array[first:end] for array in block])


def rest_of(block, n):
    """What is left of a block behind n elements, None where it is nothing."""
    return cut_of(block, n, len(block[0])) if n < len(block[0]) else None


def joined(blocks):
    """One block of several.

    Raises:
      InvalidArgumentError: where their elements have different shapes.
    """
    if len(blocks) == 1:
        return blocks[0]
    columns = list(zip(*blocks))
    for column in columns:
        if any(part.shape[1:] != column[0].shape[1:] for part in column):
            pipeline.stacked(None, [pipeline.row(part, 0) for part in column])
    return tuple([np.concatenate(column) for column in columns])


def block_of(elements, n):
    """A block of an iterator that may have none."""
    block = getattr(elements, "block", None)
    if block is not None:
        return block(n)
    for element in elements:
        return tuple([np.ascontiguousarray(value)[np.newaxis].reshape(1, *np.shape(value)) for value in element])
    return None
