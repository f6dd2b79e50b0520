# Many steps in one call: the same request again and again, in C as long as nobody else has to be asked.

cdef enum:
    PIECE_BYTES = 1 << 22  # of values that are stacked in one piece; the pieces are joined in the end


cdef struct Outlook:
    # What may end a loop before its steps are done.
    hl_trigger **triggers
    int32_t n_triggers
    int64_t runs
    const hl_variable *global_step
    hl_loop_hook *hooks                # native hooks that C calls
    int32_t n_hooks
    bint release_gil                   # one of them wants to be called without Python's lock


cdef struct Progress:
    # Of one call of a monitored session's `run_steps`.
    int64_t steps                      # those that are made
    bint in_hooks                      # whether the last one is, and hooks behind it are not through


@cython.final
cdef class Steps:
    """A request that is run again and again: its plan, its feeds, and what its steps gave."""

    cdef SessionCore session
    cdef Entry entry
    cdef readonly list arguments       # the feeds, converted once
    cdef object mapped                 # a `FetchMap` of the request
    cdef list slots                    # of each element of the fetches: its place among the plan's, or -1
    cdef object stops                  # called while the loop runs: whether it is to stop; or None
    cdef bint stacked, one_by_one
    cdef list pieces                   # (how many steps are stacked, 0 for one as it is; values in the form of the fetches)
    cdef list latest                   # the values that the plan fetched in the last step
    cdef object left                   # an error that a native hook has left in Python, for the caller to raise, or None
    cdef int64_t done

    def __cinit__(self, SessionCore session, fetches, feed_dict, bint stacked, stops=None):
        self.session = session
        self.stops = stops
        self.stacked = stacked
        self.pieces = []
        self.entry, self.mapped, self.arguments = session._resolve(fetches, feed_dict)
        self.slots = self.mapped.leaves
        self.one_by_one = stacked and any([self.entry.fetch_is_object[i] for i in range(self.entry.n_fetches)])

    cdef int tensor_of(self, Py_ssize_t leaf) except -2:
        """The tensor in the plan of an element that C can look at; -1 for any other."""
        cdef int slot = self.slots[leaf]
        if slot < 0 or self.entry.fetch_is_object[slot]:
            return -1
        if not _is_watchable(self.entry.plan.plan.tensors[self.entry.fetch_index[slot]].dtype):
            return -1
        return self.entry.fetch_index[slot]

    cdef int visible_of(self, Py_ssize_t leaf) except -2:
        """The tensor in the plan of an element whose memory is the value itself; -1 for any other."""
        cdef int slot = self.slots[leaf]
        return -1 if slot < 0 or self.entry.fetch_is_object[slot] else self.entry.fetch_index[slot]

    cdef hl_loop_end advance(self, int64_t count, Outlook *outlook, bint in_c=True) except? HL_LOOP_FAILED:
        """Makes up to `count` steps, at least one where nothing is due before it; one alone where C cannot tell what is due."""
        cdef hl_counters_now now
        cdef Entry entry = self.entry
        cdef int32_t i
        if self.session._closed:
            self.session._closed_meanwhile()
        if outlook != NULL and outlook.n_triggers:
            now.runs, now.global_step, now.frame = outlook.runs, outlook.global_step, NULL
            now.seconds = _seconds_now()
            if hl_triggers_due(outlook.triggers, outlook.n_triggers, False, &now):
                return HL_LOOP_DUE_BEFORE
        if in_c and not (self.one_by_one or self.session._busy or self.session._timeout_ns) and entry.steady and not entry.stale:
            return self.loop(count, outlook)
        if outlook != NULL:
            for i in range(outlook.n_hooks):
                outlook.hooks[i].due = hl_trigger_due(outlook.hooks[i].trigger, <double>outlook.runs)
        return self.advance_once()

    cdef hl_loop_end advance_once(self, int64_t deadline_ns=0) except? HL_LOOP_FAILED:
        """One step on the way that every plan can go."""
        if self.entry.stale:
            self.entry = self.session._entry_again(self.entry, self.arguments)
        self.latest = self.session.run_entry(self.entry, self.arguments, deadline_ns or self.session._deadline(None))
        self.done += 1
        if self.stacked:
            self.pieces.append((0, self.mapped.rebuild(self.latest)))
        return HL_LOOP_DUE_AFTER

    cdef hl_loop_end loop(self, int64_t count, Outlook *outlook) except? HL_LOOP_FAILED:
        cdef Entry entry = self.entry
        cdef Frame frame = entry.frame
        cdef hl_frame *c = frame.frame
        cdef hl_status status
        cdef hl_loop loop
        cdef list stack = None
        memset(&loop, 0, sizeof(loop))
        loop.frame, loop.n_steps, loop.stop = c, count, &frame.stop
        if outlook != NULL:
            loop.triggers, loop.n_triggers = outlook.triggers, outlook.n_triggers
            loop.runs, loop.global_step = outlook.runs, outlook.global_step
            loop.hooks, loop.n_hooks = outlook.hooks, outlook.n_hooks
        self.session._busy = True
        frame.stops = self.stops
        frame.stop = False
        try:
            self.session._bind_feeds(entry, frame, self.arguments)
            status = hl_frame_prepare(c, False)
            if status == HL_OK:
                if self.stacked:
                    stack = self.make_stack(&loop)
                c.poll_at_ns = hl_now_ns() + HL_POLL_PERIOD_NS
                frame.deadline_ns = 0
                if c.plan.interruptible or <double>loop.n_steps * c.cost_ns > GIL_COST_NS or (
                        outlook != NULL and outlook.release_gil):
                    with nogil:
                        status = hl_loop_run(&loop)
                else:
                    loop.raised = <void *(*)() noexcept>PyErr_Occurred
                    status = hl_loop_run(&loop)
                self.done += loop.steps_done
            if loop.n_hooks and PyErr_Occurred() != NULL:
                try:
                    hl_owned(NULL)
                except BaseException as error:
                    self.left = error
            if loop.steps_done and self.stacked:
                self.take_stack(&loop, stack)
            if status == HL_RESTART:  # an iterator's element is of another shape: the step is made with another plan
                self.latest = self.session._restart(entry, frame, None, self.arguments, self.session._deadline(None))
                self.done += 1
                loop.end = HL_LOOP_RESIZED
                loop.steps_done = 0
            elif status != HL_OK:
                self.session._failed(entry, frame, status)
            if loop.steps_done:
                self.latest = [_fetch_entry(entry, frame, i) for i in range(entry.n_fetches)]
        finally:
            free(<void *>loop.stacked)
            frame.stops = None
            self.session._busy = False
        if loop.end == HL_LOOP_RESIZED:
            if self.stacked:
                self.pieces.append((0, self.mapped.rebuild(self.latest)))
            return HL_LOOP_DUE_AFTER
        return loop.end

    cdef list make_stack(self, hl_loop *loop):
        """Makes room for the values of the steps to come, for as many as a piece takes; for each fetch its array."""
        cdef Entry entry = self.entry
        cdef hl_frame *c = loop.frame
        cdef hl_tensor *tensor
        cdef int64_t bytes = 1
        cdef int i, axis
        cdef hl_stacked *stacked = <hl_stacked *>calloc(max(entry.n_fetches, 1), sizeof(hl_stacked))
        if stacked == NULL:
            raise MemoryError()
        loop.stacked = stacked
        arrays = []
        for i in range(entry.n_fetches):
            bytes = max(bytes, hl_tensor_bytes(&c.tensors[entry.fetch_index[i]]))
        loop.n_steps = min(loop.n_steps, max(PIECE_BYTES // bytes, 1))
        for i in range(entry.n_fetches):
            tensor = &c.tensors[entry.fetch_index[i]]
            shape = (loop.n_steps, *[tensor.dims[axis] for axis in range(tensor.rank)])
            array = np.empty(shape, np.PyArray_DescrFromType(_numpy_type(tensor.dtype)))
            stacked[i].tensor, stacked[i].rank = entry.fetch_index[i], tensor.rank
            for axis in range(tensor.rank):
                stacked[i].dims[axis] = tensor.dims[axis]
            stacked[i].bytes = hl_tensor_bytes(tensor)
            stacked[i].data = <char *>np.PyArray_DATA(<np.ndarray>array)
            arrays.append(array)
        loop.n_stacked = entry.n_fetches
        return arrays

    cdef int take_stack(self, hl_loop *loop, list arrays) except -1:
        """Keeps what the steps just made have put into the arrays."""
        cdef int64_t n = loop.steps_done - (loop.end == HL_LOOP_RESIZED)
        if n == 0:
            return 0
        values = [array if n == array.shape[0] else array[:n].copy() for array in arrays]
        self.pieces.append((n, self.mapped.rebuild(values)))
        return 0


cdef inline int64_t hl_tensor_bytes(hl_tensor *tensor) noexcept:
    return tensor.size * <int64_t>hl_dtype_size(tensor.dtype)


cdef int _drop_last_step(list pieces) except -1:
    """Drops the values of a step that is to be made again."""
    rows, values = pieces.pop()
    if rows > 1:
        pieces.append((rows - 1, values))
    return 0


cdef int64_t _step_count(object n) except -1:
    try:
        count = int(index(n))
    except TypeError:
        raise TypeError(f"expected a whole number of steps, got {n!r}") from None
    if count < 0:
        raise ValueError(f"expected a number of steps that is not negative, got {n}")
    return min(count, 1 << 62)
