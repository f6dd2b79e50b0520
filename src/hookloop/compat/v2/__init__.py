"""`tf.compat.v2` as TensorFlow 1.15 has it for programs of the first API: the functions of the second one, which add nodes to graphs.

Most names are those of this package (`shared_names.py`); some functions have their arguments in another order
(`changed_signatures.py`); variables, scopes and initializers are others (`classes.py`, `initializers.py`). What runs at once, without a
graph, is not here.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from inspect import signature
from types import ModuleType

import hookloop

from ...ops.fractional_pools import fractional_avg_pool_v2, fractional_max_pool_v2
from .changed_signatures import CHANGED
from .classes import Variable, name_scope
from .functions import dilation2d, erosion2d, max_pool_with_argmax, scalar_mul
from .initializers import (
    constant_initializer,
    ones_initializer,
    random_normal_initializer,
    random_uniform_initializer,
    zeros_initializer,
)
from .shared_names import SAME

# The same module for both.
_MODULES = frozenset(
    "bitwise compat config data dtypes errors graph_util initializers nest quantization queue raw_ops sysconfig test version".split()
)
# What the first API calls by another name.
_OTHER_NAMES = {
    "batch_to_space": "batch_to_space_nd",
    "space_to_batch": "space_to_batch_nd",
    "nn.space_to_batch": "space_to_batch_nd",
    "where": "where_v2",
    "nn.softmax_cross_entropy_with_logits": "nn.softmax_cross_entropy_with_logits_v2",
}
_RENAMED_ARGUMENTS = {
    "nn.avg_pool": {"input": "value"},
    "nn.avg_pool2d": {"input": "value"},
    "nn.max_pool": {"input": "value"},
    "nn.convolution": {"filters": "filter", "dilations": "dilation_rate"},
    "nn.pool": {"dilations": "dilation_rate"},
    "nn.conv3d_transpose": {"input": "value", "filters": "filter"},
    "nn.depthwise_conv2d": {"dilations": "rate"},
    "nn.separable_conv2d": {"dilations": "rate"},
    "ones_like": {"input": "tensor"},
    "zeros_like": {"input": "tensor"},
}
# What may be left out here, but not there.
_DEFAULTS = {
    "nn.convolution": {"padding": "VALID"},
    "nn.pool": {"padding": "VALID"},
}
# What the second API always asks for.
_FIXED_ARGUMENTS = {
    "cond": {"strict": True},
    "while_loop": {"return_same_structure": True},
    "nn.embedding_lookup": {"partition_strategy": "div"},
    "nn.nce_loss": {"partition_strategy": "div"},
    "nn.sampled_softmax_loss": {"partition_strategy": "div"},
}


def _signatures(place):
    lines = (line.strip().split(": ", 1) for line in CHANGED.get(place, "").strip().split("\n") if line)
    return dict(lines)


def _of_first(path):
    """What stands in the first API at a dotted path."""
    value = hookloop
    for part in _OTHER_NAMES.get(path, path).split("."):
        value = getattr(value, part)
    return value


def _changed(path, name, arguments):
    """A function with the second API's arguments around that of the first."""
    function = _of_first(path)
    renamed, fixed = _RENAMED_ARGUMENTS.get(path, {}), _FIXED_ARGUMENTS.get(path, {})
    defaults = _DEFAULTS.get(path, {})
    accepted = signature(eval(f"lambda {arguments}: None", vars(hookloop)))

    def call(*args, **kwargs):
        try:
            given = accepted.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{name}(): {error}") from None
        given = {renamed.get(key, key): value for key, value in (defaults | given).items()}
        return function(**given, **fixed)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = function.__doc__
    call.__signature__ = accepted
    return call


class _Namespace:
    """What a namespace of the second API has."""

    def __init__(self, place, own=()):
        self.place = place
        self.own = dict(own)
        self.shared = frozenset(SAME[place].split())
        self.changed = _signatures(place)

    def names(self):
        return sorted({*self.own, *self.shared, *self.changed})

    def find(self, name):
        if name in self.own:
            return self.own[name]
        path = f"{self.place}.{name}".lstrip(".")
        if name in self.changed:
            return _changed(path, name, self.changed[name])
        if name in self.shared:
            return _of_first(path)
        raise AttributeError(
            f"module 'hookloop.compat.v2{'.' if self.place else ''}{self.place}' has no attribute {name!r}"
        )


class _Module(ModuleType):
    """A namespace below this one, whose names are found when they are first asked for."""

    def __init__(self, place, own=()):
        super().__init__(f"{__name__}.{place}", f"`tf.compat.v2.{place}`.")
        self.__spec__ = ModuleSpec(self.__name__, None)
        self._names = _Namespace(place, own)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = self._names.find(name)
        setattr(self, name, value)
        return value

    def __dir__(self):
        return self._names.names()


_own = {
    "newaxis": None,
    "Variable": Variable,
    "scalar_mul": scalar_mul,
    "name_scope": name_scope,
    "DeviceSpec": hookloop.DeviceSpec,
    "VariableAggregation": hookloop.VariableAggregation,
    "constant_initializer": constant_initializer,
    "ones_initializer": ones_initializer,
    "random_normal_initializer": random_normal_initializer,
    "random_uniform_initializer": random_uniform_initializer,
    "zeros_initializer": zeros_initializer,
}
for _place, _names in (
    ("debugging", {}),
    ("io", {"gfile": hookloop.io.gfile}),
    ("linalg", {}),
    ("math", {"scalar_mul": scalar_mul}),
    (
        "nn",
        {
            "fractional_avg_pool": fractional_avg_pool_v2,
            "fractional_max_pool": fractional_max_pool_v2,
            **{f.__name__: f for f in (dilation2d, erosion2d, max_pool_with_argmax)},
        },
    ),
    ("random", {"set_seed": hookloop.set_random_seed}),
    ("strings", {}),
    ("train", {"Checkpoint": hookloop.train.Checkpoint, "experimental": hookloop.train.experimental}),
):
    _own[_place] = sys.modules[f"{__name__}.{_place}"] = _Module(_place, _names)
_top = _Namespace("", _own)


def __getattr__(name):
    if name in _MODULES:
        from importlib import import_module

        value = import_module(f".{name}", __name__ if name == "initializers" else "hookloop")
    else:
        value = _top.find(name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*_top.names(), *_MODULES})
