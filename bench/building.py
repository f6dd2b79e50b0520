"""What it costs to build a graph: microseconds for each op that a public function adds; and to run a large one for the first time.

    python bench/building.py [--rounds 12] [NAME ...]

Each function is called many times in a fresh graph; the figure is the least processor time of all rounds, so another process on the
machine changes it little. With names, only the functions and graphs of those names.
"""

from __future__ import annotations

import argparse
import gc
import time

import numpy as np

import hookloop as tf


class Tensors:
    """What the functions are called with: tensors of a fresh graph, and a counter for names."""

    def __init__(self):
        self.rows = tf.placeholder(tf.float32, [None, 8])
        self.square = tf.placeholder(tf.float32, [8, 8])
        self.wide = tf.placeholder(tf.float32, [4, 8])
        self.indices = tf.placeholder(tf.int32, [4])
        self.images = tf.placeholder(tf.float32, [None, 14, 14, 3])
        self.filters = tf.placeholder(tf.float32, [3, 3, 3, 8])
        self.truth = tf.placeholder(tf.bool, [])
        self.weights = tf.Variable(np.ones((8, 8), np.float32))
        self.count = 0

    def name(self):
        self.count += 1
        return f"v{self.count}"


SINGLE = {
    "add": lambda t: tf.add(t.square, t.square),
    "x + x": lambda t: t.square + t.square,
    "x + 1.0": lambda t: t.square + 1.0,
    "tanh": lambda t: tf.tanh(t.rows),
    "relu": lambda t: tf.nn.relu(t.rows),
    "identity": lambda t: tf.identity(t.rows),
    "cast": lambda t: tf.cast(t.square, tf.int32),
    "constant": lambda t: tf.constant(1.0),
    "constant of a list": lambda t: tf.constant([1.0, 2.0, 3.0]),
    "placeholder": lambda t: tf.placeholder(tf.float32, [None, 3]),
    "zeros": lambda t: tf.zeros([3]),
    "zeros_like": lambda t: tf.zeros_like(t.rows),
    "ones": lambda t: tf.ones([3, 4]),
    "fill": lambda t: tf.fill([3, 4], 2.0),
    "shape": lambda t: tf.shape(t.rows),
    "matmul": lambda t: tf.matmul(t.rows, t.square),
    "bias_add": lambda t: tf.nn.bias_add(t.rows, t.square[0]),
    "reshape": lambda t: tf.reshape(t.rows, [-1, 4, 2]),
    "transpose": lambda t: tf.transpose(t.square, [1, 0]),
    "expand_dims": lambda t: tf.expand_dims(t.square, 0),
    "squeeze": lambda t: tf.squeeze(t.square),
    "concat": lambda t: tf.concat([t.square, t.wide], 0),
    "stack": lambda t: tf.stack([t.square, t.square]),
    "unstack": lambda t: tf.unstack(t.wide),
    "split": lambda t: tf.split(t.square, 2, 1),
    "tile": lambda t: tf.tile(t.square, [2, 1]),
    "pad": lambda t: tf.pad(t.square, [[1, 1], [0, 2]]),
    "gather": lambda t: tf.gather(t.square, t.indices),
    "one_hot": lambda t: tf.one_hot(t.indices, 5),
    "where": lambda t: tf.where(t.square > 0, t.square, t.square),
    "range": lambda t: tf.range(5),
    "x[0]": lambda t: t.square[0],
    "x[1:3]": lambda t: t.square[1:3],
    "x[:, 1:2]": lambda t: t.rows[:, 1:2],
    "x[..., tf.newaxis]": lambda t: t.rows[..., tf.newaxis],
    "reduce_sum": lambda t: tf.reduce_sum(t.rows, 1),
    "reduce_mean": lambda t: tf.reduce_mean(t.rows),
    "argmax": lambda t: tf.argmax(t.rows, 1),
    "random_normal": lambda t: tf.random_normal([3, 4]),
    "random_uniform": lambda t: tf.random_uniform([3, 4]),
    "conv2d": lambda t: tf.nn.conv2d(t.images, t.filters, [1, 1, 1, 1], "SAME"),
    "max_pool": lambda t: tf.nn.max_pool(t.images, [1, 2, 2, 1], [1, 2, 2, 1], "SAME"),
    "no_op": lambda t: tf.no_op(),
    "group": lambda t: tf.group(t.square, t.wide),
    "assign": lambda t: tf.assign(t.weights, t.square),
    "assign_add": lambda t: tf.assign_add(t.weights, t.square),
    "stop_gradient": lambda t: tf.stop_gradient(t.square),
    "add_n": lambda t: tf.add_n([t.square, t.square, t.square]),
    "py_func": lambda t: tf.py_func(abs, [t.square], tf.float32),
}


