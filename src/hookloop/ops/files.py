"""Ops on files: which there are, what is in them. They run in Python."""

from __future__ import annotations

import fnmatch
import os
import re

import numpy as np

from .. import errors
from ..files.os_errors import make_directories, translated
from ..files.paths import local_path, scheme_of
from ..shapes import UNKNOWN
from .build import apply_op
from .registry import OpDef, no_gradient, register

__all__ = ["matching_files", "read_file", "write_file"]


def _matches(pattern):
    """The paths that match a pattern; a name that begins with a dot is one like others."""
    pattern = local_path(pattern).replace("[^", "[!")
    wild = re.search(r"[*?\[]", pattern)
    if wild is None:
        return [pattern] if os.path.basename(pattern) and os.path.lexists(pattern) else []
    folder = os.path.dirname(pattern[: wild.start()])
    if not os.path.isdir(folder or os.curdir):
        raise errors.NotFoundError(None, None, f"{folder}; No such file or directory")
    paths = [folder]
    for part in pattern[len(folder) :].strip("/").split("/"):
        paths = [
            os.path.join(path, name)
            for path in paths
            if os.path.isdir(path or os.curdir)
            for name in fnmatch.filter(os.listdir(path or os.curdir), part)
        ]
    return paths


def _run_matching_files(call, patterns):
    found = sorted(
        os.fsencode(scheme_of(pattern) + path) for pattern in np.ravel(patterns) for path in _matches(pattern)
    )
    return np.array([*found, None], dtype=object)[:-1]


def _vector(c):
    if c.known(0) and len(c.shape(0)) > 1:
        c.fail(f"Shape must be at most rank 1 but is rank {len(c.shape(0))}")
    return (UNKNOWN,)


def _run_read_file(call, path):
    path = local_path(path.item())
    with translated(path), open(path, "rb") as file:
        return np.array(file.read(), object)


def _run_write_file(call, path, contents):
    path = local_path(path.item())
    make_directories(os.path.dirname(path))
    with translated(path), open(path, "wb") as file:
        file.write(contents.item())
    return []


def _one_name(c):
    for i in range(len(c.inputs)):
        if c.known(i) and c.shape(i) != ():
            c.fail(f"Shape must be rank 0 but is rank {len(c.shape(i))}")
    return [()] * len(c.op.outputs)


register(
    OpDef("ReadFile", "filename: string", "contents: string", host=_run_read_file, shape=_one_name, gradient=no_gradient),
    OpDef("WriteFile", "filename: string, contents: string", "", host=_run_write_file, shape=_one_name, stateful=True),
    OpDef("MatchingFiles", "pattern: string", "filenames: string", host=_run_matching_files, shape=_vector,
          gradient=no_gradient),
)  # fmt: skip


def matching_files(pattern, name=None):
    """The names of the files that match a pattern, or any of several, sorted.

    Args:
      pattern: a glob pattern, or a vector of them.
      name: the node's name.

    Returns:
      A vector of strings. Running it raises `NotFoundError` where the directory of a pattern is not there.
    """
    return apply_op("MatchingFiles", [pattern], name=name)


def read_file(filename, name=None):
    """What is in a file, as text.

    Args:
      filename: its path, a scalar.
      name: the node's name.

    Returns:
      A scalar. Running it raises `NotFoundError` where there is no such file.
    """
    return apply_op("ReadFile", [filename], name=name)


def write_file(filename, contents, name=None):
    """An operation that writes text into a file, whose directory is made where it is not there.

    Args:
      filename: its path, a scalar.
      contents: the text, a scalar.
      name: the node's name.
    """
    return apply_op("WriteFile", [filename, contents], name=name)
