"""Monitored sessions: a session, its hooks, and what happens when either fails or ends.

The loop itself is compiled (`HookLoop` in `_core`); here is what is rare: beginning, recovering, ending.
"""

from __future__ import annotations

import inspect
import sys

from .. import errors, later, logging
from .._core import HookLoop
from ..fetches import join_steps
from ..graph.collections import GraphKeys
from ..graph.stack import get_default_graph
from ..ops.variable_key import VARIABLES, variable_key
from . import run_state
from .coordinator import Coordinator
from .saver import _get_saver_or_default
from .session_creator import ChiefSessionCreator
from .session_levels import (
    _LOST,
    _LOST_WHILE_ASKED,
    _LOST_WHILE_CLOSED,
    _LOST_WHILE_MADE,
    _PREEMPTION_ERRORS,
    StepContext,
    _CoordinatedSession,
    _HookedSession,
    _RecoverableSession,
    merge_options,
)
from .session_run_hook import SessionRunHook
from .training_util import get_global_step

__all__ = ["MonitoredSession", "SingularMonitoredSession"]

# What ends the body of a `with` without being an error: these classes, not their subclasses.
_CLEAN_ENDS = (errors.OutOfRangeError, StopIteration)

_CLOSED = "Attempted to use a closed Session."

# How often a session is made again while no step succeeds in between.
_MOST_LOSSES = 100


def _ends_last(hook):
    """Whether a hook saves what others remember, and so ends after them."""
    return getattr(hook, "ends_last", False) is True


def _make_message(name):
    from .. import messages

    return getattr(messages, name)()


class _CoordinatedSessionCreator:
    """Makes the session, starts its queue runners, and tells the hooks."""

    def __init__(self, session_creator, hooks, stop_grace_period_secs):
        self._session_creator = session_creator
        self._hooks = hooks
        self._stop_grace_period_secs = stop_grace_period_secs
        self.coord = None
        self.tf_sess = None

    def create_session(self, monitored=None):
        self.tf_sess = self._session_creator.create_session()
        if monitored is not None:
            run_state.attach(self.tf_sess, monitored)
        self.coord = Coordinator(clean_stop_exception_types=[])
        if get_default_graph().get_collection(GraphKeys.QUEUE_RUNNERS):
            from .queue_runner import start_queue_runners

            start_queue_runners(sess=self.tf_sess, coord=self.coord)
        for hook in self._hooks:
            if hasattr(hook, "after_create_session"):
                hook.after_create_session(self.tf_sess, self.coord)
        return self.tf_sess


_CALLBACKS = ("after_create_session", "before_run", "after_run", "end")


class _Level:
    """One level of TensorFlow's chain of sessions, for programs that reach down it by `_sess`."""

    def __init__(self, monitored, below):
        self._monitored = monitored
        self._below = below

    @property
    def _sess(self):
        return self._below()

    @property
    def _hooks(self):
        return self._monitored._hooks

    @property
    def graph(self):
        return self._monitored.graph

    def run(self, *args, **kwargs):
        return self._monitored.run(*args, **kwargs)

    def should_stop(self):
        return self._monitored.should_stop()

    def close(self):
        self._monitored.close()


class _RecoverableLevel(_Level, _RecoverableSession):
    pass


class _CoordinatedLevel(_Level, _CoordinatedSession):
    pass


class _HookedLevel(_Level, _HookedSession):
    pass


