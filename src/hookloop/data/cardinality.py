"""How many elements a dataset has, as far as that is known without going through it."""

from __future__ import annotations

from . import grouping, pipeline

INFINITE, UNKNOWN = -1, -2


def cardinality_of(state):
    """The number of elements of a `DatasetState`, INFINITE or UNKNOWN."""
    rule = _RULES.get(state.start)
    return UNKNOWN if rule is None else rule([cardinality_of(source) for source in state.sources], *state.parameters)


def _of_source(sources, *_):
    return sources[0]


def _at_most(number, limit):
    """The first `limit` of so many elements."""
    return limit if number == INFINITE else number if number == UNKNOWN else min(number, limit)


def _sum(sources):
    return INFINITE if INFINITE in sources else UNKNOWN if UNKNOWN in sources else sum(sources)


def _least(sources):
    finite = [number for number in sources if number != INFINITE]
    return INFINITE if not finite else UNKNOWN if UNKNOWN in finite else min(finite)


def _times(sources, times):
    number = sources[0]
    if times < 0:
        return INFINITE if number else 0
    return 0 if times == 0 else number if number < 0 else number * times


def _taken(sources, number):
    return sources[0] if number < 0 else _at_most(sources[0], number)


def _skipped(sources, number):
    return 0 if number < 0 else sources[0] if sources[0] < 0 else max(0, sources[0] - number)


def _shard(sources, shards, index):
    number = sources[0]
    return number if number < 0 else number // shards + (index < number % shards)


def _batches(sources, size, drop_remainder, *_):
    number = sources[0]
    return number if number < 0 else number // size if drop_remainder else -(-number // size)


def _windows(sources, size, shift, stride, drop_remainder):
    number = sources[0]
    if number < 0:
        return number
    rest = number - (size - 1) * stride - 1
    return -(-number // shift) if not drop_remainder else 0 if rest < 0 else rest // shift + 1


_RULES = {
    pipeline.count: lambda sources, start, stop, step: len(range(start, stop, step)),
    pipeline.once: lambda sources, components: 1,
    pipeline.cut: lambda sources, components: len(components[0]),
    pipeline.listed: lambda sources, elements: len(elements),
    pipeline.draw: lambda sources, *_: INFINITE,
    pipeline.apply: _of_source,
    pipeline.shuffle: _of_source,
    pipeline.prefetch: _of_source,
    pipeline.cache: _of_source,
    grouping.accumulate: _of_source,
    pipeline.shuffle_and_repeat: lambda sources, size, seeds, times: _times(sources, times),
    pipeline.repeat: _times,
    pipeline.take: _taken,
    pipeline.skip: _skipped,
    pipeline.divide_among: _shard,
    pipeline.group: _batches,
    pipeline.slide: _windows,
    pipeline.overlook: _of_source,
    pipeline.chain: _sum,
    pipeline.join_elements: _least,
}
