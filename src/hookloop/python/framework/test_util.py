"""`python.framework.test_util`: what decorates tests, for suites that run in graphs only."""

import functools
import unittest
from contextlib import contextmanager, nullcontext

from ...graph import Graph, get_default_graph
from ...ops.array import transpose
from ...test import TestCase as TensorFlowTestCase
from ...test import assert_equal_graph_def, create_local_cluster, gpu_device_name, is_gpu_available

__all__ = [
    "GpuSupportsHalfMatMulAndConv", "InstallStackTraceHandler", "IsBuiltWithROCm", "IsGoogleCudaEnabled",
    "IsMklEnabled", "NCHWToNHWC", "NHWCToNCHW", "TensorFlowTestCase", "also_run_as_tf_function",
    "assert_equal_graph_def", "assert_equal_graph_def_v2", "assert_meta_graph_protos_equal", "assert_no_garbage_created",
    "assert_no_new_pyobjects_executing_eagerly", "assert_no_new_tensors", "assert_ops_in_graph",
    "build_as_function_and_v1_graph", "create_local_cluster", "deprecated_graph_mode_only", "device",
    "assert_equal_graph_def_v1", "enable_output_all_intermediates", "enable_tf_xla_constant_folding", "is_xla_enabled",
    "set_producer_version", "use_deterministic_cudnn",
    "disable_control_flow_v2", "disable_xla", "enable_control_flow_v2", "for_all_test_methods", "force_cpu",
    "force_gpu", "get_node_def_from_graph", "gpu_device_name", "is_gpu_available", "no_xla_auto_jit",
    "py_func_if_in_function", "run_all_in_graph_and_eager_modes", "run_cuda_only", "run_deprecated_v1",
    "run_gpu_only", "run_in_graph_and_eager_modes", "run_v1_only", "run_v2_only", "skip_if", "use_gpu",
    "with_control_flow_v2", "xla_allow_fallback",
]  # fmt: skip


def _unchanged(decorated=None):
    """A decorator without an effect, with or without parentheses."""
    return _same if decorated is None else decorated


def _same(decorated):
    return decorated


def _described(*_):
    """A decorator without an effect that is given a text."""
    return _same


run_deprecated_v1 = deprecated_graph_mode_only = enable_control_flow_v2 = with_control_flow_v2 = _unchanged
also_run_as_tf_function = build_as_function_and_v1_graph = _same
assert_no_new_pyobjects_executing_eagerly = assert_no_garbage_created = assert_no_new_tensors = _unchanged
disable_control_flow_v2 = disable_xla = no_xla_auto_jit = xla_allow_fallback = _described
enable_output_all_intermediates = use_deterministic_cudnn = _unchanged
enable_tf_xla_constant_folding = _described
assert_equal_graph_def_v1 = assert_equal_graph_def_v2 = assert_equal_graph_def


def run_v1_only(reason, func=None):
    """A test of the API's first version, which is this one."""
    return _unchanged(func)


def run_in_graph_and_eager_modes(func=None, config=None, use_gpu=True, reset_test=True, assert_no_eager_garbage=False):
    """A test that runs in a graph, with the test's session as the default one.

    Args:
      func: the test.
      config, use_gpu: of the session.
      reset_test, assert_no_eager_garbage: accepted.
    """

    def decorate(test):
        if isinstance(test, type):
            raise ValueError(
                "`run_in_graph_and_eager_modes` only supports test methods. "
                "Did you mean to use `run_all_in_graph_and_eager_modes`?"
            )

        @functools.wraps(test)
        def in_session(self, *args, **kwargs):
            with self.test_session(use_gpu=use_gpu, config=config):
                test(self, *args, **kwargs)

        return in_session

    return decorate if func is None else decorate(func)


def for_all_test_methods(decorator, *args, **kwargs):
    """A decorator of classes that decorates each of their tests."""

    def decorate(cls):
        for name in dir(cls):
            test = getattr(cls, name)
            if callable(test) and name.startswith(unittest.TestLoader.testMethodPrefix) and name != "test_session":
                setattr(cls, name, decorator(*args, **kwargs)(test))
        return cls

    return decorate


def run_all_in_graph_and_eager_modes(cls):
    """`run_in_graph_and_eager_modes` for each test of a class."""
    return for_all_test_methods(run_in_graph_and_eager_modes)(cls)


