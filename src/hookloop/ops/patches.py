"""Patches of images and volumes, each as the channels of a pixel."""

from __future__ import annotations

import math

import numpy as np

from .. import errors
from ..graph.describe import describe
from ..shapes import UNKNOWN
from . import kinds
from .build import apply_op
from .convolution import numbers_of
from .reduce import renamed
from .registry import OpDef, register
from .windows import check_choice, window_count

__all__ = ["extract_image_patches", "extract_volume_patches"]


def _numbers(source, name):
    values = source.attrs if hasattr(source, "attrs") else source.op._attrs
    found = values.get(name)
    return [1] * len(values["ksizes"]) if found is None else [int(v) for v in found]


def _counts(c, source, sizes):
    """How many windows there are along each axis of space."""
    padding = (source.attrs if hasattr(source, "attrs") else source.op._attrs)["padding"]
    windows, strides, rates = (_numbers(source, name)[1:-1] for name in ("ksizes", "strides", "rates"))
    return [
        window_count(c, size, (taps - 1) * rate + 1, stride, padding)
        for size, taps, stride, rate in zip(sizes, windows, strides, rates)
    ]


def _shape(c):
    rank = len(c.attr("ksizes"))
    for name in ("strides", "rates"):
        values = _numbers(c, name)
        if len(values) != rank:
            c.fail(f"{c.op.type} requires the {name} attribute to contain {rank} values, but got: {len(values)}")
    for stride in _numbers(c, "strides"):
        if stride < 1:
            c.fail(f"Stride must be > 0, but got {stride}")
    image = c.shape(0) if c.known(0) else (UNKNOWN,) * rank
    depth = image[-1] * math.prod(_numbers(c, "ksizes")[1:-1]) if image[-1] is not UNKNOWN else UNKNOWN
    counts = _counts(c, c, image[1:-1])
    if any(count is UNKNOWN for count in counts):  # TensorFlow's graphs know all, or none
        counts = [UNKNOWN] * len(counts)
    return (image[0], *counts, depth)


def _checked(node):
    """(windows, strides, rates) of space."""
    found = []
    for name in ("ksizes", "strides", "rates"):
        values = _numbers(node, name)
        if values[0] != 1 or values[-1] != 1:
            said = f"Only support {name} across space. {describe(node.op)}"
            raise errors.UnimplementedError(None, node.op, said)
        if min(values) < 1:
            raise errors.OutOfRangeError(None, node.op, f"{name} is out of range. {describe(node.op)}")
        found.append(values[1:-1])
    return found


def _lower(c, node):
    """The windows as a view of the image with its border: where they overlap, elements are seen more than once."""
    image, out = node.inputs[0], node.outputs[0]
    windows, strides, rates = _checked(node)
    targets = out.shape[1:-1]
    if node.attrs["padding"] == b"SAME":
        image = _bordered(c, image, [
            c.maximum((target - 1) * stride + (taps - 1) * rate + 1 - size, 0)
            for size, target, taps, stride, rate in zip(image.shape[1:-1], targets, windows, strides, rates)
        ])  # fmt: skip
    own = c.strides(image)
    seen = c.temp(image.dtype, (image.shape[0], *targets, *windows, image.shape[-1]))
    c.view(seen, image, [
        own[0],
        *(step * stride for step, stride in zip(own[1:-1], strides)),
        *(step * rate for step, rate in zip(own[1:-1], rates)),
        own[-1],
    ])  # fmt: skip
    apart = c.temp(image.dtype, seen.shape)
    c.emit("copy", [seen], [apart])
    c.alias(out, apart)


