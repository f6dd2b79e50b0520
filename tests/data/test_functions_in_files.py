"""Functions of datasets in GraphDefs, meta graphs and SavedModels: those of TensorFlow 1.15 run here, and ours come back as they were."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

import hookloop as tf
from tests.fixtures import dataset_functions_program as program
from tests.fixtures import dataset_training_program as training

FIXTURE = Path(__file__).parent.parent / "fixtures" / "dataset_functions.json.gz"
CASES = json.loads(gzip.decompress(FIXTURE.read_bytes()))
TRAINING = json.loads((FIXTURE.parent / "dataset_training.json").read_text())
Dataset = tf.data.Dataset


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program.write_files(tf)


@pytest.mark.parametrize("name", CASES)
def test_a_graph_of_tensorflow_gives_its_elements(executor, files, name):
    assert program.imported(tf, CASES[name]) == CASES[name]["elements"]


@pytest.mark.parametrize("pipeline", program.PIPELINES, ids=lambda pipeline: pipeline.__name__)
def test_our_graphs_give_the_same_elements_from_a_file(executor, files, monkeypatch, pipeline):
    monkeypatch.setattr(program, "PIPELINES", [pipeline])
    for name, case in program.graphs(tf).items():
        assert case["elements"] == CASES[name]["elements"]
        assert program.imported(tf, case) == case["elements"]


@pytest.mark.parametrize("pipeline", program.PIPELINES, ids=lambda pipeline: pipeline.__name__)
def test_nodes_and_functions_of_datasets_are_tensorflows(files, monkeypatch, pipeline):
    monkeypatch.setattr(program, "PIPELINES", [pipeline])
    for kind, graph, _, _ in program.iterators(tf, pipeline):
        ours = graph.as_graph_def()
        its = type(ours).FromString(program.base64.b64decode(CASES[f"{pipeline.__name__} {kind}"]["graph"]))
        assert nodes_of_datasets(ours) == nodes_of_datasets(its)
        assert functions_of_datasets(ours) == functions_of_datasets(its)


def nodes_of_datasets(graph_def):
    """The nodes of datasets, with how many inputs they have; attributes that say how parallel work is done are left out."""
    return [
        (node.name, node.op, len(node.input), sorted(node.attr)) for node in graph_def.node
        if node.op.endswith(("Dataset", "DatasetV2", "Iterator", "IteratorV2"))
    ]  # fmt: skip


def functions_of_datasets(graph_def):
    """What the functions of datasets take and give, and whether they have a state, in the order of their names."""
    found = []
    for function in graph_def.library.function:
        signature = function.signature
        if signature.name.startswith(("__inference_", "_make_dataset")):
            arguments = [(argument.name, argument.type) for argument in signature.input_arg]
            results = [(result.name, result.type) for result in signature.output_arg]
            name = signature.name.rstrip("0123456789") if signature.name[:2] == "__" else "_make_dataset_"
            # Control flow is of functions there, some with a state, and of nodes here.
            flows = any(node.op in ("Case", "Enter", "StatelessIf", "Switch", "While") for node in function.node_def)
            found.append((name, arguments, results, signature.is_stateful or flows))
    return sorted(found)


def test_pipelines_go_through_meta_graphs(executor):
    """By the names of their nodes; also under a scope, where the names of functions stay."""
    weight = tf.get_variable("weight", initializer=2)
    tf.multiply(weight, 3, name="product")
    plain = Dataset.range(4).batch(3).make_initializable_iterator()
    with_function = Dataset.range(4).map(lambda x: x + tf.cast(weight, tf.int64)).make_initializable_iterator()
    one_shot = Dataset.range(4).map(lambda x: x * 2).make_one_shot_iterator()
    starts = [weight.initializer.name, plain.initializer.name, with_function.initializer.name]
    names = [iterator.get_next().name for iterator in (plain, with_function, one_shot)]
    message = tf.train.export_meta_graph()
    for scope in ("", "again/"):
        with tf.Graph().as_default(), tf.Session() as session:
            tf.train.import_meta_graph(message, import_scope=scope)
            for start in starts:
                session.run(scope + start)
            assert session.run(scope + "product:0") == 6
            found = [session.run([scope + name for name in names]) for _ in range(2)]
            assert [[value.tolist() for value in values] for values in found] == [[[0, 1, 2], 2, 0], [[3], 3, 2]]


def test_a_saved_model_has_its_input(executor, tmp_path):
    def f(x):
        return tf.cond(x > 2.0, lambda: x * 10.0, lambda: x)

    iterator = Dataset.from_tensor_slices([1.0, 3.0]).map(f).batch(2).make_initializable_iterator()
    tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)
    product = iterator.get_next() * tf.get_variable("w", initializer=2.0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        builder = tf.saved_model.Builder(str(tmp_path / "model"))
        builder.add_meta_graph_and_variables(session, ["serve"], main_op=tf.tables_initializer())
        builder.save()
    with tf.Session(graph=tf.Graph()) as session:
        tf.saved_model.load(session, ["serve"], str(tmp_path / "model"))
        assert session.run(product.name).tolist() == [2, 60]


@pytest.mark.parametrize("name", TRAINING)
def test_a_meta_graph_of_tensorflow_is_trained_on(executor, name):
    message = tf.MetaGraphDef.FromString(program.base64.b64decode(TRAINING[name]["meta_graph"]))
    tf.train.import_meta_graph(message)
    assert training.losses(tf) == pytest.approx(TRAINING[name]["losses"], rel=1e-4)


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize("kind", ["initializable", "one shot"])
def test_our_meta_graphs_are_trained_on(executor, kind, strip):
    training.build(tf, kind == "one shot")
    message = tf.train.export_meta_graph(strip_default_attrs=strip)
    nodes = [node for function in message.graph_def.library.function for node in function.node_def]
    assert (
        strip != any("preserve_cardinality" in node.attr for node in nodes if node.op == "MapDataset")
        or kind != "one shot"
    )
    with tf.Graph().as_default():
        tf.train.import_meta_graph(message)
        assert training.losses(tf) == pytest.approx(TRAINING[kind]["losses"], rel=1e-4)


def test_reinitializable_iterators_and_handles(executor):
    train = Dataset.range(3).map(lambda x: x * 2)
    test = Dataset.range(3).map(lambda x: x - 1)
    iterator = tf.data.Iterator.from_structure(train.output_types, train.output_shapes)
    starts = [iterator.make_initializer(train).name, iterator.make_initializer(test).name]
    handle = tf.placeholder(tf.string, [], name="handle")
    fed = tf.data.Iterator.from_string_handle(handle, train.output_types, train.output_shapes).get_next().name
    element, string_handle = iterator.get_next().name, iterator.string_handle().name
    graph_def = tf.get_default_graph().as_graph_def()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(graph_def, name="")
        session.run(starts[0])
        assert [session.run(element) for _ in range(3)] == [0, 2, 4]
        session.run(starts[1])
        assert [session.run(element), session.run(fed, {"handle:0": session.run(string_handle)})] == [-1, 0]


def test_functions_are_written_again_as_they_came():
    name = "nested initializable"
    graph_def = tf.GraphDef.FromString(program.base64.b64decode(CASES[name]["graph"]))
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
        tf.import_graph_def(graph_def, name="once_more")
        again = graph.as_graph_def()
    functions = {function.signature.name: function for function in graph_def.library.function}
    assert {function.signature.name: function for function in again.library.function} == functions


def test_another_function_of_the_same_name_gets_another_name(executor):
    """Names are counted in each program, so two files may have one for different functions."""
    iterator = Dataset.range(3).map(lambda x: x * 2).make_initializable_iterator()
    start, element = iterator.initializer.name, iterator.get_next().name
    graph_def = tf.get_default_graph().as_graph_def()
    other = tf.GraphDef.FromString(graph_def.SerializeToString())
    (node,) = [node for node in other.library.function[0].node_def if node.op == "Mul"]
    node.op = "AddV2"
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.import_graph_def(graph_def, name="first")
        tf.import_graph_def(other, name="second")
        session.run(["first/" + start, "second/" + start])
        found = [session.run(["first/" + element, "second/" + element]) for _ in range(2)]
        assert found == [[0, 2], [2, 3]]
        names = sorted(function.signature.name for function in graph.as_graph_def().library.function)
        assert names[1] == names[0] + "_1"


@pytest.mark.parametrize("kind", ["one shot", "function"])
def test_a_function_made_behind_an_import_gets_a_name_of_its_own(executor, kind):
    """The names that a program counts may be in a file that it has imported."""

    def iterator(factor):
        if kind == "one shot":
            return Dataset.from_tensor_slices([1, 2]).make_one_shot_iterator()
        return Dataset.range(1, 3).map(lambda x: x * factor).make_initializable_iterator()

    made = iterator(10)
    element, graph_def = made.get_next().name, tf.get_default_graph().as_graph_def()
    if kind == "function":
        function = graph_def.library.function[0].signature
        start, number = function.name.rsplit("_", 1)
        function.name = f"{start}_{int(number) + 1}"
        (node,) = [node for node in graph_def.node if node.op == "MapDataset"]
        node.attr["f"].func.name = function.name
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.import_graph_def(graph_def, name="first")
        if kind == "one shot":
            own = Dataset.from_tensor_slices([7, 8]).make_one_shot_iterator()
        else:
            own = iterator(100)
            session.run(["first/" + made.initializer.name, own.initializer])
        own_element = own.get_next()
        found = [session.run(["first/" + element, own_element]) for _ in range(2)]
        assert found == ([[1, 7], [2, 8]] if kind == "one shot" else [[10, 100], [20, 200]])
        assert len({function.signature.name for function in graph.as_graph_def().library.function}) == 2


def test_a_function_may_give_its_argument_as_it_is(executor):
    iterator = Dataset.range(2).map(lambda x: x).make_initializable_iterator()
    start, element = iterator.initializer.name, iterator.get_next().name
    graph_def = tf.get_default_graph().as_graph_def()
    (function,) = graph_def.library.function
    function.ret[function.signature.output_arg[0].name] = function.signature.input_arg[0].name
    del function.node_def[:]
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(graph_def, name="")
        session.run(start)
        assert [session.run(element) for _ in range(2)] == [0, 1]


def test_what_a_generator_makes_is_in_no_file(executor):
    iterator = Dataset.from_generator(lambda: iter([1, 2]), tf.int32, []).make_initializable_iterator()
    tf.constant(3, name="three")
    start = iterator.initializer.name
    graph_def = tf.get_default_graph().as_graph_def()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(graph_def, name="")
        text = "Function .*generator.* of node 'FlatMapDataset' is not defined: .* generator are in no file, nor"
        with pytest.raises(tf.errors.NotFoundError, match=text.replace(" generator", " Dataset.from_generator")):
            session.run(start)
        assert session.run("three:0") == 3


def test_a_one_shot_iterator_over_large_arrays_is_in_no_file(executor, monkeypatch):
    """A file holds at most 2 GB, and the arrays would be in it twice."""
    monkeypatch.setattr("hookloop.data.one_shot._MOST_BYTES", 1000)
    small, large = (Dataset.from_tensor_slices(tf.zeros([n])).make_one_shot_iterator() for n in (100, 300))
    names = small.get_next().name, large.get_next().name
    graph_def = tf.get_default_graph().as_graph_def()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(graph_def, name="")
        assert session.run(names[0]) == 0
        text = "Function _make_dataset_.* is not defined: .* nor are one-shot iterators over more than 1 GB"
        with pytest.raises(tf.errors.NotFoundError, match=text):
            session.run(names[1])


@pytest.mark.parametrize("op", ["GeneratorDataset", "PyFunc"])
def test_a_function_that_calls_python_is_refused_by_name(executor, op):
    graph_def = one_function(op)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(graph_def, name="")
        text = f"Function f of node 'MapDataset' cannot be imported: its node 'odd' .{op}. calls a Python function of the program that"
        with pytest.raises(tf.errors.UnimplementedError, match=text):
            session.run("MakeIterator")


def test_a_function_with_an_unknown_op_is_refused_by_name(executor):
    graph_def = one_function("NoSuchOp")
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(graph_def, name="")
        text = "Function f of node 'MapDataset' cannot be imported: Op type not registered 'NoSuchOp' in hookloop, wanted by node 'odd'"
        with pytest.raises(tf.errors.NotFoundError, match=text):
            session.run("MakeIterator")


def one_function(op):
    """A graph whose dataset has the function f, with a node of an op."""
    with tf.Graph().as_default() as graph:
        Dataset.range(3).map(lambda x: x).make_initializable_iterator()
        graph_def = graph.as_graph_def()
    graph_def.library.function[0].signature.name = "f"
    graph_def.library.function[0].node_def.add(name="odd", op=op)
    for node in graph_def.node:
        if node.op == "MapDataset":
            node.attr["f"].func.name = "f"
    return graph_def


def test_a_program_that_has_not_used_datasets_imports_them(tmp_path):
    (tmp_path / "graph.pb").write_bytes(program.base64.b64decode(CASES["nested one_shot"]["graph"]))
    text = (
        "import hookloop as tf; graph = tf.GraphDef.FromString(open('graph.pb', 'rb').read()); tf.import_graph_def(graph, name=''); "
        "print(int(tf.Session().run('IteratorGetNext:0')))"
    )
    found = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert found.stdout == "2\n", found.stderr
