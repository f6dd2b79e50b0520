"""Strides, permutations and axes that are computed in the run: what they decide is worked out there."""

import itertools

import numpy as np
import pytest

import hookloop as tf

from ..conftest import on_reference

X = np.arange(24.0).reshape(2, 3, 4)
ROW = np.arange(7.0)


def computed(values, dtype=tf.int32):
    """A tensor of which nobody knows before the run what it holds."""
    return tf.cast(tf.round(tf.constant(values, tf.float32) + tf.random_uniform([], 0.1, 0.2)), dtype)


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
@pytest.mark.parametrize("perm", list(itertools.permutations(range(3))))
def test_transpose(executor, perm, dtype):
    x = tf.constant(X)
    y = tf.transpose(x, computed(perm, dtype))
    assert y.shape.as_list() == [None] * 3
    weight = np.transpose(X, perm) ** 2
    value, gradient = run([y, tf.gradients(y * weight, x)[0]])
    np.testing.assert_array_equal(value, np.transpose(X, perm))
    np.testing.assert_array_equal(gradient, X**2)


def test_a_product_with_a_matrix_that_may_be_turned(executor):
    x = tf.placeholder(tf.float64, [None, 2])
    product = tf.matmul(tf.transpose(X[0, :2, :2], computed([1, 0])), x, transpose_b=True)
    with tf.Session() as session:
        for rows in (3, 5):
            value = np.arange(2.0 * rows).reshape(rows, 2)
            np.testing.assert_array_equal(session.run(product, {x: value}), X[0, :2, :2].T @ value.T)


def test_another_permutation_in_each_iteration(executor):
    def body(i, total):
        perm = tf.cast(tf.cast(tf.stack([i % 3, (i + 1) % 3, (i + 2) % 3]), tf.float32) + 0.2, tf.int32)
        y = tf.transpose(X, perm)
        return i + 1, total + tf.cast(tf.shape(y)[0], tf.float64) * y[0, 0, 1]

    total = tf.while_loop(lambda i, total: i < 3, body, [0, tf.constant(0.0, tf.float64)])[1]
    assert run(total) == 2 * 1 + 3 * 12 + 4 * 4


@pytest.mark.parametrize("axes", [[], [0], [1, -1], [2, 0, 1]])
def test_reverse(executor, axes):
    x = tf.constant(X)
    y = tf.reverse(x, computed(axes))
    value, gradient = run([y, tf.gradients(y * X, x)[0]])
    np.testing.assert_array_equal(value, np.flip(X, axes))
    np.testing.assert_array_equal(gradient, np.flip(X, axes))


@pytest.mark.parametrize("stride", [1, 2, 3, 10, -1, -2, -7])
@pytest.mark.parametrize("part", [(None, None), (1, 6), (5, 1), (-2, -6), (-10, 20), (20, -20)])
def test_slice(executor, part, stride):
    x = tf.constant(ROW)
    y = x[part[0] : part[1] : computed(stride)]
    value, gradient = run([y, tf.gradients(y * y, x)[0]])
    wanted = ROW[slice(*part, stride)]
    np.testing.assert_array_equal(value, wanted)
    np.testing.assert_array_equal(gradient, np.where(np.isin(ROW, wanted), 2 * ROW, 0))


def test_slice_of_an_open_size(executor):
    x = tf.placeholder(tf.float64, [None])
    y = x[:: computed(-2)]
    with tf.Session() as session:
        for size in (0, 1, 6, 7):
            np.testing.assert_array_equal(session.run(y, {x: ROW[:size]}), ROW[:size][::-2])


def test_strided_slice_with_masks(executor):
    y = tf.strided_slice(X, computed([0, 0, 3]), computed([2, 3, 0]), computed([1, -2, -3]), begin_mask=2, end_mask=6,
                         shrink_axis_mask=1)  # fmt: skip
    np.testing.assert_array_equal(run(y), X[0, ::-2, 3::-3])


def test_assignment_to_every_other_element(executor):
    v = tf.Variable(ROW)
    with tf.control_dependencies([v.initializer]):
        update = v[:: computed(-2)].assign(tf.constant([9.0, 8, 7, 6], tf.float64))
    with tf.control_dependencies([update]):
        assert run(v.read_value()).tolist() == [6, 1, 7, 3, 8, 5, 9]


def test_a_constant_part_that_begins_where_the_run_tells(executor):
    assert run(tf.slice(tf.constant(ROW), computed([2]), [3])).tolist() == [2, 3, 4]


@pytest.mark.skipif(on_reference(), reason="the texts are a plan's own; the reference executor has NumPy's")
@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: tf.transpose(X, computed([3, 0, 1])), r"Expected a size in \[0, 2\], but got 3"),
        (lambda: tf.transpose(X, computed([-1, 0, 1])), r"Expected a size in \[0, 2\], but got -1"),
        (lambda: tf.transpose(X, computed([0, 0, 1])), "an axis specified more than once: 2 times"),
        (
            lambda: tf.transpose(tf.placeholder_with_default(X, None), computed([0, 1])),
            "a perm of 2 elements is no permutation of 3 axes",
        ),
        (lambda: tf.reverse(X, computed([3])), "slice index 3 out of bounds of an axis of 3 elements"),
        (lambda: tf.reverse(X, computed([1, -2])), "an axis specified more than once: 2 times"),
        (lambda: ROW[::1] + tf.constant(ROW)[:: computed(0)], "strides must be non-zero"),
    ],
)
def test_what_is_refused(make, text):
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        run(make())
