"""Ops of neural networks: softmax, cross-entropies, biases, normalization, moments.

Their public names are in `hookloop.nn`.
"""

from __future__ import annotations

import math as _math

import numpy as np

from .. import dtypes, errors
from ..graph.scopes import control_dependencies, name_scope
from ..graph.tensor import Tensor
from ..shapes import UNKNOWN
from . import kinds
from .activations import relu
from .array import (
    concat,
    expand_dims,
    ones_like,
    rank,
    reshape,
    shape,
    size,
    squeeze,
    tile,
    transpose,
    zeros,
    zeros_like,
)
from .array import slice as slice_
from .build import apply_op, constant, convert_to_tensor
from .cast import cast
from .core import identity, stop_gradient
from .linalg import matmul
from .math import logical_and, maximum, multiply, not_equal, squared_difference, subtract
from .math_unary import exp, log, log1p, reciprocal, rsqrt, square
from .ranges import range as range_
from .reduce import reduce_mean, reduce_prod, reduce_sum, renamed
from .registry import OpDef, register
from .select import where
from .tensor_util import constant_value

__all__: list = []

_FLOAT = frozenset((dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64))
_INDEX = frozenset((dtypes.int32, dtypes.int64))
_HALF = (dtypes.float16, dtypes.bfloat16)


# --- shapes and references ------------------------------------------------------------------------------


def _rows_shape(c):
    shape = c.shape(0)
    if not shape:
        c.fail("Shape must be at least rank 1 but is rank 0")
    return shape


def _dense_cross_entropy_shape(c):
    shape = None
    for i in (0, 1):
        if c.known(i):
            if len(c.shape(i)) != 2:
                c.fail(f"Shape must be rank 2 but is rank {len(c.shape(i))}")
            shape = c.shape(i) if shape is None else c.broadcast(shape, c.shape(i))
    return [None, None] if shape is None else [(shape[0],), shape]


def _sparse_cross_entropy_shape(c):
    logits = c.shape(0) if c.known(0) else (UNKNOWN, UNKNOWN)
    rows = c.merge(logits[0], c.shape(1)[0]) if c.known(1) else logits[0]
    return [(rows,), (rows, logits[1])]


def _channel_axis(attrs, rank):
    return 1 if attrs["data_format"] == b"NCHW" and rank > 2 else rank - 1


def _bias_add_shape(c):
    shape = c.shape(0)
    if not c.known(1):
        return shape
    axis, bias = _channel_axis({"data_format": c.attr("data_format")}, len(shape)), c.shape(1)
    size = c.merge(shape[axis], bias[0])
    return (*shape[:axis], size, *shape[axis + 1 :])


def _bias_gradient_shape(c):
    c.fallback((UNKNOWN,))
    shape = c.shape(0)
    return (shape[_channel_axis({"data_format": c.attr("data_format")}, len(shape))],)


def _wide(x):
    return x.astype(np.float32 if x.dtype.itemsize == 2 else x.dtype)


def _reference_log_softmax(node, logits):
    x = _wide(logits)
    if not x.size:
        return logits
    with np.errstate(all="ignore"):
        shifted = x - np.max(x, axis=-1, keepdims=True)
        return (shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))).astype(logits.dtype)


def _reference_softmax(node, logits):
    x = _wide(logits)
    if not x.size:
        return logits
    with np.errstate(all="ignore"):
        terms = np.exp(x - np.max(x, axis=-1, keepdims=True))
        return (terms / np.sum(terms, axis=-1, keepdims=True)).astype(logits.dtype)


def _reference_dense_cross_entropy(node, logits, labels):
    x, y = (a.copy() for a in np.broadcast_arrays(_wide(logits), _wide(labels)))
    log_probabilities = _reference_log_softmax(node, x)
    loss = -np.sum(np.where(y == 0, 0, y * log_probabilities), axis=-1)
    return loss.astype(logits.dtype), (np.exp(log_probabilities) - y).astype(logits.dtype)


