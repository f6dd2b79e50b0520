# The run path: from a request to a plan's frame, and back to Python values.

cdef enum:
    RECENT = 8            # requests that are found without hashing
    GIL_COST_NS = 10000   # plans estimated above this give the GIL back while they run
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


@cython.final
cdef class Recent:
    """A request as it was written last time: matched by the identity of its parts."""

    cdef object fetches        # the single fetch, or NULL-like None with items
    cdef int kind              # 0 a single element, 1 list, 2 tuple
    cdef tuple items
    cdef tuple keys            # feed_dict's keys in their order
    cdef int *feed_of          # key position -> feed of the plan
    cdef int *slot_of          # item position -> fetched value, or -1 (an operation)
    cdef int n_items, n_keys
    cdef Entry entry

    def __cinit__(self, fetches, int kind, tuple items, tuple keys, list feed_of, list slot_of, Entry entry):
        cdef int i
        self.fetches = fetches
        self.kind = kind
        self.items = items
        self.keys = keys
        self.entry = entry
        self.n_items = len(items)
        self.n_keys = len(keys)
        self.feed_of = <int *>calloc(max(self.n_keys, 1), sizeof(int))
        self.slot_of = <int *>calloc(max(self.n_items, 1), sizeof(int))
        for i in range(self.n_keys):
            self.feed_of[i] = feed_of[i]
        for i in range(self.n_items):
            self.slot_of[i] = slot_of[i]

    def __dealloc__(self):
        free(self.feed_of)
        free(self.slot_of)

    cdef inline bint matches_fetches(self, PyObject *fetches) noexcept:
        cdef int i
        if self.kind == 0:
            return fetches == <PyObject *>self.fetches
        if self.kind == 1:
            if type(<object>fetches) is not list or PyList_GET_SIZE(<object>fetches) != self.n_items:
                return False
            for i in range(self.n_items):
                if PyList_GET_ITEM(<object>fetches, i) != PyTuple_GET_ITEM(self.items, i):
                    return False
            return True
        if type(<object>fetches) is not tuple or PyTuple_GET_SIZE(<object>fetches) != self.n_items:
            return False
        for i in range(self.n_items):
            if PyTuple_GET_ITEM(<object>fetches, i) != PyTuple_GET_ITEM(self.items, i):
                return False
        return True

    cdef inline bint matches_feeds(self, object feed_dict, PyObject **values) noexcept:
        """Compares the keys; collects the values in the plan's order."""
        cdef Py_ssize_t position = 0
        cdef PyObject *key
        cdef PyObject *value
        cdef int i = 0
        if feed_dict is None:
            return self.n_keys == 0
        if type(feed_dict) is not dict or PyDict_Size(feed_dict) != self.n_keys:
            return False
        while PyDict_Next(feed_dict, &position, &key, &value):
            if key != PyTuple_GET_ITEM(self.keys, i):
                return False
            values[self.feed_of[i]] = value
            i += 1
        return True


cdef extern from "numpy/arrayobject.h":
    bint PyArray_CheckExact(object)


cdef enum:
    MOST_FEEDS = 32  # of a request that takes the fast path


