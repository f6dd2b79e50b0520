"""Text as tensors: feeds, fetches, moving it about, and the ops that work on it."""

import re

import numpy as np
import pytest

import hookloop as tf
from hookloop import _core, strings
from hookloop.ops import _string_hashes


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


def texts(array):
    return np.asarray(array).tolist()


# --- feeds, fetches, movement ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [["a", "bc"], [b"a", b"bc"], np.array(["a", "bc"]), np.array([b"a", b"bc"], object), ("a", b"bc")]
)
def test_text_is_fed_in_any_form_and_fetched_as_bytes(executor, value):
    x = tf.placeholder(tf.string, [None])
    got = run(tf.identity(x), {x: value})
    assert got.dtype == object and texts(got) == [b"a", b"bc"]


def test_scalar_text_is_fetched_as_bytes(executor):
    x = tf.placeholder(tf.string, [])
    assert run([x, tf.identity(x), tf.constant("é")], {x: "b\0c"}) == [b"b\0c", b"b\0c", "é".encode()]


def test_sizes_of_text_vary_from_step_to_step(executor):
    x = tf.placeholder(tf.string, None)
    outputs = [tf.shape(x), tf.size(x), tf.reshape(x, [-1]), tf.equal(x, "a"), tf.stack([x, x])]
    with tf.Session() as session:
        for value in (["a", "b", "c"], [["a"]], "a", [["a", "x"], ["b", "a"]]):
            value = np.array(value, object)
            shape, size, flat, equal, stacked = session.run(outputs, {x: value})
            encoded = np.char.encode(value.astype(str)).astype(object)
            assert shape.tolist() == list(value.shape) and size == value.size
            assert texts(flat) == encoded.ravel().tolist()
            assert texts(equal) == (encoded == b"a").tolist()
            assert texts(stacked) == [encoded.tolist()] * 2


def test_text_moves_like_numbers(executor):
    x = tf.placeholder(tf.string, [2, 2], name="x")
    value = np.array([[b"a", b"b"], [b"c", b"d"]], object)
    cases = [
        (tf.concat([x, [["e", "f"]]], 0), np.concatenate([value, [[b"e", b"f"]]])),
        (tf.gather(x, [1, 0]), value[[1, 0]]), (x[0], value[0]), (x[:, 1:], value[:, 1:]), (x[1, 0], b"c"),
        (tf.transpose(x), value.T), (tf.tile(x, [1, 2]), np.tile(value, (1, 2))), (tf.expand_dims(x, 1), value[:, None]),
        (tf.where(tf.equal(x, "a"), x, tf.fill([2, 2], "z")), np.where(value == b"a", value, b"z")),
        (tf.boolean_mask(x, tf.not_equal(x, "a")), value.ravel()[1:]), (tf.zeros_like(x), np.full((2, 2), b"", object)),
        (tf.reverse(x, [0]), value[::-1]), (tf.unstack(x)[1], value[1]),
    ]  # fmt: skip
    for got, (_, expected) in zip(run([tensor for tensor, _ in cases], {x: value}), cases):
        assert texts(got) == texts(expected)


def test_comparisons_of_text_feed_numbers(executor):
    x = tf.placeholder(tf.string, [None])
    total = tf.reduce_sum(tf.cast(tf.equal(x, "yes"), tf.float32))
    with tf.Session() as session:
        assert session.run(total, {x: ["yes", "no", "yes"]}) == 2
        assert session.run(total, {x: []}) == 0


def test_fetched_text_is_the_callers_own(executor):
    constant = tf.constant(["a", "b"])
    with tf.Session() as session:
        session.run(constant)[0] = b"changed"
        assert texts(session.run(constant)) == [b"a", b"b"]


# --- ops ------------------------------------------------------------------------------------------------


def test_join(executor):
    assert texts(run(tf.string_join([["a", "b"], "x", ["p", "q"]], "-"))) == [b"a-x-p", b"b-x-q"]
    assert tf.string_join(["a", tf.constant(["b", "c"])]).shape.as_list() == [2]
    with pytest.raises(ValueError):
        tf.string_join([["a", "b"], ["x"]])


