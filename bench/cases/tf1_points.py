"""The points of a sweep as TF1 programs.    python tf1_points.py tf|hookloop THREADS     (points.py says how it is asked)"""

import importlib
import os
import sys
from contextlib import contextmanager

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
BACKEND, THREADS = sys.argv[1], int(sys.argv[2])
if BACKEND == "tf":
    import tensorflow

    tf = tensorflow.compat.v1
    tf.disable_v2_behavior()
else:
    tf = importlib.import_module(BACKEND)
import numpy as np
from points import floats, integers, serve

tf.logging.set_verbosity(tf.logging.ERROR)


def config():
    return tf.ConfigProto(intra_op_parallelism_threads=THREADS, inter_op_parallelism_threads=THREADS)


# TensorFlow sizes its one thread pool at the process's first session
with tf.Graph().as_default(), tf.Session(config=config()) as session:
    session.run(tf.constant(1.0))


def dense(x, n_in, n_out, name, activation=None):
    w = tf.get_variable(name + "_w", [n_in, n_out], initializer=tf.truncated_normal_initializer(stddev=0.05, seed=1))
    y = tf.matmul(x, w) + tf.get_variable(name + "_b", [n_out], initializer=tf.zeros_initializer())
    return activation(y) if activation else y


def cross_entropy(logits, labels):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


@contextmanager
def training(build, parameters):
    """A step of the training op that `build` makes, with the session open."""
    with tf.Graph().as_default():
        feed, train = build(**parameters)
        with tf.Session(config=config()) as session:
            session.run(tf.global_variables_initializer())
            yield lambda: session.run(train, feed)


def case(build):
    return lambda **parameters: training(build, parameters)


@case
def linreg(batch, features):
    x, y = tf.placeholder(tf.float32, [batch, features]), tf.placeholder(tf.float32, [batch, 1])
    loss = tf.reduce_mean(tf.square(dense(x, features, 1, "l") - y))
    return {x: floats(batch, features), y: floats(batch, 1)}, tf.train.GradientDescentOptimizer(0.01).minimize(loss)


def mlp(batch, inputs, width, depth, optimizer):
    sizes = [inputs, *[width] * depth, 10]
    x, y = tf.placeholder(tf.float32, [batch, inputs]), tf.placeholder(tf.int32, [batch])
    h = x
    for i in range(depth + 1):
        h = dense(h, sizes[i], sizes[i + 1], f"d{i}", tf.nn.relu if i < depth else None)
    return {x: floats(batch, inputs), y: integers(10, batch)}, optimizer.minimize(cross_entropy(h, y))


@case
def mlp_sgd(**parameters):
    return mlp(optimizer=tf.train.GradientDescentOptimizer(0.1), **parameters)


@case
def mlp_adam(**parameters):
    return mlp(optimizer=tf.train.AdamOptimizer(), **parameters)


@case
def convnet(batch, image, channels):
    x, y = tf.placeholder(tf.float32, [batch, image, image, 1]), tf.placeholder(tf.int32, [batch])

    def layer(h, i, o, name):
        w = tf.get_variable(name + "_w", [5, 5, i, o], initializer=tf.truncated_normal_initializer(stddev=0.05, seed=1))
        b = tf.get_variable(name + "_b", [o], initializer=tf.zeros_initializer())
        h = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(h, w, [1, 1, 1, 1], "SAME"), b))
        return tf.nn.max_pool(h, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")

    h = layer(layer(x, 1, channels, "c1"), channels, 2 * channels, "c2")
    n = int(np.prod(h.shape.as_list()[1:]))
    h = dense(tf.reshape(h, [batch, n]), n, 512, "f1", tf.nn.relu)
    loss = cross_entropy(dense(h, 512, 10, "f2"), y)
    train = tf.train.MomentumOptimizer(0.01, 0.9).minimize(loss)
    return {x: floats(batch, image, image, 1), y: integers(10, batch)}, train


@case
def lstm(batch, steps, width, words=65):
    x, y = tf.placeholder(tf.int32, [batch, steps]), tf.placeholder(tf.int32, [batch, steps])
    normal = tf.truncated_normal_initializer(stddev=0.05, seed=1)
    table = tf.get_variable("table", [words, width], initializer=normal)
    w = tf.get_variable("w", [2 * width, 4 * width], initializer=normal)
    bias = tf.get_variable("b", [4 * width], initializer=tf.zeros_initializer())
    h, c, outputs = tf.zeros([batch, width]), tf.zeros([batch, width]), []
    for s in tf.unstack(tf.nn.embedding_lookup(table, x), axis=1):
        i, j, f, o = tf.split(tf.matmul(tf.concat([s, h], 1), w) + bias, 4, 1)
        c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
        h = tf.tanh(c) * tf.sigmoid(o)
        outputs.append(h)
    loss = cross_entropy(dense(tf.reshape(tf.stack(outputs, 1), [-1, width]), width, words, "o"), tf.reshape(y, [-1]))
    optimizer = tf.train.AdamOptimizer(1e-3)
    gradients, variables = zip(*optimizer.compute_gradients(loss), strict=True)
    train = optimizer.apply_gradients(zip(tf.clip_by_global_norm(gradients, 5.0)[0], variables, strict=True))
    return {x: integers(words, batch, steps), y: integers(words, batch, steps)}, train


@case
def skipgram(batch, width, negatives, words=50000):
    c, o = tf.placeholder(tf.int32, [batch]), tf.placeholder(tf.int32, [batch, 1 + negatives])
    inside = tf.get_variable("in", [words, width], initializer=tf.random_uniform_initializer(-0.1, 0.1, seed=1))
    outside = tf.get_variable("out", [words, width], initializer=tf.random_uniform_initializer(-0.1, 0.1, seed=2))
    v, u = tf.nn.embedding_lookup(inside, c), tf.nn.embedding_lookup(outside, o)
    labels = np.zeros((batch, 1 + negatives), "f")
    labels[:, 0] = 1
    scores = tf.reduce_sum(tf.expand_dims(v, 1) * u, 2)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.constant(labels), logits=scores)
    train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.reduce_sum(losses, 1)))
    return {c: integers(words, batch), o: integers(words, batch, 1 + negatives)}, train


serve(
    {"linreg": linreg, "mlp_sgd": mlp_sgd, "mlp_adam": mlp_adam, "convnet": convnet, "lstm": lstm, "skipgram": skipgram}
)
