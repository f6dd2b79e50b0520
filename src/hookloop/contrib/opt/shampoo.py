"""`ShampooOptimizer`: a preconditioning matrix for each dimension of a variable."""

from __future__ import annotations

import typing

from ... import dtypes, logging
from ...graph.scopes import colocate_with, name_scope
from ...ops import state
from ...ops.array import expand_dims, shape, transpose, zeros, zeros_like
from ...ops.build import convert_to_tensor
from ...ops.cast import cast
from ...ops.control_flow import cond
from ...ops.decompositions import svd
from ...ops.gather import gather, scatter_nd
from ...ops.linalg import eye, matmul, tensordot
from ...ops.math import greater, less, maximum, mod, pow
from ...ops.reduce import reduce_sum
from ...ops.select import where
from ...train.optimizer import Optimizer
from . import matrix_functions

__all__ = ["ShampooOptimizer"]


def _at(value, step):
    return value(step) if callable(value) else value


class _Numbers(typing.NamedTuple):
    """The settings as they are at a step."""

    step: object
    decay: object
    weight: object
    alpha: object
    svd_interval: object
    update_interval: object


class ShampooOptimizer(Optimizer):
    """Shampoo, of Gupta, Koren and Singer (2018): Adagrad with a matrix for each dimension of a variable.

        gbar = gbar_decay * gbar + gbar_weight * gradient
        mat_gbar[j] = mat_gbar_decay * mat_gbar[j] + mat_gbar_weight * gradient . gradient, along all dimensions but j
        var -= learning_rate * gbar, times mat_gbar[j]^(-alpha / rank) along each dimension j

    Numbers may be functions of the step, which is counted from 1.

    Args:
      global_step: the variable that counts the steps.
      max_matrix_size: a longer dimension has the diagonal of its matrix alone.
      gbar_decay, gbar_weight: how the mean of the gradients follows.
      mat_gbar_decay, mat_gbar_weight: how the matrices follow.
      learning_rate: the rate.
      svd_interval: every how many steps the matrices' powers are made anew.
      precond_update_interval: every how many steps the matrices follow.
      epsilon: is added to the matrices' diagonals.
      alpha: the power of all matrices together.
      use_iterative_root: whether powers are made by iterations instead of a decomposition.
      use_locking: accepted.
      name: prefix of the ops and slots.
    """

    def __init__(self, global_step=0, max_matrix_size=768, gbar_decay=0.0, gbar_weight=1.0, mat_gbar_decay=1.0,
                 mat_gbar_weight=1.0, learning_rate=1.0, svd_interval=1, precond_update_interval=1, epsilon=1e-4, alpha=0.5,
                 use_iterative_root=False, use_locking=False, name="Shampoo"):  # fmt: skip
        super().__init__(use_locking, name)
        self._global_step = cast(global_step, dtypes.float32)
        self._max_matrix_size = max_matrix_size
        self._gbar_decay = gbar_decay
        self._gbar_weight = gbar_weight
        self._mat_gbar_decay = mat_gbar_decay
        self._mat_gbar_weight = mat_gbar_weight
        self._learning_rate = learning_rate
        self._svd_interval = svd_interval
        self._precond_update_interval = precond_update_interval
        self._epsilon = epsilon
        self._alpha = alpha
        self._use_iterative_root = use_iterative_root

    def _create_slots(self, var_list):
        for variable in var_list:
            with colocate_with(variable):
                self._zeros_slot(variable, "gbar", self._name)
                for i, size in enumerate(variable.get_shape()):
                    rows = convert_to_tensor(size)
                    if size <= self._max_matrix_size:
                        initial = zeros_like(eye(rows))
                        if self._svd_interval > 1:
                            self._get_or_make_slot(variable, eye(rows), f"H_{i}", self._name)
                    else:
                        initial = zeros([rows])
                    self._get_or_make_slot(variable, initial, f"Gbar_{i}", self._name)

    def _apply_dense(self, grad, var):
        return self._apply_gradient(grad, var)

    def _resource_apply_dense(self, grad, var):
        return self._apply_gradient(grad, var)

    def _apply_sparse(self, grad, var):
        return self._apply_rows(grad.values, grad.indices, var)

    def _resource_apply_sparse(self, grad, var, indices):
        return self._apply_rows(grad, indices, var)

    def _apply_rows(self, values, indices, var):
        if var.get_shape()[0] <= self._max_matrix_size or self._gbar_decay != 0.0:
            dense = scatter_nd(expand_dims(indices, axis=1), values, shape(var, out_type=indices.dtype))
            return self._apply_gradient(dense, var)
        return self._apply_gradient(values, var, indices)

    @staticmethod
    def _follow(slot, decay, decay_now, rest):
        """decay * slot + rest, which is kept where a later step asks for it."""
        if decay == 0.0:
            return rest
        if decay == 1.0:
            return state.assign_add(slot, rest)
        return slot.assign_add((decay_now - 1) * slot + rest)

    def _power_of(self, var, matrix, size, alpha, slot_name=None):
        with name_scope("matrix_iterative_power"):
            if self._use_iterative_root:
                root = matrix_functions.matrix_square_root(matrix, size, 100, self._epsilon)
                found = matrix_functions.matrix_inverse_pth_root(root, size, 2 * alpha, 100, 1e-6, ridge_epsilon=0.0)
            elif size == 1:
                found = pow(matrix + self._epsilon, alpha)
            else:
                values, left, right = svd(matrix + self._epsilon * eye(cast(size, dtypes.int32)), full_matrices=True)
                found = matmul(right * pow(maximum(values, self._epsilon), alpha), transpose(left))
            return found if slot_name is None else state.assign(self.get_slot(var, slot_name), found)

    def _matrix(self, var, grad, i, others, size, now):
        """What the gradient is multiplied by along dimension i: a power of its matrix."""
        slot, alpha = self.get_slot(var, f"Gbar_{i}"), now.alpha

        def follow():
            weight = now.weight * now.update_interval
            products = tensordot(grad, grad, axes=(others, others), name=f"grad_outer_{i}")
            return self._follow(slot, self._mat_gbar_decay, now.decay, weight * products)

        matrix = cond(less(mod(now.step, now.update_interval), 1), follow, lambda: slot) / float(size)
        if self._svd_interval == 1:
            return self._power_of(var, matrix, size, alpha)
        return cond(
            less(mod(now.step, now.svd_interval), 1),
            lambda: self._power_of(var, matrix, size, alpha, f"H_{i}"),
            lambda: self.get_slot(var, f"H_{i}"),
        )

    def _diagonal(self, var, grad, i, others, size, now, indices):
        """The same of a long dimension, whose matrix is a diagonal."""
        slot = self.get_slot(var, f"Gbar_{i}")
        products = grad * grad
        if others:
            products = reduce_sum(products, axis=others) / (float(size) if indices is None else 1.0)
        if i == 0 and indices is not None:
            assert self._mat_gbar_decay == 1.0
            diagonal = gather(state.scatter_add(slot, indices, now.weight * products), indices)
        else:
            diagonal = self._follow(slot, self._mat_gbar_decay, now.decay, now.weight * products)
        return where(greater(diagonal, 0), pow(diagonal, now.alpha), zeros_like(diagonal))

    def _apply_gradient(self, grad, var, indices=None):
        step = self._global_step + 1
        decay, weight = _at(self._gbar_decay, step), _at(self._gbar_weight, step)
        if indices is None:
            moved = self._follow(self.get_slot(var, "gbar"), self._gbar_decay, decay, weight * grad)
        else:
            if self._gbar_decay != 0.0:
                logging.warning(f"Not applying momentum for variable: {var.name}")
            moved = grad
        sizes = var.get_shape().as_list()
        rank = len(sizes)
        now = _Numbers(
            step, _at(self._mat_gbar_decay, step), _at(self._mat_gbar_weight, step), -_at(self._alpha, step) / max(rank, 1),
            _at(self._svd_interval, step), _at(self._precond_update_interval, step),
        )  # fmt: skip
        for i, size in enumerate(sizes):
            others = [j for j in range(rank) if j != i]
            if size <= self._max_matrix_size:
                # The first dimension is taken away and comes back as the last, so the next is the first now.
                matrix = self._matrix(var, grad, i, others, size, now)
                moved = tensordot(moved, matrix, axes=([0], [0]), name=f"precond_{i}")
            else:
                scale = self._diagonal(var, grad, i, others, size, now, indices)
                moved = transpose(moved, perm=[*range(1, rank), 0]) * scale
        rate = _at(self._learning_rate, step)
        if indices is not None:
            return state.scatter_add(var, indices, -rate * moved)
        return state.assign_sub(var, rate * moved)
