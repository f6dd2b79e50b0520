"""`tf.contrib.opt`: TensorFlow 1.15's numbers and nodes (fixtures/contrib_opt.json.gz, by contrib_opt_program.py), and what it refuses."""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import hookloop as tf

from .fixtures.contrib_opt_program import CASES, drop_what_is_stale, fading, minimize_outside, trajectory

RECORDED = json.loads(gzip.decompress((Path(__file__).parent / "fixtures" / "contrib_opt.json.gz").read_bytes()))
opt = tf.contrib.opt


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_steps_and_nodes_are_those_of_tensorflow(case, executor):
    wanted, found = RECORDED["{}-{}-{}-{}".format(*case)], trajectory(tf, *case)
    assert found["values"].keys() == wanted["values"].keys()
    for name, value in found["values"].items():
        np.testing.assert_allclose(value, wanted["values"][name], rtol=2e-6, atol=2e-6, err_msg=name)
    # The one is of another kind of optimizers there; the other knows the number of distinct rows while it is built.
    if case[0] != "ggt" and not (case[0] == "shampoo_long" and case[3]):
        assert found["nodes"] == wanted["nodes"]


def test_an_algorithm_of_a_programs_own_meets_what_it_meets_in_tensorflow(executor):
    assert json.loads(json.dumps(minimize_outside(tf))) == RECORDED["external"]


def test_an_interface_without_an_algorithm():
    loss = tf.square(tf.Variable(1.0))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with pytest.raises(NotImplementedError, match="subclass from it and implement the _minimize"):
            opt.ExternalOptimizerInterface(loss).minimize(session)


def test_scipy_minimizes_within_bounds_and_constraints(monkeypatch):
    said = []
    monkeypatch.setattr(tf.logging, "info", lambda text, *values: said.append(text % values))
    vector = tf.Variable([7.0, 7.0], name="vector")
    loss = tf.reduce_sum(tf.square(vector))
    free = opt.ScipyOptimizerInterface(loss, options={"maxiter": 100})
    bounded = opt.ScipyOptimizerInterface(loss, var_to_bounds={vector: ([1, 2], np.inf)})
    constrained = opt.ScipyOptimizerInterface(
        loss, equalities=[vector[1] - 1.0], inequalities=[vector[0] - 1.0], method="SLSQP"
    )
    with tf.Session() as session:
        for interface, wanted in ((free, [0.0, 0.0]), (bounded, [1.0, 2.0]), (constrained, [1.0, 1.0])):
            session.run(tf.global_variables_initializer())
            losses = []
            interface.minimize(session, fetches=[loss], loss_callback=losses.append)
            np.testing.assert_allclose(session.run(vector), wanted, atol=1e-5)
            assert losses[0] == 98.0 and losses[-1] < 6.0
    assert [text.startswith("Optimization terminated with:\n  Message: ") for text in said] == [True] * 3
    assert "  Objective function value: 5.0000" in said[1] and "  Number of iterations: " in said[1]


def test_without_scipy_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    loss = tf.square(tf.Variable(1.0))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with pytest.raises(ImportError, match=r"needs SciPy, .*pip install 'hookloop\[scipy\]'"):
            opt.ScipyOptimizerInterface(loss).minimize(session)


def test_arguments_that_scipy_gets_anyway_are_refused():
    loss = tf.square(tf.Variable(1.0))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with pytest.raises(ValueError, match="Bounds must be set using the var_to_bounds argument"):
            opt.ScipyOptimizerInterface(loss, bounds=[(0, 1)]).minimize(session)
        with pytest.raises(ValueError, match="keyword arg 'jac' is set automatically and cannot be injected manually"):
            opt.ScipyOptimizerInterface(loss, jac=False).minimize(session)


def test_only_the_variables_that_are_named_decay(executor):
    a, b = tf.Variable(1.0), tf.Variable(1.0)
    optimizer = opt.MomentumWOptimizer(0.25, 0.0, 0.9)
    step = optimizer.apply_gradients(optimizer.compute_gradients(a * b), decay_var_list=[b])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step)
        assert session.run([a, b]) == [1.0, 0.75]
        session.run(optimizer.minimize(a * b, decay_var_list=[b]))
        assert session.run([a, b]) == [0.75, 0.5625]  # as in TensorFlow 1.15, which forgets the list there


def test_a_decay_given_as_a_function_of_a_subclass(executor):
    class Descent(opt.DecoupledWeightDecayExtension, tf.train.GradientDescentOptimizer):
        """Whose decay is a tensor."""

    v = tf.Variable([2.0])
    step = Descent(tf.constant(0.5), learning_rate=1.0).minimize(tf.reduce_sum(v))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step)
        assert session.run(v).tolist() == [0.0]


