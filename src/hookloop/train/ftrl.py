"""`FtrlOptimizer`."""

from __future__ import annotations

from ..graph.scopes import colocate_with
from ..ops.build import apply_op, constant, convert_to_tensor
from ..ops.cast import cast
from .optimizer import Optimizer

__all__ = ["FtrlOptimizer"]


class FtrlOptimizer(Optimizer):
    """FTRL-proximal, of McMahan et al. (2013), for sparse models.

    Args:
      learning_rate: a number or tensor.
      learning_rate_power: 0 or less: how the rate falls as an element's gradients add up.
      initial_accumulator_value: what the accumulators begin with, 0 or more.
      l1_regularization_strength, l2_regularization_strength: numbers, 0 or more.
      use_locking: whether two threads' updates exclude each other.
      name: prefix of the ops.
      accum_name, linear_name: what the slots "accum" and "linear" are named after instead of `name`.
      l2_shrinkage_regularization_strength: 0 or more: adds twice so much of the variable to the gradient.

    Raises:
      ValueError: where a setting has the wrong sign.
    """

    def __init__(self, learning_rate, learning_rate_power=-0.5, initial_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0, use_locking=False, name="Ftrl",
                 accum_name=None, linear_name=None, l2_shrinkage_regularization_strength=0.0):  # fmt: skip
        super().__init__(use_locking, name)
        if initial_accumulator_value < 0.0:
            raise ValueError(f"initial_accumulator_value {initial_accumulator_value:f} needs to be positive or zero")
        if learning_rate_power > 0.0:
            raise ValueError(f"learning_rate_power {learning_rate_power:f} needs to be negative or zero")
        strengths = {"l1_regularization_strength": l1_regularization_strength,
                     "l2_regularization_strength": l2_regularization_strength,
                     "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength}  # fmt: skip
        for setting, value in strengths.items():
            if value < 0.0:
                raise ValueError(f"{setting} {value:f} needs to be positive or zero")
        self._initial_accumulator_value = initial_accumulator_value
        self._settings = {"learning_rate": learning_rate, **strengths, "learning_rate_power": learning_rate_power}
        self._shrinks = l2_shrinkage_regularization_strength > 0
        self._accum_name, self._linear_name = accum_name, linear_name

    def _create_slots(self, var_list):
        for variable in var_list:
            with colocate_with(variable):
                initial = constant(
                    self._initial_accumulator_value, dtype=variable.dtype.base_dtype, shape=variable.get_shape()
                )
                self._get_or_make_slot(variable, initial, "accum", self._accum_name or self._name)
                self._zeros_slot(variable, "linear", self._linear_name or self._name)

    def _prepare(self):
        self._tensors = {name: convert_to_tensor(value, name=name) for name, value in self._settings.items()}

    def _update(self, prefix, handle_of, var, *grad):
        handles = [handle_of(v) for v in (var, self.get_slot(var, "accum"), self.get_slot(var, "linear"))]
        names = [name for name in self._tensors if self._shrinks or "shrinkage" not in name]
        scalars = [cast(self._tensors[name], var.dtype.base_dtype) for name in names]
        type = prefix + ("FtrlV2" if self._shrinks else "Ftrl")
        return apply_op(type, [*handles, *grad, *scalars], {"use_locking": self._use_locking})

    def _apply_dense(self, grad, var):
        return self._update("Apply", lambda v: v._ref(), var, grad)

    def _resource_apply_dense(self, grad, var):
        return self._update("ResourceApply", lambda v: v.handle, var, grad)

    def _apply_sparse(self, grad, var):
        return self._update("SparseApply", lambda v: v._ref(), var, grad.values, grad.indices)

    def _resource_apply_sparse(self, grad, var, indices):
        return self._update("ResourceSparseApply", lambda v: v.handle, var, grad, indices)
