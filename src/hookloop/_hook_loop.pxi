# The loop around Session.run: which hooks are entered, what they add to a run, what they get from it.

from libc.math cimport isfinite

from types import FunctionType

cdef extern from "Python.h":
    ctypedef struct _TypeVersion "PyTypeObject":
        unsigned int tp_version_tag
    _TypeVersion *Py_TYPE(object)

cdef extern from "plan.h":
    int HL_INT64


cdef class HookSlot:
    """One hook of a session: which of its callbacks do something, and its trigger."""

    cdef readonly object hook
    cdef bint has_before, has_after
    cdef object before_function, after_function  # the class's plain functions, or None: then by attribute
    cdef Trigger trigger                # None: called every run
    cdef _TypeVersion *type
    cdef unsigned int version           # of the class, to notice when it is patched
    cdef dict attributes                # the instance's own; its size, to notice when it gets a callback
    cdef Py_ssize_t n_attributes
    cdef bint started
    cdef double last                    # the counter when it was last called
    cdef int watch                      # place of the watched value among the run's extra fetches
    # hook_stats
    cdef readonly int64_t before_calls, after_calls, before_ns, after_ns

    def __cinit__(self, hook):
        self.hook = hook

    cdef int look(self, object base) except -1:
        """Looks at the hook's class and instance, where `base` is the class whose callbacks do nothing."""
        self.note()
        self.has_before = _has_callback(self.hook, "before_run", base._idle)
        self.has_after = _has_callback(self.hook, "after_run", base._idle)
        self.before_function = _plain_function(self.hook, "before_run")
        self.after_function = _plain_function(self.hook, "after_run")
        self.trigger = _trigger(self.hook, base)
        return 0

    cdef inline object before_run(self, SessionRunContext context):
        if self.before_function is not None:
            return self.before_function(self.hook, context)
        return self.hook.before_run(context)

    cdef inline object after_run(self, SessionRunContext context, SessionRunValues values):
        if self.after_function is not None:
            return self.after_function(self.hook, context, values)
        return self.hook.after_run(context, values)

    cdef int note(self) except -1:
        """Notes the state of the class and the instance, which `is_stale` compares with."""
        attributes = getattr(self.hook, "__dict__", None)
        self.attributes = attributes if type(attributes) is dict else {}
        self.n_attributes = PyDict_Size(self.attributes)
        kind = type(self.hook)
        getattr(kind, "run", None)  # a class gets its version when an attribute is looked up
        self.type = Py_TYPE(self.hook)
        self.version = self.type.tp_version_tag
        return 0

    cdef inline bint is_stale(self):
        # A class that the hook has no longer may be gone: the pointers come first.
        return (
            Py_TYPE(self.hook) != self.type
            or self.type.tp_version_tag != self.version
            or PyDict_Size(self.attributes) != self.n_attributes
        )

    cdef int count(self, bint after, int64_t ns):
        if after:
            self.after_calls += 1
            self.after_ns += ns
        else:
            self.before_calls += 1
            self.before_ns += ns
        return 0

    cdef bint is_due(self, double counter):
        cdef Trigger trigger = self.trigger
        if trigger.has_threshold:
            return counter >= trigger.limit
        if self.started:
            return counter - self.last >= trigger.limit
        if not trigger.first:
            self.started = True
            self.last = counter
        return trigger.first


cdef bint _has_callback(object hook, str name, dict idle) except -1:
    """Whether there is anything to call: a callback other than the one that does nothing."""
    if name not in getattr(hook, "__dict__", ()) and getattr(type(hook), name, None) is idle[name]:
        return False
    return getattr(hook, name, None) is not None


cdef object _plain_function(object hook, str name):
    """The class's function, where looking the callback up on the hook would find it; called so, it costs less."""
    kind = type(hook)
    definer = _definer(kind, name)
    if definer is None or name in getattr(hook, "__dict__", ()) or (
            kind.__getattribute__ is not object.__getattribute__):
        return None
    found = definer.__dict__[name]
    return found if isinstance(found, FunctionType) else None


