"""Resident memory: flat over many batch sizes, back after one large evaluation, back after sessions are gone."""

import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from ..conftest import on_reference

MB = 1 << 20
pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads resident memory from /proc"),
    pytest.mark.skipif(on_reference(), reason="the memory of plans; the reference executor has none"),
]


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def network(width=64):
    x, y = tf.placeholder(tf.float32, [None, 32]), tf.placeholder(tf.int32, [None])
    h = x
    for i, (n, m) in enumerate([(32, width), (width, width), (width, 4)]):
        h = tf.matmul(h, tf.get_variable(f"w{i}", [n, m])) + tf.get_variable(f"b{i}", [m])
        if i < 2:
            h = tf.nn.relu(h)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=h))
    return x, y, loss, tf.train.AdamOptimizer().minimize(loss)


def batch(n):
    return np.zeros((n, 32), "f"), np.zeros(n, "i")


def test_600_batch_sizes_leave_memory_flat():
    x, y, _, step = network()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())

        def each_size():
            for n in range(1, 601):
                session.run(step, dict(zip((x, y), batch(n))))

        each_size()
        before = resident()
        for _ in range(3):
            each_size()
        assert resident() - before < 2 * MB


def test_memory_falls_back_after_one_large_evaluation():
    x, y, loss, step = network(width=2048)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        small = dict(zip((x, y), batch(16)))
        session.run(step, small)
        before = resident()
        large = dict(zip((x, y), batch(10000)))
        session.run(loss, large)
        grown = resident() - before
        del large
        assert grown > 100 * MB
        for _ in range(2000):
            session.run(step, small)
        assert resident() - before < grown / 4


def test_sessions_and_graphs_leave_nothing():
    def once():
        with tf.Graph().as_default():
            x, y, _, step = network()
            with tf.Session() as session:
                session.run(tf.global_variables_initializer())
                session.run(step, dict(zip((x, y), batch(8))))

    for _ in range(20):
        once()
    gc.collect()
    before = resident()
    for _ in range(100):
        once()
    gc.collect()
    assert resident() - before < 8 * MB


def test_a_plan_that_needs_more_working_memory_leaves_the_others_theirs():
    """Plans of a session share what kernels work in; where one of them moves it, the others go along."""
    rows = tf.placeholder(tf.float32, [None, 2])
    slopes = []
    for segments in (20, 5000):
        means = tf.sparse_segment_mean(rows, np.arange(segments) % 4, np.arange(segments, dtype="int32"))
        slopes.append(tf.gradients(means, rows)[0])  # counts the rows of each segment in working memory
    first, second = slopes
    values = np.ones((4, 2), "float32")
    with tf.Session() as session:
        for _ in range(3):
            np.testing.assert_array_equal(session.run(first, {rows: values}), np.full((4, 2), 5.0))
        session.run(second, {rows: values})
        # What was given back is handed out again, to these among others.
        kept = [np.full(size, 0, "uint8") for size in range(64, 4096, 16) for _ in range(4)]
        for _ in range(3):
            np.testing.assert_array_equal(session.run(first, {rows: values}), np.full((4, 2), 5.0))
        assert not any(array.any() for array in kept)


FIRST_VALUES = """
import sys
import hookloop as tf

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024

tables = [tf.Variable(tf.random_uniform([25_000, 256], -1.0, 1.0, seed=k)) for k in range(4)]
with tf.Session() as session:
    before = peak()
    session.run(tf.global_variables_initializer())
    print(peak() - before)
    first = session.run(tf.stack([tf.reduce_mean(table * table) for table in tables]))
    session.run(tf.global_variables_initializer())
    again = session.run(tf.stack([tf.reduce_mean(table * table) for table in tables]))
    assert abs(first - 1 / 3).max() < 0.01 and abs(again - 1 / 3).max() < 0.01 and (first != again).all()
"""


def test_first_values_take_their_memory_once():
    """100 MB of tables are made before any of them is assigned; the last copies take no more room than they give back."""
    run = subprocess.run([sys.executable, "-c", FIRST_VALUES], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 125
