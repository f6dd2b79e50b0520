"""What ops say of inputs that do not fit, when their node is built and when it runs: TensorFlow 1.15's moments and phrases."""

import numpy as np
import pytest

import hookloop as tf

from ..conftest import on_reference


def of(*shape):
    """A tensor of a known shape."""
    return tf.ones(shape)


def fed(*shape, dtype="float32", open_rank=False):
    """A placeholder of open sizes, which the test feeds zeros or, where it is an integer vector, the given numbers."""
    value = np.zeros(shape, dtype)
    holder = tf.placeholder(dtype, None if open_rank else [None] * len(shape))
    tf.add_to_collection("feeds", (holder, value))
    return holder


def numbers(*values):
    holder = tf.placeholder(tf.int32, [len(values)])
    tf.add_to_collection("feeds", (holder, np.array(values, "int32")))
    return holder


def number(value):
    holder = tf.placeholder(tf.int32, [])
    tf.add_to_collection("feeds", (holder, np.int32(value)))
    return holder


WHEN_BUILT = [
    (lambda: tf.concat([1.0, tf.constant(2.0)], 0), r"Can't concatenate scalars \(use tf\.stack instead\)"),
    (lambda: tf.concat([of(2, 3), of(2, 3)], 2), "Shape must be at least rank 3 but is rank 2"),
    (lambda: tf.gather(of(3), 0, axis=1), "Shape must be at least rank 2 but is rank 1"),
    (lambda: tf.gather(of(3), 0, axis=-2), "Shape must be at least rank 2 but is rank 1"),
    (lambda: tf.transpose(of(2, 3, 5), [0, 1, 3]), "perm dim 3 is out of range of input rank 3"),
    (lambda: tf.transpose(of(2, 3, 5), [[0, 1], [2, 3]]), "Shape must be rank 1 but is rank 2"),
    (lambda: tf.split(of(4, 6), [1, 2, 2], 1), r"can't split axis of size 6 into pieces of size \[1,2,2\]"),
    (lambda: tf.split(of(4, 6), [7, -1], 1), r"can't split axis of size 6 into pieces of size \[7,-1\]"),
    (lambda: tf.split(of(4, 6), [-1, -1], 1), "size_splits can only have one -1"),
    (lambda: tf.split(of(4, 6), 2, axis=2), r"must be in range \[-2, 2\)"),
    (lambda: tf.fill([-1, 2], 7), "Fill dimensions must be >= 0"),
    (lambda: tf.fill([-2], 7), "Invalid value in tensor used for shape: -2"),
    (lambda: tf.fill(3, 1), "Shape must be rank 1 but is rank 0"),
    (lambda: tf.reshape(of(2, 3), [-2, 3]), "Invalid value in tensor used for shape: -2"),
    (lambda: tf.random_uniform(number(2)), "Shape must be rank 1 but is rank 0"),
    (lambda: tf.expand_dims(of(2, 3), 3), r"dim 3 not in the interval \[-3, 2\]"),
    (lambda: tf.squeeze(of(1, 2), [3]), r"squeeze_dims\[0\] not in \[-2,2\)"),
    (lambda: tf.reverse(of(2, 3), 0), "Shape must be rank 1 but is rank 0"),
    (lambda: tf.roll(of(2, 3), [1, 2], [1]), "must be equal, but are 2 and 1"),
    (lambda: tf.invert_permutation([[1, 0]]), "Shape must be rank 1 but is rank 2"),
    (lambda: tf.one_hot([0], -1), "must be non-negative but is -1"),
    (lambda: tf.sequence_mask([1, 2], [3]), "maxlen must be scalar for sequence_mask"),
    (lambda: tf.pad(of(2, 3), [1, 1]), "Shape must be rank 2 but is rank 1"),
    (lambda: tf.segment_sum(tf.constant(1.0), [0]), "Shape must be at least rank 1 but is rank 0"),
    (lambda: tf.sparse_segment_sum(of(4, 2), [0], [0], num_segments=-1), "Cannot specify a negative value for num_segments"),
    (lambda: tf.scatter_nd([[0], [1]], of(3), [5]), "outer 1 dimensions of indices.shape"),
    (lambda: tf.scatter_nd([[0], [1]], of(2, 2), [5, 3]), "inner 1 dimensions of output.shape=.* must match the inner 1 dimensions"),
    (lambda: tf.scatter_update(tf.Variable([1.0, 2.0]), [0], [[1.0]]), "must be equal rank"),
    (lambda: tf.scatter_add(tf.Variable([1.0, 2.0]), [0], [1.0, 2.0]), "must be equal"),
    (lambda: tf.scatter_nd_add(tf.Variable([1.0, 2.0]), [[0], [1]], [1.0]), "outer 1 dimensions"),
    (lambda: tf.strided_slice(of(4, 3), [1, 0], [3, 2], ellipsis_mask=3), "Multiple ellipses in slice spec not allowed"),
    (lambda: tf.strided_slice(of(4, 3), [0, 0], [2]), "must be equal, but are 2 and 1"),
    (lambda: tf.strided_slice(of(4), [1], [2], [-1], shrink_axis_mask=1), "only stride 1 allowed on non-range indexing"),
    (lambda: tf.while_loop(lambda i: [True, True], lambda i: i + 1, [0]), "Shape must be rank 0 but is rank 1"),
]  # fmt: skip

