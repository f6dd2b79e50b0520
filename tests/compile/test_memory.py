"""Placement by lifetime, against an oracle of its own: it runs through the program and looks for overlaps."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile import memory
from hookloop.compile.ir import ARENA, RESULT, If, Instr

from .programs import optimized


class Oracle:
    """Which buffer each slot, and the memory of each result, holds while the program runs; a loop is run twice, so that its back edge counts.

    A buffer that is read must still be what its slot holds.

    Args:
      taken: which branch of all conditionals runs.
    """

    def __init__(self, taken):
        self.taken = taken
        self.holder = {}

    def run(self, block):
        for item in block.items:
            if isinstance(item, Instr):
                for value in item.inputs:
                    self.check(value.buffer)
                for value in item.outputs:
                    self.hold(value.buffer)
                if item.kernel == "move":
                    self.give_up(item.inputs[1].buffer)
            elif isinstance(item, If):
                self.check(item.predicate.buffer)
                self.run(item.then if self.taken else item.otherwise)
            else:
                for _ in range(2):
                    self.run(item.condition)
                    self.check(item.predicate.buffer)
                    self.run(item.body)

    def check(self, buffer):
        if buffer.kind in (ARENA, RESULT):
            holder = self.holder.get((buffer.kind, buffer.index))
            assert self.root(holder) is self.root(buffer), "its memory holds something else by now"

    def hold(self, buffer):
        if buffer.kind in (ARENA, RESULT):
            self.holder[buffer.kind, buffer.index] = buffer

    def give_up(self, buffer):
        """What a move has read is gone."""
        self.holder[buffer.kind, buffer.index] = None

    @staticmethod
    def root(buffer):
        while buffer is not None and buffer.home is not None:
            buffer = buffer.home
        return buffer


def placed(fetches, feeds):
    return look_for_overlaps(optimized(fetches, feeds))


def assignments(fetches, feeds=()):
    """The kernels by which variables get whole values."""
    program = optimized(fetches, dict(feeds))
    look_for_overlaps(program)
    return [item.kernel for item in program.root.items if isinstance(item, Instr) and item.kernel in ("assign", "move")]


def look_for_overlaps(program):
    """How many pieces of memory a program needs: slots of the arena, and results."""
    slots = memory.place(program)
    for taken in (True, False):
        oracle = Oracle(taken)
        oracle.run(program.root)
        for value in program.fetches:
            oracle.check(value.buffer)
    return slots + program.n_results


def test_a_chain_needs_one_slot():
    x = tf.placeholder(tf.float32, [None])
    y = x
    for _ in range(50):
        y = tf.tanh(y) + 1.0
    assert placed([y], {x: np.zeros(7)}) == 1


def test_a_value_that_is_read_later_keeps_its_slot():
    x = tf.placeholder(tf.float32, [5])
    first = tf.tanh(x)
    y = first
    for _ in range(5):
        y = tf.exp(y)
    placed([first + y, y], {x: np.zeros(5)})


def test_what_is_fetched_is_never_overwritten():
    x = tf.placeholder(tf.float32, [5])
    values = [tf.tanh(x)]
    for _ in range(4):
        values.append(tf.exp(values[-1]))
    assert placed(values, {x: np.zeros(5)}) == 5


@pytest.mark.parametrize("rows, results", [(None, 1), (64, 1), (63, 0)])
def test_a_fetched_value_that_may_be_large_is_a_result(rows, results):
    x = tf.placeholder(tf.float32, [rows, 256])
    y = tf.tanh(x)
    z = tf.reshape(tf.exp(y) * y, [-1])
    program = optimized([z, tf.reduce_sum(y)], {x: np.zeros((63 if rows is None else rows, 256))})
    look_for_overlaps(program)
    assert program.n_results == results
    assert [value.buffer.kind for value in program.fetches] == [RESULT if results else ARENA, ARENA]


def test_a_value_under_several_shapes_is_one_result_where_it_took_over_the_memory_of_its_input():
    x = tf.placeholder(tf.float32, [None, 256])
    y = tf.exp(tf.matmul(tf.exp(x), tf.ones([256, 256])))
    fetches = [y, tf.reshape(y, [-1]), tf.expand_dims(y, 0)]
    program = optimized(fetches, {x: np.zeros((300, 256))})
    look_for_overlaps(program)
    assert program.n_results == 1
    assert [(value.buffer.kind, value.buffer.index) for value in program.fetches] == [(RESULT, 0)] * 3


def test_a_part_of_a_value_is_no_result():
    x = tf.placeholder(tf.float32, [300, 256])
    y = tf.exp(x)
    program = optimized([y[100:], y[:, ::2]], {x: np.zeros((300, 256))})
    look_for_overlaps(program)
    assert all(memory.is_whole(value) for value in program.fetches if value.buffer.kind == RESULT)


@pytest.mark.parametrize("batch", [1, 9])
def test_a_training_step(batch):
    x, y = tf.placeholder(tf.float32, [None, 6]), tf.placeholder(tf.int32, [None])
    h = x
    for i, (n, m) in enumerate([(6, 11), (11, 7), (7, 3)]):
        h = tf.matmul(h, tf.get_variable(f"w{i}", [n, m])) + tf.get_variable(f"b{i}", [m])
        h = tf.nn.relu(h)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=h))
    gradients = tf.gradients(loss, tf.trainable_variables())
    placed([loss, *gradients], {x: np.zeros((batch, 6)), y: np.zeros(batch, "i")})


def test_branches():
    x, p = tf.placeholder(tf.float32, [4]), tf.placeholder(tf.bool, [])
    before = tf.tanh(x)
    y = tf.cond(p, lambda: tf.exp(before) * tf.sin(x), lambda: tf.cos(tf.exp(x)) + before)
    placed([y + before, *tf.gradients(y, x)], {x: np.zeros(4), p: True})


def test_a_value_from_before_a_loop_lives_through_it():
    x = tf.placeholder(tf.float32, [4])
    outside = tf.tanh(x)

    def body(i, a):
        b = tf.exp(a) * outside
        return i + 1, tf.sin(b) + tf.cos(a)

    _, a = tf.while_loop(lambda i, a: i < 3, body, [0, x])
    placed([a, *tf.gradients(a, x)], {x: np.zeros(4)})


def test_a_value_that_only_a_variable_wants_is_moved():
    v = tf.Variable(tf.random_uniform([7, 3]))
    assert assignments([v.initializer.outputs[0]]) == ["move"]


def test_a_value_that_is_read_after_its_assignment_is_copied():
    value = tf.random_uniform([7, 3])
    v, w = tf.Variable(value), tf.Variable(value)
    assert assignments([v.initializer.outputs[0], w.initializer.outputs[0]]) == ["assign", "move"]
    assert assignments([v.initializer.outputs[0], value]) == ["assign"]
    with tf.control_dependencies([v.initializer]):
        assert assignments([tf.reduce_sum(value)]) == ["assign"]


def test_what_was_fed_is_copied():
    x = tf.placeholder(tf.float32, [4])
    v = tf.Variable(tf.zeros([4]))
    assert assignments([tf.assign(v, x)], {x: np.ones(4)}) == ["assign"]
