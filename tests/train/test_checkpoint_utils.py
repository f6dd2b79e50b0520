"""Checkpoints read without a graph, and variables whose initial values come from one."""

import re

import numpy as np
import pytest

import hookloop as tf
from hookloop.train import checkpoint_utils


@pytest.fixture
def checkpoint(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.variable_scope("old"):
            tf.get_variable("a", initializer=[1.0, 2.0])
            tf.get_variable("b", initializer=[[3.0]])
            tf.get_variable("p", initializer=np.arange(8, dtype="f").reshape(4, 2))
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(tmp_path / "m"), global_step=4)
    return str(tmp_path)


@pytest.fixture
def new_variables():
    with tf.variable_scope("new"):
        a = tf.get_variable("a", [2])
        b = tf.get_variable("b", [1, 1], use_resource=True)
        p = tf.get_variable("p", [4, 2], partitioner=tf.fixed_size_partitioner(2))
    return a, b, p


def initialized(*variables):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run([tf.convert_to_tensor(v) for v in variables])


def test_reading(checkpoint):
    assert tf.train.list_variables(checkpoint) == [("old/a", [2]), ("old/b", [1, 1]), ("old/p", [4, 2])]
    np.testing.assert_array_equal(tf.train.load_variable(checkpoint, "old/a"), [1, 2])
    reader = tf.train.NewCheckpointReader(checkpoint + "/m-4")
    assert reader.has_tensor("old/b") and not reader.has_tensor("b")
    assert reader.get_variable_to_dtype_map()["old/a"] == tf.float32
    assert reader.debug_string().splitlines()[0] == b"old/a (DT_FLOAT) [2]"
    assert reader.has_tensor(b"old/b") and reader.get_tensor(b"old/b").shape == (1, 1)
    for ask in (reader.has_tensor, reader.get_tensor):
        with pytest.raises(TypeError, match="Expected binary or unicode string, got 3"):
            ask(3)
    with pytest.raises(tf.errors.NotFoundError, match="Key zz not found in checkpoint"):
        reader.get_tensor("zz")
    with pytest.raises(tf.errors.NotFoundError, match="Failed to find any matching files"):
        tf.train.NewCheckpointReader(checkpoint + "/none")
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="Failed to get matching files on .*: Not found: .*none; No such file"
    ):
        tf.train.NewCheckpointReader(checkpoint + "/none/m")
    with pytest.raises(ValueError, match="Couldn't find 'checkpoint' file or checkpoints in given directory"):
        tf.train.load_checkpoint(checkpoint + "/..")


def test_a_readers_text_has_the_slices_of_a_variable_in_parts(tmp_path):
    tf.get_variable("v", [4, 3], partitioner=tf.fixed_size_partitioner(2))
    tf.get_variable("w", [2])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = tf.train.Saver().save(session, str(tmp_path / "m"))
    assert tf.train.NewCheckpointReader(path).debug_string() == (
        b"\x00v\x00\x01\x01\x02\x80\x82\x80\x83 (DT_FLOAT) [2,3]\n"
        b"\x00v\x00\x01\x01\x02\x82\x82\x80\x83 (DT_FLOAT) [2,3]\nw (DT_FLOAT) [2]\n"
    )


def test_a_scope_is_initialized_from_another(executor, checkpoint, new_variables):
    tf.train.init_from_checkpoint(checkpoint, {"old/": "new/"})
    a, b, p = initialized(*new_variables)
    np.testing.assert_array_equal(a, [1, 2])
    np.testing.assert_array_equal(b, [[3]])
    np.testing.assert_array_equal(p, np.arange(8).reshape(4, 2))


def test_variables_are_initialized_by_name_and_by_themselves(checkpoint, new_variables):
    a, _, p = new_variables
    tf.train.init_from_checkpoint(checkpoint, {"old/a": a, "old/p": "new/p"})
    found = initialized(a, p)
    np.testing.assert_array_equal(found[0], [1, 2])
    np.testing.assert_array_equal(found[1], np.arange(8).reshape(4, 2))


