"""Values of a program's own types, fetched and fed by functions that it registers."""

import pytest
from hookloop.python.client.session import register_session_run_conversion_functions

import hookloop as tf


class Squared:
    """As in TensorFlow's documentation."""

    def __init__(self, tensor):
        self.sq = tf.square(tensor)


class Pair:
    def __init__(self, left, right):
        self.left, self.right = left, right


@pytest.fixture(autouse=True)
def conversions(monkeypatch):
    from hookloop import session_conversions

    monkeypatch.setattr(session_conversions, "_conversions", [])


def register_squared():
    register_session_run_conversion_functions(
        Squared,
        lambda squared: ([squared.sq], lambda values: values[0]),
        lambda feed, value: [(feed.sq, value)],
        lambda feed: [feed.sq],
    )


def register_pair():
    register_session_run_conversion_functions(Pair, lambda pair: ([pair.left, pair.right], lambda v: Pair(*v)))


def test_fetched_and_fed(executor):
    register_squared()
    one, other = Squared(tf.constant(3.0)), Squared(tf.constant(5.0))
    total = one.sq + other.sq
    with tf.Session() as session:
        assert session.run(one) == 9
        assert session.run({"x": [one, total]}) == {"x": [9, 34]}
        for value in (1.0, 2.0):
            assert session.run([one, total], {other: value}) == [9, 9 + value]


def test_values_of_several_tensors(executor):
    register_pair()
    x = tf.placeholder(tf.float32, [])
    pair = Pair(x, x + 1)
    with tf.Session() as session:
        for value in (1.0, 2.0):
            found, same = session.run([pair, x], {x: value})
            assert (found.left, found.right, same) == (value, value + 1, value)
        with pytest.raises(
            TypeError, match="Feed argument .*Pair object.* has invalid type .*: its conversion functions feed"
        ):
            session.run(x, {pair: 3})
        with pytest.raises(TypeError, match="Feed argument .*Pair object.* has invalid type .* feed no parts"):
            session.partial_run_setup(x, [pair])


def test_in_parts(executor):
    register_squared()
    one, c = Squared(tf.constant(3.0)), tf.placeholder(tf.float32, [])
    total = one.sq + c
    with tf.Session() as session:
        handle = session.partial_run_setup([total], [one, c])
        session.partial_run(handle, [], {one: 1.0})
        assert session.partial_run(handle, total, {c: 2.0}) == 3


def test_types_are_registered_once():
    register_squared()
    for kind in (Squared, object):
        with pytest.raises(ValueError, match="has already been registered so ignore it."):
            register_session_run_conversion_functions(kind, None)
    register_session_run_conversion_functions(type("Derived", (Squared,), {}), None)


def test_other_types_are_refused():
    with tf.Session() as session:
        x = tf.constant(1.0)
        with pytest.raises(TypeError, match="Fetch argument .*Pair object.* has invalid type"):
            session.run(Pair(x, x))
        with pytest.raises(TypeError, match="Cannot interpret feed_dict key as Tensor"):
            session.run(x, {Pair(x, x): 1})