cdef inline bint _holds(list slots, HookSlot slot):
    """Whether the slot is in the list, which may be None."""
    cdef Py_ssize_t i
    if slots is not None:
        for i in range(PyList_GET_SIZE(slots)):
            if PyList_GET_ITEM(slots, i) == <PyObject *>slot:
                return True
    return False


cdef object _definer(type kind, str name):
    for each in kind.__mro__:
        if name in each.__dict__:
            return each
    return None


cdef Trigger _trigger(object hook, object base):
    """The trigger in force: one whose class also has the callbacks that are called."""
    trigger = getattr(hook, "trigger", None)
    if type(trigger) is not Trigger or not isinstance(hook, base):
        return None
    kind = type(hook)
    declarer = _definer(kind, "trigger")
    if declarer is None:
        return None
    for name in ("before_run", "after_run"):
        if name in getattr(hook, "__dict__", ()) or not issubclass(declarer, _definer(kind, name)):
            return None
    return trigger


cdef int _flatten(object structure, list leaves) except -1:
    """Appends the leaves of lists, tuples and dictionaries in order."""
    cdef object item
    if type(structure) is list:
        for item in <list>structure:
            _flatten(item, leaves)
    elif isinstance(structure, tuple):
        for item in structure:
            _flatten(item, leaves)
    elif isinstance(structure, dict):
        for item in structure.values():
            _flatten(item, leaves)
    else:
        leaves.append(structure)
    return 0


cdef object _rebuild(object structure, list values, Py_ssize_t *at):
    """The values in the form of the structure whose leaves they are."""
    if type(structure) is list:
        return [_rebuild(item, values, at) for item in structure]
    if isinstance(structure, tuple):
        items = [_rebuild(item, values, at) for item in structure]
        return type(structure)(*items) if hasattr(structure, "_fields") else tuple(items)
    if isinstance(structure, dict):
        items = [(key, _rebuild(item, values, at)) for key, item in structure.items()]
        return dict(items) if type(structure) is dict else type(structure)(items)
    at[0] += 1
    return values[at[0] - 1]


@cython.final
cdef class Merged:
    """What the caller, the hooks and the triggers fetch in one run, as one list."""

    cdef object fetches             # the caller's
    cdef list wanted                # each hook's, or None where no hook wants anything
    cdef list leaves                # the elements of all of them, then what triggers watch
    cdef Py_ssize_t first_watch

    def __cinit__(self, fetches, list wanted, list watches):
        self.fetches, self.wanted, self.leaves = fetches, wanted, []
        _flatten(fetches, self.leaves)
        for item in wanted or ():
            if item is not None:
                _flatten(item, self.leaves)
        self.first_watch = len(self.leaves)
        self.leaves.extend(watches)

    cdef bint is_fixed(self):
        """Whether the same objects stand for the same elements for ever: a list's or dictionary's may change."""
        for item in (self.fetches, *(self.wanted or ())):
            if isinstance(item, (list, tuple, dict)):
                return False
        return True

    cdef inline bint is_of(self, fetches, list wanted):
        cdef Py_ssize_t i
        if fetches is not self.fetches or (wanted is None) != (self.wanted is None):
            return False
        if wanted is not None:
            if PyList_GET_SIZE(wanted) != PyList_GET_SIZE(self.wanted):
                return False
            for i in range(PyList_GET_SIZE(wanted)):
                if PyList_GET_ITEM(wanted, i) != PyList_GET_ITEM(self.wanted, i):
                    return False
        return True