@pytest.mark.parametrize(
    "axis, options, expected",
    [
        (0, {}, [b"ac", b"bd"]), (-1, {}, [b"ab", b"cd"]), (None, {}, b"abcd"), ([1, 0], {}, b"abcd"),
        ([0, 1], {"separator": "-", "keep_dims": True}, [[b"a-c-b-d"]]), ([], {}, [[b"a", b"b"], [b"c", b"d"]]),
    ],
)  # fmt: skip
def test_reduce_join(executor, axis, options, expected):
    joined = tf.reduce_join(tf.constant([["a", "b"], ["c", "d"]]), axis, **options)
    assert joined.op.name == "ReduceJoin/ReduceJoin"
    assert joined.shape.as_list() == list(np.shape(expected))
    assert texts(run(joined)) == expected


def test_reduce_join_of_open_rank(executor):
    x = tf.placeholder(tf.string, None)
    joined = tf.reduce_join(x)
    with tf.Session() as session:
        assert session.run(joined, {x: [["a", "b"], ["c", "d"]]}) == b"abcd"
        assert session.run(joined, {x: ["x", "y"]}) == b"xy"


@pytest.mark.parametrize(
    "value, options, expected",
    [
        ([1.5, 1e-8, np.nan, np.inf], {}, [b"1.500000", b"0.000000", b"nan", b"inf"]), ([1.5], {"precision": 2}, [b"1.50"]),
        ([1.5], {"scientific": True}, [b"1.500000e+00"]), ([1e-8], {"shortest": True, "width": 10}, [b"     1e-08"]),
        ([1, -20], {"width": 5, "fill": "0"}, [b"00001", b"-0020"]), ([1, -20], {"width": 5, "fill": "-"}, [b"1    ", b"-20  "]),
        ([True, False], {}, [b"true", b"false"]), ([1 + 2j], {}, [b"(1.000000,2.000000)"]),
    ],
)  # fmt: skip
def test_numbers_as_text(executor, value, options, expected):
    assert texts(run(tf.as_string(tf.constant(value), **options))) == expected


def test_numbers_as_text_refuses_a_precision_of_integers(executor):
    with pytest.raises(tf.errors.InvalidArgumentError, match="precision not supported for datatype int32"):
        run(tf.as_string(tf.constant([1]), precision=5))


def test_numbers_as_text_refuses_two_notations(executor):
    with pytest.raises(tf.errors.InvalidArgumentError, match="Cannot select both scientific and shortest notation"):
        run(tf.as_string(tf.constant([1.5]), scientific=True, shortest=True))


def test_text_as_numbers(executor):
    np.testing.assert_array_equal(
        run(tf.string_to_number(["1.5", " 2 ", "1e3", "inf"])), np.float32([1.5, 2, 1000, np.inf])
    )
    got = run(tf.strings.to_number(["15", "-3"], tf.int64))
    assert got.dtype == np.int64 and got.tolist() == [15, -3]
    for text, dtype in (("x1", tf.float32), ("1.5", tf.int32), ("99999999999", tf.int32), ("1_0", tf.int32)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="could not correctly convert string: " + text):
            run(tf.string_to_number([text], dtype))


def test_hashes_are_tensorflows(executor):
    assert run(tf.string_to_hash_bucket(["a", "hello", ""], 10)).tolist() == [8, 8, 9]
    values = [
        "a",
        "hello",
        "",
        "hello world, this is a longer text for hashing",
        "x" * 70,
        "0123456789abcdef01",
        "y" * 200,
    ]
    expected = [384735799, 359589692, 912170738, 516361530, 623903736, 237994539, 960752327]
    assert run(tf.string_to_hash_bucket_fast(values, 1000000007)).tolist() == expected
    strong = run(tf.string_to_hash_bucket_strong(["a", "hello", "", "hello world this"], 1000000007, [1, 2]))
    assert strong.tolist() == [142192448, 889399473, 436933189, 660242646]
    with pytest.raises(tf.errors.InvalidArgumentError, match="Key must have 2 elements"):
        run(tf.string_to_hash_bucket_strong(["a"], 10, [1]))


