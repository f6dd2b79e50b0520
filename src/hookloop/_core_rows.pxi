# Elements of datasets by the block: rows of arrays in a chain's order, a function of each row, a shuffle of rows.

@cython.final
cdef class RowOrder:
    """Which rows of arrays come next: the order of a chain of stages, as many at a time as are asked for.

    Args:
      stages: as `IteratorCell.start` takes them.
    """

    cdef hl_indices *indices
    cdef readonly bint batched         # an element is a group of rows
    cdef readonly bint ascends         # rows follow each other, but where a round ends
    cdef public object kept            # what `next` has given, until who asked says that it is in safety: it is given again

    def __cinit__(self, list stages not None):
        cdef hl_stage_spec *specs = _stage_specs(stages)
        try:
            self.indices = hl_indices_new(specs, len(stages))
        finally:
            free(specs)
        if self.indices == NULL:
            raise MemoryError("out of memory for a dataset's iterator")
        self.batched = hl_indices_grouped(self.indices)
        self.ascends = hl_indices_ascend(self.indices)

    def __dealloc__(self):
        hl_indices_free(self.indices)

    def start(self):
        """From the beginning again: shuffles that draw new seeds go on drawing."""
        hl_indices_open(self.indices)
        self.kept = None

    def next(self, check, int64_t n=1):
        """The indices of the next rows: `n` at most, or those of the next batch; None at the end.

        Args:
          check: called now and then where it takes long; what it raises is raised, and the next call goes on.
        """
        if self.kept is not None:
            return self.kept
        cdef np.npy_intp room = hl_indices_most(self.indices) if self.batched else n
        cdef np.ndarray found = np.PyArray_EMPTY(1, &room, np.NPY_INT64, 0)
        cdef int64_t *out = <int64_t *>np.PyArray_DATA(found)
        cdef int64_t got
        while True:
            with nogil:
                got = hl_indices_next(self.indices, out) if self.batched else hl_indices_some(self.indices, out, room)
            if got or not hl_indices_paused(self.indices):
                break
            PyErr_CheckSignals()
            check()
        if got < 0:
            raise MemoryError("out of memory for a dataset's iterator")
        if got == 0:
            return None
        self.kept = found if got == room else found[:got]
        return self.kept

    def skip(self, int64_t count):
        """Goes past elements, at most `count`; returns how many there were, up to the end or in a few ms: see `paused`."""
        cdef int64_t got
        with nogil:
            got = hl_indices_pass(self.indices, count)
        return got

    @property
    def paused(self):
        """Whether `skip` has come back before its end."""
        return hl_indices_paused(self.indices)


cdef hl_stage_spec *_stage_specs(list stages) except NULL:
    cdef hl_stage_spec *specs = <hl_stage_spec *>calloc(max(len(stages), 1), sizeof(hl_stage_spec))
    cdef int i
    if specs == NULL:
        raise MemoryError()
    try:
        for i in range(len(stages)):
            specs[i].kind, specs[i].number, specs[i].second, specs[i].reseeds, specs[i].key, specs[i].stream = stages[i]
    except BaseException:
        free(specs)
        raise
    return specs


