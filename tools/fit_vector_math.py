"""Writes csrc/kernels/vector_math_tables.h: the polynomials of csrc/kernels/vector_math.h and
vector_angles.h. Needs mpmath.

Most are the interpolation of a smooth function at Chebyshev's nodes, which is within a few tenths of a bit of the best
polynomial of that degree; the functions are chosen so that a small absolute error is a small relative one. Those of
`given()` come with their coefficients: two polynomials of one quotient, and two that were fitted with weights, for the
rounding of floats. Of each the largest error is printed.
"""

import sys
from pathlib import Path

from mpmath import (
    asin,
    atan,
    atanh,
    chop,
    cos,
    digamma,
    erf,
    erfc,
    euler,
    exp,
    expm1,
    log,
    log1p,
    loggamma,
    matrix,
    mp,
    mpf,
    pi,
    sin,
    sinh,
    sqrt,
    tanh,
)

mp.dps = 60


def interpolate(function, low, high, degree):
    """Coefficients, lowest first, of the polynomial through `function` at Chebyshev's nodes of [low, high]."""
    low, high = mpf(low), mpf(high)
    count = degree + 1
    nodes = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * k + 1) / (2 * count)) for k in range(count)]
    powers = matrix(count, count)
    values = matrix(count, 1)
    for i, node in enumerate(nodes):
        values[i] = function(node)
        for j in range(count):
            powers[i, j] = node**j
    return [chop(c) for c in mp.lu_solve(powers, values)]


def interpolate_from_zero(function, high, degree):
    """The same of function(t) / t where function(0) = 0: Chebyshev's nodes are those of an interval whose lowest is 0."""
    lowest = cos(pi * (2 * degree + 3) / (2 * degree + 4))
    low = -mpf(high) * (1 + lowest) / (1 - lowest)
    return interpolate(lambda t: function(t) if t > mpf("1e-30") else mpf(0), low, high, degree + 1)[1:]


def quotient(over, under):
    """The function over / under of two lists of coefficients, lowest first."""
    return lambda t: mp.polyval(over[::-1], t) / mp.polyval(under[::-1], t)


def polynomial(coefficients):
    """The function of coefficients, lowest first."""
    return quotient(coefficients, [mpf(1)])


def error(function, approximation, low, high):
    """The largest relative error on a grid."""
    worst = mpf(0)
    for k in range(401):
        x = mpf(low) + (mpf(high) - mpf(low)) * (k + mpf("0.5")) / 402
        worst = max(worst, abs(approximation(x) - function(x)) / max(abs(function(x)), mpf("1e-3")))
    return worst


def even(function):
    """`function` of a square root: for the even part of an odd or even function."""
    return lambda t: function(sqrt(t))


EXP_HALF = log(2) / 2 + mpf("0.001")
EIGHTH_TURN = (pi / 4 + mpf("0.001")) ** 2
WIDE_EIGHTH = mpf("0.83") ** 2  # of floats, whose quarters are counted less exactly
TWO_THIRDS = mpf("0.0295")  # ((sqrt(2) - 1) / (sqrt(2) + 1)) squared, and a little more


def atanh_tail(t):
    """log((1 + s) / (1 - s)) = 2 s + 2/3 s^3 + s^5 tail(s^2)."""
    if t < mpf("1e-12"):
        return mpf(2) / 5 + 2 * t / 7
    s = sqrt(t)
    return (log((1 + s) / (1 - s)) - 2 * s - 2 * s**3 / 3) / s**5


def erfcx_of(u, center):
    """exp(x^2) erfc(x), with u = (x - center) / (x + center)."""
    x = spread(u, center)
    return exp(x * x) * erfc(x) * (x + center)


def spread(u, center):
    """What `mapped` gives u."""
    return center * (1 + u) / (1 - u)


def mapped(x, center):
    return (mpf(x) - center) / (mpf(x) + center)


