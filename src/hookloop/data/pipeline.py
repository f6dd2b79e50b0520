"""What datasets do when they run: a `DatasetState` for each node, whose iterators hand out tuples of arrays.

A `Row` stands for such a tuple where it is a slice of whole arrays: a batch of them is one gathering.

Iterators are closures and not generators: after an error in one element they go on with the next.
"""

from __future__ import annotations

import itertools
import sys
from collections import deque

import numpy as np

from ..errors import DataLossError, InvalidArgumentError, OpError
from ..ops._random_words import RandomWords
from .caching import Kept
from .resuming import ROWS_BETWEEN, Begun, Called, ends_step, taking


class DatasetState:
    """A dataset of one session: what it is made of, and how an iterator over it starts.

    Args:
      start: function(place, sources, *parameters) that makes an iterator over the elements; tells what kind of dataset it is.
      sources: the datasets that it takes elements from.
      parameters: what else `start` gets.
    """

    __slots__ = ("parameters", "sources", "start")

    def __init__(self, start, sources=(), *parameters):
        self.start = start
        self.sources = sources
        self.parameters = parameters

    def iterate(self, place=None):
        """An iterator over the elements.

        Args:
          place: the `Place` where it is opened; by default that of a new iterator.
        """
        place = Place({}) if place is None else place
        found = place.by_blocks(self, place) if place.by_blocks is not None else None
        return self.start(place, self.sources, *self.parameters) if found is None else found


def _nobody_waits():
    pass


class Place:
    """Where in the datasets under one iterator something is opened: what is opened there again goes on with the same seeds.

    Args:
      kept: what outlives an iteration, by path.
      path: the way from the outermost dataset.
      by_blocks: function(state, place) that makes an iterator which can also hand out blocks (`blocks.py`), or gives None;
        None: there are none here.
      check: called where elements are passed over: raises where the step that waits is to end.
    """

    __slots__ = ("_kept", "_path", "by_blocks", "check")

    def __init__(self, kept, path=(), by_blocks=None, check=_nobody_waits):
        self._kept = kept
        self._path = path
        self.by_blocks = by_blocks
        self.check = check

    def open(self, source, key=0):
        """An iterator over a dataset at the place below this one that `key` names."""
        return source.iterate(Place(self._kept, (*self._path, key), self.by_blocks, self.check))

    def keep(self, make):
        """What `make` made when this place was first asked for it."""
        found = self._kept.get(self._path)
        if found is None:
            found = self._kept[self._path] = make()
        return found


class Elements:
    """An iterator of a closure: `step()` gives the next element, or raises StopIteration."""

    __slots__ = ("_step",)

    def __init__(self, step):
        self._step = step

    def __iter__(self):
        return self

    def __next__(self):
        return self._step()


class Row:
    """An element that is slice `index` of each of `components`; it is cut when somebody looks at it."""

    __slots__ = ("components", "index")

    def __init__(self, components, index):
        self.components = components
        self.index = index

    def __len__(self):
        return len(self.components)

    def __iter__(self):
        return iter([row(component, self.index) for component in self.components])

    def __getitem__(self, i):
        return row(self.components[i], self.index)


def row(array, i):
    """One slice along the first axis, an array also where it is a scalar."""
    return array[i, ...]


# --- sources --------------------------------------------------------------------------------------------


def counted(start, stop, step):
    if step == 0:
        raise ValueError("step must be a non-zero integer.")
    return DatasetState(count, (), start, stop, step)


def count(place, sources, start, stop, step):
    return ((np.array(i, np.int64),) for i in range(start, stop, step))


def single(components):
    return DatasetState(once, (), tuple(components))


def once(place, sources, components):
    return iter([components])


def slices(components):
    size = len(components[0])
    for component in components:
        if len(component) != size:
            raise ValueError(f"components of a dataset have different first sizes: {size} and {len(component)}")
    return DatasetState(cut, (), components)


def cut(place, sources, components):
    return (Row(components, i) for i in range(len(components[0])))


def randomness(seeds):
    """Random 32-bit words without end, the same in every iteration."""
    return DatasetState(draw, (), 1, _settled(seeds))


def draw(place, sources, _, seeds):
    words = RandomWords(*seeds)
    return Elements(lambda: (np.array(words.next(), np.int64),))


# --- elements -------------------------------------------------------------------------------------------


def mapped(source, function):
    return DatasetState(apply, (source,), function)


def apply(place, sources, function):
    elements, called = place.open(sources[0]), Called(function)
    return Elements(lambda: called.next(elements))


def filtered(source, predicate):
    return DatasetState(choose, (source,), predicate)


