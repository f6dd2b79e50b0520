"""`Supervisor`: what it finds or makes, its services and threads, its log lines, and how a run can end."""

import threading

import numpy as np
import pytest

import hookloop as tf
from hookloop.train import Supervisor
from hookloop.train.supervisor_threads import SVStepCounterThread, SVSummaryThread, SVTimerCheckpointThread

BEGIN = ["Running local_init_op.", "Done running local_init_op.", "Starting standard services."]


@pytest.fixture
def step():
    """A step of a model: it adds 1 to the global step and 2 to a variable with a summary."""
    count = tf.train.get_or_create_global_step()
    v = tf.get_variable("v", [], initializer=tf.zeros_initializer())
    tf.summary.scalar("value", v)
    return tf.group(tf.assign_add(count, 1), tf.assign_add(v, 2.0))


def lines(caplog):
    return [record.getMessage() for record in caplog.records]


def written(folder):
    """The tags of the summaries, the states of the session, and the graphs of the event files."""
    tags, states, graphs = {}, [], set()
    for path in sorted(folder.glob("events*")):
        for event in tf.train.summary_iterator(str(path)):
            for value in event.summary.value:
                tags.setdefault(value.tag, []).append((event.step, value.simple_value))
            if event.HasField("session_log"):
                states.append((event.session_log.status, event.step))
            graphs.update(kind for kind in ("graph_def", "meta_graph_def") if event.HasField(kind))
    return tags, states, graphs


def test_what_is_made_is_in_the_graphs_collections(step, tmp_path):
    sv = Supervisor(logdir=str(tmp_path))
    graph = tf.get_default_graph()
    assert graph.finalized
    assert sv.ready_op.name == "report_uninitialized_variables/boolean_mask/GatherV2:0"
    assert sv.ready_for_local_init_op is None
    assert (sv.init_op.name, sv.summary_op.name) == ("init", "Merge/MergeSummary:0")
    assert sv.global_step is tf.train.get_global_step()
    assert (sv.save_path, sv.save_model_secs, sv.save_summaries_secs) == (f"{tmp_path}/model.ckpt", 600, 120)
    assert sv.is_chief and sv.init_feed_dict is None
    keys = tf.GraphKeys
    for key, value in ((keys.READY_OP, sv.ready_op), (keys.INIT_OP, sv.init_op), (keys.SAVERS, sv.saver),
                       (keys.SUMMARY_OP, sv.summary_op)):  # fmt: skip
        assert graph.get_collection(key) == [value]
    assert [op.name for op in graph.get_collection(keys.LOCAL_INIT_OP)] == ["group_deps_1"]
    assert isinstance(sv.coord, tf.train.Coordinator) and isinstance(sv.session_manager, tf.train.SessionManager)
    assert isinstance(sv.summary_writer, tf.summary.FileWriter)


def test_what_is_in_the_collections_is_taken(step, caplog):
    init, other = tf.global_variables_initializer(), tf.no_op()
    for op in (init, other):
        tf.add_to_collection(tf.GraphKeys.INIT_OP, op)
    with caplog.at_level("INFO", logger="hookloop"):
        sv = Supervisor()
    assert sv.init_op is init
    assert lines(caplog) == ["Found 2 init_op operations. Returning the first one."]


def test_a_loop(executor, step, tmp_path, caplog):
    sv = Supervisor(logdir=str(tmp_path), save_model_secs=0, save_summaries_secs=0)
    with caplog.at_level("INFO", logger="hookloop"):
        with sv.managed_session() as session:
            while not sv.should_stop():
                session.run(step)
                if tf.train.global_step(session, sv.global_step) == 3:
                    sv.request_stop()
    assert lines(caplog) == [*BEGIN, "Starting queue runners."]
    assert (tmp_path / "graph.pbtxt").exists()
    log = tf.SessionLog
    assert written(tmp_path) == ({}, [(log.START, 0), (log.STOP, 0)], {"graph_def", "meta_graph_def"})
    with pytest.raises(RuntimeError, match="closed"):
        session.run(step)


