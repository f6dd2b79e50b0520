"""Names that libraries import by the paths of TensorFlow's files, and what of them is at the top."""

from collections import namedtuple
from pathlib import Path

import pytest

import hookloop as tf

Point = namedtuple("Point", "y x")


def test_what_a_model_is_made_for():
    from hookloop.python.saved_model.model_utils import mode_keys

    assert mode_keys.EstimatorModeKeys is tf.estimator.ModeKeys
    assert [tf.estimator.ModeKeys.TRAIN, tf.estimator.ModeKeys.EVAL, tf.estimator.ModeKeys.PREDICT] == [
        "train",
        "eval",
        "infer",
    ]


def test_tensors_made_of_several_and_what_they_are_made_of():
    from hookloop.python.framework import composite_tensor

    few = tf.IndexedSlices(tf.zeros([2]), tf.zeros([2], tf.int32))
    whole = tf.IndexedSlices(few.values, few.indices, tf.constant([3]))
    assert isinstance(few, composite_tensor.CompositeTensor)
    assert not isinstance(few.values, composite_tensor.CompositeTensor)
    replaced = composite_tensor.replace_composites_with_components
    assert replaced(few) == (few.values, few.indices) and replaced(1) == 1
    assert replaced({"a": [whole, 2]}) == {"a": [(whole.values, whole.indices, whole.dense_shape), 2]}


def test_what_is_a_namedtuple():
    from hookloop.python.util import nest

    class Inherited(Point):
        pass

    class Handmade(tuple):
        _fields = ("a",)

    class Numbered(tuple):
        _fields = (1,)

    values = [Point(1, 2), Inherited(1, 2), Handmade((1,)), Numbered((1,)), (1,), [1], Point]
    assert [nest._is_namedtuple(value) for value in values] == [True] * 3 + [False] * 4
    assert [nest._is_namedtuple(value, strict=True) for value in values] == [True, False, True] + [False] * 4


def test_files_beside_a_program():
    from hookloop.python.platform import resource_loader

    here = Path(__file__)
    assert resource_loader.get_data_files_path() == tf.resource_loader.get_data_files_path() == str(here.parent)
    assert tf.resource_loader.get_path_to_datafile("a/b") == str(here.parent / "a/b")
    assert tf.resource_loader.load_resource(str(here)) == here.read_bytes()
    assert (Path(tf.resource_loader.get_root_dir_with_all_resources()) / "session.py").exists()
    assert tf.resource_loader.load_resource("session.py")
    assert tf.resource_loader.readahead_file_path("/a/b", "1M") == "/a/b"
    with pytest.raises(FileNotFoundError, match="no-such-file"):
        tf.resource_loader.load_resource("/no-such-file")


def test_functions_that_are_not_to_be_converted_stay_what_they_are():
    from hookloop.python.autograph.impl import api

    for decorator in (
        tf.autograph.experimental.do_not_convert,
        tf.autograph.experimental.do_not_convert(),
        api.do_not_convert,
    ):
        assert decorator(lambda x: x + 1)(1) == 2
