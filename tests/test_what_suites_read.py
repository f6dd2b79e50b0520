"""What suites written for TensorFlow 1.15 read beside public names: helpers of `framework.ops`, fields of operations, the words of
errors and log lines, enumerations of messages."""

import os

import numpy as np
import pytest
from hookloop.core.framework import attr_value_pb2, types_pb2
from hookloop.core.lib.core import error_codes_pb2
from hookloop.python.summary.writer import writer_cache

import hookloop as tf
from hookloop.python.framework import device, errors_impl, meta_graph, ops, smart_cond, tensor_util


class TestScopes:
    def test_device_scopes_are_left_in_turn(self):
        graph = tf.Graph()
        outer, inner = graph.device("/cpu:0"), graph.device("/cpu:1")
        outer.__enter__(), inner.__enter__()
        with pytest.raises(RuntimeError, match=r"Exiting device scope without proper scope nesting\."):
            outer.__exit__(None, None, None)
        inner.__exit__(None, None, None), outer.__exit__(None, None, None)

    def test_a_device_that_is_merged_into_what_is_asked_for(self):
        graph = tf.Graph()
        with graph.as_default(), graph.device("/job:worker/task:1"):
            with graph.device(device.merge_device("/device:CPU:0")):
                first = tf.no_op()
                with graph.device("/job:ps"):
                    second = tf.no_op()
            with graph.device(device.merge_device(None)):
                third = tf.no_op()
        assert [op.device for op in (first, second, third)] == [
            "/job:worker/task:1/device:CPU:0", "/job:ps/task:1/device:CPU:0", "/job:worker/task:1",
        ]  # fmt: skip
        assert device.canonical_name(None) == "" and device.canonical_name("/cpu:1") == "/device:CPU:1"
        assert device.is_device_spec(tf.DeviceSpec()) and not device.is_device_spec("/cpu:0")
        device.check_valid("/job:a")
        with pytest.raises(ValueError, match="Unknown attribute: 'x' in '/x:a'"):
            device.check_valid("/x:a")

    def test_attributes_that_an_inner_scope_takes_away(self):
        graph = tf.Graph()
        text = attr_value_pb2.AttrValue(s=b"outer")
        with graph.as_default(), graph._attr_scope({"_a": text, "_b": text}), graph._attr_scope({"_a": None}):
            op = tf.no_op()
        assert op.get_attr("_b") == b"outer"
        with pytest.raises(ValueError, match="has no attr named '_a'"):
            op.get_attr("_a")

    def test_labels_of_kernels(self):
        graph = tf.Graph()
        with graph.as_default(), graph._kernel_label_map({"NoOp": "special"}):
            labelled, other = tf.no_op(), tf.constant(1).op
        assert labelled.get_attr("_kernel") == b"special" and "_kernel" not in other.node_def.attr
        for wrong in (3, {"NoOp": 3}):
            with pytest.raises(
                TypeError, match="op_to_kernel_label_map must be a dictionary mapping strings to strings"
            ):
                graph._kernel_label_map(wrong)

    def test_what_an_operation_was_made_for(self):
        graph = tf.Graph()
        with graph.as_default():
            first = tf.no_op()
            with graph._original_op(first):
                second = tf.no_op()
                with graph._original_op(second):
                    third = tf.no_op()
        assert (first._original_op, second._original_op, third._original_op) == (None, first, second)

    def test_default_sessions_are_left_in_turn(self):
        first, second = tf.Session(), tf.Session()
        first.__enter__(), second.__enter__()
        with pytest.raises(AssertionError, match="Nesting violated for default stack of <class '.*Session'> objects"):
            first.__exit__(None, None, None)
        ops._default_session_stack.reset()
        ops._default_graph_stack.reset()


