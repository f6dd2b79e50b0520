"""`EvalHook`."""

from __future__ import annotations

import numpy as np

from .. import errors, logging
from . import run_state
from .second_or_step_timer import SecondOrStepTimer
from .session_run_hook import SessionRunArgs, SessionRunHook
from .training_util import get_global_step, watched_element
from .trigger import Trigger

__all__ = ["EvalHook"]


class EvalHook(SessionRunHook):
    """Evaluates tensors on held-out input every so many steps, in the session below the hooks: no other hook is called.

    The values are means over the batches: until the input ends, or `batches` of them.

    Args:
      tensors: name -> tensor or its name, or an iterable of tensors or names.
      every_n_steps: global steps between two evaluations.
      feeds: an iterable of feed dictionaries, one a batch, or a function that returns one. What can be gone through only
        once has to come from a function.
      initializer: an op that is run before each evaluation, such as that of an iterator which the tensors read from.
      batches: how many batches at most.
      weight: a scalar tensor: how much a batch counts, for example how many examples it has.
      at_start: whether to evaluate before the first step too.
      at_end: whether to evaluate at the end too.
      output_dir: where scalars are written to an event file, under their names.
      name: what the line in the log begins with.

    Raises:
      ValueError: for a period that is not positive, or where nothing says when the input ends.
    """

    trigger = None

    def __init__(self, tensors, every_n_steps=100, feeds=None, initializer=None, batches=None, weight=None, at_start=False,
                 at_end=True, output_dir=None, name="Evaluation"):  # fmt: skip
        if every_n_steps is None or every_n_steps <= 0:
            raise ValueError(f"invalid every_n_steps={every_n_steps}.")
        if feeds is None and initializer is None and batches is None:
            raise ValueError("EvalHook needs feeds, an initializer, or batches: nothing says when its input ends.")
        if feeds is not None and not callable(feeds) and iter(feeds) is feeds:
            raise ValueError(
                "EvalHook goes through its feeds more than once: give a list, or a function that returns them."
            )
        if batches is not None and batches <= 0:
            raise ValueError(f"invalid batches={batches}.")
        self._tensors = tensors if isinstance(tensors, dict) else {getattr(t, "name", t): t for t in tensors}
        self._every_n_steps = every_n_steps
        self._feeds = feeds
        self._initializer = initializer
        self._batches = batches
        self._weight = weight
        self._at_start = at_start
        self._at_end = at_end
        self._output_dir = output_dir
        self._name = name
        self._timer = SecondOrStepTimer(every_steps=every_n_steps)
        self._values = self._step = None

    @property
    def values(self):
        """Name -> mean of the last evaluation; None before there was one."""
        return self._values

    @property
    def step(self):
        """The global step of the last evaluation; None before there was one."""
        return self._step

    def begin(self):
        self._global_step_tensor = get_global_step()
        if self._global_step_tensor is None:
            raise RuntimeError("Global step should be created to use EvalHook.")
        self._fetches = {name: watched_element(item) for name, item in self._tensors.items()}
        self._values = self._step = None

    def after_create_session(self, session, coord):
        step = int(session.run(self._global_step_tensor))
        self._timer.update_last_triggered_step(step)
        self.trigger = Trigger("global_step", every=self._every_n_steps, phase="after", since=step)
        if self._at_start and self._step is None:
            self._evaluate(session, step)

    def before_run(self, run_context):
        return SessionRunArgs(self._global_step_tensor)

    def after_run(self, run_context, run_values):
        if self.trigger is not None and self.trigger.due:
            self._evaluate(run_context.session, self.trigger.value)
            return
        # The value fetched may be the one before the run: the step is read again before it counts.
        if self._timer.should_trigger_for_step(run_values.results + 1):
            step = int(run_context.session.run(self._global_step_tensor))
            if self._timer.should_trigger_for_step(step):
                self._timer.update_last_triggered_step(step)
                self._evaluate(run_context.session, step)

    def end(self, session):
        if self._at_end:
            step = int(session.run(self._global_step_tensor))
            if step != self._step:
                self._evaluate(session, step)

    # --- an evaluation ------------------------------------------------------------------------------------

    def _evaluate(self, session, step):
        if self._initializer is not None:
            run_state.begin_anew(session, self._initializer)
            session.run(self._initializer)
        total, weights, count = {}, 0.0, 0
        for values, weight in self._results(session):
            for name, value in values.items():
                total[name] = total.get(name, 0) + np.asarray(value, np.float64) * weight
            weights += weight
            count += 1
        if not count:
            logging.warning("%s at step %d: the input has no batch.", self._name, step)
            return
        if not weights:
            logging.warning("%s at step %d: the weights of all batches are 0.", self._name, step)
            return
        self._values = {name: value / weights for name, value in total.items()}
        self._step = step
        self._log(count)
        self._write()

    def _results(self, session):
        """The values of each batch, and how much it counts."""
        fetches = [self._fetches, self._weight if self._weight is not None else []]
        for count, feed_dict in enumerate(self._feed_dicts()):
            if count == self._batches:
                return
            try:
                values, weight = session.run(fetches, feed_dict)
            except errors.OutOfRangeError:
                return
            yield values, 1.0 if self._weight is None else float(weight)

    def _feed_dicts(self):
        if self._feeds is None:
            while True:
                yield None
        yield from self._feeds() if callable(self._feeds) else self._feeds

    def _log(self, count):
        with np.printoptions(suppress=True, precision=6):
            values = ", ".join(f"{n} = {v:.6g}" if v.ndim == 0 else f"{n} = {v}" for n, v in self._values.items())
        logging.info(
            "%s at step %d: %s (%d %s)", self._name, self._step, values, count, "batch" if count == 1 else "batches"
        )

    def _write(self):
        if self._output_dir is None:
            return
        from .. import messages
        from ..summary.writer import FileWriterCache

        writer = FileWriterCache.get(self._output_dir)
        scalars = [messages.Summary.Value(tag=n, simple_value=v) for n, v in self._values.items() if np.ndim(v) == 0]
        writer.add_summary(messages.Summary(value=scalars), self._step)
        writer.flush()
