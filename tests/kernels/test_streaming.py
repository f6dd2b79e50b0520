"""What streams: each kernel's ways of going through memory give NumPy's values, on both sides of the sizes where they change."""

import numpy as np
import pytest

import hookloop as tf
from hookloop import _core

DTYPES = ("float32", "float64", "int32", "int64")
REDUCERS = {
    "sum": np.sum,
    "prod": np.prod,
    "max": np.max,
    "min": np.min,
    "sum_squares": lambda x, axis: np.sum(x * x, axis),
}


def numbers(*shape, dtype="float32", seed=0):
    """Small whole numbers: sums and products of theirs are exact in any order."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(dtype)


def aligned(shape, dtype, fill=0, offset=0):
    """An array whose memory begins so many bytes behind a multiple of 64."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.full(size + 128, 0, np.uint8)
    start = -memory.ctypes.data % 64 + offset
    array = memory[start : start + size].view(dtype).reshape(shape)
    array[...] = fill
    return array


def reduced(name, x, axes, threads=1, dtype=None):
    shape = [d for axis, d in enumerate(x.shape) if axis not in axes]
    out = np.full(shape, 7, dtype or x.dtype)
    _core.KernelCall(name, [x], [out], [sum(1 << axis for axis in axes)], threads)(1)
    return out


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REDUCERS)
def test_reduced_rows(name, dtype):
    for columns in (1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 129, 511, 512, 513, 4097):
        for rows in (1, 5, 8, 16, 17):
            x = numbers(rows, columns, dtype=dtype, seed=columns)
            if name == "prod":
                x = np.where(
                    np.arange(columns) % 7, np.sign(x) | 1 if x.dtype.kind == "i" else np.sign(x) + (x == 0), x
                ).astype(dtype)
            np.testing.assert_array_equal(
                reduced(name, x, [1]), REDUCERS[name](x, 1).astype(dtype), f"{rows}x{columns}"
            )


@pytest.mark.parametrize("dtype", ("float16", "float32", "float64"))
@pytest.mark.parametrize("axes", ([0], [1], [0, 2], [1, 2], [2]))
def test_squared_distances_from_centers(dtype, axes):
    """Both ways to go through rows, few columns of which several rows are taken as one, and parts for several threads."""
    sizes = (
        (5, 3, 4),
        (70, 9, 17),
        (9, 600, 7),
        (40, 1, 10),
        (3, 5, 513),
        (1025, 2, 3),
        (1, 130, 64),
        (2, 3, 40000),
        (66, 33, 65),
    )
    for shape in sizes:
        x = numbers(*shape, dtype=dtype, seed=shape[0])
        center = numbers(*(d for axis, d in enumerate(shape) if axis not in axes), dtype=dtype, seed=3)
        distances = (x.astype(float) - np.expand_dims(center.astype(float), axes)) ** 2
        for name, expected in (
            ("sum_distances", distances.sum(tuple(axes))),
            ("mean_distances", distances.mean(tuple(axes))),
        ):
            if dtype == "float16" and expected.max() > np.finfo(dtype).max:
                continue
            found = []
            for threads in (1, 2):
                out = np.full(center.shape, 7, dtype)
                _core.KernelCall(name, [x, center], [out], [sum(1 << axis for axis in axes)], threads)(1)
                found.append(out)
            np.testing.assert_array_equal(found[0], expected.astype(dtype), f"{name} {shape}")
            np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("name", ("sum", "max"))
def test_a_few_long_rows(name):
    """Rows that are cut into parts, each of a row, and such that are too short for that."""
    for rows, columns in ((1, 70000), (2, 65537), (63, 33001), (65, 1024), (512, 129), (513, 128)):
        x = numbers(rows, columns)
        found = [reduced(name, x, [1], threads) for threads in (1, 2)]
        np.testing.assert_array_equal(found[0], REDUCERS[name](x, 1), f"{rows}x{columns}")
        np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ("sum", "max", "min", "sum_squares"))
def test_reduced_columns(name, dtype):
    for columns in (1, 2, 3, 5, 15, 16, 17, 64, 65, 512, 513):
        for rows in (1, 4, 7, 64, 65, 512, 513, 1025):
            x = numbers(rows, columns, dtype=dtype, seed=rows)
            np.testing.assert_array_equal(
                reduced(name, x, [0]), REDUCERS[name](x, 0).astype(dtype), f"{rows}x{columns}"
            )


