"""`NanTensorHook`."""

from __future__ import annotations

import numpy as np

from .. import logging
from .nan_search import where_nan_came_from
from .session_run_hook import SessionRunArgs, SessionRunHook
from .trigger import Trigger, not_finite

__all__ = ["NanLossDuringTrainingError", "NanTensorHook"]


class NanLossDuringTrainingError(RuntimeError):
    """The loss is NaN. Its text begins with TensorFlow's; what is known of the place is in the next line."""

    def __str__(self):
        return "\n".join(["NaN loss during training.", *map(str, self.args)])


class NanTensorHook(SessionRunHook):
    """Ends the training when the loss is NaN. A healthy step does not enter Python for it.

    The error, or the log, names the first op that gave a value that is not finite, and the line of the program that made
    the op, as far as it can be known after the step (`nan_search.py` says how far).

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
            raise NanLossDuringTrainingError(*self._place(run_context))
        logging.warning(failure)
        for place in self._place(run_context):
            logging.warning("%s", place)
        run_context.request_stop()

    def _place(self, run_context):
        """Where the NaN came from; nothing where the hook is called by somebody who gives no session."""
        session = getattr(run_context, "session", None)
        if session is None:
            return []
        feed_dict = getattr(run_context, "_all_feeds", None)
        # A session that goes on, and may be saved, keeps its random streams and its place in the data.
        return [where_nan_came_from(self._loss_tensor, session, feed_dict, draws=self._fail_on_nan_loss)]
