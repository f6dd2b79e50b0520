# The run path: from a request to a plan's frame, and back to Python values.

cdef enum:
    RECENT = 8            # requests that are found without hashing
    GIL_COST_NS = 10000   # plans estimated above this give the GIL back while they run
    POLL_PERIOD_NS = 10000000
    OPEN = -1             # a feed's dimension that the plan leaves open


cdef struct FeedSpec:
    int type_number
    int rank
    np.npy_intp dims[10]  # OPEN, or what the plan was compiled for
    int32_t registers[10]


@cython.final
cdef class Entry:
    """One compiled request of a session: its plan, what it feeds and fetches, its frame.

    `frame` is the frame of the session's first context; other contexts (several threads, a run inside a
    py_func) keep theirs in `others`.
    """

    cdef readonly Plan plan
    cdef readonly tuple feeds          # tensors, in the plan's order
    cdef readonly list fetch_tensors
    cdef FeedSpec *specs
    cdef int n_feeds, n_fetches
    cdef bint has_object_feeds, has_open_variables, checked
    cdef bint bindable                 # it has its frame, and feeds that can be bound in place
    cdef bint steady                   # and has run: nothing of it is open but sizes
    cdef public bint stale             # it assumed what a run found otherwise: requests are looked up again
    cdef int32_t *fetch_index
    cdef uint8_t *fetch_is_object
    cdef int32_t *feed_objects         # object slot of each feed, or -1
    cdef list required                 # (VariableCell, op)
    cdef list variables
    cdef list streams
    cdef Frame frame
    cdef dict others
    cdef readonly object request       # what the plan was compiled from
    cdef object __weakref__

    def __cinit__(self, Plan plan, tuple feeds, feed_shapes, feed_types, list variables, list streams, list required,
                  request=None):
        cdef int i, axis
        self.plan = plan
        self.feeds = feeds
        self.variables = variables
        self.streams = streams
        self.required = required
        self.request = request
        self.others = {}
        self.n_feeds = len(feeds)
        fetches = plan.tables["fetches"]
        self.n_fetches = len(fetches)
        self.specs = <FeedSpec *>calloc(max(self.n_feeds, 1), sizeof(FeedSpec))
        self.feed_objects = <int32_t *>calloc(max(self.n_feeds, 1), sizeof(int32_t))
        self.fetch_index = <int32_t *>calloc(max(self.n_fetches, 1), sizeof(int32_t))
        self.fetch_is_object = <uint8_t *>calloc(max(self.n_fetches, 1), 1)
        for i in range(self.n_fetches):
            self.fetch_is_object[i] = fetches[i][0]
            self.fetch_index[i] = fetches[i][1]
        for i in range(self.n_feeds):
            self.feed_objects[i] = -1
            self.specs[i].type_number = _numpy_type(feed_types[i]) if feed_types[i] not in (7, 20, 21) else -2
            self.specs[i].rank = len(feed_shapes[i])
            for axis in range(self.specs[i].rank):
                self.specs[i].dims[axis] = feed_shapes[i][axis]
            if self.specs[i].type_number == -2:
                self.has_object_feeds = True
        for i, axis, register in plan.tables["feed_registers"]:
            self.specs[i].dims[axis] = OPEN
            self.specs[i].registers[axis] = register
        for at, source in enumerate(plan.tables["objects"]):
            if isinstance(source, tuple) and source[0] == "feed":
                self.feed_objects[<int>source[1]] = at
        self.has_open_variables = len(plan.tables["variable_registers"]) > 0

    def __dealloc__(self):
        free(self.specs)
        free(self.feed_objects)
        free(self.fetch_index)
        free(self.fetch_is_object)

    def accepts(self, list shapes):
        """Whether arrays of these shapes fit what the plan was compiled for."""
        cdef int i, axis
        for i in range(self.n_feeds):
            if len(shapes[i]) != self.specs[i].rank:
                return False
            for axis in range(self.specs[i].rank):
                if self.specs[i].dims[axis] != OPEN and self.specs[i].dims[axis] != shapes[i][axis]:
                    return False
        return True


cdef struct Watch:
    # What is looked at in C after a run, of a list of fetches: its last `count` are not wanted while they are finite.
    int count
    bint due        # left True where the whole list is returned: else its first value alone


