"""Threads that stop together."""

import sys
import threading
import time

import pytest

import hookloop as tf


def thread(function):
    made = threading.Thread(target=function, daemon=True)
    made.start()
    return made


def test_stops_threads_and_waits_for_them():
    coord, ended = tf.train.Coordinator(), []

    def work():
        while not coord.should_stop():
            time.sleep(0.001)
        ended.append(1)

    threads = [thread(work) for _ in range(3)]
    for each in threads[1:]:
        coord.register_thread(each)
    coord.request_stop()
    coord.join(threads[:1])
    assert ended == [1, 1, 1] and coord.joined


def test_the_first_error_is_raised_by_join():
    coord = tf.train.Coordinator()

    def fail():
        with coord.stop_on_exception():
            raise ValueError("first")

    worker = thread(fail)
    worker.join()
    coord.request_stop(KeyError("second"))
    with pytest.raises(ValueError, match="first"):
        coord.raise_requested_exception()
    with pytest.raises(ValueError, match="first"):
        coord.join([worker])


def test_a_clean_end_is_no_error():
    coord = tf.train.Coordinator()
    coord.request_stop(tf.errors.OutOfRangeError(None, None, "end"))
    coord.join()
    strict = tf.train.Coordinator(clean_stop_exception_types=())
    try:
        raise tf.errors.OutOfRangeError(None, None, "end")
    except tf.errors.OutOfRangeError:
        strict.request_stop(sys.exc_info())
    with pytest.raises(tf.errors.OutOfRangeError, match="end"):
        strict.join()


def test_threads_that_do_not_stop():
    coord, release = tf.train.Coordinator(), threading.Event()
    slow = thread(release.wait)
    slow.name = "worker"
    coord.request_stop()
    with pytest.raises(RuntimeError, match="Coordinator stopped with threads still running: worker"):
        coord.join([slow], stop_grace_period_secs=0.02)
    coord.join([slow], stop_grace_period_secs=0.02, ignore_live_threads=True)
    release.set()


def test_errors_after_join_are_raised_at_once():
    coord = tf.train.Coordinator()
    coord.join()
    with pytest.raises(ValueError, match="late"):
        coord.request_stop(ValueError("late"))


def test_cleared():
    coord = tf.train.Coordinator()
    coord.request_stop(ValueError("gone"))
    coord.clear_stop()
    assert not coord.should_stop()
    coord.raise_requested_exception()
    assert not coord.wait_for_stop(0.001)


def test_looper_thread():
    coord, calls = tf.train.Coordinator(), []
    tf.train.LooperThread.loop(coord, 0.001, lambda word: calls.append(word), args=("tick",))
    assert coord.wait_for_stop(0.05) is False
    coord.request_stop()
    coord.join()
    assert calls[:3] == ["tick"] * 3
    with pytest.raises(ValueError, match="'coord' argument must be a Coordinator"):
        tf.train.LooperThread(None, 1)


def test_a_reported_error_is_logged_with_its_traceback(caplog):
    caplog.set_level("INFO", "hookloop")
    coordinator = tf.train.Coordinator()
    with coordinator.stop_on_exception():
        raise IndexError("the index")
    (record,) = caplog.records
    assert record.getMessage() == "Error reported to Coordinator: the index"
    assert record.exc_info[0] is IndexError and record.exc_info[2] is not None
    with pytest.raises(IndexError, match="the index"):
        coordinator.join([])


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt("key"), StopIteration("end"), GeneratorExit()])
def test_every_exception_becomes_a_request_to_stop(error):
    coordinator = tf.train.Coordinator()
    with coordinator.stop_on_exception():
        raise error
    assert coordinator.should_stop()
    with pytest.raises(type(error)):
        coordinator.join()


def test_a_looper_thread_that_exits_stops_the_others():
    coordinator = tf.train.Coordinator()
    tf.train.LooperThread.loop(coordinator, 0.01, sys.exit, args=(3,))
    assert coordinator.wait_for_stop(10)
    with pytest.raises(SystemExit, match="3"):
        coordinator.join()


def test_an_error_is_the_one_that_was_given():
    coordinator = tf.train.Coordinator()
    try:
        raise ValueError("handled")
    except ValueError:
        coordinator.request_stop(KeyError("given"))
    with pytest.raises(KeyError, match="given"):
        coordinator.join()
