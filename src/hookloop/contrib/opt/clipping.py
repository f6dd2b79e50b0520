"""Optimizers that keep the norms of variables within bounds, and that leave out gradients that are zero."""

from __future__ import annotations

import contextlib
from types import MethodType

from ... import logging
from ...graph.scopes import colocate_with, control_dependencies, name_scope
from ...ops.array import zeros
from ...ops.clip import clip_by_global_norm, clip_by_norm, global_norm
from ...ops.conditional import cond
from ...ops.core import group, no_op
from ...ops.gather import gather
from ...ops.indexed_slices import IndexedSlices
from ...ops.math import equal
from ...ops.reduce import count_nonzero
from ...train.optimizer import Optimizer

__all__ = ["MultitaskOptimizerWrapper", "VariableClippingOptimizer", "clip_gradients_by_global_norm"]


class VariableClippingOptimizer(Optimizer):
    """An optimizer after whose steps the norms of variables are clipped.

    Args:
      opt: the optimizer that makes and applies gradients.
      vars_to_clip_dims: {variable: the axes over which its norm is taken}. Of a sparse gradient only its rows are clipped, where the
        first axis is none of these.
      max_norm: the largest norm.
      use_locking: whether clipping and other writes exclude each other.
      colocate_clip_ops_with_vars: whether all ops lie beside the variables.
      name: of the scope of the nodes.
    """

    def __init__(self, opt, vars_to_clip_dims, max_norm, use_locking=False, colocate_clip_ops_with_vars=False,
                 name="VariableClipping"):  # fmt: skip
        super().__init__(use_locking, name)
        self._opt = opt
        self._vars_to_clip_dims = {variable: axes[:] for variable, axes in vars_to_clip_dims.items()}
        self._max_norm = max_norm
        self._colocate_clip_ops_with_vars = colocate_clip_ops_with_vars

    def compute_gradients(self, *args, **kwargs):
        return self._opt.compute_gradients(*args, **kwargs)

    def get_slot(self, *args, **kwargs):
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args, **kwargs):
        return self._opt.get_slot_names(*args, **kwargs)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        with name_scope(name, self._name) as scope:
            update = self._opt.apply_gradients(grads_and_vars, global_step=global_step)
            clips = []
            with control_dependencies([update]):
                for grad, variable in grads_and_vars:
                    if grad is None or variable not in self._vars_to_clip_dims:
                        continue
                    with name_scope("clip_" + variable.op.name):
                        clip = (
                            self._clip_sparse(grad, variable)
                            if isinstance(grad, IndexedSlices)
                            else self._clip_dense(variable)
                        )
                    clips.append(clip)
            return group(update, *clips, name=scope)

    def _clip_dense(self, variable):
        with self._maybe_colocate_with(variable):
            value = variable.read_value()
            change = value - clip_by_norm(value, self._max_norm, self._vars_to_clip_dims[variable])
        with colocate_with(variable):
            return variable.assign_sub(change, use_locking=self._use_locking)

    def _clip_sparse(self, grad, variable):
        axes = self._vars_to_clip_dims[variable]
        if 0 in axes:
            logging.warning(
                "Clipping norm across dims %s for %s is inefficient when including sparse dimension 0.",
                axes,
                variable.op.name,
            )
            return self._clip_dense(variable)
        with colocate_with(variable):
            rows = gather(variable, grad.indices)
        with self._maybe_colocate_with(variable):
            change = rows - clip_by_norm(rows, self._max_norm, axes)
            change = IndexedSlices(change, grad.indices, grad.dense_shape)
        with colocate_with(variable):
            return variable.scatter_sub(change, use_locking=self._use_locking)

    def _maybe_colocate_with(self, variable):
        return colocate_with(variable) if self._colocate_clip_ops_with_vars else contextlib.nullcontext()


def _is_zero(grad):
    return equal(count_nonzero(grad), 0)


class MultitaskOptimizerWrapper:
    """An optimizer that leaves a variable and its slots as they are where the gradient is zero: momentum moves nothing for a task
    that takes no part in a step.

    Args:
      opt: the optimizer. Its own methods change.

    Raises:
      TypeError: it is no optimizer.
    """

    def __init__(self, opt):
        if not isinstance(opt, Optimizer):
            raise TypeError("Supplied optimizer must be an instance of tf.train.Optimizer")
        self._opt = opt
        for name in ("_apply_dense", "_resource_apply_dense", "_apply_sparse", "_resource_apply_sparse"):
            setattr(opt, name, MethodType(_unless_zero(getattr(opt, name)), opt))

    def __getattr__(self, name):
        return getattr(self._opt, name)


def _unless_zero(apply):
    def wrapper(self, grad, *args, **kwargs):
        def call():
            with control_dependencies([apply(grad, *args, **kwargs)]):
                return no_op()

        return cond(_is_zero(grad), no_op, call)

    return wrapper


def clip_gradients_by_global_norm(gradients_variables, clip_norm=20.0):
    """Gradients clipped by their common norm, in which one that is zero counts as one number.

    Args:
      gradients_variables: pairs of a gradient or None, and its variable.
      clip_norm: the largest norm.

    Returns:
      (pairs of clipped gradients and variables, the norm before).
    """
    gradients, variables = zip(*gradients_variables)

    def without_zeros(grad):
        if grad is None:
            return None
        return cond(_is_zero(grad), lambda: zeros([], dtype=grad.dtype), lambda: grad)

    norm = global_norm([without_zeros(grad) for grad in gradients])
    clipped, _ = clip_by_global_norm(gradients, clip_norm, use_norm=norm)
    return list(zip(clipped, variables)), norm
