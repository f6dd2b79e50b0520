"""Maxima and means over windows of images: the ops, their gradients and the public functions."""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np

from .. import dtypes
from ..graph.scopes import name_scope
from ..shapes import UNKNOWN
from . import depth_pooling, kinds
from .build import apply_op, convert_to_tensor
from .convolution import _check_steps, with_space_to_batch
from .reduce import renamed
from .registry import OpDef, register
from .windows import (
    Frame,
    Taps,
    channels_last,
    check_choice,
    checked_frame,
    from_last,
    is_channels_first,
    sequence,
    target_like,
    to_last,
    write_back,
)

__all__: list = []


# --- shapes ---------------------------------------------------------------------------------------------


def _rank(c, i, rank):
    if c.known(i) and len(c.shape(i)) != rank:
        c.fail(f"Shape must be rank {rank} but is rank {len(c.shape(i))}")


def _targets(c, frame, image):
    sizes = frame.targets(c, [image[axis] for axis in frame.spatial], frame.window)
    return frame.in_place(image[0], sizes, image[frame.channel])


def _pool_shape(spatial, outputs=1):
    def shape(c):
        frame = checked_frame(c, spatial)
        _rank(c, 0, spatial + 2)
        image = c.shape(0) if c.known(0) else (UNKNOWN,) * (spatial + 2)
        return [_targets(c, frame, image)] * outputs

    return shape


def _max_shape(c):
    """Of maxima over windows of images, which may be windows of channels."""
    depth = depth_pooling.window_of(c.op._attrs)
    if depth is None:
        return _pool_shape(2)(c)
    frame = checked_frame(c, 2, ("dilations",))
    _rank(c, 0, 4)
    image = c.shape(0) if c.known(0) else (UNKNOWN,) * 4
    found = list(_targets(c, frame, image))
    (found[frame.channel],) = depth.targets(c, [image[frame.channel]], depth.window)
    return tuple(found)


def _max_gradient_shape(c):
    if depth_pooling.window_of(c.op._attrs) is None:
        return _like_image(2)(c)
    return c.shape(0)


def _like_image(spatial, image=0, grad=2):
    """The gradient of an image has its shape; in a plan, what came with it must fit."""

    def shape(c):
        frame = checked_frame(c, spatial)
        for i in (image, grad):
            _rank(c, i, spatial + 2)
        found = c.shape(image) if c.known(image) else (UNKNOWN,) * (spatial + 2)
        if hasattr(c, "emit"):
            c.merge_shapes(c.shape(grad), _targets(c, frame, found))
        return found

    return shape


def _like_sizes(spatial):
    def shape(c):
        frame = checked_frame(c, spatial)
        c.fallback((UNKNOWN,) * (spatial + 2))
        found = c.sizes(0)
        if len(found) != spatial + 2:
            c.fail(f"Shape must be rank {spatial + 2} but is rank {len(found)}")
        if hasattr(c, "emit"):
            c.merge_shapes(c.shape(1), _targets(c, frame, found))
        return tuple(found)

    return shape


def _select_shape(spatial):
    def shape(c):
        frame = checked_frame(c, spatial)
        _rank(c, 0, spatial + 2)
        image = c.shape(0) if c.known(0) else (UNKNOWN,) * (spatial + 2)
        if hasattr(c, "emit"):
            c.merge_shapes(c.shape(2), image)
        return _targets(c, frame, image)

    return shape


# --- lowering -------------------------------------------------------------------------------------------


def _frame(node):
    """The frame of a node; its layout is NHWC where the op knows no other."""
    attrs = node.attrs if "data_format" in node.attrs else {**node.attrs, "data_format": b"NHWC"}
    return Frame(attrs, len(attrs["ksize"]) - 2)


