"""Sessions: what may be fetched and fed, options, threads, closing."""

import collections
import itertools
import re
import threading
import warnings
from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import hookloop as tf
from hookloop import plan_table

from .conftest import on_reference

Pair = namedtuple("Pair", ["first", "second"])


def test_fetches_keep_their_structure(executor):
    a, b = tf.constant(1), tf.constant([2.0, 3.0])
    with tf.Session() as session:
        found = session.run({"x": [a, (b, a)], "y": Pair(a, {"z": b}), "w": [], "op": tf.no_op()})
        ordered = session.run(OrderedDict([("b", a), ("a", b)]))
    assert isinstance(found["x"][1], tuple)
    assert isinstance(found["y"], Pair)
    assert found["y"].second["z"].tolist() == [2, 3]
    assert found["w"] == []
    assert found["op"] is None
    assert isinstance(ordered, OrderedDict)
    assert list(ordered) == ["b", "a"]


def test_nested_fetches_keep_their_structure_in_every_run(executor):
    """Also where a structure is another object each time, has changed, or has elements of other kinds."""
    x, step = tf.placeholder(tf.float32, [None], name="x"), tf.Variable(0)
    raised, counted = x + 1, tf.assign_add(step, 1)
    with tf.Session() as session:
        session.run(step.initializer)
        callable_of_dict = session.make_callable({"a": raised, "b": Pair(x, [counted])}, [x])
        for run in range(1, 4):
            fetches = {"a": raised, "b": Pair([raised], (counted.op, raised)), "c": {}, "d": (counted,)}
            found = session.run(fetches, {x: [float(run)]})
            assert type(found) is dict and list(found) == ["a", "b", "c", "d"]
            assert found["a"].tolist() == [run + 1] and found["c"] == {}
            assert found["d"] == (2 * run - 1,) and type(found["d"]) is tuple
            assert type(found["b"]) is Pair and type(found["b"].first) is list
            assert found["b"].second[0] is None and found["b"].second[1].tolist() == [run + 1]
            found = callable_of_dict([float(run)])
            assert found["a"].tolist() == [run + 1] and type(found["b"]) is Pair and found["b"].second == [2 * run]
            assert session.run({"name": "x:0", "step": [step]}, {x: [5.0]}) == {"name": [5.0], "step": [2 * run]}
        with pytest.raises(ValueError, match="is not an element of this graph"):
            with tf.Graph().as_default():
                other = tf.constant(1)
            session.run({"other": other})
        with pytest.raises(TypeError, match="Fetch argument 3 has invalid type"):
            session.run({"number": 3, "x": x}, {x: [1.0]})


def test_what_is_fed_and_fetched_is_a_copy(executor):
    x, y = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [2])
    given = np.ones(2, np.float32)
    with tf.Session() as session:
        number, array = session.run([x, y], {x: 2.0, y: given})
    assert isinstance(number, np.float32) and number == 2
    assert array.tolist() == [1, 1] and not np.shares_memory(array, given)


@pytest.mark.parametrize("size", [3, 100_000])
def test_what_is_fetched_twice_is_one_array_in_each_step(executor, size):
    x = tf.placeholder(tf.float32, [None])
    y, z = x * 2, x + 1
    with tf.Session() as session:
        for value in (np.arange(size, dtype=np.float32), np.ones(size, np.float32), [1.0] * size):
            first, other, operation, second = session.run([y, z, y.op, y], {x: value})
            assert first is second and first is not other and operation is None
            left, right = session.run((y, y), {x: value})
            assert left is right
            nested = session.run({"y": y, "both": [z, y]}, {x: value})
            assert nested["y"] is nested["both"][1]
            for found, wanted in ((first, 2), (left, 2), (nested["y"], 2)):
                np.testing.assert_array_equal(found, np.asarray(value) * wanted)


def test_fetches_by_name_and_twice(executor):
    a = tf.constant(7, name="a")
    with tf.Session() as session:
        assert session.run(["a:0", a, "a", b"a:0"]) == [7, 7, None, 7]


def test_fetched_arrays_are_the_callers_own(executor):
    v = tf.Variable([1.0, 2.0])
    with tf.Session() as session:
        session.run(v.initializer)
        found = session.run(v)
        found[:] = 0
        assert session.run(v).tolist() == [1, 2]


