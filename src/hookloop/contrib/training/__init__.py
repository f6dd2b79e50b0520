"""`tf.contrib.training`: evaluating the checkpoints of a training, and the hooks for it."""

from .checkpoints import checkpoints_iterator, wait_for_new_checkpoint
from .evaluation import evaluate_once, evaluate_repeatedly, get_or_create_eval_step
from .stop_after_n_evals_hook import StopAfterNEvalsHook
from .summary_at_end_hook import SummaryAtEndHook

__all__ = [
    "StopAfterNEvalsHook", "SummaryAtEndHook", "checkpoints_iterator", "evaluate_once", "evaluate_repeatedly",
    "get_or_create_eval_step", "wait_for_new_checkpoint",
]  # fmt: skip


def __dir__():
    return list(__all__)
