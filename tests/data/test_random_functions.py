"""Random numbers in functions of datasets: each iterator has its own, which begin anew when it starts; as recorded from TensorFlow 1.15."""

import pytest

import hookloop as tf

DRAWN = [1, -9, 4, 6, 9, 3, 6, -3, 6]


def draw(*_):
    return tf.random_uniform([], -10, 10, tf.int64, seed=1)


def elements(session, tensor, count):
    return [session.run(tensor) for _ in range(count)]


DATASETS = {
    "map": (lambda: tf.data.Dataset.range(8).map(draw), DRAWN[:4]),
    "batch": (lambda: tf.data.Dataset.range(8).map(draw).batch(2).map(lambda x: x[1]).prefetch(1), [-9, 6, 3, -3]),
    "filter": (lambda: tf.data.Dataset.range(8).filter(lambda x: draw() > 0), [0, 2, 3, 4]),
    "repeat": (lambda: tf.data.Dataset.range(3).map(draw).repeat(3), DRAWN),
    "cond": (lambda: tf.data.Dataset.range(8).map(lambda x: tf.cond(x > 2, draw, lambda: x)), [0, 1, 2, 1, -9, 4]),
    "flat_map": (
        lambda: tf.data.Dataset.range(3).flat_map(lambda x: tf.data.Dataset.range(2).map(draw)),
        DRAWN[:6],
    ),
    "interleave": (
        lambda: tf.data.Dataset.range(3).interleave(lambda x: tf.data.Dataset.range(2).map(draw), cycle_length=2),
        DRAWN[:6],
    ),
}


@pytest.mark.parametrize("kind", sorted(DATASETS))
def test_an_iterator_that_starts_again_draws_the_same_numbers(executor, kind):
    make, wanted = DATASETS[kind]
    dataset = make()
    iterator = dataset.make_initializable_iterator()
    reinitializable = tf.data.Iterator.from_structure(dataset.output_types, dataset.output_shapes)
    second, start_second = reinitializable.get_next(), reinitializable.make_initializer(dataset)
    first = iterator.get_next()
    with tf.Session() as session:
        for _ in range(3):
            session.run([iterator.initializer, start_second])
            assert elements(session, first, len(wanted)) == wanted
            assert elements(session, second, len(wanted)) == wanted


def test_iterators_of_one_dataset_do_not_share_their_numbers(executor):
    dataset = tf.data.Dataset.range(20).map(draw)
    first, second = (dataset.make_one_shot_iterator().get_next() for _ in range(2))
    later = dataset.make_initializable_iterator()
    with tf.Session() as session:
        assert [session.run([first, second]) for _ in range(3)] == [[n, n] for n in DRAWN[:3]]
        session.run(later.initializer)  # while the others are on their way
        assert elements(session, first, 3) == DRAWN[3:6]
        assert elements(session, later.get_next(), 2) == DRAWN[:2]
        assert elements(session, second, 3) == DRAWN[3:6]


def test_a_dataset_that_stands_twice_in_another_draws_the_same_in_both_places(executor):
    dataset = tf.data.Dataset.range(3).map(draw)
    behind, beside = dataset.concatenate(dataset), tf.data.Dataset.zip((dataset, dataset))
    behind, beside = (d.make_initializable_iterator() for d in (behind, beside))
    first, second = behind.get_next(), beside.get_next()
    with tf.Session() as session:
        for _ in range(2):
            session.run([behind.initializer, beside.initializer])
            assert elements(session, first, 6) == 2 * DRAWN[:3]
            assert elements(session, second, 3) == [(n, n) for n in DRAWN[:3]]


def test_numbers_without_seeds_differ_each_time(executor):
    iterator = tf.data.Dataset.range(8).map(lambda x: tf.random_uniform([])).make_initializable_iterator()
    taken = iterator.get_next()
    with tf.Session() as session:
        found = []
        for _ in range(3):
            session.run(iterator.initializer)
            found += elements(session, taken, 4)
    assert len(set(found)) == 12


def test_a_function_keeps_what_it_captures(executor):
    scale = tf.placeholder(tf.int64, [])
    iterator = tf.data.Dataset.range(4).map(lambda x: draw() * scale).make_initializable_iterator()
    taken = iterator.get_next()
    with tf.Session() as session:
        for factor in (2, 3):
            session.run(iterator.initializer, {scale: factor})
            assert elements(session, taken, 4) == [factor * n for n in DRAWN[:4]]


def test_a_run_in_its_second_epoch_goes_on_with_its_numbers(tmp_path):
    def run(steps):
        with tf.Graph().as_default():
            iterator = tf.data.Dataset.range(5).map(draw).repeat(2).make_initializable_iterator()
            tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)
            taken, step = iterator.get_next(), tf.train.get_or_create_global_step()
            update = tf.assign_add(step, 1)
            with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path), save_checkpoint_steps=1) as session:
                return [session.run([taken, update])[0] for _ in range(steps)]

    assert run(4) + run(3) == DRAWN[:7]
