"""Trainings that save, write summaries and resume: when, in which order, and what is logged, as in TensorFlow."""

import os
import re
import time

import numpy as np
import pytest

import hookloop as tf


def build():
    """A training step, its global step and its variable."""
    step = tf.train.get_or_create_global_step()
    w = tf.get_variable("w", initializer=5.0)
    tf.summary.scalar("w", w)
    return tf.train.GradientDescentOptimizer(0.1).minimize(w * w, global_step=step), step, w


def train(directory, steps, hooks=(), **arguments):
    with tf.Graph().as_default():
        operation, step, w = build()
        hooks = hooks() if callable(hooks) else hooks
        with tf.train.MonitoredTrainingSession(checkpoint_dir=str(directory), hooks=hooks, **arguments) as session:
            for _ in range(steps):
                if session.should_stop():
                    break
                found = session.run([operation, step, w])[1:]
    return found


def saved(directory):
    return sorted(int(name[11:-6]) for name in os.listdir(directory) if name.endswith(".index"))


def events(directory):
    found = []
    for name in sorted(os.listdir(directory)):
        if "tfevents" in name:
            found += [(e.step, e.WhichOneof("what")) for e in tf.train.summary_iterator(str(directory / name))]
    return found


def test_checkpoints_are_written_at_the_beginning_every_so_many_steps_and_at_the_end(executor, tmp_path):
    train(tmp_path, 5, save_checkpoint_steps=2)
    assert saved(tmp_path) == [0, 2, 4, 5]
    assert tf.train.load_variable(str(tmp_path), "global_step") == 5
    assert {"graph.pbtxt", "model.ckpt-5.meta", "checkpoint"} <= set(os.listdir(tmp_path))


@pytest.mark.parametrize("how", ["run", "run_steps"])
def test_seconds_between_checkpoints_count_from_the_one_at_the_beginning(executor, monkeypatch, tmp_path, how):
    now = [1e9]
    monkeypatch.setattr(time, "time", lambda: now[0])
    operation, _, _ = build()
    hook = tf.train.CheckpointSaverHook(str(tmp_path), save_secs=60)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        for seconds in (60.0, 0.0, 59.0, 1.0, 10.0):  # a program may take its time before its first step
            now[0] += seconds
            session.run(operation) if how == "run" else session.run_steps(operation, 1)
        assert saved(tmp_path) == [0, 1, 4]
    assert saved(tmp_path) == [0, 1, 4, 5]


def test_a_training_resumes_where_it_ended(executor, tmp_path):
    whole = train(tmp_path / "a", 7)
    train(tmp_path / "b", 3)
    train(tmp_path / "b", 1)
    assert train(tmp_path / "b", 3) == whole


def test_events_are_tensorflows(tmp_path):
    train(tmp_path, 5, save_checkpoint_steps=2, save_summaries_steps=2, log_step_count_steps=2)
    for writer in tf.summary.FileWriterCache._cache.values():
        writer.flush()
    assert events(tmp_path) == [
        (0, "file_version"), (0, "graph_def"), (0, "meta_graph_def"), (0, "graph_def"), (0, "meta_graph_def"),
        (0, "session_log"), (1, "session_log"), (1, "summary"), (2, "session_log"), (3, "summary"), (3, "summary"),
        (4, "session_log"), (5, "summary"), (5, "summary"), (5, "session_log"),
    ]  # fmt: skip


def test_lines_of_the_log_are_tensorflows(tmp_path, caplog):
    caplog.set_level("INFO", "hookloop")
    train(tmp_path, 3, save_checkpoint_steps=2, log_step_count_steps=None)
    path = str(tmp_path / "model.ckpt")
    assert [record.getMessage() for record in caplog.records] == [
        "Create CheckpointSaverHook.", "Graph was finalized.", "Running local_init_op.", "Done running local_init_op.",
        f"Saving checkpoints for 0 into {path}.", f"Saving checkpoints for 2 into {path}.",
        f"Saving checkpoints for 3 into {path}.",
    ]  # fmt: skip


def test_seconds(tmp_path, monkeypatch):
    train(tmp_path, 3, save_checkpoint_secs=1000)
    assert saved(tmp_path) == [0, 3]


@pytest.mark.parametrize("never", [0, None])
def test_a_period_that_is_never_beside_another(tmp_path, never):
    train(
        tmp_path,
        4,
        save_checkpoint_secs=never,
        save_checkpoint_steps=2,
        save_summaries_steps=never,
        save_summaries_secs=never,
    )
    found = {name.split(".")[1] for name in os.listdir(tmp_path) if name.endswith(".index")}
    assert found == {"ckpt-0", "ckpt-2", "ckpt-4"}