class _MonitoredSession(HookLoop):
    """What monitored sessions share.

    Args:
      session_creator: a `SessionCreator`.
      hooks: hooks, called in this order.
      should_recover: whether a lost session is made again.
      stop_grace_period_secs: how long threads may take to end.
    """

    # Python finds `session.run` faster while an instance's dictionary is not made.
    __slots__ = (
        "__dict__", "_coordinated_creator", "_graph_was_finalized", "_hooks", "_last_calls", "_losses", "_over", "_given_up",
        "_should_recover", "_stop_grace_period_secs", "_told",
    )  # fmt: skip

    StepContext = StepContext

    def __init__(self, session_creator, hooks, should_recover, stop_grace_period_secs=120):
        self._graph_was_finalized = get_default_graph().finalized
        self._hooks = hooks if isinstance(hooks, list) else list(hooks or ())
        self._should_recover = should_recover
        self._stop_grace_period_secs = stop_grace_period_secs
        self._over = self._given_up = False
        self._losses = 0
        self._told = None
        self._last_calls = None
        for hook in self._hooks:
            if hasattr(hook, "begin"):
                hook.begin()
            elif not any(hasattr(hook, name) for name in _CALLBACKS):
                raise AttributeError(f"'{type(hook).__name__}' object has no attribute 'begin': {hook!r} is no hook")
        creator = session_creator or ChiefSessionCreator()
        if isinstance(creator, ChiefSessionCreator):
            creator._is_of_run = any(_ends_last(hook) for hook in self._hooks)
        self._coordinated_creator = _CoordinatedSessionCreator(creator, self._hooks, stop_grace_period_secs)
        self._open()

    # --- what the compiled loop asks for ------------------------------------------------------------------

    def _open(self):
        """Makes a session, again and again where its workers are lost."""
        if self._over:
            raise RuntimeError(_CLOSED)
        while True:
            try:
                self._last_calls = []
                session = self._coordinated_creator.create_session(self)
                self._begin_with(session)
                return
            except BaseException as error:
                self._given_up = True
                if self._raw is not None:  # it was made, and is closed as one that is lost
                    self._close_session()
                if not isinstance(error, _PREEMPTION_ERRORS) or not self._may_recover():
                    self._tell_hooks(error)
                    raise
                logging.info(_LOST_WHILE_MADE, error)

    def _begin_with(self, session):
        """Takes a session that was made: hooks get their states back, and what waits for all of them is done."""
        self._stop_event = self._coordinated_creator.coord._stop_event
        self._start(session, self._hooks, SessionRunHook, self._step_variable(), _make_message)
        run_state.restore_hooks(self, session)
        later.complete()  # callbacks that write `tf.train.SessionRunArgs` in every step find it faster
        calls, self._last_calls = self._last_calls, None
        for call in calls:
            call()
        self._given_up = False

    @staticmethod
    def _step_variable():
        """The key of the global step's variable, None where there is none."""
        try:
            step = get_global_step()
        except TypeError:
            return None
        op = getattr(step, "op", None)
        while op is not None and op.type in ("Identity", "ReadVariableOp"):
            op = op.inputs[0].op
        return variable_key(op) if op is not None and op.type in VARIABLES else None

    def _recover(self, error):
        """Whether a run that failed is to be tried again, in a session made anew.

        Raises:
          AbortedError, UnavailableError: what a thread reported before, as the cause of the failure.
        """
        if self._raw is None:
            return False
        cause = error if isinstance(error, _PREEMPTION_ERRORS) else self._lost_thread()
        if cause is not None and self._may_recover():
            logging.info(_LOST, cause)
            self._give_up()
            self._given_up = False
            return True
        if type(error) not in _CLEAN_ENDS or cause is not None:
            self._tell_hooks(cause or error)
        if cause is not None and cause is not error:
            raise cause
        return False

    def _may_recover(self):
        """Whether to make the session again: not for ever where no step succeeds any more."""
        self._losses = 1 if self._take_progress() else self._losses + 1
        return self._should_recover and self._losses <= _MOST_LOSSES

    def _lost_thread(self):
        """The error of a lost worker that a thread reported to the coordinator, or None."""
        try:
            self._coordinated_creator.coord.raise_requested_exception()
        except _PREEMPTION_ERRORS as cause:
            return cause
        except Exception:
            pass
        return None

    def _coordinator_stops(self):
        """Whether a stop that the coordinator was asked for ends the loop; where a worker was lost it does not."""
        try:
            self._coordinated_creator.coord.raise_requested_exception()
        except _PREEMPTION_ERRORS as error:
            if not self._should_recover:
                raise
            logging.info(_LOST_WHILE_ASKED, error)
            self._give_up()
            self._open()
            return False
        except Exception:
            if not self._should_recover:
                raise
        return True

    def _merge_options(self, options, incoming):
        """The caller's options with what a hook adds to them."""
        options = _make_message("RunOptions") if options is None else options
        merge_options(options, incoming)
        return options

    def _give_up(self):
        """Closes a session that is lost: where that fails the loop is over, though a program may run steps in another session."""
        self._given_up = True
        self._close_session()

    def _is_over(self):
        return self._over or self._given_up

    def _was_closed_meanwhile(self, error):
        """Whether a step failed because another thread, or the step itself, has closed this session: no error of many steps."""
        return self._over and (type(error) is errors.CancelledError or str(error) == _CLOSED)

    def _join_steps(self, pieces):
        return join_steps(pieces)

    # --- what programs ask for ----------------------------------------------------------------------------

    @property
    def graph(self):
        """The graph, None once the session is closed."""
        return None if self._tf_sess() is None else self._tf_sess().graph

    def run_step_fn(self, step_fn):
        """Calls `step_fn(step_context)`, which may run several times what it needs with and without hooks.

        Where the session is lost in it, it is called again with one made anew.

        Args:
          step_fn: a function of one argument, `step_context`, or a method of `self` and it.

        Returns:
          What the function returns.

        Raises:
          ValueError: where the function has other arguments.
          StopIteration: where the function asks to stop.
        """
        names = tuple(
            name for name, found in inspect.signature(step_fn).parameters.items()
            if found.kind in (found.POSITIONAL_ONLY, found.POSITIONAL_OR_KEYWORD)
        )  # fmt: skip
        if "step_context" not in names or len(names) > 2 or (len(names) == 2 and names[0] != "self"):
            raise ValueError(
                "`step_fn` may either have one `step_context` argument, or `self` and `step_context` arguments if it's an "
                f"instance method. Got {names} instead."
            )
        while True:
            try:
                if self._raw is None:
                    self._open()
                return step_fn(StepContext(self._raw, self._run_once))
            except Exception as error:
                if not self._recover(error):
                    raise

    def request_stop(self, reason=None):
        """Makes `should_stop` True.

        Args:
          reason: why, for `stop_reason`.
        """
        if not self._stopped:
            self._stopped = True
            self._stop_reason = reason or "request_stop was called"

    @property
    def stop_reason(self):
        """Why the loop is to end, in words; None while it is not."""
        if self._stop_reason is None and self.should_stop():
            return "the session is closed" if self._over else "the coordinator was asked to stop"
        return self._stop_reason

    def save(self, save_path=None, global_step=None):
        """Saves a checkpoint now, with the state of the run beside it.

        Args:
          save_path: the prefix of its files; by default the session's `CheckpointSaverHook` saves where it always does.
          global_step: a number behind the prefix, as in `Saver.save`.

        Returns:
          The checkpoint's prefix.

        Raises:
          RuntimeError: the session is closed.
          ValueError: neither is there a prefix nor a hook that saves, or a step comes without a prefix.
        """
        if self._raw is None:
            self._open()
        if save_path is not None:
            return self._saver().save(self, save_path, global_step)
        if global_step is not None:
            raise ValueError("expected a save_path with global_step, got none")
        for hook in self._hooks:
            if hasattr(hook, "save_now"):
                return hook.save_now(self._raw)
        raise ValueError("expected a save_path, or a CheckpointSaverHook in the session, got neither")

    def _saver(self):
        """The saver of the session's scaffold, or of the graph."""
        scaffold = getattr(self._coordinated_creator._session_creator, "_scaffold", None)
        return scaffold.saver if scaffold is not None else _get_saver_or_default()

    def raw_session(self):
        """The session that runs the graph, below all hooks."""
        return self._tf_sess()

    def _tf_sess(self):
        return self._coordinated_creator.tf_sess

    @property
    def _sess(self):
        """The chain of sessions as TensorFlow has it: recovering, coordinated, hooked, and the session itself."""
        if self._raw is None:
            return None
        hooked = _HookedLevel(self, self._tf_sess)
        coordinated = _CoordinatedLevel(self, lambda: hooked)
        return _RecoverableLevel(self, lambda: coordinated) if self._should_recover else coordinated

    def _is_closed(self):
        return self._tf_sess() is None

    # --- the end ------------------------------------------------------------------------------------------

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind in _CLEAN_ENDS:
            self._stop_reason = self._stop_reason or f"{kind.__name__}: the input has ended"
            kind = value = None
        if not self._over:
            self._close_internal(value)
        return kind is None

    def close(self):
        """Calls the hooks' `end`, and closes the session.

        Raises:
          RuntimeError: where it is closed already.
        """
        if self._over:
            raise RuntimeError("Session is already closed.")
        self._close_internal(None)

    def _close_internal(self, error):
        try:
            if error is not None:
                self._tell_hooks(error)
            else:
                self._end_hooks()
        finally:
            self._finish()

    def _end_hooks(self):
        try:
            for hook in sorted(self._hooks, key=_ends_last):
                if hasattr(hook, "end"):
                    hook.end(self._tf_sess())
        except BaseException as error:
            self._tell_hooks(error)
            raise

    def _tell_hooks(self, error):
        """The hooks that want to know hear of an error, once, before it reaches the user."""
        if error is self._told:
            return
        self._told = error
        for hook in self._hooks:
            on_error = getattr(hook, "on_error", None)
            if on_error is not None:
                try:
                    on_error(self._tf_sess(), error)
                except Exception:
                    logging.error("%s.on_error failed", type(hook).__name__, exc_info=sys.exc_info())

    def _finish(self):
        self._over = True  # before the session goes: a thread that runs steps meanwhile would make another
        try:
            self._close_session()
        finally:
            self._coordinated_creator.tf_sess = None
            self._coordinated_creator.coord = None
            if not self._graph_was_finalized:
                get_default_graph()._unsafe_unfinalize()

    def _close_session(self):
        """Stops the threads, then closes the session; an error of a thread is raised."""
        coord, session = self._coordinated_creator.coord, self._raw
        self._end()
        if coord is None or (session is None and coord.joined):  # the second time: its error was raised
            return
        coord.request_stop()
        try:
            coord.join(stop_grace_period_secs=self._stop_grace_period_secs, ignore_live_threads=True)
        except BaseException as error:
            if not self._should_recover or not isinstance(error, _PREEMPTION_ERRORS):
                self._tell_hooks(error)
                raise
            logging.warning(_LOST_WHILE_CLOSED, error)
        finally:
            if session is not None:
                try:
                    session.close()
                except Exception as error:
                    logging.info("Closing the session failed: %s", error)


