"""share_equal: what is computed twice is computed once, where it is the same."""

import numpy as np

import hookloop as tf

from ..programs import kernels, lowered, optimized


def test_equal_instructions_are_shared():
    x = tf.placeholder(tf.float32, [None, 3])
    twice = tf.tanh(x) + tf.tanh(x)
    feeds = {x: np.zeros((2, 3))}
    assert kernels(lowered([twice], feeds)).count("tanh") == 2
    assert kernels(optimized([twice], feeds, names=["share_equal"])).count("tanh") == 1


def test_other_attributes_are_not_equal():
    x = tf.placeholder(tf.float32, [2, 2])
    both = tf.reduce_sum(x, 0) + tf.reduce_sum(x, 1)
    assert kernels(optimized([both], {x: np.zeros((2, 2))})).count("sum") == 2


def test_random_numbers_are_never_shared_nor_folded():
    both = tf.random_uniform([3], seed=1) + tf.random_uniform([3], seed=1)
    program = optimized([both])
    assert kernels(program).count("random_uniform") == 2
    assert not [i for i in program.prologue if i.kernel == "random_uniform"]


def test_reads_of_a_variable_that_is_written_are_not_shared():
    v = tf.Variable(1.0)
    before = tf.tanh(v)
    with tf.control_dependencies([tf.assign(v, before)]):
        after = tf.tanh(v.read_value())
    program = optimized([before, after])
    assert kernels(program).count("tanh") == 2


def test_reads_of_a_variable_between_two_writes_are_shared():
    v = tf.Variable([1.0, 2.0])
    assert kernels(optimized([tf.tanh(v) * 2.0, tf.tanh(v) * 3.0], names=["share_equal"])).count("tanh") == 1


def test_branches_use_what_is_computed_before_them():
    x = tf.placeholder(tf.float32, [3])
    wanted = tf.placeholder(tf.bool, [])
    before = tf.tanh(x)
    with tf.control_dependencies([before]):
        y = tf.cond(wanted, lambda: tf.tanh(x) * 2.0, lambda: tf.tanh(x) * 3.0)
    feeds = {x: np.zeros(3), wanted: True}
    assert kernels(lowered([before, y], feeds)).count("tanh") == 3
    assert kernels(optimized([before, y], feeds, names=["share_equal"])).count("tanh") == 1


def test_what_a_branch_computes_is_not_known_outside_nor_in_the_other_branch():
    x = tf.placeholder(tf.float32, [3])
    wanted = tf.placeholder(tf.bool, [])
    y = tf.cond(wanted, lambda: tf.tanh(x) * 2.0, lambda: tf.tanh(x) * 3.0)
    with tf.control_dependencies([y]):
        after = tf.tanh(x)
    program = optimized([y, after], {x: np.zeros(3), wanted: True}, names=["share_equal"])
    assert kernels(program).count("tanh") == 3


def test_a_loop_shares_within_an_iteration_only():
    x = tf.placeholder(tf.float32, [3])
    y = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.tanh(y) + tf.tanh(y) + tf.exp(x)), [0, tf.exp(x)])[1]
    program = optimized([y], {x: np.zeros(3)}, names=["share_equal"])
    assert kernels(program).count("tanh") == 1
    assert kernels(program).count("exp") == 1


def test_a_variable_that_a_loop_writes_is_read_in_each_iteration():
    v = tf.Variable(1.0)
    before = tf.tanh(v)

    def body(i):
        with tf.control_dependencies([tf.assign_add(v, tf.tanh(v.read_value()))]):
            return i + 1

    i = tf.while_loop(lambda i: i < 3, body, [0])
    program = optimized([before, i], names=["share_equal"])
    assert kernels(program).count("tanh") == 2
