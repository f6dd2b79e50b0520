"""Training operations made of a loss and an optimizer, what is done with gradients on the way, and a loop that runs them."""

from __future__ import annotations

from ... import logging
from ...graph.collections import GraphKeys
from ...graph.scopes import control_dependencies, name_scope
from ...graph.stack import get_default_graph
from ...ops import math_unary
from ...ops.build import convert_to_tensor
from ...ops.clip import clip_by_norm, global_norm
from ...ops.core import no_op, with_dependencies
from ...ops.indexed_slices import IndexedSlices
from ...train.monitored_training_session import MonitoredTrainingSession
from ...train.optimizer import Optimizer
from ...train.training_util import get_or_create_global_step
from ...variables import trainable_variables

__all__ = [
    "add_gradients_summaries", "clip_gradient_norms", "clip_gradient_norms_fn", "create_train_op", "multiply_gradients", "train",
]  # fmt: skip

_USE_GLOBAL_STEP = 0


def add_gradients_summaries(grads_and_vars):
    """A histogram and the norm of each gradient, as summaries.

    Args:
      grads_and_vars: pairs of gradient and variable.

    Returns:
      A list of the summaries.
    """
    from ... import summary

    summaries = []
    for gradient, variable in grads_and_vars:
        if gradient is None:
            logging.info("Var %s has no gradient", variable.op.name)
            continue
        values = gradient.values if isinstance(gradient, IndexedSlices) else gradient
        summaries.append(summary.histogram(variable.op.name + "_gradient", values))
        summaries.append(summary.scalar(variable.op.name + "_gradient_norm", global_norm([values])))
    return summaries


def clip_gradient_norms(gradients_to_variables, max_norm):
    """Gradients of which each has at most a norm.

    Args:
      gradients_to_variables: pairs of gradient and variable.
      max_norm: the norm.

    Returns:
      A list of such pairs.
    """
    return [(_changed(g, lambda values: clip_by_norm(values, max_norm)), v) for g, v in gradients_to_variables]


def clip_gradient_norms_fn(max_norm):
    """`clip_gradient_norms` as a `transform_grads_fn`."""
    return lambda gradients_to_variables: clip_gradient_norms(gradients_to_variables, max_norm)


def multiply_gradients(grads_and_vars, gradient_multipliers):
    """Gradients of which some are multiplied.

    Args:
      grads_and_vars: a list of pairs of gradient and variable.
      gradient_multipliers: variable, or its op's name -> factor.

    Returns:
      A list of such pairs.

    Raises:
      ValueError: where an argument is of another kind, or a gradient to multiply is None.
    """
    if not isinstance(grads_and_vars, list):
        raise ValueError("`grads_and_vars` must be a list.")
    if not gradient_multipliers:
        raise ValueError("`gradient_multipliers` is empty.")
    if not isinstance(gradient_multipliers, dict):
        raise ValueError("`gradient_multipliers` must be a dict.")
    return [(_multiplied(g, v, gradient_multipliers), v) for g, v in grads_and_vars]


def _multiplied(gradient, variable, multipliers):
    factor = multipliers.get(variable, multipliers.get(variable.op.name))
    if factor is None:
        return gradient
    if gradient is None:
        raise ValueError("Requested multiple of `None` gradient.")
    factor = convert_to_tensor(factor, dtype=gradient.dtype)
    return _changed(gradient, lambda values: values * factor)


def _changed(gradient, change):
    """A gradient with its values changed; None stays None."""
    if isinstance(gradient, IndexedSlices):
        return IndexedSlices(change(gradient.values), gradient.indices, gradient.dense_shape)
    return None if gradient is None else change(gradient)


