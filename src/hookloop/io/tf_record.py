"""Files of records as `tf.python_io` and `tf.io` read and write them, compressed or not."""

from __future__ import annotations

import struct
import zlib

from ..errors import DataLossError, FailedPreconditionError
from ..files import checksum
from ..files.os_errors import translated
from ..files.paths import local_path
from ..files.records import read_records, records_of

__all__ = ["TFRecordCompressionType", "TFRecordOptions", "TFRecordWriter", "tf_record_iterator"]

_PIECE = 1 << 18


class TFRecordCompressionType:
    """How files of records are compressed."""

    NONE = 0
    ZLIB = 1
    GZIP = 2


class TFRecordOptions:
    """How a file of records is compressed.

    Args:
      compression_type: "GZIP", "ZLIB", "" or a `TFRecordCompressionType`; None for none.
      flush_mode, input_buffer_size, output_buffer_size: accepted.
      window_bits, compression_level, compression_method, mem_level, compression_strategy: as in `zlib.compressobj`.

    Raises:
      ValueError: for another type.
    """

    compression_type_map = {
        TFRecordCompressionType.ZLIB: "ZLIB", TFRecordCompressionType.GZIP: "GZIP", TFRecordCompressionType.NONE: "",
    }  # fmt: skip

    def __init__(self, compression_type=None, flush_mode=None, input_buffer_size=None, output_buffer_size=None,
                 window_bits=None, compression_level=None, compression_method=None, mem_level=None,
                 compression_strategy=None):  # fmt: skip
        self.get_compression_type_string(compression_type)
        self.compression_type = compression_type
        self.flush_mode = flush_mode
        self.input_buffer_size = input_buffer_size
        self.output_buffer_size = output_buffer_size
        self.window_bits = window_bits
        self.compression_level = compression_level
        self.compression_method = compression_method
        self.mem_level = mem_level
        self.compression_strategy = compression_strategy

    @classmethod
    def get_compression_type_string(cls, options):
        """ "GZIP", "ZLIB" or "": what options, a type or its name stand for."""
        if not options:
            return ""
        if isinstance(options, TFRecordOptions):
            return cls.get_compression_type_string(options.compression_type)
        if options in cls.compression_type_map:
            return cls.compression_type_map[options]
        if options in cls.compression_type_map.values():
            return options
        raise ValueError(f'Not a valid compression_type: "{options}"')

    def _compressor(self):
        given = {
            "level": self.compression_level, "method": self.compression_method, "memLevel": self.mem_level,
            "strategy": self.compression_strategy,
        }  # fmt: skip
        given = {name: value for name, value in given.items() if value is not None}
        return zlib.compressobj(wbits=_window_bits(self.get_compression_type_string(self), self.window_bits), **given)


def _window_bits(kind, window_bits=None):
    """As zlib wants them: 16 more stand for gzip's header."""
    bits = 15 if window_bits is None else window_bits
    return bits + 16 if kind == "GZIP" and 0 < bits < 16 else bits


class TFRecordWriter:
    """Writes records to a file; a context manager.

    Args:
      path: the file.
      options: a `TFRecordOptions`, a `TFRecordCompressionType` or its name.

    Raises:
      OpError: where the file cannot be written.
      ValueError: for another kind of compression.
    """

    def __init__(self, path, options=None):
        if not isinstance(options, TFRecordOptions):
            options = TFRecordOptions(compression_type=options)
        compressed = options.get_compression_type_string(options)
        self._compressor = options._compressor() if compressed else None
        self._path = local_path(path)
        with translated(self._path):
            self._file = open(self._path, "wb")  # noqa: SIM115 - closed by close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def write(self, record):
        """Appends a record.

        Args:
          record: bytes.

        Raises:
          TypeError: for anything else.
          FailedPreconditionError: once the writer is closed.
        """
        if not isinstance(record, bytes):
            raise TypeError(f"expected bytes, {type(record).__name__} found")
        self._check()
        head = struct.pack("<Q", len(record))
        self._put(head + struct.pack("<I", checksum.masked(head)))
        self._put(record)
        self._put(struct.pack("<I", checksum.masked(record)))

    def flush(self):
        """Hands what was written to the operating system."""
        self._check()
        with translated(self._path):
            if self._compressor is not None:
                self._file.write(self._compressor.flush(zlib.Z_SYNC_FLUSH))
            self._file.flush()

    def close(self):
        """Ends the file."""
        if self._file is None:
            return
        file, self._file = self._file, None
        with translated(self._path), file:
            if self._compressor is not None:
                file.write(self._compressor.flush())

    def _check(self):
        if self._file is None:
            raise FailedPreconditionError(None, None, "Writer not initialized or previously closed")

    def _put(self, data):
        with translated(self._path):
            self._file.write(data if self._compressor is None else self._compressor.compress(data))


def tf_record_iterator(path, options=None):
    """Yields the records of a file, as bytes.

    Args:
      path: the file.
      options: as in `TFRecordWriter`.

    Raises:
      OpError: where the file cannot be read, or is none of records.
    """
    kind = TFRecordOptions.get_compression_type_string(options)
    path = local_path(path)
    if not kind:
        yield from read_records(path)
        return
    bits = _window_bits(kind, getattr(options, "window_bits", None))
    with translated(path), open(path, "rb") as file:
        yield from records_of(_Inflated(file, path, bits), path)


class _Inflated:
    """A file's content, decompressed as it is read.

    Raises:
      DataLossError: where it is not compressed so.
    """

    def __init__(self, file, path, window_bits):
        self._file, self._path = file, path
        self._inflate = zlib.decompressobj(wbits=window_bits)
        self._ready = b""

    def read(self, size):
        parts, wanted = [self._ready[:size]], size - len(self._ready)
        self._ready = self._ready[size:]
        while wanted > 0 and not self._inflate.eof:
            data = self._inflate.unconsumed_tail or self._file.read(_PIECE)
            try:
                piece = self._inflate.decompress(data, max(wanted, _PIECE)) if data else self._inflate.flush()
            except zlib.error as error:
                raise DataLossError(None, None, f"{self._path}: inflate() failed: {error}") from None
            parts.append(piece[:wanted])
            self._ready = piece[wanted:]
            wanted -= len(piece)
            if not data:
                break
        return b"".join(parts)
