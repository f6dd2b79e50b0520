"""Pools over windows of two lengths in a random order, after Graham (2014)."""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from .. import dtypes
from ..graph.random_seed import get_seed
from ..shapes import UNKNOWN
from . import _philox
from .array import shape as shape_of
from .build import apply_op
from .convolution import sequence
from .registry import OpDef, register

__all__ = []

_TYPES = {"T": frozenset((dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64))}
_ATTRS = {
    "pooling_ratio": None, "pseudo_random": False, "overlapping": False, "deterministic": False, "seed": 0, "seed2": 0,
}  # fmt: skip


# --- shapes and lowering ----------------------------------------------------------------------------------------------


def _count(c, size, ratio):
    """How many windows a side of the image has."""
    if not isinstance(size, int):
        if not hasattr(c, "decide"):
            return UNKNOWN
        size = c.decide(size)
    count = int(np.floor(np.float32(size) / np.float32(ratio)))
    if count < 1:
        c.fail(f"a pooling_ratio of {ratio:g} leaves no window of {size} pixels")
    return count


def _pooled(c):
    ratios = c.attr("pooling_ratio")
    if ratios[0] != 1 or ratios[3] != 1:
        c.fail(f"{c.op.type} is not yet supported on the batch nor channel dimension.")
    if any(ratio < 1 for ratio in ratios[1:3]):
        c.fail(f"pooling_ratio must be at least 1, but is {min(ratios[1:3]):g}")
    if not c.known(0):
        return [(UNKNOWN,) * 4, (UNKNOWN,), (UNKNOWN,)]
    batch, high, wide, depth = c.shape(0)
    rows, columns = _count(c, high, ratios[1]), _count(c, wide, ratios[2])
    return [(batch, rows, columns, depth), *((n + 1 if n is not UNKNOWN else UNKNOWN,) for n in (rows, columns))]


def _lower(maximum):
    def lower(c, node):
        attrs = node.attrs
        if not attrs["deterministic"] and (attrs["seed"] or attrs["seed2"]):
            raise ValueError("Both seed and seed2 should be 0 if deterministic is false.")
        flags = (int(maximum), *(int(bool(attrs[name])) for name in ("pseudo_random", "overlapping", "deterministic")))
        c.emit("fractional_pool", [c.stream(), node.inputs[0]], node.outputs, flags)

    return lower


def _image_shape(c):
    if c.known(2) and c.known(3):
        c.merge(c.shape(3)[0], c.shape(2)[1] + 1)
    if hasattr(c, "emit"):
        c.merge_shapes(c.shape(1), c.shape(2))
        c.merge(c.shape(0)[0], c.shape(2)[0])
        c.merge(c.shape(0)[3], c.shape(2)[3])
        c.merge(c.shape(4)[0], c.shape(2)[2] + 1)
    return c.shape(0) if c.known(0) else (UNKNOWN,) * 4


def _sizes_shape(c):
    sizes = c.sizes(0, 4)
    if hasattr(c, "emit"):
        batch, rows, columns, depth = c.shape(1)
        c.merge(c.shape(2)[0], rows + 1)
        c.merge(c.shape(3)[0], columns + 1)
        return (c.merge(sizes[0], batch), c.natural(sizes[1]), c.natural(sizes[2]), c.merge(sizes[3], depth))
    return tuple(sizes)


# --- references -------------------------------------------------------------------------------------------------------