def _lower(kernel, *picks):
    """One kernel over the inputs, or some of them, channels last."""

    def lower(c, node):
        frame = _frame(node)
        inputs = [channels_last(c, value, frame) for value in ([node.inputs[i] for i in picks] or node.inputs)]
        target = target_like(c, node.outputs[0], frame)
        c.emit(kernel, inputs, [target], (*frame.params(), *frame.window))
        write_back(c, target, node.outputs[0], frame)

    return lower


def _lower_max(c, node):
    if depth_pooling.window_of(node.attrs) is None:
        _lower("max_pool")(c, node)
    else:
        depth_pooling.lower(c, node)


def _lower_max_gradient(c, node):
    if depth_pooling.window_of(node.attrs) is not None:
        depth_pooling.refuse_gradient(node)
    _lower("max_pool_gradient", 0, 2)(c, node)


def _lower_index(c, node):
    frame = _frame(node)
    params = (*frame.params(), *frame.window, int(node.attrs["include_batch_in_index"]))
    c.emit("max_pool_index", node.inputs, node.outputs, params)


def _lower_scatter(c, node):
    c.emit("max_pool_scatter", node.inputs[1:], node.outputs, (int(node.attrs["include_batch_in_index"]),))


# --- references -----------------------------------------------------------------------------------------


def _taps(frame, image_shape, target_shape):
    return Taps(frame, image_shape[1:-1], frame.window, target_shape[1:-1])


class _Concrete:
    @staticmethod
    def decide(size):
        return size

    @staticmethod
    def fail(text):
        raise ValueError(text)


def _target_shape(frame, x):
    return (x.shape[0], *frame.targets(_Concrete, x.shape[1:-1], frame.window), x.shape[-1])


def _find_max(frame, x):
    """(maxima, flat index of each in its image) of a channels-last image; the first of equals wins."""
    shape = _target_shape(frame, x)
    taps = _taps(frame, x.shape, shape)
    places = np.arange(int(np.prod(x.shape[1:])), dtype=np.int64).reshape(1, *x.shape[1:])
    padded, at = taps.padded(x), taps.padded(places, -1)
    best, found = np.zeros(shape, x.dtype), np.full(shape, -1, np.int64)
    for _, index in taps:
        value, place = padded[index], np.broadcast_to(at[index], shape)
        better = (place >= 0) & ((found < 0) | ~(value <= best) & (best == best))
        best, found = np.where(better, value, best), np.where(better, place, found)
    return best, found


def _reference_max(node, image):
    if depth_pooling.window_of(node.attrs) is not None:
        image, frame = depth_pooling.as_lines(node, image)
        best = _find_max(frame, image.reshape(math.prod(image.shape[:-1]), 1, image.shape[-1], 1))[0]
        return best.reshape(*image.shape[:-1], best.shape[2])
    frame = _frame(node)
    return from_last(_find_max(frame, to_last(image, frame))[0], frame).astype(image.dtype)


def _reference_max_gradient(node, image, maxima, grad):
    if depth_pooling.window_of(node.attrs) is not None:
        depth_pooling.refuse_gradient(node)
    frame = _frame(node)
    x, g = to_last(image, frame), to_last(grad, frame)
    _check_shape(g.shape, _target_shape(frame, x))
    _, found = _find_max(frame, x)
    return from_last(_scattered(x.shape, found, g), frame)


def _reference_gradient_of_all(node, image, maxima, grad):
    """As TensorFlow has it for three axes of space: all elements that equal a window's maximum get all of its gradient."""
    frame = _frame(node)
    x, g = to_last(image, frame), to_last(_wide(grad), frame)
    shape = _target_shape(frame, x)
    _check_shape(g.shape, shape)
    best, _ = _find_max(frame, x)
    taps = _taps(frame, x.shape, shape)
    padded, out = taps.padded(x), taps.padded(np.zeros(x.shape, g.dtype))
    for _, index in taps:
        out[index] += np.where((padded[index] == best) | (padded[index] != padded[index]), g, 0)
    return from_last(out[taps.inside()], frame).astype(grad.dtype)


