"""One op while it is lowered: the context that its shape function and its lowering see.

The calls are described in docs/architecture.md; `ops/shape_context.py` has the same ones for a graph that
is being built, where an open size is only unknown.
"""

from __future__ import annotations

import numpy as np

from . import sizes as size_operations
from .ir import ANY_STRIDES, ARENA, GROWN, MAX_RANK, Buffer, Instr, Value, are_dense, dense_strides
from .sizes import Size


class Specialize(Exception):
    """The plan's structure depends on a size of a feed: it is compiled for that size alone."""

    def __init__(self, atoms, reason):
        super().__init__(reason)
        self.atoms = atoms
        self.reason = reason


class Unfit(ValueError):
    """Sizes that an op cannot take; `ops/mismatches.py` has the words of each op."""

    def __init__(self, text, a=0, b=0):
        super().__init__(text)
        self.sizes = a, b


class Node:
    """An op with its inputs and outputs as IR values: what `lower` and `reference` functions get."""

    __slots__ = ("op", "op_def", "name", "attrs", "inputs", "outputs", "index")

    def __init__(self, op, op_def, inputs, index):
        self.op = op
        self.op_def = op_def
        self.name = op.name
        self.attrs = op._attrs
        self.inputs = inputs
        self.outputs = []
        self.index = index


