"""`tf.TensorArray`: writing, reading, shapes, gradients, errors."""

import numpy as np
import pytest

import hookloop as tf

pytestmark = pytest.mark.usefixtures("executor")


def run(fetches, feed_dict=None):
    with tf.Session() as session:
        return session.run(fetches, feed_dict)


def test_what_is_written_is_read():
    array = tf.TensorArray(tf.float32, size=3)
    array = array.write(0, [1.0, 2.0]).write(2, [5.0, 6.0]).write(1, [3.0, 4.0])
    assert array.element_shape.as_list() == [2]
    rows, one, size = run([array.stack(), array.read(2), array.size()])
    np.testing.assert_array_equal(rows, [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(one, [5, 6])
    assert size == 3


def test_an_element_may_be_read_twice():
    array = tf.TensorArray(tf.float32, size=2).unstack([1.0, 2.0])
    first = array.read(0)
    with tf.control_dependencies([first]):
        again, rows = array.read(0), array.stack()
    assert [value.tolist() for value in run([first, again, rows])] == [1, 1, [1, 2]]


def test_stack_unstack_gather_scatter():
    x = tf.placeholder(tf.float32, [None, 2])
    array = tf.TensorArray(tf.float32, size=tf.shape(x)[0]).unstack(x)
    value = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(run(array.stack(), {x: value}), value)
    np.testing.assert_array_equal(run(array.gather([2, 0]), {x: value}), value[[2, 0]])
    scattered = tf.TensorArray(tf.float32, size=4).scatter([3, 1], x)
    np.testing.assert_array_equal(run(scattered.stack(), {x: value[:2]}), [[0, 0], [2, 3], [0, 0], [0, 1]])


def test_concat_and_split():
    x = tf.constant(np.arange(6.0))
    array = tf.TensorArray(tf.float64, size=3).split(x, [2, 2, 2])
    rows, joined = run([array.stack(), array.concat()])
    np.testing.assert_array_equal(rows, np.arange(6.0).reshape(3, 2))
    np.testing.assert_array_equal(joined, np.arange(6.0))


def test_a_loop_fills_an_array_anew_in_each_run():
    n = tf.placeholder(tf.int32, [])
    out = tf.while_loop(
        lambda i, _: i < n, lambda i, a: (i + 1, a.write(i, tf.cast(i * i, tf.float32))),
        (0, tf.TensorArray(tf.float32, size=4)),
    )[1]  # fmt: skip
    rows = out.stack()
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(rows, {n: 4}), [0, 1, 4, 9])
        np.testing.assert_array_equal(session.run(rows, {n: 2}), [0, 1, 0, 0])


def test_gradients_of_elements_read_twice_add_up():
    x = tf.placeholder(tf.float32, [3])
    array = tf.TensorArray(tf.float32, size=3).unstack(x)
    y = array.read(0) * array.read(1) + array.read(0)
    np.testing.assert_array_equal(run(tf.gradients(y, x)[0], {x: [2, 3, 4]}), [4, 2, 0])


def test_gradients_through_a_loop_that_reads_and_writes():
    x = tf.placeholder(tf.float64, [None])
    n = tf.shape(x)[0]
    source = tf.TensorArray(tf.float64, size=n).unstack(x)
    _, out, _ = tf.while_loop(
        lambda i, *_: i < n,
        lambda i, o, s: (i + 1, o.write(i, tf.sin(source.read(i)) * s), s + source.read(i)),
        (0, tf.TensorArray(tf.float64, size=n), tf.constant(1.0, tf.float64)),
    )
    y = tf.reduce_sum(out.stack())
    (gradient,) = tf.gradients(y, x)
    for value in ([0.3, 0.5, 0.9], [0.7]):
        value = np.array(value)
        wanted = []
        for i in range(len(value)):
            step = np.eye(len(value))[i] * 1e-6
            wanted.append((run(y, {x: value + step}) - run(y, {x: value - step})) / 2e-6)
        np.testing.assert_allclose(run(gradient, {x: value}), wanted, rtol=1e-6)


def test_an_index_outside_fails():
    i = tf.placeholder(tf.int32, [])
    array = tf.TensorArray(tf.float32, size=2).unstack([1.0, 2.0])
    with pytest.raises(tf.errors.InvalidArgumentError):
        run(array.read(i), {i: 2})


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="Size must be provided if handle is not provided"):
        tf.TensorArray(tf.float32)
    with pytest.raises(ValueError, match="Cannot provide both a handle and size"):
        tf.TensorArray(tf.float32, size=1, handle=tf.constant(1))
    array = tf.TensorArray(tf.float32, size=2)
    with pytest.raises(TypeError, match="TensorArray dtype is float but Op is trying to write dtype int32"):
        array.write(0, tf.constant(1))
    with pytest.raises(TypeError, match="Handle must be a Tensor"):
        tf.TensorArray(tf.float32, handle=3)
    with pytest.raises(ValueError, match="Cannot construct with both handle and tensor_array_name"):
        tf.TensorArray(tf.float32, handle=array.handle, tensor_array_name="a")
    with pytest.raises(ValueError, match="Inconsistent shapes: saw .* but expected"):
        array.write(0, [1.0]).write(1, [1.0, 2.0])


