"""Fused chains give bit for bit what their instructions give one by one, and are made only where that is safe."""

import sys

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import hookloop as tf
from hookloop.compile import passes

from .programs import kernels, optimized

MOST_STEPS = sys.modules["hookloop.compile.passes.fuse_elementwise"].MOST_STEPS


def unfused():
    return tuple(p for p in passes.PASSES if p.__name__ != "fuse_elementwise")


def run(fetches, feeds, threads=1):
    """The values of successive runs of a new session."""
    with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
        session.run(tf.global_variables_initializer())
        return [session.run(fetches, feed) for feed in feeds]


def assert_same_bits(fetches, feeds, monkeypatch, threads=(1, 2, 4)):
    found = [run(fetches, feeds, count) for count in threads]
    with monkeypatch.context() as patch:
        patch.setattr(passes, "PASSES", unfused())
        wanted = run(fetches, feeds)
    for values in found:
        for left, right in zip(values, wanted):
            for a, b in zip(left, right):
                assert np.shape(a) == np.shape(b)
                np.testing.assert_array_equal(a, b)


def rows(*shape):
    return np.random.RandomState(0).standard_normal(shape).astype(np.float32)


def test_a_chain_with_broadcasts_is_one_instruction():
    x, row = tf.placeholder(tf.float32, [None, 7]), tf.placeholder(tf.float32, [7])
    y = tf.tanh(x * row + 1.0) * tf.sigmoid(x) - tf.where(x > 0.5, x, tf.exp(x))
    program = optimized([y], {x: rows(5, 7), row: rows(7)})
    assert kernels(program) == ["fused"]
    assert program.root.items[0].notes[-1][0] == "fuse_elementwise"


def complex_numbers(*shape):
    """Some of them far outside of any picture, infinite or no numbers."""
    found = (rows(*shape) + 1j * rows(*shape)[::-1]).astype("complex64")
    found.flat[::7] *= 1e30
    found.flat[3::11] = np.inf * 1j
    found.flat[5::13] = np.nan
    return found


def mandelbrot(z, c):
    moved = z * z + c
    inside = tf.abs(moved) < 2
    parts = tf.complex(tf.imag(moved), tf.real(tf.conj(moved)))
    return [tf.where(inside, moved, z), tf.cast(inside, tf.float32), moved * tf.cast(inside, tf.complex64), parts]


@pytest.mark.parametrize("shape", [(3, 67), (40, 100), (2, 3001)])
def test_complex_numbers_have_the_bits_of_single_instructions(shape, monkeypatch):
    z, c = tf.placeholder(tf.complex64, [None, shape[1]]), tf.placeholder(tf.complex64, [shape[1]])
    fetches, feed = mandelbrot(z, c), {z: complex_numbers(*shape), c: complex_numbers(1, shape[1])[0]}
    assert kernels(optimized(fetches, feed)) == ["fused"]
    assert_same_bits(fetches, [feed], monkeypatch)


def test_complex_numbers_of_sixteen_bytes_are_left_alone():
    z = tf.placeholder(tf.complex128, [200])
    assert "fused" not in kernels(optimized([tf.abs(z * z + z)], {z: complex_numbers(200).astype("complex128")}))


def test_tiny_tensors_are_left_alone():
    x = tf.placeholder(tf.float32, [4])
    assert "fused" not in kernels(optimized([tf.tanh(x + 1.0)], {x: rows(4)}))


def test_two_branches_that_meet_are_one_chain():
    x, y = tf.placeholder(tf.float32, [200]), tf.placeholder(tf.float32, [200])
    assert kernels(optimized([tf.tanh(x * 2.0) + tf.exp(y * 3.0)], {x: rows(200), y: rows(200)})) == ["fused"]


def test_the_parts_of_a_recurrent_cell_are_one_chain():
    gates = tf.placeholder(tf.float32, [None, 80])
    i, j, f, o, c = tf.split(gates, 5, 1)
    state = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
    program = optimized([state, tf.tanh(state) * tf.sigmoid(o)], {gates: rows(9, 80)})
    assert kernels(program) == ["fused"]


def test_long_chains_are_cut(monkeypatch):
    x = tf.placeholder(tf.float32, [None])
    y = x
    for k in range(100):
        y = tf.tanh(y) if k % 2 else y + x
    program = optimized([y], {x: rows(300)})
    assert set(kernels(program)) == {"fused"}
    assert len(kernels(program)) == 4
    assert all(i.params[1] <= MOST_STEPS for i in program.root.items)
    assert_same_bits([y], [{x: rows(300)}, {x: rows(3)}], monkeypatch)


