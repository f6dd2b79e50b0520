"""`ExponentialMovingAverage`: shadow variables that follow variables or tensors."""

from __future__ import annotations

import itertools

from .. import dtypes
from ..graph.collections import GraphKeys
from ..graph.scopes import colocate_with, control_dependencies, name_scope
from ..graph.stack import get_default_graph
from ..ops import state
from ..ops.build import convert_to_tensor
from ..ops.cast import cast
from ..ops.core import group
from ..ops.math import minimum
from ..ops.variable_key import VARIABLES
from ..variables import Variable, moving_average_variables, trainable_variables
from . import slot_creator

__all__ = ["ExponentialMovingAverage", "assign_moving_average", "weighted_moving_average"]


def assign_moving_average(variable, value, decay, zero_debias=True, name=None):
    """variable = variable * decay + value * (1 - decay), as an op on the variable.

    Args:
      variable: a float variable.
      value: a tensor of its shape.
      decay: a float or scalar tensor.
      zero_debias: whether to correct for a start at zero, as Kingma and Ba (2015) do for Adam's moments.
      name: of the scope.

    Returns:
      The variable after the update.
    """
    with name_scope(name, "AssignMovingAvg", [variable, value, decay]) as scope:
        rest = convert_to_tensor(1.0 - decay, name="decay")
        if rest.dtype != variable.dtype.base_dtype:
            rest = cast(rest, variable.dtype.base_dtype)
        if zero_debias:
            return state.assign(variable, _debiased(variable, value, rest), name=scope)
        return state.assign_sub(variable, (variable - value) * rest, name=scope)


def _debiased(variable, value, rest):
    """The corrected average of a shadow that began at zero."""
    from ..initializers import zeros_initializer
    from ..ops.math import pow
    from ..variable_scope import get_variable, variable_scope

    dtype = variable.dtype.base_dtype
    with variable_scope(variable.op.name, values=[variable, value, rest]) as scope, colocate_with(variable):
        biased = get_variable(
            _unused("biased", scope), initializer=zeros_initializer(), shape=variable.get_shape(), trainable=False,
            dtype=dtype,
        )  # fmt: skip
        local_step = get_variable(
            _unused("local_step", scope), shape=[], dtype=dtype, initializer=zeros_initializer(), trainable=False
        )
    biased_after = state.assign_sub(biased, (biased - value) * rest)
    step_after = local_step.assign_add(1)
    factor = 1 - pow(1.0 - rest, step_after)
    return biased_after / factor


def _unused(name, scope):
    """A name that no variable of a scope has, but where the scope uses its variables again."""
    taken = {v.op.name for v in scope.global_variables()}
    if scope.reuse or f"{scope.name}/{name}" not in taken:
        return name
    return next(f"{name}_{i}" for i in itertools.count(1) if f"{scope.name}/{name}_{i}" not in taken)


def weighted_moving_average(value, decay, weight, truediv=True, collections=None, name=None):
    """A moving average in which values have weights: that of value * weight by that of weight.

    Args:
      value: a tensor of a float type.
      decay: a float or scalar tensor.
      weight: a scalar tensor, or one that broadcasts to the value.
      truediv: whether integers are divided as floats.
      collections: of the two variables, GLOBAL_VARIABLES by default.
      name: of the scope.
    """
    from ..initializers import zeros_initializer
    from ..ops.math import divide
    from ..ops.math import truediv as true_quotient
    from ..variable_scope import get_variable, variable_scope

    collections = [GraphKeys.GLOBAL_VARIABLES] if collections is None else collections
    with variable_scope(name, "WeightedMovingAvg", [value, weight, decay]) as scope:
        products, weights = (
            get_variable(
                part, shape=tensor.get_shape(), dtype=tensor.dtype, initializer=zeros_initializer(), trainable=False,
                collections=collections,
            )
            for part, tensor in (("value_x_weight", value), ("weight", weight))
        )  # fmt: skip
        numerator = assign_moving_average(products, value * weight, decay, zero_debias=False)
        denominator = assign_moving_average(weights, weight, decay, zero_debias=False)
        quotient = true_quotient if truediv else divide
        return quotient(numerator, denominator, name=scope.name)


