"""Datasets gone through by the block: several elements in one call, stacked, where each by itself would cost more than its numbers.

A block is a tuple of arrays (contiguous, of numbers) with one first size: as many elements. `block(n)` gives the next ones, at least one
and at most n, None at the end; it takes no element from its source that n calls of `next` would not have taken, but where
nothing tells (`pure`), and an error is raised where its element comes: those before it are handed out first. So what comes, and
in which order, is what `pipeline.py` gives.
"""

from __future__ import annotations

import itertools
import sys

import numpy as np

from .._core import RowOrder
from . import pipeline
from .block_parts import MOST_ROWS, Blocks, block_of, cut_of, joined, rest_of
from .caching import Kept
from .function import step
from .native import SHUFFLE, chain_of
from .ordered_blocks import Concatenated, Repeated, Skipped, Taken, Zipped, shuffle, shuffle_and_repeat
from .pipeline import Row
from .record_blocks import ReadRecords
from .resuming import Begun, Called, ends_step

_MOST_AHEAD, _AHEAD_NS = 64, 50_000  # rows that a function is given before they are wanted, and what they may take


def by_blocks(state, place):
    """An iterator over a dataset that can hand out blocks, or batches made of them; None where Python goes through its elements.

    Args:
      state: a `DatasetState`.
      place: the `Place` where it is opened.
    """
    chain = chain_of(state)
    if chain is not None:
        return _Rows(place, chain)
    if (
        state.start is pipeline.group
        and state.parameters[2] is pipeline.stacked
        and (_gives_blocks(state.sources[0]) or _reads(state.sources[0]))
    ):
        size, drop_remainder, _, whole = state.parameters
        return _Batches(place, state.sources[0], size, drop_remainder, whole)
    if _gives_blocks(state) or _reads(state):
        return _WAYS[state.start](place, state.sources, *state.parameters)
    return None


def _gives_blocks(state):
    """Whether every iterator over a dataset can hand out blocks: told by what it is made of, before anything is opened."""
    rule = _RULES.get(state.start)
    if rule is not None and rule(state):
        return True
    chain = chain_of(state)
    return chain is not None and not chain.batched


def _all_sources(state):
    return all(_gives_blocks(source) for source in state.sources)


def _numbers(state):
    return _all_sources(state) and getattr(state.parameters[0], "numeric", False)


def _numbers_or_records(state):
    return _numbers(state) or getattr(state.parameters[0], "reads_numbers", False)


def _reads(state):
    """Whether elements are read from records: there may be texts among them, which nothing but a batch takes by the block."""
    return state.start is pipeline.apply and getattr(state.parameters[0], "reads", False)


def _sources_of_no_consequence(state):
    """Elements that a zip has taken too many, because another of its datasets ended, must not have changed anything."""
    return _all_sources(state) and all(_is_pure(source) for source in state.sources)


def _is_pure(state):
    functions = [parameter for parameter in state.parameters if callable(parameter)]
    return all(getattr(f, "pure", False) for f in functions) and all(_is_pure(source) for source in state.sources)


def _divided_numbers(state):
    source = state.sources[0]
    return (source.start is pipeline.apply and getattr(source.parameters[0], "numeric", False)) or (
        chain_of(source) is not None
    )


# --- iterators ------------------------------------------------------------------------------------------


