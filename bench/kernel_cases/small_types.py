"""16-bit floats and integers, 10,000 elements that the first cache nearly holds; rows of numbers sorted."""

import numpy as np
from kernels import Case

N = 10_000
HALVES = ("add", "maximum", "less", "relu", "abs", "sqrt")
DIVISIONS = ("floor_div", "floor_mod")


def elements(dtype, *shape):
    random = np.random.default_rng(0)
    kind = np.dtype(dtype).kind
    return (random.integers(1, 100, shape) if kind in "iu" else random.standard_normal(shape)).astype(dtype)


def halves():
    x = np.abs(elements(np.float16, N))
    for kernel in HALVES:
        inputs = [x, x[::-1].copy()] if kernel in ("add", "maximum", "less") else [x]
        yield Case(f"{kernel} float16", kernel, inputs, [np.empty(N, bool if kernel == "less" else np.float16)])


def integers():
    for dtype in ("int32", "int64"):
        for kernel in DIVISIONS:
            inputs = [elements(dtype, N), np.array(7, dtype)]
            yield Case(f"{kernel} by 7 {dtype}", kernel, inputs, [np.empty(N, dtype)])
    yield Case("floor_div uint8", "floor_div", [elements("uint8", N), elements("uint8", N)], [np.empty(N, np.uint8)])
    shifts = elements("int32", N) % 31
    yield Case("left_shift int32", "left_shift", [elements("int32", N), shifts], [np.empty(N, np.int32)])


def sorts():
    for shape in ((10, 1000), (100, 100)):
        for dtype in ("float32", "float64", "int32", "int64"):
            rows = (elements(np.float64, *shape) * 2**28).astype(dtype)
            outputs = [np.empty(shape, dtype), np.empty(shape, np.int32)]
            yield Case(f"sort {shape[0]}x{shape[1]} {dtype}", "top_k", [rows], outputs, (1,))


def cases():
    yield from halves()
    yield from integers()
    yield from sorts()
