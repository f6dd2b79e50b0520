"""Matrix products: every transposition, sizes beside the tiles' edges, epilogues, sums of products."""

import ctypes
import itertools
import mmap
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from hookloop import _core
from hookloop.compile.epilogue import MOST_PRODUCTS, MOST_STEPS, Step

SIZES = (1, 2, 5, 7, 12, 13, 16, 17, 33, 45, 61, 64, 70, 131)
REAL = (np.float32, np.float64)
HEADER = Path(__file__).parents[2] / "csrc" / "kernels" / "epilogue.h"


def numbers(shape, dtype=np.float32, seed=0):
    return np.random.RandomState(seed).uniform(-1, 1, shape).astype(dtype)


def stored(matrix, transposed):
    return np.ascontiguousarray(np.swapaxes(matrix, -1, -2)) if transposed else matrix


def product(a, b, transpose_a=False, transpose_b=False, steps=(), out=None, threads=1, sums=None):
    """matmul with its epilogue: steps are (Step, operand or None, parameter)."""
    a, b = stored(a, transpose_a), stored(b, transpose_b)
    if out is None:
        out = np.full(
            (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), *shape_of(a, b, transpose_a, transpose_b)), 9, a.dtype
        )
    inputs = [a, b, *(operand for _, operand, _ in steps if operand is not None)]
    attributes = [transpose_a, transpose_b, *itertools.chain(*((int(s), float(p)) for s, _, p in steps))]
    _core.KernelCall("matmul", inputs, [out] if sums is None else [out, sums], attributes, threads)()
    return out


def shape_of(a, b, transpose_a, transpose_b):
    return a.shape[-1 if transpose_a else -2], b.shape[-2 if transpose_b else -1]


def assert_close(found, expected, inner, dtype):
    scale = np.finfo(dtype).eps * (inner + 8)
    np.testing.assert_allclose(found, expected, rtol=scale, atol=scale)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_products_of_all_sizes(dtype, transpose_a, transpose_b):
    for m, k, n in itertools.product(SIZES, (0, 1, 3, 5, 64, 129), SIZES):
        a, b = numbers((m, k), dtype), numbers((k, n), dtype, 1)
        found = product(a, b, transpose_a, transpose_b)
        assert_close(found, a.astype("d") @ b.astype("d"), k, dtype)


@pytest.mark.parametrize("dtype", [*REAL, np.int32, np.float16])
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize("batch", [(), (0,), (3,)])
def test_any_size_may_be_zero(dtype, transposes, batch):
    for m, k, n in itertools.product((0, 1, 70, 1000), repeat=3):
        if 0 in (m, k, n):
            found = product(np.ones((*batch, m, k), dtype), np.ones((*batch, k, n), dtype), *transposes, threads=2)
            assert found.shape == (*batch, m, n) and not found.any()


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize(
    "shape", [(500, 1600, 130), (97, 800, 65), (97, 800, 4), (97, 800, 2), (13, 2000, 1), (1, 2000, 200), (1, 900, 9)]
)
def test_long_sums_are_cut_into_blocks(dtype, transposes, shape):
    m, k, n = shape
    a, b = numbers((m, k), dtype), numbers((k, n), dtype, 1)
    assert_close(product(a, b, *transposes), a.astype("d") @ b.astype("d"), k, dtype)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
def test_few_columns_of_few_rows(dtype, transposes):
    for m, k, n in itertools.product((2, 3, 4, 7, 8, 9, 15, 16, 17), (3, 4, 7, 8, 15, 16, 31, 64), (1, 2, 3, 4, 5)):
        a, b, bias = numbers((m, k), dtype), numbers((k, n), dtype, 1), numbers((n,), dtype, 2)
        found = product(a, b, *transposes, steps=[(Step.ADD, bias, 0)])
        assert_close(found, a.astype("d") @ b + bias, k, dtype)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
