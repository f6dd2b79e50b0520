# How Python enters the run path: `Session.run` and what `make_callable` returns, without a tuple of arguments.

cdef extern from *:
    """
    static void hl_set_vectorcall(PyObject *some, Py_ssize_t offset) {
        PyTypeObject *type = Py_TYPE(some);
        type->tp_vectorcall_offset = offset;
        type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        PyType_Modified(type);
    }

    #define hl_owned(object) (object)
    typedef PyObject *(*hl_method_function)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);
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


cdef object _call_run(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names):
    """`SessionCore.run` where it is called with fetches and feeds alone: its general form counts references of all."""
    cdef PyObject *feed_dict = <PyObject *>None
    if hl_only_feeds(args, n, names, <PyObject *>"feed_dict", &feed_dict):
        return (<SessionCore>self)._run(args[0], feed_dict, NULL)
    return _general_run(self, args, n, names)


cdef method_function _general_run = hl_replace_method(<PyObject *>SessionCore.run, <method_function>_call_run)


@cython.final
cdef class Callable:
    """What `make_callable` returns: one request, its feeds given as arguments, where `keys` is not None."""

    cdef vectorcallfunc vectorcall
    cdef SessionCore session
    cdef object fetches
    cdef tuple keys
    cdef Recent recent
    cdef bint accept_options

    def __cinit__(self, SessionCore session, fetches, keys, bint accept_options):
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
        if self.session is None:  # it was not made by a session
            raise TypeError("the callable has no session")
        feeds = self._feeds(args)
        result = self.session._run_flat(self.fetches, feeds)
        if len(feeds) == len(args):  # else not each value is that of the feed at its place
            self.recent = self.session.find_recent(self.fetches, feeds)
        return result

    def _with_options(self, args, kwargs):
        if self.keys is None and not self.accept_options:
            raise TypeError(f"expected no arguments, as the callable accepts no options, got {sorted(kwargs)}")
        return self.session.run(self.fetches, self._feeds(args), **kwargs)

    cdef dict _feeds(self, tuple args):
        """As in TensorFlow, what has no value is not fed, and a value that is of no feed is not looked at."""
        if self.keys is None and args:
            raise TypeError(f"expected no values, as the callable was made without a feed_list, got {len(args)}")
        if self.keys is None and self.session._closed:
            self.session._check_open(below=True)
        return dict(zip(self.keys or (), args))


cdef object _call_callable(PyObject *callable, PyObject *const *args, size_t count, PyObject *names):
    """Calls a `Callable` whose arguments are no tuple yet."""
    cdef PyObject *values[MOST_FEEDS]
    cdef Callable self = <Callable>callable
    cdef Recent recent = self.recent
    cdef Py_ssize_t i, n = PyVectorcall_NARGS(count)
    if names == NULL and recent is not None and n == recent.request.n_keys and (
            not recent.entry.stale and not recent.replaced and not self.session._closed):
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
