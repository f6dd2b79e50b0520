"""Updates of chosen rows: of one element, of parts of a vector, of several; equal rows one after the other."""

import numpy as np
import pytest

from hookloop import _core

RANDOM = np.random.default_rng(0)
WIDTHS = [1, 2, 3, 8, 15, 16, 17, 33]
OPERATIONS = {
    "scatter_update": lambda x, y: y,
    "scatter_add": lambda x, y: x + y,
    "scatter_sub": lambda x, y: x - y,
    "scatter_mul": lambda x, y: x * y,
    "scatter_div": lambda x, y: x / y,
    "scatter_min": np.minimum,
    "scatter_max": np.maximum,
}
RULES = {  # kernel -> slots, scalars
    "apply_gradient_descent": (0, [0.1]),
    "apply_momentum": (1, [0.1, 0.9]),
    "apply_adam": (2, [0.9, 0.99, 0.1, 0.9, 0.99, 1e-3]),
    "apply_adagrad": (1, [0.1]),
    "apply_rms_prop": (2, [0.1, 0.9, 0.8, 1e-3]),
    "apply_adadelta": (2, [0.1, 0.9, 1e-3]),
    "apply_proximal_gradient_descent": (0, [0.1, 0.01, 0.01]),
    "apply_proximal_adagrad": (1, [0.1, 0.01, 0.01]),
    "apply_ftrl": (2, [0.1, 0.01, 0.01, -0.5]),
}


def numbers(*shape, dtype=np.float32):
    return RANDOM.uniform(0.5, 2, shape).astype(dtype)


def call(kernel, inputs, attributes=()):
    _core.KernelCall(kernel, list(inputs), [], list(attributes), 1)(1)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("dtype, index", [("float32", "int32"), ("float64", "int64")])
def test_rows_are_updated_in_the_order_of_their_indices(name, width, dtype, index):
    variable = numbers(9, width, dtype=dtype)
    at = np.array([4, 0, 4, 8, 4, 1], index)
    for updates in (numbers(6, width, dtype=dtype), np.array(1.5, dtype)):
        found, expected = variable.copy(), variable.copy()
        call(name, [found, at, updates])
        for i, row in enumerate(at):
            expected[row] = OPERATIONS[name](expected[row], updates[i] if updates.ndim else updates)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("width", WIDTHS)
def test_rows_are_scaled_on_the_way(width):
    variable, updates, at = numbers(9, width), numbers(4, width), np.array([4, 0, 4, 8], np.int32)
    found, expected = variable.copy(), variable.copy()
    call("scatter_sub_scaled", [found, at, updates, np.array(0.25, np.float32)])
    for i, row in enumerate(at):
        expected[row] -= updates[i] * np.float32(0.25)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kernel", RULES)
@pytest.mark.parametrize("flag", [0, 1])
def test_a_rule_for_rows_is_the_rule_for_what_they_hold(kernel, width, flag):
    slots, scalars = RULES[kernel]
    tables = [numbers(9, width) for _ in range(slots + 1)]
    at = np.array([7, 0, 3], np.int32)
    gradient, scalars = numbers(3, width), [np.array(s, np.float32) for s in scalars]
    found, held = [t.copy() for t in tables], [t[at].copy() for t in tables]
    call(kernel, [*found, gradient, *scalars, at], [1, flag])
    call(kernel, [*held, gradient, *scalars], [0, flag])
    for table, new, rows in zip(tables, found, held):
        expected = table.copy()
        expected[at] = rows
        np.testing.assert_allclose(new, expected, rtol=1e-6)


@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize("wrong", [-1, 9, -(2**31), 2**31 - 1])
@pytest.mark.parametrize("place", [0, 1, 254, 255, 256, 299])
def test_an_index_that_is_no_row_is_found_wherever_it_stands(index, wrong, place):
    variable, at = numbers(9, 1), RANDOM.integers(0, 9, 300).astype(index)
    at[place] = wrong
    before = variable.copy()
    with pytest.raises(Exception, match=rf"indices\[{place}\] = {wrong} is not in \[0, 9\)"):
        call("scatter_add", [variable, at, numbers(300, 1)])
    np.testing.assert_array_equal(variable, before)
