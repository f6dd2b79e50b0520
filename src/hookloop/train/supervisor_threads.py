"""The threads that a `Supervisor` starts: they write summaries, the steps' rate and checkpoints, each every so many seconds."""

from __future__ import annotations

import time

from .. import logging
from .coordinator import LooperThread
from .training_util import global_step

__all__ = ["SVStepCounterThread", "SVSummaryThread", "SVTimerCheckpointThread"]


class SVSummaryThread(LooperThread):
    """Writes the supervisor's summaries.

    Args:
      sv: a `Supervisor`.
      sess: a `Session`.
    """

    def __init__(self, sv, sess):
        super().__init__(sv.coord, sv.save_summaries_secs)
        self._sv = sv
        self._sess = sess

    def run_loop(self):
        sv = self._sv
        if sv.global_step is None:
            summary, step = self._sess.run(sv.summary_op), None
        else:
            summary, step = self._sess.run([sv.summary_op, sv.global_step])
        if sv.summary_writer:
            logging.info("Recording summary at step %s.", step)
            sv.summary_writer.add_summary(summary, step)


class SVStepCounterThread(LooperThread):
    """Writes how many steps a second are made.

    Args:
      sv: a `Supervisor`.
      sess: a `Session`.
      step_counter: the variable that counts the steps; by default the global step.
    """

    def __init__(self, sv, sess, step_counter=None):
        super().__init__(sv.coord, sv.save_summaries_secs)
        self._sv = sv
        self._sess = sess
        self._last_time = 0.0
        self._last_step = 0
        self._step_counter = sv.global_step if step_counter is None else step_counter
        self._summary_tag = f"{self._step_counter.op.name}/sec"

    def start_loop(self):
        self._last_time = time.time()
        self._last_step = global_step(self._sess, self._step_counter)

    def run_loop(self):
        from ..messages import Summary

        step, now = global_step(self._sess, self._step_counter), time.time()
        steps, seconds = step - self._last_step, now - self._last_time
        self._last_time, self._last_step = now, step
        rate = steps / seconds if seconds > 0.0 else float("inf")
        if self._sv.summary_writer:
            value = Summary.Value(tag=self._summary_tag, simple_value=rate)
            self._sv.summary_writer.add_summary(Summary(value=[value]), step)
        logging.log_first_n(logging.INFO, "%s: %g", 10, self._summary_tag, rate)


class SVTimerCheckpointThread(LooperThread):
    """Writes checkpoints.

    Args:
      sv: a `Supervisor`.
      sess: a `Session`.
    """

    def __init__(self, sv, sess):
        super().__init__(sv.coord, sv.save_model_secs)
        self._sv = sv
        self._sess = sess

    def run_loop(self):
        from ..messages import SessionLog

        sv = self._sv
        logging.info("Saving checkpoint to path %s", sv.save_path)
        sv.saver.save(self._sess, sv.save_path, global_step=sv.global_step)
        if sv.summary_writer and sv.global_step is not None:
            log = SessionLog(status=SessionLog.CHECKPOINT, checkpoint_path=sv.save_path)
            sv.summary_writer.add_session_log(log, global_step(self._sess, sv.global_step))