def perceptron(t, width=8):
    """Two dense layers as programs write them."""
    x = t.rows
    for _ in range(2):
        with tf.variable_scope(t.name()):
            kernel = tf.get_variable("kernel", [8, width])
            bias = tf.get_variable("bias", [width], initializer=tf.zeros_initializer())
            x = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, kernel), bias))
    return x


def lstm_steps(t, steps=2):
    """An LSTM cell, unrolled."""
    with tf.variable_scope(t.name()):
        kernel = tf.get_variable("kernel", [16, 32])
        bias = tf.get_variable("bias", [32], initializer=tf.zeros_initializer())
    h = c = tf.zeros_like(t.rows)
    for _ in range(steps):
        gates = tf.nn.bias_add(tf.matmul(tf.concat([t.rows, h], 1), kernel), bias)
        i, j, f, o = tf.split(gates, 4, 1)
        c = tf.sigmoid(f + 1.0) * c + tf.sigmoid(i) * tf.tanh(j)
        h = tf.sigmoid(o) * tf.tanh(c)
    return h


def gradient(t):
    loss = tf.reduce_sum(tf.tanh(tf.matmul(t.rows, tf.identity(t.square)) + 1.0) * 2.0)
    return tf.gradients(loss, [t.square])


def convolutions(t):
    x = tf.nn.max_pool(
        tf.nn.relu(tf.nn.conv2d(t.images, t.filters, [1, 1, 1, 1], "SAME")), [1, 2, 2, 1], [1, 2, 2, 1], "SAME"
    )
    return tf.gradients(tf.reduce_mean(tf.square(x)), [t.filters])


def training(optimizer):
    """Minimizing the loss of a perceptron."""

    def build(t):
        loss = tf.reduce_mean(tf.square(perceptron(t)))
        variables = tf.trainable_variables()[-4:]
        optimizer().minimize(loss, var_list=variables)

    return build


def cross_entropy_gradient(t):
    logits = tf.matmul(t.rows, t.square)
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=t.rows, logits=logits))
    return tf.gradients(loss, [logits])


def loop(t):
    return tf.while_loop(lambda i, x: i < 10, lambda i, x: (i + 1, tf.tanh(x) * 2.0), [tf.constant(0), t.square])


def loop_gradient(t):
    square = tf.identity(t.square)
    _, result = tf.while_loop(lambda i, x: i < 10, lambda i, x: (i + 1, tf.tanh(x) * square), [tf.constant(0), square])
    return tf.gradients(result, square)