def test_never(tmp_path):
    train(tmp_path, 3, save_checkpoint_secs=None, save_summaries_steps=None, log_step_count_steps=None)
    assert os.listdir(tmp_path) == []


class Noting(tf.train.CheckpointSaverListener):
    """Writes down what it is called for; asks to stop at a step."""

    def __init__(self, stop_at=None):
        self.calls, self.stop_at = [], stop_at

    def begin(self):
        self.calls.append("begin")

    def before_save(self, session, step):
        self.calls.append(("before", int(step)))

    def after_save(self, session, step):
        self.calls.append(("after", int(step)))
        return step == self.stop_at

    def end(self, session, step):
        self.calls.append(("end", int(step)))


def test_listeners(tmp_path):
    listener = Noting(stop_at=4)
    found = train(tmp_path, 9, lambda: [tf.train.CheckpointSaverHook(str(tmp_path), save_steps=2, listeners=[listener])],
                  save_checkpoint_secs=None)  # fmt: skip
    assert found[0] == 4
    assert listener.calls == [
        "begin", ("before", 0), ("after", 0), ("before", 2), ("after", 2), ("before", 4), ("after", 4), ("end", 4),
    ]  # fmt: skip


def test_python_is_entered_only_when_a_checkpoint_is_due(tmp_path):
    with tf.Graph().as_default():
        operation, _, _ = build()
        hook = tf.train.CheckpointSaverHook(str(tmp_path), save_steps=4)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.hook_stats()
            for _ in range(8):
                session.run(operation)
            assert saved(tmp_path) == [0, 4, 8]


def test_called_directly_it_does_what_tensorflows_does(tmp_path):
    operation, step, _ = build()
    saver = tf.train.Saver()
    hook = tf.train.CheckpointSaverHook(str(tmp_path), save_steps=2, saver=saver)
    hook.begin()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        hook.after_create_session(session, None)
        hook.trigger = None
        for _ in range(4):
            context = tf.train.SessionRunContext(None, session)
            hook.before_run(context)
            before = session.run(step)
            session.run(operation)
            hook.after_run(context, tf.train.SessionRunValues(before, None, None))
        hook.end(session)
    assert saved(tmp_path) == [0, 2, 4]


def test_errors(tmp_path):
    with pytest.raises(ValueError, match="You cannot provide both saver and scaffold."):
        tf.train.CheckpointSaverHook("x", save_steps=1, saver=object(), scaffold=object())
    with pytest.raises(ValueError, match="Either every_secs or every_steps should be provided"):
        tf.train.CheckpointSaverHook("x")
    with pytest.raises(RuntimeError, match="Global step should be created to use CheckpointSaverHook."):
        tf.train.CheckpointSaverHook(str(tmp_path), save_steps=1).begin()
    tf.train.get_or_create_global_step()
    hook = tf.train.CheckpointSaverHook(str(tmp_path), save_steps=1)
    with pytest.raises(RuntimeError, match="No items in collection savers"):
        hook._get_saver()
    for _ in range(2):
        tf.add_to_collection(tf.GraphKeys.SAVERS, tf.train.Saver())
    with pytest.raises(RuntimeError, match="More than one item in collection savers"):
        hook._get_saver()
    with pytest.raises(ValueError, match="Exactly one of scaffold or summary_op must be provided"):
        tf.train.SummarySaverHook(save_steps=1)


def test_summaries_of_a_list_of_ops_go_to_a_writer():
    class Writer:
        rows = []

        def add_summary(self, summary, step):
            self.rows.append((int(step), tf.Summary.FromString(summary).value[0].tag))

        def add_session_log(self, log, step):
            self.rows.append((int(step), "log"))

        def flush(self):
            self.rows.append("flush")

    step = tf.train.get_or_create_global_step()
    operation = tf.assign_add(step, 1)
    writer = Writer()
    ops = [tf.summary.scalar("a", 1.0), tf.summary.scalar("b", 2.0)]
    hook = tf.train.SummarySaverHook(save_steps=2, summary_writer=writer, summary_op=ops)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        for _ in range(3):
            session.run(operation)
    assert writer.rows == [(1, "log"), (1, "a"), (1, "b"), (3, "a"), (3, "b"), "flush"]


@pytest.mark.parametrize("period", [1, 3, 10])
def test_summaries_come_after_whole_periods(tmp_path, period):
    step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    tf.summary.scalar("a", 1.0)
    with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path), save_summaries_steps=period) as session:
        for _ in range(2 * period + 1):
            session.run(step)
    (path,) = tmp_path.glob("events*")
    events = tf.train.summary_iterator(str(path))
    steps = [event.step for event in events if any(value.tag == "a" for value in event.summary.value)]
    assert steps == [1, 1 + period, 1 + 2 * period]


