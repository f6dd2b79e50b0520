"""Calls that are refused while a graph is built, in the words of TensorFlow 1.15."""

import re

import pytest

import hookloop as tf


def _scoped(**arguments):
    with tf.variable_scope(arguments.pop("name", None), **arguments):
        pass


def _partitioned(partitioner):
    return tf.get_variable("v", [4, 6], partitioner=partitioner)


def _custom(grad):
    @tf.custom_gradient
    def doubled(x):
        return x * 2.0, grad

    return doubled


REFUSED = {  # what -> (call, error, text)
    "a shape beside a constant": (
        lambda: tf.get_variable("v", [2], initializer=tf.constant([1.0, 2.0])),
        ValueError, "If initializer is a constant, do not specify shape.",
    ),
    "a scope without a name": (
        lambda: _scoped(), TypeError, "If default_name is None then name_or_scope is required",
    ),
    "reuse that is no bool": (
        lambda: _scoped(name="s", reuse="maybe"), ValueError, "The reuse parameter must be True or False or None.",
    ),
    "reuse without a name": (
        lambda: _scoped(default_name="s", reuse=True), ValueError, "reuse=True cannot be used without a name_or_scope",
    ),
    "partitions of two axes": (
        lambda: _partitioned(lambda shape, dtype: [2, 2]), ValueError, "Can only slice a variable along one dimension: shape: (4, 6), partitioning: [2, 2]",
    ),
    "no partitions": (
        lambda: _partitioned(lambda shape, dtype: [0, 1]), ValueError, "Partitioner returned zero partitions for some axes",
    ),
    "a mode of scaling": (
        lambda: tf.variance_scaling_initializer(mode="fan"), ValueError, "Invalid `mode` argument:",
    ),
    "a distribution of scaling": (
        lambda: tf.variance_scaling_initializer(distribution="flat"), ValueError, "Invalid `distribution` argument:",
    ),
    "an identity of three axes": (
        lambda: tf.get_variable("v", [2, 2, 2], initializer=tf.initializers.identity()),
        ValueError, "Identity matrix initializer can only be used for 2D matrices.",
    ),
    "keywords of a custom gradient": (
        lambda: _custom(None)(x=tf.constant(1.0)),
        ValueError, "The custom_gradient decorator currently supports keywords arguments only when eager execution is enabled.",
    ),
    "unconnected gradients": (
        lambda: tf.gradients(tf.constant(1.0), tf.constant(1.0), unconnected_gradients="nonsense"),
        ValueError, "Unknown value for unconnected_gradients: 'nonsense'",
    ),
    "scalar_mul of a vector": (
        lambda: tf.scalar_mul(tf.constant([1.0, 2.0]), tf.constant([3.0])), ValueError, "Only scalar multiply works, got shape",
    ),
    "assert_type of text": (
        lambda: tf.debugging.assert_type(tf.constant("a"), tf.float32), TypeError, "must be of type",
    ),
    "a side of searchsorted": (
        lambda: tf.searchsorted([1.0], [2.0], side="middle"), ValueError, "side must be either 'right' or 'left'.  Saw: middle",
    ),
    "a keyword of meshgrid": (
        lambda: tf.meshgrid([1], [2], order="ij"), TypeError, "is an invalid keyword argument for this function",
    ),
    "an indexing of meshgrid": (
        lambda: tf.meshgrid([1], [2], indexing="ji"), ValueError, "indexing parameter must be either 'xy' or 'ij'",
    ),
    "a dimension that is a float": (lambda: tf.Dimension(1.5), ValueError, "Ambiguous dimension: 1.5"),
    "a gradient that is registered twice": (
        lambda: [tf.RegisterGradient("OfThisTestAlone")(lambda op, grad: grad) for _ in range(2)],
        KeyError, "Registering two gradient with name 'OfThisTestAlone'",
    ),
    "a building that is deferred for variables": (
        lambda: tf.train.Saver([tf.Variable(1.0)], defer_build=True),
        ValueError,
        "If `var_list` is provided then build cannot be deferred. Either set defer_build=False or var_list=None.",
    ),
    "a second global step": (
        lambda: [tf.train.create_global_step() for _ in range(2)],
        ValueError,
        '"global_step" already exists.',
    ),
    "averages of integers": (
        lambda: tf.train.ExponentialMovingAverage(0.9).apply([tf.Variable(1)]),
        TypeError,
        "The variables must be half, float, or double:",
    ),
    "a batch of unknown rank": (
        lambda: tf.train.batch([tf.placeholder(tf.float32)], 2),
        ValueError,
        "Cannot infer Tensor's rank: Tensor(",
    ),
    "from_list of no queues": (
        lambda: tf.QueueBase.from_list(0, [1, 2]),
        TypeError,
        "A list of queues expected",
    ),
    "from_list of queues of different types": (
        lambda: tf.QueueBase.from_list(0, [tf.FIFOQueue(1, tf.int32), tf.FIFOQueue(1, tf.float32)]),
        TypeError,
        "Queues do not have matching component dtypes.",
    ),
    "from_list of queues of different names": (
        lambda: tf.QueueBase.from_list(
            0, [tf.FIFOQueue(1, tf.int32, names=["a"]), tf.FIFOQueue(1, tf.int32, names=["b"])]
        ),
        TypeError,
        "Queues do not have matching component names.",
    ),
    "a mode of padding": (lambda: tf.pad([[1]], [[1, 1], [1, 1]], "AROUND"), ValueError, "Unknown padding mode: AROUND"),
    "contraction axes": (
        lambda: tf.tensordot(tf.ones([2, 3]), tf.ones([3, 2]), [[0, 1], [0]]),
        ValueError,
        "Different number of contraction axes 'a' and 'b'",
    ),
    "logits without classes": (
        lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=1, logits=2.0),
        ValueError,
        "Logits cannot be scalars",
    ),
    "a range of no numbers": (lambda: tf.data.Dataset.range(), ValueError, "Invalid arguments to RangeDataset: ()"),
    "a summary's description of nothing": (
        lambda: tf.summary.get_summary_description(tf.no_op().node_def),
        ValueError,
        "Can't get_summary_description on NoOp",
    ),
    "bytes of a number": (lambda: tf.compat.as_bytes(3), TypeError, "Expected binary or unicode string, got 3"),
    "text of a number": (lambda: tf.compat.as_text(3), TypeError, "Expected binary or unicode string, got 3"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_unfit_arguments_are_refused(what):
    call, error, text = REFUSED[what]
    with pytest.raises(error, match=re.escape(text)):
        call()
