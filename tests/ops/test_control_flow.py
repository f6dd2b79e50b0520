"""`tf.cond` and `tf.case`: values, structures, errors, and variables in branches."""

import numpy as np
import pytest

import hookloop as tf

pytestmark = pytest.mark.usefixtures("executor")


def run(fetches, feed_dict=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feed_dict)


def test_the_predicate_chooses_the_branch():
    x = tf.placeholder(tf.float32, [])
    y = tf.cond(x > 1, lambda: x * 2, lambda: x - 2)
    assert run(y, {x: 3}) == 6
    assert run(y, {x: 0}) == -2


def test_branches_see_values_from_outside_and_inside_each_other():
    x = tf.placeholder(tf.float32, [None])
    y = tf.cond(
        tf.reduce_sum(x) > 1,
        lambda: (tf.cond(x[0] > 2, lambda: x * 3, lambda: x), x + 1),
        lambda: (-x, x[:1]),
    )
    for value, first, second in (([3, 1], [9, 3], [4, 2]), ([1, 1], [1, 1], [2, 2]), ([0, 1], [0, -1], [0])):
        got = run(y, {x: value})
        np.testing.assert_array_equal(got[0], first)
        np.testing.assert_array_equal(got[1], second)


def test_only_the_ops_of_the_taken_branch_run():
    p = tf.placeholder(tf.bool, [])
    v = tf.Variable(0)
    y = tf.cond(p, lambda: tf.assign_add(v, 1), lambda: tf.assign_add(v, 10))
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(y.op, {p: True})
        assert session.run(v) == 1
        session.run(y.op, {p: False})
        assert session.run(v) == 11


def test_results_keep_their_structure():
    p = tf.placeholder(tf.bool, [])
    y = tf.cond(
        p,
        lambda: {"a": tf.constant(1), "b": [tf.constant(2.0)]},
        lambda: {"a": tf.constant(3), "b": [tf.constant(4.0)]},
    )
    assert run(y, {p: True}) == {"a": 1, "b": [2.0]}
    assert run(y, {p: False}) == {"a": 3, "b": [4.0]}


def test_a_list_of_one_is_unpacked_unless_strict():
    p = tf.constant(True)
    assert run(tf.cond(p, lambda: [tf.constant(1)], lambda: [tf.constant(2)])) == 1
    assert run(tf.cond(p, lambda: [tf.constant(1)], lambda: [tf.constant(2)], strict=True)) == [1]


def test_sizes_may_differ_between_branches():
    p = tf.placeholder(tf.bool, [])
    x = tf.placeholder(tf.float32, [None])
    y = tf.cond(p, lambda: x, lambda: tf.concat([x, x], 0)) * 2
    np.testing.assert_array_equal(run(y, {p: True, x: [1, 2]}), [2, 4])
    np.testing.assert_array_equal(run(y, {p: False, x: [1, 2]}), [2, 4, 2, 4])


def test_nodes_have_tensorflows_names(graph):
    x = tf.placeholder(tf.float32, [])
    tf.cond(x > 1, lambda: x * 2, lambda: x - 2)
    names = {op.name: op.type for op in graph.get_operations() if op.name.startswith("cond")}
    assert names == {
        "cond/Switch": "Switch", "cond/switch_t": "Identity", "cond/switch_f": "Identity", "cond/pred_id": "Identity",
        "cond/mul/y": "Const", "cond/mul/Switch": "Switch", "cond/mul": "Mul",
        "cond/sub/y": "Const", "cond/sub/Switch": "Switch", "cond/sub": "Sub", "cond/Merge": "Merge",
    }  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2])
def test_readers_without_a_path_see_the_value_before_the_step(threads):
    p = tf.placeholder(tf.bool, [])
    v = tf.Variable(1.0)
    written = tf.cond(p, lambda: tf.assign(v, v + 1), lambda: tf.identity(v))
    before = v * 10
    with tf.control_dependencies([written]):
        after = v * 10
    config = tf.ConfigProto(intra_op_parallelism_threads=threads)
    with tf.Session(config=config) as session:
        for _ in range(100):
            session.run(v.initializer)
            assert session.run([written, before, after, v], {p: True}) == [2, 10, 20, 2]
            assert session.run([written, before, after, v], {p: False}) == [2, 20, 20, 2]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_branch_that_returns_a_variable_it_also_writes_returns_the_old_value(threads):
    p = tf.placeholder(tf.bool, [])
    v = tf.Variable(1.0)

    def branch():
        with tf.control_dependencies([tf.assign(v, 5.0)]):
            return tf.constant(0.0), v

    y = tf.cond(p, branch, lambda: (tf.constant(1.0), v))
    with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
        for _ in range(100):
            session.run(v.initializer)
            assert session.run(y, {p: True}) == (0, 1)
            assert session.run(v) == 5


