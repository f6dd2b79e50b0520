"""Random ops. Seeds, keys and streams are TensorFlow 1.15's: see csrc/kernels/random.c."""

from __future__ import annotations

import numpy as np

from .. import dtypes
from ..graph.random_seed import get_seed
from ..graph.scopes import control_dependencies, name_scope
from ..shapes import TensorShape
from . import _philox, kinds
from .build import apply_op, convert_to_tensor
from .registry import OpDef, no_gradient, register
from .shape_functions import sized_by_input

__all__ = ["multinomial", "random_crop", "random_gamma", "random_normal", "random_poisson", "random_shuffle",
           "random_uniform", "truncated_normal"]  # fmt: skip

_SEEDS = {"seed": 0, "seed2": 0}
_RATES = frozenset((dtypes.float16, dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64))


_from_sizes = sized_by_input(0)


def _like(c):
    return c.shape(0) if c.known(0) else None


def _multinomial_shape(c):
    rows = c.shape(0)
    if len(rows) != 2:
        c.fail(f"Shape must be rank 2 but is rank {len(rows)}")
    return (rows[0], c.natural(c.sizes(1)[0]))


def _shaped(name, kernel, reference, allowed):
    """An op whose input is the shape of its output; the kernel only sees the output."""

    def lower(c, node):
        c.emit(kernel, [c.stream()], node.outputs)

    return OpDef(name, "shape: T", "output: dtype", attrs={"dtype": None, **_SEEDS}, types={"dtype": allowed, "T": kinds.INDEX},
                 shape=_from_sizes, lower=lower, reference=reference, stateful="stream", gradient=no_gradient)  # fmt: skip


def _dims(shape):
    return tuple(int(d) for d in np.ravel(shape))


def _uniform_int_lower(c, node):
    c.emit("random_uniform_int", [c.stream(), node.inputs[1], node.inputs[2]], node.outputs)


def _shuffle_lower(c, node):
    c.emit("random_shuffle", [c.stream(), node.inputs[0]], node.outputs)


def _multinomial_lower(c, node):
    c.emit("multinomial", [c.stream(), node.inputs[0]], node.outputs)


def _rejection_lower(kernel):
    return lambda c, node: c.emit(kernel, [c.stream(), node.inputs[1]], node.outputs)


def _samples_of_each(c):
    """The shape asked for, then the parameter's."""
    if not c.known(1):
        return None
    return (*_from_sizes(c), *c.shape(1))


def _gamma_gradient(op, grad):
    """By implicit differentiation (Figurnov, Mohamed and Mnih, 2018)."""
    from .array import ones, reshape
    from .array import shape as shape_of
    from .ranges import range as tensor_range
    from .reduce import reduce_sum
    from .slicing import concat

    shape, alpha = op.inputs
    with control_dependencies([grad]):
        count = shape_of(shape)[0]
        form = concat([ones([count], dtype=dtypes.int32), shape_of(alpha)], axis=0)
        slope = apply_op("RandomGammaGrad", [reshape(alpha, form), op.outputs[0]])
        return [None, reduce_sum(grad * slope, axis=tensor_range(count))]


