"""Arrays whose elements no kernel writes or reads, and what the ops of TensorArrays do with them.

Those are arrays of texts, and of elements of several shapes.
"""

from __future__ import annotations

import numpy as np

from .. import errors
from ..shapes import as_shape

_FLOW = np.float32(0)


def not_written(index):
    return f"Could not read from TensorArray index {index}: it has not been written to, and the element shape is not fully defined"


def no_element(shape):
    """The error of an array without elements that are to be put together: `shape` is what is known of them."""
    text = "<unknown>" if shape.ndims is None else _text(shape.as_list())
    return errors.UnimplementedError(
        None,
        None,
        f"TensorArray has size zero, but element shape {text} is not fully defined. Currently only static shapes are "
        "supported when packing zero-size TensorArrays.",
    )


NO_ROWS = "Expected value to be at least a vector, but received shape: []"
OF_GRADIENTS = (
    "Wrong input container: gradients of a TensorArray have none themselves, so no second derivative goes through one"
)


class HostRows:
    """The elements of one array.

    Args:
      dtype: the NumPy type of the elements.
      size: how many there are.
      element: the shape of all elements, a `TensorShape`, as far as it is known.
      grows: whether writing behind the last one makes more.
      alike: whether all have the shape of the first that is written.
      parent: the array whose gradients these are, which add up where they meet; or None.
    """

    def __init__(self, dtype, size, element, grows=False, alike=False, parent=None):
        self._dtype = np.dtype(dtype)
        self._rows = [None] * size
        self._grows = grows
        self._element = element
        self._alike = alike
        self._parent = parent
        self._gradients = {}

    def __len__(self):
        return len(self._rows)

    def gradients(self, source):
        """The array of the gradients of that name."""
        if self._parent is not None:
            raise ValueError(OF_GRADIENTS)
        if source not in self._gradients:
            self._gradients[source] = HostRows(self._dtype, len(self), self._element, parent=self)
        return self._gradients[source]

    def write(self, index, value):
        if self._grows and index >= len(self._rows):
            self._rows += [None] * (index + 1 - len(self._rows))
        if not 0 <= index < len(self._rows):
            raise IndexError(
                f"Tried to write to index {index} but array is not resizeable and size is: {len(self._rows)}"
            )
        check_shape(self._element, index, value)
        if self._rows[index] is not None:
            if self._parent is None:
                raise IndexError(
                    f"Could not write to TensorArray index {index} because it has already been written to."
                )
            if self._rows[index].shape != np.shape(value):
                raise ValueError(
                    f"Could not aggregate to TensorArray index {index} because the existing shape is "
                    f"{_text(self._rows[index].shape)} but the new input shape is {_text(np.shape(value))}."
                )
            value = self._rows[index] + value
        if self._alike:
            self._element = as_shape(np.shape(value))
        row = np.empty(np.shape(value), self._dtype)
        row[...] = value
        self._rows[index] = row

    def read(self, index):
        if not 0 <= index < len(self._rows):
            raise IndexError(f"Tried to read from index {index} but array size is: {len(self._rows)}")
        if self._rows[index] is None:
            shape = self._shape_of_zeros(index)
            if shape is None:
                raise IndexError(not_written(index))
            return np.zeros(shape, self._dtype)
        return self._rows[index]

    def _shape_of_zeros(self, index):
        """The shape of an element that was not written, where it is known."""
        if self._dtype.hasobject:
            return None
        if self._parent is not None and index < len(self._parent) and self._parent._rows[index] is not None:
            return self._parent._rows[index].shape
        return _known(self._element)

    def gather(self, indices, element):
        """The elements as one array; `element` is their shape as far as the graph knows it."""
        rows = [self.read(int(index)) for index in indices]
        return stacked(rows, self._dtype, () if rows else self._shape_of_any(element))

    def _shape_of_any(self, element):
        """The shape of an element where none is there to tell it."""
        for rows in (self._rows, () if self._parent is None else self._parent._rows):
            for row in rows:
                if row is not None:
                    return row.shape
        element = self._element.merge_with(element)
        shape = _known(element)
        if shape is None:
            raise no_element(element)
        return shape

    def concat(self, rest):
        """The elements, joined along their first axes, and how long each is.

        Args:
          rest: the sizes of the other axes where all are known, or None.
        """
        return joined([self.read(i) for i in range(len(self))], self._dtype, rest)

    def split(self, value, lengths):
        """Writes the parts of a value, which are so long along its first axis."""
        for index, part in enumerate(parts(value, lengths, None if self._grows else len(self))):
            self.write(index, part)


def _text(shape):
    return "[" + ",".join("?" if d is None else str(d) for d in shape) + "]"


