"""`LoggingTensorHook`."""

from __future__ import annotations

import numpy as np

from .. import logging
from .second_or_step_timer import SecondOrStepTimer
from .session_run_hook import SessionRunArgs, SessionRunHook
from .training_util import watched_element
from .trigger import Trigger

__all__ = ["LoggingTensorHook"]

# Nobody reads what it is given where the level is higher; a function that a program puts in its place does.
_INFO = logging.info


class _NeverTriggerTimer(SecondOrStepTimer):
    """For a hook that logs at the end alone."""

    def __init__(self):
        self.reset()

    def should_trigger_for_step(self, step):
        return False


class LoggingTensorHook(SessionRunHook):
    """Logs the values of tensors every so many steps or seconds, or at the end.

    Args:
      tensors: tag -> tensor or its name, or an iterable of tensors or names.
      every_n_iter: runs between two lines; the first run is logged.
      every_n_secs: or seconds.
      at_end: whether to log when the session ends too.
      formatter: a function of tag -> value that returns the line.

    Raises:
      ValueError: where not exactly one of the periods is given and `at_end` is not, or it is not positive.
    """

    trigger = None

    def __init__(self, tensors, every_n_iter=None, every_n_secs=None, at_end=False, formatter=None):
        only_at_end = at_end and every_n_iter is None and every_n_secs is None
        if not only_at_end and (every_n_iter is None) == (every_n_secs is None):
            raise ValueError("either at_end and/or exactly one of every_n_iter and every_n_secs must be provided.")
        if every_n_iter is not None and every_n_iter <= 0:
            raise ValueError(f"invalid every_n_iter={every_n_iter}.")
        if not isinstance(tensors, dict):
            self._tag_order = list(tensors)
            tensors = {item: item for item in self._tag_order}
        else:
            self._tag_order = sorted(tensors)
        self._tensors = tensors
        self._formatter = formatter
        self._timer = (
            _NeverTriggerTimer()
            if only_at_end
            else SecondOrStepTimer(every_secs=every_n_secs, every_steps=every_n_iter)
        )
        self._every = (every_n_iter, every_n_secs)
        self._log_at_end = at_end
        self._should_trigger = False

    def begin(self):
        self._timer.reset()
        self._iter_count = 0
        self._current_tensors = {tag: watched_element(item) for tag, item in self._tensors.items()}

    def after_create_session(self, session, coord):
        every_n_iter, every_n_secs = self._every
        if every_n_iter is not None:
            self.trigger = Trigger("runs", every=every_n_iter)
        elif every_n_secs is not None:
            self.trigger = Trigger("seconds", every=max(every_n_secs, 0))

    def before_run(self, run_context):
        trigger = self.trigger
        if trigger is not None and trigger.due:
            self._should_trigger = True
            if trigger.counter == "runs":
                self._iter_count = trigger.value
        else:
            self._should_trigger = self._timer.should_trigger_for_step(self._iter_count)
        return SessionRunArgs(self._current_tensors) if self._should_trigger else None

    def after_run(self, run_context, run_values):
        if self._should_trigger:
            self._log_tensors(run_values.results)
        self._iter_count += 1

    def end(self, session):
        if self._log_at_end:
            self._log_tensors(session.run(self._current_tensors))

    def state_dict(self):
        """How far its period has gone."""
        return {"timer": self._timer.state_dict(self._iter_count)}

    def load_state_dict(self, state):
        """Goes on with the period of a `state_dict`."""
        self._timer.load_state_dict(state["timer"], self._iter_count)

    def _log_tensors(self, tensor_values):
        elapsed_secs, _ = self._timer.update_last_triggered_step(self._iter_count)
        if not (self._formatter or logging.info is not _INFO or logging.get_logger().isEnabledFor(logging.INFO)):
            return  # numbers as text take longer than a small step
        with np.printoptions(suppress=True):
            if self._formatter:
                logging.info(self._formatter(tensor_values))
                return
            values = ", ".join("%s = %s" % (tag, tensor_values[tag]) for tag in self._tag_order)
            if elapsed_secs is not None:
                logging.info("%s (%.3f sec)", values, elapsed_secs)
            else:
                logging.info("%s", values)
