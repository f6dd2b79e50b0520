"""sum_by_row: rows of the same index are summed in their order, and the table's other rows are zeros."""

import numpy as np
import pytest

from hookloop import _core


def test_the_kernel_refuses_an_index_that_is_no_row():
    table, rows = np.ones((4, 3)), np.ones((2, 5))
    outputs = [np.zeros((4, 3)), np.zeros((4, 5))]
    call = _core.KernelCall("sum_by_row", [table, np.array([3, 4]), rows], outputs, [1])
    with pytest.raises(ValueError, match=r"indices\[1\] = 4 is not in \[0, 4\)"):
        call()


def test_groups_of_rows_with_gaps_are_summed_in_their_order():
    random = np.random.RandomState(4)
    table, indices = random.standard_normal((6, 3)), [np.array([5, 0, 5]), np.array([2, 5])]
    wide = random.standard_normal((5, 200))
    rows = [wide[:3, :150], wide[3:, 50:]]
    named, sums = np.full((6, 3), np.nan), np.full((6, 150), np.nan)
    _core.KernelCall("sum_by_row", [table, *indices, *rows], [named, sums], [2])()
    want = np.zeros((6, 150))
    for group, numbers in zip(rows, indices):
        for row, number in zip(group, numbers):
            want[number] += row
    np.testing.assert_array_equal(sums, want)
    np.testing.assert_array_equal(named, np.where(np.isin(np.arange(6), [0, 2, 5])[:, None], table, 0))
