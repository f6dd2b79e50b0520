"""Stitching and partitions against NumPy, on both executors."""

import numpy as np
import pytest

import hookloop as tf


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "bool"])
def test_rows_are_stitched_by_index(executor, dtype):
    x = np.arange(12).reshape(4, 3).astype(dtype)
    found = run(tf.dynamic_stitch([[4, 0], [[1], [2]]], [x[:2], x[2:].reshape(2, 1, 3)]))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.stack([x[1], x[2], x[3], np.zeros(3, dtype), x[0]]))


def test_the_last_of_several_rows_for_an_index_counts(executor):
    assert list(run(tf.dynamic_stitch([[0, 1], [1]], [[1.0, 2.0], [3.0]]))) == [1, 3]


def test_indices_may_only_be_known_while_it_runs(executor):
    first, second = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int32, [None])
    stitched = tf.dynamic_stitch([first, second], [tf.to_float(first) * 10, tf.to_float(second)]) + 1
    assert stitched.shape.as_list() == [None]
    with tf.Session() as session:
        assert list(session.run(stitched, {first: [2, 0], second: [1]})) == [1, 2, 21]
        assert list(session.run(stitched, {first: [0], second: []})) == [1]
        assert list(session.run(stitched, {first: [], second: []})) == []


def test_a_shape_can_be_stitched(executor):
    x = tf.placeholder(tf.float32, [None, None])
    shape = tf.dynamic_stitch([[0, 1], [1]], [tf.shape(x), [1]])
    found = run(tf.reshape(tf.reduce_sum(x, 1), shape), {x: np.ones((3, 4))})
    assert found.shape == (3, 1)


def test_gradient_of_a_stitch(executor):
    x, y = tf.placeholder(tf.float64, [2]), tf.placeholder(tf.float64, [2])
    stitched = tf.dynamic_stitch([[2, 0], [1, 3]], [x, y])
    gradients = tf.gradients(tf.reduce_sum(stitched * [1.0, 2.0, 3.0, 4.0]), [x, y])
    found = run(gradients, {x: [0, 0], y: [0, 0]})
    assert [list(g) for g in found] == [[3, 1], [2, 4]]


@pytest.mark.parametrize("shape", [(5,), (5, 2), (5, 1, 3)])
def test_rows_are_dealt_out(executor, shape):
    x = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    numbers = np.array([1, 0, 1, 2, 1])
    parts = tf.dynamic_partition(x, numbers.astype("int32"), 4)
    assert [p.shape.as_list() for p in parts] == [[None, *shape[1:]]] * 4
    found = run(parts)
    for k, part in enumerate(found):
        np.testing.assert_array_equal(part, x[numbers == k])


def test_partitions_of_changing_sizes(executor):
    x = tf.placeholder(tf.float32, [None, 2])
    kept, left = tf.dynamic_partition(x, tf.to_int32(x[:, 0] > 0), 2)[::-1]
    means = [tf.reduce_sum(kept, 0), tf.shape(left)[0]]
    with tf.Session() as session:
        for count in (1, 4, 0, 9):
            value = np.random.default_rng(count).standard_normal((count, 2)).astype("float32")
            total, rest = session.run(means, {x: value})
            np.testing.assert_allclose(total, value[value[:, 0] > 0].sum(0), rtol=1e-5)
            assert rest == np.sum(value[:, 0] <= 0)


def test_gradient_of_a_partition(executor):
    x = tf.placeholder(tf.float64, [4, 2])
    parts = tf.dynamic_partition(x, [1, 0, 1, 1], 2)
    (gradient,) = tf.gradients(tf.reduce_sum(parts[1] ** 2) + 5 * tf.reduce_sum(parts[0]), x)
    value = np.arange(8.0).reshape(4, 2)
    wanted = 2 * value
    wanted[1] = 5
    np.testing.assert_array_equal(run(gradient, {x: value}), wanted)


def test_a_partition_out_of_range_is_refused(executor):
    numbers = tf.placeholder(tf.int32, [2])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"partitions\[1\] = 2 is not in \[0, 2\)"):
        run(tf.dynamic_partition(tf.ones([2]), numbers, 2), {numbers: [0, 2]})


def test_a_negative_index_is_refused(executor):
    index = tf.placeholder(tf.int32, [2])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[1\] = -1 is out of range"):
        run(tf.dynamic_stitch([index], [[1.0, 2.0]]), {index: [0, -1]})


@pytest.mark.parametrize("number", [-1, 2, 3, 4])
def test_constant_numbers_of_no_partition_are_refused(number, executor):
    parts = tf.dynamic_partition(tf.constant([1, 2, 3] * 50), tf.constant([0, number, 0] * 50), 2)
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.InvalidArgumentError, match=rf"partitions\[1\] = {number} is not in \[0, 2\)"),
    ):
        session.run(parts)
