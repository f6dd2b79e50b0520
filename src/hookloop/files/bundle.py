"""Checkpoints in TensorFlow's V2 format: tensors by name in data files, and an index of them.

`PREFIX.index` is a sorted table: under the empty key a header, under each name where its tensor lies, its shape, type
and checksum. `PREFIX.data-00000-of-00001` holds the bytes. A partition of a larger tensor has an entry of its own under a
key made of name and slice, and the larger tensor's entry lists the slices.
"""

from __future__ import annotations

import functools
import itertools
import math
import os
import re
import struct
import threading
from contextlib import suppress

import numpy as np

from .. import errors
from .._core import bundle_entry
from ..dtypes import as_dtype
from . import checksum, slices
from .atomic import Temporary, changing, sweep, sync_directory
from .os_errors import translated
from .paths import local_path
from .table import decode_varint, encode_varint, read_table, write_table

_LITTLE_ENDIAN = 0
_VERSION = 1
_HEADER_KEY = b""
_FEW, _SMALL_FILE = 8, 1 << 22  # more tensors than that are read of a file at once, where it has so few bytes
_SMALL = 1 << 16  # bytes of a tensor that are copied sooner than looked at in place


class _BeforeIndex(threading.local):
    """Prefix -> what is called with the bytes of its new index, just before that takes its place: of what a thread saves."""

    def __init__(self):
        self.calls = {}


before_index = _BeforeIndex()


def index_path(prefix):
    return local_path(prefix) + ".index"


def data_path(prefix, shard, shards):
    return f"{local_path(prefix)}.data-{shard:05d}-of-{shards:05d}"


def exists(prefix):
    """Whether a checkpoint of this prefix is there: its index is."""
    return os.path.isfile(index_path(prefix))


# --- writing --------------------------------------------------------------------------------------------


def _string_payload(array):
    """The bytes of a string tensor: lengths, their checksum, the texts; and the checksum of its entry."""
    texts = [bytes(text) for text in array.ravel().tolist()]
    lengths = [len(text) for text in texts]
    crc = checksum.extend(0, struct.pack(f"<{len(lengths)}I", *lengths))
    of_lengths = struct.pack("<I", checksum.mask(crc))
    crc = checksum.extend(crc, of_lengths)
    joined = b"".join(texts)
    short = max(lengths, default=0) < 0x80  # a byte each
    encoded = bytes(lengths) if short else b"".join(map(encode_varint, lengths))
    return encoded + of_lengths + joined, checksum.extend(crc, joined)


def _payload(array, dtype):
    if array.dtype.kind in "OSU":
        return _string_payload(array)
    if array.nbytes <= _SMALL:
        data = array.tobytes()
    else:
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return data, checksum.extend(0, data)


class _Writer:
    """The data file as it is written, and the entries of the index."""

    def __init__(self, file):
        from . import messages

        self._messages = messages
        self._file = file
        self._offset = 0
        self._heads = {}  # the types and shapes that have come, as bytes of their entries
        self.entries = {}  # key -> entry, or its bytes

    def add(self, name, array, dtype, partition):
        key = name.encode()
        if partition is not None:
            shape, extents = partition
            whole = self.entries.setdefault(key, self._messages.BundleEntryProto(dtype=dtype.as_datatype_enum))
            if type(whole) is bytes:
                raise errors.InvalidArgumentError(None, None, f"Adding duplicate key: {name}")
            if not whole.slices:
                _set_shape(whole, shape)
            item = whole.slices.add()
            for begin, length in extents:
                extent = item.extent.add(start=begin)
                if length != slices.FULL:
                    extent.length = length
            key = slices.key(key, extents)
        if key in self.entries:
            raise errors.InvalidArgumentError(None, None, f"Adding duplicate key: {name}")
        data, crc = _payload(array, dtype)
        head = self._heads.get((id(dtype), array.shape))
        if head is None:
            head = self._heads[id(dtype), array.shape] = self._head(array.shape, dtype)
        self.entries[key] = bundle_entry(head, self._offset, len(data), checksum.mask(crc))
        self._file.write(data)
        self._offset += len(data)

    def _head(self, shape, dtype):
        entry = self._messages.BundleEntryProto(dtype=dtype.as_datatype_enum)
        _set_shape(entry, shape)
        return entry.SerializeToString(deterministic=True)


def _set_shape(entry, shape):
    entry.shape.SetInParent()
    for size in shape:
        entry.shape.dim.add().size = size


