"""Batches of arrays in a step: sizes, memory, other datasets in between, threads, processes, errors."""

import gc
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import hookloop as tf

Dataset = tf.data.Dataset
X = np.arange(30, dtype=np.float32).reshape(10, 3)
Y = np.arange(10, dtype=np.float32).reshape(10, 1)


def all_of(session, fetches):
    found = []
    with pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
        while True:
            found.append(session.run(fetches))
    return found


def test_the_last_batch_may_be_smaller(executor):
    x, y = Dataset.from_tensor_slices((X, Y)).batch(4).repeat(2).make_one_shot_iterator().get_next()
    rows, total = tf.shape(x)[0], tf.reduce_sum(tf.matmul(x, tf.ones([3, 1])) - y)
    with tf.Session() as session:
        found = all_of(session, [rows, total, y])
    assert [row[0] for row in found] == [4, 4, 2] * 2
    for (_, sum_, rest), first in zip(found, [0, 4, 8] * 2):
        np.testing.assert_array_equal(rest, Y[first : first + 4])
        assert sum_ == X[first : first + 4].sum() - Y[first : first + 4].sum()


def test_an_element_without_a_batch_is_a_row(executor):
    x, y = Dataset.from_tensor_slices((X, np.arange(10))).shuffle(1).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        for i in range(10):
            row, number = session.run([x * 2, y])
            np.testing.assert_array_equal(row, 2 * X[i])
            assert number == i


def test_a_step_that_fails_has_taken_its_batch(executor):
    x = Dataset.range(4).batch(1).make_one_shot_iterator().get_next()
    counter = tf.Variable(np.int64(0))
    step = tf.assign_add(counter, 12 // (1 - x[0]))
    with tf.Session() as session:
        session.run(counter.initializer)
        assert session.run(step) == 12
        with pytest.raises(tf.errors.InvalidArgumentError, match="Integer division by zero"):
            session.run(step)
        assert session.run(step) == 0
        assert session.run(counter) == 0


def test_the_end_names_the_op_and_changes_nothing(executor):
    following = Dataset.range(2).batch(2).make_one_shot_iterator().get_next(name="my_batch")
    counter = tf.Variable(0)
    with tf.control_dependencies([following]):
        step = tf.assign_add(counter, 1)
    with tf.Session() as session:
        session.run(counter.initializer)
        session.run(step)
        for _ in range(2):
            with pytest.raises(
                tf.errors.OutOfRangeError, match=r"End of sequence \[in IteratorGetNext 'my_batch'"
            ) as caught:
                session.run(step)
            assert caught.value.op is following.op
        assert session.run(counter) == 1


def test_started_anew_with_other_arrays(executor):
    x_in, y_in = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 1])
    iterator = Dataset.from_tensor_slices((x_in, y_in)).batch(3).make_initializable_iterator()
    x, y = iterator.get_next()
    both = x - y
    with tf.Session() as session:
        for rows in (10, 2, 7):
            session.run(iterator.initializer, {x_in: X[:rows], y_in: Y[:rows]})
            found = np.concatenate(all_of(session, both))
            np.testing.assert_array_equal(found, X[:rows] - Y[:rows])


def test_datasets_of_arrays_and_of_functions_in_turn(executor):
    arrays = Dataset.from_tensor_slices((X, Y)).shuffle(10, seed=1).batch(4)
    functions = Dataset.from_tensor_slices((X, Y)).map(lambda x, y: (x + 1, y)).batch(3)
    iterator = tf.data.Iterator.from_structure(arrays.output_types, arrays.output_shapes)
    x, y = iterator.get_next()
    starts = [iterator.make_initializer(arrays), iterator.make_initializer(functions)]
    difference = tf.reduce_sum(x - y)
    with tf.Session() as session:
        for turn in (0, 1, 0, 1, 1, 0):
            session.run(starts[turn])
            total = sum(all_of(session, difference))
            assert total == X.sum() + 30 * turn - 3 * Y.sum()


def test_first_sizes_that_differ_between_components(executor):
    """`x - y` takes them to be equal until a run finds otherwise: then another plan takes over, with the same element."""
    equal = Dataset.from_tensors((np.float32([1, 2]), np.float32([3, 4])))
    unequal = Dataset.from_tensors((np.float32([5, 6, 7]), np.float32([2])))
    iterator = tf.data.Iterator.from_structure((tf.float32, tf.float32), ([None], [None]))
    other = Dataset.range(9).make_one_shot_iterator().get_next()
    x, y = iterator.get_next()
    starts = [iterator.make_initializer(equal), iterator.make_initializer(unequal)]
    with tf.Session() as session:
        numbers = []
        for turn, expected in ((0, [-2, -2]), (1, [3, 4, 5]), (0, [-2, -2]), (1, [3, 4, 5])):
            session.run(starts[turn])
            found, number = session.run([x - y, other])
            assert found.tolist() == expected
            numbers.append(number)
            with pytest.raises(tf.errors.OutOfRangeError):
                session.run(x)
    assert numbers == [0, 1, 2, 3]


