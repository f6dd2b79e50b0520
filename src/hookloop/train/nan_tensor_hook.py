"""`NanTensorHook`."""

from __future__ import annotations

import numpy as np

from .. import logging
from .session_run_hook import SessionRunArgs, SessionRunHook
from .trigger import Trigger, not_finite

__all__ = ["NanLossDuringTrainingError", "NanTensorHook"]


class NanLossDuringTrainingError(RuntimeError):
    """The loss is NaN."""

    def __str__(self):
        return "NaN loss during training."


class NanTensorHook(SessionRunHook):
    """Ends the training when the loss is NaN.

    Args:
      loss_tensor: the loss.
      fail_on_nan_loss: whether to raise `NanLossDuringTrainingError`; else it is logged, and the loop asked to stop.
    """

    trigger = None

    def __init__(self, loss_tensor, fail_on_nan_loss=True):
        self._loss_tensor = loss_tensor
        self._fail_on_nan_loss = fail_on_nan_loss

    def after_create_session(self, session, coord):
        self.trigger = Trigger(not_finite(self._loss_tensor))

    def before_run(self, run_context):
        return SessionRunArgs(self._loss_tensor)

    def after_run(self, run_context, run_values):
        if not np.isnan(run_values.results).any():
            return
        failure = "Model diverged with loss = NaN."
        if self._fail_on_nan_loss:
            logging.error(failure)
            raise NanLossDuringTrainingError
        logging.warning(failure)
        run_context.request_stop()
