"""The demo in a directory: what it writes, how it goes on, what TensorBoard shows of it."""

import glob
import json
import subprocess
import sys

import numpy as np
import pytest

import hookloop as tf
from hookloop import cli

from .tensorboard_server import tensorboard
from .test_cli import write_idx

pytest.importorskip("sklearn", reason="the demo's data come with scikit-learn (hookloop[demo])")


def demo(directory, steps, *arguments):
    """What a process prints that runs the demo."""
    command = [sys.executable, "-m", "hookloop", "demo", "--dir", str(directory), "--steps", str(steps), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def saved(directory):
    """Name -> array of the latest checkpoint."""
    reader = tf.train.load_checkpoint(str(directory))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def scalars(directory, tag):
    """Step -> the last value written under a tag."""
    files = sorted(glob.glob(f"{directory}/events*"), key=lambda path: next(tf.train.summary_iterator(path)).wall_time)
    events = (event for path in files for event in tf.train.summary_iterator(path))
    return {event.step: value.simple_value for event in events for value in event.summary.value if value.tag == tag}


def test_a_demo_in_three_pieces_ends_as_one_in_one_piece(tmp_path):
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    assert "resuming" not in demo(whole, 450)
    assert "resuming" not in demo(pieces, 130)
    assert f"resuming from step 130, the latest checkpoint in {pieces}" in demo(pieces, 260)
    assert f"resuming from step 260, the latest checkpoint in {pieces}" in demo(pieces, 450, "--threads", "1")
    expected, found = saved(whole), saved(pieces)
    assert expected["global_step"] == 450 and sorted(expected) == sorted(found)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    curve = scalars(whole / "held_out", "digits/loss")
    assert [*curve] == [0, 100, 200, 300, 400, 450]
    resumed = scalars(pieces / "held_out", "digits/loss")
    assert {step: resumed[step] for step in curve} == curve


def test_a_finished_demo_makes_no_step(tmp_path, capsys):
    demo(tmp_path, 20)
    before = saved(tmp_path)
    assert cli.main(["demo", "--dir", str(tmp_path), "--steps", "15"]) == 0
    said = capsys.readouterr().out
    assert f"{tmp_path} holds a training of 20 steps: there is none left to make" in said
    assert "accuracy on the held-out digits: 0." in said and "steps per second" not in said
    for name, value in saved(tmp_path).items():
        np.testing.assert_array_equal(before[name], value, err_msg=name)


def test_tensorboard_shows_its_curves_its_histograms_and_its_graph(tmp_path):
    assert f"tensorboard --logdir {tmp_path}" in demo(tmp_path, 250)
    with tensorboard(tmp_path) as ask:
        tags = json.loads(ask("plugin/scalars/tags"))
        assert sorted(tags["."]) == ["digits/accuracy", "digits/loss", "global_step/sec"]
        assert sorted(tags["held_out"]) == ["digits/accuracy", "digits/loss"]
        points = json.loads(ask("plugin/scalars/scalars", run="held_out", tag="digits/accuracy"))
        assert [step for _, step, _ in points] == [0, 100, 200, 250]
        assert points[0][2] < 0.3 and points[-1][2] > 0.9
        losses = json.loads(ask("plugin/scalars/scalars", run=".", tag="digits/loss"))
        assert [step for _, step, _ in losses] == [1, 101, 201]
        assert losses[-1][2] < losses[0][2] / 4
        histograms = json.loads(ask("plugin/histograms/tags"))["."]
        assert sorted(histograms) == ["hidden/biases", "hidden/weights", "output/biases", "output/weights"]
        graph = ask("plugin/graphs/graph", run=".", conceptual="false").decode()
        for name in (
            "input/IteratorGetNext",
            "hidden/MatMul",
            "output/w",
            "gradients/hidden/MatMul_grad/MatMul",
            "Adam",
        ):
            assert f'name: "{name}"' in graph


def test_a_plot_of_a_resumed_demo_begins_where_it_went_on(tmp_path, monkeypatch):
    figures = pytest.importorskip("matplotlib.axes", reason="plots come with matplotlib (hookloop[demo])")
    drawn = []
    monkeypatch.setattr(figures.Axes, "semilogy", lambda self, *given, **how: drawn.append([*given[0]]))
    demo(tmp_path / "run", 20)
    arguments = ["demo", "--dir", str(tmp_path / "run"), "--steps", "30", "--plot", str(tmp_path / "loss.png")]
    assert cli.main(arguments) == 0
    assert drawn[0] == [*range(20, 30)]


def test_a_directory_of_another_network_is_refused_and_left_alone(tmp_path, capsys):
    random = np.random.RandomState(0)
    write_idx(tmp_path / "t10k-images-idx3-ubyte", random.randint(0, 256, (40, 4, 4)))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", random.randint(0, 10, 40))
    run = tmp_path / "run"
    demo(run, 20)
    before = saved(run)
    assert cli.main(["demo", "--dir", str(run), "--data", str(tmp_path), "--steps", "40"]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("hookloop demo: ")]
    assert len(said) == 1 and "rhs shape= [64,128]" in said[0] and "hidden/w:0 float32[16,128]" in said[0]
    for name, value in saved(run).items():
        np.testing.assert_array_equal(before[name], value, err_msg=name)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda d: d.write_text("no directory"), "; Not a directory"),
        (lambda d: (demo(d, 5), (d / "model.ckpt-5.index").write_bytes(b"short")), ": Unable to open table file"),
    ],
    ids=["a file", "a broken checkpoint"],
)
def test_a_directory_that_cannot_be_used_is_one_line_and_status_2(tmp_path, capsys, spoil, text):
    place = tmp_path / "run"
    spoil(place)
    assert cli.main(["demo", "--dir", str(place), "--steps", "9"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"hookloop demo: {place}{text}") and said.err.count("\n") == 1
    assert said.out == ""
