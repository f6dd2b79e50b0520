"""Writing files at once from threads and processes, and what those leave that are killed while they write."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import hookloop as tf
from hookloop.dtypes import as_dtype
from hookloop.files import atomic, bundle, run_state

FLOAT = as_dtype("float32")


def save(prefix, value):
    """A checkpoint of two tensors: every element of both is the value."""
    bundle.write(prefix, [(name, np.full(5000, value, "f"), FLOAT, None) for name in ("v", "w")])


def assert_whole(prefix, values):
    reader = bundle.BundleReader(prefix)
    found = np.concatenate([reader.read("v"), reader.read("w")])
    assert found[0] in values
    np.testing.assert_array_equal(found, np.full(10000, found[0], "f"))


def in_threads(count, work):
    errors = []

    def guarded(i):
        try:
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_threads_that_save_to_one_prefix_leave_one_checkpoint(tmp_path):
    prefix = str(tmp_path / "m")

    def work(i):
        for n in range(20):
            save(prefix, 100 * i + n)

    in_threads(4, work)
    assert_whole(prefix, {100 * i + 19 for i in range(4)})
    assert len(os.listdir(tmp_path)) == 1 + bundle.BundleReader(prefix).shards


def test_a_checkpoint_can_be_read_whenever_a_save_is_over(tmp_path):
    prefix = str(tmp_path / "m")

    def work(i):
        for n in range(20):
            if i == 0:
                with atomic.changing(str(tmp_path)):
                    assert_whole(prefix, set(range(1000)))
            save(prefix, 100 * i + n)

    save(prefix, 0)
    in_threads(3, work)


def test_threads_that_save_with_a_state_leave_the_state_of_the_checkpoint(tmp_path):
    prefix = str(tmp_path / "m")

    def work(i):
        for n in range(10):
            with run_state.written_beside(prefix, {"value": 100 * i + n}):
                save(prefix, 100 * i + n)

    in_threads(3, work)
    assert run_state.read(prefix) == {"value": int(bundle.BundleReader(prefix).read("v")[0])}


def test_savers_of_two_threads_save_to_one_prefix(tmp_path):
    v = tf.get_variable("v", [1000], initializer=tf.zeros_initializer())
    set_v = tf.assign(v, tf.fill([1000], tf.placeholder(tf.float32, [], name="x")))
    graph, savers = tf.get_default_graph(), [tf.train.Saver(), tf.train.Saver(sharded=True)]

    def work(i):
        with tf.Session(graph=graph) as session:
            for n in range(5):
                session.run(set_v, {"x:0": 10 * i + n})
                savers[i].save(session, str(tmp_path / "m"), write_meta_graph=n == 0)

    in_threads(2, work)
    found = tf.train.load_variable(tf.train.latest_checkpoint(str(tmp_path)), "v")
    assert found[0] in (4, 14) and (found == found[0]).all()
    assert not [name for name in os.listdir(tmp_path) if "temp" in name]


PROGRAM = """
import os, sys
import numpy as np
from hookloop.dtypes import as_dtype
from hookloop.files import atomic, bundle, run_state
prefix, mode, begin = sys.argv[1], sys.argv[2], int(sys.argv[3])
if mode == "stop":  # when the bytes are in the file, and not yet on the disk
    os.fsync = lambda handle: (print("writing", flush=True), sys.stdin.read())
for n in range(20):
    bundle.write(prefix, [(name, np.full(5000, begin + n, "f"), as_dtype("float32"), None) for name in ("v", "w")])
"""


def program(prefix, mode, begin=0):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, prefix, mode, str(begin)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
    )  # fmt: skip


def test_processes_that_save_to_one_prefix_leave_one_checkpoint(tmp_path):
    prefix = str(tmp_path / "m")
    programs = [program(prefix, "go", 100 * i) for i in range(2)]
    for each in programs:
        each.communicate(timeout=120)
        assert each.returncode == 0
    assert_whole(prefix, {19, 119})
    assert len(os.listdir(tmp_path)) == 1 + bundle.BundleReader(prefix).shards


def test_what_a_killed_program_left_is_swept_and_what_is_being_written_is_not(tmp_path):
    writing, killed = program(str(tmp_path / "a"), "stop"), program(str(tmp_path / "b"), "stop")
    assert writing.stdout.readline() == killed.stdout.readline() == "writing\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    def temporaries():
        return {name.split(".")[0] for name in os.listdir(tmp_path) if "tempstate" in name}

    assert temporaries() == {"a", "b"}
    save(str(tmp_path / "c"), 1)
    assert temporaries() == {"a"}
    writing.communicate("", timeout=120)
    assert writing.returncode == 0
    assert_whole(str(tmp_path / "a"), {19})
    assert temporaries() == set()


def test_files_of_others_are_left_alone(tmp_path):
    theirs = tmp_path / "m.index.tempstate4711"  # as TensorFlow calls them
    theirs.write_bytes(b"x")
    save(str(tmp_path / "m"), 1)
    atomic.write_atomically(str(tmp_path / "n"), b"x")
    assert theirs.exists()


def test_another_prefix_that_begins_alike_is_left_alone(tmp_path):
    save(str(tmp_path / "m"), 1)
    save(str(tmp_path / "m.data-x"), 2)
    save(str(tmp_path / "m"), 3)
    bundle.remove(str(tmp_path / "m"))
    assert_whole(str(tmp_path / "m.data-x"), {2})


def test_a_child_of_fork_saves_while_a_thread_of_its_parent_does(tmp_path):
    with atomic.changing(str(tmp_path)):
        child = os.fork()
        if child == 0:
            with atomic.changing(str(tmp_path.parent)):
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0


def test_an_error_leaves_what_stood_there(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match="no"), atomic.replacing(str(path)) as file:
        file.write(b"after")
        raise ValueError("no")
    assert path.read_bytes() == b"before" and os.listdir(tmp_path) == ["x"]
    with pytest.raises(tf.errors.NotFoundError, match=r"none/x; No such file or directory"):
        atomic.write_atomically(str(tmp_path / "none" / "x"), b"")
