"""`AdadeltaOptimizer`."""

from __future__ import annotations

from ..ops.build import apply_op, convert_to_tensor
from ..ops.cast import cast
from .optimizer import Optimizer

__all__ = ["AdadeltaOptimizer"]


class AdadeltaOptimizer(Optimizer):
    """Adadelta, of Zeiler (2012): steps in the unit of the variable, from running means of squares of gradients and of steps.

    Args:
      learning_rate, rho, epsilon: numbers, tensors, or functions of no arguments that return one.
      use_locking: whether two threads' updates exclude each other.
      name: prefix of the ops; the slots "accum" and "accum_update" are named after it.
    """

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-8, use_locking=False, name="Adadelta"):
        super().__init__(use_locking, name)
        self._lr = learning_rate
        self._rho = rho
        self._epsilon = epsilon

    def _create_slots(self, var_list):
        for variable in var_list:
            self._zeros_slot(variable, "accum", self._name)
            self._zeros_slot(variable, "accum_update", self._name)

    def _prepare(self):
        settings = {"lr": self._lr, "rho": self._rho, "epsilon": self._epsilon}
        self._tensors = [convert_to_tensor(self._call_if_callable(v), name=k) for k, v in settings.items()]

    def _update(self, type, handle_of, var, *grad):
        handles = [handle_of(v) for v in (var, self.get_slot(var, "accum"), self.get_slot(var, "accum_update"))]
        scalars = [cast(t, var.dtype.base_dtype) for t in self._tensors]
        return apply_op(type, [*handles, *scalars, *grad], {"use_locking": self._use_locking})

    def _apply_dense(self, grad, var):
        return self._update("ApplyAdadelta", lambda v: v._ref(), var, grad)

    def _resource_apply_dense(self, grad, var):
        return self._update("ResourceApplyAdadelta", lambda v: v.handle, var, grad)

    def _apply_sparse(self, grad, var):
        return self._update("SparseApplyAdadelta", lambda v: v._ref(), var, grad.values, grad.indices)

    def _resource_apply_sparse(self, grad, var, indices):
        return self._update("ResourceSparseApplyAdadelta", lambda v: v.handle, var, grad, indices)