class _Rows(Blocks):
    """Rows of arrays in the order of a chain, or batches of them."""

    __slots__ = ("_check", "_components", "_looks_ahead", "_order", "_waiting", "block")

    def __init__(self, place, chain):
        self._check = place.check
        kept = place.keep(dict)  # seeds go on where the same place is opened again
        if "order" in kept:
            kept["order"].start()
        else:
            kept["order"] = RowOrder(chain.stages)
        self._order = kept["order"]
        self._components = [part[1] if isinstance(part[1], np.ndarray) else part for part in chain.components]
        self._looks_ahead = not any(stage[0] == SHUFFLE for stage in chain.stages)  # or seeds would be drawn too early
        self._waiting = []  # indices that were looked up ahead, the next one last
        self.block = None if chain.batched else self._block

    def __next__(self):
        if self.block is None:
            at = self._order.next(self._check)
            if at is None:
                raise StopIteration
            batch = self._gathered(at)
            self._order.kept = None
            return batch
        if not self._waiting:
            at = self._order.next(self._check, _MOST_AHEAD if self._looks_ahead else 1)
            if at is None:
                raise StopIteration
            self._waiting, self._order.kept = at[::-1].tolist(), None
        i = self._waiting[-1]
        element = tuple([_number(c, i) if type(c) is tuple else pipeline.row(c, i) for c in self._components])
        del self._waiting[-1]
        return element

    def skip(self, n):
        known = min(n, len(self._waiting))
        if known:
            del self._waiting[-known:]
        passed = known
        while passed < n:
            passed += self._order.skip(n - passed)
            if passed == n or not self._order.paused:
                break
            self._check()
        return passed

    def _block(self, n):
        if self._waiting:
            at = np.array(self._waiting[-n:][::-1])
            block = self._gathered(at)
            del self._waiting[-n:]
            return block
        else:
            at = self._order.next(self._check, n)
        block = None if at is None else self._gathered(at)
        self._order.kept = None
        return block

    def _gathered(self, at):
        first, last = int(at[0]), int(at[-1])
        if self._order.ascends and last - first == len(at) - 1:
            rows = slice(first, last + 1)
            return tuple([c[rows] if type(c) is not tuple else c[0] + c[1] * at for c in self._components])
        return tuple([c.take(at, 0) if type(c) is not tuple else c[0] + c[1] * at for c in self._components])


def _number(component, i):
    start, step = component
    return np.array(start + step * i, np.int64)


class _Calls:
    """Blocks of a source, and what a function gives for each of their rows.

    Args:
      place, source: where the dataset is opened, and what it takes elements from.
      function: a `BoundFunction`.

    Attributes:
      elements: an iterator over the source.
      called: the function, for one element after the other.
      pure: whether nothing tells that elements are taken before they are wanted.
    """

    __slots__ = ("_at", "called", "_done", "_error", "_rows", "_runner", "_never_fails", "elements", "pure")

    def __init__(self, place, source, function):
        self.pure = function.pure and _is_pure(source)
        self._never_fails = function.never_fails
        self.called = Called(function)
        self.elements = place.open(source)
        self._runner = function.for_rows()
        self._rows, self._at = None, 0
        self._error = None
        self._done = None  # what had been made when a step ended

    def next(self, n):
        """(rows, pieces of values) of the next elements, None at the end. The rows are those that the pieces are for.

        Args:
          n: how many are wanted; there may be more where nothing tells.
        """
        if self.pure:
            n = max(n, int(min(_MOST_AHEAD, _AHEAD_NS / max(self._runner.cost_ns, 1))))
        if self._done is not None:
            found, self._done = self._done, None
            return found
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self._rows is None:
            rows, at = self.elements.block(n), 0
            if rows is None:
                return None
        else:
            rows, at = self._rows, self._at
        self._rows, self._at = rows, at
        pieces, done, error = self._runner.run(list(rows), at, min(n, len(rows[0]) - at), step.deadline_ns)
        ends = error is not None and (ends_step(error) or not isinstance(error, Exception))
        found, n_rows = (cut_of(rows, at, at + done), pieces), len(rows[0])
        after = at + done + (error is not None and not ends)
        self._rows, self._at = (rows, after) if after < n_rows else (None, 0)
        if ends:
            self._done = found if pieces else None
            raise error
        if error is not None and not pieces:
            raise error
        self._error = error
        return found

    @property
    def waits(self):
        """Whether something is left of a block."""
        return self._rows is not None or self._error is not None or self._done is not None

    @property
    def varies(self):
        return self._runner.varies

    def skip(self, n):
        """Goes past n elements of the source; None where the function has to be called for them."""
        return None if self.waits or not (self.pure and self._never_fails) else self.elements.skip(n)

    def one(self):
        """The next element and what the function gives for it."""
        value = self.called.next(self.elements)
        return self.called.element, value


