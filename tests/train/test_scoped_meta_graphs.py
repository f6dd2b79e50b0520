"""Meta graphs of scopes by TensorFlow's own functions under `tf.train.export_meta_graph`; what is asserted, 1.15 gives too."""

import pytest

import hookloop as tf
from hookloop.python.framework import meta_graph, test_util


@pytest.fixture
def layer():
    """A layer in a scope, whose input is outside of it."""
    images = tf.constant(1.0, shape=[2, 4], name="images")
    with tf.name_scope("hidden1"):
        weights = tf.Variable(tf.ones([4, 3]), name="weights")
        logits = tf.matmul(images, weights, name="logits")
    tf.add_to_collection("logits", logits)
    tf.add_to_collection("sizes", 3)
    return logits


@pytest.fixture
def exported(layer):
    return meta_graph.export_scoped_meta_graph(export_scope="hidden1")


def test_the_variables_of_a_scope(exported):
    message, variables = exported
    assert list(variables) == ["weights:0"] and variables["weights:0"].name == "hidden1/weights:0"
    assert [node.name for node in message.graph_def.node][-1] == "logits"
    assert message.collection_def["unbound_inputs"].bytes_list.value == [b"$unbound_inputs_images"]


def test_the_collection_of_inputs_from_outside_may_have_another_name(layer):
    for name in (None, "mine"):
        message, _ = meta_graph.export_scoped_meta_graph(export_scope="hidden1", unbound_inputs_col_name=name)
        assert "unbound_inputs" not in message.collection_def and ("mine" in message.collection_def) == bool(name)
    message, _ = meta_graph.export_scoped_meta_graph(export_scope="hidden1", unbound_inputs_col_name="mine")
    with (
        tf.Graph().as_default(),
        pytest.raises(ValueError, match="Graph contains unbound inputs: .unbound_inputs_images"),
    ):
        meta_graph.import_scoped_meta_graph(message, unbound_inputs_col_name="mine")


def test_importing_gives_the_variables_and_what_is_asked_for(exported):
    with tf.Graph().as_default() as graph:
        inputs = {"$unbound_inputs_images": tf.zeros([2, 4])}
        for scope in ("new", "new_1"):
            variables, elements = meta_graph.import_scoped_meta_graph_with_return_elements(
                exported[0], import_scope="new", input_map=inputs, return_elements=["logits:0", "weights"]
            )
            assert [(name, v.name) for name, v in variables.items()] == [("weights:0", f"{scope}/weights:0")]
            assert [element.name for element in elements] == [f"{scope}/logits:0", f"{scope}/weights"]
        assert [tensor.name for tensor in graph.get_collection("logits")] == ["new/logits:0", "new_1/logits:0"]
        assert graph.get_collection("sizes") == [3, 3]


@pytest.mark.parametrize("scope, found", [(None, "around/weights:0"), ("in", "around/in/weights:0")])
def test_importing_stays_in_the_scope_of_the_program(exported, scope, found):
    with tf.Graph().as_default():
        inputs = {"$unbound_inputs_images": tf.zeros([2, 4])}
        with tf.name_scope("around"):
            variables = meta_graph.import_scoped_meta_graph(exported[0], import_scope=scope, input_map=inputs)
        assert [v.name for v in variables.values()] == [found]


def test_the_public_function_stays_in_it_too():
    tf.Variable(1.0, name="v")
    message = tf.train.export_meta_graph()
    with tf.Graph().as_default():
        with tf.name_scope("around"):
            tf.train.import_meta_graph(message)
        assert [v.name for v in tf.global_variables()] == ["around/v:0"]


def test_collections_that_are_not_wanted_are_left_out(exported):
    with tf.Graph().as_default() as graph:
        inputs = {"$unbound_inputs_images": tf.zeros([2, 4])}
        meta_graph.import_scoped_meta_graph(
            exported[0], input_map=inputs, restore_collections_predicate=lambda key: key == "sizes"
        )
        assert graph.get_all_collection_keys() == ["sizes"]


def test_a_copy_of_a_scope(executor):
    with tf.name_scope("h1"):
        tf.matmul([[1.0, 2.0]], tf.Variable([[1.0], [2.0]], name="w"), name="y")
    assert meta_graph.copy_scoped_meta_graph("h1", "h2")["w:0"].name == "h2/w:0"
    other = tf.Graph()
    assert meta_graph.copy_scoped_meta_graph("h1", "h1", to_graph=other)["w:0"].graph is other
    with pytest.raises(ValueError, match="'from_scope' and 'to_scope' need to be different"):
        meta_graph.copy_scoped_meta_graph("h1", "h1")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert [value.tolist() for value in session.run(["h1/y:0", "h2/y:0"])] == [[[5.0]], [[5.0]]]


