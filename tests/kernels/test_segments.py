"""Rows of segments: each segment's rows are combined in their order by one thread, whatever the numbers' order and the threads."""

import numpy as np
import pytest

from hookloop import _core

SEGMENTS = 700
NUMBERS = {
    "any order": lambda random, rows: random.integers(0, SEGMENTS, rows),
    "few": lambda random, rows: (SEGMENTS * random.random(rows) ** 8).astype(int),
    "dropped": lambda random, rows: random.integers(-200, SEGMENTS, rows),
    "ascending": lambda random, rows: np.sort(random.integers(0, SEGMENTS, rows)),
    "ascending, dropped": lambda random, rows: np.sort(random.integers(-200, SEGMENTS - 30, rows)),
    "one": lambda random, rows: np.full(rows, 5),
    "none": lambda random, rows: np.full(rows, -3),
}
REDUCE = {"sum": (np.add, 0), "prod": (np.multiply, 1), "max": (np.maximum, None), "min": (np.minimum, None)}


def call(kernel, inputs, output, attributes=(), threads=1):
    """The output of some runs: workers join when they are awake."""
    run = _core.KernelCall(kernel, list(inputs), [output], list(attributes), threads)
    for _ in range(1 if threads == 1 else 5):
        output.fill(77)
        run(1)
    return output


def some_rows(dtype, shape):
    random = np.random.default_rng(shape[0] * 1000 + shape[1])
    return (random.standard_normal(shape) * 3).astype(dtype)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("order", NUMBERS)
