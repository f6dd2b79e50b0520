"""`tf.io.gfile`: files and directories of the machine; errors are TensorFlow's."""

from __future__ import annotations

import os as _os
import re as _re
import shutil as _shutil
from contextlib import suppress as _suppress
from stat import S_ISDIR as _is_directory

from .. import errors as _errors
from ..files.os_errors import translated as _translated
from ..files.paths import local_path as _local
from ..files.paths import scheme_of as _scheme_of

__all__ = [
    "GFile", "copy", "exists", "glob", "isdir", "listdir", "makedirs", "mkdir", "remove", "rename", "rmtree", "stat", "walk",
]  # fmt: skip


def __dir__():
    return sorted(__all__)


class GFile:
    """A file, opened when it is first read or written.

    Args:
      name: its path.
      mode: "r", "w", "a", with "b" for bytes and "+" for both ways. Without "b" what is read is text, of UTF-8; texts and
        bytes may be written either way.

    Raises:
      InvalidArgumentError: for another mode.
    """

    def __init__(self, name, mode="r"):
        self._name = _os.fspath(name)
        self._mode = mode
        self._kind = mode.replace("b", "")
        if self._kind not in ("r", "w", "a", "r+", "w+", "a+"):
            raise _errors.InvalidArgumentError(None, None, "mode is not 'r' or 'w' or 'a' or 'r+' or 'w+' or 'a+'")
        self._file = None

    @property
    def name(self):
        """Its path."""
        return self._name

    @property
    def mode(self):
        """How it was opened."""
        return self._mode

    def _opened(self):
        if self._file is None:
            with _translated(self._name):
                self._file = open(_local(self._name), self._kind[0] + "b" + self._kind[1:])  # noqa: SIM115 (close() closes it)
        return self._file

    def _to_read(self):
        if self._kind in ("w", "a"):
            raise _errors.PermissionDeniedError(None, None, "File isn't open for reading")
        return self._opened()

    def _as_asked(self, content):
        return content if "b" in self._mode else content.decode()

    def read(self, n=-1):
        """The next n bytes, by default all that are left; without "b" as text."""
        return self._as_asked(self._to_read().read(n))

    def readline(self):
        """The next line with its end; empty at the file's end."""
        return self._as_asked(self._to_read().readline())

    def readlines(self):
        """All lines that are left, with their ends."""
        return list(self)

    def write(self, file_content):
        """Writes a text or bytes.

        Raises:
          PermissionDeniedError: the file is open for reading alone.
        """
        if self._kind == "r":
            raise _errors.PermissionDeniedError(None, None, "File isn't open for writing")
        self._opened().write(file_content.encode() if isinstance(file_content, str) else file_content)

    def seek(self, offset=None, whence=0, position=None):
        """Goes to a byte of the file.

        Args:
          offset: where to.
          whence: 0 counts from the beginning, 1 from the place where it is, 2 from the end.
          position: an older name of offset.

        Raises:
          TypeError: both or none of the two are given.
          InvalidArgumentError: for another whence.
        """
        if offset is None and position is None:
            raise TypeError("seek(): offset argument required")
        if offset is not None and position is not None:
            raise TypeError("seek(): offset and position may not be set simultaneously.")
        if whence not in (0, 1, 2):
            text = f"Invalid whence argument: {whence}. Valid values are 0, 1, or 2."
            raise _errors.InvalidArgumentError(None, None, text)
        self._to_read().seek(position if offset is None else offset, whence)

    def tell(self):
        """The place where reading goes on."""
        return self._opened().tell()

    def size(self):
        """Its length in bytes."""
        return stat(self._name).length

    def seekable(self):
        """Whether `seek` works: it does."""
        return True

    def flush(self):
        """Writes what is held back."""
        if self._file is not None:
            self._file.flush()

    def close(self):
        """Writes what is held back, and closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __iter__(self):
        return self

    def __next__(self):
        """The next line with its end."""
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    next = __next__


def exists(path):
    """Whether there is a file or directory of that path."""
    return _os.path.exists(_local(path))


def isdir(path):
    """Whether the path is that of a directory."""
    return _os.path.isdir(_local(path))


def mkdir(path):
    """Makes a directory in one that exists; where there is something of its name nothing happens, as in TensorFlow."""
    with _translated(path), _suppress(FileExistsError):
        _os.mkdir(_local(path) or _os.curdir)


def makedirs(path):
    """Makes a directory, and those above it that are missing; where there is something of its name nothing happens."""
    with _translated(path), _suppress(FileExistsError):
        _os.makedirs(_local(path) or _os.curdir, exist_ok=True)


def remove(path):
    """Removes a file."""
    with _translated(path):
        _os.remove(_local(path))


def rmtree(path):
    """Removes a directory with all that is in it.

    Raises:
      NotFoundError: there is none.
    """
    if not exists(path):
        raise _errors.NotFoundError(None, None, f"{path} not found")
    with _translated(path):
        _shutil.rmtree(_local(path))


def listdir(path):
    """The names of what is in a directory, without `.` and `..`.

    Raises:
      NotFoundError: there is none.
    """
    if not isdir(path):
        raise _errors.NotFoundError(None, None, f"Could not find directory {path}")
    with _translated(path):
        return _os.listdir(_local(path))


def glob(pattern):
    """The paths that match a pattern, or any of several, sorted; one without a directory is looked for in `./`.

    Raises:
      NotFoundError: where the directory before the first sign with a meaning (`*?[\\`) is not there.
      FailedPreconditionError: where it is no directory.
    """
    patterns = [pattern] if isinstance(pattern, (str, bytes, _os.PathLike)) else pattern
    return sorted(_scheme_of(p) + path for p in patterns for path in _matching(_local(p)))


def _matching(pattern):
    """The paths that match a local pattern."""
    pattern = _os.fsdecode(pattern)
    fixed = _re.match(r"[^*?\[\\]*", pattern)[0]
    directory = _os.path.dirname(fixed)
    if not directory:
        directory, pattern = _os.curdir, _os.path.join(_os.curdir, pattern)
    with _translated(directory):
        _os.listdir(directory)
    found = [directory]
    for part in pattern[len(directory) :].lstrip("/").split("/"):
        fits = _re.compile(_as_expression(part), _re.DOTALL).fullmatch
        directories = [path for path in found if _os.path.isdir(path)]
        found = [_os.path.join(path, name) for path in directories for name in _os.listdir(path) if fits(name)]
    return found


def _as_expression(part):
    """The regular expression of a name's pattern: `*`, `?`, `[...]`, and a sign behind a backslash, which stands for itself."""
    pieces = _re.findall(r"\\.|\[[!^]?\]?[^]]*\]|.", part, _re.DOTALL)
    known = {"*": ".*", "?": "."}
    return "".join(known.get(p) or _of_set(p) or _re.escape(p[1:] if p[0] == "\\" and p[1:] else p) for p in pieces)


