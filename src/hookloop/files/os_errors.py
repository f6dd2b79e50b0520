"""What the operating system refuses, as TensorFlow's errors."""

from __future__ import annotations

import errno

from .. import errors

_CLASSES = {
    errno.ENOENT: errors.NotFoundError, errno.ENOTDIR: errors.NotFoundError,
    errno.EACCES: errors.PermissionDeniedError, errno.EPERM: errors.PermissionDeniedError,
    errno.EROFS: errors.PermissionDeniedError, errno.ENOSPC: errors.ResourceExhaustedError,
    errno.EDQUOT: errors.ResourceExhaustedError, errno.EFBIG: errors.ResourceExhaustedError,
    errno.EMFILE: errors.ResourceExhaustedError, errno.ENFILE: errors.ResourceExhaustedError,
    errno.EISDIR: errors.FailedPreconditionError,
}  # fmt: skip


class translated:
    """Raises TensorFlow's class for an error of the operating system.

    Args:
      path: what was written or read, for the message.
    """

    def __init__(self, path):
        self._path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, OSError):
            cls = _CLASSES.get(error.errno, errors.UnknownError)
            raise cls(None, None, f"{error.filename or self._path}: {error.strerror or error}") from error


__all__ = ["translated"]
