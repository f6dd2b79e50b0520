"""What datasets do when they run: a `DatasetState` for each node, whose iterators hand out tuples of arrays.

A `Row` stands for such a tuple where it is a slice of whole arrays: a batch of them is one gathering.

Iterators are closures and not generators: after an error in one element they go on with the next.
"""

from __future__ import annotations

import itertools
from collections import deque

import numpy as np

from ..errors import InvalidArgumentError, OpError
from ..ops._random_words import RandomWords


class DatasetState:
    """A dataset of one session.

    Args:
      start: makes an iterator over its elements.
    """

    __slots__ = ("iterate",)

    def __init__(self, start):
        self.iterate = start


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
    return array[i : i + 1].reshape(array.shape[1:])


# --- sources --------------------------------------------------------------------------------------------


def counted(start, stop, step):
    if step == 0:
        raise ValueError("step must be a non-zero integer.")
    return DatasetState(lambda: ((np.array(i, np.int64),) for i in range(start, stop, step)))


def single(components):
    return DatasetState(lambda: iter([tuple(components)]))


def slices(components):
    count = len(components[0])
    for component in components:
        if len(component) != count:
            raise ValueError(f"components of a dataset have different first sizes: {count} and {len(component)}")
    return DatasetState(lambda: (Row(components, i) for i in range(count)))


# --- elements -------------------------------------------------------------------------------------------


def mapped(source, function):
    return DatasetState(lambda: map(function, source.iterate()))


def filtered(source, predicate):
    def start():
        elements = source.iterate()

        def step():
            while True:
                element = next(elements)
                if predicate(element)[0]:
                    return element

        return Elements(step)

    return DatasetState(start)


def taken_while(source, predicate):
    return DatasetState(lambda: itertools.takewhile(lambda element: predicate(element)[0], source.iterate()))


def without_errors(source):
    def start():
        elements = source.iterate()

        def step():
            while True:
                try:
                    return next(elements)
                except OpError:
                    continue

        return Elements(step)

    return DatasetState(start)


def interleaved(source, function, cycle, block):
    """`cycle` datasets at a time, `block` elements of each in turn."""

    def start():
        elements = source.iterate()
        slots = [None] * cycle
        at = taken = 0
        ended = False

        def advance():
            nonlocal at, taken
            at, taken = (at + 1) % cycle, 0

        def step():
            nonlocal taken, ended
            while not ended or any(slot is not None for slot in slots):
                if slots[at] is None:
                    if ended:
                        advance()
                        continue
                    try:
                        element = next(elements)
                    except StopIteration:
                        ended = True
                        continue
                    slots[at] = iter(function(element)[0].iterate())
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

    return DatasetState(start)


# --- batches --------------------------------------------------------------------------------------------


