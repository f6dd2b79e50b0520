"""Tensors and operations: what a program can ask of them."""

import linecache

import numpy as np
import pytest

import hookloop as tf


def test_text():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    assert str(x) == 'Tensor("x:0", shape=(?, 3), dtype=float32)'
    assert repr(x) == "<tf.Tensor 'x:0' shape=(?, 3) dtype=float32>"
    assert repr(x.op) == "<tf.Operation 'x' type=Placeholder>"
    assert str(tf.placeholder(tf.int32, name="y")) == 'Tensor("y:0", dtype=int32)'
    assert 'op: "Placeholder"' in str(x.op)
    keys = [line.strip() for line in str(tf.concat([x, x], 0).op).splitlines() if "key:" in line]
    assert keys == ['key: "N"', 'key: "T"', 'key: "Tidx"']


def test_set_shape_adds_what_is_known():
    x = tf.placeholder(tf.float32)
    x.set_shape([None, 3])
    x.set_shape([2, None])
    assert x.shape.as_list() == x.get_shape().as_list() == [2, 3]
    with pytest.raises(ValueError, match="Dimension 1 in both shapes must be equal, but are 3 and 4"):
        x.set_shape([2, 4])


def test_a_tensor_is_no_sequence_and_no_bool():
    x = tf.placeholder(tf.float32, [3])
    with pytest.raises(TypeError, match="iterating over `tf.Tensor` is not allowed"):
        iter(x)
    with pytest.raises(TypeError, match="using a `tf.Tensor` as a Python `bool` is not allowed"):
        bool(x)
    with pytest.raises(TypeError, match="len is not well defined for symbolic Tensors"):
        len(x)
    with pytest.raises(NotImplementedError, match="Cannot convert a symbolic Tensor"):
        np.array(x)


def test_tensors_are_compared_and_hashed_by_identity():
    a, b = tf.constant(1), tf.constant(1)
    assert a == a
    assert a != b
    assert {a: 1, b: 2}[b] == 2
    assert a in [b, a]


def test_consumers():
    a = tf.constant(1)
    b = tf.identity(a)
    assert a.consumers() == [b.op]
    assert b.consumers() == []


def test_inputs_can_be_replaced():
    a, b = tf.constant(1), tf.constant(2)
    c = tf.identity(a)
    c.op._update_input(0, b)
    assert c.op.inputs == [b]
    assert a.consumers() == []
    assert b.consumers() == [c.op]


def test_an_operation_knows_the_line_that_made_it():
    x = tf.constant(1)
    file, line = x.op._location
    assert file == __file__
    assert "x = tf.constant(1)" in linecache.getline(file, line)
    assert x.op.traceback[0][2] == "test_an_operation_knows_the_line_that_made_it"


def test_attributes():
    x = tf.constant(1)
    assert x.op.get_attr("dtype") is tf.int32
    with pytest.raises(ValueError, match="Operation 'Const' has no attr named 'foo'"):
        x.op.get_attr("foo")


def test_eval_and_run_need_a_session():
    with pytest.raises(ValueError, match=r"Cannot evaluate tensor using `eval\(\)`: No default session"):
        tf.constant(1).eval()
    with pytest.raises(ValueError, match=r"Cannot execute operation using `run\(\)`: No default session"):
        tf.no_op().run()


def test_eval_and_run_need_a_session_of_their_graph():
    element, operation = tf.constant(1), tf.no_op()
    with tf.Graph().as_default(), tf.Session() as other:
        with pytest.raises(ValueError, match="default session to evaluate tensor: the tensor's graph is different"):
            element.eval()
        with pytest.raises(ValueError, match="given session to evaluate tensor: the tensor's graph is different"):
            element.eval(session=other)
        with pytest.raises(
            ValueError, match="default session to execute operation: the operation's graph is different"
        ):
            operation.run()
        with pytest.raises(ValueError, match="given session to execute operation: the operation's graph is different"):
            operation.run(session=other)


def test_users_may_note_things_on_tensors():
    x = tf.constant(1)
    x.note = "mine"
    assert x.note == "mine"


def test_who_takes_a_tensor_twice_is_named_twice():
    x = tf.constant(1.0)
    y = tf.multiply(x, x, name="y")
    z = tf.add(x, 1.0, name="z")
    assert x.consumers() == [y.op, y.op, z.op]


def test_names_may_be_bytes():
    assert tf.constant(1.0, name=b"c").name == "c:0" and tf.identity(1.0, name=b"i").name == "i:0"
    with tf.name_scope(b"s") as scope:
        assert scope == "s/"


def test_a_reference_hashes_by_identity():
    for x, y in [(tf.constant(1.0), tf.constant(1.0)), (tf.Variable(1.0), tf.Variable(1.0))]:
        reference = x.experimental_ref()
        assert reference.deref() is x and repr(reference) == f"<Reference wrapping {x!r}>"
        assert {reference: 1}[x.experimental_ref()] == 1 and reference not in (y.experimental_ref(), x, None)


def test_programs_have_a_set_of_the_operators(monkeypatch):
    monkeypatch.setattr(tf.Tensor, "OVERLOADABLE_OPERATORS", set(tf.Tensor.OVERLOADABLE_OPERATORS))
    operators = tf.Tensor.OVERLOADABLE_OPERATORS
    assert {"__eq__", "__ne__", "__add__", "__getitem__"} <= operators
    operators.difference_update({"__eq__", "__ne__"})
    assert all(callable(getattr(tf.Tensor, name)) for name in operators | {"__eq__", "__ne__"})
