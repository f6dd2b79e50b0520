"""Inverses, determinants, solutions and decompositions against NumPy and finite differences, on both executors."""

import numpy as np
import pytest

import hookloop as tf


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def sample(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def positive(*batch, size=3):
    x = sample(*batch, size, size)
    return x @ np.swapaxes(x, -1, -2) + np.eye(size)


def check_slope(function, value, symmetric=False):
    """The gradient of a weighted sum against central differences."""
    x = tf.placeholder(tf.float64, value.shape)
    y = function(x)
    weights = np.random.default_rng(9).standard_normal(y.shape.as_list())
    loss = tf.reduce_sum(y * weights)
    (gradient,) = tf.gradients(loss, x)
    with tf.Session() as session:
        found = session.run(gradient, {x: value})
        wanted = np.zeros_like(value)
        for at in np.ndindex(value.shape):
            near = []
            for step in (1e-5, -1e-5):
                moved = value.copy()
                moved[at] += step
                if symmetric and at[-1] != at[-2]:
                    moved[(*at[:-2], at[-1], at[-2])] += step
                near.append(session.run(loss, {x: moved}))
            wanted[at] = (near[0] - near[1]) / 2e-5
    if symmetric:  # an element of the lower triangle stands for both
        found = np.tril(found) + np.swapaxes(np.triu(found, 1), -1, -2)
        wanted = np.tril(wanted)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-4), ("float64", 1e-11)])
@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_values(executor, batch, dtype, tolerance):
    x, right = positive(*batch).astype(dtype), sample(*batch, 3, 2, seed=1).astype(dtype)
    triangle = np.tril(x)
    wanted = {
        tf.matrix_inverse(x): np.linalg.inv(x),
        tf.matrix_determinant(x): np.linalg.det(x),
        tf.linalg.slogdet(-x)[1]: np.linalg.slogdet(-x)[1],
        tf.linalg.logdet(x): np.linalg.slogdet(x)[1],
        tf.cholesky(x): np.linalg.cholesky(x),
        tf.matrix_solve(x, right): np.linalg.solve(x, right),
        tf.matrix_triangular_solve(x, right): np.linalg.solve(triangle, right),
        tf.matrix_triangular_solve(x, right, adjoint=True): np.linalg.solve(np.swapaxes(triangle, -1, -2), right),
        tf.matrix_triangular_solve(x, right, lower=False): np.linalg.solve(np.triu(x), right),
        tf.cholesky_solve(tf.cholesky(x), right): np.linalg.solve(x, right),
        tf.self_adjoint_eigvals(x): np.linalg.eigvalsh(x),
    }
    for found, value in zip(run(list(wanted)), wanted.values()):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, value, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (3, 3), (2, 4, 3)])
@pytest.mark.parametrize("full", [False, True])
def test_factors_give_the_matrix_again(executor, shape, full):
    x = sample(*shape)
    q, r = run(tf.qr(x, full))
    np.testing.assert_allclose(q @ r, x, atol=1e-12)
    np.testing.assert_allclose(
        np.swapaxes(q, -1, -2) @ q, np.broadcast_to(np.eye(q.shape[-1]), (*shape[:-2], *q.shape[-1:] * 2)), atol=1e-12
    )
    s, u, v = run(tf.svd(x, full))
    least = s.shape[-1]
    again = (u[..., :least] * s[..., None, :]) @ np.swapaxes(v[..., :least], -1, -2)
    np.testing.assert_allclose(again, x, atol=1e-12)
    assert u.shape[-1] == (shape[-2] if full else least)
    np.testing.assert_allclose(run(tf.svd(x, compute_uv=False)), s)


def test_eigenvectors(executor):
    x = positive(2)
    values, vectors = run(tf.self_adjoint_eig(x))
    np.testing.assert_allclose(x @ vectors, vectors * values[..., None, :], atol=1e-11)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5)])
@pytest.mark.parametrize("regularizer", [0.0, 0.5])
def test_least_squares(executor, shape, regularizer):
    x, right = sample(*shape), sample(shape[0], 2, seed=1)
    plain = regular = np.linalg.pinv(x) @ right
    if regularizer:
        regular = np.linalg.solve(x.T @ x + regularizer * np.eye(shape[1]), x.T @ right)
    for fast, wanted in ((True, regular), (False, plain)):  # the decomposition takes no regularizer
        found = run(tf.matrix_solve_ls(x, right, regularizer, fast))
        np.testing.assert_allclose(found, wanted, atol=1e-9)


