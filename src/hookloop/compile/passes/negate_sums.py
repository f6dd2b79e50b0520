"""The pass for sums of negated tensors, as gradients of differences have them: the sum is subtracted from 0 instead.

Each rounds alike, and 0 - 0 is the 0 that a sum of negated numbers is, where the negative of 0 would be -0. One tensor less is
written and read.
"""

from __future__ import annotations

import numpy as np

from ..ir import ARENA, CONSTANT, Buffer, Instr, Value
from .uses import each_of, is_whole, kernels_of

_SUMS = frozenset(("sum", "mean"))


def negate_sums(program):
    """Moves negations that a sum or mean alone reads behind it."""
    if "neg" not in kernels_of(program):
        return
    for uses, block, item in each_of(program, _SUMS):
        _negate(uses, block, item)


def _negate(uses, block, item):
    (terms,), (out,) = item.inputs, item.outputs
    if terms.buffer.kind != ARENA or not is_whole(terms) or not terms.dtype.is_floating:
        return
    made = uses.only_writer(terms)
    if made is None or made.kernel != "neg" or made.effect or not uses.may_join(block, made, terms, item):
        return
    (x,) = made.inputs
    if tuple(x.shape) != tuple(terms.shape) or x.strides is not None or made.outputs[0].shape != terms.shape:
        return
    total = Value(out.dtype, out.shape, Buffer(ARENA, out.dtype, out.size, shape=out.shape))
    sums = Instr(item.kernel, [x], [total], item.params, item.node)
    zero = Value(out.dtype, (), Buffer(CONSTANT, out.dtype, 1, np.zeros((), out.dtype.as_numpy_dtype)))
    negated = Instr("sub", [zero, total], [out], (), made.node, overwrites=(1,), views="any")
    uses.join(made, item, sums, negated)
    sums.note("negate_sums", "is negated afterwards")
