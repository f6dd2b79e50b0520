"""The pass for the optimizers' updates: those of several variables are one instruction on a table of pointers.

Variables and slots stay what they are. An update waits for a later one where nothing in between reads what it writes or
writes what it reads; where a later update, or what leads to it, sees an earlier one, they stay apart.
"""

from __future__ import annotations

from ..ir import Instr
from .uses import CONTROL_KERNELS, blocks_of, written_by

MOST_UPDATES = 16  # as in csrc/kernels/optimizer.c

# Kernel -> how many of its first operands it writes: the variable and its slots.
_WRITTEN = {
    "apply_gradient_descent": 1,
    "apply_momentum": 2,
    "apply_adam": 3,
    "apply_adagrad": 2,
    "apply_rms_prop": 3,
    "apply_centered_rms_prop": 4,
    "apply_adadelta": 3,
    "apply_proximal_gradient_descent": 1,
    "apply_proximal_adagrad": 2,
    "apply_adagrad_da": 3,
    "apply_ftrl": 3,
    "apply_ftrl_v2": 3,
    "apply_ada_max": 3,
    "apply_add_sign": 2,
    "apply_power_sign": 2,
    "apply_adagrad_v2": 2,
    "apply_keras_momentum": 2,
    "apply_adam_amsgrad": 4,
}


def merge_updates(program):
    """Puts the dense updates of several variables into one instruction."""
    for block in blocks_of(program.root):
        _merge(block)


def _merge(block):
    replaced = {}
    group = _Group()
    for index, item in enumerate(block.items):
        update = isinstance(item, Instr) and item.kernel in _WRITTEN and not item.params[0]
        if (
            not isinstance(item, Instr)
            or item.kernel in CONTROL_KERNELS
            or item.defines
            or group.conflicts(item, update)
        ):
            group.emit(replaced)
            group = _Group()
        if update:
            group.add(index, item)
            if len(group.members) == MOST_UPDATES:
                group.emit(replaced)
                group = _Group()
    group.emit(replaced)
    if replaced:
        block.items = [new for i, item in enumerate(block.items) for new in replaced.get(i, (item,))]


class _Group:
    """Updates that may run together where the last of them stands."""

    def __init__(self):
        self.members = []  # (place in the block, update)
        self.reads: set = set()
        self.writes: set = set()

    def add(self, index, instr):
        self.members.append((index, instr))
        self.reads.update(v.buffer.memory for v in instr.inputs)
        self.writes.update(v.buffer.memory for v in instr.inputs[: _WRITTEN[instr.kernel]])

    def conflicts(self, item, update):
        """Whether an instruction sees the group's writes, or writes what the group reads."""
        if not self.members:
            return False
        written = item.inputs[: _WRITTEN[item.kernel]] if update else written_by(item)
        return any(v.buffer.memory in self.writes for v in item.inputs if v.buffer is not None) or any(
            v.buffer.memory in self.reads for v in written if v.buffer is not None
        )

    def emit(self, replaced):
        if len(self.members) < 2:
            return
        instrs = [instr for _, instr in self.members]
        inputs, params = [], [len(instrs)]
        for instr in instrs:
            inputs += instr.inputs
            params += [instr.kernel, len(instr.inputs), len(instr.params), *instr.params]
        merged = Instr("apply_all", inputs, (), params, instrs[-1].node, effect=True)
        merged.writes_variable = True
        merged.notes = tuple(note for instr in instrs for note in instr.notes)
        merged.note("merge_updates", f"updates {len(instrs)} variables")
        for index, _ in self.members:
            replaced[index] = ()
        replaced[self.members[-1][0]] = (merged,)
