"""Morphological dilation and erosion of images."""

from __future__ import annotations

import numpy as np

from .. import dtypes, errors
from ..graph.describe import describe
from ..graph.scopes import name_scope
from ..shapes import UNKNOWN
from . import kinds
from .build import apply_op
from .convolution import numbers_of
from .reduce import renamed
from .registry import OpDef, register
from .windows import check_choice, window_count

__all__ = []


# --- shapes and lowering ------------------------------------------------------------------------------------------------


def _checked(c):
    """(strides, rates) of height and width."""
    for name in ("strides", "rates"):
        if len(c.attr(name)) != 4:
            c.fail(f"Dilation2D requires the {name} attribute to contain 4 values, but got: {len(c.attr(name))}")
    for stride in c.attr("strides"):
        if stride < 1:
            c.fail(f"Stride must be > 0, but got {stride}")
    return c.attr("strides")[1:3], c.attr("rates")[1:3]


def _dilated(c):
    strides, rates = _checked(c)
    image = c.shape(0) if c.known(0) else (UNKNOWN,) * 4
    kernel = c.shape(1) if c.known(1) else (UNKNOWN,) * 3
    sizes = [
        window_count(c, size, (taps - 1) * rate + 1 if taps is not UNKNOWN else UNKNOWN, stride, c.attr("padding"))
        for size, taps, stride, rate in zip(image[1:3], kernel, strides, rates)
    ]
    if any(size is UNKNOWN for size in sizes):  # TensorFlow's graphs know both, or none, and the channels of the filter
        sizes = (UNKNOWN, UNKNOWN)
    channels = c.merge(image[3], kernel[2])
    return (image[0], *sizes, UNKNOWN if kernel[2] is UNKNOWN else channels)


def _like(i):
    def shape(c):
        if hasattr(c, "emit"):
            c.merge_shapes(c.shape(2), _dilated(c))
        return c.shape(i)

    return shape


def _params(node):
    for name, text in (("strides", "Stride"), ("rates", "Rate")):
        values = node.attrs[name]
        if values[0] != 1 or values[3] != 1:
            said = f"{text} is only supported across spatial dimensions. {describe(node.op)}"
            raise errors.UnimplementedError(None, node.op, said)
    (_, high, wide, _), (_, above, beside, _) = node.attrs["strides"], node.attrs["rates"]
    if above < 1 or beside < 1:
        raise errors.InvalidArgumentError(None, node.op, f"Rate must be >= 1, but got {min(above, beside)}.")
    return (int(node.attrs["padding"] == b"SAME"), int(high), int(above), int(wide), int(beside))


# --- references ---------------------------------------------------------------------------------------------------------


def _before(size, taps, target, stride, rate, same):
    return max((target - 1) * stride + (taps - 1) * rate + 1 - size, 0) // 2 if same else 0


