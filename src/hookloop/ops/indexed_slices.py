"""`IndexedSlices`: rows of a tensor by their indices, the gradient of what gathers rows."""

from __future__ import annotations

from ..shapes import as_shape, unknown_shape

__all__ = ["IndexedSlices"]


class IndexedSlices:
    """The slices `values[i]` at the positions `indices[i]` of a tensor's first axis; equal ones add up.

    Args:
      values: a tensor of slices.
      indices: a 1-D integer tensor.
      dense_shape: a 1-D integer tensor with the whole tensor's shape, or None.
    """

    def __init__(self, values, indices, dense_shape=None):
        self._values = values
        self._indices = indices
        self._dense_shape = dense_shape

    @property
    def values(self):
        """The rows, [rows, ...]."""
        return self._values

    @property
    def indices(self):
        """Which rows of the whole these are, [rows]."""
        return self._indices

    @property
    def dense_shape(self):
        """A tensor with the shape of the whole, [rank], or None."""
        return self._dense_shape

    @property
    def shape(self):
        """The static shape of the whole, as far as `dense_shape` tells it."""
        from .tensor_util import constant_value_as_shape

        return unknown_shape() if self._dense_shape is None else constant_value_as_shape(self._dense_shape)

    @property
    def name(self):
        """The name of the values."""
        return self._values.name

    @property
    def device(self):
        """The device of the values."""
        return self._values.device

    @property
    def op(self):
        """The operation that makes the values."""
        return self._values.op

    @property
    def dtype(self):
        """The type of the values."""
        return self._values.dtype

    @property
    def graph(self):
        """The graph of the values."""
        return self._values.graph

    def get_shape(self):
        """`shape`."""
        return as_shape(self.shape)

    def consumers(self):
        """The operations that take the values."""
        return self._values.consumers()

    def __neg__(self):
        return IndexedSlices(-self._values, self._indices, self._dense_shape)

    def __str__(self):
        shape = "" if self._dense_shape is None else f", dense_shape={self._dense_shape}"
        return f"IndexedSlices(indices={self._indices}, values={self._values}{shape})"


def rows_and_values(sparse_delta):
    """Which rows of a variable slices are of, and the slices.

    Raises:
      TypeError: for what is no `IndexedSlices`.
    """
    if not isinstance(sparse_delta, IndexedSlices):
        raise TypeError(f"sparse_delta is not IndexedSlices: {sparse_delta}")
    return sparse_delta.indices, sparse_delta.values
