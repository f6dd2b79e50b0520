"""The shapes of a plan's tensors as far as only a run tells them, for messages: sums of products of registers."""

from __future__ import annotations

from .sizes import Size


def open_shapes(environment, told):
    """{tensor: its shape}, of those with a size that only a run tells: a tuple of (factor, registers), which
    `graph.describe.shape_in_run` works out, or None where there is no register; of ops what their lowering `told`."""
    found, terms = {}, {}
    for tensor, value in environment.items():
        shape = value.shape
        if shape and [1 for d in shape if d.__class__ is Size]:
            for d in shape:
                if d.__class__ is Size and d not in terms:
                    terms[d] = _terms(d)
            found[tensor] = tuple([terms[d] if d.__class__ is Size else d for d in shape])
    for op, shape in told.items():
        found[op] = tuple([_terms(d) if d.__class__ is Size else d for d in shape])
    return found


def _terms(size):
    if size.register is not None:
        return ((1, (size.register,)),)
    found = []
    for monomial, factor in size.terms.items():
        registers = [size.table.register_of(atom) for atom in monomial]
        if None in registers:
            return None
        found.append((factor, tuple(registers)))
    return tuple(found)