def test_services_write_summaries_rates_and_checkpoints(executor, step, tmp_path, caplog):
    sv = Supervisor(logdir=str(tmp_path), checkpoint_basename="x.y", save_model_secs=1000, save_summaries_secs=1000)
    with caplog.at_level("INFO", logger="hookloop"):
        session = sv.prepare_or_wait_for_session(start_standard_services=False)
        session.run(step)
        for kind in (SVSummaryThread, SVStepCounterThread, SVTimerCheckpointThread):
            thread = kind(sv, session)
            thread.start_loop()
            thread.run_loop()
        sv.summary_computed(session, tf.Summary(value=[tf.Summary.Value(tag="mine", simple_value=7.0)]))
        sv.stop()
    for text in ("Recording summary at step 1.", f"Saving checkpoint to path {tmp_path}/x.y"):
        assert text in lines(caplog)
    assert any(line.startswith("global_step/sec: ") for line in lines(caplog))
    assert tf.train.latest_checkpoint(str(tmp_path)) == f"{tmp_path}/x.y-1"
    tags, states, _ = written(tmp_path)
    assert tags["value"][0] == (1, 2.0) and tags["mine"] == [(1, 7.0)] and tags["global_step/sec"][0][0] == 1
    log = tf.SessionLog
    assert states == [(log.CHECKPOINT, 1), (log.STOP, 0)]


def test_services_are_threads(step, tmp_path):
    sv = Supervisor(logdir=str(tmp_path))
    with sv.managed_session(start_standard_services=False) as session:
        session.run(step)
        threads = sv.start_standard_services(session)
        assert [type(thread) for thread in threads] == [SVSummaryThread, SVStepCounterThread, SVTimerCheckpointThread]
    assert not any(thread.is_alive() for thread in threads)
    assert (tf.SessionLog.START, 1) in written(tmp_path)[1]


def test_a_run_goes_on_from_its_checkpoint(executor, step, tmp_path):
    sv = Supervisor(logdir=str(tmp_path), save_model_secs=0, save_summaries_secs=0)
    with sv.managed_session() as session:
        session.run(step)
        sv.saver.save(session, sv.save_path, global_step=sv.global_step)
    again = Supervisor(logdir=str(tmp_path), save_model_secs=0, save_summaries_secs=0)
    with again.managed_session() as session:
        assert session.run(sv.global_step) == 1


def test_without_a_directory_there_are_no_services(executor, step, caplog):
    sv = Supervisor()
    assert (sv.save_path, sv.summary_writer) == (None, None)
    with caplog.at_level("INFO", logger="hookloop"):
        with sv.managed_session() as session:
            session.run(step)
            assert sv.start_standard_services(session) is None
            with pytest.raises(RuntimeError, match="Writing a summary requires a summary writer"):
                sv.summary_computed(session, tf.Summary())
    warning = "Standard services need a 'logdir' passed to the SessionManager"
    assert lines(caplog) == [*BEGIN, warning, "Starting queue runners.", warning]
    assert sv.should_stop()


@pytest.mark.parametrize("left_out", ["summary_op", "summary_writer", "saver"])
def test_what_is_none_has_no_thread(step, tmp_path, left_out):
    sv = Supervisor(logdir=str(tmp_path), **{left_out: None})
    with sv.managed_session(start_standard_services=False) as session:
        kinds = {type(t).__name__ for t in sv.start_standard_services(session)}
    expected = {
        "summary_op": {"SVStepCounterThread", "SVTimerCheckpointThread"},
        "summary_writer": {"SVTimerCheckpointThread"},
        "saver": {"SVSummaryThread", "SVStepCounterThread"},
    }
    assert kinds == expected[left_out]


def test_a_model_without_a_global_step(tmp_path):
    tf.summary.scalar("value", tf.get_variable("v", []))
    sv = Supervisor(logdir=str(tmp_path), save_model_secs=0)
    assert sv.global_step is None
    with sv.managed_session(start_standard_services=False) as session:
        assert [type(t).__name__ for t in sv.start_standard_services(session)] == ["SVSummaryThread"]