def _check_shape(actual, computed):
    if tuple(actual) != tuple(computed):
        raise ValueError(f"the gradient has shape {tuple(actual)}, the windows give {tuple(computed)}")


def _scattered(shape, found, grad):
    out = np.zeros((shape[0], int(np.prod(shape[1:]))), grad.dtype)
    rows = np.broadcast_to(np.arange(shape[0]).reshape(-1, *[1] * (len(shape) - 1)), found.shape)
    np.add.at(out, (rows, found), grad)
    return out.reshape(shape)


def _reference_select(node, image, maxima, values):
    frame = _frame(node)
    x, v = to_last(image, frame), to_last(values, frame)
    _check_shape(v.shape, x.shape)
    _, found = _find_max(frame, x)
    flat = v.reshape(x.shape[0], int(np.prod(x.shape[1:])))
    places = found.reshape(x.shape[0], int(np.prod(found.shape[1:])))
    return from_last(np.take_along_axis(flat, places, 1).reshape(found.shape), frame)


def _reference_index(node, image):
    best, found = _find_max(_frame(node), image)
    if node.attrs["include_batch_in_index"]:
        found = found + np.arange(image.shape[0]).reshape(-1, 1, 1, 1) * int(np.prod(image.shape[1:]))
    return best, found


def _wide(array):
    return array.astype(np.float32) if array.dtype.itemsize == 2 else array


def _counts(frame, taps, shape):
    """How many elements each window covers."""
    ones = taps.padded(np.ones((1, *shape[1:-1], 1)))
    return sum(ones[index] for _, index in taps)


def _reference_mean(node, image):
    frame = _frame(node)
    x = to_last(_wide(image), frame)
    shape = _target_shape(frame, x)
    taps = _taps(frame, x.shape, shape)
    padded = taps.padded(x)
    total = sum((padded[index] for _, index in taps), np.zeros(shape, x.dtype))
    return from_last(total / _counts(frame, taps, x.shape).astype(x.dtype), frame).astype(image.dtype)


def _reference_mean_gradient(node, sizes, grad):
    frame = _frame(node)
    shape = frame.channels_last([int(d) for d in sizes])
    g = to_last(_wide(grad), frame)
    _check_shape(g.shape, (shape[0], *frame.targets(_Concrete, shape[1:-1], frame.window), shape[-1]))
    taps = _taps(frame, shape, g.shape)
    padded = taps.padded(np.zeros(shape, g.dtype))
    share = g / _counts(frame, taps, shape).astype(g.dtype)
    for _, index in taps:
        padded[index] += share
    return from_last(padded[taps.inside()], frame).astype(grad.dtype)


def _reference_scatter(node, image, grad, index):
    places = np.asarray(index, np.int64).reshape(image.shape[0], int(np.prod(index.shape[1:])))
    size = int(np.prod(image.shape[1:]))
    if node.attrs["include_batch_in_index"]:
        places = places - np.arange(image.shape[0]).reshape(-1, 1) * size
    if places.size and (places.min() < 0 or places.max() >= size):
        raise ValueError(f"Invalid argmax index: the image has {size} elements")
    return _scattered(image.shape, places.reshape(index.shape), grad)


# --- gradients ------------------------------------------------------------------------------------------

_WINDOW = ("ksize", "strides", "padding", "data_format")


def _attrs(op):
    return {name: op._attrs[name] for name in _WINDOW if name in op._attrs}


def _max_gradient(type):
    return lambda op, grad: [apply_op(type, [op.inputs[0], op.outputs[0], grad], _attrs(op))]


def _zeros_like(tensor):
    from .array import shape, zeros

    return zeros(shape(tensor), tensor.dtype.base_dtype)


def _of_max_gradient(type):
    def gradient(op, grad):
        image, maxima = op.inputs[:2]
        zeros = [_zeros_like(image), _zeros_like(maxima)]
        return [*zeros, apply_op(type, [image, maxima, grad], _attrs(op))]

    return gradient


