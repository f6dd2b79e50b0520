"""Inverses, determinants, solutions and decompositions of matrices: triangles and small ones by kernels, the others LAPACK's, through NumPy."""

from __future__ import annotations

import atexit
import os
import threading
from collections import namedtuple

import numpy as np

from .. import dtypes
from ..graph.scopes import control_dependencies, name_scope
from ..shapes import UNKNOWN
from .array import expand_dims, matrix_transpose, reshape, shape, zeros_like
from .build import apply_op, convert_to_tensor
from .linalg import eye, matmul
from .math_unary import log, reciprocal, square
from .matrix import matrix_band_part, matrix_diag, matrix_diag_part, matrix_set_diag
from .parts import real
from .reduce import reduce_sum
from .registry import OpDef, register
from .slicing import concat

__all__ = [
    "cholesky", "cholesky_solve", "matrix_determinant", "matrix_inverse", "matrix_solve", "matrix_solve_ls",
    "matrix_triangular_solve", "qr", "self_adjoint_eig", "self_adjoint_eigvals", "svd",
]  # fmt: skip

Qr = namedtuple("Qr", ["q", "r"])
LogMatrixDeterminant = namedtuple("LogMatrixDeterminant", ["sign", "log_abs_determinant"])

_SINGULAR = "Input matrix is not invertible."
_NO_SVD = "Singular value decomposition did not converge."
_NO_EIGENVALUES = "Self-adjoint eigen decomposition was not successful. The input might not be valid."
_NOT_POSITIVE = "Cholesky decomposition was not successful. The input might not be valid."

_TYPES = {"T": frozenset((dtypes.float32, dtypes.float64, dtypes.complex64, dtypes.complex128))}


# --- shapes ---------------------------------------------------------------------------------------------------


def _matrix(c, i):
    found = c.shape(i)
    if len(found) < 2:
        c.fail(f"Shape must be at least rank 2 but is rank {len(found)}")
    return found


def _square(c):
    *batch, rows, columns = _matrix(c, 0)
    return (*batch, *[c.merge(rows, columns)] * 2)


def _matrices(c):
    """The shapes of both inputs: where one's rank is not known it is the other's."""
    if c.known(0) == c.known(1):
        return _matrix(c, 0), _matrix(c, 1)
    known = 0 if c.known(0) else 1
    shapes = [(UNKNOWN,) * len(_matrix(c, known))] * 2
    shapes[known] = _matrix(c, known)
    return shapes


def _same_batch(c, matrix, right):
    if len(matrix) != len(right):
        c.fail(f"Shapes must be equal rank, but are {len(matrix) - 2} and {len(right) - 2}")
    return [c.merge(a, b) for a, b in zip(matrix[:-2], right[:-2])]


def _solved(c):
    matrix, right = _matrices(c)
    size = c.merge(matrix[-2], matrix[-1])
    return (*_same_batch(c, matrix, right), c.merge(size, right[-2]), right[-1])


def _least_squares(c):
    matrix, right = _matrices(c)
    batch = _same_batch(c, matrix, right)
    c.merge(matrix[-2], right[-2])
    return (*batch, matrix[-1], right[-1])


def _qr_shape(c):
    *batch, rows, columns = _matrix(c, 0)
    least = rows if c.attr("full_matrices") else c.minimum(rows, columns)
    return [(*batch, rows, least), (*batch, least, columns)]


def _svd_shape(c):
    *batch, rows, columns = _matrix(c, 0)
    least = c.minimum(rows, columns)
    if not c.attr("compute_uv"):
        return [(*batch, least), (0,), (0,)]
    if c.attr("full_matrices"):
        return [(*batch, least), (*batch, rows, rows), (*batch, columns, columns)]
    return [(*batch, least), (*batch, rows, least), (*batch, columns, least)]


def _eigen_shape(c):
    found = _square(c)
    return [found[:-1], found if c.attr("compute_v") else (0,)]


# --- LAPACK ---------------------------------------------------------------------------------------------------