def test_substr(executor):
    assert texts(run(tf.substr(["hello", "world"], 1, 3))) == [b"ell", b"orl"]
    assert texts(run(tf.substr(["hello", "world"], [1, -2], [3, 1]))) == [b"ell", b"l"]
    assert run(tf.strings.substr("héllo", 1, 2, unit="UTF8_CHAR")) == "él".encode()
    with pytest.raises(tf.errors.InvalidArgumentError, match="pos 9 out of range for string b'hello' at index 0"):
        run(tf.substr("hello", 9, 3))


def test_lengths_and_cases(executor):
    assert run(strings.length(["héllo", "a"])).tolist() == [6, 1]
    assert run(strings.length(["héllo", "a"], unit="UTF8_CHAR")).tolist() == [5, 1]
    assert texts(run(tf.string_strip([" a b\n\t"]))) == [b"a b"]
    assert texts(run(strings.lower(["ABcÉ"]))) == ["abcÉ".encode()]
    assert texts(run(strings.lower(["ABcÉ"], encoding="utf-8"))) == ["abcé".encode()]
    assert texts(run(strings.upper(["abcé"]))) == ["ABCé".encode()]


def test_regular_expressions(executor):
    assert tf.regex_replace(["a"], "b", "c").op.type == "StaticRegexReplace"
    assert tf.regex_replace(["a"], tf.constant("b"), "c").op.type == "RegexReplace"
    assert texts(run(tf.regex_replace(["abcabc"], "b(.)", r"\1x"))) == [b"acxacx"]
    assert texts(run(tf.regex_replace(["abcabc"], tf.constant("b"), r"\\", replace_global=False))) == [rb"a\cabc"]
    assert run(strings.regex_full_match(["abc", "ab"], "a.c")).tolist() == [True, False]
    assert run(strings.regex_full_match(["abc", "ab"], tf.constant("a."))).tolist() == [False, True]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Invalid pattern: b\(, error"):
        run(tf.regex_replace(["a"], "b(", "x"))


def test_base64(executor):
    assert texts(run(tf.encode_base64(["hello?>~", "a"]))) == [b"aGVsbG8_Pn4", b"YQ"]
    assert texts(run(tf.encode_base64(["a"], pad=True))) == [b"YQ=="]
    assert texts(run(tf.decode_base64(["aGVsbG8_Pn4", "YQ=="]))) == [b"hello?>~", b"a"]
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(tf.decode_base64(["*"]))


def test_decode_raw(executor):
    x = tf.placeholder(tf.string, [None])
    numbers = tf.decode_raw(x, tf.int16)
    assert numbers.shape.as_list() == [None, None]
    swapped = tf.decode_raw(x, tf.int16, little_endian=False)
    with tf.Session() as session:
        assert session.run(numbers, {x: ["abcd", "efgh"]}).tolist() == [[25185, 25699], [26213, 26727]]
        assert session.run(tf.reduce_sum(swapped), {x: ["ab"]}) == 24930
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="length 3 that is not a multiple of 2, the size of int16"
        ):
            session.run(numbers, {x: ["abc"]})
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="to all be the same size, but element 1 has size 4 != 2"
        ):
            session.run(numbers, {x: ["abcd", "ef"]})


def test_format(executor):
    got = run(strings.format("x {} y {}", (tf.constant(1), tf.constant(["a", "b"]))))
    assert got == b'x 1 y ["a" "b"]'
    with pytest.raises(ValueError, match=r"2 placeholder\(s\) in template does not match 1 tensor"):
        strings.format("{} {}", tf.constant(1))


