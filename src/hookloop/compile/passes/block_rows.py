"""The pass for chains that go over the same rows several times: normalizations, softmax written by hand, their gradients.

Instructions that work row by row, reductions of whole rows among them, become one instruction whose kernel takes blocks of rows
through all of them (csrc/kernels/row_block.c): rows come from memory once, and what only these instructions read is never stored. They
run where the last of them stood. Sums of all rows (for the gradients of weights, mean losses) are made on the way, a part by each
block; what reads those, and what else in between only reads what they write, follows.
"""

from __future__ import annotations

from ..ir import ARENA, CONSTANT, GROWN, Instr, dense_strides, same_shape
from ..sizes import Size
from .fuse_elementwise import never_fails
from .uses import STEERING, Uses, blocks_of, equal_sizes, is_whole, kernels_of, place_key, written_by

MOST_STEPS, MOST_SLOTS, MOST_VIEWS, MOST_USES, MOST_OPERANDS = 16, 16, 32, 96, 24  # as in csrc/kernels/row_block.c
MOST_ROW = 8192  # elements: of longer rows a block would have too few
SMALL = 1 << 18  # elements that a group touches: with fewer, all rows stay in the cache anyway
OFTEN = 3  # times that rows are gone over again: then rows of SHORT_ROW elements are enough, else of MIDDLING_ROW
SHORT_ROW, MIDDLING_ROW = 32, 256
MOST_SUMMED = 2048  # columns of a sum of all rows: with more, blocks of few rows would have parts as large as they are
_MOST_OPEN = 4  # groups that wait for a next step

# Reductions of each row by itself, whose attribute is the axes' mask; the first operand has the rows.
_REDUCTIONS = frozenset((
    "sum", "mean", "sum_squares", "mean_squares", "sum_distances", "mean_distances", "prod", "max", "min", "all", "any",
    "euclidean_norm", "product_sum", "squared_difference_sum",
))  # fmt: skip
_ROWS = frozenset(("softmax", "log_softmax"))  # along the last axis
_OF_TWO = ("product_sum", "squared_difference_sum")  # whose operands go together as those of a product do
STANDS, MOVES, SUMS, MEANS = range(4)  # how an operand goes with the rows: `manner` of csrc/kernels/row_block.c
_CLOSING = {"sum": SUMS, "mean": MEANS, "sum_squares": SUMS, "mean_squares": MEANS}  # of all rows


def block_rows(program):
    """Puts instructions that work on the same rows into one instruction that takes blocks of rows through all of them."""
    if kernels_of(program).isdisjoint(_REDUCTIONS | _ROWS):
        return
    uses = Uses.of(program)
    for block in blocks_of(program.root):
        if any(isinstance(item, Instr) and item.kernel in _REDUCTIONS | _ROWS for item in block.items):
            _Blocking(uses, block).run()


class _Steps:
    """What an instruction has to do with rows: the shape that its rows are of, and how many first axes they may be at most."""

    __slots__ = ("instr", "shape", "most_axes", "is_reduction", "is_closing", "_operands")

    def __init__(self, instr, shape, most_axes, is_reduction, is_closing=False):
        self.instr = instr
        self.shape = shape
        self.most_axes = most_axes
        self.is_reduction = is_reduction
        self.is_closing = is_closing  # it reduces all rows: its result is none of rows
        self._operands: dict = {}  # by the number of axes

    def operands(self, axes):
        """(value, how it goes with the rows, how many first axes they or nothing are) for each; None where that cannot be."""
        if axes not in self._operands:
            self._operands[axes] = self._found_operands(axes)
        return self._operands[axes]

    def _found_operands(self, axes):
        rows, rank = self.shape[:axes], len(self.shape)
        if axes < 1 or axes > self.most_axes or _row_elements(self.shape, axes) is None:
            return None
        found = []
        for value in self.instr.inputs:
            if value.buffer is None or value.buffer.kind == GROWN:
                return None
            missing = rank - len(value.shape)
            leading = value.shape[: max(axes - missing, 0)]
            if missing <= 0 and same_shape(leading, rows):
                if _row_stride(value, axes) is None:
                    return None
                found.append((value, MOVES, axes))
            elif missing >= 0 and all(equal_sizes(size, 1) for size in leading) and self.may_stand_still(value):
                found.append((value, STANDS, len(leading)))
            else:
                return None
        for value in self.instr.outputs:
            if self.is_closing:
                if value.buffer.kind != ARENA or not is_whole(value):
                    return None
                found.append((value, _CLOSING[self.instr.kernel], 0))
                continue
            if (
                value.buffer.kind != ARENA
                or not same_shape(value.shape[:axes], rows)
                or _row_stride(value, axes) is None
            ):
                return None
            found.append((value, MOVES, axes))
        return found

    def may_stand_still(self, value):
        """Whether an operand may be the same for all rows: not what is reduced, nor the centers of its distances."""
        return not self.is_reduction or self.instr.kernel in _OF_TWO

    def params(self, axes):
        if not self.is_reduction or self.instr.kernel in _ROWS:
            return self.instr.params
        return (self.instr.params[0] >> (axes - 1), *self.instr.params[1:])


