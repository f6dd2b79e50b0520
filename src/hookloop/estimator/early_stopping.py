"""Hooks that end a training when a metric, as an evaluation has written it to event files, says so.

Of an estimator they use `config.is_chief` and, where no directory is given, `eval_dir()`: any object with these will do.
"""

from __future__ import annotations

import glob
import operator
import os

from .. import dtypes, logging
from ..graph.collections import GraphKeys
from ..initializers import constant_initializer
from ..ops.state import assign
from ..train.graph_io import summary_iterator
from ..train.second_or_step_timer import SecondOrStepTimer
from ..train.session_run_hook import SessionRunArgs, SessionRunHook
from ..train.training_util import get_global_step
from ..train.trigger import Trigger
from ..variable_scope import AUTO_REUSE, get_variable, variable_scope

__all__ = [
    "make_early_stopping_hook", "read_eval_metrics", "stop_if_higher_hook", "stop_if_lower_hook", "stop_if_no_decrease_hook",
    "stop_if_no_increase_hook",
]  # fmt: skip


def make_early_stopping_hook(estimator, should_stop_fn, run_every_secs=60, run_every_steps=None):
    """A hook that asks a function now and then whether to stop.

    Args:
      estimator: an object with `config.is_chief`. Workers that are not the chief stop when the chief did.
      should_stop_fn: a function without arguments.
      run_every_secs: seconds between two calls, or None.
      run_every_steps: or global steps.

    Raises:
      TypeError: where the estimator has no `config`, or `should_stop_fn` is no function.
      ValueError: where not exactly one of the periods is given.
    """
    if not hasattr(estimator, "config"):
        raise TypeError(f"`estimator` must have type `tf.estimator.Estimator`. Got: {type(estimator)}")
    if run_every_secs is not None and run_every_steps is not None:
        raise ValueError("Only one of `run_every_secs` and `run_every_steps` must be set.")
    if estimator.config.is_chief:
        return _StopOnPredicateHook(should_stop_fn, run_every_secs, run_every_steps)
    return _CheckForStoppingHook()


def stop_if_higher_hook(estimator, metric_name, threshold, eval_dir=None, min_steps=0, run_every_secs=60,
                        run_every_steps=None):  # fmt: skip
    """A hook that stops when a metric is above a threshold.

    Args:
      estimator: an object with `config.is_chief` and `eval_dir()`.
      metric_name: the metric's tag.
      threshold: a number.
      eval_dir: the directory of the event files; by default `estimator.eval_dir()`.
      min_steps: what was measured before this step does not count.
      run_every_secs, run_every_steps: how often the files are read.
    """
    return _threshold_hook(
        estimator, metric_name, threshold, operator.gt, "greater than", eval_dir, min_steps, run_every_secs, run_every_steps
    )  # fmt: skip


def stop_if_lower_hook(estimator, metric_name, threshold, eval_dir=None, min_steps=0, run_every_secs=60,
                       run_every_steps=None):  # fmt: skip
    """A hook that stops when a metric is below a threshold; arguments as of `stop_if_higher_hook`."""
    return _threshold_hook(
        estimator, metric_name, threshold, operator.lt, "less than", eval_dir, min_steps, run_every_secs, run_every_steps
    )  # fmt: skip


def stop_if_no_increase_hook(estimator, metric_name, max_steps_without_increase, eval_dir=None, min_steps=0,
                             run_every_secs=60, run_every_steps=None):  # fmt: skip
    """A hook that stops when a metric has not grown for so many steps; other arguments as of `stop_if_higher_hook`."""
    return _improvement_hook(
        estimator, metric_name, max_steps_without_increase, operator.gt, "increase", eval_dir, min_steps, run_every_secs,
        run_every_steps,
    )  # fmt: skip


def stop_if_no_decrease_hook(estimator, metric_name, max_steps_without_decrease, eval_dir=None, min_steps=0,
                             run_every_secs=60, run_every_steps=None):  # fmt: skip
    """A hook that stops when a metric has not fallen for so many steps; other arguments as of `stop_if_higher_hook`."""
    return _improvement_hook(
        estimator, metric_name, max_steps_without_decrease, operator.lt, "decrease", eval_dir, min_steps, run_every_secs,
        run_every_steps,
    )  # fmt: skip


