"""Names and modules of a package that are loaded when they are first asked for.

The interpreter's short way to a module's attribute, 2 ns, is closed to modules that have a `__getattr__`: then it is 20 to 60 ns for each
`tf.` of a callback. So `complete` loads what is left, where that is quick, and gives `__getattr__` up.
"""

from __future__ import annotations

import sys
from importlib import import_module, util

_packages: list[Later] = []


class Later:
    """What a package loads later; `find` is its `__getattr__`.

    Args:
      namespace: the package's `globals()`.
      names: dictionary, name -> the module that defines it, seen from hookloop ("ops.parsing").
      modules: the names of the package's own modules.
    """

    def __init__(self, namespace, names, modules):
        self.names = dict(names)
        self.modules = frozenset(modules)
        self._namespace = namespace
        self._package = namespace["__name__"]
        _packages.append(self)

    def find(self, name):
        """Loads a name.

        Raises:
          AttributeError: the package has no such name.
        """
        if name in self.names:
            module = import_module(f"{__package__}.{self.names[name]}")
            value = self._namespace[name] = getattr(module, name)
            return value
        full = f"{self._package}.{name}"
        if name in self.modules:
            try:
                return import_module(full)
            except ModuleNotFoundError as error:
                if error.name != full:
                    raise
        raise AttributeError(f"module {self._package!r} has no attribute {name!r}")

    def complete(self):
        """Has every name at hand, modules unread until something of them is asked for; the package needs no `__getattr__` then."""
        if "__getattr__" not in self._namespace:
            return
        for name in self.names:
            if name not in self._namespace:
                self.find(name)
        for name in self.modules:
            if name not in self._namespace:
                self._namespace[name] = _unread_module(f"{self._package}.{name}")
        del self._namespace["__getattr__"]


def complete():
    """Completes all packages, unless TensorFlow's messages are not loaded yet: those are slow, and many programs need none."""
    if "tensorboard.compat.proto.config_pb2" in sys.modules:
        for package in _packages:
            package.complete()


def _unread_module(name):
    """A module that is read when its first attribute is asked for, and is like any other from then on."""
    if name in sys.modules:
        return sys.modules[name]
    spec = util.find_spec(name)
    spec.loader = util.LazyLoader(spec.loader)
    module = sys.modules[name] = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
