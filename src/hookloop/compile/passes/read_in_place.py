"""The pass for what is taken apart: a slice, a part of a split, a transposition is read where it lies.

A copy that only makes a view dense goes where all its readers take the view itself.
"""

from __future__ import annotations

from ..ir import ARENA, CONSTANT, FEED, FOLDED, VARIABLE, Instr, Value
from .uses import Uses, blocks_of, is_whole, reshaped_view

# Memory whose sizes do not change in a run: a loop copies others before it changes the sizes that they hang on.
_FIXED = frozenset((ARENA, CONSTANT, FOLDED, FEED, VARIABLE))


def read_in_place(program):
    """Lets instructions read the views of which copies were made for them."""
    uses = Uses(program)
    for block in blocks_of(program.root):
        gone = set()
        for item in block.items:
            if isinstance(item, Instr) and item.kernel == "copy" and not item.effect and _forward(uses, block, item):
                gone.add(id(item))
        if gone:
            block.items = [item for item in block.items if id(item) not in gone]


def _forward(uses, block, copy):
    (source,), (out,) = copy.inputs, copy.outputs
    if uses.only_writer(out) is not copy or id(out.buffer) in uses.kept:
        return False
    if out.buffer.kind != ARENA or source.buffer.kind not in _FIXED:
        return False
    readers = uses.readers(out.buffer)
    found = []
    for instr in readers:
        for i, value in enumerate(instr.inputs):
            if value.buffer is out.buffer:
                moved = _moved(source, value)
                if moved is None or not instr.takes(moved):
                    return False
                found.append((instr, i, moved))
    if not _is_steady(uses, block, copy, source, readers):
        return False
    for instr, i, value in found:
        instr.inputs[i] = value
        instr.note("read_in_place", f"reads {value!r} where it lies")
    uses.moved(out.buffer, source.buffer, copy)
    return True


def _moved(source, value):
    """What a value of the copy is in the source."""
    if is_whole(value):
        return reshaped_view(source, value.shape)
    if source.strides is None:
        return Value(value.dtype, value.shape, source.buffer, value.strides, source.offset + value.offset)
    return None


def _is_steady(uses, block, copy, source, readers):
    """Whether the source still holds at each reader what it holds at the copy."""
    if source.buffer.kind in (CONSTANT, FOLDED, FEED) or uses.only_writer(source) is not None:
        return True
    start = uses.index_of[id(copy)]
    places = [uses.place_in(block, reader) for reader in readers]
    if any(place is None for place in places):
        return False
    return not uses.is_written_between(source.buffer, block, start, max(places, default=start) + 1)
