"""`AddSignOptimizer` and `PowerSignOptimizer`: steps that are larger where a gradient's sign is that of its running mean, and how
this fades."""

from __future__ import annotations

import math

from ... import dtypes
from ...ops import state
from ...ops.build import apply_op, constant, convert_to_tensor
from ...ops.cast import cast
from ...ops.core import group
from ...ops.gather import gather
from ...ops.math import greater_equal, maximum, minimum, mod, pow
from ...ops.math_unary import cos, sign
from ...ops.select import where
from ...train.optimizer import Optimizer

__all__ = [
    "AddSignOptimizer", "PowerSignOptimizer", "get_cosine_decay_fn", "get_linear_decay_fn", "get_restart_decay_fn",
]  # fmt: skip


class _SignOptimizer(Optimizer):
    """What both have: a running mean of gradients, a rate, and a decay of what the signs say."""

    _op = None  # its name, without the words before it

    def __init__(self, learning_rate, beta, sign_decay_fn, use_locking, name):
        super().__init__(use_locking, name)
        self._lr = learning_rate
        self._beta = beta
        self._sign_decay_fn = sign_decay_fn
        self._lr_t = self._beta_t = self._own_t = self._sign_decay_t = None

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        if self._sign_decay_fn is not None:
            self._sign_decay_t = convert_to_tensor(self._sign_decay_fn(global_step), name="sign_decay")
        return super().apply_gradients(grads_and_vars, global_step=global_step, name=name)

    def _create_slots(self, var_list):
        for variable in var_list:
            self._zeros_slot(variable, "m", self._name)

    def _prepare(self):
        self._lr_t = convert_to_tensor(self._lr, name="learning_rate")
        self._beta_t = convert_to_tensor(self._beta, name="beta")
        self._own_t = self._own()
        if self._sign_decay_fn is None:
            self._sign_decay_t = convert_to_tensor(1.0, name="sign_decay")

    def _update(self, type, handle_of, var, grad):
        dtype = var.dtype.base_dtype
        scalars = [cast(t, dtype) for t in (self._lr_t, self._own_t, self._sign_decay_t, self._beta_t)]
        states = [handle_of(var), handle_of(self.get_slot(var, "m"))]
        return apply_op(type + self._op, [*states, *scalars, grad], {"use_locking": self._use_locking})

    def _apply_dense(self, grad, var):
        return self._update("Apply", lambda v: v._ref(), var, grad).op

    def _resource_apply_dense(self, grad, var):
        return self._update("ResourceApply", lambda v: v.handle, var, grad)

    def _apply_sparse(self, grad, var):
        dtype, locking = var.dtype.base_dtype, self._use_locking
        rate, own, beta = (cast(t, dtype) for t in (self._lr_t, self._own_t, self._beta_t))
        multiplier = self._multiplier(dtype)
        m = self.get_slot(var, "m")
        m_t = state.assign(m, m * beta + grad * (1 - beta), use_locking=locking)
        of_grad = sign(grad.values)
        alike = gather(sign(m_t), grad.indices) * of_grad
        change = rate * multiplier(own, cast(self._sign_decay_t, dtype), alike) * grad.values
        return group(state.scatter_sub(var, grad.indices, change, use_locking=locking), m_t)


class AddSignOptimizer(_SignOptimizer):
    """AddSign, of Bello, Zoph, Vasudevan and Le (2017), with s the sign of the gradient times that of its running mean m:

        m = beta * m + (1 - beta) * gradient
        var -= learning_rate * (alpha + sign_decay * s) * gradient

    Args:
      learning_rate: the rate.
      alpha: the part of a gradient that is taken whatever the signs are.
      beta: how slowly the running mean follows.
      sign_decay_fn: function(global_step) -> how much the signs count; 1 without one.
      use_locking: whether two threads' updates exclude each other.
      name: prefix of the ops; the slot "m" is named after it.
    """

    _op = "AddSign"

    def __init__(self, learning_rate=0.1, alpha=1.0, beta=0.9, sign_decay_fn=None, use_locking=False,
                 name="AddSignOptimizer"):  # fmt: skip
        super().__init__(learning_rate, beta, sign_decay_fn, use_locking, name)
        self._alpha = alpha

    def _own(self):
        return convert_to_tensor(self._alpha, name="alpha")

    def _multiplier(self, dtype):
        return lambda alpha, decay, alike: alpha + decay * alike


