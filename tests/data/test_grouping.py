"""Running states, windows of one key, mixtures of datasets, cardinalities. What is expected is TensorFlow 1.15's record."""

import time

import numpy as np
import pytest

import hookloop as tf

from .test_dataset import Dataset, elements

experimental = tf.data.experimental


def ragged():
    return Dataset.range(14).map(lambda i: tf.fill([i * 5 % 7 + 1], i))


def from_to(start):
    return Dataset.range(5).map(lambda i: i + start)


def test_scan(executor):
    sums = experimental.scan(np.int64(0), lambda state, x: (state + x, state * 10))
    assert elements(Dataset.range(6).apply(sums)) == [0, 0, 10, 30, 60, 100]
    assert elements(Dataset.range(3).apply(sums).repeat(2)) == [0, 0, 10, 0, 0, 10]
    nested = experimental.scan(
        (np.int64(0), {"a": 1.0}), lambda s, x: ((s[0] + x, {"a": s[1]["a"] * 2}), (x, s[1]["a"]))
    )
    assert elements(Dataset.range(3).apply(nested)) == [(0, 1.0), (1, 2.0), (2, 4.0)]


def test_a_scan_whose_function_does_not_fit(executor):
    with pytest.raises(TypeError, match="must return a pair comprising the new state and the output value"):
        Dataset.range(3).apply(experimental.scan(np.int64(0), lambda s, x: s + x))
    with pytest.raises(TypeError, match="Expected <dtype: 'int32'>; got <dtype: 'int64'>"):
        Dataset.range(3).apply(experimental.scan(0, lambda s, x: (tf.cast(s, tf.int64) + x, s)))


def test_windows_of_one_key(executor):
    by_rest = experimental.group_by_window(lambda x: x % 3, lambda key, window: window.batch(2), window_size=3)
    assert elements(Dataset.range(11).apply(by_rest)) == [[0, 3], [6], [1, 4], [7], [2, 5], [8], [9], [10]]
    sized = experimental.group_by_window(
        lambda x: -(x % 3),
        lambda key, window: Dataset.zip((Dataset.from_tensors(key).repeat(), window)),
        window_size_func=lambda key: key + 3,
    )
    expected = [(-2, 2), (-1, 1), (-1, 4), (-2, 5), (0, 0), (0, 3), (0, 6), (-2, 8), (-1, 7), (-1, 10), (0, 9)]
    assert elements(Dataset.range(11).apply(sized)) == expected


@pytest.mark.parametrize("first", ["late", "Ctrl-C", "fails"])
def test_a_step_that_ends_before_a_window_is_open_loses_none(first):
    waits = []

    def wait(key):
        waits.append(key)
        if len(waits) == 1 and first == "late":
            time.sleep(0.3)
        elif len(waits) == 1:
            raise KeyboardInterrupt if first == "Ctrl-C" else ValueError("no window of this key")
        return key

    def batch(key, window):
        number = tf.py_func(wait, [key], tf.int64)
        return window.batch(3).map(lambda x: x + 0 * number)

    windows = Dataset.range(8).apply(tf.data.experimental.group_by_window(lambda x: x % 2, batch, window_size=3))
    following = windows.make_one_shot_iterator().get_next()
    error = {
        "late": tf.errors.DeadlineExceededError,
        "Ctrl-C": KeyboardInterrupt,
        "fails": tf.errors.InvalidArgumentError,
    }
    with tf.Session() as session:
        with pytest.raises(error[first]):
            session.run(following, options=tf.RunOptions(timeout_in_ms=100))
        found = []
        with pytest.raises(tf.errors.OutOfRangeError):
            while True:
                found.append(session.run(following).tolist())
    expected = [[0, 2, 4], [1, 3, 5], [6], [7]]
    assert found == (expected[1:] if first == "fails" else expected)


