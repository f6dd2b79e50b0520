"""Functions of matrices: exponentials, logarithms, square roots, ranks, pseudo-inverses, triangular factors."""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np

from .. import dtypes
from ..graph.scopes import control_dependencies, name_scope
from . import kinds
from .array import expand_dims, matrix_transpose, reshape, shape
from .build import apply_op, convert_to_tensor
from .cast import cast
from .core import identity, stop_gradient
from .decompositions import _TYPES, _lapack, _square, matrix_solve, svd
from .linalg import eye, matmul
from .math import greater, less, maximum, pow
from .math_unary import abs, ceil, log
from .reduce import reduce_max, reduce_sum
from .registry import OpDef, register
from .select import where_v2
from .slicing import concat
from .while_loop import while_loop

__all__ = ["lu", "matrix_exponential", "matrix_logarithm", "matrix_rank", "matrix_square_root", "pinv"]


# --- with NumPy -----------------------------------------------------------------------------------------------


def _each_matrix(function):
    """A host function for batches of matrices, each by itself."""

    def compute(call, x):
        if x.size == 0:
            return np.array(x)
        return np.stack([function(matrix) for matrix in x.reshape(-1, *x.shape[-2:])]).reshape(x.shape)

    return _lapack(compute)


def _root(x):
    """Denman and Beavers' iteration in its product form, scaled by determinants (Higham, Functions of Matrices, 6.3)."""
    wide = np.result_type(x, np.float64)
    root, product = x.astype(wide), x.astype(wide)
    if not np.all(np.isfinite(root)) or _has_no_root(root):
        return np.full_like(x, np.nan)
    size, one = len(x), np.eye(len(x))
    for turn in range(100):
        scale = 1.0
        if turn < 8:
            scale = np.exp(-np.linalg.slogdet(product)[1] / (2 * size))
            scale = scale if np.isfinite(scale) else 1.0
        inverse = np.linalg.inv(product) / scale**2
        root = 0.5 * scale * (root + root @ inverse)
        product = 0.5 * (one + (scale**2 * product + inverse) / 2)
        if np.linalg.norm(product - one) <= 1e-15 * size or not np.all(np.isfinite(product)):
            break
    return root.astype(x.dtype)


def _has_no_root(x):
    """Whether the principal root of a matrix of real numbers is not real: it has a negative eigenvalue."""
    if np.iscomplexobj(x):
        return False
    values = np.linalg.eigvals(x)
    return bool(np.any((values.imag == 0) & (values.real < -1e-14 * np.abs(values).max())))


_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(10)


def _logarithm(x):
    """Square roots until the matrix is next to one, then the integral of (X - 1) / (1 + t (X - 1)) by Gauss and Legendre."""
    near, one, roots = x.astype(np.complex128), np.eye(len(x)), 0
    while np.linalg.norm(near - one, 1) > 0.25 and roots < 60:
        near = _root(near)
        roots += 1
    offset = near - one
    total = sum(w / 2 * np.linalg.solve(one + (t + 1) / 2 * offset, offset) for t, w in zip(_POINTS, _WEIGHTS))
    return (total * 2.0**roots).astype(x.dtype)


def _factors(call, x):
    """(the triangles in one matrix, the order of the rows), by Gaussian elimination with the largest pivot."""
    factors = np.array(x)
    size = x.shape[-1]
    order = np.broadcast_to(np.arange(size), x.shape[:-1]).copy()
    for rows, numbers in zip(factors.reshape(-1, size, size), order.reshape(-1, size)):
        for k in range(size):
            pivot = k + int(np.argmax(np.abs(rows[k:, k])))
            if rows[pivot, k] == 0:
                raise np.linalg.LinAlgError
            rows[[k, pivot]], numbers[[k, pivot]] = rows[[pivot, k]], numbers[[pivot, k]]
            rows[k + 1 :, k] /= rows[k, k]
            rows[k + 1 :, k + 1 :] -= np.outer(rows[k + 1 :, k], rows[k, k + 1 :])
    return factors, order.astype(call.attr("output_idx_type").as_numpy_dtype)


