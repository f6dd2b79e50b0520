"""fuse_product_sums: products of which only the sums are wanted are never stored."""

import numpy as np
import pytest

import hookloop as tf

from ..programs import kernels, optimized

# (shape of one factor, of the other, axes): along both, along rows of both, scaled rows, axes in between, blocks longer than one
SUMS = [
    ((5, 7), (5, 7), [1]),
    ((33, 17), (33, 17), [1]),
    ((19, 1, 127), (19, 6, 127), [2]),
    ((19, 6, 1), (19, 6, 129), [1]),
    ((3, 70, 130), (3, 70, 130), [1]),
    ((3, 200, 131), (3, 200, 1), [1]),
    ((4, 5, 6, 7), (4, 1, 6, 7), [1, 3]),
    ((4, 5, 6, 7), (7,), [1, 2]),
    ((2, 9001), (2, 9001), [1]),
    ((4, 5, 6), (4, 5, 1), [2]),
    ((1, 33, 17), (33, 17), [2]),
    ((4, 0, 3), (4, 0, 3), [1]),
    ((4, 3, 0), (4, 3, 0), [1]),
    ((7,), (7,), [0]),
    ((3, 4, 5), (3, 4, 5), [0, 1, 2]),
    ((130, 31), (130, 31), [0, 1]),
    ((500001,), (500001,), [0]),
    ((0, 3), (0, 3), [0, 1]),
]


def rewritten(fetches, feeds):
    return kernels(optimized(fetches, feeds, names=["drop_unused", "fuse_product_sums"]))


def operands(dtype, *shapes):
    random = np.random.RandomState(len(shapes[0]))
    arrays = [random.standard_normal(shape).astype(dtype.as_numpy_dtype) for shape in shapes]
    feeds = {tf.placeholder(dtype, shape): array for shape, array in zip(shapes, arrays)}
    return list(feeds), arrays, feeds


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("left, right, axes", SUMS)
def test_sums_of_products(left, right, axes, dtype, executor):
    (x, y), (a, b), feeds = operands(dtype, left, right)
    wanted = tf.reduce_sum(x * y, axes)
    if executor == "plan":
        assert rewritten([wanted], feeds) == ["product_sum"]
    with tf.Session() as session:
        found = session.run(wanted, feeds)
    a, b = a.astype(np.float64), b.astype(np.float64)
    size = (np.abs(a) * np.abs(b)).sum(tuple(axes)) + 1
    assert found.shape == size.shape
    limit = np.finfo(dtype.as_numpy_dtype).eps * 8
    assert np.all(np.abs(found - (a * b).sum(tuple(axes))) <= limit * size)


def test_single_sums_leave_factors_to_what_makes_them():
    (x, y), _, feeds = operands(tf.float32, (20, 30), (20, 30))
    assert "product_sum" not in rewritten([tf.reduce_sum(tf.exp(x) * y)], feeds)
    (row,), _, more = operands(tf.float32, (30,))
    assert "product_sum" not in rewritten([tf.reduce_sum(x * row)], {**feeds, **more})


def test_single_sums_are_the_same_for_all_threads(executor):
    (x, y), _, feeds = operands(tf.float32, (3, 100003), (3, 100003))
    total, found = tf.reduce_sum(x * y), set()
    for threads in (1, 2, 4):
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
            found.update(session.run(total, feeds).tobytes() for _ in range(3))
    assert len(found) == 1


def test_sums_of_squares(executor):
    (x,), (a,), feeds = operands(tf.float64, (6, 11))
    lengths = tf.reduce_sum(tf.square(x), 1, keepdims=True)
    if executor == "plan":
        assert rewritten([lengths], feeds) == ["product_sum"]
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(lengths, feeds), (a**2).sum(1, keepdims=True), rtol=1e-14)


@pytest.mark.parametrize("function, expected", [(tf.reduce_sum, np.sum), (tf.reduce_mean, np.mean)])
@pytest.mark.parametrize("axes", [None, 0, 1, (0, 2)])
@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 2), (40, 50, 70)])
def test_squared_errors(shape, axes, function, expected, executor):
    (x, y), (a, b), feeds = operands(tf.float64, shape, shape)
    loss = function(tf.square(x - y), axes)
    if executor == "plan":
        assert "square" not in rewritten([loss], feeds)
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(loss, feeds), expected((a - b) ** 2, axes), rtol=1e-12)


