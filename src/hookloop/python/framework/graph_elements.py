"""What `python.framework.ops` calls tensor-like, and its other helpers: libraries ask by these names what they were given."""

import itertools
import re

from ... import logging
from ...dtypes import as_dtype, int32
from ...graph import Graph, Operation, Tensor, collection_def, get_default_graph
from ...graph.stack import graphs
from ...ops import build
from ...ops.indexed_slices import IndexedSlices
from ...ops.tensor_util import constant_value_as_shape
from ...variables import Variable

__all__ = [
    "EagerTensor", "NullContextmanager", "RegisterShape", "TensorLike", "as_graph_element", "convert_n_to_tensor",
    "convert_n_to_tensor_or_indexed_slices", "convert_to_tensor_or_indexed_slices", "get_all_collection_keys",
    "get_collection_proto_type", "get_from_proto_function", "get_name_scope", "get_to_proto_function",
    "assert_same_graph", "dismantle_graph", "graph_from_inputs", "has_default_graph", "inside_function",
    "maybe_set_static_shape", "name_from_scope_name", "new_node_def", "shape_tensor", "is_dense_tensor_like", "prepend_name_scope",
    "register_dense_tensor_like_type", "register_proto_function", "strip_name_scope", "uid",
]  # fmt: skip

_uids = itertools.count()


class _Standing(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, cls.members) or type.__instancecheck__(cls, instance)


class TensorLike(metaclass=_Standing):
    """What is a tensor or made of tensors; variables are not."""

    members = (Tensor, IndexedSlices)


class EagerTensor:
    """A tensor that has its value at once: there are none."""


class RegisterShape:
    """A decorator for shape functions of op types, which changes nothing: an `OpDef` has its own."""

    def __init__(self, op_type):
        if not isinstance(op_type, str):
            raise TypeError("op_type must be a string")
        self._op_type = op_type

    def __call__(self, f):
        return f


class NullContextmanager:
    """A context in which nothing changes; arguments are accepted."""

    def __init__(self, *args, **kwargs):
        pass

    def __enter__(self):
        pass

    def __exit__(self, *_):
        return False


def convert_to_tensor_or_indexed_slices(value, dtype=None, name=None, as_ref=False):
    """Slices as they are where their type fits, anything else as a tensor.

    Raises:
      ValueError: for slices of another type.
    """
    if not isinstance(value, IndexedSlices):
        return build.convert_to_tensor(value, dtype=dtype, name=name, as_ref=as_ref)
    if dtype is not None and not as_dtype(dtype).is_compatible_with(value.dtype):
        wanted = as_dtype(dtype).name
        raise ValueError(
            f"Tensor conversion requested dtype {wanted} for Tensor with dtype {value.dtype.name}: {value}"
        )
    return value


def _names(name, values):
    return [None if name is None else f"{name}_{i}" for i in range(len(values))]


def convert_n_to_tensor(values, dtype=None, name=None, preferred_dtype=None):
    """Each of some values as a tensor, named after their places."""
    pairs = zip(values, _names(name, values))
    return [build.convert_to_tensor(v, dtype=dtype, name=n, preferred_dtype=preferred_dtype) for v, n in pairs]


def convert_n_to_tensor_or_indexed_slices(values, dtype=None, name=None):
    """Each of some values as slices or a tensor, named after their places; None stays."""
    pairs = zip(values, _names(name, values))
    return [None if v is None else convert_to_tensor_or_indexed_slices(v, dtype, n) for v, n in pairs]


def get_all_collection_keys():
    """The keys of the default graph's collections."""
    return get_default_graph().get_all_collection_keys()


def get_name_scope():
    """The default graph's current name scope, without a "/" at the end."""
    return get_default_graph().get_name_scope()


def inside_function():
    """Whether the default graph is that of a dataset's function or another that is traced."""
    return get_default_graph().building_function


def is_dense_tensor_like(t):
    """Whether something is a tensor, a variable, or of a class that was registered as such."""
    return isinstance(t, (Tensor, Variable, *build.tensor_types))


def register_dense_tensor_like_type(tensor_type):
    """Lets the objects of a class count as tensors, for `tf.is_tensor` too.

    Args:
      tensor_type: the class; it has properties `name` and `dtype`.

    Raises:
      TypeError: where it has them not.
    """
    for name in ("name", "dtype"):
        if not isinstance(getattr(tensor_type, name, None), property):
            raise TypeError(f"Type {tensor_type.__name__} does not define a `{name}` property")
    build.tensor_types.append(tensor_type)


def uid():
    """A number that no other call gives."""
    return next(_uids)


def as_graph_element(obj):
    """The tensor or operation that an object says it stands for; None where it says nothing."""
    convert = getattr(obj, "_as_graph_element", None)
    return convert() if callable(convert) else None


