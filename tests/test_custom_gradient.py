"""Functions that bring their own gradient."""

import gc
import weakref

import numpy as np
import pytest

import hookloop as tf


@tf.custom_gradient
def log1pexp(x):
    e = tf.exp(x)
    return tf.log(1 + e), lambda dy: dy * (1 - 1 / (1 + e))


def test_own_gradient_is_used(executor):
    x = tf.placeholder(tf.float32, [None])
    y = log1pexp(x)
    gradient = tf.gradients(y, x)[0]
    with tf.Session() as session:
        value, slope = session.run([y, gradient], {x: [0.0, 1.0]})
        np.testing.assert_allclose(value, np.log1p(np.exp([0.0, 1.0])), rtol=1e-6)
        np.testing.assert_allclose(slope, 1 / (1 + np.exp([-0.0, -1.0])), rtol=1e-6)
        assert session.run(gradient, {x: [100.0]}) == [1.0]


def test_nodes_are_tensorflows():
    @tf.custom_gradient
    def square(x, y):
        return x * x + y, lambda dz: (dz * 2 * x, dz)

    x = tf.placeholder(tf.float32, [])
    gradient = tf.gradients(square(x, 2.0), x)[0]
    assert gradient.name == "gradients/IdentityN_grad/mul_1:0"
    assert [op.name for op in tf.get_default_graph().get_operations()] == [
        "Placeholder", "Const", "mul", "add", "Identity", "IdentityN", "gradients/Shape", "gradients/grad_ys_0",
        "gradients/Fill", "gradients/zeros_like", "gradients/zeros_like_1", "gradients/IdentityN_grad/mul/y",
        "gradients/IdentityN_grad/mul", "gradients/IdentityN_grad/mul_1",
    ]  # fmt: skip


def test_structures_of_results(executor):
    @tf.custom_gradient
    def both(x):
        return {"a": x * 1, "b": [x * 2]}, lambda da, db: 10 * da + 100 * db

    x = tf.constant([1.0, 2.0])
    result = both(x)
    gradient = tf.gradients(result["a"] + result["b"][0], x)[0]
    with tf.Session() as session:
        got = session.run(result)
        assert got["a"].tolist() == [1, 2] and got["b"][0].tolist() == [2, 4]
        assert session.run(gradient).tolist() == [110, 110]


@pytest.mark.parametrize("use_resource", [True, False])
def test_variables_get_gradients(executor, use_resource):
    with tf.variable_scope("s", use_resource=use_resource):
        v = tf.get_variable("v", initializer=3.0)

        @tf.custom_gradient
        def scale(x):
            def gradient(dz, variables=None):
                assert [w.name for w in variables] == ["s/v:0"]
                return dz * 2, [dz * 10]

            return x * v, gradient

        x = tf.placeholder(tf.float32, [])
        gradients = tf.gradients(scale(x), [x, v])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(gradients, {x: 7.0}) == [2, 10]


def test_misuse_is_refused():
    with pytest.raises(ValueError, match="keywords arguments"):
        log1pexp(x=tf.constant(1.0))
    v = tf.get_variable("v", initializer=3.0)
    with pytest.raises(TypeError, match="grad_fn must accept a keyword argument 'variables'"):
        tf.custom_gradient(lambda x: (x * v, lambda dz: dz))(1.0)
    with pytest.raises(TypeError, match="must have use_resource=True"):
        tf.custom_gradient(lambda x: (x * 1, lambda dz, variables=None: (dz, [])))(1.0)


def test_pass_through(executor):
    with tf.variable_scope("s", use_resource=True):
        x = tf.constant([1.4, -2.6])
        y = tf.grad_pass_through(tf.round)(x)
        gradient = tf.gradients(y * 3.0, x)[0]
    with tf.Session() as session:
        assert session.run(y).tolist() == [1, -3] and session.run(gradient).tolist() == [3, 3]


def test_recomputed_gradient(executor):
    with tf.variable_scope("s", use_resource=True):

        def f(x):
            return tf.exp(x) * tf.get_variable("v", initializer=3.0)

        x = tf.constant(0.5)
        y = tf.recompute_grad(f)(x)
        gradients = tf.gradients(y, [x, tf.global_variables()[0]])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(session.run(gradients), [3 * np.exp(0.5), np.exp(0.5)], rtol=1e-6)


def test_gradient_lives_as_long_as_its_graph():
    graph = tf.Graph()
    with graph.as_default():
        x = tf.constant(1.0)
        tf.gradients(log1pexp(x), x)
    alive = weakref.ref(graph)
    del graph, x
    gc.collect()
    assert alive() is None


def test_an_override_that_nobody_registered_is_refused():
    x = tf.placeholder(tf.float32, [])
    with tf.get_default_graph().gradient_override_map({"Identity": "NeverRegistered"}):
        y = tf.identity(x, name="same")
    with pytest.raises(
        LookupError, match=r"No gradient defined for operation 'same' \(op type: Identity\).*NeverRegistered"
    ):
        tf.gradients(y, x)
