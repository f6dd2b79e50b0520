"""Graphs: names, defaults, finding elements, collections, finalizing, building from threads."""

import inspect
import threading

import numpy as np
import pytest

import hookloop as tf


def test_default_graph_is_the_innermost(graph):
    assert tf.get_default_graph() is graph
    with tf.Graph().as_default() as inner:
        assert tf.get_default_graph() is inner
        assert tf.constant(1).graph is inner
    assert tf.get_default_graph() is graph


def test_default_graph_is_of_the_thread(graph):
    found = []
    thread = threading.Thread(target=lambda: found.append(tf.get_default_graph()))
    thread.start()
    thread.join()
    assert found[0] is not graph


def test_reset_default_graph():
    found = []

    def reset():  # in a thread of its own: outside the test's graph
        found.append(tf.get_default_graph())
        tf.reset_default_graph()
        found.append(tf.get_default_graph())

    thread = threading.Thread(target=reset)
    thread.start()
    thread.join()
    assert len(found) == 2
    assert found[0] is not found[1]


def test_reset_default_graph_inside_as_default_is_refused(graph):
    with pytest.raises(AssertionError, match="Do not use tf.reset_default_graph"):
        tf.reset_default_graph()


def test_names_are_made_unique(graph):
    assert [tf.constant(1, name="a").op.name for _ in range(3)] == ["a", "a_1", "a_2"]
    assert tf.constant(1, name="a_1").op.name == "a_1_1"
    assert tf.constant(1, name="A").op.name == "A_3"


def test_bad_names_are_refused(graph):
    for name in ("bad name", "_x", "a*b"):
        with pytest.raises(ValueError, match="is not a valid scope name"):
            tf.constant(1, name=name)
    with tf.name_scope("s"):
        assert tf.constant(1, name="_x").op.name == "s/_x"


def test_creation_order_and_version(graph):
    assert graph.version == 0
    a, b = tf.constant(1), tf.constant(2)
    assert graph.get_operations() == [a.op, b.op]
    assert graph.version == 2


def test_elements_by_name(graph):
    x = tf.placeholder(tf.float32, name="x")
    assert graph.get_tensor_by_name("x:0") is x
    assert graph.get_operation_by_name("x") is x.op
    assert graph.as_graph_element("x:0") is x
    assert graph.as_graph_element("x") is x.op
    assert graph.as_graph_element(x) is x


@pytest.mark.parametrize(
    "name, error, text",
    [
        ("nope", KeyError, "The name 'nope' refers to an Operation not in the graph"),
        ("nope:0", KeyError, "The operation, 'nope', does not exist in the graph"),
        ("x:3", KeyError, "The operation, 'x', exists but only has 1 outputs"),
        ("x:0:0", ValueError, "looks a like a Tensor name, but is not a valid one"),
        ("x:a", ValueError, "looks a like a Tensor name, but is not a valid one"),
        (5, TypeError, "Can not convert a int into a Tensor or Operation"),
        (None, TypeError, "Can not convert a NoneType into a Tensor or Operation"),
    ],
)
def test_what_is_no_element_is_refused(graph, name, error, text):
    tf.placeholder(tf.float32, name="x")
    with pytest.raises(error, match=text):
        graph.as_graph_element(name)


def test_the_other_kind_of_element_is_refused(graph):
    tf.placeholder(tf.float32, name="x")
    with pytest.raises(ValueError, match="The name 'x' refers to an Operation, not a Tensor"):
        graph.get_tensor_by_name("x")
    with pytest.raises(ValueError, match="Name 'x:0' appears to refer to a Tensor, not a Operation"):
        graph.get_operation_by_name("x:0")
    with pytest.raises(ValueError, match=r"\(invalid\) Operation name, not a Tensor"):
        graph.get_tensor_by_name("y")
    with pytest.raises(TypeError, match="Tensor names are strings"):
        graph.get_tensor_by_name(5)
    with pytest.raises(TypeError, match="Operation names are strings"):
        graph.get_operation_by_name(5)
    with pytest.raises(ValueError, match="can't both be False"):
        graph.as_graph_element("x", allow_tensor=False, allow_operation=False)


