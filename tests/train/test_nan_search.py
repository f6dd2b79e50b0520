"""The error of `NanTensorHook` names the op, and the line of the program, that a NaN came from."""

import inspect
import re
from unittest import mock

import numpy as np
import pytest

import hookloop as tf

from ..conftest import on_reference


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


def test_the_steps_own_random_numbers(executor):
    noise = tf.random_uniform([], seed=5, name="noise")
    least = tf.placeholder(tf.float32, [], name="least")
    loss = tf.sqrt(noise - least, name="root")
    with tf.Session() as session:
        draws = [session.run(noise) for _ in range(40)]
    worst = int(np.argmin(draws))  # with nearly any other number the root is one of a positive number
    feeds = [{least: -1}] * worst + [{least: draws[worst] + 1e-5}]
    text = failure(loss, feeds)
    assert "'root' (op: 'Sqrt')" in text
    assert "other values" not in text


def test_dropout_and_an_update_that_damaged_the_weights(executor):
    weights = tf.get_variable("weights", [2], initializer=tf.ones_initializer())
    kept = tf.reduce_sum(tf.nn.dropout(weights, rate=0.5, seed=3))
    logarithm, line = tf.log(kept, name="logarithm"), here(0)
    loss = kept * logarithm
    train = tf.train.GradientDescentOptimizer(1e-3).minimize(loss)
    text = failure(loss, [{}] * 99, train)
    assert f"'logarithm' (op: 'Log'), created at {line}" in text
    assert "gave infinite (float32[])." in text
    assert "'weights' at its initial value (it is not finite now)." in text


def test_the_steps_own_element(executor):
    values = np.float32([4, 4, 4, -1, 4, 4, 4, 4])
    dataset = tf.data.Dataset.from_tensor_slices(values).repeat().batch(2)
    element = dataset.make_one_shot_iterator().get_next()
    text = failure(tf.reduce_sum(tf.sqrt(element, name="root")), [{}] * 9)
    assert "'root' (op: 'Sqrt')" in text and "1 of 2 values not finite" in text
    assert "other values" not in text


@pytest.mark.parametrize("kind", ["function", "generator", "several components"])
def test_the_steps_own_element_where_python_makes_it(executor, kind):
    values = np.float32([4, 4, 4, -1, 4, 4])
    dataset = tf.data.Dataset.from_tensor_slices(values)
    if kind == "generator":
        dataset = tf.data.Dataset.from_generator(lambda: iter(values), tf.float32, [])
    elif kind == "several components":
        dataset = dataset.map(
            lambda x: {"text": tf.as_string(x), "x": tf.py_func(lambda value: value, [x], tf.float32)}
        )
    else:
        dataset = dataset.map(lambda x: tf.py_func(lambda value: value, [x], tf.float32))
    element = dataset.make_one_shot_iterator().get_next()
    element = element["x"] if kind == "several components" else element
    loss = tf.sqrt(element + tf.random_uniform([], name="noise") * 0, name="root")
    text = failure(loss, [{}] * 4)
    assert "'root' (op: 'Sqrt')" in text
    assert text.endswith("gave NaN (float32[]).")


@pytest.mark.skipif(on_reference(), reason="there Python makes each element, and has the last one at hand")
def test_the_next_element_stands_for_one_far_on_that_c_gave():
    values = np.where(np.arange(5010) < 5003, 1, -1).astype(np.float32)
    element = tf.data.Dataset.from_tensor_slices(values).make_one_shot_iterator().get_next()
    text = failure(tf.sqrt(element, name="root"), [{}] * 5004)
    assert "'root' (op: 'Sqrt')" in text
    assert text.endswith("Found by computing the loss once more with other values of 'IteratorGetNext'.")


def test_damaged_variables_as_the_latest_checkpoint_has_them(tmp_path):
    weight = tf.get_variable("weight", [], initializer=tf.zeros_initializer())
    loss = tf.sqrt(1 - weight, name="root")
    step = tf.train.get_or_create_global_step()
    with tf.control_dependencies([loss]):
        train = tf.group(tf.assign_add(weight, 0.4 + 0 * loss), tf.assign_add(step, 1))
    hooks = [tf.train.NanTensorHook(loss)]
    with pytest.raises(tf.train.NanLossDuringTrainingError) as caught:
        with tf.train.MonitoredTrainingSession(
            checkpoint_dir=str(tmp_path), hooks=hooks, save_checkpoint_steps=1
        ) as session:
            for _ in range(9):
                session.run([train, loss])
    text = str(caught.value)
    assert "'root' (op: 'Sqrt')" in text
    assert f"with 'weight' as checkpoint '{tmp_path}/model.ckpt-3' has it (it is not finite now)." in text


def test_a_session_that_goes_on_keeps_its_random_numbers():
    noise = tf.random_uniform([], seed=5)
    spoiled = tf.placeholder(tf.float32, [])
    loss = tf.log(spoiled * 0) * 0 + noise
    with tf.Session() as session:
        draws = [session.run(noise) for _ in range(3)]
    hook = tf.train.NanTensorHook(loss, fail_on_nan_loss=False)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.run(loss, {spoiled: 1})
        assert session.should_stop()
        assert session.raw_session().run(noise) == draws[1]


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


