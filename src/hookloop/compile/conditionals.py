"""Lowering of conditionals: each branch in a block of its own, its results moved to common buffers.

Where the branches' results have different ranks, the plan has one branch alone: which, it assumes as it assumes the ranks of host
ops' results. A call whose result has a rank that says which branch is taken makes a step start again where it is the other one.
"""

from __future__ import annotations

import weakref
from contextlib import contextmanager

import numpy as np

from .. import errors
from ..ops.branch_taken import branch_taken
from ..ops.variable_key import VARIABLES
from .branch_values import not_there
from .host import NO_VALUE, call_host, lower_host
from .ir import OBJECT, VARIABLE, Block, Buffer, If, Instr, Value, same_shape
from .node import Node, NodeContext


def lower_if(lowerer, unit):
    """Lowers a conditional; returns whether the end of one of its branches can be reached."""
    index = lowerer.node_index(unit.op)
    node = Node(unit.op, None, [], index)
    predicate = lowerer.operand(lowerer.value_of(unit.predicate), None, node)
    if predicate.shape != ():
        text = f"the predicate of a cond must be a scalar, got rank {len(predicate.shape)}"
        raise errors.InvalidArgumentError(None, unit.op, f"{text} [in {unit.op.type} {unit.op.name!r}]")
    side = _decided(lowerer, unit, predicate)
    if side is not None:
        return _lower_taken(lowerer, unit, side, node)
    blocks, results, ends = [], [], []
    before, superseded = lowerer.superseded, {}
    for side, branch in ((1, unit.then), (0, unit.otherwise)):
        local = []
        lowerer.superseded = dict(before)
        with _around(lowerer, unit), lowerer.region(local) as block, _own_checks(lowerer, block):
            reached = lowerer.lower_units(branch.units)
            taken = zip(branch.results, unit.merges)
            results.append(
                [
                    None if t is None or not reached else lowerer.settled(lowerer.value_of(t, (m, side)), node)
                    for t, m in taken
                ]
            )
            ends.append(reached)
        lowerer.leave(local)
        superseded.update(lowerer.superseded)
        blocks.append(block)
    lowerer.superseded = superseded
    merged = [
        _merge(lowerer, unit, tensor, then_value, else_value, blocks, node)
        for then_value, else_value, tensor in zip(*results, unit.outputs)
    ]
    lowerer.append(If(predicate, *blocks, index))
    for tensor, value in zip(unit.outputs, merged):
        lowerer.environment[tensor] = value
    for merge in unit.merges:
        if _tells_branch(lowerer, merge):
            lowerer.environment[merge.outputs[1]] = _branch_index(lowerer, merge, predicate, node)
    return any(ends)


@contextmanager
def _around(lowerer, unit):
    """Notes which conditional what is lowered stands in."""
    lowerer.around.append(unit.predicate)
    try:
        yield
    finally:
        lowerer.around.pop()


@contextmanager
def _own_checks(lowerer, block):
    """Checks of sizes that are made in a branch are a group of their own, worked out where the branch begins."""
    sizes = lowerer.sizes
    outer, sizes.branch, first = sizes.branch, sizes.new_group(), len(block.items)
    try:
        yield
    finally:
        if sizes.operations[sizes.branch]:
            block.items.insert(first, Instr("resize", (), (), (sizes.branch,), effect=True))
        sizes.branch = outer


def _tells_branch(lowerer, merge):
    """Whether somebody wants to know which input a Merge took."""
    index = merge.outputs[1]
    return bool(index._consumers) or index in lowerer.request.fetches


def _branch_index(lowerer, merge, predicate, node):
    """Which input a Merge took: the predicate itself, since branch 1 is the true one."""
    out = lowerer.allocate(merge.outputs[1].dtype.base_dtype, ())
    lowerer.append(Instr("cast", [predicate], [out], (), node.index))
    return out


def _merge(lowerer, unit, tensor, then_value, else_value, blocks, node):
    """One buffer for a result; each branch copies its own value there."""
    if then_value is None or else_value is None:  # only read where that branch was taken: no need of a copy
        return then_value or else_value
    if then_value is else_value and then_value.buffer is not None and then_value.buffer.kind != VARIABLE:
        return then_value
    if len(then_value.shape) != len(else_value.shape):
        predicates = [*lowerer.around, unit.predicate]
        if lowerer.depth == len(lowerer.around):  # the first is decided first: then the next is in no branch
            raise DecideBranch(_source(predicates[0]))
        for source in map(_source, predicates):  # in a loop, of what is the same in each iteration
            if source.op._control_flow_context is None and source not in lowerer.request.decided:
                raise DecideBranch(source)
        raise ValueError(
            f"in a loop that decides which is taken, the branches of {unit.op.name!r} give {tensor.name!r} different ranks: {then_value!r} and {else_value!r}"
        )
    fresh, shape, group = [], [], None
    for a, b in zip(then_value.shape, else_value.shape):
        if same_shape((a,), (b,)):
            shape.append(a)
        else:
            group = lowerer.sizes.new_group() if group is None else group
            fresh.append((lowerer.sizes.fresh(group), a, b))
            shape.append(fresh[-1][0])
    if lowerer.is_object(tensor):
        out = Value(then_value.dtype, tuple(shape), Buffer(OBJECT, then_value.dtype, 1, ("merge", tensor)))
    else:
        out = lowerer.allocate(then_value.dtype, tuple(shape))
    for side, value in enumerate((then_value, else_value)):
        _deliver(lowerer, blocks[side], [(entry[0], entry[1 + side]) for entry in fresh], value, out, node)
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


