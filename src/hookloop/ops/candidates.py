"""Losses over few of many classes: candidates that are drawn as negative examples, and what is done with them."""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np

from .. import dtypes
from ..graph.random_seed import get_seed
from ..graph.scopes import name_scope
from . import _philox, kinds
from .array import expand_dims, ones, ones_like, reshape, shape, zeros_like
from .build import apply_op, convert_to_tensor
from .cast import cast
from .core import stop_gradient
from .embedding import embedding_lookup
from .gather import gather_nd
from .linalg import matmul
from .math import multiply
from .math_unary import log
from .nn import sigmoid_cross_entropy_with_logits, softmax_cross_entropy_with_logits_v2
from .reduce import reduce_sum
from .registry import OpDef, no_gradient, register
from .slicing import concat, slice, stack

__all__ = [
    "compute_accidental_hits", "log_uniform_candidate_sampler", "nce_loss", "sampled_softmax_loss", "sparse_to_dense",
    "uniform_candidate_sampler",
]  # fmt: skip

_ATTRS = {"num_true": None, "num_sampled": None, "unique": None, "range_max": None, "seed": 0, "seed2": 0}
_BLOCKS_A_CANDIDATE = 512
_LEAST = np.finfo(np.float32).min


# --- samplers -------------------------------------------------------------------------------------------------


def _sampled(c):
    count, truth = c.attr("num_sampled"), None
    if c.known(0):
        truth = c.shape(0)
        if len(truth) != 2:
            c.fail(f"Shape must be rank 2 but is rank {len(truth)}")
        if isinstance(truth[1], int) and truth[1] != c.attr("num_true"):
            c.fail(f"true_classes must have num_true columns, expected: {c.attr('num_true')} was: {truth[1]}")
        if isinstance(truth[1], int) and truth[1] != c.attr("num_true"):
            c.fail(f"Dimension must be {c.attr('num_true')} but is {truth[1]}")
        c.merge(truth[1], c.attr("num_true"))
    return [(count,), truth, (count,)]


class _Words:
    """The words of a stream, one by one."""

    def __init__(self, stream, blocks):
        self._stream, self._next, self._left = stream, stream.counter, []
        stream.counter += blocks

    def word(self):
        if not self._left:
            self._left = [int(w) for w in reversed(_philox.blocks(self._stream, self._next, 1)[0])]
            self._next += 1
        return self._left.pop()

    def long(self):
        return self.word() | self.word() << 32

    def below(self, n):
        if n & (n - 1) == 0:
            return self.long() & (n - 1)
        drawn = self.long()
        while drawn < (2**64 - 1) % n:
            drawn = self.long()
        return drawn % n

    def double(self):
        x0, x1 = (np.array([self.word()], np.uint32) for _ in range(2))
        return float(_philox._double(x0, x1)[0])


def _reference(draw, probability):
    def reference(node, stream, classes):
        attrs = node.attrs
        wanted, range_max = attrs["num_sampled"], attrs["range_max"]
        if attrs["unique"] and wanted > range_max:
            raise ValueError(f"Sampler's range is too small: {wanted} different candidates of {range_max} classes")
        words, found, tries = _Words(stream, _BLOCKS_A_CANDIDATE * wanted), [], 0
        while len(found) < wanted:
            number = draw(words, range_max)
            tries += 1
            if not attrs["unique"] or number not in found:
                found.append(number)

        def expected(numbers):
            likely = probability(np.asarray(numbers, np.float64), range_max).astype(np.float32)
            if tries == wanted:
                return likely * np.float32(wanted)
            return -np.expm1(tries * np.log1p(-likely.astype(np.float64)))

        return np.array(found, np.int64), expected(classes), expected(found)

    return reference


def _sampler(name, number, draw, probability):
    def lower(c, node):
        attrs = (number, node.attrs["range_max"], int(node.attrs["unique"]))
        c.emit("candidates", [c.stream(), node.inputs[0]], node.outputs, attrs)

    return OpDef(name, "true_classes: int64",
                 "sampled_candidates: int64, true_expected_count: float32, sampled_expected_count: float32", attrs=_ATTRS,
                 shape=_sampled, lower=lower, stateful="stream", gradient=no_gradient,
                 reference=_reference(draw, probability))  # fmt: skip


