"""Places of the best, places among sorted values, bins, coordinates of true elements, classes above others, and elements copied as
one: what is done by several elements at a time gives what one after the other would."""

import sys

import numpy as np
import pytest

import hookloop as tf
from hookloop import _core

from .test_gemm import before_a_wall


def call(kernel, inputs, outputs, attributes=(), threads=1):
    _core.KernelCall(kernel, list(inputs), list(outputs), list(attributes), threads)(1)
    return outputs[0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "uint32", "float16"])
def test_the_best_along_each_axis(dtype):
    """Of few lines beside each other and of many, short and long: the first of equal ones; what is no number is never one."""
    random = np.random.default_rng(2)
    limits = (-np.inf, np.inf) if dtype.startswith("float") else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    for columns in (2, 3, 5, 8, 16, 17, 33, 130, 600):
        for outer, rows in ((1, 1), (2, 31), (3, 257), (1, 5000 if columns < 40 else 300)):
            x = random.integers(0, 9, (outer, rows, columns)).astype(dtype)
            unfit = np.zeros(x.shape, bool)
            if dtype.startswith("float"):
                unfit = random.random(x.shape) < 0.2
                unfit[..., 0] = True
                x[unfit] = np.nan
            for kernel, none in (("argmax", limits[0]), ("argmin", limits[1])):
                values = np.where(unfit, none, x)
                for axis in (1, 2):
                    wanted = values.argmax(axis) if kernel == "argmax" else values.argmin(axis)
                    for threads, index in ((1, "int32"), (2, "int64"), (4, "int32")):
                        found = call(kernel, [x], [np.full(wanted.shape, -1, index)], [axis], threads)
                        np.testing.assert_array_equal(found, wanted, err_msg=f"{kernel} of {x.shape} along {axis}")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "float16"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_places_among_sorted_values_of_any_number(dtype, side):
    """Rows of each length, fewer values than are looked for at once and more, equal ones and such as lie outside."""
    random = np.random.default_rng(0)
    for length in [*range(20), 31, 32, 33, 64, 100]:
        for count in (1, 7, 8, 9, 37):
            rows = np.sort(random.integers(1, 60, (3, length)).astype(dtype))
            values = random.integers(0, 62, (3, count)).astype(dtype)
            for index in ("int32", "int64"):
                found = call("bounds", [rows, values], [np.full((3, count), -1, index)], [side == "right"])
                wanted = [np.searchsorted(row, value, side) for row, value in zip(rows, values)]
                np.testing.assert_array_equal(found, np.reshape(wanted, (3, count)))


def test_what_is_no_number_has_its_place():
    rows, values = np.array([[1, 2, 3]], "float32"), np.full((1, 9), np.nan, "float32")
    assert call("bounds", [rows, values], [np.zeros((1, 9), "int32")], [0]).tolist() == [[0] * 9]
    assert call("bounds", [rows, values], [np.zeros((1, 9), "int32")], [1]).tolist() == [[3] * 9]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("bins", [1, 2, 50, 256, 257, 1000])
def test_bins_of_many_values(dtype, bins):
    """More values than are counted between two looks at the clock; those at a bin's edge, outside, and what is no number."""
    values = np.random.default_rng(bins).normal(0, 40, 150_001).astype(dtype)
    if values.dtype.kind == "f":
        values[[3, 70_000]], values[[5, 6]] = np.nan, (np.inf, -np.inf)
    limits = np.array([-50, 50], dtype)
    with np.errstate(invalid="ignore"):
        place = np.where(values > -50, (values.astype("float64") + 50) / (100 / bins), 0)
    wanted = np.bincount(np.minimum(place, bins - 1).astype(int), minlength=bins)
    for index in ("int32", "int64"):
        np.testing.assert_array_equal(call("histogram", [values, limits], [np.full(bins, 7, index)]), wanted)


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int16", "float16", "float32", "int64", "float64", "complex64", "complex128"]
)
def test_coordinates_of_true_elements(executor, dtype):
    for shape in [(3,), (7, 9), (513, 3), (3, 700), (5, 1, 211), (40, 30, 2), (2, 3, 4, 5), (0, 4), (4, 0, 2)]:
        for share in (0, 2, 50, 100):
            x = (np.random.default_rng(share).integers(0, 100, shape) < share).astype(dtype)
            if x.dtype.kind in "fc":
                x = x * -x.dtype.type(2) if share == 50 else x  # zeros of either sign are no true elements
            with tf.Graph().as_default(), tf.Session() as session:
                place = tf.placeholder(dtype, shape)
                found = session.run(tf.where(place), {place: x})
            np.testing.assert_array_equal(found, np.argwhere(x))


