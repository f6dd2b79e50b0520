# What is known of each hook: which of its callbacks do something, its trigger.

import sys
from libc.math cimport isfinite
from types import FunctionType, MethodDescriptorType, MethodType

cdef extern from "Python.h":
    ctypedef struct _TypeVersion "PyTypeObject":
        unsigned int tp_version_tag
    _TypeVersion *Py_TYPE(object)

cdef extern from *:
    """
    /* An object as it was when its callbacks were looked at, to notice when they may be others. */
    typedef struct hl_looked {
        PyObject *object;
        PyTypeObject *type;
        unsigned int version;          /* of the class */
        PyObject *attributes;          /* the object's own dictionary, held by the slot; its size tells when it gets a callback */
        const unsigned char *in_place; /* or its attributes, where it has no dictionary yet and is not to get one */
        Py_ssize_t n_attributes;
    } hl_looked;

    /* The attributes of an object in Python 3.11 and 3.12, as long as nobody has asked for its dictionary; NULL for any other
     * object, and in other versions. */
    static CYTHON_INLINE const unsigned char *hl_values_in_place(PyObject *object) {
    #if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030D0000 && !defined(PYPY_VERSION)
        if (!PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_MANAGED_DICT)) return NULL;
    #if PY_VERSION_HEX < 0x030C0000
        return ((const unsigned char **)object)[-4];
    #else
        const char *tagged = ((const char **)object)[-3]; /* its lowest bit is set where it is not the dictionary */
        return (uintptr_t)tagged & 1 ? (const unsigned char *)(tagged + 1) : NULL;
    #endif
    #else
        (void)object;
        return NULL;
    #endif
    }
    /* What changes when an attribute is added: before the values stand how many there are, and before that the order in which
     * they were set, the last one farthest away. */
    static CYTHON_INLINE Py_ssize_t hl_mark_in_place(const unsigned char *values) {
        return values[-2] << 8 | values[-2 - values[-2]];
    }

    /* A class that the object has no longer may be gone: the pointers come first. */
    static CYTHON_INLINE int hl_changed(const hl_looked *looked) {
        if (Py_TYPE(looked->object) != looked->type || looked->type->tp_version_tag != looked->version) return 1;
        if (!looked->in_place) return hl_dict_size(looked->attributes) != looked->n_attributes;
        return hl_values_in_place(looked->object) != looked->in_place || hl_mark_in_place(looked->in_place) != looked->n_attributes;
    }

    /* Whether a list does not hold the n objects that were looked at, or one of them has changed. */
    static CYTHON_INLINE int hl_any_changed(const hl_looked *looked, PyObject *list, Py_ssize_t n) {
        if (PyList_GET_SIZE(list) != n) return 1;
        for (Py_ssize_t i = 0; i < n; i++)
            if (PyList_GET_ITEM(list, i) != looked[i].object || hl_changed(&looked[i])) return 1;
        return 0;
    }
    """
    ctypedef struct Looked "hl_looked":
        PyObject *object
        _TypeVersion *type
        unsigned int version
        PyObject *attributes
        const unsigned char *in_place
        Py_ssize_t n_attributes
    bint hl_changed(const Looked *looked) noexcept
    bint hl_any_changed(const Looked *looked, PyObject *list, Py_ssize_t n) noexcept
    const unsigned char *hl_values_in_place(PyObject *object) noexcept
    Py_ssize_t hl_mark_in_place(const unsigned char *values) noexcept

# Before 3.13 an instance whose `__dict__` was asked for has slower attributes from then on: a hook that is entered in every
# step keeps its own fast. Its attributes are counted where they lie; else its callbacks are looked up by name.
cdef bint _ASKING_FOR_DICT_COSTS = (3, 11) <= sys.version_info < (3, 13)


