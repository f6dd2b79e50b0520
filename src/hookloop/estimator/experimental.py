"""`tf.estimator.experimental`: hooks that end a training early, or evaluate within it."""

from .early_stopping import (
    make_early_stopping_hook,
    stop_if_higher_hook,
    stop_if_lower_hook,
    stop_if_no_decrease_hook,
    stop_if_no_increase_hook,
)
from .in_memory_evaluator_hook import InMemoryEvaluatorHook
from .stop_at_checkpoint_step_hook import make_stop_at_checkpoint_step_hook

__all__ = [
    "InMemoryEvaluatorHook", "make_early_stopping_hook", "make_stop_at_checkpoint_step_hook", "stop_if_higher_hook", "stop_if_lower_hook",
    "stop_if_no_decrease_hook", "stop_if_no_increase_hook",
]  # fmt: skip


def __dir__():
    return list(__all__)
