"""Dropout, on both executors; its random numbers are compared with TensorFlow's elsewhere."""

import numpy as np
import pytest

import hookloop as tf


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_elements_are_kept_and_scaled_or_zero(executor, dtype):
    x = np.ones((200, 50), dtype)
    y = run(tf.nn.dropout(x, rate=0.25, seed=1))
    assert y.dtype == dtype
    np.testing.assert_allclose(y[y != 0], 1 / 0.75, rtol=1e-3)
    assert abs(np.mean(y != 0) - 0.75) < 0.03


def test_the_same_seed_gives_the_same_decisions(executor):
    x = np.ones([30], "float32")
    first = run(tf.nn.dropout(x, rate=0.5, seed=3))
    again = run(tf.nn.dropout(x, keep_prob=0.5, seed=3))
    np.testing.assert_array_equal(first, again)


def test_decisions_may_be_shared_along_an_axis(executor):
    y = run(tf.nn.dropout(np.ones([6, 40], "float32"), rate=0.5, noise_shape=[None, 1], seed=2))
    assert all(len(set(row)) == 1 for row in y) and len(set(y[:, 0])) == 2


def test_gradient_flows_where_elements_are_kept(executor):
    x = tf.placeholder(tf.float32, [50])
    y = tf.nn.dropout(x, rate=0.5, seed=4)
    value, slope = run([y, tf.gradients(y, x)[0]], {x: np.full(50, 3.0)})
    np.testing.assert_array_equal(slope * 3, value)


def test_a_rate_of_zero_adds_nothing():
    x = tf.placeholder(tf.float32, [3])
    assert tf.nn.dropout(x, rate=0) is x


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"rate": 1.0}, r"in the range \[0, 1\), got 1"),
        ({"keep_prob": 0.0}, r"in the range \[0, 1\), got 1"),
        ({}, "You must provide a rate"),
        ({"keep_prob": 0.5, "rate": 0.5}, "Cannot specify both"),
        ({"rate": [0.5, 0.5]}, "must have rank 0"),
    ],
)
def test_what_is_refused(arguments, text):
    with pytest.raises(ValueError, match=text):
        tf.nn.dropout(tf.ones([2]), **arguments)
