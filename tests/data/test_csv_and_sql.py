"""Records of CSV files and rows of databases; values and texts are TensorFlow 1.15's."""

import gzip
import sqlite3
from collections import OrderedDict

import numpy as np
import pytest

import hookloop as tf

from .test_more_experimental import elements

Dataset = tf.data.Dataset
experimental = tf.data.experimental
CsvDataset, make_csv_dataset = experimental.CsvDataset, experimental.make_csv_dataset


@pytest.fixture
def path(tmp_path):
    """A file with a header, a missing number, a quoted field and a missing text."""
    name = tmp_path / "a.csv"
    name.write_bytes(b'a,b,c\n1,2.5,x\n2,,"y,z"\n3,4.5,\n')
    return str(name)


def test_records(executor, path):
    dataset = CsvDataset(path, [tf.int32, [0.0], ["-"]], header=True)
    assert [spec.dtype for spec in dataset.element_spec] == [tf.int32, tf.float32, tf.string]
    assert [t.op.name for t in dataset._variant_tensor.op.inputs] == [
        "filenames", "compression_type", "buffer_size", "header", "field_delim", "use_quote_delim", "na_value", "select_cols",
        "Const", "record_defaults_1", "record_defaults_2",
    ]  # fmt: skip
    assert elements(dataset) == [(1, 2.5, b"x"), (2, 0.0, b"y,z"), (3, 4.5, b"-")]
    assert elements(CsvDataset(path, [[0.0], ["q"]], header=True, select_cols=[1, 2])) == [
        (2.5, b"x"), (0.0, b"y,z"), (4.5, b"q"),
    ]  # fmt: skip
    found = elements(CsvDataset([path, path], [[0], [0.0], [""]], header=True, na_value="3"))
    assert found == [(1, 2.5, b"x"), (2, 0.0, b"y,z"), (0, 4.5, b"")] * 2


@pytest.mark.parametrize(
    "content, defaults, options, expected, text",
    [
        (b"1,,x\n", [tf.int32, tf.float32, tf.string], {}, [], "Field 1 is required but missing in record!"),
        (b"a,1,x\n", [[0], [0.0], [""]], {}, [], "Field 0 in record is not a valid int32: a"),
        (b"1,2,3\n", [[0], [0]], {}, [], "Expect 2 fields but have more in record"),
        (b"1,2\n", [[0], [0], [0]], {}, [], "Expect 3 fields but have 2 in record"),
        (b'1,a"b\n', [[0], [""]], {}, [], "Unquoted fields cannot have quotes"),
        (
            b'1;"a;b"\r\n4;"q""r"\n\n',
            [tf.int64, tf.string],
            {"field_delim": ";"},
            [(1, b"a;b"), (4, b'q"r')],
            "Field 0 is required",
        ),
        (b"5,6\n1,x\n7,8", [tf.int64, tf.int64], {}, [(5, 6)], "Field 1 in record is not a valid int64: x"),
    ],
)
def test_records_that_cannot_be_read(executor, tmp_path, content, defaults, options, expected, text):
    name = tmp_path / "b.csv"
    name.write_bytes(content)
    following = CsvDataset(str(name), defaults, **options).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert [session.run(following) for _ in expected] == expected
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            session.run(following)
        if content.endswith(b"8"):
            assert session.run(following) == (7, 8)


def test_lines_inside_of_quotes_and_compressed_files(executor, tmp_path):
    name = tmp_path / "b.csv.gz"
    name.write_bytes(gzip.compress(b'1,"l\nm"\n2,n'))
    assert elements(CsvDataset(str(name), [tf.int64, tf.string], compression_type="GZIP")) == [(1, b"l\nm"), (2, b"n")]
    name.write_bytes(b"")
    with pytest.raises(tf.errors.OutOfRangeError, match="Can't read header of empty file|End of sequence"):
        with tf.Session() as session:
            session.run(CsvDataset(str(name), [tf.int64], header=True).make_one_shot_iterator().get_next())


@pytest.mark.parametrize(
    "options, text",
    [
        ({"select_cols": [1]}, "select_cols should match output size"),
        ({"select_cols": [1, 0]}, "select_cols should be strictly increasing indices"),
        ({"select_cols": [-1, 0]}, "select_cols should be non-negative indices"),
        ({"field_delim": ",,"}, "field_delim should be only 1 char"),
        ({"compression_type": "LZ"}, "Unsupported compression_type."),
        ({"record_defaults": [[1, 2], [3]]}, "There should only be 1 default per field but field 0 has 2"),
    ],
)
def test_arguments_that_do_not_fit(executor, path, options, text):
    iterator = CsvDataset(path, **{"record_defaults": [[0], [0]], **options}).make_initializable_iterator()
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(iterator.initializer)


