"""How sessions fetch and feed values of types that a program brings along."""

from __future__ import annotations

__all__ = ["register_session_run_conversion_functions"]


class _Conversion:
    """How values of a program's own type are fetched and fed."""

    def __init__(self, kind, fetch, feed, expand):
        self.kind, self.fetch, self.feed, self.expand = kind, fetch, feed, expand


_conversions = []


def conversion_of(value):
    """How a value of a program's own type is fetched and fed, or None where it is of no such type."""
    for conversion in _conversions:
        if isinstance(value, conversion.kind):
            return conversion
    return None


def register_session_run_conversion_functions(
    tensor_type, fetch_function, feed_function=None, feed_function_for_partial_run=None
):
    """Lets sessions fetch and feed values of a type.

    Args:
      tensor_type: the type.
      fetch_function: function(value) -> (its tensors, a function that makes of their values what is fetched).
      feed_function: function(value, fed) -> pairs of a tensor and what it is fed with.
      feed_function_for_partial_run: function(value) -> the tensors that are fed.

    Raises:
      ValueError: there are functions for the type, or for one that derives from it.
    """
    if tensor_type is object or any(issubclass(conversion.kind, tensor_type) for conversion in _conversions):
        raise ValueError(f"{tensor_type} has already been registered so ignore it.")
    _conversions.insert(0, _Conversion(tensor_type, fetch_function, feed_function, feed_function_for_partial_run))