class ExponentialMovingAverage:
    """Keeps averages: shadow = decay * shadow + (1 - decay) * value.

    Args:
      decay: a float or scalar tensor.
      num_updates: a count of updates; the decay is then min(decay, (1 + num_updates) / (10 + num_updates)).
      zero_debias: whether averages of tensors are corrected for their start at zero.
      name: of the scope and of the shadow variables.
    """

    def __init__(self, decay, num_updates=None, zero_debias=False, name="ExponentialMovingAverage"):
        self._decay = decay
        self._num_updates = num_updates
        self._zero_debias = zero_debias
        self._name = name
        self._averages = {}

    @property
    def name(self):
        """What the names of the averages end with."""
        return self._name

    @staticmethod
    def _key(variable):
        return variable.op.graph, variable.op.name

    def apply(self, var_list=None):
        """The op that updates the shadows; makes them where there are none.

        Args:
          var_list: variables or tensors of a float dtype, by default the trainable variables.

        Raises:
          TypeError: for another dtype.
          ValueError: for a variable whose average is made already by this object.
        """
        var_list = trainable_variables() if var_list is None else var_list
        zero_debias_true = set()
        for variable in var_list:
            if variable.dtype.base_dtype not in (dtypes.bfloat16, dtypes.float16, dtypes.float32, dtypes.float64):
                raise TypeError(f"The variables must be half, float, or double: {variable.name}")
            key = self._key(variable)
            if key not in self._averages:
                self._averages[key] = self._make(variable, zero_debias_true)
        with name_scope(self._name) as scope:
            decay = convert_to_tensor(self._decay, name="decay")
            if self._num_updates is not None:
                count = cast(self._num_updates, dtypes.float32, name="num_updates")
                decay = minimum(decay, (1.0 + count) / (10.0 + count))
            updates = []
            for variable in var_list:
                average = self._averages[self._key(variable)]
                debias = average.name in zero_debias_true
                updates.append(assign_moving_average(average, variable, decay, zero_debias=debias))
            return group(*updates, name=scope)

    def _make(self, variable, zero_debias_true):
        """The shadow of a variable (it begins as its initial value) or of a tensor (it begins as zeros)."""
        with control_dependencies(None):
            if isinstance(variable, Variable):
                shadow = slot_creator.create_slot(
                    variable, variable.initialized_value(), self._name, colocate_with_primary=True
                )
                get_default_graph().add_to_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, variable)
                return shadow
            is_variable = variable.op.type in VARIABLES
            shadow = slot_creator.create_zeros_slot(variable, self._name, colocate_with_primary=is_variable)
            if self._zero_debias:
                zero_debias_true.add(shadow.name)
            return shadow

    def average(self, var):
        """The shadow of a variable or tensor, or None."""
        return self._averages.get(self._key(var))

    def average_name(self, var):
        """The name that the shadow of a variable has in a checkpoint."""
        if self._key(var) in self._averages:
            return self._averages[self._key(var)].op.name
        return get_default_graph().unique_name(var.op.name + "/" + self._name, mark_as_used=False)

    def variables_to_restore(self, moving_avg_variables=None):
        """Name in a checkpoint -> variable, so that restoring gives variables their averages.

        Args:
          moving_avg_variables: the variables that take their averages, by default those that have them and the trainable.
        """
        if moving_avg_variables is None:
            moving_avg_variables = trainable_variables() + moving_average_variables()
        averaged = {v.op.name: v for v in moving_avg_variables}
        names = {self.average_name(v): v for v in averaged.values()}
        from ..variables import global_variables

        for variable in global_variables():
            if variable.op.name not in averaged and variable.op.name not in names:
                names[variable.op.name] = variable
        return names
