"""Adam whose sparse gradients move their own rows alone, with Nesterov's momentum, with the largest gradient, counting by the
global step."""

from __future__ import annotations

from ... import dtypes
from ...graph.scopes import colocate_with, control_dependencies
from ...graph.stack import get_default_graph
from ...ops import state
from ...ops.build import apply_op
from ...ops.cast import cast
from ...ops.core import group, identity
from ...ops.gather import gather
from ...ops.math import maximum, pow
from ...ops.math_unary import abs, sqrt, square
from ...train.adam import AdamOptimizer

__all__ = ["AdaMaxOptimizer", "AdamGSOptimizer", "LazyAdamGSOptimizer", "LazyAdamOptimizer", "NadamOptimizer"]


class _LazyRows:
    """Moments that decay only in the rows that a sparse gradient has."""

    def _rate(self, var):
        power1, power2, rate, beta1, beta2, epsilon = self._scalars(var.dtype.base_dtype)
        return rate * sqrt(1 - power2) / (1 - power1), beta1, beta2, epsilon

    def _apply_sparse(self, grad, var):
        rate, beta1, beta2, epsilon = self._rate(var)
        rows, locking = grad.indices, self._use_locking
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        new_m = beta1 * gather(m, rows) + (1 - beta1) * grad.values
        m_t = state.scatter_update(m, rows, new_m, use_locking=locking)
        new_v = beta2 * gather(v, rows) + (1 - beta2) * square(grad.values)
        v_t = state.scatter_update(v, rows, new_v, use_locking=locking)
        m_rows, v_rows = gather(m_t, rows), gather(v_t, rows)
        root = sqrt(v_rows) + epsilon
        return group(state.scatter_sub(var, rows, rate * m_rows / root, use_locking=locking), m_t, v_t)

    def _resource_apply_sparse(self, grad, var, indices):
        rate, beta1, beta2, epsilon = self._rate(var)
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        new_m = beta1 * gather(m, indices) + (1 - beta1) * grad
        m_t = apply_op("ResourceScatterUpdate", [m.handle, indices, new_m])
        new_v = beta2 * gather(v, indices) + (1 - beta2) * square(grad)
        v_t = apply_op("ResourceScatterUpdate", [v.handle, indices, new_v])
        change = rate * new_m / (sqrt(new_v) + epsilon)
        return group(apply_op("ResourceScatterSub", [var.handle, indices, change]), m_t, v_t)


class LazyAdamOptimizer(_LazyRows, AdamOptimizer):
    """Adam whose moments decay only in the rows that a sparse gradient has: a step over a large table touches few of its rows.

    Args:
      learning_rate, beta1, beta2, epsilon, use_locking, name: those of `AdamOptimizer`.
    """


class AdamGSOptimizer(AdamOptimizer):
    """Adam whose powers of beta1 and beta2 follow from the global step: there are no variables for them.

    Args:
      global_step: the variable that counts the steps.
      learning_rate, beta1, beta2, epsilon, use_locking, name: those of `AdamOptimizer`.
    """

    def __init__(self, global_step=0, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False,
                 name="Adam"):  # fmt: skip
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)
        self._global_step = global_step
        self._global_step_on_worker = None

    def _get_beta_accumulators(self):
        return pow(self._beta1_t, self._global_step_on_worker), pow(self._beta2_t, self._global_step_on_worker)

    def _create_slots(self, var_list):
        for variable in var_list:
            self._zeros_slot(variable, "m", self._name)
            self._zeros_slot(variable, "v", self._name)

    def _prepare(self):
        super()._prepare()
        self._global_step_on_worker = cast(identity(self._global_step) + 1, dtypes.float32)

    def _finish(self, update_ops, name_scope):
        return group(*update_ops, name=name_scope)


class LazyAdamGSOptimizer(_LazyRows, AdamGSOptimizer):
    """`LazyAdamOptimizer`, whose powers of beta1 and beta2 follow from the global step.

    Args:
      global_step: the variable that counts the steps.
      learning_rate, beta1, beta2, epsilon, use_locking, name: those of `AdamOptimizer`.
    """


