"""Elements that may be there or not, and the structures of elements; names and texts are TensorFlow 1.15's."""

import pickle

import numpy as np
import pytest

import hookloop as tf

Dataset = tf.data.Dataset
experimental = tf.data.experimental
INT = tf.TensorSpec([], tf.int64)


def test_the_next_element_or_none(executor):
    iterator = Dataset.range(2).map(lambda x: (x, {"a": x + 1})).make_initializable_iterator()
    following = experimental.get_next_as_optional(iterator)
    there, (x, rest) = following.has_value(), following.get_value()
    assert following.value_structure == (INT, {"a": INT})
    assert [t.name for t in (there, x, rest["a"])] == ["OptionalHasValue:0", "OptionalGetValue:0", "OptionalGetValue:1"]
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="iterator has not been initialized"):
            session.run(there)
        session.run(iterator.initializer)
        assert session.run([there, x, rest]) == [True, 0, {"a": 1}]
        assert session.run([there, x, rest]) == [True, 1, {"a": 2}]
        assert not session.run(there)
        with pytest.raises(tf.errors.InvalidArgumentError, match="The given optional does not have a value."):
            session.run([there, x])


def test_optionals_of_values_and_of_nothing(executor):
    some = experimental.Optional.from_value((tf.constant(1.5), tf.constant(["a", "b"])))
    none = experimental.Optional.none_from_structure(some.value_structure)
    assert some._variant_tensor.op.name == "optional" and none._variant_tensor.op.name == "OptionalNone"
    assert none.value_structure == (tf.TensorSpec([], tf.float32), tf.TensorSpec([2], tf.string))
    with tf.Session() as session:
        number, texts = session.run(some.get_value())
        assert (number, texts.tolist()) == (1.5, [b"a", b"b"])
        assert session.run([some.has_value(), none.has_value()]) == [True, False]
        with pytest.raises(tf.errors.InvalidArgumentError, match="The given optional does not have a value."):
            session.run(none.get_value())


def test_structures_of_elements():
    dataset = Dataset.range(3).map(lambda x: (x, {"a": tf.stack([x, x])}))
    assert dataset.element_spec == (INT, {"a": tf.TensorSpec([2], tf.int64)})
    assert dataset.make_one_shot_iterator().element_spec == dataset.element_spec
    assert experimental.get_structure(dataset) == dataset.element_spec
    window = Dataset.range(3).window(2).element_spec
    assert repr(window) == "DatasetSpec(TensorSpec(shape=(), dtype=tf.int64, name=None), TensorShape([]))"
    assert (
        window == tf.data.DatasetSpec(INT) == experimental.DatasetStructure(experimental.TensorStructure(tf.int64, []))
    )
    assert window.is_compatible_with(Dataset.range(7)) and not window.is_compatible_with(dataset)
    assert repr(experimental.OptionalStructure(INT)) == "OptionalSpec(TensorSpec(shape=(), dtype=tf.int64, name=None),)"
    assert experimental.OptionalStructure(INT).is_compatible_with(
        experimental.Optional.from_value(tf.constant(1, tf.int64))
    )
    with pytest.raises(TypeError, match="must be a Dataset or Iterator object"):
        experimental.get_structure(3)
    with pytest.raises(TypeError, match="expected a tf.TensorSpec or a tf.data.DatasetSpec, got 3"):
        experimental.Optional.none_from_structure(3)


def test_optionals_of_other_structures_are_not_compatible():
    pair = experimental.OptionalStructure((INT, INT))
    assert pair.is_compatible_with(experimental.OptionalStructure((INT, INT)))
    assert not pair.is_compatible_with(experimental.OptionalStructure([INT, INT, INT]))
    assert not pair.is_compatible_with(experimental.OptionalStructure({"a": INT, "b": INT}))
    assert not pair.is_compatible_with(experimental.OptionalStructure(INT))
    assert not pair.is_compatible_with(INT)


def test_what_stands_for_no_dataset():
    for value in (tf.constant(1.0), tf.stack([experimental.to_variant(tf.data.Dataset.range(2))] * 2)):
        with pytest.raises(TypeError, match="expected a scalar of type variant, got "):
            experimental.from_variant(value, INT)


