"""Adam's quotients: rounded as divisions are, whatever the operands, and the same wherever an element lies."""

import numpy as np
import pytest

from hookloop import _core

RANDOM = np.random.default_rng(0)


def quotients(numerators, squares, flag, dtype):
    """numerators / sqrt(squares), as the step that a variable of zeros takes where nothing of the slots decays."""
    variable, mean = np.zeros_like(numerators), np.zeros_like(numerators)
    scalars = [np.array(s, dtype) for s in (0, 0, 1, 0, 1, 0)]  # both powers, rate, both betas, epsilon
    _core.KernelCall("apply_adam", [variable, mean, squares.copy(), numerators, *scalars], [], [0, flag], 1)(1)
    return -variable


def powers(low, high, count):
    """Numbers of either sign whose exponents are spread evenly."""
    return (
        RANDOM.choice([-1, 1], count) * RANDOM.uniform(1, 2, count) * 2.0 ** RANDOM.uniform(low, high, count)
    ).astype("f")


@pytest.mark.parametrize("flag", [0, 1])
@pytest.mark.parametrize("low, high", [(-1, 1), (-60, 60)])
def test_a_step_is_rounded_as_a_division_is(low, high, flag):
    numerators, squares = powers(low, high, 100_003), np.square(powers(low, high, 100_003))
    np.testing.assert_array_equal(quotients(numerators, squares, flag, np.float32), numerators / np.sqrt(squares))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_zeros_infinities_and_what_is_no_number_are_divided_as_everywhere(dtype):
    values = np.array([0, -0.0, 1, -3, 2.0**63, 1e-30, np.inf, np.nan], dtype)
    squares = np.array([0, 1, 4, 2.0**-126, 2.0**127, np.inf, np.nan, -1], dtype)
    numerators, squares = (a.ravel() for a in np.meshgrid(values, squares))
    with np.errstate(all="ignore"):
        held = squares + (numerators * numerators - squares) * 0
        expected = numerators / np.sqrt(held)
    found = quotients(numerators, squares, 0, dtype)
    np.testing.assert_array_equal(found, expected)


def test_an_element_becomes_the_same_wherever_it_lies():
    numerators, squares = powers(-8, 8, 70), np.square(powers(-8, 8, 70))
    whole = quotients(numerators, squares, 0, np.float32)
    for first in range(18):
        for size in range(1, 52):
            part = slice(first, first + size)
            np.testing.assert_array_equal(quotients(numerators[part], squares[part], 0, np.float32), whole[part])
