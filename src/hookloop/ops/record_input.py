"""`RecordInput`: records of many files in a random order, epoch by epoch."""

from __future__ import annotations

import os
import threading

import numpy as np

from .. import errors
from ..graph.scopes import name_scope
from .array import reshape
from .build import apply_op
from .files import _matches
from .registry import OpDef, no_gradient, register
from .shape_functions import unknown
from .slicing import split

__all__ = ["RecordInput"]


class _Records:
    """The records of one node in one session: files in an order of each epoch, and a buffer from which one is drawn.

    Args:
      call: the `HostCall` of the first step.
    """

    def __init__(self, call):
        from ..io.tf_record import TFRecordOptions

        self._pattern = call.attr("file_pattern").decode()
        self._options = TFRecordOptions(call.attr("compression_type").decode() or None)
        self._room = max(call.attr("file_buffer_size"), 1)
        self._shift = call.attr("file_shuffle_shift_ratio")
        self._draws = np.random.RandomState(call.attr("file_random_seed") % (1 << 32))
        self._buffer, self._lock, self._source = [], threading.Lock(), iter(())
        self._error = None
        self._files()

    def _files(self):
        try:
            found = sorted(_matches(self._pattern))
        except errors.NotFoundError:  # of the directory
            found = []
        if not found:
            raise errors.NotFoundError(None, None, f"Found no files at {self._pattern}")
        return found

    def _epoch(self):
        """The records of one epoch, file after file."""
        from ..io.tf_record import tf_record_iterator

        files = self._files()
        self._draws.shuffle(files)
        first = int(self._shift * len(files)) if 0 <= self._shift < 1 else 0
        for path in files[first:] + files[:first]:
            yield from tf_record_iterator(path, self._options)

    def take(self, count):
        """So many records; once there was an error each step has it, as in TensorFlow: what had been drawn is lost."""
        with self._lock:
            if self._error is not None:
                raise type(self._error)(None, None, self._error.message)
            try:
                return [self._next() for _ in range(count)]
            except errors.OpError as error:
                self._error = error
                raise

    def _fill(self):
        while len(self._buffer) < self._room:
            record = next(self._source, None)
            if record is None:
                return
            self._buffer.append(record)

    def _next(self):
        """A record of the buffer, which is filled before; an epoch ends before the next one begins."""
        self._fill()
        if not self._buffer:
            self._source = self._epoch()
            self._fill()
        if not self._buffer:
            raise errors.OutOfRangeError(None, None, f"There are no records in the files at {self._pattern}")
        place = self._draws.randint(len(self._buffer))
        self._buffer[place], self._buffer[-1] = self._buffer[-1], self._buffer[place]
        return self._buffer.pop()


def _run(call):
    key = ("record input", call.op_name)
    found = call.resource_state.get(key)
    found = found or call.resource_state.setdefault(key, _Records(call))
    return np.array([*found.take(call.attr("batch_size")), None], object)[:-1]


register(
    OpDef("RecordInput", "", "records: string",
          attrs={"file_pattern": None, "file_random_seed": 301, "file_shuffle_shift_ratio": 0.0, "file_buffer_size": 10000,
                 "file_parallelism": 16, "batch_size": 32, "compression_type": b""},
          shape=unknown, host=_run, stateful=True, gradient=no_gradient),
)  # fmt: skip


class RecordInput:
    """Records of many files in a random order: every record once, then all of them again in another order.

    Args:
      file_pattern: the names of the files, which may have wildcards.
      batch_size: how many records a step gets.
      buffer_size: from how many records the next is drawn.
      parallelism: accepted; one file is read after another.
      shift_ratio: by which part of all files the first file of each epoch is moved.
      seed: of the order.
      name: the node's name.
      batches: into how many lists of records a step's records are dealt out, `batch_size` each; one tensor without it.
      compression_type: of the files: "GZIP", "ZLIB" or a `TFRecordCompressionType`.
    """

    def __init__(self, file_pattern, batch_size=1, buffer_size=1, parallelism=1, shift_ratio=0, seed=0, name=None,
                 batches=None, compression_type=None):  # fmt: skip
        self._batch_size = batch_size * (1 if batches is None else batches)
        self._batches = batches
        self._file_pattern = file_pattern
        self._buffer_size = buffer_size
        self._parallelism = parallelism
        self._shift_ratio = shift_ratio
        self._seed = seed
        self._name = name
        self._compression_type = compression_type

    def get_yield_op(self):
        """The records of a step: a tensor of texts, or lists of scalars where `batches` were asked for.

        Raises:
          ValueError: for another compression.
        """
        from ..io.tf_record import TFRecordOptions

        attrs = {
            "file_pattern": os.fspath(self._file_pattern), "file_buffer_size": self._buffer_size,
            "file_parallelism": self._parallelism, "file_shuffle_shift_ratio": self._shift_ratio, "batch_size": self._batch_size,
            "file_random_seed": self._seed,
            "compression_type": TFRecordOptions.get_compression_type_string(self._compression_type),
        }  # fmt: skip
        records = apply_op("RecordInput", [], attrs, self._name)
        if self._batches is None:
            return records
        with name_scope(self._name):
            found = [[] for _ in range(self._batches)]
            for i, record in enumerate(split(records, self._batch_size, 0)):
                found[i % self._batches].append(reshape(record, []))
            return found