def _reference_sparse_cross_entropy(node, logits, labels):
    classes = logits.shape[1]
    outside = labels[(labels < 0) | (labels >= classes)]
    if outside.size:
        raise ValueError(
            f"Received a label value of {outside[0]} which is outside the valid range of [0, {classes}).  "
            f"Label values: {' '.join(map(str, labels))}"
        )
    one_hot = np.eye(classes, dtype=np.float64)[labels].astype(logits.dtype)
    return _reference_dense_cross_entropy(node, logits, one_hot)


def _reference_bias_add(node, value, bias):
    axis = _channel_axis(node.attrs, value.ndim)
    shape = [1] * value.ndim
    shape[axis] = len(bias)
    return value + bias.reshape(shape)


def _reference_bias_gradient(node, grad):
    channel = _channel_axis(node.attrs, grad.ndim)
    axes = tuple(i for i in range(grad.ndim) if i != channel)
    return np.sum(_wide(grad) if grad.dtype.kind == "f" else grad, axis=axes).astype(grad.dtype)


def _lower_bias_add(c, node):
    value, bias = node.inputs
    axis = _channel_axis(node.attrs, len(value.shape))
    if axis != len(value.shape) - 1:
        column = c.temp(bias.dtype, (bias.shape[0],) + (1,) * (len(value.shape) - 1 - axis))
        c.alias(column, bias)
        bias = column
    c.emit("add", [value, bias], [node.outputs[0]], views="any", overwrites=(0,))


def _lower_bias_gradient(c, node):
    rank = len(node.inputs[0].shape)
    channel = _channel_axis(node.attrs, rank)
    mask = sum(1 << axis for axis in range(rank) if axis != channel)
    c.emit("sum", [node.inputs[0]], [node.outputs[0]], (mask,))


# --- gradients ------------------------------------------------------------------------------------------


def _softmax_gradient(op, grad):
    softmax_output = op.outputs[0]
    total = reduce_sum(grad * softmax_output, -1, keepdims=True)
    return [(grad - total) * softmax_output]


def _log_softmax_gradient(op, grad):

    probabilities = exp(op.outputs[0])
    return [grad - reduce_sum(grad, -1, keepdims=True) * probabilities]


def _scale_rows(scale, rows):
    return expand_dims(scale, -1) * rows


def _is_zero(grad):
    """Whether a gradient is known to be nothing but zeros."""
    if grad.op.type in ("ZerosLike", "Zeros"):
        return True
    value = constant_value(grad)
    return value is not None and not np.any(value)


def _dense_cross_entropy_gradient(op, loss_grad, second_grad):
    logits = op.inputs[0]
    grad = _scale_rows(loss_grad, op.outputs[1])
    if second_grad is not None and not _is_zero(second_grad):
        probabilities = softmax(logits)
        weighted = matmul(expand_dims(second_grad, 1), expand_dims(probabilities, 2))
        grad += (second_grad - squeeze(weighted, axis=1)) * probabilities
    return [grad, _scale_rows(loss_grad, -log_softmax(logits))]


_NO_SECOND_DERIVATIVE = (
    "Currently there is no way to take the second derivative of sparse_softmax_cross_entropy_with_logits due "
    "to the fused implementation's interaction with tf.gradients()"
)


def _sparse_cross_entropy_gradient(op, loss_grad, _):
    rows = apply_op("PreventGradient", [op.outputs[1]], {"message": _NO_SECOND_DERIVATIVE})
    return [_scale_rows(loss_grad, rows), None]


def _bias_add_gradient(op, grad):
    attrs = {"data_format": op.get_attr("data_format")}
    return [grad, apply_op("BiasAddGrad", [grad], attrs)]


