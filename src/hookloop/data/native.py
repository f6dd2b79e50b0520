"""Datasets that C goes through: chains over arrays, recognised by what they are made of.

`from_tensor_slices(...)`, `from_tensors` or `range` (or several zipped), then any of shuffle, repeat, take, skip, shard and
prefetch, at most one batch, and behind it repeat, take, skip, shard and prefetch. The elements, their order and their end are
those that the same dataset has in Python (`pipeline.py`).
"""

from __future__ import annotations

import sys

import numpy as np

from .. import dtypes
from . import pipeline

# hl_stage_kind in csrc/indices.h.
ROWS, SHUFFLE, REPEAT, TAKE, SKIP, SHARD, BATCH = range(7)

_AHEAD_BY_DEFAULT = 2  # of prefetch(AUTOTUNE)


class Chain:
    """A dataset as C takes it.

    Attributes:
      components: for each (hl_dtype, array), the rows along the first axis; or (start, step) of numbers.
      stages: tuples (kind, number, second, reseeds, key, stream).
      ahead: how many batches may be prepared before they are wanted.
    """

    def __init__(self, components, rows):
        self.components = components
        self.stages = [(ROWS, rows, 0, 0, 0, 0)]
        self.ahead = 0

    def add(self, kind, number=0, second=0, reseeds=0, seeds=(0, 0)):
        self.stages.append((kind, number, second, reseeds, *seeds))
        return self

    @property
    def batched(self):
        return any(stage[0] == BATCH for stage in self.stages)


def chain_of(state):
    """The `Chain` of a `DatasetState`, or None where Python has to go through it."""
    stage = _STAGES.get(state.start)
    if stage is not None:
        chain = chain_of(state.sources[0])
        return None if chain is None else stage(chain, *state.parameters)
    source = _SOURCES.get(state.start)
    return source(state) if source is not None else None


# --- sources --------------------------------------------------------------------------------------------


def _array(array):
    """An array as a component, or None where C has no such type."""
    if not isinstance(array, np.ndarray) or array.dtype == object or not array.dtype.isnative:
        return None
    try:
        number = dtypes.as_dtype(array.dtype).as_datatype_enum
    except TypeError:
        return None
    return number, np.ascontiguousarray(array)


def _cut(state):
    components = [_array(component) for component in state.parameters[0]]
    return None if None in components else Chain(components, len(components[0][1]))


def _once(state):
    components = [_array(np.asarray(component)[np.newaxis]) for component in state.parameters[0]]
    return None if None in components or not components else Chain(components, 1)


def _count(state):
    start, stop, step = state.parameters
    numbers = range(start, stop, step)
    if numbers and (numbers[-1] - numbers[0]) // step >= sys.maxsize:  # more than C can count
        return None
    return Chain([(start, step)], len(numbers))


def _zip(state):
    """Sources that are zipped are one source with the components of all."""
    chains = [chain_of(source) for source in state.sources]
    if None in chains or any(len(chain.stages) > 1 for chain in chains):
        return None
    rows = min(chain.stages[0][1] for chain in chains)
    return Chain([component for chain in chains for component in chain.components], rows)


_SOURCES = {
    pipeline.cut: _cut,
    pipeline.once: _once,
    pipeline.count: _count,
    pipeline.join_elements: _zip,
}

# --- stages ---------------------------------------------------------------------------------------------


def _shuffle(chain, size, seeds, reshuffle):
    return None if chain.batched else chain.add(SHUFFLE, size, 1, int(reshuffle), seeds)


def _shuffle_and_repeat(chain, size, seeds, times):
    return None if chain.batched else chain.add(SHUFFLE, size, times, 0, seeds)


def _group(chain, size, drop_remainder, join, _):
    return None if chain.batched or join is not pipeline.stacked else chain.add(BATCH, size, int(drop_remainder))


def _prefetch(chain, number):
    chain.ahead = max(chain.ahead, _AHEAD_BY_DEFAULT if number < 0 else number)
    return chain


_STAGES = {
    pipeline.shuffle: _shuffle,
    pipeline.shuffle_and_repeat: _shuffle_and_repeat,
    pipeline.repeat: lambda chain, times: chain.add(REPEAT, times),
    pipeline.take: lambda chain, number: chain.add(TAKE, number),
    pipeline.skip: lambda chain, number: chain.add(SKIP, number) if number >= 0 else chain.add(TAKE, 0),
    pipeline.divide_among: lambda chain, shards, index: chain.add(SHARD, shards, index),
    pipeline.group: _group,
    pipeline.prefetch: _prefetch,
}
