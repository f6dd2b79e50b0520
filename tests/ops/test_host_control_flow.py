"""Host ops and text inside of conditionals, loops and the functions of datasets."""

import numpy as np
import pytest

import hookloop as tf


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def test_text_of_either_branch(executor):
    p = tf.placeholder(tf.bool, [])
    chosen = tf.cond(p, lambda: tf.constant(["yes", "sir"]), lambda: tf.constant(["no"]))
    assert run([chosen, tf.shape(chosen)], {p: True})[0].tolist() == [b"yes", b"sir"]
    assert run([chosen, tf.size(chosen)], {p: False})[1] == 1


def test_only_the_chosen_branch_is_called(executor):
    p, calls = tf.placeholder(tf.bool, []), []
    chosen = tf.cond(
        p,
        lambda: tf.py_func(lambda: calls.append("then") or np.float32(1), [], tf.float32),
        lambda: tf.py_func(lambda: calls.append("else") or np.float32(2), [], tf.float32),
    )
    assert run(chosen, {p: True}) == 1 and calls == ["then"]
    assert run(chosen, {p: False}) == 2 and calls == ["then", "else"]


def test_element_is_taken_in_one_branch_only(executor):
    p, iterator = tf.placeholder(tf.bool, []), tf.data.Dataset.range(5).make_one_shot_iterator()
    chosen = tf.cond(p, iterator.get_next, lambda: tf.constant(-1, tf.int64))
    with tf.Session() as session:
        assert [session.run(chosen, {p: flag}) for flag in (True, False, True)] == [0, -1, 1]


def test_text_grows_in_a_loop(executor):
    joined = tf.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, tf.string_join([s, tf.as_string(i)])), [0, ""])[1]
    listed = tf.while_loop(
        lambda i, s: i < 3,
        lambda i, s: (i + 1, tf.concat([s, [tf.as_string(i)]], 0)),
        [0, tf.constant(["a"])],
        shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])],
    )[1]
    assert run(joined) == b"012" and run(listed).tolist() == [b"a", b"0", b"1", b"2"]


def test_function_with_results_of_any_size_in_a_loop(executor):
    def body(i, s):
        more = tf.py_func(lambda k: np.full(k + 1, k, np.float32), [i], tf.float32)
        more.set_shape([None])
        return i + 1, tf.concat([s, more], 0)

    grown = tf.while_loop(
        lambda i, s: i < 3, body, [0, tf.constant([7.0])], shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])]
    )[1]
    with tf.Session() as session:
        for _ in range(2):
            assert session.run(grown).tolist() == [7, 0, 1, 1, 2, 2, 2]


def test_queue_is_emptied_by_a_loop(executor):
    queue = tf.FIFOQueue(10, tf.int32, shapes=[[]])
    total = tf.while_loop(lambda s: s < 6, lambda s: s + queue.dequeue(), [0])
    put = queue.enqueue_many([[1, 2, 3, 4]])
    with tf.Session() as session:
        session.run(put)
        assert session.run(total) == 6 and session.run(queue.size()) == 1


def test_error_in_a_loop_leaves_the_session_usable(executor):
    limit = tf.placeholder(tf.int32, [])

    def check(i):
        with tf.control_dependencies([tf.assert_less(i, 3, message="too far")]):
            return i + 1

    last = tf.while_loop(lambda i: i < limit, check, [0])
    with tf.Session() as session:
        assert session.run(last, {limit: 3}) == 3
        with pytest.raises(tf.errors.InvalidArgumentError, match="too far"):
            session.run(last, {limit: 5})
        assert session.run(last, {limit: 2}) == 2


def test_control_flow_in_a_datasets_function(executor):
    dataset = tf.data.Dataset.range(4).map(lambda x: tf.cond(x > 2, lambda: x * 10, lambda: x))
    dataset = dataset.map(lambda x: tf.while_loop(lambda i: i < 10, lambda i: i + x + 1, [x]))
    following = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert [session.run(following) for _ in range(4)] == [10, 11, 11, 30]


def test_a_call_behind_a_loop_has_a_result_of_the_size_that_the_loop_left(executor):
    x = tf.placeholder(tf.float64, [None, 2])
    shapes = [tf.TensorShape([]), tf.TensorShape([None, 2])]
    rows = tf.while_loop(lambda i, t: i < 2, lambda i, t: (i + 1, tf.concat([t, t], 0)), [0, x], shapes)[1]
    solved = tf.matrix_solve(2 * tf.eye(tf.shape(rows)[0], dtype=tf.float64), rows)
    with tf.Session() as session:
        for count in (1, 3):
            value = np.arange(2.0 * count).reshape(count, 2) + 1
            np.testing.assert_allclose(session.run(solved, {x: value}), np.concatenate([value] * 4) / 2)
