"""Requests that are written by names, nested, or fed with what must be converted: each run means what the first one did."""

import sys
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hookloop as tf
from hookloop import session as session_module

from .conftest import on_reference

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


@pytest.fixture
def looked_up(monkeypatch):
    """The fetches of each request that was not found by the identity of its parts."""
    seen = []

    def look_up(session, fetches, *rest, whole=session_module.BaseSession._run_slow):
        seen.append(fetches)
        return whole(session, fetches, *rest)

    monkeypatch.setattr(session_module.BaseSession, "_run_slow", look_up)
    return seen


@pytest.mark.skipif(on_reference(), reason="the reference executor has no plans")
@pytest.mark.parametrize(("count", "found"), [(30, True), (100, True), (256, True), (257, False)])
def test_a_hundred_feeds_take_no_way_of_their_own(looked_up, count, found):
    """Beyond 32 each had taken 3 us: the request was looked up anew in each run."""
    places = [tf.placeholder(tf.float32, [4]) for _ in range(count)]
    y, feeds = places[0] + places[-1], dict.fromkeys(places, np.ones(4, np.float32))
    with tf.Session() as session:
        for _ in range(3):
            session.run(y, feeds)
    assert looked_up == ([y] if found else [y] * 3)


class TestFeedsOfOtherRanks:
    """What is fed to a placeholder of unknown rank."""

    shapes = [(8,), (2, 4), (), (8,), (2, 2, 2), (2, 4), (8,)]

    @pytest.mark.parametrize("dtype", [tf.string, tf.float32])
    @pytest.mark.parametrize("several", [False, True])
    def test_values(self, executor, dtype, several):
        x = tf.placeholder(dtype)
        whole, size, shape = tf.identity(x), tf.size(x), tf.shape(x)
        request = [size, [shape, whole.op], whole] if several else whole
        listed = [size, whole]
        with tf.Session() as session:
            call = session.make_callable(request, [x])
            for of in self.shapes:
                fed = np.full(of, b"text" if dtype == tf.string else 2.0, object if dtype == tf.string else np.float32)
                for got in (session.run(request, {x: fed}), call(fed), session.run(request, {x: fed.tolist()})):
                    if several:
                        assert got[0] == fed.size and got[1][0].tolist() == list(of) and got[1][1] is None
                        got = got[2]
                    np.testing.assert_array_equal(got, fed)
                assert session.run(listed, {x: fed})[0] == fed.size
            listed.reverse()
            assert session.run(listed, {x: fed})[1] == fed.size

    @pytest.mark.skipif(on_reference(), reason="the reference executor has no plans")
    def test_are_converted_once(self, monkeypatch):
        converted = []

        def counting(tensor, value, convert=session_module.convert_feed):
            converted.append(tensor)
            return convert(tensor, value)

        monkeypatch.setattr(session_module, "convert_feed", counting)
        x = tf.placeholder(tf.string)
        lengths = tf.strings.length(x)
        with tf.Session() as session:
            for of in self.shapes:
                converted.clear()
                assert session.run(lengths, {x: np.full(of, "abc", object)}).shape == of
                assert converted == [x]

    @pytest.mark.skipif(on_reference(), reason="the reference executor has no plans")
    def test_take_no_places_of_other_requests(self, looked_up):
        x = tf.placeholder(tf.string)
        lengths = tf.strings.length(x)
        numbers = [tf.placeholder(tf.float32, [1]) for _ in range(5)]
        doubled = [n * 2.0 for n in numbers]
        with tf.Session() as session:
            for n, y in zip(numbers, doubled):
                session.run(y, {n: [1.0]})
            for rank in range(9):
                session.run(lengths, {x: np.full((1,) * rank, "a", object)})
            assert looked_up == [*doubled, lengths]
            for n, y in zip(numbers, doubled):
                session.run(y, {n: [1.0]})
            assert looked_up == [*doubled, lengths]


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
                ValueError,
                match="'two' has been marked as not fetchable. Typically this happens when it is defined in another function",
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
