"""gather_products: a table's rows are multiplied once where they are gathered often; else gathered rows are."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import hookloop as tf
from hookloop.compile import passes

from ..programs import kernels, optimized

ROWS, DEPTH, COLUMNS = 5, 32, 100


def table_of(rows=ROWS, depth=DEPTH):
    return tf.get_variable("table", initializer=np.random.RandomState(1).standard_normal((rows, depth)))


def matrix_of(rows=DEPTH, columns=COLUMNS, name="w"):
    return tf.get_variable(name, initializer=np.random.RandomState(2).standard_normal((rows, columns)) * 0.2)


def rewritten(fetches, feeds=None):
    return kernels(optimized(fetches, feeds, names=("drop_unused", "sum_products", "fuse_epilogues", "fuse_column_sums",
                                                    "split_joined_factors", "gather_products")))  # fmt: skip


def indices_of(shape, rows=ROWS, dtype=np.int32, seed=3):
    return np.random.RandomState(seed).randint(0, rows, shape).astype(dtype)


def recurrent(batch=40, steps=12, axis=1, dtype=tf.int32):
    """An unrolled recurrent net over characters: its last state, the table, the weights, and what to feed."""
    shape = [batch, steps] if axis == 1 else [steps, batch]
    x = tf.placeholder(dtype, shape, name="x")
    shape = [size or 40 for size in shape]
    table, w = table_of(), matrix_of(DEPTH + COLUMNS)
    b = tf.get_variable("b", initializer=np.linspace(-1, 1, COLUMNS))
    h = tf.zeros([tf.shape(x)[1 - axis], COLUMNS], tf.float64)
    for step in tf.unstack(tf.nn.embedding_lookup(table, x), axis=axis):
        h = tf.tanh(tf.matmul(tf.concat([step, h], 1), w) + b)
    return h, (table, w, b), {x: indices_of(shape, dtype=dtype.as_numpy_dtype)}


def test_a_sum_of_products_without_further_steps_starts_from_rows(executor):
    x = tf.placeholder(tf.int32, [200])
    table, w, state = table_of(), matrix_of(), tf.constant(np.random.RandomState(8).standard_normal((200, DEPTH)))
    y = tf.matmul(tf.concat([tf.gather(table, x), state], 1), tf.concat([w, w * 2.0], 0))
    feeds = {x: indices_of(200)}
    if executor == "plan":
        assert "check_gathered" in rewritten([y], feeds)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found, t, m, rest = session.run([y, table, w, state], feeds)
    np.testing.assert_allclose(found, t[feeds[x]] @ m + 2 * rest @ m, rtol=1e-9)


def numpy_recurrent(table, w, b, numbers):
    h = np.zeros((numbers.shape[0], COLUMNS))
    for step in numbers.T:
        h = np.tanh(np.hstack([table[step], h]) @ w + b)
    return h


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_rows_of_a_product_are_rows_of_the_tables_product(executor, dtype):
    x = tf.placeholder(dtype, [60, 3])
    table, w = table_of(), matrix_of()
    y = tf.matmul(tf.reshape(tf.gather(table, x), [180, DEPTH]), w)
    feeds = {x: indices_of((60, 3), dtype=dtype.as_numpy_dtype)}
    if executor == "plan":
        assert rewritten([y], feeds) == ["check_gathered", "copy", "matmul", "gather"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found, t, m = session.run([y, table, w], feeds)
    np.testing.assert_allclose(found, (t @ m)[feeds[x].ravel()], rtol=1e-10)


def test_what_is_the_same_for_all_rows_is_done_to_the_table(executor):
    x = tf.placeholder(tf.int32, [200])
    table, w = table_of(), matrix_of()
    y = tf.nn.relu(tf.matmul(tf.gather(table, x), w, transpose_b=False) + np.linspace(-1, 1, COLUMNS))
    feeds = {x: indices_of(200)}
    if executor == "plan":
        program = optimized([y], feeds, names=("fuse_epilogues", "gather_products"))
        (product,) = [i for i in program.root.items if i.kernel == "matmul"]
        assert product.outputs[0].shape == (ROWS, COLUMNS)
        assert len(product.params) == 6  # the transposes and two steps
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found, t, m = session.run([y, table, w], feeds)
    np.testing.assert_allclose(found, np.maximum(t @ m + np.linspace(-1, 1, COLUMNS), 0)[feeds[x]], rtol=1e-10)


def test_a_step_that_differs_from_row_to_row_keeps_the_product_where_it_is(executor):
    x = tf.placeholder(tf.int32, [200])
    table, w = table_of(), matrix_of()
    y = tf.matmul(tf.gather(table, x), w) + np.arange(200.0)[:, None]
    feeds = {x: indices_of(200)}
    if executor == "plan":
        assert rewritten([y], feeds).count("gather") == 1
        assert "check_gathered" not in rewritten([y], feeds)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found, t, m = session.run([y, table, w], feeds)
    np.testing.assert_allclose(found, (t @ m)[feeds[x]] + np.arange(200.0)[:, None], rtol=1e-10)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_a_recurrent_nets_values_and_gradients_are_right(executor, axis, dtype):
    h, variables, feeds = recurrent(axis=axis, dtype=dtype)
    loss = tf.reduce_sum(tf.sin(h))
    grads = tf.gradients(loss, variables[1:])
    (numbers,) = feeds.values()
    numbers = numbers if axis == 1 else numbers.T
    if executor == "plan":
        found = rewritten([loss, *grads], feeds)
        assert found.count("check_gathered") == 1
        assert found.count("sum_by_row") == 1
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        state, value, by_w, by_b, *values = session.run([h, loss, *grads, *variables], feeds)
    np.testing.assert_allclose(state, numpy_recurrent(*values, numbers), rtol=1e-9)
    table, w, b = values
    for place in ((0, 0), (DEPTH - 1, 7), (DEPTH, 3), (DEPTH + COLUMNS - 1, COLUMNS - 1)):
        moved = w.copy()
        moved[place] += 1e-6
        difference = np.sin(numpy_recurrent(table, moved, b, numbers)).sum() - value
        assert difference / 1e-6 == pytest.approx(by_w[place], rel=1e-3, abs=1e-4)
    moved = b.copy()
    moved[2] += 1e-6
    difference = np.sin(numpy_recurrent(table, w, moved, numbers)).sum() - value
    assert difference / 1e-6 == pytest.approx(by_b[2], rel=1e-3, abs=1e-4)


def test_the_gradient_of_a_matrix_and_of_its_bias_are_right(executor):
    x = tf.placeholder(tf.int32, [300])
    table, w = table_of(), matrix_of()
    b = tf.get_variable("b", initializer=np.linspace(-1, 1, COLUMNS))
    y = tf.matmul(tf.gather(table, x), w) + b
    scale = np.random.RandomState(5).standard_normal((300, COLUMNS))
    grads = tf.gradients(tf.reduce_sum(tf.tanh(y) * scale), [w, b])
    feeds = {x: indices_of(300)}
    if executor == "plan":
        found = rewritten(grads, feeds)
        assert found.count("sum_by_row") == 1
        assert found.count("check_gathered") == 1
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        by_w, by_b, t, m, c = session.run([*grads, table, w, b], feeds)
    rows = t[feeds[x]]
    g = (1 - np.tanh(rows @ m + c) ** 2) * scale
    np.testing.assert_allclose(by_w, rows.T @ g, rtol=1e-9)
    np.testing.assert_allclose(by_b, g.sum(0), rtol=1e-9)


def test_float32_is_right_at_widths_that_end_within_a_vector(executor):
    x = tf.placeholder(tf.int32, [500])
    table = tf.constant(np.random.RandomState(1).standard_normal((9, 37)).astype("f"))
    w = tf.get_variable("w", initializer=np.random.RandomState(2).standard_normal((37, 301)).astype("f"))
    y = tf.matmul(tf.gather(table, x), w)
    scale = np.random.RandomState(5).standard_normal((500, 301)).astype("f")
    (by_w,) = tf.gradients(tf.reduce_sum(y * scale), [w])
    feeds = {x: indices_of(500, 9)}
    if executor == "plan":
        assert "sum_by_row" in rewritten([by_w], feeds)
    with tf.Session() as session:
        session.run(w.initializer)
        found, grad, t, m = session.run([y, by_w, table, w], feeds)
    np.testing.assert_allclose(found, t.astype("d")[feeds[x]] @ m, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(grad, t.astype("d")[feeds[x]].T @ scale, rtol=1e-4, atol=1e-3)


def test_rows_of_the_table_that_no_index_names_take_no_part(executor):
    """Not even where they are no numbers."""
    x = tf.placeholder(tf.int32, [300])
    values = np.random.RandomState(1).standard_normal((ROWS, DEPTH))
    values[3] = np.nan
    values[4] = np.inf
    w = matrix_of()
    y = tf.matmul(tf.gather(tf.constant(values), x), w)
    (by_w,) = tf.gradients(tf.reduce_sum(tf.sin(y)), [w])
    feeds = {x: indices_of(300, 3)}
    if executor == "plan":
        assert "sum_by_row" in rewritten([by_w], feeds)
    with tf.Session() as session:
        session.run(w.initializer)
        found, grad, m = session.run([y, by_w, w], feeds)
    rows = values[feeds[x]]
    np.testing.assert_allclose(found, rows @ m, rtol=1e-9)
    np.testing.assert_allclose(grad, rows.T @ np.cos(rows @ m), rtol=1e-9)


@pytest.mark.parametrize("wrong", [-1, ROWS])
def test_an_index_that_is_no_row_is_told_by_its_place_and_changes_nothing(executor, wrong):
    h, variables, feeds = recurrent()
    train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(h))
    (numbers,) = feeds.values()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        before = session.run(variables)
        numbers[7, 4] = wrong
        with pytest.raises(tf.errors.InvalidArgumentError, match=rf"indices\[7,4\] = {wrong} is not in \[0, {ROWS}\)"):
            session.run(train, feeds)
        for old, new in zip(before, session.run(variables)):
            np.testing.assert_array_equal(old, new)
        numbers[7, 4] = 0
        session.run(train, feeds)


def test_what_else_reads_the_gathered_rows_still_has_them(executor):
    x = tf.placeholder(tf.int32, [200])
    table, w = table_of(), matrix_of()
    rows = tf.gather(table, x)
    y = tf.matmul(rows, w)
    feeds = {x: indices_of(200)}
    if executor == "plan":
        assert rewritten([y, rows], feeds).count("gather") == 2
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found, gathered, t, m = session.run([y, rows, table, w], feeds)
    np.testing.assert_array_equal(gathered, t[feeds[x]])
    np.testing.assert_allclose(found, gathered @ m, rtol=1e-10)


def test_rows_of_twenty_elements_are_multiplied_once_for_each_row_of_the_table(executor):
    x = tf.placeholder(tf.int32, [4000])
    table, w = table_of(depth=20), matrix_of(20)
    y = tf.matmul(tf.gather(table, x), w)
    feeds = {x: indices_of(4000)}
    if executor == "plan":
        assert "check_gathered" in rewritten([y], feeds)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found, t, m = session.run([y, table, w], feeds)
    np.testing.assert_allclose(found, (t @ m)[feeds[x]], rtol=1e-10)


@pytest.mark.parametrize(
    ("count", "depth"),
    [(2 * ROWS - 1, 400), (4000, 19), (2 * ROWS, DEPTH)],
    ids=["few indices", "short rows", "little work"],
)
def test_where_it_is_no_less_work_the_rows_are_gathered(count, depth):
    x = tf.placeholder(tf.int32, [count])
    y = tf.matmul(tf.gather(table_of(depth=depth), x), matrix_of(depth))
    assert rewritten([y], {x: indices_of(count)}) == ["gather", "matmul"]


def test_a_product_of_the_table_that_is_large_is_not_made():
    x = tf.placeholder(tf.int32, [9000])
    y = tf.matmul(tf.gather(table_of(rows=4000), x), matrix_of(columns=33))
    assert rewritten([y], {x: indices_of(9000)}) == ["gather", "matmul"]


@pytest.mark.parametrize("axis", [0, 1])
def test_any_number_of_indices_may_be_fed(executor, axis):
    """The first number decides how the plan computes, and not what."""
    h, variables, feeds = recurrent(batch=None, axis=axis)
    loss = tf.reduce_sum(tf.sin(h))
    requests = [h, *tf.gradients(loss, variables[1:])]
    (x,) = feeds
    if executor == "plan":
        assert rewritten(requests, feeds).count("sum_by_row") == 1
        few = {x: indices_of((1, 12) if axis == 1 else (12, 1), 3)}
        assert "sum_by_row" not in rewritten(requests, few)
    with tf.Session() as session, tf.Session() as fresh:
        for s in (session, fresh):
            s.run(tf.global_variables_initializer())
        values = session.run(variables)
        for batch in (40, 3, 1, 70):
            numbers = indices_of((batch, 12), seed=batch)
            found = session.run(requests, {x: numbers if axis == 1 else numbers.T})
            np.testing.assert_allclose(found[0], numpy_recurrent(*values, numbers), rtol=1e-9)
            if batch == 3:
                for a, b in zip(found, fresh.run(requests, {x: numbers if axis == 1 else numbers.T})):
                    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
        assert session.run(h, {x: np.zeros((0, 12) if axis == 1 else (12, 0))}).shape == (0, COLUMNS)


def test_a_table_that_is_written_in_between_is_gathered_before(executor):
    x = tf.placeholder(tf.int32, [200])
    table, w = table_of(), matrix_of()
    rows = tf.gather(table, x)
    with tf.control_dependencies([rows]):
        update = tf.assign(table, table * 2.0)
    with tf.control_dependencies([update]):
        y = tf.matmul(rows, w)
    feeds = {x: indices_of(200)}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        t, m = session.run([table, w])
        np.testing.assert_allclose(session.run(y, feeds), t[feeds[x]] @ m, rtol=1e-10)


def test_a_matrix_that_is_written_between_products_is_read_as_it_then_is(executor):
    x = tf.placeholder(tf.int32, [400])
    table, w = table_of(), matrix_of()
    rows = tf.gather(table, x)
    first = tf.matmul(rows[:200], w)
    with tf.control_dependencies([first]):
        update = tf.assign(w, w * 2.0)
    with tf.control_dependencies([update]):
        second = tf.matmul(rows[200:], w.read_value())
    feeds = {x: indices_of(400)}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        t, m = session.run([table, w])
        found = session.run([first, second], feeds)
    np.testing.assert_allclose(found[0], t[feeds[x]][:200] @ m, rtol=1e-10)
    np.testing.assert_allclose(found[1], t[feeds[x]][200:] @ (2 * m), rtol=1e-10)


def test_a_product_in_a_loop_of_rows_gathered_before_it_is_right(executor):
    x = tf.placeholder(tf.int32, [400])
    table, w = table_of(), matrix_of(columns=DEPTH)
    rows = tf.gather(table, x)
    _, total = tf.while_loop(lambda i, t: i < 3, lambda i, t: (i + 1, t + tf.matmul(rows, w)), (0, tf.zeros_like(rows)))
    feeds = {x: indices_of(400)}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found, t, m = session.run([total, table, w], feeds)
    np.testing.assert_allclose(found, 3 * t[feeds[x]] @ m, rtol=1e-10)


def test_a_gather_in_a_loop_follows_what_the_loop_gathers(executor):
    x = tf.placeholder(tf.int32, [3, 400])
    table, w = table_of(), matrix_of(columns=DEPTH)
    _, total = tf.while_loop(
        lambda i, t: i < 3, lambda i, t: (i + 1, t + tf.matmul(tf.gather(table, x[i]), w)), (0, tf.zeros([400, DEPTH], tf.float64))
    )  # fmt: skip
    feeds = {x: indices_of((3, 400))}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found, t, m = session.run([total, table, w], feeds)
    np.testing.assert_allclose(found, sum(t[numbers] @ m for numbers in feeds[x]), rtol=1e-10)


def test_more_products_than_one_instruction_sums_are_added_to_the_result(executor):
    """Which only the first step of a product may read, so these do not start from gathered rows."""
    count = 20
    x = tf.placeholder(tf.int32, [count, 50])
    others = [tf.placeholder(tf.float64, [50, 33]) for _ in range(count)]
    table, w, v = table_of(), matrix_of(), matrix_of(33, name="v")
    rows = tf.gather(table, x)
    y = tf.add_n([term for i in range(count) for term in (tf.matmul(rows[i], w), tf.matmul(others[i], v))])
    feeds = {x: indices_of((count, 50)), **{o: np.random.RandomState(i).rand(50, 33) for i, o in enumerate(others)}}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found, t, m, n = session.run([y, table, w, v], feeds)
    expected = sum(t[numbers] @ m + feeds[o] @ n for numbers, o in zip(feeds[x], others))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_the_bits_are_those_of_one_thread():
    found = []
    for threads in (1, 2, 4):
        with tf.Graph().as_default():
            h, variables, feeds = recurrent(batch=300, steps=20)
            grads = tf.gradients(tf.reduce_sum(tf.sin(h)), variables[1:])
            with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
                session.run(tf.global_variables_initializer())
                found.append(session.run([h, *grads], feeds))
    for other in found[1:]:
        for a, b in zip(found[0], other):
            np.testing.assert_array_equal(a, b)


def test_explain_tells_what_is_multiplied_once():
    h, variables, feeds = recurrent()
    text = str(tf.explain(tf.gradients(tf.reduce_sum(h), variables[1:]), feeds))
    assert f"gather_products: multiplies each of {ROWS} rows once, for 12 products" in text
    assert f"gather_products: sums what {ROWS} rows are multiplied by, of 12 products" in text
    assert "gather_products: gathers nothing: its products' rows are gathered" in text


def any_program(data):
    """Rows of tables, multiplied by matrices and added up in many ways: results, and what to feed."""
    choose = lambda *items: data.draw(st.sampled_from(items))
    width = 3
    batch = choose(4, None)
    x = tf.placeholder(tf.int32, [batch, 3])
    other = tf.get_variable("other", initializer=np.random.RandomState(6).standard_normal((2, width)))
    tables = [tf.get_variable("first", initializer=np.random.RandomState(1).standard_normal((4, width))), other]
    weights = [
        tf.get_variable(f"w{i}", initializer=np.random.RandomState(i).standard_normal((width, width)) * 0.4) for i in range(3)
    ]  # fmt: skip
    wide = tf.get_variable("wide", initializer=np.random.RandomState(7).standard_normal((2 * width, width)) * 0.4)
    gathered = tf.gather(choose(*tables), x % 2)
    slices = [*tf.unstack(gathered, axis=1), gathered[:, 1], tf.gather(tables[1], x[:, 0] % 2)]
    h = tf.zeros([tf.shape(x)[0], width], tf.float64)
    states = [h]
    for _ in range(data.draw(st.integers(1, 11))):
        kind = choose("joined", "added", "alone", "transposed", "whole", "gradient", "by row", "recurrent")
        w, row, state = choose(*weights), choose(*slices), choose(*states)
        if kind == "joined":
            y = tf.matmul(tf.concat([row, state], 1), tf.concat([w, choose(*weights)], 0)) + choose(0.5, weights[0][0])
        elif kind == "added":
            y = tf.matmul(row, w) + tf.matmul(state, choose(*weights))
            states.append(y)
        elif kind == "alone":
            y = tf.nn.relu(tf.matmul(row, w) + weights[1][0])
        elif kind == "transposed":
            y = tf.matmul(row, w, transpose_b=True) * state
        elif kind == "whole":
            y = tf.reshape(tf.matmul(tf.reshape(gathered, [-1, width]), w), tf.shape(gathered))[:, 0]
        elif kind == "recurrent":
            y = state
            for at in range(data.draw(st.integers(2, 20))):
                y = tf.tanh(tf.matmul(tf.concat([slices[at % len(slices)], y], 1), wide) + weights[2][1])
        elif kind == "gradient":
            y = state + tf.matmul(row, state, transpose_a=True)[0]
        else:
            y = tf.matmul(row, w) + state[:, :1]
        states.append(tf.tanh(0.5 * y))
    loss = tf.reduce_sum(tf.sin(tf.add_n(states)))
    grads = [g for g in tf.gradients(loss, [*weights, wide]) if g is not None]
    chosen = [loss, states[-1], *grads]
    if choose(True, False):
        chosen.append(gathered)
    if choose(True, False) and grads:
        used = [(g, w) for g, w in zip(tf.gradients(loss, [*weights, wide]), [*weights, wide]) if g is not None]
        chosen.append(choose(tf.train.GradientDescentOptimizer, tf.train.AdamOptimizer)(0.1).apply_gradients(used))
    return [*chosen, *weights, wide], x


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_program_gives_what_the_reference_gives(data):
    with pytest.MonkeyPatch.context() as patch, tf.Graph().as_default():
        for name in ("_FEWEST_REPEATS", "_SMALLEST_DEPTH", "_LEAST_SAVED"):
            patch.setitem(passes.gather_products.__globals__, name, 1)
        patch.setitem(passes.split_joined_factors.__globals__, "_SMALLEST_PART", 1)
        requests, x = any_program(data)
        found = []
        for executor in ("plan", "reference"):
            patch.setenv("HOOKLOOP_EXECUTOR", executor)
            with tf.Session() as session:
                session.run(tf.global_variables_initializer())
                found.append([session.run(requests, {x: indices_of((4, 3), 100, seed=n)}) for n in range(2)])
        for plan, reference in zip(*found):
            for a, b in zip(plan, reference):
                if a is not None:
                    np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
