"""What passes ask of a program: who writes and who reads a buffer, and in which block."""

from __future__ import annotations

from itertools import pairwise

from ..ir import (
    ARENA,
    CONSTANT,
    FEED,
    FOLDED,
    GROWN,
    If,
    Instr,
    Value,
    dense_strides,
    is_whole,
    same_shape,
    walk,
)
from ..sizes import Size

# What steers a run, or answers it: it has no equal and no other place.
CONTROL_KERNELS = frozenset(("resize", "load_sizes", "store_sizes", "copy_sizes", "host", "stack_push", "stack_pop",
                             "stack_sizes", "reshape_variable", "mark_initialized", "check_initialized"))  # fmt: skip
STEERING = CONTROL_KERNELS - {"store_sizes"}  # that only writes what is known by then: others may pass it

_NOBODY: dict = {}


class Uses:
    """The readers and writers of every buffer, as the program stands when this is made.

    A pass rewrites with `replace` and `refresh`, which keep the tables true, and with `finish` at the end of a block: until then
    places are those of the block as it was.

    Attributes:
      block_of: id(instruction) -> the block it stands in.
      index_of: id(item) -> its place in its block.
      item_of: id(block) -> the conditional or loop that it belongs to, None for the root.
      predicates: ids of the buffers that conditionals and loops read.
      kept: ids of the buffers that are wanted whatever instructions read them: results and predicates.
    """

    @classmethod
    def of(cls, program):
        """The tables of a program as it stands: those that a pass before has made, where none has rewritten it since."""
        uses = program.uses
        if uses is None or not uses._is_current(program):
            uses = program.uses = cls(program)
        return uses

    def __init__(self, program):
        self._rewritten = False
        self._prologue = program.prologue, len(program.prologue)
        self._items: list = []  # (block, its items, their number)
        self._readers: dict = {}  # memory -> id(instruction) -> instruction: thousands may share a weight
        self._writers: dict = {}
        self.block_of: dict[int, object] = {}
        self.index_of: dict[int, int] = {}
        self.item_of: dict[int, object] = {id(program.root): None}
        self._replaced: dict[int, dict] = {}
        self.kept = {id(v.buffer) for v in program.results if v.buffer is not None}
        self.predicates: set[int] = set()
        for instr in program.prologue:
            self._instruction(instr, None)
        self._block(program.root)
        self.kept |= self.predicates

    def _is_current(self, program):
        prologue, length = self._prologue
        if self._rewritten or program.prologue is not prologue or len(prologue) != length:
            return False
        return not [1 for block, items, n in self._items if block.items is not items or len(items) != n]

    def _block(self, block):
        self._items.append((block, block.items, len(block.items)))
        for index, item in enumerate(block.items):
            self.index_of[id(item)] = index
            if item.__class__ is Instr:
                self._instruction(item, block)
                continue
            self.predicates.add(id(item.predicate.buffer))
            self.block_of[id(item)] = block
            for region in regions_of(item):
                self.item_of[id(region)] = item
                self._block(region)

    def _instruction(self, instr, block):
        key = id(instr)
        self.block_of[key] = block
        table = self._readers
        for values in (instr.inputs, written_by(instr) if instr.effect else instr.outputs):
            for value in values:
                buffer = value.buffer
                if buffer is not None:
                    users = table.get(buffer.memory)
                    if users is None:
                        table[buffer.memory] = {key: instr}
                    else:
                        users[key] = instr
            table = self._writers

    def readers(self, buffer):
        """The instructions that read a buffer, each once."""
        return list(self._readers.get(buffer.memory, _NOBODY).values())

    def writers(self, buffer):
        """The instructions that write it."""
        return list(self._writers.get(buffer.memory, _NOBODY).values())

    def only_writer(self, value):
        """The one instruction that writes the value's buffer, all of it; or None."""
        writers = self._writers.get(value.buffer.memory, _NOBODY)
        if len(writers) != 1 or value.buffer.kind not in (ARENA, GROWN):
            return None
        (writer,) = writers.values()
        written = [v for v in writer.outputs if v.buffer is value.buffer]
        return writer if len(written) == 1 and is_whole(written[0]) else None

    def holds(self, block, instr, value, readers):
        """Whether memory that an instruction of a block reads holds the same at each of some later readers."""
        if value.buffer.kind in (CONSTANT, FOLDED, FEED) or self.only_writer(value) is not None:
            return True
        start = self.index_of[id(instr)]
        places = [self.place_in(block, reader) for reader in readers]
        if any(place is None for place in places):
            return False
        return not self.is_written_between(value.buffer, block, start, max(places, default=start) + 1)

    def may_move(self, block, instr, later):
        """Whether an instruction of a block may run where a later one of the same block stands.

        It may not where something between writes what it reads, or touches what it writes, or where it does more than write its outputs.
        """
        if instr.effect or instr.defines or instr.kernel in CONTROL_KERNELS:
            return False
        if any(v.buffer.kind == GROWN for v in (*instr.inputs, *instr.outputs)):
            return False  # its sizes may change on the way
        start, end = self.index_of[id(instr)], self.index_of[id(later)]
        return not any(
            self.is_written_between(v.buffer, block, start, end)
            or (v in instr.outputs and self.is_read_between(v.buffer, block, start, end))
            for v in (*instr.inputs, *instr.outputs)
        ) and not any(id(v.buffer) in self.predicates for v in instr.outputs)

    def only_reader(self, value):
        """The one instruction that reads the value's buffer, where it is no result and no predicate; or None."""
        readers = self._readers.get(value.buffer.memory, _NOBODY)
        if len(readers) != 1 or id(value.buffer) in self.kept:
            return None
        (reader,) = readers.values()
        return reader

    def may_join(self, block, made, value, later):
        """Whether an instruction may run where a later one of its block stands, which alone reads the value that it makes."""
        return (
            self.only_reader(value) is later and self.block_of[id(made)] is block and self.may_move(block, made, later)
        )

    # --- rewriting ----------------------------------------------------------------------------------------

    def replace(self, old, *new):
        """Puts instructions in the place of one, now in these tables and in its block at `finish`; none of them removes it."""
        block, index = self.block_of[id(old)], self.index_of[id(old)]
        self._forget(old)
        self._replaced.setdefault(id(block), {})[id(old)] = (old, new)
        for instr in new:
            self.index_of[id(instr)] = index
            self._instruction(instr, block)

    def join(self, made, later, joined, *following):
        """Puts an instruction, and what follows it, in the place of a later one, for both; it has what passes noted of either."""
        joined.notes = (*made.notes, *later.notes)
        self.replace(made)
        self.replace(later, joined, *following)

    def refresh(self, instr, change):
        """Calls `change()`, which gives an instruction other operands."""
        self._forget(instr)
        change()
        self._instruction(instr, self.block_of[id(instr)])

    def _forget(self, instr):
        self._rewritten = True
        for values, table in ((instr.inputs, self._readers), (written_by(instr), self._writers)):
            for value in values:
                if value.buffer is not None:
                    table[value.buffer.memory].pop(id(instr), None)

    def finish(self, block):
        """Gives a block the instructions that `replace` was told of."""
        replaced = self._replaced.pop(id(block), None)
        if replaced:
            block.items = list(self._resolved(block.items, replaced))

    def _resolved(self, items, replaced):
        for item in items:
            if id(item) in replaced:
                yield from self._resolved(replaced[id(item)][1], replaced)
            else:
                yield item

    def place_in(self, block, instr):
        """The index of the item of `block` that is the instruction or holds it; None where it stands elsewhere."""
        item = instr
        while item is not None:
            around = self.block_of[id(item)]
            if around is block:
                return self.index_of[id(item)]
            item = self.item_of[id(around)] if around is not None else None
        return None

    def is_read_between(self, buffer, block, start, end):
        """Whether an item of a block between two places, both excluded, reads a buffer."""
        places = (self.place_in(block, reader) for reader in self._readers.get(buffer.memory, _NOBODY).values())
        return any(place is not None and start < place < end for place in places)

    def is_written_between(self, buffer, block, start, end):
        """Whether an item of a block between two places, both excluded, writes a buffer."""
        places = (self.place_in(block, writer) for writer in self._writers.get(buffer.memory, _NOBODY).values())
        return any(place is not None and start < place < end for place in places)


