"""`do_quantize_training_on_graphdef`: the nodes that TensorFlow 1.15 writes for the same graphs, what they give, and errors."""

import base64
import gzip
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

FIXTURES = Path(__file__).parents[1] / "fixtures"
RECORD = json.loads(gzip.decompress((FIXTURES / "quantize_training.json.gz").read_bytes()))
_spec = importlib.util.spec_from_file_location("quantize_training_program", FIXTURES / "quantize_training_program.py")
program = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(program)


def message(text):
    return tf.GraphDef.FromString(base64.b64decode(text))


@pytest.mark.parametrize("name", [name for name in RECORD if "result" in RECORD[name]])
def test_nodes_are_those_of_tensorflow(name):
    given, wanted = message(RECORD[name]["graph"]), message(RECORD[name]["result"])
    before = given.SerializeToString(deterministic=True)
    found = tf.train.do_quantize_training_on_graphdef(given, program.bits_of(name))
    assert [node.name for node in found.node] == [node.name for node in wanted.node]
    for node, expected in zip(found.node, wanted.node):
        assert node == expected
    assert found == wanted
    assert given.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("name", [name for name in RECORD if "error" in RECORD[name]])
def test_what_tensorflow_refuses(name):
    kind, text = RECORD[name]["error"]
    with pytest.raises(getattr(tf.errors, kind)) as error:
        tf.train.do_quantize_training_on_graphdef(message(RECORD[name]["graph"]), program.bits_of(name))
    assert str(error.value).startswith(text.split(" while building")[0])


def test_averages_follow_the_ranges(executor):
    """The graph is built here, rewritten and run: values and variables are TensorFlow's."""
    name = "model, 4 bits"
    rewritten = tf.train.do_quantize_training_on_graphdef(program.graph_def(tf, name), 4)
    for (y, ends), (wanted, wanted_ends) in zip(program.steps(tf, rewritten), RECORD[name]["steps"]):
        np.testing.assert_allclose(y, wanted, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(ends, wanted_ends, rtol=1e-6)


def test_gradients_pass_through_the_rounding(executor):
    """A rewritten graph is trained on: what is rounded gets the gradient of what it stands for."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        w = tf.get_variable("w", [2, 1], initializer=tf.constant_initializer([[4.0], [-4.0]]))
        tf.matmul(x, w, name="y")
    rewritten = tf.train.do_quantize_training_on_graphdef(graph.as_graph_def(), 8)
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 2])
        names = ["y:0", "w:0", "w/Assign", "w/read:0"]
        y, w, assign, read = tf.import_graph_def(rewritten, {"x": x}, names, name="")
        loss = tf.reduce_mean(tf.square(y - 3 * x[:, :1] + x[:, 1:]))
        train = tf.assign_sub(w, 0.5 * tf.gradients(loss, read)[0])
        inputs = np.random.RandomState(1).uniform(-1, 1, (64, 2))
        with tf.Session() as session:
            session.run(assign)
            losses = [session.run([loss, train], {x: inputs})[0] for _ in range(80)]
            assert losses[-1] < 1e-2 * losses[0]
            np.testing.assert_allclose(session.run(w)[:, 0], [3, -1], atol=0.05)


def test_outputs_of_one_node_are_rounded_each_by_itself(executor):
    with tf.Graph().as_default() as graph:
        left, right = tf.split(tf.placeholder(tf.float32, [1, 2], name="x"), 2, 1, name="parts")
        tf.matmul(left, right, name="y")
    rewritten = tf.train.do_quantize_training_on_graphdef(graph.as_graph_def(), 8)
    product = next(node for node in rewritten.node if node.name == "y")
    assert list(product.input) == ["parts/QuantizeAndDequantizeV2", "parts_1/QuantizeAndDequantizeV2"]
    with tf.Graph().as_default():
        (y,) = tf.import_graph_def(rewritten, return_elements=["y:0"], name="")
        with tf.Session() as session:
            np.testing.assert_allclose(session.run(y, {"x:0": [[2.0, 5.0]]}), [[10.0]], rtol=1e-2)


def test_arguments_of_other_types_are_refused():
    graph = tf.Graph().as_graph_def()
    assert len(tf.train.do_quantize_training_on_graphdef(graph, np.int64(8)).node) == 0
    with pytest.raises(TypeError, match="expected input_graph to be a GraphDef, got"):
        tf.train.do_quantize_training_on_graphdef(b"", 8)
    for bits in ("8", 8.0, None, True):
        with pytest.raises(TypeError, match="expected num_bits to be an integer, got"):
            tf.train.do_quantize_training_on_graphdef(graph, bits)


def test_graphs_that_do_not_fit_together_are_refused():
    graph = tf.GraphDef()
    graph.node.add(name="a", op="Nope")
    with pytest.raises(tf.errors.NotFoundError, match="Op type not registered 'Nope'"):
        tf.train.do_quantize_training_on_graphdef(graph, 8)
    graph.node[0].op = "NoOp"
    graph.node[0].input.append("^b")
    with pytest.raises(tf.errors.InvalidArgumentError, match="Node 'a': Unknown input node '\\^b'"):
        tf.train.do_quantize_training_on_graphdef(graph, 8)
    graph.node.add(name="b", op="NoOp", input=["^a"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="2 nodes in a cycle"):
        tf.train.do_quantize_training_on_graphdef(graph, 8)
