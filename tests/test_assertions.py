"""`tf.test.TestCase`: what its assertions accept and refuse."""

import math
import os
import sys
import unittest

import numpy as np
import pytest

import hookloop as tf


class Case(tf.test.TestCase):
    __test__ = False  # a case to call, none to run

    def runTest(self):
        pass


@pytest.fixture
def case():
    case = Case()
    case.setUp()
    yield case
    case.doCleanups()


HOLD = [
    lambda t: t.assertAllEqual(tf.constant([1, 2]), [1, 2]),
    lambda t: t.assertNotAllEqual([1], [2]),
    lambda t: t.assertAllClose({"a": [1.0]}, {"a": tf.constant([1.0])}),
    lambda t: t.assertAllClose([np.ones(2), np.zeros((2, 2))], [tf.ones([2]), tf.zeros([2, 2])]),
    lambda t: t.assertAllCloseAccordingToType(np.float16(1), np.float16(1.001)),
    lambda t: t.assertNotAllClose([1.0], [1.1]),
    lambda t: t.assertAllGreater([2, 3], 1),
    lambda t: t.assertAllGreaterEqual([2, 3], 2),
    lambda t: t.assertAllLess([2, 3], 4),
    lambda t: t.assertAllLessEqual([2, 3], 3),
    lambda t: t.assertAllInRange([1.0, 2.0], 1, 2),
    lambda t: t.assertAllInSet([1, 1], [1, 2]),
    lambda t: t.assertNear(1.0, 1.01, 0.1),
    lambda t: t.assertArrayNear([1.0], [1.01], 0.1),
    lambda t: t.assertNDArrayNear(np.ones(2), np.ones(2) + 0.01, 0.1),
    lambda t: t.assertShapeEqual(np.zeros((2, 3)), tf.zeros([2, 3])),
    lambda t: t.assertDTypeEqual(tf.zeros([2]), np.float32),
    lambda t: t.assertDeviceEqual("/cpu:0", "/device:CPU:0"),
    lambda t: t.assertProtoEquals("node { name: 'a' }", tf.GraphDef(node=[tf.NodeDef(name="a")])),
    lambda t: t.assertItemsEqual([1, 2], [2, 1]),
    lambda t: t.assertSameElements([1, 2], [2, 1, 1]),
    lambda t: t.assertContainsSubset([1], [1, 2]),
    lambda t: t.assertLen([1, 2], 2),
    lambda t: t.assertEmpty([]),
    lambda t: t.assertNotEmpty([1]),
    lambda t: t.assertBetween(2, 1, 3),
    lambda t: t.assertSequenceAlmostEqual([1.0], [1.0000000001]),
    lambda t: t.assertStartsWith("abc", "ab"),
    lambda t: t.assertEndsWith("abc", "bc"),
]

FAIL = [
    lambda t: t.assertAllEqual([1, 2], [1]),
    lambda t: t.assertNotAllEqual([1], [1]),
    lambda t: t.assertAllClose([1.0], [1.0, 1.0]),
    lambda t: t.assertAllClose({"a": 1.0}, {"a": 2.0}),
    lambda t: t.assertAllCloseAccordingToType(np.float32(1), np.float32(1.001)),
    lambda t: t.assertAllGreater([1, 3], 1),
    lambda t: t.assertAllGreaterEqual([1, 3], 2),
    lambda t: t.assertAllLess([2, 4], 4),
    lambda t: t.assertAllLessEqual([2, 4], 3),
    lambda t: t.assertAllInRange([1.0, 2.0], 1, 2, open_upper_bound=True),
    lambda t: t.assertAllInSet([1, 3], [1, 2]),
    lambda t: t.assertNDArrayNear(np.ones(2), np.zeros(2), 0.1),
    lambda t: t.assertShapeEqual(np.zeros(2), tf.zeros([3])),
    lambda t: t.assertDTypeEqual(tf.zeros([2]), tf.int32),
    lambda t: t.assertDeviceEqual("/cpu:0", "/cpu:1"),
    lambda t: t.assertContainsSubset([3], [1, 2]),
    lambda t: t.assertBetween(4, 1, 3),
    lambda t: t.assertEndsWith("abc", "ab"),
]


