"""Iterators that go on where others stood: the same batches follow, whatever was prepared ahead."""

import json

import numpy as np
import pytest

import hookloop as tf
from hookloop.data.ops import iterator_states, restore_iterators

Dataset = tf.data.Dataset
X = np.arange(60, dtype=np.float32).reshape(20, 3)


def shuffled():
    return Dataset.from_tensor_slices((X, np.arange(20))).shuffle(20, seed=3).repeat().batch(6).prefetch(3)


def filtered():
    return Dataset.range(50).shuffle(9).filter(lambda x: x % 3 > 0).batch(4).repeat(3)


def unseeded():
    return Dataset.from_tensor_slices(X).shuffle(7).prefetch(2).repeat(6).batch(4).skip(2)


class Program:
    """A graph with one iterator over a dataset."""

    def __init__(self, make, one_shot):
        self.graph = tf.Graph()
        with self.graph.as_default():
            dataset = make()
            iterator = dataset.make_one_shot_iterator() if one_shot else dataset.make_initializable_iterator()
            self.start = None if one_shot else iterator.initializer
            self.following = iterator.get_next()

    def session(self):
        return tf.Session(graph=self.graph, config=tf.ConfigProto(intra_op_parallelism_threads=2))

    def batches(self, session, number):
        found = []
        for _ in range(number):
            element = session.run(self.following)
            found.append(
                [np.asarray(part).tolist() for part in (element if isinstance(element, tuple) else (element,))]
            )
        return found


@pytest.mark.parametrize("one_shot", [True, False])
@pytest.mark.parametrize("make", [shuffled, filtered, unseeded])
@pytest.mark.parametrize("taken", [0, 1, 3, 7])
def test_the_same_batches_follow(executor, make, one_shot, taken):
    program = Program(make, one_shot)
    with program.session() as session:
        if not one_shot:
            session.run(program.start)
        program.batches(session, taken + (taken == 0))
        state = json.loads(json.dumps(iterator_states(session)))
        expected = program.batches(session, 8)
    other = Program(make, one_shot)
    with other.session() as session:
        restore_iterators(session, state)
        if not one_shot:
            session.run(other.start)
        assert other.batches(session, 8) == expected
        restore_iterators(session, state)  # of an iterator that runs
        assert other.batches(session, 8) == expected
        assert iterator_states(session).keys() == state.keys()


def test_state_counts_what_steps_have_got():
    program = Program(shuffled, True)
    with program.session() as session:
        program.batches(session, 7)
        (state,) = iterator_states(session).values()
    assert (state["epoch"], state["examples"], state["elements"]) == (2, 42, 7)
    assert len(state["seeds"]) == 1


def failing():
    return (
        Dataset.range(20).map(lambda x: 12 // (x % 5 - 2)).apply(tf.data.experimental.shuffle_and_repeat(3, 2, seed=1))
    )


@pytest.mark.parametrize("one_shot", [True, False])
@pytest.mark.parametrize("asked", range(1, 9))
def test_elements_that_failed_do_not_fail_again(executor, asked, one_shot):
    """Whoever goes on behind an error goes on there after a restart too, whether the next element fails or not."""

    def played(program, session, number):
        found = []
        for _ in range(number):
            try:
                found.append(int(session.run(program.following)))
            except tf.errors.InvalidArgumentError as error:
                assert "division by zero" in error.message
                found.append("error")
        return found

    program, other = Program(failing, one_shot), Program(failing, one_shot)
    with program.session() as session:
        if not one_shot:
            session.run(program.start)
        failures = played(program, session, asked).count("error")
        state = json.loads(json.dumps(iterator_states(session)))
        assert [one.get("failed", 0) for one in state.values()] == [failures]
        expected = played(program, session, 10)
    for lenient in ({}, {"lenient": True}):
        with other.session() as session:
            restore_iterators(session, {name: {**one, **lenient} for name, one in state.items()})
            if not one_shot:
                session.run(other.start)
            assert played(other, session, 10) == expected


def test_elements_that_fail_no_longer_are_not_lost(executor):
    works = [False]

    def made():
        def check(x):
            if x == 2 and not works[0]:
                raise RuntimeError("there is no such file")
            return x

        return Dataset.range(6).map(lambda x: tf.py_func(check, [x], tf.int64))

    program = Program(made, True)
    with program.session() as session:
        program.batches(session, 2)
        with pytest.raises(tf.errors.UnknownError, match="there is no such file"):
            session.run(program.following)
        state = iterator_states(session)
    works[0] = True
    with program.session() as session:
        restore_iterators(session, state)
        assert program.batches(session, 3) == [[2], [3], [4]]


def test_state_of_another_dataset_is_refused():
    program = Program(shuffled, False)
    with program.session() as session:
        session.run(program.start)
        (state,) = iterator_states(session).values()
        expected = program.batches(session, 1)
        name = next(iter(iterator_states(session)))
        with pytest.raises(ValueError, match="state of an iterator with 0 shuffles does not fit the dataset"):
            restore_iterators(session, {name: {**state, "seeds": []}})
        restore_iterators(session, {name: state})
        assert program.batches(session, 1) == expected
    finite = Program(lambda: Dataset.range(9).batch(2), False)
    with finite.session() as session:
        restore_iterators(session, {"IteratorV2": {**state, "seeds": [], "elements": 6}})
        with pytest.raises(tf.errors.InvalidArgumentError, match="the dataset ends before element 6"):
            session.run(finite.start)


def test_started_anew_after_going_on(executor):
    program = Program(lambda: Dataset.range(9).batch(2), False)
    with program.session() as session:
        restore_iterators(session, {"IteratorV2": {"seeds": [], "elements": 3, "examples": 6, "epoch": 0}})
        session.run(program.start)
        assert program.batches(session, 1) == [[[6, 7]]]
        session.run(program.start)
        assert program.batches(session, 1) == [[[0, 1]]]
