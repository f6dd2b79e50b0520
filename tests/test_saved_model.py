"""SavedModels: written, read, and read from TensorFlow's own."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf
from hookloop.saved_model.loader import SavedModelLoader
from tests.fixtures import saved_model_program

FIXTURE = str(Path(__file__).parent / "fixtures" / "saved_model")
X = [[1.0, 2.0, 3.0]]


@pytest.fixture(params=["ours", "tensorflow"])
def directory(request, tmp_path):
    """The same model, written here and by TensorFlow 1.15."""
    path = str(tmp_path / "model")
    if request.param == "tensorflow":
        shutil.copytree(FIXTURE, path)
    else:
        assert saved_model_program.save(tf, path, str(tmp_path / "words.txt")) == (path + "/saved_model.pb").encode()
    return path


@pytest.mark.parametrize("scope", [None, "in"])
def test_a_model_is_loaded_with_its_values(directory, scope, executor):
    prefix = "" if scope is None else scope + "/"
    with tf.Session() as session:
        message = tf.saved_model.loader.load(session, ["small", "serve"], directory, import_scope=scope)
        signature = message.signature_def["serving_default"]
        x = tf.saved_model.utils.get_tensor_from_tensor_info(signature.inputs["x"], import_scope=scope)
        y = tf.saved_model.get_tensor_from_tensor_info(signature.outputs["y"], import_scope=scope)
        assert (x.name, y.name) == (prefix + "x:0", prefix + "y:0")
        np.testing.assert_allclose(session.run(y, {x: X}), [[36.0, 36.0]])
        assert sorted(v.name for v in tf.global_variables()) == [prefix + "r:0", prefix + "w:0"]


def test_a_model_may_be_moved_and_its_assets_are_found(directory, tmp_path):
    moved = shutil.move(directory, str(tmp_path / "elsewhere"))
    with tf.Session() as session:
        tf.saved_model.load(session, {"serve", "small"}, moved)
    assert (Path(moved) / "assets" / "words.txt").read_text() == "one\ntwo\n"


def test_a_main_op_sees_where_the_assets_are(tmp_path):
    source = tmp_path / "words.txt"
    source.write_text("x")
    name = tf.constant(str(source), name="words")
    kept = tf.get_variable("kept", initializer=tf.constant("nothing"))
    main_op = tf.assign(kept, name).op
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        builder = tf.saved_model.Builder(str(tmp_path / "model"))
        builder.add_meta_graph_and_variables(session, ["a"], assets_collection=[name], main_op=main_op)
        builder.save()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.saved_model.load(session, ["a"], str(tmp_path / "model"))
        assert session.run("kept:0").decode() == str(tmp_path / "model" / "assets" / "words.txt")


def test_simple_save_and_as_text(tmp_path):
    x = tf.placeholder(tf.float32, [None], name="x")
    v = tf.get_variable("v", initializer=2.0)
    y = tf.multiply(x, v, name="y")
    with tf.Session() as session:
        session.run(v.initializer)
        tf.saved_model.simple_save(session, str(tmp_path / "simple"), {"x": x}, {"y": y})
        builder = tf.saved_model.builder.SavedModelBuilder(str(tmp_path / "text"))
        builder.add_meta_graph_and_variables(session, ["serve"])
        builder.add_meta_graph(["other"])
        builder.save(as_text=True)
    assert tf.saved_model.contains_saved_model(str(tmp_path / "text"))
    assert not tf.saved_model.maybe_saved_model_directory(str(tmp_path))
    for directory, tag in (("simple", "serve"), ("text", "serve"), ("text", "other")):
        with tf.Graph().as_default(), tf.Session() as session:
            message = tf.saved_model.load(session, [tag], str(tmp_path / directory))
            assert session.run("y:0", {"x:0": [3.0]}) == [6.0]
            assert message.meta_info_def.tags == [tag]


def test_a_graph_without_variables(tmp_path):
    tf.constant(3.0, name="c")
    with tf.Session() as session:
        tf.saved_model.simple_save(session, str(tmp_path / "m"), {"x": tf.constant(1.0)}, {"y": tf.constant(2.0)})
    with tf.Graph().as_default(), tf.Session() as session:
        tf.saved_model.load(session, ["serve"], str(tmp_path / "m"))
        assert session.run("c:0") == 3.0


# --- errors -----------------------------------------------------------------------------------------------------


def test_a_directory_that_is_not_empty(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AssertionError, match="Export directory already exists, and isn't empty"):
        tf.saved_model.Builder(str(tmp_path))


def test_the_order_of_adding(tmp_path):
    v = tf.get_variable("v", initializer=2.0)
    builder = tf.saved_model.Builder(str(tmp_path / "m"))
    with pytest.raises(AssertionError, match="has not been saved yet"):
        builder.add_meta_graph(["a"])
    with tf.Session() as session:
        session.run(v.initializer)
        with pytest.raises(TypeError, match="main_op needs to be an Operation"):
            builder.add_meta_graph_and_variables(session, ["a"], main_op=v)
        nameless = tf.saved_model.build_signature_def({"x": tf.TensorInfo()}, {}, "method")
        with pytest.raises(AssertionError, match="must have one of the 'encoding' fields"):
            builder.add_meta_graph_and_variables(session, ["a"], {"k": nameless})
        builder.add_meta_graph_and_variables(session, ["a"], main_op=v.initializer)
        with pytest.raises(AssertionError, match="has already been saved"):
            builder.add_meta_graph_and_variables(session, ["a"])
        with pytest.raises(ValueError, match="already contains one or more main ops"):
            builder.add_meta_graph(["b"], main_op=v.initializer)


def test_what_cannot_be_loaded(tmp_path):
    with tf.Session() as session:
        with pytest.raises(
            OSError, match=r"SavedModel file does not exist at: .*/\{saved_model.pbtxt\|saved_model.pb\}"
        ):
            tf.saved_model.load(session, ["serve"], str(tmp_path))
        with pytest.raises(RuntimeError, match="tags 'train' could not be found in SavedModel"):
            tf.saved_model.load(session, ["train"], FIXTURE)
        broken = tmp_path / "saved_model.pb"
        broken.write_bytes((Path(FIXTURE) / "saved_model.pb").read_bytes()[:-3])
        with pytest.raises(OSError, match=r"Cannot parse file .*saved_model.pb"):
            tf.saved_model.load(session, ["serve"], str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((None, None, None), "Classification examples cannot be None"),
        (("text", None, None), "Classification classes and scores cannot both be None"),
        (("float", None, "float"), "Classification examples must be a string Tensor"),
        (("text", "float", None), "Classification classes must be a string Tensor"),
        (("text", None, "int"), "Classification scores must be a float Tensor"),
    ],
)
def test_signatures_of_classifications(arguments, text):
    types = {"text": tf.string, "float": tf.float32, "int": tf.int32}
    tensors = [None if a is None else tf.placeholder(types[a]) for a in arguments]
    with pytest.raises(ValueError, match=text):
        tf.saved_model.signature_def_utils.classification_signature_def(*tensors)


def test_signatures_of_other_kinds():
    text, number = tf.placeholder(tf.string), tf.placeholder(tf.float32)
    utils = tf.saved_model.signature_def_utils
    for signature in (
        utils.classification_signature_def(text, None, number),
        utils.classification_signature_def(text, text, number),
        utils.regression_signature_def(text, number),
        utils.predict_signature_def({"a": number}, {"b": text}),
    ):
        assert utils.is_valid_signature(signature)
    assert not utils.is_valid_signature(None)
    info = tf.saved_model.build_tensor_info(number)
    assert not utils.is_valid_signature(utils.build_signature_def({"inputs": info}, {"outputs": info}, "unknown"))
    with pytest.raises(ValueError, match="Regression output must be a float Tensor"):
        utils.regression_signature_def(text, text)
    with pytest.raises(ValueError, match="Prediction inputs cannot be None or empty"):
        utils.predict_signature_def({}, {"b": number})


def test_an_asset_that_does_not_exist_changes_nothing(tmp_path):
    v = tf.get_variable("v", initializer=2.0)
    builder = tf.saved_model.Builder(str(tmp_path / "m"))
    missing = tf.constant(str(tmp_path / "missing.txt"))
    with tf.Session() as session:
        session.run(v.initializer)
        with pytest.raises(tf.errors.NotFoundError, match="missing.txt"):
            builder.add_meta_graph_and_variables(session, ["a"], assets_collection=[missing], main_op=v.initializer)
        builder.add_meta_graph_and_variables(session, ["a"], main_op=v.initializer)


def test_what_a_builder_logs(tmp_path, caplog):
    caplog.set_level("INFO", "hookloop")
    v = tf.get_variable("v", [])
    for number, assets in enumerate((None, [])):
        builder = tf.saved_model.builder.SavedModelBuilder(str(tmp_path / str(number)))
        with tf.Session() as session:
            session.run(v.initializer)
            builder.add_meta_graph_and_variables(session, ["serve"], assets_collection=assets)
        builder.save()
    first, second = tmp_path / "0" / "saved_model.pb", tmp_path / "1" / "saved_model.pb"
    assert [record.getMessage() for record in caplog.records] == [
        "No assets to save.", "No assets to write.", f"SavedModel written to: {first}",
        "Assets added to graph.", "No assets to write.", f"SavedModel written to: {second}",
    ]  # fmt: skip


# --- the loader's parts -----------------------------------------------------------------------------------------


def exported(directory, collections=None, saver=False):
    """A model with the variables x, 5, and y, 11; its main op gives y 7."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.Variable(5, name="x", collections=collections)
        y = tf.Variable(11, name="y", collections=collections)
        session.run([x.initializer, y.initializer])
        main_op = tf.group(tf.assign(y, 7), name="init_op")
        builder = tf.saved_model.Builder(directory)
        own = tf.train.Saver([x, y]) if saver else None
        builder.add_meta_graph_and_variables(session, ["foo"], main_op=main_op, saver=own)
        builder.save()
    return SavedModelLoader(directory)


