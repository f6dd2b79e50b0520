"""`tf.import_graph_def`: nodes from a GraphDef message."""

from __future__ import annotations

import heapq
import re
from contextlib import nullcontext
from functools import cache

import numpy as np

from . import errors, logging
from .dtypes import DType
from .function_defs import with_functions
from .graph.describe import message_name
from .graph.graph import Graph
from .graph.graph_def import attr_of, note_versions
from .graph.scopes import collector_paused, name_scope
from .graph.stack import get_default_graph
from .graph.tensor import Tensor
from .graph.tensor_proto import number_listed
from .ops import registry
from .ops.build import convert_to_tensor
from .ops.op_proto import attribute_kinds
from .ops.recovered_contexts import recover_contexts
from .ops.signature import signature_of
from .shapes import TensorShape
from .version import GRAPH_DEF_VERSION, VERSION

__all__ = ["import_graph_def"]

_BACK_EDGES = frozenset(("NextIteration", "RefNextIteration"))

# What attributes and inputs of another kind than an op expects may raise anywhere.
_UNFIT = (AttributeError, IndexError, KeyError, OverflowError, TypeError, UnicodeDecodeError)

_MOST_LISTED = 100  # types of inputs that an error lists

_MOST_OUTPUTS = 1 << 20  # of one node: what a few bytes ask for is not made before anybody looks at it

# The kind of an AttrValue, by the class of the attribute's default.
_KINDS = {bool: "b", int: "i", float: "f", bytes: "s", DType: "type", TensorShape: "shape", list: "list"}
_KIND_FIELDS = {"string": "s", "int": "i", "bool": "b", "float": "f"}


def import_graph_def(graph_def, input_map=None, return_elements=None, name=None, op_dict=None, producer_op_list=None):
    """Adds the nodes of a GraphDef to the default graph.

    Args:
      graph_def: the `GraphDef`.
      input_map: the name of a tensor in the message ("op:0", or "op") -> the tensor that is used in its place; "^op" -> a tensor
        whose op is waited for in the place of that one.
      return_elements: the names of tensors and operations of the message that are wanted back.
      name: the scope of the new nodes; "import" by default, "" for none.
      op_dict: accepted.
      producer_op_list: an `OpList` of the program that wrote the message: attributes that it knows and that are not known here
        are left out where they have their default value. Others of a newer program are kept, and named in a warning.

    Returns:
      The wanted tensors and operations in their order, or None where none were asked for.

    Raises:
      TypeError: where an argument has another type.
      ValueError: where a node, an input, an attribute or a wanted element does not exist or does not fit. Nothing is added then.
      NotFoundError: for an op type that is not known. Nothing is added then.
    """
    _check_arguments(graph_def, input_map, return_elements)
    input_map = {_text(key): value for key, value in (input_map or {}).items()}
    graph = get_default_graph()
    with name_scope(name, "import", list(input_map.values())) as scope:
        if any(not isinstance(value, Tensor) for value in input_map.values()):
            if not scope:
                raise ValueError(
                    "tf.import_graph_def() requires a non-empty `name` if `input_map` contains non-Tensor values. Try calling "
                    "tf.convert_to_tensor() on `input_map` values before calling tf.import_graph_def()."
                )
            with graph.name_scope("_inputs"):
                input_map = {key: convert_to_tensor(value) for key, value in input_map.items()}
    _check_graph(graph, input_map)
    graph_def, functions = with_functions(graph_def, graph)
    importer = Importer(graph, graph_def, input_map, scope, producer_op_list)
    with collector_paused():
        importer.check(return_elements or ())
        importer.add_nodes()
    graph._function_library.update(functions)
    note_versions(graph, graph_def.versions)
    return None if return_elements is None else [importer.element(_text(e)) for e in return_elements]