def _positions(node, image, kernel):
    """For each position of the result its index, and the (pixel, tap) pairs of its window that lie in the image."""
    same, high, above, wide, beside = _params(node)
    rows, columns = (
        -(-size // stride) if same else max(size - (taps - 1) * rate - 1 + stride, 0) // stride
        for size, taps, stride, rate in zip(image.shape[1:3], kernel.shape, (high, wide), (above, beside))
    )
    top = _before(image.shape[1], kernel.shape[0], rows, high, above, same)
    left = _before(image.shape[2], kernel.shape[1], columns, wide, beside, same)
    found = {}
    for y, x in np.ndindex(rows, columns):
        window = []
        for dy, dx in np.ndindex(*kernel.shape[:2]):
            row, column = y * high - top + dy * above, x * wide - left + dx * beside
            if 0 <= row < image.shape[1] and 0 <= column < image.shape[2]:
                window.append(((row, column), (dy, dx)))
        corner = max(y * high - top, 0), max(x * wide - left, 0)
        found[y, x] = [(corner, (0, 0)), *window]
    return (rows, columns), found


def _lowest(dtype):
    return np.iinfo(dtype).min if np.dtype(dtype).kind in "iu" else dtypes.as_dtype(dtype).min


def _walk(node, image, kernel):
    """(position, largest sums [batch, channels], where they are: the place in the window) for each position."""
    sizes, windows = _positions(node, image, kernel)
    shape = (image.shape[0], image.shape[3])
    lowest = np.array(_lowest(image.dtype), image.dtype)
    for position, window in windows.items():
        best, at = np.full(shape, lowest), np.zeros(shape, int)
        for i, ((row, column), tap) in enumerate(window[1:], 1):
            value = (image[:, row, column] + kernel[tap]).astype(image.dtype)
            larger = value > best
            best, at = np.where(larger, value, best), np.where(larger, i, at)
        yield sizes, position, best, at, window


def _reference(node, image, kernel):
    sizes, _ = _positions(node, image, kernel)
    out = np.zeros((image.shape[0], *sizes, image.shape[3]), image.dtype)
    for _, (y, x), best, _, _ in _walk(node, image, kernel):
        out[:, y, x] = best
    return out


def _reference_slope(of_filter):
    def reference(node, image, kernel, grad):
        out = np.zeros_like(kernel if of_filter else image)
        if not kernel.size:
            return out
        channels = np.arange(image.shape[3])
        for n in range(image.shape[0]):
            for _, (y, x), _, at, window in _walk(node, image[n : n + 1], kernel):
                places = np.array([pair[of_filter] for pair in window])[at[0]]
                of_image = out if of_filter else out[n]
                of_image[places[:, 0], places[:, 1], channels] += grad[n, y, x]
        return out

    return reference


# --- definitions --------------------------------------------------------------------------------------------------------


def _gradient(op, grad):
    attrs = {name: op._attrs[name] for name in ("strides", "rates", "padding")}
    inputs = [op.inputs[0], op.inputs[1], grad]
    return [apply_op(f"Dilation2DBackprop{which}", inputs, attrs) for which in ("Input", "Filter")]


_RANKS = {"input": 4, "filter": 3}
_ATTRS = {"strides": None, "rates": None, "padding": None}
_MINIMA = {"strides": 4, "rates": 4}


def _slope(name, i, output, kernel):
    return OpDef(
        name, "input: T, filter: T, out_backprop: T", f"{output}: T", attrs=_ATTRS, types={"T": kinds.REAL}, shape=_like(i), kernel=kernel,
        params=_params, reference=_reference_slope(i == 1), ranks={**_RANKS, "out_backprop": 4}, minima=_MINIMA,
    )  # fmt: skip


register(
    OpDef("Dilation2D", "input: T, filter: T", "output: T", attrs=_ATTRS, types={"T": kinds.REAL}, shape=_dilated, gradient=_gradient,
          kernel="dilation", params=_params, reference=_reference, ranks=_RANKS, minima=_MINIMA),
    _slope("Dilation2DBackpropInput", 0, "in_backprop", "dilation_slope_of_image"),
    _slope("Dilation2DBackpropFilter", 1, "filter_backprop", "dilation_slope_of_filter"),
)  # fmt: skip


# --- public functions ---------------------------------------------------------------------------------------------------


def dilation2d(
    input, filter=None, strides=None, rates=None, padding=None, name=None, filters=None, dilations=None
):  # fmt: skip
    """The largest sums of the pixels of windows and a filter's elements.

    Args:
      input: [batch, height, width, channels], numbers.
      filter: [height, width, channels].
      strides: the steps between windows, one number for each axis of the input.
      rates: the steps in windows, one number for each axis of the input.
      padding: "SAME" or "VALID"; nothing is taken of outside the image.
      name: the node's name.
      filters: another name of filter.
      dilations: another name of rates.

    Raises:
      ValueError: where shapes, windows or padding do not fit.
    """
    filter, rates = renamed("filters", filters, "filter", filter), renamed("dilations", dilations, "rates", rates)
    return _node(input, filter, strides, rates, padding, name)


def _node(input, filter, strides, rates, padding, name):
    attrs = {
        "strides": numbers_of("dilation2d", "strides", strides, 4),
        "rates": numbers_of("dilation2d", "rates", rates, None),
        "padding": check_choice("Dilation2D", "padding", padding, ("SAME", "VALID")),
    }
    for attribute in ("strides", "rates"):
        if len(attrs[attribute]) < 4:
            raise ValueError(
                f"Attr '{attribute}' of 'Dilation2D' Op passed list of length {len(attrs[attribute])} less than minimum 4."
            )
    return apply_op("Dilation2D", [input, filter], attrs, name)


def erosion2d(value, kernel, strides, rates, padding, name=None):
    """The least differences of the pixels of windows and a filter's elements.

    Args:
      value: [batch, height, width, channels], numbers.
      kernel: [height, width, channels]; each element belongs to the pixel on the other side of the window's middle.
      strides, rates, padding: those of dilation2d.
      name: a name for the nodes.
    """
    from .math_unary import negative
    from .padding import reverse

    with name_scope(name, "erosion2d", [value, kernel]) as scope:
        least = negative(value)
        return negative(_node(least, reverse(kernel, [0, 1]), strides, rates, padding, scope))
