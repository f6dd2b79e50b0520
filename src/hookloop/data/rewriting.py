"""Datasets as TensorFlow's rules rewrite them, those of its rules that show."""

from __future__ import annotations

from . import pipeline
from .pipeline import DatasetState

# What changes nothing, by the number that it takes.
_NOTHING_DONE = {pipeline.take: (-1,), pipeline.skip: (0,), pipeline.repeat: (1,), pipeline.prefetch: (0,)}


def rewritten(state, rules):
    """A dataset as TensorFlow's rules rewrite it.

    The order of `shuffle().repeat()` is another; an element of `map().batch()` that fails takes its batch with it.

    Args:
      rules: names of rules.
    """
    start, parameters = state.start, state.parameters
    sources = tuple([rewritten(source, rules) for source in state.sources])
    if "noop_elimination" in rules and start in _NOTHING_DONE and parameters == _NOTHING_DONE[start]:
        return sources[0]
    if "shuffle_and_repeat_fusion" in rules and start is pipeline.repeat and sources[0].start is pipeline.shuffle:
        size, seeds, reshuffle = sources[0].parameters
        if reshuffle:
            return DatasetState(pipeline.shuffle_and_repeat, sources[0].sources, size, seeds, *parameters)
    if "map_and_batch_fusion" in rules and start is pipeline.group and sources[0].start is pipeline.apply:
        size, drop_remainder, join, _ = parameters
        if join is pipeline.stacked:
            parameters = (size, drop_remainder, join, True)
    if start is pipeline.alternate:
        parameters = (_Rewriting(parameters[0], rules), *parameters[1:])
    return DatasetState(start, sources, *parameters)


class _Rewriting:
    """A function whose datasets are rewritten.

    Args:
      function: function(element) -> (dataset,).
      rules: names of rules.
    """

    def __init__(self, function, rules):
        self._function = function
        self._rules = rules
        self.assigned = getattr(function, "assigned", frozenset())
        self.assigned_cells = getattr(function, "assigned_cells", list)
        self.gives_numbers, self.pure = getattr(function, "gives_numbers", False), getattr(function, "pure", False)

    def begun(self, place):
        """As an iterator that starts calls it at a place."""
        return _Rewriting(self._function.begun(place), self._rules) if hasattr(self._function, "begun") else self

    def __call__(self, element):
        return (rewritten(self._function(element)[0], self._rules),)
