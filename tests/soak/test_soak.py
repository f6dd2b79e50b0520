"""What only time shows, in a small dose; `make soak` takes the large one."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from ..conftest import on_reference

LARGE = os.environ.get("HOOKLOOP_SOAK") == "1"
MB = 1 << 20
in_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads resident memory from /proc")


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def training(hooks, directory=None, features=5):
    """A linear regression with Adam, its input and its monitored session."""
    step = tf.train.get_or_create_global_step()
    data = np.random.RandomState(0).rand(64, features).astype("f")
    x = (
        tf.data.Dataset.from_tensor_slices(data)
        .shuffle(64, seed=1)
        .repeat()
        .batch(8)
        .make_one_shot_iterator()
        .get_next()
    )
    w = tf.get_variable("w", [features, 1])
    loss = tf.reduce_mean((tf.matmul(x, w) - 1.0) ** 2)
    operation = tf.train.AdamOptimizer().minimize(loss, global_step=step)
    hooks = [hook(loss) for hook in hooks]
    session = tf.train.MonitoredTrainingSession(
        checkpoint_dir=directory, hooks=hooks, log_step_count_steps=None, save_summaries_steps=None
    )
    return session, operation, loss


HOOKS = [
    lambda loss: tf.train.NanTensorHook(loss),
    lambda loss: tf.train.LoggingTensorHook([loss], every_n_iter=1000),
    lambda loss: tf.train.StepCounterHook(1000),
    lambda loss: tf.train.FinalOpsHook(loss),
    lambda loss: tf.train.StopAtStepHook(last_step=10**9),
]


def test_a_program_killed_while_it_saves_leaves_a_checkpoint_that_loads(tmp_path):
    root = Path(__file__).parent.parent.parent
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.soak.saves", str(tmp_path), str(200 if LARGE else 8)],
        check=True, cwd=root, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip


@in_proc
@pytest.mark.parametrize("way", ["run", "run_steps", "user hook"])
def test_memory_is_constant_over_steps(way):
    class User(tf.train.SessionRunHook):
        def before_run(self, run_context):
            return tf.train.SessionRunArgs("loss_of_user:0")

    hooks = HOOKS
    if way == "user hook":
        hooks = [*HOOKS, lambda loss: tf.identity(loss, "loss_of_user") is not None and User()]
    session, operation, loss = training(hooks)
    steps = 1_000_000 if LARGE else 20_000
    if on_reference():
        steps = 500

    def go(count):
        if way == "run_steps":
            session.run_steps([operation, loss], count)
            return
        for _ in range(count):
            session.run([operation, loss])

    def growth():
        before = resident()
        go(steps)
        gc.collect()
        return resident() - before

    with session:
        go(steps // 10)
        gc.collect()
        # What steps leave comes each time, what else the process takes does not.
        assert any(growth() < 2 * MB for _ in range(3))


@in_proc
def test_sessions_graphs_hooks_and_plans_leave_the_process_as_it_was(tmp_path):
    def once():
        with tf.Graph().as_default():
            session, operation, loss = training(HOOKS, str(tmp_path))
            with session:
                for _ in range(3):
                    session.run([operation, loss])
                session.run(loss)

    for _ in range(10):
        once()
    gc.collect()
    before = resident()
    for _ in range(1000 if LARGE else 20):
        once()
    gc.collect()
    assert resident() - before < 8 * MB
    tf.summary.FileWriterCache.clear()
