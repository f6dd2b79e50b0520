"""`ClusterSpec` and `Server`: what a cluster has, one task of it in this process, and what is not supported."""

import threading

import pytest

import hookloop as tf
from hookloop.train import ClusterSpec, Server

WHOLE = {"worker": ["w0:1", "w1:2"], "ps": ["p0:3"], "sparse": {5: "s5:1", 2: "s2:2"}}


def test_what_a_cluster_has():
    cluster = ClusterSpec(WHOLE)
    assert cluster.as_dict() == WHOLE
    assert str(cluster) == (
        "ClusterSpec({'ps': ['p0:3'], 'sparse': {2: 's2:2', 5: 's5:1'}, 'worker': ['w0:1', 'w1:2']})"
    )
    assert sorted(cluster.jobs) == ["ps", "sparse", "worker"]
    assert (cluster.num_tasks("worker"), cluster.num_tasks("sparse")) == (2, 2)
    assert cluster.task_indices("sparse") == [2, 5]
    assert cluster.task_address("worker", 1) == "w1:2"
    assert cluster.job_tasks("worker") == ["w0:1", "w1:2"]
    assert cluster.job_tasks("sparse") == [None, None, "s2:2", None, None, "s5:1"]
    assert ClusterSpec({"a": ("x", "y"), "b": []}).as_dict() == {"a": ["x", "y"], "b": {}}


def test_clusters_and_messages():
    cluster = ClusterSpec(WHOLE)
    message = cluster.as_cluster_def()
    assert isinstance(message, tf.train.ClusterDef)
    assert [job.name for job in message.job] == ["ps", "sparse", "worker"]
    assert dict(message.job[1].tasks) == {2: "s2:2", 5: "s5:1"}
    again = ClusterSpec(tf.train.ClusterDef.FromString(message.SerializeToString()))
    assert again == cluster == ClusterSpec(cluster)
    assert again != ClusterSpec({}) and again != message
    assert bool(again) and not ClusterSpec({})
    with pytest.raises(TypeError, match="unhashable"):
        hash(cluster)


@pytest.mark.parametrize("method", ["num_tasks", "task_indices", "job_tasks"])
def test_jobs_that_are_not_there(method):
    cluster = ClusterSpec(WHOLE)
    with pytest.raises(ValueError, match="No such job in cluster: 'x'"):
        getattr(cluster, method)("x")


def test_tasks_that_are_not_there():
    cluster = ClusterSpec(WHOLE)
    with pytest.raises(ValueError, match="No such job in cluster: 'x'"):
        cluster.task_address("x", 0)
    with pytest.raises(ValueError, match="No task with index 7 in job 'worker'"):
        cluster.task_address("worker", 7)


@pytest.mark.parametrize(
    ("cluster", "text"),
    [
        (5, "`cluster` must be a dictionary mapping one or more job names to lists of network addresses"),
        ({"a": 5}, "The tasks for job 'a' must be a list or a dictionary from integers to strings"),
        ({"a": "xy"}, "The tasks for job 'a' must be a list or a dictionary from integers to strings"),
        ({"a": {"x": "y"}}, "'x' has type str, but expected one of: int"),
        ({"a": [5]}, "Task address 5 must be bytes or unicode"),
        ({5: ["x"]}, "Job name 5 must be bytes or unicode"),
    ],
)
def test_what_is_no_cluster(cluster, text):
    with pytest.raises(TypeError, match=text):
        ClusterSpec(cluster)


def test_a_session_runs_on_a_local_server(executor):
    server = Server.create_local_server()
    server.start()  # it has: nothing happens
    with tf.Session(server.target) as session:
        assert session.run(tf.constant(3)) == 3
    step = tf.train.get_or_create_global_step()
    train_op = tf.assign_add(step, 1)
    with tf.train.MonitoredTrainingSession(master=server.target) as session:
        assert session.run(train_op) == 1


def test_server_def_of_a_local_server():
    message = Server.create_local_server(start=False).server_def
    assert isinstance(message, tf.train.ServerDef)
    assert (message.job_name, message.task_index, message.protocol) == ("local", 0, "grpc")
    assert dict(message.cluster.job[0].tasks) == {0: "localhost:0"}
    again = Server(message, config=tf.ConfigProto(inter_op_parallelism_threads=2), start=False).server_def
    assert again.default_session_config.inter_op_parallelism_threads == 2
    assert again.cluster == message.cluster and again.job_name == "local"


