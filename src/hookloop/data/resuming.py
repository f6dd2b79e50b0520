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

    @property
    def waits(self):
        """Whether the next call is for an element that has been taken already."""
        return self._waiting

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
      take: function(pieces, n) that appends what the next n elements are to the list, or some of them; False at the end.
      count: function(pieces) -> how many elements they are.
      size: of a group; the last one may have fewer.
      whole: all elements of a group are taken before the error of the first that fails is raised; else it ends the group.
      check: called now and then.
    """

    __slots__ = ("_check", "_count", "_failed", "_failures", "_pieces", "_size", "_take", "_whole")

    def __init__(self, take, count, size, whole, check):
        self._take, self._count, self._size, self._whole, self._check = take, count, size, whole, check
        self._pieces, self._failures, self._failed = [], 0, None

    def next(self, finish):
        """What `finish` makes of the pieces of the next group; an error of it takes the group with it.

        A Ctrl-C is raised behind a call: what is handed out is gone in one statement.
        """
        self._fill()
        try:
            if self._failed is not None:
                raise self._failed
            found = finish(self._pieces)
        except Exception:
            self._pieces, self._failures, self._failed = [], 0, None
            raise
        self._pieces, self._failures, self._failed = [], 0, None
        return found

    def _fill(self):
        while (held := self._count(self._pieces) + self._failures) < self._size:
            try:
                more = self._take(self._pieces, self._size - held)
            except OpError as error:
                if ends_step(error):
                    raise
                if not self._whole:
                    self._pieces, self._failures, self._failed = [], 0, None
                    raise
                self._failures += 1
                self._failed = self._failed or error
                continue
            if not more:
                break
            self._check()


def taking(elements):
    """The `take` of `Begun` for an iterator: one piece an element. Those before one that fails are there."""

    def take(pieces, n):
        held, wanted = len(pieces), min(n, ROWS_BETWEEN)
        pieces.extend(itertools.islice(elements, wanted))
        return len(pieces) - held == wanted

    return take
