"""The hooks of a training: when they stop, log, fail and evaluate, in TensorFlow's words."""

import re
import time
import types

import numpy as np
import pytest

import hookloop as tf
from hookloop.train import second_or_step_timer


def counting(by=1):
    """A step that adds to the global step."""
    return tf.assign_add(tf.train.get_or_create_global_step(), by)


def steps_taken(hooks, step, most=100, kind=tf.train.MonitoredSession):
    taken = 0
    with kind(hooks=hooks) as session:
        while not session.should_stop() and taken < most:
            session.run(step)
            taken += 1
    return taken


class TestStopAtStep:
    @pytest.mark.parametrize("arguments, taken", [({"num_steps": 7}, 7), ({"last_step": 7}, 7), ({"last_step": 1}, 1)])
    def test_stops_at_the_step(self, arguments, taken):
        assert steps_taken([tf.train.StopAtStepHook(**arguments)], counting()) == taken

    def test_a_step_past_the_last_one_stops_too(self):
        assert steps_taken([tf.train.StopAtStepHook(last_step=7)], counting(by=3)) == 3

    def test_a_step_that_rises_by_more_than_is_left_is_the_last_one(self):
        assert steps_taken([tf.train.StopAtStepHook(num_steps=3)], counting(by=7)) == 1

    def test_runs_that_do_not_step_do_not_count(self):
        step, other = counting(), tf.constant(1)
        with tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(last_step=2)]) as session:
            for _ in range(5):
                session.run(other)
            assert not session.should_stop()
            session.run(step)
            session.run(step)
            assert session.should_stop()
            assert session.stop_reason == "StopAtStepHook requested a stop"

    def test_a_finished_run_started_again_takes_no_step(self):
        step = counting()
        tf.train.get_global_step()
        scaffold = tf.train.Scaffold(init_fn=lambda _, session: session.run(step))
        with tf.train.SingularMonitoredSession(
            hooks=[tf.train.StopAtStepHook(last_step=1)], scaffold=scaffold
        ) as session:
            assert session.should_stop()

    def test_arguments(self):
        with pytest.raises(ValueError, match="One of num_steps or last_step must be specified."):
            tf.train.StopAtStepHook()
        with pytest.raises(ValueError, match="Only one of num_steps or last_step can be specified."):
            tf.train.StopAtStepHook(1, 2)

    def test_without_a_global_step(self):
        tf.constant(1)
        with pytest.raises(RuntimeError, match="Global step should be created to use StopAtStepHook."):
            tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(num_steps=1)])

    def test_a_subclass_that_overrides_a_callback_is_called_every_step(self):
        class Noting(tf.train.StopAtStepHook):
            calls = 0

            def after_run(self, run_context, run_values):
                self.calls += 1
                super().after_run(run_context, run_values)

        hook = Noting(last_step=4)
        assert steps_taken([hook], counting()) == 4
        assert hook.calls == 4

    def test_called_directly(self):
        step = counting()
        hook = tf.train.StopAtStepHook(last_step=2)
        hook.begin()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            hook.after_create_session(session, None)
            seen = []
            for _ in range(3):
                context = tf.train.SessionRunContext(tf.train.SessionRunArgs(step), session)
                fetches = hook.before_run(context).fetches
                _, value = session.run([step, fetches])
                hook.after_run(context, tf.train.SessionRunValues(value, None, None))
                seen.append(context.stop_requested)
        assert seen == [False, True, True]


