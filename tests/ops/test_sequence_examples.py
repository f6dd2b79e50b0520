"""`SequenceExample`s: values, shapes, defaults, and the errors of each, which are TensorFlow 1.15's."""

import re

import numpy as np
import pytest

import hookloop as tf

pytestmark = pytest.mark.usefixtures("executor")

CONTEXT = {
    "f": tf.FixedLenFeature([2], tf.float32, [1.0, 2.0]),
    "id": tf.FixedLenFeature([], tf.int64),
    "s": tf.FixedLenFeature([1], tf.string, ["dd"]),
}
LISTS = {
    "tok": tf.FixedLenSequenceFeature([], tf.int64),
    "v": tf.FixedLenSequenceFeature([2], tf.float32, allow_missing=True),
    "w": tf.FixedLenSequenceFeature([], tf.string, allow_missing=True),
}


def feature(values):
    if values is None:
        return tf.train.Feature()
    kinds = {float: ("float_list", tf.train.FloatList), bytes: ("bytes_list", tf.train.BytesList)}
    kind, message = kinds.get(type(values[0]) if values else int, ("int64_list", tf.train.Int64List))
    return tf.train.Feature(**{kind: message(value=values)})


def serialized(context, lists):
    return tf.train.SequenceExample(
        context=tf.train.Features(feature={key: feature(values) for key, values in context.items()}),
        feature_lists=tf.train.FeatureLists(
            feature_list={key: tf.train.FeatureList(feature=list(map(feature, steps))) for key, steps in lists.items()}
        ),
    ).SerializeToString()


FULL = serialized(
    {"id": [3], "f": [0.5, 0.25], "s": [b"x"]},
    {"tok": [[1], [2], [3]], "v": [[1.0, 2.0]], "w": [[b"a"], [b"bc"]]},
)
SHORT = serialized({"id": [4]}, {"tok": [[7]]})


def run(fetches, feed_dict=None):
    with tf.Session() as session:
        return session.run(fetches, feed_dict)


def as_lists(found):
    return {key: np.asarray(value).tolist() for key, value in found.items()}


def test_one_example():
    context, lists = tf.parse_single_sequence_example(FULL, CONTEXT, LISTS)
    assert [context["f"].shape.as_list(), lists["v"].shape.as_list()] == [[2], [None, 2]]
    whole, steps = run([context, lists])
    assert as_lists(whole) == {"f": [0.5, 0.25], "id": 3, "s": [b"x"]}
    assert as_lists(steps) == {"tok": [1, 2, 3], "v": [[1.0, 2.0]], "w": [b"a", b"bc"]}


def test_what_one_example_lacks():
    whole, steps = run(tf.parse_single_sequence_example(SHORT, CONTEXT, LISTS))
    assert as_lists(whole) == {"f": [1.0, 2.0], "id": 4, "s": [b"dd"]}
    assert steps["tok"].tolist() == [7] and steps["v"].shape == (0, 2) and steps["w"].shape == (0,)


def test_a_batch_is_filled_up():
    text = tf.placeholder(tf.string, [None])
    parsed = tf.io.parse_sequence_example(text, CONTEXT, LISTS)
    assert [t.shape.as_list() for t in parsed[1].values()] == [[None, None], [None, None, 2], [None, None]]
    whole, steps, lengths = run(parsed, {text: [FULL, SHORT]})
    assert as_lists(whole) == {"f": [[0.5, 0.25], [1, 2]], "id": [3, 4], "s": [[b"x"], [b"dd"]]}
    assert as_lists(steps) == {
        "tok": [[1, 2, 3], [7, 0, 0]],
        "v": [[[1.0, 2.0]], [[0.0, 0.0]]],
        "w": [[b"a", b"bc"], [b"", b""]],
    }
    assert as_lists(lengths) == {"tok": [3, 1], "v": [1, 0], "w": [2, 0]}


def test_in_a_dataset():
    rows = tf.data.Dataset.from_tensor_slices([FULL, SHORT])
    rows = rows.map(lambda text: tf.parse_single_sequence_example(text, CONTEXT, LISTS)[1]["tok"])
    following = rows.padded_batch(2, [None]).make_one_shot_iterator().get_next()
    assert run(following).tolist() == [[1, 2, 3], [7, 0, 0]]


