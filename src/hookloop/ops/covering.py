"""Windows that cover an image along its last axes: what lies along these is seen as channels.

A filter over a few words of a text and their whole embeddings has one place along the embedding, as has one over all that is
left of an image. There an image [batch, rows, columns, channels] is [batch, rows, 1, columns * channels] without a move in
memory, and the filter likewise: few long products instead of many short ones, above all in the gradient of the image.
"""

from __future__ import annotations

import math


def covered_axes(frame, image, window, target):
    """How many of the spatial axes behind the first a window covers; 0 where they are no more than one element.

    Args:
      frame: the `Frame` of the node.
      image, target: shapes with their channels last.
      window: the filter's sizes along the spatial axes.
    """
    count = 0
    for axis in range(len(window) - 1, 0, -1):
        sizes = image[axis + 1], window[axis], target[axis + 1]
        if not all(isinstance(size, int) for size in sizes) or sizes[0] != sizes[1] or sizes[2] != 1:
            break
        if frame.before[axis] or (frame.dilation[axis] != 1 and sizes[1] > 1):
            break
        count += 1
    return count if any(size != 1 for size in window[len(window) - count :]) else 0


def image_shape(shape, count):
    """The shape of an image whose last `count` spatial axes are channels."""
    first = len(shape) - 1 - count
    return (*shape[:first], *([1] * count), math.prod(shape[first:-1]) * shape[-1])


def filter_shape(shape, count):
    """The shape of a filter for such an image."""
    return (*image_shape(shape[:-1], count), shape[-1])


def covering_params(params, count):
    """The kernel's attributes, whose last triples are those of the axes: stride, dilation, border."""
    return (*params[: len(params) - 3 * count], *((1, 1, 0) * count))