class TestLoggingTensor:
    def lines(self, log, **arguments):
        step = counting()
        loss = tf.constant(0.5, name="loss")
        tensors = arguments.pop("tensors", {"loss": loss, "step": step})
        hook = tf.train.LoggingTensorHook(tensors, **arguments)
        log.clear()
        steps_taken([hook, tf.train.StopAtStepHook(last_step=5)], step)
        return [record.getMessage() for record in log.records if "loss" in record.getMessage()]

    def test_every_n_iter_begins_with_the_first(self, log):
        lines = self.lines(log, every_n_iter=2)
        assert lines[0] == "loss = 0.5, step = 1"
        assert [line.split(" (")[0] for line in lines] == [f"loss = 0.5, step = {i}" for i in (1, 3, 5)]
        assert all(line.endswith(" sec)") for line in lines[1:])

    def test_at_end_alone(self, log):
        lines = self.lines(log, at_end=True)
        assert len(lines) == 1

    def test_at_end_too(self, log):
        assert len(self.lines(log, every_n_iter=4, at_end=True)) == 3

    def test_every_n_secs(self, log):
        assert self.lines(log, every_n_secs=1000) == ["loss = 0.5, step = 1"]
        with tf.Graph().as_default():
            assert len(self.lines(log, every_n_secs=0)) == 5

    def test_names_and_formatter(self, log):
        seen = []
        lines = self.lines(log, tensors=["loss:0"], every_n_iter=2, formatter=lambda v: seen.append(v) or "the loss")
        assert lines == ["the loss"] * 3
        assert seen[0] == {"loss:0": 0.5}

    def test_arrays_are_printed_without_exponents(self, log):
        values = tf.constant([1e-5, 1.0], tf.float64)
        lines = self.lines(log, tensors={"loss": values}, every_n_iter=10)
        assert lines == ["loss = [0.00001 1.     ]"]

    def test_arguments(self):
        for arguments in ({}, {"every_n_iter": 1, "every_n_secs": 1}):
            with pytest.raises(ValueError, match="exactly one of every_n_iter and every_n_secs"):
                tf.train.LoggingTensorHook([], **arguments)
        with pytest.raises(ValueError, match="invalid every_n_iter=0."):
            tf.train.LoggingTensorHook([], every_n_iter=0)

    def test_a_failed_run_is_logged_when_it_is_tried_again(self, log):
        x = tf.placeholder(tf.float32, [2], name="x")
        hook = tf.train.LoggingTensorHook({"loss": x}, every_n_iter=2)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            with pytest.raises(ValueError, match="x:0"):
                session.run(x, {x: [1.0]})
            session.run(x, {x: [1.0, 2.0]})
        assert [r.getMessage() for r in log.records if "loss" in r.getMessage()] == ["loss = [1. 2.]"]


class TestClockOfTheProgram:
    """Where a program puts a function in the place of `time.time`, hooks that count seconds look at that."""

    def logged(self, monkeypatch, session, runs):
        lines, now = [], [1e9]
        monkeypatch.setattr(tf.logging, "info", lambda text, *values: lines.append(text % values))
        monkeypatch.setattr(time, "time", lambda: now[0])
        step = tf.get_default_graph().get_operation_by_name("AssignAdd").outputs[0]
        seen = []
        with session() as session:
            for later in (0.0, 0.5, 0.25, 0.25, 0.0, 1.5):
                now[0] += later
                before = len(lines)
                runs(session, step)
                seen.append(len(lines) - before)
        monkeypatch.undo()
        return seen, [line for line in lines if "sec)" in line]

    @pytest.mark.parametrize(
        "runs", [lambda s, step: s.run(step), lambda s, step: s.run_steps(step, 1)], ids=["run", "many"]
    )
    def test_seconds_of_another_clock(self, monkeypatch, runs):
        step = counting()
        hook = tf.train.LoggingTensorHook({"x": tf.constant(2.0)}, every_n_secs=1)
        seen, lines = self.logged(monkeypatch, lambda: tf.train.SingularMonitoredSession(hooks=[hook]), runs)
        assert step.op.name == "AssignAdd" and seen == [1, 0, 0, 1, 0, 1]
        assert lines == ["x = 2.0 (1.000 sec)", "x = 2.0 (1.500 sec)"]

    def test_a_clock_that_stands_makes_nothing_due(self, monkeypatch, tmp_path):
        step = counting()
        hook = tf.train.ProfilerHook(save_secs=1e-9, output_dir=str(tmp_path))
        with tf.train.SingularMonitoredSession(hooks=[hook]) as session:
            session.run(step)
            monkeypatch.setattr(time, "time", lambda: 0.0)
            session.run_steps(step, 50)
            assert not list(tmp_path.glob("timeline*"))
            monkeypatch.undo()
            session.run(step)
            assert len(list(tmp_path.glob("timeline*"))) == 1

    def test_a_function_in_the_place_of_info_gets_what_is_logged(self, monkeypatch):
        lines = []
        monkeypatch.setattr(tf.logging, "info", lambda text, *values: lines.append(text % values))
        monkeypatch.setattr(tf.logging.get_logger(), "level", tf.logging.WARN)
        assert steps_taken([tf.train.LoggingTensorHook({"x": tf.constant(2.0)}, every_n_iter=1)], counting(), 2) == 2
        assert [line[:7] for line in lines if "x =" in line] == ["x = 2.0", "x = 2.0"]