def given():
    """(name, comment, coefficients as they are written, what is made with them, how, low, high)"""
    over = "1.283791654e-1", "-3.204041449e-1", "-4.087086418e-2", "-5.192643862e-3"
    under = "1", "4.340436664e-1", "7.436627401e-2", "5.192643862e-3"
    near = quotient([mpf(c) for c in over], [mpf(c) for c in under])
    ratio = even(lambda x: erf(x) / x)
    note = "erf(x) / x - 1 = over / under in x^2, x to 1.2, for float results"
    yield "ERF_OVER", note, over, ratio, lambda t: 1 + near(t), 0, "1.44"
    yield "ERF_UNDER", "", under, ratio, lambda t: 1 + near(t), 0, "1.44"
    root = ("9.896582067e-1", "1.883183645e-1", "-3.039163815e-3", "1.255121247e-1",
            "-6.324109159e-2", "2.816462637e-2", "-5.964845784e-3", "6.996037759e-4")  # fmt: skip
    eighth = polynomial([mpf(c) for c in root])
    note = "erfc(x)^(-1/8), x from 1.2 to 4, for float results of 1 - erfc"
    yield "ERFC_ROOT", note, root, erf, lambda x: 1 - eighth(x) ** -8, "1.2", 4
    core = ("5.0000001201e-1", "1.6666665459e-1", "4.1665795894e-2",
            "8.3334519073e-3", "1.3981999507e-3", "1.9875691500e-4")  # fmt: skip
    tail = polynomial([mpf(c) for c in core])
    note = "(e^r - 1 - r) / r^2, |r| to ln(2) / 2 (Cephes expf), for float results"
    yield "EXP_CORE_F32", note, core, exp, lambda r: tail(r) * r * r + r + 1, -log(2) / 2, log(2) / 2


def over_square(function):
    """`function` of x in 1 / x^2."""
    return lambda w: function(1 / sqrt(w))


def binet(x):
    """What Stirling's formula lacks."""
    return loggamma(x) - (x - mpf(1) / 2) * log(x) + x - log(2 * pi) / 2


