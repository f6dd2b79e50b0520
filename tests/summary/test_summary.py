"""Summaries: tags, nodes and values are TensorFlow's; what is written to a file is read back."""

import glob
import io
import itertools
import os
import re
import shutil

import numpy as np
import pytest

import hookloop as tf


def value_of(session, tensor):
    return tf.Summary.FromString(session.run(tensor))


def test_tags_names_and_collections(graph):
    with tf.name_scope("sc"):
        first = tf.summary.scalar("loss x:y", tf.constant(1.5))
        again = tf.summary.scalar("loss x:y", tf.constant(3))
        family = tf.summary.scalar("n", tf.constant(1.5), family="fam", collections=["mine"])
        text = tf.summary.text("tx", tf.constant([["a", "b"]]))
    assert [first.op.name, again.op.name, family.op.name] == ["sc/loss_x_y", "sc/loss_x_y_1", "sc/fam/n"]
    assert tf.get_collection(tf.GraphKeys.SUMMARIES) == [first, again, text]
    assert tf.get_collection("mine") == [family]
    merged = tf.summary.merge_all()
    assert merged.op.name == "Merge/MergeSummary"
    assert tf.summary.merge_all("none") is None
    with tf.Session() as session:
        assert [v.tag for v in value_of(session, merged).value] == ["sc/loss_x_y", "sc/loss_x_y_1", "sc/tx"]
        assert value_of(session, family).value[0].tag == "fam/sc/fam/n"
        assert value_of(session, first).value[0].simple_value == 1.5


def test_histograms_have_tensorboards_buckets(executor):
    with tf.Session() as session:
        found = value_of(session, tf.summary.histogram("h", tf.constant([1.0, 2.0, -3.0, 0.0, 1e6]))).value[0].histo
        assert (found.min, found.max, found.num, found.sum, found.sum_squares) == (-3, 1e6, 5, 1e6, 1000000000014)
        np.testing.assert_allclose(found.bucket_limit, [
            -3.1665833053880363, -2.8787120958073054, 0.0, 1e-12, 0.917246389039776, 1.0089710279437536,
            1.9661990955585713, 2.1628190051144287, 921351.5242693111, 1013486.6766962423, 1.7976931348623157e308,
        ], rtol=1e-15)  # fmt: skip
        assert list(found.bucket) == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]
        empty = value_of(session, tf.summary.histogram("e", tf.zeros([0]))).value[0].histo
        assert list(empty.bucket) == [0] and empty.min == 1.7976931348623157e308


@pytest.mark.parametrize(("low", "most", "tags"), [
    (0.0, 3, ["im/image/0", "im/image/1"]), (-1.0, 1, ["im/image"]),
])  # fmt: skip
def test_images_are_stretched_to_the_range_of_colors(low, most, tags):
    from PIL import Image

    pixels = np.linspace(low, 0.5, 2 * 3 * 4 * 3, dtype="f").reshape(2, 3, 4, 3)
    with tf.Session() as session:
        found = value_of(session, tf.summary.image("im", pixels, max_outputs=most))
    assert [v.tag for v in found.value] == tags
    image = found.value[0].image
    assert (image.height, image.width, image.colorspace) == (3, 4, 3)
    decoded = np.asarray(Image.open(io.BytesIO(image.encoded_image_string)))
    scale, offset = (255 / pixels[0].max(), 0) if low == 0 else (127 / 1.0, 128)
    np.testing.assert_array_equal(decoded, (pixels[0] * np.float32(scale) + np.float32(offset)).astype(np.uint8))


def test_pixels_that_are_no_numbers_are_red():
    from PIL import Image

    pixels = np.ones((1, 1, 2, 3), "f")
    pixels[0, 0, 1, 0] = np.nan
    with tf.Session() as session:
        image = value_of(session, tf.summary.image("im", pixels)).value[0].image
    decoded = np.asarray(Image.open(io.BytesIO(image.encoded_image_string)))
    assert decoded.tolist() == [[[255, 255, 255], [255, 0, 0]]]


