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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_at_the_ends_of_their_range(executor, dtype):
    """Where a factor or a term has no number any more: infinity and NaN, as in TensorFlow, and no error."""
    inf, nan = np.inf, np.nan
    cases = [
        (0, -inf, inf), (1, -inf, inf), (2, -inf, -inf), (20, 1e-30, -inf), (35, 1e-30, inf), (100, 1e-30, -inf), (171, 0.5, inf),
        (300, 1.0, -inf), (171, nan, nan), (171, inf, nan), (300, 0.0, -inf), (300, -1.0, -inf), (nan, 0.5, nan), (nan, 0.0, nan),
        (inf, 0.5, inf), (inf, 10.0, nan), (inf, 0.0, inf), (-1, 0.5, nan), (2, inf, 0.0), (1, nan, nan),
    ]  # fmt: skip
    n, x, wanted = (np.array(column, dtype) for column in zip(*cases))
    np.testing.assert_array_equal(run(tf.polygamma(n, x)), wanted)
    cases = [(inf, 0.5, inf), (inf, 1.0, 1.0), (inf, 2.0, 0.0), (inf, -0.5, inf), (100, 1e-30, inf), (nan, 0.5, nan), (2, nan, nan),
             (3, inf, 0.0), (2, -inf, inf)]  # fmt: skip
    x, q, wanted = (np.array(column, dtype) for column in zip(*cases))
    np.testing.assert_array_equal(run(tf.zeta(x, q)), wanted)


def test_of_high_orders(executor):
    """The tail of the sum is one from about the order on."""
    n, x = np.array([34.0, 35.0, 60.0, 100.0, 140.0]), np.array([[0.5], [3.0], [9.9], [10.0], [24.5], [99.5]])
    found = run([tf.polygamma(n, x), tf.zeta(n + 0.5, x)])
    np.testing.assert_allclose(found[0], special.polygamma(n.astype(int), x), rtol=1e-12)
    np.testing.assert_allclose(found[1], special.zeta(n + 0.5, x), rtol=1e-12)


def test_far_below_zero(executor):
    """As many terms as the argument is below zero: they are a sum that begins above it."""
    x, q = np.array([2.0, 3.0, 8.0]), np.array([[-99.5], [-100.25], [-150.7], [-1e12 - 0.5]])
    found = run(tf.zeta(x, q))
    steps = np.arange(400.0)
    for i in range(3):
        wanted = [(np.float64(q[i, 0] + steps) ** -p).sum() + special.zeta(p, q[i, 0] + 400) for p in x]
        np.testing.assert_allclose(found[i], wanted, rtol=1e-11, atol=1e-13)
    part = 0.5
    wanted = [special.zeta(p, part) + (-1) ** p * special.zeta(p, 1 - part) for p in x]
    np.testing.assert_allclose(found[3], wanted, rtol=1e-11, atol=1e-11)


def test_derivatives(executor):
    x = tf.placeholder(tf.float64, [4, 1])
    found = run(
        [tf.gradients(y, x)[0] for y in (tf.digamma(x), tf.polygamma(np.array(2.0), x), tf.zeta(np.array(3.0), x))],
        {x: X},
    )
    wanted = [special.polygamma(1, X), special.polygamma(3, X), -3 * special.zeta(4, X)]
    for a, b in zip(found, wanted):
        np.testing.assert_allclose(a, b, rtol=1e-12)