# (shape of the points, of the centers, axes): few and many numbers a row, rows of one or of many points, axes before and after
DIFFERENCES = [
    ((33, 1, 2), (1, 40, 2), [2]),
    ((600, 1, 3), (2, 3), [2]),
    ((9, 1, 16), (1, 25, 16), [2]),
    ((5, 1, 67), (31, 67), [2]),
    ((7, 1, 4, 6), (3, 4, 6), [2, 3]),
    ((65, 19), (65, 19), [1]),
    ((130, 8), (8,), [1]),
    ((4, 3, 5000), (4, 1, 5000), [2]),
    ((6, 1, 0), (1, 5, 0), [2]),
    ((0, 1, 7), (1, 5, 7), [2]),
]


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("left, right, axes", DIFFERENCES)
def test_squared_differences_along_the_last_axes(left, right, axes, dtype, executor):
    """However they are written, and with the bits of differences that are stored, by any number of threads."""
    (x, y), (a, b), feeds = operands(dtype, left, right)
    difference = x - y
    alone = [tf.reduce_sum(tf.square(x - y), axes), tf.reduce_sum((x - y) ** 2, axes, keepdims=True)]
    if executor == "plan":
        for sums in (alone[0], tf.reduce_sum(difference * difference, axes)):
            assert rewritten([sums], feeds) == ["squared_difference_sum"]
    stored = tf.reduce_sum(tf.square(difference), axes)
    for threads in (1, 2):
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
            found, kept = [session.run(sums, feeds) for sums in alone]
            np.testing.assert_array_equal(found, session.run([stored, difference], feeds)[0])
        a64, b64 = a.astype(float), b.astype(float)
        np.testing.assert_allclose(found, ((a64 - b64) ** 2).sum(tuple(axes)), 1e-5 if dtype == tf.float32 else 1e-13)
        np.testing.assert_array_equal(kept, np.expand_dims(found, tuple(axes)))


def test_squared_differences_as_one_operation():
    (x, y), (a, b), feeds = operands(tf.float64, (30, 1, 5), (1, 7, 5))
    sums = tf.reduce_sum(tf.squared_difference(x, y), 2)
    assert rewritten([sums], feeds) == ["squared_difference_sum"]
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(sums, feeds), ((a - b) ** 2).sum(2), 1e-13)


def test_differences_are_stored_where_others_read_them_or_their_axes_are_not_whole():
    (x, y, z), _, feeds = operands(tf.float32, (30, 1, 5), (1, 7, 5), (1, 7, 1))
    difference = x - y
    assert "sub" in rewritten([difference, tf.reduce_sum(tf.square(difference), 2)], feeds)
    for other in (tf.reduce_sum(tf.square(x - z), 2), tf.reduce_sum(tf.square(x - y), 1)):
        assert "squared_difference_sum" not in rewritten([other], feeds)


def test_centers_move_to_the_mean_of_their_points(executor):
    """A step of k-means: the gradient of the nearest distances reads the differences too."""
    points = np.random.RandomState(0).standard_normal((50, 3)).astype("f")
    centers = tf.Variable(points[:4])
    distances = tf.reduce_sum(tf.square(tf.expand_dims(points, 1) - centers), 2)
    loss = tf.reduce_sum(tf.reduce_min(distances, 1))
    (slope,) = tf.gradients(loss, centers)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        total, found = session.run([loss, slope])
    apart = points[:, None].astype(float) - points[:4]
    squares = (apart**2).sum(2)
    nearest = squares.argmin(1)
    np.testing.assert_allclose(total, squares.min(1).sum(), 1e-5)
    wanted = [-2 * apart[nearest == k, k].sum(0) for k in range(4)]
    np.testing.assert_allclose(found, wanted, 1e-4, 1e-5)


