"""Shape functions that many ops share. Each takes a `ShapeContext`."""

from __future__ import annotations

from .._core import broadcast, scalar, unchanged
from ..shapes import UNKNOWN, to_internal

__all__ = ["ONLY_FORWARDS", "broadcast", "check_forwards", "check_sizes", "from_attribute", "handle_shape", "length_by_input", "merged", "nothing", "one_of", "picked", "scalar", "shape_of_variable", "sized_by_input", "unchanged", "unknown"]  # fmt: skip


def unknown(c):
    """Nothing is known of any output's shape."""
    return [None] * len(c.op.outputs)


def handle_shape(handle):
    """The shape of the variable behind a handle, or None where the handle comes from somewhere else."""
    while handle.op.type != "VarHandleOp":
        op = handle.op
        if not op.inputs or (op.type == "Merge" and op.inputs[1].op.type != "NextIteration"):  # of two branches
            return None
        handle = op.inputs[handle.value_index if op.type == "IdentityN" else 0]
    return to_internal(handle.op.get_attr("shape"))


def shape_of_variable(c, i):
    """The shape of the variable that input i is, or whose handle it is; None where it is not known."""
    if c.dtype(i).name == "resource":
        return handle_shape(c.op.inputs[i])
    return c.shape(i) if c.known(i) else None


def nothing(c):
    """There are no outputs."""
    return []


def merged(c, count=None):
    """All inputs, or the first `count` of them, have one shape, the output's."""
    shape = None
    for i in range(len(c.inputs) if count is None else count):
        if c.known(i):
            shape = c.merge_shapes(shape, c.shape(i))
    return shape


def from_attribute(c):
    """The shape that the attribute `shape` gives."""
    return to_internal(c.attr("shape"))


def check_sizes(c, sizes):
    """Refuses sizes that are known to be less than -1, which stands for one that is not known."""
    for d in sizes:
        if isinstance(d, int) and d < -1:
            c.fail(f"Invalid value in tensor used for shape: {d}")


def sized_by_input(i):
    """A shape function: the elements of input i are the dimensions of the output."""

    def shape(c):
        if c.known(i) and len(c.shape(i)) != 1:
            c.fail(f"Shape must be rank 1 but is rank {len(c.shape(i))}")
        sizes = c.sizes(i)
        check_sizes(c, sizes)
        return tuple([c.natural(d) for d in sizes])

    return shape


def length_by_input(i):
    """A shape function: the output is a vector, whose length is the scalar input i."""

    def shape(c):
        (length,) = c.sizes(i)
        return (c.natural(length),)

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


def joined(c, one, other, choice):
    """The shape of two values that are joined, but for the axis along which they are."""
    if 1 in choice and all(isinstance(here, int) for here in choice):
        axis = choice.index(1)
        before = c.merge_shapes(tuple(one[:axis]), tuple(other[:axis]))
        return [*before, one[axis], *c.merge_shapes(tuple(one[axis + 1 :]), tuple(other[axis + 1 :]))]
    return [_joined_size(c, *dims) for dims in zip(one, other, choice)]


def _joined_size(c, a, b, is_axis):
    """The size of an axis of two values that are joined: it is one, but along the axis where they are joined."""
    c.merge(a * (1 - is_axis), b * (1 - is_axis))
    return a


ONLY_FORWARDS = "only stride 1 allowed on non-range indexing."


def check_forwards(c, stride, size):
    """Refuses to take one element of an axis with a negative stride: when it is run, where the axis is of open size."""
    if stride is UNKNOWN:
        return
    if not isinstance(stride, int):
        c.step(stride)
        c.natural(stride)
    elif stride < 0:
        fail = c.fail if isinstance(size, int) else c.fail_in_run
        fail(ONLY_FORWARDS)
