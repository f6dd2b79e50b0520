"""Functions of a GraphDef's library: their nodes in the place of the nodes that call them.

A call, a conditional and a loop whose branches and bodies are functions become what they stand for: the functions' nodes, with
Switch and Merge, Enter and Exit between them. An IdentityN (or a NoOp) under the name of the node gives what it gave.
"""

from __future__ import annotations

import numpy as np

from .dtypes import as_dtype, int32
from .errors import InvalidArgumentError, NotFoundError, UnimplementedError
from .graph.graph_def import attr_of, functions_of, set_attr
from .ops import registry
from .ops.signature import signature_of

__all__ = []

_CALLS = frozenset(("PartitionedCall", "StatefulPartitionedCall"))
_CONDITIONALS = frozenset(("If", "StatelessIf"))
_LOOPS = frozenset(("While", "StatelessWhile"))
_CHOICES = frozenset(("Case", "StatelessCase"))  # by a number; out of range is the last branch
_OF_FUNCTIONS = _CALLS | _CONDITIONALS | _LOOPS | _CHOICES  # each has one list of outputs, "output"

_BOOL, _RESOURCE = 10, 20  # types in messages
_MOST_DEPTH = 100  # of calls in each other: functions that call themselves have no end
_MOST_NODES = 200_000  # in the place of calls: functions that call each other twice double them each time


def calls_functions(nodes, library):
    """Whether some of the nodes call functions."""
    return any(node.op in _OF_FUNCTIONS or node.op in library for node in nodes)


def with_functions(graph_def, graph):
    """A message as it is added to a graph.

    Functions of other content than those that the graph has under their names get other names. Nodes that call functions are
    replaced by the functions' nodes.

    Args:
      graph_def: the `GraphDef`.
      graph: the graph.

    Returns:
      (the `GraphDef`, name -> `FunctionDef` of its library)

    Raises:
      ValueError: two functions of the message have one name, or one has that of an op.
    """
    if not graph_def.library.function:
        return graph_def, {}
    there, own = functions_of(graph), graph.__dict__.get("_dataset_functions", {})
    library = {}
    for function in graph_def.library.function:
        if _is_op(function.signature.name):
            raise ValueError(
                f"Cannot add function '{function.signature.name}' because an op with the same name already exists."
            )
        if not _same(library.setdefault(function.signature.name, function), function):
            raise ValueError(
                f"Cannot add function '{function.signature.name}' because a different function with the same name already exists."
            )
    renamed = {}
    for name, function in library.items():
        if not _same(there[name], function) if name in there else name in own:
            renamed[name] = _other_name(name, {*there, *own, *library, *renamed.values()})
    if renamed or calls_functions(graph_def.node, library):
        copy = type(graph_def)()
        copy.CopyFrom(graph_def)
        for nodes in (copy.node, *(function.node_def for function in copy.library.function)):
            for node in nodes:
                _rename(node, renamed)
        for function in copy.library.function:
            function.signature.name = renamed.get(function.signature.name, function.signature.name)
        library = {function.signature.name: function for function in copy.library.function}
        nodes = in_place(copy.node, library)
        graph_def = type(graph_def)(node=nodes, versions=copy.versions)
    return graph_def, library


def _is_op(name):
    try:
        return registry.lookup(name) is not None
    except ValueError:
        return False


def _same(first, second):
    return first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)


def _other_name(name, used):
    count = 1
    while f"{name}_{count}" in used:
        count += 1
    return f"{name}_{count}"


def _rename(node, renamed):
    node.op = renamed.get(node.op, node.op)
    for value in node.attr.values():
        for function in [value.func] if value.HasField("func") else value.list.func:
            function.name = renamed.get(function.name, function.name)


def in_place(nodes, library):
    """The nodes, with functions' nodes in the place of those that call them.

    Args:
      nodes: `NodeDef`s of a graph.
      library: name -> `FunctionDef`.

    Raises:
      NotFoundError: a function is not there.
      UnimplementedError: a function is of a kind that has no place in a graph.
    """
    if not calls_functions(nodes, library):
        return list(nodes)
    return _Places(library, {node.name for node in nodes}).of_all(nodes, 0)


