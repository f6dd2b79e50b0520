"""`tf.while_loop`: values, shapes, errors, nesting, and variables in bodies."""

import os
import signal
import threading

import numpy as np
import pytest

import hookloop as tf

pytestmark = pytest.mark.usefixtures("executor")


def run(fetches, feed_dict=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feed_dict)


def test_a_single_variable_comes_back_alone():
    assert run(tf.while_loop(lambda i: i < 10, lambda i: i + 1, [0])) == 10
    assert run(tf.while_loop(lambda i: i < 10, lambda i: [i + 1], [0], return_same_structure=True)) == [10]


def test_loop_variables_change_all_at_once():
    assert run(tf.while_loop(lambda a, b: a < 50, lambda a, b: (b, a + b), [0, 1])) == (55, 89)


def test_a_fed_bound_and_fed_sizes():
    n, x = tf.placeholder(tf.int32, []), tf.placeholder(tf.float32, [None, 3])
    i, y = tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a * 2 + x), [0, tf.zeros_like(x)])
    for count, rows in ((3, 2), (0, 4), (5, 1)):
        got_i, got = run([i, y], {n: count, x: np.ones((rows, 3))})
        assert got_i == count
        np.testing.assert_array_equal(got, np.full((rows, 3), 2**count - 1))


def test_nested_structures():
    start = {"i": tf.constant(0), "pair": (tf.constant(1.0), tf.constant([2.0]))}
    result = tf.while_loop(
        lambda s: s["i"] < 3, lambda s: [{"i": s["i"] + 1, "pair": (s["pair"][0] * 2, s["pair"][1] + 1)}], [start]
    )
    (got,) = run(result)
    assert got["i"] == 3 and got["pair"][0] == 8
    np.testing.assert_array_equal(got["pair"][1], [5])


def test_loops_in_loops():
    def body(i, a):
        return i + 1, tf.while_loop(lambda j, b: j < i, lambda j, b: (j + 1, b + a), [0, a])[1]

    assert run(tf.while_loop(lambda i, a: i < 4, body, [0, 1.0])) == (4, 24)


def test_conditionals_in_loops_and_loops_in_conditionals():
    def body(i, a):
        return i + 1, tf.cond(tf.equal(i % 2, 0), lambda: a + tf.cast(i, tf.float32), lambda: a * 2)

    assert run(tf.while_loop(lambda i, a: i < 7, body, [0, 1.0])) == (7, 30)
    p = tf.placeholder(tf.bool, [])
    y = tf.cond(p, lambda: tf.while_loop(lambda i: i < 5, lambda i: i + 1, [0]), lambda: tf.constant(-1))
    assert run(y, {p: True}) == 5
    assert run(y, {p: False}) == -1


def test_a_variable_of_open_shape_grows():
    _, y = tf.while_loop(
        lambda i, a: i < 4,
        lambda i, a: (i + 1, tf.concat([a, a[-1:] * 2], 0)),
        [0, tf.constant([1.0])],
        shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])],
    )
    assert y.shape.as_list() == [None]
    np.testing.assert_array_equal(run(y), [1, 2, 4, 8, 16])


def test_maximum_iterations_ends_a_loop():
    assert run(tf.while_loop(lambda i: i < 100, lambda i: i + 1, [0], maximum_iterations=7)) == 7
    assert run(tf.while_loop(lambda i, j: i < 3, lambda i, j: (i + 1, j + 2), [0, 0], maximum_iterations=7)) == [3, 6]


def test_nodes_have_tensorflows_names(graph):
    x = tf.placeholder(tf.float32, [])
    tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * x), [0, 1.0])
    found = {op.name: op.type for op in graph.get_operations() if op.name.startswith("while/")}
    assert found == {
        "while/Const": "Const", "while/Const_1": "Const", "while/Enter": "Enter", "while/Enter_1": "Enter",
        "while/Merge": "Merge", "while/Merge_1": "Merge", "while/Less/y": "Const", "while/Less": "Less",
        "while/LoopCond": "LoopCond", "while/Switch": "Switch", "while/Switch_1": "Switch",
        "while/Identity": "Identity", "while/Identity_1": "Identity", "while/add/y": "Const", "while/add": "AddV2",
        "while/mul": "Mul", "while/mul/Enter": "Enter", "while/NextIteration": "NextIteration",
        "while/NextIteration_1": "NextIteration", "while/Exit": "Exit", "while/Exit_1": "Exit",
    }  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2])
