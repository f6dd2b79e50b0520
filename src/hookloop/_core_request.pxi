# Compiled requests, and how a request that was written before is found by the identity of its parts.

cdef enum:
    RECENT = 8            # requests that are found without hashing
    GIL_COST_NS = 10000   # plans estimated above this give the GIL back while they run
    OPEN = -1             # a feed's dimension that the plan leaves open
    SAME = -3             # one that is to be as long as that of a feed before it
    OBJECTS = -2          # in the place of NumPy's type number: a feed that no kernel touches


cdef struct FeedSpec:
    int type_number
    int rank
    np.npy_intp dims[HL_MAX_RANK]  # OPEN, SAME, or what the plan was compiled for
    int32_t registers[HL_MAX_RANK]
    int32_t same_feed[HL_MAX_RANK], same_axis[HL_MAX_RANK]  # of SAME: as which


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
    cdef list apart                    # (axis, feeds, each) whose sizes are not to be equal: see compile/same_sizes.py
    cdef int32_t *apart_codes          # of each of these axis, each, how many feeds, and the feeds, for C
    cdef Py_ssize_t n_apart_codes
    cdef int n_feeds, n_fetches
    cdef bint has_object_feeds, has_open_variables, checked
    cdef bint bindable                 # it has its frame, and feeds that can be bound in place
    cdef bint moves                    # variables of open shape, whose memory another run may move: one such run at a time
    cdef bint steady                   # and has run: nothing of it is open but sizes
    cdef bint logs                     # calls of the host, which a run that starts again replays
    cdef public bint stale             # it assumed what a run found otherwise: requests are looked up again
    cdef int32_t *fetch_index
    cdef uint8_t *fetch_is_object
    cdef int32_t *feed_objects         # object slot of each feed, or -1
    cdef list required                 # (VariableCell, op)
    cdef list variables
    cdef list streams
    cdef list iterators
    cdef Frame frame
    cdef dict others
    cdef readonly object request       # what the plan was compiled from
    cdef object __weakref__

    def __cinit__(self, Plan plan, tuple feeds, feed_shapes, feed_types, list variables, list streams, list required,
                  request=None, list iterators=None):
        cdef int i, axis
        self.plan = plan
        self.feeds = feeds
        self.variables = variables
        self.streams = streams
        self.iterators = iterators or []
        self.logs = plan.tables["logs"]
        self.apart = plan.tables["sizes_apart"]
        codes = [code for axis, group, each in self.apart for code in (axis, each, len(group), *group)]
        self.n_apart_codes = len(codes)
        self.apart_codes = <int32_t *>calloc(max(len(codes), 1), sizeof(int32_t))
        if self.apart_codes == NULL:
            raise MemoryError()
        for i in range(len(codes)):
            self.apart_codes[i] = codes[i]
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
        if self.specs == NULL or self.feed_objects == NULL or self.fetch_index == NULL or self.fetch_is_object == NULL:
            raise MemoryError()
        for i in range(self.n_fetches):
            self.fetch_is_object[i] = fetches[i][0]
            self.fetch_index[i] = fetches[i][1]
        for i in range(self.n_feeds):
            self.feed_objects[i] = -1
            is_object = feed_types[i] in (HL_STRING, HL_RESOURCE, HL_VARIANT)
            self.specs[i].type_number = OBJECTS if is_object else _numpy_type(feed_types[i])
            self.specs[i].rank = len(feed_shapes[i])
            for axis in range(self.specs[i].rank):
                self.specs[i].dims[axis] = feed_shapes[i][axis]
            if is_object:
                self.has_object_feeds = True
        for i, axis, register in plan.tables["feed_registers"]:
            self.specs[i].dims[axis] = OPEN
            self.specs[i].registers[axis] = register
        for (i, axis), (of, of_axis) in plan.tables["same_sizes"].items():
            if self.specs[<int>of].dims[<int>of_axis] == OPEN:  # or the plan was compiled for one size of both
                self.specs[i].dims[axis] = SAME
                self.specs[i].registers[axis] = self.specs[<int>of].registers[<int>of_axis]
                self.specs[i].same_feed[axis], self.specs[i].same_axis[axis] = of, of_axis
        for at, source in enumerate(plan.tables["objects"]):
            if isinstance(source, tuple) and source[0] == "feed":
                self.feed_objects[<int>source[1]] = at
        self.has_open_variables = len(plan.tables["variable_registers"]) + len(plan.tables["open_ranks"]) > 0
        # What calls the host may wait there for another thread's run.
        self.moves = (self.has_open_variables or "reshape_variable" in plan.tables["kernels"]) and not (
            plan.tables["hosts"] or plan.tables["batches"])

    def __dealloc__(self):
        free(self.specs)
        free(self.apart_codes)
        free(self.feed_objects)
        free(self.fetch_index)
        free(self.fetch_is_object)

    def accepts(self, list shapes):
        """Whether arrays of these shapes fit what the plan was compiled for."""
        cdef int i, axis
        cdef FeedSpec *spec
        for i in range(self.n_feeds):
            spec = &self.specs[i]
            if len(shapes[i]) != spec.rank:
                return False
            for axis in range(spec.rank):
                if spec.dims[axis] == SAME:
                    if shapes[i][axis] != shapes[spec.same_feed[axis]][spec.same_axis[axis]]:
                        return False
                elif spec.dims[axis] != OPEN and spec.dims[axis] != shapes[i][axis]:
                    return False
        for axis, feeds, each in self.apart:
            sizes = len({shapes[feed][axis] for feed in feeds})
            if sizes == 1 or (each and sizes < len(feeds)):
                return False
        return True