@pytest.mark.parametrize("name", ("max", "min", "sum"))
@pytest.mark.parametrize("dtype", ("float32", "float64"))
def test_a_nan_is_seen_wherever_it_stands(name, dtype):
    for shape, axis in (
        ((17, 10), 1),
        ((9, 33), 1),
        ((3, 70), 1),
        ((5, 700), 1),
        ((2, 5000), 1),
        ((600, 3), 0),
        ((9, 20), 0),
    ):
        for position in range(0, shape[0] * shape[1], 7):
            x = numbers(*shape, dtype=dtype)
            x.flat[position] = np.nan
            got = reduced(name, x, [axis])
            np.testing.assert_array_equal(got, REDUCERS[name](x, axis), f"{shape} {position}")


@pytest.mark.parametrize("dtype", ("int32", "int64"))
def test_sums_of_integers_wrap(dtype):
    x = np.full((20, 40), np.iinfo(dtype).max, dtype)
    np.testing.assert_array_equal(reduced("sum", x, [1]), x.sum(1, dtype=dtype))
    np.testing.assert_array_equal(reduced("max", x, [0]), x.max(0))


@pytest.mark.parametrize(
    "shape, axes", [((300, 70, 9), [2]), ((300, 70, 9), [0]), ((40, 30, 200), [1]), ((70000, 3), [0])]
)
def test_reductions_do_not_depend_on_threads_or_addresses(shape, axes):
    x = np.random.default_rng(3).normal(size=shape).astype("float32")
    want = reduced("sum", x, axes)
    moved = aligned(shape, "float32", x, offset=4)
    for threads in (1, 2):
        for source in (x, moved):
            np.testing.assert_array_equal(reduced("sum", source, axes, threads), want)
    np.testing.assert_allclose(want, x.sum(tuple(axes), dtype="float64"), rtol=1e-4, atol=1e-3)


def copied(source, offset=0, threads=1):
    out = aligned(source.shape, source.dtype, 7, offset)
    _core.KernelCall("copy", [source], [out], [], threads)(1)
    return out


@pytest.mark.parametrize("dtype", ("float32", "float64", "uint8", "int16"))
def test_transposed_copies(dtype):
    for rows in (1, 2, 3, 4, 7, 8, 15, 16, 17, 64, 65):
        for columns in (1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 64, 67):
            x = (np.arange(rows * columns * 3) % 251).astype(dtype).reshape(3, rows, columns)
            for permutation in ((0, 2, 1), (2, 1, 0), (1, 0, 2)):
                np.testing.assert_array_equal(copied(x.transpose(permutation)), x.transpose(permutation))


@pytest.mark.parametrize("dtype", ("float32", "int32", "float64", "int64", "int16"))
@pytest.mark.parametrize("channels", (2, 3, 4, 5))
def test_channels_first_and_last(dtype, channels):
    """Bits as they are, chunks of pixels and what is left of them, for any threads and at any address; gaps between images stay."""
    for pixels in (1, 3, 7, 8, 9, 15, 16, 17, 33, 2047, 2048, 2049, 4100):
        bits = np.random.default_rng(pixels).integers(
            0, 256, 3 * pixels * channels * np.dtype(dtype).itemsize, np.uint8
        )
        last = bits.view(dtype).reshape(3, pixels, channels)
        first = np.ascontiguousarray(last.transpose(0, 2, 1))
        for offset, threads in ((0, 1), (8, 1), (16, 2)):
            assert copied(last.transpose(0, 2, 1), offset, threads).tobytes() == first.tobytes()
            assert copied(first.transpose(0, 2, 1), offset, threads).tobytes() == last.tobytes()
        for images in (last, first):
            wide = np.zeros((3, images.shape[2] + 2, images.shape[1] + 3), dtype)
            window = wide[:, 1:-1, 2:-1]
            _core.KernelCall("copy", [images.transpose(0, 2, 1)], [window], [], 1)(1)
            assert window.tobytes() == images.transpose(0, 2, 1).tobytes()
            assert not wide[:, 0].any() and not wide[:, :, :2].any() and not wide[:, :, -1].any()


@pytest.mark.parametrize("dtype", ("uint8", "int16", "float32", "float64", "complex128"))
@pytest.mark.parametrize("step", (2, 3, 4, 5, -2, -3))
def test_copies_of_every_so_many_elements(dtype, step):
    """From and to elements that lie apart; what lies between those stays."""
    for count in (1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 63, 65, 130, 1000):
        x = (np.arange(3 * count * abs(step)) % 119).astype(dtype).reshape(3, -1)
        view = x[:, ::step]
        np.testing.assert_array_equal(copied(view), view)
        np.testing.assert_array_equal(copied(view[1]), view[1])
        for source in (view, x[:, :count]):
            wide = np.full((3, count * abs(step)), 119, dtype)
            _core.KernelCall("copy", [source], [wide[:, ::step]], [], 1)(1)
            np.testing.assert_array_equal(wide[:, ::step], source)
            assert (wide == 119).sum() == 3 * count * (abs(step) - 1)


