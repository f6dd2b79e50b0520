"""What a failing element takes with it. The elements and errors are TensorFlow 1.15's record."""

import numpy as np
import pytest

import hookloop as tf

experimental = tf.data.experimental
FAILS = "error"


def inverse(x):
    return 60 // x


def numbers(*values):
    return tf.data.Dataset.from_tensor_slices(np.array(values, np.int64))


def played(dataset):
    """The batches, and where errors come."""
    following = dataset.make_one_shot_iterator().get_next()
    found = []
    with tf.Session() as session:
        while len(found) < 20:
            try:
                found.append(session.run(following).tolist())
            except tf.errors.OutOfRangeError:
                break
            except tf.errors.InvalidArgumentError as error:
                assert "division by zero" in error.message or "number of elements does not match" in error.message
                found.append(FAILS)
    return found


def unfused(dataset):
    options = tf.data.Options()
    options.experimental_optimization.map_and_batch_fusion = False
    return dataset.with_options(options)


def mapped(*values):
    return numbers(*values).map(inverse)


SEVEN = (1, 2, 0, 4, 5, 6, 10)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: mapped(*SEVEN).batch(2), [[60, 30], FAILS, [12, 10], [6]]),
        (lambda: numbers(*SEVEN).apply(experimental.map_and_batch(inverse, 2)), [[60, 30], FAILS, [12, 10], [6]]),
        (lambda: unfused(mapped(*SEVEN).batch(2)), [[60, 30], FAILS, [15, 12], [10, 6]]),
        (lambda: mapped(*SEVEN).take(-1).batch(2), [[60, 30], FAILS, [12, 10], [6]]),
        (lambda: mapped(*SEVEN).take(7).batch(2), [[60, 30], FAILS, [15, 12], [10, 6]]),
        (lambda: mapped(*SEVEN).padded_batch(2, []), [[60, 30], FAILS, [15, 12], [10, 6]]),
        (lambda: mapped(*SEVEN).batch(100), [FAILS]),
        (lambda: mapped(1, 2, 4, 5, 0).batch(2, drop_remainder=True), [[60, 30], [15, 12], FAILS]),
        (lambda: mapped(0, 0, 0).batch(2), [FAILS, FAILS]),
        (lambda: mapped(1, 0, 2, 4, 5).map(lambda x: x + 1).batch(3), [FAILS, [16, 13]]),
        (lambda: mapped(1, 0, 2, 4, 5).filter(lambda x: x > 0).batch(3), [FAILS, [30, 15, 12]]),
        (lambda: mapped(1, 0, 2).batch(2).repeat(2), [FAILS, [30], FAILS, [30]]),
        (lambda: mapped(1, 2, 0).repeat(2).batch(2), [[60, 30], FAILS, [60, 30], FAILS]),
        (lambda: mapped(*SEVEN).batch(2).apply(experimental.ignore_errors()), [[60, 30], [12, 10], [6]]),
        (lambda: tf.data.Dataset.range(2).flat_map(lambda i: mapped(1, 0, 2, 4).batch(3)), [FAILS, [15]] * 2),
        (
            lambda: tf.data.Dataset.range(5).map(lambda i: tf.fill([tf.where(tf.equal(i, 1), 3, 1)], i)).batch(2),
            [FAILS, [[2], [3]], [[4]]],
        ),
    ],
)
def test_a_batch_of_mapped_elements_fails_as_a_whole(executor, made, expected):
    assert played(made()) == expected


def test_a_step_that_is_to_end_does_not_wait_for_the_rest_of_a_batch(executor):
    """Else each of its elements would take as long as the step may."""
    endless = numbers(1).repeat().filter(lambda x: x < 0).map(inverse).batch(1 << 40)
    following = endless.make_one_shot_iterator().get_next()
    with tf.Session(config=tf.ConfigProto(operation_timeout_in_ms=100)) as session:
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run(following)