cdef enum RequestKind:
    SINGLE, LIST, TUPLE


cdef struct Request:
    # A request as C sees it; what it points at is held by its `Recent`.
    PyObject *recent
    PyObject *fetches      # the element itself, where it is a single one
    PyObject **items
    PyObject **keys        # feed_dict's keys in their order
    int *feed_of           # key position -> feed of the plan
    int *slot_of           # item position -> fetched value, or -1 (an operation)
    int n_items, n_keys
    RequestKind kind


@cython.final
cdef class Recent:
    """A request as it was written last time: matched by the identity of its parts."""

    cdef Request request
    cdef object fetches
    cdef tuple items
    cdef tuple keys
    cdef int64_t used          # when it was last matched
    cdef Entry entry

    def __cinit__(self, fetches, int kind, tuple items, tuple keys, list feed_of, list slot_of, Entry entry):
        cdef int i
        cdef Request *request = &self.request
        self.fetches = fetches
        self.items = items
        self.keys = keys
        self.entry = entry
        request.recent = <PyObject *>self
        request.kind = <RequestKind>kind
        request.fetches = <PyObject *>fetches
        request.n_items = len(items)
        request.n_keys = len(keys)
        request.items = <PyObject **>calloc(request.n_items + request.n_keys, sizeof(PyObject *))
        request.slot_of = <int *>calloc(request.n_items + request.n_keys, sizeof(int))
        if request.items == NULL or request.slot_of == NULL:
            raise MemoryError()
        request.keys = request.items + request.n_items
        request.feed_of = request.slot_of + request.n_items
        for i in range(request.n_keys):
            request.feed_of[i] = feed_of[i]
            request.keys[i] = PyTuple_GET_ITEM(keys, i)
        for i in range(request.n_items):
            request.slot_of[i] = slot_of[i]
            request.items[i] = PyTuple_GET_ITEM(items, i)

    def __dealloc__(self):
        free(self.request.items)
        free(self.request.slot_of)


cdef inline bint _same_fetches(const Request *request, PyObject *fetches) noexcept:
    cdef int i
    if request.kind == SINGLE:
        return fetches == request.fetches
    if request.kind == LIST:
        if type(<object>fetches) is not list or PyList_GET_SIZE(<object>fetches) != request.n_items:
            return False
        for i in range(request.n_items):
            if PyList_GET_ITEM(<object>fetches, i) != request.items[i]:
                return False
        return True
    if type(<object>fetches) is not tuple or PyTuple_GET_SIZE(<object>fetches) != request.n_items:
        return False
    for i in range(request.n_items):
        if PyTuple_GET_ITEM(<object>fetches, i) != request.items[i]:
            return False
    return True


cdef inline bint _same_feeds(const Request *request, PyObject *feed_dict, PyObject **values) noexcept:
    """Compares the keys; collects the values in the plan's order."""
    cdef Py_ssize_t position = 0
    cdef PyObject *key
    cdef int i
    if feed_dict == <PyObject *>None:
        return request.n_keys == 0
    if type(<object>feed_dict) is not dict or hl_dict_size(feed_dict) != request.n_keys:
        return False
    for i in range(request.n_keys):
        if not PyDict_Next(<object>feed_dict, &position, &key, &values[request.feed_of[i]]):
            return False
        if key != request.keys[i]:
            return False
    return True


cdef extern from *:
    """
    /* Whether this is an ndarray of that type and rank, whose elements lie in order, aligned, in native byte order. */
    static CYTHON_INLINE int hl_is_plain_array(PyObject *object, int type_number, int rank) {
        const int plain = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED;
        PyArrayObject *array = (PyArrayObject *)object;
        return PyArray_CheckExact(object) && PyArray_TYPE(array) == type_number && PyArray_NDIM(array) == rank
            && (PyArray_FLAGS(array) & plain) == plain && PyArray_ISNOTSWAPPED(array);
    }
    #define hl_dict_size(dict) ((PyDictObject *)(dict))->ma_used
    """
    bint hl_is_plain_array(PyObject *object, int type_number, int rank) noexcept
    Py_ssize_t hl_dict_size(PyObject *dict) noexcept