@pytest.mark.parametrize("first", ["late", "Ctrl-C"])
def test_a_step_that_ends_while_the_size_of_a_window_is_asked_for_loses_no_element(first):
    waits = []

    def size(key):
        waits.append(key)
        if len(waits) == 1 and first == "late":
            time.sleep(0.3)
        elif len(waits) == 1:
            raise KeyboardInterrupt
        return np.int64(2)

    windows = experimental.group_by_window(
        lambda x: x % 2,
        lambda key, window: window.batch(9),
        window_size_func=lambda key: tf.py_func(size, [key], tf.int64),
    )
    following = Dataset.range(6).apply(windows).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        with pytest.raises(tf.errors.DeadlineExceededError if first == "late" else KeyboardInterrupt):
            session.run(following, options=tf.RunOptions(timeout_in_ms=100))
        assert [session.run(following).tolist() for _ in range(4)] == [[0, 2], [1, 3], [4], [5]]


def refusing(x, number):
    with tf.control_dependencies([tf.assert_none_equal(x, np.int64(number))]):
        return tf.identity(x)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("init", [12]),
        ("reduce", [12, 13]),
        ("finalize", [12]),
        ("size", [[0, 2], [4, 6]]),
        ("window", [[0, 2], [4, 6]]),
    ],
)
def test_what_a_function_of_groups_refuses_is_gone(name, expected, executor):
    """The next element comes, as in TensorFlow: the same one failed for ever, and never ended where errors are ignored."""
    functions = {
        "init": lambda key: refusing(key, 1) * 0,
        "reduce": lambda state, x: state + refusing(x, 3),
        "finalize": lambda state: refusing(state, 16),
    }
    usual = {"init": lambda key: np.int64(0), "reduce": lambda state, x: state + x, "finalize": lambda state: state}
    if name in functions:
        reducer = experimental.Reducer(*{**usual, name: functions[name]}.values())
        grouped = experimental.group_by_reducer(lambda x: x % 2, reducer)
    elif name == "size":
        grouped = experimental.group_by_window(
            lambda x: x % 2, lambda key, window: window.batch(2), window_size_func=lambda key: refusing(key, 1) * 0 + 2
        )
    else:
        grouped = experimental.group_by_window(
            lambda x: x % 2, lambda key, window: window.batch(2).map(lambda x: x + 0 * refusing(key, 1)), 2
        )
    dataset = Dataset.range(8).apply(grouped).apply(experimental.ignore_errors())
    following = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        found = [session.run(following).tolist() for _ in expected]
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(following)
    assert found == expected


def test_windows_that_make_no_sense(executor):
    batches = lambda key, window: window.batch(2)
    for sizes in ({}, {"window_size": 2, "window_size_func": lambda key: 2}):
        with pytest.raises(ValueError, match="Must pass either window_size or window_size_func"):
            experimental.group_by_window(lambda x: x, batches, **sizes)
    with pytest.raises(ValueError, match="Tensor conversion requested dtype int64 for Tensor with dtype int32"):
        Dataset.range(3).apply(experimental.group_by_window(lambda x: tf.cast(x, tf.int32), batches, 2))
    with pytest.raises(ValueError, match="`key_func` must return a single tf.int64 scalar tensor"):
        Dataset.range(3).apply(experimental.group_by_window(lambda x: tf.stack([x]), batches, 2))
    with pytest.raises(TypeError, match="`reduce_func` must return a `Dataset` object"):
        Dataset.range(3).apply(experimental.group_by_window(lambda x: x, lambda key, window: key, 2))
    empty = Dataset.range(3).apply(experimental.group_by_window(lambda x: x, batches, 0))
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.InvalidArgumentError, match="Window size must be greater than zero, but got 0"),
    ):
        session.run(empty.make_one_shot_iterator().get_next())


def bucketed(dataset, length=tf.size, boundaries=(3, 5), sizes=(2, 3, 2), **others):
    return elements(dataset.apply(experimental.bucket_by_sequence_length(length, boundaries, sizes, **others)))