class _Mapped(Blocks):
    __slots__ = ("_at", "_called", "_calls", "_elements", "_one_by_one", "_ready")

    def __init__(self, place, sources, function):
        self._calls = _Calls(place, sources[0], function)
        self._called, self._elements = self._calls.called, self._calls.elements
        self._ready, self._at = [], 0  # blocks, and how many elements of the first are gone
        self._one_by_one = False  # for good: shapes differ, and nothing is left of a block

    def __next__(self):
        if self._ready:
            block, at = self._ready[0], self._at
            element, last = tuple([array[at, ...] for array in block]), len(block[0])
            self._ready, self._at = (self._ready, at + 1) if at + 1 < last else (self._ready[1:], 0)
            return element
        if self._one_by_one:
            return self._called.next(self._elements)
        if self._calls.varies or not self._calls.pure:
            if not self._ready and not self._calls.waits:
                self._one_by_one = self._calls.varies
                return self._calls.one()[1]
        return super().__next__()

    def skip(self, n):
        passed = None if self._ready else self._calls.skip(n)
        return super().skip(n) if passed is None else passed

    def block(self, n):
        if not self._ready:
            if self._calls.varies and not self._calls.waits:
                try:
                    return tuple([value[np.newaxis] for value in self._calls.one()[1]])
                except StopIteration:
                    return None
            found = self._calls.next(n)
            if found is None:
                return None
            self._ready = found[1]
        block, at = self._ready[0], self._at
        last = len(block[0])
        end = min(at + n, last)
        found = cut_of(block, at, end)  # a Ctrl-C is raised behind a call: what is handed out is gone in one statement
        self._ready, self._at = (self._ready, end) if end < last else (self._ready[1:], 0)
        return found


class _Filtered(Blocks):
    __slots__ = ("_calls", "_check", "_found", "_ready")

    def __init__(self, place, sources, predicate):
        self._check = place.check
        self._calls = _Calls(place, sources[0], predicate)
        self._found = None  # rows that the predicate has been called for, and what it gave
        self._ready = None

    def __next__(self):
        while not (self._calls.pure or self._calls.waits):
            element, (chosen,) = self._calls.one()
            if chosen:
                return element
            self._check()
        return super().__next__()

    def block(self, n):
        while self._ready is None:
            if self._found is None:
                self._found = self._calls.next(n)
                if self._found is None:
                    return None
            rows, pieces = self._found
            chosen = pieces[0][0] if len(pieces) == 1 else np.concatenate([piece[0] for piece in pieces])
            number = np.count_nonzero(chosen)
            ready = None
            if number:
                ready = rows if number == len(chosen) else tuple([array[chosen] for array in rows])
            self._ready, self._found = ready, None
            if not number:
                self._check()
        block, self._ready = cut_of(self._ready, 0, min(n, len(self._ready[0]))), rest_of(self._ready, n)
        return block


def _number_of_rows(blocks):
    return sum([len(block[0]) for block in blocks])


class _Batches:
    """Batches that are made of blocks; `whole` as in `pipeline.batched`."""

    __slots__ = ("_begun", "_drop_remainder", "_elements", "_size")

    block = None

    def __init__(self, place, source, size, drop_remainder, whole):
        self._elements = place.open(source)
        self._begun = Begun(self._take, _number_of_rows, size, whole, place.check)
        self._size = size
        self._drop_remainder = drop_remainder

    def _take(self, blocks, n):
        block = self._elements.block(min(n, MOST_ROWS))
        if block is not None:
            blocks.append(block)
        return block is not None

    def _finish(self, blocks):
        if not blocks or (self._drop_remainder and _number_of_rows(blocks) < self._size):
            raise StopIteration
        return joined(blocks)

    def __iter__(self):
        return self

    def __next__(self):
        return self._begun.next(self._finish)

    def skip(self, n):
        passed = self._elements.skip(min(n * self._size, sys.maxsize))
        return passed // self._size + (passed % self._size > 0 and not self._drop_remainder)


# --- datasets of datasets -------------------------------------------------------------------------------


class _Interleaved(Blocks):
    """As `pipeline.alternate`."""

    __slots__ = ("_at", "_block_length", "_called", "_elements", "_ended", "_opened", "_place", "_slots", "_taken")

    def __init__(self, place, sources, function, cycle, block):
        self._place = place
        self._elements = place.open(sources[0])
        self._called = Called(function)
        self._slots = [None] * cycle
        self._block_length = block if cycle > 1 else None  # one dataset after the other: all of each
        self._at = self._taken = self._opened = 0
        self._ended = False

    def __next__(self):
        found = self._step(1, lambda elements, _: next(elements, None), lambda element: 1)
        if found is None:
            raise StopIteration
        return found

    def block(self, n):
        return self._step(n, block_of, lambda block: len(block[0]))

    def _step(self, n, take, count):
        while not self._ended or any(slot is not None for slot in self._slots):
            if self._slots[self._at] is None:
                if self._ended:
                    self._advance()
                    continue
                self._place.check()
                try:
                    (dataset,) = self._called.next(self._elements)
                except StopIteration:
                    self._ended = True
                    continue
                self._opened += 1
                self._slots[self._at] = iter(self._place.open(dataset, self._opened))
            most = n if self._block_length is None else min(n, self._block_length - self._taken)
            found = take(self._slots[self._at], most)
            if found is None:
                self._slots[self._at] = None
                self._advance()
                continue
            self._taken += count(found)
            if self._taken == self._block_length:
                self._advance()
            return found
        return None

    def _advance(self):
        self._at, self._taken = (self._at + 1) % len(self._slots), 0


