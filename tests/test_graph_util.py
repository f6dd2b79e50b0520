"""`tf.graph_util`: parts of graphs, and graphs without variables."""

import numpy as np
import pytest

import hookloop as tf
from hookloop import graph_util

X = [[1.0, 2.0, 3.0]]


@pytest.fixture
def model():
    """A graph with variables of both kinds, rows of a table, and a loop over a variable; and a session with values."""
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    w = tf.get_variable("w", [3, 2], initializer=tf.ones_initializer())
    r = tf.get_variable("r", initializer=np.array([1.0, 2.0], "f"), use_resource=True)
    table = tf.get_variable("table", initializer=np.arange(8, dtype="f").reshape(4, 2), use_resource=True)
    rows = tf.nn.embedding_lookup(table, [3, 0])
    y = tf.identity(tf.check_numerics(tf.matmul(x, w) + r, "bad"), name="y")
    tf.identity(y + tf.reduce_sum(rows), name="z")
    tf.identity(tf.while_loop(lambda k, a: k < 3, lambda k, a: (k + 1, a + r), [0, r * 2.0])[1], name="q")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        yield session


def types(graph_def):
    return {node.name: node.op for node in graph_def.node}


def test_the_part_that_a_node_needs(model):
    part = graph_util.extract_sub_graph(model.graph.as_graph_def(), ["y"])
    assert "x" in types(part) and "w" in types(part) and "z" not in types(part) and "table" not in types(part)
    assert part.versions.producer == model.graph.as_graph_def().versions.producer


def test_what_is_no_part():
    graph_def = tf.get_default_graph().as_graph_def()
    with pytest.raises(AssertionError, match="nope is not in graph"):
        graph_util.extract_sub_graph(graph_def, ["nope"])
    with pytest.raises(TypeError, match="dest_nodes must be a list"):
        graph_util.extract_sub_graph(graph_def, "nope")
    with pytest.raises(TypeError, match="graph_def must be a graph_pb2.GraphDef proto"):
        graph_util.extract_sub_graph(5, ["nope"])


@pytest.mark.parametrize("name", ["y", "z", "q"])
def test_a_frozen_graph_computes_the_same_without_variables(model, name, executor):
    frozen = graph_util.convert_variables_to_constants(model, model.graph.as_graph_def(), [name])
    assert not {"VariableV2", "VarHandleOp", "ReadVariableOp", "ResourceGather"} & set(types(frozen).values())
    wanted = model.run(name + ":0", {"x:0": X})
    with tf.Graph().as_default(), tf.Session() as session:
        (found,) = tf.import_graph_def(frozen, name="", return_elements=[name + ":0"])
        np.testing.assert_array_equal(session.run(found, {"x:0": X} if name != "q" else None), wanted)


def test_some_variables_stay(model):
    graph_def = model.graph.as_graph_def()
    only = types(graph_util.convert_variables_to_constants(model, graph_def, ["y"], ["w"]))
    assert (only["w"], only["r"]) == ("Const", "VarHandleOp") and "ReadVariableOp" in only.values()
    without = types(graph_util.convert_variables_to_constants(model, graph_def, ["y"], None, ["w"]))
    assert (without["w"], without["r"]) == ("VariableV2", "Const")


def test_training_nodes_go(model):
    frozen = graph_util.convert_variables_to_constants(model, model.graph.as_graph_def(), ["y"])
    small = graph_util.remove_training_nodes(frozen, ["y"])
    assert "CheckNumerics" not in types(small).values() and "Identity" in types(small).values()
    assert len(small.node) < len(frozen.node)
    with tf.Graph().as_default(), tf.Session() as session:
        (y,) = tf.import_graph_def(small, return_elements=["y:0"])
        np.testing.assert_array_equal(session.run(y, {"import/x:0": X}), model.run("y:0", {"x:0": X}))


def test_an_identity_that_others_wait_for_stays():
    a = tf.constant(1.0, name="a")
    b = tf.identity(a, name="b")
    c = tf.identity(a, name="c")
    with tf.control_dependencies([b]):
        tf.add(a, c, name="d")
    small = types(graph_util.remove_training_nodes(tf.get_default_graph().as_graph_def()))
    assert "b" in small and "c" not in small


def message(**nodes):
    """A GraphDef: name -> op and inputs."""
    graph_def = tf.GraphDef()
    for name, text in nodes.items():
        op, *inputs = text.split()
        graph_def.node.add(name=name, op=op, input=inputs)
    return graph_def


def test_an_identity_that_waited_for_a_check_alone_goes():
    small = graph_util.remove_training_nodes(
        message(a="Const", check="CheckNumerics a", b="Identity a ^check", c="Identity b:0", d="Neg c ^check")
    )
    assert {node.name: list(node.input) for node in small.node} == {"a": [], "d": ["a"]}


def test_an_identity_of_a_later_output_goes_and_one_that_waits_stays():
    graph_def = message(s="Split", i="Identity s:1", w="Identity s ^n", n="NoOp", e="Add i w", p="Identity e")
    small = graph_util.remove_training_nodes(graph_def, ["p"])
    assert {node.name: list(node.input) for node in small.node} == {
        "s": [], "w": ["s", "^n"], "n": [], "e": ["s:1", "w"], "p": ["e"],
    }  # fmt: skip


def test_a_frozen_graph_says_nothing_of_versions(model):
    frozen = graph_util.convert_variables_to_constants(model, model.graph.as_graph_def(), ["y"])
    assert frozen.versions.producer == 0


def test_variables_run_where_they_are_put_and_casts_of_int32_on_the_cpu(model):
    r, w = (model.graph.get_operation_by_name(name) for name in "rw")
    assert not graph_util.must_run_on_cpu(r, True) and graph_util.must_run_on_cpu(
        tf.assign(w.outputs[0], tf.zeros([3, 2])).op, True
    )
    to_int, from_int = tf.cast([1.0], tf.int32).op, tf.cast(tf.constant([1]), tf.float32).op
    assert not graph_util.must_run_on_cpu(to_int) and graph_util.must_run_on_cpu(from_int)


def test_shapes_and_places(model):
    assert graph_util.tensor_shape_from_node_def_name(model.graph, "x").as_list() == [None, 3]
    assert graph_util.tensor_shape_from_node_def_name(model.graph, "w:0").as_list() == [3, 2]
    assert graph_util.must_run_on_cpu(tf.constant("a").op) and not graph_util.must_run_on_cpu(tf.constant(1.0).op)
    w = model.graph.get_operation_by_name("w")
    assert graph_util.must_run_on_cpu(w, pin_variables_on_cpu=True) and not graph_util.must_run_on_cpu(w.node_def)
