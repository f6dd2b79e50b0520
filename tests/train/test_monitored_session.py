"""Monitored sessions: which hooks are called, what they add to a run, stopping, reaching the raw session."""

import collections
import functools
import gc
import threading
import weakref
from unittest import mock

import numpy as np
import pytest

import hookloop as tf

from .stand_ins import Args, Noting, Triggered, failing


class TestRequests:
    def test_fetches_of_hooks_and_caller_are_one_run(self):
        a, b = tf.constant(1.0), tf.constant([1, 2])
        count = tf.assign_add(tf.Variable(0), 1)
        first, second, third = Noting({"a": a, "count": count}), Noting(None), Noting([b, (a,)])
        with tf.train.MonitoredSession(hooks=[first, second, third]) as session:
            assert session.run([count, {"b": a}, ()]) == [1, {"b": 1.0}, ()]
        assert first.got == [{"a": 1.0, "count": 1}]
        assert second.got == [None]
        np.testing.assert_array_equal(third.got[0][0], [1, 2])
        assert third.got[0][1] == (1.0,)

    def test_structures_that_change_between_runs(self, executor):
        a, b, x = tf.constant(1.0), tf.constant(2.0), tf.placeholder(tf.float32, [])
        c, Pair = x * 3.0, collections.namedtuple("Pair", "left right")
        fetches, hook = [a, b], Noting([a])
        watching = tf.train.NanTensorHook(c)
        for hooks in ([hook], [watching], [hook, watching]):
            with tf.train.MonitoredSession(hooks=hooks) as session:
                for wanted, got in (
                    (fetches, [1, 2]),
                    (fetches, [1, 2]),
                    ([a, b], [1, 2]),
                    ((a, b), (1, 2)),
                    ([[a], b], [[1], 2]),
                    ([a, [b]], [1, [2]]),
                    ({"b": a, "a": b}, {"b": 1, "a": 2}),
                    ({"a": b, "b": a}, {"a": 2, "b": 1}),
                    (Pair(a, b), Pair(1, 2)),
                    (Pair(b, a), Pair(2, 1)),
                    (collections.OrderedDict(q=b, p=c), collections.OrderedDict(q=2, p=3)),
                    (a, 1),
                    ([a], [1]),
                    ([], []),
                    ([c, [], {"n": (c,)}], [3, [], {"n": (3,)}]),
                ):
                    result = session.run(wanted, {x: 1.0})
                    assert result == got
                    assert type(result) is type(got) or wanted is a
                fetches[:] = [c, a]
                assert session.run(fetches, {x: 2.0}) == [6, 1]
                fetches[:] = [a, b]
        assert all(got == [1.0] for got in hook.got)

    def test_what_a_hook_asks_for_changes_between_runs(self, executor):
        a, b = tf.constant(1.0), tf.constant(2.0)
        wanted, hook, other = [a], Noting(), Noting({"b": b})
        hook.before_run = lambda context: Args(wanted)
        with tf.train.MonitoredSession(hooks=[hook, other]) as session:
            for now in ([a], [a], [b], [[b]], [a, b], [], [{"a": a}], [a]):
                wanted[:] = now
                assert session.run([b]) == [2.0]
        assert hook.got == [[1], [1], [2], [[2]], [1, 2], [], [{"a": 1}], [1]]
        assert other.got == [{"b": 2}] * 8

    def test_watched_values_beside_nested_fetches(self, executor):
        x = tf.placeholder(tf.float32, [])
        y = x * 2.0
        with tf.train.MonitoredSession(hooks=[tf.train.NanTensorHook(y)]) as session:
            for _ in range(3):
                assert session.run([x, {"y": y}], {x: 1.0}) == [1.0, {"y": 2.0}]
            with pytest.raises(tf.train.NanLossDuringTrainingError, match="NaN loss during training"):
                session.run([x, {"y": y}], {x: np.nan})

    def test_an_operation_fetched_by_a_hook_runs(self):
        v = tf.Variable(0)
        hook = Noting(v.assign_add(1).op)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            assert session.run(v) == 1
        assert hook.got == [None]

    def test_feeds_of_hooks(self):
        x, y = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
        total = x + y
        with tf.train.MonitoredSession(hooks=[Noting(None, {x: 1.0})]) as session:
            assert session.run(total, {y: 2.0}) == 3
            feed = {y: 5.0}
            assert session.run(total, feed) == 6
            assert feed == {y: 5.0}
        with tf.train.SingularMonitoredSession(hooks=[Noting(None, {x: 1.0}), Noting(None, {y: 3.0})]) as session:
            assert session.run(total) == 4

    def test_two_hooks_feed_one_tensor(self):
        x = tf.placeholder(tf.float32, [])
        with tf.train.MonitoredSession(hooks=[Noting(None, {x: 1.0}), Noting(None, {x: 1.0})]) as session:
            with pytest.raises(RuntimeError, match="Same tensor is fed by two hooks. Conflict"):
                session.run(x)

    def test_hook_and_caller_feed_one_tensor(self):
        x = tf.placeholder(tf.float32, [])
        with tf.train.MonitoredSession(hooks=[Noting(None, {x: 1.0})]) as session:
            with pytest.raises(RuntimeError, match="Same tensor is fed by a SessionRunHook and user. Conflict"):
                session.run(x, {x: 2.0})

    def test_what_a_hook_sees_of_the_run(self):
        x = tf.placeholder(tf.float32, [])
        y, hook = x + 1, Noting()
        with tf.train.SingularMonitoredSession(hooks=[hook]) as session:
            feed = {x: 1.0}
            session.run(y, feed)
            assert hook.context.session is session.raw_session()
            assert hook.context.original_args == Args(y, feed)
            assert isinstance(hook.values.options, tf.RunOptions)
            assert isinstance(hook.values.run_metadata, tf.RunMetadata)

    def test_options_are_merged(self):
        one = tf.constant(1)
        asked = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE, timeout_in_ms=1000)
        hook = Noting(options=asked)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            metadata = tf.RunMetadata()
            session.run(one, options=tf.RunOptions(timeout_in_ms=5000), run_metadata=metadata)
            assert hook.values.options.trace_level == tf.RunOptions.FULL_TRACE
            assert hook.values.options.timeout_in_ms == 5000
            assert hook.values.run_metadata is metadata
            session.run(one)
            assert hook.values.options.timeout_in_ms == 1000


