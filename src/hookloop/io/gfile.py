"""`tf.io.gfile`: files and directories of the machine; errors are TensorFlow's."""

from __future__ import annotations

import glob as _glob
import os as _os
import shutil as _shutil

from .. import errors as _errors

__all__ = [
    "GFile", "copy", "exists", "glob", "isdir", "listdir", "makedirs", "mkdir", "remove", "rename", "rmtree", "stat", "walk",
]  # fmt: skip


def __dir__():
    return sorted(__all__)


class _translated:
    """Raises TensorFlow's class for an error of the operating system."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if not isinstance(error, OSError):
            return
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            cls = _errors.NotFoundError
        elif isinstance(error, FileExistsError):
            cls = _errors.AlreadyExistsError
        elif isinstance(error, PermissionError):
            cls = _errors.PermissionDeniedError
        else:
            cls = _errors.FailedPreconditionError
        raise cls(None, None, f"{error.filename}: {error.strerror}") from error


class GFile:
    """A file, opened when it is first read or written.

    Args:
      name: its path.
      mode: "r", "w", "a", with "b" for bytes and "+" for both ways.
    """

    def __init__(self, name, mode="r"):
        self._name = _os.fspath(name)
        self._mode = mode
        self._file = None

    @property
    def name(self):
        return self._name

    @property
    def mode(self):
        return self._mode

    def _opened(self):
        if self._file is None:
            with _translated():
                self._file = open(self._name, self._mode)  # noqa: SIM115 (close() closes it)
        return self._file

    def read(self, n=-1):
        return self._opened().read(n)

    def readline(self):
        return self._opened().readline()

    def readlines(self):
        return self._opened().readlines()

    def write(self, file_content):
        self._opened().write(file_content)

    def seek(self, offset=None, whence=0, position=None):
        self._opened().seek(position if offset is None else offset, whence)

    def tell(self):
        return self._opened().tell()

    def size(self):
        return stat(self._name).st_size

    def seekable(self):
        return True

    def flush(self):
        if self._file is not None:
            self._file.flush()

    def close(self):
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __iter__(self):
        return iter(self._opened())

    def __next__(self):
        return next(self._opened())


def exists(path):
    return _os.path.exists(path)


def isdir(path):
    return _os.path.isdir(path)


def mkdir(path):
    with _translated():
        _os.mkdir(path)


def makedirs(path):
    with _translated():
        _os.makedirs(path, exist_ok=True)


def remove(path):
    with _translated():
        _os.remove(path)


def rmtree(path):
    with _translated():
        _shutil.rmtree(path)


def listdir(path):
    with _translated():
        return _os.listdir(path)


def glob(pattern):
    """The paths that match a pattern, or any of several, sorted."""
    patterns = [pattern] if isinstance(pattern, (str, bytes, _os.PathLike)) else pattern
    return sorted(path for p in patterns for path in _glob.glob(_os.fspath(p)))


def copy(src, dst, overwrite=False):
    """Copies a file.

    Raises:
      AlreadyExistsError: where `dst` exists and `overwrite` is off.
    """
    if not overwrite and exists(dst):
        raise _errors.AlreadyExistsError(None, None, f"file already exists: {dst}")
    with _translated():
        _shutil.copyfile(src, dst)


def rename(src, dst, overwrite=False):
    """Renames a file.

    Raises:
      AlreadyExistsError: where `dst` exists and `overwrite` is off.
    """
    if not overwrite and exists(dst):
        raise _errors.AlreadyExistsError(None, None, f"file already exists: {dst}")
    with _translated():
        _os.replace(src, dst)


def stat(path):
    with _translated():
        return _os.stat(path)


def walk(top, in_order=True):
    """(directory, subdirectories, files) for each directory below `top`."""
    return _os.walk(top, topdown=in_order)
