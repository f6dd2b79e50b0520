"""check_rows_early: a step whose indices are no rows changes no variable, whatever it writes first."""

import io

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile.early_checks import check_rows_early
from hookloop.compile.ir import ARENA, FEED, VARIABLE, Block, Buffer, If, Instr, Value
from hookloop.compile.sizes import SizeTable

from ..conftest import on_reference


def table(value=1.0, rows=6):
    return tf.Variable(np.full((rows, 3), value, "f"))


def plan_of(target):
    return str(tf.explain(target, file=io.StringIO()))


def refused(session, target, feeds, text):
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(target, feeds)


@pytest.mark.skipif(on_reference(), reason="only a plan has a commit point")
@pytest.mark.parametrize("sparse", ["scatter", "optimizer"])
def test_the_second_of_two_tables(sparse):
    first, second, ids = table(), table(2.0), tf.placeholder(tf.int32, [2])
    rows = np.ones((2, 3), "f")
    if sparse == "scatter":
        updates = tf.scatter_add(first, [0, 1], rows), tf.scatter_add(second, ids, rows)
    else:
        optimizer = tf.train.AdagradOptimizer(0.5)
        gradients = [(tf.IndexedSlices(tf.constant(rows), tf.constant([0, 1])), first),
                     (tf.IndexedSlices(tf.constant(rows), ids), second)]  # fmt: skip
        updates = (optimizer.apply_gradients(gradients),)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        refused(session, updates, {ids: [5, 6]}, r"indices\[1\] = 6 is not in \[0, 6\)")
        np.testing.assert_array_equal(session.run(first), np.full((6, 3), 1))
        np.testing.assert_array_equal(session.run(second), np.full((6, 3), 2))
        session.run(updates, {ids: [5, 0]})
        assert not np.array_equal(session.run(first), np.full((6, 3), 1))
    assert "A step that fails changes no variable" in plan_of(list(updates))


@pytest.mark.skipif(on_reference(), reason="only a plan has a commit point")
def test_a_scatter_behind_a_decay():
    v, ids = table(), tf.placeholder(tf.int64, [None])
    with tf.control_dependencies([tf.assign(v, v * 0.5)]):
        update = tf.scatter_add(v, ids, tf.ones([tf.size(ids), 3])).op
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        refused(session, update, {ids: [1, -1, 2]}, r"indices\[1\] = -1 is not in \[0, 6\) \[in ScatterAdd")
        np.testing.assert_array_equal(session.run(v), np.full((6, 3), 1))
        session.run(update, {ids: [1]})
        np.testing.assert_array_equal(session.run(v)[:2, 0], [0.5, 1.5])


def test_what_was_gathered_is_not_looked_at_again():
    first, second = table(), table()
    ids, others = tf.placeholder(tf.int32, [4]), tf.placeholder(tf.int32, [4])
    loss = tf.reduce_sum(tf.gather(first, ids) * tf.gather(second, others))
    for optimizer in (tf.train.GradientDescentOptimizer(0.1), tf.train.AdamOptimizer()):
        plan = plan_of(optimizer.minimize(loss))
        assert "check_rows" not in plan and "A step that fails changes no variable" in plan


def test_what_was_gathered_from_a_larger_table_is():
    small, large, ids = table(rows=5), table(rows=6), tf.placeholder(tf.int32, [2])
    with tf.control_dependencies([tf.assign_add(large, tf.ones_like(large))]):
        update = tf.scatter_add(small, ids, tf.gather(large, ids) * 2.0)
    assert "check_rows" in plan_of(update)


def test_indices_that_a_written_variable_makes_are_named():
    v, w = table(), table()
    with tf.control_dependencies([tf.assign_add(w, tf.ones_like(w))]):
        ids = tf.cast(w.read_value()[:2, 0], tf.int32)
        update = tf.scatter_add(v, ids, np.ones((2, 3), "f"))
    assert "This plan must write early" in plan_of(update)