class TestWhoIsCalled:
    def test_before_run_that_returns_something_else(self):
        class Odd(tf.train.SessionRunHook):
            def before_run(self, run_context):
                return 3

        one = tf.constant(1)
        text = "^'int' object has no attribute 'fetches': expected before_run to return SessionRunArgs or None, got 3$"
        with pytest.raises(AttributeError, match=text):
            with tf.train.MonitoredSession(hooks=[Odd()]) as session:
                session.run(one)

    def test_feeds_that_are_no_dictionary(self):
        one = tf.constant(1)
        text = "^'int' object has no attribute 'keys': expected a dictionary of what a hook feeds, got 3$"
        with pytest.raises(AttributeError, match=text):
            with tf.train.MonitoredSession(hooks=[Noting(None, 3)]) as session:
                session.run(one)

    def test_a_duck(self):
        class Duck:
            calls = 0

            def begin(self): ...

            def after_create_session(self, session, coord): ...

            def before_run(self, run_context):
                return None

            def after_run(self, run_context, run_values):
                self.calls += 1

            def end(self, session): ...

        duck, one = Duck(), tf.constant(1)
        with tf.train.MonitoredSession(hooks=[duck]) as session:
            session.run(one)
            session.run(one)
        assert duck.calls == 2

    def test_a_mock(self):
        hook, one = mock.MagicMock(), tf.constant(1)
        hook.before_run.return_value = None
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run(one)
        for name in ("begin", "after_create_session", "before_run", "after_run", "end"):
            assert getattr(hook, name).call_count == 1

    def test_a_mock_with_the_class_as_its_spec(self):
        hook, one = mock.Mock(spec=tf.train.SessionRunHook), tf.constant(1)
        hook.before_run.return_value = Args(one)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run(one)
        assert hook.after_run.call_args[0][1].results == 1

    def test_callbacks_set_on_the_instance(self):
        hook, one, seen = tf.train.SessionRunHook(), tf.constant(1), []
        hook.before_run = lambda run_context: seen.append("before")
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run(one)
            hook.after_run = lambda run_context, run_values: seen.append("after")
            session.run(one)
            hook.after_run = lambda run_context, run_values: seen.append("other")
            session.run(one)
            del hook.after_run
            session.run(one)
        assert seen == ["before", "before", "after", "before", "other", "before"]

    def test_callbacks_of_a_class_with_both_set_on_the_instance(self):
        class Both(tf.train.SessionRunHook):
            def before_run(self, run_context):
                seen.append("before")

            def after_run(self, run_context, run_values):
                seen.append("after")

        hook, one, seen = Both(), tf.constant(1), []
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run(one)
            hook.after_run = lambda run_context, run_values: seen.append("other")
            session.run(one)
            with mock.patch.object(hook, "before_run", side_effect=ValueError("mocked")):
                with pytest.raises(ValueError, match="mocked"):
                    session.run(one)
            del hook.after_run
            session.run(one)
            del Both.before_run
            session.run(one)
        assert seen == ["before", "after", "before", "other", "before", "after", "after"]

    def test_what_a_hook_keeps_stays_as_it_was(self):
        class Keeping(tf.train.SessionRunHook):
            def __init__(self, fetches):
                self.fetches, self.kept = fetches, []

            def before_run(self, run_context):
                self.kept.append(run_context)
                return tf.train.SessionRunArgs(self.fetches)

            def after_run(self, run_context, run_values):
                if run_values.results != 2:
                    self.kept.append(run_values)

        x = tf.placeholder(tf.int32, [])
        same, double = Keeping(x + 0), Keeping(x * 2)
        with tf.train.MonitoredSession(hooks=[same, Noting(), double]) as session:
            for i in range(4):
                session.run(x, {x: i})
        assert [k.results for k in same.kept if isinstance(k, tf.train.SessionRunValues)] == [0, 1, 3]
        assert [k.results for k in double.kept if isinstance(k, tf.train.SessionRunValues)] == [0, 4, 6]
        contexts = [k for k in same.kept if isinstance(k, tf.train.SessionRunContext)]
        assert [k.original_args.feed_dict[x] for k in contexts] == [0, 1, 2, 3]

    def test_what_no_hook_keeps_is_let_go(self):
        class Array(np.ndarray):
            pass

        class Passing(tf.train.SessionRunHook):
            def before_run(self, run_context):
                return Args(run_context.original_args.fetches)

            def after_run(self, run_context, run_values):
                assert run_values.results is not None

        one, fed = tf.placeholder(tf.float32, [2]), np.ones(2, np.float32).view(Array)
        gone, more = weakref.ref(fed), one + 1
        with tf.train.MonitoredSession(hooks=[Passing(), Passing()]) as session:
            session.run(more, {one: fed})
            del fed
            assert gone() is None

    def test_a_run_inside_a_callback_has_its_own_context(self):
        class Nested(tf.train.SessionRunHook):
            depth = 0

            def before_run(self, run_context):
                if self.depth == 0:
                    self.depth = 1
                    inner.append(session.run(two))
                    self.depth = 0
                return tf.train.SessionRunArgs(one)

            def after_run(self, run_context, run_values):
                seen.append((self.depth, run_context.original_args.fetches, run_values.results))

        one, two, inner, seen = tf.constant(1), tf.constant(2), [], []
        three = one + 2
        with tf.train.MonitoredSession(hooks=[Nested()]) as session:
            for _ in range(2):
                assert session.run(three) == 3
        assert inner == [2, 2]
        assert [(depth, value) for depth, _, value in seen] == [(1, 1), (0, 1)] * 2
        assert [fetches is two for _, fetches, _ in seen] == [True, False] * 2

    def test_a_class_patched_later(self):
        class Plain(tf.train.SessionRunHook):
            pass

        seen, one = [], tf.constant(1)
        with tf.train.MonitoredSession(hooks=[Plain()]) as session:
            session.run(one)
            Plain.after_run = lambda self, run_context, run_values: seen.append("patched")
            session.run(one)
            with (
                mock.patch.object(Plain, "before_run", side_effect=ValueError("mocked")),
                pytest.raises(ValueError, match="mocked"),
            ):
                session.run(one)
            session.run(one)
        assert seen == ["patched", "patched"]

    def test_a_class_with_a_trigger_patched_later(self):
        one = tf.constant(1)
        tf.train.create_global_step()
        hook = tf.train.StopAtStepHook(num_steps=10)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run(one)
            with (
                mock.patch.object(tf.train.StopAtStepHook, "before_run", return_value=None) as before_run,
                mock.patch.object(tf.train.StopAtStepHook, "after_run") as after_run,
            ):
                session.run(one)
                session.run(one)
            session.run(one)
        assert (before_run.call_count, after_run.call_count) == (2, 2)

    def test_a_function_of_another_module_in_a_class_with_a_trigger(self):
        one = tf.constant(1)
        tf.train.create_global_step()
        seen = []
        original = tf.train.StopAtStepHook.after_run

        def wrapped(self, run_context, run_values):
            seen.append(run_values.results)
            original(self, run_context, run_values)

        with mock.patch.object(tf.train.StopAtStepHook, "after_run", wrapped):
            with tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(num_steps=10)]) as session:
                session.run(one)
                session.run(one)
        assert seen == [0, 0]

    def test_hooks_tell_each_other_by_attributes_of_the_context(self):
        one = tf.constant(1)
        seen = []

        class Writer(tf.train.SessionRunHook):
            def before_run(self, run_context):
                assert not hasattr(run_context, "told")  # that of an earlier run is gone
                run_context.told = len(seen)

        class Reader(tf.train.SessionRunHook):
            def after_run(self, run_context, run_values):
                seen.append(run_context.told)

        with tf.train.MonitoredSession(hooks=[Writer(), Reader()]) as session:
            for _ in range(3):
                session.run(one)
        assert seen == [0, 1, 2]

    def test_the_base_class_patched(self):
        one = tf.constant(1)
        with tf.train.MonitoredSession(hooks=[tf.train.FinalOpsHook(one)]) as session:
            session.run(one)
            with mock.patch.object(tf.train.SessionRunHook, "after_run") as after_run:
                session.run(one)
            assert after_run.call_count == 1

    def test_a_hook_added_to_the_list(self):
        hooks, one, late = [Noting()], tf.constant(1), Noting()
        with tf.train.MonitoredSession(hooks=hooks) as session:
            session.run(one)
            session._hooks.append(late)
            session.run(one)
        assert (len(hooks[0].got), len(late.got)) == (2, 1)

    def test_hooks_left_out(self):
        hook, one = Noting(), tf.constant(1)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            assert session.run(one, hooks=False) == 1
        assert hook.got == []

    def test_any_iterable_of_hooks(self):
        hook, one = Noting(), tf.constant(1)
        with tf.train.MonitoredSession(hooks=iter([hook])) as session:
            session.run(one)
        assert hook.got == [None]