@pytest.mark.parametrize("classes", [1, 5, 33, 4096, 4097, 9000])
def test_classes_above_the_target(classes):
    random = np.random.default_rng(classes)
    scores = random.integers(0, 50, (12, classes)).astype("float32")
    scores[1, classes // 2], scores[2, -1], scores[3, 0] = np.nan, np.inf, -np.inf
    targets = random.integers(0, classes, 12)
    targets[4], targets[5] = -1, classes
    for k in (0, 1, classes // 2, classes):
        fit = np.isfinite(scores).all(1) & (targets >= 0) & (targets < classes)
        above = np.array([(row > row[min(max(t, 0), classes - 1)]).sum() for row, t in zip(scores, targets)])
        for index in ("int32", "int64"):
            inputs = [scores, targets.astype(index), np.array(k, index)]
            np.testing.assert_array_equal(call("in_top_k", inputs, [np.ones(12, bool)]), fit & (above < k))


@pytest.mark.parametrize("function", [tf.segment_max, tf.segment_min])
def test_what_is_no_number_is_no_extremum_of_several_rows(function):
    data = np.array([[np.nan, 1.0, -0.0] * 6, [2.0, np.nan, 0.0] * 6, [1.0, 0.0, -1.0] * 6], "float32")
    with tf.Session() as session:
        found = session.run(function(data, [0, 0, 0]))
    is_max = function is tf.segment_max
    np.testing.assert_array_equal(found, [[2.0, 1.0, 0.0] * 6 if is_max else [1.0, 0.0, -1.0] * 6])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("together", [1, 2, 3, 4, 6, 8, 12])
@pytest.mark.parametrize("offset", [0, 1])
def test_elements_that_lie_together_are_copied_as_one(dtype, together, offset):
    """Blocks of an image as channels, and back; the operands begin at an element that is no whole group of them, and what lies beside
    the result stays."""
    for rows, columns in ((1, 1), (2, 3), (5, 40), (3, 9), (33, 130)):
        shape = (2, rows, 2, columns, 2 * together)
        size = int(np.prod(shape))
        bits = np.random.default_rng(size).integers(0, 256, (size + offset) * np.dtype(dtype).itemsize, np.uint8)
        image = bits.view(dtype)[offset:].reshape(shape)
        for source in (image.transpose(0, 1, 3, 2, 4), image.transpose(1, 3, 0, 2, 4), image.transpose(3, 2, 1, 0, 4)):
            for threads in (1, 2):
                room = np.zeros(size + offset + 1, dtype)
                call("copy", [source], [room[offset:-1].reshape(source.shape)], (), threads)
                assert room[offset:-1].tobytes() == source.tobytes()
                assert not room[:offset].any() and not room[-1]


@pytest.mark.parametrize(("dtype", "together"), [("uint8", 4), ("uint8", 8), ("int16", 2), ("float32", 2)])
@pytest.mark.parametrize("gaps", [(0, 1), (1, 0), (3, 1), (0, 0)])
@pytest.mark.parametrize(("rows", "columns"), [(9, 5), (40, 17), (4, 70), (2, 100), (3, 100)])
def test_elements_that_are_copied_as_one_may_lie_apart_by_no_whole_number_of_them(dtype, together, gaps, rows, columns):
    """Transposed from rows that are longer than what is taken, into rows that are longer than what is written."""
    longer = np.arange(rows * (columns * together + gaps[0])).astype(dtype).reshape(rows, -1)
    step = longer.strides[0], together * longer.itemsize, longer.itemsize
    source = np.lib.stride_tricks.as_strided(longer, (rows, columns, together), step).transpose(1, 0, 2)
    for threads in (1, 2):
        room = np.zeros((columns, rows * together + gaps[1]), dtype)
        step = room.strides[0], together * room.itemsize, room.itemsize
        call("copy", [source], [np.lib.stride_tricks.as_strided(room, source.shape, step)], (), threads)
        np.testing.assert_array_equal(room[:, : rows * together], source.reshape(columns, -1))
        assert not room[:, rows * together :].any()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("columns", [1, 2, 3, 5, 8, 9, 15, 16, 17])
def test_narrow_rows_backwards_apart_and_repeated(dtype, columns):
    """Rows of few elements that are not dense on both sides, more of them than a chunk has, for any threads; gaps stay."""
    for rows in (1, 5, 9, 70, 9000):
        x = (np.arange(2 * rows * 2 * columns) % 120).astype(dtype).reshape(2, rows, 2 * columns)
        backwards, other, repeated = (
            x[:, :, columns - 1 :: -1],
            x[:, :, ::2],
            np.broadcast_to(x[:, :, :1], (2, rows, columns)),
        )
        for source in (backwards, other, repeated, backwards[:, ::-1], other.transpose(1, 0, 2)):
            shape = source.shape
            for threads in (1, 2):
                room = np.zeros((*shape[:2], 2 * shape[2]), dtype)
                call("copy", [source], [room[:, :, ::2]], (), threads)
                np.testing.assert_array_equal(room[:, :, ::2], source)
                assert not room[:, :, 1::2].any()
                np.testing.assert_array_equal(call("copy", [source], [np.zeros(shape, dtype)], (), threads), source)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "int64", "float64", "complex128"])
