"""`tf.config.optimizer`: settings that are remembered. Graphs are compiled by hookloop's own passes."""

__all__ = ["get_experimental_options", "get_jit", "set_experimental_options", "set_jit"]

_options = {"disable_model_pruning": False, "disable_meta_optimizer": False}
_jit = False


def get_experimental_options():
    """The options that `set_experimental_options` was given, and two that are always there."""
    return dict(_options)


def set_experimental_options(options):
    """Is remembered."""
    _options.update(options)


def get_jit():
    """What `set_jit` was given; False before."""
    return _jit


def set_jit(enabled):
    """Is remembered: every graph is compiled."""
    global _jit
    _jit = enabled


def __dir__():
    return list(__all__)