class TestTriggers:
    def seen(self, hook, steps=7, by=1, others=()):
        step = tf.assign_add(tf.train.get_or_create_global_step(), by)
        with tf.train.MonitoredSession(hooks=[hook, *others]) as session:
            for _ in range(steps):
                session.run(step)
        return hook.seen

    @pytest.mark.parametrize("others", [(), (Noting(),)])
    @pytest.mark.parametrize("rule, seen", [
        ({"counter": "runs", "every": 3}, [0, 3, 6]),
        ({"counter": "runs", "every": 3, "first": False}, [3, 6]),
        ({"counter": "runs", "every": 3, "phase": "after"}, [1, 4, 7]),
        ({"counter": "runs", "at": 5}, [5, 6]),
        ({"counter": "global_step", "every": 3, "phase": "after"}, [1, 4, 7]),
        ({"counter": "global_step", "at": 6, "phase": "after"}, [6, 7]),
    ])  # fmt: skip
    def test_counters(self, rule, seen, others):
        assert self.seen(Triggered(**rule), others=others) == seen

    @pytest.mark.parametrize(
        "arguments, error, text",
        [
            ({"counter": "runs"}, ValueError, "a trigger needs a period or a threshold: got every=None, at=None"),
            (
                {"counter": "runs", "every": 1, "at": 2},
                ValueError,
                "a trigger needs a period or a threshold: got every=1, at=2",
            ),
            (
                {"counter": "days", "every": 1},
                ValueError,
                r"expected a counter of \['runs', 'global_step', 'seconds'\] or not_finite\(tensor\), got 'days'",
            ),
            ({"counter": ["runs"], "every": 1}, ValueError, r"expected a counter of .* got \['runs'\]"),
            (
                {"counter": "runs", "every": 1, "phase": "around"},
                ValueError,
                "expected the phase 'before' or 'after', got 'around'",
            ),
            ({"counter": "runs", "every": "5"}, TypeError, "expected a number as a trigger's every, got '5'"),
            ({"counter": "global_step", "at": [7]}, TypeError, r"expected a number as a trigger's at, got \[7\]"),
            (
                {"counter": "seconds", "every": 1, "since": "now"},
                TypeError,
                "expected a number as a trigger's since, got 'now'",
            ),
        ],
    )
    def test_rules_that_are_none(self, arguments, error, text):
        with pytest.raises(error, match=f"^{text}$"):
            tf.train.Trigger(**arguments)

    def test_numbers_of_any_kind_are_rules(self):
        for number in (1, 1.5, True, np.int32(1), np.float32(1.0), np.array(1)):
            assert tf.train.Trigger("runs", every=number).every == number

    def test_periods_are_passed_never_met(self):
        assert self.seen(Triggered("global_step", every=3, phase="after"), by=2) == [2, 6, 10, 14]

    def test_seconds(self):
        assert len(self.seen(Triggered("seconds", every=1000))) == 1
        with tf.Graph().as_default():
            assert len(self.seen(Triggered("seconds", every=0))) == 7

    def test_a_subclass_with_its_own_callback_is_called_every_step(self):
        class Own(Triggered):
            def after_run(self, run_context, run_values):
                super().after_run(run_context, run_values)

        assert self.seen(Own("runs", every=3)) == ["not due"] * 7

    def test_after_run_is_called_in_list_order(self):
        order = []

        def named(name, base, *args, **kwargs):
            class Named(base):
                def after_run(self, run_context, run_values):
                    order.append(name)

                trigger = None

            return Named(*args, **kwargs)

        x = tf.placeholder(tf.float32, [])
        tf.train.get_or_create_global_step()
        hooks = [
            named("late", Triggered, "runs", every=1, phase="after"),
            named("watch", Triggered, tf.train.not_finite(x)),
            named("early", Triggered, "runs", every=1),
            named("step", Triggered, "global_step", at=0, phase="after"),
        ]
        with tf.train.MonitoredSession(hooks=hooks) as session:
            session.run(x, {x: np.inf})
        assert order == ["late", "watch", "early", "step"]


