"""Convolutions by minimal filtering: exact enough, the same for any threads, and infinities where all multiplications put them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookloop import _core

from .test_conv import DIRECT, attributes, check, run, target_size


def directly(kernel, inputs, output, geometry):
    return run(kernel, inputs, output, geometry, flag=DIRECT)


def choice(kernel, inputs, output, geometry, flag=0):
    return _core.KernelCall(kernel, inputs, [output], attributes(geometry, flag)).choice


def same(rows, columns, window):
    return [(size, window, 1, 1, window // 2, window // 2) for size in (rows, columns)]


class Problem:
    """A convolution's operands, by the kernel that takes them."""

    def __init__(self, geometry, batch, channels, columns, dtype="f", seed=0):
        rng = np.random.default_rng(seed)
        self.geometry = geometry
        self.image = rng.standard_normal((batch, *[a[0] for a in geometry], channels)).astype(dtype)
        self.filters = rng.standard_normal((*[a[1] for a in geometry], channels, columns)).astype(dtype)
        self.gradient = rng.standard_normal((batch, *[target_size(a) for a in geometry], columns)).astype(dtype)

    def kernels(self):
        """(kernel, inputs, what the output is like) for each."""
        turned = np.ascontiguousarray(self.filters[::-1, ::-1].swapaxes(-1, -2))
        yield "conv", [self.image, self.filters], self.gradient
        yield "conv_image_gradient", [self.gradient, turned], self.image
        yield "conv_filter_gradient", [self.image, self.gradient], self.filters


AXIS = st.tuples(st.integers(1, 19), st.integers(0, 3), st.integers(0, 3))  # image, zeros before and after


@settings(deadline=None, max_examples=120)
@given(
    st.sampled_from([3, 5]),
    AXIS,
    AXIS,
    st.sampled_from([1, 2, 7]),
    st.sampled_from([8, 16, 17, 33, 64, 130]),
    st.sampled_from([8, 16, 33, 65, 130]),
    st.sampled_from(["f", "f", "d"]),
)
def test_any_image(window, rows, columns, batch, channels, out, dtype):
    geometry = [(image, window, 1, 1, before, after) for image, before, after in (rows, columns)]
    if all(target_size(axis) > 0 for axis in geometry):
        check(geometry, batch, channels, out, dtype)


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize(("batch", "rows", "columns", "window", "channels", "out"), [
    (7, 14, 13, 5, 32, 65),
    (8, 9, 17, 3, 33, 64),
    (5, 16, 7, 3, 130, 48),
    (1, 30, 29, 5, 40, 130),
])  # fmt: skip
def test_images_with_channels_enough(batch, rows, columns, window, channels, out, dtype):
    problem = Problem(same(rows, columns, window), batch, channels, out, dtype)
    for kernel, inputs, output in problem.kernels():
        assert choice(kernel, inputs, np.empty_like(output), problem.geometry).startswith("minimal filtering: 36 ")
    check(problem.geometry, batch, channels, out, dtype)


# Filters that leave the caches when they are transformed: one block of tiles and several, several groups of blocks, parts of vectors.
LARGE = [
    (2, 9, 6, 3, 130, 260, "f"),
    (7, 14, 15, 3, 190, 160, "f"),
    (13, 16, 13, 3, 130, 260, "f"),
    (1, 5, 11, 3, 64, 464, "f"),
    (2, 7, 6, 5, 340, 344, "f"),
    (3, 10, 9, 3, 130, 130, "d"),
]


@pytest.mark.parametrize(("batch", "rows", "columns", "window", "channels", "out", "dtype"), LARGE)
def test_large_filters(batch, rows, columns, window, channels, out, dtype):
    problem = Problem(same(rows, columns, window), batch, channels, out, dtype)
    for kernel, inputs, output in problem.kernels():
        directs = directly(kernel, inputs, np.empty_like(output), problem.geometry)
        ours = run(kernel, inputs, np.full_like(output, np.nan), problem.geometry)
        digits = 100 * np.finfo(dtype).eps * np.abs(directs).max()
        np.testing.assert_allclose(ours, directs, rtol=0, atol=digits, err_msg=kernel)


@pytest.mark.parametrize(("batch", "rows", "columns", "window", "channels", "out", "dtype"), LARGE)
def test_threads_change_nothing_under_large_filters(batch, rows, columns, window, channels, out, dtype):
    problem = Problem(same(rows, columns, window), batch, channels, out, dtype)
    for kernel, inputs, output in problem.kernels():
        alone = run(kernel, inputs, np.full_like(output, np.nan), problem.geometry)
        for threads in (1, 2, 4):
            assert np.array_equal(alone, run(kernel, inputs, np.full_like(output, np.nan), problem.geometry, threads))


