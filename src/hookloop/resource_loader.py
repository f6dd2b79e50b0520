"""`tf.resource_loader`: files that lie beside a program's."""

from __future__ import annotations

import inspect as _inspect
import os as _os
import sys as _sys

__all__ = [
    "get_data_files_path", "get_path_to_datafile", "get_root_dir_with_all_resources", "load_resource", "readahead_file_path",
]  # fmt: skip


def _directory_of_caller():
    return _os.path.dirname(_inspect.getfile(_sys._getframe(2)))


def get_data_files_path():
    """The directory of the file that calls this."""
    return _directory_of_caller()


def get_path_to_datafile(path):
    """A path that is relative to the file that calls this, as one that is not."""
    return _os.path.join(_directory_of_caller(), path)


def get_root_dir_with_all_resources():
    """The directory of this package."""
    return _os.path.dirname(_os.path.abspath(__file__))


def load_resource(path):
    """The bytes of a file, whose path may be relative to this package's.

    Raises:
      FileNotFoundError: where there is none.
    """
    with open(_os.path.join(get_root_dir_with_all_resources(), path), "rb") as file:
        return file.read()


def readahead_file_path(path, readahead="128M"):
    """The path: files are not read ahead."""
    del readahead
    return path


def __dir__():
    return list(__all__)