def test_two_writes_in_a_branch_that_read_each_other_swap():
    p = tf.constant(True)
    v, w = tf.Variable(1.0), tf.Variable(2.0)
    y = tf.cond(p, lambda: tf.group(tf.assign(v, w), tf.assign(w, v)), lambda: tf.no_op())
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(y)
        assert session.run([v, w]) == [2, 1]


def test_a_failing_step_changes_no_variable_in_a_branch():
    x = tf.placeholder(tf.int32, [])
    v = tf.Variable([1.0, 2.0])

    def branch():
        with tf.control_dependencies([tf.gather(tf.constant([1.0]), x)]):
            return tf.assign(v, v + 1)

    y = tf.cond(x > 0, branch, lambda: tf.identity(v))
    with tf.Session() as session:
        session.run(v.initializer)
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(y, {x: 1})
        np.testing.assert_array_equal(session.run(v), [1, 2])


def test_case_takes_the_first_true_pair():
    x = tf.placeholder(tf.int32, [])
    y = tf.case([(x < 1, lambda: tf.constant(10)), (x < 2, lambda: tf.constant(20))], default=lambda: tf.constant(-1))
    assert [run(y, {x: i}) for i in range(3)] == [10, 20, -1]


def test_case_with_exclusive_refuses_two_true_pairs():
    x = tf.placeholder(tf.int32, [])
    y = tf.case(
        [(x < 1, lambda: tf.constant(10)), (x < 2, lambda: tf.constant(20))], lambda: tf.constant(-1), exclusive=True
    )
    assert run(y, {x: 1}) == 20
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"more than 1 conditions \(Less:0, Less_1:0\) evaluated as True"
    ):
        run(y, {x: 0})


def test_case_without_default_fails_where_nothing_is_true():
    x = tf.placeholder(tf.int32, [])
    y = tf.case([(tf.equal(x, 1), lambda: tf.constant(10)), (tf.equal(x, 2), lambda: tf.constant(20))])
    assert run(y, {x: 2}) == 20
    with pytest.raises(tf.errors.InvalidArgumentError, match="None of conditions evaluated as True"):
        run(y, {x: 3})


def test_branches_must_agree():
    p = tf.placeholder(tf.bool, [])
    with pytest.raises(ValueError, match="must have the same type"):
        tf.cond(p, lambda: tf.constant(1), lambda: tf.constant(1.0))
    with pytest.raises(ValueError, match="^The two structures don't have the same nested structure"):
        tf.cond(p, lambda: [tf.constant(1), tf.constant(2)], lambda: [tf.constant(1), tf.constant(1), tf.constant(1)])
    with pytest.raises(ValueError, match="must have a return value"):
        tf.cond(p, lambda: None, lambda: tf.constant(1))


def test_slices_of_branches():
    """Indices of int32 in one branch become those of int64 in the other; what is no slices in one is refused."""
    p = tf.placeholder(tf.bool, [])
    values = tf.constant([10.0, 20.0])
    narrow, wide = tf.constant([0, 2], tf.int32), tf.constant([1, 3], tf.int64)
    for sides in ((narrow, wide), (wide, narrow)):
        slices = [(lambda indices=indices: tf.IndexedSlices(values + 1.0, indices)) for indices in sides]
        result = tf.cond(p, *slices)
        assert result.indices.dtype == tf.int64
        for taken in (True, False):
            found = run([result.values, result.indices], {p: taken})
            assert found[0].tolist() == [11, 21]
            assert found[1].tolist() == ([0, 2] if sides[1 - taken] is narrow else [1, 3])
    with pytest.raises(
        ValueError, match="Incompatible return values of true_fn and false_fn: slices must have the same"
    ):
        tf.cond(p, lambda: tf.IndexedSlices(values, narrow), lambda: values)
    shape = tf.constant([4])
    with pytest.raises(ValueError, match="slices must have the same parts in both"):
        tf.cond(p, lambda: tf.IndexedSlices(values, narrow), lambda: tf.IndexedSlices(values, narrow, shape))


