"""Requests that are written by names, nested, or fed with what must be converted: each run means what the first one did."""

import sys
import time
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hookloop as tf

NUMBERS = ["bool", "int8", "uint8", "int16", "uint16", "int32", "int64", "float16", "float32", "float64"]


@pytest.mark.parametrize("wanted", NUMBERS)
@pytest.mark.parametrize("given_type", NUMBERS)
@pytest.mark.parametrize("form", ["array", "columns", "reversed", "swapped", "list", "tuple", "one element"])
def test_what_is_fed_is_converted_as_numpy_does(executor, wanted, given_type, form):
    values = np.array([[0, 1, 2], [3, 100, 5]]).astype(given_type)
    fed = {
        "array": values,
        "columns": np.repeat(values, 2, axis=1)[:, ::2],
        "reversed": values[::-1],
        "swapped": values.astype(values.dtype.newbyteorder()),
        "list": values.tolist(),
        "tuple": tuple(map(tuple, values.tolist())),
        "one element": values[:1, :1],
    }[form]
    x = tf.placeholder(wanted, [None, None])
    y = tf.identity(x)
    with tf.Session() as session:
        session.run(y, {x: np.ones((4, 2), wanted)})
        for _ in range(3):
            found = session.run(y, {x: fed})
            np.testing.assert_array_equal(found, np.asarray(fed, wanted))
            assert found.dtype == wanted


def test_numbers_are_fed_alone(executor):
    x, n = tf.placeholder(tf.float32, []), tf.placeholder(tf.int32, [])
    y = x + tf.cast(n, tf.float32)
    with tf.Session() as session:
        for a, b in [(0.5, 2), (np.float64(0.25), np.int64(3)), (1, True), (np.array(2.5), np.array(4))]:
            assert session.run(y, {x: a, n: b}) == np.float32(a) + np.float32(b)


@pytest.mark.parametrize(
    "bad",
    [
        [1.0, 2.0],
        [[1.0], [2.0, 3.0]],
        "text",
        None,
        [["a", "b", "c"]],
        {"a": 1},
        [[1e3, object(), 2.0]],
        [[[1.0, 2.0, 3.0]]],
    ],
    ids=str,
)
def test_what_cannot_be_fed_is_refused_in_the_same_words_in_every_run(executor, bad):
    x = tf.placeholder(tf.float32, [None, 3])
    y = x * 2.0

    def refusal(session):
        with pytest.raises((TypeError, ValueError)) as caught:
            session.run(y, {x: bad})
        return type(caught.value), str(caught.value)

    with tf.Session() as fresh, tf.Session() as session:
        first = refusal(fresh)
        for _ in range(3):
            np.testing.assert_array_equal(session.run(y, {x: [[1.0, 2.0, 3.0]]}), [[2, 4, 6]])
            assert refusal(session) == first


def test_types_that_only_the_long_way_converts_say_nothing_on_the_way(executor, monkeypatch):
    said = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    for wanted, fed in (("float16", [1.5, 2]), ("complex64", [1.5, 2]), ("float32", np.array(["1.5", "2"]))):
        x = tf.placeholder(wanted, [None])
        y = tf.identity(x)
        with tf.Session() as session:
            for _ in range(3):
                np.testing.assert_array_equal(session.run(y, {x: fed}), np.asarray(fed, wanted))
    assert not said


def test_feeds_by_name(executor):
    x, y = tf.placeholder(tf.float32, [None], name="x"), tf.placeholder_with_default(3.0, [], name="y")
    z = tf.multiply(x, y, name="z")
    with tf.Session() as session:
        for size in (2, 3, 2):
            value = np.arange(size, dtype="f")
            np.testing.assert_array_equal(session.run("z:0", {"x:0": value}), 3 * value)
            np.testing.assert_array_equal(session.run(z, {"x:0": value.tolist(), y: 2.0}), 2 * value)
            np.testing.assert_array_equal(session.run(["z:0", z, "z"], {x: value, "y:0": 4})[0], 4 * value)
        # As in a dictionary of tensors the last one holds.
        assert session.run(y, {y: 1.0, "y:0": 2.0}) == 2 and session.run(y, {"y:0": 1.0, y: 2.0}) == 1 + 1


@pytest.mark.parametrize("count", [31, 32, 33, 100, 255, 256, 257, 300])
def test_many_feeds(executor, count):
    """As many as the short way takes, and more than that; in another order, and of another size."""
    places = [tf.placeholder(tf.float32, [None]) for _ in range(count)]
    y = tf.concat(places, 0)
    with tf.Session() as session:
        call = session.make_callable(y, places)
        for size in (1, 1, 3):
            values = [np.full(size, i, np.float32) for i in range(count)]
            expected = np.repeat(np.arange(count), size)
            np.testing.assert_array_equal(session.run(y, dict(zip(places, values))), expected)
            np.testing.assert_array_equal(session.run(y, dict(list(zip(places, values))[::-1])), expected)
            np.testing.assert_array_equal(
                session.run(y, dict(zip(places, np.arange(count)[:, None].repeat(size, 1).tolist()))), expected
            )
            np.testing.assert_array_equal(call(*values), expected)


