"""`tf.nest`: the leaves of nested structures, and structures made of leaves."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import hookloop as tf

Point = namedtuple("Point", ["x", "y"])
nest = tf.nest


def test_leaves_come_in_order_those_of_dictionaries_by_key():
    assert nest.flatten([1, (2, [3]), {"b": 5, "a": 4}, Point(6, [7])]) == [1, 2, 3, 4, 5, 6, 7]
    assert nest.flatten("text") == ["text"] and nest.flatten(None) == [None] and nest.flatten([]) == []
    assert nest.flatten(np.ones(2))[0].tolist() == [1, 1]


@pytest.mark.parametrize(
    "structure", [[1, 2], (1, [2]), {"b": [1], "a": 2}, Point(1, (2, 3)), OrderedDict([("z", 1), ("y", [2, 3])])]
)
def test_leaves_are_packed_in_the_form_that_they_came_from(structure):
    packed = nest.pack_sequence_as(structure, nest.flatten(structure))
    assert packed == structure and type(packed) is type(structure)
    if isinstance(structure, dict):
        assert list(packed) == list(structure)


def test_keys_without_an_order_are_refused():
    with pytest.raises(TypeError, match="nest only supports dicts with sortable keys"):
        nest.flatten({1: "a", "b": 2})


def test_one_leaf_packed_as_one_is_itself():
    assert nest.pack_sequence_as("anything", [5]) == 5


def test_what_cannot_be_packed():
    with pytest.raises(TypeError, match="flat_sequence must be a sequence"):
        nest.pack_sequence_as([1, 2], 3)
    with pytest.raises(ValueError, match=r"Structure is a scalar but len\(flat_sequence\) == 2 > 1"):
        nest.pack_sequence_as(1, [3, 4])
    with pytest.raises(ValueError, match=r"Structure had 2 elements, but flat_sequence had 3 elements.*\[1, \[2\]\]"):
        nest.pack_sequence_as([1, [2]], [3, 4, 5])


def test_a_function_of_the_leaves_of_several_structures():
    assert nest.map_structure(lambda a: -a, {"a": 1, "b": (2, [3])}) == {"a": -1, "b": (-2, [-3])}
    sums = nest.map_structure(lambda a, b: a + b, Point(1, [2]), Point(10, [20]))
    assert sums == Point(11, [22]) and type(sums) is Point
    assert nest.map_structure(lambda a, b: a + b, [1, 2], (10, 20), check_types=False) == [11, 22]


def test_what_cannot_be_mapped():
    with pytest.raises(TypeError, match="func must be callable, got: 3"):
        nest.map_structure(3, [1])
    with pytest.raises(ValueError, match="Must provide at least one structure"):
        nest.map_structure(abs)
    with pytest.raises(TypeError, match="don't have the same sequence type"):
        nest.map_structure(max, [1, 2], (1, 2))
    with pytest.raises(ValueError, match="don't have the same"):
        nest.map_structure(max, [1, 2], [1, 2], [1, 2, 3])


def test_structures_of_one_form():
    nest.assert_same_structure([1, (2, {"a": 3})], ["x", (None, {"a": "y"})])
    nest.assert_same_structure(1, "one")
    nest.assert_same_structure([1, 2], (1, 2), check_types=False)
    nest.assert_same_structure(OrderedDict(a=1), {"a": 2})
    nest.assert_same_structure(Point(1, 2), namedtuple("Point", ["x", "y"])(3, 4))


def test_structures_of_different_forms():
    with pytest.raises(
        ValueError, match='Substructure "type=list str=.1." is a sequence, while substructure "type=int str=1" is not'
    ):
        nest.assert_same_structure([[1], 2], [1, 2])
    with pytest.raises(ValueError, match="don't have the same number of elements"):
        nest.assert_same_structure([[1, 2], 3], [[1, 2, 3], 4])
    with pytest.raises(TypeError, match="don't have the same sequence type"):
        nest.assert_same_structure([1, 2], (1, 2))
    with pytest.raises(TypeError, match="don't have the same sequence type"):
        nest.assert_same_structure(Point(1, 2), namedtuple("Place", ["x", "y"])(1, 2))
    with pytest.raises(ValueError, match="don't have the same set of keys"):
        nest.assert_same_structure({"a": 1}, {"b": 1})
    with pytest.raises(ValueError, match=r"(?s)Entire first structure:\n\[\.\]\nEntire second structure:\n\[\., \.\]"):
        nest.assert_same_structure([1], [1, 2])


def test_other_arguments_of_a_map_are_refused():
    with pytest.raises(
        ValueError, match="Only valid keyword arguments are `check_types` and `expand_composites`, not: `foo`"
    ):
        tf.nest.map_structure(lambda x: x, [1], foo=1)
    assert tf.nest.map_structure(lambda x, y: x + y, [1], (2,), check_types=False, expand_composites=True) == [3]
