"""`tf.Module`: objects that own variables and other modules, and name what they make after themselves."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from . import nest
from .graph.scopes import name_scope
from .trackable import AutoTrackable
from .variables import Variable

__all__ = ["Module"]

_NEW_WORD = re.compile(r"(?<=[a-z0-9])[A-Z]|(?!^)[A-Z](?=[a-z])")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z")


class Module(AutoTrackable):
    """An object whose attributes are variables, other modules, and structures of both.

    Args:
      name: the module's name, a Python identifier; by default that of its class, in lower case with underscores.

    Raises:
      ValueError: for a name that is no identifier.
    """

    _TF_MODULE_IGNORED_PROPERTIES = frozenset(["_tracking"])

    def __init__(self, name=None):
        if name is None:
            name = _NEW_WORD.sub(lambda found: "_" + found[0], type(self).__name__).lower()
        if not _IDENTIFIER.match(name):
            raise ValueError(
                f"{name!r} is not a valid module name. Module names must be valid Python identifiers (e.g. a valid class name)."
            )
        self._name = name
        with name_scope(name) as scope:
            self._scope_name = scope

    @property
    def name(self):
        """The name that was given, or that of the class."""
        return self._name

    @property
    def name_scope(self):
        """A scope to be entered by `with`, the same each time, in which the module makes its nodes."""
        return name_scope(self._scope_name)

    @property
    def variables(self):
        """The variables of the module, those of its attributes in the order of their names first, and of the modules in it."""
        return tuple(self._flatten(predicate=_is_variable))

    @property
    def trainable_variables(self):
        """Those of `variables` that are trained."""
        return tuple(self._flatten(predicate=lambda value: _is_variable(value) and value.trainable))

    @property
    def submodules(self):
        """The modules in this one, and those in them."""
        return tuple(self._flatten(predicate=lambda value: isinstance(value, Module)))

    @classmethod
    def with_name_scope(cls, method):
        """A decorator of methods: what they make stands in the module's `name_scope`."""

        @functools.wraps(method)
        def in_scope(self, *args, **kwargs):
            with self.name_scope:
                return method(self, *args, **kwargs)

        return in_scope

    def _flatten(self, recursive=True, predicate=None, attribute_traversal_key=None, with_path=False):
        """The leaves of the module's attributes, each once; then those of the modules among them.

        Args:
          recursive: whether to go into modules.
          predicate: which leaves are wanted.
          attribute_traversal_key: the key by which attributes are sorted; their names by default.
          with_path: whether to give (path, leaf), for each path to a leaf.
        """
        wanted = predicate or (lambda value: True)
        walk = _Walk(recursive, wanted, attribute_traversal_key, None if with_path else {id(self)})
        return ((path, leaf) if with_path else leaf for path, leaf in walk.leaves_of(self, ()))


class _Walk:
    """One way through modules."""

    def __init__(self, recursive, wanted, key, seen):
        self._recursive, self._wanted, self._key = recursive, wanted, key
        self._seen = seen  # the leaves that were given, where each is given once

    def _is_new(self, leaf):
        if self._seen is None:
            return True
        known = id(leaf) in self._seen
        self._seen.add(id(leaf))
        return not known

    def leaves_of(self, module, above):
        ignored, inside = module._TF_MODULE_IGNORED_PROPERTIES, []
        attributes = {name: value for name, value in vars(module).items() if name not in ignored}
        for name in sorted(attributes, key=self._key):
            for path, leaf in _leaves((*above, name), attributes[name]):
                if not self._is_new(leaf):
                    continue
                if self._wanted(leaf):
                    yield path, leaf
                if self._recursive and isinstance(leaf, Module):
                    inside.append((path, leaf))
        for path, leaf in inside:
            yield from self.leaves_of(leaf, path)


def _leaves(path, value):
    """The leaves of a structure, each with the way to it."""
    if not nest.is_nested(value):
        yield path, value
        return
    keys = sorted(value) if isinstance(value, Mapping) else getattr(value, "_fields", range(len(value)))
    for key, part in zip(keys, nest._children(value)):
        yield from _leaves((*path, key), part)


def _is_variable(value):
    return isinstance(value, Variable)
