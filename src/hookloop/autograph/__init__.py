"""`tf.autograph`: what programs say of functions that are not to be converted; no function is."""

from . import experimental

__all__ = ["experimental"]


def __dir__():
    return list(__all__)
