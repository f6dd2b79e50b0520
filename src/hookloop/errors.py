"""The exceptions that running a graph raises: one class for each of TensorFlow's error codes."""

from __future__ import annotations

import warnings

__all__ = [
    "AbortedError", "AlreadyExistsError", "CancelledError", "DataLossError", "DeadlineExceededError",
    "FailedPreconditionError", "InternalError", "InvalidArgumentError", "NotFoundError", "OpError",
    "OutOfRangeError", "PermissionDeniedError", "ResourceExhaustedError", "UnauthenticatedError",
    "UnavailableError", "UnimplementedError", "UnknownError", "error_code_from_exception_type",
    "exception_type_from_error_code", "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "UNAUTHENTICATED",
    "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL",
    "UNAVAILABLE", "DATA_LOSS",
]  # fmt: skip

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16


class OperatorNotAllowedInGraphError(TypeError):
    """A tensor was taken for a value where a graph is built: for a truth value, or for something to iterate over."""


class InaccessibleTensorError(ValueError):
    """What is asked for belongs to a function, a loop or a branch, outside of which nobody has it."""


class OpError(Exception):
    """What went wrong in a step, and in which op.

    Args:
      node_def: the NodeDef of the op that failed, or None.
      op: the `Operation` that failed, or None.
      message: what was expected, what came, and where.
      error_code: one of the codes of this module.
    """

    def __init__(self, node_def, op, message, error_code=UNKNOWN):
        super().__init__(node_def, op, message)
        self._node_def = node_def
        self._op = op
        self._message = message
        self._error_code = error_code

    @property
    def message(self):
        """What was wrong, in words."""
        return self._message

    @property
    def op(self):
        """The operation that failed, or None."""
        return self._op

    @property
    def node_def(self):
        """The node of the operation that failed, or None."""
        if self._node_def is None and self._op is not None:
            return self._op.node_def
        return self._node_def

    @property
    def error_code(self):
        """The error's number, one of this module's."""
        return self._error_code

    def __str__(self):
        return str(self._message)

    def __reduce__(self):
        # An Operation is not picklable; what another process can use is the text.
        return type(self), (None, None, self._message, *self._code_argument())

    def _code_argument(self):
        return (self._error_code,)


class _CodedError(OpError):
    """An OpError whose class tells its code."""

    CODE = UNKNOWN

    def __init__(self, node_def, op, message):
        super().__init__(node_def, op, message, self.CODE)

    def _code_argument(self):
        return ()


class CancelledError(_CodedError):
    """The step was cancelled, for example because its session was closed."""

    CODE = CANCELLED


class UnknownError(OpError):
    """A failure of which no more is known, for example inside a Python function."""

    def __init__(self, node_def, op, message, error_code=UNKNOWN):
        super().__init__(node_def, op, message, error_code)


class InvalidArgumentError(_CodedError):
    """An op got a value that it cannot take."""

    CODE = INVALID_ARGUMENT


class DeadlineExceededError(_CodedError):
    """The step took longer than its time-out."""

    CODE = DEADLINE_EXCEEDED


class NotFoundError(_CodedError):
    """A file, or a name in a checkpoint, was not found."""

    CODE = NOT_FOUND


class AlreadyExistsError(_CodedError):
    """What was to be created exists."""

    CODE = ALREADY_EXISTS


class PermissionDeniedError(_CodedError):
    """The caller may not do this, for example write this file."""

    CODE = PERMISSION_DENIED


class UnauthenticatedError(_CodedError):
    """The caller is not known."""

    CODE = UNAUTHENTICATED


class ResourceExhaustedError(_CodedError):
    """Memory, or something else of which there is a fixed amount, ran out."""

    CODE = RESOURCE_EXHAUSTED


class FailedPreconditionError(_CodedError):
    """The session is not in the state that the op needs: a variable is not initialized, for example."""

    CODE = FAILED_PRECONDITION


class AbortedError(_CodedError):
    """The step was given up and may be tried again."""

    CODE = ABORTED


class OutOfRangeError(_CodedError):
    """An iterator or a queue is at its end."""

    CODE = OUT_OF_RANGE


class UnimplementedError(_CodedError):
    """There is no kernel for this op and dtype."""

    CODE = UNIMPLEMENTED


class InternalError(_CodedError):
    """An invariant of hookloop is broken."""

    CODE = INTERNAL


class UnavailableError(_CodedError):
    """A service is not available now."""

    CODE = UNAVAILABLE


class DataLossError(_CodedError):
    """Data was lost or is corrupt, for example in a checkpoint."""

    CODE = DATA_LOSS


_CLASSES = {
    cls.CODE: cls
    for cls in (
        CancelledError, InvalidArgumentError, DeadlineExceededError, NotFoundError, AlreadyExistsError,
        PermissionDeniedError, UnauthenticatedError, ResourceExhaustedError, FailedPreconditionError,
        AbortedError, OutOfRangeError, UnimplementedError, InternalError, UnavailableError, DataLossError,
    )
}  # fmt: skip
_CLASSES[UNKNOWN] = UnknownError
_CODES = {cls: code for code, cls in _CLASSES.items()}


def _make_specific_exception(node_def, op, message, error_code):
    """An error of the class of a code; an `UnknownError` with it, and a warning, where it is none."""
    cls = _CLASSES.get(error_code)
    if cls is None:
        warnings.warn(f"Unknown error code: {error_code}", stacklevel=2)
        return UnknownError(node_def, op, message, error_code)
    return cls(node_def, op, message)


def exception_type_from_error_code(error_code):
    """The exception class of an error code."""
    return _CLASSES[error_code]


def error_code_from_exception_type(cls):
    """The error code of an exception class."""
    return _CODES[cls]


def __dir__():
    return sorted(__all__)