ONE, TWO = {"id": [1]}, {"tok": [[1]]}
REFUSED = {
    "a feature that is wanted": (({}, TWO), "Name: n, Context feature 'id' is required but could not be found.",
                                 "Feature: id (data type: int64) is required but could not be found."),
    "a list that is wanted": ((ONE, {}), "Name: n, Feature list 'tok' is required but could not be found.  Did you mean to "
                              "include it in feature_list_dense_missing_assumed_empty or feature_list_dense_defaults?",
                              "Missing feature tok in example n"),
    "a feature of another type": (({"id": [1.5]}, TWO), "Name: n, Context feature: id.  Data types don't match. Expected type: "
                                  "int64  Feature is: float_list {", "Error in context feature id in example n"),
    "a step of another type": ((ONE, {"tok": [[1], [b"x"]]}), "Name: n, Feature list: tok, Index: 1.  Data types don't match. "
                               "Expected type: int64  Feature is: bytes_list {", "Error in sequence feature tok in example n"),
    "a step of no type": ((ONE, {"tok": [[1], None]}), "Name: n, Feature list: tok, Index: 1.  Data types don't match. Expected "
                          "type: int64  Feature is: ", "Unexpected number of elements in feature tok, example n"),
    "a feature of another number": (({"id": [1, 2]}, TWO), "Name: n, Key: id, Index: 0.  Number of int64 values != expected.  "
                                    "values size: 2 but output shape: []",
                                    "Inconsistent number of elements for feature id: 2 vs 1"),
    "a default's place": (({"id": [1], "f": [1.0]}, TWO), "Name: n, Key: f, Index: 0.  Number of float values != expected.  "
                          "values size: 1 but output shape: [2]", "Unexpected number of elements in example n"),
    "a step of another number": ((ONE, {"tok": [[1], [2, 3]]}), "Name: n, Key: tok, Index: 1.  Number of int64 values != "
                                 "expected.  values size: 2 but output shape: []",
                                 "Unexpected number of elements in feature tok, example n"),
    "a part of a step": ((ONE, {"tok": [[1]], "v": [[1.0, 2.0], [1.0]]}), "Name: n, Key: v, Index: 1.  Number of float values != "
                         "expected.  values size: 1 but output shape: [2]", "Unexpected shape error in feature v"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_examples_that_are_otherwise_are_refused(what):
    example, alone, among = REFUSED[what]
    text = serialized(*example)
    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(alone)):
        run(tf.parse_single_sequence_example(text, CONTEXT, LISTS, example_name="n"))
    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(among)):
        run(tf.io.parse_sequence_example([FULL, text], CONTEXT, LISTS, example_names=["m", "n"]))


def test_what_is_no_example_or_has_no_name_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="Invalid protocol message input, value: b'.xff"):
        run(tf.parse_single_sequence_example(b"\xff\xffjunk", CONTEXT))
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected 2 names of examples, got 1"):
        run(tf.io.parse_sequence_example([FULL, SHORT], CONTEXT, LISTS, example_names=["m"]))
    scalar = {"s": tf.FixedLenFeature([1], tf.string, "dd")}
    text = re.escape("default_value[0].shape() == [] != context_dense_shapes[0] == [1]")
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        run(tf.io.parse_sequence_example([SHORT], scalar))


SEQUENCE = tf.FixedLenSequenceFeature
ARGUMENTS = {
    "nothing": (None, None, ValueError, "Missing features."),
    "no feature": ({"a": 3}, None, ValueError, "Invalid feature a:3."),
    "a list's": ({"a": SEQUENCE([], tf.int64)}, None, ValueError, "Unsupported FixedLenSequenceFeature FixedLenSequenceFeature("),
    "a whole's": (None, {"a": tf.FixedLenFeature([], tf.int64)}, ValueError, "Unsupported FixedLenFeature FixedLenFeature("),
    "no type": (None, {"a": SEQUENCE([], None)}, ValueError, "Missing type for feature a."),
    "no shape": (None, {"a": SEQUENCE(None, tf.int64)}, ValueError, "Missing shape for feature a."),
    "an open shape": (None, {"a": SEQUENCE([None], tf.int64)}, ValueError, "Shape [?] is not fully defined"),
    "a list's default": (None, {"a": SEQUENCE([], tf.int64, False, 3)}, ValueError,
                         "Value feature_list_dense_defaults[a] must be None"),
    "a list's type": (None, {"a": SEQUENCE([], tf.int32)}, TypeError, "Value passed to parameter 'feature_list_dense_types' has "
                      "DataType int32 not in list of allowed values: float32, int64, string"),
}  # fmt: skip


@pytest.mark.parametrize("what", ARGUMENTS)
def test_features_that_are_none_are_refused(what):
    context, lists, error, text = ARGUMENTS[what]
    with pytest.raises(error, match=re.escape(text)):
        tf.parse_single_sequence_example(FULL, context, lists)