class AdaMaxOptimizer(AdamOptimizer):
    """Adam whose steps are divided by the largest gradient so far, which fades, of Kingma and Ba (2015), section 7.1:

        m = beta1 * m + (1 - beta1) * gradient;  v = max(beta2 * v, |gradient|)
        var -= learning_rate / (1 - beta1^t) * m / (v + epsilon)

    A sparse gradient moves its own rows alone, and their slots.

    Args:
      learning_rate, beta1, beta2, epsilon: numbers, tensors, or functions of no arguments that return one.
      use_locking: whether two threads' updates exclude each other.
      name: prefix of the ops; the slots "m" and "v" are named after it.
    """

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False, name="AdaMax"):
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)

    def _get_beta_accumulators(self):
        return self._get_non_slot_variable("beta1_power", graph=get_default_graph())

    def _create_slots(self, var_list):
        first = min(var_list, key=lambda v: v.name)
        self._create_non_slot_variable(self._beta1, "beta1_power", first)
        for variable in var_list:
            self._zeros_slot(variable, "m", self._name)
            self._zeros_slot(variable, "v", self._name)

    def _scalars(self, dtype):
        own = (self._get_beta_accumulators(), self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t)
        return [cast(t, dtype) for t in own]

    def _update(self, type, handle_of, var, grad):
        return super()._update(type.replace("Adam", "AdaMax"), handle_of, var, grad)

    def _apply_some_rows(self, grad, var, indices, scatter_add, scatter_update):
        power, rate, beta1, beta2, epsilon = self._scalars(var.dtype.base_dtype)
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        new_m = gather(m, indices) * beta1 + grad * (1 - beta1)
        with control_dependencies([new_m]):
            m_t = scatter_update(m, indices, new_m)
        new_v = maximum(gather(v, indices) * beta2, abs(grad))
        with control_dependencies([new_v]):
            v_t = scatter_update(v, indices, new_v)
        change = -rate / (1 - power) * (new_m / (new_v + epsilon))
        with control_dependencies([change]):
            moved = scatter_add(var, indices, change)
        return group(moved, m_t, v_t)

    def _apply_sparse(self, grad, var):
        def scatter(function):
            return lambda x, i, v: function(x, i, v, use_locking=self._use_locking)

        return self._apply_some_rows(
            grad.values, var, grad.indices, scatter(state.scatter_add), scatter(state.scatter_update)
        )

    def _resource_apply_sparse(self, grad, var, indices):
        def scatter(type):
            def apply(x, i, v):
                with control_dependencies([apply_op(type, [x.handle, i, v])]):
                    return x.value()

            return apply

        return self._apply_some_rows(
            grad, var, indices, scatter("ResourceScatterAdd"), scatter("ResourceScatterUpdate")
        )

    def _finish(self, update_ops, name_scope):
        with control_dependencies(update_ops):
            power = self._get_beta_accumulators()
            with colocate_with(power):
                following = power.assign(power * self._beta1_t, use_locking=self._use_locking)
        return group(*update_ops, following, name=name_scope)


class NadamOptimizer(AdamOptimizer):
    """Adam with Nesterov's momentum, of Dozat (2016), in a simple form: the first moment is looked ahead by one step.

    Args:
      learning_rate, beta1, beta2, epsilon, use_locking, name: those of `AdamOptimizer`.
    """

    def _update(self, type, handle_of, var, grad):
        handles = [handle_of(v) for v in (var, self.get_slot(var, "m"), self.get_slot(var, "v"))]
        attrs = {"use_locking": self._use_locking, "use_nesterov": True}
        return apply_op(type, [*handles, *self._scalars(var.dtype.base_dtype), grad], attrs)

    def _apply_rows(self, grad, var, indices, scatter_add):
        power1, power2, rate, beta1, beta2, epsilon = self._scalars(var.dtype.base_dtype)
        rate = rate * sqrt(1 - power2) / (1 - power1)
        m, part = self.get_slot(var, "m"), grad * (1 - beta1)
        decayed = state.assign(m, m * beta1, use_locking=self._use_locking)
        with control_dependencies([decayed]):
            m_t = scatter_add(m, indices, part)
            ahead = part + beta1 * gather(m_t, indices)
        v_t = self._decay_and_add(self.get_slot(var, "v"), beta2, grad * grad * (1 - beta2), indices, scatter_add)
        root = sqrt(gather(v_t, indices))
        return group(scatter_add(var, indices, -rate * ahead / (root + epsilon)), ahead, v_t)
