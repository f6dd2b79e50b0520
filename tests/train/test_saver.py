"""Savers: their nodes are TensorFlow's, what they save comes back, and each error says what it is."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hookloop.python.training.saver import BaseSaverBuilder
from hookloop.python.training.tracking.base import VARIABLE_VALUE_KEY, Trackable

import hookloop as tf

FIXTURES = Path(__file__).parent.parent / "fixtures"
NODES = json.loads((FIXTURES / "savers.json").read_text())
PROGRAMS = {
    "basic": lambda: (tf.get_variable("b", [3]), tf.get_variable("a", [2, 2]), tf.train.Saver()),
    "resource": lambda: (tf.get_variable("b", [3], use_resource=True), tf.get_variable("a", [2, 2]), tf.train.Saver()),
    "reshape": lambda: (tf.get_variable("b", [3]), tf.get_variable("r", [2], use_resource=True),
                        tf.train.Saver(reshape=True)),
    "sequential": lambda: (tf.get_variable("b", [3]), tf.get_variable("a", [2, 2]),
                           tf.train.Saver(restore_sequentially=True)),
    "sharded": lambda: (tf.get_variable("b", [3]), tf.get_variable("a", [2, 2]), tf.train.Saver(sharded=True)),
    "dictionary": lambda: tf.train.Saver({"x": tf.get_variable("b", [3]), "w": tf.get_variable("a", [2])}, name="mine"),
    "partitioned": lambda: (tf.get_variable("p", [4, 2], partitioner=tf.fixed_size_partitioner(2)), tf.train.Saver()),
    "builder": lambda: (tf.get_variable("b", [3]), tf.get_variable("p", [4, 2], partitioner=tf.fixed_size_partitioner(2)),
                        tf.train.Saver(builder=BaseSaverBuilder())),
    "builder_sharded": lambda: (tf.get_variable("b", [3]), tf.get_variable("a", [2, 2]),
                                tf.train.Saver(sharded=True, builder=BaseSaverBuilder())),
    "two": lambda: (tf.get_variable("b", [3]), tf.train.Saver(), tf.train.Saver()),
    "empty": lambda: tf.train.Saver(allow_empty=True),
}  # fmt: skip


@pytest.fixture
def variables():
    """Variables of every kind, with values that differ from one call of the initializer to the next."""
    tf.get_variable("w", [3, 4], initializer=tf.random_uniform_initializer())
    tf.get_variable("r", [2], use_resource=True, initializer=tf.random_uniform_initializer())
    tf.get_variable("p", [7, 2], partitioner=tf.fixed_size_partitioner(3), initializer=tf.random_uniform_initializer())
    tf.Variable(np.int64(7), name="step")
    tf.Variable(["ab", ""], name="text")
    return tf.global_variables()


def values_of(session):
    return session.run(tf.global_variables())


def assert_same(found, expected):
    for left, right in zip(found, expected, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("name", PROGRAMS)
def test_nodes_are_tensorflows(name, graph):
    PROGRAMS[name]()
    found = [[op.name, op.type, [i.name for i in op.inputs], sorted(c.name for c in op.control_inputs)]
             for op in graph.get_operations() if "save" in op.name or "mine" in op.name]  # fmt: skip
    assert found == NODES[name]


@pytest.mark.parametrize("arguments", [{}, {"sharded": True}, {"reshape": True}, {"restore_sequentially": True}])
def test_variables_come_back_in_another_session(executor, tmp_path, variables, arguments):
    saver = tf.train.Saver(**arguments)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        expected = values_of(session)
        prefix = saver.save(session, str(tmp_path / "model"), global_step=3)
    assert prefix == str(tmp_path / "model-3")
    with tf.Session() as session:
        saver.restore(session, prefix)
        assert_same(values_of(session), expected)


def test_tensorflows_checkpoint_is_restored(executor):
    rows = tf.get_variable("rows", [70, 5], partitioner=tf.fixed_size_partitioner(2))
    tf.get_variable("float", [2, 3])
    text = tf.Variable([["", ""], ["", ""]], name="text")
    with tf.Session() as session:
        tf.train.Saver().restore(session, str(FIXTURES / "checkpoints" / "single"))
        np.testing.assert_array_equal(session.run(tf.convert_to_tensor(rows)), np.arange(350).reshape(70, 5))
        np.testing.assert_array_equal(session.run("float:0"), np.arange(6).reshape(2, 3))
        assert session.run(text)[1, 0] == b"x" * 300


def test_old_checkpoints_are_removed_and_the_state_file_tells_which_are_kept(tmp_path, variables):
    saver = tf.train.Saver(max_to_keep=2)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for step in range(4):
            saver.save(session, str(tmp_path / "m"), global_step=step)
    kept = [str(tmp_path / f"m-{step}") for step in (2, 3)]
    assert saver.last_checkpoints == kept
    assert sorted({name.split(".")[0] for name in os.listdir(tmp_path)}) == ["checkpoint", "m-2", "m-3"]
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert list(state.all_model_checkpoint_paths) == kept
    assert not state.all_model_checkpoint_timestamps  # as TensorFlow's: files have times
    assert tf.train.latest_checkpoint(str(tmp_path)) == kept[-1]


def test_a_negative_number_of_checkpoints_keeps_the_last_one(tmp_path, variables):
    saver = tf.train.Saver(max_to_keep=-1)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for step in range(2):
            path = saver.save(session, str(tmp_path / "m"), global_step=step)
    assert saver.last_checkpoints == [] and tf.train.get_checkpoint_state(str(tmp_path)).model_checkpoint_path == path


def test_a_meta_graph_may_be_without_the_nodes_of_other_savers(variables):
    savers = [tf.train.Saver(name=name) for name in ("first", "second")]
    with tf.name_scope("third"):
        tf.train.Saver()
    other = tf.constant(1.0, name="secondary")
    for saver in savers:
        own = saver.as_saver_def().save_tensor_name.split("/")[0]
        message = saver.export_meta_graph(clear_extraneous_savers=True)
        scopes = {node.name.split("/")[0] for node in message.graph_def.node}
        assert own in scopes and not scopes & ({"first", "second", "third"} - {own}) and other.op.name in scopes


def test_a_directory_of_checkpoints_can_be_moved(tmp_path, variables):
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        saver.save(session, str(tmp_path / "here" / "m"))
        expected = values_of(session)
    shutil.move(tmp_path / "here", tmp_path / "there")
    found = tf.train.latest_checkpoint(str(tmp_path / "there"))
    assert found == str(tmp_path / "there" / "m")
    with tf.Session() as session:
        saver.restore(session, found)
        assert_same(values_of(session), expected)


def test_one_of_the_old_checkpoints_is_kept_for_ever_every_so_many_hours(tmp_path, variables):
    saver = tf.train.Saver(max_to_keep=1, keep_checkpoint_every_n_hours=1e-9)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for step in range(3):
            saver.save(session, str(tmp_path / "m"), global_step=step, write_meta_graph=False)
    assert {f"m-{step}.index" for step in range(3)} <= set(os.listdir(tmp_path))


def test_checkpoints_of_an_earlier_program_are_taken_over(tmp_path, variables):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        first = tf.train.Saver()
        paths = [first.save(session, str(tmp_path / "m"), global_step=step) for step in range(2)]
        second = tf.train.Saver(max_to_keep=2)
        second.recover_last_checkpoints([*paths, str(tmp_path / "gone")])
        assert second.last_checkpoints == paths
        second.save(session, str(tmp_path / "m"), global_step=2)
    assert not tf.train.checkpoint_exists(paths[0]) and tf.train.checkpoint_exists(paths[1])


def test_a_saver_is_made_from_its_message(tmp_path, variables):
    saver = tf.train.Saver(max_to_keep=3)
    again = tf.train.Saver(saver_def=saver.as_saver_def())
    assert again.as_saver_def() == saver.as_saver_def()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        expected = values_of(session)
        prefix = again.save(session, str(tmp_path / "m"))
        session.run(tf.global_variables_initializer())
        again.restore(session, prefix)
        assert_same(values_of(session), expected)


def test_steps_with_leading_zeros(tmp_path, variables):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        step = tf.train.get_or_create_global_step()
        session.run(step.initializer)
        saver = tf.train.Saver(pad_step_number=True)
        assert saver.save(session, str(tmp_path / "m"), global_step=step).endswith("m-00000000")


@pytest.mark.parametrize(("make", "error", "text"), [
    (lambda v, w: {"x": v, "y": v}, ValueError, "The same saveable will be restored with two names: y"),
    (lambda v, w: [v, v], ValueError, "At least two variables have the same name: v"),
    (lambda v, w: {"x": v, "y": 3}, TypeError, "must be a dict mapping string names to Tensors/Variables. Not a variable: 3"),
    (lambda v, w: [tf.constant(1.0)], TypeError, "Variable to save is not a Variable"),
    (lambda v, w: {"x": [v, w]}, ValueError, "Slices must all be slices"),
    (lambda v, w: {3: v}, TypeError, "Name is not a string: 3"),
    (lambda v, w: 3, TypeError, "should be passed in a dict or a list: 3"),
    (lambda v, w: v, TypeError, "should be passed in a dict or a list: <tf.Variable 'v:0'"),
    (lambda v, w: "v", TypeError, "should be passed in a dict or a list: v"),
])  # fmt: skip
def test_what_cannot_be_saved(make, error, text):
    v, w = tf.Variable([1.0, 2.0], name="v"), tf.Variable(3.0, name="w")
    with pytest.raises(error, match=re.escape(text)):
        tf.train.Saver(make(v, w))


def test_paths_with_the_scheme_of_files(tmp_path):
    v = tf.get_variable("v", initializer=1.0)
    place = f"file://{tmp_path}"
    saver = tf.train.Saver(max_to_keep=1)
    with tf.Session() as session:
        session.run(v.initializer)
        assert [saver.save(session, f"{place}/ck", i) for i in (1, 2)] == [f"{place}/ck-1", f"{place}/ck-2"]
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "checkpoint", "ck-2.data-00000-of-00001", "ck-2.index", "ck-2.meta",
        ]  # fmt: skip
        session.run(v.assign(5.0))
        saver.restore(session, f"{place}/ck-2")
        assert session.run(v) == 1
        with pytest.raises(ValueError, match=f"Parent directory of {place}/no/way/ck doesn't exist"):
            saver.save(session, f"{place}/no/way/ck")
    assert tf.train.latest_checkpoint(place) == f"{place}/ck-2"
    assert tf.train.latest_checkpoint(str(tmp_path)) == f"{tmp_path}/ck-2"
    assert tf.train.checkpoint_exists(f"{place}/ck-2") and not tf.train.checkpoint_exists(f"{place}/ck-1")
    assert tf.train.list_variables(place) == [("v", [])] and tf.train.load_variable(f"{place}/ck-2", "v") == 1
    assert tf.train.write_graph(v.graph, f"{place}/sub", "g.pbtxt") == f"{place}/sub/g.pbtxt"
    assert (tmp_path / "sub" / "g.pbtxt").exists()
    with tf.Graph().as_default():
        tf.train.import_meta_graph(f"{place}/ck-2.meta")
        assert tf.get_default_graph().get_tensor_by_name("v:0") is not None
    tf.train.remove_checkpoint(f"{place}/ck-2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint", "sub"]


def test_a_training_in_a_directory_with_the_scheme_of_files(tmp_path):
    place = f"file://{tmp_path}/run"
    step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    tf.summary.scalar("step", step)
    for last in (2, 4):
        with tf.train.MonitoredTrainingSession(checkpoint_dir=place, save_summaries_steps=1) as session:
            assert [session.run(step) for _ in range(2)][-1] == last
    assert tf.train.latest_checkpoint(place) == f"{place}/model.ckpt-4"
    events = [path for path in (tmp_path / "run").iterdir() if "tfevents" in path.name]
    assert len(list(tf.train.summary_iterator(f"file://{events[0]}"))) > 1


def test_errors_of_building():
    with pytest.raises(
        ValueError, match=r"expected write_version V2 \(2\), the format that is written, or V1 \(1\), got 3"
    ):
        tf.train.Saver([tf.Variable(1.0)], write_version=3)
    with tf.Graph().as_default(), pytest.raises(ValueError, match="No variables to save"):
        tf.train.Saver()
    saver = tf.train.Saver(defer_build=True)
    with pytest.raises(RuntimeError, match=r"`build\(\)` should be called before save if defer_build==True"):
        saver.save(None, "x")


def test_the_old_format_is_written_as_the_new_one(tmp_path, caplog):
    v = tf.Variable(1.0, name="v")
    saver = tf.train.Saver(write_version=tf.train.SaverDef.V1)
    assert "TensorFlow's V1 checkpoint format has been deprecated, and is not written here" in caplog.text
    assert saver.as_saver_def().version == tf.train.SaverDef.V2
    with tf.Session() as session:
        session.run(v.initializer)
        prefix = saver.save(session, str(tmp_path / "m"))
        session.run(v.assign(0.0))
        saver.restore(session, prefix)
        assert session.run(v) == 1
    assert (tmp_path / "m.index").exists()


def test_a_variable_that_is_said_to_be_a_part(tmp_path):
    part = tf.Variable([2.0], name="part")
    part._set_save_slice_info(tf.Variable.SaveSliceInfo("whole", [3], [1], [1]))
    whole = tf.Variable([0.0, 0.0, 0.0], name="whole")
    with pytest.raises(ValueError, match="same name: whole"):
        tf.train.Saver([part, whole])


def test_a_checkpoint_that_is_not_among_those_that_are_kept_is_logged_by_its_whole_path(tmp_path, caplog, monkeypatch):
    variable = tf.Variable(1.0)
    saver = tf.train.Saver(max_to_keep=None)
    logger = tf.logging.get_logger()
    monkeypatch.setattr(logger, "propagate", True)
    with tf.Session() as session, caplog.at_level("INFO", logger=logger.name):
        session.run(variable.initializer)
        prefix = saver.save(session, str(tmp_path / "x"), global_step=3)
    assert f"{prefix} is not in all_model_checkpoint_paths. Manually adding it." in caplog.messages
    assert 'all_model_checkpoint_paths: "x-3"' in (tmp_path / "checkpoint").read_text()


def test_errors_of_saving(tmp_path):
    tf.Variable([1.0, 2.0], name="v")
    saver = tf.train.Saver()
    with tf.Session() as session:
        with pytest.raises(ValueError, match="Parent directory of .* doesn't exist, can't save"):
            saver.save(session, str(tmp_path / "none" / "m"))
        with pytest.raises(ValueError, match="no path specified"):
            saver.save(session, "")
        with pytest.raises(tf.errors.FailedPreconditionError, match="Attempting to use uninitialized value v"):
            saver.save(session, str(tmp_path / "m"))
        with pytest.raises(ValueError, match="'latest_filename' must not contain path components"):
            saver.save(session, str(tmp_path / "m"), latest_filename="a/b")
        with pytest.raises(TypeError, match="'sess' must be a Session; None"):
            saver.save(None, str(tmp_path / "m"))
    assert os.listdir(tmp_path) == []


def test_errors_of_restoring_leave_the_variables_alone(executor, tmp_path):
    v = tf.Variable([1.0, 2.0], name="v")
    w = tf.Variable(5.0, name="w")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        prefix = tf.train.Saver([v]).save(session, str(tmp_path / "m"))
        session.run(v.assign([3.0, 4.0]))
        cases = [
            (tf.train.Saver([v, w]), tf.errors.NotFoundError, "Key w not found in checkpoint"),
            (tf.train.Saver({"v": w}), tf.errors.InvalidArgumentError, "Assign requires shapes of both tensors to match"),
            (tf.train.Saver({"v": tf.Variable([1, 2])}), tf.errors.InvalidArgumentError, "tensor_name = v; expected dtype int32"),
        ]  # fmt: skip
        for saver, error, text in cases:
            with pytest.raises(error, match="Restoring from checkpoint failed") as caught:
                saver.restore(session, prefix)
            assert text in str(caught.value)
        with pytest.raises(ValueError, match="The passed save_path is not a valid checkpoint"):
            saver.restore(session, str(tmp_path / "none"))
        assert not tf.train.checkpoint_exists(str(tmp_path / "away" / "m"))
        with pytest.raises(
            tf.errors.NotFoundError, match=r"away; No such file or directory: it is that of the checkpoint .*away/m"
        ):
            saver.restore(session, str(tmp_path / "away" / "m"))
        for path, what in ((tmp_path, "directory"), (f"{prefix}.index", "file")):
            with pytest.raises(tf.errors.DataLossError, match=f"Unable to open table file .* got the name of a {what}"):
                saver.restore(session, str(path))
        with pytest.raises(ValueError, match="Can't load save_path when it is None"):
            saver.restore(session, None)
        np.testing.assert_array_equal(session.run(v), [3, 4])
        assert session.run(w) == 5


def test_state_files(tmp_path, caplog):
    assert tf.train.get_checkpoint_state(str(tmp_path)) is None
    assert tf.train.latest_checkpoint(str(tmp_path)) is None
    tf.train.update_checkpoint_state(str(tmp_path), "m-3", all_model_checkpoint_paths=["m-1"])
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert list(state.all_model_checkpoint_paths) == [str(tmp_path / name) for name in ("m-1", "m-3")]
    (tmp_path / "checkpoint").write_text("garbage{")
    assert tf.train.get_checkpoint_state(str(tmp_path)) is None
    assert "Checkpoint ignored" in caplog.text
    (tmp_path / "checkpoint").write_text("")
    with pytest.raises(ValueError, match="Invalid checkpoint state loaded from"):
        tf.train.get_checkpoint_state(str(tmp_path))
    with pytest.raises(ValueError, match="Checkpoint timestamps, if provided, must match checkpoint paths"):
        tf.train.update_checkpoint_state(str(tmp_path), "m", all_model_checkpoint_timestamps=[1.0, 2.0])


def test_a_graph_is_written_beside_the_checkpoint(tmp_path, variables):
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        prefix = saver.save(session, str(tmp_path / "m"))
    from tensorboard.compat.proto.meta_graph_pb2 import MetaGraphDef

    message = MetaGraphDef.FromString(Path(prefix + ".meta").read_bytes())
    assert message.saver_def == saver.as_saver_def()
    assert [node.name for node in message.graph_def.node] == [op.name for op in tf.get_default_graph().get_operations()]
    assert len(message.collection_def["variables"].bytes_list.value) == len(tf.global_variables())


@pytest.mark.parametrize("place", ["run", "run/deeper", "./run", "."])
def test_a_relative_directory_is_resumed_from_and_can_be_moved(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    for last in (2, 3):
        with tf.Graph().as_default():
            step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
            hooks = [tf.train.StopAtStepHook(last_step=last)]
            with tf.train.MonitoredTrainingSession(
                checkpoint_dir=place, hooks=hooks, save_checkpoint_steps=1
            ) as session:
                while not session.should_stop():
                    assert session.run(step) <= last
            assert tf.train.latest_checkpoint(place) == os.path.join(place, f"model.ckpt-{last}")
            state = tf.train.get_checkpoint_state(place)
            assert [*state.all_model_checkpoint_paths] == [
                os.path.join(place, f"model.ckpt-{i}") for i in range(last + 1)
            ]
    tf.summary.FileWriterCache.clear()  # the directory moves
    names = [line for line in Path(place, "checkpoint").read_text().splitlines() if "path" in line]
    assert names and not any("/" in line for line in names)
    elsewhere = tmp_path.parent / (tmp_path.name + "-moved")
    (tmp_path / place).resolve().rename(elsewhere)
    assert tf.train.load_variable(str(elsewhere), "global_step") == 3


def test_relative_prefixes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.makedirs("a")
    tf.get_variable("v", initializer=3.0)
    saver = tf.train.Saver(max_to_keep=2)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for number in range(3):
            assert saver.save(session, "a/model", global_step=number) == f"a/model-{number}"
        assert saver.last_checkpoints == ["a/model-1", "a/model-2"]
        assert tf.train.latest_checkpoint("a") == "a/model-2"
        saver.restore(session, tf.train.latest_checkpoint("a"))
        tf.train.Saver().save(session, "./here")
        assert tf.train.latest_checkpoint(".") == "./here"
    tf.train.update_checkpoint_state("a", "a/model-1", ["a/model-2", "a/model-1"])
    assert tf.train.latest_checkpoint("a") == "a/model-1"
    assert 'model_checkpoint_path: "model-1"' in Path("a/checkpoint").read_text()


def test_a_resource_variable_of_another_shape(executor, tmp_path):
    tf.get_variable("w", [4], use_resource=True)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(session, str(tmp_path / "m"))
    with tf.Graph().as_default(), tf.Session() as session:
        w = tf.get_variable("w", [5], use_resource=True)
        saver = tf.train.Saver()
        text = r"mismatch between the current graph(.|\n)*Assign requires shapes of both tensors to match. lhs shape= \[5\] rhs shape= \[4\]"
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            saver.restore(session, prefix)
        session.run(w.initializer)
        assert session.run(w).shape == (5,)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_one_directory_is_made_and_none_above_it(tmp_path, asynchronous):
    variable = tf.Variable(1.0)
    saver = tf.train.Saver(async_save=asynchronous)

    def save(prefix):
        saver.save(session, str(prefix))
        saver.wait()

    with tf.Session() as session:
        session.run(variable.initializer)
        save(tmp_path / "made" / "x")
        assert tf.train.checkpoint_exists(str(tmp_path / "made" / "x"))
        with pytest.raises(ValueError, match="Parent directory of .*none/above/x doesn't exist, can't save"):
            save(tmp_path / "none" / "above" / "x")
        save(tmp_path / "made" / "y")


def test_a_file_in_the_place_of_the_directory(tmp_path):
    (tmp_path / "file").write_text("text")
    variable = tf.Variable(1.0)
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(variable.initializer)
        with pytest.raises(ValueError, match="Parent directory of .*file/x doesn't exist, can't save"):
            saver.save(session, str(tmp_path / "file" / "x"))
        saver.save(session, str(tmp_path / "x"))


def test_debug_info_is_no_file(tmp_path):
    tf.get_variable("v", initializer=1.0)
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        saver.save(session, str(tmp_path / "model"), save_debug_info=True)
    assert not list(tmp_path.glob("*.debug"))
    assert list(tmp_path.glob("*.meta"))


def test_nodes_of_resource_variables_on_other_devices():
    """Recorded from TensorFlow 1.15: parts are read where their task writes files, and assigned where they are."""
    with tf.device("/job:ps/device:GPU:0"):
        parts = tf.get_variable("v", [4, 2], use_resource=True, partitioner=tf.fixed_size_partitioner(2))
        whole = tf.get_variable("r", [2], use_resource=True)
    tf.train.Saver({"v": parts, "x": whole})
    found = {op.name.removeprefix("save/"): op for op in tf.get_default_graph().get_operations() if "save/" in op.name}
    devices = {
        "Read/ReadVariableOp": "GPU", "Identity": "GPU", "Identity_1": "CPU",
        "Read_1/ReadVariableOp": "GPU", "Identity_2": "GPU", "Identity_3": "CPU",
        **{f"Identity_{i}": "GPU" for i in (4, 5, 6)}, "restore_all": "GPU",
        **dict.fromkeys(("AssignVariableOp", "AssignVariableOp_1", "AssignVariableOp_2"), "GPU"),
    }  # fmt: skip
    assert {name: op.device for name, op in found.items() if name in devices} == {
        name: f"/job:ps/device:{kind}:0" for name, kind in devices.items()
    }
    saved = [tensor.name for tensor in found["SaveV2"].inputs[3:]]
    assert saved == ["save/Identity_1:0", "save/Identity_3:0", "r/Read/ReadVariableOp:0"]
    assert len(found) == 10 + len(devices)


def test_the_file_of_a_checkpoints_graph():
    from hookloop.python.training.checkpoint_management import meta_graph_filename

    assert meta_graph_filename("a/model-3") == meta_graph_filename("a/model-3-?????-of-00005") == "a/model-3.meta"
    assert meta_graph_filename("model-3-00001-of-00002", "graph") == "model-3.graph"


def test_of_several_faults_of_a_list_the_first_by_name_is_named():
    first, second, part = (tf.Variable([1.0], name=name) for name in ("a", "b", "c"))
    part._set_save_slice_info(tf.Variable.SaveSliceInfo("b", [1], [0], [1]))
    with pytest.raises(ValueError, match="At least two variables have the same name: a"):
        tf.train.Saver([first, second, part, first])
    with pytest.raises(ValueError, match="Mixing slices and non-slices with the same name: b"):
        tf.train.Saver([first, part, second])


def test_objects_that_say_what_they_save(tmp_path):
    class Owner(Trackable):
        def __init__(self, **own):
            self._own = own

        def _gather_saveables_for_checkpoint(self):
            return self._own

    class Doubled(BaseSaverBuilder.SaveableObject):
        def __init__(self, variable, name):
            super().__init__(variable, [BaseSaverBuilder.SaveSpec(variable * 2.0, "", name)], name)

        def restore(self, restored_tensors, restored_shapes):
            return tf.assign(self.op, restored_tensors[0] / 2.0)

    a, b = tf.Variable(1.0, name="a"), tf.Variable(2.0, name="b")
    doubled = [lambda name="alone": Doubled(a, name), lambda name="other": Doubled(b, name)]
    cases = [
        ([Owner(**{VARIABLE_VALUE_KEY: a}, more=b)], ["a", "b"]),
        ([Owner(x=doubled[0], y=doubled[1])], ["alone", "other"]),
        ({"v": Owner(x=doubled[0], y=doubled[1])}, ["v_x", "v_y"]),
        ({"v": Owner(VARIABLE_VALUE=doubled[0], y=b)}, ["b:0", "v"]),
    ]
    with tf.Session() as session:
        for number, (var_list, names) in enumerate(cases):
            saver = tf.train.Saver(var_list)
            session.run(tf.global_variables_initializer())
            path = saver.save(session, str(tmp_path / f"m{number}"), write_meta_graph=False)
            assert [name for name, _ in tf.train.list_variables(path)] == names
            session.run([a.assign(7.0), b.assign(7.0)])
            saver.restore(session, path)
            assert session.run([a, b]) == ([1.0, 2.0] if len(names) == 2 else [1.0, 7.0])
