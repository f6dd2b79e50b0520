"""Evaluating a checkpoint, or each one that comes."""

from __future__ import annotations

import time

from ... import dtypes, logging
from ...graph.collections import GraphKeys
from ...graph.scopes import control_dependencies
from ...graph.stack import get_default_graph
from ...initializers import zeros_initializer
from ...ops.core import identity
from ...ops.state import assign_add
from ...train.final_ops_hook import FinalOpsHook
from ...train.monitored_session import MonitoredSession
from ...train.session_creator import ChiefSessionCreator
from ...variable_scope import get_variable
from .checkpoints import checkpoints_iterator
from .stop_after_n_evals_hook import StopAfterNEvalsHook

__all__ = ["evaluate_once", "evaluate_repeatedly", "get_or_create_eval_step"]


def get_or_create_eval_step():
    """The local variable that counts the runs of an evaluation, made where there is none.

    Raises:
      ValueError: where the collection EVAL_STEP has several tensors.
    """
    found = get_default_graph().get_collection(GraphKeys.EVAL_STEP)
    if len(found) > 1:
        raise ValueError("Multiple tensors added to tf.GraphKeys.EVAL_STEP")
    if found:
        return found[0]
    return get_variable(
        "eval_step", shape=[], dtype=dtypes.int64, initializer=zeros_initializer(), trainable=False,
        collections=[GraphKeys.LOCAL_VARIABLES, GraphKeys.EVAL_STEP],
    )  # fmt: skip


def _with_count(eval_ops, count):
    """What an evaluation runs, and the op that counts its runs."""
    if isinstance(eval_ops, dict):
        return {**eval_ops, "update_eval_step": count}
    return [*eval_ops, count] if isinstance(eval_ops, (list, tuple)) else [eval_ops, count]


def _count_for(hooks, evals_completed):
    for hook in hooks:
        if isinstance(hook, StopAfterNEvalsHook):
            hook._set_evals_completed_tensor(evals_completed)


def _run(creator, hooks, eval_ops, feed_dict, started):
    with MonitoredSession(session_creator=creator, hooks=hooks) as session:
        if started is not None:
            started()
        if eval_ops is not None:
            while not session.should_stop():
                session.run(eval_ops, feed_dict)


def evaluate_once(checkpoint_path, master="", scaffold=None, eval_ops=None, feed_dict=None, final_ops=None,
                  final_ops_feed_dict=None, hooks=None, config=None):  # fmt: skip
    """Evaluates a checkpoint: runs `eval_ops` until a hook asks to stop or the input ends, then `final_ops`.

    Args:
      checkpoint_path: the checkpoint's prefix.
      master: accepted; a session runs in this process.
      scaffold: a `Scaffold`; its `local_init_op`, where it has one, must initialize the count of runs too.
      eval_ops: a tensor, a list or a dictionary of them, or None.
      feed_dict: what is fed to them.
      final_ops: a tensor, a list or a dictionary of them, or None.
      final_ops_feed_dict: what is fed to them.
      hooks: hooks of the evaluation, such as `StopAfterNEvalsHook`.
      config: a `ConfigProto`.

    Returns:
      The values of `final_ops`.
    """
    eval_step = get_or_create_eval_step()
    final = FinalOpsHook(final_ops, final_ops_feed_dict)
    hooks = [*(hooks or ()), final]
    if eval_ops is not None:
        eval_ops = _with_count(eval_ops, assign_add(eval_step, 1, use_locking=True))
        with control_dependencies(list(eval_ops.values()) if isinstance(eval_ops, dict) else eval_ops):
            _count_for(hooks, identity(eval_step.read_value()))
    logging.info("Starting evaluation at " + time.strftime("%Y-%m-%dT%H:%M:%SZ", time.localtime()))
    creator = ChiefSessionCreator(
        scaffold=scaffold, checkpoint_filename_with_path=checkpoint_path, master=master, config=config
    )
    _run(creator, hooks, eval_ops, feed_dict, None)
    logging.info("Finished evaluation at " + time.strftime("%Y-%m-%d-%H:%M:%S", time.localtime()))
    return final.final_ops_values


def evaluate_repeatedly(checkpoint_dir, master="", scaffold=None, eval_ops=None, feed_dict=None, final_ops=None,
                        final_ops_feed_dict=None, eval_interval_secs=60, hooks=None, config=None, max_number_of_evaluations=None,
                        timeout=None, timeout_fn=None):  # fmt: skip
    """Evaluates the checkpoints of a directory as they come, each as `evaluate_once` does.

    Args:
      checkpoint_dir: the directory.
      master, scaffold, eval_ops, feed_dict, final_ops, final_ops_feed_dict, hooks, config: as in `evaluate_once`.
      eval_interval_secs: seconds at least between two evaluations.
      max_number_of_evaluations: after so many it ends; never by default.
      timeout: how many seconds to wait for the next checkpoint; for ever by default.
      timeout_fn: called when they have passed: where it returns True, it ends; else it waits again.

    Returns:
      The values of `final_ops` of the last evaluation.
    """
    eval_step = get_or_create_eval_step()
    final = FinalOpsHook(final_ops, final_ops_feed_dict)
    hooks = [*(hooks or ()), final]
    if eval_ops is not None:
        count = assign_add(eval_step, 1)
        _count_for(hooks, count)
        eval_ops = _with_count(eval_ops, count)
    paths = checkpoints_iterator(checkpoint_dir, eval_interval_secs, timeout, timeout_fn)
    for done, path in enumerate(paths, start=1):
        creator = ChiefSessionCreator(
            scaffold=scaffold, checkpoint_filename_with_path=path, master=master, config=config
        )
        _run(creator, hooks, eval_ops, feed_dict, lambda: _log_time("Starting evaluation at "))
        _log_time("Finished evaluation at ")
        if max_number_of_evaluations is not None and done >= max_number_of_evaluations:
            break
    return final.final_ops_values


def _log_time(what):
    logging.info(what + time.strftime("%Y-%m-%d-%H:%M:%S", time.gmtime()))