@pytest.mark.parametrize("kind", REDUCE)
@pytest.mark.parametrize(("dtype", "index"), [("float32", "int32"), ("float64", "int64"), ("int16", "int32")])
def test_unsorted_segments_of_many_rows(kind, order, dtype, index, threads):
    """Rows of every way in which they are added, and numbers of more than one block of those that are looked through."""
    combine, start = REDUCE[kind]
    if start is None:
        limits = np.finfo(dtype) if dtype.startswith("float") else np.iinfo(dtype)
        start = limits.min if kind == "max" else limits.max
    for rows, width in ((1, 3), (513, 1), (5000, 16), (5000, 17), (3000, 65)):
        data, numbers = some_rows(dtype, (rows, width)), NUMBERS[order](np.random.default_rng(rows), rows)
        if kind == "prod" and dtype.startswith("float"):
            data = np.exp(data / 9) * np.sign(data)  # of thousands neither infinity nor what is flushed to zero
        wanted = np.full((SEGMENTS, width), start, dtype)
        combine.at(wanted, numbers[numbers >= 0], data[numbers >= 0])
        inputs = [data, numbers.astype(index)]
        found = call(f"unsorted_segment_{kind}", inputs, np.empty_like(wanted), (), threads)
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("ascending", [False, True])
def test_the_first_number_that_is_no_segment_is_named(ascending, threads):
    numbers = np.arange(6000) // 3
    if not ascending:
        numbers = numbers[::-1].copy()
        numbers[:3000] -= 1500
    first = int(np.argmax(numbers >= 990))
    run = _core.KernelCall(
        "unsorted_segment_sum",
        [some_rows("float32", (6000, 16)), numbers],
        [np.empty((990, 16), "float32")],
        [],
        threads,
    )
    with pytest.raises(ValueError, match=rf"segment_ids\[{first}\] = {numbers[first]} is out of range \[0, 990\)"):
        run()


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("picked", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sorted_segments_of_many_rows(dtype, picked, threads):
    for rows, width in ((1, 3), (513, 1), (5000, 16), (5000, 21), (3000, 65)):
        random = np.random.default_rng(rows)
        data, numbers = some_rows(dtype, (rows, width)), np.sort(random.integers(3, SEGMENTS - 3, rows))
        numbers[: rows // 2] = np.minimum(numbers[: rows // 2], 9)  # half of the rows in few segments
        indices = random.integers(0, rows, rows) if picked else np.arange(rows)
        inputs = [numbers.astype("int32"), *([indices] if picked else [])]
        products = np.exp(data / 20) * np.sign(data)  # of thousands neither infinity nor what is flushed to zero
        taken, counts = data[indices], np.maximum(np.bincount(numbers, minlength=SEGMENTS), 1)[:, None]
        sums = np.zeros((SEGMENTS, width), dtype)
        np.add.at(sums, numbers, taken)
        wanted = {0: sums, 1: sums / counts.astype(dtype), 2: sums / np.sqrt(counts).astype(dtype)}
        if not picked:
            wanted[3] = np.ones((SEGMENTS, width), dtype)
            np.multiply.at(wanted[3], numbers, products)
        for kind, values in wanted.items():
            rows_in = [products if kind == 3 else data, *inputs]
            found = call("segment_reduce", rows_in, np.empty((SEGMENTS, width), dtype), (kind,), threads)
            np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("kind", [1, 2])
def test_gradients_of_means_of_picked_rows(kind, threads):
    for rows, width in ((1, 3), (513, 1), (5000, 16), (3000, 65)):
        random = np.random.default_rng(rows)
        grad, numbers = some_rows("float64", (SEGMENTS, width)), random.integers(0, SEGMENTS, rows)
        indices = random.integers(0, 300, rows)
        counts = np.bincount(numbers, minlength=SEGMENTS)[numbers][:, None]
        wanted = np.zeros((300, width))
        np.add.at(wanted, indices, grad[numbers] / (counts if kind == 1 else np.sqrt(counts)))
        found = call("segment_spread", [grad, numbers, indices], np.empty((300, width)), (kind,), threads)
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)
        same = call("segment_spread", [grad, numbers, indices], np.empty((300, width)), (kind,), 1)
        np.testing.assert_array_equal(found, same)


@pytest.mark.parametrize(("kernel", "attributes"), [("unsorted_segment_sum", ()), ("segment_reduce", (0,))])
def test_any_number_of_segments_without_elements(kernel, attributes):
    """They would take hours if they were counted."""
    _core.KernelCall(kernel, [np.empty((2, 0)), np.array([3, 5])], [np.empty((2**59, 0))], list(attributes))()


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint32"])
def test_sorted_numbers_give_what_columns_do(dtype, index, threads):
    """Single numbers go their own way: with segments of one, of many and of none, more than one stretch of them, zeros without a sign, and NaN."""
    random = np.random.default_rng(4)
    unsigned = f"uint{np.dtype(dtype).itemsize * 8}"
    for rows, segments in ((1, 1), (2, 9), (700, 40), (700, 5000), (150_000, 30_000), (150_000, 3)):
        x = (random.standard_normal((rows, 2)) * 1e3).astype("int64").astype(dtype)
        if dtype.startswith("float"):
            x += random.standard_normal((rows, 2)).astype(dtype)
            x[random.random(rows) < 0.3] = -0.0
            x[random.random(rows) < 0.001] = np.inf
        numbers = np.sort(random.integers(0, segments, rows)).astype(index)
        order = random.permutation(rows).astype(index)
        places = segments + 3
        for column in range(2):
            for kind in range(6):
                for picked in ([], [order]) if kind < 3 else ([],):
                    y, inputs = x.copy(), [numbers, *picked]
                    if kind > 3 and dtype.startswith("float"):
                        y[random.random(rows) < 0.2] = np.nan
                    one = call(
                        "segment_reduce", [y[:, column].copy(), *inputs], np.empty(places, dtype), [kind], threads
                    )
                    both = call("segment_reduce", [y, *inputs], np.empty((places, 2), dtype), [kind])
                    np.testing.assert_array_equal(one.view(unsigned), both[:, column].copy().view(unsigned))


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("kind", ["sum", "max", "min"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_unsorted_segments_of_each_width(dtype, kind, threads):
    """Rows of each way in which they are taken together, in any order and ascending, with the signs of zeros and with NaN, which what
    follows it replaces."""
    random = np.random.default_rng(5)
    unsigned = f"uint{np.dtype(dtype).itemsize * 8}"
    limits = np.finfo(dtype) if dtype.startswith("float") else np.iinfo(dtype)
    start = {"sum": 0, "max": limits.min, "min": limits.max}[kind]
    for width in (*range(1, 20), *range(30, 36), *range(62, 67), 100, 130):
        data = some_rows(dtype, (600, width))
        data[random.random(data.shape) < 0.3] = -0.0
        if kind != "sum" and dtype.startswith("float"):
            data[random.random(data.shape) < 0.1] = np.nan
        anywhere = random.integers(-1, 50, len(data))
        for numbers in (anywhere, np.sort(anywhere), np.sort(anywhere) // 40):
            wanted = np.full((53, width), start, dtype)
            for number, row in zip(numbers, data):
                if number >= 0:
                    held = wanted[number]
                    first = held > row if kind == "max" else held < row
                    wanted[number] = held + row if kind == "sum" else np.where(first, held, row)
            found = call(f"unsorted_segment_{kind}", [data, numbers], np.empty_like(wanted), (), threads)
            np.testing.assert_array_equal(found.view(unsigned), wanted.view(unsigned), err_msg=f"width {width}")


def folded(kind, rows):
    """What becomes of a segment's rows: a NaN is not the largest nor the least of several."""
    if len(rows) == 1 or kind == 0:
        total = rows[0].copy()
        for row in rows[1:]:
            total += row
        return total
    bound, beats = (-np.inf, np.greater) if kind == 4 else (np.inf, np.less)
    best = np.full_like(rows[0], bound)
    for row in rows:
        best = np.where(beats(row, best), row, best)
    return best


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("kind", [0, 4, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sorted_segments_of_each_width(dtype, kind, threads):
    """Rows of parts of a vector, of whole ones and of more than are held at once, with the signs of zeros and with NaN."""
    random = np.random.default_rng(7)
    unsigned = f"uint{np.dtype(dtype).itemsize * 8}"
    numbers = np.repeat([0, 1, 4, 5, 6], [1, 2, 3, 1, 17]).astype("int32")
    for width in (*range(1, 20), *(31, 32, 33, 47, 63, 64, 65, 95, 96, 97, 127, 128, 129, 150, 191, 200, 257)):
        data = some_rows(dtype, (len(numbers), width))
        data[random.random(data.shape) < 0.3] = 0.0
        data[random.random(data.shape) < 0.3] = -0.0
        if kind:
            data[random.random(data.shape) < 0.2] = np.nan
        wanted = np.zeros((9, width), dtype)
        for number in np.unique(numbers):
            wanted[number] = folded(kind, data[numbers == number])
        found = call("segment_reduce", [data, numbers], np.empty_like(wanted), (kind,), threads)
        np.testing.assert_array_equal(found.view(unsigned), wanted.view(unsigned), err_msg=f"width {width}")
        if kind == 0:
            order = random.permutation(len(data))
            rows = np.empty_like(data)
            rows[order] = data
            found = call("segment_reduce", [rows, numbers, order], np.empty_like(wanted), (kind,), threads)
            np.testing.assert_array_equal(found.view(unsigned), wanted.view(unsigned), err_msg=f"picked, width {width}")
