"""Calls that are refused while a graph is built or a program is set up: variables, gradients, conversions, images, options."""

import re
import threading

import numpy as np
import pytest

import hookloop as tf
from hookloop.partitioned import PartitionInfo
from hookloop.shapes import unknown_shape


def _gradient_of_variables():
    @tf.custom_gradient
    def scaled(x):
        w = tf.get_variable("w", initializer=2.0, use_resource=True)
        return x * w, lambda grad, variables: (grad, [])

    x = tf.constant(1.0)
    return tf.gradients(scaled(x), x)


def _gradient_of_another_shape():
    @tf.RegisterGradient("OfAnotherShape")
    def _(op, grad):
        return tf.ones([5])

    x = tf.constant([1.0, 2.0])
    with tf.get_default_graph().gradient_override_map({"Tanh": "OfAnotherShape"}):
        return tf.gradients(tf.tanh(x), x)


def _prevented_gradient():
    x = tf.constant(1.0)
    op = tf.get_default_graph().create_op("PreventGradient", [x], attrs={"message": b"not here"})
    return tf.gradients(op.outputs[0], x)


def _converted(function):
    """A value of a type of its own, whose conversion a test says."""

    class Own:
        pass

    tf.register_tensor_conversion_function(Own, function)
    return tf.convert_to_tensor(Own(), tf.float32, name="own")


def _of_rank(rank):
    return tf.placeholder(tf.float32, [None] * rank)


VARIABLES = {  # what -> (call, error, text)
    "a part along two axes": (
        lambda: PartitionInfo([4, 6], [0, 0]).single_slice_dim([2, 3]), ValueError, "Cannot use single_slice_dim() with shape [2, 3]: it is sliced along axes [0, 1]",
    ),
    "an initializer that does nothing": (
        lambda: tf.initializers.Initializer()([2]), TypeError, "Initializer must define __call__(shape, dtype, partition_info)",
    ),
    "a constant that is an object": (
        lambda: tf.constant_initializer({"a": 1}), TypeError,
        "Invalid type for initial value: {'a': 1} (expected Python scalar, list or tuple of values, or numpy.ndarray).",
    ),
    "an initial value of another type": (
        lambda: tf.get_variable("v", dtype=tf.int32, initializer=tf.constant(1.0)),
        ValueError, "Initializer type '<dtype: 'float32'>' and explicit dtype '<dtype: 'int32'>' don't match.",
    ),
}  # fmt: skip

GRADIENTS = {
    "a custom gradient without one for its variable": (
        _gradient_of_variables, ValueError, "Must return gradient for each variable from @custom_gradient grad_fn.",
    ),
    "more initial gradients than results": (
        lambda: tf.gradients(tf.constant(1.0), tf.constant(1.0), grad_ys=[1.0, 2.0]), ValueError, "Passed 2 grad_ys for 1 ys",
    ),
    "a gradient of another shape": (
        _gradient_of_another_shape, ValueError,
        "Incompatible shapes between op input and calculated input gradient.  Forward operation: Tanh.  Input index: 0. "
        "Original input shape: (2,).  Calculated input gradient shape: (5,)",
    ),
    "a gradient that is prevented": (_prevented_gradient, LookupError, "Gradient explicitly disabled. Reason: 'not here'"),
    "least squares by another way": (
        lambda: (lambda a: tf.gradients(tf.matrix_solve_ls(a, tf.ones([3, 1]), fast=False), a))(tf.ones([3, 2])),
        ValueError, "Gradient not defined for fast=False",
    ),
    "a wide matrix in two factors": (
        lambda: (lambda a: tf.gradients(tf.qr(a), a))(tf.ones([2, 3])), ValueError,
        "'Qr' has no gradient: there are more columns than rows, or rows that R does not need",
    ),
    "full singular vectors of no square": (
        lambda: (lambda a: tf.gradients(tf.svd(a, full_matrices=True), a))(tf.ones([2, 3])), ValueError,
        "'Svd' has no gradient: with full_matrices the matrix must be square",
    ),
}  # fmt: skip

CONVERSIONS = {
    "a conversion to no tensor": (
        lambda: _converted(lambda value, dtype=None, name=None, as_ref=False: 3),
        RuntimeError, "returned non-Tensor: 3",
    ),
    "a conversion to another type": (
        lambda: _converted(lambda value, dtype=None, name=None, as_ref=False: tf.constant(3)),
        RuntimeError, "returned incompatible dtype: requested = float32, actual = int32",
    ),
    "an unknown dimension": (
        lambda: tf.convert_to_tensor(tf.Dimension(None)), ValueError,
        "Cannot convert an unknown Dimension to a Tensor: ?",
    ),
    "numbers as text": (
        lambda: tf.constant(np.array([1.5]), tf.string), TypeError, "Incompatible types: <dtype: 'string'> vs. float64. Value is",
    ),
    "a constant that would have to grow": (
        lambda: tf.constant_initializer([1.0, 2.0], verify_shape=True)([3]), TypeError, "Expected Tensor's shape: (3,), got (2,).",
    ),
    "an index that is text": (
        lambda: tf.constant([1, 2])["a"], TypeError,
        "Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar tf.int32/tf.int64 tensors are valid "
        "indices, got 'a'",
    ),
    "a message of another type": (
        lambda: tf.make_ndarray(tf.make_tensor_proto(1.0).__class__(dtype=tf.resource.as_datatype_enum)),
        TypeError, "Unsupported tensor type: resource",
    ),
    "eager execution": (tf.enable_eager_execution, RuntimeError, "hookloop runs graphs only: eager execution cannot be enabled"),
    "an unknown argument of a shape": (
        lambda: unknown_shape(ranks=2), TypeError, "Unknown argument: ['ranks']",
    ),
}  # fmt: skip