def regions_of(item):
    """The blocks inside an `If` or a `Loop`."""
    return (item.then, item.otherwise) if isinstance(item, If) else (item.condition, item.body)


def blocks_of(block):
    """A block and all blocks inside it, outer ones first."""
    yield block
    for item in block.items:
        if not isinstance(item, Instr):
            for region in regions_of(item):
                yield from blocks_of(region)


def instructions_of(item):
    """The instructions of an item of a block, those in its regions included."""
    if isinstance(item, Instr):
        yield item
    else:
        for region in regions_of(item):
            yield from walk(region)


def kernels_of(program):
    """The kernels of a program's instructions: those found before, where no pass has given a block other instructions since."""
    found, seen = program.kernels
    if found is None or any(block.items is not items or len(items) != n for block, items, n in seen):
        seen = [(block, block.items, len(block.items)) for block in blocks_of(program.root)]
        found = {item.kernel for _, items, _ in seen for item in items if item.__class__ is Instr}
        program.kernels = found, seen
    return found


def each_of(program, kernels, with_effects=False):
    """The instructions of some kernels, wherever they stand, for a pass that rewrites them one by one.

    Args:
      program: the lowered program.
      kernels: the kernels' names.
      with_effects: whether instructions that do more than write their outputs are among them.

    Yields:
      (uses, block, instruction). A block gets what `uses.replace` was told of behind the last of its instructions.
    """
    if kernels_of(program).isdisjoint(kernels):
        return
    uses = Uses.of(program)
    for block in blocks_of(program.root):
        for item in block.items:
            if item.__class__ is Instr and item.kernel in kernels and (with_effects or not item.effect):
                yield uses, block, item
        uses.finish(block)