def test_places_without_text_are_empty(executor):
    x = tf.placeholder(tf.string, [2])
    with tf.Session() as session:
        feeds = {x: ["ab", "c"]}
        assert session.run(tf.pad(x, [[1, 2]]), feeds).tolist() == [b"", b"ab", b"c", b"", b""]
        assert session.run(tf.scatter_nd([[3], [3]], x, [4]), feeds).tolist() == [b"", b"", b"", b"abc"]
        assert session.run(tf.dynamic_stitch([[2, 0]], [x]), feeds).tolist() == [b"c", b"", b"ab"]
        assert session.run(tf.where_v2([True, False], x, "z"), feeds).tolist() == [b"ab", b"z"]
        assert sorted(session.run(tf.random_shuffle(x), feeds)) == [b"ab", b"c"]


# --- encodings, segments, files --------------------------------------------------------------------------------------


def test_text_in_other_encodings(executor):
    texts = tf.constant(["hé".encode(), b"a\xffb", b"x\ty"])
    with tf.Session() as session:
        found = session.run(
            [
                tf.strings.unicode_transcode(texts, "UTF-8", "UTF-16-BE"),
                tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", "ignore", replace_control_characters=True),
                tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", replacement_char=63),
            ]
        )
        assert found[0].tolist() == ["hé".encode("utf-16-be"), "a�b".encode("utf-16-be"), "x\ty".encode("utf-16-be")]
        assert found[1].tolist() == ["hé".encode(), b"ab", b"xy"]
        assert found[2].tolist() == ["hé".encode(), b"a?b", b"x\ty"]
        for encoding, text in (("UTF-8", "Invalid formatting on input string"), ("KLINGON", "input encoding: KLINGON")):
            with pytest.raises(tf.errors.InvalidArgumentError, match=text):
                session.run(tf.strings.unicode_transcode(texts, encoding, "UTF-8", "strict"))
    with pytest.raises(
        ValueError, match="Attr 'output_encoding' of 'UnicodeTranscode' Op passed string 'ASCII' not in"
    ):
        tf.strings.unicode_transcode(texts, "UTF-8", "ASCII")


def test_texts_joined_by_segments(executor):
    texts, numbers = tf.constant([["a", "b"], ["c", "d"], ["e", "f"]]), tf.placeholder(tf.int32, [None])
    joined = tf.strings.unsorted_segment_join(texts, numbers, 3, "-")
    with tf.Session() as session:
        found = session.run(joined, {numbers: [2, 0, 2]})
        assert found.tolist() == [[b"c", b"d"], [b"", b""], [b"a-e", b"b-f"]]
        for bad in (3, -1):
            with pytest.raises(tf.errors.InvalidArgumentError, match="not allowed to exceed num_segments"):
                session.run(joined, {numbers: [0, 1, bad]})
    with pytest.raises(ValueError, match="segment_ids of 3 axes do not fit inputs of 2"):
        tf.strings.unsorted_segment_join(texts, [[[0]]], 3)


def test_files_are_written_and_read(executor, tmp_path):
    path = str(tmp_path / "new" / "file")
    written = tf.write_file(path, tf.constant(b"one\xff"))
    with tf.control_dependencies([written]):
        read = tf.io.read_file(path)
    with tf.Session() as session:
        assert session.run(read) == b"one\xff"
        with pytest.raises(tf.errors.NotFoundError, match="missing; No such file or directory"):
            session.run(tf.read_file(str(tmp_path / "missing")))
        with pytest.raises(tf.errors.FailedPreconditionError, match="new; Is a directory"):
            session.run(tf.write_file(str(tmp_path / "new"), "text"))
        computed = tf.constant(str(tmp_path / "joined"))
        session.run(tf.write_file(computed + ".txt", computed + "!"))
    assert (tmp_path / "joined.txt").read_text() == str(tmp_path / "joined!")
    with pytest.raises(ValueError, match="Shape must be rank 0 but is rank 1"):
        tf.read_file([path])


def test_wide_texts_end_with_the_time_limit(executor):
    texts = tf.as_string(tf.ones([20000]), width=100000)
    with tf.Session(config=tf.ConfigProto(operation_timeout_in_ms=100)) as session:
        with pytest.raises(tf.errors.DeadlineExceededError, match="Timed out waiting for the step"):
            session.run(texts)
        assert session.run(tf.as_string(1)) == b"1"


