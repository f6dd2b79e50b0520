"""Special functions: the derivatives of digamma, Hurwitz's zeta, the logarithm of beta."""

from __future__ import annotations

import math as _math

import numpy as np

from ..graph.scopes import control_dependencies, name_scope
from . import kinds
from .build import apply_op, convert_to_tensor
from .math import _Broadcast
from .math_unary import _digamma, lgamma
from .reduce import reduce_sum
from .registry import OpDef, register
from .shape_functions import broadcast

__all__ = ["lbeta", "polygamma", "zeta"]

_DIVISORS = (12, -720, 30240, -1209600, 47900160, -1307674368000 / 691, 74724249600, -10670622842880000 / 3617)


def _zeta(x, q):
    """A sum of (q + k)^-x, its tail by Euler and Maclaurin."""
    if x == 1:
        return _math.inf
    if not x > 1:
        return _math.nan
    if q <= 0 and q == np.floor(q):
        return _math.inf
    if q <= 0 and x != np.floor(x):
        return _math.nan
    x, q, total = np.float64(x), np.float64(q), np.float64(0)
    if q < -100:  # the terms below 0 are those of a sum that begins above it
        part = q - np.floor(q)
        below = _zeta(x, 1 - part) - _zeta(x, 1 - q)
        return _zeta(x, part) + (below if x % 2 == 0 else -below)
    while q < max(20, x):
        term = q**-x
        total += term
        if q > 1 and abs(term) <= abs(total) * 1e-17:
            return total
        q += 1
    power = q**-x
    if power == 0:
        return total
    total += power * (q / (x - 1) + 0.5)
    factor = x * power / q
    for j, divisor in enumerate(_DIVISORS):
        total += factor / divisor
        factor *= (x + 2 * j + 1) * (x + 2 * j + 2) / (q * q)
    return total


def _polygamma(n, x):
    if n == 0:
        return _digamma(x)
    if not n >= 0 or n != np.floor(n):
        return _math.nan
    factorial = _math.gamma(n + 1) if n < 171 else _math.inf
    return (-1 if n % 2 == 0 else 1) * factorial * _zeta(n + 1, x)


def _lifted(function):
    vectorized = np.vectorize(function, otypes=[np.float64])

    def reference(node, x, y):
        with np.errstate(all="ignore"):
            return vectorized(x, y).astype(np.asarray(x).dtype)

    return reference


def _zeta_gradient(op, grad):
    x, q = op.inputs
    sums = _Broadcast(op)
    with control_dependencies([grad]):
        slope = -x * zeta(x + 1, q)
        return [None, sums.second(slope * grad)]


def _polygamma_gradient(op, grad):
    n, x = op.inputs
    sums = _Broadcast(op)
    with control_dependencies([grad]):
        slope = polygamma(n + 1, x)
        return [None, sums.second(slope * grad)]


def _binary(name, signature, kernel, reference, gradient):
    return OpDef(name, signature, "z: T", types={"T": kinds.FLOAT}, shape=broadcast, kernel=kernel,
                 reference=_lifted(reference), gradient=gradient, overwrites=(0, 1), views="any")  # fmt: skip


register(
    _binary("Zeta", "x: T, q: T", "zeta", _zeta, _zeta_gradient),
    _binary("Polygamma", "a: T, x: T", "polygamma", _polygamma, _polygamma_gradient),
)


def zeta(x, q, name=None):
    """Hurwitz's zeta function: the sum of (q + k)^-x over k = 0, 1, ..., element by element, with broadcasting."""
    return apply_op("Zeta", [x, q], name=name)


def polygamma(a, x, name=None):
    """The derivative of order `a` of digamma at x, element by element, with broadcasting."""
    return apply_op("Polygamma", [a, x], name=name)


def lbeta(x, name=None):
    """The logarithm of the beta function of the elements along the last axis."""
    with name_scope(name, "lbeta", [x]):
        x = convert_to_tensor(x, name="x")
        return reduce_sum(lgamma(x), [-1]) - lgamma(reduce_sum(x, [-1]))
