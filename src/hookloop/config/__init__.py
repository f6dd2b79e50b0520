"""`tf.config`: which devices there are, the CPU alone, and settings that nothing hangs on here."""

from importlib import import_module

_MODULES = ("experimental", "optimizer", "threading")
_soft_placement = False

__all__ = [
    "experimental_list_devices",
    "get_soft_device_placement",
    "set_soft_device_placement",
    "experimental",
    "optimizer",
    "threading",
]


def __getattr__(name):
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)


def experimental_list_devices():
    """The names of the devices."""
    return ["/job:localhost/replica:0/task:0/device:CPU:0"]


def get_soft_device_placement():
    """What `set_soft_device_placement` was given; False before."""
    return _soft_placement


def set_soft_device_placement(enabled):
    """Is remembered: an op runs on the CPU wherever it is placed."""
    global _soft_placement
    _soft_placement = enabled
