"""The pass that removes instructions whose results nobody reads, and the second results of some that others read the first of."""

from __future__ import annotations

from ..ir import Instr, Loop, walk
from .uses import Uses, kernels_of, regions_of

_SECOND_IS_OPTIONAL = frozenset(("top_k",))  # kernels that may be without their second output


def drop_unused(program):
    """Removes instructions whose results nobody reads."""
    live = {id(v.buffer) for v in program.results if v.buffer is not None}
    loops = _mark_predicates(program.root, live)
    instrs = list(walk(program.root))
    wanted: set[int] = set()
    while _mark(reversed(instrs), live, wanted) and loops:
        pass  # what a loop's body reads may be written further down in it
    if len(wanted) < len(instrs):
        _filter(program.root, wanted)
    if not kernels_of(program).isdisjoint(_SECOND_IS_OPTIONAL):
        _drop_second_outputs(program)


def _drop_second_outputs(program):
    uses = Uses.of(program)
    for instr in walk(program.root):
        if instr.kernel in _SECOND_IS_OPTIONAL and len(instr.outputs) == 2:
            second = instr.outputs[1].buffer
            if not uses.readers(second) and id(second) not in uses.kept and uses.only_writer(instr.outputs[1]) is instr:
                uses.refresh(instr, lambda instr=instr: instr.outputs.pop())


def _mark(backwards, live, wanted):
    """Marks the instructions that are wanted and what they touch; whether there were any new ones."""
    before = len(wanted)
    for instr in backwards:
        if before and id(instr) in wanted:
            continue
        if not instr.effect and not instr.defines:
            for value in instr.outputs:
                if id(value.buffer) in live:
                    break
            else:
                continue
        wanted.add(id(instr))
        for values in (instr.inputs, instr.outputs):
            for value in values:
                live.add(id(value.buffer))
    return len(wanted) > before


def _mark_predicates(block, live):
    """Marks what conditionals and loops read; whether there is a loop."""
    loops = False
    for item in block.items:
        if not isinstance(item, Instr):
            live.add(id(item.predicate.buffer))
            loops |= isinstance(item, Loop)
            for region in regions_of(item):
                loops |= _mark_predicates(region, live)
    return loops


def _filter(block, wanted):
    kept = []
    for item in block.items:
        if isinstance(item, Instr):
            if id(item) in wanted:
                kept.append(item)
            continue
        for region in regions_of(item):
            _filter(region, wanted)
        if isinstance(item, Loop) or item.then.items or item.otherwise.items:
            kept.append(item)
    block.items = kept