def test_two_elements_in_a_run_and_one_of_another_iterator(executor):
    iterator = Dataset.range(6).make_one_shot_iterator()
    first, second = iterator.get_next(), iterator.get_next()
    other = Dataset.range(10, 20).batch(2).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        for i in range(3):
            assert sorted(session.run([first, second])) == [2 * i, 2 * i + 1]
            assert session.run(other).tolist() == [10 + 2 * i, 11 + 2 * i]


def test_an_element_that_is_taken_late_or_maybe(executor):
    iterator = Dataset.range(10).make_one_shot_iterator()
    wanted = tf.placeholder(tf.bool, [])
    value = tf.cond(wanted, lambda: iterator.get_next(), lambda: np.int64(-1))
    total = tf.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, s + iterator.get_next()), [0, np.int64(0)])[1]
    counter = tf.Variable(0)
    with tf.control_dependencies([tf.assign_add(counter, 1)]):
        late = iterator.get_next()
    with tf.Session() as session:
        session.run(counter.initializer)
        assert [session.run(value, {wanted: w}) for w in (True, False, True)] == [0, -1, 1]
        assert session.run(total) == 2 + 3 + 4
        assert session.run(late) == 5
        assert session.run(counter) == 1


def test_components_that_are_fed_are_not_taken(executor):
    x, _ = Dataset.from_tensor_slices((X, Y)).batch(2).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert session.run(x + 1, {x: np.zeros([5, 3])}).tolist() == np.ones([5, 3]).tolist()
        np.testing.assert_array_equal(session.run(x), X[:2])


def test_values_do_not_depend_on_threads_or_what_is_prepared_ahead():
    rows = np.random.default_rng(0).standard_normal((3000, 400)).astype(np.float32)
    found = []
    for threads, ahead in ((1, 0), (2, 0), (2, 1), (2, 5), (4, 3)):
        with tf.Graph().as_default():
            tf.set_random_seed(1)
            dataset = Dataset.from_tensor_slices((rows, np.arange(3000))).shuffle(1000).batch(256)
            x, at = dataset.prefetch(ahead).make_one_shot_iterator().get_next()
            with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as session:
                batches = all_of(session, [x, at, tf.reduce_sum(x)])
        for x_value, at_value, _ in batches:
            np.testing.assert_array_equal(x_value, rows[at_value])
        found.append([(at_value.tolist(), float(total)) for _, at_value, total in batches])
    assert all(one == found[0] for one in found)


def test_many_steps_in_one_call_take_as_many_batches(executor):
    """The same values as run by run: from arrays, whose last batch is smaller; from functions; changing between them."""
    arrays = Dataset.from_tensor_slices((X, Y)).shuffle(10, seed=1).repeat(3).batch(4)
    functions = Dataset.from_tensor_slices((X, Y)).map(lambda x, y: (x + 1, y)).repeat(2).batch(3)
    iterator = tf.data.Iterator.from_structure(arrays.output_types, arrays.output_shapes)
    x, y = iterator.get_next()
    starts = [iterator.make_initializer(arrays), iterator.make_initializer(functions)]
    total = tf.Variable(0.0)
    step = tf.assign_add(total, tf.reduce_sum(x - y))
    with tf.Session() as session:
        for turn in (0, 1, 0, 1):
            session.run([total.initializer, starts[turn]])
            expected = all_of(session, step)
            session.run([total.initializer, starts[turn]])
            first = [session.run(step)]
            found = [*first, *session.run_steps(step, 3, stack=True), session.run_steps(step, 2)]
            assert found == [*expected[:4], expected[5]]
            left = len(expected) - 6
            with pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
                session.run_steps(step, 100)
            assert session.steps_done == left
            assert session.run(total) == expected[-1]


def test_many_steps_over_elements_of_unequal_first_sizes(executor):
    pairs = [([1, 2], [3, 4]), ([5, 6, 7], [2]), ([8], [9]), ([1, 1], [5])]
    dataset = Dataset.from_generator(lambda: pairs, (tf.float32, tf.float32), ([None], [None]))
    x, y = dataset.repeat(3).make_one_shot_iterator().get_next()
    difference = x - y
    with tf.Session() as session:
        expected = [(np.float32(a) - np.float32(b)).tolist() for a, b in pairs] * 3
        found = [session.run(difference).tolist()]
        for n in (3, 1, 4, 3):
            found.append(session.run_steps(difference, n).tolist())
    assert found == [expected[i] for i in (0, 3, 4, 8, 11)]


def test_threads_of_a_program_share_the_batches():
    rows = np.arange(8000, dtype=np.int64).reshape(4000, 2)
    x = Dataset.from_tensor_slices(rows).shuffle(300).repeat(3).batch(7).prefetch(2).make_one_shot_iterator().get_next()
    found, lock = [], threading.Lock()
    with tf.Session() as session:
        session.run(x)

        def work():
            mine = []
            try:
                while True:
                    mine.append(session.run(x))
            except tf.errors.OutOfRangeError:
                pass
            with lock:
                found.extend(mine)

        workers = [threading.Thread(target=work) for _ in range(4)]
        [w.start() for w in workers]
        [w.join() for w in workers]
    rows_found = np.concatenate(found)
    assert len(rows_found) == 12000 - 7
    assert (rows_found[:, 1] == rows_found[:, 0] + 1).all()
    assert np.unique(rows_found[:, 0], return_counts=True)[1].max() == 3


