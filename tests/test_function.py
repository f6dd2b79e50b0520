"""`python.framework.function.Defun`: functions of tensors, their results, gradients and effects."""

import pytest

import hookloop as tf
from hookloop.python.framework.function import Defun

pytestmark = pytest.mark.usefixtures("executor")


def run(fetches):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches)


def test_a_function_stands_where_it_is_called():
    @Defun(tf.float32, tf.float32, func_name="Both")
    def both(x, y):
        return x * y + 1.0, x - y

    a, b = tf.constant(2.0), tf.constant(3.0)
    results = both(a, b)
    assert isinstance(results, tuple) and results[0].op.name.startswith("Both/")
    assert both(a, b)[0].op.name.startswith("Both_1/") and both(a, b, name="other")[0].op.name.startswith("other/")
    assert run([results, tf.gradients(results[0], [a, b])]) == [(7, -1), [3, 2]]
    assert both.name == "Both" and both.declared_input_types == (tf.float32, tf.float32) and both.captured_inputs == []


def test_values_from_outside_have_gradients_too():
    outside = tf.constant(5.0)
    times = Defun(tf.float32)(lambda x: x * outside)
    times.add_to_graph(tf.get_default_graph())
    a = tf.constant(2.0)
    assert run([times(a), tf.gradients(times(a), [a, outside])]) == [10, [5, 2]]


@pytest.mark.parametrize("later", [False, True])
def test_a_gradient_that_is_a_function(later):
    @Defun(tf.float32, tf.float32)
    def slope(x, dy):
        return dy * 100.0 * x

    square = Defun(tf.float32, **({} if later else {"grad_func": slope}))(lambda x: x * x)
    if later:
        square.set_grad_func(slope)
    a = tf.constant(2.0)
    assert run([square(a), tf.gradients(square(a), a)]) == [4, [200]]


def test_a_gradient_of_the_operation():
    def slope(op, gradient):
        assert op.type == "square" and len(op.outputs) == 1
        return gradient * op.inputs[0] * 7.0

    square = Defun(tf.float32, func_name="square", python_grad_func=slope)(lambda x: x * x)
    a = tf.constant(2.0)
    assert run(tf.gradients(square(a), a)) == [14]


def test_what_a_function_does_is_done_when_a_result_is_asked_for():
    variable = tf.Variable(1.0, use_resource=True)

    @Defun(tf.float32)
    def adds(x):
        variable.assign_add(x)
        return x * 2.0

    @Defun()
    def nothing(x):
        variable.assign_add(x)

    with tf.Session() as session:
        session.run(variable.initializer)
        assert session.run(adds(tf.constant(3.0))) == 6 and session.run(variable) == 4
        assert session.run(nothing(tf.constant(3.0))) is None and session.run(variable) == 7


def test_a_call_looks_at_its_own_operations_alone(monkeypatch):
    """A call in a large graph costs what one in a small graph does."""
    variable = tf.Variable(0.0, use_resource=True)
    count = Defun()(lambda: variable.assign_add(1.0).op and None)
    monkeypatch.setattr(tf.Graph, "get_operations", None)
    calls = [count() for _ in range(3)]
    with tf.Session() as session:
        session.run(variable.initializer)
        session.run(calls[2])
        assert session.run(variable) == 1


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="function 3 must be callable"):
        Defun(tf.float32)(3)
    one = Defun(tf.float32)(lambda x: x)
    with pytest.raises(ValueError, match="Expected number of arguments: 1, received: 2"):
        one(1.0, 2.0)
    with pytest.raises(ValueError, match="Tensor conversion requested dtype float32 for Tensor with dtype int32"):
        one(tf.constant(1))