def test_sound_is_a_wave_file():
    import wave

    clip = np.array([[[0.0], [1.0], [-2.0], [0.5], [0.5 / 32768], [-1.5 / 32768]]], "f")
    with tf.Session() as session:
        found = value_of(session, tf.summary.audio("au", clip, 8000.0)).value[0]
    assert (found.tag, found.audio.sample_rate, found.audio.length_frames) == ("au/audio/0", 8000, 6)
    with wave.open(io.BytesIO(found.audio.encoded_audio_string)) as file:
        assert np.frombuffer(file.readframes(6), "<i2").tolist() == [0, 32767, -32768, 16384, 1, -2]


def test_tensors_carry_their_metadata():
    summary = tf.summary.tensor_summary("ts", tf.constant([1, 2]), summary_description="d", display_name="dn")
    with tf.Session() as session:
        found = value_of(session, summary).value[0]
    assert np.frombuffer(found.tensor.tensor_content, np.int32).tolist() == [1, 2]
    assert (found.metadata.display_name, found.metadata.summary_description) == ("dn", "d")


@pytest.mark.parametrize(("make", "text"), [
    (lambda: tf.summary.scalar("v", tf.constant([1.0, 2.0])), "tags and values not the same shape: [] != [2] (tag 'v')"),
    (lambda: tf.summary.histogram("v", tf.constant([1.0, np.nan])), "Nan in summary histogram for: v"),
    (lambda: tf.summary.histogram("v", tf.constant([1.0, np.inf])), "Infinity in summary histogram for: v"),
    (lambda: tf.summary.image("v", np.zeros((1, 3, 4, 2), "f")), "Tensor must be 4-D with last dim 1, 3, or 4, not [1,3,4,2]"),
    (lambda: tf.summary.merge([tf.summary.scalar("v", 1.0)] * 2), "Duplicate tag v found in summary inputs"),
])  # fmt: skip
def test_errors_of_running(make, text):
    summary = make()
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(text)):
        session.run(summary)


def test_errors_of_building():
    with pytest.raises(ValueError, match="with length 0 shorter than minimum length 1"):
        tf.summary.merge([])
    with pytest.raises(TypeError, match="DataType string not in list of allowed values"):
        tf.summary.scalar("x", "s")
    with pytest.raises(ValueError, match="to have dtype string"):
        tf.summary.text("x", tf.constant(1.0))
    for make in (tf.summary.scalar, tf.summary.tensor_summary):
        with pytest.raises(ValueError, match="'' is not a valid node name"):
            make("", 1.0)
        with pytest.raises(
            ValueError, match=r"At least one of name \(None\) and default_name \(None\) must be provided"
        ):
            make(None, 1.0)
    assert tf.summary.histogram(None, [1.0]).name == "HistogramSummary:0"


def test_a_directory_may_be_anything_that_has_a_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for directory, path in ((5, "5"), (b"bytes", "bytes"), (tmp_path / "path", "path"), ("", ".")):
        with tf.summary.FileWriter(directory) as writer:
            writer.add_summary(tf.Summary())
        assert glob.glob(path + "/events*")


def events_of(directory):
    return [event for path in sorted(glob.glob(str(directory / "*"))) for event in tf.train.summary_iterator(path)]


def test_events_are_read_back(tmp_path):
    text = tf.summary.text("t", tf.constant("a"))
    scalar = tf.summary.scalar("s", tf.constant(2.0))
    with tf.summary.FileWriter(str(tmp_path), tf.get_default_graph()) as writer, tf.Session() as session:
        for step in range(2):
            writer.add_summary(session.run(text), step)
        writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="x", simple_value=3)]), 7)
        writer.add_summary(session.run(scalar))
        writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), 1)
        writer.add_run_metadata(tf.RunMetadata(), "once")
        with pytest.raises(ValueError, match="The provided tag was already used for this event type"):
            writer.add_run_metadata(tf.RunMetadata(), "once")
    events = events_of(tmp_path)
    assert events[0].file_version == "brain.Event:2"
    assert tf.GraphDef.FromString(events[1].graph_def).node[-1].name == "s"
    texts = [e.summary.value[0] for e in events if e.HasField("summary") and e.summary.value[0].tag == "t"]
    assert [v.HasField("metadata") for v in texts] == [True, False]  # a tag's metadata stands in its first event
    assert [e.step for e in events if e.HasField("summary")] == [0, 1, 7, 0]