# What has an effect and still writes nothing that it is given.
_READ_ONLY_EFFECTS = frozenset(("host", "stack_push", "check_initialized", "check_rows", "check_gathered", "resize",
                                "copy_sizes"))  # fmt: skip
_NEVER_UPDATED = frozenset((ARENA, GROWN, CONSTANT, FOLDED, FEED))


def written_by(instr):
    """The values an instruction may write: its outputs, and what an update in place is given as inputs."""
    if not instr.effect or instr.kernel in _READ_ONLY_EFFECTS:
        return instr.outputs
    updated = [v for v in instr.inputs if v.buffer.kind not in _NEVER_UPDATED]
    if instr.inputs and not instr.outputs and instr.inputs[0] not in updated:
        updated.append(instr.inputs[0])  # the rows of a TensorArray
    return [*instr.outputs, *updated]


def equal_sizes(left, right):
    """Whether two sizes are proven equal."""
    return left is right or (not isinstance(left, Size) and not isinstance(right, Size) and left == right)


def at_least(size, other):
    """Whether a size is proven not to be below another."""
    difference = size - other
    return difference.table.never_negative(difference) if isinstance(difference, Size) else difference >= 0


def are_disjoint(left, right):
    """Whether two values of one buffer are proven to share no element.

    Proven are windows of one tensor that lie beside each other along one axis, and what lies behind a whole value.
    """
    shift = right.offset - left.offset
    if (isinstance(shift, Size) and not at_least(shift, 0)) or (not isinstance(shift, Size) and shift < 0):
        left, right, shift = right, left, left.offset - right.offset
    strides = left.strides or dense_strides(left.shape)
    others = right.strides or dense_strides(right.shape)
    if len(strides) != len(others) or any(
        not equal_sizes(s, t) and not (equal_sizes(d, 1) and equal_sizes(e, 1))
        for s, t, d, e in zip(strides, others, left.shape, right.shape)
    ):
        return left.strides is None and at_least(shift, left.size)
    axes = [
        (d, e, s) for d, e, s in zip(left.shape, right.shape, strides) if not (equal_sizes(d, 1) and equal_sizes(e, 1))
    ]
    if not axes:
        return at_least(shift, 1)
    return any(_are_apart(axes, k, shift) for k in range(len(axes)))