class TestStopping:
    def test_request_stop(self):
        one = tf.constant(1)
        with tf.train.MonitoredSession() as session:
            assert session.stop_reason is None
            session.run(one)
            session.request_stop("enough")
            assert session.should_stop()
            assert session.stop_reason == "enough"
            with pytest.raises(RuntimeError, match="Run called even after should_stop requested."):
                session.run(one)

    def test_stop_is_recorded_after_every_hook_was_called(self):
        seen, one = [], tf.constant(1)
        asking, late = tf.train.SessionRunHook(), tf.train.SessionRunHook()
        asking.after_run = lambda context, values: context.request_stop()
        late.after_run = lambda context, values: seen.append((context.stop_requested, session.should_stop()))
        with tf.train.MonitoredSession(hooks=[asking, late]) as session:
            session.run(one)
            assert seen == [(True, False)]
            assert session.should_stop()

    def test_run_steps(self):
        step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
        hook = Noting()
        with tf.train.MonitoredSession(hooks=[hook, tf.train.StopAtStepHook(last_step=5)]) as session:
            assert session.run_steps(step, 3) == 3
            assert session.run_steps(step, 10) == 5
            assert session.run_steps(step, 1) is None
        assert len(hook.got) == 5

    def test_a_thread_stops_the_loop(self):
        one, coords = tf.constant(1), []
        hook = tf.train.SessionRunHook()
        hook.after_create_session = lambda session, coord: coords.append(coord)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run(one)
            thread = threading.Thread(target=coords[0].request_stop)
            thread.start()
            thread.join()
            assert session.should_stop()
            assert session.stop_reason == "the coordinator was asked to stop"


