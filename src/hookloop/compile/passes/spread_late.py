"""The pass for tensors of one number, as gradients of means, masks and bounds have them: who reads the number spreads it.

What a number is filled or copied into is not made where elementwise instructions alone read it, and what these make of such
tensors alone is made once. So no memory of nothing but ones goes through the caches beside what it is multiplied by.
"""

from __future__ import annotations

from functools import cache

from ..ir import ARENA, CONSTANT, FOLDED, Buffer, Instr, Value
from ..sizes import Size
from .fuse_elementwise import never_fails
from .uses import Uses, blocks_of, equal_sizes, is_whole

_SPREADS = frozenset(("fill", "copy"))
_ALIKE = frozenset(("add_n",))  # elementwise, but on operands of one shape
_HELD = frozenset((ARENA, CONSTANT, FOLDED))


def spread_late(program):
    """Lets elementwise instructions read a number where they read a tensor of it alone."""
    uses = cache(lambda: Uses.of(program))  # looked at where there is such a tensor
    for block in blocks_of(program.root):
        found = False
        for item in block.items:
            numbers = _numbers(item) if isinstance(item, Instr) else None
            if numbers is not None and (item.kernel in _SPREADS or takes_numbers(item)):
                found = True
                _spread(uses(), block, item, numbers)
        if found:
            uses().finish(block)


def takes_numbers(instr):
    """Whether an instruction is elementwise with operands that are broadcast."""
    return instr.kernel not in _SPREADS and instr.kernel not in _ALIKE and instr.views == "any" and never_fails(instr)


def _numbers(instr):
    """The scalar that each operand of an instruction is; None where one is no number, or there is none."""
    numbers = []
    for value in instr.inputs:
        number = _number(value)
        if number is None:
            return None
        numbers.append(number)
    return numbers or None


def _number(value):
    """The scalar that all elements of a value are; None where they lie apart."""
    if value.buffer is None or value.buffer.kind not in _HELD:
        return None
    for axis, size in enumerate(value.shape):
        if (size.__class__ is Size or size != 1) and (value.strides is None or not equal_sizes(value.strides[axis], 0)):
            return None
    return Value(value.dtype, (), value.buffer, None, value.offset)


def _reads_number(reader, buffer):
    """Whether an instruction may read a number where it reads a buffer: a choice between two numbers has no fast loop."""
    if not takes_numbers(reader):
        return False
    if reader.kernel != "select":
        return True
    chosen = [value.buffer is buffer or not value.shape for value in reader.inputs[1:]]
    return reader.inputs[0].buffer is not buffer and not all(chosen)


def _spread(uses, block, item, numbers):
    """Gives the readers of a tensor of one number the number; what is made of numbers alone is made once, and spread for others."""
    if item.effect or item.defines or item.writes_variable or len(item.outputs) != 1:
        return
    (out,) = item.outputs
    if out.buffer.kind != ARENA or not is_whole(out) or (not isinstance(out.size, Size) and out.size <= 1):
        return
    if uses.only_writer(out) is not item:
        return
    readers = [reader for reader in uses.readers(out.buffer) if _reads_number(reader, out.buffer)]
    others = len(readers) < len(uses.readers(out.buffer)) or id(out.buffer) in uses.kept
    if item.kernel in _SPREADS:
        if not readers or not all(uses.holds(block, item, value, readers) for value in numbers):
            return
        (number,) = numbers
        if not others:
            uses.replace(item)
    else:
        number = Value(out.dtype, (), Buffer(ARENA, out.dtype, 1, shape=()))
        made = Instr(item.kernel, numbers, [number], item.params, item.node, views=item.views)
        made.notes = item.notes
        made.note("spread_late", "is made once for all elements")
        uses.replace(item, made, *([Instr("fill", [number], [out], (), item.node)] if others else ()))
    for reader in readers:
        uses.refresh(reader, lambda reader=reader: _give(reader, out.buffer, number))


def _give(reader, buffer, number):
    reader.inputs[:] = [number if value.buffer is buffer else value for value in reader.inputs]
