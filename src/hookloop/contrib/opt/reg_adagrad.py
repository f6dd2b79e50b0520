"""`RegAdagradOptimizer`: Adagrad, some of whose updates leave the accumulators alone."""

from __future__ import annotations

import contextlib

from ...ops.build import apply_op
from ...ops.cast import cast
from ...train.adagrad import AdagradOptimizer

__all__ = ["RegAdagradOptimizer"]


class RegAdagradOptimizer(AdagradOptimizer):
    """Adagrad, some of whose updates leave the accumulators alone: those of a penalty on weights, say, which is to leave the
    rates as they are.

    Args:
      learning_rate, initial_accumulator_value, use_locking, name: those of `AdagradOptimizer`.
    """

    def __init__(self, learning_rate, initial_accumulator_value=0.1, use_locking=False, name="RegAdagrad"):
        super().__init__(learning_rate, initial_accumulator_value, use_locking, name)
        self._should_update_slots = True

    @contextlib.contextmanager
    def avoid_updating_slots(self):
        """A context; updates that are made in it leave the accumulators as they are."""
        before, self._should_update_slots = self._should_update_slots, False
        try:
            yield
        finally:
            self._should_update_slots = before

    def _update(self, type, handle_of, var, *grad):
        rate = cast(self._learning_rate_tensor, var.dtype.base_dtype)
        attrs = {"use_locking": self._use_locking, "update_slots": self._should_update_slots}
        return apply_op(type, [handle_of(var), handle_of(self.get_slot(var, "accumulator")), rate, *grad], attrs)
