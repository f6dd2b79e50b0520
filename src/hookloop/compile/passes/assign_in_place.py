"""The pass for variables that get a value made of their own: the instruction that makes it writes the variable.

Decayed sums, moving averages and weights that follow others (`assign(v, f(v, ...))`) are then read and written once, without a
copy beside them. The instruction runs where the assignment stood, so nothing between may write what it reads. First values are
left: what makes them does not read the variable, whose memory they take over (`memory.py`).
"""

from __future__ import annotations

from ..ir import ARENA, VARIABLE, Instr, same_shape
from .fuse_elementwise import never_fails
from .uses import Uses, is_whole


def assign_in_place(program):
    """Lets elementwise instructions write the variables that they read."""
    block = program.root
    assignments = [item for item in block.items if isinstance(item, Instr) and item.kernel == "assign"]
    if not assignments:
        return
    uses = Uses.of(program)
    for item in assignments:
        _fuse(uses, block, item)
    uses.finish(block)


def _fuse(uses, block, item):
    variable, value = item.inputs
    if variable.buffer.kind != VARIABLE or value.buffer.kind != ARENA or not is_whole(variable) or not is_whole(value):
        return
    made = uses.only_writer(value)
    if made is None or not never_fails(made) or made.outputs[0].buffer is not value.buffer:
        return  # it overwrites its inputs by its first result
    if made.outputs[0].dtype is not variable.dtype:
        return
    if not same_shape(made.outputs[0].shape, variable.shape) or not _may_overwrite(made, variable):
        return
    if not uses.may_join(block, made, value, item):
        return
    outputs = [variable, *made.outputs[1:]]
    written = Instr(made.kernel, made.inputs, outputs, made.params, item.node, effect=True, views=made.views)
    written.writes_variable = True
    uses.join(made, item, written)
    written.note("assign_in_place", "writes the variable that it reads")


def _may_overwrite(made, variable):
    """Whether an instruction reads the variable, and each element of it before it is written."""
    own = [i for i, v in enumerate(made.inputs) if v.buffer.memory == variable.buffer.memory]
    return bool(own) and all(
        i in made.overwrites and is_whole(made.inputs[i]) and same_shape(made.inputs[i].shape, variable.shape)
        for i in own
    )
