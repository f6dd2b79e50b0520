"""Axes, and values of axes, of images in one order of theirs, told in another."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from . import kinds
from .registry import OpDef, register
from .shape_functions import unchanged

__all__ = []

_TYPES = {"T": kinds.INDEX}
_ATTRS = {"src_format": "NHWC", "dst_format": "NCHW", "T": dtypes.int32}


def _order(node, name, other):
    """For each axis of one format where it stands in the other."""
    for said, field in (("Source", "src_format"), ("Destination", "dst_format")):
        value = node.attrs[field].decode()
        if len(value) != 4:
            raise ValueError(f"{said} format must of length 4, received {field} = {value}")
    letters, others = node.attrs[name].decode(), node.attrs[other].decode()
    if sorted(letters) != sorted(others) or len(set(letters)) != 4:
        raise ValueError(f"src_format and dst_format must be of the same letters, but are {letters} and {others}")
    return [others.index(letter) for letter in letters]


def _map_lower(c, node):
    (axes,), (out,) = node.inputs, node.outputs
    number = axes.dtype.as_numpy_dtype
    places = c.temp(axes.dtype, axes.shape)
    c.emit("floor_mod", [axes, c.literal(np.array(4, number))], [places], views="any")
    c.emit("gather", [c.literal(np.array(_order(node, "src_format", "dst_format"), number)), places], [out], (0, 0))


def _map_reference(node, axes):
    return np.array(_order(node, "src_format", "dst_format"), axes.dtype)[np.asarray(axes) % 4]


def _check_form(shape):
    if len(shape) not in (1, 2):
        raise ValueError(f"input must be a vector or 2D tensor, but got shape [{','.join(map(str, shape))}]")
    for said, size, wanted in zip(("First", "Second"), shape, (4, 2)):
        if isinstance(size, int) and size != wanted:
            start = "1D input" if len(shape) == 1 else f"{said} dimension of 2D input"
            raise ValueError(f"{start} must be of size {wanted}, but got shape [{','.join(map(str, shape))}]")


def _permute_lower(c, node):
    (x,), (out,) = node.inputs, node.outputs
    _check_form(x.shape)
    if not isinstance(x.shape[0], int):
        c.merge(x.shape[0], 4)
    c.prepare(out)
    own, wanted = c.strides(x), c.strides(out)
    part = x.shape[1:]
    for to, at in enumerate(_order(node, "dst_format", "src_format")):
        row = c.temp(x.dtype, part)
        c.view(row, x, own[1:], own[0] * at)
        c.emit("copy", [row], [c.window(out, part, wanted[1:], wanted[0] * to)])


def _permute_reference(node, x):
    _check_form(np.shape(x))
    return np.asarray(x)[_order(node, "dst_format", "src_format")]


register(
    OpDef("DataFormatDimMap", "x: T", "y: T", attrs=_ATTRS, types=_TYPES, shape=unchanged, lower=_map_lower,
          reference=_map_reference),
    OpDef("DataFormatVecPermute", "x: T", "y: T", attrs=_ATTRS, types=_TYPES, shape=unchanged, lower=_permute_lower,
          reference=_permute_reference),
)  # fmt: skip
