"""The levels of monitored sessions, each around a session of the program's own."""

import threading

import pytest
from hookloop.python.training import monitored_session as levels

import hookloop as tf

from .stand_ins import Noting


@pytest.fixture
def session():
    tf.constant(0)
    with tf.Session() as session:
        yield session


@pytest.fixture
def fed():
    c = tf.constant(0)
    return c, tf.identity(c)


class Lost:
    """A session that is lost after some runs."""

    def __init__(self, session, runs):
        self.session, self.runs, self.closed = session, runs, False

    def run(self, *args, **kwargs):
        if not self.runs:
            raise tf.errors.AbortedError(None, None, "lost")
        self.runs -= 1
        return self.session.run(*args, **kwargs)

    def close(self):
        self.closed = True


class Creator:
    def __init__(self, sessions):
        self.sessions = list(sessions)

    def create_session(self):
        found = self.sessions.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


class Adder(tf.train.SessionRunHook):
    """Asks for a tensor and feeds one."""

    def __init__(self, fetch=None, feed=None, stops=False):
        self.request, self.stops = tf.train.SessionRunArgs(fetch, feed), stops

    def before_run(self, run_context):
        self.context = run_context
        return self.request

    def after_run(self, run_context, run_values):
        self.values = run_values
        if self.stops:
            run_context.request_stop()


class TestWrapped:
    def test_what_is_below_shows_through(self, session, fed):
        level = levels._WrappedSession(levels._WrappedSession(session))
        assert level.graph is session.graph and level.sess_str == session.sess_str
        assert level.run(fed[1], feed_dict={fed[0]: 5}) == 5

    def test_it_stops_with_what_is_below_or_closed(self, session):
        class Stopping(levels._WrappedSession):
            stops = False

            def _check_stop(self):
                return self.stops

        below = Stopping(session)
        level = levels._WrappedSession(below)
        assert not level.should_stop()
        below.stops = True
        assert level.should_stop()
        below.stops = False
        level.close()
        level.close()
        assert level.should_stop() and level._sess is None

    def test_a_lost_session_is_closed_without_an_error(self, session, monkeypatch):
        lines = []
        monkeypatch.setattr(tf.logging, "warning", lambda text, *values: lines.append(text % values))
        lost = Lost(session, 0)
        lost.close = lost.run
        levels._WrappedSession(lost).close()
        assert "lost" in lines[0]


class TestCoordinated:
    def test_it_stops_with_its_coordinator(self, session, fed):
        coord = tf.train.Coordinator()
        level = levels._CoordinatedSession(session, coord)
        assert level.run(fed[1]) == 0 and not level.should_stop()
        coord.request_stop()
        assert level.should_stop()

    def test_an_error_of_a_run_does_not_stop_it_and_closing_ends_the_threads(self, session):
        coord = tf.train.Coordinator()
        thread = threading.Thread(target=coord.wait_for_stop)
        coord.register_thread(thread)
        thread.start()
        level = levels._CoordinatedSession(session, coord)
        with pytest.raises(TypeError, match="None has invalid type"):
            level.run([None])
        assert not level.should_stop() and thread.is_alive()
        level.close()
        assert not thread.is_alive() and level.should_stop()

    def test_a_lost_worker_of_a_thread_is_the_cause(self, session):
        coord = tf.train.Coordinator()
        coord.request_stop(tf.errors.AbortedError(None, None, "worker"))
        level = levels._CoordinatedSession(session, coord)
        with pytest.raises(tf.errors.AbortedError, match="worker"):
            level.run([None])


class TestRecoverable:
    def test_a_lost_session_is_made_again(self, session, fed):
        c, v = fed
        lost = [Lost(session, 1), Lost(session, 2)]
        creator = Creator([*lost, tf.errors.UnavailableError(None, None, "not yet"), session])
        level = levels._RecoverableSession(creator)
        assert [level.run(v, {c: k}) for k in range(4)] == [0, 1, 2, 3]
        assert not creator.sessions and [one.closed for one in lost] == [True, True]

    def test_a_lost_worker_of_a_thread_makes_it_again(self, session):
        coord = tf.train.Coordinator()
        coordinated = levels._CoordinatedSession(session, coord)
        coord.request_stop(tf.errors.AbortedError(None, None, "worker"))
        level = levels._RecoverableSession(Creator([coordinated, session]))
        assert not level.should_stop() and level._sess is session

    def test_another_error_of_a_thread_stops_it(self, session):
        coord = tf.train.Coordinator()
        coord.request_stop(ValueError("broken"))
        assert levels._RecoverableSession(Creator([levels._CoordinatedSession(session, coord)])).should_stop()

    def test_a_step_function_is_called_again(self, session, fed):
        level = levels._RecoverableSession(Creator([levels._WrappedSession(s) for s in (Lost(session, 0), session)]))
        assert level.run_step_fn(lambda context: context.run_with_hooks(fed[1], {fed[0]: 3}), None, None) == 3