def test_a_body_writes_a_variable_in_each_iteration(threads):
    v = tf.Variable(1.0)

    def body(i, total):
        before = v * 1
        with tf.control_dependencies([tf.assign_add(v, 2.0)]):
            after = v * 1
        return i + 1, total + before * 100 + after

    result = tf.while_loop(lambda i, t: i < 3, body, [0, 0.0])
    outside = v * 10
    with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
        for _ in range(100):
            session.run(v.initializer)
            # before: 1, 3, 5; after: 3, 5, 7
            assert session.run([result[1], outside, v]) == [915, 10, 7]


@pytest.mark.parametrize("threads", [1, 2])
def test_two_writes_in_a_body_that_read_each_other_swap(threads):
    v, w = tf.Variable(1.0), tf.Variable(2.0)

    def body(i):
        with tf.control_dependencies([tf.assign(v, w), tf.assign(w, v)]):
            return i + 1

    result = tf.while_loop(lambda i: i < 3, body, [0])
    with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
        for _ in range(100):
            session.run(tf.global_variables_initializer())
            assert session.run([result, v, w]) == [3, 2, 1]


def test_writes_in_a_nested_conditional():
    v = tf.Variable(0)

    def body(i):
        write = tf.cond(tf.equal(i % 2, 0), lambda: tf.assign_add(v, 1), lambda: tf.assign_add(v, 10))
        with tf.control_dependencies([write]):
            return i + 1

    assert run([tf.while_loop(lambda i: i < 5, body, [0]), tf.identity(v)])[0] == 5
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(tf.while_loop(lambda i: i < 5, body, [0]))
        assert session.run(v) == 23


@pytest.mark.filterwarnings("ignore")
def test_control_c_ends_a_loop(ctrl_c):
    result = tf.while_loop(lambda i: i >= 0, lambda i: (i + 1) % 1000, [0])
    with tf.Session() as session:
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            session.run(result)
        assert session.run(tf.while_loop(lambda i: i < 3, lambda i: i + 1, [0])) == 3


def test_a_shape_that_changes_needs_an_invariant():
    with pytest.raises(ValueError, match="enters the loop with shape .1,., but has shape .2,. after one iteration"):
        tf.while_loop(lambda a: True, lambda a: tf.concat([a, a], 0), [tf.constant([1.0])])
    with pytest.raises(ValueError, match="shape invariant specified for .* is not compatible"):
        tf.while_loop(lambda a: True, lambda a: a, [tf.constant([1.0])], shape_invariants=[tf.TensorShape([2])])


def test_arguments_are_checked():
    with pytest.raises(TypeError, match="cond must be callable"):
        tf.while_loop(1, lambda i: i, [0])
    with pytest.raises(TypeError, match="body must be callable"):
        tf.while_loop(lambda i: i < 1, 1, [0])
    with pytest.raises(TypeError, match="parallel_iterations must be a positive integer"):
        tf.while_loop(lambda i: i < 1, lambda i: i, [0], parallel_iterations=0)
    with pytest.raises(ValueError, match="No loop variables provided"):
        tf.while_loop(lambda: True, lambda: (), [])
    with pytest.raises(ValueError, match="maximum_iterations must be a scalar"):
        tf.while_loop(lambda i: i < 1, lambda i: i, [0], maximum_iterations=[1, 2])


def test_a_body_must_return_as_many_values_as_it_takes():
    with pytest.raises(ValueError):
        tf.while_loop(lambda i, j: i < 1, lambda i, j: i + 1, [0, 0])


def test_a_body_that_changes_a_dtype_is_refused():
    refused = "Input 1 of node while/Merge was passed float from while/NextIteration:0 incompatible with expected int32"
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=refused
    ):  # TensorFlow 1.15's words, when it runs the graph
        tf.while_loop(lambda i: i < 3, lambda i: tf.to_float(i), [0])
    refused = "Input 1 of node foldl/while/Merge_2 was passed int32 from foldl/while/NextIteration_2:0 incompatible with expected float"
    with pytest.raises(tf.errors.InvalidArgumentError, match=refused):
        tf.foldl(lambda a, x: tf.to_int32(x), tf.zeros([3]))


def test_nodes_of_loops_that_stand_in_none(executor):
    """TensorFlow 1.15 hands on what they are given; of an Exit it crashes."""
    x, p = tf.placeholder(tf.float32, [2]), tf.placeholder(tf.bool, [])
    with tf.Session() as session:
        assert session.run(tf.raw_ops.NextIteration(data=x), {x: [1, 2]}).tolist() == [1, 2]
        goes_on = tf.raw_ops.LoopCond(input=p)
        assert session.run([goes_on, tf.logical_not(goes_on)], {p: True}) == [True, False]
        with pytest.raises(tf.errors.UnimplementedError, match="Exit 'Exit' cannot run: it has no kernel"):
            session.run(tf.raw_ops.Exit(data=x), {x: [1, 2]})