def test_more_results_than_operands_is_no_chain(monkeypatch):
    x = tf.placeholder(tf.float32, [None])
    values = [x]
    for _ in range(30):
        values.append(values[-1] * x)
    assert_same_bits(values, [{x: rows(5000)}], monkeypatch)


@pytest.mark.parametrize("size", [0, 1, 2, 63, 1023, 1024, 1025, 5000, 70001])
def test_sizes(size, monkeypatch):
    x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    z = tf.exp(-tf.square(x)) * y + tf.maximum(x, y) / (1.0 + tf.abs(y))
    assert_same_bits([z, tf.sqrt(tf.abs(z))], [{x: rows(size), y: rows(size)[::-1].copy()}], monkeypatch)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.float16, tf.int32])
def test_types(dtype, monkeypatch):
    x = tf.placeholder(dtype, [None, 33])
    y = (x * x - x) * tf.cast(x > 0, dtype) + tf.maximum(x, -x)
    z = tf.cast(tf.cast(y, tf.float32) * 0.5, dtype) + tf.add_n([x, y])
    values = (rows(41, 33) * 10).astype(dtype.as_numpy_dtype)
    assert_same_bits([y, z], [{x: values}], monkeypatch)


@pytest.mark.parametrize("width", [1, 2, 16, 63, 64, 65, 127, 256, 257])
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.float16, tf.int32])
def test_rows_that_go_together(width, dtype, monkeypatch):
    """Rows of a block's length and below, with a column, a row, a scalar, every second element and a part of wider rows."""
    x, wide = tf.placeholder(dtype, [None, width]), tf.placeholder(dtype, [None, 3 * width])
    row, column = tf.placeholder(dtype, [width]), tf.placeholder(dtype, [None, 1])
    left, middle = wide[:, :width], wide[:, ::3]
    y = (x * row + column) * left - tf.maximum(middle, x)
    mask = tf.cast(tf.greater(y, row), dtype)
    joined = tf.concat([y * mask, x - column], 1)
    cast = tf.cast(y - column, tf.float64) * 0.5
    feeds = []
    for n in (1, 2, 7, 1024 // width, 1024 // width + 1, 2500 // width):
        values = [rows(n, width), rows(n, 3 * width), rows(width), rows(n, 1)]
        feeds.append(
            dict(zip([x, wide, row, column], ((4 * v).astype(dtype.as_numpy_dtype) for v in values), strict=True))
        )
    assert_same_bits([y, joined, cast], feeds, monkeypatch, (1, 2))


def test_rows_that_go_together_along_the_last_of_several_axes(monkeypatch):
    x, bias = tf.placeholder(tf.float32, [None, 5, 9]), tf.placeholder(tf.float32, [5, 9])
    plane, scale = tf.placeholder(tf.float32, [None, 1, 9]), tf.placeholder(tf.float32, [None, 1, 1])
    y = tf.tanh(x * scale + bias) * plane
    z = tf.transpose(y, [1, 0, 2]) * 2.0 - tf.transpose(x, [1, 0, 2])
    feeds = [{x: rows(n, 5, 9), bias: rows(5, 9), plane: rows(n, 1, 9), scale: rows(n, 1, 1)} for n in (0, 1, 3, 70)]
    assert_same_bits([y, z], feeds, monkeypatch)


def test_sums_of_several(monkeypatch):
    x = tf.placeholder(tf.float32, [None, 5])
    y = tf.add_n([x * 2.0, tf.tanh(x), tf.exp(x), x]) * 0.5
    assert kernels(optimized([y], {x: rows(50, 5)})) == ["fused"]
    assert_same_bits([y], [{x: rows(50, 5)}, {x: rows(999, 5)}], monkeypatch)


def test_a_write_between_two_steps_ends_the_chain(monkeypatch):
    v = tf.get_variable("v", initializer=rows(300))
    before = tf.tanh(v * 2.0)
    with tf.control_dependencies([before]), tf.control_dependencies([tf.assign(v, v + before)]):
        after = tf.exp(v.read_value()) * before
    assert_same_bits([before, after, v], [{}] * 3, monkeypatch)


def test_fetched_steps_and_windows(monkeypatch):
    x = tf.placeholder(tf.float32, [None, 40])
    a = tf.tanh(x) * 2.0
    b = a + x
    joined = tf.concat([tf.exp(a), b * a, x], 1)
    assert_same_bits(
        [a, b, joined, tf.transpose(b) * tf.transpose(a)], [{x: rows(30, 40)}, {x: rows(1, 40)}], monkeypatch
    )


def test_chains_in_loops(monkeypatch):
    x = tf.placeholder(tf.float32, [None])
    _, y = tf.while_loop(lambda k, y: k < 5, lambda k, y: (k + 1, tf.tanh(y * 1.5 + x) - 0.1 * y), [0, x])
    assert_same_bits([y, *tf.gradients(y, x)], [{x: rows(300)}, {x: rows(3000)}], monkeypatch)


UNARY = (tf.tanh, tf.sigmoid, tf.exp, tf.abs, tf.negative, tf.square, tf.nn.relu, tf.nn.softplus, tf.nn.elu, tf.sin)
BINARY = (tf.add, tf.subtract, tf.multiply, tf.maximum, tf.minimum, tf.squared_difference, tf.div_no_nan)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_chains_give_the_same_bits(data):
    draw = data.draw
    with tf.Graph().as_default(), pytest.MonkeyPatch.context() as monkeypatch:
        width = draw(st.sampled_from([1, 3, 16, 65]))
        x, y = (tf.placeholder(tf.float32, [None, width], name=n) for n in "xy")
        row, column = tf.placeholder(tf.float32, [width]), tf.placeholder(tf.float32, [None, 1])
        wide = tf.get_variable("wide", initializer=rows(1, 3 * width))
        values = [x, y, *tf.split(tf.concat([x * 0.5, y, x], 1) + wide, 3, 1)]
        for _ in range(draw(st.integers(1, 25))):
            kind = draw(st.sampled_from(["unary", "binary", "broadcast", "select", "strided", "read"]))
            a, b = draw(st.sampled_from(values)), draw(st.sampled_from(values))
            if kind == "unary":
                value = draw(st.sampled_from(UNARY))(tf.clip_by_value(a, -5.0, 5.0))
            elif kind == "binary":
                value = draw(st.sampled_from(BINARY))(a, b)
            elif kind == "broadcast":
                value = draw(st.sampled_from(BINARY))(a, draw(st.sampled_from([row, column, tf.tanh(column), 0.5])))
            elif kind == "select":
                value = tf.where(a > b, a, tf.cast(b < 0.5, tf.float32))
            elif kind == "strided":
                value = tf.reverse(a, [0]) if draw(st.booleans()) else tf.concat([a, b], 1)[:, :width]
            else:
                value = a + wide[:, :width]
            values.append(tf.clip_by_value(value, -1e3, 1e3))
        fetches = [values[-1], draw(st.sampled_from(values)), tf.reduce_sum(values[-1], 0)]
        feeds = [
            {x: rows(n, width), y: rows(n, width) * 2, row: rows(width), column: rows(n, 1)}
            for n in draw(st.lists(st.sampled_from([0, 1, 2, 7, 300]), min_size=1, max_size=3))
        ]
        assert_same_bits(fetches, feeds, monkeypatch, (1, 2))


SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0, 0.5, -0.75, 3e38, -3e38, 1e-30]


