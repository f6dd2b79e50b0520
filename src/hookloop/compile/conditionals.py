"""Lowering of conditionals: each branch in a block of its own, its results moved to common buffers.

Where the branches' results have different ranks, the plan has one branch alone (one_branch.py).
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..dtypes import int32, int64
from ..graph.describe import uninitialized
from ..ops.control_flow_nodes import branch_results
from .branch_values import NEVER
from .guards import around, guarded, own_checks, truth_of, undecided
from .host import NO_VALUE
from .ir import OBJECT, VARIABLE, Buffer, If, Instr, Value, same_shape
from .node import Node
from .one_branch import DecideBranch, continue_branches, decided, enclosed, refuse_branch, to_decide


def lower_if(lowerer, unit):
    """Lowers a conditional; returns whether the end of one of its branches can be reached."""
    index = lowerer.node_index(unit.op)
    node = Node(unit.op, None, [], index)
    predicate = truth_of(lowerer, unit.predicate, unit.op)
    side = decided(lowerer, unit, predicate)
    if side is not None:
        return _lower_taken(lowerer, unit, side, node)
    blocks, results, ends = [], [], []
    before, superseded = lowerer.superseded, {}
    for side, branch in ((1, unit.then), (0, unit.otherwise)):
        local = []
        lowerer.superseded = dict(before)
        with (
            around(lowerer, unit.predicate),
            enclosed(lowerer, unit),
            lowerer.region(local) as block,
            own_checks(lowerer, block),
        ):
            found = lowerer.lower_region(branch.units, partial(_results, lowerer, unit, branch, side, node))
            results.append(found or [None] * len(unit.merges))
            ends.append(found is not None)
        lowerer.leave(local)
        superseded.update(lowerer.superseded)
        blocks.append(block)
    lowerer.superseded = superseded
    merged = [
        _merge(lowerer, unit, place, then_value, else_value, blocks, node)
        for place, (then_value, else_value) in enumerate(zip(*results))
    ]
    lowerer.append(If(predicate, *blocks, index))
    for tensor, value in zip(unit.outputs, merged):
        if value is not None:
            lowerer.environment[tensor] = value
    for merge in unit.merges:
        if _tells_branch(lowerer, merge):
            lowerer.environment[merge.outputs[1]] = _branch_index(lowerer, merge, predicate, node)
    return any(ends)


def _results(lowerer, unit, branch, side, node):
    """What a branch gives, at its end."""
    taken = zip(branch.results, unit.merges)
    return [None if t is None else lowerer.settled(lowerer.value_of(t, (m, side)), node) for t, m in taken]


def _tells_branch(lowerer, merge):
    """Whether somebody wants to know which input a Merge took."""
    index = merge.outputs[1]
    return bool(index._consumers) or index in lowerer.request.fetches


def _branch_index(lowerer, merge, predicate, node):
    """Which input a Merge took: the predicate itself where that of the true branch is the second, as the graph's conditionals have it."""
    places = [merge.inputs.index(result) if result is not None else 0 for result in branch_results(merge)]
    if places[0] == places[1]:
        return lowerer.literal(np.int32(0))
    out = lowerer.allocate(merge.outputs[1].dtype.base_dtype, ())
    if places == [1, 0]:
        turned = lowerer.allocate(predicate.dtype, ())
        lowerer.append(Instr("logical_not", [predicate], [turned], (), node.index))
        predicate = turned
    lowerer.append(Instr("cast", [predicate], [out], (), node.index))
    return out