def write(prefix, tensors):
    """Writes a checkpoint. A checkpoint that this prefix had is whole until the new one is.

    Args:
      prefix: the path without the files' endings.
      tensors: list of (name, array, DType, partition); arrays of text have dtype object and hold bytes; `partition` is
        None or (shape of the whole tensor, extents) as `slices.parse` gives it.

    Raises:
      NotFoundError, PermissionDeniedError, ResourceExhaustedError, ...: where the files cannot be written.
      InvalidArgumentError: where a name comes twice.
    """
    with translated(prefix), Temporary(data_path(prefix, 0, 1)) as data:
        writer = _Writer(data.file)
        for tensor in tensors:
            writer.add(*tensor)
        data.sync()
        _publish(prefix, writer.entries, [data.place])


def merge(prefixes, destination):
    """Makes one checkpoint of several, whose files it takes over.

    Args:
      prefixes: the checkpoints, each with other tensors or other slices of the same ones.
      destination: the prefix of the result.

    Raises:
      NotFoundError, DataLossError: where one of them cannot be read.
      InvalidArgumentError: where two have a tensor of one name.
    """
    readers = [BundleReader(prefix) for prefix in prefixes]
    with translated(destination):
        entries, moves = {}, []
        for reader in readers:
            for key, entry in reader.entries.items():
                if key in entries and not (entries[key].slices and entry.slices):
                    raise errors.InvalidArgumentError(
                        None, None, f"Adding duplicate key: {key.decode(errors='replace')}"
                    )
                if key in entries:
                    entries[key].slices.extend(entry.slices)
                else:
                    entries[key] = type(entry).FromString(entry.SerializeToString())
                    entries[key].shard_id += 0 if entry.slices else len(moves)
            sources = [data_path(reader.prefix, shard, reader.shards) for shard in range(reader.shards)]
            moves += [functools.partial(os.replace, source) for source in sources]
        _publish(destination, entries, moves)
        for reader in readers:
            os.remove(index_path(reader.prefix))


def _publish(prefix, entries, moves):
    """Makes data files that are on the disk a checkpoint, in place of the one that this prefix had.

    The index's renaming is the one moment of change: the new data files get a number of shards that no old one has. Where
    something fails before it the new ones are removed, after it the old ones are.

    Args:
      prefix: the checkpoint's.
      entries: key -> entry, for the index.
      moves: functions, each of which moves a data file to the path that it is given.
    """
    directory, placed = os.path.dirname(prefix), []
    sweep(directory)
    with changing(directory):
        old, shards, before = _data_files(prefix), len(moves), _inode(index_path(prefix))
        while any(os.path.exists(data_path(prefix, shard, shards)) for shard in range(shards)):
            shards += 1
        try:
            for shard in range(shards):
                placed.append(data_path(prefix, shard, shards))
                if shard < len(moves):
                    moves[shard](placed[-1])
                else:
                    _write_empty(placed[-1])  # readers that list the shards expect all of them
            _write_index(prefix, entries, shards)
        except BaseException:
            is_new = _inode(index_path(prefix)) != before  # what failed stood behind its renaming
            for path in old if is_new else placed:
                with suppress(OSError):
                    os.remove(path)
            raise
        for path in old:
            with suppress(OSError):
                os.remove(path)


def remove(prefix, *others):
    """Removes a checkpoint's files, its index first, and other files where they are there."""
    for path in (index_path(prefix), *_data_files(prefix), *others):
        with suppress(FileNotFoundError):
            os.remove(path)


def _inode(path):
    """Which file a path names, or None."""
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None


def _write_empty(path):
    with Temporary(path) as file:
        file.sync()
        file.place()


def _write_index(prefix, entries, shards):
    """Puts the index in place, once everything that it speaks of is on the disk."""
    from .messages import BundleHeaderProto

    header = BundleHeaderProto(num_shards=shards, endianness=_LITTLE_ENDIAN)
    header.version.producer = _VERSION
    items = [(_HEADER_KEY, header.SerializeToString())]
    items += [(key, _serialized(entries[key])) for key in sorted(entries)]
    table, directory = write_table(items), os.path.dirname(prefix)
    with Temporary(index_path(prefix)) as index:
        index.file.write(table)
        index.sync()
        announce = before_index.calls.get(prefix)
        if announce is not None:
            announce(table)
        sync_directory(directory)
        index.place()
    sync_directory(directory)


def _serialized(entry):
    return entry if type(entry) is bytes else entry.SerializeToString(deterministic=True)