def body_of(definition, library, arguments):
    """A function as nodes of a graph.

    Args:
      definition: its `FunctionDef`.
      library: name -> `FunctionDef`.
      arguments: what stands for each of its arguments, as an input of a node.

    Returns:
      (nodes, what it gives as inputs of nodes, the names of nodes that are run whether or not somebody wants what they give)
    """
    return _Places(library, set()).body(definition, "", arguments, {}, (), 0)


def function_named(name, library, wanted_by):
    """A function of the library.

    Raises:
      NotFoundError: where it is not there.
    """
    found = library.get(name)
    if found is None:
        raise NotFoundError(None, None, f"Function {name} is not defined, wanted by node '{wanted_by}'.")
    return found


def _enter_argument(definition, argument, where):
    if argument.number_attr or argument.type_list_attr:
        raise UnimplementedError(
            None,
            None,
            f"Function {definition.signature.name} has several tensors as its {where} '{argument.name}': expected one.",
        )
    return argument.name


class _Places:
    """The functions' nodes on their way into a graph.

    Args:
      library: name -> `FunctionDef`.
      used: the names of the nodes that are there.
    """

    def __init__(self, library, used):
        self._library = dict(library)
        self._used = set()
        self._added = 0
        for name in used:
            self._use(name)

    def _use(self, name):
        """Notes a node, and the scopes that it is in."""
        while name and name not in self._used:
            self._used.add(name)
            name = name.rpartition("/")[0]

    def of_all(self, nodes, depth):
        """The nodes, in the place of those that call functions what they call.

        Raises:
          InvalidArgumentError: a node does not fit its functions.
        """
        made = []
        for node in nodes:
            if node.op not in _OF_FUNCTIONS and node.op not in self._library:
                made.append(node)
                continue
            try:
                made += self._called(node, depth)
            except (IndexError, KeyError, TypeError, ValueError) as error:
                raise InvalidArgumentError(
                    None, None, f"Node '{node.name}' ({node.op}) does not fit the functions that it calls: {error}"
                ) from error
        return made

    def _called(self, node, depth):
        if node.op in _CALLS:
            return self._call(node, self._function(node, "f"), depth)
        if node.op in _CONDITIONALS:
            return self._conditional(node, depth)
        if node.op in _CHOICES:
            return self._choice(node, depth)
        if node.op in _LOOPS:
            return self._loop(node, depth)
        return self._call(node, self._library[node.op], depth)

    def _function(self, node, attr):
        return function_named(node.attr[attr].func.name, self._library, node.name)

    def _prefix(self, name):
        """A scope in which no node is."""
        found, count = name, 0
        while found in self._used:
            count += 1
            found = f"{name}_{count}"
        self._use(found)
        return found + "/"

    # --- a function's nodes -----------------------------------------------------------------------------

    def body(self, definition, prefix, arguments, attributes, waits_for, depth):
        """As `body_of`, the nodes in a scope, each behind the nodes `waits_for`."""
        name = definition.signature.name
        if depth > _MOST_DEPTH:
            raise UnimplementedError(
                None, None, f"Function {name} calls itself, or functions call each other too deep."
            )
        self._added += len(definition.node_def)
        if self._added > _MOST_NODES:
            raise UnimplementedError(
                None, None, f"Function {name} is called so often that the calls become more than {_MOST_NODES} nodes."
            )
        if len(arguments) != len(definition.signature.input_arg):
            raise InvalidArgumentError(
                None,
                None,
                f"Function {name} takes {len(definition.signature.input_arg)} arguments, got {len(arguments)}.",
            )
        names = [_enter_argument(definition, argument, "argument") for argument in definition.signature.input_arg]
        given = dict(zip(names, arguments))
        places = {node.name: self._starts(node) for node in definition.node_def}

        def outside(text):
            if text.startswith("^"):
                if text[1:] in given:
                    return "^" + given[text[1:]].partition(":")[0]
                return "^" + prefix + text[1:]
            node, _, rest = text.partition(":")
            if node in given:
                return given[node]
            output, _, index = rest.partition(":")
            if node not in places or not (index or "0").isdecimal():
                raise InvalidArgumentError(None, None, f"Function {name} has no node that gives {text!r}.")
            if output not in places[node]:
                raise NotFoundError(
                    None,
                    None,
                    f"Node '{node}' of function {name} has no output '{output}' in hookloop, wanted as {text!r}.",
                )
            return f"{prefix}{node}:{places[node][output] + int(index or 0)}"

        copies = []
        for node in definition.node_def:
            copy = type(node).FromString(node.SerializeToString())
            copy.name = prefix + node.name
            inputs, controls = _inputs(node)
            del copy.input[:]
            copy.input.extend(outside(text) for text in inputs)
            copy.input.extend(dict.fromkeys([*(outside("^" + text) for text in controls), *_waits(waits_for)]))
            copy.attr.pop("_class", None)
            for key, value in attributes.items():
                _fill_in(copy, key, value)
            copies.append(copy)
            self._use(copy.name)
        results = [
            outside(definition.ret[_enter_argument(definition, result, "result")])
            for result in definition.signature.output_arg
        ]
        effects = [prefix + node for node in definition.control_ret.values()]
        return self.of_all(copies, depth + 1), results, effects

    def _starts(self, node):
        """The name of each output of a node, with the place where it begins."""
        if node.op in _OF_FUNCTIONS:
            return {"output": 0}
        if node.op in self._library:
            return {argument.name: i for i, argument in enumerate(self._library[node.op].signature.output_arg)}
        try:
            signature = signature_of(registry.lookup(node.op))
        except ValueError:
            raise NotFoundError(
                None, None, f"Op type not registered '{node.op}' in hookloop, wanted by node '{node.name}'."
            ) from None
        starts, place = {}, 0
        attrs = {**signature.defaults, **{key: attr_of(value) for key, value in node.attr.items()}}
        for output in signature.outputs:
            starts[output.name] = place
            place += len(output.dtypes(attrs)) if output.is_list else 1
        return starts

    # --- what calls functions ---------------------------------------------------------------------------

    def _call(self, node, definition, depth):
        inputs, controls = _inputs(node)
        attributes = dict(node.attr) if node.op in self._library else {}
        made, results, effects = self.body(
            definition, self._prefix(node.name + "/call"), inputs, attributes, controls, depth
        )
        types = [argument.type or attributes[argument.type_attr].type for argument in definition.signature.output_arg]
        return [*made, _hand_on(node, results, types, [*controls, *effects])]

    def _conditional(self, node, depth):
        (predicate, *inputs), controls = _inputs(node)
        types = list(node.attr["Tin"].list.type)
        scope = self._prefix(node.name + "/switch")
        make = _Maker(node, scope)
        predicate = make.decides(predicate, node.attr["Tcond"].type)
        switch = make("Switch", "pred", [predicate, predicate, *_waits(controls)], 10)
        sides = [make("Identity", f"pivot_{branch}", [f"{switch}:{branch}"], 10) for branch in (0, 1)]
        switched = [
            make("Switch", f"input_{i}", [text, predicate], t) for i, (text, t) in enumerate(zip(inputs, types))
        ]
        made, results, done = [], [], []
        out_types = list(node.attr["Tout"].list.type)
        for branch, attr in enumerate(("else_branch", "then_branch")):
            arguments = [f"{name}:{branch}" for name in switched]
            prefix = self._prefix(f"{node.name}/{attr.partition('_')[0]}")
            nodes, found, effects = self.body(self._function(node, attr), prefix, arguments, {}, [sides[branch]], depth)
            made += nodes
            results.append(found)
            done.append(effects)
            _check_count(node, attr, found, out_types)
        merges = [
            make("Merge", f"output_{i}", pair, t, N=2) + ":0" for i, (*pair, t) in enumerate(zip(*results, out_types))
        ]
        if any(done):
            ends = [make("Identity", f"done_{branch}", [sides[branch], *_waits(done[branch])], 10) for branch in (0, 1)]
            controls = [*controls, make("Merge", "done", ends, 10, N=2)]
        return [*make.made, *made, _hand_on(node, merges, out_types, controls)]

    def _choice(self, node, depth):
        """A conditional on whether it is one of the first half of the branches, with a choice among each half in its own."""
        first, *others = branches = [function.name for function in node.attr["branches"].list.func]
        (index, *inputs), controls = _inputs(node)
        if not others:
            call = _Maker(node, "").node("PartitionedCall", node.name, [*inputs, *_waits(controls)])
            return self._call(call, function_named(first, self._library, node.name), depth)
        make = _Maker(node, self._prefix(node.name + "/choice"))
        half = len(branches) // 2
        not_below = make("GreaterEqual", "not_below", [index, make.constant("zero", 0)], 3)
        below = make("Less", "below", [index, make.constant("half", half)], 3)
        of_first = make.node("LogicalAnd", "is_of_first", [not_below, below])
        make.made.append(of_first)
        conditional = type(node)(name=node.name, op="If")
        conditional.input.extend([of_first.name, index, *inputs, *_waits(controls)])
        conditional.attr["Tcond"].type = 10
        conditional.attr["Tin"].list.type.extend([3, *node.attr["Tin"].list.type])
        conditional.attr["Tout"].CopyFrom(node.attr["Tout"])
        for attr, some, before in (("then_branch", branches[:half], 0), ("else_branch", branches[half:], half)):
            conditional.attr[attr].func.name = self._choice_among(node, attr, some, before)
        return [*make.made, *self.of_all([conditional], depth + 1)]

    def _choice_among(self, node, attr, branches, before):
        """The name of a function that takes a number and chooses one of the branches by the number less those before them."""
        like = function_named(branches[0], self._library, node.name)
        name = f"{node.name}/{attr}"
        while name in self._library:
            name += "_"
        made = self._library[name] = type(like)()
        made.signature.name = name
        made.signature.input_arg.add(name="index", type=3)
        made.signature.input_arg.extend(
            type(argument)(name=f"input_{i}", type=argument.type) for i, argument in enumerate(like.signature.input_arg)
        )
        make = _Maker(node, "")
        make("Sub", "less", ["index", make.constant("before", before) + ":output:0"], 3)
        made.node_def.extend(make.made)
        chosen = made.node_def.add(name="chosen", op="Case")
        chosen.input.extend(["less:z:0", *(argument.name for argument in made.signature.input_arg[1:])])
        for key in ("Tin", "Tout"):
            chosen.attr[key].CopyFrom(node.attr[key])
        for branch in branches:
            chosen.attr["branches"].list.func.add(name=branch)
        for i, result in enumerate(like.signature.output_arg):
            made.signature.output_arg.add(name=f"output_{i}", type=result.type)
            made.ret[f"output_{i}"] = f"chosen:output:{i}"
        made.control_ret["chosen"] = "chosen"
        return name

    def _loop(self, node, depth):
        inputs, controls = _inputs(node)
        types = list(node.attr["T"].list.type)
        scope = self._prefix(node.name + "/frame")
        make = _Maker(node, scope)
        parallel = node.attr["parallel_iterations"].i or 10
        frame = {"frame_name": scope.rstrip("/").encode(), "is_constant": False, "parallel_iterations": parallel}
        functions = [self._function(node, attr) for attr in ("cond", "body")]
        handles = _handed_on(
            functions[1], types
        )  # variables that all iterations share: they enter the loop as they are
        pairs = [(i, pair) for i, pair in enumerate(zip(inputs, types)) if i not in handles]
        enters = {
            i: make("Enter", f"enter_{i}", [text, *_waits(controls)], t, **{**frame, "is_constant": i in handles})
            for i, (text, t) in enumerate(zip(inputs, types))
        }
        merges = {i: make("Merge", f"merge_{i}", [enters[i], f"{scope}next_{i}"], t, N=2) for i, (_, t) in pairs}
        starts = [merges.get(i, enter) for i, enter in enters.items()]
        first = list(merges.values())[:1]
        made, decided, done = self.body(functions[0], self._prefix(node.name + "/cond"), starts, {}, first, depth)
        _check_count(node, "cond", decided, [10])
        (decided,) = decided
        if done:
            (t,) = [result.type for result in functions[0].signature.output_arg]
            decided = make("Identity", "decided", [decided, *_waits(done)], t)
        decided = make.decides(decided, functions[0].signature.output_arg[0].type, first)
        made.append(make.node("LoopCond", "decides", [decided]))
        switches = {i: make("Switch", f"switch_{i}", [merges[i], scope + "decides"], t) for i, (_, t) in pairs}
        variables = {i: make("Identity", f"variable_{i}", [f"{switches[i]}:1"], t) for i, (_, t) in pairs}
        arguments = [variables.get(i, enter) for i, enter in enters.items()]
        nodes, found, effects = self.body(
            functions[1], self._prefix(node.name + "/body"), arguments, {}, list(variables.values())[:1], depth
        )
        _check_count(node, "body", found, types)
        made += nodes
        for place, (i, (_, t)) in enumerate(pairs):
            make("NextIteration", f"next_{i}", [found[i], *(_waits(effects) if place == 0 else ())], t)
        exits = {i: make("Exit", f"exit_{i}", [f"{switches[i]}:0"], t) for i, (_, t) in pairs}
        results = [exits.get(i, text) for i, text in enumerate(inputs)]
        return [*make.made, *made, _hand_on(node, results, types, [*controls, *_ends(exits, handles)])]