@cython.final
cdef class RowCalls:
    """A request that is run for each row of arrays, its values stacked: the same as one call after the other.

    Args:
      session: a session.
      fetches: tensors.
      keys: the feeds: first those that get a row, then those that are the same for all.
      others: the values of the latter.
    """

    cdef SessionCore session
    cdef list fetches, keys, others
    cdef int n_rows
    cdef Steps steps
    cdef list shapes                   # of a row of each array: what `steps` is for
    cdef list places                   # of each array: its feed in the entry
    cdef bint in_c                     # a row is bound where it lies
    cdef readonly bint varies          # values have had shapes that differ from one row to the next

    def __cinit__(self, SessionCore session not None, list fetches not None, list keys not None, list others not None):
        self.session, self.fetches, self.keys, self.others = session, fetches, keys, others
        self.n_rows = len(keys) - len(others)

    def run(self, list arrays not None, int64_t first, int64_t count, int64_t deadline_ns=0):
        """Runs the request for rows `first` to `first + count - 1`, until one fails.

        Args:
          arrays: contiguous and aligned, with equal first sizes.
          deadline_ns: when the time is over, by the monotonic clock; 0 for never.

        Returns:
          The values as a list of tuples of stacked arrays, one after the other; how many rows that are; what the next
          row has raised, or what has ended the step before it was done, or None.
        """
        cdef int64_t done = 0
        pieces = []
        if len(arrays) != self.n_rows or first < 0 or any([count > len(array) - first for array in arrays]):
            raise ValueError(f"expected {self.n_rows} arrays with {count} rows from row {first} on")
        try:
            while done < count:
                self._settle(arrays, first + done)
                if self.in_c and self.steps.entry.steady and not (self.session._busy or self.session._timeout_ns):
                    done += self._loop(arrays, first + done, count - done, pieces, deadline_ns)
                else:
                    self.steps.arguments = self._arguments(arrays, first + done)
                    self.steps.advance_once(deadline_ns)
                    pieces.append(tuple([_stacked_value(self.steps.latest[slot]) for slot in self.steps.slots]))
                    done += 1
        except BaseException as error:
            return pieces, sum([len(piece[0]) for piece in pieces]), error
        return pieces, done, None

    @property
    def cost_ns(self):
        """What a row is estimated to take; infinite where that is not known, or Python makes it."""
        if self.steps is None or not self.in_c or not self.steps.entry.steady:
            return float("inf")
        return self.steps.entry.frame.frame.cost_ns

    cdef list _arguments(self, list arrays, int64_t at):
        arguments = list(self.steps.arguments)
        for place, array in zip(self.places, arrays):
            arguments[place] = array[at]
        return self.session._convert_feeds(self.steps.entry.feeds, arguments)

    cdef int _settle(self, list arrays, int64_t at) except -1:
        """Takes a plan for rows of these shapes."""
        cdef Entry entry
        shapes = [(array.shape[1:], array.dtype) for array in arrays]
        if self.steps is not None and shapes == self.shapes and not self.steps.entry.stale:
            return 0
        feeds = dict(zip(self.keys, [*[array[at] for array in arrays], *self.others]))
        self.steps = Steps(self.session, self.fetches, feeds, False)
        self.shapes = shapes
        entry = self.steps.entry
        self.places = [entry.feeds.index(key) for key in self.keys[: self.n_rows]]
        self.in_c = not entry.plan.tables["special_values"] and not entry.plan.plan.n_batches and (
            not any([entry.fetch_is_object[i] for i in range(entry.n_fetches)]))
        for place, array in zip(self.places, arrays):
            self.in_c = self.in_c and entry.specs[<int>place].type_number != OBJECTS and (
                (<tuple>entry.feeds)[place].dtype.as_numpy_dtype == array.dtype)
        return 0

    cdef int64_t _loop(self, list arrays, int64_t first, int64_t count, list pieces, int64_t deadline_ns) except -1:
        """As many rows as C makes in one piece."""
        cdef Steps steps = self.steps
        cdef Entry entry = steps.entry
        cdef Frame frame = entry.frame
        cdef hl_frame *c = frame.frame
        cdef hl_row_feed rows[MOST_FEEDS]
        cdef hl_loop loop
        cdef hl_status status
        cdef np.ndarray array
        cdef int k = 0, i
        if len(arrays) > MOST_FEEDS:
            raise ValueError(f"expected at most {MOST_FEEDS} arrays, got {len(arrays)}")
        memset(&loop, 0, sizeof(loop))
        loop.frame, loop.n_steps, loop.row_feeds = c, count, rows
        for array in arrays:
            rows[k].feed = self.places[k]
            rows[k].bytes = _row_bytes(array)
            rows[k].data = <char *>np.PyArray_DATA(array) + first * rows[k].bytes
            k += 1
        loop.n_row_feeds = k
        self.session._busy = True
        try:
            self.session._bind_feeds(entry, frame, steps.arguments)
            status = hl_frame_prepare(c, False)
            if status == HL_OK:
                stack = steps.make_stack(&loop)
                c.poll_at_ns = hl_now_ns() + HL_POLL_PERIOD_NS
                frame.deadline_ns = deadline_ns
                if c.plan.interruptible or <double>loop.n_steps * c.cost_ns > GIL_COST_NS:
                    with nogil:
                        status = hl_loop_run_rows(&loop)
                else:
                    status = hl_loop_run_rows(&loop)
            if loop.steps_done:
                n = loop.steps_done
                stack = [array if n == len(array) else array[:n].copy() for array in stack]
                pieces.append(tuple([stack[slot] for slot in steps.slots]))
            if status != HL_OK:
                self.session._failed(entry, frame, status)
            if loop.end == HL_LOOP_RESIZED:
                self.varies = True
                pieces.append(tuple([_stacked_value(_fetch_entry(entry, frame, slot)) for slot in steps.slots]))
        finally:
            free(<void *>loop.stacked)
            self.session._busy = False
        return loop.steps_done + (loop.end == HL_LOOP_RESIZED)


cdef int64_t _row_bytes(np.ndarray array):
    """The bytes of a row of a contiguous array; the strides of an array with one row, or of empty ones, say nothing."""
    cdef int64_t bytes = np.PyArray_ITEMSIZE(array)
    cdef int axis
    for axis in range(1, np.PyArray_NDIM(array)):
        bytes *= np.PyArray_DIMS(array)[axis]
    return bytes