def test_what_is_known_of_a_tensor():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    spec = tf.TensorSpec.from_tensor(x)
    assert repr(spec) == "TensorSpec(shape=(?, 3), dtype=tf.float32, name='x')"
    assert (spec.shape.as_list(), spec.dtype, spec.name) == ([None, 3], tf.float32, "x")
    assert spec == tf.TensorSpec([None, 3], name="x") != tf.TensorSpec([None, 3])
    assert len({spec, tf.TensorSpec([None, 3], name="x"), tf.TensorSpec([2, 3])}) == 2
    assert tf.TensorSpec([2, 3]).is_compatible_with(x) and not tf.TensorSpec([2, 4]).is_compatible_with(x)
    assert tf.TensorSpec.from_spec(spec, "y").name == "y"
    assert tf.TensorSpec([2, 3]).most_specific_compatible_type(tf.TensorSpec([4, 3])) == tf.TensorSpec([None, 3])
    assert tf.TensorSpec([2]).most_specific_compatible_type(tf.TensorSpec([4, 3])).shape.ndims is None
    with pytest.raises(ValueError, match="Types are not compatible"):
        spec.most_specific_compatible_type(tf.TensorSpec([2, 3], tf.int32))
    with pytest.raises(ValueError, match="should be a tf.Tensor"):
        tf.TensorSpec.from_tensor(3)
    window = tf.data.DatasetSpec(INT)
    assert window.most_specific_compatible_type(tf.data.DatasetSpec(INT)) == window
    with pytest.raises(ValueError, match="No TypeSpec is compatible with both"):
        window.most_specific_compatible_type(tf.data.DatasetSpec(spec))
    with pytest.raises(TypeError, match="No TypeSpec is compatible with both"):
        window.most_specific_compatible_type(spec)


def test_two_of_one_name_describe_what_has_that_name():
    both = tf.TensorSpec([2, 3], name="x").most_specific_compatible_type(tf.TensorSpec([4, 3], name="x"))
    assert (both.name, both.shape.as_list()) == ("x", [None, 3])
    assert tf.TensorSpec([2], name="x").most_specific_compatible_type(tf.TensorSpec([2], name="y")).name is None


def test_a_tensor_between_bounds():
    bounded = tf.contrib.framework.BoundedTensorSpec
    spec = bounded([2, 3], tf.float32, 0, [1, 2, 3], name="x")
    assert repr(spec) == (
        "BoundedTensorSpec(shape=(2, 3), dtype=tf.float32, name='x', minimum=array(0., dtype=float32), "
        "maximum=array([1., 2., 3.], dtype=float32))"
    )
    with pytest.raises(ValueError, match="read-only"):
        spec.maximum[0] = 5
    assert spec == bounded([2, 3], tf.float32, 0, [1, 2, 3 + 1e-7], name="x")
    assert spec != bounded([2, 3], tf.float32, 0, [1, 2, 4], name="x")
    assert spec != tf.TensorSpec([2, 3], tf.float32, "x") != spec
    assert len({spec, bounded([2, 3], tf.float32, 0, [1, 2, 3], name="x")}) == 1
    assert pickle.loads(pickle.dumps(spec)) == spec == bounded.from_spec(spec)
    assert type(bounded.from_tensor(tf.zeros([2]))) is tf.TensorSpec
    of_type = bounded.from_spec(tf.TensorSpec([2], tf.int32))
    assert (of_type.minimum, of_type.maximum) == (-(2**31), 2**31 - 1)
    assert bounded(None, tf.int32, [0, 1], 2.7).maximum == 2
    with pytest.raises(ValueError, match="minimum and maximum must be provided; but saw 'None' and '3'"):
        bounded([2], tf.float32, None, 3)
    with pytest.raises(ValueError, match=r"maximum is not compatible with shape.*broadcasting: \(2,\) and \(2, 3\)"):
        bounded([2, 3], tf.float32, 0, [1, 2])


def test_a_dataset_from_the_tensor_that_stands_for_it(executor):
    dataset = Dataset.range(3)
    again = experimental.from_variant(experimental.to_variant(dataset), dataset.element_spec)
    element = again.map(lambda x: x + 5).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert [session.run(element) for _ in range(3)] == [5, 6, 7]
    with pytest.raises(TypeError, match="expected a scalar of type variant"):
        experimental.from_variant(tf.constant(1), INT)


def test_a_value_of_several_shapes_in_a_step_that_starts_again(executor):
    """A queue's element of another rank than the last one begins the step again, after the value was made."""
    parts = tuple(tf.py_func(lambda shape=shape: np.ones(shape), [], tf.float64) for shape in ((3,), (2, 2)))
    optional = experimental.Optional.from_value(parts)
    queue, given = tf.FIFOQueue(5, [tf.float32]), tf.placeholder(tf.float32)
    put = queue.enqueue(given)
    with tf.control_dependencies([optional.has_value()]):
        taken = tf.exp(queue.dequeue())
    with tf.Session() as session:
        for shape in ((2,), (2, 2), (), (3,)):
            session.run(put, {given: np.zeros(shape)})
            has, found, value = session.run([optional.has_value(), taken, optional.get_value()[1]])
            assert (bool(has), found.shape, value.shape) == (True, shape, (2, 2))
