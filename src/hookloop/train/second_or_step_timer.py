"""`SecondOrStepTimer`: every so many steps or seconds."""

from __future__ import annotations

import time

__all__ = ["SecondOrStepTimer"]


class SecondOrStepTimer:
    """Says when it is time again.

    Args:
      every_secs: seconds between two times.
      every_steps: steps between two times.

    Raises:
      ValueError: where both are given, or none.
    """

    def __init__(self, every_secs=None, every_steps=None):
        if every_secs is None and every_steps is None:
            raise ValueError("Either every_secs or every_steps should be provided.")
        if every_secs is not None and every_steps is not None:
            raise ValueError("Can not provide both every_secs and every_steps.")
        self._every_secs = every_secs
        self._every_steps = every_steps
        self.reset()

    def reset(self):
        """Forgets the last time."""
        self._last_triggered_step = None
        self._last_triggered_time = None

    def should_trigger_for_step(self, step):
        """Whether it is time at this step: always the first time, and once for each step."""
        if self._last_triggered_step is None:
            return True
        if self._last_triggered_step == step:
            return False
        if self._every_secs is not None and time.time() >= self._last_triggered_time + self._every_secs:
            return True
        return self._every_steps is not None and step >= self._last_triggered_step + self._every_steps

    def update_last_triggered_step(self, step):
        """Notes that it was time at this step.

        Returns:
          Seconds and steps since the time before; None and None the first time.
        """
        now = time.time()
        if self._last_triggered_time is None:
            elapsed = (None, None)
        else:
            elapsed = (now - self._last_triggered_time, step - self._last_triggered_step)
        self._last_triggered_time, self._last_triggered_step = now, step
        return elapsed

    def state_dict(self, step=0):
        """When it was last time: the step, seen from `step`, and how many seconds ago; None where it was not yet."""
        if self._last_triggered_step is None:
            return None
        return {"step": int(self._last_triggered_step) - int(step), "secs": time.time() - self._last_triggered_time}

    def load_state_dict(self, state, step=0):
        """Goes on where another timer stood."""
        if state is not None:
            self._last_triggered_step = step + state["step"]
            self._last_triggered_time = time.time() - state["secs"]

    def last_triggered_step(self):
        """The step of the last time, or None."""
        return self._last_triggered_step
