"""Triangular systems and Cholesky's factors: sizes beside the blocks' and tiles' edges, every type, threads, what is not read."""

import itertools

import numpy as np
import pytest

import hookloop as tf
from hookloop import _core

TYPES = ("float32", "float64", "complex64", "complex128")
SIZES = (0, 1, 2, 15, 16, 17, 31, 33, 100)
COLUMNS = (0, 1, 2, 7, 8, 9, 16, 17, 31, 33, 40)


def numbers(shape, dtype, seed=0):
    random = np.random.RandomState(seed)
    values = random.standard_normal(shape)
    if dtype.startswith("complex"):
        values = values + 1j * random.standard_normal(shape)
    return values.astype(dtype)


def tolerance(dtype):
    return 2e-4 if dtype in ("float32", "complex64") else 1e-11


def well_posed(batch, n, dtype):
    """Matrices whose triangles are far from singular, in both triangles."""
    return numbers((*batch, n, n), dtype) / max(1, n) + 2 * np.eye(n, dtype=dtype)


def solve(matrix, right, lower, adjoint, threads=1):
    out = np.full_like(right, 9)
    _core.KernelCall("triangular_solve", [matrix, right], [out], [lower, adjoint], threads)()
    return out


def factor(matrix, threads=1):
    out = np.full_like(matrix, 9)
    _core.KernelCall("cholesky", [matrix], [out], [], threads)()
    return out


def triangle_of(matrix, lower, adjoint):
    triangle = np.tril(matrix) if lower else np.triu(matrix)
    return np.conj(np.swapaxes(triangle, -1, -2)) if adjoint else triangle


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("adjoint", [False, True])
def test_solutions_solve(dtype, lower, adjoint):
    for n, columns in itertools.product(SIZES, COLUMNS):
        matrix, right = well_posed((), n, dtype), numbers((n, columns), dtype, 1)
        found = solve(matrix, right, lower, adjoint)
        np.testing.assert_allclose(triangle_of(matrix, lower, adjoint) @ found, right, atol=tolerance(dtype))


@pytest.mark.parametrize("dtype", TYPES)
def test_factors_multiply_to_the_matrix(dtype):
    for n in SIZES:
        x = numbers((n, n), dtype) / max(1, n) ** 0.5
        matrix = x @ np.conj(x.T) + np.eye(n, dtype=dtype)
        found = factor(matrix)
        np.testing.assert_allclose(found @ np.conj(found.T), matrix, atol=tolerance(dtype))
        np.testing.assert_array_equal(found, np.tril(found))
        assert np.all(np.diagonal(found).real > 0) and not np.any(np.diagonal(found).imag)


@pytest.mark.parametrize("n", [15, 16, 17, 40])
@pytest.mark.parametrize("dtype", TYPES)
def test_the_other_triangle_is_not_read(n, dtype):
    matrix = well_posed((), n, dtype)
    matrix = matrix + np.conj(matrix.T)
    spoiled = np.where(np.tril(np.ones((n, n), bool)), matrix, np.nan).astype(dtype)
    right = numbers((n, 3), dtype, 2)
    np.testing.assert_array_equal(factor(spoiled), factor(matrix))
    for adjoint in (False, True):
        np.testing.assert_array_equal(solve(spoiled, right, True, adjoint), solve(matrix, right, True, adjoint))
        upper = np.ascontiguousarray(spoiled.T)
        np.testing.assert_array_equal(
            solve(upper, right, False, adjoint), solve(np.ascontiguousarray(matrix.T), right, False, adjoint)
        )


@pytest.mark.parametrize("shape", [(200, 5, 1), (40, 33, 18)])
def test_equal_bits_for_any_number_of_threads_and_batch(shape):
    batch, n, columns = shape
    matrix, right = well_posed((batch,), n, "float32"), numbers((batch, n, columns), "float32", 1)
    symmetric = matrix @ np.swapaxes(matrix, -1, -2)
    one = solve(matrix, right, True, False), factor(symmetric)
    for threads in (2, 4):
        np.testing.assert_array_equal(solve(matrix, right, True, False, threads), one[0])
        np.testing.assert_array_equal(factor(symmetric, threads), one[1])
    np.testing.assert_array_equal(solve(matrix[3:4], right[3:4], True, False), one[0][3:4])
    np.testing.assert_array_equal(factor(symmetric[3:4]), one[1][3:4])


@pytest.mark.parametrize("pivot", [0.0, np.nan])
@pytest.mark.parametrize("position", [0, 16, 19])
def test_a_pivot_that_is_none_is_refused(pivot, position, executor):
    matrix, right = np.tile(np.eye(20), (3, 1, 1)), np.ones((3, 20, 2))
    matrix[1, position, position] = pivot
    with tf.Session() as session:
        solution = tf.matrix_triangular_solve(matrix, right)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"Input matrix is not invertible\."):
            session.run(solution)
        np.testing.assert_array_equal(session.run(tf.matrix_triangular_solve(matrix, right[..., :0])), right[..., :0])


@pytest.mark.parametrize("position", [0, 16, 19])
def test_a_matrix_that_is_not_positive_is_refused(position, executor):
    matrix = np.tile(np.eye(20), (3, 1, 1))
    matrix[2, position, position] = 0
    with tf.Session() as session:
        x = tf.placeholder(tf.float64, [None, 20, 20])
        factors = tf.cholesky(x)
        with pytest.raises(tf.errors.InvalidArgumentError, match="Cholesky decomposition was not successful"):
            session.run(factors, {x: matrix})
        matrix[2, position, position] = 4
        assert session.run(factors, {x: matrix})[2, position, position] == 2


def test_what_is_no_number_goes_on(executor):
    matrix = np.eye(3)
    matrix[1, 0] = np.nan
    with tf.Session() as session:
        found = session.run(tf.cholesky(matrix))
    assert found[0, 0] == 1 and np.isnan(found[1, :2]).all()
    np.testing.assert_array_equal(found[np.triu_indices(3, 1)], 0)