def _merge(lowerer, unit, place, then_value, else_value, blocks, node):
    """One buffer for the result at a place; each branch copies its own value there."""
    tensor = unit.outputs[place]
    if then_value is None or else_value is None:  # only read where that branch was taken: no need of a copy
        return then_value or else_value
    if then_value is else_value and then_value.buffer is not None and then_value.buffer.kind != VARIABLE:
        return then_value
    if _ranks_differ((then_value, else_value)):
        decisive = to_decide(lowerer, [*lowerer.around, unit.predicate])
        if decisive is not None:
            raise DecideBranch(decisive)
        continue_branches(lowerer, unit, f"give {tensor.name!r} different ranks: {then_value!r} and {else_value!r}")
    missing = [lowerer.presence.missing_in(b.results[place], b.context) for b in (unit.then, unit.otherwise)]
    out = joined(lowerer, (then_value, else_value), blocks, missing, node)
    if len(out.shape) == 1 and out.dtype in (int32, int64) and not same_shape(then_value.shape, else_value.shape):
        _note_length(lowerer, unit, out.shape[0])
    return out


def _ranks_differ(values):
    """Whether values have no rank in common; a variable of open rank has none before its first value."""
    ranks = [None if value.shape is None else len(value.shape) for value in values]
    return None in ranks or len(set(ranks)) > 1


def _note_length(lowerer, unit, length):
    """A list whose length depends on the branch may be sizes: what is made of so many has a rank for each branch."""
    decisive = to_decide(lowerer, [*lowerer.around, unit.predicate])
    if decisive is not None:
        lowerer.branch_lengths.update(dict.fromkeys(lowerer.sizes.atoms_of(length), decisive))


def joined(lowerer, values, blocks, missing, node):
    """One buffer for the values at the ends of two blocks, each of which is moved where what it misses is there."""
    fresh, shape, group = [], [], None
    for a, b in zip(*(value.shape for value in values)):
        if same_shape((a,), (b,)):
            shape.append(a)
        else:
            group = lowerer.sizes.new_group() if group is None else group
            fresh.append((lowerer.sizes.fresh(group), a, b))
            shape.append(fresh[-1][0])
    dtype = values[0].dtype
    if any(value.buffer is not None and value.buffer.kind == OBJECT for value in values) or lowerer.holds_objects(
        dtype
    ):
        out = Value(dtype, tuple(shape), Buffer(OBJECT, dtype, 1, ("merge", node.op)))
    else:
        out = lowerer.allocate(dtype, tuple(shape))
    for side, value in enumerate(values):
        sizes = [(entry[0], entry[1 + side]) for entry in fresh]
        _deliver(lowerer, blocks[side], sizes, value, out, node, missing[side])
    return out


def _only_reader(lowerer, unit, tensor):
    """The branch (1, 0) in which alone a result is read, by a conditional on the same predicate; or None."""
    predicate = lowerer.environment.get(unit.predicate)
    sides = set()
    for op in tensor._consumers:
        if op.type != "Switch" or op.inputs[0] is not tensor:
            return None
        other = lowerer.environment.get(op.inputs[1])
        if other is None and op.inputs[1].op.type == "Identity":
            other = lowerer.environment.get(op.inputs[1].op.inputs[0])
        if other is not predicate or tensor in lowerer.request.fetches:
            return None
        sides |= {output.value_index for output in op.outputs if output._consumers}
    return sides.pop() if len(sides) == 1 else None


def _deliver(lowerer, block, sizes, value, out, node, missing):
    """In the branch's block: sets the sizes that the branches do not share, then moves the value, where it is there."""
    local = []
    with lowerer.region(local, block), guarded(lowerer, missing, node.op):
        lowerer.copy_sizes([(given, size) for size, given in sizes], node)
        lowerer.move(value, out, node)
    lowerer.leave(local)


# --- any values, of which one is there ---------------------------------------------------------------------------