def test_the_bytes_of_a_server_def_are_those_of_tensorflow():
    message = tf.train.ServerDef(job_name="a", task_index=1, protocol="grpc")
    message.cluster.job.add(name="a").tasks[1] = "x:1"
    message.default_session_config.intra_op_parallelism_threads = 3
    recorded = bytes.fromhex("0a0e0a0c0a0161120708011203783a311201611801220210032a0467727063")
    assert message.SerializeToString() == recorded
    assert tf.train.ServerDef.FromString(recorded) == message


def test_sessions_without_a_configuration_have_the_servers():
    server = Server.create_local_server(config=tf.ConfigProto(operation_timeout_in_ms=50))
    queue = tf.FIFOQueue(1, tf.int32)
    with tf.Session(server.target) as session:
        with pytest.raises(tf.errors.DeadlineExceededError):
            session.run(queue.dequeue())
    with tf.Session(server.target, config=tf.ConfigProto()) as session:
        session.run(queue.enqueue(7))
        assert session.run(queue.dequeue()) == 7


def test_a_server_that_has_not_started_has_no_sessions():
    server = Server({"a": ["localhost:0"]}, start=False)
    with pytest.raises(
        tf.errors.NotFoundError, match="expected no target, or that of a tf.train.Server of this process"
    ):
        tf.Session(server.target)
    server.start()
    tf.Session(server.target).close()


def test_remote_masters_are_refused():
    with pytest.raises(tf.errors.NotFoundError, match="no session in another process, got target 'grpc://there:2222'"):
        tf.Session("grpc://there:2222")


def test_clusters_of_several_tasks_are_refused_when_they_start():
    cluster = {"ps": ["localhost:1"], "worker": ["localhost:2", "localhost:3"]}
    server = Server(cluster, job_name="worker", task_index=1, start=False)
    assert (server.server_def.job_name, server.server_def.task_index) == ("worker", 1)
    text = "a cluster of one task.*got also /job:ps/task:0 at localhost:1, /job:worker/task:0 at localhost:2"
    with pytest.raises(tf.errors.UnimplementedError, match=text):
        server.start()
    with pytest.raises(tf.errors.UnimplementedError, match=text):
        Server(cluster, job_name="worker", task_index=1)


def server_def(**fields):
    return tf.train.ServerDef(cluster=tf.train.ClusterSpec({"a": ["h:0"]}).as_cluster_def(), **fields)


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        (dict(server_or_cluster_def=5), TypeError, "Could not convert `server_or_cluster_def` to a `tf.train.ServerDef`"),
        (dict(server_or_cluster_def=["localhost:0"]), TypeError, "Could not convert `server_or_cluster_def`"),
        (dict(server_or_cluster_def={"a": ["h:0"], "b": ["h:0"]}), ValueError, "Must specify an explicit `job_name`"),
        (dict(server_or_cluster_def={"a": ["h:0", "h:0"]}), ValueError, "Must specify an explicit `task_index`"),
        (dict(server_or_cluster_def={"a": ["h:0"]}, job_name="b"), ValueError, "No such job in cluster: 'b'"),
        (dict(server_or_cluster_def=server_def(job_name="b", protocol="grpc")), tf.errors.InternalError, 'Job "b" was not defined'),
        (dict(server_or_cluster_def=server_def(protocol="grpc")), tf.errors.InternalError, 'Job "" was not defined'),
        (
            dict(server_or_cluster_def=server_def(job_name="a")), tf.errors.NotFoundError,
            "No server factory registered for the given ServerDef",
        ),
        (
            dict(server_or_cluster_def={"a": ["h:0"]}, task_index=4), tf.errors.InvalidArgumentError,
            'Task 4 was not defined in job "a"',
        ),
        (
            dict(server_or_cluster_def={"a": ["h:0"]}, protocol="x"), tf.errors.NotFoundError,
            "No server factory registered for the given ServerDef",
        ),
        (
            dict(server_or_cluster_def={"a": ["h"]}), tf.errors.InvalidArgumentError,
            'Could not parse port for local server from "h"',
        ),
    ],
)  # fmt: skip
def test_servers_that_cannot_be(arguments, kind, text):
    with pytest.raises(kind, match=text):
        Server(**arguments, start=False)


def test_join_does_not_return():
    server = Server.create_local_server()
    thread = threading.Thread(target=server.join, daemon=True)
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