def _mean_gradient(type):
    def gradient(op, grad):
        from .array import shape

        return [apply_op(type, [shape(op.inputs[0]), grad], _attrs(op))]

    return gradient


def _of_mean_gradient(type):
    def gradient(op, grad):
        from .core import stop_gradient

        return [stop_gradient(op.inputs[0]), apply_op(type, [grad], _attrs(op))]

    return gradient


def _index_gradient(op, grad, _):
    attrs = {name: op._attrs[name] for name in ("ksize", "strides", "padding", "include_batch_in_index")}
    return [apply_op("MaxPoolGradWithArgmax", [op.inputs[0], grad, op.outputs[1]], attrs)]


# --- definitions ----------------------------------------------------------------------------------------

_ORDERED = kinds.REAL - {dtypes.uint32, dtypes.uint64}


def _pools(suffix, spatial, layout, maxima, of_gradients):
    """The pools of images with so many spatial axes."""
    attrs, second = {"data_format": layout}, kinds.REAL
    one, three = "input: T", "orig_input: T, orig_output: T, grad: T"
    of_images, of_inputs = three, {}
    if spatial == 3:
        of_images, of_inputs = "orig_input: TInput, orig_output: TInput, grad: T", {"TInput": of_gradients}
    register(
        OpDef(f"MaxPool{suffix}", one, "output: T", attrs=attrs if spatial == 3 else {**attrs, "T": dtypes.float32},
              types={"T": maxima},
              shape=_pool_shape(3) if spatial == 3 else _max_shape, gradient=_max_gradient(f"MaxPool{suffix}Grad"),
              lower=_lower("max_pool") if spatial == 3 else _lower_max, reference=_reference_max),
        OpDef(f"MaxPool{suffix}Grad", of_images, "output: T", attrs={**attrs, **dict.fromkeys(("T", *of_inputs), dtypes.float32)},
              types={"T": of_gradients, **of_inputs}, shape=_like_image(3) if spatial == 3 else _max_gradient_shape, gradient=_of_max_gradient(f"MaxPool{suffix}GradGrad"),
              lower=_lower("max_pool_gradient_of_all", 0, 2) if spatial == 3 else _lower_max_gradient,
              reference=_reference_gradient_of_all if spatial == 3 else _reference_max_gradient),
        OpDef(f"MaxPool{suffix}GradGrad", three, "output: T", attrs=attrs, types={"T": second},
              shape=_select_shape(spatial), gradient=_of_max_gradient(f"MaxPool{suffix}Grad"),
              lower=_lower("max_pool_select", 0, 2), reference=_reference_select),
        OpDef(f"AvgPool{suffix}", "value: T" if spatial == 2 else one, "output: T", attrs=attrs,
              types={"T": kinds.FLOAT}, shape=_pool_shape(spatial), gradient=_mean_gradient(f"AvgPool{suffix}Grad"),
              lower=_lower("mean_pool"), reference=_reference_mean),
        OpDef(f"AvgPool{suffix}Grad", "orig_input_shape: int32, grad: T", "output: T", attrs=attrs,
              types={"T": kinds.FLOAT}, shape=_like_sizes(spatial), gradient=_of_mean_gradient(f"AvgPool{suffix}"),
              lower=_lower("mean_pool_gradient", 1), reference=_reference_mean_gradient),
    )  # fmt: skip


_pools("", 2, "NHWC", _ORDERED, kinds.REAL)
_pools("3D", 3, "NDHWC", kinds.FLOAT, kinds.FLOAT)

_LEAST_WINDOWS = {"ksize": 4, "strides": 4}
_BY_INDEX = {"Targmax": dtypes.int64, "include_batch_in_index": False}


def _index_shape(c):
    frame = Frame({**c.op._attrs, "data_format": b"NHWC"}, 2)
    _rank(c, 0, 4)
    return [_targets(c, frame, c.shape(0) if c.known(0) else (UNKNOWN,) * 4)] * 2