def _factored(c):
    found = _square(c)
    return [found, found[:-1]]


def _root_gradient(op, grad):
    """Of R R = X: the solution of R* G + G R* = the gradient, by a Kronecker sum."""
    root = matrix_transpose(op.outputs[0], conjugate=True)
    size = shape(root)[-1]
    one = eye(size, dtype=root.dtype)
    turned = matrix_transpose(root)
    left = expand_dims(expand_dims(root, -2), -1) * reshape(one, [1, size, 1, size])
    right = reshape(one, [size, 1, size, 1]) * expand_dims(expand_dims(turned, -2), -4)
    form = concat([shape(root)[:-2], [size * size, size * size]], 0)
    batch = shape(root)[:-2]
    system = reshape(left, form) + reshape(right + 0 * left, form)
    found = matrix_solve(system, reshape(grad, concat([batch, [size * size, 1]], 0)))
    return [reshape(found, shape(grad))]


register(
    OpDef("Lu", "input: T", "lu: T, p: output_idx_type", attrs={"output_idx_type": dtypes.int32},
          types={**_TYPES, "output_idx_type": kinds.INDEX}, shape=_factored, host=_lapack(_factors)),
    OpDef("MatrixLogarithm", "input: T", "output: T", types={"T": kinds.COMPLEX}, shape=_square, host=_each_matrix(_logarithm)),
    OpDef("MatrixSquareRoot", "input: T", "output: T", types=_TYPES, shape=_square, host=_each_matrix(_root),
          gradient=_root_gradient),
)  # fmt: skip


# --- public functions -------------------------------------------------------------------------------------------


_Lu = namedtuple("Lu", ["lu", "p"])


def lu(input, output_idx_type=dtypes.int32, name=None):
    """Triangular factors of square matrices whose rows are put into another order.

    Args:
      input: [..., n, n].
      output_idx_type: int32 or int64.
      name: the node's name.

    Returns:
      (lu, p): both factors in one matrix, without the ones on the diagonal of the lower one; which row of the input each row is.

    Raises:
      InvalidArgumentError: when it runs, for a matrix that has no inverse.
    """
    return _Lu(*apply_op("Lu", [input], {"output_idx_type": output_idx_type}, name))


def matrix_logarithm(input, name=None):
    """The principal logarithms of complex matrices."""
    return apply_op("MatrixLogarithm", [input], name=name)


def matrix_square_root(input, name=None):
    """The principal square roots of matrices: matrices that, multiplied by themselves, give them."""
    return apply_op("MatrixSquareRoot", [input], name=name)


_PADE = (64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
         10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0)  # fmt: skip
_NEAR = 5.371920351148152  # the norm up to which the approximation is exact to double precision


def matrix_exponential(input, name=None):
    """The exponentials of square matrices, by scaling, Pade's approximation of degree 13 and squaring (Higham, 2005).

    Args:
      input: [..., n, n], float or complex.
      name: the scope of the nodes.
    """
    with name_scope(name, "matrix_exponential", [input]):
        matrix = convert_to_tensor(input, name="input")
        if matrix._shape is not None and matrix._shape[-2:] == (0, 0):
            return matrix
        norm = reduce_max(reduce_sum(abs(matrix), -2), -1)
        squarings = stop_gradient(maximum(ceil(log(norm / _NEAR) / math.log(2)), 0))
        scale = expand_dims(expand_dims(cast(pow(2 * (squarings * 0 + 1), squarings), matrix.dtype), -1), -1)
        odd, even = _pade(matrix / scale)
        found = matrix_solve(even - odd, even + odd)
        turns = expand_dims(expand_dims(squarings, -1), -1)
        most = reduce_max(squarings)

        def square(i, x):
            return i + 1, where_v2(less(i, turns), matmul(x, x), x)

        start = cast(0, squarings.dtype)
        return while_loop(lambda i, x: less(i, most), square, [start, found])[1]


