"""Session creators: how a monitored session makes its session."""

from __future__ import annotations

import abc

from .scaffold import Scaffold
from .session_manager import SessionManager

__all__ = ["ChiefSessionCreator", "SessionCreator", "WorkerSessionCreator"]


class SessionCreator(abc.ABC):
    """Makes the sessions of a monitored session."""

    @abc.abstractmethod
    def create_session(self):
        """Returns a session that is ready to run."""


class ChiefSessionCreator(SessionCreator):
    """Restores or initializes the model.

    Args:
      scaffold: a `Scaffold`; what it lacks is made.
      master: accepted; a session runs in this process.
      config: a `ConfigProto`.
      checkpoint_dir, checkpoint_filename_with_path: where to restore from.
      resume: whether random streams, inputs and hooks go on where the run that saved the checkpoint stood; else the variables
        alone are restored. By default where a hook of the session saves checkpoints: a run goes on, an evaluation does not.
    """

    def __init__(self, scaffold=None, master="", config=None, checkpoint_dir=None, checkpoint_filename_with_path=None,
                 resume=None):  # fmt: skip
        self._checkpoint_dir = checkpoint_dir
        self._checkpoint_filename_with_path = checkpoint_filename_with_path
        self._scaffold = scaffold or Scaffold()
        self._session_manager = None
        self._master = master
        self._config = config
        self._resume = resume
        self._is_of_run = False  # whether a hook of the session saves checkpoints

    def _get_session_manager(self):
        """The manager of the default graph, made once."""
        if self._session_manager is None:
            scaffold = self._scaffold
            self._session_manager = SessionManager(
                local_init_op=scaffold.local_init_op, ready_op=scaffold.ready_op, ready_for_local_init_op=scaffold.ready_for_local_init_op,
            )  # fmt: skip
        return self._session_manager

    def create_session(self):
        self._scaffold.finalize()
        manager = self._get_session_manager()
        manager._resumes = self._is_of_run if self._resume is None else bool(self._resume)
        return manager.prepare_session(
            self._master, saver=self._scaffold.saver, checkpoint_dir=self._checkpoint_dir,
            checkpoint_filename_with_path=self._checkpoint_filename_with_path, config=self._config,
            init_op=self._scaffold.init_op, init_feed_dict=self._scaffold.init_feed_dict, init_fn=self._scaffold.init_fn,
        )  # fmt: skip


class WorkerSessionCreator(SessionCreator):
    """Waits until the model is ready.

    Args:
      scaffold: a `Scaffold`; what it lacks is made.
      master: accepted; a session runs in this process.
      config: a `ConfigProto`.
      max_wait_secs: how long to wait.
    """

    def __init__(self, scaffold=None, master="", config=None, max_wait_secs=30 * 60):
        self._scaffold = scaffold or Scaffold()
        self._session_manager = None
        self._master = master
        self._config = config
        self._max_wait_secs = max_wait_secs

    _get_session_manager = ChiefSessionCreator._get_session_manager

    def create_session(self):
        self._scaffold.finalize()
        return self._get_session_manager().wait_for_session(
            self._master, config=self._config, max_wait_secs=self._max_wait_secs
        )