def fits():
    """(name, comment, function, low, high, degree)"""
    core = lambda r: (expm1(r) - r) / r**2 if abs(r) > mpf("1e-20") else mpf(1) / 2
    yield "EXP_CORE_F64", "(e^r - 1 - r) / r^2", core, -EXP_HALF, EXP_HALF, 9
    yield "EXP_CORE_LOW", "the same, for float results", core, -EXP_HALF, EXP_HALF, 5
    sine = even(lambda r: (sin(r) / r - 1) / r**2)
    cosine = even(lambda r: (cos(r) - 1 + r**2 / 2) / r**4)
    yield "SIN_F64", "(sin(r) / r - 1) / r^2 in r^2", sine, 0, EIGHTH_TURN, 6
    yield "COS_F64", "(cos(r) - 1 + r^2 / 2) / r^4 in r^2", cosine, 0, EIGHTH_TURN, 6
    yield "SIN_LOW", "the same, for float results", sine, 0, EIGHTH_TURN, 3
    yield "COS_LOW", "", cosine, 0, EIGHTH_TURN, 3
    yield "SIN_F32", "the same, computed in float", sine, 0, WIDE_EIGHTH, 3
    yield "COS_F32", "", cosine, 0, WIDE_EIGHTH, 2
    yield "LOG_TAIL_F64", "(log((1 + s) / (1 - s)) - 2 s - 2/3 s^3) / s^5 in s^2", atanh_tail, 0, TWO_THIRDS, 7
    yield "LOG_TAIL_LOW", "the same, for float results", atanh_tail, 0, TWO_THIRDS, 3
    ratio = even(lambda x: erf(x) / x - 1)
    yield "ERF_F64", "erf(x) / x - 1 in x^2, x to 1", ratio, 0, 1, 11
    yield "ERF_LOW", "the same, for float results", ratio, 0, 1, 6
    tail = lambda d: log(erfc(1 + d))
    yield "ERF_FAR", "log(erfc(x)) in x - 1, x from 1 to 4, for float results", tail, "-0.02", "3.02", 8
    bend = lambda e: (log1p(e) / e - 1) / e if e > mpf("1e-20") else -mpf(1) / 2 + e / 3
    yield "LOG1P_UNIT", "(log(1 + e) / e - 1) / e, e to 1, for float results", bend, 0, 1, 10
    turn = even(lambda t: (atan(t) / t - 1) / t**2 if t > mpf("1e-10") else -mpf(1) / 3)
    yield "ATAN_UNIT", "(atan(t) / t - 1) / t^2 in t^2, t to 1, for float results", turn, 0, 1, 9
    arc = even(lambda t: (asin(t) / t - 1) / t**2 if t > mpf("1e-10") else mpf(1) / 6)
    yield "ASIN_NEAR", "(asin(t) / t - 1) / t^2 in t^2, t to 5/8, for float results", arc, 0, "0.391", 7
    yield "ATAN_F64", "(atan(t) / t - 1) / t^2 in t^2, t to sqrt(2) - 1", turn, 0, "0.1717", 10
    yield "ASIN_F64", "(asin(t) / t - 1) / t^2 in t^2, t to 1/2", arc, 0, "0.2501", 12
    grown = even(lambda t: (sinh(t) / t - 1) / t**2 if t > mpf("1e-10") else mpf(1) / 6)
    yield "SINH_F64", "(sinh(t) / t - 1) / t^2 in t^2, t to 1", grown, 0, 1, 6
    yield "SINH_F32", "the same, for float results", grown, 0, 1, 3
    area = even(lambda t: (atanh(t) / t - 1) / t**2 if t > mpf("1e-10") else mpf(1) / 3)
    yield "ATANH_F32", "(atanh(t) / t - 1) / t^2 in t^2, t to 1/2, for float results", area, 0, "0.2501", 6
    for name, degree in (("ERFCX_F64", 16), ("ERFCX_LOW", 9)):
        center = mpf("2.5")
        high = mpf("6.1") if name == "ERFCX_F64" else mpf("10.5")
        note = "(x + 2.5) e^(x^2) erfc(x) in (x - 2.5) / (x + 2.5), x from 0.75"
        yield name, note, lambda u, c=center: erfcx_of(u, c), mapped("0.74", center), mapped(high, center), degree
    flat = lambda u: exp(spread(u, 3) ** 2) * erfc(spread(u, 3)) * (spread(u, 3) + mpf("0.5"))
    note = "(x + 1/2) e^(x^2) erfc(x) in (x - 3) / (x + 3), x from 3/4 to where erfc is no normal number"
    yield "ERFC_FAR_F64", note, flat, mapped("0.74", 3), mapped("26.6", 3), 20
    yield "ERFC_FAR_F32", "the same, for float results", flat, mapped("0.74", 3), mapped("9.3", 3), 9
    sixteenth = log(2) / 32 + mpf("1e-4")
    yield "TANH_EXP", "e^(2 r), |r| to ln(2) / 32, for float results", lambda r: exp(2 * r), -sixteenth, sixteenth, 3

    slope = lambda t: (loggamma(2 + t) / t / (1 + t) - (1 - euler)) / t
    note = "(log(gamma(2 + t)) / (t (1 + t)) - (1 - gamma)) / t, t from -0.7 to 0.5"
    yield "LGAMMA_F64", note, slope, "-0.701", "0.501", 21
    yield "LGAMMA_LOW", "the same, t from -0.5, for float results", slope, "-0.502", "0.501", 8
    note = "x (log(gamma(x)) - (x - 1/2) log(x) + x - log(2 pi) / 2) in x^-2, x from 4.5"
    yield "BINET_F64", note, over_square(lambda x: x * binet(x)), "1e-9", "0.0494", 8
    yield "BINET_LOW", "the same, for float results", over_square(lambda x: x * binet(x)), "1e-9", "0.0494", 3
    low = over_square(lambda x: x * x * (log(x) - 1 / (2 * x) - digamma(x)))
    yield "DIGAMMA_TAIL", "x^2 (log(x) - 1 / (2 x) - digamma(x)) in x^-2, x from 6", low, "1e-9", "0.0278", 7


