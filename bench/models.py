"""Small models of many kinds as one TF1 program, for hookloop or TensorFlow: microseconds per step, and the losses.

    python bench/models.py BACKEND [THREADS] [MODEL ...]       BACKEND: tf | hookloop

Prints a JSON array a model: its name, the minimum and the median of the repeats, the losses of the first five steps. They are those
of the other backend to six digits, but where random numbers differ between versions (`word_vectors`), or where a product is made with
fewer multiplications and Adam enlarges the last digits (`convnet_3x3`). One thread: `taskset -c 1 python bench/models.py hookloop 1`.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if __name__ == "__main__" and sys.argv[1:2] not in (["tf"], ["hookloop"]):
    sys.exit(__doc__)
if __name__ == "__main__" and sys.argv[1] == "tf":
    import tensorflow

    tf = tensorflow.compat.v1
    tf.disable_v2_behavior()
else:
    tf = importlib.import_module("hookloop")


class Model:
    """What a model is built from: weights, and inputs with their values.

    Attributes:
      feed: placeholder -> value.
    """

    def __init__(self):
        self.feed = {}
        self._random = np.random.RandomState(7)
        self._count = 0

    def numbers(self, *shape):
        return self._random.standard_normal(shape).astype("f")

    def screens(self, *shape):
        """Bytes, as of pictures."""
        return self.input(self._random.randint(0, 255, shape).astype("uint8"))

    def input(self, value):
        holder = tf.placeholder(value.dtype, value.shape)
        self.feed[holder] = value
        return holder

    def ids(self, below, *shape):
        return self.input(self._random.randint(0, below, shape).astype("i"))

    def weight(self, *shape, scale=None):
        """A variable of normal numbers, divided by the root of how many of them a result takes; zeros where there is one axis."""
        self._count += 1
        if scale is None:
            scale = np.prod(shape[:-1]) ** -0.5 if len(shape) > 1 else 0
        value = (self.numbers(*shape) * scale).astype("f")
        return tf.get_variable(f"weight_{self._count}", initializer=value)

    def dense(self, x, before, behind, activation=None):
        y = tf.matmul(x, self.weight(before, behind)) + self.weight(behind)
        return activation(y) if activation else y

    def conv(self, x, window, before, behind, stride=1, padding="SAME"):
        y = tf.nn.conv2d(x, self.weight(window, window, before, behind), [1, stride, stride, 1], padding)
        return tf.nn.bias_add(y, self.weight(behind))

    def normalized(self, x, channels):
        return tf.nn.fused_batch_norm(x, self.weight(channels) + 1.0, self.weight(channels), is_training=True)[0]


def classified(logits, labels):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


def residual(m, batch=32, channels=16):
    """Three residual blocks with batch normalization over 32x32 images."""
    x, y = m.input(m.numbers(batch, 32, 32, 3)), m.ids(10, batch)
    h = tf.nn.relu(m.normalized(m.conv(x, 3, 3, channels), channels))
    before = channels
    for behind, stride in ((channels, 1), (2 * channels, 2), (4 * channels, 2)):
        a = tf.nn.relu(m.normalized(m.conv(h, 3, before, behind, stride), behind))
        a = m.normalized(m.conv(a, 3, behind, behind), behind)
        h = tf.nn.relu(a + (h if stride == 1 else m.conv(h, 1, before, behind, stride)))
        before = behind
    loss = classified(m.dense(tf.reduce_mean(h, [1, 2]), before, 10), y)
    return loss, tf.train.MomentumOptimizer(0.01, 0.9).minimize(loss)


def separable(m, batch=32, channels=32):
    """Depthwise and pointwise convolutions, as in nets for telephones."""
    x, y = m.input(m.numbers(batch, 32, 32, 3)), m.ids(10, batch)
    h = tf.nn.relu6(m.normalized(m.conv(x, 3, 3, channels, 2), channels))
    for stride in (1, 2, 1):
        h = tf.nn.depthwise_conv2d(h, m.weight(3, 3, channels, 1, scale=0.3), [1, stride, stride, 1], "SAME")
        h = tf.nn.relu6(m.normalized(h, channels))
        h = tf.nn.relu6(m.normalized(m.conv(h, 1, channels, 2 * channels), 2 * channels))
        channels *= 2
    loss = classified(m.dense(tf.reduce_mean(h, [1, 2]), channels, 10), y)
    return loss, tf.train.RMSPropOptimizer(0.001).minimize(loss)


def convnet_3x3(m, batch=16):
    """Pairs of 3x3 convolutions, pools, dropout."""
    x, y = m.input(m.numbers(batch, 32, 32, 3)), m.ids(10, batch)
    h, before = x, 3
    for behind in (32, 64, 128):
        h = tf.nn.relu(m.conv(tf.nn.relu(m.conv(h, 3, before, behind)), 3, behind, behind))
        h = tf.nn.max_pool(h, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
        before = behind
    h = tf.nn.dropout(m.dense(tf.reshape(h, [batch, 2048]), 2048, 256, tf.nn.relu), 0.5, seed=3)
    loss = classified(m.dense(h, 256, 10), y)
    return loss, tf.train.AdamOptimizer().minimize(loss)


def text_convnet(m, batch=32, words=50, size=64):
    """Filters over three to five whole words of a text, and the largest of each."""
    x, y = m.ids(5000, batch, words), m.ids(2, batch)
    text = tf.expand_dims(tf.nn.embedding_lookup(m.weight(5000, size, scale=0.1), x), -1)
    found = []
    for window in (3, 4, 5):
        h = tf.nn.conv2d(text, m.weight(window, size, 1, 64), [1, 1, 1, 1], "VALID")
        h = tf.nn.relu(tf.nn.bias_add(h, m.weight(64)))
        found.append(tf.nn.max_pool(h, [1, words - window + 1, 1, 1], [1, 1, 1, 1], "VALID"))
    loss = classified(m.dense(tf.reshape(tf.concat(found, 3), [batch, 192]), 192, 2), y)
    return loss, tf.train.AdamOptimizer().minimize(loss)


def recurrent_loop(m, batch=32, steps=20, size=64, inputs=32):
    """A gated recurrent cell in a `while_loop`, with its gradient."""
    x, y = m.input(m.numbers(steps, batch, inputs)), m.input(m.numbers(batch, 1))
    gates, gate_bias = m.weight(inputs + size, 2 * size), m.weight(2 * size)
    new, new_bias = m.weight(inputs + size, size), m.weight(size)
    rows = tf.TensorArray(tf.float32, steps).unstack(x)

    def step(i, h):
        row = rows.read(i)
        r, u = tf.split(tf.sigmoid(tf.matmul(tf.concat([row, h], 1), gates) + gate_bias), 2, 1)
        c = tf.tanh(tf.matmul(tf.concat([row, r * h], 1), new) + new_bias)
        return i + 1, u * h + (1 - u) * c

    _, h = tf.while_loop(lambda i, h: i < steps, step, [tf.constant(0), tf.zeros([batch, size])])
    loss = tf.reduce_mean(tf.square(m.dense(h, size, 1) - y))
    return loss, tf.train.AdamOptimizer().minimize(loss)


def attention(m, batch=16, words=32, size=64, heads=4):
    """Two blocks of self-attention that predict words."""
    x, y = m.ids(500, batch, words), m.ids(500, batch, words)
    table = m.weight(500, size, scale=0.05)

    def normalized(z):
        mean, variance = tf.nn.moments(z, [-1], keep_dims=True)
        return (z - mean) * tf.rsqrt(variance + 1e-6) * (m.weight(size) + 1.0) + m.weight(size)

    def parted(z):
        parts = tf.reshape(tf.matmul(z, m.weight(size, size)), [batch, words, heads, size // heads])
        return tf.transpose(parts, [0, 2, 1, 3])

    h = tf.reshape(tf.nn.embedding_lookup(table, x), [batch * words, size])
    for _ in range(2):
        q, k, v = parted(h), parted(h), parted(h)
        weights = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * (size / heads) ** -0.5)
        seen = tf.reshape(tf.transpose(tf.matmul(weights, v), [0, 2, 1, 3]), [batch * words, size])
        h = normalized(h + tf.matmul(seen, m.weight(size, size)))
        h = normalized(h + m.dense(m.dense(h, size, 4 * size, tf.nn.relu), 4 * size, size))
    loss = classified(tf.matmul(h, table, transpose_b=True), tf.reshape(y, [batch * words]))
    return loss, tf.train.AdamOptimizer().minimize(loss)


def clicks(m, batch=128, fields=20, vocabulary=20000, size=8):
    """A factorization machine beside a net over the same embeddings."""
    x, y = m.ids(vocabulary, batch, fields), m.input((m.numbers(batch, 1) > 0).astype("f"))
    e = tf.nn.embedding_lookup(m.weight(vocabulary, size, scale=0.01), x)
    linear = tf.reduce_sum(tf.nn.embedding_lookup(m.weight(vocabulary, 1, scale=0.01), x), 1)
    pairs = tf.square(tf.reduce_sum(e, 1)) - tf.reduce_sum(tf.square(e), 1)
    h = m.dense(tf.reshape(e, [batch, fields * size]), fields * size, 64, tf.nn.relu)
    h = m.dense(m.dense(h, 64, 32, tf.nn.relu), 32, 1)
    logits = linear + 0.5 * tf.reduce_sum(pairs, 1, keep_dims=True) + h
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits))
    return loss, tf.train.AdagradOptimizer(0.05).minimize(loss)


def large_table(m, batch=256, vocabulary=100000, size=32):
    """Adam on an embedding: its slots decay in every row."""
    x, y = m.ids(vocabulary, batch), m.input(m.numbers(batch, 1))
    e = tf.nn.embedding_lookup(m.weight(vocabulary, size, scale=0.1), x)
    loss = tf.reduce_mean(tf.square(m.dense(e, size, 1) - y))
    return loss, tf.train.AdamOptimizer().minimize(loss)


def word_vectors(m, batch=128, vocabulary=10000, size=64):
    """Noise-contrastive estimation with sampled words."""
    x, y = m.ids(vocabulary, batch), m.ids(vocabulary, batch, 1)
    e = tf.nn.embedding_lookup(m.weight(vocabulary, size, scale=0.1), x)
    loss = tf.reduce_mean(
        tf.nn.nce_loss(m.weight(vocabulary, size, scale=0.1), m.weight(vocabulary), y, e, 64, vocabulary)
    )
    return loss, tf.train.GradientDescentOptimizer(1.0).minimize(loss)


def graph_net(m, nodes=2000, edges=8000, size=64):
    """Two layers that sum over the neighbours of each node."""
    h, source, target = m.input(m.numbers(nodes, size)), m.ids(nodes, edges), m.ids(nodes, edges)
    y = m.ids(7, nodes)
    for behind, activation in ((32, tf.nn.relu), (7, tf.identity)):
        h = tf.matmul(h, m.weight(size, behind))
        h = activation(tf.unsorted_segment_sum(tf.gather(h, source), target, nodes) + h)
        size = behind
    loss = classified(h, y)
    return loss, tf.train.AdamOptimizer(0.01).minimize(loss)


def variational(m, batch=100, hidden=20):
    """A variational autoencoder of flat images."""
    x = m.input(np.random.RandomState(1).rand(batch, 784).astype("f"))
    h = m.dense(x, 784, 256, tf.nn.softplus)
    mean, spread = m.dense(h, 256, hidden), m.dense(h, 256, hidden)
    z = mean + tf.random_normal([batch, hidden], seed=1) * tf.exp(0.5 * spread)
    logits = m.dense(m.dense(z, hidden, 256, tf.nn.softplus), 256, 784)
    image = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits), 1)
    code = -0.5 * tf.reduce_sum(1 + spread - tf.square(mean) - tf.exp(spread), 1)
    loss = tf.reduce_mean(image + code)
    return loss, tf.train.AdamOptimizer().minimize(loss)


def critic(m, batch=64, size=128):
    """A critic whose slope is held near 1: gradients of gradients."""
    x, z = m.input(m.numbers(batch, size)), m.input(m.numbers(batch, size))
    layers = [(m.weight(a, b), m.weight(b)) for a, b in ((size, 128), (128, 128), (128, 1))]

    def judged(h):
        for i, (weight, bias) in enumerate(layers):
            h = tf.matmul(h, weight) + bias
            h = tf.nn.leaky_relu(h) if i < 2 else h
        return h

    between = x * 0.3 + z * 0.7
    (slope,) = tf.gradients(judged(between), between)
    length = tf.sqrt(tf.reduce_sum(tf.square(slope), 1) + 1e-12)
    loss = tf.reduce_mean(judged(z)) - tf.reduce_mean(judged(x)) + 10 * tf.reduce_mean(tf.square(length - 1))
    return loss, tf.train.AdamOptimizer(1e-4, 0.5, 0.9).minimize(loss)


def game_player(m, batch=32):
    """Values of actions from screens of 84x84."""
    x = m.screens(batch, 84, 84, 4)
    action, wanted = m.ids(6, batch), m.input(m.numbers(batch))
    h = tf.nn.relu(m.conv(tf.cast(x, tf.float32) / 255.0, 8, 4, 32, 4, "VALID"))
    h = tf.nn.relu(m.conv(h, 4, 32, 64, 2, "VALID"))
    h = tf.nn.relu(m.conv(h, 3, 64, 64, 1, "VALID"))
    values = m.dense(m.dense(tf.reshape(h, [batch, 3136]), 3136, 512, tf.nn.relu), 512, 6)
    off = tf.reduce_sum(values * tf.one_hot(action, 6), 1) - wanted
    loss = tf.reduce_mean(tf.where(tf.abs(off) < 1.0, 0.5 * tf.square(off), tf.abs(off) - 0.5))
    return loss, tf.train.RMSPropOptimizer(2.5e-4, 0.95, 0.95, 0.01).minimize(loss)


def policy(m, batch=64, seen=24, actions=4):
    """A clipped policy gradient with its value net, gradients clipped by their common norm."""
    x, a = m.input(m.numbers(batch, seen)), m.input(m.numbers(batch, actions))
    better, wanted = m.input(m.numbers(batch)), m.input(m.numbers(batch))
    before = m.input(m.numbers(batch) * np.float32(0.1) - 6)

    def net(outputs):
        return m.dense(m.dense(m.dense(x, seen, 64, tf.tanh), 64, 64, tf.tanh), 64, outputs)

    mean, spread, value = net(actions), m.weight(actions), tf.squeeze(net(1), 1)
    chance = -0.5 * tf.reduce_sum(tf.square((a - mean) / tf.exp(spread)), 1) - tf.reduce_sum(spread)
    ratio = tf.exp(chance - 0.5 * actions * float(np.log(2 * np.pi)) - before)
    gain = tf.minimum(ratio * better, tf.clip_by_value(ratio, 0.8, 1.2) * better)
    loss = -tf.reduce_mean(gain) + 0.5 * tf.reduce_mean(tf.square(value - wanted)) - 0.01 * tf.reduce_sum(spread)
    optimizer = tf.train.AdamOptimizer(3e-4)
    gradients, variables = zip(*optimizer.compute_gradients(loss))
    clipped, _ = tf.clip_by_global_norm(gradients, 0.5)
    return loss, optimizer.apply_gradients(list(zip(clipped, variables)))


def gaussian_process(m, points=200):
    """The likelihood of 200 points under a Gaussian process: Cholesky's factor, two solutions, their gradients."""
    x, y = m.input(m.numbers(points, 2)), m.input(m.numbers(points, 1))
    length = tf.exp(m.weight(1))
    distance = tf.reduce_sum(tf.square(tf.expand_dims(x, 1) - tf.expand_dims(x, 0)), 2)
    factor = tf.cholesky(tf.exp(-0.5 * distance / tf.square(length)) + 0.1 * tf.eye(points))
    fit = 0.5 * tf.reduce_sum(y * tf.cholesky_solve(factor, y))
    loss = fit + tf.reduce_sum(tf.log(tf.matrix_diag_part(factor)))
    return loss, tf.train.AdamOptimizer(0.01).minimize(loss)