class TestNanTensor:
    def run(self, values, **arguments):
        x = tf.placeholder(tf.float32, [], name="x")
        loss = x * 2
        done = 0
        with tf.train.MonitoredSession(hooks=[tf.train.NanTensorHook(loss, **arguments)]) as session:
            for value in values:
                if session.should_stop():
                    break
                session.run(loss, {x: value})
                done += 1
        return done

    def test_raises(self, log):
        with pytest.raises(tf.train.NanLossDuringTrainingError, match="NaN loss during training."):
            self.run([1.0, np.nan])
        assert "Model diverged with loss = NaN." in [r.getMessage() for r in log.records if r.levelname == "ERROR"]

    def test_stops(self, log):
        assert self.run([1.0, np.nan, 2.0], fail_on_nan_loss=False) == 2
        assert "Model diverged with loss = NaN." in [r.getMessage() for r in log.records if r.levelname == "WARNING"]

    def test_infinity_is_not_nan(self):
        assert self.run([np.inf, 1.0]) == 2

    @pytest.mark.parametrize("values", [[1.0, np.nan], [[np.nan], [np.inf]]])
    def test_one_of_the_elements_of_a_vector(self, values, executor):
        x = tf.placeholder(tf.float32)
        with tf.train.MonitoredSession(hooks=[tf.train.NanTensorHook(x * 2, fail_on_nan_loss=False)]) as session:
            session.run(x, {x: np.ones_like(values)})
            assert not session.should_stop()
            session.run(x, {x: values})
            assert session.should_stop()

    def test_sees_only_its_tensor(self):
        x = tf.placeholder(tf.float32, [])
        watched = tf.constant(1.0)
        with tf.train.MonitoredSession(hooks=[tf.train.NanTensorHook(watched)]) as session:
            assert np.isnan(session.run(x, {x: np.nan}))


class TestFinalOps:
    @pytest.mark.parametrize("form", [lambda t: t, lambda t: [t, t], lambda t: {"a": t}])
    def test_values_at_the_end(self, form):
        step = counting()
        hook = tf.train.FinalOpsHook(form(tf.train.get_global_step()))
        assert hook.final_ops_values is None
        assert steps_taken([hook], step, most=3) == 3
        assert hook.final_ops_values == form(3)

    def test_feeds(self):
        x = tf.placeholder(tf.float32, [])
        hook = tf.train.FinalOpsHook(x + 1, {x: 4.0})
        with tf.train.MonitoredSession(hooks=[hook]):
            pass
        assert hook.final_ops_values == 5

    def test_nothing_to_evaluate(self):
        tf.constant(1)
        hook = tf.train.FinalOpsHook(None)
        with tf.train.MonitoredSession(hooks=[hook]):
            pass
        assert hook.final_ops_values is None

    def test_not_evaluated_after_an_error(self):
        hook = tf.train.FinalOpsHook(tf.constant(1))
        with pytest.raises(KeyError), tf.train.MonitoredSession(hooks=[hook]):
            raise KeyError("by the program")
        assert hook.final_ops_values is None

    def test_exhausted_input_warns_and_raises(self, log):
        def function():
            raise StopIteration

        hook = tf.train.FinalOpsHook(tf.py_func(function, [], tf.float32))
        with pytest.raises(tf.errors.OutOfRangeError), tf.train.MonitoredSession(hooks=[hook]):
            pass
        warnings = [r.getMessage() for r in log.records if r.levelname == "WARNING"]
        assert any("exception is raised by the code in FinalOpsHook" in text for text in warnings)


