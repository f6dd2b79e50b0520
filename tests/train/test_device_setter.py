"""`replica_device_setter`: the device names that TensorFlow 1.15 gives, and errors."""

import importlib.util
import json
from pathlib import Path

import pytest

import hookloop as tf

FIXTURES = Path(__file__).parents[1] / "fixtures"
RECORD = json.loads((FIXTURES / "device_setter.json").read_text())
_spec = importlib.util.spec_from_file_location("device_setter_program", FIXTURES / "device_setter_program.py")
program = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(program)


@pytest.mark.parametrize("name", RECORD)
def test_devices_are_those_of_tensorflow(name):
    assert program.devices(tf, name) == RECORD[name]


@pytest.mark.parametrize("use_resource", [False, True])
def test_slots_take_their_turn_though_they_lie_beside_their_variable(use_resource):
    """A device function is asked of variables made in a scope of colocation too, so the round goes on with them."""
    with tf.device(tf.train.replica_device_setter(ps_tasks=3)):
        w = tf.get_variable("w", [2], use_resource=use_resource)
        tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(w * w))
        tf.get_variable("after", [2], use_resource=use_resource)
        with tf.colocate_with(w.op):
            tf.get_variable("beside", [2], use_resource=use_resource)
        tf.get_variable("last", [2], use_resource=use_resource)
    tasks = {v.op.name: int(v.device[-1]) for v in tf.global_variables()}
    assert tasks == {
        "w": 0, "beta1_power": 0, "beta2_power": 0, "w/Adam": 0, "w/Adam_1": 0, "after": 2, "beside": 0, "last": 1,
    }  # fmt: skip


def test_slots_made_in_a_scope_of_colocation_do_not_take_a_turn():
    """As in TensorFlow, where the scope of variables that a slot stands in begins anew: FTRL makes its slots so."""
    with tf.device(tf.train.replica_device_setter(ps_tasks=3)):
        w = tf.get_variable("w", [2])
        tf.train.FtrlOptimizer(0.1).minimize(tf.reduce_sum(w * w))
        tf.get_variable("after", [2])
        with tf.colocate_with(w.op), tf.variable_scope("inside"):
            beside = tf.get_variable("beside", [2])
            with tf.colocate_with(w.op):
                tf.get_variable("further", [2])
        tf.get_variable("last", [2])
    tasks = {v.op.name: int(v.device[-1]) for v in tf.global_variables()}
    assert tasks == {
        "w": 0, "w/Ftrl": 0, "w/Ftrl_1": 0, "after": 1, "inside/beside": 0, "inside/further": 0, "last": 2,
    }  # fmt: skip
    assert beside.op.colocation_groups() == [b"loc:@w"]


def test_a_variable_beside_what_has_no_device_has_that_of_the_scopes_around():
    without = tf.constant(1.0)
    with tf.device("/job:ps/task:1"), tf.colocate_with(without):
        v = tf.get_variable("v", [2])
        assert v.device == "/job:ps/task:1" and v.op.colocation_groups() == [b"loc:@Const"]
        assert tf.constant(2.0).device == ""
        with tf.device("/job:worker"):
            assert tf.get_variable("u", [2]).device == "/job:worker"


def test_no_tasks_no_function():
    assert tf.train.replica_device_setter() is None
    assert tf.train.replica_device_setter(ps_tasks=0, worker_device="/job:w/task:3") is None
    assert tf.train.replica_device_setter(cluster={"worker": ["d:1"]}) is None


def test_a_graph_with_devices_of_others_runs_here(executor):
    with tf.device(tf.train.replica_device_setter(ps_tasks=2)):
        total = tf.Variable(1.0) + tf.Variable(2.0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(total) == 3.0


def test_not_merging_is_told_of(caplog):
    with caplog.at_level("WARNING", logger="tensorflow"):
        tf.train.replica_device_setter(ps_tasks=1, merge_devices=False)
    assert "It is recommended to set merge_devices=true in replica_device_setter" in caplog.text


def test_wrong_arguments():
    with pytest.raises(TypeError, match="`cluster` must be a dictionary mapping one or more job names"):
        tf.train.replica_device_setter(cluster=5)
    with pytest.raises(TypeError, match="ps_strategy must be callable"):
        tf.train.replica_device_setter(ps_tasks=2, ps_strategy=5)
