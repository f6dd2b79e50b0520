"""Raising: which units the nodes of conditionals and loops become, and who comes before whom."""

import pytest

import hookloop as tf
from hookloop.compile.regions import IF, LOOP, OP, RaisedGraph, waited_for_though_fed


def raised(fetches, targets=(), feeds=(), done=frozenset()):
    return RaisedGraph(list(fetches), list(targets), set(feeds), done)


def kinds(units):
    return sorted(unit.kind for unit in units)


def types(units):
    return sorted(unit.op.type for unit in units if unit.kind == OP)


def test_only_what_is_asked_for_is_raised():
    x = tf.placeholder(tf.float32, [3])
    wanted, _ = tf.exp(x), tf.log(x)
    assert types(raised([wanted], feeds=[x]).root) == ["Exp"]
    assert types(raised([wanted]).root) == ["Exp", "Placeholder"]


def test_a_conditional_is_one_unit_with_the_operations_of_each_branch_in_it():
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [3])
    y, z = tf.cond(p, lambda: (tf.exp(x), x), lambda: (tf.log(x), tf.sin(x)))
    graph = raised([y, z])
    (unit,) = (unit for unit in graph.root if unit.kind == IF)
    assert unit.predicate.op.inputs[0] is p and [t.op.type for t in unit.outputs] == ["Merge", "Merge"]
    assert "Exp" in types(unit.then.units.units) and "Log" not in types(unit.then.units.units)
    assert {"Log", "Sin"} <= set(types(unit.otherwise.units.units))
    assert graph.unit_of[unit.predicate.op] in unit.before


def test_what_waits_for_a_result_waits_for_the_whole_conditional():
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [3])
    y = tf.exp(tf.cond(p, lambda: tf.sin(x), lambda: x))
    graph = raised([y])
    (conditional,) = (unit for unit in graph.root if unit.kind == IF)
    assert graph.unit_of[y.op].before == {conditional}


def test_a_loop_is_one_unit_with_a_condition_and_a_body():
    n = tf.placeholder(tf.int32, [])
    found = tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.exp(y)), [0, 1.0])
    graph = raised(found)
    (unit,) = (unit for unit in graph.root if unit.kind == LOOP)
    assert "Less" in types(unit.condition.units) and "Less" not in types(unit.body.units)
    assert "Exp" in types(unit.body.units) and "Exp" not in types(unit.condition.units)
    assert [v.enter.type for v in unit.variables] == ["Enter", "Enter"]
    assert all(v.switch.type == "Switch" and v.next_iteration.type == "NextIteration" for v in unit.variables)
    assert [[exit.type for exit in v.exits] for v in unit.variables] == [["Exit"], ["Exit"]]


def test_a_conditional_in_a_loop_stands_in_its_body():
    found = tf.while_loop(lambda i: i < 9, lambda i: tf.cond(i > 4, lambda: i + 2, lambda: i + 1), [0])
    (loop,) = (unit for unit in raised([found]).root if unit.kind == LOOP)
    assert IF in kinds(loop.body.units) and IF not in kinds(loop.condition.units)


def test_a_control_dependency_is_an_order_and_a_reason_to_run():
    v, x = tf.Variable(1.0), tf.placeholder(tf.float32, [])
    write = tf.assign_add(v, x)
    with tf.control_dependencies([write]):
        y = tf.exp(x)
    graph = raised([y], feeds=[x])
    assert graph.unit_of[write.op] in graph.unit_of[y.op].before
    assert write.op in graph.kept and y.op not in graph.kept
    assert write.op not in raised([y], feeds=[x], done={write.op}).unit_of


@pytest.mark.parametrize("target", [False, True])
def test_an_operation_whose_output_is_fed_runs_where_it_is_waited_for(target):
    x = tf.placeholder(tf.float32, [])
    y = tf.exp(x)
    assert waited_for_though_fed([x, y], [x.op] if target else []) == ({x.op, y.op} if target else {y.op})


def test_units_and_regions_are_released():
    graph = raised([tf.exp(tf.constant(1.0))])
    graph.release()
    assert all(unit.region is None for unit in graph.root)