@pytest.mark.parametrize("value", [1.7, np.float64(1.7), [1.7][0], np.int64(1), True, np.array(1.7)])
def test_numbers_are_converted(executor, value):
    x = tf.placeholder(tf.int32, [])
    with tf.Session() as session:
        assert session.run(x + 1, {x: value}) == 2


@pytest.mark.parametrize("dtype", [tf.float16, tf.float32, tf.float64, tf.int8, tf.int32, tf.int64, tf.uint8])
@pytest.mark.parametrize("order", ["C", "F", "strided", "swapped", "list", "object", "readonly"])
def test_feeds_of_every_kind_of_array(executor, dtype, order):
    x = tf.placeholder(dtype, [2, 3])
    whole = np.arange(6).reshape(2, 3)
    value = {
        "C": whole.astype(np.float64), "F": np.asfortranarray(whole), "strided": np.arange(12).reshape(2, 6)[:, ::2] // 2,
        "swapped": whole.astype(">i4"), "list": whole.tolist(), "object": whole.astype(object), "readonly": whole.copy(),
    }[order]  # fmt: skip
    if order == "readonly":
        value.flags.writeable = False
    with tf.Session() as session:
        found = session.run(x * 2, {x: value})
    assert found.tolist() == (whole * 2).tolist()
    assert found.dtype == dtype.as_numpy_dtype


def test_feeds_of_any_tensor(executor):
    a = tf.constant(1.0)
    b = a + 1
    v = tf.Variable(5.0)
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run(b * 10, {b: 3.0}) == 30
        assert session.run(b, {a: 3.0}) == 4
        assert session.run([b, a], {"add:0" if b.name == "add:0" else b: 7.0}) == [7, 1]
        assert session.run(v.value() * 2, {v: 1.5}) == 3


def test_a_default_may_be_fed(executor):
    x = tf.placeholder_with_default([1.0, 2.0], [None])
    with tf.Session() as session:
        assert session.run(x * 2).tolist() == [2, 4]
        assert session.run(x * 2, {x: [5.0]}).tolist() == [10]


def test_callables(executor):
    x = tf.placeholder(tf.float32, [])
    with tf.Session() as session:
        double = session.make_callable(x * 2, feed_list=[x])
        both = session.make_callable([x, x + 1], [x])
        nothing = session.make_callable(tf.no_op())
        assert double(4.0) == 8
        assert both(1.0) == [1, 2]
        assert nothing() is None
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="You must feed a value for placeholder tensor 'Placeholder'"
        ):
            double()
        with pytest.raises(TypeError, match="expected no values, as the callable was made without a feed_list, got 1"):
            nothing(1)
        with pytest.raises(
            TypeError, match=r"expected no arguments, as the callable accepts no options, got \['options'\]"
        ):
            nothing(options=None)


def test_every_field_of_a_configuration_is_accepted():
    config = tf.ConfigProto(
        intra_op_parallelism_threads=2, inter_op_parallelism_threads=3, allow_soft_placement=True,
        log_device_placement=False, operation_timeout_in_ms=5000, device_count={"CPU": 1, "GPU": 0},
        gpu_options=tf.GPUOptions(allow_growth=True), graph_options=tf.GraphOptions(),
    )  # fmt: skip
    config.gpu_options.per_process_gpu_memory_fraction = 0.5
    with tf.Session(config=config) as session:
        assert session.run(tf.constant(1)) == 1


def test_run_metadata_is_accepted(executor):
    metadata = tf.RunMetadata()
    options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    with tf.Session() as session:
        assert session.run(tf.constant(1) + 1, options=options, run_metadata=metadata) == 2


def test_a_closed_session(executor):
    x = tf.constant(1)
    session = tf.Session()
    session.close()
    with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
        session.run(x)
    session.close()


@pytest.mark.parametrize("called_before", [False, True])
def test_functions_of_a_closed_session(executor, called_before):
    """Those without a list of feeds are refused in the words of TensorFlow's runtime, as is to ask for the devices."""
    x = tf.placeholder(tf.float32, [])
    with tf.Session() as session:
        plain, fed = session.make_callable(tf.constant(1)), session.make_callable(x * 2, [x])
        told = session.make_callable(tf.constant(1), accept_options=True)
        if called_before:
            assert (plain(), fed(2.0), told()) == (1, 4, 1)
    for function in (plain, told, lambda: told(options=tf.RunOptions()), session.list_devices):
        with pytest.raises(tf.errors.CancelledError, match="^Session has been closed.$"):
            function()
    with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
        fed(2.0)


