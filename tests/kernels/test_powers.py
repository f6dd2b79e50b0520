"""Powers that roots and products give: rounded as these are, whatever stands beside them, and C's where there is no root."""

import numpy as np
import pytest

from hookloop import _core

SPECIAL = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-20, 3e38, -4.0, -2.25, 1.2e-38)
EXPONENTS = (0.5, 1.5, -0.5, 4.0, -2.0, 2.5, 3.0, 0.3)


def power(x, y):
    out = np.full_like(x, 9)
    _core.KernelCall("pow", [x, y], [out], [], 1)(1)
    return out


def numbers(dtype, n):
    rng = np.random.default_rng(n)
    found = ((rng.random(n) + 0.5) * 10.0 ** rng.integers(-9, 9, n)).astype(dtype)
    found[rng.integers(0, n, n // 8)] = rng.choice(np.array(SPECIAL, dtype), n // 8)
    return found


def same_bits(a, b):
    np.testing.assert_array_equal(a.view("u1"), b.view("u1"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_roots_are_rounded_once(dtype):
    x = np.abs(numbers(dtype, 4001))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(power(x, np.array(0.5, dtype)), np.sqrt(x))
        np.testing.assert_array_equal(power(x, np.array(-0.5, dtype)), 1 / np.sqrt(x))
        np.testing.assert_array_equal(power(x, np.array(1.5, dtype)), x * np.sqrt(x))


def test_even_powers_of_floats_are_rounded_once():
    x = numbers("float32", 4001)
    for exponent in (4, -2):
        with np.errstate(all="ignore"):
            wanted = (x.astype("d") ** exponent).astype("f")
        np.testing.assert_array_equal(power(x, np.array(exponent, "f")), wanted)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_no_normal_number_has_the_power_that_c_gives(dtype, exponent):
    x = np.array(SPECIAL, dtype)
    one = np.array(exponent, dtype)
    with np.errstate(all="ignore"):  # NumPy itself takes a root for 1/2, but not of these
        wanted = np.power(x.astype("longdouble"), one.astype("longdouble")).astype(dtype)
    found = power(x, one)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    numbers = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(wanted[numbers]))


@pytest.mark.parametrize("n", [1, 7, 8, 16, 33, 1000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_power_does_not_depend_on_what_stands_beside_it(dtype, n):
    x, rng = numbers(dtype, max(n, 8))[:n].copy(), np.random.default_rng(n)
    y = rng.choice(np.array(EXPONENTS, dtype), n)
    found = power(x, y)
    for exponent in EXPONENTS:
        one = np.array(exponent, dtype)
        alone = power(x, one)
        same_bits(found[y == one], alone[y == one])
        same_bits(power(x, np.full_like(x, exponent)), alone)
        same_bits(power(np.repeat(x, 2)[::2].copy(), one), alone)