class _Divided(Blocks):
    """As `pipeline.divide`."""

    __slots__ = ("_elements", "_rows")

    def __init__(self, place, sources):
        self._elements = place.open(sources[0])
        self._rows = None

    def block(self, n):
        while self._rows is None:
            try:
                components = tuple(next(self._elements))
            except StopIteration:
                return None
            pipeline.slices(components)  # refuses those of different sizes
            if len(components[0]):
                self._rows = components
        block, self._rows = cut_of(self._rows, 0, min(n, len(self._rows[0]))), rest_of(self._rows, n)
        return block


class _Cached(Blocks):
    """As `pipeline.cache`, what is remembered in arrays where all elements have one shape."""

    __slots__ = ("_at", "_columns", "_elements", "_filename", "_kept", "_seen")

    def __init__(self, place, sources, filename):
        self._kept = place.keep(Kept)
        self._kept.read(filename)
        if self._kept.complete and not isinstance(self._kept.elements, _Remembered):  # those of a file
            self._kept.elements = _Remembered([block_of(iter([element]), 1) for element in self._kept.elements])
        self._filename = filename
        self._at = 0
        self._seen = None if self._kept.complete else []
        self._elements = None if self._kept.complete else place.open(sources[0])

    def block(self, n):
        if self._seen is None:
            return self._remembered(n)
        block = self._elements.block(n)
        if block is not None:
            self._seen.append(block)
        elif not self._kept.complete:
            self._kept.keep(_Remembered(self._seen), self._filename)
        return block

    def _remembered(self, n):
        elements = self._kept.elements
        if self._at == len(elements):
            return None
        block = elements.block(self._at, n)
        self._at += len(block[0])
        return block


class _Remembered:
    """Elements that a cache has seen in blocks; a list to who asks for them one by one."""

    def __init__(self, blocks):
        self._blocks = []
        for _, alike in itertools.groupby(blocks, lambda block: [array.shape[1:] for array in block]):
            self._blocks.append(joined(list(alike)))
        self._starts = np.cumsum([0, *[len(block[0]) for block in self._blocks]])

    def __len__(self):
        return int(self._starts[-1])

    def __iter__(self):
        return (Row(block, i) for block in self._blocks for i in range(len(block[0])))

    def __getitem__(self, i):
        return tuple([pipeline.row(array, 0) for array in self.block(i, 1)])

    def block(self, at, n):
        k = int(np.searchsorted(self._starts, at, "right")) - 1
        first = at - int(self._starts[k])
        return cut_of(self._blocks[k], first, min(first + n, len(self._blocks[k][0])))


def _mapped(place, sources, function):
    return (ReadRecords if function.reads else _Mapped)(place, sources, function)


_WAYS = {
    pipeline.apply: _mapped,
    pipeline.choose: _Filtered,
    pipeline.shuffle: shuffle,
    pipeline.shuffle_and_repeat: shuffle_and_repeat,
    pipeline.repeat: Repeated,
    pipeline.take: Taken,
    pipeline.skip: Skipped,
    pipeline.chain: Concatenated,
    pipeline.join_elements: Zipped,
    pipeline.prefetch: lambda place, sources, number: place.open(sources[0]),
    pipeline.alternate: _Interleaved,
    pipeline.divide: _Divided,
    pipeline.cache: _Cached,
}

_RULES = {
    **dict.fromkeys(_WAYS, _all_sources),
    pipeline.apply: _numbers_or_records,
    pipeline.choose: _numbers,
    pipeline.join_elements: _sources_of_no_consequence,
    pipeline.alternate: lambda state: getattr(state.parameters[0], "gives_numbers", False),
    pipeline.divide: _divided_numbers,
}
