"""Numbers that are evenly spaced: `range` and `lin_space`."""

from __future__ import annotations

import builtins

import numpy as np

from .. import dtypes
from ..graph.scopes import name_scope
from . import kinds
from .build import apply_op, convert_to_tensor
from .cast import cast
from .registry import OpDef, no_gradient, register

__all__ = ["lin_space", "linspace", "range"]


def _range_size(c):
    if all(c.has_constant(i) for i in builtins.range(3)):
        start, limit, delta = (c.constant(i)[()] for i in builtins.range(3))
        if c.inputs[0].dtype.is_integer:
            start, limit, delta = int(start), int(limit), int(delta)
        if delta == 0:
            c.fail("Requires delta != 0")
        if (limit - start) * delta < 0:
            c.fail(f"Requires start {'<=' if delta > 0 else '>='} limit when delta {'>' if delta > 0 else '<'} 0: "
                   f"{start}/{limit}")  # fmt: skip
        return (_range_count(c, start, limit, delta),)
    if not c.inputs[0].dtype.is_integer:
        return (c.new_size(None),)
    (start,), (limit,), (delta,) = c.sizes(0), c.sizes(1), c.sizes(2)
    if not isinstance(delta, int):
        if hasattr(c, "step"):
            c.step(delta)
            forward = c.minimum(c.maximum(delta, 0), 1)
            c.natural((limit - start) * (2 * forward - 1))
        return (c.maximum(0 - (start - limit) // delta, 0),)
    if delta == 0:
        c.fail("Requires delta != 0")
    span, step = (limit - start, delta) if delta > 0 else (start - limit, -delta)
    return ((c.natural(span) + step - 1) // step,)


def _range_count(c, start, limit, delta):
    if isinstance(delta, int):
        return -((start - limit) // delta)
    count = np.ceil(np.float64((limit - start) / delta))
    if not 0 <= count < 1 << 63:
        c.fail(f"Requires a number of elements, got {count} from {start} to {limit} by {delta}")
    return int(count)


def _range_lower(c, node):
    defines = c.new_sizes
    if defines:
        c.emit("range_count", node.inputs, (), defines=defines)
    c.emit("range", [node.inputs[0], node.inputs[2]], node.outputs)


def _range_reference(node, start, limit, delta):
    if delta == 0:
        raise ValueError("Requires delta != 0")
    if np.asarray(start).dtype != object and (limit - start) * delta < 0:
        raise ValueError(f"Requires the limit {limit} to lie in the direction of delta {delta} from {start}")
    return np.arange(start, limit, delta, dtype=np.asarray(start).dtype)


def _lin_space_size(c):
    (count,) = c.sizes(2)
    if isinstance(count, int) and count <= 0:
        c.fail(f"Requires num > 0: {count}")
    return (c.natural(count - 1) + 1,)


def _lin_space_reference(node, start, stop, num):
    return np.linspace(start, stop, int(num), dtype=np.asarray(start).dtype)


register(
    OpDef("Range", "start: Tidx, limit: Tidx, delta: Tidx", "output: Tidx", ranks={"start": 0, "limit": 0, "delta": 0}, attrs={"Tidx": dtypes.int32}, types={"Tidx": kinds.REAL}, shape=_range_size,
          symbolic=True, lower=_range_lower, reference=_range_reference, gradient=no_gradient),
    OpDef("LinSpace", "start: T, stop: T, num: Tidx", "output: T", ranks={"start": 0, "stop": 0, "num": 0},
          attrs={"Tidx": dtypes.int32}, types={"T": kinds.FLOAT - {dtypes.float16}, "Tidx": kinds.INDEX},
          shape=_lin_space_size, lower=lambda c, node: c.emit("lin_space", node.inputs[:2], node.outputs),
          reference=_lin_space_reference, gradient=no_gradient),
)  # fmt: skip


def range(start, limit=None, delta=1, dtype=None, name="range"):
    """The numbers from `start` up to, and without, `limit` in steps of `delta`.

    Args:
      start: the first number; with `limit` None it is the limit, and 0 the first number.
      limit: where it ends.
      delta: the step, not 0.
      dtype: of the numbers; otherwise the widest of the three.
      name: the node's name.
    """
    if limit is None:
        start, limit = 0, start
    with name_scope(name, "Range", [start, limit, delta]) as scope:
        start = convert_to_tensor(start, dtype=dtype, name="start")
        limit = convert_to_tensor(limit, dtype=dtype, name="limit")
        delta = convert_to_tensor(delta, dtype=dtype, name="delta")
        if dtype is None:
            order = [dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64]
            wanted = builtins.max((t.dtype.base_dtype for t in (start, limit, delta)), key=order.index)
            start, limit, delta = (cast(t, wanted) for t in (start, limit, delta))
        return apply_op("Range", [start, limit, delta], name=scope)


def lin_space(start, stop, num, name=None):
    """`num` numbers evenly spaced from `start` to `stop`, both included."""
    return apply_op("LinSpace", [start, stop, num], name=name)


linspace = lin_space
