"""The file below a writer of events: records are appended to it one by one, each with its checksums in one write."""

from __future__ import annotations

import os
import struct

from ..files import checksum

__all__ = ["RecordFile"]


class RecordFile:
    """What the `tensorboard` package's writer of records does, which opens the file for each and computes checksums in Python.

    What was written is the operating system's at once, so a process that is killed loses no record. A file that was removed
    is made again, as long as its directory is there.

    Args:
      path: the file. It is opened with the first record.
    """

    def __init__(self, path):
        self._path = path
        self._descriptor = None
        self.closed = False

    def write(self, data):
        """Appends a record.

        Raises:
          OSError: where it cannot be written.
        """
        head = struct.pack("<Q", len(data))
        tail = struct.pack("<I", checksum.masked(data))
        rest = memoryview(b"".join((head, struct.pack("<I", checksum.masked(head)), data, tail)))
        try:
            if self._descriptor is None or not os.fstat(self._descriptor).st_nlink:
                self._open()
            while rest:  # a disk that fills up takes a part, and refuses the next
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self._release()  # the writer ends with its error, and nobody may close it
            raise

    def _open(self):
        self._release()
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def _release(self):
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def flush(self):
        """Nothing waits here."""

    def close(self):
        """Ends the file."""
        self.closed = True
        self._release()

    def __del__(self):
        self._release()
