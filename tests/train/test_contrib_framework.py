"""`tf.contrib.framework`: arguments for scopes, variables found and assigned, checked shapes. What TensorFlow 1.15 gives."""

import json
from pathlib import Path

import pytest

import hookloop as tf

from ..fixtures.contrib_framework_program import PROGRAMS, answers

RECORDED = json.loads((Path(__file__).parents[1] / "fixtures" / "contrib_framework.json").read_text())


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_tensorflow_gives(executor, program):
    assert answers(tf, program) == RECORDED[program]


def test_what_is_refused():
    framework = tf.contrib.framework
    with pytest.raises(AssertionError, match="is not decorated with @add_arg_scope"):
        framework.arg_scoped_arguments(len)
    with pytest.raises(ValueError, match=r"is not decorated with @add_arg_scope"), framework.arg_scope([RECORDED.get]):
        pass
    with pytest.raises(ValueError, match="kwargs must be empty"), framework.arg_scope({}, width=1):
        pass
    with pytest.raises(TypeError, match="args must be list and not <class 'int'>"):
        framework.py_func(len, 3)
    with pytest.raises(TypeError, match="kwargs must be dict and not <class 'int'>"):
        framework.py_func(len, kwargs=3)


def test_paths_of_its_files():
    from hookloop.contrib.framework.python.ops import add_arg_scope, variables
    from hookloop.contrib.framework.python.ops.arg_scope import arg_scope_func_key

    framework = tf.contrib.framework
    assert variables.model_variable is framework.model_variable and add_arg_scope is framework.add_arg_scope
    assert arg_scope_func_key(framework.variable) == framework.variable._key_op


def test_paths_of_the_files_of_training():
    from hookloop.contrib.training.python.training import device_setter, evaluation, hparam, training

    public = tf.contrib.training
    assert (
        evaluation.StopAfterNEvalsHook is public.StopAfterNEvalsHook
        and evaluation.evaluate_once is public.evaluate_once
    )
    assert training.create_train_op is public.create_train_op and hparam.HParams is public.HParams
    assert device_setter.byte_size_load_fn is public.byte_size_load_fn


def test_structures_of_which_one_is_shallower():
    nest = tf.contrib.framework.nest
    assert nest.is_sequence([1]) and nest.flatten([[1], 2]) == [1, 2]
    assert nest.map_structure_up_to([0, 0], len, [[1, 2], [3]]) == [2, 1]
