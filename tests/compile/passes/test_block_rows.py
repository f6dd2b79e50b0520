"""block_rows: rows go through several instructions while the cache has them, and no bit of a result changes.

Sums of all rows are put together from those of blocks: they have the same bits for any number of threads, but not those of one reduction.
"""

import sys

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import hookloop as tf
from hookloop.compile import passes

from ..programs import kernels, optimized

MODULE = sys.modules["hookloop.compile.passes.block_rows"]
LARGE = (2 << 20) // 4  # floats of all rows from which on they are cut into blocks (csrc/kernels/row_block.c)


def run(fetches, feeds, threads=1):
    with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feeds)


def assert_same_bits(fetches, feeds, monkeypatch, threads=(1, 2, 4), sums=()):
    """`sums` are the places of the results that are sums of all rows, which are only near what they are without the pass."""
    found = [run(fetches, feeds, count) for count in threads]
    with monkeypatch.context() as patch:
        patch.setattr(passes, "PASSES", tuple(p for p in passes.PASSES if p.__name__ != "block_rows"))
        wanted = run(fetches, feeds)
    for values in found:
        for place, (left, first, right) in enumerate(zip(values, found[0], wanted)):
            assert left.tobytes() == (first if place in sums else right).tobytes()
            if place in sums:
                np.testing.assert_allclose(left, right, 1e-4, 1e-4 * (1 + np.abs(right).max()))


def numbers(*shape, dtype="float32"):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def normalized(x, scale=None, shift=None):
    mean, variance = tf.nn.moments(x, [-1], keep_dims=True)
    y = (x - mean) * tf.rsqrt(variance + 1e-5)
    return y if scale is None else y * scale + shift


def softmax(x):
    e = tf.exp(x - tf.reduce_max(x, -1, keepdims=True))
    return e / tf.reduce_sum(e, -1, keepdims=True)


def softmax_gradient(x):
    return tf.gradients(tf.nn.softmax(x) * softmax(x), x)[0]


CHAINS = {
    "normalized": normalized,
    "its gradient": lambda x: tf.gradients(normalized(x) * tf.sin(x), x)[0],
    "softmax": softmax,
    "softmax's gradient": softmax_gradient,
    "logsumexp": lambda x: tf.reduce_logsumexp(x, -1),
    "l2_normalize": lambda x: tf.nn.l2_normalize(x, -1),
    "products": lambda x: x * tf.reduce_prod(tf.abs(x) + 0.5, -1, keepdims=True) - tf.reduce_min(x, -1, keepdims=True) * x,
}  # fmt: skip

# Few rows, which are one block; blocks of the same size; one longer than others; as few rows as are cut; short and long ones.
SHAPES = [
    (63, 4096),
    (64, 4096),
    (65, 4096),
    (128, 4096),
    (1031, 513),
    (2000, 512),
    (257, 1000),
    (20011, 33),
    (64, 8192),
    (70, 8192),
]


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_bit_changes(chain, shape, monkeypatch):
    monkeypatch.setattr(MODULE, "MIDDLING_ROW", 32)
    x = tf.placeholder(tf.float32, [None, shape[1]])
    fetches, feeds = [CHAINS[chain](x)], {x: numbers(*shape)}
    assert "row_block" in kernels(optimized(fetches, feeds))
    assert_same_bits(fetches, feeds, monkeypatch)


@pytest.mark.parametrize("dtype", ("float64", "float16", "int32"))
def test_other_types(dtype, monkeypatch):
    x = tf.placeholder(dtype, [None, 300])
    top, total = tf.reduce_max(x, 1, keepdims=True), tf.reduce_sum(x, 1, keepdims=True)
    fetches, feeds = [(x - top) * total + x], {x: (numbers(3001, 300) * 10).astype(dtype)}
    assert kernels(optimized(fetches, feeds)) == ["row_block"]
    assert_same_bits(fetches, feeds, monkeypatch)


