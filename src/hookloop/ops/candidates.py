"""Losses over few of many classes: candidates that are drawn as negative examples, and what is done with them."""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np

from .. import dtypes, errors
from ..files.os_errors import translated
from ..files.paths import local_path
from ..graph.describe import describe
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
    "all_candidate_sampler", "compute_accidental_hits", "fixed_unigram_candidate_sampler", "learned_unigram_candidate_sampler",
    "log_uniform_candidate_sampler", "nce_loss", "sampled_softmax_loss", "sparse_to_dense", "uniform_candidate_sampler",
]  # fmt: skip

_ALL_ATTRS = {"num_true": None, "num_sampled": None, "unique": None, "seed": 0, "seed2": 0}
_ATTRS = {**_ALL_ATTRS, "range_max": None}
_UNIGRAM_ATTRS = {
    **_ATTRS,
    "vocab_file": "",
    "distortion": 1.0,
    "num_reserved_ids": 0,
    "num_shards": 1,
    "shard": 0,
    "unigrams": [],
}
_OUTPUTS = "sampled_candidates: int64, true_expected_count: float32, sampled_expected_count: float32"
_BLOCKS_A_CANDIDATE = 512
_LEAST = np.finfo(np.float32).min


# --- samplers -------------------------------------------------------------------------------------------------


def _sampled(c):
    for name in ("num_true", "num_sampled", "range_max"):
        if name in c.op.op_def.attrs:
            _check_at_least_one(c, name)
    count = c.attr("num_sampled")
    if not c.known(0):
        return [(count,), (c.new_size(), c.attr("num_true")), (count,)]
    truth = c.shape(0)
    if isinstance(truth[1], int) and truth[1] != c.attr("num_true"):
        c.fail_in_run(f"true_classes must have num_true columns, expected: {truth[1]} was: {c.attr('num_true')}")
    return [(count,), (truth[0], c.attr("num_true")), (count,)]


def _check_at_least_one(c, name):
    if int(c.attr(name)) < 1:
        c.fail(f"Attr '{name}' of '{c.op.type}' Op passed {int(c.attr(name))} less than minimum 1.")


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

    def below_word(self, n):
        if n & (n - 1) == 0:
            return self.word() & (n - 1)
        drawn = self.word()
        while drawn < (2**32 - 1) % n + 1:
            drawn = self.word()
        return drawn % n

    def single(self):
        return _philox._float(np.array([self.word()], np.uint32))[0]

    def double(self):
        x0, x1 = (np.array([self.word()], np.uint32) for _ in range(2))
        return float(_philox._double(x0, x1)[0])


def _check_columns(attrs, classes):
    if classes.shape[1] != attrs["num_true"]:
        raise ValueError(
            f"true_classes must have num_true columns, expected: {classes.shape[1]} was: {attrs['num_true']}"
        )


def _reference(table_of):
    def reference(node, stream, classes):
        attrs = node.attrs
        wanted, range_max = attrs["num_sampled"], attrs["range_max"]
        _check_columns(attrs, classes)
        draw, probability, differing = table_of(attrs, stream)
        if attrs["unique"] and wanted > differing:
            raise ValueError(f"Sampler's range is too small: {wanted} different candidates of {differing} classes")
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

    return OpDef(name, "true_classes: int64", _OUTPUTS, ranks={"true_classes": 2}, attrs=_ATTRS, shape=_sampled, lower=lower, stateful="stream",
                 gradient=no_gradient,
                 reference=_reference(lambda attrs, stream: (draw, probability, attrs["range_max"])))  # fmt: skip