def _scatter_shape(c):
    if hasattr(c, "emit"):
        c.merge_shapes(c.shape(1), c.shape(2))
        c.merge(c.shape(0)[0], c.shape(1)[0])
    return c.shape(0)


register(
    OpDef("MaxPoolWithArgmax", "input: T", "output: T, argmax: Targmax", attrs=_BY_INDEX,
          types={"T": kinds.REAL, "Targmax": kinds.INDEX}, minima=_LEAST_WINDOWS, shape=_index_shape, gradient=_index_gradient,
          lower=_lower_index, reference=_reference_index),
    OpDef("MaxPoolGradWithArgmax", "input: T, grad: T, argmax: Targmax", "output: T",
          attrs={"include_batch_in_index": False}, types={"T": kinds.REAL, "Targmax": kinds.INDEX}, minima=_LEAST_WINDOWS,
          shape=_scatter_shape, lower=_lower_scatter, can_fail=True, reference=_reference_scatter),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------


def _node(type, value, ksize, strides, padding, data_format, name):
    """One node of a pool, its attributes checked."""
    spatial = 3 if type.endswith("3D") else 2
    layouts = ("NDHWC", "NCDHW") if spatial == 3 else ("NHWC", "NCHW")
    data_format = check_choice(type, "data_format", data_format or layouts[0], layouts)
    attrs = {
        "ksize": [int(k) for k in ksize],
        "strides": [int(s) for s in strides],
        "padding": check_choice(type, "padding", padding, ("SAME", "VALID")),
        "data_format": data_format,
    }
    return apply_op(type, [value], attrs, name)


def _pool(type, scope_name, value, ksize, strides, padding, data_format, name, spatial=2):
    with name_scope(name, scope_name, [value]) as scope:
        channels_first = is_channels_first(data_format)
        ksize = sequence(ksize, spatial, channels_first, "ksize")
        strides = sequence(strides, spatial, channels_first, "strides")
        if scope_name == "MaxPool" and any(int(k) == 0 for k in ksize):
            raise ValueError("ksize cannot be zero.")
        return _node(type, value, ksize, strides, padding, data_format, scope)


def _pool1d(type, scope_name, input, ksize, strides, padding, data_format, name):
    from .array import expand_dims, squeeze

    with name_scope(name, scope_name, [input]) as scope:
        data_format = check_choice(type, "data_format", data_format or "NWC", ("NWC", "NCW"))
        axis = 2 if data_format == "NCW" else 1
        ksize = [1, *sequence(ksize, 1, axis == 2, "ksize")]
        strides = [1, *sequence(strides, 1, axis == 2, "strides")]
        if axis == 2:  # batch, channels, the added axis, width
            ksize, strides = [1, *ksize[1:3], *ksize[3:]], [1, *strides[1:3], *strides[3:]]
        result = _node(type, expand_dims(input, axis), ksize, strides, padding, "NCHW" if axis == 2 else "NHWC", scope)
        return squeeze(result, axis)


def max_pool(value, ksize, strides, padding, data_format="NHWC", name=None, input=None):
    """The maxima over windows of images.

    Args:
      value: [batch, height, width, channels], numbers.
      ksize: the window: one number, one for height and width each, or one for each axis.
      strides: the steps between windows, in the same forms.
      padding: "SAME" or "VALID".
      data_format: "NHWC" or "NCHW".
      name: the node's name.
      input: another name of value.

    Raises:
      ValueError: where shapes, windows or padding do not fit.
    """
    value = renamed("input", input, "value", value)
    return _pool("MaxPool", "MaxPool", value, ksize, strides, padding, data_format, name)


def max_pool2d(input, ksize, strides, padding, data_format="NHWC", name=None):
    """max_pool under its name of two axes."""
    return _pool("MaxPool", "MaxPool2d", input, ksize, strides, padding, data_format, name)


def max_pool1d(input, ksize, strides, padding, data_format="NWC", name=None):
    """The maxima over windows of sequences [batch, width, channels]; the other arguments are those of max_pool."""
    return _pool1d("MaxPool", "MaxPool1d", input, ksize, strides, padding, data_format, name)


def max_pool3d(input, ksize, strides, padding, data_format="NDHWC", name=None):
    """The maxima over windows of volumes [batch, depth, height, width, channels]."""
    return _pool("MaxPool3D", "MaxPool3D", input, ksize, strides, padding, data_format, name, 3)


def avg_pool(value, ksize, strides, padding, data_format="NHWC", name=None, input=None):
    """The means over windows of images; a window over the border counts only the elements inside.

    The arguments are those of max_pool; value is of floats.
    """
    with name_scope(name, "AvgPool", [value]) as scope:
        value = renamed("input", input, "value", value)
        return _pool("AvgPool", "AvgPool", value, ksize, strides, padding, data_format, scope)


avg_pool2d = avg_pool


def avg_pool1d(input, ksize, strides, padding, data_format="NWC", name=None):
    """The means over windows of sequences [batch, width, channels]."""
    return _pool1d("AvgPool", "AvgPool1D", input, ksize, strides, padding, data_format, name)


def avg_pool3d(input, ksize, strides, padding, data_format="NDHWC", name=None):
    """The means over windows of volumes [batch, depth, height, width, channels]."""
    return _pool("AvgPool3D", "AvgPool3D", input, ksize, strides, padding, data_format, name, 3)


def _of_any_rank(kind, line, input, ksize, strides, padding, data_format, name):
    input = convert_to_tensor(input, name="input")
    if input.shape.ndims is None and data_format is None:
        raise ValueError("The input must have a rank or a data format must be given.")
    spatial = (len(data_format) if input.shape.ndims is None else input.shape.ndims) - 2
    if not 1 <= spatial <= 3:
        raise ValueError(f"Input tensor must be of rank 3, 4 or 5 but was {spatial + 2}.")
    channels_first = is_channels_first(data_format)
    ksize = sequence(ksize, spatial, channels_first, "ksize")
    strides = sequence(strides, spatial, channels_first, "strides")
    if spatial == 1:
        return line(input, ksize, strides, padding, data_format=data_format, name=name)
    return _node(kind + ("3D" if spatial == 3 else ""), input, ksize, strides, padding, data_format, name)


def max_pool_v2(input, ksize, strides, padding, data_format=None, name=None):
    """max_pool of one, two or three spatial axes, as the input's rank says."""
    return _of_any_rank("MaxPool", max_pool1d, input, ksize, strides, padding, data_format, name)


def avg_pool_v2(input, ksize, strides, padding, data_format=None, name=None):
    """avg_pool of one, two or three spatial axes, as the input's rank says."""
    return _of_any_rank("AvgPool", avg_pool1d, input, ksize, strides, padding, data_format, name)


_Maxima = namedtuple("MaxPoolWithArgmax", ["output", "argmax"])


def max_pool_with_argmax(
    input, ksize, strides, padding, data_format="NHWC", Targmax=None, name=None, output_dtype=None,
    include_batch_in_index=False,
):  # fmt: skip
    """The maxima over windows of images, and where they are.

    Args:
      input: [batch, height, width, channels].
      ksize, strides: one number for each axis.
      padding: "SAME" or "VALID".
      data_format: "NHWC".
      Targmax: the type of the indices, int64 by default.
      name: the node's name.
      output_dtype: another name of Targmax.
      include_batch_in_index: whether indices count through the batch: ((b * height + y) * width + x) * channels + c.

    Returns:
      (output, argmax).

    Raises:
      ValueError: for another format.
    """
    if data_format != "NHWC":
        raise ValueError("Data formats other than 'NHWC' are not yet supported")
    dtype = renamed("output_dtype", output_dtype, "Targmax", Targmax)
    attrs = {
        "ksize": [int(k) for k in ksize],
        "strides": [int(s) for s in strides],
        "padding": check_choice("MaxPoolWithArgmax", "padding", padding, ("SAME", "VALID")),
        "Targmax": dtypes.int64 if dtype is None else dtype,
        "include_batch_in_index": include_batch_in_index,
    }
    return _Maxima(*apply_op("MaxPoolWithArgmax", [input], attrs, name))


def pool(
    input, window_shape, pooling_type, padding, dilation_rate=None, strides=None, name=None, data_format=None,
    dilations=None,
):  # fmt: skip
    """Maxima or means over windows of one to three spatial axes, whose elements may lie apart.

    Args:
      input: [batch, spatial axes, channels], or channels first where the data format begins with "NC".
      window_shape: one number a spatial axis.
      pooling_type: "AVG" or "MAX".
      padding: "SAME" or "VALID".
      dilation_rate, strides: one number a spatial axis; only one of the two may exceed 1.
      name: the nodes' scope.
      data_format: "NWC", "NHWC", "NDHWC" or "NCW", "NCHW", "NCDHW".
      dilations: another name of dilation_rate.

    Raises:
      ValueError: where windows, strides, rates and padding do not fit.
    """
    rates = renamed("dilations", dilations, "dilation_rate", dilation_rate)
    with name_scope(name, f"{pooling_type.lower()}_pool", [input]) as scope:
        input = convert_to_tensor(input, name="input")
        spatial = len(window_shape)
        if not 1 <= spatial <= 3:
            raise ValueError("It is required that 1 <= num_spatial_dims <= 3.")
        input.shape.assert_has_rank(spatial + 2)
        strides, rates = _steps(spatial, strides, "strides"), _steps(spatial, rates, "dilation_rate")
        _check_steps(strides, rates)
        if padding == "SAME" and any(r > 1 for r in rates):
            raise ValueError("pooling with SAME padding is not implemented for dilation_rate > 1")
        if any(s > w for s, w in zip(strides, window_shape)):
            raise ValueError(
                "strides > window_shape not supported due to inconsistency between CPU and GPU implementations"
            )
        if pooling_type not in ("MAX", "AVG"):
            raise ValueError(f"{spatial}-D {pooling_type} pooling is not supported.")
        first = 2 if is_channels_first(data_format) else 1
        return with_space_to_batch(
            input, rates, padding, _windows(pooling_type, window_shape, strides, data_format, scope),
            filter_shape=list(window_shape), spatial_dims=list(range(first, first + spatial)),
        )  # fmt: skip


def _steps(spatial, values, what):
    values = [1] * spatial if values is None else [int(v) for v in values]
    if len(values) != spatial:
        raise ValueError(f"len({what})={len(values)} but should be {spatial}")
    return values


def _windows(pooling_type, window, strides, data_format, scope):
    """The function that pools what with_space_to_batch gives it."""
    from .array import expand_dims, squeeze

    spatial = len(window)
    channels_first = is_channels_first(data_format)
    function = {"MAX": (max_pool, max_pool3d), "AVG": (avg_pool, avg_pool3d)}[pooling_type][spatial == 3]
    line = [1] if spatial == 1 else []
    window, strides = [*line, *window], [*line, *strides]
    ksize = [1, 1, *window] if channels_first else [1, *window, 1]
    steps = [1, 1, *strides] if channels_first else [1, *strides, 1]
    if spatial == 1:
        check_choice(pooling_type, "data_format", data_format or "NWC", ("NWC", "NCW"))
        data_format = "NCHW" if channels_first else "NHWC"
    axis = 2 if channels_first else 1

    def op(inner, _, padding):
        if spatial == 1:
            inner = expand_dims(inner, axis)
        result = function(inner, ksize, steps, padding, data_format=data_format, name=scope)
        return squeeze(result, [axis]) if spatial == 1 else result

    return op