def _steps_of(instr):
    """An instruction that works row by row; None for any other."""
    if instr.effect or instr.defines or instr.writes_variable or not instr.outputs or not instr.inputs:
        return None
    if instr.kernel in _ROWS:
        shape = instr.outputs[0].shape
        return _Steps(instr, shape, len(shape) - 1, True)
    if instr.kernel in _REDUCTIONS:
        shape = _reduced_shape(instr)
        if shape is None:
            return None
        mask, reduced = instr.params[0], 0
        while reduced < len(shape) and mask >> (len(shape) - 1 - reduced) & 1:
            reduced += 1
        if mask & 1:
            return _closing(instr, shape)
        if not reduced or mask & ((1 << (len(shape) - reduced)) - 1):
            return None  # rows are reduced as a whole
        return _Steps(instr, shape, len(shape) - reduced, True)
    if never_fails(instr):
        shape = instr.outputs[0].shape
        return _Steps(instr, shape, len(shape), False)
    return None


def _closing(instr, shape):
    """A sum of all rows; None where the first axes alone are none, or rows of them too short or too long."""
    (value,), mask = instr.outputs, instr.params[0]
    if instr.kernel not in _CLOSING or value.dtype.name not in ("float32", "float64"):
        return None
    if isinstance(value.size, Size) or value.size > MOST_SUMMED:
        return None
    axes = 1
    while axes < len(shape) and mask >> axes & 1 and (_row_elements(shape, axes + 1) or 0) >= MIDDLING_ROW:
        axes += 1
    return _Steps(instr, shape, axes, True, is_closing=True)


def _reduced_shape(instr):
    """The shape of what is summed; None where sizes do not tell it."""
    if instr.kernel not in _OF_TWO:
        return instr.inputs[0].shape
    left, right = instr.inputs[0].shape, instr.inputs[1].shape
    rank = max(len(left), len(right))
    left, right = (1,) * (rank - len(left)) + tuple(left), (1,) * (rank - len(right)) + tuple(right)
    return tuple(b if equal_sizes(a, 1) else a for a, b in zip(left, right))


def _row_elements(shape, axes):
    """How many elements a row has: known, and not too many; else None."""
    total = 1
    for size in shape[axes:]:
        if isinstance(size, Size):
            return None
        total *= size
    return total if total <= MOST_ROW else None


def _row_stride(value, axes):
    """The elements from one row to the next where the first axes are one; None where they are not, or sizes do not tell it."""
    if len(value.shape) < axes:
        return None
    if value.strides is None:
        return _row_elements(value.shape, axes)
    stride = value.strides[axes - 1]
    for axis in range(axes - 2, -1, -1):
        if not equal_sizes(value.strides[axis], value.strides[axis + 1] * value.shape[axis + 1]):
            return None
    return None if isinstance(stride, Size) else stride