@pytest.mark.parametrize("check", HOLD)
def test_what_holds(case, check):
    check(case)


@pytest.mark.parametrize("check", FAIL)
def test_what_fails(case, check):
    with pytest.raises(AssertionError):
        check(case)


def test_errors_of_a_run(case):
    with case.test_session():
        bad = tf.check_numerics(tf.constant([np.nan]), "bad")
        with case.assertRaisesOpError("bad : Tensor had NaN values"):
            bad.eval()
        with case.assertRaisesWithPredicateMatch(tf.errors.InvalidArgumentError, lambda error: "NaN" in error.message):
            bad.eval()
        with pytest.raises(AssertionError), case.assertRaisesOpError("another text"):
            bad.eval()
        with pytest.raises(AssertionError, match="not raised"), case.assertRaisesOpError("bad"):
            pass


def test_the_session_is_no_test():
    result = unittest.TestResult()
    Case("test_session").run(result)
    assert [reason for _, reason in result.skipped] == ["Not a test."] and not result.errors


def test_a_thread_whose_error_is_seen(case):
    thread = case.checkedThread(target=lambda x: 1 / x, args=(0,))
    thread.start()
    with pytest.raises(AssertionError, match="division by zero"):
        thread.join()


def test_sessions_follow_the_default_graph(case):
    x = tf.constant(1.0)
    with tf.Graph().as_default() as other, case.session() as session:
        assert session.graph is other and tf.get_default_session() is session
        assert case.evaluate(tf.constant(2.0)) == 2.0
    with case.session(graph=x.graph) as session:
        assert tf.get_default_graph() is session.graph is x.graph


def test_a_session_is_kept_by_its_test(case):
    with case.cached_session() as session:
        count = tf.Variable(1)
        count.initializer.run()
    with case.cached_session() as again, case.test_session() as third:
        assert session is again is third and case.evaluate(count.assign_add(1)) == 2
    assert case.evaluate(count) == 2
    with pytest.raises(ValueError, match="The graph used to get the cached session is different"):
        with case.cached_session(graph=tf.Graph()):
            pass
    with pytest.raises(ValueError, match="The config used to get the cached session is different"):
        with case.cached_session(config=tf.ConfigProto()):
            pass
    with case.test_session(config=tf.ConfigProto()) as same:
        assert same is session
    with case.test_session(graph=tf.Graph()) as other:
        assert other is not session
    case.tearDown()
    with pytest.raises(RuntimeError, match="closed Session"):
        session.run(count)


def test_where_nodes_of_a_test_are_placed(case):
    with case.session():
        assert tf.constant(1).op.device == "/device:CPU:0"
    with case.cached_session(use_gpu=True):
        assert tf.constant(1).op.device == ""
    assert tf.constant(1).op.device == ""


def test_every_test_begins_anew(case):
    numbers = np.random.rand(3)
    drawn = case.evaluate(tf.random_uniform([3]))
    graph = tf.get_default_graph()
    graph.as_default().__enter__()
    case.setUp()
    assert tf.get_default_graph() is not graph and tf.get_default_graph().seed == 87654321
    np.testing.assert_array_equal(np.random.rand(3), numbers)
    np.testing.assert_array_equal(case.evaluate(tf.random_uniform([3])), drawn)


def test_a_thread_that_is_not_joined_fails_its_test(case):
    thread = case.checkedThread(target=lambda: None)
    thread.start()
    with pytest.raises(AssertionError, match="A checked thread was not joined"):
        case.tearDown()
    thread.join()


def test_what_a_step_prints_is_captured(case, executor, capfd):
    with case.session(), case.captureWritesToStream(sys.stderr) as captured:
        printed = tf.print("a line", tf.constant([1, 2]))
        case.evaluate(printed)
        print("from Python", file=sys.stderr)
    assert captured.contents() == "a line [1 2]\nfrom Python\n"


