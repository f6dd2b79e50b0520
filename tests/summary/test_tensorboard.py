"""What is written is what a TensorBoard server shows: asked over HTTP on the loopback."""

import json

import numpy as np
import pytest

import hookloop as tf

from ..tensorboard_server import tensorboard


@pytest.fixture
def logdir(tmp_path):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [3], name="x")
        merged = tf.summary.merge([
            tf.summary.scalar("average", tf.reduce_mean(x)), tf.summary.histogram("values", x),
            tf.summary.image("picture", tf.reshape(x, [1, 3, 1, 1])), tf.summary.text("words", tf.constant("hello")),
        ])  # fmt: skip
        with tf.summary.FileWriter(str(tmp_path), graph) as writer:
            for step in range(3):
                writer.add_summary(session.run(merged, {x: np.full(3, step, "f")}), step)
    return tmp_path


@pytest.fixture
def ask(logdir):
    """A function that asks a server of the directory for a path, and gives what it answers."""
    with tensorboard(logdir) as get:
        yield get


def test_a_server_shows_what_was_written(ask):
    assert list(json.loads(ask("plugin/scalars/tags"))["."]) == ["average"]
    points = json.loads(ask("plugin/scalars/scalars", run=".", tag="average"))
    assert [(step, value) for _, step, value in points] == [(0, 0.0), (1, 1.0), (2, 2.0)]
    buckets = json.loads(ask("plugin/histograms/histograms", run=".", tag="values"))
    assert [step for _, step, _ in buckets] == [0, 1, 2]
    assert sum(count for _, _, count in buckets[1][2]) == 3
    images = json.loads(ask("plugin/images/images", run=".", tag="picture/image/0", sample=0))
    shown = ask("plugin/images/individualImage?" + images[-1]["query"])
    assert shown.startswith(b"\x89PNG") and [image["step"] for image in images] == [0, 1, 2]
    text = json.loads(ask("plugin/text/text", run=".", tag="words"))
    assert "hello" in text[0]["text"]
    assert b'name: "x"' in ask("plugin/graphs/graph", run=".", conceptual="false")
