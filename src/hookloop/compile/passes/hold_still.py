"""The pass for variables that a kernel looks at more than once: the kernel gets a copy.

Another step may write a variable meanwhile, without locks: then what is read is of the one value or of the other. A kernel that has
looked whether indices fit, or counted what it will find, goes by that, and would read and write outside its memory. Kernels that
look once, or bound what they do each time, take the variable itself.
"""

from __future__ import annotations

from ..ir import ARENA, VARIABLE, Buffer, Instr, Value
from .uses import blocks_of, kernels_of, place_key

_FIRST, _SECOND, _BEHIND_FIRST, _LAST, _ALL = slice(0, 1), slice(1, 2), slice(1, None), slice(-1, None), slice(None)

# Of each kernel the operands that it looks at more than once.
_LOOKED_AT = {
    **dict.fromkeys(("top_k", "where_count", "where_fill", "invert_permutation"), _FIRST),
    **dict.fromkeys(("scatter_nd_add", "scatter_nd_sub", "scatter_nd_update"), _FIRST),
    **dict.fromkeys(("gather", "unravel_index", "reverse_sequence", "sparse_softmax_cross_entropy"), _SECOND),
    **dict.fromkeys((f"unsorted_segment_{kind}" for kind in ("sum", "prod", "max", "min")), _SECOND),
    **dict.fromkeys((f"scatter_{kind}" for kind in ("update", "add", "sub", "mul", "div", "min", "max")), _SECOND),
    "scatter_sub_scaled": _SECOND,
    **dict.fromkeys(("segment_reduce", "segment_spread", "sum_by_row"), _BEHIND_FIRST),
    **dict.fromkeys((f"apply_{rule}" for rule in (
        "gradient_descent", "momentum", "adam", "adagrad", "rms_prop", "centered_rms_prop", "adadelta",
        "proximal_gradient_descent", "proximal_adagrad", "adagrad_da", "ftrl", "ftrl_v2",
    )), _LAST),
    **dict.fromkeys(("hit_count", "hit_fill", "sdca"), _ALL),
}  # fmt: skip
_OF_ANY_TYPE = frozenset(("top_k", "where_count", "where_fill"))  # the operands of the others are indices


def hold_still(program):
    """Copies variables before kernels that look at them more than once; what counts and what goes by the count share a copy."""
    if not kernels_of(program) & _LOOKED_AT.keys():
        return
    for block in blocks_of(program.root):
        copies: dict = {}
        items: list = []
        for item in block.items:
            if isinstance(item, Instr) and item.kernel in _LOOKED_AT:
                items += _hold(item, copies)
            items.append(item)
        if copies:
            block.items = items
            program.uses = None


def _hold(item, copies):
    """Gives an instruction copies of what moves under it; returns those to be made. `copies` are those of the block."""
    made = []
    looked_at = _LOOKED_AT[item.kernel]
    held = item.inputs[looked_at]
    for i, value in enumerate(held):
        if not _moves(item, value):
            continue
        key = place_key(value), item.node
        if key not in copies:
            copies[key] = Value(value.dtype, value.shape, Buffer(ARENA, value.dtype, value.size, shape=value.shape))
            made.append(Instr("copy", [value], [copies[key]], (), item.node))
            made[-1].note("hold_still", f"another step may write what {item.kernel} looks at more than once")
        held[i] = copies[key]
    item.inputs[looked_at] = held
    return made


def _moves(item, value):
    if value.buffer is None or value.buffer.kind != VARIABLE:
        return False
    return value.dtype.is_integer or item.kernel in _OF_ANY_TYPE
