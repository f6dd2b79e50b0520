"""`tf.sysconfig`: where the C header lies, and flags for what is compiled against it."""

from pathlib import Path

CXX11_ABI_FLAG = MONOLITHIC_BUILD = 0

__all__ = ["CXX11_ABI_FLAG", "MONOLITHIC_BUILD", "get_compile_flags", "get_include", "get_lib", "get_link_flags"]


def get_include():
    """The directory of the C header for native hooks and ops."""
    from . import get_include

    return get_include()


def get_lib():
    """The directory of the package."""
    return str(Path(__file__).parent)


def get_compile_flags():
    """What a compiler is told to find the header."""
    return [f"-I{get_include()}"]


def get_link_flags():
    """What a linker is told: nothing, as native hooks are given to the package by their address."""
    return []


def __dir__():
    return list(__all__)