def _lapack(function, failure="Input is not invertible."):
    """A host function; what LAPACK cannot factor is an error of the op."""

    def compute(call, *arrays):
        try:
            with np.errstate(all="ignore"):
                return _not_in_a_fork(function, call, *arrays)
        except np.linalg.LinAlgError:
            raise ValueError(failure) from None

    def host(call, *arrays):
        matrix = arrays[0]
        if matrix.ndim < 2:  # which only the run may tell
            raise ValueError(f"Shape must be at least rank 2 but is rank {matrix.ndim}")
        long = matrix.size * max(matrix.shape[-2:]) > _LONG_WORK
        return _beside(compute, call, arrays) if long else compute(call, *arrays)

    return host


# A fork holds it. It may come in a signal's handler while its own thread does: then it is taken twice.
_forking = threading.RLock()
_under_way = {}  # an event of each call of LAPACK, set when it ends -> its thread


def _not_in_a_fork(function, *arguments):
    """The function's result. NumPy's BLAS ends its threads before a fork, and where they are given work meanwhile it waits for ever."""
    finished = threading.Event()
    try:
        with _forking:
            _under_way[finished] = threading.get_ident()
        return function(*arguments)
    finally:
        finished.set()
        _under_way.pop(finished, None)


def _wait_for_other_threads():
    """Waits for what they have under way."""
    for finished, thread in list(_under_way.items()):
        if thread != threading.get_ident():
            finished.wait()


def _before_fork():
    """Waits for what other threads have under way; they begin nothing until the fork is made."""
    _forking.acquire()
    _wait_for_other_threads()


def _after_fork_in_child():
    """The other threads are none of the child's."""
    for finished, thread in list(_under_way.items()):
        if thread != threading.get_ident():
            del _under_way[finished]
    _forking.release()


os.register_at_fork(before=_before_fork, after_in_parent=_forking.release, after_in_child=_after_fork_in_child)
atexit.register(_wait_for_other_threads)  # a program's end is as a fork: what Ctrl-C has left may be under way still

# Of matrices that csrc/kernels/small_matrices.c takes, and of their right sides.
_MOST_ROWS = 256
_MOST_COLUMNS = 1024


def _are_small(c):
    """Whether kernels take the matrices, and the right sides: real ones of not many rows and columns, of numbers known before the run."""
    if c.dtype(0) not in (dtypes.float32, dtypes.float64):
        return False
    shapes = [c.shape(i) for i in range(len(c.inputs))]
    if [1 for found in shapes if len(found) != len(shapes[0]) or len(found) < 2]:
        return False
    sizes = [size for found in shapes for size in found[-2:]]
    if not all(isinstance(size, int) and size >= 1 for size in sizes):
        return False
    return sizes[0] <= _MOST_ROWS and sizes[-1] <= _MOST_COLUMNS


_LONG_WORK = 1 << 25  # products, some 20 ms


def _beside(compute, call, arrays):
    """What a thread of its own computes. LAPACK does not stop for Ctrl-C: where this stops waiting, the thread goes on with copies."""
    copies = [np.array(array) for array in arrays]
    finished, outcome = threading.Condition(), []

    def work():
        try:
            found = compute(call, *copies), None
        except Exception as error:
            found = None, error
        with finished:
            outcome.append(found)
            finished.notify()

    threading.Thread(target=work, daemon=True).start()
    with finished:
        while not outcome:
            call.wait(finished, "Decomposition")
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def _adjoint(x):
    return np.conj(np.swapaxes(x, -1, -2))


def _inverse(call, x):
    found = np.linalg.inv(x)
    return _adjoint(found) if call.attr("adjoint") else found


def _check_batches(matrix, right):
    """NumPy would broadcast; ranks and sizes may be told by the run alone."""
    if matrix.ndim != right.ndim:
        raise ValueError(f"All input tensors must have the same rank: {matrix.ndim} and {right.ndim}")
    if matrix.shape[:-2] != right.shape[:-2]:
        raise ValueError(f"All input tensors must have the same outer dimensions: {matrix.shape} and {right.shape}")


