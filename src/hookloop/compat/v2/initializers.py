"""Initializers of the second API: their type is given when they are called, and those with a seed give the same numbers each time."""

from __future__ import annotations

from ... import dtypes
from ... import initializers as first
from ...ops import random, stateless_random

__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "Identity", "Initializer", "Ones", "Orthogonal", "RandomNormal", "RandomUniform",
    "TruncatedNormal", "VarianceScaling", "Zeros", "constant", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform",
    "identity", "lecun_normal", "lecun_uniform", "ones", "orthogonal", "zeros",
]  # fmt: skip


class Initializer:
    """The base of all: called with a shape and a type, it returns a tensor."""

    def __call__(self, shape, dtype=None):
        raise NotImplementedError

    def get_config(self):
        """The arguments that make an equal one."""
        return dict(self._arguments)

    @classmethod
    def from_config(cls, config):
        """One with these arguments."""
        config = dict(config)
        config.pop("dtype", None)
        return cls(**config)

    _arguments: dict = {}


def _floating(dtype):
    dtype = dtypes.as_dtype(dtype)
    if not dtype.is_floating:
        raise ValueError(f"Expected floating point type, got {dtype}.")
    return dtype


def _number(dtype):
    dtype = dtypes.as_dtype(dtype)
    if not (dtype.is_floating or dtype.is_integer or dtype.is_complex or dtype is dtypes.bool):
        raise ValueError(f"Expected numeric or boolean dtype, got {dtype}.")
    return dtype


def _drawn(kind, shape, a, b, dtype, seed):
    """Random numbers, the same each time where there is a seed."""
    if seed is None:
        function = {
            "normal": random.random_normal,
            "uniform": random.random_uniform,
            "truncated": random.truncated_normal,
        }
        return function[kind](shape, a, b, dtype)
    function = {
        "normal": stateless_random.normal,
        "uniform": stateless_random.uniform,
        "truncated": stateless_random.truncated_normal,
    }
    return function[kind](shape, [seed, 0], a, b, dtype)


class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape, dtype=dtypes.float32):
        return first.Zeros()(shape, _number(dtype))


class Ones(Initializer):
    """All ones."""

    def __call__(self, shape, dtype=dtypes.float32):
        return first.Ones()(shape, _number(dtype))


class Constant(Initializer):
    """One value, or a list of as many values as the shape has elements."""

    def __init__(self, value=0):
        self.value = first.Constant(value).value
        self._arguments = {"value": value}

    def __call__(self, shape, dtype=None):
        return first.Constant(self.value, dtype=dtypes.as_dtype(dtype or dtypes.float32))(shape, dtype)


class RandomUniform(Initializer):
    """Uniform between two numbers."""

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        self.minval, self.maxval, self.seed = minval, maxval, seed
        self._arguments = {"minval": minval, "maxval": maxval, "seed": seed}

    def __call__(self, shape, dtype=dtypes.float32):
        dtype = dtypes.as_dtype(dtype)
        if not dtype.is_floating and not dtype.is_integer:
            raise ValueError(f"Expected float or integer dtype, got {dtype}.")
        return _drawn("uniform", shape, self.minval, self.maxval, dtype, self.seed)


class RandomNormal(Initializer):
    """Normal with a mean and a standard deviation."""

    _kind = "normal"

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean, self.stddev, self.seed = mean, stddev, seed
        self._arguments = {"mean": mean, "stddev": stddev, "seed": seed}

    def __call__(self, shape, dtype=dtypes.float32):
        return _drawn(self._kind, shape, self.mean, self.stddev, _floating(dtype), self.seed)


class TruncatedNormal(RandomNormal):
    """Normal, drawn again where it is more than two standard deviations from the mean."""

    _kind = "truncated"


class VarianceScaling(Initializer):
    """Random numbers whose variance is scale / n: see `tf.variance_scaling_initializer`."""

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None):
        checked = first.VarianceScaling(scale, mode, distribution)
        self.scale, self.mode, self.seed = scale, mode, seed
        self.distribution = "truncated_normal" if checked.distribution == "normal" else checked.distribution
        self._arguments = {"scale": scale, "mode": mode, "distribution": self.distribution, "seed": seed}

    def __call__(self, shape, dtype=dtypes.float32):
        dtype, scale = _floating(dtype), self._share(shape)
        if self.distribution == "truncated_normal":
            return _drawn("truncated", shape, 0.0, scale**0.5 / 0.87962566103423978, dtype, self.seed)
        if self.distribution == "untruncated_normal":
            return _drawn("normal", shape, 0.0, scale**0.5, dtype, self.seed)
        limit = (3.0 * scale) ** 0.5
        return _drawn("uniform", shape, -limit, limit, dtype, self.seed)

    def _share(self, shape):
        inputs, outputs = first._fans(shape)
        return self.scale / max(1.0, {"fan_in": inputs, "fan_out": outputs}.get(self.mode, (inputs + outputs) / 2.0))


class Orthogonal(Initializer):
    """An orthogonal matrix, times `gain`."""

    def __init__(self, gain=1.0, seed=None):
        self.gain, self.seed = gain, seed
        self._arguments = {"gain": gain, "seed": seed}

    def __call__(self, shape, dtype=dtypes.float32):
        dtype = _floating(dtype)
        return first.orthogonal_of(shape, self.gain, lambda sizes: _drawn("normal", sizes, 0.0, 1.0, dtype, self.seed))


class Identity(Initializer):
    """The identity matrix times `gain`."""

    def __init__(self, gain=1.0):
        self.gain = gain
        self._arguments = {"gain": gain}

    def __call__(self, shape, dtype=dtypes.float32):
        return first.Identity(self.gain)(shape, _floating(dtype))


class GlorotUniform(VarianceScaling):
    """Glorot's (Xavier's) uniform initializer."""

    def __init__(self, seed=None):
        super().__init__(1.0, "fan_avg", "uniform", seed)
        self._arguments = {"seed": seed}


class GlorotNormal(VarianceScaling):
    """Glorot's (Xavier's) normal initializer."""

    def __init__(self, seed=None):
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)
        self._arguments = {"seed": seed}


def lecun_normal(seed=None):
    """LeCun's normal initializer."""
    return VarianceScaling(1.0, "fan_in", "truncated_normal", seed)


def lecun_uniform(seed=None):
    """LeCun's uniform initializer."""
    return VarianceScaling(1.0, "fan_in", "uniform", seed)


def he_normal(seed=None):
    """He's normal initializer."""
    return VarianceScaling(2.0, "fan_in", "truncated_normal", seed)


def he_uniform(seed=None):
    """He's uniform initializer."""
    return VarianceScaling(2.0, "fan_in", "uniform", seed)


zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
zeros_initializer, ones_initializer, constant_initializer = Zeros, Ones, Constant
random_normal_initializer, random_uniform_initializer = RandomNormal, RandomUniform


def __dir__():
    return list(__all__)
