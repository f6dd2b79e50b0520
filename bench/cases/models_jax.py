"""The models of `bench/models.py` in JAX, whole steps compiled, their state donated.    python models_jax.py [THREADS] [MODEL ...]

Prints a JSON array a model: its name, the minimum and the median of the repeats in microseconds. The weights are others than there, the
shapes and the arithmetic the same; `word_vectors` is left out, as JAX has no sampler of candidates. One thread: `taskset -c 1`.
"""

import json
import os
import sys
import time

THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 1
os.environ["JAX_PLATFORMS"] = "cpu"
if THREADS == 1:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax, nn

RANDOM = np.random.RandomState(7)
IMAGES = ("NHWC", "HWIO", "NHWC")


def numbers(*shape):
    return RANDOM.standard_normal(shape).astype("f")


def ids(below, *shape):
    return RANDOM.randint(0, below, shape).astype("i")


class Weights:
    """Hands out weights in the order of their use: new ones the first time, those of `values` when a step is traced."""

    def __init__(self, values=None):
        self.values = [] if values is None else values
        self._is_new = values is None
        self._next = 0

    def __call__(self, *shape, scale=None):
        if self._is_new:
            if scale is None:
                scale = np.prod(shape[:-1]) ** -0.5 if len(shape) > 1 else 0
            self.values.append(jnp.asarray((numbers(*shape) * scale).astype("f")))
        self._next += 1
        return self.values[self._next - 1]

    def dense(self, x, before, behind, activation=None):
        y = x @ self(before, behind) + self(behind)
        return activation(y) if activation else y

    def conv(self, x, window, before, behind, stride=1, padding="SAME"):
        taps = self(window, window, before, behind)
        return lax.conv_general_dilated(x, taps, (stride, stride), padding, dimension_numbers=IMAGES) + self(behind)

    def normalized(self, x, channels):
        scale, shift = self(channels) + 1.0, self(channels)
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        return (x - mean) * (lax.rsqrt(variance + 1e-3) * scale) + shift


