"""Convolutions and their gradients: the ops of filters over all channels, and of one filter a channel."""

from __future__ import annotations

import math
import os

import numpy as np

from .. import dtypes
from ..shapes import UNKNOWN
from . import kinds
from .array import shape, shape_n
from .build import apply_op
from .covering import covered_axes, covering_params, filter_shape, image_shape
from .registry import OpDef, register
from .windows import PADDINGS, Frame, Taps, channels_last, checked_frame, from_last, target_like, to_last, write_back

__all__: list = []

_HALF = (dtypes.float16, dtypes.bfloat16)
_FLAT_TAPS = 256  # of a window that conv_depthwise takes several positions of at once (csrc/kernels/conv_depthwise.c)
_DIRECT = 4  # beside the kind of padding: no multiplication is saved (CONV_DIRECT in csrc/kernels/conv_geometry.h)


# --- shapes ---------------------------------------------------------------------------------------------


def _image(c, i, rank):
    """The dimensions of image i, open ones where its rank is not known."""
    if not c.known(i):
        return (UNKNOWN,) * rank
    shape = c.shape(i)
    if len(shape) != rank:
        c.fail(f"Shape must be rank {rank} but is rank {len(shape)}")
    return shape


def _merge_depth(c, depth, wanted):
    """The channels of an image and those of the filter."""
    if isinstance(depth, int) and isinstance(wanted, int) and depth != wanted:
        if wanted and depth % wanted == 0:
            c.fail(f"grouped convolutions are not supported: the input has depth {depth}, the filter {wanted}")
        c.fail(f"Depth of input ({depth}) is not a multiple of input depth of filter ({wanted})")
    return c.merge(depth, wanted)


def _forward_shape(spatial, depthwise):
    def shape(c):
        frame = checked_frame(c, spatial)
        image, kernel = _image(c, 0, spatial + 2), _image(c, 1, spatial + 2)
        merge = c.merge if depthwise else lambda a, b: _merge_depth(c, a, b)
        depth = merge(image[frame.channel], kernel[-2])
        channels = depth * kernel[-1] if depthwise else kernel[-1]
        targets = frame.targets(c, [image[axis] for axis in frame.spatial], kernel[:-2])
        return frame.in_place(image[0], targets, channels)

    return shape


def _sizes(c, i, rank):
    """The elements of the input i, which are a shape of that rank."""
    sizes = c.sizes(i)
    if len(sizes) != rank:
        c.fail(f"Shape must be rank {rank} but is rank {len(sizes)}")
    return tuple([UNKNOWN if isinstance(d, int) and d < 0 else d for d in sizes])


def _check_target(c, frame, image, kernel, target, depthwise):
    """In a plan: the image, the filter and the gradient of the target fit together."""
    if not hasattr(c, "emit"):
        return
    depth = _merge_depth(c, image[frame.channel], kernel[-2])
    c.merge(target[frame.channel], depth * kernel[-1] if depthwise else kernel[-1])
    c.merge(target[0], image[0])
    expected = frame.targets(c, [image[axis] for axis in frame.spatial], kernel[:-2])
    for axis, computed in zip(frame.spatial, expected):
        actual = target[axis]
        if isinstance(actual, int) and isinstance(computed, int) and actual != computed:
            c.fail(f"Size of out_backprop doesn't match computed: actual = {actual}, computed = {computed}")
        c.merge(actual, computed)


def _image_gradient_shape(spatial, depthwise):
    def shape(c):
        rank = spatial + 2
        frame = checked_frame(c, spatial)
        c.fallback((UNKNOWN,) * rank)
        image, kernel, target = _sizes(c, 0, rank), _image(c, 1, rank), _image(c, 2, rank)
        _check_target(c, frame, image, kernel, target, depthwise)
        return image

    return shape


def _filter_gradient_shape(spatial, depthwise):
    def shape(c):
        rank = spatial + 2
        frame = checked_frame(c, spatial)
        c.fallback((UNKNOWN,) * rank)
        image, kernel, target = _image(c, 0, rank), _sizes(c, 1, rank), _image(c, 2, rank)
        _check_target(c, frame, image, kernel, target, depthwise)
        return kernel

    return shape


