"""Any diagonals of the last two axes: made into matrices, taken from them, and put into them."""

from __future__ import annotations

import numpy as np

from ..shapes import UNKNOWN
from .array import zeros, zeros_like
from .build import apply_op
from .registry import OpDef, register

__all__ = []


# --- which diagonals ------------------------------------------------------------------------------------------


def _range(c, i):
    """The lowest and the highest diagonal that input i names: one number or two."""
    if c.known(i) and len(c.shape(i)) > 1:
        c.fail(f"Shape must be at most rank 1 but is rank {len(c.shape(i))}")
    found = np.ravel(c.constant(i)).tolist()
    if len(found) not in (1, 2):
        c.fail(f"diag_index must be a vector with one or two elements. It has {len(found)} elements.")
    if found[0] > found[-1]:
        c.fail("lower_diag_index is greater than upper_diag_index")
    return found[0], found[-1]


def _check_within(c, low, high, rows, columns):
    for said, place in (("lower_diag_index", low), ("upper_diag_index", high)):
        above = isinstance(columns, int) and place >= columns
        if place and (above or (isinstance(rows, int) and place <= -rows)):
            c.fail(f"{said} is out of bound.")


def _longest(c, low, high, rows, columns):
    return _length_of(c, rows + min(high, 0), columns - max(low, 0))


def _length_of(c, a, b):
    return a if a is b else c.minimum(a, b)


def _length(c, d, rows, columns):
    return _length_of(c, rows + min(d, 0), columns - max(d, 0))


def _matrix(c, i):
    shape = c.shape(i)
    if len(shape) < 2:
        c.fail(f"Shape must be at least rank 2 but is rank {len(shape)}")
    return shape


# --- shapes ---------------------------------------------------------------------------------------------------


def _one(c, i):
    if c.known(i) and c.shape(i) not in ((), (1,)):
        c.fail(f"Shape must be rank 0 but is rank {len(c.shape(i))}")
    return c.sizes(i)[0]


def _diag_shape(c):
    shape = c.shape(0)
    if not shape:
        c.fail("Shape must be at least rank 1 but is rank 0")
    low, high = _range(c, 1)
    count = high - low + 1
    batch = shape[:-1]
    if count > 1:
        if len(shape) < 2:
            c.fail(f"Shape must be at least rank 2 but is rank {len(shape)}")
        if isinstance(shape[-2], int) and shape[-2] != count:
            c.fail(
                "The number of rows of `diagonal` doesn't match the number of diagonals implied from `d_lower` and `d_upper`."
            )
        c.merge(shape[-2], count)
        batch = shape[:-2]
    least_rows, least_columns = shape[-1] - min(high, 0), shape[-1] + max(low, 0)
    rows, columns = _one(c, 2), _one(c, 3)
    given = [isinstance(size, int) and size != -1 for size in (rows, columns)]
    if any(size is UNKNOWN for size in (rows, columns)):
        return (*batch, UNKNOWN, UNKNOWN)
    if not any(given):
        size = c.maximum(least_rows, least_columns) if least_rows is not least_columns else least_rows
        return (*batch, size, size)
    for said, size, least, own in zip(("num_rows", "num_cols"), (rows, columns), (least_rows, least_columns), given):
        if own and isinstance(least, int) and size < least:
            c.fail(f"{said} is too small")
    rows, columns = rows if given[0] else least_rows, columns if given[1] else least_columns
    if (
        isinstance(least_rows, int)
        and isinstance(least_columns, int)
        and rows != least_rows
        and columns != least_columns
    ):
        c.fail(
            "num_rows and num_cols are not consistent with lower_diag_index, upper_diag_index, and the length of the given diagonals."
        )
    return (*batch, rows, columns)


def _part_shape(c):
    shape = _matrix(c, 0)
    low, high = _range(c, 1)
    _check_within(c, low, high, *shape[-2:])
    longest = _longest(c, low, high, *shape[-2:])
    return (*shape[:-2], *([high - low + 1] if high > low else []), longest)


def _check_fit(c, shape, form, several):
    unfit = [isinstance(a, int) and isinstance(b, int) and a != b for a, b in zip(shape, form)]
    if several and unfit[-2]:
        c.fail_in_run(
            "The number of diagonals provided in `diag` is not consistent with `lower_diag_index` and `upper_diag_index`"
        )
    elif any(unfit):
        c.fail_in_run(
            "Either first dimensions of diagonal don't match input.shape[:-2], or diagonal.shape[:-1] is not equal to the longests "
            "diagonal in range [lower_diag_index:upper_diag_index]."
        )
    else:
        c.merge_shapes(shape, form)


def _set_shape(c):
    if not c.known(0):
        return None
    shape = _matrix(c, 0)
    c.fallback(shape)
    low, high = _range(c, 2)
    _check_within(c, low, high, *shape[-2:])
    if c.known(1):
        form = (*shape[:-2], *([high - low + 1] if high > low else []), _longest(c, low, high, *shape[-2:]))
        if len(c.shape(1)) != len(form):
            c.fail(f"Shape must be rank {len(form)} but is rank {len(c.shape(1))}")
        _check_fit(c, c.shape(1), form, high > low)
    return shape


# --- lowering -------------------------------------------------------------------------------------------------