def test_an_array_grows_in_a_loop(executor):
    x = tf.placeholder(tf.float32, [None, 2])
    array = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    assert array.dynamic_size and not tf.TensorArray(tf.float32, size=1).dynamic_size
    count = tf.shape(x)[0]
    _, array = tf.while_loop(lambda i, _: i < count, lambda i, a: (i + 1, a.write(i, x[i] ** 2)), [0, array])
    rows, size = array.stack(), array.size()
    with tf.Session() as session:
        for n in (3, 0, 40, 1):
            value = np.arange(2.0 * n, dtype="f").reshape(n, 2)
            found = session.run([rows, size, tf.gradients(rows, x)[0]], {x: value})
            np.testing.assert_array_equal(found[0], value**2)
            assert found[1] == n
            np.testing.assert_array_equal(found[2], 2 * value)


def test_an_array_grows_with_a_write_behind_its_end(executor):
    array = tf.TensorArray(tf.float32, size=1, dynamic_size=True, element_shape=[2])
    before = array.size()
    array = array.write(3, [1.0, 2.0])
    found = run([before, array.size(), array.write(0, [5.0, 6.0]).stack()])
    assert found[:2] == [1, 4]
    np.testing.assert_array_equal(found[2], [[5, 6], [0, 0], [0, 0], [1, 2]])


@pytest.mark.parametrize("size", [0, 2, 7])
def test_an_array_grows_with_many_rows(executor, size):
    x = np.arange(6.0, dtype="f").reshape(3, 2)
    unstacked = tf.TensorArray(tf.float32, size=size, dynamic_size=True).unstack(x)
    scattered = tf.TensorArray(tf.float32, size=size, dynamic_size=True).scatter([2, 0, 1], x)
    wanted = np.concatenate([x, np.zeros((max(size - 3, 0), 2))])
    found = run([unstacked.stack(), scattered.size(), scattered.gather([2, 1])])
    np.testing.assert_array_equal(found[0], wanted)
    assert found[1] == max(size, 3)
    np.testing.assert_array_equal(found[2], x[[0, 2]])


def test_arrays_grow_in_a_loop_in_a_loop(executor):
    """Each iteration makes an array of its own, which grows, and puts its sum into one that grows too."""

    def outer(i, sums):
        own = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
        _, own = tf.while_loop(
            lambda j, _: j <= i, lambda j, a: (j + 1, a.write(j, tf.cast(i * 10 + j, tf.float32))), [0, own]
        )
        return i + 1, sums.write(i, tf.reduce_sum(own.stack()))

    _, sums = tf.while_loop(lambda i, _: i < 4, outer, [0, tf.TensorArray(tf.float32, size=0, dynamic_size=True)])
    assert run(sums.stack()).tolist() == [0, 21, 63, 126]


