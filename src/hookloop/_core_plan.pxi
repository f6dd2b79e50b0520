# Plans and what they are bound to: variables, random streams, frames.

cdef enum:
    DTYPES = 32  # more than there are numbers of hl_dtype

cdef int[DTYPES] _NUMPY_TYPE  # hl_dtype -> NumPy's type number; -1 where NumPy has none


cdef int _fill_numpy_types() except -1:
    cdef int i
    for i in range(DTYPES):
        _NUMPY_TYPE[i] = -1
    for number, name in ((HL_FLOAT32, "f4"), (HL_FLOAT64, "f8"), (HL_INT32, "i4"), (HL_UINT8, "u1"), (HL_INT16, "i2"), (HL_INT8, "i1"),
                         (HL_COMPLEX64, "c8"), (HL_INT64, "i8"), (HL_BOOL, "?"), (HL_UINT16, "u2"), (HL_COMPLEX128, "c16"),
                         (HL_FLOAT16, "f2"), (HL_UINT32, "u4"), (HL_UINT64, "u8")):
        _NUMPY_TYPE[<int>number] = np.dtype(name).num
    return 0


_fill_numpy_types()


cdef inline int _numpy_type(int dtype) except -2:
    """NumPy's type number of an hl_dtype; bfloat16 gets its own from ml_dtypes when it is first met."""
    if _NUMPY_TYPE[dtype] < 0 and dtype == HL_BFLOAT16:
        try:
            from ml_dtypes import bfloat16
        except ImportError:
            raise TypeError("bfloat16 in NumPy needs ml_dtypes: pip install 'hookloop[bfloat16]'") from None
        _NUMPY_TYPE[HL_BFLOAT16] = np.dtype(bfloat16).num
    return _NUMPY_TYPE[dtype]


cdef class VariableCell:
    """The memory of one variable of a session: contiguous, 64-byte aligned."""

    cdef hl_variable variable
    cdef readonly object key
    cdef readonly object dtype
    cdef public np.ndarray text   # the value of a variable of text, which has no memory of its own
    cdef bint exported

    def __cinit__(self, key, int number, object dtype):
        self.key = key
        self.dtype = dtype
        self.variable.dtype = number
        self.variable.rank = -1

    def __dealloc__(self):
        hl_block_free(self.variable.data, self.variable.capacity)

    @property
    def initialized(self):
        return hl_variable_is_initialized(&self.variable)

    @property
    def shape(self):
        """Its dimensions, or None before it has a shape."""
        cdef int64_t dims[HL_MAX_RANK]
        cdef int rank = hl_variable_shape(&self.variable, dims)
        if rank < 0:
            return None
        return tuple([dims[axis] for axis in range(rank)])

    def reshape(self, tuple dims):
        cdef int64_t sizes[HL_MAX_RANK]
        if len(dims) > HL_MAX_RANK:
            raise ValueError(f"variables of at most {HL_MAX_RANK} axes are supported, {self.key!r} has {len(dims)}")
        for axis, dim in enumerate(dims):
            sizes[axis] = dim
        if hl_variable_reshape(&self.variable, len(dims), sizes) != HL_OK:
            raise MemoryError(f"out of memory for variable {self.key!r} of shape {dims}")

    def view(self, bint writeable=False):
        """The variable's own memory as an array."""
        cdef np.npy_intp dims[HL_MAX_RANK]
        cdef int axis
        cdef np.ndarray array
        if self.text is not None:
            array = self.text.view()
            array.setflags(write=False)
            return array
        for axis in range(self.variable.rank):
            dims[axis] = self.variable.dims[axis]
        array = np.PyArray_SimpleNewFromData(
            self.variable.rank, dims, _numpy_type(self.variable.dtype), self.variable.data)
        np.set_array_base(array, self)
        self.exported = True
        if not writeable:
            array.setflags(write=False)
        return array

    def mark(self, bint initialized=True):
        self.variable.initialized = initialized

    def set(self, value):
        """Takes over a value's shape and its elements."""
        if self.shape != value.shape:
            self.reshape(value.shape)
        if self.variable.dtype == HL_STRING:  # an array of objects
            self.text = np.array(value, object)
        else:
            self.view(True)[...] = value

    def snapshot(self):
        """What `restore` brings back: whether it is initialized, its dimensions, a copy of its value."""
        value = self.view().copy() if self.initialized else None
        return self.initialized, self.shape, value

    def restore(self, snapshot):
        initialized, shape, value = snapshot
        if value is not None:
            self.set(value)
        self.variable.initialized = initialized


