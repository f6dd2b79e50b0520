"""Paths as programs give them: text, bytes, or with the scheme of local files in front."""

from __future__ import annotations

import os

__all__ = ["local_path", "scheme_of"]

_SCHEME = "file://"


def local_path(path):
    """The path of a file of this machine, as text: "file:///a/b" is "/a/b", and so is "file://host/a/b"."""
    path = os.fsdecode(path)
    if not path.startswith(_SCHEME):
        return path
    _, slash, rest = path.removeprefix(_SCHEME).partition("/")
    return slash + rest


def scheme_of(path):
    """What stands before the path: "file://", or nothing."""
    return _SCHEME if os.fsdecode(path).startswith(_SCHEME) else ""
