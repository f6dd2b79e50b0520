"""`GlobalStepWaiterHook`."""

from __future__ import annotations

import time

from .. import logging
from .session_run_hook import SessionRunHook
from .training_util import global_step_of_hook

__all__ = ["GlobalStepWaiterHook"]

_PAUSE_SECS = 0.5


class GlobalStepWaiterHook(SessionRunHook):
    """Holds back the first run until the global step, which another thread moves, has reached a number.

    Args:
      wait_until_step: the number.
    """

    def __init__(self, wait_until_step):
        self._wait_until_step = wait_until_step

    def begin(self):
        self._worker_is_started = False
        self._global_step_tensor = global_step_of_hook()
        if self._global_step_tensor is None:
            raise RuntimeError("Global step should be created to use _GlobalStepWaiterHook.")

    def before_run(self, run_context):
        if self._worker_is_started:
            return
        if self._wait_until_step <= 0:
            self._worker_is_started = True
            return
        logging.info("Waiting for global step %d before starting training.", self._wait_until_step)
        last_logged_step = 0
        while True:
            current_step = run_context.session.run(self._global_step_tensor)
            if current_step >= self._wait_until_step:
                self._worker_is_started = True
                return
            if current_step - last_logged_step > 1000:
                logging.info(
                    "Waiting for global step %d before starting training. Current step is %d.",
                    self._wait_until_step, current_step,
                )  # fmt: skip
                last_logged_step = current_step
            time.sleep(_PAUSE_SECS)
