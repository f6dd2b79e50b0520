"""Functions of the second API that are more than those of the first with other arguments."""

from __future__ import annotations

from ... import dtypes
from ...graph import scopes
from ...ops import dilation, pooling
from ...ops import math as math_ops

__all__ = ["dilation2d", "erosion2d", "max_pool_with_argmax", "scalar_mul"]


def scalar_mul(scalar, x, name=None):
    """A scalar times a tensor, or times the values of `IndexedSlices`."""
    with scopes.name_scope(name, "scalar_mul", [x]) as scope:
        return math_ops.scalar_mul(scalar, x, scope)


def _last_channels(data_format):
    if data_format != "NHWC":
        raise ValueError("Data formats other than NHWC are not yet supported")


def dilation2d(input, filters, strides, padding, data_format, dilations, name=None):
    """The largest sums of an image's windows and a filter: see the first API's; `data_format` has to be "NHWC"."""
    _last_channels(data_format)
    return dilation.dilation2d(input, filters, strides, dilations, padding, name)


def erosion2d(value, filters, strides, padding, data_format, dilations, name=None):
    """The least differences of an image's windows and a filter: see the first API's; `data_format` has to be "NHWC"."""
    _last_channels(data_format)
    return dilation.erosion2d(value, filters, strides, dilations, padding, name)


def max_pool_with_argmax(input, ksize, strides, padding, data_format="NHWC", output_dtype=dtypes.int64,
                         include_batch_in_index=False, name=None):  # fmt: skip
    """The largest elements of windows and their places: see the first API's; windows and steps may be numbers, or have two.

    Raises:
      ValueError: for another `data_format` than "NHWC", and other numbers of sizes.
    """
    _last_channels(data_format)
    return pooling.max_pool_with_argmax(
        input, _four(ksize, "ksize"), _four(strides, "strides"), padding, data_format, output_dtype=output_dtype,
        include_batch_in_index=include_batch_in_index, name=name,
    )  # fmt: skip


def _four(sizes, name):
    """Sizes of all axes, from those of the image's."""
    sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    if len(sizes) == 1:
        sizes = sizes * 2
    if len(sizes) == 2:
        return [1, *sizes, 1]
    if len(sizes) != 4:
        raise ValueError(f"{name} should be of length 1, 2 or 4 but was {len(sizes)}")
    return sizes
