"""Roots of symmetric matrices by iterations of products, which Shampoo may use instead of a decomposition."""

from __future__ import annotations

from ... import dtypes
from ...ops.cast import cast
from ...ops.control_flow import while_loop
from ...ops.linalg import eye, matmul, norm
from ...ops.math import greater, less, logical_and, pow
from ...ops.math_unary import abs, sqrt
from ...ops.reduce import reduce_max, reduce_sum

__all__ = ["matrix_inverse_pth_root", "matrix_square_root"]


def matrix_square_root(mat_a, mat_a_size, iter_count=100, ridge_epsilon=1e-4):
    """The square root of a matrix, by the coupled iteration of Denman and Beavers in the form without inverses.

    Args:
      mat_a: a symmetric matrix without negative eigenvalues.
      mat_a_size: how many rows it has.
      iter_count: how many iterations at most; it ends before where the error grows.
      ridge_epsilon: is added to the diagonal before.
    """
    identity = eye(cast(mat_a_size, dtypes.int32))
    mat_a = mat_a + ridge_epsilon * identity
    size = sqrt(reduce_sum(mat_a * mat_a))

    def goes_on(i, y, old_y, z, old_z, error, old_error):
        return logical_and(less(i, iter_count), less(error, old_error))

    def body(i, y, old_y, z, old_z, error, old_error):
        step = 0.5 * (3.0 * identity - matmul(z, y))
        new_y, new_z = matmul(y, step), matmul(step, z)
        root = new_y * sqrt(size)
        rest = mat_a - matmul(root, root)
        return i + 1, new_y, y, new_z, z, sqrt(reduce_sum(rest * rest)) / size, error

    start = mat_a / size
    found = while_loop(goes_on, body, [0, start, start, identity, identity, size, size + 1.0])
    return found[2] * sqrt(size)


def _power(matrix, p):
    result = None
    while p > 0:
        if p % 2 == 1:
            result = matrix if result is None else matmul(matrix, result)
        p //= 2
        matrix = matmul(matrix, matrix)
    return result


def matrix_inverse_pth_root(mat_g, mat_g_size, alpha, iter_count=100, epsilon=1e-6, ridge_epsilon=1e-6):
    """mat_g^alpha, by the iteration of Schur and Newton (Guo and Higham, 2006).

    Args:
      mat_g: a symmetric matrix without negative eigenvalues.
      mat_g_size: how many rows it has.
      alpha: -1 / p for a whole number p above 0.
      iter_count: how many iterations at most.
      epsilon: how near the iteration is to end.
      ridge_epsilon: is added to the diagonal before.
    """
    if mat_g_size == 1:
        return pow(mat_g + ridge_epsilon, alpha)
    p = -1.0 / alpha
    assert p == int(p) and p > 0
    identity = eye(cast(mat_g_size, dtypes.int32))

    def goes_on(i, m, x):
        return logical_and(less(i, iter_count), greater(reduce_max(abs(m - identity)), epsilon))

    def body(i, m, x):
        step = (1 - alpha) * identity + alpha * m
        return i + 1, matmul(_power(step, int(p)), m), matmul(x, step)

    damped = mat_g + ridge_epsilon * identity
    z = (1 - 1 / alpha) / (2 * norm(damped))
    return while_loop(goes_on, body, [0, damped * z, identity * pow(z, -alpha)])[2]
