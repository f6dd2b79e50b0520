"""`LARSOptimizer`: momentum with a rate for each variable."""

from __future__ import annotations

from ...ops.build import apply_op
from ...ops.cast import cast
from ...ops.linalg import norm
from ...ops.math import greater
from ...ops.select import where
from ...train.momentum import MomentumOptimizer

__all__ = ["LARSOptimizer"]


class LARSOptimizer(MomentumOptimizer):
    """Momentum whose rate is scaled for each variable by the norm of it and of its gradient (You, Gitman and Ginsburg, 2017).

    A sparse gradient has the rate that is given.

    Args:
      learning_rate: the rate.
      momentum: the momentum.
      weight_decay: what part of a variable is added to its gradient.
      eeta: the share of a variable's norm that a step may have.
      epsilon: is added to the denominator.
      name: prefix of the ops; the slot "momentum" is named after it.
      skip_list: parts of the names of variables whose rate is not scaled, and which do not decay.
      use_nesterov: whether to use Nesterov's form.

    Raises:
      ValueError: for a negative momentum or decay.
    """

    def __init__(self, learning_rate, momentum=0.9, weight_decay=0.0001, eeta=0.001, epsilon=0.0, name="LARSOptimizer",
                 skip_list=None, use_nesterov=False):  # fmt: skip
        if momentum < 0.0:
            raise ValueError(f"momentum should be positive: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"weight_decay should be positive: {weight_decay}")
        super().__init__(learning_rate, momentum, False, name, use_nesterov)
        self._weight_decay = weight_decay
        self._eeta = eeta
        self._epsilon = epsilon
        self._skip_list = skip_list

    def compute_lr(self, grad, var):
        """The rate for a variable, and its gradient with the decay.

        Args:
          grad: the gradient, a tensor.
          var: the variable.
        """
        rate = self._learning_rate
        if self._skip_list is None or not any(part in var.name for part in self._skip_list):
            of_var, of_grad = norm(var, ord=2), norm(grad, ord=2)
            share = self._eeta * of_var / (of_grad + self._weight_decay * of_var + self._epsilon)
            share = where(greater(of_var, 0), where(greater(of_grad, 0), share, 1.0), 1.0)
            rate = self._learning_rate * share
            grad = grad + self._weight_decay * var
        return rate, grad

    def _update(self, type, handle_of, var, grad, *indices):
        if not indices:
            rate, grad = self.compute_lr(grad, var)
            dtype = var.dtype.base_dtype
            slot, attrs = self.get_slot(var, "momentum"), {"use_locking": False, "use_nesterov": self._use_nesterov}
            one = cast(1.0, dtype)
            return apply_op(type, [handle_of(var), handle_of(slot), one, grad * rate, self._momentum], attrs)
        return super()._update(type, handle_of, var, grad, *indices)
