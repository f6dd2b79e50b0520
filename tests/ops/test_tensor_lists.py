"""Lists of tensors, which graphs from files have: elements written and read, shapes found, errors."""

import numpy as np
import pytest

import hookloop as tf
from hookloop import raw_ops


def reserve(count, shape=-1, dtype=tf.float32):
    return raw_ops.TensorListReserve(element_shape=shape, num_elements=count, element_dtype=dtype)


def set_item(found, index, item):
    return raw_ops.TensorListSetItem(input_handle=found, index=index, item=item)


def get_item(found, index, shape=-1, dtype=tf.float32):
    return raw_ops.TensorListGetItem(input_handle=found, index=index, element_shape=shape, element_dtype=dtype)


def stack(found, shape=-1, dtype=tf.float32):
    return raw_ops.TensorListStack(input_handle=found, element_shape=shape, element_dtype=dtype)


def test_elements_are_written_and_read(executor):
    found = set_item(set_item(reserve(3), 0, [1.0, 2.0]), 2, [5.0, 6.0])
    rows = stack(found)  # what nobody wrote is zeros
    one = get_item(found, 2, [2])
    assert one.shape.as_list() == [2]
    length = raw_ops.TensorListLength(input_handle=found)
    gathered = raw_ops.TensorListGather(
        input_handle=found, indices=[2, 0], element_shape=[-1], element_dtype=tf.float32
    )
    with tf.Session() as session:
        values = session.run([rows, one, length, gathered])
    expected = [[[1, 2], [0, 0], [5, 6]], [5, 6], 3, [[5, 6], [1, 2]]]
    assert [value.tolist() for value in values] == expected


def test_a_list_is_not_changed_by_what_makes_another_of_it(executor):
    first = raw_ops.TensorListFromTensor(tensor=tf.constant([1, 2]), element_shape=tf.constant([], tf.int32))
    second = set_item(first, 0, 7)
    with tf.Session() as session:
        values = session.run([stack(first, dtype=tf.int32), stack(second, dtype=tf.int32)])
    assert [value.tolist() for value in values] == [[1, 2], [7, 2]]


def test_elements_are_pushed_and_popped(executor):
    found = raw_ops.EmptyTensorList(element_shape=[-1, 2], max_num_elements=-1, element_dtype=tf.float32)
    shape = raw_ops.TensorListElementShape(input_handle=found, shape_type=tf.int64)
    found = raw_ops.TensorListPushBack(input_handle=found, tensor=tf.ones([1, 2]))
    found = raw_ops.TensorListPushBack(input_handle=found, tensor=tf.zeros([3, 2]))
    left, last = raw_ops.TensorListPopBack(input_handle=found, element_shape=-1, element_dtype=tf.float32)
    longer = raw_ops.TensorListResize(input_handle=left, size=2)
    with tf.Session() as session:
        values = session.run([shape, last, raw_ops.TensorListLength(input_handle=longer), get_item(longer, 1, [1, 2])])
    assert [np.asarray(value).tolist() for value in values] == [[-1, 2], [[0, 0]] * 3, 2, [[0, 0]]]


def test_an_empty_list_has_no_rows(executor):
    with tf.Session() as session:
        assert session.run(stack(reserve(0, [3]))).shape == (0, 3)


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: get_item(reserve(3), 3), "Trying to access element 3 in a list with 3 elements"),
        (lambda: get_item(reserve(3), -1), "Trying to access element -1 in a list with 3 elements"),
        (lambda: get_item(reserve(3), 0), "Trying to read an element of a list before it was written, and its shape is not known"),
        (lambda: stack(reserve(0)), "Tried to stack the elements of an empty list whose shape is not known"),
        (
            lambda: stack(set_item(set_item(reserve(2), 0, [1.0]), 1, [1.0, 2.0])),
            r"Tried to stack elements of a list that have different shapes: \[\(1,\), \(2,\)\]",
        ),
        (
            lambda: raw_ops.TensorListPopBack(input_handle=reserve(0), element_shape=-1, element_dtype=tf.float32)[1],
            "Trying to pop from an empty list",
        ),
    ],
)  # fmt: skip
def test_errors(executor, make, text):
    tensor = make()
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(tensor)


def test_no_gradient_goes_through_a_list():
    x = tf.constant([1.0])
    y = get_item(set_item(reserve(1), 0, x), 0)
    with pytest.raises(LookupError, match="TensorListGetItem"):
        tf.gradients(y, x)


@pytest.mark.parametrize(
    "make, text",
    [
        (
            lambda found: set_item(found, 0, tf.zeros([2])),
            r"Tried to set a tensor with incompatible shape at a list index. Item element shape: \[2\] list shape: \[\?,3\]",
        ),
        (
            lambda found: raw_ops.TensorListPushBack(input_handle=found, tensor=tf.zeros([4, 2])),
            r"Tried to append a tensor with incompatible shape to a list. Op element shape: \[4,2\] list shape: \[\?,3\]",
        ),
        (
            lambda found: raw_ops.TensorListResize(input_handle=found, size=-1),
            "TensorListSlice expects size to be non-negative. Got: -1",
        ),
        (
            lambda found: set_item(found, 0, tf.zeros([1, 3], tf.int32)),
            "Invalid data types; op elements int32 but list elements float32",
        ),
        (
            lambda found: raw_ops.TensorListPushBack(input_handle=found, tensor=tf.zeros([1, 3], tf.int64)),
            "Invalid data types; op elements int64 but list elements float32",
        ),
    ],
)
def test_what_does_not_fit_a_list_is_refused(executor, make, text):
    length = raw_ops.TensorListLength(input_handle=make(reserve(2, [-1, 3])))
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(length)


def test_as_many_elements_are_stacked_as_were_said(executor):
    rows = raw_ops.TensorListStack(
        input_handle=reserve(2, [3]), element_shape=[3], element_dtype=tf.float32, num_elements=5
    )
    text = "Operation expected a list with 5 elements but got a list with 2 elements."
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(rows)
