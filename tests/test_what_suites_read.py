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
        assert entry[0] == __file__ and entry[2] == "test_where_it_was_made" and len(entry) == 5 and entry[4] < entry[1]

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


class TestOps:
    """Words of refusals, and functions of TensorFlow's modules of ops that no public name has."""

    @pytest.mark.parametrize(
        "build, error, text",
        [
            (lambda: tf.boolean_mask([1], tf.placeholder(tf.bool)), ValueError, r"E\.g\. shape=\[None\] is ok, but shape=None is not\."),
            (lambda: tf.expand_dims([1], axis=0, dim=0), ValueError, "Cannot specify both 'dim' and 'axis'"),
            (lambda: tf.squeeze([[1]], axis=0, squeeze_dims=0), ValueError, "Cannot specify both 'squeeze_dims' and 'axis'"),
            (lambda: tf.nn.softmax([1.0], axis=0, dim=0), ValueError, "Cannot specify both 'dim' and 'axis'"),
            (lambda: tf.sort([1], direction="UP"), ValueError, "UP should be one of ASCENDING, DESCENDING"),
            (lambda: tf.one_hot([0], 2, 1.0, 2), TypeError,
             "dtype <dtype: 'float32'> of on_value does not match dtype <dtype: 'int32'> of off_value"),
            (lambda: tf.one_hot([0], 2, 1, dtype=tf.float32), TypeError,
             "dtype <dtype: 'int32'> of on_value does not match dtype parameter <dtype: 'float32'>"),
            (lambda: tf.scatter_nd([[0], [2]], [9], [4]), ValueError,
             r"The outer 1 dimensions of indices\.shape=\[2,1\] must match the outer 1 dimensions of updates\.shape=\[1\]"),
            (lambda: tf.scatter_nd([[0]], [[9, 9]], [4, 3]), ValueError,
             r"The inner 1 dimensions of output\.shape=\[4,3\] must match the inner 1 dimensions of updates\.shape=\[1,2\]"),
            (lambda: tf.bitcast(tf.zeros([1, 1], tf.int8), tf.int32), ValueError, "Cannot bitcast due to shape. 1 does not match 4"),
            (lambda: tf.space_to_batch_nd(tf.ones([1, 2, 2, 1]), [0], [[0, 0]]), ValueError, "block_shape must be positive"),
            (lambda: tf.space_to_batch_nd(tf.ones([1, 2, 2, 1]), [2], [[-1, 1]]), ValueError, "paddings cannot be negative"),
            (lambda: tf.batch_to_space_nd(tf.ones([4, 1, 1, 1]), [2, 2], [[-1, 0], [0, 0]]), ValueError, "crops cannot be negative"),
            (lambda: tf.batch_to_space_nd(tf.ones([4, 1, 1, 1]), [2, 2], [[0, 3], [0, 0]]), ValueError,
             "Negative dimension size caused by subtracting 3 from 2"),
            (lambda: tf.argmax([1.0], output_type=tf.float32), TypeError,
             "Value passed to parameter 'output_type' has DataType float32 not in list of allowed values: int32, int64"),
            (lambda: tf.range(3, 1), ValueError, "Requires start <= limit when delta > 0: 3/1"),
            (lambda: tf.ensure_shape(tf.ones([2, 3]), [3, None]), ValueError, "Dimension 0 in both shapes must be equal, but are 3 and 2"),
            (lambda: tf.ensure_shape(tf.ones([2, 3]), [3]), ValueError, "Shape must be rank 1 but is rank 2"),
            (lambda: tf.clip_by_global_norm(tf.ones([2]), 1.0), TypeError, "t_list should be a sequence"),
            (lambda: tf.Variable([1.0]).scatter_sub([1.0]), TypeError, r"sparse_delta is not IndexedSlices: \[1\.0\]"),
        ],
    )  # fmt: skip
    def test_refused_when_built(self, build, error, text):
        with pytest.raises(error, match=text):
            build()

    @pytest.mark.parametrize(
        "build, text",
        [
            (lambda: tf.transpose(tf.constant([[1, 2], [3, 4]]), [0, 0]), r"1 is missing from \{0,0\}\."),
            (lambda: tf.reverse_sequence([[1, 2]], [1], seq_axis=0, batch_axis=0), "batch_dim == seq_dim == 0"),
            (lambda: tf.raw_ops.Bucketize(input=[1], boundaries=[8.0, 7.0]), "Expected sorted boundaries"),
        ],
    )
    def test_refused_in_the_run_though_all_is_constant(self, build, text):
        value = build()
        with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
            session.run(value)

    def test_functions_of_the_second_version(self):
        from hookloop.python.ops import array_ops, math_ops, nn_ops

        assert array_ops.expand_dims_v2 is tf.compat.v2.expand_dims and math_ops.argmax_v2 is tf.compat.v2.argmax
        assert (
            nn_ops.conv2d_v2 is tf.compat.v2.nn.conv2d
            and nn_ops.softmax_cross_entropy_with_logits_v2 is tf.nn.softmax_cross_entropy_with_logits_v2
        )
        assert array_ops.gather_v2 is tf.compat.v2.gather and array_ops.pad_v2 is tf.compat.v2.pad
        with pytest.raises(AttributeError):
            _ = array_ops.nothing_v2
        assert not hasattr(errors_impl, "map_fn_v2")

    def test_nodes_of_variables_alone(self):
        from hookloop.python.ops import state_ops

        old, new = state_ops.variable_op([2], tf.float32, name="old"), state_ops.variable_op_v2([2], tf.int32)
        unknown = state_ops.variable_op([2], tf.float32, set_shape=False)
        assert [v.op.type for v in (old, new)] == ["Variable", "VariableV2"] and old.name == "old:0"
        assert old.shape.as_list() == new.shape.as_list() == [2] and unknown.shape.ndims is None
        with tf.Session() as session:
            assert session.run(tf.assign(old, [1.0, 2.0])).tolist() == [1, 2]

    def test_other_functions(self, executor):
        from hookloop.python.ops import array_ops, confusion_matrix, math_ops

        labels, predictions = confusion_matrix.remove_squeezable_dimensions([[1], [2]], [1, 2])
        same = confusion_matrix.remove_squeezable_dimensions([1, 2], [[1], [2]], expected_rank_diff=1)
        fed = tf.placeholder(tf.int32)
        in_run = confusion_matrix.remove_squeezable_dimensions(fed, [1, 2])[0]
        with tf.Session() as session:
            assert session.run(math_ops.reduced_shape([2, 3, 4], [1, -1])).tolist() == [2, 1, 1]
            assert session.run(array_ops.listdiff([1, 2, 3], [2])[0]).tolist() == [1, 3]
            assert session.run([labels, predictions])[0].tolist() == [1, 2]
            assert [v.shape for v in session.run(same)] == [(2,), (2, 1)]
            assert session.run(in_run, {fed: [[1], [2]]}).tolist() == [1, 2]

    def test_the_store_of_variables(self):
        from hookloop.python.ops import variable_scope

        store = variable_scope._get_default_variable_store()
        with tf.variable_scope("scope"):
            first = store.get_variable("v", [1], initializer=tf.ones_initializer())
        assert first.name == "v:0" and store.get_variable("v", [1]) is first is store.get_variable("v", [1], reuse=True)
        with pytest.raises(ValueError, match="Variable v already exists"):
            store.get_variable("v", [1], reuse=False)
        with pytest.raises(ValueError, match="Variable w does not exist"):
            store.get_variable("w", [1], reuse=True)
        assert isinstance(store, variable_scope._VariableStore)