def test_buckets_by_length(executor):
    found = bucketed(ragged())
    assert [np.shape(batch) for batch in found] == [(2, 2), (2, 7), (2, 6), (3, 4), (2, 2), (2, 7), (1, 3)]
    assert found[3] == [[2, 2, 2, 2], [6, 6, 6, 0], [9, 9, 9, 9]] and found[6] == [[13, 13, 13]]
    dropped = bucketed(ragged(), padding_values=np.int64(-1), drop_remainder=True)
    assert len(dropped) == 6 and dropped[0] == [[0, -1], [3, 3]]
    assert bucketed(Dataset.range(9), lambda x: tf.cast(x, tf.int32), no_padding=True) == [
        [0, 1], [5, 6], [7, 8], [2], [3, 4],
    ]  # fmt: skip
    pairs = bucketed(ragged().map(lambda x: (x, tf.size(x))), lambda x, n: n)
    assert [lengths for _, lengths in pairs] == [[1, 2], [6, 7], [5, 6], [4, 3, 4], [1, 2], [7, 5], [3]]


def test_buckets_padded_to_their_boundary(executor):
    found = bucketed(ragged(), boundaries=(3, 9), pad_to_bucket_boundary=True)
    assert [np.shape(batch) for batch in found] == [(2, 2), (3, 8), (3, 8), (2, 2), (3, 8), (1, 8)]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"elements must have length < max\(bucket_boundaries\)"):
        bucketed(ragged(), pad_to_bucket_boundary=True)
    with pytest.raises(ValueError, match=r"len\(bucket_batch_sizes\) must equal len\(bucket_boundaries\) \+ 1"):
        bucketed(ragged(), sizes=(1, 2))


def test_what_was_seen_is_left_out(executor):
    assert elements(Dataset.from_tensor_slices([3, 1, 3, 2, 1]).apply(experimental.unique())) == [3, 1, 2]
    assert elements(Dataset.from_tensor_slices(["a", "b", "a"]).apply(experimental.unique())) == [b"a", b"b"]
    pairs = Dataset.from_tensor_slices([[1, 2], [2, 1], [1, 2], [0, 0]]).apply(experimental.unique())
    assert elements(pairs) == [[1, 2], [2, 1], [0, 0]]
    with pytest.raises(
        TypeError, match="only supports inputs with a single `tf.int32`, `tf.int64`, or `tf.string` component"
    ):
        Dataset.from_tensor_slices([1.0]).apply(experimental.unique())


def test_samples_are_tensorflows(executor):
    tf.set_random_seed(7)
    three = [from_to(0), from_to(100), from_to(200)]
    assert elements(experimental.sample_from_datasets(three, seed=1)) == [
        0, 100, 101, 200, 1, 201, 202, 203, 204, 102, 103, 104, 2, 3, 4,
    ]  # fmt: skip
    assert elements(experimental.sample_from_datasets(three, [0.7, 0.2, 0.1], seed=1)) == [
        0, 1, 2, 200, 3, 100, 101, 201, 202, 4, 203, 204, 102, 103, 104,
    ]  # fmt: skip
    weights = Dataset.from_tensors([0.9, 0.1]).repeat()
    assert elements(experimental.sample_from_datasets(three[:2], weights, seed=5)) == [
        0, 100, 1, 2, 3, 4, 101, 102, 103, 104,
    ]  # fmt: skip
    assert elements(experimental.sample_from_datasets(three[:1], [0.7])) == [0, 1, 2, 3, 4]


def test_samples_that_make_no_sense(executor):
    two = [from_to(0), from_to(1)]
    with pytest.raises(TypeError, match=r"must be convertible to a tensor of `tf.float32` or `tf.float64` elements"):
        experimental.sample_from_datasets(two, [1, 2])
    with pytest.raises(ValueError, match=r"must be a vector of length `len\(datasets\)`"):
        experimental.sample_from_datasets(two, [1.0])
    with pytest.raises(TypeError, match="All datasets must have the same type and class"):
        experimental.sample_from_datasets([two[0], two[1].map(lambda x: tf.cast(x, tf.int32))])
    for function in (experimental.sample_from_datasets, lambda none: experimental.choose_from_datasets(none, two[0])):
        with pytest.raises(ValueError, match="`datasets` must not be empty"):
            function([])