cdef class StreamCell:
    """The random stream of one op in one session.

    Args:
      key, stream, counter: where it begins.
      weights: int64 [n], which belong to it: what an op has learned that draws by how often it has seen a class; or None.
    """

    cdef hl_stream words
    cdef readonly object weights

    def __cinit__(self, uint64_t key, uint64_t stream, uint64_t counter=0, weights=None):
        cdef int64_t[::1] view
        self.words.key = key
        self.words.stream = stream
        self.words.counter = counter
        self.weights = weights
        if weights is not None:
            view = weights
            self.words.weights = &view[0]

    def restore(self, uint64_t key, uint64_t stream, uint64_t counter, weights=None):
        """Goes on where another stream stood."""
        self.words.key, self.words.stream, self.words.counter = key, stream, counter
        if weights is not None:
            self.weights[...] = weights

    def state(self):
        """What `restore` takes."""
        weights = None if self.weights is None else self.weights.copy()
        return self.words.key, self.words.stream, self.words.counter, weights

    @property
    def key(self):
        return self.words.key

    @property
    def stream(self):
        return self.words.stream

    @property
    def counter(self):
        return self.words.counter

    @counter.setter
    def counter(self, uint64_t value):
        self.words.counter = value


cdef class Arena:
    """The memory of the frames of one thread at a time."""

    cdef hl_arena *arena

    def __cinit__(self):
        self.arena = hl_arena_new()
        if self.arena == NULL:
            raise MemoryError()

    def __dealloc__(self):
        hl_arena_free(self.arena)


@cython.final
cdef class Plan:
    """The immutable tables of one compiled request; see csrc/frame.h."""

    cdef hl_plan plan
    cdef readonly dict tables
    cdef list keep
    cdef hl_value *attrs
    cdef const hl_kernel **kernels
    cdef void **constants

    def __cinit__(self, dict tables):
        cdef hl_plan *plan = &self.plan
        cdef np.ndarray array
        self.tables = tables
        self.keep = []
        plan.initial_regs = <const int64_t *>self._data(tables["initial_regs"])
        plan.n_regs = tables["initial_regs"].shape[0]
        plan.size_ops = <const hl_size_op *>self._data(tables["size_ops"])
        plan.n_size_ops = tables["size_ops"].shape[0]
        plan.tensors = <const hl_tensor_spec *>self._data(tables["tensors"])
        plan.n_tensors = tables["tensors"].shape[0]
        plan.dims = <const int32_t *>self._data(tables["dims"])
        plan.n_dims = tables["dims"].shape[0]
        plan.instrs = <const hl_instr_spec *>self._data(tables["instrs"])
        plan.n_instrs = tables["instrs"].shape[0]
        plan.operands = <const int32_t *>self._data(tables["operands"])
        plan.n_operands = tables["operands"].shape[0]
        plan.groups = <const hl_group_spec *>self._data(tables["groups"])
        plan.n_groups = tables["groups"].shape[0]
        plan.tensor_order = <const int32_t *>self._data(tables["tensor_order"])
        plan.instr_order = <const int32_t *>self._data(tables["instr_order"])
        plan.watched = <const int32_t *>self._data(tables["watched"])
        plan.group_deps = <const int32_t *>self._data(tables["group_deps"])
        plan.uses = <const hl_use *>self._data(tables["uses"])
        plan.n_uses = tables["uses"].shape[0]
        plan.first_use = <const int32_t *>self._data(tables["first_use"])
        plan.result_tensors = <const int32_t *>self._data(tables["result_tensors"])
        plan.n_results = tables["result_tensors"].shape[0]
        plan.n_feeds = tables["first_use"].shape[0] - 1 - plan.n_results
        plan.batches = <const hl_batch_spec *>self._data(tables["batch_specs"])
        plan.n_batches = tables["batch_specs"].shape[0]
        plan.batch_axes = <const int32_t *>self._data(tables["batch_axes"])
        counts = tables["counts"]
        plan.n_arena_slots = counts["arena_slots"]
        plan.n_grown = counts["grown"]
        plan.n_folded = counts["folded"]
        plan.n_objects = counts["objects"]
        plan.n_stacks = counts["stacks"]
        plan.n_variables = len(tables["variables"])
        plan.n_streams = len(tables["streams"])
        plan.prologue_end = tables["prologue_end"]
        plan.commit = tables["commit"]
        plan.interruptible = tables["interruptible"]
        self._take_attrs(tables["attrs"])
        self._take_kernels(tables["kernels"])
        self._take_constants(tables["constants"])

    cdef void *_data(self, np.ndarray array) except? NULL:
        self.keep.append(array)
        return np.PyArray_DATA(array)

    cdef _take_attrs(self, list attrs):
        cdef Py_ssize_t i, n = len(attrs)
        self.attrs = <hl_value *>calloc(max(n, 1), sizeof(hl_value))
        if self.attrs == NULL:
            raise MemoryError()
        for i in range(n):
            if isinstance(attrs[i], float):
                self.attrs[i].f = attrs[i]
            elif isinstance(attrs[i], str):  # a kernel that the instruction's own kernel calls
                self.attrs[i].p = <void *>hl_find_kernel(attrs[i].encode())
                if self.attrs[i].p == NULL:
                    raise ValueError(f"there is no kernel {attrs[i]!r}")
            else:
                self.attrs[i].i = int(attrs[i])
        self.plan.attrs = self.attrs
        self.plan.n_attrs = n

    cdef _take_kernels(self, list names):
        cdef Py_ssize_t i, n = len(names)
        cdef const hl_kernel *kernel
        cdef dict found = {}
        self.kernels = <const hl_kernel **>calloc(max(n, 1), sizeof(hl_kernel *))
        if self.kernels == NULL:
            raise MemoryError()
        for i in range(n):
            address = found.get(names[i])
            if address is None:
                name = names[i].encode()
                kernel = hl_control_kernel(name)
                if kernel == NULL:
                    kernel = hl_find_kernel(name)
                if kernel == NULL:
                    raise RuntimeError(f"there is no kernel {names[i]!r}")
                address = found[names[i]] = <uintptr_t>kernel
            self.kernels[i] = <const hl_kernel *><uintptr_t>address
        self.plan.kernels = self.kernels

    cdef _take_constants(self, list arrays):
        cdef Py_ssize_t i, n = len(arrays)
        self.constants = <void **>calloc(max(n, 1), sizeof(void *))
        if self.constants == NULL:
            raise MemoryError()
        for i in range(n):
            self.keep.append(arrays[i])
            self.constants[i] = np.PyArray_DATA(<np.ndarray>arrays[i])
        self.plan.constants = self.constants
        self.plan.n_constants = n

    def __dealloc__(self):
        free(self.attrs)
        free(<void *>self.kernels)
        free(self.constants)


