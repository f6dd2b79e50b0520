"""`python.framework.function`: functions of tensors that are called as operations are; what they make stands where they are called."""

from itertools import takewhile
from types import SimpleNamespace

from ...custom_gradient import custom_gradient
from ...graph import get_default_graph
from ...graph.scopes import control_dependencies, name_scope
from ...ops.build import convert_to_tensor
from ...ops.core import group, identity

__all__ = ["Defun"]

# What stands for a variable or a value from outside, and changes nothing.
_STANDS_FOR = frozenset(("Variable", "VariableV2", "VarHandleOp", "Placeholder", "ReadVariableOp"))


class Defun:
    """A decorator of functions of tensors.

    Args:
      input_types: the types of the arguments; those of the values where there are none.
      func_name: the function's name; by default the Python function's.
      grad_func: a function of the arguments and the gradients of the results that gives the arguments' gradients.
      python_grad_func: function(op, *gradients of the results) for the same, where `op` has `inputs`, `outputs`, `name` and `type`.
      kwargs: other options of functions that are nodes, accepted.
    """

    def __init__(self, *input_types, func_name=None, grad_func=None, python_grad_func=None, **kwargs):
        self._input_types = input_types
        self._func_name = func_name
        self._grad_func = grad_func
        self._python_grad_func = python_grad_func

    def __call__(self, func):
        if not callable(func):
            raise ValueError(f"function {func} must be callable")
        name = self._func_name or func.__name__.replace("<lambda>", "lambda")
        return _Function(func, name, self._input_types, self._grad_func, self._python_grad_func)


class _Function:
    def __init__(self, func, name, input_types, grad_func, python_grad_func):
        self._func = func
        self.name = name
        self.declared_input_types = input_types
        self.captured_inputs = []
        self._grad_func = grad_func
        self.python_grad_func = python_grad_func

    def set_grad_func(self, grad_func):
        """Gives the function its gradient, as `grad_func` of `Defun`."""
        self._grad_func = grad_func

    def add_to_graph(self, graph):
        """Nothing: calls are made of the graph's own nodes."""

    def __call__(self, *args, name=None, **kwargs):
        types = self.declared_input_types
        if types and len(args) != len(types):
            raise ValueError(f"Expected number of arguments: {len(types)}, received: {len(args)}")
        with name_scope(name, self.name):
            tensors = [convert_to_tensor(arg, dtype) for arg, dtype in zip(args, types or [None] * len(args))]
            if self._grad_func is None and self.python_grad_func is None:
                return self._made(tensors)
            return custom_gradient(lambda *inputs: self._with_gradient(inputs))(*tensors)

    def _made(self, tensors):
        """What the function gives: a tensor, a tuple of them, or an operation where it gives none."""
        operations = get_default_graph()._operations  # in the order in which they were made
        last = next(reversed(operations.values()), None)
        results = self._func(*tensors)
        new = [*takewhile(lambda op: op is not last, reversed(operations.values()))]
        made = [op for op in reversed(new) if op.type not in _STANDS_FOR]
        if results is None:
            return group(*made)
        several = isinstance(results, (list, tuple))
        results = [convert_to_tensor(result) for result in (results if several else [results])]
        effects = [op for op in made if op.op_def.stateful]
        if effects:
            with control_dependencies(effects):
                results = [identity(result) for result in results]
        return results[0] if len(results) == 1 else tuple(results)

    def _with_gradient(self, inputs):
        made = self._made(inputs)
        outputs = list(made) if isinstance(made, tuple) else [made]

        def gradient(*gradients):
            if self.python_grad_func is not None:
                op = SimpleNamespace(inputs=list(inputs), outputs=outputs, name=outputs[0].op.name, type=self.name)
                return self.python_grad_func(op, *gradients)
            return self._grad_func(*inputs, *gradients)

        return made, gradient