COMPOSED = {
    "Variable of a number": lambda t: tf.Variable(1.0),
    "Variable of zeros": lambda t: tf.Variable(tf.zeros([3])),
    "Variable, resource": lambda t: tf.Variable(1.0, use_resource=True),
    "get_variable": lambda t: tf.get_variable(t.name(), [3, 4]),
    "get_variable, resource": lambda t: tf.get_variable(t.name(), [3, 4], use_resource=True),
    "name_scope of one op": lambda t: scoped(t),
    "softmax": lambda t: tf.nn.softmax(t.rows),
    "log_softmax": lambda t: tf.nn.log_softmax(t.rows),
    "softmax_cross_entropy_with_logits_v2": lambda t: tf.nn.softmax_cross_entropy_with_logits_v2(
        labels=t.square, logits=t.square
    ),
    "softmax_cross_entropy_with_logits": lambda t: tf.nn.softmax_cross_entropy_with_logits(
        labels=t.rows, logits=t.rows
    ),
    "sparse_softmax_cross_entropy_with_logits": lambda t: tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=t.indices, logits=t.wide
    ),
    "sigmoid_cross_entropy_with_logits": lambda t: tf.nn.sigmoid_cross_entropy_with_logits(
        labels=t.rows, logits=t.rows
    ),
    "dropout": lambda t: tf.nn.dropout(t.rows, 0.5),
    "l2_normalize": lambda t: tf.nn.l2_normalize(t.rows, 1),
    "moments": lambda t: tf.nn.moments(t.rows, [0]),
    "batch_normalization": lambda t: tf.nn.batch_normalization(t.rows, 0.0, 1.0, t.square[0], t.square[1], 1e-3),
    "fused_batch_norm": lambda t: tf.nn.fused_batch_norm(t.images, [1.0] * 3, [0.0] * 3),
    "clip_by_value": lambda t: tf.clip_by_value(t.rows, 0.0, 1.0),
    "clip_by_norm": lambda t: tf.clip_by_norm(t.square, 1.0),
    "clip_by_global_norm": lambda t: tf.clip_by_global_norm([t.square, t.wide], 1.0),
    "embedding_lookup": lambda t: tf.nn.embedding_lookup(t.weights, t.indices),
    "boolean_mask": lambda t: tf.boolean_mask(t.square, t.square > 0),
    "tensordot": lambda t: tf.tensordot(t.rows, t.square, 1),
    "einsum": lambda t: tf.einsum("ij,jk->ik", t.rows, t.square),
    "Assert": lambda t: tf.Assert(t.truth, [t.square]),
    "assert_equal": lambda t: tf.assert_equal(t.indices, t.indices),
    "check_numerics": lambda t: tf.check_numerics(t.square, "bad"),
    "cond": lambda t: tf.cond(t.truth, lambda: tf.tanh(t.square), lambda: t.square * 2.0),
    "case": lambda t: tf.case([(t.truth, lambda: t.square + 1.0)], default=lambda: t.square),
    "while_loop": loop,
    "while_loop's gradient": loop_gradient,
    "map_fn": lambda t: tf.map_fn(lambda x: x * 2.0, t.square),
    "scan": lambda t: tf.scan(lambda a, x: a + x, t.square),
    "perceptron": perceptron,
    "LSTM, unrolled": lstm_steps,
    "gradients": gradient,
    "gradients of convolutions": convolutions,
    "gradients of a cross-entropy": cross_entropy_gradient,
    "minimize, gradient descent": training(lambda: tf.train.GradientDescentOptimizer(0.1)),
    "minimize, Momentum": training(lambda: tf.train.MomentumOptimizer(0.1, 0.9)),
    "minimize, Adam": training(lambda: tf.train.AdamOptimizer(0.1)),
    "exponential_decay": lambda t: tf.train.exponential_decay(0.1, tf.constant(3), 10, 0.9),
    "moving average": lambda t: tf.train.ExponentialMovingAverage(0.9).apply([tf.Variable(1.0)]),
    "summary.scalar": lambda t: tf.summary.scalar("loss", t.square[0, 0]),
    "Saver": lambda t: tf.train.Saver([tf.Variable(1.0, name=t.name())]),
}


def scoped(t):
    with tf.name_scope("layer"):
        return tf.tanh(t.rows)


# --- graphs of 10,000 ops: what to run, what to feed -------------------------------------------------------------

SIZE = 10_000


