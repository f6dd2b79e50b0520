"""Files that appear whole or not at all: written beside their place, brought to the disk, then renamed.

Who writes a temporary file holds a lock on it, which the kernel takes from whoever is killed. So the next one who writes
into a directory knows what killed programs have left there, and sweeps it. Where a file system has no locks nothing is swept.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import threading
from contextlib import contextmanager, suppress

from .os_errors import translated
from .paths import local_path

_TEMPORARY = re.compile(r"\.tempstate-[0-9a-f]{16}$")


class Temporary:
    """A file on its way to its place. Leaving its `with` block removes what has not been placed.

    Args:
      path: the place.

    Attributes:
      file: what to write to, binary.
    """

    def __init__(self, path):
        self._path = path
        while True:
            self._name = f"{path}.tempstate-{secrets.token_hex(8)}"
            with _named(path):
                self.file = open(self._name, "xb")  # noqa: SIM115
            if _is_locked_by_us(self.file):
                return
            self.file.close()  # somebody swept it before it was locked

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        with suppress(OSError):  # what a failed write left in the buffer fails again
            self.file.close()
        if self._name is not None:
            with suppress(OSError):
                os.remove(self._name)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = self._path

    def sync(self):
        """Waits until what was written is on the disk."""
        with _named(self._path):
            self.file.flush()
            os.fsync(self.file.fileno())

    def place(self, path=None):
        """Renames it to its place, or another one in the same directory. It is still locked until the block is left."""
        with _named(path or self._path):
            os.replace(self._name, path or self._path)
        self._name = None


@contextmanager
def _named(path):
    """Errors name the file that the user knows."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = path, None
        raise


def _is_locked_by_us(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # the file system has no locks
    return os.fstat(file.fileno()).st_nlink > 0


@contextmanager
def replacing(path):
    """Gives a binary file that takes the place of `path` where the block is left without an error.

    Raises:
      OpError: where it cannot be written: what stood there is whole; or where it is written, but may not be on the disk yet.
    """
    path = local_path(path)
    directory = os.path.dirname(path)
    with translated(path), Temporary(path) as temporary:
        sweep(directory)
        yield temporary.file
        temporary.sync()
        temporary.place()
        sync_directory(directory)


def write_atomically(path, data):
    """Writes the bytes of a file, as `replacing` does."""
    with replacing(path) as file:
        file.write(data)


def sync_directory(path):
    """Waits until a directory's names are on the disk."""
    handle = os.open(path or ".", os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(directory):
    """Removes the temporary files that nobody writes any more."""
    with suppress(OSError):
        for name in os.listdir(directory or "."):
            if _TEMPORARY.search(name):
                with suppress(OSError):
                    _remove_abandoned(os.path.join(directory, name))


def _remove_abandoned(path):
    handle = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.remove(path)
    finally:
        os.close(handle)


# --- files that belong together ---------------------------------------------------------------------------

_turn = threading.Lock()
_handles: list[int] = []  # of the directory that this process has locked


@contextmanager
def changing(directory):
    """One thread of one process at a time is in here for a directory: what belongs together is renamed and removed in here."""
    with _turn:
        handle = os.open(directory or ".", os.O_RDONLY)
        _handles.append(handle)
        try:
            with suppress(OSError):  # a file system without locks: only the threads of this process take turns
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_UN)  # also where a child of fork has the handle too
            _handles.remove(handle)
            os.close(handle)


def _after_fork():
    global _turn
    _turn = threading.Lock()
    while _handles:
        os.close(_handles.pop())  # else the child would hold the lock after the parent's death


os.register_at_fork(after_in_child=_after_fork)


__all__ = ["Temporary", "changing", "replacing", "sweep", "sync_directory", "write_atomically"]
