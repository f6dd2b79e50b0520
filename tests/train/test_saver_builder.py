"""Builders of savers: what a subclass overrides decides how a saver saves and restores, with the arguments that TensorFlow's gets."""

import numpy as np
import pytest
from hookloop.python.training import saver as saver_module

import hookloop as tf


class Noting(saver_module.BaseSaverBuilder):
    """Notes its calls; restores each value doubled."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def save_op(self, filename_tensor, saveables):
        self.calls.append(("save_op", filename_tensor.name, [s.name for s in saveables]))
        return super().save_op(filename_tensor, saveables)

    def restore_op(self, filename_tensor, saveable, preferred_shard):
        self.calls.append(("restore_op", filename_tensor.name, saveable.name, preferred_shard))
        return [2 * tensor for tensor in super().restore_op(filename_tensor, saveable, preferred_shard)]

    def sharded_filename(self, filename_tensor, shard, num_shards):
        self.calls.append(("sharded_filename", filename_tensor.name, shard, num_shards.name))
        return super().sharded_filename(filename_tensor, shard, num_shards)


@pytest.mark.parametrize("async_save", [False, True])
def test_a_subclass_says_how_is_restored(executor, tmp_path, async_save):
    v, w = tf.get_variable("v", initializer=[1.0, 2.0]), tf.get_variable("w", initializer=3.0, use_resource=True)
    saver = tf.train.Saver(builder=Noting(), async_save=async_save)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        prefix = saver.save(session, str(tmp_path / "m"))
        saver.restore(session, prefix)
        np.testing.assert_array_equal(session.run(v), [2, 4])
        assert session.run(w) == 6
    np.testing.assert_array_equal(tf.train.load_variable(prefix, "v"), [1, 2])


def test_what_is_called_is_what_tensorflow_calls():
    """As TensorFlow 1.15 calls the same class."""
    with tf.device("/cpu:0"):
        tf.Variable([1.0, 2.0], name="a")
    tf.Variable(3.0, name="b")
    plain, sharded = Noting(), Noting()
    tf.train.Saver(builder=plain)
    tf.train.Saver(builder=sharded, sharded=True)
    assert plain.calls == [
        ("save_op", "save/Const:0", ["a", "b"]),
        ("restore_op", "save/Const:0", "a", -1),
        ("restore_op", "save/Const:0", "b", -1),
    ]
    assert sharded.calls == [
        ("sharded_filename", "save_1/StringJoin:0", 0, "save_1/num_shards:0"),
        ("save_op", "save_1/ShardedFilename:0", ["b"]),
        ("sharded_filename", "save_1/StringJoin:0", 1, "save_1/num_shards:0"),
        ("save_op", "save_1/ShardedFilename_1:0", ["a"]),
        ("restore_op", "save_1/Const:0", "b", 0),
        ("restore_op", "save_1/Const:0", "a", 1),
    ]


def test_a_builder_by_itself_gives_the_message_that_a_saver_is_made_from(tmp_path):
    v = tf.get_variable("v", initializer=5.0)
    definition = saver_module.BulkSaverBuilder().build({"other": v}, max_to_keep=2, name="mine")
    assert (definition.filename_tensor_name, definition.save_tensor_name) == (
        "mine/Const:0",
        "mine/control_dependency:0",
    )
    assert (definition.restore_op_name, definition.max_to_keep) == ("mine/restore_all", 2)
    saver = tf.train.Saver(saver_def=definition)
    with tf.Session() as session:
        session.run(v.initializer)
        prefix = saver.save(session, str(tmp_path / "m"))
    assert tf.train.load_variable(prefix, "other") == 5


class InTwoFiles(saver_module.BaseSaverBuilder):
    """Saves by what is no `SaveV2` node."""

    def save_op(self, filename_tensor, saveables):
        return tf.io.write_file(filename_tensor + ".mine", tf.as_string(saveables[0].specs[0].tensor))


@pytest.mark.parametrize("async_save", [False, True])
def test_a_builder_may_save_in_another_way(tmp_path, async_save):
    v = tf.get_variable("v", initializer=5)
    saver = tf.train.Saver(builder=InTwoFiles(), async_save=async_save)
    with tf.Session() as session:
        session.run(v.initializer)
        saver.save(session, str(tmp_path / "m"))
    assert (tmp_path / "m.mine").read_text() == "5"


def test_what_is_no_builder_is_refused():
    tf.get_variable("v", initializer=5.0)
    with pytest.raises(AttributeError, match="'int' object has no attribute '_build_internal'"):
        tf.train.Saver(builder=3)
