# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# cython: binding=False, embedsignature=True, embedsignature.format=clinic
"""What is compiled: how a node is added to a graph, and the run path (plans, frames, the plan table, the hook loop).
The only door to csrc.

It knows no Python module of the package: what is rare (compiling, converting odd feeds, wording an error)
is asked of the `Session` that inherits from `SessionCore`.
"""

cimport cython
cimport numpy as np
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.dict cimport PyDict_Next, PyDict_Size
from cpython.exc cimport PyErr_CheckSignals
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE, PyList_New, PyList_SET_ITEM
from cpython.object cimport PyObject, PyObject_GenericSetAttr
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, getenv, malloc, realloc
from libc.string cimport memcpy, memset

from operator import index
from threading import RLock
from threading import local as thread_local

import numpy as np

np.import_array()

include "_core_shapes.pxi"
include "_core_graph.pxi"
include "_core_inputs.pxi"
include "_core_batches.pxi"
include "_core_plan.pxi"
include "_core_results.pxi"
include "_core_kernel.pxi"
include "_core_run.pxi"
include "_core_request.pxi"
include "_core_session.pxi"
include "_core_nested.pxi"
include "_core_call.pxi"
include "_hook_clock.pxi"
include "_core_steps.pxi"
include "_core_rows.pxi"
include "_core_texts.pxi"
include "_core_tables.pxi"
include "_hook_types.pxi"
include "_hook_native.pxi"
include "_hook_slot.pxi"
include "_hook_merged.pxi"
include "_hook_loop.pxi"


def isa_name():
    """The ISA level whose kernels run: baseline, avx2 or avx512."""
    return hl_isa_name().decode()


def isa_levels():
    """The ISA levels that can run on this machine, as names for HOOKLOOP_ISA."""
    return [level for level in ("baseline", "avx2", "avx512") if hl_isa_runs(level.encode())]


def debug_counters():
    """What a build with HOOKLOOP_BUILD=debug counts: runs, instructions, preparations; None in any other build."""
    cdef const hl_counters *counters = hl_debug_counters()
    if counters == NULL:
        return None
    return {"runs": counters.runs, "instructions": counters.instructions, "preparations": counters.preparations}


if hl_isa_choose(getenv("HOOKLOOP_ISA")) != 0:
    raise ImportError(hl_isa_error().decode())