cdef class SessionCore:
    """The compiled part of a Session. The rest of the run path is `_run_slow`, in Python."""

    cdef public bint _closed
    cdef public dict _variables        # key -> VariableCell
    cdef public dict _streams          # op -> StreamCell
    cdef public int _threads
    cdef public int64_t _timeout_ns    # of every run that names no time limit of its own; 0 for none
    cdef list _recent
    cdef Arena _arena
    cdef bint _busy
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
        return self._run(fetches, feed_dict, options, run_metadata)

    cdef object _run(self, fetches, feed_dict, options, run_metadata):
        cdef PyObject *values[MOST_FEEDS]
        cdef Recent recent
        cdef Py_ssize_t i
        if options is None and run_metadata is None and not self._closed:
            for i in range(PyList_GET_SIZE(self._recent)):
                recent = <Recent>PyList_GET_ITEM(self._recent, i)
                if recent.matches_fetches(<PyObject *>fetches) and recent.matches_feeds(feed_dict, values):
                    if i:
                        self._recent.insert(0, self._recent.pop(i))
                    return self._run_recent(recent, values)
        return self._run_slow(fetches, feed_dict, options, run_metadata)

    cdef object _run_recent(self, Recent recent, PyObject **values):
        """Runs a request that was matched: `values` are borrowed, and owned here for as long as it takes."""
        cdef Entry entry = recent.entry
        cdef int i, n = entry.n_feeds
        for i in range(n):
            Py_INCREF(<object>values[i])
        try:
            if self._busy or entry.frame is None or not self._fits(entry, values):
                return self._run_converted(recent, values)
            self._bind_arrays(entry, entry.frame, values)
            return self._run_frame_recent(recent, entry.frame, values)
        finally:
            for i in range(n):
                Py_XDECREF(values[i])

    cdef object _run_converted(self, Recent recent, PyObject **values):
        """The same for feeds that are no arrays of the right bytes, and where the first frame is taken."""
        cdef Entry entry = recent.entry
        arguments = self._convert_feeds(entry.feeds, [<object>values[i] for i in range(entry.n_feeds)])
        if not entry.accepts([np.shape(a) for a in arguments]):
            fetches = recent.fetches if recent.kind == 0 else list(recent.items) if recent.kind == 1 else recent.items
            return self._run_slow(fetches, dict(zip(entry.feeds, arguments)), None, None)
        return _structure(recent, self.run_entry(entry, arguments, self._deadline_of_config()))

    cdef int64_t _deadline_of_config(self):
        return hl_now_ns() + self._timeout_ns if self._timeout_ns else 0

    cdef object _run_frame_recent(self, Recent recent, Frame frame, PyObject **values):
        cdef hl_status status
        cdef Entry entry = recent.entry
        cdef int i
        self._busy = True
        try:
            before = None if frame.log is None else self._state_before(entry)
            if self._timeout_ns:
                frame.deadline_ns = self._deadline_of_config()
            status = self._execute(entry, frame)
            if status == HL_RESTART:
                arguments = [<object>values[i] for i in range(entry.n_feeds)]
                return _structure(recent, self._restart(entry, frame, before, arguments, frame.deadline_ns))
            if status != HL_OK:
                self._failed(entry, frame, status)
            if frame.log:
                frame.log = []
            if recent.kind == 0:
                if recent.slot_of[0] < 0:
                    return None
                return _fetch_entry(entry, frame, recent.slot_of[0])
            if recent.kind == 1:
                out = PyList_New(recent.n_items)
                for i in range(recent.n_items):
                    value = None if recent.slot_of[i] < 0 else _fetch_entry(entry, frame, recent.slot_of[i])
                    Py_INCREF(value)
                    PyList_SET_ITEM(out, i, value)
                return out
            return tuple([None if recent.slot_of[i] < 0 else _fetch_entry(entry, frame, recent.slot_of[i])
                          for i in range(recent.n_items)])
        finally:
            self._busy = False

    cdef bint _fits(self, Entry entry, PyObject **values) except -1:
        """Whether every feed is an array whose bytes the plan can read in place."""
        cdef int i, axis
        cdef np.ndarray array
        cdef FeedSpec *spec
        for i in range(entry.n_feeds):
            spec = &entry.specs[i]
            if not PyArray_CheckExact(<object>values[i]):
                return False
            array = <np.ndarray>values[i]
            if np.PyArray_TYPE(array) != spec.type_number or np.PyArray_NDIM(array) != spec.rank:
                return False
            if not np.PyArray_ISCARRAY_RO(array):
                return False
            if np.PyArray_BASE(array) != NULL and not self._outside(array):
                return False
            for axis in range(spec.rank):
                if spec.dims[axis] != OPEN and spec.dims[axis] != np.PyArray_DIMS(array)[axis]:
                    return False
        return True

    cdef bint _outside(self, np.ndarray array):
        """Whether an array is no view of a variable's memory, which this step may write."""
        cdef PyObject *base = <PyObject *>np.PyArray_BASE(array)
        while base != NULL:
            if type(<object>base) is VariableCell:
                return False
            if type(<object>base) is not np.ndarray:
                return True
            base = <PyObject *>np.PyArray_BASE(<np.ndarray>base)
        return True

    cdef int _bind_arrays(self, Entry entry, Frame frame, PyObject **values) except -1:
        """Writes the sizes of arrays that fit, and points the instructions at them."""
        cdef int i, axis
        cdef FeedSpec *spec
        cdef np.ndarray array
        cdef hl_frame *c = frame.frame
        for i in range(entry.n_feeds):
            spec = &entry.specs[i]
            array = <np.ndarray>values[i]
            for axis in range(spec.rank):
                if spec.dims[axis] == OPEN:
                    c.regs[spec.registers[axis]] = np.PyArray_DIMS(array)[axis]
            if c.feeds[i] != <char *>np.PyArray_DATA(array):
                hl_frame_bind_feed(c, i, <char *>np.PyArray_DATA(array))
        return 0

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

    cdef hl_status _execute(self, Entry entry, Frame frame) except *:
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
            c.poll_at_ns = hl_now_ns() + 10000000
            with nogil:
                status = hl_frame_run(c)
        else:
            status = hl_frame_run(c)
        return status

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

    def run_entry(self, Entry entry, list arguments, int64_t deadline_ns=0, list replay=None):
        """Runs a compiled request with converted feeds; returns the list of its fetches."""
        cdef Frame frame
        cdef hl_status status
        cdef bint first = not self._busy
        cdef Arena arena
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
            status = self._execute(entry, frame)
            frame.deadline_ns = 0
            frame.replay = []
            if status == HL_RESTART:
                return self._restart(entry, frame, before, arguments, deadline_ns)
            frame.log = None if frame.log is None else []
            if status != HL_OK:
                self._failed(entry, frame, status)
            return [_fetch_entry(entry, frame, i) for i in range(entry.n_fetches)]
        finally:
            if first:
                self._busy = False
            else:
                self._spare_arenas.append(arena)

    cdef object _state_before(self, Entry entry):
        """What a step that starts again must find as it was: the random streams, and variables written too early."""
        counters = [cell.counter for cell in entry.streams]
        cells = [self._variables[key] for key in entry.plan.tables["undo"]]
        return counters, [(cell, cell.snapshot()) for cell in cells]

    cdef object _restart(self, Entry entry, Frame frame, before, list arguments, int64_t deadline_ns):
        """The plan assumed what is not so: another plan takes over, with the results of the calls made so far."""
        log, frame.log = frame.log, []
        frame.pending.clear()
        counters, snapshots = before
        for cell, counter in zip(entry.streams, counters):
            cell.counter = counter
        for cell, snapshot in snapshots:
            (<VariableCell>cell).restore(snapshot)
        entry.stale = True
        self._recent = [recent for recent in self._recent if (<Recent>recent).entry is not entry]
        return self._run_again(entry, arguments, deadline_ns, log)

    cdef Frame _frame(self, Entry entry, Arena arena, bint first):
        if first:
            if entry.frame is None:
                entry.frame = self._new_frame(entry, arena)
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
        if len(keys) > MOST_FEEDS or entry.has_object_feeds or entry.stale:
            return
        self._recent.insert(0, Recent(fetches, kind, items, keys, feed_of, slot_of, entry))
        del self._recent[RECENT:]

    cdef Recent find_recent(self, fetches, dict feeds):
        cdef PyObject *values[MOST_FEEDS]
        cdef Recent recent
        if len(feeds) > MOST_FEEDS:
            return None
        for recent in self._recent:
            if recent.matches_fetches(<PyObject *>fetches) and recent.matches_feeds(feeds, values):
                return recent
        return None

    def forget(self):
        """Drops the requests found by identity, and their frames."""
        self._recent = []
        self._spare_arenas = []


