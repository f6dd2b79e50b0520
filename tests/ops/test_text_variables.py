"""Variables of text: they are read, written, copied and restored as those of numbers are."""

import numpy as np
import pytest

import hookloop as tf


def test_assigning_and_reading(executor):
    text = tf.Variable(["ab", ""], name="text")
    again = tf.assign(text, ["c", "d"])
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="Attempting to use uninitialized value text"):
            session.run(text)
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(text), [b"ab", b""])
        np.testing.assert_array_equal(session.run(tf.string_join([text, text])), [b"abab", b""])
        np.testing.assert_array_equal(session.run(again), [b"c", b"d"])
        np.testing.assert_array_equal(session.run(text), [b"c", b"d"])
        np.testing.assert_array_equal(session.buffer(text), [b"c", b"d"])


def test_an_alias_that_a_write_waits_for_keeps_the_old_text(executor):
    text = tf.Variable(["ab", ""])
    old = tf.identity(text)
    with tf.control_dependencies([old]):
        new = tf.assign(text, ["c", "d"])
    with tf.Session() as session:
        session.run(text.initializer)
        before, after = session.run([old, new])
        np.testing.assert_array_equal(before, [b"ab", b""])
        np.testing.assert_array_equal(after, [b"c", b"d"])


def test_inside_of_control_flow(executor):
    text = tf.Variable(["a", "b"])
    condition = tf.placeholder(tf.bool, [])
    branch = tf.cond(condition, lambda: tf.assign(text, ["c", "d"]), lambda: text)
    _, loop = tf.while_loop(
        lambda i, x: i < 3, lambda i, x: (i + 1, tf.string_join([x, text])), [0, tf.constant(["", ""])]
    )
    with tf.Session() as session:
        session.run(text.initializer)
        np.testing.assert_array_equal(session.run(branch, {condition: False}), [b"a", b"b"])
        np.testing.assert_array_equal(session.run(loop), [b"aaa", b"bbb"])
        np.testing.assert_array_equal(session.run(branch, {condition: True}), [b"c", b"d"])
        np.testing.assert_array_equal(session.run(text), [b"c", b"d"])


def test_another_shape(executor):
    fixed = tf.Variable(["a", "b"])
    found = tf.py_func(lambda: np.array([b"q"], object), [], tf.string)
    free = tf.Variable("one", validate_shape=False)
    longer = tf.assign(free, ["two", "three"], validate_shape=False)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match="Assign"):
            session.run(tf.assign(fixed, found))
        np.testing.assert_array_equal(session.run(fixed), [b"a", b"b"])
        assert session.run(free) == b"one"
        np.testing.assert_array_equal(session.run(longer), [b"two", b"three"])
        np.testing.assert_array_equal(session.run(free), [b"two", b"three"])


@pytest.mark.parametrize("use_resource", [False, True])
def test_rows_of_text_are_not_written_alone(use_resource, monkeypatch):
    """A plan refuses it, and the variable stays as it is."""
    monkeypatch.delenv("HOOKLOOP_EXECUTOR", raising=False)
    text = tf.get_variable("text", initializer=tf.constant(["a", "b", "c"]), use_resource=use_resource)
    row = tf.scatter_update(text, [1], ["z"])
    with tf.Session() as session:
        session.run(text.initializer)
        with pytest.raises(
            tf.errors.UnimplementedError, match="ScatterUpdate .*variables of text are assigned as a whole"
        ):
            session.run(row)
        assert session.run(text).tolist() == [b"a", b"b", b"c"]
