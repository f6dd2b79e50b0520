"""The graph of a traced function: tensors of the graph around it become inputs of its own when they are used."""

from __future__ import annotations

from .graph import Graph


class FunctionGraph(Graph):
    """A graph whose ops may use tensors of the graph around it.

    Args:
      outer: the graph in which the function is made; it may itself be one of these.
      make_placeholder: function(dtype, shape) that adds a placeholder to the default graph.

    Attributes:
      captures: tensor of the outer graph -> the placeholder that stands for it here.
    """

    def __init__(self, outer, make_placeholder):
        super().__init__()
        self._outer = outer
        self._make_placeholder = make_placeholder
        self.captures = {}
        if outer._seed is not None:
            self._seed = outer._seed

    def capture(self, tensor):
        """The tensor itself where it is of this graph, else the placeholder that stands for it.

        Raises:
          ValueError: where the tensor is of a graph that is not around this one.
        """
        if tensor.graph is self:
            return tensor
        placeholder = self.captures.get(tensor)
        if placeholder is None:
            if tensor.graph is not self._outer:
                if self._outer._outer is None:
                    raise ValueError(f"{tensor} must be from the graph of the function or from one around it.")
                tensor = self._outer.capture(tensor)
                return self.capture(tensor)
            with self.as_default():
                placeholder = self._make_placeholder(tensor.dtype.base_dtype, tensor.shape)
            self.captures[tensor] = placeholder
        return placeholder
