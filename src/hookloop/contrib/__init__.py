"""`tf.contrib`: of TensorFlow's collection, what belongs to training sessions and to graphs."""

from importlib import import_module

__all__ = ["training", "util"]


def __getattr__(name):
    if name in __all__:
        return import_module("." + name, __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return list(__all__)
