"""Event files of the hooks: one writer for each directory, shared by all that write there."""

from __future__ import annotations

import time

__all__ = ["event_writer"]

_writers = {}


class _EventWriter:
    """Writes summaries to an event file that TensorBoard reads."""

    def __init__(self, directory):
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._writer = EventFileWriter(directory)

    def add_summary(self, summary, global_step=None):
        """Writes a `Summary`, or its bytes, at a step."""
        from .. import messages

        if isinstance(summary, bytes):
            summary = messages.Summary.FromString(summary)
        step = None if global_step is None else int(global_step)
        self._writer.add_event(messages.Event(summary=summary, wall_time=time.time(), step=step))

    def add_run_metadata(self, run_metadata, tag, global_step=None):
        """Writes a `RunMetadata` under a tag, at a step."""
        from .. import messages

        tagged = messages.TaggedRunMetadata(tag=tag, run_metadata=run_metadata.SerializeToString())
        step = None if global_step is None else int(global_step)
        self._writer.add_event(messages.Event(tagged_run_metadata=tagged, wall_time=time.time(), step=step))

    def flush(self):
        self._writer.flush()


def event_writer(directory):
    """The writer of a directory, made at the first call."""
    directory = str(directory)
    writer = _writers.get(directory)
    if writer is None:
        writer = _writers[directory] = _EventWriter(directory)
    return writer
