"""`EvalHook`: when it evaluates, over what, and that nobody else notices."""

import numpy as np
import pytest

import hookloop as tf

from ..fixtures.evaluation_program import Estimator, written


def lines(log):
    return [r.getMessage() for r in log.records if r.getMessage().startswith("Evaluation")]


def counting(by=1):
    return tf.assign_add(tf.train.get_or_create_global_step(), by)


def train(hooks, step, count):
    with tf.train.MonitoredSession(hooks=hooks) as session:
        for _ in range(count):
            session.run(step)


def test_means_over_fed_batches_every_n_steps(executor, log):
    step, x = counting(), tf.placeholder(tf.float32, [None, 2], name="x")
    scaled = tf.reduce_mean(x, 0) * tf.cast(tf.train.get_global_step(), tf.float32)
    feeds = [{x: [[1, 2], [3, 4]]}, {x: [[5, 6]]}]
    hook = tf.train.EvalHook({"both": scaled, "one": scaled[0]}, 3, feeds)
    assert hook.values is None and hook.step is None
    train([hook], step, 7)
    assert lines(log) == [
        "Evaluation at step 3: both = [10.5 13.5], one = 10.5 (2 batches)",
        "Evaluation at step 6: both = [21. 27.], one = 21 (2 batches)",
        "Evaluation at step 7: both = [24.5 31.5], one = 24.5 (2 batches)",
    ]
    assert hook.step == 7
    np.testing.assert_array_equal(hook.values["both"], [24.5, 31.5])


def test_the_other_hooks_are_not_called_and_python_is_entered_only_when_due():
    step, value = counting(), tf.constant(3)
    other, calls = tf.train.SessionRunHook(), []
    other.after_run = lambda context, values: calls.append(1)
    hook = tf.train.EvalHook({"value": value}, 4, batches=5, at_end=False)
    with tf.train.MonitoredSession(hooks=[other, hook]) as session:
        session.hook_stats()
        for _ in range(10):
            session.run(step)
        stats = session.hook_stats()[1]
    assert len(calls) == 10
    assert (stats["before_run"][0], stats["after_run"][0]) == (0, 2)
    assert hook.values == {"value": 3} and hook.step == 8


def test_an_iterator_is_started_anew_and_gone_through_to_its_end(log):
    step = counting()
    iterator = tf.data.Dataset.range(5).batch(2).make_initializable_iterator()
    batch = tf.cast(iterator.get_next(), tf.float32)
    hook = tf.train.EvalHook(
        {"mean": tf.reduce_mean(batch)}, 2, initializer=iterator.initializer, weight=tf.size(batch), at_end=False
    )
    train([hook], step, 4)
    assert lines(log) == [f"Evaluation at step {s}: mean = 2 (3 batches)" for s in (2, 4)]


def test_batches_bound_the_input(log):
    step, x = counting(), tf.placeholder(tf.float32, [], name="x")
    feeds = ({x: v} for v in (1.0, 2.0, 6.0))
    hook = tf.train.EvalHook([x], 1, lambda: feeds, batches=2, at_end=False, name="Evaluation of x")
    train([hook], step, 1)
    assert hook.values == {"x:0": 1.5}
    assert lines(log) == ["Evaluation of x at step 1: x:0 = 1.5 (2 batches)"]


def test_at_the_start_and_not_twice_at_the_end(log):
    step = counting(2)
    train([tf.train.EvalHook({"v": tf.constant(1)}, 4, batches=1, at_start=True)], step, 4)
    assert lines(log) == [f"Evaluation at step {s}: v = 1 (1 batch)" for s in (0, 4, 8)]


def test_an_input_without_a_batch(log):
    step, x = counting(), tf.placeholder(tf.float32, [], name="x")
    hook = tf.train.EvalHook([x], 1, feeds=[], at_end=False)
    train([hook], step, 1)
    assert lines(log) == ["Evaluation at step 1: the input has no batch."]
    assert hook.values is None


def test_values_are_written_and_can_end_the_training(tmp_path):
    step = counting()
    loss = 1 / tf.cast(tf.train.get_global_step(), tf.float32)
    directory = str(tmp_path / "eval")
    evaluating = tf.train.EvalHook({"loss": loss, "list": tf.stack([loss])}, 2, batches=1, output_dir=directory)
    stopping = tf.estimator.experimental.stop_if_lower_hook(
        Estimator(tf, str(tmp_path)), "loss", 0.2, run_every_secs=None, run_every_steps=1
    )
    with tf.train.MonitoredSession(hooks=[evaluating, stopping]) as session:
        while not session.should_stop():
            session.run(step)
    assert [(s, tag, round(v, 4)) for s, tag, v in written(tf, directory)] == [
        (2, "loss", 0.5), (4, "loss", 0.25), (6, "loss", 0.1667),
    ]  # fmt: skip


def test_many_steps_in_one_call(log):
    step = counting()
    hook = tf.train.EvalHook({"step": tf.train.get_global_step()}, 10, batches=1)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.run_steps(step, 25)
    assert lines(log) == [f"Evaluation at step {s}: step = {s} (1 batch)" for s in (10, 20, 25)]


def test_a_subclass_that_overrides_a_callback_is_called_every_step(log):
    step, calls = counting(), []

    class Mine(tf.train.EvalHook):
        def after_run(self, run_context, run_values):
            calls.append(1)
            super().after_run(run_context, run_values)

    train([Mine({"v": tf.constant(1)}, 3, batches=1)], step, 7)
    assert len(calls) == 7
    assert lines(log) == [f"Evaluation at step {s}: v = 1 (1 batch)" for s in (3, 6, 7)]


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"every_n_steps": 0, "batches": 1}, "invalid every_n_steps=0."),
        ({"batches": 0}, "invalid batches=0."),
        ({}, "nothing says when its input ends"),
        ({"feeds": iter([])}, "more than once: give a list, or a function"),
    ],
)
def test_what_is_wrong_is_said(arguments, text):
    with pytest.raises(ValueError, match=text):
        tf.train.EvalHook({"v": tf.constant(1)}, **arguments)


def test_it_wants_a_global_step():
    hook = tf.train.EvalHook({"v": tf.constant(1)}, batches=1)
    with pytest.raises(RuntimeError, match="Global step should be created to use EvalHook."):
        tf.train.MonitoredSession(hooks=[hook])
