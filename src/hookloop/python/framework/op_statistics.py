"""What `python.framework.ops` knows of the costs of nodes: functions that programs register for op types."""

__all__ = ["OpStats", "RegisterStatistics", "get_stats_for_node_def"]

_functions: dict = {}


class OpStats:
    """A number that tells a cost of a node.

    Args:
      statistic_type: which cost, e.g. "flops".
      value: the number, or None where it is not known.
    """

    def __init__(self, statistic_type, value=None):
        self.statistic_type = statistic_type
        self.value = value

    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, value):
        self._value = value

    @property
    def statistic_type(self):
        return self._statistic_type

    @statistic_type.setter
    def statistic_type(self, statistic_type):
        self._statistic_type = statistic_type

    def __iadd__(self, other):
        if other.statistic_type != self._statistic_type:
            raise ValueError(f"Can't add an OpStat of type {self._statistic_type} to one of {other.statistic_type}.")
        if self._value is None:
            self._value = other.value
        elif other._value is not None:
            self._value += other.value
        return self


class RegisterStatistics:
    """A decorator for the function(graph, node) that tells a cost of the nodes of a type, an `OpStats`.

    Args:
      op_type: the nodes' type.
      statistic_type: which cost.

    Raises:
      TypeError: where one of them is no text, or has a ",".
      KeyError: when decorating, where there is such a function.
    """

    def __init__(self, op_type, statistic_type):
        if not isinstance(op_type, str):
            raise TypeError("op_type must be a string.")
        if "," in op_type:
            raise TypeError("op_type must not contain a comma.")
        if not isinstance(statistic_type, str):
            raise TypeError("statistic_type must be a string.")
        if "," in statistic_type:
            raise TypeError("statistic_type must not contain a comma.")
        self._key = op_type, statistic_type

    def __call__(self, f):
        if self._key in _functions:
            raise KeyError(f"Registering two statistical functions with name '{','.join(self._key)}'!")
        _functions[self._key] = f
        return f


def get_stats_for_node_def(graph, node, statistic_type):
    """What the function of a node's type tells; without a value where there is none.

    Args:
      graph: given to the function.
      node: a `NodeDef`.
      statistic_type: which cost.
    """
    function = _functions.get((node.op, statistic_type))
    return OpStats(statistic_type) if function is None else function(graph, node)
