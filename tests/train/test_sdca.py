"""Stochastic dual coordinate ascent: TensorFlow 1.15's steps, fingerprints and optima, the order of examples, errors."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from ..conftest import on_reference

FIXTURES = Path(__file__).parents[1] / "fixtures"
RECORD = json.loads((FIXTURES / "sdca.json").read_text())
_spec = importlib.util.spec_from_file_location("sdca_program", FIXTURES / "sdca_program.py")
program = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(program)
STEPS, REFUSED = program.single_steps(), program.refused()


def run(fetches, feeds=None):
    with tf.Session() as session:
        return session.run(fetches, feeds)


@pytest.mark.parametrize("name", STEPS)
def test_steps_are_those_of_tensorflow(name, executor):
    state, sparse, dense = run(program.step(tf, **STEPS[name]))
    for found, wanted in zip((state, *sparse, *dense), RECORD["steps"][name]):
        np.testing.assert_allclose(np.ravel(found), wanted, rtol=1e-5, atol=1e-6)


def objective(loss, shrunk):
    """The loss that is made small, of weights as they are used."""
    x, label, rows, features, weights = program.data()
    wx = x @ shrunk[0] + np.bincount(rows, np.array(shrunk[1])[features], 40)
    y = label if loss in ("squared_loss", "poisson_loss") else 2 * label - 1
    margin = y * wx
    each = {
        "logistic_loss": np.log1p(np.exp(-margin)),
        "squared_loss": (wx - y) ** 2 / 2,
        "hinge_loss": np.maximum(1 - margin, 0),
        "smooth_hinge_loss": np.where(margin <= 0, 0.5 - margin, np.maximum(1 - margin, 0) ** 2 / 2),
        "poisson_loss": np.exp(wx) - wx * y,
    }[loss]
    flat = np.concatenate(shrunk)
    return weights @ each + 0.6 * np.abs(flat).sum() + 2.0 * flat @ flat


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("loss", program.LOSSES)
def test_trained_models_are_those_of_tensorflow(loss, adaptive):
    found, wanted = program.trained(tf, loss, adaptive), RECORD["trained"][loss]
    assert found["losses"][1] < found["losses"][0]
    rounding = 2e-2 if loss == "hinge_loss" else 2e-3  # whose dual is not strictly concave: its steps come near slowly
    for ours, theirs in zip(found["weights"], wanted["weights"]):
        np.testing.assert_allclose(ours, theirs, atol=rounding)
    assert objective(loss, found["weights"]) == pytest.approx(objective(loss, wanted["weights"]), rel=1e-4)


@pytest.mark.parametrize("adaptive", [False, True])
def test_both_executors_take_the_examples_in_one_order(adaptive, monkeypatch):
    found = []
    for executor in ("plan", "reference"):
        monkeypatch.setenv("HOOKLOOP_EXECUTOR", executor)
        found.append(program.trained(tf, "logistic_loss", adaptive, epochs=3))
    np.testing.assert_allclose(found[0]["losses"], found[1]["losses"], rtol=1e-5)
    for one, other in zip(found[0]["weights"], found[1]["weights"]):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_order_is_another_in_each_epoch_and_the_same_in_each_run():
    """Two examples in conflict: who comes last has its way; over epochs, each is last sometimes."""
    holder = tf.placeholder(tf.float32, [2, 4])
    arguments = {
        "dense": [[[1.0], [1.0]]],
        "dense_weights": [[[0.0]]],
        "weights": [1.0, 1.0],
        "labels": [1.0, 0.0],
        "l2": 0.1,
    }
    result = program.step(tf, "squared_loss", **arguments)
    op = result.out_example_state_data.op
    again = tf.import_graph_def(
        tf.get_default_graph().as_graph_def(), {op.inputs[-1].name: holder}, [op.name + ":0", op.name + ":1"], name="x"
    )
    with tf.Session() as session:
        lasts = []
        for seed in range(12):
            state = np.random.RandomState(seed).uniform(0, 0.1, (2, 4)).astype(np.float32)
            one, other = (session.run(again, {holder: state}) for _ in range(2))
            for a, b in zip(one, other):
                np.testing.assert_array_equal(a, b)
            lasts.append(bool(one[1][0, 0] > 0.5))
    assert set(lasts) == {False, True}


def test_examples_far_from_their_best_value_come_first():
    """Adaptive: of examples without a feature in common, those that are at their optimum are left alone."""
    x = np.eye(8, dtype=np.float32)
    state = np.zeros((8, 4), np.float32)
    state[:, 0] = 0.5  # the optimum of squared losses with l2 = 1, labels of 1 and weights of 0.5
    state[3, 0] = 0
    labels, weights = np.ones(8, np.float32), np.full((8, 1), 0.5, np.float32)
    weights[3] = 0
    result = tf.train.sdca_optimizer(
        [], [], [], [x], labels, labels, [], [], [weights], state, "squared_loss", 0.0, 1.0, 1, 1
    )
    found = run(result)
    assert found.out_example_state_data[3, 0] == pytest.approx(0.5)
    np.testing.assert_allclose(found.out_delta_dense_weights[0][:, 0], 0.5 * (np.arange(8) == 3), atol=1e-6)
    assert result.out_example_state_data.op.get_attr("adaptative") is True


def test_sizes_may_be_open(executor):
    examples, features = (tf.placeholder(tf.int64, [None]) for _ in range(2))
    values, weights, labels = (tf.placeholder(tf.float32, [None]) for _ in range(3))
    state, known = tf.placeholder(tf.float32, [None, 4]), tf.placeholder(tf.int64, [None])
    table = tf.Variable(tf.zeros([1, 3]))
    result = tf.train.sdca_optimizer([examples], [features], [values], [], weights, labels, [known], [table], [], state,
                                     "squared_loss", 0.0, 1.0, 1, 1, adaptative=False)  # fmt: skip
    assert result.out_example_state_data.shape.as_list()[1] == 4
    assert result.out_delta_sparse_weights[0].shape.as_list() == [1, 3]
    with tf.Session() as session:
        session.run(table.initializer)
        for rows, wanted in (([0, 1, 2], [0.5, 1.0, 1.5]), ([2, 0], [0, 1.0, 0])):  # in any order
            n = max(rows) + 1
            feeds = {
                examples: rows, features: [10, 30, 20][: len(rows)] if n == len(rows) else [30, 10],
                values: np.ones(len(rows)), weights: np.ones(n), labels: np.arange(1, n + 1) if n == len(rows) else [0, 0, 2],
                state: np.zeros((n, 4)), known: [10, 30, 20],
            }  # fmt: skip
            (deltas,) = session.run(result.out_delta_sparse_weights, feeds)
            np.testing.assert_allclose(deltas, [wanted])


def test_steps_far_from_the_optimum_end(executor):
    """Newton's method alone would leave the range of numbers."""
    for loss in ("logistic_loss", "poisson_loss"):
        for scale, l2 in ((1e4, 1e-6), (1e-4, 1e6), (300.0, 1e-3)):
            for label in (0.0, 1.0):
                arguments = {
                    "dense": [[[scale, -scale]]],
                    "dense_weights": [[[0.5], [0.2]]],
                    "labels": [label],
                    "l2": l2,
                }
                state, _, (deltas,) = run(program.step(tf, loss, **arguments))
                dual = float(state[0, 0])
                assert np.isfinite(state[0, 0]) and np.isfinite(deltas).all()
                assert 0 <= dual * (2 * label - 1) <= 1 if loss == "logistic_loss" else dual <= label


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name, executor):
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        run(program.step(tf, **REFUSED[name]))
    assert error.value.message.startswith(RECORD["refused"][name])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (dict(program.SPARSE, sparse=[([0, 1], [5, 7])]), "Example index out of valid range: 1 is not in \\[0, 1\\)"),
        (dict(program.SPARSE, sparse=[([0, -1], [5, 7])]), "Example index out of valid range: -1 is not in \\[0, 1\\)"),
        (
            dict(program.SPARSE, sparse=[([0, 0], [5])]),
            "expected as many sparse example indices, feature indices and feature",
        ),
        (
            dict(program.SPARSE, sparse=[([0, 0], [5, 7], [1.0])]),
            "expected as many sparse example indices, feature indices",
        ),
        (dict(program.SPARSE, sparse_weights=[[0.1]]), "Found sparse feature indices out of valid range: 7"),
        (dict(program.DENSE, labels=[1.0, 0.0]), "expected as many labels as weights of examples, got 2 and 1"),
        (dict(program.DENSE, dense=[[1.0, 2.0]]), "expected dense features with a row for each of 1 examples"),
        (dict(program.DENSE, dense=[[[1.0], [2.0]]]), "expected dense features with a row for each of 1 examples"),
    ],
)
def test_what_tensorflow_takes_wrongly_is_refused(arguments, text, executor):
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        run(program.step(tf, **arguments))