class _Maker:
    """Nodes of a scope, of one type each; gives their names."""

    def __init__(self, like, scope):
        self._class, self._scope, self.made = type(like), scope, []

    def constant(self, name, value):
        node = self.node("Const", name, ())
        set_attr(node.attr["dtype"], int32)
        set_attr(node.attr["value"], np.array(value, np.int32))
        self.made.append(node)
        return node.name

    def decides(self, text, datatype, waits_for=()):
        """A bool for what decides: what is no bool does so by whether it is 0, or a text by whether it is empty."""
        if datatype == _BOOL:
            return text
        dtype = as_dtype(datatype)
        if not (dtype.is_floating or dtype.is_integer or dtype.is_complex or dtype.name == "string"):
            raise UnimplementedError(
                None,
                None,
                f"Something of {self._scope}: what decides must be a bool, a number or a text, got {dtype.name}.",
            )
        nothing = self.node("Const", "nothing", _waits(waits_for))
        set_attr(nothing.attr["dtype"], dtype)
        is_text = dtype.name == "string"
        set_attr(nothing.attr["value"], np.array(b"", object) if is_text else np.zeros((), dtype.as_numpy_dtype))
        self.made.append(nothing)
        return self("NotEqual", "is_something", [text, nothing.name], datatype)

    def node(self, op, name, inputs):
        node = self._class(name=self._scope + name, op=op)
        node.input.extend(inputs)
        return node

    def __call__(self, op, name, inputs, datatype, **attrs):
        node = self.node(op, name, inputs)
        node.attr["T"].type = datatype
        for key, value in attrs.items():
            set_attr(node.attr[key], value)
        self.made.append(node)
        return node.name


