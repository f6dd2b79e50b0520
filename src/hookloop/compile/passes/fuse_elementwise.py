"""The pass for chains of elementwise instructions: one instruction whose kernel takes blocks through all of them.

A chain is made of instructions of one block with results of one shape that hand values to each other or read the same tensor.
It runs where the last of them stood: so nothing in between may touch what they read or write. What only the chain itself
reads is never stored: it lies in a slot of the kernel's scratch (csrc/kernels/fused.c).
"""

from __future__ import annotations

from functools import cache

from ..ir import Instr, same_shape
from ..sizes import Size
from .uses import STEERING, Uses, are_disjoint, blocks_of, place_key, written_by

MOST_STEPS, MOST_SLOTS, MOST_OPERANDS = 32, 16, 24  # as in csrc/kernels/fused.c
_TINY = 128  # elements: a block that no dispatch is saved for
_MOST_OPEN = 8  # chains that wait for a next step
_MOST_SUMMED = 8

_MOVES = frozenset(("copy", "fill"))
_ALWAYS = _MOVES | frozenset((
    "neg", "abs", "sign", "square", "sqrt", "rsqrt", "reciprocal", "exp", "log", "sigmoid", "tanh", "expm1", "log1p", "sin",
    "cos", "erf", "erfc", "softplus", "floor", "ceil", "rint", "round", "logical_not", "relu", "relu6", "elu", "selu",
    "leaky_relu", "softsign", "is_nan", "is_inf", "is_finite", "add", "sub", "mul", "mul_no_nan", "div_no_nan", "xdivy",
    "xlogy", "maximum", "minimum", "squared_difference", "logical_and", "logical_or", "equal", "not_equal", "less",
    "less_equal", "greater", "greater_equal", "tanh_grad", "sigmoid_grad", "sqrt_grad", "rsqrt_grad", "reciprocal_grad",
    "relu_grad", "relu6_grad", "elu_grad", "selu_grad", "softplus_grad", "softsign_grad", "leaky_relu_grad", "select", "cast",
    "complex", "complex_abs", "real_part", "imaginary_part", "conjugate",
))  # fmt: skip
_UNLESS_INTEGER = frozenset(("div", "floor_div", "floor_mod", "truncate_mod", "pow"))  # integers may be refused
# A slot has room for 8 bytes an element.
_TYPES = frozenset(("float32", "float64", "int32", "int64", "bool", "uint8", "float16", "bfloat16", "complex64"))


def fuse_elementwise(program):
    """Puts chains of elementwise instructions into one instruction each."""
    uses = cache(lambda: Uses.of(program))  # looked at where there is a chain
    for block in blocks_of(program.root):
        _Fusion(uses, block).run()


def chains_in(block):
    """The chains of a block, those of one instruction among them: lists of (place in the block, instruction)."""
    fusion = _Fusion(None, block)
    fusion.find()
    return fusion.chains


def chain_of(uses, instr):
    """One elementwise instruction as a chain of one step."""
    return _assemble(uses, [(0, instr)])


class _Chain:
    """Instructions of one shape that may run together where the last of them stands."""

    def __init__(self, shape):
        self.shape = shape
        self.members = []  # (place in the block, instruction)
        self.reads: set = set()
        self.places: set = set()
        self.writes: dict = {}  # memory -> values written, each with its place
        self.steps = 0

    def add(self, index, instr):
        self.members.append((index, instr))
        self.steps += steps_of(instr)
        (out,) = instr.outputs
        place = place_key(out)
        for value in instr.inputs:
            self.reads.add(value.buffer.memory)
            if same_shape(value.shape, self.shape):
                self.places.add(place_key(value))
        self.writes.setdefault(out.buffer.memory, []).append((place, out))
        self.places.add(place)

    def absorb(self, other):
        self.members = sorted(self.members + other.members, key=lambda member: member[0])
        self.steps += other.steps
        self.reads |= other.reads
        self.places |= other.places
        for memory, values in other.writes.items():
            self.writes.setdefault(memory, []).extend(values)

    def conflicts(self, read, written):
        """Whether an instruction that does not belong to the chain must not stand before it: the memory that it reads and writes."""
        own = self.writes.keys()
        return not (own.isdisjoint(read) and own.isdisjoint(written) and self.reads.isdisjoint(written))

    def takes(self, instr, places):
        """Whether an instruction may be the next step: what it reads of the chain is what the chain wrote, as it is.

        `places` are those of its inputs.
        """
        if self.places.isdisjoint(places):
            return False  # it has nothing to do with the chain
        for value, place in zip(instr.inputs, places):
            written = self.writes.get(value.buffer.memory)
            if written is None:
                continue
            if [p for p, _ in written].count(place) != 1:
                return False
            if any(p != place and not are_disjoint(w, value) for p, w in written):
                return False
        (out,) = instr.outputs
        memory = out.buffer.memory
        return memory not in self.reads and all(are_disjoint(out, w) for _, w in self.writes.get(memory, ()))


