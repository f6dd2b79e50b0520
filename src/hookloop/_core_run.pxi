# Calls back from C: host instructions, and the poll for signals and deadlines.

cdef object _host_input(Frame frame, bint is_object, int32_t index):
    if is_object:
        return frame.objects[index]
    cdef hl_tensor *tensor = &frame.frame.tensors[index]
    cdef np.npy_intp dims[HL_MAX_RANK]
    cdef int axis
    for axis in range(tensor.rank):
        dims[axis] = tensor.dims[axis]
    cdef np.ndarray array = np.PyArray_EMPTY(tensor.rank, dims, _numpy_type(tensor.dtype), 0)
    if tensor.size:
        memcpy(np.PyArray_DATA(array), tensor.data, tensor.size * hl_dtype_size(tensor.dtype))
    return array


cdef _store_host(Frame frame, int32_t index, object value):
    cdef hl_tensor *tensor = &frame.frame.tensors[index]
    cdef np.ndarray array = value
    if tensor.size:
        memcpy(tensor.data, np.PyArray_DATA(array), tensor.size * hl_dtype_size(tensor.dtype))


cdef hl_status _host_begin(Frame frame, int64_t index) except *:
    """Calls the op's Python function; what has a size only known now waits for its buffers."""
    op, inputs, outputs = frame.plan.tables["hosts"][index]
    cdef hl_frame *c = frame.frame
    arguments = [_host_input(frame, is_object, at) for is_object, at, _ in inputs]
    if isinstance(op, Exception):
        raise op
    if type(op) is tuple:
        _use_text(frame, op, outputs, arguments)
        return HL_OK
    if op == "move":
        frame.objects[outputs[0][1]] = arguments[0]
        return HL_OK
    results = _call_or_replay(frame, op, arguments)
    waits = False
    for (is_object, at, dims), result in zip(outputs, results):
        if is_object:
            frame.objects[at] = result
        if dims is None:
            continue
        array = result
        if array.ndim != len(dims):
            return _other_shape(frame, op, results, array, ())
        for (register, fresh), dim in zip(dims, array.shape):
            if fresh:
                waits = True
                c.regs[<int>register] = dim
            elif c.regs[<int>register] != dim:
                return _other_shape(frame, op, results, array, tuple([c.regs[<int>r] for r, _ in dims]))
    if waits:
        frame.pending[index] = results
    else:
        _host_finish(frame, index, outputs, results)
    return HL_OK


cdef object _call_or_replay(Frame frame, op, list arguments):
    """The results of an op's next call: of the one that the run made before it started again, else of a new one.

    They are found by the op, not by their place: the plan that took over may make other calls, or make them in another order.
    """
    cdef Py_ssize_t i
    results = None
    for i in range(len(frame.replay)):
        if frame.replay[i][0] is op:
            results = frame.replay.pop(i)[1]
            break
    if results is None:
        results = frame.session._call_host(op, arguments, frame.deadline_ns)
    if frame.log is not None:
        frame.log.append((op, results))
    return results


cdef _use_text(Frame frame, tuple use, outputs, list arguments):
    """Reads or writes a variable of text."""
    cdef VariableCell cell = frame.session._variables.get(use[1])
    if cell is None:
        frame.session._closed_meanwhile()
    if use[0] == "read":
        frame.objects[outputs[0][1]] = cell.text
    else:
        cell.set(arguments[0])


cdef hl_status _take_element(Frame frame, int64_t index) except *:
    """Asks Python for an iterator's element; its arrays become feeds, and stay until the next run."""
    op, _, _, first_feed, components = frame.plan.tables["batches"][index]
    cdef hl_frame *c = frame.frame
    cdef int feed = first_feed
    if index == 0 and not frame.keeps_log:
        frame.log = []
    results = _call_or_replay(frame, op, [])
    for (_, axes), array in zip(components, results):
        for (register, fresh), dim in zip(axes, array.shape):
            if fresh:
                c.regs[<int>register] = dim
            elif c.regs[<int>register] != dim:
                return _other_shape(frame, op, results, array, tuple([c.regs[<int>r] for r, _ in axes]))
    for array in results:
        hl_frame_bind_feed(c, feed, <char *>np.PyArray_DATA(<np.ndarray>array))
        feed += 1
    frame.elements[index] = results
    return HL_OK


cdef hl_status _other_shape(Frame frame, op, results, array, tuple expected) except *:
    """A result has a shape that the plan did not expect: another plan is taken where this one only assumed it."""
    if frame.log is not None and frame.session._note_shapes(op, results, frame.plan.tables["assumed"]):
        return HL_RESTART
    frame.session._wrong_host_shape(op, array, expected)
    return HL_OK


cdef _host_finish(Frame frame, int64_t index, outputs, results):
    for (is_object, at, _), result in zip(outputs, results):
        if not is_object:
            _store_host(frame, at, result)


cdef int _look_for_stop(Frame frame) except -1:
    if frame.session._closed or frame.stops is not None and frame.stops():
        frame.stop = True
    return 0


cdef hl_status _host_call(hl_frame *c, int32_t instr, int64_t code) noexcept with gil:
    cdef Frame frame = <Frame>c.owner
    cdef int64_t index = code >> 1
    cdef hl_status status
    try:
        if instr < 0:
            return _take_element(frame, code)
        if code & 1:
            _host_finish(frame, index, frame.plan.tables["hosts"][index][2], frame.pending.pop(index))
            return HL_OK
        status = _host_begin(frame, index)
        _look_for_stop(frame)
        return status
    except BaseException as error:
        frame.raised = error
        return HL_RAISED


cdef hl_status _poll_call(hl_frame *c) noexcept with gil:
    cdef Frame frame = <Frame>c.owner
    try:
        PyErr_CheckSignals()
        if frame.keeps_lock:
            with nogil:  # other threads may want to close the session
                pass
        if frame.deadline_ns and hl_now_ns() > frame.deadline_ns:
            return HL_DEADLINE_EXCEEDED
        if frame.session._closed:
            return HL_CANCELLED
        _look_for_stop(frame)
        return HL_OK
    except BaseException as error:
        frame.raised = error
        return HL_RAISED
