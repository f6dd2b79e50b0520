"""Readers of files and what decodes their records: nodes, values and errors are TensorFlow 1.15's."""

import json
import re
from pathlib import Path

import pytest

import hookloop as tf

from ..fixtures import reader_program

RECORD = json.loads((Path(reader_program.__file__).parent / "readers.json").read_text())


def _comparable(lines):
    """Lines without the number that a queue has in its process, and the names of classes' modules."""
    return [
        re.sub(
            r"'_\d+_",
            "'_0_",
            re.sub(r"(tensorflow_core\.|tensorflow\.|hookloop\.)[\w.]* ?object at .*", "object", line),
        )
        for line in lines
    ]


@pytest.mark.parametrize("program", reader_program.PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_gives_what_it_gives_in_tensorflow(program, tmp_path, executor):
    found = reader_program.play(tf, program, str(tmp_path.resolve()))
    assert _comparable(found) == _comparable(RECORD[program.__name__])


def run(fetches):
    with tf.Session() as session:
        return session.run(fetches)


@pytest.mark.parametrize("parse", [tf.parse_single_example, lambda text, spec: tf.parse_example([text], spec)])
def test_bytes_that_are_no_example_are_refused(executor, parse):
    parsed = parse(b"\xff\xff", {"f": tf.FixedLenFeature([], tf.float32)})
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Could not parse example input, value: b'\\xff\\xff'"):
        run(parsed)


def test_features_of_unknown_sizes_are_refused():
    for feature, text in (
        (tf.FixedLenFeature([None], tf.float32), "All dimensions of shape for feature f need to be known"),
        (tf.FixedLenFeature(None, tf.float32), "Missing shape for feature f"),
    ):
        with pytest.raises(ValueError, match=text):
            tf.parse_example([b""], {"f": feature})
    with pytest.raises(ValueError, match="Missing features"):
        tf.parse_single_example(b"", {})


def test_values_that_are_no_whole_parts_are_refused(executor):
    example = tf.train.Example()
    example.features.feature["i"].int64_list.value.extend([1, 2, 3])
    spec = {"i": tf.FixedLenSequenceFeature([2], tf.int64, allow_missing=True)}
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="Number of int64 values is not a multiple of stride length. Saw 3"
    ):
        run(tf.parse_example([example.SerializeToString()], spec))
    with pytest.raises(tf.errors.InvalidArgumentError, match="Key: i.  Can't parse serialized Example"):
        run(tf.parse_single_example(example.SerializeToString(), spec))


def test_parts_of_any_number(executor):
    rows = []
    for count in (4, 0, 2):
        example = tf.train.Example()
        example.features.feature["i"].int64_list.value.extend(range(1, count + 1))
        rows.append(example.SerializeToString())
    spec = {"i": tf.FixedLenSequenceFeature([2], tf.int64, allow_missing=True)}
    found = run([tf.parse_example(rows, spec)["i"], tf.parse_single_example(rows[0], spec)["i"]])
    assert found[0].tolist() == [[[1, 2], [3, 4]], [[0, 0], [0, 0]], [[1, 2], [0, 0]]]
    assert found[1].tolist() == [[1, 2], [3, 4]]


def test_columns_that_cannot_be_chosen_are_refused():
    with pytest.raises(ValueError, match="select_cols contains negative values"):
        tf.decode_csv("a,b", [[""], [""]], select_cols=[-1, 1])
    with pytest.raises(ValueError, match="Length of select_cols and record_defaults do not match"):
        tf.decode_csv("a,b", [[""]], select_cols=[0, 1])
    with pytest.raises(TypeError, match="has DataType bool not in list of allowed values"):
        tf.decode_csv("1", [tf.constant(True)])


def test_two_defaults_for_one_column_are_refused(executor):
    default = tf.placeholder_with_default([1, 2], [None])
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="There should only be 1 default per field but field 0 has 2"
    ):
        run(tf.decode_csv("1", [default]))


def test_a_number_of_records_below_one_is_refused(executor, tmp_path):
    queue = tf.FIFOQueue(1, tf.string)
    with pytest.raises(tf.errors.InvalidArgumentError, match="num_records must be positive, got 0"):
        run(tf.TextLineReader().read_up_to(queue, 0))


