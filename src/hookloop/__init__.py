"""hookloop: a training-session engine for the CPU with TensorFlow 1's public API.

The map of the house (imports go downwards only):

    _core                    what is compiled: adding nodes, the run path, the hook loop, the door to the C runner
    errors, dtypes, shapes   error classes, element types, static shapes
    files/                   checkpoints and other files of TensorFlow's, without a graph
    graph/                   Graph, Operation, Tensor, scopes, collections, seeds, GraphDef
    ops/                     the op definitions, one module a family; build.py adds nodes
    gradients, variables     the reverse walk; variables and their scopes
    compile/                 graph -> IR -> passes -> memory -> plan
    session                  Session: fetches and feeds
    train/, data/, ...       hooks, monitored sessions, optimizers, datasets, everything else
"""

from importlib import import_module as _import_module
from types import ModuleType as _ModuleType

from . import dtypes, errors, messages
from .compat import dimension_at_index, dimension_value
from .custom_gradient import *
from .dtypes import *
from .errors import OpError
from .explain import *
from .gradients import *
from .graph.collections import *
from .graph.device import *
from .graph.graph import *
from .graph.operation import *
from .graph.random_seed import *
from .graph.scopes import *
from .graph.stack import *
from .graph.tensor import *
from .import_graph import *
from .initializers import *
from .later import Later as _Later
from .module_paths import answer_for as _answer_for

# These define ops and have no names of their own here.
from .ops import activations as _activations
from .ops import checkpoint as _checkpoint
from .ops import convolution as _convolution
from .ops import dropout as _dropout
from .ops import embedding as _embedding
from .ops import nn as _nn
from .ops import normalization as _normalization
from .ops import operators as _operators
from .ops import pooling as _pooling
from .ops import summary as _summary
from .ops import training as _training
from .ops.array import *
from .ops.batch_gather import *
from .ops.build import *
from .ops.cast import *
from .ops.check import *
from .ops.clip import *
from .ops.control_flow import *
from .ops.core import *
from .ops.counting import *
from .ops.decompositions import *
from .ops.dynamic import *
from .ops.files import *
from .ops.functional import *
from .ops.gather import *
from .ops.incomplete import *
from .ops.indexed_slices import *
from .ops.linalg import *
from .ops.math import *
from .ops.math_unary import *
from .ops.matrix import *
from .ops.padding import *
from .ops.parts import *
from .ops.printing import *
from .ops.py_func import *
from .ops.queues import *
from .ops.random import *
from .ops.ranges import *
from .ops.rearrange import *
from .ops.reduce import *
from .ops.scatter import *
from .ops.segment import *
from .ops.select import *
from .ops.sets import *
from .ops.slicing import *
from .ops.sorting import *
from .ops.special import *
from .ops.state import *
from .ops.strings import *
from .ops.tensor_array import *
from .ops.tensor_util import *
from .partitioned import *
from .preambles import *
from .session import *
from .shapes import Dimension, TensorShape
from .template import *
from .type_specs import *
from .variable_scope import *
from .variables import *
from .version import (
    COMPILER_VERSION,
    GIT_VERSION,
    GRAPH_DEF_VERSION,
    GRAPH_DEF_VERSION_MIN_CONSUMER,
    GRAPH_DEF_VERSION_MIN_PRODUCER,
    VERSION,
)

__version__ = VERSION
__git_version__, __compiler_version__ = GIT_VERSION, COMPILER_VERSION
# A library's `import tensorflow.python.ops` after `sys.modules["tensorflow"] = hookloop`.
_answer_for("tensorflow", __name__)

CXX11_ABI_FLAG = MONOLITHIC_BUILD = __cxx11_abi_flag__ = __monolithic_build__ = 0

# Loaded when first asked for.
_LATER_MODULES = """
    app autograph bitwise compat config contrib data debugging estimator flags gfile graph_util image initializers io linalg logging manip math nest nn
    python_io quantization queue random raw_ops resource_loader saved_model strings summary sysconfig test train version
""".split()
_LATER_NAMES = {  # module -> its names here
    "messages": messages.TOP_LEVEL,
    "module": ["Module"],
    "ops.matrix_functions": ["matrix_square_root"],
    "ops.fake_quant": """
        fake_quant_with_min_max_args fake_quant_with_min_max_args_gradient fake_quant_with_min_max_vars
        fake_quant_with_min_max_vars_gradient fake_quant_with_min_max_vars_per_channel
        fake_quant_with_min_max_vars_per_channel_gradient
    """.split(),
    "ops.accumulators": "ConditionalAccumulator ConditionalAccumulatorBase SparseConditionalAccumulator".split(),
    "ops.bits": ["fingerprint"],
    "ops.candidates": ["sparse_to_dense"],
    "ops.decoding": "decode_compressed decode_json_example".split(),
    "ops.critical_section": ["CriticalSection"],
    "ops.parallel_for": ["vectorized_map"],
    "ops.py_function": ["py_function"],
    "ops.session_handles": "delete_session_tensor get_session_handle get_session_tensor".split(),
    "ops.patches": "extract_image_patches extract_volume_patches".split(),
    "ops.readers": "FixedLengthRecordReader IdentityReader ReaderBase TFRecordReader TextLineReader WholeFileReader".split(),
    "ops.sequence_examples": ["parse_single_sequence_example"],
    "ops.parsing": """
        FixedLenFeature FixedLenSequenceFeature decode_csv parse_example parse_single_example parse_tensor serialize_tensor
    """.split(),
}
_later = _Later(globals(), {name: module for module, names in _LATER_NAMES.items() for name in names}, _LATER_MODULES)
__getattr__ = _later.find


def __dir__():
    """What belongs to the namespace: not the package's own modules, which are attributes once they are loaded."""
    own = {name for name, value in globals().copy().items() if not isinstance(value, _ModuleType)} - {"__getattr__"}
    return sorted({*own, *_later.names, *_later.modules, "dtypes", "errors"})


def get_logger():
    """The logger that hookloop writes to."""
    return _import_module(".logging", __name__).get_logger()


def get_include():
    """The directory of the C header for native hooks and ops."""
    from pathlib import Path

    installed = Path(__file__).parent / "include"
    return str(installed if installed.exists() else Path(__file__).parents[2] / "csrc" / "include")
