"""`InMemoryEvaluatorHook`."""

from __future__ import annotations

import os

from ..graph.collections import GraphKeys
from ..graph.graph import Graph
from ..graph.stack import get_default_graph
from ..ops.core import group, placeholder
from ..ops.state import assign
from ..train.scaffold import Scaffold
from ..train.second_or_step_timer import SecondOrStepTimer
from ..train.session_run_hook import SessionRunHook
from ..train.trigger import Trigger

__all__ = ["InMemoryEvaluatorHook"]


class InMemoryEvaluatorHook(SessionRunHook):
    """Evaluates while a model is trained, without a checkpoint: when the session is made, every so many runs, and at the end.

    Args:
      estimator: what builds and runs an evaluation: an object with `config` (`num_ps_replicas`, `num_worker_replicas`),
        `model_dir`, `_convert_eval_steps_to_hooks(steps)`, `_evaluate_build_graph(input_fn, hooks, checkpoint_path=None)`,
        which returns a scaffold, an update op, a dictionary of metrics and the hooks, and `_evaluate_run(checkpoint_path,
        scaffold, update_op, eval_dict, all_hooks, output_dir)`.
      input_fn: a function that makes the input.
      steps: how many batches; None: until the input ends.
      hooks: hooks of the evaluation.
      name: of the evaluation, where there are several: its results go to `eval_<name>` in the model's directory.
      every_n_iter: runs of the training between two evaluations.

    Raises:
      ValueError: for a period that is not positive; where the training is not one of a single machine.
      TypeError: for a hook that is none.
    """

    trigger = None

    def __init__(self, estimator, input_fn, steps=None, hooks=None, name=None, every_n_iter=100):
        if every_n_iter is None or every_n_iter <= 0:
            raise ValueError(f"invalid every_n_iter={every_n_iter}.")
        if estimator.config.num_ps_replicas > 0 or estimator.config.num_worker_replicas > 1:
            raise ValueError("InMemoryEvaluator supports only single machine (aka Local) setting.")
        self._estimator = estimator
        self._input_fn = input_fn
        self._every_n_iter = every_n_iter
        self._eval_dir = os.path.join(estimator.model_dir, f"eval_{name}" if name else "eval")
        self._graph = None
        self._hooks = list(hooks or ())
        for hook in self._hooks:
            if not isinstance(hook, SessionRunHook):
                raise TypeError(f"Hooks must be a SessionRunHook, given: {hook}")
        self._hooks.extend(estimator._convert_eval_steps_to_hooks(steps))
        self._timer = SecondOrStepTimer(every_steps=every_n_iter)

    def begin(self):
        self._timer.reset()
        self._iter_count = 0
        self._graph = Graph()
        with self._graph.as_default():
            self._scaffold, self._update_op, self._eval_dict, self._all_hooks = self._estimator._evaluate_build_graph(
                self._input_fn, self._hooks, checkpoint_path=None
            )
            if self._scaffold.saver is not None:
                raise ValueError("InMemoryEvaluator does not support custom saver")
            if self._scaffold.init_fn is not None:
                raise ValueError("InMemoryEvaluator does not support custom init_fn")
            variables = self._graph.get_collection(GraphKeys.GLOBAL_VARIABLES)
            self._eval_variables = {v.name: v for v in variables}
            self._placeholders = {v.name: placeholder(v.dtype.base_dtype) for v in variables}

    def after_create_session(self, session, coord):
        graph = get_default_graph()
        if graph.get_collection(GraphKeys.SAVEABLE_OBJECTS):
            raise ValueError("InMemoryEvaluator does not support saveables other than global variables.")
        trained = {v.name: v for v in graph.get_collection(GraphKeys.GLOBAL_VARIABLES)}
        self._trained = {name: trained[name] for name in self._eval_variables if name in trained}
        with self._graph.as_default():
            self._transfer = group([
                assign(self._eval_variables[name], self._placeholders[name]) for name in self._trained
            ])  # fmt: skip
        self._evaluate(session)
        self.trigger = Trigger("runs", every=self._every_n_iter, phase="after", since=self._iter_count)

    def _evaluate(self, session):
        values = session.run(self._trained)
        feeds = {self._placeholders[name]: value for name, value in values.items()}
        scaffold = Scaffold(
            init_fn=lambda _, evaluating: evaluating.run(self._transfer, feed_dict=feeds),
            copy_from_scaffold=self._scaffold,
        )
        with self._graph.as_default():
            self._estimator._evaluate_run(
                checkpoint_path=None, scaffold=scaffold, update_op=self._update_op, eval_dict=self._eval_dict,
                all_hooks=self._all_hooks, output_dir=self._eval_dir,
            )  # fmt: skip
        self._timer.update_last_triggered_step(self._iter_count)

    def after_run(self, run_context, run_values):
        if self.trigger is not None and self.trigger.due:
            self._iter_count = self.trigger.value
            self._evaluate(run_context.session)
            return
        self._iter_count += 1
        if self._timer.should_trigger_for_step(self._iter_count):
            self._evaluate(run_context.session)

    def end(self, session):
        self._evaluate(session)
