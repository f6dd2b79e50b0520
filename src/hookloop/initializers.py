"""Initializers: functions of a shape that give a variable its first value."""

from __future__ import annotations

import math

import numpy as np

from . import dtypes
from .ops import array, build, random

__all__ = [
    "constant_initializer", "glorot_normal_initializer", "glorot_uniform_initializer", "ones_initializer",
    "orthogonal_initializer", "random_normal_initializer", "random_uniform_initializer", "truncated_normal_initializer",
    "uniform_unit_scaling_initializer", "variance_scaling_initializer", "zeros_initializer",
]  # fmt: skip


class Initializer:
    """The base of all initializers: called with a shape, it returns a tensor."""

    def __call__(self, shape, dtype=None, partition_info=None):
        raise TypeError(f"{type(self).__name__} must define __call__(shape, dtype, partition_info)")

    def get_config(self):
        """The arguments that make an equal one."""
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def _floating(dtype):
    dtype = dtypes.as_dtype(dtype)
    if not dtype.is_floating:
        raise ValueError(f"Expected floating point type, got {dtype}.")
    return dtype


class Zeros(Initializer):
    """All zeros."""

    def __init__(self, dtype=dtypes.float32):
        self.dtype = dtypes.as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        return array.zeros(shape, self.dtype if dtype is None else dtype)

    def get_config(self):
        return {"dtype": self.dtype.name}


class Ones(Zeros):
    """All ones."""

    def __call__(self, shape, dtype=None, partition_info=None):
        return array.ones(shape, self.dtype if dtype is None else dtype)


class Constant(Initializer):
    """One value, or a list of values that fills the shape; the last one goes on to the end.

    Args:
      value: a number, a list or an array.
      dtype: the dtype where the variable does not tell.
      verify_shape: True refuses an array of another shape.
    """

    def __init__(self, value=0, dtype=dtypes.float32, verify_shape=False):
        if not (np.isscalar(value) or isinstance(value, (list, tuple, np.ndarray))):
            raise TypeError(f"Invalid type for initial value: {value} (expected Python scalar, list or tuple of values, or "
                            "numpy.ndarray).")  # fmt: skip
        self.value = value
        self.dtype = dtypes.as_dtype(dtype)
        self._verify_shape = verify_shape

    def __call__(self, shape, dtype=None, partition_info=None, verify_shape=None):
        dtype = self.dtype if dtype is None else dtype
        verify = self._verify_shape if verify_shape is None else verify_shape
        return build.constant(self.value, dtype=dtype, shape=shape, verify_shape=verify)

    def get_config(self):
        return {"value": self.value, "dtype": self.dtype.name}


class RandomUniform(Initializer):
    """Uniform between `minval` and `maxval`."""

    def __init__(self, minval=0, maxval=None, seed=None, dtype=dtypes.float32):
        self.minval, self.maxval, self.seed = minval, maxval, seed
        self.dtype = dtypes.as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        from .ops.random import random_uniform

        return random_uniform(shape, self.minval, self.maxval, self.dtype if dtype is None else dtype, seed=self.seed)

    def get_config(self):
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed, "dtype": self.dtype.name}


class RandomNormal(Initializer):
    """Normal with a mean and a standard deviation."""

    def __init__(self, mean=0.0, stddev=1.0, seed=None, dtype=dtypes.float32):
        self.mean, self.stddev, self.seed = mean, stddev, seed
        self.dtype = _floating(dtype)

    def _function(self):
        from .ops.random import random_normal

        return random_normal

    def __call__(self, shape, dtype=None, partition_info=None):
        return self._function()(shape, self.mean, self.stddev, self.dtype if dtype is None else dtype, seed=self.seed)

    def get_config(self):
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed, "dtype": self.dtype.name}


class TruncatedNormal(RandomNormal):
    """Normal, drawn again where it is more than two standard deviations from the mean."""

    def _function(self):
        from .ops.random import truncated_normal

        return truncated_normal


