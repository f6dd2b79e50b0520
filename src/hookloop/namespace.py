"""Namespaces such as `tf.math`: the same functions as at the top level, under TensorFlow's other names."""

from __future__ import annotations

import sys


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
        if name not in table:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = sys.modules[__package__]
        for part in table[name].split("."):
            value = getattr(value, part)
        setattr(sys.modules[module], name, value)
        return value

    return get_attribute, lambda: sorted(table)
