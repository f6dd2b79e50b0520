"""What assertions and printing ops write, and when."""

import sys

import numpy as np
import pytest

import hookloop as tf


def test_failing_assertion_shows_its_data(executor):
    x = tf.placeholder(tf.float32, [None])
    check = tf.Assert(tf.reduce_all(x > 0), ["x must be positive", tf.cast(x, tf.int32)], name="check")
    with tf.control_dependencies([check]):
        y = x * 2.0
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(y, {x: [1, 2]}), [2, 4])
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=r"assertion failed: \[x must be positive\] \[1 -2 3\.\.\.\]"
        ):
            session.run(y, {x: [1, -2, 3, 4]})
        np.testing.assert_array_equal(session.run(y, {x: [3]}), [6])


def test_guarded_assertion_reads_its_data_only_where_it_fails(executor):
    x = tf.placeholder(tf.float32, [])
    calls = []
    data = tf.py_func(lambda a: (calls.append(a), a)[1], [x], tf.float32)
    check = tf.Assert(x > 0, [data, "negative"])
    assert check.name == "Assert/AssertGuard/Merge"
    with tf.Session() as session:
        session.run(check, {x: 1.0})
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"assertion failed: \[-1\.5\] \[negative\]"):
            session.run(check, {x: -1.5})


@pytest.mark.parametrize(
    "summarize, text",
    [
        (None, r"\[1 2 3\.\.\.\] \[1 0\] \[\] \[\[\[0 1\]\[2\.\.\.\]\]\.\.\.\] \[a\]"),
        (-1, r"\[1 2 3 4\] \[1 0\] \[\] \[\[\[0 1\]\[2 3\]\]\[\[4 5\]\[6 7\]\]\] \[a\]"),
        (1, r"\[1\.\.\.\] \[1\.\.\.\] \[\] \[\[\[0\.\.\.\]\]\.\.\.\] \[a\]"),
    ],
)
def test_assertion_summarizes(executor, summarize, text):
    data = [[1.0, 2.0, 3.0, 4.0], [True, False], np.zeros((0, 3)), np.arange(8).reshape(2, 2, 2), "a"]
    check = tf.Assert(tf.identity(False), data, summarize=summarize)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(check)


def test_print_passes_its_input_and_the_gradient(executor, capfd):
    x = tf.placeholder(tf.float32, [2, 2])
    y = tf.Print(
        x, [x, "text", tf.constant(True), tf.constant([1e-8, 1e10, 0.1])], message="now: ", first_n=2, summarize=3
    )
    gradient = tf.gradients(y * 3.0, x)[0]
    with tf.Session() as session:
        for _ in range(3):
            got, slope = session.run([y, gradient], {x: [[1.5, 2], [3, 4]]})
            np.testing.assert_array_equal(got, [[1.5, 2], [3, 4]])
            np.testing.assert_array_equal(slope, np.full((2, 2), 3))
    assert capfd.readouterr().err == "now: [[1.5 2][3...]...][text][1][1e-08 1e+10 0.1]\n" * 2


def test_print_v2_formats_structures(executor, capfd):
    numbers = tf.constant([1.5, 2, 3, 4, 5, 6, 7, 8])
    op = tf.print(
        "a",
        numbers,
        {"k": tf.constant(1)},
        [1, tf.constant(2.0)],
        tf.constant("s"),
        (1, 2),
        1e-8,
        output_stream=sys.stdout,
    )
    assert op.type == "PrintV2" and op.inputs[0].op.type == "StringFormat"
    with tf.Session() as session:
        session.run(op)
    assert capfd.readouterr().out == "a [1.5 2 3 ... 6 7 8] {'k': 1} [1, 2] \"s\" (1, 2) 1e-08\n"


def test_print_v2_of_matrices_and_options(executor, capfd):
    op = tf.print(
        tf.constant(np.arange(4).reshape(2, 2)), tf.constant([0.1], tf.float64), sep="|", end="!\n", name="shown"
    )
    assert op.name == "shown" and op.inputs[0].op.name == "shown_format"
    with tf.Session() as session:
        session.run(op)
    assert capfd.readouterr().err == "[[0 1]\n [2 3]]|[0.1]!\n"


def test_print_v2_of_a_text_needs_no_formatting(executor, capfd):
    op = tf.print(tf.constant("plain {}"))
    assert op.inputs[0].op.type == "Const"
    with tf.Session() as session:
        session.run(op)
    assert capfd.readouterr().err == "plain {}\n"


def test_print_v2_to_a_file(executor, tmp_path):
    op = tf.print("step", tf.constant(3), output_stream=f"file://{tmp_path / 'log'}")
    with tf.Session() as session:
        session.run(op)
        session.run(op)
    assert (tmp_path / "log").read_text() == "step 3\nstep 3\n"


def test_print_v2_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="Unrecognized keyword arguments"):
        tf.print("a", stream=sys.stdout)
    with pytest.raises(ValueError, match="Output stream"):
        tf.print("a", output_stream=3)


def test_timestamp_is_read_at_every_step(executor):
    now = tf.timestamp()
    with tf.Session() as session:
        assert session.run(now) < session.run(now)


@pytest.mark.parametrize("condition", [[True], [[False]], []])
def test_a_condition_with_axes_is_refused(executor, condition):
    given = tf.placeholder(tf.bool, None)
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"In\[0\] should be a scalar: \["):
            session.run(tf.Assert(given, ["seen"]), {given: condition})
        session.run(tf.Assert(given, ["seen"]), {given: True})
