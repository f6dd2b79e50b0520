"""Minimizing by algorithms outside of the graph, which ask for a loss and its gradient as functions: SciPy's among them."""

from __future__ import annotations

import itertools
import math

import numpy as np

from ... import logging
from ...gradients import gradients
from ...graph.stack import get_default_session
from ...ops.array import reshape, zeros_like
from ...ops.core import placeholder
from ...ops.slicing import concat
from ...variables import trainable_variables

__all__ = ["ExternalOptimizerInterface", "ScipyOptimizerInterface"]


class ExternalOptimizerInterface:
    """What a subclass needs to minimize a loss by an algorithm of its own: it overrides `_minimize`.

    Args:
      loss: a scalar tensor.
      var_list: the variables that are changed; all trainable ones by default.
      equalities: scalar tensors that are to be zero.
      inequalities: scalar tensors that are not to be negative.
      var_to_bounds: {variable: (lowest, highest)}, each a number or an array that broadcasts to the variable's shape.
      **optimizer_kwargs: for the subclass.
    """

    def __init__(self, loss, var_list=None, equalities=None, inequalities=None, var_to_bounds=None, **optimizer_kwargs):
        self._loss = loss
        self._equalities = equalities or []
        self._inequalities = inequalities or []
        self._vars = trainable_variables() if var_list is None else list(var_list)
        self._packed_bounds = None if var_to_bounds is None else self._bounds(var_to_bounds)
        self._update_placeholders = [placeholder(var.dtype) for var in self._vars]
        self._var_updates = [
            var.assign(reshape(value, _sizes(var))) for var, value in zip(self._vars, self._update_placeholders)
        ]
        slopes = self._slopes(loss)
        of_equalities = [self._slopes(tensor) for tensor in self._equalities]
        of_inequalities = [self._slopes(tensor) for tensor in self._inequalities]
        self.optimizer_kwargs = optimizer_kwargs
        self._packed_var = self._pack(self._vars)
        self._packed_loss_grad = self._pack(slopes)
        self._packed_equality_grads = [self._pack(each) for each in of_equalities]
        self._packed_inequality_grads = [self._pack(each) for each in of_inequalities]
        ends = list(itertools.accumulate((math.prod(_sizes(var)) for var in self._vars), initial=0))
        self._packing_slices = [slice(start, end) for start, end in itertools.pairwise(ends)]

    def _bounds(self, var_to_bounds):
        """The bounds of each number of the packed variables."""
        packed = []
        for var in self._vars:
            low, high = var_to_bounds.get(var, (-np.inf, np.inf))
            sizes = _sizes(var)
            packed.extend(zip(np.broadcast_to(low, sizes).flat, np.broadcast_to(high, sizes).flat))
        return packed

    def _slopes(self, tensor):
        slopes = gradients(tensor, self._vars)
        return [zeros_like(var) if slope is None else slope for var, slope in zip(self._vars, slopes)]

    def minimize(
        self, session=None, feed_dict=None, fetches=None, step_callback=None, loss_callback=None, **run_kwargs
    ):
        """Minimizes the loss now, by runs of a session, and leaves the variables where the algorithm ends.

        Args:
          session: the session; the default one where it is None.
          feed_dict: what is fed in each run.
          fetches: a list of tensors whose values `loss_callback` is given.
          step_callback: is called after each step of the algorithm, with all variables in one vector.
          loss_callback: is called whenever the loss was computed, with the fetched values as its arguments.
          **run_kwargs: for the run that sets the variables in the end.
        """
        session = session or get_default_session()
        feed_dict, fetches = feed_dict or {}, fetches or []

        def functions(tensors):
            return [self._make_eval_func(tensor, session, feed_dict, fetches) for tensor in tensors]

        loss_grad_func = self._make_eval_func(
            [self._loss, self._packed_loss_grad], session, feed_dict, fetches, loss_callback or (lambda *fetches: None)
        )
        found = self._minimize(
            initial_val=session.run(self._packed_var),
            loss_grad_func=loss_grad_func,
            equality_funcs=functions(self._equalities),
            equality_grad_funcs=functions(self._packed_equality_grads),
            inequality_funcs=functions(self._inequalities),
            inequality_grad_funcs=functions(self._packed_inequality_grads),
            packed_bounds=self._packed_bounds,
            step_callback=step_callback or (lambda xk: None),
            optimizer_kwargs=self.optimizer_kwargs,
        )
        values = [found[place] for place in self._packing_slices]
        session.run(self._var_updates, feed_dict=dict(zip(self._update_placeholders, values)), **run_kwargs)

    def _minimize(self, initial_val, loss_grad_func, equality_funcs, equality_grad_funcs, inequality_funcs,
                  inequality_grad_funcs, packed_bounds, step_callback, optimizer_kwargs):  # fmt: skip
        """The algorithm.

        Args:
          initial_val: the variables, in one vector.
          loss_grad_func: a function of such a vector that returns the loss and its gradient.
          equality_funcs, equality_grad_funcs: what is to be zero, and the gradients of that.
          inequality_funcs, inequality_grad_funcs: what is not to be negative, and the gradients of that.
          packed_bounds: pairs of the lowest and the highest value of each number, or None.
          step_callback: is to be called with the vector in each step.
          optimizer_kwargs: what the program has asked for.

        Returns:
          The vector at which the loss is least.
        """
        raise NotImplementedError(
            "To use ExternalOptimizerInterface, subclass from it and implement the _minimize() method."
        )

    @classmethod
    def _pack(cls, tensors):
        """Tensors in one vector."""
        if not tensors:
            return None
        if len(tensors) == 1:
            return reshape(tensors[0], [-1])
        return concat([reshape(tensor, [-1]) for tensor in tensors], 0)

    def _make_eval_func(self, tensors, session, feed_dict, fetches, callback=None):
        """A function of the packed variables that returns values of tensors: the variables are fed."""
        tensors = tensors if isinstance(tensors, list) else [tensors]

        def evaluate(x):
            feeds = {var: x[place].reshape(_sizes(var)) for var, place in zip(self._vars, self._packing_slices)}
            feeds.update(feed_dict)
            values = session.run(tensors + fetches, feed_dict=feeds)
            if callable(callback):
                callback(*values[len(tensors) :])
            return values[: len(tensors)]

        return evaluate


