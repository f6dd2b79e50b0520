"""Numbers rounded to the steps of a scale, as integers of a few bits would keep them: the scale keeps zero as it is."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from . import kinds
from .build import apply_op
from .registry import OpDef, register

__all__ = ["quantize_and_dequantize"]

_ROUND_MODES = ("HALF_TO_EVEN", "HALF_UP")


def _shape(c):
    if not 0 < c.attr("num_bits") < (62 if c.attr("signed_input") else 63):
        signed = int(c.attr("signed_input"))
        c.fail_in_run(f"num_bits is out of range: {c.attr('num_bits')} with signed_input_ {signed}")
    return c.shape(0)


def _integers(attrs):
    """The least and the largest integer."""
    bits = attrs["num_bits"]
    if attrs["signed_input"]:
        return -(1 << bits - 1) + attrs["narrow_range"], (1 << bits - 1) - 1
    return 0, (1 << bits) - 1


def _lower(c, node):
    params = (*map(float, _integers(node.attrs)), int(node.attrs["range_given"]), int(_rounds_up(node.attrs)))
    (x, low, high), (out,) = node.inputs, node.outputs
    if x.dtype in (dtypes.float32, dtypes.float64):
        c.emit("quantize", [x, low, high], [out], params)
        return
    wide = [c.temp(dtypes.float32, value.shape) for value in (x, low, high, out)]
    for value, into in zip((x, low, high), wide):
        c.emit("cast", [value], [into], views="any")
    c.emit("quantize", wide[:3], wide[3:], params)
    c.emit("cast", [wide[3]], [out], views="any")


def _rounds_up(attrs):
    return attrs["round_mode"] == b"HALF_UP"


def _reference(node, x, low, high):
    kind = np.float64 if x.dtype == np.float64 else np.float32
    x, low, high = (np.asarray(value, kind) for value in (x, low, high))
    given = node.attrs["range_given"]
    if given and low > high:
        raise ValueError(f"Invalid range: input_min {low:g} > input_max {high:g}")
    if not given:
        numbers = x[~np.isnan(x)]
        low, high = (numbers.min(), numbers.max()) if numbers.size else (kind(0), kind(0))
    least, most = map(kind, _integers(node.attrs))
    from_low = least / low if least * low > 0 else np.finfo(kind).max
    from_high = most / high if most * high > 0 else np.finfo(kind).max
    if from_low < from_high:
        by, step = from_low, low / least
        high = most * step
    else:
        by, step = from_high, high / most
        low = least * step
    if given:
        x = np.where(x < low, low, np.where(x > high, high, x))
    return (np.floor(x * by + kind(0.5)) if _rounds_up(node.attrs) else np.rint(x * by)) * step


register(
    OpDef("QuantizeAndDequantizeV2", "input: T, input_min: T, input_max: T", "output: T",
          attrs={"signed_input": True, "num_bits": 8, "range_given": False, "round_mode": b"HALF_TO_EVEN", "narrow_range": False},
          types={"T": kinds.FLOAT}, ranks={"input_min": 0, "input_max": 0}, shape=_shape, lower=_lower, can_fail=True,
          reference=_reference, gradient=lambda op, grad: [grad, None, None]),
)  # fmt: skip


def quantize_and_dequantize(input, input_min, input_max, signed_input=True, num_bits=8, range_given=False,
                            round_mode="HALF_TO_EVEN", name=None, narrow_range=False):  # fmt: skip
    """The input rounded to the numbers that integers of a few bits stand for; zero is one of them. Gradients pass unchanged.

    Args:
      input: a tensor of floating point numbers.
      input_min, input_max: scalars, the range, one of whose ends decides the scale; what is beyond it is cut off.
      signed_input: whether the integers have a sign.
      num_bits: how many bits the integers have.
      range_given: whether to take the range that is given, or that of the input's numbers.
      round_mode: "HALF_TO_EVEN" or "HALF_UP".
      name: the node's name.
      narrow_range: whether the lowest integer is left out where they have a sign.

    Raises:
      ValueError: another `round_mode`.
      InvalidArgumentError: when it runs, where the bits are too few or too many, or the range that is given is empty.
    """
    if round_mode not in _ROUND_MODES:
        raise ValueError(
            f"Attr 'round_mode' of 'QuantizeAndDequantizeV2' Op passed string '{round_mode}' not in: "
            '"HALF_TO_EVEN", "HALF_UP".'
        )
    attrs = {
        "signed_input": signed_input, "num_bits": num_bits, "range_given": range_given, "round_mode": round_mode,
        "narrow_range": narrow_range,
    }  # fmt: skip
    return apply_op("QuantizeAndDequantizeV2", [input, input_min, input_max], attrs, name)