cdef object _stacked_value(value):
    """A fetched value as a stack of one."""
    return np.asarray(value)[np.newaxis]


@cython.final
cdef class ShuffleBuffer:
    """A shuffle's buffer: rows of arrays that are put in and drawn, or places of elements that are kept elsewhere.

    Args:
      size: how many elements it holds.
      key, stream: the two seeds.
    """

    cdef hl_shuffle *shuffle
    cdef readonly int64_t size
    cdef readonly list columns         # arrays, by place; None before there are rows

    def __cinit__(self, int64_t size, uint64_t key, uint64_t stream):
        if size < 1:
            raise ValueError(f"expected a positive size, got {size}")
        self.size = size
        self.shuffle = hl_shuffle_new(size, key, stream)
        if self.shuffle == NULL:
            raise MemoryError("out of memory for a shuffle")

    def __dealloc__(self):
        hl_shuffle_free(self.shuffle)

    def __len__(self):
        return hl_shuffle_held(self.shuffle)

    def put(self):
        """The place of a new element."""
        cdef int64_t place = hl_shuffle_put(self.shuffle)
        if place < 0:
            raise MemoryError("out of memory for a shuffle")
        return place

    def draw(self):
        """The place of an element that is drawn; it is free from now on."""
        if not len(self):
            raise IndexError("nothing is held")
        return hl_shuffle_draw(self.shuffle)

    def end_round(self):
        """What is put from now on is drawn when all from before are."""
        if not hl_shuffle_end_round(self.shuffle):
            raise MemoryError("out of memory for a shuffle")

    def fits(self, rows):
        """Whether rows are of the shapes and types of those that it holds."""
        return self.columns is None or [(c.shape[1:], c.dtype) for c in self.columns] == [(r.shape[1:], r.dtype) for r in rows]

    def move(self, rows, int64_t first, out, int64_t given, bint last):
        """Puts rows in and draws others, until `out` is full or a row is wanted that has not come.

        Args:
          rows: arrays of rows that come, contiguous, those before `first` being in the buffer already; () for none.
          out: arrays for those that are drawn; those before `given` are there.
          last: whether nothing comes behind these rows.

        Returns:
          `first` and `given` as they are now.
        """
        cdef hl_shuffle_rows moving
        cdef np.ndarray array
        cdef int k
        cdef bint moved
        if rows:
            self._make_room(rows, len(rows[0]) - first)
        for arrays in (rows, out) if rows else (out,):
            if self.columns is None or not self.fits(arrays) or len({len(array) for array in arrays}) > 1 or not all(
                    [array.flags.c_contiguous for array in arrays]):
                raise ValueError("expected contiguous arrays of the shapes and types that are held")
        moving.n_columns = len(out)
        moving.n_in = len(rows[0]) if rows else 0
        moving.n_out, moving.last, moving.taken, moving.given = len(out[0]), last, first, given
        moving.columns = <hl_shuffle_column *>calloc(max(moving.n_columns, 1), sizeof(hl_shuffle_column))
        if moving.columns == NULL:
            raise MemoryError()
        try:
            for k in range(moving.n_columns):
                array = out[k]
                moving.columns[k].row_bytes = _row_bytes(array)
                moving.columns[k].out = <char *>np.PyArray_DATA(array)
                moving.columns[k].held = <char *>np.PyArray_DATA(<np.ndarray>self.columns[k])
                if rows:
                    moving.columns[k].input = <char *>np.PyArray_DATA(<np.ndarray>rows[k])
            with nogil:
                moved = hl_shuffle_move(self.shuffle, &moving)
        finally:
            free(moving.columns)
        if not moved:
            raise MemoryError("out of memory for a shuffle")
        return moving.taken, moving.given

    cdef int _make_room(self, rows, int64_t coming) except -1:
        cdef int64_t wanted = max(hl_shuffle_places(self.shuffle), min(self.size, hl_shuffle_held(self.shuffle) + coming)), room
        if self.columns is not None and len(self.columns[0]) >= wanted:
            return 0
        room = wanted if self.columns is None else max(wanted, min(self.size, 2 * len(self.columns[0])))
        grown = [np.empty((room, *array.shape[1:]), array.dtype) for array in rows]
        for old, new in zip(self.columns or (), grown):
            new[: len(old)] = old
        self.columns = grown
        return 0

    def take_apart(self):
        """The elements by place, as tuples of arrays; from now on they are kept by who asks."""
        columns, self.columns = self.columns, None
        return [tuple([column[i] for column in columns]) for i in range(len(columns[0]))] if columns is not None else []