@cython.final
cdef class HookSlot:
    """One hook of a session: which of its callbacks do something, and its trigger."""

    cdef readonly object hook
    cdef bint has_before, has_after
    cdef object before_function, after_function  # the class's plain functions, or None: then by attribute
    cdef bint by_name                   # the hook's dictionary was not asked for
    cdef Trigger trigger                # None: called every run
    cdef hl_trigger state               # its rule, and when the hook was last called because of it
    cdef Looked looked
    cdef dict attributes
    cdef int watch                      # place of the watched value among the run's extra fetches
    cdef NativeCallback native          # of a native hook, which C can call itself; or None
    cdef tuple fetches                  # what the native hook sees
    # hook_stats
    cdef readonly int64_t before_calls, after_calls, before_ns, after_ns

    def __cinit__(self, hook):
        self.hook = hook

    cdef int look(self, object base) except -1:
        """Looks at the hook's class and instance, where `base` is the class whose callbacks do nothing."""
        self.native = self.trigger = self.before_function = self.after_function = None
        self.has_before = self.has_after = True
        self.by_name = _ASKING_FOR_DICT_COSTS and _is_always_entered(self.hook, base._idle)
        self.note()
        if self.by_name:
            if self.looked.in_place != NULL:
                self.before_function = _function_of_class(self.hook, "before_run")
                self.after_function = _function_of_class(self.hook, "after_run")
            return 0
        self.has_before = _has_callback(self.hook, "before_run", base._idle)
        self.has_after = _has_callback(self.hook, "after_run", base._idle)
        self.before_function = _plain_function(self.hook, "before_run")
        self.after_function = _plain_function(self.hook, "after_run")
        self.trigger = _trigger(self.hook, base)
        if self.trigger is not None:
            self.trigger.fill(&self.state)
            callback = getattr(self.hook, "callback", None)
            if type(callback) is NativeCallback and self.trigger.kind == HL_COUNT_RUNS and not self.state.after:
                self.native, self.fetches = callback, tuple(self.hook.fetches)
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
        """Notes the state of the class and the instance."""
        attributes = None if self.by_name else getattr(self.hook, "__dict__", None)
        self.attributes = attributes if type(attributes) is dict else {}
        getattr(type(self.hook), "run", None)  # a class gets its version when an attribute is looked up
        self.looked.object = <PyObject *>self.hook
        self.looked.attributes = <PyObject *>self.attributes
        self.looked.in_place = hl_values_in_place(<PyObject *>self.hook) if self.by_name else NULL
        self.looked.n_attributes = PyDict_Size(self.attributes) if self.looked.in_place == NULL else (
            hl_mark_in_place(self.looked.in_place))
        self.looked.type = Py_TYPE(self.hook)
        self.looked.version = self.looked.type.tp_version_tag
        return 0

    cdef int count(self, bint after, int64_t ns):
        if after:
            self.after_calls += 1
            self.after_ns += ns
        else:
            self.before_calls += 1
            self.before_ns += ns
        return 0


cdef bint _is_always_entered(object hook, dict idle) except -1:
    """Whether the hook's class has both callbacks and can have no trigger."""
    kind = type(hook)
    return _definer(kind, "trigger") is None and all([
        getattr(kind, name, None) not in (None, idle[name]) for name in ("before_run", "after_run")])


cdef bint _has_callback(object hook, str name, dict idle) except -1:
    """Whether there is anything to call: a callback other than the one that does nothing."""
    if name not in getattr(hook, "__dict__", ()) and getattr(type(hook), name, None) is idle[name]:
        return False
    return hasattr(hook, name)  # a callback that was set to None is called, and fails as what cannot be called does


cdef object _plain_function(object hook, str name):
    """The class's function, where looking the callback up on the hook would find it; called so, it costs less."""
    kind = type(hook)
    definer = _definer(kind, name)
    if definer is None or name in getattr(hook, "__dict__", ()) or (
            kind.__getattribute__ is not object.__getattribute__):
        return None
    found = definer.__dict__[name]
    return found if isinstance(found, FunctionType) else None


cdef object _function_of_class(object hook, str name):
    """The same without looking at the hook's dictionary: a method that its class makes is another one each time."""
    first, second = getattr(hook, name, None), getattr(hook, name, None)
    if type(first) is not MethodType or first is second or first.__self__ is not hook:
        return None
    found = first.__func__
    return found if isinstance(found, FunctionType) and type(hook).__getattribute__ is object.__getattribute__ else None


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
        if name in getattr(hook, "__dict__", ()):
            return None
        definer = _definer(kind, name)
        if not issubclass(declarer, definer) or _is_patched(definer, name):
            return None
    return trigger


cdef bint _is_patched(type definer, str name) except -1:
    """Whether a class's callback was put there from outside: a mock, or a function of another module than the class."""
    found = definer.__dict__[name]
    if isinstance(found, MethodDescriptorType):
        return False  # of a compiled class
    names = getattr(found, "__globals__", None)
    return type(names) is not dict or names.get("__name__") != definer.__module__


cdef object _watched_value(HookSlot slot, list values, Py_ssize_t first_watch):
    return values[first_watch + slot.watch] if slot.trigger.kind == HL_WATCH_FINITE else None


cdef bint _all_finite(object value) except -1:
    """Whether a float scalar or every element of an array is finite."""
    if type(value) is np.float32 or type(value) is np.float64:
        return isfinite(<double>value)
    return bool(np.all(np.isfinite(value)))
