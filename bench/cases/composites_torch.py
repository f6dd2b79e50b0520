"""Composites in PyTorch, eager.    python composites_torch.py THREADS [fused]     (composites.py says how it is asked)

With `fused` those that PyTorch has a function for are that function; others are an error.
"""

import math
import sys

import composites
import torch
from torch.nn import functional

torch.set_num_threads(int(sys.argv[1]))
FUSED = "fused" in sys.argv[2:]


def normalized(x, axis):
    variance, mean = torch.var_mean(x, axis, correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + 1e-5)


def instance_norm(x):
    rows, columns = x.shape
    return normalized(x.reshape(rows // 4, 4 * columns // 16, 16), 1)


def fused_instance_norm(x):
    rows, columns = x.shape
    return functional.instance_norm(x.reshape(rows // 4, 16, 4 * columns // 16))


def softmax_by_hand(x):
    exponentials = torch.exp(x - x.amax(1, keepdim=True))
    return exponentials / exponentials.sum(1, keepdim=True)


def glu(x):
    left, right = x.chunk(2, 1)
    return left * torch.sigmoid(right)


def huber(x, y):
    error = (x - y).abs()
    quadratic = error.clamp(max=1.0)
    return (0.5 * quadratic * quadratic + (error - quadratic)).mean()


def focal(x, labels):
    loss = functional.binary_cross_entropy_with_logits(x, labels, reduction="none")
    p = torch.sigmoid(x)
    right = labels * p + (1 - labels) * (1 - p)
    return (loss * (1 - right).square()).mean()


def l2(x):
    return x * torch.rsqrt(x.square().sum(1, keepdim=True).clamp(min=1e-12))


EAGER = {
    "layer_norm": lambda x, g, b: normalized(x, 1) * g + b,
    "batch_norm": lambda x, g, b: normalized(x, 0) * g + b,
    "instance_norm": instance_norm,
    "rms_norm": lambda x, g: x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-6) * g,
    "l2_normalize": l2,
    "softmax_by_hand": softmax_by_hand,
    "softmax_temperature": lambda x: torch.softmax(x / 1.7, 1),
    "masked_softmax": lambda x, m: torch.softmax(x * 0.125 + (1 - m) * -1e9, 1),
    "logsumexp": lambda x: torch.log(torch.exp(x - x.amax(1, keepdim=True)).sum(1)) + x.amax(1),
    "gelu_erf": lambda x: 0.5 * x * (1 + torch.erf(x / math.sqrt(2))),
    "gelu_tanh": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "swish": lambda x: x * torch.sigmoid(x),
    "glu": glu,
    "mish": lambda x: x * torch.tanh(functional.softplus(x)),
    "prelu": lambda x, a: x.clamp(min=0) + a * x.clamp(max=0),
    "huber": huber,
    "focal": focal,
    "gaussian_kl": lambda m, v: -0.5 * (1 + v - m.square() - v.exp()).sum(1).mean(),
    "cosine": lambda x, y: (l2(x) * l2(y)).sum(1),
    "clip_by_norm": lambda x: x * (composites.NORM / x.square().sum().sqrt().clamp(min=composites.NORM)),
}
LAYERS = {
    "layer_norm": lambda x, g, b: functional.layer_norm(x, g.shape, g, b),
    "batch_norm": lambda x, g, b: functional.batch_norm(x, None, None, g, b, training=True),
    "instance_norm": fused_instance_norm,
    "rms_norm": lambda x, g: functional.rms_norm(x, g.shape, g, 1e-6),
    "l2_normalize": lambda x: functional.normalize(x, dim=1),
    "softmax_by_hand": lambda x: functional.softmax(x, 1),
    "logsumexp": lambda x: torch.logsumexp(x, 1),
    "gelu_erf": lambda x: functional.gelu(x),
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "swish": functional.silu,
    "glu": lambda x: functional.glu(x, 1),
    "mish": functional.mish,
    "elu": functional.elu,
    "selu": functional.selu,
    "prelu": functional.prelu,
    "dropout": lambda x: functional.dropout(x, 0.1),
    "huber": lambda x, y: functional.smooth_l1_loss(x, y),
    "cosine": lambda x, y: functional.cosine_similarity(x, y, dim=1),
}


def step_of(case, gradient, rows, columns):
    function = (LAYERS if FUSED else EAGER)[case]
    inputs = [torch.tensor(v) for v in composites.inputs_of(case, rows, columns)]
    if not gradient:

        def forward():
            with torch.inference_mode():
                return function(*inputs)

        return forward
    wanted = [inputs[i].requires_grad_() for i in composites.differentiable(case)]
    y = function(*inputs)
    along = torch.randn(y.shape) if y.shape else None

    def step():
        y = function(*inputs)
        return y, torch.autograd.grad(y, wanted, along)

    return step


if __name__ == "__main__":
    composites.serve(step_of)