def test_last_columns_of_short_sums(dtype, transposes):
    for m, k, n in itertools.product((2, 13, 64), (3, 4, 9, 10, 11, 12), (5, 10, 11, 12, 17, 18, 19, 20, 21, 67, 68)):
        a, b, bias = numbers((m, k), dtype), numbers((k, n), dtype, 1), numbers((n,), dtype, 2)
        found = product(a, b, *transposes, steps=[(Step.ADD, bias, 0)])
        assert_close(found, a.astype("d") @ b + bias, k, dtype)


@pytest.mark.parametrize("dtype", REAL)
def test_a_single_row_of_any_width(dtype):
    for n in range(1, 280):
        a, b, bias = numbers((1, 6), dtype), numbers((6, n), dtype, 1), numbers((n,), dtype, 2)
        expected = np.maximum(a.astype("d") @ b + bias, 0)
        assert_close(product(a, b, steps=[(Step.ADD, bias, 0), (Step.RELU, None, 0)]), expected, 6, dtype)
        assert_close(product(b.T, a.T, True, True), (a.astype("d") @ b).T, 6, dtype)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize(
    "shape",
    [
        (24, 70, 520),
        (64, 784, 125),
        (48, 300, 256),
        (24, 65, 512),
        (95, 64, 520),
        (96, 63, 1030),
        (96, 64, 1023),
        (97, 64, 1024),
        (200, 130, 1060),
    ],
)
def test_wide_rows_are_read_in_place_or_packed(dtype, transpose_a, shape):
    m, k, n = shape
    a, b = numbers((m, k), dtype), numbers((k, n), dtype, 1)
    assert_close(product(a, b, transpose_a), a.astype("d") @ b.astype("d"), k, dtype)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize(
    "shape",
    [
        (96, 64, 1024),
        (24, 80, 1024),
        (64, 784, 128),
        (24, 900, 100),
        (48, 1024, 160),
        (29, 2000, 65),
        (101, 63, 1090),
        (131, 300, 1100),
        (500, 520, 1152),
        (263, 1700, 1030),
    ],
)
def test_packing_changes_no_bit(dtype, transpose_a, shape):
    m, k, n = shape
    a, b, bias = numbers((m, k), dtype), numbers((k, n), dtype, 1), numbers((n,), dtype, 2)
    wide = product(a, b, transpose_a, steps=[(Step.ADD, bias, 0), (Step.RELU, None, 0)])
    shared = product(a, b, transpose_a, steps=[(Step.ADD, bias, 0), (Step.RELU, None, 0)], threads=3)
    np.testing.assert_array_equal(shared, wide)
    for first in range(0, n - 15, 144):
        columns = slice(first, first + 16)
        narrow = product(
            a, b[:, columns].copy(), transpose_a, steps=[(Step.ADD, bias[columns], 0), (Step.RELU, None, 0)]
        )
        np.testing.assert_array_equal(wide[:, columns], narrow)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize("shape", [(197, 1024, 530), (581, 517, 1049), (1100, 65, 4100)])
