"""What the operating system refuses, as TensorFlow's errors."""

from __future__ import annotations

import errno
import os

from .. import errors

_CLASSES = {
    errno.ENOENT: errors.NotFoundError,
    errno.EEXIST: errors.AlreadyExistsError,
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), errors.PermissionDeniedError),
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE), errors.ResourceExhaustedError
    ),
    **dict.fromkeys(
        (errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.EBUSY, errno.ETXTBSY), errors.FailedPreconditionError
    ),
    **dict.fromkeys((errno.EINVAL, errno.ENAMETOOLONG), errors.InvalidArgumentError),
}


class translated:
    """Raises TensorFlow's class for an error of the operating system, with TensorFlow's text: "path; why".

    Args:
      path: what was written or read, for an error that names no file.
    """

    def __init__(self, path=None):
        self._path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, OSError):
            cls = _CLASSES.get(error.errno, errors.UnknownError)
            path = self._path if error.filename is None else error.filename
            raise cls(None, None, f"{path}; {error.strerror or error}") from error


def make_directory(path):
    """Makes a directory in one that exists.

    Raises:
      FailedPreconditionError: there is a file in its place.
      OpError: it cannot be made.
    """
    _make(os.mkdir, path)


def make_directories(path):
    """Makes a directory, and those above it that are missing.

    Raises:
      FailedPreconditionError: there is a file in the place of one of them.
      OpError: they cannot be made.
    """
    _make(os.makedirs, path or os.curdir)


def _make(make, path):
    with translated(path):
        try:
            make(path)
        except FileExistsError:
            if not os.path.isdir(path):  # else it was there, or another writer was faster
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from None


__all__ = ["make_directories", "make_directory", "translated"]