def classified(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


# Each model: the loss of its weights and data, the optimizer, the data.


def residual(batch=32, channels=16):
    def loss(w, x, y):
        h, before = nn.relu(w.normalized(w.conv(x, 3, 3, channels), channels)), channels
        for behind, stride in ((channels, 1), (2 * channels, 2), (4 * channels, 2)):
            a = nn.relu(w.normalized(w.conv(h, 3, before, behind, stride), behind))
            a = w.normalized(w.conv(a, 3, behind, behind), behind)
            h = nn.relu(a + (h if stride == 1 else w.conv(h, 1, before, behind, stride)))
            before = behind
        return classified(w.dense(h.mean((1, 2)), before, 10), y)

    return loss, optax.sgd(0.01, 0.9), (numbers(batch, 32, 32, 3), ids(10, batch))


def separable(batch=32, first_channels=32):
    def loss(w, x, y):
        channels = first_channels
        h = nn.relu6(w.normalized(w.conv(x, 3, 3, channels, 2), channels))
        for stride in (1, 2, 1):
            taps = w(3, 3, 1, channels, scale=0.3)
            strides = (stride, stride)
            h = lax.conv_general_dilated(
                h, taps, strides, "SAME", dimension_numbers=IMAGES, feature_group_count=channels
            )
            h = nn.relu6(w.normalized(h, channels))
            h = nn.relu6(w.normalized(w.conv(h, 1, channels, 2 * channels), 2 * channels))
            channels *= 2
        return classified(w.dense(h.mean((1, 2)), channels, 10), y)

    return loss, optax.rmsprop(0.001), (numbers(batch, 32, 32, 3), ids(10, batch))


def convnet_3x3(batch=16):
    key = jax.random.PRNGKey(3)

    def loss(w, x, y):
        h, before = x, 3
        for behind in (32, 64, 128):
            h = nn.relu(w.conv(nn.relu(w.conv(h, 3, before, behind)), 3, behind, behind))
            h = lax.reduce_window(h, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")
            before = behind
        h = w.dense(h.reshape(batch, 2048), 2048, 256, nn.relu)
        h = jnp.where(jax.random.bernoulli(key, 0.5, h.shape), h * 2, 0)
        return classified(w.dense(h, 256, 10), y)

    return loss, optax.adam(1e-3), (numbers(batch, 32, 32, 3), ids(10, batch))


def text_convnet(batch=32, words=50, size=64):
    def loss(w, x, y):
        text, found = w(5000, size, scale=0.1)[x], []
        for window in (3, 4, 5):
            taps = w(window, size, 64)
            h = lax.conv_general_dilated(text, taps, (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC"))
            found.append(nn.relu(h + w(64)).max(1))
        return classified(w.dense(jnp.concatenate(found, 1), 192, 2), y)

    return loss, optax.adam(1e-3), (ids(5000, batch, words), ids(2, batch))


def recurrent_loop(batch=32, steps=20, size=64, inputs=32):
    def loss(w, x, y):
        gates, gate_bias = w(inputs + size, 2 * size), w(2 * size)
        new, new_bias = w(inputs + size, size), w(size)

        def step(h, row):
            r, u = jnp.split(nn.sigmoid(jnp.concatenate([row, h], 1) @ gates + gate_bias), 2, 1)
            c = jnp.tanh(jnp.concatenate([row, r * h], 1) @ new + new_bias)
            return u * h + (1 - u) * c, None

        h, _ = lax.scan(step, jnp.zeros((batch, size)), x)
        return ((w.dense(h, size, 1) - y) ** 2).mean()

    return loss, optax.adam(1e-3), (numbers(steps, batch, inputs), numbers(batch, 1))


def attention(batch=16, words=32, size=64, heads=4):
    def loss(w, x, y):
        table = w(500, size, scale=0.05)

        def normalized(z):
            mean, variance = z.mean(-1, keepdims=True), z.var(-1, keepdims=True)
            return (z - mean) * lax.rsqrt(variance + 1e-6) * (w(size) + 1.0) + w(size)

        def parted(z):
            return (z @ w(size, size)).reshape(batch, words, heads, size // heads).transpose(0, 2, 1, 3)

        h = table[x].reshape(batch * words, size)
        for _ in range(2):
            q, k, v = parted(h), parted(h), parted(h)
            weights = nn.softmax(q @ k.transpose(0, 1, 3, 2) * (size / heads) ** -0.5)
            seen = (weights @ v).transpose(0, 2, 1, 3).reshape(batch * words, size)
            h = normalized(h + seen @ w(size, size))
            h = normalized(h + w.dense(w.dense(h, size, 4 * size, nn.relu), 4 * size, size))
        return classified(h @ table.T, y.reshape(-1))

    return loss, optax.adam(1e-3), (ids(500, batch, words), ids(500, batch, words))


def clicks(batch=128, fields=20, vocabulary=20000, size=8):
    def loss(w, x, y):
        e = w(vocabulary, size, scale=0.01)[x]
        linear = w(vocabulary, 1, scale=0.01)[x].sum(1)
        pairs = e.sum(1) ** 2 - (e**2).sum(1)
        h = w.dense(e.reshape(batch, fields * size), fields * size, 64, nn.relu)
        h = w.dense(w.dense(h, 64, 32, nn.relu), 32, 1)
        return optax.sigmoid_binary_cross_entropy(linear + 0.5 * pairs.sum(1, keepdims=True) + h, y).mean()

    return loss, optax.adagrad(0.05), (ids(vocabulary, batch, fields), (numbers(batch, 1) > 0).astype("f"))


def large_table(batch=256, vocabulary=100000, size=32):
    def loss(w, x, y):
        return ((w.dense(w(vocabulary, size, scale=0.1)[x], size, 1) - y) ** 2).mean()

    return loss, optax.adam(1e-3), (ids(vocabulary, batch), numbers(batch, 1))


def graph_net(nodes=2000, edges=8000, first_size=64):
    def loss(w, h, source, target, y):
        size = first_size
        for behind, activation in ((32, nn.relu), (7, lambda z: z)):
            h = h @ w(size, behind)
            h = activation(jax.ops.segment_sum(h[source], target, nodes) + h)
            size = behind
        return classified(h, y)

    data = (numbers(nodes, first_size), ids(nodes, edges), ids(nodes, edges), ids(7, nodes))
    return loss, optax.adam(0.01), data


def variational(batch=100, hidden=20):
    key = jax.random.PRNGKey(1)

    def loss(w, x):
        h = w.dense(x, 784, 256, nn.softplus)
        mean, spread = w.dense(h, 256, hidden), w.dense(h, 256, hidden)
        z = mean + jax.random.normal(key, (batch, hidden)) * jnp.exp(0.5 * spread)
        logits = w.dense(w.dense(z, hidden, 256, nn.softplus), 256, 784)
        image = optax.sigmoid_binary_cross_entropy(logits, x).sum(1)
        return (image - 0.5 * (1 + spread - mean**2 - jnp.exp(spread)).sum(1)).mean()

    return loss, optax.adam(1e-3), (RANDOM.rand(batch, 784).astype("f"),)


def critic(batch=64, size=128):
    def loss(w, x, z):
        layers = [(w(a, b), w(b)) for a, b in ((size, 128), (128, 128), (128, 1))]

        def judged(h):
            for i, (weight, bias) in enumerate(layers):
                h = h @ weight + bias
                h = nn.leaky_relu(h, 0.2) if i < 2 else h
            return h

        slope = jax.grad(lambda between: judged(between).sum())(x * 0.3 + z * 0.7)
        length = jnp.sqrt((slope**2).sum(1) + 1e-12)
        return judged(z).mean() - judged(x).mean() + 10 * ((length - 1) ** 2).mean()

    return loss, optax.adam(1e-4, 0.5, 0.9), (numbers(batch, size), numbers(batch, size))


def game_player(batch=32):
    def loss(w, x, action, wanted):
        h = nn.relu(w.conv(x.astype(jnp.float32) / 255.0, 8, 4, 32, 4, "VALID"))
        h = nn.relu(w.conv(h, 4, 32, 64, 2, "VALID"))
        h = nn.relu(w.conv(h, 3, 64, 64, 1, "VALID"))
        values = w.dense(w.dense(h.reshape(batch, 3136), 3136, 512, nn.relu), 512, 6)
        return optax.huber_loss((values * nn.one_hot(action, 6)).sum(1), wanted).mean()

    screens = RANDOM.randint(0, 255, (batch, 84, 84, 4)).astype("uint8")
    return loss, optax.rmsprop(2.5e-4, 0.95, 0.01, momentum=0.95), (screens, ids(6, batch), numbers(batch))


def policy(batch=64, seen=24, actions=4):
    def loss(w, x, a, better, wanted, before):
        def net(outputs):
            return w.dense(w.dense(w.dense(x, seen, 64, jnp.tanh), 64, 64, jnp.tanh), 64, outputs)

        mean, spread, value = net(actions), w(actions), net(1)[:, 0]
        chance = -0.5 * (((a - mean) / jnp.exp(spread)) ** 2).sum(1) - spread.sum()
        ratio = jnp.exp(chance - 0.5 * actions * float(np.log(2 * np.pi)) - before)
        gain = jnp.minimum(ratio * better, jnp.clip(ratio, 0.8, 1.2) * better)
        return -gain.mean() + 0.5 * ((value - wanted) ** 2).mean() - 0.01 * spread.sum()

    data = (numbers(batch, seen), numbers(batch, actions), numbers(batch), numbers(batch))
    return loss, optax.chain(optax.clip_by_global_norm(0.5), optax.adam(3e-4)), (*data, numbers(batch) * 0.1 - 6)


def gaussian_process(points=200):
    def loss(w, x, y):
        distance = ((x[:, None] - x[None]) ** 2).sum(2)
        factor = jnp.linalg.cholesky(jnp.exp(-0.5 * distance / jnp.exp(w(1)) ** 2) + 0.1 * jnp.eye(points))
        fit = 0.5 * (y * jax.scipy.linalg.cho_solve((factor, True), y)).sum()
        return fit + jnp.log(jnp.diag(factor)).sum()

    return loss, optax.adam(0.01), (numbers(points, 2), numbers(points, 1))


def trained(loss, optimizer, data):
    """A function that makes one step."""
    weights = Weights()
    loss(weights, *map(jnp.asarray, data))

    def one(values, slots, *data):
        gradients = jax.grad(lambda values: loss(Weights(values), *data))(values)
        updates, slots = optimizer.update(gradients, slots, values)
        return optax.apply_updates(values, updates), slots

    compiled = jax.jit(one, donate_argnums=(0, 1))
    state = [weights.values, optimizer.init(weights.values)]

    def step():
        state[:] = compiled(*state, *data)
        jax.block_until_ready(state[0])

    return step


def clusters(points=5000, size=16, count=25):
    """The step itself: nothing is trained."""
    x, ones = jnp.asarray(numbers(points, size)), jnp.ones((points, 1))

    def one(centers):
        nearest = ((x[:, None] - centers[None]) ** 2).sum(2).argmin(1)
        members = jax.ops.segment_sum(ones, nearest, count)
        return jax.ops.segment_sum(x, nearest, count) / jnp.maximum(members, 1.0)

    compiled, state = jax.jit(one, donate_argnums=0), [jnp.asarray(numbers(count, size))]

    def step():
        state[0] = compiled(state[0])
        state[0].block_until_ready()

    return step


MODELS = (
    residual, separable, convnet_3x3, text_convnet, recurrent_loop, attention, clicks, large_table, graph_net, variational, critic,
    game_player, policy, gaussian_process, clusters,
)  # fmt: skip


def measure(step, repeats=5):
    """[minimum, median] in microseconds per step, as `bench/models.py` measures."""
    for _ in range(3):
        step()
    begin = time.perf_counter()
    step()
    steps = max(3, min(2000, int(0.15 / (time.perf_counter() - begin))))
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        for _ in range(steps):
            step()
        times.append((time.perf_counter() - begin) / steps * 1e6)
    return round(min(times), 1), round(sorted(times)[repeats // 2], 1)


if __name__ == "__main__":
    for build in MODELS:
        if build.__name__ in (sys.argv[2:] or [build.__name__]):
            made = build()
            print(json.dumps([build.__name__, *measure(made if callable(made) else trained(*made))]), flush=True)