# --- accidental hits and sparse values --------------------------------------------------------------------------


def _hits_shape(c):
    if c.known(0):
        truth = c.shape(0)
        if len(truth) != 2:
            c.fail_in_run("true_candidates must be a batch_size * num_true matrix")
            c.fail(f"Shape must be rank 2 but is rank {len(truth)}")
        if isinstance(truth[1], int) and truth[1] != c.attr("num_true"):
            c.fail(f"Dimension must be {c.attr('num_true')} but is {truth[1]}")
        c.merge(truth[1], c.attr("num_true"))
    if c.known(1) and len(c.shape(1)) != 1:
        c.fail_in_run("sampled_candidates must be a vector, which is typically an output from CandidateSampler")
        c.fail(f"Shape must be rank 1 but is rank {len(c.shape(1))}")
    count = c.new_size()
    return [(count,)] * 3


def _hits_lower(c, node):
    c.emit("hit_count", node.inputs, (), defines=c.new_sizes)
    c.emit("hit_fill", node.inputs, node.outputs)


def _hits_reference(node, truth, drawn):
    place = {number: k for k, number in enumerate(drawn.tolist())}  # of one that was drawn twice, the last
    hits = [(row, place[number]) for row, numbers in enumerate(truth.tolist()) for number in numbers if number in place]
    rows, places = np.array(hits, np.int64).reshape(-1, 2).T
    return rows.astype(np.int32), places, np.full(len(rows), _LEAST)


def _dense_shape(c):
    return tuple([c.natural(d) for d in c.sizes(1)])


def _dense_lower(c, node):
    indices, _, values, rest = node.inputs
    if len(indices.shape) < 2:
        matrix = c.temp(indices.dtype, (indices.size, 1))
        c.alias(matrix, indices)
        indices = matrix
    c.merge(indices.shape[1], len(node.outputs[0].shape))
    if values.shape:
        c.merge(values.shape[0], indices.shape[0])
    c.emit("sparse_to_dense", [indices, values, rest], node.outputs, (int(node.attrs["validate_indices"]),))


def _dense_reference(node, indices, form, values, rest):
    form = tuple(int(d) for d in form)
    out = np.full(form, rest, np.asarray(values).dtype)
    rows = np.asarray(indices).reshape(-1, len(form)).tolist()
    for i, (row, value) in enumerate(zip(rows, np.broadcast_to(values, len(rows)))):
        text = f"indices[{i}] = [{','.join(map(str, row))}] is "
        if any(not 0 <= k < d for k, d in zip(row, form)):
            raise IndexError(f"{text}out of bounds: need 0 <= index < [{','.join(map(str, form))}]")
        if node.attrs["validate_indices"] and i and row < rows[i - 1]:
            raise IndexError(f"{text}out of order. Many sparse ops require sorted indices.")
        if node.attrs["validate_indices"] and i and row == rows[i - 1]:
            raise IndexError(f"{text}repeated")
        out[tuple(row)] = value
    return out


def _dense_gradient(op, grad):
    indices = op.inputs[0]
    if indices._shape is not None and len(indices._shape) < 2:
        indices = reshape(indices, [-1, 1])
    values = gather_nd(grad, indices)
    if op.inputs[2]._shape == ():
        values = reduce_sum(values)
    return [None, None, values, reduce_sum(grad) - reduce_sum(values)]


register(
    _sampler("UniformCandidateSampler", 0, lambda words, n: words.below(n), lambda k, n: np.full(np.shape(k), 1.0 / n)),
    _sampler("LogUniformCandidateSampler", 1, lambda words, n: (int(math.exp(words.double() * math.log1p(n))) - 1) % n,
             lambda k, n: np.log((k + 2.0) / (k + 1.0)) / math.log1p(n)),
    OpDef("ComputeAccidentalHits", "true_classes: int64, sampled_candidates: int64",
          "indices: int32, ids: int64, weights: float32", attrs={"num_true": None, "seed": 0, "seed2": 0},
          shape=_hits_shape, lower=_hits_lower, reference=_hits_reference, gradient=no_gradient),
    OpDef("SparseToDense", "sparse_indices: Tindices, output_shape: Tindices, sparse_values: T, default_value: T", "dense: T",
          ranks={"output_shape": 1, "default_value": 0}, attrs={"validate_indices": True}, types={"Tindices": kinds.INDEX}, shape=_dense_shape, lower=_dense_lower,
          reference=_dense_reference, gradient=_dense_gradient, can_fail=True),
)  # fmt: skip