@pytest.mark.parametrize("rows", (LARGE // 600 - 1, LARGE // 600, LARGE // 600 + 1))
def test_sizes_around_the_first_that_is_cut(rows, monkeypatch):
    """x and the result are touched: 300 elements of each in a row."""
    x = tf.placeholder(tf.float32, [None, 300])
    assert_same_bits([normalized(x)], {x: numbers(rows, 300)}, monkeypatch)


def test_one_plan_serves_few_rows_many_and_none():
    x = tf.placeholder(tf.float32, [None, 256])
    wanted = softmax(x)
    with tf.Session() as session:
        for rows in (5000, 3, 0, 1, 5001, 64):
            a = numbers(rows, 256)
            e = np.exp(a - a.max(1, keepdims=True)) if rows else a
            np.testing.assert_allclose(session.run(wanted, {x: a}), e / e.sum(1, keepdims=True), 1e-5)


@pytest.mark.parametrize("shape", [(20, 70, 300), (3, 5, 700, 64), (100, 50, 1, 128)])
def test_rows_of_several_axes(shape, monkeypatch):
    monkeypatch.setattr(MODULE, "MIDDLING_ROW", 32)
    x, bias = tf.placeholder(tf.float32, [None, *shape[1:]]), tf.placeholder(tf.float32, [shape[-1]])
    fetches = [softmax(x * 0.5 + bias), tf.gradients(normalized(x, bias, bias) ** 2, [x, bias])]
    feeds = {x: numbers(*shape), bias: numbers(shape[-1])}
    program = optimized([fetches[0], *fetches[1]], feeds)
    assert kernels(program).count("row_block") >= 1
    assert_same_bits([fetches[0], *fetches[1]], feeds, monkeypatch, sums=[2])


def test_weights_gradients_are_made_on_the_way(monkeypatch):
    """Sums of columns read what the rows' instructions write, and are parts of the same instruction."""
    x = tf.placeholder(tf.float32, [2500, 300])
    scale, shift = tf.placeholder(tf.float32, [300]), tf.placeholder(tf.float32, [300])
    fetches = tf.gradients(normalized(x, scale, shift) ** 2, [x, scale, shift])
    feeds = {x: numbers(2500, 300), scale: numbers(300), shift: numbers(300)}
    assert [instr.kernel for instr in optimized(fetches, feeds).root.items] == ["row_block"]
    assert_same_bits(fetches, feeds, monkeypatch, sums=[1, 2])


LOSSES = {
    "mean": lambda x: tf.reduce_mean(tf.abs(x - 0.5) ** 2),
    "sum of columns": lambda x: tf.reduce_sum(tf.tanh(x), 0, keepdims=True),
    "means of columns": lambda x: tf.reduce_mean(tf.tanh(x), 0),
    "sum of squares": lambda x: tf.reduce_sum(tf.square(tf.tanh(x) + x)),
    "mean of squares": lambda x: tf.reduce_mean(tf.square(tf.tanh(x) + x), 0),
    "mean of rows": lambda x: tf.reduce_mean(tf.reduce_sum(tf.exp(x) - x, 1)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("loss", LOSSES)
def test_sums_of_all_rows(loss, dtype, monkeypatch):
    """Of no rows, one block, and blocks of which some are longer; beside a result of rows."""
    x = tf.placeholder(dtype, [None, 300])
    fetches = [tf.nn.softmax(tf.sin(x)), LOSSES[loss](x), tf.reduce_sum(x, 0)]
    for rows in (1, 63, 64, 1748, 5003):
        feeds = {x: numbers(rows, 300, dtype=dtype.name)}
        assert_same_bits(fetches, feeds, monkeypatch, sums=[1, 2])
        assert_same_bits(fetches[1:], feeds, monkeypatch, sums=[0, 1])
    assert "row_block" in kernels(optimized(fetches[:2], feeds))
    assert run(fetches, {x: numbers(0, 300)})[2].tolist() == [0] * 300


def test_several_first_axes_are_summed(monkeypatch):
    x = tf.placeholder(tf.float32, [None, 70, 300])
    y = tf.tanh(x)
    fetches = [tf.reduce_sum(y * x, [0, 1]), tf.reduce_mean(y), tf.reduce_sum(y, 0), y]
    assert_same_bits(fetches, {x: numbers(40, 70, 300)}, monkeypatch, sums=[0, 1, 2])


def test_what_reads_a_sum_of_all_rows_comes_behind(monkeypatch):
    x = tf.placeholder(tf.float32, [None, 300])
    y = tf.sin(x) * tf.reduce_max(x, 1, keepdims=True)
    centered = y - tf.reduce_mean(y, 0)
    fetches = [centered / tf.reduce_sum(tf.square(centered)), tf.reduce_sum(y, 0)]
    assert_same_bits(fetches, {x: numbers(3001, 300)}, monkeypatch, sums=[0, 1])


def test_a_gradient_of_an_open_number_of_rows_is_one_instruction(monkeypatch):
    """Means divide by a number of elements that the feeds tell, and repeat rows once unless there are none."""
    x = tf.placeholder(tf.float32, [None, 300])
    fetches = tf.gradients(tf.sin(normalized(x)), x)
    feeds = {x: numbers(2500, 300)}
    found = kernels(optimized(fetches, feeds))
    assert [kernel for kernel in found if kernel not in ("store_sizes", "cast")] == ["row_block"]
    assert_same_bits(fetches, feeds, monkeypatch)
    with tf.Session() as session:
        for rows in (0, 1, 3):
            assert session.run(fetches[0], {x: numbers(rows, 300)}).shape == (rows, 300)


def test_a_vector_that_is_rows_here_and_columns_there(monkeypatch):
    """Of a square matrix, one vector may be an element of each row, and the same for all rows."""
    x, v = tf.placeholder(tf.float32, [900, 900]), tf.placeholder(tf.float32, [900])
    w = tf.tanh(v)  # made of the rows' own elements, and wanted whole by every row
    y = tf.reduce_sum(x, 1) + w
    fetches = [softmax(x) * w + tf.expand_dims(y, 1) * y, softmax(x + y) - x]
    feeds = {x: numbers(900, 900), v: numbers(900)}
    assert_same_bits(fetches, feeds, monkeypatch)
    a, b = (np.asarray(feeds[t], np.float64) for t in (x, v))
    e = np.exp(a - a.max(1, keepdims=True))
    e, total = e / e.sum(1, keepdims=True), a.sum(1) + np.tanh(b)
    np.testing.assert_allclose(run(fetches, feeds)[0], e * np.tanh(b) + total[:, None] * total, 1e-3, 1e-3)


def test_parts_of_wider_rows(monkeypatch):
    """Rows may be parts of longer ones, read and written in place."""
    x = tf.placeholder(tf.float32, [None, 700])
    fetches = [tf.concat([softmax(x[:, :300]), x[:, 300:]], 1)]
    feeds = {x: numbers(2500, 700)}
    assert_same_bits(fetches, feeds, monkeypatch)


def test_steps_that_train(monkeypatch):
    """Variables that rows are added into are read before they are written."""
    table = tf.get_variable("table", initializer=numbers(3000, 300))
    loss = tf.reduce_mean(normalized(table) * softmax(table))
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)

    def trained(threads):
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
            session.run(tf.global_variables_initializer())
            losses = [session.run([loss, train])[0] for _ in range(3)]
            return losses, session.run(table).tobytes()

    found = [trained(threads) for threads in (1, 2)]
    assert found[0] == found[1]
    with monkeypatch.context() as patch:
        patch.setattr(passes, "PASSES", tuple(p for p in passes.PASSES if p.__name__ != "block_rows"))
        losses, values = trained(1)
        np.testing.assert_allclose(found[0][0], losses, 1e-4, 1e-7)
        assert found[0][1] == values


def test_what_is_not_blocked():
    x = tf.placeholder(tf.float32, [None, 300])
    open_rows, long_rows, few = (tf.placeholder(tf.float32, shape) for shape in ([None, None], [None, 8193], [30, 300]))
    for tensor, fetch in (
        (open_rows, softmax(open_rows)),  # nobody knows how long a row is
        (long_rows, softmax(long_rows)),
        (few, softmax(few)),  # the cache keeps them
        (x, tf.nn.softmax(x)),  # a single instruction
        (x, tf.tanh(x) * tf.reduce_sum(x, 0)),  # no row by itself
        (x, tf.tanh(x) / tf.reduce_sum(x)),
    ):
        feeds = {tensor: np.zeros([40 if d.value is None else d.value for d in tensor.shape], np.float32)}
        assert "row_block" not in kernels(optimized([fetch], feeds))


def test_short_rows_are_blocked_where_they_are_gone_over_often():
    for columns, chain, blocked in (
        (255, "l2_normalize", False),
        (256, "l2_normalize", True),
        (31, "softmax", False),
        (32, "softmax", True),
    ):
        x = tf.placeholder(tf.float32, [None, columns])
        found = kernels(optimized([CHAINS[chain](x)], {x: numbers(3, columns)}))
        assert ("row_block" in found) == blocked


def test_explain_says_so(capsys):
    x = tf.placeholder(tf.float32, [None, 300])
    text = str(tf.explain(softmax(x)))
    assert "block_rows: takes blocks of rows through max, fused, sum, div" in text


def test_a_stop_is_heeded():
    """A long run over blocks is left when it is told to: here by its time limit."""
    x = tf.Variable(tf.ones([20000, 1000]))
    y = x
    for _ in range(6):
        y = softmax(y + x)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run(tf.reduce_sum(y), options=tf.RunOptions(timeout_in_ms=1))
        assert session.run(x[0, 0]) == 1


@pytest.fixture
def rows_of_any_length(monkeypatch):
    for name, value in (("SHORT_ROW", 1), ("MIDDLING_ROW", 1), ("SMALL", 0)):
        monkeypatch.setattr(MODULE, name, value)


ROWS = (tf.reduce_sum, tf.reduce_mean, tf.reduce_max, tf.reduce_min, tf.reduce_prod, tf.reduce_logsumexp)


class Rows:
    """Draws a graph of tensors [batch, 5], [batch, 1], [batch] and [5]."""

    def __init__(self, data, dtype):
        self.data = data
        self.batch = tf.placeholder(dtype, [None, 5])
        self.wide, self.narrow, self.flat = [self.batch], [self.batch[:, :1]], [self.batch[:, 2]]
        self.same = [tf.constant(np.linspace(-1, 1, 5, dtype=dtype.as_numpy_dtype))]

    def draw(self, items):
        return self.data.draw(st.sampled_from(items))

    def grow(self):
        x = self.draw(self.wide)
        move = self.draw(("unary", "binary", "keep", "flat", "narrow", "still", "softmax", "column", "expand", "cut"))
        if move == "unary":
            self.wide.append(self.draw((tf.tanh, tf.sigmoid, tf.abs, tf.negative))(x))
        elif move == "binary":
            self.wide.append(
                self.draw((tf.add, tf.multiply, tf.subtract))(x, self.draw(self.wide + self.narrow + self.same))
            )
        elif move == "keep":
            self.narrow.append(tf.tanh(self.draw(ROWS)(x, 1, keepdims=True)))
        elif move == "flat":
            self.flat.append(self.draw((tf.add, tf.maximum))(self.draw(ROWS)(x, 1), self.draw(self.flat)))
        elif move == "narrow":
            self.narrow.append(tf.sigmoid(self.draw(self.narrow)) + self.draw(self.narrow))
        elif move == "still":
            self.same.append(tf.tanh(tf.reduce_sum(x, 0)))
        elif move == "softmax":
            self.wide.append(self.draw((tf.nn.softmax, tf.nn.log_softmax))(x))
        elif move == "column":
            self.narrow.append(tf.expand_dims(self.draw(self.flat), 1))
        elif move == "expand":
            self.wide.append(x + tf.tile(self.draw(self.narrow), [1, 5]))
        else:
            self.wide.append(
                tf.concat([x[:, 2:], self.draw(self.narrow), x[:, :1]], 1) + tf.zeros_like(x)[:, :4][:, :1]
            )


def assert_random_graph(data, dtype, compare):
    with tf.Graph().as_default():
        rows = Rows(data, dtype)
        for _ in range(data.draw(st.integers(2, 14))):
            rows.grow()
        wanted = [rows.wide[-1], rows.narrow[-1], rows.flat[-1], tf.reduce_sum(rows.draw(rows.wide))]
        if data.draw(st.booleans()):
            wanted.append(tf.convert_to_tensor(tf.gradients([tf.sin(t) for t in wanted[:3]], rows.batch)[0]))
        size = data.draw(st.sampled_from((1, 7, 63, 300, 20000, 30011)))
        feeds = {rows.batch: numbers(size, 5)}
        found = [run(wanted, feeds, threads) for threads in (1, 2)]
        every = passes.PASSES
        passes.PASSES = tuple(p for p in every if p.__name__ != "block_rows")
        try:
            plain = run(wanted, feeds)
        finally:
            passes.PASSES = every
        for left, right in zip(*found):
            np.testing.assert_array_equal(left, right)
        for left, right in zip(found[0], plain):
            compare(left, right)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_graphs_of_rows_keep_their_bits(rows_of_any_length, monkeypatch, data):
    """Where sums of all rows are not made on the way."""
    monkeypatch.setattr(MODULE, "_CLOSING", {})
    assert_random_graph(data, tf.float32, np.testing.assert_array_equal)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_graphs_with_sums_of_all_rows(rows_of_any_length, data):
    def near(left, right):
        np.testing.assert_allclose(left, right, 1e-7, 1e-7 * (1 + np.nanmax(np.abs(right), initial=0)))

    assert_random_graph(data, tf.float64, near)
