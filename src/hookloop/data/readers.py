"""Datasets of what is in files: lines, records, records of one length, names of files."""

from __future__ import annotations

import io
import os
import zlib
from functools import partial

import numpy as np

from .. import dtypes
from ..errors import DataLossError, InvalidArgumentError
from ..files.os_errors import translated
from ..files.paths import local_path
from ..files.records import records_of
from ..graph.graph_def import Function
from ..graph.scopes import control_dependencies, name_scope
from ..ops.build import apply_op, convert_to_tensor
from . import ops
from .dataset import Dataset, DatasetV1Adapter, _scalar, interleaved_in_parallel
from .function import trace
from .pipeline import DatasetState
from .structure import TensorLeaf

__all__ = ["FixedLengthRecordDataset", "TFRecordDataset", "TextLineDataset", "list_files"]

_TEXT = TensorLeaf(dtypes.string, [])
_BUFFER = 256 * 1024
_PIECE = 1 << 16


# --- public classes -------------------------------------------------------------------------------------


class _FilesDataset(DatasetV1Adapter):
    """The elements of several files, one after the other, or of `parallel` of them in turn."""

    def __init__(self, filenames, read_one_file, parallel):
        names = _names(filenames)
        traced = trace(read_one_file, _TEXT, "flat_map" if parallel is None else "parallel_interleave")
        if parallel is None:
            dataset = names._derived("FlatMapDataset", [traced.captures], _TEXT, {"f": Function.named(traced.name)})
        else:
            dataset = interleaved_in_parallel(names, traced, _TEXT, parallel)
        super().__init__(dataset._variant_tensor, _TEXT, names._options)


class TextLineDataset(_FilesDataset):
    """The lines of text files, without their ends.

    Args:
      filenames: a string or strings, or a `Dataset` of strings.
      compression_type: "GZIP", "ZLIB" or "".
      buffer_size: accepted.
      num_parallel_reads: of how many files lines are taken in turn; by default one file comes after the other.

    Raises:
      TypeError: where `filenames` is a dataset of something else than string scalars.
    """

    def __init__(self, filenames, compression_type=None, buffer_size=None, num_parallel_reads=None):
        def read_one_file(filename):
            return _source("TextLineDataset", [filename, _compression(compression_type), _buffer(buffer_size)])

        super().__init__(filenames, read_one_file, num_parallel_reads)


class TFRecordDataset(_FilesDataset):
    """The records of TFRecord files, as strings.

    Args:
      filenames: a string or strings, or a `Dataset` of strings.
      compression_type: "GZIP", "ZLIB" or "".
      buffer_size: accepted.
      num_parallel_reads: of how many files records are taken in turn; by default one file comes after the other.

    Raises:
      TypeError: where `filenames` is a dataset of something else than string scalars.
    """

    def __init__(self, filenames, compression_type=None, buffer_size=None, num_parallel_reads=None):
        def read_one_file(filename):
            return _source("TFRecordDataset", [filename, _compression(compression_type), _buffer(buffer_size)])

        super().__init__(filenames, read_one_file, num_parallel_reads)


class FixedLengthRecordDataset(_FilesDataset):
    """Records of one length, as strings.

    Args:
      filenames: a string or strings, or a `Dataset` of strings.
      record_bytes: the length of a record.
      header_bytes, footer_bytes: what is left out at the beginning and at the end of each file; 0 by default.
      buffer_size: accepted.
      compression_type: "GZIP", "ZLIB" or "".
      num_parallel_reads: of how many files records are taken in turn; by default one file comes after the other.

    Raises:
      TypeError: where `filenames` is a dataset of something else than string scalars.
    """

    def __init__(self, filenames, record_bytes, header_bytes=None, footer_bytes=None, buffer_size=None,
                 compression_type=None, num_parallel_reads=None):  # fmt: skip
        def read_one_file(filename):
            record = _scalar(record_bytes, "record_bytes")
            header, footer = _scalar(header_bytes or 0, "header_bytes"), _scalar(footer_bytes or 0, "footer_bytes")
            inputs = [filename, header, record, footer, _buffer(buffer_size), _compression(compression_type)]
            return _source("FixedLengthRecordDatasetV2", inputs)

        super().__init__(filenames, read_one_file, num_parallel_reads)


def list_files(file_pattern, shuffle=None, seed=None):
    """What `Dataset.list_files` gives."""
    from ..ops.array import shape
    from ..ops.core import identity
    from ..ops.math import greater, maximum
    from ..ops.printing import Assert
    from ..ops.strings import reduce_join

    with name_scope("list_files"):
        shuffle = True if shuffle is None else shuffle
        file_pattern = convert_to_tensor(file_pattern, dtypes.string, name="file_pattern")
        matching = apply_op("MatchingFiles", [file_pattern])
        condition = greater(shape(matching)[0], 0, name="match_not_empty")
        message = apply_op(
            "Add", ["No files matched pattern: ", reduce_join(file_pattern, separator=", ")], name="message"
        )
        with control_dependencies([Assert(condition, [message], summarize=1, name="assert_not_empty")]):
            matching = identity(matching)
        dataset = Dataset.from_tensor_slices(matching)
        if shuffle:
            count = maximum(shape(matching, out_type=dtypes.int64)[0], 1)
            dataset = dataset.shuffle(count, seed=seed)
        return dataset


def _names(filenames):
    if not isinstance(filenames, Dataset):
        from ..ops.array import reshape

        filenames = convert_to_tensor(filenames, dtypes.string)
        return Dataset.from_tensor_slices(reshape(filenames, [-1], name="flat_filenames"))
    if filenames.output_types is not dtypes.string:
        raise TypeError("`filenames` must be a `tf.data.Dataset` of `tf.string` elements.")
    if not filenames.output_shapes.is_compatible_with([]):
        raise TypeError("`filenames` must be a `tf.data.Dataset` of scalar `tf.string` elements.")
    return filenames


