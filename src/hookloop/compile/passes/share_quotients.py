"""The pass for quotients of negated tensors, as gradients of divisors have them: where the quotient itself is there already, that
one is negated, which gives the same bits. A division takes several times what other arithmetic takes.
"""

from __future__ import annotations

from ..ir import ARENA, Instr
from .uses import each_of, equal_sizes, is_whole, kernels_of


def share_quotients(program):
    """Makes a negated numerator's quotient the negative of an earlier quotient of the same two tensors."""
    if "neg" not in kernels_of(program):
        return
    found = {}  # operands -> the divisions so far
    for uses, block, item in each_of(program, ("div",)):
        if not _share(uses, block, item, found):
            found.setdefault(_operands(*item.inputs), []).append(item)


def _operands(x, divisor):
    """Equal for operands that may be the same; of many parts of one tensor few are."""
    return (
        x.buffer.memory,
        divisor.buffer.memory,
        *[v.offset if isinstance(v.offset, int) else None for v in (x, divisor)],
    )


def _share(uses, block, item, found):
    """Whether a division has become the negative of one that was found before it."""
    negated, divisor = item.inputs
    (out,) = item.outputs
    if not out.dtype.is_floating or not is_whole(negated):
        return False
    made = uses.only_writer(negated)
    if made is None or made.kernel != "neg" or made.effect or uses.block_of[id(made)] is not block:
        return False
    (x,) = made.inputs
    earlier = _quotient(uses, block, item, x, divisor, found)
    if earlier is None:
        return False
    first = earlier if uses.index_of[id(earlier)] < uses.index_of[id(made)] else made
    if not uses.holds(block, first, x, [item]) or not uses.holds(block, first, divisor, [item]):
        return False
    negative = Instr("neg", [earlier.outputs[0]], [out], (), item.node, overwrites=(0,), views="any")
    negative.notes = item.notes
    negative.note("share_quotients", "is the negative of an earlier quotient")
    uses.replace(item, negative)
    if not uses.readers(negated.buffer) and id(negated.buffer) not in uses.kept:
        uses.replace(made)
    return True


def _quotient(uses, block, item, x, divisor, found):
    """An instruction before `item` in its block that divides one by the other, and whose result is as large; or None."""
    (out,) = item.outputs
    for other in found.get(_operands(x, divisor), ()):
        if uses.block_of[id(other)] is not block or not _same(other.inputs[0], x):
            continue
        (quotient,) = other.outputs
        if (
            not _same(other.inputs[1], divisor)
            or quotient.dtype is not out.dtype
            or not _alike(quotient.shape, out.shape)
        ):
            continue
        if quotient.buffer.kind == ARENA and is_whole(quotient) and uses.only_writer(quotient) is other:
            return other
    return None


def _same(value, other):
    """Whether two values are the same elements of the same memory."""
    if value.buffer.memory != other.buffer.memory or not equal_sizes(value.offset, other.offset):
        return False
    strides = value.strides or (), other.strides or ()
    return (value.strides is None) == (other.strides is None) and _alike(*strides) and _alike(value.shape, other.shape)


def _alike(sizes, others):
    return len(sizes) == len(others) and all(equal_sizes(a, b) for a, b in zip(sizes, others))