def test_a_closed_writer_ignores_events_until_it_is_reopened(tmp_path):
    writer = tf.summary.FileWriter(str(tmp_path))
    writer.close()
    with pytest.warns(UserWarning, match="Attempting to use a closed FileWriter. The operation will be a noop"):
        writer.add_summary(tf.Summary(), 1)
    writer.reopen()
    writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="x", simple_value=3)]), 7)
    writer.close()
    assert [e.step for e in events_of(tmp_path) if e.HasField("summary")] == [7]


def test_writers_are_shared_by_directory(tmp_path):
    first = tf.summary.FileWriterCache.get(str(tmp_path))
    assert tf.summary.FileWriterCache.get(str(tmp_path)) is first
    first.add_summary(tf.Summary(value=[tf.Summary.Value(tag="t", simple_value=2)]), 5)
    tf.summary.FileWriterCache.clear()  # what was added is in the file: the writer is closed
    (path,) = tmp_path.iterdir()
    assert [event.step for event in tf.train.summary_iterator(str(path)) if event.summary.value] == [5]
    second = tf.summary.FileWriterCache.get(str(tmp_path))
    assert second is not first
    first.close()
    second.close()
    tf.summary.FileWriterCache.clear()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writers_thread_ends_with_it_and_its_error_reaches_the_user(tmp_path):
    import threading

    before = threading.active_count()
    writer = tf.summary.FileWriter(str(tmp_path))
    writer._writer._general_file_writer.close = lambda: None
    original = writer._writer._async_writer._writer.write

    def fail(data):
        raise OSError(28, "No space left on device")

    writer._writer._async_writer._writer.write = fail
    with pytest.raises(OSError, match="No space left on device"):
        for step in range(100):
            writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="x", simple_value=step)]), step)
            writer.flush()
    writer._writer._async_writer._writer.write = original
    writer.close()
    assert threading.active_count() == before


def test_buckets_of_many_numbers_are_those_of_each_alone():
    """A thousand numbers or more are looked up by their bits: next to every limit, and of every size."""
    from hookloop.ops.summary import _LIMITS, fill_histogram

    bits = np.random.RandomState(0).randint(0, 1 << 62, 20000).astype(np.uint64) * np.uint64(4)
    random = bits.view(np.float64)
    beside = [np.nextafter(_LIMITS[1:-1], to) for to in (-np.inf, np.inf)]
    for values in (random[np.isfinite(random)], np.concatenate([_LIMITS, *beside, [0.0, -0.0, 5e-324, -5e-324]])):
        counts = np.zeros(len(_LIMITS))
        for begin in range(0, len(values), 500):
            few, part = values[begin : begin + 500], tf.HistogramProto()
            fill_histogram(part, few)
            counts[np.searchsorted(_LIMITS, part.bucket_limit)] += part.bucket
        together = tf.HistogramProto()
        fill_histogram(together, values)
        assert together.num == len(values) >= 1000
        found = dict(zip(together.bucket_limit, together.bucket))
        assert {limit: n for limit, n in found.items() if n} == {
            limit: n for limit, n in zip(_LIMITS.tolist(), counts) if n
        }
        shown = list(together.bucket)
        assert shown[-1] == counts[-1] and not any(a == b == 0 for a, b in itertools.pairwise(shown))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_records_are_on_the_disk_at_once_and_a_removed_file_is_made_again(tmp_path):
    with tf.summary.FileWriter(str(tmp_path)) as writer:
        writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START))
        (path,) = tmp_path.iterdir()

        def add(step):
            writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="x" * 300, simple_value=step)]), step)
            writer._writer._async_writer._byte_queue.join()  # what a thread that is killed has got to

        def steps():
            return [event.step for event in tf.train.summary_iterator(str(path)) if event.summary.value]

        add(1)
        add(2)
        assert steps() == [1, 2]
        path.unlink()
        add(3)
        assert steps() == [3]
        path.unlink()
        tmp_path.rmdir()
        with pytest.raises(FileNotFoundError, match="events.out.tfevents"):
            for step in range(4, 100):
                add(step)
                writer.flush()
    tmp_path.mkdir()