# --- lowering -------------------------------------------------------------------------------------------


def _precise(c, value):
    """A value in a type that kernels compute in."""
    if value.dtype not in _HALF:
        return value
    wide = c.temp(dtypes.float32, value.shape)
    c.emit("cast", [value], [wide], views="any")
    return wide


def _params(frame):
    """The attributes of kernels of filters over all channels, where `HOOKLOOP_CONVOLUTION` says which of them may run."""
    wanted = os.environ.get("HOOKLOOP_CONVOLUTION") or "auto"
    if wanted not in ("auto", "direct"):
        raise ValueError(f"expected HOOKLOOP_CONVOLUTION to be auto or direct, got {wanted!r}")
    padding, *axes = frame.params()
    return (padding | _DIRECT if wanted == "direct" else padding, *axes)


def _emit(c, kernel, inputs, out, params):
    """One kernel whose output may be of 16 bits."""
    if out.dtype not in _HALF:
        c.emit(kernel, inputs, [out], params)
        return
    wide = c.temp(dtypes.float32, out.shape)
    c.emit(kernel, inputs, [wide], params)
    c.emit("cast", [wide], [out], views="any")


def _emit_image(c, kernel, inputs, out, frame, params):
    """The same for an output that is an image."""
    target = target_like(c, out, frame)
    _emit(c, kernel, inputs, target, params)
    write_back(c, target, out, frame)


def _frame(node):
    return Frame(node.attrs, len(node.outputs[0].shape) - 2)


def _seen_as(c, value, shape):
    """The same elements in another shape."""
    seen = c.temp(value.dtype, shape)
    c.alias(seen, value)
    return seen


def _is_of_one_channel(frame, filters, covered):
    """Whether there is one channel before and behind, along whose rows the depthwise kernels take several positions at once."""
    channels = filters.shape[-2:]
    return not covered and frame.stride[-1] == 1 and all(isinstance(size, int) and size == 1 for size in channels)


def _has_few_taps(filters):
    """Whether a window may be taken so; the filter's gradient is made tap by tap anyhow."""
    window = filters.shape[:-2]
    return not all(isinstance(size, int) for size in window) or math.prod(window) <= _FLAT_TAPS


def _lower_forward(c, node):
    frame, out = _frame(node), node.outputs[0]
    image, filters = node.inputs
    image, filters, params = _precise(c, channels_last(c, image, frame)), _precise(c, filters), _params(frame)
    covered = covered_axes(frame, image.shape, filters.shape[:-2], frame.channels_last(out.shape))
    if _is_of_one_channel(frame, filters, covered) and _has_few_taps(filters):
        _emit_image(c, "conv_depthwise", [image, _flat(c, filters)], out, frame, params)
        return
    if covered:
        image = _seen_as(c, image, image_shape(image.shape, covered))
        filters = _seen_as(c, filters, filter_shape(filters.shape, covered))
        params = covering_params(params, covered)
    _emit_image(c, "conv", [image, filters], out, frame, params)


def _turned(c, filters, exchange=True):
    """A filter turned round along its spatial axes, and with its channel axes exchanged."""
    strides = list(c.strides(filters))
    shape = list(filters.shape)
    offset = 0
    for axis in range(len(shape) - 2):
        offset = offset + (shape[axis] - 1) * strides[axis]
        strides[axis] = strides[axis] * -1
    if exchange:
        shape[-2:], strides[-2:] = shape[:-3:-1], strides[:-3:-1]
    turned = c.temp(filters.dtype, shape)
    c.view(turned, filters, strides, offset)
    return turned