def _growing(x, n):
    invariants = [tf.TensorShape([]), tf.TensorShape([None, 3])]
    return tf.while_loop(lambda i, a: i < n, lambda i, a: [i + 1, tf.concat([a * 2, x], 0)], [0, x], invariants)[1]


def test_what_a_growing_loop_gives_fits_by_the_size_that_it_ends_with(executor):
    x, n = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.int32, [])
    grown = _growing(x, n)
    sum, halves = grown + np.ones((8, 3)), tf.reshape(grown, [2, -1])
    with tf.Session() as session:
        for _ in range(2):
            feeds = {x: np.ones((2, 3)), n: 3}
            assert session.run(sum, feeds)[:, 0].tolist() == [9, 9, 5, 5, 3, 3, 2, 2]
            assert session.run(halves, feeds).shape == (2, 12)
            with pytest.raises(tf.errors.InvalidArgumentError):
                session.run(sum, {x: np.ones((2, 3)), n: 1})


def test_the_gradient_of_a_growing_loop_by_what_it_begins_with_and_adds(executor):
    x = tf.placeholder(tf.float32, [None, 3])
    (gradient,) = tf.gradients(_growing(x, 3), x)
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(gradient, {x: np.ones((2, 3))}), np.full((2, 3), 15))
        np.testing.assert_array_equal(session.run(gradient, {x: np.ones((5, 3))}), np.full((5, 3), 15))


@pytest.mark.parametrize("outside", [False, True])
def test_a_loop_in_a_loop_waits_for_what_its_dependencies_name(executor, outside):
    v = tf.get_variable("v", initializer=1.0)
    first = v + 1.0

    def inner(x):
        with tf.control_dependencies([first if outside else x * 2.0]):
            return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * 2.0), [0, x])[1]

    found = tf.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, inner(y)), [0, 1.0])[1]
    merges = [op for op in tf.get_default_graph().get_operations() if op.type == "Merge"]
    assert not any(op.control_inputs for op in merges)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(found) == 64.0


def test_what_a_loop_waits_for_has_its_name_below_the_op_that_waits():
    outside = tf.constant(1.0, name="outside")

    def body(i):
        with tf.control_dependencies([outside]):
            return tf.identity(i, name="q") + 1.0

    tf.while_loop(lambda i: i < 3.0, body, [0.0])
    graph = tf.get_default_graph()
    waits = {
        name: [c.name for c in graph.get_operation_by_name(f"while/{name}").control_inputs] for name in ("q", "add/y")
    }
    assert waits == {"q": ["while/q/Identity"], "add/y": ["while/Identity", "while/add/Identity"]}


def test_slices_as_a_loop_variable(executor):
    values = tf.constant([2.0, 4.0])
    start = tf.IndexedSlices(values, tf.constant([0, 3]), tf.constant([10]))

    def body(i, x):
        return i + 1, tf.IndexedSlices(x.values * 2, x.indices, x.dense_shape)

    _, result = tf.while_loop(lambda i, x: i < 3, body, [tf.constant(0), start])
    assert isinstance(result, tf.IndexedSlices)
    assert result.values.shape.as_list() == [2] and result.dense_shape.shape.as_list() == [1]
    (gradient,) = tf.gradients(result.values, values)
    with tf.Session() as session:
        got, slope = session.run([result, gradient])
    assert got.values.tolist() == [16, 32] and got.indices.tolist() == [0, 3] and got.dense_shape.tolist() == [10]
    assert slope.tolist() == [8, 8]


def test_slices_whose_number_changes(executor):
    start = tf.IndexedSlices(tf.constant([[1.0]]), tf.constant([0]))

    def body(i, x):
        return i + 1, tf.IndexedSlices(tf.concat([x.values, x.values], 0), tf.concat([x.indices, x.indices + 1], 0))

    shapes = [tf.TensorShape([]), tf.TensorShape([None, 1])]
    _, result = tf.while_loop(lambda i, x: i < 2, body, [tf.constant(0), start], shapes)
    with tf.Session() as session:
        assert session.run(result).indices.tolist() == [0, 1, 1, 2]


def test_what_stands_in_a_loop_is_no_input_outside_of_it():
    inside = []

    def body(i):
        inside.append(tf.constant(2))
        return i + 1

    tf.while_loop(lambda i: i < 3, body, [0])
    with pytest.raises(
        ValueError, match="^Cannot use 'while/Const_1' as input to 'Add' because 'while/Const_1' is in a while loop.$"
    ):
        tf.add(1, inside[0])
    with pytest.raises(
        ValueError,
        match="Cannot use 'while/Const_1' as input to 'while_1/Add' because they are in different while loops.",
    ):
        tf.while_loop(lambda i: i < 3, lambda i: tf.add(i, inside[0]), [0])