def test_default_sessions_and_graphs(executor):
    graph = tf.Graph()
    with graph.as_default():
        x = tf.constant(3)
    with tf.Session(graph=graph) as session:
        assert tf.get_default_session() is session
        assert tf.get_default_graph() is graph
        assert x.eval() == 3
    assert tf.get_default_session() is None
    with pytest.raises(ValueError, match="Cannot evaluate tensor using `eval\\(\\)`: No default session"):
        x.eval()
    with tf.Session(graph=graph).as_default() as other:
        assert x.eval() == 3
        assert other.graph is graph
    assert other.run(x) == 3


def test_a_session_is_entered_once_at_a_time():
    session = tf.Session()
    with session, pytest.raises(RuntimeError, match="Session context managers are not re-entrant"), session:
        pass


def test_an_interactive_session(executor):
    x = tf.constant(3) * 2
    session = tf.InteractiveSession()
    try:
        assert x.eval() == 6
        tf.no_op().run()
    finally:
        session.close()
    assert tf.get_default_session() is None


def test_a_second_interactive_session_warns():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        tf.InteractiveSession().close()
        one = tf.InteractiveSession()
        assert not seen
        two = tf.InteractiveSession()
    assert [str(w.message)[:41] for w in seen] == ["An interactive session is already active."]
    two.close()
    one.close()
    one.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tf.InteractiveSession().close()


def test_a_target_that_no_session_has():
    with pytest.raises(
        tf.errors.NotFoundError, match="No session factory registered for the given session options: .*got target 'x'"
    ):
        tf.Session("x")


@pytest.mark.parametrize("infer", [False, True])
def test_shapes_in_the_graph_of_a_session(infer):
    tf.constant([[1, 2]])
    options = tf.GraphOptions(infer_shapes=infer)
    with tf.Session(config=tf.ConfigProto(graph_options=options)) as session:
        assert ("_output_shapes" in session.graph_def.node[0].attr) == infer


def test_a_callable_by_the_names_of_its_options(executor):
    from hookloop.core.protobuf import config_pb2

    x = tf.placeholder(tf.float32, [])
    count = tf.Variable(0.0)
    more = tf.assign_add(count, x)
    options = config_pb2.CallableOptions(feed=[x.name], fetch=[(x * 2).name, x.name], target=[more.op.name])
    with tf.Session() as session:
        session.run(count.initializer)
        call = session._make_callable_from_options(options)
        assert [call(3.0), call(4.0)] == [[6, 3], [8, 4]] and session.run(count) == 7
        options.target.pop()
        assert session._make_callable_from_options(options)(5.0) == [10, 5] and session.run(count) == 7


def test_options_of_a_callable_connect_tensors(executor):
    from hookloop.core.protobuf import config_pb2

    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32, [None])
    source = tf.stack([x, x + 1])
    options = config_pb2.CallableOptions(feed=[x.name], fetch=[(y * 2).name], target=[tf.no_op().name])
    options.tensor_connection.add(from_tensor=source.name, to_tensor=y.name)
    with tf.Session() as session:
        call = session._make_callable_from_options(options)
        assert [one.tolist() for one in (*call(3.0), *call(4.0))] == [[6, 8], [8, 10]]
        options.run_options.trace_level = config_pb2.RunOptions.FULL_TRACE
        metadata = config_pb2.RunMetadata()
        assert session._make_callable_from_options(options)(3.0, run_metadata=metadata)[0].tolist() == [6, 8]
        if session._reference is None:
            assert metadata.step_stats.dev_stats
        options.tensor_connection[0].from_tensor = "nothing:0"
        with pytest.raises(ValueError, match="does not exist. The operation, .nothing., does not exist in the graph"):
            session._make_callable_from_options(options)(3.0)


def test_variables_belong_to_their_session(executor):
    v = tf.Variable(1.0)
    with tf.Session() as one, tf.Session() as two:
        one.run(v.initializer)
        two.run(v.initializer)
        one.run(v.assign_add(1.0))
        assert (one.run(v), two.run(v)) == (2, 1)


