"""Composites in JAX, compiled.    python composites_jax.py THREADS     (composites.py says how it is asked)"""

import os
import sys

THREADS = int(sys.argv[1])
os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if THREADS > 1 else 'false'}"
os.environ["JAX_PLATFORMS"] = "cpu"

import composites
import jax
import jax.numpy as jnp
import numpy as np


def normalized(x, axis):
    return (x - x.mean(axis, keepdims=True)) * jax.lax.rsqrt(x.var(axis, keepdims=True) + 1e-5)


def instance_norm(x):
    rows, columns = x.shape
    return normalized(x.reshape(rows // 4, 4 * columns // 16, 16), 1)


def softmax_by_hand(x):
    exponentials = jnp.exp(x - x.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def glu(x):
    left, right = jnp.split(x, 2, axis=1)
    return left * jax.nn.sigmoid(right)


def huber(x, y):
    error = jnp.abs(x - y)
    quadratic = jnp.minimum(error, 1.0)
    return (0.5 * quadratic**2 + (error - quadratic)).mean()


def focal(x, labels):
    loss = jnp.maximum(x, 0) - x * labels + jnp.log1p(jnp.exp(-jnp.abs(x)))
    p = jax.nn.sigmoid(x)
    right = labels * p + (1 - labels) * (1 - p)
    return (loss * (1 - right) ** 2).mean()


def l2(x):
    return x * jax.lax.rsqrt(jnp.maximum((x * x).sum(1, keepdims=True), 1e-12))


CASES = {
    "layer_norm": lambda x, g, b: normalized(x, 1) * g + b,
    "batch_norm": lambda x, g, b: normalized(x, 0) * g + b,
    "instance_norm": instance_norm,
    "rms_norm": lambda x, g: x * jax.lax.rsqrt((x * x).mean(1, keepdims=True) + 1e-6) * g,
    "l2_normalize": l2,
    "softmax_by_hand": softmax_by_hand,
    "softmax_temperature": lambda x: jax.nn.softmax(x / 1.7),
    "masked_softmax": lambda x, m: jax.nn.softmax(x * 0.125 + (1 - m) * -1e9),
    "logsumexp": lambda x: jax.nn.logsumexp(x, 1),
    "gelu_erf": lambda x: jax.nn.gelu(x, approximate=False),
    "gelu_tanh": lambda x: jax.nn.gelu(x),
    "swish": jax.nn.swish,
    "glu": glu,
    "mish": jax.nn.mish,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "prelu": lambda x, a: jnp.maximum(x, 0) + a * jnp.minimum(x, 0),
    "huber": huber,
    "focal": focal,
    "gaussian_kl": lambda m, v: -0.5 * (1 + v - m * m - jnp.exp(v)).sum(1).mean(),
    "cosine": lambda x, y: (l2(x) * l2(y)).sum(1),
    "clip_by_norm": lambda x: x * (composites.NORM / jnp.maximum(jnp.sqrt((x * x).sum()), composites.NORM)),
}


def step_of(case, gradient, rows, columns):
    function = CASES[case]
    inputs = [jnp.array(v) for v in composites.inputs_of(case, rows, columns)]
    if not gradient:
        compiled = jax.jit(function)
        return lambda: jax.block_until_ready(compiled(*inputs))
    places = composites.differentiable(case)
    shape = jax.eval_shape(function, *inputs).shape
    along = jnp.array(np.random.default_rng(1).standard_normal(shape).astype("f")) if shape else jnp.float32(1)

    @jax.jit
    def both(along, *inputs):
        def of_wanted(*wanted):
            every = list(inputs)
            for place, value in zip(places, wanted):
                every[place] = value
            return function(*every)

        y, back = jax.vjp(of_wanted, *(inputs[i] for i in places))
        return y, back(along)

    return lambda: jax.block_until_ready(both(along, *inputs))


if __name__ == "__main__":
    composites.serve(step_of)