cdef extern from *:
    """
    static void hl_set_vectorcall(PyObject *some, Py_ssize_t offset) {
        PyTypeObject *type = Py_TYPE(some);
        type->tp_vectorcall_offset = offset;
        type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        PyType_Modified(type);
    }

    #define hl_owned(object) (object)
    #define hl_method_function PyCFunctionFastWithKeywords
    /* Puts another function behind a method of a compiled class, and returns the one it had. */
    static hl_method_function hl_replace_method(PyObject *method, hl_method_function function) {
        PyMethodDef *definition = ((PyMethodDescrObject *)method)->d_method;
        hl_method_function before = (hl_method_function)(void (*)(void))definition->ml_meth;
        definition->ml_meth = (PyCFunction)(void (*)(void))function;
        return before;
    }

    /* Whether a call gives fetches, and perhaps feeds, by place or by name: then those are put into *feeds. */
    static CYTHON_INLINE int hl_only_feeds(PyObject *const *args, Py_ssize_t n, PyObject *names, PyObject *feed_name,
                                           PyObject **feeds) {
        if (names) {
            if (n != 1 || PyTuple_GET_SIZE(names) != 1 || PyTuple_GET_ITEM(names, 0) != feed_name) return 0;
            *feeds = args[1];
            return 1;
        }
        if (n == 2) *feeds = args[1];
        return n == 1 || n == 2;
    }
    """
    void hl_set_vectorcall(PyObject *some, Py_ssize_t offset)
    ctypedef PyObject *(*vectorcallfunc)(PyObject *, PyObject *const *, size_t, PyObject *)
    object hl_owned(PyObject *object)  # a reference that is the caller's; NULL: the exception that is set
    ctypedef object (*method_function "hl_method_function")(PyObject *, PyObject *const *, Py_ssize_t, PyObject *)
    Py_ssize_t PyVectorcall_NARGS(size_t count)
    method_function hl_replace_method(PyObject *method, method_function function)
    bint hl_only_feeds(PyObject *const *args, Py_ssize_t n, PyObject *names, PyObject *feed_name, PyObject **feeds)


cdef enum:
    MOST_FEEDS = 32  # of a request that takes the fast path


cdef bint _outside(PyObject *array) noexcept:
    """Whether an array is no view of a variable's memory, which this step may write."""
    cdef PyObject *base = <PyObject *>np.PyArray_BASE(<np.ndarray>array)
    while base != NULL:
        if type(<object>base) is VariableCell:
            return False
        if type(<object>base) is not np.ndarray:
            return True
        base = <PyObject *>np.PyArray_BASE(<np.ndarray>base)
    return True


cdef bint _bind_arrays(Entry entry, PyObject **values) noexcept:
    """Writes the sizes of the arrays fed into the first frame and points its instructions at them.

    Returns False where one is no array whose bytes the plan can read in place: then all are bound anew.
    """
    cdef int i, axis
    cdef PyObject *array
    cdef FeedSpec *spec = entry.specs
    cdef np.npy_intp *dims
    cdef char *data
    cdef hl_frame *c = entry.frame.frame
    for i in range(entry.n_feeds):
        array = values[i]
        if not hl_is_plain_array(array, spec.type_number, spec.rank):
            return False
        if np.PyArray_BASE(<np.ndarray>array) != NULL and not _outside(array):
            return False
        dims = np.PyArray_DIMS(<np.ndarray>array)
        for axis in range(spec.rank):
            if spec.dims[axis] != dims[axis]:
                if spec.dims[axis] != OPEN:
                    return False
                c.regs[spec.registers[axis]] = dims[axis]
        data = <char *>np.PyArray_DATA(<np.ndarray>array)
        if c.feeds[i] != data:
            hl_frame_bind_feed(c, i, data)
        spec += 1
    return True


cdef bint _is_healthy(const Request *request, Entry entry, Watch *watch) noexcept:
    """Whether all that is watched is finite: then that is not fetched."""
    cdef int i, slot
    cdef hl_tensor *tensor
    for i in range(request.n_items - watch.count, request.n_items):
        slot = request.slot_of[i]
        if slot < 0 or entry.fetch_is_object[slot]:
            return False
        tensor = &entry.frame.frame.tensors[entry.fetch_index[slot]]
        if not _is_watchable(tensor.dtype) or not hl_all_finite(tensor):
            return False
    watch.due = False
    return True


