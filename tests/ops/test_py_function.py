"""Functions of tensors that have values: results, gradients, how often they are called, errors."""

import gc
import weakref

import numpy as np
import pytest

import hookloop as tf


def run(fetches, feeds=None):
    with tf.Session() as session:
        return session.run(fetches, feeds)


def log_huber(x, m):
    """From TensorFlow's documentation: a branch that values decide."""
    if tf.abs(x) <= m:
        return x**2
    return m**2 * (1 - 2 * tf.log(m) + tf.log(x**2))


def test_values_decide_and_gradients_follow(executor):
    x, m = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    y = tf.py_function(log_huber, [x, m], tf.float32)
    assert y.op.type == "EagerPyFunc" and y.shape.ndims is None
    slopes = tf.gradients(y, [x, m])
    assert slopes[0].shape == ()
    with tf.Session() as session:
        for a, b in ((1.0, 2.0), (3.0, 2.0), (1.0, 2.0)):
            value, (by_x, by_m) = session.run([y, slopes], {x: a, m: b})
            if abs(a) <= b:
                assert (value, by_x, by_m) == (a * a, 2 * a, 0)
            else:
                logs = np.log(a * a) - 2 * np.log(b)
                np.testing.assert_allclose(
                    [value, by_x, by_m], [b * b * (1 + logs), 2 * b * b / a, 2 * b * logs], rtol=1e-5
                )


def test_what_a_tensor_is_in_a_function(executor):
    seen = {}

    def function(x, n, text):
        assert tf.executing_eagerly()
        seen["values"] = (x.numpy(), n.numpy(), text.numpy())
        seen["numbers"] = (float(x[0]), int(n), bool(n > 2), range(5)[n], len(x), [float(v) for v in x])
        seen["array"] = np.asarray(x) * 2
        seen["text"] = (repr(n), str(n), f"{n:03d}", f"{n}")
        seen["shape"] = x.shape.as_list()
        x.numpy()[0] = 9  # is a copy
        return x

    x = tf.placeholder(tf.float32, [None])
    y = tf.py_function(function, [x, 3, "ab"], tf.float32)
    assert not tf.executing_eagerly()
    assert run(y, {x: [1, 2]}).tolist() == [1, 2]
    values = seen["values"]
    assert values[0].tolist() == [1, 2] and values[1:] == (3, b"ab") and seen["shape"] == [2]
    assert seen["numbers"] == (1.0, 3, True, 3, 2, [1.0, 2.0])
    assert seen["array"].tolist() == [2, 4]
    assert seen["text"] == ("<tf.Tensor: shape=(), dtype=int32, numpy=" + repr(np.int32(3)) + ">",
                            "tf.Tensor(3, shape=(), dtype=int32)", "003", "tf.Tensor(3, shape=(), dtype=int32)")  # fmt: skip


@pytest.mark.parametrize(
    ("function", "dtype", "wanted"),
    [
        (lambda a: a.numpy() * 2, tf.float32, [2, 4]),
        (lambda a: 3, tf.float32, 3),
        (lambda a: np.float64(2.5), tf.float32, 2.5),
        (lambda a: tf.cast(a, tf.int64), tf.int64, [1, 2]),
        (lambda a: (a + 1, [7]), [tf.float32, tf.int32], ([2, 3], [7])),
        (lambda a: b"text", tf.string, b"text"),
        (lambda a: tf.as_string(tf.reduce_sum(a), precision=1), tf.string, b"3.0"),
        (lambda a: a > 1, tf.bool, [False, True]),
        (lambda a: None, [], None),
    ],
)
def test_results(function, dtype, wanted, executor):
    x = tf.placeholder(tf.float32, [None])
    found = run(tf.py_function(function, [x], dtype), {x: [1, 2]})
    if isinstance(wanted, tuple):
        assert [np.asarray(f).tolist() for f in found] == list(wanted)
    else:
        assert (np.asarray(found).tolist() if wanted is not None else found) == wanted


def test_a_step_calls_once_with_its_gradient_too(executor):
    calls = []

    def function(a, b):
        calls.append(1)
        return a * b, a + b

    x, y = tf.placeholder(tf.float32, [2]), tf.placeholder(tf.float32, [2])
    product, total = tf.py_function(function, [x, y], [tf.float32, tf.float32])
    slopes = tf.gradients([3 * product, total], [x, y])
    only_total = tf.gradients(total, x)[0]
    feeds = {x: [1, 2], y: [5, 7]}
    with tf.Session() as session:
        found = session.run([product, slopes], feeds)
        assert len(calls) == 1
        assert [f.tolist() for f in found[1]] == [[16, 22], [4, 7]]
        assert session.run(only_total, feeds).tolist() == [1, 1] and len(calls) == 2
        session.run(product, feeds)
        assert len(calls) == 3