def _fill_in(node, key, value):
    """A type that a function leaves to who calls it."""
    for own in node.attr.values():
        if own.placeholder == key:
            own.CopyFrom(value)


def _check_count(node, attr, results, wanted):
    """Refuses a function that gives another number of tensors than the node that calls it."""
    if len(results) != len(wanted):
        raise InvalidArgumentError(
            None,
            None,
            f"Node '{node.name}' ({node.op}) expects {len(wanted)} tensors from its function {attr} "
            f"'{node.attr[attr].func.name}', which gives {len(results)}.",
        )


def _handed_on(body, types):
    """The places of the handles that the body of a loop gives as it gets them; none where nothing else is in the loop."""
    names = [argument.name for argument in body.signature.input_arg]
    nodes = {node.name: node for node in body.node_def}
    found = set()
    for i, (name, result) in enumerate(zip(names, body.signature.output_arg)):
        source = body.ret.get(result.name, "")
        for _ in nodes:  # at most: identities of each other have no end
            node = nodes.get(source.partition(":")[0])
            if node is None or node.op != "Identity" or not node.input:
                break
            source = node.input[0]
        if i < len(types) and types[i] == _RESOURCE and source == name:
            found.add(i)
    return found if len(found) < len(types) else set()


def _ends(exits, handles):
    """What is waited for where handles leave a loop beside it, which must see what the loop has written."""
    return list(exits.values())[:1] if handles else []


def _inputs(node):
    """The tensors that a node takes, and the names of the nodes that it waits for."""
    inputs = [text for text in node.input if not text.startswith("^")]
    return inputs, [text[1:] for text in node.input if text.startswith("^")]


def _waits(names):
    return [f"^{name}" for name in dict.fromkeys(names)]


def _hand_on(node, results, types, waits_for):
    """What stands under the name of a node, and gives what it gave."""
    made = type(node)(name=node.name, op="IdentityN" if results else "NoOp")
    made.input.extend([*results, *_waits(waits_for)])
    if results:
        made.attr["T"].list.type.extend(types)
    return made
