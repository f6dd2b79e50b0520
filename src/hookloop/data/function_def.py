"""Functions of datasets as TensorFlow's FunctionDef messages, for the library of a GraphDef."""

from __future__ import annotations

import re
from functools import lru_cache

from ..graph.graph_def import fill_node
from ..ops.op_proto import op_def_proto
from ..ops.signature import signature_of
from ..ops.variable_key import VARIABLES

__all__ = []


class Body:
    """Nodes on their way into a function, where an input is named by the node, its output and a place in that.

    Attributes:
      message: the `FunctionDef` that the nodes are written into: constants may be large.
      names: their names, and those of arguments.
      stands_for: tensor -> what names it in the place of the node that makes it.
    """

    def __init__(self):
        from tensorboard.compat.proto.function_pb2 import FunctionDef

        self.message = FunctionDef()
        self.names = set()
        self.stands_for = {}
        self.is_stateful = False
        self._added = {}  # op -> its name

    def new_name(self, name):
        """The name, or one like it that nothing has."""
        found, count = name, 0
        while found in self.names:
            count += 1
            found = f"{name}_{count}"
        self.names.add(found)
        return found

    def add(self, op, prefix="", waits_for=()):
        """Adds an operation, whose inputs have been added; it waits for more operations than it does itself."""
        name = self._added[op] = self.new_name(prefix + op.name)
        node = fill_node(self.message.node_def.add(), op)
        node.name = name
        node.attr.pop("_class", None)
        del node.input[:]
        node.input.extend(self.reference(tensor) for tensor in op.inputs)
        controls = [self._added[c] for c in (*op.control_inputs, *waits_for) if c in self._added]
        node.input.extend(f"^{control}" for control in dict.fromkeys(controls) if control != name)
        self.is_stateful = self.is_stateful or op_def_proto(op.op_def).is_stateful

    def reserve(self, operations):
        """Gives operations their names before they are added: back edges of loops name them."""
        for op in operations:
            self._added[op] = op.name

    def reference(self, tensor):
        """What names a tensor in the function."""
        if tensor in self.stands_for:
            return self.stands_for[tensor]
        op, place = tensor.op, tensor.value_index
        for output in signature_of(op.op_def).outputs:
            attrs = {**signature_of(op.op_def).defaults, **op._attrs}
            count = len(output.dtypes(attrs)) if output.is_list else 1
            if place < count:
                return f"{self._added.get(op, op.name)}:{output.name}:{place}"
            place -= count
        raise ValueError(f"{tensor} is no output of its op")

    def controls_of(self, operations):
        return [self._added[op] for op in operations if op in self._added]


def definition(name, body, arguments, results, waits_for=()):
    """The message of a function.

    Args:
      name: the function's.
      body: its `Body`.
      arguments: (name, type) of each.
      results: (what names it in the body, type, name) of each.
      waits_for: the names of nodes that are run whether or not somebody wants what they give.
    """
    found = body.message
    found.signature.name = name
    for argument, dtype in arguments:
        found.signature.input_arg.add(name=argument, type=dtype.base_dtype.as_datatype_enum)
    for reference, dtype, result in results:
        found.signature.output_arg.add(name=result, type=dtype.base_dtype.as_datatype_enum)
        found.ret[result] = reference
    for node in waits_for:
        found.signature.control_output.append(node)
        found.control_ret[node] = node
    found.signature.is_stateful = body.is_stateful
    return found


def definitions_of(traced):
    """A `TracedFunction` and the functions in it, as a list of `FunctionDef`s."""
    from .function_import import ImportedFunction

    found = []
    for inner in traced._inner_functions():
        if not isinstance(inner, ImportedFunction):  # those are in the library as they came
            found += inner.definitions()
    return [*found, _definition_of(traced)]


def _definition_of(traced):
    operations = traced.graph.get_operations()
    left_out = {tensor.op for tensor in (*traced.inputs, *traced.stand_ins)}
    left_out |= {op.inputs[0].op for op in left_out if op.inputs and op.inputs[0].op.type in VARIABLES}
    own = [op for op in operations if op not in left_out]
    body = Body()
    body.names.update(op.name for op in own)
    arguments = _arguments(traced, body, own)
    body.names.clear()
    body.names.update(name for name, _ in arguments)
    body.reserve(own)
    effects = [op for op in traced.graph.effects if op not in left_out and op._control_flow_context is None]
    before = _order(own, effects)
    for op in own:
        body.add(op, waits_for=before.get(op, ()))
    waits_for = body.controls_of(effects)
    results = []
    for tensor in traced.outputs:
        results.append(_handed_out(body, body.reference(tensor), tensor.dtype.base_dtype, waits_for))
    found = definition(traced.name, body, arguments, results, waits_for)
    for i in range(len(traced.inputs)):
        found.arg_attr[i].attr["_user_specified_name"].s = arguments[i][0].encode()
    return found


def _arguments(traced, body, own):
    """(name, type) of what the function takes; captured tensors are named after who uses them first, as in TensorFlow."""
    arguments = []
    users = {}
    for op in own:
        for tensor in op.inputs:
            users.setdefault(tensor, op)
    for i, tensor in enumerate(traced.inputs):
        arguments.append((tensor, f"args_{i}"))
    for outer, inner in zip(traced.captures, traced.stand_ins):
        scope = _plain(users[inner].name) + "_" if inner in users else ""
        arguments.append((inner, scope + _plain(outer.op.name)))
    found = []
    for tensor, name in arguments:
        name = body.new_name(name)
        body.stands_for[tensor] = name
        for source in tensor.op.inputs:  # a variable behind what reads it
            body.stands_for.setdefault(source, name)
        found.append((name, tensor.dtype))
    return found


@lru_cache(1024)
def _plain(name):
    """A name as arguments may have one: lower letters, digits and underscores, a letter first."""
    found = re.sub(r"[^a-z0-9]", "_", name.lower())
    return found if found[:1].isalpha() else f"arg_{found}"


def _order(operations, effects):
    """Which operations each waits for, so that changes and what reads variables happen in the order in which they were made."""
    waits, last, since = {}, None, []
    changes = set(effects)
    for op in operations:
        if op._control_flow_context is not None:
            continue
        if op in changes:
            waits[op] = [*([last] if last is not None else ()), *since]
            last, since = op, []
        elif any(tensor.dtype.name == "resource" for tensor in op.inputs):
            if last is not None:
                waits[op] = [last]
            since.append(op)
    return waits


def _handed_out(body, reference, dtype, waits_for):
    """(what names it, type, name) of a result, behind an Identity as in TensorFlow."""
    name = body.new_name("Identity")
    node = body.message.node_def.add(name=name, op="Identity")
    node.input.extend([reference, *(f"^{waited}" for waited in waits_for)])
    node.attr["T"].type = dtype.as_datatype_enum
    return f"{name}:output:0", dtype, _plain(name)
