"""`tf.test`: test cases, benchmarks, and what they compare."""

from __future__ import annotations

import os as _os
import sys as _sys
from unittest import mock as mock

from .testing.benchmark import Benchmark, benchmark_config
from .testing.benchmark import run_benchmarks as _run_benchmarks
from .testing.case import TestCase, get_temp_dir
from .testing.gradients import compute_gradient, compute_gradient_error
from .testing.graphs import assert_equal_graph_def
from .testing.stubs import StubOutForTesting

__all__ = [
    "Benchmark", "StubOutForTesting", "TestCase", "assert_equal_graph_def", "benchmark_config", "compute_gradient", "compute_gradient_error",
    "create_local_cluster", "get_temp_dir", "gpu_device_name", "is_built_with_cuda", "is_built_with_gpu_support", "is_built_with_rocm",
    "is_gpu_available", "main", "test_src_dir_path",
]  # fmt: skip


def main(argv=None):
    """Runs the program's tests, or with `--benchmarks=PATTERN` the benchmarks whose names have the pattern.

    Args:
      argv: the command line; by default the program's.
    """
    from absl.testing import absltest

    from .app import run

    arguments = _sys.argv if argv is None else argv
    patterns = [argument for argument in arguments if argument.lstrip("-").startswith("benchmarks=")]
    if not patterns:
        run(main=lambda rest: absltest.main(argv=rest), argv=arguments)
        return
    arguments.remove(patterns[0])
    run(main=lambda rest: _run_benchmarks(patterns[0].split("=", 1)[1]), argv=arguments)


def test_src_dir_path(relative_path):
    """The path of a file of the tests, below the environment's `TEST_SRCDIR`."""
    return _os.path.join(_os.environ["TEST_SRCDIR"], "org_tensorflow/tensorflow", relative_path)


test_src_dir_path.__test__ = False  # a function of this name, which runners of tests would call


def create_local_cluster(num_workers, num_ps, protocol="grpc", worker_config=None, ps_config=None):
    """Servers of this process: the workers and the parameter servers of one cluster.

    Args:
      num_workers: how many workers.
      num_ps: how many parameter servers.
      protocol: "grpc".
      worker_config, ps_config: `ConfigProto`s of their sessions.

    Returns:
      A list of workers and a list of parameter servers.

    Raises:
      UnimplementedError: for a cluster of more than one server, which would be several processes.
    """
    from .train import ClusterSpec, Server

    jobs = {"worker": num_workers, "ps": num_ps}
    places = iter(range(num_workers + num_ps))
    cluster = ClusterSpec({job: [f"localhost:{2222 + next(places)}" for _ in range(n)] for job, n in jobs.items()})
    configs = {"worker": worker_config, "ps": ps_config}
    servers = {
        job: [Server(cluster, job, i, protocol, configs[job], start=True) for i in range(n)] for job, n in jobs.items()
    }
    return servers["worker"], servers["ps"]


def is_gpu_available(cuda_only=False, min_cuda_compute_capability=None):
    """Whether a step may use a GPU: no."""
    return False


def gpu_device_name():
    """The name of a GPU: empty, as there is none."""
    return ""


def is_built_with_cuda():
    """Whether there is code for CUDA: no."""
    return False


def is_built_with_gpu_support():
    """Whether there is code for GPUs: no."""
    return False


def is_built_with_rocm():
    """Whether there is code for AMD's GPUs: no."""
    return False


def __dir__():
    return sorted(__all__)
