"""Blocks in another order or number: shuffled, repeated, cut short, one dataset after the other or beside it; see `blocks.py`."""

from __future__ import annotations

import itertools

import numpy as np

from .._core import ShuffleBuffer
from .block_parts import MOST_ROWS, Blocks, cut_of, one_of, rest_of
from .pipeline import RandomWords
from .resuming import ends_step

_FILLING = 256  # rows of a block that fills a shuffle's buffer


class Shuffled(Blocks):
    """As `pipeline._shuffled_rounds`, the buffer's rows in arrays; in a list where their shapes differ."""

    __slots__ = (
        "_at", "_buffer", "_check", "_elements", "_empty", "_error", "_kept", "_number", "_over", "_ready", "_rows", "_start", "_times",
    )  # fmt: skip

    def __init__(self, place, source, size, words, times):
        self._start = lambda: place.open(source)
        self._check = place.check
        self._ready = None  # drawn, and not handed out when a step ended
        self._buffer = ShuffleBuffer(size, words.key, words.stream)
        self._times = times
        self._elements = None
        self._rows, self._at = (), 0
        self._number, self._empty, self._over = 0, True, False
        self._kept = None  # elements by place, where their shapes differ
        self._error = None

    def block(self, n):
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self._ready is not None:
            block, self._ready = cut_of(self._ready, 0, min(n, len(self._ready[0]))), rest_of(self._ready, n)
            return block
        if self._elements is None:
            self._elements = self._start()
        out, given = None, 0
        try:
            while given < n:
                wanted = self._buffer.size - len(self._buffer) + n - given - 1
                if not self._rows and not self._over and wanted > 0:
                    self._fetch(min(wanted, max(n, _FILLING)))
                if self._rows and self._kept is None and not self._buffer.fits(self._rows):
                    if given:
                        break
                    self._kept = self._buffer.take_apart()
                if self._kept is not None:
                    return self.one_of_many()
                if not self._rows and not len(self._buffer):
                    break
                if out is None:
                    out = self._room(n)
                self._at, given = self._buffer.move(self._rows, self._at, out, given, self._over)
                if self._rows and self._at == len(self._rows[0]):
                    self._rows, self._at = (), 0
        except BaseException as error:
            if not given:
                raise
            if ends_step(error) or not isinstance(error, Exception):
                self._ready = cut_of(out, 0, given)
                raise
            self._error = error
        return cut_of(out, 0, given) if given else None

    def _room(self, n):
        like = self._rows or self._buffer.columns
        most = min(n, MOST_ROWS)
        return tuple([np.empty((most, *array.shape[1:]), array.dtype) for array in like])

    def _fetch(self, n):
        """The next rows from the source, of the next round where this one has ended; notes where there are none any more."""
        self._check()
        while self._number != self._times:
            block = self._elements.block(n)
            if block is not None:
                self._rows, self._at, self._empty = block, 0, False
                return
            if self._times < 0 and self._empty:
                break
            self._number += 1
            self._buffer.end_round()
            self._elements = self._start()
        self._over = True

    def one_of_many(self):
        """One element, where their shapes differ."""
        while len(self._buffer) < self._buffer.size:
            if not self._rows:
                if not self._over:
                    self._fetch(1)
                if self._over:
                    break
            place = self._buffer.put()
            if place == len(self._kept):
                self._kept.append(None)
            self._kept[place] = tuple([array[self._at] for array in self._rows])
            self._at += 1
            if self._at == len(self._rows[0]):
                self._rows, self._at = (), 0
        if not len(self._buffer):
            return None
        element = self._kept[self._buffer.draw()]
        return tuple([np.asarray(value)[np.newaxis] for value in element])


def shuffle(place, sources, size, seeds, reshuffle):
    if reshuffle:
        drawn = place.keep(lambda: RandomWords(*seeds))
        seeds = drawn.next(), drawn.next()
    return Shuffled(place, sources[0], size, RandomWords(*seeds), 1)


def shuffle_and_repeat(place, sources, size, seeds, times):
    return Shuffled(place, sources[0], size, RandomWords(*seeds), times)