def test_memory_maps_are_read_where_they_are(executor, tmp_path):
    np.save(tmp_path / "rows.npy", np.arange(3000, dtype=np.float32).reshape(500, 6))
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    fixed, plain = np.arange(500), np.arange(500)
    fixed.flags.writeable = False
    dataset = Dataset.from_tensor_slices((rows, fixed, plain)).shuffle(500, seed=1).batch(50)
    x, at, same = dataset.make_one_shot_iterator().get_next()
    plain[:] = 0
    with tf.Session() as session:
        value, index, copied = session.run([x, at, same])
        (state,) = [v for k, v in session._resources.items() if k[0] == "iterator"]
    np.testing.assert_array_equal(value, rows[index])
    np.testing.assert_array_equal(index, copied)
    components = state._dataset.sources[0].sources[0].parameters[0]
    assert [np.shares_memory(c, of) for c, of in zip(components, (rows, fixed, plain))] == [True, True, False]
    graph = dataset._variant_tensor.graph.as_graph_def()
    assert any(node.op == "Const" and len(node.attr["value"].tensor.tensor_content) == 12000 for node in graph.node)


@pytest.mark.parametrize("width", [*range(1, 70), 127, 128, 129, 511, 512, 513, 1030])
def test_rows_of_any_width_are_gathered_whole(executor, width):
    rows = np.random.default_rng(width).integers(0, 256, (41 * width + 1,)).astype(np.uint8)[1:].reshape(41, width)
    rows.flags.writeable = False  # so it is read where it lies, at an odd address
    dataset = Dataset.from_tensor_slices((rows, np.arange(41))).shuffle(41, seed=1).batch(13)
    x, at = dataset.make_one_shot_iterator().get_next()
    with tf.Session() as session:
        found = all_of(session, [x, at])
    assert sorted(np.concatenate([index for _, index in found])) == list(range(41))
    for value, index in found:
        np.testing.assert_array_equal(value, rows[index])


@pytest.mark.parametrize(
    "count, buffer", [(1, 1), (2, 2), (3, 5), (64, 64), (65, 65), (127, 16), (200, 199), (1030, 2000)]
)
def test_rows_at_once_come_as_they_come_one_by_one(executor, count, buffer):
    def order(batch):
        dataset = Dataset.range(count).shuffle(buffer, seed=3).repeat(3).batch(batch)
        element = dataset.make_one_shot_iterator().get_next()
        with tf.Session() as session:
            return list(np.concatenate(all_of(session, element)))

    assert order(1) == order(7) == order(64) == order(1000)
    assert sorted(order(64)) == sorted([*range(count)] * 3)


def test_a_plan_in_words_names_the_iterators_element():
    x, y = Dataset.from_tensor_slices((X, Y)).batch(4).make_one_shot_iterator().get_next(name="rows")
    text = str(tf.explain(tf.reduce_sum(x - y)))
    assert "the next of 'rows:0'" in text and "the next of 'rows:1'" in text


def test_arrays_are_given_back():
    source = np.arange(40000, dtype=np.float32).reshape(1000, 40)
    fed = tf.placeholder(tf.float32, [None, 40])
    iterator = Dataset.from_tensor_slices(fed).shuffle(10).batch(5).make_initializable_iterator()
    x = iterator.get_next()
    with tf.Session() as session:
        session.run(iterator.initializer, {fed: source})
        (state,) = [v for k, v in session._resources.items() if k[0] == "iterator"]
        kept = weakref.ref(state._dataset.sources[0].sources[0].parameters[0][0])
        session.run(x)
        assert kept() is not None
        session.run(iterator.initializer, {fed: source[:20]})
        session.run(x)
        gc.collect()
        assert kept() is None


_CHILD = """
import multiprocessing, os, numpy as np, hookloop as tf
rows = np.arange(60000, dtype=np.float32).reshape(2000, 30)
dataset = tf.data.Dataset.from_tensor_slices((rows, np.arange(2000))).shuffle(500, seed=1).repeat().batch(400).prefetch(4)
x, at = dataset.make_one_shot_iterator().get_next()
session = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=2))
for _ in range(3):
    session.run([x, at])
def look(n):
    found = [session.run([x, at]) for _ in range(n)]
    assert all((value == rows[index]).all() for value, index in found)
    return [index.tolist() for _, index in found]
{what}
"""


def run_program(what):
    return subprocess.run([sys.executable, "-c", _CHILD.format(what=what)], capture_output=True, text=True, timeout=120)


def test_a_forked_process_goes_on_with_the_same_batches():
    done = run_program(
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    theirs = pool.map(look, [6], chunksize=1)\n"
        "assert theirs[0] == look(6)\nprint('same')"
    )
    assert done.returncode == 0 and done.stdout == "same\n", done.stderr


def test_a_program_ends_while_batches_are_prepared():
    done = run_program("print('over')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "over\n", "")