class TestOperations:
    def test_what_runs_after_it(self):
        first, second = tf.no_op(), tf.no_op()
        second._add_control_input(first)
        assert first._control_outputs == [second] and second._control_outputs == []

    def test_where_it_was_made(self):
        (entry,) = tf.no_op().traceback_with_start_lines
        assert entry[0] == __file__ and entry[2] == "test_where_it_was_made" and entry[5] < entry[1]

    def test_an_operation_is_no_tensor(self):
        with pytest.raises(
            TypeError, match=r"Can't convert Operation 'NoOp' to Tensor \(target dtype=None, name=None, as_ref=False\)"
        ):
            tf.convert_to_tensor(tf.no_op())

    def test_an_input_that_is_not_there(self):
        total = tf.constant(1) + 2
        with pytest.raises(
            tf.errors.OutOfRangeError, match=r"Input index \[2\] is greater than the number of total inputs \[2\]\."
        ):
            total.op._update_input(2, total)

    def test_a_cycle(self):
        first, second = tf.constant(1), tf.constant(2)
        first.op._add_control_input(second.op), second.op._add_control_input(first.op)
        with tf.Session() as session:
            with pytest.raises(tf.errors.InvalidArgumentError, match="Graph is invalid, contains a cycle with 2 nodes"):
                session.run(first)

    def test_shapes_among_attributes_have_the_fields_of_messages(self):
        known, unknown = (
            tf.placeholder(tf.int32, [2, None]).op.get_attr("shape"),
            tf.placeholder(tf.int32).op.get_attr("shape"),
        )
        assert [d.size for d in known.dim] == [2, -1] and not known.unknown_rank and unknown.unknown_rank

    def test_numbers_of_operations(self):
        graph = tf.Graph()
        with graph.as_default():
            tf.no_op()
        assert graph._next_id() == 2 and graph.version == 2
        graph.finalize()
        with pytest.raises(RuntimeError, match="Graph is finalized"):
            graph._next_id()


class TestHelpers:
    def test_of_the_framework(self):
        first, graph = tf.no_op(), tf.Graph()
        with graph.as_default():
            other = tf.no_op()
            assert ops.has_default_graph()
        ops._assert_same_graph(first, first)
        ops.dismantle_graph(graph)
        with pytest.raises(ValueError, match="must be from the same graph as"):
            ops._assert_same_graph(first, other)
        assert ops.name_from_scope_name("a/b/") == "a/b" and ops.name_from_scope_name("a") == "a"
        node = ops._NodeDef("Op", "n", tf.DeviceSpec(job="j"), {"a": attr_value_pb2.AttrValue(i=3)})
        assert node == tf.NodeDef(op="Op", name="n", device="/job:j", attr={"a": attr_value_pb2.AttrValue(i=3)})
        assert ops._NodeDef("Op", "n", lambda made: "/job:" + made.name).device == "/job:n"

    def test_costs_of_nodes(self):
        @ops.RegisterStatistics("CostlyOp", "steps")
        def cost(graph, node):
            return ops.OpStats("steps", 3)

        node = ops._NodeDef("CostlyOp", "n")
        total = ops.get_stats_for_node_def(tf.Graph(), node, "steps")
        total += ops.get_stats_for_node_def(tf.Graph(), node, "steps")
        total += ops.get_stats_for_node_def(tf.Graph(), ops._NodeDef("Other", "n"), "steps")
        assert total.value == 6 and total.statistic_type == "steps"
        with pytest.raises(ValueError, match=r"Can't add an OpStat of type steps to one of other\."):
            total += ops.OpStats("other", 1)
        with pytest.raises(KeyError, match="Registering two statistical functions with name 'CostlyOp,steps'!"):
            ops.RegisterStatistics("CostlyOp", "steps")(cost)
        for wrong in ((3, "a"), ("a,b", "c"), ("a", 3), ("a", "b,c")):
            with pytest.raises(TypeError):
                ops.RegisterStatistics(*wrong)

    def test_shapes_as_tensors(self):
        assert tensor_util.shape_tensor([1, tf.Dimension(2)]).dtype == tf.int32
        assert tensor_util.constant_value(tensor_util.shape_tensor([tf.constant(3), 4])).tolist() == [3, 4]
        value = tf.placeholder(tf.int32)
        tensor_util.maybe_set_static_shape(value, tf.constant([2]))
        assert value.shape.ndims is None
        with pytest.raises(TypeError, match="tensor_proto is not a"):
            tensor_util.ShapeEquals(3, [1])

    def test_messages_of_quantized_numbers(self):
        proto = tf.make_tensor_proto([[21], [22]], dtype=tf.qint8)
        assert proto.dtype == types_pb2.DT_QINT8 and list(proto.int_val) == [21, 22]
        assert tf.make_ndarray(proto).astype(np.int32).tolist() == [[21], [22]]

    def test_a_condition_that_is_none(self):
        with pytest.raises(
            TypeError, match="`pred` must be a Tensor, or a Python bool, or 1 or 0. Found instead: <class 'str'>"
        ):
            smart_cond.smart_cond("a", lambda: 1, lambda: 2)

    def test_ops_of_a_graph_that_are_not_there(self):
        with pytest.raises(ValueError, match="Op NoSuchOp is used by the graph, but is not registered"):
            meta_graph.stripped_op_list_for_graph(tf.GraphDef(node=[tf.NodeDef(name="a", op="NoSuchOp")]))


