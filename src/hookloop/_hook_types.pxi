# What hooks give and get. They behave like TensorFlow's namedtuples, and cost a tenth.

cdef extern from *:
    """
    #include <structmember.h>

    /* Has Python read an object's field in place, as it reads a slot: a property costs it ten times as much. */
    static int hl_add_field(PyTypeObject *type, const char *name, Py_ssize_t offset) {
        static PyMemberDef fields[8]; /* they must stay: descriptors point at them */
        static int count;
        if (count == 8) {
            PyErr_SetString(PyExc_SystemError, "expected at most 8 fields that are read in place");
            return -1;
        }
        PyMemberDef *field = &fields[count++];
        field->name = name;
        field->type = T_OBJECT_EX;
        field->offset = offset;
        field->flags = READONLY;
        PyObject *descriptor = PyDescr_NewMember(type, field);
        int status = descriptor ? PyDict_SetItemString(type->tp_dict, name, descriptor) : -1;
        Py_XDECREF(descriptor);
        PyType_Modified(type);
        return status;
    }

    /* Empties an object's own dictionary. */
    static CYTHON_INLINE void hl_forget_attributes(PyObject *object) {
        PyObject **own = _PyObject_GetDictPtr(object);
        if (own && *own && PyDict_GET_SIZE(*own)) PyDict_Clear(*own);
    }

    /* Has a class called by another function, and returns the one that made its objects before. */
    typedef PyObject *(*hl_class_call)(PyObject *, PyObject *const *, size_t, PyObject *);
    static hl_class_call hl_replace_class_call(PyTypeObject *type, hl_class_call function) {
        hl_class_call before = type->tp_vectorcall;
        type->tp_vectorcall = function;
        return before;
    }
    """
    int hl_add_field(PyTypeObject *type, const char *name, Py_ssize_t offset) except -1
    ctypedef object (*class_call "hl_class_call")(PyObject *, PyObject *const *, size_t, PyObject *)
    class_call hl_replace_class_call(PyTypeObject *type, class_call function)
    Py_ssize_t Py_REFCNT(PyObject *) noexcept
    void hl_forget_attributes(PyObject *object) noexcept
    ctypedef struct PyTypeObject:
        pass
    const Py_ssize_t _FIRST "offsetof(struct __pyx_obj_8hookloop_5_core_Record, _first)"
    const Py_ssize_t _SECOND "offsetof(struct __pyx_obj_8hookloop_5_core_Record, _second)"
    const Py_ssize_t _THIRD "offsetof(struct __pyx_obj_8hookloop_5_core_Record, _third)"
    const Py_ssize_t _SESSION "offsetof(struct __pyx_obj_8hookloop_5_core_SessionRunContext, session)"


@cython.freelist(32)
cdef class Record:
    """Three fields that unpack, compare and replace like a namedtuple's.

    The fields are here and the subclasses add none: only so do they share the list of free objects.
    """

    cdef object _first, _second, _third
    cdef object _maker   # makes what is not there when it is looked at, or None
    _fields = ("first", "second", "third")

    def __init__(self, first, second, third):
        self._first = first
        self._second = second
        self._third = third

    cdef int forget(self) except -1:
        """Drops what it holds, for the next run to take it."""
        self._first = self._second = self._third = None
        return 0

    cdef tuple astuple(self):
        return tuple([getattr(self, name) for name in self._fields])

    def __iter__(self):
        return iter(self.astuple())

    def __len__(self):
        return len(self.astuple())

    def __getitem__(self, index):
        return self.astuple()[index]

    def __eq__(self, other):
        if isinstance(other, Record):
            return type(self) is type(other) and self.astuple() == (<Record>other).astuple()
        return self.astuple() == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self):
        return hash(self.astuple())

    def __repr__(self):
        fields = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self.astuple()))
        return f"{type(self).__name__}({fields})"

    def __reduce__(self):
        return type(self), self.astuple()

    def __lt__(self, other):
        return self.astuple() < tuple(other)

    def __le__(self, other):
        return self.astuple() <= tuple(other)

    def __gt__(self, other):
        return self.astuple() > tuple(other)

    def __ge__(self, other):
        return self.astuple() >= tuple(other)

    def __add__(self, other):
        return self.astuple() + tuple(other) if isinstance(other, (tuple, Record)) else NotImplemented

    def __radd__(self, other):
        return other + self.astuple() if isinstance(other, tuple) else NotImplemented

    def __mul__(self, times):
        return self.astuple() * times

    def __rmul__(self, times):
        return self.astuple() * times

    @classmethod
    def _make(cls, values):
        """One of the values of all fields."""
        values = tuple(values)
        if len(values) != len(cls._fields):
            raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(values)}")
        return cls(*values)

    def count(self, value):
        """How many fields have the value."""
        return self.astuple().count(value)

    def index(self, value, *bounds):
        """The first field that has the value."""
        return self.astuple().index(value, *bounds)

    def _asdict(self):
        """The fields as a dictionary."""
        return dict(zip(self._fields, self.astuple()))

    def _replace(self, **kwargs):
        """The same with other values in the fields named."""
        unknown = [name for name in kwargs if name not in self._fields]
        if unknown:
            raise ValueError(f"Got unexpected field names: {unknown!r}")
        return type(self)(**{**self._asdict(), **kwargs})