def test_switch_and_merge_of_slices():
    from hookloop.python.ops import control_flow_ops

    p = tf.placeholder(tf.bool, [])
    x = tf.constant([1.0, 2.0])
    slices = tf.IndexedSlices(x, tf.constant([3, 5]))
    off, on = control_flow_ops.switch(slices, p)
    merged, index = control_flow_ops.merge([tf.IndexedSlices(off.values * 2.0, off.indices), on])
    for taken, factor in ((True, 1), (False, 2)):
        found = run([merged.values, merged.indices, index], {p: taken})
        assert found[0].tolist() == [factor, 2 * factor]
        assert found[1].tolist() == [3, 5]
        assert found[2] == int(taken)
    whole = tf.IndexedSlices(x, tf.constant([3, 5]), tf.constant([8]))
    off, on = control_flow_ops.switch(whole, p)[0], control_flow_ops.switch(x, p)[1]
    merged, _ = control_flow_ops.merge([off, on])
    assert run([merged.values, merged.indices, merged.dense_shape], {p: True})[1].tolist() == [0, 1]
    assert run([merged.values, merged.indices, merged.dense_shape], {p: False})[1].tolist() == [3, 5]
    assert control_flow_ops.exit(slices).indices.op.type == "Exit"
    with pytest.raises(ValueError, match="At least one of the merge inputs is None"):
        control_flow_ops.merge([x, None])
    with pytest.raises(ValueError, match="needs slices that all have a dense shape"):
        control_flow_ops.merge([slices, whole])


def test_which_branch_a_merge_took_is_fetched():
    from hookloop.python.ops import control_flow_ops

    p = tf.placeholder(tf.bool, [])
    off, on = control_flow_ops.switch(tf.constant([1.0, 2.0]), p)
    merged = control_flow_ops.merge([off * 3.0, on])
    assert run(merged.value_index, {p: True}) == 1
    assert run([merged.value_index, merged.output], {p: False})[1].tolist() == [3, 6]


def selected(x, number, count, function):
    """As programs apply one of several functions: only one gets the value, and what is there is taken."""
    from hookloop.python.ops import control_flow_ops

    switched = (control_flow_ops.switch(x, tf.equal(number, case))[1] for case in range(count))
    return control_flow_ops.merge([function(value, case) for case, value in enumerate(switched)])[0]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_one_of_several_functions_is_applied(count):
    x, number = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.int32, [])
    y = selected(x, number, count, lambda value, case: value[case:] * 10.0 + case)
    total = tf.reduce_sum(y) + 1.0
    with tf.Session() as session:
        for case in range(count):
            found = session.run([y, tf.shape(y), total], {x: np.arange(8.0), number: case})
            expected = np.arange(8.0)[case:] * 10 + case
            np.testing.assert_array_equal(found[0], expected)
            assert found[1:] == [[8 - case], expected.sum() + 1]
        for fetch in (y, total):
            with pytest.raises(tf.errors.InvalidArgumentError, match="Retval.* does not have value"):
                session.run(fetch, {x: np.arange(8.0), number: count})


def test_applied_functions_in_one_another_and_after_one_another():
    number, other = tf.placeholder(tf.int32, []), tf.placeholder(tf.int32, [])
    inner = lambda value, case: selected(value + case, other, 2, lambda v, c: v * (c + 2.0) - case)
    nested = selected(tf.constant([1.0, 2.0]), number, 3, inner)
    after = selected(nested, number, 3, lambda value, case: value * (case + 1.0))
    texts = selected(tf.constant(["a", "b"]), number, 3, lambda value, case: tf.string_join([value, str(case)]))
    with tf.Session() as session:
        for case in range(3):
            for one in range(2):
                found = session.run([after, texts], {number: case, other: one})
                expected = ((np.array([1.0, 2.0]) + case) * (one + 2) - case) * (case + 1)
                np.testing.assert_array_equal(found[0], expected)
                assert found[1].tolist() == [b"a%d" % case, b"b%d" % case]


def test_applied_functions_in_branches_loops_and_datasets():
    number, p = tf.placeholder(tf.int32, []), tf.placeholder(tf.bool, [])
    apply = lambda value, which: selected(value, which, 3, lambda v, case: v * (case + 1.0) + case)
    branch = tf.cond(p, lambda: apply(tf.constant(2.0), number), lambda: -1.0)
    loop = tf.while_loop(lambda k, a: k < 4, lambda k, a: (k + 1, apply(a, k % 3)), [0, 1.0])[1]
    mapped = tf.map_fn(lambda k: apply(tf.constant(2.0), k), tf.constant([0, 2, 1]), dtype=tf.float32)
    dataset = tf.data.Dataset.range(3).map(lambda k: apply(2.0, tf.cast(k, tf.int32)))
    element = dataset.batch(3).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert [session.run(branch, {p: True, number: case}) for case in range(3)] == [2, 5, 8]
        assert session.run(branch, {p: False, number: 5}) == -1
        assert session.run(loop) == 11
        assert session.run(mapped).tolist() == [2, 8, 5]
        assert session.run(element).tolist() == [2, 5, 8]