def _data_files(prefix):
    directory, base = os.path.split(local_path(prefix))
    is_data = re.compile(re.escape(base) + r"\.data-\d{5}-of-\d{5}").fullmatch
    try:
        names = os.listdir(directory or ".")
    except OSError:
        return []
    return [os.path.join(directory, name) for name in names if is_data(name)]


# --- reading --------------------------------------------------------------------------------------------


class _DataFiles:
    """The data files of a checkpoint, each opened when it is first read and closed with all others."""

    def __init__(self, prefix, shards, at_once=False):
        self._prefix, self._shards, self._at_once = prefix, shards, at_once
        self.opened = {}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for file, *_ in self.opened.values():
            file.close()

    def open(self, shard):
        """Opens one: (file, its size, its path, its bytes where it is small and much is read of it, else None)."""
        path = data_path(self._prefix, shard, self._shards)
        with translated(path):
            file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed with the others
            size = os.fstat(file.fileno()).st_size
            content = os.pread(file.fileno(), size, 0) if self._at_once and size <= _SMALL_FILE else None
        self.opened[shard] = file, size, path, content
        return self.opened[shard]


def _no_checkpoint(prefix, directory):
    """The error of reading a checkpoint that is not there; another one, as in TensorFlow, where its directory is not."""
    text = "Unsuccessful TensorSliceReader constructor: Failed to"
    if directory and not os.path.isdir(directory):
        text = f"{text} get matching files on {prefix}: Not found: {directory}; No such file or directory"
        return errors.InvalidArgumentError(None, None, text)
    return errors.NotFoundError(None, None, f"{text} find any matching files for {prefix}")


