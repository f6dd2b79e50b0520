"""`tf.contrib.training`: making and running training operations, settings, evaluating the checkpoints of a training."""

from .checkpoints import checkpoints_iterator, wait_for_new_checkpoint
from .device_strategies import GreedyLoadBalancingStrategy, RandomStrategy, byte_size_load_fn
from .evaluation import evaluate_once, evaluate_repeatedly, get_or_create_eval_step
from .hparam import HParams, parse_values
from .stop_after_n_evals_hook import StopAfterNEvalsHook
from .summary_at_end_hook import SummaryAtEndHook
from .training import (
    add_gradients_summaries,
    clip_gradient_norms,
    clip_gradient_norms_fn,
    create_train_op,
    multiply_gradients,
    train,
)

__all__ = [
    "GreedyLoadBalancingStrategy", "HParams", "RandomStrategy", "StopAfterNEvalsHook", "SummaryAtEndHook",
    "add_gradients_summaries", "byte_size_load_fn", "checkpoints_iterator", "clip_gradient_norms", "clip_gradient_norms_fn",
    "create_train_op", "evaluate_once", "evaluate_repeatedly", "get_or_create_eval_step", "multiply_gradients", "parse_values",
    "train", "wait_for_new_checkpoint",
]  # fmt: skip


def __dir__():
    return list(__all__)