def _check_arguments(graph_def, input_map, return_elements):
    if not hasattr(graph_def, "node") or not hasattr(graph_def, "versions"):
        raise TypeError("graph_def must be a GraphDef proto.")
    if input_map is not None and not (
        isinstance(input_map, dict) and all(isinstance(key, (str, bytes)) for key in input_map)
    ):
        raise TypeError("input_map must be a dictionary mapping strings to Tensor objects.")
    if return_elements is not None and not all(isinstance(element, (str, bytes)) for element in return_elements):
        raise TypeError("return_elements must be a list of strings.")
    if graph_def.versions.producer < 0:
        raise ValueError(
            f"GraphDef producer version {graph_def.versions.producer} below min producer 0 supported by TensorFlow {VERSION}.  "
            "Please regenerate your graph."
        )
    if graph_def.versions.min_consumer > GRAPH_DEF_VERSION:
        raise ValueError(
            f"GraphDef min consumer version {graph_def.versions.min_consumer} above current version {GRAPH_DEF_VERSION} "
            f"for TensorFlow {VERSION}.  Please upgrade TensorFlow."
        )
    if GRAPH_DEF_VERSION in graph_def.versions.bad_consumers:
        raise ValueError(
            f"GraphDef disallows consumer version {GRAPH_DEF_VERSION}.  Please upgrade TensorFlow: this version is likely buggy."
        )


def _check_graph(graph, input_map):
    for key, tensor in input_map.items():
        if tensor.graph is not graph:
            raise ValueError(
                f"node '{tensor.op.name}' in input_map does not exist in graph (input_map entry: {key}->{tensor.name})"
            )


def _text(name):
    return name.decode() if isinstance(name, bytes) else name


def _split(name):
    """(op, output index) of "op:index" or "op"."""
    op, _, index = name.rpartition(":")
    return (op, int(index)) if op and index.isdecimal() else (name, 0)


def _split_argument(name):
    """The same of a name that the caller gives.

    Raises:
      ValueError: for what is no name of a tensor.
    """
    op, colon, index = name.partition(":")
    if colon and not index.isdecimal():
        raise ValueError(f"Cannot convert '{name}' to a tensor name.")
    return op, int(index or 0)


# Of a node in a message; what begins with "_" is made while a graph runs.
_VALID_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_./-]*\Z")


class _Misfit(ValueError):
    """The error of a node whose text names the node already."""


