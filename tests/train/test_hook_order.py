"""Which callbacks are called, in which order, in each way a session can end: as TensorFlow 1.15's record says."""

import json
import os

import pytest

import hookloop as tf

from ..fixtures.hook_order_program import play, scenarios

_RECORD = os.path.join(os.path.dirname(__file__), "..", "fixtures", "hook_order.json")
with open(_RECORD) as file:
    RECORD = json.load(file)

# Where hookloop differs on purpose: a session closed inside its loop ends its hooks once, and leaves quietly; a run that
# has reached its last step takes no further one.
CLOSED = "closed inside the loop"
FINISHED = "a finished run started again"


@pytest.mark.parametrize("name", sorted(n for n in RECORD if not n.endswith((CLOSED, FINISHED))))
def test_callbacks_and_outcome_are_tensorflows(name):
    kind, _, scenario = name.partition(": ")
    assert play(tf, scenarios()[scenario], kind == "MonitoredSession") == RECORD[name]


@pytest.mark.parametrize("recoverable", [True, False])
def test_closing_inside_the_loop_ends_hooks_once(recoverable):
    got = play(tf, scenarios()[CLOSED], recoverable)
    assert got["events"].count(".end") == 3
    assert "without a session" not in got["events"]
    assert got["seen"] is None
    assert not got["finalized"]


@pytest.mark.parametrize("recoverable", [True, False])
def test_a_finished_run_started_again_takes_no_step(recoverable):
    got = play(tf, scenarios()[FINISHED], recoverable)
    assert "before_run" not in got["events"]
    assert got["events"].endswith("loop over | first.end | second.end | third.end | after")
    assert got["seen"] is None and not got["finalized"]


def test_closing_twice_is_an_error():
    with tf.Graph().as_default():
        tf.constant(1)
        session = tf.train.MonitoredSession()
        session.close()
        with pytest.raises(RuntimeError, match="Session is already closed."):
            session.close()


@pytest.mark.parametrize("name", ["before_run", "after_run"])
def test_a_hook_that_is_added_in_a_step_is_called_from_the_next_one_on(executor, name):
    one, late, calls = tf.constant(1), tf.train.SessionRunHook(), []
    late.before_run = lambda context: calls.append("before_run")
    late.after_run = lambda context, values: calls.append("after_run")
    late.end = lambda session: calls.append("end")
    adder = tf.train.SessionRunHook()
    hooks = [adder]
    setattr(adder, name, lambda *arguments: hooks.append(late) if late not in hooks else None)
    with tf.train.MonitoredSession(hooks=hooks) as session:
        session.run(one)
        assert calls == []
        session.run(one)
    assert calls == ["before_run", "after_run", "end"]