def test_a_global_step_by_its_name(caplog):
    named = tf.Variable(0, name="global_step", trainable=False)
    assert Supervisor().global_step.name == named.name
    with tf.Graph().as_default():
        tf.Variable(0.0, name="global_step")
        with caplog.at_level("WARNING", logger="hookloop"):
            assert Supervisor().global_step is None
    assert "Found 'global_step' is not an int type" in caplog.text


class TestEnds:
    """What leaves the block, and what the user sees."""

    def run(self, error):
        sv = Supervisor()
        with sv.managed_session():
            raise error
        return sv

    def test_the_end_of_the_input_is_clean(self, step):
        assert self.run(tf.errors.OutOfRangeError(None, None, "end")).should_stop()

    def test_an_error_is_raised_when_all_threads_have_ended(self, step, caplog):
        with caplog.at_level("INFO", logger="hookloop"), pytest.raises(KeyError, match="user"):
            self.run(KeyError("user"))
        assert lines(caplog)[-1] == "Error reported to Coordinator: <class 'KeyError'>, 'user'"

    def test_stop_iteration_is_an_error(self, step):
        with pytest.raises(StopIteration):
            self.run(StopIteration())

    def test_an_error_of_a_thread_ends_the_loop(self, executor, step):
        sv = Supervisor()
        with pytest.raises(ZeroDivisionError):
            with sv.managed_session():
                sv.loop(None, lambda: 1 / 0)
                sv.wait_for_stop()

    def test_an_error_that_became_a_request_to_stop_is_raised_by_stop(self, step):
        sv = Supervisor()
        sv.prepare_or_wait_for_session()
        with sv.stop_on_exception():
            raise ValueError("boo")
        assert sv.should_stop()
        with pytest.raises(ValueError, match="boo"):
            sv.stop()

    def test_a_stop_can_be_followed_by_another_session(self, executor, step):
        sv = Supervisor()
        for _ in range(2):
            with sv.managed_session() as session:
                assert not sv.should_stop()
                session.run(step)


def test_loopers_and_queue_runners(executor, step):
    index = tf.train.range_input_producer(3, shuffle=False).dequeue()
    sv = Supervisor()
    session = sv.prepare_or_wait_for_session()
    assert [session.run(index) for _ in range(4)] == [0, 1, 2, 0]
    assert sv.start_queue_runners(session) == []  # they run already
    calls, called = [], threading.Event()

    def note(*args, **kwargs):
        calls.append((args, kwargs))
        called.set()
        sv.request_stop()

    looper = sv.loop(None, note, args=(1,), kwargs={"b": 2})
    assert called.wait(10)
    sv.stop([looper])
    assert calls[0] == ((1,), {"b": 2}) and not looper.is_alive()
    with pytest.raises(ValueError, match="'args' and 'kwargs' argument require that you also pass 'target'"):
        sv.loop(None, None, args=(1,))


def test_initialization(executor, step):
    fed = tf.placeholder(tf.float32, [])
    w = tf.Variable(fed, name="w")
    seen = []
    sv = Supervisor(init_feed_dict={fed: 5.0}, init_fn=lambda session: seen.append(session.run(w)))
    with sv.managed_session():
        pass
    assert seen == [np.float32(5.0)]


def test_a_model_that_is_not_ready(step):
    text = (
        r"(?s)Init operations did not make model ready.  Init op: None, init fn: None.*not initialized: global_step, v"
    )
    with pytest.raises(RuntimeError, match=text):
        Supervisor(init_op=None).prepare_or_wait_for_session()
    with pytest.raises(ValueError, match="you must also pass a local_init_op"):
        with tf.Graph().as_default():
            Supervisor(ready_for_local_init_op=tf.report_uninitialized_variables(), local_init_op=None)


def test_the_graph_may_be_another(executor):
    graph = tf.Graph()
    with graph.as_default():
        v = tf.Variable(3.0)
    sv = Supervisor(graph=graph)
    with sv.managed_session() as session:
        assert session.graph is graph and session.run(v) == 3.0