def test_large_products_are_packed_by_blocks(dtype, transposes, shape):
    """Rows that fall on the same lines of the cache, groups of panels and tiles that are not whole, blocks for several threads."""
    m, k, n = shape
    a, b, bias = numbers((m, k), dtype), numbers((k, n), dtype, 1), numbers((n,), dtype, 2)
    whole = product(a, b, *transposes, steps=[(Step.ADD, bias, 0), (Step.RELU, None, 0)])
    assert_close(whole, np.maximum(a.astype("d") @ b.astype("d") + bias, 0), k, dtype)
    for threads in (2, 4):
        shared = product(a, b, *transposes, steps=[(Step.ADD, bias, 0), (Step.RELU, None, 0)], threads=threads)
        np.testing.assert_array_equal(shared, whole)
    rows = slice(m - 8, m)
    few = product(a[rows], b, *transposes, steps=[(Step.ADD, bias, 0), (Step.RELU, None, 0)])
    np.testing.assert_array_equal(whole[rows, : n // 16 * 16], few[:, : n // 16 * 16])


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize("shape", [(97, 2400, 65), (130, 4001, 144), (30, 3000, 250), (500, 1600, 130), (41, 9000, 36)])
def test_long_sums_are_made_stretch_by_stretch(dtype, transposes, shape):
    """One thread goes over all of the result for each stretch; the bits are those of threads that share the result, and of whole sums."""
    m, k, n = shape
    a, b, bias = numbers((m, k), dtype), numbers((k, n), dtype, 1), numbers((n,), dtype, 2)
    steps = [(Step.ADD, bias, 0), (Step.RELU, None, 0)]
    alone, sums = product(a, b, *transposes, steps=steps), np.full(n, 9, dtype)
    assert_close(alone, np.maximum(a.astype("d") @ b.astype("d") + bias, 0), k, dtype)
    for threads in (2, 4):
        np.testing.assert_array_equal(product(a, b, *transposes, steps=steps, threads=threads), alone)
    narrow = [product(a, b[:, [j]].repeat(16, axis=1), *transposes)[:, 0] for j in range(0, 16, 5)]
    np.testing.assert_array_equal(product(a, b, *transposes)[:, 0:16:5], np.stack(narrow, axis=1))
    assert_close(product(a, b, *transposes, sums=sums), a.astype("d") @ b.astype("d"), k, dtype)
    assert_close(sums, b.astype("d").sum(axis=0), k, dtype)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize("shape", [(511, 70, 65), (512, 70, 128), (3001, 100, 50), (2000, 300, 17)])
def test_tall_products_are_shared_by_rows(dtype, transposes, shape):
    m, k, n = shape
    a, b, gate = numbers((m, k), dtype), numbers((k, n), dtype, 1), numbers((m, n), dtype, 2)
    alone = product(a, b, *transposes, steps=[(Step.RELU_GRAD, gate, 0)])
    assert_close(alone, np.where(gate > 0, a.astype("d") @ b.astype("d"), 0), k, dtype)
    for threads in (2, 4):
        shared = product(a, b, *transposes, steps=[(Step.RELU_GRAD, gate, 0)], threads=threads)
        np.testing.assert_array_equal(shared, alone)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
def test_complex_products(dtype, transposes):
    for m, k, n in itertools.product((1, 3, 4, 5, 70), (0, 1, 7, 65), (1, 2, 63, 64, 65, 130)):
        a, b = numbers((m, 2 * k)).astype(dtype), numbers((k, 2 * n), seed=1).astype(dtype)
        a, b = a[:, :k] + 1j * a[:, k:], b[:, :n] - 1j * b[:, n:]
        alone = product(a, b, *transposes)
        np.testing.assert_allclose(
            alone, a.astype("D") @ b.astype("D"), rtol=1e-5, atol=1e-5 if dtype == np.complex64 else 1e-13
        )
        np.testing.assert_array_equal(product(a, b, *transposes, threads=3), alone)


@pytest.mark.parametrize("dtype", REAL)
def test_a_single_dot_of_any_length(dtype):
    for k in (*range(1, 20), 255, 256, 257, 263, 264, 319, 320, 321, 1000, 4097, 70001):
        a, b = numbers((1, k), dtype), numbers((k, 1), dtype, 1)
        found = product(a, b)
        np.testing.assert_allclose(found, a.astype("d") @ b.astype("d"), atol=np.finfo(dtype).eps * (8 + k / 8))
        for transposes in itertools.product([False, True], repeat=2):
            np.testing.assert_array_equal(product(a, b, *transposes, threads=2), found)
        a[0, k // 2] = np.inf
        b[k // 2] = 1
        assert product(a, b) == np.inf
        b[-1] = np.nan
        assert np.isnan(product(a, b))
        placed = before_a_wall(a), before_a_wall(b)
        assert np.isnan(product(*placed))


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint32", "uint64"])
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
def test_integer_products_wrap(transposes, dtype):
    """Along rows and as dots, with sums on both sides of what is long enough for those, in batches and on two threads."""
    random = np.random.default_rng(0)
    for m, k, n, batch in itertools.product((1, 2, 7, 40), (0, 1, 15, 16, 17, 33, 200), (1, 2, 5, 129), ((), (3,))):
        a, b = (random.integers(0, 2**31, (*batch, *shape)).astype(dtype) for shape in ((m, k), (k, n)))
        found = product(a, b, *transposes, threads=2)
        np.testing.assert_array_equal(found, np.matmul(a.astype("uint64"), b.astype("uint64")).astype(dtype))


@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
def test_batches_with_broadcast(transposes):
    a, b = numbers((3, 1, 5, 40)), numbers((4, 40, 33), seed=1)
    assert_close(product(a, b, *transposes), a.astype("d") @ b.astype("d"), 40, np.float32)
    left = numbers((3, 1, 1, 33), seed=2)
    found = product(a, b, *transposes, steps=[(Step.ADD, left, 0), (Step.RELU, None, 0)])
    assert_close(found, np.maximum(a.astype("d") @ b.astype("d") + left, 0), 40, np.float32)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
def test_batches_of_small_matrices(transposes, dtype):
    """Each as in a batch of its own, whatever the others hold, with nothing written behind them; on both sides of what is small."""
    for m, k, n in itertools.product(
        (1, 2, 3, 4, 5, 7, 8, 15, 16, 17), (0, 1, 3, 8, 16, 17), (1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17)
    ):
        a, b = numbers((5, m, k), dtype), numbers((5, k, n), dtype, 1)
        if k:
            a[1, 0, 0], b[2, -1, -1], a[3, m - 1, k - 1] = np.nan, np.inf, -0.0
        room = np.full((6, m, n), 9, dtype)
        found = product(a, b, *transposes, out=room[:5])
        with np.errstate(invalid="ignore"):
            assert_close(found, a.astype("d") @ b.astype("d"), k, dtype)
        assert (room[5] == 9).all()
        one_for_all = product(a, b[:1], *transposes, threads=2)
        for i in range(5):
            np.testing.assert_array_equal(product(a[i : i + 1], b[i : i + 1], *transposes)[0], found[i])
            np.testing.assert_array_equal(product(a[i : i + 1], b[:1], *transposes)[0], one_for_all[i])


def test_many_small_matrices_on_two_threads():
    a, b = numbers((70, 90, 3, 3)), numbers((70, 90, 3, 3), seed=1)
    one = product(a, b)
    assert_close(one, a.astype("d") @ b.astype("d"), 3, np.float32)
    np.testing.assert_array_equal(product(a, b, threads=2), one)
    wide = numbers((40, 7, 11))  # parts of rows of others, and what is broadcast along an outer axis
    out = np.full((40, 4, 9), 9, np.float32)
    product(wide[:, 1:5, 2:7], wide[:, 2:7, 1:6], out=out[:, :, 1:6])
    assert_close(out[:, :, 1:6], wide[:, 1:5, 2:7].astype("d") @ wide[:, 2:7, 1:6], 5, np.float32)
    assert (out[:, :, 0] == 9).all() and (out[:, :, 6:] == 9).all()
    assert_close(product(a[:3, :1], b[0]), a[:3, :1].astype("d") @ b[0].astype("d"), 3, np.float32)


def test_rows_of_a_larger_matrix():
    a, b, c = numbers((20, 50)), numbers((60, 90), seed=1), np.zeros((20, 100), np.float32)
    product(a[:, 10:40], b[20:50, 7:77], out=c[:, 11:81])
    assert_close(c[:, 11:81], a[:, 10:40].astype("d") @ b[20:50, 7:77], 30, np.float32)
    assert not c[:, :11].any() and not c[:, 81:].any()


@pytest.mark.skipif(not HEADER.exists(), reason="csrc/ is not there: this is a test of a checkout")
def test_the_list_of_steps_is_the_kernels():
    body = re.search(r"typedef enum step_kind \{(.*?)\}", HEADER.read_text(), re.DOTALL)[1]
    names = re.findall(r"^\s*STEP_(\w+)", body, re.MULTILINE)
    assert names == [*(step.name for step in Step), "KINDS"]
    assert f"MAX_STEPS = {MOST_STEPS}" in HEADER.read_text()
    assert f"MAX_PRODUCTS = {MOST_PRODUCTS}" in HEADER.with_name("gemm.c").read_text()


# The elementwise kernel of each step: its name, whether the value comes after the operand, its attributes.
ELEMENTWISE = {
    Step.MULTIPLY: ("mul", False),
    Step.RELU: ("relu", False),
    Step.RELU6: ("relu6", False),
    Step.LEAKY_RELU: ("leaky_relu", False),
    Step.ELU: ("elu", False),
    Step.SELU: ("selu", False),
    Step.SOFTPLUS: ("softplus", False),
    Step.SOFTSIGN: ("softsign", False),
    Step.SIGMOID: ("sigmoid", False),
    Step.TANH: ("tanh", False),
    Step.RELU_GRAD: ("relu_grad", False),
    Step.RELU6_GRAD: ("relu6_grad", False),
    Step.LEAKY_RELU_GRAD: ("leaky_relu_grad", False),
    Step.ELU_GRAD: ("elu_grad", False),
    Step.SELU_GRAD: ("selu_grad", False),
    Step.SOFTPLUS_GRAD: ("softplus_grad", False),
    Step.SOFTSIGN_GRAD: ("softsign_grad", False),
    Step.SIGMOID_GRAD: ("sigmoid_grad", True),
    Step.TANH_GRAD: ("tanh_grad", True),
}


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("shape", [(1, 9), (1, 19), (1, 30), (13, 1), (59, 1), (113, 1), (7, 10), (30, 129), (150, 65)])
@pytest.mark.parametrize("step", ELEMENTWISE)
def test_a_step_equals_the_elementwise_kernel(step, shape, dtype):
    name, operand_first = ELEMENTWISE[step]
    a, b, y = numbers((shape[0], 40), dtype), 6 * numbers((40, shape[1]), dtype, 1), 2 * numbers(shape, dtype, 2)
    parameter = 0.25 if "LEAKY" in step.name else 0.0
    alone = product(a, b)
    operands = [alone, y] if step.has_operand else [alone]
    expected = np.empty_like(alone)
    _core.KernelCall(name, operands[::-1] if operand_first else operands, [expected], [parameter] * bool(parameter))()
    found = product(a, b, steps=[(step, y if step.has_operand else None, parameter)])
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=4 * eps, atol=eps * abs(expected).max())


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (59, 1), (64, 2), (64, 10), (65, 130)])
def test_steps_in_their_order(shape, dtype):
    a, b = numbers((shape[0], 20), dtype), numbers((20, shape[1]), dtype, 1)
    bias, other = numbers(shape[1:], dtype, 2), numbers(shape, dtype, 3)
    steps = [(Step.ADD, bias, 0), (Step.TANH, None, 0), (Step.ADD, other, 0), (Step.SCALE, None, 0.5)]
    expected = 0.5 * (np.tanh(a.astype("d") @ b + bias) + other)
    assert_close(product(a, b, steps=steps), expected, 20, dtype)


@pytest.mark.parametrize("operand_shape", [(), (1,), (9, 1), (1, 33)])
def test_an_operand_broadcasts(operand_shape):
    a, b, y = numbers((9, 20)), numbers((20, 33), seed=1), numbers(operand_shape, seed=2)
    found = product(a, b, steps=[(Step.ADD, y, 0), (Step.MULTIPLY, y, 0)])
    assert_close(found, (a.astype("d") @ b + y) * y, 20, np.float32)


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("shape", [(2, 1), (37, 1), (1, 5), (40, 33)])
@pytest.mark.parametrize("place", [0, 1])
def test_an_operand_may_lie_backwards(shape, dtype, transpose_a, place):
    a, b = numbers((shape[0], 20), dtype), numbers((20, shape[1]), dtype, 1)
    y = numbers(shape, dtype, 2)[::-1]
    steps = [(Step.ADD, y, 0), (Step.SCALE, None, 0.5)]
    found = product(a, b, transpose_a, steps=steps[::-1] if place else steps)
    total = a.astype("d") @ b
    assert_close(found, total * 0.5 + y if place else (total + y) * 0.5, 20, dtype)


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (40, 1), (64, 128), (40, 130), (3, 4)])
@pytest.mark.parametrize("inner", [0, 30, 1000])
def test_what_a_sum_starts_from_may_be_its_own_memory(shape, inner, transpose_a):
    a, b, before = numbers((shape[0], inner)), numbers((inner, shape[1]), seed=1), numbers(shape, seed=2)
    out = before.copy()
    product(a, b, transpose_a, steps=[(Step.ADD, out, 0)], out=out)
    assert_close(out, before + a.astype("d") @ b, inner, np.float32)
    assert out.tobytes() == product(a, b, transpose_a, steps=[(Step.ADD, before, 0)]).tobytes()


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 7, 9, 11, 13, 15, 17, 18, 19, 20, 21, 23, 25, 31, 65])
def test_a_few_last_columns(columns, transposes, dtype):
    """Windows into larger arrays, a sum that starts from a row or from a matrix, and what follows it."""
    for m, k in [(15, 9), (16, 40), (17, 33), (50, 4), (300, 17), (31, 300)]:
        a, b, wide = numbers((m, k), dtype), numbers((k, columns), dtype, 1), np.full((m, columns + 1), 9, dtype)
        row, full, gate = (
            numbers(columns, dtype, 2),
            numbers((m, columns + 3), dtype, 3),
            numbers((m, columns), dtype, 4),
        )
        total = a.astype("d") @ b
        for start in (row, full[:, 1:-2], gate, numbers((), dtype, 5)):
            steps = [(Step.ADD, start, 0), (Step.MULTIPLY, gate, 0), (Step.ADD, row, 0), (Step.RELU_GRAD, gate, 0)]
            found = product(a, b, *transposes, steps=steps, out=wide[:, :columns])
            expected = np.where(gate > 0, (total + start) * gate + row, 0)
            assert_close(found, expected, k, dtype)
            assert (wide[:, columns] == 9).all()


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 7, 13, 17, 65])
def test_a_little_more_than_whole_vectors(columns, transposes, dtype):
    """Short sums share a vector, one or two more products, or rows, are taken by themselves: nothing around A or B is looked at."""
    for m, k in itertools.product((15, 16, 17, 18, 19, 66, 67, 257, 258, 259), (1, 2, 3, 4, 5, 8, 9, 10, 11, 18, 19)):
        a, b = numbers((m, k), dtype), numbers((k, columns), dtype, 1)
        gate, out = numbers((m, columns), dtype, 2), np.full((m, columns), 9, dtype)
        operands = [amid_nan(stored(x, transposed)) for x, transposed in zip((a, b), transposes, strict=True)]
        attributes = [*transposes, int(Step.ADD), 0.0, int(Step.RELU_GRAD), 0.0]
        _core.KernelCall("matmul", [*operands, b[0], gate], [out], attributes)()
        assert_close(out, np.where(gate > 0, a.astype("d") @ b + b[0], 0), k, dtype)


