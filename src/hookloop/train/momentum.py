"""`MomentumOptimizer`, with Nesterov's form."""

from __future__ import annotations

from ..ops.build import apply_op, convert_to_tensor
from ..ops.cast import cast
from .optimizer import Optimizer

__all__ = ["MomentumOptimizer"]


class MomentumOptimizer(Optimizer):
    """accumulator = momentum * accumulator + gradient; var -= learning_rate * accumulator.

    With `use_nesterov`, var -= learning_rate * (gradient + momentum * accumulator), as Sutskever et al. (2013) have it.

    Args:
      learning_rate, momentum: numbers, tensors, or functions of no arguments that return one.
      use_locking: whether two threads' updates exclude each other.
      name: prefix of the ops; the slot "momentum" is named after it.
      use_nesterov: whether to use Nesterov's form.
    """

    def __init__(self, learning_rate, momentum, use_locking=False, name="Momentum", use_nesterov=False):
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._momentum = momentum
        self._use_nesterov = use_nesterov

    def _create_slots(self, var_list):
        for variable in var_list:
            self._zeros_slot(variable, "momentum", self._name)

    def _prepare(self):
        rate = self._call_if_callable(self._learning_rate)
        self._learning_rate_tensor = convert_to_tensor(rate, name="learning_rate")
        momentum = self._call_if_callable(self._momentum)
        self._momentum_tensor = convert_to_tensor(momentum, name="momentum")

    def _update(self, type, handle_of, var, grad, *indices):
        dtype = var.dtype.base_dtype
        rate, momentum = (cast(t, dtype) for t in (self._learning_rate_tensor, self._momentum_tensor))
        slot = self.get_slot(var, "momentum")
        attrs = {"use_locking": self._use_locking, "use_nesterov": self._use_nesterov}
        return apply_op(type, [handle_of(var), handle_of(slot), rate, grad, *indices, momentum], attrs)

    def _apply_dense(self, grad, var):
        return self._update("ApplyMomentum", lambda v: v._ref(), var, grad).op

    def _resource_apply_dense(self, grad, var):
        return self._update("ResourceApplyMomentum", lambda v: v.handle, var, grad)

    def _apply_sparse(self, grad, var):
        return self._update("SparseApplyMomentum", lambda v: v._ref(), var, grad.values, grad.indices).op

    def _resource_apply_sparse(self, grad, var, indices):
        return self._update("ResourceSparseApplyMomentum", lambda v: v.handle, var, grad, indices)
