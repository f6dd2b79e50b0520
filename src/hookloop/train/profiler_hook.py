"""`ProfilerHook`."""

from __future__ import annotations

import os

from .. import logging
from ..files.os_errors import make_directories
from ..files.paths import local_path
from .second_or_step_timer import SecondOrStepTimer
from .session_run_hook import SessionRunArgs, SessionRunHook
from .training_util import global_step_of_hook
from .trigger import Trigger

__all__ = ["ProfilerHook"]


class ProfilerHook(SessionRunHook):
    """Traces a run every so many steps or seconds, and writes `timeline-STEP.json`, which chrome://tracing shows.

    Args:
      save_steps: steps between two traces.
      save_secs: or seconds.
      output_dir: where the files go.
      show_dataflow: whether arrows show what uses a tensor.
      show_memory: whether the memory of tensors is shown.

    Raises:
      ValueError: where not exactly one of the periods is given.
    """

    trigger = None

    def __init__(self, save_steps=None, save_secs=None, output_dir="", show_dataflow=True, show_memory=False):
        from ..summary.writer import FileWriterCache

        self._timer = SecondOrStepTimer(every_secs=save_secs, every_steps=save_steps)
        self._period = (save_steps, save_secs)
        self._output_dir = output_dir
        self._file_writer = FileWriterCache.get(output_dir)  # here, as in TensorFlow: it records the graph as it is now
        self._output_file = os.path.join(output_dir, "timeline-{}.json")
        self._show_dataflow = show_dataflow
        self._show_memory = show_memory

    def begin(self):
        self._next_step = None
        self._request_summary = self._saved = False
        self._global_step_tensor = global_step_of_hook()
        if self._global_step_tensor is None:
            raise RuntimeError("Global step should be created to use ProfilerHook.")

    def after_create_session(self, session, coord):
        save_steps, save_secs = self._period
        if save_steps is not None and save_steps > 1:
            # The run to come makes the step after the one that the counter shows.
            self.trigger = Trigger("global_step", every=save_steps - 1, first=False)
        elif save_secs is not None and save_secs > 0:
            self.trigger = Trigger("seconds", every=save_secs, first=False)
        else:
            self.trigger = Trigger("runs", every=1, first=False)  # each run but the first

    def before_run(self, run_context):
        if self._is_due():
            self._request_summary = True
            if self.trigger.counter == "global_step":
                self.trigger.value += 1
        else:
            self._request_summary = self._next_step is not None and self._timer.should_trigger_for_step(self._next_step)
        return SessionRunArgs({"global_step": self._global_step_tensor}, options=self._options())

    def _is_due(self):
        return self.trigger is not None and self.trigger.due

    def _options(self):
        if not self._request_summary:
            return None
        from ..messages import RunOptions

        return RunOptions(trace_level=RunOptions.FULL_TRACE)

    def after_run(self, run_context, run_values):
        step = run_values.results["global_step"]  # that the run has made
        if self._next_step is None:
            self._timer.update_last_triggered_step(step - 1)
        if self._request_summary:
            step = run_context.session.run(self._global_step_tensor)
            self._timer.update_last_triggered_step(step)
            self._save(step, self._output_file.format(step), run_values.run_metadata.step_stats)
            self._file_writer.add_run_metadata(run_values.run_metadata, f"step_{step}")
            self._saved = True
        self._next_step = step + 1

    def end(self, session):
        if self._saved:
            self._file_writer.flush()

    def _save(self, step, save_path, step_stats):
        from ..client.timeline import Timeline

        logging.info("Saving timeline for %d into '%s'.", step, save_path)
        text = Timeline(step_stats).generate_chrome_trace_format(self._show_dataflow, self._show_memory)
        make_directories(local_path(self._output_dir))
        with open(local_path(save_path), "w") as file:
            file.write(text)
