"""`GradientDescentOptimizer`."""

from __future__ import annotations

from ..ops.build import apply_op, convert_to_tensor
from ..ops.cast import cast
from ..ops.indexed_slices import IndexedSlices
from .optimizer import Optimizer

__all__ = ["GradientDescentOptimizer"]


class GradientDescentOptimizer(Optimizer):
    """var -= learning_rate * gradient.

    Args:
      learning_rate: a number, a tensor, or a function of no arguments that returns one.
      use_locking: whether two threads' updates exclude each other.
      name: prefix of the ops.
    """

    def __init__(self, learning_rate, use_locking=False, name="GradientDescent"):
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._learning_rate_tensor = None

    def _prepare(self):
        rate = self._call_if_callable(self._learning_rate)
        self._learning_rate_tensor = convert_to_tensor(rate, name="learning_rate")

    def _apply_dense(self, grad, var):
        rate = cast(self._learning_rate_tensor, var.dtype.base_dtype)
        attrs = {"use_locking": self._use_locking}
        return apply_op("ApplyGradientDescent", [var._ref(), rate, grad], attrs).op

    def _resource_apply_dense(self, grad, handle):
        rate = cast(self._learning_rate_tensor, grad.dtype.base_dtype)
        attrs = {"use_locking": self._use_locking}
        return apply_op("ResourceApplyGradientDescent", [handle.handle, rate, grad], attrs)

    def _apply_sparse_duplicate_indices(self, grad, var):
        rate = cast(self._learning_rate_tensor, var.dtype.base_dtype)
        delta = IndexedSlices(grad.values * rate, grad.indices, grad.dense_shape)
        return var.scatter_sub(delta, use_locking=self._use_locking)

    def _resource_apply_sparse_duplicate_indices(self, grad, handle, indices):
        return apply_op(
            "ResourceScatterAdd", [handle.handle, indices, -grad * self._call_if_callable(self._learning_rate)]
        )
