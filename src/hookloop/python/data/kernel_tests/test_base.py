"""`python.data.kernel_tests.test_base`: a test case that goes through datasets in sessions."""

import re

from ....data import make_initializable_iterator, make_one_shot_iterator
from ....data.experimental import get_structure
from ....errors import CancelledError, OutOfRangeError
from ....testing.case import TestCase
from ...framework.combinations import combine
from ..util import nest

__all__ = ["DatasetTestBase", "default_test_combinations"]


class DatasetTestBase(TestCase):
    """A test case that compares the elements of datasets with what is expected."""

    def assert_op_cancelled(self, op):
        with self.assertRaisesRegex(CancelledError, "was cancelled"):
            self.evaluate(op)

    def assertValuesEqual(self, expected, actual):
        """Two components of elements are equal."""
        self.assertAllEqual(expected, actual)

    def getNext(self, dataset, requires_initialization=False, shared_name=None):
        """A function that gives the tensors of a dataset's next element.

        Args:
          dataset: the dataset.
          requires_initialization: whether its iterator has to be initialized, as where it is made of tensors that are fed or variables.
          shared_name: the iterator's.
        """
        if requires_initialization:
            iterator = make_initializable_iterator(dataset, shared_name)
            self.evaluate(iterator.initializer)
        else:
            iterator = make_one_shot_iterator(dataset)
        element = iterator.get_next()
        return lambda: element

    def _compareOutputToExpected(self, result_values, expected_values, assert_items_equal):
        if assert_items_equal:
            self.assertItemsEqual(result_values, expected_values)
            return
        for found, expected in zip(result_values, expected_values):
            nest.assert_same_structure(found, expected)
            for a, b in zip(nest.flatten(found), nest.flatten(expected)):
                self.assertValuesEqual(b, a)

    def assertDatasetProduces(
        self, dataset, expected_output=None, expected_shapes=None, expected_error=None, requires_initialization=False,
        num_test_iterations=1, assert_items_equal=False, expected_error_iter=1,
    ):  # fmt: skip
        """The elements of a dataset are these, and then it ends; or going through it fails so.

        Args:
          dataset: the dataset.
          expected_output: a list of its elements.
          expected_shapes: the shapes of elements, as the graph knows them.
          expected_error: a pair of an error's class and a pattern.
          requires_initialization: as of `getNext`.
          num_test_iterations: how often it is gone through.
          assert_items_equal: whether the order of the elements does not count.
          expected_error_iter: the number of the element that fails, from 1.
        """
        self.assertTrue(
            expected_error is not None or expected_output is not None,
            "Exactly one of expected_output or expected error should be provided.",
        )
        if expected_error is not None:
            self.assertTrue(
                expected_output is None, "Exactly one of expected_output or expected error should be provided."
            )
            with self.assertRaisesWithPredicateMatch(*expected_error):
                get_next = self.getNext(dataset, requires_initialization, shared_name=None)
                for _ in range(expected_error_iter):
                    self.evaluate(get_next())
            return
        if expected_shapes:
            shapes = [spec.shape for spec in nest.flatten(get_structure(dataset))]
            self.assertEqual([str(shape) for shape in nest.flatten(expected_shapes)], [str(shape) for shape in shapes])
        self.assertGreater(num_test_iterations, 0)
        for _ in range(num_test_iterations):
            get_next = self.getNext(dataset, requires_initialization, shared_name=None)
            found = [self.evaluate(get_next()) for _ in expected_output]
            self._compareOutputToExpected(found, expected_output, assert_items_equal)
            for _ in range(2):
                with self.assertRaises(OutOfRangeError):
                    self.evaluate(get_next())

    def assertDatasetsEqual(self, dataset1, dataset2):
        """Two datasets have the same structure and the same elements."""
        self.assertEqual(get_structure(dataset1), get_structure(dataset2))
        first, second = self.getNext(dataset1), self.getNext(dataset2)
        while True:
            try:
                expected = self.evaluate(first())
            except OutOfRangeError:
                with self.assertRaises(OutOfRangeError):
                    self.evaluate(second())
                return
            found = self.evaluate(second())
            nest.assert_same_structure(expected, found)
            for a, b in zip(nest.flatten(expected), nest.flatten(found)):
                self.assertValuesEqual(a, b)

    def assertDatasetsRaiseSameError(self, dataset1, dataset2, exception_class, replacements=None):
        """The first elements of two datasets fail alike.

        Args:
          dataset1, dataset2: the datasets.
          exception_class: the class of the error.
          replacements: pairs of texts: what the first's text has, and what the second's has in its place.
        """
        first, second = self.getNext(dataset1), self.getNext(dataset2)
        text = None
        try:
            self.evaluate(first())
        except exception_class as error:
            text = error.message
            for old, new in replacements or []:
                text = text.replace(old, new)
        if text is None:
            raise ValueError(f"Expected dataset1 to raise an error of type {exception_class!r}, but it did not.")
        # The call's place in the graph, which the text ends with, is another.
        with self.assertRaisesWithPredicateMatch(exception_class, re.escape(text.partition("\n")[0])):
            self.evaluate(second())

    def structuredDataset(self, dataset_structure, shape=None, dtype=None):
        """A dataset of a structure: tuples stand for datasets that are zipped, None for one of zeros."""
        from ....data import Dataset
        from ....dtypes import int64
        from ....ops.array import zeros

        if dataset_structure is None:
            return Dataset.from_tensors(zeros([] if shape is None else shape, int64 if dtype is None else dtype))
        return Dataset.zip(tuple(self.structuredDataset(part, shape, dtype) for part in dataset_structure))

    def structuredElement(self, element_structure, shape=None, dtype=None):
        """An element of a structure: tuples are tuples, None a tensor of zeros."""
        from ....dtypes import int64
        from ....ops.array import zeros

        if element_structure is None:
            return zeros([] if shape is None else shape, int64 if dtype is None else dtype)
        return tuple(self.structuredElement(part, shape, dtype) for part in element_structure)


def default_test_combinations():
    """The combinations that tests of datasets are run in."""
    return combine(tf_api_version=[1, 2], mode=["eager", "graph"])
