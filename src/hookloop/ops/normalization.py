"""Normalization of images: by the statistics of a batch (fused_batch_norm), and across neighbouring channels (lrn)."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..shapes import UNKNOWN
from . import kinds
from .build import apply_op, constant, convert_to_tensor
from .registry import OpDef, register
from .windows import channels_last, check_choice, from_last, target_like, to_last, write_back

__all__: list = []

_STORED = kinds.FLOAT - {dtypes.float64}
_FLOAT32 = frozenset((dtypes.float32,))
_LEAST_EPSILON = 1.001e-5  # cuDNN's, which TensorFlow keeps to everywhere


# --- batches: shapes, lowering, references --------------------------------------------------------------


class _Layout:
    """Where an image has its channels; what the functions of `windows` ask of a frame."""

    def __init__(self, node):
        first = node.attrs["data_format"] == b"NCHW"
        self.rank = 4
        self.channel = 1 if first else 3
        self.order = (0, 2, 3, 1) if first else (0, 1, 2, 3)

    def channels_last(self, shape):
        return tuple([shape[axis] for axis in self.order])


def _channels(c, image, vectors):
    """The image's shape and the number of channels, which the vectors have too."""
    shape = c.shape(image) if c.known(image) else (UNKNOWN,) * 4
    if len(shape) != 4:
        c.fail(f"Shape must be rank 4 but is rank {len(shape)}")
    channel = 1 if c.attr("data_format") == b"NCHW" else 3
    size = shape[channel]
    for i in vectors:
        if c.known(i):
            if len(c.shape(i)) != 1:
                c.fail(f"Shape must be rank 1 but is rank {len(c.shape(i))}")
            size = c.merge(size, c.shape(i)[0])
    return (*shape[:channel], size, *shape[channel + 1 :]), (size,)


def _batch_shape(c):
    vectors = (1, 2) if c.attr("is_training") else (1, 2, 3, 4)
    image, vector = _channels(c, 0, vectors)
    return [image, vector, vector, vector, vector, *[()] * (len(c.op.outputs) - 5)]


def _batch_gradient_shape(c):
    image, vector = _channels(c, 1, (2, 3, 4))
    if c.known(0):
        image = c.merge_shapes(image, c.shape(0))
    return [image, vector, vector, (0,), (0,)]


def _params(node):
    return (float(np.float32(node.attrs["epsilon"])), int(node.attrs["is_training"]))


def _lower_batch(c, node):
    layout = _Layout(node)
    image, *vectors = node.inputs
    y, *rest = node.outputs
    target = target_like(c, y, layout)
    c.emit("batch_norm", [channels_last(c, image, layout), *vectors], [target, *rest[:4]], _params(node))
    write_back(c, target, y, layout)
    if len(rest) > 4:
        c.emit("fill", [c.literal(np.float32(0))], [rest[4]])


def _lower_batch_gradient(c, node):
    layout = _Layout(node)
    grad, image, *vectors = node.inputs
    of_image, of_scale, of_offset, *unused = node.outputs
    target = target_like(c, of_image, layout)
    inputs = [channels_last(c, grad, layout), channels_last(c, image, layout), *vectors[:3]]
    c.emit("batch_norm_gradient", inputs, [target, of_scale, of_offset], _params(node))
    write_back(c, target, of_image, layout)
    for value in unused:
        c.emit("fill", [c.literal(np.zeros((), value.dtype.as_numpy_dtype))], [value])


def _reference_batch(node, image, scale, offset, mean, variance):
    layout = _Layout(node)
    x = to_last(image, layout).astype(np.float32)
    count = x.size // max(1, x.shape[3])
    outer = variance
    if node.attrs["is_training"]:
        if count:
            mean, variance = (f(x, (0, 1, 2), np.float64).astype(np.float32) for f in (np.mean, np.var))
        else:
            mean = variance = np.full(scale.shape, np.nan, np.float32)
        outer = variance * np.float32(count / (count - 1) if count > 1 else 1)
    y = (x - mean) * (scale / np.sqrt(variance + np.float32(node.attrs["epsilon"]))) + offset
    found = [from_last(y, layout).astype(image.dtype), mean, outer, mean, variance]
    return [*found, np.float32(0)][: len(node.outputs)]


