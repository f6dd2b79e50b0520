"""Elementary functions against long double: at most 2 units in the last place off, over all of their range."""

import numpy as np
import pytest

import hookloop as tf
from hookloop import _core

from ..conftest import on_reference

# NumPy's own functions, which the reference executor takes, promise less.
pytestmark = pytest.mark.skipif(on_reference(), reason="the accuracy of the kernels; the reference executor has none")

LIMIT = 2.0  # units in the last place
LIBM = {
    ("erfc", np.float64): 3.0,
    ("acosh", np.float64): 3.0,
}  # what the baseline leaves to the C library, and is as good as that
WIDE = np.longdouble
PI = WIDE("3.14159265358979323846264338327950288")
needs_long_double = pytest.mark.skipif(
    np.finfo(WIDE).nmant < 63, reason="compares with long double, which is no wider than double here"
)


def exp_of_negative_square(x):
    head = x.astype(np.float32).astype(WIDE)  # whose square is exact
    return np.exp(-head * head) * np.exp(-(x - head) * (x + head))


def erf(x):
    """2 / sqrt(pi) e^(-x^2) (x + 2 x^3 / 3 + 4 x^5 / 15 + ...), which cancels nothing."""
    x = np.clip(x, -7, 7)
    term = total = x
    for n in range(1, 250):
        term = term * 2 * x * x / (2 * n + 1)
        total = total + term
    return 2 / np.sqrt(PI) * exp_of_negative_square(x) * total


def erfc(x):
    """A continued fraction from 1 on."""
    far = np.maximum(x, 1)
    fraction = far
    for k in range(600, 0, -1):
        fraction = far + WIDE(k) / 2 / fraction
    return np.where(x < 1, 1 - erf(np.minimum(x, 1)), exp_of_negative_square(far) / np.sqrt(PI) / fraction)


EULER = WIDE("0.577215664901532860606512090082402431")


def zeta_beyond_one(k):
    """1 / 2^k + 1 / 3^k + ..., from 1 / 200^k on by Euler's and Maclaurin's formula."""
    n = WIDE(200)
    tail = n / (k - 1) + WIDE(1) / 2 + k / (12 * n) - k * (k + 1) * (k + 2) / (720 * n**3)
    tail += k * (k + 1) * (k + 2) * (k + 3) * (k + 4) / (30240 * n**5)
    return sum((1 / WIDE(m) ** k for m in range(199, 1, -1)), tail / n**k)


ZETAS = [zeta_beyond_one(k) for k in range(2, 40)]


def lgamma(x):
    """Up to 30 a series around 2, which cancels nothing, and the logarithm of the factors on the way there; from there on Stirling's."""
    steps = np.where(x < 30, np.floor(x + WIDE(0.5)) - 2, 0)
    above, below = np.ones_like(x), np.ones_like(x)
    for k in range(1, 29):
        above = np.where(k <= steps, above * (x - k), above)
    for k in range(2):
        below = np.where(k < -steps, below * (x + k), below)
    z = np.where(x < 30, x - steps - 2, 0)
    near = 0
    for k in range(len(ZETAS) + 1, 1, -1):
        near = ZETAS[k - 2] / k * (-1) ** k + near * z
    near = z * (1 - EULER + near * z) + np.log(above) - np.log(below)
    far, series = np.maximum(x, 30), 0
    for c in (
        WIDE(1) / 156,
        -WIDE(691) / 360360,
        WIDE(1) / 1188,
        -WIDE(1) / 1680,
        WIDE(1) / 1260,
        -WIDE(1) / 360,
        WIDE(1) / 12,
    ):
        series = series / (far * far) + c
    return np.where(x < 30, near, (far - WIDE(0.5)) * np.log(far) - far + np.log(2 * PI) / 2 + series / far)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))