def test_what_is_applied_may_write_loop_and_choose():
    number = tf.placeholder(tf.int32, [])
    v = tf.get_variable("v", initializer=1.0)
    written = selected(tf.constant(2.0), number, 2, lambda x, case: tf.assign_add(v, x * (case + 3.0)) + 0.0)
    looped = selected(
        tf.constant(2.0), number, 2, lambda x, case: tf.while_loop(lambda a: a < 20.0, lambda a: a * (case + 2.0), [x])
    )
    chosen = selected(tf.constant([1.0, 2.0]), number, 2, lambda x, case: tf.cond(x[0] > case, lambda: x, lambda: -x))
    with tf.Session() as session:
        session.run(v.initializer)
        found = [session.run([written, looped, chosen, v], {number: case}) for case in range(2)]
        assert [[a, b, c.tolist(), d] for a, b, c, d in found] == [[7, 32, [1, 2], 7], [15, 54, [-1, -2], 15]]
        assert session.run([tf.group(written)], {number: 2}) == [None]
        assert session.run(v) == 15


def test_applied_functions_that_give_different_ranks(executor):
    number = tf.placeholder(tf.int32, [])
    y = selected(tf.constant([[1.0, 2.0]]), number, 2, lambda value, case: value[0] if case else value)
    z = y * 2.0 + tf.cast(tf.rank(y), tf.float32)
    with tf.Session() as session:
        for n, expected in ((0, [[4.0, 6.0]]), (1, [3.0, 5.0]), (0, [[4.0, 6.0]])):
            assert session.run(z, {number: n}).tolist() == expected


def test_a_switch_in_a_branch_on_the_predicate_of_the_branch(executor):
    """As programs have it that make conditionals of single nodes: one side of it is never there."""
    from hookloop.python.ops import control_flow_ops

    x, p = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.bool, [])
    off, on = control_flow_ops.switch(x, p)
    again, never = control_flow_ops.switch(off * 0.5, p)
    merged, index = control_flow_ops.merge([again + 1.0, on * 2.0, never - 1.0])
    slope = tf.gradients(merged * merged, x)[0]
    with tf.Session() as session:
        for taken in (True, False):
            found, at, by_x = session.run([merged, index, slope], {x: [1.0, 2.0], p: taken})
            assert found.tolist() == ([2.0, 4.0] if taken else [1.5, 2.0]) and at == taken
            assert by_x.tolist() == ([8.0, 16.0] if taken else [1.5, 2.0])


def test_choices_of_single_nodes_before_and_behind_a_conditional_on_the_same_predicate(executor):
    """They are two conditionals: the one waits for the other."""
    from hookloop.python.ops import control_flow_ops

    x, p, q = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])

    def chosen(value, first, second):
        off, on = control_flow_ops.switch(value, first)
        again, never = control_flow_ops.switch(off * 0.5, second)
        return control_flow_ops.merge([again + 1.0, on * 2.0, never - 1.0])[0]

    between = chosen(x, p, q)
    between = tf.cond(p, lambda: between * 3.0, lambda: x)
    y = chosen(between, p, p)
    slope = tf.gradients(y, x)[0]
    with tf.Session() as session:
        for first, expected, factor in ((True, [12.0, 24.0], 12.0), (False, [1.5, 2.0], 0.5)):
            for second in (True, False):
                found, by_x = session.run([y, slope], {x: [1.0, 2.0], p: first, q: second})
                assert found.tolist() == expected and by_x.tolist() == [factor, factor]


def test_a_merge_of_different_ranks_takes_the_first_that_is_there(executor):
    from hookloop.python.ops import control_flow_ops

    x, p, q = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    flat, column = control_flow_ops.switch(x, p)[1], control_flow_ops.switch(x[:, None], q)[1]
    merged, index = control_flow_ops.merge([flat, column])
    with tf.Session() as session:
        for taken, expected in (((1, 0), [1, 2]), ((0, 1), [[1], [2]]), ((1, 1), [1, 2])):
            found, at = session.run([merged, index], {x: [1, 2], p: taken[0], q: taken[1]})
            assert found.tolist() == expected and at == 1 - taken[0]
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"Retval\[0\] does not have value"):
            session.run(merged, {x: [1, 2], p: False, q: False})