def test_parts_of_one_length(executor):
    x = tf.placeholder(tf.float32, [6, 2])
    lengths = tf.placeholder(tf.int32, [None])
    array = tf.TensorArray(tf.float32, size=tf.size(lengths)).split(x, lengths)
    value = np.arange(12.0, dtype="f").reshape(6, 2)
    with tf.Session() as session:
        found = session.run([array.read(1), array.concat()], {x: value, lengths: [2, 2, 2]})
        np.testing.assert_array_equal(found[0], value[2:4])
        np.testing.assert_array_equal(found[1], value)
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="the parts that a TensorArray is split into must be of one length"
        ):
            session.run(array.concat(), {x: value, lengths: [2, 1, 3]})
        with pytest.raises(tf.errors.InvalidArgumentError, match="reshape .*12"):
            session.run(array.concat(), {x: value, lengths: [2, 2]})


PARTS = np.arange(12.0).reshape(6, 2)


def parts(lengths, size=3, dynamic=False):
    x = tf.constant(PARTS)
    return x, tf.TensorArray(tf.float64, size, dynamic_size=dynamic, infer_shape=False).split(x, lengths)


@pytest.mark.parametrize("lengths", [[1, 3, 2], [0, 4, 2], [6, 0, 0], [2, 2, 2]])
def test_parts_of_any_length(executor, lengths):
    fed = tf.placeholder(tf.int64, [3])
    x, array = parts(fed)
    read, joined = [array.read(i) for i in range(3)], array.concat()
    slopes = tf.gradients([read[1] ** 2, joined**2], x)[0]
    ends = np.cumsum(lengths)
    with tf.Session() as session:
        found = session.run([*read, joined, slopes], {fed: lengths})
    for part, end, length in zip(found, ends, lengths):
        np.testing.assert_array_equal(part, PARTS[end - length : end])
    np.testing.assert_array_equal(found[3], PARTS)
    wanted = 2 * PARTS
    wanted[ends[0] : ends[1]] *= 2
    np.testing.assert_array_equal(found[4], wanted)


def test_a_loop_reads_parts_of_any_length(executor):
    x, array = parts([1, 3, 2], 0, dynamic=True)

    def body(i, total):
        return i + 1, total + tf.reduce_sum(array.read(i)) * tf.cast(i, tf.float64)

    total = tf.while_loop(lambda i, total: i < 3, body, [0, tf.constant(0.0, tf.float64)])[1]
    with tf.Session() as session:
        found = session.run([total, tf.gradients(total, x)[0], array.gather([1])])
    assert found[0] == 103
    np.testing.assert_array_equal(found[1], np.repeat([0.0, 1, 2], [1, 3, 2])[:, None] * np.ones(2))
    np.testing.assert_array_equal(found[2], [PARTS[1:4]])


def test_parts_that_do_not_fit(executor):
    with pytest.raises(
        ValueError, match=r"must be of one length \(consider setting infer_shape=False\), got \[1, 3, 2\]"
    ):
        tf.TensorArray(tf.float64, 3).split(PARTS, [1, 3, 2])
    refused = [
        (
            lambda: parts([1, 3, 1])[1].concat(),
            "Expected sum of lengths to be equal to values.shape.0., but sum of lengths is",
        ),
        (lambda: parts([1, 5])[1].concat(), "the TensorArray has another size than lengths"),
        (lambda: parts([1, 3, 2])[1].stack(), "TensorArray has inconsistent shapes"),
    ]
    with tf.Session() as session:
        for make, text in refused:
            with pytest.raises(tf.errors.InvalidArgumentError, match=text):
                session.run(make())


