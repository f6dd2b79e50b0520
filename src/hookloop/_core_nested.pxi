# Requests that are nested or name tensors, in the flat form in which requests are remembered, and back.

cdef enum:
    MOST_LEVELS = 50  # of nested fetches; deeper ones, or such as contain themselves, are a matter for Python


cdef bint _collect(SessionCore session, object fetches, list leaves, int level) except -1:
    """Appends tensors, operations and variables in nested lists, tuples, namedtuples and dicts in their order.

    Returns False where anything else is in it.
    """
    cdef object kind = type(fetches)
    if isinstance(fetches, (TensorFields, OperationFields)):
        leaves.append(fetches)
        return True
    if kind is str:
        element = session._fetches_by_name.get(fetches)
        if element is None:
            element = session._fetch_named(fetches)
            if element is None:
                return False
            session._fetches_by_name[fetches] = element
        leaves.append(element)
        return True
    if level == MOST_LEVELS:
        return False
    if kind is dict:
        fetches = list((<dict>fetches).values())
    elif kind is not list and not (isinstance(fetches, tuple) and (kind is tuple or hasattr(kind, "_fields"))):
        if not hasattr(kind, "_as_graph_element"):
            return False
        leaves.append(fetches)
        return True
    for part in fetches:
        if not _collect(session, part, leaves, level + 1):
            return False
    return True


cdef list _flat_fetches(SessionCore session, object fetches):
    """The elements of nested or named fetches; None where there is nothing nested or named, or no element."""
    cdef list leaves = []
    cdef object kind = type(fetches)
    if not _collect(session, fetches, leaves, 0) or not leaves or leaves[0] is fetches:
        return None
    if (kind is list or kind is tuple) and len(leaves) == len(fetches):
        for leaf, part in zip(leaves, fetches):
            if leaf is not part:
                return leaves
        return None
    return leaves


cdef object _nested(object fetches, object values):
    """An iterator's values in the structure of which `_flat_fetches` has told the elements."""
    cdef object kind = type(fetches)
    if kind is dict:
        return {key: _nested(part, values) for key, part in (<dict>fetches).items()}
    if kind is list:
        return [_nested(part, values) for part in <list>fetches]
    if not isinstance(fetches, tuple):
        return next(values)
    parts = [_nested(part, values) for part in <tuple>fetches]
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
