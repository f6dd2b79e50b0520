"""`tf.contrib.opt`: variants of optimizers, optimizers around others, and minimizing with algorithms that are no graph's."""

from .adam_variants import (
    AdaMaxOptimizer,
    AdamGSOptimizer,
    LazyAdamGSOptimizer,
    LazyAdamOptimizer,
    NadamOptimizer,
)
from .clipping import MultitaskOptimizerWrapper, VariableClippingOptimizer, clip_gradients_by_global_norm
from .drop_stale import DropStaleGradientOptimizer
from .external import ExternalOptimizerInterface, ScipyOptimizerInterface
from .ggt import GGTOptimizer
from .lars import LARSOptimizer
from .moving_average_optimizer import MovingAverageOptimizer
from .reg_adagrad import RegAdagradOptimizer
from .shampoo import ShampooOptimizer
from .signs import AddSignOptimizer, PowerSignOptimizer
from .weight_decay import (
    AdamWOptimizer,
    DecoupledWeightDecayExtension,
    MomentumWOptimizer,
    extend_with_decoupled_weight_decay,
)

__all__ = [
    "AdaMaxOptimizer", "AdamGSOptimizer", "AdamWOptimizer", "AddSignOptimizer", "DecoupledWeightDecayExtension",
    "DropStaleGradientOptimizer", "ExternalOptimizerInterface", "GGTOptimizer", "LARSOptimizer", "LazyAdamGSOptimizer",
    "LazyAdamOptimizer", "MomentumWOptimizer", "MovingAverageOptimizer", "MultitaskOptimizerWrapper", "NadamOptimizer",
    "PowerSignOptimizer", "RegAdagradOptimizer", "ScipyOptimizerInterface", "ShampooOptimizer", "VariableClippingOptimizer",
    "clip_gradients_by_global_norm", "extend_with_decoupled_weight_decay",
]  # fmt: skip


def __dir__():
    return list(__all__)
