"""`HParams`: the settings of a training by name, each with its type, read from text or JSON."""

from __future__ import annotations

import json
import numbers
import re

__all__ = ["HParams", "parse_values"]

# name=value, name[index]=value or name=[values], and the comma before the next
_ASSIGNMENT = re.compile(
    r"(?P<name>[a-zA-Z][\w.]*)(\[\s*(?P<index>\d+)\s*\])?\s*=\s*((?P<value>[^,\[]*)|\[(?P<values>[^\]]*)\])($|,\s*)"
)
_TRUTHS = {"true": True, "True": True, "false": False, "False": False}


def parse_values(values, type_map, ignore_unknown=False):
    """Settings from text such as "rate=0.1,units=[8,16],units[1]=4".

    Args:
      values: the text.
      type_map: name -> type.
      ignore_unknown: whether names without a type are passed over.

    Returns:
      name -> a value, a list of values, or a dictionary index -> value.

    Raises:
      ValueError: where the text makes no sense, or gives a value twice.
    """
    found = {}
    at = 0
    while at < len(values):
        match = _ASSIGNMENT.match(values, at)
        if match is None:
            raise ValueError(f"Malformed hyperparameter value: {values[at:]}")
        at = match.end()
        name = match["name"]
        if name in type_map:
            _assign(found, match, type_map[name], values)
        elif not ignore_unknown:
            raise ValueError(f"Unknown hyperparameter type for {name}")
    return found


def _assign(found, match, kind, text):
    name, index = match["name"], match["index"]
    if match["values"] is not None:
        if index is not None:
            raise ValueError("Assignment of a list to a list index.")
        _once(name not in found, name, text)
        parts = [part for part in re.split("[ ,]", match["values"]) if part]
        found[name] = [_parsed(name, kind, part, match["values"], text) for part in parts]
        return
    value = _parsed(name, kind, match["value"], match["value"], text)
    if index is None:
        _once(name not in found, name, text)
        found[name] = value
        return
    elements = found.setdefault(name, {})
    _once(isinstance(elements, dict), name, text)
    _once(int(index) not in elements, f"{name}[{int(index)}]", text)
    elements[int(index)] = value


def _once(holds, name, text):
    if not holds:
        raise ValueError(f"Multiple assignments to variable '{name}' in {text}")


def _parsed(name, kind, part, shown, text):
    try:
        if kind is bool:
            return _TRUTHS[part] if part in _TRUTHS else bool(int(part))
        return kind(part)
    except ValueError:
        raise ValueError(
            f"Could not parse hparam '{name}' of type '{kind.__name__}' with value '{shown}' in {text}"
        ) from None


class HParams:
    """Settings, which are attributes too.

    Args:
      hparam_def: absent: there is no such message here.
      model_structure: any value, kept for the program.
      **kwargs: name -> a number, a bool, text, or a list of them.

    Raises:
      ValueError: for a name that is taken, or an empty list.
    """

    def __init__(self, hparam_def=None, model_structure=None, **kwargs):
        if hparam_def is not None:
            raise ValueError("expected settings by name, got hparam_def: HParamDef messages are not read")
        self._hparam_types = {}  # name -> (type, whether it is a list)
        self._model_structure = model_structure
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    def add_hparam(self, name, value):
        """Adds a setting.

        Raises:
          ValueError: for a name that is taken, or an empty list.
        """
        if getattr(self, name, None) is not None:
            raise ValueError(f"Hyperparameter name is reserved: {name}")
        is_list = isinstance(value, (list, tuple))
        if is_list and not value:
            raise ValueError(f"Multi-valued hyperparameters cannot be empty: {name}")
        self._hparam_types[name] = (type(value[0] if is_list else value), is_list)
        setattr(self, name, value)

    def set_hparam(self, name, value):
        """Changes a setting.

        Raises:
          KeyError: where there is none of this name.
          ValueError: where the value is of another type.
        """
        kind, is_list = self._hparam_types[name]
        if isinstance(value, list) and not is_list:
            raise ValueError(f"Must not pass a list for single-valued parameter: {name}")
        if is_list and not isinstance(value, list):
            raise ValueError(f"Must pass a list for multi-valued parameter: {name}.")
        setattr(self, name, [_cast(name, kind, v) for v in value] if is_list else _cast(name, kind, value))

    def del_hparam(self, name):
        """Removes a setting, where it is there."""
        if hasattr(self, name):
            delattr(self, name)
            del self._hparam_types[name]

    def parse(self, values):
        """Changes settings by text as for `parse_values`; gives the settings.

        Raises:
          ValueError: where the text makes no sense, or a value is of another type.
        """
        return self.override_from_dict(
            parse_values(values, {name: kind for name, (kind, _) in self._hparam_types.items()})
        )

    def override_from_dict(self, values_dict):
        """Changes settings by a dictionary; gives the settings."""
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    def set_from_map(self, values_map):
        """The old name of `override_from_dict`."""
        return self.override_from_dict(values_map)

    def set_model_structure(self, model_structure):
        """Keeps an object that describes the model beside the values."""
        self._model_structure = model_structure

    def get_model_structure(self):
        """What `set_model_structure` was given, or None."""
        return self._model_structure

    def to_json(self, indent=None, separators=None, sort_keys=False):
        """The settings as JSON; arguments as for `json.dumps`."""
        return json.dumps(self.values(), indent=indent, separators=separators, sort_keys=sort_keys)

    def parse_json(self, values_json):
        """Changes settings by an object in JSON; gives the settings."""
        return self.override_from_dict(json.loads(values_json))

    def values(self):
        """Name -> value."""
        return {name: getattr(self, name) for name in self._hparam_types}

    def get(self, key, default=None):
        """A setting, or `default` where there is none of this name.

        Raises:
          ValueError: where the default is of another type than the setting.
        """
        if key not in self._hparam_types:
            return default
        kind, is_list = self._hparam_types[key]
        if default is not None:
            described = f"list<{kind}>" if is_list else str(kind)
            text = f"Hparam '{key}' of type '{described}' is incompatible with default={default}"
            if is_list != isinstance(default, list):
                raise ValueError(text)
            try:
                for value in default if is_list else [default]:
                    _cast(key, kind, value)
            except ValueError as error:
                raise ValueError(f"{text}. {error}") from None
        return getattr(self, key)

    def __contains__(self, key):
        return key in self._hparam_types

    def __str__(self):
        return ",".join(f"{name}={value}" for name, value in self.values().items())

    def __repr__(self):
        return f"{type(self).__name__}({sorted(self.values().items())})"


def _cast(name, kind, value):
    """A value as a setting's type, where nothing is lost by it."""
    if type(value) is kind or kind is type(None):
        return value
    fits = issubclass(kind, bool) == isinstance(value, bool)
    for family in ((str, bytes), numbers.Integral, numbers.Number):
        fits = fits and (not issubclass(kind, family) or isinstance(value, family))
    if not fits:
        raise ValueError(f"Could not cast hparam '{name}' of type '{kind}' from value {value!r}")
    return kind(value)