def test_a_gradient_inside_through_the_first_value_is_refused():
    x = tf.placeholder(tf.float32, [], name="x")
    start = x + 1

    def body(i, v):
        return i + 1, tf.gradients(v * 2, x)[0]

    with pytest.raises(ValueError, match="Cannot compute gradient inside while loop with respect to op 'x'."):
        tf.while_loop(lambda i, v: i < 3, body, [0, start])


def test_nothing_in_a_loop_may_be_fed():
    start = tf.constant(0)
    result = tf.while_loop(lambda i: i < 3, lambda i: i + 1, [start])
    graph = tf.get_default_graph()
    feedable = [t.name for op in graph.get_operations() for t in op.outputs if graph.is_feedable(t)]
    assert feedable == [start.name, result.name]
    with tf.Session() as session, pytest.raises(ValueError, match="may not be fed"):
        session.run(result, {"while/Merge:0": 7})


def test_nodes_of_a_branch_and_a_loop_that_a_program_makes_itself(executor):
    from hookloop.python.ops import control_flow_ops, gen_control_flow_ops

    data = tf.constant([1, 2, 3])
    pred = tf.placeholder(tf.bool, [])
    off, on = control_flow_ops.switch(data, pred)
    merged = control_flow_ops.merge([off + 1, tf.identity(on)])[0]
    first, one, limit = (gen_control_flow_ops.enter(tf.constant(n), "frame", n > 0) for n in (0, 1, 10))
    at = control_flow_ops.merge([first, first])[0]
    leave, stay = control_flow_ops.switch(at, control_flow_ops.loop_cond(at < limit))
    at.op._update_input(1, gen_control_flow_ops.next_iteration(stay + one))
    after = gen_control_flow_ops.exit(leave)
    with tf.Session() as session:
        assert session.run(merged, {pred: False}).tolist() == [2, 3, 4]
        assert session.run(merged, {pred: True}).tolist() == [1, 2, 3]
        assert session.run(after) == 10


def test_a_condition_that_is_no_scalar_is_refused_when_the_loop_runs(executor):
    limit = tf.placeholder(tf.int32, None)
    last = tf.while_loop(lambda i: i < limit, lambda i: i + 1, [0])
    with tf.Session() as session:
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=r"The second input must be a scalar, but it has shape \[[1?]\]"
        ):
            session.run(last, {limit: [3]})
        assert session.run(last, {limit: 3}) == 3


def test_what_an_outer_loop_does_not_change_enters_with_its_iteration():
    x = tf.placeholder(tf.float32, [3])

    def body(i, total):
        inner = tf.while_loop(lambda j, c: j < 3, lambda j, c: (j + 1, c * 2.0), [0, x])
        return i + 1, total + inner[1]

    tf.while_loop(lambda i, total: i < 2, body, [0, tf.zeros([3])])
    enters = [op for op in tf.get_default_graph().get_operations() if op.type == "Enter"]
    assert [(op.name, [c.name for c in op.control_inputs]) for op in enters] == [
        ("while/Enter", []), ("while/Enter_1", []), ("while/while/Enter", []), ("while/while/Enter_1", []),
        ("while/while/Enter_2", ["while/Identity"]),
    ]  # fmt: skip


def test_a_variable_that_begins_as_a_python_functions_result_of_unknown_rank(executor):
    x = tf.placeholder(tf.float64, None)
    first = tf.py_func(lambda value: value, [x], tf.float64)
    same = tf.while_loop(lambda i, _: i < 2, lambda i, _: (i + 1, tf.identity(x)), [0, first])[1]
    sums = tf.while_loop(lambda i, _: i < 2, lambda i, total: (i + 1, total + x), [0, first])[1]
    with tf.Session() as session:
        for value in ([1.0, 2.0], 3.0, [[4.0]]):
            found = session.run([same, sums], {x: value})
            assert [v.tolist() for v in found] == [value, (np.array(value) * 3).tolist()]


def test_a_variable_that_gets_another_rank_is_refused(monkeypatch):
    monkeypatch.delenv("HOOKLOOP_EXECUTOR", raising=False)  # only plans have ranks
    grown = tf.while_loop(
        lambda i, _: i < 2, lambda i, a: (i + 1, tf.expand_dims(a, 0)), [0, tf.constant(1.0)],
        shape_invariants=[tf.TensorShape([]), tf.TensorShape(None)],
    )[1]  # fmt: skip
    with (
        tf.Session() as session,
        pytest.raises(
            tf.errors.UnimplementedError, match="A loop variable enters with rank 0 and has rank 1 after an iteration"
        ),
    ):
        session.run(grown)
