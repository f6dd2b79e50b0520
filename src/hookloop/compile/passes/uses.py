"""What passes ask of a program: who writes and who reads a buffer, and in which block."""

from __future__ import annotations

from ..ir import ARENA, GROWN, If, Instr, walk
from ..sizes import Size

# What steers a run, or answers it: it has no equal and no other place.
CONTROL_KERNELS = frozenset(("resize", "load_sizes", "store_sizes", "copy_sizes", "host", "stack_push", "stack_pop",
                             "stack_sizes", "reshape_variable", "mark_initialized", "check_initialized"))  # fmt: skip


class Uses:
    """The readers and writers of every buffer, as the program stands when this is made.

    Attributes:
      readers, writers: id(buffer) -> the instructions, in program order, each once.
      block_of: id(instruction) -> the block it stands in.
      kept: ids of the buffers that are wanted whatever instructions read them: results and predicates.
    """

    def __init__(self, program):
        self.readers: dict[int, list] = {}
        self.writers: dict[int, list] = {}
        self.block_of: dict[int, object] = {}
        self.kept = {id(v.buffer) for v in program.results if v.buffer is not None}
        for instr in program.prologue:
            self._instruction(instr, None)
        self._block(program.root)

    def _block(self, block):
        for item in block.items:
            if isinstance(item, Instr):
                self._instruction(item, block)
                continue
            self.kept.add(id(item.predicate.buffer))
            for region in regions_of(item):
                self._block(region)

    def _instruction(self, instr, block):
        self.block_of[id(instr)] = block
        for values, table in ((instr.inputs, self.readers), (written_by(instr), self.writers)):
            for value in values:
                if value.buffer is not None:
                    users = table.setdefault(id(value.buffer), [])
                    if not users or users[-1] is not instr:
                        users.append(instr)

    def only_writer(self, value):
        """The one instruction that writes the value's buffer, all of it; or None."""
        writers = self.writers.get(id(value.buffer), ())
        if len(writers) != 1 or value.buffer.kind not in (ARENA, GROWN):
            return None
        written = [v for v in writers[0].outputs if v.buffer is value.buffer]
        return writers[0] if len(written) == 1 and is_whole(written[0]) else None

    def only_reader(self, value):
        """The one instruction that reads the value's buffer, where it is no result and no predicate; or None."""
        readers = self.readers.get(id(value.buffer), ())
        return readers[0] if len(readers) == 1 and id(value.buffer) not in self.kept else None


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


# What has an effect and still writes nothing that it is given.
_READ_ONLY_EFFECTS = frozenset(("host", "stack_push", "check_initialized", "resize", "copy_sizes"))


def written_by(instr):
    """The values an instruction may write: its outputs, and what an update in place is given as inputs."""
    if instr.effect and instr.kernel not in _READ_ONLY_EFFECTS:
        return [*instr.outputs, *instr.inputs]
    return instr.outputs


def is_whole(value):
    """Whether a value is its buffer from end to end, dense."""
    if value.strides is not None or isinstance(value.offset, Size) or value.offset:
        return False
    size = value.size
    return size is value.buffer.size if isinstance(size, Size) else size == value.buffer.size


def size_key(size):
    """A hashable stand-in for a size: equal keys are proven equal sizes."""
    return ("size", id(size)) if isinstance(size, Size) else int(size)


def place_key(value):
    """Equal for values that are proven to be the same elements of the same buffer."""
    strides = None if value.strides is None else tuple(map(size_key, value.strides))
    return id(value.buffer), size_key(value.offset), tuple(map(size_key, value.shape)), strides, value.dtype.name


def form_key(value):
    """Equal for values of the same shape and type."""
    return tuple(map(size_key, value.shape)), value.dtype.name


def may_move_to(block, start, end, instr):
    """Whether the instruction at `start` of a block may run at `end` instead, where `start` < `end`.

    It may not where something between writes what it reads, or touches what it writes, or where it does more than write
    its outputs.
    """
    if instr.effect or instr.defines:
        return False
    reads = {id(v.buffer) for v in instr.inputs}
    writes = {id(v.buffer) for v in instr.outputs}
    for item in block.items[start + 1 : end]:
        if not isinstance(item, Instr) and id(item.predicate.buffer) in writes:
            return False
        for other in instructions_of(item):
            if any(id(v.buffer) in writes for v in other.inputs):
                return False
            if any(id(v.buffer) in writes or id(v.buffer) in reads for v in written_by(other)):
                return False
    return True
