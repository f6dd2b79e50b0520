"""`python.lib.io.file_io`: the functions of `tf.io.gfile` and `tf.gfile` under other names, and a few over them."""

import filecmp as _filecmp
import os as _os
import uuid as _uuid

from .... import gfile as _gfile
from ....io.gfile import GFile as FileIO

__all__ = [
    "FileIO", "atomic_write_string_to_file", "copy", "create_dir", "delete_file", "delete_recursively", "file_exists", "filecmp",
    "get_matching_files", "is_directory", "list_directory", "read_file_to_string", "recursive_create_dir", "rename", "stat",
    "walk", "write_string_to_file",
]  # fmt: skip

copy, rename, stat, walk = _gfile.Copy, _gfile.Rename, _gfile.Stat, _gfile.Walk
file_exists, get_matching_files, delete_file = _gfile.Exists, _gfile.Glob, _gfile.Remove
create_dir, recursive_create_dir, delete_recursively = _gfile.MkDir, _gfile.MakeDirs, _gfile.DeleteRecursively
is_directory, list_directory = _gfile.IsDirectory, _gfile.ListDirectory


def read_file_to_string(filename, binary_mode=False):
    """What is in a file: bytes where `binary_mode`, else text."""
    with FileIO(filename, "rb" if binary_mode else "r") as file:
        return file.read()


def write_string_to_file(filename, file_content):
    """Makes a file of text or bytes."""
    with FileIO(filename, "w") as file:
        file.write(file_content)


def atomic_write_string_to_file(filename, contents, overwrite=True):
    """Makes a file of text or bytes that is never there in part.

    Raises:
      AlreadyExistsError: it exists, and `overwrite` is off.
    """
    beside = f"{_os.fspath(filename)}.tmp{_uuid.uuid4().hex}"
    write_string_to_file(beside, contents)
    try:
        rename(beside, filename, overwrite)
    except BaseException:
        delete_file(beside)
        raise


def filecmp(filename_a, filename_b):
    """Whether two files have the same bytes."""
    return _filecmp.cmp(filename_a, filename_b, shallow=False)
