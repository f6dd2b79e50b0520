"""`RMSPropOptimizer`."""

from __future__ import annotations

from ..initializers import ones_initializer
from ..ops.build import apply_op, convert_to_tensor
from ..ops.cast import cast
from .optimizer import Optimizer

__all__ = ["RMSPropOptimizer"]


class RMSPropOptimizer(Optimizer):
    """RMSProp, of Hinton's lecture 6e (2012), with momentum:

        ms = decay * ms + (1 - decay) * gradient^2
        mom = momentum * mom + learning_rate * gradient / sqrt(ms + epsilon);  var -= mom

    Centered (Graves 2013), the square of a running mean of the gradients is taken from `ms` under the root.

    Args:
      learning_rate, decay, momentum, epsilon: numbers, tensors, or functions of no arguments that return one.
      use_locking: whether two threads' updates exclude each other.
      centered: whether to estimate the variance instead of the mean square.
      name: prefix of the ops; the slots "rms", "mg" (centered) and "momentum" are named after it.
    """

    def __init__(self, learning_rate, decay=0.9, momentum=0.0, epsilon=1e-10, use_locking=False, centered=False,
                 name="RMSProp"):  # fmt: skip
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._decay = decay
        self._momentum = momentum
        self._epsilon = epsilon
        self._centered = centered

    def _create_slots(self, var_list):
        for variable in var_list:
            dtype, static = variable.dtype.base_dtype, variable.get_shape()
            ones = ones_initializer(dtype=dtype)
            self._get_or_make_slot_with_initializer(variable, ones, static, dtype, "rms", self._name)
            if self._centered:
                self._zeros_slot(variable, "mg", self._name)
            self._zeros_slot(variable, "momentum", self._name)

    def _prepare(self):
        settings = {"learning_rate": self._learning_rate, "decay": self._decay, "momentum": self._momentum,
                    "epsilon": self._epsilon}  # fmt: skip
        self._tensors = [convert_to_tensor(self._call_if_callable(v), name=k) for k, v in settings.items()]

    def _update(self, prefix, handle_of, var, *grad):
        slots = ["mg", "rms", "momentum"] if self._centered else ["rms", "momentum"]
        handles = [handle_of(var)] + [handle_of(self.get_slot(var, name)) for name in slots]
        scalars = [cast(t, var.dtype.base_dtype) for t in self._tensors]
        rule = "CenteredRMSProp" if self._centered else "RMSProp"
        return apply_op(prefix + rule, [*handles, *scalars, *grad], {"use_locking": self._use_locking})

    def _apply_dense(self, grad, var):
        return self._update("Apply", lambda v: v._ref(), var, grad).op

    def _resource_apply_dense(self, grad, var):
        return self._update("ResourceApply", lambda v: v.handle, var, grad)

    def _apply_sparse(self, grad, var):
        return self._update("SparseApply", lambda v: v._ref(), var, grad.values, grad.indices)

    def _resource_apply_sparse(self, grad, var, indices):
        return self._update("ResourceSparseApply", lambda v: v.handle, var, grad, indices)
