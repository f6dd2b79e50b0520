# Native hooks: functions of the public C interface (csrc/include/hookloop.h), taken from what carries them.

from cpython.pycapsule cimport PyCapsule_GetContext, PyCapsule_GetName, PyCapsule_GetPointer, PyCapsule_CheckExact

cdef extern from "Python.h":
    PyObject *PyErr_Occurred() noexcept

cdef const char *CAPSULE_NAME = b"hookloop.hook.v1"


@cython.final
cdef class NativeCallback:
    """A native hook's function with all that must live as long as it may be called.

    Args:
      source: a PyCapsule named "hookloop.hook.v1"; a `scipy.LowLevelCallable` or a compiled function of Numba or ctypes
        of the signature int32_t (hl_hook_ctx *, void *).
      release_gil: whether it is called without Python's lock.

    Raises:
      TypeError: for anything else, and for a function of another signature.
      ValueError: for a capsule of another version.
    """

    cdef hl_native native
    cdef readonly object source
    cdef readonly bint release_gil
    cdef int32_t room

    def __cinit__(self, source, bint release_gil=False):
        self.source = source
        self.release_gil = release_gil
        self.native.fn = NULL
        self._take(source)

    def __dealloc__(self):
        free(self.native.fetches)

    cdef int _take(self, source) except -1:
        if PyCapsule_CheckExact(source):
            return self._take_capsule(source)
        if isinstance(source, tuple) and type(source).__name__ == "LowLevelCallable":
            return self._take_low_level(source)
        address = _address_of(source)
        if address is None:
            raise TypeError(
                f"expected a PyCapsule named {CAPSULE_NAME.decode()!r}, a LowLevelCallable or a compiled function of the "
                f"signature {_SIGNATURE}, got {source!r}"
            )
        self.native.fn = <hl_hook_fn><uintptr_t>address
        return 0

    cdef int _take_capsule(self, source) except -1:
        cdef const char *name = PyCapsule_GetName(source)
        text = "" if name == NULL else name.decode()
        if text != CAPSULE_NAME.decode():
            if text.startswith("hookloop.hook."):
                raise ValueError(f"expected a native hook of version {CAPSULE_NAME.decode()!r}, got {text!r}")
            raise TypeError(f"expected a PyCapsule named {CAPSULE_NAME.decode()!r}, got one named {text!r}")
        self.native.fn = <hl_hook_fn>PyCapsule_GetPointer(source, name)
        self.native.user_data = PyCapsule_GetContext(source)
        return 0

    cdef int _take_low_level(self, source) except -1:
        """SciPy's convention: a tuple whose first element is a capsule that is named after its signature."""
        capsule = tuple.__getitem__(source, 0)  # `source[0]` is what SciPy refuses
        cdef const char *name = PyCapsule_GetName(capsule)
        text = "" if name == NULL else name.decode()
        _check_signature(text, source)
        self.native.fn = <hl_hook_fn>PyCapsule_GetPointer(capsule, name)
        self.native.user_data = PyCapsule_GetContext(capsule)
        return 0

    cdef int make_room(self, int32_t n) except -1:
        cdef hl_hook_tensor *room
        if n > self.room:
            room = <hl_hook_tensor *>realloc(self.native.fetches, n * sizeof(hl_hook_tensor))
            if room == NULL:
                raise MemoryError()
            self.native.fetches, self.room = room, n
        self.native.n_fetches = n
        return 0

    def __call__(self, step, global_step, list values):
        """Calls the function after a step.

        Args:
          step: runs of the session so far.
          global_step: the global step.
          values: arrays and NumPy scalars, in the order in which the hook fetches them.

        Returns:
          Whether it asks to stop.

        Raises:
          RuntimeError: it returned an error, or is being called already.
          TypeError: a value is of a type that native hooks cannot see.
        """
        cdef int64_t runs = step, at = global_step
        cdef int32_t i
        cdef np.ndarray array
        cdef hl_hook_tensor *view
        self.check_free()
        arrays = [np.ascontiguousarray(value).reshape(np.shape(value)) for value in values]
        self.make_room(len(arrays))
        for i in range(len(arrays)):
            array = arrays[i]
            view = &self.native.fetches[i]
            view.data, view.size, view.rank = np.PyArray_DATA(array), array.size, np.PyArray_NDIM(array)
            view.dims = <const int64_t *>np.PyArray_DIMS(array)
            view.dtype = _hook_dtype(array)
        if self.release_gil:
            with nogil:
                hl_native_call(&self.native, runs, at)
        else:
            hl_native_call(&self.native, runs, at)
        self.check(runs)
        return self.native.result > 0

    cdef int check_free(self) except -1:
        if self.native.in_call:
            raise RuntimeError(f"the native hook {self.source!r} is being called already: it cannot run a step after which it is due")
        return 0

    cdef int check(self, int64_t step) except -1:
        """Raises what the last call has left: a Python exception, or an error of its own."""
        cdef str text
        cdef int32_t result = self.native.result
        if PyErr_Occurred() != NULL:
            self.native.result = 0
            hl_owned(NULL)
        if result < 0:
            self.native.result = 0
            text = self.native.error[:].decode(errors="replace") if self.native.error[0] else "it gave no reason"
            raise RuntimeError(f"the native hook {self.source!r} returned {result} after step {step}: {text}")
        return 0


