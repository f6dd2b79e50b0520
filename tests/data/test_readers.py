"""Datasets of files: lines, records, records of one length, names. What is expected is TensorFlow 1.15's record."""

import gc
import gzip
import os
import threading
import zlib

import pytest

import hookloop as tf

from .test_dataset import Dataset, elements

ONE, TWO = [b"r%d" % i for i in range(5)], [b"s%d" % i for i in range(3)]


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in {"a": b"one\r\ntw\ro\n\nlast", "b": b"x\ny\n", "empty": b"", "fixed": b"HHabcdefghiF"}.items():
        (tmp_path / name).write_bytes(content)
    for name, content in {"one": ONE, "two": TWO}.items():
        with tf.python_io.TFRecordWriter(name) as writer:
            for record in content:
                writer.write(record)
    return tmp_path


def messages(dataset, most=20):
    """The elements, and the first words of errors."""
    following = dataset.make_one_shot_iterator().get_next()
    found = []
    with tf.Session() as session:
        while len(found) < most:
            try:
                found.append(session.run(following))
            except tf.errors.OutOfRangeError:
                return found
            except tf.errors.OpError as error:
                found.append(type(error).__name__ + ": " + error.message.split(" [in")[0])
    return found


def test_lines_of_several_files(executor):
    assert elements(tf.data.TextLineDataset(["a", "empty", "b"])) == [b"one", b"two", b"", b"last", b"x", b"y"]
    assert elements(tf.data.TextLineDataset("a").skip(1)) == [b"two", b"", b"last"]
    names = Dataset.from_tensor_slices(["b", "a"])
    assert elements(tf.data.TextLineDataset(names)) == [b"x", b"y", b"one", b"two", b"", b"last"]


def test_behind_the_last_line_is_none_without_characters(executor, files):
    (files / "c").write_bytes(b"q\rr\n\r\n\r")
    assert elements(tf.data.TextLineDataset(["c", "b"])) == [b"qr", b"", b"x", b"y"]


def test_names_may_be_fed(executor):
    names = tf.placeholder(tf.string, [None])
    iterator = tf.data.TextLineDataset(names).make_initializable_iterator()
    following = iterator.get_next()
    with tf.Session() as session:
        for name, first in (("a", b"one"), ("b", b"x")):
            session.run(iterator.initializer, {names: [name]})
            assert session.run(following) == first


def test_records(executor):
    assert elements(tf.data.TFRecordDataset(["one", "two"])) == ONE + TWO
    batched = tf.data.TFRecordDataset("one").shuffle(5, seed=1).batch(2)
    assert sorted(record for batch in elements(batched) for record in batch) == ONE


def test_records_are_examples(executor):
    example = tf.train.Example(
        features=tf.train.Features(feature={"x": tf.train.Feature(float_list=tf.train.FloatList(value=[1, 2]))})
    )
    with tf.python_io.TFRecordWriter("examples") as writer:
        for _ in range(3):
            writer.write(example.SerializeToString())
    features = {"x": tf.FixedLenFeature([2], tf.float32)}
    dataset = tf.data.TFRecordDataset("examples").map(lambda record: tf.parse_single_example(record, features)["x"])
    assert elements(dataset.map(lambda x: x * 2.0).batch(2)) == [[[2, 4], [2, 4]], [[2, 4]]]


def test_several_files_in_turn(executor):
    lines = tf.data.TextLineDataset(["a", "b", "empty", "a"], num_parallel_reads=2)
    assert elements(lines) == [b"one", b"x", b"two", b"y", b"", b"last", b"one", b"two", b"", b"last"]
    records = tf.data.TFRecordDataset(["one", "two", "one", "two"], num_parallel_reads=3)
    expected = "r0 s0 r0 r1 s1 r1 r2 s2 r2 r3 r3 r4 s0 r4 s1 s2"
    assert elements(records) == expected.encode().split()


def test_records_of_one_length(executor):
    assert elements(tf.data.FixedLengthRecordDataset("fixed", 3, 2, 1)) == [b"abc", b"def", b"ghi"]
    assert messages(tf.data.FixedLengthRecordDataset("fixed", 4, 2, 1), 1) == [
        'InvalidArgumentError: Excluding the header (2 bytes) and footer (1 bytes), input file "fixed" has body length 9 bytes, '
        "which is not an exact multiple of the record length (4 bytes)."
    ]
    assert elements(tf.data.FixedLengthRecordDataset("fixed", 3, 11, 1)) == []
    assert messages(tf.data.FixedLengthRecordDataset("fixed", 3, 13, 1), 1) == [
        'InvalidArgumentError: The input file "fixed" has 12 bytes, fewer than a header of 13 and a footer of 1 bytes together.'
    ]
    assert messages(tf.data.FixedLengthRecordDataset("fixed", 0), 1) == [
        "InvalidArgumentError: `record_bytes` must be > 0"
    ]
    assert messages(tf.data.FixedLengthRecordDataset("fixed", 3, -1), 1) == [
        "InvalidArgumentError: `header_bytes` must be >= 0"
    ]


