"""Activations of neural networks and the ops of their gradients."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..graph.scopes import name_scope
from . import kinds
from .build import apply_op, convert_to_tensor
from .registry import OpDef, register
from .shape_functions import merged, unchanged

_SELU_SCALE, _SELU_SCALE_ALPHA = 1.0507009873554805, 1.7580993408473766


def _of_output(type):
    return lambda op, grad: [apply_op(type, [grad, op.outputs[0]])]


def _of_input(type):
    return lambda op, grad: [apply_op(type, [grad, op.inputs[0]])]


def _leaky_gradient(op, grad):
    return [apply_op("LeakyReluGrad", [grad, op.inputs[0]], {"alpha": op.get_attr("alpha")})]


def _softplus_gradient(op, grad):
    from .math_unary import sigmoid

    return [grad * sigmoid(op.inputs[0])]


def _alpha(node):
    return (float(np.float32(node.attrs["alpha"])),)


def _softplus(x):
    return np.logaddexp(x, x.dtype.type(0))


def _activation(name, kernel, reference, gradient, allowed=kinds.FLOAT, **more):
    return OpDef(name, "features: T", "activations: T", types={"T": allowed}, shape=unchanged, kernel=kernel,
                 reference=lambda node, x: reference(x), gradient=gradient, overwrites=(0,), views="any", **more)  # fmt: skip


register(
    _activation("Relu", "relu", lambda x: np.maximum(x, 0), _of_output("ReluGrad"), kinds.REAL),
    _activation("Relu6", "relu6", lambda x: np.clip(x, 0, 6), _of_output("Relu6Grad"), kinds.REAL),
    _activation("Elu", "elu", lambda x: np.where(x < 0, np.expm1(np.minimum(x, 0)), x), _of_output("EluGrad")),
    _activation("Selu", "selu", lambda x: np.where(x < 0, _SELU_SCALE_ALPHA * np.expm1(np.minimum(x, 0)), _SELU_SCALE * x)
                .astype(x.dtype), _of_output("SeluGrad")),
    _activation("Softplus", "softplus", _softplus, _softplus_gradient),
    _activation("Softsign", "softsign", lambda x: x / (1 + np.abs(x)), _of_input("SoftsignGrad")),
    OpDef("LeakyRelu", "features: T", "activations: T", attrs={"alpha": 0.2, "T": dtypes.float32}, types={"T": kinds.FLOAT}, shape=unchanged,
          kernel="leaky_relu", params=_alpha, gradient=_leaky_gradient, overwrites=(0,), views="any",
          reference=lambda node, x: np.where(x > 0, x, x * x.dtype.type(np.float32(node.attrs["alpha"])))),
)  # fmt: skip


# --- gradients: functions of the incoming gradient and the op's input or output --------------------------------


def _masked(type, **attrs):
    """The gradient of what passes a gradient through where the feature is positive."""

    def gradient(op, grad):
        from .array import shape, zeros

        x = op.inputs[1]
        more = {"alpha": op.get_attr("alpha")} if type == "LeakyReluGrad" else None
        return [apply_op(type, [grad, x], more), zeros(shape(x), dtype=x.dtype)]

    return gradient


def _elu_grad_gradient(op, grad):
    from .array import zeros_like
    from .select import where

    dy, y = op.inputs
    return [apply_op("EluGrad", [grad, y]), where(y < 0, grad * dy, zeros_like(y))]


def _selu_grad_gradient(op, grad):
    from .array import zeros_like
    from .select import where

    dy, y = op.inputs
    return [apply_op("SeluGrad", [grad, y]), where(y < 0.0, grad * dy, zeros_like(y))]


def _softplus_grad_gradient(op, grad):
    from ..graph.scopes import control_dependencies
    from .math_unary import exp

    dy, x = op.inputs
    with control_dependencies([grad]):
        ddy = apply_op("SoftplusGrad", [grad, x])
        return [ddy, grad * dy / (exp(-x) + 2.0 + exp(x))]


def _slope(name, kernel, reference, gradient, allowed=kinds.FLOAT, of="features", **more):
    return OpDef(name, f"gradients: T, {of}: T", "backprops: T", types={"T": allowed}, shape=merged, kernel=kernel,
                 reference=reference, gradient=gradient, overwrites=(0, 1), views="any", **more)  # fmt: skip


def _plain(function):
    return lambda node, g, x: function(g, x).astype(g.dtype)


register(
    _slope("ReluGrad", "relu_grad", _plain(lambda g, x: np.where(x > 0, g, 0)), _masked("ReluGrad"), kinds.REAL),
    _slope("Relu6Grad", "relu6_grad", _plain(lambda g, x: np.where((x > 0) & (x < 6), g, 0)), _masked("Relu6Grad"), kinds.REAL),
    _slope("EluGrad", "elu_grad", _plain(lambda g, y: np.where(y < 0, (y + 1) * g, g)), _elu_grad_gradient,
           of="outputs"),
    _slope("SeluGrad", "selu_grad", _plain(lambda g, y: np.where(y < 0, g * (y + _SELU_SCALE_ALPHA), g * _SELU_SCALE)),
           _selu_grad_gradient, of="outputs"),
    _slope("SoftplusGrad", "softplus_grad", _plain(lambda g, x: g / (1 + np.exp(-x))), _softplus_grad_gradient),
    _slope("SoftsignGrad", "softsign_grad", _plain(lambda g, x: g / np.square(1 + np.abs(x))), None),
    _slope("LeakyReluGrad", "leaky_relu_grad", lambda node, g, x: np.where(x > 0, g, g * g.dtype.type(np.float32(node.attrs["alpha"]))),
           _masked("LeakyReluGrad"), attrs={"T": dtypes.float32, "alpha": 0.2}, params=_alpha),
)  # fmt: skip


def _function(name, type, text):
    def function(features, name=None):
        return apply_op(type, [features], name=name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{text}, element by element."
    return function


relu = _function("relu", "Relu", "The larger of x and 0")
relu6 = _function("relu6", "Relu6", "x cut to the range from 0 to 6")
elu = _function("elu", "Elu", "exp(x) - 1 below 0, x above")
selu = _function("selu", "Selu", "The scaled exponential linear unit (Klambauer et al. 2017)")
softplus = _function("softplus", "Softplus", "log(exp(x) + 1)")
softsign = _function("softsign", "Softsign", "x / (|x| + 1)")


def leaky_relu(features, alpha=0.2, name=None):
    """x above 0 and alpha x below, element by element."""
    with name_scope(name, "LeakyRelu", [features, alpha]) as scope:
        features = convert_to_tensor(features, name="features")
        if features.dtype.is_integer:
            from .cast import cast

            features = cast(features, dtypes.float32)
        if isinstance(alpha, (int, float, np.number, np.ndarray)):
            return apply_op("LeakyRelu", [features], {"alpha": float(alpha)}, name=scope)
        from .math import maximum

        return maximum(convert_to_tensor(alpha, name="alpha") * features, features, name=scope)


def crelu(features, name=None, axis=-1):
    """relu(x) and relu(-x), side by side along an axis."""
    from .array import concat

    with name_scope(name, "CRelu", [features]) as scope:
        features = convert_to_tensor(features, name="features")
        return relu(concat([features, -features], axis, name=scope))


def relu_layer(x, weights, biases, name=None):
    """relu(x weights + biases)."""
    from .linalg import matmul
    from .nn import bias_add

    with name_scope(name, "relu_layer", [x, weights, biases]) as scope:
        x, weights = convert_to_tensor(x, name="x"), convert_to_tensor(weights, name="weights")
        biases = convert_to_tensor(biases, name="biases")
        return relu(bias_add(matmul(x, weights), biases), name=scope)
