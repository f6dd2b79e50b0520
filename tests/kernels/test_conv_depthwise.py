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
