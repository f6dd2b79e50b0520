"""Sorted tables: what is written is read back, whatever is broken is refused."""

import struct

import hypothesis
import pytest
from hypothesis import strategies as st

import hookloop as tf
from hookloop import _core
from hookloop.files import checksum, slices, table
from hookloop.files.messages import BundleEntryProto

ITEMS = [(f"key{i:05d}".encode(), b"v" * (i % 7)) for i in range(500)]


@hypothesis.given(st.dictionaries(st.binary(max_size=20), st.binary(max_size=50), max_size=60))
def test_items_come_back(items):
    pairs = sorted(items.items())
    assert table.read_table(table.write_table(pairs), "t") == pairs


def test_items_of_many_blocks_come_back():
    pairs = [(f"{i:06d}".encode(), bytes(3000)) for i in range(300)]
    assert table.read_table(table.write_table(pairs), "t") == pairs


@hypothesis.given(st.data())
def test_a_damaged_block_is_refused_or_read(data):
    """A block has a checksum; what its entries say of their sizes is looked at all the same."""
    block = bytearray(_core.table_block(ITEMS[: data.draw(st.integers(0, 40))], 0, 16, 1 << 20)[0])
    for _ in range(data.draw(st.integers(1, 3))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.sampled_from([0, 1, 127, 128, 255]))
    found = []
    try:
        _core.table_entries(bytes(block), found)
    except ValueError as error:
        assert str(error) in ("a block is cut short", "an entry is cut short")
    assert sum(len(value) for _, value in found) <= len(block)


def test_an_entry_of_the_index_is_the_message_that_it_stands_for():
    for offset, size, crc in [(0, 0, 0), (1, 127, 1), (128, 1 << 40, 0xFFFFFFFF), ((1 << 63) - 1, 300, 1 << 31)]:
        entry = BundleEntryProto(dtype=1)
        for size_of_axis in (3, 0, 500):
            entry.shape.dim.add().size = size_of_axis
        written = _core.bundle_entry(entry.SerializeToString(), offset, size, crc)
        entry.offset, entry.size, entry.crc32c = offset, size, crc
        assert written == entry.SerializeToString(deterministic=True)


def test_keys_must_increase():
    with pytest.raises(ValueError, match="keys must increase, got b'a' after b'b'"):
        table.write_table([(b"b", b""), (b"a", b"")])


@pytest.mark.parametrize("size", [0, 1, 47, 48, 100, 1000])
def test_a_table_that_is_cut_short_is_refused(size):
    data = table.write_table(ITEMS)
    with pytest.raises(tf.errors.DataLossError, match="Unable to open table file the/index"):
        table.read_table(data[:size], "the/index")


@hypothesis.settings(max_examples=300)
@hypothesis.given(st.data())
def test_a_flipped_bit_is_refused_or_changes_nothing(data):
    whole = table.write_table(ITEMS)
    at = data.draw(st.integers(0, len(whole) - 1))
    broken = bytearray(whole)
    broken[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = table.read_table(bytes(broken), "t")
    except tf.errors.DataLossError:
        return
    assert found == ITEMS


@hypothesis.given(st.binary(max_size=300))
def test_any_bytes_are_refused(data):
    with pytest.raises(tf.errors.DataLossError):
        table.read_table(data + b"\0" * 40 + (0xDB4775248B80FB57).to_bytes(8, "little"), "t")


def test_checksums_are_crc32c():
    assert checksum.extend(0, b"123456789") == 0xE3069283
    assert checksum.masked(b"foo") != checksum.extend(0, b"foo")


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 1 << 40])
def test_varints_come_back(value):
    assert table.decode_varint(table.encode_varint(value), 0) == (value, len(table.encode_varint(value)))


def test_slice_texts():
    assert slices.parse("") is None
    assert slices.parse("4 2 0,2:-") == ((4, 2), ((0, 2), (0, slices.FULL)))
    for text in ("4 2 0,2", "4 x", "4 3,2", "4 -1,2"):
        with pytest.raises(tf.errors.InvalidArgumentError, match="slice"):
            slices.parse(text)


@hypothesis.given(st.lists(st.tuples(st.integers(0, 1 << 50), st.integers(-1, 1 << 50)), min_size=1, max_size=3))
def test_keys_of_slices_sort_as_their_parts_do(extents):
    first = slices.key(b"name", extents)
    after = [(extents[0][0] + 1, extents[0][1]), *extents[1:]]
    assert first < slices.key(b"name", after)
    assert first < slices.key(b"name2", extents)


def test_a_block_that_is_cut_short_or_of_an_unknown_kind():
    body = b"abc" + bytes([7])
    block = body + struct.pack("<I", checksum.masked(body))
    with pytest.raises(tf.errors.DataLossError, match="^the block at byte 1 is cut short$"):
        table._block(block, 1, 3, "t")
    with pytest.raises(tf.errors.DataLossError, match="^the block at byte 0 has an unknown compression, 7$"):
        table._block(block, 0, 3, "t")


@pytest.mark.parametrize(
    "data, text",
    [
        (b"\x05\x04ab", "a compressed block is corrupt"),  # fewer bytes than it says
        (b"\x05\x04ab\x05\x03", "a compressed block is corrupt"),  # a copy from before the beginning
        (b"\x03\x04ab\x11\x02", "a compressed block is corrupt"),  # a copy beyond the end
        (b"\xff" * 11, "a number at byte"),  # more bits than a number has
        (b"\x80", "a number at byte 1"),  # a number without an end
    ],
)
def test_a_compressed_block_that_is_broken(data, text):
    with pytest.raises(tf.errors.DataLossError, match=text):
        table._uncompressed(data)


def test_a_compressed_block():
    assert table._uncompressed(b"\x06\x04ab\x01\x02") == b"ababab"