def test_choices(executor):
    two = [from_to(0), from_to(100)]
    choices = Dataset.from_tensor_slices(np.int64([0, 1, 1, 0, 0] * 6))
    assert elements(experimental.choose_from_datasets(two, choices)) == [0, 100, 101, 1, 2, 3, 102, 103, 4, 104]
    assert elements(experimental.choose_from_datasets(two, choices.take(3))) == [0, 100, 101]
    shapes = [Dataset.from_tensors(np.zeros([2, n])) for n in (3, 4)]
    assert experimental.choose_from_datasets(shapes, choices).output_shapes.as_list() == [2, None]
    with pytest.raises(TypeError, match=r"must be a dataset of scalar `tf.int64` tensors"):
        experimental.choose_from_datasets(two, choices.map(lambda x: tf.cast(x, tf.int32)))
    wrong = experimental.choose_from_datasets(two, Dataset.from_tensors(np.int64(2)))
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.InvalidArgumentError, match="Selector index out of range: 2 >= 2"),
    ):
        session.run(wrong.make_one_shot_iterator().get_next())


def test_random_numbers(executor):
    tf.set_random_seed(7)
    found = elements(experimental.RandomDataset(3).take(4).repeat(2))
    assert found[:4] == found[4:] == [2545112793, 531643458, 698849000, 2576041488]


CARDINALITIES = {
    7: [lambda d: d, lambda d: d.map(lambda x: x), lambda d: d.shuffle(3), lambda d: d.cache(), lambda d: d.prefetch(2),
        lambda d: d.apply(experimental.scan(np.int64(0), lambda s, x: (s, x))), lambda d: d.apply(experimental.ignore_errors())],
    -1: [lambda d: d.repeat(), lambda d: d.repeat().skip(2), lambda d: d.repeat().shard(3, 0),
         lambda d: d.concatenate(d.repeat()), lambda d: experimental.RandomDataset(1)],
    -2: [lambda d: d.filter(lambda x: x > 2), lambda d: d.flat_map(Dataset.range), lambda d: d.apply(experimental.unique()),
         lambda d: d.concatenate(d.filter(lambda x: x > 0)), lambda d: d.batch(2).apply(experimental.unbatch()),
         lambda d: d.filter(lambda x: x > 2).take(3), lambda d: tf.data.TextLineDataset("a"),
         lambda d: experimental.sample_from_datasets([d, d]), lambda d: d.interleave(Dataset.range, 2),
         lambda d: d.apply(experimental.take_while(lambda x: x < 3)), lambda d: Dataset.from_generator(lambda: [1], tf.int32)],
    0: [lambda d: d.skip(9), lambda d: Dataset.range(0).repeat(), lambda d: d.repeat(0), lambda d: d.skip(-1)],
    1: [lambda d: Dataset.from_tensors([1, 2])], 2: [lambda d: Dataset.from_tensor_slices([1, 2])],
    3: [lambda d: d.take(3), lambda d: d.repeat().take(3), lambda d: d.batch(2, True), lambda d: d.shard(3, 0),
        lambda d: d.window(3, 2, 1, True)],
    4: [lambda d: d.batch(2), lambda d: d.window(2), lambda d: Dataset.zip((d.repeat(), Dataset.range(4))),
        lambda d: d.padded_batch(2, []), lambda d: d.apply(experimental.map_and_batch(lambda x: x, 2))],
    9: [lambda d: d.concatenate(Dataset.range(2))],
    21: [lambda d: d.repeat(3), lambda d: d.apply(experimental.shuffle_and_repeat(2, 3))],
}  # fmt: skip


@pytest.mark.parametrize("number", CARDINALITIES)
def test_cardinality(executor, number):
    with tf.Session() as session:
        found = [session.run(experimental.cardinality(make(Dataset.range(7)))) for make in CARDINALITIES[number]]
    assert found == [number] * len(found)
    assert experimental.INFINITE_CARDINALITY == -1 and experimental.UNKNOWN_CARDINALITY == -2
