"""Rolls, reversed sequences, blocks of space, grids and bits, against NumPy, on both executors."""

import itertools

import numpy as np
import pytest

import hookloop as tf


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def numbers(*shape, dtype="float32"):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def check_linear(function, shape):
    """The gradient of a rearrangement puts each weight back where its element came from."""
    x = tf.placeholder(tf.float64, shape)
    y = function(x)
    weights = np.random.default_rng(0).standard_normal(y.shape.as_list())
    (gradient,) = tf.gradients(tf.reduce_sum(y * weights), x)
    place = run(y, {x: numbers(*shape, dtype="float64") + 1})
    wanted = np.zeros(int(np.prod(shape)) + 1)
    np.add.at(wanted, place.astype(int).ravel(), weights.ravel())
    np.testing.assert_allclose(run(gradient, {x: np.zeros(shape)}).ravel(), wanted[1:], rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int32", "int64", "bool"])
@pytest.mark.parametrize("shift, axis", [(1, 0), (-2, 1), (7, -1), ([1, 2], [0, 2]), ([1, 2], [1, 1]), (0, 0)])
def test_roll(executor, shift, axis, dtype):
    x = numbers(3, 4, 2, dtype=dtype)
    np.testing.assert_array_equal(run(tf.roll(x, shift, axis)), np.roll(x, shift, axis))


def test_a_roll_may_only_be_known_while_it_runs(executor):
    x, shift = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.int32, [])
    rolled = tf.roll(x, shift, 0)
    with tf.Session() as session:
        for size, by in ((5, 2), (5, -1), (3, 8), (1, -3), (0, 2)):
            np.testing.assert_array_equal(
                session.run(rolled, {x: numbers(size), shift: by}), np.roll(numbers(size), by)
            )


@pytest.mark.parametrize("lengths_dtype", [np.int32, np.int64])
@pytest.mark.parametrize("sequence, batch", [(1, 0), (0, 1), (2, 0), (0, 2)])
def test_reverse_sequence(executor, sequence, batch, lengths_dtype):
    x = numbers(3, 4, 5)
    lengths = np.arange(x.shape[batch]).astype(lengths_dtype)[::-1] % (x.shape[sequence] + 1)
    found = run(tf.reverse_sequence(x, lengths, sequence, batch))
    wanted = np.moveaxis(x.copy(), (batch, sequence), (0, 1))
    for row, length in zip(wanted, lengths):
        row[:length] = row[:length][::-1].copy()
    np.testing.assert_array_equal(found, np.moveaxis(wanted, (0, 1), (batch, sequence)))


def test_a_sequence_longer_than_its_axis_is_refused(executor):
    lengths = tf.placeholder(tf.int64, [2])
    with pytest.raises(tf.errors.InvalidArgumentError, match="seq_lens"):
        run(tf.reverse_sequence(tf.ones([2, 3]), lengths, 1), {lengths: [1, 4]})


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_space_to_depth_and_back(executor, layout):
    x = numbers(2, 4, 6, 3)
    deep = x.reshape(2, 2, 2, 3, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 2, 3, 12)
    order = (0, 3, 1, 2) if layout == "NCHW" else (0, 1, 2, 3)
    x, deep = x.transpose(order), deep.transpose(order)
    np.testing.assert_array_equal(run(tf.space_to_depth(x, 2, data_format=layout)), deep)
    np.testing.assert_array_equal(run(tf.depth_to_space(deep, 2, data_format=layout)), x)


