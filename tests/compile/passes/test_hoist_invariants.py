"""hoist_invariants: what no iteration changes is computed before the loop, unless a loop of no iteration would notice."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile.ir import Instr

from ..programs import optimized


def places(fetches, feeds=None, targets=()):
    """Kernels (before or after loops, inside loops)."""
    program = optimized(fetches, feeds, targets, names=["drop_unused", "hoist_invariants"])
    outside = [item.kernel for item in program.root.items if isinstance(item, Instr)]
    inside = [i.kernel for i in program.instructions() if i not in program.root.items]
    return outside, inside


def loop(body, x):
    return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, body(y)), [0, x])[1]


def test_what_does_not_change_is_computed_once(executor):
    x = tf.placeholder(tf.float64, [3])
    y = loop(lambda y: y + tf.exp(tf.sin(x)), x)
    value = np.array([0.5, -1, 2])
    if executor == "plan":
        outside, inside = places([y], {x: value})
        assert "exp" in outside and "sin" in outside and "exp" not in inside
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(y, {x: value}), value + 3 * np.exp(np.sin(value)), rtol=1e-12)


def test_it_leaves_nested_loops(executor):
    x = tf.placeholder(tf.float64, [3])
    y = loop(lambda y: loop(lambda z: z + tf.exp(x), y), x)
    value = np.array([0.5, -1, 2])
    if executor == "plan":
        outside, inside = places([y], {x: value})
        assert outside.count("exp") == 1 and "exp" not in inside
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(y, {x: value}), value + 9 * np.exp(value), rtol=1e-12)


def test_what_an_iteration_changes_stays():
    x = tf.placeholder(tf.float64, [3])
    assert "exp" in places([loop(tf.exp, x)], {x: np.zeros(3)})[1]


def test_what_a_loop_writes_stays(executor):
    v = tf.Variable(1.0)

    def body(y):
        with tf.control_dependencies([tf.assign_add(v, 1.0)]):
            return y + tf.square(v.read_value())

    y = loop(body, tf.constant(0.0))
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run(y) == 4.0 + 9.0 + 16.0


def test_random_numbers_are_drawn_in_each_iteration():
    y = loop(lambda y: y + tf.random_uniform([3], seed=1), tf.zeros([3]))
    assert "random_uniform" in places([y])[1]


def test_what_can_fail_stays(executor):
    x = tf.placeholder(tf.float32, [3])
    i = tf.placeholder(tf.int32, [2])
    n = tf.placeholder(tf.int32, [])
    y = tf.while_loop(lambda k, y: k < n, lambda k, y: (k + 1, y + tf.gather(x, i)), [0, tf.zeros([2])])[1]
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(y, {x: np.ones(3), i: [7, 9], n: 0}), [0, 0])
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(y, {x: np.ones(3), i: [7, 9], n: 1})


def test_an_uninitialized_variable_is_only_missed_where_it_is_read(executor):
    v = tf.Variable([1.0, 2.0, 3.0])
    n = tf.placeholder(tf.int32, [])
    y = tf.while_loop(lambda k, y: k < n, lambda k, y: (k + 1, y + tf.exp(v)), [0, tf.zeros([3])])[1]
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError):
            session.run(y, {n: 1})
        session.run(v.initializer)
        np.testing.assert_allclose(session.run(y, {n: 2}), 2 * np.exp([1, 2, 3]), rtol=1e-6)