def test_directories_of_tests(case):
    assert case.get_temp_dir() == case.get_temp_dir() != Case().get_temp_dir()
    assert os.path.isdir(case.get_temp_dir()) and case.get_temp_dir().startswith(tf.test.get_temp_dir())


def test_names_that_python_has_dropped(case):
    case.assertEquals(1, 1)
    case.assertNotEquals(1, 2)
    case.assertAlmostEquals(1.0, 1.0 + 1e-9)
    case.assertNotAlmostEquals(1.0, 2.0)
    case.assertRegexpMatches("abc", "b")
    case.assertNotRegexpMatches("abc", "d")
    case.assert_(True)
    with case.assertRaisesRegexp(ValueError, "tex."):
        raise ValueError("text")


@pytest.mark.parametrize(
    "check, text",
    [
        (lambda t: t.assertAllEqual([1, 2], [1, 3]), r"not equal where = \(array\(\[1\]\),\)\nnot equal lhs = \[2\]"),
        (lambda t: t.assertAllClose([1.0, 2.0], [1.0, 3.0]), r"not close where = \(array\(\[1\]\),\)"),
        (lambda t: t.assertAllClose([1.0], [1.0, 2.0]), r"Shape mismatch: expected \(1,\), got \(2,\) with contents"),
        (lambda t: t.assertAllClose({"a": 1}, {"b": 1}), "mismatched keys: a has keys"),
        (lambda t: t.assertAllClose({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}), r"a\[a\]\[1\]\[b\] is different from"),
        (lambda t: t.assertAllInRange([1.0, np.nan], 0, 1), r"1 of the 2 element\(s\) are NaN.*\n  \[1\] : nan"),
        (lambda t: t.assertAllInRange([[1, 5]], 0, 1), r"are outside the range \[0, 1\].*\n  \[0, 1\] : 5"),
        (lambda t: t.assertAllInRange(["a"], 0, 1), "does not have an ordered numeric type"),
        (lambda t: t.assertAllInSet([1, 3, 3], {1}), r"1 unique element\(s\) are not in the set \{1\}: \[3\]"),
        (lambda t: t.assertNear(1.0, 2.0, 0.5, "far"), r"1.0 != 2.0 \+/- 0.5 \(far\)"),
        (lambda t: t.assertProtoEquals("node { name: 'a' }", tf.GraphDef()), 'name: "a"'),
        (lambda t: t.assertProtoEquals(tf.NodeDef(), tf.GraphDef()), "Can't compare protos of type"),
    ],
)  # fmt: skip
def test_what_a_failure_says(case, check, text):
    with pytest.raises(AssertionError, match=text):
        check(case)


def test_structures_that_cannot_be_compared(case):
    with pytest.raises(ValueError, match="Can't compare dict to non-dict"):
        case.assertAllClose({"a": 1}, [1])
    with pytest.raises(ValueError, match="Mismatched length: a has 2 items, but b has 1 items"):
        case.assertAllClose([np.ones(2), np.ones(3)], [np.ones(2)])


def test_what_compares_as_tensorflow_does(case):
    case.assertAllEqual([np.nan, 1], [np.nan, 1])
    case.assertAllEqual([b"a"], np.array([b"a"], object))
    case.assertAllClose([np.ones(2), np.ones(3)], [tf.ones([2]), tf.ones([3])])
    case.assertProtoEqualsVersion("node { name: 'a' op: 'NoOp' }", _graph_def("a"))
    with case.assertRaisesWithPredicateMatch(tf.errors.OpError, "Caused by: bad"), case.session():
        case.evaluate(tf.check_numerics(tf.constant(np.nan), "text", name="bad"))
    with pytest.raises(AssertionError, match="Exception of type <class 'KeyError'>"):
        with case.assertRaisesWithPredicateMatch(ValueError, "text"):
            raise KeyError("text")


