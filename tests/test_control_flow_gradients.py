"""Gradients through conditionals and loops, compared with finite differences and known values."""

import numpy as np
import pytest

import hookloop as tf

pytestmark = pytest.mark.usefixtures("executor")


def check(build, value, feeds=None):
    """The gradient of a function of one float64 placeholder against central differences."""
    x = tf.placeholder(tf.float64, np.shape(value))
    y = tf.reduce_sum(build(x))
    (gradient,) = tf.gradients(y, x)
    value = np.array(value, np.float64)
    feeds = dict(feeds or {})
    with tf.Session() as session:
        got = session.run(gradient, {**feeds, x: value})
        wanted = np.empty_like(value)
        for at in np.ndindex(value.shape):
            low, high = value.copy(), value.copy()
            low[at] -= 1e-6
            high[at] += 1e-6
            wanted[at] = (session.run(y, {**feeds, x: high}) - session.run(y, {**feeds, x: low})) / 2e-6
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-7)


def count_to(n, body, start):
    """The value after n steps of value -> body(i, value)."""
    return tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, body(i, a)), [0, start])[1]


@pytest.mark.parametrize("value", [3.0, 0.5])
def test_each_branch(value):
    check(lambda x: tf.cond(x > 1, lambda: tf.tanh(x * x) * x, lambda: tf.exp(x) - x), value)


@pytest.mark.parametrize("value", [[3.0, 1.0], [1.0, 1.0], [0.0, 1.0]])
def test_nested_branches(value):
    def build(x):
        def taken():
            h = tf.tanh(x * 0.3)
            return tf.cond(x[0] > 2, lambda: h * x, lambda: tf.exp(h))

        return tf.cond(tf.reduce_sum(x) > 1.5, taken, lambda: -x * x)

    check(build, value)


def test_a_branch_without_the_variable_gives_zeros():
    check(lambda x: tf.cond(x > 1, lambda: x * x, lambda: tf.constant(1.0, tf.float64)), 0.5)


@pytest.mark.parametrize(("of_x", "of_y"), [([None], [2, 3]), ([3], [2]), ([None], [None, 3])])
def test_branches_that_are_values_of_different_shapes(executor, of_x, of_y):
    x, y, p = tf.placeholder(tf.float32, of_x), tf.placeholder(tf.float32, of_y), tf.placeholder(tf.bool, [])
    either = tf.cond(p, lambda: tf.identity(x), lambda: tf.identity(y))
    slopes = tf.gradients(tf.reduce_sum(either * either), [x, y])
    values = [np.arange(1, 4, dtype="f"), np.ones([2, 3] if len(of_y) == 2 else [2], "f")]
    with tf.Session() as session:
        for taken in (True, False, True):
            found = session.run(slopes, {x: values[0], y: values[1], p: taken})
            assert found[0].tolist() == (2 * values[0] * taken).tolist()
            assert found[1].tolist() == (2 * values[1] * (not taken)).tolist()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("parity", [0, 1])
def test_a_value_of_a_branch_that_a_branch_in_another_one_uses_in_a_loop(parity, count, executor):
    """In the gradient it is taken from its stack where its own branch was taken, and nowhere else."""

    def build(x):
        def body(i, z):
            inside, p = [], tf.equal(i % 2, parity)

            def branch():
                def inner():
                    inside.append(tf.tanh(z + x))
                    return inside[0] * 2

                return tf.cond(i < 3, inner, lambda: z)

            c = tf.cond(p, branch, lambda: z * 0.5)
            e = tf.cond(
                i < 2,
                lambda: tf.cond(p, lambda: inside[0] * c, lambda: z),
                lambda: tf.cond(p, lambda: c * c, lambda: z + c),
            )
            return i + 1, tf.tanh(e)

        return tf.while_loop(lambda i, z: i < count, body, [0, x])[1]

    check(build, [0.3, 0.7])


def test_a_loop():
    check(lambda x: count_to(4, lambda i, a: tf.sin(a) * a + x, x), [0.3, 0.7])


