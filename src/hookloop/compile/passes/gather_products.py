"""The pass for products of gathered rows: each row of a table is multiplied once, however often it is gathered.

`matmul(gather(table, i), w)` is `gather(matmul(table, w), i)`. And the gradient of w, `gather(table, i)^T g`, is `table^T s`, where
row r of s is the sum of the rows of g whose index is r. Both are less work where the indices are more than the table's rows: a
recurrent net over characters has a few dozen of them and thousands of places. Where feeds tell how many indices there are, those at
hand decide.
"""

from __future__ import annotations

from itertools import takewhile

from ..ir import ARENA, Buffer, Instr, Value, dense_strides, is_whole
from ..sizes import Size
from .products import MOST_STEPS, Factors, Product, Step, product_of
from .uses import Uses, are_disjoint, blocks_of, equal_sizes, instructions_of, kernels_of, place_key

_FEWEST_REPEATS = 2  # indices for each row of the table
_SMALLEST_DEPTH = 20  # a row of fewer elements is multiplied about as fast as its product is copied
_MOST_BYTES = 1 << 20  # of the table's product: what a second-level cache keeps
_LEAST_SAVED = 100_000  # multiplications for each product that is replaced


def gather_products(program):
    """Multiplies tables, and gathers rows of the product, where that is less work than multiplying gathered rows."""
    kernels = kernels_of(program)
    if "gather" not in kernels or not kernels & {"matmul", "sum_of_products"}:
        return
    uses = Uses.of(program)
    for block in blocks_of(program.root):
        for gather in [item for item in block.items if isinstance(item, Instr) and item.kernel == "gather"]:
            found = _Gathered.of(program, uses, block, gather)
            if found is not None:
                found.rewrite()
        uses.finish(block)


