"""Maxima over windows of channels: a max_pool whose window is of one pixel."""

from __future__ import annotations

from .. import errors
from ..graph.describe import describe
from .windows import Frame, is_channels_first


def _along_channels(attrs, name):
    values = attrs[name]
    return int(values[1 if is_channels_first(attrs["data_format"].decode()) else len(values) - 1])


def window_of(attrs):
    """The frame of windows along one axis, the channels; None where each channel is pooled by itself."""
    if len(attrs["ksize"]) != 4 or len(attrs["strides"]) != 4:
        return None
    window, stride = _along_channels(attrs, "ksize"), _along_channels(attrs, "strides")
    if window == stride == 1:
        return None
    line = {"ksize": [1, window, 1], "strides": [1, stride, 1], "padding": attrs["padding"], "data_format": b"NWC"}
    return Frame(line, 1)


def _frame(node, channels):
    """The frame of the channels as a line of pixels of one channel each; windows that TensorFlow does not pool are refused."""
    attrs = node.attrs
    window, stride = _along_channels(attrs, "ksize"), _along_channels(attrs, "strides")
    if any(int(k) != 1 for k in attrs["ksize"]) and window != _size(attrs["ksize"]):
        _refuse(node, "MaxPooling supports exactly one of pooling across depth or pooling across width/height.")
    if window != stride:
        _refuse(node, "Depthwise max pooling requires the depth window to equal the depth stride")
    if channels % window:
        _refuse(node, "Depthwise max pooling requires the depth window to evenly divide the input depth")
    if stride != _size(attrs["strides"]):
        _refuse(node, "Depthwise max pooling takes each pixel, but the strides leave some out.")
    line = {"ksize": [1, 1, window, 1], "strides": [1, 1, stride, 1], "padding": b"VALID", "data_format": b"NHWC"}
    return Frame(line, 2)


def _size(values):
    found = 1
    for value in values:
        found *= int(value)
    return found


def _refuse(node, text):
    raise errors.UnimplementedError(None, node.op, f"{text} {describe(node.op)}")


def refuse_gradient(node):
    """TensorFlow has no kernel for it."""
    _refuse(node, "MaxPoolingGrad is not yet supported on the depth dimension.")


def as_lines(node, image):
    """(an image, the frame of its channels as lines)."""
    if is_channels_first(node.attrs["data_format"].decode()):
        _refuse(node, "Depthwise max pooling wants the channels last.")
    return image, _frame(node, image.shape[-1])


def lower(c, node):
    """A pool over the channels of each pixel, which lie one behind the other as a line of pixels."""
    image, out = node.inputs[0], node.outputs[0]
    channels = c.decide(image.shape[-1])
    _, frame = as_lines(node, image)
    pixels = image.shape[0] * image.shape[1] * image.shape[2]
    lines = c.temp(image.dtype, (pixels, 1, channels, 1))
    c.alias(lines, image)
    maxima = c.temp(image.dtype, (pixels, 1, channels // frame.window[1], 1))
    c.emit("max_pool", [lines], [maxima], (*frame.params(), *frame.window))
    c.alias(out, maxima)
