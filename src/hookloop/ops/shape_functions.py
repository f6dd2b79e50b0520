"""Shape functions that many ops share. Each takes a `ShapeContext`."""

from __future__ import annotations

from .._core import broadcast, scalar, unchanged
from ..shapes import to_internal

__all__ = ["broadcast", "from_attribute", "merged", "nothing", "one_of", "picked", "scalar", "sized_by_input", "unchanged", "unknown"]  # fmt: skip


def unknown(c):
    """Nothing is known of any output's shape."""
    return [None] * len(c.op.outputs)


def nothing(c):
    """There are no outputs."""
    return []


def merged(c):
    """All inputs have one shape, the output's."""
    shape = None
    for i in range(len(c.inputs)):
        if c.known(i):
            shape = c.merge_shapes(shape, c.shape(i))
    return shape


def from_attribute(c):
    """The shape that the attribute `shape` gives."""
    return to_internal(c.attr("shape"))


def sized_by_input(i):
    """A shape function: the elements of input i are the dimensions of the output."""

    def shape(c):
        return tuple([c.natural(d) for d in c.sizes(i)])

    return shape


def one_of(c, place, count):
    """For each of `count` places 1 where it is `place`, else 0: sizes, for a place that only running tells."""
    return [1 - c.minimum(c.maximum(place - k, k - place), 1) for k in range(count)]


def picked(sizes, choice):
    """The size that a choice of `one_of` says."""
    total = 0
    for size, chosen in zip(sizes, choice):
        total = total + size * chosen
    return total