def clusters(m, points=5000, size=16, count=25):
    """A step of k-means, by hand."""
    x, centers = m.input(m.numbers(points, size)), m.weight(count, size, scale=1.0)
    distance = tf.reduce_sum(tf.square(tf.expand_dims(x, 1) - tf.expand_dims(centers, 0)), 2)
    nearest = tf.argmin(distance, 1)
    sums = tf.unsorted_segment_sum(x, nearest, count)
    members = tf.unsorted_segment_sum(tf.ones([points, 1]), nearest, count)
    return tf.reduce_mean(tf.reduce_min(distance, 1)), tf.assign(centers, sums / tf.maximum(members, 1.0)).op


MODELS = (
    residual, separable, convnet_3x3, text_convnet, recurrent_loop, attention, clicks, large_table, word_vectors, graph_net,
    variational, critic, game_player, policy, gaussian_process, clusters,
)  # fmt: skip


def measure(build, threads, repeats=5):
    """[minimum, median] in microseconds per step, and the losses of the first five steps."""
    config = tf.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
    with tf.Graph().as_default():
        tf.set_random_seed(5)
        model = Model()
        loss, train = build(model)
        with tf.Session(config=config) as session:
            session.run(tf.global_variables_initializer())
            losses = [float(session.run([loss, train], model.feed)[0]) for _ in range(5)]
            begin = time.perf_counter()
            session.run(train, model.feed)
            steps = max(3, min(2000, int(0.15 / (time.perf_counter() - begin))))
            times = []
            for _ in range(repeats):
                begin = time.perf_counter()
                for _ in range(steps):
                    session.run(train, model.feed)
                times.append((time.perf_counter() - begin) / steps * 1e6)
    return round(min(times), 1), round(sorted(times)[repeats // 2], 1), losses


def main():
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    tf.logging.set_verbosity(tf.logging.ERROR)
    for build in MODELS:
        if build.__name__ in (sys.argv[3:] or [build.__name__]):
            print(json.dumps([build.__name__, *measure(build, threads)]), flush=True)


if __name__ == "__main__":
    main()
