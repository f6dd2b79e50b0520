"""Elements by the block and one by one: the same elements in the same order, the same errors at the same places."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hookloop as tf
from hookloop.data.blocks import by_blocks
from hookloop.data.iterator_state import _passed
from hookloop.data.ops import iterator_states, restore_iterators
from hookloop.data.pipeline import Place

MOST = 50  # elements that are compared


def transformed(dataset, step):
    """A dataset of (float32 [3], int64) with one more transformation."""
    name, *numbers = step
    if name == "map":
        return dataset.map(lambda x, y: (x * 2.0 + tf.cast(y, tf.float32), y + numbers[0]))
    if name == "random":
        return dataset.map(lambda x, y: (x + tf.random_uniform([3], seed=numbers[0]), y))
    if name == "failing":
        return dataset.map(lambda x, y: (x, 100 // (y % numbers[0])))
    if name == "filter":
        return dataset.filter(lambda x, y: tf.not_equal(y % numbers[0], 0))
    if name == "failing filter":
        return dataset.filter(lambda x, y: tf.greater(100 // (y % numbers[0]), 30))
    if name == "python":
        return dataset.map(lambda x, y: (x, tf.reshape(tf.py_func(lambda v: v + 1, [y], tf.int64), [])))
    if name == "shuffle":
        return dataset.shuffle(numbers[0], seed=numbers[1], reshuffle_each_iteration=numbers[2])
    if name == "shuffle_and_repeat":
        return dataset.apply(tf.data.experimental.shuffle_and_repeat(numbers[0], numbers[1], seed=3))
    if name == "concatenate":
        return dataset.concatenate(source(numbers[0]).map(lambda x, y: (x, y * 2)))
    if name == "zip":
        other = tf.data.Dataset.range(numbers[0]).map(lambda i: i * 3).repeat()
        return tf.data.Dataset.zip((dataset, other)).map(lambda pair, i: (pair[0], pair[1] + i))
    if name == "flat_map":
        return dataset.flat_map(lambda x, y: tf.data.Dataset.range(y % numbers[0]).map(lambda i: (x, i)))
    if name == "interleave":
        inner = lambda x, y: source(4).map(lambda a, b: (a + x, b + y))
        return dataset.interleave(inner, numbers[0], numbers[1])
    if name == "unbatch":
        return dataset.batch(numbers[0]).apply(tf.data.experimental.unbatch())
    if name == "map_and_batch":
        failing = tf.data.experimental.map_and_batch(lambda x, y: (x, 100 // (y % numbers[0])), numbers[1])
        return dataset.apply(failing).apply(tf.data.experimental.unbatch())
    if name == "ignore_errors":
        return dataset.apply(tf.data.experimental.ignore_errors())
    return getattr(dataset, name)(*numbers)


def source(n):
    x = np.arange(3 * n, dtype=np.float32).reshape(n, 3)
    return tf.data.Dataset.from_tensor_slices((x, np.arange(n, dtype=np.int64)))


small = st.integers(1, 5)
STEPS = st.one_of(
    st.tuples(st.just("map"), small), st.tuples(st.just("random"), small), st.tuples(st.just("failing"), st.integers(2, 9)),
    st.tuples(st.just("filter"), st.integers(1, 4)), st.tuples(st.just("failing filter"), st.integers(2, 9)),
    st.tuples(st.just("python")), st.tuples(st.just("shuffle"), st.integers(1, 30), small, st.booleans()),
    st.tuples(st.just("shuffle_and_repeat"), st.integers(1, 30), st.integers(-1, 3)),
    st.tuples(st.just("concatenate"), small), st.tuples(st.just("zip"), st.integers(0, 30)),
    st.tuples(st.just("flat_map"), small), st.tuples(st.just("interleave"), small, small),
    st.tuples(st.just("unbatch"), small), st.tuples(st.just("map_and_batch"), st.integers(2, 9), small), st.tuples(st.just("ignore_errors")), st.tuples(st.just("cache")),
    st.tuples(st.just("repeat"), st.integers(-1, 3)), st.tuples(st.just("take"), st.integers(-1, 25)),
    st.tuples(st.just("skip"), st.integers(-1, 12)), st.tuples(st.just("prefetch"), small),
    st.integers(1, 4).flatmap(lambda n: st.tuples(st.just("shard"), st.just(n), st.integers(0, n - 1))),
)  # fmt: skip


def played(dataset, blocks):
    """The elements of a dataset and the messages of its errors, in the order in which they come."""
    found, failures = [], 0
    with tf.Session(graph=dataset._variant_tensor.graph) as session:
        state = session.run(dataset._variant_tensor)
        iterator = state.iterate(Place({}, by_blocks=by_blocks if blocks else None))
        while len(found) < MOST and failures < 10:
            try:
                found.append([np.asarray(part).tolist() for part in next(iterator)])
            except StopIteration:
                break
            except tf.errors.OpError as error:
                found.append(error.message)
                failures += 1
    return found


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 25), st.lists(STEPS, min_size=1, max_size=4), st.sampled_from([None, 1, 3, 8]), st.booleans())
def test_elements_are_those_of_one_by_one(rows, steps, batch, mapped):
    with tf.Graph().as_default():
        dataset = source(rows)
        for step in steps:
            dataset = transformed(dataset, step)
        if batch:
            dataset = dataset.batch(batch)
        if mapped:
            dataset = dataset.map(lambda x, y: (x + 1.0, y))
        assert played(dataset, True) == played(dataset, False)


def positions(dataset, blocks, skipped):
    """The elements behind the first few, which are passed over."""
    with tf.Session(graph=dataset._variant_tensor.graph) as session:
        iterator = session.run(dataset._variant_tensor).iterate(Place({}, by_blocks=by_blocks if blocks else None))
        try:
            passed = _passed(iterator, skipped)
            return passed, [[np.asarray(part).tolist() for part in found] for found in itertools.islice(iterator, MOST)]
        except tf.errors.OpError as error:
            return error.message


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 25), st.lists(STEPS, min_size=1, max_size=4), st.sampled_from([None, 1, 3, 8]), st.integers(0, 40)
)
def test_passing_over_elements_is_as_taking_them(rows, steps, batch, skipped):
    with tf.Graph().as_default():
        dataset = source(rows)
        for step in steps:
            dataset = transformed(dataset, step)
        if batch:
            dataset = dataset.batch(batch)
        expected = positions(dataset, False, skipped)
        if not isinstance(expected, str):  # an error in an element that nobody wants need not be raised
            assert positions(dataset, True, skipped) == expected


def elements(dataset, session, most=100):
    following = dataset.make_one_shot_iterator().get_next()
    found = []
    while len(found) < most:
        try:
            found.append(session.run(following))
        except tf.errors.OutOfRangeError:
            break
    return found


def test_a_function_may_give_one_tensor_twice(executor):
    dataset = tf.data.Dataset.range(6).map(lambda i: (i, i, i + 1)).batch(4)
    with tf.Session() as session:
        first, second = elements(dataset, session)
    np.testing.assert_array_equal(first, [[0, 1, 2, 3], [0, 1, 2, 3], [1, 2, 3, 4]])
    np.testing.assert_array_equal(second, [[4, 5], [4, 5], [5, 6]])


def test_rows_without_elements(executor):
    dataset = tf.data.Dataset.from_tensor_slices(np.zeros((5, 0), np.float32)).map(lambda x: x * 2.0)
    dataset = dataset.shuffle(3, seed=1).batch(2)
    with tf.Session() as session:
        assert [batch.shape for batch in elements(dataset, session)] == [(2, 0), (2, 0), (1, 0)]


def test_shapes_that_differ_are_shuffled_as_they_are(executor):
    dataset = tf.data.Dataset.range(12).map(lambda i: tf.fill([i // 4 + 1], i)).shuffle(5, seed=3)
    with tf.Session() as session:
        found = elements(dataset, session)
    assert sorted(value.tolist() for value in found) == sorted([[i] * (i // 4 + 1) for i in range(12)])
    whole = tf.data.Dataset.range(12).shuffle(5, seed=3)
    with tf.Session() as session:
        assert [value[0] for value in found] == elements(whole, session)


def test_a_batch_of_different_shapes_is_refused_and_the_next_one_comes(executor):
    dataset = tf.data.Dataset.range(8).map(lambda i: tf.fill([tf.where(tf.equal(i, 2), 3, 1)], i)).batch(4)
    following = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        with np.testing.assert_raises_regex(
            tf.errors.InvalidArgumentError, r"Shapes are: \[tensor\]: \[3\], \[batch\]: \[1\]"
        ):
            session.run(following)
        assert session.run(following).tolist() == [[4], [5], [6], [7]]


def test_an_error_is_raised_at_its_element_and_loses_no_other(executor):
    dataset = tf.data.Dataset.range(7).map(lambda i: 12 // (i - 3))
    following = dataset.make_one_shot_iterator().get_next()
    found = []
    with tf.Session() as session:
        for _ in range(7):
            try:
                found.append(int(session.run(following)))
            except tf.errors.InvalidArgumentError as error:
                assert "division" in error.message
                found.append(None)
    assert found == [-4, -6, -12, None, 12, 6, 4]


def test_python_functions_are_called_when_their_element_is_wanted(executor):
    seen = []

    def note(i):
        seen.append(int(i))
        return i

    dataset = tf.data.Dataset.range(10).map(lambda i: i + 1).map(lambda i: tf.py_func(note, [i], tf.int64))
    following = dataset.map(lambda i: i * 2).batch(3).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert session.run(following).tolist() == [2, 4, 6]
        assert seen == [1, 2, 3]


def test_random_functions_are_called_when_their_element_is_wanted(executor):
    """What a zip or a filter leaves over must not have drawn numbers."""

    def values(then):
        with tf.Graph().as_default(), tf.Session() as session:
            numbers = tf.data.Dataset.range(20).map(lambda i: tf.random_uniform([], seed=5))
            following = then(numbers).make_one_shot_iterator().get_next()
            return [session.run(following) for _ in range(6)]

    plain = values(lambda numbers: numbers)
    assert values(lambda numbers: numbers.filter(lambda x: x >= 0.0)) == plain
    assert values(lambda numbers: numbers.take(2).concatenate(numbers).take(6)) == plain[:2] + plain[:4]
    zipped = values(
        lambda numbers: tf.data.Dataset.zip((numbers, tf.data.Dataset.range(2))).map(lambda x, i: x).repeat()
    )
    assert zipped[:2] == plain[:2]
    assert zipped[2:4] == plain[3:5]  # the zip has asked once more before it ended


def test_captured_values_are_those_of_the_iterators_start(executor):
    scale = tf.placeholder(tf.float32, [2])
    dataset = tf.data.Dataset.from_tensor_slices(np.ones((6, 2), np.float32)).map(lambda x: x * scale).batch(6)
    iterator = dataset.make_initializable_iterator()
    following = iterator.get_next()
    with tf.Session() as session:
        for value in ([1.0, 2.0], [3.0, 4.0]):
            session.run(iterator.initializer, {scale: value})
            np.testing.assert_array_equal(session.run(following), [value] * 6)


def test_a_filter_that_lets_nothing_through_hears_ctrl_c(ctrl_c):
    import _thread
    import threading

    following = tf.data.Dataset.range(1 << 50).filter(lambda i: i < 0).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        timer = threading.Timer(0.3, _thread.interrupt_main)
        timer.start()
        with np.testing.assert_raises(KeyboardInterrupt):
            session.run(following)
        timer.join()


PIPELINES = {
    "mapped": lambda d: d.shuffle(20, seed=1).repeat().map(lambda x, y: (x * 2.0, y)).batch(4).prefetch(2),
    "shuffled behind a map": lambda d: d.map(lambda x, y: (x * 2.0, y)).shuffle(7, seed=1).repeat().batch(4).prefetch(2),
    "filtered": lambda d: d.filter(lambda x, y: y % 3 > 0).repeat().shuffle(5, seed=1).batch(3),
    "interleaved": lambda d: tf.data.Dataset.range(6).interleave(
        lambda i: d.map(lambda x, y: (x, y + i)), 3, 2).shuffle(6, seed=4).repeat().batch(5),
    "random": lambda d: d.repeat().map(lambda x, y: (x + tf.random_uniform([3], seed=3), y)).batch(4),
    "cached": lambda d: d.map(lambda x, y: (x + 1.0, y)).cache().shuffle(9, seed=2).repeat().batch(4),
    "zipped": lambda d: tf.data.Dataset.zip((d.map(lambda x, y: x).repeat(), d.map(lambda x, y: y).repeat())).batch(7),
}  # fmt: skip


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("made", [1, 5, 26])
def test_a_run_goes_on_where_it_stood(executor, name, made):
    def start(states):
        iterator = PIPELINES[name](source(22)).make_initializable_iterator()
        following = iterator.get_next()
        session = tf.Session()
        restore_iterators(session, states)
        session.run(iterator.initializer)
        return session, following

    with tf.Graph().as_default():
        session, following = start({})
        for _ in range(made):
            session.run(following)
        states = iterator_states(session)
        expected = [session.run(following) for _ in range(8)]
        session.close()
    with tf.Graph().as_default():
        session, following = start(states)
        for batch in expected:
            for part, same in zip(session.run(following), batch):
                np.testing.assert_array_equal(part, same)
        session.close()


ENDLESS = {
    "filter": lambda d: d.filter(lambda i: i < 0),
    "filter of batches": lambda d: d.batch(4).filter(lambda i: i[0] < 0),
    "filter in Python": lambda d: d.filter(lambda i: tf.py_func(lambda v: v < 0, [i], tf.bool)),
    "skip": lambda d: d.filter(lambda i: i >= 0).skip(1 << 49),
    "ignored errors": lambda d: d.map(lambda i: i // (i - i)).apply(tf.data.experimental.ignore_errors()),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_elements_are_passed_over_no_longer_than_a_step_may_take(executor, name):
    following = ENDLESS[name](tf.data.Dataset.range(1 << 50)).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        with pytest.raises(tf.errors.DeadlineExceededError, match="its time limit has passed"):
            session.run(following, options=tf.RunOptions(timeout_in_ms=100))
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run(following, options=tf.RunOptions(timeout_in_ms=20))


@pytest.mark.parametrize("name", ENDLESS)
def test_a_session_that_is_closed_ends_what_passes_over_elements(name):
    import threading

    following = ENDLESS[name](tf.data.Dataset.range(1 << 50)).make_one_shot_iterator().get_next()
    session = tf.Session()
    timer = threading.Timer(0.1, session.close)
    timer.start()
    with pytest.raises(tf.errors.CancelledError, match="The session was closed while the step was running"):
        session.run(following)
    timer.join()