@pytest.mark.parametrize("compression", ["GZIP", "ZLIB"])
def test_compressed_files(executor, compression, files):
    compressed = gzip.compress if compression == "GZIP" else zlib.compress
    (files / "lines").write_bytes(
        compressed(b"one\n" * 50_000) + (compressed(b"two\n") if compression == "GZIP" else b"")
    )
    found = elements(tf.data.TextLineDataset("lines", compression).batch(60_000))[0]
    assert found == [b"one"] * 50_000 + [b"two"] * (compression == "GZIP")
    (files / "pieces").write_bytes(compressed(b"HHabcdefghiF"))
    pieces = tf.data.FixedLengthRecordDataset("pieces", 3, 2, 1, compression_type=compression)
    assert elements(pieces) == [b"abc", b"def", b"ghi"]
    options = tf.python_io.TFRecordOptions(getattr(tf.python_io.TFRecordCompressionType, compression))
    with tf.python_io.TFRecordWriter("records", options) as writer:
        writer.write(b"z")
    assert elements(tf.data.TFRecordDataset("records", compression)) == [b"z"]
    (files / "lines").write_bytes(compressed(b"one\n")[:4] + b"no such data")
    (message,) = messages(tf.data.TextLineDataset("lines", compression))
    assert message.startswith("DataLossError: lines: Error -3 while decompressing data")


def test_a_file_that_is_missing_is_looked_for_again(executor, files):
    following = tf.data.TextLineDataset(["b", "late"]).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert [session.run(following) for _ in range(2)] == [b"x", b"y"]
        for _ in range(2):
            with pytest.raises(tf.errors.NotFoundError, match="late; No such file or directory"):
                session.run(following)
        (files / "late").write_bytes(b"there\n")
        assert session.run(following) == b"there"


def test_behind_a_damaged_record_comes_the_next_file(executor, files):
    damaged = bytearray((files / "one").read_bytes())
    damaged[40] ^= 1
    (files / "bad").write_bytes(damaged)
    dataset = tf.data.TFRecordDataset(["bad", "two"])
    assert messages(dataset) == [b"r0", b"r1", "DataLossError: bad: corrupted record at 36", *TWO]
    assert elements(dataset.apply(tf.data.experimental.ignore_errors())) == [b"r0", b"r1", *TWO]


def test_arguments_that_make_no_sense(executor):
    with pytest.raises(TypeError, match=r"must be a `tf.data.Dataset` of `tf.string` elements"):
        tf.data.TextLineDataset(Dataset.range(3))
    with pytest.raises(TypeError, match=r"must be a `tf.data.Dataset` of scalar `tf.string` elements"):
        tf.data.TFRecordDataset(Dataset.from_tensors(["a"]))
    assert messages(tf.data.TextLineDataset("a", "XX"), 1) == ["InvalidArgumentError: Unsupported compression_type."]
    assert messages(tf.data.TextLineDataset("a", buffer_size=-1), 1) == [
        "InvalidArgumentError: `buffer_size` must be >= 0 (0 == default)"
    ]


def test_names_of_files(executor, files):
    (files / "more").mkdir()
    for name in "cdefg":
        (files / "more" / name).write_bytes(b"")
    assert elements(Dataset.list_files("more/*", shuffle=False)) == [b"more/%c" % c for c in b"cdefg"]
    twice = elements(Dataset.list_files(["more/*"], seed=3).repeat(2))
    assert sorted(twice[:5]) == sorted(twice[5:]) and twice[:5] != twice[5:]
    with tf.Session() as session:
        iterator = Dataset.list_files(["more/x*", "no"]).make_initializable_iterator()
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"No files matched pattern: more/x\*, no"):
            session.run(iterator.initializer)


def test_a_run_goes_on_in_the_middle_of_a_file(executor):
    from hookloop.data.ops import iterator_states, restore_iterators

    def build():
        dataset = tf.data.TFRecordDataset(["one", "two"]).shuffle(4, seed=2).repeat()
        return dataset.make_initializable_iterator()

    with tf.Graph().as_default(), tf.Session() as session:
        iterator = build()
        following = iterator.get_next()
        session.run(iterator.initializer)
        for _ in range(11):
            session.run(following)
        states = iterator_states(session)
        expected = [session.run(following) for _ in range(10)]
    with tf.Graph().as_default(), tf.Session() as session:
        iterator = build()
        following = iterator.get_next()
        restore_iterators(session, states)
        session.run(iterator.initializer)
        assert [session.run(following) for _ in range(10)] == expected


def test_files_are_closed_and_no_thread_stays(executor):
    before = threading.active_count()
    with tf.Graph().as_default(), tf.Session() as session:
        following = tf.data.TFRecordDataset(["one"] * 3, num_parallel_reads=2).make_one_shot_iterator().get_next()
        assert session.run(following) == b"r0"
    del session, following
    gc.collect()
    assert threading.active_count() == before
    if os.path.isdir("/proc/self/fd"):
        links = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        assert not [link for link in links if link.endswith("/one")]


@pytest.mark.parametrize("parallel", [None, 2])
def test_nodes_are_tensorflows(parallel):
    tf.data.TFRecordDataset(["one"], num_parallel_reads=parallel)
    found = [(op.type, op.name) for op in tf.get_default_graph().get_operations()]
    numbers = ["cycle_length", "block_length", "sloppy", "buffer_output_elements", "prefetch_input_elements"]
    last = [("FlatMapDataset", "FlatMapDataset")]
    if parallel:
        last = [*[("Const", name) for name in numbers], ("ParallelInterleaveDataset", "ParallelInterleaveDataset")]
    assert found == [
        ("Const", "Const"), ("Const", "flat_filenames/shape"), ("Reshape", "flat_filenames"),
        ("TensorSliceDataset", "TensorSliceDataset"), *last,
    ]  # fmt: skip
