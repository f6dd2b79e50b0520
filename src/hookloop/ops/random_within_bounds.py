"""Normal numbers between bounds, of which each row of the result may have its own: csrc/kernels/normal_within_bounds.c."""

from __future__ import annotations

import math

import numpy as np

from .. import dtypes, errors
from ..graph.scopes import name_scope
from . import _philox, kinds
from .build import apply_op, convert_to_tensor
from .random import _SEEDS, _dims, _from_sizes, _seeded, _shape_tensor
from .registry import OpDef, no_gradient, register

__all__ = ["parameterized_truncated_normal"]

_BATCH, _MOST_TRIES = 100, 1000
_PARAMETERS = ("means", "stddevs", "minvals", "maxvals")


# --- definition -----------------------------------------------------------------------------------------------


def _shape(c):
    for i in range(1, 5):
        if c.known(i) and len(c.shape(i)) > 1:
            c.fail(f"Shape must be at most rank 1 but is rank {len(c.shape(i))}")
    return _from_sizes(c)


def _lower(c, node):
    c.emit("normal_within_bounds", [c.stream(), *node.inputs[1:]], node.outputs)


class _Groups:
    """The numbers of one block after the other."""

    def __init__(self, stream, first, kind):
        self._stream, self._next, self._wide = stream, first, kind == np.float64

    def _words(self):
        self._next += 1
        return _philox.blocks(self._stream, self._next - 1, 1)

    def uniform(self):
        words = self._words()
        pairs = [_philox._double(words[:, i], words[:, i + 1]) for i in (0, 2)]
        return np.concatenate(pairs) if self._wide else _philox._float(words)[0]

    def normal(self):
        return (_philox._normal_doubles if self._wide else _philox._normal_floats)(self._words())[0]


def _candidates(groups, low, high):
    """Endless pairs: a normal number with these bounds if it is accepted, and whether it is."""
    kind, root = type(low), np.sqrt(low * low + 4)
    if (low < kind(-1.3) and high >= 0) or (high > kind(1.3) and low <= 0):
        while True:
            yield from ((z, low <= z <= high) for z in groups.normal())
    if high - low < 2 * np.exp(kind(0.5) + low * (low - root) / 4) / (low + root):
        nearest = kind(0) if low < 0 else low * low
        while True:
            drawn = groups.uniform() * (high - low) + low
            yield from zip(drawn, groups.uniform() <= np.exp((nearest - drawn * drawn) / 2), strict=True)
    rate = (low + root) / 2
    while True:
        drawn = groups.uniform()
        z = -np.log(drawn[0::2]) / rate + low
        off = rate - z if low < rate else low - rate
        yield from zip(z, (drawn[1::2] <= np.exp(-off * off / 2)) & (z < high), strict=True)


def _row(groups, count, mean, deviation, low, high):
    """So many numbers, which begin with a group of their own."""
    if not (deviation > 0 and low < high and (np.isfinite(low) or np.isfinite(high))):
        raise ValueError(f"Invalid parameters: a deviation of {deviation:g}, numbers between {low:g} and {high:g}")
    if (np.isinf(low) and low < 0) or high < mean:
        low, high, deviation = high, low, -deviation
    row, tries = [], 0
    for z, accepted in _candidates(groups, (low - mean) / deviation, (high - mean) / deviation):
        if accepted:
            row.append(z * deviation + mean)
        tries = 0 if accepted else tries + 1
        if tries == _MOST_TRIES:
            bounds = sorted([low, high])
            raise errors.InternalError(
                None, None, f"none of {tries} numbers was accepted between {bounds[0]:g} and {bounds[1]:g}"
            )
        if len(row) == count:
            return row


def _reference(node, stream, shape, *parameters):
    shape = _dims(shape)
    if not shape:
        raise ValueError("Shape tensor must not be empty")
    for name, values in zip(_PARAMETERS, parameters, strict=True):
        if values.size not in (1, shape[0]):
            raise ValueError(f"Input {name} should have length 1 or shape[0], got shape: [{values.size}]")
    total = math.prod(shape)
    if not total:
        return np.empty(shape, parameters[0].dtype)
    rows, numbers = shape[0], total // shape[0]
    if all(values.ndim == 0 for values in parameters):
        rows, numbers = -(-total // _BATCH), _BATCH
    groups = _Groups(stream, _philox._reserve(stream, rows * 2 * _MOST_TRIES * (numbers + 3) // 4), parameters[0].dtype)
    columns = [np.broadcast_to(values.ravel(), (rows,)) for values in parameters]
    found = []
    with np.errstate(all="ignore"):
        for row, values in enumerate(zip(*columns, strict=True)):
            found += _row(groups, min(numbers, total - row * numbers), *values)
    return np.array(found, parameters[0].dtype).reshape(shape)


register(
    OpDef("ParameterizedTruncatedNormal", "shape: T, means: dtype, stdevs: dtype, minvals: dtype, maxvals: dtype", "output: dtype",
          attrs=dict(_SEEDS), types={"T": kinds.INDEX, "dtype": frozenset((dtypes.float32, dtypes.float64))}, shape=_shape,
          lower=_lower, reference=_reference, stateful="stream", gradient=no_gradient, can_fail=True),
)  # fmt: skip


# --- public function ------------------------------------------------------------------------------------------


def parameterized_truncated_normal(
    shape, means=0.0, stddevs=1.0, minvals=-2.0, maxvals=2.0, dtype=dtypes.float32, seed=None, name=None
):
    """Normal numbers that lie between bounds.

    Args:
      shape: the result's shape; its first dimension counts the rows.
      means, stddevs, minvals, maxvals: mean, standard deviation and bounds, each a number for all or a vector with one for each row.
        One of the bounds may be infinite.
      dtype: float32 or float64.
      seed: the op's seed.
      name: the scope's name.

    Returns:
      A tensor of this shape.
    """
    values = [shape, means, stddevs, minvals, maxvals]
    with name_scope(name, "parameterized_truncated_normal", values):
        shape = _shape_tensor(shape)
        parameters = [convert_to_tensor(v, dtype=dtype, name=n) for v, n in zip(values[1:], _PARAMETERS, strict=True)]
        return apply_op("ParameterizedTruncatedNormal", [shape, *parameters], _seeded(seed))
