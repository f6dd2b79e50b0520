"""Python functions as ops: values, sizes told by the run, errors, and what the session does afterwards."""

import gc
import weakref

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile import pipeline


def test_result_of_any_size_feeds_other_ops(executor):
    x = tf.placeholder(tf.float32, [None])
    doubled = tf.py_func(lambda a: np.concatenate([a, a]), [x], tf.float32)
    doubled.set_shape([None])
    total = tf.reduce_sum(doubled * 2.0)
    with tf.Session() as session:
        for n in (3, 1, 5, 0):
            assert session.run(total, {x: np.ones(n)}) == 4 * n


def test_rank_may_change_from_step_to_step(executor):
    x = tf.placeholder(tf.int32, [None])
    y = tf.py_func(lambda shape: np.ones(shape, np.float32), [x], tf.float32) + 1.0
    with tf.Session() as session:
        for shape in ([2, 3], [], [4], [2, 3], [1, 1, 2]):
            np.testing.assert_array_equal(session.run(y, {x: shape}), np.full(shape, 2, np.float32))


def test_node_is_tensorflows():
    y, z = tf.py_func(lambda a: (a, a), [tf.constant(1.0)], (tf.float32, tf.int32), name="f")
    assert y.op.type == "PyFunc" and y.op.name == "f" and y.shape.ndims is None
    assert y.op.get_attr("Tin") == [tf.float32] and y.op.get_attr("Tout") == [tf.float32, tf.int32]
    assert y.op.get_attr("token").startswith(b"pyfunc_") and z is y.op.outputs[1]
    assert tf.py_func(lambda: 1, [], tf.int64, stateful=False).op.type == "PyFuncStateless"
    assert tf.numpy_function(lambda: 1, [], tf.int64).op.type == "PyFunc"


def test_scalars_and_text_arrive_as_tensorflow_hands_them_over(executor):
    seen = []
    y = tf.py_func(lambda *a: seen.extend(a), [tf.constant(1), tf.constant("q"), tf.constant(["a", "b"])], [])
    with tf.Session() as session:
        assert session.run(y) is None
    assert type(seen[0]) is np.int32 and seen[1] == b"q" and seen[2].tolist() == [b"a", b"b"]


def test_text_may_be_returned_as_str_bytes_or_arrays(executor):
    values = ["abc", b"abc", np.array(["a", "bc"]), np.array([b"a", b"bc"]), np.array(["a", b"bc"], object)]
    with tf.Session() as session:
        for value in values:
            got = session.run(tf.py_func(lambda value=value: value, [], tf.string))
            assert got == b"abc" if isinstance(value, (str, bytes)) else got.tolist() == [b"a", b"bc"]


@pytest.mark.parametrize(
    "raised, expected",
    [
        (ValueError, tf.errors.InvalidArgumentError), (TypeError, tf.errors.InvalidArgumentError),
        (StopIteration, tf.errors.OutOfRangeError), (MemoryError, tf.errors.ResourceExhaustedError),
        (NotImplementedError, tf.errors.UnimplementedError), (KeyError, tf.errors.UnknownError),
        (RuntimeError, tf.errors.UnknownError),
    ],
)  # fmt: skip
def test_exception_keeps_its_text_and_names_the_op(executor, raised, expected):
    def fail(a):
        if a < 0:
            raise raised("bad thing")
        return a

    x = tf.placeholder(tf.float32, [])
    y = tf.py_func(fail, [x], tf.float32, name="my_function")
    with tf.Session() as session:
        with pytest.raises(expected, match=rf"{raised.__name__}: '?bad thing(?s:.*)my_function") as caught:
            session.run(y, {x: -1})
        assert caught.value.op is y.op
        assert type(caught.value.__cause__) is raised
        assert session.run(y, {x: 2}) == 2


def test_failing_function_leaves_variables_as_they_were(executor):
    def fail():
        raise ValueError("no")

    v = tf.Variable(1.0)
    assign = v.assign(5.0)
    y = tf.py_func(fail, [], [])
    with tf.Session() as session:
        session.run(v.initializer)
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run([assign, y])
        assert session.run(v) == 1.0


@pytest.mark.parametrize(
    "function, out, text",
    [
        (lambda: np.float64(1), tf.float32, r"0-th value returned by pyfunc_\d+ is double, but expects float"),
        (lambda: 3, tf.int32, r"0-th value returned by pyfunc_\d+ is int64, but expects int32"),
        (lambda: (np.float32(1), np.float32(1)), [tf.float32, tf.int32], r"1-th value .* is float, but expects int32"),
        (lambda: (1, 2), tf.int64, r"pyfunc_\d+ returns 2 values, but expects to see 1 values\."),
        (lambda: None, tf.int64, r"pyfunc_\d+ returns 0 values, but expects to see 1 values\."),
        (lambda: 1, [], r"pyfunc_\d+ returns 1 values, but expects to see 0 values\."),
    ],
)
def test_wrong_results_are_refused(executor, function, out, text):
    y = tf.py_func(function, [], out)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(y)