class TestStepFunctions:
    def test_runs_with_and_without_hooks(self):
        x = tf.placeholder(tf.float32, [])
        y, hook = x + 1, Noting()

        def step(step_context):
            assert step_context.session.run(y, {x: 1.0}) == 2
            return step_context.run_with_hooks(y, feed_dict={x: 2.0})

        with tf.train.MonitoredSession(hooks=[hook]) as session:
            assert session.run_step_fn(step) == 3
        assert hook.got == [None]

    def test_stops_by_an_exception_that_ends_the_loop(self):
        tf.constant(1)
        with tf.train.MonitoredSession() as session:
            session.run_step_fn(lambda step_context: step_context.request_stop())
            raise AssertionError("not reached")
        assert session.should_stop()

    def test_methods_have_self(self):
        tf.constant(1)

        class Model:
            def step(self, step_context):
                return self

        model = Model()
        with tf.train.MonitoredSession() as session:
            assert session.run_step_fn(model.step) is model

    def test_arguments_that_are_bound_by_name_or_take_the_rest_do_not_count(self):
        a = tf.constant(3.0)
        with tf.train.MonitoredSession() as session:
            step = functools.partial(lambda step_context, what: step_context.session.run(what), what=a)
            assert session.run_step_fn(step) == 3.0
            assert session.run_step_fn(lambda step_context, *rest, more=2, **others: (rest, more, others)) == (
                (),
                2,
                {},
            )
            with pytest.raises(ValueError, match=r"Got \(\) instead"):
                session.run_step_fn(lambda *step_context: None)

    def test_other_arguments_are_refused(self):
        tf.constant(1)
        with tf.train.MonitoredSession() as session:
            with pytest.raises(ValueError, match="`step_fn` may either have one `step_context` argument"):
                session.run_step_fn(lambda context: None)
            with pytest.raises(ValueError, match=r"Got \('step_context', 'more'\) instead"):
                session.run_step_fn(lambda step_context, more=1: None)


