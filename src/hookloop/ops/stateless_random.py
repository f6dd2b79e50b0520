"""Random ops without a stream of their own: their numbers follow from a seed that is an input, as TensorFlow 1.15's do."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..graph.scopes import name_scope
from . import _philox, kinds
from .build import apply_op, convert_to_tensor
from .random import _dims, _from_sizes, _multinomial_shape, _shape_tensor, uniform_range
from .registry import OpDef, no_gradient, register

__all__ = ["categorical", "multinomial", "normal", "truncated_normal", "uniform"]

_SEED = {"Tseed": kinds.INDEX}


# --- definitions ----------------------------------------------------------------------------------------------


class _Stream:
    """What the kernel `seed_stream` makes of a seed."""

    def __init__(self, seed):
        first, second = (int(s) & 0xFFFFFFFFFFFFFFFF for s in np.ravel(seed))
        self.key, self.stream, self.counter = 0x02461E293EC8F720, second, 0
        word = [int(w) for w in _philox.blocks(self, first, 1)[0]]
        self.key, self.stream = word[0] | word[1] << 32, word[2] | word[3] << 32


def _emit(c, kernel, seed, inputs, outputs):
    """The stream is the instruction's own: it counts in it, so that no other may have it."""
    stream = c.temp(dtypes.uint64, (3,))
    c.emit("seed_stream", [seed], [stream]).effect = True
    c.emit(kernel, [stream, *inputs], outputs).effect = True


def _checked(c, i, found):
    if c.known(i) and len(c.shape(i)) != 1:
        c.fail(f"Shape must be rank 1 but is rank {len(c.shape(i))}")
    if c.known(i):
        c.merge(c.shape(i)[0], 2)
    return found


def _shaped(name, kernel, draw):
    return OpDef(name, "shape: T, seed: Tseed", "output: dtype", ranks={"seed": 1},
                 attrs={"dtype": dtypes.float32, "T": dtypes.int32, "Tseed": dtypes.int64},
                 types={"dtype": kinds.FLOAT, "T": kinds.INDEX, **_SEED}, shape=lambda c: _checked(c, 1, _from_sizes(c)),
                 lower=lambda c, node: _emit(c, kernel, node.inputs[1], [], node.outputs), gradient=no_gradient,
                 reference=lambda node, shape, seed: draw(_Stream(seed), _dims(shape), node.attrs["dtype"].as_numpy_dtype))  # fmt: skip


def _uniform_int_lower(c, node):
    _, seed, low, high = node.inputs
    _emit(c, "random_uniform_int", seed, [low, high], node.outputs)


register(
    _shaped("StatelessRandomUniform", "random_uniform", _philox.uniform),
    _shaped("StatelessRandomNormal", "random_normal", _philox.normal),
    _shaped("StatelessTruncatedNormal", "truncated_normal", _philox.truncated_normal),
    OpDef("StatelessRandomUniformInt", "shape: T, seed: Tseed, minval: dtype, maxval: dtype", "output: dtype", ranks={"seed": 1, "minval": 0, "maxval": 0},
          attrs={"Tseed": dtypes.int64}, types={"dtype": kinds.INDEX, "T": kinds.INDEX, **_SEED},
          shape=lambda c: _checked(c, 1, _from_sizes(c)), lower=_uniform_int_lower, gradient=no_gradient, can_fail=True,
          reference=lambda node, shape, seed, low, high: _philox.uniform_int(_Stream(seed), _dims(shape), low, high)),
    OpDef("StatelessMultinomial", "logits: T, num_samples: int32, seed: Tseed", "output: output_dtype", ranks={"num_samples": 0, "seed": 1},
          attrs={"Tseed": dtypes.int64, "output_dtype": dtypes.int64},
          types={"T": kinds.REAL, "output_dtype": kinds.INDEX, **_SEED},
          shape=lambda c: _checked(c, 2, _multinomial_shape(c)), gradient=no_gradient,
          lower=lambda c, node: _emit(c, "multinomial", node.inputs[2], [node.inputs[0]], node.outputs),
          reference=lambda node, logits, n, seed: _philox.multinomial(
              _Stream(seed), logits, int(n), node.attrs["output_dtype"].as_numpy_dtype)),
)  # fmt: skip


# --- public functions -------------------------------------------------------------------------------------------


def uniform(shape, seed, minval=0, maxval=None, dtype=dtypes.float32, name=None):
    """Uniform random numbers that follow from the seed: at least `minval` and below `maxval` (1 by default, for floats).

    Args:
      shape: of the output: a list or an integer tensor.
      seed: two integers, or a tensor of them.
      minval, maxval: the bounds.
      dtype: a float, int32 or int64.
      name: the scope of the nodes.

    Raises:
      ValueError: for an integer dtype without `maxval`, or a dtype that has no such numbers.
    """
    dtype, maxval = uniform_range(dtype, maxval)
    with name_scope(name, "stateless_random_uniform", [shape, seed, minval, maxval]) as scope:
        shape = _shape_tensor(shape)
        low = convert_to_tensor(minval, dtype=dtype, name="min")
        high = convert_to_tensor(maxval, dtype=dtype, name="max")
        if dtype.is_integer:
            return apply_op("StatelessRandomUniformInt", [shape, seed, low, high], name=scope)
        noise = apply_op("StatelessRandomUniform", [shape, seed], {"dtype": dtype})
        return apply_op("Add", [noise * (high - low), low], name=scope)


def _scaled(type, scope_name, shape, seed, mean, stddev, dtype, name):
    with name_scope(name, scope_name, [shape, seed, mean, stddev]) as scope:
        shape = _shape_tensor(shape)
        mean = convert_to_tensor(mean, dtype=dtype, name="mean")
        stddev = convert_to_tensor(stddev, dtype=dtype, name="stddev")
        noise = apply_op(type, [shape, seed], {"dtype": dtype})
        return apply_op("Add", [noise * stddev, mean], name=scope)


def normal(shape, seed, mean=0.0, stddev=1.0, dtype=dtypes.float32, name=None):
    """Normal random numbers that follow from the seed, two integers."""
    return _scaled("StatelessRandomNormal", "stateless_random_normal", shape, seed, mean, stddev, dtype, name)


def truncated_normal(shape, seed, mean=0.0, stddev=1.0, dtype=dtypes.float32, name=None):
    """Normal random numbers within two standard deviations from the mean that follow from the seed, two integers."""
    return _scaled("StatelessTruncatedNormal", "stateless_truncated_normal", shape, seed, mean, stddev, dtype, name)


def multinomial(logits, num_samples, seed, output_dtype=dtypes.int64, name=None):
    """Samples that follow from the seed, of a distribution for each row of `logits`: [batch, num_samples] of class numbers."""
    return _classes("stateless_multinomial", logits, num_samples, seed, output_dtype, name)


def categorical(logits, num_samples, seed, dtype=dtypes.int64, name=None):
    """As `multinomial`, under its newer name."""
    return _classes("stateless_categorical", logits, num_samples, seed, dtype, name)


def _classes(scope_name, logits, num_samples, seed, dtype, name):
    with name_scope(name, scope_name, [logits, seed]):
        logits = convert_to_tensor(logits, name="logits")
        return apply_op("StatelessMultinomial", [logits, num_samples, seed], {"output_dtype": dtype})
