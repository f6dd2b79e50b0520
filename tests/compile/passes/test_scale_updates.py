"""scale_updates: gradient descent on rows of a variable multiplies them by the learning rate where it subtracts them."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import kernels, optimized

NAMES = ["drop_unused", "scale_updates"]


def rewritten(target, feeds):
    return kernels(optimized([], feeds, [target], names=NAMES))


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=lambda dtype: dtype.name)
def test_rows_of_an_embedding(dtype, executor):
    table = tf.Variable(np.arange(21).reshape(7, 3), dtype=dtype)
    ids, rate = tf.placeholder(tf.int32, [4]), tf.placeholder(dtype, [])
    rows = tf.placeholder(dtype, [4, 3])
    update = tf.scatter_sub(table, ids, rows * rate)
    feeds = {ids: np.array([5, 0, 5, 2]), rate: np.asarray(0.5, dtype.as_numpy_dtype), rows: np.ones((4, 3))}
    if executor == "plan":
        assert rewritten(update.op, feeds) == ["scatter_sub_scaled"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(update.op, feeds)
        expected = np.arange(21.0).reshape(7, 3)
        expected[[0, 2]] -= 0.5
        expected[5] -= 1  # twice
        np.testing.assert_array_equal(session.run(table), expected)


def test_gradient_descent_on_an_embedding(executor):
    table = tf.Variable(np.ones((6, 5), "f"))
    loss = tf.reduce_sum(tf.square(tf.nn.embedding_lookup(table, [1, 3, 1])))
    train = tf.train.GradientDescentOptimizer(0.25).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        expected = np.ones((6, 5), "f")
        expected[3] = 0.5
        expected[1] = 0
        np.testing.assert_array_equal(session.run(table), expected)


def test_an_index_out_of_range_changes_nothing(executor):
    table = tf.Variable(np.ones((6, 5), "f"))
    ids = tf.placeholder(tf.int32, [2])
    update = tf.scatter_sub(table, ids, tf.placeholder_with_default(np.ones((2, 5), "f"), [2, 5]) * 0.5)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[1\] = 6 is not in \[0, 6\)"):
            session.run(update.op, {ids: [0, 6]})
        np.testing.assert_array_equal(session.run(table), np.ones((6, 5)))


def test_other_updates_are_left():
    table = tf.Variable(np.ones((6, 5), "f"))
    rows, rates = tf.placeholder(tf.float32, [2, 5]), tf.placeholder(tf.float32, [5])
    feeds = {rows: np.ones((2, 5)), rates: np.ones(5)}
    for update in (tf.scatter_sub(table, [0, 1], rows * rates), tf.scatter_add(table, [0, 1], rows * 0.5)):
        assert "scatter_sub_scaled" not in rewritten(update.op, feeds)
    wanted_too = rows * 0.5
    both = tf.group(tf.scatter_sub(table, [0, 1], wanted_too), tf.Print(wanted_too, [wanted_too]))
    assert "scatter_sub_scaled" not in rewritten(both, feeds)