@pytest.mark.parametrize("resource", [False, True])
def test_rows_of_a_branch_or_a_loop_that_does_not_run_are_not_looked_at(resource, executor):
    v = tf.Variable(np.ones((3, 2), "f"), use_resource=resource)
    w, ids, runs = table(), tf.placeholder(tf.int32, [1]), tf.placeholder(tf.bool, [])
    rows = np.ones((1, 2), "f")

    def change():
        with tf.control_dependencies([tf.scatter_add(v, ids, rows)]):
            return tf.constant(1)

    branch = tf.cond(runs, change, lambda: tf.constant(0))
    loop = tf.while_loop(lambda i: i < tf.cast(runs, tf.int32), lambda i: i + change(), [0])
    for target in (branch, loop):
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            written = tf.assign_add(w, tf.ones_like(w))
            assert session.run([written, target], {ids: [7], runs: False})[1] == 0
            with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[0\] = 7 is not in \[0, 3\)"):
                session.run([written, target], {ids: [7], runs: True})
            assert session.run([written, target], {ids: [2], runs: True})[1] == 1
            np.testing.assert_array_equal(session.run(v), [[1, 1], [1, 1], [2, 2]])


# --- the checks by themselves, on instructions ---------------------------------------------------------------


def variable_of(key, rows=6):
    return Value(tf.float32, (rows, 3), Buffer(VARIABLE, tf.float32, rows * 3, key))


def fed(dtype, *shape):
    return Value(dtype, shape, Buffer(FEED, dtype, int(np.prod(shape)), ("feed", 0)))


def scatter(variable, indices):
    instr = Instr("scatter_add", [variable, indices, fed(tf.float32, *indices.shape, 3)], effect=True)
    instr.writes_variable = True
    return instr


def assign(variable):
    instr = Instr("assign", [variable, fed(tf.float32, *variable.shape)], effect=True)
    instr.writes_variable = True
    return instr


def checked(*items):
    """A program of these items after `check_rows_early`."""
    program = type("Program", (), {"root": Block(items)})()
    check_rows_early(program)
    return program


def names(program):
    return [getattr(item, "kernel", "if") for item in program.root.items]


def test_rows_written_behind_the_first_write_are_looked_for_before_it():
    v, ids = variable_of("v"), fed(tf.int32, 2)
    program = checked(assign(variable_of("w")), scatter(v, ids))
    assert names(program) == ["check_rows", "assign", "scatter_add"]
    assert program.root.items[0].inputs == [v, ids] and not program.late_failures


def test_the_first_write_itself_checks_its_own_rows():
    assert names(checked(scatter(variable_of("v"), fed(tf.int32, 2)))) == ["scatter_add"]


def test_one_check_serves_all_who_write_the_same_rows():
    v, ids = variable_of("v"), fed(tf.int32, 2)
    program = checked(assign(variable_of("w")), scatter(v, ids), scatter(v, ids), scatter(variable_of("u"), ids))
    assert names(program).count("check_rows") == 2


@pytest.mark.parametrize(("rows", "checks"), [(6, 0), (7, 1)])
def test_rows_that_were_gathered_from_a_table_of_as_many_exist(rows, checks):
    v, ids = variable_of("v"), fed(tf.int32, 2)
    out = Value(tf.float32, (2, 3), Buffer(ARENA, tf.float32, 6))
    gather = Instr("gather", [variable_of("table", rows), ids], [out], (0, 0))
    assert names(checked(gather, assign(variable_of("w")), scatter(v, ids))).count("check_rows") == checks


def test_what_cannot_be_looked_for_before_may_fail_late():
    v, ids, w = variable_of("v"), fed(tf.int32, 2), variable_of("w")
    made = Value(tf.int32, (2,), Buffer(ARENA, tf.int32, 2))
    behind = Instr("cast", [w], [made])
    late = scatter(v, made)  # its indices are made of what was written
    program = checked(assign(w), behind, late)
    assert "check_rows" not in names(program) and program.late_failures == [late]
    inside = scatter(v, ids)  # the branch may not be taken
    branch = If(fed(tf.bool), Block([inside]), Block(), -1)
    program = checked(assign(w), branch)
    assert names(program) == ["assign", "if"] and program.late_failures == [inside]
    sizes = SizeTable()
    grown = scatter(variable_of("v", sizes.fresh(sizes.new_group())), ids)  # its rows are of this run
    program = checked(assign(w), grown)
    assert program.late_failures == [grown]


def test_dense_updates_write_no_rows():
    v, w = variable_of("v"), variable_of("w")
    for sparse in (0, 1):
        update = Instr(
            "apply_gradient_descent", [v, fed(tf.float32, 6, 3), fed(tf.float32), fed(tf.int32, 6)], (), (sparse,)
        )
        update.effect = update.writes_variable = True
        assert names(checked(assign(w), update)).count("check_rows") == sparse
