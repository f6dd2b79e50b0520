"""The pass for sums and means of bools that are cast to numbers: accuracies, counts of what is not zero.

The number of true elements is the same in every order, so it is counted among the bools (csrc/kernels/count_true.c), and they are never
stored as numbers. That a bool is not False is the bool itself.
"""

from __future__ import annotations

import numpy as np

from ..ir import ARENA, CONSTANT, Instr, same_shape
from .uses import each_of, is_whole, kernels_of

_SUMS = frozenset(("sum", "mean"))
_TYPES = frozenset(("float32", "float64", "int32", "int64"))


def count_true(program):
    """Counts what is true where a sum or a mean along the last axes alone reads bools as numbers."""
    if "cast" not in kernels_of(program):
        return
    for uses, block, item in each_of(program, _SUMS):
        _count(uses, block, item)


def _count(uses, block, item):
    (numbers,) = item.inputs
    if numbers.buffer.kind != ARENA or numbers.dtype.name not in _TYPES or not is_whole(numbers):
        return
    made = uses.only_writer(numbers)
    if made is None or made.kernel != "cast" or made.effect or not _sums_last(item.params[0], len(numbers.shape)):
        return
    (bools,) = made.inputs
    if not _are_bools(bools, numbers.shape) or not same_shape(made.outputs[0].shape, numbers.shape):
        return
    if not uses.may_join(block, made, numbers, item):
        return
    counted = Instr("count_true", [bools], item.outputs, (item.params[0], int(item.kernel == "mean")), item.node)
    uses.join(made, item, counted)
    counted.note("count_true", f"the {item.kernel} of what is true")
    _skip_comparison(uses, block, counted)


def _skip_comparison(uses, block, counted):
    """Lets a count look at the bools that are only compared with False for it."""
    (compared,) = counted.inputs
    made = uses.only_writer(compared)
    if made is None or made.kernel != "not_equal" or made.effect:
        return
    bools, other = made.inputs
    if not _are_bools(bools, compared.shape) or other.buffer.kind != CONSTANT or np.any(other.buffer.source):
        return
    if uses.may_join(block, made, compared, counted):
        uses.join(made, counted, Instr("count_true", [bools], counted.outputs, counted.params, counted.node))


def _are_bools(value, shape):
    return value.dtype.name == "bool" and value.strides is None and same_shape(value.shape, shape)


def _sums_last(mask, rank):
    """Whether the axes of a mask are the last ones."""
    return mask > 0 and any(mask == (1 << rank) - (1 << first) for first in range(rank))
