"""The pass for rows that are updated by gradient descent: they are multiplied by the learning rate where they are subtracted."""

from __future__ import annotations

from ..ir import ARENA, Instr, same_shape
from .uses import each_of, is_whole, reshaped_view

_TYPES = frozenset(("float32", "float64"))


def scale_updates(program):
    """Joins subtractions of rows from a variable with the multiplication by a scalar that makes the rows."""
    for uses, block, item in each_of(program, ("scatter_sub",), with_effects=True):
        _fuse(uses, block, item)


def _fuse(uses, block, item):
    variable, indices, rows = item.inputs
    if rows.buffer.kind != ARENA or rows.dtype.name not in _TYPES or not rows.shape or not is_whole(rows):
        return
    made = uses.only_writer(rows)
    if made is None or made.kernel != "mul":
        return
    factors = sorted(made.inputs, key=lambda value: len(value.shape), reverse=True)
    if factors[1].shape or not same_shape(factors[0].shape, made.outputs[0].shape) or factors[0].strides is not None:
        return
    update = reshaped_view(factors[0], rows.shape)
    if update is None or not uses.may_join(block, made, rows, item):
        return
    if any(value.buffer.memory == variable.buffer.memory for value in factors):
        return  # a row that is written is not the one that was multiplied
    fused = Instr("scatter_sub_scaled", [variable, indices, update, factors[1]], item.outputs, item.params, item.node,
                  effect=item.effect, overwrites=item.overwrites, defines=item.defines)  # fmt: skip
    fused.writes_variable = item.writes_variable
    uses.join(made, item, fused)
    fused.note("scale_updates", "multiplies the rows on the way")
