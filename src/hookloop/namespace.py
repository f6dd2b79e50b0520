"""Namespaces such as `tf.math`: the same functions as at the top level, under TensorFlow's other names."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType


def attributes(module, same, renamed=None):
    """The `__getattr__` and `__dir__` of a namespace's module.

    Args:
      module: the module's name.
      same: names, separated by blanks, that are the package's own.
      renamed: name -> the dotted name in the package.
    """
    table = {name: name for name in same.split()}
    table.update(renamed or {})

    def get_attribute(name):
        if name == "__all__":  # for `help` and `import *`
            return sorted(table)
        if name not in table:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = sys.modules[__package__]
        for part in table[name].split("."):
            if isinstance(value, ModuleType) and not hasattr(value, part):
                import_module("." + part, value.__name__)
            value = getattr(value, part)
        setattr(sys.modules[module], name, value)
        return value

    return get_attribute, lambda: sorted(table)