def _bias_gradient_gradient(op, grad):
    full = shape(op.inputs[0])
    bias = shape(grad)
    if op.get_attr("data_format") in (b"NCHW", "NCHW"):
        ones = concat([ones_like(full[:1]), bias, ones_like(full[2:])], 0)
        repeats = concat([full[:1], [1], full[2:]], 0)
    else:
        ones = concat([ones_like(full[:-1]), bias], 0)
        repeats = concat([full[:-1], [1]], 0)
    return [tile(reshape(grad, ones), repeats)]


register(
    OpDef("Softmax", "logits: T", "softmax: T", types={"T": _FLOAT}, shape=_rows_shape,
          gradient=_softmax_gradient, kernel="softmax", overwrites=(0,), reference=_reference_softmax),
    OpDef("LogSoftmax", "logits: T", "logsoftmax: T", types={"T": _FLOAT}, shape=_rows_shape,
          gradient=_log_softmax_gradient, kernel="log_softmax", overwrites=(0,),
          reference=_reference_log_softmax),
    OpDef("SoftmaxCrossEntropyWithLogits", "features: T, labels: T", "loss: T, backprop: T",
          types={"T": _FLOAT}, shape=_dense_cross_entropy_shape, gradient=_dense_cross_entropy_gradient,
          kernel="softmax_cross_entropy", reference=_reference_dense_cross_entropy),
    OpDef("SparseSoftmaxCrossEntropyWithLogits", "features: T, labels: Tlabels", "loss: T, backprop: T",
          attrs={"Tlabels": dtypes.int64}, types={"T": _FLOAT, "Tlabels": _INDEX}, ranks={"features": 2, "labels": 1},
          shape=_sparse_cross_entropy_shape, gradient=_sparse_cross_entropy_gradient,
          kernel="sparse_softmax_cross_entropy", can_fail=True, reference=_reference_sparse_cross_entropy),
    OpDef("BiasAdd", "value: T, bias: T", "output: T", attrs={"data_format": "NHWC"}, types={"T": kinds.NUMBER},
          least_ranks={"value": 2}, ranks={"bias": 1}, shape=_bias_add_shape, gradient=_bias_add_gradient, lower=_lower_bias_add, overwrites=(0,),
          reference=_reference_bias_add),
    OpDef("BiasAddGrad", "out_backprop: T", "output: T", attrs={"data_format": "NHWC"}, types={"T": kinds.NUMBER},
          least_ranks={"out_backprop": 2}, shape=_bias_gradient_shape, gradient=_bias_gradient_gradient, lower=_lower_bias_gradient,
          reference=_reference_bias_gradient),
)  # fmt: skip


# --- softmax --------------------------------------------------------------------------------------------


def softmax(logits, axis=None, name=None, dim=None):
    """exp(logits) divided by its sum along an axis.

    Args:
      logits: a tensor of floats.
      axis: the axis; the last one by default.
      name: the node's name.
      dim: the old name of axis.

    Raises:
      InvalidArgumentError: where the axis does not exist.
    """
    axis = renamed("axis", axis, "dim", dim)
    return _along_axis("Softmax", logits, -1 if axis is None else axis, name)


def log_softmax(logits, axis=None, name=None, dim=None):
    """The logarithm of softmax; the arguments are those of softmax."""
    axis = renamed("axis", axis, "dim", dim)
    return _along_axis("LogSoftmax", logits, -1 if axis is None else axis, name)