def test_buffers_are_the_variables_memory():
    v = tf.Variable([1.0, 2.0])
    with tf.Session() as session:
        session.run(v.initializer)
        view = session.buffer(v)
        assert not view.flags.writeable
        session.run(v.assign([3.0, 4.0]))
        assert view.tolist() == [3, 4]


def test_nodes_added_between_runs(executor):
    x = tf.constant(2)
    with tf.Session() as session:
        assert session.run(x) == 2
        assert session.run(x * 3) == 6


def test_threads_in_one_session(config):
    x = tf.placeholder(tf.float64, [None, 8])
    w = tf.Variable(np.eye(8) * 2)
    y = tf.reduce_sum(tf.matmul(x, w), 1)
    failures = []

    def work(session, number):
        for size in (1, 5, 17, 64) * 10:
            found = session.run(y, {x: np.full((size, 8), float(number))})
            if found.tolist() != [16.0 * number] * size:
                failures.append((number, size))

    with tf.Session(config=config) as session:
        session.run(w.initializer)
        threads = [threading.Thread(target=work, args=(session, n)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures


def test_many_sizes_one_after_the_other(executor):
    x = tf.placeholder(tf.float32, [None])
    y = tf.reduce_sum(x) + tf.cast(tf.size(x), tf.float32)
    with tf.Session() as session:
        for size in (0, 1, 100, 3, 0, 1000, 2):
            assert session.run(y, {x: np.ones(size)}) == 2 * size


class TestRequestsThatAreKnown:
    """A request written as before is found by the identity of its parts: it must mean what it says all the same."""

    def test_more_requests_in_turn_than_are_remembered(self, executor):
        x = tf.placeholder(tf.float32, [None])
        products = [x * float(k) for k in range(20)]
        with tf.Session() as session:
            for _ in range(3):
                for k, product in enumerate(products):
                    assert session.run(product, {x: [1, 2]}).tolist() == [k, 2 * k]

    def test_feeds_by_name_and_by_place_in_any_order(self, executor):
        x, y = tf.placeholder(tf.float32, [2]), tf.placeholder(tf.float32, [2])
        difference = x - y
        a, b = np.array([5, 7], "f"), np.array([1, 2], "f")
        with tf.Session() as session:
            for _ in range(3):
                assert session.run(difference, {x: a, y: b}).tolist() == [4, 5]
                assert session.run(difference, feed_dict={y: b, x: a}).tolist() == [4, 5]
                assert session.run(fetches=difference, feed_dict={x: b, y: a}).tolist() == [-4, -5]
                assert session.run(feed_dict={x: a, y: b}, fetches=[difference, x])[1].tolist() == [5, 7]

    @pytest.mark.parametrize("value", [
        np.array([[1, 2], [3, 4]], "f"), np.array([[1, 3], [2, 4]], "f").T, np.array([[1, 2], [3, 4]], "d"),
        np.array([[1, 2], [3, 4]], ">f4"), np.array([[0, 1, 0, 2], [0, 3, 0, 4]], "f")[:, 1::2],
        np.array([[0, 0], [1, 2], [3, 4]], "f")[1:], np.asfortranarray(np.array([[1, 2], [3, 4]], "f")), [[1, 2], [3, 4]],
        np.frombuffer(b"\0" + np.array([[1, 2], [3, 4]], "f").tobytes(), "f", offset=1).reshape(2, 2),
    ])  # fmt: skip
    def test_arrays_that_cannot_be_read_in_place_mean_the_same(self, executor, value):
        x = tf.placeholder(tf.float32, [None, 2])
        y = tf.matmul(x, [[1.0], [10.0]])
        with tf.Session() as session:
            session.run(y, {x: np.ones((2, 2), "f")})
            for _ in range(2):
                assert session.run(y, {x: value}).tolist() == [[21], [43]]

    def test_a_wrong_shape_is_refused_and_the_next_run_is_right(self, executor):
        x = tf.placeholder(tf.float32, [None, 2])
        total = tf.reduce_sum(x)
        with tf.Session() as session:
            assert session.run(total, {x: np.ones((2, 2), "f")}) == 4
            with pytest.raises(ValueError, match="Cannot feed value of shape"):
                session.run(total, {x: np.ones((2, 3), "f")})
            assert session.run(total, {x: np.ones((3, 2), "f")}) == 6

    def test_a_view_of_a_variable_that_the_step_writes_is_fed(self, executor):
        w = tf.get_variable("w", [3], initializer=tf.ones_initializer())
        x = tf.placeholder(tf.float32, [3])
        added = tf.assign_add(w, x)
        with tf.Session() as session:
            session.run(w.initializer)
            if executor == "plan":
                assert session.run(added, {x: session.buffer(w)}).tolist() == [2, 2, 2]
                assert session.run(added, {x: session.buffer(w)[:]}).tolist() == [4, 4, 4]

    @pytest.mark.skipif(on_reference(), reason="the reference executor keeps no buffers")
    def test_a_view_of_a_variable_is_fed_as_it_was_before_the_step(self):
        """What is fed is the value of that moment: one that is read after the step's write is none of it."""
        w = tf.get_variable("w", initializer=tf.ones([3]))
        x = tf.placeholder(tf.float32, [3])
        with tf.control_dependencies([tf.assign(w, w + 1)]):
            tripled = x * 3.0
        with tf.Session() as session:
            session.run(w.initializer)
            view, call = session.buffer(w), session.make_callable(tripled, [x])
            for fed in (view, view, view[:], np.asarray(view)):
                before = 3 * view
                np.testing.assert_array_equal(session.run(tripled, {x: fed}), before)
                np.testing.assert_array_equal(call(fed), before + 3)
            before = view.copy()
            np.testing.assert_array_equal(session.run_steps(tripled, 3, {x: view}), 3 * before)
            assert session.run(w).tolist() == [12, 12, 12]

    def test_a_callable_is_called_with_values_of_any_kind(self, executor):
        x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [])
        with tf.Session() as session:
            product = session.make_callable(x * y, [y, x])
            assert [product(k, [k, 1.0]).tolist() for k in range(3)] == [[0, 0], [1, 1], [4, 2]]
            assert product(np.float32(2), np.array([1, 2, 3], "f")).tolist() == [2, 4, 6]
            with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
                product(1.0, [1.0], other=2)

    def test_a_callable_feeds_the_values_that_it_is_given(self, executor):
        """As TensorFlow: what has no value is not fed, more values than tensors are not looked at."""
        x, y = tf.placeholder(tf.float32, [], name="x"), tf.placeholder_with_default(3.0, [], name="y")
        with tf.Session() as session:
            difference = session.make_callable(x - y, [x, y])
            for _ in range(2):
                assert [difference(5.0, 1.0), difference(5.0), difference(5.0, 1.0, "more")] == [4, 2, 4]
                assert difference(5.0, 1.0, options=None, run_metadata=None) == 4
            with pytest.raises(
                tf.errors.InvalidArgumentError, match="You must feed a value for placeholder tensor 'x'"
            ):
                difference()
            twice = session.make_callable(x - y, [x, x, y])
            for _ in range(2):
                assert [twice(1.0, 2.0, 3.0), twice(1.0, 5.0), twice(5.0)] == [-1, 2, 2]

    def test_the_scalars_are_numpys(self, executor):
        for dtype in (tf.float32, tf.float64, tf.int32, tf.int64, tf.bool, tf.uint8):
            with tf.Graph().as_default(), tf.Session() as session:
                value = tf.cast(tf.constant(1) + 0, dtype)
                for _ in range(2):
                    got = session.run(value)
                    assert type(got) is np.dtype(dtype.as_numpy_dtype).type and got == 1


def test_a_sessions_dictionary_is_the_programs(executor, graph):
    """What `run` needs lies in slots: Python finds methods faster where there is no dictionary."""
    for session in (tf.Session(graph=graph), tf.InteractiveSession(graph=graph)):
        session.run(tf.Variable(1.0).initializer)
        assert session.__dict__ == {}
        session.note = "the program's own"
        assert session.note == "the program's own"
        session.close()


def test_a_nested_key_feeds_each_of_its_leaves(executor):
    """As the states of recurrent cells are fed: a tuple of placeholders, and a structure of values with as many leaves."""
    pair = namedtuple("pair", "c h")
    a, b = tf.placeholder(tf.float32, [2]), tf.placeholder(tf.float32, [2])
    total = a * 2 + b
    one, two = np.ones(2, "float32"), np.full(2, 2, "float32")
    with tf.Session() as session:
        for feed in (
            {pair(a, b): pair(one, two)},
            {(a, b): [one, two]},
            {(a, (b,)): (one, (two,))},
            {a: one, (b,): (two,)},
        ):
            for _ in range(2):
                np.testing.assert_array_equal(session.run(total, feed), [4, 4])
        with pytest.raises(
            ValueError, match="Could not flatten dictionary. Key had 2 elements, but value had 1 elements"
        ):
            session.run(total, {(a, b): (one,)})
        with pytest.raises(TypeError, match="Cannot interpret feed_dict key as Tensor"):
            session.run(total, {(a, 1): (one, two)})
        with pytest.raises(ValueError, match=r"Cannot feed value of shape \(3,\)"):
            session.run(total, {(a, b): (one, np.ones(3))})
        np.testing.assert_array_equal(session.run(total, {a: one, b: two}), [4, 4])


def test_reset_closes_every_session_of_the_process(executor):
    v = tf.Variable(3.0)
    queue = tf.FIFOQueue(3, tf.float32)
    with tf.Graph().as_default():
        other = tf.Session()
        c = tf.constant(1)
    session = tf.Session()
    session.run([v.initializer, queue.enqueue(1.0)])
    assert tf.Session.reset("") is None
    for closed, fetch in ((session, v), (session, queue.size()), (other, c)):
        with pytest.raises(tf.errors.CancelledError, match="Session has been closed"):
            closed.run(fetch)
    session.close()
    with pytest.raises(RuntimeError, match="Attempted to use a closed Session"):
        session.run(v)
    with tf.Session() as fresh:
        with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value Variable"):
            fresh.run(v)
        assert fresh.run(v.initializer) is None
        fresh.reset("", ["a", b"b"], None)
        with pytest.raises(tf.errors.CancelledError, match="Session has been closed"):
            fresh.run(v)


def test_what_reset_refuses():
    with tf.Session() as session:
        with pytest.raises(tf.errors.NotFoundError, match="expected no target, or that of a tf.train.Server"):
            tf.Session.reset("grpc://elsewhere:1")
        with pytest.raises(TypeError, match="target must be a string"):
            tf.Session.reset(3)
        with pytest.raises(TypeError, match="containers must be a list of strings"):
            tf.Session.reset("", "a")
        assert session.run(tf.constant(2)) == 2
    assert not hasattr(tf.InteractiveSession, "reset")


def test_a_target_that_is_no_text_is_refused():
    with pytest.raises(TypeError, match="target must be a string, but got <class 'int'>"):
        tf.Session(3)


def test_a_defaultdict_of_fetches_stays_one(executor):
    fetches = collections.defaultdict(list, {"a": tf.constant(1), "b": [tf.constant(2)]})
    with tf.Session() as session:
        found = session.run(fetches)
    assert type(found) is collections.defaultdict and found == {"a": 1, "b": [2]}


def test_rows_by_index_are_fetched_and_fed_as_a_whole(executor):
    rows = tf.IndexedSlices(tf.constant([[1.0, 2.0]]), tf.constant([3]), tf.constant([4, 2]))
    bare = tf.IndexedSlices(rows.values * 2.0, rows.indices)
    with tf.Session() as session:
        found, found_bare = session.run([rows, bare])
        assert (found.values.tolist(), found.indices.tolist()) == ([[1, 2]], [3])
        assert found.dense_shape.tolist() == [4, 2] and found_bare.dense_shape is None
        assert type(found) is type(session.run(rows))
        doubled = session.run(bare, {rows: ([[5.0, 6.0]], [1], [4, 2])})
        assert (doubled.values.tolist(), doubled.indices.tolist()) == ([[10, 12]], [1])


# --- operations whose outputs are fed -------------------------------------------------------------------------------


def test_one_output_of_several_is_fed(executor):
    first, second = tf.split(tf.constant([1.0, 2.0]), 2)
    with tf.Session() as session:
        found = session.run([first, second, first + 10.0], {first: [7.0]})
        assert [value.tolist() for value in found] == [[7.0], [2.0], [17.0]]
        total = tf.add_n([first, second])
        assert session.run(total, {second: [5.0]}).tolist() == [6.0]


def test_one_result_of_a_loop_or_of_a_conditional_is_fed(executor):
    x = tf.placeholder_with_default(1.0, [])
    one, two = tf.cond(x > 0, lambda: (x + 1, x + 2), lambda: (x, x))
    i, total = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a + x), [0, 0.0])
    with tf.Session() as session:
        assert session.run([one, two, one * 2], {one: 7.0}) == [7, 3, 14]
        assert session.run([i, total, total * 2], {total: 7.0}) == [3, 7, 14]