cdef class SessionRunArgs(Record):
    """What a hook adds to a run.

    Args:
      fetches: what the hook wants to see, in any nesting, or None.
      feed_dict: what it feeds, or None.
      options: a `RunOptions` to merge with the caller's, or None.
    """

    _fields = ("fetches", "feed_dict", "options")

    def __init__(self, fetches, feed_dict=None, options=None):
        self._first = fetches
        self._second = feed_dict
        self._third = options


cdef object _call_args_class(PyObject *kind, PyObject *const *args, size_t count, PyObject *names):
    """`SessionRunArgs(...)` without names, which most hooks write in every step: the general way costs three times as much."""
    cdef Py_ssize_t n = PyVectorcall_NARGS(count)
    cdef SessionRunArgs made
    if names != NULL or n < 1 or n > 3:
        return _general_args_call(kind, args, count, names)
    made = SessionRunArgs.__new__(SessionRunArgs)
    made._first = <object>args[0]
    if n > 1:
        made._second = <object>args[1]
    if n > 2:
        made._third = <object>args[2]
    return made


cdef class_call _general_args_call = hl_replace_class_call(<PyTypeObject *>SessionRunArgs, _call_args_class)


cdef SessionRunArgs _as_args(object request):
    """What a hook returned, which may be any object with the fields."""
    if request is None or type(request) is SessionRunArgs:
        return request
    if not hasattr(request, "fetches"):
        raise AttributeError(
            f"'{type(request).__name__}' object has no attribute 'fetches': expected before_run to return SessionRunArgs or "
            f"None, got {request!r}")
    return SessionRunArgs(request.fetches, request.feed_dict, request.options)


cdef class SessionRunValues(Record):
    """What a hook gets after a run.

    Args:
      results: the values of the fetches that its `before_run` asked for, or None.
      options: the `RunOptions` of the run.
      run_metadata: the `RunMetadata` of the run.
    """

    _fields = ("results", "options", "run_metadata")

    def __init__(self, results, options, run_metadata):
        self._first = results
        self._second = options
        self._third = run_metadata

    @property
    def options(self):
        if self._second is None and self._maker is not None:
            self._second = self._maker("RunOptions")
        return self._second

    @property
    def run_metadata(self):
        if self._third is None and self._maker is not None:
            self._third = self._maker("RunMetadata")
        return self._third


cdef inline SessionRunValues _values(SessionRunValues kept, object results, object options, object run_metadata, object maker):
    """The values of a run; options and metadata are made by `maker` only when a hook looks at them.

    `kept` is what another hook was given, or None: it is given again where that hook has not kept it.
    """
    cdef SessionRunValues values
    if kept is not None and Py_REFCNT(<PyObject *>kept) == 1:
        values = kept
    else:
        values = SessionRunValues.__new__(SessionRunValues)
    values._first = results
    values._second = options
    values._third = run_metadata
    values._maker = maker
    return values


@cython.freelist(16)
cdef class SessionRunContext:
    """A run as its hooks see it.

    Args:
      original_args: the `SessionRunArgs` of the caller.
      session: the session that runs the graph, below all hooks.
    """

    cdef readonly object session
    cdef object _original_args, _fetches, _feed_dict
    cdef object _run_feeds, _run_options   # of the run, with those of the hooks
    cdef bint _stop_requested
    cdef object _caller    # the hook that is being called
    cdef object _stopper   # the first hook that asked to stop
    cdef bint _in_loop
    cdef bint _adds        # whether `_run_feeds` and `_run_options` are set: a hook adds something
    cdef list _last        # what is to be called after all hooks, with the hook that asked for it; None for nothing
    cdef dict __dict__     # what hooks tell each other by attributes of their own

    def __init__(self, original_args, session):
        self._original_args = original_args
        self.session = session

    @property
    def original_args(self):
        """The `SessionRunArgs` of the caller."""
        if self._original_args is None:
            self._original_args = SessionRunArgs(self._fetches, self._feed_dict)
        return self._original_args

    @property
    def _all_feeds(self):
        """What the run is fed by the caller and by hooks."""
        return self._run_feeds if self._adds else self._feed_dict

    @property
    def stop_requested(self):
        """Whether a hook asked that the loop ends."""
        return self._stop_requested

    def request_stop(self):
        """Asks that the loop ends after this run: `should_stop` will be True."""
        if not self._stop_requested:
            self._stop_requested = True
            self._stopper = self._caller

    def call_last(self, function):
        """Calls a function once every hook's `after_run` has been called; at once where no loop calls the hooks.

        Args:
          function: a function without arguments; it may ask to stop.
        """
        if not self._in_loop:
            function()
            return
        if self._last is None:
            self._last = []
        self._last.append((self._caller, function))

    cdef int _call_last(self) except -1:
        while self._last:
            self._caller, function = self._last.pop(0)
            function()
        return 0


    cdef int forget(self) except -1:
        """Drops what it holds, for the next run to take it."""
        self.session = self._fetches = self._feed_dict = self._caller = None
        if self._original_args is not None:
            self._original_args = None
        if self._adds:
            self._adds = False
            self._run_feeds = self._run_options = None
        if self._stop_requested:
            self._stop_requested = False
            self._stopper = None
        self._last = None
        hl_forget_attributes(<PyObject *>self)
        return 0