def _along_axis(type, logits, axis, name):
    """A node for the last axis; for another one the axes are swapped before and after."""
    logits = convert_to_tensor(logits)
    ndims = None if logits._shape is None else len(logits._shape)
    if not isinstance(axis, Tensor) and (axis == -1 or (ndims is not None and axis == ndims - 1)):
        return apply_op(type, [logits], name=name)
    value = constant_value(axis) if isinstance(axis, Tensor) else axis
    if value is not None and ndims is not None and not -ndims <= value < ndims:
        raise errors.InvalidArgumentError(
            None, None, f"Dimension ({value}) must be in the range [{-ndims}, {ndims}) where {ndims} is the number "
            "of dimensions in the input.",
        )  # fmt: skip
    if value is None or ndims is None:
        raise TypeError(f"expected logits of known rank and a known axis for {type}, got {logits} and {axis}")

    # TensorFlow asks for the rank twice; names and default op seeds count nodes.
    rank(logits)
    rank_of_input = rank(logits)
    axis = int(value) % ndims
    swapped = _swap_axes(logits, axis, subtract(rank_of_input, 1), None)
    output = apply_op(type, [swapped])
    output = _swap_axes(output, axis, subtract(rank_of_input, 1), name)
    output.set_shape(logits.shape)
    return output


def _swap_axes(x, axis, last, name):
    order = concat([range_(axis), [last], range_(axis + 1, last), [axis]], 0)
    return transpose(x, order, name=name)


# --- cross-entropies ------------------------------------------------------------------------------------


def _check_named(function, sentinel, labels, logits):
    if sentinel is not None:
        raise ValueError(f"Only call `{function}` with named arguments (labels=..., logits=..., ...)")
    if labels is None or logits is None:
        raise ValueError("Both labels and logits must be provided.")


def softmax_cross_entropy_with_logits_v2(labels, logits, axis=None, name=None, dim=None):
    """The cross-entropy of softmax(logits) against labels that are distributions.

    Args:
      labels: distributions along the axis; gradients flow into them.
      logits: unscaled log probabilities of the same shape.
      axis: the axis of the classes; the last one by default.
      name: the nodes' scope.
      dim: the old name of axis.

    Returns:
      A loss for each distribution.
    """
    axis = renamed("axis", axis, "dim", dim)
    return _dense_cross_entropy(labels, logits, -1 if axis is None else axis, name)