@pytest.mark.parametrize("dynamic", [False, True])
def test_an_element_is_written_once(executor, dynamic):
    def array():
        return tf.TensorArray(tf.float32, size=3, dynamic_size=dynamic)

    twice = array().write(1, 1.0).write(1, 2.0)
    loop = tf.while_loop(lambda i, _: i < 2, lambda i, a: (i + 1, a.write(2, 1.0)), [0, array()])[1]
    rows = array().scatter([0, 2, 0], [1.0, 2.0, 3.0])
    again = array().unstack([1.0, 2.0, 3.0]).write(2, 1.0)
    for made, index in ((twice, 1), (loop, 2), (rows, 0), (again, 2)):
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=f"Could not write to TensorArray index {index} because it has"
        ):
            run(made.read(0))
    made_anew = tf.while_loop(
        lambda i, _: i < 3, lambda i, total: (i + 1, total + array().write(1, 1.0).read(1)), [0, 0.0]
    )
    assert run(made_anew[1]) == 3


@pytest.mark.parametrize(
    "use, text",
    [
        (
            lambda array: array.write(3, 1.0).flow,
            "Tried to write to index 3 but array is not resizeable and size is: 2",
        ),
        (
            lambda array: array.write(-1, 1.0).flow,
            "Tried to write to index -1 but array is not resizeable and size is: 2",
        ),
        (lambda array: array.write(0, 1.0).read(2), "Tried to read from index 2 but array size is: 2"),
        (lambda array: array.unstack([1.0, 2.0]).gather([0, 2]), "Tried to read from index 2 but array size is: 2"),
        (lambda array: array.unstack([1.0, 2.0, 3.0]).flow, r"Max scatter index must be < array size \(2 vs. 2\)"),
    ],
)
def test_elements_that_there_are_not(executor, use, text):
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(use(tf.TensorArray(tf.float32, 2)))


def _lengths_program(count, batch):
    """Rows of a loop whose sizes only the loop tells: a conditional of it gives them, some sequences end before others."""
    x = tf.placeholder(tf.float32, [None, None, 3])
    lengths = tf.placeholder(tf.int32, [None])
    weights = tf.constant(np.linspace(-1, 1, 15).reshape(3, 5), tf.float32)
    steps = tf.shape(x)[0]
    inputs = tf.TensorArray(tf.float32, steps).unstack(x)
    outputs = tf.TensorArray(tf.float32, steps)
    zeros = tf.zeros([tf.shape(x)[1], 5])

    def body(i, state, outputs):
        def step():
            return tf.tanh(tf.matmul(inputs.read(i), weights) + state)

        def some():
            return tf.where(i < lengths, step(), state)

        state = tf.cond(i < tf.reduce_min(lengths), step, some)
        state.set_shape([None, 5])
        return i + 1, state, outputs.write(i, state)

    _, last, outputs = tf.while_loop(lambda i, *_: i < steps, body, [0, zeros, outputs])
    rows = outputs.stack()
    slope = tf.gradients(tf.reduce_sum(rows**2) + tf.reduce_sum(last), x)[0]
    values = np.random.RandomState(1).randn(count, batch, 3)
    ends = np.arange(batch) % (count + 1)
    expected, state = [], np.zeros((batch, 5))
    for i in range(count):
        state = np.where((i < ends)[:, None], np.tanh(values[i] @ np.linspace(-1, 1, 15).reshape(3, 5) + state), state)
        expected.append(state)
    return rows, slope, {x: values, lengths: ends}, expected


def test_elements_whose_sizes_only_the_loop_tells(executor):
    for count, batch in ((4, 3), (2, 5), (1, 1)):
        with tf.Graph().as_default(), tf.Session() as session:
            rows, slope, feeds, expected = _lengths_program(count, batch)
            found, slopes = session.run([rows, slope], feeds)
            np.testing.assert_allclose(found, expected, rtol=1e-5)
            (x,) = (key for key in feeds if key.dtype == tf.float32)
            loss = tf.reduce_sum(rows**2) + tf.reduce_sum(rows[-1])
            moved = np.zeros_like(feeds[x])
            moved[0, 0, 1] = 1e-2
            ends = [session.run(loss, {**feeds, x: feeds[x] + sign * moved}) for sign in (1, -1)]
            assert (ends[0] - ends[1]) / 2e-2 == pytest.approx(slopes[0, 0, 1], abs=2e-2)


