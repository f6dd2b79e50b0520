"""Optimizers: TensorFlow 1.15's numbers and slots, and what programs do with `Optimizer` itself."""

import json
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from ..fixtures.optimizer_program import CASES, OPTIMIZERS, trajectory

RECORDED = json.loads((Path(__file__).parents[1] / "fixtures" / "optimizers.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_steps_are_those_of_tensorflow(case, executor):
    want, got = dict(RECORDED["{}-{}-{}-{}".format(*case)]), trajectory(tf, *case)
    assert got.keys() == want.keys()
    assert got.pop("names") == want.pop("names")
    for name, value in got.items():
        np.testing.assert_allclose(value, want[name], rtol=2e-6, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_half_variable_is_trained(dtype, executor):
    w = tf.Variable(tf.cast(tf.constant([4.0, -2.0]), dtype))
    step = tf.train.MomentumOptimizer(0.125, 0.5).minimize(tf.reduce_sum(w * w))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(4):
            session.run(step)
        np.testing.assert_allclose(np.asarray(session.run(tf.cast(w, tf.float32))), [-0.015625, 0.0078125], rtol=0.02)


class Halving(tf.train.Optimizer):
    """As users write one: moves a variable to where half the gradient points, and counts in a slot."""

    def __init__(self, use_locking=False, name="Halving"):
        super().__init__(use_locking, name)
        self.calls = []

    def _create_slots(self, var_list):
        for v in var_list:
            self._zeros_slot(v, "count", self._name)

    def _prepare(self):
        self._half = tf.convert_to_tensor(0.5, name="half")

    def _apply_dense(self, grad, var):
        self.calls.append(("dense", var.op.name))
        count = self.get_slot(var, "count")
        return tf.group(tf.assign_sub(var, grad * self._half), tf.assign_add(count, tf.ones_like(count)))

    def _apply_sparse(self, grad, var):
        self.calls.append(("sparse", var.op.name))
        return tf.scatter_sub(var, grad.indices, grad.values * self._half)


def test_a_subclass_is_asked_for_slots_and_updates(executor):
    dense = tf.get_variable("dense", initializer=[2.0, 4.0])
    sparse = tf.get_variable("sparse", initializer=[[1.0], [2.0], [3.0]])
    loss = tf.reduce_sum(dense) + tf.reduce_sum(tf.gather(sparse, [2, 2]))
    opt = Halving()
    step = opt.minimize(loss, global_step=tf.train.get_or_create_global_step())
    assert opt.calls == [("dense", "dense"), ("sparse", "sparse")]
    assert opt.get_slot_names() == ["count"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step)
        np.testing.assert_array_equal(session.run(dense), [1.5, 3.5])
        np.testing.assert_array_equal(session.run(sparse), [[1.0], [2.0], [2.0]])  # two equal rows added up
        np.testing.assert_array_equal(session.run(opt.get_slot(dense, "count")), [1.0, 1.0])
        assert session.run(tf.train.get_global_step()) == 1


def test_gradients_may_be_changed_between_computing_and_applying(executor):
    w = tf.Variable([3.0, -3.0])
    opt = tf.train.GradientDescentOptimizer(1.0)
    pairs = opt.compute_gradients(tf.reduce_sum(w * w))
    step = opt.apply_gradients([(tf.clip_by_value(g, -1.0, 1.0), v) for g, v in pairs], name="mine")
    assert step.name == "mine"
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step)
        np.testing.assert_array_equal(session.run(w), [2.0, -2.0])


def test_a_constraint_is_applied_after_the_update(executor):
    w = tf.get_variable("w", initializer=[0.5, 2.0], constraint=lambda value: tf.maximum(value, 0.0))
    step = tf.train.GradientDescentOptimizer(1.0).minimize(tf.reduce_sum(w))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step)
        np.testing.assert_array_equal(session.run(w), [0.0, 1.0])


def test_only_listed_variables_change(executor):
    a, b = tf.Variable(1.0), tf.Variable(1.0)
    step = tf.train.GradientDescentOptimizer(0.5).minimize(a * a + b * b, var_list=[b])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step)
        assert session.run([a, b]) == [1.0, 0.0]


def test_a_learning_rate_may_be_a_tensor_or_a_function(executor):
    w = tf.Variable(1.0)
    rate = tf.placeholder(tf.float32, [])
    step = tf.train.GradientDescentOptimizer(rate).minimize(w)
    other = tf.train.GradientDescentOptimizer(lambda: 0.25).minimize(w)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step, {rate: 0.5})
        assert session.run(w) == 0.5
        session.run(other)
        assert session.run(w) == 0.25