cdef inline bint _is_watchable(int dtype) noexcept:
    """Whether C can tell that values of this type are finite."""
    return dtype == 1 or dtype == 2


cdef object _fetch_items(const Request *request, Entry entry):
    """The values of a list or tuple of fetches."""
    cdef int i
    if request.kind == TUPLE:
        return tuple([None if request.slot_of[i] < 0 else _fetch_entry(entry, entry.frame, request.slot_of[i])
                      for i in range(request.n_items)])
    out = PyList_New(request.n_items)
    for i in range(request.n_items):
        value = None if request.slot_of[i] < 0 else _fetch_entry(entry, entry.frame, request.slot_of[i])
        Py_INCREF(value)
        PyList_SET_ITEM(out, i, value)
    return out


cdef class SessionCore:
    """The compiled part of a Session. The rest of the run path is `_run_slow`, in Python."""

    cdef public bint _closed
    cdef public dict _variables        # key -> VariableCell
    cdef public dict _streams          # op -> StreamCell
    cdef public int _threads
    cdef public int64_t _timeout_ns    # of every run that names no time limit of its own; 0 for none
    cdef readonly int64_t steps_done   # of the last run_steps
    cdef list _recent                  # a `Recent` for each of `_requests`
    cdef const Request *_requests[RECENT]
    cdef int _n_requests
    cdef Arena _arena
    cdef bint _busy
    cdef int64_t _clock                # counts requests, to know which was not used for longest
    cdef list _spare_arenas
    cdef object __weakref__

    def __cinit__(self, *args, **kwargs):
        self._variables = {}
        self._streams = {}
        self._recent = []
        self._arena = Arena()
        self._spare_arenas = []
        self._threads = 1

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """Runs the operations and returns the values of the fetches.

        Args:
          fetches: a tensor, operation, variable, name, or any nesting of lists, tuples, namedtuples and
            dicts of them.
          feed_dict: tensor -> value: a NumPy array, number or nested list.
          options: a `RunOptions`; `timeout_in_ms` takes effect.
          run_metadata: a `RunMetadata` to be filled in.

        Returns:
          The values in the structure of `fetches`: NumPy arrays and scalars, None for operations.

        Raises:
          RuntimeError: the session is closed, or the graph is empty.
          TypeError, ValueError: fetches or feeds that make no sense.
          hookloop.errors.OpError: an error while the step ran; it changed no variable.
        """
        if options is None and run_metadata is None:
            return self._run(<PyObject *>fetches, <PyObject *>feed_dict, NULL)
        return self._run_slow(fetches, feed_dict, options, run_metadata)

    def run_steps(self, fetches, n, feed_dict=None, stack=False):
        """Runs `n` steps without coming back in between: the same as so many calls of `run`.

        Args:
          fetches: as in `run`.
          n: how many steps.
          feed_dict: as in `run`; its values are converted once, for all steps.
          stack: whether the values of all steps are returned, each with a first axis for the steps.

        Returns:
          The values of the last step in the structure of `fetches`, or those of all steps; None for no step.

        Raises:
          hookloop.errors.OutOfRangeError: the input has ended. As after any error, `steps_done` says how many steps
            have been made.
          ValueError: values to be stacked have other shapes in different steps.
        """
        cdef int64_t count = _step_count(n)
        cdef Steps steps
        self.steps_done = 0
        if count == 0:
            self._check_open()
            return None
        if self._runs_by_reference():
            pieces = []
            while self.steps_done < count:
                pieces = [*(pieces if stack else ()), (False, self.run(fetches, feed_dict))]
                self.steps_done += 1
            return self._join_steps(pieces) if stack else pieces[0][1]
        steps = Steps(self, fetches, feed_dict, stack)
        try:
            while steps.done < count:
                steps.advance(count - steps.done, NULL)
        finally:
            self.steps_done = steps.done
        return self._join_steps(steps.pieces) if stack else steps.mapped.rebuild(steps.latest)

    cdef object _run(self, PyObject *fetches, PyObject *feed_dict, Watch *watch):
        cdef PyObject *values[MOST_FEEDS]
        cdef int i
        if not self._closed:
            for i in range(self._n_requests):
                if _same_fetches(self._requests[i], fetches) and _same_feeds(self._requests[i], feed_dict, values):
                    return self._run_recent(<Recent>self._requests[i].recent, values, watch)
        return self._run_slow(<object>fetches, <object>feed_dict, None, None)

    cdef object _run_recent(self, Recent recent, PyObject **values, Watch *watch):
        """Runs a request that was matched: `values` are borrowed, and owned here for as long as it takes."""
        cdef Entry entry = recent.entry
        cdef int i, n = entry.n_feeds
        cdef PyObject *owner = <PyObject *>recent
        self._clock += 1
        recent.used = self._clock
        Py_INCREF(<object>owner)
        for i in range(n):
            Py_INCREF(<object>values[i])
        try:
            if self._busy or not entry.bindable or not _bind_arrays(entry, values):
                return self._run_converted(recent, values)
            self._busy = True
            try:
                if entry.steady:
                    return self._run_steady(&recent.request, entry, watch)
                return self._run_bound(recent, entry.frame, values)
            finally:
                self._busy = False
        finally:
            for i in range(n):
                Py_XDECREF(values[i])
            Py_XDECREF(owner)

    cdef object _run_steady(self, const Request *request, Entry entry, Watch *watch):
        """Runs a request that has run before, and of whose plan nothing is open but sizes."""
        cdef hl_frame *c = entry.frame.frame
        cdef hl_status status = hl_frame_prepare(c, False)
        if status == HL_OK:
            if c.cost_ns > GIL_COST_NS or c.plan.interruptible:
                c.poll_at_ns = hl_now_ns() + POLL_PERIOD_NS
                entry.frame.deadline_ns = self._deadline_of_config()
                with nogil:
                    status = hl_frame_run(c)
            else:
                status = hl_frame_run(c)
        if status != HL_OK:
            self._failed(entry, entry.frame, status)
        if watch != NULL and _is_healthy(request, entry, watch):
            return None if request.slot_of[0] < 0 else _fetch_entry(entry, entry.frame, request.slot_of[0])
        if request.kind == SINGLE:
            return None if request.slot_of[0] < 0 else _fetch_entry(entry, entry.frame, request.slot_of[0])
        return _fetch_items(request, entry)

    cdef object _run_converted(self, Recent recent, PyObject **values):
        """The same for feeds that are no arrays of the right bytes, and where the first frame is taken."""
        cdef Entry entry = recent.entry
        arguments = self._convert_feeds(entry.feeds, [<object>values[i] for i in range(entry.n_feeds)])
        if not entry.accepts([np.shape(a) for a in arguments]):
            kind = recent.request.kind
            fetches = recent.fetches if kind == SINGLE else list(recent.items) if kind == LIST else recent.items
            return self._run_slow(fetches, dict(zip(entry.feeds, arguments)), None, None)
        return _structure(recent, self.run_entry(entry, arguments, self._deadline_of_config()))

    cdef int64_t _deadline_of_config(self):
        return hl_now_ns() + self._timeout_ns if self._timeout_ns else 0

    cdef object _run_bound(self, Recent recent, Frame frame, PyObject **values):
        """Runs a frame whose feeds are bound; returns the values in the form of the request."""
        cdef hl_status status
        cdef Entry entry = recent.entry
        cdef int i
        before = None if frame.log is None else self._state_before(entry)
        frame.deadline_ns = self._deadline_of_config()
        status = self._execute(entry, frame)
        if status != HL_OK:
            if status == HL_RESTART:
                arguments = [<object>values[i] for i in range(entry.n_feeds)]
                return _structure(recent, self._restart(entry, frame, before, arguments, frame.deadline_ns))
            self._failed(entry, frame, status)
        if before is not None:
            frame.log = []
        if entry.checked and before is None and not entry.has_open_variables:
            entry.steady = True
        if recent.request.kind == SINGLE:
            return None if recent.request.slot_of[0] < 0 else _fetch_entry(entry, frame, recent.request.slot_of[0])
        return _fetch_items(&recent.request, entry)

    cdef int _bind_feeds(self, Entry entry, Frame frame, list arguments) except -1:
        cdef int i, axis
        cdef FeedSpec *spec
        cdef np.ndarray array
        cdef hl_frame *c = frame.frame
        for i in range(entry.n_feeds):
            spec = &entry.specs[i]
            if spec.type_number == -2:
                if entry.feed_objects[i] >= 0:
                    frame.objects[entry.feed_objects[i]] = arguments[i]
                array = np.asarray(arguments[i])
                for axis in range(spec.rank):
                    if spec.dims[axis] == OPEN:
                        c.regs[spec.registers[axis]] = np.PyArray_DIMS(array)[axis]
                continue
            array = <np.ndarray>PyList_GET_ITEM(arguments, i)
            for axis in range(spec.rank):
                if spec.dims[axis] == OPEN:
                    c.regs[spec.registers[axis]] = np.PyArray_DIMS(array)[axis]
            if c.feeds[i] != <char *>np.PyArray_DATA(array):
                hl_frame_bind_feed(c, i, <char *>np.PyArray_DATA(array))
        return 0

    cdef hl_status _execute(self, Entry entry, Frame frame) except? HL_RAISED:
        cdef hl_frame *c = frame.frame
        cdef hl_status status
        cdef bint force = False
        if entry.has_open_variables:
            force = self._refresh_variables(entry, frame)
        if not entry.checked:
            self._check_initialized(entry)
        status = hl_frame_prepare(c, force)
        if status != HL_OK:
            return status
        if c.cost_ns > GIL_COST_NS or frame.plan.plan.interruptible:
            c.poll_at_ns = hl_now_ns() + POLL_PERIOD_NS
            with nogil:
                status = hl_frame_run(c) if frame.trace == NULL else hl_frame_run_traced(c, frame.trace)
            return status
        return hl_frame_run(c) if frame.trace == NULL else hl_frame_run_traced(c, frame.trace)

    cdef bint _refresh_variables(self, Entry entry, Frame frame) except -1:
        """Sizes and addresses of the variables whose shape the graph leaves open."""
        cdef VariableCell cell
        names = frame.plan.tables["variables"]
        for key, axis, register in frame.plan.tables["variable_registers"]:
            cell = self._variables[key]
            frame.frame.regs[<int>register] = cell.variable.dims[<int>axis] if cell.variable.rank > axis else 0
        return True

    cdef _check_initialized(self, Entry entry):
        for cell, op in entry.required:
            if not (<VariableCell>cell).variable.initialized:
                self._uninitialized(cell.key, op)
        entry.checked = True

    def run_entry(self, Entry entry, list arguments, int64_t deadline_ns=0, list replay=None, list times=None):
        """Runs a compiled request with converted feeds; returns the list of its fetches.

        Where `times` is given, it gets for each instruction that ran (its kernel, its node or None, when it began and ended
        in nanoseconds of the monotonic clock, the types and shapes of its outputs).
        """
        cdef Frame frame
        cdef hl_status status
        cdef bint first = not self._busy
        cdef Arena arena
        cdef hl_trace trace
        memset(&trace, 0, sizeof(trace))
        if first:
            self._busy = True
            arena = self._arena
        else:
            arena = self._spare_arenas.pop() if self._spare_arenas else Arena()
        try:
            frame = self._frame(entry, arena, first)
            frame.deadline_ns = deadline_ns
            if replay is not None:
                frame.replay = replay
            self._bind_feeds(entry, frame, arguments)
            before = None if frame.log is None else self._state_before(entry)
            frame.trace = NULL if times is None else &trace
            try:
                status = self._execute(entry, frame)
            finally:
                frame.trace = NULL
            if times is not None:
                _take_times(frame, &trace, times)
            frame.deadline_ns = 0
            frame.replay = []
            if status == HL_RESTART:
                return self._restart(entry, frame, before, arguments, deadline_ns, times)
            frame.log = None if frame.log is None else []
            if status != HL_OK:
                self._failed(entry, frame, status)
            if first and frame.log is None and entry.checked and not entry.has_open_variables:
                entry.steady = True
            return [_fetch_entry(entry, frame, i) for i in range(entry.n_fetches)]
        finally:
            free(trace.entries)
            if first:
                self._busy = False
            else:
                self._spare_arenas.append(arena)

    cdef object _state_before(self, Entry entry):
        """What a step that starts again must find as it was: the random streams, and variables written too early."""
        counters = [cell.counter for cell in entry.streams]
        cells = [self._variables[key] for key in entry.plan.tables["undo"]]
        return counters, [(cell, cell.snapshot()) for cell in cells]

    cdef object _restart(self, Entry entry, Frame frame, before, list arguments, int64_t deadline_ns, list times=None):
        """The plan assumed what is not so: another plan takes over, with the results of the calls made so far."""
        log, frame.log = frame.log, []
        frame.pending.clear()
        counters, snapshots = before
        for cell, counter in zip(entry.streams, counters):
            cell.counter = counter
        for cell, snapshot in snapshots:
            (<VariableCell>cell).restore(snapshot)
        entry.stale = True
        self._keep([recent for recent in self._recent if (<Recent>recent).entry is not entry])
        return self._run_again(entry, arguments, deadline_ns, log, times)

    cdef Frame _frame(self, Entry entry, Arena arena, bint first):
        if first:
            if entry.frame is None:
                entry.frame = self._new_frame(entry, arena)
                entry.bindable = not entry.has_object_feeds
            return entry.frame
        frame = entry.others.get(arena)
        if frame is None:
            frame = entry.others[arena] = self._new_frame(entry, arena)
        return frame

    cdef Frame _new_frame(self, Entry entry, Arena arena):
        cdef Frame frame = Frame(entry.plan, arena, self, entry.variables, entry.streams, self._threads)
        if entry.plan.tables["assumed"]:
            frame.log = []
        return frame

    cdef _failed(self, Entry entry, Frame frame, hl_status status):
        cdef hl_frame *c = frame.frame
        cdef object error = frame.raised
        frame.raised = None
        frame.pending.clear()
        if frame.log is not None:
            frame.log = []
        if status == HL_RAISED and error is not None:
            raise error
        self._raise(entry, status, c.failed_node, c.run.message.decode(errors="replace"),
                    (c.failed_sizes[0], c.failed_sizes[1]))

    def remember(self, fetches, int kind, tuple items, tuple keys, list feed_of, list slot_of, Entry entry):
        """Puts a request where `run` finds it by identity."""
        cdef Recent fresh
        if len(keys) > MOST_FEEDS or entry.has_object_feeds or entry.stale:
            return
        fresh = Recent(fetches, kind, items, keys, feed_of, slot_of, entry)
        fresh.used = self._clock
        kept = list(self._recent)
        if len(kept) >= RECENT:
            kept.remove(min(kept, key=_last_use))
        self._keep([fresh, *kept])

    cdef int _keep(self, list recent) except -1:
        """Has these requests found by identity, in this order."""
        cdef int i
        dropped, self._recent = self._recent, recent
        self._n_requests = len(recent)
        for i in range(self._n_requests):
            self._requests[i] = &(<Recent>recent[i]).request
        return 0

    cdef Recent find_recent(self, fetches, dict feeds):
        cdef PyObject *values[MOST_FEEDS]
        cdef Recent recent
        if len(feeds) > MOST_FEEDS:
            return None
        for recent in self._recent:
            if _same_fetches(&recent.request, <PyObject *>fetches) and (
                    _same_feeds(&recent.request, <PyObject *>feeds, values)):
                return recent
        return None

    def forget(self):
        """Drops the requests found by identity, and their frames."""
        self._keep([])
        self._spare_arenas = []


