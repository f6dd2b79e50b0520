"""`tf.vectorized_map`, `pfor`, `for_loop` and Jacobians: values, gradients, structures and errors."""

import numpy as np
import pytest
from hookloop.python.ops.parallel_for import control_flow_ops
from hookloop.python.ops.parallel_for import gradients as jacobians

import hookloop as tf
from hookloop.python.ops import parallel_for

pytestmark = pytest.mark.usefixtures("executor")

X = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
W = np.array([[1, 2], [3, 4]], np.float32)


def run(fetches, feed_dict=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feed_dict)


@pytest.mark.parametrize("rows", [3, None])
def test_rows_and_their_gradients(rows):
    x = tf.placeholder(tf.float32, [rows, 2])
    w = tf.constant(W)
    y = tf.vectorized_map(lambda row: tf.reduce_sum(tf.matmul(row[None], w) ** 2), x)
    assert y.get_shape().as_list() == [rows]
    value, by_x, by_w = run([y, *tf.gradients(y, [x, w])], {x: X})
    np.testing.assert_allclose(value, ((X @ W) ** 2).sum(1))
    np.testing.assert_allclose(by_x, 2 * X @ W @ W.T)
    np.testing.assert_allclose(by_w, 2 * X.T @ X @ W)


def test_gradients_of_each_row():
    w = tf.constant(W)

    def of_row(row):
        loss = tf.reduce_sum(tf.matmul(row[None], w) ** 2)
        return tf.gradients(loss, [w, row])

    by_w, by_row = run(tf.vectorized_map(of_row, tf.constant(X)))
    for row, one, other in zip(X, by_w, by_row):
        np.testing.assert_allclose(one, 2 * np.outer(row, row @ W))
        np.testing.assert_allclose(other, 2 * row @ W @ W.T)


def test_gradients_of_a_row_that_was_computed_outside_are_of_that_row_alone():
    """Gradients of each example's loss, as differentially private optimizers take them."""
    v = tf.Variable([1.0, 2.0])
    losses = tf.reduce_sum((tf.constant(X) - v) ** 2, 1)
    of_one = tf.vectorized_map(lambda loss: tf.gradients(loss, v)[0], losses)
    of_two = tf.vectorized_map(lambda pair: tf.gradients(pair[0] + pair[1][0], v)[0], (losses, losses[:, None]))
    expected = -2.0 * (X - [1.0, 2.0])
    in_a_branch = tf.vectorized_map(
        lambda loss: tf.cond(loss > 3.0, lambda: tf.gradients(loss, v)[0], lambda: tf.zeros_like(v)), losses
    )
    in_another = tf.vectorized_map(
        lambda a: tf.vectorized_map(lambda loss: tf.gradients(a * loss, v)[0], losses), tf.constant([1.0, -3.0])
    )
    found = run([of_one, of_two, in_a_branch, in_another])
    np.testing.assert_allclose(found[0], expected)
    np.testing.assert_allclose(found[1], 2.0 * expected)
    np.testing.assert_allclose(found[2], [[0.0, 0.0], *expected[1:]])
    np.testing.assert_allclose(found[3], [expected, -3.0 * expected])


def test_structures_and_values_from_outside():
    x, outside = tf.constant(X), tf.constant(7)

    def function(rows):
        first, second = rows
        return {"product": first * second, "more": (tf.cast(second, tf.int64), outside)}

    found = run(tf.vectorized_map(function, (x, x * 2.0)))
    np.testing.assert_array_equal(found["product"], X * X * 2)
    assert found["more"][0].dtype == np.int64 and found["more"][0].tolist() == (2 * X).tolist()
    assert found["more"][1].tolist() == [7, 7, 7]


def test_one_in_the_other():
    x = tf.constant(X)
    y = tf.vectorized_map(lambda row: tf.vectorized_map(lambda a: a * a * row, row), x)
    value, gradient = run([y, tf.gradients(y, x)[0]])
    np.testing.assert_allclose(value, X[:, :, None] ** 2 * X[:, None, :])
    np.testing.assert_allclose(gradient, 2 * X * X.sum(1, keepdims=True) + (X**2).sum(1, keepdims=True))


