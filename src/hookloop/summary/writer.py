"""Writers of event files, by the `tensorboard` package's writer: a bounded queue, and a thread that ends with it."""

from __future__ import annotations

import os
import threading
import time
import warnings
from contextlib import contextmanager, suppress

from .. import errors
from ..compat import as_bytes
from ..files.os_errors import make_directories
from ..files.paths import local_path
from .record_file import RecordFile

__all__ = ["FileWriter", "FileWriterCache"]


class FileWriter:
    """Writes summaries and other events to a file in a directory, which is made with the first of them.

    Args:
      logdir: the directory; it is made where it is missing.
      graph: a graph to write, or a `GraphDef`.
      max_queue: how many events wait to be written before `add_...` waits.
      flush_secs: after so many seconds what waits is written.
      graph_def: a `GraphDef` instead of a graph.
      filename_suffix: the end of the file's name.
      session: accepted; events are written by this process.

    Raises:
      OSError: where the directory cannot be made or written. An error that comes later is raised by the next call, at the latest by
        `close`.
    """

    def __init__(
        self, logdir, graph=None, max_queue=10, flush_secs=120, graph_def=None, filename_suffix=None, session=None
    ):
        self._logdir = os.fsdecode(logdir) if isinstance(logdir, (bytes, os.PathLike)) else str(logdir)
        suffix = filename_suffix or ""
        if not isinstance(suffix, (str, bytes)):
            raise TypeError(f"Expected binary or unicode string, got {suffix!r}")
        self._arguments = (max_queue, flush_secs, os.fsdecode(suffix))
        self._tags = set()
        self._run_tags = set()
        self._opening = threading.Lock()
        self._opened = None
        self._closed = self._told = False
        make_directories(local_path(self._logdir) or os.curdir)
        if suffix:
            self._opened = self._open()
        if graph is not None or graph_def is not None:
            self.add_graph(graph=graph, graph_def=graph_def)
            from ..train.meta_graph import export_meta_graph

            if graph is not None and not hasattr(graph, "as_graph_def"):
                graph, graph_def = None, graph  # a GraphDef in the graph's place
            self.add_meta_graph(export_meta_graph(graph=graph, graph_def=graph_def))

    def _open(self):
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        directory = local_path(self._logdir) or os.curdir
        make_directories(directory)
        writer = EventFileWriter(directory, *self._arguments)
        if os.path.isfile(writer._file_name):  # its first record is written, and its thread waits for the next
            waiting = writer._async_writer
            waiting._writer = waiting._worker._record_writer = RecordFile(writer._file_name)
        return writer

    @property
    def _writer(self):
        """What writes the file, which is made with the first event: a writer that is given none leaves no file, as TensorFlow's."""
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.close()

    def get_logdir(self):
        """The directory."""
        return self._logdir

    def _warn_if_closed(self):
        if self._closed:
            warnings.warn(
                "Attempting to use a closed FileWriter. The operation will be a noop unless the FileWriter is explicitly reopened.",
                stacklevel=3,
            )

    def add_summary(self, summary, global_step=None):
        """Writes a summary.

        Args:
          summary: a `Summary`, or its bytes as a session returns them.
          global_step: the step it belongs to.
        """
        from .. import messages

        if isinstance(summary, bytes):
            summary = messages.Summary.FromString(summary)
        else:
            copy = messages.Summary()
            copy.CopyFrom(summary)
            summary = copy
        for value in summary.value:  # a tag's metadata stands in its first event only
            if value.HasField("metadata"):
                if value.tag in self._tags:
                    value.ClearField("metadata")
                self._tags.add(value.tag)
        self._add(messages.Event(summary=summary), global_step)

    def add_session_log(self, session_log, global_step=None):
        """Writes a `SessionLog`: that a session began, or a checkpoint was written."""
        from .. import messages

        self._add(messages.Event(session_log=session_log), global_step)

    def add_graph(self, graph, global_step=None, graph_def=None):
        """Writes a graph.

        Args:
          graph: a graph, or a `GraphDef`.
          global_step: the step it belongs to.
          graph_def: a `GraphDef` instead.

        Raises:
          TypeError, ValueError: where none is given, or both, or it is no graph.
        """
        if graph is not None and graph_def is not None:
            raise ValueError("Please pass only graph, or graph_def (deprecated), but not both.")
        given = graph if graph is not None else graph_def
        if hasattr(given, "as_graph_def"):
            self._write_plugin_assets(given)
            given = given.as_graph_def(add_shapes=True)
        elif not hasattr(given, "SerializeToString"):
            raise TypeError("The passed graph must be an instance of `Graph` or the deprecated `GraphDef`")
        from .. import messages

        self._add(messages.Event(graph_def=given.SerializeToString()), global_step)

    def _write_plugin_assets(self, graph):
        from .plugin_assets import get_all_plugin_assets

        for plugin in get_all_plugin_assets(graph):
            directory = os.path.join(local_path(self._logdir) or os.curdir, "plugins", plugin.plugin_name)
            make_directories(directory)
            for name, contents in plugin.assets().items():
                with open(os.path.join(directory, name), "wb") as file:
                    file.write(as_bytes(contents))

    def add_meta_graph(self, meta_graph_def, global_step=None):
        """Writes a `MetaGraphDef`.

        Raises:
          TypeError: where it is none.
        """
        from .. import messages

        if not isinstance(meta_graph_def, messages.MetaGraphDef):
            raise TypeError(f"meta_graph_def must be type MetaGraphDef, saw type: {type(meta_graph_def)}")
        self._add(messages.Event(meta_graph_def=meta_graph_def.SerializeToString()), global_step)

    def add_run_metadata(self, run_metadata, tag, global_step=None):
        """Writes what was measured in a step.

        Args:
          run_metadata: a `RunMetadata`.
          tag: its name, once.
          global_step: the step it belongs to.

        Raises:
          ValueError: where the tag was used before.
        """
        from .. import messages

        if tag in self._run_tags:
            raise ValueError("The provided tag was already used for this event type")
        self._run_tags.add(tag)
        tagged = messages.TaggedRunMetadata(tag=tag, run_metadata=run_metadata.SerializeToString())
        self._add(messages.Event(tagged_run_metadata=tagged), global_step)

    def _add(self, event, global_step):
        event.wall_time = time.time()
        if global_step is not None:
            event.step = int(global_step)
        self.add_event(event)

    def add_event(self, event):
        """Writes an `Event`."""
        self._warn_if_closed()
        if not self._closed:
            with self._telling():
                self._writer.add_event(event)

    def flush(self):
        """Waits until everything is written."""
        self._warn_if_closed()
        if not self._closed and self._opened is not None:
            with self._telling():
                self._opened.flush()

    def close(self):
        """Writes what waits, ends the thread and closes the file; `reopen` opens another one.

        Raises:
          OSError: something could not be written, and no call before has said so.
        """
        if self._closed:
            return
        self._closed = True
        if self._opened is None:
            return
        if self._error() is None:
            with self._telling():
                self._opened.close()
        self._opened._async_writer._worker.join()
        if self._error() is not None and not self._told:
            with self._telling():
                raise self._error()

    def _error(self):
        """That with which the writer's thread has ended; then the file is closed, too."""
        return None if self._opened is None else self._opened._async_writer._worker.exception

    def _is_lost(self):
        """Whether its thread has ended with an error, or its file was removed."""
        if self._opened is None:
            return False
        return self._error() is not None or not (self._closed or os.path.exists(self._opened._file_name))

    @contextmanager
    def _telling(self):
        try:
            yield
        except (OSError, errors.OpError) as error:
            self._told = True
            cause = (
                error.__cause__ if isinstance(error, errors.OpError) else error
            )  # the first: of making the directory
            if not isinstance(cause, OSError):
                raise
            path = (
                os.path.join(self._logdir, "events.out.tfevents") if self._opened is None else self._opened._file_name
            )
            raise OSError(cause.errno, cause.strerror or str(cause), path) from error

    def reopen(self):
        """Opens another file in the directory, where this one is closed."""
        if self._closed:
            self._opened = None  # also with a suffix: TensorFlow opens the first file alone at once
            self._closed = self._told = False


