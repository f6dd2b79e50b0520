"""Conditionals whose branches give results of different ranks: values, gradients, variables, random numbers, what is refused."""

import io

import numpy as np
import pytest

import hookloop as tf

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_values_of_either_branch(executor):
    x, p = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.bool, [])
    y = tf.cond(p, lambda: tf.reduce_sum(x, 0), lambda: x * 2.0)
    assert y.shape.ndims is None
    total = tf.reduce_sum(y) + tf.cast(tf.rank(y), tf.float32)
    with tf.Session() as session:
        for taken in (True, False, False, True, False, True):
            wanted = X.sum(0) if taken else 2 * X
            found, summed = session.run([y, total], {p: taken, x: X})
            np.testing.assert_array_equal(found, wanted)
            assert summed == wanted.sum() + wanted.ndim
            np.testing.assert_array_equal(session.run(y, {p: taken, x: X[:1]}), X[0] if taken else 2 * X[:1])


def test_gradients_take_the_same_branch(executor):
    x, p = tf.placeholder(tf.float32, [2, 3]), tf.placeholder(tf.bool, [])
    y = tf.cond(p, lambda: tf.reduce_sum(x * x, 0), lambda: x * x * x)
    slope = tf.gradients(tf.reduce_sum(3 * y), x)[0]
    with tf.Session() as session:
        for taken in (False, True, False):
            np.testing.assert_allclose(session.run(slope, {p: taken, x: X}), 6 * X if taken else 9 * X * X)


def test_a_predicate_that_the_run_computes(executor):
    x = tf.placeholder(tf.float32, [2, 3])
    y = tf.cond(tf.reduce_sum(x) > 10, lambda: tf.reduce_max(x), lambda: x)
    z = tf.cond(tf.reduce_sum(x) > 10, lambda: tf.constant([1.0, 2.0]), lambda: tf.constant(3.0))
    with tf.Session() as session:
        for scale in (1, -1, 2, 0):
            found = session.run([y, z], {x: scale * X})
            taken = scale > 0
            np.testing.assert_array_equal(found[0], scale * X.max() if taken else scale * X)
            np.testing.assert_array_equal(found[1], [1, 2] if taken else 3)


def test_variables_are_written_once(executor):
    """Also where the step starts again because the other branch is taken."""
    v = tf.get_variable("v", initializer=0.0)
    written = tf.assign_add(v, 1.0)
    with tf.control_dependencies([written]):
        odd = tf.equal(tf.floormod(v, 2.0), 1.0)
        y = tf.cond(odd, lambda: tf.identity(tf.assign_add(v, 2.0)), lambda: tf.fill([2], v))
    with tf.Session() as session:
        session.run(v.initializer)
        found = [(session.run(y), session.run(v)) for _ in range(4)]
    expected, value = [], 0
    for _ in range(4):
        value += 1
        if value % 2:
            value += 2
            expected.append((value, value))
        else:
            expected.append(([value] * 2, value))
    for (y, v), (wanted, value) in zip(found, expected):
        np.testing.assert_array_equal(y, wanted)
        assert v == value


def test_random_numbers_are_drawn_once(executor):
    p = tf.placeholder(tf.bool, [])
    drawn = tf.random_uniform([], seed=3)
    y = tf.cond(p, lambda: drawn, lambda: tf.stack([drawn, drawn]))
    other = tf.random_uniform([], seed=3)
    with tf.Session() as session:
        for taken in (True, False, True, True, False):
            found, same = session.run([y, other], {p: taken})
            assert np.all(np.asarray(found) == same)


def test_text_and_calls(executor):
    p, calls = tf.placeholder(tf.bool, []), []
    called = tf.py_func(lambda: calls.append(1) or b"x", [], tf.string)
    called.set_shape([])
    y = tf.cond(p, lambda: called, lambda: tf.constant([b"a", b"b"]))
    with tf.Session() as session:
        for n, taken in enumerate((True, False, True), 1):
            found = session.run([y, called], {p: taken})[0]
            assert (found if taken else found.tolist()) == (b"x" if taken else [b"a", b"b"])
            assert len(calls) == n


