"""`AdamOptimizer`."""

from __future__ import annotations

from ..graph.scopes import colocate_with, control_dependencies
from ..graph.stack import get_default_graph
from ..ops import state
from ..ops.build import apply_op, convert_to_tensor
from ..ops.cast import cast
from ..ops.core import group
from ..ops.math_unary import sqrt
from .optimizer import Optimizer

__all__ = ["AdamOptimizer"]


class AdamOptimizer(Optimizer):
    """Adam, of Kingma and Ba (2015), in the form of the end of their section 2:

        rate = learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t)
        m = beta1 * m + (1 - beta1) * gradient;  v = beta2 * v + (1 - beta2) * gradient^2
        var -= rate * m / (sqrt(v) + epsilon)

    A sparse gradient moves all rows, as momentum has it: the slots of rows without a gradient decay too.

    Args:
      learning_rate, beta1, beta2, epsilon: numbers, tensors, or functions of no arguments that return one.
      use_locking: whether two threads' updates exclude each other.
      name: prefix of the ops; the slots "m" and "v" are named after it.
    """

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False, name="Adam"):
        super().__init__(use_locking, name)
        self._lr = learning_rate
        self._beta1 = beta1
        self._beta2 = beta2
        self._epsilon = epsilon
        self._lr_t = self._beta1_t = self._beta2_t = self._epsilon_t = None

    def _get_beta_accumulators(self):
        graph = get_default_graph()
        return tuple(self._get_non_slot_variable(name, graph=graph) for name in ("beta1_power", "beta2_power"))

    def _create_slots(self, var_list):
        first = min(var_list, key=lambda v: v.name)
        self._create_non_slot_variable(self._beta1_value(), "beta1_power", first)
        self._create_non_slot_variable(self._beta2_value(), "beta2_power", first)
        for variable in var_list:
            self._zeros_slot(variable, "m", self._name)
            self._zeros_slot(variable, "v", self._name)

    def _beta1_value(self):
        return self._call_if_callable(self._beta1)

    def _beta2_value(self):
        return self._call_if_callable(self._beta2)

    def _prepare(self):
        self._lr_t = convert_to_tensor(self._call_if_callable(self._lr), name="learning_rate")
        self._beta1_t = convert_to_tensor(self._beta1_value(), name="beta1")
        self._beta2_t = convert_to_tensor(self._beta2_value(), name="beta2")
        self._epsilon_t = convert_to_tensor(self._call_if_callable(self._epsilon), name="epsilon")

    def _scalars(self, dtype):
        powers = self._get_beta_accumulators()
        own = (self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t)
        return [cast(p, dtype) for p in powers] + [cast(t, dtype) for t in own]

    def _update(self, type, handle_of, var, grad):
        handles = [handle_of(v) for v in (var, self.get_slot(var, "m"), self.get_slot(var, "v"))]
        return apply_op(
            type, [*handles, *self._scalars(var.dtype.base_dtype), grad], {"use_locking": self._use_locking}
        )

    def _apply_dense(self, grad, var):
        return self._update("ApplyAdam", lambda v: v._ref(), var, grad).op

    def _resource_apply_dense(self, grad, var):
        return self._update("ResourceApplyAdam", lambda v: v.handle, var, grad)

    def _apply_rows(self, grad, var, indices, scatter_add):
        power1, power2, rate, beta1, beta2, epsilon = self._scalars(var.dtype.base_dtype)
        rate = rate * sqrt(1 - power2) / (1 - power1)
        m = self._decay_and_add(self.get_slot(var, "m"), beta1, grad * (1 - beta1), indices, scatter_add)
        v = self._decay_and_add(self.get_slot(var, "v"), beta2, (grad * grad) * (1 - beta2), indices, scatter_add)
        root = sqrt(v)
        change = rate * m / (root + epsilon)
        return group(state.assign_sub(var, change, use_locking=self._use_locking), m, v)

    def _decay_and_add(self, slot, beta, values, indices, scatter_add):
        decayed = state.assign(slot, slot * beta, use_locking=self._use_locking)
        with control_dependencies([decayed]):
            return scatter_add(slot, indices, values)

    def _apply_sparse(self, grad, var):
        def add(slot, indices, values):
            return state.scatter_add(slot, indices, values, use_locking=self._use_locking)

        return self._apply_rows(grad.values, var, grad.indices, add)

    def _resource_apply_sparse(self, grad, var, indices):
        def add(slot, indices, values):
            with control_dependencies([apply_op("ResourceScatterAdd", [slot.handle, indices, values])]):
                return slot.value()

        return self._apply_rows(grad, var, indices, add)

    def _finish(self, update_ops, name_scope):
        with control_dependencies(update_ops):
            power1, power2 = self._get_beta_accumulators()
            with colocate_with(power1):
                next1 = power1.assign(power1 * self._beta1_t, use_locking=self._use_locking)
                next2 = power2.assign(power2 * self._beta2_t, use_locking=self._use_locking)
        return group(*update_ops, next1, next2, name=name_scope)
