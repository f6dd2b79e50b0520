"""Open sizes of feeds that are one in a plan: the number of rows of a batch, whose inputs and labels are fed side by side.

With one size for both, shapes are proven to agree that might be broadcast otherwise: so chains are one, and no gradient is summed over an
axis that is none. Which sizes are one is told by the feeds at hand alone, not by what was fed before: a training that goes on in
another session has the same plans, and so the same bits.
"""

from __future__ import annotations

MOST_APART = 5  # open feeds of an axis of which each equality is looked at: there are 52 ways in which these may be


def same_sizes(feeds):
    """Which open axes of feeds have one size: those of one number that are as long as each other; of many, all or none.

    Args:
      feeds: the `Feed`s of a request.

    Returns:
      (same, apart): {(feed, axis): (feed, axis)}, for each axis that has the size of an earlier one which that is; a list of
      (axis, feeds, each): the sizes of which the plan is not made for equal ones, for any two that are equal where `each` is true, else for
      all.
    """
    same, apart = {}, []
    for axis in range(max((len(feed.shape) for feed in feeds), default=0)):
        places = [i for i, feed in enumerate(feeds) if axis < len(feed.shape) and _is_open(feed, axis)]
        first = {}
        for i in places:
            first.setdefault(int(feeds[i].shape[axis]), i)
        each = len(places) <= MOST_APART
        if each or len(first) == 1:
            of = {(i, axis): (first[int(feeds[i].shape[axis])], axis) for i in places}
            same.update({place: other for place, other in of.items() if place != other})
        if len(first) > 1:
            apart.append((axis, list(first.values()) if each else places, each))
    return same, apart


def _is_open(feed, axis):
    static = feed.tensor._shape
    return static is None or not isinstance(static[axis], int)


class FeedSizes:
    """The sizes of feeds in a plan: numbers where the graph or the plan's structure tells them, else one for all that are the same.

    Args:
      request: the `Request`.
      sizes: the plan's `SizeTable`.
    """

    def __init__(self, request, sizes):
        self._request = request
        self._sizes = sizes
        self._open = {}

    def of(self, index, feed):
        """The shape of a feed, of which those before have been asked for."""
        return tuple([self._size(index, feed, axis) for axis in range(len(feed.shape))])

    def _size(self, index, feed, axis):
        of = self._request.same.get((index, axis), (index, axis))
        if not _is_open(feed, axis) or of in self._request.special:
            return int(feed.shape[axis])
        if of not in self._open:
            self._open[of] = self._sizes.fresh(0, origin=("feed", *of))
        return self._open[of]
