"""Options of datasets: properties, merging, the nodes that they add."""

import pytest

import hookloop as tf

Dataset = tf.data.Dataset


def options(**properties):
    """Options with properties set; `a__b` is property b of the options a."""
    made = tf.data.Options()
    for name, value in properties.items():
        *path, last = name.split("__")
        inner = made
        for part in path:
            inner = getattr(inner, part)
        setattr(inner, last, value)
    return made


def iterator_nodes(dataset):
    dataset.make_initializable_iterator()
    return [op.type for op in tf.get_default_graph().get_operations() if op.type not in ("Const", "RangeDataset")]


def rules(dataset):
    """The rewritings that an iterator's dataset goes through."""
    dataset.make_initializable_iterator()
    op = next(op for op in tf.get_default_graph().get_operations() if op.type == "OptimizeDataset")
    return [rule.decode() for rule in op.inputs[1].op.get_attr("value")]


DEFAULT = ["map_and_batch_fusion", "noop_elimination", "shuffle_and_repeat_fusion"]


@pytest.mark.parametrize(
    "properties, expected",
    [
        ({}, DEFAULT),
        ({"experimental_optimization__noop_elimination": False}, ["map_and_batch_fusion", "shuffle_and_repeat_fusion"]),
        (
            {
                "experimental_optimization__map_fusion": True,
                "experimental_optimization__apply_default_optimizations": False,
            },
            ["map_fusion"],
        ),
        ({"experimental_deterministic": False}, [*DEFAULT, "make_sloppy"]),
        ({"experimental_slack": True}, [*DEFAULT, "slack"]),
        (
            {"experimental_optimization__map_vectorization__enabled": True},
            ["map_and_batch_fusion", "map_vectorization", "noop_elimination", "shuffle_and_repeat_fusion"],
        ),
    ],
)
def test_rewritings(properties, expected):
    assert rules(Dataset.range(3).with_options(options(**properties))) == expected


def test_nodes_of_options():
    iterator = ["IteratorV2", "MakeIterator", "IteratorToStringHandle"]
    threads = options(experimental_threading__private_threadpool_size=2)
    assert iterator_nodes(Dataset.range(3).with_options(threads)) == [
        "PrivateThreadPoolDataset", "OptimizeDataset", "ModelDataset", *iterator,
    ]  # fmt: skip
    with tf.Graph().as_default():
        plain = options(
            experimental_optimization__apply_default_optimizations=False, experimental_optimization__autotune=False
        )
        assert iterator_nodes(Dataset.range(3).with_options(plain)) == iterator


def test_options_of_parts_are_merged():
    first = Dataset.range(3).with_options(options(experimental_deterministic=True))
    second = Dataset.range(3).with_options(options(experimental_slack=True))
    both = Dataset.zip((first, second)).map(lambda a, b: a + b).options()
    assert both == options(experimental_deterministic=True, experimental_slack=True)
    assert second.options().experimental_deterministic is None
    assert first.concatenate(second).options() == both and both != tf.data.Options()
    text = r"Cannot merge incompatible values \(True and False\) of option: experimental_deterministic"
    with pytest.raises(ValueError, match=text):
        first.with_options(options(experimental_deterministic=False))


def test_wrong_options():
    with pytest.raises(AttributeError, match="Cannot set the property foo on Options"):
        options(foo=1)
    with pytest.raises(TypeError, match='Property "experimental_slack" must be of type'):
        options(experimental_slack=3)
    with pytest.raises(TypeError, match="Incompatible options type"):
        Dataset.range(3).with_options(3)


def test_elements_do_not_depend_on_threads(executor):
    threads = options(
        experimental_threading__max_intra_op_parallelism=1, experimental_threading__private_threadpool_size=3
    )
    iterator = Dataset.range(3).with_options(threads).make_initializable_iterator()
    following = iterator.get_next()
    with tf.Session() as session:
        session.run(iterator.initializer)
        assert [session.run(following) for _ in range(3)] == [0, 1, 2]
