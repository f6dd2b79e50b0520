"""Adam whose sparse gradients move their own rows alone, and Adam with Nesterov's momentum."""

from __future__ import annotations

from ...graph.scopes import control_dependencies
from ...ops import state
from ...ops.build import apply_op
from ...ops.core import group
from ...ops.gather import gather
from ...ops.math_unary import sqrt, square
from ...train.adam import AdamOptimizer

__all__ = ["LazyAdamOptimizer", "NadamOptimizer"]


class LazyAdamOptimizer(AdamOptimizer):
    """Adam whose moments decay only in the rows that a sparse gradient has: a step over a large table touches few of its rows.

    Args:
      learning_rate, beta1, beta2, epsilon, use_locking, name: those of `AdamOptimizer`.
    """

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