def softmax_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, dim=-1, name=None, axis=None):
    """`softmax_cross_entropy_with_logits_v2` whose gradient does not flow into the labels."""
    dim = axis if axis is not None else dim
    _check_named("softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    with name_scope(name, "softmax_cross_entropy_with_logits_sg", [logits, labels]) as scope:
        labels = stop_gradient(labels, name="labels_stop_gradient")
        return _dense_cross_entropy(labels, logits, dim, scope)


def _dense_cross_entropy(labels, logits, axis, name):
    with name_scope(name, "softmax_cross_entropy_with_logits", [logits, labels]) as scope:
        logits = convert_to_tensor(logits, name="logits")
        labels = convert_to_tensor(labels, name="labels")
        precise = cast(logits, dtypes.float32) if logits.dtype in _HALF else logits
        labels = cast(labels, precise.dtype)
        ndims = rank(precise)
        if axis != -1:
            precise = _move_to_end(precise, axis, ndims)
            labels = _move_to_end(labels, axis, ndims)
        input_shape = shape(precise)
        precise = _as_rows(precise)
        labels = _as_rows(labels)
        cost = apply_op("SoftmaxCrossEntropyWithLogits", [precise, labels], name=scope)[0]
        cost = reshape(cost, slice_(input_shape, [0], [subtract(ndims, 1)]))
        if logits._shape is not None:
            dims = logits.shape.as_list()
            del dims[axis]
            cost.set_shape(dims)
        return cast(cost, logits.dtype) if logits.dtype in _HALF else cost


def _move_to_end(x, axis, rank):
    return transpose(x, concat([range_(axis), range_(axis + 1, rank), [axis]], 0))


def _as_rows(x):
    """A tensor with all axes but the last made one."""
    ndims = rank(x)
    last = slice_(shape(x), [subtract(ndims, 1)], [1])
    rows = reshape(x, concat([[-1], last], 0))
    if x._shape is not None:
        dims = x.shape.as_list()
        count = None if None in dims[:-1] else int(np.prod(dims[:-1], dtype=np.int64))
        rows.set_shape([count, dims[-1]])
    return rows


def sparse_softmax_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, name=None):
    """The cross-entropy of softmax(logits) against labels that are classes.

    Args:
      _sentinel: keeps positional arguments out.
      labels: classes, int32 or int64, of the shape of logits without the last axis.
      logits: unscaled log probabilities along the last axis.
      name: the nodes' scope.

    Returns:
      A loss for each label. A label that is no class is an InvalidArgumentError when run.

    Raises:
      ValueError: where ranks or shapes do not fit, or an argument is not named.
    """
    _check_named("sparse_softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    with name_scope(name, "SparseSoftmaxCrossEntropyWithLogits", [labels, logits]):
        labels = convert_to_tensor(labels)
        logits = convert_to_tensor(logits)
        precise = cast(logits, dtypes.float32) if logits.dtype in _HALF else logits
        labels_shape = shape(labels)
        defined = _check_label_shapes(labels.shape, logits.shape)
        if logits.shape.ndims == 2:
            cost = _sparse_cross_entropy(precise, labels, name)
        else:
            cost = _sparse_cross_entropy_of_any_rank(precise, labels, logits, defined, name)
            cost = reshape(cost, labels_shape)
            cost.set_shape(labels.shape)
        return cast(cost, logits.dtype) if logits.dtype in _HALF else cost


def _sparse_cross_entropy(logits, labels, name):
    return apply_op("SparseSoftmaxCrossEntropyWithLogits", [logits, labels], name=name)[0]


def _check_label_shapes(labels, logits):
    """Whether both shapes are fully known; refuses those that do not fit."""
    if logits.ndims == 0:
        raise ValueError(f"Logits cannot be scalars - received shape {logits}.")
    if logits.ndims is not None and labels.ndims is not None and labels.ndims != logits.ndims - 1:
        raise ValueError(
            f"Rank mismatch: Rank of labels (received {labels.ndims}) should equal rank of logits minus 1 "
            f"(received {logits.ndims})."
        )
    if logits.ndims is None or not labels.is_fully_defined() or not logits[:-1].is_fully_defined():
        return False
    if labels.as_list() != logits[:-1].as_list():
        raise ValueError(
            f"Shape mismatch: The shape of labels (received {labels}) should equal the shape of logits except for "
            f"the last dimension (received {logits})."
        )
    return True


def _sparse_cross_entropy_of_any_rank(precise, labels, logits, defined, name):
    checks = []
    if not defined:
        from .check import assert_equal

        checks.append(assert_equal(shape(labels), shape(logits)[:-1]))
    with control_dependencies(checks):
        classes = shape(logits)[rank(logits) - 1]
        rows = reshape(precise, [-1, classes])
        labels = reshape(labels, [-1])
        return _sparse_cross_entropy(rows, labels, name)


def sigmoid_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, name=None):
    """The cross-entropy of sigmoid(logits) against labels between 0 and 1, element by element.

    Raises:
      ValueError: where the shapes differ, or an argument is not named.
    """
    _check_named("sigmoid_cross_entropy_with_logits", _sentinel, labels, logits)
    with name_scope(name, "logistic_loss", [logits, labels]) as scope:
        logits = convert_to_tensor(logits, name="logits")
        labels = convert_to_tensor(labels, name="labels")
        _check_same_shape(labels, logits, "labels")
        zeros = zeros_like(logits, dtype=logits.dtype)
        positive = logits >= zeros
        relu_logits = where(positive, logits, zeros)
        negative_abs = where(positive, -logits, logits)
        return apply_op("Add", [relu_logits - logits * labels, log1p(exp(negative_abs))], name=scope)


def _check_same_shape(labels, logits, what):
    try:
        labels.shape.merge_with(logits.shape)
    except ValueError:
        raise ValueError(f"logits and {what} must have the same shape ({logits.shape} vs {labels.shape})") from None


