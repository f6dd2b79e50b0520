"""The pass for products of what is joined: `matmul(concat([a, b], 1), w)` is `a w[:n] + b w[n:]`, and the concat is never made.

A factor that is joined along the axis that is summed over becomes several factors of one accumulating product; one that is joined along the
rows of the result (a gradient of weights) becomes several products, each of which writes its rows.
"""

from __future__ import annotations

from ..ir import dense_strides, is_whole
from ..sizes import Size
from .products import MOST_PRODUCTS, Factors, Product, part, product_of
from .uses import Uses, at_least, blocks_of, equal_sizes, kernels_of

_SMALLEST_PART = 16  # a product of less is not worth its own pass over the result


class _Join:
    """A buffer that copies fill part by part.

    Attributes:
      axis: the axis along which the parts lie beside each other.
      parts: list of (start, size, what is copied there, the copy).
    """

    def __init__(self, axis, parts):
        self.axis = axis
        self.parts = parts

    @property
    def cuts(self):
        return [(start, size) for start, size, _, _ in self.parts]


def split_joined_factors(program):
    """Splits products whose factors are joined, where the join is then not needed at all."""
    kernels = kernels_of(program)
    if "copy" not in kernels or not kernels & {"matmul", "sum_of_products"}:
        return
    uses = Uses.of(program)
    for block in blocks_of(program.root):
        joins = _joins(uses, block)
        while joins:
            readers = {id(r): r for buffer, _ in joins.values() for r in uses.readers(buffer)}
            refused = set().union(*(_refused(uses, block, instr, joins) for instr in readers.values()))
            if not refused:
                break
            joins = {key: join for key, join in joins.items() if key not in refused}
        readers = {id(r): r for buffer, _ in joins.values() for r in uses.readers(buffer)}
        for instr in readers.values():
            uses.replace(instr, *_split(instr, joins))
        for _, join in joins.values():
            for _, _, _, copy in join.parts:
                uses.replace(copy)
        uses.finish(block)


def _joins(uses, block):
    """id(buffer) -> (buffer, its `_Join`) for the buffers that copies of this block fill and only products of it read."""
    found = {}
    for item in block.items:
        product = product_of(item)
        for factors in product.factors if product is not None else ():
            for value in (factors.a, factors.b):
                if id(value.buffer) not in found and is_whole(value) and id(value.buffer) not in uses.kept:
                    join = _join_of(uses, block, value)
                    if join is not None:
                        found[id(value.buffer)] = (value.buffer, join)
    return found


def _join_of(uses, block, value):
    writers = uses.writers(value.buffer)
    if len(writers) < 2 or any(w.kernel != "copy" or uses.block_of[id(w)] is not block for w in writers):
        return None
    strides = dense_strides(value.shape)
    for axis in range(len(value.shape) - 2, len(value.shape)):
        if isinstance(strides[axis], Size):
            continue
        parts, at = [], 0
        for copy in sorted(writers, key=lambda w: uses.index_of[id(w)]):
            window, source = copy.outputs[0], copy.inputs[0]
            shape = (
                (*value.shape[:axis], window.shape[axis], *value.shape[axis + 1 :])
                if len(window.shape) == len(value.shape)
                else None
            )
            if shape is None or not all(map(equal_sizes, window.shape, shape)):
                break
            if not equal_sizes(window.offset, at * strides[axis]) or not _has_strides(window, strides):
                break
            parts.append((at, window.shape[axis], source, copy))
            at = at + window.shape[axis]
        else:
            if equal_sizes(at, value.shape[axis]) and all(_is_worth(size) for _, size, _, _ in parts):
                return _Join(axis, parts)
    return None


def _has_strides(window, strides):
    own = window.strides or dense_strides(window.shape)
    return all(equal_sizes(s, t) or equal_sizes(d, 1) for s, t, d in zip(own, strides, window.shape))


def _is_worth(size):
    return isinstance(size, Size) or at_least(size, _SMALLEST_PART)


def _refused(uses, block, instr, joins):
    """The joins that an instruction cannot do without."""
    read = {id(v.buffer) for v in instr.inputs if id(v.buffer) in joins}
    product = product_of(instr)
    if product is None or uses.block_of[id(instr)] is not block:
        return read
    refused = {id(v.buffer) for v in _operands(product) if id(v.buffer) in joins}
    by_depth, by_rows, cuts, count = set(), set(), [], 0
    for factors in product.factors:
        pieces = 1
        for value, depth in ((factors.a, factors.depth_axis_a), (factors.b, factors.depth_axis_b)):
            key = id(value.buffer)
            if key not in joins:
                continue
            join = joins[key][1]
            along_depth = join.axis == depth
            if not is_whole(value) or len(value.shape) != 2 or not _is_readable(uses, block, instr, join):
                refused.add(key)
            elif along_depth and pieces == 1:
                pieces = len(join.parts)
                by_depth.add(key)
            elif not along_depth and value is factors.a:
                cuts.append(join.cuts)
                by_rows.add(key)
            else:
                refused.add(key)  # the columns of the result, or both factors along the sum
        count += pieces
    if count > MOST_PRODUCTS:
        refused |= by_depth
    if cuts and (len(cuts) != len(product.factors) or any(c != cuts[0] for c in cuts) or len(product.out.shape) != 2):
        refused |= by_rows
    return refused


def _operands(product):
    return [operand for _, _, operand in product.steps if operand is not None]


def _is_readable(uses, block, instr, join):
    """Whether the product can read the parts where they come from."""
    for _, _, source, copy in join.parts:
        if len(source.shape) != 2 or not instr.takes(source) or not uses.holds(block, copy, source, [instr]):
            return False
    return True


def _split(instr, joins):
    """The instructions that compute a product from the parts of its factors."""
    product = product_of(instr)
    first = product.factors[0]
    found = joins.get(id(first.a.buffer))
    if found is not None and found[1].axis != first.depth_axis_a:
        return _by_rows(instr, product, joins)
    factors = []
    for f in product.factors:
        for side, value in enumerate((f.a, f.b)):
            joined = joins.get(id(value.buffer))
            if joined is not None:
                other, other_depth = (f.b, f.depth_axis_b) if side == 0 else (f.a, f.depth_axis_a)
                for start, size, source, _ in joined[1].parts:
                    piece = part(other, other_depth, start, size)
                    pair = (source, piece) if side == 0 else (piece, source)
                    factors.append(Factors(*pair, f.transpose_a, f.transpose_b))
                break
        else:
            factors.append(f)
    text = "reads the parts of a factor instead of joining them"
    return [Product(factors, product.steps, product.out, product.sums).instruction(instr, "split_joined_factors", text)]


def _by_rows(instr, product, joins):
    """One product for each part of the rows of the result."""
    lists = [joins[id(f.a.buffer)][1].parts for f in product.factors]
    found = []
    for i, (start, size, _, _) in enumerate(lists[0]):
        factors = [f.with_operands(parts[i][2], f.b) for f, parts in zip(product.factors, lists)]
        out = part(product.out, 0, start, size)
        steps = [(step, parameter, _rows_of(y, start, size)) for step, parameter, y in product.steps]
        text = "computes the rows of one part of a factor"
        sums = product.sums if i == 0 else None
        found.append(Product(factors, steps, out, sums).instruction(instr, "split_joined_factors", text))
    return found


def _rows_of(operand, start, size):
    """The rows of a step's operand that belong to a part of the result."""
    if operand is None or len(operand.shape) < 2 or equal_sizes(operand.shape[-2], 1):
        return operand
    return part(operand, len(operand.shape) - 2, start, size)
