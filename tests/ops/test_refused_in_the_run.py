"""Values that the ops of texts, examples, queues, readers and images refuse while a step runs; the session is usable afterwards."""

import re

import numpy as np
import pytest

import hookloop as tf

EXAMPLE = tf.train.Example(
    features=tf.train.Features(feature={"a": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"x"]))})
).SerializeToString()


def _number(value, **how):
    return tf.as_string(tf.placeholder_with_default(value, None), **how)


def _text(value):
    return tf.placeholder_with_default(np.array(value, object), None)


def _dequeued(count):
    queue = tf.FIFOQueue(3, tf.int32, shapes=[[]], name="q")
    return queue.dequeue_many(tf.placeholder_with_default(count, []))


def _read(types):
    return tf.IdentityReader().read(tf.FIFOQueue(3, types, shapes=[[]] * len(types)))


def _reader(act):
    return act(tf.WholeFileReader())


REFUSED = {  # what -> (build, error, text)
    "bytes for numbers in an example": (
        lambda: tf.parse_example([EXAMPLE], {"a": tf.FixedLenFeature([1], tf.int64)}), tf.errors.InvalidArgumentError,
        "Name: <unknown>, Key: a, Index: 0.  Data types don't match. Data type: string but expected type: int64",
    ),
    "bytes for numbers in one example": (
        lambda: tf.parse_single_example(EXAMPLE, {"a": tf.FixedLenFeature([1], tf.int64)}), tf.errors.InvalidArgumentError,
        "Key: a.  Data types don't match. Data type: string but expected type: int64",
    ),
    "a quotation without an end": (
        lambda: tf.decode_csv(_text(['"a']), [[""]]), tf.errors.InvalidArgumentError,
        "Quoted field has to end with quote followed by delim or end",
    ),
    "a fill of numbers": (
        lambda: _number(1, fill="x"), tf.errors.InvalidArgumentError, "Fill argument not supported: 'x'",
    ),
    "the length of base64": (
        lambda: tf.decode_base64(_text(["a"])), tf.errors.InvalidArgumentError, "Base64 string length cannot be 1 modulo 4.",
    ),
    "a character of base64": (
        lambda: tf.decode_base64(_text(["a?bc"])), tf.errors.InvalidArgumentError, "Invalid character found in base64.",
    ),
    "texts of several shapes": (
        lambda: tf.string_join([_text(["a", "b"]), _text(["a", "b", "c"])]), tf.errors.InvalidArgumentError,
        "[2] vs. [3] [in StringJoin",
    ),
    "fewer than no elements": (
        lambda: _dequeued(-1), tf.errors.InvalidArgumentError, "q' : DequeueMany requested -1 elements",
    ),
    "a reader of no texts": (
        lambda: _read([tf.int32]), tf.errors.InvalidArgumentError, "Expected queue with single string component",
    ),
    "the state of a reader of files": (
        lambda: _reader(lambda reader: reader.serialize_state()), tf.errors.UnimplementedError, "Reader SerializeState",
    ),
    "a reader of files that gets a state": (
        lambda: _reader(lambda reader: reader.restore_state(b"1 2")), tf.errors.UnimplementedError, "Reader RestoreState",
    ),
    "an object of no type": (
        lambda: tf.py_func(lambda: np.array([b"a", object()], object), [], tf.string), tf.errors.UnimplementedError,
        "Unsupported object type object",
    ),
    "a database that is none": (
        lambda: tf.data.experimental.SqlDataset("sqlite", "no/such.db", "SELECT x FROM nowhere", (tf.int32,))
        .make_one_shot_iterator().get_next(),
        tf.errors.UnknownError, "Prepare() failed: unable to open database file: SELECT x FROM nowhere",
    ),
    "the handle of no iterator": (
        lambda: tf.data.Iterator.from_string_handle("a/b", tf.int32, []).get_next(), tf.errors.InvalidArgumentError,
        "The string handle 'a/b' is of no iterator of this session.",
    ),
    "counts of negative numbers": (
        lambda: tf.bincount(tf.placeholder_with_default([-1, 2], [2])), tf.errors.InvalidArgumentError,
        "Input arr must be non-negative!",
    ),
    "a negative power": (
        lambda: tf.pow(tf.constant([2]), tf.placeholder_with_default([-1], [1])), tf.errors.InvalidArgumentError,
        "Integers to negative integer powers are not allowed",
    ),
    "a sequence that is longer than its row": (
        lambda: tf.reverse_sequence(tf.ones([2, 3]), tf.placeholder_with_default([1, 4], [2]), seq_axis=1),
        tf.errors.InvalidArgumentError, "seq_lens(",
    ),
    "no memory for what Python makes": (
        lambda: tf.py_func(lambda: np.empty(1 << 60, np.uint8), [], tf.uint8), tf.errors.ResourceExhaustedError, "MemoryError: Unable to allocate 1.00 EiB",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused(executor, what):
    build, error, text = REFUSED[what]
    node = build()
    good = tf.constant(3) + 4
    with tf.Session() as session:
        with pytest.raises(error, match=re.escape(text)):
            session.run(node)
        assert session.run(good) == 7