class _Group:
    """Instructions on the same rows that may run together where the last of them stands, and what follows them."""

    def __init__(self, step, index):
        self.axes = step.most_axes
        self.rows = step.shape[: self.axes]
        self.members = [(index, step)]
        self.followers: list = []  # (place in the block, instruction)
        self.reads: set = set()
        self.writes: dict = {}  # memory -> value written
        self.later_reads: set = set()
        self.later_writes: set = set()
        self.closed: set = set()  # memory of results of all rows
        self._note(step)

    def _note(self, step):
        self.reads.update(v.buffer.memory for v in step.instr.inputs)
        self.writes.update((v.buffer.memory, v) for v in step.instr.outputs)
        if step.is_closing:
            self.closed.update(v.buffer.memory for v in step.instr.outputs)

    @property
    def uses(self):
        return sum(len(step.instr.inputs) + len(step.instr.outputs) for _, step in self.members)

    def axes_with(self, step, others=()):
        """How many first axes would be the rows of all with an instruction, and other groups; 0 where they have none in common."""
        axes = min([self.axes, step.most_axes, *(g.axes for g in others)])
        if any(not same_shape(r[:axes], step.shape[:axes]) for r in (self.rows, *(g.rows for g in others))):
            return 0
        members = [step, *(s for g in (self, *others) for _, s in g.members)]
        return axes if axes and all(s.operands(axes) is not None for s in members) else 0

    def feeds(self, instr):
        """Whether an instruction reads what the group writes or reads."""
        memories = {v.buffer.memory for v in instr.inputs if v.buffer.kind != CONSTANT}
        return not memories.isdisjoint(self.writes) or not memories.isdisjoint(self.reads)

    def takes(self, step, axes):
        """Whether an instruction may be the next step: what it reads of the group is what the group wrote of the same rows."""
        instr = step.instr
        for value, moves, _ in step.operands(axes):
            written = self.writes.get(value.buffer.memory)
            if written is not None and not (moves and _is_view_of(value, written, axes)):
                return False
            if value.buffer.memory in self.later_writes or value.buffer.memory in self.closed:
                return False
        return all(
            v.buffer.memory not in self.writes and v.buffer.memory not in self.reads
            and v.buffer.memory not in self.later_reads and v.buffer.memory not in self.later_writes
            for v in instr.outputs
        )  # fmt: skip

    def add(self, index, step, axes, others):
        for other in others:
            self.members += other.members
            self.followers += other.followers
            self.reads |= other.reads
            self.writes.update(other.writes)
            self.later_reads |= other.later_reads
            self.later_writes |= other.later_writes
            self.closed |= other.closed
        self.members = sorted([*self.members, (index, step)], key=lambda member: member[0])
        self.axes, self.rows = axes, self.rows[:axes]
        self._note(step)

    def touches(self, read, written):
        """Whether what reads and writes such memory must not stay behind the group's first instruction, or before its last."""
        return not (
            self.writes.keys().isdisjoint(read) and self.writes.keys().isdisjoint(written)
            and self.reads.isdisjoint(written) and self.later_writes.isdisjoint(read)
            and self.later_writes.isdisjoint(written) and self.later_reads.isdisjoint(written)
        )  # fmt: skip

    def lets_follow(self, item, read, written):
        """Whether an instruction may run behind the group: it writes nothing that the group touches."""
        if item.effect or item.defines or any(v.buffer.kind == GROWN for v in (*item.inputs, *item.outputs)):
            return False
        return (
            self.writes.keys().isdisjoint(written)
            and self.reads.isdisjoint(written)
            and len(self.followers) < MOST_STEPS
        )

    def follow(self, index, item, read, written):
        self.followers.append((index, item))
        self.later_reads |= read
        self.later_writes |= written


def _is_view_of(value, written, axes):
    """Whether each row of a value lies within the same row of what was written, as it is or as a view."""
    if place_key(value) == place_key(written):
        return True
    if written.strides is not None or value.dtype is not written.dtype or not equal_sizes(value.offset, written.offset):
        return False
    if len(value.shape) < axes or not same_shape(value.shape[:axes], written.shape[:axes]):
        return False
    elements = _row_elements(written.shape, axes)
    strides = (value.strides or dense_strides(value.shape))[axes:]
    if elements is None or _row_stride(value, axes) != elements or _row_elements(value.shape, axes) is None:
        return False
    if any(isinstance(stride, Size) or stride < 0 for stride in strides):
        return False
    return sum((size - 1) * stride for size, stride in zip(value.shape[axes:], strides)) < max(elements, 1)


