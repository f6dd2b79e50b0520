"""The random numbers of csrc/kernels/random.c in NumPy: the reference of the random ops.

Philox 4x32-10 (Salmon et al. 2011) with TensorFlow 1.15's keys and transforms. A stream is an object with
`key`, `stream` and `counter`; what an execution reserves is taken from the counter.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

_RESERVED = 256


def blocks(stream, first, count):
    """Words [count, 4] of the blocks from `first` on."""
    return blocks_at(stream, np.arange(count, dtype=np.uint64) + np.uint64(first))


def blocks_at(stream, index):
    """Words [len(index), 4] of the blocks of these numbers."""
    key, count = int(stream.key), len(index)
    low = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    c0, c1 = index & low, index >> shift
    c2 = np.full(count, int(stream.stream) & 0xFFFFFFFF, np.uint64)
    c3 = np.full(count, int(stream.stream) >> 32, np.uint64)
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c2 = (b >> shift) ^ c1 ^ np.uint64(k0), (a >> shift) ^ c3 ^ np.uint64(k1)
        c1, c3 = b & low, a & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], 1).astype(np.uint32)


def _reserve(stream, count):
    first = stream.counter
    stream.counter = first + count
    return first


def _float(words):
    return ((words & np.uint32(0x7FFFFF)) | np.uint32(0x3F800000)).view(np.float32) - np.float32(1)


def _double(x0, x1):
    bits = (np.uint64(1023) << np.uint64(52)) | ((x0.astype(np.uint64) & np.uint64(0xFFFFF)) << np.uint64(32)) | x1
    return bits.view(np.float64) - 1.0


def _normal_floats(words):
    u1 = np.maximum(_float(words[:, 0::2]), np.float32(1e-7))
    angle = (2 * np.pi * _float(words[:, 1::2]).astype(np.float64)).astype(np.float32)
    radius = np.sqrt(np.float32(-2) * np.log(u1))
    return np.stack([np.sin(angle) * radius, np.cos(angle) * radius], 2).reshape(len(words), 4)


def _normal_doubles(words):
    u1 = np.maximum(_double(words[:, 0], words[:, 1]), 1e-7)
    angle = 2 * np.pi * _double(words[:, 2], words[:, 3])
    radius = np.sqrt(-2 * np.log(u1))
    return np.stack([np.sin(angle) * radius, np.cos(angle) * radius], 1)


def uniform(stream, shape, dtype):
    n = int(np.prod(shape))
    first = _reserve(stream, n * _RESERVED)
    if dtype == np.float64:
        words = blocks(stream, first, (n + 1) // 2)
        values = np.stack([_double(words[:, 0], words[:, 1]), _double(words[:, 2], words[:, 3])], 1)
    elif dtype == np.float16:
        words = blocks(stream, first, (n + 3) // 4)
        values = ((words & np.uint32(0x3FF)) | np.uint32(15 << 10)).astype(np.uint16).view(np.float16) - np.float16(1)
    elif np.dtype(dtype).itemsize == 2:  # bfloat16: the upper half of a float
        words = blocks(stream, first, (n + 3) // 4)
        values = (((words & np.uint32(0x7F)) | np.uint32(127 << 7)) << np.uint32(16)).view(np.float32) - np.float32(1)
    else:
        values = _float(blocks(stream, first, (n + 3) // 4))
    return values.ravel()[:n].reshape(shape).astype(dtype)


def normal(stream, shape, dtype):
    n = int(np.prod(shape))
    first = _reserve(stream, n * _RESERVED)
    wide = dtype == np.float64
    words = blocks(stream, first, (n + 1) // 2 if wide else (n + 3) // 4)
    values = _normal_doubles(words) if wide else _normal_floats(words)
    return values.ravel()[:n].reshape(shape).astype(dtype)


def truncated_normal(stream, shape, dtype):
    n = int(np.prod(shape))
    first = _reserve(stream, n * _RESERVED)
    wide = dtype == np.float64
    group, transform = (2, _normal_doubles) if wide else (4, _normal_floats)
    groups = (n + group - 1) // group
    values, kept = np.zeros((groups, group), np.float64 if wide else np.float32), np.zeros(groups, np.int64)
    starts, open_groups = (
        np.uint64(first) + np.arange(groups, dtype=np.uint64) * np.uint64(_RESERVED * group // 4),
        np.arange(groups),
    )
    for step in itertools.count():
        if not len(open_groups):
            return values.ravel()[:n].reshape(shape).astype(dtype)
        drawn = transform(blocks_at(stream, starts[open_groups] + np.uint64(step)))
        for column in drawn.T:
            fits = (np.abs(column) < 2) & (kept[open_groups] < group)
            values[open_groups[fits], kept[open_groups[fits]]] = column[fits]
            kept[open_groups[fits]] += 1
        open_groups = open_groups[kept[open_groups] < group]


def uniform_int(stream, shape, low, high):
    n = int(np.prod(shape))
    if low >= high and n:
        raise ValueError(f"Need minval < maxval, got {low} >= {high}")
    first = _reserve(stream, n * _RESERVED)
    dtype = np.asarray(low).dtype
    if dtype == np.int64:
        words = blocks(stream, first, (n + 1) // 2).astype(np.uint64)
        numbers = (words[:, 0::2] | (words[:, 1::2] << np.uint64(32))).ravel()[:n]
    else:
        numbers = blocks(stream, first, (n + 3) // 4).ravel()[:n].astype(np.uint64)
    span = int(high) - int(low)
    values = [int(low) + int(x) % span for x in numbers] if n else []
    return np.array(values, dtype).reshape(shape)


def shuffle(stream, value):
    value = np.array(value)
    rows = len(value) if value.ndim else 1
    if rows < 2:
        return value
    first = _reserve(stream, (rows + 2) // 4)
    words = blocks(stream, first, (rows + 2) // 4).ravel()
    order = list(range(rows))
    for i in range(rows - 1):
        j = i + int(words[i]) % (rows - i)
        order[i], order[j] = order[j], order[i]
    return value[order]


def multinomial(stream, logits, samples, dtype):
    rows, _classes = logits.shape
    first = _reserve(stream, 2 * rows * ((samples + 3) // 4 * 4) * _RESERVED)
    words = blocks(stream, first, (rows * samples + 1) // 2)
    draws = np.stack([_double(words[:, 0], words[:, 1]), _double(words[:, 2], words[:, 3])], 1).ravel()
    out = np.empty((rows, samples), dtype)
    for row in range(rows):
        x = logits[row].astype(np.float64)
        finite = np.isfinite(x)
        weights = np.where(finite, np.exp(np.where(finite, x, 0) - x[finite].max(initial=-np.inf)), 0)
        totals = np.cumsum(weights)
        wanted = draws[row * samples : (row + 1) * samples] * totals[-1]
        out[row] = np.searchsorted(totals, wanted, side="right")
    return out


class _Draws:
    """Uniform and normal doubles of one output of a rejection method; the second of a block's pair comes first."""

    def __init__(self, stream, index):
        self.stream, self.index = stream, index
        self.uniforms, self.normals = [], []

    def _block(self):
        words = blocks(self.stream, self.index, 1)
        self.index += 1
        return words

    def uniform(self):
        if not self.uniforms:
            w = self._block()
            self.uniforms = [float(_double(w[:, 0], w[:, 1])[0]), float(_double(w[:, 2], w[:, 3])[0])]
        return self.uniforms.pop()

    def normal(self):
        if not self.normals:
            self.normals = [float(z) for z in _normal_doubles(self._block()).ravel()]
        return self.normals.pop()


