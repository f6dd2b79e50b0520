"""Elements of several datasets, at random or as another dataset says; random numbers."""

from __future__ import annotations

from .. import dtypes
from ..graph.graph_def import Function
from ..ops.build import apply_op, convert_to_tensor
from . import iterator as iterators
from .dataset import Dataset, DatasetV1Adapter, _joint_options, _joint_shape, _seed_tensors
from .function import trace
from .structure import TensorLeaf, flatten, pack, same_structure

__all__ = ["RandomDataset", "choose_from_datasets", "sample_from_datasets"]


class RandomDataset(DatasetV1Adapter):
    """Random numbers from 0 to 2^32 - 1, without end.

    Args:
      seed: the seed of the op; with one, every iteration gives the same numbers.
    """

    def __init__(self, seed=None):
        element = TensorLeaf(dtypes.int64, [])
        super().__init__(apply_op("RandomDataset", [*_seed_tensors(seed)], iterators.spec_attrs(element)), element)


def sample_from_datasets(datasets, weights=None, seed=None):
    """Elements of several datasets, each time of one that is drawn; those that have ended are left out.

    Args:
      datasets: a list of datasets with elements of the same types.
      weights: how likely each is, a vector of float32 or float64, or a dataset of such; equally by default.
      seed: the seed of the op.

    Raises:
      TypeError: where the weights are of another type, or the elements have different ones.
      ValueError: where there is no dataset, or there are more or fewer weights.
    """
    from ..ops.array import expand_dims
    from ..ops.math_unary import log

    if not datasets:
        raise ValueError("`datasets` must not be empty")
    if isinstance(weights, Dataset):
        logits = weights.map(lambda *p: log(p, name="logits"))
        numbers = Dataset.zip((logits, RandomDataset(seed).batch(2)))

        def select_dataset_varying_logits(logits, seed):
            return _drawn(logits, seed)

        return _directed(_mapped(numbers, select_dataset_varying_logits), datasets)
    if weights is None:
        logits = [[1.0] * len(datasets)]
    else:
        weights = convert_to_tensor(weights, name="weights")
        if weights.dtype not in (dtypes.float32, dtypes.float64):
            raise TypeError("`weights` must be convertible to a tensor of `tf.float32` or `tf.float64` elements.")
        if not weights.shape.is_compatible_with([len(datasets)]):
            raise ValueError("`weights` must be a vector of length `len(datasets)`.")
        logits = expand_dims(log(weights, name="logits"), 0)
    if len(datasets) == 1:
        return datasets[0]

    def select_dataset_constant_logits(seed):
        return _drawn(logits, seed)

    return _directed(_mapped(RandomDataset(seed).batch(2), select_dataset_constant_logits), datasets)


def _drawn(logits, seed):
    from ..ops.array import squeeze

    logits = convert_to_tensor(logits, name="StatelessMultinomial/logits")
    return squeeze(apply_op("StatelessMultinomial", [logits, 1, seed], {"output_dtype": dtypes.int64}), axis=[0, 1])


def _mapped(dataset, function):
    traced = trace(function, dataset._element, "map")
    attrs = {"f": Function.named(traced.name), "use_inter_op_parallelism": False}
    return dataset._derived("MapDataset", [traced.captures], traced.result, attrs)


def choose_from_datasets(datasets, choice_dataset):
    """Elements of several datasets, each time of the one whose number another dataset gives.

    Args:
      datasets: a list of datasets with elements of the same types.
      choice_dataset: a dataset of int64 scalars, each a place in the list.

    Raises:
      TypeError: where `choice_dataset` has other elements, or the datasets' elements have different types.
      ValueError: where there is no dataset.
    """
    leaf = choice_dataset._element
    if not isinstance(leaf, TensorLeaf) or leaf.dtype is not dtypes.int64 or not leaf.shape.is_compatible_with([]):
        raise TypeError("`choice_dataset` must be a dataset of scalar `tf.int64` tensors.")
    if not datasets:
        raise ValueError("`datasets` must not be empty")
    return _directed(choice_dataset, datasets)


def _directed(selector, datasets):
    element = datasets[0]._element
    for dataset in datasets[1:]:
        pairs = list(zip(flatten(element), flatten(dataset._element)))
        if not same_structure(element, dataset._element) or any(a.dtype is not b.dtype for a, b in pairs):
            raise TypeError("All datasets must have the same type and class.")
        element = pack(element, [TensorLeaf(a.dtype, _joint_shape(a.shape, b.shape)) for a, b in pairs])
    inputs = [selector._variant_tensor, [dataset._variant_tensor for dataset in datasets]]
    variant = apply_op("DirectedInterleaveDataset", inputs, iterators.spec_attrs(element))
    return DatasetV1Adapter(variant, element, _joint_options([selector, *datasets]))
