"""`tf.data.experimental`: transformations for `Dataset.apply`."""

import pytest

import hookloop as tf

from .test_dataset import Dataset, elements

experimental = tf.data.experimental


def test_constants_stand_for_the_runtimes_choice(executor):
    dataset = (
        Dataset.range(4).map(lambda x: x + 1, num_parallel_calls=experimental.AUTOTUNE).prefetch(experimental.AUTOTUNE)
    )
    assert elements(dataset) == [1, 2, 3, 4]


def test_shuffle_and_repeat_has_every_element_each_time(executor):
    tf.set_random_seed(3)
    dataset = Dataset.range(10).apply(experimental.shuffle_and_repeat(4, 2, seed=1))
    assert elements(dataset) == elements(Dataset.range(10).shuffle(4, seed=1).repeat(2))


def test_map_and_batch(executor):
    dataset = Dataset.range(5).apply(experimental.map_and_batch(lambda x: (x, x * 2), 2))
    assert elements(dataset) == [([0, 1], [0, 2]), ([2, 3], [4, 6]), ([4], [8])]
    dropped = Dataset.range(5).apply(experimental.map_and_batch(lambda x: x, 2, drop_remainder=True))
    assert dropped.output_shapes.as_list() == [2] and elements(dropped) == [[0, 1], [2, 3]]
    with pytest.raises(ValueError, match="mutually exclusive"):
        experimental.map_and_batch(lambda x: x, 2, num_parallel_batches=1, num_parallel_calls=1)


def test_order_and_number(executor):
    assert elements(experimental.Counter(5, -2).take(3)) == [5, 3, 1]
    assert elements(experimental.Counter(dtype=tf.float32).take(2)) == [0.0, 1.0]
    assert elements(Dataset.range(2).apply(experimental.enumerate_dataset(7))) == [(7, 0), (8, 1)]
    assert elements(Dataset.range(4).batch(2).apply(experimental.unbatch())) == [0, 1, 2, 3]
    assert elements(Dataset.range(9).apply(experimental.take_while(lambda x: x < 3))) == [0, 1, 2]
    assert elements(Dataset.range(2).apply(experimental.parallel_interleave(lambda x: Dataset.range(x + 1), 2))) == [
        0,
        0,
        1,
    ]


def test_elements_with_errors_are_left_out(executor):
    dataset = Dataset.range(4).map(lambda x: 6 // (1 - x)).apply(experimental.ignore_errors())
    assert elements(dataset) == [6, -6, -3]


def test_single_element(executor):
    total = experimental.get_single_element(Dataset.range(5).batch(10).map(tf.reduce_sum))
    with tf.Session() as session:
        assert session.run(total) == 10
        with pytest.raises(tf.errors.InvalidArgumentError, match="Dataset had more than one element"):
            session.run(experimental.get_single_element(Dataset.range(2)))
        with pytest.raises(tf.errors.InvalidArgumentError, match="Dataset was empty"):
            session.run(experimental.get_single_element(Dataset.range(0)))
