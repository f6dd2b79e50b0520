"""The pass for variables that are changed by what elementwise instructions make: an average that moves, a decayed sum.

A sum or difference that is assigned to its own first operand becomes a sum and an assignment, so that the chain that makes the
second operand takes the sum in (`fuse_elementwise`) and its last step writes the variable (`assign_in_place`).
"""

from __future__ import annotations

from ..ir import ARENA, VARIABLE, Buffer, Instr, Value, same_shape
from .fuse_elementwise import is_elementwise
from .uses import Uses, is_whole, kernels_of

_SUMS = {"assign_add": "add", "assign_sub": "sub"}


def split_updates(program):
    """Takes updates of variables apart where an elementwise instruction makes what is added."""
    if kernels_of(program).isdisjoint(_SUMS):
        return
    uses = Uses.of(program)
    for item in program.root.items:
        if isinstance(item, Instr) and item.kernel in _SUMS:
            _split(uses, program.root, item)
    uses.finish(program.root)


def _split(uses, block, item):
    variable, value = item.inputs
    if variable.buffer.kind != VARIABLE or value.buffer.kind != ARENA or not is_whole(variable) or not is_whole(value):
        return
    if value.dtype is not variable.dtype or not same_shape(value.shape, variable.shape):
        return
    made = uses.only_writer(value)
    if made is None or uses.only_reader(value) is not item or uses.block_of[id(made)] is not block:
        return
    if not is_elementwise(made):
        return
    total = Value(value.dtype, value.shape, Buffer(ARENA, value.dtype, value.buffer.size, shape=value.shape))
    added = Instr(_SUMS[item.kernel], item.inputs, [total], (), item.node, overwrites=(0, 1), views="any")
    if not is_elementwise(added):
        return  # the kernel does not know the type
    assigned = Instr("assign", [variable, total], (), (), item.node, effect=True)
    assigned.writes_variable = True
    added.notes = item.notes
    uses.replace(item, added, assigned)
