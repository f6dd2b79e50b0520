"""What passes ask of values: disjoint windows, views under another shape; of a program: who reads and writes a buffer."""

import numpy as np
import pytest

import hookloop as tf
from hookloop import float32
from hookloop.compile.ir import ARENA, Buffer, Instr, Value, dense_strides
from hookloop.compile.passes.uses import Uses, are_disjoint, at_least, lie_in_order, reshaped_view
from hookloop.compile.sizes import SizeTable

from ..programs import kernels, lowered

BUFFER = Buffer(ARENA, float32, 1000)


def window(shape, strides, offset=0):
    return Value(float32, tuple(shape), BUFFER, tuple(strides) if strides else None, offset)


def elements(value):
    """The places of a value's elements in its buffer, in order."""
    strides = value.strides or dense_strides(value.shape)
    return np.array([value.offset + int(np.dot(i, strides)) for i in np.ndindex(*value.shape)])


@pytest.mark.parametrize("seed", range(400))
def test_disjoint_windows_share_no_element(seed):
    random = np.random.RandomState(seed)
    shape = random.randint(1, 5, random.randint(1, 4))
    strides = dense_strides([int(d) for d in shape])
    windows = []
    for _ in range(2):
        low = [random.randint(0, d) for d in shape]
        dims = [int(random.randint(1, d - b + 1)) for b, d in zip(low, shape)]
        windows.append(window(dims, strides, int(np.dot(low, strides))))
    if are_disjoint(*windows):
        assert not set(elements(windows[0])) & set(elements(windows[1]))
    assert not are_disjoint(windows[0], windows[0])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_neighbours_along_one_axis_are_disjoint(axis):
    dims = [3, 4, 5]
    first, second = list(dims), list(dims)
    first[axis], second[axis] = 1, dims[axis] - 1
    strides = dense_strides(dims)
    assert are_disjoint(window(first, strides), window(second, strides, strides[axis]))
    assert not are_disjoint(window(second, strides), window(second, strides, strides[axis]))


@pytest.mark.parametrize("seed", range(400))
def test_windows_that_lie_in_order_share_no_element(seed):
    random = np.random.RandomState(seed)
    dims = [int(d) for d in random.randint(1, 5, random.randint(1, 4))]
    axis, strides = random.randint(len(dims)), dense_strides(dims)
    windows, start = [], 0
    while start < dims[axis]:
        size = random.randint(1, dims[axis] - start + 1)
        part = [size if k == axis else d for k, d in enumerate(dims)]
        windows.append(window(part, strides, int(start * strides[axis])))
        start += size
    assert lie_in_order(windows)
    moved = random.randint(len(windows))
    windows[moved] = window(windows[moved].shape, strides, windows[moved].offset + int(random.randint(-3, 4)))
    places = [place for one in windows for place in elements(one)]
    if lie_in_order(windows):
        assert len(set(places)) == len(places)
    assert not lie_in_order([*windows, windows[0]])


def test_windows_of_unknown_size_lie_in_order_where_it_follows():
    sizes = SizeTable()
    n, m, k = sizes.fresh(), sizes.fresh(), sizes.fresh()
    assert lie_in_order([window([n, 4], None), window([m, 4], None, n * 4), window([k, 4], None, (n + m) * 4)])
    assert not lie_in_order([window([n, 4], None), window([m, 4], None, m * 4), window([k, 4], None, (n + m) * 4)])
    assert lie_in_order([window([n, 3], [9, 1], 3 * i) for i in range(3)])
    assert not lie_in_order([window([n, 3], [9, 1], 3 * i) for i in range(4)])
    assert not lie_in_order([window([n, 3], [9, 1]), window([n, 3], [8, 1], 3)])


def test_windows_of_unknown_size_are_disjoint_where_it_follows():
    sizes = SizeTable()
    n, m = sizes.fresh(), sizes.fresh()
    assert are_disjoint(window([n, 4], None), window([m, 4], None, n * 4))
    assert are_disjoint(window([n, 3], [7, 1]), window([n, 4], [7, 1], 3))
    assert not are_disjoint(window([n, 4], None), window([m, 4], None, m * 4))