def test_elements_of_another_graph_are_refused(graph):
    other = tf.Graph()
    with other.as_default():
        x = tf.constant(1.0)
    with pytest.raises(
        ValueError, match=r'^Tensor Tensor\("Const:0", shape=\(\), dtype=float32\) is not an element of this'
    ):
        graph.as_graph_element(x)
    with pytest.raises(ValueError, match=r"^Operation 'Const' is not an element of this graph"):
        graph.as_graph_element(x.op)
    with pytest.raises(ValueError, match="is not from the passed-in graph"):
        graph.create_op("Identity", [x])


def test_a_node_from_its_parts(graph):
    x = tf.constant([1.5, 2.5])
    negative = graph.create_op("Neg", [x], [tf.float32], name="n", attrs={"T": tf.AttrValue(type=1)})
    assert (negative.name, negative.type, negative.outputs[0].shape.as_list()) == ("n", "Neg", [2])
    assert graph.create_op("Neg", [x]).name == "Neg"
    whole = graph.create_op(
        op_type="Cast", inputs=[x], dtypes=[tf.int32], attrs={"DstT": tf.AttrValue(type=3), "SrcT": tf.float32}
    )
    with tf.Session(graph=graph) as session:
        assert session.run([negative.outputs[0], whole.outputs[0]])[1].tolist() == [1, 2]
    with pytest.raises(TypeError, match=r"Input #1 is not a tensor: 1\.0"):
        graph.create_op("Add", [x, 1.0], [tf.float32])


def test_a_node_whose_attributes_tell_another_type_than_its_inputs_have(graph):
    x, axis = tf.constant([1.5, 2.5]), tf.constant(0, tf.int64)
    with pytest.raises(
        TypeError, match=r"Input #0 of 'Neg' must be of type int32, as its attributes say, got float32 from Const:0"
    ):
        graph.create_op("Neg", [x], attrs={"T": tf.int32})
    with pytest.raises(
        TypeError, match="Input #1 of 'ExpandDims' must be of type int32, as its attributes say, got int64"
    ):
        graph.create_op("ExpandDims", [x, axis])
    with pytest.raises(
        TypeError, match="parameter 'Tindices' has DataType float32 not in list of allowed values: int32, int64"
    ):
        graph.create_op("ScatterNd", [x, x, axis])
    assert graph.create_op("ExpandDims", [x, axis], attrs={"Tdim": tf.int64}).outputs[0].shape.as_list() == [1, 2]
    assert [op.type for op in graph.get_operations()] == ["Const", "Const", "ExpandDims"]


def test_a_finalized_graph_does_not_change(graph):
    x = tf.constant(1)
    graph.finalize()
    assert graph.finalized
    for change in (
        lambda: tf.constant(2),
        lambda: graph.add_to_collection("c", x),
        lambda: graph.add_to_collections(["c"], x),
        lambda: graph.clear_collection("c"),
    ):
        with pytest.raises(RuntimeError, match="Graph is finalized and cannot be modified"):
            change()
    assert graph.get_operations() == [x.op]


def test_collections(graph):
    a, b = tf.constant(1, name="net/a"), tf.constant(2, name="b")
    tf.add_to_collection("c", a)
    tf.add_to_collections(["c", "d", "c"], b)
    assert tf.get_collection("c") == [a, b]
    assert tf.get_collection("c", scope="net") == [a]
    assert tf.get_collection("none") == []
    tf.get_collection("c").clear()
    assert tf.get_collection("c") == [a, b]
    tf.get_collection_ref("c").remove(a)
    assert tf.get_collection("c") == [b]
    assert sorted(graph.get_all_collection_keys()) == ["c", "d"]
    graph.clear_collection("c")
    assert tf.get_collection("c") == []


