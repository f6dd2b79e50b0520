"""Linear models trained by stochastic dual coordinate ascent: `tf.train.sdca_optimizer` and what goes with it.

What it computes is in `csrc/kernels/sdca.c`, with the papers that it comes from; NumPy's form of it in `_sdca_reference.py`.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np

from .. import dtypes
from ..shapes import UNKNOWN
from ._sdca_reference import LOSSES, train
from .build import apply_op, convert_to_tensor
from .registry import EVERY_INPUT, OpDef, no_gradient, register
from .shape_functions import nothing

__all__ = ["sdca_fprint", "sdca_optimizer", "sdca_shrink_l1"]

_Results = namedtuple(
    "SdcaOptimizer", ["out_example_state_data", "out_delta_sparse_weights", "out_delta_dense_weights"]
)


# --- the optimizer --------------------------------------------------------------------------------------------


def _counts(attrs):
    return [attrs[f"num_{name}"] for name in ("sparse_features", "sparse_features_with_values", "dense_features")]


def _shape(c):
    sparse, valued, dense = (
        c.attr(f"num_{name}") for name in ("sparse_features", "sparse_features_with_values", "dense_features")
    )
    if valued > sparse:
        c.fail_in_run("Found num_sparse_features_with_values > num_sparse_features")
    if sparse + dense == 0:
        c.fail_in_run("Requires at least one feature to train.")
    weights = 2 * sparse + valued + dense + 2 + sparse
    state = weights + sparse + dense
    found = (c.new_size(), 4)
    if c.known(state) and len(c.shape(state)) == 2:
        found = (c.shape(state)[0], 4)
    elif c.known(state):
        examples = "x".join("?" if not isinstance(d, int) else str(d) for d in c.shape(weights - sparse - 2))
        shape = ",".join("?" if not isinstance(d, int) else str(d) for d in c.shape(state))
        c.fail_in_run(f"Expected shape [{examples},4] for example_state_data, got [{shape}]")
    kept = range(weights, weights + sparse + dense)
    return [found, *[c.shape(i) if c.known(i) else None for i in kept]]


def _params(node):
    attrs = node.attrs
    loss = LOSSES.index(attrs["loss_type"].decode())
    regularization = float(np.float32(attrs["l1"])), float(np.float32(attrs["l2"]))
    return (loss, int(attrs["adaptative"]), *_counts(attrs), attrs["num_loss_partitions"], *regularization)


def _reference(node, *arrays):
    return train(node.attrs, _counts(node.attrs), arrays)


# --- what goes with it ----------------------------------------------------------------------------------------


def _fingerprints(call, texts):
    from ._string_hashes import farm_128

    words = [farm_128(text) for text in texts]
    return np.array(words, np.uint64).reshape(-1, 2).view(np.int64)


def _shrunk(node, *weights):
    l1, l2 = np.float32(node.attrs["l1"]), np.float32(node.attrs["l2"])
    with np.errstate(all="ignore"):
        by = l1 / l2
        return [np.sign(w) * np.maximum(np.abs(w) - by, np.float32(0)) for w in weights]


def _shrink(c, node):
    l1, l2 = np.float32(node.attrs["l1"]), np.float32(node.attrs["l2"])
    with np.errstate(all="ignore"):
        by = float(l1 / l2)
    for weights in node.inputs:
        c.emit("shrink", [weights], (), (by,))


_LISTS = "num_sparse_features * int64"
register(
    OpDef("SdcaOptimizer",
          f"sparse_example_indices: {_LISTS}, sparse_feature_indices: {_LISTS}, "
          "sparse_feature_values: num_sparse_features_with_values * float32, dense_features: num_dense_features * float32, "
          f"example_weights: float32, example_labels: float32, sparse_indices: {_LISTS}, "
          "sparse_weights: num_sparse_features * float32, dense_weights: num_dense_features * float32, "
          "example_state_data: float32",
          "out_example_state_data: float32, out_delta_sparse_weights: num_sparse_features * float32, "
          "out_delta_dense_weights: num_dense_features * float32",
          attrs={"loss_type": None, "adaptative": False, "l1": None, "l2": None, "num_loss_partitions": None,
                 "num_inner_iterations": None},
          minima={"num_loss_partitions": 1, "num_inner_iterations": 1}, shape=_shape, kernel="sdca", params=_params, can_fail=True, reference=_reference,
          gradient=no_gradient),
    OpDef("SdcaFprint", "input: string", "output: int64", ranks={"input": 1}, shape=lambda c: (c.shape(0)[0] if c.known(0) else UNKNOWN, 2),
          host=_fingerprints, gradient=no_gradient),
    OpDef("SdcaShrinkL1", "weights: num_features * Ref(float32)", attrs={"l1": None, "l2": None}, shape=nothing,
          lower=_shrink, reference=_shrunk, writes=EVERY_INPUT,
          gradient=no_gradient),
)  # fmt: skip


# --- public functions -----------------------------------------------------------------------------------------


def _tensors(name, values, dtype, like=None):
    """A list argument as tensors.

    Raises:
      TypeError: it is no list, or an element has another type.
      ValueError: it has not as many elements as another list.
    """
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"Expected list for '{name}' argument to 'sdca_optimizer' Op, not {values}.")
    if like is not None and len(values) != like[1]:
        raise ValueError(
            f"List argument '{name}' to 'sdca_optimizer' Op with length {len(values)} must match length {like[1]} of "
            f"argument '{like[0]}'."
        )
    return [convert_to_tensor(value, dtype) for value in values]


def _at_least_one(name, value):
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"Expected int for argument '{name}' not {value!r}.")
    if int(value) < 1:
        raise ValueError(f"Attr '{name}' of 'SdcaOptimizer' Op passed {int(value)} less than minimum 1.")
    return int(value)


def _number(name, value):
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"Expected float for argument '{name}' not {value!r}.")
    return float(value)


def sdca_optimizer(
    sparse_example_indices, sparse_feature_indices, sparse_feature_values, dense_features, example_weights, example_labels,
    sparse_indices, sparse_weights, dense_weights, example_state_data, loss_type, l1, l2, num_loss_partitions,
    num_inner_iterations, adaptative=True, name=None,
):  # fmt: skip
    """One step of stochastic dual coordinate ascent for each example: what a linear model's weights change by.

    The model's loss is the sum of the examples' losses, times their weights, plus l1 |w| + l2 / 2 |w|^2, of weights that
    `sdca_shrink_l1` makes of those that are trained.

    Args:
      sparse_example_indices: a list: for each sparse group, which example each of its features is of.
      sparse_feature_indices: a list: which feature it is. An example has a feature once at most.
      sparse_feature_values: a list: its value, for the first groups; the features of the others are 1.
      dense_features: a list of matrices, with a row for each example.
      example_weights: how much each example counts.
      example_labels: 0 or 1, or a number for "squared_loss", one that is not negative for "poisson_loss".
      sparse_indices: a list: the features that the weights of each sparse group are for.
      sparse_weights, dense_weights: lists: the weights of each group.
      example_state_data: a row for each example: its dual variable, primal loss, dual loss and weight; 0 to begin with.
      loss_type: "logistic_loss", "squared_loss", "hinge_loss", "smooth_hinge_loss" or "poisson_loss".
      l1, l2: how much the weights are held down.
      num_loss_partitions: how many such steps are made of the same weights at once, for other examples.
      num_inner_iterations: accepted.
      adaptative: whether examples whose dual variable is far from its best value are more likely to be taken, perhaps
        several times, and others not at all; else each is taken once.
      name: the node's name.

    Returns:
      A named tuple: the new `example_state_data`, and lists of what the weights of each group change by. The order of the
      examples follows from their state: the same input gives the same result.

    Raises:
      TypeError: an argument has another type.
      ValueError: lists of different lengths, another loss, partitions or iterations below 1.
      InvalidArgumentError: when it runs: shapes, labels or features that do not fit.
      UnimplementedError: when it runs, where there are more than 512 groups of features.
    """
    sparse = ("sparse_example_indices", len(sparse_example_indices)) if _is_list(sparse_example_indices) else None
    dense = ("dense_features", len(dense_features)) if _is_list(dense_features) else None
    if loss_type not in LOSSES:
        allowed = ", ".join(f'"{loss}"' for loss in LOSSES)
        raise ValueError(f"Attr 'loss_type' of 'SdcaOptimizer' Op passed string '{loss_type}' not in: {allowed}.")
    if not isinstance(adaptative, (bool, np.bool_)):
        raise TypeError(f"Expected bool for argument 'adaptative' not {adaptative!r}.")
    inputs = [
        _tensors("sparse_example_indices", sparse_example_indices, dtypes.int64),
        _tensors("sparse_feature_indices", sparse_feature_indices, dtypes.int64, sparse),
        _tensors("sparse_feature_values", sparse_feature_values, dtypes.float32),
        _tensors("dense_features", dense_features, dtypes.float32),
        example_weights, example_labels,
        _tensors("sparse_indices", sparse_indices, dtypes.int64, sparse),
        _tensors("sparse_weights", sparse_weights, dtypes.float32, sparse),
        _tensors("dense_weights", dense_weights, dtypes.float32, dense),
        example_state_data,
    ]  # fmt: skip
    attrs = {
        "loss_type": loss_type, "adaptative": bool(adaptative), "l1": _number("l1", l1), "l2": _number("l2", l2),
        "num_loss_partitions": _at_least_one("num_loss_partitions", num_loss_partitions),
        "num_inner_iterations": _at_least_one("num_inner_iterations", num_inner_iterations),
    }  # fmt: skip
    state, *deltas = apply_op("SdcaOptimizer", inputs, attrs, name)
    return _Results(state, deltas[: sparse[1]], deltas[sparse[1] :])


def _is_list(values):
    return isinstance(values, (list, tuple))


def sdca_fprint(input, name=None):
    """A fingerprint of 128 bits of each text: [n, 2] int64, FarmHash's Fingerprint128."""
    return apply_op("SdcaFprint", [input], None, name)


def sdca_shrink_l1(weights, l1, l2, name=None):
    """Moves every weight towards 0 by l1 / l2, and no further.

    Args:
      weights: a list of float32 variables, which are assigned to.
      l1, l2: numbers.
      name: the node's name.

    Returns:
      The operation.

    Raises:
      TypeError: the weights are no list of variables.
    """
    if not _is_list(weights):
        raise TypeError(f"Expected list for 'weights' argument to 'sdca_shrink_l1' Op, not {weights}.")
    references = [_reference_to(weight) for weight in weights]
    return apply_op("SdcaShrinkL1", [references], {"l1": _number("l1", l1), "l2": _number("l2", l2)}, name)


def _reference_to(weight):
    if not hasattr(weight, "dtype"):
        weight = convert_to_tensor(weight)
    try:
        found = weight._ref() if hasattr(weight, "_ref") else weight
    except ValueError:  # a resource
        found = None
    if found is None or not found.dtype._is_ref_dtype:
        raise TypeError("'SdcaShrinkL1' Op requires that input 'weights' be a mutable tensor (e.g.: a tf.Variable)")
    return found