def test_a_merge_of_different_ranks_in_a_loop_that_decides_is_refused(executor):
    def body(i, total):
        y = selected(tf.constant([[1.0, 2.0]]), i, 2, lambda value, case: value[0] if case else value)
        return i + 1, total + tf.reduce_sum(y)

    total = tf.while_loop(lambda i, _: i < 2, body, [0, 0.0])[1]
    if executor == "plan":
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="values that '.*Merge.*' chooses from have different ranks"
        ):
            run(total)


def test_a_merge_takes_its_inputs_in_any_order():
    from hookloop.python.ops import control_flow_ops

    p, q = tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    off, on = control_flow_ops.switch(tf.constant(3.0), p)
    other_off, other_on = control_flow_ops.switch(off * 10.0, q)
    values = {"on": on + 1.0, "off": off - 100.0, "off off": other_off + 2.0, "off on": other_on + 3.0}
    merges = [
        ("on", "off"),
        ("off", "on"),
        ("on", "off off", "off on"),
        ("off on", "on", "off off"),
        ("off off", "off on", "on"),
    ]
    made = [control_flow_ops.merge([values[name] for name in names]) for names in merges]
    with tf.Session() as session:
        for first, second in ((True, True), (False, True), (False, False)):
            there = {"on": 4} if first else {"off": -97, "off on": 33} if second else {"off": -97, "off off": 32}
            for names, found in zip(merges, session.run(made, {p: first, q: second})):
                assert (found.output, found.value_index) == next(
                    (there[n], i) for i, n in enumerate(names) if n in there
                )
        only = control_flow_ops.merge([on])
        assert tuple(session.run(only, {p: True})) == (3, 0)
        assert session.run(values["on"], {p: True}) == 4  # what stands in a branch is fetched where it is there
        with pytest.raises(tf.errors.InvalidArgumentError, match="takes what is there only where"):
            session.run([made[0].output, values["on"]], {p: False})


def test_gradients_of_merges_that_a_program_makes():
    from hookloop.python.ops import control_flow_ops

    p, number = tf.placeholder(tf.bool, []), tf.placeholder(tf.int32, [])
    x = tf.constant([1.0, 2.0])
    off, on = control_flow_ops.switch(x, p)
    pair = control_flow_ops.merge([on * on, off * 3.0])[0]
    several = selected(x, number, 3, lambda value, case: value * value * (case + 1.0))
    of_pair, of_side, of_several = (tf.gradients(y, x)[0] for y in (pair, on * on, several))
    with tf.Session() as session:
        for _ in range(2):  # the second time the branches are known
            assert session.run(of_pair, {p: True}).tolist() == [2, 4]
            assert session.run(of_pair, {p: False}).tolist() == [3, 3]
            assert [session.run(of_side, {p: side}).tolist() for side in (True, False)] == [[2, 4], [0, 0]]
            assert [session.run(of_several, {number: c}).tolist() for c in range(3)] == [[2, 4], [4, 8], [6, 12]]
            of_pair, of_several = (tf.gradients(y, x)[0] for y in (pair, several))


def test_merges_that_a_program_has_made_are_imported():
    number = tf.placeholder(tf.int32, [], name="number")
    y = selected(tf.constant([1.0, 2.0]), number, 3, lambda value, case: value * (case + 1.0))
    wanted = tf.identity(tf.reduce_sum(y) + 1.0, name="wanted")
    with tf.Graph().as_default(), tf.Session() as session:
        (found,) = tf.import_graph_def(wanted.graph.as_graph_def(), return_elements=["wanted:0"], name="")
        assert [session.run(found, {"number:0": case}) for case in range(3)] == [4, 7, 10]


def test_a_value_of_a_branch_that_was_not_taken_is_not_there():
    from hookloop.python.ops import control_flow_ops

    p, q, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [])
    inside = []

    def keep():
        inside.append(x * 5.0)
        return inside[0]

    y = tf.cond(p, lambda: tf.cond(q, keep, lambda: x), lambda: -x)
    outside = inside[0] + 1.0
    v = tf.get_variable("v", initializer=0.0)
    assigned = v.assign(outside)
    queue = tf.FIFOQueue(9, [tf.float32], [[]])
    enqueued = queue.enqueue(outside)
    either = tf.cond(p, lambda: tf.cond(q, lambda: outside * 2.0, lambda: x), lambda: x)
    off, on = control_flow_ops.switch(x, p)
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run([outside, y, either, on], {p: True, q: True, x: 1.0}) == [6, 5, 12, 1]
        assert session.run([y, either, off], {p: False, q: True, x: 1.0}) == [-1, 1, 1]
        for feeds, needed in (({p: True, q: False}, q), ({p: False, q: True}, p)):
            for fetch in (outside, [y, outside], assigned):
                with pytest.raises(
                    tf.errors.InvalidArgumentError, match=rf"Retval\[0\] does not have value.*'{needed.name}' is true"
                ):
                    session.run(fetch, {**feeds, x: 1.0})
            left_out = [assigned.op, enqueued, tf.group(outside, y)]
            session.run(left_out, {**feeds, x: 1.0})
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"only where '{p.name}' is false"):
            session.run(off * 2.0, {p: True, x: 1.0})
        assert session.run([v, queue.size()]) == [0, 0]
        session.run([assigned, enqueued], {p: True, q: True, x: 1.0})
        assert session.run([v, queue.dequeue()]) == [6, 6]