# name -> (function, exact function, ranges of the argument)
FUNCTIONS = {
    "exp": (tf.exp, np.exp, [(-1, 1), (-104, 89), (-745, 709.7)]),
    "expm1": (tf.expm1, np.expm1, [(-1, 1), (-1e-3, 1e-3), (-40, 89), (-40, 709.7)]),
    "log": (tf.log, np.log, [(0.5, 2), (0.99, 1.01), (1e-30, 1e30), (0, 10)]),
    "log1p": (tf.log1p, np.log1p, [(-0.999, 1), (-1e-3, 1e-3), (0, 1e10)]),
    "tanh": (tf.tanh, np.tanh, [(-1, 1), (-10, 10), (-0.126, 0.126), (0.5, 0.65), (-30, 30)]),
    "sigmoid": (tf.sigmoid, sigmoid, [(-1, 1), (-20, 20), (-80, 80)]),
    "softplus": (tf.nn.softplus, softplus, [(-1, 1), (-12, 12), (-80, 80)]),
    "erf": (tf.erf, erf, [(-1.1, 1.1), (-1e-3, 1e-3), (-7, 7)]),
    "erfc": (tf.erfc, erfc, [(-0.6, 0.6), (-7, 9), (0, 25), (24, 26.5)]),
    "lgamma": (tf.lgamma, lgamma, [(0, 1), (0.99, 1.01), (0.9, 2.6), (1.99, 2.01), (2.4, 6), (4, 100), (0, 1e30)]),
    "sin": (tf.sin, np.sin, [(-1, 1), (-10, 10), (-1e4, 1e4), (-9e5, 2e6), (1e10, 1e20)]),
    "cos": (tf.cos, np.cos, [(-1, 1), (-10, 10), (-1e4, 1e4), (-9e5, 2e6), (1e10, 1e20)]),
    "sqrt": (tf.sqrt, np.sqrt, [(0, 1e-30), (0, 10), (0, 1e30)]),
    "rsqrt": (tf.rsqrt, lambda x: 1 / np.sqrt(x), [(1e-30, 1e-20), (0.1, 10), (1, 1e30)]),
    "elu": (tf.nn.elu, lambda x: np.where(x < 0, np.expm1(x), x), [(-20, 2), (-1e-3, 1e-3)]),
    "tan": (tf.tan, np.tan, [(-1, 1), (-10, 10), (-1e4, 1e4), (-9e5, 2e6), (1e10, 1e20)]),
    "atan": (tf.atan, np.arctan, [(-1, 1), (-10, 10), (0.9, 1.1), (-1e20, 1e20)]),
    "asin": (tf.asin, np.arcsin, [(-1, 1), (0.45, 0.55), (-1e-3, 1e-3)]),
    "acos": (tf.acos, np.arccos, [(-1, 1), (0.45, 0.55), (-0.55, -0.45), (0.99, 1)]),
    "sinh": (tf.sinh, np.sinh, [(-1, 1), (-1e-3, 1e-3), (-89.4, 89.4), (-710.4, 710.4)]),
    "cosh": (tf.cosh, np.cosh, [(-1, 1), (-89.4, 89.4), (-710.4, 710.4)]),
    "asinh": (tf.asinh, np.arcsinh, [(-1, 1), (-1e-3, 1e-3), (-1e18, 1e18), (-3e38, 3e38)]),
    "acosh": (tf.acosh, np.arccosh, [(1, 1.001), (1, 1.01), (1, 10), (1, 1e18), (1, 3e38)]),
    "atanh": (tf.atanh, np.arctanh, [(-1, 1), (-1e-3, 1e-3), (0.99, 1)]),
}  # fmt: skip


def evaluate(function, *arguments):
    with tf.Graph().as_default(), tf.Session() as session:
        places = [tf.placeholder(a.dtype, [None]) for a in arguments]
        return session.run(function(*places), dict(zip(places, arguments)))


def units_off(found, exact, dtype):
    """How far off in units of the last place of the exact value, which counts as normal."""
    info = np.finfo(dtype)
    exact = np.asarray(exact, WIDE)
    size = np.maximum(abs(exact), WIDE(info.tiny))
    unit = WIDE(2.0) ** (np.floor(np.log2(size)) - info.nmant)
    off = abs(np.asarray(found, WIDE) - exact) / unit
    return np.where(abs(exact) < 2 * info.tiny, 0, off)  # subnormal results are flushed


