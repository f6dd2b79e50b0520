"""expand_powers: powers with small constant exponents are products, in gradients too."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import kernels, optimized

NAMES = ("expand_powers", "drop_unused")


def rewritten(fetches, feeds):
    return kernels(optimized(fetches, feeds, names=NAMES))


@pytest.mark.parametrize(
    "exponent, wanted", [(1, ["copy"]), (2, ["square"]), (3, ["square", "mul"]), (-1, ["reciprocal"])]
)
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("batch", [None, 5])
def test_small_powers_are_products(executor, exponent, wanted, dtype, batch):
    x = tf.placeholder(dtype, [batch, 7])
    value = np.random.RandomState(1).standard_normal((5, 7)).astype(dtype.as_numpy_dtype)
    y = tf.pow(x, exponent)
    assert rewritten([y], {x: value}) == wanted
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(y, {x: value}), value**exponent, 4 * np.finfo(value.dtype).eps)


def test_a_gradient_has_the_exponent_less_one(executor):
    x = tf.placeholder(tf.float32, [None])
    value = np.array([-2, 0, 3], np.float32)
    (slope,) = tf.gradients(x**3, x)
    assert "pow" not in rewritten([slope], {x: value})
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(slope, {x: value}), 3 * value**2)


@pytest.mark.parametrize("exponent", [0.5, 2.5, 4, -2, np.array([2, 3], np.float32)])
def test_other_powers_stay(exponent):
    x = tf.placeholder(tf.float32, [None, 2])
    assert rewritten([tf.pow(x, exponent)], {x: np.ones((3, 2), np.float32)}) == ["pow"]


def test_integers_and_what_is_broadcast_stay():
    x, y = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.float32, [])
    assert rewritten([tf.pow(x, 2)], {x: np.ones(3, np.int32)}) == ["pow"]
    assert rewritten([tf.pow(y, np.full(1, 3, np.float32))], {y: np.float32(2)}) == ["pow"]
    z = tf.placeholder(tf.float32, [None])
    assert rewritten([tf.pow(z, y)], {z: np.ones(3, np.float32), y: np.float32(2)}) == ["pow"]
