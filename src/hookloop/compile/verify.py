"""What must hold of a program after lowering and after every pass. Tests switch it on; it costs about as much as a pass.

- A buffer of the plan's own is written before it is read, and nobody writes a constant or what was fed.
- A size that only running tells is known before an instruction depends on it.
- Predicates are single booleans.
"""

from __future__ import annotations

from .ir import ARENA, CONSTANT, FEED, FOLDED, GROWN, If, Instr, Value

_OWN = frozenset((ARENA, GROWN, FOLDED))


class IllegalProgram(Exception):
    """A program that breaks a rule; the message names the instruction and the rule."""


def verify(program, after):
    """Checks a program.

    Args:
      program: a `Program`.
      after: the name of the stage that it comes from, for the message.

    Raises:
      IllegalProgram: where a rule is broken.
    """
    _Verifier(program, after).run()


class _Verifier:
    def __init__(self, program, after):
        self.program = program
        self.after = after
        self.written = set()
        self.known = set()  # atoms of sizes that running has told

    def run(self):
        for instr in self.program.prologue:
            if any(v.buffer.kind not in (CONSTANT, FOLDED) for v in instr.inputs):
                self.fail(instr, "the prologue reads what is no constant")
            self.instruction(instr)
        self.block(self.program.root)
        for value in self.program.fetches:
            if value.buffer is None:
                self.fail(None, "a fetched value has no buffer")
            if value.buffer.kind in _OWN and id(value.buffer) not in self.written:
                self.fail(None, "a fetched value is never written")

    def block(self, block):
        for item in block.items:
            if isinstance(item, Instr):
                self.instruction(item)
            elif isinstance(item, If):
                self.predicate(item.predicate)
                self.block(item.then)
                self.block(item.otherwise)
            else:
                self.block(item.condition)
                self.predicate(item.predicate)
                self.block(item.body)

    def instruction(self, instr):
        for value in instr.inputs:
            self.read(instr, value)
        for size in instr.defines:
            self.known.update(atom.index for atom in self.program.sizes.atoms_of(size))
        for value in instr.outputs:
            if value.buffer is None:
                self.fail(instr, "an output has no buffer")
            if value.buffer.kind in (CONSTANT, FEED):
                self.fail(instr, "it writes a constant or a feed")
            self.sizes(instr, value)
            self.written.add(id(value.buffer))

    def read(self, instr, value):
        if value.buffer is None:
            self.fail(instr, "an input has no buffer")
        if value.buffer.kind in _OWN and id(value.buffer) not in self.written:
            self.fail(instr, f"it reads {value!r} before anything is written there")
        self.sizes(instr, value)

    def sizes(self, instr, value: Value):
        for size in (*value.shape, *(value.strides or ()), value.offset):
            for atom in self.program.sizes.atoms_of(size):
                if atom.group and atom.operation is None and atom.index not in self.known:
                    self.fail(instr, f"the size s{atom.index} of {value!r} is not known yet")

    def predicate(self, value):
        if value.buffer is None or value.dtype.name != "bool" or value.shape != ():
            raise IllegalProgram(f"after {self.after}: a predicate is no single boolean but {value!r}")
        if value.buffer.kind in _OWN and id(value.buffer) not in self.written:
            raise IllegalProgram(f"after {self.after}: a predicate is read before it is written")

    def fail(self, instr, text):
        where = "the results" if instr is None else f"{instr.kernel} of node {instr.node}"
        raise IllegalProgram(f"after {self.after}: {where}: {text}")