def _source(type, inputs):
    return DatasetV1Adapter(apply_op(type, inputs), _TEXT)


def _compression(value):
    return convert_to_tensor("" if value is None else value, dtypes.string, name="compression_type")


def _buffer(value):
    return _scalar(_BUFFER if value is None else value, "buffer_size")


# --- what they do ---------------------------------------------------------------------------------------


class _Contents:
    """The elements that are read from files, one after the other.

    Behind what is damaged nothing is read, but the next file is. A file that is not there may be there later.

    Args:
      paths: the files' names.
      read: function(path) that yields bytes.
    """

    def __init__(self, paths, read):
        self._paths = [local_path(path) for path in paths]
        self._read = read
        self._current = None

    def __iter__(self):
        return self

    def __next__(self):
        while self._paths:
            if self._current is None:
                self._current = self._read(self._paths[0])
            try:
                for value in self._current:
                    return (np.array(value, object),)
            except Exception as error:
                self._current = None
                if isinstance(error, DataLossError):
                    self._paths.pop(0)
                raise
            self._current = None
            self._paths.pop(0)
        raise StopIteration


def _contents(place, sources, paths, read):
    return _Contents(paths, read)


def _opened(path, compression):
    """A file to be read, uncompressed.

    Raises:
      NotFoundError: there is none.
    """
    if compression in ("GZIP", "ZLIB"):
        return io.BufferedReader(_Inflated(open(path, "rb"), path, 31 if compression == "GZIP" else 15))
    return open(path, "rb", buffering=_BUFFER)


class _Inflated(io.RawIOBase):
    """The content of a compressed file; a file of GZIP may have several parts."""

    def __init__(self, file, path, window_bits):
        self._file = file
        self._path = path
        self._window_bits = window_bits
        self._inflate = zlib.decompressobj(window_bits)
        self._waiting = b""

    def readable(self):
        return True

    def readinto(self, buffer):
        while True:
            if self._inflate.eof:
                self._waiting = self._waiting or self._inflate.unused_data
                self._inflate = zlib.decompressobj(self._window_bits)
            piece = self._waiting or self._file.read(_PIECE)
            if not piece:
                return 0
            try:
                found = self._inflate.decompress(piece, len(buffer))
            except zlib.error as error:
                raise DataLossError(None, None, f"{self._path}: {error}") from None
            self._waiting = self._inflate.unconsumed_tail
            if found:
                buffer[: len(found)] = found
                return len(found)

    def close(self):
        self._file.close()
        super().close()


def _lines(compression):
    def read(path):
        with translated(path), _opened(path, compression) as file:
            for line in file:
                text = line.rstrip(b"\n").replace(b"\r", b"")
                if text or line.endswith(b"\n"):  # what follows the last end of a line is one where it has characters
                    yield text

    return read


def _records(compression):
    def read(path):
        with translated(path), _opened(path, compression) as file:
            yield from records_of(file, path)

    return read


def _pieces(header, size, footer, compression):
    def read(path):
        with translated(path), _opened(path, compression) as file:
            if compression:
                content = file.read()
                file = io.BytesIO(content)
                length = len(content)
            else:
                length = os.fstat(file.fileno()).st_size
            body = length - header - footer
            if body < 0:
                raise InvalidArgumentError(
                    None, None,
                    f'The input file "{path}" has {length} bytes, fewer than a header of {header} and a footer of {footer} '
                    "bytes together.",
                )  # fmt: skip
            if body % size:
                raise InvalidArgumentError(
                    None, None,
                    f'Excluding the header ({header} bytes) and footer ({footer} bytes), input file "{path}" has '
                    f"body length {body} bytes, which is not an exact multiple of the record length ({size} bytes).",
                )  # fmt: skip
            file.seek(header)
            for _ in range(body // size):
                yield file.read(size)

    return read


def _of_files(names, make, compression, buffer_size):
    compression = compression.item().decode()
    if compression not in ("", "GZIP", "ZLIB"):
        raise ValueError("Unsupported compression_type.")
    if buffer_size.item() < 0:
        raise ValueError("`buffer_size` must be >= 0 (0 == default)")
    if names.ndim > 1:
        raise ValueError("`filenames` must be a scalar or a vector.")
    return DatasetState(_contents, (), names.ravel().tolist(), make(compression))


def _run_fixed(call, names, header, size, footer, buffer_size, compression):
    for name, value in (("header_bytes", header), ("footer_bytes", footer)):
        if value.item() < 0:
            raise ValueError(f"`{name}` must be >= 0")
    if size.item() <= 0:
        raise ValueError("`record_bytes` must be > 0")
    return _of_files(names, partial(_pieces, header.item(), size.item(), footer.item()), compression, buffer_size)


def _run_text(call, names, compression, buffer_size):
    return _of_files(names, _lines, compression, buffer_size)


def _run_records(call, names, compression, buffer_size):
    return _of_files(names, _records, compression, buffer_size)


ops.register(
    ops.file_op("TextLineDataset", "filenames: string, compression_type: string, buffer_size: int64", _run_text),
    ops.file_op("TFRecordDataset", "filenames: string, compression_type: string, buffer_size: int64", _run_records),
    ops.file_op("FixedLengthRecordDatasetV2",
                "filenames: string, header_bytes: int64, record_bytes: int64, footer_bytes: int64, buffer_size: int64, "
                "compression_type: string", _run_fixed),
)  # fmt: skip
