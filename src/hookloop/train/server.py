"""`tf.train.Server`: a cluster of one task, which is this process. A session with its target runs here."""

from __future__ import annotations

import itertools
import re
import threading

from .. import errors
from ..session import add_local_target
from .cluster_spec import ClusterSpec

__all__ = ["Server"]

_numbers = itertools.count()


def _server_def(given, job_name, task_index, protocol, config):
    """The `ServerDef` that the arguments stand for, complete."""
    from ..files.messages import ServerDef

    if type(given).__name__ == "ServerDef":  # it says all of it, and what it leaves out is wrong
        message = ServerDef()
        message.CopyFrom(given)
        named = {"job_name": job_name, "task_index": task_index, "protocol": protocol}
        for field, value in named.items():
            if value is not None:
                setattr(message, field, value)
    else:
        message = _of_cluster(given, job_name, task_index, protocol)
    if config is not None:
        message.default_session_config.MergeFrom(config)
    return message


def _of_cluster(given, job_name, task_index, protocol):
    from ..files.messages import ServerDef

    try:
        cluster = ClusterSpec(given)
    except TypeError:
        raise TypeError(
            "Could not convert `server_or_cluster_def` to a `tf.train.ServerDef` or `tf.train.ClusterSpec`."
        ) from None
    if job_name is None:
        if len(cluster.jobs) != 1:
            raise ValueError("Must specify an explicit `job_name`.")
        job_name = cluster.jobs[0]
    if task_index is None:
        indices = cluster.task_indices(job_name)
        if len(indices) != 1:
            raise ValueError("Must specify an explicit `task_index`.")
        task_index = indices[0]
    protocol = "grpc" if protocol is None else protocol
    return ServerDef(cluster=cluster.as_cluster_def(), job_name=job_name, task_index=task_index, protocol=protocol)


def _check(message):
    """Whether the task that a server is to be exists.

    Raises:
      InternalError, InvalidArgumentError, NotFoundError: where not, or where its protocol is unknown.
    """
    if message.protocol != "grpc":
        raise errors.NotFoundError(
            None, None, f"No server factory registered for the given ServerDef: {message}\n"
            "The available server factories are: [ GRPC_SERVER ]",
        )  # fmt: skip
    jobs = {job.name: dict(job.tasks) for job in message.cluster.job}
    if message.job_name not in jobs:
        raise errors.InternalError(None, None, f'Job "{message.job_name}" was not defined in cluster')
    if message.task_index not in jobs[message.job_name]:
        raise errors.InvalidArgumentError(
            None, None, f'Task {message.task_index} was not defined in job "{message.job_name}"'
        )
    address = jobs[message.job_name][message.task_index]
    if not re.search(r":\d+$", address):
        raise errors.InvalidArgumentError(None, None, f'Could not parse port for local server from "{address}".')


class Server:
    """A task of a cluster. Only clusters of one task are supported: their sessions run in this process.

    No port is opened. Each session has variables of its own, where TensorFlow's share those of the server.

    Args:
      server_or_cluster_def: a `ServerDef`, a `ClusterDef`, a `ClusterSpec` or its dictionary.
      job_name, task_index: the task; by default the one of the `ServerDef`, or the only one of the cluster.
      protocol: "grpc"; a `ServerDef` must say so itself.
      config: a `ConfigProto`, of sessions that have none.
      start: starts the server.

    Raises:
      TypeError: where the first argument is none of these.
      ValueError: where the task must be named, or there is no such job.
      InternalError, InvalidArgumentError: where there is no such job or task, or its address has no port.
      NotFoundError: where the protocol is another.
      UnimplementedError: where the server starts and the cluster has other tasks.
    """

    def __init__(self, server_or_cluster_def, job_name=None, task_index=None, protocol=None, config=None, start=True):
        self._server_def = _server_def(server_or_cluster_def, job_name, task_index, protocol, config)
        _check(self._server_def)
        self._target = f"local://{self._server_def.job_name}/{self._server_def.task_index}/{next(_numbers)}"
        self._started = False
        if start:
            self.start()

    def start(self):
        """Lets sessions use the target; a second call does nothing.

        Raises:
          UnimplementedError: where the cluster has other tasks than this one.
        """
        if self._started:
            return
        others = [
            f"/job:{job.name}/task:{index} at {address}"
            for job in self._server_def.cluster.job
            for index, address in sorted(job.tasks.items())
            if (job.name, index) != (self._server_def.job_name, self._server_def.task_index)
        ]
        if others:
            raise errors.UnimplementedError(
                None, None, "expected a cluster of one task, which is this process: hookloop runs no session on several "
                f"processes, got also {', '.join(others)}",
            )  # fmt: skip
        config = (
            self._server_def.default_session_config if self._server_def.HasField("default_session_config") else None
        )
        add_local_target(self._target, config)
        self._started = True

    def join(self):
        """Waits for ever, as a task does that others give work to."""
        threading.Event().wait()

    @property
    def server_def(self):
        """The `ServerDef` of the server."""
        return self._server_def

    @property
    def target(self):
        """What a `Session` takes to run on the server."""
        return self._target

    @staticmethod
    def create_local_server(config=None, start=True):
        """A server of a cluster of its own.

        Args:
          config: a `ConfigProto`, of sessions that have none.
          start: starts the server.
        """
        return Server({"local": ["localhost:0"]}, protocol="grpc", config=config, start=start)