def test_a_scan_without_steps_has_the_sizes_that_the_graph_knows(executor):
    """They were 0, as those that only a step tells: a sum over them and its gradient were of nothing."""
    rows = tf.placeholder(tf.float32, [None, 2, 3])
    first = tf.placeholder(tf.float32, [None, 3])
    sums = tf.scan(lambda total, row: total + row, rows, initializer=first)
    with tf.Session() as session:
        for count in (0, 2, 0):
            fed = {rows: np.ones((count, 2, 3)), first: np.ones((2, 3))}
            assert session.run(sums, fed).shape == (count, 2, 3)
            assert session.run(tf.gradients(sums, first), fed)[0].tolist() == [[float(count)] * 3] * 2


def test_elements_of_a_loop_for_one_size_after_another(executor):
    """A session's plan for open sizes: the registers of the elements' sizes begin anew in each run."""
    with tf.Session() as session:
        rows, slope, feeds, _ = _lengths_program(4, 3)
        x, lengths = feeds
        for count, batch in ((4, 3), (2, 6), (5, 1), (4, 3)):
            ends = np.full(batch, count)
            found, slopes = session.run([rows, slope], {x: np.ones((count, batch, 3)), lengths: ends})
            assert found.shape == (count, batch, 5) and slopes.shape == (count, batch, 3)


def test_an_array_that_grows_by_elements_of_a_loop(executor):
    """Words that a model says, until all texts have ended: neither how many nor how many texts is known before."""
    batch = tf.placeholder(tf.int32, [])

    def body(i, words, ended, said):
        words = tf.cast(tf.floormod(tf.cast(words, tf.float32) * 2.0 + 1.0, 7.0), tf.int32)
        words = tf.concat([words[:1], words[1:]], 0)
        return i + 1, words, tf.logical_or(ended, tf.equal(words, 0)), said.write(i, words)

    start = [0, tf.range(batch) % 7, tf.zeros([batch], tf.bool), tf.TensorArray(tf.int32, 0, dynamic_size=True)]
    go_on = lambda i, words, ended, said: tf.logical_and(i < 9, tf.logical_not(tf.reduce_all(ended)))
    *_, said = tf.while_loop(go_on, body, start, shape_invariants=_any_shape(4))
    words = said.stack()
    with tf.Session() as session:
        for count in (1, 4, 2):
            expected, row = [], np.arange(count) % 7
            ended = np.zeros(count, bool)
            while len(expected) < 9 and not ended.all():
                row = (row * 2 + 1) % 7
                ended |= row == 0
                expected.append(row)
            np.testing.assert_array_equal(session.run(words, {batch: count}), expected)


def _any_shape(count):
    return [tf.TensorShape([]), *[tf.TensorShape([None])] * (count - 2), tf.TensorShape(None)]


def test_elements_of_a_loop_must_be_of_one_size(executor):
    count = tf.placeholder(tf.int32, [])

    def body(i, rows):
        return i + 1, rows.write(i, tf.ones([tf.maximum(i, count)]))

    _, rows = tf.while_loop(lambda i, _: i < 4, body, [0, tf.TensorArray(tf.float32, 4, infer_shape=False)])
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(rows.stack(), {count: 3}), np.ones((4, 3)))
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(rows.stack(), {count: 2})
        np.testing.assert_array_equal(session.run(rows.stack(), {count: 5}), np.ones((4, 5)))