def _reference_batch_gradient(node, grad, image, scale, mean, variance, *_):
    layout = _Layout(node)
    g, x = (to_last(a, layout).astype(np.float32) for a in (grad, image))
    inverse = 1 / np.sqrt(variance + np.float32(node.attrs["epsilon"]))
    axes = (0, 1, 2)
    of_offset = np.sum(g, axes)
    of_scale = np.sum(g * (x - mean), axes) * (inverse if x.size else 0)
    dx = g * scale * inverse
    if node.attrs["is_training"]:
        count = np.float32(max(1, x.size // max(1, x.shape[3])))
        dx = scale * inverse * (g - of_offset / count - (x - mean) * inverse * of_scale / count)
    empty = np.zeros((0,), np.float32)
    return from_last(dx, layout).astype(grad.dtype), of_scale, of_offset, empty, empty


# --- batches: gradients ---------------------------------------------------------------------------------


def _attrs(op):
    return {name: op._attrs[name] for name in ("epsilon", "data_format", "is_training")}


def _batch_gradient(type):
    """The gradient of a FusedBatchNorm, of which `type` is the op of the gradient."""

    def gradient(op, grad, *_):
        from .array import transpose

        image, scale = op.inputs[:2]
        attrs = _attrs(op)
        if attrs["is_training"]:
            found = apply_op(type, [grad, image, scale, *op.outputs[3:]], attrs)
            return [*found[:3], None, None]
        turned = attrs["data_format"] == b"NCHW"
        if turned:
            image, grad = transpose(image, [0, 2, 3, 1]), transpose(grad, [0, 2, 3, 1])
            attrs["data_format"] = "NHWC"
        of_image, of_scale, of_offset = apply_op(type, [grad, image, scale, *op.inputs[3:5], *op.outputs[5:]], attrs)[
            :3
        ]
        if turned:
            of_image = transpose(of_image, [0, 3, 1, 2])
        return [of_image, of_scale, of_offset, None, None]

    return gradient


def _second_gradient(op, *grads):
    """The gradient of the gradient: that of the same function, made of plain ops."""
    from ..gradients import gradients
    from .core import identity

    inputs = [identity(tensor) for tensor in op.inputs[:3]]
    found = _plain_gradient(*inputs, *op.inputs[3:5], op)
    slopes = gradients(found, inputs, list(grads[:3]))
    return [*slopes, *[None] * (len(op.inputs) - 3)]


def _plain_gradient(grad, image, scale, mean, variance, op):
    """The gradients of image, scale and offset, as tensors that can be differentiated again."""
    from .array import reshape
    from .cast import cast
    from .core import stop_gradient
    from .math import squared_difference
    from .math_unary import rsqrt
    from .reduce import reduce_mean, reduce_sum

    dtype = image.dtype.base_dtype
    first = op.get_attr("data_format") in (b"NCHW", "NCHW")
    axes, form = ([0, 2, 3], [1, -1, 1, 1]) if first else ([0, 1, 2], [1, 1, 1, -1])
    grad, image = cast(grad, dtypes.float32), cast(image, dtypes.float32)
    wide = reshape(scale, form)
    if op.get_attr("is_training"):
        mean = reduce_mean(image, axes, keepdims=True)
        variance = reduce_mean(squared_difference(image, stop_gradient(mean)), axes, keepdims=True)
    else:
        mean, variance = reshape(mean, form), reshape(variance, form)
    inverse = rsqrt(variance + op.get_attr("epsilon"))
    distance = image - mean
    of_scale = reduce_sum(grad * distance * inverse, axes)
    of_offset = reduce_sum(grad, axes)
    of_image = grad * wide * inverse
    if op.get_attr("is_training"):
        slope = reduce_mean(grad * distance, axes, keepdims=True) * inverse * inverse
        of_image = wide * inverse * (grad - reduce_mean(grad, axes, keepdims=True) - slope * distance)
    return [cast(of_image, dtype), of_scale, of_offset]


# --- neighbouring channels ------------------------------------------------------------------------------


def _rank_four(c):
    shape = None
    for i in range(len(c.inputs)):
        if c.known(i):
            if len(c.shape(i)) != 4:
                c.fail(f"Shape must be rank 4 but is rank {len(c.shape(i))}")
            shape = c.merge_shapes(shape, c.shape(i))
    return (UNKNOWN,) * 4 if shape is None else shape


def _neighbours(node):
    attrs = node.attrs
    return (int(attrs["depth_radius"]), *(float(np.float32(attrs[name])) for name in ("bias", "alpha", "beta")))


def _around(values, radius):
    """The sum of each element of the last axis and of those at most `radius` away."""
    total = np.zeros_like(values)
    for shift in range(-min(radius, values.shape[-1]), min(radius, values.shape[-1]) + 1):
        if shift < 0:
            total[..., -shift:] += values[..., :shift]
        else:
            total[..., : values.shape[-1] - shift] += values[..., shift:]
    return total


def _reference_lrn(node, image):
    radius, bias, alpha, beta = _neighbours(node)
    x = image.astype(np.float32)
    return (x * (bias + alpha * _around(x * x, radius)) ** -beta).astype(image.dtype)


def _reference_lrn_gradient(node, grad, image, out):
    radius, bias, alpha, beta = _neighbours(node)
    g, x, y = (a.astype(np.float32) for a in (grad, image, out))
    norm = bias + alpha * _around(x * x, radius)
    return (g * norm**-beta - 2 * alpha * beta * x * _around(g * y / norm, radius)).astype(grad.dtype)


def _lrn_gradient(op, grad):
    attrs = {name: op._attrs[name] for name in ("depth_radius", "bias", "alpha", "beta")}
    return [apply_op("LRNGrad", [grad, op.inputs[0], op.outputs[0]], attrs)]


# --- definitions ----------------------------------------------------------------------------------------

_BATCH = {"epsilon": 1e-4, "data_format": "NHWC", "is_training": True}
_LRN = {"T": dtypes.float32, "depth_radius": 5, "bias": 1.0, "alpha": 1.0, "beta": 0.5}


def _batch_ops(version, vector, more):
    """A version of the batch normalization and of its gradient: the vectors' type, and how many more outputs it has."""
    types = {"T": _STORED if vector == "U" else _FLOAT32, "U": _FLOAT32}
    if vector == "T":
        del types["U"]
    vectors = ", ".join(f"{name}: {vector}" for name in ("scale", "offset", "mean", "variance"))
    statistics = ("batch_mean", "batch_variance", *(f"reserve_space_{i}" for i in range(1, 3 + more)))
    outputs = ", ".join(f"{name}: {vector}" for name in statistics)
    saved = ", ".join(f"reserve_space_{i}: {vector}" for i in range(1, 3 + more))
    scale = "scale: T" if vector == "T" else "scale: float32"
    slopes = ("scale_backprop", "offset_backprop", f"reserve_space_{3 + more}", f"reserve_space_{4 + more}")
    register(
        OpDef(f"FusedBatchNorm{version}", f"x: T, {vectors}", f"y: T, {outputs}", attrs=_BATCH, types=types,
              shape=_batch_shape, gradient=_batch_gradient(f"FusedBatchNormGrad{version}"), lower=_lower_batch,
              reference=_reference_batch),
        OpDef(f"FusedBatchNormGrad{version}", f"y_backprop: T, x: T, {scale}, {saved}",
              "x_backprop: T, " + ", ".join(f"{name}: {vector}" for name in slopes), attrs=_BATCH, types=types,
              shape=_batch_gradient_shape, gradient=_second_gradient, lower=_lower_batch_gradient,
              reference=_reference_batch_gradient),
    )  # fmt: skip


_batch_ops("", "T", 0)
_batch_ops("V2", "U", 0)
_batch_ops("V3", "U", 1)
register(
    OpDef("LRN", "input: T", "output: T", attrs=_LRN, types={"T": _STORED}, shape=_rank_four, kernel="lrn",
          params=_neighbours, gradient=_lrn_gradient, reference=_reference_lrn),
    OpDef("LRNGrad", "input_grads: T, input_image: T, output_image: T", "output: T", attrs=_LRN, types={"T": _STORED},
          shape=_rank_four, kernel="lrn_gradient", params=_neighbours, reference=_reference_lrn_gradient),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------


def fused_batch_norm(
    x, scale, offset, mean=None, variance=None, epsilon=0.001, data_format="NHWC", is_training=True, name=None
):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset for each channel of images.

    Args:
      x: [batch, height, width, channels], float32 or of 16 bits.
      scale, offset: float32, one number a channel.
      mean, variance: the statistics, where it does not train.
      epsilon: a small number, at least 1.001e-5.
      data_format: "NHWC" or "NCHW".
      is_training: whether the statistics are those of the batch.
      name: the node's name.

    Returns:
      (y, mean, variance): the normalized images, and the statistics used; of a batch, the variance without bias.

    Raises:
      ValueError: where shapes do not fit, or statistics are given for training.
    """
    x = convert_to_tensor(x, name="input")
    scale = convert_to_tensor(scale, name="scale")
    offset = convert_to_tensor(offset, name="offset")
    if is_training and (mean is not None or variance is not None):
        raise ValueError("Both 'mean' and 'variance' must be None if is_training is True.")
    mean = constant([]) if mean is None else mean
    variance = constant([]) if variance is None else variance
    attrs = {
        "epsilon": epsilon if epsilon > _LEAST_EPSILON else _LEAST_EPSILON,
        "data_format": check_choice("FusedBatchNormV3", "data_format", data_format, ("NHWC", "NCHW")),
        "is_training": is_training,
    }
    return tuple(apply_op("FusedBatchNormV3", [x, scale, offset, mean, variance], attrs, name)[:3])


def local_response_normalization(input, depth_radius=5, bias=1, alpha=1, beta=0.5, name=None):
    """Each element divided by (bias + alpha * the sum of squares of its channel and its neighbours) ** beta.

    Args:
      input: [batch, height, width, channels], float32 or of 16 bits.
      depth_radius: how many channels to either side count.
      bias, alpha, beta: numbers.
      name: the node's name.

    Raises:
      TypeError: where a setting is no number; None is the default of the node: a radius of 5, a bias and a factor of 1, a root.
      ValueError: where the input is not of rank 4.
    """
    attrs = {"bias": bias, "alpha": alpha, "beta": beta}
    for setting, value in attrs.items():
        if not isinstance(value, (int, float, np.number, type(None))):
            raise TypeError(f"Expected float for argument {setting!r} not {value!r}.")
        attrs[setting] = None if value is None else float(value)
    return apply_op("LRN", [input], {"depth_radius": depth_radius, **attrs}, name)


lrn = local_response_normalization
