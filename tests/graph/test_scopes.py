"""Name scopes, control dependencies, devices, colocation and seeds."""

import logging

import pytest

import hookloop as tf
from hookloop.graph import device as device_module


def test_name_scopes_nest_and_are_made_unique(graph):
    with tf.name_scope("a") as a:
        with tf.name_scope("b") as b:
            assert (a, b) == ("a/", "a/b/")
            assert graph.get_name_scope() == "a/b"
            assert tf.constant(1).op.name == "a/b/Const"
        with tf.name_scope("b") as b:
            assert b == "a/b_1/"
    with tf.name_scope("a") as again:
        assert again == "a_1/"


def test_a_scope_is_entered_again_by_its_full_name():
    with tf.name_scope("a") as scope:
        tf.constant(1)
    with tf.name_scope(scope) as again:
        assert again == "a/"
        assert tf.constant(1).op.name == "a/Const_1"


def test_no_name_is_the_root():
    with tf.name_scope("a"):
        with tf.name_scope(None) as root:
            assert root == ""
            assert tf.constant(1, name="c").op.name == "c"
        assert tf.constant(1, name="c").op.name == "a/c"


def test_default_name_and_values(graph):
    with tf.name_scope(None, "default") as scope:
        assert scope == "default/"
    with tf.Graph().as_default():
        x = tf.constant(1)
        with graph.as_default(), tf.name_scope("s", values=[x]):
            assert tf.get_default_graph() is x.graph
    with pytest.raises(ValueError, match="At least one of name"):
        tf.name_scope(None, values=[]).__enter__()


def test_a_librarys_own_tensors_among_the_values_are_not_asked_for_their_graph():
    class Foreign:
        graph = object()  # a library's graph, as that of a mesh
        name = "foreign"

    x = tf.constant(1.0)
    with tf.name_scope("a", "b", [Foreign()]) as scope:
        assert scope == "a/"
    with tf.name_scope(None, "b", [Foreign(), x]) as scope:
        assert scope == "b/"
    with tf.variable_scope(None, "c", values=[Foreign(), x]) as scope:
        assert scope.name == "c"


def test_values_of_two_graphs_are_refused():
    x = tf.constant(1)
    with tf.Graph().as_default():
        y = tf.constant(1)
    with pytest.raises(ValueError, match="must be from the same graph as"):
        tf.name_scope("s", values=[x, y]).__enter__()


def test_variables_of_two_graphs_are_named_by_their_tensors():
    v = tf.Variable(1.0, name="v")
    with tf.Graph().as_default():
        w = tf.Variable(1.0, name="w")
    of_w = r'Tensor\("w:0", shape=\(\), dtype=float32_ref\) must be from the same graph as '
    with pytest.raises(ValueError, match=of_w + r'Tensor\("v/read:0", shape=\(\), dtype=float32\)'):
        v + w
    with pytest.raises(ValueError, match=of_w + r'Tensor\("v:0", shape=\(\), dtype=float32_ref\)'):
        tf.add(v, w)


def test_bad_scope_names_are_refused():
    with pytest.raises(ValueError, match="'a b' is not a valid scope name"):
        tf.name_scope("a b").__enter__()


def test_control_dependencies():
    a, b = tf.constant(1, name="a"), tf.no_op(name="b")
    with tf.control_dependencies([a, b]):
        c = tf.no_op(name="c")
        d = tf.constant(1, name="d")
        e = tf.identity(d, name="e")
        with tf.control_dependencies(None):
            f = tf.no_op(name="f")
        with tf.control_dependencies([c, a]):
            g = tf.no_op(name="g")
    assert c.control_inputs == [a.op, b]
    assert e.op.control_inputs == []  # its input was made inside
    assert f.control_inputs == []
    assert g.control_inputs == [a.op, b, c]


def test_an_input_is_no_control_input():
    a = tf.constant(1)
    with tf.control_dependencies([a]):
        assert tf.identity(a).op.control_inputs == []


def test_control_inputs_must_be_elements():
    with pytest.raises(TypeError, match="Can not convert a int into a Tensor or Operation"):
        tf.control_dependencies([5])


def test_devices_merge_with_the_inner_first():
    assert tf.constant(1).device == ""
    with tf.device("/cpu:0"):
        assert tf.constant(1).device == "/device:CPU:0"
        with tf.device("/job:ps/task:1"):
            assert tf.constant(1).device == "/job:ps/task:1/device:CPU:0"
        with tf.device(None):
            assert tf.constant(1).device == ""
    with tf.device(lambda op: "/cpu:3"):
        assert tf.constant(1).device == "/cpu:3"


def test_a_gpu_is_accepted_and_logged_once(caplog, monkeypatch):
    monkeypatch.setattr(device_module, "_gpu_was_logged", False)
    logger = logging.getLogger("hookloop")
    assert tf.get_logger() is logger
    monkeypatch.setattr(logger, "propagate", True)
    with caplog.at_level(logging.WARNING, logger="hookloop"), tf.device("/gpu:1"):
        assert tf.constant(1).device == "/device:GPU:1"
        tf.constant(1)
    assert len([r for r in caplog.records if "GPU:1" in r.getMessage()]) == 1