class NodeContext:
    """What the shape function and the lowering of one op may ask and emit."""

    max_rank = MAX_RANK

    __slots__ = ("node", "lowerer", "_new")

    def __init__(self, node, lowerer):
        self.node = node
        self.lowerer = lowerer
        self._new = {}

    # --- what is known --------------------------------------------------------------------------------

    @property
    def inputs(self):
        return self.node.inputs

    @property
    def outputs(self):
        return self.node.outputs

    @property
    def op(self):
        return self.node.op

    def attr(self, name):
        return self.node.op.get_attr(name)

    def known(self, i):
        return True

    def shape(self, i):
        value = self.node.inputs[i]
        return value.shape if value.deferred is None else self.lowerer.settled(value, self.node).shape

    def dtype(self, i):
        return self.node.inputs[i].dtype

    def fail(self, text):
        raise ValueError(text)

    fail_in_run = fail

    def fallback(self, *_):
        return None

    def has_constant(self, i):
        symbol = self.node.inputs[i].symbol
        return symbol is not None and _all_known(symbol)

    def value(self, i):
        """The symbolic elements of input i, or None."""
        return self.node.inputs[i].symbol

    def constant(self, i):
        value = self.node.inputs[i]
        if value.symbol is None:
            literal = self.lowerer.literal_of(value)
            if literal is not None:
                return literal
            raise self.lowerer.unknown_constant(self.node, i)
        if not _all_known(value.symbol):
            raise Specialize(
                [a for s in value.symbol.ravel() for a in self.lowerer.sizes.atoms_of(s)],
                f"input {i} of {self.node.name!r} decides its structure",
            )
        return np.asarray(value.symbol, value.dtype.as_numpy_dtype)

    def sizes(self, i, count=None):
        """The elements of input i; there are `count`, which is checked where their number is open."""
        value = self.node.inputs[i]
        if value.symbol is None:
            if (
                count is not None
                and value.buffer is not None
                and len(value.shape) == 1
                and isinstance(value.shape[0], Size)
            ):
                self.merge(value.shape[0], count)
                value = Value(value.dtype, (count,), value.buffer, value.strides, value.offset)
            self.lowerer.load_sizes(value, self.node)
        return tuple(s if isinstance(s, Size) else int(s) for s in np.asarray(value.symbol, object).ravel())

    def computed(self, i):
        """Whether the elements of input i are computed in the run, so that `sizes` has them and `constant` does not."""
        value = self.node.inputs[i]
        if value.symbol is None:
            return self.lowerer.literal_of(value) is None and not feeds_of(self.lowerer, value)
        return any(is_told_in_the_run(a) for s in value.symbol.ravel() for a in self.lowerer.sizes.atoms_of(s))

    def new_size(self, bound=None):
        group = self._new.get("group")
        if group is None:
            group = self._new["group"] = self.lowerer.sizes.new_group()
        size = self.lowerer.sizes.fresh(group, bound=bound)
        self._new.setdefault("sizes", []).append(size)
        return size

    def merge(self, a, b):
        if not isinstance(a, Size) and not isinstance(b, Size):
            if a != b:
                raise Unfit(f"sizes {a} and {b} do not fit", a, b)
            return a
        if isinstance(b, Size) and not isinstance(a, Size):
            a, b = b, a
        if a is b:
            return a
        self.lowerer.sizes.apply(size_operations.EQUAL, a, b, self.node.index)
        return b if not isinstance(b, Size) else a

    def merge_shapes(self, s, t):
        if s is None or t is None:
            return t if s is None else s
        if len(s) != len(t):
            raise Unfit(f"shapes {_text(s)} and {_text(t)} must have the same rank")
        return tuple(self.merge(a, b) for a, b in zip(s, t))

    def broadcast(self, s, t):
        if s is None or t is None:
            return None
        if not t or s == t:  # equal sizes are the same object
            return tuple(s)
        rank = max(len(s), len(t))
        s = (1,) * (rank - len(s)) + tuple(s)
        t = (1,) * (rank - len(t)) + tuple(t)
        return tuple(self._broadcast_dim(a, b, s, t) for a, b in zip(s, t))

    def _broadcast_dim(self, a, b, s, t):
        if isinstance(a, Size) or isinstance(b, Size):
            return self.lowerer.sizes.apply(size_operations.BROADCAST, a, b, self.node.index)
        if a != b and a != 1 and b != 1:
            raise ValueError(f"Incompatible shapes: {_text(s)} vs. {_text(t)}")
        return b if a == 1 else a

    def infer(self, total, known):
        """The dimension -1 stands for: total / known, exactly."""
        if not isinstance(total, Size) and not isinstance(known, Size) and (total % known if known else total):
            raise Unfit(f"sizes {total} and {known} do not fit", total, known)
        return self.lowerer.sizes.apply(size_operations.INFER, total, known, self.node.index)

    def maximum(self, a, b):
        return self.lowerer.sizes.apply(size_operations.MAX, a, b)

    def at_hand(self, shape):
        """A shape for messages: with the feeds' sizes as they are now."""
        return self.lowerer._at_hand(shape)

    def minimum(self, a, b):
        return self.lowerer.sizes.apply(size_operations.MIN, a, b)

    def wrap(self, a, d):
        """The place that an index counted from the end, where it is negative, stands for."""
        return self.lowerer.sizes.apply(size_operations.WRAP, a, d)

    def or_else(self, a, b):
        """a, or b where a is -1."""
        return self.lowerer.sizes.apply(size_operations.OR_ELSE, a, b)

    def index(self, a, d):
        """The place of element a of an axis of d elements; a check that there is one."""
        if not isinstance(a, Size) and not isinstance(d, Size):
            if not -d <= a < d:
                raise Unfit(f"slice index {a} out of bounds of an axis of {d} elements", a, d)
            return a % d
        return self.lowerer.sizes.apply(size_operations.INDEX, a, d, self.node.index)

    def within(self, a, b):
        """a; a check that it lies in [0, b]."""
        if not isinstance(a, Size) and not isinstance(b, Size):
            if not 0 <= a <= b:
                raise Unfit(f"Expected a size in [0, {b}], but got {a}", a, b)
            return a
        return self.lowerer.sizes.apply(size_operations.WITHIN, a, b, self.node.index)

    def natural(self, a):
        """a; a check that it is not negative."""
        if isinstance(a, Size):
            return self.lowerer.sizes.apply(size_operations.NATURAL, a, 0, self.node.index)
        if a < 0:
            raise Unfit(f"a size must not be negative, got {a}", a)
        return a

    def step(self, a):
        """How large a step of either sign is; a check that it is not 0."""
        return self.lowerer.sizes.apply(size_operations.STEP, a, 0, self.node.index)

    def once(self, times):
        """times, how often an axis is named; a check that this is at most once."""
        return self.lowerer.sizes.apply(size_operations.ONCE, times, 1, self.node.index)

    def may_be_negative(self, a):
        """Whether a, a size or a number, is not known to be 0 or more."""
        return not self.lowerer.sizes.never_negative(a)

    def decide(self, d):
        """A size as a number: a plan that depends on it is made for that number."""
        if isinstance(d, Size):
            raise Specialize(list(self.lowerer.sizes.atoms_of(d)), f"a size decides the rank of {self.node.name!r}")
        return d

    @property
    def new_sizes(self):
        """The sizes that `new_size` has given, which the lowering must define."""
        return self._new.get("sizes", ())

    # --- emitting -------------------------------------------------------------------------------------

    def emit(self, kernel, inputs=(), outputs=(), params=(), defines=(), views=None, overwrites=()):
        node, lowerer = self.node, self.lowerer
        views = "any" if kernel in ANY_STRIDES else views or node.op_def.views
        inputs = [
            v
            if v.strides is None and v.symbol is None and v.buffer is not None and v.dtype.name != "string"
            else lowerer.operand(v, views, node)
            for v in inputs
        ]
        targets = [lowerer.target(v, views) for v in outputs]
        if defines:
            params = [*params, *(size.register for size in defines)]
        instr = Instr(kernel, inputs, targets, params, node.index, overwrites=overwrites, defines=defines, views=views)
        lowerer.append(instr)
        if defines:
            lowerer.resize(defines)
        for value, dense in zip(outputs, targets):
            if dense is not value:
                lowerer.append(Instr("copy", [dense], [value], (), node.index))
        return instr

    def alias(self, out, value):
        dense = self.lowerer.operand(value, None, self.node)
        out.buffer, out.offset, out.strides = dense.buffer, dense.offset, None

    def view(self, out, value, strides, offset=0):
        value = self.lowerer.operand(value, "any", self.node)
        out.buffer = value.buffer
        out.offset = value.offset + offset
        strides = tuple(strides)
        out.strides = None if are_dense(out.shape, strides) else strides

    def strides(self, value):
        """Strides of a value in elements, dense or not."""
        return value.strides or dense_strides(value.shape)

    def prepare(self, value):
        """Gives an output its buffer, so that windows of it can be written."""
        self.lowerer.target(value, None)

    def temp(self, dtype, shape):
        return self.lowerer.allocate(dtype, tuple(shape))

    def window(self, value, shape, strides, offset=0):
        window = Value(value.dtype, tuple(shape), value.buffer, tuple(strides), value.offset + offset)
        if are_dense(window.shape, window.strides):
            window.strides = None
        return window

    def stream(self):
        """The op's random stream, as an operand."""
        return self.lowerer.stream(self.node.op)

    def literal(self, array):
        return self.lowerer.literal(np.asarray(array))


def is_told_in_the_run(atom):
    """Whether a size is read from data, or is told by an instruction; a plan can be made for any other one."""
    if atom.operation is not None:
        return False
    return not atom.natural or atom.origin is None or atom.origin[0] == "variable"


def _all_known(symbol):
    return symbol.dtype != object or not any(isinstance(s, Size) for s in symbol.ravel())


def _text(shape):
    return "[" + ",".join("?" if isinstance(d, Size) else str(d) for d in shape) + "]"


def feeds_of(lowerer, value):
    """The feeds that a value is."""
    return [f for f, feed in enumerate(lowerer.request.feeds) if lowerer.environment.get(feed.tensor) is value]


def new_buffer(dtype, shape):
    """A buffer for a value: in the arena where its size is known before the run, else grown."""
    size, group = 1, 0
    for dim in shape:
        size = size * dim
        if dim.__class__ is Size and dim.group > group:
            group = dim.group
    return Buffer(GROWN if group else ARENA, dtype, size, shape=shape)
