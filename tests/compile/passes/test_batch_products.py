"""batch_products: what a recurrence does not reach is one product before its first step."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import optimized


def recurrent(steps=5, rows=3, size=16, axis=1, update=None):
    """An unrolled recurrent net whose input's steps lie along an axis; its states, and what to feed."""
    shape = [rows, steps, size] if axis == 1 else [steps, rows, size]
    x = tf.placeholder(tf.float64, shape)
    w = tf.get_variable("w", initializer=np.random.RandomState(2).standard_normal((2 * size, size)) * 0.2)
    b = tf.get_variable("b", initializer=np.linspace(-1, 1, size))
    h = tf.zeros([rows, size], tf.float64)
    states = []
    for step in tf.unstack(x * 1.5, axis=axis):
        h = tf.tanh(tf.matmul(tf.concat([step, h], 1), w) + b)
        states.append(h)
    return states, {x: np.random.RandomState(3).standard_normal(shape)}


def rows_of_products(fetches, feeds):
    """The rows of each product's result."""
    program = optimized(fetches, feeds)
    return [i.outputs[0].shape[:-1] for i in program.root.items if i.kernel in ("matmul", "sum_of_products")]


@pytest.mark.parametrize(("axis", "made"), [(1, (15,)), (0, (15,))])
def test_one_product_makes_the_inputs_share_of_all_steps(axis, made):
    states, feeds = recurrent(axis=axis)
    found = rows_of_products([states[-1]], feeds)
    assert [int(np.prod(rows)) for rows in found] == [*made, 3, 3, 3, 3, 3]


@pytest.mark.parametrize("axis", [0, 1])
def test_values_and_gradients_are_right(axis, executor):
    states, feeds = recurrent(axis=axis)
    (value,) = feeds.values()
    loss = tf.reduce_sum(tf.sin(states[-1]))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        last, w, b, base, grad = session.run(
            [states[-1], "w:0", "b:0", loss, tf.gradients(loss, list(feeds))[0]], feeds
        )
        moved = value.copy()
        moved[1, 2, 3 % moved.shape[2]] += 1e-6
        difference = session.run(loss, {next(iter(feeds)): moved}) - base
    h = np.zeros((3, 16))
    for step in range(5):
        part = value[:, step] if axis == 1 else value[step]
        h = np.tanh(np.hstack([part * 1.5, h]) @ w + b)
    np.testing.assert_allclose(last, h, rtol=1e-9)
    assert difference / 1e-6 == pytest.approx(grad[1, 2, 3], rel=1e-3, abs=1e-7)


def test_a_few_steps_are_left():
    states, feeds = recurrent(steps=3)
    assert rows_of_products([states[-1]], feeds) == [(3,)] * 3


def test_many_rows_are_left():
    states, feeds = recurrent(rows=300)
    assert rows_of_products([states[-1]], feeds) == [(300,)] * 5


def test_a_result_that_would_leave_the_cache_is_left():
    states, feeds = recurrent(steps=9, rows=200, size=128)
    assert rows_of_products([states[-1]], feeds) == [(200,)] * 9


def test_all_steps_are_wanted():
    states, feeds = recurrent()
    assert rows_of_products(states, feeds)[0] == (15,)


def test_weights_that_change_between_the_steps_are_read_by_each(executor):
    x = tf.placeholder(tf.float64, [3, 4, 16])
    w = tf.get_variable("w", initializer=np.eye(32)[:, :16] + np.eye(32)[:, 16:])
    h = tf.zeros([3, 16], tf.float64)
    for step in tf.unstack(x * 1.0, axis=1):
        h = tf.matmul(tf.concat([step, h], 1), w.read_value())
        with tf.control_dependencies([h]):
            update = tf.assign(w, w * 2.0)
        with tf.control_dependencies([update]):
            h = tf.identity(h)
            step = tf.identity(step)
    value = np.random.RandomState(4).standard_normal((3, 4, 16))
    with tf.Session() as session:
        session.run(w.initializer)
        first = session.run([h, update], {x: value})[1]
    np.testing.assert_array_equal(first, 16 * (np.eye(32)[:, :16] + np.eye(32)[:, 16:]))


def test_an_input_that_the_recurrence_makes_is_left(executor):
    x = tf.placeholder(tf.float64, [3, 16])
    w = tf.constant(np.random.RandomState(5).standard_normal((32, 16)) * 0.2)
    a, h = x, x
    for _ in range(4):
        a, h = tf.tanh(a + h), tf.tanh(tf.matmul(tf.concat([a, h], 1), w))
    value = np.random.RandomState(6).standard_normal((3, 16))
    if executor == "plan":
        assert all(rows == (3,) for rows in rows_of_products([h], {x: value}))
    with tf.Session() as session:
        found, weights = session.run([h, w], {x: value})
    a = h = value
    for _ in range(4):
        a, h = np.tanh(a + h), np.tanh(np.hstack([a, h]) @ weights)
    np.testing.assert_allclose(found, h, rtol=1e-9)
