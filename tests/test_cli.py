"""The command line: the demo on both data sets, and what it says of files that are missing or broken."""

import gzip
import re
import statistics
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf
from hookloop import _core, cli
from hookloop.demo.data import load_digits, load_idx
from hookloop.demo.train import train

sklearn = pytest.importorskip("sklearn", reason="the demo's data come with scikit-learn (hookloop[demo])")


def write_idx(path, array, pack=False):
    array = np.asarray(array, np.uint8)
    content = struct.pack(f">i{array.ndim}i", 2048 + array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if pack else content)


@pytest.fixture
def mnist(tmp_path):
    """A directory with small files in MNIST's form: 40 images of 4x4 pixels."""
    random = np.random.RandomState(0)
    write_idx(tmp_path / "t10k-images-idx3-ubyte", random.randint(0, 256, (40, 4, 4)))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", random.randint(0, 10, 40))
    return tmp_path


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "hookloop", *arguments], capture_output=True, text=True)


def test_held_out_accuracy_over_five_seeds():
    accuracies = [train(load_digits(), 3000, seed=seed).accuracy for seed in range(5)]
    assert statistics.median(accuracies) >= 0.97
    assert min(accuracies) >= 0.96


def test_the_demo_prints_what_it_did(tmp_path):
    plot = tmp_path / "loss.png"
    done = run("demo", "--steps", "50", "--threads", "1", "--seed", "3", "--plot", str(plot))
    assert done.returncode == 0, done.stderr
    for text in (
        "accuracy on the held-out digits: 0.",
        "steps per second",
        "microseconds per step",
        f"ISA level {_core.isa_name()}\n",
    ):
        assert text in done.stdout
    assert "loss = " in done.stderr
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_the_digits_are_split_by_one_shuffle():
    digits = load_digits()
    assert digits.train_x.shape == (1500, 64) and digits.test_x.shape == (297, 64)
    np.testing.assert_array_equal(digits.test_y, load_digits().test_y)


def test_idx_files_packed_or_not(mnist):
    plain = load_idx(mnist)
    assert plain.train_x.shape == (30, 16) and plain.test_x.shape == (10, 16)
    assert plain.train_x.dtype == np.float32 and plain.train_x.max() <= 1
    content = (mnist / "t10k-images-idx3-ubyte").read_bytes()
    (mnist / "t10k-images-idx3-ubyte").unlink()
    (mnist / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(content))
    np.testing.assert_array_equal(load_idx(mnist).train_x, plain.train_x)


def test_the_train_pair_is_used_where_it_is_there(mnist):
    write_idx(mnist / "train-images-idx3-ubyte", np.zeros((6, 4, 4)))
    write_idx(mnist / "train-labels-idx1-ubyte", np.ones(6))
    digits = load_idx(mnist)
    assert len(digits.train_x) == 6 and len(digits.test_x) == 40


def test_the_demo_trains_on_idx_files(mnist, capsys):
    assert cli.main(["demo", "--data", str(mnist), "--steps", "3"]) == 0
    assert "training 16-128-10 on 30 digits, 10 held out, 3 steps" in capsys.readouterr().out


def break_file(name, change):
    def breaker(directory):
        path = directory / name
        path.write_bytes(change(path.read_bytes()))

    return breaker


IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda d: (d / LABELS).unlink(), "t10k-labels-idx1-ubyte: no such file"),
        (break_file(IMAGES, lambda b: b[:100]), "expected 640 bytes of data for shape [40, 4, 4], got 84"),
        (break_file(IMAGES, lambda b: b[:3]), "expected an IDX file, got 3 bytes"),
        (break_file(IMAGES, lambda b: b[:9]), "the header is cut off"),
        (break_file(IMAGES, lambda b: b"\0\0\0\1" + b[4:]), "expected the magic number 2051 of an IDX file, got 1"),
        (lambda d: write_idx(d / LABELS, np.zeros(7)), "expected 40 labels, one for each image, got 7"),
        (lambda d: write_idx(d / LABELS, np.full(40, 12)), "expected labels from 0 to 9, got 12"),
        (lambda d: ((d / IMAGES).unlink(), (d / f"{IMAGES}.gz").write_bytes(b"text")), "Not a gzipped file"),
    ],
)
def test_a_broken_file_is_one_line_and_status_2(mnist, capsys, spoil, text):
    spoil(mnist)
    assert cli.main(["demo", "--data", str(mnist)]) == 2
    said = capsys.readouterr().err
    assert text in said and said.startswith("hookloop demo: ") and said.count("\n") == 1


def test_a_missing_directory(capsys):
    assert cli.main(["demo", "--data", "nowhere"]) == 2
    assert "nowhere: no such directory" in capsys.readouterr().err


def test_a_plot_into_a_missing_directory(capsys):
    assert cli.main(["demo", "--plot", "nowhere/loss.png"]) == 2
    assert "nowhere/loss.png: its directory does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text"), [("loss.xyz", "expected a name that ends in one of "), (".", "Is a directory")]
)
def test_a_plot_that_cannot_be_written_is_one_line_before_the_training(tmp_path, capsys, name, text):
    assert cli.main(["demo", "--plot", str(tmp_path / name)]) == 2
    said = capsys.readouterr()
    assert text in said.err and said.err.count("\n") == 1
    assert said.out == ""


@pytest.mark.parametrize(
    ("argument", "value", "text"),
    [
        ("--steps", "0", "expected a positive integer, got 0"),
        ("--steps", "many", "expected a positive integer, got many"),
        ("--threads", "-2", "expected a positive integer, got -2"),
        ("--seed", "-1", "expected an integer from 0 to 4294967295, got -1"),
        ("--seed", "4294967296", "expected an integer from 0 to 4294967295, got 4294967296"),
    ],
)
def test_arguments_that_make_no_sense(capsys, argument, value, text):
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo", f"{argument}={value}"])
    assert ended.value.code == 2
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["demo", "--steps", "5"], ["explain", "graph.pbtxt"]], ids=lambda words: words[0]
)
def test_a_reader_that_goes_away(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    tf.io.write_graph(tf.add(tf.placeholder(tf.float32, [2]), 1).graph, ".", "graph.pbtxt")
    command = [sys.executable, "-m", "hookloop", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        said = process.stderr.read()
        assert "Traceback" not in said and "pipe" not in said
    assert process.returncode == 141


def test_the_version(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    project = Path(__file__).parents[1] / "pyproject.toml"
    (version,) = re.findall(r'^version = "(.+)"$', project.read_text(), re.MULTILINE)
    assert capsys.readouterr().out == f"hookloop {version}\n"
    assert version == tf.version.HOOKLOOP_VERSION


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        ("HOOKLOOP_NUM_THREADS", "two", "expected HOOKLOOP_NUM_THREADS to be a positive integer, got 'two'"),
        ("HOOKLOOP_NUM_THREADS", "0", "expected HOOKLOOP_NUM_THREADS to be a positive integer, got '0'"),
        ("HOOKLOOP_EXECUTOR", "numpy", "expected HOOKLOOP_EXECUTOR to be plan or reference, got 'numpy'"),
    ],
)
def test_variables_of_the_environment_that_make_no_sense(monkeypatch, variable, value, text):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=text):
        tf.Session()