def create_train_op(total_loss, optimizer, global_step=_USE_GLOBAL_STEP, update_ops=None, variables_to_train=None,
                    transform_grads_fn=None, summarize_gradients=False, gate_gradients=Optimizer.GATE_OP,
                    aggregation_method=None, colocate_gradients_with_ops=False, check_numerics=True):  # fmt: skip
    """A tensor of the loss that trains when it is evaluated.

    Args:
      total_loss: the loss.
      optimizer: an `Optimizer`.
      global_step: the variable that is counted up: by default the graph's, None for none.
      update_ops: what runs before the loss is worked out: by default the collection `UPDATE_OPS`.
      variables_to_train: by default all that are trainable.
      transform_grads_fn: a function of pairs of gradient and variable that gives such pairs.
      summarize_gradients: whether summaries of the gradients are added.
      gate_gradients, aggregation_method, colocate_gradients_with_ops: as for `Optimizer.compute_gradients`.
      check_numerics: whether a loss that is not finite is an error.

    Returns:
      The tensor.

    Raises:
      AssertionError: where a variable is not trainable, or there is none.
    """
    if global_step is _USE_GLOBAL_STEP:
        global_step = get_or_create_global_step()
    total_loss = _after_updates(total_loss, update_ops)
    if variables_to_train is None:
        variables_to_train = trainable_variables()
    else:
        for variable in variables_to_train:
            assert variable.trainable or variable in trainable_variables(), f"{variable.name} is not trainable"
    assert variables_to_train, "there is no variable to train"
    gradients = optimizer.compute_gradients(
        total_loss, variables_to_train, gate_gradients=gate_gradients, aggregation_method=aggregation_method,
        colocate_gradients_with_ops=colocate_gradients_with_ops,
    )  # fmt: skip
    if transform_grads_fn:
        gradients = transform_grads_fn(gradients)
    if summarize_gradients:
        with name_scope("summarize_grads"):
            add_gradients_summaries(gradients)
    updates = optimizer.apply_gradients(gradients, global_step=global_step)
    with name_scope("train_op"):
        if check_numerics:
            total_loss = math_unary.check_numerics(total_loss, "LossTensor is inf or nan")
        train_op = with_dependencies([updates], total_loss)
    known = get_default_graph().get_collection_ref(GraphKeys.TRAIN_OP)
    if not any(each is train_op for each in known):
        known.append(train_op)
    return train_op


def _after_updates(total_loss, update_ops):
    known = set(get_default_graph().get_collection(GraphKeys.UPDATE_OPS))
    update_ops = known if update_ops is None else set(update_ops)
    if not known <= update_ops:
        logging.warning("update_ops in create_train_op does not contain all the update_ops in GraphKeys.UPDATE_OPS")
    if not update_ops:
        return total_loss
    with control_dependencies(update_ops):
        barrier = no_op(name="update_barrier")
    return with_dependencies([barrier], total_loss)


def train(train_op, logdir, master="", is_chief=True, scaffold=None, hooks=None, chief_only_hooks=None, save_checkpoint_secs=600,
          save_summaries_steps=100, config=None, max_wait_secs=7200, run_metadata=None):  # fmt: skip
    """Runs a training operation until a hook asks to stop.

    Args:
      train_op: what is run, such as `create_train_op` gives.
      logdir: where checkpoints and summaries are written.
      run_metadata: a `RunMetadata`, filled by each run.
      master, is_chief, scaffold, hooks, chief_only_hooks, save_checkpoint_secs, save_summaries_steps, config, max_wait_secs:
        as for `MonitoredTrainingSession`.

    Returns:
      The value of the last run; None where there was none.

    Raises:
      ValueError: where checkpoints or summaries are wanted and there is no directory.
    """
    if logdir is None and is_chief:
        if save_summaries_steps:
            raise ValueError("logdir cannot be None when save_summaries_steps is not None")
        if save_checkpoint_secs:
            raise ValueError("logdir cannot be None when save_checkpoint_secs is not None")
    loss = None
    with MonitoredTrainingSession(
        master=master, is_chief=is_chief, checkpoint_dir=logdir, scaffold=scaffold, hooks=hooks, chief_only_hooks=chief_only_hooks,
        save_checkpoint_secs=save_checkpoint_secs, save_summaries_steps=save_summaries_steps, config=config, max_wait_secs=max_wait_secs,
    ) as session:  # fmt: skip
        while not session.should_stop():
            loss = session.run(train_op, run_metadata=run_metadata)
    return loss
