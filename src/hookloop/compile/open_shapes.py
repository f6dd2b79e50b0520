"""The shapes of a plan's tensors as far as only a run tells them, for messages: sums of products of registers."""

from __future__ import annotations

from .sizes import Size


def open_shapes(environment):
    """{tensor: its shape}, of those with a size that only a run tells: a tuple of (factor, registers), which
    `graph.describe.shape_in_run` works out, or None where there is no register."""
    return {
        tensor: tuple([_terms(d) if isinstance(d, Size) else d for d in value.shape])
        for tensor, value in environment.items()
        if value.shape and any(isinstance(d, Size) for d in value.shape)
    }


def _terms(size):
    if size.register is not None:
        return ((1, (size.register,)),)
    table, found = size.table, []
    for monomial, factor in size.terms.items():
        registers = [table._intern({(atom,): 1}).register for atom in monomial]
        if None in registers:
            return None
        found.append((factor, tuple(registers)))
    return tuple(found)