def test_a_captured_matrix_sums_over_the_iterations():
    check(
        lambda w: count_to(3, lambda i, a: tf.tanh(tf.matmul(a, w)), tf.ones([2, 2], tf.float64)),
        [[0.3, 0.1], [0.2, 0.5]],
    )


def test_a_loop_that_does_not_run():
    check(lambda x: count_to(0, lambda i, a: a * x, x * 2), 0.7)


def test_a_loop_in_a_loop():
    def body(x):
        return lambda i, a: tf.while_loop(lambda j, b: j < i, lambda j, b: (j + 1, b * a * x), [0, a])[1]

    check(lambda x: count_to(4, body(x), x), 1.05)


def test_a_conditional_in_a_loop():
    def build(x):
        return count_to(5, lambda i, a: tf.cond(tf.equal(i % 2, 0), lambda: a * a * x, lambda: tf.sin(a) * 2), x)

    check(build, 0.9)


@pytest.mark.parametrize("taken", [True, False])
def test_a_loop_in_a_conditional(taken):
    p = tf.placeholder(tf.bool, [])
    check(lambda x: tf.cond(p, lambda: count_to(5, lambda i, a: tf.sin(a) * x, x), lambda: x * 3), 0.7, {p: taken})


def test_a_loop_variable_that_grows():
    def build(x):
        return tf.while_loop(
            lambda i, a: i < 3, lambda i, a: (i + 1, tf.concat([a, a[-1:] * a[:1]], 0)), [0, x],
            shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])],
        )[1]  # fmt: skip

    check(build, [2.0, 3.0])


def test_fed_sizes_and_counts():
    n, x = tf.placeholder(tf.int32, []), tf.placeholder(tf.float32, [None, 3])
    w = tf.constant(np.eye(3, dtype="f") * 2)
    y = count_to(n, lambda i, a: tf.tanh(tf.matmul(a, w)) + x, tf.zeros_like(x))
    gradients = tf.gradients(y, [x, w, n])
    assert gradients[2] is None
    with tf.Session() as session:
        for count, rows in ((3, 2), (0, 4), (2, 4)):
            gx, gw = session.run(gradients[:2], {n: count, x: np.full((rows, 3), 0.1)})
            assert gx.shape == (rows, 3) and gw.shape == (3, 3)
        np.testing.assert_allclose(gx, np.full((4, 3), 2.922086), rtol=1e-5)
        np.testing.assert_allclose(gw, np.full((3, 3), 0.3844172), rtol=1e-5)


def test_stopped_gradients_invariant_and_unused_variables():
    x = tf.placeholder(tf.float32, [])
    z = tf.stop_gradient(x) * 2
    result = tf.while_loop(
        lambda i, a, b, c: i < 3,
        lambda i, a, b, c: (i + 1, a * tf.stop_gradient(a) * b, b, c + z),
        [0, x, x * 2, x],
    )
    gradients = tf.gradients(result[1] + result[3], [x, z])
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(gradients, {x: 1.5}), [149468.78, 3], rtol=1e-5)


def test_slices_leave_a_conditional_as_slices():
    table = tf.Variable(np.arange(8.0).reshape(4, 2))
    p = tf.placeholder(tf.bool, [])
    y = tf.cond(p, lambda: tf.gather(table, [1, 3]), lambda: tf.gather(table, [0, 0]) * 2)
    (gradient,) = tf.gradients(y, table)
    assert isinstance(gradient, tf.IndexedSlices)
    dense = tf.convert_to_tensor(gradient)
    with tf.Session() as session:
        session.run(table.initializer)
        np.testing.assert_array_equal(session.run(dense, {p: True}), [[0, 0], [1, 1], [0, 0], [1, 1]])
        np.testing.assert_array_equal(session.run(dense, {p: False}), [[4, 4], [0, 0], [0, 0], [0, 0]])