def _lower_image_gradient(c, node):
    frame, out = _frame(node), node.outputs[0]
    _, filters, target = node.inputs
    target, filters, params = _precise(c, channels_last(c, target, frame)), _precise(c, filters), _params(frame)
    covered = covered_axes(frame, frame.channels_last(out.shape), filters.shape[:-2], target.shape)
    if _is_of_one_channel(frame, filters, covered) and _has_few_taps(filters):
        _lower_depthwise_image(c, node)
        return
    if not covered:
        _emit_image(c, "conv_image_gradient", [target, _turned(c, filters)], out, frame, params)
        return
    filters = _turned(c, _seen_as(c, filters, filter_shape(filters.shape, covered)))
    image = target_like(c, out, frame)
    c.prepare(image)
    seen = _seen_as(c, image, image_shape(image.shape, covered))
    _emit(c, "conv_image_gradient", [target, filters], seen, covering_params(params, covered))
    write_back(c, image, out, frame)


def _lower_filter_gradient(c, node):
    frame, out = _frame(node), node.outputs[0]
    image, _, target = node.inputs
    image, target, params = (
        _precise(c, channels_last(c, image, frame)),
        _precise(c, channels_last(c, target, frame)),
        _params(frame),
    )
    covered = covered_axes(frame, image.shape, out.shape[:-2], target.shape)
    if _is_of_one_channel(frame, out, covered):
        _lower_depthwise_filter(c, node)
        return
    if covered:
        image, params = _seen_as(c, image, image_shape(image.shape, covered)), covering_params(params, covered)
        c.prepare(out)
        out = _seen_as(c, out, filter_shape(out.shape, covered))
    _emit(c, "conv_filter_gradient", [image, target], out, params)


# A filter of several elements a channel: its kernels see as many channels, each repeated.


def _repeated(c, image, times):
    """An image whose channels are each repeated."""
    if isinstance(times, int) and times == 1:
        return image
    strides = c.strides(image)
    seen = c.temp(image.dtype, (*image.shape, times))
    c.view(seen, image, (*strides, 0))
    flat = c.temp(image.dtype, (*image.shape[:-1], image.shape[-1] * times))
    c.alias(flat, seen)
    return flat


def _flat(c, filters):
    return _seen_as(c, filters, (*filters.shape[:-2], filters.shape[-2] * filters.shape[-1]))


def _lower_depthwise(c, node):
    frame = _frame(node)
    image, filters = node.inputs
    image = _repeated(c, _precise(c, channels_last(c, image, frame)), filters.shape[-1])
    _emit_image(c, "conv_depthwise", [image, _flat(c, _precise(c, filters))], node.outputs[0], frame, _params(frame))


def _turned_params(frame, taps):
    """The kernel's attributes for the gradient of an image, of windows one position apart."""
    found = [PADDINGS.index("EXPLICIT")]
    for i, size in enumerate(taps):
        reach = (size - 1) * frame.dilation[i]
        before = reach // 2 if frame.padding == "SAME" else frame.before[i]
        found.extend((1, frame.dilation[i], reach - before))
    return tuple(found)


def _lower_depthwise_image(c, node):
    frame = _frame(node)
    _, filters, grad = node.inputs
    out, times = node.outputs[0], filters.shape[-1]
    kernel, params = "conv_depthwise_image_gradient", frame.params()
    taps = filters.shape[:-2]
    filters = _precise(c, filters)
    if set(frame.stride) == {1} and all(isinstance(size, int) for size in taps):
        # the forward one with the filter turned round, which reads each element once
        kernel, params = "conv_depthwise", _turned_params(frame, taps)
        filters = _turned(c, filters, exchange=False)
    inputs = [_precise(c, channels_last(c, grad, frame)), _flat(c, filters)]
    if isinstance(times, int) and times == 1:
        target = target_like(c, out, frame)
        _emit(c, kernel, inputs, target, params)
        write_back(c, target, out, frame)
        return
    shape = frame.channels_last(out.shape)
    wide = c.temp(inputs[0].dtype, (*shape[:-1], shape[-1] * times))
    c.emit(kernel, inputs, [wide], params)
    parts = c.temp(wide.dtype, (*shape, times))
    c.alias(parts, wide)
    target = target_like(c, out, frame)
    if out.dtype in _HALF:
        total = c.temp(wide.dtype, shape)
        c.emit("sum", [parts], [total], (1 << len(shape),))
        c.emit("cast", [total], [target], views="any")
    else:
        c.emit("sum", [parts], [target], (1 << len(shape),))
    write_back(c, target, out, frame)


