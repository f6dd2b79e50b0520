"""The gradient of a concatenation: parts of a tensor, or of slices of one."""

from __future__ import annotations

from .. import dtypes
from .build import apply_op, constant
from .indexed_slices import IndexedSlices

__all__ = ["concat_gradient"]

_MOST_SLICED = 16  # parts that are cut off one by one, as in TensorFlow; more are split at once


def concat_gradient(op, grad):
    """A part for each input; of slices each gets those that lie in it, or a part of all of them along another axis than the first."""
    from .array import rank
    from .cast import cast

    values, axis = op.inputs[:-1], op.inputs[-1]
    if len(values) == 1:
        return [grad, None]
    wanted = cast(axis % cast(rank(values[0]), axis.dtype), dtypes.int32)
    if isinstance(grad, IndexedSlices):
        parts = _slices_along_others if _static_axis(axis, values[0]) else _slices_in_each
        return [*parts(grad, values, wanted), None]
    return [*_parts(grad, values, wanted), None]


def _parts(grad, values, axis):
    from .array import squeeze
    from .slicing import slice, split, stack

    forms = _input_sizes(values)
    if len(forms) > _MOST_SLICED:
        lengths = squeeze(slice(stack(forms, axis=1), [axis, 0], [1, -1]))
        return split(grad, lengths, axis)
    offsets = apply_op("ConcatOffset", [axis, forms])
    return [slice(grad, offset, form) for offset, form in zip(offsets, forms)]


def _input_sizes(values):
    """The shapes of all inputs; one ShapeN node once one of them is not known, as TensorFlow makes them."""
    from .array import shape, shape_n

    forms = []
    for x in values:
        form = shape(x)
        if form.op.type != "Const":
            return shape_n(values)
        forms.append(form)
    return forms


def _static_axis(axis, first):
    """The axis, counted from the first.

    Raises:
      ValueError: where it is not known.
    """
    from .array import rank
    from .tensor_util import constant_value

    known = constant_value(axis)
    if known is None:
        raise ValueError("Can only compute IndexedSlices gradient with statically-known concat_dim")
    if known >= 0:
        return int(known)
    count = constant_value(rank(first))
    if count is None:
        raise ValueError(
            "Can only compute IndexedSlices gradient with negative concat_dim when first value rank is statically-known."
        )
    return int(known) % int(count)


def _slices_in_each(grad, values, axis):
    """Each input's own slices, with their places in it."""
    from .array import shape, squeeze
    from .cast import cast
    from .gather import gather
    from .math import logical_and
    from .select import where

    forms, found = [shape(x) for x in values], []
    start = constant(0, dtype=grad.indices.dtype)
    for form in forms:
        end = start + cast(gather(form, axis), grad.indices.dtype)
        own = squeeze(where(logical_and(grad.indices >= start, grad.indices < end)), axis=[1])
        places = gather(grad.indices, own) - start
        found.append(IndexedSlices(gather(grad.values, own), places, form))
        start = end
    return found


def _slices_along_others(grad, values, axis):
    """All slices for each input, and its part of each of them."""
    from .array import expand_dims, fill, shape
    from .math import add
    from .slicing import concat, slice

    forms = [shape(x) for x in values]
    dims = shape(forms[0])
    mask = concat([fill(expand_dims(axis, 0), 0), [1], fill(dims - axis - 1, 0)], 0)
    begin, found = fill(dims, 0), []
    for form in forms:
        part = slice(grad.values, begin, concat([[-1], slice(form, [1], [-1])], 0))
        found.append(IndexedSlices(part, grad.indices, form))
        begin = add(begin, form * mask)
    return found