def _deliver(lowerer, block, sizes, value, out, node):
    """In the branch's block: sets the sizes that the branches do not share, then moves the value."""
    local = []
    with lowerer.region(local, block):
        lowerer.copy_sizes([(source, size) for size, source in sizes], node)
        lowerer.move(value, out, node)
    lowerer.leave(local)


def require_branch(lowerer, op, predicate, branch):
    """Ends the run where the branch was not taken that `op`, outside of it, takes a value of."""
    node = Node(op, None, [], lowerer.node_index(op))
    value = lowerer.operand(lowerer.value_of(predicate), None, node)
    sides = [Block(), Block()]
    with lowerer.region([], sides[1 - branch]):
        call_host(lowerer, not_there(op, predicate, branch), node=node.index)
    lowerer.append(If(value, sides[1], sides[0], node.index))


# --- one branch alone -------------------------------------------------------------------------------------------


class DecideBranch(Exception):
    """A plan is wanted in which the conditionals on a predicate have the branch alone that is taken."""

    def __init__(self, predicate):
        super().__init__(f"the value of {predicate.name!r} decides the plan's structure")
        self.predicate = predicate


# Predicate -> the op that says which branch is taken: what a session remembers of a result's shape, it remembers by the op's output.
_takers = weakref.WeakKeyDictionary()


def _source(tensor):
    """A predicate where it is made: loops have it through what carries it in, gradients also out of a branch and into another, or
    from a stack that the loop has saved it on."""
    while tensor is not None:
        found, tensor = tensor, _carried(tensor.op)
    return found


def _carried(op):
    """The value that an operation hands on as it is, or None."""
    if op.type == "StackPopV2":
        return _saved(op.inputs[0])
    carries = op.type == "Switch"
    if op.type == "Identity":
        carries = op.inputs[0].op.type not in VARIABLES  # which may have another value where it is read again
    elif op.type == "Merge":
        carries = len(op.inputs) == 1
    elif op.type == "Enter":
        carries = op.get_attr("is_constant")
    return op.inputs[0] if carries else None


def _saved(handle):
    """What is put on a stack."""
    while handle.op.type in ("Enter", "Switch"):
        handle = handle.op.inputs[0]
    handles = [handle]
    for handle in handles:
        for op in handle._consumers:
            if op.type == "StackPushV2":
                return op.inputs[1]
            if op.type in ("Enter", "Switch"):
                handles += op.outputs
    return None


def _decided(lowerer, unit, predicate):
    """The branch that a plan of one branch takes for granted, 1 or 0; None where the plan has both."""
    source = _source(unit.predicate)
    if source not in lowerer.request.decided:
        return None
    if source not in lowerer.taken:
        if lowerer.depth:
            return None
        _decide(lowerer, source, predicate, unit.op)
    return lowerer.taken[source]


def decide_before_loop(lowerer, unit):
    """Looks which branch is taken of conditionals in a loop whose predicates are made before it."""
    for source in lowerer.request.decided if lowerer.depth == 0 else ():
        value = lowerer.environment.get(source)
        if value is not None and source not in lowerer.taken:
            predicate = lowerer.operand(value, None, Node(unit.op, None, [], lowerer.node_index(unit.op)))
            _decide(lowerer, source, predicate, unit.op)


def _decide(lowerer, source, predicate, op):
    taker = _takers.get(source)
    if taker is None:
        taker = _takers[source] = branch_taken(op.name)
    node = Node(taker, taker.op_def, [predicate], lowerer.node_index(taker))
    lower_host(lowerer, node, NodeContext(node, lowerer))
    lowerer.taken[source] = lowerer.request.assumed_rank(taker.outputs[0])


def _unread(lowerer, tensor):
    """What stands for a value of the branch that is not taken: only that branch of other conditionals reads it."""
    dtype = tensor.dtype.base_dtype
    if lowerer.is_object(tensor):
        return Value(dtype, (), Buffer(OBJECT, dtype, 1, NO_VALUE))
    return lowerer.literal(np.zeros((), dtype.as_numpy_dtype))


def _lower_taken(lowerer, unit, side, node):
    branch = unit.then if side else unit.otherwise
    with _own_checks(lowerer, lowerer.block):  # behind the call that looks whether the branch is the one
        return _lower_branch(lowerer, unit, branch, side, node)


def _lower_branch(lowerer, unit, branch, side, node):
    if not lowerer.lower_units(branch.units):
        return False
    for result, merge, tensor in zip(branch.results, unit.merges, unit.outputs):
        if result is None:
            lowerer.environment[tensor] = _unread(lowerer, tensor)
            continue
        value = lowerer.settled(lowerer.value_of(result, (merge, side)), node)
        if value.buffer is not None and value.buffer.kind == VARIABLE:
            lowerer.require(value.buffer.source, merge)
            value = lowerer._copy(value, node)
        lowerer.environment[tensor] = value
        if _tells_branch(lowerer, merge):
            lowerer.environment[merge.outputs[1]] = lowerer.literal(np.int32(side))
    return True