def test_more_values_than_groups_are_refused(executor):
    result = tf.train.sdca_optimizer([], [], [[1.0]], [[[1.0]]], [1.0], [1.0], [], [], [[[0.0]]], np.zeros((1, 4), np.float32),
                                     "hinge_loss", 0.0, 1.0, 1, 1)  # fmt: skip
    with pytest.raises(tf.errors.InvalidArgumentError, match="num_sparse_features_with_values > num_sparse_features"):
        run(result)


@pytest.mark.skipif(on_reference(), reason="the limit is a kernel's; the reference executor has none")
def test_so_many_groups_are_refused():
    groups = [np.ones((1, 1), np.float32)] * 513
    result = tf.train.sdca_optimizer([], [], [], groups, [1.0], [1.0], [], [], groups, np.zeros((1, 4), np.float32),
                                     "hinge_loss", 0.0, 1.0, 1, 1)  # fmt: skip
    with pytest.raises(
        tf.errors.UnimplementedError, match="at most 512 groups of features can be trained at once, got 513"
    ):
        run(result)


@pytest.mark.parametrize(
    ("changed", "error", "text"),
    [
        (
            {"loss_type": "nope"},
            ValueError,
            "Attr 'loss_type' of 'SdcaOptimizer' Op passed string 'nope' not in: \"logistic",
        ),
        (
            {"num_loss_partitions": 0},
            ValueError,
            "Attr 'num_loss_partitions' of 'SdcaOptimizer' Op passed 0 less than min",
        ),
        (
            {"num_inner_iterations": 0},
            ValueError,
            "Attr 'num_inner_iterations' of 'SdcaOptimizer' Op passed 0 less than",
        ),
        ({"num_inner_iterations": "1"}, TypeError, "Expected int for argument 'num_inner_iterations' not '1'"),
        ({"l1": "a"}, TypeError, "Expected float for argument 'l1' not 'a'"),
        ({"adaptative": 3}, TypeError, "Expected bool for argument 'adaptative' not 3"),
        (
            {"sparse_example_indices": 3},
            TypeError,
            "Expected list for 'sparse_example_indices' argument to 'sdca_optimizer' Op",
        ),
        (
            {"sparse_indices": [[1]]},
            ValueError,
            "'sparse_indices' to 'sdca_optimizer' Op with length 1 must match length 0 of",
        ),
        (
            {"dense_weights": []},
            ValueError,
            "List argument 'dense_weights' to 'sdca_optimizer' Op with length 0 must match",
        ),
        ({"dense_features": [np.zeros((1, 1))]}, ValueError, "float64"),
    ],
)
def test_arguments_that_do_not_fit(changed, error, text):
    arguments = {
        "sparse_example_indices": [], "sparse_feature_indices": [], "sparse_feature_values": [], "dense_features": [[[1.0]]],
        "example_weights": [1.0], "example_labels": [1.0], "sparse_indices": [], "sparse_weights": [], "dense_weights": [[[0.0]]],
        "example_state_data": np.zeros((1, 4), np.float32), "loss_type": "hinge_loss", "l1": 0.0, "l2": 1.0,
        "num_loss_partitions": 1, "num_inner_iterations": 1,
    }  # fmt: skip
    if changed == {"dense_features": [np.zeros((1, 1))]}:
        changed = {"dense_features": [tf.zeros([1, 1], tf.float64)]}
    tf.train.sdca_optimizer(**arguments)
    with pytest.raises(error, match=text):
        tf.train.sdca_optimizer(**dict(arguments, **changed))


