"""Python functions as ops: `tf.py_func` and `tf.numpy_function`."""

from __future__ import annotations

import itertools
import weakref

import numpy as np

from .. import dtypes, errors
from ..graph.describe import message_name
from ..graph.stack import get_default_graph
from .build import apply_op
from .registry import OpDef, no_gradient, register
from .shape_functions import unknown

__all__ = ["numpy_function", "py_func"]

_tokens = itertools.count()
# Token -> weak reference to the `Function`; the graphs that use it keep it alive.
_functions: dict = {}
_NUMBERS = "fiubc"  # kinds of arrays that are a result as they are

# The error classes that Python's exceptions become; others become UnknownError.
_ERRORS = (
    ((TypeError, ValueError), errors.InvalidArgumentError),
    ((StopIteration,), errors.OutOfRangeError),
    ((MemoryError,), errors.ResourceExhaustedError),
    ((NotImplementedError,), errors.UnimplementedError),
)


class Function:
    """A user's function under its token."""

    __slots__ = ("__weakref__", "function", "token")

    def __init__(self, function):
        self.function = function
        self.token = token = f"pyfunc_{next(_tokens)}"
        _functions[token] = weakref.ref(self, lambda _: _functions.pop(token, None))


def registered(token):
    """The function of a token.

    Raises:
      InvalidArgumentError: this process has none.
    """
    reference = _functions.get(token)
    found = None if reference is None else reference()
    if found is None:
        raise errors.InvalidArgumentError(
            None, None, f"ValueError: callback {token} is not found: this process has not registered the function"
        )
    return found.function


def run_py_func(call, *arrays):
    """Calls the function of a PyFunc node and checks what it returns."""
    attrs = call.op._attrs
    token, wanted = attrs["token"].decode(), attrs["Tout"]
    function = registered(token)
    try:
        found = function(*[argument_of(array) for array in arrays])
        if not isinstance(found, (list, tuple)):
            found = [] if found is None else [found]
        found = [
            value if type(value) is np.ndarray and value.dtype.kind in _NUMBERS else as_array(value) for value in found
        ]
    except Exception as error:
        raise error_of(error) from error
    if len(found) != len(wanted):
        raise errors.InvalidArgumentError(
            None, None, f"{token} returns {len(found)} values, but expects to see {len(wanted)} values."
        )
    known = dtypes._by_numpy.get
    return [
        value if known(value.dtype) is dtype else checked(token, i, value, dtype)
        for i, (value, dtype) in enumerate(zip(found, wanted))
    ]


def argument_of(array):
    """What a function gets: a scalar is handed over as NumPy's scalar or as bytes; text as a copy, which the function may change."""
    if array.ndim == 0:
        return array[()]
    return array.copy() if array.dtype.kind == "O" else array


def as_array(value):
    if isinstance(value, (bytes, str)):
        value = np.array(value.encode() if isinstance(value, str) else value, object)
    result = np.asarray(value, order="C")
    if result.dtype.kind in "SU":
        result = np.asarray(value, object)
    if result.dtype == object and result.size:
        flat = np.empty(result.size, object)
        flat[:] = [item.encode() if isinstance(item, str) else item for item in result.ravel()]
        result = flat.reshape(result.shape)
    return result


def checked(token, index, value, dtype):
    wanted = dtype.base_dtype
    if value.dtype.kind == "O":
        if all(isinstance(item, bytes) for item in value.ravel()):
            found = dtypes.string
        else:
            other = next(item for item in value.ravel() if not isinstance(item, bytes))
            raise errors.UnimplementedError(None, None, f"Unsupported object type {type(other).__name__}")
    else:
        found = dtypes.as_dtype(value.dtype)
    if found is not wanted:
        raise errors.InvalidArgumentError(
            None, None,
            f"{index}-th value returned by {token} is {message_name(found)}, but expects {message_name(wanted)}",
        )  # fmt: skip
    return value


def error_of(error):
    """The `OpError` that stands for an exception of a user's function."""
    classes = [error_class for kinds, error_class in _ERRORS if isinstance(error, kinds)]
    return (classes or [errors.UnknownError])[0](None, None, _explain(error))


def _explain(error):
    """The exception as TensorFlow words it: its type and text, then where it was raised."""
    import traceback

    frames = traceback.format_tb(error.__traceback__)[1:]  # the first frame is this module's own
    summary = f"{type(error).__name__}: {error}"
    last = "".join(traceback.format_exception_only(type(error), error))
    return f"{summary}\nTraceback (most recent call last):\n\n" + "\n".join([*frames, last]) + "\n"


register(
    OpDef("PyFunc", "input: Tin", "output: Tout", attrs={"Tin": [], "Tout": [], "token": b""}, shape=unknown,
          host=run_py_func, stateful=True, gradient=no_gradient),
    OpDef("PyFuncStateless", "input: Tin", "output: Tout", attrs={"Tin": [], "Tout": [], "token": b""},
          shape=unknown, host=run_py_func, gradient=no_gradient),
)  # fmt: skip


def py_func(func, inp, Tout, stateful=True, name=None):
    """Makes a Python function an op.

    Args:
      func: takes a NumPy array for each of `inp` and returns one, or a list of them.
      inp: a list of tensors.
      Tout: the dtype of the result, or a list or tuple of dtypes.
      stateful: False says that equal arguments give equal results, so that equal calls may be merged.
      name: the node's name.

    Returns:
      A tensor of unknown shape, or a list of them where `Tout` is one; the `Operation` where it is empty.
      Running it raises `InvalidArgumentError` for a TypeError or ValueError of `func` and for a result of
      another dtype, `UnknownError` for most other exceptions; the text has the function's own.

    Raises:
      ValueError: `func` cannot be called.
    """
    if not callable(func):
        raise ValueError(f"Expected func to be callable, got func of type {type(func)}")
    registered = Function(func)
    is_list = isinstance(Tout, (list, tuple))
    attrs = {"token": registered.token, "Tout": [dtypes.as_dtype(t) for t in (Tout if is_list else [Tout])]}
    graph = get_default_graph()
    graph.__dict__.setdefault("_py_funcs", []).append(registered)
    result = apply_op("PyFunc" if stateful else "PyFuncStateless", [inp], attrs, name)
    return result if is_list or not isinstance(result, list) else result[0]


def numpy_function(func, inp, Tout, name=None):
    """Makes a Python function an op; see `py_func`."""
    return py_func(func, inp, Tout, stateful=True, name=name)
