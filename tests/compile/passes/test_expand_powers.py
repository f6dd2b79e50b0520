"""expand_powers: powers with small constant exponents are products, in gradients too."""

import numpy as np
import pytest

import hookloop as tf

from ...conftest import on_reference
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


@pytest.mark.parametrize("exponent, wanted", [(1, ["copy"]), (2, ["square"]), (3, ["square", "mul"]), (4, ["pow"])])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_small_powers_of_integers_are_products(executor, exponent, wanted, dtype):
    x = tf.placeholder(dtype, [None])
    value = np.array([0, 1, 5, 200, np.iinfo(dtype).max], dtype)
    y = tf.pow(x, tf.constant(exponent, dtype))
    assert rewritten([y], {x: value}) == wanted
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(y, {x: value}), value ** np.array(exponent, dtype))


def test_a_negative_power_of_an_integer_stays_to_be_refused():
    x = tf.placeholder(tf.int32, [None])
    y = tf.pow(x, -1)
    assert rewritten([y], {x: np.ones(3, np.int32)}) == ["pow"]
    if not on_reference():
        with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match="negative integer powers"):
            session.run(y, {x: [1, 2]})


def test_what_is_broadcast_stays():
    y = tf.placeholder(tf.float32, [])
    assert rewritten([tf.pow(y, np.full(1, 3, np.float32))], {y: np.float32(2)}) == ["pow"]
    z = tf.placeholder(tf.float32, [None])
    assert rewritten([tf.pow(z, y)], {z: np.ones(3, np.float32), y: np.float32(2)}) == ["pow"]
