"""Names and modules of a package that are loaded when they are first asked for.

The interpreter's short way to a module's attribute, 2 ns, is closed to modules that have a `__getattr__`: then it is 20 to 60 ns for each
`tf.` of a callback. So `complete` loads what is left, where that is quick, and gives `__getattr__` up.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

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
        if name == "__all__":
            return self._public_names()
        full = f"{self._package}.{name}"
        if name in self.modules:
            try:
                return import_module(full)
            except ModuleNotFoundError as error:
                if error.name != full:
                    raise
        raise AttributeError(f"module {self._package!r} has no attribute {name!r}")

    def _public_names(self):
        """What `help` shows and `import *` takes.

        Raises:
          AttributeError: for the whole package, of which `import *` would load all.
        """
        if self._package == __package__ or "__dir__" not in self._namespace:
            raise AttributeError(f"module {self._package!r} has no attribute '__all__'")
        return self._namespace["__dir__"]()

    def complete(self):
        """Has every name at hand, modules unread until something of them is asked for; the package needs no `__getattr__` then."""
        if "__getattr__" not in self._namespace:
            return
        for name in self.names:
            if name not in self._namespace:
                self.find(name)
        for name in self.modules:
            if name not in self._namespace:
                # What another thread has imported meanwhile stays.
                self._namespace.setdefault(name, _UnreadModule(f"{self._package}.{name}"))
        if self._package != __package__ and "__dir__" in self._namespace:
            self._namespace.setdefault("__all__", self._public_names())
        self._namespace.pop("__getattr__", None)


def complete():
    """Completes all packages, unless TensorFlow's messages are not loaded yet: those are slow, and many programs need none."""
    if "tensorboard.compat.proto.config_pb2" in sys.modules:
        for package in _packages:
            package.complete()


class _UnreadModule(ModuleType):
    """Stands in a package for a module of it; the module is imported when something of it is asked for, and then stands there itself.

    It is none of `sys.modules`, as those of `importlib.util.LazyLoader` are: so each import is the interpreter's own, which threads may
    make at once, by any path, and again where one was interrupted.
    """

    def __getattribute__(self, name):
        return getattr(_imported(self), name)

    def __setattr__(self, name, value):
        setattr(_imported(self), name, value)

    def __delattr__(self, name):
        delattr(_imported(self), name)


def _imported(unread):
    return import_module(ModuleType.__getattribute__(unread, "__name__"))
