"""Tensors with a border, and tensors turned round."""

from __future__ import annotations

import math

import numpy as np

from .. import dtypes
from ..shapes import UNKNOWN
from . import kinds
from .build import apply_op
from .mismatches import mirrored
from .registry import OpDef, register
from .shape_functions import one_of, unchanged

__all__ = ["pad", "reverse", "reverse_v2"]


def _pairs(c):
    """(before, behind) for each axis, as sizes."""
    sizes = [c.natural(n) for n in c.sizes(1)]
    return list(zip(sizes[0::2], sizes[1::2]))


def _padded(c):
    pairs = c.shape(1) if c.known(1) else None
    if pairs is not None and len(pairs) != 2:
        c.fail(f"Shape must be rank 2 but is rank {len(pairs)}")
    if pairs is not None:
        c.merge(pairs[1], 2)
    if not c.known(0):
        return (UNKNOWN,) * pairs[0] if pairs is not None and isinstance(pairs[0], int) else None
    shape = c.shape(0)
    if not hasattr(c, "emit") and pairs is not None and isinstance(pairs[0], int) and pairs[0] != len(shape):
        c.fail(f"Shape must be rank {pairs[0]} but is rank {len(shape)}")
    if not c.has_constant(1) and not hasattr(c, "emit"):
        return (UNKNOWN,) * len(shape)
    if c.has_constant(1) and np.any(np.asarray(c.constant(1)) < 0):
        c.fail("Paddings must be non-negative")
    pairs = _pairs(c)
    if len(pairs) != len(shape):
        c.fail(f"The first dimension of paddings must be the rank of inputs, got {len(pairs)} and {len(shape)}")
    if c.op.type == "MirrorPad" and c.attr("mode") == b"REFLECT" and any(isinstance(d, int) and d == 0 for d in shape):
        c.fail_in_run("paddings must be less than the dimension size: of 0 elements none can be reflected")
    return tuple([d + before + behind for d, (before, behind) in zip(shape, pairs)])


_SMALL = 1 << 15  # bytes that are filled as a whole rather than around the middle
_SHORT_RUN = 1024  # bytes of rows that are too short for borders of their own


def _pad_lower(c, node):
    x, out = node.inputs[0], node.outputs[0]
    value = node.inputs[2] if len(node.inputs) > 2 else c.literal(np.zeros((), x.dtype.as_numpy_dtype))
    c.prepare(out)
    strides, pairs = c.strides(out), _pairs(c)
    known = [d for d in out.shape if isinstance(d, int)]
    if math.prod(known) * x.dtype.size < _SMALL:
        c.emit("fill", [value], [out])
    else:
        for border in _borders(c, x.shape, out, strides, pairs):
            c.emit("fill", [value], [border])
    offset = sum((before * stride for stride, (before, _) in zip(strides, pairs)), 0)
    c.emit("copy", [x], [c.window(out, x.shape, strides, offset)])


def _borders(c, middle, out, strides, pairs):
    """Boxes of `out` around a middle of that shape: of each axis what is before and behind, along that of the axes in front."""
    offset = 0
    for axis, (before, behind) in enumerate(pairs):
        for size, at in ((before, 0), (behind, before + middle[axis])):
            if not (isinstance(size, int) and size == 0):
                shape = (*middle[:axis], size, *out.shape[axis + 1 :])
                yield c.window(out, shape, strides, offset + at * strides[axis])
        offset = offset + before * strides[axis]


def borders_of_part(c, out, axes):
    """What is to be filled around a part of `out`: the whole where that is less work. `axes`: (axis, begin, count, stride) for each."""
    if not _is_mostly_middle(out, axes):
        return [out]
    pairs = [(begin, out.shape[axis] - begin - count) for axis, begin, count, _ in axes]
    return list(_borders(c, tuple(count for _, _, count, _ in axes), out, c.strides(out), pairs))