def test_a_function_of_devices_is_not_asked_for_what_refers_to_a_variable():
    asked = []

    def next_device(op):
        asked.append(op.name)
        return f"/device:CPU:{len(asked) - 1}"

    with tf.device(next_device):
        first = tf.get_variable("first", [2])
        second = tf.Variable([1.0, 2.0], name="second")
        update = tf.assign_add(first, [1.0, 1.0], name="update")
    assert asked == ["first", "second/initial_value", "second", "update/value"]
    assert [op.device for op in (first.op, first.initializer, update.op)] == ["/device:CPU:0"] * 3
    assert second.initializer.device == second.device == "/device:CPU:2"


def test_a_bad_device_is_refused():
    with pytest.raises(ValueError, match="Unknown attribute: 'nonsense' in '/nonsense'"):
        tf.device("/nonsense")


def test_colocation():
    a = tf.constant(1, name="a")
    with tf.colocate_with(a):
        b = tf.identity(a)
    assert b.op.colocation_groups() == [b"loc:@a"]
    with pytest.raises(ValueError, match="Trying to reset colocation"):
        tf.colocate_with(None).__enter__()


def test_what_refers_to_a_variable_lies_beside_it():
    with tf.device("/job:ps"):
        v = tf.get_variable("v", [2])
        u = tf.Variable([1.0, 2.0], name="u")
    with tf.device("/job:worker"):
        written = v.assign([1.0, 2.0])
        with tf.colocate_with(u):
            both = v.assign_add([1.0, 2.0])
    beside = [b"loc:@v"]
    nodes = [v.initial_value.op, v.op, v.initializer, v.value().op, written.op]
    assert [op.get_attr("_class") for op in nodes] == [beside] * 5
    assert [op.device for op in nodes] == ["", "/job:ps", "/job:ps", "/job:ps", "/job:ps"]
    assert both.op.get_attr("_class") == [b"loc:@u", b"loc:@v"]
    assert u.op.colocation_groups() == [b"loc:@u"]
    with pytest.raises(ValueError, match="no attr named '_class'"):
        u.op.get_attr("_class")


def test_groups_that_a_caller_changes_are_its_own():
    v = tf.get_variable("v", [2])
    v.op.colocation_groups().append(b"loc:@other")
    assert v.op.colocation_groups() == v.initializer.colocation_groups() == [b"loc:@v"]


def test_gradients_lie_beside_the_ops_whose_gradients_they_are():
    with tf.device("/job:a"):
        x = tf.constant([1.0, 2.0], name="x")
        y = tf.square(x, name="y")
    beside, anywhere = (
        tf.gradients(y, x, colocate_gradients_with_ops=choice)[0].op for choice in (True, False)
    )  # fmt: skip
    assert (beside.device, beside.get_attr("_class")) == ("/job:a", [b"loc:@y"])
    assert (anywhere.device, anywhere.colocation_groups()) == ("", [b"loc:@" + anywhere.name.encode()])


def test_gradient_override_map(graph):
    with graph.gradient_override_map({"Identity": "Mine"}):
        x = tf.identity(1.0)
    assert x.op.get_attr("_gradient_op_type") == b"Mine"
    with pytest.raises(TypeError, match="dictionary mapping strings to strings"):
        graph.gradient_override_map({"Identity": 5})


@pytest.mark.parametrize(
    "graph_seed, op_seed, seeds",
    [
        (None, None, (None, None)),
        (None, 5, (87654321, 5)),
        (7, None, (7, 2)),
        (7, 5, (7, 5)),
        (0, 0, (0, 2**31 - 1)),
        (2**31, 2**31 + 1, (1, 2)),
    ],
)
def test_seeds(graph_seed, op_seed, seeds):
    tf.set_random_seed(graph_seed)
    tf.no_op()
    tf.no_op()
    assert tf.get_seed(op_seed) == seeds


@pytest.mark.parametrize(
    "name, canonical", [("cpu", "/device:CPU:*"), ("gpu", "/device:GPU:*"), ("/job:a/cpu", "/job:a/device:CPU:*")]
)
def test_a_type_of_devices_without_an_index(name, canonical):
    assert tf.DeviceSpec.from_string(name).to_string() == canonical


def test_a_parsed_name_takes_the_place_of_all_parts():
    device = tf.DeviceSpec(job="a", replica=3, device_type="GPU", device_index=1)
    assert device.parse_from_string("/task:2") is device and device.to_string() == "/task:2"


@pytest.mark.parametrize("name", ["/cpu:0/gpu:1", "/device:CPU:0/device:GPU:0", "/cpu:0/device:GPU:1"])
def test_several_types_of_devices_are_refused(name):
    with pytest.raises(ValueError, match="Cannot specify multiple device types"):
        tf.DeviceSpec.from_string(name)


def test_attributes_as_messages_are_read_as_values():
    x = tf.constant(1.0)
    with tf.get_default_graph()._attr_scope({"_kind": tf.AttrValue(s=b"text"), "_size": tf.AttrValue(i=3)}):
        y = tf.identity(x)
    y.op._set_attr("_rate", tf.AttrValue(f=0.5))
    assert [y.op.get_attr(name) for name in ("_kind", "_size", "_rate")] == [b"text", 3, 0.5]
    assert y.op.node_def.attr["_rate"].f == 0.5


def test_versions_of_a_graph():
    graph = tf.get_default_graph()
    assert graph.graph_def_versions.producer == tf.GRAPH_DEF_VERSION == graph.as_graph_def().versions.producer