def test_gradients_that_are_not_there(executor):
    x, n = tf.placeholder(tf.float32, [2]), tf.constant(3)
    through_arrays = tf.py_function(lambda a, n: a.numpy() * 2, [x, n], tf.float32)
    assert tf.gradients(through_arrays, n) == [None]
    assert run(tf.gradients(through_arrays, x), {x: [1, 2]})[0].tolist() == [0, 0]
    of_integers = tf.py_function(lambda n: n * 2, [n], tf.int32)
    assert tf.gradients(tf.cast(of_integers, tf.float32), n) == [None]


def test_in_a_loop(executor):
    """Each iteration's gradient is that of its own call."""
    x = tf.placeholder(tf.float32, [])

    def body(i, y):
        y = tf.py_function(lambda a: a * a if a < 10 else a, [y], tf.float32)
        y.set_shape([])
        return i + 1, y

    _, y = tf.while_loop(lambda i, y: i < 4, body, [0, x])
    value, slope = run([y, tf.gradients(y, x)[0]], {x: 2.0})
    assert (value, slope) == (16, 32)


def test_training_through_a_function(executor):
    w = tf.get_variable("w", initializer=[1.0, -2.0])
    loss = tf.py_function(lambda v: tf.reduce_sum(tf.square(v - [3.0, 4.0])), [w], tf.float32)
    loss.set_shape([])
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        assert session.run(w).tolist() == [3, 4]


def test_in_datasets(executor):
    def function(n):
        return n.numpy() ** 2 if n % 2 else tf.negative(n)

    dataset = tf.data.Dataset.range(5).map(lambda n: tf.py_function(function, [n], tf.int64))
    following = tf.data.make_one_shot_iterator(dataset).get_next()
    with tf.Session() as session:
        assert [session.run(following) for _ in range(5)] == [0, 1, -2, 9, -4]


@pytest.mark.parametrize(
    ("function", "dtype", "error", "text"),
    [
        (lambda a: 1 / 0, tf.float32, tf.errors.UnknownError, "ZeroDivisionError: division by zero"),
        (lambda a: int("x"), tf.float32, tf.errors.InvalidArgumentError, "ValueError: invalid literal for int"),
        (lambda a: (a,), [tf.float32] * 2, tf.errors.InvalidArgumentError, "pyfunc_.* returns 1 values, but expects to see 2 val"),
        (lambda a: (a, a), tf.float32, tf.errors.InvalidArgumentError, "pyfunc_.* returns 2 values, but expects to see 1 val"),
        (lambda a: None, tf.float32, tf.errors.InvalidArgumentError, "pyfunc_.* returns 0 values, but expects to see 1 val"),
        (lambda a: tf.cast(a, tf.int32), tf.float32, tf.errors.InvalidArgumentError,
         "Tensor conversion requested dtype float32 for Tensor with dtype int32"),
        (lambda a: tf.check_numerics(tf.log(-a), "bad"), tf.float32, tf.errors.UnknownError, "bad : Tensor had NaN"),
        (lambda a: len(a[0]), tf.int32, tf.errors.InvalidArgumentError, "TypeError: Scalar tensor has no `len\\(\\)`"),
        (lambda a: "text", tf.float32, tf.errors.InvalidArgumentError, "text"),
    ],
)  # fmt: skip
def test_errors(function, dtype, error, text, executor):
    x = tf.placeholder(tf.float32, [2])
    y = tf.py_function(function, [x], dtype)
    with tf.Session() as session:
        with pytest.raises(error, match=text):
            session.run(y, {x: [1, 2]})
        assert session.run(x + 1, {x: [1, 2]}).tolist() == [2, 3]


def test_what_is_no_function():
    with pytest.raises(ValueError, match="Expected func to be callable, got func of type <class 'int'>"):
        tf.py_function(3, [tf.constant(1)], tf.int32)


def test_tensors_outlive_their_call_as_values(executor):
    kept = []
    x = tf.placeholder(tf.float32, [2])
    run(tf.py_function(lambda a: kept.append(a * 2) or a, [x], tf.float32), {x: [1, 2]})
    assert kept[0].numpy().tolist() == [2, 4]
    assert run(tf.convert_to_tensor(kept[0]) + 1).tolist() == [3, 5]


def test_calls_leave_nothing_behind():
    graphs = []
    x = tf.placeholder(tf.float32, [])
    y = tf.py_function(lambda a: graphs.append(weakref.ref(a.graph)) or a * a, [x], tf.float32)
    slope = tf.gradients(y, x)
    with tf.Session() as session:
        for i in range(5):
            session.run([y, slope], {x: i})
        gc.collect()
        assert sum(graph() is not None for graph in graphs) <= 1