def test_several_choices(executor):
    n, x = tf.placeholder(tf.int32, []), tf.placeholder(tf.float32, [2, 3])
    y = tf.case([(n > 5, lambda: tf.zeros([2, 2])), (n > 2, lambda: tf.zeros([3]))], lambda: tf.constant(0.0))
    slope = tf.case([(n > 5, lambda: x * x), (n > 2, lambda: tf.reduce_sum(x, 0))], lambda: tf.reduce_sum(x))
    slope = tf.gradients(tf.reduce_sum(slope), x)[0]
    with tf.Session() as session:
        for k in (9, 3, 1, 3, 9):
            found, by_x = session.run([y, slope], {n: k, x: X})
            assert found.shape == {9: (2, 2), 3: (3,), 1: ()}[k]
            np.testing.assert_array_equal(by_x, 2 * X if k == 9 else np.ones_like(X))


def test_in_a_loop_where_every_iteration_takes_the_same(executor):
    x, p = tf.placeholder(tf.float32, [2, 3]), tf.placeholder(tf.bool, [])

    def body(i, total):
        y = tf.cond(p, lambda: tf.reduce_sum(x * x, 0), lambda: x * x * x)
        return i + 1, total + tf.reduce_sum(y)

    total = tf.while_loop(lambda i, total: i < 4, body, [0, 0.0])[1]
    slope = tf.gradients(total, x)[0]
    mapped = tf.map_fn(lambda row: tf.reduce_sum(tf.cond(p, lambda: row, lambda: tf.stack([row, row]))), x)
    with tf.Session() as session:
        for taken in (True, False, False, True):
            feed = {x: X, p: taken}
            assert session.run(total, feed) == 4 * np.sum(X**2 if taken else X**3)
            np.testing.assert_allclose(session.run(slope, feed), 8 * X if taken else 12 * X * X)
            np.testing.assert_array_equal(session.run(mapped, feed), X.sum(1) * (1 if taken else 2))


def test_in_loops_in_loops_and_in_branches(executor):
    x, p, q = tf.placeholder(tf.float32, [2, 3]), tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])

    def inner(j, total):
        y = tf.cond(p, lambda: tf.cond(q, lambda: x[0, 0], lambda: x[0]), lambda: x)
        return j + 1, total + tf.reduce_sum(y) + tf.cast(tf.rank(y), tf.float32)

    def outer(i, total):
        return i + 1, total + tf.while_loop(lambda j, total: j < 2, inner, [0, 0.0])[1]

    total = tf.while_loop(lambda i, total: i < 3, outer, [0, 0.0])[1]
    with tf.Session() as session:
        for taken in ((True, True), (False, True), (True, False), (False, False), (True, True)):
            y = np.asarray((X[0, 0] if taken[1] else X[0]) if taken[0] else X)
            assert session.run(total, {x: X + 1, p: taken[0], q: taken[1]}) == 6 * ((y + 1).sum() + y.ndim)


def test_a_loop_that_writes_is_run_once(executor):
    """Also where the step starts again because the other branch is taken."""
    v, p = tf.get_variable("v", initializer=0.0), tf.placeholder(tf.bool, [])

    def body(i):
        with tf.control_dependencies([tf.assign_add(v, 1.0)]):
            y = tf.cond(p, lambda: tf.ones([2]), lambda: tf.ones([]))
            return i + tf.cast(tf.reduce_sum(y), tf.int32)

    end = tf.while_loop(lambda i: i < 4, body, [0])
    with tf.Session() as session:
        session.run(v.initializer)
        found = []
        for taken in (True, False, True):
            session.run(end, {p: taken})
            found.append(session.run(v))
    assert found == [2, 6, 8]


def test_gradients_of_a_branch_that_hands_on_what_the_loop_does_not_change(executor):
    x, p = tf.placeholder(tf.float32, [3]), tf.placeholder(tf.bool, [])

    def body(i, total):
        return i + 1, total * tf.reduce_sum(tf.cond(p, lambda: x, lambda: total) * 2.0)

    slope = tf.gradients(tf.while_loop(lambda i, _: i < 2, body, [0, x[0]])[1], x)[0]
    with tf.Session() as session:
        for taken, expected in ((True, [60.0, 24.0, 24.0]), (False, [32.0, 0.0, 0.0]), (True, [60.0, 24.0, 24.0])):
            found = session.run(slope, {x: [1.0, 2.0, 0.0] if taken else [1.0, 2.0, 3.0], p: taken})
            assert found.tolist() == expected, found


