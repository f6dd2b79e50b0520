"""`DropStaleGradientOptimizer`: gradients that are too old are not applied."""

from __future__ import annotations

from ... import dtypes
from ...graph.scopes import colocate_with, control_dependencies
from ...graph.tensor import Tensor
from ...initializers import zeros_initializer
from ...ops.build import apply_op
from ...ops.cast import cast
from ...ops.control_flow import cond
from ...ops.core import identity
from ...ops.math import less_equal
from ...summary import scalar
from ...train.optimizer import Optimizer
from ...train.training_util import get_global_step
from ...variable_scope import get_variable

__all__ = ["DropStaleGradientOptimizer"]


class DropStaleGradientOptimizer(Optimizer):
    """An optimizer whose gradients are left out where the global step has gone on too far since they were begun.

    How many were left out is counted in the variable "stale_counter".

    Args:
      opt: the optimizer that makes and applies gradients.
      staleness: by how many steps a gradient may be late.
      use_locking: accepted.
      name: of the optimizer.
    """

    def __init__(self, opt, staleness, use_locking=False, name="DropStaleGradient"):
        super().__init__(use_locking, name)
        self._opt = opt
        self._staleness = staleness

    def compute_gradients(self, loss, *args, **kwargs):
        """Those of the other optimizer, begun at the global step of now."""
        with colocate_with(loss):
            self._local_step = get_global_step() + 0
        with control_dependencies([self._local_step]):
            return self._opt.compute_gradients(identity(loss), *args, **kwargs)

    def get_slot(self, *args, **kwargs):
        """A slot of the other optimizer."""
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args, **kwargs):
        """The names of the other optimizer's slots."""
        return self._opt.get_slot_names(*args, **kwargs)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """Applies gradients that are not too late; gives the number of those that were."""
        with colocate_with(global_step):
            counter = get_variable("stale_counter", [], initializer=zeros_initializer(), trainable=False)

        def accept():
            with control_dependencies([self._opt.apply_gradients(grads_and_vars, global_step=global_step, name=name)]):
                return identity(0.0)

        def drop():
            return identity(1.0)

        made = [g if isinstance(g, Tensor) else g.op for g, _ in grads_and_vars if g is not None]
        with control_dependencies(made), colocate_with(global_step):
            late = apply_op("Reshape", [global_step - self._local_step, ()])
        counted = counter.assign_add(cond(less_equal(late, self._staleness), accept, drop))
        scalar("Gradient staleness percentage", counter / cast(global_step + 1, dtypes.float32))
        return counted
