"""Arrays of texts: the elements of a TensorArray that no kernel writes or reads, and what its ops do with them."""

from __future__ import annotations

import numpy as np

_FLOW = np.float32(0)


class TextRows:
    """The elements of one array of texts.

    Args:
      size: how many there are.
      grows: whether writing behind the last one makes more.
    """

    def __init__(self, size, grows):
        self._rows = [None] * size
        self._grows = grows

    def __len__(self):
        return len(self._rows)

    def write(self, index, value):
        if self._grows and index >= len(self._rows):
            self._rows += [None] * (index + 1 - len(self._rows))
        if not 0 <= index < len(self._rows):
            raise IndexError(
                f"Tried to write to index {index} but array is not resizeable and size is: {len(self._rows)}"
            )
        if self._rows[index] is not None:
            raise IndexError(f"Could not write to TensorArray index {index} because it has already been written to.")
        row = np.empty(np.shape(value), object)
        row[...] = value
        self._rows[index] = row

    def read(self, index):
        if not 0 <= index < len(self._rows):
            raise IndexError(f"Tried to read from index {index} but array size is: {len(self._rows)}")
        if self._rows[index] is None:
            raise IndexError(f"Could not read from TensorArray index {index}: it has not been written to")
        return self._rows[index]

    def gather(self, indices):
        """The elements as one array."""
        rows = [self.read(int(index)) for index in indices]
        shapes = {row.shape for row in rows}
        if len(shapes) > 1:
            raise ValueError(f"TensorArray has inconsistent shapes: {' and '.join(map(str, sorted(shapes)))}")
        found = np.empty((len(rows), *(shapes.pop() if shapes else ())), object)
        for i, row in enumerate(rows):
            found[i] = row[()] if row.ndim == 0 else row
        return found


# --- what the ops do, as reference functions ------------------------------------------------------------------------


def make(node, size):
    return TextRows(int(size), bool(node.attrs["dynamic_size"])), _FLOW


def write(node, rows, index, value, flow):
    rows.write(int(index), value)
    return _FLOW


def read(node, rows, index, flow):
    return rows.read(int(index))


def gather(node, rows, indices, flow):
    return rows.gather(indices)


def scatter(node, rows, indices, value, flow):
    for index, row in zip(indices, value):
        rows.write(int(index), row)
    return _FLOW


def size(node, rows, flow):
    return np.int32(len(rows))


def close(node, rows):
    return ()