def weighted_cross_entropy_with_logits(labels=None, logits=None, pos_weight=None, name=None, targets=None):
    """`sigmoid_cross_entropy_with_logits` in which positive labels count pos_weight times.

    Args:
      labels: numbers between 0 and 1.
      logits: of the same shape.
      pos_weight: the factor.
      name: the nodes' scope.
      targets: the old name of labels.
    """
    from .math_unary import abs

    labels = renamed("labels", labels, "targets", targets)
    with name_scope(name, "logistic_loss", [logits, labels]) as scope:
        logits = convert_to_tensor(logits, name="logits")
        labels = convert_to_tensor(labels, name="labels")
        _check_same_shape(labels, logits, "targets")
        weight = 1 + (pos_weight - 1) * labels
        negative = (1 - labels) * logits
        return apply_op("Add", [negative, weight * (log1p(exp(-abs(logits))) + relu(-logits))], name=scope)


def log_poisson_loss(targets, log_input, compute_full_loss=False, name=None):
    """The loss of a prediction log_input of the logarithm of a Poisson mean.

    Args:
      targets: counts.
      log_input: of the same shape.
      compute_full_loss: whether Stirling's approximation of the constant term is added.
      name: the nodes' scope.
    """
    with name_scope(name, "log_poisson_loss", [log_input, targets]):
        log_input = convert_to_tensor(log_input, name="log_input")
        targets = convert_to_tensor(targets, name="targets")
        _check_same_shape(targets, log_input, "targets")
        result = exp(log_input) - log_input * targets
        if compute_full_loss:
            half = constant(0.5, dtype=targets.dtype)
            two_pi = constant(2 * _math.pi, dtype=targets.dtype)
            stirling = targets * log(targets) - targets + half * log(two_pi * targets)
            zeros = zeros_like(targets, dtype=targets.dtype)
            ones = ones_like(targets, dtype=targets.dtype)
            small = logical_and(targets >= zeros, targets <= ones)
            result += where(small, zeros, stirling)
        return result


# --- layers' arithmetic ---------------------------------------------------------------------------------


def bias_add(value, bias, data_format=None, name=None):
    """Adds a vector to the channels of a tensor.

    Args:
      value: a tensor of at least two axes.
      bias: a vector of as many elements as there are channels.
      data_format: "N...C" (the default) or "NC...".
      name: the node's name.

    Raises:
      ValueError: where the sizes do not fit, or the format is unknown.
    """
    with name_scope(name, "BiasAdd", [value, bias]) as scope:
        if data_format is not None:
            if data_format.startswith("NC"):
                data_format = "NCHW"
            elif data_format.startswith("N") and data_format.endswith("C"):
                data_format = "NHWC"
            else:
                raise ValueError("data_format must be of the form `N...C` or `NC...`")
        value = convert_to_tensor(value, name="input")
        bias = convert_to_tensor(bias, dtype=value.dtype, name="bias")
        return apply_op("BiasAdd", [value, bias], {"data_format": data_format or "NHWC"}, scope)


def xw_plus_b(x, weights, biases, name=None):
    """matmul(x, weights) + biases."""
    with name_scope(name, "xw_plus_b", [x, weights, biases]) as scope:
        x = convert_to_tensor(x, name="x")
        weights = convert_to_tensor(weights, name="weights")
        biases = convert_to_tensor(biases, name="biases")
        return bias_add(matmul(x, weights), biases, name=scope)


def l2_loss(t, name=None):
    """Half the sum of squares."""
    return apply_op("L2Loss", [t], name=name)


def l2_normalize(x, axis=None, epsilon=1e-12, name=None, dim=None):
    """x divided by its euclidean norm along the given axes.

    Args:
      x: a tensor of floats.
      axis: an axis or several.
      epsilon: the smallest square of a norm that is divided by.
      name: the nodes' scope.
      dim: the old name of axis.
    """

    axis = renamed("axis", axis, "dim", dim)
    with name_scope(name, "l2_normalize", [x]) as scope:
        x = convert_to_tensor(x, name="x")
        total = reduce_sum(square(x), axis, keepdims=True)
        return multiply(x, rsqrt(maximum(total, epsilon)), name=scope)


