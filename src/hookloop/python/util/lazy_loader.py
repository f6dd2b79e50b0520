"""`python.util.lazy_loader`: modules that are imported when something of them is asked for."""

import importlib as _importlib
import types as _types

from ... import logging as _logging

__all__ = ["LazyLoader"]


class LazyLoader(_types.ModuleType):
    """Stands for a module, which is imported at the first look and then stands there itself.

    Args:
      local_name: its name in the module that uses it.
      parent_module_globals: that module's `globals()`.
      name: its whole name.
      warning: logged when it is imported.
    """

    def __init__(self, local_name, parent_module_globals, name, warning=None):
        super().__init__(name)
        self._place = local_name, parent_module_globals
        self._warning = warning

    def _load(self):
        module = _importlib.import_module(self.__name__)
        name, namespace = self._place
        namespace[name] = module
        if self._warning:
            _logging.warning(self._warning)
            self._warning = None
        return module

    def __getattr__(self, item):
        return getattr(self._load(), item)

    def __dir__(self):
        return dir(self._load())