class TestTimer:
    def test_a_period_of_seconds_goes_on_in_another_process(self, monkeypatch):
        clock = [100.0]
        monkeypatch.setattr(second_or_step_timer, "time", types.SimpleNamespace(time=lambda: clock[0]))
        timer = tf.train.SecondOrStepTimer(every_secs=60)
        assert timer.state_dict() is None
        assert timer.should_trigger_for_step(5) and timer.update_last_triggered_step(5) == (None, None)
        clock[0] += 45
        state = timer.state_dict()
        clock[0] = 7000.0  # of another process
        again = tf.train.SecondOrStepTimer(every_secs=60)
        again.load_state_dict(state)
        clock[0] += 14
        assert again.last_triggered_step() == 5 and not again.should_trigger_for_step(8)
        clock[0] += 1
        assert again.should_trigger_for_step(8)
        assert again.update_last_triggered_step(8) == (60.0, 3)
        again.load_state_dict(None)  # of a timer that had not begun: nothing to go on with
        assert again.last_triggered_step() == 8

    def test_steps(self):
        timer = tf.train.SecondOrStepTimer(every_steps=3)
        assert timer.should_trigger_for_step(1)
        assert timer.update_last_triggered_step(1) == (None, None)
        assert [timer.should_trigger_for_step(i) for i in (1, 3, 4, 9)] == [False, False, True, True]
        seconds, steps = timer.update_last_triggered_step(9)
        assert seconds >= 0 and steps == 8
        assert timer.last_triggered_step() == 9

    def test_arguments(self):
        with pytest.raises(ValueError, match="Either every_secs or every_steps should be provided."):
            tf.train.SecondOrStepTimer()
        with pytest.raises(ValueError, match="Can not provide both every_secs and every_steps."):
            tf.train.SecondOrStepTimer(1, 1)


class Writer:
    def __init__(self):
        self.got = []

    def add_summary(self, summary, global_step):
        self.got.append((summary.value[0].tag, summary.value[0].simple_value, global_step))


class TestStepCounter:
    @pytest.mark.parametrize("arguments", [{"every_n_steps": None}, {"every_n_steps": 1, "every_n_secs": 1}])
    def test_exactly_one_period(self, arguments):
        with pytest.raises(ValueError, match="exactly one of every_n_steps and every_n_secs should be provided."):
            tf.train.StepCounterHook(**arguments)

    def test_needs_a_global_step(self):
        with pytest.raises(RuntimeError, match="Global step should be created to use StepCounterHook."):
            tf.train.StepCounterHook().begin()

    def test_counts_from_the_first_run(self, log):
        writer = Writer()
        hook = tf.train.StepCounterHook(every_n_steps=5, summary_writer=writer)
        steps_taken([hook], counting(), most=14)
        assert [(tag, at) for tag, _, at in writer.got] == [("global_step/sec", 6), ("global_step/sec", 11)]
        assert all(rate > 0 for _, rate, _ in writer.got)
        lines = [record.getMessage() for record in log.records if "/sec" in record.getMessage()]
        assert [re.fullmatch(r"global_step/sec: [0-9.e+]+", line) is not None for line in lines] == [True, True]

    def test_is_due_at_or_past_the_period(self):
        writer = Writer()
        steps_taken([tf.train.StepCounterHook(every_n_steps=5, summary_writer=writer)], counting(by=4), most=7)
        assert [at for _, _, at in writer.got] == [12, 20, 28]

    def test_the_same_within_many_steps(self):
        writer = Writer()
        hook = tf.train.StepCounterHook(every_n_steps=5, summary_writer=writer)
        step = counting()
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run_steps(step, 14)
        assert [at for _, _, at in writer.got] == [6, 11]

    def test_by_seconds(self):
        writer = Writer()
        steps_taken(
            [tf.train.StepCounterHook(every_n_steps=None, every_n_secs=1e-9, summary_writer=writer)], counting(), most=4
        )
        assert [at for _, _, at in writer.got] == [2, 3, 4]

    def test_a_subclass_is_called_every_step(self):
        rates = []

        class Mine(tf.train.StepCounterHook):
            def after_run(self, run_context, run_values):
                super().after_run(run_context, run_values)

            def _log_and_record(self, elapsed_steps, elapsed_time, global_step):
                rates.append((elapsed_steps, global_step))

        steps_taken([Mine(every_n_steps=3)], counting(), most=9)
        assert rates == [(3, 4), (3, 7)]

    def test_a_step_that_does_not_grow_is_told(self, log):
        tf.train.get_or_create_global_step()
        steps_taken([tf.train.StepCounterHook(every_n_steps=None, every_n_secs=1e-9)], tf.constant(1), most=3)
        assert "It seems that global step (tf.train.get_global_step) has not been increased." in log.text

    def test_writes_an_event_file(self, tmp_path):
        steps_taken([tf.train.StepCounterHook(every_n_steps=2, output_dir=str(tmp_path))], counting(), most=6)
        tf.summary.FileWriterCache.get(str(tmp_path)).close()
        tf.summary.FileWriterCache.clear()
        (path,) = tmp_path.iterdir()
        events = [event for event in tf.train.summary_iterator(str(path)) if event.HasField("summary")]
        assert [(event.step, event.summary.value[0].tag) for event in events] == [
            (3, "global_step/sec"), (5, "global_step/sec"),
        ]  # fmt: skip