def test_a_reader_that_waits_ends_with_its_session(executor):
    value = tf.TextLineReader().read(tf.FIFOQueue(1, tf.string)).value
    with tf.Session(config=tf.ConfigProto(operation_timeout_in_ms=50)) as session:
        with pytest.raises(tf.errors.DeadlineExceededError, match="Timed out"):
            session.run(value)


@pytest.mark.parametrize(("damage", "text"), [(b"\0", "corrupted record at 12"), (None, "truncated record at 0")])
def test_damaged_records_are_refused_and_the_next_file_is_read(executor, tmp_path, damage, text):
    bad, good = str(tmp_path / "bad"), str(tmp_path / "good")
    for path in (bad, good):
        with tf.python_io.TFRecordWriter(path) as writer:
            writer.write(b"record")
    content = Path(bad).read_bytes()
    Path(bad).write_bytes(content[:-1] if damage is None else content[:14] + damage + content[15:])
    queue = tf.FIFOQueue(2, tf.string)
    value = tf.TFRecordReader().read(queue).value
    with tf.Session() as session:
        session.run([queue.enqueue_many([[bad, good]])])
        with pytest.raises(tf.errors.DataLossError, match=text):
            session.run(value)
        assert session.run(value) == b"record"


@pytest.mark.parametrize("records, expected", [
    (["1,2.5,a", ",,", "3,NA,b c"], ([1, 7, 3], [2.5, 0.5, 0.5], [b"a", b"d", b"b c"])),
    (["1,2.5,a", '2,3,"q,""u"'], ([1, 2], [2.5, 3], [b"a", b'q,"u'])),
    (["1,2.5,a", "2,3,b\r\n"], ([1, 2], [2.5, 3], "Unquoted fields cannot have quotes/CRLFs inside")),
    (["1,2.5,a", "2,3"], "Expect 3 fields but have 2 in record 1"),
    (["1,2.5,a", "2,3,b,c"], "Expect 3 fields but have 4 in record 1"),
    (["1,2.5,a", ""], "Expect 3 fields but have 0 in record 1"),
    (["1,2.5,a", "1_0,2,b"], "Field 0 in record 1 is not a valid int32: 1_0"),
    (["1,2.5,a", "4294967296,2,b"], "Field 0 in record 1 is not a valid int32: 4294967296"),
    (["1,2.5,a", "1,x,b"], "Field 1 in record 1 is not a valid float: x"),
])  # fmt: skip
def test_records_with_and_without_what_is_read_one_by_one(executor, records, expected):
    """More of them than are cut together: the special one is the last."""
    many = [records[0]] * 1500 + records[1:]
    fields = tf.decode_csv(many, [[7], [0.5], ["d"]], na_value="NA")
    with tf.Session() as session:
        if isinstance(expected, str) or isinstance(expected[-1], str):
            text = (expected if isinstance(expected, str) else expected[-1]).replace("record 1", "record 1500")
            with pytest.raises(tf.errors.InvalidArgumentError, match=text):
                session.run(fields)
        else:
            for found, values in zip(session.run(fields), expected):
                assert found[1499:].tolist() == list(values)


def test_features_that_all_examples_have_and_that_one_lacks(executor):
    def example(number, **more):
        features = {
            "grid": tf.train.Feature(float_list=tf.train.FloatList(value=[number, 1, 2, 3])),
            "text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"%d" % number])),
            **more,
        }
        return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()

    lone = tf.train.Feature(int64_list=tf.train.Int64List(value=[7]))
    rows = [example(5, lone=lone), example(6)]
    spec = {
        "grid": tf.FixedLenFeature([2, 2], tf.float32), "text": tf.FixedLenFeature([], tf.string),
        "lone": tf.FixedLenFeature([], tf.int64, default_value=-1),
    }  # fmt: skip
    text = tf.placeholder(tf.string, [None])
    with tf.Session() as session:
        both = session.run(tf.parse_example(text, spec), {text: rows})
        none = session.run(tf.parse_example(text, spec), {text: []})
        last = session.run(tf.parse_single_example(rows[1], spec))
    assert both["grid"].tolist() == [[[5, 1], [2, 3]], [[6, 1], [2, 3]]] and both["grid"].dtype == "float32"
    assert both["text"].tolist() == [b"5", b"6"] and both["lone"].tolist() == [7, -1]
    assert {name: value.shape for name, value in none.items()} == {"grid": (0, 2, 2), "text": (0,), "lone": (0,)}
    assert last["grid"].tolist() == [[6, 1], [2, 3]] and last["text"] == b"6" and last["lone"] == -1