@pytest.mark.parametrize("row", [1, 2, 3, 16, 17, 63, 64, 65, 1030])
def test_segments_of_rows_in_their_order(dtype, row):
    """Each is rounded as it would be row by row, in segments of one row and of many, with gaps."""
    random = np.random.default_rng(row)
    lengths = [1, 2, 0, 5, 300, 0, 1, 40] if row < 1000 else [1, 3, 0, 2]
    numbers = np.repeat(np.arange(len(lengths)), lengths)
    data = random.integers(0, 100, (len(numbers), row)).astype(dtype)
    data = data if dtype[0] in "ui" else (data / 100 + 0.5).astype(dtype)
    steps = {0: np.add, 3: np.multiply, 4: np.maximum, 5: np.minimum}
    for kind, step in steps.items():
        if kind > 0 and dtype == "complex128":
            continue
        wanted = np.full((len(lengths), row), 1 if kind == 3 else 0, dtype)
        for segment in range(len(lengths)):
            rows = data[numbers == segment]
            wanted[segment] = rows[0] if len(rows) else wanted[segment]
            for more in rows[1:]:
                wanted[segment] = step(wanted[segment], more)
        for index in ("int32", "int64"):
            found = call("segment_reduce", [data, numbers.astype(index)], [np.full(wanted.shape, 7, dtype)], [kind])
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("row", [1, 2, 3, 6, 20])
def test_rows_are_dealt_out_and_put_together(dtype, row):
    random = np.random.default_rng(row)
    for n in (0, 1, 15, 16, 17, 5000):
        data = random.integers(0, 100, (n, row)).astype(dtype)
        numbers = random.integers(0, 3, n)
        places = random.permutation(n)
        for index in ("int32", "int64"):
            for part in range(3):
                wanted = data[numbers == part]
                room = np.full((len(wanted) + 1, row), 77, dtype)
                call("partition_rows", [data, numbers.astype(index)], [room[:-1]], [part])
                np.testing.assert_array_equal(room[:-1], wanted)
                assert (room[-1] == 77).all()
            found = call("stitch_rows", [places.astype(index), data], [np.full((n, row), 77, dtype)])
            np.testing.assert_array_equal(found[places], data)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("shape", [(0,), (1,), (2,), (64,), (65,), (9001,), (5, 3), (300, 40), (7, 600)])
