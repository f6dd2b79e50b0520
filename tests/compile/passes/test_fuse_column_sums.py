"""fuse_column_sums: a bias' gradient comes from the product that makes the weights'."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import kernels, optimized


def rewritten(fetches, feeds=None, targets=()):
    return kernels(optimized(fetches, feeds, targets, names=["drop_unused", "fuse_column_sums"]))


def operands(batch=3):
    a, d = tf.placeholder(tf.float64, [batch, 4]), tf.placeholder(tf.float64, [batch, 5])
    random = np.random.RandomState(4)
    return a, d, {a: random.standard_normal((3, 4)), d: random.standard_normal((3, 5))}


@pytest.mark.parametrize("batch", [3, None])
@pytest.mark.parametrize("first", [True, False])
def test_the_sums_come_from_the_product(first, batch, executor):
    a, d, feeds = operands(batch)
    both = [lambda: tf.matmul(a, d, True), lambda: tf.reduce_sum(d, 0)]
    fetches = [make() for make in (both if first else both[::-1])]
    if executor == "plan":
        assert rewritten(fetches, feeds) == ["matmul"]
    with tf.Session() as session:
        found = session.run(fetches, feeds)
    found = found if first else found[::-1]
    np.testing.assert_allclose(found[0], feeds[a].T @ feeds[d], rtol=1e-12)
    np.testing.assert_allclose(found[1], feeds[d].sum(0), rtol=1e-12)


def test_other_sums_are_left():
    a, d, feeds = operands()
    product = tf.matmul(a, d, True)
    for other in (tf.reduce_sum(d, 1), tf.reduce_sum(d), tf.reduce_sum(a, 0), tf.reduce_sum(d, 0, keepdims=True)):
        assert rewritten([product, other], feeds) == ["matmul", "sum"]


@pytest.mark.parametrize("axis", [0, None])
@pytest.mark.parametrize("batch", [37, None])
def test_a_single_column_is_summed_over_any_of_its_axes(axis, batch, executor):
    a, d = tf.placeholder(tf.float32, [batch, 6]), tf.placeholder(tf.float32, [batch, 1])
    random = np.random.RandomState(5)
    feeds = {a: random.standard_normal((37, 6)).astype("f"), d: random.standard_normal((37, 1)).astype("f")}
    fetches = [tf.matmul(a, d, True), tf.reduce_sum(d, axis)]
    if executor == "plan":
        assert rewritten(fetches, feeds) == ["matmul"]
    with tf.Session() as session:
        found = session.run(fetches, feeds)
    np.testing.assert_allclose(found[0], feeds[a].T @ feeds[d], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1], feeds[d].sum(axis), rtol=1e-5, atol=1e-5)
    assert found[1].shape == ((1,) if axis == 0 else ())


def test_a_transposed_operand_is_left():
    _, d, feeds = operands()
    assert rewritten([tf.matmul(d, d, transpose_b=True), tf.reduce_sum(d, 0)], feeds) == ["matmul", "sum"]


def test_sums_that_are_wanted_before_the_product_are_left():
    a, d, feeds = operands()
    sums = tf.reduce_sum(d, 0)
    assert rewritten([tf.matmul(tf.tanh(a * tf.reduce_sum(sums)), d, True)], feeds).count("sum") == 2


def test_no_rows_sum_to_zero(executor):
    a, d, _ = operands(None)
    with tf.Session() as session:
        found = session.run([tf.matmul(a, d, True), tf.reduce_sum(d, 0)], {a: np.ones((0, 4)), d: np.ones((0, 5))})
    np.testing.assert_array_equal(found[0], np.zeros((4, 5)))
    np.testing.assert_array_equal(found[1], np.zeros(5))