def test_a_tensor_of_a_branch_may_be_fed_where_no_loop_is_around(executor):
    x = tf.constant(3)
    fed = []

    def branch():
        fed.append(x * 2)
        return fed[-1] + 1

    result = tf.cond(tf.constant(True), branch, lambda: x)
    tf.while_loop(lambda i: i < 2, lambda i: i + tf.cond(i > 0, branch, lambda: x), [0])
    with tf.Session() as session:
        assert session.run(result, {fed[0]: 10}) == 11 and session.run(result) == 7
        with pytest.raises(ValueError, match="may not be fed"):
            session.run(result, {fed[1]: 10})


def test_an_operation_runs_though_its_output_is_fed(executor):
    v = tf.get_variable("v", initializer=1.0)
    assign = tf.assign(v, 2.0)
    with tf.control_dependencies([tf.assign_add(v, 10.0, name="add")]):
        after = tf.identity(3.0)
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run(assign.op, {assign: 5.0}) is None and session.run(v) == 2
        assert session.run(after, {"add:0": 0.0}) == 3 and session.run(v) == 12


def test_a_placeholder_as_an_operation_wants_its_value_from_nobody(executor):
    x = tf.placeholder(tf.float32, [], name="x")
    with tf.control_dependencies([x]):
        y = tf.constant(2.0)
    with tf.Session() as session:
        assert session.run([y, tf.group(x.op)], {x: 1.0}) == [2, None]
        for fetches in (x.op, [x.op, x * 2], "x"):
            with pytest.raises(
                tf.errors.InvalidArgumentError, match="You must feed a value for placeholder tensor 'x'"
            ):
                session.run(fetches, {x: 1.0})