def x_or_half(a, b):
    return 0.5 * (a if a.shape.ndims else b)


IN_REGISTERS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "maximum": tf.maximum,
    "minimum": tf.minimum,
    "squared_difference": tf.squared_difference,
    "tanh_grad": lambda a, b: tf.gradients(tf.tanh(a), a, b)[0] if a.shape.ndims and b.shape.ndims else None,
    "sigmoid_grad": lambda a, b: tf.gradients(tf.sigmoid(a), a, b)[0] if a.shape.ndims and b.shape.ndims else None,
    "relu_grad": lambda a, b: tf.gradients(tf.nn.relu(a), a, b)[0] if a.shape.ndims and b.shape.ndims else None,
    "neg": lambda a, b: -a,
    "abs": lambda a, b: tf.abs(a),
    "reciprocal": lambda a, b: tf.reciprocal(a),
    "relu": lambda a, b: tf.nn.relu(a),
    **{
        compare.__name__: lambda a, b, compare=compare: tf.where(
            compare(a, b), a if a.shape.ndims else b, x_or_half(a, b)
        )
        for compare in (tf.equal, tf.not_equal, tf.less, tf.less_equal, tf.greater, tf.greater_equal)
    },
}


def same_bits(left, right):
    """Whether two arrays are the same, zeros with their signs; what is not a number is so in both."""
    bits = f"u{left.dtype.itemsize}"
    return bool(np.all((left.view(bits) == right.view(bits)) | (np.isnan(left) & np.isnan(right))))


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("name", IN_REGISTERS)
def test_what_stays_in_registers_has_the_bits_of_its_kernel(name, dtype, monkeypatch):
    """Each operation in the middle of a chain, with either operand from the step before, the other along or the same for all."""
    function = IN_REGISTERS[name]
    pairs = np.array([(a, b) for a in SPECIAL for b in SPECIAL] * 3, dtype.as_numpy_dtype)
    x, y = (tf.placeholder(dtype, [None]) for _ in range(2))
    chain = (x + x) * 0.5 + 0.0
    fetches = []
    for other in (y, *(tf.constant(value, dtype) for value in (0.0, -0.0, np.nan, 2.0))):
        found = [function(chain, other), function(other, chain)]
        fetches += [(value * 2.0 - x) * 0.5 for value in found if value is not None and value.shape.ndims]
    feeds = [{x: pairs[:n, 0], y: pairs[:n, 1]} for n in (432, 200, 65)]
    fused = run(fetches, feeds)
    with monkeypatch.context() as patch:
        patch.setattr(passes, "PASSES", unfused())
        for values, wanted in zip(fused, run(fetches, feeds)):
            assert all(same_bits(a, b) for a, b in zip(values, wanted))


