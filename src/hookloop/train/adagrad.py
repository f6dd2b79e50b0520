"""`AdagradOptimizer`."""

from __future__ import annotations

from ..initializers import constant_initializer
from ..ops.array import fill, shape
from ..ops.build import apply_op, convert_to_tensor
from ..ops.cast import cast
from .optimizer import Optimizer

__all__ = ["AdagradOptimizer"]


class AdagradOptimizer(Optimizer):
    """Adagrad, of Duchi et al. (2011): accumulator += gradient^2; var -= learning_rate * gradient / sqrt(accumulator).

    Args:
      learning_rate: a number, a tensor, or a function of no arguments that returns one.
      initial_accumulator_value: what the accumulators begin with, above 0.
      use_locking: whether two threads' updates exclude each other.
      name: prefix of the ops; the slot "accumulator" is named after it.

    Raises:
      ValueError: where the initial value is not above 0.
    """

    def __init__(self, learning_rate, initial_accumulator_value=0.1, use_locking=False, name="Adagrad"):
        if initial_accumulator_value <= 0.0:
            raise ValueError(f"initial_accumulator_value must be positive: {initial_accumulator_value}")
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._initial_accumulator_value = initial_accumulator_value
        self._learning_rate_tensor = None

    def _create_slots(self, var_list):
        for variable in var_list:
            dtype, static = variable.dtype.base_dtype, variable.get_shape()
            if static.is_fully_defined():
                initial = constant_initializer(self._initial_accumulator_value, dtype=dtype)
            else:
                initial = self._initial_of_unknown_shape(variable, dtype)
            self._get_or_make_slot_with_initializer(variable, initial, static, dtype, "accumulator", self._name)

    def _initial_of_unknown_shape(self, variable, dtype):
        def initial(*args, **kwargs):
            return cast(fill(shape(variable), self._initial_accumulator_value), dtype)

        return initial

    def _prepare(self):
        rate = self._call_if_callable(self._learning_rate)
        self._learning_rate_tensor = convert_to_tensor(rate, name="learning_rate")

    def _update(self, type, handle_of, var, *grad):
        rate = cast(self._learning_rate_tensor, var.dtype.base_dtype)
        slot = self.get_slot(var, "accumulator")
        return apply_op(type, [handle_of(var), handle_of(slot), rate, *grad], {"use_locking": self._use_locking})

    def _apply_dense(self, grad, var):
        return self._update("ApplyAdagrad", lambda v: v._ref(), var, grad)

    def _resource_apply_dense(self, grad, var):
        return self._update("ResourceApplyAdagrad", lambda v: v.handle, var, grad)

    def _apply_sparse(self, grad, var):
        return self._update("SparseApplyAdagrad", lambda v: v._ref(), var, grad.values, grad.indices)

    def _resource_apply_sparse(self, grad, var, indices):
        return self._update("ResourceSparseApplyAdagrad", lambda v: v.handle, var, grad, indices)
