"""A plan in words: its instructions, where their operands lie, what passes made of them, and the commit point."""

from __future__ import annotations

from . import sizes
from .ir import ARENA, CONSTANT, FEED, FLAG, FOLDED, GROWN, OBJECT, RESULT, STACK, STREAM, VARIABLE, If, Instr
from .sizes import Size

_ALIGNMENT = 64
_MAY_FAIL = frozenset(
    ("host", "resize", "check_initialized", "check_rows", "check_gathered", "load_sizes", "reshape_variable")
)

_CHOOSING = frozenset(
    ("conv", "conv_image_gradient", "conv_filter_gradient")
)  # kernels that can say how they go about it


class Step:
    """One instruction of a plan.

    Attributes:
      index: its number; None in the prologue, which runs once.
      kernel: the kernel's name.
      inputs, outputs: text for each operand: type, sizes, place.
      op: the name of the op that it came from, or ''.
      fused: (name of a pass, what it did) for each.
      choice: which of its ways the kernel takes for the sizes at hand and why; '' where it has only one.
      writes: whether it writes a variable.
      depth: how many conditionals and loops it stands in.
    """

    def __init__(self, index, instr, op, inputs, outputs, depth, choice):
        self.index = index
        self.choice = choice
        self.kernel = instr.kernel
        self.op = op.name if op is not None else ""
        self.inputs = inputs
        self.outputs = outputs
        self.fused = instr.notes
        self.writes = instr.writes_variable
        self.depth = depth

    def lines(self):
        number = "     " if self.index is None else f"{self.index:4} "
        indent = "  " * self.depth
        text = f"{number}{indent}{self.kernel}"
        if self.inputs:
            text += " " + ", ".join(self.inputs)
        if self.outputs:
            text += " -> " + ", ".join(self.outputs)
        yield text
        if self.op:
            yield f"       {indent}from {self.op!r}"
        if self.choice:
            yield f"       {indent}{self.choice}"
        for name, what in self.fused:
            yield f"       {indent}{name}: {what}"