@pytest.mark.parametrize(("mapping", "text"), [
    ({"old/zz": "new/a"}, "Tensor old/zz is not found in"),
    ({"old/a": "new/zz"}, "Should be 'scope/': 'other_scope/'."),
    ({"old/b": "new/a"}, "Shape of variable new/a:0 ((2,)) doesn't match with shape of tensor old/b ([1, 1])"),
    ({"zz/": "new/"}, "Tensor zz/a (a in zz/) is not found in"),
])  # fmt: skip
def test_errors_of_assignment_maps(checkpoint, new_variables, mapping, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        tf.train.init_from_checkpoint(checkpoint, mapping)


def test_warm_start(checkpoint):
    with tf.variable_scope("old"):
        a = tf.get_variable("a", [2])
    other = tf.get_variable("other", [4, 2])
    tf.train.warm_start(checkpoint, vars_to_warm_start="o.*", var_name_to_prev_var_name={"other": "old/p"})
    found = initialized(a, other)
    np.testing.assert_array_equal(found[0], [1, 2])
    np.testing.assert_array_equal(found[1], np.arange(8).reshape(4, 2))
    with pytest.raises(ValueError, match=r"in var_name_to_prev_var_name that were not used: \{'none'\}"):
        tf.train.warm_start(checkpoint, "old/a", var_name_to_prev_var_name={"none": "old/a"})


def test_several_variables_are_warm_started_from_one_name(checkpoint):
    variables = [tf.get_variable(name, [2], initializer=tf.zeros_initializer()) for name in "ab"]
    tf.train.warm_start(checkpoint, "[ab]", var_name_to_prev_var_name={"a": "old/a", "b": "old/a"})
    np.testing.assert_array_equal(initialized(*variables), [[1, 2], [1, 2]])


@pytest.mark.parametrize(("wanted", "started"), [
    ("old/a", True), ("old/a:0", True), ("old/a$", False), ("old/a:0$", True), (["old/a:0"], True), (["old/a$"], False),
])  # fmt: skip
def test_expressions_are_of_names_of_variables(checkpoint, wanted, started):
    """A variable's name ends in ":0", as in TensorFlow."""
    with tf.variable_scope("old"):
        a = tf.get_variable("a", initializer=[-1.0, -1.0])
    tf.train.warm_start(checkpoint, wanted)
    assert initialized(a)[0].tolist() == ([1, 2] if started else [-1, -1])


def test_a_variable_of_open_shape_takes_what_the_checkpoint_has(executor, checkpoint):
    first = tf.placeholder_with_default(np.zeros((1, 2), "f"), [None, 2])
    open_shape = tf.get_variable("v", initializer=first, validate_shape=False)
    tf.train.init_from_checkpoint(checkpoint, {"old/p": open_shape})
    assert initialized(open_shape)[0].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_one_part_alone_is_a_variable_like_others(checkpoint):
    """As in TensorFlow: its own shape counts, and it takes the whole tensor."""
    parts = list(
        tf.get_variable("p", [2, 1], initializer=tf.zeros_initializer(), partitioner=tf.fixed_size_partitioner(2))
    )
    tf.train.init_from_checkpoint(checkpoint, {"old/b": parts[1]})
    assert [part.tolist() for part in initialized(*parts)] == [[[0]], [[3]]]
    for target in (parts[0], "p/part_0"):
        with pytest.raises(
            ValueError, match="Shape of variable p/part_0:0 .* doesn't match with shape of tensor old/p"
        ):
            tf.train.init_from_checkpoint(checkpoint, {"old/p": target})
    tf.get_variable("old/p", [4, 2], partitioner=tf.fixed_size_partitioner(2))
    with pytest.raises(
        ValueError, match="Shape of variable old/p/part_1:0 .* doesn't match with shape of tensor old/p"
    ):
        tf.train.warm_start(checkpoint, "old/p/part_1")
    tf.train.init_from_checkpoint(checkpoint, {"old/p": []})


def test_a_variable_of_another_type_than_the_checkpoint_has(executor, checkpoint):
    a = tf.get_variable("a", [2], tf.float64)
    tf.train.init_from_checkpoint(checkpoint, {"old/a": a})
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match="tensor_name = old/a; expected dtype double does not equal original dtype float",
    ):
        initialized(a)


