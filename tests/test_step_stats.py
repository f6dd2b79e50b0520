"""Traced runs: what `RunMetadata` says of each instruction, and the timeline made of it."""

import json
import time

import numpy as np
import pytest

import hookloop as tf
from hookloop.client import timeline


def traced(session, fetches, feed_dict=None):
    metadata = tf.RunMetadata()
    options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    value = session.run(fetches, feed_dict, options=options, run_metadata=metadata)
    return value, metadata.step_stats


def product():
    """A product of matrices and what depends on it; the feed for it."""
    x = tf.placeholder(tf.float32, [None, 300], name="x")
    w = tf.get_variable("w", [300, 200], initializer=tf.ones_initializer())
    y = tf.matmul(x, w, name="product")
    return tf.reduce_max(tf.sort(y, name="sorted"), name="largest"), {x: np.ones((40, 300))}


class TestStepStats:
    def test_each_instruction_has_its_time(self, executor):
        largest, feeds = product()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(largest, feeds)
            before = time.time_ns()
            value, stats = traced(session, largest, feeds)
            after = time.time_ns()
        assert value == 300
        (device,) = stats.dev_stats
        assert device.device == "/job:localhost/replica:0/task:0/device:CPU:0"
        nodes = {node.node_name: node for node in device.node_stats}
        assert "product" in nodes and "largest" in nodes
        assert nodes["product"].timeline_label.startswith("product = MatMul(x:0, ")
        start = 0
        for node in device.node_stats:
            assert (
                before - 1000000 <= node.all_start_nanos
                and node.all_start_nanos + node.all_end_rel_nanos <= after + 1000000
            )
            assert node.all_start_nanos >= start
            assert node.all_start_micros == node.all_start_nanos // 1000
            start = node.all_start_nanos + node.all_end_rel_nanos
        assert nodes["product"].all_end_rel_nanos > 0

    def test_outputs_have_their_types_and_shapes(self, executor):
        largest, feeds = product()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            _, stats = traced(session, largest, feeds)
        outputs = {node.node_name: node.output[0].tensor_description for node in stats.dev_stats[0].node_stats}
        assert [dim.size for dim in outputs["product"].shape.dim] == [40, 200]
        assert outputs["product"].dtype == tf.float32.as_datatype_enum
        assert outputs["product"].allocation_description.requested_bytes == 40 * 200 * 4

    def test_what_a_loop_repeats_is_there_as_often(self, executor):
        with tf.Session() as session:
            last = tf.while_loop(lambda x: x < 100.0, lambda x: tf.multiply(x, 2.0, name="twice"), [tf.constant(1.0)])
            _, stats = traced(session, last)
        assert [node.node_name for node in stats.dev_stats[0].node_stats].count("while/twice") == 7

    def test_the_value_and_the_variables_are_as_without(self, executor):
        step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            assert [session.run(step), traced(session, step)[0], session.run(step)] == [1, 2, 3]

    def test_host_ops_are_traced(self, executor):
        with tf.Session() as session:
            slow = tf.py_func(lambda: time.sleep(0.01) or np.float32(1), [], tf.float32, name="slow")
            _, stats = traced(session, slow)
        (node,) = [node for node in stats.dev_stats[0].node_stats if node.node_name == "slow"][:1]
        assert node.all_end_rel_micros >= 10000

    def test_a_step_that_starts_again_is_traced(self):
        sizes = iter([(2,), (2, 3), (4,)])
        with tf.Session() as session:
            value = tf.py_func(lambda: np.ones(next(sizes), np.float32), [], tf.float32)
            total = tf.reduce_sum(value, name="total")
            sums = [traced(session, total) for _ in range(3)]
        assert [value for value, _ in sums] == [2, 6, 4]
        for _, stats in sums:
            assert "total" in [node.node_name for node in stats.dev_stats[0].node_stats]

    def test_a_callable_takes_the_options(self, executor):
        metadata = tf.RunMetadata()
        with tf.Session() as session:
            x = tf.placeholder(tf.float32, [2])
            run = session.make_callable(tf.exp(x), [x], accept_options=True)
            run([1, 2], options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
        assert metadata.step_stats.dev_stats[0].node_stats


@pytest.mark.parametrize(
    "level, told", [("NO_TRACE", 0), ("SOFTWARE_TRACE", 1), ("HARDWARE_TRACE", 1), ("FULL_TRACE", 1)]
)
def test_which_levels_trace(executor, level, told):
    metadata = tf.RunMetadata()
    with tf.Session() as session:
        options = tf.RunOptions(trace_level=getattr(tf.RunOptions, level))
        session.run(tf.exp(tf.placeholder_with_default(1.0, [])), options=options, run_metadata=metadata)
    assert len(metadata.step_stats.dev_stats) == told


class TestTimeline:
    def events(self, **shown):
        with tf.Graph().as_default(), tf.Session() as session:
            largest, feeds = product()
            session.run(tf.global_variables_initializer())
            _, stats = traced(session, largest, feeds)
        text = timeline.Timeline(stats).generate_chrome_trace_format(**shown)
        return json.loads(text)["traceEvents"]

    def test_instructions_are_regions(self, executor):
        events = self.events()
        assert events[0] == {
            "ph": "M", "name": "process_name", "pid": 0,
            "args": {"name": "/job:localhost/replica:0/task:0/device:CPU:0 Compute"},
        }  # fmt: skip
        (product_event,) = [e for e in events if e["ph"] == "X" and e["args"]["name"] == "product"]
        assert product_event["name"] == "MatMul" and product_event["cat"] == "Op"
        assert product_event["args"]["input0"] == "x:0"
        assert product_event["dur"] > 0

    def test_dataflow(self, executor):
        starts = [e for e in self.events(show_dataflow=True) if e["ph"] == "s"]
        ends = [e for e in self.events(show_dataflow=True) if e["ph"] == "t"]
        assert "product" in [e["name"] for e in starts]
        assert sorted(e["id"] for e in starts) == sorted(e["id"] for e in ends)
        assert not [e for e in self.events(show_dataflow=False) if e["ph"] in "st"]

    def test_memory(self):
        counters = [e["args"]["cpu"] for e in self.events(show_memory=True) if e["ph"] == "C"]
        assert max(counters) >= 40 * 200 * 4 and counters[-1] == 0
        assert not [e for e in self.events() if e["ph"] == "C"]

    def test_analysis_tells_the_most_that_was_held(self):
        stats = tf.RunMetadata().step_stats
        device = stats.dev_stats.add(device="cpu")
        for name, start, size, label in (
            ("a", 10, 100, "a = A()"),
            ("b", 20, 50, "b = B(a:0)"),
            ("c", 30, 10, "c = C(b:0)"),
        ):
            node = device.node_stats.add(
                node_name=name, timeline_label=label, all_start_micros=start, all_end_rel_micros=5
            )
            node.output.add().tensor_description.allocation_description.requested_bytes = size
        analysis = timeline.Timeline(stats).analyze_step_stats()
        (maximum,) = analysis.allocator_maximums.values()
        assert (maximum.timestamp, maximum.num_bytes, maximum.tensors) == (20, 150, {"a", "b"})

    def test_the_memory_of_what_takes_no_time_and_of_nothing(self):
        stats = tf.RunMetadata().step_stats
        device = stats.dev_stats.add(device="cpu")
        for name, size, label in (("a", 100, "a = A()"), ("b", 50, "b = B(a:0)"), ("c", 0, "c = C()")):
            node = device.node_stats.add(node_name=name, timeline_label=label, all_start_micros=10)
            node.output.add().tensor_description.allocation_description.requested_bytes = size
        text = timeline.Timeline(stats).generate_chrome_trace_format(show_memory=True)
        counters = [e["args"]["cpu"] for e in json.loads(text)["traceEvents"] if e["ph"] == "C"]
        assert max(counters) == 150 and counters[-1] == 0

    def test_imported_by_tensorflows_path(self):
        from hookloop.python.client import timeline as by_path

        assert by_path.Timeline is timeline.Timeline


def partition_of(session, fetches, feeds=None, **more):
    metadata = tf.RunMetadata()
    session.run(fetches, feeds, tf.RunOptions(output_partition_graphs=True, **more), metadata)
    return metadata


def test_the_graph_that_a_run_runs(executor):
    """As TensorFlow 1.15: what is fed and fetched has ends of its own, what is not needed is left out."""
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    w = tf.get_variable("w", initializer=np.ones((2, 1), np.float32))
    z = tf.nn.relu(tf.add(tf.matmul(x, w, name="y"), 1.0, name="add"), name="z")
    tf.nn.tanh(z, name="unused")
    with tf.Session() as session:
        session.run(w.initializer)
        for _ in range(2):
            metadata = partition_of(session, z, {x: [[1, 2]]})
            assert [field.name for field, _ in metadata.ListFields()] == ["partition_graphs"]
            (graph,) = metadata.partition_graphs
            found = {node.name: (node.op, list(node.input)) for node in graph.node}
            assert found == {
                "_arg_x_0_0": ("_Arg", []), "w": ("VariableV2", []), "w/read": ("Identity", ["w"]),
                "y": ("MatMul", ["_arg_x_0_0", "w/read"]), "add/y": ("Const", []), "add": ("Add", ["y", "add/y"]),
                "z": ("Relu", ["add"]), "_retval_z_0_0": ("_Retval", ["z"]),
            }  # fmt: skip
            assert {node.device for node in graph.node} == {"/job:localhost/replica:0/task:0/device:CPU:0"}
            assert graph.versions.producer == 134
        (graph,) = partition_of(session, w.initializer).partition_graphs
        assert {node.op for node in graph.node} == {"Const", "VariableV2", "Assign"}


def test_the_ends_of_the_graph_that_a_run_runs(executor):
    """As TensorFlow 1.15: in the order of their names; neither what is fed and fetched, nor what is fed for nothing."""
    x, z, u = (tf.placeholder(tf.float32, [], name=name) for name in "xzu")
    y = tf.multiply(x, 2.0, name="y")
    q = tf.add(y, z, name="q")

    def ends(fetches, feeds):
        graphs = partition_of(session, fetches, feeds).partition_graphs
        return {n.name: list(n.input) for g in graphs for n in g.node if n.op in ("_Arg", "_Retval")}, len(graphs)

    with tf.Session() as session:
        assert ends([y, q, y], {z: 1, x: 2}) == (
            {"_arg_x_0_0": [], "_arg_z_0_1": [], "_retval_q_0_0": ["q"], "_retval_y_0_1": ["y"]}, 1,
        )  # fmt: skip
        assert ends([x, q], {x: 1, y: 2, z: 3}) == ({"_arg_y_0_1": [], "_arg_z_0_2": [], "_retval_q_0_0": ["q"]}, 1)
        assert ends([q, x, q.op], {u: 1, x: 2, z: 3}) == (
            {"_arg_x_0_1": [], "_arg_z_0_2": [], "_retval_q_0_0": ["q"]},
            1,
        )
        assert ends([x, z], {x: 1, z: 3}) == ({}, 0)


def test_a_run_that_is_traced_tells_both(executor):
    x = tf.constant([1.0, 2.0]) + 1.0
    with tf.Session() as session:
        metadata = partition_of(session, [x, x.op], None, trace_level=tf.RunOptions.FULL_TRACE)
        assert {field.name for field, _ in metadata.ListFields()} == {"step_stats", "partition_graphs"}
        metadata = tf.RunMetadata()
        session.run(x, None, None, metadata)
        assert not metadata.ListFields()


def test_metadata_tells_of_the_last_run_alone():
    metadata = tf.RunMetadata()
    with tf.Session() as session:
        x = tf.constant(1.0) + 1.0
        session.run(x, options=tf.RunOptions(output_partition_graphs=True), run_metadata=metadata)
        assert metadata.partition_graphs
        session.run(x, run_metadata=metadata)
        assert not metadata.partition_graphs