def choose(place, sources, predicate):
    elements, called = place.open(sources[0]), Called(predicate)

    def step():
        while not called.next(elements)[0]:
            place.check()
        return called.element

    return Elements(step)


def taken_while(source, predicate):
    return DatasetState(begin, (source,), predicate)


def begin(place, sources, predicate):
    return itertools.takewhile(lambda element: predicate(element)[0], place.open(sources[0]))


def without_errors(source):
    return DatasetState(overlook, (source,))


def overlook(place, sources):
    elements = place.open(sources[0])

    def step():
        while True:
            try:
                return next(elements)
            except OpError as error:
                if ends_step(error):
                    raise
                place.check()

    return Elements(step)


def interleaved(source, function, cycle, block):
    """`cycle` datasets at a time, `block` elements of each in turn."""
    return DatasetState(alternate, (source,), function, cycle, block)


def alternate(place, sources, function, cycle, block):
    elements, called = place.open(sources[0]), Called(function)
    slots = [None] * cycle
    at = taken = opened = 0
    ended = False

    def advance():
        nonlocal at, taken
        at, taken = (at + 1) % cycle, 0

    def step():
        nonlocal taken, opened, ended
        while not ended or any(slot is not None for slot in slots):
            if slots[at] is None:
                if ended:
                    advance()
                    continue
                place.check()
                try:
                    (dataset,) = called.next(elements)
                except StopIteration:
                    ended = True
                    continue
                opened += 1
                slots[at] = iter(place.open(dataset, opened))
            try:
                result = next(slots[at])
            except StopIteration:
                slots[at] = None
                advance()
                continue
            taken += 1
            if taken == block:
                advance()
            return result
        raise StopIteration

    return Elements(step)


# --- batches --------------------------------------------------------------------------------------------


def batched(source, size, drop_remainder, join, whole=False):
    """Elements in groups.

    Args:
      join: `join(i, column)` makes one array of the components number i.
      whole: an element that fails takes its group with it, as where TensorFlow maps and batches in one; else the next group
        begins behind it.
    """
    return DatasetState(group, (source,), size, drop_remainder, join, whole)


def group(place, sources, size, drop_remainder, join, whole):
    elements = place.open(sources[0])
    begun = Begun(taking(elements), len, size, whole, place.check)

    def finish(rows):
        if not rows or (drop_remainder and len(rows) < size):
            raise StopIteration
        if join is stacked and _same_source(rows):
            at = np.array([element.index for element in rows])
            return tuple([component.take(at, 0) for component in rows[0].components])
        return tuple([join(i, column) for i, column in enumerate(zip(*rows))])

    return Elements(lambda: begun.next(finish))


def _same_source(rows):
    """Whether all elements are slices of the same arrays."""
    if type(rows[0]) is not Row:
        return False
    components = rows[0].components
    return all(type(element) is Row and element.components is components for element in rows)


def stacked(_, column):
    first = column[0]
    for value in column:
        if value.shape != first.shape:
            raise InvalidArgumentError(
                None, None,
                "Cannot add tensor to the batch: number of elements does not match. Shapes are: "
                f"[tensor]: {_sizes(value)}, [batch]: {_sizes(first)}",
            )  # fmt: skip
    return np.stack(column)


def _sizes(array):
    return "[" + ",".join(map(str, array.shape)) + "]"


def padding(shapes, values):
    """How a batch's columns are joined: padded to a shape (-1: to the largest) with a value."""

    def join(i, column):
        shape = [int(d) for d in shapes[i]]
        for value in column:
            if value.ndim != len(shape):
                raise InvalidArgumentError(
                    None, None, f"All elements in a batch must have the same rank as the padded shape for component{i}: "
                    f"expected rank {len(shape)} but got element with rank {value.ndim}",
                )  # fmt: skip
        largest = [max(value.shape[axis] for value in column) for axis in range(len(shape))]
        for axis, (wanted, found) in enumerate(zip(shape, largest)):
            if 0 <= wanted < found:
                raise DataLossError(
                    None, None, f"Attempted to pad to a smaller size than the input element: axis {axis} of component {i} "
                    f"has {found} elements, and is padded to {wanted}.",
                )  # fmt: skip
        target = [found if wanted < 0 else wanted for wanted, found in zip(shape, largest)]
        if not target:
            return np.stack(column)
        out = np.full((len(column), *target), values[i][()], column[0].dtype)
        for at, value in enumerate(column):
            out[(at, *(slice(d) for d in value.shape))] = value
        return out

    return join


def unbatched(source):
    return DatasetState(divide, (source,))


def divide(place, sources):
    elements = place.open(sources[0])
    rows = iter(())

    def step():
        nonlocal rows
        while True:
            for element in rows:
                return element
            rows = slices(tuple(next(elements))).iterate()

    return Elements(step)