@pytest.mark.skipif(sys.platform != "linux", reason="protects pages by the C library's mprotect")
@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
def test_nothing_behind_the_operands_is_read(transposes, dtype):
    for m, k, n in itertools.product((1, 5, 7, 13, 64), (1, 3, 9, 70), (1, 2, 5, 7, 11, 13, 16, 23, 31, 41)):
        a, b = numbers((m, k), dtype), numbers((k, n), dtype, 1)
        placed = [before_a_wall(stored(x, transposed)) for x, transposed in zip((a, b), transposes, strict=True)]
        out = before_a_wall(np.full((m, n), 9, dtype))
        _core.KernelCall("matmul", placed, [out], [*transposes])()
        assert_close(out, a.astype("d") @ b, k, dtype)
        out = before_a_wall(np.full((2, m, n), 9, dtype))
        batch = [before_a_wall(np.stack([x, x])) for x in placed]
        _core.KernelCall("matmul", batch, [out], [*transposes])()
        assert_close(out, np.stack([a.astype("d") @ b] * 2), k, dtype)


def before_a_wall(array):
    """A copy that ends where a page begins that may not be touched."""
    room = mmap.mmap(-1, -(-array.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE + mmap.PAGESIZE)
    room = np.frombuffer(room, np.uint8)
    wall = room.size - mmap.PAGESIZE
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(room.ctypes.data + wall), mmap.PAGESIZE, 0) == 0
    copy = room[wall - array.nbytes : wall].view(array.dtype).reshape(array.shape)
    copy[:] = array
    return copy


