"""`tf.gfile`: files and directories of the machine, with TensorFlow 1's functions and errors."""

from __future__ import annotations

from .io import gfile as _files
from .io.gfile import GFile

__all__ = [
    "Copy", "DeleteRecursively", "Exists", "FastGFile", "GFile", "Glob", "IsDirectory", "ListDirectory",
    "MakeDirs", "MkDir", "Open", "Remove", "Rename", "Stat", "Walk",
]  # fmt: skip

FastGFile = Open = GFile


def __dir__():
    return sorted(__all__)


def Copy(oldpath, newpath, overwrite=False):
    """`tf.io.gfile.copy` under its older name."""
    _files.copy(oldpath, newpath, overwrite)


def Rename(oldname, newname, overwrite=False):
    """`tf.io.gfile.rename` under its older name."""
    _files.rename(oldname, newname, overwrite)


def Exists(filename):
    """`tf.io.gfile.exists` under its older name."""
    return _files.exists(filename)


def IsDirectory(dirname):
    """`tf.io.gfile.isdir` under its older name."""
    return _files.isdir(dirname)


def MkDir(dirname):
    """`tf.io.gfile.mkdir` under its older name."""
    return _files.mkdir(dirname)


def MakeDirs(dirname):
    """`tf.io.gfile.makedirs` under its older name."""
    return _files.makedirs(dirname)


def Remove(filename):
    """`tf.io.gfile.remove` under its older name."""
    return _files.remove(filename)


def DeleteRecursively(dirname):
    """`tf.io.gfile.rmtree` under its older name."""
    return _files.rmtree(dirname)


def ListDirectory(dirname):
    """`tf.io.gfile.listdir` under its older name."""
    return _files.listdir(dirname)


def Glob(filename):
    """`tf.io.gfile.glob` under its older name."""
    return _files.glob(filename)


def Stat(filename):
    """`tf.io.gfile.stat` under its older name."""
    return _files.stat(filename)


Walk = _files.walk