def arguments_between(low, high, dtype, count=5003):
    """As many small as large numbers where the range spans decades; some evenly spaced too."""
    random = np.random.RandomState(1)
    even = random.uniform(low, high, count)
    span = max(abs(low), abs(high))
    decades = span * 10.0 ** random.uniform(-12, 0, count)
    decades = decades[decades >= low] if low >= 0 else np.where(random.rand(count) < 0.5, decades, -decades)
    return np.concatenate([even, decades[(decades >= low) & (decades <= high)]]).astype(dtype)


@needs_long_double
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_at_most_two_units_off(name, dtype):
    function, exact, ranges = FUNCTIONS[name]
    limit = np.finfo(dtype)
    for low, high in ranges:
        x = arguments_between(low, high, dtype)
        with np.errstate(all="ignore"):
            wanted = exact(x.astype(WIDE))
        kept = (abs(wanted) < limit.max) & (abs(x) >= limit.tiny)
        off = units_off(evaluate(function, x)[kept], wanted[kept], dtype)
        worst = int(np.argmax(off))
        least = LIBM.get((name, dtype), LIMIT) if _core.isa_name() == "baseline" else LIMIT
        assert off[worst] <= least, f"{name}({x[kept][worst]!r}) is {float(off[worst]):.2f} units off"


@needs_long_double
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powers_are_at_most_two_units_off(dtype):
    random = np.random.RandomState(2)
    limit = np.finfo(dtype)
    for low, high, powers in ((0.5, 2, 100), (1e-6, 1e6, 5), (0.999, 1.001, 1e4), (0, 10, 20), (-3, 3, 0)):
        x = random.uniform(low, high, 5003).astype(dtype)
        y = (random.uniform(-powers, powers, x.size) if powers else random.randint(-5, 6, x.size)).astype(dtype)
        with np.errstate(all="ignore"):
            wanted = np.power(x.astype(WIDE), y.astype(WIDE))
        kept = (abs(wanted) < limit.max) & (abs(wanted) > 2 * limit.tiny)
        off = units_off(evaluate(tf.pow, x, y)[kept], wanted[kept], dtype)
        worst = int(np.argmax(off))
        assert off[worst] <= LIMIT, f"pow({x[kept][worst]!r}, {y[kept][worst]!r}) is {float(off[worst]):.2f} units off"


