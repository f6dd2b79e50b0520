"""Ops of whose inputs one has an open shape: what the others tell is known, and refused, while the graph is built.

Shapes and texts are TensorFlow 1.15's.
"""

import re

import numpy as np
import pytest

import hookloop as tf

_OPEN_OF = {
    "float32": lambda: tf.placeholder(tf.float32),
    "int32": lambda: tf.placeholder(tf.int32),
    "string": lambda: tf.placeholder(tf.string),
}


_REFUSED = [
    ("BatchMatMul", {"x": (2,), "y": "open"}, {}, "Shape must be at least rank 2 but is rank 1"),
    ("BatchMatMulV2", {"x": "open", "y": ()}, {}, "Shape must be at least rank 2 but is rank 0"),
    ("Betainc", {"a": (1, 2), "b": (3, 2, 4), "x": "open"}, {}, "Shapes must be equal rank, but are 2 and 3"),
    ("BiasAdd", {"value": "open", "bias": (1, 3)}, {}, "Shape must be rank 1 but is rank 2"),
    ("BiasAdd", {"value": (2,), "bias": "open"}, {}, "Shape must be at least rank 2 but is rank 1"),
    ("BiasAddGrad", {"out_backprop": (3,)}, {}, "Shape must be at least rank 2 but is rank 1"),
    ("MatrixSetDiag", {"input": "open", "diagonal": ()}, {}, "Shape must be at least rank 1 but is rank 0"),
    (
        "SparseSoftmaxCrossEntropyWithLogits",
        {"features": "open", "labels": ((4, 3), "int32")},
        {},
        "Shape must be rank 1 but is rank 2",
    ),
    ("SegmentMax", {"data": "open", "segment_ids": ((), "int32")}, {}, "Shape must be rank 1 but is rank 0"),
    ("SegmentSum", {"data": (), "segment_ids": ("open", "int32")}, {}, "Shape must be at least rank 1 but is rank 0"),
    ("GatherNd", {"params": "open", "indices": ((), "int32")}, {}, "Shape must be at least rank 1 but is rank 0"),
    (
        "GatherV2",
        {"params": (), "indices": ((), "int32"), "axis": ("open", "int32")},
        {},
        "Shape must be at least rank 1 but is rank 0",
    ),
    (
        "FakeQuantWithMinMaxVarsPerChannel",
        {"inputs": (3, 2), "min": "open", "max": ()},
        {},
        "Shape must be rank 1 but is rank 0",
    ),
    (
        "RegexReplace",
        {"input": ("open", "string"), "pattern": ((4, 4), "string"), "rewrite": ((), "string")},
        {},
        "Shape must be rank 0 but is rank 2",
    ),
    (
        "RegexFullMatch",
        {"input": ("open", "string"), "pattern": ((2, 1), "string")},
        {},
        "Shape must be rank 0 but is rank 2",
    ),
    (
        "ShardedFilename",
        {"basename": ((1,), "string"), "shard": ("open", "int32"), "num_shards": ((), "int32")},
        {},
        "Shape must be rank 0 but is rank 1",
    ),
    (
        "DepthToSpace",
        {"input": "open"},
        {"block_size": 1},
        "Attr 'block_size' of 'DepthToSpace' Op passed 1 less than minimum 2",
    ),
    (
        "SpaceToDepth",
        {"input": "open"},
        {"block_size": 0},
        "Attr 'block_size' of 'SpaceToDepth' Op passed 0 less than minimum 2",
    ),
    (
        "MaxPoolWithArgmax",
        {"input": (1, 2, 2, 1)},
        {"ksize": [0, 1], "strides": [], "padding": "VALID"},
        "Attr 'ksize' of 'MaxPoolWithArgmax' Op passed list of length 2 less than minimum 4",
    ),
    (
        "ExtractImagePatches",
        {"images": "open"},
        {"ksizes": [1], "strides": [1], "rates": [0], "padding": "VALID"},
        "Attr 'ksizes' of 'ExtractImagePatches' Op passed list of length 1 less than minimum 4",
    ),
    (
        "Dilation2DBackpropFilter",
        {"input": "open", "filter": "open", "out_backprop": "open"},
        {"strides": [1], "rates": [1, 1, 1, 1], "padding": "VALID"},
        "Attr 'strides' of 'Dilation2DBackpropFilter' Op passed list of length 1 less than minimum 4",
    ),
    (
        "ImageSummary",
        {"tag": ((), "string"), "tensor": "open"},
        {"max_images": 0},
        "Attr 'max_images' of 'ImageSummary' Op passed 0 less than minimum 1",
    ),
    (
        "StringToHashBucketFast",
        {"input": ("open", "string")},
        {"num_buckets": 0},
        "Attr 'num_buckets' of 'StringToHashBucketFast' Op passed 0 less than minimum 1",
    ),
]


def _made(spec):
    shape, dtype = (
        spec if isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[1], str) else (spec, "float32")
    )
    return _OPEN_OF[dtype]() if shape == "open" else tf.placeholder(dtype, shape)


