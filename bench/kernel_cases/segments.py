"""Rows by segment number: sums of unsorted, sorted and picked ones, maxima, the gradient of means."""

import numpy as np
from kernels import Case

SHAPES = (
    (10_000, 16, 2_000),
    (100_000, 16, 10_000),
    (10_000, 64, 2_000),
    (100_000, 1, 10_000),
)  # rows, width, segments
SUM, MEAN, LARGEST = 0, 1, 4  # kinds of csrc/kernels/segment.c


def cases():
    random = np.random.default_rng(0)
    for rows, width, segments in SHAPES:
        shape = f"{rows}x{width} into {segments}"
        data, out = random.uniform(0.1, 1, (rows, width)).astype(np.float32), np.empty((segments, width), np.float32)
        numbers = random.integers(0, segments, rows).astype(np.int32)
        ascending, picked = np.sort(numbers), random.integers(0, rows, rows).astype(np.int32)
        yield Case(f"unsorted sum, any order {shape}", "unsorted_segment_sum", [data, numbers], [out])
        yield Case(f"unsorted sum, ascending {shape}", "unsorted_segment_sum", [data, ascending], [out])
        yield Case(f"sum {shape}", "segment_reduce", [data, ascending], [out], (SUM,))
        yield Case(f"maximum {shape}", "segment_reduce", [data, ascending], [out], (LARGEST,))
        yield Case(f"sum of picked rows {shape}", "segment_reduce", [data, ascending, picked], [out], (SUM,))
        yield Case(
            f"mean's gradient {shape}", "segment_spread", [out.copy(), ascending, picked], [data.copy()], (MEAN,)
        )