def _lower_depthwise_filter(c, node):
    frame = _frame(node)
    image, _, grad = node.inputs
    out = node.outputs[0]
    inputs = [_precise(c, channels_last(c, value, frame)) for value in (image, grad)]
    inputs[0] = _repeated(c, inputs[0], out.shape[-1])
    c.prepare(out)
    _emit(c, "conv_depthwise_filter_gradient", inputs, _flat(c, out), frame.params())


# --- references -----------------------------------------------------------------------------------------


def _wide(array):
    return array.astype(np.float32) if array.dtype.itemsize == 2 else array


def _taps(frame, image_shape, kernel, target_shape):
    return Taps(frame, image_shape[1:-1], kernel[:-2], target_shape[1:-1])


def _targets(frame, image, kernel):
    """How many windows a concrete image has.

    Raises:
      ValueError: where the image is smaller than the window.
    """
    return frame.targets(_Concrete, image.shape[1:-1], kernel.shape[:-2])


class _Concrete:
    """What `Frame.targets` asks of a context."""

    @staticmethod
    def decide(size):
        return size

    @staticmethod
    def fail(text):
        raise ValueError(text)


def _reference_forward(depthwise):
    def reference(node, image, kernel):
        frame = _frame(node)
        x, filters = to_last(_wide(image), frame), _wide(kernel)
        targets = _targets(frame, x, filters)
        channels = filters.shape[-2] * filters.shape[-1] if depthwise else filters.shape[-1]
        taps = _taps(frame, x.shape, filters.shape, (0, *targets, 0))
        padded = taps.padded(x)
        out = np.zeros((x.shape[0], *targets, channels), x.dtype)
        for tap, index in taps:
            seen = padded[index]
            if depthwise:
                out += (seen[..., None] * filters[tap]).reshape(out.shape)
            else:
                out += seen @ filters[tap]
        return from_last(out, frame).astype(image.dtype)

    return reference


def _reference_image_gradient(depthwise):
    def reference(node, sizes, kernel, grad):
        frame = _frame(node)
        shape = frame.channels_last([int(d) for d in sizes])
        target, filters = to_last(_wide(grad), frame), _wide(kernel)
        _check_sizes(frame, shape, filters.shape, target.shape, depthwise)
        taps = _taps(frame, shape, filters.shape, target.shape)
        padded = taps.padded(np.zeros(shape, target.dtype))
        for tap, index in taps:
            if depthwise:
                parts = target.reshape(*target.shape[:-1], *filters.shape[-2:])
                padded[index] += np.sum(parts * filters[tap], -1)
            else:
                padded[index] += target @ filters[tap].T
        return from_last(padded[taps.inside()], frame).astype(kernel.dtype)

    return reference


def _reference_filter_gradient(depthwise):
    def reference(node, image, sizes, grad):
        frame = _frame(node)
        x, target = to_last(_wide(image), frame), to_last(_wide(grad), frame)
        shape = tuple(int(d) for d in sizes)
        _check_sizes(frame, x.shape, shape, target.shape, depthwise)
        taps = _taps(frame, x.shape, shape, target.shape)
        padded = taps.padded(x)
        out = np.zeros(shape, x.dtype)
        axes = tuple(range(x.ndim - 1))
        for tap, index in taps:
            if depthwise:
                parts = target.reshape(*target.shape[:-1], *shape[-2:])
                out[tap] = np.sum(padded[index][..., None] * parts, axes)
            else:
                out[tap] = np.tensordot(padded[index], target, (axes, axes))
        return out.astype(image.dtype)

    return reference


