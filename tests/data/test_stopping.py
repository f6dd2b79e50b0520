"""Waiting for elements ends soon after a Ctrl-C, with the step's time limit or with the session; no element is lost by it."""

import gc
import os
import signal
import threading
import time

import numpy as np
import pytest

import hookloop as tf
from hookloop.data.ops import iterator_states

from ..conftest import on_reference

Dataset = tf.data.Dataset
experimental = tf.data.experimental
SOON = 0.1  # seconds
TRIALS = 6  # at most, until one is soon enough: the machine may be busy with other things
MANY, MOST = 1 << 40, 1 << 26


def records(number):
    return Dataset.from_tensors("1.5,2,3").repeat(number).map(lambda line: tf.decode_csv(line, [[0.0]] * 3))


ENDLESS = {
    "shards of a shuffle": lambda: Dataset.range(MANY).shuffle(1000, 1).shard(1 << 36, (1 << 36) - 1),
    "a shuffle's buffer": lambda: Dataset.range(MANY).shuffle(MOST, 1).batch(4),
    "skipping in a shuffle": lambda: Dataset.range(MANY).shuffle(100, 1).skip(1 << 36),
    "skipping rounds": lambda: Dataset.range(3).shuffle(3, 1).repeat().skip(MANY),
    "a shuffle of mapped rows": lambda: Dataset.range(MANY).map(lambda x: x + 1).shuffle(MOST, 1),
    "a shuffle of texts": lambda: Dataset.range(MANY).map(tf.as_string).shuffle(MOST, 1),
    "a filter": lambda: Dataset.range(MANY).filter(lambda x: x < 0).batch(10),
    "skipping mapped rows": lambda: Dataset.range(MANY).map(lambda x: x + 1).skip(MANY - 1),
    "skipping texts": lambda: Dataset.range(MANY).map(tf.as_string).skip(MOST),
    "a batch of mapped rows": lambda: Dataset.range(MANY).map(lambda x: x + 1).batch(1 << 28),
    "a batch of texts": lambda: Dataset.range(MANY).map(tf.as_string).batch(MOST),
    "a window": lambda: Dataset.range(MANY).map(tf.as_string).window(MOST).flat_map(lambda window: window),
    "datasets of nothing": lambda: Dataset.range(MANY).interleave(lambda x: Dataset.range(0), 4),
    "groups": lambda: Dataset.range(MANY).apply(
        experimental.group_by_window(lambda x: x % 2, lambda key, window: window.batch(10), MOST)
    ),
    "what was seen": lambda: Dataset.range(MANY).map(lambda x: 0 * x).apply(experimental.unique()).skip(1),
    "a batch of records": lambda: records(MANY).batch(MOST),
    "skipping records": lambda: records(MANY).skip(MOST),
    "a zip": lambda: Dataset.zip((Dataset.range(MANY).filter(lambda x: x < 0), Dataset.range(4))),
}


def late(name, stop, error, **options):
    """Seconds from what ends a step to its error: the best of a few."""
    best = float("inf")
    for _ in range(TRIALS):
        with tf.Graph().as_default():
            following = ENDLESS[name]().make_one_shot_iterator().get_next()
            session = tf.Session()
            gc.collect()  # Python drops the error of a signal that it sees while it calls back for garbage
            stopped = [time.monotonic() + 0.1]

            def end(session=session, stopped=stopped):
                stopped[0] = time.monotonic()
                stop(session)

            timer = threading.Timer(0.1, end)
            if stop is not None:
                timer.start()
            with pytest.raises(error):
                session.run(following, **options)
                time.sleep(5)  # where a signal came late
            best = min(best, time.monotonic() - stopped[0])
            if stop is not None:
                timer.join()
            session.close()
        if best < SOON:
            break
    return best


@pytest.mark.parametrize("name", ENDLESS)
def test_ctrl_c_ends_a_wait(name, ctrl_c):
    assert late(name, lambda session: os.kill(os.getpid(), signal.SIGINT), KeyboardInterrupt) < SOON


@pytest.mark.parametrize("name", ENDLESS)
def test_a_time_limit_ends_a_wait(name):
    options = tf.RunOptions(timeout_in_ms=100)
    assert late(name, None, tf.errors.DeadlineExceededError, options=options) < SOON


@pytest.mark.parametrize("name", ENDLESS)
def test_closing_ends_a_wait(name):
    assert late(name, lambda session: session.close(), tf.errors.CancelledError) < SOON


def slow(x):
    """The element, after some 0.1 ms of work."""
    many = tf.fill([40000], tf.cast(x, tf.float32))
    return x + tf.cast(0 * tf.reduce_sum(tf.exp(-tf.abs(many))), tf.int64)


