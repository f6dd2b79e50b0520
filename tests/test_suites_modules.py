"""Modules that test suites are built on, at TensorFlow's paths: test cases of datasets, combinations of parameters, derivatives by
differences, plugins' files; and modules that are there only so that files which import them are loaded."""

import importlib
import os

import numpy as np
import pytest
from absl.testing import parameterized

import hookloop as tf
from hookloop.python.data.kernel_tests import test_base as dataset_tests
from hookloop.python.data.util import nest
from hookloop.python.framework import combinations, registry, test_combinations
from hookloop.python.ops import gradient_checker_v2
from hookloop.python.util.protobuf import compare

plugin_asset = importlib.import_module("hookloop.python.summary.plugin_asset")  # a module without a file


def run(case, name):
    result = case(name).defaultTestResult()
    case(name).run(result)
    return result


def test_modules_of_what_is_not_there_are_imported_and_say_so():
    from hookloop.python.ops.ragged import ragged_tensor

    from hookloop.python.ops import sparse_ops

    with pytest.raises(
        AttributeError,
        match="module 'hookloop.python.ops.sparse_ops' has no attribute 'sparse_add': hookloop has nothing of this module yet",
    ):
        _ = sparse_ops.sparse_add
    with pytest.raises(ImportError, match="RaggedTensor"):
        exec("from hookloop.python.ops.ragged.ragged_tensor import RaggedTensor", {})
    assert not hasattr(ragged_tensor, "is_ragged") and dir(sparse_ops) == []


@pytest.mark.parametrize(
    "module, name, public",
    [
        ("compat.compat", "forward_compatible", tf.compat.forward_compatible),
        ("framework.config", "get_soft_device_placement", tf.config.get_soft_device_placement),
        ("ops.image_ops", "extract_image_patches", tf.image.extract_image_patches),
        ("ops.init_ops_v2", "ones_initializer", tf.compat.v2.ones_initializer),
        ("ops.linalg_ops_impl", "eye", tf.linalg.eye),
        ("platform.sysconfig", "get_lib", tf.sysconfig.get_lib),
        ("training.experimental.loss_scale", "FixedLossScale", tf.train.experimental.FixedLossScale),
        ("util.compat_internal", "path_to_str", tf.compat.path_to_str),
    ],
)
def test_public_names(module, name, public):
    assert getattr(importlib.import_module("hookloop.python." + module), name) is public


class TestOfDatasets:
    def test_elements_shapes_and_errors(self):
        class Case(dataset_tests.DatasetTestBase):
            def test_good(self):
                dataset = tf.data.Dataset.from_tensor_slices(([1, 2], {"a": [[3.0], [4.0]]}))
                expected = [(1, {"a": [3.0]}), (2, {"a": [4.0]})]
                self.assertDatasetProduces(dataset, expected, num_test_iterations=2)
                self.assertDatasetProduces(dataset.map(lambda x, y: x), [2, 1], assert_items_equal=True)
                self.assertDatasetProduces(
                    dataset.map(lambda x, y: y["a"]), [[3.0], [4.0]], expected_shapes=tf.TensorShape([1])
                )
                self.assertDatasetsEqual(dataset, dataset.take(5))
                self.assertDatasetProduces(self.structuredDataset((None, (None,)), [2]), [([0, 0], ([0, 0],))])
                bad = dataset.map(lambda x, y: tf.check_numerics(y["a"] / tf.cast(x - 2, tf.float32), "not so"))
                self.assertDatasetProduces(
                    bad, expected_error=(tf.errors.InvalidArgumentError, "not so"), expected_error_iter=2
                )
                self.assertDatasetsRaiseSameError(bad.skip(1), bad.skip(1), tf.errors.InvalidArgumentError)

            def test_other_values(self):
                self.assertDatasetProduces(tf.data.Dataset.range(2), [0, 2])

            def test_too_few(self):
                self.assertDatasetProduces(tf.data.Dataset.range(3), [0, 1])

            def test_no_error(self):
                self.assertDatasetProduces(tf.data.Dataset.range(3), expected_error=(tf.errors.OutOfRangeError, "End"))

        assert run(Case, "test_good").wasSuccessful()
        for name in ("test_other_values", "test_too_few", "test_no_error"):
            assert len(run(Case, name).failures) == 1, name

    def test_structures_in_which_a_list_is_a_leaf(self):
        structure = ({"b": 1, "a": [2, 3]}, 4)
        assert nest.flatten(structure) == [[2, 3], 1, 4] and not nest.is_sequence([1])
        assert nest.pack_sequence_as(structure, ["x", "y", "z"]) == ({"b": "y", "a": "x"}, "z")
        assert nest.map_structure(lambda a, b: (a, b), (1, 2), (3, 4)) == ((1, 3), (2, 4))
        assert nest.flatten_up_to((0, 0), ((1, 2), 3)) == [(1, 2), 3]
        assert nest.map_structure_up_to((0, 0), lambda a: a, ((1, 2), 3)) == ((1, 2), 3)
        with pytest.raises(ValueError, match=r"Structure had 3 elements, but flat_sequence had 1 elements\."):
            nest.pack_sequence_as(structure, [1])
        with pytest.raises(ValueError, match="don't have the same nested structure"):
            nest.assert_same_structure((1, 2), (1, (2, 3)))
        with pytest.raises(TypeError, match=r"don't have the same sequence type\. Input structure has type"):
            nest.assert_shallow_structure((1,), {"a": 1})
        with pytest.raises(TypeError, match="If shallow structure is a sequence, input must also be a sequence"):
            nest.assert_shallow_structure((1,), 3)


