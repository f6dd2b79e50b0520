"""Products with tridiagonal matrices, and systems of their equations."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from .array import expand_dims, matrix_transpose, rank, squeeze, transpose, zeros
from .build import apply_op, constant, convert_to_tensor
from .gather import gather_nd
from .matrix import matrix_diag_part
from .padding import pad
from .parts import conj
from .reduce import reduce_sum
from .registry import OpDef, register
from .slicing import concat, stack

__all__ = ["tridiagonal_matmul", "tridiagonal_solve"]

_TYPES = {"T": frozenset((dtypes.float32, dtypes.float64, dtypes.complex64, dtypes.complex128))}
_SCALAR = "The matrix is not invertible: it is a scalar with value zero."
_SINGULAR = "The matrix is not invertible."
_WANTS_PIVOTS = "The matrix is either not invertible, or requires pivoting. Try setting partial_pivoting = True."


# --- shapes ---------------------------------------------------------------------------------------------------


def _solved(c):
    diagonals, right = c.shape(0), c.shape(1)
    if len(diagonals) != len(right):
        c.fail(f"Shapes must be equal rank, but are {len(diagonals) - 2} and {len(right) - 2}")
    batch = [c.merge(a, b) for a, b in zip(diagonals[:-2], right[:-2])]
    c.merge(diagonals[-2], 3)
    return (*batch, c.merge(diagonals[-1], right[-2]), right[-1])


def _product(c):
    right = c.shape(3)
    known = [c.shape(i) for i in range(3) if c.known(i)]
    if not known:
        return right
    diagonal = known[0]
    for other in known[1:]:
        diagonal = c.merge_shapes(diagonal, other)
    if len(diagonal) != len(right):
        c.fail(f"Shapes must be equal rank, but are {len(diagonal) - 2} and {len(right) - 2}")
    batch = [c.merge(a, b) for a, b in zip(diagonal[:-2], right[:-2])]
    c.merge(diagonal[-2], 1)
    return (*batch, c.merge(diagonal[-1], right[-2]), right[-1])


# --- references -----------------------------------------------------------------------------------------------


def _solve_pivoting(above, diagonal, below, right):
    n = len(diagonal)
    rows = np.zeros((n, 3), right.dtype)
    rows[0, :2], x = (diagonal[0], above[0]), np.array(right)
    for i in range(n - 1):
        if abs(rows[i, 0]) >= abs(below[i + 1]):
            if rows[i, 0] == 0:
                raise ValueError(_SINGULAR)
            factor = below[i + 1] / rows[i, 0]
            rows[i + 1, :2] = diagonal[i + 1] - factor * rows[i, 1], above[i + 1]
            x[i + 1] = x[i + 1] - factor * x[i]
        else:
            factor = rows[i, 0] / below[i + 1]
            further = above[i + 1] if i + 2 < n else right.dtype.type(0)
            rows[i + 1, :2] = rows[i, 1] - factor * diagonal[i + 1], -factor * further
            rows[i] = below[i + 1], diagonal[i + 1], further
            x[i], x[i + 1] = np.array(x[i + 1]), x[i] - factor * x[i + 1]
    if rows[-1, 0] == 0:
        raise ValueError(_SCALAR if n == 1 else _SINGULAR)
    for i in reversed(range(n)):
        for ahead in (1, 2):
            if i + ahead < n:
                x[i] = x[i] - rows[i, ahead] * x[i + ahead]
        x[i] = x[i] / rows[i, 0]
    return x


def _solve_straight(above, diagonal, below, right):
    n = len(diagonal)
    x, u = np.array(right), np.zeros(n, right.dtype)
    for i in range(n):
        pivot = diagonal[i] - below[i] * u[i - 1] if i else diagonal[0]
        if pivot == 0:
            raise ValueError(_SCALAR if n == 1 else _WANTS_PIVOTS)
        u[i] = above[i] / pivot
        x[i] = (x[i] - below[i] * x[i - 1] if i else x[0]) / pivot
    for i in reversed(range(n - 1)):
        x[i] = x[i] - u[i] * x[i + 1]
    return x


def _solve_reference(node, diagonals, right):
    out = np.array(right)
    if right.size:
        solve = _solve_pivoting if node.attrs["partial_pivoting"] else _solve_straight
        for index in np.ndindex(right.shape[:-2]):
            out[index] = solve(*diagonals[index], right[index])
    return out


def _product_reference(node, above, diagonal, below, right):
    above, diagonal, below = (np.swapaxes(x, -1, -2) for x in (above, diagonal, below))
    out = diagonal * right
    out[..., :-1, :] += above[..., :-1, :] * right[..., 1:, :]
    out[..., 1:, :] += below[..., 1:, :] * right[..., :-1, :]
    return out


# --- gradients ------------------------------------------------------------------------------------------------


def _padding(x, places):
    """No padding but of the last axes."""
    nothing = zeros((rank(x) - 2, 2), dtype=dtypes.int32)
    return concat((nothing, constant(places)), axis=0)


def _transposed(diagonals):
    """The diagonals of the transposed matrix."""
    if diagonals.get_shape().is_fully_defined():
        nothing = zeros([*diagonals.get_shape().as_list()[:-2], 1], dtype=diagonals.dtype)
        above = concat((diagonals[..., 2, 1:], nothing), axis=-1)
        below = concat((nothing, diagonals[..., 0, :-1]), axis=-1)
    else:
        above = pad(diagonals[..., 2, 1:], _padding(diagonals, [[0, 1]]))
        below = pad(diagonals[..., 0, :-1], _padding(diagonals, [[1, 0]]))
    return stack([above, diagonals[..., 1, :], below], axis=-2)


def _products_of_rows(x, y):
    """The three diagonals of x times the transposed y."""
    diagonal = reduce_sum(x * y, axis=-1)
    if y.get_shape().is_fully_defined():
        dims = x.get_shape().as_list()
        nothing = zeros([*dims[:-2], 1, dims[-1]], dtype=x.dtype)
        after, before = concat((y[..., 1:, :], nothing), axis=-2), concat((nothing, y[..., :-1, :]), axis=-2)
    else:
        after = pad(y[..., 1:, :], _padding(y, [[0, 1], [0, 0]]))
        before = pad(y[..., :-1, :], _padding(y, [[1, 0], [0, 0]]))
    return stack([reduce_sum(x * after, axis=-1), diagonal, reduce_sum(x * before, axis=-1)], axis=-2)


def _solve_gradient(op, grad):
    diagonals, pivots = op.inputs[0], op._attrs["partial_pivoting"]
    right = _solve(_transposed(diagonals), grad, pivots, None)
    return [-_products_of_rows(right, op.outputs[0]), right]


def _shifted(x, ahead):
    """Rows moved by one: those behind come ahead, or the other way round; a row of zeros comes in."""
    part = x[..., 1:, :] if ahead else x[..., :-1, :]
    return pad(part, _padding(x, [[0, 1], [0, 0]] if ahead else [[1, 0], [0, 0]]))


def _product_gradient(op, grad):
    above, diagonal, below = (matrix_transpose(x, conjugate=True) for x in op.inputs[:3])
    right = conj(op.inputs[3])
    slopes = [reduce_sum(rows * grad, axis=-1) for rows in (_shifted(right, True), right, _shifted(right, False))]
    of_right = _shifted(above * grad, False) + diagonal * grad + _shifted(below * grad, True)
    return [*(expand_dims(slope, -2) for slope in slopes), of_right]


register(
    OpDef("TridiagonalSolve", "diagonals: T, rhs: T", "output: T", attrs={"partial_pivoting": True}, types=_TYPES, shape=_solved,
          kernel="tridiagonal_solve", params=lambda node: (int(bool(node.attrs["partial_pivoting"])),), reference=_solve_reference,
          gradient=_solve_gradient, can_fail=True, least_ranks={"diagonals": 2, "rhs": 2}),
    OpDef("TridiagonalMatMul", "superdiag: T, maindiag: T, subdiag: T, rhs: T", "output: T", types=_TYPES, shape=_product,
          kernel="tridiagonal_product", reference=_product_reference, gradient=_product_gradient,
          least_ranks={"superdiag": 2, "maindiag": 2, "subdiag": 2, "rhs": 2}),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------------


def _solve(diagonals, rhs, partial_pivoting, name):
    return apply_op("TridiagonalSolve", [diagonals, rhs], {"partial_pivoting": partial_pivoting}, name)


def _known(size):
    return size is not None and size > 0


def _solve_compact(diagonals, rhs, transpose_rhs, conjugate_rhs, partial_pivoting, name):
    form, right = diagonals.get_shape(), rhs.get_shape()
    if len(form) < 2:
        raise ValueError(f"Expected diagonals to have rank at least 2, got {len(form)}")
    if len(right) not in (len(form), len(form) - 1):
        raise ValueError(f"Expected the rank of rhs to be {len(form) - 1} or {len(form)}, got {len(right)}")
    if _known(form.as_list()[-2]) and form.as_list()[-2] != 3:
        raise ValueError(f"Expected 3 diagonals got {form[-2]}")
    if not form[:-2].is_compatible_with(right[: len(form) - 2]):
        raise ValueError(f"Batch shapes {form[:-2]} and {right[: len(form) - 2]} are incompatible")
    vector = len(right) == len(form) - 1
    if vector:
        rhs = expand_dims(conj(rhs) if conjugate_rhs else rhs, -1)
    elif transpose_rhs:
        rhs = matrix_transpose(rhs, conjugate=conjugate_rhs)
    elif conjugate_rhs:
        rhs = conj(rhs)
    equations, sides = form.as_list()[-1], rhs.get_shape().as_list()[-2]
    if _known(equations) and _known(sides) and equations != sides:
        raise ValueError(
            f"Expected number of left-hand sided and right-hand sides to be equal, got {equations} and {sides}"
        )
    result = _solve(diagonals, rhs, partial_pivoting, name)
    if vector:
        return squeeze(result, -1)
    return matrix_transpose(result) if transpose_rhs else result


def _as_long(part, said, length, places):
    """A diagonal that is one short, with a number that no one looks at."""
    own = part.get_shape().as_list()[-1]
    if not own or own == length:
        return part
    if own == length - 1:
        return pad(part, [[0, 0]] * (len(part.get_shape()) - 1) + [places])
    raise ValueError(f"Expected {said} to be have length {length} or {length - 1}, got {own}.")


def tridiagonal_solve(diagonals, rhs, diagonals_format="compact", transpose_rhs=False, conjugate_rhs=False, name=None,
                      partial_pivoting=True):  # fmt: skip
    """Solves systems of equations whose matrices have three diagonals.

    Args:
      diagonals: "compact": a tensor [..., 3, m], the diagonals above, on and below the main one; the last number of the first
        and the first of the last are not looked at. "sequence": three tensors [..., m], the first and the last of which may be
        [..., m - 1]. "matrix": [..., m, m].
      rhs: [..., m] or [..., m, k].
      diagonals_format: how the diagonals are given.
      transpose_rhs: whether the right sides, and the solutions, are rows.
      conjugate_rhs: whether the right sides are conjugated before.
      name: the node's name.
      partial_pivoting: whether rows change places, which is slower and right for all matrices.

    Returns:
      Of the shape of `rhs`.

    Raises:
      ValueError: where shapes do not fit, or for another format.
    """
    more = transpose_rhs, conjugate_rhs, partial_pivoting, name
    if diagonals_format == "compact":
        return _solve_compact(convert_to_tensor(diagonals), convert_to_tensor(rhs), *more)
    if diagonals_format == "sequence":
        if not isinstance(diagonals, (tuple, list)) or len(diagonals) != 3:
            raise ValueError("Expected diagonals to be a sequence of length 3.")
        above, diagonal, below = (convert_to_tensor(x) for x in diagonals)
        forms = [x.get_shape() for x in (below, diagonal, above)]
        if not all(form[:-1].is_compatible_with(forms[1][:-1]) for form in forms):
            raise ValueError(
                "Tensors representing the three diagonals must have the same shape,except for the last dimension, got "
                f"{forms[0]}, {forms[1]}, {forms[2]}"
            )
        length = forms[1].as_list()[-1]
        below = _as_long(below, "subdiagonal", length, [1, 0])
        above = _as_long(above, "superdiagonal", length, [0, 1])
        return _solve_compact(stack((above, diagonal, below), axis=-2), convert_to_tensor(rhs), *more)
    if diagonals_format == "matrix":
        diagonals = convert_to_tensor(diagonals)
        rows, columns = diagonals.get_shape().as_list()[-2:]
        if rows and columns and rows != columns:
            raise ValueError(f"Expected last two dimensions of diagonals to be same, got {columns} and {rows}")
        m = columns or rows
        if not m:
            raise ValueError('The size of the matrix needs to be known for diagonals_format="matrix"')
        places = [[[1, 0], [0, 0], [0, 0]]]
        places += [[[i + 1, i], [i, i], [i - 1, i]] for i in range(1, m - 1)]
        places += [[[0, 0], [m - 1, m - 1], [m - 2, m - 1]]]
        compact = transpose(gather_nd(transpose(diagonals), places))
        return _solve_compact(compact, convert_to_tensor(rhs), *more)
    raise ValueError(f"Unrecognized diagonals_format: {diagonals_format}")


def tridiagonal_matmul(diagonals, rhs, diagonals_format="compact", name=None):
    """Products of matrices of three diagonals and other matrices.

    Args:
      diagonals: as `tridiagonal_solve` takes them; those of a sequence are all [..., m].
      rhs: [..., m, n].
      diagonals_format: "compact", "sequence" or "matrix".
      name: the node's name.

    Returns:
      [..., m, n].

    Raises:
      ValueError: where shapes do not fit, or for another format.
    """
    if diagonals_format == "compact":
        diagonals = convert_to_tensor(diagonals)
        parts = [diagonals[..., i, :] for i in range(3)]
    elif diagonals_format == "sequence":
        parts = list(diagonals)
    elif diagonals_format == "matrix":
        diagonals = convert_to_tensor(diagonals)
        rows, columns = diagonals.get_shape().as_list()[-2:]
        if not rows or not columns:
            raise ValueError('The size of the matrix needs to be known for diagonals_format="matrix"')
        if rows != columns:
            raise ValueError(f"Expected last two dimensions of diagonals to be same, got {columns} and {rows}")
        diagonal, turned = matrix_diag_part(diagonals), transpose(diagonals)
        above = [[i + 1, i] for i in range(columns - 1)] + [[0, 0]]
        below = [[0, 0]] + [[i - 1, i] for i in range(1, columns)]
        parts = [transpose(gather_nd(turned, above)), diagonal, transpose(gather_nd(turned, below))]
    else:
        raise ValueError(f"Unrecognized diagonals_format: {diagonals_format}")
    return apply_op("TridiagonalMatMul", [*(expand_dims(x, -2) for x in parts), rhs], name=name)