def test_a_hundred_feeds_take_no_way_of_their_own():
    """Beyond 32 each had taken 3 us."""
    seconds = {}
    for count in (30, 100):
        places = [tf.placeholder(tf.float32, [4]) for _ in range(count)]
        with tf.Session() as session:
            call, values = session.make_callable(places[0] + places[-1], places), [np.ones(4, np.float32)] * count
            seconds[count] = min(_seconds_of(call, values) for _ in range(50))
    assert seconds[100] < 20 * seconds[30], seconds


def _seconds_of(call, values):
    start = time.perf_counter()
    call(*values)
    return time.perf_counter() - start


def test_names_that_there_are_not_yet(executor):
    tf.constant(1.0, name="one")
    with tf.Session() as session:
        assert session.run("one:0") == 1
        for _ in range(2):
            with pytest.raises(ValueError, match="The name 'two:0' refers to a Tensor which does not exist"):
                session.run("two:0")
            with pytest.raises(
                TypeError, match="Cannot interpret feed_dict key as Tensor: The name 'two:0' refers to a Tensor"
            ):
                session.run("one:0", {"two:0": 1.0})
        tf.placeholder(tf.float32, [], name="two")
        assert session.run(["one:0", "two:0"], {"two:0": 2.0}) == [1, 2]


def test_names_that_may_not_be_fed_or_fetched(executor):
    one = tf.constant(1.0, name="one")
    graph = tf.get_default_graph()
    graph.prevent_feeding(one)
    two = tf.constant(2.0, name="two")
    graph.prevent_fetching(two.op)
    with tf.Session() as session:
        for _ in range(2):
            with pytest.raises(ValueError, match=r'Tensor Tensor\("one:0", shape=\(\), dtype=float32\) may not be fed'):
                session.run("one:0", {"one:0": 3.0})
            with pytest.raises(
                ValueError, match="'two' has been marked as not fetchable: mostly it is made in the function of a loop"
            ):
                session.run({"a": "two"})


def test_fetches_that_contain_themselves(executor):
    fetches = [tf.constant(1.0)]
    fetches.append(fetches)
    with tf.Session() as session, pytest.raises(RecursionError):
        session.run(fetches)


def test_fetches_that_change_while_they_run(executor):
    x = tf.placeholder(tf.float32, [], name="x")
    fetches = {}

    def change(value):
        fetches.pop("a", None)
        fetches["rest"].append(x)
        fetches["new"] = x
        return value

    same, double = tf.py_func(change, [x], tf.float32), x * 2.0
    with tf.Session() as session:
        for value in (1.0, 2.0, 3.0):
            fetches = {"a": "x:0", "rest": [same], "double": double}
            assert session.run(fetches, {x: value}) == {"a": value, "rest": [value], "double": 2 * value}
            assert "a" not in fetches


Pair = namedtuple("Pair", "first second")
nested = st.recursive(
    st.integers(0, 5),
    lambda part: st.one_of(
        st.lists(part, max_size=3),
        st.lists(part, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from("abc"), part, max_size=3),
        st.builds(Pair, part, part),
    ),
    max_leaves=8,
)


def _with(structure, leaf):
    if isinstance(structure, dict):
        return {key: _with(part, leaf) for key, part in structure.items()}
    if isinstance(structure, Pair):
        return Pair(*[_with(part, leaf) for part in structure])
    if isinstance(structure, (list, tuple)):
        return type(structure)(_with(part, leaf) for part in structure)
    return leaf(structure)


def _kinds(structure):
    if not isinstance(structure, (dict, list, tuple)):
        return None
    return type(structure), [
        _kinds(part) for part in (structure.values() if isinstance(structure, dict) else structure)
    ]


@settings(max_examples=100, deadline=None)
@given(nested)
def test_nested_fetches_of_all_kinds(structure):
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [], name="x")
        variable = tf.Variable(7.0)
        double = tf.multiply(x, 2.0, name="double")
        fetches = _with(structure, [x, double, variable, double.op, "double:0", "double"].__getitem__)
        with tf.Session() as session:
            session.run(variable.initializer)
            for value in (1.0, 2.5):
                expected = _with(structure, [value, 2 * value, 7.0, None, 2 * value, None].__getitem__)
                found = session.run(fetches, {x: value})
                assert found == expected and _kinds(found) == _kinds(expected)
