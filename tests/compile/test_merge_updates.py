"""Optimizers' updates of several variables in one instruction: the same bits, and apart where one sees another."""

import numpy as np
import pytest

import hookloop as tf

from .programs import after_steps, kernels, leave_out, optimized

SHAPES = ((3,), (70, 129), (), (1, 5), (0, 4), (5000,))
OPTIMIZERS = {
    "sgd": lambda: tf.train.GradientDescentOptimizer(0.1),
    "momentum": lambda: tf.train.MomentumOptimizer(0.1, 0.9),
    "nesterov": lambda: tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True),
    "adam": lambda: tf.train.AdamOptimizer(0.1),
    "adagrad": lambda: tf.train.AdagradOptimizer(0.1),
    "rmsprop": lambda: tf.train.RMSPropOptimizer(0.1),
    "centered": lambda: tf.train.RMSPropOptimizer(0.1, centered=True),
}


def values(shape):
    return np.random.RandomState(len(shape)).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_merged_updates_give_the_same_bits(name, monkeypatch):
    variables = [tf.get_variable(f"v{i}", initializer=values(shape)) for i, shape in enumerate(SHAPES)]
    loss = tf.add_n([tf.reduce_sum(tf.square(v) * 0.5 + tf.sin(v)) for v in variables])
    step = OPTIMIZERS[name]().minimize(loss)
    assert kernels(optimized([], targets=[step])).count("apply_all") == 1
    everything = tf.global_variables()
    merged = [after_steps(everything, step, threads) for threads in (1, 2, 4)]
    leave_out("merge_updates", monkeypatch)
    wanted = after_steps(everything, step)
    for found in merged:
        for a, b in zip(found, wanted):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("size", [4096, 4097, 16384, 16385, 50001])
def test_every_element_of_a_large_variable_is_updated_once(size):
    variables = [
        tf.get_variable("large", initializer=values((size,))),
        tf.get_variable("small", initializer=values((3, 23))),
    ]
    step = tf.train.GradientDescentOptimizer(0.25).minimize(tf.add_n([tf.reduce_sum(v) for v in variables]))
    for threads in (1, 2, 3):
        for found, start in zip(after_steps(variables, step, threads, steps=1), (values((size,)), values((3, 23)))):
            np.testing.assert_array_equal(found, start - np.float32(0.25))


def test_more_variables_than_one_instruction_takes(monkeypatch):
    variables = [tf.get_variable(f"v{i}", initializer=values((i, 3))) for i in range(40)]
    step = tf.train.AdamOptimizer(0.1).minimize(tf.add_n([tf.reduce_sum(tf.exp(v)) for v in variables]))
    assert kernels(optimized([], targets=[step])).count("apply_all") == 3
    merged = after_steps(variables, step)
    leave_out("merge_updates", monkeypatch)
    for a, b in zip(merged, after_steps(variables, step)):
        np.testing.assert_array_equal(a, b)


def test_an_update_that_sees_another_stays_apart(monkeypatch):
    a, b = tf.get_variable("a", initializer=values((9,))), tf.get_variable("b", initializer=values((9, 1)))
    optimizer = tf.train.GradientDescentOptimizer(0.5)
    first = optimizer.apply_gradients([(tf.ones([9]), a)])
    with tf.control_dependencies([first]):
        second = optimizer.apply_gradients([(tf.reshape(a.read_value() * 2.0, [9, 1]), b)])
    assert "apply_all" not in kernels(optimized([], targets=[second]))
    found = after_steps([a, b], second, steps=1)
    np.testing.assert_array_equal(found[0], values((9,)) - np.float32(0.5))
    np.testing.assert_allclose(found[1][:, 0], values((9, 1))[:, 0] - found[0], rtol=1e-6, atol=1e-6)


def test_two_updates_of_one_variable_are_both_made():
    v, w = tf.get_variable("v", initializer=values((4,))), tf.get_variable("w", initializer=values((4,)))
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    first = optimizer.apply_gradients([(tf.ones([4]), v), (tf.ones([4]), w)])
    with tf.control_dependencies([first]):
        second = optimizer.apply_gradients([(tf.ones([4]) * 2.0, v)])
    found = after_steps([v, w], second, steps=1)
    np.testing.assert_allclose(found[0], values((4,)) - 3, rtol=1e-6)
    np.testing.assert_allclose(found[1], values((4,)) - 1, rtol=1e-6)


def test_a_fetched_variable_has_the_value_after_all_updates():
    a, b = tf.get_variable("a", initializer=values((5,))), tf.get_variable("b", initializer=values((6,)))
    loss = tf.reduce_sum(a) + tf.reduce_sum(b)
    step = tf.train.GradientDescentOptimizer(1.0).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        before, _, left, right = session.run([loss, step, a, b])
    np.testing.assert_allclose(before, values((5,)).sum() + values((6,)).sum(), rtol=1e-5)
    np.testing.assert_allclose(left, values((5,)) - 1, rtol=1e-6)
    np.testing.assert_allclose(right, values((6,)) - 1, rtol=1e-6)