class EventFileWriter(FileWriter):
    """A writer of events alone, by the path of TensorFlow's own: `python.summary.writer.event_file_writer`.

    Args:
      logdir, max_queue, flush_secs, filename_suffix: as for `FileWriter`.
    """

    def __init__(self, logdir, max_queue=10, flush_secs=120, filename_suffix=None):
        super().__init__(logdir, None, max_queue, flush_secs, filename_suffix=filename_suffix)

    def _warn_if_closed(self):
        """What is given to a closed one is dropped without a word."""


class FileWriterCache:
    """The writers of this process, one for each directory."""

    _cache: dict = {}
    _lock = threading.Lock()

    @staticmethod
    def clear():
        """Closes all writers and forgets them."""
        with FileWriterCache._lock:
            writers, FileWriterCache._cache = FileWriterCache._cache, {}
        for writer in writers.values():
            writer.close()

    @staticmethod
    def get(logdir):
        """The writer of a directory; it is made where there is none, or what is given to it would be nowhere."""
        from ..graph.stack import get_default_graph

        with FileWriterCache._lock:
            logdir = os.fsdecode(logdir)
            writer = FileWriterCache._cache.get(logdir)
            if writer is not None and getattr(writer, "_is_lost", bool)():  # programs put writers of their own here
                with suppress(OSError):
                    writer.close()
                writer = None
            if writer is None:
                writer = FileWriterCache._cache[logdir] = FileWriter(logdir, graph=get_default_graph())
            return writer
