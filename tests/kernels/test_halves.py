"""Elementwise ops of 16-bit floats are those of floats, rounded once: at every length about a block, with operands apart or of one element."""

import numpy as np
import pytest

import hookloop as tf
from hookloop import _core

BFLOAT = tf.bfloat16.as_numpy_dtype
TESTS = ("is_nan", "is_inf", "is_finite", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
UNARY = (
    "abs",
    "neg",
    "sign",
    "square",
    "sqrt",
    "reciprocal",
    "floor",
    "ceil",
    "rint",
    "relu",
    "relu6",
    "softsign",
    *TESTS[:3],
)
BINARY = ("add", "sub", "mul", "div", "floor_div", "floor_mod", "maximum", "minimum", "div_no_nan", "tanh_grad", "relu_grad",
          "squared_difference", *TESTS[3:])  # fmt: skip


def call(kernel, inputs, dtype, shape, attributes=()):
    kind = bool if kernel in TESTS else dtype
    out = (
        np.zeros((*shape, 2), kind)[..., 0] if shape[-1] % 3 else np.zeros(shape, kind)
    )  # apart, or one after the other
    _core.KernelCall(kernel, inputs, [out], list(attributes), 1)(1)
    return out


def numbers(dtype, seed, *shape):
    """All sizes, of both signs, with what is special among them; none that a run flushes."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=shape) * 2.0 ** rng.integers(-8, 8, shape)).astype(np.float32)
    for number in (0, -0.0, np.inf, -np.inf, np.nan, 65504, 1, -1):
        x[rng.random(shape) < 0.02] = number
    return x.astype(dtype)


def same(found, wanted):
    if found.dtype != bool:
        found, wanted = found.astype(np.float32), wanted.astype(np.float32)
        np.testing.assert_array_equal(np.signbit(found)[~np.isnan(found)], np.signbit(wanted)[~np.isnan(wanted)])
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float16, BFLOAT], ids=["float16", "bfloat16"])
@pytest.mark.parametrize("kernel", [*UNARY, *BINARY, "leaky_relu", "leaky_relu_grad"])
def test_halves_are_floats_rounded_once(kernel, dtype):
    attributes = [0.3] if "leaky" in kernel else []
    for n in (1, 7, 8, 9, 511, 512, 513, 1031):
        x, y = numbers(dtype, n, n), numbers(dtype, n + 1, n)
        one = numbers(dtype, 5, 1).reshape(())
        spread = np.repeat(x, 3)[::3]
        if kernel in (*UNARY, "leaky_relu"):
            ways = [[x], [spread]]
        else:
            ways = [[x, y], [x, one], [one, y], [spread, y], [x[None], np.repeat(y[:1], 3)[:, None]]]
        for inputs in ways:
            shape = np.broadcast_shapes(*(a.shape for a in inputs))
            wide = call(kernel, [a.astype(np.float32) for a in inputs], np.float32, shape, attributes)
            same(call(kernel, inputs, dtype, shape, attributes), wide.astype(bool if kernel in TESTS else dtype))


@pytest.mark.parametrize("dtype", [np.float16, BFLOAT], ids=["float16", "bfloat16"])
@pytest.mark.parametrize("kernel", ["mul", "maximum", "sub"])
def test_a_result_in_an_operands_own_memory(kernel, dtype):
    for n in (5, 512, 1300):
        x, y = numbers(dtype, n, n), numbers(dtype, n + 1, n)
        wanted = call(kernel, [x, y], dtype, (n,))
        for place in (0, 1):
            operands = [x.copy(), y.copy()]
            _core.KernelCall(kernel, operands, [operands[place]], [], 1)(1)
            same(operands[place], wanted)


@pytest.mark.parametrize("dtype", [np.float16, BFLOAT], ids=["float16", "bfloat16"])
def test_every_half_has_its_negative_and_its_magnitude(dtype):
    x = np.arange(1 << 16, dtype=np.uint16).view(dtype)
    found = call("neg", [x], dtype, x.shape).view(np.uint16), call("abs", [x], dtype, x.shape).view(np.uint16)
    np.testing.assert_array_equal(found[0], x.view(np.uint16) ^ 0x8000)
    np.testing.assert_array_equal(found[1], x.view(np.uint16) & 0x7FFF)