def test_a_message_of_parts(caplog):
    tf.add_to_collection("v", tf.Variable(1.0, name="v"))
    tf.add_to_collection("texts", "a")
    message = meta_graph.create_meta_graph_def(collection_list=["texts"])
    assert list(message.collection_def) == ["texts"] and message.graph_def.node
    assert "v" not in meta_graph.create_meta_graph_def(exclude_nodes=["v:0"]).collection_def
    meta_graph.add_collection_def(message, "texts", override_contents=["b"])
    assert message.collection_def["texts"].bytes_list.value == [b"a", b"b"]
    meta_graph.add_collection_def(message, 5)
    assert "Only collections with string type keys will be serialized. This key has <class 'int'>" in caplog.text


def test_attributes_that_have_their_default():
    tf.complex(1.0, 2.0, name="z")
    message = meta_graph.create_meta_graph_def()
    assert meta_graph.ops_used_by_graph_def(message.graph_def) == {"Complex", "Const"}
    assert [op.name for op in meta_graph.stripped_op_list_for_graph(message.graph_def).op] == ["Complex", "Const"]
    meta_graph.strip_graph_default_valued_attrs(message)
    (node,) = [node for node in message.graph_def.node if node.op == "Complex"]
    assert list(node.attr) == ["_output_shapes"] and message.meta_info_def.stripped_default_attrs


def test_files(tmp_path):
    tf.constant(1, name="c")
    message, variables = meta_graph.export_scoped_meta_graph(str(tmp_path / "m"))
    assert meta_graph.read_meta_graph_file(str(tmp_path / "m")) == message and variables == {}
    with pytest.raises(OSError, match="File .*none does not exist"):
        meta_graph.read_meta_graph_file(str(tmp_path / "none"))


def test_other_savers_are_left_out():
    tf.Variable(1.0, name="v")
    kept, other = tf.train.Saver(), tf.train.Saver()
    for saver in (kept, other):
        tf.add_to_collection(tf.GraphKeys.SAVERS, saver)
    message = tf.train.export_meta_graph(saver_def=kept.saver_def, clear_extraneous_savers=True)
    assert message.collection_def["savers"].bytes_list.value == [kept.saver_def.SerializeToString()]
    assert {node.name.partition("/")[0] for node in message.graph_def.node} == {"v", "save"}
    message = tf.train.export_meta_graph(clear_extraneous_savers=True)
    assert "savers" not in message.collection_def and {n.name.partition("/")[0] for n in message.graph_def.node} == {
        "v"
    }


def test_a_graph_that_is_not_the_default_one(executor, tmp_path):
    tf.Variable([2.0], name="v")
    saver = tf.train.Saver(name="keep")
    message = saver.export_meta_graph()
    graph, default = tf.Graph(), tf.get_default_graph()
    before = len(default.get_operations())
    restored = tf.train.import_meta_graph(message, graph=graph, import_scope="new")
    assert [v.name for v in graph.get_collection("variables")] == ["new/v:0"]
    assert len(default.get_operations()) == before
    with tf.Session(graph=graph) as session:
        session.run("new/v/Assign")
        restored.save(session, str(tmp_path / "m"), write_meta_graph=False)
    with tf.Session() as session:
        saver.restore(session, str(tmp_path / "m"))
        assert session.run("v:0") == [2.0]


def test_the_public_function_knows_inputs_from_outside_by_another_name(layer):
    message, _ = meta_graph.export_scoped_meta_graph(export_scope="hidden1", unbound_inputs_col_name="mine")
    graph = tf.Graph()
    with pytest.raises(ValueError, match="Graph contains unbound inputs: .unbound_inputs_images"):
        tf.train.import_meta_graph(message, graph=graph, unbound_inputs_col_name="mine")
    images = {"$unbound_inputs_images": tf.zeros([2, 4])}
    with pytest.raises(TypeError, match="unexpected keyword argument 'unbound_inputs'"):
        tf.train.import_meta_graph(message, input_map=images, unbound_inputs="mine")


def test_messages_are_compared_whatever_the_order_of_their_nodes():
    tf.Variable([2.0], name="v")
    case = tf.test.TestCase()
    one, other = tf.train.export_meta_graph(), tf.train.export_meta_graph()
    nodes = list(other.graph_def.node)
    del other.graph_def.node[:]
    other.graph_def.node.extend(reversed(nodes))
    test_util.assert_meta_graph_protos_equal(case, one, other)
    tf.add_to_collection("sizes", 3)
    with pytest.raises(AssertionError, match="sizes"):
        test_util.assert_meta_graph_protos_equal(case, one, tf.train.export_meta_graph())
