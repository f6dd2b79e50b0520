"""`SummarySaverHook`."""

from __future__ import annotations

from .second_or_step_timer import SecondOrStepTimer
from .session_run_hook import SessionRunArgs, SessionRunHook
from .training_util import global_step_of_hook
from .trigger import Trigger

__all__ = ["SummarySaverHook"]


class SummarySaverHook(SessionRunHook):
    """Writes summaries every so many steps or seconds.

    Args:
      save_steps: steps between two of them.
      save_secs: or seconds.
      output_dir: the directory of the event files.
      summary_writer: a writer instead of a directory.
      scaffold: a `Scaffold` that has the summaries.
      summary_op: a tensor of summaries, or a list of them.

    Raises:
      ValueError: where not exactly one of `scaffold` and `summary_op`, or of the periods, is given.
    """

    trigger = None

    def __init__(self, save_steps=None, save_secs=None, output_dir=None, summary_writer=None, scaffold=None,
                 summary_op=None):  # fmt: skip
        if (scaffold is None) == (summary_op is None):
            raise ValueError("Exactly one of scaffold or summary_op must be provided.")
        self._summary_op = summary_op
        self._summary_writer = summary_writer
        self._output_dir = output_dir
        self._scaffold = scaffold
        self._timer = SecondOrStepTimer(every_secs=save_secs, every_steps=save_steps)
        self._every = (save_secs, save_steps)

    def begin(self):
        if self._summary_writer is None and self._output_dir:
            from ..summary.writer import FileWriterCache

            self._summary_writer = FileWriterCache.get(self._output_dir)
        self._next_step = None
        self._goes_on = False  # from the state of another run
        self.trigger = None
        self._global_step_tensor = global_step_of_hook()
        if self._global_step_tensor is None:
            raise RuntimeError("Global step should be created to use SummarySaverHook.")

    def after_create_session(self, session, coord):
        self._set_trigger()

    def _set_trigger(self):
        """Due at the first run of all, then when the step to come is far enough from the last one with a summary."""
        save_secs, save_steps = self._every
        begun = (self._goes_on or self._next_step is not None) and self._timer.last_triggered_step() is not None
        if save_secs is not None:
            self.trigger = Trigger("seconds", every=max(save_secs, 0), first=not begun)
        else:
            since = int(self._timer.last_triggered_step()) - 1 if begun else None
            self.trigger = Trigger("global_step", every=max(save_steps, 0), since=since)

    def before_run(self, run_context):
        step = self._next_step
        if self._goes_on and self.trigger is None:
            step = run_context.session.run(self._global_step_tensor) + 1
        due = self.trigger is not None and self.trigger.due
        self._request_summary = due or step is None or self._timer.should_trigger_for_step(step)
        requests = {"global_step": self._global_step_tensor}
        if self._request_summary and self._get_summary_op() is not None:
            requests["summary"] = self._get_summary_op()
        return SessionRunArgs(requests)

    def after_run(self, run_context, run_values):
        if not self._summary_writer:
            return
        global_step = run_values.results["global_step"]  # the step just made: a fetched variable is what a run leaves
        if self._next_step is None or self._request_summary:
            global_step = run_context.session.run(self._global_step_tensor)
        if self._next_step is None:
            self._log_start(global_step)
        if self._request_summary:
            self._timer.update_last_triggered_step(global_step)
            for summary in run_values.results.get("summary", ()):
                self._summary_writer.add_summary(summary, global_step)
            if self.trigger is not None and self.trigger.counter == "global_step":
                self.trigger.value = int(global_step) - 1
        self._next_step = global_step + 1
        if self.trigger is None:
            self._set_trigger()

    def state_dict(self):
        """How far its period has gone."""
        return {"timer": self._timer.state_dict()}

    def load_state_dict(self, state):
        """Goes on with the period of a `state_dict`."""
        self._timer.load_state_dict(state["timer"])
        self._goes_on = self._timer.last_triggered_step() is not None
        self.trigger = None  # the first run is told to the writer, also where no summary is due

    def _log_start(self, global_step):
        from .. import messages

        self._summary_writer.add_session_log(messages.SessionLog(status=messages.SessionLog.START), global_step)

    def end(self, session=None):
        if self._summary_writer:
            self._summary_writer.flush()

    def _get_summary_op(self):
        """The summaries as a list; None where there are none."""
        summary_op = self._summary_op if self._summary_op is not None else self._scaffold.summary_op
        if summary_op is None:
            return None
        return summary_op if isinstance(summary_op, list) else [summary_op]
