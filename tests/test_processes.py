"""A session made before a fork works in `multiprocessing` workers, and goes on working in the parent."""

import multiprocessing
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

import hookloop as tf

WORKERS = 3

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
    pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows"),
]


def product_session(threads):
    """A session whose step is large enough for the pool, its fetch and its feed."""
    x = tf.placeholder(tf.float32, [None, 256])
    w = tf.get_variable("w", [256, 256], initializer=tf.random_normal_initializer(seed=1))
    y = tf.nn.relu(tf.matmul(tf.matmul(x, w), w))
    session = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads))
    session.run(tf.global_variables_initializer())
    return session, y, {x: np.random.RandomState(0).standard_normal((300, 256)).astype(np.float32)}


def answer(pipe, session, fetch, feed, index):
    value = [session.run(fetch, feed) for _ in range(5)][-1]
    with tf.Graph().as_default(), tf.Session() as other:
        own = other.run(tf.constant(index) * 2)
    pipe.send((value.tobytes(), int(own)))
    pipe.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_workers_run_their_parents_session(threads):
    session, fetch, feed = product_session(threads)
    want = session.run(fetch, feed).tobytes()
    fork = multiprocessing.get_context("fork")
    pipes, workers = [], []
    for index in range(WORKERS):
        receiver, sender = fork.Pipe(duplex=False)
        worker = fork.Process(target=answer, args=(sender, session, fetch, feed, index))
        worker.start()
        sender.close()
        pipes.append(receiver)
        workers.append(worker)
        assert session.run(fetch, feed).tobytes() == want  # while the workers run
    for index, (receiver, worker) in enumerate(zip(pipes, workers, strict=True)):
        assert receiver.poll(60), "a worker did not answer"
        value, own = receiver.recv()
        worker.join(60)
        assert (value == want, own, worker.exitcode) == (True, 2 * index, 0)
    assert session.run(fetch, feed).tobytes() == want


def test_a_worker_of_a_worker():
    session, fetch, feed = product_session(2)
    want = session.run(fetch, feed).tobytes()
    fork = multiprocessing.get_context("fork")

    def outer(pipe):
        receiver, sender = fork.Pipe(duplex=False)
        inner = fork.Process(target=answer, args=(sender, session, fetch, feed, 5))
        inner.start()
        pipe.send((receiver.recv(), session.run(fetch, feed).tobytes()))
        inner.join()

    receiver, sender = fork.Pipe(duplex=False)
    worker = fork.Process(target=outer, args=(sender,))
    worker.start()
    assert receiver.poll(60), "the worker did not answer"
    assert receiver.recv() == ((want, 10), want)
    worker.join(60)
    assert worker.exitcode == 0


def test_a_fork_waits_for_decompositions_of_other_threads(monkeypatch):
    """Else NumPy's BLAS, whose threads a fork ends, hangs now and then."""
    svd, begun, ended = np.linalg.svd, threading.Event(), []

    def slow(*arguments, **options):
        begun.set()
        time.sleep(0.5)
        found = svd(*arguments, **options)
        ended.append(True)
        return found

    monkeypatch.setattr(np.linalg, "svd", slow)
    values = tf.svd(tf.placeholder_with_default(np.eye(3), [None, 3]), compute_uv=False)
    with tf.Session() as session:
        thread = threading.Thread(target=session.run, args=(values,))
        thread.start()
        assert begun.wait(60)
        child = os.fork()
        if child == 0:
            os._exit(0 if ended else 1)
        assert os.waitpid(child, 0)[1] == 0
        thread.join()


@pytest.mark.parametrize("lock", ["_lock", "_moving"])
def test_a_child_does_without_the_locks_of_other_threads(lock):
    """A fork while another thread compiles, or runs what may move a variable: the child waited for ever."""
    table = tf.Variable(np.ones(3, np.float32), validate_shape=False)
    total = tf.reduce_sum(table)
    held, done = threading.Event(), threading.Event()
    with tf.Session() as session:
        session.run(table.initializer)

        def hold():
            with getattr(session, lock):
                held.set()
                done.wait(60)

        thread = threading.Thread(target=hold)
        thread.start()
        assert held.wait(60)
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            os._exit(0 if session.run(total) == 3 else 1)
        status = os.waitpid(child, 0)[1]
        done.set()
        thread.join()
        assert (status, session.run(total)) == (0, 3)