def windows(source, size, shift, stride, drop_remainder):
    """Elements at a distance of `stride`, `size` of them; each window begins `shift` after the one before."""
    return DatasetState(slide, (source,), size, shift, stride, drop_remainder)


def slide(place, sources, size, shift, stride, drop_remainder):
    elements = place.open(sources[0])
    buffer = deque()
    to_skip = 0
    reach = min((size - 1) * stride + 1, sys.maxsize)

    def step():
        nonlocal to_skip
        while to_skip and buffer:
            buffer.popleft()
            to_skip -= 1
        for _ in elements if to_skip else ():
            to_skip -= 1
            if not to_skip:
                break
            place.check()
        to_skip = 0
        while len(buffer) < reach:
            held = len(buffer)
            wanted = min(reach - held, ROWS_BETWEEN)
            buffer.extend(itertools.islice(elements, wanted))
            if len(buffer) - held < wanted:
                break
            place.check()
        if not buffer or (drop_remainder and len(buffer) < reach):
            raise StopIteration
        to_skip = shift
        chosen = list(itertools.islice(buffer, 0, reach, stride))
        return tuple([DatasetState(listed, (), [(value,) for value in column]) for column in zip(*chosen)])

    return Elements(step)


def listed(place, sources, elements):
    return iter(elements)


# --- order and number -----------------------------------------------------------------------------------


def shuffled(source, size, seeds, reshuffle):
    """Hands out a random one of the next `size` elements, in TensorFlow's order for the seeds."""
    if size <= 0:
        raise ValueError("buffer_size must be greater than zero.")
    return DatasetState(shuffle, (source,), size, _settled(seeds), reshuffle)


def _settled(seeds):
    """Seeds of the moment where both are 0: every iteration of the dataset starts from the same."""
    words = RandomWords(*seeds)
    return words.key, words.stream


def shuffle(place, sources, size, seeds, reshuffle):
    if reshuffle:  # every iteration has seeds of its own, drawn from the dataset's
        drawn = place.keep(lambda: RandomWords(*seeds))
        seeds = drawn.next(), drawn.next()
    return _shuffled_rounds(place, sources[0], size, RandomWords(*seeds), 1)


def shuffled_and_repeated(source, size, seeds, times):
    """Shuffles anew in every round with the words that follow; the rounds are not mixed."""
    if size <= 0:
        raise ValueError("buffer_size must be greater than zero.")
    return DatasetState(shuffle_and_repeat, (source,), size, _settled(seeds), times)


def shuffle_and_repeat(place, sources, size, seeds, times):
    return _shuffled_rounds(place, sources[0], size, RandomWords(*seeds), times)


def _shuffled_rounds(place, source, size, words, times):
    """The elements of `times` iterators (negative: for ever), each shuffled.

    The source is opened when the first element is wanted, and again at every end, the last one too: sources that draw seeds
    when they are opened show it.
    """
    rounds = deque([deque()])
    elements = None
    number = held = 0
    empty, over = True, False

    def fill():
        """Takes an element into the last round, or the first of the next one; False where there is none any more."""
        nonlocal elements, number, held, empty, over
        while number != times:
            for element in elements:
                rounds[-1].append(element)
                held += 1
                empty = False
                return True
            if times < 0 and empty:
                break
            number += 1
            rounds.append(deque())
            elements = place.open(source)
        over = True
        return False

    def step():
        nonlocal elements, held
        if elements is None:
            elements = place.open(source)
        while held < size and not over and fill():
            place.check()
        if not held:
            raise StopIteration
        while not rounds[0]:
            rounds.popleft()
        buffer = rounds[0]
        at = words.next() % len(buffer)
        buffer[0], buffer[at] = buffer[at], buffer[0]
        held -= 1
        return buffer.popleft()

    return Elements(step)


def repeated(source, times):
    return DatasetState(repeat, (source,), times)


def repeat(place, sources, times):
    return _for_ever(place, sources[0]) if times < 0 else _rounds(place, sources[0], times)


def _rounds(place, source, times):
    """Every end opens the source again, the last one too."""
    left = times
    elements = place.open(source) if times else iter(())

    def step():
        nonlocal elements, left
        while left:
            for element in elements:
                return element
            left -= 1
            elements = place.open(source)
        raise StopIteration

    return Elements(step)


def _for_ever(place, source):
    """Until a round has no element at all."""
    elements, empty = None, True

    def step():
        nonlocal elements, empty
        while True:
            if elements is None:
                elements, empty = place.open(source), True
            for element in elements:
                empty = False
                return element
            elements = None
            if empty:
                raise StopIteration

    return Elements(step)


def concatenated(first, second):
    return DatasetState(chain, (first, second))


