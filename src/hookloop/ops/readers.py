"""Readers: records of the files that a queue names, one after the other, by the threads of a session. They run in Python."""

from __future__ import annotations

import gzip
import io
import os
import threading
import zlib
from collections import namedtuple
from pathlib import Path

import numpy as np

from .. import dtypes, errors
from ..files.paths import local_path
from ..files.records import records_of
from ..shapes import UNKNOWN
from .build import apply_op
from .registry import OpDef, no_gradient, register
from .shape_functions import nothing, scalar

__all__ = [
    "FixedLengthRecordReader", "IdentityReader", "ReaderBase", "TFRecordReader", "TextLineReader", "WholeFileReader",
]  # fmt: skip

_Read = namedtuple("ReaderReadV2", ["key", "value"])
_ReadUpTo = namedtuple("ReaderReadUpToV2", ["keys", "values"])
_RECORD_FRAME = 16  # bytes of a record's length and checksums


# --- the records of one file ---------------------------------------------------------------------------------------


def _lines(op, path):
    with open(local_path(path), "rb") as file:
        for number, line in enumerate(file, 1):
            if number > op.get_attr("skip_header_lines"):
                yield b"%s:%d" % (path, number), line.rstrip(b"\n").removesuffix(b"\r")


def _whole(op, path):
    with open(local_path(path), "rb") as file:
        yield path, file.read()


def _same(op, path):
    yield path, path


def _opened(path, compression):
    if compression == b"GZIP":
        return gzip.open(local_path(path), "rb")
    if compression == b"ZLIB":
        return io.BytesIO(zlib.decompress(Path(local_path(path)).read_bytes()))
    return open(local_path(path), "rb")


def _tf_records(op, path):
    at = 0
    with _opened(path, op.get_attr("compression_type")) as file:
        for record in records_of(file, os.fsdecode(path)):
            yield b"%s:%d" % (path, at), record
            at += len(record) + _RECORD_FRAME


def _fixed(op, path):
    size, hop = op.get_attr("record_bytes"), op.get_attr("hop_bytes") or op.get_attr("record_bytes")
    with _opened(path, op.get_attr("encoding")) as file:
        content = file.read()
    at, end, number = op.get_attr("header_bytes"), len(content) - op.get_attr("footer_bytes"), 0
    while at + size <= end:
        yield b"%s:%d" % (path, number), content[at : at + size]
        at, number = at + hop, number + 1


# --- a reader of a session -----------------------------------------------------------------------------------------


class _Reader:
    """The state of a reader: the file it is at, and what it has counted."""

    def __init__(self, op, records, kind):
        self.name = op.name
        self.kind = kind
        self._op = op
        self._records = records
        self._lock = threading.Lock()
        self.reset()

    def reset(self):
        self.produced = self.completed = 0
        self._at = None  # the records of the file that is open

    def close_session(self):
        self._at = None

    def next(self, call, queue, most=1):
        """The next record, and more of them while the file has some: a list of (key, value)."""
        with self._lock:
            found = []
            while len(found) < most:
                if self._at is None:
                    if found:
                        break
                    self._at = self._records(self._op, self._next_work(call, queue))
                try:
                    record = next(self._at, None)
                except OSError as error:
                    self._at = None
                    raise self._named(error) from None
                except (zlib.error, EOFError, errors.OpError):
                    self._at = None
                    raise
                if record is None:
                    self._at = None
                    self.completed += 1
                else:
                    self.produced += 1
                    found.append(record)
            return found

    @staticmethod
    def _next_work(call, queue):
        if [t.base_dtype for t in queue.types] != [dtypes.string]:
            raise errors.InvalidArgumentError(None, None, "Expected queue with single string component")
        ((work,),) = queue.dequeue(call, 1)
        return np.asarray(work).item()

    @staticmethod
    def _named(error):
        kind = errors.NotFoundError if isinstance(error, FileNotFoundError) else errors.FailedPreconditionError
        return kind(None, None, f"{os.fsdecode(error.filename or b'')}; {error.strerror}")

    def serialize(self):
        if self.kind != "IdentityReader":
            raise errors.UnimplementedError(None, None, "Reader SerializeState")
        return b"%d %d" % (self.produced, self.completed)

    def restore(self, state):
        if self.kind != "IdentityReader":
            raise errors.UnimplementedError(None, None, "Reader RestoreState")
        try:
            produced, completed = map(int, state.split(b" "))
        except ValueError:
            text = f"Could not parse state for {self.kind} '{self.name}': {state.decode(errors='replace')}"
            raise errors.InvalidArgumentError(None, None, text) from None
        self.reset()
        self.produced, self.completed = produced, completed


