"""Stochastic dual coordinate ascent in NumPy, as `csrc/kernels/sdca.c` has it: the reference of `SdcaOptimizer`."""

from __future__ import annotations

import math

import numpy as np

from . import _philox

LOSSES = ("logistic_loss", "squared_loss", "hinge_loss", "smooth_hinge_loss", "poisson_loss")

_MASK = (1 << 64) - 1


# --- losses: y is the label, -1 or 1 where there are two classes ------------------------------------------------


def _primal_loss(loss, y, wx):
    margin = y * wx
    if loss == "logistic_loss":
        return np.log1p(np.exp(-margin)) if margin > 0 else np.log1p(np.exp(margin)) - margin
    if loss == "squared_loss":
        return 0.5 * (wx - y) ** 2
    if loss == "hinge_loss":
        return max(1 - margin, 0.0)
    if loss == "poisson_loss":
        return np.exp(wx) - wx * y
    return 0.0 if margin >= 1 else 0.5 - margin if margin <= 0 else 0.5 * (1 - margin) ** 2


def _primal_slope(loss, y, wx):
    margin = y * wx
    if loss == "logistic_loss":
        return -y * (np.exp(-margin) / (1 + np.exp(-margin)) if margin > 0 else 1 / (1 + np.exp(margin)))
    if loss == "squared_loss":
        return wx - y
    if loss == "hinge_loss":
        return -y if margin < 1 else 0.0
    if loss == "poisson_loss":
        return np.exp(wx) - y
    return 0.0 if margin >= 1 else -y if margin <= 0 else (margin - 1) * y


def _times_log(x):
    return x * math.log(x) if x > 0 else 0.0


def _dual_loss(loss, y, dual):
    share, rest = dual * y, y - dual
    if loss == "logistic_loss":
        return _times_log(share) + _times_log(1 - share)
    if loss == "squared_loss":
        return dual * (0.5 * dual - y)
    if loss == "poisson_loss":
        return math.inf if rest < 0 else _times_log(rest) - rest
    if share < 0 or share > 1:
        return math.inf
    return -share if loss == "hinge_loss" else 0.5 * dual * dual - share


def _zero(x, low, high, function):
    """The zero of an increasing function between low and high; `function` gives its value and slope."""
    for _ in range(100):
        value, slope = function(x)
        before = x
        low, high = (low, x) if value > 0 else (x, high)
        x = x - value / slope
        if not low <= x <= high:
            x = 0.5 * (low + high)
        if abs(x - before) <= 1e-14 * (1 + abs(x)):
            break
    return x


def _logistic_dual(y, wx, dual, curvature):
    high = -0.5 * (y * wx - curvature * y * dual)
    low = high - 0.5 * curvature

    def function(x):
        t = np.tanh(x)
        return 2 * x + y * wx + curvature * (0.5 * (1 + t) - y * dual), 2 + 0.5 * curvature * (1 - t * t)

    return 0.5 * (1 + np.tanh(_zero(low if low > 0 else high if high < 0 else 0.0, low, high, function))) / y


def _poisson_dual(y, wx, dual, curvature):
    high = wx + curvature * (y - dual)
    low = min(high - curvature, 0.0, high)
    start = math.log(y - dual) if y > dual else 0.0

    def function(x):
        return x - high + curvature * np.exp(x), 1 + curvature * np.exp(x)

    return y - np.exp(_zero(min(max(start, low), high), low, high, function))


def _clipped_dual(y, dual, numerator, denominator):
    if denominator != 0:
        best = dual + numerator / denominator
    else:
        best = y if numerator * y > 0 else 0.0 if numerator * y < 0 else dual
    return 0.0 if y * best < 0 else y if y * best > 1 else best


def _best_dual(loss, y, wx, dual, curvature):
    if loss == "logistic_loss":
        return _logistic_dual(y, wx, dual, curvature)
    if loss == "squared_loss":
        return dual + (y - dual - wx) / (1 + curvature)
    if loss == "poisson_loss":
        return _poisson_dual(y, wx, dual, curvature)
    if loss == "hinge_loss":
        return _clipped_dual(y, dual, y - wx, curvature)
    return _clipped_dual(y, dual, y - wx - dual, curvature + 1)


