"""write_in_place: parts are computed where they belong, unless somebody would see a difference."""

import sys

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile.passes.uses import are_disjoint

from ..programs import kernels, optimized


def rewritten(fetches, feeds):
    return optimized(fetches, feeds, names=["drop_unused", "write_in_place"])


@pytest.mark.parametrize("batch", [5, None])
@pytest.mark.parametrize("axis", [0, 1])
def test_the_parts_of_a_concat_are_computed_in_it(axis, batch):
    x = tf.placeholder(tf.float32, [batch, 3])
    program = rewritten([tf.concat([tf.tanh(x), tf.exp(x)], axis) * 2.0], {x: np.zeros((5, 3))})
    assert kernels(program) == ["tanh", "exp", "mul"]


def test_a_matrix_product_is_computed_in_a_stack():
    x = tf.placeholder(tf.float32, [4, 3])
    w = tf.placeholder(tf.float32, [3, 3])
    program = rewritten([tf.stack([tf.matmul(x, w), tf.matmul(w, x, True, True)[:3]][:1] * 1 + [tf.matmul(x, w)], 1)],
                        {x: np.zeros((4, 3)), w: np.zeros((3, 3))})  # fmt: skip
    assert kernels(program) == ["matmul", "matmul"]


def test_other_readers_read_the_part():
    x = tf.placeholder(tf.float32, [4, 3])
    y = tf.tanh(x)
    program = rewritten([tf.concat([y, x], 1), tf.exp(y)], {x: np.zeros((4, 3))})
    tanh, copy, exp = program.root.items
    assert (tanh.kernel, copy.kernel, exp.kernel) == ("tanh", "copy", "exp")
    assert exp.inputs[0].buffer is tanh.outputs[0].buffer is copy.outputs[0].buffer


def test_a_reader_that_takes_dense_tensors_alone_keeps_the_copy():
    x = tf.placeholder(tf.float32, [4, 3])
    y = tf.tanh(x)
    program = rewritten([tf.concat([y, x], 1), tf.nn.softmax(y)], {x: np.zeros((4, 3))})
    assert kernels(program).count("copy") == 2


def test_a_kernel_of_dense_results_keeps_the_copy_unless_the_window_is_dense():
    x = tf.placeholder(tf.float32, [4, 3])
    feeds = {x: np.zeros((4, 3))}
    assert kernels(rewritten([tf.concat([tf.nn.softmax(x), x], 1)], feeds)).count("copy") == 2
    assert kernels(rewritten([tf.concat([tf.nn.softmax(x), x], 0)], feeds)).count("copy") == 1


def test_many_parts_are_not_compared_two_by_two(monkeypatch):
    """The stack that tells which of a thousand variables have a value is compiled in no second."""
    compared = []

    def counting(left, right):
        compared.append(1)
        return are_disjoint(left, right)

    monkeypatch.setattr(sys.modules["hookloop.compile.passes.write_in_place"], "are_disjoint", counting)
    x = tf.placeholder(tf.float32, [3])
    parts = [tf.tanh(x * float(i)) for i in range(60)]
    assert kernels(rewritten([tf.stack(parts), tf.concat(parts, 0)], {x: np.zeros(3)})).count("copy") == 60
    assert len(compared) <= 60 * 2


@pytest.mark.parametrize("axis", [0, 1])
def test_many_parts_of_an_open_size_are_not_compared_two_by_two_either(axis, monkeypatch):
    compared = []
    monkeypatch.setattr(
        sys.modules["hookloop.compile.passes.write_in_place"], "are_disjoint", lambda *_: compared.append(1)
    )
    rows = [tf.placeholder(tf.float32, [None, 3]) for _ in range(40 if axis == 0 else 1)]
    parts = [tf.tanh(rows[i % len(rows)] * float(i)) for i in range(40)]
    program = rewritten([tf.concat(parts, axis)], {x: np.zeros((5, 3)) for x in rows})
    assert kernels(program).count("copy") == 0
    assert not compared