def amid_nan(matrix):
    """The matrix as a window into one that is not a number elsewhere."""
    rows, columns = matrix.shape
    wide = np.full((rows + 2, columns + 40), np.nan, matrix.dtype)
    window = wide[1:-1, 20:-20]
    window[:] = matrix
    return window


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize("columns", [3, 16, 33, 64, 65, 100])
def test_rectified_sums(columns, transposes, dtype):
    """A first step that is made while the sums are in registers: not a number stays, gates are strided or broadcast."""
    for m, k in [(1, 5), (11, 300), (12, 1), (31, 8), (6, 2), (15, 3), (64, 64)]:
        a, b = numbers((m, k), dtype), numbers((k, columns), dtype, 1)
        b[0, 1], b[0, 2] = np.nan, np.inf
        gate = numbers((m, columns + 9), dtype, 3)[:, 4 : columns + 4]
        plain = product(a, b, *transposes)
        assert np.isnan(plain[:, 1]).all()
        rectified = product(a, b, *transposes, steps=[(Step.RELU, None, 0), (Step.SCALE, None, 2.0)])
        np.testing.assert_array_equal(rectified, 2 * np.where(plain <= 0, 0, plain))
        for y in (gate, gate[:1], gate[:, :1], gate[0]):
            gated = product(a, b, *transposes, steps=[(Step.RELU_GRAD, y, 0)])
            np.testing.assert_array_equal(gated, np.where(y > 0, plain, 0))


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize(
    "shape",
    [
        (1, 30, 1),
        (11, 64, 65),
        (12, 64, 65),
        (13, 1000, 130),
        (20, 30, 1),
        (10, 32, 1),
        (16, 67, 1),
        (33, 300, 1),
        (200, 32, 1),
        (129, 1700, 1),
        (9, 3, 1),
        (1, 7, 50),
        (784, 64, 128),
        (70, 2000, 70),
        (40, 900, 67),
        (0, 5, 3),
        (15, 32, 4),
        (16, 32, 4),
        (40, 31, 4),
        (600, 70, 2),
        (9, 2, 60),
        (5, 3, 41),
    ],
)
def test_sums_of_columns_beside_the_product(shape, transposes, dtype):
    m, k, n = shape
    a, b, sums = numbers((m, k), dtype), numbers((k, n), dtype, 1), np.full(n, 9, dtype)
    found = product(a, b, *transposes, sums=sums)
    assert_close(found, a.astype("d") @ b.astype("d"), k, dtype)
    assert_close(sums, b.astype("d").sum(0), k, dtype)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize("shape", [(1, 1), (30, 1), (1, 20), (40, 3), (150, 65), (50, 512)])