def moments(x, axes, shift=None, name=None, keep_dims=None, keepdims=None):
    """The mean and the variance along the given axes.

    Args:
      x: a tensor of floats.
      axes: a list of axes.
      shift: not used.
      name: the nodes' scope.
      keep_dims: whether reduced axes stay, with size 1.
      keepdims: the new name of keep_dims.
    """
    keep = bool(renamed("keepdims", keepdims, "keep_dims", keep_dims))
    with name_scope(name, "moments", [x, axes]):
        if not hasattr(x, "dtype"):
            x = convert_to_tensor(x)  # what is a variable is read, and an array converted, each time it is used
        half = x.dtype == dtypes.float16
        y = cast(x, dtypes.float32) if half else x
        mean = reduce_mean(y, axes, keepdims=True, name="mean")
        variance = reduce_mean(squared_difference(y, stop_gradient(mean)), axes, keepdims=True, name="variance")
        if not keep:
            mean = squeeze(mean, axes)
            variance = squeeze(variance, axes)
        if half:
            return cast(mean, dtypes.float16), cast(variance, dtypes.float16)
        return mean, variance


def weighted_moments(x, axes, frequency_weights, name=None, keep_dims=None, keepdims=None):
    """The mean and the variance of elements that count as often as their weights say.

    The arguments are those of moments, and frequency_weights, which is broadcast to x.
    """
    keep = bool(renamed("keepdims", keepdims, "keep_dims", keep_dims))
    with name_scope(name, "weighted_moments", [x, frequency_weights, axes]):
        x = convert_to_tensor(x, name="x")
        frequency_weights = convert_to_tensor(frequency_weights, name="frequency_weights")
        half = x.dtype is dtypes.float16
        if half:
            x = cast(x, dtypes.float32)
        if frequency_weights.dtype is not x.dtype:
            frequency_weights = cast(frequency_weights, x.dtype)
        total = reduce_sum(frequency_weights * x, axes, name="weighted_input_sum", keepdims=True)
        broadcast = frequency_weights + zeros_like(x)
        weight = reduce_sum(broadcast, axes, name="sum_of_weights", keepdims=True)
        divisor = reciprocal(weight, name="inv_weight_sum")
        mean = multiply(total, divisor)
        distance = reduce_sum(
            frequency_weights * squared_difference(x, mean), axes, name="weighted_distsq", keepdims=True
        )
        variance = multiply(distance, divisor)
        if not keep:
            mean = squeeze(mean, axis=axes)
            variance = squeeze(variance, axis=axes)
        if half:
            mean, variance = cast(mean, dtypes.float16), cast(variance, dtypes.float16)
        return mean, variance


def sufficient_statistics(x, axes, shift=None, keep_dims=None, name=None, keepdims=None):
    """What the mean and the variance are made of: the count, the sum, the sum of squares, and the shift.

    Args:
      x: a tensor.
      axes: a list of axes.
      shift: a value near the mean that is subtracted first, for precision.
      keep_dims: whether reduced axes stay, with size 1.
      name: the nodes' scope.
      keepdims: the new name of keep_dims.
    """
    from .gather import gather

    keep = bool(renamed("keepdims", keepdims, "keep_dims", keep_dims))
    axes = sorted(set(axes))
    with name_scope(name, "sufficient_statistics", [x, shift]):
        x = convert_to_tensor(x, name="x")
        if x._shape is not None and all(isinstance(x._shape[d], int) for d in axes):
            counts = constant(float(np.prod([x._shape[d] for d in axes])), dtype=x.dtype)
        else:
            sizes = gather(cast(shape(x), x.dtype), axes)
            counts = reduce_prod(sizes, name="count")
        if shift is not None:
            shift = convert_to_tensor(shift, name="shift")
            values, squares = subtract(x, shift), squared_difference(x, shift)
        else:
            values, squares = x, square(x)
        total = reduce_sum(values, axes, keepdims=keep, name="mean_ss")
        return counts, total, reduce_sum(squares, axes, keepdims=keep, name="var_ss"), shift