def _bordered(c, image, borders):
    """The image with so many zeros along each axis of space, half of them, rounded down, before it."""
    if all(isinstance(border, int) and border == 0 for border in borders):
        return image
    spatial = [size + border for size, border in zip(image.shape[1:-1], borders)]
    whole = c.temp(image.dtype, (image.shape[0], *spatial, image.shape[-1]))
    c.emit("fill", [c.literal(np.zeros((), image.dtype.as_numpy_dtype))], [whole])
    strides = c.strides(whole)
    offset = sum(((border // 2) * step for border, step in zip(borders, strides[1:-1])), 0)
    c.emit("copy", [image], [c.window(whole, image.shape, strides, offset)])
    return whole


class _Known:
    """What `window_count` asks of a context, of numbers."""

    @staticmethod
    def fail(text):
        raise ValueError(text)

    @staticmethod
    def natural(number):
        return number

    maximum = staticmethod(max)


def _reference(node, image):
    windows, strides, rates = _checked(node)
    targets = _counts(_Known, node, image.shape[1:-1])
    borders = [(0, 0)] * len(windows)
    if node.attrs["padding"] == b"SAME":
        room = [
            max((target - 1) * stride + (taps - 1) * rate + 1 - size, 0)
            for size, target, taps, stride, rate in zip(image.shape[1:-1], targets, windows, strides, rates)
        ]
        borders = [(space // 2, space - space // 2) for space in room]
    whole = np.pad(image, [(0, 0), *borders, (0, 0)])
    out = np.zeros((image.shape[0], *targets, *windows, image.shape[-1]), image.dtype)
    for tap in np.ndindex(*windows):
        index = [
            slice(at * rate, at * rate + target * stride, stride)
            for at, rate, target, stride in zip(tap, rates, targets, strides)
        ]
        spaces = (slice(None),) * (1 + len(windows))
        part = whole[(slice(None), *index)]
        out[(*spaces, *tap)] = part[(slice(None), *(slice(target) for target in targets))]
    return out.reshape(image.shape[0], *targets, math.prod(windows) * image.shape[-1])


def _gradient(op, grad):
    """Sums the gradients by the pixels that they are of, which the patches of the pixels' numbers tell."""
    from .array import reshape, shape, transpose
    from .ranges import range
    from .segment import unsorted_segment_sum
    from .slicing import slice, stack, unstack

    rank = len(op.get_attr("ksizes"))
    attrs = {name: op._attrs[name] for name in ("ksizes", "strides", "rates", "padding") if name in op._attrs}
    whole = shape(op.inputs[0])
    batch, *spatial, channels = unstack(whole, rank)
    pixels = 1
    for size in spatial:
        pixels = pixels * size
    numbers = reshape(range(1, pixels + 1), stack([1, *spatial, 1]))  # 0 stands for the border
    taken = reshape(apply_op(op.type, [numbers], attrs), [-1])
    count = math.prod(int(k) for k in op.get_attr("ksizes"))
    _, *targets, _ = unstack(shape(grad), rank)
    for size in targets:
        count = count * size
    rows = transpose(reshape(grad, stack([batch, count, channels])), [1, 0, 2])
    sums = slice(unsorted_segment_sum(rows, taken, pixels + 1), [1, 0, 0], [-1, -1, -1])
    return [reshape(transpose(sums, [1, 0, 2]), whole)]


_ATTRS = {"ksizes": None, "strides": None, "padding": None}

register(
    OpDef("ExtractImagePatches", "images: T", "patches: T", attrs={**_ATTRS, "rates": None}, types={"T": kinds.REAL}, shape=_shape, gradient=_gradient,
          lower=_lower, reference=_reference, ranks={"images": 4}, minima={"ksizes": 4, "strides": 4, "rates": 4}),
    OpDef("ExtractVolumePatches", "input: T", "patches: T", attrs=_ATTRS, types={"T": kinds.REAL}, shape=_shape, gradient=_gradient,
          lower=_lower, reference=_reference, ranks={"input": 5}, minima={"ksizes": 5, "strides": 5}),
)  # fmt: skip


def _node(type, function, image, rank, ksizes, padding, name, **steps):
    attrs = {"ksizes": numbers_of(function, "ksizes", ksizes, rank)}
    for attribute, values in steps.items():
        attrs[attribute] = numbers_of(function, attribute, values, None)
    for attribute, values in attrs.items():
        if len(values) < rank:
            raise ValueError(
                f"Attr '{attribute}' of '{type}' Op passed list of length {len(values)} less than minimum {rank}."
            )
    attrs["padding"] = check_choice(type, "padding", padding, ("SAME", "VALID"))
    return apply_op(type, [image], attrs, name)


def extract_image_patches(
    images, ksizes=None, strides=None, rates=None, padding=None, name=None, sizes=None
):  # fmt: skip
    """The patches of images, each as the channels of a pixel: [batch, rows, columns, height * width * channels].

    Args:
      images: [batch, height, width, channels], numbers.
      ksizes: the patches' sizes, one number for each axis.
      strides: the steps between patches.
      rates: the steps in patches.
      padding: "SAME" or "VALID"; outside the image are zeros.
      name: the node's name.
      sizes: another name of ksizes.

    Raises:
      ValueError: where shapes, windows or padding do not fit.
    """
    ksizes = renamed("sizes", sizes, "ksizes", ksizes)
    return _node(
        "ExtractImagePatches", "extract_image_patches", images, 4, ksizes, padding, name, strides=strides, rates=rates
    )


def extract_patches(images, sizes, strides, rates, padding, name=None):
    """extract_image_patches under its later name."""
    return extract_image_patches(images, sizes, strides, rates, padding, name)


def extract_volume_patches(input, ksizes, strides, padding, name=None):
    """The patches of volumes, each as the channels of a pixel: [batch, planes, rows, columns, size of a patch * channels].

    Args:
      input: [batch, depth, height, width, channels], numbers.
      ksizes: the patches' sizes, one number for each axis.
      strides: the steps between patches.
      padding: "SAME" or "VALID"; outside the volume are zeros.
      name: the node's name.
    """
    return _node("ExtractVolumePatches", "extract_volume_patches", input, 5, ksizes, padding, name, strides=strides)