# --- fingerprints, and what L1 leaves ---------------------------------------------------------------------------


def test_fingerprints(executor):
    found = run(tf.train.sdca_fprint(program.TEXTS))
    assert found.dtype == np.int64 and found.tolist() == RECORD["fingerprints"]
    assert run(tf.train.sdca_fprint(tf.constant([], tf.string))).shape == (0, 2)
    holder = tf.placeholder(tf.string, [None])
    assert tf.train.sdca_fprint(holder).shape.as_list() == [None, 2]
    assert run(tf.train.sdca_fprint(holder), {holder: ["abc"]}).tolist() == [RECORD["fingerprints"][2]]
    with pytest.raises(ValueError, match="Shape must be rank 1 but is rank 0"):
        tf.train.sdca_fprint("a")


def test_weights_are_shrunk_in_place(executor):
    w, v = tf.Variable([[1.0, -0.5], [0.2, -3.0]]), tf.Variable([0.3, 0.9, 0.0])
    before = w + 0.0
    first, both = tf.train.sdca_shrink_l1([w], 0.5, 1.0), tf.train.sdca_shrink_l1([w, v], 0.5, 2.0)
    nothing = tf.train.sdca_shrink_l1([], 0.5, 2.0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(nothing) is None
        found, _ = session.run([before, first])
        assert found[1, 1] == -3  # a reader without a path from the write sees the value before
        np.testing.assert_allclose(session.run(w), [[0.5, 0], [0, -2.5]])
        session.run(both)
        np.testing.assert_allclose(session.run(w), [[0.25, 0], [0, -2.25]])
        np.testing.assert_allclose(session.run(v), [0.05, 0.65, 0], rtol=1e-6)
        session.run(tf.train.sdca_shrink_l1([w], -0.5, 1.0))
        np.testing.assert_allclose(session.run(w), [[0.75, 0], [0, -2.75]])
        session.run(tf.train.sdca_shrink_l1([w], 0.5, 0.0))
        assert not session.run(w).any()


def test_only_variables_are_shrunk(executor):
    for weights in (tf.constant([1.0]), tf.Variable([1.0], use_resource=True)):
        with pytest.raises(TypeError, match="'SdcaShrinkL1' Op requires that input 'weights' be a mutable tensor"):
            tf.train.sdca_shrink_l1([weights], 1.0, 1.0)
    with pytest.raises(TypeError, match="Expected list for 'weights' argument to 'sdca_shrink_l1' Op"):
        tf.train.sdca_shrink_l1(tf.Variable([1.0]), 1.0, 1.0)
    with tf.Session() as session, pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value"):
        session.run(tf.train.sdca_shrink_l1([tf.Variable([1.0])], 1.0, 1.0))