EDGES = {
    "exp": [(np.inf, np.inf), (-np.inf, 0), (1e4, np.inf), (-1e4, 0), (0, 1), (1e-40, 1)],
    "expm1": [(np.inf, np.inf), (-np.inf, -1), (0, 0), (1e4, np.inf), (-1e4, -1)],
    "log": [(np.inf, np.inf), (0, -np.inf), (1, 0), (-1, np.nan), (-np.inf, np.nan)],
    "log1p": [(np.inf, np.inf), (-1, -np.inf), (0, 0), (-2, np.nan)],
    "tanh": [(np.inf, 1), (-np.inf, -1), (0, 0), (1e30, 1), (-1e30, -1)],
    "sigmoid": [(np.inf, 1), (-np.inf, 0), (0, 0.5), (1e30, 1), (-1e30, 0)],
    "softplus": [(np.inf, np.inf), (-np.inf, 0), (1e30, 1e30), (-1e30, 0)],
    "erf": [(np.inf, 1), (-np.inf, -1), (0, 0), (1e30, 1)],
    "erfc": [(np.inf, 0), (-np.inf, 2), (0, 1), (1e30, 0), (-1e30, 2)],
    "lgamma": [
        (np.inf, np.inf),
        (-np.inf, np.inf),
        (0, np.inf),
        (-0.0, np.inf),
        (1, 0),
        (2, 0),
        (-1, np.inf),
        (-7, np.inf),
    ],
    "sin": [(np.inf, np.nan), (-np.inf, np.nan), (0, 0)],
    "cos": [(np.inf, np.nan), (-np.inf, np.nan), (0, 1)],
    "sqrt": [(np.inf, np.inf), (0, 0), (-1, np.nan)],
    "rsqrt": [(np.inf, 0), (0, np.inf), (-1, np.nan)],
    "elu": [(np.inf, np.inf), (-np.inf, -1), (0, 0)],
    "tan": [(np.inf, np.nan), (-np.inf, np.nan), (0, 0)],
    "atan": [(np.inf, np.pi / 2), (-np.inf, -np.pi / 2), (0, 0), (1e30, np.pi / 2)],
    "asin": [(0, 0), (2, np.nan), (-np.inf, np.nan), (1, np.pi / 2), (-1, -np.pi / 2)],
    "acos": [(1, 0), (-1, np.pi), (0, np.pi / 2), (2, np.nan), (np.inf, np.nan)],
    "sinh": [(np.inf, np.inf), (-np.inf, -np.inf), (0, 0), (1e4, np.inf), (-1e4, -np.inf)],
    "cosh": [(np.inf, np.inf), (-np.inf, np.inf), (0, 1), (1e4, np.inf)],
    "asinh": [(np.inf, np.inf), (-np.inf, -np.inf), (0, 0)],
    "acosh": [(np.inf, np.inf), (1, 0), (0.5, np.nan), (-3, np.nan), (-np.inf, np.nan)],
    "atanh": [(1, np.inf), (-1, -np.inf), (0, 0), (2, np.nan), (-4e15, np.nan), (1e30, np.nan), (-np.inf, np.nan)],
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EDGES)
def test_edges(name, dtype):
    rows = [*EDGES[name], (np.nan, np.nan)]
    for repeat in (1, 5):  # alone, and among others in one vector
        x = np.array([r[0] for r in rows] * repeat, dtype)
        wanted = np.array([r[1] for r in rows] * repeat, dtype)
        np.testing.assert_array_equal(evaluate(FUNCTIONS[name][0], x), wanted)


