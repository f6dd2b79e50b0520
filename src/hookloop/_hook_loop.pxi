# The loop around Session.run: which hooks are entered, what they add to a run, what they get from it.


cdef class HookLoop:
    """The compiled part of a monitored session.

    What is rare (making a session, recovering it, closing it) is asked of the class that inherits from it:
    `_open()` makes the session and calls `_start`, `_recover(error)` says whether a failed run is tried again.
    """

    cdef readonly object _raw            # the session that runs the graph, or None
    cdef SessionCore _core               # the same, where it is one of ours
    cdef bint _runs_plainly              # its `run` is the compiled one, to be called directly
    cdef HookSlot _raw_slot              # to notice where it is patched
    cdef Merged _merged, _watched        # the last request of hooks and caller together, and of triggers and caller
    cdef list _slots, _given             # of the hooks, which are the user's list
    cdef Looked *_looked                 # of the hooks, then of the session
    cdef Py_ssize_t _n_hooks
    cdef list _watches                   # tensors that triggers watch
    cdef list _natives                   # slots of native hooks that C may call
    cdef bint _enters, _counts_seconds
    cdef hl_trigger **_triggers          # of the slots that have one: those looked at before a run come first, then those
    cdef int32_t _n_triggers, _n_before, _n_after  # after one, and at last those that watch a value
    cdef SessionRunContext _spare_context  # of a run that is over: nobody else has them, the next run takes them
    cdef SessionRunValues _spare_values
    cdef public bint _stopped
    cdef public object _stop_reason
    cdef object _reported                # an error that another thread met, for the next step to raise
    cdef bint _stop_before               # whether the loop was to stop anyway
    cdef public object _stop_event       # a coordinator's, or None
    cdef int64_t _runs, _runs_noted
    cdef readonly int64_t steps_done     # of the last run_steps
    cdef object _step_key, _maker, _base
    cdef VariableCell _step_cell
    cdef bint _measured
    cdef object __weakref__

    def __cinit__(self, *args, **kwargs):
        self._slots, self._given, self._watches, self._natives = [], [], [], []
        self._n_hooks = -1

    def __dealloc__(self):
        free(self._looked)
        free(self._triggers)

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
        self._n_hooks = -1

    def _refresh(self):
        """Looks at the hooks' classes and instances: which callbacks do something, which triggers hold."""
        cdef HookSlot slot
        self._enters = self._counts_seconds = False
        self._watches = []
        self._natives = []
        self._merged = self._watched = None
        self._raw_slot = HookSlot(self._raw)
        self._raw_slot.note()
        self._runs_plainly = self._core is not None and type(self._raw).run is SessionCore.run and (
            "run" not in self._raw_slot.attributes)
        known = {id(slot.hook): slot for slot in self._slots}
        self._slots = [known.get(id(hook)) or HookSlot(hook) for hook in self._given]
        for slot in self._slots:
            slot.look(self._base)
            if slot.trigger is not None and slot.trigger.kind == HL_COUNT_GLOBAL_STEP and (
                    self._step_key is None or self._core is None):
                slot.trigger = None  # the loop cannot see the step: the hook asks for it itself
            if slot.trigger is None:
                self._enters |= slot.has_before or slot.has_after
                continue
            self._counts_seconds |= slot.trigger.kind == HL_COUNT_SECONDS
            if slot.trigger.kind == HL_WATCH_FINITE:
                slot.watch = len(self._watches)
                self._watches.append((<NotFinite>slot.trigger.counter).tensor)
            if slot.native is not None:
                self._natives.append(slot)
        self._note()

    cdef int _note(self) except -1:
        """Notes what was looked at, for `_stale`."""
        cdef Py_ssize_t i, n = len(self._slots)
        cdef HookSlot slot
        cdef Looked *looked = <Looked *>realloc(self._looked, (n + 1) * sizeof(Looked))
        cdef hl_trigger **triggers = <hl_trigger **>realloc(self._triggers, (n + 1) * sizeof(hl_trigger *))
        if looked != NULL:
            self._looked = looked
        if triggers != NULL:
            self._triggers = triggers
        if looked == NULL or triggers == NULL:
            raise MemoryError()
        self._n_hooks = n
        for i in range(n):
            looked[i] = (<HookSlot>self._slots[i]).looked
        looked[n] = self._raw_slot.looked
        self._n_triggers = 0
        self._n_before = self._note_triggers(False, False)
        self._n_after = self._note_triggers(True, False)
        self._note_triggers(True, True)
        return 0

    cdef int32_t _note_triggers(self, bint after, bint watching) except -1:
        """Notes the triggers of a kind behind the others; returns how many there are."""
        cdef HookSlot slot
        cdef int32_t before = self._n_triggers
        for slot in self._slots:
            if slot.trigger is not None and slot.state.after == after and (slot.state.kind == HL_WATCH_FINITE) == watching:
                self._triggers[self._n_triggers] = &slot.state
                self._n_triggers += 1
        return self._n_triggers - before

    @cython.final
    cdef inline bint _stale(self) noexcept:
        """Whether a hook, its class, the session or the list of hooks is another than when they were looked at."""
        return hl_any_changed(self._looked, <PyObject *>self._given, self._n_hooks) or hl_changed(&self._looked[self._n_hooks])

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
                return self._step(fetches, feed_dict, options, run_metadata, NULL)
            except Exception as error:
                if not self._recover(error):
                    raise

    def _run_once(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """Runs a step, and the hooks around it, in the session that there is: where that is lost, the caller has the error."""
        if self._raw is None:
            self._open()
        return self._step(fetches, feed_dict, options, run_metadata, NULL)

    cdef object _after_error(self, fetches, feed_dict):
        """A run failed, with its exception set: tried again where the session can be made anew."""
        try:
            hl_owned(NULL)
        except Exception as error:
            if not self._recover(error):
                raise
        return self.run(fetches, feed_dict)

    def run_steps(self, fetches, n, feed_dict=None, stack=False):
        """Runs up to `n` steps with their hooks, fewer where somebody asks to stop: the same as so many calls of `run`.

        Python is entered only for hooks whose trigger is due, and for hooks without a trigger.

        Args:
          fetches, feed_dict: as in `run`, the same for every step.
          n: how many steps.
          stack: whether the values of all steps are returned, each with a first axis for the steps.

        Returns:
          The values of the last step's fetches, or those of all steps; None where there was none. `steps_done` says how
          many steps were made, also after an error.

        Raises:
          RuntimeError: the session is closed; a hook feeds what somebody else feeds.
        """
        cdef int64_t count = _step_count(n)
        cdef Steps steps = None
        cdef SessionCore core
        merged = None
        pieces = []
        cdef Progress made
        self._note_progress(&made, 0, False)
        if self._raw is None and self._is_over():
            self._open()
        while made.steps < count and (self._reported is not None or not self.should_stop()):
            made.in_hooks = False
            try:
                self._raise_reported()
                core = self._core
                if made.steps and core is not None and core._closed:
                    core._closed_meanwhile()
                if self._raw is None:
                    self._open()
                if self._stale():
                    self._refresh()
                    steps = None  # its request was that of the hooks before
                core = self._core  # another thread may close the session, which takes it away
                if self._enters or not self._runs_plainly or core is None or core._runs_by_reference() or (
                        self._counts_seconds and _has_own_clock()):
                    steps = None
                    self._one_step(fetches, feed_dict, stack, &made, pieces)
                else:
                    if steps is None or steps.session is not core:
                        merged = self._all_fetches(fetches)
                        steps = Steps(core, fetches if merged is None else (<Merged>merged).leaves, feed_dict, stack,
                                      self._wants_stop)
                    self._many_steps(steps, merged, fetches, feed_dict, count - made.steps, &made, pieces)
            except Exception as error:
                steps = None
                if self._was_closed_meanwhile(error):
                    self._note_progress(&made, made.steps - made.in_hooks, False)
                    break
                if not self._recover(error):
                    raise
                # A session was lost in its hooks: the step is made again, as by `run`.
                self._note_progress(&made, made.steps - made.in_hooks, False)
        self.steps_done = made.steps
        if not pieces:
            return None
        return self._join_steps(pieces) if stack else pieces[0][1]

    @cython.final
    cdef void _note_progress(self, Progress *made, int64_t steps, bint in_hooks) noexcept:
        """A call's own count: a hook that calls `run_steps` itself has another one."""
        made.steps = self.steps_done = steps
        made.in_hooks = in_hooks

    cdef int _one_step(self, fetches, feed_dict, bint stack, Progress *made, list pieces) except -1:
        cdef bint in_hooks = False
        try:
            results = self._step(fetches, feed_dict, None, None, &in_hooks)
        except BaseException:
            self._note_progress(made, made.steps + in_hooks, in_hooks)  # a hook that fails after a run does not undo it
            raise
        self._note_progress(made, made.steps + 1, False)
        if not stack:
            pieces.clear()
        pieces.append((0, results))
        return 0

    cdef Merged _all_fetches(self, fetches):
        """What steps in C fetch: the caller's elements, what triggers watch and native hooks see; None for the caller's alone."""
        cdef HookSlot slot
        if not self._watches and not self._natives:
            return None
        extra = list(self._watches)
        for slot in self._natives:
            extra.extend(slot.fetches)
        return Merged(fetches, None, extra)

    def _wants_stop(self):
        """Whether somebody has asked to stop while the loop was running: looked at now and then, and after host ops."""
        return self._stopped or self._stop_event is not None and self._stop_event.is_set()

    cdef int _many_steps(self, Steps steps, Merged merged, fetches, feed_dict, int64_t count, Progress *made,
                         list pieces) except -1:
        """Steps in C up to the next one for which a hook is due, and that one."""
        cdef hl_loop_end end = HL_LOOP_DONE
        cdef int64_t before = steps.done
        cdef Outlook outlook
        cdef list slots = self._slots  # their triggers live as long
        memset(&outlook, 0, sizeof(outlook))
        outlook.runs, outlook.global_step = self._runs, self._step_variable()
        outlook.triggers = <hl_trigger **>calloc(self._n_triggers + 1, sizeof(hl_trigger *))
        outlook.hooks = <hl_loop_hook *>calloc(len(self._natives) + 1, sizeof(hl_loop_hook))
        if outlook.triggers == NULL or outlook.hooks == NULL:
            free(outlook.triggers)
            free(outlook.hooks)
            raise MemoryError()
        places = []  # of what native hooks see, by hook
        try:
            in_c = self._find_watched(steps, merged) and self._find_natives(steps, merged, &outlook, places)
            self._look_out(&outlook, places if in_c else [])
            if not in_c:
                outlook.n_hooks = 0
            end = steps.advance(count, &outlook, in_c)
            natives = self._due_natives(steps, merged, &outlook, places) if end == HL_LOOP_DUE_AFTER else None
            if end == HL_LOOP_HOOK_STOPPED or end == HL_LOOP_HOOK_FAILED or steps.left is not None:
                self._runs += steps.done - before
                self._note_progress(made, made.steps + steps.done - before, True)
                before = steps.done
                if steps.left is not None:
                    raise steps.left
                self._take_natives(places)
                made.in_hooks = False
        finally:
            free(outlook.triggers)
            free(outlook.hooks)
            self._runs += steps.done - before
            self._note_progress(made, made.steps + steps.done - before, made.in_hooks)
            self._take_pieces(steps, fetches, merged, pieces)
            if made.in_hooks:
                _drop_last_step(pieces)
        if end == HL_LOOP_DUE_BEFORE:
            self._one_step(fetches, feed_dict, steps.stacked, made, pieces)
        elif end == HL_LOOP_DUE_AFTER and self._n_triggers:
            values = [None if slot < 0 else steps.latest[slot] for slot in steps.slots]
            try:
                self._look_after(fetches, feed_dict, None, None, values, 0 if merged is None else merged.first_watch,
                                 _seconds_now(), natives)
            except BaseException:
                self._note_progress(made, made.steps, True)
                _drop_last_step(pieces)
                raise
        return 0

    cdef dict _due_natives(self, Steps steps, Merged merged, Outlook *outlook, list places):
        """The native hooks that are due after the step just made beside others, with the values that they see."""
        cdef Py_ssize_t at = 0 if merged is None else merged.first_watch + PyList_GET_SIZE(self._watches)
        cdef int32_t k
        found = {}
        for k in range(outlook.n_hooks):
            slot = places[k][0]
            n = len((<HookSlot>slot).fetches)
            if outlook.hooks[k].due:
                found[slot] = [steps.latest[steps.slots[at + i]] for i in range(n)]
            at += n
        return found

    cdef bint _find_natives(self, Steps steps, Merged merged, Outlook *outlook, list places) except -1:
        """Tells the loop what native hooks see; False where C cannot look at one of it."""
        cdef HookSlot slot
        cdef Py_ssize_t at = 0 if merged is None else merged.first_watch + PyList_GET_SIZE(self._watches)
        cdef hl_loop_hook *hook
        cdef int tensor
        cdef int32_t[::1] tensors
        for slot in self._natives:
            slot.native.check_free()
            found = np.empty(len(slot.fetches) + 1, np.int32)
            tensors = found
            for i in range(len(slot.fetches)):
                tensor = steps.visible_of(at)
                if tensor < 0:
                    return False
                tensors[i] = tensor
                at += 1
            slot.native.make_room(<int32_t>len(slot.fetches))
            slot.native.native.result = 0
            hook = &outlook.hooks[outlook.n_hooks]
            hook.native, hook.trigger, hook.tensors = &slot.native.native, &slot.state, &tensors[0]
            outlook.n_hooks += 1
            outlook.release_gil |= slot.native.release_gil
            places.append((slot, found))
        return True

    cdef int _look_out(self, Outlook *outlook, list natives) except -1:
        """The triggers that the loop looks at: those of native hooks that C calls itself are none."""
        cdef Py_ssize_t i
        cdef HookSlot slot
        own = [entry[0] for entry in natives]
        for i in range(self._n_triggers):
            if not any([self._triggers[i] == &(<HookSlot>slot).state for slot in own]):
                outlook.triggers[outlook.n_triggers] = self._triggers[i]
                outlook.n_triggers += 1
        return 0

    cdef int _take_natives(self, list natives) except -1:
        """After a step at which a native hook returned something else than to go on."""
        cdef HookSlot slot
        for slot, _ in natives:
            if slot.native.native.result:
                slot.native.check(self._runs)
                if not self._stopped:
                    self._stopped = True
                    if self._stop_reason is None:
                        self._stop_reason = f"{type(slot.hook).__name__} requested a stop"
                slot.native.native.result = 0
        return 0

    cdef bint _find_watched(self, Steps steps, Merged merged) except -1:
        """Tells the triggers where in the plan they find what they watch; False where one cannot be looked at in C."""
        cdef HookSlot slot
        for slot in self._slots:
            if slot.trigger is not None and slot.state.kind == HL_WATCH_FINITE:
                slot.state.tensor = steps.tensor_of(merged.first_watch + slot.watch)
                if slot.state.tensor < 0:
                    return False
        return True

    cdef int _take_pieces(self, Steps steps, fetches, Merged merged, list pieces) except -1:
        """Takes over the values of the steps just made, in the form of the caller's fetches."""
        cdef Py_ssize_t at = 0
        if steps.stacked:
            taken, steps.pieces = steps.pieces, []
        elif steps.latest is None:
            return 0
        else:
            pieces.clear()
            taken = [(0, steps.mapped.rebuild(steps.latest))]
        for stacked, values in taken:
            at = 0
            pieces.append((stacked, values if merged is None else _rebuild(fetches, values, &at)))
        return 0

    def should_stop(self):
        """Whether the loop should end: a hook or a thread asked for it, or the session is closed."""
        if self._stopped:
            return True
        if self._raw is None:
            return self._is_over()
        return self._stop_event is not None and self._stop_event.is_set() and self._coordinator_stops()

    @cython.final
    cdef object _step(self, fetches, feed_dict, options, run_metadata, bint *ran):
        """A step; `ran`, where it is not NULL, tells also of one that fails whether the failure came behind its run."""
        cdef list entered = None, values = None
        cdef Merged merged = None
        cdef hl_counters_now now
        if self._stopped:
            self._raise_reported()
            raise RuntimeError("Run called even after should_stop requested.")
        if self._stale():
            self._refresh()
        if self._n_triggers:
            self._count(&now)
            if hl_triggers_due(self._triggers, self._n_before, False, &now):
                entered = self._due_before(now.seconds)
        if self._enters or entered is not None:
            return self._hooked(fetches, feed_dict, options, run_metadata, entered, now.seconds, ran)
        if PyList_GET_SIZE(self._watches):
            merged = self._watched
            if merged is None or not merged.is_of(fetches, None):
                self._watched = merged = Merged(fetches, None, self._watches)
            results = self._run_watching(merged, fetches, feed_dict, options, run_metadata)
            values, merged.values = merged.values, None
        else:
            results = self._run_plain(fetches, feed_dict, options, run_metadata)
        self._runs += 1
        if ran != NULL: ran[0] = True
        if self._n_triggers:
            now.runs = self._runs
            if values is not None or hl_triggers_due(self._triggers + self._n_before, self._n_after, True, &now):
                self._look_after(fetches, feed_dict, options, run_metadata, values,
                                 0 if merged is None else merged.first_watch, now.seconds)
        return results

    @cython.final
    cdef object _run_watching(self, Merged merged, fetches, feed_dict, options, run_metadata):
        """A run that also fetches what is watched; `merged.values` is None where C has seen that all of it is finite."""
        cdef Watch watch
        cdef Py_ssize_t at = 0
        if self._runs_plainly and options is None and run_metadata is None and self._raw is not None:
            watch.count = <int>PyList_GET_SIZE(self._watches)
            watch.single = merged.single
            watch.due = True
            results = self._core._run(<PyObject *>merged.leaves, <PyObject *>feed_dict, &watch)
            if not watch.due:
                return results if merged.single else merged.take_fetches(fetches, <list?>results, &at)
        else:
            results = self._run_plain(merged.leaves, feed_dict, options, run_metadata)
        merged.values = results
        return merged.take_fetches(fetches, results, &at)

    cdef int _look_after(self, fetches, feed_dict, options, run_metadata, list values, Py_ssize_t first_watch,
                         double seconds, dict natives=None) except -1:
        """After a run that no hook was entered for: those whose trigger is due now, and the native ones that were before it."""
        cdef SessionRunContext context = None
        cdef HookSlot slot
        cdef list slots = self._slots
        cdef Py_ssize_t i
        for i in range(PyList_GET_SIZE(slots)):
            slot = <HookSlot>PyList_GET_ITEM(slots, i)
            if natives is not None and slot in natives:
                if context is None:
                    context = self._context(fetches, feed_dict)
                slot.trigger.set_value(<double>(self._runs - 1))
                self._after(slot, context, _values(None, natives[slot], options, run_metadata, self._maker))
                continue
            if slot.trigger is None or not slot.state.after:
                continue
            if self._is_due_after(slot, values, first_watch, seconds):
                if context is None:
                    context = self._context(fetches, feed_dict)
                self._after(slot, context, _values(
                    None, _watched_value(slot, values, first_watch), options, run_metadata, self._maker))
        if context is not None:
            if context._last is not None:
                context._call_last()
            self._take_stop(context)
        return 0

    # --- triggers -----------------------------------------------------------------------------------------

    @cython.final
    cdef const hl_variable *_step_variable(self) except? NULL:
        """The global step's variable, or NULL before there is one."""
        if self._step_cell is None and self._core is not None:
            self._step_cell = self._core._variables.get(self._step_key)
        return NULL if self._step_cell is None else &self._step_cell.variable

    @cython.final
    cdef int _count(self, hl_counters_now *now) except -1:
        """What the counters of triggers show before a run."""
        now.runs = self._runs
        now.global_step = self._step_variable()
        now.seconds = _seconds_now() if self._counts_seconds else 0
        now.frame = NULL
        return 0

    def _trigger_states(self):
        """For each hook what its counter has grown by since its trigger was last due, or None: see `_load_trigger_states`."""
        cdef HookSlot slot
        cdef double seconds = _seconds_now()
        if self._stale():
            self._refresh()
        return [
            None if slot.trigger is None or slot.trigger.every is None or not slot.state.started
            else {"counter": slot.trigger.counter, "since": self._counter(slot.trigger, seconds) - slot.state.last}
            for slot in self._slots
        ]

    def _load_trigger_states(self, list states):
        """Triggers of the same counters as those that a state is of go on where those stood."""
        cdef HookSlot slot
        cdef double seconds = _seconds_now()
        for slot, state in zip(self._slots, states):
            if state is not None and slot.trigger is not None and slot.trigger.every is not None and (
                    slot.trigger.counter == state["counter"]):
                slot.state.started = True
                slot.state.last = self._counter(slot.trigger, seconds) - <double>state["since"]

    cdef double _counter(self, Trigger trigger, double seconds) except? -1:
        if trigger.kind == HL_COUNT_RUNS:
            return <double>self._runs
        if trigger.kind == HL_COUNT_GLOBAL_STEP:
            return <double>hl_global_step(self._step_variable())
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
            if trigger is None or slot.state.after:
                continue
            counter = self._counter(trigger, seconds)
            if hl_trigger_due(&slot.state, counter):
                trigger.set_value(counter)
                found = found if found is not None else []
                found.append(slot)
        return found

    cdef bint _is_due_after(self, HookSlot slot, list values, Py_ssize_t first_watch, double seconds) except -1:
        """Whether a trigger of the phase after the run is due: `values` are the run's, watched ones from `first_watch`."""
        cdef Trigger trigger = slot.trigger
        cdef double counter
        if trigger.kind == HL_WATCH_FINITE:
            if values is None or first_watch + slot.watch >= PyList_GET_SIZE(values):
                return False  # it was not watched yet when this run began
            if _all_finite(<object>PyList_GET_ITEM(values, first_watch + slot.watch)):
                return False
            trigger.value = self._runs
            return True
        counter = self._counter(trigger, seconds)
        if not hl_trigger_due(&slot.state, counter):
            return False
        trigger.set_value(counter)
        return True

    # --- callbacks ----------------------------------------------------------------------------------------

    @cython.final
    cdef inline object _before(self, HookSlot slot, SessionRunContext context):
        context._caller = slot.hook
        if slot.trigger is None and not self._measured:
            return slot.before_run(context)
        return self._noted_call(slot, context, None)

    @cython.final
    cdef inline int _after(self, HookSlot slot, SessionRunContext context, SessionRunValues values) except -1:
        if slot.trigger is None and not self._measured:
            if slot.has_after:
                context._caller = slot.hook
                slot.after_run(context, values)
            return 0
        if slot.trigger is not None and slot.trigger.kind != HL_WATCH_FINITE:
            slot.state.started = True
            slot.state.last = slot.trigger.value
        if slot.has_after:
            context._caller = slot.hook
            self._noted_call(slot, context, values)
            if slot.trigger is not None and slot.trigger.kind != HL_WATCH_FINITE:
                slot.state.last = slot.trigger.value  # the hook may know better from where the next period counts
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

    @cython.final
    cdef object _hooked(self, fetches, feed_dict, options, run_metadata, list due, double seconds, bint *ran):
        """A run with the requests of the hooks that are entered, in the order of the list."""
        cdef SessionRunContext context = self._context(fetches, feed_dict)
        cdef SessionRunValues seen
        cdef PyObject *slot
        cdef Merged merged = None
        cdef list values = None, slots = self._slots  # a hook may cause others to be made
        cdef list wanted = self._ask(slots, context, due, options)
        cdef Py_ssize_t at = 0, first_watch = 0, i
        if context._adds:
            feed_dict, options = context._run_feeds, context._run_options
        if options is not None and run_metadata is None:
            run_metadata = self._maker("RunMetadata")
        if wanted is None and not PyList_GET_SIZE(self._watches):
            results = self._run_plain(fetches, feed_dict, options, run_metadata)
        else:
            merged = self._merge(fetches, wanted)
            first_watch = merged.first_watch
            values = self._run_plain(merged.leaves, feed_dict, options, run_metadata)
            results = merged.take_fetches(fetches, values, &at)
        self._runs += 1
        if ran != NULL: ran[0] = True
        seen, self._spare_values = self._spare_values, None
        for i in range(PyList_GET_SIZE(slots)):
            slot = PyList_GET_ITEM(slots, i)
            got = None
            if wanted is not None and PyList_GET_ITEM(wanted, i) != <PyObject *>None:
                got = merged.take(<object>PyList_GET_ITEM(wanted, i), values, &at)
            if (<HookSlot>slot).trigger is None:
                if not (<HookSlot>slot).has_after:
                    continue
            elif not _holds(due, <HookSlot>slot):
                if not (<HookSlot>slot).state.after or not self._is_due_after(<HookSlot>slot, values, first_watch, seconds):
                    continue
                got = _watched_value(<HookSlot>slot, values, first_watch)
            seen = _values(seen, got, options, run_metadata, self._maker)
            self._after(<HookSlot>slot, context, seen)
        if context._last is not None:
            context._call_last()
        if context._stop_requested:
            self._take_stop(context)
        if Py_REFCNT(<PyObject *>context) == 1:
            context.forget()
            self._spare_context = context
        if seen is not None and Py_REFCNT(<PyObject *>seen) == 1:
            seen.forget()
            self._spare_values = seen
        return results

    @cython.final
    cdef list _ask(self, list slots, SessionRunContext context, list due, options):
        """Calls `before_run`; returns what each hook fetches, or None. Feeds and options that hooks add go into the context."""
        cdef PyObject *slot
        cdef SessionRunArgs request
        cdef list wanted = None, known = None
        cdef dict hook_feeds = None
        cdef Py_ssize_t i, n = PyList_GET_SIZE(slots)
        if self._merged is not None and self._merged.fetches is context._fetches:
            known = self._merged.wanted  # of the run before, most likely the same again
            if known is not None and PyList_GET_SIZE(known) != n:
                known = None
        for i in range(n):
            slot = PyList_GET_ITEM(slots, i)
            item = None
            if (<HookSlot>slot).has_before and ((<HookSlot>slot).trigger is None or _holds(due, <HookSlot>slot)):
                request = _as_args(self._before(<HookSlot>slot, context))
                if request is not None:
                    item = request._first
                    if request._second is not None and request._second:
                        hook_feeds = _add_feeds(hook_feeds, request._second)
                    if request._third is not None:
                        options = self._merge_options(options, request._third)
                        context._adds = True
            if known is not None:
                if PyList_GET_ITEM(known, i) == <PyObject *>item:
                    continue
                wanted, known = known[:i] + [None] * (n - i), None
            if item is not None or wanted is not None:
                if wanted is None:
                    wanted = [None] * n
                wanted[i] = item
        if context._adds or hook_feeds is not None:
            context._adds = True
            context._run_options = options
            context._run_feeds = context._feed_dict if hook_feeds is None else _all_feeds(hook_feeds, context._feed_dict)
        return known if known is not None else wanted

    @cython.final
    cdef Merged _merge(self, fetches, list wanted):
        """The elements of all that is fetched, also by triggers; kept for the next run that fetches the same."""
        cdef Merged merged = self._merged
        if merged is not None and merged.is_of(fetches, wanted):
            return merged
        self._merged = merged = Merged(fetches, wanted, self._watches)
        return merged

    @cython.final
    cdef inline object _run_plain(self, fetches, feed_dict, options, run_metadata):
        if self._raw is None:  # a hook or another thread closed it
            raise RuntimeError("Attempted to use a closed Session.")
        if self._runs_plainly and options is None and run_metadata is None:
            return self._core._run(<PyObject *>fetches, <PyObject *>feed_dict, NULL)
        if options is None and run_metadata is None:
            return self._raw.run(fetches, feed_dict)
        return self._raw.run(fetches, feed_dict, options, run_metadata)

    @cython.final
    cdef inline SessionRunContext _context(self, fetches, feed_dict):
        cdef SessionRunContext context = self._spare_context
        if context is None:
            context = SessionRunContext.__new__(SessionRunContext)
        else:
            self._spare_context = None
        context.session = self._raw
        context._fetches = fetches
        context._feed_dict = feed_dict
        context._in_loop = True
        return context

    cdef int _take_stop(self, SessionRunContext context) except -1:
        """Stop is recorded once all hooks have been called."""
        if context._stop_requested and not self._stopped:
            self._stopped = True
            if self._stop_reason is None:
                self._stop_reason = f"{type(context._stopper).__name__} requested a stop"
        return 0

    def report(self, error):
        """Has the next step raise an error that another thread met; until then `should_stop()` is True."""
        self._reported = error
        self._stop_before = self._stopped
        self._stopped = True

    def take_reported(self):
        """The error that was reported, if no step has raised it yet; nobody raises it any more."""
        error, self._reported = self._reported, None
        if error is not None:
            self._stopped = self._stop_before
        return error

    cdef int _raise_reported(self) except -1:
        if self._reported is not None:
            raise self.take_reported()
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


cdef object _plain_step(PyObject *loop, PyObject *fetches, PyObject *feed_dict):
    return (<HookLoop>loop)._step(<object>fetches, <object>feed_dict, None, None, NULL)


# The same, whose caller looks for an error itself: a `try` around every step costs more than the step's hooks.
ctypedef PyObject *(*unchecked_step)(PyObject *, PyObject *, PyObject *) noexcept
cdef unchecked_step _unchecked_step = <unchecked_step>_plain_step


cdef object _call_loop_run(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names):
    """`HookLoop.run` where it is called with fetches and feeds alone."""
    cdef PyObject *feed_dict = <PyObject *>None
    cdef PyObject *results
    if (<HookLoop>self)._raw is None or not hl_only_feeds(args, n, names, <PyObject *>"feed_dict", &feed_dict):
        return _general_loop_run(self, args, n, names)
    results = _unchecked_step(self, args[0], feed_dict)
    if results == NULL:
        return (<HookLoop>self)._after_error(<object>args[0], <object>feed_dict)
    return hl_owned(results)


cdef method_function _general_loop_run = hl_replace_method(<PyObject *>HookLoop.run, <method_function>_call_loop_run)