SHAPES = {
    "shapes that do not broadcast": (
        lambda: tf.broadcast_static_shape(tf.TensorShape([2, 3]), tf.TensorShape([2, 4])), ValueError,
        "Incompatible shapes for broadcasting: (2, 3) and (2, 4)",
    ),
    "parts of unknown number": (
        lambda: tf.split(_of_rank(1), tf.placeholder(tf.int32, [None])), ValueError, "Cannot infer num from shape Tensor(",
    ),
    "rows of unknown rank": (
        lambda: tf.unstack(tf.placeholder(tf.float32)), ValueError, "Cannot infer num from shape <unknown>",
    ),
    "rows of unknown number": (
        lambda: tf.unstack(_of_rank(2)), ValueError, "Cannot infer num from shape (?, ?)",
    ),
    "differences of text": (
        lambda: tf.debugging.is_strictly_increasing(["a", "b"]), TypeError, "Expected x to be numeric, instead found: Tensor(",
    ),
    "a keyword of einsum": (
        lambda: tf.einsum("ij->ji", tf.ones([2, 3]), order=1), TypeError, "invalid keyword arguments for this function: order",
    ),
    "a predicate of numbers": (
        lambda: tf.case([(tf.constant(1), lambda: tf.constant(1))]), TypeError, "pred must be Tensor of type bool: Const",
    ),
    "a stream that is none": (
        lambda: tf.print("a", output_stream=3), ValueError,
        "Output stream was not recognized: expected sys.stdout, sys.stderr, a tf.logging function or 'file://...', got 3",
    ),
}  # fmt: skip

IMAGES = {
    "a convolution of unknown rank": (
        lambda: tf.nn.convolution(tf.placeholder(tf.float32), tf.placeholder(tf.float32), "SAME"),
        ValueError, "rank of input or filter must be known",
    ),
    "rates of unknown number": (
        lambda: tf.nn.with_space_to_batch(tf.ones([1, 4, 4, 1]), tf.placeholder(tf.int32, [None]), "SAME", lambda x, *_: x, [2, 2], [1, 2]),
        ValueError, "rate must have known shape",
    ),
    "an output shape of three sizes": (
        lambda: tf.nn.atrous_conv2d_transpose(tf.ones([1, 4, 4, 1]), tf.ones([3, 3, 1, 1]), [1, 4, 4], 2, "SAME"),
        ValueError, "output_shape must have shape (4,), got (3,)",
    ),
}  # fmt: skip

FEATURES = {
    "no features": (lambda: tf.parse_example([b""], {}), ValueError, "Missing: features was {}."),
    "a feature that is none": (lambda: tf.parse_example([b""], {"a": 3}), ValueError, "Invalid feature a:3."),
    "a feature without a type": (
        lambda: tf.parse_example([b""], {"a": tf.FixedLenFeature([], None)}), ValueError, "Missing type for feature a.",
    ),
    "a sequence that must be there": (
        lambda: tf.parse_example([b""], {"a": tf.FixedLenSequenceFeature([], tf.int64)}), ValueError,
        "Unsupported: FixedLenSequenceFeature requires allow_missing to be True.",
    ),
    "a dictionary without its keys": (
        lambda: tf.data.Dataset.from_generator(lambda: iter([]), {"a": tf.int32}, {"b": []}), TypeError, "expected a dictionary with the keys ['a'], got {'b': []}",
    ),
    "options of another class": (
        lambda: tf.data.Options().merge(tf.data.experimental.OptimizationOptions()), TypeError, "Incompatible options type:",
    ),
}  # fmt: skip

REFUSED = {**VARIABLES, **GRADIENTS, **CONVERSIONS, **SHAPES, **IMAGES, **FEATURES}


@pytest.mark.parametrize("what", REFUSED)
def test_unfit_arguments_are_refused(what):
    call, error, text = REFUSED[what]
    with pytest.raises(error, match=re.escape(text)):
        call()


@pytest.mark.parametrize("axis", [1, -2])
@pytest.mark.parametrize(
    "partitioner",
    [tf.fixed_size_partitioner, tf.variable_axis_size_partitioner, tf.min_max_variable_partitioner],
)
def test_an_axis_that_a_variable_has_not_is_not_divided(partitioner, axis):
    with pytest.raises(ValueError, match=rf"Can not partition variable along axis {axis} when shape is only \(4,\)"):
        tf.get_variable("v", [4], partitioner=partitioner(2, axis=axis))
    assert len(list(tf.get_variable("w", [4], partitioner=partitioner(2, axis=-1)))) >= 1


@pytest.mark.parametrize(
    "items, text",
    [
        ([1, 1.5], "expected items of one kind in collection 'c', got <class 'int'> and <class 'float'>"),
        ([object()], "an item of type object has no message"),
    ],
)
def test_collections_that_have_no_message_are_left_out_of_meta_graphs(caplog, items, text):
    for item in items:
        tf.add_to_collection("c", item)
    with caplog.at_level("WARNING", logger="hookloop"):
        assert "c" not in tf.train.export_meta_graph().collection_def
    assert (
        "Issue encountered when serializing c.\nType is unsupported, or the types of the items don't match"
        in caplog.text
    )
    assert text in caplog.text


def test_default_graphs_are_left_in_order():
    errors = []

    def disorder():  # in a thread of its own, whose defaults end with it
        outer, inner = tf.Graph().as_default(), tf.Graph().as_default()
        outer.__enter__()
        inner.__enter__()
        try:
            outer.__exit__(None, None, None)
        except AssertionError as error:
            errors.append(str(error))

    thread = threading.Thread(target=disorder)
    thread.start()
    thread.join()
    assert len(errors) == 1
    assert re.match("Nesting violated for default stack of <class .*Graph.> objects: the innermost is <", errors[0])