def test_the_file_of_a_writer_that_is_dropped_or_closed_is_closed(tmp_path):
    from hookloop.summary.record_file import RecordFile

    def opened():
        return len(os.listdir("/proc/self/fd"))

    before = opened()
    files = [RecordFile(str(tmp_path / str(i))) for i in range(3)]
    for file in files:
        file.write(b"abc")
    assert opened() == before + 3
    files[0].close()
    assert files[0].closed and not files[1].closed
    assert opened() == before + 2
    del files, file
    assert opened() == before


def test_event_files_that_are_broken_are_refused(tmp_path):
    with tf.summary.FileWriter(str(tmp_path)) as writer:
        for step in range(3):
            writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="x", simple_value=step)]), step)
    path = next(tmp_path.iterdir())
    whole = path.read_bytes()
    for at, text in ((-10, "corrupted record at"), (2, "corrupted record at 0")):
        data = bytearray(whole)
        data[at] ^= 1
        path.write_bytes(data)
        with pytest.raises(tf.errors.DataLossError, match=text):
            list(tf.train.summary_iterator(str(path)))
    path.write_bytes(whole[:-5])
    with pytest.raises(tf.errors.DataLossError, match="truncated record at"):
        list(tf.train.summary_iterator(str(path)))
    with pytest.raises(tf.errors.NotFoundError, match="none"):
        list(tf.train.summary_iterator(str(tmp_path / "none")))


def test_a_graph_that_is_none_is_no_graph(tmp_path):
    with (
        tf.summary.FileWriter(str(tmp_path)) as writer,
        pytest.raises(TypeError, match="must be an instance of `Graph`"),
    ):
        writer.add_graph(None)


def test_a_rate_of_sound_below_one():
    with tf.Session() as session:
        audio = value_of(session, tf.summary.audio("au", np.zeros((1, 3, 1), "f"), 0.2)).value[0].audio
        assert (audio.sample_rate, audio.length_frames) == (np.float32(0.2), 3)
        assert len(audio.encoded_audio_string) == 44 + 6
        for rate, written in ((0.2, 1), (1.5, 2), (2.5, 2), (44100.6, 44101)):
            audio = value_of(session, tf.summary.audio("au", np.zeros((1, 3, 1), "f"), rate)).value[0].audio
            assert int.from_bytes(audio.encoded_audio_string[24:28], "little") == written
        with pytest.raises(tf.errors.InvalidArgumentError, match="sample_rate must be > 0"):
            session.run(tf.summary.audio("au", np.zeros((1, 3, 1), "f"), 0.0))


@pytest.mark.parametrize(("attribute", "make"), [
    ("'max_images' of 'ImageSummary'", lambda most: tf.summary.image("i", np.zeros((2, 1, 1, 1), "f"), most)),
    ("'max_outputs' of 'AudioSummaryV2'", lambda most: tf.summary.audio("a", np.zeros((2, 1, 1), "f"), 8, most)),
])  # fmt: skip
def test_how_many_are_shown(attribute, make):
    for number in (0, -1):
        with pytest.raises(ValueError, match=f"Attr {attribute} Op passed {number} less than minimum 1"):
            make(number)
    with pytest.raises(TypeError, match=f"Expected int for argument {attribute.split()[0]} not 'x'"):
        make("x")
    with tf.Session() as session:
        assert len(value_of(session, make(1.5)).value) == 1
    assert make(None).op.get_attr(attribute.split("'")[1]) == 3


