"""Random numbers are TensorFlow 1.15's: seeds, keys and streams."""

import json
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

RECORDED = json.loads((Path(__file__).parent / "fixtures" / "random.json").read_text())

OPS = {
    "random_uniform([7], seed=5)": lambda: tf.random_uniform([7], seed=5),
    "random_uniform([5], -1, 4, seed=5)": lambda: tf.random_uniform([5], -1, 4, seed=5),
    "random_uniform([5], float64, seed=5)": lambda: tf.random_uniform([5], dtype=tf.float64, seed=5),
    "random_uniform([9], 3, 100, int32, seed=2)": lambda: tf.random_uniform([9], 3, 100, dtype=tf.int32, seed=2),
    "random_uniform([5], 3, 10**12, int64, seed=2)": lambda: tf.random_uniform([5], 3, 10**12, dtype=tf.int64, seed=2),
    "random_normal([3, 5], seed=3)": lambda: tf.random_normal([3, 5], seed=3),
    "random_normal([5], 1, 2, float64, seed=3)": lambda: tf.random_normal([5], 1.0, 2.0, dtype=tf.float64, seed=3),
    "truncated_normal([33], seed=8)": lambda: tf.truncated_normal([33], seed=8),
    "random_shuffle(range(10), seed=4)": lambda: tf.random_shuffle(tf.range(10), seed=4),
    "multinomial([[0, 1, 2.], [3, 0, 0]], 6, seed=9)": lambda: tf.multinomial(
        [[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]], 6, seed=9
    ),
    "dropout(ones([12]), rate=0.4, seed=6)": lambda: tf.nn.dropout(tf.ones([12]), rate=0.4, seed=6),
    "random_gamma([6], 0.7, seed=2)": lambda: tf.random_gamma([6], 0.7, seed=2),
    "random_poisson(3.0, [6], seed=2)": lambda: tf.random_poisson(3.0, [6], seed=2),
}


@pytest.mark.parametrize("key", RECORDED)
def test_three_runs_are_those_of_tensorflow(key, executor):
    graph_seed, _, call = key.removeprefix("graph seed ").partition(": ")
    if graph_seed != "None":
        tf.set_random_seed(int(graph_seed))
    numbers = OPS[call]()
    with tf.Session() as session:
        for expected in RECORDED[key]:
            found = session.run(numbers).ravel()
            np.testing.assert_allclose(found, np.array(expected, found.dtype), rtol=1e-6, atol=1e-7)


def draw(op_seed, runs=2):
    """Numbers of `runs` steps of a new session over an op with this seed."""
    numbers = tf.random_uniform([4], seed=op_seed)
    with tf.Session() as session:
        return [session.run(numbers).tolist() for _ in range(runs)]


def test_a_session_continues_its_stream(executor):
    first, second = draw(3)
    assert first != second


def test_a_new_session_starts_the_stream_again(executor):
    numbers = tf.random_normal([4], seed=3)
    streams = []
    for _ in range(2):
        with tf.Session() as session:
            streams.append([session.run(numbers).tolist() for _ in range(3)])
    assert streams[0] == streams[1]


def test_a_step_that_does_not_reach_the_op_leaves_its_stream(executor):
    numbers = tf.random_uniform([4], seed=3)
    other = tf.random_uniform([4], seed=4)
    with tf.Session() as session:
        alone = [session.run(numbers).tolist() for _ in range(2)]
    with tf.Session() as session:
        first = session.run(numbers).tolist()
        session.run(other)
        assert [first, session.run(numbers).tolist()] == alone


def test_plans_of_one_session_share_the_stream(executor):
    numbers = tf.random_uniform([4], seed=3)
    doubled = numbers * 2
    with tf.Session() as session:
        alone = [session.run(numbers) for _ in range(2)]
    with tf.Session() as session:
        session.run(numbers)
        np.testing.assert_array_equal(session.run(doubled), alone[1] * 2)


def test_one_op_read_twice_gives_one_value(executor):
    numbers = tf.random_uniform([4], seed=3)
    with tf.Session() as session:
        assert session.run(tf.reduce_sum(numbers - tf.identity(numbers))) == 0


def test_graph_seed_alone_numbers_ops_in_their_order(executor):
    streams = []
    for _ in range(2):
        with tf.Graph().as_default():
            tf.set_random_seed(7)
            streams.append([draw(None), draw(None)])
    assert streams[0] == streams[1]
    assert streams[0][0] != streams[0][1]


def test_op_seed_alone_is_the_same_everywhere(executor):
    first = draw(11)
    with tf.Graph().as_default():
        tf.zeros([])
        assert draw(11) == first


def test_graph_seed_and_op_seed_both_count(executor):
    tf.set_random_seed(1)
    first = draw(11)
    with tf.Graph().as_default():
        tf.set_random_seed(2)
        assert draw(11) != first


def test_without_seeds_sessions_differ(executor):
    numbers = tf.random_uniform([4])
    streams = []
    for _ in range(2):
        with tf.Session() as session:
            streams.append(session.run(numbers).tolist())
    assert streams[0] != streams[1]


def test_a_seed_of_zero_is_a_seed(executor):
    tf.set_random_seed(0)
    assert draw(0) == draw(0)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-5, -2), (-(2**31), 2**31 - 1)])
def test_whole_numbers_stay_in_their_range(executor, low, high):
    numbers = tf.random_uniform([1000], low, high, dtype=tf.int32, seed=1)
    with tf.Session() as session:
        found = session.run(numbers)
    assert found.min() >= low
    assert found.max() < high


