"""`Supervisor`: makes a session, and runs what saves and writes beside the program's loop, in threads."""

from __future__ import annotations

import contextlib
import os

from .. import dtypes, logging
from ..graph.collections import GraphKeys
from ..graph.stack import get_default_graph
from ..ops.core import group, tables_initializer
from ..variables import (
    global_variables,
    global_variables_initializer,
    local_variables_initializer,
    report_uninitialized_variables,
)
from . import training_util
from .coordinator import Coordinator, LooperThread
from .graph_io import write_graph
from .meta_graph import export_meta_graph
from .saver import Saver
from .session_manager import SessionManager
from .supervisor_threads import SVStepCounterThread, SVSummaryThread, SVTimerCheckpointThread

__all__ = ["Supervisor"]


class Supervisor:
    """Initializes or restores a model, and saves it and writes summaries of it until it is told to stop.

    `MonitoredTrainingSession` does the same with hooks, in the loop itself.

    Args:
      graph: the graph, by default the default one; it is finalized.
      ready_op: a 1-D tensor of the names of what is not initialized; None for no check.
      ready_for_local_init_op: the same, for running `local_init_op`.
      is_chief: whether this process initializes, saves and writes; else it waits until the model is ready.
      init_op: an operation that initializes the model where there is no checkpoint.
      init_feed_dict: fed to it.
      local_init_op: an operation that every new session runs.
      logdir: where checkpoints and event files are; None for none.
      summary_op: the tensor of summaries; None for none.
      saver: a `Saver`; None for no checkpoints.
      global_step: the tensor that counts the steps.
      save_summaries_secs, save_model_secs: the periods in seconds; 0 for never.
      recovery_wait_secs: seconds between two looks at a model that another process makes ready.
      stop_grace_secs: how long threads may take to end.
      checkpoint_basename: what the names of checkpoints begin with.
      session_manager: a `SessionManager`.
      summary_writer: a `FileWriter`; None for none.
      init_fn: a function of the session, called after `init_op`.
      local_init_run_options: for running `local_init_op`.

    What is left at its default is found in the graph's collections, or made.

    Raises:
      ValueError: where this is not the chief and a variable has no device.
    """

    USE_DEFAULT = 0

    def __init__(self, graph=None, ready_op=USE_DEFAULT, ready_for_local_init_op=USE_DEFAULT, is_chief=True,
                 init_op=USE_DEFAULT, init_feed_dict=None, local_init_op=USE_DEFAULT, logdir=None, summary_op=USE_DEFAULT,
                 saver=USE_DEFAULT, global_step=USE_DEFAULT, save_summaries_secs=120, save_model_secs=600,
                 recovery_wait_secs=30, stop_grace_secs=120, checkpoint_basename="model.ckpt", session_manager=None,
                 summary_writer=USE_DEFAULT, init_fn=None, local_init_run_options=None):  # fmt: skip
        self._graph = get_default_graph() if graph is None else graph
        keys = GraphKeys
        with self._graph.as_default():
            self._ready_op = self._given_or(ready_op, keys.READY_OP, report_uninitialized_variables)
            self._ready_for_local_init_op = self._given_or(
                ready_for_local_init_op, keys.READY_FOR_LOCAL_INIT_OP, lambda: None
            )
            self._init_op = self._given_or(init_op, keys.INIT_OP, global_variables_initializer)
            self._init_feed_dict = init_feed_dict
            self._local_init_op = self._given_or(local_init_op, keys.LOCAL_INIT_OP, _initialize_local)
            self._saver = self._given_or(saver, keys.SAVERS, lambda: Saver() if global_variables() else None)
            self._summary_op = self._given_or(summary_op, keys.SUMMARY_OP, _all_summaries)
            self._global_step = self._given_or(global_step, keys.GLOBAL_STEP, self._step_by_name)
        self._is_chief = is_chief
        self._coord = Coordinator()
        self._stop_grace_secs = stop_grace_secs
        self._init_fn = init_fn
        self._logdir = logdir if is_chief else None
        self._save_summaries_secs = save_summaries_secs if is_chief else None
        self._save_model_secs = save_model_secs if is_chief else None
        self._save_path = os.path.join(self._logdir, checkpoint_basename) if self._logdir else None
        self._summary_writer = self._writer(summary_writer) if is_chief else None
        self._graph_added_to_summary = False
        self._session_manager = session_manager or SessionManager(
            local_init_op=self._local_init_op, ready_op=self._ready_op, graph=self._graph,
            ready_for_local_init_op=self._ready_for_local_init_op, recovery_wait_secs=recovery_wait_secs,
            local_init_run_options=local_init_run_options,
        )  # fmt: skip
        self._check_devices()
        self._graph.finalize()

    # --- what is given, found or made -------------------------------------------------------------------

    def _given_or(self, given, key, make):
        """What was given, or the first of a collection, or what is made, which is then added to it."""
        if given is not Supervisor.USE_DEFAULT:
            return given
        found = self._graph.get_collection(key)
        if len(found) > 1:
            logging.info("Found %d %s operations. Returning the first one.", len(found), key)
        if found:
            return found[0]
        made = make()
        if made is not None:
            self._graph.add_to_collection(key, made)
        return made

    def _step_by_name(self):
        """The tensor of the name "global_step:0", None where there is none of an integer type."""
        try:
            step = self._graph.get_tensor_by_name("global_step:0")
        except KeyError:
            return None
        if step.dtype.base_dtype not in (dtypes.int32, dtypes.int64):
            logging.warning("Found 'global_step' is not an int type: %s", step.dtype)
            return None
        return step

    def _writer(self, given):
        if given is not Supervisor.USE_DEFAULT:
            return given
        if not self._logdir:
            return None
        from ..summary.writer import FileWriter

        return FileWriter(self._logdir)

    def _check_devices(self):
        """Among several processes, variables are where their devices say."""
        if self._is_chief:
            return
        for op in self._graph.get_operations():
            if op.type in ("Variable", "VariableV2") and not op.device:
                raise ValueError(f"When using replicas, all Variables must have their device set: {op}")

    is_chief = property(lambda self: self._is_chief, doc="Whether this one initializes, saves and writes summaries.")
    session_manager = property(lambda self: self._session_manager, doc="What makes its sessions.")
    coord = property(lambda self: self._coord, doc="The coordinator of its threads.")
    init_op = property(lambda self: self._init_op, doc="The operation that initializes the variables.")
    init_feed_dict = property(lambda self: self._init_feed_dict, doc="What it is fed with.")
    ready_op = property(lambda self: self._ready_op, doc="A tensor of what is not ready yet, empty where all is.")
    ready_for_local_init_op = property(
        lambda self: self._ready_for_local_init_op, doc="The same, for the local initialization."
    )
    summary_writer = property(lambda self: self._summary_writer, doc="The writer of summaries, or None.")
    summary_op = property(lambda self: self._summary_op, doc="All summaries in one, or None.")
    save_summaries_secs = property(lambda self: self._save_summaries_secs, doc="The seconds between two summaries.")
    global_step = property(lambda self: self._global_step, doc="The tensor of the global step, or None.")
    saver = property(lambda self: self._saver, doc="The saver of the checkpoints, or None.")
    save_model_secs = property(lambda self: self._save_model_secs, doc="The seconds between two checkpoints.")
    save_path = property(lambda self: self._save_path, doc="What the names of checkpoints begin with.")

    # --- the session --------------------------------------------------------------------------------------

    def prepare_or_wait_for_session(self, master="", config=None, wait_for_checkpoint=False, max_wait_secs=7200,
                                    start_standard_services=True):  # fmt: skip
        """A session whose model is ready; services and queue runners are started.

        Args:
          master: the target of the session.
          config: a `ConfigProto`.
          wait_for_checkpoint: whether to wait for a checkpoint, rather than to initialize.
          max_wait_secs: how long to wait.
          start_standard_services: whether services and queue runners are started.

        Returns:
          The session.
        """
        self._coord.clear_stop()
        if self._summary_writer:
            self._summary_writer.reopen()
        if self._is_chief:
            session = self._session_manager.prepare_session(
                master, init_op=self._init_op, saver=self._saver, checkpoint_dir=self._logdir,
                wait_for_checkpoint=wait_for_checkpoint, max_wait_secs=max_wait_secs, config=config,
                init_feed_dict=self._init_feed_dict, init_fn=self._init_fn,
            )  # fmt: skip
            self._write_graph()
            if start_standard_services:
                logging.info("Starting standard services.")
                self.start_standard_services(session)
        else:
            session = self._session_manager.wait_for_session(master, config=config, max_wait_secs=max_wait_secs)
        if start_standard_services:
            logging.info("Starting queue runners.")
            self.start_queue_runners(session)
        return session

    def _write_graph(self):
        """Writes the graph as text, and to the event file, once."""
        if self._logdir:
            write_graph(self._graph.as_graph_def(add_shapes=True), self._logdir, "graph.pbtxt")
        if self._summary_writer and not self._graph_added_to_summary:
            self._summary_writer.add_graph(self._graph)
            saver_def = self._saver.saver_def if self._saver else None
            self._summary_writer.add_meta_graph(export_meta_graph(saver_def=saver_def, graph=self._graph))
            self._graph_added_to_summary = True

    @contextlib.contextmanager
    def managed_session(self, master="", config=None, start_standard_services=True, close_summary_writer=True):
        """A context that gives a session; when it is left, the threads are stopped and the session closed.

        `OutOfRangeError` from the block is a clean end; other errors are raised once the threads have ended.

        Args:
          master: the target of the session.
          config: a `ConfigProto`.
          start_standard_services: whether services and queue runners are started.
          close_summary_writer: whether the summary writer is closed.
        """
        session = None
        try:
            session = self.prepare_or_wait_for_session(
                master=master, config=config, start_standard_services=start_standard_services
            )
            yield session
        except Exception as error:
            self.request_stop(error)
        finally:
            try:
                self.stop(close_summary_writer=close_summary_writer)
            finally:
                if session is not None:
                    with contextlib.suppress(Exception):
                        session.close()

    # --- services -----------------------------------------------------------------------------------------

    def start_standard_services(self, sess):
        """Starts the threads that write summaries, the steps' rate and checkpoints.

        Args:
          sess: a session.

        Returns:
          A list of threads; None where there is no directory to write to.

        Raises:
          RuntimeError: where this is not the chief.
        """
        if not self._is_chief:
            raise RuntimeError(
                "Only chief supervisor can start standard services. Because only chief supervisors can write events."
            )
        if not self._logdir:
            logging.warning("Standard services need a 'logdir' passed to the SessionManager")
            return None
        writer, step = self._summary_writer, self._global_step
        if step is not None and writer:
            from ..messages import SessionLog

            writer.add_session_log(SessionLog(status=SessionLog.START), training_util.global_step(sess, step))
        threads = []
        if self._save_summaries_secs and writer:
            if self._summary_op is not None:
                threads.append(SVSummaryThread(self, sess))
            if step is not None:
                threads.append(SVStepCounterThread(self, sess))
        if self._saver and self._save_model_secs:
            threads.append(SVTimerCheckpointThread(self, sess))
        for thread in threads:
            thread.start()
        return threads

    def start_queue_runners(self, sess, queue_runners=None):
        """Starts queue runners, by default all of the graph; returns their threads."""
        if queue_runners is None:
            queue_runners = self._graph.get_collection(GraphKeys.QUEUE_RUNNERS)
        threads = []
        for runner in queue_runners:
            threads.extend(runner.create_threads(sess, coord=self._coord, daemon=True, start=True))
        return threads

    def loop(self, timer_interval_secs, target, args=None, kwargs=None):
        """Starts a `LooperThread` that calls `target` again and again until the supervisor stops; returns it."""
        looper = LooperThread(self._coord, timer_interval_secs, target=target, args=args, kwargs=kwargs)
        looper.start()
        return looper

    def summary_computed(self, sess, summary, global_step=None):
        """Writes a summary.

        Args:
          sess: a session, asked for the global step.
          summary: a `Summary`, as a message or serialized.
          global_step: its step; by default the global step's value.

        Raises:
          RuntimeError: where there is no writer.
        """
        if not self._summary_writer:
            raise RuntimeError("Writing a summary requires a summary writer.")
        if global_step is None and self._global_step is not None:
            global_step = training_util.global_step(sess, self._global_step)
        self._summary_writer.add_summary(summary, global_step)

    # --- stopping -----------------------------------------------------------------------------------------

    def stop(self, threads=None, close_summary_writer=True, ignore_live_threads=False):
        """Stops the threads, waits for them, and raises the first error that one of them reported.

        Args:
          threads: more threads to wait for than those of the coordinator.
          close_summary_writer: whether the summary writer is closed.
          ignore_live_threads: whether threads that take longer are let be.

        Raises:
          RuntimeError: where threads take longer.
        """
        self._coord.request_stop()
        try:
            self._coord.join(
                threads, stop_grace_period_secs=self._stop_grace_secs, ignore_live_threads=ignore_live_threads
            )
        finally:
            if close_summary_writer and self._summary_writer:
                from ..messages import SessionLog

                self._summary_writer.add_session_log(SessionLog(status=SessionLog.STOP))
                self._summary_writer.close()
                self._graph_added_to_summary = False

    def request_stop(self, ex=None):
        """Asks the threads to stop; `ex` is raised by `stop`, as of `Coordinator.request_stop`."""
        self._coord.request_stop(ex=ex)

    def should_stop(self):
        """Whether a stop was requested."""
        return self._coord.should_stop()

    def stop_on_exception(self):
        """A context in which an exception becomes a request to stop."""
        return self._coord.stop_on_exception()

    def wait_for_stop(self):
        """Waits until a stop is requested."""
        self._coord.wait_for_stop()

    PrepareSession = prepare_or_wait_for_session
    StartQueueRunners = start_queue_runners
    StartStandardServices = start_standard_services
    Stop = stop
    RequestStop = request_stop
    Loop = loop
    ShouldStop = should_stop
    StopOnException = stop_on_exception
    WaitForStop = wait_for_stop
    SummaryComputed = summary_computed


def _initialize_local():
    return group(local_variables_initializer(), tables_initializer())


def _all_summaries():
    from ..summary.functions import merge_all

    return merge_all()