def test_the_parts_of_loading(tmp_path):
    loader = exported(str(tmp_path / "m"))
    graph = tf.Graph()
    saver, (y, x) = loader.load_graph(graph, ["foo"], return_elements=["y:0", "x"])
    assert (y.name, x.name) == ("y:0", "x") and y.graph is graph
    with tf.Session(graph=graph) as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value x"):
            session.run("x:0")
        for wrong in (None, "saver"):
            with pytest.raises(ValueError, match=r"No tf.train.Saver object was passed.* a saver is required"):
                loader.restore_variables(session, wrong)
        loader.restore_variables(session, saver)
        assert session.run(["x:0", "y:0"]) == [5, 11]
        loader.run_init_ops(session, ["foo"])
        assert session.run(["x:0", "y:0"]) == [5, 7]
    with pytest.raises(ValueError, match="Requested return tensor 'z:0' not found"):
        loader.load_graph(tf.Graph(), ["foo"], return_elements=["z:0"])
    with pytest.raises(RuntimeError, match="MetaGraphDef associated with tags 'other' could not be found"):
        loader.get_meta_graph_def_from_tags(["other"])


def test_the_parts_of_loading_into_a_scope(tmp_path):
    loader = exported(str(tmp_path / "m"))
    with tf.Session() as session:
        saver, elements = loader.load_graph(session.graph, ["foo"], import_scope="in")
        assert elements is None
        with pytest.raises(tf.errors.NotFoundError, match="in/x"):
            loader.restore_variables(session, tf.train.Saver())
        loader.restore_variables(session, saver)
        loader.run_init_ops(session, ["foo"], import_scope="in")
        assert session.run(["in/x:0", "in/y:0"]) == [5, 7]
        loader.load(session, ["foo"], import_scope="again")
        assert session.run(["again/x:0", "again/y:0"]) == [5, 7]


