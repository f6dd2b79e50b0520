"""Matrix products: square, narrow, tiny and odd sizes, transposed, batched, with epilogues."""

import itertools

import numpy as np
from kernels import Case

from hookloop.compile.epilogue import Step

SQUARE = (16, 32, 64, 65, 128, 256, 257, 512, 1000, 1024)
NARROW = (
    (32, 10, 1), (1, 10, 32), (10, 32, 1), (1, 128, 128), (64, 128, 10), (128, 64, 10), (64, 10, 128), (1024, 1024, 1), (1, 1024, 1024),
    (4, 4, 4), (2, 3, 2), (256, 32, 1), (64, 784, 128), (784, 64, 128), (512, 1024, 10), (50, 128, 512), (128, 50, 512), (7, 1000, 13),
)  # fmt: skip


def random(shape, dtype="float32"):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(dtype)


def product(m, k, n, transpose_a=False, transpose_b=False, dtype="float32", batch=(), steps=(), note=""):
    """steps: (Step, operand or None)."""
    a = random((*batch, *((k, m) if transpose_a else (m, k))), dtype)
    b = random((*batch, *((n, k) if transpose_b else (k, n))), dtype)
    name = f"{'x'.join(map(str, (*batch, m, k, n)))}{' aT' * transpose_a}{' bT' * transpose_b} {note}".rstrip()
    operands = [operand for _, operand in steps if operand is not None]
    attributes = [transpose_a, transpose_b, *itertools.chain(*((int(s), 0.0) for s, _ in steps))]
    out = np.zeros((*batch, m, n), dtype)
    flops = 2 * m * k * n * int(np.prod(batch))
    name = f"{name} {dtype}" if dtype != "float32" else name
    return Case(name, "matmul", [a, b, *operands], [out], attributes, flops, dtype=dtype)


def cases():
    for size in SQUARE:
        yield product(size, size, size)
    for size in (256, 1000):
        for transposes in ((True, False), (False, True), (True, True)):
            yield product(size, size, size, *transposes)
    for shape in NARROW:
        yield product(*shape)
    for shape in (
        (64, 784, 128),
        (784, 64, 128),
        (128, 64, 10),
        (64, 10, 128),
        (512, 1024, 1024),
        (32, 10, 1),
        (10, 32, 1),
    ):
        yield product(*shape, transpose_a=True)
        yield product(*shape, transpose_b=True)
    for size in (64, 256, 1000):
        yield product(size, size, size, dtype="float64")
    yield product(32, 64, 32, batch=(64,))
    yield product(128, 64, 128, False, True, batch=(8, 12), note="attention")
    yield product(64, 784, 128, steps=[(Step.ADD, random((128,))), (Step.RELU, None)], note="+ bias, relu")
    yield product(64, 10, 128, False, True, steps=[(Step.RELU_GRAD, random((64, 128)))], note="* relu gradient")
    yield product(64, 128, 128, steps=[(Step.ADD, random((128,))), (Step.TANH, None)], note="+ bias, tanh")
    yield product(256, 256, 256, steps=[(Step.ADD, random((256, 256)))], note="+ matrix")