class Repeated(Blocks):
    """As `pipeline.repeat`: every end of a finite repetition opens the source again, the last one too."""

    __slots__ = ("_elements", "_empty", "_left", "_place", "_source")

    def __init__(self, place, sources, times):
        self._place, self._source = place, sources[0]
        self._left = times
        self._elements = place.open(self._source) if times > 0 else None
        self._empty = True

    def __next__(self):
        return self._step(one_of)

    def block(self, n):
        try:
            return self._step(lambda elements: elements.block(n))
        except StopIteration:
            return None

    def skip(self, n):
        passed = 0
        while passed < n:
            try:
                passed += self._step(lambda elements, left=n - passed: elements.skip(left) or None)
            except StopIteration:
                break
        return passed

    def _step(self, take):
        while self._left:
            if self._elements is None:
                self._elements, self._empty = self._place.open(self._source), True
            found = take(self._elements)
            if found is not None:
                self._empty = False
                return found
            if self._left > 0:
                self._left -= 1
                self._elements = self._place.open(self._source)
                continue
            self._elements = None
            if self._empty:
                break
        raise StopIteration


class Taken(Blocks):
    __slots__ = ("_elements", "_left")

    def __init__(self, place, sources, number):
        self._elements = place.open(sources[0]) if number else None
        self._left = number

    def __next__(self):
        if self._left == 0:
            raise StopIteration
        element = next(self._elements)
        self._left -= self._left > 0
        return element

    def block(self, n):
        if self._left == 0:
            return None
        block = self._elements.block(n if self._left < 0 else min(n, self._left))
        if block is not None and self._left > 0:
            self._left -= len(block[0])
        return block

    def skip(self, n):
        if self._left == 0:
            return 0
        passed = self._elements.skip(n if self._left < 0 else min(n, self._left))
        self._left -= passed if self._left > 0 else 0
        return passed


class Skipped(Blocks):
    __slots__ = ("_check", "_elements", "_left")

    def __init__(self, place, sources, number):
        self._check = place.check
        self._elements = place.open(sources[0]) if number >= 0 else None
        self._left = number

    def __next__(self):
        self._pass()
        if self._elements is None:
            raise StopIteration
        return next(self._elements)

    def block(self, n):
        self._pass()
        return None if self._elements is None else self._elements.block(n)

    def skip(self, n):
        self._pass()
        return 0 if self._elements is None else self._elements.skip(n)

    def _pass(self):
        while self._left > 0 and self._elements is not None:
            block = self._elements.block(min(self._left, MOST_ROWS))
            if block is None:
                self._elements = None
                return
            self._left -= len(block[0])
            self._check()


class Concatenated(Blocks):
    __slots__ = ("_elements", "_place", "_sources", "_to_come")

    def __init__(self, place, sources):
        self._place = place
        self._elements = place.open(sources[0], 0)
        self._to_come = list(sources[1:])

    def __next__(self):
        found = self._step(one_of)
        if found is None:
            raise StopIteration
        return found

    def block(self, n):
        return self._step(lambda elements: elements.block(n))

    def skip(self, n):
        passed = 0
        while passed < n:
            more = self._step(lambda elements, left=n - passed: elements.skip(left) or None)
            if more is None:
                break
            passed += more
        return passed

    def _step(self, take):
        while True:
            found = take(self._elements)
            if found is not None or not self._to_come:
                return found
            self._elements = self._place.open(self._to_come.pop(0), 1)


class Zipped(Blocks):
    __slots__ = ("_blocks", "_elements")

    def __init__(self, place, sources):
        self._elements = [place.open(source, i) for i, source in enumerate(sources)]
        self._blocks = [None] * len(sources)

    def block(self, n):
        for i, elements in enumerate(self._elements):
            if self._blocks[i] is not None:
                continue
            try:
                self._blocks[i] = elements.block(n)
            except Exception as error:
                if not ends_step(error):  # what belongs to it has no partner
                    self._blocks[:i] = [rest_of(block, 1) for block in self._blocks[:i]]
                raise
            if self._blocks[i] is None:
                return None
            n = min(n, len(self._blocks[i][0]))
        n = min(n, *[len(block[0]) for block in self._blocks])
        found = tuple(itertools.chain.from_iterable([cut_of(block, 0, n) for block in self._blocks]))
        self._blocks = [rest_of(block, n) for block in self._blocks]
        return found
