"""What goes on where it stood when a step was ended before it had its element: by a Ctrl-C, a time limit, a closed session."""

from __future__ import annotations

import itertools

from ..errors import CancelledError, DeadlineExceededError, OpError

ROWS_BETWEEN = 1000  # that a group takes before it looks whether the step is to end


def ends_step(error):
    """Whether an error is of the step, so that the next element would have it too."""
    return isinstance(error, (CancelledError, DeadlineExceededError))


class Called:
    """A function that is called for the next element of an iterator: for the same again where the step ended meanwhile."""

    __slots__ = ("_function", "_waiting", "element")

    def __init__(self, function):
        self._function = function
        self._waiting = False
        self.element = None

    def next(self, elements):
        """What the function gives for `element`, the next of `elements`."""
        element = self.element
        if not self._waiting:
            for element in elements:  # noqa: B007 (a Ctrl-C is raised behind a call, and `next` is one)
                break
            else:
                raise StopIteration
        try:
            found = self._function(element)
        except BaseException as error:
            self.element, self._waiting = element, ends_step(error) or not isinstance(error, Exception)
            raise
        self.element, self._waiting = element, False
        return found


class Begun:
    """Groups of `size` elements: where the step ends meanwhile, the next one goes on with the group.

    Args:
      whole: all elements of a group are taken before the error of the first that fails is raised; else it ends the group.
      check: called now and then.
    """

    __slots__ = ("_check", "_elements", "_failed", "_failures", "_rows", "_size", "_whole")

    def __init__(self, elements, size, whole, check):
        self._elements, self._size, self._whole, self._check = elements, size, whole, check
        self._begin()

    def _begin(self):
        self._rows, self._failures, self._failed = [], 0, None

    def group(self):
        """The next elements, fewer at the end."""
        rows = self._rows
        while len(rows) + self._failures < self._size:
            held = len(rows)
            wanted = min(self._size - held - self._failures, ROWS_BETWEEN)
            try:
                rows.extend(itertools.islice(self._elements, wanted))
            except OpError as error:
                if ends_step(error):
                    raise
                if not self._whole:
                    self._begin()
                    raise
                self._failures += 1
                self._failed = self._failed or error
                continue
            if len(rows) - held < wanted:
                break
            self._check()
        failed = self._failed
        self._begin()
        if failed is not None:
            raise failed
        return rows
