"""Placing buffers: which ones share a slot of the arena.

A buffer lives from the first instruction that touches it to the last; one that is older than a loop that
uses it lives until the loop's end, since the next iteration may want it. Two buffers share a slot only
where their lives do not meet. A slot is as large as its largest buffer; C adds the slots up when sizes are
known, so that one placement serves all sizes.

A fetched value that is or may be large is a result: it has memory of its own, and leaves with it.

An assignment of a value that nobody reads after it becomes a "move", which gives the value's memory back where it is
large and the variable's first: a table then takes its room once when it is initialized.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, deque
from heapq import heappop, heappush

from .ir import ARENA, GROWN, RESULT, If, Instr, is_whole, same_shape
from .sizes import Size

_FOREVER = 1 << 60
_LARGE_BYTES = 1 << 16  # HL_LARGE_RESULT_BYTES of csrc/frame.h: smaller values are copied, so they lie with the others


def place(program) -> int:
    """Gives every arena buffer its slot; returns the number of slots."""
    lives = _Lives(program)
    _reuse_inputs(program, lives)
    _move_last_reads(program, lives)
    _set_results_apart(program, lives)
    return _share_slots(lives, program)


class _Lives:
    """First and last position of every arena buffer."""

    def __init__(self, program):
        self.buffers = []
        self.position = 0
        self.positions = {}
        self._walk(program.root)
        for value in program.results:
            if value.buffer is not None and value.buffer.kind == ARENA:
                value.buffer.last = _FOREVER

    def _touch(self, buffer, used=None):
        if buffer is None or buffer.kind != ARENA:
            return
        if buffer.first < 0:
            buffer.first = self.position
            self.buffers.append(buffer)
        buffer.last = self.position
        if used is not None:
            used.append(buffer)

    def _walk(self, block, used=None):
        buffers, positions = self.buffers, self.positions
        for item in block.items:
            self.position += 1
            if item.__class__ is Instr:
                position = positions[id(item)] = self.position
                for values in (item.inputs, item.outputs):
                    for value in values:  # as `_touch` does
                        buffer = value.buffer
                        if buffer is not None and buffer.kind == ARENA:
                            if buffer.first < 0:
                                buffer.first = position
                                buffers.append(buffer)
                            buffer.last = position
                            if used is not None:
                                used.append(buffer)
            elif isinstance(item, If):
                self._touch(item.predicate.buffer, used)
                self._walk(item.then, used)
                self._walk(item.otherwise, used)
            else:
                self._walk_loop(item, used)

    def _walk_loop(self, loop, used):
        start, inside = self.position, []
        self._walk(loop.condition, inside)
        self._touch(loop.predicate.buffer, inside)
        self._walk(loop.body, inside)
        self.position += 1
        for buffer in inside:
            if buffer.first <= start:
                buffer.last = max(buffer.last, self.position)
        if used is not None:
            used.extend(inside)


def _root(buffer):
    """The buffer whose memory a buffer has taken over: itself where it has a place of its own."""
    while buffer.home is not None:
        buffer = buffer.home
    return buffer


def _reuse_inputs(program, lives):
    """Elementwise instructions write over an input that nobody needs any more."""
    for instr in program.instructions():
        if not instr.overwrites or len(instr.outputs) != 1:
            continue
        position = lives.positions.get(id(instr))
        out = instr.outputs[0]
        if position is None or out.buffer.kind != ARENA or out.buffer.first != position or not is_whole(out):
            continue
        for i in instr.overwrites:
            if i >= len(instr.inputs):
                continue
            value = instr.inputs[i]
            root = value.buffer
            if root.kind != ARENA:
                continue
            if root.home is not None:
                root = _root(root)
            if root.last == position and root.first < position and is_whole(value) and (
                same_shape(value.shape, out.shape) and value.dtype.size == out.dtype.size
            ):  # fmt: skip
                others = [v for j, v in enumerate(instr.inputs) if j != i and _root(v.buffer) is root]
                if others and (instr.views == "rows" or not all(_same(v, value) for v in others)):
                    continue  # a product still needs its factors when it writes
                root.last = out.buffer.last
                out.buffer.home = root
                break


def _move_last_reads(program, lives):
    for instr in program.root.items:
        if not isinstance(instr, Instr) or instr.kernel != "assign":
            continue
        variable, value = instr.inputs
        root = _root(value.buffer)
        if root.kind == ARENA and root.last == lives.positions[id(instr)]:
            instr.kernel, instr.params = "move", (("variable", variable.buffer.source),)


def _set_results_apart(program, lives):
    """Gives fetched values that may be large memory of their own."""
    written_once = None
    for value in program.fetches:
        if value.buffer is None or value.buffer.kind not in (ARENA, GROWN) or not is_whole(value) or not value.shape:
            continue
        root = _root(value.buffer)
        if root.kind == RESULT:
            continue  # fetched under another shape already
        if root.kind == GROWN:
            if written_once is None:
                written_once = _written_once(program)
            if id(root) not in written_once:
                continue
        if isinstance(root.size, Size) or root.size * root.dtype.size >= _LARGE_BYTES:
            root.kind, root.index = RESULT, program.n_results
            program.n_results += 1
    for buffer in lives.buffers if program.n_results else ():
        buffer.kind = _root(buffer).kind


def _written_once(program):
    """ids of the buffers that one instruction writes, and that neither in a branch nor in a loop: they never grow with what they hold."""
    counts = Counter(id(value.buffer) for instr in program.instructions() for value in instr.outputs)
    outermost = (item for item in program.root.items if isinstance(item, Instr))
    return {id(value.buffer) for instr in outermost for value in instr.outputs if counts[id(value.buffer)] == 1}


def _same(left, right):
    return left is right or (left.strides is None and right.strides is None and same_shape(left.shape, right.shape))


def _share_slots(lives, program):
    slots = []  # [byte size or Size key, free from, hint]
    free = _Free()
    pending = []  # a heap of (last use, when it was taken, slot)
    for when, buffer in enumerate(lives.buffers):
        if buffer.home is not None or buffer.kind == RESULT:
            continue
        over = []
        while pending and pending[0][0] < buffer.first:
            over.append(heappop(pending)[1:])
        for _, slot in sorted(over):
            free.put(slot, slots[slot])
        buffer.index = _choose(free, slots, buffer, program)
        heappush(pending, (buffer.last, when, buffer.index))
    for buffer in lives.buffers:
        if buffer.home is not None:
            buffer.index = _root(buffer).index
    return len(slots)


class _Free:
    """Slots that nobody uses, by how large they are: with thousands of sizes, looking at each would take longer than compiling."""

    def __init__(self):
        self._sizes = []  # ascending, each once
        self._slots = {}  # size -> [(which of all it was, slot)], the first that became free first
        self._count = 0

    def put(self, slot, size):
        found = self._slots.get(size)
        if found is None:
            found = self._slots[size] = deque()
            insort(self._sizes, size)
        found.append((self._count, slot))
        self._count += 1

    def take(self, hint):
        """(slot, its size), of the same size or the nearest one that is not below half of it; or None."""
        size = hint if hint in self._slots else self._nearest(hint)
        if size is None or size < hint // 2:
            return None
        slots = self._slots[size]
        _, slot = slots.popleft()
        if not slots:
            del self._slots[size]
            self._sizes.pop(bisect_left(self._sizes, size))
        return slot, size

    def _nearest(self, hint):
        at = bisect_left(self._sizes, hint)
        near = self._sizes[max(at - 1, 0) : at + 1]
        return min(near, key=lambda size: (abs(size - hint), self._slots[size][0]), default=None)


def _choose(free, slots, buffer, program):
    """A free slot of the same size, or the best of the others by the sizes of the moment, or a new one."""
    hint = program.hint(buffer.size) * buffer.dtype.size
    found = free.take(hint)
    if found is None:
        slots.append(hint)
        return len(slots) - 1
    slot, size = found
    slots[slot] = max(size, hint)
    return slot
