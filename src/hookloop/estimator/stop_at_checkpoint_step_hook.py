"""`make_stop_at_checkpoint_step_hook`: ends a training at a step, other workers' once its checkpoint is written."""

from __future__ import annotations

import time

from ..train.checkpoint_management import latest_checkpoint
from ..train.checkpoint_utils import load_variable
from ..train.session_run_hook import SessionRunArgs, SessionRunHook
from ..train.stop_at_step_hook import StopAtStepHook
from ..train.training_util import global_step_of_hook

__all__ = ["make_stop_at_checkpoint_step_hook"]


class _StopAtCheckpointStepHook(SessionRunHook):
    """Asks to stop once a checkpoint of the last step is there."""

    def __init__(self, model_dir, last_step, wait_after_file_check_secs=30):
        if last_step is None:
            raise ValueError("last_step must be specified.")
        if model_dir is None:
            raise ValueError("model_dir must be specified.")
        self._model_dir = model_dir
        self._last_step = last_step
        self._wait_after_file_check_secs = wait_after_file_check_secs

    def begin(self):
        self._global_step_tensor = global_step_of_hook()
        if self._global_step_tensor is None:
            raise RuntimeError("Global step should be created to use StopAtCheckpointStepHook.")

    def before_run(self, run_context):
        return SessionRunArgs(self._global_step_tensor)

    def after_run(self, run_context, run_values):
        if run_values.results < self._last_step:
            return
        if self._saved_step() >= self._last_step:
            run_context.request_stop()
        else:
            time.sleep(self._wait_after_file_check_secs)

    def _saved_step(self):
        latest = latest_checkpoint(self._model_dir)
        return 0 if latest is None else int(load_variable(latest, "global_step"))


def make_stop_at_checkpoint_step_hook(estimator, last_step, wait_after_file_check_secs=30):
    """A hook that ends a training at a step: a worker that is not the chief ends once the step's checkpoint is written.

    Args:
      estimator: has `config.is_chief` and `model_dir`.
      last_step: the step.
      wait_after_file_check_secs: how long a worker waits each time that the checkpoint is not there.
    """
    if estimator.config.is_chief:
        return StopAtStepHook(last_step=last_step)
    return _StopAtCheckpointStepHook(estimator.model_dir, last_step, wait_after_file_check_secs)
