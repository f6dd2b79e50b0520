"""The benchmark cases in JAX, jitted whole steps with donated state.    python jax_cases.py [THREADS] [CASE ...]"""

import os
import sys
import time

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
only = sys.argv[2:]
os.environ["JAX_PLATFORMS"] = "cpu"
if threads == 1:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
t0 = time.perf_counter()
import jax

imported = time.perf_counter() - t0
from functools import partial

import jax.numpy as jnp
import numpy as np
import optax
from timing import report, timed

rng = np.random.default_rng(0)
f32 = lambda *s: rng.standard_normal(s).astype("f")
ints = lambda hi, *s: rng.integers(0, hi, s).astype("i")
V = lambda *s: jnp.asarray(f32(*s) * 0.05)


def trainer(loss, p, tx, *data, steps=None):
    s = tx.init(p)

    def one(p, s, *d):
        l, g = jax.value_and_grad(loss)(p, *d)
        u, s = tx.update(g, s, p)
        return optax.apply_updates(p, u), s, l

    st = jax.jit(one, donate_argnums=(0, 1))
    S = [p, s]

    def step():
        S[0], S[1], l = st(S[0], S[1], *data)
        l.block_until_ready()

    if steps:

        @partial(jax.jit, donate_argnums=(0, 1))
        def many(p, s, *d):
            return jax.lax.fori_loop(0, steps, lambda i, ps: one(ps[0], ps[1], *d)[:2], (p, s))

        def step():
            S[0], S[1] = many(S[0], S[1], *data)
            jax.block_until_ready(S[0])

    return step


def mlp_case(tx, n, b=64, sizes=(784, 128, 10)):
    def run():
        p = [(V(sizes[i], sizes[i + 1]), jnp.zeros(sizes[i + 1])) for i in range(len(sizes) - 1)]

        def loss(p, x, y):
            for w, c in p[:-1]:
                x = jax.nn.relu(x @ w + c)
            return optax.softmax_cross_entropy_with_integer_labels(x @ p[-1][0] + p[-1][1], y).mean()

        return timed(trainer(loss, p, tx, f32(b, sizes[0]), ints(sizes[-1], b)), n)

    return run


lin = lambda p, x, y: jnp.mean((x @ p[0] + p[1] - y) ** 2)


def linreg():
    return timed(trainer(lin, (V(10, 1), jnp.zeros(1)), optax.sgd(0.01), f32(32, 10), f32(32, 1)), 1000)


def linreg_loop():
    r = timed(trainer(lin, (V(10, 1), jnp.zeros(1)), optax.sgd(0.01), f32(32, 10), f32(32, 1), steps=1000), 10)
    return [v / 1000 for v in r]


def lenet():
    p = dict(
        w1=V(5, 5, 1, 32),
        b1=jnp.zeros(32),
        w2=V(5, 5, 32, 64),
        b2=jnp.zeros(64),
        w3=V(3136, 512),
        b3=jnp.zeros(512),
        w4=V(512, 10),
        b4=jnp.zeros(10),
    )

    def loss(p, x, y):
        conv = lambda x, w: jax.lax.conv_general_dilated(
            x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        pool = lambda x: jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")
        h = pool(jax.nn.relu(conv(x, p["w1"]) + p["b1"]))
        h = pool(jax.nn.relu(conv(h, p["w2"]) + p["b2"])).reshape(64, -1)
        h = jax.nn.relu(h @ p["w3"] + p["b3"]) @ p["w4"] + p["b4"]
        return optax.softmax_cross_entropy_with_integer_labels(h, y).mean()

    return timed(trainer(loss, p, optax.sgd(0.01, momentum=0.9), f32(64, 28, 28, 1), ints(10, 64)), 3, 5)


def lstm():
    n = 128
    p = dict(e=V(65, n), w=V(2 * n, 4 * n), b=jnp.zeros(4 * n), o=V(n, 65), ob=jnp.zeros(65))

    def loss(p, x, y):
        def cell(hc, s):
            h, c = hc
            i, j, f, o = jnp.split(jnp.concatenate([s, h], 1) @ p["w"] + p["b"], 4, 1)
            c = c * jax.nn.sigmoid(f + 1) + jax.nn.sigmoid(i) * jnp.tanh(j)
            h = jnp.tanh(c) * jax.nn.sigmoid(o)
            return (h, c), h

        z = jnp.zeros((50, n))
        _, hs = jax.lax.scan(cell, (z, z), jnp.swapaxes(p["e"][x], 0, 1))
        return optax.softmax_cross_entropy_with_integer_labels(hs @ p["o"] + p["ob"], y.T).mean()

    return timed(
        trainer(
            loss, p, optax.chain(optax.clip_by_global_norm(5.0), optax.adam(1e-3)), ints(65, 50, 25), ints(65, 50, 25)
        ),
        10,
    )


def skipgram():
    # sparse rows updated by hand, as a JAX user must to avoid a dense update of the whole table
    a, z = V(50000, 128), V(50000, 128)
    lab = np.zeros((128, 6), "f")
    lab[:, 0] = 1

    @partial(jax.jit, donate_argnums=(0, 1))
    def st(a, z, c, o):
        def loss(v, u):
            return optax.sigmoid_binary_cross_entropy((v[:, None] * u).sum(2), lab).sum(1).mean()

        l, (gv, gu) = jax.value_and_grad(loss, (0, 1))(a[c], z[o])
        return a.at[c].add(-0.1 * gv), z.at[o].add(-0.1 * gu), l

    S = [a, z]
    c, o = ints(50000, 128), ints(50000, 128, 6)

    def step():
        S[0], S[1], l = st(S[0], S[1], c, o)
        l.block_until_ready()

    return timed(step, 50)


CASES = dict(
    linreg=linreg,
    linreg_loop=linreg_loop,
    mlp64_sgd=mlp_case(optax.sgd(0.1), 300),
    mlp64_adam=mlp_case(optax.adam(1e-3), 300),
    mlp_wide=mlp_case(optax.sgd(0.1), 5, 256, (1024, 1024, 1024, 10)),
    rl_net=mlp_case(optax.adam(1e-3), 500, 64, (8, 64, 64, 4)),
    lenet64=lenet,
    lstm=lstm,
    skipgram=skipgram,
)
report(CASES, only, {"import_s": round(imported, 3)})