def test_whole_numbers_need_an_upper_bound():
    with pytest.raises(ValueError, match="Must specify maxval for integer dtype"):
        tf.random_uniform([3], dtype=tf.int32)


def test_an_empty_range_of_whole_numbers_is_refused(executor):
    numbers = tf.random_uniform([3], 5, 5, dtype=tf.int32)
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.InvalidArgumentError, match="Need minval < maxval, got 5 >= 5"),
    ):
        session.run(numbers)


@pytest.mark.parametrize("shape", [[0], [3, 0], []])
@pytest.mark.parametrize("op", ["random_uniform", "random_normal", "truncated_normal"])
def test_shapes_without_elements_and_scalars(executor, op, shape):
    numbers = getattr(tf, op)(shape, seed=1)
    with tf.Session() as session:
        assert np.shape(session.run(numbers)) == tuple(shape)


def test_a_shape_known_only_when_it_runs(executor):
    size = tf.placeholder(tf.int32, [2])
    numbers = tf.random_normal(size, seed=5)
    with tf.Session() as session:
        for shape in ([2, 3], [4, 1], [0, 2]):
            assert session.run(numbers, {size: shape}).shape == tuple(shape)


def test_shuffling_rows_keeps_them_whole(executor):
    rows = tf.random_shuffle(tf.reshape(tf.range(12), [4, 3]), seed=4)
    with tf.Session() as session:
        found = session.run(rows)
    assert sorted(found.tolist()) == np.arange(12).reshape(4, 3).tolist()


def test_truncated_normals_lie_within_two_deviations(executor):
    numbers = tf.truncated_normal([10000], seed=1)
    with tf.Session() as session:
        found = session.run(numbers)
    assert np.abs(found).max() < 2
    assert abs(found.std() - 0.88) < 0.02


def test_threads_do_not_change_the_numbers(config):
    numbers = tf.random_normal([300, 700], seed=5)
    with tf.Session(config=config) as session:
        found = session.run(numbers)
    with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=1)) as session:
        np.testing.assert_array_equal(found, session.run(numbers))


def test_the_shape_of_a_scalar_is_a_shape():
    assert tf.random_normal(tf.TensorShape([])).shape.as_list() == []
    assert tf.random_uniform(tf.constant(1.0).shape).shape.as_list() == []


@pytest.mark.parametrize("size", [63, 64, 65, 259, 20_003])
@pytest.mark.parametrize("op", [tf.random_uniform, tf.random_normal])
def test_many_numbers_begin_as_few_do(op, size, executor):
    """Blocks are numbered: however many are drawn at once, each has its own numbers."""
    with tf.Session() as session:
        many, few = session.run([op([size], seed=3), op([7], seed=3)])
    np.testing.assert_array_equal(many[:7], few)
    with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=2)) as session:
        longer = session.run(op([size + 5], seed=3))
    np.testing.assert_array_equal(longer[:size], many)


@pytest.mark.parametrize("rate, dtype", [(70000.0, tf.float16), (3e9, tf.int32), (1e25, tf.int64), (1e39, tf.float32)])
def test_a_rate_out_of_the_range_of_its_numbers_is_refused(rate, dtype, executor):
    """TensorFlow draws again until a number fits, which is for ever."""
    numbers = tf.random_poisson(tf.constant(rate, tf.float64), [2], dtype=dtype)
    with tf.Session() as session:
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="a Poisson distribution of rate .* is out of the output's range"
        ):
            session.run(numbers)


def test_rates_that_are_none_give_no_number(executor):
    rates = tf.constant([np.nan, -1.0, np.inf])
    with tf.Session() as session:
        assert np.isnan(session.run(tf.random_poisson(rates, [2]))).all()
        assert (session.run(tf.random_poisson(rates, [2], dtype=tf.int32)) == 0).all()


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.float16])
@pytest.mark.parametrize("many", [1, 16, 100])
def test_numbers_by_rejection_are_those_drawn_one_by_one(many, dtype, monkeypatch):
    """Alphas below 1, 1 and above, rates on both sides of 10, alone and side by side; for any number of threads."""
    kind = dtype.as_numpy_dtype
    alphas = [[0.01], [0.7], [1.0], [3.5], [1000.0], [0.2, 1.0, 2.0], list(np.linspace(0.1, 4, 37))]
    rates = [
        [0.0],
        [0.3],
        [9.99],
        [10.0],
        [12.5],
        [900.0],
        [3.0, 40.0],
        [1.0, 7.0, 0.0],
        [11.0, 55.0],
        list(np.linspace(0, 30, 37)),
    ]
    found = []
    for executor, threads in (("reference", 1), ("", 1), ("", 2)):
        monkeypatch.setenv("HOOKLOOP_EXECUTOR", executor)
        with tf.Graph().as_default():
            tf.set_random_seed(3)
            numbers = [tf.random_gamma([many], np.array(alpha, kind), dtype=dtype) for alpha in alphas]
            numbers += [tf.random_poisson(tf.constant(rate, tf.float64), [many], dtype=dtype) for rate in rates]
            numbers.append(tf.random_poisson(tf.constant([5.0, 2000.0]), [many], dtype=tf.int64))
            with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
                found.append(session.run(numbers))
    for reference, one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_allclose(one, reference, rtol={2: 1e-3, 4: 1e-6, 8: 1e-13}[one.itemsize])
