"""Axes that only the run tells: sizes say which axis stands where, and views go by them.

An extent that is picked so becomes a size of its own (`extent`): what is picked from it again would else be a sum of very many products.

A **choice** is a list of sizes that are all 0 but for a 1 at the axis that is meant; a choice for each axis of a result makes a
permutation. Everything here works with numbers as well.
"""

from __future__ import annotations

from .shape_functions import one_of, picked

__all__ = [
    "axis_of",
    "expanded",
    "extent",
    "extents",
    "is_before",
    "moved",
    "moved_back",
    "reduced",
    "to_the_end",
    "without",
]


def axis_of(c, i, rank):
    """The axis that input i, which is computed in the run, names: a size, from 0 on."""
    return c.index(c.sizes(i)[0], rank)


def extent(c, size):
    """A size that is 0 or more, by one name."""
    return c.maximum(size, 0)


def extents(c, sizes, order):
    """The sizes of all axes in another order."""
    return tuple([extent(c, picked(sizes, choice)) for choice in order])


def is_before(c, place, k):
    """1 where place < k, else 0."""
    return c.minimum(c.maximum(k - place, 0), 1)


def without(c, sizes, axis):
    """The sizes of all axes but one."""
    kept = []
    for k in range(len(sizes) - 1):
        behind = is_before(c, axis, k + 1)  # whether the axis that goes stands at k, or before it
        kept.append(extent(c, sizes[k] + (sizes[k + 1] - sizes[k]) * behind))
    return tuple(kept)


def expanded(c, sizes, axis, new):
    """The sizes with another one, `new`, at the place `axis`."""
    found = []
    for k in range(len(sizes) + 1):
        (here,) = one_of(c, axis - k, 1)
        at = new * here
        if k < len(sizes):
            at = at + sizes[k] * is_before(c, k, axis)
        if k > 0:
            at = at + sizes[k - 1] * is_before(c, axis, k)
        found.append(extent(c, at))
    return tuple(found)


def reduced(c, axes, rank):
    """For each axis 1 where `axes` name it, which they may do once, else 0."""
    chosen = [one_of(c, c.index(axis, rank), rank) for axis in axes]
    return [c.once(sum(times)) for times in zip(*chosen)] or [0] * rank


def to_the_end(c, named, count):
    """The permutation that puts the axes of which `named` is 1, `count` of them, behind the others."""
    rank = len(named)
    order = []
    for wanted, flags in ((rank - count, [1 - n for n in named]), (count, named)):
        for place in range(wanted):
            before, choice = 0, []
            for flag in flags:
                (here,) = one_of(c, before - place, 1)
                choice.append(flag * here)
                before = before + flag
            order.append(choice)
    return order


def moved(c, value, order):
    """A view of a value with its axes in another order."""
    view = c.temp(value.dtype, extents(c, value.shape, order))
    strides = c.strides(value)
    c.view(view, value, [picked(strides, choice) for choice in order])
    return view


def moved_back(c, out, value, order):
    """Makes `out` a view of what stands in the order that `moved` gave it."""
    strides = c.strides(value)
    c.view(out, value, [picked(strides, [choice[axis] for choice in order]) for axis in range(len(out.shape))])