def _solve(call, matrix, right):
    _check_batches(matrix, right)
    return np.linalg.solve(_adjoint(matrix) if call.attr("adjoint") else matrix, right)


def _least_squares_solution(call, matrix, right, regularizer):
    _check_batches(matrix, right)
    transposed = _adjoint(matrix)
    if regularizer and call.attr("fast"):  # TensorFlow's decomposition takes no regularizer
        gram = transposed @ matrix + float(regularizer) * np.eye(matrix.shape[-1])
        return np.linalg.solve(gram, transposed @ right)
    return np.linalg.pinv(matrix) @ right


def _nan_of_no_number(function):
    """The function of matrices, NaN for those whose elements are not finite: so training goes on to say where a NaN comes from, as in
    TensorFlow. LAPACK does not see them: it would find nothing, write to the standard error, or search for ever."""

    def compute(call, x, *others):
        unfit = ~np.isfinite(x).all(axis=(-2, -1)) if x.ndim >= 2 else np.False_
        if not unfit.any():
            return function(call, x, *others)
        found = function(call, np.where(unfit[..., None, None], 0, x), *others)
        for part in found if isinstance(found, tuple) else (found,):
            if part.shape[: unfit.ndim] == unfit.shape and part.ndim > unfit.ndim:
                part[unfit] = np.nan
        return found

    return compute


def _qr(call, x):
    return tuple(np.linalg.qr(x, "complete" if call.attr("full_matrices") else "reduced"))


def _svd(call, x):
    if not call.attr("compute_uv"):
        nothing = np.zeros(0, x.dtype)
        return np.linalg.svd(x, compute_uv=False).astype(x.dtype), nothing, nothing
    u, s, v = np.linalg.svd(x, full_matrices=call.attr("full_matrices"))
    return s.astype(x.dtype), u, _adjoint(v)


def _eigen(call, x):
    if call.attr("compute_v"):
        values, vectors = np.linalg.eigh(x)
        return values.astype(x.dtype), vectors
    return np.linalg.eigvalsh(x).astype(x.dtype), np.zeros(0, x.dtype)


def _log_determinant(call, x):
    sign, magnitude = np.linalg.slogdet(x)
    return sign, magnitude.astype(x.dtype)


# --- references -----------------------------------------------------------------------------------------------


def _triangular_solve(node, matrix, right):
    """A row at a time."""
    lower = node.attrs["lower"]
    triangle = np.tril(matrix) if lower else np.triu(matrix)
    pivots = np.diagonal(triangle, axis1=-2, axis2=-1)
    if right.shape[-1] and not np.all(np.abs(pivots) > 0):
        raise ValueError(_SINGULAR)
    if node.attrs["adjoint"]:
        triangle, lower = _adjoint(triangle), not lower
    found = np.array(right)
    size = triangle.shape[-1]
    for row in range(size) if lower else reversed(range(size)):
        known = slice(0, row) if lower else slice(row + 1, size)
        found[..., row, :] -= (triangle[..., row : row + 1, known] @ found[..., known, :])[..., 0, :]
        found[..., row, :] /= triangle[..., row, row, None]
    return found


def _cholesky(node, x):
    try:
        with np.errstate(all="ignore"):
            return np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        raise ValueError(_NOT_POSITIVE) from None


# --- gradients ------------------------------------------------------------------------------------------------


def adjoint(matrix, name=None):
    """Matrices with rows and columns exchanged, and complex numbers conjugated."""
    with name_scope(name, "adjoint", [matrix]):
        return matrix_transpose(convert_to_tensor(matrix, name="matrix"), conjugate=True)


def _inverse_gradient(op, grad):
    inverse = op.outputs[0]
    return [-matmul(inverse, matmul(grad, inverse, adjoint_b=True), adjoint_a=True)]


def _determinant_gradient(op, grad):
    inverse = matrix_inverse(op.inputs[0], adjoint=True)
    scaled = grad * op.outputs[0]
    return [reshape(scaled, concat([shape(op.outputs[0]), [1, 1]], 0)) * inverse]


