"""The pass for sums of all that a chain of elementwise instructions makes: losses. It is added up on the way, and never stored.

The kernel (csrc/kernels/fused_sum.h) adds in the order in which `sum` does.
"""

from __future__ import annotations

from ..ir import ARENA, Instr
from ..sizes import Size
from .fuse_elementwise import chain_of, is_elementwise
from .uses import each_of, equal_sizes, is_whole

_TYPES = frozenset(("float32", "float64"))


def fuse_sums(program):
    """Joins sums and means over all axes with the elementwise instructions whose result they alone read."""
    for uses, block, item in each_of(program, ("sum", "mean")):
        (values,) = item.inputs
        if not _sums_all(item, values) or values.buffer.kind != ARENA or not is_whole(values):
            continue
        made = uses.only_writer(values)
        if made is None or made.effect or not uses.may_join(block, made, values, item):
            continue
        chain = made if made.kernel == "fused" else chain_of(uses, made) if is_elementwise(made) else None
        if chain is not None:
            _join(uses, made, chain, item)


def _sums_all(item, values):
    """Whether a reduction of floats goes over all axes."""
    (mask,) = item.params
    return (
        mask != 0
        and values.dtype.name in _TYPES
        and all(mask >> axis & 1 or equal_sizes(size, 1) for axis, size in enumerate(values.shape))
    )


def _join(uses, made, chain, item):
    (values,) = item.inputs
    at = [output.buffer for output in chain.outputs].index(values.buffer)  # perhaps in another shape
    shape = chain.outputs[at].shape
    outputs = list(chain.outputs)
    outputs[at] = item.outputs[0]
    sizes = [
        param for size in shape for param in (int(isinstance(size, Size)), size)
    ]  # a size that is open is a register
    params = (at, int(item.kernel == "mean"), len(shape), *sizes, *chain.params)
    joined = Instr("fused_sum", chain.inputs, outputs, params, item.node, views="any")
    uses.join(made, item, joined)
    if chain is not made:
        joined.note("fuse_sums", f"does {made.kernel} on the way")
    else:
        joined.note("fuse_sums", "adds up what is made, which is not stored")
