"""The plans that a session keeps: for each request those of its variants, within limits."""

from __future__ import annotations

import weakref

MOST_VARIANTS = 64
MOST_BYTES = 1 << 30
# Measured: what a plan takes besides its instructions, and what each of these takes with its tables.
_BYTES_OF_A_PLAN = 12000
_BYTES_OF_AN_INSTRUCTION = 1400


class PlanTable:
    """Request -> its plans, the one that was taken last first. The requests that were not looked for longest go first."""

    def __init__(self):
        self._requests = {}  # the one that was looked for last at the end
        self._bytes = 0
        self._given_up = weakref.WeakSet()  # plans that are not kept any more, and that a callable may have still

    def __len__(self):
        return len(self._requests)

    def __iter__(self):
        return iter(self._requests.values())

    def plans(self, request):
        """The pairs (entry, the values that it was made for) of a request."""
        found = self._requests.pop(request, ())
        if found:
            self._requests[request] = found
        return found

    def keep(self, request, pair):
        """Puts a plan before the others of its request, so that the next run tries it first; the last one goes where they are many."""
        before = self.plans(request)
        after = [pair, *(other for other in before if other[0] is not pair[0])]
        self._give_up(after[MOST_VARIANTS:])
        del after[MOST_VARIANTS:]
        self._requests[request] = after
        self._bytes += sum(map(_bytes_of, after)) - sum(map(_bytes_of, before))
        while self._bytes > MOST_BYTES and len(self._requests) > 1:
            plans = self._requests.pop(next(iter(self._requests)))
            self._bytes -= sum(map(_bytes_of, plans))
            self._give_up(plans)

    def _give_up(self, plans):
        self._given_up.update(entry for entry, _ in plans)

    def clear(self):
        """Drops all plans."""
        self._requests.clear()
        self._bytes = 0

    def abandon(self):
        """Drops all plans, and has none of them used again by a run that is under way or a callable."""
        for plans in self._requests.values():
            self._give_up(plans)
        for entry in self._given_up:
            entry.stale = True
        self.clear()


def _bytes_of(pair):
    return _BYTES_OF_A_PLAN + _BYTES_OF_AN_INSTRUCTION * len(pair[0].plan.tables["kernels"])
