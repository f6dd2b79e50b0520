"""Chains of transformations in C and in Python: the same elements in the same order, from any place in between."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hookloop as tf
from hookloop._core import IteratorCell
from hookloop.data import pipeline
from hookloop.data.native import chain_of

MOST = 60  # elements that are compared

_INDEX_STAGES = st.one_of(
    st.tuples(
        st.just(pipeline.shuffled), st.integers(1, 30), st.tuples(st.integers(1, 3), st.integers(0, 3)), st.booleans()
    ),
    st.tuples(
        st.just(pipeline.shuffled_and_repeated), st.integers(1, 30), st.just((5, 1)), st.sampled_from([-1, 0, 1, 2, 3])
    ),
)
_ANY_STAGES = st.one_of(
    st.tuples(st.just(pipeline.repeated), st.sampled_from([-1, 0, 1, 2, 3])),
    st.tuples(st.just(pipeline.taken), st.integers(-1, 25)),
    st.tuples(st.just(pipeline.skipped), st.integers(-1, 12)),
    st.integers(1, 4).flatmap(lambda n: st.tuples(st.just(pipeline.sharded), st.just(n), st.integers(0, n - 1))),
    st.tuples(st.just(pipeline.prefetched), st.integers(-1, 5)),
)
_BATCH = st.tuples(st.just(pipeline.batched), st.integers(1, 9), st.booleans(), st.just(pipeline.stacked))


@st.composite
def datasets(draw):
    rows = draw(st.integers(0, 20))
    kind = draw(st.sampled_from(["slices", "range", "zip", "single"]))
    if kind == "single":
        dataset = pipeline.single((np.float32(2.5), np.arange(3)))
    elif kind == "range":
        dataset = pipeline.counted(7, 7 - 3 * rows, -3)
    else:
        components = (
            np.arange(rows * 5, dtype=np.float32).reshape(rows, 5),
            np.arange(rows, dtype=np.uint8),
            np.arange(rows * 2, dtype=np.complex128).reshape(rows, 1, 2),
        )
        dataset = pipeline.slices(components)
        if kind == "zip":
            dataset = pipeline.zipped([pipeline.counted(100, 150, 2), dataset])
    for make, *parameters in draw(st.lists(_INDEX_STAGES | _ANY_STAGES, max_size=4)):
        dataset = make(dataset, *parameters)
    if draw(st.booleans()):
        make, *parameters = draw(_BATCH)
        dataset = make(dataset, *parameters)
        for make, *parameters in draw(st.lists(_ANY_STAGES, max_size=3)):
            dataset = make(dataset, *parameters)
    return dataset


def python_elements(dataset):
    found = []
    for element in dataset.iterate():
        found.append(tuple(np.asarray(part) for part in element))
        if len(found) == MOST:
            break
    return found


def native_elements(dataset, skipped=0, number=MOST):
    chain = chain_of(dataset)
    cell = IteratorCell("it")
    cell.start(chain.components, chain.stages, chain.ahead, skipped, 0)
    found = []
    while len(found) < number:
        try:
            found.append(cell.next())
        except StopIteration:
            break
    return found


def assert_same(found, expected):
    assert len(found) == len(expected)
    for element, other in zip(found, expected):
        assert [part.dtype for part in element] == [part.dtype for part in other]
        for part, same in zip(element, other):
            np.testing.assert_array_equal(part, same)
            assert part.shape == same.shape


@settings(max_examples=400, deadline=None)
@given(datasets())
def test_elements_are_those_of_python(dataset):
    assert_same(native_elements(dataset), python_elements(dataset))


@settings(max_examples=400, deadline=None)
@given(datasets(), st.data())
def test_going_on_from_any_place(dataset, data):
    expected = python_elements(dataset)
    skipped = data.draw(st.integers(0, len(expected)))
    assert_same(native_elements(dataset, skipped, len(expected) - skipped), expected[skipped:])


MAX = 2**63 - 1
HUGE = {
    "all integers": lambda: pipeline.counted(-MAX - 1, MAX, 1),
    "as many as C counts": lambda: pipeline.counted(-5, MAX - 5, 1),
    "repeated": lambda: pipeline.repeated(pipeline.counted(0, 2**40, 1), 2**40),
    "shuffled in a small buffer": lambda: pipeline.shuffled(pipeline.counted(0, MAX, 1), 3, (1, 2), True),
    "shuffled in as many rounds": lambda: pipeline.shuffled_and_repeated(pipeline.counted(0, 3, 1), 2, (1, 2), MAX),
    "taken": lambda: pipeline.taken(pipeline.repeated(pipeline.counted(0, 3, 1), MAX), MAX),
    "more skipped than there is": lambda: pipeline.skipped(pipeline.counted(0, 3, 1), MAX),
    "one of many shards": lambda: pipeline.sharded(pipeline.counted(0, 5, 1), MAX, 2),
    "a batch of all": lambda: pipeline.batched(pipeline.counted(0, 3, 1), MAX, False, pipeline.stacked),
    "batches of a long range": lambda: pipeline.batched(pipeline.counted(0, MAX, 1), 4, True, pipeline.stacked),
}


@pytest.mark.parametrize("name", HUGE)
def test_numbers_up_to_the_largest_integer(name):
    dataset = HUGE[name]()
    chain = chain_of(dataset)
    assert (chain is None) == (name == "all integers")
    if chain is not None:
        assert_same(native_elements(dataset, 0, 7), python_elements(dataset)[:7])


@pytest.mark.parametrize("reshuffle", [True, False])
def test_going_on_far_ahead(reshuffle):
    one = pipeline.shuffled(pipeline.counted(0, 1, 1), 1, (1, 2), reshuffle)
    (found,) = native_elements(pipeline.repeated(one, -1), MAX - 1, 1)
    assert found[0] == 0
    with pytest.raises(ValueError, match=f"the dataset ends before element {MAX}"):
        native_elements(pipeline.repeated(pipeline.counted(0, 3, 1), 5), MAX)


@pytest.mark.parametrize("batched", [False, True])
def test_elements_that_nobody_wants_are_not_gone_through(batched):
    """Every 63rd of every 63rd of ..., of a dataset that goes on for ever; far places of long ones."""
    number, place = 63, 0
    dataset = pipeline.repeated(pipeline.counted(0, 7, 1), -1)
    if batched:
        dataset = pipeline.batched(dataset, 7, True, pipeline.stacked)
    for level in range(8):
        dataset = pipeline.sharded(dataset, number, level)
        place += level * number**level
    found = [np.ravel(part)[0] for (part,) in native_elements(dataset, 2, 3)]
    assert found == [0 if batched else (place + k * number**8) % 7 for k in (2, 3, 4)]
    far = pipeline.skipped(pipeline.taken(pipeline.repeated(pipeline.counted(0, 10**12, 1), 3), 2 * 10**12), 10**12 + 5)
    assert [int(value) for (value,) in native_elements(far, 0, 2)] == [5, 6]
    assert native_elements(pipeline.skipped(far, 10**12), 0, 2) == []


def test_memory_that_nobody_has_is_refused():
    for size in (MAX, MAX // 16, 2**50):
        dataset = pipeline.batched(pipeline.repeated(pipeline.counted(0, 3, 1), -1), size, False, pipeline.stacked)
        with pytest.raises(MemoryError, match="out of memory for a dataset's iterator"):
            native_elements(dataset, 0, 1)


def test_windows_longer_than_any_dataset(executor):
    dataset = tf.data.Dataset.range(4).window(MAX, shift=1, stride=3).flat_map(lambda window: window)
    element = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert [session.run(element) for _ in range(3)] == [0, 3, 1]


def test_every_integer_there_is(executor):
    element = tf.data.Dataset.range(-MAX - 1, MAX).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert [session.run(element) for _ in range(2)] == [-MAX - 1, -MAX]
