"""`SessionRunHook`: what a hook may define. Also what it gives to a run and gets from it."""

from __future__ import annotations

from .run_types import SessionRunArgs, SessionRunContext, SessionRunValues

__all__ = ["SessionRunArgs", "SessionRunContext", "SessionRunHook", "SessionRunValues"]


class SessionRunHook:
    """A hook: its methods are called at the points of a monitored session's life.

    A method that is not overridden costs nothing. A class may set `trigger` to a `Trigger`, in its body or in
    `after_create_session`: then the hook is entered only when the trigger is due. A trigger holds for the class that
    declares it: a subclass that overrides `before_run` or `after_run` is called every step.

    A class may define `state_dict()`, which returns what the hook remembers (numbers, text, bytes, NumPy arrays, and lists,
    tuples and dictionaries of them) and is saved with each checkpoint, and `load_state_dict(state)`, which is called after
    every hook's `after_create_session` where the run goes on from a checkpoint.
    """

    def begin(self):
        """Called once before the session is made: the last moment to add to the graph."""

    def after_create_session(self, session, coord):
        """Called when a session was made or recovered, and its variables are initialized.

        Args:
          session: the session; the graph is finalized.
          coord: the `Coordinator` of its threads.
        """

    def before_run(self, run_context):
        """Called before each run.

        Args:
          run_context: a `SessionRunContext`.

        Returns:
          None, or a `SessionRunArgs` with what to add to the run.
        """
        return None

    def after_run(self, run_context, run_values):
        """Called after each run that did not fail.

        Args:
          run_context: a `SessionRunContext`; its `request_stop()` ends the loop.
          run_values: a `SessionRunValues` with the values that `before_run` asked for.
        """

    # What the loop need not call: functions, so that one that takes their place is noticed.
    _idle = {"before_run": before_run, "after_run": after_run}

    def end(self, session):
        """Called once at the end of a session that no error ended, while it still runs.

        Args:
          session: the session.
        """
