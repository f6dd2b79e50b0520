"""The pass for common subexpressions: an instruction that repeats an earlier one is dropped, and its readers read the first."""

from __future__ import annotations

from ..ir import ARENA, CONSTANT, FEED, VARIABLE, Instr, is_whole, walk
from .uses import CONTROL_KERNELS, instructions_of, regions_of, written_by

_MEMORY = frozenset((ARENA, CONSTANT, FEED, VARIABLE))


def share_equal(program):
    """Drops what an earlier instruction of the same block, or of a block around it, has computed already."""
    _Sharing(program).run()


class _Sharing:
    """One walk over the program.

    Attributes:
      writers: memory -> how many instructions write it.
      versions: memory that several write -> how often it may have been written up to here: reads of two versions differ.
      replaced: id(buffer) -> the buffer that holds the same values.
    """

    def __init__(self, program):
        self.program = program
        self.writers = {}
        for instr in walk(program.root):
            for value in written_by(instr):
                memory = value.buffer.memory
                self.writers[memory] = self.writers.get(memory, 0) + 1
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
            if self.replaced:
                for value in (*item.inputs, *item.outputs):
                    self._rename(value)
            repeatable = self._is_repeatable(item)
            first = seen.setdefault(self._key(item), item) if repeatable else item
            if first is item:
                kept.append(item)
                if not repeatable:  # what is, writes memory that no other instruction writes
                    self._count_writes(item)
            else:
                for old, new in zip(item.outputs, first.outputs):
                    self.replaced[id(old.buffer)] = new.buffer
        block.items = kept

    def _region(self, item, seen):
        for instr in instructions_of(item):  # a loop's body may read what its last iteration has written
            self._count_writes(instr)
        for region in regions_of(item):
            self._block(region, dict(seen))
        self._rename(item.predicate)
        for instr in instructions_of(item):
            self._count_writes(instr)

    def _count_writes(self, instr):
        for value in written_by(instr):
            memory = value.buffer.memory
            if value.buffer.kind == VARIABLE or self.writers[memory] > 1:
                self.versions[memory] = self.versions.get(memory, 0) + 1

    def _rename(self, value):
        if value.buffer is not None and id(value.buffer) in self.replaced:
            value.buffer = self.replaced[id(value.buffer)]

    def _key(self, item):
        versions = self.versions
        key = [item.kernel, item.params]
        for value in item.inputs:
            memory = value.buffer.memory
            key += memory, versions.get(memory), value.offset, value.shape, value.strides, id(value.dtype)
        for value in item.outputs:
            key += value.shape, id(value.dtype)
        return tuple(key)

    def _is_repeatable(self, item):
        if item.effect or item.defines or item.kernel in CONTROL_KERNELS or not item.outputs or not item.inputs:
            return False
        for value in item.inputs:
            if value.buffer.kind not in _MEMORY:
                return False
        for value in item.outputs:
            if value.buffer.kind != ARENA or self.writers[id(value.buffer)] != 1 or not is_whole(value):
                return False
        return True