class _Unigrams:
    """The classes of a `FixedUnigramCandidateSampler`, as its attributes give them.

    Args:
      attrs: the node's attributes.

    Attributes:
      likely: float32 [range_max], how likely each class is.
      own: float32 [range_max], the share of a class in its place of the table of the alias method;
      other: int32 [range_max], the class that has the rest of it.
      reachable: how many classes can be drawn.

    Raises:
      ValueError: the attributes name no weights, or not so many as there are classes; a line of the file ends with no number.
      OSError: the file cannot be read.
    """

    def __init__(self, attrs):
        weights = self._weights(attrs)
        if len(weights) != attrs["range_max"]:
            raise ValueError(f"range_max is {attrs['range_max']}, but there are weights for {len(weights)} classes")
        total = np.add.accumulate(np.array([0, *weights], np.float32))[-1]
        with np.errstate(all="ignore"):
            self.likely = weights / total
            shares = weights.astype(np.float64) * len(weights) / np.add.accumulate([0.0, *weights.tolist()])[-1]
        self._fill(shares)
        drawn = np.concatenate([np.flatnonzero(self.own > 0), self.other[self.own < 1]])
        self.reachable = len(np.unique(drawn))

    def _weights(self, attrs):
        if not attrs["vocab_file"] and not attrs["unigrams"]:
            raise ValueError("Must provide either vocab_file or unigrams.")
        if attrs["vocab_file"] and attrs["unigrams"]:
            raise ValueError("Must only provide one of vocab_file and unigrams.")
        own = _weights_in(attrs["vocab_file"]) if attrs["vocab_file"] else attrs["unigrams"]
        raised = np.power(np.array(own, np.float32), np.float32(attrs["distortion"]))
        weights = np.concatenate([np.zeros(max(0, attrs["num_reserved_ids"]), np.float32), raised])
        return (
            weights[attrs["shard"] :: attrs["num_shards"]] if 0 <= attrs["shard"] < attrs["num_shards"] else weights[:0]
        )

    def _fill(self, shares):
        """Gives the rest of each place that is not full to a class that has more than its own."""
        self.own, self.other = np.ones(len(shares), np.float32), np.arange(len(shares), dtype=np.int32)
        low = [i for i, share in enumerate(shares) if share < 1]
        high = [i for i, share in enumerate(shares) if not share < 1]
        while low and high:
            poor, rich = low.pop(), high.pop()
            self.own[poor], self.other[poor] = shares[poor], rich
            shares[rich] -= 1 - shares[poor]
            (low if shares[rich] < 1 else high).append(rich)

    def draw(self, words, range_max):
        share, number = words.single(), words.below_word(range_max)
        return number if share < self.own[number] else int(self.other[number])

    def probability(self, numbers, range_max):
        inside = (numbers >= 0) & (numbers < range_max)
        return np.where(inside, self.likely[np.where(inside, numbers, 0).astype(np.int64)], np.float32(0))


def _weights_in(path):
    """The numbers behind the last comma of each line of a file that is not empty; what is before it may have any encoding."""
    weights = []
    with translated(path), open(local_path(path), "rb") as lines:
        for line in lines:
            line = line.rstrip(b"\n")
            if line:
                weights.append(_weight_of(line))
    return weights


def _weight_of(line):
    number = line.rsplit(b",", 1)[-1]
    try:
        if b"_" not in number:  # which Python reads over
            return float(number)
    except ValueError:
        pass
    raise ValueError(f"Wrong vocabulary format at line: {line.decode(errors='replace')}")


def _lower_unigrams(c, node):
    try:
        unigrams = _Unigrams(node.attrs)
    except ValueError as error:
        c.fail_in_run(str(error))
    wanted, differing = node.attrs["num_sampled"], unigrams.reachable
    if node.attrs["unique"] and wanted > differing:
        c.fail_in_run(f"Sampler's range is too small: {wanted} different candidates of {differing} classes")
    table = [c.literal(unigrams.likely), c.literal(unigrams.own), c.literal(unigrams.other)]
    tries = wanted
    if node.attrs["unique"] and wanted:  # the last one that is found is the least likely of as many
        least = np.sort(unigrams.likely)[-wanted]
        tries += int(min(1 / max(1e-9, least), 1e9))
    attrs = (2, node.attrs["range_max"], int(node.attrs["unique"]), tries)
    c.emit("candidates", [c.stream(), node.inputs[0], *table], node.outputs, attrs)


def _lower_all(c, node):
    c.merge(node.inputs[0].shape[1], node.attrs["num_true"])
    c.alias(node.outputs[0], c.literal(np.arange(node.attrs["num_sampled"])))
    for output in node.outputs[1:]:
        c.emit("fill", [c.literal(np.float32(1))], [output])


def _all_reference(node, classes):
    _check_columns(node.attrs, classes)
    count = node.attrs["num_sampled"]
    return np.arange(count), np.ones(np.shape(classes), np.float32), np.ones(count, np.float32)