def lie_in_order(values):
    """Whether values of one buffer are proven to lie one behind the other, so that no two share an element.

    Neighbours are compared, and the first with the last: of many parts of one tensor, each pair would be too many.
    """
    pairs = list(pairwise(values))
    if all(v.strides is None for v in values):
        return all(at_least(right.offset, left.offset + left.size) for left, right in pairs)
    shapes = [v.strides or dense_strides(v.shape) for v in values]
    if not pairs or any(not same_sizes(shapes[0], strides) for strides in shapes):
        return not pairs
    pairs.append((values[0], values[-1]))
    return any(all(_follows(left, right, shapes[0], k) for left, right in pairs) for k in range(len(shapes[0])))


def _follows(left, right, strides, k):
    """Whether a value lies behind another along axis k."""
    return _are_apart(list(zip(left.shape, right.shape, strides)), k, right.offset - left.offset)


def same_sizes(left, right):
    """Whether lists of sizes are proven equal."""
    return len(left) == len(right) and all(map(equal_sizes, left, right))


def _are_apart(axes, k, shift):
    """Whether windows are disjoint along axis k: (extent, extent, stride) for each axis, the second shifted.

    The extents of every other axis must stay below the stride of the axis around it, so that an element has one index.
    """
    for m, (extent, other, stride) in enumerate(axes):
        around = axes[m - 1][2] if m else None
        if m == k:
            if not at_least(shift, extent * stride):
                return False
            if around is not None and not at_least(around, shift + other * stride):
                return False
        elif around is not None and not (at_least(around, extent * stride) and at_least(around, other * stride)):
            return False
        if isinstance(stride, int) and stride <= 0:
            return False
    return True


def reshaped_view(value, shape):
    """The elements of a view under another shape, without a copy; None where there is no such view, or where the size may be another.

    Axes are matched in groups of proven equal size, as a reshape of a row-major tensor does.
    """
    if same_shape(value.shape, shape):
        return value
    if value.strides is None:
        dense = Value(value.dtype, shape, value.buffer, None, value.offset)
        return dense if equal_sizes(dense.size, value.size) else None
    old = [(d, s) for d, s in zip(value.shape, value.strides) if not equal_sizes(d, 1)]
    strides, at = [], len(old)
    for dim in reversed(shape):
        if equal_sizes(dim, 1):
            strides.append(1)
            continue
        if at == 0:
            return None
        have, stride = old[at - 1]
        if equal_sizes(have, dim):
            strides.append(stride)
            at -= 1
            continue
        # one new axis for several old ones that lie behind one another
        total, inner = have, at - 1
        while inner > 0 and equal_sizes(old[inner - 1][1], total * stride) and not equal_sizes(total, dim):
            inner -= 1
            total = total * old[inner][0]
        if equal_sizes(total, dim):
            strides.append(stride)
            at = inner
        elif not isinstance(have, Size) and not isinstance(dim, Size) and dim and have % dim == 0:
            strides.append(stride)  # several new axes for an old one
            old[at - 1] = (have // dim, stride * dim)
        else:
            return None
    if at:
        return None
    return Value(value.dtype, shape, value.buffer, tuple(reversed(strides)), value.offset)


def place_key(value):
    """Equal for values that are proven to be the same elements of the same buffer."""
    return id(value.buffer), value.offset, value.shape, value.strides, value.dtype.name


def form_key(value):
    """Equal for values of the same shape and type."""
    return value.shape, value.dtype.name
