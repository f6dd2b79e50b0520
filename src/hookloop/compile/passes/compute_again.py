"""The pass for cheap elementwise results that later chains read: those compute them again, and they are never stored.

A chain stores what others read of it (fuse_elementwise.py), and gradients read most of what the way there computed: a sum, a product,
a square. Where every later reader is a chain that reads, or may read in its place, what the result was computed of, each gets the
steps itself: arithmetic on what is in the cache takes less than memory. Functions (`exp`, `tanh`) and quotients are kept.
"""

from __future__ import annotations

from ..ir import ARENA, GROWN, VARIABLE, Buffer, Instr, Value, is_whole
from ..sizes import Size
from .fuse_elementwise import MOST_STEPS, chains_in, is_elementwise, steps_of
from .uses import Uses, blocks_of, equal_sizes, place_key

LEAST = 1 << 13  # elements: of fewer the next chain finds them in the first cache
_MOST_AGAIN = 4  # steps that one result may take
_CHEAP = frozenset((
    "neg", "abs", "square", "logical_not", "relu", "relu6", "add", "sub", "mul", "maximum", "minimum", "squared_difference",
    "logical_and", "logical_or", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "tanh_grad",
    "sigmoid_grad", "relu_grad", "relu6_grad", "select",
))  # fmt: skip


def compute_again(program):
    """Gives chains steps of their own for cheap results of earlier ones."""
    uses = None  # of the program as it comes: what a block gets and loses concerns that block alone
    for block in blocks_of(program.root):
        if any(item.__class__ is Instr and _may_be_again(item) for item in block.items):
            uses = uses or Uses.of(program)
            _Again(uses, block).run()


def _may_be_again(instr):
    if instr.kernel not in _CHEAP or not is_elementwise(instr):
        return False
    size = instr.outputs[0].size
    return isinstance(size, Size) or size >= LEAST


class _Chain:
    """What is known of a chain while steps are added to it."""

    def __init__(self, members):
        self.members = members
        self.steps = sum(steps_of(instr) for _, instr in members)
        self.end = members[-1][1]
        own = {place_key(instr.outputs[0]) for _, instr in members}
        self.reads = {place_key(value) for _, instr in members for value in instr.inputs} - own
        self.copies: dict = {}  # place of a result of another chain -> _Copy


class _Copy:
    """An instruction that a chain gets, and the place in the block that it stands before."""

    def __init__(self, original, index):
        (out,) = original.outputs
        self.original = original
        self.index = index
        self.value = Value(out.dtype, out.shape, Buffer(ARENA, out.dtype, out.size, shape=out.shape))