def _unigram_table(attrs, stream):
    unigrams = _Unigrams(attrs)
    return unigrams.draw, unigrams.probability, unigrams.reachable


# --- a sampler that learns --------------------------------------------------------------------------------------


def _all_once(op):
    """The sums of a Fenwick tree of ones: element i has those of the i & -i classes that end before class i."""
    range_max = op.get_attr("range_max")
    if range_max >= 2**31 - 1:
        raise errors.InvalidArgumentError(
            None, op, f"range_max must be below 2147483647, got {range_max} {describe(op)}"
        )
    places = np.arange(range_max + 1)
    return places & -places


def _counts(tree):
    """How often each class counts, and all together."""
    before = np.zeros_like(tree)
    for place in range(1, len(tree)):
        before[place] = tree[place] + before[place & (place - 1)]
    return np.diff(before), int(before[-1])


def _learned_table(attrs, stream):
    counts, total = _counts(stream.weights)
    ends = np.cumsum(counts)

    def probability(numbers, range_max):
        return counts[numbers.astype(np.int64)].astype(np.float32) / np.float32(total)

    def draw(words, range_max):
        below = words.below_word if total < 2**32 else words.below
        return int(np.searchsorted(ends, below(total), "right"))

    return draw, probability, len(counts)


def _check_classes(classes, range_max):
    outside = [number for number in classes.ravel().tolist() if not 0 <= number < range_max]
    if outside:
        raise ValueError(f"true_classes must be in [0, {range_max}), got {outside[0]}")


def _learn(tree, classes):
    for number in classes.ravel().tolist():
        place = number + 1
        while place < len(tree):
            tree[place] += 1
            place += place & -place


def _learning_reference(node, stream, classes):
    _check_classes(classes, node.attrs["range_max"])
    results = _reference(_learned_table)(node, stream, classes)
    _learn(stream.weights, classes)
    return results


def _learning_sampler(name):
    def lower(c, node):
        attrs = (3, node.attrs["range_max"], int(node.attrs["unique"]))
        c.emit("candidates", [c.stream(), node.inputs[0]], node.outputs, attrs)

    return OpDef(name, "true_classes: int64", _OUTPUTS, ranks={"true_classes": 2}, attrs=_ATTRS, shape=_sampled, lower=lower,
                 stateful="stream", gradient=no_gradient, reference=_learning_reference, can_fail=True, learned=_all_once)  # fmt: skip


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
    OpDef("AllCandidateSampler", "true_classes: int64", _OUTPUTS, ranks={"true_classes": 2}, attrs=_ALL_ATTRS, shape=_sampled, lower=_lower_all, gradient=no_gradient, stateful=True,
          reference=_all_reference),
    OpDef("FixedUnigramCandidateSampler", "true_classes: int64", _OUTPUTS, ranks={"true_classes": 2}, attrs=_UNIGRAM_ATTRS, shape=_sampled, lower=_lower_unigrams,
          stateful="stream", gradient=no_gradient, reference=_reference(_unigram_table)),
    _learning_sampler("LearnedUnigramCandidateSampler"),
    _learning_sampler("ThreadUnsafeUnigramCandidateSampler"),
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


_Candidates = {
    type: namedtuple(type, ["sampled_candidates", "true_expected_count", "sampled_expected_count"])
    for type in (
        f"{kind}CandidateSampler" for kind in ("All", "FixedUnigram", "LearnedUnigram", "LogUniform", "Uniform")
    )
}


def _candidates(type, true_classes, num_true, num_sampled, unique, seed, name, **attrs):
    seed1, seed2 = get_seed(seed)
    attrs = {"num_true": num_true, "num_sampled": num_sampled, "unique": bool(unique), **attrs,
             "seed": seed1 or 0, "seed2": seed2 or 0}  # fmt: skip
    return _Candidates[type](*apply_op(type, [true_classes], attrs, name))


