"""Requests that are evaluated in parts: values, order and errors are TensorFlow 1.15's; each operation runs once."""

import importlib.util
import json
import threading
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

FIXTURES = Path(__file__).parent / "fixtures"
RECORD = json.loads((FIXTURES / "partial_run.json").read_text())
_spec = importlib.util.spec_from_file_location("partial_run_program", FIXTURES / "partial_run_program.py")
program = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(program)


@pytest.mark.parametrize("name", RECORD)
def test_as_in_tensorflow(name, executor):
    found = program.run(tf, name)
    assert len(found) == len(RECORD[name])
    for ours, theirs in zip(found, RECORD[name]):
        if theirs and isinstance(theirs, list) and isinstance(theirs[0], str):
            assert ours[0] == theirs[0] and ours[1].startswith(theirs[1])
        else:
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def two_parts():
    a, b, c = (tf.placeholder(tf.float32, []) for _ in range(3))
    first = a + b
    return a, b, c, first, first * c


def test_random_numbers_and_calls_are_had_once(executor):
    calls = []
    c = tf.placeholder(tf.float32, [3])
    drawn = tf.random_uniform([3], seed=1)
    called = tf.py_func(lambda: calls.append(1) or np.float32(len(calls)), [], tf.float32)
    called.set_shape([])
    total = drawn + called + c
    with tf.Session() as session:
        for n in (1, 2):
            handle = session.partial_run_setup([drawn, total], [c])
            before = session.partial_run(handle, drawn)
            np.testing.assert_allclose(session.partial_run(handle, total, {c: np.zeros(3)}), before + n, rtol=1e-6)
            assert len(calls) == n


def test_sizes_may_change_from_one_evaluation_to_the_next(executor):
    x, y = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.float32, [None, 2])
    summed, joined = tf.reduce_sum(x, 1), tf.concat([2 * x, y], 0)
    with tf.Session() as session:
        for n, m in ((3, 1), (1, 4), (0, 2), (3, 1)):
            one, other = np.arange(2.0 * n).reshape(n, 2), np.ones((m, 2))
            handle = session.partial_run_setup({"s": summed, "j": [joined]}, [x, y])
            found = session.partial_run(handle, {"s": summed}, {x: one})
            np.testing.assert_allclose(found["s"], one.sum(1))
            np.testing.assert_allclose(
                session.partial_run(handle, joined, {y: other}), np.concatenate([2 * one, other])
            )


def test_text_is_kept_between_parts(executor):
    a, b = tf.placeholder(tf.string, []), tf.placeholder(tf.string, [None])
    upper = tf.strings.upper(a)
    joined = tf.strings.join([upper, tf.reduce_join(b, 0)])
    with tf.Session() as session:
        handle = session.partial_run_setup([upper, joined], [a, b])
        assert session.partial_run(handle, upper, {a: "ab"}) == b"AB"
        assert session.partial_run(handle, joined, {b: ["c", "d"]}) == b"ABcd"


def test_training_in_two_parts(executor):
    """A policy's program: an action from a state, then the reward comes in and the policy is trained."""
    state, reward = tf.placeholder(tf.float32, [1, 3]), tf.placeholder(tf.float32, [])
    w = tf.get_variable("w", [3, 2], initializer=tf.ones_initializer())
    action = tf.nn.softmax(tf.matmul(state, w))
    loss = -reward * tf.log(action[0, 0])
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    with tf.control_dependencies([train]):
        after = tf.reduce_sum(w.read_value() * [[1.0, 0.0]])
    x = np.array([[1.0, 2.0, -1.0]])
    with tf.Session() as session:
        session.run(w.initializer)
        handle = session.partial_run_setup([action, loss, after, train], [state, reward])
        np.testing.assert_allclose(session.partial_run(handle, action, {state: x}), [[0.5, 0.5]])
        found = session.partial_run(handle, [loss, after], {reward: 2.0})
        np.testing.assert_allclose(found, [2 * np.log(2), 3 + 0.5 * 2 * 0.5 * x.sum()], rtol=1e-6)
        np.testing.assert_allclose(session.run(w)[:, 1], 1 - 0.5 * x[0], rtol=1e-6)