def test_resource_variables_in_loops_and_branches():
    with tf.variable_scope("scope", use_resource=True):
        v = tf.get_variable("v", initializer=[1.5, 2.0])
    p = tf.placeholder(tf.bool, [])
    r = count_to(3, lambda i, a: a * v.read_value(), tf.ones([2]))
    (gradient,) = tf.gradients(tf.cond(p, lambda: r * v.read_value(), lambda: r), v)
    with tf.Session() as session:
        session.run(v.initializer)
        np.testing.assert_allclose(session.run(gradient, {p: True}), [13.5, 32])
        np.testing.assert_allclose(session.run(gradient, {p: False}), [6.75, 12])


@pytest.mark.parametrize(("value", "wanted"), [(3.0, 36.0), (0.0, 2.0)])
def test_second_derivatives_through_a_conditional(value, wanted):
    x = tf.placeholder(tf.float32, [])
    y = tf.cond(x > 1, lambda: x * x * x * 2, lambda: tf.exp(x) * 2)
    (second,) = tf.gradients(tf.gradients(y, x)[0], x)
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(second, {x: value}), wanted)


def test_second_derivatives_through_a_loop_are_refused():
    x = tf.placeholder(tf.float32, [])
    first = tf.gradients(count_to(3, lambda i, a: a * a, x), x)
    with pytest.raises(TypeError, match="Second-order gradient for while loops not supported"):
        tf.gradients(first, x)


def test_no_gradient_flows_where_back_prop_is_off():
    x = tf.placeholder(tf.float32, [])
    y = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * a), [0, x], back_prop=False)[1]
    assert tf.gradients(y, x) == [None]


def test_gradients_inside_a_branch_of_values_from_outside():
    p, w = tf.placeholder(tf.bool, []), tf.Variable(3.0)

    def branch():
        loss = w * w
        return tf.gradients(loss, w)[0]

    y = tf.cond(p, branch, lambda: tf.constant(-1.0))
    with tf.Session() as session:
        session.run(w.initializer)
        assert session.run(y, {p: True}) == 6
        assert session.run(y, {p: False}) == -1


def test_a_training_step_in_a_branch():
    p, w = tf.placeholder(tf.bool, []), tf.Variable(3.0)
    step = tf.cond(p, lambda: tf.group(tf.assign_sub(w, 0.1 * tf.gradients(w * w, w)[0])), lambda: tf.no_op())
    with tf.Session() as session:
        session.run(w.initializer)
        session.run(step, {p: False})
        assert session.run(w) == 3
        session.run(step, {p: True})
        np.testing.assert_allclose(session.run(w), 2.4, rtol=1e-6)


def test_an_optimizer_in_a_branch():
    p, w = tf.placeholder(tf.bool, []), tf.Variable([1.0, 2.0])
    loss = tf.reduce_sum(w * w)
    step = tf.cond(p, lambda: tf.train.GradientDescentOptimizer(0.1).minimize(loss), lambda: tf.no_op())
    with tf.Session() as session:
        session.run(w.initializer)
        assert session.run([step, loss], {p: False})[1] == 5
        assert session.run([step, loss], {p: True})[1] == 5
        np.testing.assert_allclose(session.run(w), [0.8, 1.6], rtol=1e-6)


def test_sizes_that_only_the_run_tells():
    x, p = tf.placeholder(tf.float64, [None]), tf.placeholder(tf.bool, [])

    def masked():
        m = tf.boolean_mask(x, x > 0)
        return tf.reduce_sum(tf.exp(m) * m)

    branch = tf.cond(p, masked, lambda: tf.reduce_sum(x))
    loop = tf.while_loop(
        lambda i, a: i < 2,
        lambda i, a: (i + 1, tf.boolean_mask(a, a > tf.cast(i, tf.float64)) * 2),
        [0, x],
        shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])],
    )[1]
    gradients = tf.gradients(branch, x)[0], tf.gradients(loop, x)[0]
    value = np.array([-1, 0.2, 3])
    with tf.Session() as session:
        np.testing.assert_allclose(
            session.run(gradients[0], {x: value, p: True}), np.where(value > 0, (1 + value) * np.exp(value), 0)
        )
        np.testing.assert_array_equal(session.run(gradients[0], {x: value[:2], p: False}), [1, 1])
        np.testing.assert_array_equal(session.run(gradients[1], {x: value}), [0, 0, 4])
        np.testing.assert_array_equal(session.run(gradients[1], {x: [-1.0]}), [0])


