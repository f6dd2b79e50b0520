"""`python.framework.registry`: what is known under a name."""

import traceback

__all__ = ["Registry"]


class Registry:
    """A table of named objects, each of which is registered once.

    Args:
      name: what the errors call the table.
    """

    def __init__(self, name):
        self._name = name
        self._registry = {}

    def register(self, candidate, name=None):
        """Adds an object.

        Args:
          candidate: the object.
          name: its name, by default its `__name__`.

        Raises:
          KeyError: where the name is taken.
        """
        if not name:
            name = candidate.__name__
        if name in self._registry:
            file, line, function, _ = self._registry[name]["location"]
            raise KeyError(
                f"Registering two {self._name} with name '{name}'! (Previous registration was in {function} {file}:{line})"
            )
        self._registry[name] = {"type": candidate, "location": tuple(traceback.extract_stack(limit=2)[0])}

    def list(self):
        return self._registry.keys()

    def lookup(self, name):
        """The object of a name.

        Raises:
          LookupError: where there is none.
        """
        name = name.decode() if isinstance(name, bytes) else name
        if name not in self._registry:
            raise LookupError(f"{self._name} registry has no entry for: {name}")
        return self._registry[name]["type"]
