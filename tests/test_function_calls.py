"""Graphs of TensorFlow 1.15 whose nodes call functions of the library: calls, conditionals, loops and choices as functions."""

import base64
import json
from pathlib import Path

import pytest

import hookloop as tf

CASES = json.loads((Path(__file__).parent / "fixtures" / "function_calls.json").read_text())
FED = (1.0, 5.0)


def graph_of(name):
    return tf.GraphDef.FromString(base64.b64decode(CASES[name]["graph"]))


@pytest.mark.parametrize("scope", ["", "inner"])
@pytest.mark.parametrize("name", CASES)
def test_values_are_tensorflows(executor, name, scope):
    tf.import_graph_def(graph_of(name), name=scope)
    prefix = scope + "/" if scope else ""
    with tf.Session() as session:
        session.run(prefix + CASES[name]["start"])
        found = [float(session.run(prefix + "result:0", {prefix + "x:0": fed})) for fed in FED]
    assert found == CASES[name]["values"]


def test_gradients_go_through_what_was_called(executor):
    x, y = tf.import_graph_def(graph_of("call"), return_elements=["x:0", "result:0"], name="")
    (slope,) = tf.gradients(y, x)
    with tf.Session() as session:
        assert session.run(slope, {x: 3.0}) == 6.0


def test_a_function_that_is_not_there_is_refused_and_nothing_added():
    graph_def = graph_of("call")
    (node,) = [node for node in graph_def.node if node.op.endswith("PartitionedCall")]
    node.attr["f"].func.name = "nothing"
    with pytest.raises(tf.errors.NotFoundError, match=f"Function nothing is not defined, wanted by node '{node.name}'"):
        tf.import_graph_def(graph_def, name="")
    assert tf.get_default_graph().get_operations() == []


def test_a_function_that_calls_itself_is_refused():
    graph_def = graph_of("call")
    (node,) = [node for node in graph_def.node if node.op.endswith("PartitionedCall")]
    (function,) = [f for f in graph_def.library.function if f.signature.name == node.attr["f"].func.name]
    inner = function.node_def.add()
    inner.CopyFrom(node)
    del inner.input[:]
    inner.input.append(function.signature.input_arg[0].name)
    with pytest.raises(tf.errors.UnimplementedError, match="calls itself, or functions call each other too deep"):
        tf.import_graph_def(graph_def, name="")


def test_a_choice_may_have_many_branches(executor):
    """Each finds its own, and a number beyond them the last, as in TensorFlow."""
    graph_def = graph_of("choice")
    (choice,) = [node for node in graph_def.node if node.op == "Case"]
    branches = choice.attr["branches"].list.func
    first, second = branches[0].name, branches[1].name
    del branches[:]
    for i in range(101):
        branches.add(name=second if i in (3, 77, 100) else first)
    index, given = (tf.placeholder(tf.int32, []), tf.placeholder(tf.float32, []))
    result = tf.import_graph_def(
        graph_def, {choice.input[0]: index, choice.input[1]: given}, [choice.name + ":0"], name="many"
    )
    with tf.Session() as session:
        found = [float(session.run(result, {index: i, given: 3.0})[0]) for i in range(-2, 104)]
    assert found[0] != found[2]
    assert [i for i in range(-2, 104) if found[i + 2] == found[0]] == [-2, -1, 3, 77, 100, 101, 102, 103]