def test_what_takes_a_value_that_is_not_there_is_not_run():
    p, q, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [None])
    inside, calls = [], []

    def keep():
        inside.append(tf.boolean_mask(x, x > 0))
        return inside[0]

    tf.cond(p, keep, lambda: x)
    called = tf.py_func(lambda value: calls.append(len(value)) or value, [inside[0]], tf.float32)
    called.set_shape([None])
    text = tf.as_string(called)
    divided = 6 // tf.size(called)
    either = tf.cond(q, lambda: [called * 2.0, text, divided], lambda: [x, tf.as_string(x), tf.size(x)])
    with tf.Session() as session:
        for _ in range(2):
            found = session.run(either, {p: True, q: True, x: [1, -1, 2]})
            assert [a.tolist() for a in found] == [[2, 4], [b"1.000000", b"2.000000"], 3]
            assert calls == [2]
            for taken in (True, False):
                found = session.run(either, {p: taken, q: False, x: [4]})
                assert [a.tolist() for a in found] == [[4], [b"4.000000"], 1]
            with pytest.raises(
                tf.errors.InvalidArgumentError, match=f"'cond_1/Merge' takes .* only where '{p.name}' is true"
            ):
                session.run(either, {p: False, q: True, x: [1]})
            assert calls == [2, 1]
            del calls[:]


def test_a_value_of_the_other_branch_is_never_there():
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [])
    inside = []

    def keep():
        inside.append(x * 5.0)
        return inside[0]

    y = tf.cond(p, keep, lambda: inside[0] + x)
    both = inside[0] + tf.cond(p, lambda: x, lambda: inside[0])
    with tf.Session() as session:
        assert session.run([y, both], {p: True, x: 1.0}) == [5, 6]
        for fetch in (y, both):
            with pytest.raises(
                tf.errors.InvalidArgumentError, match="does not have value.*takes what is there only where"
            ):
                session.run(fetch, {p: False, x: 1.0})
        off = tf.cond(p, lambda: x, lambda: x * 3.0).op.inputs[0]
        never = tf.add(off, inside[0])
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="does not have value: .Add_1. takes values of both branches"
        ):
            session.run(never, {p: True, x: 1.0})
        session.run(never.op, {p: True, x: 1.0})


def test_a_loop_that_goes_on_with_what_is_not_there_is_refused():
    p, n = tf.placeholder(tf.bool, []), tf.placeholder(tf.int32, [])
    inside = []

    def keep():
        inside.append(tf.constant(2.0) * 3.0)
        return inside[0]

    tf.cond(p, keep, lambda: tf.constant(1.0))
    looped = tf.while_loop(lambda i, x: i < n, lambda i, x: (i + 1, x + inside[0]), [0, 1.0])[1]
    entered = tf.while_loop(lambda i, x: i < n, lambda i, x: (i + 1, x + 1.0), [0, inside[0]])
    made_anew = tf.while_loop(lambda i, x: i < n, lambda i, x: (i + 1, tf.cast(i, tf.float32)), [0, inside[0]])
    with tf.Session() as session:
        assert session.run(made_anew, {p: True, n: 2}) == (2, 1)
        assert session.run(made_anew[0], {p: False, n: 2}) == 2
        assert session.run([looped, entered[1]], {p: True, n: 2}) == [13, 8]
        assert session.run([looped, entered[0]], {p: False, n: 0}) == [1, 0]
        assert session.run(entered[0], {p: False, n: 2}) == 2
        for fetch, count in ((looped, 2), (entered[1], 2), (entered[1], 0), (made_anew[1], 2)):
            with pytest.raises(tf.errors.InvalidArgumentError, match="does not have value"):
                session.run(fetch, {p: False, n: count})