TANH_STEPS = 32  # pieces, four an octave: piece k > 0 begins at 2^-3 (1 + j/4) 2^i with k - 1 = 4 i + j
TANH_DEGREE = 6


def tanh_pieces():
    """For each piece of [0, 16) its middle and the polynomial in the distance from it."""
    rows = []
    for k in range(TANH_STEPS):
        if k == 0:
            low, high, middle = mpf(0), mpf(1) / 8, mpf(0)
        else:
            octave, part = divmod(k - 1, 4)
            low = mpf(2) ** (octave - 3) * (1 + mpf(part) / 4)
            high = low + mpf(2) ** (octave - 5)
            middle = (low + high) / 2
        if low >= 10:
            rows.append([middle, mpf(1)] + [mpf(0)] * TANH_DEGREE)
            continue
        if k == 0:
            core = interpolate(
                even(lambda r: (tanh(r) / r - 1) / r**2 if r > mpf("1e-20") else -mpf(1) / 3), 0, high**2, 1
            )
            rows.append([middle, mpf(0), mpf(1), mpf(0), core[0], mpf(0), core[1], mpf(0)])
            continue
        rows.append([middle, *interpolate(lambda d, m=middle: tanh(m + d), low - middle, high - middle, TANH_DEGREE)])
    return rows


def number(x, single):
    if isinstance(x, str):
        return x
    text = mp.nstr(x, 9 if single else 17, strip_zeros=False)
    if "." not in text and "e" not in text:
        text += ".0"
    return text + ("f" if single else "")


def table(name, values, single, comment):
    text = f"/* {comment} */\n" if comment else ""
    kind = "float" if single else "double"
    lines, line = [], "   "
    for value in values:
        item = " " + number(value, single) + ","
        if len(line) + len(item) > 116:
            lines.append(line)
            line = "   "
        line += item
    lines.append(line)
    return f"{text}static const {kind} {name}[{len(values)}] = {{\n" + "\n".join(lines) + "\n};\n"


def given_tables():
    """The tables of `given()`, their errors printed."""
    parts = []
    for name, comment, texts, function, how, low, high in given():
        report(name, function, how, low, high)
        parts.append(table(name, texts, False, comment))
    return parts


def report(name, function, approximation, low, high):
    print(name, mp.nstr(error(function, approximation, low, high), 3), file=sys.stderr)


def header():
    parts = [
        "/* Written by tools/fit_vector_math.py. Polynomials are lowest coefficient first. */",
        "#ifndef HOOKLOOP_VECTOR_MATH_TABLES_H",
        "#define HOOKLOOP_VECTOR_MATH_TABLES_H",
        "",
    ]
    for name, comment, function, low, high, degree in fits():
        coefficients = interpolate(function, low, high, degree)
        report(name, function, polynomial(coefficients), low, high)
        parts.append(table(name, coefficients, False, comment))
        if name == "ERF_FAR":
            parts += given_tables()
    near = interpolate_from_zero(even(lambda t: tanh(t) / t - 1), "0.3026", 3)
    parts.append(table("TANH_NEAR", near, False, "(tanh(t) / t - 1) / t^2 in t^2, t to 0.55, for float results"))
    parts.append(table("HALF_EIGHTHS", [mpf(2) ** (mpf(j) / 8 - 1) for j in range(8)], True, "2^(j/8) / 2"))
    rows = tanh_pieces()
    names = ["TANH_MIDDLE", *(f"TANH_{i}" for i in range(TANH_DEGREE + 1))]
    for column, name in enumerate(names):
        comment = "tanh in 32 pieces, four an octave from 1/8 on: middle, coefficients" if column == 0 else ""
        parts.append(table(name, [row[column] for row in rows], True, comment))
    parts.append("#endif")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    target = Path(__file__).resolve().parent.parent / "csrc" / "kernels" / "vector_math_tables.h"
    target.write_text(header())