def test_what_cannot_be_merged():
    scalar = tf.summary.scalar("v", 1.0)
    for wrong in (None, scalar, {scalar}):
        with pytest.raises(TypeError, match="Expected list for 'inputs' argument to 'merge_summary' Op, not"):
            tf.summary.merge(wrong)
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="Could not parse one of the summary inputs"):
            session.run(tf.summary.merge([tf.constant(b"\xff\xff")]))
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"must have non-zero dims. Found: \[1, 0, 2, 1\]"):
            session.run(tf.summary.image("i", np.zeros((1, 0, 2, 1), "f")))


def test_every_tensor_but_texts_is_written_as_bytes():
    with tf.Session() as session:
        for value in (np.int32(7), np.array([True, False]), np.array(1.5)):
            found = value_of(session, tf.summary.tensor_summary("t", value)).value[0].tensor
            assert found.tensor_content == value.tobytes() and tf.make_ndarray(found).tolist() == value.tolist()


def test_a_writer_takes_a_message_in_a_graphs_place(tmp_path):
    message = tf.constant(1.0, name="one").graph.as_graph_def()
    tf.summary.FileWriter(str(tmp_path), message).close()
    kinds = [event.WhichOneof("what") for event in events_of(tmp_path)]
    assert kinds == ["file_version", "graph_def", "meta_graph_def"]


def test_tags_of_summaries_and_of_runs_are_apart(tmp_path):
    summary = tf.Summary()
    summary.value.add(tag="a", simple_value=1.0).metadata.display_name = "A"
    with tf.summary.FileWriter(f"file://{tmp_path}", filename_suffix=b".end") as writer:
        writer.add_summary(summary)
        writer.add_run_metadata(tf.RunMetadata(), "a")
        with pytest.raises(ValueError, match="The provided tag was already used for this event type"):
            writer.add_run_metadata(tf.RunMetadata(), "a")
    assert [path.suffix for path in tmp_path.iterdir()] == [".end"] and len(events_of(tmp_path)) == 3
    with pytest.raises(TypeError, match="Expected binary or unicode string, got 5"):
        tf.summary.FileWriter(str(tmp_path), filename_suffix=5)


def test_a_writer_of_events_alone(tmp_path, recwarn):
    from hookloop.python.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path))
    writer.add_event(tf.Event(step=9))
    writer.close()
    writer.add_event(tf.Event(step=10))
    writer.reopen()
    writer.add_event(tf.Event(step=11))
    writer.close()
    assert [event.step for event in events_of(tmp_path) if event.step] == [9, 11] and not recwarn.list


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("lost", ["removed", "failed"])
def test_a_directory_that_was_removed_is_written_to_by_the_next_session(executor, tmp_path, lost):
    """A program that removes its directory to train anew: an error of the writer before was that of every session to come."""
    directory = tmp_path / "logs"

    def train():
        with tf.Graph().as_default():
            more = tf.assign_add(tf.train.get_or_create_global_step(), 1)
            tf.summary.scalar("more", more)
            hook = tf.train.SummarySaverHook(1, output_dir=str(directory), summary_op=tf.summary.merge_all())
            with tf.train.MonitoredSession(hooks=[hook]) as session:
                for _ in range(3):
                    session.run(more)
        (path,) = directory.iterdir()
        events = list(tf.train.summary_iterator(str(path)))
        assert events[0].file_version and any(event.graph_def for event in events)
        return [event.step for event in events if event.summary.value]

    assert train() == [1, 2, 3]
    writer = tf.summary.FileWriterCache.get(str(directory))
    shutil.rmtree(directory)
    if lost == "failed":
        with pytest.raises(FileNotFoundError, match="No such file or directory"):
            writer.add_summary(tf.Summary(), 1)
            writer.flush()
            writer.flush()
    assert train() == [1, 2, 3]
    assert tf.summary.FileWriterCache.get(str(directory)) is not writer
    tf.summary.FileWriterCache.clear()
