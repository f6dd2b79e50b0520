"""What a training needs besides its step, and the sessions that are made from it."""

import pytest

import hookloop as tf


class TestScaffold:
    def test_makes_tensorflows_nodes(self, graph):
        tf.Variable(1.0, name="v")
        tf.Variable(2, name="local", collections=[tf.GraphKeys.LOCAL_VARIABLES])
        scaffold = tf.train.Scaffold().finalize()
        names = [op.name for op in graph.get_operations()]
        kept = [name for name in names if name.split("_")[0] in ("init", "group") or "resources" in name]
        assert kept == [
            "init", "init_1", "group_deps", "report_uninitialized_resources/Const",
            "report_uninitialized_resources_1/Const", "init_2", "init_all_tables", "init_3", "group_deps_1",
        ]  # fmt: skip
        assert scaffold.init_op.name == "group_deps"
        assert scaffold.ready_op.name == "concat:0"
        assert scaffold.local_init_op.name == "group_deps_1"
        assert graph.finalized

    def test_takes_what_collections_have(self, graph):
        op = tf.no_op()
        tf.add_to_collection(tf.GraphKeys.INIT_OP, op)
        assert tf.train.Scaffold().finalize().init_op is op

    def test_two_in_a_collection(self):
        for _ in range(2):
            tf.add_to_collection(tf.GraphKeys.INIT_OP, tf.no_op())
        with pytest.raises(RuntimeError, match='More than one item in the collection "init_op"'):
            tf.train.Scaffold().finalize()

    def test_copies_another_and_calls_its_function_with_itself(self):
        v = tf.Variable(1)
        seen = []
        first = tf.train.Scaffold(
            init_op=tf.global_variables_initializer(),
            init_fn=lambda scaffold, session: seen.append((scaffold, session.run(v))),
        )
        second = tf.train.Scaffold(copy_from_scaffold=first)
        assert second.init_op is first.init_op
        with tf.train.SingularMonitoredSession(scaffold=second):
            pass
        assert seen == [(second, 1)]
        with pytest.raises(TypeError, match="copy_from_scaffold is not a Scaffold instance."):
            tf.train.Scaffold(copy_from_scaffold=1)

    def test_init_op_is_fed_and_init_fn_follows(self):
        x = tf.placeholder(tf.float32, [])
        v = tf.Variable(x, name="v")
        double = v.assign(v * 2)
        scaffold = tf.train.Scaffold(init_feed_dict={x: 4.0}, init_fn=lambda _, session: session.run(double))
        with tf.train.SingularMonitoredSession(scaffold=scaffold) as session:
            assert session.run(v) == 8

    def test_local_variables_are_initialized_from_global_ones(self):
        v = tf.Variable(3)
        local = tf.Variable(v.initialized_value() + 1, collections=[tf.GraphKeys.LOCAL_VARIABLES])
        with tf.train.MonitoredSession() as session:
            assert session.run(local) == 4


class TestSessionManager:
    def test_nothing_initializes_the_model(self):
        tf.Variable(1, name="v")
        manager = tf.train.SessionManager(ready_op=tf.report_uninitialized_variables())
        with pytest.raises(
            RuntimeError, match="Model is not initialized and no init_op or init_fn or local_init_op was given"
        ):
            manager.prepare_session("")

    def test_not_ready_afterwards(self):
        tf.Variable(1, name="v")
        manager = tf.train.SessionManager(ready_op=tf.report_uninitialized_variables())
        with pytest.raises(RuntimeError, match="did not make model ready.*Init op: NoOp.*Variables not initialized: v"):
            manager.prepare_session("", init_op=tf.no_op())
        with pytest.raises(RuntimeError, match="Init op: <no name for <class 'list'>>, init fn: None"):
            manager.prepare_session("", init_op=[tf.no_op()])

    def test_prepared(self):
        v = tf.Variable(1, name="v")
        manager = tf.train.SessionManager(ready_op=tf.report_uninitialized_variables())
        session = manager.prepare_session("", init_op=tf.global_variables_initializer())
        assert session.run(v) == 1

    def test_recovered_without_a_checkpoint(self):
        tf.Variable(1, name="v")
        session, ready = tf.train.SessionManager(ready_op=tf.report_uninitialized_variables()).recover_session("")
        assert not ready
        assert type(session) is tf.Session

    def test_waits(self, log):
        tf.Variable(1, name="v")
        manager = tf.train.SessionManager(ready_op=tf.report_uninitialized_variables(), recovery_wait_secs=0.01)
        with pytest.raises(tf.errors.DeadlineExceededError, match="Session was not ready after waiting 0.5 secs."):
            manager.wait_for_session("", max_wait_secs=0.5)
        assert any("Waiting for model to be ready." in r.getMessage() for r in log.records)
        tf.get_default_graph()

    def test_arguments(self):
        with pytest.raises(
            ValueError, match="If you pass a ready_for_local_init_op you must also pass a local_init_op"
        ):
            tf.train.SessionManager(ready_for_local_init_op=tf.constant(["v"]))
        with pytest.raises(ValueError, match="Can not provide both checkpoint_dir and checkpoint_filename_with_path."):
            tf.train.SessionManager().prepare_session("", checkpoint_dir="a", checkpoint_filename_with_path="b")