def lower_choice(lowerer, merge):
    """Lowers a Merge that a program has made: what it takes is the first of its inputs that is there."""
    node = Node(merge, None, [], lowerer.node_index(merge))
    around = merge._control_flow_context
    missing = [undecided(lowerer, lowerer.presence.missing_in(tensor, around), merge) for tensor in merge.inputs]
    inputs = []
    for place, (tensor, conditions) in enumerate(zip(merge.inputs, missing)):
        if conditions is not NEVER:
            inputs.append((place, lowerer.value_of(tensor, (merge, place)), conditions))
        if not conditions:
            break
    out, sizes = _common(lowerer, merge, [value for _, value, _ in inputs], [c for _, _, c in inputs])
    index = lowerer.allocate(merge.outputs[1].dtype.base_dtype, ()) if _tells_branch(lowerer, merge) else None
    for (place, value, conditions), given in reversed(list(zip(inputs, sizes))):  # the first is the last to be written
        local = []
        with guarded(lowerer, conditions, merge), lowerer.region(local, lowerer.block):
            lowerer.copy_sizes(given, node)
            lowerer.move(lowerer.settled(value, node), out, node)
            if index is not None:
                lowerer.move(lowerer.literal(np.int32(place)), index, node)
        lowerer.leave(local)
    lowerer.environment.update(zip(merge.outputs, (out, index) if index is not None else (out,)))


def _common(lowerer, merge, values, conditions):
    """(a buffer that each of some values can be moved to, the sizes to be set before each is: pairs of what it has and a register)."""
    first = values[0]
    if _ranks_differ(values):
        asked = lowerer.presence.in_order(frozenset().union(*conditions))
        decisive = to_decide(lowerer, [*lowerer.around, asked[0].predicate])
        if decisive is not None:
            raise DecideBranch(decisive)
        shapes = " and ".join(repr(value) for value in values)
        raise ValueError(f"the values that {merge.name!r} chooses from have different ranks: {shapes}")
    group, shape, sizes = None, [], [[] for _ in values]
    for axis, dim in enumerate(first.shape):
        if not all(same_shape((dim,), (value.shape[axis],)) for value in values):
            group = lowerer.sizes.new_group() if group is None else group
            dim = lowerer.sizes.fresh(group)
            for given, value in zip(sizes, values):
                given.append((value.shape[axis], dim))
        shape.append(dim)
    if lowerer.is_object(merge.outputs[0]):
        return Value(first.dtype, tuple(shape), Buffer(OBJECT, first.dtype, 1, ("merge", merge.outputs[0]))), sizes
    return lowerer.allocate(first.dtype, tuple(shape)), sizes


# --- one branch alone -------------------------------------------------------------------------------------------


def _unread(lowerer, tensor):
    """What stands for a value of the branch that is not taken: only that branch of other conditionals reads it."""
    dtype = tensor.dtype.base_dtype
    if lowerer.is_object(tensor):
        return Value(dtype, (), Buffer(OBJECT, dtype, 1, NO_VALUE))
    return lowerer.literal(np.zeros((), dtype.as_numpy_dtype))


def _lower_taken(lowerer, unit, side, node):
    branch = unit.then if side else unit.otherwise
    with own_checks(lowerer, lowerer.block):  # behind the call that looks whether the branch is the one
        return _lower_branch(lowerer, unit, branch, side, node)


def _lower_branch(lowerer, unit, branch, side, node):
    if not lowerer.lower_units(branch.units):
        return False
    give_results(lowerer, unit, branch, side, node)
    return True


def give_results(lowerer, unit, branch, side, node):
    """The results of a conditional are those of one branch."""
    for result, merge, tensor in zip(branch.results, unit.merges, unit.outputs):
        if result is None:
            lowerer.environment[tensor] = _unread(lowerer, tensor)
            continue
        value = lowerer.settled(lowerer.value_of(result, (merge, side)), node)
        if value.buffer is not None and value.buffer.kind == VARIABLE:
            if value.shape is None:
                refuse_branch(lowerer, unit, side, uninitialized(value.buffer.source, merge))
            lowerer.require(value.buffer.source, merge)
            value = lowerer._copy(value, node)
        lowerer.environment[tensor] = value
        if _tells_branch(lowerer, merge):
            lowerer.environment[merge.outputs[1]] = lowerer.literal(np.int32(merge.inputs.index(result)))