@pytest.mark.parametrize("operand", [0, 1])
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_not_finite_stays_in_its_windows_under_large_filters(value, operand):
    problem = Problem(same(9, 14, 3), 3, 130, 260)
    for kernel, inputs, output in problem.kernels():
        changed = [x.copy() for x in inputs]
        changed[operand][tuple(size // 2 for size in changed[operand].shape)] = value
        directs = directly(kernel, changed, np.empty_like(output), problem.geometry)
        assert 0 < np.isfinite(directs).mean() < 1
        agree(run(kernel, changed, np.empty_like(output), problem.geometry), directs)


def test_it_leaves_off_under_a_large_filter():
    problem = Problem(same(28, 28, 3), 4, 130, 260)
    for kernel, inputs, output in problem.kernels():
        whole = run(kernel, inputs, np.empty_like(output), problem.geometry)
        part = np.full_like(output, 77)
        call = _core.KernelCall(kernel, inputs, [part], attributes(problem.geometry), 1)
        with pytest.raises(ValueError, match="status 1"):
            call(polls=0)
        assert (part == 77).any(), kernel
        call()
        assert np.array_equal(whole, part)


def error(values, exact):
    return np.sqrt(np.mean((values - exact) ** 2) / np.mean(exact**2))


@pytest.mark.parametrize("window", [3, 5])
@pytest.mark.parametrize("channels", [16, 64, 256])
def test_the_error_is_near_that_of_all_multiplications(window, channels):
    """Four times it at most where it comes from many terms, and in any case a few units in the last place."""
    problem = Problem(same(14, 12, window), 8, channels, 64)
    wide = Problem(same(14, 12, window), 8, channels, 64)
    for name in ("image", "filters", "gradient"):
        setattr(wide, name, getattr(problem, name).astype("d"))
    for (kernel, inputs, output), (_, wide_inputs, wide_output) in zip(problem.kernels(), wide.kernels(), strict=True):
        exact = directly(kernel, wide_inputs, np.empty_like(wide_output), problem.geometry)
        ours = error(run(kernel, inputs, np.empty_like(output), problem.geometry), exact)
        theirs = error(directly(kernel, inputs, np.empty_like(output), problem.geometry), exact)
        assert ours < max(4 * theirs, 8 * np.finfo("f").eps), (kernel, ours, theirs)


@pytest.mark.parametrize("window", [3, 5])
def test_threads_and_addresses_change_nothing(window):
    problem = Problem(same(13, 18, window), 6, 33, 80)
    for kernel, inputs, output in problem.kernels():
        alone = run(kernel, inputs, np.empty_like(output), problem.geometry)
        for threads in (2, 4):
            together = run(kernel, inputs, np.full_like(output, np.nan), problem.geometry, threads)
            assert np.array_equal(alone, together)
        moved = [np.empty(x.size + 1, x.dtype)[1:].reshape(x.shape) for x in (*inputs, output)]
        for place, x in zip(moved, inputs, strict=False):
            place[...] = x
        assert np.array_equal(alone, run(kernel, moved[:-1], moved[-1], problem.geometry))


def agree(ours, directs):
    for what in (np.isnan, np.isposinf, np.isneginf):
        assert np.array_equal(what(ours), what(directs)), what.__name__
    finite = np.isfinite(directs)
    scale = np.abs(directs[finite]).max(initial=1)
    np.testing.assert_allclose(ours[finite], directs[finite], rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize("window", [3, 5])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("operand", [0, 1])
def test_what_is_not_finite_stays_in_the_windows_that_see_it(window, value, operand):
    problem = Problem(same(14, 18, window), 5, 32, 72)
    for kernel, inputs, output in problem.kernels():
        changed = [x.copy() for x in inputs]
        at = tuple(size // 2 for size in changed[operand].shape)
        changed[operand][at] = value
        changed[operand][tuple(0 for _ in at)] = value
        directs = directly(kernel, changed, np.empty_like(output), problem.geometry)
        assert 0 < np.isfinite(directs).mean() < 1 or operand == 1
        agree(run(kernel, changed, np.empty_like(output), problem.geometry), directs)


@pytest.mark.parametrize("window", [3, 5])
def test_sums_overflow_where_they_do_with_all_multiplications(window):
    """Transforms of numbers near the largest overflow where sums need not, and the other way round nothing is hidden."""
    for scale in (1e37, 3e38):
        problem = Problem(same(14, 18, window), 5, 32, 72)
        problem.image[2, 6, 7, 5] = problem.gradient[1, 3, 4, 5] = scale
        problem.filters *= np.float32(0.25)
        for kernel, inputs, output in problem.kernels():
            directs = directly(kernel, inputs, np.empty_like(output), problem.geometry)
            ours = run(kernel, inputs, np.empty_like(output), problem.geometry)
            assert np.array_equal(np.isfinite(ours), np.isfinite(directs)), (kernel, scale)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kernel", [0, 1, 2])
def test_it_leaves_off_when_it_is_told_to(kernel, threads):
    """Of many blocks, and what it left undone is done the next time."""
    problem = Problem(same(28, 28, 5), 12, 64, 64)
    kernel, inputs, output = list(problem.kernels())[kernel]
    whole = run(kernel, inputs, np.empty_like(output), problem.geometry)
    part = np.full_like(output, 77)
    call = _core.KernelCall(kernel, inputs, [part], attributes(problem.geometry), threads)
    with pytest.raises(ValueError, match="status 1"):
        call(polls=0)
    assert (part == 77).any()
    call()
    assert np.array_equal(whole, part)


def test_it_says_what_it_chooses_and_why():
    problem = Problem(same(14, 18, 3), 5, 32, 72)
    for kernel, inputs, output in problem.kernels():
        out = np.empty_like(output)
        assert choice(kernel, inputs, out, problem.geometry) == (
            "minimal filtering: 36 multiplications instead of 144 for 4 by 4 positions"
        )
        assert "HOOKLOOP_CONVOLUTION=direct asks" in choice(kernel, inputs, out, problem.geometry, DIRECT)
    strided = [(14, 3, 2, 1, 1, 1)] * 2
    problem = Problem(strided, 5, 32, 72)
    for kernel, inputs, output in problem.kernels():
        assert "without strides" in choice(kernel, inputs, np.empty_like(output), strided)
    few = Problem(same(14, 18, 3), 5, 1, 8)
    for kernel, inputs, output in few.kernels():
        assert "so few channels" in choice(kernel, inputs, np.empty_like(output), few.geometry)
