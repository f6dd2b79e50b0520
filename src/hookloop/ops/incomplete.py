"""Incomplete gamma and beta functions, Bessel functions, and the next representable number."""

from __future__ import annotations

import math as _math

import numpy as np

from .. import dtypes
from ..graph.scopes import control_dependencies, name_scope
from . import kinds
from .array import zeros_like
from .build import apply_op, convert_to_tensor
from .math import _Broadcast
from .math_unary import _digamma, _lgamma, abs, exp, lgamma, log, reciprocal, sign
from .registry import OpDef, register
from .select import where
from .shape_functions import broadcast, unchanged

__all__ = ["betainc", "igamma", "igammac"]

_WIDE_FLOAT = frozenset((dtypes.float32, dtypes.float64))
_TERMS = 2000


# --- references -------------------------------------------------------------------------------------------


def _lower_series(a, x):
    """P(a, x) by its power series, and its derivative by a."""
    term, total, term_slope, total_slope = 1.0, 1.0, 0.0, 0.0
    for k in range(1, _TERMS):
        ratio = x / (a + k)
        term_slope = ratio * (term_slope - term / (a + k))
        term *= ratio
        total += term
        total_slope += term_slope
        if term <= total * 1e-17 and _math.fabs(term_slope) <= _math.fabs(total_slope) * 1e-17:
            break
    factor = _math.exp(a * _math.log(x) - x - _lgamma(a + 1))
    return factor * total, factor * (total_slope + total * (_math.log(x) - _digamma(a + 1)))


def _upper_fraction(a, x):
    """Q(a, x) by its continued fraction, from its tail on, and its derivative by a."""
    terms = 60 + int(400 / x)
    value, slope = x + 2 * terms + 1 - a, -1.0
    for k in range(terms, 0, -1):
        numerator, by_a = -k * (k - a), k
        quotient, quotient_slope = numerator / value, (by_a - numerator / value * slope) / value
        value, slope = x + 2 * k - 1 - a + quotient, -1 + quotient_slope
    factor = _math.exp(a * _math.log(x) - x - _lgamma(a)) / value
    return factor, factor * (_math.log(x) - _digamma(a) - slope / value)


def _incomplete_gamma(a, x, upper):
    if x == 0 and not upper:
        return 0.0, 0.0
    if not x >= 0 or not a > 0 or _math.isinf(a):
        return _math.nan, _math.nan
    if x == 0 or _math.isinf(x):
        return float((x == 0) == upper), 0.0
    by_fraction = x > 1 and x > a
    value, slope = _upper_fraction(a, x) if by_fraction else _lower_series(a, x)
    return (value, slope) if by_fraction == upper else (1 - value, -slope)


def _beta_fraction(a, b, x):
    value = 1.0
    for k in range(300, 0, -1):
        value = 1 - (a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1)) / value
        value = 1 + k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k)) / value
    return 1 / (1 - (a + b) * x / (a + 1) / value)


