"""fuse_epilogues: bias, activations and their gradients are steps of a product; what others read stays."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import kernels, optimized


def rewritten(fetches, feeds=None, targets=(), names=("drop_unused", "fuse_epilogues")):
    return kernels(optimized(fetches, feeds, targets, names=names))


def product(batch=3, dtype=tf.float32):
    x = tf.placeholder(dtype, [batch, 4])
    w = tf.placeholder(dtype, [4, 5])
    random = np.random.RandomState(1)
    return tf.matmul(x, w), {x: random.standard_normal((3, 4)), w: random.standard_normal((4, 5))}


each_activation = pytest.mark.parametrize(
    "activation",
    [
        tf.nn.relu,
        tf.nn.relu6,
        tf.nn.leaky_relu,
        tf.nn.elu,
        tf.nn.selu,
        tf.nn.softplus,
        tf.nn.softsign,
        tf.sigmoid,
        tf.tanh,
    ],
    ids=lambda f: f.__name__,
)


@pytest.mark.parametrize("batch", [3, None])
@each_activation
def test_bias_and_activation_are_steps(activation, batch):
    y, feeds = product(batch)
    b = tf.get_variable("b", [5])
    assert rewritten([activation(y + b)], feeds) == ["matmul"]
    assert rewritten([activation(tf.nn.bias_add(y, b))], feeds) == ["matmul"]


@each_activation
def test_gradients_of_activations_are_steps_and_right(activation, executor):
    x = tf.placeholder(tf.float64, [3, 4])
    w = tf.constant(np.linspace(-1, 1, 20).reshape(4, 5))
    v = tf.constant(np.linspace(1, -2, 30).reshape(5, 6))
    loss = tf.reduce_sum(tf.sin(tf.matmul(activation(tf.matmul(x, w)), v)))
    (grad,) = tf.gradients(loss, x)
    value = np.random.RandomState(2).standard_normal((3, 4))
    if executor == "plan":
        program = optimized([grad], {x: value})
        assert [i.kernel for i in program.root.items if "grad" in i.kernel] == []
    with tf.Session() as session:
        found, base = session.run([grad, loss], {x: value})
        for at in np.ndindex(3, 4):
            moved = value.copy()
            moved[at] += 1e-6
            assert (session.run(loss, {x: moved}) - base) / 1e-6 == pytest.approx(found[at], rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("shape", [[], [5], [1, 5], [3, 1], [3, 5], [1, 1]])
def test_operands_that_broadcast_are_taken(shape, executor):
    y, feeds = product(dtype=tf.float64)
    other = tf.placeholder(tf.float64, shape)
    feeds[other] = np.random.RandomState(3).standard_normal(shape)
    total = tf.tanh(other + y) * other
    if executor == "plan":
        assert rewritten([total], feeds) == ["matmul"]
    with tf.Session() as session:
        x, w = (feeds[t] for t in y.op.inputs)
        np.testing.assert_allclose(session.run(total, feeds), np.tanh(x @ w + feeds[other]) * feeds[other], rtol=1e-12)


def test_a_product_that_is_broadcast_is_left():
    y, feeds = product()
    other = tf.placeholder(tf.float32, [2, 3, 5])
    feeds[other] = np.ones((2, 3, 5))
    assert rewritten([y + other], feeds) == ["matmul", "add"]


def test_a_fetched_intermediate_is_left():
    y, feeds = product()
    assert rewritten([tf.tanh(y), y], feeds) == ["matmul", "tanh"]
    z = y + 1.0
    assert rewritten([tf.tanh(z), z], feeds) == ["matmul", "tanh"]


def test_another_reader_keeps_the_intermediate():
    y, feeds = product()
    assert rewritten([tf.tanh(y), tf.exp(y)], feeds) == ["matmul", "tanh", "exp"]


def test_a_product_added_to_itself_is_left():
    y, feeds = product()
    assert rewritten([y + y], feeds) == ["matmul", "add"]


def test_no_more_steps_than_a_kernel_takes():
    y, feeds = product()
    for _ in range(9):
        y = tf.tanh(y)
    assert rewritten([y], feeds) == ["matmul", "tanh", "tanh", "tanh"]


def test_another_type_is_left():
    x = tf.placeholder(tf.int32, [2, 2])
    assert rewritten([tf.matmul(x, x) + 1], {x: np.ones((2, 2))}) == ["matmul", "add"]


def test_a_variable_written_in_between_is_read_before(executor):
    v = tf.Variable(np.eye(2, dtype="f"))
    y = tf.matmul(v, v)
    with tf.control_dependencies([y]):
        update = tf.assign(v, v * 2.0)
    with tf.control_dependencies([update]):
        total = y + v.read_value()
    with tf.Session() as session:
        session.run(v.initializer)
        np.testing.assert_allclose(session.run(total), 3 * np.eye(2))


def test_a_control_dependency_on_the_product_holds(executor):
    y, feeds = product()
    v = tf.Variable(1.0)
    with tf.control_dependencies([y]):
        update = tf.assign_add(v, 1.0)
    with tf.Session() as session:
        session.run(v.initializer)
        x, w = (feeds[t] for t in y.op.inputs)
        found, after = session.run([tf.nn.relu(y), update], feeds)
    np.testing.assert_allclose(found, np.maximum((x @ w).astype("f"), 0), rtol=1e-5)
    assert after == 2.0


@pytest.mark.parametrize("again", ["factor", "step"])
def test_memory_that_is_still_needed_is_not_written_over(again, executor):
    x = tf.placeholder(tf.float64, [4, 4])
    w = tf.constant(np.linspace(-1, 1, 16).reshape(4, 4))
    a = tf.exp(x)  # dead after the product, but read by it twice
    y = tf.matmul(a, w) + a if again == "factor" else (tf.matmul(x, w) + a) * a
    value = np.random.RandomState(7).standard_normal((4, 4))
    e = np.exp(value)
    want = e @ np.linspace(-1, 1, 16).reshape(4, 4) + e
    if again == "step":
        want = (value @ np.linspace(-1, 1, 16).reshape(4, 4) + e) * e
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(y, {x: value}), want, rtol=1e-12)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("rows", [1, 2])
def test_products_of_one_element(rows, dtype, executor):
    """What is added may lie in the product's own memory, also where it has one element."""
    x = tf.placeholder(dtype, [None, 4])
    w, u = tf.constant([[1.0], [2.0], [3.0], [4.0]], dtype), tf.constant([[0.1], [0.1], [0.1], [0.1]], dtype)
    added = tf.matmul(x, w) + tf.tanh(tf.matmul(x, u))
    many = tf.add_n([tf.matmul(x, w * i) for i in range(10)])
    shared = tf.matmul(x, w)
    fetches = [added, many, [shared + 1, shared + tf.matmul(x, u)]]
    ones = np.ones((rows, 4))
    with tf.Session() as session:
        sums, totals, (first, second) = session.run(fetches, {x: ones})
    np.testing.assert_allclose(sums, np.full((rows, 1), 10 + np.tanh(0.4)), rtol=1e-6)
    np.testing.assert_allclose(totals, np.full((rows, 1), 450), rtol=1e-6)
    np.testing.assert_allclose(first, np.full((rows, 1), 11), rtol=1e-6)
    np.testing.assert_allclose(second, np.full((rows, 1), 10.4), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 8, 12, 17, 20, 33, 66])
