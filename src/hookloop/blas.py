"""OpenBLAS, in a private copy of the package scipy-openblas32: one thread, loaded when first needed.

Products of matrices run in hookloop's own kernels; this is for comparison and for what they do not do.
"""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache

from . import _core

__all__ = ["core_name", "library"]

# OpenBLAS takes some processors with AVX-512 for older ones: it is told which kernels to load.
_CORES = {"baseline": "Prescott", "avx2": "Haswell", "avx512": "SkylakeX"}


@lru_cache(maxsize=1)
def library():
    """The loaded library.

    Raises:
      ImportError: where scipy-openblas32 is not installed.
      RuntimeError: where OpenBLAS does not load the kernels that it was told to.
    """
    try:
        import scipy_openblas32
    except ImportError:
        raise ImportError("OpenBLAS is needed: pip install scipy-openblas32") from None
    wanted = _CORES[_core.isa_name()]
    names = ("OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(OPENBLAS_CORETYPE=wanted, OPENBLAS_NUM_THREADS="1")
    try:
        path = os.path.join(scipy_openblas32.get_lib_dir(), scipy_openblas32.get_library(fullname=True))
        loaded = ctypes.CDLL(path)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return loaded


def core_name():
    """Which of its kernels OpenBLAS runs, e.g. "SkylakeX"."""
    function = library().scipy_openblas_get_corename
    function.restype = ctypes.c_char_p
    return function().decode()
