"""Diagonals, bands and the unit matrix against NumPy, on both executors."""

import numpy as np
import pytest

import hookloop as tf

DTYPES = ["float16", "float32", "float64", "int32", "int64", "bool"]


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def sample(shape, dtype="float32"):
    return (np.random.default_rng(1).standard_normal(shape) * 4).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 4), (2, 0)])
def test_matrices_of_a_diagonal(executor, shape, dtype):
    x = sample(shape, dtype)
    found = run(tf.matrix_diag(x))
    wanted = np.zeros((*shape, shape[-1]), dtype)
    for at in np.ndindex(shape):
        wanted[(*at, at[-1])] = x[at]
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(run(tf.matrix_diag_part(wanted)), x)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (5, 2), (2, 3, 4), (2, 0, 3)])
def test_diagonals_of_matrices(executor, shape):
    x = sample(shape)
    diagonal = np.diagonal(x, axis1=-2, axis2=-1)
    np.testing.assert_array_equal(run(tf.matrix_diag_part(x)), diagonal)
    replaced = run(tf.matrix_set_diag(x, diagonal * 0 + 7))
    wanted = x.copy()
    for i in range(diagonal.shape[-1]):
        wanted[..., i, i] = 7
    np.testing.assert_array_equal(replaced, wanted)


@pytest.mark.parametrize("lower, upper", [(0, 0), (1, 0), (0, 2), (-1, 0), (1, -1), (-1, -1), (2, 1), (-1, 2), (3, -1)])
@pytest.mark.parametrize("shape", [(3, 4), (2, 5, 3), (3, 40, 3), (2, 3, 50), (2, 9000, 3)])
def test_bands(executor, shape, lower, upper):
    x = sample(shape)
    wanted = x
    if lower >= 0:
        wanted = np.triu(wanted, -lower)
    if upper >= 0:
        wanted = np.tril(wanted, upper)
    np.testing.assert_array_equal(run(tf.matrix_band_part(x, lower, upper)), wanted)


def test_a_band_wider_than_the_matrix_is_refused(executor):
    lower = tf.placeholder(tf.int64, [])
    with pytest.raises(tf.errors.InvalidArgumentError, match="num_lower"):
        run(tf.matrix_band_part(tf.ones([2, 3]), lower, 0), {lower: 5})


def test_tensors_of_twice_the_rank(executor):
    x = sample((2, 3))
    wanted = np.zeros((2, 3, 2, 3), "float32")
    for i, j in np.ndindex(2, 3):
        wanted[i, j, i, j] = x[i, j]
    np.testing.assert_array_equal(run(tf.diag(x)), wanted)
    np.testing.assert_array_equal(run(tf.linalg.tensor_diag_part(wanted)), x)


@pytest.mark.parametrize("rows, columns, batch", [(3, None, None), (2, 4, None), (3, 2, [2]), (2, None, [2, 1])])
def test_unit_matrices(executor, rows, columns, batch):
    found = run(tf.eye(rows, columns, batch, dtype=tf.float64))
    wanted = np.broadcast_to(np.eye(rows, columns), (*(batch or []), rows, columns or rows))
    np.testing.assert_array_equal(found, wanted)


def test_a_unit_matrix_of_an_open_size(executor):
    rows = tf.placeholder(tf.int32, [])
    unit = tf.eye(rows, 3)
    assert unit.shape.as_list() == [None, 3]
    with tf.Session() as session:
        for count in (2, 4, 3):
            np.testing.assert_array_equal(session.run(unit, {rows: count}), np.eye(count, 3))


def test_trace(executor):
    x = sample((2, 3, 3), "float64")
    np.testing.assert_allclose(run(tf.trace(x)), np.trace(x, axis1=1, axis2=2))


