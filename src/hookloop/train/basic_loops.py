"""`basic_train_loop`: a program's loop in the sessions of a `Supervisor`."""

from __future__ import annotations

from .. import errors

__all__ = ["basic_train_loop"]


def basic_train_loop(supervisor, train_step_fn, args=None, kwargs=None, master=""):
    """Calls `train_step_fn(session, *args, **kwargs)` until the supervisor stops; again after `AbortedError`.

    Args:
      supervisor: a `Supervisor`.
      train_step_fn: the function.
      args, kwargs: its other arguments.
      master: the target of the session.
    """
    while True:
        try:
            with supervisor.managed_session(master) as session:
                while not supervisor.should_stop():
                    train_step_fn(session, *(args or ()), **(kwargs or {}))
            return
        except errors.AbortedError:
            pass  # the session was lost: another is made