def _log_determinant_gradient(op, _, grad):
    inverse = matrix_inverse(op.inputs[0], adjoint=True)
    form = concat([shape(op.outputs[1]), [1, 1]], 0)
    return [reshape(grad, form) * inverse]


def _cholesky_gradient(op, grad):
    """Murray's "Differentiation of the Cholesky decomposition" (2016)."""
    factor = op.outputs[0]
    size = shape(factor)[-1]
    inverse = matrix_triangular_solve(factor, eye(size, batch_shape=shape(factor)[:-2], dtype=factor.dtype))
    middle = matmul(factor, grad, adjoint_a=True)
    middle = matrix_set_diag(middle, 0.5 * matrix_diag_part(middle))
    middle = matrix_band_part(middle, -1, 0)
    found = matmul(matmul(inverse, middle, adjoint_a=True), inverse)
    return [(found + adjoint(found)) * 0.5]


def _solve_gradient(op, grad):
    transposed = op.get_attr("adjoint")
    right = matrix_solve(op.inputs[0], grad, adjoint=not transposed)
    return [_outer(op, right, transposed), right]


def _triangular_solve_gradient(op, grad):
    transposed, lower = op.get_attr("adjoint"), op.get_attr("lower")
    right = matrix_triangular_solve(op.inputs[0], grad, lower=lower, adjoint=not transposed)
    slope = _outer(op, right, transposed)
    band = (-1, 0) if lower else (0, -1)
    return [matrix_band_part(slope, *band), right]


def _outer(op, right, transposed):
    """The gradient of a solution by the matrix."""
    if transposed:
        return -matmul(op.outputs[0], right, adjoint_b=True)
    return -matmul(right, op.outputs[0], adjoint_b=True)


def _least_squares_gradient(op, grad):
    raise ValueError("Gradient not defined for fast=False")


def _qr_gradient(op, grad_q, grad_r):
    q, r = op.outputs
    if q.dtype.is_complex:
        raise NotImplementedError(f"QrGrad not implemented for dtype: {q.dtype}")
    rows, columns = r._shape[-2:] if r._shape is not None else (None, None)
    if not (isinstance(rows, int) and isinstance(columns, int)):
        raise NotImplementedError(
            f"QrGrad not implemented with dynamic shapes: {op.name!r} has open numbers of rows and columns"
        )
    if columns > rows or (op.get_attr("full_matrices") and rows != columns):
        raise ValueError(f"{op.name!r} has no gradient: there are more columns than rows, or rows that R does not need")
    inner = matmul(q, grad_q, adjoint_a=True)
    skew = inner - adjoint(inner)
    outer = matmul(r, grad_r, adjoint_b=True)
    lower = matrix_band_part(skew + (outer - adjoint(outer)), -1, 0)
    first = matmul(q, grad_r + _times_inverse(lower, r))
    second = _times_inverse(grad_q - matmul(q, inner), r)
    return [first + second]


def _times_inverse(x, r):
    """x times the inverse of the adjoint of an upper triangle r."""
    return adjoint(matrix_triangular_solve(r, adjoint(x), lower=False))


def _eigen_gradient(op, grad_values, grad_vectors):
    values, vectors = op.outputs
    with control_dependencies([grad_values, grad_vectors]):
        if op.get_attr("compute_v"):
            gaps = reciprocal(expand_dims(values, -2) - expand_dims(values, -1))
            gaps = matrix_set_diag(gaps, zeros_like(values))
            inner = matrix_diag(grad_values) + gaps * matmul(vectors, grad_vectors, adjoint_a=True)
        else:
            vectors = self_adjoint_eig(op.inputs[0])[1]
            inner = matrix_diag(grad_values)
        found = matmul(vectors, matmul(inner, vectors, adjoint_b=True))
        # Only the lower triangle was read: it gets both halves.
        found = matrix_band_part(found + adjoint(found), -1, 0)
        return [matrix_set_diag(found, 0.5 * matrix_diag_part(found))]