def _graph_def(*names):
    with tf.Graph().as_default() as graph:
        for name in names:
            tf.no_op(name)
    return graph.as_graph_def()


def test_equal_graph_defs():
    tf.test.assert_equal_graph_def(_graph_def("a", "b"), _graph_def("b", "a"))
    ways = [tf.NodeDef(name="c", op="Const") for _ in range(2)]
    ways[0].attr["value"].tensor.CopyFrom(tf.make_tensor_proto([1.0, 2.0]))
    ways[1].attr["value"].tensor.CopyFrom(tf.make_tensor_proto([1.0, 2.0]))
    ways[1].attr["value"].tensor.ClearField("tensor_content")
    ways[1].attr["value"].tensor.float_val.extend([1.0, 2.0])
    tf.test.assert_equal_graph_def(*[tf.GraphDef(node=[node]) for node in ways])
    parts = [tf.NodeDef(name="c", op="Const") for _ in range(2)]
    for part, letter in zip(parts, "ab"):
        part.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(f"_temp_{letter * 32}/part"))
    parts = [tf.GraphDef(node=[part]) for part in parts]
    tf.test.assert_equal_graph_def(*parts, checkpoint_v2=True)
    with pytest.raises(AssertionError, match="has attr 'value'"):
        tf.test.assert_equal_graph_def(*parts)
    tables = [tf.NodeDef(name="t", op="HashTableV2") for _ in range(2)]
    for table, letter in zip(tables, "ab"):
        table.attr["shared_name"].s = f"hash_table_{letter}".encode()
    tf.test.assert_equal_graph_def(*[tf.GraphDef(node=[t]) for t in tables], hash_table_shared_name=True)
    with pytest.raises(TypeError, match=r"Expected tf.GraphDef for actual, got int"):
        tf.test.assert_equal_graph_def(1, _graph_def())


@pytest.mark.parametrize(
    "actual, expected, text",
    [
        ({}, None, r"Found unexpected node '\{\{node a\}\} = Const"),
        (None, {}, "Did not find expected node"),
        ({"op": "Foo"}, {}, "Node named 'a' has op 'Foo' that is not expected 'Const'"),
        ({"input": ["x"]}, {"input": ["y"]}, "has input 0 'x' that doesn't match expected 'y'"),
        ({"input": ["x"]}, {"input": ["x", "z"]}, "has inputs 'x' that don't match expected 'x, z'"),
        ({"input": ["^z", "^y"]}, {"input": ["^q", "^z"]}, r"missing expected control input '\^q'"),
        ({"device": "/cpu:0"}, {"device": "/cpu:1"}, "has device '/cpu:0' that is not expected '/cpu:1'"),
        ({"attr": {"k": 1}}, {"attr": {"k": 2}}, "has attr 'k' with value: 1 that does not match expected: 2"),
        ({"attr": {"k": 1}}, {}, "has unexpected attr 'k' with value: 1"),
        ({}, {"attr": {"k": 1}}, "missing expected attr 'k' with value: 1"),
        ({"attr": {"_k": 1}}, {}, None),
        ({"input": ["x", "^z", "^y"]}, {"input": ["x:0", "^y", "^z"]}, None),
    ],
)
def test_how_graph_defs_differ(actual, expected, text):
    def graph_def(fields):
        if fields is None:
            return tf.GraphDef()
        attrs = {key: tf.AttrValue(i=value) for key, value in fields.get("attr", {}).items()}
        return tf.GraphDef(node=[tf.NodeDef(**{"name": "a", "op": "Const", **fields, "attr": attrs})])

    if text is None:
        tf.test.assert_equal_graph_def(graph_def(actual), graph_def(expected))
        return
    with pytest.raises(AssertionError, match=text):
        tf.test.assert_equal_graph_def(graph_def(actual), graph_def(expected))