@needs_long_double
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exponentials_of_the_last_arguments(dtype):
    """Each number next to those where the results stop being normal numbers."""
    info = np.finfo(dtype)
    for function, exact, edges in (
        (tf.exp, np.exp, (np.log(WIDE(info.max)), np.log(WIDE(info.tiny)))),
        (tf.expm1, np.expm1, (np.log(WIDE(info.max)),)),
        (tf.sinh, np.sinh, (np.log(WIDE(info.max)) + np.log(WIDE(2)),)),
        (tf.cosh, np.cosh, (np.log(WIDE(info.max)) + np.log(WIDE(2)),)),
    ):
        for edge in edges:
            x = np.array([edge], dtype)
            for _ in range(4):
                x = np.concatenate([[np.nextafter(x[0], dtype(-1e4))], x, [np.nextafter(x[-1], dtype(1e4))]])
            found, wanted = evaluate(function, x), exact(x.astype(WIDE))
            normal = (abs(wanted) >= WIDE(info.tiny)) & (abs(wanted) <= WIDE(info.max))
            np.testing.assert_array_equal(found[~normal], np.where(wanted > 1, dtype(np.inf), dtype(0))[~normal])
            assert (units_off(found[normal], wanted[normal], dtype) <= LIMIT).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_edges_of_powers(dtype):
    x = np.array([0, 0, 0, 1, 2, -2, -2, -8, np.inf, np.inf, np.nan, np.nan, 1, 2, 0.5, -1], dtype)
    y = np.array([0, 2, -1, np.inf, 0, 3, 2, 1 / 3, 2, -1, 0, 1, np.nan, np.inf, np.inf, np.inf], dtype)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(evaluate(tf.pow, x, y), np.power(x, y))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powers_of_negative_numbers(dtype):
    """Odd whole exponents keep the sign, others lose it; with an exponent that is not whole there is no number."""
    whole = [-7, -2, -1, 0, 1, 2, 5, 8, 2.0**22 + 1, 2.0**23 + 1, 2.0**24, 2.0**25 + 4, 2.0**40, -(2.0**31), 987654321]
    y = np.array([*whole, 0.5, -1.5, 2.0**21 + 0.5, 1e-30], dtype)
    for base in (-1, -1.0000001, -0.5, -3, -0.0, -1e-42, -np.inf, 2):
        x = np.full_like(y, base)
        with np.errstate(all="ignore"):
            wanted = np.power(x.astype(WIDE), y.astype(WIDE)).astype(dtype)
        found = evaluate(tf.pow, x, y)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
        np.testing.assert_array_equal(np.signbit(found[~np.isnan(found)]), np.signbit(wanted[~np.isnan(wanted)]))
        near = np.isfinite(wanted) & (abs(wanted) > np.finfo(dtype).tiny) & (abs(y) < 1e4)
        np.testing.assert_allclose(found[near], wanted[near], rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powers_with_exponents_far_too_large(dtype):
    """What the product of exponent and logarithm loses is itself large then."""
    y = np.geomspace(1e3, 1e300 if dtype == np.float64 else 1e38, 3001).astype(dtype)
    y = np.concatenate([y, -y])
    for base in (0.3, 0.9999, 1.0001, 1.3711, 20.3234, 746.0):
        x = np.full_like(y, base)
        with np.errstate(over="ignore", under="ignore"):
            wanted = np.power(x, y)
        far = (wanted < np.finfo(dtype).tiny) | np.isinf(wanted)
        np.testing.assert_array_equal(evaluate(tf.pow, x, y)[far], np.where(np.isinf(wanted), wanted, 0)[far])


@needs_long_double
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_angles_of_points_are_at_most_two_units_off(dtype):
    random = np.random.RandomState(4)
    for spread in (1, 1e3, 1e15):
        y, x = (random.uniform(-1, 1, 5003) * spread ** random.uniform(-1, 1, 5003) for _ in range(2))
        y, x = y.astype(dtype), x.astype(dtype)
        wanted = np.arctan2(y.astype(WIDE), x.astype(WIDE))
        off = units_off(evaluate(tf.atan2, y, x), wanted, dtype)
        worst = int(np.argmax(off))
        assert off[worst] <= LIMIT, f"atan2({y[worst]!r}, {x[worst]!r}) is {float(off[worst]):.2f} units off"


@needs_long_double
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_angles_of_points_next_to_the_smallest_and_largest_numbers(dtype):
    """Their sums and differences need not be normal numbers."""
    info = np.finfo(dtype)
    near = np.linspace(1, 6, 41)
    for end in (info.tiny, info.max / 7):
        y, x = (v.ravel().astype(dtype) for v in np.meshgrid(end * near, end * np.concatenate([near, -near])))
        assert units_off(evaluate(tf.atan2, y, x), np.arctan2(y.astype(WIDE), x.astype(WIDE)), dtype).max() <= LIMIT


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "function", [tf.tan, tf.tanh, tf.expm1, tf.asin, tf.atan, tf.asinh, tf.erf], ids=lambda f: f.__name__
)
def test_functions_of_minus_zero_are_minus_zero(function, dtype):
    x = np.array([-0.0, 0.5, 0.0, *[-0.0] * 20, 0.0], dtype)
    y = evaluate(function, x)
    assert np.array_equal(np.signbit(y), np.signbit(x)) and not y[x == 0].any()


def test_erf_next_to_the_smallest_normal_number():
    x = tf.placeholder(tf.float32, [3])
    values = np.array([2e-38, -4.1669706e-38, 1e-37], np.float32)
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(tf.erf(x), {x: values}), values * np.float32(1.1283792), rtol=3e-7)


