"""Datasets and iterators: elements, order, functions of any size, ends, errors."""

import re
import threading

import numpy as np
import pytest

import hookloop as tf

from ..conftest import on_reference

Dataset = tf.data.Dataset


def plain(value):
    """NumPy values as Python's own, so that they compare."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(plain(part) for part in value)
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def elements(dataset, limit=1000):
    """All elements of a dataset."""
    following = dataset.make_one_shot_iterator().get_next()
    found = []
    with tf.Session() as session:
        try:
            while len(found) < limit:
                found.append(plain(session.run(following)))
        except tf.errors.OutOfRangeError as error:
            assert "End of sequence" in str(error)
    return found


# --- sources --------------------------------------------------------------------------------------------


def test_sources(executor):
    assert elements(Dataset.range(3)) == [0, 1, 2]
    assert elements(Dataset.range(5, 1, -2)) == [5, 3]
    assert elements(Dataset.from_tensors([1, 2])) == [[1, 2]]
    assert elements(Dataset.from_tensor_slices([[1, 2], [3, 4]])) == [[1, 2], [3, 4]]
    assert elements(Dataset.from_tensor_slices(["a", "b"])) == [b"a", b"b"]
    assert elements(Dataset.range(0)) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dataset.from_tensors([[1, 2]]),
        lambda: Dataset.from_tensor_slices([[1, 2], [3, 4]]),
        lambda: Dataset.from_tensor_slices([[1, 2], [3, 4]]).padded_batch(1, [4]),
        lambda: Dataset.range(6).shuffle(6, seed=1).repeat(2).batch(2).prefetch(1),
    ],
    ids=["tensors", "slices", "padded", "chain"],
)
def test_a_graph_with_a_dataset_is_imported(executor, make):
    iterator = make().make_initializable_iterator()
    following = iterator.get_next()
    graph_def = tf.get_default_graph().as_graph_def()
    given = []
    for names in (None, [iterator.initializer.name, following.name]):
        with tf.Graph().as_default() if names else tf.get_default_graph().as_default(), tf.Session() as session:
            wanted = (
                tf.import_graph_def(graph_def, return_elements=names) if names else (iterator.initializer, following)
            )
            session.run(wanted[0])
            given.append(session.run(wanted[1]).tolist())
    assert given[0] == given[1]


def test_structures(executor):
    dataset = Dataset.from_tensor_slices(({"a": [1, 2], "b": [3.0, 4.0]}, ["x", "y"]))
    assert dataset.output_types == ({"a": tf.int32, "b": tf.float32}, tf.string)
    assert dataset.output_shapes == ({"a": [], "b": []}, tf.TensorShape([]))
    assert (
        repr(dataset)
        == "<DatasetV1Adapter shapes: ({a: (), b: ()}, ()), types: ({a: tf.int32, b: tf.float32}, tf.string)>"
    )
    assert elements(dataset) == [({"a": 1, "b": 3.0}, b"x"), ({"a": 2, "b": 4.0}, b"y")]


def test_sources_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="Dimensions 2 and 3 are not compatible"):
        Dataset.from_tensor_slices((np.ones([2, 3]), ["x", "y", "z"]))
    with pytest.raises(ValueError, match="insufficient rank for batching"):
        Dataset.from_tensor_slices(1)
    with pytest.raises(ValueError, match=r"expected tensors to cut into slices, got \{\}"):
        Dataset.from_tensor_slices({})
    with pytest.raises(
        TypeError, match=r"Two datasets to concatenate have different types <dtype: 'int32'> and <dtype: 'float32'>"
    ):
        Dataset.from_tensors(1).concatenate(Dataset.from_tensors(1.0))


def test_generator(executor):
    def generate(n):
        for i in range(n):
            yield i, ["ab"] * i

    dataset = Dataset.from_generator(
        generate, (tf.int32, tf.string), (tf.TensorShape([]), tf.TensorShape([None])), args=(3,)
    )
    assert elements(dataset) == [(0, []), (1, [b"ab"]), (2, [b"ab", b"ab"])]
    assert elements(dataset.repeat(2)) == elements(dataset) * 2
    assert Dataset.from_generator(lambda: [1], tf.float32).output_shapes.ndims is None


def test_arguments_of_a_generator(executor):
    found = []

    def generate(number, numbers, text):
        found.append((type(number), numbers.tolist(), text))
        yield 1

    arguments = (tf.constant(3, tf.int64), [1.0, 2.0], "a")
    elements(Dataset.from_generator(generate, tf.int32, args=arguments))
    assert found == [(np.int64, [1.0, 2.0], b"a")]


@pytest.mark.parametrize(
    "values, shape, text",
    [
        (
            [1, "a"],
            None,
            "could not be converted to the expected type. The expected type was int32, but the yielded element was a",
        ),
        ([[1, 2], [1]], [2], r"of shape \(1,\) where an element of shape \(2,\) was expected"),
    ],
)
def test_generator_of_wrong_elements(executor, values, shape, text):
    following = Dataset.from_generator(lambda: values, tf.int32, shape).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        session.run(following)
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            session.run(following)


def test_exception_of_a_generator_keeps_its_text(executor):
    def generate():
        yield 1
        raise ValueError("the source is broken")

    following = Dataset.from_generator(generate, tf.int32).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        session.run(following)
        with pytest.raises(tf.errors.InvalidArgumentError, match="ValueError: the source is broken"):
            session.run(following)


# --- functions ------------------------------------------------------------------------------------------


def test_map_of_elements_of_any_size(executor):
    dataset = Dataset.range(4).map(lambda n: tf.reduce_sum(tf.cast(tf.range(n), tf.float32) * 2.0))
    assert elements(dataset) == [0, 0, 2, 6]
    assert elements(Dataset.range(3).map(tf.range, num_parallel_calls=2)) == [[], [0], [0, 1]]


def test_functions_are_called_by_the_thread_of_the_step(executor):
    threads = set()

    def noted(value):
        threads.add(threading.get_ident())
        return value

    dataset = Dataset.range(4).map(lambda n: tf.py_func(noted, [n], tf.int64), num_parallel_calls=2).prefetch(2)
    assert elements(dataset) == [0, 1, 2, 3]
    assert threads == {threading.get_ident()}


def test_map_takes_and_returns_structures(executor):
    pairs = Dataset.zip((Dataset.range(2), Dataset.range(5, 8)))
    assert elements(pairs) == [(0, 5), (1, 6)]
    assert elements(pairs.map(lambda a, b: a + b)) == [5, 7]
    assert elements(pairs.map(lambda a, b: [a, b])) == [(0, 5), (1, 6)]
    assert elements(pairs.map(lambda a, b: {"sum": a + b, "parts": (a, b)}).map(lambda d: d["parts"][1])) == [5, 6]
    assert elements(Dataset.range(2).map(lambda x: (1, [2.0, 3.0]))) == [(1, [2.0, 3.0])] * 2


def test_map_uses_tensors_around_it(executor):
    offset = tf.constant(5, tf.int64) + 1
    dataset = Dataset.range(3).map(lambda x: x + offset)
    assert dataset._variant_tensor.op.inputs[1] is offset
    assert elements(dataset) == [6, 7, 8]
    nested = Dataset.range(2).flat_map(lambda x: Dataset.range(2).map(lambda y: y * 10 + x + offset))
    assert elements(nested) == [6, 16, 7, 17]


def test_map_with_variables_and_placeholders(executor):
    scale, v = tf.placeholder(tf.float32, []), tf.Variable(3.0)
    dataset = Dataset.from_tensor_slices([1.0, 2.0]).map(lambda x: x * scale + v)
    with pytest.raises(ValueError, match="Cannot capture a placeholder|Cannot capture a stateful node"):
        dataset.make_one_shot_iterator()
    iterator = dataset.make_initializable_iterator()
    following = iterator.get_next()
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(iterator.initializer, {scale: 10.0})
        assert session.run(following) == 13 and session.run(following) == 23


def test_map_with_python_and_text(executor):
    assert elements(Dataset.range(3).map(lambda x: tf.py_func(lambda y: y * 2, [x], tf.int64))) == [0, 2, 4]
    assert elements(Dataset.range(2).map(lambda x: tf.string_join([tf.as_string(x), "!"]))) == [b"0!", b"1!"]


def test_random_numbers_differ_from_element_to_element(executor):
    values = elements(Dataset.range(5).map(lambda x: tf.random_uniform([], seed=1)))
    assert len(set(values)) == 5


def test_filter(executor):
    assert elements(Dataset.range(6).filter(lambda x: tf.equal(x % 2, 0))) == [0, 2, 4]
    with pytest.raises(ValueError, match="return type must be convertible to a scalar boolean tensor"):
        Dataset.range(6).filter(lambda x: x)


def test_flat_map_and_interleave(executor):
    assert elements(Dataset.range(4).flat_map(Dataset.range)) == [0, 0, 1, 0, 1, 2]
    dataset = Dataset.range(4).interleave(lambda x: Dataset.from_tensors(x).repeat(3), cycle_length=2, block_length=2)
    assert elements(dataset) == [0, 0, 1, 1, 0, 1, 2, 2, 3, 3, 2, 3]
    with pytest.raises(TypeError, match="must return a `Dataset` object"):
        Dataset.range(4).flat_map(lambda x: x)


def test_functions_must_return_tensors():
    with pytest.raises(TypeError, match=r"Unsupported return value from function passed to Dataset\.map\(\): None"):
        Dataset.range(4).map(lambda x: None)


@pytest.mark.parametrize("method", ["flat_map", "filter"])
def test_what_a_function_returns_instead_is_described(method):
    leaf = r"TensorSpec\(shape=\(\), dtype=tf\.int64, name=None\)"
    with pytest.raises((TypeError, ValueError), match=rf"(Got|Was) {leaf}\.?$"):
        getattr(Dataset.range(4), method)(lambda x: x)
    with pytest.raises((TypeError, ValueError), match=rf"(Got|Was) \{{'a': {leaf}\}}\.?$"):
        getattr(Dataset.range(4), method)(lambda x: {"a": x})


def test_datasets_cannot_be_batched():
    with pytest.raises(TypeError, match=r"expected elements of tensors to batch, got DatasetSpec\(tf\.int64\)"):
        Dataset.range(4).map(lambda x: Dataset.range(3)).batch(2)


def test_elements_have_as_many_axes_as_any_tensor(executor):
    most = np.arange(2.0, dtype=np.float32).reshape((2,) + (1,) * 9)
    for dataset in [Dataset.from_tensors(most), Dataset.from_tensor_slices(most[np.newaxis])]:
        (element,) = elements(dataset)
        assert np.array_equal(element, most)


@pytest.mark.skipif(on_reference(), reason="a limit of plans")
def test_elements_of_more_axes_than_a_tensor_can_have():
    following = Dataset.from_tensors(np.zeros((2,) + (1,) * 10)).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        with pytest.raises(tf.errors.OpError, match=r"of at most 10 axes are supported, (got|this needs) 11"):
            session.run(following)
        assert session.run(tf.constant(1.0)) == 1.0


def test_reduce(executor):
    total = Dataset.range(5).reduce(np.int64(0), lambda state, x: state + x)
    count, last = Dataset.range(5).reduce((0, np.int64(-1)), lambda state, x: (state[0] + 1, x))
    with tf.Session() as session:
        assert session.run([total, count, last]) == [10, 5, 4]


def test_failing_element_does_not_end_the_sequence(executor):
    following = Dataset.range(3).map(lambda x: 6 // (1 - x)).make_one_shot_iterator().get_next()
    with tf.Session() as session:
        assert session.run(following) == 6
        with pytest.raises(tf.errors.InvalidArgumentError, match="Integer division by zero"):
            session.run(following)
        assert session.run(following) == -6


# --- batches --------------------------------------------------------------------------------------------


def test_batch(executor):
    dataset = Dataset.range(5).batch(2)
    assert dataset.output_shapes.as_list() == [None] and elements(dataset) == [[0, 1], [2, 3], [4]]
    dropped = Dataset.range(5).batch(2, drop_remainder=True)
    assert dropped.output_shapes.as_list() == [2] and elements(dropped) == [[0, 1], [2, 3]]


def test_batch_size_may_be_fed(executor):
    size = tf.placeholder(tf.int64, [])
    iterator = Dataset.range(5).batch(size).make_initializable_iterator()
    following = iterator.get_next()
    with tf.Session() as session:
        for n in (3, 2):
            session.run(iterator.initializer, {size: n})
            assert session.run(following).tolist() == list(range(n))


def test_batch_of_unequal_shapes_is_refused(executor):
    following = Dataset.range(1, 3).map(tf.range).batch(2).make_one_shot_iterator().get_next()
    with (
        tf.Session() as session,
        pytest.raises(
            tf.errors.InvalidArgumentError,
            match=r"number of elements does not match\. Shapes are: \[tensor\]: \[2\], \[batch\]: \[1\]",
        ),
    ):
        session.run(following)


def test_padded_batch(executor):
    dataset = Dataset.range(1, 4).map(lambda n: (tf.fill([n], n), tf.as_string(n)))
    for size in (None, -1, np.int64(-1)):
        found = elements(dataset.padded_batch(2, ([size], [])))
        assert found == [([[1, 0], [2, 2]], [b"1", b"2"]), ([[3, 3, 3]], [b"3"])]
    values = (np.int64(7), "")
    assert elements(dataset.padded_batch(2, ([3], []), values, drop_remainder=True)) == [
        ([[1, 7, 7], [2, 2, 7]], [b"1", b"2"])
    ]
    with tf.Session() as session, pytest.raises(tf.errors.DataLossError, match="pad to a smaller size"):
        session.run(dataset.padded_batch(3, ([2], [])).make_one_shot_iterator().get_next())


def test_windows_and_unbatch(executor):
    batches = Dataset.range(7).window(3, shift=2, drop_remainder=True).flat_map(lambda d: d.batch(3))
    assert elements(batches) == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]
    assert elements(Dataset.range(7).window(3).flat_map(lambda d: d.batch(3))) == [[0, 1, 2], [3, 4, 5], [6]]
    assert elements(Dataset.range(6).window(2, stride=3).flat_map(lambda d: d.batch(2))) == [[0, 3], [2, 5], [4]]
    assert elements(Dataset.range(5).batch(2).unbatch()) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="int64 with shape .. has insufficient rank for batching"):
        Dataset.range(5).unbatch()
    with pytest.raises(ValueError, match=r"different batch sizes: expected one, got \[1, 2\]"):
        Dataset.from_tensors(([1, 2], [3])).unbatch()


# --- order and number -----------------------------------------------------------------------------------


def test_shuffling_is_tensorflows(executor):
    tf.set_random_seed(3)
    again = [1, 4, 5, 0, 3, 8, 2, 7, 6, 9]
    assert elements(Dataset.range(10).shuffle(4, seed=1).repeat(2)) == again + [0, 2, 3, 5, 7, 4, 1, 9, 8, 6]
    assert elements(Dataset.range(10).shuffle(100, seed=1).repeat(2)) == [
        9,
        5,
        1,
        7,
        8,
        4,
        2,
        3,
        6,
        0,
        0,
        1,
        3,
        9,
        2,
        7,
        5,
        4,
        8,
        6,
    ]
    fixed = Dataset.range(10).shuffle(4, seed=1, reshuffle_each_iteration=False)
    assert elements(fixed.repeat(2)) == again * 2


def test_shuffling_without_seeds_has_all_elements(executor):
    assert sorted(elements(Dataset.range(50).shuffle(10))) == list(range(50))


def test_repeat_take_skip_and_the_like(executor):
    numbers = Dataset.range(4)
    assert elements(numbers.repeat(2)) == [0, 1, 2, 3] * 2
    assert elements(numbers.repeat().take(6)) == [0, 1, 2, 3, 0, 1]
    assert elements(numbers.repeat(0)) == [] and elements(Dataset.range(0).repeat()) == []
    assert elements(numbers.skip(1).take(2).prefetch(1)) == [1, 2]
    assert elements(numbers.skip(-1)) == [] and elements(numbers.take(-1)) == [0, 1, 2, 3]
    assert elements(numbers.enumerate(start=5)) == [(5, 0), (6, 1), (7, 2), (8, 3)]
    assert elements(numbers.shard(2, 1)) == [1, 3]
    assert elements(numbers.concatenate(Dataset.range(2))) == [0, 1, 2, 3, 0, 1]
    assert elements(numbers.apply(lambda d: d.map(lambda x: x + 1))) == [1, 2, 3, 4]


@pytest.mark.parametrize("in_file", [False, True])
def test_cache_computes_once(executor, tmp_path, in_file):
    calls = []
    counted = Dataset.range(3).map(lambda x: tf.py_func(lambda y: (calls.append(y), y)[1], [x], tf.int64))
    dataset = counted.cache(str(tmp_path / "cache") if in_file else "")
    assert elements(dataset.repeat(3)) == [0, 1, 2] * 3 and len(calls) == 3
    assert elements(dataset) == [0, 1, 2] and len(calls) == (3 if in_file else 6)


# --- iterators ------------------------------------------------------------------------------------------


def test_iterator_must_be_initialized(executor):
    iterator = Dataset.range(2).make_initializable_iterator()
    following = iterator.get_next()
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="iterator has not been initialized"):
            session.run(following)
        for _ in range(2):
            session.run(iterator.initializer)
            assert [session.run(following) for _ in range(2)] == [0, 1]
            for _ in range(2):
                with pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
                    session.run(following)


def test_elements_feed_a_model(executor):
    x, y = (
        Dataset.from_tensor_slices((np.eye(4, dtype=np.float32), np.arange(4.0, dtype=np.float32)))
        .batch(3)
        .make_one_shot_iterator()
        .get_next()
    )
    w = tf.Variable(tf.zeros([4, 1]))
    loss = tf.reduce_sum(tf.square(tf.matmul(x, w)[:, 0] - y))
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run([loss, train])[0] == 5 and session.run([loss, train])[0] == 9
        assert session.run(w)[:, 0].tolist() == [0, 1, 2, 3]


def test_one_iterator_for_several_datasets(executor):
    train, test = Dataset.range(3), Dataset.range(10, 12)
    iterator = tf.data.Iterator.from_structure(tf.int64, [])
    following = iterator.get_next()
    start_train, start_test = iterator.make_initializer(train), iterator.make_initializer(test, name="start_test")
    assert start_test.name == "start_test"
    with tf.Session() as session:
        session.run(start_train)
        assert session.run(following) == 0
        session.run(start_test)
        assert session.run(following) == 10
    with pytest.raises(TypeError, match=r"Expected output types tf.int64 but got dataset with output types tf.int32"):
        iterator.make_initializer(Dataset.from_tensors(1))
    text = r"Expected output shapes compatible with TensorShape\(\[\]\) but got dataset with output shapes TensorShape\(\[None\]\)"
    with pytest.raises(TypeError, match=text.replace("None", r"Dimension\(None\)")):
        iterator.make_initializer(Dataset.range(4).batch(2))
    with pytest.raises(ValueError, match="The two structures don't have the same nested structure"):
        iterator.make_initializer(Dataset.zip((train, test)))
    with pytest.raises(ValueError, match="Iterator does not have an initializer"):
        iterator.initializer  # noqa: B018


def test_a_handle_is_of_elements_as_they_are_asked_for(executor):
    """Elements of another type were taken for what was asked for."""
    handle = tf.placeholder(tf.string, [])
    pairs = Dataset.from_tensors((tf.zeros([2, 3]), 1)).repeat().make_one_shot_iterator()
    with tf.Session() as session:
        fed = {handle: session.run(pairs.string_handle())}
        for types, shapes, problem in (
            (tf.float32, None, "Number of components does not match: expected 1 types but got 2."),
            ((tf.float16, tf.int32), None, "Data type mismatch at component 0: expected half but got float."),
            (
                (tf.float32, tf.int32),
                ([None, 4], []),
                "Incompatible shapes at component 0: expected [?,4] but got [2,3].",
            ),
        ):
            shapes = shapes and tuple(tf.TensorShape(shape) for shape in shapes)
            asked = tf.data.Iterator.from_string_handle(handle, types, shapes).get_next()
            with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(problem)):
                session.run(asked, fed)
        fits = tf.data.Iterator.from_string_handle(handle, (tf.float32, tf.int32), None).get_next()
        assert session.run(fits, fed)[1] == 1


def test_iterator_chosen_by_its_handle(executor):
    first, second = Dataset.range(3).make_one_shot_iterator(), Dataset.range(10, 13).make_initializable_iterator()
    handle = tf.placeholder(tf.string, [])
    following = tf.data.Iterator.from_string_handle(handle, tf.int64, []).get_next()
    with tf.Session() as session:
        session.run(second.initializer)
        one, two = session.run([first.string_handle(), second.string_handle()])
        assert [session.run(following, {handle: h}) for h in (one, two, one, two)] == [0, 10, 1, 11]
        with pytest.raises(tf.errors.InvalidArgumentError, match="string handle"):
            session.run(following, {handle: "unknown"})


def test_a_handle_that_does_not_fit_is_refused_after_others_that_did(executor):
    handle = tf.placeholder(tf.string, [])
    following = tf.data.Iterator.from_string_handle(handle, tf.int64, []).get_next()
    numbers, halves = [Dataset.range(9).map(f).make_one_shot_iterator() for f in (lambda x: x, lambda x: x / 2)]
    with tf.Session() as session:
        fits, other = session.run([numbers.string_handle(), halves.string_handle()])
        for expected in range(4):
            assert session.run(following, {handle: fits}) == expected
            with pytest.raises(tf.errors.InvalidArgumentError, match="expected int64 but got double"):
                session.run(following, {handle: other})


def test_sessions_have_their_own_iterators(executor):
    following = Dataset.range(3).make_one_shot_iterator().get_next()
    with tf.Session() as one, tf.Session() as two:
        assert one.run(following) == 0 and one.run(following) == 1 and two.run(following) == 0


def test_threads_share_an_iterator(executor):
    following = Dataset.range(200).map(lambda x: x + 0).make_one_shot_iterator().get_next()
    found = []
    with tf.Session() as session:

        def work():
            try:
                while True:
                    found.append(int(session.run(following)))
            except tf.errors.OutOfRangeError:
                pass

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == list(range(200))


def test_nodes_are_tensorflows():
    Dataset.range(10).map(lambda x: x * 2).shuffle(5).batch(2).repeat().make_initializable_iterator().get_next()
    assert [op.name for op in tf.get_default_graph().get_operations()] == [
        "start", "stop", "step", "RangeDataset", "MapDataset", "buffer_size", "seed", "seed2", "ShuffleDataset", "batch_size",
        "drop_remainder", "BatchDatasetV2", "count", "RepeatDataset", "optimizations", "OptimizeDataset", "ModelDataset",
        "IteratorV2", "MakeIterator", "IteratorToStringHandle", "IteratorGetNext",
    ]  # fmt: skip


def test_components_of_unequal_sizes(executor):
    dataset = Dataset.from_generator(lambda: [([1.0] * a, [2.0] * b) for a, b in ((2, 2), (3, 1), (1, 4), (2, 2), (3, 1))],
                                     (tf.float32, tf.float32), ([None], [None]))  # fmt: skip
    x, y = dataset.make_one_shot_iterator().get_next()
    v = tf.Variable(0.0)
    with tf.Session() as session:
        session.run(v.initializer)
        step = [x * y, v.assign_add(1.0)]
        for size in (2, 3, 4, 2, 3):
            assert session.run(step)[0].tolist() == [2.0] * size
        assert session.run(v) == 5


def test_functions_are_functions_in_a_graph_def():
    with tf.Graph().as_default() as graph:
        tf.data.Dataset.range(3).map(lambda x: x + 1).filter(lambda x: x > 1).make_one_shot_iterator().get_next()
        attributes = {node.op: node.attr for node in graph.as_graph_def().node}
    assert attributes["MapDataset"]["f"].func.name.startswith("__inference_Dataset_map_")
    assert attributes["FilterDataset"]["predicate"].func.name.startswith("__inference_Dataset_filter_")
    assert attributes["OneShotIterator"]["dataset_factory"].func.name.startswith("_make_dataset_")


def test_a_cache_file_of_text_and_numbers_is_read_back(tmp_path):
    words = np.array([b"a", b"", b"long word", b"\x00\xff"], object)
    dataset = tf.data.Dataset.from_tensor_slices((words, np.arange(4))).batch(3).cache(str(tmp_path / "c"))
    element = dataset.make_one_shot_iterator().get_next()
    for _ in range(2):  # the second time from the file
        with tf.Session() as session:
            found = [session.run(element) for _ in range(2)]
            with pytest.raises(tf.errors.OutOfRangeError):
                session.run(element)
        assert [w for text, _ in found for w in text] == list(words)
        assert [n for _, numbers in found for n in numbers] == [0, 1, 2, 3]


class RunsCode:
    ran = False

    def __reduce__(self):
        return exec, ("import tests.data.test_dataset as m; m.RunsCode.ran = True",)


def test_nothing_in_a_cache_file_is_run(tmp_path):
    path = str(tmp_path / "c")
    np.savez(path, width=1, count=1, c0=np.array([RunsCode()], object))
    element = tf.data.Dataset.range(2).cache(path).make_one_shot_iterator().get_next()
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.DataLossError, match="c.npz is no cache of a dataset, or is damaged"),
    ):
        session.run(element)
    assert not RunsCode.ran


def test_a_damaged_cache_file(tmp_path):
    (tmp_path / "c.npz").write_bytes(b"PK nothing")
    element = tf.data.Dataset.range(2).cache(str(tmp_path / "c")).make_one_shot_iterator().get_next()
    with (
        tf.Session() as session,
        pytest.raises(tf.errors.DataLossError, match="is no cache of a dataset, or is damaged"),
    ):
        session.run(element)


@pytest.mark.parametrize(
    "change, error, text",
    [
        (lambda d: d.shard(0, 0), tf.errors.InvalidArgumentError, "Number of shards must be greater than zero"),
        (
            lambda d: d.shard(2, 3),
            tf.errors.InvalidArgumentError,
            r"Index must be between 0 and 1 \(currently index = 3\)",
        ),
        (
            lambda d: d.prefetch(-2),
            tf.errors.InvalidArgumentError,
            "buffer_size must be >= 0 or set buffer_size to be -1",
        ),
        (
            lambda d: d.interleave(tf.data.Dataset.from_tensors, 0),
            tf.errors.InvalidArgumentError,
            "cycle_length must be greater",
        ),
        (
            lambda d: d.interleave(tf.data.Dataset.from_tensors, 1, 0),
            tf.errors.InvalidArgumentError,
            "block_length must be greater",
        ),
        (lambda d: d.batch(3).padded_batch(1, [2]), tf.errors.DataLossError, "Attempted to pad to a smaller size"),
    ],
)
def test_numbers_that_do_not_fit(change, error, text):
    iterator = tf.data.make_initializable_iterator(change(tf.data.Dataset.range(3)))
    element = iterator.get_next()
    with tf.Session() as session, pytest.raises(error, match=text):
        session.run(iterator.initializer)
        session.run(element)


@pytest.mark.parametrize("calls", [0, -2])
def test_numbers_of_calls_that_tensorflow_refuses(executor, calls):
    def each(x):
        return tf.data.Dataset.from_tensors(x)

    numbers = tf.data.Dataset.range(3)
    batched = tf.data.experimental.map_and_batch
    for dataset in (
        numbers.map(lambda x: x, num_parallel_calls=calls), numbers.interleave(each, 2, num_parallel_calls=calls),
        numbers.apply(batched(lambda x: x, 2, num_parallel_calls=calls)),
        numbers.apply(batched(lambda x: x, 2, num_parallel_batches=calls)),
    ):  # fmt: skip
        element = dataset.make_one_shot_iterator().get_next()
        with (
            tf.Session() as session,
            pytest.raises(tf.errors.InvalidArgumentError, match="num_parallel_calls must be greater than zero."),
        ):
            session.run(element)
    element = numbers.interleave(each, 2, num_parallel_calls=3).make_one_shot_iterator().get_next()
    with (
        tf.Session() as session,
        pytest.raises(
            tf.errors.InvalidArgumentError, match="num_parallel_calls must less than or equal to cycle_length."
        ),
    ):
        session.run(element)


@pytest.mark.parametrize("nothing", [(), {}])
def test_a_zip_of_nothing_is_refused(nothing):
    with pytest.raises(
        ValueError,
        match="List argument 'input_datasets' to 'ZipDataset' Op with length 0 shorter than minimum length 1.",
    ):
        tf.data.Dataset.zip(nothing)


def test_a_dataset_is_no_python_iterable():
    with pytest.raises(RuntimeError, match=r"__iter__\(\) is only supported inside of tf.function"):
        iter(tf.data.Dataset.range(3))
