"""What a training session is left with where saving or restoring fails, and what `save` returns."""

import os
import threading

import pytest

import hookloop as tf


def training(tmp_path, **arguments):
    step = tf.train.get_or_create_global_step()
    train = tf.assign_add(step, 1)
    saver = tf.train.Saver(**arguments)
    return train, saver


def test_save_returns_a_checkpoint_that_exists(tmp_path):
    train, saver = training(tmp_path, pad_step_number=True)
    hook = tf.train.CheckpointSaverHook(str(tmp_path), save_steps=1000, saver=saver)
    with tf.train.SingularMonitoredSession(hooks=[hook]) as session:
        session.run(train)
        path = session.save()
    assert path.endswith("model.ckpt-00000001") and tf.train.checkpoint_exists(path)


def test_a_thread_that_cannot_be_started_is_no_end_of_saving(tmp_path, monkeypatch):
    _train, saver = training(tmp_path, async_save=True)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())

        def refuse(thread):
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="can't start new thread"):
                saver.save(session, str(tmp_path / "m"), global_step=1)
        saver.wait()
        path = saver.save(session, str(tmp_path / "m"), global_step=2)
        saver.wait()
    assert tf.train.checkpoint_exists(path)


class Fails(tf.train.CheckpointSaverListener):
    """Fails in the first save."""

    def __init__(self, error):
        self.error = error

    def before_save(self, session, global_step_value):
        error, self.error = self.error, None
        if error is not None:
            raise error


def test_a_worker_lost_in_the_first_save_is_recovered_from(tmp_path):
    train, saver = training(tmp_path)
    lost = Fails(tf.errors.UnavailableError(None, None, "gone"))
    hook = tf.train.CheckpointSaverHook(str(tmp_path), save_steps=1000, saver=saver, listeners=[lost])
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        assert session.run(train) == 1
    assert lost.error is None


def test_an_error_in_the_first_save_reaches_hooks_and_leaves_no_session(tmp_path):
    told = []

    class Told(tf.train.SessionRunHook):
        def on_error(self, session, error):
            told.append(str(error))

    _train, saver = training(tmp_path)
    hook = tf.train.CheckpointSaverHook(
        str(tmp_path), save_steps=1000, saver=saver, listeners=[Fails(ValueError("full"))]
    )
    with pytest.raises(ValueError, match="full"):
        tf.train.MonitoredSession(hooks=[hook, Told()])
    assert told == ["full"]


def test_a_path_of_bytes_is_its_text(tmp_path):
    v = tf.get_variable("v", initializer=1.0)
    saver, directory = tf.train.Saver(), os.fsencode(tmp_path)
    with tf.Session() as session:
        session.run(v.initializer)
        first = saver.save(session, os.path.join(directory, b"m"), global_step=1)
        second = saver.save(session, str(tmp_path / "m"), global_step=2)
        assert [first, second] == [str(tmp_path / "m-1"), str(tmp_path / "m-2")]
        saver.restore(session, os.fsencode(second))
    assert tf.train.latest_checkpoint(directory) == second
    assert tf.train.checkpoint_exists(os.fsencode(first))
    assert tf.train.load_variable(directory, "v") == 1.0
    for prefix in (os.fsencode(first), tmp_path / "m-2"):
        tf.train.remove_checkpoint(prefix)
        assert not tf.train.checkpoint_exists(prefix)


def test_a_path_that_is_no_text_is_refused_before_anything_is_written(tmp_path):
    v = tf.get_variable("v", initializer=1.0)
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(v.initializer)
        with pytest.raises(ValueError, match=r"expected a path that is text in UTF-8, got '.*\\udcff'"):
            saver.save(session, os.fsencode(tmp_path) + b"/\xff")
        assert list(tmp_path.iterdir()) == []
        assert saver.save(session, tmp_path / "m") == str(tmp_path / "m")