def batched(source, size, drop_remainder, join):
    def start():
        elements = source.iterate()

        def step():
            rows = list(itertools.islice(elements, size))
            if not rows or (drop_remainder and len(rows) < size):
                raise StopIteration
            if join is stacked and _same_source(rows):
                at = np.array([element.index for element in rows])
                return tuple([component.take(at, 0) for component in rows[0].components])
            return tuple([join(i, column) for i, column in enumerate(zip(*rows))])

        return Elements(step)

    return DatasetState(start)


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
                raise InvalidArgumentError(
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
    def start():
        elements = source.iterate()
        rows = iter(())

        def step():
            nonlocal rows
            while True:
                for element in rows:
                    return element
                rows = iter(slices(tuple(next(elements))).iterate())

        return Elements(step)

    return DatasetState(start)


def windows(source, size, shift, stride, drop_remainder):
    """Elements at a distance of `stride`, `size` of them; each window begins `shift` after the one before."""

    def start():
        elements = source.iterate()
        buffer = deque()
        to_skip = 0
        reach = (size - 1) * stride + 1

        def step():
            nonlocal to_skip
            while to_skip and buffer:
                buffer.popleft()
                to_skip -= 1
            for _ in itertools.islice(elements, to_skip):
                pass
            buffer.extend(itertools.islice(elements, reach - len(buffer)))
            if not buffer or (drop_remainder and len(buffer) < reach):
                raise StopIteration
            to_skip = shift
            chosen = list(itertools.islice(buffer, 0, reach, stride))
            return tuple([_listed([(value,) for value in column]) for column in zip(*chosen)])

        return Elements(step)

    return DatasetState(start)


def _listed(elements):
    return DatasetState(lambda: iter(elements))


# --- order and number -----------------------------------------------------------------------------------


def shuffled(source, size, seeds, reshuffle):
    """Hands out a random one of the next `size` elements, in TensorFlow's order for the seeds."""
    if size <= 0:
        raise ValueError("buffer_size must be greater than zero.")
    shared = RandomWords(*seeds)

    def start():
        elements = source.iterate()
        # Without reshuffling every iteration draws the same words.
        words = shared if reshuffle else RandomWords(shared.key, shared.stream)
        buffer = deque()

        def step():
            buffer.extend(itertools.islice(elements, size - len(buffer)))
            if not buffer:
                raise StopIteration
            at = words.next() % len(buffer)
            buffer[0], buffer[at] = buffer[at], buffer[0]
            return buffer.popleft()

        return Elements(step)

    return DatasetState(start)


def repeated(source, count):
    def start():
        elements = source.iterate()
        left, empty = count, True

        def step():
            nonlocal elements, left, empty
            while left != 0:
                for element in elements:
                    empty = False
                    return element
                if left < 0 and empty:
                    break
                left -= 1 if left > 0 else 0
                empty = True
                if left != 0:
                    elements = source.iterate()
            raise StopIteration

        return Elements(step)

    return DatasetState(start)


def concatenated(first, second):
    return DatasetState(lambda: itertools.chain.from_iterable(s.iterate() for s in (first, second)))


def taken(source, count):
    return source if count < 0 else DatasetState(lambda: itertools.islice(source.iterate(), count))


def skipped(source, count):
    if count < 0:
        return DatasetState(lambda: iter(()))
    return DatasetState(lambda: itertools.islice(source.iterate(), count, None))


def sharded(source, shards, index):
    if not 0 <= index < shards:
        raise ValueError(f"index must be between 0 and {shards - 1} (currently index = {index}).")
    return DatasetState(lambda: itertools.islice(source.iterate(), index, None, shards))


def zipped(sources):
    return DatasetState(
        lambda: (
            tuple(itertools.chain.from_iterable(parts)) for parts in zip(*[source.iterate() for source in sources])
        )
    )


def cached(source, filename):
    """Remembers the elements of the first whole iteration, in memory or in a file."""
    whole = []
    complete = False

    def start():
        nonlocal complete
        if not complete and filename:
            found = _read_cache(filename)
            if found is not None:
                whole[:], complete = found, True
        return iter(whole) if complete else Elements(recording())

    def recording():
        elements, seen = source.iterate(), []

        def step():
            nonlocal complete
            for element in elements:
                seen.append(element)
                return element
            if not complete:
                whole[:], complete = seen, True
                if filename:
                    _write_cache(filename, seen)
            raise StopIteration

        return step

    return DatasetState(start)


def _read_cache(filename):
    import os

    path = filename + ".npz"
    if not os.path.exists(path):
        return None
    with np.load(path, allow_pickle=True) as stored:
        width = int(stored["width"])
        flat = [stored[f"c{i}"] for i in range(len(stored.files) - 1)]
    return [tuple(flat[i : i + width]) for i in range(0, len(flat), width)]


def _write_cache(filename, elements):
    import os

    flat = {f"c{i}": value for i, value in enumerate(itertools.chain.from_iterable(elements))}
    temporary = f"{filename}.{os.getpid()}.tmp.npz"
    np.savez(temporary, width=len(elements[0]) if elements else 1, **flat)
    os.replace(temporary, filename + ".npz")
