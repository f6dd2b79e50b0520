"""What is run only where values of branches that it takes are there: blocks that look first (branch_values.py says for what)."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext

import numpy as np

from .. import dtypes, errors
from ..graph.describe import uninitialized
from .branch_values import ALWAYS, NEVER, Choice, Condition, beyond, never_there, not_there
from .host import call_host
from .ir import Block, If, Instr
from .node import Node
from .one_branch import decide


@contextmanager
def around(lowerer, predicate):
    """Notes which conditional, or look at what is there, it is that what is lowered stands in."""
    lowerer.around.append(predicate)
    try:
        yield
    finally:
        lowerer.around.pop()


@contextmanager
def own_checks(lowerer, block):
    """Checks of sizes that are made in a branch are a group of their own, worked out where the branch begins."""
    sizes = lowerer.sizes
    outer, first = (sizes.branch, sizes.iteration), len(block.items)
    sizes.branch, sizes.iteration = sizes.new_group(), 0
    try:
        yield
    finally:
        if sizes.operations[sizes.branch]:
            block.items.insert(first, Instr("resize", (), (), (sizes.branch,), effect=True))
        sizes.branch, sizes.iteration = outer


def undecided(lowerer, conditions, op):
    """What a plan must look at: not the predicates whose branch it takes for granted."""
    if conditions is NEVER or not (lowerer.taken or lowerer.request.decided):
        return conditions
    if lowerer.depth == 0:
        for condition in conditions:
            made_at = condition.predicate
            if made_at in lowerer.request.decided and made_at not in lowerer.taken:
                decide(lowerer, made_at, truth_of(lowerer, made_at, op), op)
    return beyond(conditions, frozenset(Condition(made_at, side) for made_at, side in lowerer.taken.items()))


def not_taken(lowerer, conditions):
    """Those of the conditions that are on a branch which a plan of one branch has not; None where it may have all."""
    taken = frozenset(Condition(made_at, side) for made_at, side in lowerer.taken.items())
    if beyond(conditions, taken) is not NEVER:
        return None
    found = [c for c in conditions if isinstance(c, Condition) and lowerer.taken.get(c.predicate, c.branch) != c.branch]
    return frozenset(found) or NEVER


def guarded(lowerer, conditions, op):
    """What is emitted meanwhile for `op` is run only where the conditions hold.

    Args:
      lowerer: the `Lowerer`.
      conditions: as `Presence` gives them, but for NEVER.
      op: the op for whose sake it is looked.
    """
    return _guarded(lowerer, conditions, op) if conditions else nullcontext()


@contextmanager
def _guarded(lowerer, conditions, op):
    value, branch = _test(lowerer, conditions, op)
    local, sides = [], [Block(), Block()]
    first = lowerer.presence.in_order(conditions)[0].predicate
    with around(lowerer, first), lowerer.region(local, sides[branch]) as block, own_checks(lowerer, block):
        lowerer.looking.append(block)
        try:
            yield
        finally:
            lowerer.looking.pop()
    lowerer.leave(local)
    if block.items:
        lowerer.append(If(value, sides[1], sides[0], lowerer.node_index(op)))


def require(lowerer, conditions, op):
    """Ends the run where conditions do not hold under which a value of `op` is there."""
    if conditions is NEVER:
        call_host(lowerer, never_there(op), node=lowerer.node_index(op))
        return
    for condition in lowerer.presence.in_order(conditions):
        value = truth_of(lowerer, condition.predicate, op)
        sides = [Block(), Block()]
        for side, block in enumerate(sides):
            with lowerer.region([], block):
                if isinstance(condition, Choice):
                    require(lowerer, condition.when_true if side else condition.when_false, op)
                elif side != condition.branch:
                    call_host(lowerer, not_there(op, *condition), node=lowerer.node_index(op))
        lowerer.append(If(value, sides[1], sides[0], lowerer.node_index(op)))


def check_predicate(op, shape):
    """Refuses what decides a conditional or a loop and is no scalar: 1.15's Switch, whose second input it is, says so.

    Raises:
      InvalidArgumentError: it is none.
    """
    if len(shape):
        sizes = ",".join(str(d) if isinstance(d, int) else "?" for d in shape)
        text = f"The second input must be a scalar, but it has shape [{sizes}]"
        raise errors.InvalidArgumentError(None, op, f"{text} [in {op.type} {op.name!r}]")


def truth_of(lowerer, predicate, op):
    """A predicate as an operand, for the sake of `op`."""
    return deciding(lowerer, predicate, op, Node(op, None, [], lowerer.node_index(op)))


def deciding(lowerer, predicate, op, node):
    """A predicate as an operand of a node, which must be a scalar where `op` asks for it."""
    value = lowerer.operand(lowerer.value_of(predicate), None, node)
    if value.shape is None:
        raise uninitialized(value.buffer.source, op)
    check_predicate(op, value.shape)
    return value


def _test(lowerer, conditions, op):
    """(a boolean value, what it is where the conditions hold)."""
    if len(conditions) == 1:
        (condition,) = conditions
        if isinstance(condition, Condition):
            return truth_of(lowerer, condition.predicate, op), condition.branch
    for block in lowerer.open_blocks:
        known = lowerer.tests.get((id(block), conditions))
        if known is not None:
            return known[1], 1
    out = lowerer.allocate(dtypes.bool, ())
    part, holds = _largest_part(lowerer, conditions)
    if part:
        lowerer.append(Instr("copy", [holds], [out], (), lowerer.node_index(op)))
        _also(lowerer, lowerer.presence.in_order(conditions - part), out, op)
    else:
        _set(lowerer, lowerer.presence.in_order(conditions), out, op)
    lowerer.tests[id(lowerer.block), conditions] = lowerer.block, out  # the block is kept, so its id stays its own
    return out, 1


def _largest_part(lowerer, conditions):
    """(those of the conditions of which most have been looked at together here, whether they hold)."""
    blocks = set(map(id, lowerer.open_blocks))
    found = ALWAYS, None
    for (block, part), (_, holds) in lowerer.tests.items():
        if len(part) > len(found[0]) and block in blocks and part < conditions:
            found = part, holds
    return found


def _set(lowerer, conditions, out, op):
    """Sets `out` to whether conditions hold, one after the other: a predicate may be there only where those before it hold."""
    if not conditions:
        return _store(lowerer, True, out, op)
    condition, rest = conditions[0], conditions[1:]
    sides = [Block(), Block()]
    if isinstance(condition, Choice):
        parts = condition.when_false, condition.when_true
    else:
        parts = (ALWAYS, NEVER) if condition.branch == 0 else (NEVER, ALWAYS)
    value = truth_of(lowerer, condition.predicate, op)
    for block, part in zip(sides, parts):
        local = []
        with lowerer.region(local, block):
            if part is NEVER:
                _store(lowerer, False, out, op)
            else:
                inner = lowerer.presence.in_order(part)
                _set(lowerer, inner + rest if isinstance(condition, Condition) else inner, out, op)
        lowerer.leave(local)
    lowerer.append(If(value, sides[1], sides[0], lowerer.node_index(op)))
    if isinstance(condition, Choice) and rest:
        _also(lowerer, rest, out, op)


def _also(lowerer, conditions, out, op):
    """Sets `out` to whether other conditions hold too, where it is true."""
    local = []
    with lowerer.region(local) as block:
        more = lowerer.allocate(dtypes.bool, ())
        _set(lowerer, conditions, more, op)
        lowerer.append(Instr("copy", [more], [out], (), lowerer.node_index(op)))
    lowerer.leave(local)
    lowerer.append(If(out, block, Block(), lowerer.node_index(op)))


def _store(lowerer, truth, out, op):
    node = Node(op, None, [], lowerer.node_index(op))
    value = lowerer.operand(lowerer.literal(np.array(truth)), None, node)
    lowerer.append(Instr("copy", [value], [out], (), node.index))
