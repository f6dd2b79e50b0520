"""The pass that removes instructions whose results nobody reads."""

from __future__ import annotations

from ..ir import If, Instr, Loop, walk


def drop_unused(program):
    """Removes instructions whose results nobody reads."""
    live = {id(v.buffer) for v in program.results if v.buffer is not None}
    for instr in walk(program.root):
        if instr.effect:
            live.update(id(v.buffer) for v in instr.inputs if v.buffer is not None)
    _mark_predicates(program.root, live)
    changed = True
    instrs = list(walk(program.root))
    while changed:
        changed = False
        for instr in reversed(instrs):
            if instr.effect or any(id(v.buffer) in live for v in instr.outputs) or instr.defines:
                for value in (*instr.inputs, *instr.outputs):
                    if value.buffer is not None and id(value.buffer) not in live:
                        live.add(id(value.buffer))
                        changed = True
    _filter(program.root, lambda i: i.effect or i.defines or any(id(v.buffer) in live for v in i.outputs))


def _mark_predicates(block, live):
    for item in block.items:
        if isinstance(item, If):
            live.add(id(item.predicate.buffer))
            _mark_predicates(item.then, live)
            _mark_predicates(item.otherwise, live)
        elif isinstance(item, Loop):
            live.add(id(item.predicate.buffer))
            _mark_predicates(item.condition, live)
            _mark_predicates(item.body, live)


def _filter(block, keep):
    kept = []
    for item in block.items:
        if isinstance(item, Instr):
            if keep(item):
                kept.append(item)
            continue
        if isinstance(item, If):
            _filter(item.then, keep)
            _filter(item.otherwise, keep)
            if not item.then.items and not item.otherwise.items:
                continue
        else:
            _filter(item.condition, keep)
            _filter(item.body, keep)
        kept.append(item)
    block.items = kept
