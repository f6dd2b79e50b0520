"""Losses over few of many classes, values at coordinates, and random numbers that follow from a seed."""

import numpy as np
import pytest

import hookloop as tf
from tests.conftest import on_reference


def run(fetch, feeds=None):
    with tf.Session() as session:
        return session.run(fetch, feeds)


# --- candidates ---------------------------------------------------------------------------------------------------


def test_candidates_differ_from_run_to_run_and_within_one(executor):
    tf.set_random_seed(3)
    labels = tf.placeholder(tf.int64, [None, 2])
    drawn, of_labels, of_drawn = tf.nn.log_uniform_candidate_sampler(labels, 2, 20, True, 30)
    assert (drawn.shape, of_labels.shape.as_list(), of_drawn.shape) == ((20,), [None, 2], (20,))
    with tf.Session() as session:
        first, second = (
            session.run([drawn, of_labels, of_drawn], {labels: [[0, 1], [2, 3], [4, 5]]}) for _ in range(2)
        )
    assert len(set(first[0].tolist())) == 20 and set(first[0].tolist()) <= set(range(30))
    assert first[0].tolist() != second[0].tolist()
    assert np.all(np.diff(first[1].ravel()) < 0)  # the likelier the smaller


@pytest.mark.parametrize("loss", [tf.nn.nce_loss, tf.nn.sampled_softmax_loss])
def test_words_are_learned(executor, loss):
    tf.set_random_seed(1)
    words, labels = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int64, [None, 1])
    table = tf.Variable(tf.random_uniform([20, 8], -1.0, 1.0, seed=2))
    weights = tf.Variable(tf.truncated_normal([20, 8], seed=3))
    total = tf.reduce_mean(
        loss(weights, tf.Variable(tf.zeros([20])), labels, tf.nn.embedding_lookup(table, words), 6, 20)
    )
    train = tf.train.GradientDescentOptimizer(0.5).minimize(total)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        numbers = np.arange(20)
        feeds = {words: numbers, labels: (numbers[:, None] + 1) % 20}
        losses = [session.run([total, train], feeds)[0] for _ in range(60)]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


def test_shards_of_weights(executor):
    weights, offsets = np.random.RandomState(1).randn(10, 3), np.zeros(10)
    drawn = tf.constant([3, 9, 0], tf.int64), tf.ones([2, 1], tf.float64), tf.ones([3], tf.float64)
    inputs = tf.constant(weights[:2])
    found = [
        tf.nn.nce_loss(table, offsets, [[1], [8]], inputs, 3, 10, sampled_values=drawn, partition_strategy="div")
        for table in (tf.constant(weights), [tf.constant(weights[:5]), tf.constant(weights[5:])])
    ]
    np.testing.assert_allclose(*run(found), rtol=1e-12)


