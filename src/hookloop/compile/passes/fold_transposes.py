"""The pass for transposed matrices in products: the product reads them as they lie, with its transpose flag turned.

A copy that only transposes the last two axes of a factor goes. A result that is only wanted transposed is computed so: (A B)ᵀ = Bᵀ Aᵀ.
"""

from __future__ import annotations

from ..ir import ARENA, Instr, Value, dense_strides, has_dense_rows, same_shape
from .products import Factors, Product, product_of
from .uses import Uses, blocks_of, is_whole, kernels_of, reshaped_view

_PRODUCTS = frozenset(("matmul", "sum_of_products"))


def fold_transposes(program):
    """Folds copies of transposed matrices into the products beside them."""
    if kernels_of(program).isdisjoint(_PRODUCTS):
        return
    uses = Uses.of(program)
    for block in blocks_of(program.root):
        for item in block.items:
            if isinstance(item, Instr) and item.kernel == "copy" and not item.effect:
                if not _fold_result(uses, block, item):
                    _fold_factors(uses, block, item)
        uses.finish(block)


def transposed(value):
    """A value with its last two axes exchanged."""
    strides = value.strides or dense_strides(value.shape)
    shape = (*value.shape[:-2], value.shape[-1], value.shape[-2])
    strides = (*strides[:-2], strides[-1], strides[-2])
    dense = same_shape(strides, dense_strides(shape))
    return Value(value.dtype, shape, value.buffer, None if dense else strides, value.offset)


def _is_readable(value):
    return value.strides is None or has_dense_rows(value)


def _fold_factors(uses, block, copy):
    """Lets the products that read a copy of a transposed matrix read the matrix; drops the copy if nobody else reads it."""
    (source,), (out,) = copy.inputs, copy.outputs
    if len(source.shape) < 2 or uses.only_writer(out) is not copy or out.buffer.kind != ARENA:
        return
    readers = list(uses.readers(out.buffer))
    turned = []
    for instr in readers:
        product = product_of(instr)
        if product is None or uses.place_in(block, instr) is None or not uses.holds(block, copy, source, [instr]):
            continue
        factors = [_turned(f, source, out) for f in product.factors]
        if any(new is not old for new, old in zip(factors, product.factors)):
            product.factors = factors
            turned.append((instr, product))
    for instr, product in turned:
        uses.replace(instr, product.instruction(instr, "fold_transposes", "reads a transposed factor as it lies"))
    if turned and not uses.readers(out.buffer) and id(out.buffer) not in uses.kept:
        uses.replace(copy)


def _turned(factors, source, out):
    """Factors of which those that read the copy read its source; unchanged where that is no transposition."""
    operands, flags = [factors.a, factors.b], [factors.transpose_a, factors.transpose_b]
    for i, value in enumerate(operands):
        if value.buffer is out.buffer and is_whole(value):
            seen = reshaped_view(source, value.shape)
            if seen is not None and not _is_readable(seen) and _is_readable(transposed(seen)):
                operands[i], flags[i] = transposed(seen), not flags[i]
    if operands[0] is factors.a and operands[1] is factors.b:
        return factors
    return Factors(*operands, *flags)


def _fold_result(uses, block, copy):
    """Computes a product whose result is only copied transposed, so; whether it could."""
    (source,), (out,) = copy.inputs, copy.outputs
    instr = uses.only_writer(source)
    product = product_of(instr) if instr is not None else None
    if product is None or not product.is_plain or not is_whole(product.out):
        return False
    if len(source.shape) < 2 or not same_shape(transposed(source).shape, product.out.shape):
        return False
    if transposed(source).strides is not None or not instr.takes(out):
        return False
    if not uses.may_join(block, instr, source, copy):
        return False
    factors = [Factors(f.b, f.a, not f.transpose_b, not f.transpose_a) for f in product.factors]
    fused = Product(factors, [], out).instruction(instr, "fold_transposes", "computes its result transposed")
    uses.replace(instr)
    uses.replace(copy, fused)
    return True