@needs_long_double
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_erfc_of_the_last_arguments(dtype):
    """Each number next to where the results stop being normal numbers, from where on they are 0."""
    info = np.finfo(dtype)
    last = dtype(9.194549560546875 if dtype == np.float32 else 26.543258454250985)
    x = np.array([last], dtype)
    for _ in range(4):
        x = np.concatenate([[np.nextafter(x[0], dtype(0))], x, [np.nextafter(x[-1], dtype(1e4))]])
    found, wanted = evaluate(tf.erfc, x), erfc(x.astype(WIDE))
    sure = abs(wanted / WIDE(info.tiny) - 1) > 4 * info.eps  # others may be either
    normal = (wanted >= WIDE(info.tiny)) & sure
    assert normal.any() and (found[normal] > 0).all()
    assert (abs(found[normal] - wanted[normal]) <= 2 * WIDE(info.eps) * wanted[normal]).all()
    assert not found[sure & ~normal].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_areas_of_the_largest_numbers(dtype):
    """Whose squares are none."""
    x = np.array(
        [np.finfo(dtype).max, np.finfo(dtype).max / 4, 2.0**60, np.nextafter(dtype(2.0**60), dtype(2.0**61))], dtype
    )
    wanted = np.log(x.astype(WIDE)) + np.log(WIDE(2))
    np.testing.assert_allclose(evaluate(tf.acosh, x), wanted, rtol=2 * np.finfo(dtype).eps)
    np.testing.assert_allclose(evaluate(tf.asinh, -x), -wanted, rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log1p_of_the_largest_numbers(dtype):
    x = np.array([np.finfo(dtype).max, np.finfo(dtype).max / 3, 2.0**61, 2.0**60, 2.0**59 * 1.5], dtype)
    np.testing.assert_allclose(evaluate(tf.log1p, x), np.log(x.astype(WIDE)), rtol=2 * np.finfo(dtype).eps)


def digamma(x):
    """The asymptotic series from 40 on, and 1 / x for each step on the way there."""
    steps, far = np.zeros_like(x), x.copy()
    for _ in range(41):
        low = far < 40
        steps, far = np.where(low, steps + 1 / np.where(low, far, 1), steps), np.where(low, far + 1, far)
    inverse = 1 / (far * far)
    series = 0
    for c in (
        WIDE(1) / 12,
        -WIDE(691) / 32760,
        WIDE(1) / 132,
        -WIDE(1) / 240,
        WIDE(1) / 252,
        -WIDE(1) / 120,
        WIDE(1) / 12,
    ):
        series = series * inverse + c
    return np.log(far) - WIDE(0.5) / far - series * inverse - steps


@needs_long_double
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_digamma(dtype):
    """Floats to 2 units, also next to its zero at 1.46; doubles to some units of the sum that it is."""
    for low, high in ((0, 1), (1, 6), (1.46, 1.463), (0, 30), (0, 1e30)):
        x = arguments_between(low, high, dtype)
        wanted = digamma(x.astype(WIDE))
        found = evaluate(tf.digamma, x)
        if dtype == np.float32:
            assert units_off(found, wanted, dtype).max() <= LIMIT
        else:
            assert (abs(found - wanted) <= 1.5e-15 * np.maximum(1, abs(wanted))).all()
    edges = np.array([np.inf, 0, -0.0, -3, np.nan, 1] * 3, dtype)
    np.testing.assert_allclose(
        evaluate(tf.digamma, edges), [np.inf, np.inf, np.inf, np.inf, np.nan, -EULER] * 3, rtol=1e-6
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", [tf.lgamma, tf.digamma], ids=lambda f: f.__name__)
def test_numbers_below_zero_change_nothing_beside_them(function, dtype):
    x = np.linspace(-6.3, 6.4, 97).astype(dtype)
    whole = evaluate(function, x)
    np.testing.assert_array_equal(whole[x > 0], evaluate(function, x[x > 0]))
    np.testing.assert_array_equal(whole, [evaluate(function, one[None])[0] for one in x])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "function", [tf.erfc, tf.lgamma, tf.digamma, tf.asinh, tf.acosh, tf.log1p, tf.nn.softplus], ids=lambda f: f.__name__
)
def test_neither_threads_nor_the_place_of_the_argument_change_a_bit(function, dtype):
    x = np.random.RandomState(3).uniform(-1, 12, 100003).astype(dtype)
    wanted = evaluate(function, x)
    room = np.zeros(x.size + 16, dtype)
    for threads, begin in ((2, 0), (4, 1), (1, 3), (4, 8)):
        moved = room[begin : begin + x.size]
        moved[:] = x
        config = tf.ConfigProto(intra_op_parallelism_threads=threads)
        with tf.Graph().as_default(), tf.Session(config=config) as session:
            place = tf.placeholder(dtype, [None])
            np.testing.assert_array_equal(session.run(function(place), {place: moved}), wanted)


@pytest.mark.parametrize("function", [tf.sin, tf.log1p, tf.nn.relu, tf.nn.relu6], ids=lambda f: f.__name__)
def test_functions_that_lose_the_sign_of_zero(function):
    y = evaluate(function, np.array([-0.0] * 9, np.float32))
    assert not y.any() and not np.signbit(y).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 9, 40])