def test_types_of_columns_become_nodes_before_values_do(path):
    before = len(tf.get_default_graph().get_operations())
    tf.data.experimental.CsvDataset(path, [tf.float32, [0], tf.string]).make_one_shot_iterator()
    names = [op.name for op in tf.get_default_graph().get_operations()[before:]]
    assert names[2:5] == ["Const", "Const_1", "record_defaults_1"]


def test_a_column_of_another_type():
    with pytest.raises(TypeError, match="expected a column of float32, .* got bool"):
        CsvDataset("a.csv", [tf.bool])


def columns(features):
    return OrderedDict((name, np.asarray(value).tolist()) for name, value in features.items())


def test_batches_of_columns(executor, path):
    dataset = make_csv_dataset(path, 2, num_epochs=1, shuffle=False)
    assert [(name, spec.dtype, spec.shape.as_list()) for name, spec in dataset.element_spec.items()] == [
        ("a", tf.int32, [None]), ("b", tf.float32, [None]), ("c", tf.string, [None]),
    ]  # fmt: skip
    assert [columns(batch) for batch in elements(dataset)] == [
        OrderedDict(a=[1, 2], b=[2.5, 0.0], c=[b"x", b"y,z"]), OrderedDict(a=[3], b=[4.5], c=[b""]),
    ]  # fmt: skip
    chosen = make_csv_dataset(path, 2, num_epochs=1, shuffle=False, select_columns=["c", 0])
    assert [columns(batch) for batch in elements(chosen)] == [
        OrderedDict(a=[1, 2], c=[b"x", b"y,z"]), OrderedDict(a=[3], c=[b""]),
    ]  # fmt: skip
    named = make_csv_dataset(path, 3, ["x", "y", "z"], ["", "", ""], num_epochs=1, shuffle=False, header=False)
    assert columns(elements(named)[0]) == OrderedDict(
        x=[b"a", b"1", b"2"], y=[b"b", b"2.5", b""], z=[b"c", b"x", b"y,z"]
    )


def test_epochs_in_the_order_of_the_file(executor, path):
    def first_columns(dataset, count=6):
        return [batch["a"].tolist() for batch in elements(dataset.take(count))]

    assert first_columns(make_csv_dataset(path, 2, num_epochs=2, shuffle=False)) == [[1, 2], [3, 1], [2, 3]]
    kinds = [op.type for op in tf.get_default_graph().get_operations() if "Dataset" in op.type]
    assert kinds[:5] == [
        "TensorSliceDataset",
        "ParallelInterleaveDataset",
        "RepeatDataset",
        "BatchDatasetV2",
        "MapDataset",
    ]
    assert first_columns(make_csv_dataset(path, 2, num_epochs=3, shuffle=False))[3:] == [[1, 2], [3]]
    assert first_columns(make_csv_dataset(path, 2, shuffle=False), 4) == [[1, 2], [3, 1], [2, 3], [1, 2]]
    assert first_columns(make_csv_dataset(path, 2, num_epochs=0, shuffle=False)) == []


def test_shuffled_batches_with_a_label(executor, path):
    dataset = make_csv_dataset(path, 2, num_epochs=2, shuffle_seed=3, label_name="a")
    found = elements(dataset)
    assert [label.tolist() for _, label in found] == [[3, 1], [2, 3], [1, 2]]
    assert [columns(features) for features, _ in found][1] == OrderedDict(b=[0.0, 4.5], c=[b"y,z", b""])
    endless = make_csv_dataset(path, 2, shuffle_seed=3, label_name="a")
    assert [op.type for op in tf.get_default_graph().get_operations() if op.type.endswith(("Dataset", "DatasetV2"))][-6:] == [
        "ShuffleDataset", "ParallelInterleaveDataset", "ShuffleAndRepeatDataset", "BatchDatasetV2", "MapDataset", "PrefetchDataset",
    ]  # fmt: skip
    assert len(elements(endless, 7)) == 7