class MonitoredSession(_MonitoredSession):
    """A session with hooks, which is made again when it is lost.

    Args:
      session_creator: how the session is made, by default a `ChiefSessionCreator`.
      hooks: hooks, called in this order.
      stop_grace_period_secs: how long threads may take to end.
    """

    __slots__ = ()

    def __init__(self, session_creator=None, hooks=None, stop_grace_period_secs=120):
        super().__init__(session_creator, hooks, True, stop_grace_period_secs)


class SingularMonitoredSession(_MonitoredSession):
    """A session with hooks; an error of a lost session reaches the user.

    Args:
      hooks: hooks, called in this order.
      scaffold: a `Scaffold`.
      master: accepted; a session runs in this process.
      config: a `ConfigProto`.
      checkpoint_dir, checkpoint_filename_with_path: where to restore from.
      stop_grace_period_secs: how long threads may take to end.
    """

    __slots__ = ()

    def __init__(self, hooks=None, scaffold=None, master="", config=None, checkpoint_dir=None,
                 stop_grace_period_secs=120, checkpoint_filename_with_path=None):  # fmt: skip
        creator = ChiefSessionCreator(
            scaffold=scaffold, master=master, config=config, checkpoint_dir=checkpoint_dir,
            checkpoint_filename_with_path=checkpoint_filename_with_path,
        )  # fmt: skip
        super().__init__(creator, hooks, False, stop_grace_period_secs)
