"""The pass for powers with small constant exponents: squares and cubes are products, which take a tenth of the time.

An exponent may be a difference of constants, as in gradients of powers. What the products give is at most two units off, as powers are.
"""

from __future__ import annotations

import numpy as np

from ..ir import ARENA, CONSTANT, Buffer, Instr, Value
from .uses import each_of

# 16-bit floats would be rounded once more. Integers have a power of -1 for the kernel to refuse.
_TYPES = frozenset(("float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "int64", "uint32", "uint64"))


def expand_powers(program):
    """Makes powers of 1, 2, 3 and -1 copies, squares, products and reciprocals."""
    for uses, _, item in each_of(program, ("pow",), with_effects=True):
        if item.outputs[0].dtype.name in _TYPES:
            _expand(uses, item)


def _expand(uses, item):
    base, exponent = item.inputs
    if tuple(base.shape) != tuple(item.outputs[0].shape):
        return  # a base that is broadcast
    made = _products(base, _constant(uses, exponent), item)
    if made is not None:
        made[-1].notes = item.notes
        made[-1].note("expand_powers", "is a power by " + " and ".join(instr.kernel for instr in made))
        uses.replace(item, *made)


def _products(base, exponent, item):
    """The instructions for a power; None where there are none."""
    if exponent == 1:
        return [Instr("copy", [base], item.outputs, (), item.node)]
    if exponent == 2 or (exponent == -1 and item.outputs[0].dtype.is_floating):
        kernel = "square" if exponent == 2 else "reciprocal"
        return [Instr(kernel, [base], item.outputs, (), item.node, overwrites=(0,), views=item.views)]
    if exponent != 3:
        return None
    (out,) = item.outputs
    square = Value(out.dtype, out.shape, Buffer(ARENA, out.dtype, out.size, shape=out.shape))
    return [
        Instr("square", [base], [square], (), item.node, overwrites=(0,), views=item.views),
        Instr("mul", [square, base], [out], (), item.node, overwrites=(0, 1), views=item.views),
    ]


def _constant(uses, value):
    """The number that a value is; None where that is not known, or it is several."""
    if value.buffer.kind == CONSTANT:
        return float(value.buffer.source.reshape(-1)[0]) if np.size(value.buffer.source) == 1 else None
    made = uses.only_writer(value)
    if made is None or made.kernel != "sub":
        return None
    terms = [v.buffer for v in made.inputs]
    if any(b.kind != CONSTANT or np.size(b.source) != 1 for b in terms):
        return None
    left, right = (b.source.reshape(-1)[0] for b in terms)
    return float(left - right)
