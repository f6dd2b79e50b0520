"""Windows that slide over images: their attributes, sizes, borders, and how NumPy sees them.

Convolutions and pools share what is here. An image is [batch, spatial axes, channels], or has its channels before
the spatial axes; kernels and references see the former alone.
"""

from __future__ import annotations

import numpy as np

from ..shapes import UNKNOWN

PADDINGS = ("VALID", "SAME", "EXPLICIT")  # their places are the kernels' numbers


# --- arguments of public functions ----------------------------------------------------------------------


def sequence(value, spatial, channels_first, name):
    """A stride, dilation or window for each axis of an image, from one number, one a spatial axis, or all of them.

    Raises:
      ValueError: where there are not 1, `spatial` or `spatial` + 2 numbers.
    """
    if value is None:
        value = [1]
    elif not hasattr(value, "__len__"):
        value = [value]
    count = len(value)
    if count == spatial + 2:
        return list(value)
    if count not in (1, spatial):
        raise ValueError(f"{name} should be of length 1, {spatial} or {spatial + 2} but was {count}")
    value = list(value) * (spatial if count == 1 else 1)
    return [1, 1, *value] if channels_first else [1, *value, 1]


def check_choice(op, attribute, value, allowed):
    """Refuses a text that an attribute cannot have.

    Raises:
      TypeError: where it is no text.
      ValueError: where it is not one of those allowed.
    """
    if isinstance(value, bytes):
        value = value.decode()
    if not isinstance(value, str):
        raise TypeError(f"Expected string for argument {attribute!r} not {value!r}.")
    if value not in allowed:
        choices = ", ".join(f'"{choice}"' for choice in allowed)
        raise ValueError(f"Attr {attribute!r} of {op!r} Op passed string {value!r} not in: {choices}.")
    return value


def is_channels_first(data_format):
    return data_format is not None and data_format.startswith("NC")


# --- what a node's attributes say -----------------------------------------------------------------------


class Frame:
    """The window of a node: one number a spatial axis.

    Attributes:
      rank: of the images.
      channel: the axis of the channels.
      spatial: the spatial axes.
      window: its sizes, for pools; None where a filter tells them.
      stride, dilation: steps between windows, and inside them.
      padding: "SAME", "VALID" or "EXPLICIT".
      before, behind: explicit borders.
    """

    __slots__ = ("rank", "channel", "spatial", "window", "stride", "dilation", "padding", "before", "behind")

    def __init__(self, attrs, spatial):
        self.rank = spatial + 2
        channels_first = is_channels_first(attrs["data_format"].decode())
        self.channel = 1 if channels_first else spatial + 1
        self.spatial = range(2, self.rank) if channels_first else range(1, spatial + 1)
        self.padding = attrs["padding"].decode()
        self.window = self._of_axes(attrs["ksize"]) if "ksize" in attrs else None
        self.stride = self._of_axes(attrs["strides"])
        self.dilation = self._of_axes(attrs.get("dilations") or [1] * self.rank)
        paddings = attrs.get("explicit_paddings") or [0] * (2 * self.rank)
        self.before = self._of_axes(paddings[0::2])
        self.behind = self._of_axes(paddings[1::2])

    def _of_axes(self, values):
        return tuple([int(values[axis]) for axis in self.spatial])

    @property
    def order(self):
        """The axes of an image so that its channels come last."""
        return (0, *self.spatial, self.channel)

    def channels_last(self, shape):
        return tuple([shape[axis] for axis in self.order])

    def in_place(self, batch, spatial, channels):
        """A shape with its axes where the layout has them."""
        return (batch, channels, *spatial) if self.channel == 1 else (batch, *spatial, channels)

    def targets(self, c, sizes, window):
        """How many windows there are along each spatial axis."""
        found = []
        for i, (size, taps) in enumerate(zip(sizes, window)):
            stride = self.stride[i]
            if self.padding == "SAME":
                found.append(_up(size, stride) if size is not UNKNOWN else UNKNOWN)
                continue
            span = (taps - 1) * self.dilation[i] + 1
            if size is UNKNOWN or span is UNKNOWN:
                found.append(UNKNOWN)
                continue
            room = size + self.before[i] + self.behind[i]
            if isinstance(room, int) and isinstance(span, int) and room < span:
                _check_room(c, room, span, stride)
            found.append(_whole_steps(c, room - span + stride, stride))
        return found

    def params(self):
        """The attributes of kernels that see windows."""
        found = [PADDINGS.index(self.padding)]
        for axis in zip(self.stride, self.dilation, self.before):
            found.extend(axis)
        return tuple(found)


def _check_room(c, room, span, stride):
    """Refuses a window that is larger than the image. In a run there are none of it where a step would reach beyond the image."""
    if not hasattr(c, "decide"):
        c.fail(f"Negative dimension size caused by subtracting {span} from {room}")
    if room - span + stride <= -stride:
        c.fail(f"Computed output size would be negative: {-((span - room - stride) // stride)} "
               f"[input_size: {room}, effective_filter_size: {span}, stride: {stride}]")  # fmt: skip


def window_count(c, size, span, stride, padding):
    """How many windows of `span` elements there are along an axis, where none is no error."""
    if size is UNKNOWN or span is UNKNOWN:
        return UNKNOWN
    if padding == b"SAME":
        return _up(size, stride)
    room = size - span + stride
    if isinstance(room, int) and room <= -stride:
        c.fail(f"Computed output size would be negative: {-(-room // stride)} "
               f"[input_size: {size}, effective_filter_size: {span}, stride: {stride}]")  # fmt: skip
    if not isinstance(room, int) and stride == 1:
        c.natural(room)
    return _whole_steps(c, room, stride)


