"""The graph of a traced function: tensors of the graph around it become inputs of its own when they are used."""

from __future__ import annotations

from .collections import FunctionCollections
from .graph import Graph


class FunctionGraph(Graph):
    """A graph whose ops may use tensors of the graph around it.

    Args:
      outer: the graph in which the function is made; it may itself be one of these.
      stand_in: function(tensor) that adds to the default graph what stands there for a tensor of the outer one.

    Attributes:
      captures: tensor of the outer graph -> what stands for it here.
      effects: the operations that change something where the function is called, whether somebody uses their values or not; they
        and what reads variables happen in the order in which they were made.
    """

    building_function = True

    def __init__(self, outer, stand_in):
        super().__init__()
        self._outer = outer
        self._stand_in = stand_in
        self.captures = {}
        self.effects = []
        self._collections = FunctionCollections(outer._collections)
        self._function_library = outer._function_library
        if outer._seed is not None:
            self._seed = outer._seed

    def capture(self, tensor):
        """The tensor itself where it is of this graph, else what stands for it.

        Raises:
          ValueError: where the tensor is of a graph that is not around this one.
        """
        if tensor.graph is self:
            return tensor
        inner = self.captures.get(tensor)
        if inner is None:
            if tensor.graph is not self._outer:
                if self._outer._outer is None:
                    raise ValueError(f"{tensor} must be from the graph of the function or from one around it.")
                tensor = self._outer.capture(tensor)
                return self.capture(tensor)
            # of no branch or loop in which it may be used first: others use it, too
            with self.as_default(), self.control_dependencies(None), self.name_scope(None):
                inner = self._stand_in(tensor)
            self.captures[tensor] = inner
        return inner
