"""Disks that refuse to be written, for tests; whoever runs them, root too."""

import os
import resource
import shutil
import subprocess
from contextlib import contextmanager

import pytest

import hookloop as tf

LIMIT = 40_000  # bytes, less than one of the tests' checkpoints has
NOBODY = 65534


@contextmanager
def small_files(directory):
    """No file can be larger than LIMIT."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def full_file_system(directory):
    """A file system of its own, which something else has filled."""
    filler = os.path.join(directory, "filler")
    handle = os.open(filler, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(handle, bytes(LIMIT // 4))
    except OSError:
        os.close(handle)
    os.truncate(filler, max(os.path.getsize(filler) - LIMIT, 0))
    try:
        yield
    finally:
        os.remove(filler)


@contextmanager
def read_only(directory):
    """A directory that this user may not write to."""
    mode = os.stat(directory).st_mode
    os.chmod(directory, 0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(0)
        os.chmod(directory, mode)


@contextmanager
def file_in_its_place(directory):
    """There is a file where the directory was."""
    os.rename(directory, directory + ".away")
    with open(directory, "wb"):
        pass
    try:
        yield
    finally:
        os.remove(directory)
        os.rename(directory + ".away", directory)


# Fault -> (what brings it about, the error's class, what its text says).
FAULTS = {
    "small files": (small_files, tf.errors.ResourceExhaustedError, "File too large"),
    "full": (full_file_system, tf.errors.ResourceExhaustedError, "No space left on device"),
    "read-only": (read_only, tf.errors.PermissionDeniedError, "Permission denied"),
    "a file": (
        file_in_its_place,
        (tf.errors.OpError, ValueError),
        # A thread that saves may look in the moment in which neither is there.
        "File exists|Not a directory|doesn't exist, can't save|No such file or directory",
    ),
}


@contextmanager
def disk_for(fault, path):
    """A directory on which the fault can be brought about."""
    directory = os.path.join(path, "disk")
    os.mkdir(directory)
    if fault == "read-only":
        directory = os.path.join(directory, "inner")
        os.mkdir(directory)
        for parent in _parents(directory):  # nobody may look for it
            if os.stat(parent).st_uid == os.geteuid():
                os.chmod(parent, os.stat(parent).st_mode | 0o755)
    if fault != "full":
        yield directory
        return
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("mounts a small file system: this needs root's rights")
    try:
        yield directory
    finally:
        subprocess.run(["umount", directory], check=True)


def _parents(path):
    while path != os.path.dirname(path):
        yield path
        path = os.path.dirname(path)