class TestCombinations:
    def test_all_values_with_each_other(self):
        found = combinations.times(combinations.combine(b=[1, 2], a="x"), combinations.combine(c=[3, 4]))
        assert [list(chosen.values()) for chosen in found] == [["x", 1, 3], ["x", 1, 4], ["x", 2, 3], ["x", 2, 4]]
        with pytest.raises(ValueError, match="Keys need to not overlap"):
            combinations.times(combinations.combine(a=1), combinations.combine(a=2))
        assert test_combinations is combinations

    def test_a_test_for_each(self):
        seen = []

        class Case(parameterized.TestCase):
            @combinations.generate(dataset_tests.default_test_combinations())
            def test_mode(self):
                seen.append(tf.get_default_graph())

            @combinations.generate(combinations.combine(mode="graph", n=[1, combinations.NamedObject("two", 2)]))
            def test_values(self, mode, n):
                seen.append((mode, str(n)))

        names = [name for name in dir(Case) if name.startswith("test_")]
        assert names == [
            "test_mode_test_mode_eager_tfapiversion_1", "test_mode_test_mode_eager_tfapiversion_2",
            "test_mode_test_mode_graph_tfapiversion_1", "test_mode_test_mode_graph_tfapiversion_2",
            "test_values_test_mode_graph_n_1", "test_values_test_mode_graph_n_two",
        ]  # fmt: skip
        results = [run(Case, name) for name in names]
        assert all(result.wasSuccessful() for result in results) and [len(r.skipped) for r in results] == [
            1,
            1,
            0,
            1,
            0,
            0,
        ]
        assert (
            len(seen) == 3 and seen[0] is not tf.get_default_graph() and seen[1:] == [("graph", "1"), ("graph", "two")]
        )