class PowerSignOptimizer(_SignOptimizer):
    """PowerSign, of Bello, Zoph, Vasudevan and Le (2017), with s the sign of the gradient times that of its running mean m:

        m = beta * m + (1 - beta) * gradient
        var -= learning_rate * base^(sign_decay * s) * gradient

    Args:
      learning_rate: the rate.
      base: what a gradient is multiplied or divided by.
      beta: how slowly the running mean follows.
      sign_decay_fn: function(global_step) -> how much the signs count; 1 without one.
      use_locking: whether two threads' updates exclude each other.
      name: prefix of the ops; the slot "m" is named after it.
    """

    _op = "PowerSign"

    def __init__(self, learning_rate=0.1, base=math.e, beta=0.9, sign_decay_fn=None, use_locking=False,
                 name="PowerSignOptimizer"):  # fmt: skip
        super().__init__(learning_rate, beta, sign_decay_fn, use_locking, name)
        self._logbase = math.log(base)

    def _own(self):
        return convert_to_tensor(self._logbase, name="logbase")

    def _multiplier(self, dtype):
        e = cast(math.e, dtype)
        return lambda logbase, decay, alike: pow(e, logbase * decay * alike)


def _step(global_step, decay_steps, name):
    if global_step is None:
        raise ValueError(f"global_step is required for {name}.")
    return minimum(global_step, decay_steps)


def _half_wave(fraction):
    return 0.5 * (1.0 + cos(constant(math.pi) * fraction))


def get_linear_decay_fn(decay_steps):
    """A function of the global step that falls from 1 to 0 along a line, in so many steps.

    Args:
      decay_steps: how many.
    """

    def linear_decay_fn(global_step):
        step = _step(global_step, decay_steps, "linear_decay")
        remaining = cast(decay_steps, dtypes.int32) - cast(step, dtypes.int32)
        decayed = cast(remaining, dtypes.float32) / cast(decay_steps, dtypes.float32)
        return maximum(0.0, decayed)

    return linear_decay_fn


def get_cosine_decay_fn(decay_steps, num_periods=0.5, zero_after=None):
    """A function of the global step that falls along a cosine: (1 + cos(2 pi num_periods global_step / decay_steps)) / 2.

    Args:
      decay_steps: after how many steps it stays.
      num_periods: how often it comes back to 1.
      zero_after: after how many periods it is 0; never without it.
    """

    def cosine_decay_fn(global_step):
        step = _step(global_step, decay_steps, "cosine_decay")
        completed = cast(step, dtypes.float32) / cast(decay_steps, dtypes.float32)
        fraction = 2.0 * num_periods * completed
        decayed = _half_wave(fraction)
        if zero_after is not None:
            decayed = where(greater_equal(fraction, 2 * zero_after), 0.0, decayed)
        return decayed

    return cosine_decay_fn


def get_restart_decay_fn(decay_steps, num_periods=1, zero_after=None):
    """A function of the global step that falls along half a cosine, and begins anew.

    Args:
      decay_steps: after how many steps it stays.
      num_periods: how often it falls.
      zero_after: after how many periods it is 0; never without it.
    """

    def restart_decay_fn(global_step):
        step = _step(global_step, decay_steps, "cosine_decay")
        place = mod(num_periods * cast(step, dtypes.float32), decay_steps)
        decayed = _half_wave(place / cast(decay_steps, dtypes.float32))
        if zero_after is not None:
            passed = cast(num_periods * step, dtypes.float32) / cast(decay_steps, dtypes.float32)
            decayed = where(greater_equal(passed, zero_after), 0.0, decayed)
        return decayed

    return restart_decay_fn
