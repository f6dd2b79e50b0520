"""Exponentials, logarithms, square roots, factors, ranks and pseudo-inverses of matrices."""

import numpy as np
import pytest

import hookloop as tf

RNG = np.random.RandomState(0)
A = RNG.randn(3, 3) * 0.5


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def series(x):
    """The exponential by its series, of a matrix that is made small first."""
    total, term = np.eye(len(x)), np.eye(len(x))
    for k in range(1, 40):
        term = term @ x / 2**10 / k
        total = total + term
    for _ in range(10):
        total = total @ total
    return total


@pytest.mark.parametrize("static", [True, False])
def test_exponentials_of_small_and_large_matrices_at_once(executor, static):
    batch = np.stack([A * 0.1, A * 9, A * 30, A * 0])
    x = tf.placeholder(tf.float64, batch.shape if static else [None, None, None])
    found = run(tf.linalg.expm(x), {x: batch})
    for value, matrix in zip(found, batch):
        np.testing.assert_allclose(value, series(matrix), rtol=1e-9)


@pytest.mark.parametrize("scale", [0.15, 9])
def test_gradients_of_exponentials(executor, scale):
    x = tf.placeholder(tf.float64, [None, 3, 3])
    with tf.Session():
        batch = np.stack([A * scale, A])
        exact, near = tf.test.compute_gradient(x, [2, 3, 3], tf.linalg.expm(x), [2, 3, 3], batch, delta=1e-5)
    np.testing.assert_allclose(exact, near, rtol=1e-5, atol=1e-6 * np.abs(near).max())


def test_exponential_of_nothing(executor):
    assert run(tf.linalg.expm(tf.zeros([0, 0]))).shape == (0, 0)


def test_square_roots_and_logarithms(executor):
    definite = np.stack([A @ A.T + np.eye(3), np.diag([1e-6, 1.0, 1e4])])
    root = run(tf.linalg.sqrtm(definite))
    np.testing.assert_allclose(root @ root, definite, rtol=1e-9, atol=1e-12)
    matrix = A + 1j * RNG.randn(3, 3) + 3 * np.eye(3)
    root = run(tf.linalg.sqrtm(matrix))
    np.testing.assert_allclose(root @ root, matrix, rtol=1e-12)
    np.testing.assert_allclose(run(tf.linalg.expm(tf.linalg.logm(matrix))), matrix, rtol=1e-12)
    with pytest.raises(TypeError, match="float64 not in list of allowed values"):
        tf.linalg.logm(A)


def test_gradient_of_square_roots(executor):
    x = tf.placeholder(tf.float64, [None, 3, 3])
    batch = np.stack([A @ A.T + np.eye(3), A.T @ A + np.eye(3)]) + 0.05 * RNG.randn(2, 3, 3)
    with tf.Session():
        assert tf.test.compute_gradient_error(x, [2, 3, 3], tf.linalg.sqrtm(x), [2, 3, 3], batch, delta=1e-5) < 1e-7


def test_gradient_of_a_complex_square_root(executor):
    parts = [tf.placeholder(tf.float64, [3, 3]) for _ in range(2)]
    values = [A + 2 * np.eye(3), RNG.randn(3, 3) / 3]
    root = tf.linalg.sqrtm(tf.complex(*parts))
    total = tf.reduce_sum(tf.real(root) * A + tf.imag(root))
    with tf.Session():
        feeds = dict(zip(parts, values))
        for part, value in zip(parts, values):
            others = {k: v for k, v in feeds.items() if k is not part}
            assert tf.test.compute_gradient_error(part, [3, 3], total, [], value, 1e-5, extra_feed_dict=others) < 1e-7


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_factors(executor, dtype):
    batch = RNG.randn(2, 5, 5)
    factors, order = run(tf.linalg.lu(batch, output_idx_type=dtype))
    assert order.dtype == dtype.as_numpy_dtype
    for matrix, both, rows in zip(batch, factors, order):
        np.testing.assert_allclose((np.tril(both, -1) + np.eye(5)) @ np.triu(both), matrix[rows], atol=1e-13)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Input is not invertible."):
        run(tf.linalg.lu(np.ones((2, 2))))


@pytest.mark.parametrize("static", [True, False])
def test_ranks_and_pseudo_inverses(executor, static):
    batch = np.stack([RNG.randn(4, 3), np.ones((4, 3)), np.zeros((4, 3))])
    x = tf.placeholder(tf.float64, batch.shape if static else [None, None, None])
    ranks, loose, inverses = run(
        [tf.linalg.matrix_rank(x), tf.linalg.matrix_rank(x, tol=10.0), tf.linalg.pinv(x)], {x: batch}
    )
    assert ranks.tolist() == [3, 1, 0] and loose.tolist() == [0, 0, 0]
    np.testing.assert_allclose(inverses, np.linalg.pinv(batch), atol=1e-12)


def test_what_is_no_matrix_of_floats():
    with pytest.raises(TypeError, match=r"Input `a` must have `float`-like `dtype` \(saw int32\)."):
        tf.linalg.pinv([[1]])
    with pytest.raises(ValueError, match=r"Input `a` must have at least 2 dimensions \(saw: 1\)."):
        tf.linalg.matrix_rank([1.0])
    x = tf.placeholder(tf.float64)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Input `a` must have at least 2 dimensions"):
        run(tf.linalg.matrix_rank(x, validate_args=True), {x: [1.0]})


def test_factors_have_names():
    assert tf.linalg.lu(tf.eye(2))._fields == ("lu", "p")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_real_matrix_with_a_negative_eigenvalue_has_no_real_root(executor, dtype):
    matrices = np.array([[[0, 1], [2, 3]], [[4, 1], [1, 3]], [[-1, 0], [0, 2]], [[0, 1], [-1, 0]]], dtype)
    found = run(tf.linalg.sqrtm(matrices))
    assert np.isnan(found).all((1, 2)).tolist() == [True, False, True, False]
    np.testing.assert_allclose(found[1], [[1.9815776, 0.2708322], [0.2708322, 1.7107455]], rtol=1e-5)
    np.testing.assert_allclose(found[3], [[0.70710677, 0.70710677], [-0.70710677, 0.70710677]], rtol=1e-5)