def _known(shape):
    """The sizes of a `TensorShape` where all are known, or None."""
    return tuple(shape.as_list()) if shape.is_fully_defined() else None


def check_shape(element, index, value):
    """Refuses an element of another shape than a `TensorShape` tells."""
    if not element.is_compatible_with(np.shape(value)):
        raise ValueError(
            f"Could not write to TensorArray index {index} because the value shape is {_text(np.shape(value))} which is "
            f"incompatible with the TensorArray's inferred element shape: {_text(element.as_list())} (consider setting "
            "infer_shape=False)."
        )


def stacked(rows, dtype, element):
    """Elements as one array; `element` is the shape of those that there are not."""
    for i, row in enumerate(rows):
        if row.shape != rows[0].shape:
            raise ValueError(
                f"TensorArray has inconsistent shapes.  Index 0 has shape: {_text(rows[0].shape)} but index {i} has "
                f"shape: {_text(row.shape)}"
            )
    found = np.empty((len(rows), *(rows[0].shape if rows else element)), dtype)
    for i, row in enumerate(rows):
        found[i] = row[()] if row.ndim == 0 else row
    return found


def joined(rows, dtype, rest):
    """Elements joined along their first axes, and how long each is."""
    for i, row in enumerate(rows):
        if row.ndim == 0:
            raise ValueError(
                f"Concat saw a scalar shape at index {i} but requires at least vectors.  Did you mean to call pack?"
            )
        if row.shape[1:] != rows[0].shape[1:]:
            raise ValueError(
                f"TensorArray has inconsistent shapes.  Index 0 has (excepting dimension 0) shape: "
                f"{_text(rows[0].shape[1:])} but index {i} has (excepting dimension 0) shape: {_text(row.shape[1:])}"
            )
    lengths = np.array([len(row) for row in rows], np.int64)
    if not rows:
        if rest is None:
            raise errors.UnimplementedError(
                None,
                None,
                "TensorArray has size zero, but element_shape_except0 is not fully defined. Currently only static "
                "shapes are supported when concatenating zero-size TensorArrays.",
            )
        return np.zeros((0, *rest), dtype), lengths
    return np.concatenate(rows), lengths


def parts(value, lengths, size):
    """The parts of a value, which are so long along its first axis; `size` is how many there must be, or None."""
    if np.ndim(lengths) != 1:
        raise ValueError(f"Expected lengths to be a vector, received shape: {_text(np.shape(lengths))}")
    if np.ndim(value) == 0:
        raise ValueError(NO_ROWS)
    if lengths.sum() != len(value):
        raise ValueError(
            f"Expected sum of lengths to be equal to values.shape[0], but sum of lengths is {lengths.sum()} and value's "
            f"shape is: {_text(value.shape)}"
        )
    if size is not None and len(lengths) != size:
        raise ValueError(
            f"TensorArray's size is not equal to the size of lengths ({size} vs. {len(lengths)}), and the TensorArray is not "
            "marked as dynamically resizeable"
        )
    if (lengths < 0).any():
        raise ValueError(f"Expected lengths of at least 0, got {lengths.tolist()}")
    return np.split(value, np.cumsum(lengths)[:-1]) if len(lengths) else []


def numbered(indices, value):
    """Pairs of an index and the row of a value that is written there."""
    if np.ndim(value) == 0:
        raise ValueError(NO_ROWS)
    if len(indices) != len(value):
        raise ValueError(f"Expected len(indices) == values.shape[0], but saw: {len(indices)} vs. {len(value)}")
    return [(int(index), row) for index, row in zip(indices, value)]


# --- what the ops do, as reference functions ------------------------------------------------------------------------


def make(node, size):
    dtype = node.attrs["dtype"].base_dtype
    numpy_type = object if dtype.name == "string" else dtype.as_numpy_dtype
    attrs = node.attrs
    rows = HostRows(
        numpy_type, int(size), attrs["element_shape"], attrs["dynamic_size"], attrs["identical_element_shapes"]
    )
    return rows, _FLOW


def make_gradient(node, rows, flow):
    return rows.gradients(node.attrs["source"]), _FLOW


def write(node, rows, index, value, flow):
    rows.write(int(index), value)
    return _FLOW


def read(node, rows, index, flow):
    return rows.read(int(index))


def gather(node, rows, indices, flow):
    return rows.gather(indices, node.attrs["element_shape"])


def scatter(node, rows, indices, value, flow):
    for index, row in numbered(indices, value):
        rows.write(index, row)
    return _FLOW


def concat(node, rows, flow):
    return rows.concat(_known(node.attrs["element_shape_except0"]))


def split(node, rows, value, lengths, flow):
    rows.split(value, lengths)
    return _FLOW


def size(node, rows, flow):
    return np.int32(len(rows))


def close(node, rows):
    return ()