def test_no_rows():
    x = tf.placeholder(tf.float32, [None, 2])
    assert run(tf.vectorized_map(lambda row: row * 2.0, x), {x: np.zeros((0, 2))}).shape == (0, 2)


def test_operations_nothing_and_slices():
    v = tf.get_variable("v", [4], initializer=tf.zeros_initializer())

    def function(i):
        return tf.scatter_add(v, [i], [1.0]).op, None, tf.IndexedSlices(tf.constant([1.0]), i[None], tf.constant([3]))

    operation, nothing, dense = control_flow_ops.pfor(function, 3)
    assert nothing is None
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(operation)
        assert session.run(v).tolist() == [1, 1, 1, 0]
        np.testing.assert_array_equal(session.run(dense), np.eye(3))


def test_numbers():
    twice, real = run(control_flow_ops.for_loop(lambda i: (i * 2, tf.cast(i, tf.float32)), (tf.int32, tf.float32), 3))
    assert twice.tolist() == [0, 2, 4] and real.tolist() == [0, 1, 2]
    assert run(parallel_for.pfor(lambda i: i + 1, tf.constant(2), parallel_iterations=2)).tolist() == [1, 2]


@pytest.mark.parametrize("rows", [3, None])
def test_jacobians(rows):
    x, w = tf.placeholder(tf.float32, [rows, 2]), tf.constant(W)
    y = tf.matmul(x, w) ** 2
    whole, by_w, unused = jacobians.jacobian(y, [x, w, tf.constant(1.0)])
    each = jacobians.batch_jacobian(y, x)
    assert unused is None
    assert whole.get_shape().as_list() == [rows, 2, rows, 2]
    of_rows = 2 * (X @ W)[:, :, None] * W.T
    found, of_w, found_each = run([whole, by_w, each], {x: X})
    np.testing.assert_allclose(found_each, of_rows)
    np.testing.assert_allclose(found, of_rows[:, :, None, :] * np.eye(3)[:, None, :, None])
    np.testing.assert_allclose(of_w, 2 * (X @ W)[:, :, None, None] * X[:, None, :, None] * np.eye(2)[:, None, :])
    assert jacobians.batch_jacobian(x * 2.0, tf.placeholder(tf.float32, [rows, 2])) is None


def test_a_jacobian_of_gradients():
    x = tf.constant(X)
    (gradient,) = tf.gradients(tf.reduce_sum(x**3), x)
    assert run(jacobians.jacobian(gradient, x)).reshape(6, 6).tolist() == np.diag(6 * X.ravel()).tolist()


def test_gradients_of_the_gradients_of_a_loop_are_refused():
    x = tf.constant(X)
    (gradient,) = tf.gradients(tf.vectorized_map(lambda row: row**3, x), x)
    with pytest.raises(TypeError, match="Second-order gradient for while loops not supported"):
        tf.gradients(gradient, x)


def test_what_does_not_fit_is_refused():
    with pytest.raises(TypeError, match="fn must be callable"):
        tf.vectorized_map(1, tf.constant(X))
    with pytest.raises(ValueError, match="elems must be a 1. dimensional Tensor, not a scalar"):
        tf.vectorized_map(lambda row: row, tf.constant(1.0))
    with pytest.raises(
        ValueError, match="Number of expected outputs, 2, does not match the number of actual outputs, 1"
    ):
        control_flow_ops.for_loop(lambda i: i, [tf.int32, tf.int32], 3)
    with pytest.raises(ValueError, match="Found parallel_iterations == 1. Use for_loop instead"):
        control_flow_ops.pfor(lambda i: i, 3, parallel_iterations=1)
    with pytest.raises(ValueError, match="must be None or a positive integer, got 0"):
        control_flow_ops.pfor(lambda i: i, 3, parallel_iterations=0)
    with pytest.raises(
        ValueError, match=r"Need first dimension of output shape \(\(3, 2\)\) and inp shape \(\(2, 2\)\)"
    ):
        jacobians.batch_jacobian(tf.constant(X), tf.constant(W))
