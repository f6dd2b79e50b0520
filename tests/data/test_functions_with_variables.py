"""Variables that functions of datasets use: their values are those of the iterator's start, and they cannot be changed."""

import pytest

import hookloop as tf


@pytest.fixture(params=[False, True], ids=["reference variable", "resource variable"])
def variable(request):
    return tf.get_variable("v", [], tf.int64, initializer=tf.constant_initializer(7), use_resource=request.param)


def test_a_variable_is_read_when_the_iterator_starts(variable, executor):
    iterator = tf.data.Dataset.range(4).map(lambda x: x + variable).make_initializable_iterator()
    element, more = iterator.get_next(), variable.assign_add(100)
    with tf.Session() as session:
        session.run(variable.initializer)
        session.run(iterator.initializer)
        first = session.run(element)
        session.run(more)
        assert [first, session.run(element)] == [7, 8]
        session.run(iterator.initializer)
        assert session.run(element) == 107


@pytest.mark.parametrize("method", ["map", "filter"])
def test_an_assignment_is_refused_where_the_dataset_is_made(variable, method):
    def function(x):
        with tf.control_dependencies([tf.assign_add(variable, 1)]):
            return x > 1

    text = (
        rf"The function of Dataset.{method}\(\) assigns to the variable 'v': a function of a dataset can read variables"
    )
    with pytest.raises(tf.errors.UnimplementedError, match=text):
        getattr(tf.data.Dataset.range(4), method)(function)
