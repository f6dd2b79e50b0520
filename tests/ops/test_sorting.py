"""Sorting and places among sorted values, on both executors."""

import numpy as np
import pytest

import hookloop as tf


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def sample(shape, dtype):
    return (np.random.default_rng(2).standard_normal(shape) * 50).astype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64", "int8", "uint8"])
@pytest.mark.parametrize("axis", [-1, 0, 1, -2])
def test_sort(executor, axis, dtype):
    x = sample((5, 4, 3), dtype)
    found = run([tf.sort(x, axis), tf.sort(x, axis, "DESCENDING")])
    np.testing.assert_array_equal(found[0], np.sort(x, axis))
    np.testing.assert_array_equal(found[1], np.flip(np.sort(x, axis), axis))


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_argsort_keeps_the_order_of_equal_elements(executor, axis):
    x = np.random.default_rng(0).integers(0, 3, (6, 7, 2)).astype("int32")
    np.testing.assert_array_equal(run(tf.argsort(x, axis)), np.argsort(x, axis, kind="stable"))
    np.testing.assert_array_equal(run(tf.argsort(x, axis, "DESCENDING")), np.argsort(-x, axis, kind="stable"))


def test_sort_of_an_open_shape(executor):
    x = tf.placeholder(tf.float32, [None, None])
    ordered = tf.sort(x)
    with tf.Session() as session:
        for shape in ((2, 5), (4, 1), (3, 0), (1, 300)):
            value = sample(shape, "float32")
            np.testing.assert_array_equal(session.run(ordered, {x: value}), np.sort(value))


def test_gradient_of_sort(executor):
    x = tf.placeholder(tf.float64, [4])
    (gradient,) = tf.gradients(tf.reduce_sum(tf.sort(x) * [1.0, 2.0, 3.0, 4.0]), x)
    assert list(run(gradient, {x: [3.0, -1.0, 9.0, 0.0]})) == [3, 1, 4, 2]


def test_another_direction_is_refused():
    with pytest.raises(ValueError, match="UP should be one of"):
        tf.sort([1.0], direction="UP")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(executor, side, dtype):
    rows = np.sort(np.random.default_rng(0).integers(0, 9, (2, 3, 8)), -1).astype(dtype)
    values = np.random.default_rng(1).integers(-1, 11, (2, 3, 5)).astype(dtype)
    found = run(tf.searchsorted(rows, values, side, out_type=tf.int64))
    assert found.dtype == "int64"
    for at in np.ndindex(2, 3):
        np.testing.assert_array_equal(found[at], np.searchsorted(rows[at], values[at], side))
    assert list(run(tf.searchsorted([1.0, 3.0], [0.0, 3.0, 4.0]))) == [0, 1, 2]