def test_arguments_are_checked():
    with pytest.raises(TypeError, match="pred must not be a Python bool"):
        tf.cond(True, lambda: 1, lambda: 2)
    with pytest.raises(TypeError, match="true_fn must be callable"):
        tf.cond(tf.constant(True), 1, lambda: 2)
    with pytest.raises(TypeError, match="false_fn argument required"):
        tf.cond(tf.constant(True), lambda: 1)
    with pytest.raises(TypeError, match="fn for pred Const_.*:0 must be callable"):
        tf.case([(tf.constant(True), 1)])
    with pytest.raises(TypeError, match="fns must be a list, tuple, or dict"):
        tf.case(3)


def test_the_predicate_must_be_a_scalar():
    p = tf.placeholder(tf.bool, None)
    y = tf.cond(p, lambda: tf.constant(1), lambda: tf.constant(2))
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        run(y, {p: [True, False]})


def test_values_of_a_branch_cannot_be_fetched():
    inside = []
    tf.cond(tf.constant(True), lambda: inside.append(tf.constant(1) + 1) or inside[0], lambda: tf.constant(2))
    with pytest.raises(ValueError, match="fetch"):
        run(inside[0])


def test_a_predicate_that_is_no_scalar_is_refused():
    x = tf.constant([1.0, 2.0])
    with pytest.raises(ValueError, match="Shape must be rank 0 but is rank 1 for 'cond/Switch'"):
        tf.cond(x > 0, lambda: x, lambda: -x)
    open_shape = tf.placeholder(tf.bool)
    either = tf.cond(open_shape, lambda: x, lambda: -x)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match="must be a scalar"):
        session.run(either, {open_shape: [True, False]})


# --- switch_case -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("default", [None, lambda: tf.constant(-1.0)])
def test_switch_case(executor, default):
    index, x = tf.placeholder(tf.int32, []), tf.placeholder(tf.float32, [])
    branches = [lambda: x * 2, lambda: x + 1, lambda: x * x]
    outputs = [tf.switch_case(index, branches, default), tf.switch_case(index, dict(enumerate(branches)), default)]
    slope = tf.gradients(outputs[0], x)[0]
    with tf.Session() as session:
        for k, value, derivative in ((0, 6, 2), (1, 4, 1), (2, 9, 6), (3, 9, 6), (-1, 9, 6)):
            inside = default is None or k in (0, 1, 2)
            found = session.run([*outputs, slope], {index: k, x: 3})
            assert found == ([value, value, derivative] if inside else [-1, -1, 0])


@pytest.mark.parametrize(
    "index, branches, error, text",
    [
        (1, [lambda: 1], TypeError, "branch_index must a Tensor, got <class 'int'>"),
        (1.0, [lambda: 1], TypeError, "branch_index must an integer Tensor"),
        ([1], [1, 2], TypeError, "Each entry in branch_fns must be a 2-tuple"),
        ([1], {0: lambda: 1, 2: lambda: 1}, ValueError, r"contiguous range of \[0 to 2\) but found {0,2}"),
        ([1], {"a": lambda: 1}, TypeError, "key must be a Python `int`"),
        ([1], {0: 1}, TypeError, "fn for key 0 must be callable"),
        ([1], 3, TypeError, "branch_fns must be a list, tuple, or dict"),
        ([1], [], ValueError, "Must provide at least one item in branch_fns"),
    ],
)
def test_switch_case_of_what_does_not_fit(index, branches, error, text):
    if not isinstance(index, int):
        index = tf.constant(index[0] if isinstance(index, list) else index)
    with pytest.raises(error, match=text):
        tf.switch_case(index, branches)


def test_a_group_of_several_devices_is_in_the_order_of_their_names():
    with tf.device("/job:localhost"):
        far = tf.constant(1)
    with tf.device("/cpu:0"):
        near = tf.constant(2)
    parts = tf.group(far, near).control_inputs
    assert [part.device for part in parts] == ["/device:CPU:0", "/job:localhost"]


@pytest.mark.parametrize("use_resource", [False, True])
def test_a_variable_decides_which_branch_is_taken(executor, use_resource):
    v = tf.get_variable("v", initializer=True, use_resource=use_resource)
    w = tf.get_variable("w", initializer=3.0)
    y = tf.cond(v, lambda: w * 2.0, lambda: w * 5.0)
    graph = tf.get_default_graph()
    nodes = ["Switch/Read/ReadVariableOp", "Switch/Identity", "Switch/ReadVariableOp", "Switch", "switch_t", "switch_f"]
    names = [op.name for op in graph.get_operations() if op.name.startswith("cond/")]
    assert names[: 6 if use_resource else 3] == [f"cond/{name}" for name in (nodes if use_resource else nodes[3:])]
    inputs = [tensor.name for tensor in graph.get_operation_by_name("cond/Switch").inputs]
    read = "cond/Switch/Read/ReadVariableOp:0", "cond/Switch/ReadVariableOp:0"
    assert inputs == list(read if use_resource else ("v:0", "v/read:0"))
    (gradient,) = tf.gradients(y, w)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run([y, gradient]) == [6.0, 2.0]
        session.run(tf.assign(v, False))
        assert session.run([y, gradient]) == [15.0, 5.0]


