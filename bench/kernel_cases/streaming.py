"""What streams: elementwise kernels and functions, reductions, softmax, transposes, rows by index, updates, random numbers."""

import numpy as np
from kernels import Case

from hookloop import _core

N = 1 << 22  # 16 MB of floats: beyond the second cache
SMALL = 1 << 13

FUNCTIONS = (
    "exp",
    "log",
    "log1p",
    "expm1",
    "tanh",
    "sigmoid",
    "softplus",
    "erf",
    "erfc",
    "sin",
    "cos",
    "sqrt",
    "rsqrt",
    "relu",
)
BINARY = ("add", "mul", "div", "pow", "maximum", "tanh_grad", "sigmoid_grad")


def random(*shape, dtype="float32"):
    return np.random.default_rng(0).uniform(0.1, 1, shape).astype(dtype)


def elementwise():
    for dtype in ("float32", "float64"):
        for name in FUNCTIONS:
            yield Case(f"{name} {SMALL} {dtype}", name, [random(SMALL, dtype=dtype)], [random(SMALL, dtype=dtype)])
    for name in ("exp", "tanh", "relu"):
        yield Case(f"{name} {N}", name, [random(N)], [random(N)])
    for name in BINARY:
        yield Case(f"{name} {N}", name, [random(N), random(N)], [random(N)])
    yield Case("add bias 4096x1024", "add", [random(4096, 1024), random(1024)], [random(4096, 1024)])
    yield Case(f"select {N}", "select", [random(N) > 0.5, random(N), random(N)], [random(N)])
    yield Case(f"cast {N} to float64", "cast", [random(N)], [random(N, dtype="float64")])
    yield Case(f"cast {N} to int32", "cast", [random(N)], [np.zeros(N, np.int32)])


def reductions():
    for shape in ((4096, 1024), (1024, 4096), (65536, 64), (64, 65536)):
        text = "x".join(map(str, shape))
        yield Case(f"sum {text}, all", "sum", [random(*shape)], [np.zeros((), np.float32)], [0b11])
        yield Case(f"sum {text}, rows", "sum", [random(*shape)], [np.zeros(shape[0], np.float32)], [0b10])
        yield Case(f"sum {text}, columns", "sum", [random(*shape)], [np.zeros(shape[1], np.float32)], [0b01])
    yield Case("sum 64x256x256, middle", "sum", [random(64, 256, 256)], [np.zeros((64, 256), np.float32)], [0b010])
    yield Case("max 4096x1024, rows", "max", [random(4096, 1024)], [np.zeros(4096, np.float32)], [0b10])


def rows():
    for shape in ((4096, 1024), (65536, 10), (218453, 3)):
        text = "x".join(map(str, shape))
        labels = np.zeros(shape[0], np.int32)
        yield Case(f"softmax {text}", "softmax", [random(*shape)], [random(*shape)])
        yield Case(f"log_softmax {text}", "log_softmax", [random(*shape)], [random(*shape)])
        yield Case(f"sparse cross-entropy {text}", "sparse_softmax_cross_entropy", [random(*shape), labels],
                   [random(shape[0]), random(*shape)])  # fmt: skip
    table, indices = random(50000, 128), np.random.default_rng(1).integers(0, 50000, 20000).astype(np.int32)
    moved = 2 * 20000 * 128 * 4
    yield Case("gather 20000 of 50000x128", "gather", [table, indices], [random(20000, 128)], [0, 0], bytes=moved)
    yield Case("scatter_sub 20000 into 50000x128", "scatter_sub", [table, indices, np.zeros((20000, 128), np.float32)], [],
               bytes=3 * moved // 2)  # fmt: skip
    yield Case("transpose 2048x2048", "copy", [random(2048, 2048).T], [random(2048, 2048)])
    first, last = random(32, 3, 224, 224), random(32, 224, 224, 3)
    yield Case("three channels last", "copy", [first.transpose(0, 2, 3, 1)], [last])
    yield Case("three channels first", "copy", [last.transpose(0, 3, 1, 2)], [first])


def updates():
    one = np.array(0.1, np.float32)
    for name, slots, scalars in (
        ("gradient_descent", 0, 1), ("momentum", 1, 2), ("adagrad", 1, 1), ("rms_prop", 2, 4), ("centered_rms_prop", 3, 4), ("adam", 2, 6),
    ):  # fmt: skip
        states = [random(N) for _ in range(1 + slots)]
        moved = 4 * N * (2 * len(states) + 1)
        yield Case(f"{name} {N}", f"apply_{name}", [*states, random(N), *[one] * scalars], [], [0, 0], bytes=moved)


def numbers():
    for name in ("random_uniform", "random_normal", "truncated_normal"):
        yield Case(f"{name} {SMALL}", name, [_core.StreamCell(1, 2)], [random(SMALL)])


def cases():
    for family in (elementwise, reductions, rows, updates, numbers):
        yield from family()
