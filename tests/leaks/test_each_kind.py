"""What is made and dropped leaves nothing: no Python object, no block of the C heap. In the tests a few times, by `make soak` 1,000."""

import ctypes
import gc
import os
import sys

import numpy as np
import pytest

import hookloop as tf

from ..conftest import on_reference

# Python 3.10 gives a function a cache of attributes of its own at its 1,024th call: the rounds go on until all have theirs.
TIMES, ROUNDS = (1000, 2) if os.environ.get("HOOKLOOP_SOAK") == "1" else (20, 6 if sys.version_info >= (3, 11) else 60)
# Python's objects, its blocks and bytes of the C heap that are left: less than one of any for each time. Behind it what
# the C library keeps for the next malloc, which it counts as in use.
MOST = TIMES / 2, TIMES / 2, TIMES * 30 + 8192
pytestmark = [
    pytest.mark.skipif(on_reference(), reason="the memory of plans; the reference executor has none"),
    pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="asks glibc what is allocated"),
]


class _Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
    )]  # fmt: skip


def in_use():
    """(Python's objects that the collector knows, Python's blocks, bytes of the C heap)"""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _Mallinfo
    ctypes.pythonapi.PyType_ClearCache()  # it keeps names of attributes
    for _ in range(3):
        gc.collect()
    info = mallinfo()
    return len(gc.get_objects()), sys.getallocatedblocks(), info.uordblks + info.hblkhd


def model():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    loss = tf.reduce_mean(tf.square(tf.matmul(x, tf.get_variable("w", [3, 2]))), name="loss")
    step = tf.train.get_or_create_global_step()
    return x, loss, tf.train.AdamOptimizer().minimize(loss, global_step=step)


FEED = np.ones((4, 3), "f")


def graphs(tmp_path):
    def once():
        with tf.Graph().as_default():
            model()

    return once


def sessions(tmp_path):
    x, loss, train = model()
    init = tf.global_variables_initializer()

    def once():
        with tf.Session() as session:
            session.run(init)
            session.run([train, loss], {x: FEED})

    return once


def sessions_that_nobody_closes(tmp_path):
    x, loss, train = model()
    init = tf.global_variables_initializer()

    def once():
        session = tf.Session()
        session.run(init)
        session.run([train, loss], {x: FEED})

    return once


def hooks(tmp_path):
    class User(tf.train.SessionRunHook):
        def before_run(self, run_context):
            return tf.train.SessionRunArgs("loss:0")

    x, loss, train = model()

    def once():
        made = [User(), tf.train.NanTensorHook(loss), tf.train.StopAtStepHook(num_steps=3), tf.train.FinalOpsHook("w:0"),
                tf.train.LoggingTensorHook(["w:0"], at_end=True)]  # fmt: skip
        with tf.train.MonitoredSession(hooks=made) as session:
            while not session.should_stop():
                session.run(train, {x: FEED})

    return once


def many_steps(tmp_path):
    _, _, train = model()
    x = tf.get_default_graph().get_tensor_by_name("x:0")

    def once():
        with tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(num_steps=5)]) as session:
            session.run_steps([train, "loss:0"], 10, {x: FEED})

    return once


def plans(tmp_path):
    """Plans that differ, of sessions of one graph."""
    x, loss, _ = model()
    made = [loss * float(i) for i in range(3)]
    init = tf.global_variables_initializer()

    def once():
        with tf.Session() as session:
            session.run(init)
            for i in range(3):
                session.run(made[: i + 1], {x: FEED})

    return once


def callables(tmp_path):
    x, loss, train = model()
    session = tf.Session()
    session.run(tf.global_variables_initializer())

    def once():
        session.make_callable([loss, train], [x])(FEED)

    return once


def capsules(tmp_path):
    """Native hooks whose function and data are a capsule's."""
    _, _, train = model()
    x = tf.get_default_graph().get_tensor_by_name("x:0")
    signature = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    name = b"hookloop.hook.v1"

    def once():
        function = signature(lambda context, data: 0)
        capsule = new(ctypes.cast(function, ctypes.c_void_p), name, None)
        hook = tf.train.NativeHook(capsule, fetches=["loss:0"], every_steps=2)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            session.run_steps(train, 3, {x: FEED})
            session.run(train, {x: FEED})

    return once


def datasets(tmp_path):
    dataset = tf.data.Dataset.from_tensor_slices(np.arange(20)).shuffle(5, seed=1).repeat(2).batch(3)
    element = tf.data.make_initializable_iterator(dataset).get_next()
    iterator = tf.data.make_initializable_iterator(dataset)
    element = iterator.get_next()

    def once():
        with tf.Session() as session:
            session.run(iterator.initializer)
            for _ in range(4):
                session.run(element)

    return once


def checkpoints(tmp_path):
    model()
    saver = tf.train.Saver(max_to_keep=2)
    session = tf.Session()
    session.run(tf.global_variables_initializer())

    def once():
        path = saver.save(session, str(tmp_path / "m"), write_meta_graph=False)
        saver.restore(session, path)
        tf.train.load_checkpoint(path).get_tensor("w")

    return once


def writers(tmp_path):
    def once():
        with tf.summary.FileWriter(str(tmp_path)) as writer:
            writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="x", simple_value=1)]), 1)
        for path in tmp_path.iterdir():
            path.unlink()

    return once


def errors(tmp_path):
    """Steps, requests, feeds and imports that fail."""
    x, loss, _ = model()
    refused = tf.gather([1.0, 2.0], tf.placeholder(tf.int32, [1], name="i"))
    session = tf.Session()
    message = tf.get_default_graph().as_graph_def()
    message.node[-1].op = "NoSuchOp"

    def once():
        for attempt in (
            lambda: session.run(loss, {x: FEED}),
            lambda: session.run(refused, {"i:0": [5]}),
            lambda: session.run(loss, {x: "text"}),
            lambda: session.run("none:0"),
            lambda: tf.import_graph_def(message, name=""),  # a scope's name would be used up
        ):
            with pytest.raises((tf.errors.OpError, ValueError, TypeError, KeyError)):
                attempt()

    return once


KINDS = [graphs, sessions, sessions_that_nobody_closes, hooks, many_steps, plans, callables, capsules, datasets, checkpoints, writers, errors]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_made_and_dropped(kind, tmp_path):
    """What is kept for reuse fills up at first; what leaks grows for ever."""
    once, grown = kind(tmp_path), []
    for _ in range(ROUNDS):
        before = in_use()
        for _ in range(TIMES):
            once()
        grown.append([after - was for after, was in zip(in_use(), before)])
        if all(more < most for more, most in zip(grown[-1], MOST)):
            return
    raise AssertionError(f"{TIMES} times leave (objects, blocks, bytes): {grown}")
