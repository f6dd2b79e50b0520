"""Checkpoints as files: TensorFlow's are read, ours are whole at every moment, and broken ones are refused."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf
from hookloop.dtypes import as_dtype
from hookloop.files import bundle, slices

CHECKPOINT = str(Path(__file__).parent.parent / "fixtures" / "checkpoints" / "single")
VALUES = {
    "float": np.arange(6, dtype="f").reshape(2, 3), "long": np.int64(-7), "half": np.array([1.5, 2], "float16"),
    "flag": np.array([True, False]), "complex": np.array([1 + 2j], "complex64"), "empty": np.zeros([0, 3], "f"),
    "text": np.array([[b"ab", b""], [b"x" * 300, b"\x00\xff"]], dtype=object), "double": np.array([np.pi]),
    "byte": np.array([0, 255], "uint8"), "scope/nested": np.float32(0.5),
}  # fmt: skip


def items(values):
    return [(name, np.asarray(v), as_dtype("string" if np.asarray(v).dtype == object else np.asarray(v).dtype), None)
            for name, v in values.items()]  # fmt: skip


def assert_holds(prefix, values):
    reader = bundle.BundleReader(prefix)
    for name, value in values.items():
        found = reader.read(name)
        assert found.dtype == np.asarray(value).dtype
        np.testing.assert_array_equal(found, value)


def test_tensorflows_checkpoint_is_read():
    assert_holds(CHECKPOINT, VALUES)
    reader = bundle.BundleReader(CHECKPOINT)
    assert len(reader.names()) == 31
    np.testing.assert_array_equal(reader.read("rows"), np.arange(350, dtype="f").reshape(70, 5))
    assert reader.shape("rows") == (70, 5)


def test_a_slice_is_read_over_the_partitions_that_were_saved():
    reader = bundle.BundleReader(CHECKPOINT)
    part = reader.read("rows", slices.parse("70 5 20,30:1,3"))
    np.testing.assert_array_equal(part, np.arange(350, dtype="f").reshape(70, 5)[20:50, 1:4])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"expected a slice of 'rows' with shape \[70, 5\]"):
        reader.read("rows", slices.parse("71 5 0,1:-"))


def test_what_is_written_is_read_back(tmp_path):
    prefix = str(tmp_path / "x")
    bundle.write(prefix, items(VALUES))
    assert_holds(prefix, VALUES)


def test_texts_of_any_length(tmp_path):
    """A byte holds a length below 128, so a tensor of short texts is read and written as a whole."""
    prefix = str(tmp_path / "x")
    for lengths in ([0], [127], [128], [127] * 5, [0, 127, 128, 0, 16383, 16384, 1], [1, 0, 2] * 100, []):
        texts = np.empty(len(lengths), object)
        texts[:] = [b"\0" * (n // 2) + b"a\0" * n for n in lengths]
        texts[:] = [text[len(text) - n :] for text, n in zip(texts, lengths)]
        bundle.write(prefix, items({"t": texts}))
        found = bundle.BundleReader(prefix).read("t")
        assert found.dtype == object
        assert found.tolist() == texts.tolist()


def test_small_and_large_tensors(tmp_path):
    """Both sides of the size up to which bytes are copied: arrays that are not dense, too, and what is read can be written to."""
    prefix = str(tmp_path / "x")
    at = bundle._SMALL // 4
    values = {f"v{n}": np.arange(2 * n, dtype="f")[::2] for n in (0, 1, at - 1, at, at + 1, 5 * at)}
    values["turned"] = np.arange(3.0 * at).reshape(3, at).T
    bundle.write(prefix, items(values))
    assert_holds(prefix, values)
    for name in values:
        bundle.BundleReader(prefix).read(name)[...] = 0


def test_what_is_read_together_opens_a_data_file_once(tmp_path, monkeypatch):
    prefix, opened = str(tmp_path / "x"), []
    values = {f"v{i}": np.full(i, i, "f") for i in range(20)}
    bundle.write(prefix, items(values))
    reader = bundle.BundleReader(prefix)

    def counting(path, *args, **kwargs):
        opened.append(open(path, *args, **kwargs))  # noqa: SIM115 - the reader closes it
        return opened[-1]

    monkeypatch.setattr(bundle, "open", counting, raising=False)
    for found, value in zip(reader.read_all((name, None) for name in values), values.values()):
        np.testing.assert_array_equal(found, value)
    (file,) = opened
    assert file.closed
    with pytest.raises(tf.errors.NotFoundError, match="Key nope not found"):
        reader.read_all([("v3", None), ("nope", None)])
    assert opened[-1].closed


def test_partitions_are_put_together(tmp_path):
    whole = np.arange(12, dtype="f").reshape(4, 3)
    parts = [("w", whole[b:e], as_dtype("float32"), slices.parse(f"4 3 {b},{e - b}:-")) for b, e in ((0, 1), (1, 4))]
    bundle.write(str(tmp_path / "x"), parts)
    np.testing.assert_array_equal(bundle.BundleReader(str(tmp_path / "x")).read("w"), whole)
    bundle.write(str(tmp_path / "y"), parts[:1])
    with pytest.raises(tf.errors.DataLossError, match="the slices of 'w' do not fill its shape"):
        bundle.BundleReader(str(tmp_path / "y")).read("w")
    (tmp_path / "x.data-00000-of-00001").unlink()
    with pytest.raises(tf.errors.NotFoundError, match="x.data-00000-of-00001; No such file or directory"):
        bundle.BundleReader(str(tmp_path / "x")).read("w")


def test_writing_over_a_prefix_leaves_one_checkpoint(tmp_path):
    prefix = str(tmp_path / "x")
    for value in range(4):
        bundle.write(prefix, items({"v": np.float32(value)}))
        assert bundle.BundleReader(prefix).read("v") == value
    assert len([name for name in os.listdir(tmp_path) if name.endswith(".index")]) == 1
    assert len(os.listdir(tmp_path)) <= 3


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_at_any_point_leaves_the_old_checkpoint(tmp_path, monkeypatch, call):
    prefix = str(tmp_path / "x")
    bundle.write(prefix, items({"v": np.float32(1)}))
    before = sorted(os.listdir(tmp_path))
    original = getattr(os, call)
    for failing in range(4 if call == "fsync" else 2):
        count = [0]

        def fail(*arguments, count=count, failing=failing):
            count[0] += 1
            if count[0] == failing + 1:
                raise OSError(28, "No space left on device")
            return original(*arguments)

        monkeypatch.setattr(os, call, fail)
        with pytest.raises(tf.errors.ResourceExhaustedError, match="No space left on device"):
            bundle.write(prefix, items({"v": np.float32(2)}))
        monkeypatch.undo()
        assert bundle.BundleReader(prefix).read("v") == 1
        assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()], ids=["I/O", "Ctrl-C"])
def test_a_failure_behind_the_index_leaves_the_new_checkpoint(tmp_path, monkeypatch, error):
    prefix = str(tmp_path / "x")
    for value in (1, 2):
        bundle.write(prefix, items({"v": np.float32(value)}))
    original, seen = bundle.sync_directory, []

    def fail(path):
        original(path)
        seen.append(path)
        if len(seen) == 2:  # before the index is renamed, and after
            raise error

    monkeypatch.setattr(bundle, "sync_directory", fail)
    with pytest.raises((tf.errors.OpError, KeyboardInterrupt)):
        bundle.write(prefix, items({"v": np.float32(3)}))
    monkeypatch.undo()
    assert len(seen) == 2
    reader = bundle.BundleReader(prefix)
    assert reader.read("v") == 3
    assert len(os.listdir(tmp_path)) == 1 + reader.shards


def test_one_checkpoint_is_made_of_several(tmp_path):
    whole = np.arange(12, dtype="f").reshape(4, 3)
    for i, (b, e) in enumerate(((0, 1), (1, 4))):
        part = ("w", whole[b:e], as_dtype("float32"), slices.parse(f"4 3 {b},{e - b}:-"))
        bundle.write(str(tmp_path / f"part{i}"), [part, *items({f"only{i}": np.float32(i)})])
    bundle.merge([str(tmp_path / f"part{i}") for i in range(2)], str(tmp_path / "all"))
    assert_holds(str(tmp_path / "all"), {"w": whole, "only0": np.float32(0), "only1": np.float32(1)})
    assert {name.split(".")[0] for name in os.listdir(tmp_path)} == {"all"}


def test_errors_of_reading(tmp_path):
    with pytest.raises(tf.errors.NotFoundError, match="Failed to find any matching files for"):
        bundle.BundleReader(str(tmp_path / "none"))
    prefix = str(tmp_path / "x")
    bundle.write(prefix, items(VALUES))
    with pytest.raises(tf.errors.NotFoundError, match="Key other not found in checkpoint"):
        bundle.BundleReader(prefix).read("other")
    data = Path(bundle.data_path(prefix, 0, 1))
    whole = data.read_bytes()
    for name in VALUES:
        entry = bundle.BundleReader(prefix).entries[name.encode()]
        for at in {entry.offset, entry.offset + entry.size - 1} if entry.size else ():
            broken = bytearray(whole)
            broken[at] ^= 4
            data.write_bytes(broken)
            with pytest.raises(tf.errors.DataLossError):
                bundle.BundleReader(prefix).read(name)
    data.write_bytes(whole[:10])
    with pytest.raises(tf.errors.DataLossError, match="but the file ends at 10"):
        bundle.BundleReader(prefix).read("scope/nested")


def test_a_shape_that_no_array_has_is_refused(tmp_path):
    prefix = str(tmp_path / "x")
    bundle.write(prefix, items({"v": np.zeros([0, 3], "f")}))
    reader = bundle.BundleReader(prefix)
    for sizes in ([0, 2**62, 2**62], [0, 2**60], [-1], [0] * 65):
        entry = reader.entries[b"v"]
        entry.shape.Clear()
        for size in sizes:
            entry.shape.dim.add(size=size)
        for read in (reader.read, reader.shape):
            with pytest.raises(
                tf.errors.DataLossError, match=f"^{re.escape(prefix)}: the shape .* of 'v' in the index"
            ):
                read("v")


def test_bytes_that_do_not_make_their_shape_are_refused(tmp_path):
    prefix = str(tmp_path / "x")
    bundle.write(prefix, items({"v": np.zeros([2, 3], "f"), "texts": np.array([b"ab", b"c"], object)}))
    reader = bundle.BundleReader(prefix)
    reader.entries[b"v"].shape.dim[1].size = 2
    with pytest.raises(tf.errors.DataLossError, match=r": 24 bytes of 'v' do not make float32\[2, 2\]$"):
        reader.read("v")
    path = Path(bundle.data_path(prefix, 0, 1))
    data = bytearray(path.read_bytes())
    data[reader.entries[b"texts"].offset] = 100  # the length of the first text
    path.write_bytes(data)
    with pytest.raises(tf.errors.DataLossError, match=": the texts of 'texts' are longer than its bytes$"):
        reader.read("texts")


def test_numbers_of_the_other_byte_order_are_refused(tmp_path, monkeypatch):
    prefix = str(tmp_path / "x")
    bundle.write(prefix, items(VALUES))
    monkeypatch.setattr(bundle, "_LITTLE_ENDIAN", 1)  # which the file then is not
    with pytest.raises(tf.errors.UnimplementedError, match=r"x\.index: the checkpoint has big-endian numbers$"):
        bundle.BundleReader(prefix)


def test_names_come_once(tmp_path):
    with pytest.raises(tf.errors.InvalidArgumentError, match="Adding duplicate key: v"):
        bundle.write(str(tmp_path / "x"), items({"v": np.float32(1)}) * 2)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("fault", ["flipped", "truncated"])
def test_many_small_tensors_of_a_corrupt_file_are_refused(tmp_path, fault):
    values = [np.arange(3, dtype="f") + i for i in range(20)] + [np.zeros([0, 2], "f"), np.float64(0.5)]
    variables = [tf.Variable(value, name=f"v{i}") for i, value in enumerate(values)]
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        prefix = saver.save(session, str(tmp_path / "m"))
        session.run([variable.assign(tf.zeros_like(variable)) for variable in variables])
        saver.restore(session, prefix)
        for found, value in zip(session.run(variables), values, strict=True):
            np.testing.assert_array_equal(found, value)
        path = tmp_path / "m.data-00000-of-00001"
        data = bytearray(path.read_bytes())
        data[50] ^= 1
        path.write_bytes(data if fault == "flipped" else data[:50])
        text = (
            "the checksum of '.*' does not fit"
            if fault == "flipped"
            else "expected .* bytes of '.*' at .*, but the file ends at 50"
        )
        with pytest.raises(tf.errors.DataLossError, match=text):
            saver.restore(session, prefix)
