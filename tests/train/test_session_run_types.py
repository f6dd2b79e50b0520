"""What hooks give and get behaves like TensorFlow's namedtuples."""

import copy
import pickle

import pytest

import hookloop as tf

Args, Values = tf.train.SessionRunArgs, tf.train.SessionRunValues


def test_defaults():
    args = Args("a")
    assert (args.fetches, args.feed_dict, args.options) == ("a", None, None)
    assert Args(fetches="a", options=3) == Args("a", None, 3)
    assert Args("a", {}) == Args("a", feed_dict={}, options=None)
    with pytest.raises(TypeError):
        Args()
    with pytest.raises(TypeError):
        Args(1, 2, 3, 4)


@pytest.mark.parametrize("kind, fields", [
    (Args, ("fetches", "feed_dict", "options")), (Values, ("results", "options", "run_metadata")),
])  # fmt: skip
class TestLikeANamedtuple:
    def test_unpacks(self, kind, fields):
        record = kind(1, 2, 3)
        first, second, third = record
        assert (first, second, third) == (1, 2, 3) == tuple(record)
        assert [getattr(record, name) for name in fields] == [1, 2, 3]
        assert len(record) == 3 and record[0] == 1 and record[-1] == 3 and record[1:] == (2, 3)
        assert 2 in record

    def test_compares(self, kind, fields):
        assert kind(1, 2, 3) == kind(1, 2, 3) == (1, 2, 3)
        assert kind(1, 2, 3) != kind(1, 2, 4)
        assert kind(1, 2, 3) != [1, 2, 3]
        assert hash(kind(1, 2, 3)) == hash((1, 2, 3))

    def test_is_shown_with_its_fields(self, kind, fields):
        text = ", ".join(f"{name}={i}" for i, name in enumerate(fields, 1))
        assert repr(kind(1, 2, 3)) == f"{kind.__name__}({text})"
        assert kind._fields == fields
        assert list(kind(1, 2, 3)._asdict().items()) == list(zip(fields, (1, 2, 3)))

    def test_replaces(self, kind, fields):
        record = kind(1, 2, 3)
        assert record._replace(**{fields[1]: 5}) == (1, 5, 3)
        assert record == (1, 2, 3)
        with pytest.raises(ValueError, match="Got unexpected field names: \\['other'\\]"):
            record._replace(other=1)

    def test_cannot_be_changed(self, kind, fields):
        with pytest.raises(AttributeError):
            setattr(kind(1, 2, 3), fields[0], 2)

    def test_is_made_of_a_sequence(self, kind, fields):
        assert kind._make([1, 2, 3]) == kind(1, 2, 3)
        with pytest.raises(TypeError, match="Expected 3 arguments, got 1"):
            kind._make([1])

    def test_orders_and_joins_as_tuples_do(self, kind, fields):
        record = kind(1, 2, 3)
        assert record < kind(1, 2, 4) and record <= (1, 2, 3) and record > (1, 2) and record >= kind(1, 2, 3)
        assert record + (4,) == (1, 2, 3, 4) and (0,) + record == (0, 1, 2, 3)
        assert record * 2 == 2 * record == (1, 2, 3, 1, 2, 3)
        with pytest.raises(TypeError, match="unsupported operand"):
            record + [4]

    def test_is_pickled_and_copied(self, kind, fields):
        record = kind([1], {"a": 2}, None)
        assert pickle.loads(pickle.dumps(record)) == record
        assert type(copy.deepcopy(record)) is kind
        assert copy.copy(record) == record

    def test_can_be_subclassed(self, kind, fields):
        class More(kind):
            @property
            def first(self):
                return self[0]

        assert More(1, 2, 3).first == 1


def test_context():
    context = tf.train.SessionRunContext(Args("a"), "session")
    assert context.original_args == Args("a") and context.session == "session"
    assert not context.stop_requested
    context.request_stop()
    assert context.stop_requested
    with pytest.raises(AttributeError):
        context.stop_requested = False


@pytest.mark.parametrize("arguments", [
    {"counter": "runs"}, {"counter": "runs", "every": 1, "at": 2}, {"counter": "minutes", "every": 1},
    {"counter": "runs", "every": 1, "phase": "during"},
])  # fmt: skip
def test_a_trigger_that_makes_no_sense(arguments):
    with pytest.raises(ValueError, match="expected|needs"):
        tf.train.Trigger(**arguments)
