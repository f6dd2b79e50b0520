"""Kernels that work long on one thread leave off when they are told to: Ctrl-C, a time limit, a closed session."""

import numpy as np
import pytest

import hookloop as tf
from hookloop import _core

from ..conftest import on_reference

N = 300_000
FLOATS = np.random.default_rng(0).standard_normal(N).astype("float32")
PLACES = np.arange(N, dtype="int32")
GROUPS = (PLACES // 3).astype("int32")
UNTOUCHED = 77


def blank(size, dtype="int32"):
    return np.full(size, UNTOUCHED, dtype)


# name of the kernel -> (inputs, outputs, attributes). The last output's last element is what is written last.
KERNELS = {
    "top_k of all": ("top_k", [FLOATS[None]], [blank((1, N), "float32"), blank((1, N))], (1,)),
    "values of all": ("top_k", [FLOATS[None]], [blank((1, N), "float32")], (1,)),
    "top_k of half": ("top_k", [FLOATS[None]], [blank((1, N // 2), "float32"), blank((1, N // 2))], (1,)),
    "top_k of few": ("top_k", [FLOATS[None]], [blank((1, 9), "float32"), blank((1, 9))], (1,)),
    "in_top_k": ("in_top_k", [FLOATS.reshape(-1, 10), PLACES[: N // 10] % 10, np.int32(3)], [blank(N // 10, "bool")], ()),
    "argmax": ("argmax", [FLOATS[None]], [blank(1)], (1,)),
    "argmin of columns": ("argmin", [FLOATS.reshape(-1, 10)], [blank(10)], (0,)),
    "cumsum": ("cumsum", [FLOATS], [blank(N, "float32")], (0, 0, 0)),
    "cumprod of columns": ("cumprod", [FLOATS.reshape(-1, 10)], [blank((N // 10, 10), "float32")], (0, 0, 0)),
    "unique_index": ("unique_index", [PLACES], [blank(N)], (0,)),
    "unique_values": ("unique_values", [PLACES, PLACES], [blank(N)], ()),
    "unique_rows_index": ("unique_rows_index", [PLACES.reshape(-1, 10)], [blank(N // 10)], (0,)),
    "unique_rows_index of one row": ("unique_rows_index", [PLACES[None]], [blank(1)], (0,)),
    "unique_rows_values": ("unique_rows_values", [PLACES.reshape(-1, 10), PLACES[: N // 10]], [blank((N // 10, 10))], ()),
    "list_diff_fill": ("list_diff_fill", [PLACES, GROUPS + N], [blank(N), blank(N)], ()),
    "segment_reduce": ("segment_reduce", [FLOATS, GROUPS], [blank(N // 3, "float32")], (0,)),
    "sum_by_row": ("sum_by_row", [FLOATS[:, None], PLACES, FLOATS[:, None]], [blank((N, 1), "float32")] * 2, (1,)),
    "segment_spread": ("segment_spread", [FLOATS, GROUPS, PLACES], [blank(N, "float32")], (1,)),
    "fake_quant": ("fake_quant", [FLOATS, np.float32(-1), np.float32(1)], [blank(N, "float32")], (0, 255)),
    "quantize": ("quantize", [FLOATS, np.float32(-1), np.float32(1)], [blank(N, "float32")], (-8.0, 7.0, 0, 0)),
    "bincount": ("bincount", [PLACES, FLOATS[:0]], [blank(N, "float32")], ()),
    "bounds": ("bounds", [PLACES[None].astype("float32"), FLOATS[None]], [blank((1, N))], (0,)),
    "unravel_index": ("unravel_index", [PLACES, np.array([N, 1], "int32")], [blank((2, N))], ()),
    "stitch_rows": ("stitch_rows", [PLACES, FLOATS], [blank(N, "float32")], ()),
    "partition_rows": ("partition_rows", [FLOATS, PLACES * 0], [blank(N, "float32")], (0,)),
    "where_fill": ("where_fill", [FLOATS], [blank((N, 1), "int64")], ()),
    "one_hot": ("one_hot", [PLACES, np.float32(1), np.float32(0)], [blank((N, 2), "float32")], (1,)),
    "range": ("range", [np.float32(0), np.float32(1)], [blank(N, "float32")], ()),
    "lin_space": ("lin_space", [np.float32(0), np.float32(1)], [blank(N, "float32")], ()),
    "invert_permutation": ("invert_permutation", [PLACES], [blank(N)], ()),
    "reverse_sequence": ("reverse_sequence", [FLOATS[:, None], np.array([N], "int32")], [blank((N, 1), "float32")], (0, 1)),
    "bitcast": ("bitcast", [FLOATS], [blank(N)], ()),
    "band_part": ("band_part", [FLOATS.reshape(-1, 2), np.int32(-1), np.int32(0)], [blank((N // 2, 2), "float32")], ()),
    "cross": ("cross", [FLOATS.reshape(-1, 3), FLOATS.reshape(-1, 3)], [blank((N // 3, 3), "float32")], ()),
    "add_n": ("add_n", [FLOATS, FLOATS], [blank(N, "float32")], ()),
    "check_numerics": ("check_numerics", [FLOATS], [blank(N, "float32")], ()),
}  # fmt: skip


def call(name, threads=1):
    kernel, inputs, outputs, attributes = KERNELS[name]
    outputs = [output.copy() for output in outputs]
    return _core.KernelCall(kernel, [np.asarray(i) for i in inputs], outputs, attributes, threads), outputs[-1].reshape(
        -1
    )


def is_cancelled(kernel, polls):
    """Whether a call ends with the status of one that was told to stop."""
    try:
        kernel(polls=polls)
    except ValueError as error:
        assert "status 1" in str(error)
        return True
    return False


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("polls", [0, 1])
@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_leaves_off_when_it_is_told_to(name, polls, threads):
    whole, last = call(name, threads)
    whole(polls=1_000_000)  # asked, and never told to stop
    for _ in range(100):  # a second thread may have made all there is before the first asks again
        part, unfinished = call(name, threads)
        cancelled = is_cancelled(part, polls)
        complete = np.array_equal(unfinished, last)
        assert (cancelled or complete) and (cancelled or threads == 2)
        if cancelled and (not complete or last.dtype == bool):  # which elements are missing is up to the threads
            break
    else:
        pytest.fail("it never left anything undone")
    part()
    np.testing.assert_array_equal(unfinished, last)


@pytest.mark.parametrize("polls", [0, 1])
def test_draws_leave_off_too(polls):
    stream, logits = _core.StreamCell(1, 2), FLOATS.reshape(-1, 10)
    for kernel, given, out in (
        ("random_shuffle", PLACES, blank(N)),
        ("multinomial", logits, blank((N // 10, 2), "int64")),
        ("multinomial", logits[:1], blank((1, N), "int64")),
    ):
        with pytest.raises(ValueError, match="status 1"):
            _core.KernelCall(kernel, [stream, given], [out], (), 1)(polls=polls)
        assert kernel == "random_shuffle" or out.ravel()[-1] == UNTOUCHED


@pytest.mark.skipif(on_reference(), reason="the reference executor looks at the clock between ops")
def test_a_run_that_is_told_in_its_course_how_long_it_is():
    size = tf.placeholder(tf.int32, [])
    last = tf.random_uniform([size])[-1]
    short = tf.RunOptions(timeout_in_ms=1)
    with tf.Session() as session:
        assert 0 <= session.run(last, {size: 3}) < 1
        for _ in range(2):
            with pytest.raises(tf.errors.DeadlineExceededError):
                session.run(last, {size: 50_000_000}, options=short)
        assert 0 <= session.run(last, {size: 3}) < 1