class UniformUnitScaling(Initializer):
    """Uniform, so that the scale of the input is kept: between -s and s, s = sqrt(3 / inputs) * factor."""

    def __init__(self, factor=1.0, seed=None, dtype=dtypes.float32):
        self.factor, self.seed = factor, seed
        self.dtype = _floating(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        from .ops.random import random_uniform

        inputs = 1.0
        for dim in shape[:-1]:
            inputs *= float(dim)
        limit = math.sqrt(3 / max(inputs, 1.0)) * self.factor
        return random_uniform(shape, -limit, limit, self.dtype if dtype is None else dtype, seed=self.seed)

    def get_config(self):
        return {"factor": self.factor, "seed": self.seed, "dtype": self.dtype.name}


class VarianceScaling(Initializer):
    """Random numbers whose variance is scale / n, n the number of inputs, of outputs, or their mean.

    Args:
      scale: a positive factor.
      mode: "fan_in", "fan_out" or "fan_avg".
      distribution: "truncated_normal" ("normal" for short), "untruncated_normal" or "uniform".
      seed: the op's seed.
      dtype: the dtype where the variable does not tell.

    Raises:
      ValueError: for another scale, mode or distribution.
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, dtype=dtypes.float32):
        if scale <= 0.0:
            raise ValueError("`scale` must be positive float.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError("Invalid `mode` argument:", mode)
        distribution = distribution.lower()
        if distribution not in ("normal", "uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError("Invalid `distribution` argument:", distribution)
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed
        self.dtype = _floating(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        dtype = self.dtype if dtype is None else dtype
        whole = shape if partition_info is None else partition_info.full_shape
        fan_in, fan_out = _fans(whole)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        scale = self.scale / max(1.0, fan)
        if self.distribution in ("normal", "truncated_normal"):
            stddev = math.sqrt(scale) / 0.87962566103423978  # what truncating leaves of a standard deviation of 1
            return random.truncated_normal(shape, 0.0, stddev, dtype, seed=self.seed)
        if self.distribution == "untruncated_normal":
            return random.random_normal(shape, 0.0, math.sqrt(scale), dtype, seed=self.seed)
        limit = math.sqrt(3.0 * scale)
        return random.random_uniform(shape, -limit, limit, dtype, seed=self.seed)

    def get_config(self):
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, "seed": self.seed,
                "dtype": self.dtype.name}  # fmt: skip


def _fans(shape):
    """How many inputs and outputs a unit of such a weight has."""
    shape = [int(d) for d in shape]
    if len(shape) < 1:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    field = 1
    for dim in shape[:-2]:
        field *= dim
    return shape[-2] * field, shape[-1] * field


def orthogonal_of(shape, gain, noise):
    """An orthogonal matrix times `gain`, made of what a function of two sizes draws."""
    from .ops.decompositions import qr
    from .ops.math_unary import sign
    from .ops.matrix import diag_part

    if len(shape) < 2:
        raise ValueError("The tensor to initialize must be at least two-dimensional")
    rows = int(np.prod([int(d) for d in shape[:-1]]))
    columns = int(shape[-1])
    q, r = qr(noise((max(rows, columns), min(rows, columns))), full_matrices=False)
    q *= sign(diag_part(r))
    if rows < columns:
        q = array.matrix_transpose(q)
    return gain * array.reshape(q, shape)


class Orthogonal(Initializer):
    """An orthogonal matrix (Saxe et al. 2013), times `gain`."""

    def __init__(self, gain=1.0, seed=None, dtype=dtypes.float32):
        self.gain, self.seed = gain, seed
        self.dtype = _floating(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        dtype = self.dtype if dtype is None else dtype
        return orthogonal_of(shape, self.gain, lambda sizes: random.random_normal(sizes, dtype=dtype, seed=self.seed))

    def get_config(self):
        return {"gain": self.gain, "seed": self.seed, "dtype": self.dtype.name}


class Identity(Initializer):
    """The identity matrix times `gain`."""

    def __init__(self, gain=1.0, dtype=dtypes.float32):
        self.gain = gain
        self.dtype = _floating(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        from .ops.linalg import eye

        whole = shape if partition_info is None else partition_info.full_shape
        if len(whole) != 2:
            raise ValueError("Identity matrix initializer can only be used for 2D matrices.")
        return self.gain * eye(*whole, dtype=self.dtype if dtype is None else dtype)

    def get_config(self):
        return {"gain": self.gain, "dtype": self.dtype.name}


zeros_initializer = Zeros
ones_initializer = Ones
constant_initializer = Constant
random_uniform_initializer = RandomUniform
random_normal_initializer = RandomNormal
truncated_normal_initializer = TruncatedNormal
uniform_unit_scaling_initializer = UniformUnitScaling
variance_scaling_initializer = VarianceScaling
orthogonal_initializer = Orthogonal
identity_initializer = Identity

# The names in tf.initializers.
zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
random_uniform, random_normal, truncated_normal = RandomUniform, RandomNormal, TruncatedNormal
uniform_unit_scaling, variance_scaling = UniformUnitScaling, VarianceScaling


class glorot_uniform_initializer(VarianceScaling):
    """Glorot's (Xavier's) uniform initializer."""

    def __init__(self, seed=None, dtype=dtypes.float32):
        super().__init__(1.0, "fan_avg", "uniform", seed, dtype)

    def get_config(self):
        return {"seed": self.seed, "dtype": self.dtype.name}


class glorot_normal_initializer(VarianceScaling):
    """Glorot's (Xavier's) normal initializer."""

    def __init__(self, seed=None, dtype=dtypes.float32):
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, dtype)

    def get_config(self):
        return {"seed": self.seed, "dtype": self.dtype.name}


glorot_uniform, glorot_normal = glorot_uniform_initializer, glorot_normal_initializer


def he_normal(seed=None):
    """He's normal initializer."""
    return VarianceScaling(2.0, "fan_in", "truncated_normal", seed)


def he_uniform(seed=None):
    """He's uniform initializer."""
    return VarianceScaling(2.0, "fan_in", "uniform", seed)


def lecun_normal(seed=None):
    """LeCun's normal initializer."""
    return VarianceScaling(1.0, "fan_in", "truncated_normal", seed)


def lecun_uniform(seed=None):
    """LeCun's uniform initializer."""
    return VarianceScaling(1.0, "fan_in", "uniform", seed)


def global_variables():
    """The operation that initializes all global variables."""
    from .variables import global_variables_initializer

    return global_variables_initializer()


def local_variables():
    """The operation that initializes all local variables."""
    from .variables import local_variables_initializer

    return local_variables_initializer()


def tables_initializer(name="init_all_tables"):
    """The operation that initializes all look-up tables."""
    from .ops.core import tables_initializer

    return tables_initializer(name)


def variables(var_list, name="init"):
    """The operation that initializes the variables."""
    from .variables import variables_initializer

    return variables_initializer(var_list, name)


def __dir__():
    return """constant global_variables glorot_normal glorot_uniform he_normal he_uniform identity lecun_normal lecun_uniform
        local_variables ones orthogonal random_normal random_uniform tables_initializer truncated_normal uniform_unit_scaling
        variables variance_scaling zeros""".split()
