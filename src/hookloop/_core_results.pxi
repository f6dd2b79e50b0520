# What a run gives: NumPy scalars, copies of small values, and large values with the memory that they were computed in.

from cpython.pycapsule cimport PyCapsule_New

cdef extern from "results.h" nogil:
    char *hl_result_new(size_t bytes)
    void hl_result_free(char *data)

cdef extern from *:
    """
    /* The memory that the next array of this thread takes instead of new one. */
    static _Thread_local char *hl_adopted;

    static void *hl_adopt(void *context, size_t bytes) {
        char *memory = hl_adopted;
        (void)context;
        if (!memory || hl_result_capacity(memory) < bytes) return hl_result_new(bytes);
        hl_adopted = NULL;
        return memory;
    }
    static void *hl_zeros(void *context, size_t count, size_t bytes) {
        char *memory = bytes && count > SIZE_MAX / bytes ? NULL : hl_adopt(context, count * bytes);
        return memory ? memset(memory, 0, count * bytes) : NULL;
    }
    static void hl_drop(void *context, void *memory, size_t bytes) { (void)context, (void)bytes; hl_result_free(memory); }
    static void *hl_resize(void *context, void *memory, size_t bytes) {
        char *fresh = hl_adopt(context, bytes);
        const size_t before = memory ? hl_result_capacity(memory) : 0;
        if (!fresh) return NULL;
        if (memory) memcpy(fresh, memory, before < bytes ? before : bytes);
        hl_result_free(memory);
        return fresh;
    }

    static PyDataMem_Handler hl_result_memory = {
        "hookloop_results", 1, {NULL, hl_adopt, hl_zeros, hl_resize, hl_drop}};
    """
    char *hl_adopted
    ctypedef struct PyDataMem_Handler:
        pass
    PyDataMem_Handler hl_result_memory

cdef extern from "numpy/arrayobject.h":
    object PyDataMem_SetHandler(object handler)

cdef object _result_memory = PyCapsule_New(&hl_result_memory, "mem_handler", NULL)


cdef inline object _fetch(hl_frame *frame, int32_t index):
    """The value of a fetched tensor: where it is large and has memory of its own, it takes that along."""
    cdef hl_tensor *tensor = &frame.tensors[index]
    cdef int64_t bytes
    cdef char *memory
    if tensor.rank == 0:
        return _scalar_of(tensor)
    bytes = tensor.size * <int64_t>hl_dtype_size(tensor.dtype)
    if bytes < HL_LARGE_RESULT_BYTES:
        return _small_copy(tensor, bytes)
    memory = hl_frame_take_result(frame, index)
    if memory == NULL:
        memory = hl_result_new(bytes)
        if memory == NULL:
            raise MemoryError(f"there is no room for a fetched value of {bytes:,} bytes")
        memcpy(memory, tensor.data, bytes)
    return _array_over(tensor, memory)


cdef inline object _scalar_of(hl_tensor *tensor):
    if tensor.dtype == HL_FLOAT32:
        return hl_float32_scalar((<float *>tensor.data)[0])
    if tensor.dtype == HL_INT64:
        return hl_int64_scalar((<int64_t *>tensor.data)[0])
    return PyArray_Scalar(tensor.data, np.PyArray_DescrFromType(_numpy_type(tensor.dtype)), None)


cdef inline np.ndarray _array_like(hl_tensor *tensor):
    """A new array of a tensor's shape and type."""
    cdef np.npy_intp dims[HL_MAX_RANK]
    cdef int axis
    for axis in range(tensor.rank):
        dims[axis] = tensor.dims[axis]
    return np.PyArray_EMPTY(tensor.rank, dims, _numpy_type(tensor.dtype), 0)


cdef inline object _small_copy(hl_tensor *tensor, int64_t bytes):
    cdef np.ndarray array = _array_like(tensor)
    if bytes:
        memcpy(np.PyArray_DATA(array), tensor.data, bytes)
    return array


cdef object _array_over(hl_tensor *tensor, char *memory):
    """An array that owns a result's memory, by the way that NumPy has for memory from elsewhere (NEP 49)."""
    global hl_adopted
    try:
        before = PyDataMem_SetHandler(_result_memory)
        hl_adopted = memory
        try:
            return _array_like(tensor)
        finally:
            PyDataMem_SetHandler(before)
    finally:
        hl_result_free(hl_adopted)  # NULL, unless there was no room for the array itself
        hl_adopted = NULL
