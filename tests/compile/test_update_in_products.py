"""Gradient descent in the products that make the gradients: the same bits, and apart where somebody else wants the gradient."""

import numpy as np
import pytest

import hookloop as tf

from ..conftest import on_reference
from .programs import after_steps, kernels, leave_out, optimized


def numbers(shape, seed=0, dtype="float32"):
    return np.random.RandomState(seed).standard_normal(shape).astype(dtype)


def layer(rows=13, inputs=24, outputs=18, dtype="float32"):
    """x, a variable, x times it, and a loss in which that has another gradient everywhere."""
    x = tf.constant(numbers((rows, inputs), 1, dtype))
    variable = tf.get_variable("v", initializer=numbers((inputs, outputs), 2, dtype))
    y = tf.matmul(x, variable)
    return x, variable, y, tf.reduce_sum(tf.square(y) * numbers((rows, outputs), 3, dtype))


def descended(loss, **arguments):
    return tf.train.GradientDescentOptimizer(0.01).minimize(loss, **arguments)


# Rows of the batch on both sides of what short sums, tiles and blocks of sums take; columns on both sides of vectors, and with a
# few more than whole vectors.
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 5, 64, 65, 255])
@pytest.mark.parametrize(
    "inputs, outputs", [(8, 16), (9, 17), (12, 20), (13, 31), (100, 24), (14, 3), (31, 45), (64, 64), (131, 65)]
)
def test_the_variables_get_the_same_bits(dtype, rows, inputs, outputs, monkeypatch):
    _, variable, y, loss = layer(rows, inputs, outputs, dtype)
    bias = tf.get_variable("b", initializer=numbers((outputs,), 4, dtype))
    step = descended(loss + tf.reduce_sum((y + bias) * numbers((rows, outputs), 5, dtype)))
    found = [after_steps([variable, bias], step, threads) for threads in (1, 2, 4)]
    leave_out("update_in_products", monkeypatch)
    wanted = after_steps([variable, bias], step)
    for values in found:
        for left, right in zip(values, wanted):
            assert left.tobytes() == right.tobytes()


@pytest.mark.parametrize("dtype, tolerance", [("float32", 2e-5), ("float64", 1e-13)])
@pytest.mark.parametrize("rows", [256, 257, 384, 385, 512, 513, 769, 3000])
def test_long_sums(dtype, tolerance, rows):
    x, g = numbers((rows, 40), 1, dtype), numbers((rows, 48), 2, dtype)
    variable = tf.get_variable("v", initializer=np.zeros((40, 48), dtype))
    step = tf.train.GradientDescentOptimizer(1.0).minimize(tf.reduce_sum(tf.matmul(x, variable) * g))
    wanted = -(x.astype("d").T @ g.astype("d"))
    found = [after_steps(variable, step, threads, steps=1) for threads in (1, 2, 3)]
    np.testing.assert_allclose(found[0], wanted, rtol=tolerance, atol=tolerance * rows**0.5)
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()


def test_a_large_variable_is_updated_once_by_any_number_of_threads(monkeypatch):
    _, variable, _, loss = layer(64, 784, 128)
    step = descended(loss)
    found = [after_steps(variable, step, threads) for threads in (1, 2, 3, 4)]
    leave_out("update_in_products", monkeypatch)
    wanted = after_steps(variable, step)
    for values in found:
        assert values.tobytes() == wanted.tobytes()


def test_it_is_one_instruction_with_the_bias_gradient_beside_it():
    _, _, y, _ = layer()
    bias = tf.get_variable("b", initializer=np.zeros(18, "f"))
    step = descended(tf.reduce_sum(tf.square(y + bias)))
    names = kernels(optimized([], targets=[step]))
    assert names.count("matmul_update") == 1 and names.count("matmul") == 1


def test_the_batch_may_have_any_size():
    x = tf.placeholder(tf.float32, [None, 24])
    variable = tf.get_variable("v", initializer=numbers((24, 18)))
    step = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_sum(tf.matmul(x, variable)))
    with tf.Session() as session:
        session.run(variable.initializer)
        wanted = numbers((24, 18)).astype("d")
        for rows in (3, 700, 0, 64, 1, 300):
            fed = numbers((rows, 24), rows)
            session.run(step, {x: fed})
            wanted -= 0.5 * fed.astype("d").sum(0)[:, None]
            np.testing.assert_allclose(session.run(variable), wanted, rtol=1e-4, atol=1e-4)


def test_a_learning_rate_that_is_fed_or_is_a_variable():
    _, variable, _, loss = layer()
    rate = tf.placeholder(tf.float32, [])
    other = tf.get_variable("rate", initializer=0.25)
    gradient = tf.gradients(loss, variable)[0]
    steps = [tf.train.GradientDescentOptimizer(r).minimize(loss, var_list=[variable]) for r in (rate, other)]
    for step, value in zip(steps, (0.125, 0.25)):
        assert "matmul_update" in kernels(optimized([], {rate: np.float32(value)}, targets=[step]))
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            wanted = numbers((24, 18), 2) - np.float32(value) * session.run(gradient)
            session.run(step, {rate: value})
            np.testing.assert_allclose(session.run(variable), wanted, rtol=1e-5, atol=1e-5)


