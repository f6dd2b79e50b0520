"""Inverses, determinants and solutions of small matrices, a lane each or by rows: sizes, groups that are not full, pivots, none."""

import numpy as np
import pytest

import hookloop as tf
from hookloop import _core

BATCHES = (0, 1, 3, 4, 5, 7, 8, 9, 33)


def call(kernel, inputs, output, attributes=(), threads=1):
    _core.KernelCall(kernel, list(inputs), [output], list(attributes), threads)(1)
    return output


def matrices(batch, n, dtype):
    """Rows of very different size, so that the order of the pivots is any, and zeros on diagonals."""
    rng = np.random.default_rng(n + 100 * batch)
    found = rng.standard_normal((batch, n, n)) * 10.0 ** rng.integers(-2, 3, (batch, n, 1))
    if n > 1:
        found[::3] *= 1 - np.eye(n)
    return found.astype(dtype)


def call_log_determinant(x):
    sign, logarithm = np.full((2, len(x)), 9, x.dtype)
    _core.KernelCall("small_log_determinant", [x], [sign, logarithm], [], 1)(1)
    return sign, logarithm


def size_of(x):
    return np.sqrt((x**2).sum(tuple(range(1, x.ndim))))


def condition(matrix):
    """How many times as large what is rounded may become."""
    return np.linalg.norm(matrix, axis=(1, 2)) * np.linalg.norm(np.linalg.inv(matrix), axis=(1, 2))


def is_close(found, wanted, matrix):
    """But for rounding, as much as the matrices ask for."""
    error = size_of(found - wanted)
    limit = 40 * np.finfo(found.dtype).eps * condition(matrix) * size_of(wanted)
    return (error <= limit).all()


