"""The pass for a matrix that many products read transposed: it is transposed once, not packed by each of them.

The steps of a recurrent net multiply by the same transposed weights. A product of few rows spends as long on packing them as on multiplying.
"""

from __future__ import annotations

from ..ir import ARENA, Buffer, Instr, Value
from ..sizes import Size
from .fold_transposes import transposed
from .products import product_of
from .uses import Uses, blocks_of, kernels_of, place_key

_FEWEST_READERS = 3
_FEWEST_ELEMENTS = 4096
_MOST_ROWS = 256  # from here on a product reads what it has packed often enough


def transpose_once(program):
    """Copies transposed right factors that several products of few rows share."""
    if "matmul" not in kernels_of(program):
        return
    uses = Uses.of(program)
    for block in blocks_of(program.root):
        readers: dict = {}
        for item in block.items:
            product = product_of(item)
            if product is not None and len(product.factors) == 1 and _gains(product.factors[0]):
                readers.setdefault(place_key(product.factors[0].b), []).append((item, product))
        for found in readers.values():
            if len(found) >= _FEWEST_READERS:
                _share(uses, block, found)
        uses.finish(block)


def _gains(factors):
    """Whether packing the right factor is a large part of the product's work."""
    b = factors.b
    if not factors.transpose_b or len(b.shape) != 2 or any(isinstance(d, Size) for d in b.shape):
        return False
    rows = factors.a.shape[-1 if factors.transpose_a else -2]
    return b.size >= _FEWEST_ELEMENTS and len(factors.a.shape) == 2 and (isinstance(rows, Size) or rows < _MOST_ROWS)


def _share(uses, block, found):
    """Transposes the factor before the first of the products, where all of them still read the same."""
    first = found[0][0]
    source = found[0][1].factors[0].b
    if not uses.holds(block, first, source, [instr for instr, _ in found]):
        return
    view = transposed(source)
    dense = Value(source.dtype, view.shape, Buffer(ARENA, source.dtype, source.size))
    copy = Instr("copy", [view], [dense], (), first.node)
    copy.note("transpose_once", f"is read by {len(found)} products")
    for instr, product in found:
        factors = product.factors[0]
        factors.b, factors.transpose_b = dense, False
        replacement = product.instruction(instr, "transpose_once", "reads a factor that is transposed once")
        uses.replace(instr, *([copy] if instr is first else ()), replacement)