register(
    OpDef("RandomGamma", "shape: S, alpha: T", "output: T", attrs=dict(_SEEDS),
          types={"S": kinds.INDEX, "T": kinds.FLOAT - {dtypes.bfloat16}}, shape=_samples_of_each,
          lower=_rejection_lower("random_gamma"), stateful="stream", gradient=_gamma_gradient,
          reference=lambda node, stream, shape, alpha: _philox.gamma(stream, _dims(shape), alpha, alpha.dtype)),
    OpDef("RandomPoissonV2", "shape: S, rate: R", "output: dtype", attrs={"R": dtypes.float64, "dtype": dtypes.int64, **_SEEDS},
          types={"S": kinds.INDEX, "R": _RATES, "dtype": _RATES}, shape=_samples_of_each,
          lower=_rejection_lower("random_poisson"), stateful="stream",
          reference=lambda node, stream, shape, rate: _philox.poisson(
              stream, _dims(shape), rate, node.attrs["dtype"].as_numpy_dtype), can_fail=True),
    _shaped("RandomUniform", "random_uniform", lambda node, stream, shape: _philox.uniform(
        stream, _dims(shape), node.attrs["dtype"].as_numpy_dtype), kinds.FLOAT),
    _shaped("RandomStandardNormal", "random_normal", lambda node, stream, shape: _philox.normal(
        stream, _dims(shape), node.attrs["dtype"].as_numpy_dtype), kinds.FLOAT),
    _shaped("TruncatedNormal", "truncated_normal", lambda node, stream, shape: _philox.truncated_normal(
        stream, _dims(shape), node.attrs["dtype"].as_numpy_dtype), kinds.FLOAT),
    OpDef("RandomUniformInt", "shape: T, minval: Tout, maxval: Tout", "output: Tout", ranks={"minval": 0, "maxval": 0}, attrs=dict(_SEEDS),
          types={"T": kinds.INDEX, "Tout": kinds.INDEX}, shape=_from_sizes, lower=_uniform_int_lower, stateful="stream",
          reference=lambda node, stream, shape, low, high: _philox.uniform_int(stream, _dims(shape), low, high),
          gradient=no_gradient, can_fail=True),
    OpDef("RandomShuffle", "value: T", "output: T", attrs=dict(_SEEDS), shape=_like, lower=_shuffle_lower, stateful="stream",
          reference=lambda node, stream, value: _philox.shuffle(stream, value)),
    OpDef("Multinomial", "logits: T, num_samples: int32", "output: output_dtype", ranks={"logits": 2, "num_samples": 0},
          attrs={"output_dtype": dtypes.int64, **_SEEDS}, types={"T": kinds.REAL, "output_dtype": kinds.INDEX},
          shape=_multinomial_shape,
          lower=_multinomial_lower, stateful="stream", gradient=no_gradient,
          reference=lambda node, stream, logits, n: _philox.multinomial(
              stream, logits, int(n), node.attrs["output_dtype"].as_numpy_dtype)),
)  # fmt: skip


# --- public functions -------------------------------------------------------------------------------------


def _seeded(seed, **attrs):
    seed1, seed2 = get_seed(seed)
    return {"seed": seed1 or 0, "seed2": seed2 or 0, **attrs}


def _shape_tensor(shape):
    """A shape as a tensor; Python numbers are int32."""
    if isinstance(shape, TensorShape):
        shape = shape.as_list()
    if isinstance(shape, (tuple, list)) and not shape:
        return convert_to_tensor(np.array([], np.int32), name="shape")
    return convert_to_tensor(shape, name="shape")


def random_normal(shape, mean=0.0, stddev=1.0, dtype=dtypes.float32, seed=None, name=None):
    """Normal random numbers.

    Args:
      shape: of the output: a list or an integer tensor.
      mean, stddev: of the distribution; scalars, or tensors that broadcast to the shape.
      dtype: a floating dtype.
      seed: the op's seed.
      name: the scope of the nodes.
    """
    with name_scope(name, "random_normal", [shape, mean, stddev]) as scope:
        shape = _shape_tensor(shape)
        mean = convert_to_tensor(mean, dtype=dtype, name="mean")
        stddev = convert_to_tensor(stddev, dtype=dtype, name="stddev")
        noise = apply_op("RandomStandardNormal", [shape], _seeded(seed, dtype=dtypes.as_dtype(dtype)))
        return apply_op("Add", [noise * stddev, mean], name=scope)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=dtypes.float32, seed=None, name=None):
    """Normal random numbers, drawn again where they are more than two standard deviations from the mean."""
    with name_scope(name, "truncated_normal", [shape, mean, stddev]) as scope:
        shape = _shape_tensor(shape)
        mean = convert_to_tensor(mean, dtype=dtype, name="mean")
        stddev = convert_to_tensor(stddev, dtype=dtype, name="stddev")
        noise = apply_op("TruncatedNormal", [shape], _seeded(seed, dtype=dtypes.as_dtype(dtype)))
        return apply_op("Add", [noise * stddev, mean], name=scope)


def uniform_range(dtype, maxval):
    """The dtype of uniform numbers, and what they are below: 1 for floats that are not told."""
    dtype = dtypes.as_dtype(dtype)
    if dtype not in (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64):
        raise ValueError(f"Invalid dtype {dtype!r}")
    if maxval is None and dtype.is_integer:
        raise ValueError(f"Must specify maxval for integer dtype {dtype!r}")
    return dtype, 1 if maxval is None else maxval


