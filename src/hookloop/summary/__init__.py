"""`tf.summary`: what a run shows in TensorBoard, and the writers of its files."""

from ..messages import __getattr__ as _message
from .functions import *
from .writer import FileWriter, FileWriterCache

_MESSAGES = ("Event", "SessionLog", "Summary", "SummaryDescription", "TaggedRunMetadata")


def __getattr__(name):
    if name in _MESSAGES:
        return _message(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    from types import ModuleType

    own = (name for name, value in globals().items() if not name.startswith("_") and not isinstance(value, ModuleType))
    return sorted([*_MESSAGES, *own])