WHEN_RUN = [
    (lambda: tf.transpose(of(2, 3, 5), [0, 1, 1]), r"2 is missing from \{0,1,1\}"),
    (lambda: tf.transpose(of(2, 3, 5), [-1, 0, 1]), r"-1 is out of range \[0 \.\. 3\)"),
    (lambda: tf.reshape(of(2, 3), [-1, -1]), "Only one input size may be -1, not both 0 and 1"),
    (lambda: tf.one_hot([0, 2], 3, axis=3), r"Expected axis to be -1 or between \[0, 2\).  But received: 3"),
    (lambda: tf.slice(of(4, 3), [0, 0], [5, 2]), r"Expected size\[0\] in \[0, 4\], but got 5"),
    (lambda: tf.slice(of(4, 3), [0, -1], [4, 2]), r"Expected begin\[1\] in \[0, 3\], but got -1"),
    (lambda: tf.slice(fed(4, 3), [0, 2], [4, 2]), r"Expected size\[1\] in \[0, 1\], but got 2"),
    (lambda: tf.segment_sum(of(4, 2), [0, 0, 1]), "segment_ids should be the same size as dimension 0 of input"),
    (lambda: tf.segment_sum(fed(4, 2), numbers(0, 0, 1)), "segment_ids should be the same size as dimension 0 of input"),
    (lambda: tf.sparse_segment_sum(of(9, 2), [0, 1], [0, 5], num_segments=4), "segment ids must be < num_segments"),
    (lambda: tf.roll(of(2, 3), 1, 2), "axis 2 is out of range"),
    (lambda: tf.invert_permutation([2, 0, 0]), "0 is duplicated in the input"),
    (lambda: tf.invert_permutation([2, 0, 3]), "3 is not between 0 and 3"),
    (lambda: tf.gather_nd(of(4, 3), [[0, 1], [1, 7]]), r"indices\[1\] = \[1, 7\] does not index into param shape \[4,3\]"),
    (lambda: tf.scatter_nd([[0], [7]], of(2), [5]), r"indices\[1\] = \[7\] does not index into shape \[5\]"),
    (lambda: tf.range(number(0), number(5), number(0)), "Requires delta != 0"),
    (lambda: tf.range(number(5), number(0), 1), "Requires start <= limit when delta > 0"),
    (lambda: tf.range(0.0, tf.placeholder_with_default(np.float32("nan"), [])), "a size is negative or too large"),
    (lambda: tf.range(number(0), number(5), -1), "Requires start >= limit when delta < 0"),
    (lambda: tf.range(number(0), number(5), number(-1)), "start >= limit when delta < 0"),
    (lambda: tf.cumsum(of(3), 2), r"Expected scan axis in the range \[-1, 1\), but got 2"),
    (lambda: tf.concat([of(2, 3), fed(3, 2)], number(5)), r"Expected concatenating dimensions in the range \[-2, 2\), but got 5"),
]  # fmt: skip