cdef struct Watch:
    # What is looked at in C after a run, of a list of fetches: its last `count` are not wanted while they are finite.
    int count
    bint single     # one value is returned then; else the list of those before them
    bint due        # left True where the whole list is returned


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
    int *first_of          # item position -> the first one of the same fetched value, which all of them get
    int n_items, n_keys
    bint repeats           # a fetched value is asked for more than once
    RequestKind kind


@cython.final
cdef class Recent:
    """A request as it was written last time: matched by the identity of its parts."""

    cdef Request request
    cdef object fetches
    cdef tuple items
    cdef tuple keys
    cdef int64_t used          # when it was last matched
    cdef bint replaced         # by one of another plan: who holds it is to look again
    cdef Entry entry

    def __cinit__(self, fetches, tuple items, tuple keys, list feed_of, list slot_of, Entry entry):
        cdef int i
        cdef Request *request = &self.request
        self.fetches = fetches
        self.items = items
        self.keys = keys
        self.entry = entry
        request.recent = <PyObject *>self
        request.kind = LIST if type(fetches) is list else TUPLE if type(fetches) is tuple else SINGLE
        request.fetches = <PyObject *>fetches
        request.n_items = len(items)
        request.n_keys = len(keys)
        request.items = <PyObject **>calloc(request.n_items + request.n_keys, sizeof(PyObject *))
        request.slot_of = <int *>calloc(2 * request.n_items + request.n_keys, sizeof(int))
        if request.items == NULL or request.slot_of == NULL:
            raise MemoryError()
        request.keys = request.items + request.n_items
        request.first_of = request.slot_of + request.n_items
        request.feed_of = request.first_of + request.n_items
        first_of = {}
        for i in range(request.n_keys):
            request.feed_of[i] = feed_of[i]
            request.keys[i] = PyTuple_GET_ITEM(keys, i)
        for i in range(request.n_items):
            request.slot_of[i] = slot_of[i]
            request.items[i] = PyTuple_GET_ITEM(items, i)
            request.first_of[i] = first_of.setdefault(slot_of[i], i)
            request.repeats |= request.slot_of[i] >= 0 and request.first_of[i] < i

    cdef Recent of_entry(self, Entry entry):
        """The same request for feeds of other shapes, which were compiled to another entry."""
        cdef Request *request = &self.request
        fetches = list(self.items) if request.kind == LIST else self.fetches  # whose list the program may have changed
        return Recent(fetches, self.items, self.keys, [request.feed_of[i] for i in range(request.n_keys)],
                      [request.slot_of[i] for i in range(request.n_items)], entry)

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


cdef enum:
    MOST_FEEDS = 256  # of a request that takes the fast path


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
                if spec.dims[axis] == OPEN:
                    c.regs[spec.registers[axis]] = dims[axis]
                elif spec.dims[axis] != SAME or c.regs[spec.registers[axis]] != dims[axis]:
                    return False
        data = <char *>np.PyArray_DATA(<np.ndarray>array)
        if c.feeds[i] != data:
            hl_frame_bind_feed(c, i, data)
        spec += 1
    return entry.n_apart_codes == 0 or _are_apart(entry, values)


cdef bint _are_apart(Entry entry, PyObject **values) noexcept:
    """Whether the sizes are unequal of which the plan is made for unequal ones."""
    cdef const int32_t *code = entry.apart_codes
    cdef const int32_t *end = code + entry.n_apart_codes
    cdef const int32_t *feeds
    cdef int i, k, axis
    cdef np.npy_intp size
    cdef bint each, differs
    while code < end:
        axis, each, feeds = code[0], code[1], code + 3
        differs = False
        for i in range(1, code[2]):
            size = np.PyArray_DIMS(<np.ndarray>values[feeds[i]])[axis]
            for k in range(i if each else 1):
                if np.PyArray_DIMS(<np.ndarray>values[feeds[k]])[axis] != size:
                    differs = True
                elif each:
                    return False
        if not differs:
            return False
        code = feeds + code[2]
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
    return dtype == HL_FLOAT32 or dtype == HL_FLOAT64


cdef object _fetch_items(const Request *request, Entry entry, int count):
    """The first values of a list or tuple of fetches; one that is asked for more than once is made once."""
    cdef int i
    out = PyList_New(count)
    for i in range(count):
        if request.slot_of[i] < 0:
            value = None
        elif request.repeats and request.first_of[i] < i:
            value = <object>PyList_GET_ITEM(out, request.first_of[i])
        else:
            value = _fetch_entry(entry, entry.frame, request.slot_of[i])
        Py_INCREF(value)
        PyList_SET_ITEM(out, i, value)
    return tuple(out) if request.kind == TUPLE else out
