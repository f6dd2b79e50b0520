"""The global step before the run that makes a step: what is asserted, TensorFlow 1.15 gives too."""

import pytest
from hookloop.python.training import training_util

import hookloop as tf


def test_without_a_global_step_there_is_none():
    assert training_util._get_or_create_global_step_read() is None


def test_it_is_made_once():
    step = training_util.create_global_step()
    read = training_util._get_or_create_global_step_read()
    assert read.name == "global_step/add:0" and read.dtype == step.dtype.base_dtype
    assert training_util._get_or_create_global_step_read() is read
    tf.add_to_collection(training_util.GLOBAL_STEP_READ_KEY, read)
    with pytest.raises(RuntimeError, match="multiple items in collection global_step_read_op_cache"):
        training_util._get_global_step_read()


def test_it_is_the_value_before_the_step(executor):
    training_util.create_global_step()
    read = training_util._get_or_create_global_step_read()
    one, three = (training_util._increment_global_step(n) for n in (1, 3))
    with tf.train.MonitoredTrainingSession() as session:
        assert [session.run([read, step])[0] for step in (one, three)] == [0, 1]
        assert session.run(read) == 4