def test_a_gradient_that_somebody_else_wants_stays():
    _, variable, _, loss = layer()
    gradient = tf.gradients(loss, variable)[0]
    step = tf.train.GradientDescentOptimizer(0.5).apply_gradients([(gradient, variable)])
    assert "matmul_update" not in kernels(optimized([gradient], targets=[step]))
    with tf.Session() as session:
        session.run(variable.initializer)
        found, _ = session.run([gradient, step])
        np.testing.assert_allclose(
            session.run(variable), numbers((24, 18), 2) - np.float32(0.5) * found, rtol=1e-6, atol=1e-6
        )


def test_a_gradient_that_is_clipped_or_decayed_stays(monkeypatch):
    _, variable, _, loss = layer()
    optimizer = tf.train.GradientDescentOptimizer(0.01)
    ((gradient, _),) = optimizer.compute_gradients(loss)
    changed = (tf.clip_by_norm(gradient, 1.0), gradient + 0.1 * variable, tf.clip_by_value(gradient, -1.0, 1.0))
    steps = [optimizer.apply_gradients([(g, variable)]) for g in changed]
    found = [after_steps(variable, step) for step in steps]
    leave_out("update_in_products", monkeypatch)
    for step, values in zip(steps, found):
        assert values.tobytes() == after_steps(variable, step).tobytes()


@pytest.mark.parametrize("rows, fused", [(4096, True), (4097, False), (None, True)])
def test_a_long_product_stays_where_it_can_be_interrupted(rows, fused):
    x, gradient = (tf.placeholder(tf.float32, [rows, 1024]) for _ in range(2))
    variable = tf.get_variable("v", [1024, 1024])
    step = tf.train.GradientDescentOptimizer(0.1).apply_gradients(
        [(tf.matmul(x, gradient, transpose_a=True), variable)]
    )
    fed = np.zeros((rows or 2, 1024), "f")
    assert ("matmul_update" in kernels(optimized([], {x: fed, gradient: fed}, targets=[step]))) == fused


def test_a_product_with_the_variable_itself_stays():
    variable = tf.get_variable("v", initializer=numbers((16, 16)))
    step = tf.train.GradientDescentOptimizer(0.1).apply_gradients(
        [(tf.matmul(variable, variable, transpose_a=True), variable)]
    )
    assert "matmul_update" not in kernels(optimized([], targets=[step]))
    v = numbers((16, 16)).astype("d")
    np.testing.assert_allclose(after_steps(variable, step, steps=1), v - 0.1 * (v.T @ v), rtol=1e-5, atol=1e-5)


def test_what_reads_the_variable_before_and_after():
    x, variable, _, loss = layer()
    before = tf.matmul(x, variable.read_value())
    with tf.control_dependencies([before]):
        step = descended(loss)
    with tf.control_dependencies([step]):
        after = tf.matmul(x, variable.read_value())
    with tf.Session() as session:
        session.run(variable.initializer)
        old, new = session.run([before, after])
        fed = session.run(x)
        np.testing.assert_allclose(old, fed @ numbers((24, 18), 2), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(new, fed @ session.run(variable), rtol=1e-5, atol=1e-5)


def test_two_updates_of_one_variable_in_a_step(monkeypatch):
    _, variable, y, loss = layer()
    first = descended(loss)
    with tf.control_dependencies([first]):
        second = tf.train.GradientDescentOptimizer(0.02).minimize(tf.reduce_sum(y))
    found = after_steps(variable, [first, second])
    leave_out("update_in_products", monkeypatch)
    assert found.tobytes() == after_steps(variable, [first, second]).tobytes()


def test_a_step_that_fails_changes_nothing():
    _, variable, y, loss = layer()
    limit = tf.placeholder(tf.float32, [])
    with tf.control_dependencies([tf.assert_less(tf.reduce_max(y), limit)]):
        step = descended(tf.identity(loss))
    with tf.Session() as session:
        session.run(variable.initializer)
        before = session.run(variable)
        with pytest.raises(tf.errors.InvalidArgumentError, match="assertion failed"):
            session.run(step, {limit: -1e9})
        assert session.run(variable).tobytes() == before.tobytes()
        session.run(step, {limit: 1e9})
        assert session.run(variable).tobytes() != before.tobytes()


def test_a_variable_without_a_value_is_named():
    x = tf.constant(numbers((13, 24)))
    variable = tf.get_variable("lonely", initializer=numbers((24, 18)))
    step = descended(tf.reduce_sum(tf.matmul(x, variable)))
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="lonely"):
            session.run(step)


@pytest.mark.skipif(on_reference(), reason="the reference executor has no plan to explain")
def test_explain_says_so(capsys):
    _, _, _, loss = layer()
    tf.explain(descended(loss))
    assert "update_in_products: moves the variable where the gradient is in registers" in capsys.readouterr().out