def _maker(kind, records):
    def run(call):
        key = ("reader", call.attr("shared_name") or call.op_name)
        found = call.resource_state.get(key)
        return found or call.resource_state.setdefault(key, _Reader(call.op, records, kind))

    return run


def _reader_op(kind, records, **attrs):
    return OpDef(kind + "V2", "", "reader_handle: resource", attrs={"container": b"", "shared_name": b"", **attrs}, shape=scalar,
                 host=_maker(kind, records), stateful=True, gradient=no_gradient)  # fmt: skip


def _use(name, inputs, outputs, host, shape):
    return OpDef(name, inputs, outputs, host=host, shape=shape, stateful=True, gradient=no_gradient)


def _run_read(call, reader, queue):
    ((key, value),) = reader.next(call, queue)
    return [_text(key), _text(value)]


def _run_read_up_to(call, reader, queue, most):
    if int(most) <= 0:
        raise ValueError(f"num_records must be positive, got {int(most)}")
    found = reader.next(call, queue, int(most))
    return [np.array([*column, None], object)[:-1] for column in zip(*found)]


def _text(value):
    found = np.empty((), object)
    found[()] = value
    return found


def _run_reset(call, reader):
    reader.reset()
    return ()


def _run_restore(call, reader, state):
    reader.restore(state.item())
    return ()


register(
    _reader_op("TextLineReader", _lines, skip_header_lines=0), _reader_op("WholeFileReader", _whole),
    _reader_op("IdentityReader", _same), _reader_op("TFRecordReader", _tf_records, compression_type=b""),
    _reader_op("FixedLengthRecordReader", _fixed, header_bytes=0, record_bytes=None, footer_bytes=0, hop_bytes=0, encoding=b""),
    _use("ReaderReadV2", "reader_handle: resource, queue_handle: resource", "key: string, value: string", _run_read, scalar),
    _use("ReaderReadUpToV2", "reader_handle: resource, queue_handle: resource, num_records: int64", "keys: string, values: string",
         _run_read_up_to, lambda c: [(UNKNOWN,), (UNKNOWN,)]),
    _use("ReaderNumRecordsProducedV2", "reader_handle: resource", "records_produced: int64",
         lambda call, reader: np.int64(reader.produced), scalar),
    _use("ReaderNumWorkUnitsCompletedV2", "reader_handle: resource", "units_completed: int64",
         lambda call, reader: np.int64(reader.completed), scalar),
    _use("ReaderSerializeStateV2", "reader_handle: resource", "state: string", lambda call, reader: _text(reader.serialize()), scalar),
    _use("ReaderRestoreStateV2", "reader_handle: resource, state: string", "", _run_restore, nothing),
    _use("ReaderResetV2", "reader_handle: resource", "", _run_reset, nothing),
)  # fmt: skip


# --- public classes -----------------------------------------------------------------------------------------------


