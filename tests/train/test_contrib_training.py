"""`tf.contrib.training`: training operations, gradients on the way, settings, strategies. What TensorFlow 1.15 gives."""

import numpy as np
import pytest

import hookloop as tf

training = tf.contrib.training


@pytest.fixture
def loss():
    w = tf.get_variable("w", [2], initializer=tf.ones_initializer())
    rows = tf.gather(tf.get_variable("e", [3, 2], initializer=tf.ones_initializer()), [0, 2])
    return tf.reduce_sum(tf.square(w), name="loss") + tf.reduce_sum(rows * rows)


def descend():
    return tf.train.GradientDescentOptimizer(0.25)


def test_a_training_operation_trains_and_gives_the_loss(loss, executor):
    mean = tf.get_variable("mean", [], initializer=tf.zeros_initializer(), trainable=False)
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.assign_add(mean, 1.0))
    train_op = training.create_train_op(loss, descend())
    assert train_op.name == "train_op/control_dependency:0"
    assert [item.name for item in tf.get_collection("train_op")] == ["GradientDescent", train_op.name]
    names = [op.name for op in tf.get_default_graph().get_operations()]
    assert {"update_barrier", "control_dependency", "train_op/CheckNumerics"} <= set(names)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert [session.run(train_op) for _ in range(3)] == [6.0, 1.5, 0.375]
        assert session.run([mean, tf.train.get_global_step()]) == [3.0, 3]


def test_gradients_are_changed_and_summarized_on_the_way(loss):
    def halve(pairs):
        return training.multiply_gradients(training.clip_gradient_norms(pairs, 1.0), {"w": 0.5})

    train_op = training.create_train_op(
        loss, descend(), global_step=None, transform_grads_fn=halve, summarize_gradients=True, check_numerics=False
    )
    tags = [summary.op.name for summary in tf.get_collection("summaries")]
    names = ["w_gradient", "w_gradient_norm", "e_gradient", "e_gradient_norm"]
    assert tags == [f"summarize_grads/{name}" for name in names]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train_op)
        w, e = session.run(["w:0", "e:0"])
    np.testing.assert_allclose(w, 1 - 0.25 * 0.5 * np.full(2, 2**-0.5), rtol=1e-6)
    np.testing.assert_allclose(e, 1 - 0.25 * np.outer([0.5, 0, 0.5], [1, 1]), rtol=1e-6)
    assert training.clip_gradient_norms_fn(1.0)([(None, 1)]) == [(None, 1)]


def test_a_loss_that_is_not_finite_is_an_error(loss):
    train_op = training.create_train_op(loss / 0.0, descend())
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match="LossTensor is inf or nan"):
            session.run(train_op)


def test_updates_that_are_left_out_are_told_of(loss, caplog):
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.no_op())
    training.create_train_op(loss, descend(), update_ops=[])
    assert "update_ops in create_train_op does not contain all the update_ops in GraphKeys.UPDATE_OPS" in caplog.text


def test_what_is_refused(loss):
    frozen = tf.get_variable("frozen", [], trainable=False)
    with pytest.raises(AssertionError, match="frozen:0 is not trainable"):
        training.create_train_op(loss, descend(), variables_to_train=[frozen])
    with pytest.raises(AssertionError, match="there is no variable to train"):
        training.create_train_op(loss, descend(), variables_to_train=[])
    for pairs, factors, text in (
        ((), {"w": 1.0}, "`grads_and_vars` must be a list."), ([], {}, "`gradient_multipliers` is empty."),
        ([], [1.0], "`gradient_multipliers` must be a dict."), ([(None, frozen)], {frozen: 2.0}, "Requested multiple of `None` gradient."),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=text):
            training.multiply_gradients(pairs, factors)


def test_the_training_loop(tmp_path, loss):
    train_op = training.create_train_op(loss, descend())
    hooks = [tf.train.StopAtStepHook(last_step=3)]
    assert training.train(train_op, str(tmp_path), hooks=hooks) == 0.375
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("model.ckpt-3")
    for arguments, text in (({}, "save_summaries_steps"), ({"save_summaries_steps": None}, "save_checkpoint_secs")):
        with pytest.raises(ValueError, match=f"logdir cannot be None when {text} is not None"):
            training.train(train_op, None, **arguments)


# --- settings -------------------------------------------------------------------------------------------------------


def settings():
    return training.HParams(rate=0.1, units=[8, 16], name="a", flag=True, n=3)


def test_settings_from_text():
    hparams = settings().parse("rate=1e-3,units=[1, 2],name=foo,flag=0")
    assert hparams.values() == {"rate": 0.001, "units": [1, 2], "name": "foo", "flag": False, "n": 3}
    assert str(hparams) == "rate=0.001,units=[1, 2],name=foo,flag=False,n=3"
    assert repr(hparams) == "HParams([('flag', False), ('n', 3), ('name', 'foo'), ('rate', 0.001), ('units', [1, 2])])"
    found = training.parse_values("a=1,b[2]=3.5,c=[x,y]", {"a": int, "b": float, "c": str})
    assert found == {"a": 1, "b": {2: 3.5}, "c": ["x", "y"]}
    assert training.parse_values("a=1,b=2", {"a": int}, ignore_unknown=True) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("rate=x", "Could not parse hparam 'rate' of type 'float' with value 'x' in rate=x"),
        ("x=1", "Unknown hyperparameter type for x"),
        ("rate", "Malformed hyperparameter value: rate"),
        ("units[0]=3", "Must pass a list for multi-valued parameter: units."),
        ("rate=1,rate=2", "Multiple assignments to variable 'rate' in rate=1,rate=2"),
        ("units=[1],units[0]=1", "Multiple assignments to variable 'units' in units=[1],units[0]=1"),
        ("units[0]=1,units[0]=2", "Multiple assignments to variable 'units[0]' in units[0]=1,units[0]=2"),
        ("units[0]=[1]", "Assignment of a list to a list index."),
        ("flag=maybe", "Could not parse hparam 'flag' of type 'bool' with value 'maybe' in flag=maybe"),
        ("rate=[1]", "Must not pass a list for single-valued parameter: rate"),
    ],
)
def test_settings_that_make_no_sense(text, error):
    with pytest.raises(ValueError) as raised:
        settings().parse(text)
    assert str(raised.value) == error


