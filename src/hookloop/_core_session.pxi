# The run path: from a request to a plan's frame, and back to Python values.

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
    cdef public object _moving         # the lock of runs that move variables, and of those whose variables may be moved
    cdef int64_t _clock                # counts requests, to know which was not used for longest
    cdef list _spare_arenas
    cdef dict _fetches_by_name         # what names in requests stand for
    cdef dict _feeds_by_name
    cdef object __weakref__

    def __cinit__(self, *args, **kwargs):
        self._variables = {}
        self._streams = {}
        self._recent = []
        self._arena = Arena()
        self._spare_arenas = []
        self._fetches_by_name = {}
        self._feeds_by_name = {}
        self._threads = 1
        self._moving = RLock()

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
        self._check_open()
        if count == 0:
            return None
        if self._runs_by_reference():
            return self._reference_steps(fetches, count, feed_dict, stack)
        steps = Steps(self, fetches, feed_dict, stack)
        try:
            while steps.done < count:
                steps.advance(count - steps.done, NULL)
        finally:
            self.steps_done = steps.done
        return self._join_steps(steps.pieces) if stack else steps.mapped.rebuild(steps.latest)

    def _reference_steps(self, fetches, count, feed_dict, stack):
        pieces = []
        for done in range(count):
            self.steps_done = done
            try:
                pieces = [*(pieces if stack else ()), (0, self.run(fetches, feed_dict))]
            except RuntimeError:
                if not self._closed:
                    raise
                self._closed_meanwhile()
            self.steps_done = done + 1  # a step may have made steps of its own
        return self._join_steps(pieces) if stack else pieces[0][1]

    cdef object _run(self, PyObject *fetches, PyObject *feed_dict, Watch *watch):
        cdef PyObject *values[MOST_FEEDS]
        cdef int i
        if not self._closed:
            for i in range(self._n_requests):
                if _same_fetches(self._requests[i], fetches) and _same_feeds(self._requests[i], feed_dict, values):
                    return self._run_recent(<Recent>self._requests[i].recent, values, watch)
        return self._run_flat(<object>fetches, <object>feed_dict)

    cdef object _run_flat(self, fetches, feed_dict):
        """Runs a request that is not remembered as it is written; flat, and of tensors, it may be."""
        if self._closed or self._runs_by_reference():
            return self._run_slow(fetches, feed_dict, None, None)
        cdef list form = []
        cdef Place first = Place(0, 0)
        cdef list leaves = _flat_fetches(self, fetches, form)
        feeds = _feeds_by_tensor(self, feed_dict)
        if leaves is None and feeds is feed_dict:
            return self._run_slow(fetches, feed_dict, None, None)
        if leaves is None:
            return self._run(<PyObject *>fetches, <PyObject *>feeds, NULL)
        return _nested(form, <list?>self._run(<PyObject *>leaves, <PyObject *>feeds, NULL), &first)

    cdef object _run_recent(self, Recent recent, PyObject **values, Watch *watch):
        """Runs a request that was matched: `values` are borrowed, and owned here for as long as it takes."""
        cdef Entry entry = recent.entry
        cdef int i, n = entry.n_feeds
        cdef PyObject *owner = <PyObject *>recent
        cdef PyObject *converted[MOST_FEEDS]
        cdef PyObject **arrays = values
        cdef int64_t deadline_ns
        self._clock += 1
        recent.used = self._clock
        Py_INCREF(<object>owner)
        for i in range(n):
            Py_INCREF(<object>values[i])
        try:
            if self._busy or not entry.bindable:
                return self._run_converted(recent, values)
            if not _bind_arrays(entry, values):
                made = _converted(entry, values, converted)
                arrays = converted
                if made is None or self._busy or not _bind_arrays(entry, arrays):
                    return self._run_converted(recent, values)
            self._busy = True
            try:
                if entry.steady:
                    return self._run_steady(&recent.request, entry, arrays, watch)
                deadline_ns = self._deadline_of_config()
                if not entry.moves:
                    return self._run_bound(recent, entry.frame, arrays, deadline_ns)
                self._take_moving(entry, deadline_ns)
                try:
                    return self._run_bound(recent, entry.frame, arrays, deadline_ns)
                finally:
                    self._moving.release()
            finally:
                self._busy = False
        finally:
            for i in range(n):
                Py_XDECREF(values[i])
            Py_XDECREF(owner)

    cdef object _run_steady(self, const Request *request, Entry entry, PyObject **values, Watch *watch):
        """Runs a request that has run before, and of whose plan nothing is open but sizes."""
        cdef hl_frame *c = entry.frame.frame
        cdef hl_status status
        cdef int i
        if c.plan.n_batches:
            entry.frame.deadline_ns = self._deadline_of_config()
            status = self._begin(entry.frame, False)
        else:
            status = HL_OK if hl_frame_is_settled(c) else hl_frame_prepare(c, False)
        if status == HL_OK:
            if c.cost_ns > GIL_COST_NS or c.plan.interruptible:
                c.poll_at_ns = hl_now_ns() + HL_POLL_PERIOD_NS
                entry.frame.deadline_ns = self._deadline_of_config()
                with nogil:
                    status = hl_frame_run(c)
            else:
                entry.frame.deadline_ns = self._deadline_of_config()  # sizes that the step tells may make it long
                status = hl_frame_run(c)
        if status != HL_OK:
            if status == HL_RESTART:
                arguments = [<object>values[i] for i in range(entry.n_feeds)]
                return _structure(<Recent>request.recent, self._restart(entry, entry.frame, None, arguments, entry.frame.deadline_ns))
            self._failed(entry, entry.frame, status)
        if watch != NULL and _is_healthy(request, entry, watch):
            if not watch.single:
                return _fetch_items(request, entry, request.n_items - watch.count)
            return None if request.slot_of[0] < 0 else _fetch_entry(entry, entry.frame, request.slot_of[0])
        if request.kind == SINGLE:
            return None if request.slot_of[0] < 0 else _fetch_entry(entry, entry.frame, request.slot_of[0])
        return _fetch_items(request, entry, request.n_items)

    cdef object _run_converted(self, Recent recent, PyObject **values):
        """The same for feeds that are no arrays of the right bytes, and where the first frame is taken."""
        cdef Entry entry = recent.entry
        arguments = self._convert_feeds(entry.feeds, [<object>values[i] for i in range(entry.n_feeds)])
        cdef int64_t deadline_ns = self._deadline_of_config()
        if not entry.accepts([np.shape(a) for a in arguments]):
            entry = self._entry_again(entry, arguments)
            results = self.run_entry(entry, arguments, deadline_ns)
            if not entry.stale and not entry.plan.tables["special_values"]:
                self._keep_first(recent.of_entry(entry))
                recent.replaced = True
            return _structure(recent, results)
        return _structure(recent, self.run_entry(entry, arguments, deadline_ns))

    cdef int64_t _deadline_of_config(self):
        return hl_now_ns() + self._timeout_ns if self._timeout_ns else 0

    cdef _take_moving(self, Entry entry, int64_t deadline_ns):
        """Takes the lock of runs that move variables, as long as the step's time allows."""
        if not deadline_ns:
            self._moving.acquire()
        elif not self._moving.acquire(timeout=max(deadline_ns - hl_now_ns(), 0) * 1e-9):
            self._raise(entry, HL_DEADLINE_EXCEEDED, -1, "", (0, 0), ())

    cdef object _run_bound(self, Recent recent, Frame frame, PyObject **values, int64_t deadline_ns):
        """Runs a frame whose feeds are bound; returns the values in the form of the request."""
        cdef hl_status status
        cdef Entry entry = recent.entry
        cdef int i
        before = None if frame.log is None else self._state_before(entry)
        frame.deadline_ns = deadline_ns
        status = self._execute(entry, frame)
        if status != HL_OK:
            if status == HL_RESTART:
                arguments = [<object>values[i] for i in range(entry.n_feeds)]
                return _structure(recent, self._restart(entry, frame, before, arguments, frame.deadline_ns))
            self._failed(entry, frame, status)
        frame.log = self._fresh_log(entry)
        if entry.checked and before is None and not entry.has_open_variables and not entry.moves:
            entry.steady = True
        if recent.request.kind == SINGLE:
            return None if recent.request.slot_of[0] < 0 else _fetch_entry(entry, frame, recent.request.slot_of[0])
        return _fetch_items(&recent.request, entry, recent.request.n_items)

    cdef int _bind_feeds(self, Entry entry, Frame frame, list arguments) except -1:
        cdef int i, axis
        cdef FeedSpec *spec
        cdef np.ndarray array
        cdef hl_frame *c = frame.frame
        for i in range(entry.n_feeds):
            spec = &entry.specs[i]
            if spec.type_number == OBJECTS:
                if entry.feed_objects[i] >= 0:
                    frame.objects[entry.feed_objects[i]] = arguments[i]
                array = np.asarray(arguments[i])
                for axis in range(spec.rank):
                    if spec.dims[axis] == OPEN:
                        c.regs[spec.registers[axis]] = np.PyArray_DIMS(array)[axis]
                continue
            array = <np.ndarray>PyList_GET_ITEM(arguments, i)
            if np.PyArray_BASE(array) != NULL and not _outside(<PyObject *>array):
                array = arguments[i] = array.copy()
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
            if not self._ranks_hold(entry):
                return HL_RESTART
            force = self._refresh_variables(entry, frame)
        if not entry.checked:
            self._check_initialized(entry)
        if frame.plan.plan.n_batches:
            status = self._begin(frame, force)
        else:
            status = hl_frame_prepare(c, force)
        if status != HL_OK:
            return status
        if c.cost_ns > GIL_COST_NS or frame.plan.plan.interruptible:
            c.poll_at_ns = hl_now_ns() + HL_POLL_PERIOD_NS
            with nogil:
                status = hl_frame_run(c) if frame.trace == NULL else hl_frame_run_traced(c, frame.trace)
            return status
        return hl_frame_run(c) if frame.trace == NULL else hl_frame_run_traced(c, frame.trace)

    cdef hl_status _begin(self, Frame frame, bint force) noexcept:
        """Takes the elements of iterators, and prepares."""
        cdef hl_frame *c = frame.frame
        cdef hl_status status
        if c.cost_ns > GIL_COST_NS or frame.plan.plan.interruptible:
            with nogil:
                status = hl_frame_begin(c, force)
        else:
            frame.keeps_lock = True
            status = hl_frame_begin(c, force)
            frame.keeps_lock = False
        return status

    cdef bint _ranks_hold(self, Entry entry) except -1:
        """Whether variables whose rank the graph leaves open have the rank that the plan was compiled for."""
        cdef VariableCell cell
        for key, rank in entry.plan.tables["open_ranks"]:
            cell = self._variables.get(key)
            if cell is not None and hl_variable_is_initialized(&cell.variable) and (rank is None or cell.variable.rank != rank):
                return False
        return True

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
            if not hl_variable_is_initialized(&(<VariableCell>cell).variable):
                self._uninitialized(cell.key, op)
        entry.checked = True

    def run_entry(self, Entry entry not None, list arguments not None, int64_t deadline_ns=0, list replay=None, list times=None):
        """Runs a compiled request with converted feeds; returns the list of its fetches.

        Where `times` is given, it gets for each instruction that ran (its kernel, its node or None, when it began and ended
        in nanoseconds of the monotonic clock, the types and shapes of its outputs).
        """
        if not entry.moves:
            return self._run_entry(entry, arguments, deadline_ns, replay, times)
        self._take_moving(entry, deadline_ns)
        try:
            return self._run_entry(entry, arguments, deadline_ns, replay, times)
        finally:
            self._moving.release()

    cdef list _run_entry(self, Entry entry, list arguments, int64_t deadline_ns, list replay, list times):
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
                frame.frame.asks_host = True
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
            left, frame.replay = frame.replay, []
            frame.frame.asks_host = False
            if status == HL_RESTART:
                if left and frame.log is not None:
                    frame.log.extend(left)  # calls that this plan did not come to; the next one may
                return self._restart(entry, frame, before, arguments, deadline_ns, times)
            frame.log = self._fresh_log(entry)
            if status != HL_OK:
                self._failed(entry, frame, status)
            if first and frame.log is None and entry.checked and not entry.has_open_variables and not entry.moves:
                entry.steady = True
            return [_fetch_entry(entry, frame, i) for i in range(entry.n_fetches)]
        finally:
            free(trace.entries)
            if first:
                self._busy = False
            else:
                self._spare_arenas.append(arena)

    cdef list _fresh_log(self, Entry entry):
        """For the calls of the next run: None where nothing that it assumes can turn out otherwise in its course."""
        return [] if entry.logs else None

    cdef object _state_before(self, Entry entry):
        """What a step that starts again must find as it was: the random streams, and variables written too early."""
        streams = [cell.state() for cell in entry.streams]
        cells = [self._variables[key] for key in entry.plan.tables["undo"]]
        return streams, [(cell, cell.snapshot()) for cell in cells]

    cdef object _restart(self, Entry entry, Frame frame, before, list arguments, int64_t deadline_ns, list times=None):
        """The plan assumed what is not so: another plan takes over, with the results of the calls made so far."""
        log, frame.log = frame.log, self._fresh_log(entry)
        frame.pending.clear()
        streams, snapshots = before if before is not None else ((), ())  # None: only elements of iterators were taken
        for cell, state in zip(entry.streams, streams):
            cell.restore(*state)
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
        cdef Frame frame = Frame(entry.plan, arena, self, entry.variables, entry.streams, entry.iterators, self._threads)
        frame.keeps_log = entry.logs
        frame.log = self._fresh_log(entry)
        return frame

    cdef _failed(self, Entry entry, Frame frame, hl_status status):
        cdef hl_frame *c = frame.frame
        cdef object error = frame.raised
        cdef int i
        frame.raised = None
        frame.pending.clear()
        frame.log = self._fresh_log(entry)
        self._step_failed()
        if status == HL_RAISED and error is not None:
            raise error
        self._raise(entry, status, c.failed_node, c.run.message.decode(errors="replace"),
                    (c.failed_sizes[0], c.failed_sizes[1]), [c.regs[i] for i in range(c.plan.n_regs)])

    def remember(self, fetches, tuple items, tuple keys, list feed_of, list slot_of, Entry entry):
        """Puts a request where `run` finds it by identity.

        Args:
          fetches: a list or a tuple of `items`, or the only one.
          items: elements: tensors, variables, operations.
          keys: those of the feeds, in the order of the program.
          feed_of: for each key its feed in the plan.
          slot_of: for each item its value in the plan, or -1 for an operation.
          entry: what the request was compiled to.
        """
        cdef Recent fresh
        if len(keys) > MOST_FEEDS or entry.stale:
            return
        self._keep_first(Recent(fetches, items, keys, feed_of, slot_of, entry))

    cdef int _keep_first(self, Recent fresh) except -1:
        """Has a request found from now on, in the place of the same one for feeds of other ranks, or of one that was not used longest."""
        cdef Recent recent
        fresh.used = self._clock
        kept = [recent for recent in self._recent if not (
            recent.keys == fresh.keys and _same_fetches(&recent.request, <PyObject *>fresh.fetches))]
        if len(kept) >= RECENT:
            kept.remove(min(kept, key=_last_use))
        return self._keep([fresh, *kept])

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
    return _fetch(frame.frame, entry.fetch_index[i])


cdef object _structure(Recent recent, list results):
    cdef Request *request = &recent.request
    values = [None if request.slot_of[i] < 0 else results[request.slot_of[i]] for i in range(request.n_items)]
    if request.kind == SINGLE:
        return values[0]
    return values if request.kind == LIST else tuple(values)