def test_random_values_of_a_loop_are_saved_for_its_gradient():
    x = tf.ones([50])
    y = count_to(3, lambda i, a: tf.nn.dropout(a, 0.9), x)
    (gradient,) = tf.gradients(y, x)
    with tf.Session() as session:
        value, slope = session.run([y, gradient])
    np.testing.assert_allclose(slope, value)
    assert 0 < np.count_nonzero(value) < 50


def test_an_array_written_in_a_branch():
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [])
    array = tf.TensorArray(tf.float32, size=2, element_shape=[]).write(0, x)
    rows = tf.cond(p, lambda: array.write(1, x * x), lambda: array).stack()
    fetches = [rows, tf.gradients(rows, x)[0]]
    with tf.Session() as session:
        for taken, wanted, slope in ((True, [3, 9], 7), (False, [3, 0], 1)):
            got, gradient = session.run(fetches, {p: taken, x: 3})
            np.testing.assert_array_equal(got, wanted)
            assert gradient == slope


def test_what_a_loop_keeps_for_its_gradient_is_kept_where_it_is_made_and_in_order():
    """TensorFlow runs such a graph too: a value of a branch is there only in the branch, and iterations overlap."""
    x = tf.placeholder(tf.float32, [])

    def body(i, a):
        return i + 1, tf.cond(tf.equal(i % 2, 0), lambda: tf.exp(a * 0.1), lambda: tf.sin(a))

    tf.gradients(tf.while_loop(lambda i, a: i < 5, body, [0, x])[1], x)
    nodes = {op.name: op for op in tf.get_default_graph().get_operations()}
    pushes = [op for op in nodes.values() if op.type == "StackPushV2"]
    (of_exp,) = (op for op in pushes if op.inputs[1].op.type == "Exp")
    assert of_exp._get_control_flow_context() is nodes["while/cond/Exp"]._get_control_flow_context()
    pops = [op for op in nodes.values() if op.type == "StackPopV2"]
    assert len(pops) == len(pushes)
    assert sum(op._get_control_flow_context().IsCondContext() for op in pops) == sum(
        op._get_control_flow_context().IsCondContext() for op in pushes
    )
    waited = set()
    for op in nodes.values():
        if op.type in ("NextIteration", "ControlTrigger"):
            waited.update(op.control_inputs)
    assert waited >= {*pushes, *pops}
    assert all(op.outputs[0].shape == [2] for op in nodes.values() if op.type == "StackV2")


def test_a_given_gradient_of_open_shape_enters_a_loop_of_known_shape(executor):
    x, slope = tf.placeholder(tf.float32, [2, 3]), tf.placeholder(tf.float32, [None, 3])
    y = tf.while_loop(lambda i, t: i < 2, lambda i, t: (i + 1, t * 2), [0, x])[1]
    value = np.arange(6.0).reshape(2, 3)
    with tf.Session() as session:
        found = session.run(tf.gradients(y, x, slope)[0], {x: value, slope: value})
    np.testing.assert_array_equal(found, 4 * value)


