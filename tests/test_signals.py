"""Ctrl-C during a step, signals that a program waits for, and fork."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import hookloop as tf

pytestmark = pytest.mark.usefixtures("ctrl_c")

SOON = 0.1  # seconds
TRIALS = 8  # at most, until one is soon enough: the machine may be busy with other things


def interrupted(session, fetches, feed_dict=None):
    """Seconds from a Ctrl-C, sent while the step runs, to the KeyboardInterrupt: the best of a few."""
    best = float("inf")
    for _ in range(TRIALS):
        best = min(best, interrupted_once(session, fetches, feed_dict))
        if best < SOON:
            break
    return best


def interrupted_once(session, fetches, feed_dict):
    sent = []

    def send():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.3, send)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            session.run(fetches, feed_dict)
            time.sleep(5)  # where the signal came late
    finally:
        timer.join()
    return time.monotonic() - sent[0]


def test_an_endless_loop_is_left():
    v = tf.Variable(1)
    endless = tf.while_loop(lambda i: i < 2, lambda i: i * 1, [tf.constant(1)])
    with tf.Session() as session:
        session.run(v.initializer)
        assert interrupted(session, endless) < SOON
        assert session.run(v + 1) == 2


def test_a_long_chain_of_products_is_left_and_changes_nothing():
    v = tf.Variable(0)
    x = tf.placeholder(tf.float32, [None, None])
    y = x
    for _ in range(1000):
        y = tf.matmul(y, x)
    step = tf.assign_add(v, 1 + tf.cast(y[0, 0], tf.int32))
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(step, {x: np.zeros((2, 2), "f")})  # compiles
        assert interrupted(session, step, {x: np.zeros((700, 700), "f")}) < SOON
        assert session.run(v) == 1


@pytest.mark.parametrize("transpose_a", [False, True])
def test_one_long_instruction_is_left(config, transpose_a):
    v = tf.Variable(0)
    x = tf.placeholder(tf.float32, [None, None])
    product = tf.matmul(x, x, transpose_a=transpose_a)
    step = tf.assign_add(v, 1 + tf.cast(product[0, 0], tf.int32))
    with tf.Session(config=config) as session:
        session.run(v.initializer)
        assert interrupted(session, step, {x: np.zeros((8000, 8000), "f")}) < SOON
        assert session.run(v) == 0
        assert (session.run(product, {x: np.full((600, 600), 0.5, "f")}) == 150).all()


@pytest.mark.parametrize("op", [tf.tanh, lambda x: tf.random_normal(tf.shape(x)), lambda x: tf.gather(x, tf.range(9))])
def test_a_few_long_instructions_are_left(config, op):
    x = tf.placeholder(tf.float32, [None, None])
    y = x
    for _ in range(12):
        y = op(y) + x[:9]
    with tf.Session(config=config) as session:
        assert interrupted(session, y, {x: np.zeros((9, 9_000_000), "f")}) < SOON
        assert session.run(y, {x: np.zeros((9, 3), "f")}).shape == (9, 3)


@pytest.mark.parametrize("op", [tf.sort, lambda x: tf.unique(x)[0], tf.cumsum], ids=["sort", "unique", "cumsum"])
def test_one_long_row_is_left(config, op):
    x = tf.placeholder(tf.float64, [None])
    y = op(x)
    with tf.Session(config=config) as session:
        assert interrupted(session, y, {x: np.random.default_rng(0).standard_normal(9_000_000)}) < SOON
        assert session.run(y, {x: np.zeros(3)}).tolist() in ([0, 0, 0], [0])


def test_the_gradient_of_a_dilation_of_one_channel_is_left(config):
    """Windows may write the same elements, so that one channel is one piece of work."""
    x, taps = tf.placeholder(tf.float32, [1, None, None, 1]), tf.placeholder(tf.float32, [None, None, 1])
    (slope,) = tf.gradients(tf.nn.dilation2d(x, taps, [1, 1, 1, 1], [1, 1, 1, 1], "SAME"), x)
    with tf.Session(config=config) as session:
        feed = {x: np.zeros((1, 1500, 1500, 1), "f"), taps: np.zeros((21, 21, 1), "f")}
        assert interrupted(session, slope, feed) < SOON
        assert session.run(slope, {x: np.zeros((1, 2, 3, 1), "f"), taps: np.zeros((1, 1, 1), "f")}).sum() == 6


def test_a_decomposition_is_left():
    x = tf.placeholder(tf.float64, [None, None])
    s = tf.svd(x)[0]
    with tf.Session() as session:
        assert interrupted(session, s, {x: np.random.default_rng(0).standard_normal((900, 900))}) < SOON
        np.testing.assert_allclose(session.run(s, {x: 2 * np.eye(500)}), np.full(500, 2.0))


LEFT = """
import os, signal, time
import numpy as np
import hookloop as tf
def inverse(x):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
    print("done")
    return x
np.linalg.inv = inverse
y = tf.matrix_inverse(tf.placeholder_with_default(np.eye(500), [None, None]))
try:
    tf.Session().run(y)
except KeyboardInterrupt:
    print("left")
"""


def test_a_program_ends_behind_a_decomposition_that_was_left():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", LEFT], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "left\ndone\n"), done.stderr


def test_a_blocking_dequeue_is_left():
    queue = tf.FIFOQueue(1, [tf.int32], shapes=[[]])
    item, put = queue.dequeue(), queue.enqueue(7)
    with tf.Session() as session:
        assert interrupted(session, item) < SOON
        session.run(put)
        assert session.run(item) == 7


FORK = """
import os, sys
import numpy as np
import hookloop as tf
x = tf.placeholder(tf.float32, [None, 512])
w = tf.get_variable("w", [512, 512], initializer=tf.random_normal_initializer(seed=1))
y = tf.matmul(tf.matmul(x, w), w)
config = tf.ConfigProto(intra_op_parallelism_threads=2)
session = tf.Session(config=config)
session.run(tf.global_variables_initializer())
feed = {x: np.ones((512, 512), "f")}
want = session.run(y, feed)
child = os.fork()
if child == 0:
    same = np.array_equal(session.run(y, feed), want)
    other = tf.Session(config=config)
    other.run(tf.global_variables_initializer())
    os._exit(0 if same and other.run(y, feed).shape == (512, 512) else 1)
status = os.waitpid(child, 0)[1]
assert np.array_equal(session.run(y, feed), want)
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 9)
"""


def test_a_child_process_runs_its_parents_session():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


BLOCKED = """
import os, signal
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # NumPy's threads are given signals
import numpy as np
import hookloop as tf
x = tf.placeholder(tf.float32, [None, 512])
y = tf.matmul(x, tf.ones([512, 512]))
with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=4)) as session:
    session.run(y, {x: np.ones((2048, 512), "f")})  # makes the workers
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    os.kill(os.getpid(), signal.SIGTERM)
    session.run(y, {x: np.ones((2048, 512), "f")})
    assert signal.sigtimedwait([signal.SIGTERM], 10).si_signo == signal.SIGTERM
"""


def test_a_signal_that_a_program_waits_for_is_not_given_to_a_worker():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", BLOCKED], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
