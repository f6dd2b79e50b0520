"""Convolutions and their gradients as kernels: any geometry, with taps beyond the edges skipped or read as zeros."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookloop import _core

AXES = st.tuples(
    st.integers(1, 11),  # image
    st.integers(1, 6),  # window
    st.integers(1, 3),  # stride
    st.integers(1, 3),  # dilation
    st.integers(0, 6),  # zeros before
    st.integers(0, 6),  # and after
)


def windows(image, geometry):
    """The image under each tap at each target position: [batch, targets..., taps..., channels], zeros beyond the edges."""
    padded = np.pad(image, [(0, 0), *[(before, after) for *_, before, after in geometry], (0, 0)])
    found = np.empty(
        (image.shape[0], *[target_size(axis) for axis in geometry], *[axis[1] for axis in geometry], image.shape[-1])
    )
    for tap in itertools.product(*[range(axis[1]) for axis in geometry]):
        cut = [
            slice(j * a[3], j * a[3] + a[2] * (target_size(a) - 1) + 1, a[2])
            for j, a in zip(tap, geometry, strict=True)
        ]
        found[(slice(None), *[slice(None)] * len(geometry), *tap)] = padded[(slice(None), *cut)]
    return found


def target_size(axis):
    image, window, stride, dilation, before, after = axis
    return (image + before + after - (window - 1) * dilation - 1) // stride + 1


DIRECT = 4  # beside the kind of padding: all multiplications


def attributes(geometry, flag=0):
    explicit = 2
    return (
        explicit | flag,
        *[value for _, _, stride, dilation, before, _ in geometry for value in (stride, dilation, before)],
    )


def run(kernel, inputs, output, geometry, threads=1, flag=0):
    _core.KernelCall(kernel, inputs, [output], attributes(geometry, flag), threads)()
    return output


def close(values, exact, terms):
    scale = np.finfo(values.dtype).eps * (terms**0.5 + 4)
    np.testing.assert_allclose(values, exact, rtol=scale, atol=scale * max(1.0, np.abs(exact).max(initial=0)))


def check(geometry, batch, channels, columns, dtype):
    rng = np.random.default_rng(0)
    rank = len(geometry)
    image = rng.standard_normal((batch, *[a[0] for a in geometry], channels)).astype(dtype)
    taps = rng.standard_normal((*[a[1] for a in geometry], channels, columns)).astype(dtype)
    grad = rng.standard_normal((batch, *[target_size(a) for a in geometry], columns)).astype(dtype)
    seen = windows(image.astype("d"), geometry)
    contracted = list(range(rank + 1, 2 * rank + 2))
    exact = np.tensordot(seen, taps.astype("d"), (contracted, list(range(rank + 1))))
    close(run("conv", [image, taps], np.full_like(grad, np.nan), geometry), exact, taps[..., 0].size)
    exact = np.tensordot(seen, grad.astype("d"), (list(range(rank + 1)), list(range(rank + 1))))
    close(run("conv_filter_gradient", [image, grad], np.full_like(taps, np.nan), geometry), exact, grad[..., 0].size)
    exact = image_gradient(image.shape, taps.astype("d"), grad.astype("d"), geometry)
    turned = np.ascontiguousarray(np.flip(taps, range(rank)).swapaxes(-1, -2))
    close(
        run("conv_image_gradient", [grad, turned], np.full_like(image, np.nan), geometry), exact, taps[..., 0, :].size
    )


def image_gradient(shape, taps, grad, geometry):
    padded = np.zeros((shape[0], *[image + before + after for image, *_, before, after in geometry], shape[-1]))
    for tap in itertools.product(*[range(axis[1]) for axis in geometry]):
        cut = [
            slice(j * a[3], j * a[3] + a[2] * (target_size(a) - 1) + 1, a[2])
            for j, a in zip(tap, geometry, strict=True)
        ]
        padded[(slice(None), *cut)] += grad @ taps[tap].T
    return padded[(slice(None), *[slice(before, before + image) for image, *_, before, _ in geometry])]


@settings(deadline=None, max_examples=150)
@given(
    st.lists(AXES, min_size=1, max_size=3).filter(lambda axes: all(target_size(axis) > 0 for axis in axes)),
    st.integers(1, 5),
    st.sampled_from([1, 3, 8, 17, 24]),
    st.sampled_from([1, 5, 16, 33, 64]),
    st.sampled_from(["f", "d"]),
)
def test_any_geometry(geometry, batch, channels, columns, dtype):
    check(geometry, batch, channels, columns, dtype)


@pytest.mark.parametrize("batch", [1, 2, 7, 16])
@pytest.mark.parametrize(("image", "window"), [(4, 3), (7, 5), (14, 5), (6, 9), (31, 3)])
def test_a_window_as_large_as_its_borders(image, window, batch):
    check([(image, window, 1, 1, window // 2, window // 2)] * 2, batch, 32, 48, "f")


@pytest.mark.parametrize("window", [17, 19])  # both sides of the number of spans that edges may have
def test_wide_borders(window):
    check([(40, window, 1, 1, window - 1, window - 1)], 3, 16, 32, "f")


def test_a_window_that_reaches_nothing():
    """Positions in a border wider than the window are zeros."""
    check([(2, 1, 1, 1, 3, 3), (3, 2, 2, 1, 4, 5)], 2, 16, 16, "f")


@pytest.mark.parametrize(("flag", "window", "size"), [(DIRECT, 5, 9), (0, 3, 12)])
def test_taps_beyond_the_edges_are_worth_nothing(flag, window, size):
    """They are multiplied by zeros, or skipped: the same sums to the last bit, whatever else is in the batch. Minimal filtering
    reads zeros there."""
    rng = np.random.default_rng(1)
    border = window // 2
    geometry = [(size, window, 1, 1, border, border)] * 2
    image = rng.standard_normal((12, size, size, 32)).astype("f")
    taps = rng.standard_normal((window, window, 32, 64)).astype("f")
    bare = np.pad(image, [(0, 0), (border, border), (border, border), (0, 0)])
    inside = [(size + 2 * border, window, 1, 1, 0, 0)] * 2
    skipped = run("conv", [image, taps], np.empty((12, size, size, 64), "f"), geometry, flag=flag)
    assert np.array_equal(skipped, run("conv", [bare, taps], np.empty_like(skipped), inside, flag=flag))
    for threads in (2, 4):
        assert np.array_equal(skipped, run("conv", [image, taps], np.empty_like(skipped), geometry, threads, flag))


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize(
    ("batch", "axis", "channels", "columns"),
    [
        (5, (13, 1, 1, 1, 0, 0), 96, 136),  # panels of several images, the last one narrower
        (3, (9, 3, 2, 1, 1, 1), 35, 72),  # tiles of rows that lie in two taps
        (2, (20, 3, 1, 2, 2, 2), 64, 65),
        (7, (6, 5, 1, 1, 2, 2), 40, 264),  # taps that see the image at some positions alone
        (3, (17, 1, 1, 1, 0, 0), 35, 80),  # a wide panel and one of a single vector
        (2, (13, 3, 1, 1, 1, 1), 33, 208),  # three wide panels and one of a single vector
        (2, (40, 1, 1, 1, 0, 0), 70, 64),  # many channels and one panel
        (1, (33, 1, 1, 1, 0, 0), 64, 24),  # of less than all its vectors
        (2, (66, 1, 2, 1, 0, 0), 65, 40),
        (2, (40, 1, 1, 1, 0, 0), 63, 50),
    ],
)
def test_filter_gradients_of_many_columns(batch, axis, channels, columns, dtype):
    """What they read is packed where several panels of columns read it, or one many channels; threads change nothing."""
    geometry = [axis] * 2
    check(geometry, batch, channels, columns, dtype)
    rng = np.random.default_rng(2)
    image = rng.standard_normal((batch, axis[0], axis[0], channels)).astype(dtype)
    grad = rng.standard_normal((batch, target_size(axis), target_size(axis), columns)).astype(dtype)
    found = [
        run(
            "conv_filter_gradient",
            [image, grad],
            np.empty((axis[1], axis[1], channels, columns), dtype),
            geometry,
            threads,
            DIRECT,
        )
        for threads in (1, 2, 4)
    ]
    assert all(np.array_equal(found[0], other) for other in found[1:])


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("channels", "columns"), [(17, 43), (150, 136), (40, 208)])
def test_a_filter_that_many_blocks_read(channels, columns, stride, dtype):
    """It is packed once for all of them, whether or not it stays in the cache; threads change nothing."""
    geometry = [(19, 3, stride, 1, 1, 1)] * 2
    rng = np.random.default_rng(3)
    image = rng.standard_normal((6, 19, 19, channels)).astype(dtype)
    taps = rng.standard_normal((3, 3, channels, columns)).astype(dtype)
    targets = [target_size(axis) for axis in geometry]
    exact = np.tensordot(windows(image.astype("d"), geometry), taps.astype("d"), ([3, 4, 5], [0, 1, 2]))
    found = [
        run("conv", [image, taps], np.empty((6, *targets, columns), dtype), geometry, threads, DIRECT)
        for threads in (1, 2, 4)
    ]
    close(found[0], exact, 9 * channels)
    assert all(np.array_equal(found[0], other) for other in found[1:])


@pytest.mark.parametrize("columns", [24, 37, 136])
def test_an_odd_number_of_vectors_of_columns(columns):
    """The last panel takes the vector that would be left over, in parts of the columns and groups of panels too."""
    for geometry in ([(9, 3, 1, 2, 2, 2)] * 2, [(21, 3, 2, 1, 1, 1)] * 2):
        check(geometry, 5, 70, columns, "f")
        check(geometry, 1, 70, columns // 2, "d")


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("channels", [3, 16, 33, 96])
@pytest.mark.parametrize("columns", [12, 24, 40, 64, 137])
def test_windows_of_one_position(channels, columns, dtype):
    """Their tiles ask for what the next ones read, with and without panels of two vectors; threads change nothing."""
    geometry = [(13, 1, 1, 1, 0, 0)] * 2
    check(geometry, 3, channels, columns, dtype)
    check([(13, 1, 2, 1, 0, 0)] * 2, 3, channels, columns, dtype)
    rng = np.random.default_rng(4)
    image = rng.standard_normal((9, 13, 13, channels)).astype(dtype)
    taps = rng.standard_normal((1, 1, channels, columns)).astype(dtype)
    grad = rng.standard_normal((9, 13, 13, columns)).astype(dtype)
    for kernel, inputs, shape in (
        ("conv", [image, taps], grad.shape),
        ("conv_filter_gradient", [image, grad], taps.shape),
    ):
        found = [run(kernel, inputs, np.empty(shape, dtype), geometry, threads) for threads in (1, 2, 4)]
        assert all(np.array_equal(found[0], other) for other in found[1:])


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_few_columns(columns, dtype):
    """Sums of few columns go along the channels, of several positions together, of which the last may be fewer."""
    for geometry in ([(11, 3, 1, 1, 1, 1)] * 2, [(9, 4, 2, 1, 1, 1)] * 2, [(7, 1, 1, 1, 0, 0)] * 2):
        check(geometry, 3, 37, columns, dtype)
        check(geometry, 1, columns, 19, dtype)


def at_address(array, offset):
    """A copy of the array, so many bytes behind the beginning of a line of the cache."""
    memory = np.empty(array.nbytes + 128, "u1")
    begin = -memory.ctypes.data % 64 + offset
    place = memory[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape)
    place[...] = array
    return place


@pytest.mark.parametrize(("window", "stride", "columns"), [(1, 1, 48), (1, 1, 32), (2, 1, 64), (2, 2, 128), (1, 1, 40)])
def test_targets_of_many_megabytes_at_any_address(window, stride, columns):
    """Such targets go past the cache where they lie as it wants; what they hold does not depend on it, nor on threads."""
    size = 300 * stride
    geometry = [(size, window, stride, 1, 0, window - 1)] * 2
    rng = np.random.default_rng(0)
    image, taps = (
        rng.standard_normal(shape).astype("f") for shape in ((1, size, size, 9), (window, window, 9, columns))
    )
    exact = np.tensordot(windows(image, geometry), taps, ([3, 4, 5], [0, 1, 2])).astype("f")
    assert exact.nbytes >= 8 << 20
    targets = [at_address(np.full_like(exact, np.nan), offset) for offset in (0, 0, 4, 32)]
    for target, threads in zip(targets, (1, 2, 1, 2), strict=True):
        run("conv", [image, taps], target, geometry, threads, DIRECT)
        assert np.array_equal(target, targets[0])
    close(targets[0], exact, 9 * window**2)
    back = [at_address(np.full((1, size, size, columns), np.nan, "f"), offset) for offset in (0, 4)]
    small = rng.standard_normal((1, target_size(geometry[0]), target_size(geometry[0]), 9)).astype("f")
    turned = np.ascontiguousarray(taps[::-1, ::-1])
    for target in back:
        run("conv_image_gradient", [small, turned], target, geometry, 2, DIRECT)
        assert np.array_equal(target, back[0])
    close(
        back[0],
        image_gradient(back[0].shape, taps.swapaxes(-1, -2).astype("d"), small.astype("d"), geometry),
        9 * window**2,
    )
