"""`StopAtStepHook`."""

from __future__ import annotations

from .. import errors
from .session_run_hook import SessionRunArgs, SessionRunHook
from .training_util import global_step_of_hook
from .trigger import Trigger

__all__ = ["StopAtStepHook"]


class StopAtStepHook(SessionRunHook):
    """Asks to stop at a step.

    Args:
      num_steps: steps from where the session began.
      last_step: or the step itself.

    Raises:
      ValueError: where both are given, or none.
    """

    trigger = None

    def __init__(self, num_steps=None, last_step=None):
        if num_steps is None and last_step is None:
            raise ValueError("One of num_steps or last_step must be specified.")
        if num_steps is not None and last_step is not None:
            raise ValueError("Only one of num_steps or last_step can be specified.")
        self._num_steps = num_steps
        self._last_step = last_step

    def begin(self):
        self._global_step_tensor = global_step_of_hook()
        if self._global_step_tensor is None:
            raise RuntimeError("Global step should be created to use StopAtStepHook.")

    def after_create_session(self, session, coord):
        if self._last_step is None:
            self._last_step = session.run(self._global_step_tensor) + self._num_steps
        if coord is not None and self._is_reached(session):
            coord.request_stop()  # a finished run that is started again takes no further step
        self.trigger = Trigger("global_step", at=self._last_step, phase="after")

    def _is_reached(self, session):
        try:
            return session.run(self._global_step_tensor) >= self._last_step
        except errors.FailedPreconditionError:
            return False  # the program initializes it later

    def before_run(self, run_context):
        return SessionRunArgs(self._global_step_tensor)

    def after_run(self, run_context, run_values):
        # What was fetched is the step before the run where the graph was built without a dependency: read it again.
        if self._due() or (
            run_values.results + 1 >= self._last_step
            and run_context.session.run(self._global_step_tensor) >= self._last_step
        ):
            run_context.request_stop()

    def _due(self):
        return self.trigger is not None and self.trigger.due
