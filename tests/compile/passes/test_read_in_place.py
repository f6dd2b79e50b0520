"""read_in_place: views are read where they lie, where the kernel can and the memory still holds the value."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import kernels, optimized


def rewritten(fetches, feeds=None, targets=()):
    return optimized(fetches, feeds, targets, names=["drop_unused", "read_in_place"])


def test_a_reshaped_part_is_read_where_it_lies():
    x = tf.placeholder(tf.float32, [4, 6])
    program = rewritten([tf.tanh(tf.reshape(x[:, 1:4], [4, 1, 3]))], {x: np.zeros((4, 6))})
    assert kernels(program) == ["tanh"]


def test_a_reshape_that_needs_a_copy_keeps_it():
    x = tf.placeholder(tf.float32, [4, 6])
    program = rewritten([tf.tanh(tf.reshape(x[:, 1:4], [12]))], {x: np.zeros((4, 6))})
    assert kernels(program) == ["copy", "tanh"]


def test_a_kernel_of_dense_operands_keeps_the_copy():
    x = tf.placeholder(tf.float32, [4, 6])
    assert kernels(rewritten([tf.nn.softmax(x[:, 1:4])], {x: np.zeros((4, 6))})) == ["copy", "softmax"]


def test_a_part_that_is_dense_needs_no_copy_whatever_reads_it():
    x = tf.placeholder(tf.float32, [4, 6])
    assert kernels(rewritten([tf.nn.softmax(tf.reshape(x[1:3], [2, 6]))], {x: np.zeros((4, 6))})) == ["softmax"]


def test_a_fetched_view_is_copied():
    x = tf.placeholder(tf.float32, [4, 6])
    assert kernels(rewritten([tf.reshape(x[:, 1:4], [4, 1, 3])], {x: np.zeros((4, 6))})) == ["copy"]


@pytest.mark.parametrize("batch", [4, None])
def test_unknown_sizes_are_no_obstacle(batch):
    x = tf.placeholder(tf.float32, [batch, 6])
    program = rewritten([tf.tanh(tf.expand_dims(x[:, 1:4], 1))], {x: np.zeros((4, 6))})
    assert kernels(program) == ["tanh"]


def test_an_old_value_of_a_variable_is_copied_before_the_write(executor):
    v = tf.Variable([1.0, 2.0, 3.0])
    part = tf.expand_dims(v[1:], 0)
    with tf.control_dependencies([tf.assign(v, v * 10.0)]):
        after = tf.tanh(v.read_value())
    with tf.Session() as session:
        session.run(v.initializer)
        first, second = session.run([part + 0.0, after])
    np.testing.assert_allclose(first, [[2, 3]])
    np.testing.assert_allclose(second, np.tanh([10, 20, 30]), rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("known", [True, False])
def test_what_is_repeated_is_not_read_where_one_of_it_lies(executor, axis, known):
    x = tf.placeholder(tf.float64, [2, 3] if known else [None, None])
    many = tf.placeholder(tf.float64, [None])
    repeated = tf.broadcast_to(
        tf.expand_dims(x, 2), [tf.shape(x)[0], tf.shape(x)[1], 4 if known else tf.shape(many)[0]]
    )
    values = np.arange(6.0).reshape(2, 3)
    with tf.Session() as session:
        found = session.run(tf.reverse(repeated, [axis]), {x: values, many: np.zeros(4)})
    np.testing.assert_array_equal(found, np.flip(np.broadcast_to(values[:, :, None], (2, 3, 4)), axis))
