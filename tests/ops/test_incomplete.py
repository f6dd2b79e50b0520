"""Incomplete gamma and beta functions and Bessel functions against SciPy, on both executors."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.ops.build import apply_op

special = pytest.importorskip("scipy.special", reason="SciPy has the exact values (hookloop[demo])")
A = np.array([[0.3], [1.0], [4.7], [31.0]])
X = np.array([0.2, 1.5, 4.5, 29.0])


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


@pytest.mark.parametrize("dtype, tolerance", [("float32", 2e-6), ("float64", 1e-12)])
def test_values(executor, dtype, tolerance):
    a, x = A.astype(dtype), X.astype(dtype)
    found = run([tf.igamma(a, x), tf.igammac(a, x), tf.betainc(a[:, 0], x, np.array(0.3, dtype)), *(
        function(np.concatenate([x, -x]))
        for function in (tf.math.bessel_i0, tf.math.bessel_i0e, tf.math.bessel_i1, tf.math.bessel_i1e)
    )])  # fmt: skip
    both = np.concatenate([X, -X])
    wanted = [special.gammainc(A, X), special.gammaincc(A, X), special.betainc(A[:, 0], X, 0.3),
              special.i0(both), special.i0e(both), special.i1(both), special.i1e(both)]  # fmt: skip
    for a, b in zip(found, wanted):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * 1e-3)


def test_slopes(executor):
    a, x = tf.placeholder(tf.float64, [4, 1]), tf.placeholder(tf.float64, [4])
    by_a, by_x = tf.gradients(tf.igamma(a, x), [a, x])
    found = run([by_a, by_x], {a: A, x: X})
    step = 1e-6
    differences = (special.gammainc(A + step, X) - special.gammainc(A - step, X)) / (2 * step)
    np.testing.assert_allclose(found[0], differences.sum(1, keepdims=True), rtol=1e-6, atol=1e-8)
    density = np.exp(-X + (A - 1) * np.log(X) - special.gammaln(A))
    np.testing.assert_allclose(found[1], density.sum(0), rtol=1e-12)


def test_the_arguments_of_betainc_are_of_one_shape_or_scalars():
    with pytest.raises(ValueError, match=r"Shapes must be equal rank, but are 2 and 1 for 'Betainc'"):
        tf.betainc(np.ones((2, 1)), np.ones(3), 0.5)
    assert tf.betainc(1.0, tf.placeholder(tf.float32, [None, 3]), 0.5).shape.as_list() == [None, 3]


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-4), ("float64", 1e-9)])
def test_how_gamma_samples_move_with_alpha(executor, dtype, tolerance):
    """By implicit differentiation: a sample keeps its quantile. Values from TensorFlow 1.15."""
    alpha = tf.constant([0.5, 1.0, 3.0, 3.0], dtype)
    samples = tf.placeholder(dtype, [4])
    slopes = run(apply_op("RandomGammaGrad", [alpha, samples]), {samples: [0.2, 1.5, 2.0, 7.0]})
    np.testing.assert_allclose(slopes, [0.79405046, 1.43093919, 0.85657150, 1.56645846], rtol=5e-6)
    drawn = tf.random_gamma([3, 2], alpha, dtype=dtype, seed=1)
    (gradient,) = tf.gradients(drawn, alpha)
    values, found = run([drawn, gradient])
    step = 1e-5
    a, x = np.array([0.5, 1.0, 3.0, 3.0]), values.astype(float)
    quantile = (special.gammainc(a + step, x) - special.gammainc(a - step, x)) / (2 * step)
    wanted = -quantile / np.exp(-x + (a - 1) * np.log(x) - special.gammaln(a))
    np.testing.assert_allclose(found, wanted.sum((0, 1)), rtol=max(tolerance, 1e-4))