def test_a_number_is_no_string():
    x = tf.placeholder(tf.string, name="x")
    with (
        tf.Session() as session,
        pytest.raises(TypeError, match="Type of feed value 1 with type <class 'int'> is not compatible"),
    ):
        session.run(x, {x: 1})


@pytest.mark.parametrize("way", ["run", "callable", "monitored"])
def test_a_request_with_texts_takes_and_refuses_them_each_time_as_the_first(executor, way):
    words, word = tf.placeholder(tf.string, [None], name="words"), tf.placeholder(tf.string, [])
    weights = tf.placeholder(tf.float32, [None])
    fetches = [tf.strings.length(words), tf.string_join([word, word]), tf.reduce_sum(weights)]
    given = [[b"a", b"bc"], ["abc"], np.array(["q", "rs", "t"]), np.array([b"x", "yz"], object), (), ["\u00e9"]]
    expected = [[1, 2], [3], [1, 2, 1], [1, 2], [], [2]]
    with tf.Session() if way != "monitored" else tf.train.MonitoredSession() as session:
        ask = session.make_callable(fetches, [words, word, weights]) if way == "callable" else (
            lambda *values: session.run(fetches, dict(zip((words, word, weights), values)))
        )  # fmt: skip
        for _ in range(3):
            for texts, lengths in zip(given, expected):
                found = ask(texts, b"k" if lengths else "\u00fc", np.ones(len(lengths), np.float32))
                assert found[0].tolist() == lengths and found[2] == len(lengths)
                assert found[1] == (b"kk" if lengths else "\u00fc\u00fc".encode())
            with pytest.raises(TypeError, match=re.escape("expected string[?], got 7 at feed 'words:0'")):
                ask([b"a", 7], b"k", [1.0])
            with pytest.raises(ValueError, match=re.escape("Cannot feed value of shape (1, 1) for Tensor 'words:0'")):
                ask([[b"a"]], b"k", [1.0])


