"""Numbers rounded to those that integers of a few bits would keep: trainings that are to be quantized afterwards."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from .build import apply_op
from .registry import OpDef, register
from .shape_functions import merged

__all__ = [
    "fake_quant_with_min_max_args", "fake_quant_with_min_max_args_gradient", "fake_quant_with_min_max_vars",
    "fake_quant_with_min_max_vars_gradient", "fake_quant_with_min_max_vars_per_channel",
    "fake_quant_with_min_max_vars_per_channel_gradient",
]  # fmt: skip


# --- shapes ---------------------------------------------------------------------------------------------------


def _check_bits(c):
    if not 2 <= c.attr("num_bits") <= 16:
        c.fail_in_run("num_bits must be between 2 and 16, inclusive")


def _checked_args(c, found):
    low, high = c.attr("min"), c.attr("max")
    if not low < high:
        c.fail_in_run(f"min has to be smaller than max, was: {low:g} >= {high:g}")
    _check_bits(c)
    return found


def _same(c):
    return merged(c, 2)


def _channels(c, found, i):
    """The shape, whose last axis has one range of operand i and the next for each place."""
    _check_bits(c)
    for operand in (i, i + 1):
        if found and c.known(operand):
            found = (*found[:-1], c.merge(found[-1], c.shape(operand)[0]))
    return found


def _one_range(c, found):
    _check_bits(c)
    return found


# --- values ---------------------------------------------------------------------------------------------------


def _integers(attrs):
    """The least and the largest integer."""
    return int(attrs["narrow_range"]), (1 << attrs["num_bits"]) - 1


def _nudged(attrs, low, high):
    """(least, largest, step) of ranges that are moved so that zero is one of their steps; which are nothing but zero."""
    least, most = (np.float32(n) for n in _integers(attrs))
    with np.errstate(all="ignore"):
        step = (high - low) / (most - least)
        from_min = least - low / step
        zero = np.where(from_min < least, least, np.where(from_min > most, most, np.floor(from_min + np.float32(0.5))))
        nothing = (low == 0) & (high == 0)
        return [np.where(nothing, 0, v) for v in ((least - zero) * step, (most - zero) * step, step)], nothing


def _rounded(attrs, x, low, high):
    (low, high, step), nothing = _nudged(attrs, np.float32(low), np.float32(high))
    with np.errstate(all="ignore"):
        steps = np.floor((np.maximum(np.minimum(x, high), low) - low) * (np.float32(1) / step) + np.float32(0.5))
        return np.where(nothing, np.float32(0), steps * step + low).astype(np.float32)


def _slopes(attrs, grad, x, low, high):
    (least, most, _), nothing = _nudged(attrs, np.float32(low), np.float32(high))
    axes = tuple(range(x.ndim - np.ndim(low)))
    outside = [np.where((x < least) & ~nothing, grad, 0), np.where((x > most) & ~nothing, grad, 0)]
    inside = np.where(((x >= least) & (x <= most)) | nothing, grad, 0)
    return (inside.astype(np.float32), *[np.sum(o, axes, np.float64).astype(np.float32) for o in outside])


# --- definitions ----------------------------------------------------------------------------------------------


def _ends(c, attrs):
    return [c.literal(np.asarray(attrs[name], np.float32)) for name in ("min", "max")]


def _args_lower(c, node):
    c.emit("fake_quant", [node.inputs[0], *_ends(c, node.attrs)], node.outputs, _integers(node.attrs))


def _args_gradient_lower(c, node):
    unused = [c.temp(dtypes.float32, ()) for _ in range(2)]
    c.emit(
        "fake_quant_gradient", [*node.inputs, *_ends(c, node.attrs)], [*node.outputs, *unused], _integers(node.attrs)
    )


def _emitted(kernel):
    return lambda c, node: c.emit(kernel, node.inputs, node.outputs, _integers(node.attrs))


def _chosen(op, *names):
    return {name: op.get_attr(name) for name in (*names, "num_bits", "narrow_range")}


_BITS = {"num_bits": 8, "narrow_range": False}
_RANGE = {"min": -6.0, "max": 6.0, **_BITS}
_VARS = "inputs: float32, min: float32, max: float32"
_SCALARS, _VECTORS = {"min": 0, "max": 0}, {"min": 1, "max": 1}
_BY_ALL = "backprops_wrt_input: float32, backprop_wrt_min: float32, backprop_wrt_max: float32"

register(
    OpDef("FakeQuantWithMinMaxArgs", "inputs: float32", "outputs: float32", attrs=_RANGE,
          shape=lambda c: _checked_args(c, c.shape(0)), lower=_args_lower, can_fail=True,
          reference=lambda node, x: _rounded(node.attrs, x, node.attrs["min"], node.attrs["max"]),
          gradient=lambda op, grad: [fake_quant_with_min_max_args_gradient(grad, op.inputs[0], **_chosen(op, "min", "max"))]),
    OpDef("FakeQuantWithMinMaxArgsGradient", "gradients: float32, inputs: float32", "backprops: float32", attrs=_RANGE,
          shape=lambda c: _checked_args(c, _same(c)), lower=_args_gradient_lower, can_fail=True,
          reference=lambda node, grad, x: _slopes(node.attrs, grad, x, node.attrs["min"], node.attrs["max"])[0]),
    OpDef("FakeQuantWithMinMaxVars", _VARS, "outputs: float32", attrs=_BITS, ranks=_SCALARS,
          shape=lambda c: _one_range(c, c.shape(0)), lower=_emitted("fake_quant"), can_fail=True,
          reference=lambda node, x, low, high: _rounded(node.attrs, x, low, high),
          gradient=lambda op, grad: fake_quant_with_min_max_vars_gradient(grad, *op.inputs, **_chosen(op))),
    OpDef("FakeQuantWithMinMaxVarsGradient", f"gradients: float32, {_VARS}", _BY_ALL, attrs=_BITS, ranks=_SCALARS,
          shape=lambda c: [_one_range(c, _same(c)), (), ()], lower=_emitted("fake_quant_gradient"), can_fail=True,
          reference=lambda node, grad, x, low, high: _slopes(node.attrs, grad, x, low, high)),
    OpDef("FakeQuantWithMinMaxVarsPerChannel", _VARS, "outputs: float32", attrs=_BITS, ranks=_VECTORS, least_ranks={"inputs": 1},
          shape=lambda c: _channels(c, c.shape(0), 1), lower=_emitted("fake_quant"), can_fail=True,
          reference=lambda node, x, low, high: _rounded(node.attrs, x, low, high),
          gradient=lambda op, grad: fake_quant_with_min_max_vars_per_channel_gradient(grad, *op.inputs, **_chosen(op))),
    OpDef("FakeQuantWithMinMaxVarsPerChannelGradient", f"gradients: float32, {_VARS}", _BY_ALL, attrs=_BITS, ranks=_VECTORS,
          least_ranks={"inputs": 1},
          shape=lambda c: [_channels(c, _same(c), 2), c.shape(2), c.shape(3)], lower=_emitted("fake_quant_gradient"),
          can_fail=True, reference=lambda node, grad, x, low, high: _slopes(node.attrs, grad, x, low, high)),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------------


def fake_quant_with_min_max_args(inputs, min=-6, max=6, num_bits=8, narrow_range=False, name=None):
    """The inputs rounded to the steps of a fixed range, and cut off at its ends.

    Args:
      inputs: a float32 tensor.
      min, max: numbers, the ends of the range, which is moved so that zero is one of its steps.
      num_bits: how many bits the integers would have that the steps stand for, 2 to 16.
      narrow_range: whether the integers begin with 1 instead of 0.
      name: the node's name.

    Raises:
      InvalidArgumentError: when it runs, where `min` is not less than `max` or the bits are too few or too many.
    """
    attrs = {"min": float(min), "max": float(max), "num_bits": num_bits, "narrow_range": narrow_range}
    return apply_op("FakeQuantWithMinMaxArgs", [inputs], attrs, name)


def fake_quant_with_min_max_args_gradient(gradients, inputs, min=-6, max=6, num_bits=8, narrow_range=False, name=None):
    """The gradient of `fake_quant_with_min_max_args`: that of its outputs within the range, zero outside of it."""
    attrs = {"min": float(min), "max": float(max), "num_bits": num_bits, "narrow_range": narrow_range}
    return apply_op("FakeQuantWithMinMaxArgsGradient", [gradients, inputs], attrs, name)


def fake_quant_with_min_max_vars(inputs, min, max, num_bits=8, narrow_range=False, name=None):
    """The same for a range whose ends, scalars, are trained or followed: gradients go to them from what is cut off."""
    attrs = {"num_bits": num_bits, "narrow_range": narrow_range}
    return apply_op("FakeQuantWithMinMaxVars", [inputs, min, max], attrs, name)


def fake_quant_with_min_max_vars_gradient(gradients, inputs, min, max, num_bits=8, narrow_range=False, name=None):
    """The gradients of `fake_quant_with_min_max_vars` by the inputs and by both ends."""
    attrs = {"num_bits": num_bits, "narrow_range": narrow_range}
    return apply_op("FakeQuantWithMinMaxVarsGradient", [gradients, inputs, min, max], attrs, name)


def fake_quant_with_min_max_vars_per_channel(inputs, min, max, num_bits=8, narrow_range=False, name=None):
    """The same with a range for each place of the last axis: `min` and `max` are vectors."""
    attrs = {"num_bits": num_bits, "narrow_range": narrow_range}
    return apply_op("FakeQuantWithMinMaxVarsPerChannel", [inputs, min, max], attrs, name)


def fake_quant_with_min_max_vars_per_channel_gradient(
    gradients, inputs, min, max, num_bits=8, narrow_range=False, name=None
):
    """The gradients of `fake_quant_with_min_max_vars_per_channel` by the inputs and by the ends of each range."""
    attrs = {"num_bits": num_bits, "narrow_range": narrow_range}
    return apply_op("FakeQuantWithMinMaxVarsPerChannelGradient", [gradients, inputs, min, max], attrs, name)