def test_shuffled_rows_are_the_references(dtype, shape, monkeypatch):
    value = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    found = []
    for executor in ("", "reference"):
        monkeypatch.setenv("HOOKLOOP_EXECUTOR", executor)
        with tf.Graph().as_default():
            tf.set_random_seed(3)
            place = tf.placeholder(dtype, [None, *shape[1:]])
            shuffled = tf.random_shuffle(place)
            with tf.Session() as session:
                found.append([session.run(shuffled, {place: value}) for _ in range(2)])
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.skipif(sys.platform != "linux", reason="protects pages by the C library's mprotect")
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "sum_squares"])
def test_halves_are_reduced_as_floats_are(name, dtype):
    """Along rows and columns of few and many, and nothing behind the operand is read."""
    stored = tf.as_dtype(dtype).as_numpy_dtype
    for rows, columns in (
        (1, 1),
        (3, 2),
        (9, 3),
        (5, 7),
        (40, 8),
        (7, 9),
        (3, 15),
        (70, 17),
        (4, 31),
        (5, 1030),
        (300, 5),
    ):
        x = np.random.default_rng(columns).integers(-1, 2, (rows, columns)).astype(stored)
        for axes in ((0,), (1,), (0, 1)):
            mask = [sum(1 << axis for axis in axes)]
            out = np.full([d for axis, d in enumerate(x.shape) if axis not in axes], 7, stored)
            exact = x.astype("float64")
            exact = (exact * exact).sum(axes) if name == "sum_squares" else getattr(np, name)(exact, axes)
            found = call(name, [before_a_wall(x)], [out], mask).astype("float64")
            np.testing.assert_array_equal(found, np.asarray(exact).astype(stored).astype("float64"))
    wide = np.ones((40, 40), stored)
    wide[17, 33] = np.nan
    for axis in (0, 1):
        found = call(name, [wide], [np.zeros(40, stored)], [1 << axis]).astype("float64")
        assert np.flatnonzero(np.isnan(found)).tolist() == [17 if axis else 33]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "float16", "uint64", "int8"])
