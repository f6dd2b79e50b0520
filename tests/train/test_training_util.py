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


def read_nodes():
    return [op.name for op in tf.get_default_graph().get_operations() if op.name.startswith("global_step/")][3:]


@pytest.mark.parametrize("make", [
    lambda directory: tf.train.StopAtStepHook(last_step=1),
    lambda directory: tf.train.StepCounterHook(output_dir=directory),
    lambda directory: tf.train.CheckpointSaverHook(directory, save_steps=1),
    lambda directory: tf.train.SummarySaverHook(save_steps=1, output_dir=directory, summary_op=tf.constant(b"")),
    lambda directory: tf.train.GlobalStepWaiterHook(1),
    lambda directory: tf.train.ProfilerHook(save_steps=1, output_dir=directory),
])  # fmt: skip
def test_hooks_that_begin_leave_the_nodes_that_read_it(tmp_path, make):
    tf.train.create_global_step()
    hook = make(str(tmp_path))
    assert read_nodes() == []
    hook.begin()
    once = read_nodes()
    assert once == [f"global_step/{name}" for name in (
        "IsVariableInitialized", "cond/Switch", "cond/switch_t", "cond/switch_f", "cond/pred_id", "cond/read",
        "cond/read/Switch", "cond/Switch_1", "cond/Merge", "add/y", "add",
    )]  # fmt: skip
    hook.begin()
    assert read_nodes() == once
    tf.set_random_seed(1)
    before = len(tf.get_default_graph().get_operations())
    assert tf.random_normal([]).op.inputs[0].op.inputs[0].op.get_attr("seed2") == before + 3


def test_a_hook_of_a_finalized_graph_adds_nothing():
    tf.train.create_global_step()
    tf.get_default_graph().finalize()
    tf.train.StopAtStepHook(last_step=1).begin()
    assert read_nodes() == []


def test_an_increment_stands_with_the_nodes_of_the_read():
    tf.train.create_global_step()
    added = training_util._increment_global_step(2)
    assert added.op.name == "global_step/AssignAdd"
    assert read_nodes()[-3:] == ["global_step/add", "global_step/AssignAdd/value", "global_step/AssignAdd"]


def test_a_global_step_may_be_a_vector_of_one(executor):
    step = tf.Variable([7], name="global_step")
    with tf.Session() as session:
        session.run(step.initializer)
        found = tf.train.global_step(session, step)
    assert found == 7 and isinstance(found, int)


def test_the_message_of_a_global_step_says_how_replicas_share_it():
    step = tf.train.create_global_step()
    message = step.to_proto()
    assert (message.synchronization, message.aggregation) == (0, 3)
    assert tf.Variable.from_proto(message).aggregation is tf.VariableAggregation.ONLY_FIRST_REPLICA