@pytest.mark.parametrize("lengths", [[0, 2], [0, 0, 3], [2, 0]])
def test_an_element_of_a_loop_without_rows_counts_as_the_first(lengths, executor):
    """Its size is that of all: the array took that of the next one and had zeros in the place of the first."""
    sizes = tf.placeholder(tf.int32, [None])
    count = tf.size(sizes)
    _, rows = tf.while_loop(
        lambda i, _: i < count,
        lambda i, rows: (i + 1, rows.write(i, tf.range(sizes[i]) + 10)),
        [0, tf.TensorArray(tf.int32, count, element_shape=[None])],
    )
    joined = rows.concat()
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match="TensorArray"):
            session.run(joined, {sizes: lengths})
        np.testing.assert_array_equal(session.run(joined, {sizes: [0, 0]}), np.zeros(0))
        np.testing.assert_array_equal(session.run(joined, {sizes: [2, 2]}), [10, 11, 10, 11])


def test_elements_of_a_loop_in_a_loop(executor):
    """The array is of the outer block, its elements are written two loops inside."""
    x = tf.placeholder(tf.float32, [None])

    def outer(i, rows):
        def inner(j, row):
            return j + 1, tf.cond(j > 1, lambda: row * 2.0, lambda: tf.concat([row[:1] + 1.0, row[1:]], 0))

        _, row = tf.while_loop(lambda j, _: j < 3, inner, [0, x], shape_invariants=[tf.TensorShape([]), x.shape])
        return i + 1, rows.write(i, row * tf.cast(i, tf.float32))

    _, rows = tf.while_loop(lambda i, _: i < 3, outer, [0, tf.TensorArray(tf.float32, 3)])
    slope = tf.gradients(rows.stack(), x)[0]
    with tf.Session() as session:
        for values in ([1.0, 2.0], [5.0, 6.0, 7.0]):
            row = np.array(values) * 2
            row[0] += 4
            found, slopes = session.run([rows.stack(), slope], {x: values})
            np.testing.assert_allclose(found, [row * 0, row, row * 2])
            np.testing.assert_allclose(slopes, np.full(len(values), 6.0))