@pytest.mark.parametrize("shape, axes", [((6, 11), [1]), ((6, 11), [0]), ((40, 9, 70), [0, 2]), ((5, 7, 4), [0, 1, 2])])
def test_variances(shape, axes, executor):
    (x,), (a,), feeds = operands(tf.float32, shape)
    mean, variance = tf.nn.moments(x, axes)
    if executor == "plan":
        names = kernels(optimized([mean, variance], feeds))
        assert "mean_distances" in names and "squared_difference" not in names
    with tf.Session() as session:
        found = session.run([mean, variance], feeds)
    np.testing.assert_allclose(found[0], a.astype(float).mean(tuple(axes)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[1], a.astype(float).var(tuple(axes)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 7, 40])
def test_distances_of_open_sizes(rows, executor):
    x = tf.placeholder(tf.float32, [None, 5])
    a = np.arange(rows * 5, dtype="f").reshape(rows, 5) ** 2
    wanted = [tf.reduce_sum(tf.squared_difference(tf.reduce_mean(x, 1, keepdims=True), x), 1), tf.nn.moments(x, [0])[1]]
    with tf.Session() as session:
        found = session.run(wanted, {x: a})
    np.testing.assert_allclose(found[0], a.astype(float).var(1) * 5, rtol=1e-5)
    np.testing.assert_allclose(found[1], a.astype(float).var(0), rtol=1e-5, atol=1e-5)


def test_distances_from_what_is_not_one_for_each_sum_are_left(executor):
    """Centers that differ within a sum, and such that fewer than all sums share the same."""
    (x, y, z), (a, b, c), feeds = operands(tf.float64, (6, 5, 4), (5, 1), (4,))
    wanted = [tf.reduce_sum(tf.squared_difference(x, y), 1), tf.reduce_mean(tf.squared_difference(z, x), [1, 2])]
    if executor == "plan":
        assert "sum_distances" not in rewritten(wanted, feeds) and "mean_distances" not in rewritten(wanted, feeds)
    with tf.Session() as session:
        found = session.run(wanted, feeds)
    np.testing.assert_allclose(found[0], ((a - b) ** 2).sum(1), rtol=1e-12)
    np.testing.assert_allclose(found[1], ((a - c) ** 2).mean((1, 2)), rtol=1e-12)


def test_factors_whose_columns_lie_apart(executor):
    (x, y), (a, b), feeds = operands(tf.float32, (5, 9, 4), (5, 4, 9))
    wanted = [tf.reduce_sum(tf.transpose(x, [0, 2, 1]) * y, axis) for axis in (1, 2)]
    with tf.Session() as session:
        found = session.run(wanted, feeds)
    for axis, values in zip((1, 2), found):
        np.testing.assert_allclose(values, (a.transpose(0, 2, 1) * b).sum(axis), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "left, right, axis", [((4, 8, 1), (4, 8, 5), 1), ((4, 8, 16), (4, 8, 16), 2), ((1, 8, 5), (1, 8, 5), 1)]
)
def test_sums_that_are_parts_of_a_concatenation(left, right, axis, executor):
    (x, y), (a, b), feeds = operands(tf.float32, left, right)
    sums = tf.reduce_sum(x * y, axis)
    joined = tf.concat([tf.tanh(y[:, 0]), sums, tf.tanh(y[:, 1])], 1)
    with tf.Session() as session:
        found = session.run(joined, feeds)
    expected = np.concatenate([np.tanh(b[:, 0]), (a * b).sum(axis), np.tanh(b[:, 1])], 1)
    np.testing.assert_allclose(found, expected, 1e-5, 1e-5)


@pytest.mark.parametrize("rows", [1, 7, 40])
def test_sizes_that_the_graph_leaves_open(rows, executor):
    x, y = tf.placeholder(tf.float32, [None, 5]), tf.placeholder(tf.float32, [None, 5])
    a, b = np.arange(rows * 5, dtype="f").reshape(rows, 5), np.full((rows, 5), 2, "f")
    with tf.Session() as session:
        found = session.run(tf.reduce_sum(x * y, 1), {x: a, y: b})
    np.testing.assert_array_equal(found, 2 * a.sum(1))


def test_products_that_others_want_are_left():
    (x, y), _, feeds = operands(tf.float64, (5, 7), (5, 7))
    product = x * y
    assert rewritten([product, tf.reduce_sum(product, 1)], feeds) == ["mul", "sum"]


def test_other_sums_are_left():
    (x, y), _, feeds = operands(tf.float64, (5, 7), (5, 7))
    for other in (tf.reduce_mean(x * y), tf.reduce_sum(x * y, 0), tf.reduce_sum(x + y, 1), tf.reduce_mean(x * y, 1)):
        assert rewritten([other], feeds)[1] in ("sum", "mean")
    assert rewritten([tf.reduce_max(tf.square(x), 1)], feeds) == ["square", "max"]
    (x, y), _, feeds = operands(tf.int32, (5, 7), (5, 7))
    assert rewritten([tf.reduce_sum(x * y, 1)], feeds) == ["mul", "sum"]


def test_what_is_written_in_between_is_not_read_later(executor):
    v = tf.Variable(np.ones((3, 4), "f"))
    read = v.read_value() if hasattr(v, "read_value") else tf.identity(v)
    product = read * read
    with tf.control_dependencies([product]):
        changed = tf.assign(v, tf.zeros([3, 4]))
    with tf.control_dependencies([changed]):
        total = tf.reduce_sum(product, 1)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(total), [4, 4, 4])


@pytest.mark.parametrize("axes", [[1], [2]])
def test_the_bits_do_not_depend_on_the_threads(axes):
    (x, y), _, feeds = operands(tf.float32, (64, 70, 131), (64, 70, 131))
    wanted = tf.reduce_sum(x * y, axes)
    found = []
    for threads in (1, 2, 4):
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
            found.append(session.run(wanted, feeds))
    for values in found[1:]:
        np.testing.assert_array_equal(values, found[0])


def test_not_a_number_comes_through(executor):
    (x, y), (a, b), feeds = operands(tf.float32, (4, 37), (4, 37))
    a[1, 36], b[2, 0] = np.nan, np.inf
    with tf.Session() as session:
        found = session.run(tf.reduce_sum(x * y, 1), feeds)
    assert np.isnan(found[1]) and np.isinf(found[2]) and np.isfinite(found[[0, 3]]).all()


@pytest.mark.parametrize("reduce, wanted", [(tf.reduce_sum, "sum_squares"), (tf.reduce_mean, "mean_squares")])
def test_products_with_themselves_are_squares(reduce, wanted):
    """Norms that are written x * x, over all or over the first axis."""
    (x,), _, feeds = operands(tf.float32, (40, 11))
    for axes in (None, [0]):
        norm = reduce(x * x, axes)
        assert wanted in rewritten([norm], feeds)
        with tf.Session() as session:
            np.testing.assert_array_equal(session.run(norm, feeds), session.run(reduce(tf.square(x), axes), feeds))
