"""The pass for what a loop computes anew in each iteration though nothing of it changes: it is computed once, before the loop.

What can fail, has an effect or whose sizes change in the loop stays: a loop of no iteration must not fail for it.
"""

from __future__ import annotations

from ..ir import ARENA, CONSTANT, FEED, FOLDED, VARIABLE, Instr, Loop, is_whole
from ..sizes import Size
from .uses import CONTROL_KERNELS, Uses, instructions_of, regions_of, written_by

_READABLE = frozenset((ARENA, CONSTANT, FOLDED, FEED, VARIABLE))


def hoist_invariants(program):
    """Moves instructions out of loops, those of inner loops first."""
    if not _has_loop(program.root):
        return
    _Hoisting(program).block(program.root)


def _has_loop(block):
    return any(
        not isinstance(item, Instr) and (isinstance(item, Loop) or any(map(_has_loop, regions_of(item))))
        for item in block.items
    )


class _Hoisting:
    def __init__(self, program):
        self.uses = Uses.of(program)
        self.nodes = program.nodes

    def block(self, block):
        items = []
        for item in block.items:
            if not isinstance(item, Instr):
                for region in regions_of(item):
                    self.block(region)
                if isinstance(item, Loop):
                    items += self._taken_out(item)
            items.append(item)
        block.items = items

    def _taken_out(self, loop):
        """The invariant instructions of a loop, which no longer stand in it."""
        written: dict = {}
        for instr in instructions_of(loop):
            for value in written_by(instr):
                memory = value.buffer.memory
                written[memory] = written.get(memory, 0) + 1
        taken = []
        for region in regions_of(loop):
            kept = []
            for item in region.items:
                if isinstance(item, Instr) and self._is_invariant(item, written):
                    taken.append(item)
                    item.note("hoist_invariants", "is the same in each iteration of a loop")
                    for value in item.outputs:
                        del written[value.buffer.memory]
                else:
                    kept.append(item)
            region.items = kept
        return taken

    def _is_invariant(self, instr, written):
        if (
            instr.effect
            or instr.defines
            or instr.kernel in CONTROL_KERNELS
            or not instr.outputs
            or self._can_fail(instr)
        ):
            return False
        for value in (*instr.inputs, *instr.outputs):
            sizes = (*value.shape, *(value.strides or ()), value.offset)
            if any(isinstance(size, Size) and size.group for size in sizes):
                return False
        for value in instr.inputs:
            if value.buffer.kind not in _READABLE or value.buffer.memory in written:
                return False
            if value.buffer.kind == VARIABLE and any(isinstance(d, Size) for d in value.shape):
                return False  # it may have no memory yet
        return all(self._is_own(value) for value in instr.outputs)

    def _is_own(self, value):
        """Whether nobody but the instruction itself writes its result."""
        buffer = value.buffer
        return buffer.kind == ARENA and is_whole(value) and len(self.uses.writers(buffer)) == 1

    def _can_fail(self, instr):
        op_def = self.nodes[instr.node].op_def if 0 <= instr.node < len(self.nodes) else None
        return op_def is not None and op_def.can_fail
