"""Graphs from files: `import_graph_def` and `import_meta_graph`, also of files that TensorFlow wrote."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf
from hookloop.files import messages
from tests.fixtures import meta_graph_program

FIXTURES = Path(__file__).parent / "fixtures" / "meta_graphs"
ANSWERS = json.loads((FIXTURES / "meta_graphs.json").read_text())
PROGRAMS = meta_graph_program.programs(tf)


def close(found, wanted):
    for mine, its in zip(found, wanted, strict=True):
        for a, b in zip(mine, its, strict=True):
            if b is not None:
                np.testing.assert_allclose(a, b, rtol=1e-4)


def initialize(session, scope=""):
    session.run(
        tf.global_variables_initializer() if not scope else tf.variables_initializer(tf.global_variables(scope))
    )


# --- programs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["", "outer"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_graph_that_tensorflow_wrote(name, scope, executor):
    _, fetches, feeds = PROGRAMS[name]
    prefix = scope + "/" if scope else ""
    tf.train.import_meta_graph(str(FIXTURES / f"{name}.meta"), import_scope=scope or None)
    with tf.Session() as session:
        initialize(session)
        names = [prefix + fetch for fetch in fetches]
        found = meta_graph_program.run(session, names, [{prefix + key: v for key, v in feed.items()} for feed in feeds])
    close(found, ANSWERS[name])


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_graph_of_our_own(name, executor):
    build, fetches, feeds = PROGRAMS[name]
    build()
    message = tf.train.export_meta_graph()
    with tf.Graph().as_default():
        tf.train.import_meta_graph(message)
        with tf.Session() as session:
            initialize(session)
            close(meta_graph_program.run(session, fetches, feeds), ANSWERS[name])


# That no gradient flows through a loop is in the message of its context, which a GraphDef alone does not have.
SLOPES = [
    (name, of_tensorflow)
    for name, (_, fetches, _) in PROGRAMS.items()
    for of_tensorflow in (True, False)
    if "slope:0" in fetches and (of_tensorflow or name != "options")
]


@pytest.mark.parametrize(("name", "of_tensorflow"), SLOPES)
def test_gradients_of_a_graph_from_a_file(name, of_tensorflow):
    build, _, feeds = PROGRAMS[name]
    if of_tensorflow:
        tf.train.import_meta_graph(str(FIXTURES / f"{name}.meta"))
    else:
        with tf.Graph().as_default() as other:
            build()
        tf.import_graph_def(other.as_graph_def(), name="")
    graph = tf.get_default_graph()
    y = graph.get_tensor_by_name("y:0").op.inputs[0]
    slope = tf.gradients(y, graph.get_tensor_by_name("x:0"))[0]
    with tf.Session() as session:
        close(meta_graph_program.run(session, [slope], feeds), [[run[1]] for run in ANSWERS[name]])


@pytest.mark.parametrize("name", PROGRAMS)
def test_conditionals_and_loops_are_written_as_tensorflow_writes_them(name):
    wanted = json.loads((FIXTURES / "contexts.json").read_text())
    assert meta_graph_program.contexts(tf, messages, [name]) == {name: wanted[name]}


@pytest.mark.parametrize("scope", ["", "outer"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_conditionals_and_loops_from_a_file_are_written_as_they_were(name, scope):
    path = str(FIXTURES / f"{name}.meta")
    given = tf.MetaGraphDef.FromString(Path(path).read_bytes())
    tf.train.import_meta_graph(path, import_scope=scope or None)
    written = tf.train.export_meta_graph(export_scope=scope or None)
    for key, kind in (("cond_context", messages.CondContextDef), ("while_context", messages.WhileContextDef)):
        lists = [message.collection_def[key].bytes_list.value for message in (written, given)]
        mine, its = ([kind.FromString(value) for value in values] for values in lists)
        assert mine == its
    frames = {op.get_attr("frame_name") for op in tf.get_default_graph().get_operations() if op.type == "Enter"}
    loops = [context.name.encode() for context in tf.get_collection("while_context")]
    assert set(loops) <= frames


def test_a_loop_without_gradients_stays_so_in_a_file():
    x = tf.placeholder(tf.float32, [], name="x")
    tf.while_loop(lambda a: a < 9.0, lambda a: a * x, [x], back_prop=False, name="loop")
    message = tf.train.export_meta_graph()
    with tf.Graph().as_default() as graph:
        tf.train.import_meta_graph(message)
        x, y = graph.get_tensor_by_name("x:0"), graph.get_tensor_by_name("loop/Exit:0")
        (loop,) = graph.get_collection("while_context")
        assert loop.name == "loop/while_context" and not loop.back_prop
        assert tf.gradients(y, x) == [None]


def test_a_context_that_the_nodes_do_not_bear_out_is_left_out(caplog):
    x = tf.placeholder(tf.float32, [], name="x")
    tf.identity(tf.cond(x > 0.0, lambda: x * 2.0, lambda: -x), name="y")
    message = tf.train.export_meta_graph()
    known = message.collection_def["cond_context"].bytes_list.value
    known[0] = messages.CondContextDef(context_name="a", pivot_name="x:0", pred_name="Greater:0").SerializeToString()
    known[1] = messages.CondContextDef(context_name="b", pivot_name="nowhere:0").SerializeToString()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.train.import_meta_graph(message)
        assert session.run("y:0", {"x:0": 3.0}) == 6.0
        assert tf.get_collection("cond_context") == []
    assert "Left out of collection cond_context: a: 'x:0' is in no branch of a context 'a'" in caplog.text
    assert "Left out of collection cond_context: b: " in caplog.text


def _scoped():
    """A meta graph of a scope whose nodes read and wait for others."""
    with tf.Graph().as_default():
        a, first = tf.constant(1.0, name="a"), tf.no_op("first")
        with tf.name_scope("s"):
            v = tf.Variable(2.0, name="v")
            with tf.control_dependencies([first]):
                b = tf.add(v, a, name="b")
            with tf.colocate_with(a.op):
                c = tf.identity(b, name="c")
            tf.while_loop(lambda i: i < 9.0, lambda i: i + a, [c], name="loop")
        for text in ("s/b", "other"):
            tf.add_to_collection("texts", text)
        return tf.train.export_meta_graph(export_scope="s"), tf.get_collection("unbound_inputs")


def test_inputs_from_outside_the_scope_that_is_exported_are_named():
    message, unbound = _scoped()
    assert unbound == ["$unbound_inputs_a", "^$unbound_inputs_first", "$unbound_inputs_a"]
    assert message.collection_def["unbound_inputs"].bytes_list.value[:] == [b"$unbound_inputs_a"] * 2
    assert message.collection_def["texts"].bytes_list.value[:] == [b"s/b"]
    nodes = {node.name: node for node in message.graph_def.node}
    assert list(nodes["b"].input) == ["v/read", "$unbound_inputs_a", "^$unbound_inputs_first"]
    assert nodes["v/read"].attr["_class"].list.s[:] == [b"loc:@v"] and not nodes["c"].attr["_class"].list.s
    assert nodes["loop/Enter"].attr["frame_name"].s == b"loop/while_context"


def test_inputs_from_outside_a_scope_are_to_be_given(executor):
    message, _ = _scoped()
    text = r"Graph contains unbound inputs: \$unbound_inputs_a,\$unbound_inputs_a. Must provide these inputs"
    with pytest.raises(ValueError, match=text):
        tf.train.import_meta_graph(message)
    a = tf.constant(5.0)
    with pytest.raises(ValueError, match=r"Node 'b': Unknown input node '\^\$unbound_inputs_first'"):
        tf.train.import_meta_graph(message, input_map={"$unbound_inputs_a": a})
    counter = tf.Variable(0.0, name="counter")
    counted = counter.assign_add(1.0)
    tf.train.import_meta_graph(
        message, import_scope="z", input_map={"$unbound_inputs_a": a, "^$unbound_inputs_first": counted}
    )
    assert tf.get_collection("unbound_inputs") == [] and tf.get_collection("texts") == ["z/s/b"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(["z/b:0", "z/loop/Exit:0", counter]) == [7.0, 12.0, 1.0]


def test_a_node_lies_beside_one_of_its_message():
    message = tf.GraphDef()
    message.node.add(name="a", op="NoOp").attr["_class"].list.s.append(b"loc:@Z")
    with pytest.raises(ValueError, match="Node 'a' expects to be colocated with unknown node 'Z'"):
        tf.import_graph_def(message)


def test_messages_of_other_types_are_refused():
    for argument in ("saver_def", "graph_def", "meta_info_def"):
        with pytest.raises(TypeError, match=f"{argument} must be of type .*, not <class 'int'>"):
            tf.train.export_meta_graph(**{argument: 5})


def test_training_goes_on_with_only_the_files(tmp_path):
    build, fetches, feeds = PROGRAMS["dense"]
    build()
    with tf.Session() as session:
        initialize(session)
        meta_graph_program.run(session, fetches, feeds[:3])
        path = tf.train.Saver().save(session, str(tmp_path / "model"))
    with tf.Graph().as_default():
        saver = tf.train.import_meta_graph(path + ".meta")
        assert [v.name for v in tf.trainable_variables()] == ["w:0"]
        assert tf.trainable_variables()[0] in tf.global_variables()
        assert tf.train.get_global_step().name == "global_step:0"
        with tf.Session() as session:
            saver.restore(session, path)
            close(meta_graph_program.run(session, fetches, feeds[3:]), ANSWERS["dense"][3:])


# --- import_graph_def -------------------------------------------------------------------------------------------


@pytest.fixture
def small():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        with tf.name_scope("s"):
            y = tf.add(x, 1.0, name="y")
        z = tf.identity(y, name="z")
        with tf.colocate_with(y.op):
            tf.tanh(z, name="w")
    return graph.as_graph_def()


def names():
    return [op.name for op in tf.get_default_graph().get_operations()]


def test_names(small):
    tf.import_graph_def(small)
    assert names() == ["import/x", "import/s/y/y", "import/s/y", "import/z", "import/w"]
    assert tf.get_default_graph().get_operation_by_name("import/w").colocation_groups() == [b"loc:@import/s/y"]
    tf.import_graph_def(small, name="m")
    tf.import_graph_def(small, name="m")
    assert names()[-1] == "m_1/w"


def test_no_prefix_is_none_of_the_scopes_around(small):
    with tf.name_scope("out"):
        tf.import_graph_def(small, name="")
        tf.import_graph_def(small, name="q")
    assert names()[:2] == ["x", "s/y/y"] and names()[-1] == "out/q/w"


def test_the_same_names_twice_are_made_unique(small):
    tf.import_graph_def(small, name="")
    elements = tf.import_graph_def(small, name="", return_elements=["w"])
    assert elements[0].name == "w_1" and elements[0].inputs[0].name == "z_1:0"


def test_a_loop_whose_frame_has_no_name_adds_nothing():
    with tf.Graph().as_default() as graph:
        tf.while_loop(lambda i: i < 3, lambda i: i + 1, [0])
    message = graph.as_graph_def()
    for node in message.node:
        if node.op == "Enter":
            node.attr["frame_name"].i = 3
    with pytest.raises(ValueError, match="AttrValue had value with type 'int' when 'string' expected"):
        tf.import_graph_def(message)
    assert names() == []


def test_a_scope_that_is_entered_again(small):
    first = tf.import_graph_def(small, name="m/", return_elements=["w"])[0]
    second = tf.import_graph_def(small, name="m/", return_elements=["w"])[0]
    assert (first.name, second.name) == ("m/w", "m/w_1")
    assert second.colocation_groups() == [b"loc:@m/s/y_1"] and second.inputs[0].name == "m/z_1:0"


def test_nodes_in_any_order(small):
    backwards = type(small)(versions=small.versions)
    backwards.node.extend(reversed(list(small.node)))
    w, x = tf.import_graph_def(backwards, return_elements=["w:0", "x:0"])
    with tf.Session() as session:
        assert session.run(w, {x: np.zeros((1, 3))}) == pytest.approx(np.tanh(1.0))


@pytest.mark.parametrize("key", ["x:0", "x", b"x:0"])
def test_a_tensor_takes_the_place_of_one(small, key):
    given = tf.constant([[1.0, 2.0, 3.0]])
    w, y = tf.import_graph_def(small, input_map={key: given}, return_elements=["w:0", "s/y"])
    assert y.type in ("Add", "AddV2") and w.shape.as_list() == [1, 3]
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(w), np.tanh([[2.0, 3.0, 4.0]]), rtol=1e-6)


def test_control_dependencies_and_devices_around_hold_for_all(small):
    first = tf.no_op("first")
    with tf.control_dependencies([first]), tf.device("/cpu:1"):
        tf.import_graph_def(small, name="")
    for op in tf.get_default_graph().get_operations()[1:]:
        assert op.control_inputs == [first] and op.device == "/device:CPU:1"


def test_static_shapes_of_the_file():
    with tf.Graph().as_default() as graph:
        value = tf.py_func(lambda: np.float32(1), [], tf.float32, name="f")
        value.set_shape([2, None])
    (f,) = tf.import_graph_def(graph.as_graph_def(add_shapes=True), return_elements=["f:0"])
    assert f.shape.as_list() == [2, None]


def edited(message, change):
    copy = type(message).FromString(message.SerializeToString())
    change(copy)
    return copy


def rename(graph_def):
    graph_def.node[0].op = "Nonsense"


def unknown_input(graph_def):
    graph_def.node[3].input[0] = "missing"


def unknown_output(graph_def):
    graph_def.node[3].input[0] = "s/y:4"


def other_type(graph_def):
    graph_def.node[2].attr["T"].type = 3


def no_type(graph_def):
    del graph_def.node[2].attr["T"]


def twice(graph_def):
    graph_def.node.add().CopyFrom(graph_def.node[0])


def one_input_more(graph_def):
    graph_def.node[2].input.append("x")


def cycle(graph_def):
    graph_def.node[2].input[0] = "z"


def other_shape(graph_def):
    graph_def.node[1].attr["value"].tensor.tensor_shape.dim.add().size = 2


def group_that_is_none(graph_def):
    graph_def.node[4].attr["_class"].i = 3


def name_of_another_kind(graph_def):
    graph_def.node[0].attr["shape"].i = 3


def type_of_another_kind(graph_def):
    graph_def.node[2].attr["T"].i = 1


def size_below_minus_one(graph_def):
    graph_def.node[0].attr["shape"].shape.dim[0].size = -2


def no_operation(graph_def):
    graph_def.node[0].op = ""


def waits_first(graph_def):
    graph_def.node[2].input.insert(0, "^x")


def nothing_to_add(graph_def):
    graph_def.node.add(name="none", op="AddN").attr["N"].i = 0
    graph_def.node[-1].attr["T"].type = 1


def other_output_shape(graph_def):
    graph_def.node[0].attr["_output_shapes"].list.shape.add().dim.add().size = 7


def before_the_first(graph_def):
    graph_def.versions.producer = -1


def from_the_future(graph_def):
    graph_def.versions.min_consumer = 9999


def from_a_refused_program(graph_def):
    graph_def.versions.bad_consumers.append(134)


def name_with_a_space(graph_def):
    graph_def.node[0].name = "a b"


def name_with_a_backslash(graph_def):
    graph_def.node[0].name = "a\\b"


def name_of_the_runtime(graph_def):
    graph_def.node[0].name = "_x"


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (rename, tf.errors.NotFoundError, "Op type not registered 'Nonsense'.*node 'x'"),
        (unknown_input, ValueError, "Node 'z': Unknown input node 'missing'"),
        (unknown_output, ValueError, "Node 'z': Connecting to invalid output 4 of source node s/y which has 1 outputs"),
        (
            other_type,
            ValueError,
            "Input 0 of node import/s/y was passed float from import/x:0 incompatible with expected int32",
        ),
        (no_type, ValueError, "NodeDef missing attr 'T' from Op<name=Add"),
        (twice, ValueError, "Node 'x' is not unique"),
        (
            one_input_more,
            ValueError,
            "NodeDef expected inputs 'float, float' do not match 3 inputs specified; Op<name=Add(V2)?>",
        ),
        (cycle, ValueError, "3 nodes in a cycle"),
        (other_shape, ValueError, "Dimensions must be equal, but are 3 and 2.*while importing node 's/y'"),
        (group_that_is_none, (ValueError, TypeError), "."),
        (name_of_another_kind, ValueError, "AttrValue had value with type 'int' when 'shape' expected.*node 'x'"),
        (type_of_another_kind, ValueError, "AttrValue had value with type 'int' when 'type' expected.*node 's/y'"),
        (size_below_minus_one, ValueError, r"Node 'x': Shape \[-2.*\] has dimensions with values below -1"),
        (no_operation, ValueError, "Node 'x' does not specify an operation"),
        (waits_first, ValueError, "Node 's/y': Control dependencies must come after regular dependencies"),
        (nothing_to_add, ValueError, "Value for attr 'N' of 0 must be at least minimum 1"),
        (other_output_shape, ValueError, "Node 'import/x' has an _output_shapes attribute inconsistent .* output #0"),
        (before_the_first, ValueError, "GraphDef producer version -1 below min producer 0 supported by TensorFlow"),
        (name_with_a_space, ValueError, "Node 'a b': Node name contains invalid characters"),
        (name_with_a_backslash, ValueError, r"Node 'a\\b': Node name contains invalid characters"),
        (name_of_the_runtime, ValueError, "Node '_x': Node name contains invalid characters"),
        (from_a_refused_program, ValueError, "GraphDef disallows consumer version 134"),
        (from_the_future, ValueError, "GraphDef min consumer version 9999 above current version 134"),
    ],
)
def test_a_message_that_cannot_be_imported_adds_nothing(small, change, error, text):
    with pytest.raises(error, match=text) as caught:
        tf.import_graph_def(edited(small, change))
    assert caught.type in (ValueError, TypeError, tf.errors.NotFoundError)  # no class that users do not know
    assert names() == []
    tf.import_graph_def(small, name="")
    assert names()[-1] == "w"


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"return_elements": ["nope"]}, ValueError, "Requested return node 'nope' not found in graph def"),
        ({"return_elements": ["x:3"]}, ValueError, r"Invalid return output 3 of node 'x', which has 1 output\(s\)"),
        ({"return_elements": ["nope:0"]}, ValueError, "Requested return tensor 'nope:0' not found in graph def"),
        ({"return_elements": ["x:y"]}, ValueError, "Cannot convert 'x:y' to a tensor name"),
        ({"input_map": {"x:y": 1.0}}, ValueError, "Cannot convert 'x:y' to a tensor name"),
        ({"input_map": {"^nope": 1.0, "z:7": 1.0, "n": 1.0}}, ValueError, r"found in graph_def: \[n:0, z:7, \^nope\]"),
        ({"return_elements": [1]}, TypeError, "return_elements must be a list of strings"),
        ({"input_map": [1]}, TypeError, "input_map must be a dictionary mapping strings to Tensor objects"),
        ({"input_map": {"nope:0": 1.0}}, ValueError, r"not found in graph_def: \[nope:0\]"),
        ({"input_map": {"x:0": 1.0}, "name": ""}, ValueError, "requires a non-empty `name`"),
    ],
)
def test_arguments_that_do_not_fit(small, arguments, error, text):
    with pytest.raises(error, match=text):
        tf.import_graph_def(small, **arguments)


def test_a_tensor_of_another_graph_takes_no_place(small):
    with tf.Graph().as_default():
        other = tf.constant(1.0, name="other")
    text = "node 'other' in input_map does not exist in graph \\(input_map entry: x:0->other:0\\)"
    with pytest.raises(ValueError, match=text):
        tf.import_graph_def(small, input_map={"x:0": other})


def test_what_takes_a_tensors_place_is_returned_for_it(small):
    given = tf.constant([[1.0, 2.0, 3.0]])
    assert tf.import_graph_def(small, input_map={"x": given}, return_elements=["x:0", "x"])[0] is given


def colocated():
    """A, which has a device; B beside it, with another; C beside both, of which nothing is said; D alone, with a part of one."""
    message = tf.GraphDef()
    for name, device, groups in (("A", "", ""), ("B", "/task:1", "A"), ("C", "", "DA"), ("D", "/job:d", "")):
        node = message.node.add(name=name, op="NoOp", device=device)
        if groups:
            node.attr["_class"].list.s.extend(b"loc:@" + group.encode() for group in groups)
    return message


@pytest.mark.parametrize(
    ("on_a", "on_d", "devices"),
    [
        ("/device:CPU:1", "/device:CPU:2", ["/device:CPU:1", "/device:CPU:1", "/device:CPU:2", "/device:CPU:2"]),
        ("", "/device:CPU:2", ["", "", "/device:CPU:2", "/device:CPU:2"]),
        ("/device:CPU:1", "", ["/device:CPU:1", "/device:CPU:1", "/device:CPU:1", ""]),
    ],
)
def test_nodes_beside_others_have_the_devices_of_those(on_a, on_d, devices):
    asked = []

    def device(op):
        asked.append(op.name)
        return {"A": on_a, "D": on_d}[op.name]

    with tf.device(device):
        operations = tf.import_graph_def(colocated(), name="", return_elements=list("ABCD"))
    assert [op.device for op in operations] == devices and asked == ["A", "D"]


def test_the_devices_around_a_node_leave_what_it_says_itself():
    with tf.device("/job:b/task:2"):
        operations = tf.import_graph_def(colocated(), name="", return_elements=list("ABCD"))
    assert [op.device for op in operations] == ["/job:b/task:2", "/job:b/task:2", "/job:d/task:2", "/job:d/task:2"]


def test_a_new_name_is_of_no_other_node_of_the_message():
    message = tf.GraphDef()
    for name in ("c", "c_1"):
        message.node.add(name=name, op="NoOp")
    tf.no_op(name="c")
    assert [op.name for op in tf.import_graph_def(message, name="", return_elements=["c", "c_1"])] == ["c_2", "c_1"]


def test_what_is_read_may_be_waited_for_too():
    with tf.Graph().as_default() as graph:
        x = tf.constant(1.0, name="x")
        with tf.control_dependencies([tf.no_op(name="n")]):
            tf.identity(x, name="y")
    message = graph.as_graph_def()
    message.node[-1].input.append("^x")
    (y,) = tf.import_graph_def(message, name="", return_elements=["y"])
    assert [op.name for op in y.control_inputs] == ["n", "x"] and y._input_types == [tf.float32]
    assert tf.get_default_graph().as_graph_def().node[-1] == message.node[-1]


def test_a_graph_is_of_the_oldest_version_that_went_into_it(small):
    def versions_after(*imported):
        for producer, min_consumer, bad in imported:
            message = tf.GraphDef()
            message.versions.producer, message.versions.min_consumer = producer, min_consumer
            message.versions.bad_consumers.extend(bad)
            tf.import_graph_def(message)
        found = tf.get_default_graph().graph_def_versions
        assert found == tf.train.export_meta_graph().graph_def.versions
        return found.producer, found.min_consumer, list(found.bad_consumers)

    assert versions_after() == (134, 0, [])
    assert versions_after((999, 0, [])) == (134, 0, [])
    assert versions_after((21, 3, [7]), (24, 2, [7, 8])) == (21, 3, [7, 8])


def test_what_is_no_graph_def(small):
    for value in (5, small.SerializeToString()):
        with pytest.raises(TypeError, match="graph_def must be a GraphDef proto"):
            tf.import_graph_def(value)


# --- import_meta_graph ------------------------------------------------------------------------------------------


def test_collections(tmp_path):
    v = tf.get_variable("v", [2])
    tf.add_to_collection("tensors", v * 2.0)
    tf.add_to_collection("numbers", 3)
    tf.add_to_collection("texts", "abc")
    path = str(tmp_path / "g.meta")
    tf.train.export_meta_graph(path, as_text=True)
    with tf.Graph().as_default():
        assert isinstance(tf.train.import_meta_graph(path, import_scope="in"), tf.train.Saver)
        assert tf.get_collection("tensors")[0].name == "in/mul:0"
        assert tf.get_collection("numbers") == [3] and tf.get_collection("texts") == ["in/abc"]
        assert [v.name for v in tf.global_variables()] == ["in/v:0"]


def test_without_variables_there_is_no_saver(small):
    tf.import_graph_def(small, name="")
    with tf.Graph().as_default():
        assert tf.train.import_meta_graph(tf.train.export_meta_graph(graph_def=small)) is None


def test_devices_are_cleared():
    with tf.device("/job:ps/task:3"):
        tf.constant(1.0, name="c")
    message = tf.train.export_meta_graph()
    with tf.Graph().as_default() as graph:
        tf.train.import_meta_graph(message, clear_devices=True)
        assert graph.get_operation_by_name("c").device == ""


def test_files_that_are_none(tmp_path):
    with pytest.raises(OSError, match="File .*missing.meta does not exist"):
        tf.train.import_meta_graph(str(tmp_path / "missing.meta"))
    broken = tmp_path / "broken.meta"
    broken.write_bytes((FIXTURES / "branch.meta").read_bytes()[:-7])
    with pytest.raises(OSError, match="Cannot parse file .*broken.meta"):
        tf.train.import_meta_graph(str(broken))
    assert names() == []


def test_the_results_of_a_loop_from_a_file_are_fetched(executor):
    result = tf.while_loop(lambda i: i < 5.0, lambda i: i + 2.0, [0.0], name="w")
    tf.add_to_collection("results", result)
    message = tf.train.export_meta_graph()
    with tf.Graph().as_default() as graph:
        tf.train.import_meta_graph(message)
        with tf.Session() as session:
            assert session.run(["w/Exit:0", tf.get_collection("results")[0]]) == [6.0, 6.0]
        assert not graph.is_fetchable(graph.get_operation_by_name("w/add"))


@pytest.mark.parametrize(
    "build", [lambda x: tf.map_fn(lambda row: row * 2.0, x), lambda x: tf.scan(lambda a, row: a * row, x)]
)
def test_a_graph_with_the_gradient_of_rows_is_trained_on(executor, build):
    """What waits for the end of a loop stands behind it, not in it."""
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    w = tf.get_variable("w", initializer=[[0.9, 0.2], [-0.1, 0.8]])
    loss = tf.reduce_sum(build(tf.matmul(x, w)))
    tf.train.GradientDescentOptimizer(0.1).minimize(loss, name="train")
    initialize = tf.global_variables_initializer().name
    feed = {"x:0": [[1.0, 2.0], [3.0, 4.0]]}

    def trained():
        with tf.Session() as session:
            session.run(initialize)
            session.run("train", feed)
            return session.run("w:0")

    message = tf.train.export_meta_graph()
    expected = trained()
    with tf.Graph().as_default():
        tf.train.import_meta_graph(message)
        np.testing.assert_array_equal(trained(), expected)


def with_attribute(name, value=b"x"):
    graph_def = tf.GraphDef()
    node = graph_def.node.add(name="a", op="Placeholder")
    node.attr["dtype"].type = tf.float32.as_datatype_enum
    node.attr[name].s = value
    return graph_def


def test_an_attribute_that_the_op_has_not_is_refused():
    text = "NodeDef mentions attr 'zzz' not in Op<name=Placeholder>; NodeDef: {{node import/a}}. (Check whether your GraphDef-interp"
    with pytest.raises(ValueError, match=re.escape(text)):
        tf.import_graph_def(with_attribute("zzz"))
    assert tf.get_default_graph().get_operations() == []
    (op,) = tf.import_graph_def(with_attribute("_own"), return_elements=["a"])
    assert op.get_attr("_own") == b"x"


def test_attributes_of_a_newer_program_are_left_out_where_they_say_nothing():
    from tensorboard.compat.proto.op_def_pb2 import OpList

    ops = OpList()
    attr = ops.op.add(name="Placeholder").attr.add(name="zzz", type="string")
    with pytest.raises(ValueError, match="NodeDef mentions attr 'zzz' not in"):
        tf.import_graph_def(with_attribute("zzz"), producer_op_list=ops)
    attr.default_value.s = b"x"
    given = with_attribute("zzz")
    (op,) = tf.import_graph_def(given, return_elements=["a"], producer_op_list=ops)
    assert "zzz" not in op.node_def.attr and "zzz" in given.node[0].attr
    with pytest.raises(ValueError, match="NodeDef mentions attr 'zzz' not in"):
        tf.import_graph_def(with_attribute("zzz", b"y"), producer_op_list=ops)
    meta = tf.train.export_meta_graph(graph=op.graph)
    meta.graph_def.node[0].attr["zzz"].s = b"x"
    meta.meta_info_def.stripped_op_list.CopyFrom(ops)
    with tf.Graph().as_default():
        tf.train.import_meta_graph(meta)
        assert [op.type for op in tf.get_default_graph().get_operations()] == ["Placeholder"]


def test_attributes_of_a_newer_program_are_kept(caplog):
    given = with_attribute("zzz")
    given.versions.producer = tf.GRAPH_DEF_VERSION + 1
    with caplog.at_level("WARNING", logger="hookloop"):
        (op,) = tf.import_graph_def(given, return_elements=["a"])
    assert op.get_attr("zzz") == b"x"
    assert "Attributes of a newer program are not looked at: 'zzz' of Placeholder" in caplog.text
    given.versions.producer = tf.GRAPH_DEF_VERSION
    with pytest.raises(ValueError, match="NodeDef mentions attr 'zzz' not in"):
        tf.import_graph_def(given)


def test_a_predicate_says_which_collections_a_meta_graph_restores(caplog):
    tf.get_variable("v", initializer=1.0)
    tf.add_to_collection("wanted", 1)
    tf.add_to_collection("other", 2)
    message = tf.train.export_meta_graph()
    with tf.Graph().as_default() as graph, caplog.at_level("INFO", "hookloop"):
        saver = tf.train.import_meta_graph(message, restore_collections_predicate=lambda key: key == "wanted")
        assert graph.get_all_collection_keys() == ["wanted"]
    assert saver is None
    assert caplog.messages == ["Saver not created because there are no variables in the graph to restore"]
