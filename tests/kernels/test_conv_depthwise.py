"""Convolutions of each channel with a filter of its own as kernels: any geometry, each gradient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .test_conv import AXES, close, image_gradient, run, target_size, windows


def check(geometry, batch, channels, dtype):
    rng = np.random.default_rng(0)
    rank = len(geometry)
    image = rng.standard_normal((batch, *[a[0] for a in geometry], channels)).astype(dtype)
    taps = rng.standard_normal((*[a[1] for a in geometry], channels)).astype(dtype)
    grad = rng.standard_normal((batch, *[target_size(a) for a in geometry], channels)).astype(dtype)
    seen = windows(image.astype("d"), geometry)
    each = tuple(range(rank + 1, 2 * rank + 1))
    exact = np.sum(seen * taps.astype("d"), each)
    close(run("conv_depthwise", [image, taps], np.full_like(grad, np.nan), geometry), exact, taps[..., 0].size)
    wide = grad.astype("d").reshape(*grad.shape[:-1], *[1] * rank, channels)
    exact = np.sum(seen * wide, tuple(range(rank + 1)))
    close(
        run("conv_depthwise_filter_gradient", [image, grad], np.full_like(taps, np.nan), geometry),
        exact,
        grad[..., 0].size,
    )
    diagonal = taps.astype("d")[..., None] * np.eye(channels)
    exact = image_gradient(image.shape, diagonal, grad.astype("d"), geometry)
    gradients = [
        run("conv_depthwise_image_gradient", [grad, taps], np.full_like(image, np.nan), geometry, threads)
        for threads in (1, 2)
    ]
    close(gradients[0], exact, taps[..., 0].size)
    assert np.array_equal(*gradients)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(AXES, min_size=1, max_size=3).filter(lambda axes: all(target_size(axis) > 0 for axis in axes)),
    st.integers(1, 4),
    st.sampled_from([1, 3, 8, 17, 24, 35]),
    st.sampled_from(["f", "d"]),
)
def test_any_geometry(geometry, batch, channels, dtype):
    check(geometry, batch, channels, dtype)


@pytest.mark.parametrize("stride", [2, 3, 50])
@pytest.mark.parametrize("window", [1, 3, 5, 7])
def test_strides(stride, window):
    """The positions of an image fall into phases: some see no tap, and a stride may be larger than the image."""
    check([(23, window, stride, 1, window // 2, window // 2)] * 2, 3, 40, "f")


@settings(deadline=None, max_examples=150)
@given(st.data(), st.integers(1, 9), st.integers(1, 170), st.sampled_from(["f", "d"]))
def test_few_channels(data, channels, width, dtype):
    """Positions of a row with all their channels fill vectors: rows of any length, windows that reach beyond both ends of them."""
    window, dilation = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 3))
    before, after = data.draw(st.integers(0, 20)), data.draw(st.integers(0, 20))
    along = (width, window, 1, dilation, before, after)
    across = (data.draw(st.integers(3, 5)), 3, data.draw(st.integers(1, 2)), 1, 1, 1)
    if target_size(along) > 0:
        check([across, along], 2, channels, dtype)


@pytest.mark.parametrize("window", [16, 17])
def test_few_channels_under_many_taps(window):
    check([(20, window, 1, 1, 8, 8), (90, window, 1, 1, 8, 8)], 1, 1, "f")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("place", [0, 2, 31, 38, 39])
def test_what_is_not_finite_stays_within_its_windows(place, channels):
    """At both ends of a row and inside it; an infinite tap beyond the end is none."""
    image, taps = np.ones((1, 1, 40, channels), "f"), np.ones((1, 5, channels), "f")
    image[0, 0, place, 0] = np.nan
    geometry = [(1, 1, 1, 1, 0, 0), (40, 5, 1, 1, 2, 2)]
    found = run("conv_depthwise", [image, taps], np.empty_like(image), geometry)[0, 0]
    reached = np.abs(np.arange(40) - place) <= 2
    np.testing.assert_array_equal(np.isnan(found[:, 0]), reached)
    assert np.isfinite(found[:, 1:]).all()
    taps[0, 0] = np.inf
    found = run("conv_depthwise", [np.ones_like(image), taps], np.empty_like(image), geometry)[0, 0]
    np.testing.assert_array_equal(np.isinf(found), np.arange(40)[:, None] + np.zeros(channels) >= 2)
