"""Complex numbers: errors, reals as their own parts, broadcasts and batches of unknown size, on both executors."""

import numpy as np
import pytest

import hookloop as tf


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def test_of_real_numbers_the_parts_are_what_they_are(executor):
    x = tf.placeholder(tf.int32, [3])
    assert tf.real(x) is x and tf.conj(x) is x
    found = run([tf.imag(x), tf.angle(x)], {x: [-1, 0, 2]})
    np.testing.assert_array_equal(found, np.zeros((2, 3), np.int32))


@pytest.mark.parametrize("function", [tf.real, tf.imag, tf.angle, tf.conj])
def test_text_has_no_parts(function):
    with pytest.raises(TypeError, match="Expected numeric tensor, got dtype tf.string"):
        function("a")


def test_both_parts_are_of_one_type():
    with pytest.raises(TypeError, match="real and imag have incorrect types: float32 int32"):
        tf.complex(1.0, 2)
    with pytest.raises(TypeError, match="real and imag have incorrect types: float64 float32"):
        tf.complex(np.ones(2), 1.0)


def test_any_batch_size(executor):
    x = tf.placeholder(tf.complex64, [None, 3])
    outputs = [tf.abs(x * tf.conj(x)), tf.reduce_sum(x, 0), x[::2], tf.transpose(x)]
    for rows in (0, 1, 5):
        value = (np.arange(rows * 3).reshape(rows, 3) - 4j).astype(np.complex64)
        wanted = [np.abs(value) ** 2, value.sum(0), value[::2], value.T]
        for a, b in zip(run(outputs, {x: value}), wanted):
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_complex_loss_needs_its_gradient(executor):
    x = tf.placeholder(tf.complex64, [])
    with pytest.raises(TypeError, match="Gradients of complex tensors must set grad_ys"):
        tf.gradients(x * x, x)
    (slope,) = tf.gradients(x * x, x, grad_ys=[tf.constant(1 + 0j, tf.complex64)])
    assert run(slope, {x: 1 + 2j}) == 2 - 4j


def test_a_complex_variable_is_trained(executor):
    z = tf.Variable(np.array([1 + 1j, 2 - 1j]), name="z")
    assert z.dtype.base_dtype == tf.complex128
    step = tf.assign_sub(z, 0.5 * z)
    with tf.Session() as session:
        session.run(z.initializer)
        session.run(step)
        np.testing.assert_array_equal(session.run(z), [0.5 + 0.5j, 1 - 0.5j])


def test_long_sums_are_those_of_numpy(executor):
    value = (np.arange(200_000) % 7 - 3j * (np.arange(200_000) % 5)).astype(np.complex64)
    found = run([tf.reduce_sum(value), tf.reduce_mean(value)])
    np.testing.assert_allclose(found, [value.sum(dtype=complex), value.mean(dtype=complex)], rtol=1e-6)


def test_stacking_lists_along_another_axis():
    stacked = tf.stack([[1, 2], [3, 4]], axis=1)
    assert [op.name for op in tf.get_default_graph().get_operations()] == [
        "stack",
        "stack_1/values_0",
        "stack_1/values_1",
        "stack_1",
    ]
    assert stacked.name == "stack_1:0"
    for axis in (-4, 3):
        with pytest.raises(ValueError, match=rf"axis = {axis} not in \[-3, 3\)"):
            tf.stack([tf.zeros([2, 3])] * 2, axis)
