"""`run_steps`: many steps in one call are the same as so many calls of `run`."""

import ctypes
import signal
import threading
import time

import numpy as np
import pytest

import hookloop as tf

from .conftest import on_reference


def training():
    """(feeds, loss, train op, global step) of a linear regression with dropout: its steps depend on all before them."""
    x, y = tf.placeholder(tf.float32, [None, 5]), tf.placeholder(tf.float32, [None, 1])
    step = tf.train.get_or_create_global_step()
    w = tf.get_variable("w", [5, 1], initializer=tf.truncated_normal_initializer(seed=1))
    loss = tf.reduce_mean(tf.square(tf.matmul(tf.nn.dropout(x, rate=0.25, seed=2), w) - y))
    train = tf.train.AdamOptimizer(0.1).minimize(loss, global_step=step)
    rng = np.random.default_rng(0)
    return {x: rng.standard_normal((7, 5)), y: rng.standard_normal((7, 1))}, loss, train, step


def counting(by=1):
    return tf.assign_add(tf.train.get_or_create_global_step(), by)


@pytest.fixture
def session():
    made = tf.Session()
    yield made
    made.close()


def initialized(session):
    session.run(tf.global_variables_initializer())
    return session


class TestSession:
    @pytest.mark.parametrize("n", [1, 2, 33])
    def test_bit_identical_to_calls_of_run(self, executor, n):
        feeds, loss, train, step = training()
        init = tf.global_variables_initializer()
        with tf.Session() as one, tf.Session() as many:
            one.run(init), many.run(init)
            expected = [one.run([train, loss, step], feeds) for _ in range(n)]
            got = many.run_steps([train, loss, step], n, feeds)
            assert many.steps_done == n
            assert got == expected[-1]
            for variable in tf.global_variables():
                assert np.array_equal(one.run(variable), many.run(variable))

    def test_stacked_values_have_an_axis_of_steps(self, executor, session):
        feeds, _, train, step = training()
        w = tf.trainable_variables()[0]
        initialized(session)
        values = session.run_steps({"train": train, "rest": (step, w)}, 4, feeds, stack=True)
        assert values["train"] is None
        steps, weights = values["rest"]
        assert steps.dtype == np.int64 and steps.tolist() == [1, 2, 3, 4]
        assert weights.shape == (4, 5, 1) and weights.dtype == np.float32
        assert np.array_equal(weights[-1], session.run(w))
        assert not np.array_equal(weights[0], weights[1])

    def test_one_step_stacked(self, executor, session):
        assert session.run_steps(tf.constant([1, 2]), 1, stack=True).tolist() == [[1, 2]]

    def test_many_stacked_steps_come_in_one_array(self, session):
        wide = tf.zeros([300000], tf.int32) + tf.cast(counting(), tf.int32)
        initialized(session)
        values = session.run_steps(wide, 9, stack=True)
        assert values.shape == (9, 300000)
        assert values[:, -1].tolist() == list(range(1, 10))

    def test_no_step(self, executor, session):
        assert session.run_steps(tf.constant(1), 0) is None
        assert session.run_steps(tf.constant(1), 0, stack=True) is None
        assert session.steps_done == 0

    def test_text_is_stacked_too(self, executor, session):
        text = tf.as_string(counting())
        initialized(session)
        assert session.run_steps(text, 3, stack=True).tolist() == [b"1", b"2", b"3"]

    def test_values_of_different_sizes_cannot_be_stacked(self, session):
        ones = tf.where(tf.ones([tf.cast(counting(), tf.int32)], tf.int32) > 0)
        initialized(session)
        with pytest.raises(ValueError, match=r"expected values of one shape in all steps to stack them, got \(1, 1\)"):
            session.run_steps(ones, 3, stack=True)
        assert session.steps_done == 3

    def test_values_of_one_size_and_different_shapes_cannot_be_stacked(self, executor, session):
        counter = tf.Variable(1, use_resource=True)
        rows = counter.assign_add(1)
        turned = tf.reshape(tf.range(12), tf.stack([rows, 12 // rows]))
        session.run(counter.initializer)
        with pytest.raises(ValueError, match=r"expected values of one shape in all steps to stack them, got \(2, 6\)"):
            session.run_steps(turned, 3, stack=True)

    def test_values_of_different_sizes_need_no_stack(self, executor, session):
        ones = tf.where(tf.ones([tf.cast(counting(), tf.int32)], tf.int32) > 0)
        initialized(session)
        assert session.run_steps(ones, 3).tolist() == [[0], [1], [2]]

    @pytest.mark.parametrize("n, error, text", [
        (-1, ValueError, "expected a number of steps that is not negative, got -1"),
        (1.5, TypeError, "expected a whole number of steps, got 1.5"),
    ])  # fmt: skip
    def test_number_of_steps(self, session, n, error, text):
        with pytest.raises(error, match=text):
            session.run_steps(tf.constant(1), n)

    def test_a_numpy_integer_is_a_number_of_steps(self, session):
        step = counting()
        initialized(session)
        assert session.run_steps(step, np.int64(3)) == 3

    def test_a_step_that_fails_leaves_the_number_of_steps_done(self, executor, session):
        step = counting()
        with tf.control_dependencies([tf.assert_less(step, tf.constant(5, tf.int64), message="too far")]):
            checked = tf.identity(step)
        initialized(session)
        with pytest.raises(tf.errors.InvalidArgumentError, match="too far"):
            session.run_steps(checked, 100)
        assert session.steps_done == 4
        assert session.run(tf.constant(2)) == 2

    def test_the_input_ends(self, executor, session):
        element = tf.data.Dataset.range(5).make_one_shot_iterator().get_next()
        total = tf.get_variable("total", [], tf.int64, initializer=tf.zeros_initializer())
        added = tf.assign_add(total, element)
        initialized(session)
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run_steps(added, 100)
        assert session.steps_done == 5
        assert session.run(total) == 10

    def test_batches_of_different_sizes(self, executor, session):
        element = tf.data.Dataset.range(7).batch(3).make_one_shot_iterator().get_next()
        assert session.run_steps(element, 3).tolist() == [6]
        assert session.steps_done == 3

    def test_closed(self, session):
        one = tf.constant(1)
        session.close()
        with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
            session.run_steps(one, 3)

    def test_uninitialized(self, executor, session):
        w = tf.get_variable("w", [], initializer=tf.zeros_initializer())
        with pytest.raises(tf.errors.FailedPreconditionError, match="Attempting to use uninitialized value w"):
            session.run_steps(w, 3)
        assert session.steps_done == 0

    def test_inside_a_step_of_the_same_session(self, session):
        step = counting()
        inner = []

        def nested(value):
            inner.append(session.run_steps(step, 3))
            return value

        outer = tf.py_func(nested, [tf.constant(1.0)], tf.float32)
        initialized(session)
        session.run_steps(outer, 2)
        assert inner == [3, 6]

    def test_feeds_are_converted_once_and_held(self, session):
        x = tf.placeholder(tf.float32, [None])
        total = tf.get_variable("total", [], initializer=tf.zeros_initializer())
        added = tf.assign_add(total, tf.reduce_sum(x))
        initialized(session)
        assert session.run_steps(added, 5, {x: [1, 2]}) == 15

    def test_ctrl_c_stops_between_steps(self, session, ctrl_c):
        step = counting()
        initialized(session)
        session.run_steps(step, 2)
        timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            session.run_steps(step, 10**12)
        assert session.run(tf.train.get_global_step()) == session.steps_done + 2

    def test_closing_the_session_ends_the_steps(self, executor):
        step = counting()
        session = initialized(tf.Session())
        session.run_steps(step, 2)
        threading.Timer(0.1, session.close).start()
        with pytest.raises(tf.errors.CancelledError, match="The session was closed while the step was running"):
            session.run_steps(step, 10**12)
        assert 0 < session.steps_done < 10**12

    def test_no_step_follows_the_one_that_closes_the_session(self, executor):
        step, calls = counting(), []

        def close(value):
            calls.append(int(value))
            if value == 3:
                session.close()
            return value

        looked = tf.py_func(close, [step], tf.int64)
        session = initialized(tf.Session())
        with pytest.raises(tf.errors.CancelledError, match="The session was closed while the step was running"):
            session.run_steps(looked, 5)
        assert calls == [1, 2, 3] and session.steps_done == 3

    def test_a_step_that_closes_its_session_is_finished(self, executor):
        v = tf.get_variable("v", initializer=1.0)
        with tf.control_dependencies([tf.py_func(lambda: session.close(), [], [])]):
            added = tf.assign_add(v, 2.0)
        session = tf.Session()
        session.run(v.initializer)
        assert session.run(added) == 3
        with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
            session.run(added)

    def test_other_threads_run_meanwhile(self, session):
        step = counting()
        initialized(session)
        session.run_steps(step, 2)
        stop = threading.Event()
        looping = threading.Thread(target=lambda: session.run_steps(step, 5000 if on_reference() else 3000000))
        looping.start()
        ticks = 0
        while looping.is_alive() and ticks < 100:
            ticks += 1
            time.sleep(0)
        looping.join()
        stop.set()
        assert ticks > 3

    def test_a_session_with_a_time_limit(self, session):
        step = counting()
        with tf.Session(config=tf.ConfigProto(operation_timeout_in_ms=60000)) as limited:
            assert initialized(limited).run_steps(step, 3) == 3


class Noting(tf.train.SessionRunHook):
    def __init__(self, fetches=None):
        self.fetches, self.got = fetches, []

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self.fetches)

    def after_run(self, run_context, run_values):
        self.got.append(run_values.results)


class Due(tf.train.SessionRunHook):
    """Notes the global step at the runs for which its trigger is due."""

    trigger = None

    def __init__(self, **rule):
        self.rule, self.got = rule, []

    def after_create_session(self, session, coord):
        rule = dict(self.rule)
        self.trigger = tf.train.Trigger(rule.pop("counter"), **rule)

    def after_run(self, run_context, run_values):
        self.got.append(int(run_context.session.run(tf.train.get_global_step())))


class TestMonitoredSession:
    @pytest.mark.parametrize("rule", [
        {"counter": "runs", "every": 4}, {"counter": "runs", "every": 4, "first": False}, {"counter": "runs", "at": 7},
        {"counter": "global_step", "every": 10, "phase": "after"},
        {"counter": "global_step", "every": 10, "phase": "after", "first": False},
        {"counter": "global_step", "every": 10, "first": False}, {"counter": "global_step", "at": 20, "phase": "after"},
        {"counter": "runs", "every": 1, "phase": "after"},
    ])  # fmt: skip
    def test_triggers_are_due_at_the_same_steps(self, executor, rule):
        step = counting(by=3)
        seen = []
        for steps_at_once in (1, 5, 17):
            hook, other = Due(**rule), Due(counter="runs", every=6, phase="after")
            with tf.train.MonitoredSession(hooks=[hook, other]) as session:
                for _ in range(0, 17, steps_at_once):
                    if steps_at_once == 1:
                        session.run(step)
                    else:
                        session.run_steps(step, steps_at_once)
            seen.append(([at for at in hook.got if at <= 51], [at for at in other.got if at <= 51]))
        assert seen[0] == seen[1] == seen[2]
        assert seen[0][0]

    def test_stops_at_the_step(self, executor):
        step = counting(by=2)
        with tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(last_step=9)]) as session:
            assert session.run_steps(step, 100) == 10
            assert session.steps_done == 5
            assert session.should_stop()
            assert session.run_steps(step, 100) is None
            assert session.steps_done == 0

    def test_a_hook_without_a_trigger_is_called_every_step(self, executor):
        step = counting()
        hook = Noting(step)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            assert session.run_steps(step, 4) == 4
            assert session.steps_done == 4
        assert hook.got == [1, 2, 3, 4]

    def test_stacked_across_the_steps_of_hooks(self, executor):
        step = counting()
        hook = Due(counter="runs", every=4)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            values = session.run_steps([step, (step,)], 11, stack=True)
        assert values[0].tolist() == list(range(1, 12))
        assert values[1][0].tolist() == list(range(1, 12))
        assert hook.got == [1, 5, 9]

    def test_stacked_with_hooks_called_every_step(self):
        step = counting()
        with tf.train.MonitoredSession(hooks=[Noting()]) as session:
            assert session.run_steps(step, 3, stack=True).tolist() == [1, 2, 3]

    def test_a_loss_that_diverges_ends_the_steps(self, executor):
        step = counting()
        loss = tf.where(step < 6, tf.constant(1.0), tf.constant(np.nan))
        with tf.train.MonitoredSession(hooks=[tf.train.NanTensorHook(loss, fail_on_nan_loss=False)]) as session:
            session.run_steps([step, loss], 100)
            assert session.steps_done == 6
            assert session.should_stop()

    def test_a_diverged_loss_is_an_error(self, executor):
        step = counting()
        loss = tf.where(step < 6, tf.constant(1.0), tf.constant(np.nan))
        with tf.train.MonitoredSession(hooks=[tf.train.NanTensorHook(loss)]) as session:
            with pytest.raises(tf.train.NanLossDuringTrainingError):
                session.run_steps(loss, 100)
            assert session.steps_done == 6

    def test_a_watched_tensor_that_c_cannot_read(self):
        step = counting()
        loss = tf.cast(tf.where(step < 3, tf.constant(1.0), tf.constant(np.inf)), tf.float16)
        hook = Due(counter=tf.train.not_finite(loss))
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run_steps(step, 4)
        assert hook.got == [3, 4]

    def test_the_end_of_the_input_leaves_the_block(self, executor):
        element = tf.data.Dataset.range(5).make_one_shot_iterator().get_next()
        with tf.train.MonitoredSession() as session:
            session.run_steps(element, 100)
        assert session.steps_done == 5
        assert "input has ended" in session.stop_reason

    def test_a_step_asks_to_stop(self):
        step = counting()

        def look(value):
            if value == 4:
                session.request_stop("enough")
            return value

        looked = tf.py_func(look, [step], tf.int64)
        with tf.train.MonitoredSession() as session:
            assert session.run_steps(looked, 100) == 4
            assert session.stop_reason == "enough"

    def test_another_thread_asks_to_stop(self):
        step, coords = counting(), []
        hook = tf.train.SessionRunHook()
        hook.after_create_session = lambda session, coord: coords.append(coord)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run_steps(step, 2)
            threading.Timer(0.1, coords[0].request_stop).start()
            session.run_steps(step, 10**12)
            assert 0 < session.steps_done < 10**12

    @pytest.mark.parametrize("stack", [False, True])
    @pytest.mark.parametrize("rule", [
        None, {"counter": "runs", "at": 3, "phase": "after"}, {"counter": "runs", "every": 2},
        {"counter": "runs", "every": 1, "phase": "after"},
    ])  # fmt: skip
    def test_a_step_whose_session_is_lost_in_a_hook_is_made_again(self, executor, rule, stack):
        """As by calls of `run`: it is not counted, and its values are those of the step in the session made anew."""

        class Losing(Due):
            def after_create_session(self, session, coord):
                if rule is not None:
                    super().after_create_session(session, coord)

            def after_run(self, run_context, run_values):
                self.got.append(int(run_context.session.run(step)))
                if self.got[-1] == 3 and self.got.count(3) == 1:
                    raise tf.errors.AbortedError(None, None, "lost")

        made = tf.assign_add(tf.train.get_or_create_global_step(), 1)
        step = tf.train.get_global_step()
        with tf.train.MonitoredSession(hooks=[Losing(**rule or {})]) as session:
            expected = [session.run(made) for _ in range(6)]
        with tf.train.MonitoredSession(hooks=[Losing(**rule or {})]) as session:
            got = session.run_steps(made, 6, stack=stack)
            assert session.steps_done == 6
        assert expected == [1, 2, 1, 2, 3, 4]
        assert (got.tolist() if stack else got) == (expected if stack else 4)

    @pytest.mark.parametrize("stack", [False, True])
    def test_a_step_whose_session_is_lost_in_a_native_hook_is_made_again(self, executor, stack):
        coords, left = [], [0, 0, -7, 0, 0, 0, 0]

        def called(context, data):
            if left[0]:
                coords[0].request_stop(tf.errors.AbortedError(None, None, "lost"))
            return left.pop(0)

        signature = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
        noting = tf.train.SessionRunHook()
        noting.after_create_session = lambda session, coord: coords.append(coord)
        step = counting()
        with tf.train.MonitoredSession(hooks=[tf.train.NativeHook(signature(called)), noting]) as session:
            got = session.run_steps(step, 6, stack=stack)
            assert session.steps_done == 6
        assert (got.tolist() if stack else got) == ([1, 2, 1, 2, 3, 4] if stack else 4)
        assert left == [] and len(coords) == 2

    @pytest.mark.parametrize("stack", [False, True])
    def test_a_step_that_loses_its_session_is_made_again(self, executor, stack):
        step, coords, lost = counting(), [], []

        def look(value):
            if value == 3 and not lost:
                lost.append(1)
                coords[0].request_stop(tf.errors.AbortedError(None, None, "lost"))
                raise ValueError("of the loss")
            return value

        looked = tf.py_func(look, [step], tf.int64)
        hook = tf.train.SessionRunHook()
        hook.after_create_session = lambda session, coord: coords.append(coord)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            got = session.run_steps([step, looked], 6, stack=stack)
            assert session.steps_done == 6
        assert [values.tolist() for values in got] == ([[1, 2, 1, 2, 3, 4]] * 2 if stack else [4, 4])

    def test_a_session_that_is_closed_between_two_steps(self, executor):
        """By itself the steps end, as where a stop is asked for; below it they fail."""
        for below in (False, True):
            with tf.Graph().as_default():
                step, hook = counting(), tf.train.SessionRunHook()
                session = tf.train.MonitoredSession(hooks=[hook])
                which = session.raw_session() if below else session
                hook.after_run = lambda context, values, which=which: values.results == 3 and which.close()
                hook.before_run = lambda context, step=step: tf.train.SessionRunArgs(step)
                if below:
                    with pytest.raises(
                        tf.errors.CancelledError, match="The session was closed while the step was running"
                    ):
                        session.run_steps(step, 5)
                else:
                    assert session.run_steps(step, 5) == 3
                assert session.steps_done == 3

    @pytest.mark.parametrize("stack", [False, True])
    @pytest.mark.parametrize("triggered", [False, True])
    def test_a_session_that_is_closed_before_a_step_begins(self, executor, triggered, stack):
        """As another thread may do it between the loop's look at the session and the step: the steps end, too."""
        step = counting()

        class Closing(tf.train.SessionRunHook):
            trigger = tf.train.Trigger("runs", at=2, phase="before") if triggered else None
            calls = 0

            def before_run(self, run_context):
                self.calls += 1
                if triggered or self.calls == 3:
                    session.close()

        session = tf.train.MonitoredSession(hooks=[Closing()])
        values = session.run_steps(step, 5, stack=stack)
        assert session.steps_done == 2
        assert values.tolist() == ([1, 2] if stack else 2)

    @pytest.mark.parametrize("where", ["step", "hook"])
    def test_a_session_that_is_closed_while_a_step_waits(self, executor, where):
        """The step that was waiting is none of those that were made."""
        step, hook = counting(), tf.train.SessionRunHook()
        queue = tf.FIFOQueue(9, tf.int64)
        filled, more = queue.enqueue_many([[7, 8]]), queue.dequeue()
        fetch = more if where == "step" else step
        if where == "hook":
            hook.after_run = lambda context, values: context.session.run(more)
        session = tf.train.MonitoredSession(hooks=[hook])
        session.run(filled, hooks=False)
        threading.Timer(0.3, session.close).start()
        values = session.run_steps(fetch, 5)
        assert session.steps_done == 2
        assert values == (8 if where == "step" else 2)

    @pytest.mark.parametrize("triggered", [False, True])
    def test_a_hook_that_makes_steps_itself(self, executor, triggered):
        """Each call counts its own steps."""
        step, inner = counting(), []

        class More(tf.train.SessionRunHook):
            trigger = tf.train.Trigger("runs", every=2, phase="after") if triggered else None

            def after_run(self, run_context, run_values):
                if not inner:
                    inner.append(0)
                    session.run_steps(step, 5)
                    inner[0] = session.steps_done

        with tf.train.MonitoredSession(hooks=[More()]) as session:
            session.run_steps(step, 3)
            assert session.steps_done == 3 and inner == [5]

    @pytest.mark.parametrize("callback, made", [("before_run", 0), ("after_run", 1)])
    def test_a_hook_that_makes_steps_itself_and_fails(self, executor, callback, made):
        """The step of the call is made where its run is, whatever the hook has run before."""
        step, hook = counting(), tf.train.SessionRunHook()

        def fail(context, values=None):
            context.session.run(step)
            session.run(step, hooks=False)
            if not inner:
                inner.append(0)
                session.run(step)
                raise ValueError("of the hook")

        setattr(hook, callback, fail)
        inner = []
        with pytest.raises(ValueError, match="of the hook"), tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run_steps(step, 3)
        assert session.steps_done == made

    def test_a_closed_session(self):
        step = counting()
        session = tf.train.MonitoredSession()
        session.close()
        for n in (0, 3):
            with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
                session.run_steps(step, n)

    def test_a_hook_that_is_patched_in_between_is_noticed(self):
        step, seen = counting(), []
        hook = Due(counter="runs", at=3, phase="after")
        other = tf.train.SessionRunHook()

        def patch(context, values):
            other.after_run = lambda context, values: seen.append(1)
            hook.trigger = None

        hook.after_run = patch
        hook.trigger = None
        with tf.train.MonitoredSession(hooks=[hook, other]) as session:
            session.run_steps(step, 4)
        assert len(seen) == 3

    def test_a_session_whose_run_is_patched_is_called_step_by_step(self):
        step, calls = counting(), []
        with tf.train.MonitoredSession() as session:
            raw = session.raw_session()
            run = raw.run
            raw.run = lambda *arguments: calls.append(1) or run(*arguments)
            assert session.run_steps(step, 3) == 3
        assert len(calls) == 3