class _Blocking:
    """The walk over one block."""

    def __init__(self, uses, block):
        self.uses = uses
        self.block = block
        self.open: list[_Group] = []
        self.replaced: dict[int, tuple] = {}  # place in the block -> what stands there instead

    def run(self):
        for index, item in enumerate(self.block.items):
            if not isinstance(item, Instr) or item.kernel in STEERING or item.defines:
                self._close(list(self.open))
                continue
            step = _steps_of(item)
            if step is None or not self._place(index, step):
                self._pass_by(index, item)
        self._close(list(self.open))
        if self.replaced:
            items = self.block.items
            self.block.items = [new for i, item in enumerate(items) for new in self.replaced.get(i, (item,))]

    def _place(self, index, step):
        """Adds an instruction to the groups that it has to do with, which become one, or begins one; whether it is in one."""
        if step.operands(step.most_axes) is None and not self.open:
            return False
        home, others, axes = None, [], 0
        for group in self.open:
            if not group.feeds(step.instr):
                continue
            joined = [group] if home is None else [*others, group]
            common = (home or group).axes_with(step, joined if home else ())
            length = 1 + sum(len(g.members) for g in ([home] if home else []) + joined)
            uses = (
                len(step.instr.inputs)
                + len(step.instr.outputs)
                + sum(g.uses for g in ([home] if home else []) + joined)
            )
            if common and length <= MOST_STEPS and uses <= MOST_USES and group.takes(step, common):
                if home is None:
                    home = group
                else:
                    others.append(group)
                axes = common
        if home is None and step.operands(step.most_axes) is None:
            return False
        self._close_touched(step.instr, [home, *others])
        if home is None:
            self.open.append(_Group(step, index))
            self._close(self.open[:-_MOST_OPEN])
            return True
        for other in others:
            self.open.remove(other)
        home.add(index, step, axes, others)
        return True

    def _pass_by(self, index, item):
        """Lets an instruction that is no step follow a group whose results it reads, and ends other groups that it touches."""
        read, written = _memories(item)
        touched = [g for g in self.open if g.touches(read, written)]
        if touched and touched[-1].lets_follow(item, read, written):
            self._close(touched[:-1])
            touched[-1].follow(index, item, read, written)
        else:
            self._close(touched)

    def _close_touched(self, instr, kept):
        read, written = _memories(instr)
        self._close([g for g in self.open if g not in kept and g.touches(read, written)])

    def _close(self, groups):
        for group in groups:
            self.open.remove(group)
            self._emit(group)

    def _emit(self, group):
        """Puts the group where its last member stood, and behind it what follows."""
        members = group.members
        if len(members) < 2 or not _pays(group):
            return
        made = _assembled(self.uses, [step for _, step in members], group.axes)
        if made is None:
            return
        last = members[-1][0]
        followers = [(index, item) for index, item in group.followers if index < last]
        for index, _ in (*members, *followers):
            self.replaced[index] = ()
        self.replaced[last] = (made, *(item for _, item in followers))


def _memories(item):
    return (
        {v.buffer.memory for v in item.inputs if v.buffer is not None},
        {v.buffer.memory for v in written_by(item) if v.buffer is not None},
    )


def _pays(group):
    """Whether rows are gone over again often enough for their length, and are more than a cache keeps."""
    if not any(step.is_reduction for _, step in group.members):
        return False
    seen, again, longest, total = set(), 0, 1, 0
    for _, step in group.members:
        touched = {}
        for value, moves, _ in step.operands(group.axes):
            if moves == MOVES and _row_elements(value.shape, group.axes) > 1:
                touched[value.buffer.memory] = value
        for memory, value in touched.items():
            longest = max(longest, _row_elements(value.shape, group.axes))
            if memory in seen:
                again += 1
            else:
                seen.add(memory)
                total = total + value.size
    least = SHORT_ROW if again >= OFTEN else MIDDLING_ROW
    return again > 0 and longest >= least and (isinstance(total, Size) or total >= SMALL)