@pytest.mark.parametrize("batch, steps", [(3, 5), (2, 1)])
def test_an_array_of_inputs_whose_sizes_are_open_is_read_in_a_loop(executor, batch, steps):
    """A recurrence over rows of a table: neither the batch nor the number of steps is known before the run."""
    table = tf.constant(np.linspace(-1, 1, 40).reshape(10, 4), tf.float32)
    weights = tf.constant(np.linspace(-0.5, 0.5, 32).reshape(8, 4), tf.float32)
    ids = tf.placeholder(tf.int32, [None, None])
    inputs = tf.transpose(tf.gather(table, ids), [1, 0, 2])
    count = tf.shape(ids)[1]
    array = tf.TensorArray(tf.float32, count).unstack(inputs)

    def step(row, state):
        return tf.tanh(tf.matmul(tf.concat([row, state], 1), weights))

    def body(i, state, outputs):
        state = step(array.read(i), state)
        return i + 1, state, outputs.write(i, state)

    start = tf.zeros([tf.shape(ids)[0], 4])
    made = tf.TensorArray(tf.float32, count)
    _, last, outputs = tf.while_loop(lambda i, *_: i < count, body, [0, start, made])
    loss = tf.reduce_sum(outputs.stack() ** 2) + tf.reduce_sum(last)
    state, unrolled = tf.zeros([batch, 4]), 0.0
    for i in range(steps):
        state = step(inputs[i], state)
        unrolled += tf.reduce_sum(state**2)
    unrolled += tf.reduce_sum(state)
    slopes = [tf.convert_to_tensor(slope) for slope in tf.gradients(loss, [table, weights])]
    expected = [tf.convert_to_tensor(slope) for slope in tf.gradients(unrolled, [table, weights])]
    feeds = {ids: np.arange(batch * steps).reshape(batch, steps) % 7}
    with tf.Session() as session:
        for one, other in zip(session.run([loss, *slopes], feeds), session.run([unrolled, *expected], feeds)):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_branches_of_different_sizes(executor):
    """The gradient of the branch that is not taken expects another size, and is not asked."""
    x, choice = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.bool, [])
    y = tf.cond(choice, lambda: x * 2.0, lambda: tf.concat([x, x], 0) * 3.0)
    last = tf.cond(tf.reduce_sum(y) > 0, lambda: y[:2], lambda: y)
    slope = tf.gradients(tf.reduce_sum(last**2), x)[0]
    with tf.Session() as session:
        for values in ([1.0, 2.0, 3.0], [-4.0, 1.0]):
            for chosen in (True, False):
                x_value = np.array(values)
                expected = x_value * 2 if chosen else np.concatenate([x_value, x_value]) * 3
                expected = expected[:2] if expected.sum() > 0 else expected
                factor, count = (4, 1) if chosen else (9, 2)
                slopes = 2 * factor * x_value * (count if len(expected) > 2 or not x_value.sum() > 0 else 1)
                if x_value.sum() > 0:
                    slopes[2:] = 0
                found = session.run([last, slope], {x: values, choice: chosen})
                np.testing.assert_allclose(found[0], expected)
                np.testing.assert_allclose(found[1], slopes)


def test_sizes_that_do_not_fit_in_a_branch_that_is_not_taken(executor):
    x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    total = tf.cond(tf.equal(tf.size(x), tf.size(y)), lambda: tf.reduce_sum(x + y), lambda: tf.reduce_sum(x))
    with tf.Session() as session:
        assert session.run(total, {x: [1.0, 2.0, 3.0], y: [1.0, 2.0]}) == 6
        assert session.run(total, {x: [1.0, 2.0], y: [1.0, 2.0]}) == 6
        always = tf.cond(tf.size(x) > 1, lambda: tf.reduce_sum(x + y), lambda: tf.reduce_sum(x))
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"Incompatible shapes: \[3\] vs. \[2\]"):
            session.run(always, {x: [1.0, 2.0, 3.0], y: [1.0, 2.0]})


def test_several_gradients_of_one_loop_in_one_run(executor):
    """Each takes what the loop saved, also of a branch and of a loop within it."""
    x = tf.constant([0.5, 0.25])

    def body(i, a):
        a = tf.cond(i % 2 > 0, lambda: tf.sin(a) * a, lambda: tf.exp(a) * x)
        return i + 1, tf.while_loop(lambda j, b: j < 2, lambda j, b: (j + 1, tf.tanh(b) * b + x), [0, a])[1]

    y = tf.while_loop(lambda i, a: i < 3, body, [0, x])[1]
    once = tf.gradients(y, x)[0]
    twice = tf.gradients(2 * y, x)[0]
    squared = tf.gradients(y * y, x)[0]
    with tf.Session() as session:
        alone = [session.run(gradient) for gradient in (once, twice, squared)]
        together = session.run([once, twice, squared])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose(together[1], 2 * together[0], rtol=1e-6)


