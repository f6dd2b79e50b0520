"""Distinct elements and differences of vectors, on both executors."""

import numpy as np
import pytest

import hookloop as tf


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def distinct(x):
    """The distinct elements in order of appearance, the number of each element's, and how often each appears."""
    values = list(dict.fromkeys(x))
    return values, [values.index(v) for v in x], [list(x).count(v) for v in values]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int32", "int64", "uint8"])
def test_unique(executor, dtype):
    x = np.array([4, 1, 1, 9, 4, 0, 9, 9], dtype)
    y, index, count = run(tf.unique_with_counts(x))
    assert y.dtype == dtype and index.dtype == "int32"
    assert (list(y), list(index), list(count)) == distinct(x.tolist())
    y, index = run(tf.unique(x, out_idx=tf.int64))
    assert index.dtype == "int64" and list(y) == [4, 1, 9, 0]


def test_unique_takes_both_zeros_as_one_and_each_nan_as_its_own(executor):
    y, index = run(tf.unique(np.array([0.0, -0.0, np.nan, np.nan])))
    assert list(index) == [0, 0, 1, 2] and len(y) == 3


def test_unique_of_vectors_of_changing_sizes(executor):
    x = tf.placeholder(tf.int32, [None])
    y, index = tf.unique(x)
    again = tf.gather(y * 2, index)
    with tf.Session() as session:
        for size in (3, 1000, 0, 17, 70000):
            value = np.random.default_rng(size).integers(-size // 3, size // 3 + 1, size)
            np.testing.assert_array_equal(session.run(again, {x: value}), 2 * value)
            assert len(session.run(y, {x: value})) == len(np.unique(value))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_difference(executor, dtype):
    x, y = tf.placeholder(dtype, [None]), tf.placeholder(dtype, [None])
    found = tf.setdiff1d(x, y)
    with tf.Session() as session:
        out, index = session.run(found, {x: [1, 2, 3, 2, 5, 6], y: [1, 3, 5]})
        assert out.dtype == dtype and list(out) == [2, 2, 6] and list(index) == [1, 3, 5]
        out, index = session.run(found, {x: [1, 2], y: []})
        assert list(out) == [1, 2] and list(index) == [0, 1]
        out, index = session.run(found, {x: [], y: [1]})
        assert list(out) == []


def test_the_difference_of_constants_has_a_known_shape():
    out, index = tf.setdiff1d([0, 1, 2, 3], [1, 3], index_dtype=tf.int64)
    assert out.shape.as_list() == index.shape.as_list() == [2]
    assert index.dtype is tf.int64


def test_the_shape_that_two_shapes_are_broadcast_to(executor):
    x, y = tf.placeholder(tf.float32, [None, None]), tf.placeholder(tf.float32, [None])
    shape = tf.broadcast_dynamic_shape(tf.shape(x), tf.shape(y))
    assert list(run(shape, {x: np.ones((3, 1)), y: np.ones(4)})) == [3, 4]
    shape = tf.broadcast_dynamic_shape(tf.constant([2, 1]), tf.placeholder_with_default([5, 1, 7], [3]))
    assert list(run(shape)) == [5, 2, 7]


def test_text(executor):
    x = tf.placeholder(tf.string, [None])
    words = [b"b", b"a", b"b", b"ccc", b"a", b"b"]
    y, index, count = run(tf.unique_with_counts(x, tf.int64), {x: words})
    assert (y.tolist(), index.tolist(), count.tolist()) == ([b"b", b"a", b"ccc"], [0, 1, 0, 2, 1, 0], [3, 2, 1])
    assert run(tf.unique(x).idx + 1, {x: words}).tolist() == [1, 2, 1, 3, 2, 1]
    out, index = run(tf.setdiff1d(x, ["a"]), {x: words})
    assert (out.tolist(), index.tolist()) == ([b"b", b"b", b"ccc", b"b"], [0, 2, 3, 5])
