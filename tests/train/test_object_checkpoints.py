"""`tf.train.Checkpoint` and `CheckpointManager`: objects in checkpoints, as TensorFlow 1.15 saves and restores them."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from ..fixtures import object_checkpoint_program as programs

HERE = Path(programs.__file__).parent
RECORD = json.loads((HERE / "object_checkpoints.json").read_text())


@pytest.mark.parametrize("program", programs.PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_saves_and_restores_as_in_tensorflow(program, tmp_path):
    lines = programs.play(tf, program, str(tmp_path.resolve()), logging.getLogger("hookloop"))
    assert programs.plain(lines) == RECORD[program.__name__]


def saved(directory, **objects):
    """A checkpoint of objects, which are initialized."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return tf.train.Checkpoint(**objects).save(str(directory / "c"), session=session)


def test_a_session_is_wanted(tmp_path):
    checkpoint = tf.train.Checkpoint(v=tf.get_variable("v", initializer=1.0))
    for action in (
        lambda: checkpoint.save(str(tmp_path / "c")),
        lambda: checkpoint.write(str(tmp_path / "c")),
        lambda: checkpoint.restore(None).initialize_or_restore(),
        lambda: tf.train.CheckpointManager(checkpoint, str(tmp_path), 1).save(),
    ):
        with pytest.raises(ValueError, match="expected a session: give one as session="):
            action()
    with pytest.raises(TypeError, match="'sess' must be a Session"):
        checkpoint.write(str(tmp_path / "c"), session="no session")


def test_paths_and_monitored_sessions(tmp_path):
    v = tf.get_variable("v", initializer=1.0)
    checkpoint = tf.train.Checkpoint(v=v)
    with tf.Session() as session:  # the nodes, before the graph is finalized
        status = checkpoint.restore(None)
        status.initialize_or_restore(session)
        checkpoint.save(tmp_path / "c", session=session)
    add = v.assign_add(1.0)
    with tf.train.MonitoredSession() as session:
        session.run(add)
        session.run(checkpoint.save_counter.initializer)
        path = checkpoint.save(tmp_path / "d", session=session)
    assert path == str(tmp_path / "d-1")
    assert tf.train.load_variable(path, "v/.ATTRIBUTES/VARIABLE_VALUE") == 2.0
    manager = tf.train.CheckpointManager(checkpoint, tmp_path, 3)
    assert manager.latest_checkpoint == path
    assert checkpoint.restore(Path(path)).assert_consumed() is not None


def test_a_list_should_only_grow(tmp_path):
    a, b = tf.get_variable("a", initializer=1.0), tf.get_variable("b", initializer=2.0)
    checkpoint = tf.train.Checkpoint()
    checkpoint.parts = [a]
    checkpoint.parts += [b, "no variable"]
    checkpoint.parts.extend([7])
    assert checkpoint.parts == [a, b, "no variable", 7]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = checkpoint.save(str(tmp_path / "c"), session=session)
        names = [name for name, _ in tf.train.list_variables(path)]
        assert [name for name in names if name.startswith("parts")] == [
            f"parts/{i}/.ATTRIBUTES/VARIABLE_VALUE" for i in (0, 1)
        ]
        checkpoint.parts.insert(0, b)
        with pytest.raises(ValueError, match="A list element was replaced, deleted or moved"):
            checkpoint.save(str(tmp_path / "c"), session=session)


def test_keys_of_dictionaries_are_names(tmp_path):
    a, b = tf.get_variable("a", initializer=1.0), tf.get_variable("b", initializer=2.0)
    checkpoint = tf.train.Checkpoint()
    checkpoint.by = {"a": a, 3: "no variable"}
    checkpoint.by.update(b=b)
    assert checkpoint.by.setdefault("a", b) is a
    checkpoint.by["inner"] = {"c": [b]}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = checkpoint.save(str(tmp_path / "c"), session=session)
        names = [name.split("/.A")[0] for name, _ in tf.train.list_variables(path)]
        assert names == ["_CHECKPOINTABLE_OBJECT_GRAPH", "by/a", "by/b", "save_counter"]
        checkpoint.by[4] = a
        with pytest.raises(ValueError, match="a non-string key, 4, which maps to a trackable object"):
            checkpoint.save(str(tmp_path / "c"), session=session)


def test_what_is_added_to_lists_and_dictionaries_later_is_restored(tmp_path):
    a, b = tf.get_variable("a", initializer=1.0), tf.get_variable("b", initializer=2.0)
    checkpoint = tf.train.Checkpoint()
    checkpoint.parts, checkpoint.by = [a], {"b": b}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = checkpoint.save(str(tmp_path / "c"), session=session)
        later = tf.train.Checkpoint()
        later.parts, later.by = [], {}
        status = later.restore(path)
        with pytest.raises(AssertionError, match=r"Unresolved object in checkpoint \(root\)\.parts\.0"):
            status.assert_consumed()
        later.parts.append(tf.get_variable("c", initializer=-1.0))
        later.by["b"] = tf.get_variable("d", initializer=-2.0)
        status.assert_consumed().run_restore_ops()
        assert session.run([later.parts[0], later.by["b"]]) == [1.0, 2.0]


