"""Files that are cut short, changed or made up: what is read from them is right, or refused by an error that names the file."""

import gc
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

import hookloop as tf
from hookloop.files import bundle, run_state, table
from hookloop.files.messages import BundleEntryProto, BundleHeaderProto

from ..files.test_bundle import VALUES, items
from .dose import dose

FIXTURES = Path(__file__).parent.parent / "fixtures"

# What protobuf's reader of text says of changed bytes.
pytestmark = pytest.mark.filterwarnings("ignore:invalid .*escape")


@st.composite
def damage(draw):
    """What changes the bytes of a file: some are cut off, put in or become others."""
    kind = draw(st.sampled_from(["cut", "flip", "replace", "insert", "remove", "swap"]))
    place, other = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    more, bit = draw(st.binary(min_size=1, max_size=12)), draw(st.integers(0, 7))

    def apply(data):
        at, second = int(place * max(len(data) - 1, 0)), int(other * max(len(data) - 1, 0))
        if kind == "cut" or not data:
            return data[:at]
        if kind == "flip":
            return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
        if kind == "replace":
            return data[:at] + more + data[at + len(more) :]
        if kind == "insert":
            return data[:at] + more + data[at:]
        if kind == "remove":
            return data[:at] + data[at + len(more) :]
        first, last = sorted((at, second))
        return data[:first] + data[last:] + data[first:last]

    return apply


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Two checkpoints in a directory, the state file and the meta graph of the later one."""
    directory = tmp_path_factory.mktemp("checkpoints")
    with tf.Graph().as_default():
        step = tf.train.get_or_create_global_step()
        w = tf.get_variable("w", [50], initializer=tf.zeros_initializer())
        text = tf.get_variable("text", initializer=["a", "bc"])
        more = tf.group(tf.assign_add(step, 1), tf.assign_add(w, tf.ones([50])), tf.assign(text, ["x", "yz"]))
        saver = tf.train.Saver()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for _ in range(2):
                session.run(more)
                with run_state.written_beside(str(directory / f"m-{session.run(step)}"), {"steps": [1, 2.5, b"x"]}):
                    saver.save(session, str(directory / "m"), step)
    return directory


def values_of(prefix):
    reader = tf.train.load_checkpoint(prefix)
    return {name: reader.get_tensor(name).tolist() for name in reader.get_variable_to_shape_map()}


def whole(step):
    return {"global_step": step, "w": [float(step)] * 50, "text": [b"x", b"yz"]}


@pytest.mark.parametrize("ending", ["index", "data-00000-of-00001"])
@dose(150)
@given(damage())
def test_a_checkpoint_is_read_as_it_was_written_or_refused(ending, checkpoints, apply):
    path = checkpoints / f"m-2.{ending}"
    before = path.read_bytes()
    path.write_bytes(apply(before))
    try:
        assert values_of(str(checkpoints / "m-2")) == whole(2)
    except tf.errors.OpError as error:
        assert "m-2" in str(error) or "'" in str(error)
    finally:
        path.write_bytes(before)
    assert values_of(str(checkpoints / "m-1")) == whole(1)


@dose(100)
@given(damage(), damage())
def test_no_variable_changes_where_a_checkpoint_is_refused(checkpoints, apply, again):
    path = checkpoints / "m-2.data-00000-of-00001"
    before = path.read_bytes()
    with tf.Graph().as_default(), tf.Session() as session:
        saver = tf.train.import_meta_graph(str(checkpoints / "m-2.meta"))
        saver.restore(session, str(checkpoints / "m-1"))
        path.write_bytes(again(apply(before)))
        try:
            saver.restore(session, str(checkpoints / "m-2"))
            step = 2
        except tf.errors.OpError:
            step = 1
        finally:
            path.write_bytes(before)
        assert session.run(["w:0", "global_step:0"])[0].tolist() == [float(step)] * 50
        assert session.run("global_step:0") == step
        saver.restore(session, str(checkpoints / "m-2"))


@dose(150)
@given(damage())
def test_a_state_file_names_a_checkpoint_or_none(checkpoints, apply):
    path = checkpoints / "checkpoint"
    before = path.read_bytes()
    path.write_bytes(apply(before))
    try:
        found = tf.train.latest_checkpoint(str(checkpoints))
        assert found is None or values_of(found) in (whole(1), whole(2))
    except ValueError as error:
        assert "Invalid checkpoint state loaded from" in str(error)
    finally:
        path.write_bytes(before)


@dose(150)
@given(damage())
def test_the_state_of_a_run_is_read_as_it_was_written_or_refused(checkpoints, apply):
    path = Path(run_state.path_of(str(checkpoints / "m-2")))
    before = path.read_bytes()
    path.write_bytes(apply(before))
    try:
        assert run_state.read(str(checkpoints / "m-2")) in ({"steps": [1, 2.5, b"x"]}, None)
    except tf.errors.DataLossError as error:
        assert path.name in str(error)
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("name", ["m-2.meta", "text"])
@dose(100)
@given(damage())
def test_a_meta_graph_is_imported_or_refused(name, checkpoints, tmp_path_factory, apply):
    path = checkpoints / name
    if name == "text":
        with tf.Graph().as_default():
            tf.train.import_meta_graph(str(checkpoints / "m-2.meta"))
            tf.train.export_meta_graph(str(path), as_text=True)
    before = path.read_bytes()
    path.write_bytes(apply(before))
    try:
        with tf.Graph().as_default():
            tf.train.import_meta_graph(str(path))
    except (tf.errors.OpError, ValueError, TypeError, OSError) as error:
        assert type(error) is not UnicodeDecodeError
        assert str(error)
    finally:
        path.write_bytes(before)


@dose(150)
@given(damage())
def test_events_are_read_as_they_were_written_until_the_damage(tmp_path_factory, apply):
    directory = tmp_path_factory.mktemp("events")
    with tf.summary.FileWriter(str(directory)) as writer:
        for step in range(5):
            writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="x", simple_value=step)]), step)
    (path,) = directory.iterdir()
    before = [event.SerializeToString() for event in tf.train.summary_iterator(str(path))]
    path.write_bytes(apply(path.read_bytes()))
    found = []
    try:
        for event in tf.train.summary_iterator(str(path)):
            found.append(event.SerializeToString())
    except tf.errors.DataLossError as error:
        assert path.name in str(error)
    assert all(event in before for event in found)
    shutil.rmtree(directory)


# --- indices whose checksums are right ----------------------------------------------------------------------

_NUMBERS = st.one_of(
    st.integers(-3, 40), st.sampled_from([2**31 - 1, -(2**31), 2**31]), st.integers(-(2**63), 2**63 - 1)
)
_SMALL = st.one_of(st.integers(-2, 30), st.sampled_from([2**31 - 1, -(2**31)]))


@st.composite
def entries(draw):
    """An entry of an index that says anything."""
    entry = BundleEntryProto(
        shard_id=draw(_SMALL), offset=draw(_NUMBERS), size=draw(_NUMBERS), crc32c=draw(st.integers(0, 2**32 - 1))
    )
    entry.dtype = draw(st.one_of(st.integers(0, 30), st.integers(100, 130)))
    for size in draw(st.lists(_NUMBERS, max_size=3)):
        entry.shape.dim.add(size=size)
    for extents in draw(st.lists(st.lists(st.tuples(_NUMBERS, st.none() | _NUMBERS), max_size=3), max_size=2)):
        part = entry.slices.add()
        for start, length in extents:
            extent = part.extent.add(start=start)
            if length is not None:
                extent.length = length
    return entry


@dose(300)
@given(
    st.dictionaries(st.binary(min_size=1, max_size=6), entries() | st.binary(max_size=20), max_size=4),
    _SMALL,
    st.integers(0, 1),
)
def test_an_index_that_says_anything(tmp_path_factory, found, shards, endianness):
    directory = tmp_path_factory.mktemp("made-up")
    prefix = str(directory / "m")
    header = BundleHeaderProto(num_shards=shards, endianness=endianness)
    pairs = {b"": header.SerializeToString()}
    pairs.update({k: v if isinstance(v, bytes) else v.SerializeToString() for k, v in found.items()})
    Path(bundle.index_path(prefix)).write_bytes(table.write_table(sorted(pairs.items())))
    Path(bundle.data_path(prefix, 0, max(shards, 0))).write_bytes(bytes(40))
    try:
        reader = tf.train.load_checkpoint(prefix)
        shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    except tf.errors.OpError as error:
        assert prefix in str(error)
    else:
        for name in shapes:
            assert name in dtypes
            with pytest.raises(tf.errors.OpError):
                # A tensor of no elements is whole; so is one whose checksum fits by chance.
                value = reader.get_tensor(name)
                raise tf.errors.OutOfRangeError(None, None, str(value.dtype))
    shutil.rmtree(directory)


@dose(30)
@given(damage())
def test_a_real_index_with_damaged_entries(tmp_path_factory, apply):
    directory = tmp_path_factory.mktemp("entries")
    prefix = str(directory / "m")
    bundle.write(prefix, items(VALUES))
    path = Path(bundle.index_path(prefix))
    pairs = table.read_table(path.read_bytes(), "index")
    for k in range(len(pairs)):
        key, value = pairs[k]
        path.write_bytes(table.write_table([*pairs[:k], (key, apply(value)), *pairs[k + 1 :]]))
        try:
            reader = bundle.BundleReader(prefix)
            value = reader.read(key.decode()) if key else reader.names()
            if key and value.dtype == np.asarray(VALUES[key.decode()]).dtype and value.size:
                assert value.ravel().tolist() == np.asarray(VALUES[key.decode()]).ravel().tolist()
        except tf.errors.OpError as error:
            assert prefix in str(error) or "not found in checkpoint" in str(error)
    shutil.rmtree(directory)


# --- nothing that is read is run ----------------------------------------------------------------------------


class Bomb:
    """What runs when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_no_file_runs_code(tmp_path, monkeypatch):
    import pickle

    monkeypatch.chdir(tmp_path)
    bomb = pickle.dumps(Bomb())
    prefix = str(tmp_path / "m")
    bundle.write(prefix, [("v", np.array([bomb], object), tf.string, None)])
    assert tf.train.load_variable(prefix, "v").tolist() == [bomb]
    for name in ("m.index", "checkpoint", "g.pb", "g.pbtxt", "e.tfevents", "c.npz", "m.hookloop-state", "m.meta"):
        Path(name).write_bytes(bomb)
    for read in (
        lambda: tf.train.load_checkpoint(prefix),
        lambda: tf.train.latest_checkpoint(str(tmp_path)),
        lambda: list(tf.train.summary_iterator("e.tfevents")),
        lambda: tf.GraphDef.FromString(Path("g.pb").read_bytes()),
        lambda: tf.train.import_meta_graph("m.meta"),
        lambda: run_state.read(prefix),
        lambda: tf.Session().run(tf.data.Dataset.range(1).cache("c").make_one_shot_iterator().get_next()),
    ):
        try:
            read()
        except (tf.errors.OpError, ValueError, DecodeError, OSError):
            pass
    assert not os.path.exists("exploded")


def test_a_graph_that_names_python_functions_calls_none(executor):
    """A py_func is a function that this program has given to a graph that is there; no name in a file stands for another."""
    called = []
    with tf.Graph().as_default() as graph:
        y = tf.py_func(lambda: called.append(1) or np.float32(1), [], tf.float32, name="y")
        message, token = graph.as_graph_def(), y.op.get_attr("token")
    del graph, y
    gc.collect()
    for other in (token, b"pyfunc_123456789", b"os.getcwd", b"", b"\xff"):
        message.node[0].attr["token"].s = other
        with tf.Graph().as_default():
            (z,) = tf.import_graph_def(message, return_elements=["y:0"])
            with tf.Session() as session, pytest.raises((tf.errors.OpError, ValueError)) as caught:
                session.run(z)
            assert "y" in str(caught.value)
    assert called == []