def test_variables_of_no_known_collection_are_restored_by_their_saver(tmp_path):
    loader = exported(f"file://{tmp_path}/m", collections=["mine"], saver=True)
    assert loader.variables_path == f"file://{tmp_path}/m/variables/variables"
    with tf.Session() as session:
        loader.load(session, ["foo"])
        assert session.run(["x:0", "y:0"]) == [5, 7] and not tf.global_variables()


def test_a_loaded_message_has_the_attributes_that_were_left_out(tmp_path):
    tf.complex(1.0, 2.0, name="c")
    v = tf.get_variable("v", initializer=1.0)
    with tf.Session() as session:
        session.run(v.initializer)
        builder = tf.saved_model.Builder(str(tmp_path / "m"))
        builder.add_meta_graph_and_variables(session, ["a"], strip_default_attrs=True)
        builder.save()
    loader = SavedModelLoader(str(tmp_path / "m"))

    def attributes(message):
        return {node.name: sorted(node.attr) for node in message.graph_def.node if node.name in "cv"}

    shapes = "_output_shapes"
    assert attributes(loader.saved_model.meta_graphs[0]) == {"c": [shapes], "v": [shapes, "dtype", "shape"]}
    with tf.Graph().as_default(), tf.Session() as session:
        message = tf.saved_model.load(session, ["a"], str(tmp_path / "m"))
    whole = {"c": ["T", "Tout", shapes], "v": [shapes, "container", "dtype", "shape", "shared_name"]}
    assert attributes(message) == whole and message.meta_info_def.stripped_default_attrs