def test_the_gradient_of_a_loop_in_another_loop_is_refused():
    x = tf.constant([0.5, 0.25])
    y = count_to(3, lambda i, a: tf.sin(a) * x, x)
    with pytest.raises(ValueError, match="'while.*' in 'map/while.*' because they are in different while loops"):
        tf.map_fn(lambda i: tf.gradients(tf.gather(y, i), x)[0], tf.range(2), dtype=tf.float32)


def test_the_gradient_of_a_loop_in_the_loop_that_it_stands_in(executor):
    x = tf.constant([0.5, 0.25])

    def body(i, a):
        inner = count_to(2, lambda j, b: tf.sin(b) * a, a)
        return a - 0.5 * tf.gradients(inner, a)[0]

    with tf.Session() as session:
        got = session.run(count_to(2, body, x))
        value = np.array([0.5, 0.25], np.float32)
        for _ in range(2):
            s = np.sin(value)
            b = s * value
            value = value - 0.5 * (np.sin(b) + np.cos(b) * value * (s + np.cos(value) * value))
    np.testing.assert_allclose(got, value, rtol=1e-5)


def test_a_step_whose_gradient_is_fetched_beside_it():
    v = tf.Variable([0.5, 2.0])
    loss = tf.reduce_sum(count_to(3, lambda i, a: tf.tanh(a) * v, v))
    gradient = tf.gradients(loss, v)[0]
    step = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    with tf.Session() as session:
        session.run(v.initializer)
        _, given = session.run([step, gradient])
        np.testing.assert_allclose(session.run(v), [0.5, 2.0] - 0.5 * given, rtol=1e-6)


class TestRowsTakenInALoop:
    """The gradient of a table whose rows a loop takes is those rows: a step costs what they do, not what the table does."""

    @staticmethod
    def looked_up(table, ids, n=3):
        def body(i, h):
            return i + 1, tf.tanh(h + tf.nn.embedding_lookup(table, ids[i]))

        start = tf.constant([[0.1, 0.2]] * 2, table.dtype.base_dtype)
        return tf.reduce_sum(tf.while_loop(lambda i, h: i < n, body, [0, start])[1])

    @pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
    def test_rows_of_each_iteration(self, executor, use_resource):
        table = tf.get_variable(
            "t", initializer=np.arange(10, dtype=np.float32).reshape(5, 2) / 10, use_resource=use_resource
        )
        ids = tf.placeholder(tf.int32, [3, 2])
        gradient = tf.gradients(self.looked_up(table, ids), table)[0]
        assert isinstance(gradient, tf.IndexedSlices) and gradient.indices.dtype == tf.int32
        dense = tf.constant(np.arange(10, dtype=np.float32).reshape(5, 2) / 10)
        wanted = tf.gradients(self.looked_up(dense * 1.0, ids), dense)[0]
        feeds = {ids: [[4, 1], [1, 1], [3, 4]]}
        with tf.Session() as session:
            session.run(table.initializer)
            values, indices = session.run([gradient.values, gradient.indices], feeds)
            assert sorted(indices) == [0, 1, 1, 1, 3, 4, 4]  # row 0 begins, as in TensorFlow
            whole = np.zeros((5, 2), np.float32)
            np.add.at(whole, indices, values)
            np.testing.assert_allclose(whole, session.run(wanted, feeds), rtol=1e-5, atol=1e-7)
            assert session.run(gradient, feeds).dense_shape.tolist() == [5, 2]

    def test_other_rows_do_not_change(self, executor):
        table = tf.get_variable("t", [5, 2], initializer=tf.ones_initializer())
        ids = tf.constant([[4, 1], [1, 1], [4, 4]])
        step = tf.train.MomentumOptimizer(0.5, 0.9).minimize(self.looked_up(table, ids))
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(step)
            session.run(step)
            changed = np.any(session.run(table) != 1, axis=1)
        assert changed.tolist() == [False, True, False, False, True]

    def test_in_a_branch_in_another_loop_and_beside_a_lookup_outside(self, executor):
        def build(table):
            ids = tf.constant([[4, 1], [1, 1], [0, 4]])
            inner = tf.cond(table[0, 0] > -1, lambda: self.looked_up(table, ids), lambda: tf.reduce_sum(table))
            outer = tf.while_loop(
                lambda i, s: i < 2, lambda i, s: (i + 1, s + self.looked_up(table, ids) * s), [0, inner]
            )
            mapped = tf.map_fn(lambda i: tf.gather(table, i)[0], ids[:, 0], tf.float64)
            return outer[1] + tf.reduce_sum(tf.gather(table, [2, 2])) + tf.reduce_sum(mapped)

        self.check_all(build)

    def test_the_whole_and_rows_in_one_loop(self, executor):
        def build(table):
            def body(i, a):
                return a * 0.5 + table[i, 0] + tf.reduce_mean(tf.gather(table, [i, 4]))

            return count_to(3, body, tf.reduce_sum(table) * 0.1)

        self.check_all(build)

    @staticmethod
    def check_all(build):
        start = np.random.RandomState(0).uniform(-1, 1, [5, 2])
        table = tf.placeholder(tf.float64, [5, 2])
        y = build(table)
        gradient = tf.convert_to_tensor(tf.gradients(y, table)[0])
        with tf.Session() as session:
            got, wanted = session.run(gradient, {table: start}), np.empty_like(start)
            for at in np.ndindex(start.shape):
                low, high = start.copy(), start.copy()
                low[at] -= 1e-6
                high[at] += 1e-6
                wanted[at] = (session.run(y, {table: high}) - session.run(y, {table: low})) / 2e-6
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-7)