def test_a_variable_is_what_it_is_when_it_is_asked_for(executor):
    x = tf.placeholder(tf.float32, [])
    v = tf.get_variable("v", [], initializer=tf.ones_initializer(), use_resource=True)
    doubled = 2 * x
    with tf.Session() as session:
        session.run(v.initializer)
        handle = session.partial_run_setup([v, doubled], [x])
        session.partial_run(handle, doubled, {x: 1.0})
        session.run(v.assign(7.0))
        assert session.partial_run(handle, v) == 7


def test_what_a_loop_saves_is_made_again_but_not_its_chances(executor):
    a, b = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    noisy = tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * tf.random_uniform([])), [0, a])[1]
    slope = tf.gradients(noisy * b, a)[0]
    with tf.Session() as session:
        handle = session.partial_run_setup([noisy, slope], [a, b])
        found = session.partial_run(handle, [noisy, slope], {a: 2.0, b: 3.0})  # in one part
        assert found[1] == pytest.approx(3 * found[0] / 2, rel=1e-5)
        handle = session.partial_run_setup([noisy, slope], [a, b])
        session.partial_run(handle, noisy, {a: 2.0})
        with pytest.raises(tf.errors.UnimplementedError, match="partial_run would have to run 'while/random_uniform"):
            session.partial_run(handle, slope, {b: 3.0})
        with pytest.raises(tf.errors.InvalidArgumentError, match="Must run 'setup' before performing partial runs!"):
            session.partial_run(handle, slope, {b: 3.0})


def test_set_ups_that_do_not_fit():
    a, b, c, first, second = two_parts()
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match='Endpoint "Placeholder:0" fed more than once.'):
            session.partial_run_setup([first], [a, b, a])
        for feed in ("zzz:0", 3, tf.no_op()):
            with pytest.raises(TypeError, match="Cannot interpret feed_list key as Tensor:"):
                session.partial_run_setup([first], [feed])
        fixed = tf.constant(1.0) + 1.0
        tf.get_default_graph().prevent_feeding(fixed)
        with pytest.raises(ValueError, match="may not be fed"):
            session.partial_run_setup([fixed * 2], [fixed])
        handle = session.partial_run_setup([first, second], [a, b, c])
    for call in (
        lambda: session.partial_run(handle, first, {a: 1, b: 2}),
        lambda: session.partial_run_setup([first], [a, b]),
    ):
        with pytest.raises(RuntimeError, match="Attempted to use a closed Session."):
            call()
    with tf.Session(graph=tf.Graph()) as session:
        for call in (lambda: session.partial_run_setup([first], [a]), lambda: session.partial_run("x", [first])):
            with pytest.raises(RuntimeError, match="The Session graph is empty"):
                call()


def test_threads_evaluate_side_by_side():
    a, b, c, first, second = two_parts()
    failures = []

    def work(k):
        for i in range(30):
            handle = session.partial_run_setup([first, second], [a, b, c])
            if session.partial_run(handle, first, {a: k, b: i}) != k + i:
                failures.append((k, i))
            if session.partial_run(handle, second, {c: 2}) != 2 * (k + i):
                failures.append((k, i))

    with tf.Session() as session:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_composite_feeds_and_fetches(executor):
    values, indices = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.int64, [None])
    slices = tf.IndexedSlices(values, indices)
    doubled = tf.IndexedSlices(2 * values, indices + 1)
    with tf.Session() as session:
        handle = session.partial_run_setup([doubled], [slices])
        found = session.partial_run(handle, doubled, {slices: ([1.0, 2.0], [3, 5])})
    assert found.values.tolist() == [2, 4] and found.indices.tolist() == [4, 6]


def test_what_waits_for_a_feed_alone_waits_for_its_value(executor):
    a, b = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    with tf.control_dependencies([b]):
        double = a * 2.0
    more = b + 1.0
    with tf.Session() as session:
        handle = session.partial_run_setup([double], [a, b])
        assert session.partial_run(handle, double, {a: 1.0, b: 3.0}) == 2
        handle = session.partial_run_setup([double, more], [a, b])
        assert session.partial_run(handle, more, {b: 1.0}) == 2
        assert session.partial_run(handle, double, {a: 3.0}) == 6
        handle = session.partial_run_setup([double, more], [a, b])
        with pytest.raises(tf.errors.InvalidArgumentError, match="can't be computed from the feeds that have been fed"):
            session.partial_run(handle, double, {a: 1.0})