def _is_mostly_middle(out, axes):
    """Whether a part is of a large tensor, dense, and most of it or cut out of the first axis alone."""
    if any(not isinstance(stride, int) or stride != 1 for _, _, _, stride in axes):
        return False
    if math.prod(d for d in out.shape if isinstance(d, int)) * out.dtype.size < _SMALL:
        return False
    cut = [(axis, d, count) for d, (axis, _, count, _) in zip(out.shape, axes) if d is not count and d != count]
    if all(axis == 0 for axis, _, _ in cut):
        return True
    if not all(isinstance(d, int) and isinstance(count, int) for _, d, count in cut):
        return False
    run = math.prod(d for d in out.shape[cut[-1][0] :] if isinstance(d, int))
    if run * out.dtype.size < _SHORT_RUN:
        return False
    return 4 * math.prod(count for _, _, count in cut) >= 3 * math.prod(d for _, d, _ in cut)


def _pad_reference(node, x, paddings, value=None):
    paddings = [tuple(int(n) for n in pair) for pair in paddings]
    if value is None:
        value = b"" if x.dtype == object and node.inputs[0].dtype.name == "string" else 0
    return np.pad(x, paddings, constant_values=value) if paddings else np.array(x)


def _pad_gradient(op, grad):
    from .array import rank, reshape, shape
    from .slicing import slice, stack

    x, paddings = op.inputs[0], op.inputs[1]
    before = slice(paddings, [0, 0], stack([rank(x), 1]))
    begin = reshape(before, [-1])
    found = slice(grad, begin, shape(x, out_type=begin.dtype))
    return [found, None] if len(op.inputs) == 2 else [found, None, None]


def _mirrored_pairs(c, shape, skip):
    """The pairs of a border that repeats what it lies beside: no wider than that is."""
    return [
        tuple([c.within(n, d - skip) if not isinstance(n, int) or n else 0 for n in pair])
        for d, pair in zip(shape, _pairs(c))
    ]


def _mirror_lower(c, node):
    """The middle is copied; then, axis by axis, what lies beside it is a copy of itself turned round."""
    x, out = node.inputs[0], node.outputs[0]
    c.prepare(out)
    skip = 1 if node.attrs["mode"] == b"REFLECT" else 0
    pairs = _mirrored_pairs(c, x.shape, skip)
    strides = c.strides(out)
    offset = 0
    for stride, (before, _) in zip(strides, pairs):
        offset = offset + before * stride
    c.emit("copy", [x], [c.window(out, x.shape, strides, offset)])
    done = list(x.shape)
    for axis, (before, behind) in enumerate(pairs):
        base = offset - before * strides[axis]
        turned = [*strides[:axis], -strides[axis], *strides[axis + 1 :]]
        for count, target, source in (
            (before, base, base + (2 * before - 1 + skip) * strides[axis]),
            (behind, base + (before + done[axis]) * strides[axis],
             base + (before + done[axis] - 1 - skip) * strides[axis]),
        ):  # fmt: skip
            part = (*done[:axis], count, *done[axis + 1 :])
            c.emit("copy", [c.window(out, part, turned, source)], [c.window(out, part, strides, target)])
        offset = base
        done[axis] = done[axis] + before + behind


def _mode(node):
    return node.attrs["mode"].decode().lower()


def _mirror_reference(node, x, paddings):
    skip = 1 if node.attrs["mode"] == b"REFLECT" else 0
    for d, pair in zip(x.shape, paddings):
        if max(pair) > d - skip:
            raise ValueError(mirrored(node.op, [x.shape], int(max(pair)), d - skip))
    return np.pad(x, [tuple(int(n) for n in pair) for pair in paddings], mode=_mode(node))


def _mirror_gradient(op, grad):
    return [apply_op("MirrorPadGrad", [grad, op.inputs[1]], {"mode": op.get_attr("mode")}), None]


