"""`tf.train.experimental`: loss scales, and state of Python in checkpoints."""

from .loss_scale import DynamicLossScale, FixedLossScale, LossScale
from .loss_scale_optimizer import (
    MixedPrecisionLossScaleOptimizer,
    disable_mixed_precision_graph_rewrite,
    enable_mixed_precision_graph_rewrite,
)
from .python_state import PythonState

__all__ = [
    "DynamicLossScale", "FixedLossScale", "LossScale", "MixedPrecisionLossScaleOptimizer", "PythonState",
    "disable_mixed_precision_graph_rewrite", "enable_mixed_precision_graph_rewrite",
]  # fmt: skip