class ReaderBase:
    """What all readers share: records of the files whose names a queue gives.

    Args:
      reader_ref: the tensor that stands for the reader.
      supports_serialize: whether its state can be saved.
    """

    def __init__(self, reader_ref, supports_serialize=False):
        self._reader_ref = reader_ref
        self._supports_serialize = supports_serialize

    @property
    def reader_ref(self):
        """The tensor that stands for the reader."""
        return self._reader_ref

    @property
    def supports_serialize(self):
        """Whether its state can be saved."""
        return self._supports_serialize

    def _use(self, type, *inputs, name=None):
        return apply_op(type, [self._reader_ref, *inputs], name=name)

    def read(self, queue, name=None):
        """The next record: (key, value). Where a file ends, the next one's name is taken from the queue.

        Args:
          queue: a queue of strings, or the tensor that stands for one.
          name: the node's name.
        """
        return _Read(*self._use("ReaderReadV2", getattr(queue, "queue_ref", queue), name=name))

    def read_up_to(self, queue, num_records, name=None):
        """The next records of one file, at most `num_records`: (keys, values). See `read`."""
        queue = getattr(queue, "queue_ref", queue)
        return _ReadUpTo(*self._use("ReaderReadUpToV2", queue, num_records, name=name))

    def num_records_produced(self, name=None):
        """How many records were read, an int64 scalar."""
        return self._use("ReaderNumRecordsProducedV2", name=name)

    def num_work_units_completed(self, name=None):
        """How many files were read to their end, an int64 scalar."""
        return self._use("ReaderNumWorkUnitsCompletedV2", name=name)

    def serialize_state(self, name=None):
        """The reader's state as a string; readers of files have none."""
        return self._use("ReaderSerializeStateV2", name=name)

    def restore_state(self, state, name=None):
        """An operation that sets the reader back to a state that `serialize_state` gave."""
        return self._use("ReaderRestoreStateV2", state, name=name)

    def reset(self, name=None):
        """An operation that sets the reader to its beginning."""
        return self._use("ReaderResetV2", name=name)


class WholeFileReader(ReaderBase):
    """Reads whole files: the key is the name, the value the content.

    Args:
      name: the node's name.
    """

    def __init__(self, name=None):
        super().__init__(apply_op("WholeFileReaderV2", [], name=name), supports_serialize=True)


class TextLineReader(ReaderBase):
    """Reads lines, without their ends: the key is the name and the line's number.

    Args:
      skip_header_lines: how many lines at a file's beginning are left out.
      name: the node's name.
    """

    def __init__(self, skip_header_lines=None, name=None):
        super().__init__(apply_op("TextLineReaderV2", [], {"skip_header_lines": skip_header_lines or 0}, name))


class FixedLengthRecordReader(ReaderBase):
    """Reads records of one length: the key is the name and the record's number.

    Args:
      record_bytes: the length.
      header_bytes, footer_bytes: how much at a file's beginning and end is left out.
      hop_bytes: from one record to the next; by default the length.
      name: the node's name.
      encoding: "", "ZLIB" or "GZIP".
    """

    def __init__(self, record_bytes, header_bytes=None, footer_bytes=None, hop_bytes=None, name=None, encoding=None):
        attrs = {"record_bytes": record_bytes, "header_bytes": header_bytes or 0, "footer_bytes": footer_bytes or 0,
                 "hop_bytes": hop_bytes or 0, "encoding": encoding or ""}  # fmt: skip
        super().__init__(apply_op("FixedLengthRecordReaderV2", [], attrs, name))


class TFRecordReader(ReaderBase):
    """Reads files of records: the key is the name and the record's place.

    Args:
      name: the node's name.
      options: a `TFRecordOptions`.
    """

    def __init__(self, name=None, options=None):
        from ..io.tf_record import TFRecordOptions

        compression = TFRecordOptions.get_compression_type_string(options)
        super().__init__(apply_op("TFRecordReaderV2", [], {"compression_type": compression}, name))


class IdentityReader(ReaderBase):
    """Gives the queue's strings as keys and values.

    Args:
      name: the node's name.
    """

    def __init__(self, name=None):
        super().__init__(apply_op("IdentityReaderV2", [], name=name), supports_serialize=True)