class _Fusion:
    """The walk over one block."""

    def __init__(self, uses, block):
        self.uses = uses
        self.block = block
        self.open: list[_Chain] = []
        self.chains: list = []  # the members of each that is complete
        self.replaced: dict[int, list] = {}  # place in the block -> what stands there instead

    def run(self):
        self.find()
        for members in self.chains:
            self._emit(members)
        if self.replaced:
            items = self.block.items
            self.block.items = [new for i, item in enumerate(items) for new in self.replaced.get(i, (item,))]

    def find(self):
        """Puts the instructions of the block into chains."""
        for index, item in enumerate(self.block.items):
            if not isinstance(item, Instr) or item.kernel in STEERING or item.defines:
                self._close(list(self.open))
            elif is_elementwise(item):
                self._place(index, item)
            elif self.open:
                self._close_conflicting(item, None)
        self._close(list(self.open))

    def _place(self, index, instr):
        """Adds an instruction to the chains it belongs to, which become one, or begins one."""
        shape = instr.outputs[0].shape
        places = [place_key(v) for v in instr.inputs]
        joined = [c for c in self.open if same_shape(c.shape, shape) and c.takes(instr, places)]
        home, length = None, steps_of(instr)
        for chain in joined:
            if length + chain.steps <= MOST_STEPS:
                length += chain.steps
                if home is None:
                    home = chain
                else:
                    home.absorb(chain)
                    self.open.remove(chain)
        self._close_conflicting(instr, home)
        if home is None:
            home = _Chain(shape)
            self.open.append(home)
            self._close(self.open[:-_MOST_OPEN])
        home.add(index, instr)

    def _close_conflicting(self, instr, home):
        """Ends the chains that an instruction must not stand before, but for the one it belongs to."""
        others = [c for c in self.open if c is not home]
        if others:
            read = {v.buffer.memory for v in instr.inputs if v.buffer is not None}
            written = {v.buffer.memory for v in written_by(instr) if v.buffer is not None}
            self._close([c for c in others if c.conflicts(read, written)])

    def _close(self, chains):
        for chain in chains:
            self.open.remove(chain)
            self.chains.append(chain.members)

    def _emit(self, members):
        """Puts the chain where its last member stood; in two where it has too many operands."""
        if len(members) < 2 or all(instr.kernel in _MOVES for _, instr in members):
            return
        if len({index for index, _ in members}) < 2:
            return
        fused = _assemble(self.uses(), members)
        if fused is None:
            half = len(members) // 2
            self._emit(members[:half])
            self._emit(members[half:])
            return
        for index, _ in members:
            self.replaced[index] = []
        self.replaced[members[-1][0]] = [fused]


def never_fails(instr):
    """Whether an instruction is elementwise, or a chain of such, and cannot be refused while it runs."""
    return instr.kernel == "fused" or _has_step(instr)


def is_elementwise(instr):
    """Whether an instruction can be part of a chain that is worth its dispatch."""
    if len(instr.outputs) != 1:
        return False
    size = instr.outputs[0].size
    return (isinstance(size, Size) or size > _TINY) and _has_step(instr)


def _has_step(item):
    if item.effect or item.writes_variable or len(item.outputs) != 1 or not item.inputs:
        return False
    if item.kernel == "add_n":
        if not 2 <= len(item.inputs) <= _MOST_SUMMED or any(v.strides is not None for v in item.inputs):
            return False
        if len(item.inputs) > 2 and item.outputs[0].dtype.name not in ("float32", "float64"):
            return False  # 16-bit floats are summed in float
    elif item.kernel in _UNLESS_INTEGER:
        if not item.outputs[0].dtype.is_floating:
            return False
    elif item.kernel not in _ALWAYS:
        return False
    return all(v.dtype.name in _TYPES for v in (*item.inputs, *item.outputs))