class _Assembly:
    """The operands, slots, views and attributes of a group's one instruction."""

    def __init__(self, uses, steps, axes):
        self.uses = uses
        self.steps = steps
        self.axes = axes
        self.inside = {id(step.instr) for step in steps}
        self.inputs: list = []
        self.outputs: list = []
        self.slots: list = []  # (elements of a row, bytes of an element)
        self.written: dict = {}  # memory -> (step, value)
        self.slot_of: dict = {}  # memory -> slot
        self.last_read: dict = {}  # memory -> step
        self.still: set = set()  # memory of what is the same for all rows
        for at, step in enumerate(steps):
            self.last_read.update((v.buffer.memory, at) for v in step.instr.inputs)
            self.written.update((v.buffer.memory, (at, v)) for v in step.instr.outputs)
            self.still.update(v.buffer.memory for v, moves, _ in step.operands(axes) if not moves)

    def stays_inside(self, value):
        """Whether nobody but the group reads a result."""
        return (
            is_whole(value)
            and self.uses.only_writer(value) is not None
            and id(value.buffer) not in self.uses.kept
            and all(id(reader) in self.inside for reader in self.uses.readers(value.buffer))
        )

    def assign(self):
        """Numbers the operands; a slot is free again after the last step that reads it."""
        places = set()
        free, held = [], []
        for at, step in enumerate(self.steps):
            for value in step.instr.inputs:
                if value.buffer.memory not in self.written and place_key(value) not in places:
                    places.add(place_key(value))
                    self.inputs.append(value)
            for value in step.instr.outputs:
                memory = value.buffer.memory
                if step.is_closing or not self.stays_inside(value):
                    self.outputs.append(value)
                    continue
                size = _row_elements(value.shape, self.axes), value.dtype.size
                slot = self.taken_over(step.instr, at)
                if slot is not None:
                    held = [(end, s) for end, s in held if s != slot]
                elif (slot := next((s for s in free if self.slots[s] == size), None)) is None:
                    slot = len(self.slots)
                    self.slots.append(size)
                else:
                    free.remove(slot)
                self.slot_of[memory] = slot
                held.append((self.last_read.get(memory, at), slot))
            free += [slot for end, slot in held if end <= at]
            held = [(end, slot) for end, slot in held if end > at]

    def taken_over(self, instr, at):
        """The slot of an input that the result of a step may take over, as no later step reads it; or None."""
        if len(instr.outputs) != 1:
            return None
        (out,) = instr.outputs
        for i in instr.overwrites:
            value = instr.inputs[i]
            memory = value.buffer.memory
            if memory not in self.slot_of or self.last_read[memory] != at or not is_whole(value):
                continue
            alone = sum(v.buffer.memory == memory for v in instr.inputs) == 1
            if alone and same_shape(value.shape, out.shape) and value.dtype.size == out.dtype.size:
                return self.slot_of[memory]
        return None

    def number(self):
        """The place of each operand; views of what the group writes stand behind the instruction's own."""
        own = {place_key(v): i for i, v in enumerate((*self.inputs, *self.outputs))}
        count, views, places = len(own), [], {}
        outputs = {v.buffer.memory: len(self.inputs) + i for i, v in enumerate(self.outputs)}
        for step in self.steps:
            for value in (*step.instr.inputs, *step.instr.outputs):
                key = place_key(value)
                if key in own or key in places:
                    continue
                memory = value.buffer.memory
                if not _is_view_of(value, self.written[memory][1], self.axes):
                    return None, None  # it is one of rows of fewer elements
                base = count + self.slot_of[memory] if memory in self.slot_of else outputs[memory]
                places[key] = count + len(views)
                strides = (value.strides or dense_strides(value.shape))[self.axes :]
                row = value.shape[self.axes :]
                views.append(
                    (base, value.dtype._stored_number, _row_stride(value, self.axes), len(row), *row, *strides)
                )
        return {**own, **places}, views

    def instruction(self):
        self.assign()
        places, views = self.number()
        count = len(self.inputs) + len(self.outputs)
        if views is None or not self.outputs or len(self.slots) > MOST_SLOTS or len(views) > MOST_VIEWS:
            return None
        if count > MOST_OPERANDS:
            return None
        moving = (places[place_key(v)] for s in self.steps for v, manner, _ in s.operands(self.axes) if manner == MOVES)
        telling = next((place for place in moving if place < count), None)
        if telling is None:
            return None
        params = [self.axes, telling, len(self.steps), len(self.slots), len(views)]
        for slot in self.slots:
            params += slot
        for view in views:
            params += view
        for at, step in enumerate(self.steps):
            instr, own = step.instr, step.params(self.axes)
            is_last = all(self.last_read.get(v.buffer.memory, -1) <= at for v in instr.outputs)
            params += [instr.kernel, len(instr.inputs), len(instr.outputs), len(own), int(is_last)]
            for value, moves, leading in step.operands(self.axes):
                place = places[place_key(value)]
                params += [place, int(moves), leading if place < count else 1]  # a view has one axis for the rows
            params += own
        last = self.steps[-1].instr
        return Instr(
            "row_block", self.inputs, self.outputs, params, last.node, overwrites=self.overwrites(), views="any"
        )

    def overwrites(self):
        """Inputs that the result may take over: the steps have read a block's rows of them when they write those of the result."""
        if len(self.outputs) != 1:
            return ()
        (out,) = self.outputs
        writer, _ = self.written[out.buffer.memory]
        if self.steps[writer].is_closing:
            return ()
        instr = self.steps[writer].instr
        found = []
        for at, value in enumerate(self.inputs):
            if not same_shape(value.shape[: self.axes], out.shape[: self.axes]):
                continue
            memory = value.buffer.memory
            if memory in self.still:
                continue  # other blocks want it too
            own = [i for i, v in enumerate(instr.inputs) if v.buffer.memory == memory]
            last = self.last_read[memory]
            if last < writer or (last == writer and len(own) == 1 and own[0] in instr.overwrites):
                found.append(at)
        return tuple(found)


def _assembled(uses, steps, axes):
    made = _Assembly(uses, steps, axes).instruction()
    if made is not None:
        made.notes = tuple(note for step in steps for note in step.instr.notes)
        made.note("block_rows", "takes blocks of rows through " + ", ".join(step.instr.kernel for step in steps))
    return made
