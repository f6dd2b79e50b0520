"""Compressed text and `Example` messages in JSON."""

import gzip
import zlib

import numpy as np
import pytest

import hookloop as tf


@pytest.mark.parametrize(("kind", "pack"), [("ZLIB", zlib.compress), ("GZIP", gzip.compress), ("", bytes)])
def test_compressed_text(executor, kind, pack):
    texts = [[b"abc" * 1000, b"", b"\0\xff"]]
    packed = tf.placeholder(tf.string, [None, 3])
    found = tf.io.decode_compressed(packed, kind)
    assert found.shape.as_list() == [None, 3] and found.op.name == "DecodeCompressed"
    with tf.Session() as session:
        feed = np.array([[pack(text) for text in row] for row in texts], object)
        assert session.run(found, {packed: feed}).tolist() == texts
        assert session.run(tf.decode_compressed(pack(b"q") + (b"more" if kind else b""), kind)) == b"q"
        assert session.run(tf.decode_compressed(b"", kind)) == b""


@pytest.mark.parametrize(
    ("text", "kind", "error", "said"),
    [
        (b"nonsense", "ZLIB", tf.errors.DataLossError, "failed with error -3: incorrect header check"),
        (gzip.compress(b"a"), "ZLIB", tf.errors.DataLossError, "failed with error -3: incorrect header check"),
        (zlib.compress(b"abcdef")[:-1] + b"\0", "ZLIB", tf.errors.DataLossError, "failed with error -3: incorrect data check"),
        (zlib.compress(b"abc" * 1000)[:10], "ZLIB", tf.errors.DataLossError, "the compressed text ends too early, after 10 bytes"),
        (b"x", "LZ4", tf.errors.InvalidArgumentError, "Only ZLIB, GZIP or NONE are supported compressions"),
    ],
)  # fmt: skip
def test_damaged_text_is_refused(executor, text, kind, error, said):
    with tf.Session() as session, pytest.raises(error, match=said):
        session.run(tf.decode_compressed([text], kind))


def test_examples_in_json(executor):
    text = tf.placeholder(tf.string, [None])
    features = {
        "a": tf.FixedLenFeature([3], tf.int64),
        "b": tf.FixedLenFeature([4], tf.float32),
        "c": tf.FixedLenFeature([2], tf.string),
    }
    parsed = tf.parse_example(tf.io.decode_json_example(text), features)
    lists = '"a": {"%s": {"value": [1, "2", -3]}}, "b": {"%s": {"value": [1.5, 1e3, "NaN", "-Infinity"]}}, "c": {"%s": {"value": ["YWJj", "_-8="]}}'
    rows = ['{"features": {"feature": {%s}}}' % (lists % names)
            for names in (("int64List", "floatList", "bytesList"), ("int64_list", "float_list", "bytes_list"))]  # fmt: skip
    with tf.Session() as session:
        found = session.run(parsed, {text: rows})
        assert session.run(tf.decode_json_example([["{}"]])).tolist() == [[b""]]
    assert found["a"].tolist() == [[1, 2, -3]] * 2 and found["c"].tolist() == [[b"abc", b"\xff\xef"]] * 2
    np.testing.assert_array_equal(found["b"], [[1.5, 1000, np.nan, -np.inf]] * 2)


@pytest.mark.parametrize(
    "text",  # those that TensorFlow 1.15 refuses
    [
        '{"nope": 1}', "", "[]", '{"features":', "{} x", b"\xff",
        '{"features": {"feature": {"a": {"int64List": {"value": [1.5]}}}}}',
        '{"features": {"feature": {"a": {"int64List": {"value": [true]}}}}}',
        '{"features": {"feature": {"a": {"int64List": {"value": [99999999999999999999]}}}}}',
        '{"features": {"feature": {"a": {"floatList": {"value": [1e39]}}}}}',
        '{"features": {"feature": {"a": {"int64List": {"value": [1]}, "floatList": {"value": [1]}}}}}',
    ],
)  # fmt: skip
def test_what_is_no_example_is_refused(executor, text):
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="Error while parsing JSON: "):
            session.run(tf.decode_json_example(text))
        assert session.run(tf.decode_json_example("{}")) == b""