cdef class HookLoop:
    """The compiled part of a monitored session.

    What is rare (making a session, recovering it, closing it) is asked of the class that inherits from it:
    `_open()` makes the session and calls `_start`, `_recover(error)` says whether a failed run is tried again.
    """

    cdef readonly object _raw            # the session that runs the graph, or None
    cdef SessionCore _core               # the same, where it is one of ours
    cdef bint _runs_plainly              # its `run` is the compiled one, to be called directly
    cdef HookSlot _raw_slot              # to notice where it is patched
    cdef Merged _merged                  # the last request of hooks and caller together
    cdef list _slots, _given             # of the hooks, which are the user's list
    cdef list _watches                   # tensors that triggers watch
    cdef bint _enters, _triggers, _counts_seconds
    cdef public bint _stopped
    cdef public object _stop_reason
    cdef public object _stop_event       # a coordinator's, or None
    cdef int64_t _runs, _runs_noted
    cdef object _step_key, _maker, _base
    cdef VariableCell _step_cell
    cdef bint _measured
    cdef object __weakref__

    def __cinit__(self, *args, **kwargs):
        self._slots = []
        self._watches = []

    def _start(self, session, hooks, base, step_key, maker):
        """Takes a session that was made: `base` is the class of hooks, `step_key` the global step's variable."""
        self._raw = session
        self._core = session if isinstance(session, SessionCore) else None
        self._base = base
        self._step_key = step_key
        self._step_cell = None
        self._maker = maker
        self._given = hooks
        self._refresh()

    def _take_progress(self):
        """Whether a run has succeeded since this was last asked."""
        progress = self._runs != self._runs_noted
        self._runs_noted = self._runs
        return progress

    def _end(self):
        """Forgets the session."""
        self._raw = self._core = self._raw_slot = self._step_cell = None

    def _refresh(self):
        """Looks at the hooks' classes and instances: which callbacks do something, which triggers hold."""
        cdef HookSlot slot
        self._enters = self._triggers = self._counts_seconds = False
        self._watches = []
        self._merged = None
        self._raw_slot = HookSlot(self._raw)
        self._raw_slot.note()
        self._runs_plainly = self._core is not None and type(self._raw).run is SessionCore.run and (
            "run" not in self._raw_slot.attributes)
        known = {id(slot.hook): slot for slot in self._slots}
        self._slots = [known.get(id(hook)) or HookSlot(hook) for hook in self._given]
        for slot in self._slots:
            slot.look(self._base)
            if slot.trigger is not None and slot.trigger.kind == COUNT_GLOBAL_STEP and (
                    self._step_key is None or self._core is None):
                slot.trigger = None  # the loop cannot see the step: the hook asks for it itself
            if slot.trigger is None:
                self._enters |= slot.has_before or slot.has_after
                continue
            self._triggers = True
            self._counts_seconds |= slot.trigger.kind == COUNT_SECONDS
            if slot.trigger.kind == WATCH_FINITE:
                slot.watch = len(self._watches)
                self._watches.append((<NotFinite>slot.trigger.counter).tensor)

    cdef inline bint _stale(self):
        """Whether a hook, its class or the list of hooks is another than when they were looked at."""
        cdef Py_ssize_t i, n = PyList_GET_SIZE(self._slots)
        cdef HookSlot slot
        if PyList_GET_SIZE(self._given) != n or self._raw_slot is not None and self._raw_slot.is_stale():
            return True
        for i in range(n):
            slot = <HookSlot>PyList_GET_ITEM(self._slots, i)
            if slot.is_stale() or PyList_GET_ITEM(self._given, i) != <PyObject *>slot.hook:
                return True
        return False

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None, hooks=True):
        """Runs a step, and the hooks around it.

        Args:
          fetches, feed_dict, options, run_metadata: as in `Session.run`.
          hooks: False leaves the hooks out; a lost session is still made again.

        Returns:
          The values of the fetches.

        Raises:
          RuntimeError: the session is closed, or asked to stop; a hook feeds what somebody else feeds.
        """
        while True:
            try:
                if self._raw is None:
                    self._open()
                if not hooks:
                    return self._raw.run(fetches, feed_dict, options, run_metadata)
                return self._step(fetches, feed_dict, options, run_metadata)
            except Exception as error:
                if not self._recover(error):
                    raise

    def run_steps(self, fetches, n, feed_dict=None):
        """Runs up to `n` steps with their hooks, fewer where a hook asks to stop.

        Args:
          fetches, feed_dict: as in `run`, the same for every step.
          n: how many steps.

        Returns:
          The values of the last step's fetches, None where there was none.
        """
        cdef int64_t i
        results = None
        for i in range(<int64_t>n):
            if self._stopped or self.should_stop():
                break
            results = self.run(fetches, feed_dict)
        return results

    def should_stop(self):
        """Whether the loop should end: a hook or a thread asked for it, or the session is closed."""
        if self._stopped:
            return True
        if self._raw is None:
            return self._is_over()
        return self._stop_event is not None and self._stop_event.is_set() and self._coordinator_stops()

    cdef object _step(self, fetches, feed_dict, options, run_metadata):
        cdef list entered = None, values = None, slots
        cdef Merged merged
        cdef double seconds = 0
        cdef Py_ssize_t at = 0, first_watch = 0, i
        cdef HookSlot slot
        cdef SessionRunContext context = None
        if self._stopped:
            raise RuntimeError("Run called even after should_stop requested.")
        if self._stale():
            self._refresh()
        if self._triggers:
            if self._counts_seconds:
                seconds = <double>hl_now_ns() * 1e-9
            entered = self._due_before(seconds)
        if self._enters or entered is not None:
            return self._hooked(fetches, feed_dict, options, run_metadata, entered, seconds)
        if self._watches:
            merged = self._merge(fetches, None)
            first_watch = merged.first_watch
            values = self._run_plain(merged.leaves, feed_dict, options, run_metadata)
            results = _rebuild(fetches, values, &at)
        else:
            results = self._run_plain(fetches, feed_dict, options, run_metadata)
        self._runs += 1
        if self._triggers:
            slots = self._slots
            for i in range(PyList_GET_SIZE(slots)):
                slot = <HookSlot>PyList_GET_ITEM(slots, i)
                if slot.trigger is None or not slot.trigger.after:
                    continue
                if self._is_due_after(slot, values, first_watch, seconds):
                    if context is None:
                        context = self._context(fetches, feed_dict)
                    self._after(slot, context, _values(
                        _watched_value(slot, values, first_watch), options, run_metadata, self._maker))
            if context is not None:
                self._take_stop(context)
        return results

    # --- triggers -----------------------------------------------------------------------------------------

    cdef int64_t _global_step(self) except? -1:
        """The global step's value, read from its memory; 0 before it is initialized."""
        cdef VariableCell cell = self._step_cell
        if cell is None:
            if self._core is None:
                return 0
            cell = self._core._variables.get(self._step_key)
            if cell is None:
                return 0
            self._step_cell = cell
        if not cell.variable.initialized or cell.variable.data == NULL:
            return 0
        if cell.variable.dtype == HL_INT64:
            return (<int64_t *>cell.variable.data)[0]
        return (<int32_t *>cell.variable.data)[0]

    cdef double _counter(self, Trigger trigger, double seconds) except? -1:
        if trigger.kind == COUNT_RUNS:
            return <double>self._runs
        if trigger.kind == COUNT_GLOBAL_STEP:
            return <double>self._global_step()
        return seconds

    cdef list _due_before(self, double seconds):
        """The slots whose trigger is due before this run, or None."""
        cdef HookSlot slot
        cdef Trigger trigger
        cdef list found = None
        cdef double counter
        cdef Py_ssize_t i
        for i in range(PyList_GET_SIZE(self._slots)):
            slot = <HookSlot>PyList_GET_ITEM(self._slots, i)
            trigger = slot.trigger
            if trigger is None or trigger.after:
                continue
            counter = self._counter(trigger, seconds)
            if slot.is_due(counter):
                trigger.set_value(counter)
                found = found if found is not None else []
                found.append(slot)
        return found

    cdef bint _is_due_after(self, HookSlot slot, list values, Py_ssize_t first_watch, double seconds) except -1:
        """Whether a trigger of the phase after the run is due: `values` are the run's, watched ones from `first_watch`."""
        cdef Trigger trigger = slot.trigger
        cdef double counter
        if trigger.kind == WATCH_FINITE:
            if values is None or first_watch + slot.watch >= PyList_GET_SIZE(values):
                return False  # it was not watched yet when this run began
            if _all_finite(<object>PyList_GET_ITEM(values, first_watch + slot.watch)):
                return False
            trigger.value = self._runs
            return True
        counter = self._counter(trigger, seconds)
        if not slot.is_due(counter):
            return False
        trigger.set_value(counter)
        return True

    # --- callbacks ----------------------------------------------------------------------------------------

    cdef object _before(self, HookSlot slot, SessionRunContext context):
        context._caller = slot.hook
        if slot.trigger is None and not self._measured:
            return slot.before_run(context)
        return self._noted_call(slot, context, None)

    cdef int _after(self, HookSlot slot, SessionRunContext context, SessionRunValues values) except -1:
        if slot.trigger is not None and slot.trigger.kind != WATCH_FINITE:
            slot.started = True
            slot.last = slot.trigger.value
        if not slot.has_after:
            return 0
        context._caller = slot.hook
        if slot.trigger is None and not self._measured:
            slot.after_run(context, values)
        else:
            self._noted_call(slot, context, values)
        return 0

    cdef object _noted_call(self, HookSlot slot, SessionRunContext context, SessionRunValues values):
        """A callback that is called because its trigger is due, or whose time is taken."""
        cdef int64_t begin = hl_now_ns() if self._measured else 0
        if slot.trigger is not None:
            slot.trigger.due = True
        try:
            return slot.before_run(context) if values is None else slot.after_run(context, values)
        finally:
            if slot.trigger is not None:
                slot.trigger.due = False
            if self._measured:
                slot.count(values is not None, hl_now_ns() - begin)

    cdef object _hooked(self, fetches, feed_dict, options, run_metadata, list due, double seconds):
        """A run with the requests of the hooks that are entered, in the order of the list."""
        cdef SessionRunContext context = self._context(fetches, feed_dict)
        cdef HookSlot slot
        cdef Merged merged = None
        cdef list values = None, wanted = None, slots = self._slots  # a hook may cause others to be made
        cdef Py_ssize_t at = 0, first_watch = 0, i
        context._run_feeds, context._run_options = feed_dict, options
        wanted = self._ask(slots, context, due)
        feed_dict, options = context._run_feeds, context._run_options
        if options is not None and run_metadata is None:
            run_metadata = self._maker("RunMetadata")
        if wanted is None and not PyList_GET_SIZE(self._watches):
            results = self._run_plain(fetches, feed_dict, options, run_metadata)
        else:
            merged = self._merge(fetches, wanted)
            first_watch = merged.first_watch
            values = self._run_plain(merged.leaves, feed_dict, options, run_metadata)
            results = _rebuild(fetches, values, &at)
        self._runs += 1
        for i in range(PyList_GET_SIZE(slots)):
            slot = <HookSlot>PyList_GET_ITEM(slots, i)
            got = None
            if wanted is not None and PyList_GET_ITEM(wanted, i) != <PyObject *>None:
                got = _rebuild(<object>PyList_GET_ITEM(wanted, i), values, &at)
            if slot.trigger is not None and not _holds(due, slot):
                if not slot.trigger.after or not self._is_due_after(slot, values, first_watch, seconds):
                    continue
                got = _watched_value(slot, values, first_watch)
            elif slot.trigger is None and not slot.has_after:
                continue
            self._after(slot, context, _values(got, options, run_metadata, self._maker))
        if context._stop_requested:
            self._take_stop(context)
        return results

    cdef list _ask(self, list slots, SessionRunContext context, list due):
        """Calls `before_run`; returns what each hook fetches, or None. Feeds and options go into the context."""
        cdef HookSlot slot
        cdef SessionRunArgs request
        cdef list wanted = None
        cdef dict hook_feeds = None
        cdef Py_ssize_t i, n = PyList_GET_SIZE(slots)
        for i in range(n):
            slot = <HookSlot>PyList_GET_ITEM(slots, i)
            if not slot.has_before or slot.trigger is not None and not _holds(due, slot):
                continue
            request = _as_args(self._before(slot, context))
            if request is None:
                continue
            if request._first is not None:
                if wanted is None:
                    wanted = [None] * n
                wanted[i] = request._first
            if request._second:
                hook_feeds = _add_feeds(hook_feeds, request._second)
            if request._third is not None:
                context._run_options = self._merge_options(context._run_options, request._third)
        if hook_feeds is not None:
            context._run_feeds = _all_feeds(hook_feeds, context._run_feeds)
        return wanted

    cdef Merged _merge(self, fetches, list wanted):
        """The elements of all that is fetched, also by triggers; kept for the next run that fetches the same."""
        cdef Merged merged = self._merged
        if merged is not None and merged.is_of(fetches, wanted):
            return merged
        merged = Merged(fetches, wanted, self._watches)
        if merged.is_fixed():
            self._merged = merged
        return merged

    cdef inline object _run_plain(self, fetches, feed_dict, options, run_metadata):
        if self._raw is None:  # a hook or another thread closed it
            raise RuntimeError("Attempted to use a closed Session.")
        if self._runs_plainly:
            return self._core._run(fetches, feed_dict, options, run_metadata)
        if options is None and run_metadata is None:
            return self._raw.run(fetches, feed_dict)
        return self._raw.run(fetches, feed_dict, options, run_metadata)

    cdef inline SessionRunContext _context(self, fetches, feed_dict):
        cdef SessionRunContext context = SessionRunContext.__new__(SessionRunContext)
        context.session = self._raw
        context._fetches = fetches
        context._feed_dict = feed_dict
        return context

    cdef int _take_stop(self, SessionRunContext context) except -1:
        """Stop is recorded once all hooks have been called."""
        if context._stop_requested and not self._stopped:
            self._stopped = True
            if self._stop_reason is None:
                self._stop_reason = f"{type(context._stopper).__name__} requested a stop"
        return 0

    def hook_stats(self):
        """What each hook cost since the first call of this, which begins to measure.

        Returns:
          A list of dictionaries: hook, before_run and after_run as (calls, microseconds).
        """
        cdef HookSlot slot
        self._measured = True
        return [
            {"hook": slot.hook, "before_run": (slot.before_calls, slot.before_ns / 1000.0),
             "after_run": (slot.after_calls, slot.after_ns / 1000.0)}
            for slot in self._slots
        ]  # fmt: skip