def test_a_fetched_part_stays_a_tensor_of_its_own():
    x = tf.placeholder(tf.float32, [4, 3])
    y = tf.tanh(x)
    assert kernels(rewritten([tf.concat([y, x], 1), y], {x: np.zeros((4, 3))})).count("copy") == 2


def test_the_same_part_twice_is_copied_once():
    x = tf.placeholder(tf.float32, [4, 3])
    y = tf.tanh(x)
    assert kernels(rewritten([tf.concat([y, y], 1)], {x: np.zeros((4, 3))})).count("copy") == 1


def test_what_is_filled_after_the_part_was_computed_is_not_overwritten(executor):
    x = tf.placeholder(tf.float32, [2, 3])
    y = tf.pad(tf.tanh(x), [[1, 0], [0, 1]]) + 1.0
    with tf.Session() as session:
        value = np.arange(6).reshape(2, 3)
        expected = np.pad(np.tanh(value), [[1, 0], [0, 1]]) + 1
        np.testing.assert_allclose(session.run(y, {x: value}), expected, rtol=1e-6)


def test_loop_variables_are_computed_in_place_where_nobody_reads_the_old_value(executor):
    x = tf.placeholder(tf.float32, [3])
    _, y, z = tf.while_loop(lambda i, y, z: i < 4, lambda i, y, z: (i + 1, tf.tanh(z), y + z), [0, x, x * 2.0])
    value = np.array([0.5, -1, 2], "f")
    with tf.Session() as session:
        found = session.run([y, z], {x: value})
    y, z = value, value * 2
    for _ in range(4):
        y, z = np.tanh(z), y + z
    np.testing.assert_allclose(found, [y, z], rtol=1e-5)


def test_branches_compute_their_result_in_place():
    x = tf.placeholder(tf.float32, [3])
    wanted = tf.placeholder(tf.bool, [])
    y = tf.cond(wanted, lambda: tf.tanh(x), lambda: tf.exp(x))
    assert "copy" not in kernels(rewritten([y * 2.0], {x: np.zeros(3), wanted: True}))


def test_a_variable_is_never_the_place(executor):
    v = tf.Variable([1.0, 2.0])
    total = tf.concat([tf.tanh(v), v], 0)
    update = tf.assign(v, tf.exp(v))
    with tf.Session() as session:
        session.run(v.initializer)
        found = session.run([total, update])
    np.testing.assert_allclose(found[0], [*np.tanh([1, 2]), 1, 2], rtol=1e-6)
    np.testing.assert_allclose(found[1], np.exp([1, 2]), rtol=1e-6)


def test_a_loop_variable_is_counted_up_where_it_lies():
    i = tf.while_loop(lambda i: i < 3, lambda i: i + 1, [0])
    assert kernels(rewritten([i], {})) == ["copy", "less", "add"]


def test_elements_that_a_kernel_reads_after_writing_others_are_copied(executor):
    x = tf.placeholder(tf.float32, [3])
    y = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y[::-1] + y), [0, x])[1]
    value = np.array([1, 2, 4], "f")
    with tf.Session() as session:
        found = session.run(y, {x: value})
    for _ in range(3):
        value = value[::-1] + value
    np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize("copies", [1, 2, 4])
def test_what_is_repeated_as_often_as_a_feed_tells_is_not_written_once(executor, copies):
    x = tf.placeholder(tf.float64, [3, None])
    many = tf.placeholder(tf.float64, [None, None])
    sums = tf.reduce_sum(tf.square(x), 0, keepdims=True)
    repeated = tf.broadcast_to(sums, [tf.shape(many)[-1], tf.shape(x)[-1]])
    products = tf.matmul(repeated, repeated, transpose_b=True)
    values = np.arange(15.0).reshape(3, 5)
    with tf.Session() as session:
        found = session.run([repeated, products], {x: values, many: np.zeros((7, copies))})
    expected = np.tile((values**2).sum(0), (copies, 1))
    np.testing.assert_array_equal(found[0], expected)
    np.testing.assert_array_equal(found[1], expected @ expected.T)