def test_attributes_are_stubbed_out():
    class Base:
        kept = 1

        @staticmethod
        def one():
            return 1

    class Derived(Base):
        pass

    stubs = tf.test.StubOutForTesting()
    stubs.SmartSet(Base, "one", lambda: 2)
    assert Derived.one() == 2
    stubs.Set(math, "pi", 3)
    stubs.Set(math, "pi", 4)
    assert math.pi == 4
    instance = Derived()
    stubs.SmartSet(instance, "kept", 5)
    assert Derived.kept == 5 and Base.kept == 1
    stubs.CleanUp()
    assert Base.one() == Base().one() == 1 and math.pi > 3.14 and Derived.kept == 1
    with stubs:
        stubs.Set(math, "pi", 3)
    assert math.pi > 3.14
    with pytest.raises(AttributeError, match="Attribute not found"):
        stubs.SmartSet(instance, "missing", 1)


class Measured(tf.test.Benchmark):
    def benchmark_a_sum(self):
        with tf.Graph().as_default(), tf.Session() as session:
            return self.run_op_benchmark(
                session, tf.constant(1.0) + 2, min_iters=3, extras={"size": 1}, store_trace=True
            )

    def benchmark_told(self):
        metrics = [{"name": "m", "value": 2.0, "min_value": 1.0}]
        self.report_benchmark(iters=3, cpu_time=0.25, wall_time=0.5, throughput=4.0, extras={"b": "c"}, metrics=metrics)


def test_benchmarks_are_found_by_their_names(executor, monkeypatch, capsys):
    monkeypatch.setattr(tf.app, "run", lambda main, argv: main(argv))
    tf.test.main(["program", "--benchmarks=Measured.benchmark_t"])
    printed = capsys.readouterr().out
    assert (
        'name: "Measured.benchmark_told"' in printed and "wall_time: 0.5" in printed and 'string_value: "c"' in printed
    )
    assert "min_value {\n      value: 1" in printed and "benchmark_a_sum" not in printed
    values = Measured().benchmark_a_sum()
    assert (
        values["iters"] == 3 and values["wall_time"] > 0 and values["throughput"] == 0 and values["extras"]["size"] == 1
    )
    assert 'name: "Measured.benchmark_a_sum"' in capsys.readouterr().out
    assert ("full_trace_chrome_format" in values["extras"]) and tf.test.benchmark_config().graph_options
    with tf.Graph().as_default(), tf.Session():
        assert Measured().evaluate(tf.constant(2)) == 2
    with pytest.raises(ValueError, match="No default session is registered"):
        Measured().evaluate(tf.constant(2))


def test_figures_are_written_to_files(tmp_path, monkeypatch):
    from hookloop.files.messages import BenchmarkEntries

    monkeypatch.setenv("TEST_REPORT_FILE_PREFIX", f"{tmp_path}/figures_")
    Measured().benchmark_told()
    entries = BenchmarkEntries.FromString((tmp_path / "figures_Measured.benchmark_told").read_bytes())
    assert entries.entry[0].cpu_time == 0.25 and entries.entry[0].throughput == 4.0
    with pytest.raises(OSError, match="File already exists"):
        Measured().benchmark_told()


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"extras": []}, "extras must be a dict"),
        ({"metrics": {}}, "metrics must be a list"),
        ({"metrics": [{"value": 1}]}, "'name' field"),
        ({"metrics": [{"name": "m"}]}, "'value' field"),
    ],
)
def test_figures_that_are_refused(arguments, text):
    with pytest.raises(TypeError, match=text):
        Measured().report_benchmark(name="figures", **arguments)


def test_clusters_for_tests(monkeypatch):
    workers, parameter_servers = tf.test.create_local_cluster(1, 0)
    assert parameter_servers == []
    with tf.Graph().as_default(), tf.Session(workers[0].target) as session:
        assert session.run(tf.constant(1)) == 1
    with pytest.raises(tf.errors.UnimplementedError, match="expected a cluster of one task"):
        tf.test.create_local_cluster(1, 1)
    monkeypatch.setenv("TEST_SRCDIR", "/data")
    assert tf.test.test_src_dir_path("core/x").endswith("tensorflow/core/x")
