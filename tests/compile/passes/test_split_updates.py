"""split_updates: what elementwise instructions make is added to a variable by the chain that makes it."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import kernels, optimized

ALONE = ["drop_unused", "split_updates"]
TOGETHER = [*ALONE, "fuse_elementwise", "assign_in_place"]
SHAPE = (13, 11)


def rewritten(target, feeds, names=ALONE):
    return kernels(optimized([], feeds, [target], names=names))


def moving_average(dtype=tf.float32):
    average = tf.Variable(np.full(SHAPE, 3), dtype=dtype)
    value = tf.placeholder(dtype, SHAPE)
    return average, value, tf.assign_sub(average, (average - value) * tf.constant(0.25, dtype))


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.float16], ids=lambda dtype: dtype.name)
def test_a_moving_average(dtype, executor):
    average, value, update = moving_average(dtype)
    feeds = {value: np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(dtype.as_numpy_dtype)}
    if executor == "plan":
        assert rewritten(update.op, feeds) == ["sub", "mul", "sub", "assign"]
        assert rewritten(update.op, feeds, TOGETHER) == ["fused"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(2):
            session.run(update.op, feeds)
        before = np.full(SHAPE, 3, dtype.as_numpy_dtype)
        for _ in range(2):
            before = before - (before - feeds[value]) * np.asarray(0.25, before.dtype)
        np.testing.assert_array_equal(session.run(average), before)


def test_a_sum_is_added(executor):
    total, x = tf.Variable(np.ones(SHAPE)), tf.placeholder(tf.float64, SHAPE)
    update = tf.assign_add(total, tf.square(x))
    feeds = {x: np.full(SHAPE, 2.0)}
    if executor == "plan":
        assert rewritten(update.op, feeds) == ["square", "add", "assign"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(update, feeds), np.full(SHAPE, 5.0))


def test_what_no_chain_makes_is_left():
    total, x = tf.Variable(np.ones(SHAPE)), tf.placeholder(tf.float64, SHAPE)
    assert rewritten(tf.assign_add(total, x).op, {x: np.ones(SHAPE)}) == ["assign_add"]
    product = tf.matmul(x, tf.ones((11, 11), tf.float64))
    assert rewritten(tf.assign_add(total, product).op, {x: np.ones(SHAPE)}) == ["matmul", "assign_add"]


def test_what_others_read_is_left():
    total, x = tf.Variable(np.ones(SHAPE)), tf.placeholder(tf.float64, SHAPE)
    square = tf.square(x)
    program = optimized([square], {x: np.ones(SHAPE)}, [tf.assign_add(total, square).op], names=ALONE)
    assert kernels(program) == ["square", "assign_add"]


def test_a_few_elements_are_left():
    total, x = tf.Variable(np.ones(128)), tf.placeholder(tf.float64, 128)
    assert rewritten(tf.assign_add(total, tf.square(x)).op, {x: np.ones(128)}) == ["square", "assign_add"]
    total, x = tf.Variable(np.ones(129)), tf.placeholder(tf.float64, 129)
    assert rewritten(tf.assign_add(total, tf.square(x)).op, {x: np.ones(129)}) == ["square", "add", "assign"]