def test_what_waits_may_be_slices_or_a_number():
    from hookloop.python.ops import control_flow_ops

    variable = tf.Variable([[0.0], [1.0]])
    slices = control_flow_ops.with_dependencies([variable.initializer], tf.IndexedSlices(variable, tf.constant([1])))
    number = control_flow_ops.with_dependencies([variable.initializer], 7)
    with tf.Session() as session:
        assert session.run(slices).values.tolist() == [[0], [1]]
        assert session.run(number) == 7


def test_what_an_operation_is_to_branches_and_loops():
    from hookloop.python.ops import control_flow_util as util

    inside = {}

    def body(i):
        inside["loop"] = (i + 1).op
        return i + 1

    outside = tf.constant(1)
    tf.while_loop(lambda i: i < outside, body, [0])
    tf.cond(outside < 2, lambda: inside.setdefault("branch", outside + 1), lambda: outside)
    loop, branch = inside["loop"], inside["branch"].op
    assert (
        util.IsInWhileLoop(loop)
        and not util.IsInCond(loop)
        and util.IsInCond(branch)
        and not util.IsInWhileLoop(branch)
    )
    context = loop._get_control_flow_context()
    assert util.GetContainingWhileContext(context) is context is util.GetWhileContext(loop)
    assert util.GetContainingCondContext(context) is None and util.OpInContext(loop, context)
    assert not util.TensorInContext(outside, context) and util.IsContainingContext(context, None)
    kinds = {}
    for op in tf.get_default_graph().get_operations():
        for name in "CondMerge CondSwitch LoopConstantEnter LoopEnter LoopExit LoopMerge LoopSwitch".split():
            if getattr(util, f"Is{name}")(op):
                kinds.setdefault(name, []).append(op.name)
    assert kinds["LoopConstantEnter"] == ["while/Less/Enter"] and kinds["LoopEnter"] == [
        "while/Enter",
        "while/Less/Enter",
    ]
    assert kinds["LoopMerge"] == ["while/Merge"] and kinds["LoopExit"] == ["while/Exit"]
    assert kinds["LoopSwitch"] == ["while/Switch"] and kinds["CondMerge"] == ["cond/Merge"]
    assert "cond/add/Switch" in kinds["CondSwitch"]
    enter = tf.get_default_graph().get_tensor_by_name("while/Less/Enter:0")
    assert util.GetLoopConstantEnter(enter) is enter.op and util.GetLoopConstantEnter(outside) is None
    assert util.GetOutputContext(tf.get_default_graph().get_operation_by_name("while/Exit")) is None
    with pytest.raises(ValueError, match="is in a while loop"):
        util.CheckInputFromValidContext(outside.op, loop)


def test_nodes_of_a_frame_without_a_condition_are_refused_when_they_run(executor):
    entered = tf.raw_ops.Enter(data=tf.constant(3.0), frame_name="frame")
    left = tf.raw_ops.Exit(data=entered * 2.0)
    with tf.Session() as session:
        for _ in range(2):
            with pytest.raises(
                tf.errors.InvalidArgumentError, match="has no condition: expected a LoopCond in its frame"
            ):
                session.run(left)
        assert session.run(tf.constant(1.0)) == 1.0


def test_references_go_on_as_references(executor):
    """`tuple`, and the node of TensorFlow's files behind it, give the variable itself."""
    v = tf.Variable(2.0, use_resource=False)
    (after,) = tf.tuple([v.assign(3.0)])
    more = tf.raw_ops.AssignAdd(ref=tf.raw_ops.RefIdentity(input=after), value=tf.constant(4.0))
    either = tf.cond(tf.placeholder_with_default(True, []), lambda: v.assign(5.0), lambda: v._ref())
    assert (after.op.type, after.op.name, either.op.type) == ("RefIdentity", "tuple/control_dependency", "RefMerge")
    assert either.op.name == "cond/Merge"
    graph_def = tf.get_default_graph().as_graph_def()
    with tf.Session() as session:
        session.run(v.initializer)
        assert session.run(more) == 7 and session.run(v) == 7 and session.run(either) == 5
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(graph_def, name="")
        session.run("Variable/Assign")
        assert session.run("AssignAdd:0") == 7 and session.run("Variable:0") == 7
