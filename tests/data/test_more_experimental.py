"""Groups that are reduced, classes that are resampled, devices, statistics, files that are written: as in TensorFlow 1.15."""

import numpy as np
import pytest

import hookloop as tf

Dataset = tf.data.Dataset
experimental = tf.data.experimental


def elements(dataset, most=100):
    element = dataset.make_initializable_iterator()
    following = element.get_next()
    found = []
    with tf.Session() as session:
        session.run(element.initializer)
        while len(found) < most:
            try:
                found.append(session.run(following))
            except tf.errors.OutOfRangeError:
                break
    return found


def test_groups_are_reduced(executor):
    reducer = experimental.Reducer(
        lambda key: (tf.constant(0, tf.int64), key),
        lambda state, x: (state[0] + x, state[1]),
        lambda total, key: total * 10 + key,
    )
    grouped = Dataset.range(10).apply(experimental.group_by_reducer(lambda x: x % 3, reducer))
    assert grouped._variant_tensor.op.type == "ExperimentalGroupByReducerDataset"
    assert elements(grouped) == [180, 121, 152]
    assert elements(grouped.repeat(2).batch(4))[1].tolist() == [121, 152]
    assert elements(Dataset.range(0).apply(experimental.group_by_reducer(lambda x: x % 3, reducer))) == []


def test_functions_of_groups_that_do_not_fit():
    other = experimental.Reducer(lambda key: 0, lambda state, x: tf.cast(state, tf.float32), lambda state: state)
    with pytest.raises(TypeError, match="The element types for the new state must match the initial state"):
        Dataset.range(3).apply(experimental.group_by_reducer(lambda x: x, other))
    reducer = experimental.Reducer(lambda key: 0, lambda state, x: state, lambda state: state)
    with pytest.raises(ValueError, match="`key_func` must return a single tf.int64"):
        Dataset.range(3).apply(experimental.group_by_reducer(lambda x: tf.cast(x, tf.float32), reducer))
    assert (reducer.init_func(1), reducer.reduce_func(2, 3), reducer.finalize_func(4)) == (0, 2, 4)


# What TensorFlow 1.15 gives for `set_random_seed(7)`.
CLASSES = np.array([0, 0, 0, 0, 1, 1, 2, 0] * 10)
KNOWN = [2, 0, 1, 2, 2, 1, 2, 1, 0, 2, 0, 0, 1, 1, 1, 2, 0, 2, 1, 2]
ESTIMATED = [2, 0, 0, 1, 0, 2, 2, 1, 0, 1, 1, 2, 0, 2, 0, 0, 0, 1, 0, 1]


@pytest.mark.parametrize("initial, expected", [([0.6, 0.25, 0.15], KNOWN), (None, ESTIMATED)])
def test_classes_are_resampled(executor, initial, expected, capfd):
    tf.set_random_seed(7)
    resampled = experimental.rejection_resample(lambda x: x, [0.3, 0.3, 0.4], initial, seed=3)
    found = elements(Dataset.from_tensor_slices(CLASSES).apply(resampled), 20)
    assert [tuple(map(int, pair)) for pair in found] == [(number, number) for number in expected]
    assert capfd.readouterr().err.count("Proportion of examples rejected by sampler is high: [") == 10


def test_resampling_that_takes_all_or_by_chance_alone(executor):
    classes = Dataset.from_tensor_slices(CLASSES)
    same = experimental.rejection_resample(lambda x: x, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
    assert [int(x) for _, x in elements(classes.apply(same))] == CLASSES.tolist()
    without = experimental.rejection_resample(lambda x: x, [0.0, 0.5, 0.5], [0.6, 0.25, 0.15], seed=1)
    found = [int(x) for _, x in elements(classes.apply(without))]
    assert len(found) > 10 and 0 not in found


def test_devices_and_statistics_leave_elements_as_they_are():
    dataset = Dataset.range(3).apply(experimental.copy_to_device("/gpu:0"))
    dataset = dataset.apply(experimental.bytes_produced_stats("a")).apply(experimental.latency_stats("b"))
    assert dataset._variant_tensor.op.type == "LatencyStatsDataset"
    dataset = dataset.apply(experimental.prefetch_to_device("/gpu:0", 2))
    assert elements(dataset) == [0, 1, 2]


def test_functions_under_their_older_names():
    dataset = Dataset.range(9).map_with_legacy_function(lambda x: x + 1).filter_with_legacy_function(lambda x: x > 3)
    batches = dataset.apply(experimental.map_and_batch_with_legacy_function(lambda x: 2 * x, 4))
    assert [batch.tolist() for batch in elements(batches)] == [[8, 10, 12, 14], [16, 18]]


@pytest.mark.parametrize("compression", [None, "GZIP", "ZLIB"])
def test_a_dataset_is_written_and_read(executor, tmp_path, compression):
    path = str(tmp_path / "records")
    dataset = Dataset.range(5).map(tf.as_string)
    write = experimental.TFRecordWriter(path, compression).write(dataset)
    with tf.Session() as session:
        session.run(write)
    assert elements(tf.data.TFRecordDataset(path, compression)) == [b"0", b"1", b"2", b"3", b"4"]
    with pytest.raises(TypeError, match="must produce scalar `DT_STRING` tensors"):
        experimental.TFRecordWriter(path).write(Dataset.range(5))
    with pytest.raises(TypeError, match=r"must be a `tf.data.Dataset` object"):
        experimental.TFRecordWriter(path).write(3)


def test_states_that_grow(executor):
    numbers, nothing = tf.data.Dataset.range(4), tf.zeros([0], tf.int64)
    total = numbers.reduce({"all": nothing, "sum": np.int64(0)}, lambda state, x: {
        "all": tf.concat([state["all"], [x]], 0), "sum": state["sum"] + x})  # fmt: skip
    assert total["all"].shape.as_list() == [None] and total["sum"].shape.as_list() == []
    scanned = numbers.apply(tf.data.experimental.scan(nothing, lambda s, x: (tf.concat([s, [x]], 0), tf.size(s))))
    reducer = tf.data.experimental.Reducer(lambda _: nothing, lambda s, x: tf.concat([s, [x]], 0), lambda s: s)
    groups = numbers.apply(tf.data.experimental.group_by_reducer(lambda x: x % 2, reducer))
    with tf.Session() as session:
        found = session.run(total)
        assert (found["all"].tolist(), found["sum"]) == ([0, 1, 2, 3], 6)
        sizes = tf.data.make_one_shot_iterator(scanned).get_next()
        assert [session.run(sizes) for _ in range(4)] == [0, 1, 2, 3]
        group = tf.data.make_one_shot_iterator(groups).get_next()
        assert [session.run(group).tolist() for _ in range(2)] == [[0, 2], [1, 3]]


def test_sizes_and_values_of_padding(executor):
    ranges = tf.data.Dataset.range(3).map(lambda x: {"a": tf.range(x)})
    element = tf.data.make_one_shot_iterator(ranges.padded_batch(3, {"a": [-1]})).get_next()
    with tf.Session() as session:
        assert session.run(element)["a"].tolist() == [[0, 0], [0, 0], [0, 1]]
    with pytest.raises(ValueError, match="Padding value should be a scalar, but is not: "):
        ranges.padded_batch(2, {"a": [None]}, {"a": [1, 2]})
