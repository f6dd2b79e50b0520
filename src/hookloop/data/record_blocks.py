"""Functions that read records over a dataset, by the block; see `record_functions.py`.

Where a block's records cannot be read together (one is bad, or they differ in size) the function is called for one after the
other, so that elements and errors are as they are then.
"""

from __future__ import annotations

import itertools

import numpy as np

from .block_parts import Blocks, cut_of
from .function import step
from .resuming import Called, ends_step

_MOST_TOGETHER = 1024  # records in a block: while they are read nothing else is looked at
_LONGEST_PAUSE = 64  # blocks that go one by one, where those before could not be read together


class ReadRecords(Blocks):
    """A function that reads records over a dataset: as `pipeline.apply`, and by the block."""

    __slots__ = (
        "_at", "_called", "_calls", "_elements", "_errors", "_function", "_pause", "_paused", "_ready", "_taken",
    )  # fmt: skip

    def __init__(self, place, sources, function):
        self._elements = place.open(sources[0])
        self._function, self._called = function, Called(function)
        self._calls = function.for_records()
        self._ready, self._at = [], 0  # blocks, and how many elements of the first are gone
        self._taken = []  # of the source, for which the function has not been called
        self._errors = {}  # what comes when they are at their end: the source's; or at the blocks' end: the function's
        self._pause, self._paused = 0, 0  # blocks that are to go one by one, and the next such number

    def __next__(self):
        if self._ready or self._taken or self._errors:
            return super().__next__()
        return self._called.next(self._elements)

    def block(self, n):
        if not self._ready:
            self._call(min(n, _MOST_TOGETHER))
            if not self._ready:
                return None
        block, at = self._ready[0], self._at
        end, last = min(at + n, len(block[0])), len(block[0])
        found = cut_of(block, at, end)  # a Ctrl-C is raised behind a call: what is handed out is gone in one statement
        self._ready, self._at = (self._ready, end) if end < last else (self._ready[1:], 0)
        return found

    def _call(self, n):
        """Makes the blocks of the next elements, at most n; none at the end."""
        if self._called.waits:  # for an element that a step which ended has left
            self._ready = _single(self._called.next(self._elements))
            return
        if "function" in self._errors:
            raise self._errors.pop("function")
        if not self._taken and not self._errors:
            self._take(n)
        if not self._taken:
            if "source" in self._errors:
                raise self._errors.pop("source")
            return
        blocks, done, error = self._made()
        ends = error is not None and (ends_step(error) or not isinstance(error, Exception))
        self._ready, self._taken = blocks, self._taken[done + (error is not None and not ends) :]
        if ends or (error is not None and not blocks):
            raise error
        if error is not None:
            self._errors["function"] = error

    def _take(self, n):
        try:
            self._taken.extend(itertools.islice(self._elements, n))
        except Exception as error:
            if ends_step(error) or not self._taken:
                raise
            self._errors["source"] = error

    def _made(self):
        """As `RecordCalls.run`, for what was taken."""
        if self._pause:
            self._pause -= 1
            return self._one_by_one()
        try:
            found = self._calls.run(self._taken, step.deadline_ns)
        except Exception as refusal:
            if ends_step(refusal):
                raise
            self._pause = self._paused
            self._paused = min(2 * self._paused + 1, _LONGEST_PAUSE)
            return self._one_by_one()
        self._paused = 0
        return found

    def _one_by_one(self):
        """As `RecordCalls.run`, by calls of the function."""
        blocks = []
        for element in self._taken:
            try:
                blocks += _single(self._function(element))
            except BaseException as error:
                return blocks, len(blocks), error
        return blocks, len(blocks), None


def _single(element):
    """An element as blocks."""
    return [tuple([value[np.newaxis] for value in element])]
