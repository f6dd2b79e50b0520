"""The points of a sweep in JAX, jitted whole steps with donated state.    python jax_points.py THREADS     (see points.py)"""

import os
import sys
from functools import partial

os.environ["JAX_PLATFORMS"] = "cpu"
if sys.argv[1] == "1":
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
import jax
import numpy as np
import optax
from jax import numpy as jnp
from points import floats, integers, serve


def weights(*shape):
    return jnp.asarray(floats(*shape) * 0.05)


def training(loss, parameters, optimizer, *data):
    @partial(jax.jit, donate_argnums=(0, 1))
    def one(parameters, state, *data):
        value, gradients = jax.value_and_grad(loss)(parameters, *data)
        updates, state = optimizer.update(gradients, state, parameters)
        return optax.apply_updates(parameters, updates), state, value

    kept = [parameters, optimizer.init(parameters)]

    def step():
        kept[0], kept[1], value = one(kept[0], kept[1], *data)
        value.block_until_ready()

    return step


def cross_entropy(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def linreg(batch, features):
    def loss(p, x, y):
        return jnp.mean((x @ p[0] + p[1] - y) ** 2)

    parameters = (weights(features, 1), jnp.zeros(1))
    return training(loss, parameters, optax.sgd(0.01), floats(batch, features), floats(batch, 1))


def mlp(batch, inputs, width, depth, optimizer):
    sizes = [inputs, *[width] * depth, 10]
    parameters = [(weights(sizes[i], sizes[i + 1]), jnp.zeros(sizes[i + 1])) for i in range(depth + 1)]

    def loss(parameters, x, y):
        for w, b in parameters[:-1]:
            x = jax.nn.relu(x @ w + b)
        return cross_entropy(x @ parameters[-1][0] + parameters[-1][1], y)

    return training(loss, parameters, optimizer, floats(batch, inputs), integers(10, batch))


def mlp_sgd(**parameters):
    return mlp(optimizer=optax.sgd(0.1), **parameters)


def mlp_adam(**parameters):
    return mlp(optimizer=optax.adam(1e-3), **parameters)


def convnet(batch, image, channels):
    side = -(-image // 4)  # two poolings halve it, rounding up
    n = 2 * channels * side * side
    parameters = {
        "w1": weights(5, 5, 1, channels), "b1": jnp.zeros(channels), "w2": weights(5, 5, channels, 2 * channels),
        "b2": jnp.zeros(2 * channels), "w3": weights(n, 512), "b3": jnp.zeros(512), "w4": weights(512, 10), "b4": jnp.zeros(10),
    }  # fmt: skip

    def layer(x, w, b):
        y = jax.nn.relu(
            jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")) + b
        )
        return jax.lax.reduce_window(y, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")

    def loss(p, x, y):
        h = layer(layer(x, p["w1"], p["b1"]), p["w2"], p["b2"]).reshape(batch, -1)
        return cross_entropy(jax.nn.relu(h @ p["w3"] + p["b3"]) @ p["w4"] + p["b4"], y)

    data = floats(batch, image, image, 1), integers(10, batch)
    return training(loss, parameters, optax.sgd(0.01, momentum=0.9), *data)


def lstm(batch, steps, width, words=65):
    parameters = {
        "table": weights(words, width), "w": weights(2 * width, 4 * width), "b": jnp.zeros(4 * width),
        "o": weights(width, words), "ob": jnp.zeros(words),
    }  # fmt: skip

    def loss(p, x, y):
        def cell(state, s):
            h, c = state
            i, j, f, o = jnp.split(jnp.concatenate([s, h], 1) @ p["w"] + p["b"], 4, 1)
            c = c * jax.nn.sigmoid(f + 1) + jax.nn.sigmoid(i) * jnp.tanh(j)
            h = jnp.tanh(c) * jax.nn.sigmoid(o)
            return (h, c), h

        nothing = jnp.zeros((batch, width))
        _, outputs = jax.lax.scan(cell, (nothing, nothing), jnp.swapaxes(p["table"][x], 0, 1))
        return cross_entropy(outputs @ p["o"] + p["ob"], y.T)

    optimizer = optax.chain(optax.clip_by_global_norm(5.0), optax.adam(1e-3))
    return training(loss, parameters, optimizer, integers(words, batch, steps), integers(words, batch, steps))


def skipgram(batch, width, negatives, words=50000):
    labels = np.zeros((batch, 1 + negatives), "f")
    labels[:, 0] = 1

    @partial(jax.jit, donate_argnums=(0, 1))
    def one(
        inside, outside, c, o
    ):  # rows updated by hand, as a JAX user must to avoid a dense update of the whole table
        def loss(v, u):
            return optax.sigmoid_binary_cross_entropy((v[:, None] * u).sum(2), labels).sum(1).mean()

        value, (of_v, of_u) = jax.value_and_grad(loss, (0, 1))(inside[c], outside[o])
        return inside.at[c].add(-0.1 * of_v), outside.at[o].add(-0.1 * of_u), value

    kept = [weights(words, width), weights(words, width)]
    c, o = integers(words, batch), integers(words, batch, 1 + negatives)

    def step():
        kept[0], kept[1], value = one(kept[0], kept[1], c, o)
        value.block_until_ready()

    return step


serve(
    {"linreg": linreg, "mlp_sgd": mlp_sgd, "mlp_adam": mlp_adam, "convnet": convnet, "lstm": lstm, "skipgram": skipgram}
)