def test_wrong_shape_is_refused(executor):
    y = tf.py_func(lambda: np.ones(3, np.float32), [], tf.float32)
    y.set_shape([2])
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError):
        session.run(y + 1.0)


def test_function_may_run_the_same_session(executor):
    a = tf.constant(2.0) * 3.0
    with tf.Session() as session:
        y = tf.py_func(lambda x: np.float32(session.run(a) + x), [a], tf.float32)
        assert session.run(y) == 12.0


def test_what_cannot_be_called_is_refused():
    with pytest.raises(ValueError, match="Expected func to be callable"):
        tf.py_func(3, [], tf.float32)
    with pytest.raises(TypeError, match="Expected list for 'input' argument"):
        tf.py_func(abs, tf.constant(1.0), tf.float32)


def test_function_lives_as_long_as_its_graph():
    class Function:
        def __call__(self):
            return np.float32(1)

    function = Function()
    alive = weakref.ref(function)
    graph = tf.Graph()
    with graph.as_default(), tf.Session() as session:
        y = tf.py_func(function, [], tf.float32)
        del function
        gc.collect()
        assert session.run(y) == 1
    del graph, session, y
    gc.collect()
    assert alive() is None


def test_broadcast_of_sizes_that_only_the_calls_tell(executor):
    n, m = tf.placeholder(tf.int32, []), tf.placeholder(tf.int32, [])
    x = tf.py_func(lambda k: np.ones(k, np.float32), [n], tf.float32)
    y = tf.py_func(lambda k: np.full(k, 2, np.float32), [m], tf.float32)
    x.set_shape([None])
    y.set_shape([None])
    product = x * y
    outputs = [product, *tf.gradients(product, [x, y])]
    with tf.Session() as session:
        for a, b in ((3, 3), (3, 1), (1, 4), (3, 3), (1, 1), (5, 5), (3, 1)):
            value, to_x, to_y = session.run(outputs, {n: a, m: b})
            size = max(a, b)
            np.testing.assert_array_equal(value, np.full(size, 2))
            np.testing.assert_array_equal(to_x, np.full(a, 2 * size / a))
            np.testing.assert_array_equal(to_y, np.full(b, size / b))
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(outputs, {n: 2, m: 3})
        np.testing.assert_array_equal(session.run(outputs, {n: 2, m: 2})[0], [2, 2])


def test_calls_are_made_once_though_the_plan_changes(executor):
    calls = []

    def function(k):
        calls.append(int(k))
        return np.ones([2] * int(k), np.float32)

    rank = tf.placeholder(tf.int32, [])
    total = tf.reduce_sum(tf.py_func(function, [rank], tf.float32)) + tf.random_uniform([], seed=1) * 0.0
    with tf.Session() as session:
        for k in (0, 1, 3, 1, 0, 0):
            assert session.run(total, {rank: k}) == 2**k
    assert calls == [0, 1, 3, 1, 0, 0]


def matrix():
    return np.ones((2, 3), "f")


def test_result_of_unknown_rank_goes_into_ops_that_need_one(executor):
    product = tf.matmul(tf.py_func(matrix, [], tf.float32), tf.ones([3, 2]))
    branch = tf.cond(
        tf.placeholder_with_default(True, []),
        lambda: tf.matmul(tf.py_func(matrix, [], tf.float32), tf.ones([3, 2])),
        lambda: tf.zeros([2, 2]),
    )
    _, loop = tf.while_loop(
        lambda i, a: i < 3,
        lambda i, a: (i + 1, a + tf.matmul(tf.py_func(matrix, [], tf.float32), tf.ones([3, 2]))),
        [0, tf.zeros([2, 2])],
        shape_invariants=[tf.TensorShape([]), tf.TensorShape(None)],
    )
    variable = tf.Variable(np.zeros((2, 3), "f"))
    assigned = tf.assign(variable, tf.py_func(matrix, [], tf.float32))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(product), np.full((2, 2), 3, "f"))
        np.testing.assert_array_equal(session.run(branch), np.full((2, 2), 3, "f"))
        np.testing.assert_array_equal(session.run(loop), np.full((2, 2), 9, "f"))
        np.testing.assert_array_equal(session.run(assigned), matrix())