cdef object _watched_value(HookSlot slot, list values, Py_ssize_t first_watch):
    return values[first_watch + slot.watch] if slot.trigger.kind == WATCH_FINITE else None


cdef SessionRunArgs _as_args(object request):
    """What a hook returned, which may be any object with the fields."""
    if request is None or type(request) is SessionRunArgs:
        return request
    return SessionRunArgs(request.fetches, request.feed_dict, request.options)


cdef bint _all_finite(object value) except -1:
    """Whether a float scalar or every element of an array is finite."""
    if type(value) is np.float32 or type(value) is np.float64:
        return isfinite(<double>value)
    return bool(np.all(np.isfinite(value)))


cdef dict _add_feeds(dict feeds, object more):
    if feeds is None:
        return dict(more)
    _refuse_common(feeds, more, "Same tensor is fed by two hooks.")
    feeds.update(more)
    return feeds


cdef object _all_feeds(dict hook_feeds, object feed_dict):
    if feed_dict:
        _refuse_common(feed_dict, hook_feeds, "Same tensor is fed by a SessionRunHook and user.")
        hook_feeds.update(feed_dict)
    return hook_feeds


cdef int _refuse_common(object first, object second, str message) except -1:
    common = [key for key in first if key in second]
    if common:
        raise RuntimeError(f"{message} Conflict(s): {common}")
    return 0