def test_what_a_hook_feeds():
    x, y = tf.placeholder(tf.float32, [], name="x"), tf.placeholder(tf.float32, [], name="y")
    loss = tf.log(x, name="log") * y
    found = [(np.nan, r"'x' \(op: 'Placeholder'\).* was fed NaN"), (-1.0, r"'log' \(op: 'Log'\).* gave NaN")]
    for value, text in found:
        hooks = [tf.train.FeedFnHook(lambda value=value: {x: value}), tf.train.NanTensorHook(loss)]
        with pytest.raises(tf.train.NanLossDuringTrainingError, match=text):
            with tf.train.MonitoredSession(hooks=hooks) as session:
                session.run(loss, {y: 2.0})


# --- loops and conditionals ---------------------------------------------------------------------------------------


def halved(x):
    """Three times the root of one less."""
    return tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.sqrt(a - 1.0, name="root")), [0, x])[1]


INSIDE = {
    "a conditional": lambda x: tf.cond(x > 5, lambda: x, lambda: tf.sqrt(x - 9.0, name="root")),
    "a loop": halved,
    "a conditional in a loop": lambda x: tf.while_loop(
        lambda i, a: i < 3,
        lambda i, a: (i + 1, tf.cond(a > 5, lambda: a - 6.0, lambda: tf.sqrt(a - 9.0, name="root"))),
        [0, x],
    )[1],
    "a map": lambda x: tf.reduce_sum(tf.map_fn(lambda v: tf.sqrt(x - v, name="root"), tf.constant([1.0, 7.0]))),
    "a scan": lambda x: tf.reduce_sum(tf.scan(lambda a, v: a + tf.sqrt(x - v, name="root"), tf.constant([1.0, 7.0]))),
    "an assertion": lambda x: after_assertion(x),
}


def after_assertion(x):
    with tf.control_dependencies([tf.assert_positive(x)]):
        return tf.sqrt(x - 9.0, name="root")


@pytest.mark.parametrize("make", INSIDE.values(), ids=INSIDE)
def test_an_op_of_a_loop_or_a_conditional(make, executor):
    x = tf.placeholder(tf.float32, [], name="x")
    text = failure(make(x) * 2.0, [{x: 500}, {x: 2}])
    assert re.match(r"The first value that is not finite: '.*root' \(op: 'Sqrt'\), created at ", text), text
    assert __file__ in text and "gave NaN (float32[])." in text


def test_what_comes_before_and_behind_a_loop():
    x = tf.placeholder(tf.float32, [], name="x")
    loop = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * 1.0), [0, tf.log(x, name="before")])[1]
    assert "'before' (op: 'Log')" in failure(loop, [{x: 1}, {x: -1}])
    assert "'behind' (op: 'Sqrt')" in failure(tf.sqrt(loop, name="behind"), [{x: 1}, {x: 0.1}])


def test_an_infinity_within_a_loop_that_the_nan_was_made_of():
    x = tf.placeholder(tf.float32, [], name="x")
    step = lambda i, a: (i + 1, a * tf.log(a, name="logarithm"))
    text = failure(tf.while_loop(lambda i, a: i < 1, step, [0, x])[1], [{x: 1}, {x: 0}])
    assert "logarithm' (op: 'Log')" in text and "gave infinite (float32[])." in text


def test_a_loop_that_takes_long_is_named_itself():
    from hookloop.train import nan_inside

    x = tf.placeholder(tf.float32, [], name="x")
    loop = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.sqrt(a - 1.0)), [0, x])[1]
    with mock.patch.object(nan_inside, "_SECONDS", 0):
        assert "'while/Exit_1' (op: 'Exit')" in failure(loop, [{x: 500}, {x: 2}])


def test_nothing_is_computed_behind_what_was_looked_for():
    from hookloop.train import nan_inside

    x = tf.placeholder(tf.float32, [], name="x")
    loop = tf.while_loop(lambda i, a: i < 1000, lambda i, a: (i + 1, tf.sqrt(a - 1.0, name="root")), [0, x])[1]
    run_op = mock.patch.object(nan_inside._Watched, "run_op", autospec=True, side_effect=nan_inside._Watched.run_op)
    with run_op as calls:
        assert "'while/root' (op: 'Sqrt')" in failure(loop, [{x: 2}])
    assert 0 < calls.call_count < 100


def test_a_loop_that_draws_numbers_is_not_run_again():
    x = tf.placeholder(tf.float32, [], name="x")
    step = lambda i, a: (i + 1, tf.sqrt(a - tf.random_uniform([])))
    text = failure(tf.while_loop(lambda i, a: i < 3, step, [0, x])[1], [{x: 500}, {x: -1}])
    assert text.startswith("Where it came from was not found: 'while/") and "cannot be computed once more" in text


def test_each_op_is_looked_at_a_few_times():
    """Also in a long row of ops of which each waits for the one before."""
    from hookloop.train import nan_search

    y = x = tf.placeholder(tf.float32, [], name="x")
    for _ in range(50):
        with tf.control_dependencies([y]):
            y = y + x
    is_there = mock.patch.object(
        nan_search._Search, "_is_there", autospec=True, side_effect=nan_search._Search._is_there
    )
    is_harmless = mock.patch.object(nan_search, "_is_harmless", side_effect=nan_search._is_harmless)
    with is_there as inputs, is_harmless as controls:
        text = failure(tf.log(y, name="logarithm"), [{x: -1}])
    assert "'logarithm' (op: 'Log')" in text
    assert inputs.call_count < 500 and controls.call_count < 100
