"""`CheckpointSaverHook` and its listeners."""

from __future__ import annotations

import os
import time

from .. import logging
from ..graph.collections import GraphKeys
from ..graph.stack import get_default_graph
from . import run_state
from .background import BackgroundWriter
from .graph_io import write_graph
from .second_or_step_timer import SecondOrStepTimer
from .session_run_hook import SessionRunArgs, SessionRunHook
from .training_util import global_step_of_hook
from .trigger import Trigger

__all__ = ["CheckpointSaverHook", "CheckpointSaverListener"]


class CheckpointSaverListener:
    """What wants to do something around each checkpoint; all methods do nothing here."""

    def begin(self):
        """Called once, before the session is made."""

    def before_save(self, session, global_step_value):
        """Called before a checkpoint is written."""

    def after_save(self, session, global_step_value):
        """Called after a checkpoint was written; returning True ends the training."""

    def end(self, session, global_step_value):
        """Called at the end of the session."""


class CheckpointSaverHook(SessionRunHook):
    """Saves checkpoints every so many steps or seconds, at the beginning and at the end.

    Args:
      checkpoint_dir: the directory; the graph is written there too.
      save_secs: seconds between two checkpoints.
      save_steps: or steps.
      saver: a `Saver`.
      checkpoint_basename: the beginning of the files' names.
      scaffold: a `Scaffold` that has the saver.
      listeners: a list of `CheckpointSaverListener`.
      async_save: whether a step only copies what is saved, and a thread writes the files, as with `Saver(async_save=True)`.
        `after_save` of listeners is called once the files are there: before the next save, or at the end.

    A save that is due is made after every hook's `after_run`, the last one after every hook's `end`.

    Raises:
      ValueError: where both `saver` and `scaffold` are given, or not exactly one of the periods.
    """

    trigger = None
    ends_last = True  # the session calls `end` after those of other hooks

    def __init__(self, checkpoint_dir, save_secs=None, save_steps=None, saver=None, checkpoint_basename="model.ckpt",
                 scaffold=None, listeners=None, async_save=False):  # fmt: skip
        logging.info("Create CheckpointSaverHook.")
        if saver is not None and scaffold is not None:
            raise ValueError("You cannot provide both saver and scaffold.")
        self._saver = saver
        self._checkpoint_dir = checkpoint_dir
        self._save_path = os.path.join(checkpoint_dir, checkpoint_basename)
        self._scaffold = scaffold
        self._timer = SecondOrStepTimer(every_secs=save_secs, every_steps=save_steps)
        self._every = (save_secs, save_steps)
        self._listeners = listeners or []
        self._steps_per_run = 1
        self._async_save = async_save
        self._being_written = None  # the step of the checkpoint that a thread writes

    def _set_steps_per_run(self, steps_per_run):
        self._steps_per_run = steps_per_run

    def begin(self):
        from ..summary.writer import FileWriterCache

        self._summary_writer = FileWriterCache.get(self._checkpoint_dir)
        self._global_step_tensor = global_step_of_hook()
        if self._global_step_tensor is None:
            raise RuntimeError("Global step should be created to use CheckpointSaverHook.")
        for listener in self._listeners:
            listener.begin()

    def after_create_session(self, session, coord):
        from .meta_graph import export_meta_graph

        graph = get_default_graph()
        global_step = session.run(self._global_step_tensor)
        write_graph(graph.as_graph_def(add_shapes=True), self._checkpoint_dir, "graph.pbtxt")
        saver = self._get_saver()
        self._summary_writer.add_graph(graph)
        self._summary_writer.add_meta_graph(
            export_meta_graph(saver_def=saver.saver_def if saver else None, graph=graph)
        )
        self._timer.update_last_triggered_step(global_step)
        run_state.call_last(session, lambda: self._save(session, global_step))
        save_secs, save_steps = self._every
        if save_secs is not None:
            self.trigger = Trigger("seconds", every=max(save_secs, 0), phase="after", since=time.time())
        else:
            self.trigger = Trigger("global_step", every=max(save_steps, 0), phase="after", since=global_step)

    def before_run(self, run_context):
        return SessionRunArgs(self._global_step_tensor)

    def after_run(self, run_context, run_values):
        if not self._due() and not self._timer.should_trigger_for_step(run_values.results + self._steps_per_run):
            return
        global_step = run_context.session.run(self._global_step_tensor)
        if (self._due() or self._timer.should_trigger_for_step(global_step)) and self._is_new(global_step):
            self._timer.update_last_triggered_step(global_step)
            run_context.call_last(lambda: self._save_in_run(run_context, global_step))

    def _save_in_run(self, run_context, global_step):
        if self._save(run_context.session, global_step):
            run_context.request_stop()

    def save_now(self, session):
        """Saves a checkpoint of the moment; the period begins again.

        Returns:
          Its prefix.
        """
        global_step = session.run(self._global_step_tensor)
        self._timer.update_last_triggered_step(global_step)
        self._save(session, global_step)
        return self._last_prefix

    def _due(self):
        return self.trigger is not None and self.trigger.due

    def _is_new(self, global_step):
        return self._timer.last_triggered_step() != global_step

    def end(self, session):
        last_step = session.run(self._global_step_tensor)
        if self._is_new(last_step):
            self._timer.update_last_triggered_step(last_step)
            self._save(session, last_step)
        self._finish_writing(session)
        for listener in self._listeners:
            listener.end(session, last_step)

    def _save(self, session, step):
        """Saves a checkpoint; returns whether a listener asks to stop."""
        from .. import messages

        should_stop = self._finish_writing(session)
        logging.info("Saving checkpoints for %d into %s.", step, self._save_path)
        for listener in self._listeners:
            listener.before_save(session, step)
        saver = self._get_saver()
        if self._async_save and saver._writer is None:
            saver._writer = BackgroundWriter()
        self._last_prefix = saver.save(session, self._save_path, global_step=step)
        log = messages.SessionLog(status=messages.SessionLog.CHECKPOINT, checkpoint_path=self._save_path)
        self._summary_writer.add_session_log(log, step)
        if self._async_save:
            self._being_written = step
            return should_stop
        return self._tell_listeners(session, step)

    def _finish_writing(self, session):
        """Waits for the thread; returns whether a listener asks to stop."""
        step, self._being_written = self._being_written, None
        if step is None:
            return False
        self._get_saver().wait()
        return self._tell_listeners(session, step)

    def _tell_listeners(self, session, step):
        """A checkpoint was written; returns whether a listener asks to stop."""
        should_stop = False
        for listener in self._listeners:
            if listener.after_save(session, step):
                logging.info("A CheckpointSaverListener requested that training be stopped. listener: %s", listener)
                should_stop = True
        return should_stop

    def _get_saver(self):
        """The saver that was given, or the scaffold's, or the graph's.

        Raises:
          RuntimeError: where the graph has none, or more than one.
        """
        if self._saver is not None:
            return self._saver
        if self._scaffold is not None:
            return self._scaffold.saver
        savers = get_default_graph().get_collection(GraphKeys.SAVERS)
        if not savers:
            raise RuntimeError(
                f"No items in collection {GraphKeys.SAVERS}. Please add a saver to the collection or provide a saver or scaffold."
            )
        if len(savers) > 1:
            raise RuntimeError(
                f"More than one item in collection {GraphKeys.SAVERS}. Please indicate which one to use by passing it to "
                "the constructor."
            )
        self._saver = savers[0]
        return savers[0]
