"""Feeds of equally many rows have one size in the plan; others get a plan that takes less for granted, with the same meaning."""

import io

import numpy as np
import pytest

import hookloop as tf
from hookloop.compile import pipeline
from hookloop.compile.same_sizes import same_sizes
from hookloop.session import BaseSession

from ..conftest import on_reference
from .programs import kernels, optimized


def numbers(*shape, seed=0):
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture
def compiled(monkeypatch):
    """A list that grows by the requests compiled."""
    found, compile_request = [], pipeline.compile_request

    def noted(request):
        found.append(request)
        return compile_request(request)

    monkeypatch.setattr(pipeline, "compile_request", noted)
    return found


def squared_error(x, y):
    loss = tf.reduce_sum(tf.square(tf.tanh(x) - y))
    return [loss, *tf.gradients(loss, [x, y])]


def squared_error_of(a, b):
    """The same in NumPy, with the gradients summed over what was broadcast."""
    t = np.tanh(np.float64(a))
    d = t - b
    down = [2 * d * (1 - t * t), -2 * d]
    return [np.sum(d * d), *[g.sum(0, keepdims=True) if len(v) < len(g) else g for g, v in zip(down, (a, b))]]


def check(found, a, b):
    for left, right in zip(found, squared_error_of(a, b)):
        assert np.shape(left) == np.shape(right)
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-4)


def test_gradients_of_equal_batches_are_not_summed():
    x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 3])
    fetches = squared_error(x, y)
    assert "sum_to" not in kernels(optimized(fetches, {x: numbers(200, 3), y: numbers(200, 3)}))
    assert "sum_to" in kernels(optimized(fetches, {x: numbers(200, 3), y: numbers(1, 3)}))


def test_batches_of_any_sizes_have_their_own_results(executor):
    x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 3])
    fetches = squared_error(x, y)
    with tf.Session() as session:
        call = session.make_callable(fetches, feed_list=[x, y])
        for n, m in ((4, 4), (7, 7), (4, 1), (5, 5), (1, 6), (1, 1), (9, 9), (1, 3), (300, 300)):
            a, b = numbers(n, 3), numbers(m, 3, seed=1)
            check(session.run(fetches, {x: a, y: b}), a, b)
            check(session.run(fetches, {y: b.tolist(), x: a.tolist()}), a, b)
            check(call(a, b), a, b)
            check(session.run_steps(fetches, 3, {x: a, y: b}), a, b)


@pytest.mark.skipif(on_reference(), reason="the reference executor compiles nothing")
def test_each_way_in_which_sizes_are_equal_has_one_plan(compiled):
    x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 3])
    fetches = squared_error(x, y)
    with tf.Session() as session:
        for n, m, plans in ((4, 4, 1), (9, 9, 1), (4, 1, 2), (6, 6, 2), (1, 5, 2), (8, 1, 2), (8, 8, 2), (1, 1, 2)):
            a, b = numbers(n, 3), numbers(m, 3, seed=1)
            check(session.run(fetches, {x: a, y: b}), a, b)
            assert len(compiled) == plans


@pytest.mark.skipif(on_reference(), reason="the reference executor compiles nothing")
def test_a_callable_converts_feeds_once_where_their_sizes_are_equal_in_another_way(monkeypatch):
    x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 3])
    converted, convert = [], BaseSession._convert_feeds

    def noted(session, tensors, values):
        converted.append([np.shape(v) for v in values])
        return convert(session, tensors, values)

    monkeypatch.setattr(BaseSession, "_convert_feeds", noted)
    with tf.Session() as session:
        call = session.make_callable(x * y, feed_list=[x, y])
        for n, m in ((4, 4), (5, 5), (4, 1), (7, 1), (1, 6), (8, 8), (9, 9)):
            a, b = numbers(n, 3), numbers(m, 3, seed=1)
            np.testing.assert_array_equal(call(a, b), a * b)
    assert converted == [[(4, 3), (1, 3)], [(8, 3), (8, 3)]]  # later feeds are read where they lie


def test_what_was_fed_before_changes_no_bit(executor):
    random = np.random.RandomState(0)
    x, y, w = (tf.placeholder(tf.float32, [None, n]) for n in (64, 20, 1))
    rows = {x: random.standard_normal((64, 64)), y: random.rand(64, 20), w: random.rand(64, 1)}
    weights = tf.Variable(random.standard_normal((64, 20)).astype(np.float32))
    loss = tf.reduce_mean(tf.square(tf.reduce_sum(tf.matmul(x, weights) * y, 1) - w[:, 0]))
    train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    with tf.Session() as first, tf.Session() as second:
        first.run(weights.initializer)
        first.run(train, rows)
        first.run(train, {**rows, y: rows[y][:1]})  # one row for all
        weights.load(first.run(weights), second)
        for session in (first, second):
            for _ in range(3):
                session.run(train, rows)
        np.testing.assert_array_equal(first.run(weights), second.run(weights))