def _pade(x):
    """The odd and the even part of the numerator."""
    b = [convert_to_tensor(value, dtype=x.dtype) for value in _PADE]
    size = shape(x)[-1]
    one = eye(size, batch_shape=shape(x)[:-2], dtype=x.dtype)
    x2 = matmul(x, x)
    x4 = matmul(x2, x2)
    x6 = matmul(x4, x2)
    odd = matmul(x6, b[13] * x6 + b[11] * x4 + b[9] * x2) + b[7] * x6 + b[5] * x4 + b[3] * x2 + b[1] * one
    even = matmul(x6, b[12] * x6 + b[10] * x4 + b[8] * x2) + b[6] * x6 + b[4] * x4 + b[2] * x2 + b[0] * one
    return matmul(x, odd), even


def matrix_rank(a, tol=None, validate_args=False, name=None):
    """How many singular values of each matrix are larger than a tolerance.

    Args:
      a: [..., rows, columns].
      tol: the tolerance; by default the precision, times the larger side, times the largest singular value.
      validate_args: whether it is checked in the run that matrices have two axes.
      name: the scope of the nodes.

    Raises:
      TypeError: for a type that is no float.
      ValueError: where there are fewer than two axes.
    """
    with name_scope(name, "matrix_rank", [a]):
        a, checks = _checked(a, validate_args)
        with control_dependencies(checks):
            s = svd(a, compute_uv=False)
            if tol is None:
                longest = cast(reduce_max(shape(a)[-2:]), a.dtype) if not _sides(a) else cast(max(_sides(a)), a.dtype)
                precision = np.finfo(a.dtype.as_numpy_dtype).eps
                tol = precision * longest * reduce_max(s, axis=-1, keepdims=True)
            return reduce_sum(cast(greater(s, tol), dtypes.int32), axis=-1)


def pinv(a, rcond=None, validate_args=False, name=None):
    """The pseudo-inverses of matrices (Moore and Penrose), by their singular values.

    Args:
      a: [..., rows, columns].
      rcond: singular values below this share of the largest count as zero; 10 times the larger side times the precision by default.
      validate_args: whether it is checked in the run that matrices have two axes.
      name: the scope of the nodes.

    Returns:
      [..., columns, rows].

    Raises:
      TypeError: for a type that is no float.
      ValueError: where there are fewer than two axes.
    """
    with name_scope(name or "pinv"):
        a, checks = _checked(a, validate_args)
        precision = np.finfo(a.dtype.as_numpy_dtype).eps
        if rcond is None:
            sides = _sides(a)
            longest = float(max(sides)) if sides else cast(reduce_max(shape(a)[-2:]), a.dtype)
            rcond = 10.0 * longest * precision
        with control_dependencies(checks):
            rcond = convert_to_tensor(rcond, dtype=a.dtype, name="rcond")
            s, u, v = svd(a, full_matrices=False, compute_uv=True)
            cutoff = expand_dims(rcond * reduce_max(s, axis=-1), -1)
            s = where_v2(greater(s, cutoff), s, np.array(np.inf, s.dtype.as_numpy_dtype))
            found = matmul(v / expand_dims(s, -2), u, adjoint_b=True)
            if a._shape is not None:
                found.set_shape(
                    [d if isinstance(d, int) else None for d in (*a._shape[:-2], a._shape[-1], a._shape[-2])]
                )
            return found


def _sides(a):
    sides = a._shape[-2:] if a._shape is not None else ()
    return sides if len(sides) == 2 and all(isinstance(d, int) for d in sides) else ()


def _checked(a, validate_args):
    """A tensor of matrices; what has to be checked in the run."""
    from .check import assert_rank_at_least

    a = convert_to_tensor(a, name="a")
    if not a.dtype.is_floating:
        raise TypeError(f"Input `a` must have `float`-like `dtype` (saw {a.dtype.name}).")
    if a._shape is not None:
        if len(a._shape) < 2:
            raise ValueError(f"Input `a` must have at least 2 dimensions (saw: {len(a._shape)}).")
        return a, []
    checks = [assert_rank_at_least(a, 2, message="Input `a` must have at least 2 dimensions.")] if validate_args else []
    return identity(a) if checks else a, checks
