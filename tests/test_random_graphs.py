"""Random graphs: the compiled plan, the reference executor and NumPy's sizes agree, whatever is fed next."""

import os
from contextlib import contextmanager

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import hookloop as tf
from hookloop.compile import passes

UNARY = (
    tf.abs, tf.negative, tf.square, tf.sigmoid, tf.tanh, tf.nn.relu, tf.sin, tf.nn.softplus, tf.floor, tf.identity,
    tf.stop_gradient, tf.zeros_like, tf.nn.softmax,
)  # fmt: skip
BINARY = (tf.add, tf.subtract, tf.multiply, tf.maximum, tf.minimum, tf.squared_difference)
ACTIVATIONS = (
    tf.nn.relu, tf.nn.relu6, tf.nn.leaky_relu, tf.nn.elu, tf.nn.selu, tf.nn.softplus, tf.nn.softsign, tf.sigmoid, tf.tanh,
    tf.identity,
)  # fmt: skip
REDUCTIONS = (tf.reduce_sum, tf.reduce_mean, tf.reduce_max, tf.reduce_min)
FEATURES = 4


@contextmanager
def reference_executor():
    os.environ["HOOKLOOP_EXECUTOR"] = "reference"
    try:
        yield
    finally:
        del os.environ["HOOKLOOP_EXECUTOR"]


class Builder:
    """Draws a graph over rows [batch, FEATURES], weights and variables."""

    def __init__(self, data):
        self.data = data
        self.batch = tf.placeholder(tf.float64, [None, FEATURES], name="batch")
        self.other = tf.placeholder(tf.float64, [None, FEATURES], name="other")
        self.weights = tf.get_variable("weights", initializer=np.linspace(-1, 1, 16).reshape(4, 4))
        self.shift = tf.get_variable("shift", initializer=np.linspace(0, 1, 4))
        self.rows = [self.batch, self.other]  # [batch, FEATURES]
        self.small = [tf.constant(0.5, tf.float64), self.shift * 1.0]  # of no batch
        self.writes = []

    def choose(self, items):
        return self.data.draw(st.sampled_from(items))

    def row(self):
        return self.choose(self.rows)

    def grow(self, steps):
        moves = (
            self.unary, self.binary, self.broadcast, self.multiply, self.view, self.join, self.reduce,
            self.center, self.pick, self.write, self.sized, self.products, self.joined_product,
        )  # fmt: skip
        for _ in range(steps):
            self.choose(moves)()

    def unary(self):
        self.rows.append(self.choose(UNARY)(self.row()))

    def binary(self):
        self.rows.append(self.choose(BINARY)(self.row(), self.row()))

    def broadcast(self):
        self.rows.append(self.choose(BINARY)(self.row(), self.choose(self.small)))

    def multiply(self):
        left, transposed = self.row(), self.data.draw(st.booleans())
        right = self.choose((self.weights * 1.0, self.weights, tf.matmul(left, self.row(), transpose_a=True)))
        self.rows.append(0.1 * tf.matmul(left, right, transpose_b=transposed))

    def products(self):
        """A sum of products with a bias and an activation."""
        terms = [
            tf.matmul(self.row(), self.choose((self.weights, self.weights * 0.5)))
            for _ in range(self.choose((1, 2, 9)))
        ]
        total = tf.add_n(terms) if self.data.draw(st.booleans()) else sum(terms[1:], terms[0])
        if self.data.draw(st.booleans()):
            total = self.choose((tf.add, tf.multiply))(total, self.choose(self.small))
        self.rows.append(self.choose(ACTIVATIONS)(0.1 * total))

    def joined_product(self):
        """A product of what is joined, whose result is taken apart."""
        joined = tf.concat([self.row(), self.row()], 1)
        left, right = tf.split(tf.matmul(joined, tf.tile(self.weights, [2, 2]) + 0.1
                                         if self.data.draw(st.booleans()) else tf.tile(self.weights, [2, 2])), 2, 1)  # fmt: skip
        self.rows += [0.1 * left, tf.tanh(right)]

    def view(self):
        x = self.row()
        kind = self.choose(("transposed", "reversed", "reshaped", "sliced", "expanded", "split"))
        if kind == "transposed":
            x = tf.transpose(tf.tanh(tf.transpose(x)))
        elif kind == "reversed":
            x = self.choose((x[::-1], x[:, ::-1], tf.reverse(x, [0, 1])))
        elif kind == "reshaped":
            x = tf.reshape(tf.reshape(x, [-1, 2]) * 2.0, [-1, FEATURES])
        elif kind == "sliced":
            x = tf.concat([x[:, 1:], x[:, :1]], 1)
        elif kind == "expanded":
            x = tf.squeeze(tf.tile(x[:, None, :], [1, 3, 1])[:, 1:2], [1])
        else:
            x = tf.concat(tf.split(x, 2, 1)[::-1], 1)
        self.rows.append(x)

    def join(self):
        x, y = self.row(), self.row()
        stacked = tf.stack([x, y], self.choose((0, 1)))
        joined = tf.concat([x, y], 0)
        self.rows.append(self.choose((joined[: tf.shape(x)[0]], joined[tf.shape(x)[0] :])))
        if stacked.shape[0].value == 2:
            self.rows.append(tf.unstack(stacked)[1] - stacked[0])

    def reduce(self):
        reduction, axis = self.choose(REDUCTIONS), self.choose((0, 1, None))
        if axis == 1:
            self.rows.append(self.row() * 0.5 + reduction(self.row(), 1, keepdims=True))
        else:
            self.small.append(tf.tanh(reduction(self.row(), axis)))

    def center(self):
        x = self.row()
        self.rows.append(x - tf.reduce_mean(x, 0))

    def pick(self):
        x = self.row()
        self.rows.append(tf.where(x > 0, x, self.row()))
        self.rows.append(tf.gather(x, tf.range(tf.shape(x)[0])[::-1]))

    def sized(self):
        x = self.row()
        self.rows.append(x + tf.cast(tf.shape(x)[0], tf.float64) * tf.ones([tf.shape(x)[0], 1], tf.float64))

    def write(self):
        value = tf.tanh(tf.reduce_sum(self.row()))
        with tf.control_dependencies(self.writes[-1:] if self.data.draw(st.booleans()) else []):
            if self.data.draw(st.booleans()):
                write = self.choose((tf.assign_add, tf.assign_sub))(self.shift, value * tf.ones([4], tf.float64))
            else:  # made of the variable itself
                own = self.choose((self.shift, self.shift.read_value()))
                write = tf.assign(self.shift, own * 0.5 + value * self.choose((1.0, own)))
        # One order of the writes, so that both executors have the same to do.
        if self.writes:
            write.op._add_control_input(self.writes[-1].op)
        self.writes.append(write)
        if self.data.draw(st.booleans()):
            with tf.control_dependencies([write]):
                self.small.append(self.shift.read_value() * 0.5)