def test_the_training_op_is_collected():
    step = tf.train.GradientDescentOptimizer(0.5).minimize(tf.Variable(1.0) * 2.0)
    assert tf.get_collection(tf.GraphKeys.TRAIN_OP) == [step]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: tf.train.GradientDescentOptimizer(0.1, name=""), ValueError, "Must specify the optimizer name"),
        (lambda: tf.train.AdagradOptimizer(0.1, 0.0), ValueError, "initial_accumulator_value must be positive: 0.0"),
        (lambda: OPTIMIZERS["sgd"](tf.train).minimize(tf.constant(1.0)), ValueError, "No variables to optimize."),
        (
            lambda: OPTIMIZERS["sgd"](tf.train).minimize(tf.constant(1.0), var_list=[tf.Variable(1.0)]),
            ValueError,
            "No gradients provided for any variable, check your graph",
        ),
        (lambda: OPTIMIZERS["sgd"](tf.train).apply_gradients([]), ValueError, "No variables provided."),
        (
            lambda: OPTIMIZERS["sgd"](tf.train).apply_gradients([(None, tf.Variable(1.0))]),
            ValueError,
            "No gradients provided for any variable",
        ),
        (
            lambda: OPTIMIZERS["sgd"](tf.train).apply_gradients([(object(), tf.Variable(1.0))]),
            TypeError,
            "Gradient must be convertible to a Tensor or IndexedSlices, or None",
        ),
        (
            lambda: OPTIMIZERS["sgd"](tf.train).minimize(tf.Variable(1) * 2),
            ValueError,
            "Invalid type tf.int32",
        ),
        (
            lambda: OPTIMIZERS["sgd"](tf.train).compute_gradients(tf.constant(1.0), gate_gradients=7),
            ValueError,
            "gate_gradients must be one of",
        ),
    ],
)
def test_what_cannot_be_optimized(make, error, text):
    with pytest.raises(error) as caught:
        make()
    assert text in str(caught.value)


def test_an_index_out_of_range_changes_nothing(executor):
    w = tf.get_variable("w", initializer=[[1.0], [2.0]])
    at = tf.placeholder(tf.int32, [2])
    grad = tf.IndexedSlices(tf.constant([[1.0], [1.0]]), at)
    step = tf.train.AdagradOptimizer(1.0).apply_gradients([(grad, w)])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"= 2 is not in \[0, 2\)"):
            session.run(step, {at: [0, 2]})
        np.testing.assert_array_equal(session.run(w), [[1.0], [2.0]])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"initial_accumulator_value": -0.5}, "initial_accumulator_value -0.500000 needs to be positive or zero"),
        ({"learning_rate_power": 1}, "learning_rate_power 1.000000 needs to be negative or zero"),
        ({"l1_regularization_strength": -1}, "l1_regularization_strength -1.000000 needs to be positive or zero"),
        ({"l2_shrinkage_regularization_strength": -1}, "l2_shrinkage_regularization_strength -1.000000 needs to be"),
    ],
)
def test_settings_of_ftrl_with_the_wrong_sign(arguments, text):
    with pytest.raises(ValueError, match=text):
        tf.train.FtrlOptimizer(0.1, **arguments)


@pytest.mark.parametrize(
    "sparse, expected", [(False, [0, -0.79383487, 0, 0]), (True, [np.nan, -0.79383487, np.nan, 0])]
)
def test_ftrl_of_gradients_that_are_no_number(executor, sparse, expected):
    """TensorFlow 1.15's values, signs of zeros too: a dense update makes 0 of what is no number, one of chosen rows keeps it."""
    variable = tf.get_variable("v", initializer=np.array([[1.0], [-1.0], [0.0], [0.0]], np.float32))
    gradient = tf.constant([[np.nan], [1.0], [np.inf], [0.0]])
    if sparse:
        gradient = tf.IndexedSlices(gradient, tf.range(4), tf.constant([4, 1]))
    train = tf.train.FtrlOptimizer(0.1).apply_gradients([(gradient, variable)])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        found = session.run(variable)[:, 0]
    np.testing.assert_allclose(found, expected, 1e-6)
    assert not np.signbit(found[3])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float64])
@pytest.mark.parametrize("name", ["ProximalAdagradOptimizer", "ProximalGradientDescentOptimizer", "AdagradDAOptimizer"])
def test_types_that_tensorflow_has_no_kernel_for(name, dtype, sparse):
    found = {}
    for each in (dtype, tf.float32):
        with tf.Graph().as_default(), tf.Session() as session:
            step = [tf.train.get_or_create_global_step()] if name == "AdagradDAOptimizer" else []
            v = tf.Variable(tf.cast([1.0, 2.0], each))
            loss = tf.reduce_sum(tf.gather(v, [1]) ** 2 if sparse else v * v)
            train = getattr(tf.train, name)(0.125, *step).minimize(loss)
            session.run(tf.global_variables_initializer())
            session.run(train)
            found[each] = session.run(tf.cast(v, tf.float64))
    np.testing.assert_allclose(found[dtype], found[tf.float32], rtol=2e-2)
    assert found[dtype][1] != 2


@pytest.mark.parametrize("use_resource", [False, True])
@pytest.mark.parametrize(
    "optimizer", [tf.train.AdamOptimizer, tf.train.GradientDescentOptimizer, tf.train.AdagradOptimizer]
)
def test_a_gradient_of_another_shape_is_refused(executor, optimizer, use_resource):
    v = tf.get_variable("v", initializer=np.ones((3, 2), "float32"), use_resource=use_resource)
    with pytest.raises(ValueError, match="Dimension 0 in both shapes must be equal, but are 3 and 1"):
        optimizer(0.1).apply_gradients([(tf.constant(np.ones((1, 2), "float32")), v)])
    slope = tf.placeholder(tf.float32, None)
    train = optimizer(0.1).apply_gradients([(slope, v)])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match="sizes (1 and 3|3 and 1) do not fit"):
            session.run(train, {slope: np.ones((1, 2))})
        assert (session.run(v) == 1).all()