def test_feeding_and_fetching_can_be_prevented(graph):
    x = tf.constant(1)
    assert graph.is_feedable(x) and graph.is_fetchable(x)
    graph.prevent_feeding(x)
    graph.prevent_fetching(x.op)
    assert not graph.is_feedable(x)
    assert not graph.is_fetchable(x)


def test_a_failed_node_is_not_left_in_the_graph(graph):
    x = tf.placeholder(tf.float32, [2])
    with pytest.raises(ValueError, match="Dimension"):
        tf.placeholder_with_default(x, [3])
    assert graph.get_operations() == [x.op]


def test_duplicate_name_is_refused(graph):
    with tf.name_scope("a") as scope:
        tf.no_op(name=scope)
        with pytest.raises(ValueError, match="Duplicate node name in graph: 'a'"):
            tf.no_op(name=scope)


def test_several_threads_build_one_graph(graph):
    def build():
        with graph.as_default(), tf.name_scope("thread"):
            for _ in range(200):
                tf.constant(1.0, name="c")

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [op.name for op in graph.get_operations()]
    assert len(names) == len(set(names)) == 800
    assert [op._id for op in graph.get_operations()] == list(range(800))


def test_graph_def_has_nodes_attributes_and_control_inputs(graph):
    a = tf.constant([1.0, 2.0], name="a")
    with tf.control_dependencies([tf.no_op(name="n")]):
        tf.identity(a, name="i")
    tf.constant([b"x", "y"], name="s")
    nodes = {node.name: node for node in graph.as_graph_def(add_shapes=True).node}
    assert list(nodes["i"].input) == ["a", "^n"]
    assert nodes["i"].attr["T"].type == 1
    assert tf.make_ndarray(nodes["a"].attr["value"].tensor).tolist() == [1.0, 2.0]
    assert tf.make_ndarray(nodes["s"].attr["value"].tensor).tolist() == [b"x", b"y"]
    assert nodes["i"].attr["_output_shapes"].list.shape[0].dim[0].size == 2
    assert len(graph.as_graph_def(from_version=3).node) == 1
    assert graph.as_graph_def().versions.producer == 134


def test_scopes_are_of_the_thread(graph):
    names = []

    def build():
        with graph.as_default():
            names.append(tf.no_op("inner").name)
            with tf.name_scope("of_thread"), tf.control_dependencies([first]):
                names.append(tf.no_op("inner").name)

    first = tf.no_op("first")
    with tf.name_scope("outer"):
        for _ in range(2):  # a thread may get the number of one that has ended
            thread = threading.Thread(target=build)
            thread.start()
            thread.join()
        last = tf.no_op("last")
    assert names == ["inner", "of_thread/inner", "inner_1", "of_thread_1/inner"]
    assert last.name == "outer/last" and not last.control_inputs


def test_names_may_be_numpy_strings(graph):
    name = np.str_("x")
    with tf.name_scope(np.str_("scope")):
        assert tf.no_op(name).name == "scope/x" and type(tf.no_op(name).name) is str


def test_a_name_with_characters_that_none_has_is_refused(graph):
    for name in ("a b", "ä", "_a", "-a", "/a", "a\n"):
        with pytest.raises(ValueError, match="is not a valid scope name"):
            tf.no_op(name)
    with tf.name_scope("scope"):
        assert tf.no_op("_a").name == "scope/_a"
        with pytest.raises(ValueError, match="'a b' is not a valid scope name"):
            tf.no_op("a b")


def test_all_ops_of_a_composed_function_name_the_users_line(graph):
    line = inspect.currentframe().f_lineno + 1
    tf.nn.softmax_cross_entropy_with_logits_v2(labels=tf.ones([2, 3]), logits=tf.ones([2, 3]))
    assert {op._location for op in graph.get_operations()} == {(__file__, line)}
