# Requests that are nested or name tensors, in the flat form in which requests are remembered, and back.

cdef enum:
    MOST_LEVELS = 50  # of nested fetches; deeper ones, or such as contain themselves, are a matter for Python


cdef bint _collect(SessionCore session, object fetches, list leaves, list form, int level) except -1:
    """Appends tensors, operations and variables in nested lists, tuples, namedtuples and dicts in their order to `leaves`.

    `form` gets the way back: None for an element; the class of what is nested and how many parts it has, in front of its parts,
    each behind its key in a dict.
    Returns False where anything else is in it.
    """
    cdef object kind = type(fetches)
    cdef Py_ssize_t count
    if isinstance(fetches, (TensorFields, OperationFields)):
        leaves.append(fetches)
        form.append(None)
        return True
    if kind is str:
        element = session._fetches_by_name.get(fetches)
        if element is None:
            element = session._fetch_named(fetches)
            if element is None:
                return False
            session._fetches_by_name[fetches] = element
        leaves.append(element)
        form.append(None)
        return True
    if level == MOST_LEVELS:
        return False
    if kind is dict:
        form.append(dict)
        form.append(len(<dict>fetches))
        for key, part in (<dict>fetches).items():
            form.append(key)
            if not _collect(session, part, leaves, form, level + 1):
                return False
        return True
    if kind is list or (isinstance(fetches, tuple) and (kind is tuple or hasattr(kind, "_fields"))):
        form.append(kind)
        count = len(fetches)
        form.append(count)
        for part in fetches:
            if not _collect(session, part, leaves, form, level + 1):
                return False
        return len(fetches) == count
    if not hasattr(kind, "_as_graph_element"):
        return False
    leaves.append(fetches)
    form.append(None)
    return True


cdef list _flat_fetches(SessionCore session, object fetches, list form):
    """The elements of nested or named fetches; None where there is nothing nested or named, or no element."""
    cdef list leaves = []
    cdef object kind = type(fetches)
    if not _collect(session, fetches, leaves, form, 0) or not leaves or leaves[0] is fetches:
        return None
    if (kind is list or kind is tuple) and len(leaves) == len(fetches):
        for leaf, part in zip(leaves, fetches):
            if leaf is not part:
                return leaves
        return None
    return leaves


cdef struct Place:
    Py_ssize_t in_form, in_values


cdef object _nested(list form, list values, Place *place):
    """The values in the form that the fetches had when the run began, whatever has been done to them since."""
    cdef object kind = form[place.in_form]
    cdef Py_ssize_t i, count
    cdef dict entries
    cdef list parts
    if kind is None:
        place.in_form += 1
        place.in_values += 1
        return values[place.in_values - 1]
    count = form[place.in_form + 1]
    place.in_form += 2
    if kind is dict:
        entries = {}
        for i in range(count):
            key = form[place.in_form]
            place.in_form += 1
            entries[key] = _nested(form, values, place)
        return entries
    parts = [_nested(form, values, place) for i in range(count)]
    if kind is list:
        return parts
    return tuple(parts) if kind is tuple else kind(*parts)


cdef object _feeds_by_tensor(SessionCore session, object feed_dict):
    """The same feeds with tensors in the place of their names; itself where there are none, or one that names no such tensor."""
    if type(feed_dict) is not dict:
        return feed_dict
    for key in <dict>feed_dict:
        if type(key) is str:
            break
    else:
        return feed_dict
    cdef dict feeds = {}
    for key, value in (<dict>feed_dict).items():
        if type(key) is str:
            tensor = session._feeds_by_name.get(key)
            if tensor is None:
                tensor = session._feed_named(key)
                if tensor is None:
                    return feed_dict
                session._feeds_by_name[key] = tensor
            key = tensor
        feeds[key] = value
    return feeds


cdef extern from *:
    """
    /* `np.asarray(value, dtype, order="C")`, aligned and in native byte order. */
    static PyObject *hl_as_array(PyObject *value, int type_number) {
        return PyArray_FromAny(value, PyArray_DescrFromType(type_number), 0, 0,
                               NPY_ARRAY_CARRAY_RO | NPY_ARRAY_NOTSWAPPED | NPY_ARRAY_FORCECAST, NULL);
    }
    """
    object hl_as_array(object value, int type_number)


cdef bint _is_number(int type_number) noexcept:
    return type_number <= np.NPY_DOUBLE or type_number == np.NPY_FLOAT16


cdef object _as_fed(const FeedSpec *spec, object value):
    """The array that a fed number, list or array of numbers means, as `convert_feed` makes it; None where that is to tell."""
    cdef object kind = type(value)
    if not _is_number(spec.type_number):
        return None
    if kind is np.ndarray:
        if not _is_number(np.PyArray_TYPE(<np.ndarray>value)):
            return None
    elif kind is not list and kind is not float and kind is not tuple:
        return None
    try:
        return hl_as_array(value, spec.type_number)
    except Exception:  # `convert_feed` words it
        return None


cdef list _converted(Entry entry, PyObject **values, PyObject **arrays):
    """Fills `arrays` with what can be bound in place of the values; returns what owns those that were made, or None."""
    cdef list made = []
    cdef int i
    for i in range(entry.n_feeds):
        arrays[i] = values[i]
        if hl_is_plain_array(values[i], entry.specs[i].type_number, entry.specs[i].rank):
            continue
        array = _as_fed(&entry.specs[i], <object>values[i])
        if array is None:
            return None
        made.append(array)
        arrays[i] = <PyObject *>array
    return made
