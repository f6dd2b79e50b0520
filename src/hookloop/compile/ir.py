"""The compiler's intermediate representation: values in buffers, and blocks of instructions.

A `Block` is a list of `Instr`, `If` and `Loop`; the last two hold blocks of their own (regions). Control
flow stays structured until `assemble.py` flattens it into jumps.
"""

from __future__ import annotations

from .sizes import Size

MAX_RANK = 10  # HL_MAX_RANK of csrc/plan.h

# Where a buffer lives: the order of hl_storage in csrc/frame.h.
ARENA, GROWN, RESULT, CONSTANT, FOLDED, VARIABLE, FLAG, FEED, STREAM, STACK, OBJECT = range(11)

# Kernels that take operands with any strides, whatever op they stand for.
ANY_STRIDES = frozenset(("copy", "fill"))


class Buffer:
    """Memory that values are views of.

    Attributes:
      kind: one of the storage constants above.
      source: what it belongs to: an ndarray, a variable's key, a feed's index, ...
      size: extent in elements (an int or a Size).
      dtype: the DType of its elements.
      memory: what tells memory apart: a variable's key (several buffers may stand for it), else the buffer itself.
      shape: of the value that it was made for, or None.
    """

    __slots__ = ("kind", "source", "size", "dtype", "index", "first", "last", "home", "memory", "shape")

    def __init__(self, kind, dtype, size, source=None, shape=None):
        self.kind = kind
        self.dtype = dtype
        self.size = size
        self.source = source
        self.shape = shape
        self.memory = (kind, source) if kind in (VARIABLE, FLAG) else id(self)
        self.index = None
        self.first = self.last = -1
        self.home = None

    @property
    def writable(self):
        """Whether a later instruction may take the memory over."""
        return self.kind in (ARENA, GROWN)


class Value:
    """A tensor: a shape over a buffer.

    Attributes:
      shape: tuple of ints and Sizes; None of a variable of open rank that has no value.
      strides: None where the value is dense in row-major order, else a tuple in elements.
      offset: in elements.
      symbol: an array of what the elements are known to be (ints and Sizes), or None.
      deferred: for a sum over axes that sizes decide: a `Deferred`; see open_axes.py.
    """

    __slots__ = ("dtype", "shape", "buffer", "strides", "offset", "symbol", "deferred")

    def __init__(self, dtype, shape, buffer=None, strides=None, offset=0, symbol=None):
        self.dtype = dtype
        self.shape = shape
        self.buffer = buffer
        self.strides = strides
        self.offset = offset
        self.symbol = symbol
        self.deferred = None

    @property
    def size(self):
        total = 1
        for dim in self.shape:
            total = total * dim
        return total

    def __repr__(self):
        dims = "?" if self.shape is None else ",".join(str(d) for d in self.shape)
        return f"{self.dtype.name}[{dims}]"


class Instr:
    """One instruction: a kernel's name, its operands, its attributes.

    Attributes:
      node: index of the op it came from, for errors.
      overwrites: indices of the inputs whose buffer output 0 may take over.
      effect: whether it does something besides writing its outputs.
      writes_variable: whether it belongs behind the commit point.
      views: the operands that its kernel takes: "any" strides, "inputs" of any strides and dense outputs, "rows" (the last axis
        dense, the others ascending in memory), or None for dense ones alone.
      notes: what passes have done to it, for `explain`: pairs of a pass's name and a few words.
    """

    __slots__ = (
        "kernel", "inputs", "outputs", "params", "node", "overwrites", "effect", "writes_variable", "defines", "notes",
        "views",
    )  # fmt: skip

    def __init__(
        self, kernel, inputs=(), outputs=(), params=(), node=-1, effect=False, overwrites=(), defines=(), views=None
    ):
        self.kernel = kernel
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self.params = tuple(params)
        self.node = node
        self.effect = effect
        self.overwrites = overwrites
        self.writes_variable = False
        self.defines = tuple(defines)
        self.notes = ()
        self.views = "any" if kernel in ANY_STRIDES else views

    def note(self, name, text):
        """Says for `explain` what the pass of that name did."""
        self.notes = (*self.notes, (name, text))

    def takes(self, value, as_output=False):
        """Whether the kernel takes a value with these strides as an operand: an input, or an output."""
        if value.strides is None or self.views == "any":
            return True
        if self.views == "inputs":
            return not as_output
        return self.views == "rows" and has_dense_rows(value)


class Block:
    """Instructions, conditionals and loops in the order in which they run."""

    __slots__ = ("items",)

    def __init__(self, items=()):
        self.items = list(items)


class If:
    """`then` runs where `predicate` holds, `otherwise` where it does not."""

    __slots__ = ("predicate", "then", "otherwise", "node")

    def __init__(self, predicate, then, otherwise, node):
        self.predicate = predicate
        self.then = then
        self.otherwise = otherwise
        self.node = node


class Loop:
    """`condition` computes `predicate`; while it holds, `body` runs. Loop variables are buffers set outside."""

    __slots__ = ("condition", "predicate", "body", "node")

    def __init__(self, condition, predicate, body, node):
        self.condition = condition
        self.predicate = predicate
        self.body = body
        self.node = node


def walk(block):
    """All instructions of a block and of the regions in it, in program order."""
    for item in block.items:
        if item.__class__ is Instr:
            yield item
        elif isinstance(item, If):
            yield from walk(item.then)
            yield from walk(item.otherwise)
        else:
            yield from walk(item.condition)
            yield from walk(item.body)


def is_whole(value):
    """Whether a value is its buffer from end to end, dense."""
    if value.strides is not None or value.offset.__class__ is Size or value.offset:
        return False
    if value.shape is value.buffer.shape:
        return True
    size = value.shape[0] if len(value.shape) == 1 else value.size
    return size is value.buffer.size if isinstance(size, Size) else size == value.buffer.size


def dense_strides(shape):
    """The strides, in elements, of a tensor of a shape that lies in row-major order."""
    strides, stride = [], 1
    for dim in reversed(shape):
        strides.append(stride)
        stride = stride * dim
    return tuple(reversed(strides))


def are_dense(shape, strides):
    """Whether strides are those of row-major order, but along axes of one element, which nothing walks."""
    return all(
        stride == dense or (not isinstance(size, Size) and size == 1)
        for size, stride, dense in zip(shape, strides, dense_strides(shape))
    )


def has_dense_rows(value):
    """Whether the last axis of a strided value is dense, and the others do not run backwards."""
    last = value.strides[-1] if value.strides else 1
    if isinstance(last, Size) or last != 1:
        return False
    return all(isinstance(s, Size) or s > 0 for s in value.strides)


def same_shape(left, right) -> bool:
    """Whether two shapes are proven equal: equal sizes are the same object, and no size equals a number."""
    return left is right or tuple(left) == tuple(right)