def test_types_are_found_out(executor, tmp_path):
    name = tmp_path / "t.csv"
    name.write_bytes(b"a,b,c,d,e\n1,3000000000,1.5,1e300,\n2,2,2,2,\nx,y,z,u,v\n")
    dataset = make_csv_dataset(str(name), 1, num_rows_for_inference=2)
    assert [spec.dtype for spec in dataset.element_spec.values()] == [
        tf.int32,
        tf.int64,
        tf.float32,
        tf.float64,
        tf.string,
    ]
    assert [spec.dtype for spec in make_csv_dataset(str(name), 1).element_spec.values()] == [tf.string] * 5
    whole = make_csv_dataset(str(name), 3, num_epochs=1, shuffle=False, num_rows_for_inference=2, ignore_errors=True)
    assert columns(elements(whole)[0])["b"] == [3000000000, 2]


@pytest.mark.parametrize(
    "options, text",
    [
        ({"label_name": "zz"}, "`label_name` provided must be one of the columns."),
        ({"column_names": ["a", "a", "b"]}, "Cannot have duplicate column names."),
        ({"header": False}, "Cannot infer column names without a header line."),
        ({"select_columns": ["zz"]}, "there is no column 'zz'"),
        (
            {"select_columns": ["a", 0]},
            "select_columns contains duplicate columns|select_cols contains duplicate columns",
        ),
        ({"column_defaults": [1]}, "expected as many defaults as columns, 3, got 1"),
        ({"column_names": ["a", "b"]}, "CSV row has different number of fields than expected, 2"),
    ],
)
def test_columns_that_do_not_fit(path, options, text):
    with pytest.raises(ValueError, match=text):
        make_csv_dataset(path, 2, **options)


def test_files_that_are_not_there_or_differ(path, tmp_path):
    with pytest.raises(ValueError, match="No files match"):
        make_csv_dataset(str(tmp_path / "nothing*"), 2)
    with pytest.raises(ValueError, match="File pattern is empty."):
        make_csv_dataset([], 2)
    (tmp_path / "b.csv").write_bytes(b"a,c,b\n")
    with pytest.raises(ValueError, match="Files have different column names in the header row."):
        make_csv_dataset(str(tmp_path / "*.csv"), 2)


@pytest.fixture
def database(tmp_path):
    name = str(tmp_path / "d.db")
    with sqlite3.connect(name) as connection:
        connection.execute("create table t(a int, b real, c text, d int)")
        rows = [(1, 2.5, "x", 0), (2, None, None, 1), (300, 7.0, "é", 5)]
        connection.executemany("insert into t values(?, ?, ?, ?)", rows)
    connection.close()
    return name


@pytest.mark.parametrize(
    "query, types, expected",
    [
        ("select a, b, c, d from t order by a", (tf.int32, tf.float64, tf.string, tf.bool),
         [(1, 2.5, b"x", False), (2, 0.0, b"", True), (300, 7.0, "é".encode(), True)]),
        ("select a from t order by a desc", (tf.int64,), [(300,), (2,), (1,)]),
        ("select a from t", (tf.uint8,), [(1,), (2,), (44,)]),
        ("select c from t", (tf.int64,), [(0,), (0,), (0,)]),
        ("select a, b from t", (tf.string, tf.int32), [(b"1", 2), (b"2", 0), (b"300", 7)]),
        ("select '12ab', ' 3.5x'", (tf.int16, tf.float64), [(12, 3.5)]),
    ],
)  # fmt: skip
def test_rows_of_a_query(executor, database, query, types, expected):
    assert elements(experimental.SqlDataset("sqlite", database, query, types)) == expected
    assert elements(experimental.SqlDataset("sqlite", database, query, types).repeat(2)) == expected * 2


@pytest.mark.parametrize(
    "query, types, error, text",
    [
        ("select a from nosuch", (tf.int64,), tf.errors.UnknownError, "no such table: nosuch"),
        ("select a, b from t", (tf.int64,), tf.errors.InvalidArgumentError,
         r"The number of columns in query \(2\) must match the number of elements in output_types \(1\)."),
        ("select a from t", (tf.float32,), tf.errors.InvalidArgumentError, "Each element of `output_types_` must be one of"),
        ("delete from t returning a", (tf.int64,), tf.errors.UnknownError, "readonly database"),
    ],
)  # fmt: skip
def test_queries_that_fail(executor, database, query, types, error, text):
    iterator = experimental.SqlDataset("sqlite", database, query, types).make_initializable_iterator()
    following = iterator.get_next()
    with tf.Session() as session, pytest.raises(error, match=text):
        session.run(iterator.initializer)
        session.run(following)


def test_another_database_is_refused(database):
    iterator = experimental.SqlDataset("mysql", database, "select 1", (tf.int64,)).make_initializable_iterator()
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.InvalidArgumentError, match="The database type, mysql, is not support"),
    ):
        session.run(iterator.initializer)
