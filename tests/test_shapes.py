"""Static shapes: what is known, merged and refused."""

import pickle

import numpy as np
import pytest

import hookloop as tf
from hookloop.shapes import UNKNOWN


def test_unknown_takes_part_in_arithmetic_and_equals_nothing():
    assert (UNKNOWN + 1) is UNKNOWN
    assert (2 * UNKNOWN) is UNKNOWN
    assert 0 * UNKNOWN == 0
    assert (7 // UNKNOWN) is UNKNOWN
    assert UNKNOWN != 3
    assert (UNKNOWN == UNKNOWN) is False
    assert pickle.loads(pickle.dumps(UNKNOWN)) is UNKNOWN


def test_shape_text():
    assert str(tf.TensorShape([None, 2])) == "(?, 2)"
    assert str(tf.TensorShape([3])) == "(3,)"
    assert str(tf.TensorShape(None)) == "<unknown>"
    assert repr(tf.TensorShape([None, 2])) == "TensorShape([Dimension(None), Dimension(2)])"


def test_as_list_and_elements():
    shape = tf.TensorShape([None, 2])
    assert shape.as_list() == [None, 2]
    assert shape.ndims == shape.rank == len(shape) == 2
    assert shape[1].value == 2
    assert shape[1] == 2
    assert shape[:1].as_list() == [None]
    assert [d.value for d in shape] == [None, 2]
    assert shape.num_elements() is None
    assert tf.TensorShape([3, 2]).num_elements() == 6
    assert tf.TensorShape(5).as_list() == [5]


def test_unknown_rank():
    shape = tf.TensorShape(None)
    assert shape.ndims is None
    assert not shape
    assert shape[0].value is None
    assert shape[1:3].ndims == 2
    assert shape[1:].ndims is None
    with pytest.raises(ValueError, match="as_list\\(\\) is not defined on an unknown TensorShape"):
        shape.as_list()
    with pytest.raises(ValueError, match="Cannot take the length of shape with unknown rank"):
        len(shape)


def test_merge():
    assert tf.TensorShape([None, 2]).merge_with([3, None]).as_list() == [3, 2]
    assert tf.TensorShape(None).merge_with([1]).as_list() == [1]
    with pytest.raises(ValueError, match=r"Shapes \(1, 2\) and \(1, 3\) are not compatible"):
        tf.TensorShape([1, 2]).merge_with([1, 3])


def test_ranks():
    assert tf.TensorShape(None).with_rank(2).as_list() == [None, None]
    with pytest.raises(ValueError, match=r"Shape \(1, 2\) must have rank 3"):
        tf.TensorShape([1, 2]).with_rank(3)
    with pytest.raises(ValueError, match=r"Shape \(1, 2\) must have rank at least 3"):
        tf.TensorShape([1, 2]).with_rank_at_least(3)
    with pytest.raises(ValueError, match=r"Shape \(1, 2\) must have rank at most 1"):
        tf.TensorShape([1, 2]).with_rank_at_most(1)
    with pytest.raises(ValueError, match="must have the same rank"):
        tf.TensorShape([1, 2]).assert_same_rank([1])


def test_asserts():
    with pytest.raises(ValueError, match=r"Shape \(\?, 2\) is not fully defined"):
        tf.TensorShape([None, 2]).assert_is_fully_defined()
    with pytest.raises(ValueError, match="are incompatible"):
        tf.TensorShape([1, 2]).assert_is_compatible_with([1, 3])


def test_equality():
    assert tf.TensorShape([1, 2]) == [1, 2]
    assert tf.TensorShape([None, 2]) != tf.TensorShape([3, 2])
    assert tf.TensorShape(None) == tf.TensorShape(None)
    with pytest.raises(ValueError, match="inequality of unknown TensorShapes is undefined"):
        assert tf.TensorShape(None) != tf.TensorShape([1])


def test_refused_sizes():
    with pytest.raises(ValueError, match="Dimension -2 must be >= 0"):
        tf.TensorShape([-2])
    with pytest.raises(TypeError, match="A string has ambiguous TensorShape"):
        tf.TensorShape("ab")


def test_concatenate():
    assert tf.TensorShape([1]).concatenate([None]).as_list() == [1, None]
    assert ([1] + tf.TensorShape([2])).as_list() == [1, 2]
    assert tf.TensorShape([1]).concatenate(None).ndims is None


def test_dimension_arithmetic():
    d = tf.Dimension(7)
    assert d + 1 == 8
    assert 8 - d == 1
    assert d // 2 == 3
    assert d % 4 == 3
    assert int(d * 2) == 14
    assert list(range(tf.Dimension(3))) == [0, 1, 2]
    assert (tf.Dimension(None) + 1).value is None
    assert (tf.Dimension(None) == 1) is None
    with pytest.raises(ValueError, match="Dimensions 7 and 4 are not compatible"):
        d.merge_with(4)
    with pytest.raises(TypeError, match="use // instead"):
        d / 2


def test_proto_round_trip():
    for shape in (tf.TensorShape([None, 2]), tf.TensorShape([])):
        assert repr(tf.TensorShape(shape.as_proto())) == repr(shape)
    assert tf.TensorShape(tf.TensorShape(None).as_proto()).ndims is None


def test_shapes_that_follow_from_constants(executor):
    lengths, limit = tf.constant([1, 3, 2]), tf.constant([0.5, 2.5])
    mask = tf.sequence_mask(lengths)
    zeros = tf.zeros([tf.reduce_max(tf.cast(tf.ceil(limit), tf.int32)), 2])
    assert mask.shape == [3, 3] and zeros.shape == [3, 2]
    drawn = tf.zeros([tf.random_uniform([], 1, 4, tf.int32)])
    assert drawn.shape.as_list() == [None]
    with tf.Session() as session:
        assert session.run(mask, {lengths: [1, 5, 2]}).shape == (3, 5)
        assert session.run(zeros, {limit: [6.5, 1.0]}).shape == (7, 2)


def test_an_op_that_fails_tells_no_shape():
    number = tf.gather(tf.constant([1, 2]), tf.constant(5))
    assert tf.zeros([number]).shape.as_list() == [None]


def test_a_default_that_a_run_may_feed_tells_no_shape(executor):
    sizes = tf.placeholder_with_default([2, 3], [2])
    x = tf.reshape(tf.range(6), tf.identity(sizes) * 1)
    assert x.shape.as_list() == [None, None]
    with tf.Session() as session:
        assert session.run(x).shape == (2, 3)
        assert session.run(x, {sizes: [3, 2]}).shape == (3, 2)


def test_long_constants_are_not_worked_out_for_a_shape():
    whole = tf.range(2**31 - 1)
    assert whole.shape.as_list() == [2**31 - 1]
    assert tf.fill(whole[:2] + 1, 0).shape.as_list() == [None, None]
    assert tf.fill(tf.range(1000)[1:3] + 1, 0).shape.as_list() == [2, 3]


_SOLVERS = [tf.matrix_triangular_solve, tf.matrix_solve, tf.cholesky_solve, tf.linalg.lstsq]


@pytest.mark.parametrize("solve", _SOLVERS, ids=lambda f: f.__name__)
def test_a_solution_has_the_axes_of_the_input_whose_rank_is_known(solve):
    def solution(matrix, right):
        matrix, right = tf.placeholder(tf.float64, matrix), tf.placeholder(tf.float64, right)
        return solve(matrix, right, fast=False).shape if solve is tf.linalg.lstsq else solve(matrix, right).shape

    assert solution([4, 4], None).as_list() == [4, None]
    assert solution([2, None, None], None).as_list() == [2, None, None]
    assert solution(None, None).ndims is None
    if solve is not tf.linalg.lstsq:  # whose solutions are as long as the matrix is wide
        assert solution(None, [4, 3]).as_list() == [4, 3]
        assert solution(None, [2, None, 3]).as_list() == [2, None, 3]


@pytest.mark.parametrize("function", [tf.cholesky, tf.matrix_inverse, lambda x: tf.self_adjoint_eig(x)[1]])
def test_one_side_of_a_square_tells_the_other(function):
    assert function(tf.placeholder(tf.float64, [None, 5])).shape.as_list() == [5, 5]
    assert function(tf.placeholder(tf.float64, [2, 5, None])).shape.as_list() == [2, 5, 5]


def test_the_length_of_an_unknown_permutation_tells_the_rank():
    perm = tf.placeholder(tf.int32, [3])
    assert tf.transpose(tf.placeholder(tf.float32), perm).shape.as_list() == [None] * 3
    with pytest.raises(ValueError, match="Dimension must be 2 but is 3"):
        tf.transpose(tf.placeholder(tf.float32, [4, 5]), perm)


def test_paddings_of_unknown_values_are_as_many_as_axes():
    assert tf.pad(tf.placeholder(tf.float32), tf.placeholder(tf.int32, [3, 2])).shape.as_list() == [None] * 3
    with pytest.raises(ValueError, match="Shape must be rank 3 but is rank 2"):
        tf.pad(tf.placeholder(tf.float32, [4, 5]), tf.placeholder(tf.int32, [3, 2]))


def test_a_tensor_may_be_any_dimension():
    assert tf.Dimension(3).is_compatible_with(tf.constant(4))


@pytest.mark.parametrize(
    "make",
    [
        lambda: tf.size(tf.unique(tf.constant([1, 1, 2]))[0]),
        lambda: tf.string_to_number(tf.constant("2"), tf.int32),
        lambda: tf.cast(tf.argmax(tf.constant([0.0] * 2 + [1.0] + [0.0] * 2000)), tf.int32),
    ],
    ids=["unique", "text", "many"],
)
def test_what_is_not_computed_for_a_shape(make, executor):
    """TensorFlow runs such parts of a graph while it is built."""
    filled = tf.fill([make()], 3.0)
    assert filled.shape.as_list() == [None]
    zeros = tf.zeros_like(filled)
    assert zeros.op.type == "ZerosLike"
    with tf.Session() as session:
        values = session.run([filled, zeros])
    assert [value.tolist() for value in values] == [[3, 3], [0, 0]]


def test_what_a_number_of_unknown_rank_decides_has_a_rank():
    open_rank = tf.placeholder(tf.int32, None)
    rows = tf.placeholder(tf.float32, [4, 2])
    assert tf.range(open_rank).shape.as_list() == [None]
    assert tf.linspace(0.0, 1.0, open_rank).shape.as_list() == [None]
    assert tf.unsorted_segment_sum(rows, [0, 1, 0, 1], open_rank).shape.as_list() == [None, 2]
    assert tf.sparse_segment_sum(rows, [0, 1], open_rank).shape.as_list() == [None, 2]
    assert tf.sparse_segment_mean(rows, open_rank, [0, 0], num_segments=3).shape.as_list() == [3, 2]
    found = tf.unique_with_counts(tf.placeholder(tf.float32, None))
    assert [t.shape.ndims for t in found] == [1, None, 1]


def test_means_of_picked_rows_are_of_floats():
    for mean in (tf.sparse_segment_mean, tf.sparse_segment_sqrt_n):
        with pytest.raises(
            TypeError, match="Value passed to parameter 'data' has DataType int32 not in list of allowed"
        ):
            mean(tf.constant([1, 2]), [0], [0])


def test_what_one_input_tells_of_the_other_is_known_of_the_result():
    def given(*sizes):
        return tf.placeholder(tf.float32, sizes)

    numbers, open_rank = tf.placeholder(tf.int32, [3]), tf.placeholder(tf.float32, None)
    assert tf.reverse_sequence(given(None, None), numbers, 1, batch_axis=0).shape.as_list() == [3, None]
    assert tf.nn.in_top_k(open_rank, numbers, 1).shape.as_list() == [3]
    assert tf.nn.in_top_k(given(3, 2), tf.placeholder(tf.int32, None), 1).shape.as_list() == [3]
    assert tf.matrix_set_diag(open_rank, given(4, 2)).shape.as_list() == [4, None, None]
    assert tf.matrix_set_diag(given(None, 2, None), given(4, 2)).shape.as_list() == [4, 2, None]
    assert tf.slice(open_rank, [0, 1], tf.placeholder(tf.int32, [None])).shape.as_list() == [None, None]
    assert (
        tf.slice(open_rank, tf.placeholder(tf.int32, None), tf.placeholder(tf.int32, [3])).shape.as_list() == [None] * 3
    )
    assert tf.tile(given(None, 3), [0, 2]).shape.as_list() == [0, 6]
    assert tf.invert_permutation(tf.placeholder(tf.int32, None)).shape.as_list() == [None]
    assert (
        tf.depth_to_space(open_rank, 2).shape.as_list() == tf.space_to_depth(open_rank, 2).shape.as_list() == [None] * 4
    )
    with pytest.raises(ValueError, match="Shape must be rank 1 but is rank 2"):
        tf.nn.in_top_k(open_rank, tf.placeholder(tf.int32, [2, 2]), 1)
    with pytest.raises(ValueError, match="Shape must be rank 1 but is rank 2"):
        tf.matrix_set_diag(given(2, 2), given(2, 2))


def test_a_wrong_axis_of_a_vector_is_refused_when_its_largest_is_asked_for(executor):
    """TensorFlow builds the node: the result is a scalar whichever axis it is."""
    found = [tf.argmax(tf.constant([1.0, 2.0]), 1), tf.argmin(tf.placeholder_with_default([1.0], [None]), -2)]
    assert [tensor.shape.as_list() for tensor in found] == [[], []]
    with tf.Session() as session:
        for tensor, axis in zip(found, ("1", "-2")):
            with pytest.raises(tf.errors.InvalidArgumentError, match=f"in the range .-1, 1., but got {axis}"):
                session.run(tensor)


def test_elements_of_shapes_that_are_numbers():
    """As TensorFlow 1.15 has it behind `enable_v2_tensorshape`."""
    shape = tf.placeholder(tf.float32, [None, 3]).shape
    assert repr(shape) == "TensorShape([Dimension(None), Dimension(3)])" and str(shape) == "(?, 3)"
    try:
        tf.enable_v2_tensorshape()
        assert list(shape) == [None, 3] and type(shape[1]) is int and shape[0] is None and shape[-1] == 3
        assert (str(shape), repr(shape), repr(shape[1:])) == ("(None, 3)", "TensorShape([None, 3])", "TensorShape([3])")
        assert tf.TensorShape(None)[0] is None and repr(tf.TensorShape(None)) == "TensorShape(None)"
        assert all(isinstance(size, tf.Dimension) for size in shape.dims)
        assert shape.concatenate([4]).as_list() == [None, 3, 4] and tf.dimension_value(shape[1]) == 3
        assert tf.zeros([shape[1], 2]).shape == [3, 2] and tf.compat.v1.dimension_value(shape[0]) is None
        dataset = tf.data.Dataset.from_tensor_slices(np.zeros((4, 3), np.float32)).padded_batch(2, padded_shapes=[5])
        assert dataset.output_shapes.as_list() == [None, 5]
        shapes = (
            tf.data.Dataset.from_tensors([1.0, 2.0])
            .padded_batch(2, padded_shapes=tf.constant([3], tf.int64))
            .output_shapes
        )
        assert shapes.ndims == 2
    finally:
        tf.disable_v2_tensorshape()
    assert isinstance(shape[1], tf.Dimension) and str(shape) == "(?, 3)"


def _next_of_slices():
    dataset = tf.data.Dataset.from_tensor_slices((np.float32([1, 2]), tf.zeros([2, 3])))
    return dataset.make_one_shot_iterator().get_next()[0]


def _dequeued(x):
    queue = tf.FIFOQueue(9, tf.float32, [2])
    with tf.control_dependencies([queue.enqueue_many([x])]):
        return queue.dequeue()


def _resampled():
    dataset = tf.data.Dataset.from_tensor_slices(np.int32([0, 1, 1])).repeat()
    resample = tf.data.experimental.rejection_resample(lambda x: x, tf.constant([0.5, 0.5]), seed=1)
    return dataset.apply(resample).make_one_shot_iterator().get_next()[0]


@pytest.mark.parametrize(
    "build",
    [
        lambda x: tf.map_fn(lambda row: row * 2, x),
        lambda x: tf.foldl(lambda total, row: total + row, x),
        lambda x: tf.scan(lambda total, row: total + row, (x, x)[0]),
        lambda x: tf.vectorized_map(lambda row: row * 2, x),
        lambda x: tf.nn.embedding_lookup([x, x], [0, 3], "div"),
        lambda x: tf.matrix_solve_ls(x, tf.ones([3, 1]), 0.1),
        lambda x: tf.confusion_matrix(tf.placeholder_with_default([1, 0], None), tf.constant([[1], [1]]), 2),
        lambda x: tf.nn.atrous_conv2d_transpose(x[None, :, :, None], tf.ones([2, 2, 1, 1]), [1, 5, 4, 1], 2, "VALID"),
        lambda x: _jacobian(x),
        lambda x: tf.nn.separable_conv2d(
            x[None, :, :, None], tf.ones([2, 2, 1, 1]), tf.ones([1, 1, 1, 1]), [1] * 4, "VALID"
        ),
        lambda x: _dequeued(x),
        lambda x: _next_of_slices(),
        lambda x: _resampled(),
    ],
)
def test_functions_that_look_at_elements_of_shapes_take_numbers(build):
    def value():
        with tf.Graph().as_default(), tf.Session() as session:
            return session.run(build(tf.constant([[1.0, 2.0], [3.0, 5.0], [4.0, 7.0]])))

    before = value()
    try:
        tf.enable_v2_tensorshape()
        np.testing.assert_array_equal(value(), before)
    finally:
        tf.disable_v2_tensorshape()


def _jacobian(x):
    from hookloop.python.ops.parallel_for.gradients import jacobian

    return jacobian(x * x, x)
