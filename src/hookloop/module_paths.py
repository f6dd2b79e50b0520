"""Modules at TensorFlow's own paths (`python.ops.array_ops`, `core.protobuf.config_pb2`), made when they are imported.

Programs reach public functions by the paths of TensorFlow's files too. A module that is only such a path has no file here: a
table says in which namespaces its names are looked for.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType

_ROOT = __name__.rpartition(".")[0]


def install(package, table, renamed=None, same=None, bare=()):
    """Lets the modules of a table be imported below a package.

    Args:
      package: the package's name.
      table: module below the package -> where a name is looked for, in order: dotted names of modules below `hookloop` ("" is
        itself), or of other packages behind a colon. What is in a place behind "?" is found there, but not listed.
      renamed: module -> {name: its dotted name below `hookloop`, with a dot behind it where it is a module}.
      same: module -> the module below `hookloop` that it is.
      bare: modules that can be imported and have no names, so that a file which needs one in a few of its functions is loaded.
    """
    table = {**table, **dict.fromkeys(bare, ())}
    sys.meta_path.append(_Finder(package + ".", table, renamed or {}, same or {}, frozenset(bare)))


def answer_for(name, package):
    """Lets the modules of a package be imported below another name too, wherever `sys.modules` has the package itself under that name."""
    sys.meta_path.insert(0, _OtherName(name, package))


class _OtherName(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds each module below a package's other name in the package itself: by its file it would be another module, and all that
    it imports with it."""

    def __init__(self, name, package):
        self._name = name
        self._prefix = name + "."
        self._package = package

    def _real_name(self, name):
        return f"{self._package}.{name.removeprefix(self._prefix)}"

    def find_spec(self, fullname, path=None, target=None):
        # The name is the package's only where a program has said so: whoever has TensorFlow beside it imports TensorFlow.
        if not fullname.startswith(self._prefix) or sys.modules.get(self._name) is not sys.modules.get(self._package):
            return None
        real = importlib.util.find_spec(self._real_name(fullname))
        if real is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=real.submodule_search_locations is not None)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        name = module.__spec__.name
        sys.modules[name] = importlib.import_module(self._real_name(name))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Asked after the files: what is a file of the package stays one."""

    def __init__(self, prefix, table, renamed, same, bare):
        self._prefix = prefix
        self._bare = bare
        self._table = table
        self._renamed = renamed
        self._same = same
        self._packages = {name[:i] for name in (*table, *same) for i, letter in enumerate(name) if letter == "."}

    def find_spec(self, fullname, path=None, target=None):
        below = fullname.removeprefix(self._prefix)
        if below == fullname or not (below in self._table or below in self._packages or below in self._same):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=below in self._packages)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        below = module.__name__.removeprefix(self._prefix)
        if below in self._same:
            sys.modules[module.__name__] = _module(self._same[below])
            return
        if below not in self._table:
            module.__doc__ = f"Modules at the paths of TensorFlow's `{below}`."
            return
        places, renamed = self._table[below], self._renamed.get(below, {})

        def get_attribute(name):
            if name == "__all__":
                return list_names()
            if name.startswith("__"):
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            value = _look_up(name, places, renamed)
            if value is _ABSENT and name.endswith("_v2") and below.startswith("ops."):
                value = _of_second_version(name.removesuffix("_v2"))
            if value is _ABSENT:
                reason = ": hookloop has nothing of this module yet" if below in self._bare else ""
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}{reason}")
            setattr(module, name, value)
            return value

        def list_names():
            listed = [place for place in places if not place.startswith("?")]
            names = {name for place in listed for name in dir(_module(place)) if not name.startswith("_")}
            return sorted(name for name in names | set(renamed) if _look_up(name, places, renamed) is not _ABSENT)

        module.__doc__ = "Public names, by another path."
        module.__getattr__, module.__dir__ = get_attribute, list_names


_ABSENT = object()


def _module(place):
    own, _, other = place.removeprefix("?").partition(":")
    return importlib.import_module(other or (f"{_ROOT}.{own}" if own else _ROOT))


def _look_up(name, places, renamed):
    if name in renamed:
        place, _, name = renamed[name].rpartition(".")
        if not name:
            return _module(place)
        places = (place,)
    # TensorFlow's files call functions and classes so of which the API's second version has others.
    public = name.removesuffix("_v1").removesuffix("V1")
    for asked in dict.fromkeys((name, public)):
        for place in places:
            value = getattr(_module(place), asked, _ABSENT)
            own_module = isinstance(value, ModuleType) and value.__name__.startswith(_ROOT)
            if value is not _ABSENT and not own_module:
                return value
    return _ABSENT


def _of_second_version(name):
    """A function of the API's second version: files of ops have it under a name with "_v2" where the first version has another."""
    for place in ("", ".nn", ".math", ".strings", ".debugging", ".linalg"):
        value = getattr(_module(f"compat.v2{place}"), name, _ABSENT)
        if value is not _ABSENT and callable(value):
            return value
    return _ABSENT
