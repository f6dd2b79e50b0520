"""`tf.compat.v2`: TensorFlow 1.15's nodes and values (fixtures/compat_v2.json, by compat_v2_program.py), and what it refuses."""

import inspect
import json
from pathlib import Path

import hookloop.compat.v2.math
import numpy as np
import pytest

import hookloop as tf
import hookloop.compat.v2 as v2
from hookloop.compat.v2.initializers import RandomNormal

from .fixtures.compat_v2_program import EXPRESSIONS, evaluate

RECORDED = json.loads((Path(__file__).parent / "fixtures" / "compat_v2.json").read_text())
NAMESPACES = ["", "debugging", "initializers", "io", "linalg", "math", "nn", "random", "strings", "train"]


@pytest.mark.parametrize("expression", EXPRESSIONS.strip().split("\n"))
def test_nodes_and_values_are_those_of_tensorflow(expression, executor):
    (nodes, values), (wanted_nodes, wanted) = evaluate(tf, expression), RECORDED[expression]
    assert nodes == wanted_nodes
    assert len(values) == len(wanted)
    for value, other in zip(values, wanted):
        if value is None or (value[0] and isinstance(value[0][0], str)):
            assert value == other
        else:
            assert value[1] == other[1]
            np.testing.assert_allclose(value[0], other[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("place", NAMESPACES)
def test_every_name_that_is_listed_is_there(place):
    namespace = getattr(v2, place) if place else v2
    assert len(dir(namespace)) > 5
    for name in dir(namespace):
        value = getattr(namespace, name)
        assert not inspect.isfunction(value) or inspect.getdoc(value), name


def test_names_of_the_first_api_alone_are_not_here():
    assert not hasattr(v2, "placeholder") and not hasattr(v2.nn, "xw_plus_b")
    with pytest.raises(AttributeError, match="^module 'hookloop.compat.v2.nn' has no attribute 'no_such'$"):
        v2.nn.no_such  # noqa: B018
    with pytest.raises(AttributeError, match="^module 'hookloop.compat.v2' has no attribute 'Session'$"):
        v2.Session  # noqa: B018
    assert hookloop.compat.v2.math is v2.math and tf.compat.v2 is v2 and v2.newaxis is None
    assert v2.reduce_max.__name__ == "reduce_max" and v2.config is tf.config


def test_arguments_that_the_second_api_does_not_take():
    with pytest.raises(TypeError, match=r"^reduce_sum\(\): got an unexpected keyword argument 'reduction_indices'$"):
        v2.reduce_sum([1.0], reduction_indices=0)
    with pytest.raises(TypeError, match=r"^expand_dims\(\): missing a required argument: 'axis'$"):
        v2.expand_dims([1.0])
    for function in (v2.nn.dilation2d, v2.nn.erosion2d):
        with pytest.raises(ValueError, match="Data formats other than NHWC are not yet supported"):
            function(np.ones([1, 2, 2, 1]), np.ones([1, 1, 1]), [1] * 4, "SAME", "NCHW", [1] * 4)
    with pytest.raises(ValueError, match="ksize should be of length 1, 2 or 4 but was 3"):
        v2.nn.max_pool_with_argmax(np.ones([1, 4, 4, 1]), [1, 2, 3], 2, "SAME")
    with pytest.raises(ValueError, match="name for name_scope must be a string"):
        v2.name_scope(None)
    assert v2.name_scope("a").name == "a"


def test_a_variable_is_a_resource():
    v = v2.Variable(1.0, name="v")
    assert type(v) is type(tf.Variable(1.0, use_resource=True)) and isinstance(tf.Variable(1.0), v2.Variable)
    assert issubclass(tf.Variable, v2.Variable) and not issubclass(int, v2.Variable)
    assert v2.Variable.SaveSliceInfo is tf.Variable.SaveSliceInfo
    assert v in tf.trainable_variables()


def test_initializers(executor):
    again = RandomNormal.from_config({**RandomNormal(1.0, seed=3).get_config(), "dtype": "float32"})
    assert again.get_config() == {"mean": 1.0, "stddev": 0.05, "seed": 3}
    with tf.Session() as session:
        first, second = session.run([again([4]), again([4], tf.float32)])
        assert first.tolist() == second.tolist()
        assert session.run(v2.initializers.VarianceScaling(seed=1)([2, 3], tf.float64)).dtype == np.float64
    for refused, text in (
        (lambda: v2.initializers.Zeros()([2], tf.string), "Expected numeric or boolean dtype, got <dtype: 'string'>"),
        (lambda: again([2], tf.int32), "Expected floating point type, got <dtype: 'int32'>"),
        (lambda: v2.initializers.RandomUniform()([2], tf.bool), "Expected float or integer dtype, got <dtype: 'bool'>"),
        (lambda: v2.initializers.VarianceScaling(-1.0), "`scale` must be positive float"),
    ):
        with pytest.raises(ValueError, match=text):
            refused()
    with pytest.raises(NotImplementedError):
        v2.initializers.Initializer()([2])