hl_add_field(<PyTypeObject *>SessionRunArgs, "fetches", _FIRST)
hl_add_field(<PyTypeObject *>SessionRunArgs, "feed_dict", _SECOND)
hl_add_field(<PyTypeObject *>SessionRunArgs, "options", _THIRD)
hl_add_field(<PyTypeObject *>SessionRunValues, "results", _FIRST)
hl_add_field(<PyTypeObject *>SessionRunContext, "session", _SESSION)


cdef class NotFinite:
    """A trigger's counter that is due when a tensor is NaN or infinite."""

    cdef readonly object tensor

    def __init__(self, tensor):
        self.tensor = tensor

    def __repr__(self):
        return f"not_finite({self.tensor!r})"


cdef class Trigger:
    """When a hook is to be called; between those runs the loop does not enter it.

    Args:
      counter: "runs" (completed runs of the session), "global_step", "seconds", or `not_finite(tensor)`.
      every: the period: due when the counter has grown by as much since it was last due, or more.
      at: the threshold: due when the counter is at or past it.
      phase: "before": `before_run` and `after_run` are called around a run that is due; "after": `after_run`
        alone, when the counter is due once the run is over.
      first: whether a trigger with a period is due at the first run.
      since: the counter from which the first period counts, where something was done before the first run; of "seconds", a
        time as `time.time()` tells it.

    Attributes:
      due: whether the loop is calling the hook because of this trigger; False where somebody else calls it.
      value: the counter when it was last due; what a hook sets it to in `after_run` is what the next period counts from.

    Raises:
      ValueError: for an unknown counter or phase, without a period or threshold, for a negative period, or NaN as one of the
        numbers.
      TypeError: a period, a threshold or `since` is no number.
    """

    cdef readonly object counter, every, at, since
    cdef readonly str phase
    cdef readonly bint first
    cdef public bint due
    cdef public object value
    cdef hl_counter_kind kind
    cdef bint after
    cdef double limit        # the threshold or the period

    def __init__(self, counter, every=None, at=None, phase="before", first=True, since=None):
        kinds = {"runs": HL_COUNT_RUNS, "global_step": HL_COUNT_GLOBAL_STEP, "seconds": HL_COUNT_SECONDS}
        if isinstance(counter, NotFinite):
            self.kind = HL_WATCH_FINITE
            phase = "after"
        elif isinstance(counter, str) and counter in kinds:
            self.kind = kinds[counter]
            if (every is None) == (at is None):
                raise ValueError(f"a trigger needs a period or a threshold: got every={every!r}, at={at!r}")
        else:
            raise ValueError(f"expected a counter of {list(kinds)} or not_finite(tensor), got {counter!r}")
        if phase not in ("before", "after"):
            raise ValueError(f"expected the phase 'before' or 'after', got {phase!r}")
        for name, number in (("every", every), ("at", at), ("since", since)):
            if number is not None and not (hasattr(number, "__float__") or hasattr(number, "__index__")):
                raise TypeError(f"expected a number as a trigger's {name}, got {number!r}")
            if number is not None and (number != number or name == "every" and number < 0):
                raise ValueError(f"expected a {'period that is not negative' if name == 'every' else 'number'} as a trigger's "
                                 f"{name}, got {number!r}")
        self.counter = counter
        self.every = every
        self.at = at
        self.phase = phase
        self.after = phase == "after"
        self.limit = 0 if self.kind == HL_WATCH_FINITE else at if at is not None else every
        self.first = first
        self.since = since
        self.value = None

    cdef int fill(self, hl_trigger *state) except -1:
        """Puts the rule into what the loop looks at; what it remembers stays."""
        state.kind = self.kind
        state.after = self.after
        state.has_threshold = self.at is not None
        state.first = self.first
        state.limit = self.limit
        state.tensor = -1
        if self.since is not None and not state.started:
            state.started = True
            state.last = self.since if self.kind != HL_COUNT_SECONDS else _seconds_now() - (<double>_time.time() - <double>self.since)
        return 0

    cdef int set_value(self, double counter) except -1:
        self.value = counter if self.kind == HL_COUNT_SECONDS else <int64_t>counter
        return 0

    def __repr__(self):
        rule = f"every={self.every!r}" if self.every is not None else f"at={self.at!r}"
        return f"Trigger({self.counter!r}, {rule}, phase={self.phase!r}, first={self.first})"