def graph_from_inputs(op_input_list, graph=None):
    """The graph of an operation's inputs; the default graph where none of them is in a graph.

    Args:
      op_input_list: tensors, operations, variables; others are passed over.
      graph: the graph that they are expected in.

    Raises:
      TypeError: where `graph` is none.
      ValueError: where two inputs are in different graphs, or one is not in `graph`.
    """
    default = get_default_graph()
    if default.building_function:
        return default
    if graph and not isinstance(graph, Graph):
        raise TypeError(f"Input graph needs to be a Graph: {graph}")
    given, first = graph, None
    for value in op_input_list:
        element = value if type(value) in (Operation, *TensorLike.members) else as_graph_element(value)
        if element is None:
            continue
        if graph is None:
            graph, first = element.graph, element
        elif element.graph is not graph:
            if given is not None:
                raise ValueError(f"{element} is not from the passed-in graph.")
            raise ValueError(f"{element} must be from the same graph as {first}.")
    return graph or default


# --- names ------------------------------------------------------------------------------------------------


def strip_name_scope(name, export_scope):
    """A name without an outer scope, where it is in it; also behind "^" and "loc:@"."""
    return _renamed(name, export_scope, r"([\^]|loc:@|^){scope}[\/]+(.*)", r"\1\2")


def prepend_name_scope(name, import_scope):
    """A name below an outer scope; also behind "^" and "loc:@"."""
    return _renamed(name, import_scope, r"([\^]|loc:@|^)(.*)", r"\1{scope}/\2")


def _renamed(name, scope, pattern, replacement):
    if not scope:
        return name
    scope = scope.removesuffix("/")
    text = name.decode() if isinstance(name, bytes) else name
    if not isinstance(text, str):
        logging.warning("expected a name as text, got %r", name)
        return name
    return re.sub(pattern.replace("{scope}", scope), replacement.replace("{scope}", scope), text, count=1)


# --- collections in meta graphs -----------------------------------------------------------------------------


def register_proto_function(collection_name, proto_type=None, to_proto=None, from_proto=None):
    """Says how the items of a collection are written into a meta graph and come back from it.

    Args:
      collection_name: the collection.
      proto_type: the class of the message.
      to_proto: function(item, export_scope) -> message, or None for an item to leave out.
      from_proto: function(message, import_scope) -> item.

    Raises:
      TypeError: where a function cannot be called.
      KeyError: where the collection has functions.
    """
    for function, what in ((to_proto, "to_proto"), (from_proto, "from_proto")):
        if function is not None and not callable(function):
            raise TypeError(f"{what} must be callable.")
    if any(collection_def.functions_of(collection_name)):
        raise KeyError(f"Registering two proto functions with name '{collection_name}'!")
    collection_def.register_proto_function(collection_name, proto_type and (lambda: proto_type), to_proto, from_proto)


def assert_same_graph(original_item, item):
    """Refuses an element of another graph than the first one's.

    Raises:
      ValueError: where it is.
    """
    if original_item.graph is not item.graph:
        raise ValueError(f"{item} must be from the same graph as {original_item}.")


def dismantle_graph(graph):
    """Accepted: a graph goes with the last reference to it."""


def has_default_graph():
    """Whether a graph was made the default one, beside that which is there in any case."""
    return bool(graphs.stack)


def name_from_scope_name(name):
    """The name of an operation that has the whole scope's name, given with a "/" at its end."""
    return name.removesuffix("/")


def new_node_def(op_type, name, device=None, attrs=None):
    """A `NodeDef`.

    Args:
      op_type: its op.
      name: its name.
      device: the name of its device, a `DeviceSpec`, or a function of the message that gives one of them.
      attrs: attribute -> `AttrValue`.
    """
    from ...messages import NodeDef

    node = NodeDef(op=op_type, name=name)
    for key, value in (attrs or {}).items():
        node.attr[key].CopyFrom(value)
    device = device(node) if callable(device) else device
    node.device = "" if device is None else str(device)
    return node


def shape_tensor(shape):
    """A shape as a tensor of int32 or int64, or of the type that its elements have.

    Args:
      shape: a tensor, a shape, or a list of sizes: ints, `Dimension`s and tensors.
    """
    dtype = None
    if isinstance(shape, (tuple, list)):
        shape = [size if isinstance(size, Tensor) else getattr(size, "value", size) for size in shape]
        dtype = None if any(isinstance(size, Tensor) for size in shape) else int32
    return build.convert_to_tensor(shape, dtype=dtype, name="shape")


def maybe_set_static_shape(tensor, shape):
    """Gives a tensor of a function's graph the shape that a tensor tells, where it is not known yet."""
    if tensor.graph.building_function and not tensor.shape.is_fully_defined() and isinstance(shape, Tensor):
        tensor.set_shape(constant_value_as_shape(shape))


def get_collection_proto_type(collection_name):
    """The class of the messages of a collection; None where it has none."""
    message = collection_def.functions_of(collection_name)[0]
    return message and message()


def get_to_proto_function(collection_name):
    """What makes a message of an item of a collection; None where nothing does."""
    return collection_def.functions_of(collection_name)[1]


def get_from_proto_function(collection_name):
    """What makes an item of a collection of a message; None where nothing does."""
    return collection_def.functions_of(collection_name)[2]