def uniform_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max, seed=None, name=None):
    """Draws classes each of which is as likely as the others.

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
    return _candidates(
        "UniformCandidateSampler", true_classes, num_true, num_sampled, unique, seed, name, range_max=range_max
    )


def log_uniform_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max, seed=None, name=None):
    """Draws classes that are the likelier the smaller their number is, as words sorted by their frequency are.

    Arguments, results and errors are those of `uniform_candidate_sampler`.
    """
    return _candidates(
        "LogUniformCandidateSampler", true_classes, num_true, num_sampled, unique, seed, name, range_max=range_max
    )


def fixed_unigram_candidate_sampler(
    true_classes, num_true, num_sampled, unique, range_max, vocab_file="", distortion=1.0, num_reserved_ids=0, num_shards=1,
    shard=0, unigrams=(), seed=None, name=None,
):  # fmt: skip
    """Draws classes as often as their weights say, those of a file or of a list.

    Arguments that are not named here, and results, are those of `uniform_candidate_sampler`.

    Args:
      vocab_file: a file with a line for each class, which ends with its weight behind a comma.
      distortion: the power to which the weights are raised.
      num_reserved_ids: how many classes come before those with weights and are never drawn.
      num_shards: how many samplers share the classes.
      shard: which of those this one has: every `num_shards`th from this on.
      unigrams: the weights, in the place of a file.

    Raises:
      ValueError: where `true_classes` has another number of columns.
      TypeError: where `unigrams` is no list or tuple.
      InvalidArgumentError: when it runs, where there are not so many classes that can be drawn, where there are weights for another
        number of classes, or a line ends with no number.
      NotFoundError: when it runs, where there is no such file.
    """
    if not isinstance(unigrams, (list, tuple)):
        raise TypeError(
            f"Expected list for 'unigrams' argument to 'fixed_unigram_candidate_sampler' Op, not {unigrams!r}."
        )
    return _candidates(
        "FixedUnigramCandidateSampler", true_classes, num_true, num_sampled, unique, seed, name, range_max=range_max,
        vocab_file=vocab_file, distortion=distortion, num_reserved_ids=num_reserved_ids, num_shards=num_shards, shard=shard,
        unigrams=[float(weight) for weight in unigrams],
    )  # fmt: skip


def learned_unigram_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max, seed=None, name=None):
    """Draws classes as often as they have been true classes: each counts once at first, and once more whenever it is one.

    Arguments, results and errors are those of `uniform_candidate_sampler`. What is learned belongs to the session. What a run
    expects is told by what was learned before it.

    Raises:
      InvalidArgumentError: when it runs, for a true class that is none of the `range_max` classes.
    """
    return _candidates(
        "LearnedUnigramCandidateSampler", true_classes, num_true, num_sampled, unique, seed, name, range_max=range_max
    )


def all_candidate_sampler(true_classes, num_true, num_sampled, unique, seed=None, name=None):
    """Gives every class as a candidate, each of which is expected once: a loss is compared with its value without sampling.

    Args:
      true_classes: int64 [batch, num_true].
      num_true: how many true classes an example has.
      num_sampled: the number of classes.
      unique: counts for nothing.
      seed: counts for nothing.
      name: the node's name.

    Returns:
      (the classes, ones as the true classes, ones).

    Raises:
      ValueError: where `true_classes` has another number of columns.
    """
    return _candidates("AllCandidateSampler", true_classes, num_true, num_sampled, unique, seed, name)


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


def _sampled_logits(weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None, subtract_log_q=True,
                    remove_accidental_hits=False, partition_strategy="mod", name=None, seed=None):  # fmt: skip
    """Logits and labels of the true classes, and behind them those of the candidates; `python.ops.nn_impl` has it too."""
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
        if remove_accidental_hits:
            sampled_logits += _lowest_at_hits(labels, sampled, num_true, num_sampled, sampled_logits.dtype)
        if subtract_log_q:
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
                                     True, remove_accidental_hits, partition_strategy, name)  # fmt: skip
    return _sum_rows(sigmoid_cross_entropy_with_logits(labels=labels, logits=logits, name="sampled_losses"))


def sampled_softmax_loss(weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None,
                         remove_accidental_hits=True, partition_strategy="mod", name="sampled_softmax_loss",
                         seed=None):  # fmt: skip
    """The cross-entropy of a softmax over the true and the drawn classes; the arguments are those of nce_loss."""
    logits, labels = _sampled_logits(weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values,
                                     True, remove_accidental_hits, partition_strategy, name, seed)  # fmt: skip
    labels = stop_gradient(labels, name="labels_stop_gradient")
    return softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits)
