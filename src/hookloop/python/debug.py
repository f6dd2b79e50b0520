"""`python.debug`: TensorFlow's debugger, which programs import at their top and use where a flag says so.

What looks at a tensor is here; what would stop a run and show its tensors refuses and says what hookloop has for the purpose.
"""

import numpy as np

__all__ = [
    "DumpingDebugHook", "DumpingDebugWrapperSession", "GradientsDebugger", "GrpcDebugHook", "GrpcDebugWrapperSession",
    "LocalCLIDebugHook", "LocalCLIDebugWrapperSession", "TensorBoardDebugHook", "TensorBoardDebugWrapperSession",
    "add_debug_tensor_watch", "has_inf_or_nan", "watch_graph", "watch_graph_with_blacklists",
]  # fmt: skip


def has_inf_or_nan(datum, tensor):
    """Whether an array has an element that is infinite or not a number.

    Args:
      datum: not looked at.
      tensor: the array; one that is empty or not of floats or complex numbers has none.
    """
    return bool(np.issubdtype(tensor.dtype, np.inexact) and not np.isfinite(tensor).all())


def _refuse(name):
    raise NotImplementedError(
        f"{name}: hookloop has no debugger. NanTensorHook names the op that a NaN came from, tf.Print shows tensors, "
        "tf.explain shows the plan of a run"
    )


def _refusing_class(name):
    def init(self, *args, **kwargs):
        _refuse(name)

    return type(name, (), {"__init__": init, "__doc__": "Refuses: hookloop has no debugger.", "__module__": __name__})


DumpingDebugHook = _refusing_class("DumpingDebugHook")
DumpingDebugWrapperSession = _refusing_class("DumpingDebugWrapperSession")
GradientsDebugger = _refusing_class("GradientsDebugger")
GrpcDebugHook = _refusing_class("GrpcDebugHook")
GrpcDebugWrapperSession = _refusing_class("GrpcDebugWrapperSession")
LocalCLIDebugHook = _refusing_class("LocalCLIDebugHook")
LocalCLIDebugWrapperSession = _refusing_class("LocalCLIDebugWrapperSession")
TensorBoardDebugHook = _refusing_class("TensorBoardDebugHook")
TensorBoardDebugWrapperSession = _refusing_class("TensorBoardDebugWrapperSession")


def add_debug_tensor_watch(run_options, node_name, *args, **kwargs):
    """Refuses: hookloop has no debugger."""
    _refuse("add_debug_tensor_watch")


def watch_graph(run_options, graph, *args, **kwargs):
    """Refuses: hookloop has no debugger."""
    _refuse("watch_graph")


def watch_graph_with_blacklists(run_options, graph, *args, **kwargs):
    """Refuses: hookloop has no debugger."""
    _refuse("watch_graph_with_blacklists")
