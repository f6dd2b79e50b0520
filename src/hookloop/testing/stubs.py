"""`StubOutForTesting`: attributes that are replaced until `CleanUp`."""

from __future__ import annotations

import inspect


class StubOutForTesting:
    """Replaces attributes and puts them back: at `CleanUp`, at the end of a `with` block, or when it is deleted."""

    def __init__(self):
        self.cache = []
        self.stubs = []

    def __del__(self):
        self.CleanUp()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.CleanUp()

    def CleanUp(self):
        """Puts back all that `SmartSet` and `Set` have replaced."""
        self.SmartUnsetAll()
        self.UnsetAll()

    def SmartSet(self, obj, attr_name, new_attr):
        """Replaces an attribute where it is defined: of an instance without one of its own, that of its class.

        Args:
          obj: a module, a class or an instance.
          attr_name: the name.
          new_attr: the value until `SmartUnsetAll`.

        Raises:
          AttributeError: there is no such attribute.
        """
        owner = obj
        if not inspect.ismodule(obj) and (inspect.isclass(obj) or attr_name not in vars(obj)):
            if not hasattr(obj, attr_name):
                raise AttributeError("Attribute not found.")
            owner = obj if inspect.isclass(obj) else type(obj)
        old = _with_its_kind(obj, attr_name)
        self.stubs.append((owner, attr_name, old))
        setattr(owner, attr_name, new_attr)

    def SmartUnsetAll(self):
        """Puts back what `SmartSet` has replaced."""
        for owner, name, old in reversed(self.stubs):
            setattr(owner, name, old)
        self.stubs = []

    def Set(self, parent, child_name, new_child):
        """Replaces an attribute of exactly this object.

        Args:
          parent: a module, a class or an instance.
          child_name: the name.
          new_child: the value until `UnsetAll`.
        """
        self.cache.append((parent, _with_its_kind(parent, child_name), child_name))
        setattr(parent, child_name, new_child)

    def UnsetAll(self):
        """Puts back what `Set` has replaced, the last first."""
        for parent, old, name in reversed(self.cache):
            setattr(parent, name, old)
        self.cache = []


def _with_its_kind(owner, name):
    """The attribute's value; a static or class method as what it stands there as."""
    own = getattr(owner, "__dict__", {}).get(name)
    return own if isinstance(own, (staticmethod, classmethod)) else getattr(owner, name)
