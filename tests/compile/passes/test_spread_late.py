"""spread_late: tensors of one number are not made where elementwise instructions read them, and no bit changes."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile.ir import FEED

from ..programs import assert_same_bits, kernels, optimized

NAMES = ("drop_unused", "spread_late")


def rewritten(fetches, feeds):
    return optimized(fetches, feeds, names=NAMES)


def values(*shape):
    return np.random.RandomState(3).standard_normal(shape).astype(np.float32)


def test_the_gradient_of_a_mean_is_made_of_numbers(monkeypatch):
    x = tf.placeholder(tf.float32, [None, 70])
    slope = tf.gradients(tf.reduce_mean(tf.sin(x) * 3.0), x)[0]
    feeds = {x: values(60, 70)}
    program = rewritten([slope], feeds)
    large = [i for i in program.instructions() if i.outputs[0].shape]
    assert all(any(v.buffer.kind == FEED or v.shape for v in i.inputs) for i in large)  # none of numbers alone
    assert not {"copy", "fill"} & {i.kernel for i in large}
    assert_same_bits("spread_late", [slope], feeds, monkeypatch)


def test_zeros_where_a_bound_holds(monkeypatch):
    x, y = tf.placeholder(tf.float32, [33, 70]), tf.placeholder(tf.float32, [33, 70])
    slope = tf.gradients(tf.maximum(x, 0.5) + tf.minimum(x, -0.5), x, y)[0]
    feeds = {x: values(33, 70), y: values(33, 70) * 2}
    assert "fill" not in kernels(rewritten([slope], feeds))
    assert_same_bits("spread_late", [slope], feeds, monkeypatch)


def test_others_get_the_tensor(monkeypatch):
    """A product reads memory; a result is memory; both of what is made of numbers alone, and of what is filled."""
    x, w = tf.placeholder(tf.float32, [40, 30]), tf.placeholder(tf.float32, [30, 20])
    ones = tf.fill([40, 20], 0.25)
    scaled = ones / 3.0
    fetches = [tf.matmul(x, scaled, transpose_a=True), scaled, tf.matmul(x, w) * ones, ones + 1.0]
    feeds = {x: values(40, 30), w: values(30, 20)}
    made = rewritten(fetches, feeds)
    (quotient,) = [i for i in made.instructions() if i.kernel == "div"]
    assert quotient.outputs[0].shape == () and kernels(made).count("fill") == 2
    assert_same_bits("spread_late", fetches, feeds, monkeypatch)


@pytest.mark.parametrize("places", [(1,), (2,), (1, 2), (0, 1)])
def test_choices_between_numbers(executor, places, monkeypatch):
    x = tf.placeholder(tf.float32, [300])
    operands = [x > 0, x, -x]
    for place in places:
        operands[place] = tf.fill([300], True) if place == 0 else tf.fill([300], float(place))
    chosen = tf.where(*operands) * 2.0
    made = rewritten([chosen], {x: values(300)})
    assert kernels(made).count("fill") == {(1,): 0, (2,): 0, (1, 2): 1, (0, 1): 1}[places]
    assert_same_bits("spread_late", [chosen], {x: values(300)}, monkeypatch)


def test_a_number_of_each_iteration(executor):
    x = tf.placeholder(tf.float32, [None])

    def step(k, y):
        return k + 1, y * tf.fill(tf.shape(y), tf.cast(k, tf.float32)) + tf.ones_like(y)

    _, y = tf.while_loop(lambda k, y: k < 5, step, [0, x])
    value = values(200)
    wanted = value
    for k in range(5):
        wanted = wanted * np.float32(k) + 1
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(y, {x: value}), wanted, rtol=1e-6)
        assert session.run(y, {x: value[:0]}).shape == (0,)


def test_a_variable_is_read_when_it_is_spread(executor):
    v = tf.get_variable("v", initializer=2.0)
    x = tf.placeholder(tf.float32, [200])
    before = tf.fill([200], v)
    with tf.control_dependencies([before]):
        update = v.assign_add(1.0)
    with tf.control_dependencies([update]):
        after = x * before
    value = values(200)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for k in range(3):
            np.testing.assert_array_equal(session.run(after, {x: value}), value * np.float32(2 + k))
