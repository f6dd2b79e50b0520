"""The pass for what a recurrence does not reach: the products of its inputs with the same weights are one product, before the first step.

An unrolled recurrent net computes `x_t w + h_t v` in each step, where the x_t are slices of one tensor. All `x_t w` are known
before the first step: one large product makes them, which each step starts from.
"""

from __future__ import annotations

from itertools import pairwise

from ..ir import ARENA, CONSTANT, FEED, Buffer, Value, dense_strides
from ..sizes import Size
from .products import MOST_STEPS, Factors, Product, Step, product_of
from .uses import Uses, blocks_of, equal_sizes, form_key, kernels_of, place_key

_FEWEST_STEPS = 4
_MOST_ROWS = 256  # a product of more rows gains nothing from being one of several
_MOST_BYTES = 1 << 20  # a larger result leaves the cache before the steps read it, which costs more than is saved


def batch_products(program):
    """Takes products of slices of one tensor with one matrix out of the sums they stand in, and makes them at once."""
    if "sum_of_products" not in kernels_of(program):
        return
    uses = Uses.of(program)
    for block in blocks_of(program.root):
        groups: dict = {}
        for item in block.items:
            product = product_of(item)
            if product is not None and len(product.factors) > 1 and _may_start_from_sum(product):
                for f in product.factors:
                    if _is_slice(f):
                        key = (id(f.a.buffer), f.a.strides, form_key(f.a), place_key(f.b), f.transpose_b)
                        groups.setdefault(key, []).append((item, f))
        for members in groups.values():
            _batch(uses, block, members)
        uses.finish(block)


def _may_start_from_sum(product):
    """Whether a first step may be added."""
    return len(product.out.shape) == 2 and len(product.steps) < MOST_STEPS and all(
        y is None or y.buffer is not product.out.buffer for _, _, y in product.steps
    )  # fmt: skip


def _is_slice(factors):
    """Whether the left factor is a slice of a larger tensor: rows of known size at a known place."""
    a = factors.a
    known = (*a.shape, *(a.strides or ()), a.offset, a.buffer.size, *factors.b.shape)
    if len(a.shape) != 2 or len(factors.b.shape) != 2 or factors.transpose_a or any(isinstance(s, Size) for s in known):
        return False
    return a.shape[0] < _MOST_ROWS and a.size < a.buffer.size


def _batch(uses, block, members):
    """Makes the products of a group by one instruction, if they are slices at equal distances that exist before the first step."""
    members = sorted(members, key=lambda member: member[1].a.offset)
    offsets = [f.a.offset for _, f in members]
    step = offsets[1] - offsets[0] if len(offsets) > 1 else 0
    if len(members) < _FEWEST_STEPS or step <= 0 or any(b - a != step for a, b in pairwise(offsets)):
        return
    if len({id(item) for item, _ in members}) < len(members):
        return
    first = min((item for item, _ in members), key=lambda item: uses.index_of[id(item)])
    whole = members[0][1]
    columns = whole.b.shape[0 if whole.transpose_b else 1]
    if len(members) * whole.a.shape[0] * columns * whole.a.dtype.size > _MOST_BYTES:
        return
    if not _exists_before(uses, block, first, whole.a):
        return
    if not uses.holds(block, first, whole.b, [item for item, _ in members]):
        return
    product, parts = _whole_product(whole, len(members), step)
    made = product.instruction(first, "batch_products", f"makes {len(members)} products that no step changes")
    made.notes = made.notes[-1:]
    for (item, factors), value in zip(members, parts):
        rest = product_of(item)
        at = next(i for i, f in enumerate(rest.factors) if place_key(f.a) == place_key(factors.a))
        del rest.factors[at]
        rest.steps.insert(0, (Step.ADD, 0.0, value))
        replacement = rest.instruction(item, "batch_products", "starts from a product that is made before")
        uses.replace(item, *([made] if item is first else ()), replacement)


def _exists_before(uses, block, first, value):
    """Whether the tensor that the slices are of is complete before an instruction."""
    if value.buffer.kind in (CONSTANT, FEED):
        return True
    writers = uses.writers(value.buffer)
    if value.buffer.kind != ARENA or uses.only_writer(value) is None:
        return False
    place = uses.place_in(block, writers[0])
    return place is None or place < uses.index_of[id(first)]


def _whole_product(factors, count, step):
    """The product of all slices, and the part of its result that belongs to each.

    Where the slices interleave so that their rows lie at one distance, they are one matrix; else a batch of matrices.
    """
    a, b = factors.a, factors.b
    rows, depth = a.shape
    columns = b.shape[0 if factors.transpose_b else 1]
    row_stride = (a.strides or dense_strides(a.shape))[0]
    out = Buffer(ARENA, a.dtype, rows * count * columns)
    if row_stride == step * count:
        left = Value(a.dtype, (rows * count, depth), a.buffer, (step, 1), a.offset)
        result = Value(a.dtype, (rows * count, columns), out)
        parts = [Value(a.dtype, (rows, columns), out, (count * columns, 1), i * columns) for i in range(count)]
    else:
        left = Value(a.dtype, (count, rows, depth), a.buffer, (step, row_stride, 1), a.offset)
        result = Value(a.dtype, (count, rows, columns), out)
        parts = [Value(a.dtype, (rows, columns), out, None, i * rows * columns) for i in range(count)]
    if equal_sizes(step, depth) and len(left.shape) == 2:
        left.strides = None
    return Product([Factors(left, b, False, factors.transpose_b)], [], result), parts