def normalize_moments(counts, mean_ss, variance_ss, shift, name=None):
    """The mean and the variance from sufficient statistics."""

    with name_scope(name, "normalize", [counts, mean_ss, variance_ss, shift]):
        divisor = reciprocal(counts, name="divisor")
        if shift is not None:
            shifted = multiply(mean_ss, divisor, name="shifted_mean")
            mean = apply_op("Add", [shifted, shift], name="mean")
        else:
            shifted = mean = multiply(mean_ss, divisor, name="mean")
        variance = subtract(multiply(variance_ss, divisor), square(shifted), name="variance")
        return mean, variance


def batch_normalization(x, mean, variance, offset, scale, variance_epsilon, name=None):
    """(x - mean) / sqrt(variance + variance_epsilon) * scale + offset.

    Args:
      x: a tensor of floats.
      mean, variance: broadcast to x.
      offset, scale: the same, or None for 0 and 1.
      variance_epsilon: a small number.
      name: the nodes' scope.
    """

    with name_scope(name, "batchnorm", [x, mean, variance, scale, offset]):
        factor = rsqrt(variance + variance_epsilon)
        if scale is not None:
            factor *= scale
        scaled = x * cast(factor, x.dtype)
        shift = offset - mean * factor if offset is not None else -mean * factor
        return scaled + cast(shift, x.dtype)


def batch_norm_with_global_normalization(
    t=None, m=None, v=None, beta=None, gamma=None, variance_epsilon=None, scale_after_normalization=None, name=None,
    input=None, mean=None, variance=None,
):  # fmt: skip
    """`batch_normalization` under its first arguments."""
    x = renamed("input", input, "t", t)
    mean = renamed("mean", mean, "m", m)
    variance = renamed("variance", variance, "v", v)
    scale = gamma if scale_after_normalization else None
    return batch_normalization(x, mean, variance, beta, scale, variance_epsilon, name)


def zero_fraction(value, name=None):
    """The part of the elements that are zero."""
    from .control_flow import cond

    with name_scope(name, "zero_fraction", [value]):
        value = convert_to_tensor(value, name="value")
        total = size(value, out_type=dtypes.int64)
        nonzero = cond(
            total <= dtypes.int32.max,
            lambda: cast(_nonzero_count(value, dtypes.int32), dtypes.int64),
            lambda: _nonzero_count(value, dtypes.int64),
        )
        with name_scope("counts_to_fraction"):
            fraction = cast(total - nonzero, dtypes.float32) / cast(total, dtypes.float32)
        return identity(fraction, "fraction")


def _nonzero_count(value, dtype):
    with name_scope("count_nonzero"):
        zero = zeros([], dtype=value.dtype)
        return reduce_sum(cast(not_equal(value, zero), dtype), name="nonzero_count")


def compute_average_loss(per_example_loss, sample_weight=None, global_batch_size=None):
    """The sum of losses, weighted, divided by the number of examples of the whole batch."""
    per_example_loss = convert_to_tensor(per_example_loss)
    if sample_weight is not None:
        weights = convert_to_tensor(sample_weight, per_example_loss.dtype)
        per_example_loss = multiply(per_example_loss, weights)
    if global_batch_size is None:
        global_batch_size = cast(shape(per_example_loss)[0] * 1, per_example_loss.dtype)
    return reduce_sum(per_example_loss) / global_batch_size


def scale_regularization_loss(regularization_loss):
    """The sum of a regularization loss, divided by the number of replicas: one."""
    return reduce_sum(convert_to_tensor(regularization_loss)) / 1
