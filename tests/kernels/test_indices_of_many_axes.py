"""gather_nd and scatter_nd, which find the rows of some hundred indices at a time: each depth, ends of blocks, which index is refused."""

import numpy as np
import pytest

from hookloop import _core

COUNTS = (0, 1, 255, 256, 257, 3000)
SHAPE = (7, 5, 6, 3)


def call(kernel, inputs, output, threads=1):
    _core.KernelCall(kernel, list(inputs), [output], [], threads)(1)
    return output


def indices(count, depth, dtype):
    rng = np.random.default_rng(count + depth)
    return np.stack([rng.integers(0, size, count) for size in SHAPE[:depth]], 1).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8"])
@pytest.mark.parametrize("wide", ["int32", "int64"])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_every_depth(depth, wide, dtype):
    x = np.random.default_rng(depth).integers(-50, 50, SHAPE).astype(dtype)
    for count in COUNTS:
        places = indices(count, depth, wide)
        at = tuple(places.T)
        found = call("gather_nd", [x, places], np.full((count, *SHAPE[depth:]), 9, dtype))
        np.testing.assert_array_equal(found, x[at])
        wanted = np.zeros(SHAPE, dtype)
        np.add.at(wanted, at, found)
        summed = call("scatter_nd", [places, found], np.full(SHAPE, 9, dtype))
        np.testing.assert_array_equal(summed, wanted)
        for threads in (2, 4):
            again = call("gather_nd", [x, places], np.full_like(found, 9), threads)
            np.testing.assert_array_equal(again, found)


@pytest.mark.parametrize("kernel", ["gather_nd", "scatter_nd"])
@pytest.mark.parametrize("bad", [-1, 5, 2**31 - 1, -(2**31)])
def test_the_first_index_that_does_not_fit_is_named(kernel, bad):
    for place in (0, 255, 256, 999):
        places = indices(1000, 2, "int32")
        places[place:, 1] = bad
        x, values = np.zeros(SHAPE[:2], "f"), np.zeros(1000, "f")
        inputs = [x, places] if kernel == "gather_nd" else [places, values]
        out = values if kernel == "gather_nd" else x
        with pytest.raises(Exception, match=rf"indices\[{place}\] = \[\d, {bad}\] does not index into"):
            call(kernel, inputs, out)
