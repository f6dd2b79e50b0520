"""Accumulators of gradients and `SyncReplicasOptimizer`, as in TensorFlow 1.15."""

import json
import logging
import threading
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from ..fixtures import sync_replicas_program as programs

RECORD = json.loads((Path(programs.__file__).parent / "sync_replicas.json").read_text())


@pytest.mark.parametrize("program", programs.PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_gathers_gradients_as_in_tensorflow(program, tmp_path, executor):
    lines = programs.play(tf, program, str(tmp_path.resolve()), logging.getLogger("hookloop"))
    assert programs.plain(lines) == RECORD[program.__name__]


def test_a_step_that_is_set_back_is_said(log):
    accumulator = tf.ConditionalAccumulator(tf.float32)
    with tf.Session() as session:
        session.run(accumulator.set_global_step(3))
        session.run(accumulator.set_global_step(2))
    assert "current_global_step_ = 3 >= 2 = new_global_step" in log.text


def test_a_wait_for_gradients_ends_with_the_step_s_time():
    take = tf.ConditionalAccumulator(tf.float32, []).take_grad(1)
    with tf.Session() as session, pytest.raises(tf.errors.DeadlineExceededError):
        session.run(take, options=tf.RunOptions(timeout_in_ms=50))


@pytest.mark.parametrize("dtype", [tf.int32, tf.string])
def test_gradients_are_floats(dtype):
    with pytest.raises(TypeError, match=dtype.name):
        tf.ConditionalAccumulator(dtype)


def test_what_is_handed_out_is_the_accumulator_s_no_more():
    """A gradient that is added later does not change what somebody has taken."""
    accumulator = tf.ConditionalAccumulator(tf.float32, [2], reduction_type="SUM")
    fed = tf.placeholder(tf.float32, [2])
    add, take = accumulator.apply_grad(fed, local_step=9), accumulator.take_grad(1)
    given = np.array([1, 2], "f")
    with tf.Session() as session:
        session.run(add, {fed: given})
        given[:] = 7
        first = session.run(take)
        session.run(add, {fed: [3.0, 4.0]})
        assert session.run(take).tolist() == [3.0, 4.0]
        assert first.tolist() == [1.0, 2.0]


def test_an_unknown_gradient_is_refused():
    v = tf.get_variable("v", initializer=1.0)
    optimizer = tf.train.SyncReplicasOptimizer(tf.train.GradientDescentOptimizer(0.1), 1)
    with pytest.raises(ValueError, match="Unknown grad type!"):
        optimizer.apply_gradients([(3.0, v)], tf.train.get_or_create_global_step())


def test_slots_are_in_checkpoints_of_objects(tmp_path):
    v = tf.get_variable("v", initializer=1.0)
    optimizer = tf.train.SyncReplicasOptimizer(tf.train.MomentumOptimizer(0.1, 0.9), 1)
    optimizer.minimize(v * v, tf.train.get_or_create_global_step())
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = tf.train.Checkpoint(v=v, optimizer=optimizer).save(str(tmp_path / "c"), session=session)
    assert "v/.OPTIMIZER_SLOT/optimizer/momentum/.ATTRIBUTES/VARIABLE_VALUE" in dict(tf.train.list_variables(path))


def test_a_thread_that_is_left_behind_ends_with_its_session_without_an_error():
    """It waits for gradients that nobody hands in any more; the coordinator has stopped waiting for it."""
    v = tf.get_variable("v", initializer=1.0)
    optimizer = tf.train.SyncReplicasOptimizer(tf.train.GradientDescentOptimizer(0.1), 1)
    train_op = optimizer.minimize(v * v, tf.train.get_or_create_global_step())
    before = set(threading.enumerate())
    with tf.train.MonitoredSession(
        hooks=[optimizer.make_session_run_hook(True)], stop_grace_period_secs=0.1
    ) as session:
        session.run(train_op)
        left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(10)
        assert not thread.is_alive()