cdef int _take_times(Frame frame, hl_trace *trace, list times) except -1:
    """Appends what a trace says of each instruction that ran."""
    cdef hl_frame *c = frame.frame
    cdef const hl_instr_spec *spec
    cdef hl_trace_entry *entry
    cdef hl_tensor *tensor
    cdef int64_t i
    cdef int k, axis
    kernels, nodes = frame.plan.tables["kernels"], frame.plan.tables["nodes"]
    for i in range(trace.count):
        entry = &trace.entries[i]
        spec = &c.plan.instrs[entry.instr]
        outputs = []
        for k in range(spec.n_in, spec.n_in + spec.n_out):
            tensor = &c.tensors[c.plan.operands[spec.first_operand + k]]
            outputs.append((tensor.dtype, tuple([tensor.dims[axis] for axis in range(tensor.rank)])))
        node = nodes[spec.node] if 0 <= spec.node < len(nodes) else None
        times.append((kernels[entry.instr], node, entry.begin_ns, entry.end_ns, outputs))
    return 0


def _last_use(Recent recent):
    return recent.used


cdef inline object _fetch_entry(Entry entry, Frame frame, int i):
    if entry.fetch_is_object[i]:
        value = frame.objects[entry.fetch_index[i]]
        if isinstance(value, np.ndarray):
            return value[()] if value.ndim == 0 else value.copy()
        return value
    return _fetch(&frame.frame.tensors[entry.fetch_index[i]])


