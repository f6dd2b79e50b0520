"""Special functions against SciPy and their derivatives, on both executors."""

import numpy as np
import pytest

import hookloop as tf

special = pytest.importorskip("scipy.special", reason="SciPy has the exact values (hookloop[demo])")
X = np.array([[0.3], [1.0], [4.7], [31.0]])


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


@pytest.mark.parametrize("dtype, tolerance", [("float32", 2e-6), ("float64", 1e-13)])
def test_values(executor, dtype, tolerance):
    x, n = X.astype(dtype), np.array([0, 1, 2, 5], dtype)
    found = run([tf.polygamma(n, x), tf.zeta(n + 1.5, x), tf.lbeta(x[:, 0])])
    wanted = [
        special.polygamma(n.astype(int), x),
        special.zeta(n + 1.5, x),
        sum(special.gammaln(X)) - special.gammaln(X.sum()),
    ]
    for a, b in zip(found, wanted):
        np.testing.assert_allclose(a, np.squeeze(b), rtol=tolerance * 4)


def test_where_they_have_no_value(executor):
    found = run([tf.zeta(1.0, 2.0), tf.zeta(0.5, 2.0), tf.zeta(2.0, -3.0), tf.polygamma(1.5, 2.0)])
    assert np.isinf(found[0]) and np.isnan(found[1]) and np.isinf(found[2]) and np.isnan(found[3])


def test_derivatives(executor):
    x = tf.placeholder(tf.float64, [4, 1])
    found = run(
        [tf.gradients(y, x)[0] for y in (tf.digamma(x), tf.polygamma(np.array(2.0), x), tf.zeta(np.array(3.0), x))],
        {x: X},
    )
    wanted = [special.polygamma(1, X), special.polygamma(3, X), -3 * special.zeta(4, X)]
    for a, b in zip(found, wanted):
        np.testing.assert_allclose(a, b, rtol=1e-12)
