"""Integer division, casts of 16-bit floats, distinct elements, rows of several matrices, neighbours: what their vectors give."""

import itertools

import numpy as np
import pytest

import hookloop as tf
from hookloop import _core


def call(kernel, inputs, outputs, attributes=(), threads=1):
    _core.KernelCall(kernel, list(inputs), list(outputs), list(attributes), threads)(1)
    return outputs[0]


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
@pytest.mark.parametrize("kernel, expected", [
    ("div", lambda x, y: abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)), ("floor_div", lambda x, y: x // y),
    ("floor_mod", lambda x, y: x % y), ("truncate_mod", lambda x, y: abs(x) % abs(y) * (-1 if x < 0 else 1)),
])  # fmt: skip
def test_integers_divide_as_integers_do(kernel, expected, dtype):
    """The largest ones beside small ones, whose quotients leave nothing to spare in double; one divisor, one dividend, apart."""
    limits = np.iinfo(dtype)
    edges = [limits.min, limits.min + 1, limits.max, limits.max - 1, 0, 1, -1, 2, -2, 3, -3, 7, -7, 46, -46, 100]
    drawn = np.random.default_rng(0).integers(limits.min, limits.max, 21, endpoint=True).tolist()
    numbers = edges + drawn
    x = np.array([a for a in numbers for b in numbers if b], dtype)
    y = np.array([b for a in numbers for b in numbers if b], dtype)
    wanted = np.array([expected(int(a), int(b)) for a, b in zip(x, y)], object)
    wanted = np.array([(int(v) - limits.min) % (limits.max - limits.min + 1) + limits.min for v in wanted], dtype)
    np.testing.assert_array_equal(call(kernel, [x, y], [np.empty_like(x)]), wanted)
    for first in (0, 5, 11):
        one = np.full((), y[first], dtype)
        found = call(kernel, [x, one], [np.empty_like(x)])
        np.testing.assert_array_equal(found, call(kernel, [x, np.full_like(x, one)], [np.empty_like(x)]))
    apart = np.empty_like(x)[::2]
    np.testing.assert_array_equal(call(kernel, [x[::2], y[::2]], [apart]), wanted[::2])


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_one_divisor_for_all_leaves_no_rest_wrong(dtype):
    """Divisors of every width, and one less and more than powers of two; numbers beside their multiples and at the ends."""
    limits, rng = np.iinfo(dtype), np.random.default_rng(1)
    bits = np.dtype(dtype).itemsize * 8
    divisors = sorted(
        {d for b in range(1, bits - 1) for d in (2**b - 1, 2**b, 2**b + 1)} | {3, 7, 10, 1000, limits.max}
    )
    for d in divisors:
        m = [int(v) // d * d for v in rng.integers(limits.min, limits.max, 40)]
        near = [v + e for v in (*m, 0, limits.min, limits.max, d, -d) for e in (-1, 0, 1)]
        near = [v for v in near if limits.min <= v <= limits.max]
        x, one = np.array(near, dtype), np.array(d, dtype)
        assert len(x) >= 64  # from where on a factor is looked for
        for kernel, wanted in (("floor_div", [v // d for v in near]), ("floor_mod", [v % d for v in near])):
            np.testing.assert_array_equal(call(kernel, [x, one], [np.empty_like(x)]), wanted)
            np.testing.assert_array_equal(call(kernel, [x[:9], one], [np.empty(9, dtype)]), wanted[:9])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_small_unsigned_integers_divide(dtype):
    top = np.iinfo(dtype).max
    drawn = np.random.default_rng(2).integers(0, top, 200, endpoint=True)
    numbers = np.unique(np.concatenate([np.arange(40), top - np.arange(40), drawn]))
    x, y = (a.ravel().astype(dtype) for a in np.meshgrid(numbers, numbers[1:]))
    for kernel, wanted in (("div", x // y), ("floor_div", x // y), ("floor_mod", x % y), ("truncate_mod", x % y)):
        np.testing.assert_array_equal(call(kernel, [x, y], [np.empty_like(x)]), wanted)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_shifts_are_by_as_many_bits_as_there_are(dtype):
    """By fewer than none is by none, by more than all but one by all but one: as in TensorFlow."""
    limits, bits = np.iinfo(dtype), np.dtype(dtype).itemsize * 8
    numbers = [0, 1, 5, limits.max, limits.max - 9, limits.min, limits.min + 3]
    by = [0, 1, bits - 2, bits - 1, bits, 100, limits.max, *([-1, limits.min] if limits.min else [])]
    x, y = (np.array(v, dtype) for v in zip(*((a, b) for a in numbers for b in by)))
    kept = [min(max(int(b), 0), bits - 1) for b in y]
    left = [((int(a) << b) - limits.min) % 2**bits + limits.min for a, b in zip(x, kept)]
    np.testing.assert_array_equal(call("left_shift", [x, y], [np.empty_like(x)]), np.array(left, dtype))
    right = [int(a) >> b for a, b in zip(x, kept)]
    np.testing.assert_array_equal(call("right_shift", [x, y], [np.empty_like(x)]), np.array(right, dtype))


@pytest.mark.parametrize("kernel", ["div", "floor_div", "floor_mod", "truncate_mod"])
@pytest.mark.parametrize("place", [0, 16, 40])
def test_a_zero_among_divisors_is_refused(kernel, place):
    y = np.ones(41, np.int32)
    y[place] = 0
    for divisor in (y, np.repeat(y, 2)[::2]):
        with pytest.raises(Exception, match="division by zero"):
            call(kernel, [np.ones(41, np.int32), divisor], [np.empty(41, np.int32)])


def test_every_half_is_the_float_that_it_says():
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    found = call("cast", [halves], [np.empty(1 << 16, np.float32)])
    np.testing.assert_array_equal(found, halves.astype(np.float32))
    back = call("cast", [found], [np.empty(1 << 16, np.float16)])
    np.testing.assert_array_equal(back, halves)


@pytest.mark.parametrize("n", [1, 7, 8, 15, 16, 17, 33])
def test_floats_round_to_the_nearest_half(n):
    """Ties to even, subnormal halves, what rounds to infinity, as many as fill vectors and more."""
    values = [
        1 + 2**-11,
        1 + 3 * 2**-11,
        2**-24,
        2**-25,
        3 * 2**-26,
        65519.9,
        65520,
        -1e9,
        np.inf,
        np.nan,
        -0.0,
        6e-8,
        1e-40,
    ]
    x = np.resize(np.array(values, np.float32), n)
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16)
    np.testing.assert_array_equal(call("cast", [x], [np.empty(n, np.float16)]), expected)
    spread = np.repeat(x, 3)[::3]
    np.testing.assert_array_equal(call("cast", [spread], [np.empty(n, np.float16)]), expected)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("n, values", [(1, 1), (20, 3), (300, 1000), (200000, 150), (200000, 90000)])
def test_distinct_elements_are_numbered_as_they_come(dtype, n, values):
    """Few, and so many that the table grows twice."""
    x = np.random.default_rng(n).integers(0, values, n).astype(dtype)
    _, first, inverse = np.unique(x, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    np.testing.assert_array_equal(call("unique_index", [x], [np.empty(n, np.int32)], [0]), order[inverse])


def assert_is_spread(x):
    """A search goes over no more places of the table than lie together taken: of places drawn at random that are 50 or so."""
    found = np.empty(len(x), np.int32)
    kernel = _core.KernelCall("unique_index", [x], [found], [0])
    kernel()
    np.testing.assert_array_equal(found, np.arange(len(x)))
    places = 1 << (2 * len(x) - 1).bit_length()  # of an element's bits and number each
    table = np.frombuffer(kernel.scratch_bytes(), np.uint64, 2 * places).reshape(places, 2)
    free = np.flatnonzero(table[:, 1] == 0)
    assert len(free) == places - len(x)
    assert np.diff(free, append=free[0] + places).max() < 500


@pytest.mark.parametrize("scale", [1, 2.0**-1000, 2.0**40, 2**-20 / 3])
def test_whole_numbers_as_doubles_are_all_over_the_table(scale):
    """Their lower bits are all 0: a table that went by those searched through all that it held."""
    assert_is_spread(np.random.default_rng(0).permutation(40000) * scale)


@pytest.mark.parametrize("step", [28657, 1346269, pow(0x9E3779B97F4A7C15, -1, 1 << 64), 1 << 44])
def test_numbers_at_any_distance_are_all_over_the_table(step):
    """Multiples of Fibonacci's numbers, and what a single factor makes neighbours of: they were all in one place of the table."""
    assert_is_spread((np.arange(40000, dtype="uint64") * np.uint64(step)).view("int64"))


def test_numbers_that_were_chosen_for_one_place_of_the_table_are_all_over_it():
    """Worked back from numbers of equal upper bits through the products that say where a search begins."""
    places = np.arange(40000, dtype="uint64") + np.uint64(5 << 40)
    first, second = (np.uint64(pow(factor, -1, 1 << 64)) for factor in (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93))
    mixed = places * second
    assert_is_spread(((mixed ^ mixed >> np.uint64(32)) * first).view("int64"))


def test_zeros_of_both_signs_are_one_element_and_no_number_is_another():
    x = np.array([0.0, np.nan, -0.0, np.nan, 1, np.nan, 0, 1], np.float32)
    found = call("unique_index", [x], [np.empty(8, np.int32)], [0])
    np.testing.assert_array_equal(found, [0, 1, 0, 2, 3, 4, 0, 3])


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize(
    "outer, count, inner", [(1, 5, 1), (2, 5, 1), (7, 1, 1), (70, 100, 1), (70, 3, 2), (9, 130, 3), (70, 64, 8)]
)
def test_rows_of_several_matrices(outer, count, inner, index, dtype):
    rng = np.random.default_rng(count)
    params = rng.integers(0, 200, (outer, 50, inner)).astype(dtype)
    indices = rng.integers(0, 50, count).astype(index)
    for threads in (1, 2):
        found = call("gather", [params, indices], [np.empty((outer, count, inner), dtype)], [1, 0], threads)
        np.testing.assert_array_equal(found, params[:, indices])


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("channels, radius", [(1, 0), (1, 3), (5, 5), (15, 2), (16, 2), (17, 40), (64, 5), (67, 1)])
def test_neighbouring_channels(channels, radius, dtype):
    rng = np.random.default_rng(channels)
    x, g = rng.uniform(0.2, 1, (37, channels)).astype(dtype), rng.uniform(0.2, 1, (37, channels)).astype(dtype)
    near = np.abs(np.subtract.outer(np.arange(channels), np.arange(channels))) <= radius
    exact, slope = x.astype(float), g.astype(float)
    norm = 1.5 + 0.3 * exact**2 @ near
    settings = (radius, 1.5, 0.3, 0.75)
    tolerance = {"rtol": 2e-6} if dtype == "float32" else {"rtol": 2e-3}
    for threads in (1, 2):
        y = call("lrn", [x], [np.empty_like(x)], settings, threads)
        np.testing.assert_allclose(y, exact * norm**-0.75, **tolerance)
        dx = call("lrn_gradient", [g, x, y], [np.empty_like(x)], settings, threads)
        expected = slope * norm**-0.75 - 2 * 0.3 * 0.75 * exact * ((slope * y.astype(float) / norm) @ near)
        np.testing.assert_allclose(dx, expected, atol=20 * tolerance["rtol"])


def of_windows(x, taps, stride, dilation, before):
    """What each tap of the windows sees along rows and columns: [taps, taps, batch, rows, columns, channels], 0 outside."""
    size = [(d + stride - 1) // stride for d in x.shape[1:3]]
    reach = (taps - 1) * dilation + max(x.shape)
    wide = np.pad(x, [(0, 0), (before, reach + 9), (before, reach + 9), (0, 0)])
    rows, columns = (stride * np.arange(n) for n in size)
    return np.array([
        [wide[:, (rows + i * dilation)[:, None], (columns + j * dilation)[None]] for j in range(taps)] for i in range(taps)
    ])  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 2, 3, 9])
@pytest.mark.parametrize("taps, stride, dilation", [(1, 1, 1), (3, 1, 1), (3, 2, 1), (2, 1, 3), (5, 1, 1)])
def test_channels_with_filters_of_their_own(taps, stride, dilation, size, dtype):
    """One position and several side by side, at the borders and inside; channels of a lane to several vectors."""
    for channels in (1, 7, 16, 33, 64, 65, 131):
        rng = np.random.default_rng(channels)
        x = rng.integers(-3, 4, (2, size, size + 2, channels)).astype(dtype)
        f = rng.integers(-3, 4, (taps, taps, channels)).astype(dtype)
        before = (taps - 1) * dilation // 2
        seen = of_windows(x, taps, stride, dilation, before)
        expected = (seen * f[:, :, None, None, None]).sum((0, 1))
        attributes = (2, *(stride, dilation, before) * 2)
        found = [call("conv_depthwise", [x, f], [np.empty(expected.shape, dtype)], attributes, n) for n in (1, 2)]
        np.testing.assert_array_equal(found[0], expected)
        np.testing.assert_array_equal(found[0], found[1])
        # the gradient is right where <gradient(g), x> = <g, convolution(x)> for any x and g: here for each element of x
        g = rng.integers(-3, 4, expected.shape).astype(dtype)
        places = np.arange(x.size, dtype=float).reshape(x.shape) + 1
        at = of_windows(places, taps, stride, dilation, before).astype(int)
        summed = np.bincount(at.ravel(), (g * f[:, :, None, None, None]).ravel(), x.size + 1)[1:].reshape(x.shape)
        found = [call("conv_depthwise_image_gradient", [g, f], [np.empty_like(x)], attributes, n) for n in (1, 2)]
        np.testing.assert_array_equal(found[0], summed)
        np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("taps, stride, dilation", [(1, 1, 1), (3, 1, 1), (3, 2, 1), (2, 1, 3), (5, 1, 1), (5, 3, 1)])
def test_convolutions_to_few_channels(taps, stride, dilation, dtype):
    """As many channels as vectors go along those before for, and more; channels that end within a vector; sums in several groups."""
    for channels, columns, size in (
        (16, 1, 9),
        (17, 2, 4),
        (40, 3, 6),
        (33, 4, 5),
        (64, 5, 3),
        (8, 1, 7),
        (7, 2, 9),
        (300, 2, 3),
    ):
        rng = np.random.default_rng(channels)
        x = rng.integers(-3, 4, (3, size, size + 2, channels)).astype(dtype)
        f = rng.integers(-3, 4, (taps, taps, channels, columns)).astype(dtype)
        before = (taps - 1) * dilation // 2
        attributes = (2, *(stride, dilation, before) * 2)
        expected = np.sum(
            of_windows(x, taps, stride, dilation, before).astype(int) @ f[:, :, None, None].astype(int), (0, 1)
        )
        found = [call("conv", [x, f], [np.empty(expected.shape, dtype)], attributes, n) for n in (1, 2)]
        np.testing.assert_array_equal(found[0], expected)
        np.testing.assert_array_equal(found[0], found[1])
        # the gradient of an image of few channels: each tap gives what it saw its share
        image = np.zeros((3, size, size + 2, columns), dtype)
        g = rng.integers(-3, 4, (*expected.shape[:3], channels)).astype(dtype)
        places = np.arange(image.size, dtype=float).reshape(image.shape) + 1
        at = of_windows(places, taps, stride, dilation, before).astype(int)
        shares = g.astype(int) @ f[:, :, None, None].astype(int)
        summed = np.bincount(at.ravel(), shares.ravel(), image.size + 1)[1:].reshape(image.shape)
        turned = np.ascontiguousarray(f[::-1, ::-1])
        found = [call("conv_image_gradient", [g, turned], [np.empty_like(image)], attributes, n) for n in (1, 2)]
        np.testing.assert_array_equal(found[0], summed)
        np.testing.assert_array_equal(found[0], found[1])


def plain_depthwise(image, filters, dilation, before):
    n, height, width, channels = image.shape
    window = filters.shape[0]
    padded = np.zeros((n, height + window * dilation, width + window * dilation, channels))
    padded[:, before : before + height, before : before + width] = image
    total = np.zeros(image.shape)
    for i, j in itertools.product(range(window), repeat=2):
        rows, columns = i * dilation, j * dilation
        total += padded[:, rows : rows + height, columns : columns + width] * filters[i, j]
    return total


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("window", "dilation"), [(2, 1), (3, 1), (3, 2), (4, 1), (5, 1), (7, 1)])
@pytest.mark.parametrize("width", [1, 3, 6, 7, 10, 19])
def test_single_channels_of_all_windows(width, window, dilation, dtype):
    """Positions whose windows follow each other go together, in the middle of a row and not at its ends."""
    random = np.random.default_rng(window)
    span = (window - 1) * dilation
    for channels in (1, 5, 16, 33, 64, 97, 128):
        image = random.standard_normal((2, 5, width, channels)).astype(dtype)
        filters = random.standard_normal((window, window, channels)).astype(dtype)
        for kernel, taps, before in (
            ("conv_depthwise", filters, span // 2),
            ("conv_depthwise_image_gradient", filters[::-1, ::-1], span - span // 2),
        ):
            out = np.full_like(image, 9)
            _core.KernelCall(kernel, [image, filters], [out], [1, *(1, dilation, 0) * 2])()
            expected = plain_depthwise(image, taps, dilation, before)
            np.testing.assert_allclose(out, expected, atol=200 * np.finfo(dtype).eps)


@pytest.mark.parametrize("columns", [1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 127, 128, 129, 136, 200])
def test_one_element_decides_whether_any_or_all_are_true(columns):
    """At every place of a row, in bytes that are 1 and such that are not."""
    x = np.zeros((columns + 2, columns), np.uint8)
    np.fill_diagonal(x, 1)
    x[:columns:3] *= 128
    x[-1] = 1
    cases = [("any", x != 0, (x != 0).any(1)), ("all", x == 0, (x == 0).all(1)), ("any", x.view(bool), (x != 0).any(1))]
    for kernel, flags, expected in cases:
        np.testing.assert_array_equal(call(kernel, [flags], [np.empty(columns + 2, bool)], [2]), expected)


SHORT_AXES = [
    (40, 7, 2),
    (300, 3, 1, 5),
    (9, 8, 8),
    (2, 256, 2),
    (3, 257, 2),
    (700, 2),
    (5, 4, 3, 2, 6),
    (130, 64, 8),
    (17, 33, 65),
]


def spread(shape, kept, dtype, seed):
    """Numbers that are the same along the axes that are not kept."""
    rng = np.random.default_rng(seed)
    return rng.integers(-9, 9, [d if k else 1 for d, k in zip(shape, kept)]).astype(dtype)


@pytest.mark.parametrize("shape", SHORT_AXES, ids=str)
@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "float64"])
def test_short_axes_together_have_the_numbers_of_each(dtype, shape):
    """Operands that are the same along any of the axes, that lie transposed, apart or backwards; results that lie apart."""
    for pattern in range(1 << len(shape)):
        kept = [pattern >> i & 1 for i in range(len(shape))]
        x, y = spread(shape, kept, dtype, 0), spread(shape, [not k for k in kept], dtype, 1)
        for threads in (1, 2):
            found = call("sub", [x, y], [np.empty(shape, dtype)], (), threads)
            np.testing.assert_array_equal(found, np.broadcast_to(x - y, shape))
    full, row = spread(shape, [1] * len(shape), dtype, 2), spread(shape, [0] * (len(shape) - 1) + [1], dtype, 3)
    turned = np.asarray(full.T.copy().T)
    backwards, apart = full[:, ::-1], np.repeat(full, 2, -1)[..., ::2]
    for x in (full, turned, backwards, apart):
        np.testing.assert_array_equal(call("sub", [x, row], [np.empty(shape, dtype)]), x - row)
        np.testing.assert_array_equal(call("less", [row, x], [np.empty(shape, bool)]), row < x)
        wide = np.zeros((*shape[:-1], shape[-1] + 1), dtype)
        call("sub", [x, row], [wide[..., :-1]])
        np.testing.assert_array_equal(wide[..., :-1], x - row)
        assert not wide[..., -1].any()


@pytest.mark.parametrize("shape", SHORT_AXES, ids=str)
def test_chains_over_short_axes_have_the_numbers_of_each(shape, executor):
    """Squares of differences, with a factor for some axes; one result is a part of a concatenation."""
    first = [i == 0 for i in range(len(shape))]
    x, y, z = (
        spread(shape, kept, "f", i)
        for i, kept in enumerate(([a or b for a, b in zip(first, first[::-1])], [not f for f in first], first))
    )
    tensors = [tf.placeholder(tf.float32, [None] * len(shape)) for _ in range(3)]
    squares = tf.square(tensors[0] - tensors[1])
    fetches = [squares * tensors[2] + tensors[1], tf.concat([squares + tensors[0], tf.zeros_like(squares)], -1)]
    for threads in (1, 2):
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
            scaled, joined = session.run(fetches, dict(zip(tensors, (x, y, z))))
        np.testing.assert_array_equal(scaled, (x - y) ** 2 * z + y)
        np.testing.assert_array_equal(joined, np.concatenate([(x - y) ** 2 + x, np.zeros(shape, "f")], -1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 9, 16, 17])
def test_sums_of_few_products_are_rounded_one_by_one(n, dtype):
    """Rows before and behind those of a unit; squares; rows that lie apart; what is not finite, and zeros of both signs."""
    rng = np.random.default_rng(n)
    special = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1], dtype)
    for rows in (2, 15, 511, 513, 1100):
        wide = rng.integers(-512, 512, (2, rows, n + 1)).astype(dtype)  # no sum is rounded
        x, y = (np.ascontiguousarray(w[:, :n]) for w in wide)
        for a, b in ((x, y), (x, x), (wide[0, :, :n], y), (wide[0, :, :n], wide[1, :, 1:])):
            for threads in (1, 2):
                found = call("product_sum", [a, b], [np.empty(rows, dtype)], [2], threads)
                np.testing.assert_array_equal(found, (a * b).sum(1))
        x[rng.integers(0, rows, rows // 2)] = rng.choice(special, (rows // 2, n))
        found = call("product_sum", [x, y], [np.empty(rows, dtype)], [2])
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(found, (x * y).sum(1) + 0)
        assert not np.signbit(found[found == 0]).any()
    third = np.array(1 / 3, dtype)
    if n <= 2:
        thirds = np.full((600, n), third)
        np.testing.assert_array_equal(
            call("product_sum", [thirds, thirds], [np.empty(600, dtype)], [2]), n * (third * third)
        )


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 8, 9])
def test_sums_of_rows_of_few(n, dtype):
    """Few rows and many, of integers that no sum rounds; zeros of both signs; rows of several matrices."""
    rng = np.random.default_rng(n)
    for rows in (1, 3, 4, 15, 17, 600):
        x = rng.integers(-9, 9, (rows, n)).astype(dtype)
        for threads in (1, 2):
            np.testing.assert_array_equal(call("sum", [x], [np.empty(rows, dtype)], [2], threads), x.sum(1, dtype))
        cube = np.stack([x, -x, x])
        np.testing.assert_array_equal(call("sum", [cube], [np.empty((3, rows), dtype)], [4]), cube.sum(2, dtype))
    if dtype == "float32":
        special = rng.choice(np.array([-0.0, 0, np.inf, np.nan, 2], dtype), (600, n))
        np.testing.assert_array_equal(call("sum", [special], [np.empty(600, dtype)], [2]), special.sum(1))