# --- what a builder takes ---------------------------------------------------------------------------------------


def test_files_of_one_name_are_kept_apart_where_they_differ(tmp_path):
    tensors = []
    for place, content in (("a", "same"), ("b", "same"), ("c", "other")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "f.txt").write_text(content)
        tensors.append(tf.constant(str(tmp_path / place / "f.txt")))
    v = tf.get_variable("v", initializer=1.0)
    with tf.Session() as session:
        session.run(v.initializer)
        builder = tf.saved_model.Builder(str(tmp_path / "m"))
        builder.add_meta_graph_and_variables(session, ["a"], assets_collection=tensors)
    found = {path.name: path.read_text() for path in (tmp_path / "m" / "assets").iterdir()}
    assert found == {"f.txt": "same", "f.txt_1": "other"}


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: "x", TypeError, "Asset path tensor must be a Tensor"),
        (lambda: tf.placeholder(tf.string), TypeError, "Asset path tensor must be of type constant"),
        (lambda: tf.constant(5), TypeError, "Asset path tensor must be of dtype string"),
        (lambda: tf.constant(["a", "b"]), TypeError, "Asset path tensor must be a scalar"),
        (lambda: tf.constant(""), ValueError, 'Invalid asset filepath tensor Tensor\\("Const:0"'),
    ],
)
def test_what_is_no_asset(tmp_path, make, error, text):
    with tf.Session() as session, pytest.raises(error, match=text):
        tf.saved_model.Builder(str(tmp_path)).add_meta_graph_and_variables(session, ["a"], assets_collection=[make()])


@pytest.mark.parametrize("key", ["legacy_init_op", "saved_model_main_op"])
@pytest.mark.parametrize("argument", ["legacy_init_op", "main_op"])
def test_a_graph_has_one_main_op(tmp_path, key, argument):
    tf.add_to_collection(key, tf.no_op())
    with (
        tf.Session() as session,
        pytest.raises(ValueError, match=f"already contains one or more main ops under the collection {key}"),
    ):
        tf.saved_model.Builder(str(tmp_path)).add_meta_graph_and_variables(session, ["a"], **{argument: tf.no_op()})


def test_names_of_signatures_that_are_reserved(tmp_path):
    x = tf.placeholder(tf.float32)
    signature = tf.saved_model.predict_signature_def({"x": x}, {"x": x})
    for key, meaning in (("init", "initialization"), ("train", "the train op")):
        with (
            tf.Session() as session,
            pytest.raises(KeyError, match=f'"__saved_model_{key}_op" is reserved for {meaning}'),
        ):
            tf.saved_model.Builder(str(tmp_path)).add_meta_graph_and_variables(
                session, ["a"], {f"__saved_model_{key}_op": signature}
            )


def test_a_model_without_inputs_writes_nothing(tmp_path):
    with tf.Session() as session, pytest.raises(ValueError, match="Prediction inputs cannot be None or empty"):
        tf.saved_model.simple_save(session, str(tmp_path / "m"), {}, {"y": tf.constant(1.0)})
    assert not (tmp_path / "m").exists()


def test_signatures_of_training():
    from hookloop.python.saved_model import signature_def_utils_impl as utils

    x = tf.placeholder(tf.float32, name="x")
    signature = utils.supervised_train_signature_def({"x": x}, {"loss": x}, {"p": x}, {"m/value": x})
    assert signature.method_name == "tensorflow/supervised/training" and sorted(signature.outputs) == [
        "loss",
        "m/value",
        "p",
    ]
    assert utils.supervised_eval_signature_def({"x": x}, {"loss": x}).method_name == "tensorflow/supervised/eval"
    with pytest.raises(ValueError, match="tensorflow/supervised/training inputs cannot be None or empty"):
        utils.supervised_train_signature_def({}, {"loss": x})