@pytest.mark.skipif(on_reference(), reason="the reference executor compiles nothing")
def test_three_feeds_are_equal_in_five_ways(compiled):
    a, b, c = (tf.placeholder(tf.float32, [None]) for _ in range(3))
    total = a * b + c
    with tf.Session() as session:
        for sizes, plans in (
            ((4, 4, 4), 1),
            ((3, 3, 1), 2),
            ((5, 5, 5), 2),
            ((5, 5, 1), 2),
            ((1, 6, 6), 3),
            ((7, 7, 7), 3),
        ):
            values = [numbers(n, seed=n) for n in sizes]
            found = session.run(total, dict(zip((a, b, c), values)))
            np.testing.assert_allclose(found, values[0] * values[1] + values[2], rtol=1e-6)
            assert len(compiled) == plans
    assert [request.same for request in compiled] == [
        {(1, 0): (0, 0), (2, 0): (0, 0)},
        {(1, 0): (0, 0)},
        {(2, 0): (1, 0)},
    ]


@pytest.mark.skipif(on_reference(), reason="the reference executor compiles nothing")
def test_many_feeds_have_all_one_size_or_each_its_own(compiled):
    feeds = [tf.placeholder(tf.float32, [None]) for _ in range(7)]
    total = tf.add_n([tf.reduce_sum(feed) * 2.0**i for i, feed in enumerate(feeds)])
    with tf.Session() as session:
        for sizes, plans in (
            ([3] * 7, 1),
            ([3] * 6 + [4], 2),
            ([1, 2, 1, 2, 1, 2, 1], 2),
            ([9] * 7, 2),
            ([1, 2, 3, 4, 5, 6, 7], 2),
        ):
            found = session.run(total, {feed: np.ones(n) for feed, n in zip(feeds, sizes)})
            assert found == sum(n * 2.0**i for i, n in enumerate(sizes))
            assert len(compiled) == plans


def test_only_open_axes_of_one_number_are_the_same():
    class Feed:
        def __init__(self, static, shape):
            self.tensor, self.shape = tf.placeholder(tf.float32, static), shape

    feeds = [
        Feed([None, None], (4, 5)),
        Feed([5, None], (5, 4)),
        Feed(None, (4, 5)),
        Feed([4, None], (4, 5)),
        Feed([], ()),
    ]
    assert same_sizes(feeds) == ({(2, 0): (0, 0), (2, 1): (0, 1), (3, 1): (0, 1)}, [(1, [0, 1], True)])
    many = [Feed([None], (n,)) for n in (4, 4, 4, 4, 4, 5)]
    assert same_sizes(many) == ({}, [(0, [0, 1, 2, 3, 4, 5], False)])
    assert same_sizes(many[:5]) == ({(i, 0): (0, 0) for i in range(1, 5)}, [])


def test_rows_that_do_not_fit_are_refused_as_ever(executor):
    x, y = tf.placeholder(tf.float32, [None, 3], "x"), tf.placeholder(tf.float32, [None, 3], "y")
    total = tf.add(x, y, name="total")
    with tf.Session() as session:
        for _ in range(2):
            assert session.run(total, {x: numbers(4, 3), y: numbers(4, 3)}).shape == (4, 3)
            with pytest.raises(tf.errors.InvalidArgumentError, match=r"Incompatible shapes: \[4,3\] vs. \[5,3\]"):
                session.run(total, {x: numbers(4, 3), y: numbers(5, 3)})


def test_a_size_that_decides_the_plan_is_one_for_both(executor):
    x, y = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.float32, [None, 2])
    rows = tf.concat([tf.ones([tf.shape(y)[0]] * 1), tf.zeros(tf.shape(x)[:1])], 0)
    power = tf.reduce_sum(tf.ones(tf.fill(tf.shape(x)[:1], 2))) + tf.reduce_sum(x * y)  # as many axes as there are rows
    with tf.Session() as session:
        for n in (3, 2, 5, 3):
            found, ones = session.run([power, rows], {x: np.ones((n, 2)), y: np.ones((n, 2))})
            assert (found, ones.tolist()) == (2.0**n + 2 * n, [1.0] * n + [0.0] * n)
        assert session.run(power, {x: np.ones((4, 2)), y: np.ones((1, 2))}) == 24.0


def test_texts_and_numbers_share_their_rows(executor):
    names, x = tf.placeholder(tf.string, [None]), tf.placeholder(tf.float32, [None])
    sizes = [tf.shape(names), x * tf.cast(tf.shape(names)[0], tf.float32)]
    with tf.Session() as session:
        for n, m in ((2, 2), (3, 3), (3, 2), (2, 2)):
            shape, product = session.run(sizes, {names: ["a"] * n, x: np.ones(m)})
            assert (shape.tolist(), product.tolist()) == ([n], [float(n)] * m)


def test_the_plan_says_whose_size_it_is():
    x, y = tf.placeholder(tf.float32, [None, 3], "x"), tf.placeholder(tf.float32, [None, 3], "y")
    assert "s0: size 0 of feed 'x:0' and of 'y:0', 1 here" in str(tf.explain(x * y, file=io.StringIO()))