class Importer:
    """The nodes of one message on their way into a graph."""

    def __init__(self, graph, graph_def, input_map, scope, producer_op_list=None):
        self._graph = graph
        self._nodes = {}
        self._is_newer = graph_def.versions.producer > GRAPH_DEF_VERSION
        self._kept = set()  # attributes that are not known here
        self._producer = {op.name: op for op in producer_op_list.op} if producer_op_list is not None else {}
        for node in graph_def.node:
            if self._nodes.setdefault(node.name, node) is not node:
                raise ValueError(f"Node '{node.name}' is not unique")
        self._map = {_split_argument(key): value for key, value in input_map.items() if not key.startswith("^")}
        self._waited_for = {key[1:]: value.op for key, value in input_map.items() if key.startswith("^")}
        self._prefix = scope or ""
        self._split = cache(_split)
        self._given = {}  # name of a node -> its attributes
        self._operations = {}
        self._open = []  # (a loop variable's Merge, its NextIteration): names

    # --- checks that need no graph --------------------------------------------------------------------------

    def check(self, wanted):
        """Raises what is wrong with the message, before anything is added."""
        for name, node in self._nodes.items():
            if not node.op:
                raise ValueError(f"Node '{name}' does not specify an operation")
        self._nodes = {name: self._known_attributes(node) for name, node in self._nodes.items()}
        if self._kept:
            logging.warning("Attributes of a newer program are not looked at: %s", ", ".join(sorted(self._kept)))
        self._input_of = {
            name: node.input[:] for name, node in self._nodes.items()
        }  # lists, which are gone through faster
        self._number_outputs = {name: self._outputs_of(node) for name, node in self._nodes.items()}
        for name in self._nodes:
            if not _VALID_NAME.match(name):
                raise ValueError(f"Node '{name}': Node name contains invalid characters")
        for name, node in self._nodes.items():
            for text in self._input_of[name]:
                self._check_input(node, text)
            self._check_groups(node)
        self._order = self._sorted()
        for element in wanted:
            self._check_wanted(_text(element))
        self._check_map()

    def _check_wanted(self, element):
        is_tensor = ":" in element
        name, index = _split_argument(element) if is_tensor else (element, 0)
        if is_tensor and (name, index) in self._map:
            return
        if name not in self._nodes:
            kind = f"tensor '{element}'" if is_tensor else f"node '{name}'"
            raise ValueError(f"Requested return {kind} not found in graph def")
        count = self._number_outputs[name]
        if is_tensor and index >= count:
            raise ValueError(f"Invalid return output {index} of node '{name}', which has {count} output(s)")

    def _check_map(self):
        """What takes the place of something takes the place of what is there, or is read."""
        if not self._map and not self._waited_for:
            return
        used = {self._split(text) for texts in self._input_of.values() for text in texts if not text.startswith("^")}
        awaited = {text[1:] for texts in self._input_of.values() for text in texts if text.startswith("^")}
        unused = [
            f"{name}:{index}" for name, index in sorted(self._map)
            if (name, index) not in used and index >= self._number_outputs.get(name, 0)
        ]  # fmt: skip
        unused += [f"^{name}" for name in sorted(self._waited_for) if name not in self._nodes and name not in awaited]
        if unused:
            raise ValueError(f"Attempted to map inputs that were not found in graph_def: [{', '.join(unused)}]")

    def checked_nodes(self):
        """The message's nodes, inputs first, otherwise in its order; raises what is wrong with them."""
        self.check(())
        return [self._nodes[name] for name in self._order]

    def _known_attributes(self, node):
        """The node without what another program's op has more than ours, where that says nothing.

        Raises:
          ValueError: an attribute that is not known, and is not the default of the program that wrote it, which is no newer one.
        """
        try:
            known = attribute_kinds(registry.lookup(node.op))
        except ValueError:
            return node  # the op itself is refused
        unknown = [key for key in node.attr if key not in known and not key.startswith("_")]
        if not unknown:
            return node
        producer = self._producer.get(node.op)
        defaults = (
            {attr.name: attr.default_value for attr in producer.attr if attr.HasField("default_value")}
            if producer
            else {}
        )
        copy = type(node).FromString(node.SerializeToString())
        for key in sorted(unknown):
            if key in defaults and defaults[key] == node.attr[key]:
                del copy.attr[key]
            elif self._is_newer:
                self._kept.add(f"'{key}' of {node.op}")
            else:
                raise ValueError(
                    f"NodeDef mentions attr '{key}' not in Op<name={node.op}>; NodeDef: {{{{node {self._prefix}{node.name}}}}}. (Check whether "
                    "your GraphDef-interpreting binary is up to date with your GraphDef-generating binary.)."
                )
        return copy

    def _outputs_of(self, node):
        try:
            op_def = registry.lookup(node.op)
        except ValueError:
            raise errors.NotFoundError(
                None, None, f"Op type not registered '{node.op}' in hookloop, wanted by node '{node.name}'. "
                "Functions of a GraphDef's library and ops of extensions have no definition here."
            ) from None  # fmt: skip
        defaults = signature_of(op_def).defaults
        try:
            _check_kinds(node, defaults, attribute_kinds(op_def))
            given = {key: attr_of(value) for key, value in node.attr.items() if value.WhichOneof("value")}
            attrs = {**defaults, **given}
            self._given[node.name] = given
            self._check_values(node, op_def, attrs)
            missing = [key for key in defaults if attrs[key] is None]
            if missing:
                raise KeyError(missing[0])
            for output in signature_of(op_def).outputs:
                if output.number_attr is not None and not 0 <= attrs[output.number_attr] <= _MOST_OUTPUTS:
                    raise ValueError(f"expected a number of outputs in attr '{output.number_attr}', got "
                                     f"{attrs[output.number_attr]}")  # fmt: skip
            return len(signature_of(op_def).output_dtypes(attrs))
        except _UNFIT as error:
            raise ValueError(
                f"NodeDef missing attr {error} from Op<name={node.op}>; NodeDef: {{{{node {self._prefix}{node.name}}}}}"
            ) from None
        except _Misfit as error:
            raise ValueError(str(error)) from None
        except ValueError as error:
            raise ValueError(f"Node '{node.name}': {error}") from None

    def _check_values(self, node, op_def, attrs):
        """Types are types, no size is below -1, which is one that is not known; and there are as many inputs as the op has."""
        for key in signature_of(op_def).type_attrs:
            if not isinstance(attrs.get(key), (DType, list, type(None))):
                _refuse_kind(node, key, node.attr[key].WhichOneof("value"), "type")
        for value in attrs.values():
            if isinstance(value, TensorShape) and any(d < -1 for d in value._dims or () if isinstance(d, int)):
                raise ValueError(
                    f"Shape {list(value._dims)} has dimensions with values below -1 (where -1 means unknown)"
                )
        self._check_number_of_inputs(node, op_def, attrs)

    def _check_input(self, node, text):
        if text.startswith("^"):
            if text[1:] not in self._nodes and text[1:] not in self._waited_for:
                raise ValueError(f"Node '{node.name}': Unknown input node '{text}'")
            return
        name, index = key = self._split(text)
        if key in self._map:
            return
        if name not in self._nodes:
            raise ValueError(f"Node '{node.name}': Unknown input node '{text}'")
        if index >= self._number_outputs[name]:
            raise ValueError(
                f"Node '{node.name}': Connecting to invalid output {index} of source node {name} which has "
                f"{self._number_outputs[name]} outputs."
            )

    def _check_number_of_inputs(self, node, op_def, attrs):
        """As many tensors as the op has inputs, and then what is waited for."""
        waited_for = [text.startswith("^") for text in self._input_of[node.name]]
        count = len(waited_for) - sum(waited_for)
        if any(waited_for[:count]):
            raise ValueError("Control dependencies must come after regular dependencies")
        wanted = 0
        try:
            for argument in signature_of(op_def).inputs:
                if argument.number_attr == "N" and attrs["N"] < 1:
                    raise ValueError(f"Value for attr 'N' of {attrs['N']} must be at least minimum 1")
                wanted += attrs[argument.number_attr] if argument.number_attr else len(argument.dtypes(attrs))
            if wanted == count:
                return
            few = wanted <= len(waited_for) + _MOST_LISTED
            inputs = [t for i in signature_of(op_def).inputs for t in i.dtypes(attrs)] if few else [f"{wanted} of them"]
        except _UNFIT:
            return  # attributes that are missing, or are of another kind, are named when the node is made
        raise _Misfit(
            f"NodeDef expected inputs '{', '.join(map(_name, inputs)) if few else inputs[0]}' do not match {count} inputs specified; "
            f"Op<name={node.op}>; NodeDef: {{{{node {self._prefix}{node.name}}}}}"
        )

    def _check_groups(self, node):
        for group in node.attr["_class"].list.s if "_class" in node.attr else ():
            name = group.removeprefix(b"loc:@").decode()
            if group.startswith(b"loc:@") and name not in self._nodes:
                raise ValueError(f"Node '{node.name}' expects to be colocated with unknown node '{name}'")

    def _sorted(self):
        """The nodes such that inputs come first, otherwise in the message's order; back edges of loops do not count."""
        place = {name: i for i, name in enumerate(self._nodes)}
        waiting, consumers = {}, {}
        for name, node in self._nodes.items():
            sources = {source for source in map(self._source, self._input_of[name]) if source is not None}
            if node.op in ("Merge", "RefMerge"):
                sources = {source for source in sources if self._nodes[source].op not in _BACK_EDGES}
            waiting[name] = len(sources)
            for source in sources:
                consumers.setdefault(source, []).append(name)
        ready = [place[name] for name, count in waiting.items() if count == 0]
        heapq.heapify(ready)
        names, order = list(self._nodes), []
        while ready:
            name = names[heapq.heappop(ready)]
            order.append(name)
            for consumer in consumers.get(name, ()):
                waiting[consumer] -= 1
                if waiting[consumer] == 0:
                    heapq.heappush(ready, place[consumer])
        if len(order) < len(names):
            raise ValueError(f"{len(names) - len(order)} nodes in a cycle")
        return order

    def _source(self, text):
        """The node that an input comes from; None where another one takes its place."""
        if text.startswith("^"):
            return None if text[1:] in self._waited_for else text[1:]
        key = self._split(text)
        return None if key in self._map else key[0]

    # --- nodes ----------------------------------------------------------------------------------------------

    def add_nodes(self):
        """Adds all nodes, or none."""
        graph = self._graph
        before, names_before = graph.get_operations(), dict(graph._names_in_use)
        controls = sorted(graph._current_control_dependencies(), key=lambda op: op._id)
        context = graph._get_control_flow_context()
        try:
            with graph.control_dependencies(None), graph.name_scope(None), graph.without_device():
                graph._set_control_flow_context(context)
                self._names = self._unique_names()
                for name in self._order:
                    try:
                        self._operations[name] = self._add(self._nodes[name], controls)
                    except _UNFIT as error:
                        raise ValueError(
                            f"Node '{name}' does not fit its op, {self._nodes[name].op}: {error}"
                        ) from error
                for merge, following in self._open:
                    self._operations[merge]._update_input(1, self._operations[following].outputs[0])
            recover_contexts(list(self._operations.values()), context)
            self._place()
        except Exception:
            graph._remove_operations_after(len(before))
            graph._names_in_use.clear()
            graph._names_in_use.update(names_before)
            raise

    def _unique_names(self):
        """The nodes' names in the graph: their own where nothing there has them, else some that no node of either has."""
        names, used = {}, self._graph._names_in_use
        own = {(self._prefix + name).lower() for name in self._nodes}
        for name in self._nodes:
            unique = self._prefix + name
            count = 0
            while unique.lower() in used or (count and unique.lower() in own):
                count += 1
                unique = f"{self._prefix}{name}_{count}"
            used[unique.lower()] = 1
            names[name] = unique
        return names

    def _place(self):
        """Gives the new nodes their devices: as around them, unless their own say more; beside others, that of those."""
        if not self._graph._state().device_stack and not any(node.device for node in self._nodes.values()):
            return
        beside = {}
        for name, op in self._operations.items():
            groups = [group[5:].decode() for group in op._attrs.get("_class") or () if group[:5] == b"loc:@"]
            groups = [group for group in groups if group != op.name and group in self._graph._operations]
            if groups:
                beside[op] = groups
                continue
            device = self._nodes[name].device
            with self._graph.device(device) if device else nullcontext():
                self._graph._apply_device_functions(op)
        for op, groups in beside.items():
            devices = (self._graph._operations[group].device for group in groups)
            op._set_device(next(filter(None, devices), ""))

    def _add(self, node, controls):
        inputs, control_inputs = self._inputs(node)
        attrs = self._given.pop(node.name)
        shapes = attrs.pop("_output_shapes", None)
        if "_class" in attrs:
            attrs["_class"] = [self._group(group) for group in attrs["_class"]]
        op_def, attrs, dtypes = self._described(node, inputs, attrs)
        self._check_types(node, op_def, attrs, inputs)
        _check_choices(node, attrs)
        if node.op == "Const":
            _check_constant(node, attrs["value"], np.dtype(attrs["dtype"].as_numpy_dtype))
        try:
            op = self._graph._add_node(op_def, inputs, attrs, self._names[node.name], list(dtypes))
        except (ValueError, *_UNFIT) as error:
            raise ValueError(f"{error} (while importing node '{node.name}')") from None
        if node.op == "Const":
            given = number_listed(node.attr["value"].tensor)
            if given and given < attrs["value"].size:
                self._graph._values_given[op._id] = given
        if control_inputs or controls:
            op._add_control_inputs([*control_inputs, *(c for c in controls if c not in control_inputs)])
        for i, (tensor, shape) in enumerate(zip(op.outputs, shapes or ())):
            try:
                tensor.set_shape(shape)
            except ValueError as error:
                raise ValueError(
                    f"Node '{op.name}' has an _output_shapes attribute inconsistent with the GraphDef for output #{i}: {error}"
                ) from None
        return op

    def _group(self, group):
        prefix, name = group[:5], group[5:].decode()
        if prefix != b"loc:@" or name not in self._nodes:
            return group
        return prefix + self._names[name].encode()

    @staticmethod
    def _described(node, inputs, attrs):
        try:
            return Graph._describe(node.op, inputs, attrs)
        except (ValueError, *_UNFIT) as error:
            raise ValueError(f"Node '{node.name}': {error}") from None

    def _inputs(self, node):
        inputs, controls = [], []
        for text in self._input_of[node.name]:
            if text.startswith("^"):
                controls.append(self._waited_for.get(text[1:]) or self._operations[text[1:]])
                continue
            key = self._split(text)
            if key in self._map:
                inputs.append(self._map[key])
            elif key[0] in self._operations:
                inputs.append(self._operations[key[0]].outputs[key[1]])
            else:  # the back edge of a loop, drawn once its end exists
                self._open.append((node.name, key[0]))
                inputs.append(inputs[0])
        return inputs, list(dict.fromkeys(controls))

    def _check_types(self, node, op_def, attrs, inputs):
        signature = signature_of(op_def)
        if signature.plain is not None and len(inputs) == len(signature.plain):
            for (wanted, attr, _, is_ref), tensor in zip(signature.plain, inputs):
                found = tensor.dtype
                if found.base_dtype is not (wanted or attrs[attr]) or (is_ref and not found._is_ref_dtype):
                    break
            else:
                return
        position = 0
        for argument in signature.inputs:
            wanted = argument.dtypes(attrs)
            wanted = list(wanted) if argument.is_list else [wanted[0]]
            for dtype, tensor in zip(wanted, inputs[position:]):
                if tensor.dtype.base_dtype != dtype.base_dtype or (
                    dtype._is_ref_dtype and not tensor.dtype._is_ref_dtype
                ):
                    raise ValueError(
                        f"Input {position} of node {self._prefix}{node.name} was passed {_name(tensor.dtype)} from "
                        f"{tensor.name} incompatible with expected {_name(dtype)}."
                    )
                position += 1
        if position != len(inputs):
            raise ValueError(
                f"NodeDef expected {position} inputs, {len(inputs)} inputs specified; Op<name={node.op}>; NodeDef: "
                f"{self._prefix}{node.name}"
            )

    def element(self, text):
        """A tensor ("op:0") or operation ("op") of the message as it is in the graph."""
        if ":" not in text:
            return self._operations[text]
        key = _split(text)
        return self._map[key] if key in self._map else self._operations[key[0]].outputs[key[1]]