def test_masks_in_slots_leave_the_numbers_there_alone(monkeypatch):
    """A mask of the elements behind the last whole vectors would lie where the slot has numbers of elements before them."""
    x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    first = tf.where(x > y, x, y)
    second = tf.where(tf.square(x) > first, tf.square(x), first)
    bounded = tf.maximum(second, y)
    far = tf.squared_difference(first, x * y)
    assert_same_bits([bounded - y * x, far], [{x: rows(n), y: rows(n)[::-1].copy()} for n in (300, 1000)], monkeypatch)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_what_stands_still_is_not_written_over_before_the_last_turn(dtype, monkeypatch):
    """A number is spread in a slot, which is free again behind the sum that reads it and gets a result of the same program."""
    x, y, number = tf.placeholder(dtype, [None]), tf.placeholder(dtype, [None]), tf.placeholder(dtype, [])
    product = tf.add_n([tf.fill(tf.shape(x), number), x, y]) * x
    chosen = tf.where(tf.add_n([tf.fill(tf.shape(x), number), x, y]) > 0.5, x, y)
    for result in (tf.exp(product) + product, tf.sin(chosen) * chosen):
        feeds = [{x: rows(n), y: rows(n)[::-1], number: 3.0} for n in (300, 999)]
        assert_same_bits([result], feeds, monkeypatch)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_a_choice_of_what_lies_apart_gets_its_mask_as_a_mask(dtype, monkeypatch):
    """What is compared behind a chain in registers, where the choice itself cannot go through them."""
    x, apart = tf.placeholder(dtype, [None]), tf.placeholder(dtype, [None])
    mask = ((x + 1.0) * 2.0 - 3.0) * x + x > 0.5
    first, second = tf.where(mask, apart[::2], x) * 2.0, tf.where(mask, x, apart[::-1][1::2]) + x
    feeds = [
        {x: rows(n).astype(dtype.as_numpy_dtype), apart: rows(2 * n).astype(dtype.as_numpy_dtype)} for n in (300, 999)
    ]
    assert_same_bits([first], feeds, monkeypatch)
    assert_same_bits([second], feeds, monkeypatch)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("columns", [1 << 20, 4096 + 3])
def test_results_that_go_past_the_cache(columns, dtype, monkeypatch):
    """From registers where they lie at whole vectors, else by a slot; one is read again by the chain."""
    count = (9 << 20) // dtype.size // columns + 1
    x, row = tf.placeholder(dtype, [None, columns]), tf.placeholder(dtype, [columns])
    again = (x * row + 1.0) * 0.5
    fetches = [(x - row) * 2.0 + x, again, tf.exp(again) * x + again]
    feed = {v: np.random.RandomState(0).standard_normal(s) for v, s in ((x, (count, columns)), (row, (columns,)))}
    assert_same_bits(fetches, [feed], monkeypatch)


@pytest.mark.parametrize("places", [(0, 2), (0, 1, 3), (1, 2)])
def test_a_sum_that_adds_something_several_times_does_not_write_over_it(executor, places):
    random = np.random.RandomState(1)
    values, weights = random.standard_normal((40, 30)), random.standard_normal((30, 30))
    x = tf.placeholder(tf.float64, [40, 30])
    product, other = tf.matmul(x, tf.constant(weights)), tf.sin(x)
    total = tf.add_n([product if i in places else other for i in range(4)])
    with tf.Session() as session:
        found = session.run(total, {x: values})
    expected = len(places) * (values @ weights) + (4 - len(places)) * np.sin(values)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_a_chain_of_too_many_operands_is_two(executor, monkeypatch):
    """Twenty tensors that are read, and ten results that are fetched, are more than one instruction has room for."""
    read = [tf.placeholder(tf.float32, [300]) for _ in range(20)]
    total, fetches = read[0], []
    for index, x in enumerate(read[1:]):
        total = total * x
        if index % 2:
            fetches.append(total)
    fetches.append(total)
    feeds = {x: rows(300) + k for k, x in enumerate(read)}
    assert kernels(optimized(fetches, feeds)) == ["fused", "fused"]
    assert_same_bits(fetches, [feeds], monkeypatch)
