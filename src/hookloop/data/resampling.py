"""`tf.data.experimental.rejection_resample`: elements left out so that their classes have another distribution."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..ops.build import convert_to_tensor
from ..ops.tensor_util import constant_value
from .dataset import Dataset
from .grouping import scan
from .mixing import sample_from_datasets

_BATCH = 32  # elements after which an unknown distribution is estimated anew
_SMOOTHING = 10  # of each class it is taken that so many have been seen before the first element


def rejection_resample(class_func, target_dist, initial_dist=None, seed=None):
    """Pairs of a class and an element, left out at random so that classes are distributed as is wanted.

    Args:
      class_func: gives the class of an element, an integer scalar.
      target_dist: the probability of each class that is wanted.
      initial_dist: the probabilities that they have; by default they are estimated on the way.
      seed: the seed of what is random.

    Returns:
      A transformation for `Dataset.apply`.
    """

    def transform(dataset):
        target = convert_to_tensor(target_dist, name="target_dist")
        classes = dataset.map(class_func)
        if initial_dist is not None:
            initial = convert_to_tensor(initial_dist, name="initial_dist")
            acceptance, kept = _acceptance(initial, target)
            initials = Dataset.from_tensors(initial).repeat()
            acceptances = Dataset.from_tensors(acceptance).repeat()
            all_kept = Dataset.from_tensors(kept).repeat()
            known = _known_share(initial, target)
        else:
            initials = _estimated(target, classes)
            found = initials.map(lambda initial: _acceptance(initial, target))
            acceptances = found.map(lambda acceptance, _: acceptance)
            all_kept = found.map(lambda _, kept: kept)
            known = None
        accepted = _accepted(dataset, acceptances, initials, classes, seed).prefetch(3)
        if known == 1:
            return Dataset.zip((classes, dataset))
        if known == 0:
            return accepted
        both = [Dataset.zip((classes, dataset)), accepted]
        return sample_from_datasets(both, weights=all_kept.map(lambda kept: [(kept, 1.0 - kept)]), seed=seed)

    return transform


def _acceptance(initial, target):
    """The probability with which an element of each class is taken, and the share of elements that are taken as they come."""
    from ..ops.reduce import reduce_max, reduce_min

    ratio = target / (initial + np.finfo(initial.dtype.as_numpy_dtype).tiny)
    most, least = reduce_max(ratio), reduce_min(ratio)
    return (ratio - least) / (most - least), least


def _known_share(initial, target):
    """The share of elements that are taken as they come, where both distributions are constants."""
    initial, target = constant_value(initial), constant_value(target)
    return None if initial is None or target is None else np.min(target / initial)


def _accepted(dataset, acceptances, initials, classes, seed):
    from ..ops.control_flow import cond
    from ..ops.gather import gather
    from ..ops.math import less
    from ..ops.printing import Print
    from ..ops.random import random_uniform
    from ..ops.reduce import reduce_sum

    def told(acceptance, initial):
        rejected = reduce_sum((1 - acceptance) * initial)
        message = "Proportion of examples rejected by sampler is high: "
        return cond(
            less(rejected, 0.5),
            lambda: acceptance,
            lambda: Print(acceptance, [rejected, initial, acceptance], message=message, summarize=100, first_n=10),
        )

    acceptances = Dataset.zip((acceptances, initials)).map(told)
    with_probability = Dataset.zip((classes, acceptances, dataset)).map(
        lambda number, acceptance, data: (number, gather(acceptance, number), data)
    )
    chosen = with_probability.filter(lambda _, probability, data: random_uniform([], seed=seed) < probability)
    return chosen.map(lambda number, _, data: (number, data))


def _estimated(target, classes):
    """The distribution of the classes as far as they have been seen, for each element."""
    from ..ops.array import expand_dims, fill, shape, tile
    from ..ops.cast import cast
    from ..ops.gather import one_hot
    from ..ops.math import add, truediv
    from ..ops.reduce import reduce_sum

    count = target.shape.as_list()[0] or shape(target)[0]
    seen = fill([count], np.int64(_SMOOTHING))

    def estimate(seen, numbers):
        seen = add(seen, reduce_sum(one_hot(numbers, seen.get_shape().as_list()[0], dtype=dtypes.int64), 0))
        distribution = cast(truediv(seen, reduce_sum(seen)), dtypes.float32)
        return seen, tile(expand_dims(distribution, 0), [_BATCH, 1])

    return classes.batch(_BATCH).apply(scan(seen, estimate)).unbatch()
