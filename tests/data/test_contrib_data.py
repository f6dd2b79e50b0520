"""`tf.contrib.data`: the transformations that only it has, as TensorFlow 1.15 has them."""

import numpy as np
import pytest

import hookloop as tf

contrib = tf.contrib.data
numbers = tf.data.Dataset.range


def elements(dataset, limit=20):
    following, out = dataset.make_one_shot_iterator().get_next(), []
    with tf.Session() as session:
        try:
            while len(out) < limit:
                out.append(session.run(following))
        except tf.errors.OutOfRangeError:
            pass
    return tf.nest.map_structure(lambda value: value.tolist(), out)


@pytest.mark.parametrize(
    "arguments, wanted",
    [({}, [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]]),
     ({"stride": 2}, [[0, 1, 2], [2, 3, 4], [4, 5, 6]]),
     ({"window_shift": 2, "window_stride": 2}, [[0, 2, 4], [2, 4, 6]])],
)  # fmt: skip
def test_windows_that_move_on(executor, arguments, wanted):
    dataset = numbers(7).apply(contrib.sliding_window_batch(3, **arguments))
    assert dataset.output_shapes.as_list() == [None] and elements(dataset) == wanted
    assert elements(numbers(2).apply(contrib.sliding_window_batch(3, **arguments))) == []


def test_windows_of_structures(executor):
    pairs = numbers(5).map(lambda x: (x, 2 * x)).apply(contrib.sliding_window_batch(4))
    assert elements(pairs) == [([0, 1, 2, 3], [0, 2, 4, 6]), ([1, 2, 3, 4], [2, 4, 6, 8])]
    named = numbers(5).map(lambda x: {"a": tf.stack([x, x])}).apply(contrib.sliding_window_batch(2, 3))
    assert elements(named) == [{"a": [[0, 0], [1, 1]]}, {"a": [[3, 3], [4, 4]]}]
    assert named.output_shapes["a"].as_list() == [None, 2]


def test_a_window_that_is_told_twice_how_far_it_moves():
    with pytest.raises(ValueError, match="Cannot specify both `stride` and `window_shift`"):
        contrib.sliding_window_batch(3, 2, 2)


def test_what_is_no_whole_batch_is_dropped(executor):
    whole = numbers(7).apply(contrib.batch_and_drop_remainder(3))
    assert whole.output_shapes.as_list() == [3] and elements(whole) == [[0, 1, 2], [3, 4, 5]]
    ragged = numbers(4).map(lambda x: tf.fill([x], x))
    padded = ragged.apply(contrib.padded_batch_and_drop_remainder(3, [None], np.int64(-1)))
    assert elements(padded) == [[[-1, -1], [1, -1], [2, 2]]]


def test_shapes_that_are_promised_are_known_and_checked(executor):
    ragged = numbers(3).map(lambda x: (tf.fill([x, 2], x), x))
    known = ragged.apply(contrib.assert_element_shape((tf.TensorShape([None, 2]), tf.TensorShape([]))))
    assert [shape.as_list() for shape in known.output_shapes] == [[None, 2], []] and len(elements(known)) == 3
    wrong = numbers(3).map(lambda x: tf.fill([x], x)).apply(contrib.assert_element_shape(tf.TensorShape([1])))
    assert wrong.output_shapes.as_list() == [1]
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"Wrong shape for args_0:0 \[expected\] \[actual\].\] \[1\] \[0\]"
    ):
        elements(wrong)
    with pytest.raises(ValueError, match=r"Shapes \(3,\) and \(2,\) are not compatible"):
        numbers(3).map(lambda x: tf.ones([3])).apply(contrib.assert_element_shape(tf.TensorShape([2])))
    open_shape = numbers(3).map(lambda x: (tf.ones([3]), x))
    open_shape = open_shape.apply(contrib.assert_element_shape((tf.TensorShape(None), tf.TensorShape([]))))
    assert open_shape.output_shapes[0].as_list() == [3] and len(elements(open_shape)) == 3


def test_a_dataset_is_reduced_without_the_last_function(executor):
    reducer = contrib.Reducer(lambda start: start, lambda total, x: total + x, lambda total: total + 100)
    with tf.Session() as session:
        assert session.run(contrib.reduce_dataset(numbers(7), reducer)) == 21
    with pytest.raises(TypeError, match="`dataset` must be a `tf.data.Dataset` object"):
        contrib.reduce_dataset(3, reducer)


def test_the_first_names_of_transformations(executor):
    squares = numbers(5).apply(contrib.map_and_batch(lambda x: x * x, 2))
    assert elements(squares) == [[0, 1], [4, 9], [16]]
    mixed = numbers(2).apply(contrib.sloppy_interleave(lambda x: tf.data.Dataset.from_tensors(x).repeat(2), 2))
    assert elements(mixed) == [0, 1, 0, 1]
    from hookloop.contrib.data.python.ops.batching import map_and_batch

    assert map_and_batch is contrib.map_and_batch is tf.data.experimental.map_and_batch
