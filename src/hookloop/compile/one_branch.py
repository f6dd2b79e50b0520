"""Plans that have one branch alone of a conditional whose branches' results have different ranks: how they find which is taken.

Which it is, a plan assumes as it assumes the ranks of host ops' results. A call whose result has a rank that says which branch is
taken makes a step start again where it is the other one.
"""

from __future__ import annotations

import weakref
from contextlib import contextmanager

from ..ops.branch_taken import branch_taken
from ..ops.variable_key import VARIABLES
from .branch_values import pushes_on
from .host import lower_host
from .node import Node, NodeContext

_MOST_CONTINUED = 6  # conditionals of a plan: each doubles what is behind it


class DecideBranch(Exception):
    """A plan is wanted in which the conditionals on a predicate have the branch alone that is taken."""

    def __init__(self, predicate):
        super().__init__(f"the value of {predicate.name!r} decides the plan's structure")
        self.predicate = predicate


class ContinueBranches(Exception):
    """A plan is wanted in which what is behind a conditional of a loop is there once for each of its branches (continued.py)."""

    def __init__(self, unit):
        super().__init__(f"the ranks behind {unit.op.name!r} depend on the branch that is taken")
        self.unit = unit


def continue_branches(lowerer, unit, what):
    """Asks for a plan that goes on by itself behind each branch of a conditional; a ValueError where there can be none.

    Args:
      lowerer: the `Lowerer`.
      unit: the conditional.
      what: what the branches do, in words.
    """
    continued = lowerer.request.continued
    if unit not in continued and len(continued) < _MOST_CONTINUED and not _misses(lowerer.presence, unit):
        raise ContinueBranches(unit)
    raise ValueError(f"in a loop that decides which is taken, the branches of {unit.op.name!r} {what}")


def _misses(presence, unit):
    """Whether a conditional asks for more than the branches that it stands in, or its results do."""
    results = [(result, branch.context) for branch in (unit.then, unit.otherwise) for result in branch.results]
    return unit.missing(presence) or any(r is not None and presence.missing_in(r, context) for r, context in results)


@contextmanager
def enclosed(lowerer, unit):
    """Notes that a branch of a conditional is lowered, which is not continued; None for a loop."""
    lowerer.enclosing.append(unit)
    try:
        yield
    finally:
        lowerer.enclosing.pop()


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
    if source not in lowerer.taken:
        if source not in lowerer.request.decided or lowerer.depth:
            return None
        decide(lowerer, source, predicate, unit.op)
    return lowerer.taken[source]


def to_decide(lowerer, predicates):
    """Of the predicates around something, the outermost first, the one on which a plan of one branch would depend; None where a loop
    decides in each iteration."""
    if lowerer.depth == len(lowerer.around):  # the first is decided first: then the next is in no branch
        return source_of(predicates[0])
    for source in map(source_of, predicates):  # in a loop, of what is the same in each iteration
        if source.op._control_flow_context is None and source not in lowerer.request.decided:
            return source
    return None


def decide_before_loop(lowerer, unit):
    """Looks which branch is taken of conditionals in a loop whose predicates are made before it."""
    for source in lowerer.request.decided if lowerer.depth == 0 else ():
        value = lowerer.environment.get(source)
        if value is not None and source not in lowerer.taken:
            predicate = lowerer.operand(value, None, Node(unit.op, None, [], lowerer.node_index(unit.op)))
            decide(lowerer, source, predicate, unit.op)


def decide(lowerer, source, predicate, op):
    known = lowerer.literal_of(predicate) if predicate.symbol is None else predicate.symbol
    if known is not None and known.dtype != object:
        lowerer.taken[source] = int(bool(known))
        return
    taker = _takers.get(source)
    if taker is None:
        taker = _takers[source] = branch_taken(op.name)
    node = Node(taker, taker.op_def, [predicate], lowerer.node_index(taker))
    lower_host(lowerer, node, NodeContext(node, lowerer))
    lowerer.taken[source] = lowerer.request.assumed_rank(taker.outputs[0])


def refuse_branch(lowerer, unit, side, error):
    """Asks for a plan of a conditional's other branch, as this one has no values, or raises the error where a run has seen it taken.

    What was seen is forgotten with the error: the next run may take the other branch.
    """
    source = source_of(unit.predicate)
    taker = _takers.get(source)
    if taker is None or lowerer.request.host_shapes.pop(taker.outputs[0], None) is not None:
        raise error
    lowerer.request.host_shapes[taker.outputs[0]] = (1,) * (1 - side)
    raise DecideBranch(source)