def _unpadded(c):
    shape = c.shape(0)
    if not c.has_constant(1) and not hasattr(c, "emit"):
        return (UNKNOWN,) * len(shape)
    return tuple([d - before - behind for d, (before, behind) in zip(shape, _pairs(c))])


def _mirror_grad_lower(c, node):
    """Every border is added, turned round, to what it was a copy of; then the middle is taken."""
    grad, out = node.inputs[0], node.outputs[0]
    work = c.temp(grad.dtype, grad.shape)
    c.emit("copy", [grad], [work])
    skip = 1 if node.attrs["mode"] == b"REFLECT" else 0
    strides = c.strides(work)
    left, offset = list(grad.shape), 0
    pairs = _mirrored_pairs(c, out.shape, skip)
    for axis in reversed(range(len(pairs))):
        before, behind = pairs[axis]
        middle = left[axis] - before - behind
        start = offset + before * strides[axis]
        turned = [*strides[:axis], -strides[axis], *strides[axis + 1 :]]
        for count, border, target in (
            (before, offset + (before - 1) * strides[axis], start + skip * strides[axis]),
            (behind, start + (middle + behind - 1) * strides[axis],
             start + (middle - skip - behind) * strides[axis]),
        ):  # fmt: skip
            part = (*left[:axis], count, *left[axis + 1 :])
            inside = c.window(work, part, strides, target)
            c.emit("add", [inside, c.window(work, part, turned, border)], [inside], views="any")
        left[axis] = middle
        offset = start
    c.emit("copy", [c.window(work, tuple(left), strides, offset)], [out])


def _mirror_grad_reference(node, grad, paddings):
    paddings = [tuple(int(n) for n in pair) for pair in paddings]
    shape = [d - a - b for d, (a, b) in zip(grad.shape, paddings)]
    places = np.pad(np.arange(int(np.prod(shape))).reshape(shape), paddings, mode=_mode(node))
    out = np.zeros(int(np.prod(shape)), grad.dtype)
    np.add.at(out, places.ravel(), grad.ravel())
    return out.reshape(shape)


_types = {"Tpaddings": kinds.INDEX}
_paddings = {"Tpaddings": dtypes.int32}

register(
    OpDef("Pad", "input: T, paddings: Tpaddings", "output: T", attrs=_paddings, types=_types, shape=_padded, lower=_pad_lower,
          reference=_pad_reference, gradient=_pad_gradient),
    OpDef("PadV2", "input: T, paddings: Tpaddings, constant_values: T", "output: T", ranks={"constant_values": 0}, attrs=_paddings, types=_types,
          shape=_padded, lower=_pad_lower, reference=_pad_reference, gradient=_pad_gradient),
    OpDef("MirrorPad", "input: T, paddings: Tpaddings", "output: T", attrs={"mode": None, **_paddings}, types=_types, shape=_padded,
          lower=_mirror_lower, reference=_mirror_reference, gradient=_mirror_gradient),
    OpDef("MirrorPadGrad", "input: T, paddings: Tpaddings", "output: T", ranks={"paddings": 2}, attrs={"mode": None, **_paddings}, types=_types, shape=_unpadded,
          lower=_mirror_grad_lower, reference=_mirror_grad_reference,
          gradient=lambda op, grad: [apply_op("MirrorPad", [grad, op.inputs[1]], {"mode": op.get_attr("mode")}), None]),
)  # fmt: skip


def pad(tensor, paddings, mode="CONSTANT", name=None, constant_values=0):
    """A tensor with a border.

    Args:
      tensor: a tensor.
      paddings: [rank, 2]: how many elements come before and behind each axis.
      mode: "CONSTANT", "REFLECT" (the border element is not repeated) or "SYMMETRIC" (it is).
      name: the node's name.
      constant_values: what a constant border holds.

    Raises:
      ValueError: for another mode.
    """
    mode = mode.upper()
    if mode == "CONSTANT":
        if hasattr(constant_values, "op") or constant_values != 0:
            return apply_op("PadV2", [tensor, paddings, constant_values], name=name)
        return apply_op("Pad", [tensor, paddings], name=name)
    if mode not in ("REFLECT", "SYMMETRIC"):
        raise ValueError(f"Unknown padding mode: {mode}")
    return apply_op("MirrorPad", [tensor, paddings], {"mode": mode}, name)