def test_settings_keep_their_types():
    hparams = settings()
    hparams.set_hparam("rate", 3)
    assert hparams.rate == 3.0 and type(hparams.rate) is float
    for name, value in (("n", 1.5), ("n", True), ("name", 3), ("flag", 1)):
        with pytest.raises(ValueError, match=f"Could not cast hparam '{name}' of type"):
            hparams.set_hparam(name, value)
    with pytest.raises(KeyError, match="nothing"):
        hparams.set_hparam("nothing", 1)
    assert (hparams.get("n"), hparams.get("n", 2), hparams.get("nothing", 7)) == (3, 3, 7)
    for name, default in (("n", "x"), ("units", 3)):
        with pytest.raises(ValueError, match=f"Hparam '{name}' of type .* is incompatible with default={default}"):
            hparams.get(name, default)


def test_settings_are_added_and_removed():
    hparams = settings()
    assert hparams.parse_json('{"n": 9}').to_json(sort_keys=True) == (
        '{"flag": true, "n": 9, "name": "a", "rate": 0.1, "units": [8, 16]}'
    )
    with pytest.raises(ValueError, match="Hyperparameter name is reserved: n"):
        hparams.add_hparam("n", 3)
    with pytest.raises(ValueError, match="Multi-valued hyperparameters cannot be empty: more"):
        hparams.add_hparam("more", [])
    hparams.del_hparam("n")
    assert "n" not in hparams and "rate" in hparams
    hparams.set_model_structure("deep")
    assert hparams.get_model_structure() == "deep"
    with pytest.raises(ValueError, match="HParamDef messages are not read"):
        training.HParams(hparam_def=object())


# --- strategies -----------------------------------------------------------------------------------------------------


def test_variables_go_where_the_fewest_bytes_are():
    strategy = training.GreedyLoadBalancingStrategy(3, training.byte_size_load_fn)
    with tf.device(tf.train.replica_device_setter(ps_tasks=3, ps_strategy=strategy)):
        shapes = [[10], [3, 3], [], [20], [1], [7]]
        devices = [tf.get_variable(f"v{i}", shape).device for i, shape in enumerate(shapes)]
    assert devices == [f"/job:ps/task:{task}" for task in (0, 1, 2, 2, 1, 0)]
    with pytest.raises(ValueError, match="must have a single output"):
        training.byte_size_load_fn(tf.no_op())
    with pytest.raises(ValueError, match="is not fully defined"):
        training.byte_size_load_fn(tf.placeholder(tf.float32, [None]).op)


def test_variables_go_where_their_names_send_them():
    strategy = training.RandomStrategy(5, seed=3)
    assert [strategy(tf.no_op(name=name)) for name in "abcdefgh"] == [4, 3, 3, 2, 1, 2, 3, 0]


# --- tf.estimator.experimental --------------------------------------------------------------------------------------


class Estimator:
    def __init__(self, directory, is_chief):
        self.model_dir = str(directory)
        self.config = type("Config", (), {"is_chief": is_chief})


def test_a_worker_ends_once_the_last_checkpoint_is_written(tmp_path, monkeypatch):
    from hookloop.estimator import stop_at_checkpoint_step_hook

    make = tf.estimator.experimental.make_stop_at_checkpoint_step_hook
    step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    waits, steps = [], 0
    hook = make(Estimator(tmp_path, False), last_step=3, wait_after_file_check_secs=7)
    saver = tf.train.Saver()
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        monkeypatch.setattr(
            stop_at_checkpoint_step_hook.time, "sleep",
            lambda seconds: (waits.append(seconds), steps >= 3 and saver.save(session, str(tmp_path / "model"))),
        )  # fmt: skip
        while not session.should_stop():
            steps = int(session.run(step))
            assert steps < 9
    assert set(waits) == {7}
    assert 3 <= tf.train.load_variable(str(tmp_path), "global_step") <= steps
    assert isinstance(make(Estimator(tmp_path, True), 3), tf.train.StopAtStepHook)


def test_such_a_worker_needs_a_step_and_a_directory(tmp_path):
    make = tf.estimator.experimental.make_stop_at_checkpoint_step_hook
    with pytest.raises(ValueError, match="last_step must be specified."):
        make(Estimator(tmp_path, False), None)
    estimator = Estimator(tmp_path, False)
    estimator.model_dir = None
    with pytest.raises(ValueError, match="model_dir must be specified."):
        make(estimator, 3)
    with pytest.raises(RuntimeError, match="Global step should be created to use StopAtCheckpointStepHook."):
        make(Estimator(tmp_path, False), 3).begin()
