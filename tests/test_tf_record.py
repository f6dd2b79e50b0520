"""Files of records: `tf.python_io` and `tf.io`."""

import gzip
import zlib

import pytest

import hookloop as tf
from hookloop.files.paths import local_path

RECORDS = [b"", b"one", b"two" * 100_000, b"\0three"]


@pytest.mark.parametrize(
    "kind", [None, "", "GZIP", "ZLIB", 1, 2, tf.python_io.TFRecordOptions("ZLIB", compression_level=9)]
)
def test_records_are_read_back(tmp_path, kind):
    path = tmp_path / "records"
    with tf.python_io.TFRecordWriter(str(path), kind) as writer:
        for record in RECORDS:
            writer.write(record)
    assert list(tf.python_io.tf_record_iterator(str(path), kind)) == RECORDS
    name = tf.io.TFRecordOptions.get_compression_type_string(kind)
    if name:
        plain = tmp_path / "plain"
        unpack = gzip.decompress if name == "GZIP" else zlib.decompress
        plain.write_bytes(unpack(path.read_bytes()))
        assert list(tf.io.tf_record_iterator(plain)) == RECORDS


def test_what_tensorflow_writes_for_a_record(tmp_path):
    with tf.io.TFRecordWriter(tmp_path / "r") as writer:
        writer.write(b"abc")
    wanted = bytes.fromhex("0300000000000000b099490e6162636e57f121")
    assert (tmp_path / "r").read_bytes() == wanted


def test_examples_in_records(tmp_path):
    feature = {"x": tf.train.Feature(float_list=tf.train.FloatList(value=[1.5, -2.0]))}
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    with tf.python_io.TFRecordWriter(str(tmp_path / "r")) as writer:
        writer.write(example.SerializeToString())
    (record,) = tf.python_io.tf_record_iterator(str(tmp_path / "r"))
    assert tf.train.Example.FromString(record).features.feature["x"].float_list.value == [1.5, -2.0]
    assert record.hex() == "0a130a110a0178120c120a0a080000c03f000000c0"


def test_a_flushed_record_is_there_before_the_end(tmp_path):
    writer = tf.python_io.TFRecordWriter(str(tmp_path / "r"), "GZIP")
    writer.write(b"early")
    writer.flush()
    assert zlib.decompressobj(wbits=31).decompress((tmp_path / "r").read_bytes())[12:17] == b"early"
    writer.close()
    writer.close()
    for act in (lambda: writer.write(b"late"), writer.flush):
        with pytest.raises(tf.errors.FailedPreconditionError, match="Writer not initialized or previously closed"):
            act()


def test_what_is_refused(tmp_path):
    path = str(tmp_path / "r")
    for kind in ("BAD", 7):
        with pytest.raises(ValueError, match=f'Not a valid compression_type: "{kind}"'):
            tf.python_io.TFRecordWriter(path, kind)
    with tf.python_io.TFRecordWriter(path) as writer:
        with pytest.raises(TypeError, match="expected bytes, str found"):
            writer.write("text")
        writer.write(b"record")
    with pytest.raises(tf.errors.NotFoundError, match="nowhere"):
        list(tf.python_io.tf_record_iterator(str(tmp_path / "nowhere")))
    with pytest.raises(tf.errors.NotFoundError, match="nowhere"):
        tf.python_io.TFRecordWriter(str(tmp_path / "nowhere" / "r"))
    with pytest.raises(tf.errors.DataLossError, match="inflate"):
        list(tf.python_io.tf_record_iterator(path, "GZIP"))
    (tmp_path / "r").write_bytes((tmp_path / "r").read_bytes()[:-2])
    with pytest.raises(tf.errors.DataLossError, match="truncated record at 0"):
        list(tf.python_io.tf_record_iterator(path))
    with tf.python_io.TFRecordWriter(path, "GZIP") as writer:
        writer.write(b"x" * 1000)
    (tmp_path / "r").write_bytes((tmp_path / "r").read_bytes()[:20])
    with pytest.raises(tf.errors.DataLossError, match="truncated record at 0"):
        list(tf.python_io.tf_record_iterator(path, "GZIP"))


