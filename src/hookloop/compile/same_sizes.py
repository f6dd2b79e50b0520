"""Open sizes of feeds that a plan takes to be one: the number of rows of a batch, whose inputs and labels are fed side by side.

With one size for both, shapes are proven to agree that might be broadcast otherwise: so chains are one, and no gradient is summed over an
axis that is none. Feeds of other sizes get another plan (plan_table.py), which takes for one what has been so in every plan before.
"""

from __future__ import annotations


def same_sizes(feeds, earlier=()):
    """The open axes of feeds that are as long as the same axis of a feed before them.

    Args:
      feeds: the `Feed`s of a request.
      earlier: what other plans of the request have from this function.

    Returns:
      {(feed, axis): (feed, axis)}, of each such axis the one that stands for it.
    """
    first, found = {}, {}
    for index, feed in enumerate(feeds):
        for axis, size in enumerate(feed.shape):
            if _is_open(feed, axis):
                place = index, axis
                kind = (axis, int(size), *[plan.get(place, place) for plan in earlier])
                of = first.setdefault(kind, place)
                if of != place:
                    found[place] = of
    return found


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
