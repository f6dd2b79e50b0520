"""`tf.train.ClusterSpec`: which tasks a cluster has, job by job, and where each is."""

from __future__ import annotations

__all__ = ["ClusterSpec"]


class ClusterSpec:
    """Jobs and the addresses of their tasks.

    Args:
      cluster: job -> a list of addresses, or a dictionary task -> address; or a `ClusterDef`, or a `ClusterSpec`.

    Raises:
      TypeError: where it is none of these.
    """

    def __init__(self, cluster):
        self._cluster_def = None
        if isinstance(cluster, dict):
            self._cluster_spec = {job: _tasks(job, tasks) for job, tasks in cluster.items()}
        elif isinstance(cluster, ClusterSpec):
            self._cluster_spec = {job: dict(tasks) for job, tasks in cluster._cluster_spec.items()}
        elif type(cluster).__name__ == "ClusterDef":
            self._cluster_spec = {job.name: dict(job.tasks) for job in cluster.job}
        else:
            raise TypeError(
                "`cluster` must be a dictionary mapping one or more job names to lists of network addresses, or a "
                "`ClusterDef` protocol buffer"
            )
        for job, tasks in self._cluster_spec.items():
            _check(job, tasks)

    def __bool__(self):
        return bool(self._cluster_spec)

    def __eq__(self, other):
        return self._cluster_spec == (other._cluster_spec if isinstance(other, ClusterSpec) else other)

    __hash__ = None

    def __str__(self):
        whole = self.as_dict()
        return "ClusterSpec({" + ", ".join(f"{job!r}: {whole[job]!r}" for job in sorted(whole)) + "})"

    def as_dict(self):
        """Job -> its addresses, a list where the tasks are numbered from 0 without a gap, else a dictionary."""
        return {
            job: [tasks[i] for i in range(len(tasks))]
            if tasks and max(tasks) + 1 == len(tasks)
            else dict(sorted(tasks.items()))
            for job, tasks in self._cluster_spec.items()
        }

    def as_cluster_def(self):
        """The cluster as a `ClusterDef`."""
        from ..messages import ClusterDef

        message = ClusterDef()
        for name, tasks in sorted(self._cluster_spec.items()):
            job = message.job.add(name=name)
            for index, address in sorted(tasks.items()):
                job.tasks[index] = address
        return message

    @property
    def jobs(self):
        """The names of the jobs."""
        return list(self._cluster_spec)

    def num_tasks(self, job_name):
        """How many tasks a job has.

        Raises:
          ValueError: where there is no such job; so do the methods below.
        """
        return len(self._job(job_name))

    def task_indices(self, job_name):
        """The numbers of a job's tasks, in order."""
        return sorted(self._job(job_name))

    def task_address(self, job_name, task_index):
        """The address of a task.

        Raises:
          ValueError: where there is no such task.
        """
        tasks = self._job(job_name)
        if task_index not in tasks:
            raise ValueError(f"No task with index {task_index!r} in job {job_name!r}")
        return tasks[task_index]

    def job_tasks(self, job_name):
        """The addresses of a job's tasks, a list with None where a number is missing."""
        tasks = self._job(job_name)
        return [tasks.get(index) for index in range(max(tasks, default=-1) + 1)]

    def _job(self, name):
        try:
            return self._cluster_spec[name]
        except KeyError:
            raise ValueError(f"No such job in cluster: {name!r}") from None


def _tasks(job, tasks):
    """A job's tasks as a dictionary number -> address."""
    if isinstance(tasks, (list, tuple)):
        return dict(enumerate(tasks))
    if isinstance(tasks, dict):
        return dict(tasks)
    raise TypeError(f"The tasks for job {job!r} must be a list or a dictionary from integers to strings.")


def _check(job, tasks):
    if not isinstance(job, (str, bytes)):
        raise TypeError(f"Job name {job!r} must be bytes or unicode")
    for index, address in tasks.items():
        if not isinstance(index, int):
            raise TypeError(f"{index!r} has type {type(index).__name__}, but expected one of: int")
        if not isinstance(address, (str, bytes)):
            raise TypeError(f"Task address {address!r} must be bytes or unicode")
