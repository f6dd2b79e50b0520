"""Dropout: elements set to 0 at random, the others scaled so that the expected sum stays."""

from __future__ import annotations

import numbers

from ..graph.scopes import name_scope
from ..shapes import as_shape
from .array import shape
from .build import convert_to_tensor
from .cast import cast
from .math import greater_equal
from .random import random_uniform
from .tensor_util import constant_value

__all__ = []


def dropout(x, keep_prob=None, noise_shape=None, seed=None, name=None, rate=None):
    """Sets each element to 0 with probability `rate`, and divides the others by 1 - rate.

    Args:
      x: a tensor of floats.
      keep_prob: 1 - rate, the older way to give it.
      noise_shape: the shape of the decisions, which are broadcast to x; that of x by default.
      seed: the op's seed.
      name: the nodes' scope.
      rate: the probability, a number or a scalar tensor.

    Raises:
      ValueError: for a rate that is not in [0, 1), for none or two, or where x has no floating dtype.
    """
    rate = _rate(rate, keep_prob)
    with name_scope(name, "dropout", [x]):
        x = convert_to_tensor(x, name="x")
        if not x.dtype.is_floating:
            raise ValueError(
                f"x has to be a floating point tensor since it's going to be scaled. Got a {x.dtype} tensor instead."
            )
        if isinstance(rate, numbers.Real):
            if not 0 <= rate < 1:
                raise ValueError(f"rate must be a scalar tensor or a float in the range [0, 1), got {rate:g}")
            if rate == 0:
                return x
        rate = convert_to_tensor(rate, dtype=x.dtype, name="rate")
        rate.get_shape().assert_has_rank(0)
        if constant_value(rate) == 0:
            return x
        noise = random_uniform(_noise_shape(x, noise_shape), seed=seed, dtype=x.dtype)
        scale = 1 / (1 - rate)
        kept = greater_equal(noise, rate)
        result = x * scale * cast(kept, x.dtype)
        result.set_shape(x.get_shape())
        return result


def _rate(rate, keep_prob):
    if rate is not None and keep_prob is not None:
        raise ValueError("Cannot specify both 'keep_prob' and 'rate'")
    if keep_prob is not None:
        try:
            return 1 - keep_prob
        except TypeError:
            raise ValueError(f"keep_prob must be a floating point number or Tensor (got {keep_prob!r})") from None
    if rate is None:
        raise ValueError("You must provide a rate to dropout.")
    return rate


def _noise_shape(x, given):
    """The shape of the decisions; a size that is None is that of x."""
    if given is None:
        return shape(x)
    try:
        known = as_shape(given)
    except (TypeError, ValueError):
        return given
    own = x.get_shape()
    if known.ndims is None or own.ndims != known.ndims:
        return given
    dims = [k if k is not None else o for k, o in zip(known.as_list(), own.as_list())]
    if None in dims:
        raise ValueError(f"Cannot convert a partially known TensorShape to a Tensor: {as_shape(dims)}")
    return dims