def test_a_path_with_the_scheme_of_files_is_what_stands_behind_the_host():
    found = [
        local_path(path)
        for path in ("file:///a/b%20c", b"file://host/a", "file://host", "a/file://b", "C:\\a", "file:a")
    ]
    assert found == ["/a/b%20c", "/a", "", "a/file://b", "C:\\a", "file:a"]


def test_a_dataset_of_files_with_the_scheme_of_files(tmp_path):
    (tmp_path / "a.csv").write_text("1\n2\n")
    found = []
    for last in (3, 5):  # the second time from the file of the first
        numbers = tf.data.Dataset.range(last).cache(f"file://{tmp_path}/kept").make_one_shot_iterator().get_next()
        with tf.Session() as session, pytest.raises(tf.errors.OutOfRangeError):
            while True:
                found.append(session.run(numbers))
    assert found == [0, 1, 2, 0, 1, 2]
    row = tf.data.experimental.CsvDataset(f"file://{tmp_path}/a.csv", [tf.int32]).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert session.run(row) == (1,)


def test_files_with_the_scheme_of_files(tmp_path):
    place, gfile = f"file://{tmp_path}", tf.gfile
    with gfile.GFile(f"{place}/a.txt", "w") as file:
        file.write("x\ny\n")
    gfile.MakeDirs(f"{place}/d/e")
    gfile.Copy(f"{place}/a.txt", f"{place}/b.txt")
    gfile.Rename(f"{place}/b.txt", f"{place}/c.txt")
    assert sorted(gfile.ListDirectory(place)) == ["a.txt", "c.txt", "d"] and gfile.Exists(f"{place}/c.txt")
    assert gfile.Glob(f"{place}/*.txt") == [f"{place}/a.txt", f"{place}/c.txt"] and gfile.IsDirectory(f"{place}/d")
    assert [path for path, _, _ in gfile.Walk(place)] == [place, f"{place}/d", f"{place}/d/e"]
    assert gfile.Stat(f"{place}/a.txt").length == 4
    gfile.Remove(f"{place}/c.txt")
    gfile.DeleteRecursively(f"{place}/d")
    with tf.python_io.TFRecordWriter(f"{place}/r") as writer:
        writer.write(b"one")
    assert list(tf.python_io.tf_record_iterator(f"{place}/r")) == [b"one"]
    lines = tf.data.TextLineDataset(f"{place}/a.txt").make_one_shot_iterator().get_next()
    records = tf.data.TFRecordDataset(f"{place}/r").make_one_shot_iterator().get_next()
    with tf.Session() as session:
        session.run(tf.write_file(f"{place}/new/w", "z"))
        assert session.run([lines, records, tf.read_file(f"{place}/new/w")]) == [b"x", b"one", b"z"]
        assert session.run(tf.matching_files(f"{place}/*.txt")).tolist() == [f"{place}/a.txt".encode()]


def test_a_record_that_a_writer_has_only_begun_is_not_there(executor, tmp_path):
    path = tmp_path / "r"
    with tf.python_io.TFRecordWriter(str(path)) as writer:
        for text in (b"r0", b"r1"):
            writer.write(text)
    whole = path.read_bytes()
    for size in (19, 29):  # within the length of the second record, which begins at 18
        path.write_bytes(whole[:size])
        assert list(tf.python_io.tf_record_iterator(str(path))) == [b"r0"]
        element = tf.data.make_one_shot_iterator(tf.data.TFRecordDataset(str(path))).get_next()
        with tf.Session() as session:
            assert session.run(element) == b"r0"
            with pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
                session.run(element)
    for size in (30, 35):
        path.write_bytes(whole[:size])
        with pytest.raises(tf.errors.DataLossError, match="truncated record at 18"):
            list(tf.python_io.tf_record_iterator(str(path)))
