"""The activation `swish`, whose gradient computes the sigmoid once more instead of keeping it."""

from __future__ import annotations

from .custom_gradient import custom_gradient
from .graph.scopes import control_dependencies
from .ops.build import convert_to_tensor
from .ops.math_unary import sigmoid

__all__ = ["swish"]


@custom_gradient
def swish(features):
    """x times sigmoid(x), element by element."""
    features = convert_to_tensor(features, name="features")

    def gradient(grad):
        # The second sigmoid waits for the gradient to arrive: until then nothing of it takes memory.
        with control_dependencies([grad]):
            gate = sigmoid(features)
        slope = gate * (1.0 + features * (1.0 - gate))
        return grad * slope

    return features * sigmoid(features), gradient
