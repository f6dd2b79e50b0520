"""Sessions that are lost and made again, and errors of steps and hooks that are not for that."""

from unittest import mock

import numpy as np
import pytest

import hookloop as tf

from .stand_ins import Noting, Triggered, failing


class TestRecovery:
    def test_a_lost_session_is_made_again_and_the_step_tried_again(self):
        one = tf.constant(1)
        creator = failing(step_errors=(2, 3))
        hook = Noting()
        hook.after_create_session = mock.Mock()
        with tf.train.MonitoredSession(creator, [hook]) as session:
            assert [session.run(one) for _ in range(3)] == [1, 1, 1]
        assert creator.made == 3
        assert hook.after_create_session.call_count == 3
        assert len(hook.got) == 3

    def test_without_hooks_too(self):
        one = tf.constant(1)
        creator = failing(step_errors=(1,))
        with tf.train.MonitoredSession(creator) as session:
            assert session.run(one, hooks=False) == 1
        assert creator.made == 2

    @pytest.mark.parametrize("kind", [tf.errors.AbortedError, tf.errors.UnavailableError])
    @pytest.mark.parametrize("place", ["before_run", "after_run"])
    def test_an_error_of_a_hook(self, kind, place):
        """As in TensorFlow, a hook's error of these classes is a lost session like the step's own."""
        calls = []

        class Losing(tf.train.SessionRunHook):
            def after_create_session(self, session, coord):
                calls.append("create")

            def before_run(self, context):
                self.lose("before_run")

            def after_run(self, context, values):
                self.lose("after_run")

            def end(self, session):
                calls.append("end")

            def lose(self, where):
                calls.append(where)
                if where == place and calls.count(where) == 1:
                    raise kind(None, None, "lost")

        one, creator = tf.constant(1), failing()
        with tf.train.MonitoredSession(creator, [Losing()]) as session:
            assert session.run(one) == 1
        first = ["create", "before_run", "after_run"][: 2 if place == "before_run" else 3]
        assert calls == [*first, "create", "before_run", "after_run", "end"]
        assert creator.made == 2

    def test_many_steps_in_one_call(self):
        one, creator = tf.constant(1), failing(step_errors=(1,))
        with tf.train.MonitoredSession(creator, [Noting()]) as session:
            assert session.run_steps(one, 3) == 1
        assert creator.made == 2

    @pytest.mark.parametrize("kind", [tf.errors.AbortedError, tf.errors.UnavailableError])
    def test_a_step_function_is_called_again_with_the_new_session(self, kind):
        one, creator = tf.constant(1), failing()
        sessions = []

        def step_fn(step_context):
            sessions.append(step_context.session)
            if len(sessions) == 1:
                raise kind(None, None, "lost")
            return step_context.run_with_hooks(one), step_context.session.run(one)

        with tf.train.MonitoredSession(creator) as session:
            assert session.run_step_fn(step_fn) == (1, 1)
            assert sessions[0] is not sessions[1] is session.raw_session()
        assert creator.made == 2

    @pytest.mark.parametrize("place", ["before_run", "after_run", "run"])
    def test_a_session_that_is_lost_in_a_step_with_hooks_has_the_step_function_called_again(self, place):
        one, creator, calls = tf.constant(1), failing(step_errors=(1,) if place == "run" else ()), []

        class Losing(Noting):
            def note(self, name):
                if name == place and not calls[1:]:
                    raise tf.errors.AbortedError(None, None, "lost")

            def before_run(self, context):
                self.note("before_run")

            def after_run(self, context, values):
                self.note("after_run")

        def step_fn(step_context):
            calls.append(step_context.session)
            return step_context.run_with_hooks(one)

        with tf.train.MonitoredSession(creator, [Losing()]) as session:
            assert session.run_step_fn(step_fn) == 1
            assert len(calls) == 2 and calls[1] is session.raw_session()
        assert creator.made == 2

    def test_a_step_function_that_always_fails_is_not_called_for_ever(self):
        tf.constant(1)
        calls = []

        def step_fn(step_context):
            calls.append(1)
            raise tf.errors.AbortedError(None, None, "lost")

        with pytest.raises(tf.errors.AbortedError, match="lost"), tf.train.MonitoredSession(failing()) as session:
            session.run_step_fn(step_fn)
        assert 1 < len(calls) < 1000

    def test_a_singular_session_is_not_made_again(self):
        one = tf.constant(1)
        made = []

        class Lost(tf.train.SessionRunHook):
            def after_create_session(self, session, coord):
                made.append(session)

            def before_run(self, context):
                raise tf.errors.AbortedError(None, None, "lost")

        with pytest.raises(tf.errors.AbortedError, match="lost"):
            with tf.train.SingularMonitoredSession([Lost()]) as session:
                session.run(one)
        assert len(made) == 1

    def test_not_for_ever(self):
        one = tf.constant(1)
        creator = failing(step_errors=range(1000))
        with pytest.raises(tf.errors.AbortedError, match="lost"), tf.train.MonitoredSession(creator) as session:
            session.run(one)
        assert 1 < creator.made < 1000

    def test_a_session_that_cannot_be_made(self):
        tf.constant(1)
        with pytest.raises(tf.errors.UnavailableError, match="nobody there"):
            tf.train.MonitoredSession(failing(tf.errors.UnavailableError(None, None, "nobody there")))

    def test_triggers_go_on_counting(self):
        one = tf.constant(1)
        hook = Triggered("runs", every=3)
        with tf.train.MonitoredSession(failing(step_errors=(3,)), [hook]) as session:
            for _ in range(5):
                session.run(one)
        assert hook.seen == [0, 3]


