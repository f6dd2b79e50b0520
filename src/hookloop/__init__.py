"""hookloop: a training-session engine for the CPU with TensorFlow 1's public API.

The map of the house (imports go downwards only):

    errors, dtypes, shapes   error classes, element types, static shapes
    graph/                   Graph, Operation, Tensor, scopes, collections, seeds, GraphDef
    ops/                     the op definitions, one module a family; build.py adds nodes
    gradients, variables     the reverse walk; variables and their scopes
    compile/                 graph -> IR -> passes -> memory -> plan
    _core                    the run path and the hook loop, the door to the C runner
    session                  Session: fetches and feeds
    train/, nn, ...          hooks, monitored sessions, optimizers, everything else
"""

from importlib import import_module as _import_module

from . import dtypes, errors, shapes
from .dtypes import *  # noqa: F403
from .dtypes import DType, as_dtype
from .shapes import Dimension, TensorShape

__version__ = "0.1.0"

# Modules whose `__all__` is public at the top level.
_PUBLIC_MODULES = (
    "graph.graph", "graph.operation", "graph.tensor", "graph.collections", "graph.scopes", "graph.device",
    "graph.random_seed", "graph.stack", "ops.build", "ops.indexed_slices", "ops.tensor_util", "ops.core",
    "ops.operators", "ops.math", "ops.linalg", "ops.reduce", "ops.array", "ops.segment", "ops.nn",
    "ops.random", "ops.state", "ops.control_flow", "ops.host", "ops.strings", "ops.queues",
    "gradients", "custom_gradient", "variables", "session",
)  # fmt: skip

for _name in _PUBLIC_MODULES:
    try:
        _module = _import_module("." + _name, __name__)
    except ModuleNotFoundError as _error:
        if not (_error.name or "").startswith("hookloop"):
            raise
        continue
    for _public in getattr(_module, "__all__", ()):
        globals()[_public] = getattr(_module, _public)
