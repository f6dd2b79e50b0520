"""`NativeHook`."""

from __future__ import annotations

from .. import nest
from .run_types import NativeCallback
from .session_run_hook import SessionRunArgs, SessionRunHook
from .training_util import get_global_step
from .trigger import Trigger

__all__ = ["NativeHook"]


class NativeHook(SessionRunHook):
    """Calls a C function after steps: see docs/native-hooks.md.

    In `run_steps` Python is not entered for it.

    Args:
      callback: a PyCapsule named "hookloop.hook.v1", or a `scipy.LowLevelCallable`, Numba `cfunc` or `ctypes` function of
        the signature `int32_t (hl_hook_ctx *, void *)` (`hookloop.get_include()` has the header). The hook holds it.
      fetches: the tensors that it sees, a list or one.
      every_steps: it is called after the first step, then after every so many.
      release_gil: whether it is always called without Python's lock; else it may be called with it.

    Raises:
      TypeError: the callback is none, or of another signature.
      ValueError: the callback is of another version of the interface, or `every_steps` is not positive.
    """

    trigger = None

    def __init__(self, callback, fetches=(), every_steps=1, release_gil=False):
        if every_steps < 1:
            raise ValueError(f"expected a positive every_steps, got {every_steps}")
        self.callback = NativeCallback(callback, release_gil)
        self.fetches = nest.flatten(fetches) if isinstance(fetches, (list, tuple, dict)) else [fetches]
        self._every_steps = every_steps
        self._global_step = None
        self._steps = 0

    def begin(self):
        self._global_step = get_global_step()
        self._steps = 0  # of the monitored session: a session made again goes on

    def after_create_session(self, session, coord):
        self.trigger = Trigger("runs", every=self._every_steps)

    def before_run(self, run_context):
        return SessionRunArgs(self.fetches)

    def after_run(self, run_context, run_values):
        if self.trigger is not None and self.trigger.due:
            self._steps = self.trigger.value  # runs before the one just made
        self._steps += 1
        global_step = 0 if self._global_step is None else run_context.session.run(self._global_step)
        if self.callback(self._steps, global_step, list(run_values.results)):
            run_context.request_stop()
