"""Functions that read records: called for many at once, with the elements, errors and random numbers of one call after the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hookloop as tf
from hookloop.data.blocks import by_blocks
from hookloop.data.ops import iterator_states, restore_iterators
from hookloop.data.pipeline import Place
from hookloop.data.record_blocks import ReadRecords
from hookloop.data.record_functions import RecordCalls
from hookloop.ops import registry

from ..conftest import on_reference
from .test_blocks import played

Dataset = tf.data.Dataset


def example(**features):
    """A serialized `tf.train.Example` of lists."""
    kinds = {int: ("int64_list", tf.train.Int64List), float: ("float_list", tf.train.FloatList)}
    made = {}
    for key, values in features.items():
        name, kind = kinds.get(type(values[0]) if values else int, ("bytes_list", tf.train.BytesList))
        made[key] = tf.train.Feature(**{name: kind(value=values)})
    return tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString()


def columns(line):
    x, y, z = tf.decode_csv(line, [[1.5], [7], tf.constant([], tf.int64)])
    return x * 2.0, tf.cast(y, tf.int64) + z, z


def chosen_columns(line):
    text, x = tf.decode_csv(line, [["none"], [0.5]], select_cols=[0, 2], na_value="NA")
    return tf.strings.length(text), x


def random_columns(line):
    x, y, _ = tf.decode_csv(line, [[1.5], [7], [0]])
    return x + tf.random_uniform([2], seed=3), 100 // y


LINES = [
    "1,2,3",
    "0.25,8,-1",
    "1e3,7,12",
    ",4,5",
    "1,,2",
    "3,0,NA",
    '"2.5",1,9',
    "1,2,",
    "1,x,3",
    "1,2",
    "1,2,3,4",
    "",
    "2,3,4\n",
]

FEATURES = {
    "x": tf.FixedLenFeature([2], tf.float32),
    "y": tf.FixedLenFeature([], tf.int64, 9),
    "bytes": tf.FixedLenFeature([], tf.string, "ab"),
}


def parsed(text):
    found = tf.parse_single_example(text, FEATURES)
    return tf.reduce_sum(found["x"]), found["y"], tf.decode_raw(found["bytes"], tf.uint8)


def parsed_lists(text):
    found = tf.io.parse_single_example(text, {
        "x": tf.FixedLenFeature([2], tf.float32), "bytes": tf.FixedLenSequenceFeature([], tf.string, True),
    })  # fmt: skip
    return found["x"], tf.strings.length(found["bytes"])


def parsed_but_unused(text):
    tf.decode_csv(text, [[0]])
    return tf.parse_single_example(text, {"y": FEATURES["y"]})["y"]


EXAMPLES = [
    example(x=[1.0, 2.0], y=[3], bytes=[b"xy"]), example(x=[0.5, -2.0], y=[4], bytes=[b"zz"]), example(x=[1.0, 2.0], y=[]),
    example(x=[1.0, 2.0], bytes=[b"xyz"]), example(x=[1.0], y=[3]), example(y=[3], bytes=[b"xy"]), example(x=[1, 2], y=[3]),
    example(x=[3.0, 4.0], y=[3], bytes=[b"a", b"b"]), b"nonsense", b"",
]  # fmt: skip


def with_texts(line):
    x, y, z = tf.decode_csv(line, [[1.5], ["none"], ["?"]])
    return y, x + 1.0, tf.strings.strip(line), z


def texts_of_examples(text):
    found = tf.parse_single_example(text, {"bytes": FEATURES["bytes"], "y": FEATURES["y"]})
    return found["bytes"], found["y"], tf.decode_base64(found["bytes"])


def texts_of_several_sizes(text):
    return tf.substr(text, 0, tf.ones([2], tf.int32)), tf.string_to_number(text)


def numbers(text):
    return tf.string_to_number(text, tf.int64), tf.string_to_hash_bucket_fast(tf.strings.strip(text), 50)


def raw(text):
    return tf.decode_raw(text, tf.int16) + tf.constant(1, tf.int16)


def pairs(text):
    return tf.substr(text, [0, 1], [1, 1]), tf.strings.length(text)


TEXTS = ["12", " 7 ", "-3", "ab", "", "1234", "0x1f", "999999999999999999999"]

FUNCTIONS = {
    "columns": (columns, LINES), "chosen columns": (chosen_columns, LINES), "random": (random_columns, LINES),
    "parsed": (parsed, EXAMPLES), "lists": (parsed_lists, EXAMPLES), "unused": (parsed_but_unused, EXAMPLES),
    "texts": (with_texts, LINES), "texts of examples": (texts_of_examples, EXAMPLES), "more": (texts_of_several_sizes, TEXTS),
    "numbers": (numbers, TEXTS), "raw": (raw, TEXTS), "pairs": (pairs, TEXTS),
}  # fmt: skip


@st.composite
def programs(draw):
    """The name of a function, records that are mostly good, and what follows."""
    name = draw(st.sampled_from(sorted(FUNCTIONS)))
    _, records = FUNCTIONS[name]
    places = st.one_of(st.integers(0, 2), st.integers(0, 1), st.integers(0, len(records) - 1))
    found = [records[i] for i in draw(st.lists(places, max_size=30))]
    return (
        name,
        found,
        draw(st.sampled_from([None, 1, 3, 8])),
        draw(st.sampled_from(["", "shuffle", "zip", "skip", "map_and_batch", "ignore"])),
    )


def dataset_of(name, records, batch, way):
    function, _ = FUNCTIONS[name]
    dataset = Dataset.from_tensor_slices(np.array([*records, b""], object)[:-1])
    if way == "map_and_batch":
        return dataset.apply(tf.data.experimental.map_and_batch(function, batch or 2))
    dataset = dataset.map(function)
    if way == "shuffle":
        dataset = dataset.shuffle(5, seed=2)
    if way == "zip":
        dataset = Dataset.zip((dataset, Dataset.range(20))).map(lambda record, i: record)
    if way == "skip":
        dataset = dataset.skip(2).repeat(2)
    if way == "ignore":
        dataset = dataset.apply(tf.data.experimental.ignore_errors())
    return dataset.batch(batch) if batch else dataset


@settings(max_examples=200, deadline=None)
@given(programs())
def test_elements_and_errors_are_those_of_one_by_one(program):
    with tf.Graph().as_default():
        dataset = dataset_of(*program)
        assert played(dataset, True) == played(dataset, False)


def opened(dataset):
    with tf.Session(graph=dataset._variant_tensor.graph) as session:
        return by_blocks(session.run(dataset._variant_tensor), Place({}, by_blocks=by_blocks))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_that_read_are_called_by_the_block(name):
    assert isinstance(opened(dataset_of(name, FUNCTIONS[name][1][:2], None, "")), ReadRecords)


def of_python(line):
    return tf.py_func(len, [tf.strings.strip(line)], tf.int64)


def of_two(line):
    return tf.string_to_number(tf.string_join([line, line]))


def behind_a_check(line):
    with tf.control_dependencies([tf.assert_less(tf.strings.length(line), 10)]):
        return tf.strings.length(line)


def of_a_branch(line):
    length = tf.strings.length(line)
    return tf.cond(length > 2, lambda: tf.string_to_number(line), lambda: 0.0)


@pytest.mark.parametrize("function", [of_python, of_two, behind_a_check, of_a_branch])
def test_other_functions_are_called_one_by_one(function, executor):
    dataset = Dataset.from_tensor_slices(["1", "20", "300", "40000000000000"]).map(function)
    assert not isinstance(opened(dataset), ReadRecords)
    assert played(dataset.batch(2), True) == played(dataset.batch(2), False)


# --- ops that read many records at once ----------------------------------------------------------------------------

_BASE64 = ["YWI", "", "_-Q"]
ROWS = {
    "AsString": (lambda n: tf.strings.length(tf.as_string(n, precision=3)), [1.0, np.inf, -2.5e9]),
    "DecodeBase64": (lambda t: tf.strings.length(tf.decode_base64(t)), _BASE64),
    "EncodeBase64": (lambda t: tf.strings.length(tf.encode_base64(t, pad=True)), _BASE64),
    "DecodeCSV": (lambda t: tf.decode_csv(t, [[0.5], ["?"], [3]])[::2], ["1,a,2", '"2",",",', ",,4"]),
    "DecodeRaw": (lambda t: tf.decode_raw(t, tf.int16, little_endian=False), [["abcd", "0123"], ["\0\0\0\1", "zzzz"]]),
    "ParseSingleExample": (parsed, [EXAMPLES[i] for i in (0, 1, 3)][:2]),
    "RegexFullMatch": (lambda t: tf.strings.regex_full_match(t, tf.constant("a+")), ["aa", "", "ba"]),
    "StaticRegexFullMatch": (lambda t: tf.strings.regex_full_match(t, "a+"), ["aa", "", "ba"]),
    "RegexReplace": (lambda t: tf.strings.length(tf.regex_replace(t, tf.constant("a+"), "xy")), ["aa", "", "ba"]),
    "StaticRegexReplace": (lambda t: tf.strings.length(tf.regex_replace(t, "a(.)", r"\1\1\1")), ["ab", "", "bac"]),
    "StringLength": (lambda t: tf.strings.length(t, unit="UTF8_CHAR"), [["äö", ""], ["abc", "ß"]]),
    "StringLower": (lambda t: tf.string_to_hash_bucket_fast(tf.strings.lower(t), 999), ["AB", "cD", ""]),
    "StringUpper": (lambda t: tf.string_to_hash_bucket_fast(tf.strings.upper(t, "utf-8"), 999), ["äB", "cD", ""]),
    "StringStrip": (lambda t: tf.strings.length(tf.strings.strip(t)), [" a ", "", "  "]),
    "StringToHashBucket": (lambda t: tf.string_to_hash_bucket(t, 999), ["a", "", "bcd"]),
    "StringToHashBucketFast": (lambda t: tf.string_to_hash_bucket_fast(t, 999), [["a", "b"], ["", "c"]]),
    "StringToHashBucketStrong": (lambda t: tf.string_to_hash_bucket_strong(t, 999, [1, 2]), ["a", "", "bcd"]),
    "StringToNumber": (lambda t: tf.string_to_number(t), [["1", " "], ["0x1f", "-inf"], ["1e99", "16777217"]]),
    "Substr": (lambda t: tf.strings.length(tf.substr(t, [1, -1], 2)), [["abc", "de"], ["f", "ghij"], ["kl", "m"]]),
}  # fmt: skip


def test_all_of_them_are_compared():
    registry.load_all()
    assert sorted(ROWS) == sorted(name for name, op_def in registry._registry.items() if op_def.rows is not None)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_many_records_at_once_are_each_by_itself(name, monkeypatch):
    function, records = ROWS[name]
    calls, run = [], RecordCalls.run
    monkeypatch.setattr(RecordCalls, "run", lambda *arguments: calls.append(run(*arguments)) or calls[-1])
    records = np.array(records, object if isinstance(np.ravel(records)[0], (str, bytes)) else np.float32)
    together = function_results(Dataset.from_tensor_slices(records).map(function).batch(len(records)))
    assert len(calls) == 1 or on_reference()
    inputs = tf.placeholder(tf.as_dtype(records.dtype), records.shape[1:])
    single = function(inputs)
    assert name in [op.type for op in tf.get_default_graph().get_operations()]
    with tf.Session() as session:
        rows = [session.run(tuple(tf.contrib.framework.nest.flatten(single)), {inputs: record}) for record in records]
    for found, expected in zip(together, zip(*rows)):
        np.testing.assert_array_equal(found, np.stack(expected), strict=True)


def function_results(dataset):
    following = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        return tf.contrib.framework.nest.flatten(session.run(following))


# --- what becomes of the rest ---------------------------------------------------------------------------------------


def test_records_with_numbers_beside_them(executor):
    def weighed(line, weight):
        x, y = tf.decode_csv(line, [[1.0], [2.0]])
        return x * weight, y, weight[:1]

    weights = np.arange(10, dtype=np.float32).reshape(5, 2)
    dataset = Dataset.from_tensor_slices((["1,2", "3,4", ",6", "7,", "9,9"], weights)).map(weighed).batch(3)
    following = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        first, second = session.run(following), session.run(following)
    np.testing.assert_array_equal(np.concatenate([first[0], second[0]]), np.array([[1], [3], [1], [7], [9]]) * weights)
    np.testing.assert_array_equal(np.concatenate([first[1], second[1]]), [2, 4, 6, 2, 9])
    np.testing.assert_array_equal(np.concatenate([first[2], second[2]]), weights[:, :1])


def test_numbers_beside_records_may_differ_in_shape(executor):
    def counted(n):
        return tf.as_string(n), tf.range(n % 3)

    dataset = (
        Dataset.range(7)
        .map(counted)
        .map(lambda text, some: tf.string_to_number(text) + tf.cast(tf.reduce_sum(some), tf.float32))
    )
    assert played(dataset.batch(4), True) == played(dataset.batch(4), False) == [[[0, 1, 3, 3]], [[4, 6, 6]]]


def test_a_default_that_is_captured(executor):
    default = tf.constant([4.0]) * 2.0
    dataset = (
        Dataset.from_tensor_slices(["1", " ", "3"])
        .map(lambda line: tf.decode_csv(line, [default], na_value=" ")[0])
        .batch(3)
    )
    iterator = dataset.make_initializable_iterator()
    following = iterator.get_next()
    with tf.Session() as session:
        session.run(iterator.initializer)
        np.testing.assert_array_equal(session.run(following), [1, 8, 3])


def test_a_variable_has_the_value_of_the_moment(executor):
    scale = tf.get_variable("scale", initializer=2.0, use_resource=True)
    dataset = (
        Dataset.from_tensor_slices([str(i) for i in range(6)])
        .map(lambda text: tf.string_to_number(text) * scale)
        .batch(3)
    )
    iterator = dataset.make_initializable_iterator()
    following, more = iterator.get_next(), scale.assign(10.0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(iterator.initializer)
        np.testing.assert_array_equal(session.run(following), [0, 2, 4])
        session.run(more)
        np.testing.assert_array_equal(session.run(following), [30, 40, 50])


def with_bytes_behind(floats, behind):
    """An example whose list of floats has more bytes behind it, as of a field that nobody knows."""
    packed = np.array(floats, "<f4").tobytes()
    found = b"\x0a" + bytes([len(packed)]) + packed + behind  # field 1, and of the messages around it:
    for start in (b"\x12", b"\x0a\x01x\x12", b"\x0a", b"\x0a"):
        found = start + bytes([len(found)]) + found
    return found


@pytest.mark.parametrize("behind", [b"", b"\x48\x05", b"\x4a\x02\0\0", b"\x0a\x04\0\0\0\0", b"\x0d\0\0\0\0"])
def test_many_floats_of_a_feature(behind, executor):
    floats = np.array([[1.5, -0.0, np.inf, np.nan, *range(10)], np.linspace(-3, 1e-40, 14)], np.float32)
    texts = [with_bytes_behind(floats[0], behind), example(x=floats[1].tolist(), y=[2])]
    feature = {"x": tf.FixedLenFeature([7, 2], tf.float32)}
    together = tf.parse_example(texts, feature)["x"]
    single = Dataset.from_tensor_slices(texts).map(lambda text: tf.parse_single_example(text, feature)["x"]).batch(2)
    following = single.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        if behind.startswith((b"\x0a", b"\x0d")):  # a number more
            with pytest.raises(tf.errors.InvalidArgumentError, match="Number of float values != expected"):
                session.run(together)
            with pytest.raises(tf.errors.InvalidArgumentError, match="Can't parse serialized Example"):
                session.run(following)
        else:
            np.testing.assert_array_equal(session.run(together), floats.reshape(2, 7, 2))
            np.testing.assert_array_equal(session.run(following), floats.reshape(2, 7, 2))


@pytest.mark.parametrize("number", [11, 12, 31, 32, 33, 5000])
def test_any_number_of_floats_with_a_default_for_some(number, executor):
    floats = np.arange(2 * number, dtype=np.float32).reshape(2, number)
    texts = [example(x=floats[0].tolist()), example(y=[1]), example(x=floats[1].tolist())]
    feature = {"x": tf.FixedLenFeature([number], tf.float32, [7.0] * number)}
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(tf.parse_example(texts[::2], feature)["x"]), floats)
        found = session.run(tf.parse_example(texts, feature)["x"])
    np.testing.assert_array_equal(found, [floats[0], [7.0] * number, floats[1]])


def test_an_error_stands_where_its_record_does_and_names_its_op(executor):
    lines = [str(i) for i in range(8)]
    lines[5] = "five"
    with tf.Graph().as_default():
        dataset = (
            Dataset.from_tensor_slices(lines).map(lambda line: tf.decode_csv(line, [[0]], name="read")[0] + 1).batch(2)
        )
        following = dataset.make_one_shot_iterator().get_next()
        with tf.Session() as session:
            assert session.run(following).tolist() == [1, 2]
            assert session.run(following).tolist() == [3, 4]
            with pytest.raises(
                tf.errors.InvalidArgumentError, match=r"Field 0 in record 0 is not a valid int32: five .*read"
            ):
                session.run(following)
            assert session.run(following).tolist() == [7, 8]
            with pytest.raises(tf.errors.OutOfRangeError):
                session.run(following)


def test_another_session_goes_on_where_one_stood(executor):
    def make():
        lines = Dataset.from_tensor_slices([f"{i},{i * i}" for i in range(40)]).shuffle(10, seed=4)
        return lines.map(lambda line: tf.decode_csv(line, [[0], [0]])).shuffle(7, seed=5).batch(6)

    following = make().make_one_shot_iterator().get_next()
    with tf.Session() as session:
        session.run(following)
        state = iterator_states(session)
        expected = [[part.tolist() for part in session.run(following)] for _ in range(4)]
    with tf.Session() as session:
        restore_iterators(session, state)
        assert [[part.tolist() for part in session.run(following)] for _ in range(4)] == expected
