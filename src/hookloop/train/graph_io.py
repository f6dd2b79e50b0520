"""Graphs in files: `write_graph`, and reading events back: `summary_iterator`."""

from __future__ import annotations

import os

from ..files.atomic import write_atomically

__all__ = ["summary_iterator", "write_graph"]


def write_graph(graph_or_graph_def, logdir, name, as_text=True):
    """Writes a graph to a file.

    Args:
      graph_or_graph_def: a `Graph` or a `GraphDef`.
      logdir: the directory; it is made where it is missing.
      name: the file's name.
      as_text: whether the file is text.

    Returns:
      The file's path.

    Raises:
      OpError: where it cannot be written.
    """
    message = graph_or_graph_def
    if hasattr(message, "as_graph_def"):
        message = message.as_graph_def()
    path = os.path.join(os.fspath(logdir), name)
    os.makedirs(os.fspath(logdir), exist_ok=True)
    if as_text:
        from google.protobuf import text_format

        data = text_format.MessageToString(message).encode()
    else:
        data = message.SerializeToString()
    write_atomically(path, data)
    return path


def summary_iterator(path):
    """Yields the events of an event file.

    Args:
      path: the file.

    Raises:
      NotFoundError: there is no such file.
      DataLossError: a checksum does not fit, or the file ends within an event.
    """
    from .. import messages
    from ..files.records import read_records

    for record in read_records(os.fspath(path)):
        yield messages.Event.FromString(record)