def sized_feeds(builder, sizes):
    for step, size in enumerate(sizes):
        random = np.random.RandomState(step)
        yield {builder.batch: random.standard_normal((size, 4)), builder.other: random.standard_normal((size, 4))}


def outcomes(fetches, feeds, config=None):
    """What successive runs of a new session give."""
    found = []
    with tf.Session(config=config) as session:
        session.run(tf.global_variables_initializer())
        for feed in feeds:
            found.append(session.run(fetches, feed))
    return found


def assert_equal_runs(found, expected):
    for left, right in zip(found, expected):
        for a, b in zip(left, right):
            assert np.shape(a) == np.shape(b)
            np.testing.assert_allclose(a, b, 1e-9, 1e-9)


@settings(max_examples=500, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_executors_agree_for_all_sizes(data):
    with tf.Graph().as_default():
        builder = Builder(data)
        builder.grow(data.draw(st.integers(1, 12)))
        fetches = [
            builder.rows[-1],
            builder.small[-1],
            tf.reduce_sum(builder.row()),
            builder.row(),
            *builder.writes[-2:],
        ]
        feeds = list(
            sized_feeds(builder, data.draw(st.lists(st.sampled_from([1, 2, 3, 7, 50, 300]), min_size=1, max_size=5)))
        )
        found = outcomes(fetches, feeds)
        with reference_executor():
            assert_equal_runs(found, outcomes(fetches, feeds))


@contextmanager
def passes_in_force(chosen):
    every = passes.PASSES
    passes.PASSES = tuple(chosen)
    try:
        yield
    finally:
        passes.PASSES = every


def training(data):
    """Fetches of a random graph: values, gradients and writes."""
    builder = Builder(data)
    builder.grow(data.draw(st.integers(1, 8)))
    loss = tf.reduce_sum(tf.sin(builder.rows[-1])) + tf.reduce_sum(builder.small[-1])
    gradients = [g for g in tf.gradients(loss, [builder.batch, builder.weights]) if g is not None]
    fetches = [loss, *map(tf.convert_to_tensor, gradients), *builder.writes[-1:]]
    sizes = data.draw(st.lists(st.sampled_from([1, 2, 7, 64]), min_size=1, max_size=3))
    return fetches, list(sized_feeds(builder, sizes))


def assert_passes_change_nothing(data, chosen):
    with tf.Graph().as_default():
        fetches, feeds = training(data)
        with passes_in_force(chosen):
            found = outcomes(fetches, feeds)
        with reference_executor():
            assert_equal_runs(found, outcomes(fetches, feeds))


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_program_without_any_pass_is_right(data):
    assert_passes_change_nothing(data, ())


@pytest.mark.parametrize("alone", passes.PASSES, ids=lambda rewrite: rewrite.__name__)
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_each_pass_alone_is_right(alone, data):
    assert_passes_change_nothing(data, (alone,))


@pytest.mark.parametrize("left_out", passes.PASSES, ids=lambda rewrite: rewrite.__name__)
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_others_are_right_without_a_pass(left_out, data):
    assert_passes_change_nothing(data, [rewrite for rewrite in passes.PASSES if rewrite is not left_out])


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_gradients_agree_for_all_sizes(data):
    with tf.Graph().as_default():
        builder = Builder(data)
        builder.grow(data.draw(st.integers(1, 8)))
        loss = tf.reduce_sum(tf.sin(builder.rows[-1])) + tf.reduce_sum(builder.small[-1])
        sources = [builder.batch, builder.other, builder.weights]
        gradients = [tf.convert_to_tensor(g) for g in tf.gradients(loss, sources) if g is not None]
        feeds = list(sized_feeds(builder, data.draw(st.lists(st.sampled_from([1, 2, 5, 64]), min_size=1, max_size=3))))
        found = outcomes([loss, *gradients], feeds)
        with reference_executor():
            assert_equal_runs(found, outcomes([loss, *gradients], feeds))


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_threads_change_nothing(data):
    with tf.Graph().as_default():
        builder = Builder(data)
        builder.grow(data.draw(st.integers(1, 8)))
        fetches = [builder.rows[-1], tf.reduce_sum(builder.rows[-1])]
        feeds = list(sized_feeds(builder, [700, 3]))
        one = outcomes(fetches, feeds, tf.ConfigProto(intra_op_parallelism_threads=1))
        two = outcomes(fetches, feeds, tf.ConfigProto(intra_op_parallelism_threads=2))
        for left, right in zip(one, two):
            for a, b in zip(left, right):
                np.testing.assert_array_equal(a, b)
