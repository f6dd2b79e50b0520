"""`RecordInput`: every record once in each epoch, in an order that the seed tells."""

import pytest
from hookloop.python.ops.data_flow_ops import RecordInput

import hookloop as tf


@pytest.fixture(params=["", "GZIP"])
def files(request, tmp_path):
    for i in range(3):
        with tf.python_io.TFRecordWriter(str(tmp_path / f"{i}.rec"), request.param) as writer:
            for j in range(4):
                writer.write(b"%d-%d" % (i, j))
    return str(tmp_path / "*.rec"), request.param


ALL = sorted(b"%d-%d" % (i, j) for i in range(3) for j in range(4))


def taken(files, steps, **more):
    with tf.Graph().as_default():
        records = RecordInput(files[0], compression_type=files[1] or None, **more).get_yield_op()
        with tf.Session() as session:
            return [record for _ in range(steps) for record in session.run(records).tolist()]


def test_each_epoch_has_every_record_in_another_order(files):
    found = taken(files, 8, batch_size=3, buffer_size=4, seed=1)
    assert sorted(found[:12]) == sorted(found[12:]) == ALL and found[:12] != found[12:]
    assert taken(files, 8, batch_size=3, buffer_size=4, seed=1) == found
    assert taken(files, 4, batch_size=3, buffer_size=4, seed=2) != found[:12]


def test_a_batch_goes_on_in_the_next_epoch(files):
    found = taken(files, 3, batch_size=10, shift_ratio=0.5)
    assert sorted(found[:12]) == sorted(found[12:24]) == ALL


def test_no_more_records_are_read_than_the_buffer_takes(tmp_path):
    """An error comes behind the records before it, and once there was one each step has it."""
    path = tmp_path / "bad"
    with tf.python_io.TFRecordWriter(str(path)) as writer:
        for i in range(6):
            writer.write(b"%d" % i)
    data = bytearray(path.read_bytes())
    data[-6] ^= 255
    path.write_bytes(data)
    record = RecordInput(str(path)).get_yield_op()
    with tf.Session() as session:
        assert [session.run(record).tolist() for _ in range(5)] == [[b"%d" % i] for i in range(5)]
        for _ in range(2):
            with pytest.raises(tf.errors.DataLossError, match="corrupted record at 85"):
                session.run(record)


def test_records_in_lists(files):
    lists = RecordInput(files[0], 2, batches=2, name="ri", compression_type=files[1] or None).get_yield_op()
    assert [[record.name for record in found] for found in lists] == [["ri_1/Reshape:0", "ri_1/Reshape_2:0"],
                                                                      ["ri_1/Reshape_1:0", "ri_1/Reshape_3:0"]]  # fmt: skip
    with tf.Session() as session:
        found = [record for part in session.run(lists) for record in part]
    assert set(found) < set(ALL) and len(set(found)) == 4


def test_what_is_refused(tmp_path):
    with pytest.raises(ValueError, match='Not a valid compression_type: "x"'):
        RecordInput("*", compression_type="x").get_yield_op()
    with tf.Session() as session:
        with pytest.raises(tf.errors.NotFoundError, match="Found no files at .*x"):
            session.run(RecordInput(str(tmp_path / "x*")).get_yield_op())
        with pytest.raises(tf.errors.NotFoundError, match="Found no files at .*none/"):
            session.run(RecordInput(str(tmp_path / "none/*")).get_yield_op())
        tf.python_io.TFRecordWriter(str(tmp_path / "empty")).close()
        with pytest.raises(tf.errors.OutOfRangeError, match="There are no records in the files"):
            session.run(RecordInput(str(tmp_path / "empty")).get_yield_op())
