"""`GGTOptimizer`: full-matrix Adagrad over the gradients of the last steps."""

from __future__ import annotations

from ... import dtypes
from ...graph.scopes import control_dependencies
from ...graph.stack import get_default_graph
from ...ops import state
from ...ops.array import expand_dims, reshape, transpose, zeros
from ...ops.build import convert_to_tensor
from ...ops.cast import cast
from ...ops.control_flow import cond
from ...ops.core import group
from ...ops.decompositions import svd
from ...ops.linalg import eye, matmul
from ...ops.math import divide, floormod, greater, minimum, pow
from ...ops.math_unary import sqrt
from ...ops.matrix import diag
from ...ops.ranges import range as range_of
from ...ops.reduce import reduce_min
from ...train.optimizer import Optimizer

__all__ = ["GGTOptimizer"]


class GGTOptimizer(Optimizer):
    """GGT, of Agarwal et al. (2018): all gradients as one vector, preconditioned by those of the last steps.

        m = beta1 * m + (1 - beta1) * gradient;  G = the last m's, as columns, / sqrt(how many)
        U, sigma = svd(G^T G + svd_eps * I);  root = sqrt(sigma)
        step = G U (root + sigma_eps)^-3 U^T G^T m
        where the smallest root is above eps:  step += (m - G U sigma^-1 U^T G^T m) / the smallest root
        var -= learning_rate * step

    Args:
      learning_rate: the rate.
      beta1: how slowly the mean of the gradients follows.
      use_locking: accepted.
      name: of the optimizer.
      window: how many means are kept.
      eps, svd_eps, sigma_eps: small numbers, as above.
    """

    def __init__(self, learning_rate=0.001, beta1=0.9, use_locking=False, name="GGT", window=10, eps=1e-4, svd_eps=1e-6,
                 sigma_eps=1e-2):  # fmt: skip
        super().__init__(use_locking, name)
        self._hyper = {
            "beta1": beta1, "eps": eps, "lr": learning_rate, "sigma_eps": sigma_eps, "svd_eps": svd_eps, "window": window,
        }  # fmt: skip
        self._tensors = {}
        self._variables = []
        self.index_dict = {}
        self.shape_dict = {}

    def _create_slots(self, var_list):
        place = 0
        self.shape_dict = {v.name: v.get_shape().num_elements() for v in sorted(var_list, key=lambda v: v.name)}
        for name, size in self.shape_dict.items():
            self.index_dict[name] = place
            place += size
        first, window = min(var_list, key=lambda v: v.name), self._call_if_callable(self._hyper["window"])
        dtype = first.dtype.base_dtype
        self._create_non_slot_variable(cast(0.0, dtype), "global_step", first)
        self._create_non_slot_variable(zeros([window, place], dtype), "grad_buffer", first)
        self._create_non_slot_variable(zeros([place], dtype), "moment1", first)
        self._create_non_slot_variable(zeros([place], dtype), "flat_grad", first)

    def _own(self, name):
        return self._get_non_slot_variable(name, graph=get_default_graph())

    def _prepare(self):
        self._variables = []
        self._tensors = {k: convert_to_tensor(self._call_if_callable(v), name=k) for k, v in self._hyper.items()}

    def _span(self, var):
        start = self.index_dict[var.name]
        return start, start + self.shape_dict[var.name]

    def _apply_dense(self, grad, var):
        self._variables.append(var)
        flat = reshape(grad, [-1])
        return state.scatter_update(self._own("flat_grad"), range_of(*self._span(var)), flat)

    def _resource_apply_dense(self, grad, var):
        return self._apply_dense(grad, var)

    def _apply_sparse(self, grad, var):
        raise NotImplementedError("Sparse gradient updates are not supported.")

    def _finish(self, update_ops, name_scope):
        with control_dependencies(update_ops):
            return group(*self._moves(), name=name_scope)

    def _moves(self):
        dtype = self._variables[0].dtype.base_dtype
        beta1, eps, rate, sigma_eps, svd_eps = (
            cast(self._tensors[name], dtype) for name in ("beta1", "eps", "lr", "sigma_eps", "svd_eps")
        )
        window, moment, flat = self._tensors["window"], self._own("moment1"), self._own("flat_grad")
        count = state.assign_add(self._own("global_step"), 1.0)
        new_moment = moment.assign(beta1 * moment + (1.0 - beta1) * flat)
        place = floormod(cast(count - 1.0, dtypes.int32), window)
        kept = state.scatter_update(self._own("grad_buffer"), place, new_moment)
        many = sqrt(minimum(convert_to_tensor(count), cast(window, dtype)))
        column = expand_dims(new_moment, -1)
        g = transpose(divide(kept, many))
        sigma, u, _ = svd(matmul(g, g, transpose_a=True) + cast(eye(window), dtype) * svd_eps)
        root = sqrt(sigma)
        smallest = reduce_min(root)

        def projected(scales):
            inner = matmul(u, matmul(g, column, transpose_a=True), transpose_a=True)
            return matmul(g, matmul(u, matmul(diag(scales), inner)))

        one = cast(1.0, dtype)
        head = projected(divide(one, pow(root + sigma_eps, 3)))
        tail = divide(column - projected(divide(one, sigma)), smallest)
        nothing = expand_dims(zeros(flat.get_shape(), dtype), -1)
        step = cond(greater(smallest, eps), lambda: head + tail, lambda: nothing + head)
        moves = []
        for variable in self._variables:
            start, end = self._span(variable)
            own = reshape(step[start:end], variable.get_shape())
            moves.append(state.assign_sub(variable, rate * own))
        return moves
