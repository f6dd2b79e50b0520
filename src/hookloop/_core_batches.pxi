# Iterators over batches that C gathers from arrays: csrc/batches.h.

cdef extern from *:
    """
    static void hl_release_arrays(void *owner) {
        PyGILState_STATE state = PyGILState_Ensure();
        Py_DECREF((PyObject *)owner);
        PyGILState_Release(state);
    }
    """
    void hl_release_arrays(void *owner) noexcept nogil


cdef class IteratorCell:
    """The place of one iterator of a session."""

    cdef hl_iterator iterator
    cdef readonly object key

    def __cinit__(self, key):
        self.key = key
        hl_iterator_open(&self.iterator)

    def __dealloc__(self):
        hl_iterator_close(&self.iterator)

    def start(self, list components, list stages, int64_t ahead, int64_t elements=0, int64_t rows=0):
        """Starts a pass over arrays.

        Args:
          components: for each (hl_dtype, array), the array's first axis being the rows, or (start, step) of numbers.
          stages: the chain, as tuples (kind, number, second, reseeds, key, stream); see csrc/indices.h.
          ahead: how many batches may be prepared before they are wanted.
          elements, rows: how many have been handed out before.

        Raises:
          ValueError: where the dataset has fewer elements.
        """
        cdef hl_component *c = NULL
        cdef hl_stage_spec *specs = _stage_specs(stages)
        cdef hl_indices *indices
        cdef hl_batches *batches = NULL
        cdef int i
        try:
            c = <hl_component *>calloc(max(len(components), 1), sizeof(hl_component))
            if c == NULL:
                raise MemoryError()
            for i in range(len(components)):
                _fill_component(&c[i], components[i])
            indices = hl_indices_new(specs, len(stages))
            if indices != NULL:
                Py_INCREF(components)
                batches = hl_batches_new(c, len(components), indices, ahead, <void *>components, hl_release_arrays)
                if batches == NULL:
                    Py_DECREF(components)
            if batches == NULL:
                raise MemoryError("out of memory for a dataset's iterator")
            if not hl_batches_skip(batches, elements, rows):
                hl_batches_unref(batches)
                raise ValueError(f"the dataset ends before element {elements}")
            hl_iterator_start(&self.iterator, batches)
        finally:
            free(c)
            free(specs)

    def stop(self):
        """Forgets the pass: elements come from elsewhere."""
        hl_iterator_start(&self.iterator, NULL)

    @property
    def started(self):
        """Whether it stands on a pass over arrays."""
        return self.iterator.batches != NULL

    def progress(self):
        """How far the steps have come: (elements, rows, rows of one round of the outermost repetition or 0)."""
        cdef hl_progress progress
        if not hl_iterator_progress(&self.iterator, &progress):
            return None
        return progress.elements, progress.rows, progress.round

    def next(self, check=None):
        """The next element as a tuple of new arrays.

        Args:
          check: called now and then where it takes long, or None; what it raises is raised, and the next call goes on.

        Raises:
          StopIteration: at the end.
        """
        cdef hl_batch *batch = NULL
        cdef hl_status status
        while True:
            with nogil:
                status = hl_iterator_next(&self.iterator, NULL, &batch, NULL, NULL)
            if status != HL_PAUSED:
                break
            PyErr_CheckSignals()
            if check is not None:
                check()
        if status != HL_OK:
            if status == HL_OUT_OF_RANGE:
                raise StopIteration
            raise MemoryError("out of memory for a batch")
        try:
            return tuple([_batch_array(batch, k) for k in range(hl_batches_count(batch.of))])
        finally:
            hl_batch_free(batch)


cdef _fill_component(hl_component *c, tuple component):
    cdef int axis
    if not isinstance(component[1], np.ndarray):
        c.start, c.step = component
        c.dtype = HL_INT64
        c.row_bytes = 8
        return
    cdef np.ndarray array = component[1]
    if not np.PyArray_ISCARRAY_RO(array) or np.PyArray_NDIM(array) == 0:
        raise ValueError("expected an array of rows that is contiguous")
    if np.PyArray_NDIM(array) - 1 > HL_MAX_RANK:
        raise ValueError(f"elements of at most {HL_MAX_RANK} axes are supported, got {np.PyArray_NDIM(array) - 1}")
    c.data = <char *>np.PyArray_DATA(array)
    c.dtype = component[0]
    c.rank = np.PyArray_NDIM(array) - 1
    c.row_bytes = np.PyArray_ITEMSIZE(array)
    for axis in range(c.rank):
        c.dims[axis] = np.PyArray_DIMS(array)[axis + 1]
        c.row_bytes *= c.dims[axis]


cdef object _batch_array(hl_batch *batch, int k):
    cdef const hl_component *c = hl_batches_component(batch.of, k)
    cdef np.npy_intp dims[HL_MAX_RANK + 1]
    cdef int axis
    cdef int grouped = hl_batches_grouped(batch.of)
    dims[0] = batch.rows
    for axis in range(c.rank):
        dims[axis + grouped] = c.dims[axis]
    cdef np.ndarray array = np.PyArray_EMPTY(c.rank + grouped, dims, _numpy_type(c.dtype), 0)
    memcpy(np.PyArray_DATA(array), batch.data[k], batch.rows * c.row_bytes)
    return array