class TestTheRawSession:
    def test_down_the_chain(self):
        tf.constant(1)
        with tf.train.MonitoredSession() as session:
            raw = session.raw_session()
            assert type(raw) is tf.Session
            assert session._tf_sess() is raw
            assert session._sess._sess._sess._sess is raw
            assert session._coordinated_creator.tf_sess is raw
        with tf.Graph().as_default():
            tf.constant(1)
            with tf.train.SingularMonitoredSession() as session:
                assert session._sess._sess._sess is session.raw_session()

    def test_of_a_training_session(self):
        hook = Noting()
        step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
        with tf.train.MonitoredTrainingSession(hooks=[hook]) as session:
            raw = session._tf_sess()
            assert type(raw) is tf.Session
            assert raw is session._sess._sess._sess._sess is session._coordinated_creator.tf_sess
            assert session._hooks == [hook]
            raw.run(step)  # below the hooks
            assert len(hook.got) == 0
            levels = [session._sess, session._sess._sess, session._sess._sess._sess]
            assert [level.run(step) for level in levels] == [2, 3, 4]
            assert len(hook.got) == 3
            assert all(level.graph is session.graph and not level.should_stop() for level in levels)
        assert session._tf_sess() is None and session._sess is None

    def test_hook_stats(self):
        hook, one = Noting(), tf.constant(1)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.hook_stats()
            for _ in range(3):
                session.run(one)
            (stats,) = session.hook_stats()
        assert stats["hook"] is hook
        assert stats["before_run"][0] == stats["after_run"][0] == 3
        assert stats["after_run"][1] > 0

    def test_hook_stats_count_from_when_they_are_asked_for(self):
        hook, due, one = Noting(), Triggered("runs", every=2), tf.constant(1)
        creator = failing(step_errors=(4,))
        with tf.train.MonitoredSession(creator, hooks=[hook, due]) as session:
            session.run(one)
            assert [stats["before_run"] for stats in session.hook_stats()] == [(0, 0.0), (0, 0.0)]
            for _ in range(4):
                session.run(one)
            assert creator.made == 2
            first, second = session.hook_stats()
        # The run that was lost called what stands before the step.
        assert (first["before_run"][0], first["after_run"][0]) == (5, 4)
        assert second["hook"] is due and second["after_run"][0] == 2
        assert session.hook_stats()[0]["after_run"] == first["after_run"]

    def test_runs_without_hooks_go_on_after_a_stop(self):
        one = tf.constant(1)
        with tf.train.MonitoredSession() as session:
            session.request_stop()
            assert session.stop_reason == "request_stop was called"
            assert session.run(one, hooks=False) == 1
        assert session.raw_session() is None
        with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
            session.run(one, hooks=False)

    def test_graph_is_finalized_inside_and_not_after(self, graph):
        tf.constant(1)
        with tf.train.MonitoredSession() as session:
            assert session.graph is graph
            with pytest.raises(RuntimeError, match="Graph is finalized and cannot be modified."):
                tf.constant(2)
        tf.constant(2)

    def test_nothing_is_kept_alive(self):
        one, hook = tf.constant(1), Noting()
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run(one)
            raw = weakref.ref(session.raw_session())
        gone = weakref.ref(session)
        hook.context = None
        del session
        gc.collect()
        assert gone() is None and raw() is None


