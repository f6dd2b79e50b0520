"""The pass for what is put together: the parts of a concat, a stack or a padding are computed where they belong.

A copy of a whole result into a window of a larger tensor goes; the instruction that computes the result writes the window itself,
where its kernel takes such an output, and the other readers of the result read the window.
"""

from __future__ import annotations

from ..ir import ARENA
from .uses import CONTROL_KERNELS, are_disjoint, each_of, is_whole, lie_in_order, place_key, reshaped_view, written_by


def write_in_place(program):
    """Lets results be written into the windows that they are copied to."""
    windows = _Windows()
    for uses, block, item in each_of(program, ("copy",), with_effects=True):
        _redirect(uses, block, item, windows)


class _Windows:
    """Which windows of a buffer no other write touches, for buffers of which that is so of each: the results of concat and stack.

    Found once a buffer: this pass gives a window another writer, and no writer another window.
    """

    def __init__(self):
        self._apart = {}

    def is_alone(self, uses, window):
        """Whether one write alone reaches a window."""
        found = self._apart.get(id(window.buffer))
        if found is None:
            found = self._apart[id(window.buffer)] = (window.buffer, _windows_apart(uses, window.buffer))
        return place_key(window) in found[1]


def _windows_apart(uses, buffer):
    """The places of all that is written of a buffer; none where it is not proven at once that no two of them overlap."""
    written = [v for writer in uses.writers(buffer) for v in written_by(writer) if v.buffer is buffer]
    if all(isinstance(v.offset, int) for v in written):
        written.sort(key=lambda v: v.offset)
    return set(map(place_key, written)) if lie_in_order(written) else set()


def _redirect(uses, block, copy, windows):
    """Makes the instruction whose result is copied write it there, if that is possible."""
    (source,), (window,) = copy.inputs, copy.outputs
    producer = uses.only_writer(source)
    if producer is None or source.buffer.kind != ARENA or not is_whole(source) or window.buffer.kind != ARENA:
        return
    if (
        id(window.buffer) in uses.predicates
        or id(source.buffer) in uses.kept
        or uses.block_of[id(producer)] is not block
    ):
        return
    if producer.effect or producer.defines or producer.kernel in CONTROL_KERNELS:
        return
    replaced = _new_operands(uses, producer, copy, source, window)
    if replaced is None or not _is_free(uses, block, producer, copy, window, windows):
        return
    uses.replace(copy)
    for instr, values, i, value in replaced:
        uses.refresh(instr, lambda values=values, i=i, value=value: values.__setitem__(i, value))
    producer.note("write_in_place", f"writes its part of {window.buffer.size} elements in place")


def _new_operands(uses, producer, copy, source, window):
    """(instruction, list, index, value in the window) for each operand on the source's buffer; None where one cannot be."""
    found = []
    for instr in (producer, *uses.readers(source.buffer)):
        if instr is copy:
            continue
        values = instr.outputs if instr is producer else instr.inputs
        for i, value in enumerate(values):
            if value.buffer is not source.buffer:
                continue
            if not is_whole(value):
                return None
            moved = reshaped_view(window, value.shape)
            if moved is None or not instr.takes(moved, as_output=values is instr.outputs):
                return None
            found.append((instr, values, i, moved))
    return found


def _is_free(uses, block, producer, copy, window, windows):
    """Whether nobody wants the window's memory for something else from the producer on."""
    for i, value in enumerate(producer.inputs):
        if value.buffer is window.buffer and not are_disjoint(value, window):
            # an elementwise kernel may write over the very elements that it reads
            if i not in producer.overwrites or place_key(value) != place_key(window):
                return False
    start, end = uses.index_of[id(producer)], uses.index_of[id(copy)]
    if uses.is_read_between(window.buffer, block, start, end):
        return False
    if windows.is_alone(uses, window):
        return True
    readers_inside = all(uses.place_in(block, r) is not None for r in uses.readers(copy.inputs[0].buffer))
    for writer in uses.writers(window.buffer):
        if writer is copy or all(
            are_disjoint(v, window) for v in written_by(writer) if v.buffer is window.buffer
        ):  # fmt: skip
            continue
        place = uses.place_in(block, writer)
        before = readers_inside if place is None else place < start
        if not before:
            return False
    return True
