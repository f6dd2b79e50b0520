"""Short rows that are copied, turned round, repeated or filled, and one-hot rows of few places: many of them together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from hookloop import _core

TYPES = ["uint8", "int16", "float32", "float64", "complex128"]
AROUND = 3  # elements before and behind what is written


def numbers(shape, dtype):
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


def check_copy(view, threads=(1, 2, 4)):
    """A view copied to dense memory, and to the middle of wider rows: nothing else is written."""
    for count in threads:
        for wide in (0, 2):
            shape = view.shape[:-1] + (view.shape[-1] + wide,)
            memory = np.full(int(np.prod(shape)) + 2 * AROUND, 77, view.dtype)
            out = memory[AROUND : memory.size - AROUND].reshape(shape)
            part = out[..., : view.shape[-1]]
            expected = memory.copy()
            expected[AROUND : memory.size - AROUND].reshape(shape)[..., : view.shape[-1]] = view
            _core.KernelCall("copy", [view], [part], [], count)(1)
            np.testing.assert_array_equal(memory, expected)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33])
def test_short_rows(columns, dtype):
    """Turned round, every second element, parts, transposed by pairs: few rows and more than a chunk."""
    for rows in (1, 7, 40, 131, 9000):
        x = numbers((rows, columns + 1), dtype)[:, :columns]
        check_copy(x[:, ::-1])
        check_copy(x[:, ::2])
        check_copy(x[::-1, ::-1])
        check_copy(x[:, 1 : columns - 1])
        check_copy(numbers((rows, 2, columns), dtype).transpose(0, 2, 1), (1,))
        check_copy(numbers((rows, columns, 3), dtype).transpose(0, 2, 1)[:, ::-1], (1,))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("times", [2, 3, 4, 6, 10, 16, 21, 32, 50, 65])
def test_repeated_short_rows(times, dtype):
    """Single elements, rows of three as a whole and element by element, and the same row for all."""
    for rows in (1, 5, 60, 7000):
        x = numbers((rows, 3), dtype)
        size = x.itemsize
        check_copy(np.broadcast_to(x[:, :1], (rows, times)))
        check_copy(as_strided(x, (rows, times, 3), (3 * size, 0, size)), (1, 2))
        check_copy(as_strided(x, (rows, 3, times), (3 * size, size, 0)), (1,))
        check_copy(np.broadcast_to(x[:1, None], (rows, times, 3)), (1,))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("columns", [1, 2, 3, 6, 8, 30, 127, 128, 600])
def test_filled_parts_of_rows(columns, dtype):
    for rows in (1, 3, 50, 3000):
        for threads in (1, 2, 4):
            memory = np.full((rows, columns + 3), 7, dtype)
            _core.KernelCall("fill", [np.array(5, dtype)], [memory[:, 1 : columns + 1]], [], threads)(1)
            expected = np.full_like(memory, 7)
            expected[:, 1 : columns + 1] = 5
            np.testing.assert_array_equal(memory, expected)


@pytest.mark.parametrize("index", ["int32", "int64", "uint8"])
@pytest.mark.parametrize("dtype", ["float32", "int32", "float64"])
def test_one_hot_rows_of_few_places(dtype, index):
    """Each depth around those of a vector; indices that are no place; nothing behind the rows is written."""
    draw = np.random.default_rng(0)
    for depth in [*range(1, 36), 63, 64, 65]:
        for rows in (1, 2, 3, 17, 600, 5000) if depth in (1, 2, 3, 10, 17, 64) else (5, 70):
            places = draw.integers(0, depth + 1, rows).astype(index)
            if index != "uint8":
                places[draw.integers(0, rows)] = -1
            if index == "int64":
                places[0] = 2**32  # no place, though its lower half is one
            expected = np.where(np.arange(depth) == places[:, None].astype("int64"), 3, 2).astype(dtype)
            for threads in (1, 2):
                memory = np.full(rows * depth + AROUND, 9, dtype)
                out = memory[: rows * depth].reshape(rows, depth)
                _core.KernelCall("one_hot", [places, np.array(3, dtype), np.array(2, dtype)], [out], [1], threads)(1)
                np.testing.assert_array_equal(out, expected)
                assert (memory[rows * depth :] == 9).all()