# --- public functions -------------------------------------------------------------------------------------------


_Hits = namedtuple("ComputeAccidentalHits", ["indices", "ids", "weights"])


def _sampler_function(type, what):
    kind = namedtuple(type, ["sampled_candidates", "true_expected_count", "sampled_expected_count"])

    def function(true_classes, num_true, num_sampled, unique, range_max, seed=None, name=None):
        seed1, seed2 = get_seed(seed)
        attrs = {"num_true": num_true, "num_sampled": num_sampled, "unique": bool(unique), "range_max": range_max,
                 "seed": seed1 or 0, "seed2": seed2 or 0}  # fmt: skip
        return kind(*apply_op(type, [true_classes], attrs, name))

    function.__name__ = function.__qualname__ = what[0]
    function.__doc__ = f"""Draws classes {what[1]}.

    Args:
      true_classes: int64 [batch, num_true].
      num_true: how many true classes an example has.
      num_sampled: how many candidates are drawn.
      unique: whether all of them differ.
      range_max: the number of classes.
      seed: the op's seed.
      name: the node's name.

    Returns:
      (candidates, how often each true class is expected among them, and each candidate).

    Raises:
      ValueError: where `true_classes` has another number of columns.
      InvalidArgumentError: when it runs, where there are not so many different classes.
    """
    return function


uniform_candidate_sampler = _sampler_function(
    "UniformCandidateSampler", ("uniform_candidate_sampler", "each of which is as likely as the others")
)
log_uniform_candidate_sampler = _sampler_function(
    "LogUniformCandidateSampler",
    ("log_uniform_candidate_sampler", "that are the likelier the smaller their number is, as words sorted by their frequency are"),
)  # fmt: skip


def compute_accidental_hits(true_classes, sampled_candidates, num_true, seed=None, name=None):
    """Where candidates are a true class: (example, place among the candidates, the lowest number), one for each hit."""
    seed1, seed2 = get_seed(seed)
    attrs = {"num_true": num_true, "seed": seed1 or 0, "seed2": seed2 or 0}
    return _Hits(*apply_op("ComputeAccidentalHits", [true_classes, sampled_candidates], attrs, name))


def sparse_to_dense(sparse_indices, output_shape, sparse_values, default_value=0, validate_indices=True, name=None):
    """A tensor of one value, but for the elements that coordinates name.

    Args:
      sparse_indices: the coordinates [count, rank]; [count] or one number for a vector.
      output_shape: the tensor's shape.
      sparse_values: the values [count], or one for all.
      default_value: what the other elements are.
      validate_indices: whether the coordinates must be in order, none twice.
      name: the node's name.

    Raises:
      InvalidArgumentError: when it runs, for coordinates that are out of bounds, or not in order.
    """
    attrs = {"validate_indices": bool(validate_indices)}
    return apply_op("SparseToDense", [sparse_indices, output_shape, sparse_values, default_value], attrs, name)


# --- losses -----------------------------------------------------------------------------------------------------


def _sum_rows(x):
    """The sums of a matrix' rows, by a product."""
    return reshape(matmul(x, ones(stack([shape(x)[1], 1]), x.dtype)), [-1])