def test_who_is_not_the_chief_waits_and_writes_nothing(tmp_path, executor):
    with tf.device("/job:ps"):
        v = tf.get_variable("v", [])
    sv = Supervisor(logdir=str(tmp_path), is_chief=False, ready_op=None, recovery_wait_secs=0)
    assert not sv.is_chief
    assert (sv.save_path, sv.save_model_secs, sv.save_summaries_secs, sv.summary_writer) == (None,) * 4
    session = sv.prepare_or_wait_for_session()
    with pytest.raises(RuntimeError, match="Only chief supervisor can start standard services"):
        sv.start_standard_services(session)
    sv.stop()
    assert list(tmp_path.iterdir()) == []
    v.load(1.0, session)


def test_variables_of_a_replica_have_devices(step):
    with pytest.raises(
        ValueError, match='(?s)When using replicas, all Variables must have their device set: .*"global_step"'
    ):
        Supervisor(is_chief=False)


def test_the_summary_writer_may_stay_open(step, tmp_path):
    sv = Supervisor(logdir=str(tmp_path), save_model_secs=0, save_summaries_secs=0)
    with sv.managed_session(close_summary_writer=False) as session:
        session.run(step)
    sv.summary_writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="late", simple_value=1.0)]), 9)
    sv.summary_writer.close()
    tags, states, _ = written(tmp_path)
    assert tags == {"late": [(9, 1.0)]} and [state for state, _ in states] == [tf.SessionLog.START]


def test_older_names():
    for old, new in (
        ("PrepareSession", "prepare_or_wait_for_session"), ("StartQueueRunners", "start_queue_runners"), ("Stop", "stop"),
        ("StartStandardServices", "start_standard_services"), ("RequestStop", "request_stop"), ("Loop", "loop"),
        ("ShouldStop", "should_stop"), ("StopOnException", "stop_on_exception"), ("WaitForStop", "wait_for_stop"),
        ("SummaryComputed", "summary_computed"),
    ):  # fmt: skip
        assert getattr(Supervisor, old) is getattr(Supervisor, new)
    assert Supervisor.USE_DEFAULT == 0


def test_basic_train_loop_goes_on_in_a_new_session_where_one_is_lost(executor, step):
    sv = Supervisor()
    calls, sessions = [], []

    def train(session, *args, **kwargs):
        calls.append((args, kwargs))
        sessions.append(session)
        if len(calls) == 2:
            raise tf.errors.AbortedError(None, None, "lost")
        session.run(step)
        if len(calls) == 3:
            sv.request_stop()

    tf.train.basic_train_loop(sv, train, args=(4,), kwargs={"z": 1})
    assert calls == [((4,), {"z": 1})] * 3
    assert sessions[0] is sessions[1] is not sessions[2]


def test_the_written_meta_graph_has_the_collections(step, tmp_path):
    sv = Supervisor(logdir=str(tmp_path))
    with sv.managed_session():
        pass
    (path,) = tmp_path.glob("events*")
    events = list(tf.train.summary_iterator(str(path)))
    (data,) = [event.meta_graph_def for event in events if event.HasField("meta_graph_def")]
    message = tf.MetaGraphDef.FromString(data)
    assert set(tf.get_default_graph().get_all_collection_keys()) - set(message.collection_def) == set()
    assert message.meta_info_def.stripped_op_list.op and message.saver_def.restore_op_name == "save/restore_all"


@pytest.mark.parametrize("number", [1, 2])
def test_a_model_is_ready_where_what_asserts_it_gives_ranks(executor, number):
    for i in range(number):
        tf.Variable([1.0], name=f"v{i}")
    manager = tf.train.SessionManager(ready_op=tf.assert_variables_initialized())
    with manager.prepare_session("", init_op=tf.global_variables_initializer()) as session:
        assert session.run("v0:0") == [1.0]
    with pytest.raises(RuntimeError, match="Init operations did not make model ready.*uninitialized value v0"):
        manager.prepare_session("", init_op=tf.no_op())