@pytest.mark.parametrize("size", [0, 1, 5])
def test_an_array_that_grows_by_rows_that_a_loop_picks(executor, size):
    """Where a row lies is told by the run, as the size of the array is."""
    x = tf.placeholder(tf.float32, [None, 2])
    made = tf.TensorArray(tf.float32, size, dynamic_size=True, clear_after_read=False)

    def body(i, rows):
        rows = rows.write(i, x[i])
        return i + 1, rows.write(i + 3, rows.read(i) + x[i])

    count = tf.shape(x)[0]
    _, rows = tf.while_loop(lambda i, _: i < count, body, [0, made])
    y = rows.gather([0, 3])
    slope = tf.gradients(y, x)[0]
    with tf.Session() as session:
        for values in ([[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]):
            found, slopes = session.run([y, slope], {x: values})
            np.testing.assert_array_equal(found, [values[0], np.multiply(values[0], 2)])
            np.testing.assert_array_equal(slopes, [[3, 3], *[[0, 0]] * (len(values) - 1)])


def test_arrays_of_texts(executor):
    texts, count = tf.placeholder(tf.string, [None]), tf.placeholder(tf.int32, [])
    mapped = tf.map_fn(lambda text: tf.string_join([text, "!"]), texts)
    lengths = tf.map_fn(lambda text: tf.strings.length(text), texts, dtype=tf.int32)
    pairs = tf.map_fn(lambda text: tf.stack([text, tf.string_join([text, text])]), texts)
    made = [0, tf.TensorArray(tf.string, 0, dynamic_size=True)]
    _, grown = tf.while_loop(lambda i, _: i < count, lambda i, rows: (i + 1, rows.write(i, tf.as_string(i * i))), made)
    with tf.Session() as session:
        for given in (["a", "bcd"], ["x"], ["", "yy", "z"]):
            bytes_given = [text.encode() for text in given]
            found = session.run([mapped, lengths, pairs], {texts: given})
            assert found[0].tolist() == [text + b"!" for text in bytes_given]
            assert found[1].tolist() == [len(text) for text in given]
            assert found[2].tolist() == [[text, text * 2] for text in bytes_given]
        assert session.run(grown.stack(), {count: 4}).tolist() == [b"0", b"1", b"4", b"9"]
        assert session.run([grown.size(), grown.read(1)], {count: 2}) == [2, b"1"]
    array = tf.TensorArray(tf.string, 3).unstack(["a", "b", "c"])
    with tf.Session() as session:
        assert session.run(array.gather([2, 0])).tolist() == [b"c", b"a"]


@pytest.mark.parametrize(
    "use, text",
    [
        (
            lambda array: array.write(3, "a").flow,
            "Tried to write to index 3 but array is not resizeable and size is: 2",
        ),
        (lambda array: array.write(0, "a").read(2), "Tried to read from index 2 but array size is: 2"),
        (
            lambda array: array.write(0, "a").stack(),
            "Could not read from TensorArray index 1: it has not been written to",
        ),
        (lambda array: array.write(0, "a").write(0, "b").flow, "index 0 because it has already been written to"),
        (lambda array: array.write(0, ["a"]).write(1, ["a", "b"]).stack(), "TensorArray has inconsistent shapes"),
    ],
)
def test_texts_that_there_are_not(executor, use, text):
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(use(tf.TensorArray(tf.string, 2, infer_shape=False)))


@pytest.mark.parametrize("dynamic", [False, True])
def test_gradients_of_an_array_that_is_there_only_where_a_value_is(dynamic, executor):
    """Each node of it looks by itself whether it is run; the array of its gradients is one all the same."""
    from hookloop.python.ops import control_flow_ops

    x, p, q = tf.placeholder(tf.float32, []), tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    off, on = control_flow_ops.switch(x, p)
    value, index = control_flow_ops.merge([control_flow_ops.switch(off * 0.5, q)[0] + 1.0, on * 2.0])
    count = index + 2
    array = tf.TensorArray(tf.float32, 0 if dynamic else count, dynamic_size=dynamic, clear_after_read=False)
    loop = (lambda i, _, a: i < count, lambda i, array, a: (i + 1, array.write(i, a * value), a * value))
    array = tf.while_loop(*loop, (0, array, 1.0))[1]
    y = tf.reduce_sum(array.stack()) + 10.0 * array.read(1)
    slope = tf.gradients(y, x)[0]
    with tf.Session() as session:
        for feed, v, factor in (({p: True, q: True}, 1.0, 2.0), ({p: False, q: False}, 1.25, 0.5)):
            powers = [v, v**2, v**3][: 3 if feed[p] else 2]
            slopes = [1, 2 * v, 3 * v**2][: len(powers)]
            found = session.run([y, slope], {x: 0.5, **feed})
            np.testing.assert_allclose(found[0], sum(powers) + 10 * v**2, rtol=1e-6)
            np.testing.assert_allclose(found[1], factor * (sum(slopes) + 20 * v), rtol=1e-6)
        with pytest.raises(tf.errors.InvalidArgumentError, match="does not have value"):
            session.run(y, {x: 0.5, p: False, q: True})


@pytest.mark.parametrize("size", [3, "fed"])
def test_an_element_that_was_not_written_is_refused_where_elements_may_differ(executor, size):
    count = tf.placeholder_with_default(3, []) if size == "fed" else size
    place = tf.placeholder_with_default(1, [])
    text = "Could not read from TensorArray index 1: it has not been written to, and the element shape is not fully defined"
    reads = {
        "read": lambda array: array.read(1),
        "read where told": lambda array: array.read(place),
        "stack": lambda array: array.stack(),
        "concat": lambda array: array.concat(),
    }

    def filled_by_a_loop():
        array = tf.TensorArray(tf.float32, count, infer_shape=False)
        return tf.while_loop(
            lambda i, a: i < 3, lambda i, a: (i + 2, a.write(i, [tf.cast(i, tf.float32)])), (0, array)
        )[1]

    for read in reads.values():
        for array in (tf.TensorArray(tf.float32, count, infer_shape=False).write(0, [1.0]), filled_by_a_loop()):
            with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
                session.run(read(array))
    told = tf.TensorArray(tf.float32, count, infer_shape=False, element_shape=[1]).write(0, [1.0])
    alike = tf.TensorArray(tf.float32, count).write(0, [1.0])
    with tf.Session() as session:
        assert session.run(told.stack()).tolist() == session.run(alike.stack()).tolist() == [[1], [0], [0]]


def shape_of(tensor):
    return None if tensor.shape.ndims is None else tensor.shape.as_list()


@pytest.mark.parametrize(
    "arguments, gathered, of_written, joined, from_handle",
    [  # of a gather without an element written, a gather of one row written, a concatenation, and a node that tells the elements' shape
        ({}, None, [None, 2], [None], None),
        ({"infer_shape": False}, None, None, None, [2, 2]),
        ({"element_shape": [2]}, [2, 2], [1, 2], [None], [2, 2]),
        ({"element_shape": [None], "infer_shape": False}, [2, None], [1, None], [None], [2, 2]),
        ({"element_shape": [2], "infer_shape": False}, [2, 2], [1, 2], [None], [2, 2]),
    ],
)
def test_static_shapes_of_elements_are_tensorflows(arguments, gathered, of_written, joined, from_handle):
    """The handle tells them where all have one shape, or one that is known."""
    array = tf.TensorArray(tf.float32, 3, **arguments)
    node = tf.raw_ops.TensorArrayGatherV3(
        handle=array.handle, indices=[0, 1], flow_in=array.flow, dtype=tf.float32, element_shape=[2]
    )
    found = [array.gather([0, 1])]
    written = array.unstack(tf.ones([3, 2]))
    found += [written.gather([0]), written.concat(), node]
    assert [shape_of(tensor) for tensor in found] == [gathered, of_written, joined, from_handle]


def test_elements_are_as_the_array_was_said_to_have_them(executor):
    array = tf.TensorArray(tf.float32, 2, element_shape=[None], infer_shape=False).write(0, [1.0, 2.0]).write(1, [3.0])
    assert array.element_shape.as_list() == [None]
    assert [value.tolist() for value in run([array.read(1), array.concat()])] == [[3], [1, 2, 3]]
    with pytest.raises(ValueError, match=r"Inconsistent shapes: saw \(2, 1\) but expected \(\?,\) $"):
        array.write(0, [[1.0], [2.0]])


def test_nothing_is_put_together_where_nobody_knows_the_shape(executor):
    for arguments in ({}, {"infer_shape": False}):
        array = tf.TensorArray(tf.float32, 0, **arguments)
        with (
            tf.Session() as session,
            pytest.raises(
                tf.errors.UnimplementedError,
                match="TensorArray has size zero, but element shape <unknown> is not fully",
            ),
        ):
            session.run(array.stack())


def test_each_flow_takes_a_name_as_in_tensorflow():
    def body(i, array):
        inner = tf.TensorArray(tf.int32, 1)
        return i + 1, array.write(i, inner.write(0, i).read(0))

    array = tf.while_loop(lambda i, _: i < 2, body, [0, tf.TensorArray(tf.int32, 2)])[1].identity()
    assert array.flow.op.inputs[0].name == "while/Exit_1:0"
    made = [op.name for op in tf.get_default_graph().get_operations() if op.type == "TensorArrayV3"]
    assert [*made, tf.TensorArray(tf.int32, 1).handle.op.name] == [
        "TensorArray",
        "while/TensorArray_2",
        "TensorArray_2",
    ]


def test_a_handle_that_is_fetched_is_bytes_that_name_the_array(executor):
    array = tf.TensorArray(tf.float32, 3, name="mine")
    written = array.write(0, 2.0)
    with tf.Session() as session:
        handle, first, value = session.run([array.handle, tf.identity(written.handle), written.read(0)])
        assert handle.dtype == first.dtype == [("resource", "u1")] and b"mine" in handle.tobytes()
        assert value == 2.0 and session.run(written.read(0)) == 2.0