cdef inline object _fetch_entry(Entry entry, Frame frame, int i):
    if entry.fetch_is_object[i]:
        value = frame.objects[entry.fetch_index[i]]
        if isinstance(value, np.ndarray):
            return value[()] if value.ndim == 0 else value.copy()
        return value
    return _fetch(&frame.frame.tensors[entry.fetch_index[i]])


cdef object _structure(Recent recent, list results):
    values = [None if recent.slot_of[i] < 0 else results[recent.slot_of[i]] for i in range(recent.n_items)]
    if recent.kind == 0:
        return values[0]
    return values if recent.kind == 1 else tuple(values)


@cython.final
cdef class Callable:
    """What `make_callable` returns: one request, its feeds given as arguments."""

    cdef SessionCore session
    cdef object fetches
    cdef tuple keys
    cdef Recent recent
    cdef bint accept_options

    def __cinit__(self, SessionCore session, fetches, tuple keys, bint accept_options):
        self.session = session
        self.fetches = fetches
        self.keys = keys
        self.accept_options = accept_options

    def __call__(self, *args, **kwargs):
        cdef PyObject *values[MOST_FEEDS]
        cdef Py_ssize_t i, n = PyTuple_GET_SIZE(args)
        if n != len(self.keys):
            raise ValueError(f"expected {len(self.keys)} values for the feeds, got {n}")
        if kwargs:
            return self._with_options(args, kwargs)
        if self.recent is not None and not self.recent.entry.stale and not self.session._closed and n <= MOST_FEEDS:
            for i in range(n):
                values[self.recent.feed_of[i]] = PyTuple_GET_ITEM(args, i)
            return self.session._run_recent(self.recent, values)
        feeds = dict(zip(self.keys, args))
        result = self.session._run_slow(self.fetches, feeds, None, None)
        self.recent = self.session.find_recent(self.fetches, feeds)
        return result

    def _with_options(self, args, kwargs):
        unknown = set(kwargs) - {"options", "run_metadata"}
        if unknown or not self.accept_options:
            raise TypeError(f"a callable of a session got unexpected arguments {sorted(kwargs)}")
        return self.session.run(self.fetches, dict(zip(self.keys, args)), **kwargs)
