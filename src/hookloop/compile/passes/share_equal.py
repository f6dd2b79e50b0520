"""The pass for common subexpressions: an instruction that repeats an earlier one is dropped, and its readers read the first."""

from __future__ import annotations

from ..ir import ARENA, CONSTANT, FEED, VARIABLE, Instr
from .uses import (
    CONTROL_KERNELS,
    Uses,
    form_key,
    instructions_of,
    is_whole,
    memory_of,
    place_key,
    regions_of,
    written_by,
)

_MEMORY = frozenset((ARENA, CONSTANT, FEED, VARIABLE))


def share_equal(program):
    """Drops what an earlier instruction of the same block, or of a block around it, has computed already."""
    _Sharing(program).run()


class _Sharing:
    """One walk over the program.

    Attributes:
      versions: memory -> how often it may have been written up to here: reads of two versions differ.
      replaced: id(buffer) -> the buffer that holds the same values.
    """

    def __init__(self, program):
        self.program = program
        self.uses = Uses(program)
        self.versions = {}
        self.replaced = {}

    def run(self):
        self._block(self.program.root, {})
        for value in self.program.results:
            self._rename(value)

    def _block(self, block, seen):
        kept = []
        for item in block.items:
            if not isinstance(item, Instr):
                self._region(item, seen)
                kept.append(item)
                continue
            for value in (*item.inputs, *item.outputs):
                self._rename(value)
            first = seen.setdefault(self._key(item), item) if self._repeatable(item) else item
            if first is item:
                kept.append(item)
                self._count_writes(item)
            else:
                for old, new in zip(item.outputs, first.outputs):
                    self.replaced[id(old.buffer)] = new.buffer
        block.items = kept

    def _region(self, item, seen):
        self._count_writes(item)  # a loop's body may read what its last iteration has written
        for region in regions_of(item):
            self._block(region, dict(seen))
        self._rename(item.predicate)
        self._count_writes(item)

    def _count_writes(self, item):
        for instr in instructions_of(item):
            for value in written_by(instr):
                memory = memory_of(value.buffer)
                self.versions[memory] = self.versions.get(memory, 0) + 1

    def _rename(self, value):
        if value.buffer is not None and id(value.buffer) in self.replaced:
            value.buffer = self.replaced[id(value.buffer)]

    def _key(self, item):
        inputs = []
        for value in item.inputs:
            memory = memory_of(value.buffer)
            inputs.append((memory, self.versions.get(memory, 0), *place_key(value)[1:]))
        return item.kernel, item.params, tuple(inputs), tuple(map(form_key, item.outputs))

    def _repeatable(self, item):
        if item.effect or item.defines or item.kernel in CONTROL_KERNELS or not item.outputs or not item.inputs:
            return False
        return all(v.buffer.kind in _MEMORY for v in item.inputs) and all(
            v.buffer.kind == ARENA and is_whole(v) and len(self.uses.writers(v.buffer)) == 1 for v in item.outputs
        )