def test_space_to_depth_of_an_open_size(executor):
    x = tf.placeholder(tf.float32, [None, None, 4, 1])
    deep = tf.space_to_depth(x, 2)
    assert deep.shape.as_list() == [None, None, 2, 4]
    for count in (2, 6):
        assert run(deep, {x: numbers(1, count, 4, 1)}).shape == (1, count // 2, 2, 4)
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        run(deep, {x: numbers(1, 3, 4, 1)})


@pytest.mark.parametrize("block, paddings", [([2, 3], [[0, 0], [0, 0]]), ([2, 3], [[1, 1], [0, 3]]), ([2], [[1, 1]])])
def test_space_to_batch_and_back(executor, block, paddings):
    x = numbers(2, 4, 6, 1) + 1
    parts = tf.space_to_batch_nd(x, block, paddings)
    found, again = run([parts, tf.batch_to_space_nd(parts, block, paddings)])
    np.testing.assert_array_equal(again, x)
    assert found.shape[0] == 2 * np.prod(block)
    padded = np.pad(x, [(0, 0), *map(tuple, paddings), *[(0, 0)] * (3 - len(block))])
    first = padded[(slice(None), *(slice(None, None, b) for b in block))]
    np.testing.assert_array_equal(found[:2], first)
    last = padded[(slice(None), *(slice(b - 1, None, b) for b in block))]
    np.testing.assert_array_equal(found[-2:], last)


def test_paddings_that_make_space_divisible(executor):
    paddings, crops = tf.required_space_to_batch_paddings([3, 6], [2, 3], [[0, 0], [1, 1]])
    assert run([paddings, crops])[0].tolist() == [[0, 1], [1, 2]]
    assert run(crops).tolist() == [[0, 1], [0, 1]]
    x = tf.placeholder(tf.float32, [1, None, 2, 1])
    paddings, crops = tf.required_space_to_batch_paddings(tf.shape(x)[1:3], [2, 2])
    there_and_back = tf.batch_to_space_nd(tf.space_to_batch_nd(x, [2, 2], paddings), [2, 2], crops)
    for size in (3, 4):
        np.testing.assert_array_equal(run(there_and_back, {x: numbers(1, size, 2, 1)}), numbers(1, size, 2, 1))


@pytest.mark.parametrize(
    "given, wanted", [("float32", "int32"), ("int32", "float32"), ("int64", "uint8"), ("uint8", "int32")]
)
def test_bitcast(executor, given, wanted):
    x = numbers(2, 8, dtype=given)
    if np.dtype(wanted).itemsize > np.dtype(given).itemsize:
        x = x.reshape(2, 2, 4)
    found = run(tf.bitcast(x, wanted))
    assert found.dtype == wanted
    assert found.tobytes() == x.tobytes()


def test_meshgrid(executor):
    x, y, z = numbers(3), numbers(4) * 10, numbers(2) * 100
    for indexing in ("xy", "ij"):
        for found, wanted in zip(run(tf.meshgrid(x, y, z, indexing=indexing)), np.meshgrid(x, y, z, indexing=indexing)):
            np.testing.assert_array_equal(found, wanted)


def test_gradients(executor):
    check_linear(lambda x: tf.roll(x, [1, -1], [0, 1]), (3, 4))
    check_linear(lambda x: tf.reverse_sequence(x, [2, 0, 4], 1), (3, 4))
    check_linear(lambda x: tf.space_to_depth(x, 2), (1, 4, 2, 3))
    check_linear(lambda x: tf.depth_to_space(x, 2), (1, 2, 2, 8))
    check_linear(lambda x: tf.space_to_batch(x, [[1, 1], [0, 1]], 2), (2, 2, 3, 2))
    check_linear(lambda x: tf.batch_to_space(x, [[1, 0], [0, 1]], 2), (4, 2, 3, 2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint8])
@pytest.mark.parametrize("shape", [(17, 33), (64, 64), (65, 130), (8, 7), (3, 40, 50), (9, 20, 8, 33), (2, 100, 1, 70)])
def test_transposes_of_many_sizes(dtype, shape, config):
    """Every permutation, whole and beside an edge, of sizes that are no multiple of a tile or a vector."""
    value = (np.arange(np.prod(shape)) % 251).astype(dtype).reshape(shape)
    x = tf.placeholder(dtype, [None] * len(shape))
    orders = list(itertools.permutations(range(len(shape))))
    turned = [tf.transpose(x, order) for order in orders]
    with tf.Session(config=config) as session:
        whole, parts = session.run([turned, [t[..., 1:] for t in turned]], {x: value})
    for order, left, right in zip(orders, whole, parts):
        np.testing.assert_array_equal(left, value.transpose(order))
        np.testing.assert_array_equal(right, value.transpose(order)[..., 1:])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint8])
@pytest.mark.parametrize("size", [1, 7, 63, 1000])
def test_select_of_tensors_and_scalars(dtype, size):
    condition = np.arange(size) % 3 == 0
    a, b = np.arange(size).astype(dtype), (100 + np.arange(size) % 50).astype(dtype)
    which, x, y = tf.placeholder(tf.bool, [None]), tf.placeholder(dtype, [None]), tf.placeholder(dtype, [None])
    with tf.Session() as session:
        found = session.run(
            [tf.where(which, x, y), tf.where(which[::2], x[::2], y[::2])], {which: condition, x: a, y: b}
        )
    np.testing.assert_array_equal(found[0], np.where(condition, a, b))
    np.testing.assert_array_equal(found[1], np.where(condition, a, b)[::2])


def test_meshgrid_of_lists():
    found = run(tf.meshgrid([1, 2, 3], [4, 5]))
    np.testing.assert_array_equal(found, np.meshgrid([1, 2, 3], [4, 5]))
    names = [op.name for op in tf.get_default_graph().get_operations()]
    assert names[:2] == ["meshgrid/stack", "meshgrid/Reshape/shape"]


@pytest.mark.parametrize("constant", [True, False])
def test_the_bits_of_a_scalar_have_no_axis(executor, constant):
    x = tf.constant(2.5, tf.float64) if constant else tf.placeholder(tf.float64, [])
    with tf.Session() as session:
        bits = session.run(tf.bitcast(x, tf.int64), {} if constant else {x: 2.5})
        assert bits.shape == () and bits == 4612811918334230528


def test_blocks_of_images_have_four_axes_though_the_images_are_open():
    images = tf.placeholder(tf.float32)
    assert tf.space_to_batch(images, [[0, 0], [0, 0]], 2).shape.ndims == 4
    assert tf.batch_to_space(images, [[0, 0], [0, 0]], 2).shape.ndims == 4