@pytest.mark.parametrize("partitioner", [None, tf.fixed_size_partitioner(2)])
def test_rows_move_with_their_words(executor, checkpoint, tmp_path, partitioner):
    (tmp_path / "old.txt").write_text("ape\nbee\ncat\ndog\n")
    (tmp_path / "new.txt").write_text("dog\nelk\nbee\n")
    rows = tf.get_variable("rows", [4, 2], partitioner=partitioner)
    info = tf.train.VocabInfo(f"file://{tmp_path}/new.txt", 3, 1, str(tmp_path / "old.txt"),
                              backup_initializer=tf.constant_initializer(-1))  # fmt: skip
    tf.train.warm_start(checkpoint, None, {"rows": info}, {"rows": "old/p"})
    np.testing.assert_array_equal(initialized(rows)[0], [[6, 7], [-1, -1], [2, 3], [-1, -1]])
    with pytest.raises(ValueError, match=r"in var_name_to_vocab_info that were not used: \{'none'\}"):
        tf.train.warm_start(checkpoint, None, {"none": info})


def test_new_checkpoints_are_yielded_once(checkpoint):
    assert list(tf.train.checkpoints_iterator(checkpoint, timeout=0)) == [checkpoint + "/m-4"]
    calls = []
    found = tf.train.checkpoints_iterator(checkpoint, timeout=0, timeout_fn=lambda: len(calls) > 2 or calls.append(1))
    assert list(found) == [checkpoint + "/m-4"]
    assert len(calls) == 3


class Clock:
    """Time that passes where a program sleeps: `sleeps` are how long, `at` what happens when."""

    def __init__(self, at=()):
        self.now, self.sleeps, self.at = 0.0, [], list(at)

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.sleeps.append(seconds)
        self.now += seconds
        while self.at and self.at[0][0] <= self.now:
            self.at.pop(0)[1]()


def save_as(path):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("w", initializer=1.0)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, path)


def test_new_checkpoints_are_yielded_so_far_apart(checkpoint, monkeypatch):
    clock = Clock(at=[(62, lambda: save_as(checkpoint + "/n"))])
    monkeypatch.setattr(checkpoint_utils, "time", clock)
    found = tf.train.checkpoints_iterator(checkpoint, min_interval_secs=60, timeout=20)
    assert next(found) == checkpoint + "/m-4"
    clock.now += 15  # what the program does with it
    assert next(found) == checkpoint + "/n"
    assert clock.sleeps == [45, 1, 1]
    clock.now += 75  # longer than the interval: the next is looked for at once
    assert list(found) == []
    assert clock.sleeps == [45, 1, 1] + [1] * 20


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        (".*w", ["Warm-starting variables only in TRAINABLE_VARIABLES.", "Warm-started 1 variables."]),
        (None, ["Warm-starting variables only in TRAINABLE_VARIABLES.", "Warm-started 0 variables."]),
        (["w", "b"], ["Warm-started 2 variables."]),
    ],
)
def test_what_warm_starting_logs(tmp_path, caplog, wanted, lines):
    path = str(tmp_path / "m")
    for start in (False, True):
        with tf.Graph().as_default(), tf.Session() as session:
            for name in ("w", "b"):
                tf.get_variable(name, [2])
            caplog.clear()
            caplog.set_level("INFO", "hookloop")
            if start:
                tf.train.warm_start(path, wanted)
            else:
                session.run(tf.global_variables_initializer())
                tf.train.Saver().save(session, path)
    assert [record.getMessage() for record in caplog.records] == [f"Warm-starting from: {path}", *lines]


def test_variables_of_a_scope_are_restored_in_the_order_of_their_names(checkpoint):
    with tf.variable_scope("new"):
        for name, shape in (("b", [1, 1]), ("a", [2])):
            tf.get_variable(name, shape)
    tf.train.init_from_checkpoint(checkpoint, {"old/": "new/"})
    assigned = [
        op.inputs[0].name for op in tf.get_default_graph().get_operations() if op.name in ("Assign", "Assign_1")
    ]
    assert assigned == ["new/a:0", "new/b:0"]