class Explanation:
    """What `explain` tells; `str()` gives it as text.

    Attributes:
      steps: the instructions in their order, a list of `Step`.
      prologue: the instructions that run once for all steps.
      commit: the index of the first instruction that writes a variable, or None where none does.
      writes_early: the indices of instructions behind the commit point that may still fail.
      arena_bytes: what intermediate results need, with the sizes at hand; results that are fetched have memory of their own.
      sizes: a sentence for each size that only a feed or the run tells.
    """

    def __init__(self, program, nodes, choice_of=None):
        """`choice_of(kernel, inputs, outputs, params)` tells what a kernel chooses for operands given as (shape, NumPy dtype)."""
        self._program = program
        self._choice_of = choice_of
        self._nodes = nodes
        self._slots = _slot_offsets(program)
        self.arena_bytes = self._slots[-1]
        self.steps = []
        self._lines = []
        self._atoms = {}
        self.writes_early = []
        self.prologue = [self._step(instr, 0, False) for instr in program.prologue]
        self._walk(program.root, 0)
        self.commit = next((step.index for step in self.steps if step.writes), None)
        self._find_early_writes()
        self.sizes = [self._atom_text(self._atoms[i]) for i in sorted(self._atoms)]

    # --- instructions -------------------------------------------------------------------------------------

    def _walk(self, block, depth):
        for item in block.items:
            if isinstance(item, Instr):
                step = self._step(item, depth, True)
                self.steps.append(step)
                self._lines.append(step)
            elif isinstance(item, If):
                self._lines.append(f"     {'  ' * depth}if {self._value(item.predicate)}:")
                self._walk(item.then, depth + 1)
                if item.otherwise.items:
                    self._lines.append(f"     {'  ' * depth}else:")
                    self._walk(item.otherwise, depth + 1)
            else:
                self._lines.append(f"     {'  ' * depth}repeat:")
                self._walk(item.condition, depth + 1)
                self._lines.append(f"     {'  ' * depth}while {self._value(item.predicate)}:")
                self._walk(item.body, depth + 1)

    def _step(self, instr, depth, numbered):
        op = self._nodes[instr.node] if 0 <= instr.node < len(self._nodes) else None
        index = len(self.steps) if numbered else None
        inputs, outputs = map(self._value, instr.inputs), map(self._value, instr.outputs)
        step = Step(index, instr, op, list(inputs), list(outputs), depth, self._choice(instr))
        op_def = op.op_def if op is not None else None
        may_fail = instr.kernel in _MAY_FAIL or (op_def is not None and op_def.can_fail)
        late = any(instr is found for found in self._program.late_failures)
        step.may_fail = may_fail and (not step.writes or late)
        return step

    def _choice(self, instr):
        if self._choice_of is None or instr.kernel not in _CHOOSING:
            return ""
        hint = self._program.hint
        inputs, outputs = (
            [(tuple(map(hint, value.shape)), value.dtype.as_numpy_dtype) for value in values]
            for values in (instr.inputs, instr.outputs)
        )
        params = [hint(p) if isinstance(p, Size) else p for p in instr.params]
        return self._choice_of(instr.kernel, inputs, outputs, params)

    def _find_early_writes(self):
        for step in self.steps:
            if self.commit is not None and step.index > self.commit and step.may_fail:
                self.writes_early.append(step.index)

    # --- operands -----------------------------------------------------------------------------------------

    def _size(self, size):
        if not isinstance(size, Size):
            return str(size)
        for atom in self._program.sizes.atoms_of(size):
            self._atoms[atom.index] = atom
        return repr(size)

    def _value(self, value):
        dims = ",".join(map(self._size, value.shape))
        text = f"{value.dtype.name}[{dims}]"
        if value.strides is not None:
            text += f" strides [{','.join(map(self._size, value.strides))}]"
        if isinstance(value.offset, Size) or value.offset:
            text += f" from {self._size(value.offset)}"
        return f"{text} {self._place(value.buffer)}"

    def _fed(self, feed):
        if feed < len(self._program.feeds):
            return f"fed for {self._program.feeds[feed].tensor.name!r}"
        call = max((c for c in self._program.batches if c.first_feed <= feed), key=lambda c: c.first_feed)
        return f"the next of {call.op.outputs[feed - call.first_feed].name!r}"

    def _place(self, buffer):
        kind = buffer.kind
        if kind == ARENA:
            return f"in arena {self._slots[buffer.index]:,}"
        if kind in (VARIABLE, FLAG):
            return f"{'of' if kind == VARIABLE else 'flag of'} variable {buffer.source!r}"
        if kind == FEED:
            return self._fed(buffer.source[1])
        if kind == CONSTANT:
            return f"constant {buffer.source.ravel()[0]!s}" if buffer.source.size == 1 else "constant"
        return {
            FOLDED: "folded",
            GROWN: "grown",
            RESULT: f"result {buffer.index}",
            STREAM: "random stream",
            STACK: "saved loop values",
            OBJECT: "object",
        }[kind]

    def _atom_text(self, atom):
        origin = atom.origin
        if origin is not None and origin[0] == "feed":
            feeds, same = self._program.feeds, self._program.request.same
            others = [feeds[feed].tensor.name for (feed, _), of in same.items() if of == origin[1:]]
            names = " and of ".join(map(repr, [feeds[origin[1]].tensor.name, *others]))
            return f"s{atom.index}: size {origin[2]} of feed {names}, {feeds[origin[1]].shape[origin[2]]} here"
        if origin is not None and origin[0] == "variable":
            return f"s{atom.index}: size {origin[2]} of variable {origin[1]!r}"
        if atom.operation is not None:
            left, right = self._size(atom.left), self._size(atom.right)
            return f"s{atom.index}: {_OPERATIONS[atom.operation].format(left, right)}"
        return f"s{atom.index}: told while the plan runs"

    # --- text -----------------------------------------------------------------------------------------------

    def __str__(self):
        lines = [f"{len(self.steps)} instructions, {self.arena_bytes:,} bytes for intermediate results"]
        lines += self.sizes
        if self.prologue:
            lines.append("once:")
            lines += [line for step in self.prologue for line in step.lines()]
        lines.append("each step:")
        for line in self._lines:
            if isinstance(line, str):
                lines.append(line)
                continue
            if line.index == self.commit:
                lines.append("     ---- commit point: nothing above writes a variable ----")
            lines += line.lines()
        lines.append(self._conclusion())
        return "\n".join(lines)

    def _conclusion(self):
        if self.commit is None:
            return "No variable is written."
        if not self.writes_early:
            return "A step that fails changes no variable: what can fail stands before the commit point."
        culprits = ", ".join(f"{i} ({self.steps[i].kernel})" for i in self.writes_early[:5])
        more = ", ..." if len(self.writes_early) > 5 else ""
        return f"This plan must write early: instructions behind the commit point may fail: {culprits}{more}."

    def __repr__(self):
        return f"<Explanation of a plan of {len(self.steps)} instructions>"


_OPERATIONS = {
    sizes.ADD: "{} + {}",
    sizes.SUB: "{} - {}",
    sizes.MUL: "{} * {}",
    sizes.FLOORDIV: "{} // {}",
    sizes.MOD: "{} % {}",
    sizes.MAX: "the larger of {} and {}",
    sizes.MIN: "the smaller of {} and {}",
    sizes.BROADCAST: "{} and {}, broadcast",
    sizes.EQUAL: "{}, which must equal {}",
    sizes.INFER: "{} / {}, which must be exact",
    sizes.WRAP: "{}, counted from {} where it is negative",
    sizes.OR_ELSE: "{}, or {} where it is -1",
    sizes.INDEX: "{}, an index into {}",
    sizes.WITHIN: "{}, at most {}",
    sizes.NATURAL: "{}, which must not be negative",
    sizes.STEP: "how large {}, which must not be 0, is",
    sizes.ONCE: "{}, which must be at most {}",
}


def _slot_offsets(program):
    """The byte offset of each slot of the arena with the sizes at hand, and the arena's end."""
    bytes_of = [0] * program.arena_slots
    for instr in program.instructions():
        for value in (*instr.inputs, *instr.outputs):
            buffer = value.buffer
            if buffer is not None and buffer.kind == ARENA and buffer.index is not None:
                needed = program.hint(buffer.size) * buffer.dtype.size
                bytes_of[buffer.index] = max(bytes_of[buffer.index], needed)
    offsets = [0]
    for needed in bytes_of:
        offsets.append(offsets[-1] + -(-needed // _ALIGNMENT) * _ALIGNMENT)
    return offsets