def test_roots_keep_the_sign_of_zero(dtype, n):
    zeros = np.array([-0.0, 0.0] * n, dtype)
    assert np.signbit(evaluate(tf.sqrt, zeros)).tolist() == [True, False] * n
    assert evaluate(tf.rsqrt, zeros).tolist() == [-np.inf, np.inf] * n
    assert np.signbit(evaluate(tf.negative, zeros)).tolist() == [False, True] * n


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_absolute_value_of_minus_zero_is_zero(dtype):
    assert not np.signbit(evaluate(tf.abs, np.array([-0.0, -1, 0.0, *[-0.0] * 20, -np.inf], dtype))).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_edges_of_angles(dtype):
    values = np.array([0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 3], dtype)
    y, x = (v.ravel() for v in np.meshgrid(values, values))
    found, wanted = evaluate(tf.atan2, y, x), np.arctan2(y, x)
    np.testing.assert_allclose(found, wanted, rtol=3e-7)
    np.testing.assert_array_equal(np.signbit(found[~np.isnan(wanted)]), np.signbit(wanted[~np.isnan(wanted)]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_remainders_have_the_sign_of_the_divisor(dtype):
    random = np.random.RandomState(5)
    edges = np.array([0.0, -0.0, 1, -1, 5.5, -5.5, 1e-30, 2.0**40, -(2.0**40), np.inf, -np.inf, np.nan], dtype)
    ex, ey = (v.ravel() for v in np.meshgrid(edges, edges))
    x = np.concatenate(
        [random.uniform(-100, 100, 4000), random.randint(-50, 50, 3000), random.uniform(-1e9, 1e9, 500), ex]
    )
    y = np.concatenate([random.uniform(-10, 10, 4000), random.randint(1, 9, 3000), random.uniform(-1, 1, 500), ey])
    x, y = x.astype(dtype), y.astype(dtype)
    with np.errstate(all="ignore"):
        rest = np.fmod(x, y)
        wanted = np.where((rest != 0) & ((rest < 0) != (y < 0)), rest + y, rest)
    np.testing.assert_array_equal(evaluate(tf.floormod, x, y), wanted)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "name",
    ["exp", "tanh", "erf", "erfc", "sin", "log1p", "softplus", "tan", "atan", "acos", "sinh", "asinh", "lgamma"],
)
def test_every_length_gives_the_same_numbers(name, dtype):
    function = FUNCTIONS[name][0]
    x = np.linspace(-0.9, 3, 70).astype(dtype)
    whole = evaluate(function, x)
    for count in range(1, 70):
        np.testing.assert_array_equal(evaluate(function, x[:count]), whole[:count])
    np.testing.assert_array_equal(evaluate(lambda v: function(v[::3]), x), whole[::3])


if __name__ == "__main__":  # the largest errors, for this machine's level or HOOKLOOP_ISA's
    for name, (function, exact, ranges) in FUNCTIONS.items():
        for dtype in (np.float32, np.float64):
            worst = 0
            for low, high in ranges:
                x = arguments_between(low, high, dtype, 60000)
                with np.errstate(all="ignore"):
                    wanted = exact(x.astype(WIDE))
                kept = (abs(wanted) < np.finfo(dtype).max) & (abs(x) >= np.finfo(dtype).tiny)
                worst = max(worst, units_off(evaluate(function, x)[kept], wanted[kept], dtype).max())
            print(f"{name} {dtype.__name__} {float(worst):.2f}")
