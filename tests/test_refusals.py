"""Sizes that only a run finds unfit: plans and the reference executor refuse them in the same words."""

import re

import numpy as np
import pytest

import hookloop as tf

X = np.ones((2, 3), np.float32)
REFUSED = {
    "an axis to reduce": (lambda x: tf.reduce_sum(x, 5), "Invalid reduction dimension 5 for input with 2 dimensions."),
    "an axis to reduce, fed": (
        lambda x: tf.reduce_sum(x, tf.placeholder_with_default(5, [])),
        "Invalid reduction dimension 5 for input with 2 dimensions.",
    ),
    "an axis to gather along": (lambda x: tf.gather(x, [0], axis=3), "Expected axis in the range [-2, 2), but got 3"),
    "a ragged split": (
        lambda x: tf.split(x, 2, axis=1),
        "Number of ways to split should evenly divide the split dimension, but got split_dim 1 (size = 3) and num_split 2",
    ),
    "parts that are too large": (lambda x: tf.split(x, [2, 2], axis=1), "Determined shape must either match input shape"),
    "a border that is too wide": (
        lambda x: tf.pad(x, [[2, 0], [0, 0]], "REFLECT"),
        "paddings must be less than the dimension size: 2, 0 not less than 2",
    ),
    "a symmetric border that is too wide": (
        lambda x: tf.pad(x, [[0, 0], [0, 4]], "SYMMETRIC"),
        "paddings must be no greater than the dimension size: 0, 4 greater than 3",
    ),
    "an axis of an argmax": (lambda x: tf.argmax(x, 4), "Expected dimension in the range [-2, 2), but got 4"),
    "an axis to concatenate": (
        lambda x: tf.concat([x, x], 4),
        "ConcatOp : Expected concatenating dimensions in the range [-2, 2), but got 4",
    ),
    "an axis of a cumulative sum": (
        lambda x: tf.cumsum(x, 4),
        "ScanOp: Expected scan axis in the range [-2, 2), but got 4",
    ),
    "a permutation": (lambda x: tf.transpose(x, [0, 2]), "perm dim 2 is out of range of input rank 2"),
    "a size to squeeze": (
        lambda x: tf.squeeze(x, [0]), "Can not squeeze dim[0], expected a dimension of 1, got 2"),
    "parts to unstack": (lambda x: tf.unstack(x, 2, 1), "Input shape axis 1 must equal 2, got shape [2,3]"),
    "a slice": (lambda x: tf.slice(x, [0, 1], [2, 5]), "Expected size[1] in [0, 2], but got 5"),
    "multiples": (lambda x: tf.tile(x, [1]), "Expected multiples argument to be a vector of length 2 but got length 1"),
    "a product": (lambda x: tf.matmul(x, x), "In[0] mismatch In[1] shape: 3 vs. 2: [2,3] [2,3] 0 0"),
    "a shape": (
        lambda x: tf.reshape(x, [4, -1]),
        "Input to reshape is a tensor with 6 values, but the requested shape requires a multiple of 4",
    ),
    "a shape of another size": (
        lambda x: tf.reshape(x, tf.placeholder_with_default([7, 3], [2])),
        "Input to reshape is a tensor with 6 values, but the requested shape has 21",
    ),
    "a shape of a constant": (
        lambda x: tf.reshape(tf.ones([4]), tf.cast(x[0, 0], tf.int32) * [3, 7]),
        "Input to reshape is a tensor with 4 values, but the requested shape has 21",
    ),
    "the largest": (lambda x: tf.nn.top_k(x, 7), "input must have at least k columns. Had 3, needed 7"),
    "a bias": (
        lambda x: tf.nn.bias_add(x, tf.ones([4])),
        "Must provide as many biases as the last dimension of the input tensor: [4] vs. [2,3]",
    ),
    "shapes to stack": (
        lambda x: tf.stack([x, tf.transpose(x)]),
        "Shapes of all inputs must match: values[0].shape = [2,3] != values[1].shape = [3,2]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_the_same_words(executor, case):
    make, text = REFUSED[case]
    x = tf.placeholder(tf.float32)
    refused = make(x)
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(text)):
            session.run(refused, {x: X})
        assert session.run(x * 2, {x: X}).sum() == 12


@pytest.mark.parametrize(
    ("mode", "width", "padded"),
    [("REFLECT", 2, [3, 2, 1, 2, 3]), ("SYMMETRIC", 3, [3, 2, 1, 1, 2, 3])],
)
def test_the_widest_border(executor, mode, width, padded):
    x = tf.placeholder(tf.float32)
    with tf.Session() as session:
        assert session.run(tf.pad(x, [[width, 0]], mode), {x: [1, 2, 3]}).tolist() == padded


RANKS = {
    "the number of the largest": lambda x, k: tf.nn.top_k(x, k),
    "diagonals": lambda x, k: tf.matrix_band_part(x, k, 0),
    "a depth": lambda x, k: tf.one_hot(tf.cast(x, tf.int32), k),
    "an axis to join": lambda x, k: tf.concat([x, x], k),
    "an axis of an argmax": lambda x, k: tf.argmax(x, k),
    "an axis of a cumulative sum": lambda x, k: tf.cumsum(x, k),
    "a number of segments": lambda x, k: tf.unsorted_segment_sum(x, [0, 1], k),
    "what a border is filled with": lambda x, k: tf.pad(x, [[1, 0], [0, 0]], constant_values=tf.cast(k, tf.float32)),
    "a number of draws": lambda x, k: tf.multinomial(x, k),
    "an axis to gather along": lambda x, k: tf.gather(x, [0], axis=k),
}


@pytest.mark.parametrize("case", RANKS)
def test_what_must_be_a_scalar_is_none(executor, case):
    x, k = tf.placeholder(tf.float32), tf.placeholder(tf.int32)
    refused = RANKS[case](x, k)
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="Shape must be rank 0 but is rank 1"):
            session.run(refused, {x: X, k: [1, 1]})
    with pytest.raises(ValueError, match="Shape must be rank 0 but is rank 1"):
        RANKS[case](tf.constant(X), tf.constant([1, 1]))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda x: tf.batch_to_space_nd(x, [1, 1], np.zeros((4, 0), np.int32)), "crops should have shape [2, 2] instead of [4, 0]"),
        (lambda x: tf.space_to_batch_nd(x, [1, 1], [[0, 0]]), "paddings should have shape [2, 2] instead of [1, 2]"),
        (lambda x: tf.space_to_batch_nd(x, [1, 1, 1], [[0, 0]] * 3), "input rank should be >= 4 instead of 3"),
        (lambda x: tf.pad(x, np.zeros((3, 1), np.int32)), "Dimensions must be equal, but are 1 and 2"),
        (lambda x: tf.gather(x, [0], batch_dims=-(2**31)), "Expected batch_dims in the range [-1, 1], but got -2147483648"),
        (lambda x: tf.strided_slice(x, [0], [1], 1), "Shape must be rank 1 but is rank 0"),
        (lambda x: tf.setdiff1d(x[0, 0], x[0, 0, 0]), "Shape must be rank 1 but is rank 0"),
        (lambda x: tf.sparse_to_dense([1], 3, 1.0), "Shape must be rank 1 but is rank 0"),
        (lambda x: tf.unravel_index([1], 3), "Shape must be rank 1 but is rank 0"),
    ],
)  # fmt: skip
def test_shapes_of_operands_that_no_op_takes(make, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        make(tf.placeholder(tf.float32, [2, 3, 5]))


@pytest.mark.parametrize(
    ("make", "attribute", "allowed"),
    [
        (lambda x: tf.pad(x, [[1, 1]] * 4, "REFLECT"), "mode", '"REFLECT", "SYMMETRIC"'),
        (lambda x: tf.nn.max_pool(x, 2, 1, "SAME"), "padding", '"SAME", "VALID", "EXPLICIT"'),
        (lambda x: tf.nn.conv2d(x, tf.ones([1, 1, 3, 2]), 1, "SAME"), "data_format", '"NHWC", "NCHW"'),
        (lambda x: tf.nn.bias_add(x, tf.ones([3])), "data_format", '"NHWC", "NCHW"'),
        (lambda x: tf.nn.max_pool3d(x[None], 2, 1, "SAME"), "data_format", '"NDHWC", "NCDHW"'),
    ],
)
def test_a_text_that_an_attribute_cannot_have_is_refused(make, attribute, allowed):
    make(tf.placeholder(tf.float32, [2, 4, 4, 3]))
    message = tf.get_default_graph().as_graph_def()
    message.node[-1].attr[attribute].s = b"x"
    text = re.escape(f"Value for attr '{attribute}' of \"x\" is not in the list of allowed values: {allowed}")
    with tf.Graph().as_default(), pytest.raises(ValueError, match=text):
        tf.import_graph_def(message)


def test_draws_of_a_negative_number(executor):
    with tf.Session() as session:
        number = tf.placeholder(tf.int32, [])
        with pytest.raises(tf.errors.InvalidArgumentError, match="num_samples should be nonnegative, got -1"):
            session.run(tf.multinomial(X, number), {number: -1})


def _node(type, inputs, **attrs):
    """The outputs of a node whose inputs are of open shape, as a GraphDef may have one, and what feeds them."""
    feeds = {tf.placeholder(np.asarray(value).dtype): value for value in inputs}
    attrs = {key: tf.as_dtype(value) if key.startswith("T") else value for key, value in attrs.items()}
    return tf.get_default_graph().create_op(type, list(feeds), attrs=attrs).outputs, feeds


ROWS, NUMBERS = np.ones((2, 3), np.float32), np.array([4, 0], np.int32)
UNFIT_NODES = {
    "lengths of sequences that are no vector": (
        ("ReverseSequence", [X, np.ones((2, 1), np.int64)], {"seq_dim": 1}), "Shape must be rank 1 but is rank 2"),
    "one length of a sequence": (
        ("ReverseSequence", [X, np.int64(1)], {"seq_dim": 1}), "Shape must be rank 1 but is rank 0"),
    "sequences along the axis of the batch": (
        ("ReverseSequence", [X, np.ones(2, np.int64)], {"seq_dim": 0}), "batch_dim == seq_dim == 0"),
    "sequences along an axis before the first": (
        ("ReverseSequence", [X, np.ones(2, np.int64)], {"seq_dim": -1}), "seq_dim must not be negative, but is -1"),
    "a batch along an axis before the first": (
        ("ReverseSequence", [X, np.ones(2, np.int64)], {"seq_dim": 1, "batch_dim": -2}), "batch_dim must not be negative"),
    "sequences along an axis behind the last": (
        ("ReverseSequence", [X, np.ones(2, np.int64)], {"seq_dim": 2}), "seq_dim must be < input rank: 2 vs. 2"),
    "a shape to scatter into that is no vector": (
        ("ScatterNd", [[[0], [1]], np.ones(2, np.float32), [[4]]], {}), "Shape must be rank 1 but is rank 2"),
    "one size to scatter into": (
        ("ScatterNd", [[[0], [1]], np.ones(2, np.float32), 4], {}), "Shape must be rank 1 but is rank 0"),
    "segments of a gradient beyond its rows": (
        ("SparseSegmentMeanGrad", [ROWS, NUMBERS, np.array([7, 1], np.int32), np.int32(5)], {}), "Segment id 7 out of range [0, 2)."),
    "segments of a gradient before its rows": (
        ("SparseSegmentSqrtNGrad", [ROWS, NUMBERS, np.array([1, -1], np.int32), np.int32(5)], {}),
        "Segment id -1 out of range [0, 2)."),
    "rows of a gradient beyond the last": (
        ("SparseSegmentMeanGrad", [ROWS, NUMBERS, np.array([0, 1], np.int32), np.int32(4)], {}), "Index 4 out of range [0, 4)."),
    "more segments of a gradient than rows": (
        ("SparseSegmentMeanGrad", [ROWS, NUMBERS, np.array([0, 1, 1], np.int32), np.int32(5)], {}), "sizes 2 and 3 do not fit"),
    "rows of a gradient that are no vector": (
        ("SparseSegmentMeanGrad", [ROWS, NUMBERS[:, None], NUMBERS, np.int32(5)], {}), "Shape must be rank 1 but is rank 2"),
    "weights of another number than what is counted": (
        ("Bincount", [np.array([0, 1, 2], np.int32), np.int32(4), np.ones(5, np.float32)], {}),
        "weights must have as many elements as the integers, 3, but has 5"),
    "weights of nothing that is counted": (
        ("Bincount", [np.array([], np.int32), np.int32(4), np.ones(5, np.float32)], {}),
        "weights must have as many elements as the integers, 0, but has 5"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNFIT_NODES)
def test_nodes_as_graph_defs_may_have_them_are_refused(executor, case):
    (type, inputs, attrs), text = UNFIT_NODES[case]
    outputs, feeds = _node(type, inputs, **attrs)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(text)):
        session.run(outputs, feeds)


@pytest.mark.parametrize("type, scale", [("SparseSegmentMeanGrad", 1 / 2), ("SparseSegmentSqrtNGrad", 1 / np.sqrt(2))])
def test_gradients_of_segments_in_any_order(executor, type, scale):
    grad = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    inputs = [grad, np.array([3, 0, 3], np.int32), np.array([1, 0, 1], np.int32), np.int32(4)]
    (found,), feeds = _node(type, inputs)
    with tf.Session() as session:
        np.testing.assert_allclose(
            session.run(found, feeds), [grad[0], [0, 0, 0], [0, 0, 0], 2 * scale * grad[1]], rtol=1e-6
        )


@pytest.mark.parametrize("axes", [[0, 0], [0, -4], [2, 0, 2]])
def test_an_axis_that_is_squeezed_twice(executor, axes):
    (found,), feeds = _node("Squeeze", [np.ones((1, 3, 1, 2), np.float32)], squeeze_dims=axes)
    with tf.Session() as session:
        assert session.run(found, feeds).shape == ((3, 2) if 2 in axes else (3, 1, 2))


def test_an_ellipsis_behind_the_last_entry_of_a_slice_says_nothing(executor):
    whole = [np.array([4, 3], np.int32), *(np.array([n], np.int32) for n in (1, 3, 1)), np.ones((2, 3), np.float32)]
    for mask in (0, 2, 4):
        (found,), feeds = _node("StridedSliceGrad", whole, ellipsis_mask=mask)
        (taken,), more = _node("StridedSlice", [np.arange(8.0).reshape(4, 2), *whole[1:4]], ellipsis_mask=mask)
        with tf.Session() as session:
            assert session.run(found, feeds).sum(1).tolist() == [0, 3, 3, 0]
            assert session.run(taken, more).tolist() == [[2, 3], [4, 5]]
    (found,), feeds = _node("StridedSliceGrad", whole, ellipsis_mask=3)
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.InvalidArgumentError, match="Multiple ellipses in slice spec"),
    ):
        session.run(found, feeds)


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda: tf.variable_scope("a", auxiliary_name_scope=3), TypeError,
         "The auxiliary_name_scope must be `True` or `False`, while get 3"),
        (lambda: tf.get_variable("v", [1], custom_getter=3), ValueError, "Passed a custom_getter which is not callable: 3"),
        (lambda: tf.parse_single_example(["a"], {"f": tf.FixedLenFeature([], tf.int64)}), ValueError,
         "Shape must be rank 0 but is rank 1 for 'ParseSingleExample/ParseSingleExample'"),
        (lambda: tf.TensorArray(tf.int32, 3).split([1, 2, 3], 2), ValueError, "Shape must be rank 1 but is rank 0"),
        (lambda: tf.while_loop(lambda i: i < 3, lambda i: i + 1, [0], parallel_iterations=1.5), ValueError,
         "`parallel_iterations` must be a positive integer: 1.5"),
        (lambda: tf.concat([tf.constant([1])], [0]), ValueError, r"Shape \(1,\) must have rank 0"),
    ],
)  # fmt: skip
def test_arguments_of_another_kind_are_refused_as_in_tensorflow(make, error, text):
    with pytest.raises(error, match=text):
        make()
