"""`tf.contrib.predictor`: SavedModels as functions."""

import pytest

import hookloop as tf
from hookloop.contrib import predictor


@pytest.fixture
def saved(tmp_path):
    """A SavedModel with two signatures."""
    info, signature = tf.saved_model.utils.build_tensor_info, tf.saved_model.signature_def_utils.build_signature_def
    builder = tf.saved_model.builder.SavedModelBuilder(str(tmp_path / "model"))
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2], "x")
        b = tf.placeholder_with_default(1.0, [], "b")
        y = tf.add(tf.matmul(x, tf.Variable([[1.0], [2.0]])), b, name="y")
        session.run(tf.global_variables_initializer())
        signatures = {
            "serving_default": signature({"in": info(x), "b": info(b)}, {"out": info(y)}, "m"),
            "other": signature({"in": info(x)}, {"same": info(y)}, "m"),
        }
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
    builder.save()
    return str(tmp_path / "model"), signatures


def test_a_saved_model_is_called_with_a_dict(saved):
    predict = predictor.from_saved_model(saved[0])
    assert {key: value.tolist() for key, value in predict({"in": [[1, 2]], "b": 3}).items()} == {"out": [[8]]}
    assert predict({"in": [[1, 2]]})["out"].tolist() == [[6]]
    assert predict.session.graph is predict.graph and predict.fetch_tensors["out"].name == "y:0"
    assert sorted(predict.feed_tensors) == ["b", "in"] and str(predict).startswith(
        "SavedModelPredictor with feed tensors"
    )
    assert tf.get_default_graph().get_operations() == []


def test_inputs_and_outputs_are_said_in_three_ways(saved):
    path, signatures = saved
    for chosen in ({"signature_def_key": "other"}, {"signature_def": signatures["other"]}):
        assert predictor.from_saved_model(path, **chosen)({"in": [[1, 2]]})["same"].tolist() == [[6]]
    graph = tf.Graph()
    predict = predictor.from_saved_model(
        path, input_names={"q": "x:0"}, output_names={"r": "y:0"}, graph=graph, tags="serve"
    )
    assert predict({"q": [[1, 1]]})["r"].tolist() == [[4]] and predict.graph is graph


def test_what_does_not_fit_is_refused(saved):
    path, _ = saved
    with pytest.raises(ValueError, match="Got unexpected keys in input_dict: {'zz'}\nexpected: {'"):
        predictor.from_saved_model(path)({"zz": 1})
    with pytest.raises(ValueError, match="input_names and output_names must both be specified or both be unspecified"):
        predictor.from_saved_model(path, input_names={"q": "x:0"})
    with pytest.raises(ValueError, match="You must specify at most one of signature_def_key OR signature_def OR"):
        predictor.from_saved_model(path, "other", input_names={"q": "x:0"}, output_names={"r": "y:0"})
    with pytest.raises(RuntimeError, match="MetaGraphDef associated with tags 'zz' could not be found in SavedModel"):
        predictor.from_saved_model(path, tags="zz")
