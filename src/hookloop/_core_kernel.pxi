# One kernel by itself, on the caller's own arrays: for tests and measurements of kernels.

cdef int _dtype_number(dtype) except -1:
    """The hl_dtype of NumPy's dtype."""
    cdef int number
    if dtype.name == "bfloat16":
        return HL_BFLOAT16
    for number in range(DTYPES):
        if _NUMPY_TYPE[number] == dtype.num:
            return number
    raise TypeError(f"no kernel has operands of dtype {dtype}")


cdef hl_status _stop_after(hl_run *run) noexcept nogil:
    """A poll function that says to stop when it is asked once more than run.frame's number tells."""
    cdef int64_t *left = <int64_t *>run.frame
    left[0] -= 1
    if left[0] < 0:
        run.stopped = HL_CANCELLED
    return run.stopped


cdef enum:
    MOST_OPERANDS = 32
    MOST_ATTRIBUTES = 64
    MOST_REGISTERS = 64


@cython.final
cdef class KernelCall:
    """A kernel prepared for operands that stay the caller's arrays (strided views too).

    Args:
      name: the kernel's name.
      inputs: arrays, or `StreamCell`s for kernels that draw random numbers.
      outputs: arrays that are written.
      attributes: ints and floats.
      threads: how many threads may work on it.
    """

    cdef list keep
    cdef hl_tensor tensors[MOST_OPERANDS]
    cdef hl_tensor *operands[MOST_OPERANDS]
    cdef void *pointers[MOST_OPERANDS]
    cdef hl_value attributes[MOST_ATTRIBUTES]
    cdef int64_t regs[MOST_REGISTERS]
    cdef hl_instr instr
    cdef hl_run run
    cdef void *params
    cdef void *scratch
    cdef readonly double cost_ns
    cdef readonly str choice

    def __cinit__(self, str name, inputs, outputs, attributes=(), int threads=1):
        cdef const hl_kernel *kernel
        cdef hl_prepare prep
        cdef int i, n = len(inputs) + len(outputs)
        encoded = name.encode()
        kernel = hl_find_kernel(encoded)
        if kernel == NULL:
            raise ValueError(f"there is no kernel {name!r}")
        if n > MOST_OPERANDS or len(attributes) > MOST_ATTRIBUTES:
            raise ValueError(
                f"expected at most {MOST_OPERANDS} operands and {MOST_ATTRIBUTES} attributes, got {n} and {len(attributes)}")
        self.keep = [*inputs, *outputs]
        for i in range(n):
            self._describe(self.keep[i], i)
        for i in range(len(attributes)):
            if isinstance(attributes[i], float):
                self.attributes[i].f = attributes[i]
            else:
                self.attributes[i].i = attributes[i]
        self.params = calloc(1, hl_param_bytes(kernel, self.attributes) + 1)
        if self.params == NULL:
            raise MemoryError()
        for i in range(min(n, HL_DIRECT_ARGS)):
            self.instr.arg[i] = self.pointers[i]
        if n > HL_DIRECT_ARGS:
            self.instr.arg[0] = self.pointers
        self.instr.p[2].p = self.params
        memset(&prep, 0, sizeof(prep))
        prep.n_in, prep.n_out, prep.n_attr = len(inputs), len(outputs), len(attributes)
        prep.input = self.operands
        prep.out = self.operands + prep.n_in
        prep.attr, prep.regs = self.attributes, self.regs
        prep.ins, prep.params = &self.instr, self.params
        if kernel.prepare(&prep) != HL_OK:
            raise ValueError(f"{name}: {prep.message.decode()}")
        self.cost_ns = prep.cost_ns
        self.choice = prep.choice.decode() if prep.choice != NULL else ""
        self.run.regs, self.run.threads = self.regs, threads
        self.run.scratch_bytes = (prep.scratch_bytes + 63) // 64 * 64
        self.scratch = malloc(self.run.scratch_bytes * threads + prep.shared_bytes + 64)
        if self.scratch == NULL:
            raise MemoryError()
        self.run.scratch = <char *>((<uintptr_t>self.scratch + 63) // 64 * 64)
        self.run.shared = self.run.scratch + self.run.scratch_bytes * threads
        self.run.pool = hl_pool_get(threads) if threads > 1 else NULL

    def __dealloc__(self):
        free(self.params)
        free(self.scratch)

    cdef _describe(self, operand, int i):
        cdef hl_tensor *tensor = &self.tensors[i]
        cdef np.ndarray array
        self.operands[i] = tensor
        if isinstance(operand, StreamCell):
            tensor.dtype, tensor.size, tensor.contiguous = HL_RESOURCE, 1, True
            tensor.data = <char *>&(<StreamCell>operand).words
        else:
            array = operand
            if array.ndim > HL_MAX_RANK:
                raise ValueError(f"expected operands of at most {HL_MAX_RANK} axes, got {array.ndim}")
            tensor.dtype = _dtype_number(array.dtype)
            tensor.rank, tensor.size = array.ndim, array.size
            tensor.contiguous = array.flags.c_contiguous
            tensor.data = <char *>np.PyArray_DATA(array)
            for axis in range(array.ndim):
                tensor.dims[axis] = array.shape[axis]
                tensor.strides[axis] = array.strides[axis] // array.itemsize
        self.pointers[i] = tensor.data

    def scratch_bytes(self):
        """What the last run has left in the first thread's scratch."""
        return (<char *>self.run.scratch)[:self.run.scratch_bytes]

    def __call__(self, int64_t repeats=1, int64_t polls=-1):
        """Runs it so many times and returns the nanoseconds that took; told to stop after so many polls, where these are given."""
        cdef int64_t begin, k
        cdef unsigned mode
        cdef hl_status status = HL_OK
        self.run.stopped = HL_OK
        self.run.poll = NULL
        if polls >= 0:
            self.run.poll = _stop_after
        self.run.frame = &polls
        with nogil:
            mode = hl_flush_denormals()
            begin = hl_now_ns()
            for k in range(repeats):
                status = self.instr.fn(&self.instr, &self.run)
                if self.run.stopped != HL_OK:
                    status = self.run.stopped
                if status != HL_OK:
                    break
            begin = hl_now_ns() - begin
            hl_restore_denormals(mode)
        if status != HL_OK:
            raise ValueError(f"status {<int>status}: {self.run.message.decode()}")
        return begin
