"""`tf.make_template`: a function whose variables are made at its first call and used again at every later one."""

from __future__ import annotations

import functools

from .graph.collections import GraphKeys
from .graph.stack import get_default_graph
from .trackable import Trackable
from .variable_scope import variable_scope
from .variables import variable_creator_scope

__all__ = ["make_template"]


def make_template(name_, func_, create_scope_now_=False, unique_name_=None, custom_getter_=None, **kwargs):
    """A function that shares its variables among its calls.

    Args:
      name_: the scope of the variables, made unique when it is entered first.
      func_: a function that makes its variables by `get_variable`.
      create_scope_now_: whether the scope is entered now, not at the first call.
      unique_name_: a scope that is used as it is, in place of `name_`.
      custom_getter_: as in `variable_scope`.
      **kwargs: arguments that `func_` always gets.

    Returns:
      A `Template`, to be called as `func_` is.

    Raises:
      ValueError: where `name_` is None.
    """
    if kwargs:
        func_ = functools.partial(func_, **kwargs)
    return Template(name_, func_, create_scope_now_, unique_name_, custom_getter_)


class Template(Trackable):
    """What `make_template` gives. In object-based checkpoints it has its variables under their names within its scope."""

    def __init__(self, name, func, create_scope_now=False, unique_name=None, custom_getter=None):
        if name is None:
            raise ValueError("name cannot be None.")
        self._name = name
        self._func = func
        self._unique_name = unique_name
        self._custom_getter = custom_getter
        self._called = False
        self._scope = None
        if create_scope_now:
            with self._new_scope(auxiliary_name_scope=False) as self._scope:
                pass

    def _new_scope(self, **options):
        return variable_scope(self._unique_name, self._name, custom_getter=self._custom_getter, **options)

    def __call__(self, *args, **kwargs):
        """What the function returns.

        Raises:
          ValueError: where a later call makes a trainable variable.
        """
        if self._scope is not None:
            with variable_scope(self._scope, reuse=self._called):
                return self._result(args, kwargs)
        with self._new_scope() as self._scope:
            return self._result(args, kwargs)

    def _result(self, args, kwargs):
        graph = get_default_graph()
        before = {key: len(graph.get_collection_ref(key)) for key in _WATCHED}
        with variable_creator_scope(self._track):
            result = self._func(*args, **kwargs)
        if not self._called:
            self._called = True
            return result
        made = {key: graph.get_collection_ref(key)[before[key] :] for key in _WATCHED}
        text = (
            "variable created when calling a template after the first time, perhaps you used tf.Variable when you meant "
            "tf.get_variable:"
        )
        if made[GraphKeys.TRAINABLE_VARIABLES]:
            raise ValueError(f"Trainable {text} {made[GraphKeys.TRAINABLE_VARIABLES]} in template '{self._name}'")
        if made[GraphKeys.GLOBAL_VARIABLES]:
            from . import logging

            logging.info("New %s %s", text, made[GraphKeys.GLOBAL_VARIABLES])
        return result

    def _track(self, next_creator, trackable_parent=None, **kwargs):
        """A creator of variables that makes them dependencies; those of a template within this one belong to that one.

        Args:
          trackable_parent: the template within, and its scope, where it has made the variable.
        """
        name, inside = kwargs.get("name"), f"{self._scope.name}/"
        belongs = name is not None and name.startswith(inside)
        variable = next_creator(trackable_parent=(self, inside), **kwargs)
        if belongs and trackable_parent is None:
            self._track_trackable(variable, name[len(inside) :], overwrite=True)
        elif belongs:
            template, scope = trackable_parent
            self._track_trackable(template, scope[len(inside) : -1], overwrite=True)
        return variable

    @property
    def name(self):
        return self._name

    @property
    def func(self):
        return self._func

    @property
    def variable_scope(self):
        """The scope of its variables; None before the first call."""
        return self._scope

    var_scope = variable_scope

    @property
    def variable_scope_name(self):
        """The name of its variables' scope with the "/" behind it; None before the scope is made."""
        if self._scope is None:
            return None
        name = self._scope.name
        return name + "/" if name and not name.endswith("/") else name

    def _variables(self, key):
        if not self._called:
            return []
        return get_default_graph().get_collection(key, self.variable_scope_name)

    @property
    def variables(self):
        return self.global_variables + self.local_variables

    @property
    def global_variables(self):
        return self._variables(GraphKeys.GLOBAL_VARIABLES)

    @property
    def local_variables(self):
        return self._variables(GraphKeys.LOCAL_VARIABLES)

    @property
    def trainable_variables(self):
        return self._variables(GraphKeys.TRAINABLE_VARIABLES)

    @property
    def non_trainable_variables(self):
        trainable = self.trainable_variables
        return [v for v in self.variables if not any(v is t for t in trainable)]

    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables
    weights = variables


_WATCHED = (GraphKeys.TRAINABLE_VARIABLES, GraphKeys.GLOBAL_VARIABLES)
