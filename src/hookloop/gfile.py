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
    _files.copy(oldpath, newpath, overwrite)


def Rename(oldname, newname, overwrite=False):
    _files.rename(oldname, newname, overwrite)


def Exists(filename):
    return _files.exists(filename)


def IsDirectory(dirname):
    return _files.isdir(dirname)


def MkDir(dirname):
    return _files.mkdir(dirname)


def MakeDirs(dirname):
    return _files.makedirs(dirname)


def Remove(filename):
    return _files.remove(filename)


def DeleteRecursively(dirname):
    return _files.rmtree(dirname)


def ListDirectory(dirname):
    return _files.listdir(dirname)


def Glob(filename):
    return _files.glob(filename)


def Stat(filename):
    return _files.stat(filename)


Walk = _files.walk
