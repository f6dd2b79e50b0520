"""Matrix products as passes see them: the factors, the steps of the epilogue, the result."""

from __future__ import annotations

from ..epilogue import MOST_PRODUCTS, MOST_STEPS, Step
from ..ir import Instr, Value
from .uses import equal_sizes

_REAL = frozenset(("float32", "float64"))
_KERNELS = frozenset(("matmul", "sum_of_products"))


class Factors:
    """One product A B: operands as they lie in memory, and whether each is transposed."""

    __slots__ = ("a", "b", "transpose_a", "transpose_b")

    def __init__(self, a, b, transpose_a, transpose_b):
        self.a = a
        self.b = b
        self.transpose_a = transpose_a
        self.transpose_b = transpose_b

    @property
    def depth_axis_a(self):
        """The axis of A that is summed over."""
        return len(self.a.shape) - (2 if self.transpose_a else 1)

    @property
    def depth_axis_b(self):
        return len(self.b.shape) - (1 if self.transpose_b else 2)

    def with_operands(self, a, b):
        return Factors(a, b, self.transpose_a, self.transpose_b)


class Product:
    """A `matmul` or a `sum_of_products`: result = sum of A B, then elementwise steps.

    Attributes:
      factors: list of `Factors`.
      steps: list of (Step, parameter, operand value or None).
      out: the result. `sums` gets the sums of B's columns, or is None.
    """

    def __init__(self, factors, steps, out, sums=None):
        self.factors = factors
        self.steps = steps
        self.out = out
        self.sums = sums

    @property
    def is_plain(self):
        """Whether it is nothing but a sum of products."""
        return not self.steps and self.sums is None

    def accepts(self, value):
        """Whether a value may be the operand of a step."""
        return may_be_operand(value, self.out)

    def instruction(self, like, name=None, text=None):
        """The instruction that computes it, in the place of another; `name` and `text` are a pass's note."""
        flags = [int(t) for f in self.factors for t in (f.transpose_a, f.transpose_b)]
        steps = [p for step, parameter, _ in self.steps for p in (int(step), float(parameter))]
        inputs = [operand for f in self.factors for operand in (f.a, f.b)]
        inputs += [operand for _, _, operand in self.steps if operand is not None]
        outputs = [self.out] if self.sums is None else [self.out, self.sums]
        overwrites = ()
        if self.steps and self.steps[0][0] is Step.ADD:
            overwrites = (2 * len(self.factors),)
        if len(self.factors) == 1:
            instr = Instr("matmul", inputs, outputs, [*flags, *steps], like.node, overwrites=overwrites, views="rows")
        else:
            params = [len(self.factors), *flags, *steps]
            instr = Instr("sum_of_products", inputs, outputs, params, like.node, overwrites=overwrites, views="rows")
        instr.notes = like.notes
        if name is not None:
            instr.note(name, text)
        return instr


def product_of(instr):
    """The `Product` of floats that an instruction computes; None where it computes something else."""
    if instr.__class__ is not Instr or instr.kernel not in _KERNELS or instr.effect:
        return None
    if instr.outputs[0].dtype.name not in _REAL:
        return None
    params = list(instr.params)
    count = 1 if instr.kernel == "matmul" else params.pop(0)
    flags, steps = params[: 2 * count], params[2 * count :]
    factors = [
        Factors(instr.inputs[2 * i], instr.inputs[2 * i + 1], bool(flags[2 * i]), bool(flags[2 * i + 1]))
        for i in range(count)
    ]
    operands = iter(instr.inputs[2 * count :])
    found = []
    for kind, parameter in zip(steps[::2], steps[1::2]):
        step = Step(kind)
        found.append((step, parameter, next(operands) if step.has_operand else None))
    sums = instr.outputs[1] if len(instr.outputs) > 1 else None
    return Product(factors, found, instr.outputs[0], sums)


def may_be_operand(value, out):
    """Whether a value may be the operand of a step: its shape broadcasts to the result's, its rows have no gaps."""
    if value.dtype is not out.dtype or len(value.shape) > len(out.shape):
        return False
    for dim, wanted in zip(reversed(value.shape), reversed(out.shape)):
        if not equal_sizes(dim, wanted) and not equal_sizes(dim, 1):
            return False
    if value.strides and not equal_sizes(value.shape[-1], 1):
        return any(equal_sizes(value.strides[-1], s) for s in (0, 1))
    return True


def part(value, axis, start, size):
    """The part of a value along an axis."""
    from ..ir import dense_strides, same_shape

    strides = value.strides or dense_strides(value.shape)
    shape = (*value.shape[:axis], size, *value.shape[axis + 1 :])
    found = Value(value.dtype, shape, value.buffer, strides, value.offset + start * strides[axis])
    if same_shape(strides, dense_strides(shape)):
        found.strides = None
    return found


def factor_key(factors):
    """Equal for products of equal sizes and transposes."""
    shapes = factors.a.shape, factors.b.shape
    return shapes, factors.transpose_a, factors.transpose_b


__all__ = [
    "MOST_PRODUCTS",
    "MOST_STEPS",
    "Factors",
    "Product",
    "Step",
    "factor_key",
    "may_be_operand",
    "part",
    "product_of",
]
