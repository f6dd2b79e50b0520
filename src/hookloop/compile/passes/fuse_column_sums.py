"""The pass for the gradients of weights and bias: the product that makes the first, A D with A transposed, sums D's columns on the way.

D is read once instead of twice.
"""

from __future__ import annotations

from .products import product_of
from .uses import each_of, equal_sizes, kernels_of, place_key

_ROWS, _ALL = 1, 3  # masks of the axes that `sum` adds up: the first one alone, both


def fuse_column_sums(program):
    """Joins sums over the rows of a matrix with the product whose right operand that matrix is."""
    if "matmul" not in kernels_of(program):
        return
    for uses, block, item in each_of(program, ("sum",)):
        if _sums_columns(item):
            _fuse(uses, block, item)


def _sums_columns(item):
    """Whether an instruction sums the columns of a matrix, of which a single one is summed over both axes."""
    (rows,), (sums,) = item.inputs, item.outputs
    if len(rows.shape) != 2 or sums.strides is not None:
        return False
    if item.params == (_ALL,):
        return equal_sizes(rows.shape[1], 1)
    return item.params == (_ROWS,) and len(sums.shape) == 1 and equal_sizes(rows.shape[1], sums.shape[0])


def _fuse(uses, block, item):
    (rows,), (sums,) = item.inputs, item.outputs
    for instr in uses.readers(rows.buffer):
        product = product_of(instr)
        if (
            product is None
            or product.sums is not None
            or len(product.factors) != 1
            or uses.block_of[id(instr)] is not block
        ):
            continue
        factors = product.factors[0]
        if factors.transpose_b or len(factors.b.shape) != 2 or place_key(factors.b) != place_key(rows):
            continue
        later = max((item, instr), key=lambda i: uses.index_of[id(i)])
        if not uses.may_move(block, instr if later is item else item, later):
            continue
        product.sums = sums
        fused = product.instruction(instr, "fuse_column_sums", "sums the columns of its right operand")
        uses.replace(instr if later is item else item)
        uses.replace(later, fused)
        return