def test_steps_behind_products_of_few_columns(columns, dtype, executor):
    """Each operand in each place: rows of the result's own, one row for all, a column, a number."""
    random = np.random.RandomState(columns)
    for rows, inner in ((7, 22), (13, 3), (64, 10), (100, 37), (300, 5)):
        shapes = [(rows, columns), (columns,), (rows, 1), (), (rows, columns)]
        operands = [random.standard_normal(shape).astype(dtype) for shape in shapes]
        a, b = (
            random.standard_normal((rows, inner)).astype(dtype),
            random.standard_normal((inner, columns)).astype(dtype),
        )
        x = tf.placeholder(dtype, [rows, inner])
        fed = [tf.placeholder(dtype, shape) for shape in shapes]
        for first in range(len(shapes)):
            y, want = tf.matmul(x, tf.constant(b)), a.astype(float) @ b
            for k in range(len(shapes)):
                at = (first + k) % len(shapes)
                kind = k % 4
                y = [y + fed[at], y - fed[at], y * fed[at], fed[at] - y][kind]
                operand = operands[at].astype(float)
                want = [want + operand, want - operand, want * operand, operand - want][kind]
            with tf.Session() as session:
                found = session.run(tf.nn.relu(y), {x: a, **dict(zip(fed, operands))})
            tolerance = 1e-4 if dtype == "float32" else 1e-11
            np.testing.assert_allclose(found, np.maximum(want, 0), rtol=tolerance, atol=tolerance)
