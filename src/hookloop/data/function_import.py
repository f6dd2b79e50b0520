"""Functions of datasets from the library of a GraphDef: a `FunctionDef` becomes what a traced function is."""

from __future__ import annotations

from ..dtypes import as_dtype
from ..errors import InvalidArgumentError, NotFoundError, OpError, UnimplementedError
from ..function_defs import body_of
from ..graph.function_graph import FunctionGraph
from ..graph.graph_def import Function
from ..import_graph import Importer
from ..ops.core import placeholder
from ..ops.signature import signature_of
from ..shapes import TensorShape
from .function import TracedFunction, _behind, _Runner, _stand_in
from .structure import DatasetLeaf, TensorLeaf

# What makes elements by calling Python functions of the program that wrote the file.
_OF_A_PROGRAM = frozenset(("EagerPyFunc", "GeneratorDataset", "PyFunc", "PyFuncStateless"))


def captured_of(op, attr):
    """The tensors that a node hands to one of its functions with each call."""
    wanted = {"Targuments", f"T{attr}_other_arguments"}
    attrs = {**signature_of(op.op_def).defaults, **op._attrs}
    found, place = [], 0
    for argument in signature_of(op.op_def).inputs:
        count = len(argument.dtypes(attrs)) if argument.is_list else 1
        if argument.type_list_attr in wanted:
            found += op.inputs[place : place + count]
        place += count
    return found


class ImportedFunction(TracedFunction):
    """A function of a library as a node calls it.

    Args:
      definition: its `FunctionDef`.
      op: the node.
      attr: the attribute that names the function.
      library: name -> `FunctionDef`.

    Raises:
      OpError: where it cannot be imported: the text names the node and the function.
    """

    def __init__(self, definition, op, attr, library):
        name = definition.signature.name
        self.name = f"{name} of {op.name} ({attr})"
        self._method = op.type
        try:
            self._refuse_python(definition)
            self._import(definition, op, attr, library)
        except (OpError, ValueError, TypeError) as error:
            kind = type(error) if isinstance(error, OpError) else InvalidArgumentError
            text = error.message if isinstance(error, OpError) else error
            raise kind(None, None, f"Function {name} of node '{op.name}' cannot be imported: {text}") from error

    def _import(self, definition, op, attr, library):
        self.graph = FunctionGraph(op.graph, _stand_in)
        captured = captured_of(op, attr)
        arguments = definition.signature.input_arg
        count = len(arguments) - len(captured)
        if count < 0:
            raise InvalidArgumentError(None, None, f"it takes {len(arguments)} arguments, got {len(captured)}.")
        leaves = _leaves(op, attr, arguments[:count])
        with self.graph.as_default():
            self.inputs = [placeholder(leaf.dtype, leaf.shape, a.name) for leaf, a in zip(leaves, arguments)]
            stand_ins = [self.graph.capture(tensor) for tensor in captured]
            given = {a.name: tensor for a, tensor in zip(arguments, [*self.inputs, *stand_ins])}
            self.outputs = self._add(definition, library, given)
        self.stand_ins = stand_ins
        self.captures = captured
        self.fed = [
            i for i, inner in enumerate(stand_ins) if inner.op.type == "Placeholder" and inner not in stand_ins[:i]
        ]
        self.result = tuple([_leaf_of(tensor) for tensor in self.outputs])
        self.assigned = set()
        self._find_effects()
        self._classify()

    @staticmethod
    def _refuse_python(definition):
        for node in definition.node_def:
            if node.op in _OF_A_PROGRAM:
                raise UnimplementedError(
                    None, None,
                    f"its node '{node.name}' ({node.op}) calls a Python function of the program that wrote the file, as those of "
                    "Dataset.from_generator and tf.py_func do: such a function is in no file.",
                )  # fmt: skip

    def _add(self, definition, library, given):
        """Adds the function's nodes; returns what it gives."""
        from tensorboard.compat.proto.graph_pb2 import GraphDef

        for argument in definition.signature.input_arg:
            tensor = given[argument.name]
            if argument.type and tensor.dtype.base_dtype.as_datatype_enum != argument.type:
                raise InvalidArgumentError(
                    None, None,
                    f"expected {as_dtype(argument.type).name} as the argument '{argument.name}', got {tensor.dtype.name}",
                )  # fmt: skip
        nodes, results, _ = body_of(definition, library, [f"{name}:0" for name in given])
        used = {text for node in nodes for text in node.input}
        importer = Importer(
            self.graph, GraphDef(node=nodes), {k: v for k, v in given.items() if used & {k, f"{k}:0"}}, ""
        )
        importer.check(())
        importer.add_nodes()
        arguments = {f"{name}:0": tensor for name, tensor in given.items()}  # a function may hand one on as it is
        return [arguments[text] if text in arguments else importer.element(text) for text in results]

    def _inner_functions(self):
        found = []
        for op in self.graph.get_operations():
            for attr, value in op._attrs.items():
                if isinstance(value, Function):
                    found.append(named(op, attr))
        return found

    def dataset(self, session):
        """What a function without arguments makes: the dataset of a one-shot iterator."""
        key = ("function", self.name)
        runner = session._resources.get(key) or session._resources.setdefault(key, _Runner(self, session))
        return runner(())[0]


def _leaves(op, attr, arguments):
    """What a node hands to its function, as `TensorLeaf`s: shapes are known of the elements of the dataset that the node takes."""
    types = [as_dtype(argument.type) for argument in arguments]
    shapes = [TensorShape([]) if dtype.name == "variant" else TensorShape(None) for dtype in types]
    element = _element_of(op.inputs[0]) if op.inputs and not attr.startswith(("init", "final", "window")) else []
    if element and len(element) <= len(types):
        rest = len(types) - len(element)
        if [leaf.dtype for leaf in element] == types[rest:]:
            shapes[rest:] = [leaf.shape for leaf in element]
    return [TensorLeaf(dtype, shape) for dtype, shape in zip(types, shapes)]


def _element_of(tensor):
    """The components of a dataset's elements, as far as its node tells."""
    attrs = _behind(tensor).op._attrs
    types = attrs.get("output_types") or attrs.get("Toutput_types") or ()
    shapes = attrs.get("output_shapes") or ()
    return [TensorLeaf(dtype, shape) for dtype, shape in zip(types, shapes)] if len(types) == len(shapes) else []


def _leaf_of(tensor):
    if tensor.dtype.name == "variant":
        return DatasetLeaf(tuple(_element_of(tensor)))
    return TensorLeaf(tensor.dtype.base_dtype, tensor.shape)


def named(op, attr):
    """What the graph of an operation keeps under the name that the attribute has: a function that was traced there, or one of its library.

    Raises:
      NotFoundError: where it keeps nothing.
      OpError: where the library's function cannot be imported.
    """
    name = op.get_attr(attr)
    name = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    own = op.graph.__dict__.get("_dataset_functions", {}).get(name)
    if own is not None and list(getattr(own, "captures", ())) == captured_of(op, attr):
        return own
    imported = op.graph.__dict__.setdefault("_imported_functions", {})
    found = imported.get((op.name, attr))
    if found is None:
        library = op.graph._function_library
        definition = library.get(name)
        if definition is None:
            if own is not None:
                return own
            raise NotFoundError(
                None, None,
                f"Function {name} of node '{op.name}' is not defined: no GraphDef that was imported has it in its library. "
                "The Python functions of Dataset.from_generator are in no file, nor are one-shot iterators over more than 1 GB",
            )  # fmt: skip
        found = imported.setdefault((op.name, attr), ImportedFunction(definition, op, attr, library))
    return found
