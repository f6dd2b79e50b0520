"""Conditionals in a loop whose branches give different ranks: what stands behind them is lowered once for each branch.

Ranks are part of a plan, and which branch is taken is another one in each iteration. So a plan has two ways from such a conditional to
the end of the loop's body, each with the ranks of one branch; what the body gives is joined there.
"""

from __future__ import annotations

from functools import partial

from .branch_values import ALWAYS
from .conditionals import give_results, joined
from .guards import around, own_checks, truth_of
from .ir import VARIABLE, If
from .node import Node
from .one_branch import continue_branches, source_of
from .order import ops_in
from .regions import IF


def is_continued(lowerer, unit):
    """Whether what is behind a unit is lowered once for each of its branches."""
    return unit.kind == IF and unit in lowerer.request.continued and source_of(unit.predicate) not in lowerer.taken


def lower_continued(lowerer, unit, rest, behind):
    """Lowers a conditional, and behind each of its branches what follows.

    Args:
      lowerer: the `Lowerer`.
      unit: the conditional.
      rest: the units behind it in its region.
      behind: function() that lowers these, and what comes behind the region where that is continued too.

    Returns:
      What `behind` gives, joined; None where it can be reached behind neither.
    """
    node = Node(unit.op, None, [], lowerer.node_index(unit.op))
    predicate, source = truth_of(lowerer, unit.predicate, unit.op), source_of(unit.predicate)
    before, superseded, environment = lowerer.superseded, {}, lowerer.environment
    blocks, ends = [], []
    lowerer.in_continued += 1
    for side, branch in ((1, unit.then), (0, unit.otherwise)):
        local = []
        lowerer.superseded, lowerer.environment, lowerer.taken[source] = dict(before), dict(environment), side
        with around(lowerer, unit.predicate), lowerer.region(local) as block, own_checks(lowerer, block):
            ends.append(lowerer.lower_region(branch.units, partial(_go_on, lowerer, unit, branch, side, node, behind)))
        lowerer.leave(local)
        superseded.update(lowerer.superseded)
        blocks.append(block)
    del lowerer.taken[source]
    lowerer.superseded, lowerer.environment = superseded, environment
    lowerer.in_continued -= 1
    for inner in (unit, *rest):
        lowerer.continued.update(ops_in(inner))
    values = _joined(lowerer, unit, ends, blocks, node)
    lowerer.append(If(predicate, *blocks, node.index))
    return values


def _go_on(lowerer, unit, branch, side, node, behind):
    give_results(lowerer, unit, branch, side, node)
    return behind()


def _joined(lowerer, unit, ends, blocks, node):
    if ends[0] is None or ends[1] is None:
        return ends[0] or ends[1]
    return [_joined_pair(lowerer, unit, pair, blocks, node) for pair in zip(*ends)]


def _joined_pair(lowerer, unit, pair, blocks, node):
    if pair[0] is None or pair[1] is None:
        return pair[0] or pair[1]
    if pair[0] is pair[1] and pair[0].buffer is not None and pair[0].buffer.kind != VARIABLE:
        return pair[0]
    if len(pair[0].shape) != len(pair[1].shape):
        enclosing = lowerer.enclosing[-1] or unit
        continue_branches(lowerer, enclosing, f"lead to different ranks: {pair[0]!r} and {pair[1]!r}")
    return joined(lowerer, pair, blocks, (ALWAYS, ALWAYS), node)


def not_lowered(tensor):
    """The error of who takes a value, outside, of what is lowered once for each branch."""
    return ValueError(
        f"{tensor.name!r} is behind a conditional in a loop whose branches have different ranks, and is taken outside of that loop or branch"
    )