def _sizes(variable):
    return tuple(variable.get_shape().as_list())


def _scipy_optimize():
    """The module that minimizes, imported when it is first needed."""
    try:
        import scipy.optimize
    except ImportError:
        raise ImportError(
            "ScipyOptimizerInterface needs SciPy, which comes with the extra: pip install 'hookloop[scipy]'"
        ) from None
    return scipy.optimize


class ScipyOptimizerInterface(ExternalOptimizerInterface):
    """Minimizes a loss by `scipy.optimize.minimize`, with L-BFGS-B where no `method` is given.

    Args:
      loss, var_list, equalities, inequalities, var_to_bounds: as `ExternalOptimizerInterface` takes them. L-BFGS-B takes bounds;
        equalities and inequalities are for methods such as SLSQP.
      **optimizer_kwargs: further arguments of `scipy.optimize.minimize`, as `method` and `options`.

    Raises:
      ValueError: when it minimizes, where these have one that is given anyway.
      ImportError: when it minimizes, without SciPy (the extra `scipy`).
    """

    _DEFAULT_METHOD = "L-BFGS-B"

    def _minimize(self, initial_val, loss_grad_func, equality_funcs, equality_grad_funcs, inequality_funcs,
                  inequality_grad_funcs, packed_bounds, step_callback, optimizer_kwargs):  # fmt: skip
        def in_double(x):
            loss, gradient = loss_grad_func(x)
            return np.float64(loss), gradient.astype("float64")

        optimizer_kwargs = dict(optimizer_kwargs)
        method = optimizer_kwargs.pop("method", self._DEFAULT_METHOD)
        constraints = [
            {"type": kind, "fun": function, "jac": slope}
            for kind, functions, slopes in (
                ("eq", equality_funcs, equality_grad_funcs),
                ("ineq", inequality_funcs, inequality_grad_funcs),
            )
            for function, slope in zip(functions, slopes)
        ]
        given = {
            "jac": True,
            "callback": step_callback,
            "method": method,
            "constraints": constraints,
            "bounds": packed_bounds,
        }
        for name in given:
            if name in optimizer_kwargs:
                if name == "bounds":
                    raise ValueError("Bounds must be set using the var_to_bounds argument")
                raise ValueError(f"Optimizer keyword arg '{name}' is set automatically and cannot be injected manually")
        start = np.asarray(initial_val, np.float64)  # some algorithms refuse other types
        result = _scipy_optimize().minimize(in_double, start, **given, **optimizer_kwargs)
        lines = ["Optimization terminated with:", "  Message: %s", "  Objective function value: %f"]
        values = [result.message, result.fun]
        for name, text in (("nit", "iterations"), ("nfev", "functions evaluations")):
            if hasattr(result, name):
                lines.append(f"  Number of {text}: %d")
                values.append(result[name])
        logging.info("\n".join(lines), *values)
        return result["x"]