def _skipped(reason):
    def decorate(func=None):
        return unittest.skip(reason) if func is None else unittest.skip(reason)(func)

    return decorate


run_gpu_only = run_cuda_only = _skipped("there is no GPU")
run_v2_only = _skipped("a test of the API's second version")


def skip_if(condition):
    """A decorator of tests that do nothing where a condition, or what a function gives, is true."""

    def decorate(test):
        @functools.wraps(test)
        def unless(*args, **kwargs):
            if not (condition() if callable(condition) else condition):
                test(*args, **kwargs)

        return unless

    return decorate


def is_xla_enabled():
    """Whether graphs are compiled by XLA: they are not."""
    return False


def set_producer_version(graph, producer_version):
    """Lets a graph say that another version made it.

    Args:
      graph: a graph; its messages have that version from then on.
      producer_version: the number.
    """
    from ...import_graph import import_graph_def
    from ...messages import GraphDef

    made = GraphDef()
    made.versions.producer = producer_version
    with graph.as_default():
        import_graph_def(made)


def IsMklEnabled():
    return False


IsGoogleCudaEnabled = IsBuiltWithROCm = IsMklEnabled


def GpuSupportsHalfMatMulAndConv():
    return False


def InstallStackTraceHandler():
    """Python prints where it stands by itself."""


def py_func_if_in_function(function):
    """A function that is called as it is: none is traced."""
    return function


@contextmanager
def use_gpu():
    """Nothing is placed in it."""
    yield


force_gpu = use_gpu


@contextmanager
def force_cpu():
    """What is added in it is placed on the CPU."""
    with get_default_graph().device("/device:CPU:0"):
        yield


def device(use_gpu):
    """What is added in it may stand on a GPU, or stands on the CPU."""
    return nullcontext() if use_gpu else force_cpu()


def get_node_def_from_graph(node_name, graph_def):
    """The node of a name in a GraphDef, or None."""
    return next((node for node in graph_def.node if node.name == node_name), None)


def assert_meta_graph_protos_equal(tester, a, b):
    """Fails unless two `MetaGraphDef`s hold the same graph, whatever the order of its nodes, and the same else.

    Args:
      tester: the `TestCase`.
    """
    tester.assertEqual(set(a.collection_def), set(b.collection_def))
    for key in a.collection_def:
        tester.assertProtoEquals(a.collection_def[key], b.collection_def[key])
    assert_equal_graph_def(a.graph_def, b.graph_def, checkpoint_v2=True)
    tester.assertEqual(a.graph_def.versions, b.graph_def.versions)
    rest = [type(message).FromString(message.SerializeToString()) for message in (a, b)]
    for message in rest:
        message.ClearField("collection_def")
        message.ClearField("graph_def")
    tester.assertProtoEquals(*rest)


def assert_ops_in_graph(expected_ops, graph):
    """Raises ValueError unless a graph has operations of these names and types; gives their nodes by name.

    Args:
      expected_ops: name -> type.
      graph: a `Graph` or a `GraphDef`.
    """
    graph_def = graph.as_graph_def() if isinstance(graph, Graph) else graph
    found = {node.name: node for node in graph_def.node if node.name in expected_ops}
    for name, node in found.items():
        if node.op != expected_ops[name]:
            raise ValueError(f"Expected op for node {name} is different. {expected_ops[name]} vs {node.op}")
    if set(found) != set(expected_ops):
        raise ValueError(f"Not all expected ops are present. Expected {sorted(expected_ops)}, found {sorted(found)}")
    return found


def _moved(value, axis, to):
    order = list(range(len(value) if isinstance(value, list) else value.get_shape().ndims))
    order.insert(to, order.pop(axis))
    return [value[i] for i in order] if isinstance(value, list) else transpose(value, order)


def NHWCToNCHW(input_tensor):
    """A tensor, or the list of a shape, with channels before what is spatial."""
    return _moved(input_tensor, -1, 1)


def NCHWToNHWC(input_tensor):
    """A tensor, or the list of a shape, with channels last."""
    rank = len(input_tensor) if isinstance(input_tensor, list) else input_tensor.get_shape().ndims
    return _moved(input_tensor, 1, rank - 1)