class BundleReader:
    """Reads tensors of a checkpoint by name.

    Args:
      prefix: the path without the files' endings.

    Attributes:
      shards: the number of data files.
      entries: index key -> `BundleEntryProto`.

    Raises:
      NotFoundError: where there is no such checkpoint.
      InvalidArgumentError: where its directory is not there either.
      DataLossError: where its index is corrupt.
    """

    def __init__(self, prefix):
        from .messages import BundleEntryProto, BundleHeaderProto

        self.prefix = os.fsdecode(prefix)
        path = index_path(self.prefix)
        if not os.path.isfile(path):
            raise _no_checkpoint(self.prefix, os.path.dirname(path))
        with translated(path), open(path, "rb") as file:
            items = read_table(file.read(), path)
        if not items or items[0][0] != _HEADER_KEY:
            raise errors.DataLossError(None, None, f"{path}: the index has no header")
        header = _parsed(BundleHeaderProto, items[0][1], path)
        if header.endianness != _LITTLE_ENDIAN:
            raise errors.UnimplementedError(None, None, f"{path}: the checkpoint has big-endian numbers")
        self.shards = header.num_shards
        self._last_shard = max(self.shards, 1) - 1
        self._dtypes = {}  # number in an entry -> DType, of those that have come
        self._numpy_dtypes = {}  # and NumPy's of each
        self.entries = dict(_parsed_items(BundleEntryProto, items[1:], path))
        self._shapes = {}  # the bytes of a shape in an entry -> its sizes, of those that have come: most have come before
        self._names = {
            key.decode(errors="surrogateescape"): entry for key, entry in self.entries.items() if key[:1] != b"\0"
        }

    def names(self):
        """The tensors' names, sorted."""
        return sorted(self._names)

    def parts(self):
        """(key, type, shape) of what the data files hold, in the index's order: whole tensors, and slices, whose keys are no names."""
        for key, entry in self.entries.items():
            if not entry.slices:
                yield key, self._dtype_of(key, entry), self._shape_of(key, entry)

    def __contains__(self, name):
        return name in self._names

    def _entry(self, name):
        entry = self._names.get(name)
        if entry is None:
            raise errors.NotFoundError(None, None, f"Key {name} not found in checkpoint")
        return entry

    def dtype(self, name):
        entry = self._names.get(name)
        if entry is None:
            entry = self._entry(name)
        return self._dtypes.get(entry.dtype) or self._new_dtype_of(name, entry)

    def shape(self, name):
        """A tensor's sizes, a tuple."""
        return self._shape_of(name, self._entry(name))

    def _corrupt(self, name, what):
        return errors.DataLossError(None, None, f"{self.prefix}: {what} of {name!r} in the index is corrupt")

    def _dtype_of(self, name, entry):
        return self._dtypes.get(entry.dtype) or self._new_dtype_of(name, entry)

    def _new_dtype_of(self, name, entry):
        try:
            dtype = as_dtype(entry.dtype)
        except TypeError:
            raise self._corrupt(name, f"the type {entry.dtype}") from None
        if dtype._is_ref_dtype or (dtype.name != "string" and np.dtype(dtype.as_numpy_dtype).hasobject):
            raise self._corrupt(name, f"the type {dtype.name}")
        self._dtypes[entry.dtype] = dtype
        self._numpy_dtypes[dtype] = np.dtype(dtype.as_numpy_dtype)
        return dtype

    def shapes(self):
        """Name -> sizes, a tuple, of all tensors, sorted by name."""
        known = self._shapes
        return {
            name: known.get(entry.shape.SerializeToString()) or self._shape_of(name, entry)
            for name, entry in sorted(self._names.items())
        }

    def _shape_of(self, name, entry):
        written = entry.shape.SerializeToString()
        shape = self._shapes.get(written)
        return self._new_shape_of(name, entry, written) if shape is None else shape

    def _new_shape_of(self, name, entry, written):
        shape = tuple([dim.size for dim in entry.shape.dim])
        # NumPy counts the sizes beside one of 0, too.
        if shape and (min(shape) < 0 or len(shape) > 64 or math.prod([size or 1 for size in shape]) >= 1 << 59):
            raise self._corrupt(name, f"the shape {list(shape)}")
        self._shapes[written] = shape
        return shape

    def read(self, name, partition=None):
        """A tensor, or a slice of it.

        Args:
          name: its name.
          partition: None, or (shape, extents) as `slices.parse` gives it.

        Raises:
          NotFoundError: where the checkpoint has no such tensor.
          InvalidArgumentError: where the slice is one of another shape.
          DataLossError: where the bytes are not there, or their checksum does not fit.
        """
        return self.read_all([(name, partition)])[0]

    def read_all(self, wanted, count=1):
        """A list of so many tensors and slices, for the (name, partition) of each: their files are opened once."""
        with _DataFiles(self.prefix, self.shards, count > _FEW) as files:
            return [self._read(files, name, partition) for name, partition in wanted]

    def _read(self, files, name, partition):
        entry = self._names.get(name)
        if entry is None:
            entry = self._entry(name)
        shape = self._shape_of(name, entry)
        if partition is not None and tuple(partition[0]) != shape:
            raise errors.InvalidArgumentError(
                None,
                None,
                f"expected a slice of {name!r} with shape {list(shape)}, got one of shape {list(partition[0])}",
            )
        if entry.slices:
            return self._assemble(files, name, entry, partition)
        whole = self._load(files, name, entry, shape)
        return whole if partition is None else whole[slices.ranges(*partition)]

    def _assemble(self, files, name, entry, partition):
        """The slices of a tensor put together: as much of it as is asked for."""
        shape, dtype = self._shape_of(name, entry), self._dtype_of(name, entry)
        if math.prod(shape) > self._bytes_of_data():  # every element takes a byte or more
            for shard in range(self._last_shard + 1):
                files.open(shard)  # raises where it is missing
            raise self._corrupt(name, f"the shape {list(shape)}")
        wanted = slices.ranges(*partition) if partition is not None else tuple(slice(0, size) for size in shape)
        out = np.zeros([w.stop - w.start for w in wanted], dtype.as_numpy_dtype)
        filled = 0
        for item in entry.slices:
            extents = [(e.start, e.length if e.WhichOneof("has_length") else slices.FULL) for e in item.extent]
            if not slices.lies_within(shape, extents):
                raise self._corrupt(name, "a slice")
            part = slices.ranges(shape, extents)
            common = [(max(p.start, w.start), min(p.stop, w.stop)) for p, w in zip(part, wanted)]
            if any(begin >= end for begin, end in common):
                continue
            found = self.entries.get(slices.key(name.encode(errors="surrogateescape"), extents))
            if found is None:
                raise errors.DataLossError(None, None, f"{self.prefix}: a slice of {name!r} is missing")
            source = tuple(slice(b - p.start, e - p.start) for (b, e), p in zip(common, part))
            target = tuple(slice(b - w.start, e - w.start) for (b, e), w in zip(common, wanted))
            values = self._load(files, name, found, self._shape_of(name, found))
            if values.shape != tuple([p.stop - p.start for p in part]) or values.dtype != out.dtype:
                raise self._corrupt(name, "a slice")
            out[target] = values[source]
            filled += out[target].size
        if filled != out.size:
            raise errors.DataLossError(
                None, None, f"{self.prefix}: the slices of {name!r} do not fill its shape {list(shape)}"
            )
        return out

    def _bytes_of_data(self):
        return sum(os.path.getsize(path) for path in _data_files(self.prefix))

    def _load(self, files, name, entry, shape):
        shard, offset, size = entry.shard_id, entry.offset, entry.size
        dtype = self._dtypes.get(entry.dtype) or self._new_dtype_of(name, entry)
        if not 0 <= shard <= self._last_shard or offset < 0 or size < 0:
            raise errors.DataLossError(None, None, f"{self.prefix}: the index entry of {name!r} is corrupt")
        file, end, path, content = files.opened.get(shard) or files.open(shard)
        if offset + size > end:
            raise errors.DataLossError(
                None, None,
                f"{path}: expected {size} bytes of {name!r} at {offset}, but the file ends at {end}",
            )  # fmt: skip
        try:
            data = _bytes_of(file, offset, size) if content is None else content[offset : offset + size]
        except OSError:
            with translated(path):
                raise
        numpy_dtype = self._numpy_dtypes[dtype]
        if numpy_dtype.hasobject:  # texts: no other type of a checkpoint has objects
            return self._strings(name, entry, data if isinstance(data, bytes) else data.tobytes(), shape)
        if checksum.masked(data) != entry.crc32c:
            raise errors.DataLossError(None, None, f"{path}: the checksum of {name!r} does not fit")
        if len(data) != math.prod(shape) * numpy_dtype.itemsize:
            raise errors.DataLossError(
                None, None, f"{path}: {len(data)} bytes of {name!r} do not make {dtype.name}{list(shape)}"
            )
        if isinstance(data, bytes):
            return np.ndarray(shape, numpy_dtype, bytearray(data))
        return data.view(numpy_dtype).reshape(shape)

    def _strings(self, name, entry, data, shape):
        count = math.prod(shape)
        try:
            lengths, at = _lengths(data, count)
        except errors.DataLossError as error:
            raise errors.DataLossError(None, None, f"{self.prefix}: {name!r}: {error.message}") from None
        if sum(lengths) > len(data):
            raise errors.DataLossError(None, None, f"{self.prefix}: the texts of {name!r} are longer than its bytes")
        if max(lengths, default=0) < 1 << 32:
            crc = checksum.extend(0, struct.pack(f"<{count}I", *lengths))
        else:
            crc = checksum.extend(0, b"".join(struct.pack("<I" if n < 1 << 32 else "<Q", n) for n in lengths))
        of_lengths, joined = data[at : at + 4], data[at + 4 :]
        fits = of_lengths == struct.pack("<I", checksum.mask(crc)) and len(joined) == sum(lengths)
        if not fits or checksum.mask(checksum.extend(checksum.extend(crc, of_lengths), joined)) != entry.crc32c:
            raise errors.DataLossError(None, None, f"{self.prefix}: the checksum of {name!r} does not fit")
        ends = itertools.accumulate(lengths)
        texts = (joined[end - length : end] for length, end in zip(lengths, ends))
        return np.fromiter(texts, object, count).reshape(shape)


