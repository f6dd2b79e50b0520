"""`tf.contrib.opt`: variants of optimizers, optimizers around others, and minimizing with algorithms that are no graph's."""

from .adam_variants import LazyAdamOptimizer, NadamOptimizer
from .clipping import MultitaskOptimizerWrapper, VariableClippingOptimizer, clip_gradients_by_global_norm
from .external import ExternalOptimizerInterface, ScipyOptimizerInterface
from .lars import LARSOptimizer
from .moving_average_optimizer import MovingAverageOptimizer
from .weight_decay import (
    AdamWOptimizer,
    DecoupledWeightDecayExtension,
    MomentumWOptimizer,
    extend_with_decoupled_weight_decay,
)

__all__ = [
    "AdamWOptimizer", "DecoupledWeightDecayExtension", "ExternalOptimizerInterface", "LARSOptimizer", "LazyAdamOptimizer",
    "MomentumWOptimizer", "MovingAverageOptimizer", "MultitaskOptimizerWrapper", "NadamOptimizer", "ScipyOptimizerInterface",
    "VariableClippingOptimizer", "clip_gradients_by_global_norm", "extend_with_decoupled_weight_decay",
]  # fmt: skip


def __dir__():
    return list(__all__)