def test_open_shapes(executor):
    x = tf.placeholder(tf.float64, [None, None])
    parts = [tf.matrix_inverse(x), *tf.qr(x), tf.matrix_determinant(x)]
    for size in (2, 4):
        value = positive(size=size)
        inverse, q, r, determinant = run(parts, {x: value})
        np.testing.assert_allclose(inverse @ q @ r, np.eye(size), atol=1e-10)
        np.testing.assert_allclose(determinant, np.linalg.det(value))


def test_gradients(executor):
    x, right = positive() + 0.1 * sample(3, 3, seed=4), sample(3, 2, seed=1)
    check_slope(tf.matrix_inverse, x)
    check_slope(tf.matrix_determinant, x)
    check_slope(lambda x: tf.linalg.slogdet(x)[1], x)
    for adjoint in (False, True):
        check_slope(lambda x, a=adjoint: tf.matrix_solve(x, right, a), x)
        check_slope(lambda y, a=adjoint: tf.matrix_solve(x, y, a), right)
        for lower in (False, True):
            check_slope(lambda x, a=adjoint, lo=lower: tf.matrix_triangular_solve(x, right, lo, a), x)
            check_slope(lambda y, a=adjoint, lo=lower: tf.matrix_triangular_solve(x, y, lo, a), right)


def test_gradients_of_decompositions(executor):
    check_slope(tf.cholesky, positive(), symmetric=True)
    check_slope(lambda x: tf.self_adjoint_eig(x)[0], positive(), symmetric=True)
    check_slope(tf.self_adjoint_eigvals, positive(), symmetric=True)
    for shape in ((3, 3), (4, 3)):
        check_slope(lambda x: tf.qr(x)[0], sample(*shape))
        check_slope(lambda x: tf.qr(x)[1], sample(*shape))
    for shape in ((3, 3), (4, 3), (3, 4)):
        check_slope(lambda x: tf.svd(x)[0], sample(*shape))
        check_slope(lambda x: tf.svd(x)[1] * tf.svd(x)[2][0], sample(*shape))
        check_slope(lambda x: tf.svd(x, compute_uv=False), sample(*shape))


def test_matrices_without_an_answer(executor):
    x = tf.placeholder(tf.float64, [2, 2])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Input is not invertible"):
        run(tf.matrix_inverse(x), {x: np.ones((2, 2))})
    with pytest.raises(tf.errors.InvalidArgumentError, match="Cholesky decomposition was not successful"):
        run(tf.cholesky(x), {x: -np.eye(2)})
    with pytest.raises(ValueError, match="must be equal"):
        tf.matrix_inverse(tf.ones([2, 3]))


@pytest.mark.parametrize("unfit", [np.nan, np.inf])
def test_what_is_not_finite_gives_nan(executor, unfit):
    """An error of the decomposition would stand in the way of saying where a NaN comes from."""
    value = np.stack([np.eye(20), 2 * np.eye(20)])
    value[1, 3, 4] = unfit
    x = tf.placeholder(tf.float64, [2, 20, 20])
    solution = tf.matrix_solve_ls(x, tf.ones([2, 20, 1], tf.float64), fast=False)
    s, solved, root, alone = run(
        [tf.svd(x)[0], solution, tf.linalg.sqrtm(x), tf.svd(x[1], compute_uv=False)], {x: value}
    )
    np.testing.assert_allclose(s[0], np.ones(20))
    np.testing.assert_allclose(solved[0], np.ones((20, 1)))
    np.testing.assert_allclose(root[0], np.eye(20))
    assert np.isnan(s[1]).any() and np.isnan(solved[1]).any() and np.isnan(root[1]).all() and np.isnan(alone).any()


