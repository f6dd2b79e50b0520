"""Disks that are full, gone or read-only: the error says so, the checkpoint before is whole, and training can go on."""

import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from .disk_faults import FAULTS, disk_for

N = 25_000  # elements of the variable: 100 kB


@pytest.fixture(params=list(FAULTS))
def disk(request, tmp_path):
    cause, error, text = FAULTS[request.param]
    with disk_for(request.param, str(tmp_path)) as directory:
        yield directory, cause, error, text
        close_writers()


def model():
    step = tf.train.get_or_create_global_step()
    w = tf.get_variable("w", [N], initializer=tf.zeros_initializer())
    return tf.group(tf.assign_add(step, 1), tf.assign_add(w, tf.ones([N])))


def with_os_errors(error):
    """Also the error of an event file, or of a directory that is made."""
    return (error, OSError) if isinstance(error, type) else (*error, OSError)


def close_writers():
    for writer in tf.summary.FileWriterCache._cache.values():
        with suppress(OSError):
            writer.close()
    tf.summary.FileWriterCache.clear()


def assert_latest(directory, step):
    """The latest checkpoint is that of the step, and nothing half-written lies about."""
    prefix = tf.train.latest_checkpoint(directory)
    assert int(tf.train.load_variable(prefix, "global_step")) == step
    np.testing.assert_array_equal(tf.train.load_variable(prefix, "w"), np.full(N, step, "f"))
    assert not [name for name in os.listdir(directory) if "tempstate" in name or "_temp_" in name]


@pytest.mark.parametrize("same_prefix", [False, True])
def test_a_saver(executor, disk, same_prefix):
    directory, cause, error, text = disk
    more, saver = model(), tf.train.Saver()

    def save(step):
        return saver.save(session, os.path.join(directory, "m"), None if same_prefix else step)

    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(more)
        save(1)
        session.run(more)
        with cause(directory), pytest.raises(error, match=text) as caught:
            save(2)
        assert directory in str(caught.value)
        assert_latest(directory, 1)
        session.run(more)  # the session goes on
        save(3)
        assert_latest(directory, 3)


def test_a_saver_in_a_thread(disk):
    directory, cause, error, text = disk
    more, saver = model(), tf.train.Saver(async_save=True)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(more)
        saver.save(session, os.path.join(directory, "m"), 1)
        saver.wait()
        session.run(more)
        with cause(directory):
            with pytest.raises(error, match=text) as caught:
                saver.save(session, os.path.join(directory, "m"), 2)
                saver.wait()
            assert directory in str(caught.value)
        assert_latest(directory, 1)
        saver.save(session, os.path.join(directory, "m"), 3)
        saver.wait()
        assert saver.last_checkpoints == [os.path.join(directory, f"m-{n}") for n in (1, 3)]


@pytest.mark.parametrize("async_save", [False, True])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_training(disk, async_save):
    directory, cause, error, text = disk
    more = model()
    threads = threading.active_count()

    def session():
        return tf.train.MonitoredTrainingSession(
            checkpoint_dir=directory, save_checkpoint_steps=2, log_step_count_steps=None, save_summaries_steps=None,
            async_save=async_save,
        )  # fmt: skip

    with pytest.raises(with_os_errors(error), match=text) as caught, session() as training:
        for _ in range(3):  # saved at step 2
            training.run(more)
        while not os.path.exists(os.path.join(directory, "model.ckpt-2.meta")):  # written last
            pass
        with cause(directory):
            while True:  # the error surfaces at a step, if not in it then at the next
                training.run(more)
    assert directory in str(caught.value)
    close_writers()
    assert threading.active_count() == threads
    assert_latest(directory, 2)
    with session() as training:  # goes on from there
        training.run(more)
        assert training.run("global_step:0") == 3


def test_a_directory_that_is_gone_is_made_again(executor, tmp_path):
    directory = str(tmp_path / "d")
    more, saver = model(), tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        os.mkdir(directory)
        for step in range(1, 4):
            session.run(more)
            saver.save(session, os.path.join(directory, "m"), step)
            assert_latest(directory, step)
            shutil.rmtree(directory)


@pytest.mark.parametrize("fault", ["small files", "full", "a file"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_event_file(fault, tmp_path):
    cause, _, text = FAULTS[fault]
    large = tf.Summary(value=[tf.Summary.Value(tag="x" * 30_000, simple_value=1)])
    threads = threading.active_count()
    with disk_for(fault, str(tmp_path)) as directory:
        for told_by in ("add", "close"):
            writer = tf.summary.FileWriter(directory)
            with cause(directory):
                with pytest.raises(OSError, match=text) as caught:
                    for step in range(100 if told_by == "add" else 3):
                        writer.add_summary(large, step)
                        if told_by == "add":
                            writer.flush()
                    writer.close()
                assert "events.out.tfevents" in str(caught.value)
                writer.close()  # it has been told
            assert threading.active_count() == threads
    if fault != "a file":
        with tf.summary.FileWriter(directory) as writer:
            writer.add_summary(tf.Summary(), 1)


@pytest.mark.parametrize("fault", ["small files", "full", "read-only", "a file"])
def test_graphs(fault, tmp_path):
    """A graph that cannot be written leaves the one before."""
    cause, error, text = FAULTS[fault]
    model()
    with disk_for(fault, str(tmp_path)) as directory:
        paths = [tf.train.write_graph(tf.get_default_graph(), directory, "g.pbtxt"), os.path.join(directory, "m.meta")]
        tf.train.export_meta_graph(paths[1])
        before = [Path(path).read_bytes() for path in paths]
        tf.constant(np.arange(20_000))
        with cause(directory):
            with pytest.raises(with_os_errors(error), match=text):
                tf.train.write_graph(tf.get_default_graph(), directory, "g.pbtxt")
            with pytest.raises(error, match=text):
                tf.train.export_meta_graph(paths[1])
        assert [Path(path).read_bytes() for path in paths] == before
        with tf.Graph().as_default():
            tf.train.import_meta_graph(paths[1])