class TestErrors:
    class Told(tf.train.SessionRunHook):
        def __init__(self):
            self.errors = []

        def on_error(self, session, exception):
            self.errors.append((session is not None, exception))

    @pytest.mark.parametrize("kind", [tf.train.MonitoredSession, tf.train.SingularMonitoredSession])
    def test_hooks_hear_of_an_error_once_and_before_the_user(self, kind):
        x, told = tf.placeholder(tf.float32, [2], name="x"), self.Told()
        with pytest.raises(ValueError, match="x:0") as seen, kind(hooks=[told]) as session:
            try:
                session.run(x, {x: [1.0]})
            finally:
                assert len(told.errors) == 1
        assert told.errors == [(True, seen.value)]

    def test_of_the_program_and_of_other_hooks(self):
        tf.constant(1)
        told = self.Told()
        with pytest.raises(KeyError), tf.train.MonitoredSession(hooks=[told]):
            raise KeyError("by the program")
        ending = tf.train.SessionRunHook()
        ending.end = mock.Mock(side_effect=IndexError("at the end"))
        with tf.Graph().as_default():
            tf.constant(1)
            with pytest.raises(IndexError), tf.train.MonitoredSession(hooks=[told, ending]):
                pass
        assert [type(error) for _, error in told.errors] == [KeyError, IndexError]

    @pytest.mark.parametrize("error", [StopIteration(), tf.errors.OutOfRangeError(None, None, "end of data")])
    def test_a_clean_end_is_none(self, error):
        tf.constant(1)
        told = self.Told()
        with tf.train.MonitoredSession(hooks=[told]) as session:
            raise error
        assert told.errors == []
        assert type(error).__name__ in session.stop_reason

    def test_a_hook_that_fails_to_hear_does_not_hide_the_error(self):
        tf.constant(1)
        deaf = tf.train.SessionRunHook()
        deaf.on_error = mock.Mock(side_effect=RuntimeError("deaf"))
        with pytest.raises(KeyError, match="the error"), tf.train.MonitoredSession(hooks=[deaf]):
            raise KeyError("the error")

    def test_a_closed_session(self):
        one = tf.constant(1)
        session = tf.train.MonitoredSession()
        session.close()
        assert session.should_stop()
        assert session.graph is None
        with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
            session.run(one)

    def test_the_session_is_usable_after_a_failed_step(self):
        x = tf.placeholder(tf.float32, [2], name="x")
        with tf.train.MonitoredSession(hooks=[Noting()]) as session:
            with pytest.raises(ValueError, match="x:0"):
                session.run(x, {x: [1.0]})
            np.testing.assert_array_equal(session.run(x, {x: [1.0, 2.0]}), [1, 2])

    def test_variables_that_nobody_initializes(self):
        v = tf.Variable(1, name="forgotten")
        scaffold = tf.train.Scaffold(init_op=tf.no_op())
        with pytest.raises(
            RuntimeError, match="(?s)Init operations did not make model ready.*not initialized: forgotten"
        ):
            tf.train.SingularMonitoredSession(scaffold=scaffold)
        assert v is not None
