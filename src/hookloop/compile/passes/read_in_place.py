"""The pass for what is taken apart: a slice, a part of a split, a transposition is read where it lies.

A copy that only makes a view dense goes where all its readers take the view itself.
"""

from __future__ import annotations

from ..ir import ARENA, CONSTANT, FEED, FOLDED, VARIABLE, Value, same_shape
from .uses import each_of, is_whole, reshaped_view

# Memory whose sizes do not change in a run: a loop copies others before it changes the sizes that they hang on.
_FIXED = frozenset((ARENA, CONSTANT, FOLDED, FEED, VARIABLE))


def read_in_place(program):
    """Lets instructions read the views of which copies were made for them."""
    for uses, block, item in each_of(program, ("copy",)):
        _forward(uses, block, item)


def _forward(uses, block, copy):
    """Drops a copy whose readers can read its source."""
    (source,), (out,) = copy.inputs, copy.outputs
    if uses.only_writer(out) is not copy or id(out.buffer) in uses.kept:
        return
    if out.buffer.kind != ARENA or source.buffer.kind not in _FIXED or not same_shape(source.shape, out.shape):
        return  # what is repeated has no place of its own
    readers = uses.readers(out.buffer)
    found = []
    for instr in readers:
        for i, value in enumerate(instr.inputs):
            if value.buffer is out.buffer:
                moved = _moved(source, value)
                if moved is None or not instr.takes(moved):
                    return
                found.append((instr, i, moved))
    if not uses.holds(block, copy, source, readers):
        return
    uses.replace(copy)
    for instr, i, value in found:
        uses.refresh(instr, lambda instr=instr, i=i, value=value: instr.inputs.__setitem__(i, value))
        instr.note("read_in_place", f"reads {value!r} where it lies")


def _moved(source, value):
    """What a value of the copy is in the source."""
    if is_whole(value):
        return reshaped_view(source, value.shape)
    if source.strides is None:
        return Value(value.dtype, value.shape, source.buffer, value.strides, source.offset + value.offset)
    return None