def test_texts_that_no_memory_holds_are_refused(executor):
    with tf.Session() as session:
        with pytest.raises(tf.errors.ResourceExhaustedError, match="OOM when making 3 texts of 2000000000 bytes"):
            session.run(tf.as_string(tf.ones([3]), width=2 * 10**9))
        with pytest.raises(
            tf.errors.ResourceExhaustedError, match=r"OOM when allocating tensor with shape\[2147483647, 2\]"
        ):
            session.run(tf.strings.unsorted_segment_join([["a", "b"]], [0], 2**31 - 1))
        joined = tf.strings.unsorted_segment_join([["a", "b"], ["c", "d"], ["e", "f"]], [2, 0, 2], 4, "-")
        assert session.run(joined).tolist() == [[b"c", b"d"], [b"", b""], [b"a-e", b"b-f"], [b"", b""]]


def test_an_axis_of_texts_to_join_that_there_is_not():
    with pytest.raises(ValueError, match="Invalid reduction dimension 5 for input with 2 dimensions"):
        tf.reduce_join([["a"]], 5)


# --- many at a time: what goes the short way gives what the long way gives ------------------------------------


def test_hashes_of_texts_of_every_length():
    values = [bytes((7 * i + k) % 256 for k in range(i)) for i in range(300)]
    for is_farm, one in ((True, _string_hashes.farm), (False, _string_hashes.murmur)):
        found = _core.text_buckets(values, (1 << 61) + 3, is_farm)
        assert found.tolist() == [one(value) % ((1 << 61) + 3) for value in values]
    with pytest.raises(TypeError, match="expected bytes, got str"):
        _core.text_buckets(["a"], 3, True)


@pytest.mark.parametrize("rewrite", [r"z", r"<\2\1\0>", r"\\", r"\n", r"[\2]"])
def test_rewrites_with_and_without_groups(executor, rewrite):
    expected = {
        r"z": [b"zc", b"z", b"q"], r"<\2\1\0>": [b"<baab>c", b"<aa>", b"q"], r"\\": [b"\\c", b"\\", b"q"],
        r"\n": [b"c", b"", b"q"], r"[\2]": [b"[b]c", b"[]", b"q"],
    }  # fmt: skip
    assert texts(run(tf.regex_replace(["abc", "a", "q"], "(a)(b)?", rewrite))) == expected[rewrite]


@pytest.mark.parametrize(
    ("pattern", "rewrite", "everywhere", "once"),
    [
        ("a", r"<\1>", b"<>b<>b", b"<>bab"),  # a group that is not there is empty
        ("(a)|b", r"<\1>", b"<a><><a><>", b"<a>bab"),  # and so is one that takes no part
        ("a", r"xy\zq", b"xybxyb", b"abab"),  # what cannot be read ends a rewrite, and spoils one of a single place
        ("a", "xy\\", b"xybxyb", b"abab"),
        ("(a)", r"\1\1\z", b"aabaab", b"abab"),
    ],
)
def test_rewrites_that_are_not_quite_right(executor, pattern, rewrite, everywhere, once):
    text = tf.constant(["abab", "zz"])
    for rewritten in (rewrite, tf.identity(tf.constant(rewrite))):
        for all_of_them, expected in ((True, everywhere), (False, once)):
            found = run(tf.regex_replace(text, pattern, rewritten, replace_global=all_of_them))
            assert texts(found) == [expected, b"zz"]