def _whole_steps(c, room, stride):
    """How many steps there are in the room, which is rounded towards 0; a check that it is not negative."""
    if stride == 1:
        return room
    if isinstance(room, int):
        return max(room, 0) // stride
    c.natural(room + (stride - 1))
    return c.maximum(room, 0) // stride


def _up(size, stride):
    return size if stride == 1 else (size + (stride - 1)) // stride


def checked_frame(c, spatial, of_space=("strides", "dilations", "ksize")):
    """The frame of a node that is being built; refuses what no kernel can do. The attributes `of_space` may not be of batches
    or channels; others may be of channels.

    Raises:
      ValueError: for strides, dilations, windows or borders that make no sense, or of batches or channels.
    """
    attrs = c.op._attrs
    for name in ("strides", "dilations", "ksize"):
        values = attrs.get(name)
        if values is None:
            continue
        if len(values) != spatial + 2:
            c.fail(f"{name} must have {spatial + 2} elements, but has {len(values)}: {list(values)}")
        _check_steps(c, name, [int(v) for v in values], attrs["data_format"].decode(), name in of_space)
    _check_paddings(c, attrs.get("explicit_paddings"), spatial, attrs)
    return Frame(attrs, spatial)


_TEXTS = {
    "strides": "Stride must be > 0, but got {}",
    "dilations": "Dilation rate must be >= 1, but got {}",
    "ksize": "Window must be > 0, but got {}",
}


def _check_steps(c, name, values, data_format, of_space):
    for value in values:
        if value < 1:
            c.fail(_TEXTS[name].format(value))
    channel = 1 if is_channels_first(data_format) else len(values) - 1
    if values[0] != 1 or (of_space and values[channel] != 1):
        what = {"strides": "strides", "dilations": "dilations", "ksize": "pooling"}[name]
        c.fail(f"Current implementation does not yet support {what} in the batch and depth dimensions")


def _check_paddings(c, paddings, spatial, attrs):
    if attrs["padding"] != b"EXPLICIT":
        if paddings:
            c.fail("explicit_paddings must be empty unless the padding is EXPLICIT")
        return
    if len(paddings) != 2 * (spatial + 2):
        c.fail(f"explicit_paddings attribute must contain {2 * (spatial + 2)} values, but got: {len(paddings)}")
    if any(p < 0 for p in paddings):
        c.fail("All elements of explicit_paddings must be nonnegative")
    channel = 1 if is_channels_first(attrs["data_format"].decode()) else spatial + 1
    if any(paddings[i] for i in (0, 1, 2 * channel, 2 * channel + 1)):
        c.fail("Nonzero explicit padding in the batch or depth dimensions is not supported")


# --- lowering -------------------------------------------------------------------------------------------


def channels_last(c, value, frame):
    """An image as kernels see it."""
    if frame.channel == frame.rank - 1:
        return value
    seen = c.temp(value.dtype, frame.channels_last(value.shape))
    strides = c.strides(value)
    c.view(seen, value, [strides[axis] for axis in frame.order])
    return seen


def target_like(c, value, frame):
    """A dense value for what a kernel writes to an output: itself where its channels are last."""
    if frame.channel == frame.rank - 1:
        return value
    return c.temp(value.dtype, frame.channels_last(value.shape))


def write_back(c, written, value, frame):
    """Moves what `target_like` gave to where it belongs."""
    if written is value:
        return
    seen = c.temp(value.dtype, value.shape)
    strides = c.strides(written)
    c.view(seen, written, [strides[frame.order.index(axis)] for axis in range(frame.rank)])
    c.emit("copy", [seen], [value])


# --- in NumPy -------------------------------------------------------------------------------------------


class Taps:
    """The positions of windows over an image, in NumPy: one tap at a time, for all windows together."""

    def __init__(self, frame, sizes, window, targets):
        self.frame, self.sizes, self.window, self.targets = frame, tuple(sizes), tuple(window), tuple(targets)
        self.before, self.total = [], []
        for i, (size, taps, target) in enumerate(zip(sizes, window, targets)):
            reach = max((target - 1) * frame.stride[i] + (taps - 1) * frame.dilation[i] + 1, 0)
            before = frame.before[i]
            if frame.padding == "SAME":
                before = max(reach - size, 0) // 2
            self.before.append(before)
            self.total.append(max(reach, before + size))

    def padded(self, image, fill=0):
        """An image [batch, spatial, channels] inside its border."""
        out = np.full((image.shape[0], *self.total, image.shape[-1]), fill, image.dtype)
        out[self.inside()] = image
        return out

    def inside(self):
        spans = (slice(before, before + size) for before, size in zip(self.before, self.sizes))
        return (slice(None), *spans)

    def __iter__(self):
        """(tap, index): image[index] of a padded image is what that tap of every window sees."""
        for tap in np.ndindex(*self.window):
            index = [slice(None)]
            for axis, at in enumerate(tap):
                start, step = at * self.frame.dilation[axis], self.frame.stride[axis]
                count = self.targets[axis]
                index.append(slice(start, start + step * (count - 1) + 1 if count else start, step))
            yield tap, tuple(index)


def to_last(array, frame):
    return np.transpose(array, frame.order)


def from_last(array, frame):
    return np.transpose(array, np.argsort(frame.order))
