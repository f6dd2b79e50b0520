"""The pass for sums of products: scores of embeddings, their gradients, squared lengths. The products are never stored.

Only sums that keep the first axis are taken: others are cut into parts for several threads (csrc/kernels/reduce.c).
"""

from __future__ import annotations

from ..ir import ARENA, Instr, same_shape, walk
from .uses import Uses, blocks_of, is_whole

_FACTORS = {"mul": (0, 1), "square": (0, 0)}
_TYPES = frozenset(("float32", "float64"))


def fuse_product_sums(program):
    """Joins sums over some axes with the elementwise products that they alone read."""
    if not any(instr.kernel == "sum" for instr in walk(program.root)):
        return
    uses = Uses.of(program)
    for block in blocks_of(program.root):
        for item in block.items:
            if isinstance(item, Instr) and item.kernel == "sum" and not item.effect:
                _fuse(uses, block, item)
        uses.finish(block)


def _fuse(uses, block, item):
    (products,), (sums,) = item.inputs, item.outputs
    if (
        products.buffer.kind != ARENA
        or products.dtype.name not in _TYPES
        or not _keeps_first(item.params[0], products.shape)
    ):
        return
    made = uses.only_writer(products)
    if made is None or made.kernel not in _FACTORS or made.effect or uses.only_reader(products) is not item:
        return
    if uses.block_of[id(made)] is not block or not is_whole(products):
        return
    if not same_shape(products.shape, made.outputs[0].shape) or not uses.may_move(block, made, item):
        return
    factors = [made.inputs[i] for i in _FACTORS[made.kernel]]
    fused = Instr("product_sum", factors, [sums], item.params, item.node, views="any")
    fused.notes = (*made.notes, *item.notes)
    fused.note("fuse_product_sums", f"does {made.kernel} on the way")
    uses.replace(made)
    uses.replace(item, fused)


def _keeps_first(mask, shape):
    """Whether the first axis that may be longer than 1 is none of those that are summed."""
    for axis, size in enumerate(shape):
        if size != 1:
            return not mask >> axis & 1
    return False