UNEQUAL = [
    (lambda: fed(2, 3) + fed(2, 2), r"Incompatible shapes: \[2,3\] vs\. \[2,2\]"),
    (lambda: fed(3, open_rank=True) > fed(2, open_rank=True), r"Incompatible shapes: \[3\] vs\. \[2\]"),
    (lambda: tf.matmul(fed(2, 3), fed(4, 2)), r"Matrix size-incompatible: In\[0\]: \[2,3\], In\[1\]: \[4,2\]"),
    (lambda: tf.matmul(fed(2, 2, 3), fed(2, 4, 3)), r"In\[0\] mismatch In\[1\] shape: 3 vs\. 4: \[2,2,3\] \[2,4,3\] 0 0"),
    (lambda: tf.matmul(fed(2, 2, 3), fed(3, 3, 2)), r"must have compatible batch dimensions: \[2,2,3\] vs\. \[3,3,2\]"),
    (lambda: tf.concat([fed(2, 3), fed(3, 2)], 0), r"inputs should match: shape\[0\] = \[2,3\] vs\. shape\[1\] = \[3,2\]"),
    (lambda: tf.stack([fed(2), fed(3)]), r"must match: values\[0\]\.shape = \[2\] != values\[1\]\.shape = \[3\]"),
    (lambda: tf.add_n([fed(3), fed(2)]), r"must have the same size and shape\.  Input 0: \[3\] != input 1: \[2\]"),
    (lambda: tf.unstack(fed(2, 3), 3), r"Input shape axis 0 must equal 3, got shape \[2,3\]"),
    (lambda: tf.split(fed(4, 6), 4, 1), r"got split_dim 1 \(size = 6\) and num_split 4"),
    (lambda: tf.split(fed(4, 6), [1, 2], 1), "must either match input shape along split_dim exactly.*Got: 3"),
    (lambda: tf.squeeze(fed(2, 3), [0]), r"Can not squeeze dim\[0\], expected a dimension of 1, got 2"),
    (lambda: tf.broadcast_to(fed(3), [2]), r"Incompatible shapes: \[3\] vs\. \[2\]"),
    (lambda: tf.nn.bias_add(fed(2, 3), fed(2)), r"as many biases as the last dimension of the input tensor: \[2\] vs\. \[2,3\]"),
    (lambda: tf.nn.softmax_cross_entropy_with_logits_v2(labels=fed(2, 4), logits=fed(2, 3)),
     r"logits and labels must be broadcastable: logits_size=\[2,3\] labels_size=\[2,4\]"),
    (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=numbers(0, 2, 1), logits=fed(2, 3)),
     r"must have the same first dimension, got logits shape \[2,3\] and labels shape \[3\]"),
    (lambda: tf.nn.in_top_k(fed(2, 3), numbers(0, 1, 2), 1), "First dimension of predictions 2 must match length of targets 3"),
    (lambda: tf.nn.top_k(fed(2, 3), 4), "input must have at least k columns. Had 3, needed 4"),
    (lambda: tf.assign(tf.Variable([1.0, 2.0]), fed(3)), r"shapes of both tensors to match. lhs shape= \[2\] rhs shape= \[3\]"),
    (lambda: tf.assign_add(tf.Variable([1.0, 2.0]), fed(3)), "Parameters and update must be the same size"),
    (lambda: tf.space_to_depth(fed(1, 3, 4, 1), 2), "Image width 4 and height 3 should be divisible by block_size: 2"),
    (lambda: tf.ensure_shape(fed(2, 3), [3, None]), r"shape of tensor .* \[2,3\] is not compatible with expected shape \[3,\?\]"),
]  # fmt: skip


@pytest.mark.parametrize("build, text", WHEN_BUILT, ids=[text for _, text in WHEN_BUILT])
def test_what_is_refused_when_it_is_built(build, text):
    with pytest.raises(ValueError, match=text):
        build()


@pytest.mark.parametrize("build, text", WHEN_RUN + UNEQUAL, ids=[text for _, text in WHEN_RUN + UNEQUAL])
def test_what_is_refused_when_it_is_run(monkeypatch, build, text):
    monkeypatch.delenv("HOOKLOOP_EXECUTOR", raising=False)  # the phrases are a plan's
    node = build()
    good = tf.constant(3) + 4
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?i){text}"):
            session.run(node, dict(tf.get_collection("feeds")))
        assert session.run(good) == 7


@pytest.mark.skipif(on_reference(), reason="the texts are a plan's own; the reference executor has NumPy's")
def test_an_error_names_the_shapes_of_the_step():
    """Sizes that are open in the graph are those of the step in the text, also where they were worked out."""
    x, y = tf.placeholder(tf.float32, [None, 3], "x"), tf.placeholder(tf.float32, [None], "y")
    both = tf.concat([x, x], 0, name="both")
    total = tf.reduce_sum(both, 1, name="total") + y
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError) as found:
            session.run(total, {x: np.zeros((2, 3)), y: np.zeros(5)})
        assert "Incompatible shapes: [4] vs. [5] [in AddV2 'add' of total:0 float32[4], y:0 float32[5]" in str(
            found.value
        )
        np.testing.assert_array_equal(session.run(total, {x: np.ones((2, 3)), y: np.ones(4)}), np.full(4, 4.0))
