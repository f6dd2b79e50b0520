"""`SummaryAtEndHook`."""

from __future__ import annotations

from ...train.session_run_hook import SessionRunHook
from ...train.training_util import get_or_create_global_step, global_step

__all__ = ["SummaryAtEndHook"]


class SummaryAtEndHook(SessionRunHook):
    """Writes summaries when the session ends. It costs a step nothing.

    Args:
      log_dir: the directory of the event file, if there is no `summary_writer`.
      summary_writer: a `FileWriter`.
      summary_op: the summaries; by default all of the graph.
      feed_dict: what is fed to evaluate them.

    Raises:
      ValueError: where neither `log_dir` nor `summary_writer` is given.
    """

    def __init__(self, log_dir=None, summary_writer=None, summary_op=None, feed_dict=None):
        if log_dir is None and summary_writer is None:
            raise ValueError("One of log_dir or summary_writer should be used.")
        self._log_dir = log_dir
        self._summary_writer = summary_writer
        self._summary_op = summary_op
        self._takes_all = summary_op is None
        self._feed_dict = feed_dict

    def begin(self):
        from ... import summary

        if self._takes_all:
            self._summary_op = summary.merge_all()
        self._global_step = get_or_create_global_step()

    def after_create_session(self, session, coord):
        from ... import summary

        if self._summary_writer is None and self._log_dir:
            self._summary_writer = summary.FileWriterCache.get(self._log_dir)

    def end(self, session):
        if self._summary_op is not None:
            step = global_step(session, self._global_step)
            written = session.run(self._summary_op, self._feed_dict)
            if self._summary_writer:
                self._summary_writer.add_summary(written, step)
        if self._summary_writer:
            self._summary_writer.flush()
