"""The pass that moves what depends on constants alone to the prologue, which runs once a frame."""

from __future__ import annotations

from functools import cache

from ..ir import ARENA, CONSTANT, FOLDED, Instr, walk
from ..sizes import Size
from .uses import CONTROL_KERNELS

FOLD_LIMIT = 1 << 18  # elements of a constant worth keeping


def fold_constants(program):
    """What depends on constants alone is computed once a frame, in the plan's prologue."""
    folded = set()
    writers = cache(lambda: _writers_in(program.root))  # looked for where there is such an instruction
    prologue, rest = [], []
    for item in program.root.items:
        if isinstance(item, Instr) and _foldable(item, folded, writers):
            for value in item.outputs:
                value.buffer.kind = FOLDED
                folded.add(id(value.buffer))
            prologue.append(item)
        else:
            rest.append(item)
    program.prologue = prologue
    if prologue:
        program.root.items = rest


def _writers_in(block):
    found = {}
    for instr in walk(block):
        for value in instr.outputs:
            found.setdefault(id(value.buffer), []).append(instr)
    return found


def _foldable(item, folded, writers):
    if item.effect or item.defines or item.kernel in CONTROL_KERNELS or not item.outputs:
        return False
    for value in item.inputs:
        if value.buffer.kind != CONSTANT and id(value.buffer) not in folded:
            return False
        if any(isinstance(s, Size) for s in (*value.shape, *(value.strides or ()), value.offset)):
            return False
    for value in item.outputs:
        size = value.buffer.size
        if isinstance(size, Size) or size > FOLD_LIMIT or value.buffer.kind != ARENA:
            return False
        if any(isinstance(d, Size) for d in value.shape):
            return False
        if any(w is not item for w in writers()[id(value.buffer)]):
            return False
    return True