class TestDerivatives:
    @pytest.mark.parametrize("dtype", ["float64", "complex128"])
    def test_of_a_function_of_two_values(self, dtype):
        x, y = (
            np.array([[1.0, -2.0 if dtype == "float64" else 2j]]).astype(dtype),
            np.array([[3.0], [0.5]]).astype(dtype),
        )
        with tf.Session():
            found, differences = gradient_checker_v2.compute_gradient(lambda a, b: tf.matmul(a, b) * a, [x, y])
            assert [a.shape for a in found] == ([(2, 2), (2, 2)] if dtype == "float64" else [(4, 4), (4, 4)])
            assert gradient_checker_v2.max_error(found, differences) < 1e-6
            rows, others = gradient_checker_v2.compute_gradient(
                lambda a: tf.gather(a, [0, 0]), [tf.constant([1.0, 2.0])]
            )
            np.testing.assert_allclose(rows[0], [[1, 0], [1, 0]])
            np.testing.assert_allclose(others[0], rows[0], atol=1e-4)
            none = gradient_checker_v2.compute_gradient(lambda a: tf.stop_gradient(a), [x])[0]
            assert not none[0].any() and gradient_checker_v2.max_error(none, none) == 0

    def test_what_is_wrong_is_said(self):
        with pytest.raises(ValueError, match="`x` must be a list or tuple"):
            gradient_checker_v2.compute_gradient(tf.square, 1.0)
        with pytest.raises(ValueError, match="needs a default session"):
            gradient_checker_v2.compute_gradient(tf.square, [1.0])


class Notes(plugin_asset.PluginAsset):
    plugin_name = "notes"

    def __init__(self):
        self.contents = {"a.txt": "first"}

    def assets(self):
        return self.contents


class TestPluginsFiles:
    def test_a_writer_of_a_graph_writes_them(self, tmp_path):
        graph = tf.Graph()
        with graph.as_default():
            notes = plugin_asset.get_plugin_asset(Notes)
            assert plugin_asset.get_plugin_asset(Notes) is notes
        assert plugin_asset.get_plugin_asset(Notes) is not notes and plugin_asset.get_all_plugin_assets(graph) == [
            notes
        ]
        notes.contents["b.txt"] = "second"
        tf.summary.FileWriter(tmp_path, graph).close()
        directory = tmp_path / "plugins" / "notes"
        assert sorted(os.listdir(directory)) == ["a.txt", "b.txt"] and (directory / "b.txt").read_text() == "second"

    def test_what_is_wrong_is_said(self):
        class Other(Notes):
            pass

        class Nameless(Notes):
            plugin_name = None

        plugin_asset.get_plugin_asset(Other)
        with pytest.raises(ValueError, match="Class Nameless has no plugin_name"):
            plugin_asset.get_plugin_asset(Nameless)

        class Third(plugin_asset.PluginAsset):
            plugin_name = "notes"

            def assets(self):
                return {}

        with pytest.raises(ValueError, match="Plugin name collision: notes"):
            plugin_asset.get_plugin_asset(Third)
        with pytest.raises(TypeError):
            plugin_asset.PluginAsset()


def test_a_registry_has_each_name_once():
    table = registry.Registry("Shapes")
    table.register(np.array, "array")
    table.register(Notes)
    assert (
        list(table.list()) == ["array", "Notes"]
        and table.lookup("array") is np.array
        and table.lookup(b"Notes") is Notes
    )
    with pytest.raises(KeyError, match=r"Registering two Shapes with name 'array'! \(Previous registration was in"):
        table.register(3, "array")
    with pytest.raises(LookupError, match="Shapes registry has no entry for: circle"):
        table.lookup("circle")


def test_messages_are_compared():
    class Case(tf.test.TestCase):
        def test_same(self):
            compare.assertProtoEqual(self, "node { name: 'a' }", tf.GraphDef(node=[tf.NodeDef(name="a")]))

        def test_other(self):
            compare.assertProtoEqual(self, tf.NodeDef(name="b"), tf.NodeDef(name="a"))

    assert run(Case, "test_same").wasSuccessful() and len(run(Case, "test_other").failures) == 1


def test_decorators_and_versions_of_suites():
    from hookloop.python.framework import test_util

    assert test_util.enable_output_all_intermediates(len) is len is test_util.use_deterministic_cudnn(len)
    assert test_util.enable_tf_xla_constant_folding("why")(len) is len and not test_util.is_xla_enabled()
    assert test_util.assert_equal_graph_def_v1 is tf.test.assert_equal_graph_def
    graph = tf.Graph()
    test_util.set_producer_version(graph, 8)
    assert graph.graph_def_versions.producer == 8 and graph.as_graph_def().versions.producer == 8