def test_in_a_loop_that_decides_the_rest_is_there_for_each_branch(executor):
    x, p = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.bool, [])

    def body(i, total):
        y = tf.cond(i > 1, lambda: tf.reduce_sum(x, 0), lambda: x)
        z = tf.case([(tf.equal(i, 0), lambda: y[0]), (tf.equal(i, 1), lambda: tf.reduce_max(x))], lambda: y)
        return i + 1, total + tf.reduce_sum(y) * 100.0 + tf.reduce_sum(z * 2.0) + tf.cast(tf.rank(z), tf.float32)

    def loop():
        return tf.while_loop(lambda i, total: i < 4, body, [0, 0.0])[1]

    total, inner = loop(), tf.cond(p, loop, lambda: tf.constant(-1.0))
    with tf.Session() as session:
        for rows in (X, np.concatenate([X, X]), X[:1]):
            expected = 400 * rows.sum() + 2 * (rows[0].sum() + rows.max() + 2 * rows.sum()) + 1 + 1 + 1
            assert session.run([total, inner], {x: rows, p: True}) == [expected, expected]
            assert session.run(inner, {x: rows, p: False}) == -1


def test_in_a_loop_that_decides_the_rest_is_run_once(executor):
    """Variables, random numbers and calls of Python behind the conditional; what two conditionals choose, and one in a loop in the loop."""
    v, calls = tf.get_variable("v", initializer=0.0, use_resource=True), []

    def called(value):
        calls.append(value.ndim)
        return value.sum()

    def body(i, total, array):
        drawn = tf.random_uniform([], seed=3)
        y = tf.cond(tf.equal(i % 2, 0), lambda: tf.fill([1, 2], drawn), lambda: drawn * 2.0)
        y = y - tf.cond(i > 1, lambda: drawn, lambda: tf.stack([drawn, drawn]))
        summed = tf.py_func(called, [y], tf.float32)
        summed.set_shape([])
        with tf.control_dependencies([tf.assign_add(v, summed)]):
            inner = tf.while_loop(lambda j, _: j < 2, lambda j, t: (j + 1, t + tf.reduce_sum(y)), [0, 0.0])[1]
            later = tf.random_uniform([], seed=5)
            return i + 1, total + inner + later, array.write(i, [drawn, later])

    begin = [0, 0.0, tf.TensorArray(tf.float32, 4)]
    _, total, array = tf.while_loop(lambda i, *_: i < 4, body, begin, parallel_iterations=1)
    drawn = [tf.random_uniform([], seed=seed) for seed in (3, 5)]
    with tf.Session() as session:
        session.run(v.initializer)
        found, numbers, first = session.run([total, array.stack(), drawn])
        assert numbers[0].tolist() == first and len(np.unique(numbers)) == 8
        sums = 2 * numbers[1, 0] + numbers[3, 0]
        np.testing.assert_allclose(session.run(v), sums, rtol=1e-5)
        np.testing.assert_allclose(found, 2 * sums + numbers[:, 1].sum(), rtol=1e-5)
        assert calls == [2, 1, 2, 0]


def test_what_a_loop_that_decides_goes_on_with_is_of_one_rank(monkeypatch):
    """In a plan; the values of the reference executor have their ranks when they are computed."""
    monkeypatch.delenv("HOOKLOOP_EXECUTOR", raising=False)
    x = tf.placeholder(tf.float32, [2, 3])

    def body(i, y):
        return i + 1, tf.cond(i < 1, lambda: tf.reduce_sum(y), lambda: y * 2.0)

    invariants = [tf.TensorShape([]), tf.TensorShape(None)]
    end = tf.while_loop(lambda i, y: i < 3, body, [0, x], shape_invariants=invariants)
    with tf.Session() as session:
        text = "in a loop that decides which is taken, the branches of '.*' lead to different ranks"
        with pytest.raises(ValueError, match=text):
            session.run(end, {x: X})
        assert session.run(x * 2.0, {x: X}).tolist() == (2 * X).tolist()


def test_gradients_where_a_loop_decides_are_refused(monkeypatch):
    monkeypatch.delenv("HOOKLOOP_EXECUTOR", raising=False)
    x = tf.placeholder(tf.float32, [None, 3])
    y = tf.map_fn(
        lambda row: tf.reduce_sum(tf.cond(row[0] > 1, lambda: tf.reduce_sum(row * row), lambda: row * row * row)), x
    )
    slope = tf.gradients(y, x)[0]
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(y, {x: X}), [9, 50])
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="rank"):
            session.run(slope, {x: X})