class _Gathered:
    """Rows of a table that one instruction gathers, and the products of the same block that read them.

    Attributes:
      table: the table's value, [rows, depth].
      indices: the indices' value.
      dense: place of a view of the indices -> the value that has them without gaps.
      copies: the instructions that make those.
    """

    @classmethod
    def of(cls, program, uses, block, gather):
        """None where what is gathered is no matrix's rows, or where they are too few."""
        table, out = gather.inputs[0], gather.outputs[0]
        if any(gather.params) or len(table.shape) != 2 or any(isinstance(d, Size) for d in table.shape):
            return None
        if table.shape[0] == 0 or table.shape[1] < _SMALLEST_DEPTH or uses.only_writer(out) is not gather:
            return None
        enough = program.hint(out.size) >= _FEWEST_REPEATS * table.size and is_whole(out)
        return cls(program, uses, block, gather) if enough else None

    def __init__(self, program, uses, block, gather):
        self.hint = program.hint
        self.uses = uses
        self.block = block
        self.gather = gather
        self.table, self.indices = gather.inputs
        self.dense = {}
        self.copies = []

    def rewrite(self):
        readers = [
            (item, product_of(item))
            for item in sorted(
                self.uses.readers(self.gather.outputs[0].buffer), key=lambda r: self.uses.index_of[id(r)]
            )
            if self.uses.block_of[id(item)] is self.block and product_of(item) is not None
        ]
        groups: dict = {}
        for item, product in readers:
            found = self._multiplied(product)
            if found is not None:
                groups.setdefault(found.key, []).append((item, product, found))
        replaced = set()
        for members in groups.values():
            if self._gains(members):
                self._multiply_table(members)
                replaced.update(id(item) for item, _, _ in members)
        for chain in self._chains([r for r in readers if id(r[0]) not in replaced]):
            self._sum_rows(chain)
        if self.copies:
            self._finish()

    def indices_of(self, value):
        """The view of the indices whose rows a value has, one after the other; None where it has no whole rows."""
        depth, strides = self.table.shape[1], value.strides or dense_strides(value.shape)
        if value.buffer is not self.gather.outputs[0].buffer or len(value.shape) != 2:
            return None
        if not equal_sizes(value.shape[1], depth) or not equal_sizes(strides[1], 1):
            return None
        step, start = _whole_rows(strides[0], depth), _whole_rows(value.offset, depth)
        if step is None or start is None:
            return None
        at = self.indices.offset + start
        return Value(self.indices.dtype, value.shape[:1], self.indices.buffer, (step,), at)

    def _dense(self, view):
        """The indices of a view without gaps."""
        key = place_key(view)
        if key not in self.dense:
            self.dense[key] = Value(view.dtype, view.shape, Buffer(ARENA, view.dtype, view.size))
            self.copies.append(Instr("copy", [view], [self.dense[key]], (), self.gather.node))
        return self.dense[key]

    def _holds(self, instr, value, readers):
        return self.uses.holds(self.block, instr, value, readers)

    # --- rows times a matrix ------------------------------------------------------------------------------

    def _multiplied(self, product):
        """The product's factors of which the left one is gathered rows, with what else the table's product may do; or None."""
        if product.sums is not None or len(product.out.shape) != 2:
            return None
        for factors in product.factors:
            if factors.transpose_a or len(factors.b.shape) != 2 or any(isinstance(d, Size) for d in factors.b.shape):
                continue
            indices = self.indices_of(factors.a)
            if indices is None or product.out.buffer is factors.a.buffer:
                continue
            alone = len(product.factors) == 1
            moved = list(takewhile(lambda step: _is_same_for_rows(step[2]), product.steps))
            if alone and (len(moved) < len(product.steps) or product.out.strides is not None):
                continue
            if not alone:
                moved = [step for step in moved[:1] if step[0] is Step.ADD]
                if len(product.steps) - len(moved) >= MOST_STEPS or _adds_to_itself(product):
                    continue
            return _Multiplied(factors, indices, moved)
        return None

    def _gains(self, members):
        """Whether the table's product is less work than those of its rows, and everything it reads is there before the first."""
        rows, depth = self.table.shape
        b = members[0][2].factors.b
        columns = b.shape[0 if members[0][2].factors.transpose_b else 1]
        count = sum(self.hint(found.indices.size) for _, _, found in members)
        if not self._saves(rows, depth, columns, count, len(members)):
            return False
        items = [item for item, _, _ in members]
        read = [b, *(y for _, _, y in members[0][2].moved if y is not None)]
        return all(self._holds(items[0], value, items) for value in read) and all(
            self._holds(self.gather, value, items) for value in (self.table, self.indices)
        )

    def _saves(self, rows, depth, columns, count, products):
        if count < _FEWEST_REPEATS * rows or rows * columns * self.table.dtype.size > _MOST_BYTES:
            return False
        return (count - rows) * depth * columns >= _LEAST_SAVED * products

    def _multiply_table(self, members):
        first, _, found = members[0]
        dtype, rows = self.table.dtype, self.table.shape[0]
        columns = found.factors.b.shape[0 if found.factors.transpose_b else 1]
        whole = Value(dtype, (rows, columns), Buffer(ARENA, dtype, rows * columns))
        made = Product([Factors(self.table, found.factors.b, False, found.factors.transpose_b)], found.moved, whole)
        made = made.instruction(
            first, "gather_products", f"multiplies each of {rows} rows once, for {len(members)} products"
        )
        made.notes = made.notes[-1:]
        for item, product, found in members:
            product.factors.remove(found.factors)
            indices = self._dense(found.indices)
            text = "starts from rows of a table that is multiplied"
            new = [made] if item is first else []
            if product.factors:
                start = Value(dtype, product.out.shape, Buffer(ARENA, dtype, product.out.size))
                new.append(Instr("gather", [whole, indices], [start], (0, 0), item.node))
                product.steps[: len(found.moved)] = [(Step.ADD, 0.0, start)]
                new.append(product.instruction(item, "gather_products", text))
            else:
                new.append(Instr("gather", [whole, indices], [product.out], (0, 0), item.node))
                new[-1].notes = item.notes
                new[-1].note("gather_products", "takes rows of a table that is multiplied")
            self.uses.replace(item, *new)

    # --- the gradient of the matrix -----------------------------------------------------------------------

    def _summed(self, product):
        """The product's factors whose left one is gathered rows that are summed over."""
        found = []
        for f in product.factors:
            right = f.b
            if (
                f.transpose_a
                and not f.transpose_b
                and len(right.shape) == 2
                and not isinstance(right.shape[1], Size)
                and right.buffer is not f.a.buffer
                and self.indices_of(f.a) is not None
            ):
                found.append(f)
        return found

    def _chains(self, readers):
        """Lists of the products with such factors, of which each adds to what the one before it has made."""
        chains: list = []
        for item, product in readers:
            summed = self._summed(product)
            if not summed or len(product.out.shape) != 2 or (product.sums is not None and len(product.factors) > 1):
                continue
            if chains and self._may_join(chains[-1], item, product):
                chains[-1].append((item, product))
            else:
                chains.append([(item, product)])
        return chains

    def _may_join(self, chain, item, product):
        """Whether a product may be made with those of a chain, which are nothing but what it adds to."""
        before, earlier = chain[-1]
        steps = earlier.steps[len(chain) > 1 :]
        if steps or earlier.sums is not None or product.sums is not None or not product.steps:
            return False
        step, _, added = product.steps[0]
        if step is not Step.ADD or not place_key(added) == place_key(earlier.out) == place_key(product.out):
            return False
        if any(len(self._summed(p)) < len(p.factors) for p in (earlier, product)):
            return False
        start, end = self.uses.index_of[id(before)], self.uses.index_of[id(item)]
        between = (x for other in self.block.items[start + 1 : end] for x in instructions_of(other))
        return all(
            v.buffer is None or v.buffer.memory != earlier.out.buffer.memory or are_disjoint(v, earlier.out)
            for x in between
            for v in (*x.inputs, *x.outputs)
        )

    def _sum_rows(self, chain):
        """One product of the table in the place of the last of a chain, where that is less work."""
        item, product = chain[-1]
        summed = [(instr, f) for instr, p in chain for f in self._summed(p)]
        indices = [self.indices_of(f.a) for _, f in summed]
        dtype, (rows, depth), columns = self.table.dtype, self.table.shape, product.out.shape[1]
        if not self._saves(rows, depth, columns, sum(self.hint(view.size) for view in indices), 1):
            return
        if not all(self._holds(self.gather, value, [item]) for value in (self.table, self.indices)):
            return
        if not all(self._holds(instr, f.b, [item]) for instr, f in summed):
            return
        named = Value(dtype, (rows, depth), Buffer(ARENA, dtype, rows * depth))
        sums = Value(dtype, (rows, columns), Buffer(ARENA, dtype, rows * columns))
        inputs = [self.table, *map(self._dense, indices), *(f.b for _, f in summed)]
        added = Instr("sum_by_row", inputs, [named, sums], (len(summed),), item.node, views="rows")
        added.note("gather_products", f"sums what {rows} rows are multiplied by, of {len(summed)} products")
        others = [f for f in product.factors if f not in self._summed(product)]
        factors = [*others, Factors(named, sums, True, False)]
        made = Product(factors, product.steps[len(chain) > 1 :], product.out, product.sums)
        text = "sums rows of the same index before it multiplies"
        for earlier, _ in chain[:-1]:
            self.uses.replace(earlier)
        self.uses.replace(item, added, made.instruction(item, "gather_products", text))

    # --- what was gathered --------------------------------------------------------------------------------

    def _finish(self):
        """The indices of each product stand where the rows were gathered, which is left to be checked where nobody reads them."""
        gather, out = self.gather, self.gather.outputs[0]
        if self.uses.readers(out.buffer) or id(out.buffer) in self.uses.kept:
            instr = Instr("gather", gather.inputs, gather.outputs, gather.params, gather.node, views=gather.views)
        else:
            instr = Instr("check_gathered", gather.inputs, (), (), gather.node, effect=True)
            instr.note("gather_products", "gathers nothing: its products' rows are gathered")
        instr.notes = (*gather.notes, *instr.notes)
        self.uses.replace(gather, instr, *self.copies)


class _Multiplied:
    """What a product has to do with a table: the factors, the view of the indices, the steps that the table's product may do.

    Products of equal keys take rows of the same one.
    """

    def __init__(self, factors, indices, moved):
        self.factors = factors
        self.indices = indices
        self.moved = moved
        steps = tuple((step, parameter, y and place_key(y)) for step, parameter, y in moved)
        self.key = place_key(factors.b), factors.transpose_b, steps


def _is_same_for_rows(operand):
    """Whether a step does the same to every row."""
    return operand is None or len(operand.shape) < 2 or operand.shape[-2] == 1


def _adds_to_itself(product):
    """Whether a product adds to what stands where its result goes, which only its first step may."""
    return any(y is not None and y.buffer.memory == product.out.buffer.memory for _, _, y in product.steps)


def _whole_rows(elements, depth):
    """How many rows of that depth a number of elements is; None where it is not known to be whole ones."""
    coefficients = elements.terms.values() if isinstance(elements, Size) else (elements,)
    return None if any(c % depth for c in coefficients) else elements // depth
