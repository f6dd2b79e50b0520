"""split_joined_factors: products read the parts of a join; the join stays where somebody else wants it."""

import numpy as np

import hookloop as tf

from ..programs import kernels, optimized


def rewritten(fetches, feeds=None, targets=(), names=("drop_unused", "split_joined_factors", "drop_unused")):
    return kernels(optimized(fetches, feeds, targets, names=names))


def operands(batch=3, size=16):
    a, b = tf.placeholder(tf.float64, [batch, size]), tf.placeholder(tf.float64, [batch, 2 * size])
    random = np.random.RandomState(8)
    return a, b, {a: random.standard_normal((3, size)), b: random.standard_normal((3, 2 * size))}


def weights(rows=48, columns=5):
    return tf.constant(np.random.RandomState(9).standard_normal((rows, columns)))


def check(fetches, feeds, want):
    with tf.Session() as session:
        for found, expected in zip(session.run(fetches, feeds), want):
            np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_product_of_a_concat_reads_its_parts(executor):
    a, b, feeds = operands()
    w = weights()
    y = tf.matmul(tf.concat([a, b], 1), w)
    if executor == "plan":
        assert rewritten([y], feeds) == ["sum_of_products"]
    with tf.Session() as session:
        value = session.run(w)
    check([y], feeds, [np.hstack([feeds[a], feeds[b]]) @ value])


def test_steps_stay_with_the_product(executor):
    a, b, feeds = operands()
    w = weights()
    y = tf.nn.relu(tf.matmul(tf.concat([a, b], 1), w) + 0.5)
    if executor == "plan":
        assert rewritten([y], feeds, names=("fuse_epilogues", "split_joined_factors")) == ["sum_of_products"]
    with tf.Session() as session:
        value = session.run(w)
    check([y], feeds, [np.maximum(np.hstack([feeds[a], feeds[b]]) @ value + 0.5, 0)])


def test_the_gradient_of_weights_is_made_in_rows(executor):
    a, b, feeds = operands()
    w = weights()
    joined = tf.concat([a, b], 1)
    d = tf.tanh(tf.matmul(joined, w))
    grads = [tf.matmul(joined, d, True), d]
    if executor == "plan":
        assert rewritten(grads, feeds) == ["sum_of_products", "tanh", "matmul", "matmul"]
    x = np.hstack([feeds[a], feeds[b]])
    with tf.Session() as session:
        value = session.run(w)
    check(grads, feeds, [x.T @ np.tanh(x @ value), np.tanh(x @ value)])


def test_joined_weights_are_read_in_parts(executor):
    a, b, feeds = operands()
    x = tf.tanh(tf.concat([a, b], 1))
    y = tf.matmul(x, tf.concat([weights(16), weights(32)], 0))
    if executor == "plan":
        assert rewritten([y], feeds).count("sum_of_products") == 1
    with tf.Session() as session:
        first, second = session.run([weights(16), weights(32)])
    check([y], feeds, [np.tanh(np.hstack([feeds[a], feeds[b]])) @ np.vstack([first, second])])


def test_an_unknown_number_of_rows_is_no_obstacle():
    a, _, feeds = operands(None)
    y = tf.matmul(tf.concat([a, tf.tanh(a)], 1), weights(32))
    assert rewritten([y], {a: feeds[a]}) == ["tanh", "sum_of_products"]


def test_a_join_that_others_read_stays():
    a, b, feeds = operands()
    joined = tf.concat([a, b], 1)
    y = tf.matmul(joined, weights())
    assert "sum_of_products" not in rewritten([y, tf.exp(joined)], feeds)
    assert "sum_of_products" not in rewritten([y, joined], feeds)


def test_rows_that_are_joined_below_each_other_stay():
    a, _, feeds = operands()
    y = tf.matmul(weights(3, 6), tf.concat([tf.concat([a, a], 0), a[:0]], 0))
    assert "sum_of_products" not in rewritten([y], feeds)


def test_small_parts_are_joined():
    a, b, feeds = operands(size=8)
    y = tf.matmul(tf.concat([a, b], 1), weights(24))
    assert rewritten([y], feeds) == ["copy", "copy", "matmul"]


def test_more_parts_than_a_kernel_takes_are_joined():
    a, _, feeds = operands()
    y = tf.matmul(tf.concat([tf.tanh(a)] * 9, 1), weights(144))
    assert "sum_of_products" not in rewritten([y], feeds)


def test_a_variable_written_in_between_is_joined_before(executor):
    v = tf.Variable(np.ones((3, 16)))
    joined = tf.concat([v, v * 2.0], 1)
    with tf.control_dependencies([joined]):
        update = tf.assign(v, v * 10.0)
    with tf.control_dependencies([update]):
        y = tf.matmul(joined, tf.ones([32, 1], tf.float64)) + 0.0 * v.read_value()[:, :1]
    with tf.Session() as session:
        session.run(v.initializer)
        np.testing.assert_allclose(session.run(y), np.full((3, 1), 48.0))
