"""Products, squares, quotients and absolute values of complex numbers, which go by vectors: infinities, zeros, elements that lie apart."""

import numpy as np
import pytest

from hookloop import _core

SPECIAL = (0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan, 1e38, -3e38, 2e-38, 1e-30)
SIZES = (0, 1, 2, 3, 4, 5, 7, 8, 9, 400)


def call(kernel, inputs, output):
    _core.KernelCall(kernel, list(inputs), [output], [], 1)(1)
    return output


def numbers(dtype, n, seed):
    rng = np.random.default_rng(seed)
    part = rng.standard_normal((2, n)) * 10.0 ** rng.integers(-15, 15, (2, n))
    for row in part:
        row[rng.integers(0, n, n // 3)] = rng.choice(SPECIAL, n // 3)
    found = np.empty(n, dtype)
    found.real, found.imag = part
    return found


def apart(x):
    """The same elements, with another behind each."""
    return np.repeat(x, 2)[::2]


def parts(x):
    return np.ascontiguousarray(x).view(np.dtype(x.dtype.type(0).real.dtype))


def same_bits(found, wanted):
    """Of what is not a number only that it is not: which operand's bits it has depends on their order."""
    found, wanted = parts(found), parts(wanted)
    number = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.isnan(found), ~number)
    np.testing.assert_array_equal(np.signbit(found[number]), np.signbit(wanted[number]))
    np.testing.assert_array_equal(found[number], wanted[number])


def largest_finite(x):
    """The larger part of each number, in double: without those that are infinite or not a number."""
    found = np.abs(np.stack([x.real, x.imag]).astype("d"))
    return np.where(np.isfinite(found), found, 0).max(0)


def close(found, wanted, x, y):
    """As C's operator has it: infinities and what is not a number at the same places, the rest but for rounding.

    Finite parts whose product is beyond the largest may give either: a product that is added unrounded is not infinite.
    """
    limits = np.finfo(found.real.dtype)
    with np.errstate(all="ignore"):
        size = largest_finite(x) * largest_finite(y)
        sure = size <= limits.max / 4
    for a, b in ((found.real[sure], wanted.real[sure]), (found.imag[sure], wanted.imag[sure])):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        np.testing.assert_array_equal(np.isinf(a), np.isinf(b))
        finite = np.isfinite(a)
        error = np.abs(a[finite] - b[finite])
        assert (error <= 4 * limits.eps * size[sure][finite] + limits.tiny).all()


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("kernel", ["mul", "div"])
def test_products_and_quotients(kernel, dtype, n):
    x, y = numbers(dtype, n + 40, 0)[:n], numbers(dtype, n + 40, 1)[:n]
    found = call(kernel, [x, y], np.empty_like(x))
    plain = call(kernel + "_no_nan", [x, y], np.empty_like(x))  # C's operator where y is not 0
    if kernel == "mul":
        close(found[y != 0], plain[y != 0], x[y != 0], y[y != 0])
    else:
        same_bits(found[y != 0], plain[y != 0])
    same_bits(call(kernel, [apart(x), apart(y)], apart(x)), found)
    over = x.copy()
    same_bits(call(kernel, [over, y], over), found)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("kernel", ["mul", "div"])
def test_one_operand_for_all(kernel, dtype, n):
    x = numbers(dtype, n + 40, 2)[:n]
    for one in numbers(dtype, 40, 3)[:12]:
        one = np.full((), one)
        for pair in ([x, one], [one, x]):
            spread = [np.full_like(x, p) if p.ndim == 0 else p for p in pair]
            wanted = call(kernel, spread, np.empty_like(x))
            found = call(kernel, pair, np.empty_like(x))
            close(found, wanted, *spread) if kernel == "mul" else same_bits(found, wanted)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("kernel", ["mul", "div"])
def test_products_and_quotients_by_zero(kernel, dtype):
    x, zeros = numbers(dtype, 100, 4), np.zeros(100, dtype)
    found = call(kernel, [x, zeros], np.empty_like(x))
    if kernel == "mul":
        np.testing.assert_array_equal(np.isnan(found.real), ~np.isfinite(x.real) | ~np.isfinite(x.imag))
    else:
        infinite = (np.isfinite(x.real) & (x.real != 0)) | np.isinf(x.real)
        np.testing.assert_array_equal(np.isinf(found.real), infinite)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_squares(dtype, n):
    x = numbers(dtype, n + 40, 5)[:n]
    found = call("square", [x], np.empty_like(x))
    close(found[x != 0], call("mul_no_nan", [x, x], np.empty_like(x))[x != 0], x[x != 0], x[x != 0])
    same_bits(call("square", [apart(x)], apart(x)), found)
    over = x.copy()
    same_bits(call("square", [over], over), found)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_absolute_values(dtype, n):
    x = numbers(dtype, n + 40, 6)[:n]
    found = call("complex_abs", [x], x.real.copy())
    with np.errstate(over="ignore"):
        same_bits(found, np.hypot(x.real, x.imag))
    same_bits(call("complex_abs", [apart(x)], apart(x.real)), found)