def test_what_differs_each_time_happens_once_and_where_it_is_written(executor, capfd):
    calls = []

    def function(x):
        noise = tf.random_uniform([3])
        heard = tf.numpy_function(lambda value: calls.append(1) or value, [x], tf.float32)
        tf.print("x is", x)
        calls.append(2)
        noisy, doubled = noise + x, heard * 2
        return (
            abs(noisy.numpy() - noise.numpy() - 4).max(),
            float(doubled) + float(heard),
            tf.nn.dropout(x + tf.zeros([64]), rate=0.5),
        )

    x = tf.placeholder(tf.float32, [])
    y = tf.py_function(function, [x], [tf.float32] * 3)
    same, heard, dropped = run(y, {x: 4.0})
    assert same < 1e-6 and heard == 12 and calls == [1, 2] and set(dropped) == {0, 8}
    assert capfd.readouterr().err == "x is 4\n"
    value, slope = run([y[2], tf.gradients(y[2], x)], {x: 4.0})
    assert slope == [value.sum() / 4]


def test_conditions_are_checked_and_branches_taken_where_they_are_written(executor):
    taken = []

    def function(x):
        tf.debugging.assert_less(x, 3.0, message="too much")
        result = tf.cond(x > 1, lambda: taken.append("more") or x * 2, lambda: taken.append("less") or [x])
        tf.Assert(x > 0, [x])
        return result

    x = tf.placeholder(tf.float32, [])
    y = tf.py_function(function, [x], tf.float32)
    slope = tf.gradients(y, x)[0]
    assert run([y, slope], {x: 2.0}) == [4, 2] and taken == ["more"]
    assert run([y, slope], {x: 0.5}) == [0.5, 1] and taken == ["more", "less"]
    with pytest.raises(tf.errors.UnknownError, match="InvalidArgumentError: .*too much"):
        run(y, {x: 3.0})
    assert taken == ["more", "less"]
    with pytest.raises(tf.errors.UnknownError, match="InvalidArgumentError: assertion failed: "):
        run(y, {x: 0.0})


def test_loops_and_their_arrays_in_a_function(executor):
    def function(x):
        large = tf.map_fn(lambda t: tf.cond(t > 1.5, lambda: t * 10, lambda: t), x)
        array = tf.TensorArray(tf.float32, 2).write(0, tf.random_uniform([])).write(1, x[2])
        return large, tf.foldl(lambda a, b: a + b, x), array.stack()[1]

    x = tf.placeholder(tf.float32, [None])
    y = tf.py_function(function, [x], [tf.float32] * 3)
    with tf.Session() as session:
        large, total, last = session.run(y, {x: [1, 2, 3]})
        assert large.tolist() == [1, 20, 30] and total == 6 and last == 3
        assert session.run(tf.gradients(y[0], x), {x: [1, 2, 3]})[0].tolist() == [1, 10, 10]


def test_variables_of_a_call_have_their_first_value_and_are_read_where_it_is_written(executor):
    def function(x):
        v = tf.Variable(3.0)
        first = v + 0.0
        v.assign_add(x)
        second = v * 1.0
        v.assign(10.0 * v)
        drawn = tf.Variable(tf.random_uniform([2], seed=1))
        return [first, second, v.read_value(), tf.reduce_sum(drawn - drawn)]

    found = tf.py_function(function, [tf.constant(4.0)], [tf.float32] * 4)
    with tf.Session() as session:
        assert [session.run(found) for _ in range(2)] == [[3.0, 7.0, 70.0, 0.0]] * 2


def test_random_numbers_of_loops_are_drawn_for_the_values_that_are_asked_for_together(executor):
    def function(x):
        drawn = tf.random_uniform([])
        total = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a + tf.random_uniform([])), [0, 0.0])[1]
        once = (drawn * 1.0).numpy() == drawn.numpy()
        again = (total * 1.0).numpy() == total.numpy()  # another run of the loop
        return [once, again, total * 2.0, total]

    with tf.Session() as session:
        once, again, double, total = session.run(
            tf.py_function(function, [1.0], [tf.bool, tf.bool, tf.float32, tf.float32])
        )
    assert once and not again and double == 2 * total


def test_a_value_is_computed_from_those_that_it_needs(executor):
    """Not from all that were asked for: each of a loop's values would take longer than the one before."""
    fed = []

    def function(x):
        value = x
        for i in range(5):
            value = tf.identity(x * float(i)) + float(value.numpy().sum())
            fed.append(len(x.graph._known_before([value])))
        return value

    result = tf.py_function(function, [tf.constant([1.0, 2.0])], tf.float32)
    with tf.Session() as session:
        found = session.run(result)
    value = np.array([1, 2], "f")
    for i in range(5):
        value = np.array([1, 2], "f") * i + value.sum()
    np.testing.assert_array_equal(found, value)
    assert fed == [1] * 5