def test_sizes_are_never_negative():
    sizes = SizeTable()
    n = sizes.fresh()
    assert at_least(n * 2 + 1, n) and at_least(n, 0) and at_least(3, 3)
    assert not at_least(n, 1) and not at_least(n, n * 2) and not at_least(2, 3)


@pytest.mark.parametrize("seed", range(400))
def test_a_view_under_another_shape_has_the_same_elements_in_order(seed):
    random = np.random.RandomState(seed)
    full = [int(d) for d in random.randint(1, 4, random.randint(1, 5))]
    strides = np.array(dense_strides(full))
    keep = random.permutation(len(full))[: random.randint(1, len(full) + 1)] if seed % 2 else np.arange(len(full))
    value = window([full[i] for i in keep], [int(strides[i]) for i in keep])
    total = int(np.prod(value.shape))
    for shape in (
        [total],
        [1, total],
        [total, 1],
        [2, total // 2] if total % 2 == 0 else [total],
        list(value.shape[:1]) + [total // value.shape[0]],
    ):
        view = reshaped_view(value, tuple(shape))
        if view is not None:
            np.testing.assert_array_equal(elements(view), elements(value))
    assert reshaped_view(value, (1, *value.shape, 1)) is not None


def test_readers_are_those_of_the_moment_each_once():
    x, w = tf.placeholder(tf.float32, [2, 2]), tf.placeholder(tf.float32, [2, 2])
    h = x
    for _ in range(4):
        h = tf.matmul(tf.matmul(h, w), w + w)
    program = lowered([h], {x: np.ones((2, 2)), w: np.ones((2, 2))})
    uses = Uses.of(program)
    products = [instr for instr in program.root.items if instr.kernel == "matmul"]
    sums = [instr for instr in program.root.items if instr.kernel == "add"]
    weight = products[0].inputs[1].buffer
    assert uses.readers(weight) == [item for pair in zip(products[::2], sums) for item in pair]  # a sum reads it twice
    assert uses.only_reader(sums[0].outputs[0]) is products[1] and uses.only_writer(sums[0].outputs[0]) is sums[0]

    other = Instr("relu", [products[2].inputs[1]], products[2].outputs, (), products[2].node)
    uses.replace(products[2], other)
    uses.refresh(sums[0], lambda: setattr(sums[0], "inputs", list(products[0].outputs) * 2))
    left = uses.readers(weight)
    assert len(left) == 7 and other in left and products[2] not in left and sums[0] not in left
    assert uses.only_writer(other.outputs[0]) is other
    assert sums[0] in uses.readers(products[0].outputs[0].buffer)
    uses.finish(program.root)
    assert other in program.root.items and products[2] not in program.root.items
    assert Uses.of(program) is not uses  # what was rewritten is looked at anew


def _two_readers(second):
    """Uses of a program that negates x and sums the result, and the instructions; `second` reads the negative too, where given."""
    x = tf.placeholder(tf.float32, [2, 3])
    negative = tf.negative(x)
    fetches = [tf.reduce_sum(negative, 1), *([second(negative)] if second else [])]
    program = lowered(fetches, {x: np.ones((2, 3))})
    made, later = (next(i for i in program.instructions() if i.kernel == kernel) for kernel in ("neg", "sum"))
    return program, Uses.of(program), made, later


@pytest.mark.parametrize("second", [None, tf.exp, tf.identity], ids=["alone", "another reader", "a result"])
def test_what_one_instruction_alone_reads_may_join_it(second):
    program, uses, made, later = _two_readers(second)
    assert uses.may_join(program.root, made, made.outputs[0], later) == (second is None)


def test_what_is_joined_stands_where_the_later_one_stood_and_keeps_the_notes_of_both():
    program, uses, made, later = _two_readers(None)
    made.note("one", "was first")
    later.note("two", "was second")
    joined = Instr("sum_squares", made.inputs, later.outputs, later.params)
    uses.join(made, later, joined)
    uses.finish(program.root)
    assert kernels(program) == ["sum_squares"]
    assert joined.notes == (("one", "was first"), ("two", "was second"))
    assert uses.only_reader(made.inputs[0]) is joined and uses.only_writer(later.outputs[0]) is joined
