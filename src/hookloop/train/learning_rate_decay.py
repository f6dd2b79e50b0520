"""Learning rates that depend on the global step."""

from __future__ import annotations

import math

from .. import dtypes
from ..graph.scopes import name_scope
from ..ops.build import constant, convert_n_to_tensor, convert_to_tensor
from ..ops.cast import cast
from ..ops.conditional import case, cond
from ..ops.math import add, divide, equal, greater, less_equal, minimum, multiply, pow
from ..ops.math_unary import ceil, cos, exp, floor, log, negative, sqrt

__all__ = [
    "cosine_decay", "cosine_decay_restarts", "exponential_decay", "inverse_time_decay", "linear_cosine_decay",
    "natural_exp_decay", "noisy_linear_cosine_decay", "piecewise_constant", "piecewise_constant_decay",
    "polynomial_decay",
]  # fmt: skip


def _require_step(global_step, name):
    if global_step is None:
        raise ValueError(f"global_step is required for {name}.")


def exponential_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """learning_rate * decay_rate ^ (global_step / decay_steps).

    Args:
      learning_rate: the initial rate.
      global_step: a scalar, the step.
      decay_steps: steps in which the rate falls by `decay_rate`.
      decay_rate: the factor.
      staircase: whether the exponent is an integer: the rate falls in steps.
      name: of the scope.

    Raises:
      ValueError: without a global step.
    """
    _require_step(global_step, "exponential_decay")
    values = [learning_rate, global_step, decay_steps, decay_rate]
    with name_scope(name, "ExponentialDecay", values) as scope:
        rate = convert_to_tensor(learning_rate, name="initial_learning_rate")
        steps = cast(decay_steps, rate.dtype)
        factor = cast(decay_rate, rate.dtype)
        passed = cast(global_step, rate.dtype) / steps
        if staircase:
            passed = floor(passed)
        return multiply(rate, pow(factor, passed), name=scope)


def piecewise_constant(x, boundaries, values, name=None):
    """values[i] where boundaries[i - 1] < x <= boundaries[i].

    Args:
      x: a scalar, often the global step.
      boundaries: n numbers, increasing, of x's dtype.
      values: n + 1 numbers of one dtype.
      name: of the scope.

    Raises:
      ValueError: where dtypes or lengths do not fit.
    """
    boundaries = convert_n_to_tensor(boundaries)
    values = convert_n_to_tensor(values)
    step = convert_to_tensor(x)
    boundaries = [_boundary(b, step) for b in boundaries]
    for value in values[1:]:
        if value.dtype.base_dtype != values[0].dtype.base_dtype:
            raise ValueError(
                "Values must have elements all with the same dtype "
                f"({values[0].dtype.base_dtype!r} vs {value.dtype.base_dtype!r})."
            )
    if len(boundaries) != len(values) - 1:
        raise ValueError("The length of boundaries should be 1 less than the length of values")
    with name_scope(name, "PiecewiseConstant"):
        step = convert_to_tensor(x)
        choices = [
            (less_equal(step, boundaries[0]), lambda: values[0]),
            (greater(step, boundaries[-1]), lambda: values[-1]),
        ]
        for low, high, value in zip(boundaries[:-1], boundaries[1:], values[1:-1]):
            within = greater(step, low) & less_equal(step, high)
            choices.append((within, lambda value=value: value))
        return case(choices, lambda: values[0], exclusive=True)


def _boundary(boundary, x):
    if boundary.dtype.base_dtype == x.dtype.base_dtype:
        return boundary
    if boundary.dtype.base_dtype == dtypes.int32 and x.dtype.base_dtype == dtypes.int64:
        return cast(boundary, x.dtype.base_dtype)
    raise ValueError(
        f"Boundaries ({boundary.dtype.base_dtype!r}) must have the same dtype as x ({x.dtype.base_dtype!r})."
    )


piecewise_constant_decay = piecewise_constant


def polynomial_decay(
    learning_rate, global_step, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False, name=None
):
    """From `learning_rate` to `end_learning_rate` in `decay_steps` along a power.

    Args:
      learning_rate, end_learning_rate: the first and the last rate.
      global_step: a scalar, the step.
      decay_steps: steps from one to the other.
      power: 1 is a straight line.
      cycle: whether the rate begins anew, over a longer time, after `decay_steps`.
      name: of the scope.

    Raises:
      ValueError: without a global step.
    """
    _require_step(global_step, "polynomial_decay")
    values = [learning_rate, global_step, decay_steps, end_learning_rate, power]
    with name_scope(name, "PolynomialDecay", values) as scope:
        rate = convert_to_tensor(learning_rate, name="initial_learning_rate")
        dtype = rate.dtype
        end = cast(end_learning_rate, dtype)
        power = cast(power, dtype)
        step, steps = cast(global_step, dtype), cast(decay_steps, dtype)
        if cycle:
            cycles = cond(equal(step, 0), lambda: 1.0, lambda: ceil(step / decay_steps))
            steps = multiply(steps, cycles)
        else:
            step = minimum(step, steps if hasattr(decay_steps, "dtype") else decay_steps)
        passed = step / steps
        return add(multiply(rate - end, pow(1 - passed, power)), end, name=scope)


def natural_exp_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """learning_rate * exp(-decay_rate * global_step / decay_steps); arguments as in `exponential_decay`."""
    _require_step(global_step, "natural_exp_decay")
    factor = exp(negative(decay_rate))
    return exponential_decay(learning_rate, global_step, decay_steps, factor, staircase=staircase, name=name)