def _svd_gradient(op, grad_values, grad_u, grad_v):
    x = op.inputs[0]
    if x.dtype.is_complex and op.get_attr("compute_uv"):
        raise NotImplementedError("SVD gradient is not implemented for complex types and compute_uv=True.")
    grad_s = matrix_diag(grad_values)
    if not op.get_attr("compute_uv"):
        _, u, v = svd(x)
        return [matmul(u, matmul(grad_s, v, adjoint_b=True))]
    rows, columns = x._shape[-2:] if x._shape is not None else (None, None)
    if not (isinstance(rows, int) and isinstance(columns, int)):
        text = "SVD gradient has not been implemented for input with unknown inner matrix shape"
        raise NotImplementedError(f"{text}: that of {op.name!r}")
    if op.get_attr("full_matrices") and rows != columns:
        raise ValueError(f"{op.name!r} has no gradient: with full_matrices the matrix must be square")
    s, u, v = op.outputs
    with control_dependencies([grad_values, grad_u, grad_v]):
        if rows > columns:
            return [matrix_transpose(_wide_svd_gradient(s, v, u, grad_s, grad_v, grad_u, is_square=False))]
        return [_wide_svd_gradient(s, u, v, grad_s, grad_u, grad_v, is_square=rows == columns)]


def _wide_svd_gradient(s, u, v, grad_s, grad_u, grad_v, is_square):
    """Of a matrix that has at least as many columns as rows (Giles 2008, Seeger et al. 2017)."""
    rank = u._shape[-1]
    s_matrix, s_squared = matrix_diag(s), square(s)
    s_shape = shape(s)
    # Ones on the diagonal keep it finite until zeros take their place.
    ones = eye(s_shape[-1], batch_shape=s_shape[:-1], dtype=s.dtype)
    gaps = reciprocal(expand_dims(s_squared, -2) - expand_dims(s_squared, -1) + ones)
    gaps = matrix_set_diag(gaps, zeros_like(s))
    inverse = matrix_diag(reciprocal(s))
    v, grad_v = v[..., :, :rank], grad_v[..., :, :rank]
    of_u, of_v = matmul(u, grad_u, adjoint_a=True), matmul(v, grad_v, adjoint_a=True)
    of_u, of_v = gaps * of_u, gaps * of_v
    inner = grad_s + matmul(of_u + adjoint(of_u), s_matrix) + matmul(s_matrix, of_v + adjoint(of_v))
    found = matmul(u, matmul(inner, v, adjoint_b=True))
    if is_square:
        return found
    grad_rows = matrix_transpose(grad_v)
    outside = grad_rows - matmul(matmul(grad_rows, v), v, adjoint_b=True)
    return found + matmul(matmul(u, inverse), outside)


def _adjoint_attribute(node):
    return (int(node.attrs["adjoint"]),)