# --- reversal ---------------------------------------------------------------------------------------------------


def _axes(c, rank):
    axes = set()
    for i, axis in enumerate(np.ravel(c.constant(1)).tolist()):
        if not -rank <= axis < rank:
            c.fail(f"'axis'[{i}] = {axis} is out of valid range [{-rank}, {rank - 1}]")
        if axis % rank in axes:
            c.fail(f"axis {axis} specified more than once")
        axes.add(axis % rank)
    return axes


def _reversed_shape(c):
    if c.known(1) and len(c.shape(1)) != 1:
        c.fail(f"Shape must be rank 1 but is rank {len(c.shape(1))}")
    if c.known(0) and c.has_constant(1):
        _axes(c, len(c.shape(0)))
    return unchanged(c)


def _reverse_lower(c, node):
    x = node.inputs[0]
    strides, offset = list(c.strides(x)), 0
    for axis, turned in enumerate(_turned(c, len(x.shape))):
        offset = offset + turned * ((x.shape[axis] - 1) * strides[axis])
        strides[axis] = strides[axis] * (1 - 2 * turned)
    c.view(node.outputs[0], x, strides, offset)


def _turned(c, rank):
    """For each axis 1 where it is turned round, else 0."""
    if not c.computed(1):
        axes = _axes(c, rank)
        return [int(axis in axes) for axis in range(rank)]
    named = [one_of(c, c.index(axis, rank), rank) for axis in c.sizes(1)]
    return [c.once(sum(times)) for times in zip(*named)] or [0] * rank


def _marked_shape(c):
    if c.known(1):
        (count,) = c.shape(1)
        if isinstance(count, int) and count > 8:
            c.fail_in_run("reverse does not work on tensors with more than 8 dimensions")
        if c.known(0) and isinstance(count, int) and count != len(c.shape(0)):
            c.fail(f"Shape must be rank {count} but is rank {len(c.shape(0))}")
    return unchanged(c)


def _marked_lower(c, node):
    x = node.inputs[0]
    strides, offset = list(c.strides(x)), 0
    for axis, turned in enumerate(c.constant(1).tolist()):
        if turned:
            offset = offset + (x.shape[axis] - 1) * strides[axis]
            strides[axis] = -strides[axis]
    c.view(node.outputs[0], x, strides, offset)


register(
    OpDef("Reverse", "tensor: T, dims: bool", "output: T", ranks={"dims": 1},
          types={"T": kinds.NUMBER | kinds.BOOL | {dtypes.string}}, shape=_marked_shape, lower=_marked_lower,
          reference=lambda node, x, dims: np.flip(x, tuple(np.flatnonzero(dims).tolist())),
          gradient=lambda op, grad: [apply_op("Reverse", [grad, op.inputs[1]]), None]),
    OpDef("ReverseV2", "tensor: T, axis: Tidx", "output: T", ranks={"axis": 1}, attrs={"Tidx": dtypes.int32},
          types={"T": kinds.NUMBER | kinds.BOOL | {dtypes.string}, "Tidx": kinds.INDEX}, shape=_reversed_shape, lower=_reverse_lower,
          reference=lambda node, x, axis: np.flip(x, tuple(int(a) for a in np.ravel(axis))),
          gradient=lambda op, grad: [reverse(grad, op.inputs[1]), None]),
)  # fmt: skip


def reverse(tensor, axis, name=None):
    """A tensor with the order along some axes turned round.

    Args:
      tensor: a tensor.
      axis: 1-D, the axes.
      name: the node's name.
    """
    return apply_op("ReverseV2", [tensor, axis], name=name)


reverse_v2 = reverse
