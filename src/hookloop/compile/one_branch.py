"""Plans that have one branch alone of a conditional whose branches' results have different ranks: how they find which is taken.

Which it is, a plan assumes as it assumes the ranks of host ops' results. A call whose result has a rank that says which branch is
taken makes a step start again where it is the other one.
"""

from __future__ import annotations

import weakref

from ..ops.branch_taken import branch_taken
from ..ops.variable_key import VARIABLES
from .branch_values import pushes_on
from .host import lower_host
from .node import Node, NodeContext


class DecideBranch(Exception):
    """A plan is wanted in which the conditionals on a predicate have the branch alone that is taken."""

    def __init__(self, predicate):
        super().__init__(f"the value of {predicate.name!r} decides the plan's structure")
        self.predicate = predicate


# Predicate -> the op that says which branch is taken: what a session remembers of a result's shape, it remembers by the op's output.
_takers = weakref.WeakKeyDictionary()


def source_of(tensor):
    """A predicate where it is made: loops have it through what carries it in, gradients also out of a branch and into another, or
    from a stack that the loop has saved it on."""
    while tensor is not None:
        found, tensor = tensor, _carried(tensor.op)
    return found


def _carried(op):
    """The value that an operation hands on as it is, or None."""
    if op.type == "StackPopV2":
        return next((push.inputs[1] for push in pushes_on(op.inputs[0])), None)
    carries = op.type == "Switch"
    if op.type == "Identity":
        carries = op.inputs[0].op.type not in VARIABLES  # which may have another value where it is read again
    elif op.type == "Merge":
        carries = len(op.inputs) == 1
    elif op.type == "Enter":
        carries = op.get_attr("is_constant")
    return op.inputs[0] if carries else None


def decided(lowerer, unit, predicate):
    """The branch that a plan of one branch takes for granted, 1 or 0; None where the plan has both."""
    source = source_of(unit.predicate)
    if source not in lowerer.request.decided:
        return None
    if source not in lowerer.taken:
        if lowerer.depth:
            return None
        decide(lowerer, source, predicate, unit.op)
    return lowerer.taken[source]


def decide_before_loop(lowerer, unit):
    """Looks which branch is taken of conditionals in a loop whose predicates are made before it."""
    for source in lowerer.request.decided if lowerer.depth == 0 else ():
        value = lowerer.environment.get(source)
        if value is not None and source not in lowerer.taken:
            predicate = lowerer.operand(value, None, Node(unit.op, None, [], lowerer.node_index(unit.op)))
            decide(lowerer, source, predicate, unit.op)


def decide(lowerer, source, predicate, op):
    taker = _takers.get(source)
    if taker is None:
        taker = _takers[source] = branch_taken(op.name)
    node = Node(taker, taker.op_def, [predicate], lowerer.node_index(taker))
    lower_host(lowerer, node, NodeContext(node, lowerer))
    lowerer.taken[source] = lowerer.request.assumed_rank(taker.outputs[0])
