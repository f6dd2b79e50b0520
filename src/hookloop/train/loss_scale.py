"""Loss scales: what a loss is multiplied by, so that gradients of 16-bit numbers do not vanish."""

from __future__ import annotations

import abc

from .. import dtypes
from ..graph.stack import get_default_graph
from ..nest import flatten
from ..ops.build import convert_to_tensor
from ..ops.control_flow import cond
from ..ops.core import group, no_op
from ..ops.math import maximum
from ..ops.math_unary import is_finite
from ..ops.reduce import reduce_all
from ..trackable import Trackable, TrackableReference
from ..variables import Variable

__all__ = ["DynamicLossScale", "FixedLossScale", "LossScale"]


class LossScale(Trackable, abc.ABC):
    """What optimizers multiply a loss by, and divide its gradients by.

    A subclass defines `__call__`, `update` and `get_config`; the variables that it makes by `_add_weight` are in object-based
    checkpoints.
    """

    def __init__(self):
        self._weights = {}  # (name, graph) -> variable

    @abc.abstractmethod
    def __call__(self):
        """The scale, a float32 scalar."""

    @abc.abstractmethod
    def update(self, grads):
        """Changes the scale by what the gradients, which have been divided by it, are like.

        Args:
          grads: a structure of gradients; None is left out.

        Returns:
          (the operation that changes it, whether the gradients should be applied: a bool or a boolean scalar).
        """

    @abc.abstractmethod
    def get_config(self):
        """The arguments of its constructor, a dictionary."""

    @classmethod
    def from_config(cls, config):
        """The loss scale that `get_config` describes."""
        return cls(**config)

    def _add_weight(self, name, initial_value, dtype=None):
        """A variable of this loss scale.

        Raises:
          RuntimeError: where there is one of this name.
        """
        variable = Variable(initial_value, name=name, dtype=dtype, trainable=False, use_resource=True)
        key = (name, get_default_graph())
        if key in self._weights:
            raise RuntimeError(f"Duplicate variables detected. {key}")
        self._weights[key] = variable
        self._handle_deferred_dependencies(name, variable)
        return variable

    @property
    def _checkpoint_dependencies(self):
        graph = get_default_graph()
        names = sorted(name for name, owner in self._weights if owner is graph)
        own = [TrackableReference(name, self._weights[name, graph]) for name in names]
        return super()._checkpoint_dependencies + own

    def _lookup_dependency(self, name):
        found = super()._lookup_dependency(name)
        return self._weights.get((name, get_default_graph())) if found is None else found


class FixedLossScale(LossScale):
    """A loss scale that stays.

    Args:
      loss_scale_value: a number, at least 1.

    Raises:
      ValueError: where it is none.
    """

    def __init__(self, loss_scale_value):
        super().__init__()
        if not isinstance(loss_scale_value, (int, float)):
            raise ValueError("loss_scale_value must be a Python int or float.")
        if loss_scale_value < 1:
            raise ValueError("loss_scale_value must be at least 1.")
        self._loss_scale_value = float(loss_scale_value)

    def __call__(self):
        return convert_to_tensor(self._loss_scale_value)

    def update(self, grads):
        return no_op(), True

    def __repr__(self):
        return f"FixedLossScale({self._loss_scale_value})"

    def get_config(self):
        return {"loss_scale_value": self._loss_scale_value}


def _assign_if_finite(variable, value):
    return cond(is_finite(value), lambda: variable.assign(value).op, no_op)


class DynamicLossScale(LossScale):
    """A loss scale that grows while gradients are finite, and shrinks when one is not: that step should then be left out.

    Args:
      initial_loss_scale: the first.
      increment_period: after how many steps in a row with finite gradients it is multiplied.
      multiplier: by what it is multiplied, and divided where a gradient is not finite; it does not get below 1.
    """

    def __init__(self, initial_loss_scale=2**15, increment_period=2000, multiplier=2.0):
        super().__init__()
        self._initial_loss_scale = float(initial_loss_scale)
        self._increment_period = int(increment_period)
        self._multiplier = float(multiplier)
        self._current_loss_scale = self._add_weight("current_loss_scale", self._initial_loss_scale, dtypes.float32)
        self._num_good_steps = self._add_weight("good_steps", 0, dtypes.int64)

    @property
    def initial_loss_scale(self):
        """The scale at the beginning."""
        return self._initial_loss_scale

    @property
    def increment_period(self):
        """After how many steps without an infinity the scale grows."""
        return self._increment_period

    @property
    def multiplier(self):
        """By what it grows, and shrinks."""
        return self._multiplier

    def __call__(self):
        return convert_to_tensor(self._current_loss_scale)

    def update(self, grads):
        finite = reduce_all([reduce_all(is_finite(grad)) for grad in flatten(grads) if grad is not None])
        scale, steps = self._current_loss_scale, self._num_good_steps

        def grow():
            return group(_assign_if_finite(scale, scale * self._multiplier), steps.assign(0))

        def go_on():
            return cond(steps + 1 >= self._increment_period, grow, lambda: steps.assign_add(1).op)

        def shrink():
            smaller = maximum(scale / self._multiplier, 1)
            return group(steps.assign(0), scale.assign(smaller))

        return cond(finite, go_on, shrink), finite

    def __repr__(self):
        return (
            f"DynamicLossScale(initial_loss_scale={self.initial_loss_scale}, increment_period={self.increment_period}, "
            f"multiplier={self.multiplier})"
        )

    def get_config(self):
        return {
            "initial_loss_scale": self.initial_loss_scale,
            "increment_period": self.increment_period,
            "multiplier": self.multiplier,
        }


def loss_scale_of(identifier):
    """A loss scale from a number, "dynamic", or a loss scale; None of None.

    Raises:
      ValueError: for anything else.
    """
    if isinstance(identifier, (int, float)):
        return FixedLossScale(identifier)
    if isinstance(identifier, LossScale) or identifier is None:
        return identifier
    if identifier == "dynamic":
        return DynamicLossScale()
    raise ValueError(f"Could not interpret loss scale identifier: {identifier}")
