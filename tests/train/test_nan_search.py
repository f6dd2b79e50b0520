"""The error of `NanTensorHook` names the op, and the line of the program, that a NaN came from."""

import inspect
from unittest import mock

import numpy as np
import pytest

import hookloop as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def failure(loss, feeds=({},), train=None, hook=None):
    """The text of the error."""
    hook = hook or tf.train.NanTensorHook(loss)
    with pytest.raises(tf.train.NanLossDuringTrainingError) as caught:
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            for feed in feeds:
                session.run([loss] if train is None else [train, loss], feed)
    first, _, text = str(caught.value).partition("\n")
    assert first == "NaN loss during training."
    return text


def here(offset):
    """A line of the caller, as the error names it."""
    return f"{__file__}:{inspect.currentframe().f_back.f_lineno + offset}"


def test_an_op_that_makes_nan_of_finite_values(executor):
    x = tf.placeholder(tf.float32, [3], name="x")
    root, line = tf.sqrt(x - 2, name="root"), here(0)
    text = failure(tf.reduce_sum(root * 3), [{x: [3, 4, 5]}, {x: [3, 1, 0]}])
    assert text.startswith(f"The first value that is not finite: 'root' (op: 'Sqrt'), created at {line} (")
    assert "gave NaN (float32[3], 2 of 3 values not finite)." in text


def test_the_infinity_that_the_nan_was_made_of_comes_first(executor):
    x = tf.placeholder(tf.float32, [2], name="x")
    logarithm = tf.log(x, name="logarithm")
    text = failure(tf.reduce_sum(x * logarithm), [{x: [1, 0]}])
    assert "'logarithm' (op: 'Log')" in text
    assert "gave infinite (float32[2], 1 of 2 values not finite)." in text


def test_a_constant_that_is_meant_to_be_infinite_is_not_blamed():
    x = tf.placeholder(tf.float32, [], name="x")
    text = failure(tf.multiply(x, tf.constant(np.inf), name="product"), [{x: 1}, {x: 0}])
    assert "'product' (op: 'Mul')" in text
    assert "gave NaN (float32[])." in text


def test_a_fed_value(executor):
    x = tf.placeholder(tf.float32, [2, 3], name="x")
    weights = tf.get_variable("weights", [3, 1])
    loss = tf.reduce_mean(tf.matmul(x, weights) ** 2)
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    bad = np.ones([2, 3])
    bad[1, 2] = np.nan
    text = failure(loss, [{x: np.ones([2, 3])}, {x: bad}], train)
    assert "'x' (op: 'Placeholder')" in text
    assert "was fed NaN (float32[2, 3], 1 of 6 values not finite)." in text
    assert "initial value" not in text


@pytest.mark.parametrize("use_resource", [False, True])
def test_an_update_that_damages_the_variables_does_not_hide_the_op(use_resource):
    x = tf.placeholder(tf.float32, [2], name="x")
    weight = tf.get_variable("weight", [], initializer=tf.ones_initializer(), use_resource=use_resource)
    loss = tf.reduce_sum(tf.sqrt(x, name="root") * weight)
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    text = failure(loss, [{x: [1, 4]}, {x: [1, -4]}], train)
    assert "'root' (op: 'Sqrt')" in text
    assert "computing the loss once more with 'weight' at its initial value (it is not finite now)." in text


def test_variables_that_diverged():
    weight = tf.get_variable("weight", [2], initializer=tf.ones_initializer())
    loss = tf.reduce_sum(weight * weight * weight * weight)
    train = tf.train.GradientDescentOptimizer(1e6).minimize(loss)
    text = failure(loss, [{}] * 10, train)
    assert text.startswith(f"Variable 'weight', created at {__file__}:")
    assert "With its initial value no op below the loss gives such a value." in text


def test_the_next_element_and_other_random_numbers_stand_for_those_of_the_step():
    element = tf.data.Dataset.from_tensor_slices(np.float32([1, -1, -2])).make_one_shot_iterator().get_next()
    loss = tf.sqrt(element + tf.random_uniform([], name="noise") * 0, name="root")
    text = failure(loss, [{}, {}])
    assert "'root' (op: 'Sqrt')" in text
    assert "other values of 'IteratorGetNext', other values of 'noise/RandomUniform'." in text


def test_what_acts_on_the_world_is_not_run_again():
    calls = []

    def host():
        calls.append(1)
        return np.float32(np.nan)

    text = failure(tf.py_func(host, [], tf.float32, name="host") * 2)
    assert "'host' (op: 'PyFunc')" in text
    assert "cannot be computed once more" in text
    assert len(calls) == 1


def test_many_steps_in_one_call():
    weight = tf.get_variable("weight", [], initializer=tf.ones_initializer())
    loss = tf.log(weight, name="logarithm")
    train = tf.assign_sub(weight, 0.4)
    with pytest.raises(tf.train.NanLossDuringTrainingError, match="'logarithm'"):
        with tf.train.MonitoredSession(hooks=[tf.train.NanTensorHook(loss)]) as session:
            session.run_steps([train, loss], 10)


def test_a_session_that_stops_keeps_its_place_in_the_data(caplog):
    element = tf.data.Dataset.from_tensor_slices(np.float32([-1, 2, 3])).make_one_shot_iterator().get_next()
    loss, after = tf.sqrt(element), []
    hook = tf.train.NanTensorHook(loss, fail_on_nan_loss=False)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.run(loss)
        assert session.should_stop()
        after.append(session.raw_session().run(element))
    assert after == [2]


@pytest.mark.parametrize("context", [None, mock.Mock(), tf.train.SessionRunContext(None, object())])
def test_a_hook_that_is_called_directly(context):
    """Whatever the context is, the error is the one that the hook is for."""
    hook = tf.train.NanTensorHook(tf.constant(1.0))
    with pytest.raises(tf.train.NanLossDuringTrainingError, match="^NaN loss during training."):
        hook.after_run(context, tf.train.SessionRunValues(np.float32(np.nan), None, None))


def test_what_only_a_hook_feeds_is_not_known():
    x = tf.placeholder(tf.float32, [], name="x")
    feeding = tf.train.FeedFnHook(lambda: {x: np.nan})
    loss = x * 2
    with pytest.raises(
        tf.train.NanLossDuringTrainingError, match=r"'x' \(op: 'Placeholder'\).* cannot be computed once more"
    ):
        with tf.train.MonitoredSession(hooks=[feeding, tf.train.NanTensorHook(loss)]) as session:
            session.run(loss)