def _check_sizes(frame, image, kernel, target, depthwise):
    channels = kernel[-2] * kernel[-1] if depthwise else kernel[-1]
    expected = (image[0], *frame.targets(_Concrete, image[1:-1], kernel[:-2]), channels)
    if image[-1] != kernel[-2] or tuple(target) != tuple(expected):
        raise ValueError(f"Size of out_backprop doesn't match computed: actual = {target}, computed = {expected}")


# --- gradients ------------------------------------------------------------------------------------------

_ATTRS = ("strides", "padding", "explicit_paddings", "use_cudnn_on_gpu", "data_format", "dilations")


def _attrs(op):
    return {name: op._attrs[name] for name in _ATTRS if name in op._attrs}


def _gradients(forward, of_image, of_filter):
    """The gradient functions of an op and of its own two gradients, which are made of each other."""

    def gradient(op, grad):
        image, filters = op.inputs
        if forward == "Conv2D":
            sizes = shape_n([image, filters])
            return [
                apply_op(of_image, [sizes[0], filters, grad], _attrs(op)),
                apply_op(of_filter, [image, sizes[1], grad], _attrs(op)),
            ]
        return [
            apply_op(of_image, [shape(image), filters, grad], _attrs(op)),
            apply_op(of_filter, [image, shape(filters), grad], _attrs(op)),
        ]

    def image_gradient(op, grad):
        _, filters, target = op.inputs
        return [
            None,
            apply_op(of_filter, [grad, shape(filters), target], _attrs(op)),
            apply_op(forward, [grad, filters], _attrs(op)),
        ]

    def filter_gradient(op, grad):
        image, _, target = op.inputs
        return [
            apply_op(of_image, [shape(image), grad, target], _attrs(op)),
            None,
            apply_op(forward, [image, grad], _attrs(op)),
        ]

    return gradient, image_gradient, filter_gradient


# --- definitions ----------------------------------------------------------------------------------------


def _family(names, spatial, attrs, lowerings, depthwise=False, sizes_type="int32"):
    """A convolution, the gradient of its image and the gradient of its filter."""
    forward, of_image, of_filter = names
    first, second, third = _gradients(*names)
    types = {"T": kinds.FLOAT}
    image_attrs, image_types = dict(attrs), dict(types)
    if sizes_type == "Tshape":
        image_attrs["Tshape"], image_types["Tshape"] = dtypes.int32, kinds.INDEX
    register(
        OpDef(forward, "input: T, filter: T", "output: T", attrs=attrs, types=types,
              shape=_forward_shape(spatial, depthwise), gradient=first, lower=lowerings[0],
              reference=_reference_forward(depthwise)),
        OpDef(of_image, f"input_sizes: {sizes_type}, filter: T, out_backprop: T", "output: T", attrs=image_attrs,
              types=image_types, shape=_image_gradient_shape(spatial, depthwise), gradient=second,
              lower=lowerings[1], reference=_reference_image_gradient(depthwise)),
        OpDef(of_filter, "input: T, filter_sizes: int32, out_backprop: T", "output: T", attrs=attrs, types=types,
              shape=_filter_gradient_shape(spatial, depthwise), gradient=third,
              lower=lowerings[2], reference=_reference_filter_gradient(depthwise)),
    )  # fmt: skip


_CONV = (_lower_forward, _lower_image_gradient, _lower_filter_gradient)
_DEPTHWISE = (_lower_depthwise, _lower_depthwise_image, _lower_depthwise_filter)
_PLANE = {"data_format": "NHWC", "dilations": [1, 1, 1, 1]}

_family(
    ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"), 2,
    {"use_cudnn_on_gpu": True, "explicit_paddings": [], **_PLANE}, _CONV,
)  # fmt: skip
_family(
    ("DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropInput", "DepthwiseConv2dNativeBackpropFilter"), 2, _PLANE,
    _DEPTHWISE, depthwise=True,
)  # fmt: skip
_family(
    ("Conv3D", "Conv3DBackpropInputV2", "Conv3DBackpropFilterV2"), 3,
    {"data_format": "NDHWC", "dilations": [1, 1, 1, 1, 1]}, _CONV, sizes_type="Tshape",
)  # fmt: skip