def test_result_of_a_rank_that_does_not_fit_is_an_error(executor):
    product = tf.matmul(tf.py_func(lambda: np.float32(1), [], tf.float32), tf.ones([3, 2]), name="product")
    with tf.Session() as session:
        for _ in range(2):
            with pytest.raises(tf.errors.InvalidArgumentError, match="product"):
                session.run(product)


def test_step_that_starts_again_for_another_rank_writes_once(executor):
    count = tf.Variable(0.0)
    arrays = [np.ones((2, 3), "f"), np.ones((2, 2, 3), "f"), np.float32(1), np.ones((5, 3), "f")]
    calls = []

    def array():
        calls.append(1)
        return arrays[len(calls) - 1]

    with tf.control_dependencies([tf.assign_add(count, 1.0)]):
        total = tf.reduce_sum(tf.py_func(array, [], tf.float32))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for step, expected in enumerate(arrays, 1):
            assert session.run(total) == expected.sum()
            assert session.run(count) == step
    assert len(calls) == len(arrays)


@pytest.mark.parametrize(
    "build",
    [
        lambda x: tf.stack([x]),
        lambda x: tf.tile(x, [1, 1]),
        lambda x: tf.broadcast_to(x, [2, 3]),
        lambda x: tf.transpose(x),
        lambda x: x[1],
        lambda x: tf.split(x, 3, 1)[2],
        lambda x: tf.concat([x, x], 0),
        lambda x: x * 2,
    ],
    ids=["stack", "tile", "broadcast", "transpose", "row", "split", "concat", "product"],
)
@pytest.mark.parametrize("source", ["feed", "variable", "computed"])
def test_a_function_reads_what_other_ops_only_rearrange(executor, source, build):
    """Passes let instructions read such values where they lie, or one for two equal ones: a call of Python too."""
    given = np.arange(6, dtype="float32").reshape(2, 3)
    holder = tf.placeholder(tf.float32, [2, 3])
    x = {"feed": holder, "variable": tf.Variable(given), "computed": holder + 1}[source]
    again = build(x)
    found = tf.py_func(lambda value: value + 1, [build(x)], tf.float32)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(2):
            value, wanted = session.run([found, again], {holder: given})
            np.testing.assert_array_equal(value, wanted + 1)


def test_a_failed_assertion_shows_a_stack_of_one(executor):
    good = tf.placeholder(tf.bool, [])
    check = tf.Assert(good, ["all of", tf.stack([good])])
    with tf.Session() as session:
        session.run(check, {good: True})
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"assertion failed: \[all of\] \[(0|False)\]"):
            session.run(check, {good: False})


def test_many_functions_one_behind_the_other_are_not_compiled_for_each(executor, monkeypatch):
    compiled = []
    monkeypatch.setattr(pipeline, "verifier", lambda program, stage: compiled.append(stage))
    x = y = tf.placeholder(tf.float32, [None, 2])
    calls = []
    for _ in range(30):
        y = tf.py_func(lambda a: calls.append(1) or a + 1, [y], tf.float32)
    with tf.Session() as session:
        assert session.run(y, {x: [[1, 2]]}).tolist() == [[31, 32]]
    assert len(calls) == 30
    assert compiled.count("lowering") <= 2


def test_functions_that_keep_the_rank_and_others_that_do_not(executor):
    x = tf.placeholder(tf.float32, [None, 2])
    kept = tf.py_func(lambda a: a * 2, [x], tf.float32)
    total = tf.py_func(np.sum, [kept], tf.float32)
    column = tf.py_func(lambda a, t: a[:, 0] + t, [kept, total], tf.float32)
    fetches = [kept + 1.0, total * 2.0, column, tf.py_func(lambda a: a[None], [column], tf.float32) + total]
    with tf.Session() as session:
        for value in ([[1, 2], [3, 4]], [[1, 2]]):
            found = session.run(fetches, {x: value})
            a = np.array(value, np.float32) * 2
            expected = [a + 1, 2 * a.sum(), a[:, 0] + a.sum(), a[None, :, 0] + 2 * a.sum()]
            for one, other in zip(found, expected):
                np.testing.assert_array_equal(one, other)


def test_a_result_has_the_rank_of_what_is_fed_next(executor):
    """Also where the rank of the run before does not fit the other operand."""
    x = tf.placeholder(tf.float64, None)
    joined = tf.concat([tf.py_func(lambda value: value, [x], tf.float64), x], 0)
    with tf.Session() as session:
        for value in ([1.0, 2.0], [[4.0]], [3.0], [[[1.0]]]):
            assert session.run(joined, {x: value}).tolist() == value * 2
