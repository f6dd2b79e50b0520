# What the caller, the hooks and the triggers ask for together in one run: fetches as one list, and feeds.

cdef extern from *:
    """
    /* Whether a tuple, or an object of a class made from it such as a named tuple, is gone through as a tuple is. */
    #define hl_walks_as_tuple(object) (PyTuple_Check(object) && Py_TYPE(object)->tp_iter == PyTuple_Type.tp_iter)
    """
    bint hl_walks_as_tuple(PyObject *object) noexcept

cdef enum:
    DEEPEST = 32  # of structures whose leaves are compared


cdef str _CHANGED = "What is fetched changed while the step ran: expected as many elements after it as before."


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
        return tuple(items) if type(structure) is tuple or not hasattr(structure, "_fields") else type(structure)(*items)
    if type(structure) is dict:
        rebuilt = {}
        for key, item in (<dict>structure).items():
            rebuilt[key] = _rebuild(item, values, at)
        return rebuilt
    if isinstance(structure, dict):
        return type(structure)([(key, _rebuild(item, values, at)) for key, item in structure.items()])
    if at[0] >= PyList_GET_SIZE(values):
        raise RuntimeError(_CHANGED)
    at[0] += 1
    return values[at[0] - 1]


cdef Py_ssize_t _behind_leaves(PyObject *structure, list leaves, Py_ssize_t at, int depth) noexcept:
    """The place behind a structure's leaves in the list, where they stand from `at` on; -1 where others do, or nobody knows.

    It goes the way of `_flatten`, and takes nothing apart whose class may have its own order.
    """
    cdef Py_ssize_t i = 0
    cdef PyObject *key
    cdef PyObject *item
    if at < 0 or depth > DEEPEST:
        return -1
    if type(<object>structure) is list:
        for i in range(PyList_GET_SIZE(<object>structure)):
            at = _behind_leaves(PyList_GET_ITEM(<object>structure, i), leaves, at, depth + 1)
        return at
    if isinstance(<object>structure, tuple):
        if not hl_walks_as_tuple(structure):
            return -1
        for i in range(PyTuple_GET_SIZE(<object>structure)):
            at = _behind_leaves(PyTuple_GET_ITEM(<object>structure, i), leaves, at, depth + 1)
        return at
    if isinstance(<object>structure, dict):
        if type(<object>structure) is not dict:
            return -1
        while PyDict_Next(<object>structure, &i, &key, &item):
            at = _behind_leaves(item, leaves, at, depth + 1)
        return at
    return at + 1 if at < PyList_GET_SIZE(leaves) and PyList_GET_ITEM(leaves, at) == structure else -1


@cython.final
cdef class Merged:
    """What the caller, the hooks and the triggers fetch in one run, as one list."""

    cdef object fetches             # the caller's
    cdef list wanted                # each hook's, or None where no hook wants anything
    cdef list leaves                # the elements of all of them, then what triggers watch
    cdef list values                # of the run just made
    cdef Py_ssize_t first_wanted, first_watch
    cdef bint single                # each of them asks for one element: the values need no other form

    def __cinit__(self, fetches, list wanted, list watches):
        self.fetches, self.wanted, self.leaves = fetches, wanted, []
        _flatten(fetches, self.leaves)
        self.first_wanted = len(self.leaves)
        for item in wanted or ():
            if item is not None:
                _flatten(item, self.leaves)
        self.first_watch = len(self.leaves)
        self.leaves.extend(watches)
        self.single = self.all_single()

    cdef inline object take(self, object structure, list values, Py_ssize_t *at):
        """The next of the values, in the form of the structure that asked for them."""
        if self.single:
            at[0] += 1
            return <object>PyList_GET_ITEM(values, at[0] - 1)
        return _rebuild(structure, values, at)

    cdef inline object take_fetches(self, object fetches, list values, Py_ssize_t *at):
        """The caller's values. Of a list that an op or another thread has changed meanwhile the hooks would get others."""
        results = self.take(fetches, values, at)
        if at[0] != self.first_wanted:
            raise RuntimeError(_CHANGED)
        return results

    cdef bint all_single(self):
        """Whether the same objects stand for the same elements for ever: a list's or dictionary's may change."""
        for item in (self.fetches, *(self.wanted or ())):
            if isinstance(item, (list, tuple, dict)):
                return False
        return True

    cdef inline bint is_of(self, fetches, list wanted):
        """Whether this is what is fetched. Structures are gone through, as they may be new or have changed."""
        cdef Py_ssize_t i
        if not self.single:
            return self.has_leaves(fetches, wanted)
        if fetches is not self.fetches or (wanted is None) != (self.wanted is None):
            return False
        if wanted is not None and wanted is not self.wanted:
            if PyList_GET_SIZE(wanted) != PyList_GET_SIZE(self.wanted):
                return False
            for i in range(PyList_GET_SIZE(wanted)):
                if PyList_GET_ITEM(wanted, i) != PyList_GET_ITEM(self.wanted, i):
                    return False
        return True

    cdef bint has_leaves(self, fetches, list wanted) noexcept:
        cdef PyObject *item
        cdef Py_ssize_t i, at = _behind_leaves(<PyObject *>fetches, self.leaves, 0, 0)
        if wanted is not None:
            for i in range(PyList_GET_SIZE(wanted)):
                item = PyList_GET_ITEM(wanted, i)
                if item != <PyObject *>None:
                    at = _behind_leaves(item, self.leaves, at, 0)
        return at == self.first_watch


cdef dict _add_feeds(dict feeds, object more):
    if type(more) is not dict and not hasattr(more, "keys"):
        raise AttributeError(
            f"'{type(more).__name__}' object has no attribute 'keys': expected a dictionary of what a hook feeds, got {more!r}")
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