def test_a_session_is_closed_though_a_step_brings_a_resource_meanwhile():
    session = tf.Session()
    closed = []

    class Waiting:
        def close_session(self):  # as a save that is waited for, beside which a step still runs
            session._resources["late"] = closed
            closed.append(True)

    session._resources["first"], session._resources["second"] = Waiting(), Waiting()
    session.close()
    assert closed == [True, True] and not session._resources


def test_devices_are_as_many_as_the_configuration_counts():
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2, "GPU": 0})) as session:
        names = [device.name for device in session.list_devices()]
    assert names == [f"/job:localhost/replica:0/task:0/device:CPU:{i}" for i in (0, 1)]
    with tf.Session(config=tf.ConfigProto()) as session:
        (device,) = session.list_devices()
    assert re.fullmatch(
        r"_DeviceAttributes\(/job:localhost/replica:0/task:0/device:CPU:0, CPU, 268435456, \d+\)", repr(device)
    )
    assert device.incarnation == tf.Session().list_devices()[0].incarnation


def test_attributes_of_a_device_that_a_program_makes():
    from hookloop.python.client import session

    made = session._DeviceAttributes("/job:worker/cpu:0", "CPU", 1337, 1000000)
    assert (made.name, made.device_type, made.memory_limit_bytes, made.incarnation) == (
        "/job:worker/device:CPU:0", "CPU", 1337, 1000000,
    )  # fmt: skip
    assert str(made) == "_DeviceAttributes(/job:worker/device:CPU:0, CPU, 1337, 1000000)"
    with pytest.raises(ValueError, match="Unknown attribute: 'nonsense' in 'nonsense'"):
        session._DeviceAttributes("nonsense", "CPU", 1, 2)


