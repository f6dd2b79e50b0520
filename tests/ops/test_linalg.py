"""Matrix products against NumPy, on both executors, on both sides of the kernels' boundaries."""

import itertools

import numpy as np
import pytest

import hookloop as tf

TOLERANCE = {"float16": 2e-2, "float32": 2e-5, "float64": 1e-12}


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def sample(shape, dtype, seed=0):
    generator = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    return generator.integers(-5, 6, shape).astype(dtype)


def close(found, wanted):
    assert found.shape == wanted.shape
    tolerance = TOLERANCE.get(str(found.dtype), 0)
    scale = 1 + np.abs(np.float64(wanted)).max(initial=0)
    np.testing.assert_allclose(np.float64(found), np.float64(wanted), rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_products_and_transposes(executor, dtype, transpose_a, transpose_b):
    for m, k, n in [(3, 4, 5), (1, 7, 9), (9, 7, 1), (1, 5, 1), (6, 64, 64), (13, 17, 65)]:
        a = sample((k, m) if transpose_a else (m, k), dtype)
        b = sample((n, k) if transpose_b else (k, n), dtype, 1)
        wide = "float64" if np.dtype(dtype).kind == "f" else dtype
        wanted = (a.T if transpose_a else a).astype(wide) @ (b.T if transpose_b else b).astype(wide)
        close(run(tf.matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b)), wanted.astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sizes_around_vectors_tiles_and_panels(dtype):
    sizes = [0, 1, 5, 6, 7, 12, 13, 15, 16, 17, 63, 64, 65]
    a, b = tf.placeholder(dtype), tf.placeholder(dtype)
    a.set_shape([None, None]), b.set_shape([None, None])
    product = tf.matmul(a, b)
    with tf.Session() as session:
        for m, k, n in itertools.product(sizes, [0, 1, 17, 64], sizes):
            x, y = sample((m, k), dtype), sample((k, n), dtype, 1)
            close(session.run(product, {a: x, b: y}), x @ y)


def test_a_large_product_does_not_depend_on_the_number_of_threads():
    a, b = sample((517, 1030), "float32"), sample((1030, 203), "float32", 1)
    values = []
    for threads in (1, 2):
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
            values.append(session.run([tf.matmul(a, b), tf.matmul(a, a, transpose_a=True)]))
    close(values[0][0], a.astype("float64") @ b)
    close(values[0][1], a.T.astype("float64") @ a)
    assert all(np.array_equal(x, y) for x, y in zip(*values))


@pytest.mark.parametrize(
    "batches",
    [((2,), (2,)), ((2, 3), (3,)), ((1, 3), (2, 1)), ((), (4,)), ((5,), ()), ((2, 1, 3), (4, 1)), ((0,), (0,))],
)
@pytest.mark.parametrize("adjoint", [False, True])
def test_batches_are_broadcast(executor, batches, adjoint):
    a = sample(batches[0] + ((4, 3) if adjoint else (3, 4)), "float32")
    b = sample(batches[1] + (4, 5), "float32", 1)
    wanted = (np.swapaxes(a, -1, -2) if adjoint else a) @ b
    close(run(tf.matmul(a, b, adjoint_a=adjoint)), wanted)


def test_a_product_of_nothing_is_zeros(executor):
    assert run(tf.matmul(np.zeros((2, 0), "float32"), np.zeros((0, 3), "float32"))).tolist() == [[0] * 3] * 2


def test_the_hint_of_sparseness_changes_no_value(executor):
    a, b = sample((3, 4), "float32"), sample((4, 5), "float32", 1)
    product = tf.matmul(a, b, a_is_sparse=True)
    assert product.op.type == "SparseMatMul"
    close(run(product), a @ b)


def test_what_does_not_fit():
    x, y = tf.placeholder(tf.float32, [3, 4]), tf.placeholder(tf.float32, [5, 6])
    with pytest.raises(ValueError, match="Dimensions must be equal, but are 4 and 5"):
        tf.matmul(x, y)
    with pytest.raises(ValueError, match="Shape must be rank 2 but is rank 1"):
        tf.matmul(tf.placeholder(tf.float32, [4]), y)
    with pytest.raises(ValueError, match="Only one of transpose_a and adjoint_a can be True"):
        tf.matmul(x, x, transpose_a=True, adjoint_a=True)
    with pytest.raises(TypeError, match="has type int32 that does not match type float32"):
        tf.matmul(x, tf.placeholder(tf.int32, [4, 6]))


def test_sizes_that_do_not_fit_in_a_run():
    x, y = tf.placeholder(tf.float32, [None, None]), tf.placeholder(tf.float32, [None, None])
    product = tf.matmul(x, y)
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(product, {x: np.zeros((2, 3)), y: np.zeros((4, 5))})
        assert session.run(product, {x: np.ones((2, 3)), y: np.ones((3, 1))}).tolist() == [[3], [3]]