@pytest.mark.parametrize("overridden", [False, True])
def test_a_global_step_that_stands_still(caplog, overridden):
    class Mine(tf.train.StepCounterHook):
        def after_run(self, run_context, run_values):
            super().after_run(run_context, run_values)

    tf.train.get_or_create_global_step()
    other = tf.assign_add(tf.get_variable("other", [], initializer=tf.zeros_initializer()), 1.0)
    hook = (Mine if overridden else tf.train.StepCounterHook)(every_n_steps=2)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        for _ in range(4):
            session.run(other)
    assert ("It seems that global step (tf.train.get_global_step) has not been increased." in caplog.text) == overridden


@pytest.mark.parametrize("when", ["before", "between steps", "in the class"])
@pytest.mark.parametrize("callback", ["begin", "after_create_session", "before_run", "after_run", "end"])
def test_a_callback_that_is_none_is_called(callback, when):
    """As in TensorFlow: what is None cannot be called."""

    class Hook(tf.train.SessionRunHook):
        def before_run(self, run_context):
            pass

        def after_run(self, run_context, run_values):
            pass

    if when == "in the class":
        setattr(Hook, callback, None)
    hook = Hook()
    if when == "before":
        setattr(hook, callback, None)
    x = tf.constant(1.0)

    def train():
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run(x)
            if when == "between steps":
                setattr(hook, callback, None)
            assert session.run(x) == 1

    if when == "between steps" and callback in ("begin", "after_create_session"):
        train()
    else:
        with pytest.raises(TypeError, match="'NoneType' object is not callable"):
            train()


def test_tensors_that_are_logged_by_name(caplog):
    tf.constant(1.5, name="x")
    tf.split(tf.constant([1, 2]), 2, name="two")

    def run(*tensors):
        with tf.train.SingularMonitoredSession(hooks=[tf.train.LoggingTensorHook(tensors, every_n_iter=1)]) as session:
            session.run("x:0")

    with caplog.at_level("INFO", "hookloop"):
        run("x", "two:1")
    assert "x = 1.5, two:1 = [2]" in caplog.text
    with pytest.raises(ValueError, match="Name two is ambiguous, as this `Operation` has multiple outputs"):
        run("two")
    with pytest.raises(KeyError, match="'nope:0' refers to a Tensor which does not exist"):
        run("nope")
    with tf.Graph().as_default():
        other = tf.constant(1.0)
    with pytest.raises(ValueError, match="should have graph attribute that is equal to current graph"):
        run(other)