def test_the_largest_of_rows_of_every_length(dtype):
    """Equal ones in the order of their places, and what is no number last; few of a row, most of it and all, for any threads."""
    random = np.random.default_rng(0)
    is_float = dtype.startswith("float")
    for length in [*range(1, 36), 63, 64, 65, 127, 128, 129, 200, 1023, 1024, 1025]:
        x = random.integers(0, max(2, length // 2), (37, length)).astype(dtype)
        x[0] = np.arange(length) % 100
        if is_float:
            x -= x.dtype.type(length // 4)
            x[1:3, random.integers(0, length, 2)] = np.nan
            x[3, :] = np.nan
            x[4, 0] = -np.inf
        key = np.where(np.isnan(x), np.inf, -x.astype("float64")) if is_float else -x.astype("float64")
        order = np.argsort(np.where(np.isnan(x), np.nan, key) if is_float else key, axis=1, kind="stable")
        for k in sorted({1, 2, min(5, length), (length + 3) // 4, length - 1, length} - {0}):
            if k > length:
                continue
            for threads in (1, 2):
                values, places = np.zeros((37, k), dtype), np.full((37, k), -1, "int32")
                call("top_k", [x], [values, places], (), threads)
                np.testing.assert_array_equal(places, order[:, :k])
                np.testing.assert_array_equal(values, np.take_along_axis(x, order[:, :k], 1))


def test_places_that_int32_cannot_number():
    """They were negative, and elements in front of the row were taken."""
    row = np.empty(2**31, np.uint8)  # whose pages nobody touches
    with pytest.raises(ValueError, match="rows of at most 2147483647 elements are supported, got 2147483648"):
        _core.KernelCall("top_k", [row], [np.empty(2, np.uint8), np.empty(2, np.int32)])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("spread", ["far", "near", "one is far", "half are zeros", "falling"])
def test_the_largest_of_numbers_that_lie_apart(dtype, spread):
    """Upper bits tell most of some apart, and of others none: near ones, or such beside one that is far away."""
    random = np.random.default_rng(1)
    for length in (66, 130, 257, 1000, 4097, 8191, 8192, 9001):
        x = random.normal(size=(3, length)) * 2.0 ** random.integers(0, 20, (3, length))
        if spread == "near":
            x = 2.0**29 + random.integers(0, length, (3, length))
        elif spread == "one is far":
            x = random.integers(0, 5000, (3, length)) * 1.0
            x[:, length // 2] = 2.0**30
        elif spread == "half are zeros":
            x = np.maximum(x, 0)
        elif spread == "falling":
            x = -np.sort(x)
        x = x.astype(dtype)
        order = np.argsort(-x.astype("float64"), axis=1, kind="stable")
        for k in (length, length // 2):
            values, places = np.zeros((3, k), dtype), np.full((3, k), -1, "int32")
            call("top_k", [x], [values, places])
            np.testing.assert_array_equal(places, order[:, :k])
            np.testing.assert_array_equal(values, np.take_along_axis(x, order[:, :k], 1))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint32", "uint64", "float16", "int8"])
def test_values_alone_are_those_with_their_places(dtype):
    """To the bit: zeros of both signs and what is no number, in the order of their places, and the extremes that fill up vectors."""
    random = np.random.default_rng(2)
    bits = f"uint{np.dtype(dtype).itemsize * 8}"
    lengths = [
        1,
        2,
        10,
        23,
        24,
        25,
        31,
        32,
        33,
        47,
        48,
        49,
        63,
        64,
        65,
        79,
        80,
        127,
        128,
        129,
        193,
        257,
        321,
        1000,
        2049,
        8191,
        8192,
        8193,
    ]
    for length in [*lengths, 70000]:
        for kind in ("far", "few", "odd", "rising", "falling"):
            x = random.integers(0, 2**62, (3, length)).astype(bits).view(dtype)
            if dtype.startswith("float"):
                x = random.normal(size=(3, length)).astype(dtype)
            if kind == "few":
                x = random.integers(0, 3, (3, length)).astype(dtype)
            elif kind == "odd":
                odd = [0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1e-42, -1e-42] if dtype.startswith("float") else []
                limits = np.finfo(dtype) if dtype.startswith("float") else np.iinfo(dtype)
                odd = np.array([limits.max, limits.min, *odd], dtype)
                x = np.where(random.random((3, length)) < 0.7, odd[random.integers(0, len(odd), (3, length))], x)
                x[1] = np.where(np.isnan(x[1]), x.dtype.type(1), x[1])
            elif kind in ("rising", "falling"):
                x = np.sort(x)[:, :: -1 if kind == "falling" else 1].copy()
            for k in {length, (length + 1) // 2}:
                both, places = np.zeros((3, k), dtype), np.zeros((3, k), "int32")
                call("top_k", [x], [both, places])
                for threads in (1, 2):
                    alone = np.ones((3, k), dtype)
                    call("top_k", [x], [alone], (), threads)
                    np.testing.assert_array_equal(alone.view(bits), both.view(bits))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_drawn_integers_are_the_references(dtype, monkeypatch):
    found = []
    for executor in ("", "reference"):
        monkeypatch.setenv("HOOKLOOP_EXECUTOR", executor)
        with tf.Graph().as_default():
            tf.set_random_seed(5)
            n = tf.placeholder(tf.int32, [])
            drawn = tf.random_uniform([n], -7, 1000 if dtype == "int32" else 1 << 40, dtype)
            with tf.Session() as session:
                found.append(
                    [session.run(drawn, {n: size}).tolist() for size in (0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 1001)]
                )
    assert found[0] == found[1]


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64", "complex128"])
def test_rows_are_taken_by_one_condition_each(dtype):
    for rows, columns in ((1, 1), (5, 3), (9, 40), (40, 700)):
        x = (np.arange(rows * columns) % 100).astype(dtype).reshape(rows, columns)
        y, one = (x + x.dtype.type(1)).astype(dtype), np.full((1, 1), 101, dtype)
        which = np.random.default_rng(rows).integers(0, 2, (rows, 1)).astype(bool)
        for other in (y, one, y[:, :1], y[:1]):
            wanted = np.where(which, x, other)
            np.testing.assert_array_equal(call("select", [which, x, other], [np.zeros_like(x)]), wanted)
            np.testing.assert_array_equal(call("select", [~which, other, x], [np.zeros_like(x)]), wanted)
            apart = np.zeros((rows, 2 * columns), dtype)
            call("select", [which, x, other], [apart[:, ::2]])
            np.testing.assert_array_equal(apart[:, ::2], wanted)
            assert not apart[:, 1::2].any()


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", "complex128"])
@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize("width", [1, 3, 8, 9, 15, 16, 17, 31, 32, 33, 100])
def test_columns_of_rows(dtype, index, width):
    """Any number of columns, of as many rows as are worth it and of fewer, for any threads, no element behind the last row looked at."""
    random = np.random.default_rng(width)
    for rows in (1, 7, 8, 700):
        x = before_a_wall(random.integers(0, 200, (rows, width)).astype(dtype))
        for count in (1, 5, 8, 16, 17, 40, 130):
            places = random.integers(0, width, count).astype(index)
            for threads in (1, 2):
                room = np.zeros(rows * count + 1, dtype)
                out = room[:-1].reshape(rows, count)
                np.testing.assert_array_equal(call("gather", [x, places], [out], (1, 0), threads), x[:, places])
                assert room[-1] == 0
