"""Values of branches in other branches and outside of them are there, or not there, as in TensorFlow 1.15."""

import json
import pathlib

import pytest

import hookloop as tf
from hookloop.compile import guards

from .fixtures import branch_values_program as programs

_RECORDED = json.loads((pathlib.Path(__file__).parent / "fixtures" / "branch_values.json").read_text())


@pytest.mark.parametrize("seed", programs.PROGRAMS)
def test_random_programs_give_what_tensorflow_gives(executor, seed):
    assert programs.run_program(tf, seed) == _RECORDED[seed]


def test_what_was_taken_from_a_stack_is_put_there_again_beside_a_conditional(executor):
    raw, x = tf.raw_ops, tf.placeholder(tf.float32, [])
    stack = raw.StackV2(max_size=-1, elem_type=tf.float32)
    with tf.control_dependencies([raw.StackPushV2(handle=stack, elem=x)]):
        first = raw.StackPopV2(handle=stack, elem_type=tf.float32)
    with tf.control_dependencies([raw.StackPushV2(handle=stack, elem=first + 1.0)]):
        second = raw.StackPopV2(handle=stack, elem_type=tf.float32)
    result = tf.cond(x > 0.0, lambda: x * 3.0, lambda: x)
    with tf.Session() as session:
        assert session.run([second, result], {x: 2.0}) == [3.0, 6.0]


@pytest.mark.parametrize("use_resource", [True, False])
@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("factor", [3.0, None])
def test_a_predicate_is_asked_for_as_it_chose_though_it_is_written_since(factor, is_there, use_resource, executor):
    variable, x, inside = tf.Variable(is_there, use_resource=use_resource), tf.constant([1.0, 2.0]), []

    def branch():
        inside.append(x * factor if factor else tf.constant([3.0, 6.0]))  # which takes nothing from outside
        return inside[0]

    with tf.control_dependencies([tf.cond(variable, branch, lambda: x)]):
        written = tf.assign(variable, not is_there)
    with tf.control_dependencies([written]):
        result = inside[0] + 1.0
    with tf.Session() as session:
        session.run(variable.initializer)
        if is_there:
            assert session.run(result).tolist() == [4.0, 7.0]
        else:
            with pytest.raises(
                tf.errors.InvalidArgumentError, match="does not have value: 'add' takes what is there only"
            ):
                session.run(result)


def test_what_was_looked_at_together_is_not_looked_at_again(monkeypatch):
    count, looks, set_one = 30, [], guards._set
    monkeypatch.setattr(guards, "_set", lambda *given: looks.append(1) or set_one(*given))
    x, total = tf.placeholder(tf.float32, []), 0.0
    predicates = [tf.placeholder(tf.bool, []) for _ in range(count)]
    for predicate in predicates:
        inside = []
        tf.cond(predicate, lambda inside=inside: inside.append(x + 1.0) or inside[0], lambda: x)
        total += inside[0]
    feeds = {x: 2.0, **dict.fromkeys(predicates, True)}
    with tf.Session() as session:
        assert session.run(total, feeds) == 3.0 * count
        assert len(looks) <= 4 * count
        with pytest.raises(tf.errors.InvalidArgumentError, match="does not have value"):
            session.run(total, {**feeds, predicates[-1]: False})