def test_calls_that_double_without_end_are_refused(monkeypatch):
    """As in a file made to fill the memory: thirty functions of two nodes would be a thousand million."""
    monkeypatch.setattr("hookloop.function_defs._MOST_NODES", 1000)
    graph_def = graph_of("call")
    (node,) = [node for node in graph_def.node if node.op.endswith("PartitionedCall")]
    (lowest,) = [f for f in graph_def.library.function if f.signature.name == node.attr["f"].func.name]
    argument, result = lowest.signature.input_arg[0].name, lowest.signature.output_arg[0].name
    for level in range(30):
        function = graph_def.library.function.add()
        function.signature.CopyFrom(lowest.signature)
        function.signature.name = f"level_{level}"
        for name, given in (("first", argument), ("second", "first:output:0")):
            inner = function.node_def.add()
            inner.CopyFrom(node)
            inner.name = name
            del inner.input[:]
            inner.input.append(given)
        function.ret[result] = "second:output:0"
        node.attr["f"].func.name = function.signature.name
    text = "is called so often that the calls become more than 1000 nodes"
    with pytest.raises(tf.errors.UnimplementedError, match=text):
        tf.import_graph_def(graph_def, name="")
    assert tf.get_default_graph().get_operations() == []


def test_a_call_with_other_arguments_is_refused():
    graph_def = graph_of("call")
    (node,) = [node for node in graph_def.node if node.op.endswith("PartitionedCall")]
    node.input.append(node.input[0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Function .*square.* takes 1 arguments, got 2"):
        tf.import_graph_def(graph_def, name="")


def test_what_the_condition_of_a_loop_asserts_is_checked(executor):
    """In each iteration: what a condition does beside its answer happens in TensorFlow too."""
    graph_def = graph_of("loop")
    (node,) = [node for node in graph_def.node if node.op.endswith("While")]
    (condition,) = [f for f in graph_def.library.function if f.signature.name == node.attr["cond"].func.name]
    answer = next(iter(condition.ret.values()))
    added = condition.node_def.add(name="asserted", op="Assert", input=[answer, answer])
    added.attr["T"].list.type.append(tf.bool.as_datatype_enum)
    condition.signature.control_output.append("asserted")
    condition.control_ret["asserted"] = "asserted"
    tf.import_graph_def(graph_def, name="")
    with tf.Session() as session:
        session.run(CASES["loop"]["start"])
        with pytest.raises(tf.errors.InvalidArgumentError, match="assertion failed"):
            session.run("result:0", {"x:0": FED[0]})


def test_two_functions_of_one_name_are_refused():
    graph_def = graph_of("call")
    function = graph_def.library.function.add()
    function.CopyFrom(graph_def.library.function[0])
    tf.import_graph_def(graph_def, name="same")
    function.node_def[0].name += "_changed"
    name = function.signature.name
    text = f"Cannot add function '{name}' because a different function with the same name already exists."
    with pytest.raises(ValueError, match=text):
        tf.import_graph_def(graph_def, name="other")


def test_a_loop_whose_body_gives_too_little_is_refused():
    graph_def = graph_of("loop")
    (node,) = [node for node in graph_def.node if node.op.endswith("While")]
    (body,) = [f for f in graph_def.library.function if f.signature.name == node.attr["body"].func.name]
    del body.signature.output_arg[-1]
    text = f"Node '{node.name}' .{node.op}. expects {len(node.attr['T'].list.type)} tensors from its function body '{body.signature.name}', "
    text += f"which gives {len(node.attr['T'].list.type) - 1}"
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        tf.import_graph_def(graph_def, name="")


@pytest.mark.parametrize("given", ["odd:z:0", "mul:z:x"])
def test_an_input_that_no_node_gives_is_refused(given):
    graph_def = graph_of("call")
    for function in graph_def.library.function:
        for node in function.node_def:
            if node.op == "Identity":
                node.input[0] = given
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"Function .*square.* has no node that gives '{given}'"):
        tf.import_graph_def(graph_def, name="")


def graph_from(text):
    from google.protobuf import text_format

    return text_format.Parse(text, tf.GraphDef())


def function_text(name, op, results=1):
    outputs = " ".join(f'output_arg {{ name: "y{i}" type: DT_FLOAT }}' for i in range(results))
    rets = " ".join(f'ret {{ key: "y{i}" value: "n:y:0" }}' for i in range(results))
    return f'''function {{ signature {{ name: "{name}" input_arg {{ name: "x" type: DT_FLOAT }} {outputs} }} {rets}
        node_def {{ name: "n" op: "{op}" input: "x" attr {{ key: "T" value {{ type: DT_FLOAT }} }} }} }}'''


def placeholder(name, dtype):
    return f'node {{ name: "{name}" op: "Placeholder" attr {{ key: "dtype" value {{ type: {dtype} }} }} }}'


def conditional(dtype, then="neg", results=1):
    """The negative of x or its square."""
    return graph_from(
        f'''library {{ {function_text("neg", "Neg", results)} {function_text("square", "Square")} }}
        {placeholder("p", dtype)} {placeholder("x", "DT_FLOAT")}
        node {{ name: "r" op: "If" input: "p" input: "x" attr {{ key: "Tcond" value {{ type: {dtype} }} }}
          attr {{ key: "Tin" value {{ list {{ type: DT_FLOAT }} }} }} attr {{ key: "Tout" value {{ list {{ type: DT_FLOAT }} }} }}
          attr {{ key: "then_branch" value {{ func {{ name: "{then}" }} }} }}
          attr {{ key: "else_branch" value {{ func {{ name: "square" }} }} }} }}'''
    )


@pytest.mark.parametrize(
    "dtype, yes, no",
    [("DT_INT32", -3, 0), ("DT_FLOAT", 0.5, 0.0), ("DT_INT64", 2, 0), ("DT_STRING", "a", ""), ("DT_BOOL", True, False)],
)
def test_what_is_no_bool_decides_by_whether_it_is_nothing(executor, dtype, yes, no):
    tf.import_graph_def(conditional(dtype), name="")
    with tf.Session() as session:
        assert [session.run("r:0", {"p:0": p, "x:0": 3.0}) for p in (yes, no)] == [-3, 9]


def test_predicates_and_branches_that_do_not_fit_are_refused():
    with pytest.raises(
        tf.errors.UnimplementedError, match="what decides must be a bool, a number or a text, got resource"
    ):
        tf.import_graph_def(conditional("DT_RESOURCE"))
    text = "Node 'r' .If. expects 1 tensors from its function then_branch 'neg', which gives 2"
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        tf.import_graph_def(conditional("DT_BOOL", results=2))
    graph_def = graph_from(f"library {{ {function_text('Neg', 'Square')} }}")
    with pytest.raises(ValueError, match="Cannot add function 'Neg' because an op with the same name already exists."):
        tf.import_graph_def(graph_def)
    text = 'node { name: "r" op: "StaticRegexReplace" input: "p" attr { key: "pattern" value { type: DT_FLOAT } } attr { key: "rewrite" value { s: "" } } }'
    with pytest.raises(ValueError, match="AttrValue had value with type 'type' when 'string' expected"):
        tf.import_graph_def(graph_from(placeholder("p", "DT_STRING") + text))
    assert tf.get_default_graph().get_operations() == []


def test_a_loop_that_is_given_a_variable_writes_it(executor):
    """Its handle is the same in all iterations; taken for a loop variable it was refused."""
    add = """node_def { name: "one" op: "Const" attr { key: "dtype" value { type: DT_INT32 } }
        attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: 1 } } } }
      node_def { name: "step" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } }
        attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape { } float_val: 0.5 } } } }
      node_def { name: "add" op: "AssignAddVariableOp" input: "v" input: "step:output:0" attr { key: "dtype" value { type: DT_FLOAT } } }
      node_def { name: "next" op: "AddV2" input: "i" input: "one:output:0" input: "^add" attr { key: "T" value { type: DT_INT32 } } }
      node_def { name: "same" op: "Identity" input: "v" attr { key: "T" value { type: DT_RESOURCE } } }"""
    arguments = 'input_arg { name: "i" type: DT_INT32 } input_arg { name: "v" type: DT_RESOURCE }'
    graph_def = graph_from(
        f"""library {{ function {{ signature {{ name: "body" {arguments} output_arg {{ name: "o" type: DT_INT32 }}
          output_arg {{ name: "w" type: DT_RESOURCE }} }} {add} ret {{ key: "o" value: "next:z:0" }} ret {{ key: "w" value: "same:output:0" }} }}
        function {{ signature {{ name: "left" {arguments} output_arg {{ name: "o" type: DT_INT32 }} }}
          node_def {{ name: "three" op: "Const" attr {{ key: "dtype" value {{ type: DT_INT32 }} }}
            attr {{ key: "value" value {{ tensor {{ dtype: DT_INT32 tensor_shape {{ }} int_val: 3 }} }} }} }}
          node_def {{ name: "less" op: "Sub" input: "three:output:0" input: "i" attr {{ key: "T" value {{ type: DT_INT32 }} }} }}
          ret {{ key: "o" value: "less:z:0" }} }} }}
        {placeholder("i", "DT_INT32")} {placeholder("v", "DT_RESOURCE")}
        node {{ name: "r" op: "While" input: "i" input: "v" attr {{ key: "T" value {{ list {{ type: DT_INT32 type: DT_RESOURCE }} }} }}
          attr {{ key: "cond" value {{ func {{ name: "left" }} }} }} attr {{ key: "body" value {{ func {{ name: "body" }} }} }} }}
        node {{ name: "read" op: "ReadVariableOp" input: "r:1" attr {{ key: "dtype" value {{ type: DT_FLOAT }} }} }}"""
    )
    variable = tf.get_variable("variable", initializer=5.0, use_resource=True)
    count, value = tf.import_graph_def(graph_def, {"v:0": variable.handle}, ["r:0", "read:0"], name="f")
    with tf.Session() as session:
        session.run(variable.initializer)
        assert session.run([count, value], {"f/i:0": 1}) == [3, 6.0]
        assert session.run(variable) == 6.0


def test_a_body_of_identities_of_each_other_is_refused():
    """Looking for where its result comes from had no end."""
    of_float = 'attr { key: "T" value { type: DT_FLOAT } }'
    circle = " ".join(
        f'node_def {{ name: "{a}" op: "Identity" input: "{b}:output:0" {of_float} }}' for a, b in ("nm", "mn")
    )
    graph_def = graph_from(
        f"""library {{ function {{ signature {{ name: "body" input_arg {{ name: "x" type: DT_FLOAT }}
          output_arg {{ name: "y" type: DT_FLOAT }} }} {circle} ret {{ key: "y" value: "n:output:0" }} }}
        {function_text("left", "Neg")} }} {placeholder("x", "DT_FLOAT")}
        node {{ name: "r" op: "While" input: "x" attr {{ key: "T" value {{ list {{ type: DT_FLOAT }} }} }}
          attr {{ key: "cond" value {{ func {{ name: "left" }} }} }} attr {{ key: "body" value {{ func {{ name: "body" }} }} }} }}"""
    )
    with pytest.raises(ValueError, match="nodes in a cycle"):
        tf.import_graph_def(graph_def)


def test_several_tensors_as_one_argument_are_refused():
    graph_def = graph_of("call")
    for function in graph_def.library.function:
        function.signature.input_arg[0].number_attr = "N"
    with pytest.raises(tf.errors.UnimplementedError, match="has several tensors as its argument 'x': expected one"):
        tf.import_graph_def(graph_def, name="")


def test_an_output_that_an_op_has_not_is_refused():
    graph_def = graph_of("call")
    for function in graph_def.library.function:
        for node in function.node_def:
            for i, text in enumerate(node.input):
                node.input[i] = text.replace(":z:0", ":odd:0")
    text = "Node 'mul' of function .*square.* has no output 'odd' in hookloop, wanted as 'mul:odd:0'"
    with pytest.raises(tf.errors.NotFoundError, match=text):
        tf.import_graph_def(graph_def, name="")