def _places(stream, at, size, count, pseudo):
    """Where windows begin and the last one ends, and how many blocks were drawn."""
    least = size // count
    if pseudo:
        ratio = size / count
        largest = min((least + 2) / ratio - 1, (size + 1 - least) / ratio - (count - 1))
        words = _philox.blocks(stream, at, 1)
        u = _philox._double(words[:, 0], words[:, 1])[0] * largest
        return np.array([0, *(np.ceil(ratio * (np.arange(1, count) + u)) - 1), size], np.int64), 1
    blocks = -(-count // 4)
    words = _philox.blocks(stream, at, blocks).ravel()
    lengths = [least + (i < size % count) for i in range(count)]
    for i in range(count - 1):
        other = i + int(words[i]) % (count - i)
        lengths[i], lengths[other] = lengths[other], lengths[i]
    return np.cumsum([0, *lengths]).astype(np.int64), blocks


def _windows(node, rows, columns, high, wide):
    more = int(bool(node.attrs["overlapping"]))
    for y, x in np.ndindex(len(rows) - 1, len(columns) - 1):
        down, beside = (min(end + more, size) for end, size in ((rows[y + 1], high), (columns[x + 1], wide)))
        yield y, x, slice(rows[y], down), slice(columns[x], beside)


def _reference(maximum):
    def reference(node, stream, images):
        batch, high, wide, depth = images.shape
        ratios = node.attrs["pooling_ratio"]
        counts = [int(np.floor(np.float32(n) / np.float32(r))) for n, r in zip((high, wide), ratios[1:3])]
        if not node.attrs["deterministic"] and (node.attrs["seed"] or node.attrs["seed2"]):
            raise ValueError("Both seed and seed2 should be 0 if deterministic is false.")
        at = 0 if node.attrs["deterministic"] else _philox._reserve(stream, 4 + sum(counts) // 4)
        rows, blocks = _places(stream, at, high, counts[0], node.attrs["pseudo_random"])
        columns, _ = _places(stream, at + blocks, wide, counts[1], node.attrs["pseudo_random"])
        out = np.empty((batch, *counts, depth), images.dtype)
        for y, x, down, beside in _windows(node, rows, columns, high, wide):
            part = images[:, down, beside]
            if maximum:
                out[:, y, x] = part.max((1, 2))
            else:
                total, many = part.sum((1, 2), dtype=images.dtype), part.shape[1] * part.shape[2]
                out[:, y, x] = total / many if images.dtype.kind == "f" else np.trunc(total / many)
        return out, rows, columns

    return reference


def _check_places(rows, columns, high, wide):
    for places, size in ((rows, high), (columns, wide)):
        if np.any(places < 0) or np.any(places > size) or np.any(np.diff(places) < 0):
            raise ValueError(f"pooling sequences do not fit an image of {high} x {wide}")


def _max_slope_reference(node, images, pooled, grad, rows, columns):
    out = np.zeros_like(images)
    _check_places(rows, columns, *images.shape[1:3])
    for y, x, down, beside in _windows(node, rows, columns, *images.shape[1:3]):
        part = images[:, down, beside]
        if not part.shape[1] * part.shape[2]:
            continue
        at = part.reshape(len(part), -1, part.shape[-1]).argmax(1)
        for b, c in np.ndindex(at.shape):
            row, column = divmod(int(at[b, c]), part.shape[2])
            out[b, down.start + row, beside.start + column, c] += grad[b, y, x, c]
    return out


def _mean_slope_reference(node, sizes, grad, rows, columns):
    out = np.zeros([int(n) for n in sizes], grad.dtype)
    _check_places(rows, columns, *out.shape[1:3])
    for y, x, down, beside in _windows(node, rows, columns, *out.shape[1:3]):
        many = (down.stop - down.start) * (beside.stop - beside.start)
        if many:
            share = grad[:, y, x, :] / grad.dtype.type(many)
            out[:, down, beside] += (
                np.trunc(share).astype(grad.dtype)[:, None, None] if grad.dtype.kind != "f" else share[:, None, None]
            )
    return out


# --- definitions ------------------------------------------------------------------------------------------------------


def _max_gradient(op, grad, *others):
    inputs = [op.inputs[0], op.outputs[0], grad, *op.outputs[1:]]
    return [apply_op("FractionalMaxPoolGrad", inputs, {"overlapping": op._attrs["overlapping"]})]


def _mean_gradient(op, grad, *others):
    form = op.inputs[0].get_shape()
    sizes = form.as_list() if form.is_fully_defined() else shape_of(op.inputs[0], out_type=dtypes.int64)
    return [
        apply_op("FractionalAvgPoolGrad", [sizes, grad, *op.outputs[1:]], {"overlapping": op._attrs["overlapping"]})
    ]


def _pool(kind, gradient):
    return OpDef(
        f"Fractional{kind}Pool", "value: T", "output: T, row_pooling_sequence: int64, col_pooling_sequence: int64", attrs=dict(_ATTRS),
        types=_TYPES, shape=_pooled, lower=_lower(kind == "Max"), reference=_reference(kind == "Max"), gradient=gradient,
        stateful="stream", ranks={"value": 4}, minima={"pooling_ratio": 4},
    )  # fmt: skip


def _flag(node):
    return (int(bool(node.attrs["overlapping"])),)


_SEQUENCES = {"row_pooling_sequence": 1, "col_pooling_sequence": 1}
_GIVEN = "row_pooling_sequence: int64, col_pooling_sequence: int64"

register(
    _pool("Max", _max_gradient),
    _pool("Avg", _mean_gradient),
    OpDef("FractionalMaxPoolGrad", f"orig_input: T, orig_output: T, out_backprop: T, {_GIVEN}", "output: T", attrs={"overlapping": False},
          types=_TYPES, shape=_image_shape, kernel="fractional_max_slope", params=_flag, reference=_max_slope_reference, can_fail=True,
          ranks={"orig_input": 4, "orig_output": 4, "out_backprop": 4, **_SEQUENCES}),
    OpDef("FractionalAvgPoolGrad", f"orig_input_tensor_shape: int64, out_backprop: T, {_GIVEN}", "output: T", attrs={"overlapping": False},
          types=_TYPES, shape=_sizes_shape, kernel="fractional_mean_slope", params=_flag, reference=_mean_slope_reference, can_fail=True,
          ranks={"orig_input_tensor_shape": 1, "out_backprop": 4, **_SEQUENCES}),
)  # fmt: skip

FractionalMaxPool = namedtuple("FractionalMaxPool", ["output", "row_pooling_sequence", "col_pooling_sequence"])
FractionalAvgPool = namedtuple("FractionalAvgPool", ["output", "row_pooling_sequence", "col_pooling_sequence"])


# --- public functions -------------------------------------------------------------------------------------------------


def _node(result, value, pooling_ratio, pseudo_random, overlapping, deterministic, seed, seed2, name):
    attrs = {
        "pooling_ratio": [float(ratio) for ratio in pooling_ratio], "pseudo_random": pseudo_random, "overlapping": overlapping,
        "deterministic": deterministic, "seed": seed, "seed2": seed2,
    }  # fmt: skip
    return result(*apply_op(result.__name__, [value], attrs, name))


def fractional_max_pool(value, pooling_ratio, pseudo_random=False, overlapping=False, deterministic=False, seed=0, seed2=0,
                        name=None):  # fmt: skip
    """The maxima over windows of images, which are of two lengths in a random order: the result has any size.

    Args:
      value: [batch, height, width, channels].
      pooling_ratio: four numbers; by how much height and width become smaller, 1 for batch and channels.
      pseudo_random: whether one random number tells all places of a side; else lengths are shuffled.
      overlapping: whether the first row and column of the next window belong to a window too.
      deterministic: whether each run has the same windows.
      seed, seed2: of the windows, where they are the same in each run.
      name: the node's name.

    Returns:
      (output, row_pooling_sequence, col_pooling_sequence): where windows begin, and where the last one ends.
    """
    return _node(FractionalMaxPool, value, pooling_ratio, pseudo_random, overlapping, deterministic, seed, seed2, name)


def fractional_avg_pool(value, pooling_ratio, pseudo_random=False, overlapping=False, deterministic=False, seed=0, seed2=0,
                        name=None):  # fmt: skip
    """The means over windows of images, which are those of `fractional_max_pool`.

    Args:
      value, pooling_ratio, pseudo_random, overlapping, deterministic, seed, seed2, name: those of `fractional_max_pool`.

    Returns:
      (output, row_pooling_sequence, col_pooling_sequence): where windows begin, and where the last one ends.
    """
    return _node(FractionalAvgPool, value, pooling_ratio, pseudo_random, overlapping, deterministic, seed, seed2, name)


def _seeded(result, value, pooling_ratio, pseudo_random, overlapping, seed, name):
    ratios = sequence(pooling_ratio, 2, False, "pooling_ratio")
    seeds = (0, 0) if seed == 0 else get_seed(seed)
    return _node(result, value, ratios, pseudo_random, overlapping, seed != 0, *seeds, name)


def fractional_max_pool_v2(value, pooling_ratio, pseudo_random=False, overlapping=False, seed=0, name=None):
    """`fractional_max_pool`, whose windows are the same in each run where it has a seed.

    Args:
      value, pseudo_random, overlapping, name: those of `fractional_max_pool`.
      pooling_ratio: a number, one for height and width each, or four.
      seed: of the windows; 0 for none.
    """
    return _seeded(FractionalMaxPool, value, pooling_ratio, pseudo_random, overlapping, seed, name)


def fractional_avg_pool_v2(value, pooling_ratio, pseudo_random=False, overlapping=False, seed=0, name=None):
    """`fractional_avg_pool`, whose windows are the same in each run where it has a seed.

    Args:
      value, pooling_ratio, pseudo_random, overlapping, seed, name: those of `fractional_max_pool_v2`.
    """
    return _seeded(FractionalAvgPool, value, pooling_ratio, pseudo_random, overlapping, seed, name)
