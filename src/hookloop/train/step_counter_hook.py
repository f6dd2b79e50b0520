"""`StepCounterHook`."""

from __future__ import annotations

import math
import struct

from .. import logging, messages
from .second_or_step_timer import SecondOrStepTimer
from .session_run_hook import SessionRunArgs, SessionRunHook
from .training_util import global_step_of_hook
from .trigger import Trigger

__all__ = ["StepCounterHook"]


def _rate(steps, secs):
    """Steps in a second; where a clock has stood still it is infinite, or no number where there was no step either."""
    if secs:
        return steps / secs
    return math.copysign(math.inf, steps) if steps else math.nan


class StepCounterHook(SessionRunHook):
    """Logs how many steps are made in a second, and writes it as a summary.

    Args:
      every_n_steps: steps between two measurements; the first is made when so many steps have passed since the first run.
      every_n_secs: or seconds.
      output_dir: where a summary writer is opened, if `summary_writer` is absent.
      summary_writer: an object with `add_summary(summary, global_step)`.

    Raises:
      ValueError: where not exactly one of the periods is given.
    """

    trigger = None

    def __init__(self, every_n_steps=100, every_n_secs=None, output_dir=None, summary_writer=None):
        if (every_n_steps is None) == (every_n_secs is None):
            raise ValueError("exactly one of every_n_steps and every_n_secs should be provided.")
        self._timer = SecondOrStepTimer(every_steps=every_n_steps, every_secs=every_n_secs)
        self._period = (every_n_steps, every_n_secs)
        self._summary_writer = summary_writer
        self._output_dir = output_dir
        self._last_global_step = None
        self._steps_per_run = 1
        self._summary_start = None

    def _set_steps_per_run(self, steps_per_run):
        self._steps_per_run = steps_per_run

    def begin(self):
        if self._summary_writer is None and self._output_dir:
            from ..summary.writer import FileWriterCache

            self._summary_writer = FileWriterCache.get(self._output_dir)
        self._global_step_tensor = global_step_of_hook()
        if self._global_step_tensor is None:
            raise RuntimeError("Global step should be created to use StepCounterHook.")
        self._summary_tag = self._global_step_tensor.op.name + "/sec"

    def after_create_session(self, session, coord):
        every_n_steps, every_n_secs = self._period
        if every_n_steps is not None:
            self.trigger = Trigger("global_step", every=max(every_n_steps, 0), phase="after")
        else:
            self.trigger = Trigger("seconds", every=max(every_n_secs, 0), phase="after")

    def before_run(self, run_context):
        return SessionRunArgs(self._global_step_tensor)

    def after_run(self, run_context, run_values):
        if self.trigger is not None and self.trigger.due:
            self._note(self._current_step(run_context))
            return
        stale_step = run_values.results
        if self._timer.should_trigger_for_step(stale_step + self._steps_per_run):
            self._note(run_context.session.run(self._global_step_tensor))
        if stale_step == self._last_global_step:
            self._warn(stale_step)
        self._last_global_step = stale_step

    def end(self, session):
        if self._output_dir and hasattr(self._summary_writer, "flush"):
            self._summary_writer.flush()

    def state_dict(self):
        """How far its period has gone."""
        return {"timer": self._timer.state_dict()}

    def load_state_dict(self, state):
        """Goes on with the period of a `state_dict`."""
        self._timer.load_state_dict(state["timer"])

    def _current_step(self, run_context):
        if self.trigger.counter == "global_step":
            return self.trigger.value
        return run_context.session.run(self._global_step_tensor)

    def _note(self, step):
        if step == self._timer.last_triggered_step():
            self._warn(step)
        if not self._timer.should_trigger_for_step(step):
            return
        elapsed_secs, elapsed_steps = self._timer.update_last_triggered_step(step)
        if elapsed_secs is not None:
            self._log_and_record(elapsed_steps, elapsed_secs, step)

    def _warn(self, step):
        logging.log_first_n(
            logging.WARN,
            "It seems that global step (tf.train.get_global_step) has not been increased. Current value (could be stable): "
            "%s vs previous value: %s. You could increase the global step by passing tf.train.get_global_step() to "
            "Optimizer.apply_gradients or Optimizer.minimize.", 5, step, step,
        )  # fmt: skip

    def _log_and_record(self, elapsed_steps, elapsed_time, global_step):
        steps_per_sec = _rate(elapsed_steps, elapsed_time)
        if self._summary_writer is not None:
            self._summary_writer.add_summary(self._summary(steps_per_sec), global_step)
        logging.info("%s: %g", self._summary_tag, steps_per_sec)

    def _summary(self, number):
        """A summary of a number: read from bytes, which end with the number, it takes a quarter of the time."""
        if self._summary_start is None or self._summary_start[0] != self._summary_tag:
            summary = messages.Summary(value=[messages.Summary.Value(tag=self._summary_tag, simple_value=1.0)])
            self._summary_start = self._summary_tag, summary.SerializeToString()[:-4]
        return messages.Summary.FromString(self._summary_start[1] + struct.pack("<f", number))
