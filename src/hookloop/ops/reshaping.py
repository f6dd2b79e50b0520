"""The shape that Reshape gives: the size that -1 stands for, and what does not fit."""

from __future__ import annotations

import math

import numpy as np

from ..shapes import UNKNOWN
from .shape_functions import check_sizes

PLACES = 1000  # more than an op's sizes: two places in one number


def reshaped(c):
    if c.known(1) and len(c.shape(1)) != 1:
        c.fail(f"Shape must be rank 1 but is rank {len(c.shape(1))}")
    sizes = c.sizes(1)
    check_sizes(c, sizes)
    open_sizes = [i for i, d in enumerate(sizes) if isinstance(d, int) and d == -1]
    if len(open_sizes) > 1:
        c.fail_in_run(f"Only one input size may be -1, not both {open_sizes[0]} and {open_sizes[1]}")
        return tuple([UNKNOWN if i in open_sizes else d for i, d in enumerate(sizes)])
    _check_open(c, sizes)
    if not c.known(0):
        return tuple([UNKNOWN if isinstance(d, int) and d == -1 else d for d in sizes])
    total, known = _product(c.shape(0)), _product([c.or_else(d, 1) for d in sizes])
    if open_sizes:
        if any(isinstance(d, int) and d == 0 for d in sizes):  # then a 0 of the input is set aside with it
            c.merge(total, 0)
            total = _product([c.maximum(d, 1) for d in c.shape(0)])
            missing = total // _product([c.or_else(d, 1) for d in sizes if not isinstance(d, int) or d])
        else:
            rest = _rest_of(c.shape(0), [d for d in sizes if not isinstance(d, int) or d != -1])
            missing = _missing(c, total, known, sizes) if rest is None else rest
        return tuple([missing if isinstance(d, int) and d == -1 else d for d in sizes])
    if any(c.may_be_negative(d) for d in sizes):  # read from data: one of them may be -1
        if isinstance(known, int) and known == 0:
            missing = _rest_without_zeros(c, sizes)
        else:
            missing = _with_zeros_aside(c, total // known, known, sizes)
        sizes = tuple([c.natural(c.or_else(d, missing)) for d in sizes])
        known = _product(sizes)
    _check_total(c, total, known, sizes)
    _check_parts(c, known)
    return _with_the_last_size(sizes, total)


def _missing(c, total, known, sizes):
    """The size that -1 stands for."""
    return _with_zeros_aside(c, c.infer(total, known), known, sizes)


def _with_zeros_aside(c, missing, known, sizes):
    """The size that -1 stands for, where the run may tell that another one is 0: then zeros are set aside on both sides."""
    if isinstance(known, int) or missing is UNKNOWN:
        return missing
    return c.maximum(missing, c.maximum(1 - known, 0) * _rest_without_zeros(c, sizes))


def _rest_without_zeros(c, sizes):
    """The size that is missing where zeros do not count."""
    whole = _product([c.maximum(d, 1) for d in c.shape(0)])
    return whole // _product([c.maximum(d, 1) for d in sizes])


def _rest_of(shape, sizes):
    """The elements of the axes whose sizes are not wanted, where these are numbers above 0 and all others are wanted: so many are
    missing without any rows, too. None elsewhere."""
    left = list(shape)
    for d in sizes:
        place = next((i for i, own in enumerate(left) if _is_same(own, d)), None)
        if place is None:
            return None
        del left[place]
    return _product(left) if all(isinstance(d, int) and d > 0 for d in left) else None


def _is_same(left, right):
    """Whether two sizes are known to be equal: numbers, or one that the graph leaves open."""
    return left is not UNKNOWN and (
        left is right or (isinstance(left, int) and isinstance(right, int) and left == right)
    )


def _check_open(c, sizes):
    """Checks in the run that the sizes that are read from data are no less than -1, at most one of them that. `mismatches` takes
    the places apart."""
    earlier = None
    for place, d in enumerate(sizes):
        if not c.may_be_negative(d):
            continue
        c.natural(c.or_else(d, 0))
        is_open = c.maximum(-d, 0)
        if earlier is not None:
            c.within(earlier * is_open * PLACES, place)
        earlier = is_open * (place + 1) + (0 if earlier is None else earlier)


def _with_the_last_size(sizes, total):
    """The sizes, of which the number of elements tells one that nothing else does."""
    others = [d for d in sizes if d is not UNKNOWN]
    if len(others) != len(sizes) - 1 or not all(isinstance(d, int) for d in (total, *others)):
        return sizes
    known = _product(others)
    return tuple([total // known if d is UNKNOWN else d for d in sizes]) if known and total % known == 0 else sizes


def _product(sizes):
    total = 1
    for d in sizes:
        total = total * d
    return total


def _check_total(c, total, known, sizes):
    if isinstance(total, int) and isinstance(known, int) and total != known:
        c.fail(
            f"Cannot reshape a tensor with {total} elements to shape [{','.join(map(str, sizes))}] ({known} elements)"
        )
    c.merge(total, known)


def _check_parts(c, known):
    """Refuses, while the graph is built, a number of elements that the sizes beside the only open one cannot be a part of."""
    shape = c.shape(0)
    rest = [d for d in shape if d is not UNKNOWN]
    part = _product(rest)
    if len(rest) == len(shape) - 1 and isinstance(part, int) and part and isinstance(known, int) and known % part:
        c.fail(f"Dimension size must be evenly divisible by {part} but is {known}")


def reshape_reference(node, x, shape):
    """What the op gives, by NumPy."""
    sizes = [int(d) for d in np.ravel(shape)]
    if sizes.count(-1) == 1 and 0 in sizes and x.size == 0:  # zeros are set aside on both sides
        missing = math.prod(max(d, 1) for d in x.shape) // math.prod(max(d, 1) for d in sizes)
        sizes[sizes.index(-1)] = missing
    return np.reshape(x, sizes)
