"""`ProximalAdagradOptimizer`."""

from __future__ import annotations

from ..graph.scopes import colocate_with
from ..ops.build import apply_op, constant, convert_to_tensor
from ..ops.cast import cast
from .optimizer import Optimizer

__all__ = ["ProximalAdagradOptimizer"]


class ProximalAdagradOptimizer(Optimizer):
    """Adagrad, each step followed by one towards 0, of Duchi and Singer (2009).

    Args:
      learning_rate: a number or tensor.
      initial_accumulator_value: what the accumulators begin with, above 0.
      l1_regularization_strength, l2_regularization_strength: numbers, 0 or more.
      use_locking: whether two threads' updates exclude each other.
      name: prefix of the ops; the slot "accumulator" is named after it.

    Raises:
      ValueError: where the initial value is not above 0.
    """

    def __init__(self, learning_rate, initial_accumulator_value=0.1, l1_regularization_strength=0.0,
                 l2_regularization_strength=0.0, use_locking=False, name="ProximalAdagrad"):  # fmt: skip
        if initial_accumulator_value <= 0.0:
            raise ValueError(f"initial_accumulator_value must be positive: {initial_accumulator_value}")
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._initial_accumulator_value = initial_accumulator_value
        self._l1 = l1_regularization_strength
        self._l2 = l2_regularization_strength

    def _create_slots(self, var_list):
        for variable in var_list:
            with colocate_with(variable):
                initial = constant(
                    self._initial_accumulator_value, shape=variable.get_shape(), dtype=variable.dtype.base_dtype
                )
            self._get_or_make_slot(variable, initial, "accumulator", self._name)

    def _prepare(self):
        settings = {"learning_rate": self._learning_rate, "l1_regularization_strength": self._l1,
                    "l2_regularization_strength": self._l2}  # fmt: skip
        self._tensors = [convert_to_tensor(value, name=name) for name, value in settings.items()]

    def _update(self, type, handle_of, var, *grad):
        scalars = [cast(t, var.dtype.base_dtype) for t in self._tensors]
        handles = [handle_of(var), handle_of(self.get_slot(var, "accumulator"))]
        return apply_op(type, [*handles, *scalars, *grad], {"use_locking": self._use_locking})

    def _apply_dense(self, grad, var):
        return self._update("ApplyProximalAdagrad", lambda v: v._ref(), var, grad)

    def _resource_apply_dense(self, grad, var):
        return self._update("ResourceApplyProximalAdagrad", lambda v: v.handle, var, grad)

    def _apply_sparse(self, grad, var):
        return self._update("SparseApplyProximalAdagrad", lambda v: v._ref(), var, grad.values, grad.indices)

    def _resource_apply_sparse(self, grad, var, indices):
        return self._update("ResourceSparseApplyProximalAdagrad", lambda v: v.handle, var, grad, indices)