def _of_set(piece):
    """The expression of `[...]`; None for anything else."""
    if len(piece) < 3 or piece[0] != "[":
        return None
    signs, end = ("^", piece[2:-1]) if piece[1] in "!^" else ("", piece[1:-1])
    return f"[{signs}{end.translate({ord(sign): chr(92) + sign for sign in chr(92) + '[]^&~|'})}]"


def copy(src, dst, overwrite=False):
    """Copies a file.

    Raises:
      AlreadyExistsError: where `dst` exists and `overwrite` is off.
    """
    if not overwrite and exists(dst):
        raise _errors.AlreadyExistsError(None, None, f"file already exists: {dst}")
    with _translated(src):
        _shutil.copyfile(_local(src), _local(dst))


def rename(src, dst, overwrite=False):
    """Renames a file.

    Raises:
      AlreadyExistsError: where `dst` exists and `overwrite` is off.
    """
    if not overwrite and exists(dst):
        raise _errors.AlreadyExistsError(None, None, f"file already exists: {dst}")
    with _translated(src):
        _os.replace(_local(src), _local(dst))


class FileStatistics:
    """What is known of a file.

    Attributes:
      length: in bytes.
      mtime_nsec: when it was changed last, in nanoseconds.
      is_directory: whether it is one.
    """

    def __init__(self, found):
        self.length = found.st_size
        self.mtime_nsec = found.st_mtime_ns
        self.is_directory = _is_directory(found.st_mode)


def stat(path):
    """The `FileStatistics` of a file.

    Raises:
      NotFoundError: there is none.
    """
    with _translated(path):
        return FileStatistics(_os.stat(_local(path)))


def walk(top, in_order=True):
    """(directory, subdirectories, files) for each directory below `top`."""
    scheme = _scheme_of(top)
    for path, directories, files in _os.walk(_local(top), topdown=in_order):
        yield scheme + path, directories, files