def read_eval_metrics(eval_dir):
    """What the event files of a directory say: step -> tag -> value, by rising steps."""
    metrics = {}
    for path in sorted(glob.glob(os.path.join(glob.escape(os.fspath(eval_dir)), "events.out.tfevents.*"))):
        for event in summary_iterator(path):
            values = {v.tag: v.simple_value for v in event.summary.value if v.HasField("simple_value")}
            if values:
                metrics.setdefault(event.step, {}).update(values)
    return dict(sorted(metrics.items()))


def _threshold_hook(estimator, metric_name, threshold, is_better, words, eval_dir, min_steps, run_every_secs,
                    run_every_steps):  # fmt: skip
    eval_dir = estimator.eval_dir() if eval_dir is None else eval_dir

    def is_crossed():
        for step, metrics in read_eval_metrics(eval_dir).items():
            if step >= min_steps and is_better(metrics[metric_name], threshold):
                logging.info(
                    'At step %s, metric "%s" has value %s which is %s the configured threshold (%s) for early stopping.',
                    step, metric_name, metrics[metric_name], words, threshold,
                )  # fmt: skip
                return True
        return False

    return make_early_stopping_hook(estimator, is_crossed, run_every_secs, run_every_steps)


def _improvement_hook(estimator, metric_name, most_steps, is_better, word, eval_dir, min_steps, run_every_secs,
                      run_every_steps):  # fmt: skip
    eval_dir = estimator.eval_dir() if eval_dir is None else eval_dir

    def is_stuck():
        best = best_step = None
        for step, metrics in read_eval_metrics(eval_dir).items():
            if step < min_steps:
                continue
            value = metrics[metric_name]
            if best is None or is_better(value, best):
                best, best_step = value, step
            if step - best_step >= most_steps:
                logging.info(
                    'No %s in metric "%s" for %s steps, which is greater than or equal to max steps (%s) configured for early '
                    "stopping.", word, metric_name, step - best_step, most_steps,
                )  # fmt: skip
                return True
        return False

    return make_early_stopping_hook(estimator, is_stuck, run_every_secs, run_every_steps)


def _stop_variable():
    """The variable by which the chief tells the others to stop."""
    with variable_scope("signal_early_stopping", reuse=AUTO_REUSE):
        return get_variable(
            "STOP", shape=[], dtype=dtypes.bool, initializer=constant_initializer(False), trainable=False,
            collections=[GraphKeys.GLOBAL_VARIABLES],
        )  # fmt: skip


class _StopOnPredicateHook(SessionRunHook):
    """The chief's hook: asks the function, stops, and tells the others."""

    trigger = None

    def __init__(self, should_stop_fn, run_every_secs=60, run_every_steps=None):
        if not callable(should_stop_fn):
            raise TypeError("`should_stop_fn` must be callable.")
        self._should_stop_fn = should_stop_fn
        self._timer = SecondOrStepTimer(every_secs=run_every_secs, every_steps=run_every_steps)
        self._period = (run_every_secs, run_every_steps)

    def begin(self):
        self._global_step_tensor = get_global_step()
        self._stop_op = assign(_stop_variable(), True)

    def after_create_session(self, session, coord):
        run_every_secs, run_every_steps = self._period
        if run_every_steps is not None:
            self.trigger = Trigger("global_step", every=max(run_every_steps, 0), phase="after")
        else:
            self.trigger = Trigger("seconds", every=max(run_every_secs, 0), phase="after")

    def before_run(self, run_context):
        return SessionRunArgs(self._global_step_tensor)

    def after_run(self, run_context, run_values):
        if self.trigger is not None and self.trigger.due:
            step = run_context.session.run(self._global_step_tensor)
        else:
            step = run_values.results
            if not self._timer.should_trigger_for_step(step):
                return
            self._timer.update_last_triggered_step(step)
        if self._should_stop_fn():
            logging.info("Requesting early stopping at global step %d", step)
            run_context.session.run(self._stop_op)
            run_context.request_stop()


class _CheckForStoppingHook(SessionRunHook):
    """The hook of the others: stops when the chief did."""

    def begin(self):
        self._stop_variable = _stop_variable()

    def before_run(self, run_context):
        return SessionRunArgs(self._stop_variable)

    def after_run(self, run_context, run_values):
        if run_values.results:
            logging.info("Early stopping requested, suspending run.")
            run_context.request_stop()
