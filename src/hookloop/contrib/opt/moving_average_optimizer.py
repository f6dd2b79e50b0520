"""`MovingAverageOptimizer`: an optimizer that keeps moving averages of what it moves, and a saver that stores them in its place."""

from __future__ import annotations

from ...graph.scopes import control_dependencies
from ...ops.core import group
from ...partitioned import PartitionedVariable
from ...train import saveable
from ...train.moving_averages import ExponentialMovingAverage
from ...train.optimizer import Optimizer
from ...train.saver import Saver
from ...variables import global_variables

__all__ = ["MovingAverageOptimizer"]


class MovingAverageOptimizer(Optimizer):
    """An optimizer, and moving averages of the variables that it moves.

    Args:
      opt: the optimizer that makes and applies gradients.
      average_decay, num_updates: those of `ExponentialMovingAverage`.
      sequential_update: whether the averages follow the variables as they are after the step.
    """

    def __init__(self, opt, average_decay=0.9999, num_updates=None, sequential_update=True):
        self._optimizer = opt
        self._ema = ExponentialMovingAverage(average_decay, num_updates=num_updates)
        self._swapped_variable_name_map = None
        self._sequential_update = sequential_update

    def compute_gradients(self, *args, **kwargs):
        return self._optimizer.compute_gradients(*args, **kwargs)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        train_op = self._optimizer.apply_gradients(grads_and_vars, global_step=global_step, name=name)
        moved = [variable for gradient, variable in grads_and_vars if gradient is not None]
        with control_dependencies([train_op] if self._sequential_update else []):
            averages_op = self._ema.apply(moved)
        self._swapped_variable_name_map = {}
        for variable in moved:
            own, average = variable.op.name, self._ema.average(variable).op.name
            self._swapped_variable_name_map.update({own: average, average: own})
        return group(train_op, averages_op, name="train_with_avg")

    def _swapped(self, variables, name, variable):
        other = self._swapped_variable_name_map.get(name)
        if other is None:
            return variable
        if other not in variables:
            raise ValueError(
                f"Variable to swap {other} is not part of variables to save. This breaks MovingAverageOptimizer."
            )
        return variables[other]

    def swapping_saver(self, var_list=None, name="swapping_saver", **kwargs):
        """A saver that stores each average under the name of its variable, and the variable under that of the average.

        Args:
          var_list: what is saved, as `Saver` takes it; all variables by default.
          name: of the saver's nodes.
          **kwargs: further arguments of `Saver`.

        Raises:
          RuntimeError: before `apply_gradients` or `minimize` was called.
          ValueError: where the average of a variable is not among what is saved.
        """
        if self._swapped_variable_name_map is None:
            raise RuntimeError("Must call apply_gradients or minimize before creating the swapping_saver")
        if var_list is None:
            var_list = global_variables()
        named = var_list if isinstance(var_list, dict) else saveable.named(var_list)
        by_name = {}
        for key, value in named.items():
            if isinstance(value, (list, PartitionedVariable)):
                by_name.update((part.op.name, part) for part in value)
            else:
                by_name[key] = value
        swapped = {}
        for key, value in named.items():
            if isinstance(value, list):
                swapped[key] = [self._swapped(by_name, part.op.name, part) for part in value]
            else:
                swapped[key] = self._swapped(by_name, key, value)
        return Saver(swapped, name=name, **kwargs)
