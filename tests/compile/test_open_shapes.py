"""The shapes of a plan's tensors as messages have them: sums of products of registers."""

import pytest

from hookloop.compile.ir import Value
from hookloop.compile.open_shapes import open_shapes
from hookloop.compile.sizes import FLOORDIV, SizeTable
from hookloop.graph.describe import shape_in_run


def test_known_shapes_are_left_out():
    assert (
        open_shapes({"known": Value(None, (2, 3)), "scalar": Value(None, ()), "of no rank": Value(None, None)}, {})
        == {}
    )


@pytest.mark.parametrize(("n", "m"), [(4, 5), (0, 1)])
def test_open_sizes_are_worked_out_of_registers(n, m):
    table = SizeTable()
    rows, columns = table.fresh(), table.fresh()
    half = table.apply(FLOORDIV, rows, 2)
    table.register(half)
    shapes = open_shapes({"x": Value(None, (rows, 3, rows * columns + 2 * rows - 1, half))}, {})
    registers = {rows.register: n, columns.register: m, half.register: n // 2}
    assert shape_in_run("x", shapes, registers) == (n, 3, n * m + 2 * n - 1, n // 2)


def test_a_size_that_no_register_holds_is_not_told():
    table = SizeTable()
    quotient = table.apply(FLOORDIV, table.fresh(), 2)
    assert open_shapes({"x": Value(None, (quotient, 3))}, {"op": (quotient, 4)}) == {"x": (None, 3), "op": (None, 4)}