@pytest.mark.parametrize(
    "by, period, steps",
    [(1, {"save_steps": 3}, [1, 4, 7]), (5, {"save_steps": 3}, [5, 15, 25, 35, 45]), (5, {"save_steps": 12}, [5, 25, 45]),
     (0, {"save_steps": 1}, [0] * 9), (1, {"save_secs": 0}, list(range(1, 10))), (1, {"save_secs": 1000}, [1])],
)  # fmt: skip
def test_summaries_are_asked_for_in_runs_that_are_due_and_others_do_not_enter_the_hook(by, period, steps):
    class Writer:
        rows = []

        def add_summary(self, summary, step):
            self.rows.append(int(step))

        add_session_log = flush = lambda *args: None

    step = tf.assign_add(tf.train.get_or_create_global_step(), by)
    hook = tf.train.SummarySaverHook(summary_writer=Writer(), summary_op=[tf.summary.scalar("a", 1.0)], **period)
    Writer.rows.clear()
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.hook_stats()
        for _ in range(9):
            session.run(step)
        (stats,) = session.hook_stats()
    assert Writer.rows == steps and stats["before_run"][0] == stats["after_run"][0] == len(steps)


class StepsOfSummaries:
    """A writer that keeps the steps, those of a start as negative numbers."""

    def __init__(self):
        self.steps = []

    def add_summary(self, summary, step):
        self.steps.append(int(step))

    def add_session_log(self, log, step):
        self.steps.append(-int(step))

    def flush(self):
        pass


def test_summaries_begin_anew_in_each_session_of_a_hook():
    writer = StepsOfSummaries()
    step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    hook = tf.train.SummarySaverHook(save_steps=4, summary_writer=writer, summary_op=tf.summary.scalar("a", 1.0))
    for runs in (3, 5, 2):
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            for _ in range(runs):
                session.run(step)
    assert writer.steps == [-1, 1, -1, 1, 5, -1, 1]


@pytest.mark.parametrize("runs", [6, 8], ids=["within a period", "at the end of a period"])
def test_summaries_go_on_after_whole_periods_of_a_resumed_run(tmp_path, runs):
    written = []
    for part in (runs, 12 - runs):
        with tf.Graph().as_default():
            writer = StepsOfSummaries()
            step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
            hook = tf.train.SummarySaverHook(
                save_steps=4, summary_writer=writer, summary_op=tf.summary.scalar("a", 1.0)
            )
            with tf.train.MonitoredTrainingSession(
                checkpoint_dir=str(tmp_path), hooks=[hook], save_summaries_steps=None, save_summaries_secs=None
            ) as session:
                for _ in range(part):
                    session.run(step)
            written += writer.steps
    assert written == [-1, 1, 5, -runs - 1, 9]


def test_a_function_feeds_every_run():
    x = tf.placeholder(tf.float32, [])
    tripled = x * 3
    values = iter([1.0, 2.0])
    with tf.train.MonitoredSession(hooks=[tf.train.FeedFnHook(lambda: {x: next(values)})]) as session:
        assert [session.run(tripled), session.run(tripled)] == [3, 6]


def test_the_first_run_waits_for_a_step(monkeypatch, caplog):
    from hookloop.train import global_step_waiter_hook

    caplog.set_level("INFO", "hookloop")
    step = tf.train.get_or_create_global_step()
    more = tf.assign_add(step, 1)
    with tf.train.MonitoredSession(hooks=[tf.train.GlobalStepWaiterHook(3)]) as session:
        raw = session.raw_session()
        monkeypatch.setattr(global_step_waiter_hook.time, "sleep", lambda seconds: raw.run(more))
        assert session.run(step) == 3
        assert session.run(step) == 3
    assert any(re.match("Waiting for global step 3 before", record.getMessage()) for record in caplog.records)


def test_a_trigger_counts_its_first_period_from_a_given_value():
    step = tf.train.get_or_create_global_step()
    more = tf.assign_add(step, 1)
    due = []

    class Hook(tf.train.SessionRunHook):
        trigger = None

        def after_create_session(self, session, coord):
            self.trigger = tf.train.Trigger("global_step", every=3, phase="after", since=1)

        def after_run(self, context, values):
            due.append(int(self.trigger.value))

    with tf.train.MonitoredSession(hooks=[Hook()]) as session:
        for _ in range(8):
            session.run(more)
    np.testing.assert_array_equal(due, [4, 7])