def chain():
    x = y = tf.placeholder(tf.float32, [8])
    for _ in range(SIZE // 2):
        y = tf.tanh(y) * x
    return y, {x: np.zeros(8, np.float32)}


def wide():
    """Many branches of different widths, their gradients, and an update of each of their variables."""
    x = tf.placeholder(tf.float32, [None, 8])
    losses, variables = [], []
    while tf.get_default_graph().version < SIZE // 3:
        width = 3 + len(losses) % 61
        kernel = tf.Variable(np.ones((8, width), np.float32))
        bias = tf.Variable(np.zeros(width, np.float32))
        hidden = tf.nn.relu(tf.matmul(x, kernel) + bias)
        hidden = tf.reshape(tf.concat([hidden, tf.tanh(hidden)], 1), [-1, 2, width])
        hidden = tf.transpose(hidden, [0, 2, 1])[:, 1:, 0]
        losses.append(tf.reduce_mean(tf.square(hidden)) + tf.reduce_sum(tf.nn.softmax(hidden) * hidden))
        variables += [kernel, bias]
    gradients = tf.gradients(tf.add_n(losses), variables)
    updates = [tf.assign_sub(v, 0.1 * gradient) for v, gradient in zip(variables, gradients)]
    return tf.group(*updates), {x: np.zeros((4, 8), np.float32)}


GRAPHS = {"chain of 10,000 ops": chain, "wide graph of 10,000 ops": wide}


def first_run(build, rounds):
    """(ops, microseconds to build one, milliseconds of the first run: compiling and running), the least of several rounds."""
    building = running = float("inf")
    for _ in range(rounds):
        with tf.Graph().as_default() as graph, tf.Session() as session:
            gc.collect()
            start = time.process_time()
            fetches, feeds = build()
            building = min(building, time.process_time() - start)
            session.run(tf.global_variables_initializer())
            start = time.process_time()
            session.run(fetches, feeds)
            running = min(running, time.process_time() - start)
    return graph.version, building / graph.version * 1e6, running * 1e3


def cost(function, calls, rounds):
    """(microseconds a call, ops that it adds), the least of several rounds, each in a graph of its own."""
    least, ops = float("inf"), 0
    for _ in range(rounds):
        with tf.Graph().as_default() as graph:
            tensors = Tensors()
            before = graph.version
            gc.collect()
            gc.disable()
            start = time.process_time()
            for _ in range(calls):
                function(tensors)
            seconds = time.process_time() - start
            gc.enable()
            least, ops = min(least, seconds / calls), (graph.version - before) / calls
    return least * 1e6, ops


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=12)
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {*SINGLE, *COMPOSED, *GRAPHS}
    if unknown:
        parser.error(f"no function is named {', '.join(sorted(unknown))}")
    for title, functions in (("One or few ops", SINGLE), ("Composed", COMPOSED)):
        total_time = total_ops = 0
        print(f"{title:42s} us a call    ops  us an op")
        for name, function in functions.items():
            if arguments.names and name not in arguments.names:
                continue
            microseconds, ops = cost(function, 100 if functions is SINGLE else 20, arguments.rounds)
            print(f"  {name:40s} {microseconds:9.1f} {ops:6.0f} {microseconds / ops:9.1f}", flush=True)
            total_time, total_ops = total_time + microseconds, total_ops + ops
        if total_ops:
            print(f"  {'all':40s} {total_time:9.1f} {total_ops:6.0f} {total_time / total_ops:9.1f}\n")
    print(f"{'Graphs':42s} us to build an op    ops  ms of the first run")
    for name, build in GRAPHS.items():
        if not arguments.names or name in arguments.names:
            ops, microseconds, milliseconds = first_run(build, min(arguments.rounds, 5))
            print(f"  {name:40s} {microseconds:17.1f} {ops:6.0f} {milliseconds:20.0f}", flush=True)


if __name__ == "__main__":
    main()