FINITE = {
    "shards": lambda: Dataset.range(1 << 22).shuffle(1 << 20, 1).shard(1 << 18, 3).batch(2),
    "skipped": lambda: Dataset.range(1 << 22).shuffle(1 << 10, 1).skip(1 << 21).shard(1 << 18, 3),
    "of batches": lambda: Dataset.range(1 << 24).shuffle(1 << 9, 1).batch(1000).shard(1 << 12, 2).repeat(2),
    "mapped": lambda: Dataset.range(100).map(slow).batch(30),
    "failing": lambda: Dataset.range(100).map(lambda x: 12 // (slow(x) % 17 - 2)).batch(20),
    "shuffled": lambda: Dataset.range(100).map(slow).shuffle(50, 1).batch(20),
    "filtered": lambda: Dataset.range(100).filter(lambda x: slow(x) % 9 > 4).batch(10),
    "zipped": lambda: Dataset.zip((Dataset.range(60).map(slow), Dataset.range(70).map(slow))).batch(25),
    "interleaved": lambda: Dataset.range(9).interleave(lambda x: Dataset.range(8).map(lambda y: slow(x + y)), 3).batch(20),
    "texts": lambda: Dataset.range(60).map(lambda x: tf.as_string(slow(x))).shuffle(20, 1).batch(25),
    "records": lambda: Dataset.range(60).map(lambda x: tf.as_string(slow(x))).map(tf.string_to_number).batch(25),
    "slow records": lambda: Dataset.range(60).map(tf.as_string).map(lambda x: slow(tf.string_to_number(x, tf.int64))).batch(25),
    "failing records": lambda: Dataset.range(60).map(lambda x: tf.as_string(slow(x))).map(
        lambda text: 12 // (tf.string_to_number(tf.regex_replace(text, "7", "?"), tf.int64) % 17 - 2)
    ).batch(20),
    "windows": lambda: Dataset.range(60).map(lambda x: tf.as_string(slow(x))).window(9, 5, 2).flat_map(lambda w: w.batch(4)),
    "scanned": lambda: Dataset.range(60).apply(
        experimental.scan(tf.constant(0, tf.int64), lambda total, x: (total + slow(x), total))
    ).batch(25),
    "grouped": lambda: Dataset.range(60).apply(
        experimental.group_by_window(lambda x: slow(x) % 3, lambda key, window: window.batch(10), 7)
    ),
}  # fmt: skip


def elements(session, following, **options):
    """All elements, errors of elements among them; where the step ends before, it is made again. How often it was, too."""
    found, again = [], 0
    while True:
        try:
            found.append(np.asarray(session.run(following, **options)).tolist())
        except tf.errors.OutOfRangeError:
            return found, again
        except tf.errors.InvalidArgumentError:
            found.append("error")
        except (tf.errors.DeadlineExceededError, KeyboardInterrupt):
            again += 1
            if _taken(session) > len(found):  # the step had it already
                found.append(None)


def _taken(session):
    return sum(state["elements"] + state.get("failed", 0) for state in iterator_states(session).values())


@pytest.mark.parametrize("name", FINITE)
def test_time_limits_lose_no_element(name, executor):
    if executor == "reference" and name in ("shards", "skipped", "of batches"):
        pytest.skip("millions of elements are for compiled code")
    following = FINITE[name]().make_one_shot_iterator().get_next()
    with tf.Session() as first, tf.Session() as second:
        expected, _ = elements(first, following)
        found, again = elements(second, following, options=tf.RunOptions(timeout_in_ms=2))
    assert found == expected
    assert again > 0 and len(expected) > 2


@pytest.mark.parametrize("name", ["shards", "mapped", "filtered"])
def test_ctrl_c_loses_no_element(name, ctrl_c):
    if on_reference() and name == "shards":
        pytest.skip("millions of elements are for compiled code")
    following = FINITE[name]().make_one_shot_iterator().get_next()
    with tf.Session() as session:
        expected, _ = elements(session, following)
    for trial in range(TRIALS):
        thread = threading.Timer(0.003 + 0.001 * trial, os.kill, (os.getpid(), signal.SIGINT))
        with tf.Session() as session:
            try:
                thread.start()
                found, again = elements(session, following)
                thread.join()
                time.sleep(0.1)
            except KeyboardInterrupt:  # it came between two steps
                thread.join()
                continue
        assert [one for one, other in zip(found, expected) if one is not None] == [
            other for one, other in zip(found, expected) if one is not None
        ]
        assert len(found) == len(expected)
        if again:
            break


def test_a_ctrl_c_while_a_batch_is_joined_loses_none(monkeypatch):
    following = Dataset.range(6).map(tf.as_string).batch(2).make_one_shot_iterator().get_next()
    stack, interruptions = np.stack, [KeyboardInterrupt]

    def interrupted_once(column):
        if interruptions:
            raise interruptions.pop()
        return stack(column)

    with tf.Session() as session:
        monkeypatch.setattr(np, "stack", interrupted_once)
        with pytest.raises(KeyboardInterrupt):
            session.run(following)
        assert [session.run(following).tolist() for _ in range(3)] == [[b"0", b"1"], [b"2", b"3"], [b"4", b"5"]]