class TestHooked:
    def test_hooks_add_fetches_and_feeds(self, session, fed):
        c, v = fed
        hooks = [Adder(v + 1, {c: 4}), Adder()]
        level = levels._HookedSession(session, hooks)
        assert level.run(v) == 4
        assert [hook.values.results for hook in hooks] == [5, None]
        assert hooks[0].values.options == tf.RunOptions() and hooks[0].values.run_metadata == tf.RunMetadata()
        assert hooks[0].context.session is session and hooks[0].context.original_args == tf.train.SessionRunArgs(v)

    def test_what_the_session_below_is_given(self):
        calls = []

        class Below(levels._WrappedSession):
            def run(self, fetches, **given):
                calls.append((fetches, given))
                return {"caller": 1}

        assert levels._HookedSession(Below(object()), []).run("x", "feed", "options", "metadata") == 1
        assert calls == [({"caller": "x"}, {"feed_dict": "feed", "options": "options", "run_metadata": "metadata"})]

    def test_options_are_joined(self, session, fed):
        hook = Adder()
        hook.request = tf.train.SessionRunArgs(None, options=tf.RunOptions(trace_level=3, timeout_in_ms=70))
        levels._HookedSession(session, [hook]).run(fed[1], options=tf.RunOptions(timeout_in_ms=60000))
        assert (hook.values.options.trace_level, hook.values.options.timeout_in_ms) == (3, 60000)

    def test_it_stops_when_a_hook_asks(self, session, fed):
        level = levels._HookedSession(session, [Adder(stops=True)])
        level.run(fed[1])
        assert level.should_stop()
        with pytest.raises(RuntimeError, match="Run called even after should_stop requested."):
            level.run(fed[1])

    def test_a_tensor_that_is_fed_twice(self, session, fed):
        c, v = fed
        with pytest.raises(RuntimeError, match="Same tensor is fed by two hooks."):
            levels._HookedSession(session, [Adder(feed={c: 1}), Adder(feed={c: 2})]).run(v)
        with pytest.raises(RuntimeError, match="Same tensor is fed by a SessionRunHook and user."):
            levels._HookedSession(session, [Adder(feed={c: 1})]).run(v, {c: 2})


def test_the_chain_of_a_monitored_session():
    tf.constant(0)
    hook = Adder()
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        chain = [session._sess, session._sess._sess, session._sess._sess._sess]
        kinds = (levels._RecoverableSession, levels._CoordinatedSession, levels._HookedSession)
        assert all(isinstance(level, kind) for level, kind in zip(chain, kinds))
        assert chain[2]._hooks == [hook] and chain[2]._sess is session.raw_session()


def test_hooks_alone_around_a_session(session):
    step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    hook = tf.train.StopAtStepHook(num_steps=2)
    hook.begin()
    level = levels._HookedSession(session, [hook])
    session.run(tf.global_variables_initializer())
    hook.after_create_session(session, None)
    seen = []
    while not level.should_stop() and len(seen) < 9:
        seen.append(level.run(step))
    assert seen == [1, 2]


@pytest.mark.parametrize("hooked", [True, False], ids=["hook", "trigger"])
@pytest.mark.parametrize("change", [lambda fetches: fetches.extend(fetches * 50), list.clear], ids=["grows", "shrinks"])
def test_a_list_of_fetches_that_changes_while_the_step_runs_is_refused(hooked, change):
    """The hooks would get what the caller asked for, and the caller what lies behind the values."""
    fetches, one = [], tf.constant(1.0)
    loss = tf.py_func(lambda value: (change(fetches), value)[1], [one], tf.float32, name="changing")
    hook = Noting({"one": one}) if hooked else tf.train.NanTensorHook(loss)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        fetches += [loss, one]
        with pytest.raises(RuntimeError, match="What is fetched changed while the step ran: expected as many elements"):
            session.run(fetches)
        assert session.run([one]) == [1.0]
