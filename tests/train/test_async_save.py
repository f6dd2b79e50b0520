"""Checkpoints that a thread writes: what they hold, who hears of an error, who waits."""

import os
import threading
import traceback

import numpy as np
import pytest

import hookloop as tf
from hookloop.files import bundle


class Gate:
    """Holds back, or fails, what is written."""

    def __init__(self, monkeypatch):
        self.open, self.reached, self.error, self.writing, self.most = threading.Event(), threading.Event(), None, 0, 0
        self._write = bundle.write
        monkeypatch.setattr(bundle, "write", self.write)

    def write(self, prefix, items):
        self.writing += 1
        self.most = max(self.most, self.writing)
        self.reached.set()
        try:
            assert self.open.wait(60)
            if self.error is not None:
                raise self.error
            self._write(prefix, items)
        finally:
            self.writing -= 1


@pytest.fixture
def gate(monkeypatch):
    return Gate(monkeypatch)


def full():
    return tf.errors.ResourceExhaustedError(None, None, "m.data: No space left on device")


def test_what_is_saved_is_what_was_when_it_was_asked_for(executor, tmp_path, gate):
    w = tf.get_variable("w", [3], initializer=tf.zeros_initializer())
    t = tf.get_variable("t", initializer=["a", "b"])
    more = tf.group(tf.assign_add(w, tf.ones([3])), tf.assign(t, ["c", "d"]))
    saver = tf.train.Saver(async_save=True)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        prefix = saver.save(session, str(tmp_path / "m"), 3)
        assert prefix == str(tmp_path / "m-3")
        assert not tf.train.checkpoint_exists(prefix)
        session.run(more)
        gate.open.set()
        saver.wait()
        assert tf.train.latest_checkpoint(str(tmp_path)) == prefix
        assert os.path.exists(prefix + ".meta")
        saver.restore(session, prefix)
        assert session.run(w).tolist() == [0, 0, 0]
        assert session.run(t).tolist() == [b"a", b"b"]


def test_parts_and_shards_are_saved(tmp_path):
    with tf.variable_scope("p", partitioner=tf.fixed_size_partitioner(2)):
        p = tf.get_variable("p", [4, 2], initializer=tf.ones_initializer())
    with tf.device("/cpu:1"):
        tf.get_variable("q", initializer=[1, 2])
    saver = tf.train.Saver(sharded=True, async_save=True)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        prefix = saver.save(session, str(tmp_path / "m"))
        saver.wait()
        np.testing.assert_array_equal(tf.train.load_variable(prefix, "p/p"), np.ones([4, 2]))
        assert tf.train.load_variable(prefix, "q").tolist() == [1, 2]
        session.run(tf.global_variables_initializer())
        saver.restore(session, prefix)
        assert session.run(p.as_tensor()).sum() == 8


def test_one_thing_is_written_at_a_time_and_closing_waits(tmp_path, gate):
    tf.get_variable("w", initializer=1.0)
    saver = tf.train.Saver(async_save=True)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        saver.save(session, str(tmp_path / "m"), 1)
        assert gate.reached.wait(60)
        threading.Timer(0.05, gate.open.set).start()
        saver.save(session, str(tmp_path / "m"), 2)
    assert gate.most == 1
    assert saver.last_checkpoints == [str(tmp_path / "m-1"), str(tmp_path / "m-2")]
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "m-2")


@pytest.mark.parametrize("what", ["save", "wait", "restore"])
def test_an_error_is_raised_by_what_comes_next(tmp_path, gate, what):
    tf.get_variable("w", initializer=1.0)
    saver = tf.train.Saver(async_save=True)
    gate.open.set()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        good = saver.save(session, str(tmp_path / "m"), 1)
        saver.wait()
        gate.error = full()
        saver.save(session, str(tmp_path / "m"), 2)
        with pytest.raises(tf.errors.ResourceExhaustedError, match="No space left on device"):
            {
                "save": lambda: saver.save(session, str(tmp_path / "m"), 3), "wait": saver.wait,
                "restore": lambda: saver.restore(session, good),
            }[what]()  # fmt: skip
        gate.error = None
        saver.wait()
        saver.save(session, str(tmp_path / "m"), 4)
    assert saver.last_checkpoints == [good, str(tmp_path / "m-4")]


def monitored(tmp_path, **arguments):
    step = tf.train.get_or_create_global_step()
    more = tf.assign_add(step, 1)
    return more, tf.train.MonitoredTrainingSession(
        checkpoint_dir=str(tmp_path), save_checkpoint_steps=2, async_save=True, log_step_count_steps=None, **arguments
    )


@pytest.mark.parametrize("way", ["run", "run_steps"])
def test_an_error_is_raised_by_the_next_step_and_only_there(executor, tmp_path, gate, way):
    gate.open.set()
    more, session = monitored(tmp_path)
    run = session.run if way == "run" else lambda fetches: session.run_steps(fetches, 1)
    with session:
        run(more)
        session._saver().wait()
        gate.error = full()
        run(more)
        thread = session._saver()._writer._thread
        thread.join()
        assert session.should_stop()
        with pytest.raises(tf.errors.ResourceExhaustedError, match="No space left on device"):
            run(more)
        gate.error = None
        assert not session.should_stop()
        assert run(more) == 3
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "model.ckpt-3")


def test_closing_raises_an_error_that_no_step_has_raised(tmp_path, gate):
    gate.open.set()
    more, session = monitored(tmp_path)
    session.run(more)
    session._saver().wait()
    gate.error = full()
    with pytest.raises(tf.errors.ResourceExhaustedError, match="No space left on device"):
        session.close()
    assert session.should_stop()
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "model.ckpt-0")


def test_a_session_that_an_error_ends_waits_for_the_thread(tmp_path, gate):
    _, session = monitored(tmp_path)
    threading.Timer(0.05, gate.open.set).start()
    with pytest.raises(KeyError), session:
        raise KeyError
    assert tf.train.latest_checkpoint(str(tmp_path)) == str(tmp_path / "model.ckpt-0")


def test_listeners_hear_of_files_that_are_there(tmp_path):
    class Looking(tf.train.CheckpointSaverListener):
        found = []

        def after_save(self, session, step):
            self.found.append((int(step), tf.train.checkpoint_exists(str(tmp_path / f"model.ckpt-{step}"))))

    more = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    hook = tf.train.CheckpointSaverHook(str(tmp_path), save_steps=2, listeners=[Looking()], async_save=True)
    with tf.train.SingularMonitoredSession(hooks=[hook]) as session:
        for _ in range(5):
            session.run(more)
    assert Looking.found == [(0, True), (2, True), (4, True), (5, True)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_does_not_wait_for_its_parents_thread(tmp_path, gate):
    tf.get_variable("w", initializer=1.0)
    saver = tf.train.Saver(async_save=True)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        saver.save(session, str(tmp_path / "m"), 1)
        assert gate.reached.wait(60)
        child = os.fork()
        if child == 0:
            try:
                saver.wait()
                gate.open.set()
                saver.save(session, str(tmp_path / "child" / "m"), 1)
                saver.wait()
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        status = os.waitpid(child, 0)[1]
        gate.open.set()
        assert status == 0
        saver.wait()
        assert tf.train.checkpoint_exists(str(tmp_path / "m-1"))
    assert tf.train.checkpoint_exists(str(tmp_path / "child" / "m-1"))