def _pairs(c, matrix, diagonals, low, high):
    """For each diagonal its shape, its strides and offset in the matrix, and those among the diagonals."""
    own, packed = c.strides(matrix), c.strides(diagonals)
    batch = len(matrix.shape) - 2
    for d in range(low, high + 1):
        length = _length(c, d, *matrix.shape[-2:])
        in_matrix = (*own[:-2], own[-2] + own[-1]), own[-2] * max(-d, 0) + own[-1] * max(d, 0)
        offset = packed[batch] * (high - d) if high > low else 0
        yield (*matrix.shape[:-2], length), in_matrix, ((*packed[:batch], packed[-1]), offset)


def _copy(c, matrix, diagonals, low, high, into_matrix):
    """Copies diagonals into a matrix, or out of it: one of both has its buffer."""
    for shape, in_matrix, packed in _pairs(c, matrix, diagonals, low, high):
        ends = (diagonals, packed), (matrix, in_matrix)
        (source, (of, start)), (target, (to, at)) = ends if into_matrix else ends[::-1]
        row = c.temp(source.dtype, shape)
        c.view(row, source, of, start)
        c.emit("copy", [row], [c.window(target, shape, to, at)])


def _diag_lower(c, node):
    diagonals, out = node.inputs[0], node.outputs[0]
    c.prepare(out)
    c.emit("fill", [node.inputs[4]], [out])
    _copy(c, out, diagonals, *_range(c, 1), into_matrix=True)


def _part_lower(c, node):
    matrix, out = node.inputs[0], node.outputs[0]
    low, high = _range(c, 1)
    c.prepare(out)
    if high > low:
        c.emit("fill", [node.inputs[2]], [out])
    _copy(c, matrix, out, low, high, into_matrix=False)


def _set_lower(c, node):
    matrix, out = node.inputs[0], node.outputs[0]
    c.prepare(out)
    c.emit("copy", [matrix], [out])
    _copy(c, out, node.inputs[1], *_range(c, 2), into_matrix=True)


# --- references -----------------------------------------------------------------------------------------------


def _places(matrix, diagonals, k):
    """For each diagonal its rows and columns, and the key of it among the diagonals."""
    low, high = int(np.ravel(k)[0]), int(np.ravel(k)[-1])
    for d in range(low, high + 1):
        index = np.arange(max(min(matrix.shape[-2] + min(d, 0), matrix.shape[-1] - max(d, 0)), 0))
        key = (..., high - d, index) if high > low else (..., index)
        yield index + max(-d, 0), index + max(d, 0), key


def _diag_reference(node, diagonals, k, rows, columns, padding):
    low, high = int(np.ravel(k)[0]), int(np.ravel(k)[-1])
    rows, columns = int(np.ravel(rows)[0]), int(np.ravel(columns)[0])
    least = diagonals.shape[-1] - min(high, 0), diagonals.shape[-1] + max(low, 0)
    if rows == columns == -1:
        rows = columns = max(least)
    rows, columns = least[0] if rows == -1 else rows, least[1] if columns == -1 else columns
    out = np.full((*diagonals.shape[: -2 if high > low else -1], rows, columns), padding, diagonals.dtype)
    for i, j, key in _places(out, diagonals, k):
        out[..., i, j] = diagonals[key]
    return out


def _part_reference(node, matrix, k, padding):
    low, high = int(np.ravel(k)[0]), int(np.ravel(k)[-1])
    longest = min(matrix.shape[-2] + min(high, 0), matrix.shape[-1] - max(low, 0))
    form = (*matrix.shape[:-2], *([high - low + 1] if high > low else []), longest)
    out = np.full(form, padding, matrix.dtype)
    for i, j, key in _places(matrix, out, k):
        out[key] = matrix[..., i, j]
    return out


def _set_reference(node, matrix, diagonals, k):
    out = np.array(matrix)
    for i, j, key in _places(matrix, diagonals, k):
        out[..., i, j] = diagonals[key]
    return out


# --- gradients ------------------------------------------------------------------------------------------------


def _nothing(tensor):
    return zeros([], tensor.dtype)


def _taken(matrix, k):
    return apply_op("MatrixDiagPartV2", [matrix, k, _nothing(matrix)])


def _part_gradient(op, grad):
    rows, columns = (None, None) if op.inputs[0]._shape is None else op.inputs[0]._shape[-2:]
    if isinstance(rows, int) and isinstance(columns, int):
        return [apply_op("MatrixDiagV2", [grad, op.inputs[1], rows, columns, _nothing(grad)]), None, None]
    return [apply_op("MatrixSetDiagV2", [zeros_like(op.inputs[0]), grad, op.inputs[1]]), None, None]


def _set_gradient(op, grad):
    _, diagonals, k = op.inputs
    without = apply_op("MatrixSetDiagV2", [grad, zeros_like(diagonals), k])
    return [without, _taken(grad, k), None]


register(
    OpDef("MatrixDiagV2", "diagonal: T, k: int32, num_rows: int32, num_cols: int32, padding_value: T", "output: T", shape=_diag_shape,
          lower=_diag_lower, reference=_diag_reference, ranks={"padding_value": 0},
          gradient=lambda op, grad: [_taken(grad, op.inputs[1]), None, None, None, None]),
    OpDef("MatrixDiagPartV2", "input: T, k: int32, padding_value: T", "diagonal: T", shape=_part_shape, lower=_part_lower,
          reference=_part_reference, gradient=_part_gradient, ranks={"padding_value": 0}),
    OpDef("MatrixSetDiagV2", "input: T, diagonal: T, k: int32", "output: T", shape=_set_shape, lower=_set_lower,
          reference=_set_reference, gradient=_set_gradient),
)  # fmt: skip