@pytest.mark.parametrize(
    ("text", "pattern", "everywhere", "once"),
    [
        ("日本é", ".", "<日><本><é>", "<日>本é"),  # characters, not bytes
        ("日本é", "[日é]", "<日>本<é>", "<日>本é"),
        ("日a", "[^[:alpha:]]", "<日>a", "<日>a"),
        ("日a", "[[:^alpha:]]", "<日>a", "<日>a"),
        ("a_1 b", "[[:digit:]_ ]+", "a<_1 >b", "a<_1 >b"),
        ("[x]", "[][]", "<[>x<]>", "<[>x]"),
        ("aab", "a*", "<aa>b<>", "<aa>b"),  # nothing right behind another match is none
        ("ab", "|a", "<>a<>b<>", "<>ab"),
        ("日x", "x*?", "<>日<>x<>", "<>日x"),
        ("a\n", "$", "a\n<>", "a\n<>"),  # the end is that of the text
        ("a\n", r"a\z", "a\n", "a\n"),
        ("a\na", "(?m)a$", "<a>\n<a>", "<a>\na"),
        ("a.b", r"\Q.\E", "a<.>b", "a<.>b"),
        ("a$[$]", r"[$]|\$", "a<$>[<$>]", "a<$>[$]"),
    ],
)
def test_patterns_are_those_of_re2(executor, text, pattern, everywhere, once):
    for all_of_them, expected in ((True, everywhere), (False, once)):
        found = run(tf.regex_replace([text], pattern, r"<\0>", replace_global=all_of_them))
        assert texts(found) == [expected.encode()]


def test_whole_matches_and_patterns_that_are_none(executor):
    assert run(tf.strings.regex_full_match(["日", "日\n", "ab"], ".$")).tolist() == [True, False, False]
    for pattern, what in (
        (r"(a)\1", r"invalid escape sequence: \\1"),
        ("[[:some:]]", "invalid character class range: .:some:."),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"Invalid pattern: .*, error: {what}"):
            run(tf.regex_replace(["a"], pattern, "x"))
    for pattern in (r"\pL", r"\C", "(?U)a+"):  # TensorFlow has these
        with pytest.raises(tf.errors.InvalidArgumentError, match="Invalid pattern"):
            run(tf.regex_replace(["a"], pattern, "x"))


def test_bytes_that_are_no_text_come_through_patterns(executor):
    assert texts(run(tf.regex_replace([b"\xffa\xc3", b"\xe6\x97a"], "a", b"\xfe"))) == [
        b"\xff\xfe\xc3",
        b"\xe6\x97\xfe",
    ]


def test_texts_of_infinities_are_filled_by_spaces_and_nan_has_a_sign(executor):
    values = np.array([np.inf, -np.inf, np.nan, -np.nan, 1.5])
    assert texts(run(tf.as_string(values, fill="0", width=6, precision=1))) == [
        b"   inf", b"  -inf", b"   nan", b"  -nan", b"0001.5"]  # fmt: skip
    assert texts(run(tf.as_string(values, fill="-", width=5, precision=1))) == [
        b"inf  ", b"-inf ", b"nan  ", b"-nan ", b"1.5  "]  # fmt: skip
    assert texts(run(tf.as_string(values, fill="+", width=5, precision=1)))[2:] == [b" +nan", b" -nan", b" +1.5"]
    assert texts(run(tf.as_string([complex(np.inf, -2)], fill="0", width=5, precision=1))) == [b"(  inf,-02.0)"]
    assert texts(run(tf.as_string([2.5], fill="+", precision=1))) == [b"2.5"]  # no width, no fill


def test_settings_of_texts_of_numbers_are_checked_for_bools_too(executor):
    with pytest.raises(tf.errors.InvalidArgumentError, match="precision not supported for datatype bool"):
        run(tf.as_string([True], precision=1))
    with pytest.raises(tf.errors.InvalidArgumentError, match="Fill string must be one or fewer characters"):
        run(tf.as_string([True], fill="ab"))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+5", 5), ("0x10", 16), (" -0XfF ", -255), ("  ", 0), ("-INF", -np.inf), ("+nan", np.nan), (".5e1", 5), ("1e400", np.inf),
        ("0x1p3", None), ("-Infinity", None), ("infinity", None), ("", None), ("+-1", None), ("0x", None), ("\x1f5", None),
    ],
)  # fmt: skip
def test_floats_of_texts(executor, text, number):
    for dtype in (tf.float32, tf.float64):
        made = tf.string_to_number(["1", text], dtype)
        if number is None:
            with pytest.raises(
                tf.errors.InvalidArgumentError, match="could not correctly convert string: " + re.escape(text)
            ):
                run(made)
        else:
            np.testing.assert_array_equal(run(made), np.array([1, number], dtype.as_numpy_dtype))