def test_a_value_of_a_branch_that_was_not_taken_is_refused(executor):
    """Also where another conditional on the predicate has made the plan one of a single branch; and nothing is written."""
    x, p, inside = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.bool, []), []
    v = tf.get_variable("v", initializer=0.0)
    y = tf.cond(p, lambda: tf.identity(x), lambda: tf.reduce_sum(x))

    def branch():
        inside.append(x * 2.0)
        return inside[0] * 1.0

    with tf.control_dependencies([y]):
        other = tf.cond(tf.identity(p), branch, lambda: x)
    outside = inside[0] + 1.0
    with tf.control_dependencies([outside]):
        written = tf.assign_add(v, 1.0)
    first = tf.assign_add(v, tf.reduce_sum(other))
    with tf.Session() as session:
        session.run(v.initializer)
        for taken in (True, False, True, False):
            feed = {x: [1.0, 2.0], p: taken}
            before = session.run(v)
            if taken:
                assert session.run([outside, y], feed)[0].tolist() == [3, 5]
                assert session.run([written, y], feed)[0] == before + 1
                continue
            for fetches in (outside, [outside, y], [written, y], [y, first, outside]):
                with pytest.raises(
                    tf.errors.InvalidArgumentError, match="takes what is there only where 'Placeholder_1:0' is true"
                ):
                    session.run(fetches, feed)
            session.run([written.op, y], feed)
            assert session.run(v) == before


def test_a_branch_that_is_not_taken_refuses_no_sizes_that_are_fed(executor):
    x = tf.placeholder(tf.float32, [None, 5, 2])
    begin, end = tf.placeholder(tf.int32, []), tf.placeholder(tf.int32, [])
    rows = x[begin:end]
    y = tf.cond(tf.equal(end - begin, 1), lambda: tf.squeeze(rows, 0), lambda: rows)
    values = np.arange(40.0, dtype="f").reshape(4, 5, 2)
    with tf.Session() as session:
        for first, last in ((0, 2), (0, 1), (1, 3), (2, 3), (0, 4), (3, 4)):
            found = session.run(y, {x: values, begin: first, end: last})
            expected = values[first] if last - first == 1 else values[first:last]
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("use", ["zeros", "reshape", "tile", "broadcast_to", "random_uniform"])
def test_lists_of_sizes_that_branches_give_decide_the_rank_of_what_is_made_of_them(executor, use):
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [6])
    sizes = tf.cond(p, lambda: tf.constant([2, 3]), lambda: tf.constant([6]))
    made = {
        "zeros": lambda: tf.zeros(sizes) + 1.0,
        "reshape": lambda: tf.reshape(x, sizes),
        "tile": lambda: tf.tile(tf.cond(p, lambda: tf.ones([1, 1]), lambda: tf.ones([1])), sizes),
        "broadcast_to": lambda: tf.broadcast_to(x[0], sizes),
        "random_uniform": lambda: tf.floor(tf.random_uniform(sizes) + 1.0),
    }[use]()
    total, rank = tf.reduce_sum(made), tf.rank(made)
    values = np.arange(1, 7, dtype=np.float32) if use == "reshape" else np.ones(6, np.float32)
    with tf.Session() as session:
        for taken in (True, False, False, True):
            found = session.run([made, total, rank], {p: taken, x: values})
            np.testing.assert_array_equal(found[0], values.reshape([2, 3] if taken else [6]))
            assert found[1:] == [values.sum(), 2 if taken else 1]


@pytest.mark.parametrize("shape", [[1], [None], [2, 3], [None, 3], None])
def test_padding_whose_sizes_depend_on_the_rank(executor, shape):
    x = tf.placeholder(tf.float32, shape)
    missing = tf.expand_dims(4 - tf.shape(x)[0], 0)
    sizes = tf.cond(tf.rank(x) > 1, lambda: tf.concat([missing, tf.shape(x)[1:]], 0), lambda: missing)
    padded = tf.concat([x, tf.zeros(sizes)], 0)
    slope = tf.gradients(tf.reduce_sum(padded * padded), x)[0]
    values = [np.ones([1], np.float32), np.full([2, 3], 2, np.float32)]
    with tf.Session() as session:
        for value in values if shape is None else values[len(shape) - 1 :][:1]:
            found, down = session.run([padded, slope], {x: value})
            wanted = np.zeros((4, *value.shape[1:]), np.float32)
            wanted[: len(value)] = value
            np.testing.assert_array_equal(found, wanted)
            np.testing.assert_array_equal(down, 2 * value)


def test_a_condition_that_is_known_asks_nothing_in_the_run():
    sizes = tf.cond(tf.rank(tf.constant([[1.0]])) > 1, lambda: tf.constant([2, 3]), lambda: tf.constant([6]))
    plan = str(tf.explain(tf.zeros(sizes) + tf.placeholder(tf.float32, []), file=io.StringIO()))
    assert "host" not in plan and "[2,3]" in plan
