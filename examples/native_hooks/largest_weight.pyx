# cython: language_level=3
"""A native hook in Cython: the largest element of a matrix over all steps.

    hook = largest_weight.hook(buffer)      a capsule for hookloop.train.NativeHook
"""

from cpython.pycapsule cimport PyCapsule_New, PyCapsule_SetContext
from libc.stdint cimport int32_t, int64_t


cdef extern from "hookloop.h":
    const char *HOOKLOOP_HOOK_CAPSULE
    int HL_HOOK_CONTINUE
    ctypedef struct hl_hook_tensor:
        const void *data
        int64_t size
    ctypedef struct hl_hook_ctx:
        const hl_hook_tensor *fetches


cdef int32_t after_step(hl_hook_ctx *ctx, void *user_data) noexcept nogil:
    cdef double *largest = <double *>user_data
    cdef const float *values = <const float *>ctx.fetches[0].data
    cdef int64_t i
    for i in range(ctx.fetches[0].size):
        if values[i] > largest[0]:
            largest[0] = values[i]
    return HL_HOOK_CONTINUE


def hook(double[::1] largest):
    """A hook that keeps the largest element in `largest[0]`, an array that must live as long as the hook."""
    capsule = PyCapsule_New(<void *>after_step, HOOKLOOP_HOOK_CAPSULE, NULL)
    PyCapsule_SetContext(capsule, &largest[0])
    return capsule