def _bytes_of(file, offset, size):
    """Bytes of a file; an array of them where they are many. What a file that became shorter does not have is missing, or 0."""
    if size <= _SMALL:
        return os.pread(file.fileno(), size, offset)
    data = np.zeros(size, np.uint8)
    file.seek(offset)
    rest = memoryview(data)
    while rest:
        count = file.readinto(rest)
        if not count:
            break
        rest = rest[count:]
    return data


def _lengths(data, count):
    """The numbers at the beginning of some bytes as a list, and the offset behind them."""
    head = data[:count]
    if len(head) == count and max(head, default=0) < 0x80:  # a byte each
        return list(head), count
    at, lengths = 0, []
    for _ in range(count):
        length, at = decode_varint(data, at)
        lengths.append(length)
    return lengths, at


def _parsed(cls, data, path):
    return _parsed_items(cls, [(None, data)], path)[0][1]


def _parsed_items(cls, items, path):
    """(key, message) for the (key, bytes) of each."""
    from google.protobuf.message import DecodeError

    parse = cls.FromString
    try:
        return [(key, parse(data)) for key, data in items]
    except DecodeError:
        raise errors.DataLossError(None, None, f"{path}: an entry of the index is corrupt") from None


__all__ = ["BundleReader", "before_index", "data_path", "exists", "index_path", "merge", "remove", "write"]