def test_a_saver_stores_the_averages_in_place_of_the_variables(tmp_path):
    v = tf.get_variable("v", initializer=[1.0, 2.0])
    optimizer = opt.MovingAverageOptimizer(tf.train.GradientDescentOptimizer(1.0), 0.5)
    with pytest.raises(RuntimeError, match="Must call apply_gradients or minimize before creating the swapping_saver"):
        optimizer.swapping_saver()
    step = optimizer.minimize(tf.reduce_sum(v))
    saver = optimizer.swapping_saver()
    with pytest.raises(
        ValueError, match="Variable to swap v/ExponentialMovingAverage is not part of variables to save"
    ):
        optimizer.swapping_saver([v])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step)
        path = saver.save(session, str(tmp_path / "model"))
        assert session.run(v).tolist() == [0.0, 1.0]
    assert tf.train.load_variable(path, "v").tolist() == [0.5, 1.5]
    assert tf.train.load_variable(path, "v/ExponentialMovingAverage").tolist() == [0.0, 1.0]


def test_a_task_without_a_gradient_moves_nothing(executor):
    v, on = tf.Variable([1.0, 1.0]), tf.placeholder(tf.float32, [])
    optimizer = opt.MultitaskOptimizerWrapper(tf.train.MomentumOptimizer(0.5, 0.5))
    pairs, norm = opt.clip_gradients_by_global_norm(optimizer.compute_gradients(on * tf.reduce_sum(v)), 10.0)
    step = optimizer.apply_gradients(pairs)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        seen = [(session.run([norm, step], {on: x})[0], *session.run(v)) for x in (3.0, 0.0, 4.0)]
    np.testing.assert_allclose(seen, [(18**0.5, -0.5, -0.5), (0.0, -0.5, -0.5), (32**0.5, -3.25, -3.25)], rtol=1e-6)
    with pytest.raises(TypeError, match="Supplied optimizer must be an instance of tf.train.Optimizer"):
        opt.MultitaskOptimizerWrapper(3)


def test_norms_and_rates_that_are_refused():
    with pytest.raises(ValueError, match="momentum should be positive: -1.0"):
        opt.LARSOptimizer(0.1, -1.0)
    with pytest.raises(ValueError, match="weight_decay should be positive: -2.0"):
        opt.LARSOptimizer(0.1, weight_decay=-2.0)


def test_a_variable_that_lars_skips_has_the_rate_that_is_given(executor):
    w, bias = tf.get_variable("w", initializer=[3.0, 4.0]), tf.get_variable("bias", initializer=[3.0, 4.0])
    optimizer = opt.LARSOptimizer(1.0, 0.0, weight_decay=0.0, eeta=0.1, skip_list=["bias"])
    step = optimizer.minimize(tf.reduce_sum(w) + tf.reduce_sum(bias))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step)
        np.testing.assert_allclose(session.run(bias), [2.0, 3.0])
        np.testing.assert_allclose(session.run(w), np.array([3.0, 4.0]) - 0.5 / 2**0.5, rtol=1e-6)


def test_gradients_that_are_too_old_are_left_out(executor):
    found, wanted = drop_what_is_stale(tf), RECORDED["stale"]
    assert found == wanted


def test_signs_fade_as_in_tensorflow(executor):
    found, wanted = fading(tf), RECORDED["fading"]
    np.testing.assert_allclose(found["values"], wanted["values"], rtol=2e-6, atol=2e-7)
    assert found["refused"] == wanted["refused"]


def test_some_updates_of_adagrad_leave_the_accumulators_alone(executor):
    v = tf.get_variable("v", initializer=[3.0, 4.0])
    optimizer = opt.RegAdagradOptimizer(1.0, 0.25)
    with optimizer.avoid_updating_slots():
        penalty = optimizer.minimize(tf.reduce_sum(v))
    step = optimizer.minimize(tf.reduce_sum(v))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(penalty)
        assert session.run([v, optimizer.get_slot(v, "accumulator")])[1].tolist() == [0.25, 0.25]
        assert session.run(v).tolist() == [1.0, 2.0]
        session.run(step)
        assert session.run(optimizer.get_slot(v, "accumulator")).tolist() == [1.25, 1.25]


def test_rows_that_these_optimizers_have_no_rule_for():
    table = tf.get_variable("table", initializer=[[1.0], [2.0]], use_resource=True)
    with pytest.raises(NotImplementedError):
        opt.AddSignOptimizer().minimize(tf.reduce_sum(tf.gather(table, [0])))
    plain = tf.get_variable("plain", initializer=[[1.0], [2.0]])
    with pytest.raises(NotImplementedError, match="Sparse gradient updates are not supported"):
        opt.GGTOptimizer().minimize(tf.reduce_sum(tf.gather(plain, [0])), var_list=[plain])


def test_gradients_or_means_that_are_no_numbers_stay_so(executor):
    v = tf.get_variable("v", initializer=[1.0, 2.0, 3.0])
    grad = tf.placeholder(tf.float32, [3])
    for optimizer in (opt.AdaMaxOptimizer(0.5), opt.AddSignOptimizer(0.5), opt.PowerSignOptimizer(0.5)):
        step = optimizer.apply_gradients([(grad, v)])
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(step, {grad: [np.nan, 0.0, 1.0]})
            found = session.run(v)
            assert np.isnan(found[0]) and found[1] == 2.0 and found[2] < 3.0
