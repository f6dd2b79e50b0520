"""`AdagradDAOptimizer`."""

from __future__ import annotations

from ..graph.scopes import colocate_with, device
from ..ops.build import apply_op, constant, convert_to_tensor
from ..ops.cast import cast
from ..ops.core import identity
from .optimizer import Optimizer

__all__ = ["AdagradDAOptimizer"]


class AdagradDAOptimizer(Optimizer):
    """Adagrad with dual averaging, of Duchi et al. (2011): the variable follows from sums of all gradients, for sparse models.

    Args:
      learning_rate: a number or tensor.
      global_step: a tensor or variable with the number of steps so far.
      initial_gradient_squared_accumulator_value: what the sums of squares begin with, above 0.
      l1_regularization_strength, l2_regularization_strength: numbers, 0 or more.
      use_locking: whether two threads' updates exclude each other.
      name: prefix of the ops; the slots "gradient_accumulator" and "gradient_squared_accumulator" are named after it.

    Raises:
      ValueError: where the initial value is not above 0.
    """

    def __init__(self, learning_rate, global_step, initial_gradient_squared_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0, use_locking=False, name="AdagradDA"):  # fmt: skip
        if initial_gradient_squared_accumulator_value <= 0.0:
            raise ValueError("initial_gradient_squared_accumulator_value must be positive: %s"
                             % initial_gradient_squared_accumulator_value)  # fmt: skip
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._initial_value = initial_gradient_squared_accumulator_value
        self._l1 = l1_regularization_strength
        self._l2 = l2_regularization_strength
        self._global_step = global_step
        self._global_step_on_worker = None

    def _create_slots(self, var_list):
        for variable in var_list:
            dtype, static = variable.dtype.base_dtype, variable.get_shape()
            with colocate_with(variable):
                total = constant(0.0, shape=static, dtype=dtype)
                square = constant(self._initial_value, shape=static, dtype=dtype)
            self._get_or_make_slot(variable, total, "gradient_accumulator", self._name)
            self._get_or_make_slot(variable, square, "gradient_squared_accumulator", self._name)

    def _prepare(self):
        self._learning_rate_tensor = convert_to_tensor(self._learning_rate, name="learning_rate")
        with colocate_with(self._learning_rate_tensor):
            self._global_step_on_worker = identity(self._global_step) + 1

    def _update(self, type, handle_of, var, *grad):
        slots = [self.get_slot(var, name) for name in ("gradient_accumulator", "gradient_squared_accumulator")]
        with device(var.device):
            step = identity(self._global_step_on_worker)
        scalars = [cast(value, var.dtype.base_dtype) for value in (self._learning_rate_tensor, self._l1, self._l2)]
        operands = [*map(handle_of, (var, *slots)), *grad, *scalars, step]
        return apply_op(type, operands, {"use_locking": self._use_locking})

    def _apply_dense(self, grad, var):
        return self._update("ApplyAdagradDA", lambda v: v._ref(), var, grad)

    def _resource_apply_dense(self, grad, var):
        return self._update("ResourceApplyAdagradDA", lambda v: v.handle, var, grad)

    def _apply_sparse(self, grad, var):
        return self._update("SparseApplyAdagradDA", lambda v: v._ref(), var, grad.values, grad.indices)

    def _resource_apply_sparse(self, grad, var, indices):
        return self._update("ResourceSparseApplyAdagradDA", lambda v: v.handle, var, grad, indices)
