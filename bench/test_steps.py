"""The cost of a step, small and large: pytest-benchmark.    make bench

One thread; figures and the command that made them are in bench/results.md.
"""

import itertools
import subprocess
import sys

import numpy as np
import pytest

import hookloop as tf

CONFIG = tf.ConfigProto(intra_op_parallelism_threads=1)


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default():
        yield


def dense(x, n_in, n_out, name, activation=None):
    w = tf.get_variable(name + "_w", [n_in, n_out], initializer=tf.truncated_normal_initializer(stddev=0.05, seed=1))
    b = tf.get_variable(name + "_b", [n_out], initializer=tf.zeros_initializer())
    y = tf.matmul(x, w) + b
    return y if activation is None else activation(y)


def regression():
    x, y = tf.placeholder(tf.float32, [32, 10]), tf.placeholder(tf.float32, [32, 1])
    loss = tf.reduce_mean(tf.square(dense(x, 10, 1, "l") - y))
    step = tf.train.GradientDescentOptimizer(0.01).minimize(loss, tf.train.get_or_create_global_step())
    return {x: np.ones((32, 10), "f"), y: np.ones((32, 1), "f")}, loss, step


def network(batch=64, sizes=(784, 128, 10), known=True):
    size = batch if known else None
    x, y = tf.placeholder(tf.float32, [size, sizes[0]]), tf.placeholder(tf.int32, [size])
    h = x
    for i, (n, m) in enumerate(itertools.pairwise(sizes)):
        h = dense(h, n, m, f"d{i}", tf.nn.relu if i < len(sizes) - 2 else None)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=h))
    step = tf.train.AdamOptimizer().minimize(loss)
    return (x, y), loss, step


def session():
    made = tf.Session(config=CONFIG)
    made.run(tf.global_variables_initializer())
    return made


def test_fetching_a_constant(benchmark):
    c = tf.constant(1.0) + 2.0
    benchmark(session().run, c)


def test_linear_regression(benchmark):
    feed, _, step = regression()
    benchmark(session().run, step, feed)


def test_linear_regression_with_its_loss(benchmark):
    feed, loss, step = regression()
    run = session().run
    benchmark(lambda: run([step, loss], dict(feed)))


def test_linear_regression_by_a_callable(benchmark):
    feed, _, step = regression()
    benchmark(session().make_callable(step, list(feed)), *feed.values())


def test_linear_regression_from_slices(benchmark):
    (x, y), loss, step = regression()
    run, xs, ys = session().run, np.ones((3200, 10), "f"), np.ones((3200, 1), "f")
    benchmark(lambda: run([step, loss], feed_dict={x: xs[32:64], y: ys[32:64]}))


def test_a_thousand_steps_of_linear_regression_in_one_call(benchmark):
    feed, _, step = regression()
    benchmark(session().run_steps, step, 1000, feed)


def test_monitored_linear_regression_with_built_in_hooks(benchmark):
    feed, loss, step = regression()
    hooks = [
        tf.train.StopAtStepHook(last_step=10**9), tf.train.NanTensorHook(loss), tf.train.FinalOpsHook(loss, feed),
        tf.train.LoggingTensorHook({"loss": loss}, every_n_iter=100), tf.train.StepCounterHook(every_n_steps=100),
    ]  # fmt: skip
    creator = tf.train.ChiefSessionCreator(config=CONFIG)
    with tf.train.MonitoredSession(session_creator=creator, hooks=hooks) as monitored:
        benchmark(monitored.run, step, feed)


@pytest.mark.parametrize("n_hooks", [0, 1])
def test_monitored_linear_regression(benchmark, n_hooks):
    class Hook(tf.train.SessionRunHook):
        seen = 0

        def before_run(self, context):
            return tf.train.SessionRunArgs(loss)

        def after_run(self, context, values):
            self.seen += values.results > 0

    feed, loss, step = regression()
    creator = tf.train.ChiefSessionCreator(config=CONFIG)
    with tf.train.MonitoredSession(session_creator=creator, hooks=[Hook() for _ in range(n_hooks)]) as monitored:
        benchmark(monitored.run, step, feed)


@pytest.mark.parametrize("sizes", [(784, 128, 10), (8, 64, 64, 4)], ids=str)
def test_network_with_adam(benchmark, sizes):
    (x, y), _, step = network(sizes=sizes)
    benchmark(session().run, step, {x: np.ones((64, sizes[0]), "f"), y: np.zeros(64, "i")})


@pytest.mark.parametrize("sizes", ["the same", "another each time"])
def test_a_new_batch_size(benchmark, sizes):
    """The difference of the two is what a new batch size costs."""
    (x, y), _, step = network(sizes=(8, 64, 64, 4), known=False)
    feeds = [{x: np.ones((n, 8), "f"), y: np.zeros(n, "i")} for n in ((32, 32) if sizes == "the same" else (32, 33))]
    run, at = session().run, [0]

    def once():
        at[0] ^= 1
        run(step, feeds[at[0]])

    benchmark(once)


def test_an_instruction(benchmark):
    """A chain of 10,000 small ops in one run."""
    x = tf.placeholder(tf.float32, [4])
    y = x
    for i in range(10000):
        y = tf.tanh(y) if i % 2 else tf.add(y, x)
    benchmark(session().run, y, {x: np.ones(4, "f")})


def test_building_an_op(benchmark):
    x = tf.placeholder(tf.float32, [4])
    benchmark(tf.add, x, x)


def test_importing(benchmark):
    benchmark.pedantic(lambda: subprocess.run([sys.executable, "-c", "import hookloop"], check=True), rounds=10)