@pytest.mark.parametrize("dtype", ("uint8", "int16"))
def test_transposed_blocks_of_small_elements_leave_what_lies_beside_them(dtype):
    for rows in (8, 9, 15, 16, 17, 24, 63, 64, 65, 72, 80, 129):
        for columns in (8, 9, 15, 16, 17, 31, 40, 65):
            x = np.random.default_rng(rows).integers(0, 99, (2, rows, columns)).astype(dtype)
            for threads in (1, 2):
                wide = np.full((2, columns + 2, rows + 3), 99, dtype)
                window = wide[:, 1:-1, 1:-2]
                _core.KernelCall("copy", [x.transpose(0, 2, 1)], [window], [], threads)(1)
                np.testing.assert_array_equal(window, x.transpose(0, 2, 1))
                assert (wide == 99).sum() == wide.size - x.size


@pytest.mark.parametrize("dtype", ("float32", "float64"))
@pytest.mark.parametrize("columns", (1040, 1041))
def test_transposed_copies_that_the_cache_does_not_hold(dtype, columns):
    rows = (8 << 20) // 1040 // np.dtype(dtype).itemsize
    for more in (-8, 24):
        x = np.arange((rows + more) * columns, dtype=dtype).reshape(columns, rows + more)
        for offset in (0, 16):
            for threads in (1, 2):
                np.testing.assert_array_equal(copied(x.T, offset, threads), x.T)


@pytest.mark.parametrize("dtype", ("float32", "float64"))
@pytest.mark.parametrize("columns", (1024, 1025, 2048, 2050))
def test_transposed_copies_whose_rows_are_pages_apart(dtype, columns):
    """Rows at a multiple of a page and such as are not, whole lines of the cache and what is left of them; nothing else is written."""
    for rows in (1, 3, 16, 31, 65, 130, 2047, 2048, 2064):
        x = aligned((rows, columns), dtype, np.arange(rows * columns).reshape(rows, columns) % 8191)
        for source in (x, aligned(x.shape, dtype, x, 16), aligned(x.shape, dtype, x, np.dtype(dtype).itemsize)):
            wide = np.full((columns, rows + 16), 9000, dtype)
            for part, threads in ((slice(0, rows), 1), (slice(3, rows + 3), 2), (slice(16, rows + 16), 4)):
                wide[...] = 9000
                _core.KernelCall("copy", [source.T], [wide[:, part]], [], threads)(1)
                np.testing.assert_array_equal(wide[:, part], x.T)
                assert (wide == 9000).sum() == wide.size - x.size
            np.testing.assert_array_equal(copied(source.T, 0, 2), x.T)