class _Again:
    """The walk over one block."""

    def __init__(self, uses, block):
        self.uses = uses
        self.block = block
        self.chains = [_Chain(members) for members in chains_in(block)]
        self.chain_of = {id(instr): chain for chain in self.chains for _, instr in chain.members}

    def run(self):
        found = [item for item in self.block.items if item.__class__ is Instr and self._consider(item)]
        if found:
            self._rewrite(found)

    def _consider(self, instr):
        """Gives all later chains that read an instruction's result steps of their own, where each can have them; whether it did."""
        if not _may_be_again(instr):
            return False
        (out,) = instr.outputs
        later = self._later_readers(instr, out)
        if not later:
            return False
        plans = []
        for chain, readers in later.values():
            plan = self._plan(instr, chain)
            if plan is None:
                return False
            plans.append((chain, min(self.uses.index_of[id(reader)] for reader in readers), plan))
        for chain, index, plan in plans:
            for step in plan:
                chain.copies[place_key(step.outputs[0])] = _Copy(step, index)
                chain.reads.update(map(place_key, step.inputs))
                chain.steps += steps_of(step)
                for value in step.inputs:
                    self._put_before(chain, place_key(value), index)
        return True

    def _later_readers(self, instr, out):
        """Chain and instructions of it for each later chain that reads a result; empty where the result must be stored."""
        own, later = self.chain_of.get(id(instr)), {}
        if own is None or out.buffer.kind != ARENA or id(out.buffer) in self.uses.kept or not is_whole(out):
            return {}
        if self.uses.only_writer(out) is not instr:
            return {}
        for reader in self.uses.readers(out.buffer):
            chain = self.chain_of.get(id(reader))
            if chain is None or any(v.buffer is out.buffer and place_key(v) != place_key(out) for v in reader.inputs):
                return {}
            if chain is not own:
                later.setdefault(id(chain), (chain, []))[1].append(reader)
        return later

    def _plan(self, instr, chain):
        """The instructions that a chain would have to repeat for a result of another, in order; None where that does not pay."""
        steps: list = []
        read = self._add_steps(instr, chain, steps)
        if read is None or read > instr.outputs[0].dtype.size or len(steps) > _MOST_AGAIN:
            return None
        if chain.steps + sum(map(steps_of, steps)) > MOST_STEPS:
            return None
        return steps

    def _add_steps(self, instr, chain, steps):
        """Adds an instruction to `steps`, behind those that make its operands; gives the bytes an element that are read besides."""
        if len(steps) > _MOST_AGAIN:
            return None
        read = 0
        for value in instr.inputs:
            place = place_key(value)
            if place in chain.copies or any(place == place_key(step.outputs[0]) for step in steps):
                continue
            if value.buffer.kind in (GROWN, VARIABLE):
                return None  # its size may change, or another run may write it meanwhile: the readers would see two results
            if not self.uses.holds(self.block, instr, value, [chain.end]):
                return None
            if place in chain.reads:
                continue
            if self._is_stored(value):
                read += 0 if equal_sizes(value.size, 1) else value.dtype.size
                continue
            maker = self.uses.only_writer(value)
            if maker is None or place_key(maker.outputs[0]) != place or not _may_be_again(maker):
                return None
            more = self._add_steps(maker, chain, steps)
            if more is None:
                return None
            read += more
        steps.append(instr)
        return read

    def _is_stored(self, value):
        """Whether a value is in memory for whoever wants to read it, whatever is computed again."""
        maker = self.uses.only_writer(value)
        own = self.chain_of.get(id(maker)) if maker is not None else None
        if own is None or id(value.buffer) in self.uses.kept:
            return True
        place = place_key(maker.outputs[0])
        readers = (self.chain_of.get(id(reader)) for reader in self.uses.readers(value.buffer))
        return any(chain is not own and (chain is None or place not in chain.copies) for chain in readers)

    def _put_before(self, chain, place, index):
        """Lets a step, and those that make its operands, stand before a place at the latest."""
        copy = chain.copies.get(place)
        if copy is not None and index < copy.index:  # those of its operands stand there already where it does
            copy.index = index
            for value in copy.original.inputs:
                self._put_before(chain, place_key(value), index)

    def _rewrite(self, found):
        """Puts the steps where they belong, lets the chains read them, and drops what nobody reads any more."""
        added: dict = {}  # place in the block -> (place of the original, copy)
        for chain in self.chains:
            if not chain.copies:
                continue
            for _, instr in chain.members:
                instr.inputs[:] = [_copied(chain, value) for value in instr.inputs]
            for copy in chain.copies.values():
                order = self.uses.index_of[id(copy.original)]
                added.setdefault(copy.index, []).append((order, _made(chain, copy)))
        dropped = self._unread(found, added)
        items: list = []
        for index, item in enumerate(self.block.items):
            items += [made for _, made in sorted(added.get(index, ()), key=lambda pair: pair[0])]
            if id(item) not in dropped:
                items.append(item)
        self.block.items = items

    def _unread(self, found, added):
        """ids of the instructions whose results only other chains read, which make them themselves now."""
        dropped: set = set()
        copies = [made for pairs in added.values() for _, made in pairs]
        for instr in reversed(found):
            buffer = instr.outputs[0].buffer
            readers = [*self.uses.readers(buffer), *copies]
            if not any(id(r) not in dropped and any(v.buffer is buffer for v in r.inputs) for r in readers):
                dropped.add(id(instr))
        return dropped


def _copied(chain, value):
    copy = chain.copies.get(place_key(value))
    return value if copy is None else copy.value


def _made(chain, copy):
    """The instruction of a copy, which reads copies where the chain has them."""
    original = copy.original
    made = Instr(
        original.kernel,
        [_copied(chain, value) for value in original.inputs],
        [copy.value],
        original.params,
        original.node,
        overwrites=original.overwrites,
        views=original.views,
    )
    made.note("compute_again", f"computes {original.kernel} again")
    return made