def random_uniform(shape, minval=0, maxval=None, dtype=dtypes.float32, seed=None, name=None):
    """Uniform random numbers, at least `minval` and below `maxval` (1 by default, for floats).

    Raises:
      ValueError: for an integer dtype without `maxval`, or a dtype that has no such numbers.
    """
    dtype, maxval = uniform_range(dtype, maxval)
    with name_scope(name, "random_uniform", [shape, minval, maxval]) as scope:
        shape = _shape_tensor(shape)
        low = convert_to_tensor(minval, dtype=dtype, name="min")
        high = convert_to_tensor(maxval, dtype=dtype, name="max")
        if dtype.is_integer:
            return apply_op("RandomUniformInt", [shape, low, high], _seeded(seed), name=scope)
        noise = apply_op("RandomUniform", [shape], _seeded(seed, dtype=dtype))
        return apply_op("Add", [noise * (high - low), low], name=scope)


def random_shuffle(value, seed=None, name=None):
    """The rows of a tensor in random order."""
    return apply_op("RandomShuffle", [value], _seeded(seed), name)


def multinomial(logits, num_samples, seed=None, name=None, output_dtype=None):
    """Samples from a distribution for each row of `logits`.

    Args:
      logits: [batch, classes], unnormalized log probabilities.
      num_samples: how many for each row, a scalar.
      seed: the op's seed.
      name: the node's name.
      output_dtype: int64 by default.

    Returns:
      [batch, num_samples] of class numbers.
    """
    with name_scope(name, "multinomial", [logits]):
        logits = convert_to_tensor(logits, name="logits")
        return apply_op(
            "Multinomial",
            [logits, num_samples],
            _seeded(seed, output_dtype=dtypes.as_dtype(output_dtype or dtypes.int64)),
        )


def categorical(logits, num_samples, dtype=None, seed=None, name=None):
    """As `multinomial`, under its newer name (`tf.random.categorical`)."""
    with name_scope(name, "categorical", [logits]):
        logits = convert_to_tensor(logits, name="logits")
        return apply_op(
            "Multinomial", [logits, num_samples], _seeded(seed, output_dtype=dtypes.as_dtype(dtype or dtypes.int64))
        )


def random_crop(value, size, seed=None, name=None):
    """A part of the given size, from a random place of a tensor."""
    from .array import shape as shape_of
    from .array import slice as slice_of
    from .core import with_dependencies
    from .printing import Assert
    from .reduce import reduce_all

    with name_scope(name, "random_crop", [value, size]) as scope:
        value = convert_to_tensor(value, name="value")
        size = convert_to_tensor(size, dtype=dtypes.int32, name="size")
        whole = shape_of(value)
        fits = Assert(reduce_all(whole >= size), ["Need value.shape >= size, got ", whole, size], summarize=1000)
        whole = with_dependencies([fits], whole)
        limit = whole - size + 1
        offset = random_uniform(shape_of(whole), dtype=size.dtype, maxval=size.dtype.max, seed=seed) % limit
        return slice_of(value, offset, size, name=scope)


def random_gamma(shape, alpha, beta=None, dtype=dtypes.float32, seed=None, name=None):
    """Samples of gamma distributions (Marsaglia and Tsang, 2000).

    Args:
      shape: how many samples of each distribution: a list or an integer tensor.
      alpha: the shape parameters.
      beta: the inverse scales, of a shape that broadcasts with alpha's; 1 by default.
      dtype: float16, float32 or float64.
      seed: the op's seed.
      name: the scope of the nodes.

    Returns:
      A tensor of shape [*shape, *(alpha + beta).shape].
    """
    with name_scope(name, "random_gamma", [shape, alpha, beta]):
        shape = convert_to_tensor(shape, name="shape", dtype=dtypes.int32)
        alpha = convert_to_tensor(alpha, name="alpha", dtype=dtype)
        beta = convert_to_tensor(1 if beta is None else beta, name="beta", dtype=dtype)
        from .array import zeros_like
        from .math import maximum

        broadcast = alpha + zeros_like(beta)
        samples = apply_op("RandomGamma", [shape, broadcast], _seeded(seed))
        return maximum(np.finfo(alpha.dtype.as_numpy_dtype).tiny, samples / beta)


def random_poisson(lam, shape, dtype=dtypes.float32, seed=None, name=None):
    """Samples of Poisson distributions (Knuth; above a rate of 10 Hormann, 1993).

    Args:
      lam: the rates.
      shape: how many samples of each: a list or an integer tensor.
      dtype: of the samples.
      seed: the op's seed.
      name: the scope of the nodes.

    Returns:
      A tensor of shape [*shape, *lam.shape].
    """
    with name_scope(name, "random_poisson", [lam, shape]):
        shape = convert_to_tensor(shape, name="shape", dtype=dtypes.int32)
        return apply_op("RandomPoissonV2", [shape, lam], _seeded(seed, dtype=dtype))