def _sampled_logits(weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, remove_hits,
                    partition_strategy, name, seed):  # fmt: skip
    """Logits and labels of the true classes, and behind them those of the candidates."""
    weights = list(weights) if isinstance(weights, (list, tuple)) or hasattr(weights, "_variable_list") else [weights]
    with name_scope(name, "compute_sampled_logits", [*weights, biases, inputs, labels]):
        labels = convert_to_tensor(labels, name="labels")
        if labels.dtype.base_dtype != dtypes.int64:
            labels = cast(labels, dtypes.int64)
        flat = reshape(labels, [-1])
        if sampled_values is None:
            sampled_values = log_uniform_candidate_sampler(labels, num_true, num_sampled, True, num_classes, seed)
        sampled, true_expected, sampled_expected = (stop_gradient(value) for value in sampled_values)
        sampled = cast(sampled, dtypes.int64)
        ids = concat([flat, sampled], 0)
        rows = embedding_lookup(weights, ids, partition_strategy)
        true_rows = slice(rows, [0, 0], stack([shape(flat)[0], -1]))
        sampled_rows = slice(rows, stack([shape(flat)[0], 0]), [-1, -1])
        sampled_logits = matmul(inputs, sampled_rows, transpose_b=True)
        offsets = embedding_lookup(biases, ids, partition_strategy)
        true_offsets = slice(offsets, [0], shape(flat))
        sampled_offsets = slice(offsets, shape(flat), [-1])
        width = shape(true_rows)[1:2]
        form = concat([[-1, num_true], width], 0)
        products = multiply(expand_dims(inputs, 1), reshape(true_rows, form))
        true_logits = reshape(_sum_rows(reshape(products, concat([[-1], width], 0))), [-1, num_true])
        true_logits += reshape(true_offsets, [-1, num_true])
        sampled_logits += sampled_offsets
        if remove_hits:
            sampled_logits += _lowest_at_hits(labels, sampled, num_true, num_sampled, sampled_logits.dtype)
        true_logits -= log(true_expected)
        sampled_logits -= log(sampled_expected)
        logits = concat([true_logits, sampled_logits], 1)
        return logits, concat([ones_like(true_logits) / num_true, zeros_like(sampled_logits)], 1)


def _lowest_at_hits(labels, sampled, num_true, num_sampled, dtype):
    """What takes candidates out that are a true class: the lowest number, added to their logits."""
    rows, places, lowest = compute_accidental_hits(labels, sampled, num_true)
    rows = reshape(rows, [-1, 1])
    indices = concat([rows, reshape(cast(places, dtypes.int32), [-1, 1])], 1, "sparse_indices")
    form = concat([shape(labels)[:1], expand_dims(num_sampled, 0)], 0)
    if lowest.dtype != dtype:
        lowest = cast(lowest, dtype)
    return sparse_to_dense(indices, form, lowest, default_value=0.0, validate_indices=False)


def nce_loss(weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None,
             remove_accidental_hits=False, partition_strategy="mod", name="nce_loss"):  # fmt: skip
    """Noise-contrastive estimation: the loss of telling true classes from drawn ones (Gutmann and Hyvarinen, 2010).

    Args:
      weights: [num_classes, width], or a list of its shards.
      biases: [num_classes].
      labels: int64 [batch, num_true].
      inputs: [batch, width].
      num_sampled: how many candidates are drawn for a batch.
      num_classes: the number of classes.
      num_true: how many true classes an example has.
      sampled_values: what a sampler gives; by default `log_uniform_candidate_sampler`'s.
      remove_accidental_hits: whether candidates that are a true class of an example do not count for it.
      partition_strategy: how shards are cut, as in `embedding_lookup`.
      name: the nodes' scope.

    Returns:
      [batch].
    """
    logits, labels = _sampled_logits(weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values,
                                     remove_accidental_hits, partition_strategy, name, None)  # fmt: skip
    return _sum_rows(sigmoid_cross_entropy_with_logits(labels=labels, logits=logits, name="sampled_losses"))


def sampled_softmax_loss(weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None,
                         remove_accidental_hits=True, partition_strategy="mod", name="sampled_softmax_loss",
                         seed=None):  # fmt: skip
    """The cross-entropy of a softmax over the true and the drawn classes; the arguments are those of nce_loss."""
    logits, labels = _sampled_logits(weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values,
                                     remove_accidental_hits, partition_strategy, name, seed)  # fmt: skip
    labels = stop_gradient(labels, name="labels_stop_gradient")
    return softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits)