class TestSessionCreators:
    def test_the_base_class_makes_none(self):
        with pytest.raises(TypeError, match="abstract"):
            tf.train.SessionCreator()

    def test_config_reaches_the_session(self):
        tf.constant(1)
        creator = tf.train.ChiefSessionCreator(config=tf.ConfigProto(intra_op_parallelism_threads=1))
        with tf.train.MonitoredSession(creator) as session:
            assert session.raw_session()._config.intra_op_parallelism_threads == 1

    def test_a_worker_takes_a_model_that_is_ready(self):
        tf.constant(1)
        with tf.train.MonitoredSession(tf.train.WorkerSessionCreator()) as session:
            assert not session.should_stop()


def test_resources_that_a_program_registers_are_made_and_waited_for():
    from hookloop.python.ops import resources

    tf.get_variable("v", initializer=1.0)  # else all variables of the graph would be waited for
    for name, is_shared in (("shared", True), ("own", False)):
        made = tf.Variable(False, name=f"{name}_is_made", collections=["mine"])
        create = tf.assign(made, True, name=f"make_{name}").op
        resources.register_resource(tf.constant(0, name=name), create, tf.is_variable_initialized(made), is_shared)
    report = resources.report_uninitialized_resources()
    scaffold = tf.train.Scaffold().finalize()
    with tf.Session() as session:
        both = [b"shared:0", b"own:0"]
        assert session.run(report).tolist() == both
        assert session.run(scaffold.ready_op).tolist() == [b"v", *both]
        assert session.run(scaffold.ready_for_local_init_op).tolist() == [b"v", both[0]]
        session.run(scaffold.init_op)
        assert session.run(scaffold.ready_op).tolist() == both[1:]
        session.run(scaffold.local_init_op)
        assert session.run(scaffold.ready_op).tolist() == []


def test_a_model_that_is_not_ready_for_its_local_initialization():
    tf.get_variable("v", [])
    manager = tf.train.SessionManager(
        ready_for_local_init_op=tf.report_uninitialized_variables(), local_init_op=tf.no_op(name="local")
    )
    text = (
        "Init operations did not make model ready for local_init.  Init op: other, init fn: None, error: Variables not"
    )
    with pytest.raises(RuntimeError, match=text):
        manager.prepare_session("", init_op=tf.no_op(name="other"))


def test_the_log_names_the_file_that_a_model_was_restored_from(tmp_path, caplog):
    tf.get_variable("v", initializer=1.0)
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        prefix = saver.save(session, str(tmp_path / "model"))
    unready = tf.train.SessionManager(ready_op=tf.constant(["w"]))
    unready_locally = tf.train.SessionManager(
        local_init_op=tf.no_op(), ready_for_local_init_op=tf.constant(["w"]), ready_op=tf.constant([], tf.string)
    )
    with caplog.at_level("INFO", "hookloop"):
        for manager in tf.train.SessionManager(), unready, unready_locally:
            manager.recover_session("", saver=saver, checkpoint_filename_with_path=prefix)
    assert [record.getMessage() for record in caplog.records if "model" in record.getMessage().lower()][1::2] == [
        f"Restored model from {prefix}",
        f"Restoring model from {prefix} did not make model ready: Variables not initialized: w",
        f"Restoring model from {prefix} did not make model ready for local init: Variables not initialized: w",
    ]