class TestMessages:
    def test_all_types_of_tensorflow(self):
        for number in types_pb2.DataType.values():
            if number != types_pb2.DT_INVALID:
                assert tf.as_dtype(number).as_datatype_enum == number
        assert types_pb2.DataType.Name(101) == "DT_FLOAT_REF" and types_pb2.DataType.Value("DT_UINT64") == 23
        assert types_pb2.DataType.DT_INT8 == types_pb2.DT_INT8 and len(types_pb2.DataType.keys()) == 47
        with pytest.raises(ValueError, match="99"):
            types_pb2.DataType.Name(99)
        with pytest.raises(ValueError, match="DT_NONE"):
            types_pb2.DataType.Value("DT_NONE")
        with pytest.raises(AttributeError, match="DT_NONE"):
            _ = types_pb2.DataType.DT_NONE

    def test_all_codes_of_errors(self):
        known = [code for name, code in error_codes_pb2.Code.items() if code and not name.startswith("DO_NOT_USE")]
        assert len(known) == 16 and error_codes_pb2.NOT_FOUND == 5
        for code in known:
            error = errors_impl._make_specific_exception(None, None, "text", code)
            assert type(error) is tf.errors.exception_type_from_error_code(code) and error.message == "text"
        with pytest.warns(UserWarning, match="Unknown error code: 37"):
            assert errors_impl._make_specific_exception(None, None, "text", 37).error_code == 37


class TestWords:
    def test_of_feeds(self):
        value = tf.placeholder(tf.int32, name="p")
        with tf.Session() as session:
            with pytest.raises(
                TypeError, match=r"or TensorHandles\. For reference, the tensor object was Tensor\(\"Const:0\""
            ):
                session.run(value, {value: tf.constant(1)})
            with pytest.raises(
                TypeError, match=r"Tensor type <class 'numpy.int32'>\. Try explicitly .* type \(e\.g\. int64\)"
            ):
                session.run(value, {value: 2**40})

    def test_of_what_may_not_be_fetched(self):
        value = tf.constant(1)
        value.graph.prevent_fetching(value.op)
        with (
            tf.Session() as session,
            pytest.raises(errors_impl.InaccessibleTensorError, match="marked as not fetchable"),
        ):
            session.run(value)

    def test_of_log_lines(self, monkeypatch):
        lines = []
        monkeypatch.setattr(tf.logging, "info", lambda *args: lines.append(args))
        tf.summary.scalar("a b", 1.0)
        hook = tf.train.LoggingTensorHook({"x": tf.constant(42.0)}, every_n_iter=1)
        with tf.train.SingularMonitoredSession([hook]) as session:
            for _ in range(2):
                session.run(tf.get_default_graph().get_operations()[0])
        assert lines[0] == ("Summary name a b is illegal; using a_b instead.",)
        logged = [line for line in lines if "x = 42.0" in line]
        assert [line[0] for line in logged] == ["%s", "%s (%.3f sec)"] and logged[1][2] >= 0

    def test_writers_of_directories_are_listed(self, tmp_path):
        writer_cache.FileWriterCache.clear()
        writer = writer_cache.FileWriterCache.get(os.fspath(tmp_path))
        assert writer_cache.FileWriterCache._cache == {os.fspath(tmp_path): writer}
        writer_cache.FileWriterCache.clear()
        assert writer_cache.FileWriterCache._cache == {}
