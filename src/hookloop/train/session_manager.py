"""`SessionManager`: makes sessions whose model is ready."""

from __future__ import annotations

import time

import numpy as np

from .. import errors, logging
from ..graph.stack import get_default_graph
from ..session import Session
from . import run_state
from .checkpoint_management import checkpoint_state_to_go_on_from, get_checkpoint_state

__all__ = ["SessionManager"]


def _name(op):
    return str(getattr(op, "name", "None" if op is None else f"<no name for {type(op)}>"))


class SessionManager:
    """Makes sessions, initializes their variables, and checks that the model is ready.

    Args:
      local_init_op: an operation that every new session runs once its global variables are there.
      ready_op: a 1-D tensor of the names of what is not initialized; ready where it is empty.
      ready_for_local_init_op: the same, for running `local_init_op`.
      graph: the graph, by default the default one.
      recovery_wait_secs: seconds between two looks at a model that another process makes ready.
      local_init_run_options: for running `local_init_op`.

    Raises:
      ValueError: where `ready_for_local_init_op` comes without `local_init_op`.
    """

    def __init__(self, local_init_op=None, ready_op=None, ready_for_local_init_op=None, graph=None,
                 recovery_wait_secs=30, local_init_run_options=None):  # fmt: skip
        if ready_for_local_init_op is not None and local_init_op is None:
            raise ValueError(
                "If you pass a ready_for_local_init_op you must also pass a local_init_op , "
                f"ready_for_local_init_op [{ready_for_local_init_op}]"
            )
        self._local_init_op = local_init_op
        self._ready_op = ready_op
        self._ready_for_local_init_op = ready_for_local_init_op
        self._graph = graph or get_default_graph()
        self._recovery_wait_secs = recovery_wait_secs
        self._local_init_run_options = local_init_run_options
        self._target = None
        self._resumes = False  # whether the run goes on that saved the checkpoint

    def prepare_session(self, master, init_op=None, saver=None, checkpoint_dir=None, checkpoint_filename_with_path=None,
                        wait_for_checkpoint=False, max_wait_secs=7200, config=None, init_feed_dict=None, init_fn=None):  # fmt: skip
        """A session whose model is ready: restored where there is a checkpoint, else initialized.

        Args:
          master: accepted; a session runs in this process.
          init_op: the operation that initializes the model.
          saver, checkpoint_dir, checkpoint_filename_with_path, wait_for_checkpoint: where to restore from.
          max_wait_secs: how long to wait for a checkpoint.
          config: a `ConfigProto`.
          init_feed_dict: fed to `init_op`.
          init_fn: a function of the session, called after `init_op`.

        Raises:
          RuntimeError: where nothing initializes the model, or it is not ready afterwards.
          OpError: where the directory's state file, or the checkpoint that it names, cannot be read.
        """
        session, restored = self._restore_checkpoint(
            master, saver, checkpoint_dir, checkpoint_filename_with_path, wait_for_checkpoint, max_wait_secs, config
        )
        if not restored:
            if init_op is None and not init_fn and self._local_init_op is None:
                raise RuntimeError("Model is not initialized and no init_op or init_fn or local_init_op was given")
            if init_op is not None:
                session.run(init_op, feed_dict=init_feed_dict)
            if init_fn:
                init_fn(session)

        given = f"Init op: {_name(init_op)}, init fn: {init_fn}, "
        done, message = self._try_run_local_init_op(session)
        if not done:
            raise RuntimeError(f"Init operations did not make model ready for local_init.  {given}error: {message}")
        ready, message = self._model_ready(session)
        if not ready:
            raise RuntimeError(
                f"Init operations did not make model ready.  {given}local_init_op: {self._local_init_op}, error: {message}"
            )
        return session

    def recover_session(self, master, saver=None, checkpoint_dir=None, checkpoint_filename_with_path=None,
                        wait_for_checkpoint=False, max_wait_secs=7200, config=None):  # fmt: skip
        """A session restored from a checkpoint if there is one, and whether its model is ready."""
        session, restored = self._restore_checkpoint(
            master, saver, checkpoint_dir, checkpoint_filename_with_path, wait_for_checkpoint, max_wait_secs, config
        )
        done, message = self._try_run_local_init_op(session)
        if not restored:
            return session, False
        source = checkpoint_dir or checkpoint_filename_with_path
        if not done:
            logging.info("Restoring model from %s did not make model ready for local init: %s", source, message)
            return session, False
        ready, message = self._model_ready(session)
        if not ready:
            logging.info("Restoring model from %s did not make model ready: %s", source, message)
            return session, False
        logging.info("Restored model from %s", source)
        return session, restored

    def wait_for_session(self, master, config=None, max_wait_secs=float("Inf")):
        """A session, once its model is ready.

        Raises:
          DeadlineExceededError: where it takes longer than `max_wait_secs`.
        """
        begin = time.monotonic()
        while True:
            session = Session(master, graph=self._graph, config=config)
            done, local_message = self._try_run_local_init_op(session)
            ready, message = self._model_ready(session) if done else (False, None)
            if ready:
                return session
            session.close()
            if max_wait_secs is not None and time.monotonic() - begin + self._recovery_wait_secs > max_wait_secs:
                raise errors.DeadlineExceededError(
                    None, None, f"Session was not ready after waiting {max_wait_secs} secs."
                )
            logging.info(
                "Waiting for model to be ready.  Ready_for_local_init_op:  %s, ready: %s", local_message, message
            )
            time.sleep(self._recovery_wait_secs)

    def _restore_checkpoint(self, master, saver=None, checkpoint_dir=None, checkpoint_filename_with_path=None,
                            wait_for_checkpoint=False, max_wait_secs=7200, config=None):  # fmt: skip
        """A new session, and whether it was restored from a checkpoint."""
        self._target = master
        session = Session(master, graph=self._graph, config=config)
        if checkpoint_dir and checkpoint_filename_with_path:
            raise ValueError("Can not provide both checkpoint_dir and checkpoint_filename_with_path.")
        if not saver or not (checkpoint_dir or checkpoint_filename_with_path):
            return session, False
        if checkpoint_filename_with_path:
            self._restore(saver, session, checkpoint_filename_with_path)
            return session, True
        state = self._wait_for_state(checkpoint_dir, max_wait_secs if wait_for_checkpoint else 0)
        if state is None:
            return session, False
        self._restore(saver, session, state.model_checkpoint_path)
        saver.recover_last_checkpoints(state.all_model_checkpoint_paths)
        return session, True

    def _wait_for_state(self, checkpoint_dir, max_wait_secs):
        """What the state file of a directory holds, None where there is none after so many seconds.

        Raises:
          OpError: where there is one that cannot be read, also after so many seconds.
        """
        begin = time.monotonic()
        while (state := get_checkpoint_state(checkpoint_dir)) is None:
            if time.monotonic() - begin >= max_wait_secs:
                return checkpoint_state_to_go_on_from(checkpoint_dir)
            logging.info("Waiting for checkpoint to be available.")
            time.sleep(self._recovery_wait_secs)
        return state

    def _restore(self, saver, session, prefix):
        saver.restore(session, prefix)
        if self._resumes:
            run_state.restore(session, prefix)

    def _model_ready(self, session):
        return _ready(self._ready_op, session, "Model not ready")

    def _model_ready_for_local_init(self, session):
        return _ready(self._ready_for_local_init_op, session, "Model not ready for local init")

    def _try_run_local_init_op(self, session):
        """Runs the local init op if the model is ready for it: whether it is done, and why not."""
        if self._local_init_op is None:
            return True, None
        ready, message = self._model_ready_for_local_init(session)
        if not ready:
            return False, message
        logging.info("Running local_init_op.")
        session.run(self._local_init_op, options=self._local_init_run_options)
        logging.info("Done running local_init_op.")
        return True, None


def _ready(op, session, text):
    """Whether the op finds nothing uninitialized, and what it found."""
    if op is None:
        return True, None
    try:
        missing = session.run(op)
    except errors.FailedPreconditionError as error:
        if "uninitialized" not in str(error):
            logging.warning("%s : error [%s]", text, str(error))
            raise
        return False, str(error)
    if missing is None or np.asarray(missing).dtype == np.int32 or np.size(missing) == 0:
        return True, None
    names = ", ".join(name.decode() for name in np.ravel(missing))
    return False, f"Variables not initialized: {names}"