def _kept(predicate, other, x, z):
    """A value of a branch, in the branch of another conditional too, and what the conditional gives."""
    kept = []

    def keep():
        kept.append(x * 5.0)
        return tf.cond(other, lambda: kept.append(x * 7.0) or kept[1], lambda: z)

    return [tf.cond(predicate, keep, lambda: z), *kept]


def _in_loop(predicate, other, x, z):
    def body(i, value):
        return i + 1, _kept(predicate, other, value, z)[1] * 2.0

    return tf.while_loop(lambda i, value: i < 2, body, [0, x])[1]


# Gradients by x for predicates (true, true), (true, false), (false, false) as TensorFlow 1.15 has them.
_OF_BRANCHES = {
    "of a branch": (lambda *of: _kept(*of)[1] * 3.0, [15, 15, 0]),
    "of an inner branch": (lambda *of: _kept(*of)[2] * 3.0, [21, 0, 0]),
    "squared": (lambda *of: _kept(*of)[1] ** 2, [75, 75, 0]),
    "with the result": (lambda *of: tf.add_n([_kept(*of)[0], _kept(*of)[1]]), [12, 5, 0]),
    "through a loop": (
        lambda *of: tf.while_loop(lambda i, v: i < 2, lambda i, v: (i + 1, v * 2.0), [0, _kept(*of)[1]])[1],
        [20, 20, 0],
    ),
    "in each iteration": (_in_loop, [100, 100, None]),
}


@pytest.mark.parametrize("name", _OF_BRANCHES)
def test_the_gradient_of_a_value_of_a_branch_goes_through_the_branch(executor, name):
    function, expected = _OF_BRANCHES[name]
    p, q, x, z = (tf.placeholder(dtype, []) for dtype in (tf.bool, tf.bool, tf.float32, tf.float32))
    (gradient,) = tf.gradients(function(p, q, x, z), x)
    with tf.Session() as session:
        for values, wanted in zip(((True, True), (True, False), (False, False)), expected):
            feeds = {p: values[0], q: values[1], x: 1.5, z: 2.0}
            if wanted is None:
                with pytest.raises(tf.errors.InvalidArgumentError, match=r"Retval\[0\] does not have value"):
                    session.run(gradient, feeds)
            else:
                assert session.run(gradient, feeds) == wanted