@pytest.mark.parametrize("text", ["+5", "0x10", "1.0", "1e3", "5\x1f", "- 5", ""])
def test_texts_that_are_no_integers(executor, text):
    for dtype in (tf.int32, tf.int64):
        with pytest.raises(tf.errors.InvalidArgumentError, match="could not correctly convert string: "):
            run(tf.string_to_number(["1", text], dtype))


def test_a_text_is_rounded_once(executor):
    middle = "1.000000059604644775390625"
    for more, expected in (("", 1.0), ("6", 1 + 2**-23)):
        assert run(tf.string_to_number(middle + more)) == np.float32(expected)
        assert run(tf.string_to_number("-" + middle + more)) == -np.float32(expected)
    assert run(tf.string_to_number("1.00000005960464477539062")) == 1  # below the middle
    assert run(tf.string_to_number(["0x1000001", "0x1000003"])).tolist() == [16777216, 16777220]


@pytest.mark.parametrize("bad", ["1_0", "\u0661", "x", "", "1e"])
def test_one_bad_number_among_many_is_named(executor, bad):
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"could not correctly convert string: {bad}"):
        run(tf.string_to_number(["1", " 2.5 ", bad]))


def test_parts_of_texts_behind_their_end_are_refused_by_their_place(executor):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"pos 2 out of range for string b'a' at index 1"):
        run(tf.strings.substr(["abc", "a"], 2, 1))
    assert texts(run(tf.strings.substr(["abc", "ab"], 2, 5))) == [b"c", b""]
    assert run(tf.strings.substr(["abc"], [[1]], [[1]])).shape == (1, 1)


def test_parts_of_negative_lengths_are_all_that_is_left(executor):
    assert texts(run(tf.strings.substr(["abcd", "xyz"], 1, -1))) == [b"bcd", b"yz"]
    assert texts(run(tf.strings.substr(["abcd", "xyz"], [-2, -1], [-1, -7]))) == [b"cd", b"z"]
    assert texts(run(tf.strings.substr(["abcd"], 1, -1, unit="UTF8_CHAR"))) == [b""]  # of characters they are none
    with pytest.raises(tf.errors.InvalidArgumentError, match="pos -2 out of range for string at index 0"):
        run(tf.strings.substr(["abcd"], -2, -1, unit="UTF8_CHAR"))


def test_characters_of_texts_that_are_not_utf8(executor):
    def part(text, position, length):
        return run(tf.strings.substr([text], position, length, unit="UTF8_CHAR"))[0]

    assert part(b"\xff\xfeab", -3, 2) == b"\xfea" and part(b"\xff\xfeab", 1, 9) == b"\xfeab"
    assert part(b"a\x80\x80b", 0, 1) == b"a\x80\x80" and part(b"a\x80\x80b", -1, 1) == b"b"
    assert part(b"\x80\x80b", 0, 1) == b"\x80\x80" and part("é中a".encode(), -3, 2) == "é中".encode()


def test_many_numbers_as_texts(executor):
    values = np.arange(1000) - 500
    assert texts(run(tf.as_string(values))) == [b"%d" % v for v in values.tolist()]
    assert texts(run(tf.as_string(values > 0)))[498:502] == [b"false", b"false", b"false", b"true"]


def test_a_text_of_open_rank_that_is_joined_leaves_the_shape_of_the_others():
    texts, rows = tf.placeholder(tf.string), tf.placeholder(tf.string, [3, 1])
    assert tf.strings.join([texts, rows]).shape.as_list() == [3, 1]
    assert tf.strings.join([texts, "a"]).shape.ndims is None