class TestTrainingSession:
    def test_hooks_of_the_chief_come_first(self):
        one, order = tf.constant(1), []
        mine, chief = tf.train.SessionRunHook(), tf.train.SessionRunHook()
        mine.after_run = lambda context, values: order.append("mine")
        chief.after_run = lambda context, values: order.append("chief")
        with tf.train.MonitoredTrainingSession(hooks=[mine], chief_only_hooks=[chief]) as session:
            session.run(one)
        assert order == ["chief", "mine"]

    def test_a_worker_waits_until_the_model_is_ready(self):
        tf.Variable(1, name="v")
        scaffold = tf.train.Scaffold(ready_for_local_init_op=tf.report_uninitialized_variables())
        with pytest.raises(tf.errors.DeadlineExceededError, match="Session was not ready after waiting 0 secs."):
            tf.train.MonitoredTrainingSession(is_chief=False, scaffold=scaffold, max_wait_secs=0)


class TestRunsInsideHooks:
    def test_a_hook_may_run_the_session_and_change_the_list(self):
        one, late = tf.constant(1), Noting(tf.constant(2))
        hook = Noting(tf.constant(3))

        def before_run(run_context):
            if not late.got:
                session._hooks[:] = [hook, late]
                session.run(one)
                session._hooks[:] = [hook]
            return None

        first = tf.train.SessionRunHook()
        first.before_run = before_run
        with tf.train.MonitoredSession(hooks=[first, hook]) as session:
            assert session.run(one) == 1
            assert session.run(one) == 1
        assert late.got == [2]
        assert hook.got == [3, 3, 3]

    def test_threads_share_a_session(self):
        x = tf.placeholder(tf.float32, [3])
        y, wrong = x * 2, []

        class Pair(tf.train.SessionRunHook):
            def before_run(self, run_context):
                return Args(y)

            def after_run(self, run_context, run_values):
                expected = run_context.original_args.feed_dict[x] * 2
                if not np.array_equal(run_values.results, expected):
                    wrong.append(expected)

        def work(session, i):
            for _ in range(200):
                session.run(y, {x: np.full(3, i, np.float32)})

        with tf.train.MonitoredSession(hooks=[Pair(), tf.train.NanTensorHook(y)]) as session:
            threads = [threading.Thread(target=work, args=(session, i)) for i in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert wrong == []

    @pytest.mark.parametrize("name", ["before_run", "after_run"])
    def test_a_hook_that_closes_the_session(self, name):
        step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
        hook, stop = tf.train.SessionRunHook(), tf.train.StopAtStepHook(last_step=3)
        setattr(hook, name, lambda *args: session.close())
        with tf.train.MonitoredSession(hooks=[hook, stop]) as session:
            if name == "before_run":
                with pytest.raises(RuntimeError, match="Attempted to use a closed Session."):
                    session.run(step)
            else:
                assert session.run(step) == 1
            assert session.should_stop()

    def test_a_hook_that_becomes_another_class(self):
        one, hook = tf.constant(1), tf.train.SessionRunHook()

        def become():
            class Other(Noting):
                pass

            hook.__class__ = Other
            Noting.__init__(hook)

        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run(one)
            for _ in range(3):
                become()
                gc.collect()
                session.run(one)
            assert hook.got == [None]

    def test_callbacks_that_are_no_plain_functions(self):
        one, seen = tf.constant(1), []

        class Static(tf.train.SessionRunHook):
            @staticmethod
            def before_run(run_context):
                seen.append("static")

            @classmethod
            def after_run(cls, run_context, run_values):
                seen.append(cls.__name__)

        class Redirected(tf.train.SessionRunHook):
            def __getattribute__(self, name):
                if name == "after_run":
                    return lambda run_context, run_values: seen.append("redirected")
                return super().__getattribute__(name)

            def after_run(self, run_context, run_values): ...

        with tf.train.MonitoredSession(hooks=[Static(), Redirected()]) as session:
            session.run(one)
        assert seen == ["static", "Static", "redirected"]


@pytest.mark.parametrize("hook", [5, None, "hook"])
def test_what_is_no_hook_is_refused(hook):
    with pytest.raises(AttributeError, match=f"'{type(hook).__name__}' object has no attribute 'begin'"):
        tf.train.MonitoredSession(hooks=[hook])