cdef object _structure(Recent recent, list results):
    cdef Request *request = &recent.request
    values = [None if request.slot_of[i] < 0 else results[request.slot_of[i]] for i in range(request.n_items)]
    if request.kind == SINGLE:
        return values[0]
    return values if request.kind == LIST else tuple(values)


cdef object _call_run(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names):
    """`SessionCore.run` where it is called with fetches and feeds alone: its general form counts references of all."""
    cdef PyObject *feed_dict = <PyObject *>None
    if hl_only_feeds(args, n, names, <PyObject *>"feed_dict", &feed_dict):
        return (<SessionCore>self)._run(args[0], feed_dict, NULL)
    return _general_run(self, args, n, names)


cdef method_function _general_run = hl_replace_method(<PyObject *>SessionCore.run, <method_function>_call_run)


@cython.final
cdef class Callable:
    """What `make_callable` returns: one request, its feeds given as arguments."""

    cdef vectorcallfunc vectorcall
    cdef SessionCore session
    cdef object fetches
    cdef tuple keys
    cdef Recent recent
    cdef bint accept_options

    def __cinit__(self, SessionCore session, fetches, tuple keys, bint accept_options):
        self.vectorcall = <vectorcallfunc>_call_callable
        self.session = session
        self.fetches = fetches
        self.keys = keys
        self.accept_options = accept_options

    def __call__(self, *args, **kwargs):
        if kwargs:
            return self._with_options(args, kwargs)
        return self._first_call(args)

    def _first_call(self, tuple args):
        """A call whose request is not at hand yet, or no more."""
        if len(args) != len(self.keys):
            raise ValueError(f"expected {len(self.keys)} values for the feeds, got {len(args)}")
        feeds = dict(zip(self.keys, args))
        result = self.session._run_slow(self.fetches, feeds, None, None)
        self.recent = self.session.find_recent(self.fetches, feeds)
        return result

    def _with_options(self, args, kwargs):
        unknown = set(kwargs) - {"options", "run_metadata"}
        if unknown or not self.accept_options:
            raise TypeError(f"a callable of a session got unexpected arguments {sorted(kwargs)}")
        if len(args) != len(self.keys):
            raise ValueError(f"expected {len(self.keys)} values for the feeds, got {len(args)}")
        return self.session.run(self.fetches, dict(zip(self.keys, args)), **kwargs)


cdef object _call_callable(PyObject *callable, PyObject *const *args, size_t count, PyObject *names):
    """Calls a `Callable` whose arguments are no tuple yet."""
    cdef PyObject *values[MOST_FEEDS]
    cdef Callable self = <Callable>callable
    cdef Recent recent = self.recent
    cdef Py_ssize_t i, n = PyVectorcall_NARGS(count)
    if names == NULL and recent is not None and n == recent.request.n_keys and (
            not recent.entry.stale and not self.session._closed):
        for i in range(n):
            values[recent.request.feed_of[i]] = args[i]
        return self.session._run_recent(recent, values, NULL)
    given = tuple([<object>args[i] for i in range(n)])
    if names == NULL:
        return self._first_call(given)
    return self._with_options(given, {name: <object>args[n + i] for i, name in enumerate(<tuple>names)})


cdef int _take_vectorcall() except -1:
    """Tells Python that a `Callable` is called without a tuple of its arguments."""
    cdef Callable some = Callable(None, None, (), False)
    hl_set_vectorcall(<PyObject *>some, <char *>&some.vectorcall - <char *><PyObject *>some)
    return 0


_take_vectorcall()