@cython.final
cdef class Frame:
    """One copy of a plan's instructions, with what they point at."""

    cdef hl_frame *frame
    cdef readonly Plan plan
    cdef readonly Arena arena
    cdef list keep
    cdef list objects
    cdef dict pending
    cdef object session
    cdef list replay
    cdef list log
    cdef bint keeps_log
    cdef bint keeps_lock               # Python's lock is held while elements are waited for
    cdef list elements                 # of iterators, where the host handed them out
    cdef int64_t deadline_ns
    cdef readonly object raised
    cdef object stops      # while a loop runs many steps: says whether it is to stop after the step it makes; or None
    cdef int32_t stop      # it is
    cdef hl_trace *trace   # of the run to come, or NULL

    def __cinit__(self, Plan plan, Arena arena, session, list variables, list streams, list iterators,
                  int threads):
        cdef Py_ssize_t i
        self.plan = plan
        self.arena = arena
        self.session = session
        self.keep = [variables, streams, iterators]
        self.elements = [None] * len(iterators)
        self.pending = {}
        self.replay = []
        self.log = None
        self.frame = hl_frame_new(&plan.plan, arena.arena)
        if self.frame == NULL:
            raise MemoryError()
        self.frame.host = _host_call
        self.frame.poll = _poll_call
        self.frame.owner = <void *>self
        self.frame.run.threads = threads
        if threads > 1:
            self.frame.run.pool = hl_pool_get(threads)
        for i in range(len(variables)):
            self.frame.variables[i] = &(<VariableCell>variables[i]).variable
        for i in range(len(streams)):
            self.frame.streams[i] = &(<StreamCell>streams[i]).words
        for i in range(len(iterators)):
            self.frame.iterators[i] = &(<IteratorCell>iterators[i]).iterator
        self.objects = [source if isinstance(source, np.ndarray) else None for source in plan.tables["objects"]]

    def __dealloc__(self):
        if self.frame != NULL:
            hl_frame_free(self.frame)
