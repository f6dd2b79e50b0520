"""`ProgressHook`."""

from __future__ import annotations

import logging as python_logging

import numpy as np

from ..logging import get_logger
from .second_or_step_timer import SecondOrStepTimer
from .session_run_hook import SessionRunArgs, SessionRunHook
from .training_util import get_global_step, watched_element
from .trigger import Trigger

__all__ = ["ProgressHook"]


def _bar_class():
    """tqdm's bar, imported when it is first needed."""
    try:
        from tqdm.auto import tqdm
    except ImportError as error:
        raise ImportError(
            "ProgressHook needs tqdm, which comes with the extra: pip install 'hookloop[progress]'"
        ) from error
    return tqdm


class _BarAway:
    """Clears the bar before a line is logged to the same terminal, so that the line does not begin behind it."""

    def __init__(self, bar):
        self._bar = bar
        handlers = (
            [*get_logger().handlers, *python_logging.getLogger().handlers]
            if _is_terminal(getattr(bar, "fp", None))
            else []
        )
        self._handlers = [handler for handler in handlers if _is_terminal(getattr(handler, "stream", None))]
        for handler in self._handlers:
            handler.addFilter(self)

    def filter(self, record):
        self._bar.clear()
        return True

    def close(self):
        for handler in self._handlers:
            handler.removeFilter(self)


def _is_terminal(file):
    return file is not None and hasattr(file, "isatty") and file.isatty()


class ProgressHook(SessionRunHook):
    """Shows a bar with the global step, the steps in a second, and chosen tensors. Python is entered only to draw it.

    On a terminal, lines that are logged stand above the bar.

    Args:
      total: the last step, for a bar that fills; None shows counts alone.
      tensors: name -> tensor or its name, or an iterable of tensors or names: what is shown beside the bar.
      every_n_secs: seconds between two drawings, half a second by default.
      every_n_steps: or steps.
      **bar: what else `tqdm` takes, such as `desc`, `file`, `leave`, `disable`.

    Raises:
      ImportError: tqdm is not there.
      ValueError: where both periods are given, or one that is not positive.
    """

    trigger = None

    def __init__(self, total=None, tensors=None, every_n_secs=None, every_n_steps=None, **bar):
        if every_n_secs is None and every_n_steps is None:
            every_n_secs = 0.5
        for period, value in (("every_n_steps", every_n_steps), ("every_n_secs", every_n_secs)):
            if value is not None and not value > 0:
                raise ValueError(f"invalid {period}={value}.")
        self._timer = SecondOrStepTimer(every_secs=every_n_secs, every_steps=every_n_steps)
        self._make_bar = _bar_class()
        self._period = (every_n_secs, every_n_steps)
        tensors = tensors or {}
        self._tensors = tensors if isinstance(tensors, dict) else {getattr(t, "name", t): t for t in tensors}
        # The hook decides when to draw; where tqdm does so too, it leaves out what the trigger has asked for.
        self._options = {"total": total, "unit": "step", "mininterval": 0, "miniters": 0, **bar}
        self._bar = None

    @property
    def bar(self):
        """tqdm's bar, None before a session is made."""
        return self._bar

    def begin(self):
        self._global_step_tensor = get_global_step()
        if self._global_step_tensor is None:
            raise RuntimeError("Global step should be created to use ProgressHook.")
        shown = {name: watched_element(item) for name, item in self._tensors.items()}
        self._fetches = [self._global_step_tensor, shown]
        self._bar = None

    def after_create_session(self, session, coord):
        step = int(session.run(self._global_step_tensor))
        if self._bar is None:
            self._bar = self._make_bar(initial=step, **self._options)
            self._bar_away = _BarAway(self._bar)
        else:
            self._move_to(step)  # a session that is made again may begin at an earlier step
        every_n_secs, every_n_steps = self._period
        if every_n_steps is not None:
            self.trigger = Trigger("global_step", every=every_n_steps, phase="before")
        else:
            self.trigger = Trigger("seconds", every=every_n_secs, phase="before")

    def before_run(self, run_context):
        return SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        step, shown = run_values.results
        if self.trigger is None or not self.trigger.due:
            if not self._timer.should_trigger_for_step(step):
                return
            self._timer.update_last_triggered_step(step)
        if shown:
            self._bar.set_postfix({name: _text(value) for name, value in shown.items()}, refresh=False)
        self._move_to(int(run_context.session.run(self._global_step_tensor)))

    def end(self, session):
        self._move_to(int(session.run(self._global_step_tensor)))
        self._close()

    def on_error(self, session, exception):
        """The bar stays as it was."""
        if self._bar is not None:
            self._close()

    def _close(self):
        self._bar_away.close()
        self._bar.close()

    def _move_to(self, step):
        if step >= self._bar.n:
            self._bar.update(step - self._bar.n)
        else:
            self._bar.n = step
            self._bar.refresh()


def _text(value):
    value = np.asarray(value)
    if value.dtype.kind == "f" and value.ndim == 0:
        return f"{value:.4g}"
    return str(value.item() if value.ndim == 0 else value)
