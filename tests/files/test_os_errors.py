"""Files and directories that cannot be used: the classes and texts of TensorFlow 1.15's errors."""

import os
import re

import pytest

import hookloop as tf
from hookloop.files.os_errors import make_directories, make_directory, translated


@pytest.fixture
def file(tmp_path):
    """The path of a file, where the tests want a directory."""
    path = tmp_path / "file"
    path.write_text("content")
    return str(path)


def refused(cls, text):
    return pytest.raises(cls, match=re.escape(text))


def train_into(directory, **options):
    step = tf.train.get_or_create_global_step()
    with tf.train.MonitoredTrainingSession(checkpoint_dir=directory, **options) as session:
        session.run(tf.assign_add(step, 1))


def supervise_into(directory):
    tf.get_variable("v", [2])
    with tf.train.Supervisor(logdir=directory).managed_session():
        pass


@pytest.mark.parametrize("below", ["", "/below"])
@pytest.mark.parametrize(
    "use",
    [
        train_into,
        supervise_into,
        tf.summary.FileWriter,
        tf.saved_model.builder.SavedModelBuilder,
        lambda directory: tf.train.write_graph(tf.get_default_graph(), directory, "graph.pbtxt"),
    ],
    ids=["MonitoredTrainingSession", "Supervisor", "FileWriter", "SavedModelBuilder", "write_graph"],
)
def test_a_file_in_the_place_of_a_directory(file, use, below):
    with refused(tf.errors.FailedPreconditionError, f"{file}{below}; Not a directory"):
        use(file + below)
    with open(file) as kept:
        assert kept.read() == "content"


def test_a_file_in_the_place_of_the_directory_of_summaries(file, tmp_path):
    with refused(tf.errors.FailedPreconditionError, f"{file}; Not a directory"):
        train_into(str(tmp_path / "run"), summary_dir=file)


@pytest.mark.parametrize(
    "use",
    [
        lambda path: tf.gfile.GFile(path).read(),
        lambda path: tf.gfile.GFile(path, "w").write("text"),
        tf.gfile.Stat,
        tf.gfile.Remove,
        tf.gfile.MkDir,
        tf.gfile.MakeDirs,
        lambda path: tf.gfile.Copy(path, path + "2"),
        lambda path: list(tf.python_io.tf_record_iterator(path)),
        tf.python_io.TFRecordWriter,
    ],
    ids=["read", "write", "Stat", "Remove", "MkDir", "MakeDirs", "Copy", "tf_record_iterator", "TFRecordWriter"],
)
def test_a_path_through_a_file(file, use):
    with refused(tf.errors.FailedPreconditionError, f"{file}/x; Not a directory"):
        use(f"{file}/x")
    assert not tf.gfile.Exists(f"{file}/x")


def test_ops_name_the_path(file, executor):
    with tf.Session() as session:
        with refused(tf.errors.FailedPreconditionError, f"{file}/x; Not a directory [in ReadFile"):
            session.run(tf.read_file(f"{file}/x"))
        with refused(tf.errors.FailedPreconditionError, f"{file}; Not a directory [in WriteFile"):
            session.run(tf.write_file(f"{file}/x", "text"))


def test_a_directory_that_is_there_is_no_error(tmp_path, file):
    for path in (
        str(tmp_path),
        file,
        "",
    ):  # neither is a file of its name, nor the directory of a bare name, in TensorFlow 1.15
        tf.gfile.MkDir(path)
        tf.gfile.MakeDirs(path)
    assert os.path.isfile(file)
    make_directory(str(tmp_path))
    make_directories(str(tmp_path))


@pytest.mark.parametrize("below", ["", "/x"])
def test_what_is_no_directory_is_not_listed(file, below):
    with refused(tf.errors.NotFoundError, f"Could not find directory {file}{below}"):
        tf.gfile.ListDirectory(file + below)


def test_a_directory_that_is_missing_is_not_removed(tmp_path):
    with refused(tf.errors.NotFoundError, f"{tmp_path}/none not found"):
        tf.gfile.DeleteRecursively(f"{tmp_path}/none")


def test_a_name_that_is_too_long(tmp_path):
    with refused(tf.errors.InvalidArgumentError, "; File name too long"):
        tf.gfile.GFile(f"{tmp_path}/{'n' * 300}", "w").write("text")


def test_an_error_that_names_no_file_gets_the_path():
    with refused(tf.errors.UnknownError, "here; Interrupted system call"), translated("here"):
        raise InterruptedError(4, "Interrupted system call")
    with pytest.raises(ZeroDivisionError), translated("here"):
        _ = 1 // 0


def test_paths_that_match_a_pattern(tmp_path, monkeypatch):
    """Names that begin with a dot are matched, a path without a directory is one of `./`, a sign behind a backslash is itself."""
    (tmp_path / "d" / "e").mkdir(parents=True)
    for name in ("a", ".h", "b.txt", "d/x", "d/.y", "d/e/z", "[q]"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    glob = tf.gfile.Glob
    assert glob("*") == ["./.h", "./[q]", "./a", "./b.txt", "./d"] == glob("**")
    assert glob(["a", "d/*"]) == ["./a", "d/.y", "d/e", "d/x"]
    assert glob("\\[q\\]") == ["./[q]"]
    assert glob(f"{tmp_path}/[ab]*") == [f"{tmp_path}/a", f"{tmp_path}/b.txt"]
    assert glob(f"{tmp_path}/[!a]") == [f"{tmp_path}/d"] == glob(f"{tmp_path}/d")
    assert glob(f"{tmp_path}/*/e/?") == [f"{tmp_path}/d/e/z"]
    assert glob("") == glob("none") == glob("*/none") == glob("d/") == []
    with pytest.raises(tf.errors.NotFoundError, match="none; No such file or directory"):
        glob(["a", "none/*"])
    with pytest.raises(tf.errors.FailedPreconditionError, match="a; Not a directory"):
        glob(f"{tmp_path}/a/*")