@pytest.mark.parametrize("dtype", ("uint8", "int16", "float32", "float64", "complex128"))
def test_copies_of_short_rows_backwards_and_of_every_other(dtype):
    size = np.dtype(dtype).itemsize
    for count in sorted(
        {1, 2, 3, 5, *(max(1, b // size) for b in (7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 511, 512, 528))}
    ):
        x = (np.arange(9 * 2 * (count + 3)) % 120).astype(dtype).reshape(9, 2, count + 3)
        for view in (x[:, :, 1 : count + 1], x[::2, :, :count], x[:, 1], x[:, :, ::-1], x[::-1, :, 2:], x[:, :, ::2]):
            np.testing.assert_array_equal(copied(view), view)
        whole = np.zeros((9, count + 4), dtype)
        _core.KernelCall("copy", [x[:, 0, :count]], [whole[:, 2 : count + 2]], [], 1)(1)
        np.testing.assert_array_equal(whole[:, 2 : count + 2], x[:, 0, :count])
        assert not whole[:, :2].any() and not whole[:, count + 2 :].any()


@pytest.mark.parametrize("wide", (np.int32, np.int64))
@pytest.mark.parametrize("dtype", ("uint8", "int16", "float32", "float64"))
def test_gathered_rows(dtype, wide):
    for width in (1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 130):
        for count in (1, 7, 8, 9, 30):
            x = (np.arange(2 * 11 * width) % 250).astype(dtype).reshape(2, 11, width)
            indices = np.random.default_rng(count).integers(0, 11, count).astype(wide)
            out = np.zeros((2, count, width), dtype)
            _core.KernelCall("gather", [x, indices], [out], [1, 0], 1)(1)
            np.testing.assert_array_equal(out, x[:, indices])


@pytest.mark.parametrize("wide", (np.int32, np.int64))
@pytest.mark.parametrize("index", (-1, 11, -(2**31), 2**31 - 1))
@pytest.mark.parametrize("position", (0, 255, 256, 599))
def test_an_index_that_does_not_fit_is_named(wide, index, position):
    indices = np.zeros(600, wide)
    indices[position] = index
    call = _core.KernelCall("gather", [np.zeros((11, 4), "f4"), indices], [np.zeros((600, 4), "f4")], [0, 0], 1)
    with pytest.raises(ValueError, match=rf"indices\[{position}\] = {index} is not in \[0, 11\)"):
        call(1)


def softmax_of(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("dtype", ("float32", "float64"))
def test_softmax_rows_of_every_length(dtype):
    near = {"rtol": 2e-5 if dtype == "float32" else 1e-13, "atol": 1e-6 if dtype == "float32" else 1e-14}
    for columns in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 255, 256, 257, 1000):
        for rows in (1, 3, 8, 15, 16, 17, 40):
            random = np.random.default_rng(columns)
            x = random.normal(0, 3, (rows, columns)).astype(dtype)
            labels, dense = random.integers(0, columns, rows), random.uniform(size=(rows, columns)).astype(dtype)
            want = softmax_of(x.astype("float64"))
            out, loss = np.zeros_like(x), np.zeros(rows, dtype)
            _core.KernelCall("softmax", [x], [out], [], 1)(1)
            np.testing.assert_allclose(out, want, **near)
            _core.KernelCall("log_softmax", [x], [out], [], 1)(1)
            np.testing.assert_allclose(out, np.log(want), rtol=near["rtol"], atol=2 * near["atol"])
            _core.KernelCall("sparse_softmax_cross_entropy", [x, labels], [loss, out], [], 1)(1)
            one_hot = np.arange(columns) == labels[:, None]
            np.testing.assert_allclose(out, want - one_hot, **near)
            np.testing.assert_allclose(loss, -np.log(want[one_hot]), rtol=near["rtol"], atol=2 * near["atol"])
            _core.KernelCall("softmax_cross_entropy", [x, dense], [loss, out], [], 1)(1)
            np.testing.assert_allclose(out, want - dense, **near)
            np.testing.assert_allclose(loss, -(dense * np.log(want)).sum(1), rtol=10 * near["rtol"])


@pytest.mark.parametrize("label", ("int32", "int64"))
@pytest.mark.parametrize("dtype", ("float32", "float64"))
def test_softmax_of_logits_far_apart_and_of_none_that_are_finite(dtype, label):
    """What is far below the largest vanishes; an infinity above, a NaN, and nothing but infinities below give NaN in their rows alone."""
    for columns in (2, 3, 4, 5, 8, 10, 16, 17, 40, 300):
        x = np.random.default_rng(columns).normal(0, 3, (35, columns)).astype(dtype)
        x[0, 1], x[2, 0], x[17, -1], x[20], x[21] = -np.inf, -1e30, -150, -np.inf, 5
        x[3, 1], x[33, 0] = np.inf, np.nan
        labels = (np.arange(35) % columns).astype(label)
        out, loss = np.zeros_like(x), np.zeros(35, dtype)
        with np.errstate(all="ignore"):
            want = softmax_of(x.astype("float64"))
            one_hot = np.arange(columns) == labels[:, None]
            losses = -np.log(want[one_hot])
        _core.KernelCall("softmax", [x], [out], [], 1)(1)
        np.testing.assert_allclose(out, want, rtol=2e-5, atol=1e-37)
        _core.KernelCall("sparse_softmax_cross_entropy", [x, labels], [loss, out], [], 1)(1)
        np.testing.assert_allclose(out, want - one_hot, rtol=2e-5, atol=1e-6)
        np.testing.assert_array_equal(np.isnan(loss), np.isnan(losses))
        finite = np.isfinite(losses)
        np.testing.assert_allclose(loss[finite], losses[finite], rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("columns", (2, 3, 4, 5, 8, 9, 16, 17, 33, 200, 300))
def test_a_row_of_softmax_is_the_same_among_any_others(columns):
    x = np.random.default_rng(0).normal(size=(37, columns)).astype("float32")
    for name in ("softmax", "log_softmax"):
        whole, alone = np.zeros_like(x), np.zeros_like(x)
        _core.KernelCall(name, [x], [whole], [], 2)(1)
        for row in range(len(x)):
            _core.KernelCall(name, [x[row : row + 1]], [alone[row : row + 1]], [], 1)(1)
        np.testing.assert_array_equal(whole, alone)


@pytest.mark.parametrize("columns", (2, 3, 4, 5, 8, 17, 40, 70, 600))
def test_a_row_with_nan_or_nothing_but_minus_infinity_is_nan_as_a_whole(columns):
    for position in range(0, columns, 3):
        x = np.zeros((18, columns), "float32")
        x[3, position] = np.nan
        x[9] = -np.inf
        x[12, position] = -np.inf
        out = np.zeros_like(x)
        for name in ("softmax", "log_softmax"):
            _core.KernelCall(name, [x], [out], [], 1)(1)
            assert np.isnan(out[[3, 9]]).all() and not np.isnan(np.delete(out, [3, 9], 0)).any()
            assert out[12, position] == (0 if name == "softmax" else -np.inf)


@pytest.mark.parametrize("dtype", ("float32", "float64", "int32", "uint8", "int64"))
def test_the_first_of_the_largest_is_found(dtype):
    for columns in (1, 2, 3, 10, 31, 32, 33, 63, 511, 512, 513, 545, 1024, 1500):
        x = np.random.default_rng(columns).integers(0, 100, (21, columns)).astype(dtype)
        for name, function in (("argmax", np.argmax), ("argmin", np.argmin)):
            for axis in (0, 1):
                out = np.full(x.shape[1 - axis], -1)
                _core.KernelCall(name, [x], [out], [axis], 1)(1)
                np.testing.assert_array_equal(out, function(x, axis), f"{columns} {axis}")


def test_a_nan_is_never_the_largest():
    x = np.array([[np.nan, 3, 3, 1], [2, np.nan, 7, np.nan], [np.nan] * 4], "float32")
    out = np.full(3, -1)
    _core.KernelCall("argmax", [x], [out], [1], 1)(1)
    assert out.tolist() == [1, 2, 0]
    for position in (0, 5, 40, 511, 512, 700):
        x = np.arange(3 * 701, dtype="float32").reshape(3, 701) % 350
        x[1, position] = np.nan
        x[2] = np.nan
        out = np.full(3, -1)
        _core.KernelCall("argmax", [x], [out], [1], 1)(1)
        assert out[1] == np.nanargmax(x[1]) and out[2] == 0


@pytest.mark.parametrize("dtype", ("float32", "float64", "int32", "int64"))
@pytest.mark.parametrize("name", ("argmax", "argmin"))
def test_the_best_of_short_rows_at_every_place(name, dtype):
    """Alone, twice, as zeros of both signs, and where all are as bad as none."""
    is_float, sign = dtype.startswith("float"), 1 if name == "argmax" else -1
    limits = (-np.inf, np.inf) if is_float else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    worst, best = limits[::sign]
    for columns in (*range(1, 36), 40, 47, 48, 49, 63, 64, 65, 100, 383, 2047, 2048, 2049):
        places = np.unique(np.append(np.arange(0, columns, 1 + columns // 20), [columns - 1]))
        x = np.full((4 * len(places) + 2, columns), worst, dtype)
        for row, place in enumerate(places):
            x[4 * row, place] = 0
            x[4 * row + 1, place:] = best
            x[4 * row + 2] = -np.dtype(dtype).type(0)
            x[4 * row + 2, place:] = 0
            x[4 * row + 3] = np.nan if is_float else worst
            x[4 * row + 3, place] = sign
        x[-1] = np.nan if is_float else worst
        out = np.full(len(x), -1)
        _core.KernelCall(name, [x], [out], [1], 1)(1)
        expected = np.repeat(places, 4)
        expected[2::4] = 0
        np.testing.assert_array_equal(out, [*expected, 0, 0], f"{columns}")
        for rows in range(min(len(x), 26)):  # groups of rows, and those that are left
            few, narrow = np.full(rows + 1, -1), np.full(rows + 1, -1, "int32")
            _core.KernelCall(name, [x[:rows]], [few[:rows]], [1], 1)(1)
            _core.KernelCall(name, [x[-rows:] if rows else x[:0]], [narrow[:rows]], [1], 1)(1)
            np.testing.assert_array_equal(few, [*out[:rows], -1], f"{columns} {rows}")
            np.testing.assert_array_equal(narrow, [*(out[-rows:] if rows else []), -1], f"{columns} {rows}")


@pytest.mark.parametrize("exclusive", (0, 1))
@pytest.mark.parametrize("reverse", (0, 1))
@pytest.mark.parametrize("dtype", ("float32", "float64", "int32"))
def test_running_totals_add_in_order(exclusive, reverse, dtype):
    for rows in (1, 7, 8, 9, 16, 17):
        for axis in (0, 1):
            x = (np.random.default_rng(rows).normal(size=(rows, 37)) * 100).astype(dtype)
            out = np.zeros_like(x)
            _core.KernelCall("cumsum", [x], [out], [axis, exclusive, reverse], 1)(1)
            lines = (x if axis == 1 else x.T)[:, :: -1 if reverse else 1]
            want = np.zeros_like(lines)
            total = np.zeros(len(lines), dtype)
            for i in range(lines.shape[1]):
                before, total = total, total + lines[:, i]
                want[:, i] = before if exclusive else total
            want = want[:, :: -1 if reverse else 1]
            np.testing.assert_array_equal(out, want if axis == 1 else want.T)


@pytest.mark.parametrize("exclusive", (0, 1))
@pytest.mark.parametrize("reverse", (0, 1))
@pytest.mark.parametrize("dtype", ("float32", "int64"))
def test_running_totals_of_lines_beside_each_other(exclusive, reverse, dtype):
    """Few, which stay in registers, and more than are gone through together; for any threads, and in the operand's own memory."""
    for inner in (1, 2, 3, 4, 5, 16, 17, 511, 512, 513, 1100):
        x = numbers(2, 70, inner, dtype=dtype, seed=inner)
        lines = x[:, ::-1] if reverse else x
        want = np.cumsum(lines, 1, dtype=dtype) - (lines if exclusive else 0)
        want = want[:, ::-1] if reverse else want
        for threads in (1, 2, 4):
            out = np.zeros_like(x)
            _core.KernelCall("cumsum", [x], [out], [1, exclusive, reverse], threads)(1)
            np.testing.assert_array_equal(out, want, f"{inner}")
        out = x.copy()
        _core.KernelCall("cumsum", [out], [out], [1, exclusive, reverse], 1)(1)
        np.testing.assert_array_equal(out, want, f"{inner}")


@pytest.mark.parametrize("dtype", ("float32", "float64", "uint8", "complex128"))
@pytest.mark.parametrize("columns", (1, 2, 3, 10, 31, 64, 65))
def test_short_rows_of_operands_that_do_not_follow_each_other(columns, dtype):
    """A row and a column that are added to all, parts of wider rows, rows backwards, one number; results that pass the cache too."""
    for rows in (3, 90, 700, (9 << 20) // columns // np.dtype(dtype).itemsize if columns in (3, 64) else 5000):
        x = (np.arange(2 * rows * (columns + 3)) % 97).astype(dtype).reshape(2, rows, columns + 3)[:, :, :columns]
        dense = np.ascontiguousarray(x)
        others = [dense[0, 1], dense[:, :, :1], dense[:, ::-1], x, dense[0, 0, :1], dense[:1, :, :1], dense[:, :1]]
        for first, other in ((dense, o) for o in others):
            for threads in (1, 2):
                out = np.zeros_like(dense)
                _core.KernelCall("add", [first, other], [out], [], threads)(1)
                np.testing.assert_array_equal(out, first + other)
        out, which = np.zeros_like(dense), dense[:, :, :1].real % 3 == 0
        _core.KernelCall("select", [which, x, others[0]], [out], [], 1)(1)
        np.testing.assert_array_equal(out, np.where(which, x, others[0]))


@pytest.mark.parametrize("dtype", ("float32", "int32", "float64", "int64", "int16"))
def test_selected_bits_are_as_they_were(dtype):
    """Small integers too, which as floats are no normal numbers; of every length, where an operand is one number, and at any address."""
    for count in (1, 3, 4, 7, 8, 9, 31, 32, 33, 100):
        which = np.random.default_rng(count).integers(0, 3, count).astype("u1").astype(bool)
        a, b = np.arange(1, count + 1).astype(dtype), -np.arange(1, count + 1).astype(dtype)
        for first, second in ((a, b), (a[:1], b), (a, b[:1]), (a[:1], b[:1]), (a[::-1], b)):
            for offset in (0, 8):
                out = aligned((count,), dtype, 0, offset)
                _core.KernelCall("select", [which, first, second], [out], [], 1)(1)
                assert out.tobytes() == np.where(which, first, second).tobytes()


def test_a_zero_divisor_of_short_rows_is_seen():
    x, divisor, out = np.ones((500, 3), "i4"), np.ones((500, 1), "i4"), np.zeros((500, 3), "i4")
    call = _core.KernelCall("div", [x, divisor], [out], [], 1)
    call(1)
    assert out.all()
    divisor[499] = 0
    with pytest.raises(ValueError, match="Integer division by zero"):
        call(1)


@pytest.mark.parametrize("dtype", ("bool", "uint8", "float32", "int64"))
def test_places_of_true_elements(executor, dtype):
    for n in (1, 63, 64, 1023, 1024, 1025, 9000, 70000):
        for share in (0, 3, 100):
            x = (np.random.default_rng(n).integers(0, 100, n) < share).astype(dtype)
            with tf.Graph().as_default(), tf.Session() as session:
                place = tf.placeholder(dtype, [None])
                found, rows = session.run(
                    [tf.where(place), tf.boolean_mask(tf.range(n), place > 0 if dtype != "bool" else place)], {place: x}
                )
            np.testing.assert_array_equal(found, np.argwhere(x))
            np.testing.assert_array_equal(rows, np.flatnonzero(x))


@pytest.mark.parametrize("dtype", ("int32", "int64", "float32"))
def test_distinct_elements_in_the_order_of_their_appearance(executor, dtype):
    for n, values in ((1, 1), (3000, 2047), (3000, 2049), (40000, 30000), (40000, 7)):
        x = np.random.default_rng(n).integers(0, values, n).astype(dtype)
        if dtype == "float32":
            x[x == 5] = np.nan
        with tf.Graph().as_default(), tf.Session() as session:
            place = tf.placeholder(dtype, [None])
            found, index = session.run(tf.unique(place), {place: x})
        np.testing.assert_array_equal(found[index], x)
        seen = x[~np.isnan(x)] if dtype == "float32" else x
        first = np.sort(np.unique(seen, return_index=True)[1])
        np.testing.assert_array_equal(found[~np.isnan(found)] if dtype == "float32" else found, seen[first])
        assert len(found) == len(first) + len(x) - len(seen)


@pytest.mark.parametrize("name", ("random_uniform", "random_normal", "truncated_normal"))
def test_few_random_numbers_are_the_first_of_many(name):
    def draw(n, threads=1):
        out = np.zeros(n, "float32")
        _core.KernelCall(name, [_core.StreamCell(3, 4)], [out], [], threads)(1)
        return out

    many = draw(40000, 2)
    for n in (1, 3, 4, 63, 64, 65, 130, 16384, 16388, 40000):
        np.testing.assert_array_equal(draw(n), many[:n])
    if name != "random_uniform":
        assert abs(many.mean()) < 0.02 and abs(many.std() - (1 if name == "random_normal" else 0.88)) < 0.02


@pytest.mark.parametrize(
    ("dtype", "shape", "wider", "offset"),
    [
        ("float32", (8193, 256), 300, 0),  # whole lines, other lines
        ("float32", (8300, 255), 255 + 64, 4),  # rows too short to pass the cache
        ("float32", (5, 1700, 257), 259, 12),
        ("float64", (3, 3000, 129), 130, 8),
        ("uint8", (8193, 1031), 1100, 3),
        ("float32", (130, 16500), 16501, 0),  # rows longer than a chunk
        ("float32", (2200001,), 2200001, 4),
        ("float32", (2, 1050000), 1050016, 0),
    ],
)
def test_copies_that_pass_the_cache(dtype, shape, wider, offset):
    """Rows into wider rows: all of them arrive, and nothing else is touched, whatever the alignment."""
    x = np.arange(np.prod(shape), dtype=np.uint32).astype(dtype).reshape(shape)
    for threads in (1, 2):
        whole = aligned((*shape[:-1], wider), dtype, 7, offset)
        out = whole[..., : shape[-1]]
        _core.KernelCall("copy", [x], [out], [], threads)(1)
        np.testing.assert_array_equal(out, x)
        assert np.all(whole[..., shape[-1] :] == 7)
        back = aligned(shape, dtype, 0, offset)
        _core.KernelCall("copy", [out], [back], [], threads)(1)
        np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("pairs", [[(0, 0), (1, 2), (3, 0), (0, 0)], [(1, 0), (0, 1), (2, 2), (0, 5)], [(0, 0)] * 4])
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (3, 40, 50, 16), (3, 0, 50, 16)])
def test_borders_of_small_and_large_tensors(shape, pairs, executor):
    x = numbers(*shape)
    for given in (shape, (None, *shape[1:]), (None, None, None, shape[3])):
        with tf.Graph().as_default():
            p = tf.placeholder(tf.float32, given)
            fetches = [tf.pad(p, pairs), tf.pad(p, pairs, constant_values=3), tf.pad(p, pairs) + 1]
            with tf.Session() as session:
                found = session.run(fetches, {p: x})
        for value, expected in zip(found, (0, 3, None)):
            wanted = np.pad(x, pairs, constant_values=expected) if expected is not None else np.pad(x, pairs) + 1
            np.testing.assert_array_equal(value, wanted)


@pytest.mark.parametrize("rows", [200, 2000])
@pytest.mark.parametrize("key", [np.s_[:], np.s_[1:], np.s_[:-3], np.s_[5:4], np.s_[:, 1:-1], np.s_[3:-2, 2:, :5], np.s_[:, 7:9], np.s_[..., 1:], np.s_[4], np.s_[:, 3],
                                 np.s_[:, None, 1:], np.s_[::2, 1:], np.s_[::-1], np.s_[-1:, :, 6]])  # fmt: skip
def test_gradients_of_parts_of_small_and_large_tensors(rows, key, executor):
    """Zeros around the part that was taken, or under it."""
    x = numbers(rows // 10, 9, 70)
    for given in (x.shape, (None, 9, 70), (None, None, 70)):
        with tf.Graph().as_default():
            p = tf.placeholder(tf.float32, given)
            part = p[key]
            weights = numbers(*x[key].shape, seed=3)
            gradient = tf.gradients(part * weights, p)[0]
            with tf.Session() as session:
                found = session.run([gradient, gradient + 1.0], {p: x})
        wanted = np.zeros_like(x)
        wanted[key] = weights
        np.testing.assert_array_equal(found[0], wanted)
        np.testing.assert_array_equal(found[1], wanted + 1)


LIMIT = 8 << 20  # bytes of a result from which on it passes the cache


@pytest.mark.parametrize("offset", [0, 4, 36])
@pytest.mark.parametrize("columns", [1, 3, 64, 255, 1023, 1024, 1025, 2049])
def test_sums_that_pass_the_cache(columns, offset):
    """A matrix and a column, just below the limit and at it, on every number of threads; the result may be the operand's memory."""
    for rows in (LIMIT // (4 * columns) - 1, LIMIT // (4 * columns) + 1):
        x, column = numbers(rows, columns), numbers(rows, 1, seed=1)
        for threads in (1, 2, 4):
            out = aligned((rows, columns), "float32", 9, offset)
            _core.KernelCall("add", [x, column], [out], [], threads)(1)
            np.testing.assert_array_equal(out, x + column)
        own = aligned(x.shape, "float32", x, offset)
        _core.KernelCall("add", [own, column], [own], [], 2)(1)
        np.testing.assert_array_equal(own, x + column)


def test_a_division_by_zero_far_into_a_large_array_is_refused():
    x = np.ones(LIMIT // 4 + 5, np.int32)
    x[-3] = 0
    with pytest.raises(Exception, match="division by zero"):
        _core.KernelCall("div", [x, x], [np.empty_like(x)], [])(1)


@pytest.mark.parametrize("columns", [3, 60, 64, 700, 1024, 5000])
def test_chains_that_pass_the_cache(columns):
    """Two results of one chain, of which one is read on by it; below the limit and beyond."""
    for rows in (LIMIT // (4 * columns) - 1, LIMIT // (4 * columns) + 2):
        with tf.Graph().as_default():
            x, row = tf.placeholder(tf.float32, [None, columns]), tf.placeholder(tf.float32, [columns])
            inner = x * 2.0 + row
            fetches = [inner, tf.maximum(inner, 0.0) - x]
            feed = {x: numbers(rows, columns), row: numbers(columns, seed=1)}
            for threads in (1, 2):
                with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
                    found = session.run(fetches, feed)
                expected = feed[x] * 2 + feed[row]
                np.testing.assert_array_equal(found[0], expected)
                np.testing.assert_array_equal(found[1], np.maximum(expected, 0) - feed[x])


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int16"])
@pytest.mark.parametrize(("rows", "depth"), [(3, 40), (500, 33), (70, 4097), (5, 20000), (90000, 100), (1, 60000)])
def test_one_hot_rows_in_blocks(rows, depth, dtype):
    """Few rows, blocks of rows, rows longer than a block, more than the cache keeps; places that no row has."""
    places = np.random.default_rng(0).integers(-2, depth + 2, rows)
    expected = np.where(np.arange(depth) == places[:, None], 7, 2).astype(dtype)
    on, off = np.array(7, dtype), np.array(2, dtype)
    for index in (np.int32, np.int64):
        for threads, offset in ((1, 0), (2, 8), (4, 24)):
            out = aligned((rows, depth), dtype, 9, offset)
            _core.KernelCall("one_hot", [places.astype(index), on, off], [out], [1], threads)(1)
            np.testing.assert_array_equal(out, expected)
