"""Ops on files: which there are. They run in Python."""

from __future__ import annotations

import fnmatch
import os
import re

import numpy as np

from .. import errors
from ..shapes import UNKNOWN
from .build import apply_op
from .registry import OpDef, no_gradient, register

__all__ = ["matching_files"]


def _matches(pattern):
    """The paths that match a pattern; a name that begins with a dot is one like others."""
    pattern = os.fsdecode(pattern).replace("[^", "[!")
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
    found = sorted(os.fsencode(path) for pattern in np.ravel(patterns) for path in _matches(pattern))
    return np.array([*found, None], dtype=object)[:-1]


def _vector(c):
    if c.known(0) and len(c.shape(0)) > 1:
        c.fail(f"Shape must be at most rank 1 but is rank {len(c.shape(0))}")
    return (UNKNOWN,)


register(
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