def test_a_sum_of_products(shape, transposes, dtype):
    inner = (128, 5, 900)
    factors = [(numbers((shape[0], k), dtype, k), numbers((k, shape[1]), dtype, k + 1)) for k in inner]
    flags = [transposes, transposes[::-1], transposes]
    operands = [
        stored(x, t) for pair, flag in zip(factors, flags, strict=True) for x, t in zip(pair, flag, strict=True)
    ]
    bias, out = numbers(shape[1:], dtype, 9), np.full(shape, 9, dtype)
    attributes = [3, *itertools.chain(*flags), int(Step.ADD), 0.0, int(Step.SIGMOID), 0.0]
    _core.KernelCall("sum_of_products", [*operands, bias], [out], attributes)()
    total = sum(a.astype("d") @ b for a, b in factors) + bias
    assert_close(out, 1 / (1 + np.exp(-total)), sum(inner), dtype)


@pytest.mark.parametrize("transposes", list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize(
    "shape",
    [
        (300, 1000, 500),
        (2000, 100, 10),
        (1, 3000, 3000),
        (3000, 3000, 1),
        (20, 3000, 1026),
        (3, 64, 400, 100),
        (64, 784, 125),
        (512, 300, 65),
        (530, 500, 18),
        (300, 3, 700),
    ],
)
def test_threads_and_addresses_change_no_bit(shape, transposes):
    *batch, m, k, n = shape
    a, b, bias = numbers((*batch, m, k)), numbers((*batch, k, n), seed=1), numbers((n,), seed=2)
    found = set()
    for threads, offset in [(1, 0), (2, 0), (4, 0), (1, 1), (2, 4), (4, 16)]:
        placed = [displaced(stored(a, transposes[0]), offset), displaced(stored(b, transposes[1]), offset)]
        out = displaced(np.zeros((*batch, m, n), np.float32), offset)
        attributes = [*transposes, int(Step.ADD), 0.0, int(Step.TANH), 0.0]
        _core.KernelCall("matmul", [*placed, displaced(bias, offset)], [out], attributes, threads)()
        found.add(out.tobytes())
    assert len(found) == 1


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("shape", [(64, 784, 125), (33, 785, 65), (24, 900, 1030), (8, 2048, 100)])
def test_steps_after_shared_sums(dtype, shape):
    """Sums whose blocks of k are made by several threads and added then, some rows at once, before the steps."""
    m, k, n = shape
    a, b, bias = numbers((m, k), dtype), numbers((k, n), dtype, 1), numbers((n,), dtype, 2)
    factors, gate = numbers((m, n), dtype, 3), numbers((m, n), dtype, 4)
    steps = [(Step.MULTIPLY, factors, 0), (Step.ADD, bias, 0), (Step.RELU_GRAD, gate, 0)]
    alone = product(a, b, steps=steps)
    assert_close(alone, np.where(gate > 0, (a.astype("d") @ b) * factors + bias, 0), k, dtype)
    for threads in (2, 4):
        for _ in range(5):
            np.testing.assert_array_equal(product(a, b, steps=steps, threads=threads), alone)


def displaced(array, elements):
    """A copy that begins so many elements behind a cache line."""
    room = np.zeros(array.size + 64 // array.itemsize + elements, array.dtype)
    first = -room.ctypes.data % 64 // array.itemsize + elements
    room[first : first + array.size] = array.ravel()
    return room[first : first + array.size].reshape(array.shape)


def test_more_than_the_kernel_takes_is_refused():
    a = np.ones((2, 2), np.float32)
    with pytest.raises(ValueError, match="7 steps of an epilogue, at most 6"):
        product(a, a, steps=[(Step.RELU, None, 0)] * 7)
    with pytest.raises(ValueError, match="a sum of 9 products, at most 8"):
        _core.KernelCall("sum_of_products", [a] * 18, [a], [9, *[0] * 18])
    with pytest.raises(ValueError, match="there is no kernel for an epilogue of int32"):
        product(*[np.ones((2, 2), np.int32)] * 2, steps=[(Step.RELU, None, 0)])
    with pytest.raises(ValueError, match="there is no kernel 'matmull'"):
        _core.KernelCall("matmull", [a, a], [a])
