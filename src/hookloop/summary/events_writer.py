"""`EventsWriter`: event files by the path of TensorFlow's own wrapper, which loggers of programs use."""

from __future__ import annotations

import os
import socket
import time

from ..files.paths import local_path

__all__ = ["EventsWriter"]


class EventsWriter:
    """Writes events to the file PREFIX.out.tfevents.TIME.HOST, in the caller's thread.

    Args:
      prefix: how the file's path begins. The file is made when it is first needed.
    """

    def __init__(self, prefix):
        self._prefix = local_path(prefix)
        self._suffix = ""
        self._path = self._writer = None

    def InitWithSuffix(self, suffix):
        """Makes the file, whose name ends so.

        Raises:
          OpError: where it cannot be made.
        """
        self._suffix = os.fsdecode(suffix)
        self.Close()
        self._path = None
        self._open()

    def FileName(self):
        """The file's path, as bytes."""
        if self._path is None:
            self._path = f"{self._prefix}.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}{self._suffix}"
        return os.fsencode(self._path)

    def WriteEvent(self, event):
        """Writes an `Event`.

        Raises:
          TypeError: for something else.
        """
        from ..messages import Event

        if not isinstance(event, Event):
            raise TypeError(f"Expected an event_pb2.Event proto,  but got {type(event)}")
        self._open().write(event.SerializeToString())

    def _open(self):
        if self._writer is None:
            from ..messages import Event
            from ..python_io import TFRecordWriter

            self.FileName()
            self._writer = TFRecordWriter(self._path)
            self._writer.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
        return self._writer

    def Flush(self):
        """Has the system write what was given so far."""
        if self._writer is not None:
            self._writer.flush()

    def Close(self):
        """Closes the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
