# The clock of triggers that count seconds: the system's, or what a program has put in the place of `time.time`.

import time as _time


cdef extern from "Python.h":
    PyObject *PyDict_GetItemWithError(object names, object name) except? NULL  # borrowed


# What `time.time` is, and how far it is ahead of the clock that triggers look at.
cdef dict _time_names = _time.__dict__
cdef object _system_time = _time.time
cdef double _ahead = _system_time() - <double>hl_now_ns() * 1e-9


cdef inline bint _has_own_clock() except -1:
    """Whether a program (a test, say) has put a function of its own in the place of `time.time`."""
    return PyDict_GetItemWithError(_time_names, "time") != <PyObject *>_system_time


cdef double _seconds_now() except? -1:
    """The seconds that triggers count: by the program's own clock where it has one."""
    return <double>_time.time() - _ahead if _has_own_clock() else <double>hl_now_ns() * 1e-9