# Texts that attributes of these names have, of every op that has such ones.
_IMAGES, _VOLUMES = (b"NHWC", b"NCHW"), (b"NDHWC", b"NCDHW")
_CHOICES = {"data_format": _IMAGES, "mode": (b"REFLECT", b"SYMMETRIC"), "padding": (b"SAME", b"VALID", b"EXPLICIT")}


def _check_choices(node, attrs):
    """Public functions let no other text through."""
    if _CHOICES.keys().isdisjoint(attrs):
        return
    for name, allowed in _CHOICES.items():
        value = attrs.get(name)
        if not isinstance(value, bytes):
            continue
        if name == "data_format":
            allowed = _VOLUMES if node.op.startswith(("Conv3D", "MaxPool3D", "AvgPool3D")) else _IMAGES
        if value not in allowed:
            choices = ", ".join(f'"{choice.decode()}"' for choice in allowed)
            raise ValueError(
                f"Value for attr '{name}' of \"{value.decode(errors='replace')}\" is not in the list of allowed values: "
                f"{choices} (while importing node '{node.name}')"
            )


def _check_constant(node, value, wanted):
    """Kernels read a constant's bytes as the type that the node has."""
    if value.dtype != wanted:
        raise ValueError(f"Node '{node.name}' expected a value of type {wanted}, got one of {value.dtype}")


_KIND_NAMES = {"b": "bool", "f": "float", "i": "int", "s": "string"}


def _check_kinds(node, defaults, known):
    for key, default in defaults.items():
        kind, expected = node.attr[key].WhichOneof("value") if key in node.attr else None, _KINDS.get(type(default))
        if expected is None:
            expected = _KIND_FIELDS.get(known.get(key))
        if kind is not None and expected is not None and kind != expected:
            _refuse_kind(node, key, kind, expected)


def _refuse_kind(node, key, kind, expected):
    kind, expected = _KIND_NAMES.get(kind, kind), _KIND_NAMES.get(expected, expected)
    raise _Misfit(
        f"AttrValue had value with type '{kind}' when '{expected}' expected, for attr '{key}' of node '{node.name}'"
    )


def _name(dtype):
    """A type's name in GraphDefs' messages."""
    return message_name(dtype.base_dtype) + ("_ref" if dtype._is_ref_dtype else "")