def steps_of(instr):
    """How many steps an instruction takes: a sum of several is additions into its result, one after the other."""
    return len(instr.inputs) - 1 if instr.kernel == "add_n" else 1


class _Assembly:
    """The operands, slots and attributes of a chain's one instruction."""

    def __init__(self, uses, members):
        self.instrs = [instr for _, instr in members]
        self.inside = {id(instr) for instr in self.instrs}
        self.uses = uses
        self.inputs: list = []
        self.outputs: list = []
        self.input_at: dict = {}
        self.first_read: dict = {}
        self.last_read: dict = {}
        self.producer = {place_key(instr.outputs[0]): i for i, instr in enumerate(self.instrs)}
        self.slots: dict = {}  # producing step -> slot
        self.slot_count = 0
        self.output_at: dict = {}

    def stays_inside(self, instr):
        """Whether nobody but the chain reads an instruction's result."""
        (out,) = instr.outputs
        return (
            self.uses.only_writer(out) is instr
            and id(out.buffer) not in self.uses.kept
            and all(id(reader) in self.inside for reader in self.uses.readers(out.buffer))
        )

    def number_operands(self):
        for step, instr in enumerate(self.instrs):
            for value in instr.inputs:
                place = place_key(value)
                made = self.producer.get(place)
                if made is not None and made < step:
                    continue
                if place not in self.input_at:
                    self.input_at[place] = len(self.inputs)
                    self.inputs.append(value)
                self.last_read[place] = step
            if not self.stays_inside(instr):
                self.output_at[step] = len(self.outputs)
                self.outputs.append(instr.outputs[0])

    def assign_slots(self):
        """A slot is free again after the last step that reads it."""
        last = {}
        for step, instr in enumerate(self.instrs):
            for value in instr.inputs:
                made = self.producer.get(place_key(value))
                if made is not None and made < step:
                    last[made] = step
        free, held = [], []
        for step in range(len(self.instrs)):
            if step not in self.output_at:
                self.slots[step] = free.pop() if free else self.slot_count
                self.slot_count = max(self.slot_count, self.slots[step] + 1)
                held.append((last.get(step, step), self.slots[step]))
            free += [slot for end, slot in held if end <= step]
            held = [(end, slot) for end, slot in held if end > step]

    def operand(self, value, step):
        made = self.producer.get(place_key(value))
        if made is None or made >= step:
            return self.input_at[place_key(value)]
        return self.result(made)

    def result(self, step):
        count = len(self.inputs) + len(self.outputs)
        return len(self.inputs) + self.output_at[step] if step in self.output_at else count + self.slots[step]

    def params(self):
        found = [self.slot_count, sum(map(steps_of, self.instrs))]
        for step, instr in enumerate(self.instrs):
            inputs, result = [self.operand(v, step) for v in instr.inputs], self.result(step)
            dtype = instr.outputs[0].dtype.as_datatype_enum
            if instr.kernel == "add_n":
                found += ["add", dtype, 3, 0, *inputs[:2], result]
                for value in inputs[2:]:
                    found += ["add", dtype, 3, 0, result, value, result]
            else:
                found += [instr.kernel, dtype, len(inputs) + 1, len(instr.params), *inputs, result, *instr.params]
        return found

    def overwrites(self):
        """Inputs that the first result may take over: the chain has read them when it writes a block of the result."""
        written = min(self.output_at)
        writer = self.instrs[written]
        taken = []
        for place, at in self.input_at.items():
            last = self.last_read[place]
            own = [i for i, value in enumerate(writer.inputs) if place_key(value) == place]
            if last < written or (last == written and all(i in writer.overwrites for i in own)):
                taken.append(at)
        return tuple(taken)


def _assemble(uses, members):
    assembly = _Assembly(uses, members)
    assembly.number_operands()
    assembly.assign_slots()
    operands = len(assembly.inputs) + len(assembly.outputs)
    if not assembly.outputs or operands > MOST_OPERANDS or assembly.slot_count > MOST_SLOTS:
        return None
    last = members[-1][1]
    fused = Instr("fused", assembly.inputs, assembly.outputs, assembly.params(), last.node,
                  overwrites=assembly.overwrites(), views="any")  # fmt: skip
    fused.notes = tuple(note for instr in assembly.instrs for note in instr.notes)
    fused.note("fuse_elementwise", "does " + ", ".join(instr.kernel for instr in assembly.instrs))
    return fused