@pytest.mark.parametrize("unfit", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_lapack_does_not_see_what_is_not_finite(executor, monkeypatch, dtype, unfit):
    """It writes to the standard error, or searches for ever: singular values of floats with an infinity."""

    def checked(function):
        def call(x, *args, **kwargs):
            assert np.isfinite(x).all()
            return function(x, *args, **kwargs)

        return call

    for name in ("svd", "pinv"):
        monkeypatch.setattr(np.linalg, name, checked(getattr(np.linalg, name)))
    value = np.ones((3, 3), dtype)
    value[0, 0] = unfit
    alone, solved = run([tf.svd(value, compute_uv=False), tf.matrix_solve_ls(value, value[:, :1], fast=False)])
    assert np.isnan(alone).all() and np.isnan(solved).all()


def test_decompositions_that_do_not_converge(executor, monkeypatch):
    def fail(*args, **kwargs):
        raise np.linalg.LinAlgError

    for name in ("svd", "eigh", "eigvalsh"):
        monkeypatch.setattr(np.linalg, name, fail)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Singular value decomposition did not converge."):
        run(tf.svd(np.eye(20)))
    for values in (tf.self_adjoint_eigvals(np.eye(20)), tf.self_adjoint_eig(np.eye(20))[0]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="Self-adjoint eigen decomposition was not successful"):
            run(values)


def test_least_squares_of_matrices_whose_form_only_the_run_tells(executor):
    x, right = tf.placeholder(tf.float64, [None, None]), tf.placeholder(tf.float64, [None, 2])
    solution = tf.matrix_solve_ls(x, right)
    generator = np.random.default_rng(3)
    for form in ((5, 3), (3, 5), (4, 4)):
        value, target = generator.standard_normal(form), generator.standard_normal((form[0], 2))
        wanted = np.linalg.lstsq(value, target, rcond=None)[0]
        np.testing.assert_allclose(run(solution, {x: value, right: target}), wanted, atol=1e-7)


def test_matrices_of_less_than_two_axes_are_told_by_the_run(executor):
    x = tf.placeholder(tf.float64)
    found = [
        tf.matrix_inverse(x), tf.matrix_determinant(x), tf.matrix_solve(x, x), tf.matrix_solve_ls(x, x, fast=False), tf.qr(x),
        tf.svd(x), tf.self_adjoint_eig(x), tf.cholesky(x),
    ]  # fmt: skip
    for fetch in found:
        for axes in (0, 1):
            with pytest.raises(tf.errors.InvalidArgumentError, match=f"must be at least rank 2 but is rank {axes}"):
                run(fetch, {x: np.ones((3,) * axes)})


@pytest.mark.parametrize("solve", [tf.matrix_solve, tf.matrix_triangular_solve])
def test_batches_do_not_broadcast(solve, executor):
    matrix, right = np.tile(np.eye(3), (2, 1, 1)), np.ones((3, 1))
    with pytest.raises(ValueError, match="Shapes must be equal rank, but are 1 and 0"):
        solve(matrix, right)
    with pytest.raises(ValueError, match="must be equal, but are 2 and 4"):
        solve(matrix, np.ones((4, 3, 1)))
    x, y = tf.placeholder(tf.float64), tf.placeholder(tf.float64)
    solution = solve(x, y)
    with tf.Session() as session:
        for wrong in (right, np.ones((4, 3, 1))):
            with pytest.raises(tf.errors.InvalidArgumentError):
                session.run(solution, {x: matrix, y: wrong})
        assert session.run(solution, {x: matrix, y: np.ones((2, 3, 1))}).shape == (2, 3, 1)


def test_gradients_of_matrices_of_open_sizes_are_refused():
    x = tf.placeholder(tf.float32, [None, None])
    with pytest.raises(NotImplementedError, match="QrGrad not implemented with dynamic shapes"):
        tf.gradients(tf.linalg.qr(x)[1], x)
    with pytest.raises(NotImplementedError, match="SVD gradient has not been implemented for input with unknown inner"):
        tf.gradients(tf.linalg.svd(x)[0], x)


def test_a_decomposition_of_least_squares_takes_no_regularizer(executor):
    matrix, right = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]]), tf.constant([[1.0], [2.0], [4.0]])
    with tf.Session() as session:
        plain, regular = (
            session.run(tf.linalg.lstsq(matrix, right, l2_regularizer=0.5, fast=fast)).ravel() for fast in (False, True)
        )
    np.testing.assert_allclose(plain, [0.0714286, 0.5], rtol=1e-4)
    np.testing.assert_allclose(regular, [0.2188679, 0.3924528], rtol=1e-4)
