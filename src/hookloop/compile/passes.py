"""The passes over the instructions, in the order they run. Each is small and has its own test."""

from __future__ import annotations

from .ir import ARENA, CONSTANT, FEED, FOLDED, If, Instr, Loop, walk
from .sizes import Size

_FOLD_LIMIT = 1 << 18  # elements of a constant worth keeping
_CONTROL = frozenset(("resize", "load_sizes", "store_sizes", "copy_sizes", "host", "stack_push", "stack_pop",
                      "stack_sizes", "reshape_variable", "mark_initialized", "check_initialized"))  # fmt: skip


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


def share_equal(program):
    """Common subexpressions: an instruction of the root block that repeats an earlier one is dropped."""
    seen = {}
    replaced = {}
    writers = {}
    for instr in walk(program.root):
        for value in instr.outputs:
            if value.buffer is not None:
                writers[id(value.buffer)] = writers.get(id(value.buffer), 0) + 1
    kept = []
    for item in program.root.items:
        if isinstance(item, Instr):
            _rename(item, replaced)
            if _repeatable(item, writers, program):
                key = (
                    item.kernel,
                    item.params,
                    tuple(_place(v) for v in item.inputs),
                    tuple(_form(v) for v in item.outputs),
                )
                first = seen.setdefault(key, item)
                if first is not item:
                    for old, new in zip(item.outputs, first.outputs):
                        replaced[id(old.buffer)] = new.buffer
                    continue
        elif replaced:
            _rename_region(item, replaced)
        kept.append(item)
    program.root.items = kept
    for value in program.results:
        if value.buffer is not None and id(value.buffer) in replaced:
            value.buffer = replaced[id(value.buffer)]


def _repeatable(item, writers, program):
    if item.effect or item.defines or item.kernel in _CONTROL or not item.outputs or not item.inputs:
        return False
    if any(v.buffer.kind not in (ARENA, CONSTANT, FEED) or writers.get(id(v.buffer), 0) > 1 for v in item.inputs):
        return False  # variables may be written in between
    if any(id(v.buffer) in program.streams for v in item.inputs):
        return False
    return all(
        v.buffer.kind == ARENA and writers[id(v.buffer)] == 1 and v.strides is None and _whole(v) for v in item.outputs
    )


def _whole(value):
    size = value.size
    return size is value.buffer.size if isinstance(size, Size) else size == value.buffer.size


def _rename(item, replaced):
    for value in (*item.inputs, *item.outputs):
        if value.buffer is not None and id(value.buffer) in replaced:
            value.buffer = replaced[id(value.buffer)]


def _rename_region(item, replaced):
    predicate = item.predicate
    if id(predicate.buffer) in replaced:
        predicate.buffer = replaced[id(predicate.buffer)]
    for block in (item.then, item.otherwise) if isinstance(item, If) else (item.condition, item.body):
        for instr in walk(block):
            _rename(instr, replaced)
        for inner in block.items:
            if not isinstance(inner, Instr):
                _rename_region(inner, replaced)


def _dim(d):
    return id(d) if isinstance(d, Size) else int(d)


def _place(value):
    strides = None if value.strides is None else tuple(_dim(s) for s in value.strides)
    return id(value.buffer), _dim(value.offset), tuple(_dim(d) for d in value.shape), strides, value.dtype.name


def _form(value):
    return tuple(_dim(d) for d in value.shape), value.dtype.name


def fold_constants(program):
    """What depends on constants alone is computed once a frame, in the plan's prologue."""
    folded = set()
    writers = {}
    for instr in walk(program.root):
        for value in instr.outputs:
            writers.setdefault(id(value.buffer), []).append(instr)
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
    program.root.items = rest


def _foldable(item, folded, writers):
    if item.effect or item.defines or item.kernel in _CONTROL or not item.outputs:
        return False
    for value in item.inputs:
        if value.buffer.kind != CONSTANT and id(value.buffer) not in folded:
            return False
        if any(isinstance(d, Size) for d in value.shape):
            return False
    for value in item.outputs:
        size = value.buffer.size
        if isinstance(size, Size) or size > _FOLD_LIMIT or value.buffer.kind != ARENA:
            return False
        if any(isinstance(d, Size) for d in value.shape):
            return False
        if any(w is not item for w in writers[id(value.buffer)]):
            return False
    return True


PASSES = (drop_unused, share_equal, fold_constants)

__all__ = ["PASSES", "drop_unused", "fold_constants", "share_equal"]
