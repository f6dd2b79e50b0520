"""SavedModels: written, read, and read from TensorFlow's own."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf
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