register(
    OpDef("MatrixInverse", "input: T", "output: T", attrs={"adjoint": False}, types=_TYPES, shape=_square,
          host=_lapack(_inverse), kernel="small_inverse", params=_adjoint_attribute, kernel_where=_are_small, can_fail=True,
          gradient=_inverse_gradient),
    OpDef("MatrixDeterminant", "input: T", "output: T", types=_TYPES, shape=lambda c: _square(c)[:-2],
          host=_lapack(lambda call, x: np.linalg.det(x)), kernel="small_determinant", kernel_where=_are_small,
          gradient=_determinant_gradient),
    OpDef("LogMatrixDeterminant", "input: T", "sign: T, log_abs_determinant: T", types=_TYPES,
          shape=lambda c: [_square(c)[:-2]] * 2, host=_lapack(_log_determinant), kernel="small_log_determinant", kernel_where=_are_small,
          gradient=_log_determinant_gradient),
    OpDef("Cholesky", "input: T", "output: T", types=_TYPES, shape=_square,
          kernel="cholesky", can_fail=True, reference=_cholesky, gradient=_cholesky_gradient),
    OpDef("MatrixSolve", "matrix: T, rhs: T", "output: T", attrs={"adjoint": False}, types=_TYPES, shape=_solved,
          host=_lapack(_solve, _SINGULAR), kernel="small_solve", params=_adjoint_attribute, kernel_where=_are_small, can_fail=True,
          gradient=_solve_gradient),
    OpDef("MatrixTriangularSolve", "matrix: T, rhs: T", "output: T", attrs={"lower": True, "adjoint": False}, types=_TYPES,
          shape=_solved, kernel="triangular_solve", params=lambda node: (node.attrs["lower"], node.attrs["adjoint"]), overwrites=(1,),
          can_fail=True, reference=_triangular_solve, gradient=_triangular_solve_gradient),
    OpDef("MatrixSolveLs", "matrix: T, rhs: T, l2_regularizer: float64", "output: T", ranks={"l2_regularizer": 0}, attrs={"fast": True}, types=_TYPES,
          shape=_least_squares, host=_lapack(_nan_of_no_number(_least_squares_solution)), gradient=_least_squares_gradient),
    OpDef("Qr", "input: T", "q: T, r: T", attrs={"full_matrices": False}, types=_TYPES, shape=_qr_shape, host=_lapack(_qr),
          gradient=_qr_gradient),
    OpDef("Svd", "input: T", "s: T, u: T, v: T", attrs={"compute_uv": True, "full_matrices": False}, types=_TYPES,
          shape=_svd_shape, host=_lapack(_nan_of_no_number(_svd), _NO_SVD), gradient=_svd_gradient),
    OpDef("SelfAdjointEigV2", "input: T", "e: T, v: T", attrs={"compute_v": True}, types=_TYPES, shape=_eigen_shape,
          host=_lapack(_eigen, _NO_EIGENVALUES), gradient=_eigen_gradient),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------------


def matrix_inverse(input, adjoint=False, name=None):
    """The inverses of matrices [..., n, n], or of their adjoints.

    Raises:
      InvalidArgumentError: when it runs, where a matrix has none.
    """
    return apply_op("MatrixInverse", [input], {"adjoint": bool(adjoint)}, name)


def matrix_determinant(input, name=None):
    """The determinants of matrices [..., n, n]."""
    return apply_op("MatrixDeterminant", [input], name=name)


def slogdet(input, name=None):
    """The signs of determinants and the logarithms of their absolute values."""
    return LogMatrixDeterminant(*apply_op("LogMatrixDeterminant", [input], name=name))


def logdet(matrix, name=None):
    """The logarithms of the determinants of positive definite matrices."""
    with name_scope(name, "logdet", [matrix]):
        return 2.0 * reduce_sum(log(real(matrix_diag_part(cholesky(matrix)))), [-1])


def cholesky(input, name=None):
    """The lower triangles L with L times its adjoint being the positive definite matrices [..., n, n].

    Raises:
      InvalidArgumentError: when it runs, for a matrix that is not positive definite.
    """
    return apply_op("Cholesky", [input], name=name)


def cholesky_solve(chol, rhs, name=None):
    """The solutions of A x = rhs, where `chol` is what `cholesky` gave for A."""
    with name_scope(name, "cholesky_solve", [chol, rhs]):
        return matrix_triangular_solve(chol, matrix_triangular_solve(chol, rhs), adjoint=True)


def matrix_solve(matrix, rhs, adjoint=False, name=None):
    """The solutions of matrix x = rhs, or of adjoint(matrix) x = rhs.

    Raises:
      InvalidArgumentError: when it runs, where there is none.
    """
    return apply_op("MatrixSolve", [matrix, rhs], {"adjoint": bool(adjoint)}, name)


def matrix_triangular_solve(matrix, rhs, lower=True, adjoint=False, name=None):
    """`matrix_solve` of triangular matrices; the other triangle is not looked at."""
    return apply_op("MatrixTriangularSolve", [matrix, rhs], {"lower": bool(lower), "adjoint": bool(adjoint)}, name)


def matrix_solve_ls(matrix, rhs, l2_regularizer=0.0, fast=True, name=None):
    """The x of the least |matrix x - rhs|^2 + l2_regularizer |x|^2.

    Args:
      matrix: [..., m, n].
      rhs: [..., m, k].
      l2_regularizer: a number; counts for nothing where `fast` is false.
      fast: by the normal equations; otherwise by an orthogonal decomposition, for matrices close to singular.
      name: the nodes' scope.
    """
    matrix = convert_to_tensor(matrix, name="matrix")
    if not fast:
        return apply_op("MatrixSolveLs", [matrix, rhs, l2_regularizer], {"fast": False}, name)
    with name_scope(name, "matrix_solve_ls", [matrix, rhs, l2_regularizer]):
        known = matrix.get_shape()[-2:]
        if known.is_fully_defined():
            return _least_squares_by_gram(matrix, rhs, l2_regularizer, known[0] < known[1])
        from .conditional import cond

        dims = shape(matrix)[-2:]
        return cond(
            dims[-2] >= dims[-1],
            lambda: _least_squares_by_gram(matrix, rhs, l2_regularizer, False),
            lambda: _least_squares_by_gram(matrix, rhs, l2_regularizer, True),
        )


def _least_squares_by_gram(matrix, rhs, l2_regularizer, wide):
    """By the Cholesky decomposition of the smaller of the products of the matrix and its adjoint."""
    gram = matmul(matrix, matrix, adjoint_a=not wide, adjoint_b=wide)
    if hasattr(l2_regularizer, "op") or l2_regularizer != 0:
        gram = gram + l2_regularizer * _identity_of(matrix, -2 if wide else -1)
    factor = cholesky(gram)
    if wide:
        return matmul(matrix, cholesky_solve(factor, rhs), adjoint_a=True)
    return cholesky_solve(factor, matmul(matrix, rhs, adjoint_a=True))


def _identity_of(matrix, axis):
    """Identity matrices of the size of an axis, in the batch of `matrix`."""
    dims = shape(matrix)
    batch = dims[:-2]
    found = eye(dims[axis], batch_shape=batch, dtype=matrix.dtype)
    known = matrix.get_shape()
    found.set_shape(known[:-2].concatenate([known[axis], known[axis]]))
    return found


def qr(input, full_matrices=False, name=None):
    """Orthogonal q and upper triangular r whose product is the matrix.

    Args:
      input: [..., m, n].
      full_matrices: whether q is [..., m, m]; otherwise it has min(m, n) columns.
      name: the node's name.

    Returns:
      (q, r).
    """
    return Qr(*apply_op("Qr", [input], {"full_matrices": bool(full_matrices)}, name))


def svd(tensor, full_matrices=False, compute_uv=True, name=None):
    """Singular values in descending order, and the vectors: the matrix is u diag(s) adjoint(v).

    Args:
      tensor: [..., m, n].
      full_matrices: whether u is [..., m, m] and v is [..., n, n]; otherwise they have min(m, n) columns.
      compute_uv: whether the vectors are computed too.
      name: the node's name.

    Returns:
      (s, u, v), or s alone.
    """
    attrs = {"compute_uv": bool(compute_uv), "full_matrices": bool(full_matrices)}
    s, u, v = apply_op("Svd", [tensor], attrs, name)
    s = real(s)
    return (s, u, v) if compute_uv else s


def self_adjoint_eig(tensor, name=None):
    """Eigenvalues in ascending order and eigenvectors (the columns) of symmetric matrices; the lower triangle is read."""
    values, vectors = apply_op("SelfAdjointEigV2", [tensor], {"compute_v": True}, name)
    return values, vectors


def self_adjoint_eigvals(tensor, name=None):
    """Eigenvalues in ascending order of symmetric matrices; the lower triangle is read."""
    return apply_op("SelfAdjointEigV2", [tensor], {"compute_v": False}, name)[0]
