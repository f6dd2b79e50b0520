"""`tf.autograph.experimental`: the decorator of functions that are not to be converted."""

__all__ = ["do_not_convert"]


def do_not_convert(func=None):
    """A function, or where none is given a decorator of functions: they are what they were, as no function is converted here.

    Args:
      func: a function.
    """
    return do_not_convert if func is None else func


def __dir__():
    return list(__all__)