@pytest.mark.parametrize("limit", [-5, -(2**63), 2**63 - 1])
def test_time_limits_that_are_negative_or_of_centuries_never_end_a_step(executor, limit):
    v = tf.get_variable("v", initializer=tf.ones([2]), validate_shape=False)
    counted = tf.while_loop(lambda i: i < 3, lambda i: i + tf.cast(tf.reduce_sum(v), tf.int32), [0])
    with tf.Session(config=tf.ConfigProto(operation_timeout_in_ms=limit)) as session:
        session.run(v.initializer)
        for options in (None, tf.RunOptions(timeout_in_ms=limit), None):
            assert session.run(counted, options=options) == 4


@pytest.mark.skipif(on_reference(), reason="the reference executor has no plans")
def test_the_plans_of_requests_that_were_not_looked_for_longest_go(monkeypatch):
    """A program that asks for something new in every step runs in the same memory; what it dropped it compiles again."""
    x = tf.placeholder(tf.float32, [None])
    sums = [tf.reduce_sum(x) + i for i in range(200)]
    monkeypatch.setattr(plan_table, "MOST_BYTES", 20 * (12000 + 1400 * 5))
    with tf.Session() as session:
        for i, total in enumerate(sums):
            assert session.run(total, {x: [1, 2]}) == 3 + i
        assert 20 <= len(session._entries) < 40
        for i in (0, 199, 100):
            assert session.run([sums[i]], {x: [1, 2, 3]}) == [6 + i]


@pytest.mark.skipif(on_reference(), reason="the reference executor has no plans")
def test_a_callable_whose_plan_was_given_up_notices_that_a_variable_has_another_shape(monkeypatch):
    """It read the memory that the variable had before."""
    v = tf.get_variable("v", initializer=np.ones(2, np.float32))
    doubled, sums = v * 2, [tf.constant(1.0) + i for i in range(3)]
    longer = tf.assign(v, tf.placeholder_with_default([1.0] * 5, [None]), validate_shape=False)
    monkeypatch.setattr(plan_table, "MOST_BYTES", 1)
    with tf.Session() as session:
        session.run(v.initializer)
        double = session.make_callable(doubled)
        assert double().tolist() == double().tolist() == [2, 2]
        session.run(sums)
        session.run(longer)
        assert double().tolist() == [2] * 5


@pytest.mark.skipif(on_reference(), reason="the reference executor has no plans")
def test_a_request_keeps_so_many_plans_and_gives_up_the_oldest():
    """A permutation decides the plan's structure: each has one."""
    x, order = tf.placeholder(tf.float32, [1, 2, 3, 4, 5]), tf.placeholder(tf.int32, [5])
    y = tf.transpose(x, order)
    value = np.arange(120, dtype=np.float32).reshape(1, 2, 3, 4, 5)
    with tf.Session() as session:
        orders = list(itertools.permutations(range(5)))[:70]
        for axes in [*orders, orders[0]]:
            np.testing.assert_array_equal(session.run(y, {x: value, order: axes}), value.transpose(axes))
        (plans,) = session._entries
        kept = [tuple(special) for _, values in plans for special in values.values()]
    assert kept == [orders[0], *orders[:-64:-1]]