def chain(place, sources):
    first = place.open(sources[0], 0)
    return itertools.chain(first, itertools.chain.from_iterable(place.open(source, 1) for source in sources[1:]))


def taken(source, number):
    return DatasetState(take, (source,), number)


def take(place, sources, number):
    if number == 0:
        return iter(())
    elements = place.open(sources[0])
    if number < 0:
        return elements

    def step():
        nonlocal number
        if number == 0:
            raise StopIteration
        element = next(elements)  # where it fails, it counts for nothing
        number -= 1
        return element

    return Elements(step)


def skipped(source, number):
    return DatasetState(skip, (source,), number)


def skip(place, sources, number):
    if number < 0:
        return iter(())
    elements = place.open(sources[0])

    def step():
        nonlocal number
        while number:
            next(elements)
            number -= 1
            place.check()
        return next(elements)

    return Elements(step)


def sharded(source, shards, index):
    if shards <= 0:
        raise ValueError(f"Number of shards must be greater than zero (currently num_shards = {shards}).")
    if not 0 <= index < shards:
        raise ValueError(f"Index must be between 0 and {shards - 1} (currently index = {index}).")
    return DatasetState(divide_among, (source,), shards, index)


def divide_among(place, sources, shards, index):
    elements = place.open(sources[0])
    to_pass = index

    def step():
        nonlocal to_pass
        while to_pass:
            next(elements)
            to_pass -= 1
            place.check()
        element = next(elements)
        to_pass = shards - 1
        return element

    return Elements(step)


def zipped(sources):
    return DatasetState(join_elements, tuple(sources))


def join_elements(place, sources):
    iterators = [place.open(source, i) for i, source in enumerate(sources)]
    parts = []

    def step():
        try:
            while len(parts) < len(iterators):
                parts.append(next(iterators[len(parts)]))
        except Exception as error:
            if not ends_step(error):
                parts.clear()  # what belongs to it has no partner
            raise
        found = tuple(itertools.chain.from_iterable(parts))
        parts.clear()
        return found

    return Elements(step)


def directed(sources):
    """Elements of the datasets behind the first, which says of which one the next is; those that have ended are passed over."""
    return DatasetState(direct, tuple(sources))


def direct(place, sources):
    choices = place.open(sources[0], 0)
    inputs = [place.open(source, i) for i, source in enumerate(sources[1:], 1)]

    def step():
        while any(elements is not None for elements in inputs):
            at = next(choices)[0].item()
            if not 0 <= at < len(inputs):
                raise InvalidArgumentError(None, None, f"Selector index out of range: {at} >= {len(inputs)}")
            if inputs[at] is not None:
                for element in inputs[at]:
                    return element
                inputs[at] = None
        raise StopIteration

    return Elements(step)


def prefetched(source, number):
    if number < -1:
        raise ValueError("buffer_size must be >= 0 or set buffer_size to be -1 for auto-tuning")
    return DatasetState(prefetch, (source,), number)


def prefetch(place, sources, number):
    return place.open(sources[0])


def cached(source, filename):
    """Remembers the elements of the first whole iteration, in memory or in a file."""
    return DatasetState(cache, (source,), filename)


def cache(place, sources, filename):
    kept = place.keep(Kept)
    kept.read(filename)
    if kept.complete:
        return iter(kept.elements)
    elements, seen = place.open(sources[0]), []

    def step():
        for element in elements:
            seen.append(element)
            return element
        if not kept.complete:
            kept.keep(seen, filename)
        raise StopIteration

    return Elements(step)


# --- seeds ----------------------------------------------------------------------------------------------


_WITH_SEEDS = (shuffle, shuffle_and_repeat, draw)


def seeds_of(state):
    """The seeds of every shuffle in a dataset, from the outermost on, and of what is random itself."""
    own = [state.parameters[1]] if state.start in _WITH_SEEDS else []
    return own + [seeds for source in state.sources for seeds in seeds_of(source)]


def with_seeds(state, seeds):
    """The same dataset with other seeds.

    Args:
      seeds: as `seeds_of` gives them.

    Raises:
      ValueError: where it has another number of shuffles.
    """
    left = list(seeds)
    found = _with_seeds(state, left)
    if left or found is None:
        raise ValueError(f"the state of an iterator with {len(seeds)} shuffles does not fit the dataset")
    return found


def _with_seeds(state, left):
    parameters = state.parameters
    if state.start in _WITH_SEEDS:
        if not left:
            return None
        size, _, *others = parameters
        parameters = (size, left.pop(0), *others)
    sources = [_with_seeds(source, left) for source in state.sources]
    return None if None in sources else DatasetState(state.start, tuple(sources), *parameters)
