"""Short rows that are copied, turned round, repeated or filled, and one-hot rows of few places: many of them together; longer rows that are
computed with where every so many elements of them lie, and those that are copied by vectors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

import hookloop as tf
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


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("length", [2047, 2048, 2049, 2112, 4095, 4099, 9001])
def test_long_rows_at_any_address(length, dtype):
    """Bytes around those that one instruction of the processor may copy, which begin anywhere in a line of the cache."""
    columns = length // np.dtype(dtype).itemsize
    for before in (0, 1, 3, 9):
        x = numbers((12, columns + before + 1), dtype)[:, before : columns + before]
        check_copy(x, (1, 2))
        check_copy(x[::-1], (1,))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64", "complex128"])
@pytest.mark.parametrize("step", [2, 3, 4, 5, -1, -2])
def test_what_is_computed_of_every_so_many_elements(dtype, step):
    """Rows that are one axis with those before them and such as are not, with another operand of each kind, for any threads."""
    for shape in (
        (6, 3),
        (9000, 3),
        (300, 7),
        (80, 64),
        (80, 65),
        (40, 130),
        (21, 256),
        (9, 512),
        (8, 513),
        (6, 1024),
        (5, 1025),
    ):
        for gap in (0, 1):
            x = numbers((shape[0], shape[1] * abs(step) + gap), dtype)[:, ::step][:, : shape[1]]
            for other in (
                x,
                np.ascontiguousarray(x) // 3 if dtype != "complex128" else x[::-1],
                x[:1],
                x[:, :1],
                x[0, :1],
            ):
                for threads in (1, 2):
                    out = np.full(shape, 3, dtype)
                    _core.KernelCall("add", [x, other], [out], [], threads)(1)
                    np.testing.assert_array_equal(out, x + other)


@pytest.mark.parametrize("columns", [6, 7, 64, 500, 512, 513, 1000, 1021, 1024, 5000])
def test_chains_over_every_other_element(columns, executor):
    """Pairs of neighbouring columns turned by an angle, as positions are put into attention."""
    for rows in (1, 3, 70):
        x, angle = (
            np.random.default_rng(i).integers(-9, 9, (rows, n)).astype("f") for i, n in ((0, 2 * columns), (1, columns))
        )
        a, b = tf.placeholder(tf.float32, [None, None]), tf.placeholder(tf.float32, [None, None])
        even, odd = a[:, ::2], a[:, 1::2]
        fetches = [even * b - odd, tf.maximum(odd * b + even, b), tf.reduce_sum(tf.abs(even - b))]
        wanted = [
            x[:, ::2] * angle - x[:, 1::2],
            np.maximum(x[:, 1::2] * angle + x[:, ::2], angle),
            np.abs(x[:, ::2] - angle).sum(),
        ]
        for threads in (1, 2):
            with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
                for found, expected in zip(session.run(fetches, {a: x, b: angle}), wanted):
                    np.testing.assert_array_equal(found, expected)


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