@pytest.mark.parametrize("n", [*range(1, 20), 31, 32, 33, 48, 63, 64, 65, 100, 129])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_size(dtype, n):
    for batch in BATCHES if n <= 16 else (0, 1, 3):
        x = matrices(batch, n, dtype)
        wide = x.astype("float64")
        if n < 20:  # of more rows it is beyond the largest float
            found = call("small_determinant", [x], np.full(batch, 9, dtype))
            assert is_close(found, np.linalg.det(wide), wide)
        sign, logarithm = call_log_determinant(x)
        np.testing.assert_array_equal(sign, np.linalg.slogdet(wide)[0])
        wanted = np.linalg.slogdet(wide)[1]
        assert (np.abs(logarithm - wanted) <= 4 * np.finfo(dtype).eps * (condition(wide) + np.abs(wanted))).all()
        for adjoint in (0, 1):
            turned = np.swapaxes(wide, -1, -2) if adjoint else wide
            found = call("small_inverse", [x], np.full_like(x, 9), [adjoint])
            assert is_close(found, np.linalg.inv(turned), wide)
            np.testing.assert_array_equal(call("small_inverse", [x], np.full_like(x, 9), [adjoint], threads=3), found)
            for columns in (1, 2, 3, 16, 17, 40):
                right = np.random.default_rng(columns).standard_normal((batch, n, columns)).astype(dtype)
                found = call("small_solve", [x, right], np.full_like(right, 9), [adjoint])
                wanted = np.linalg.solve(turned, right.astype("float64"))
                assert is_close(found, wanted, wide)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_matrix_of_many_tasks_does_not_depend_on_its_place(dtype):
    x = np.tile(matrices(5, 7, dtype), (601, 1, 1))
    for kernel, shape, attributes in (("small_inverse", x.shape, [0]), ("small_determinant", x.shape[:1], [])):
        found = call(kernel, [x], np.empty(shape, dtype), attributes)
        np.testing.assert_array_equal(found, np.tile(found[:5], (601,) + (1,) * (len(shape) - 1)))
        np.testing.assert_array_equal(call(kernel, [x], np.empty(shape, dtype), attributes, threads=2), found)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16, 17, 48, 65])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matrices_without_an_inverse(dtype, n):
    for batch in (1, 8, 9, 20):
        for place in {0, batch // 2, batch - 1}:
            x = np.tile(2 * np.eye(n, dtype=dtype), (batch, 1, 1))
            x[place, :, -1] = x[place, :, 0] if n > 1 else 0
            found = call("small_determinant", [x], np.full(batch, 9, dtype))
            wanted = np.where(np.arange(batch) == place, 0, 2.0**n)
            np.testing.assert_array_equal(found, wanted)
            sign, logarithm = call_log_determinant(x)
            np.testing.assert_array_equal(sign, np.where(np.arange(batch) == place, 0, 1))
            np.testing.assert_allclose(
                logarithm, np.where(np.arange(batch) == place, -np.inf, n * np.log(2.0)), rtol=1e-6
            )
            for kernel, inputs, text in (
                ("small_inverse", [x], "Input is not invertible"),
                ("small_solve", [x, x], "Input matrix is not invertible"),
            ):
                with pytest.raises(Exception, match=text):
                    call(kernel, inputs, np.empty_like(x), [0])


@pytest.mark.parametrize("n", [7, 12, 16, 40])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_matrix_alone_is_solved_as_among_others(dtype, n):
    """Few matrices go by rows, many of up to 16 rows in lanes."""
    x, right = matrices(64, n, dtype), matrices(64, n, dtype)[..., :3].copy()
    for kernel, shape, inputs, attributes in (
        ("small_inverse", x.shape, [x], [0]),
        ("small_solve", right.shape, [x, right], [1]),
        ("small_determinant", x.shape[:1], [x], []),
    ):
        found = call(kernel, inputs, np.empty(shape, dtype), attributes)
        alone = call(kernel, [i[5:6] for i in inputs], np.empty((1, *shape[1:]), dtype), attributes)
        np.testing.assert_array_equal(alone, found[5:6])
        for threads in (2, 4):
            np.testing.assert_array_equal(call(kernel, inputs, np.empty(shape, dtype), attributes, threads), found)


@pytest.mark.parametrize("n", [60, 256])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logarithms_of_determinants_beyond_the_largest_number(dtype, n):
    for scale in (1e30, 1e-30):
        x = (scale * (matrices(1, n, "float64") + 40 * np.eye(n))).astype(dtype)
        sign, logarithm = call_log_determinant(x)
        wanted = np.linalg.slogdet(x.astype("float64"))
        np.testing.assert_array_equal(sign, wanted[0])
        np.testing.assert_allclose(logarithm, wanted[1], rtol=1e-4 if dtype == "float32" else 1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_not_finite_stays_in_its_matrix(dtype):
    for bad in (np.nan, np.inf):
        x = matrices(9, 3, dtype)
        wanted = call("small_inverse", [x], np.empty_like(x), [0])
        broken = x.copy()
        broken[4, 1, 1] = bad
        found = call("small_inverse", [broken], np.empty_like(x), [0])
        np.testing.assert_array_equal(np.delete(found, 4, 0), np.delete(wanted, 4, 0))
        assert np.isnan(found[4]).any() or np.isinf(bad)


@pytest.mark.parametrize("dtype, large", [("float32", 1e30), ("float64", 1e200)])
def test_determinants_whose_parts_are_beyond_the_largest_number(dtype, large):
    diagonal = np.array([large, large, -1 / large, 1 / large], dtype)
    found = call("small_determinant", [np.diag(diagonal)[None]], np.empty(1, dtype))
    np.testing.assert_allclose(found, [-1], rtol=1e-5 if dtype == "float32" else 1e-12)
    sign, logarithm = call_log_determinant(np.diag(diagonal[[0, 1, 0, 2]])[None])
    assert sign == -1
    np.testing.assert_allclose(logarithm, [2 * np.log(large)], rtol=1e-6)
    found = call("small_determinant", [np.diag(diagonal[[0, 0, 0, 2]])[None]], np.empty(1, dtype))
    np.testing.assert_array_equal(
        found, [-np.inf if dtype == "float32" else -(large * large) if large < 1e150 else -np.inf]
    )


@pytest.mark.parametrize("n", [3, 16, 17])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_both_ways_of_a_graph(executor, dtype, n):
    """Real matrices by the kernel, complex ones by LAPACK: with an open batch, beside a write, and one that is refused before it."""
    x = matrices(5, n, "float32").astype(dtype) + 9 * np.eye(n, dtype=dtype)
    tolerance = 1e-3 if dtype != "float64" else 1e-9
    with tf.Graph().as_default(), tf.Session() as session:
        fed = tf.placeholder(dtype, [None, n, n])
        count = tf.Variable(0)
        with tf.control_dependencies([tf.matrix_solve(fed, fed[..., :1])]):
            step = tf.assign_add(count, 1)
        session.run(count.initializer)
        fetches = [
            tf.matrix_inverse(fed),
            tf.matrix_determinant(fed),
            tf.matrix_solve(fed, fed[..., :2], adjoint=True),
            step,
        ]
        fetches += list(tf.linalg.slogdet(fed))
        for batch in (5, 2, 0):
            inverse, determinant, solution, _, sign, logarithm = session.run(fetches, {fed: x[:batch]})
            np.testing.assert_allclose(inverse @ x[:batch], np.tile(np.eye(n), (batch, 1, 1)), atol=tolerance)
            np.testing.assert_allclose(determinant, np.linalg.det(x[:batch]), rtol=tolerance)
            np.testing.assert_allclose(sign * np.exp(logarithm), determinant, rtol=tolerance)
            turned = np.conj(np.swapaxes(x[:batch], -1, -2))
            np.testing.assert_allclose(turned @ solution, x[:batch, :, :2], atol=tolerance * np.abs(x).max())
        before = session.run(count)
        singular = np.zeros((5, n, n), dtype)
        with pytest.raises(tf.errors.InvalidArgumentError, match="Input matrix is not invertible"):
            session.run(step, {fed: singular})
        assert session.run(count) == before
        with pytest.raises(tf.errors.InvalidArgumentError, match="Input is not invertible"):
            session.run(fetches[0], {fed: singular})


@pytest.mark.parametrize("n", [256, 257])
def test_solutions_do_not_depend_on_who_takes_the_matrix(executor, n):
    """The kernel takes up to 256 rows, LAPACK the others."""
    x = np.random.default_rng(n).standard_normal((n, n)) + 40 * np.eye(n)
    with tf.Graph().as_default(), tf.Session() as session:
        fed = tf.placeholder("float64", [n, n])
        fetches = [tf.matrix_inverse(fed), tf.matrix_solve(fed, fed[:, :3]), *tf.linalg.slogdet(fed)]
        inverse, solution, sign, logarithm = session.run(fetches, {fed: x})
        np.testing.assert_allclose(inverse @ x, np.eye(n), atol=1e-9)
        np.testing.assert_allclose(solution, np.eye(n)[:, :3], atol=1e-9)
        np.testing.assert_allclose([sign, logarithm], np.linalg.slogdet(x), rtol=1e-9)
        with pytest.raises(tf.errors.InvalidArgumentError, match="Input matrix is not invertible"):
            session.run(fetches[1], {fed: np.zeros((n, n))})