def test_a_branch_may_take_a_value_of_another_twice(executor):
    p, q, x = (tf.placeholder(dtype, []) for dtype in (tf.bool, tf.bool, tf.float32))
    kept = []
    tf.cond(p, lambda: kept.append(x * 5.0) or kept[0], lambda: x)
    y = tf.cond(q, lambda: tf.cond(p, lambda: kept[0] * x, lambda: x) + kept[0], lambda: x)
    (gradient,) = tf.gradients(y, x)
    with tf.Session() as session:
        assert session.run(gradient, {p: True, q: True, x: 1.5}) == 20
        assert session.run(gradient, {p: True, q: False, x: 1.5}) == 1


def twice(step, x):
    return tf.while_loop(lambda i, _: i < 2, lambda i, z: (i + 1, step(z)), (0, x))[1]


def test_the_gradient_of_a_loop_may_be_where_a_walk_ends(executor):
    """The walk went into the loop whose gradient it is, and refused a second one."""
    x = tf.constant(2.0)
    fourth = twice(lambda z: z * z, x)
    slope = tf.gradients(fourth, x)[0]
    product = twice(lambda z: z * slope, slope)
    found = [
        tf.gradients(product, slope)[0],
        tf.gradients(product * fourth, x, stop_gradients=[slope])[0],
        tf.gradients(product * fourth, fourth, stop_gradients=[slope])[0],
    ]
    with tf.Session() as session:
        assert session.run(found) == [3072.0, 2.0**20, 32768.0]


def test_walks_end_at_results_of_a_conditional_or_a_loop(executor):
    """Nothing goes through those at which `stop_gradients` ends them."""
    x = tf.constant(2.0)
    four = x * x
    one, other = tf.cond(four > 0, lambda: (four * four, four), lambda: (four, four * 3.0))
    product = one * other
    _, z, q = tf.while_loop(lambda i, *_: i < 2, lambda i, z, q: (i + 1, z * q, q + x), (0, x, x))
    assert tf.gradients(z * q, x, stop_gradients=[z, q]) == [None]
    found = [
        *tf.gradients(product, four),
        *tf.gradients(product, four, stop_gradients=[one]),
        *tf.gradients(product, [four, one]),
        *tf.gradients(product, [one, other]),
        *tf.gradients(z * q, [x, z]),
        *tf.gradients(z * q, z),
    ]
    with tf.Session() as session:
        assert session.run(found) == [48.0, 16.0, 48.0, 4.0, 4.0, 16.0, 192.0, 6.0, 6.0]


def test_what_a_loop_gives_no_gradient_has_none(executor):
    x = tf.placeholder(tf.float32, [3, 2])
    stopped = tf.while_loop(
        lambda i, y: i < 2, lambda i, y: (i + 1, y * 2.0 + tf.stop_gradient(x)), [0, tf.zeros_like(x)]
    )[1]
    assert tf.gradients(stopped, x) == [None]
    assert tf.gradients(tf.map_fn(tf.stop_gradient, x), x) == [None]
    assert tf.gradients(tf.map_fn(lambda row: tf.py_func(np.sin, [row], tf.float32), x, dtype=tf.float32), x) == [None]
    beside = tf.gradients([tf.map_fn(tf.stop_gradient, x), x * 3.0], x)[0]
    with tf.Session() as session:
        assert session.run(beside, {x: np.ones([3, 2])}).tolist() == [[3, 3]] * 3


def test_a_value_that_a_program_pushes_is_read_beside_a_loops_gradient(executor):
    x = tf.placeholder(tf.float32, [3])
    count, total = tf.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, y * x), [0, tf.ones_like(x)])
    stack = tf.raw_ops.StackV2(max_size=-1, elem_type=tf.int32, stack_name="")
    pushed = tf.raw_ops.StackPushV2(handle=stack, elem=count)
    with tf.Session() as session:
        found = session.run([pushed + 1, tf.gradients(total, x)[0], pushed], {x: [1.0, 2.0, 3.0]})
    assert [value.tolist() for value in found] == [3, [2, 4, 6], 2]
