"""`tf.Module`: names, scopes, and what belongs to a module, as in TensorFlow 1.15."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import hookloop as tf

Pair = namedtuple("Pair", "q r")


class Dense(tf.Module):
    def __init__(self, inputs, units, name=None):
        super().__init__(name=name)
        self.w = tf.Variable(tf.ones([inputs, units]), name="w")
        self.b = tf.Variable(tf.zeros([units]), name="b")
        self.factor = tf.constant(3.0)

    def __call__(self, x):
        return tf.matmul(x, self.w) + self.b


class MLPNet2(tf.Module):
    def __init__(self, name=None):
        super().__init__(name=name)
        self.layers = []
        with self.name_scope:
            self.layers.append(Dense(2, 3))
            self.layers.append(Dense(3, 1, name="last"))
        self.extra = {"z": tf.Variable(1.0, name="z"), "a": tf.Variable(2.0, name="a", trainable=False)}

    @tf.Module.with_name_scope
    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    @tf.Module.with_name_scope
    def make(self, value):
        """What it says."""
        return tf.Variable(value, name="v")


def names(values):
    return [value.name for value in values]


def test_what_a_module_and_the_modules_in_it_have():
    net = MLPNet2()
    inner = ["mlp_net2/b:0", "mlp_net2/w:0", "mlp_net2/b_1:0", "mlp_net2/w_1:0"]
    assert names(net.variables) == ["a:0", "z:0", *inner]
    assert names(net.trainable_variables) == ["z:0", *inner]
    assert [(m.name, m.name_scope.name) for m in net.submodules] == [
        ("dense", "mlp_net2/dense/"),
        ("last", "mlp_net2/last/"),
    ]
    net.extra["k"] = tf.Variable(1.0, name="late")
    assert names(net.variables)[:3] == ["a:0", "late:0", "z:0"]


def test_what_methods_make_stands_in_the_scope_of_the_module(executor):
    net = MLPNet2()
    y = net(tf.ones([1, 2]))
    assert y.name == "mlp_net2/add_1:0" and net(tf.ones([1, 2])).name == "mlp_net2/add_3:0"
    assert net.make(1.0).name == "mlp_net2/v:0" and net.make.__doc__ == "What it says."
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(y).tolist() == [[6.0]]
    second = MLPNet2()
    assert second.name == "mlp_net2" and second.name_scope.name == "mlp_net2_1/"
    with tf.name_scope("outer"):
        assert MLPNet2("given").name_scope.name == "outer/given/"


@pytest.mark.parametrize(
    "kind, name",
    [("HTTPServer", "http_server"), ("MyNN", "my_nn"), ("A", "a"), ("ResNet50V2", "res_net50_v2"), ("aB", "a_b"),
     ("NNLayer3D", "nn_layer3_d"), ("already_snake", "already_snake")],
)  # fmt: skip
def test_a_module_is_named_after_its_class(kind, name):
    assert type(kind, (tf.Module,), {})().name == name


@pytest.mark.parametrize("name", ["1a", "a/b", "", "a b", "a.b", "x-1"])
def test_names_that_are_no_identifiers_are_refused(name):
    with pytest.raises(ValueError, match="is not a valid module name. Module names must be valid Python identifiers"):
        Dense(1, 1, name=name)


def test_each_leaf_is_given_once_and_paths_each_time():
    class Shared(tf.Module):
        def __init__(self):
            super().__init__()
            self.a = Dense(1, 1)
            self.b = self.a
            self.t = (self.a, [tf.Variable(5.0, name="five")])

    shared = Shared()
    shared.me = shared
    assert names(shared.variables) == ["five:0", "b:0", "w:0"] and shared.submodules == (shared.a,)
    del shared.me
    found = shared._flatten(predicate=lambda value: isinstance(value, tf.Variable), with_path=True)
    assert [path for path, _ in found] == [
        ("t", 1, 0), ("a", "b"), ("a", "w"), ("b", "b"), ("b", "w"), ("t", 0, "b"), ("t", 0, "w"),
    ]  # fmt: skip
    found = shared._flatten(recursive=False, predicate=lambda value: isinstance(value, tf.Variable))
    assert names(found) == ["five:0"]


def test_structures_are_gone_through_and_some_attributes_are_not():
    class Mixed(tf.Module):
        _TF_MODULE_IGNORED_PROPERTIES = tf.Module._TF_MODULE_IGNORED_PROPERTIES | {"hidden"}

        def __init__(self):
            super().__init__()
            self.pair = Pair(tf.Variable(1.0, name="q"), tf.Variable(1.0, name="r"))
            self.by_name = OrderedDict([("b", tf.Variable(1.0, name="ob")), ("a", tf.Variable(1.0, name="oa"))])
            self.hidden = tf.Variable(1.0, name="h")

    assert names(Mixed().variables) == ["oa:0", "ob:0", "q:0", "r:0"]


def test_checkpoints_of_modules(tmp_path, executor):
    dense = Dense(2, 2)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(dense.w.assign([[1.0, 2.0], [3.0, 4.0]]))
        path = tf.train.Checkpoint(m=dense).save(str(tmp_path / "x"), session=session)
        assert {name for name, _ in tf.train.list_variables(path)} >= {
            "m/b/.ATTRIBUTES/VARIABLE_VALUE",
            "m/w/.ATTRIBUTES/VARIABLE_VALUE",
        }
        other = Dense(2, 2)
        tf.train.Checkpoint(m=other).restore(path).run_restore_ops(session)
        np.testing.assert_array_equal(session.run(other.w), [[1.0, 2.0], [3.0, 4.0]])


def test_what_is_no_dependency_belongs_to_the_module_but_to_no_checkpoint():
    class Aside(tf.Module):
        def __init__(self):
            super().__init__()
            self.followed = tf.Variable(1.0, name="z")
            self.aside = self._no_dependency(tf.Variable(2.0, name="r"))
            self.plain = self._no_dependency([1, 2])

    module = Aside()
    assert [dependency.name for dependency in module._checkpoint_dependencies] == ["followed"]
    assert names(module.variables) == ["r:0", "z:0"] and type(module.plain) is list
    assert tf.Variable(1.0)._no_dependency(module.plain) is module.plain
