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

from . import dtypes, errors
from .dtypes import *
from .errors import OpError
from .preambles import *
from .shapes import Dimension, TensorShape
from .version import GIT_VERSION, GRAPH_DEF_VERSION
from .version import TENSORFLOW_VERSION as VERSION

__version__ = "0.1.0"

# Modules whose `__all__` is public at the top level.
_PUBLIC_MODULES = (
    "graph.graph", "graph.operation", "graph.tensor", "graph.collections", "graph.scopes", "graph.device",
    "graph.random_seed", "graph.stack",
    "ops.build", "ops.indexed_slices", "ops.tensor_util", "ops.core", "ops.operators", "ops.math", "ops.math_unary",
    "ops.cast", "ops.select", "ops.special", "ops.parts", "ops.activations", "ops.clip", "ops.linalg", "ops.reduce", "ops.array",
    "ops.slicing", "ops.gather", "ops.scatter", "ops.padding", "ops.rearrange", "ops.matrix", "ops.decompositions", "ops.dynamic", "ops.segment", "ops.sets", "ops.sorting",
    "ops.embedding", "ops.dropout", "ops.nn", "ops.random", "ops.state", "ops.training", "ops.counting", "ops.check", "ops.control_flow", "ops.tensor_array",
    "ops.functional", "ops.py_func", "ops.printing", "ops.strings", "ops.queues",
    "gradients", "custom_gradient", "variables", "variable_scope", "partitioned", "initializers", "session",
)  # fmt: skip

for _name in _PUBLIC_MODULES:
    try:
        _module = _import_module("." + _name, __name__)
    except ImportError as _error:
        if not (_error.name or "").startswith("hookloop") and "undefined symbol" not in str(_error):
            raise
        continue
    for _public in getattr(_module, "__all__", ()):
        globals()[_public] = getattr(_module, _public)

# Loaded when first asked for.
_LAZY_MODULES = frozenset((
    "app", "bitwise", "compat", "contrib", "data", "debugging", "estimator", "flags", "gfile", "image", "initializers",
    "layers", "linalg", "logging", "losses", "manip", "math", "metrics", "nest", "nn", "random", "saved_model", "strings",
    "summary", "test", "train", "version",
))  # fmt: skip


def __getattr__(name):
    if name in _LAZY_MODULES:
        try:
            return _import_module("." + name, __name__)
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    if name[:1].isupper():
        value = globals()[name] = getattr(_import_module(".messages", __name__), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    messages = _import_module(".messages", __name__)
    return sorted({*globals(), *_LAZY_MODULES, *messages._MODULES})


def get_logger():
    """The logger that hookloop writes to."""
    return _import_module(".logging", __name__).get_logger()


def get_include():
    """The directory of the C header for native hooks and ops."""
    from pathlib import Path

    return str(Path(__file__).parent / "include")
