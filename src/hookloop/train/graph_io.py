"""Graphs in files: `write_graph`, `read_graph`, and reading events back: `summary_iterator`."""

from __future__ import annotations

import os

from ..files.atomic import write_atomically
from ..files.os_errors import make_directories
from ..files.paths import local_path

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
    path = os.path.join(os.fsdecode(logdir), name)
    make_directories(local_path(logdir))
    if as_text:
        from google.protobuf import text_format

        data = text_format.MessageToString(message).encode()
    else:
        data = message.SerializeToString()
    write_atomically(path, data)
    return path


def read_graph(filename):
    """The `GraphDef` or the `MetaGraphDef` that a file holds, binary or as text.

    Raises:
      OSError: where the file does not exist, or holds neither.
    """
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError

    from .. import messages

    filename = local_path(filename)
    if not os.path.exists(filename):
        raise OSError(f"File {filename} does not exist.")
    with open(filename, "rb") as file:
        data = file.read()
    for parse in (lambda kind: kind.FromString(data), lambda kind: text_format.Parse(data.decode("utf-8"), kind())):
        for kind in (messages.MetaGraphDef, messages.GraphDef):
            try:
                message = parse(kind)
            except (DecodeError, text_format.ParseError, UnicodeDecodeError):
                continue
            nodes = message.graph_def.node if kind is messages.MetaGraphDef else message.node
            if nodes and all(node.name and node.op for node in nodes):  # bytes of one kind may pass for another's
                return message
    raise OSError(f"Cannot parse file {filename}: it holds no GraphDef and no MetaGraphDef with nodes.")


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

    for record in read_records(local_path(path)):
        yield messages.Event.FromString(record)