def _incomplete_beta(a, b, x):
    if not (a > 0 and b > 0 and 0 <= x <= 1) or _math.isinf(a) or _math.isinf(b):
        return _math.nan
    if x in (0, 1):
        return x
    factor = _math.exp(_lgamma(a + b) - _lgamma(a) - _lgamma(b) + a * _math.log(x) + b * _math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return factor * _beta_fraction(a, b, x) / a
    return 1 - factor * _beta_fraction(b, a, 1 - x) / b


def _scaled_bessel(order):
    def function(x):
        size = _math.fabs(x)
        if _math.isnan(x):
            return x
        if _math.isinf(x):
            return 0.0
        total, term, k = 1.0, 1.0, 1
        if size <= 20:
            while term > total * 1e-17:
                term *= size * size / 4 / (k * (k + order))
                total, k = total + term, k + 1
            total *= _math.exp(-size) * (size / 2 if order else 1)
        else:
            while _math.fabs(term) > total * 1e-17 and k < 40:
                term *= ((2 * k - 1) ** 2 - 4 * order) / (8 * k * size)
                total, k = total + term, k + 1
            total /= _math.sqrt(2 * _math.pi * size)
        return -total if order and x < 0 else total

    return function


def _gamma_sample_slope(a, x):
    """How a sample moves with alpha where its quantile stays: -(dP/da) / (dP/dx)."""
    return -_incomplete_gamma(a, x, False)[1] * _math.exp(x - (a - 1) * _math.log(x) + _math.lgamma(a))


def _lifted(function):
    vectorized = np.vectorize(function, otypes=[np.float64])
    return lambda node, *x: vectorized(*x).astype(np.asarray(x[0]).dtype)


# --- gradients --------------------------------------------------------------------------------------------


def _igamma_gradients(op, grad):
    a, x = op.inputs
    sums = _Broadcast(op)
    with control_dependencies([grad]):
        by_a = apply_op("IgammaGradA", [a, x])
        by_x = exp(-x + (a - 1) * log(x) - lgamma(a))
        first = sums.first(by_a * grad)
        return first, sums.second(by_x * grad)


def _igammac_gradient(op, grad):
    first, second = _igamma_gradients(op, grad)
    return [-first, -second]


def _betainc_gradient(op, grad):
    from .array import shape
    from .math import _sum_to

    a, b, x = op.inputs
    shape_a, shape_x = shape(a), shape(x)
    _, axes = apply_op("BroadcastGradientArgs", [shape_a, shape_x])
    log_beta = lgamma(a) + lgamma(b) - lgamma(a + b)
    slope = exp((b - 1) * log(1 - x) + (a - 1) * log(x) - log_beta)
    return [None, None, _sum_to(slope * grad, axes, shape_x)]


def _bessel_i0e_gradient(op, grad):
    x, y = op.inputs[0], op.outputs[0]
    with control_dependencies([grad]):
        slope = bessel_i1e(x) - sign(x) * y
        return [grad * slope]


def _bessel_i1e_gradient(op, grad):
    """At 0, where the quotient has no value, the slope is 1/2."""
    x, y = op.inputs[0], op.outputs[0]
    with control_dependencies([grad]):
        epsilon = np.finfo(x.dtype.as_numpy_dtype).eps
        zeros = zeros_like(x)
        is_large = abs(x) > epsilon
        safe = where(is_large, x, epsilon + zeros)
        slope = bessel_i0e(safe) - y * (sign(safe) + reciprocal(safe))
        slope = where(is_large, slope, 0.5 + zeros)
        return [grad * slope]


def _next_after_gradient(op, grad):
    """A step to the next number moves with x1, and not with x2."""
    from .array import ones, zeros

    sums = _Broadcast(op)
    with control_dependencies([grad]):
        first = ones(sums.sx, dtype=op.inputs[0].dtype)
        second = zeros(sums.sy, dtype=op.inputs[1].dtype)
        return [sums.first(first * grad), sums.second(second * grad)]


# --- definitions ------------------------------------------------------------------------------------------


def _betainc_shape(c):
    """All shapes are one, but for scalars; where one is not known the first of the others that is no scalar."""
    shapes = [c.shape(i) for i in range(3) if c.known(i)]
    found = () if len(shapes) == 3 else None
    for shape in shapes:
        if shape and found and len(shape) != len(found):
            c.fail(f"Shapes must be equal rank, but are {len(found)} and {len(shape)}")
        found = c.merge_shapes(found, shape) if shape and found else shape or found
    return [found]


def _binary(name, kernel, reference, gradient, inputs="a: T, x: T", output="z: T", attrs=None):
    return OpDef(name, inputs, output, attrs=attrs, types={"T": _WIDE_FLOAT}, shape=broadcast, kernel=kernel, reference=reference,
                 gradient=gradient, overwrites=(0, 1), views="any")  # fmt: skip


def _bessel(name, kernel, order, gradient):
    return OpDef(name, "x: T", "y: T", types={"T": kinds.FLOAT}, shape=unchanged, kernel=kernel, overwrites=(0,),
                 reference=_lifted(_scaled_bessel(order)), gradient=gradient, views="any")  # fmt: skip


register(
    _binary("Igamma", "igamma", _lifted(lambda a, x: _incomplete_gamma(a, x, False)[0]),
            lambda op, grad: list(_igamma_gradients(op, grad))),
    _binary("Igammac", "igammac", _lifted(lambda a, x: _incomplete_gamma(a, x, True)[0]), _igammac_gradient),
    _binary("IgammaGradA", "igamma_grad_a", _lifted(lambda a, x: _incomplete_gamma(a, x, False)[1]), None),
    _binary("RandomGammaGrad", "random_gamma_grad", _lifted(_gamma_sample_slope), None,
            "alpha: T, sample: T", "output: T"),
    _binary("NextAfter", "next_after", lambda node, x, y: np.nextafter(x, y), _next_after_gradient,
            "x1: T, x2: T", "output: T", {"T": dtypes.float32}),
    OpDef("Betainc", "a: T, b: T, x: T", "z: T", types={"T": _WIDE_FLOAT}, shape=_betainc_shape, kernel="betainc",
          reference=_lifted(_incomplete_beta), gradient=_betainc_gradient, views="any"),
    _bessel("BesselI0e", "bessel_i0e", 0, _bessel_i0e_gradient),
    _bessel("BesselI1e", "bessel_i1e", 1, _bessel_i1e_gradient),
)  # fmt: skip


# --- public functions -------------------------------------------------------------------------------------


def igamma(a, x, name=None):
    """The lower regularized incomplete gamma function P(a, x), element by element, with broadcasting."""
    return apply_op("Igamma", [a, x], name=name)


def igammac(a, x, name=None):
    """The upper regularized incomplete gamma function Q(a, x) = 1 - P(a, x), element by element, with broadcasting."""
    return apply_op("Igammac", [a, x], name=name)


def betainc(a, b, x, name=None):
    """The regularized incomplete beta function I_x(a, b), element by element; each argument may be a scalar."""
    return apply_op("Betainc", [a, b, x], name=name)


def nextafter(x1, x2, name=None):
    """The number next to x1 in the direction of x2, element by element, with broadcasting; float32 where x1 is no tensor."""
    with name_scope(name, "NextAfter", [x1, x2]) as scope:
        x1 = convert_to_tensor(x1, name="x1", preferred_dtype=dtypes.float32)
        return apply_op("NextAfter", [x1, x2], name=scope)


def bessel_i0e(x, name=None):
    """The modified Bessel function of order 0, times e^-|x|, element by element."""
    return apply_op("BesselI0e", [x], name=name)


def bessel_i1e(x, name=None):
    """The modified Bessel function of order 1, times e^-|x|, element by element."""
    return apply_op("BesselI1e", [x], name=name)


def bessel_i0(x, name=None):
    """The modified Bessel function of order 0, element by element."""
    with name_scope(name, "bessel_i0", [x]):
        return exp(abs(x)) * bessel_i0e(x)


def bessel_i1(x, name=None):
    """The modified Bessel function of order 1, element by element."""
    with name_scope(name, "bessel_i1", [x]):
        return exp(abs(x)) * bessel_i1e(x)
