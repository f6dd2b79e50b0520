"""`tf.data`: input as sequences of elements."""

from . import experimental
from .dataset import Dataset
from .iterator import Iterator
from .options import Options
from .readers import FixedLengthRecordDataset, TextLineDataset, TFRecordDataset
from .specs import DatasetSpec

__all__ = [
    "Dataset", "DatasetSpec", "FixedLengthRecordDataset", "Iterator", "Options", "TFRecordDataset", "TextLineDataset", "experimental", "get_output_classes", "get_output_shapes", "get_output_types", "make_initializable_iterator",
    "make_one_shot_iterator",
]  # fmt: skip


def make_one_shot_iterator(dataset):
    """An iterator that needs no initializer; see `Dataset.make_one_shot_iterator`."""
    return dataset.make_one_shot_iterator()


def make_initializable_iterator(dataset, shared_name=None):
    """An iterator that starts whenever its `initializer` runs; see `Dataset.make_initializable_iterator`."""
    return dataset.make_initializable_iterator(shared_name)


def get_output_types(dataset_or_iterator):
    """The structure of the elements' types."""
    return dataset_or_iterator.output_types


def get_output_shapes(dataset_or_iterator):
    """The structure of the elements' shapes."""
    return dataset_or_iterator.output_shapes


def get_output_classes(dataset_or_iterator):
    """The structure of the elements' classes."""
    return dataset_or_iterator.output_classes


def __dir__():
    from types import ModuleType

    own = (name for name, value in globals().items() if not name.startswith("_") and not isinstance(value, ModuleType))
    return sorted([*own])
