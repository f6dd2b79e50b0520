"""Optimizers whose weights decay by themselves, beside what the gradient does to them (Loshchilov and Hutter, 2017)."""

from __future__ import annotations

from ...graph.scopes import control_dependencies
from ...ops import state
from ...ops.build import apply_op, convert_to_tensor
from ...ops.core import no_op
from ...ops.gather import gather
from ...train.adam import AdamOptimizer
from ...train.momentum import MomentumOptimizer
from ...train.optimizer import Optimizer

__all__ = [
    "AdamWOptimizer",
    "DecoupledWeightDecayExtension",
    "MomentumWOptimizer",
    "extend_with_decoupled_weight_decay",
]


class DecoupledWeightDecayExtension:
    """Stands before an optimizer among a class's bases: `weight_decay` of a variable is subtracted from it before its update.

    The decay is not multiplied by the learning rate. Of a sparse gradient the rows decay that it has.

    Args:
      weight_decay: a number or a tensor.
      **kwargs: the optimizer's arguments.
    """

    def __init__(self, weight_decay, **kwargs):
        self._decay_var_list = None  # the variables that decay, or none: all
        self._weight_decay = weight_decay
        self._weight_decay_tensor = None
        super().__init__(**kwargs)

    def minimize(self, loss, global_step=None, var_list=None, gate_gradients=Optimizer.GATE_OP, aggregation_method=None,
                 colocate_gradients_with_ops=False, name=None, grad_loss=None, decay_var_list=None):  # fmt: skip
        """As the optimizer's.

        Args:
          decay_var_list: accepted. As in TensorFlow 1.15 all variables decay: only `apply_gradients` looks at it.
        """
        self._decay_var_list = set(decay_var_list) if decay_var_list else False
        return super().minimize(
            loss, global_step=global_step, var_list=var_list, gate_gradients=gate_gradients,
            aggregation_method=aggregation_method, colocate_gradients_with_ops=colocate_gradients_with_ops, name=name,
            grad_loss=grad_loss,
        )  # fmt: skip

    def apply_gradients(self, grads_and_vars, global_step=None, name=None, decay_var_list=None):
        """As the optimizer's.

        Args:
          decay_var_list: the variables that decay; all by default.
        """
        self._decay_var_list = set(decay_var_list) if decay_var_list else False
        return super().apply_gradients(grads_and_vars, global_step=global_step, name=name)

    def _prepare(self):
        decay = self._weight_decay
        self._weight_decay_tensor = convert_to_tensor(decay() if callable(decay) else decay, name="weight_decay")
        super()._prepare()

    def _decays(self, var):
        return not self._decay_var_list or var in self._decay_var_list

    def _decay_weights_op(self, var):
        return var.assign_sub(self._weight_decay * var, self._use_locking) if self._decays(var) else no_op()

    def _decay_weights_sparse_op(self, var, indices, scatter_add):
        if not self._decays(var):
            return no_op()
        return scatter_add(var, indices, -self._weight_decay * gather(var, indices), self._use_locking)

    def _apply_dense(self, grad, var):
        with control_dependencies([self._decay_weights_op(var)]):
            return super()._apply_dense(grad, var)

    def _resource_apply_dense(self, grad, var):
        with control_dependencies([self._decay_weights_op(var)]):
            return super()._resource_apply_dense(grad, var)

    def _apply_sparse(self, grad, var):
        with control_dependencies([self._decay_weights_sparse_op(var, grad.indices, state.scatter_add)]):
            return super()._apply_sparse(grad, var)

    def _resource_scatter_add(self, x, i, v, _=None):
        with control_dependencies([apply_op("ResourceScatterAdd", [x.handle, i, v])]):
            return x.value()

    def _resource_apply_sparse(self, grad, var, indices):
        with control_dependencies([self._decay_weights_sparse_op(var, indices, self._resource_scatter_add)]):
            return super()._resource_apply_sparse(grad, var, indices)


def extend_with_decoupled_weight_decay(base_optimizer):
    """A class of an optimizer whose weights decay; its first argument is the decay.

    Args:
      base_optimizer: the optimizer's class.
    """

    class OptimizerWithDecoupledWeightDecay(DecoupledWeightDecayExtension, base_optimizer):
        """The optimizer, with a decay of its weights."""

        def __init__(self, weight_decay, *args, **kwargs):
            super().__init__(weight_decay, *args, **kwargs)

    return OptimizerWithDecoupledWeightDecay


class MomentumWOptimizer(DecoupledWeightDecayExtension, MomentumOptimizer):
    """Momentum with a decay of the weights.

    Args:
      weight_decay: what part of a weight is subtracted from it in each step.
      learning_rate, momentum, use_locking, name, use_nesterov: those of `MomentumOptimizer`.
    """

    def __init__(self, weight_decay, learning_rate, momentum, use_locking=False, name="MomentumW", use_nesterov=False):
        super().__init__(
            weight_decay, learning_rate=learning_rate, momentum=momentum, use_locking=use_locking, name=name,
            use_nesterov=use_nesterov,
        )  # fmt: skip


class AdamWOptimizer(DecoupledWeightDecayExtension, AdamOptimizer):
    """Adam with a decay of the weights.

    Args:
      weight_decay: what part of a weight is subtracted from it in each step.
      learning_rate, beta1, beta2, epsilon, use_locking, name: those of `AdamOptimizer`.
    """

    def __init__(self, weight_decay, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False,
                 name="AdamW"):  # fmt: skip
        super().__init__(
            weight_decay, learning_rate=learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon,
            use_locking=use_locking, name=name,
        )  # fmt: skip
