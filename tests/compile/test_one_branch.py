"""Plans of one branch: where a predicate is made, which branch is known, and who asks for such a plan."""

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile.one_branch import (
    ContinueBranches,
    DecideBranch,
    continue_branches,
    decided,
    source_of,
    to_decide,
)

from .programs import lowered


class _Request:
    def __init__(self, decided=()):
        self.decided = dict.fromkeys(decided, True)
        self.continued = set()


class _Lowerer:
    """What the questions of a conditional ask of the lowerer."""

    def __init__(self, decided=(), around=(), depth=0):
        self.request = _Request(decided)
        self.around, self.depth, self.taken = list(around), depth, {}


class _Unit:
    def __init__(self, predicate):
        self.predicate, self.op = predicate, predicate.op


def test_a_predicate_is_found_behind_what_hands_it_on():
    p = tf.placeholder(tf.bool, [])
    assert source_of(p) is p
    assert source_of(tf.identity(tf.identity(p))) is p
    assert source_of(tf.logical_not(p)).op.type == "LogicalNot"


def test_a_predicate_is_found_out_of_branches_and_loops():
    p, q = tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    inside = []
    tf.cond(q, lambda: inside.append(tf.identity(p)) or 1, lambda: 2)
    tf.while_loop(lambda i: i < 3, lambda i: inside.append(tf.identity(p)) or i + 1, [0])
    assert [tensor.op.inputs[0].op.type for tensor in inside] == ["Switch", "Enter"]
    assert [source_of(tensor) for tensor in inside] == [p, p]


def test_a_variable_that_is_read_again_may_have_another_value():
    v = tf.Variable(True)
    assert source_of(v.value()).op.type == "Identity"


def test_a_plan_has_both_branches_unless_it_was_asked_for_one():
    p = tf.placeholder(tf.bool, [])
    assert decided(_Lowerer(), _Unit(p), None) is None
    assert decided(_Lowerer(decided=[p], depth=1), _Unit(p), None) is None  # a loop may decide anew
    known = _Lowerer(decided=[p])
    known.taken[p] = 1
    assert decided(known, _Unit(tf.identity(p)), None) == 1


def test_the_outermost_predicate_is_decided_first():
    p, q = tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    assert to_decide(_Lowerer(), [p, q]) is p
    in_loop = _Lowerer(depth=1, decided=[p])
    assert to_decide(in_loop, [p, q]) is q  # of what is the same in each iteration
    assert to_decide(_Lowerer(depth=1, decided=[p, q]), [p, q]) is None


class _Presence:
    def missing_in(self, tensor, context):
        return ()


class _Branch:
    results, context = (), None


class _Conditional(_Unit):
    then = otherwise = _Branch()

    def missing(self, presence):
        return ()


def test_so_many_conditionals_of_a_loop_are_continued():
    """What is behind each is twice in the plan."""
    lowerer = _Lowerer()
    lowerer.presence = _Presence()
    for _ in range(6):
        unit = _Conditional(tf.placeholder(tf.bool, []))
        with pytest.raises(ContinueBranches) as caught:
            continue_branches(lowerer, unit, "differ")
        assert caught.value.unit is unit
        lowerer.request.continued.add(unit)
    with pytest.raises(ValueError, match="in a loop that decides which is taken, the branches of '.*' differ"):
        continue_branches(lowerer, _Conditional(tf.placeholder(tf.bool, [])), "differ")


def test_a_plan_of_one_branch_is_asked_for_by_its_predicate():
    p = tf.placeholder(tf.bool, [], name="p")
    error = DecideBranch(p)
    assert error.predicate is p and str(error) == "the value of 'p:0' decides the plan's structure"


@pytest.mark.parametrize("taken", [True, False])
def test_branches_of_different_ranks_are_planned_one_at_a_time(taken):
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [3])
    y = tf.cond(p, lambda: tf.exp(x), lambda: tf.reduce_sum(x))
    with tf.Session() as session:
        found = session.run(y + 1.0, {p: taken, x: np.zeros(3)})
    np.testing.assert_array_equal(found, [2.0, 2.0, 2.0] if taken else 1.0)


def test_what_decides_no_rank_is_planned_with_both():
    p, x = tf.placeholder(tf.bool, []), tf.placeholder(tf.float32, [3])
    program = lowered([tf.cond(p, lambda: tf.exp(x), lambda: tf.log(x))], {p: True, x: np.ones(3)})
    assert {"exp", "log"} <= {instr.kernel for instr in program.instructions()}