def test_gradients(executor):
    x = tf.placeholder(tf.float64, [2, 3])
    weights = tf.constant(sample((2, 3), "float64"))
    d = tf.placeholder(tf.float64, [2])
    replaced = tf.matrix_set_diag(x, d)
    results = tf.gradients(tf.reduce_sum(replaced * weights), [x, d])
    results += tf.gradients(tf.reduce_sum(tf.matrix_diag_part(x) * [2.0, 3.0]), x)
    results += tf.gradients(tf.reduce_sum(tf.matrix_band_part(x, 0, 1) * weights), x)
    results += tf.gradients(tf.reduce_sum(tf.matrix_diag(d) * [[1.0, 2.0], [3.0, 4.0]]), d)
    results += tf.gradients(tf.reduce_sum(tf.diag(d) * [[1.0, 2.0], [3.0, 4.0]]), d)
    found = run(results, {x: np.zeros((2, 3)), d: np.zeros(2)})
    w = sample((2, 3), "float64")
    off = w.copy()
    off[[0, 1], [0, 1]] = 0
    wanted = [off, w[[0, 1], [0, 1]], [[2, 0, 0], [0, 3, 0]], np.triu(np.tril(w, 1)), [1, 4], [1, 4]]
    for a, b in zip(found, wanted):
        np.testing.assert_array_equal(a, b)


def test_only_the_main_diagonal():
    with pytest.raises(ValueError, match="k must be 0"):
        tf.matrix_diag([1.0], k=1)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32"])
def test_cross_products(executor, dtype):
    x, y = sample((2, 4, 3), "float64").astype(dtype), sample((4, 2, 3), "float64").astype(dtype).reshape(2, 4, 3)[::-1]
    found = run(tf.cross(x, y))
    np.testing.assert_allclose(
        found, np.cross(x.astype("float64"), y), rtol=0.02 if dtype == "float16" else 1e-5, atol=0.05
    )


def test_gradient_of_cross_products(executor):
    x, y = tf.placeholder(tf.float64, [3]), tf.placeholder(tf.float64, [3])
    weights = np.array([2.0, -1.0, 0.5])
    gradients = tf.gradients(tf.reduce_sum(tf.cross(x, y) * weights), [x, y])
    a, b = np.array([1.0, 2.0, 3.0]), np.array([-1.0, 0.0, 4.0])
    found = run(gradients, {x: a, y: b})
    np.testing.assert_allclose(found, [np.cross(b, weights), np.cross(weights, a)])


def test_vectors_of_another_length_are_refused():
    with pytest.raises(ValueError, match="must be equal"):
        tf.cross(tf.ones([2, 2]), tf.ones([2, 2]))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_conjugate_transposes(executor, dtype):
    x = (np.arange(12).reshape(2, 2, 3) + 1j * np.arange(12, 0, -1).reshape(2, 2, 3)).astype(dtype)
    holder = tf.placeholder(dtype, [None, 2, 3])
    found = run([tf.linalg.adjoint(holder), tf.transpose(holder, [1, 0, 2], conjugate=True)], {holder: x})
    np.testing.assert_array_equal(found[0], np.conj(np.swapaxes(x, 1, 2)))
    np.testing.assert_array_equal(found[1], np.conj(np.transpose(x, [1, 0, 2])))
    weights = x[::-1].swapaxes(1, 2)
    (gradient,) = tf.gradients(tf.linalg.adjoint(holder), holder, grad_ys=weights)
    np.testing.assert_array_equal(run(gradient, {holder: x}), np.conj(np.swapaxes(weights, 1, 2)))


def test_the_two_norm_of_matrices(executor):
    x = np.random.default_rng(0).standard_normal((3, 2, 4))
    for axis, wanted in (([1, 2], np.linalg.norm(x, 2, (1, 2))), ([-1, 0], np.linalg.norm(x, 2, (2, 0)))):
        np.testing.assert_allclose(run(tf.norm(x, 2, axis)), wanted)
        kept = [1 if a in (axis[0] % 3, axis[1]) else d for a, d in enumerate(x.shape)]
        assert tf.norm(x, 2, axis, keepdims=True).shape.as_list() == kept
    with pytest.raises(ValueError, match="2-norm of matrices needs a tensor of known rank"):
        tf.norm(tf.placeholder(tf.float32), 2, [0, 1])
