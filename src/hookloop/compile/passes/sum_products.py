"""The pass for sums of matrix products: `a b + c d + ...` accumulates in one place, and the products are never stored.

A recurrent net's gradient of its weights is one: a product for each step, added up by `add_n`.
"""

from __future__ import annotations

from itertools import pairwise

from ..ir import Instr, same_shape
from .products import MOST_PRODUCTS, MOST_STEPS, Product, Step, may_be_operand, product_of
from .uses import Uses, blocks_of, is_whole, kernels_of

_SUMS = frozenset(("add", "add_n"))


def sum_products(program):
    """Turns sums of which several terms are products into accumulating products."""
    if "matmul" not in kernels_of(program):
        return
    uses = Uses.of(program)
    for block in blocks_of(program.root):
        for item in block.items:
            if isinstance(item, Instr) and item.kernel in _SUMS and not item.effect:
                found = _terms(uses, block, item)
                if found is not None:
                    products, instrs, others = found
                    for instr in instrs:
                        uses.replace(instr)
                    uses.replace(item, *_accumulated(item, products, others))
        uses.finish(block)


def _terms(uses, block, item):
    """The products that a sum adds up, their instructions, and its other terms; None where there is nothing to gain."""
    out = item.outputs[0]
    if not is_whole(out):
        return None
    products, instrs, others = [], [], []
    for value in item.inputs:
        instr = uses.only_writer(value)
        product = product_of(instr) if instr is not None else None
        if (
            product is not None
            and product.is_plain
            and is_whole(value)
            and same_shape(value.shape, out.shape)
            and same_shape(product.out.shape, out.shape)
            and sum(v.buffer is value.buffer for v in item.inputs) == 1
            and uses.may_join(block, instr, value, item)
        ):
            products += product.factors
            instrs.append(instr)
        else:
            others.append(value)
    if len(instrs) < 2 or len(others) >= MOST_STEPS or not all(may_be_operand(v, out) for v in others):
        return None
    return products, instrs, others


def _accumulated(item, products, others):
    """Sums of as many products as the kernel takes at once, each added to the one before."""
    out = item.outputs[0]
    found = []
    count = -(-len(products) // MOST_PRODUCTS)
    bounds = [len(products) * i // count for i in range(count + 1)]
    for first, end in pairwise(bounds):
        steps = [(Step.ADD, 0.0, out)] if first else []
        if end == len(products):
            steps += [(Step.ADD, 0.0, value) for value in others]
        product = Product(products[first:end], steps, out)
        found.append(product.instruction(item, "sum_products", f"adds up {len(products)} products"))
    return found
