"""count_true: bools of which only the number of true ones is wanted are never stored as numbers."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import kernels, optimized

# (shape, the last axes, or all): words, blocks, parts of a long row
COUNTS = [
    ((7,), [0]),
    ((0,), [0]),
    ((5, 64), [1]),
    ((33, 129), [0, 1]),
    ((6, 5, 41), [1, 2]),
    ((4, 0), [1]),
    ((3, 300001), [1]),
    ((600001,), [0]),
]
NAMES = ["drop_unused", "count_true"]


def bools(shape, share=0.4):
    return np.random.RandomState(len(shape)).random_sample(shape) < share


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.int32, tf.int64], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("shape, axes", COUNTS)
def test_sums_and_means_of_bools(shape, axes, dtype, executor):
    x, value = tf.placeholder(tf.bool, shape), bools(shape)
    numbers = tf.cast(x, dtype)
    total, mean = tf.reduce_sum(numbers, axes), tf.reduce_mean(tf.cast(x, dtype), axes)
    if executor == "plan":
        assert kernels(optimized([total], {x: value}, names=NAMES)) == ["count_true"]
        assert kernels(optimized([mean], {x: value}, names=NAMES)) == ["count_true"]
    with tf.Session() as session:
        np.testing.assert_array_equal(
            session.run(total, {x: value}), value.sum(tuple(axes)).astype(dtype.as_numpy_dtype)
        )
        if value.size:
            expected = value.mean(tuple(axes))
            np.testing.assert_array_equal(session.run(mean, {x: value}), expected.astype(dtype.as_numpy_dtype))


def test_the_mean_of_no_bools_is_nan(executor):
    x = tf.placeholder(tf.bool, [None, 3])
    with tf.Session() as session:
        assert np.isnan(session.run(tf.reduce_mean(tf.cast(x, tf.float32)), {x: np.zeros((0, 3), bool)}))


def test_counts_of_unknown_sizes(executor):
    x = tf.placeholder(tf.bool, [None, None])
    count = tf.reduce_sum(tf.cast(x, tf.int32), 1)
    with tf.Session() as session:
        for shape in [(3, 5), (2, 700), (0, 4), (1, 400000)]:
            value = bools(shape)
            np.testing.assert_array_equal(session.run(count, {x: value}), value.sum(1))


@pytest.mark.parametrize("threads", [1, 2])
def test_counts_do_not_depend_on_threads(threads):
    x, value = tf.placeholder(tf.float32, [700, 900]), np.random.RandomState(0).randint(0, 2, (700, 900))
    with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
        assert session.run(tf.count_nonzero(x), {x: value}) == np.count_nonzero(value)
        np.testing.assert_array_equal(session.run(tf.count_nonzero(x, 1), {x: value}), np.count_nonzero(value, 1))


def test_bools_are_counted_without_a_comparison(executor):
    x, value = tf.placeholder(tf.bool, [1000]), bools((1000,))
    count = tf.count_nonzero(x)
    if executor == "plan":
        assert kernels(optimized([count], {x: value}, names=NAMES)) == ["count_true"]
    with tf.Session() as session:
        assert session.run(count, {x: value}) == np.count_nonzero(value)


def test_bools_compared_with_true_are_counted_as_compared(executor):
    x, value = tf.placeholder(tf.bool, [1000]), bools((1000,))
    count = tf.reduce_sum(tf.cast(tf.not_equal(x, True), tf.int64))
    with tf.Session() as session:
        assert session.run(count, {x: value}) == 1000 - np.count_nonzero(value)


def test_numbers_that_are_wanted_too_are_made():
    x, value = tf.placeholder(tf.bool, [50]), bools((50,))
    numbers = tf.cast(x, tf.float32)
    fetches = [numbers, tf.reduce_sum(numbers)]
    assert kernels(optimized(fetches, {x: value}, names=NAMES)) == ["cast", "sum"]


def test_counts_along_first_axes_stay_sums(executor):
    x, value = tf.placeholder(tf.bool, [30, 4]), bools((30, 4))
    count = tf.reduce_sum(tf.cast(x, tf.int32), 0)
    if executor == "plan":
        assert kernels(optimized([count], {x: value}, names=NAMES)) == ["cast", "sum"]
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(count, {x: value}), value.sum(0))
