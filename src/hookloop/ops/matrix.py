"""Diagonals and bands of matrices, and cross products of vectors."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..graph.scopes import colocate_with
from ..shapes import UNKNOWN
from . import kinds
from .array import rank, shape, zeros, zeros_like
from .build import apply_op
from .registry import OpDef, register

__all__ = ["cross", "diag", "diag_part", "matrix_band_part", "matrix_diag", "matrix_diag_part", "matrix_set_diag"]


# --- diagonals of the last two axes ---------------------------------------------------------------------------


def _matrix_shape(c, i):
    found = c.shape(i)
    if len(found) < 2:
        c.fail(f"Shape must be at least rank 2 but is rank {len(found)}")
    return found


def _diagonal_length(c, rows, columns):
    if rows is columns:
        return rows
    return c.minimum(rows, columns)


def _diag_shape(c):
    found = c.shape(0)
    if not found:
        c.fail("Shape must be at least rank 1 but is rank 0")
    return (*found, found[-1])


def _diag_part_shape(c):
    found = _matrix_shape(c, 0)
    return (*found[:-2], _diagonal_length(c, found[-2], found[-1]))


def _set_diag_shape(c):
    if not c.known(0):
        return (*c.shape(1)[:-1], UNKNOWN, UNKNOWN)
    found = _matrix_shape(c, 0)
    if not c.known(1):
        return found
    if len(c.shape(1)) != len(found) - 1:
        c.fail(f"Shape must be rank {len(found) - 1} but is rank {len(c.shape(1))}")
    diagonal = c.merge_shapes(c.shape(1), (*found[:-2], _diagonal_length(c, found[-2], found[-1])))
    return (*diagonal[:-1], *found[-2:])


def _diagonal_window(c, out, diagonal):
    """A window on the diagonals of the last two axes."""
    strides = c.strides(out)
    return c.window(out, diagonal.shape, (*strides[:-2], strides[-2] + strides[-1]))


def _diag_lower(c, node):
    (x,), (out,) = node.inputs, node.outputs
    c.prepare(out)
    c.emit("fill", [c.literal(np.zeros((), out.dtype.as_numpy_dtype))], [out])
    c.emit("copy", [x], [_diagonal_window(c, out, x)])


def _diag_part_lower(c, node):
    x = node.inputs[0]
    strides = c.strides(x)
    c.view(node.outputs[0], x, (*strides[:-2], strides[-2] + strides[-1]))


def _set_diag_lower(c, node):
    (x, diagonal), (out,) = node.inputs, node.outputs
    c.prepare(out)
    c.emit("copy", [x], [out])
    c.emit("copy", [diagonal], [_diagonal_window(c, out, diagonal)])


def _diag_reference(node, x):
    x = np.asarray(x)
    out = np.zeros((*x.shape, x.shape[-1]), x.dtype)
    index = np.arange(x.shape[-1])
    out[..., index, index] = x
    return out


def _set_diag_reference(node, x, diagonal):
    out = np.array(x)
    index = np.arange(np.shape(diagonal)[-1])
    out[..., index, index] = diagonal
    return out


def _diag_part_gradient(op, grad):
    dims = op.inputs[0]._shape
    dims = () if dims is None else dims[-2:]
    if all(isinstance(d, int) for d in dims) and len(set(dims)) == 1:
        return [matrix_diag(grad, name="diag")]
    return [matrix_set_diag(zeros_like(op.inputs[0]), grad)]


def _set_diag_gradient(op, grad):
    from .reduce import reduce_min
    from .slicing import concat, slice

    whole = op.inputs[0].get_shape().merge_with(grad.get_shape())
    batch = whole[:-2].merge_with(op.inputs[1].get_shape()[:-1])
    matrix = whole[-2:]
    if batch.is_fully_defined() and matrix.is_fully_defined():
        form = [*batch.as_list(), min(matrix.as_list())]
    else:
        with colocate_with(grad):
            dims, count = shape(grad), rank(grad)
            batch = slice(dims, [0], [count - 2])
            matrix = slice(dims, [count - 2], [2])
            form = concat([batch, [reduce_min(matrix)]], 0)
    without = matrix_set_diag(grad, zeros(form, dtype=grad.dtype))
    return [without, matrix_diag_part(grad)]


# --- bands ----------------------------------------------------------------------------------------------------


def _band_reference(node, x, lower, upper):
    rows, columns = x.shape[-2:]
    if lower > rows or upper > columns:
        raise ValueError(f"num_lower and num_upper must not exceed the matrix: {lower}, {upper}, {rows} x {columns}")
    ahead = np.arange(columns) - np.arange(rows)[:, None]
    kept = ((lower < 0) | (-ahead <= lower)) & ((upper < 0) | (ahead <= upper))
    return np.where(kept, x, np.zeros((), x.dtype))


def _band_gradient(op, grad):
    return [matrix_band_part(grad, op.inputs[1], op.inputs[2]), None, None]


# --- diagonals of all axes ------------------------------------------------------------------------------------


def _tensor_diag_shape(c):
    found = c.shape(0)
    if not found:
        c.fail("Shape must be at least rank 1 but is rank 0")
    return (*found, *found)


def _tensor_diag_part_shape(c):
    found = c.shape(0)
    if not found or len(found) % 2:
        c.fail(f"Input must have even and non-zero rank, input rank is {len(found)}")
    half = len(found) // 2
    return tuple([c.merge(a, b) for a, b in zip(found[:half], found[half:])])


def _tensor_diag_lower(c, node):
    (x,), (out,) = node.inputs, node.outputs
    c.prepare(out)
    c.emit("fill", [c.literal(np.zeros((), out.dtype.as_numpy_dtype))], [out])
    c.emit("copy", [x], [c.window(out, x.shape, _paired(c.strides(out)))])


def _tensor_diag_part_lower(c, node):
    x = node.inputs[0]
    c.view(node.outputs[0], x, _paired(c.strides(x)))


def _paired(strides):
    half = len(strides) // 2
    return tuple([a + b for a, b in zip(strides[:half], strides[half:])])


def _tensor_diag_reference(node, x):
    x = np.asarray(x)
    return np.diag(x.ravel()).reshape(x.shape * 2)


def _tensor_diag_part_reference(node, x):
    dims = np.shape(x)[: np.ndim(x) // 2]
    count = int(np.prod(dims))
    return np.diagonal(np.reshape(x, (count, count))).reshape(dims)


# --- cross products -------------------------------------------------------------------------------------------


def _cross_shape(c):
    known = [c.shape(i) for i in (0, 1) if c.known(i)]
    if not known:
        return None
    found = c.merge_shapes(known[0], known[-1])
    if not found:
        c.fail("Shape must be at least rank 1 but is rank 0")
    c.merge(found[-1], 3)
    return found


def _cross_reference(node, x, y):
    (x0, x1, x2), (y0, y1, y2) = np.moveaxis(x, -1, 0), np.moveaxis(y, -1, 0)
    return np.stack([x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0], -1)


def _cross_gradient(op, grad):
    x, y = op.inputs
    return [cross(y, grad), cross(grad, x)]


register(
    OpDef("Cross", "a: T, b: T", "product: T", types={"T": kinds.REAL}, shape=_cross_shape, kernel="cross",
          reference=_cross_reference, gradient=_cross_gradient),
    OpDef("MatrixDiag", "diagonal: T", "output: T", shape=_diag_shape, lower=_diag_lower, reference=_diag_reference,
          gradient=lambda op, grad: [matrix_diag_part(grad)]),
    OpDef("MatrixDiagPart", "input: T", "diagonal: T", shape=_diag_part_shape, lower=_diag_part_lower,
          reference=lambda node, x: np.array(np.diagonal(x, axis1=-2, axis2=-1)), gradient=_diag_part_gradient),
    OpDef("MatrixSetDiag", "input: T, diagonal: T", "output: T", least_ranks={"input": 2, "diagonal": 1}, shape=_set_diag_shape, lower=_set_diag_lower,
          reference=_set_diag_reference, gradient=_set_diag_gradient),
    OpDef("MatrixBandPart", "input: T, num_lower: Tindex, num_upper: Tindex", "band: T", ranks={"num_lower": 0, "num_upper": 0}, attrs={"Tindex": dtypes.int64},
          types={"Tindex": kinds.INDEX},
          shape=lambda c: _matrix_shape(c, 0), kernel="band_part", reference=_band_reference, gradient=_band_gradient,
          can_fail=True),
    OpDef("Diag", "diagonal: T", "output: T", types={"T": kinds.NUMBER}, shape=_tensor_diag_shape, lower=_tensor_diag_lower,
          reference=_tensor_diag_reference, gradient=lambda op, grad: [diag_part(grad)]),
    OpDef("DiagPart", "input: T", "diagonal: T", types={"T": kinds.NUMBER}, shape=_tensor_diag_part_shape,
          lower=_tensor_diag_part_lower, reference=_tensor_diag_part_reference, gradient=lambda op, grad: [diag(grad)]),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------------


def _main_diagonal(k):
    if k is not None and not (isinstance(k, (int, np.integer)) and k == 0):
        raise ValueError(f"k must be 0, the main diagonal, as in TensorFlow 1.15's ops, but is {k!r}")


def matrix_diag(diagonal, name="diag", k=0, num_rows=-1, num_cols=-1, padding_value=0):
    """Square matrices with the given diagonals, 0 elsewhere.

    Args:
      diagonal: [..., n].
      name: the node's name.
      k: the diagonal, 0: the main one.
      num_rows, num_cols: -1: as many as the diagonal has.
      padding_value: 0.

    Returns:
      [..., n, n].

    Raises:
      ValueError: for another diagonal or another form.
    """
    _main_diagonal(k)
    settings = (num_rows, -1), (num_cols, -1), (padding_value, 0)
    if not all(value is None or (np.ndim(value) == 0 and value == default) for value, default in settings):
        raise ValueError("num_rows and num_cols must be -1, and padding_value 0, as in TensorFlow 1.15's MatrixDiag")
    return apply_op("MatrixDiag", [diagonal], name=name)


def matrix_diag_part(input, name="diag_part", k=0, padding_value=0):
    """The main diagonals of matrices [..., m, n]: [..., min(m, n)].

    Raises:
      ValueError: for another diagonal `k`.
    """
    _main_diagonal(k)
    return apply_op("MatrixDiagPart", [input], name=name)


def matrix_set_diag(input, diagonal, name="set_diag", k=0):
    """Matrices [..., m, n] with their main diagonals replaced.

    Raises:
      ValueError: for another diagonal `k`.
    """
    _main_diagonal(k)
    return apply_op("MatrixSetDiag", [input, diagonal], name=name)


def matrix_band_part(input, num_lower, num_upper, name=None):
    """Matrices with 0 everywhere but in a band around the main diagonal.

    Args:
      input: [..., m, n].
      num_lower: how many diagonals below the main one are kept; all where it is negative.
      num_upper: how many above it.
      name: the node's name.
    """
    return apply_op("MatrixBandPart", [input, num_lower, num_upper], name=name)


def diag(diagonal, name=None):
    """A tensor of twice the rank, with the given elements where both halves of the index agree, 0 elsewhere."""
    return apply_op("Diag", [diagonal], name=name)


def diag_part(input, name=None):
    """The elements where both halves of the index agree."""
    return apply_op("DiagPart", [input], name=name)


def cross(a, b, name=None):
    """The cross products of vectors of 3 elements along the last axis."""
    return apply_op("Cross", [a, b], name=name)
