"""`python.framework.combinations`: a test for each combination of values that its parameters have."""

import itertools
import re
import unittest
from collections import OrderedDict
from inspect import signature

from ...graph.graph import Graph

__all__ = ["NamedObject", "combine", "generate", "times"]


class NamedObject:
    """A value that tests' names call by a name.

    Args:
      name: the name.
      obj: the value, whose attributes it has and whose calls it takes.
    """

    def __init__(self, name, obj):
        self._name = name
        self._obj = obj

    def __getattr__(self, name):
        return getattr(self._obj, name)

    def __call__(self, *args, **kwargs):
        return self._obj(*args, **kwargs)

    def __iter__(self):
        return iter(self._obj)

    def __repr__(self):
        return self._name


def combine(**kwargs):
    """All combinations of values: a list of dicts.

    Args:
      **kwargs: a list of values for each name, or one value.
    """
    names = sorted(kwargs)
    values = [kwargs[name] if isinstance(kwargs[name], list) else [kwargs[name]] for name in names]
    return [OrderedDict(zip(names, chosen)) for chosen in itertools.product(*values)]


def times(*combined):
    """Each of a list of combinations with each of the others.

    Raises:
      ValueError: where two lists give a value to one name.
    """
    found = []
    for chosen in itertools.product(*combined):
        names = [name for part in chosen for name in part]
        if len(set(names)) != len(names):
            raise ValueError(f"Keys need to not overlap: {names}")
        found.append(OrderedDict(item for part in chosen for item in part.items()))
    return found


def generate(combinations, test_combinations=()):
    """A decorator of a test: there is one for each combination, whose name ends with the values.

    `mode` and `tf_api_version` say how a test is run: what is not in the mode of graphs and the first API is skipped.

    Args:
      combinations: what `combine` and `times` give.
      test_combinations: accepted.
    """

    def decorate(test):
        from absl.testing import parameterized

        taken = signature(test).parameters

        def run(self, **chosen):
            if chosen.get("mode", "graph") != "graph":
                raise unittest.SkipTest("Eager execution is not there yet.")
            if chosen.get("tf_api_version", 1) != 1:
                raise unittest.SkipTest("Skipping a TF2.x combination since TF2 isn't enabled.")
            for name in ("mode", "tf_api_version"):
                if name not in taken:
                    chosen.pop(name, None)
            with Graph().as_default():
                return test(self, **chosen)

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        named = [OrderedDict(testcase_name=_suffix(chosen), **chosen) for chosen in combinations]
        return parameterized.named_parameters(*named)(run)

    return decorate


def _suffix(chosen):
    words = [re.sub("[^0-9A-Za-z]+", "", str(word)) for item in chosen.items() for word in item]
    return "_test_" + "_".join(words)