# --- the examples -----------------------------------------------------------------------------------------------


class _Group:
    """What examples have of one kind: columns and values by example, weights and what they change by."""

    def __init__(self, weights, columns, values):
        self.weights = np.ravel(weights).astype(np.float64)
        self.deltas = np.zeros(self.weights.size, np.float32)
        self.shape = np.shape(weights)
        self.columns, self.values = columns, values

    def product(self, i, shrinkage, partitions):
        columns, values = self.columns[i], self.values[i]
        weights, deltas = self.weights[columns], self.deltas[columns].astype(np.float64)
        return [float(values @ _shrunk(w, shrinkage)) for w in (weights, weights + deltas * partitions)]

    def add(self, i, by):
        self.deltas[self.columns[i]] = (self.deltas[self.columns[i]] + self.values[i] * by).astype(np.float32)


def _shrunk(weights, by):
    return np.sign(weights) * np.maximum(np.abs(weights) - by, 0.0)


def _sparse_group(n, examples, features, values, known, weights):
    if not examples.size == features.size == (features if values is None else values).size:
        raise ValueError(
            "expected as many sparse example indices, feature indices and feature values, got "
            f"{examples.size}, {features.size} and {(features if values is None else values).size}"
        )
    place = {feature: column for column, feature in enumerate(known.ravel().tolist())}
    columns, found = [[] for _ in range(n)], [[] for _ in range(n)]
    for k, example in enumerate(examples.ravel().tolist()):
        if not 0 <= example < n:
            raise ValueError(f"Example index out of valid range: {example} is not in [0, {n})")
        column = place.get(int(features.ravel()[k]), -1)
        if not 0 <= column < weights.size:
            raise ValueError(f"Found sparse feature indices out of valid range: {features.ravel()[k]}")
        if column in columns[example]:
            raise ValueError("Duplicate index in sparse vector.")
        columns[example].append(column)
        found[example].append(1.0 if values is None else float(values.ravel()[k]))
    return _Group(weights, [np.array(c, int) for c in columns], [np.array(v) for v in found])


def _dense_group(n, features, weights):
    if features.ndim != 2 or len(features) != n:
        raise ValueError(f"expected dense features with a row for each of {n} examples")
    if features.shape[1] > weights.size:
        raise ValueError(f"More dense features than we have parameters for: {features.shape[1]}")
    return _Group(weights, [np.arange(features.shape[1])] * n, list(features.astype(np.float64)))


def _signed_labels(loss, labels):
    for label in labels:
        if loss == "poisson_loss" and label < 0:
            raise ValueError(
                f"Only non-negative labels can be used with the Poisson log loss. Found example with label: {label:g}"
            )
        if loss not in ("poisson_loss", "squared_loss") and label not in (0, 1):
            raise ValueError(f"Only labels of 0.0 or 1.0 are supported right now. Found example with label: {label:g}")
    return labels if loss in ("poisson_loss", "squared_loss") else np.where(labels == 0, -1.0, labels)


# --- the order of the examples ----------------------------------------------------------------------------------


class _Stream:
    def __init__(self, key, stream):
        self.key, self.stream = key, stream


def _mixed(x):
    x = (x ^ x >> 31) * 0x7FB5D329728EA185 & _MASK
    return x ^ x >> 29


def _key_of(state):
    key = 0x9E3779B97F4A7C15
    for bits in np.ascontiguousarray(state, np.float32).view(np.uint32).ravel().tolist():
        key = _mixed(key ^ bits)
    return key


def _words(key, stream, first, count):
    return _philox.blocks(_Stream(key, stream), first, count).astype(np.uint64)


