"""`python.util.all_util`: what a module shows, by the names behind "@@" in texts."""

import re as _re
import sys as _sys

__all__ = ["make_all", "remove_undocumented", "reveal_undocumented"]

_NAMED = _re.compile(r"^@@(\w+)$", _re.MULTILINE)
_hidden: dict = {}


def make_all(module_name, doc_string_modules=None):
    """The names of a module that texts mention.

    Args:
      module_name: the module, which is imported.
      doc_string_modules: modules whose texts are read; by default the module's own.
    """
    module = _sys.modules[module_name]
    texts = [other.__doc__ or "" for other in doc_string_modules or [module]]
    return sorted({name for text in texts for name in _NAMED.findall(text) if hasattr(module, name)})


def remove_undocumented(module_name, allowed_exception_list=None, doc_string_modules=None):
    """Takes the names from a module that no text mentions.

    Args:
      module_name: the module, which is imported.
      allowed_exception_list: names that stay.
      doc_string_modules: modules whose texts are read; by default the module's own.
    """
    module = _sys.modules[module_name]
    stay = {*make_all(module_name, doc_string_modules), *(allowed_exception_list or ())}
    for name in set(dir(module)) - stay:
        if not name.startswith("_"):
            _hidden[f"{module_name}.{name}"] = module, getattr(module, name)
            delattr(module, name)


def reveal_undocumented(symbol_name, target_module=None):
    """Gives a module a name back that was taken from it.

    Args:
      symbol_name: the whole dotted name.
      target_module: a module that gets it in place of its own.

    Raises:
      LookupError: where it was not taken.
    """
    if symbol_name not in _hidden:
        raise LookupError(f"Symbol {symbol_name} is not a hidden symbol")
    module, value = _hidden[symbol_name]
    setattr(target_module or module, symbol_name.rpartition(".")[2], value)