@pytest.mark.parametrize("op, inputs, attrs, text", _REFUSED, ids=[f"{case[0]}-{i}" for i, case in enumerate(_REFUSED)])
def test_what_one_input_or_an_attribute_tells_is_refused_while_the_graph_is_built(op, inputs, attrs, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        getattr(tf.raw_ops, op)(**{name: _made(spec) for name, spec in inputs.items()}, **attrs)


@pytest.mark.parametrize(
    "op, inputs, attrs, shape",
    [
        ("BatchMatMul", {"x": "open", "y": (4, 5, 6)}, {}, [4, None, 6]),
        ("BatchMatMul", {"x": (2, 3, 5, 4), "y": "open"}, {"adj_x": True}, [2, 3, 4, None]),
        ("BatchMatMulV2", {"x": "open", "y": (4, 5, 6)}, {}, None),
        ("Betainc", {"a": (4,), "b": "open", "x": "open"}, {}, [4]),
        ("Betainc", {"a": (), "b": "open", "x": ()}, {}, None),
        ("BiasAdd", {"value": (2, 3), "bias": "open"}, {}, [2, 3]),
        ("BiasAddGrad", {"out_backprop": "open"}, {}, [None]),
        ("TanhGrad", {"y": (4, 1), "dy": "open"}, {}, [4, 1]),
        ("SigmoidGrad", {"y": "open", "dy": (4, 1)}, {}, None),
        ("FakeQuantWithMinMaxArgsGradient", {"gradients": (2,), "inputs": "open"}, {}, [2]),
        ("SdcaFprint", {"input": ("open", "string")}, {}, [None, 2]),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
def test_the_shape_is_what_one_input_tells(op, inputs, attrs, shape):
    out = getattr(tf.raw_ops, op)(**{name: _made(spec) for name, spec in inputs.items()}, **attrs)
    assert (None if out.shape.ndims is None else out.shape.as_list()) == shape


@pytest.mark.parametrize(
    "op, inputs, text",
    [
        ("HistogramSummary", {"values": [1.0]}, "tags must be scalar"),
        ("ImageSummary", {"tensor": np.zeros((1, 2, 3, 1))}, "Tags must be a scalar"),
        ("AudioSummaryV2", {"tensor": np.zeros((2, 3)), "sample_rate": 8.0}, "Tag must be a scalar"),
        ("TensorSummaryV2", {"tensor": [1.0], "serialized_summary_metadata": ""}, "tag must be scalar"),
    ],
)
def test_the_tag_of_a_summary_is_one_text(op, inputs, text):
    tag = tf.placeholder(tf.string)
    inputs = {k: tf.constant(v, tf.string if isinstance(v, str) else tf.float32) for k, v in inputs.items()}
    out = getattr(tf.raw_ops, op)(tag=tag, **inputs)
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            session.run(out, {tag: ["one", "two"]})
        assert session.run(out, {tag: "one"})


def test_the_pattern_of_an_expression_is_one_text_in_the_run_too():
    pattern = tf.placeholder(tf.string)
    out = tf.strings.regex_full_match(["ab"], pattern)
    with tf.Session() as session:
        with pytest.raises(
            tf.errors.InvalidArgumentError,
            match=r"Pattern must be scalar, but received \[2\]|Shape must be rank 0 but is rank 1",
        ):
            session.run(out, {pattern: ["a", "b"]})
        assert session.run(out, {pattern: "a."}).tolist() == [True]


@pytest.mark.parametrize(
    "value, serialized",
    [
        (
            np.array([[False, False, True, False]]),
            b'\x08\n\x12\x08\x12\x02\x08\x01\x12\x02\x08\x04"\x04\x00\x00\x01\x00',
        ),
        (np.int32(3), b'\x08\x03\x12\x00"\x04\x03\x00\x00\x00'),
    ],
)
def test_a_serialized_tensor_has_its_values_as_bytes(value, serialized):
    text = tf.serialize_tensor(tf.constant(value))
    back = tf.parse_tensor(text, value.dtype)
    with tf.Session() as session:
        found, same = session.run([text, back])
    assert found == serialized
    np.testing.assert_array_equal(same, value)


def test_a_shape_among_the_attributes_may_be_a_list():
    x = tf.placeholder(tf.int32)
    out = tf.raw_ops.EnsureShape(input=x, shape=[None, 2])
    assert out.shape.as_list() == [None, 2]
    with tf.Session() as session:
        assert session.run(out, {x: [[1, 2]]}).tolist() == [[1, 2]]
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=re.escape("is not compatible with expected shape [?,2]")
        ):
            session.run(out, {x: [1, 2, 3]})


def test_labels_tell_how_many_rows_the_logits_have():
    out = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(
        features=tf.placeholder(tf.float32), labels=tf.placeholder(tf.int32, [4])
    )
    assert [part.shape.as_list() for part in out] == [[4], [4, None]]


def test_a_list_of_one_rate_stands_for_it_but_a_list_of_one_count_does_not():
    rate, count = tf.placeholder(tf.float32), tf.placeholder(tf.int32)
    sound = tf.raw_ops.AudioSummaryV2(tag="a", tensor=tf.zeros([4, 1]), sample_rate=rate)
    joined = tf.strings.unsorted_segment_join(["x", "y"], [0, 0], count)
    with tf.Session() as session:
        assert session.run(sound, {rate: [8.0]}) == session.run(sound, {rate: 8.0})
        assert session.run(joined, {count: 1}).tolist() == [b"xy"]
        with pytest.raises(tf.errors.InvalidArgumentError, match="Shape must be rank 0 but is rank 1"):
            session.run(joined, {count: [1]})
        with pytest.raises(tf.errors.InvalidArgumentError, match="sample_rate must be a scalar"):
            session.run(sound, {rate: [8.0, 9.0]})
