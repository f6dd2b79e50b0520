"""Tensors that stay in a session between its runs: `get_session_handle`, `get_session_tensor`, `delete_session_tensor`."""

from __future__ import annotations

import itertools

import numpy as np

from .. import dtypes, errors
from ..graph.describe import message_name
from ..graph.device import canonical_name
from ..graph.scopes import colocate_with, device
from ..graph.tensor import Tensor
from .build import apply_op
from .core import placeholder
from .registry import OpDef, no_gradient, register
from .shape_functions import nothing, scalar, unknown

__all__ = ["delete_session_tensor", "get_session_handle", "get_session_tensor"]

_DEVICE = "/job:localhost/replica:0/task:0/device:CPU:0"


class _Text(bytes):
    """The text of a handle, as a run gives it: it knows its session."""

    session = None


def _store_of(session):
    """handle -> array, of a session."""
    return session._resources.setdefault("session tensors", {})


def _text(handle):
    return handle.decode() if isinstance(handle, bytes) else str(handle)


def _keep(call, value):
    numbers = call.resource_state.setdefault("numbers of session tensors", itertools.count())
    text = _Text(f"{call.op_name};{next(numbers)};{_DEVICE}".encode())
    text.session = call.session
    _store_of(call.session)[_text(text)] = np.array(value)
    found = np.empty((), object)
    found[()] = text
    return found


def _value_in(session, handle):
    """The array of a handle.

    Raises:
      InvalidArgumentError: the session has none.
    """
    store = _store_of(session)
    if handle not in store:
        raise errors.InvalidArgumentError(None, None, f"The tensor with handle '{handle}' is not in the session store.")
    return store[handle]


def _get(call, handle):
    value = _value_in(call.session, _text(handle[()]))
    wanted = call.attr("dtype")
    found = dtypes.string if value.dtype == object else dtypes.as_dtype(value.dtype)
    if found is not wanted:
        raise errors.InternalError(
            None,
            None,
            f"Output 0 of type {message_name(found)} does not match declared output type {message_name(wanted)}",
        )
    return value.copy()


def _delete(call, handle):
    if _store_of(call.session).pop(_text(handle[()]), None) is None:
        raise errors.InvalidArgumentError(
            None, None, f"Failed to delete a tensor with handle '{_text(handle[()])}' in the session store."
        )
    return ()


register(
    OpDef("GetSessionHandle", "value: T", "handle: string", shape=scalar, host=_keep, stateful=True, gradient=no_gradient),
    OpDef("GetSessionTensor", "handle: string", "value: dtype", attrs={"dtype": None}, shape=unknown, host=_get,
          stateful=True, gradient=no_gradient),
    OpDef("DeleteSessionTensor", "handle: string", "", shape=nothing, host=_delete, stateful=True, gradient=no_gradient),
)  # fmt: skip


class TensorHandle:
    """A tensor that a session keeps, as `run` gives it for a tensor of `get_session_handle`; it goes with this object.

    It may be fed in the place of the value. `str` and `handle` are its text.
    """

    def __init__(self, handle, dtype, session):
        self._handle = _text(handle)
        self._dtype = dtype
        self._session = session
        self._auto_gc_enabled = True

    def __del__(self):
        if self._auto_gc_enabled:
            _store_of(self._session).pop(self._handle, None)

    def __str__(self):
        return self._handle

    @property
    def handle(self):
        return self._handle

    def _check_there(self):
        if not self._auto_gc_enabled:
            raise TypeError(f"Persistent tensor {self._handle} may have already been deleted.")

    def eval(self):
        """The tensor's value.

        Raises:
          TypeError: it was deleted, or the raw handle was taken.
          InvalidArgumentError: the session has it no more.
        """
        self._check_there()
        return self._array()[()].copy() if self._array().ndim else self._array()[()]

    def delete(self):
        """Deletes the tensor now."""
        self._check_there()
        self._auto_gc_enabled = False
        _store_of(self._session).pop(self._handle, None)

    def get_raw_handle(self):
        """The text of the handle; the tensor stays from now on until `delete_session_tensor` deletes it."""
        self._auto_gc_enabled = False
        return self._handle

    def _array(self):
        if self._session._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        return _value_in(self._session, self._handle)

    def _array_for(self, tensor):
        """The array, to be fed to a tensor.

        Raises:
          InvalidArgumentError: the tensor has another type.
        """
        if self._dtype.base_dtype is not tensor.dtype.base_dtype:
            raise errors.InvalidArgumentError(
                None, None, f"Expects arg[0] to be {message_name(tensor.dtype.base_dtype)} but {message_name(self._dtype.base_dtype)} is "
                f"provided at feed '{tensor.name}'",
            )  # fmt: skip
        return self._array()


def fetched_handle(text, tensor):
    """What a fetch of a handle gives."""
    return TensorHandle(text, tensor.op.inputs[0].dtype, text.session)


def get_session_handle(data, name=None):
    """A text that stands for a tensor, which the session keeps when this is run; fetched, it is a `TensorHandle`.

    Raises:
      TypeError: `data` is no tensor.
    """
    if not isinstance(data, Tensor):
        raise TypeError("`data` must be of type Tensor.")
    with colocate_with(data):
        return apply_op("GetSessionHandle", [data], None, name)


def _device_of(handle):
    return device(canonical_name(_text(handle).split(";")[-1]))


def get_session_tensor(handle, dtype, name=None):
    """A tensor that a session keeps.

    Args:
      handle: the text of the handle.
      dtype: the tensor's type.
      name: the node's name.

    Returns:
      A placeholder, to be fed with the handle's text, and the tensor.
    """
    with _device_of(handle):
        holder = placeholder(dtypes.string)
        return holder, apply_op("GetSessionTensor", [holder], {"dtype": dtypes.as_dtype(dtype)}, name)


def delete_session_tensor(handle, name=None):
    """Deletes a tensor that a session keeps.

    Args:
      handle: the text of the handle.
      name: the node's name.

    Returns:
      A placeholder, to be fed with the handle's text, and the operation.
    """
    with _device_of(handle):
        holder = placeholder(dtypes.string)
        return holder, apply_op("DeleteSessionTensor", [holder], None, name)
