"""`import hookloop.compat.v1 as tf` is `import hookloop as tf`, and so is each module below it.

This is a module and no package: who walks through the package's files would come back to its beginning here.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys

import hookloop


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `hookloop.compat.v1.nn` in `hookloop.nn`: by its file it would be another module, and all that it imports with it."""

    prefix = __name__ + "."

    def real_name(self, name):
        return "hookloop." + name.removeprefix(self.prefix)

    def find_spec(self, fullname, path=None, target=None):
        if not fullname.startswith(self.prefix):
            return None
        real = importlib.util.find_spec(self.real_name(fullname))
        if real is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=real.submodule_search_locations is not None)

    def exec_module(self, module):
        name = module.__spec__.name
        sys.modules[name] = importlib.import_module(self.real_name(name))


sys.meta_path.insert(0, _Finder())
sys.modules[__name__] = hookloop