_SIGNATURE = "int32_t (hl_hook_ctx *, void *)"
_SIGNATURES = frozenset(
    f"{result}({context},void*)" for result in ("int32_t", "int") for context in ("hl_hook_ctx*", "void*")
)


cdef int _check_signature(str text, source) except -1:
    bare = "".join(text.split())
    if bare not in _SIGNATURES:
        raise TypeError(f"expected a native hook of the signature {_SIGNATURE}, got {text!r} in {source!r}")
    return 0


cdef object _address_of(source):
    """The address of a function that Numba's `cfunc` or `ctypes` made; None for anything else."""
    import ctypes

    if hasattr(source, "address") and hasattr(source, "_sig"):
        text = str(source._sig)
        _check_signature(_c_signature(text), source)
        return source.address
    if isinstance(source, ctypes._CFuncPtr):
        if source.restype is not ctypes.c_int32 or len(source.argtypes or ()) != 2 or (
                not all(_is_pointer(kind) for kind in source.argtypes)):
            raise TypeError(f"expected a native hook of the signature {_SIGNATURE}, got {source!r}")
        return ctypes.cast(source, ctypes.c_void_p).value
    return None


def _is_pointer(kind):
    import ctypes

    return kind is ctypes.c_void_p or isinstance(kind, type) and issubclass(kind, ctypes._Pointer)


cdef str _c_signature(str numba):
    """Numba's "(uint8*, void*) -> int32" as C writes it, pointers to anything as void *."""
    arguments, _, result = numba.partition("->")
    kinds = ["void*" if kind.strip().endswith("*") else kind.strip() for kind in arguments.strip(" ()").split(",")]
    return f"{ {'int32': 'int32_t'}.get(result.strip(), result.strip())}({', '.join(kinds)})"


cdef int _hook_dtype(np.ndarray array) except -1:
    """The public number of an array's type."""
    found = _HOOK_DTYPES.get(array.dtype.name)
    if found is None:
        raise TypeError(f"a native hook cannot see values of type {array.dtype}")
    return found


_HOOK_DTYPES = {
    "float32": HL_FLOAT32, "float64": HL_FLOAT64, "int32": HL_INT32, "uint8": HL_UINT8, "int16": HL_INT16, "int8": HL_INT8,
    "complex64": HL_COMPLEX64, "int64": HL_INT64, "bool": HL_BOOL, "bfloat16": HL_BFLOAT16, "uint16": HL_UINT16,
    "complex128": HL_COMPLEX128, "float16": HL_FLOAT16, "uint32": HL_UINT32, "uint64": HL_UINT64,
}