def test_candidates_that_cannot_be(executor):
    labels = tf.constant([[1], [2]], tf.int64)
    open_columns = tf.placeholder_with_default(labels, [None, None])
    for given in (labels, open_columns):
        sampler = tf.nn.uniform_candidate_sampler(given, 2, 3, True, 9)
        assert sampler.true_expected_count.shape[1] == 2
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="must have num_true columns, expected: 1 was: 2 .*in Uni"
        ):
            run(sampler.sampled_candidates)
    with pytest.raises(ValueError, match="Attr 'range_max' .* passed 0 less than minimum 1"):
        tf.nn.log_uniform_candidate_sampler(labels, 1, 3, True, 0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Sampler's range is too small"):
        run(tf.nn.uniform_candidate_sampler(labels, 1, 10, True, 9))


def test_classes_are_drawn_as_often_as_the_file_says(executor, tmp_path):
    (tmp_path / "words.csv").write_text("the,6\na,3\n\nof it,1\n")
    sampler = tf.nn.fixed_unigram_candidate_sampler(
        [[1], [4]], 1, 2000, False, 4, vocab_file=str(tmp_path / "words.csv"), num_reserved_ids=1, seed=1
    )
    drawn, of_labels, of_drawn = run(sampler)
    np.testing.assert_allclose(np.bincount(drawn, minlength=4), [0, 1200, 600, 200], atol=80)
    np.testing.assert_allclose(of_labels, [[1200], [0]], rtol=1e-6)  # a class beyond the last one is never drawn
    np.testing.assert_allclose(of_drawn, np.array([0, 1200, 600, 200])[drawn], rtol=1e-6)


# What TensorFlow 1.15 gives for the seeds 42 and 7: of each run the true classes, the candidates, how often both are expected.
LEARNED = [
    ([[0, 1], [3, 3]], [7, 5, 6, 8], [[4 / 9, 4 / 9], [4 / 9, 4 / 9]], [4 / 9] * 4),
    ([[3, 8]], [3, 7, 0, 8], [[12 / 13, 4 / 13]], [12 / 13, 4 / 13, 8 / 13, 4 / 13]),
    ([[3, 3], [3, 3], [0, 3]], [6, 1, 3, 0], [[16 / 15] * 2, [16 / 15] * 2, [8 / 15, 16 / 15]],
     [4 / 15, 8 / 15, 16 / 15, 8 / 15]),
    ([[1, 2]], [6, 0, 3, 8], [[0.5037047, 0.28931868]], [0.28931868, 0.66008335, 0.98010546, 0.50370473]),
]  # fmt: skip


def test_classes_are_drawn_as_often_as_they_were_true(executor):
    classes = tf.placeholder(tf.int64, [None, 2])
    tf.set_random_seed(42)
    sampler = tf.nn.learned_unigram_candidate_sampler(classes, 2, 4, True, 9, seed=7)
    assert (sampler.sampled_candidates.name, sampler.true_expected_count.shape.as_list()) == (
        "LearnedUnigramCandidateSampler:0",
        [None, 2],
    )
    for _ in range(2):  # what is learned belongs to the session
        with tf.Session() as session:
            for truth, candidates, *expected in LEARNED:
                drawn, *counts = session.run(list(sampler), {classes: truth})
                assert drawn.tolist() == candidates
                for found, count in zip(counts, expected):
                    np.testing.assert_allclose(found, count, rtol=1e-6)


def test_a_sampler_that_learns_of_a_graph_in_a_file(executor):
    """TensorFlow's own candidates of the type that is its thread's own."""
    classes = tf.placeholder(tf.int64, [None, 1], name="x")
    tf.raw_ops.ThreadUnsafeUnigramCandidateSampler(
        true_classes=classes, num_true=1, num_sampled=3, unique=False, range_max=5, seed=42, seed2=7, name="drawn"
    )
    graph_def = tf.get_default_graph().as_graph_def()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(graph_def, name="")
        for truth, candidates in (([[0]], [1, 3, 4]), ([[4], [4]], [2, 4, 0]), ([[4]], [1, 0, 4]), ([[1]], [3, 0, 0])):
            assert session.run("drawn:0", {"x:0": truth}).tolist() == candidates


def test_true_classes_that_a_sampler_cannot_learn(executor):
    classes = tf.placeholder(tf.int64, [None, 1])
    sampler = tf.nn.learned_unigram_candidate_sampler(classes, 1, 2, False, 3, seed=1)
    with tf.Session() as session:
        for wrong in (3, -1):
            with pytest.raises(tf.errors.InvalidArgumentError, match=rf"true_classes must be in \[0, 3\), got {wrong}"):
                session.run(list(sampler), {classes: [[0], [wrong]]})
        assert session.run(sampler.true_expected_count, {classes: [[0]]}).tolist() == [[np.float32(2 / 3)]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="range_max must be below 2147483647, got 2147483647"):
        run(tf.nn.learned_unigram_candidate_sampler([[1]], 1, 2, False, 2**31 - 1))


def test_a_class_that_was_true_more_often_than_a_word_counts(executor):
    sampler = tf.nn.learned_unigram_candidate_sampler([[3]], 1, 20, False, 4, seed=1)
    with tf.Session() as session:
        session.run(sampler.sampled_candidates)
        (stream,) = session._streams.values()
        stream.weights[4] += 2**32 - 5
        for _ in range(2):
            assert set(session.run(sampler.sampled_candidates)) == {3}


def test_what_was_learned_is_saved_with_the_run(executor, tmp_path):
    def step(times):
        with tf.Graph().as_default():
            tf.set_random_seed(1)
            number = tf.train.get_or_create_global_step()
            sampler = tf.nn.learned_unigram_candidate_sampler([[2], [2]], 1, 3, False, 4)
            add = tf.assign_add(number, 1)
            with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path), log_step_count_steps=None) as session:
                return [session.run([sampler.true_expected_count, add])[0][0, 0] for _ in range(times)]

    found = step(2) + step(2)
    np.testing.assert_allclose(found, [3 * (1 + 2 * n) / (4 + 2 * n) for n in range(4)], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({}, tf.errors.InvalidArgumentError, "Must provide either vocab_file or unigrams"),
        ({"unigrams": [1.0], "vocab_file": "x"}, tf.errors.InvalidArgumentError, "Must only provide one of vocab_file and unigrams"),
        ({"unigrams": [1.0, 2.0]}, tf.errors.InvalidArgumentError, "range_max is 3, but there are weights for 2 classes"),
        ({"unigrams": [1.0, 0.0, 0.0]}, tf.errors.InvalidArgumentError, "range is too small: 2 different candidates of 1 classes"),
        ({"vocab_file": "bad.csv"}, tf.errors.InvalidArgumentError, "Wrong vocabulary format at line: b,x"),
        ({"vocab_file": "long.csv"}, tf.errors.InvalidArgumentError, "Wrong vocabulary format at line: b,1_0"),
        ({"vocab_file": "none.csv"}, tf.errors.NotFoundError, "none.csv; No such file or directory"),
    ],
)  # fmt: skip
def test_weights_that_cannot_be(executor, arguments, kind, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.csv").write_text("a,1\nb,x\n")
    (tmp_path / "long.csv").write_text("a,1\nb,1_0\n")
    sampler = tf.nn.fixed_unigram_candidate_sampler([[1]], 1, 2, True, 3, **arguments)
    with pytest.raises(kind, match=text):
        run(sampler)
    with pytest.raises(TypeError, match="Expected list for 'unigrams' argument .* not 'file.csv'"):
        tf.nn.fixed_unigram_candidate_sampler([[1]], 1, 2, True, 3, unigrams="file.csv")


def test_words_of_a_file_of_weights_may_have_any_encoding(executor, tmp_path):
    (tmp_path / "words").write_bytes(b"caf\xe9,1\na\rb,3\n\n")
    drawn = tf.nn.fixed_unigram_candidate_sampler([[0], [1]], 1, 4, False, 2, vocab_file=str(tmp_path / "words"))
    assert run(drawn.true_expected_count).tolist() == [[1], [3]]


@pytest.mark.skipif(on_reference(), reason="the reference executor looks at the time between operations")
def test_candidates_that_are_never_found_end_with_the_time_limit():
    """A single rare one is found now and then: the share that is drawn is 0 once in 8 million times."""
    weights = [1.0] * 9 + [1e-30] * 20
    sampler = tf.nn.fixed_unigram_candidate_sampler([[1]], 1, 29, True, 29, unigrams=weights)
    with tf.Session() as session, pytest.raises(tf.errors.DeadlineExceededError):
        session.run(sampler, options=tf.RunOptions(timeout_in_ms=50))


@pytest.mark.parametrize(
    ("truth", "drawn", "text"),
    [
        ([1, 2], [1, 2], "true_candidates must be a batch_size \\* num_true matrix"),
        ([[1], [2]], [1, 2], r"Incompatible shapes: \[2,1\] vs. \[2\]|Dimension must be 2 but is 1"),
        ([[1, 2]], [[1, 2]], "sampled_candidates must be a vector, which is typically an output from CandidateSampler"),
    ],
)
def test_hits_among_what_is_no_matrix_or_vector(truth, drawn, text, executor):
    feeds = {tf.placeholder(tf.int64, None): truth, tf.placeholder(tf.int64, None): drawn}
    hits = tf.nn.compute_accidental_hits(*feeds, num_true=2)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(hits, feeds)
    with pytest.raises(ValueError, match="Shape must be rank 2 but is rank 1"):
        tf.nn.compute_accidental_hits(np.array([1, 2]), np.array([1]), num_true=2)
    with pytest.raises(ValueError, match="Dimension must be 2 but is 1"):
        tf.nn.compute_accidental_hits(np.array([[1], [2]]), np.array([1]), num_true=2)


# --- values at coordinates -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_values_at_coordinates(executor, dtype):
    indices = tf.placeholder(dtype, [None, 2])
    dense = tf.sparse_to_dense(indices, np.array([3, 4], dtype), 1.5, -1.0)
    assert dense.shape == (3, 4)
    with tf.Session() as session:
        for count in (0, 1, 3):
            rows = np.array([[0, 3], [1, 0], [2, 2]])[:count]
            wanted = np.full((3, 4), -1.0)
            wanted[tuple(rows.T)] = 1.5
            np.testing.assert_array_equal(session.run(dense, {indices: rows}), wanted)


def test_coordinates_that_are_refused(executor):
    indices = tf.placeholder(tf.int32, [None, 2])
    ordered = tf.sparse_to_dense(indices, [3, 2], [5.0, 6.0])
    any_order = tf.sparse_to_dense(indices, [3, 2], [5.0, 6.0], validate_indices=False)
    refused = [
        ([[2, 0], [0, 1]], r"indices\[1\] = \[0,1\] is out of order. Many sparse ops require sorted indices"),
        ([[2, 0], [2, 0]], r"indices\[1\] = \[2,0\] is repeated"),
        ([[0, 0], [3, 0]], r"indices\[1\] = \[3,0\] is out of bounds: need 0 <= index < \[3,2\]"),
        ([[0, -1], [1, 0]], r"indices\[0\] = \[0,-1\] is out of bounds"),
    ]
    with tf.Session() as session:
        for value, text in refused:
            with pytest.raises(tf.errors.InvalidArgumentError, match=text):
                session.run(ordered, {indices: value})
        assert session.run(any_order, {indices: [[2, 0], [0, 1]]}).tolist() == [[0, 6], [0, 0], [5, 0]]


# --- random numbers that follow from a seed ------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_numbers(executor):
    seed = tf.placeholder(tf.int64, [2])
    first, second = (tf.random.stateless_normal([7], seed) for _ in range(2))
    sizes = tf.placeholder(tf.int32, [None])
    open_shape = tf.random.stateless_uniform(sizes, seed, 2, 9, tf.int32)
    with tf.Session() as session:
        one, two, numbers = session.run([first, second, open_shape], {seed: [1, 2], sizes: [2, 3]})
        np.testing.assert_array_equal(one, two)
        assert numbers.shape == (2, 3) and np.all((numbers >= 2) & (numbers < 9))
        again, other = session.run(first, {seed: [1, 2]}), session.run(first, {seed: [2, 2]})
    np.testing.assert_array_equal(one, again)
    assert not np.any(one == other)


def test_another_seed_in_each_iteration(executor):
    def body(i, total):
        return i + 1, total + tf.random.stateless_uniform([3], tf.stack([i, 5]))

    total = tf.while_loop(lambda i, total: i < 4, body, [0, tf.zeros([3])])[1]
    apart = tf.add_n([tf.random.stateless_uniform([3], [i, 5]) for i in range(4)])
    np.testing.assert_allclose(*run([total, apart]), rtol=1e-6)


def test_seeds_that_are_refused(executor):
    with pytest.raises(ValueError, match="Shape must be rank 1 but is rank 0"):
        tf.random.stateless_uniform([2], 3)
    with pytest.raises(ValueError, match="1 and 2"):
        tf.random.stateless_normal([2], [3])
    with pytest.raises(ValueError, match="Must specify maxval for integer dtype"):
        tf.random.stateless_uniform([2], [1, 2], dtype=tf.int32)
    with pytest.raises(ValueError, match="Invalid dtype"):
        tf.random.stateless_uniform([2], [1, 2], 0, 1, tf.uint8)
    seed = tf.placeholder(tf.int32)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError):
        session.run(tf.random.stateless_uniform([2], seed), {seed: [1, 2, 3]})


def test_results_have_names():
    drawn = tf.random.uniform_candidate_sampler([[1]], 1, 3, True, 10)
    assert drawn._fields == ("sampled_candidates", "true_expected_count", "sampled_expected_count")
    hits = tf.nn.compute_accidental_hits([[1]], drawn.sampled_candidates, 1)
    assert hits._fields == ("indices", "ids", "weights") and hits.weights.dtype == tf.float32


@pytest.mark.parametrize("count", [0, -1])
@pytest.mark.parametrize("kind", ["uniform", "log_uniform", "all"])
def test_fewer_than_one_candidate(kind, count):
    sampler = getattr(tf.nn, kind + "_candidate_sampler")
    classes = () if kind == "all" else (10,)
    with pytest.raises(
        ValueError, match=f"Attr 'num_sampled' of '.*CandidateSampler' Op passed {count} less than minimum 1"
    ):
        sampler(np.ones((1, 1), np.int64), 1, count, True, *classes)