def _shuffled_order(key, n):
    order = list(range(n))
    words = _words(key, 0, 0, n)
    for i in range(n - 1, 0, -1):
        j = int((int(words[i, 0]) | int(words[i, 1]) << 32) % (i + 1))
        order[i], order[j] = order[j], order[i]
    return order


def _uniform(low, high):
    return float((int(low) | int(high) << 32) >> 11) * 2.0**-53


def _adaptive_order(key, probabilities):
    n, sums = len(probabilities), np.cumsum(probabilities)
    if n == 0 or not 0 < sums[-1] < np.finfo(float).max:
        return _shuffled_order(key, n)
    order, drawn, vain = [], [0] * n, 0
    words = _words(key, 1, 0, 2 * n)
    for a, b, c, d in words:
        if len(order) == n or vain == n:
            break
        example = min(int(np.searchsorted(sums, _uniform(a, b) * sums[-1], "right")), n - 1)
        if _uniform(c, d) >= 0.1 ** drawn[example]:
            vain += 1
            continue
        drawn[example] += 1
        order.append(example)
    rest = sorted((i for i in range(n) if not drawn[i]), key=lambda i: (-probabilities[i], i))
    return order + rest[: n - len(order)]


# --- training ---------------------------------------------------------------------------------------------------


def train(attrs, counts, arrays):
    """The new states of the examples and what the weights change by, as `SdcaOptimizer` gives them."""
    sparse, valued, dense = counts
    parts, at = [], 0
    for count in (sparse, sparse, valued, dense, 1, 1, sparse, sparse, dense, 1):
        parts.append(arrays[at : at + count])
        at += count
    examples, features, values, matrices, (weights,), (labels,), known, sparse_weights, dense_weights, (state,) = parts
    weights, labels = weights.ravel().astype(np.float64), labels.ravel().astype(np.float64)
    n = weights.size
    if labels.size != n:
        raise ValueError(f"expected as many labels as weights of examples, got {labels.size} and {n}")
    if state.shape != (n, 4):
        raise ValueError(f"Expected shape [{n},4] for example_state_data, got [{','.join(map(str, state.shape))}]")
    loss = attrs["loss_type"].decode()
    labels = _signed_labels(loss, labels)
    values = [*values, *[None] * (sparse - valued)]
    groups = [_sparse_group(n, *group) for group in zip(examples, features, values, known, sparse_weights)]
    groups += [_dense_group(n, *group) for group in zip(matrices, dense_weights)]
    with np.errstate(all="ignore"):
        return _epoch(attrs, loss, groups, weights, labels, np.array(state, np.float32))


def _epoch(attrs, loss, groups, weights, labels, state):
    n, l2 = len(weights), np.float64(np.float32(attrs["l2"]))
    shrinkage, partitions = np.float64(np.float32(attrs["l1"])) / l2, attrs["num_loss_partitions"]
    norms = [sum(float(group.values[i] @ group.values[i]) for group in groups) for i in range(n)]

    def product(i):
        return np.sum([group.product(i, shrinkage, partitions) for group in groups], 0)

    key = _key_of(state)
    if attrs["adaptative"]:
        smoothness = {"logistic_loss": 4, "hinge_loss": 0}.get(loss, 1)
        distances = [abs(float(state[i, 0]) + _primal_slope(loss, labels[i], product(i)[1])) for i in range(n)]
        order = _adaptive_order(key, weights * np.sqrt(np.array(norms) + l2 * smoothness) * np.array(distances))
    else:
        order = _shuffled_order(key, n)
    for i in order:
        before, wx = product(i)
        dual, y = float(state[i, 0]), float(labels[i])
        best = _best_dual(loss, y, wx, dual, partitions * weights[i] * norms[i] / l2)
        for group in groups:
            group.add(i, (best - dual) * weights[i] / l2)
        losses = _primal_loss(loss, y, before) * weights[i], _dual_loss(loss, y, dual) * weights[i]
        state[i] = best, *losses, weights[i]
    return [state, *[group.deltas.reshape(group.shape) for group in groups]]