def inverse_time_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """learning_rate / (1 + decay_rate * global_step / decay_steps); arguments as in `exponential_decay`."""
    _require_step(global_step, "inverse_time_decay")
    with name_scope(name, "InverseTimeDecay", [learning_rate, global_step, decay_rate]) as scope:
        rate = convert_to_tensor(learning_rate, name="initial_learning_rate")
        steps, factor = cast(decay_steps, rate.dtype), cast(decay_rate, rate.dtype)
        passed = cast(global_step, rate.dtype) / steps
        if staircase:
            passed = floor(passed)
        one = cast(constant(1), rate.dtype)
        return divide(rate, add(one, multiply(factor, passed)), name=scope)


def cosine_decay(learning_rate, global_step, decay_steps, alpha=0.0, name=None):
    """From `learning_rate` to alpha * learning_rate along half a cosine (Loshchilov and Hutter, 2016).

    Args:
      learning_rate: the first rate.
      global_step: a scalar, the step.
      decay_steps: steps of the fall.
      alpha: the last rate as a fraction of the first.
      name: of the scope.

    Raises:
      ValueError: without a global step.
    """
    _require_step(global_step, "cosine_decay")
    with name_scope(name, "CosineDecay", [learning_rate, global_step]):
        rate = convert_to_tensor(learning_rate, name="initial_learning_rate")
        steps = cast(decay_steps, rate.dtype)
        passed = minimum(cast(global_step, rate.dtype), steps) / steps
        wave = 0.5 * (1.0 + cos(constant(math.pi, dtype=rate.dtype) * passed))
        return multiply(rate, (1 - alpha) * wave + alpha)


def cosine_decay_restarts(learning_rate, global_step, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name=None):
    """Cosine decay that begins anew, with restarts of growing length (Loshchilov and Hutter, 2016).

    Args:
      learning_rate: the first rate.
      global_step: a scalar, the step.
      first_decay_steps: steps of the first fall.
      t_mul: how much longer each period is than the one before.
      m_mul: how much smaller its first rate is.
      alpha: the last rate as a fraction of the first.
      name: of the scope.

    Raises:
      ValueError: without a global step.
    """
    _require_step(global_step, "cosine decay restarts")
    with name_scope(name, "SGDRDecay", [learning_rate, global_step]) as scope:
        rate = convert_to_tensor(learning_rate, name="initial_learning_rate")
        dtype = rate.dtype
        first, alpha = cast(first_decay_steps, dtype), cast(alpha, dtype)
        t_mul, m_mul = cast(t_mul, dtype), cast(m_mul, dtype)
        passed = cast(global_step, dtype) / first
        restart, within = cond(
            equal(t_mul, 1.0), lambda: _even_restart(passed), lambda: _geometric_restart(passed, t_mul)
        )
        wave = 0.5 * (m_mul**restart) * (1.0 + cos(constant(math.pi) * within))
        return multiply(rate, (1 - alpha) * wave + alpha, name=scope)


def _even_restart(passed):
    """How many restarts of equal length there were, and the part of the present period that has passed."""
    restart = floor(passed)
    return restart, passed - restart


def _geometric_restart(passed, t_mul):
    """The same where each period is t_mul times as long as the one before."""
    restart = floor(log(1.0 - passed * (1.0 - t_mul)) / log(t_mul))
    before = (1.0 - t_mul**restart) / (1.0 - t_mul)
    return restart, (passed - before) / t_mul**restart


def linear_cosine_decay(learning_rate, global_step, decay_steps, num_periods=0.5, alpha=0.0, beta=0.001, name=None):
    """(alpha + linear) * cosine + beta times the rate (Bello et al., 2017).

    Args:
      learning_rate: the first rate.
      global_step: a scalar, the step.
      decay_steps: steps of the fall.
      num_periods: periods of the cosine within them.
      alpha, beta: see above.
      name: of the scope.

    Raises:
      ValueError: without a global step.
    """
    _require_step(global_step, "linear cosine decay")
    with name_scope(name, "LinearCosineDecay", [learning_rate, global_step]) as scope:
        rate = convert_to_tensor(learning_rate, name="initial_learning_rate")
        dtype = rate.dtype
        steps, periods = cast(decay_steps, dtype), cast(num_periods, dtype)
        alpha, beta = cast(alpha, dtype), cast(beta, dtype)
        step = minimum(cast(global_step, dtype), steps)
        linear = (steps - step) / steps
        wave = _wave(step / steps, periods)
        return multiply(rate, (alpha + linear) * wave + beta, name=scope)


def noisy_linear_cosine_decay(learning_rate, global_step, decay_steps, initial_variance=1.0, variance_decay=0.55,
                              num_periods=0.5, alpha=0.0, beta=0.001, name=None):  # fmt: skip
    """`linear_cosine_decay` with normal noise, of variance initial_variance / (1 + step) ^ variance_decay."""
    _require_step(global_step, "noisy linear cosine decay")
    from ..ops.random import random_normal

    with name_scope(name, "NoisyLinearCosineDecay", [learning_rate, global_step]) as scope:
        rate = convert_to_tensor(learning_rate, name="initial_learning_rate")
        dtype = rate.dtype
        steps = cast(decay_steps, dtype)
        first_variance, variance_decay = cast(initial_variance, dtype), cast(variance_decay, dtype)
        periods, alpha, beta = cast(num_periods, dtype), cast(alpha, dtype), cast(beta, dtype)
        step = minimum(cast(global_step, dtype), steps)
        linear = (steps - step) / steps
        deviation = sqrt(first_variance / pow(1.0 + step, variance_decay))
        noisy = linear + random_normal(linear.shape, stddev=deviation)
        wave = _wave(step / steps, periods)
        return multiply(rate, (alpha + noisy) * wave + beta, name=scope)


def _wave(passed, periods):
    """From 1 to 0 and back along a cosine, `periods` times."""
    turns = 2.0 * periods * passed
    return 0.5 * (1.0 + cos(constant(math.pi) * turns))
