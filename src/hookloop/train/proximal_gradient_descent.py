"""`ProximalGradientDescentOptimizer`."""

from __future__ import annotations

from ..ops.build import apply_op, convert_to_tensor
from ..ops.cast import cast
from .optimizer import Optimizer

__all__ = ["ProximalGradientDescentOptimizer"]


class ProximalGradientDescentOptimizer(Optimizer):
    """Gradient descent, each step followed by one towards 0, of Duchi and Singer (2009).

    Args:
      learning_rate: a number or tensor.
      l1_regularization_strength, l2_regularization_strength: numbers, 0 or more.
      use_locking: whether two threads' updates exclude each other.
      name: prefix of the ops.
    """

    def __init__(self, learning_rate, l1_regularization_strength=0.0, l2_regularization_strength=0.0, use_locking=False,
                 name="ProximalGradientDescent"):  # fmt: skip
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._l1 = l1_regularization_strength
        self._l2 = l2_regularization_strength

    def _prepare(self):
        settings = {"learning_rate": self._learning_rate, "l1_regularization_strength": self._l1,
                    "l2_regularization_strength": self._l2}  # fmt: skip
        self._tensors = [convert_to_tensor(value, name=name) for name, value in settings.items()]

    def _update(self, type, handle, var, *grad):
        scalars = [cast(t, var.dtype.base_dtype) for t in self._tensors]
        return apply_op(type, [handle, *scalars, *grad], {"use_locking": self._use_locking})

    def _apply_dense(self, grad, var):
        return self._update("ApplyProximalGradientDescent", var._ref(), var, grad).op

    def _resource_apply_dense(self, grad, var):
        return self._update("ResourceApplyProximalGradientDescent", var.handle, var, grad)

    def _apply_sparse(self, grad, var):
        return self._update("SparseApplyProximalGradientDescent", var._ref(), var, grad.values, grad.indices).op

    def _resource_apply_sparse(self, grad, var, indices):
        return self._update("ResourceSparseApplyProximalGradientDescent", var.handle, var, grad, indices)