def test_an_attribute_may_be_left_out_or_taken_away(tmp_path):
    a, b = tf.get_variable("a", initializer=1.0), tf.get_variable("b", initializer=2.0)
    checkpoint = tf.train.Checkpoint(a=a, b=b)
    del checkpoint.b
    assert not hasattr(checkpoint, "b")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = checkpoint.save(str(tmp_path / "c"), session=session)
    assert [name.split("/")[0] for name, _ in tf.train.list_variables(path)][1:] == ["a", "save_counter"]


def test_a_shape_that_is_another_is_said_and_nothing_restored(tmp_path, executor):
    path = saved(tmp_path, a=tf.get_variable("a", initializer=[5.0]), b=tf.get_variable("b", initializer=[1.0, 2.0]))
    with tf.Graph().as_default(), tf.Session() as session:
        a, b = tf.get_variable("a", initializer=[9.0]), tf.get_variable("b", initializer=[0.0, 0.0, 0.0])
        status = tf.train.Checkpoint(a=a, b=b).restore(path).assert_consumed()
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"shape"):
            status.run_restore_ops()
        assert session.run(a).tolist() == [9.0]


def corrupted(path, graph):
    """The checkpoint at a path with another graph of objects."""
    from hookloop.files import bundle

    reader = bundle.BundleReader(path)
    items = [(name, reader.read(name), reader.dtype(name), None) for name in reader.names()]
    key = "_CHECKPOINTABLE_OBJECT_GRAPH"
    items = [(n, np.array(graph, dtype=object) if n == key else v, d, p) for n, v, d, p in items]
    bundle.write(path, items)


@pytest.mark.parametrize(
    "message, text",
    [
        (b"\xff\xff", "the graph of objects in .* cannot be read"),
        (b"", "has no objects"),
        (b"\x0a\x06\x0a\x04\x08\x07\x12\x00", r"names objects that it has not: \[7\]"),
    ],
)
def test_a_graph_of_objects_that_is_none(tmp_path, message, text):
    v = tf.get_variable("v", initializer=1.0)
    path = saved(tmp_path, v=v)
    corrupted(path, message)
    with pytest.raises(tf.errors.DataLossError, match=text):
        tf.train.Checkpoint(v=v).restore(path)


def test_a_variable_that_a_named_saver_does_not_find_among_objects(tmp_path):
    a, c = tf.get_variable("a", initializer=1.0), tf.get_variable("c", initializer=2.0)
    path = saved(tmp_path, x=a)
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.NotFoundError, match=r"expected variables \['c'\] in the object-b"),
    ):
        tf.train.Saver([a, c]).restore(session, path)


def test_two_objects_in_one_place_are_said(tmp_path, log):
    a, b = tf.get_variable("a", initializer=1.0), tf.get_variable("b", initializer=2.0)
    path = saved(tmp_path, x=a, y=a)
    tf.train.Checkpoint(x=a, y=b).restore(path).expect_partial()
    assert "Two checkpoint references resolved to different objects" in log.text


def test_a_slot_that_is_a_dependency_is_refused(tmp_path):
    v = tf.get_variable("v", initializer=1.0)
    optimizer = tf.train.MomentumOptimizer(0.1, 0.9)
    optimizer.minimize(v * v)
    with pytest.raises(NotImplementedError, match="A slot variable was re-used as a dependency"):
        saved(tmp_path, v=v, optimizer=optimizer, slot=optimizer.get_slot(v, "momentum"))


def test_only_trackable_objects_are_tracked():
    with pytest.raises(TypeError, match="passed type <class 'int'>, not a Trackable"):
        tf.train.Checkpoint()._track_trackable(3, "x")


def test_templates_within_templates(tmp_path):
    def inner():
        return tf.get_variable("w", initializer=2.0)

    def outer():
        return tf.get_variable("v", initializer=3.0) * tf.make_template("inner", inner)()

    template = tf.make_template("outer", outer)
    template()
    path = saved(tmp_path, template=template)
    names = [name.split("/.A")[0] for name, _ in tf.train.list_variables(path)]
    assert names == ["_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter", "template/inner/w", "template/v"]


def test_a_checkpoint_that_a_killed_program_left_is_not_the_latest(tmp_path):
    """Files are written beside and renamed; the state file names what is whole."""
    v = tf.get_variable("v", initializer=1.0)
    path = saved(tmp_path, v=v)
    (tmp_path / "c-2.data-00000-of-00002").write_bytes(b"half")
    assert tf.train.latest_checkpoint(str(tmp_path)) == path
    assert tf.train.CheckpointManager(tf.train.Checkpoint(v=v), str(tmp_path), 2).latest_checkpoint == path
