"""docs/how-a-run-ends.md: each row of its table is what happens, and except where it says so what TensorFlow 1.15 does."""

import json
import os
import re

import pytest

import hookloop as tf

from ..fixtures.hook_order_program import play, scenarios

HERE = os.path.dirname(__file__)
with open(os.path.join(HERE, "..", "fixtures", "hook_order.json")) as file:
    RECORD = json.load(file)
PLACE = os.path.join(HERE, "..", "..", "docs", "how-a-run-ends.md")
if not os.path.exists(PLACE):
    pytest.skip("docs/ is not there: these are tests of a checkout", allow_module_level=True)
with open(PLACE) as file:
    PAGE = file.read()

ENDS = ("OutOfRangeError", "StopIteration")
LOST = ("AbortedError", "UnavailableError")
OTHER = ("ValueError", "KeyboardInterrupt")
OURS = ("closed inside the loop", "a finished run started again")


def each(kinds, place):
    return [f"{kind} in {place}" for kind in kinds]


# What happens -> the scenarios that go so; "in" a callback is in that of hook B.
ROWS = {
    "the program leaves the loop, 2 steps done": ["the program leaves the loop"],
    "a stop is requested in `before_run` or `after_run` of step 2": [
        "stop requested in before_run", "stop requested in after_run",
    ],
    "a thread asks the coordinator to stop": ["coordinator stopped"],
    "`run` after a stop was requested": ["run after stop was requested"],
    "the program closes the session inside the loop, 2 steps done (ours)": ["closed inside the loop"],
    "a run that has reached its last step is started again (ours)": ["a finished run started again"],
    "OutOfRangeError, StopIteration in the body, 2 steps done": each(ENDS, "the body"),
    "OutOfRangeError, StopIteration in `before_run`": each(ENDS, "before_run"),
    "OutOfRangeError, StopIteration in `after_run`": each(ENDS, "after_run"),
    "OutOfRangeError in step 2": each(ENDS[:1], "the step"),
    "OutOfRangeError, StopIteration in `begin`": each(ENDS, "begin"),
    "OutOfRangeError, StopIteration in `after_create_session`": each(ENDS, "after_create_session"),
    "OutOfRangeError, StopIteration in `end`": each(ENDS, "end"),
    "any other error, Ctrl-C in `begin`": each((*OTHER, *LOST, "InternalError"), "begin"),
    "any other error, Ctrl-C in `after_create_session`": each((*OTHER, "InternalError"), "after_create_session"),
    "any other error, Ctrl-C in `before_run`": each((*OTHER, "InternalError"), "before_run"),
    "any other error, Ctrl-C in `after_run`": each((*OTHER, "InternalError"), "after_run"),
    "any other error, Ctrl-C in step 2": each(("InternalError", "KeyboardInterrupt"), "the step"),
    "any other error, Ctrl-C in the body, 2 steps done": each((*OTHER, *LOST), "the body"),
    "any other error, Ctrl-C in `end`": each((*OTHER, *LOST, "InternalError"), "end"),
    "AbortedError, UnavailableError while the session is made": each(LOST, "create_session"),
    "AbortedError, UnavailableError in `after_create_session`": each(LOST, "after_create_session"),
    "AbortedError, UnavailableError in `before_run`": each(LOST, "before_run"),
    "AbortedError, UnavailableError in `after_run`": each(LOST, "after_run"),
    "AbortedError, UnavailableError in step 2": each(LOST, "the step"),
    "AbortedError, UnavailableError of a thread": [f"{kind} reported to the coordinator" for kind in LOST],
    "any other error of a thread": [f"{kind} reported to the coordinator" for kind in ("OutOfRangeError", "InternalError")],
}  # fmt: skip


def calls(events):
    """The calls of a scenario in short: `begin ABC, step x 2, end AB`."""
    short = []
    for event in events.split(" | "):
        hook, _, callback = event.partition(".")
        letter = {"first": "A", "second": "B", "third": "C"}.get(hook)
        if letter is None:
            short.append("*session made*" if event == "create_session" else event)
        elif short and short[-1].startswith(callback + " ") and letter != "A":
            short[-1] += letter
        else:
            short.append(f"{callback} {letter}")
    text = ", ".join(event for event in short if event not in ("loop over", "after"))
    text = text.replace("before_run ABC, after_run ABC, ran", "*step*")
    text = re.sub(r"\*step\*(?:, \*step\*)+", lambda m: f"*step* x {m[0].count('*step*')}", text)
    return re.sub(r"\b(begin|after_create_session|before_run|after_run|end) ", r"`\1` ", text)


def outcome(scenario, recoverable):
    told = []
    got = play(tf, scenarios()[scenario], recoverable, told)
    sees = "nothing" if got["seen"] is None else "the error" if got["seen"][0] in scenario else got["seen"][0]
    hooks = "".join({"first": "A", "second": "B", "third": "C"}[name] for name, _ in told)
    return f"{calls(got['events'])} | {hooks or '-'} | {sees} | {'finalized' if got['finalized'] else 'open'} |"


@pytest.mark.parametrize("what", ROWS)
def test_a_row_of_the_table(what):
    for scenario in ROWS[what]:
        assert f"| {what} | {outcome(scenario, True)}\n" in PAGE


@pytest.mark.parametrize("scenario", sorted(s for row in ROWS.values() for s in row))
def test_a_session_that_does_not_recover(scenario):
    """Differs only where a worker was lost, or a thread has failed: the error is seen, and `end` is not called."""
    if f"SingularMonitoredSession: {scenario}" not in RECORD:
        return  # it takes no session creator
    lost = scenario.startswith(LOST) and not scenario.endswith(("the body", "begin", "end"))
    got = outcome(scenario, False)
    if lost or scenario == "InternalError reported to the coordinator":
        assert got != outcome(scenario, True)
        assert "`end`" not in got and "| the error |" in got
    else:
        assert got == outcome(scenario, True)


def test_each_row_of_the_page_is_tested():
    rows = re.findall(r"^\| (.*?) \| `begin` A", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(ROWS)


@pytest.mark.parametrize("what", ROWS)
def test_rows_are_tensorflows(what):
    """All but those that say that they are ours."""
    for scenario in ROWS[what]:
        for kind in ("MonitoredSession", "SingularMonitoredSession"):
            name = f"{kind}: {scenario}"
            if name in RECORD:
                same = play(tf, scenarios()[scenario], kind == "MonitoredSession") == RECORD[name]
                assert same == (scenario not in OURS)
                assert ("(ours)" in what) == (scenario in OURS)


def test_on_error_gets_a_session_that_still_runs_and_comes_before_the_user():
    order = []
    hook = tf.train.SessionRunHook()
    hook.after_create_session = lambda session, coord: order.append("made") or 1 / 0
    hook.on_error = lambda session, error: order.append((session.run(one), type(error)))
    with tf.Graph().as_default():
        one = tf.constant(1)
        try:
            tf.train.MonitoredSession(hooks=[hook])
        except ZeroDivisionError:
            order.append("seen")
    assert order == ["made", (1, ZeroDivisionError), "seen"]
