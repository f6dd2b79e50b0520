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
    x = tf.placeholder(tf.float32, [None, 5])
    assert run(tf.matmul(x, x, transpose_b=True), {x: np.zeros((0, 5))}).shape == (0, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transposes", [(False, False), (True, False), (False, True), (True, True)])
def test_a_batch_of_no_products_is_none(executor, dtype, transposes):
    x, y = tf.placeholder(dtype, [None, None, None]), tf.placeholder(dtype, [None, None, None])
    empty = np.zeros((0, 300, 300), dtype)  # so large that A is packed
    assert run(tf.matmul(x, y, *transposes), {x: empty, y: empty}).shape == (0, 300, 300)


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


ELLIPSES = [
    ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)),
    ("...ij,jk->...ik", (2, 3, 4), (4, 5)),
    ("...ij,...jk", (5, 2, 3, 4), (5, 2, 4, 5)),
    ("...ij,...jk->...ik", (5, 2, 3, 4), (2, 4, 5)),
    ("...ij,...jk->...ik", (2, 3, 4), (5, 1, 4, 5)),
    ("i...,i->...", (3, 2), (3,)),
    ("bij...,bjk...->bik...", (2, 3, 4), (2, 4, 5)),
    ("ij...,...->i", (2, 3, 4), (4,)),
    ("...Zi->...iZ", (4, 2, 3)),
    ("...ba", (5, 2, 3)),
    ("...->...", (2, 3)),
    ("...->", (2, 3)),
    ("i...->...i", (5, 4, 2, 3)),
    ("ij,jk->...ik", (2, 3), (3, 4)),
    ("ii", (3, 3)),
    ("abc,acd,ade->abe", (2, 3, 4), (2, 4, 3), (2, 3, 2)),
    ("abc,acd,ade->be", (2, 3, 4), (2, 4, 3), (2, 3, 2)),
]

NUMPY_REFUSES = {"ij...,...->i": "ijk,k->i", "...->": "ij->", "ij,jk->...ik": "ij,jk->ik"}


@pytest.mark.parametrize("equation, shapes", [(e, s) for e, *s in ELLIPSES], ids=[str(c) for c in ELLIPSES])
def test_einsum_with_axes_in_between(executor, equation, shapes):
    values = [np.random.default_rng(i).standard_normal(shape) for i, shape in enumerate(shapes)]
    xs = [tf.placeholder(tf.float64, shape) for shape in shapes]
    y = tf.einsum(equation, *xs)
    feeds = dict(zip(xs, values))
    wanted = np.einsum(NUMPY_REFUSES.get(equation, equation), *values)
    with tf.Session() as session:
        found, *gradients = session.run([y, *tf.gradients(y * wanted, xs)], feeds)
    assert y.shape.as_list() == list(wanted.shape)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    for value, gradient in zip(values, gradients):  # what is linear in an operand is its gradient times the operand
        np.testing.assert_allclose(np.sum(value * gradient), np.sum(wanted * wanted), rtol=1e-9)


@pytest.mark.parametrize(
    "equation, shapes, text",
    [
        ("i...j...->ij", [(2, 3)], "Unable to resolve ellipsis. Excess number found."),
        ("...ij->...i", [(3,)], "Ellipses lengths do not match."),
        ("....->", [(2, 3)], 'period "." found outside of ellipsis'),
        ("...ij->...ji", [None], "Unable to statically infer ellipsis axes."),
        ("...ii->...i", [(2, 3, 3)], "Subscript not supported: an axis appears more than once: .ii"),
        ("ij->jk", [(2, 3)], "Invalid equation: ij->jk"),
        ("ij->iij", [(2, 3)], "Invalid equation: ij->iij"),
        ("->", [()], "Indices have incorrect format: ->"),
        ("1j->j", [(2, 3)], "Indices have incorrect format: 1j->j"),
        ("é->é", [(2,)], "Indices have incorrect format: é->é"),
        ("ij,jk->ik", [(2, 3)], 'Got 1 arguments for equation "ij,jk->ik", expecting 2'),
        ("ij,j->i", [(2, 3), (3, 1)], "Tensor t1 of rank 2 does not match einsum reduction of length 1"),
        ("ij,jk->ik", [None, (3, 4)], "Cannot take the length of shape with unknown rank"),
    ],
)
def test_einsum_of_what_does_not_fit(equation, shapes, text):
    with pytest.raises(ValueError, match=text):
        tf.einsum(equation, *(tf.placeholder(tf.float64, shape) for shape in shapes))


def test_einsum_of_one_operand_of_unknown_rank(executor):
    x = tf.placeholder(tf.float32)
    with tf.Session() as session:
        assert session.run(tf.einsum("ij->ji", x), {x: [[1, 2]]}).tolist() == [[1], [2]]


def test_einsum_of_a_batch_of_one_and_one_of_open_size_is_a_product(executor):
    """It was multiplied element by element and summed; the sizes are the same ones, as TensorFlow takes them."""
    x, y = tf.placeholder(tf.float32, [1, 2, 3]), tf.placeholder(tf.float32, [None, 3, 2])
    z = tf.einsum("bij,bjk->bik", x, y)
    assert z.op.type == "Reshape" and z.shape.as_list() == [1, 2, 2]
    assert "BatchMatMulV2" in {op.type for op in tf.get_default_graph().get_operations()}
    with tf.Session() as session:
        found = session.run(z, {x: np.ones((1, 2, 3)), y: np.arange(6).reshape(1, 3, 2)})
    assert found.tolist() == [[[6, 9], [6, 9]]]
