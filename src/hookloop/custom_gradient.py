"""Functions that bring their own gradient: `tf.custom_gradient`."""

from __future__ import annotations

import functools
import itertools
import weakref

from . import nest
from .gradients import _registered
from .gradients import gradients as gradients_of
from .graph.scopes import control_dependencies
from .graph.stack import get_default_graph
from .ops.build import convert_to_tensor
from .ops.core import identity, identity_n
from .ops.variable_key import VARIABLES
from .variable_scope import AUTO_REUSE, get_variable_scope, variable_scope
from .variables import global_variables, local_variables

__all__ = ["custom_gradient", "grad_pass_through", "recompute_grad"]

_numbers = itertools.count()


def custom_gradient(f):
    """Gives a function its own gradient.

    Args:
      f: function(*tensors) -> (result, gradient), where the result is a tensor or a structure of them, and
        gradient(*gradients of the results) gives the gradient for each argument. Where `f` uses variables, gradient
        takes them as `variables` and gives a second list, with their gradients.

    Returns:
      The function of the same arguments that returns the result.

    Raises:
      ValueError: (when called) for keyword arguments.
      TypeError: (when called) where variables are used that the gradient does not take, or the other way round.
    """

    @functools.wraps(f)
    def decorated(*args, **kwargs):
        if kwargs:
            raise ValueError(
                "The custom_gradient decorator currently supports keywords arguments only when eager execution is enabled."
            )
        return _call(f, [convert_to_tensor(x) for x in args])

    return decorated


def _call(f, args):
    known = _all_variables()
    result, gradient = f(*args)
    for variable in _all_variables() - known:
        if not _is_resource(variable):
            raise TypeError(
                "All variables used by a function wrapped with @custom_gradient must be `ResourceVariable`s. Ensure that "
                "no `variable_scope` is created with `use_resource=False`."
            )
    results = nest.flatten(result)
    variables = _used_variables(args, results)
    _check_signature(gradient, variables)
    name = f"CustomGradient-{next(_numbers)}"
    graph = get_default_graph()
    _register(graph, name, _wrapped(gradient, variables, len(results)))
    with graph.gradient_override_map({"IdentityN": name}):
        outputs = identity_n([*results, *args, *variables])
    for variable in variables:
        convert_to_tensor(variable)  # TensorFlow's graphs have this second read
    return nest.pack_sequence_as(result, outputs[: len(results)])


def _all_variables():
    return set(global_variables()) | set(local_variables())


def _is_resource(variable):
    return variable.op.type == "VarHandleOp"


def _used_variables(args, results):
    """The variables that the results depend on, not counting what the arguments depend on."""
    by_op = {variable.op: variable for variable in global_variables()}
    stop, seen, found = set(args), set(), []
    # TensorFlow walks from copies of the results, which its graphs show.
    pending = [identity(x).op for x in results]
    while pending:
        op = pending.pop()
        if op in seen:
            continue
        seen.add(op)
        if op.type in VARIABLES:
            if op in by_op:
                found.append(op)
            continue
        pending += [tensor.op for tensor in op.inputs if tensor not in stop]
    return [by_op[op] for op in sorted(found, key=lambda op: op._id)]


def _check_signature(gradient, variables):
    import inspect

    signature = inspect.getfullargspec(gradient)
    takes_variables = "variables" in signature.args or "variables" in signature.kwonlyargs or signature.varkw
    if variables and not takes_variables:
        raise TypeError(
            "If using @custom_gradient with a function that uses variables, then grad_fn must accept a keyword argument "
            "'variables'."
        )
    if takes_variables and not variables:
        if not get_variable_scope().use_resource:
            raise TypeError(
                "If using @custom_gradient with a function that uses variables, the enclosing variable scope must have "
                "use_resource=True."
            )
        from . import logging

        logging.warning(
            "@custom_gradient grad_fn has 'variables' in signature, but no ResourceVariables were used on the forward pass."
        )


def _wrapped(gradient, variables, n_results):
    """The gradient of the IdentityN node: its inputs are results, arguments and variables."""

    def compute(op, *result_gradients):
        result_gradients = result_gradients[:n_results]
        variable_gradients = []
        if variables:
            argument_gradients, variable_gradients = gradient(*result_gradients, variables=variables)
            if len(variable_gradients) != len(variables):
                raise ValueError("Must return gradient for each variable from @custom_gradient grad_fn.")
        else:
            argument_gradients = gradient(*result_gradients)
        return [None] * n_results + nest.flatten(argument_gradients) + list(variable_gradients)

    return compute


def _register(graph, name, function):
    """Registers a gradient for as long as its graph lives."""
    graph.__dict__.setdefault("_custom_gradients", {})[name] = function
    _registered[name] = lambda op, *gradients: op.graph._custom_gradients[name](op, *gradients)
    weakref.finalize(graph, _registered.pop, name, None)


def recompute_grad(f):
    """Gives a function the gradient that computes it once more, instead of keeping its intermediate values.

    Args:
      f: function(*tensors) -> tensor.
    """

    @custom_gradient
    def inner(*args):
        result = f(*args)

        def gradient(result_gradient, variables=None):
            variables = list(variables or ())
            # The second computation waits for the gradient to arrive: until then nothing of it takes memory.
            with control_dependencies([result_gradient]):
                inputs = [identity(x) for x in args]
                with variable_scope(get_variable_scope(), reuse=AUTO_REUSE):
                    again = f(*inputs)
            found = gradients_of(again, inputs + variables, grad_ys=[result_gradient])
            return (found[: len(args)], found[len(args) :]) if variables else found

        return result, gradient

    return functools.wraps(f)(inner)


def grad_pass_through(f):
    """Gives a function the gradient of the identity: for instance to round without stopping the gradient.

    Args:
      f: function(*tensors) -> as many tensors of the same shapes.
    """

    @custom_gradient
    def inner(*args):
        def gradient(*gradients, **kwargs):
            variables = kwargs.get("variables")
            return gradients if variables is None else (gradients, [None] * len(variables))

        return f(*args), gradient

    return functools.wraps(f)(inner)