def _gamma_of(alpha, draws):
    if alpha == 1:
        return -math.log(1 - draws.uniform())
    d = alpha + (2 / 3 if alpha < 1 else -1 / 3)
    c = 1 / 3 / math.sqrt(d)
    while True:
        x = draws.normal()
        v = 1 + c * x
        if v <= 0:
            continue
        v = v * v * v
        u = draws.uniform()
        if u < 1 - 0.0331 * (x * x) * (x * x) or math.log(u) < 0.5 * x * x + d * (1 - v + math.log(v)):
            return d * v * (draws.uniform() ** (1 / alpha) if alpha < 1 else 1)


def _poisson_of(rate, highest, draws):
    if not rate >= 0 or math.isinf(rate):
        return math.nan
    if rate - 5 * math.sqrt(rate) > highest:
        raise ValueError(f"a Poisson distribution of rate {rate:g} is out of the output's range")
    if rate < 10:
        limit, product, x = math.exp(-rate), 1.0, 0
        while True:
            product *= draws.uniform()
            if product <= limit and x <= highest:
                return x
            x += 1
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    while True:
        u, v = draws.uniform() - 0.5, draws.uniform()
        shifted = 0.5 - abs(u)
        k = math.floor((2 * a / shifted + b) * u + rate + 0.43)
        if k > highest:
            continue
        if shifted >= 0.07 and v <= 0.9277 - 3.6224 / (b - 2):
            return k
        if k < 0 or (shifted < 0.013 and v > shifted):
            continue
        bound = -rate + k * math.log(rate) - math.lgamma(k + 1)
        if math.log(v * inverse_alpha / (a / (shifted * shifted) + b)) <= bound:
            return k


def _rejected(stream, shape, rates, dtype, draw):
    """[*shape, *rates.shape] of draws, each from blocks of its own."""
    samples = int(np.prod(shape))
    first = _reserve(stream, samples * rates.size * _RESERVED)
    out = np.empty((samples, rates.size), np.float64)
    for i in range(samples * rates.size):
        rate, sample = divmod(i, samples)
        out[sample, rate] = draw(float(rates.flat[rate]), _Draws(stream, first + i * _RESERVED))
    if np.dtype(dtype).kind == "i":
        out = np.nan_to_num(out)
    return out.reshape((*shape, *rates.shape)).astype(dtype)


def gamma(stream, shape, alpha, dtype):
    return _rejected(stream, shape, np.asarray(alpha), dtype, _gamma_of)


def poisson(stream, shape, rate, dtype):
    info = np.iinfo(dtype) if np.dtype(dtype).kind == "i" else np.finfo(dtype)
    return _rejected(stream, shape, np.asarray(rate), dtype, lambda r, draws: _poisson_of(r, float(info.max), draws))
