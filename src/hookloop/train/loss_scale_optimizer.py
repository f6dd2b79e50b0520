"""`MixedPrecisionLossScaleOptimizer`: an optimizer whose loss is multiplied by a loss scale; and what wraps one."""

from __future__ import annotations

from .. import logging
from ..ops.build import constant
from ..ops.control_flow import cond
from ..ops.core import group, no_op
from ..ops.indexed_slices import IndexedSlices
from .loss_scale import DynamicLossScale, loss_scale_of
from .optimizer import Optimizer

__all__ = [
    "MixedPrecisionLossScaleOptimizer", "disable_mixed_precision_graph_rewrite", "enable_mixed_precision_graph_rewrite",
]  # fmt: skip


class MixedPrecisionLossScaleOptimizer(Optimizer):
    """Multiplies the loss of another optimizer by a loss scale, and divides the gradients by it.

    With a `DynamicLossScale`, a step whose gradients are not all finite changes neither the variables nor the global step.

    Args:
      opt: the other optimizer.
      loss_scale: a number, "dynamic", or a `LossScale`.

    Raises:
      ValueError: where they are something else.
    """

    def __init__(self, opt, loss_scale):
        if not isinstance(opt, Optimizer):
            raise ValueError(f'"opt" must be an instance of Optimizer, but got: {type(opt)}')
        super().__init__(opt._use_locking, opt.get_name())
        self._optimizer = opt
        self._loss_scale = loss_scale_of(loss_scale)
        self._track_trackable(opt, "base_optimizer")
        self._track_trackable(self._loss_scale, "loss_scale")

    def compute_gradients(self, loss, var_list=None, gate_gradients=Optimizer.GATE_OP, aggregation_method=None,
                          colocate_gradients_with_ops=False, grad_loss=None):  # fmt: skip
        """The gradients of a loss, not scaled; arguments as of `Optimizer.compute_gradients`."""
        pairs = self._optimizer.compute_gradients(
            self._scaled(loss), var_list=var_list, gate_gradients=gate_gradients, aggregation_method=aggregation_method,
            colocate_gradients_with_ops=colocate_gradients_with_ops, grad_loss=grad_loss,
        )  # fmt: skip
        factor = 1 / self._loss_scale()
        return [(None if grad is None else _times(grad, factor), variable) for grad, variable in pairs]

    def _scaled(self, loss):
        scale = self._loss_scale()
        return (lambda: loss() * scale) if callable(loss) else loss * scale

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """The operation that applies gradients, where they are finite; arguments as of `Optimizer.apply_gradients`."""
        if not isinstance(self._loss_scale, DynamicLossScale):
            return self._optimizer.apply_gradients(grads_and_vars, global_step, name)
        pairs = tuple(grads_and_vars)
        name = self.get_name() if name is None else name
        update, finite = self._loss_scale.update([grad for grad, _ in pairs])

        def apply():
            constant(0)  # in TensorFlow the number of the replica: names behind it are counted with it
            return self._optimizer.apply_gradients(pairs, global_step, name + "-wrapped")

        return group(cond(finite, apply, no_op), update, name=name)

    def _never(self, *_):
        raise RuntimeError("This function should never be called")

    _apply_dense = _apply_sparse = _resource_apply_dense = _resource_apply_sparse = _never


def _times(grad, factor):
    if isinstance(grad, IndexedSlices):
        return IndexedSlices(grad.values * factor, grad.indices, grad.dense_shape)
    return grad * factor


_rewriting = False  # whether a program has asked for it


def enable_mixed_precision_graph_rewrite(opt, loss_scale="dynamic"):
    """The optimizer with a loss scale. No number becomes a 16-bit one: a CPU is not faster with them.

    Args:
      opt: an optimizer.
      loss_scale: a number, "dynamic", or a `LossScale`.

    Raises:
      ValueError: where `opt` is no optimizer, or has a loss scale already.
    """
    global _rewriting
    if isinstance(opt, MixedPrecisionLossScaleOptimizer):
        raise ValueError(
            '"opt" must not already be an instance of a MixedPrecisionLossScaleOptimizer. '
            "`enable_mixed_precision_graph_rewrite` will automatically wrap the optimizer with a "
            "MixedPrecisionLossScaleOptimizer."
        )
    if not isinstance(opt, Optimizer):
        raise ValueError(
            f'"opt" must be an instance of a tf.train.Optimizer or a tf.keras.optimizers.Optimizer, but got: {opt}'
        )
    _rewriting = True
    return MixedPrecisionLossScaleOptimizer(opt, loss_scale)


def disable_mixed_precision_graph_rewrite():
    """Takes back `enable_mixed_precision_graph_rewrite`; optimizers keep their loss scale."""
    global _rewriting
    if not _rewriting:
        logging.warning("disable_mixed_precision_graph_rewrite() called when mixed precision is already disabled.")
    _rewriting = False
